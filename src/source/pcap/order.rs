//! The byte order a capture was written in: that of the machine which wrote it.

/// Reads integers in one of the two byte orders. A place outside the bytes reads as 0; callers have checked the lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let field = chunk(bytes, at);
        if self == Self::Little { u16::from_le_bytes(field) } else { u16::from_be_bytes(field) }
    }

    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let field = chunk(bytes, at);
        if self == Self::Little { u32::from_le_bytes(field) } else { u32::from_be_bytes(field) }
    }

    pub(super) fn i64(self, bytes: &[u8], at: usize) -> i64 {
        let field = chunk(bytes, at);
        if self == Self::Little { i64::from_le_bytes(field) } else { i64::from_be_bytes(field) }
    }
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(<[u8]>::first_chunk::<N>).copied().unwrap_or([0; N])
}

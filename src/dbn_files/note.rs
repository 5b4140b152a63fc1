//! What is noted in a file beside its records: in skippable zstd frames, which readers of zstd pass over.
//!
//! A file's first note ([`Head`]) says what it is; before the zstd frame of each block stands a [`Note`] with the block's length, the ring
//! positions of its records, how many were lost before them, and the symbols of ids not seen before in the file. Numbers are little-endian.
//!
//! Each ends with a check sum: a length or position that is wrong by a bit must not be believed.
//!
//! Positions are runs: pass over so many, take so many, and so on. What is passed over are control records and other publishers' records.

/// The magic number of our skippable frames (0x184D2A50 to 0x184D2A5F are skippable).
const MAGIC: u32 = 0x184D_2A57;
const HEAD: &[u8; 4] = b"TWH1";
const BLOCK: &[u8; 4] = b"TWB1";
/// Bytes before a note's contents: magic number and length.
pub(super) const PRELUDE: usize = 8;
/// More than any note of ours has.
pub(super) const MOST_BYTES: usize = 64 << 20;
/// More bytes of records than any block of ours has.
pub(super) const MOST_BLOCK_BYTES: usize = 256 << 20;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// DBN publisher id.
    pub publisher_id: u16,
    /// Record type of the schema.
    pub rtype: u8,
    /// The publication's epoch.
    pub epoch: u64,
    /// DBN's name of the dataset.
    pub dataset: String,
}

/// What a block is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// First ring position that it covers.
    pub first: u64,
    /// First that it no longer covers.
    pub next: u64,
    /// Records lost before the first record.
    pub lost: u64,
    /// The positions among which those are: from the first on, up to before the second; (0, 0) if none is lost.
    pub lost_among: (u64, u64),
    /// How many records.
    pub records: u32,
    /// Bytes of the zstd frame behind the note; 0: there is none.
    pub frame_bytes: u32,
    /// Earliest and latest time of its records, ns since 1970 UTC; `u64::MAX` and 0 if there is none.
    pub span_ns: (u64, u64),
    /// Which positions its records have.
    pub runs: Vec<Run>,
    /// Ids that are new in this file, and their symbols.
    pub symbols: Vec<(u32, String)>,
}

/// Some positions passed over, and then some taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Positions passed over since the last record, or since `first` and what was lost.
    pub pass: u64,
    /// Records one behind the other.
    pub take: u32,
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = begin(HEAD);
        out.extend(self.publisher_id.to_le_bytes());
        out.push(self.rtype);
        out.extend(self.epoch.to_le_bytes());
        text(&mut out, &self.dataset);
        end(out)
    }

    pub(super) fn decode(contents: &[u8]) -> Option<Self> {
        let mut rest = summed(contents)?.strip_prefix(HEAD)?;
        let rest = &mut rest;
        Some(Self {
            publisher_id: u16::from_le_bytes(take(rest)?),
            rtype: u8::from_le_bytes(take(rest)?),
            epoch: u64::from_le_bytes(take(rest)?),
            dataset: take_text(rest)?,
        })
    }
}

impl Note {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = begin(BLOCK);
        for value in [self.first, self.next, self.lost, self.lost_among.0, self.lost_among.1, self.span_ns.0, self.span_ns.1] {
            out.extend(value.to_le_bytes());
        }
        for value in [self.records, self.frame_bytes, self.runs.len() as u32, self.symbols.len() as u32] {
            out.extend(value.to_le_bytes());
        }
        for run in &self.runs {
            varint(&mut out, run.pass);
            varint(&mut out, u64::from(run.take));
        }
        for (id, symbol) in &self.symbols {
            out.extend(id.to_le_bytes());
            text(&mut out, symbol);
        }
        end(out)
    }

    /// `None` unless it is a note that [`encode`](Self::encode) may have written.
    pub(super) fn decode(contents: &[u8]) -> Option<Self> {
        let mut rest = summed(contents)?.strip_prefix(BLOCK)?;
        let rest = &mut rest;
        let [first, next, lost, lost_from, lost_to, earliest, latest] = [(); 7].map(|()| take(rest).map(u64::from_le_bytes));
        let [records, frame_bytes, runs, symbols] = [(); 4].map(|()| take(rest).map(u32::from_le_bytes));
        let (first, next, lost, records, frame_bytes) = (first?, next?, lost?, records?, frame_bytes?);
        let (lost_among, span_ns) = ((lost_from?, lost_to?), (earliest?, latest?));
        let mut note = Self { first, next, lost, lost_among, records, frame_bytes, span_ns, ..Self::default() };
        // Each has two bytes or more: what a number claims is never allocated before it is there.
        for _ in 0..runs? {
            note.runs.push(Run { pass: take_varint(rest)?, take: u32::try_from(take_varint(rest)?).ok()? });
        }
        for _ in 0..symbols? {
            note.symbols.push((u32::from_le_bytes(take(rest)?), take_text(rest)?));
        }
        let taken: u64 = note.runs.iter().map(|run| u64::from(run.take)).sum();
        let mut last = first;
        for run in &note.runs {
            last = last.checked_add(run.pass)?.checked_add(u64::from(run.take))?;
        }
        let sound = rest.is_empty() && taken == u64::from(records) && last <= next && (records == 0) == (frame_bytes == 0);
        sound.then_some(note)
    }

    /// The ring positions of its records, in order.
    pub(super) fn positions(&self) -> impl Iterator<Item = u64> + '_ {
        let mut next = self.first;
        self.runs.iter().flat_map(move |run| {
            let start = next.saturating_add(run.pass);
            next = start.saturating_add(u64::from(run.take));
            start..next
        })
    }
}

/// How many bytes of contents follow this prelude; `None` if it is not of a note.
pub(super) fn contents_of(prelude: [u8; PRELUDE]) -> Option<usize> {
    let [a, b, c, d, rest @ ..] = prelude;
    let length = u32::from_le_bytes(rest) as usize;
    (u32::from_le_bytes([a, b, c, d]) == MAGIC && length <= MOST_BYTES).then_some(length)
}

fn begin(kind: &[u8; 4]) -> Vec<u8> {
    let mut out = MAGIC.to_le_bytes().to_vec();
    out.extend([0; 4]);
    out.extend(kind);
    out
}

fn end(mut out: Vec<u8>) -> Vec<u8> {
    let sum = fnv(out.get(PRELUDE..).unwrap_or_default());
    out.extend(sum.to_le_bytes());
    let length = (out.len() - PRELUDE) as u32;
    if let Some(place) = out.get_mut(4..PRELUDE) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    out
}

/// The contents without their check sum, if that is right.
fn summed(contents: &[u8]) -> Option<&[u8]> {
    let (contents, sum) = contents.split_last_chunk()?;
    (fnv(contents) == u64::from_le_bytes(*sum)).then_some(contents)
}

/// FNV-1a: against accidents, and notes are short.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

fn text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes().get(..text.len().min(255)).unwrap_or_default();
    out.push(bytes.len() as u8);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let [length] = take(rest)?;
    let (text, others) = rest.split_at_checked(usize::from(length))?;
    *rest = others;
    String::from_utf8(text.to_vec()).ok().filter(|text| text.is_ascii())
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(rest)?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

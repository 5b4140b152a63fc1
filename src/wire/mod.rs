//! Bytes as the exchanges lay them out.
//!
//! Structs that lie over received bytes in place, which type byte means which of them, and nothing else: every field is a byte, an array of bytes or an
//! integer in the wire's byte order with alignment 1, so a reference to one may point anywhere into a frame. The size
//! of each is asserted where it is defined. What the values mean, and which are allowed, is [`crate::feed`]'s business.
//!
//! A message is told by its first byte. A longer message of a known type is a newer version that appended fields:
//! its prefix is read (venues promise this). A shorter one is refused.
#![forbid(unsafe_code)]

/// Why bytes are not a message of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The protocol has no such type; the session layer's length says how to skip it.
    UnknownType(u8),
    /// A known type with fewer bytes than its layout has, or no byte at all.
    TooShort,
}

/// Defines `Message`, the sum of a protocol's messages: type byte, variant, layout, and the layout's size in bytes.
macro_rules! message_types {
    ($protocol:literal: $($code:literal => $variant:ident($layout:ident) $size:literal,)*) => {
        #[doc = concat!("One ", $protocol, " message, in place.")]
        #[derive(Clone, Copy, Debug)]
        pub enum Message<'a> {
            $(#[doc = concat!("Type ", stringify!($code), ", ", $size, " bytes.")] $variant(&'a $layout),)*
        }

        impl<'a> Message<'a> {
            /// Every type byte with the size of its layout in bytes.
            pub const TYPES: &'static [(u8, usize)] = &[$(($code, $size)),*];

            /// Lays the layout of the first byte's type over `bytes`; bytes behind it are ignored.
            #[inline(always)]
            pub fn parse(bytes: &'a [u8]) -> Result<Self, $crate::wire::Unreadable> {
                use $crate::wire::Unreadable;
                let Some(&code) = bytes.first() else { return Err(Unreadable::TooShort) };
                match code {
                    $($code => match <$layout as ::zerocopy::FromBytes>::ref_from_prefix(bytes) {
                        Ok((message, _newer_fields)) => Ok(Self::$variant(message)),
                        Err(_) => Err(Unreadable::TooShort),
                    },)*
                    _ => Err(Unreadable::UnknownType(code)),
                }
            }
        }

        $(const _: () = assert!(size_of::<$layout>() == $size && align_of::<$layout>() == 1);)*
    };
}

pub mod deep10;
pub mod iex;
pub mod iextp;
pub mod itch50;
pub mod moldudp64;
pub mod net;
pub mod tops16;

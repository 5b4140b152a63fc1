//! MoldUDP64 1.00: the header before the message blocks, and a block's length. Big-endian.

use zerocopy::byteorder::big_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `count` of a packet that ends the session; it carries no blocks.
pub const END_OF_SESSION: u16 = 0xFFFF;

/// The first 20 bytes of a downstream packet; a request for retransmission is the same 20 bytes alone.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// Name of the session.
    pub session: [u8; 10],
    /// Number of the first message; with `count` 0 or [`END_OF_SESSION`], of the next one.
    pub sequence: U64,
    /// Message blocks that follow: 0 is a heartbeat.
    pub count: U16,
}

/// Before each message: its length in bytes, itself not counted. 0 is legal.
pub type BlockLength = U16;

const _: () = assert!(size_of::<Header>() == 20 && align_of::<Header>() == 1);

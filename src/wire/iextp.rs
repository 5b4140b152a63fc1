//! IEX-TP 1: the header of a segment, and a block's length. Little-endian.

use zerocopy::byteorder::little_endian::{I64, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The only version there is.
pub const VERSION: u8 = 1;
/// Message protocol id of TOPS 1.5 and 1.6.
pub const TOPS: u16 = 0x8003;
/// Message protocol id of DEEP 1.0.
pub const DEEP: u16 = 0x8004;

/// The first 40 bytes of every datagram.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`VERSION`].
    pub version: u8,
    /// Not zero in practice.
    pub reserved: u8,
    /// What the messages are: [`TOPS`], [`DEEP`], …
    pub message_protocol_id: U16,
    /// The stream within the venue.
    pub channel_id: U32,
    /// One per trading session.
    pub session_id: U32,
    /// Bytes of the blocks behind this header.
    pub payload_length: U16,
    /// Message blocks that follow: 0 is a heartbeat.
    pub message_count: U16,
    /// Where in the session's stream of payloads this one begins, in bytes.
    pub stream_offset: I64,
    /// Number of the first message, counted from 1; in a heartbeat, of the next one.
    pub first_message_sequence_number: I64,
    /// ns since 1970 UTC.
    pub send_time: I64,
}

/// Before each message: its length in bytes, itself not counted.
pub type BlockLength = U16;

const _: () = assert!(size_of::<Header>() == 40 && align_of::<Header>() == 1);

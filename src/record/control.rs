//! Control records: what a reader of any ring must know besides the data, in order with the data.
//!
//! Our own layout, rtype ≥ 0xE0, 56 bytes, so that one fits into the smallest slot. They never reach a DBN file.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Header;

/// A session of a channel began (also: the first datagram was seen). `first_sequence` is the first message's number.
pub const SESSION_START: u8 = 0xE0;
/// A session of a channel ended; `first_sequence` is the number that would have come next.
pub const SESSION_END: u8 = 0xE1;
/// Messages `first_sequence..=last_sequence` are missing; every book of the channel may be wrong from here on.
pub const GAP_OPEN: u8 = 0xE2;
/// The gap is over: nothing more will be done about it. `cause` says whether the messages came ([`cause::RECOVERED`]) or not ([`cause::LOST`]).
pub const GAP_CLOSED: u8 = 0xE3;
/// The book of `hd.instrument_id` (0: every book of the channel) is proven right again.
pub const BOOK_GOOD: u8 = 0xE4;
/// An order-level image is ready: `first_sequence` is the position of the `mbo` ring up to which it tells.
pub const IMAGE_READY: u8 = 0xE5;
/// The venue began or ended a part of its day; `cause` is the feed's own letter (ITCH `S`, IEX `S`), `first_sequence` the message's number.
pub const SYSTEM_EVENT: u8 = 0xE6;
/// The venue's time ran back behind the beginning of a second: what follows is late. `ts_event` is how far the channel had come,
/// `first_sequence` the number of the first such message. Told once for each time it had come to.
pub const TIME_RAN_BACK: u8 = 0xE7;
/// The reader of this `mbo` ring has price levels only (a late joiner, or one that was lapped): orders older than this
/// position are not known. Made by the consumer library, never by the writer.
pub const PRICE_LEVELS_ONLY: u8 = 0xEF;

/// Control records are of rtypes from here on to [`LAST_RTYPE`].
pub const FIRST_RTYPE: u8 = 0xE0;
/// Those above are records of our own schemas.
pub const LAST_RTYPE: u8 = 0xEF;

/// Why a control record was sent.
pub mod cause {
    /// Nothing to add.
    pub const NONE: u8 = 0;
    /// The first datagram of the channel; its sequence was 1.
    pub const FIRST: u8 = 1;
    /// The first datagram of the channel had a sequence other than 1.
    pub const JOINED_LATE: u8 = 2;
    /// The venue opened a new session.
    pub const NEW_SESSION: u8 = 3;
    /// The venue's publisher restarted under the same session.
    pub const RESTART: u8 = 4;
    /// Every live line had passed the missing number.
    pub const ALL_LINES_PASSED: u8 = 5;
    /// The missing number did not come within `gap_wait_us`.
    pub const TIMED_OUT: u8 = 6;
    /// A heartbeat or the end of the session announced messages that never came.
    pub const HEARTBEAT: u8 = 7;
    /// The window for early packets was full.
    pub const WINDOW_FULL: u8 = 8;
    /// The messages came after all.
    pub const RECOVERED: u8 = 9;
    /// The messages are lost; the stream goes on, marked.
    pub const LOST: u8 = 10;
    /// The publication is being closed.
    pub const SHUTDOWN: u8 = 11;
    /// The message came and could not be read; it may have moved any book.
    pub const UNREADABLE: u8 = 12;
    /// Another channel of the publication began a new epoch: what this channel published before is in the older one, and orders
    /// from then are not known here.
    pub const OTHER_CHANNEL: u8 = 13;
    /// The publisher's byte stream jumped while its numbers went on: no number is missing (`last_sequence` is one less than
    /// `first_sequence`), but something may be.
    pub const STREAM_OFFSET: u8 = 14;
    /// Of a computed publication: the thread that computes it was lapped, and what it lost could have been of any instrument.
    pub const LAPPED: u8 = 15;
}

/// One control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Control {
    /// `rtype` says what happened; `instrument_id` is 0 when it concerns the whole channel. `ts_event` is the venue's time: of
    /// the message that caused it, or up to which the channel had been taken in (0: none yet). What follows in the ring is not earlier.
    pub hd: Header,
    /// When the lane received what caused it, ns since 1970 UTC.
    pub ts_recv: u64,
    /// First sequence number concerned.
    pub first_sequence: u64,
    /// Last sequence number concerned; 0 if there is none.
    pub last_sequence: u64,
    /// Channel: index into the publication's channel table.
    pub channel: u16,
    /// See [`cause`].
    pub cause: u8,
    /// Zero.
    pub reserved: [u8; 13],
}

const _: () = assert!(size_of::<Control>() == 56);

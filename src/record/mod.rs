//! What is published: fixed-size records in DBN version 3 layout, and our own control records.
//!
//! Every record starts with the 16-byte [`Header`]. Prices are `i64` in units of 1e-9, undefined = [`UNDEF_PRICE`].
//! Times are nanoseconds since 1970 UTC. Layouts are little-endian, aligned to 8, with no padding left undefined.
#![forbid(unsafe_code)]

mod auction;
pub mod control;
mod definition;
pub mod latency;
mod schema;
pub mod signal;
mod sink;
mod stage;
pub mod statistics;
#[cfg(feature = "service")]
pub mod tally;
pub mod venue;
mod window;

pub use auction::{Imbalance, UNDEF_SIZE, UNDEF_TIME};
pub use control::Control;
pub use definition::Definition;
pub use latency::Latency;
pub use schema::Schema;
pub use signal::Signal;
pub use sink::{ChannelState, Instrument, Row, Sink, SinkFull};
pub use stage::Stage;
pub use statistics::Statistics;
pub use venue::Venue;
pub use window::{Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Vwap};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A price that is not there.
pub const UNDEF_PRICE: i64 = i64::MAX;

/// Bits of a record's `flags`.
pub mod flags {
    /// Last record of the event for the instrument.
    pub const LAST: u8 = 0x80;
    /// Top-of-book record.
    pub const TOB: u8 = 0x40;
    /// From a snapshot, not from a live message.
    pub const SNAPSHOT: u8 = 0x20;
    /// Aggregated price level, not an order.
    pub const MBP: u8 = 0x10;
    /// `ts_recv` is not a receive time (snapshot, day file).
    pub const BAD_TS_RECV: u8 = 0x08;
    /// Messages were lost; the book may be wrong until it is proven right again.
    pub const MAYBE_BAD_BOOK: u8 = 0x04;
}

/// `action` of a record. Only `ADD`, `CANCEL`, `MODIFY` and `CLEAR` change a book.
pub mod action {
    /// A new order.
    pub const ADD: u8 = b'A';
    /// Size taken away from an order (all of it, or part).
    pub const CANCEL: u8 = b'C';
    /// New price and size of an order or a level.
    pub const MODIFY: u8 = b'M';
    /// The instrument's book is empty from here on.
    pub const CLEAR: u8 = b'R';
    /// A trade; does not touch the book.
    pub const TRADE: u8 = b'T';
    /// A resting order was filled; does not touch the book (the `CANCEL` after it does).
    pub const FILL: u8 = b'F';
    /// No action.
    pub const NONE: u8 = b'N';
}

/// `side` of a record.
pub mod side {
    /// Bid, or a buying aggressor.
    pub const BID: u8 = b'B';
    /// Ask, or a selling aggressor.
    pub const ASK: u8 = b'A';
    /// None, or both.
    pub const NONE: u8 = b'N';
}

/// A published struct that travels in one schema's ring.
pub trait Record: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + 'static {
    /// The ring it travels in.
    const SCHEMA: Schema;

    /// Its first 16 bytes.
    fn header(&self) -> &Header;

    /// Which of the instrument's cells on the board it goes to; below [`Schema::cells`].
    #[inline]
    fn cell(&self) -> u32 {
        0
    }

    /// See [`flags`]; 0 for records without.
    #[inline]
    fn flags(&self) -> u8 {
        0
    }

    /// When what it tells was received, ns since 1970 UTC; for windows, when they began.
    fn ts_recv(&self) -> u64;
}

/// The first 16 bytes of every record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Record length in 4-byte words.
    pub length: u8,
    /// Record type.
    pub rtype: u8,
    /// DBN publisher id (Nasdaq 2, BX 3, PSX 4, IEX 38).
    pub publisher_id: u16,
    /// The venue's id of the instrument for this epoch.
    pub instrument_id: u32,
    /// The venue's time of the event, ns since 1970 UTC.
    pub ts_event: u64,
}

impl Header {
    /// A header for a record of type `R`.
    pub fn of<R: Record>(publisher_id: u16, instrument_id: u32, ts_event: u64) -> Self {
        Self { length: (size_of::<R>() / 4) as u8, rtype: R::SCHEMA.rtype(), publisher_id, instrument_id, ts_event }
    }
}

/// Every order event: DBN `mbo`, 56 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Mbo {
    pub hd: Header,
    /// The venue's order reference; 0 for a trade.
    pub order_id: u64,
    pub price: i64,
    pub size: u32,
    pub flags: u8,
    pub channel_id: u8,
    pub action: u8,
    pub side: u8,
    pub ts_recv: u64,
    pub ts_in_delta: i32,
    pub sequence: u32,
}

/// One level of both sides; an empty side has [`UNDEF_PRICE`] and zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[allow(missing_docs)]
pub struct BidAsk {
    pub bid_px: i64,
    pub ask_px: i64,
    pub bid_sz: u32,
    pub ask_sz: u32,
    pub bid_ct: u32,
    pub ask_ct: u32,
}

impl BidAsk {
    /// Neither side.
    pub const EMPTY: Self = Self { bid_px: UNDEF_PRICE, ask_px: UNDEF_PRICE, bid_sz: 0, ask_sz: 0, bid_ct: 0, ask_ct: 0 };
}

impl Default for BidAsk {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A trade: DBN `trades` (MBP-0), 48 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Trade {
    pub hd: Header,
    pub price: i64,
    pub size: u32,
    pub action: u8,
    pub side: u8,
    pub flags: u8,
    pub depth: u8,
    pub ts_recv: u64,
    pub ts_in_delta: i32,
    pub sequence: u32,
}

/// Every event that changes the top level, and every trade: DBN `mbp-1`, 80 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Mbp1 {
    pub hd: Header,
    pub price: i64,
    pub size: u32,
    pub action: u8,
    pub side: u8,
    pub flags: u8,
    pub depth: u8,
    pub ts_recv: u64,
    pub ts_in_delta: i32,
    pub sequence: u32,
    pub levels: [BidAsk; 1],
}

/// Every event that changes the top ten levels, and every trade: DBN `mbp-10`, 368 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Mbp10 {
    pub hd: Header,
    pub price: i64,
    pub size: u32,
    pub action: u8,
    pub side: u8,
    pub flags: u8,
    pub depth: u8,
    pub ts_recv: u64,
    pub ts_in_delta: i32,
    pub sequence: u32,
    pub levels: [BidAsk; 10],
}

/// Trading state of an instrument: DBN `status`, 40 bytes. Has neither sequence nor flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Status {
    pub hd: Header,
    pub ts_recv: u64,
    /// DBN `StatusAction`.
    pub action: u16,
    /// DBN `StatusReason`.
    pub reason: u16,
    /// DBN `TradingEvent`.
    pub trading_event: u16,
    /// `Y`, `N`, or `~` for not known.
    pub is_trading: u8,
    pub is_quoting: u8,
    pub is_short_sell_restricted: u8,
    pub reserved: [u8; 7],
}

impl Record for Mbo {
    const SCHEMA: Schema = Schema::Mbo;

    #[inline]
    fn flags(&self) -> u8 {
        self.flags
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    #[inline]
    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

impl Record for Trade {
    const SCHEMA: Schema = Schema::Trades;

    #[inline]
    fn flags(&self) -> u8 {
        self.flags
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    #[inline]
    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

impl Record for Mbp1 {
    const SCHEMA: Schema = Schema::Mbp1;

    #[inline]
    fn flags(&self) -> u8 {
        self.flags
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    #[inline]
    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

impl Record for Mbp10 {
    const SCHEMA: Schema = Schema::Mbp10;

    #[inline]
    fn flags(&self) -> u8 {
        self.flags
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    #[inline]
    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

impl Record for Status {
    const SCHEMA: Schema = Schema::Status;

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    #[inline]
    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

const _: () = {
    assert!(size_of::<Header>() == 16);
    assert!(size_of::<Mbo>() == 56);
    assert!(size_of::<Trade>() == 48);
    assert!(size_of::<Mbp1>() == 80);
    assert!(size_of::<Mbp10>() == 368);
    assert!(size_of::<Status>() == 40);
};

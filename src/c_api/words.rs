//! The numbers that C programs name: schemas, beginnings, kinds of items, and the letters and bits inside of records.
//!
//! Functions take and return them as plain integers, because a C enumeration may hold any number; these are their names. Those that stand
//! in records are compared with [`crate::record`] here, at compile time.

use std::ffi::{CStr, c_char};

use super::answer::{Failure, answer};
use super::pointer::text;
use crate::record::{self, Header, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, control, flags};
use crate::shm::{From, OnLost};

macro_rules! schemas {
    ($($c:ident = $name:ident $text:literal),* $(,)?) => {
        impl Schema {
            /// The schema's name for C.
            pub fn of(schema: record::Schema) -> Self {
                match schema { $(record::Schema::$name => Self::$c),* }
            }
        }

        const _: () = { $(assert!(Schema::$c as usize == record::Schema::$name.index());)* };

        fn name(schema: record::Schema) -> &'static CStr {
            match schema { $(record::Schema::$name => $text),* }
        }
    };
}

/// A record layout, and the ring that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Schema {
    /// Every order event: tickwire_mbo.
    Mbo = 0,
    /// Top of book and trades: tickwire_mbp1.
    Mbp1 = 1,
    /// Ten levels and trades: tickwire_mbp10.
    Mbp10 = 2,
    /// Trades alone: tickwire_trade.
    Trades = 3,
    /// Trading states: tickwire_status.
    Status = 4,
    /// Auctions that are to come: tickwire_imbalance.
    Imbalance = 5,
    /// Official prices: tickwire_statistics.
    Statistics = 6,
    /// What instruments are: tickwire_definition.
    Definition = 7,
    /// What DBN has no record for: tickwire_venue.
    Venue = 8,
    /// Bars of a second: tickwire_ohlcv.
    Ohlcv1s = 9,
    /// Bars of a minute: tickwire_ohlcv.
    Ohlcv1m = 10,
    /// Bars of an hour: tickwire_ohlcv.
    Ohlcv1h = 11,
    /// Bars of a day of the venue: tickwire_ohlcv.
    Ohlcv1d = 12,
    /// Volume-weighted prices of all these windows: tickwire_vwap.
    Vwap = 13,
    /// What books lean to: tickwire_signal.
    Signal = 14,
    /// Where sampled datagrams spent their time: tickwire_latency.
    Latency = 15,
}

schemas! {
    Mbo = Mbo c"mbo",
    Mbp1 = Mbp1 c"mbp-1",
    Mbp10 = Mbp10 c"mbp-10",
    Trades = Trades c"trades",
    Status = Status c"status",
    Imbalance = Imbalance c"imbalance",
    Statistics = Statistics c"statistics",
    Definition = Definition c"definition",
    Venue = Venue c"venue",
    Ohlcv1s = Ohlcv1S c"ohlcv-1s",
    Ohlcv1m = Ohlcv1M c"ohlcv-1m",
    Ohlcv1h = Ohlcv1H c"ohlcv-1h",
    Ohlcv1d = Ohlcv1D c"ohlcv-1d",
    Vwap = Vwap c"vwap",
    Signal = Signal c"signal",
    Latency = Latency c"latency",
}

/// The name of a schema, as in configurations; NULL if there is none of that number.
#[unsafe(no_mangle)]
pub extern "C" fn tickwire_schema_name(schema: u32) -> *const c_char {
    answer(|| Ok(name(self::schema(schema)?).as_ptr()))
}

/// The schema of that number.
pub(super) fn schema(number: u32) -> Result<record::Schema, Failure> {
    let known = || record::Schema::ALL.into_iter().find(|schema| schema.index() == number as usize);
    known().ok_or_else(|| Failure::argument(format!("schema {number} is none; see tickwire_schema")))
}

/// The schema of that name, as in configurations; a code if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_schema_of(name: *const c_char) -> i32 {
    answer(|| {
        // SAFETY: a string, by the caller's promise.
        let name = unsafe { text("name", name) }?;
        let schema = record::Schema::from_name(name).ok_or_else(|| Failure::argument(format!("no schema is called {name:?}")))?;
        Ok(Schema::of(schema) as i32)
    })
}

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Begin {
    /// With the last record of every instrument, then what comes.
    Board = 0,
    /// With what comes.
    Now = 1,
    /// With the oldest record that can be read without hurry: all of them if the ring was never lapped, else about half of it.
    Oldest = 2,
}

pub(super) fn begin(number: u32) -> Result<From, Failure> {
    const BEGINS: [(Begin, From); 3] = [(Begin::Board, From::Board), (Begin::Now, From::Now), (Begin::Oldest, From::Oldest)];
    let known = BEGINS.into_iter().find(|&(begin, _)| begin as u32 == number);
    known.map(|(_, from)| from).ok_or_else(|| Failure::argument(format!("beginning {number} is none; see tickwire_begin")))
}

/// What follows when records were lost to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Lost {
    /// It joins again: the board follows, then what comes.
    Rejoin = 0,
    /// It stops: the end follows, and nothing else ever.
    Stop = 1,
}

pub(super) fn on_lost(number: u32) -> Result<OnLost, Failure> {
    const CHOICES: [(Lost, OnLost); 2] = [(Lost::Rejoin, OnLost::Rejoin), (Lost::Stop, OnLost::Stop)];
    let known = CHOICES.into_iter().find(|&(choice, _)| choice as u32 == number);
    known.map(|(_, then)| then).ok_or_else(|| Failure::argument(format!("on_lost {number} is none; see tickwire_lost")))
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// Nothing new. Spin, pause or sleep, as you like.
    Idle = 0,
    /// The next record of the ring.
    Record = 1,
    /// From the board, in joining or after a loss: the last record of an instrument. State, not an event: it may be old, and may have been told before.
    Board = 2,
    /// A control record: sessions, gaps. See tickwire_control_type.
    Control = 3,
    /// The reader was too slow, and `count` records of the ring are lost to it.
    Lost = 4,
    /// The writer began a new epoch, and so does the subscription. Instruments and their rows are new; see tickwire_subscribed.
    NewEpoch = 5,
    /// The writer is gone without a word, and everything it wrote has been told. Told once; a restarted writer is a new epoch.
    WriterDead = 6,
    /// The writer ended, and everything has been told; or records were lost, and that was to be the end. It stays at that.
    End = 7,
    /// Of tickwire_latest: the newest record of an instrument, changed since it was told last. `count` records of it were passed over.
    Value = 8,
    /// Of tickwire_latest: a channel whose state changed.
    Channel = 9,
    /// Of tickwire_latest: `count` positions of the ring were left unread, because the board tells the same for less.
    Skipped = 10,
    /// Of tickwire_follow_orders: the reader was too slow. The books are those of the newest image now; `count` records were not told one by one.
    Rejoined = 11,
    /// Of tickwire_follow_orders: there is nothing to start from, or to start again from, yet. The books are empty until TICKWIRE_KIND_REJOINED or
    /// TICKWIRE_KIND_NEW_EPOCH. If the writer makes no images, stop waiting.
    Waiting = 12,
}

/// Bits of a record's `flags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Flag {
    /// Last record of the event for the instrument.
    Last = 0x80,
    /// Top-of-book record.
    Tob = 0x40,
    /// From a snapshot, not from a live message.
    Snapshot = 0x20,
    /// Aggregated price level, not an order.
    Mbp = 0x10,
    /// `ts_recv` is not a receive time (snapshot, day file).
    BadTsRecv = 0x08,
    /// Messages were lost; the book may be wrong until it is proven right again.
    MaybeBadBook = 0x04,
}

/// Types (`hd.rtype`) of control records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum ControlType {
    /// A session of a channel began. `first_sequence` is the first message's number.
    SessionStart = 0xE0,
    /// A session of a channel ended; `first_sequence` is the number that would have come next.
    SessionEnd = 0xE1,
    /// Messages `first_sequence` to `last_sequence` are missing; every book of the channel may be wrong from here on.
    GapOpen = 0xE2,
    /// The gap is over: nothing more will be done about it. `cause` 9: the messages came; 10: they did not.
    GapClosed = 0xE3,
    /// The book of `hd.instrument_id` (0: every book of the channel) is proven right again.
    BookGood = 0xE4,
    /// An order-level image is ready: `first_sequence` is the position of the `mbo` ring up to which it tells.
    ImageReady = 0xE5,
    /// The venue began or ended a part of its day; `cause` is the feed's own letter.
    SystemEvent = 0xE6,
    /// The reader of this `mbo` ring has price levels only: orders older than this are not known. Made by this library.
    PriceLevelsOnly = 0xEF,
}

const _: () = {
    assert!(Flag::Last as u8 == flags::LAST && Flag::Tob as u8 == flags::TOB && Flag::Snapshot as u8 == flags::SNAPSHOT);
    assert!(
        Flag::Mbp as u8 == flags::MBP && Flag::BadTsRecv as u8 == flags::BAD_TS_RECV && Flag::MaybeBadBook as u8 == flags::MAYBE_BAD_BOOK
    );
    assert!(ControlType::SessionStart as u8 == control::SESSION_START && ControlType::SessionEnd as u8 == control::SESSION_END);
    assert!(ControlType::GapOpen as u8 == control::GAP_OPEN && ControlType::GapClosed as u8 == control::GAP_CLOSED);
    assert!(ControlType::BookGood as u8 == control::BOOK_GOOD && ControlType::ImageReady as u8 == control::IMAGE_READY);
    assert!(ControlType::SystemEvent as u8 == control::SYSTEM_EVENT && ControlType::PriceLevelsOnly as u8 == control::PRICE_LEVELS_ONLY);
};

/// A bar: DBN `ohlcv`, of the window that `hd.rtype` says; `hd.ts_event` is the window's beginning.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Ohlcv {
    /// As of every record.
    pub hd: Header,
    /// First price.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Shares.
    pub volume: u64,
}

macro_rules! same_bar {
    ($($bar:ty),*) => { const _: () = { $(
        assert!(size_of::<Ohlcv>() == size_of::<$bar>());
        assert!(std::mem::offset_of!(Ohlcv, open) == std::mem::offset_of!($bar, open));
        assert!(std::mem::offset_of!(Ohlcv, high) == std::mem::offset_of!($bar, high));
        assert!(std::mem::offset_of!(Ohlcv, low) == std::mem::offset_of!($bar, low));
        assert!(std::mem::offset_of!(Ohlcv, close) == std::mem::offset_of!($bar, close));
        assert!(std::mem::offset_of!(Ohlcv, volume) == std::mem::offset_of!($bar, volume));
    )* }; };
}
same_bar!(Ohlcv1S, Ohlcv1M, Ohlcv1H, Ohlcv1D);

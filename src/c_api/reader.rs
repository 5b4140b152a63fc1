//! One subscription of any schema behind one door: what came becomes an item, records become bytes.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use super::answer::Failure;
use super::pointer;
use super::tables::Channel;
use super::words::{Kind, Ohlcv};
use crate::record::{
    Control, Definition, Header, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Signal,
    Statistics, Status, Trade, Venue, Vwap,
};
use crate::shm::{From, Item as Came, Latest, OnLost, Publication, Records, ShmError, Update};

/// Not known which row.
const NO_ROW: u32 = u32::MAX;

/// A pointer to a record, under the name of its type.
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(missing_docs)] // the types' own names
pub union Pointer {
    pub any: *const c_void,
    /// Of any record.
    pub header: *const Header,
    pub mbo: *const Mbo,
    pub mbp1: *const Mbp1,
    pub mbp10: *const Mbp10,
    pub trade: *const Trade,
    pub status: *const Status,
    pub imbalance: *const Imbalance,
    pub statistics: *const Statistics,
    pub definition: *const Definition,
    pub venue: *const Venue,
    pub ohlcv: *const Ohlcv,
    pub vwap: *const Vwap,
    pub signal: *const Signal,
    pub latency: *const Latency,
    /// Of TICKWIRE_KIND_CONTROL.
    pub control: *const Control,
    /// Of TICKWIRE_KIND_CHANNEL.
    pub channel: *const Channel,
}

/// What came. What `record` points to is good until the next call with the same subscription.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Item {
    /// The record, if there is one; else NULL.
    pub record: Pointer,
    /// Position in the ring, of what came from there and of values; else 0.
    pub position: u64,
    /// How many: see tickwire_kind.
    pub count: u64,
    /// tickwire_kind.
    pub kind: i32,
    /// Row of the instrument, for TICKWIRE_KIND_BOARD and TICKWIRE_KIND_VALUE; else UINT32_MAX (see tickwire_instrument_of).
    pub row: u32,
    /// For TICKWIRE_KIND_VALUE: which of the instrument's cells on the board; 0 unless its schema has several.
    pub cell: u32,
    /// For TICKWIRE_KIND_BOARD and TICKWIRE_KIND_VALUE: messages that may have been for this instrument are missing. (Other records say so in their flags.)
    pub maybe_bad: bool,
}

impl Item {
    pub(super) fn new(kind: Kind) -> Self {
        let record = Pointer { any: std::ptr::null() };
        Self { record, position: 0, count: 0, kind: kind as i32, row: NO_ROW, cell: 0, maybe_bad: false }
    }

    pub(super) fn with<T>(kind: Kind, record: &T) -> Self {
        Self { record: Pointer { any: std::ptr::from_ref(record).cast() }, ..Self::new(kind) }
    }

    #[inline(always)]
    fn point_to<T>(&mut self, record: &T, kind: Kind) -> Kind {
        self.record = Pointer { any: std::ptr::from_ref(record).cast() };
        kind
    }

    pub(super) fn count(kind: Kind, count: u64) -> Self {
        Self { count, ..Self::new(kind) }
    }
}

/// A subscription of some schema.
pub trait Reader: Send {
    /// The next thing that happened, into `item`; what it points to stays until the next call. Its kind. (Written where it is to be, because
    /// an item that is returned by value is copied from call to call, and so is a kind
    /// of 32 bits in an answer of 64: what the processor just wrote in pieces it waits for when it reads it whole, and each costs as much as reading the record.)
    fn tell(&mut self, item: &mut MaybeUninit<Item>) -> Result<i64, ShmError>;

    /// Copies records.
    ///
    /// # Safety
    /// `records` is null, or good for `most` records of the schema that nobody else uses.
    unsafe fn copy(&mut self, records: *mut c_void, most: usize) -> Result<usize, Failure>;

    /// The epoch it is in.
    fn publication(&self) -> &Publication;

    /// The position that comes next, records lost or passed over so far, and whether the state is whole.
    fn progress(&self) -> (u64, u64, bool);
}

impl<R: Record> Reader for Records<R> {
    #[inline]
    fn tell(&mut self, item: &mut MaybeUninit<Item>) -> Result<i64, ShmError> {
        // Before the record is borrowed; a step that gives one moves on by one.
        let position = self.next_position();
        let came = self.next()?;
        let item = item.write(Item::new(Kind::Idle));
        let kind = match came {
            Came::Record(record) => {
                item.position = position;
                item.point_to(record, Kind::Record)
            }
            Came::Board { record, row, maybe_bad } => {
                (item.row, item.maybe_bad) = (row, maybe_bad);
                item.point_to(record, Kind::Board)
            }
            Came::Control(control) => {
                item.position = position;
                item.point_to(control, Kind::Control)
            }
            Came::Lost(count) => {
                item.count = count;
                Kind::Lost
            }
            Came::Idle => Kind::Idle,
            Came::NewEpoch => Kind::NewEpoch,
            Came::WriterDead => Kind::WriterDead,
            Came::End => Kind::End,
        };
        item.kind = kind as i32;
        Ok(kind as i64)
    }

    #[inline]
    unsafe fn copy(&mut self, records: *mut c_void, most: usize) -> Result<usize, Failure> {
        // SAFETY: by the caller's promise.
        Ok(self.read(unsafe { pointer::records::<R>("records", records.cast(), most) }?))
    }

    fn publication(&self) -> &Publication {
        Self::publication(self)
    }

    fn progress(&self) -> (u64, u64, bool) {
        (self.next_position(), self.lost(), self.is_joined())
    }
}

/// The newest values of some schema, and room for a channel's row.
pub struct Newest<R> {
    /// What is asked.
    pub latest: Latest<R>,
    /// What an item may point to.
    pub channel: Option<Channel>,
}

impl<R: Record> Reader for Newest<R> {
    fn tell(&mut self, item: &mut MaybeUninit<Item>) -> Result<i64, ShmError> {
        let told = match self.latest.next()? {
            Update::Value { record, row, cell, position, maybe_bad, folded } => {
                Item { position, count: folded, row, cell, maybe_bad, ..Item::with(Kind::Value, record) }
            }
            Update::Control(control) => Item::with(Kind::Control, control),
            Update::Channel(row) => Item::with(Kind::Channel, self.channel.insert(Channel::of(&row))),
            Update::Skipped(count) => Item::count(Kind::Skipped, count),
            Update::Idle => Item::new(Kind::Idle),
            Update::NewEpoch => Item::new(Kind::NewEpoch),
            Update::WriterDead => Item::new(Kind::WriterDead),
            Update::End => Item::new(Kind::End),
        };
        Ok(item.write(told).kind.into())
    }

    unsafe fn copy(&mut self, _: *mut c_void, _: usize) -> Result<usize, Failure> {
        Err(Failure::argument("tickwire_read copies streams; ask what tickwire_latest gave with tickwire_next"))
    }

    fn publication(&self) -> &Publication {
        self.latest.publication()
    }

    fn progress(&self) -> (u64, u64, bool) {
        (0, self.latest.conflated(), true)
    }
}

/// How a subscription is opened.
#[derive(Clone, Copy, Debug)]
pub enum Opening {
    /// Every message.
    Stream(From, OnLost),
    /// Every message, and the writer waits.
    Gated(From),
    /// The newest of every instrument.
    Latest,
}

/// Opens a subscription of any schema.
pub fn open(publication: &Publication, schema: Schema, opening: Opening) -> Result<Box<dyn Reader>, ShmError> {
    fn of<R: Record>(publication: &Publication, opening: Opening) -> Result<Box<dyn Reader>, ShmError> {
        Ok(match opening {
            Opening::Stream(from, then) => {
                let mut records = publication.subscribe::<R>(from)?;
                records.on_lost(then);
                Box::new(records)
            }
            Opening::Gated(from) => Box::new(publication.subscribe_gated::<R>(from)?),
            Opening::Latest => Box::new(Newest { latest: publication.latest::<R>()?, channel: None }),
        })
    }
    match schema {
        Schema::Mbo => of::<Mbo>(publication, opening),
        Schema::Mbp1 => of::<Mbp1>(publication, opening),
        Schema::Mbp10 => of::<Mbp10>(publication, opening),
        Schema::Trades => of::<Trade>(publication, opening),
        Schema::Status => of::<Status>(publication, opening),
        Schema::Imbalance => of::<Imbalance>(publication, opening),
        Schema::Statistics => of::<Statistics>(publication, opening),
        Schema::Definition => of::<Definition>(publication, opening),
        Schema::Venue => of::<Venue>(publication, opening),
        Schema::Ohlcv1S => of::<Ohlcv1S>(publication, opening),
        Schema::Ohlcv1M => of::<Ohlcv1M>(publication, opening),
        Schema::Ohlcv1H => of::<Ohlcv1H>(publication, opening),
        Schema::Ohlcv1D => of::<Ohlcv1D>(publication, opening),
        Schema::Vwap => of::<Vwap>(publication, opening),
        Schema::Signal => of::<Signal>(publication, opening),
        Schema::Latency => of::<Latency>(publication, opening),
    }
}

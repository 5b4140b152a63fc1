//! A subscription's handle: one ring of a publication, message by message, in batches, or conflated.

use std::ffi::{c_char, c_void};

use super::answer::{Code, Failure, answer};
use super::pointer::{self, exclusive, give, letters, room, shared};
use super::publication::Publication;
use super::reader::{self, Item, Opening, Reader};
use super::tables::Instrument;
use super::words::{Kind, begin, on_lost, schema};
use crate::record::{Header, Schema};
use crate::shm::{InstrumentRow, Symbols};

/// One ring of a publication, read in order, or as newest values. Of one thread at a time.
pub struct Subscription {
    reader: Box<dyn Reader>,
    schema: Schema,
    symbols: Option<Symbols>,
    symbol: [c_char; 40],
}

impl Subscription {
    fn open(publication: &Publication, number: u32, opening: Opening) -> Result<*mut Self, Failure> {
        let schema = schema(number)?;
        let reader = reader::open(&publication.0, schema, opening)?;
        Ok(give(Self { reader, schema, symbols: None, symbol: [0; 40] }))
    }

    fn row_of(&mut self, header: &Header) -> Option<&InstrumentRow> {
        let Self { reader, symbols, .. } = self;
        symbols.get_or_insert_with(|| reader.publication().symbols()).row_of(header)
    }
}

/// How far a subscription is.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Progress {
    /// The position of the record that comes next from the ring; in a new epoch it begins at 1 again. 0 for tickwire_latest.
    pub next_position: u64,
    /// Records lost to it so far; for tickwire_latest, positions passed over for newer ones.
    pub lost: u64,
    /// What is in its ring: tickwire_schema.
    pub schema: u32,
    /// What came so far is the whole state: not so while joining.
    pub joined: bool,
}

/// Reads a ring, message by message: `schema` says which (tickwire_schema), `from` where to begin (tickwire_begin), `on_lost` what follows a loss
/// (tickwire_lost). NULL if that cannot be. To be closed with tickwire_unsubscribe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_subscribe(publication: *const Publication, schema: u32, from: u32, on_lost: u32) -> *mut Subscription {
    answer(|| {
        // SAFETY: a handle, by the caller's promise.
        let publication = unsafe { shared("publication", publication) }?;
        Subscription::open(publication, schema, Opening::Stream(begin(from)?, self::on_lost(on_lost)?))
    })
}

/// The same, and the writer waits for this reader: only where its publication has gates, that is, for replays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_subscribe_gated(publication: *const Publication, schema: u32, from: u32) -> *mut Subscription {
    answer(|| {
        // SAFETY: a handle, by the caller's promise.
        let publication = unsafe { shared("publication", publication) }?;
        Subscription::open(publication, schema, Opening::Gated(begin(from)?))
    })
}

/// The newest record of every instrument, each time it is asked: for programs that need the state and not each message. However slowly it is
/// asked, no instrument's last record is lost; tickwire_next gives what changed since it was given last, then TICKWIRE_KIND_IDLE. To be closed
/// with tickwire_unsubscribe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_latest(publication: *const Publication, schema: u32) -> *mut Subscription {
    answer(|| {
        // SAFETY: a handle, by the caller's promise.
        let publication = unsafe { shared("publication", publication) }?;
        Subscription::open(publication, schema, Opening::Latest)
    })
}

/// Ends a subscription. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_unsubscribe(subscription: *mut Subscription) {
    answer(|| {
        // SAFETY: null or a handle of `give` that is not used again, by the caller's promise.
        unsafe { pointer::take_back(subscription) };
        Ok(Code::Ok as i32)
    });
}

/// The next thing that happened, into `item`; never waits. Returns its kind (tickwire_kind), or a code, after which it may be called again: the
/// memory is not what a writer of ours leaves, a new epoch cannot be read, or the operating system refused an answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_next(subscription: *mut Subscription, item: *mut Item) -> i32 {
    answer(|| {
        // SAFETY: a handle of this thread, and room for the answer, by the caller's promise.
        let (subscription, room) = unsafe { (exclusive("subscription", subscription)?, room("item", item)?) };
        let item = room.write(subscription.reader.tell()?);
        if item.kind == Kind::NewEpoch as i32 {
            subscription.symbols = None;
        }
        Ok(item.kind)
    })
}

/// Copies the next records of the ring to `records`, packed, at most `most` of them (tickwire_record_size bytes each, aligned to 8); the
/// quickest way through a busy ring. Returns how many, or a code. It stops before anything that is no record: 0 means that nothing
/// came, or something that tickwire_next has to tell. What is in `records` behind those that were copied may be overwritten.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_read(subscription: *mut Subscription, records: *mut c_void, most: usize) -> i64 {
    answer(|| {
        // SAFETY: a handle of this thread, by the caller's promise.
        let subscription = unsafe { exclusive("subscription", subscription) }?;
        // SAFETY: room for so many records, by the caller's promise.
        Ok(unsafe { subscription.reader.copy(records, most) }? as i64)
    })
}

/// Bytes of a record of a schema, or a code.
#[unsafe(no_mangle)]
pub extern "C" fn tickwire_record_size(schema: u32) -> i32 {
    answer(|| Ok(self::schema(schema)?.record_size() as i32))
}

/// How far the subscription is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_how_far(subscription: *const Subscription, progress: *mut Progress) -> i32 {
    answer(|| {
        // SAFETY: a handle, and room for the answer, by the caller's promise.
        let (subscription, room) = unsafe { (shared("subscription", subscription)?, room("progress", progress)?) };
        let (next_position, lost, joined) = subscription.reader.progress();
        room.write(Progress { next_position, lost, schema: subscription.schema.index() as u32, joined });
        Ok(Code::Ok as i32)
    })
}

/// The symbol of the instrument that a record of this subscription is of; `""` for ids that were never announced, as in control records of a
/// whole channel. Follows into new epochs. Good until the next call with this subscription; NULL if that cannot be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_symbol(subscription: *mut Subscription, header: *const Header) -> *const c_char {
    answer(|| {
        // The record may be in the subscription's own buffer, so it is copied before the subscription is anybody's alone.
        // SAFETY: a record, by the caller's promise.
        let header = *unsafe { shared("header", header) }?;
        // SAFETY: a handle of this thread, by the caller's promise.
        let subscription = unsafe { exclusive("subscription", subscription) }?;
        subscription.symbol = letters(subscription.row_of(&header).map_or("", |row| &row.symbol));
        Ok(subscription.symbol.as_ptr())
    })
}

/// The instrument that a record of this subscription is of. Follows into new epochs. TICKWIRE_CODE_NO_SYMBOL for ids that were never announced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_instrument_of(
    subscription: *mut Subscription,
    header: *const Header,
    instrument: *mut Instrument,
) -> i32 {
    answer(|| {
        // SAFETY: a record, by the caller's promise; copied for the same reason.
        let header = *unsafe { shared("header", header) }?;
        // SAFETY: a handle of this thread, and room for the answer, by the caller's promise.
        let (subscription, room) = unsafe { (exclusive("subscription", subscription)?, room("instrument", instrument)?) };
        let row = subscription.row_of(&header).map(Instrument::of);
        room.write(row.ok_or_else(|| Failure::no_symbol(format!("no instrument of id {} so far", header.instrument_id)))?);
        Ok(Code::Ok as i32)
    })
}

/// The epoch that the subscription is in, as a handle of its own, to be closed with tickwire_close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_subscribed(subscription: *const Subscription) -> *mut Publication {
    answer(|| {
        // SAFETY: a handle, by the caller's promise.
        let subscription = unsafe { shared("subscription", subscription) }?;
        Ok(give(Publication(subscription.reader.publication().clone())))
    })
}

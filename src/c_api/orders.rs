//! A handle on orders: books order by order, from whatever moment on, kept up as the handle is asked.

use std::ffi::c_char;

use super::answer::{Code, Failure, answer};
use super::pointer::{self, exclusive, fill, give, letters, room, rooms, shared};
use super::publication::Publication;
use super::reader::Item;
use super::tables::Instrument;
use super::words::Kind;
use crate::shm::orders::{OrderBook as View, Side};
use crate::shm::{OrderItem, OrderStream, Symbols};

/// Orders of a publication, followed from now on. Of one thread at a time.
pub struct Orders {
    stream: OrderStream,
    /// What `tickwire_orders_take` met and has not told.
    pending: Option<Item>,
    symbols: Option<Symbols>,
    symbol: [c_char; 40],
}

/// What tickwire_follow_orders does where there is nothing to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Start {
    /// It refuses: TICKWIRE_CODE_NO_IMAGE.
    OrRefuse = 0,
    /// It waits for the next image or epoch: TICKWIRE_KIND_WAITING, then TICKWIRE_KIND_REJOINED.
    OrWait = 1,
    /// It refuses; and the writer waits for this reader, which is only so where its publication has gates, that is, for replays.
    Gated = 2,
}

/// A resting order.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Order {
    /// The venue's reference.
    pub order_id: u64,
    /// 1e-9 units.
    pub price: i64,
    /// What is left of it.
    pub size: u32,
}

/// A price level.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Level {
    /// 1e-9 units.
    pub price: i64,
    /// Of all its orders.
    pub size: u64,
    /// How many.
    pub orders: u32,
}

/// Where an order waits.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Queued {
    /// The order.
    pub order: Order,
    /// Size of the orders of its level that are served before it.
    pub size_ahead: u64,
    /// How many they are.
    pub orders_ahead: u32,
    /// 'B' or 'A', as in records.
    pub side: u8,
}

/// An instrument's book as a whole.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct OrderBook {
    /// The venue's time of its last record, ns since 1970 UTC; 0: nothing was heard of it.
    pub ts_event: u64,
    /// When its last record was received, or the image made that it comes from; ns since 1970 UTC.
    pub ts_recv: u64,
    /// How many orders rest in it.
    pub orders: u32,
    /// The sequence number in its last record.
    pub sequence: u32,
    /// It may be wrong: messages were lost, orders from before are not known, or what came contradicts it.
    pub maybe_bad: bool,
    /// Only a clearing of the book can make it right: orders are missing that the writer knows of.
    pub lacks_orders: bool,
}

/// How far the orders are.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct OrdersProgress {
    /// The position of the `mbo` ring up to which the books tell.
    pub position: u64,
    /// Records that were not told one by one.
    pub lost: u64,
    /// Orders resting in all books together.
    pub live_orders: u64,
    /// How often records contradicted the books.
    pub contradictions: u64,
    /// How many books there are, empty ones included.
    pub books: u32,
    /// The books hold everything that rests: not so while waiting for an image.
    pub whole: bool,
}

impl Orders {
    fn tell(&mut self) -> Result<Item, Failure> {
        if let Some(item) = self.pending.take() {
            return Ok(item);
        }
        // A record is the last of what was read.
        Ok(match self.stream.next()? {
            OrderItem::Record(record) => Item::with(Kind::Record, record),
            OrderItem::Control(record) => Item::with(Kind::Control, record),
            OrderItem::Rejoined { lost } => Item::count(Kind::Rejoined, lost),
            OrderItem::Waiting => Item::new(Kind::Waiting),
            OrderItem::Idle => Item::new(Kind::Idle),
            OrderItem::NewEpoch => {
                self.symbols = None;
                Item::new(Kind::NewEpoch)
            }
            OrderItem::WriterDead => Item::new(Kind::WriterDead),
            OrderItem::End => Item::new(Kind::End),
        })
    }

    fn book(&self, instrument: &Instrument) -> Option<View<'_>> {
        self.stream.books().book(instrument.publisher_id, instrument.instrument_id)
    }
}

fn side(letter: u8) -> Result<Side, Failure> {
    let known = Side::BOTH.into_iter().find(|side| side.letter() == letter);
    known.ok_or_else(|| Failure::argument(format!("side {letter:#04x} is neither 'B' nor 'A'")))
}

/// Follows the orders of a publication with an `mbo` ring: books order by order, from the newest image on, or from the beginning where the ring still
/// has it. `start` (tickwire_start) says what to do if neither can be had. NULL if that cannot be. May take a second for a busy venue.
/// To be closed with tickwire_leave_orders.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_follow_orders(publication: *const Publication, start: u32) -> *mut Orders {
    answer(|| {
        // SAFETY: a handle, by the caller's promise.
        let Publication(publication) = unsafe { shared("publication", publication) }?;
        let stream = match start {
            start if start == Start::OrRefuse as u32 => publication.orders()?,
            start if start == Start::OrWait as u32 => publication.orders_when_ready()?,
            start if start == Start::Gated as u32 => publication.orders_gated()?,
            _ => return Err(Failure::argument(format!("start {start} is none; see tickwire_start"))),
        };
        Ok(give(Orders { stream, pending: None, symbols: None, symbol: [0; 40] }))
    })
}

/// Leaves the orders. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_leave_orders(orders: *mut Orders) {
    answer(|| {
        // SAFETY: null or a handle of `give` that is not used again, by the caller's promise.
        unsafe { pointer::take_back(orders) };
        Ok(Code::Ok as i32)
    });
}

/// The next thing that happened, into `item`; the books have taken it in. Returns its kind: TICKWIRE_KIND_RECORD (an `mbo` record), CONTROL, REJOINED,
/// WAITING, IDLE, NEW_EPOCH, WRITER_DEAD, END; or a code, after which it may be called again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_orders_next(orders: *mut Orders, item: *mut Item) -> i32 {
    answer(|| {
        // SAFETY: a handle of this thread, and room for the answer, by the caller's promise.
        let (orders, room) = unsafe { (exclusive("orders", orders)?, room("item", item)?) };
        Ok(room.write(orders.tell()?).kind)
    })
}

/// Takes at most `most` records into the books without showing them: the quickest way to be current. Returns how many, or a code. It stops
/// before anything that is no record: 0 means that nothing came, or something that tickwire_orders_next has to tell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_orders_take(orders: *mut Orders, most: usize) -> i64 {
    answer(|| {
        // SAFETY: a handle of this thread, by the caller's promise.
        let orders = unsafe { exclusive("orders", orders) }?;
        for taken in 0..most {
            if orders.pending.is_some() {
                return Ok(taken as i64);
            }
            let item = orders.tell()?;
            if item.kind != Kind::Record as i32 {
                orders.pending = (item.kind != Kind::Idle as i32).then_some(item);
                return Ok(taken as i64);
            }
        }
        Ok(most as i64)
    })
}

/// How far the orders are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_orders_how_far(orders: *const Orders, progress: *mut OrdersProgress) -> i32 {
    answer(|| {
        // SAFETY: a handle, and room for the answer, by the caller's promise.
        let (Orders { stream, .. }, room) = unsafe { (shared("orders", orders)?, room("progress", progress)?) };
        let books = stream.books();
        room.write(OrdersProgress {
            position: stream.position(),
            lost: stream.lost(),
            live_orders: books.live_orders(),
            contradictions: books.contradictions().total(),
            books: books.len() as u32,
            whole: stream.is_whole(),
        });
        Ok(Code::Ok as i32)
    })
}

/// The book of an instrument as a whole. (The ids in `instrument` are those of the epoch: after a new one, ask tickwire_find again.)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_order_summary(orders: *const Orders, instrument: *const Instrument, book: *mut OrderBook) -> i32 {
    answer(|| {
        // SAFETY: a handle, an instrument, and room for the answer, by the caller's promise.
        let (orders, instrument, room) = unsafe { (shared("orders", orders)?, shared("instrument", instrument)?, room("book", book)?) };
        let channel = || orders.stream.books().doubted_channels().find(|&(channel, ..)| channel == instrument.channel);
        room.write(match orders.book(instrument) {
            Some(view) => OrderBook {
                ts_event: view.ts_event(),
                ts_recv: view.ts_recv(),
                orders: view.len() as u32,
                sequence: view.sequence(),
                maybe_bad: view.maybe_bad(),
                lacks_orders: view.lacks_orders(),
            },
            // Nothing was heard of it; if something was lost, that could have been of it.
            None => {
                let (maybe_bad, lacks_orders) = channel().map_or((false, false), |(_, gap, missing)| (gap || missing, missing));
                OrderBook { ts_event: 0, ts_recv: 0, orders: 0, sequence: 0, maybe_bad, lacks_orders }
            }
        });
        Ok(Code::Ok as i32)
    })
}

/// Writes the price levels of a side ('B' or 'A') of an instrument's book to `levels`, the best first, at most `most`. Returns how many were
/// written, or a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_order_levels(
    orders: *const Orders,
    instrument: *const Instrument,
    side: u8,
    levels: *mut Level,
    most: usize,
) -> i64 {
    answer(|| {
        // SAFETY: a handle, an instrument, and room for so many, by the caller's promise.
        let (orders, instrument, rooms) =
            unsafe { (shared("orders", orders)?, shared("instrument", instrument)?, rooms("levels", levels, most)?) };
        let side = self::side(side)?;
        let levels = orders.book(instrument).into_iter().flat_map(|book| book.levels(side));
        Ok(fill(rooms, levels.take(most).map(|level| Level { price: level.price, size: level.size, orders: level.orders })))
    })
}

/// Writes the orders of a side ('B' or 'A') of an instrument's book to `queue`, as they will be served: the best price first, and there who came
/// first; at most `most`. Returns how many were written, or a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_order_queue(
    orders: *const Orders,
    instrument: *const Instrument,
    side: u8,
    queue: *mut Order,
    most: usize,
) -> i64 {
    answer(|| {
        // SAFETY: a handle, an instrument, and room for so many, by the caller's promise.
        let (orders, instrument, rooms) =
            unsafe { (shared("orders", orders)?, shared("instrument", instrument)?, rooms("queue", queue, most)?) };
        let side = self::side(side)?;
        let queue = orders.book(instrument).into_iter().flat_map(|book| book.orders(side));
        Ok(fill(rooms, queue.take(most).map(Order::of)))
    })
}

/// Where an order waits. TICKWIRE_CODE_NO_ORDER if it does not rest in that instrument's book.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_order_place(
    orders: *const Orders,
    instrument: *const Instrument,
    order_id: u64,
    queued: *mut Queued,
) -> i32 {
    answer(|| {
        // SAFETY: a handle, an instrument, and room for the answer, by the caller's promise.
        let (orders, instrument, room) = unsafe { (shared("orders", orders)?, shared("instrument", instrument)?, room("queued", queued)?) };
        let found = orders.book(instrument).and_then(|book| book.queued(order_id));
        let found =
            found.ok_or_else(|| Failure::no_order(format!("no order {order_id} rests in the book of id {}", instrument.instrument_id)))?;
        room.write(Queued {
            order: Order::of(found.order),
            size_ahead: found.size_ahead,
            orders_ahead: found.orders_ahead,
            side: found.side.letter(),
        });
        Ok(Code::Ok as i32)
    })
}

/// The symbol of the instrument that a record of these orders is of, as tickwire_symbol.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_orders_symbol(orders: *mut Orders, header: *const crate::record::Header) -> *const c_char {
    answer(|| {
        // The record may be in the handle's own buffer, so it is copied before the handle is anybody's alone.
        // SAFETY: a record, by the caller's promise.
        let header = *unsafe { shared("header", header) }?;
        // SAFETY: a handle of this thread, by the caller's promise.
        let Orders { stream, symbols, symbol, .. } = unsafe { exclusive("orders", orders) }?;
        let symbols = symbols.get_or_insert_with(|| stream.publication().symbols());
        *symbol = letters(symbols.of(&header).unwrap_or_default());
        Ok(symbol.as_ptr())
    })
}

/// The epoch that the orders are in, as a handle of its own, to be closed with tickwire_close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_orders_subscribed(orders: *const Orders) -> *mut Publication {
    answer(|| {
        // SAFETY: a handle, by the caller's promise.
        let orders = unsafe { shared("orders", orders) }?;
        Ok(give(Publication(orders.stream.publication().clone())))
    })
}

impl Order {
    fn of(order: crate::shm::orders::Order) -> Self {
        Self { order_id: order.order_id, price: order.price, size: order.size }
    }
}

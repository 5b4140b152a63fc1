//! Order books of a consumer, order by order, made from `mbo` records.
//!
//! Only the actions A, C, M and R change a book. Orders of one price wait in a queue, first come first served:
//!
//! - `A` goes to the end of its level's queue; so does the new order of a replace, which is a `C` and an `A`.
//! - `C` takes size away; what is left keeps its place.
//! - `M` keeps its place if price and side are the same and the size is not larger, else it goes to the end.
//! - `R` empties the book.
//!
//! What contradicts a book (an unknown order, one that is there already, more than is there) is counted, applied as far as it goes, and
//! the book says from then on that it may be wrong, until an `R`. Memory grows with what rests and the instruments heard of, nothing else.

mod doubt;
mod queues;

use std::collections::{BTreeMap, HashMap};

use crate::record::{Control, Header, Mbo, UNDEF_PRICE, action, control, flags, side};
use doubt::{Doubts, Standing};
use queues::{Found, Queues};

/// A side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who wants to buy; the best price is the highest.
    Bid,
    /// Who wants to sell; the best price is the lowest.
    Ask,
}

impl Side {
    /// Both, bids first.
    pub const BOTH: [Self; 2] = [Self::Bid, Self::Ask];

    /// The letter in records.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Bid => side::BID,
            Self::Ask => side::ASK,
        }
    }

    const fn of(letter: u8) -> Option<Self> {
        match letter {
            side::BID => Some(Self::Bid),
            side::ASK => Some(Self::Ask),
            _ => None,
        }
    }
}

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The venue's reference.
    pub order_id: u64,
    /// 1e-9 units.
    pub price: i64,
    /// What is left of it.
    pub size: u32,
}

/// A price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// 1e-9 units.
    pub price: i64,
    /// Of all its orders.
    pub size: u64,
    /// How many.
    pub orders: u32,
}

/// Where an order waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its side.
    pub side: Side,
    /// Its price, and what is left of it.
    pub order: Order,
    /// How many orders of its level are served before it.
    pub orders_ahead: u32,
    /// Their size.
    pub size_ahead: u64,
}

/// How often records contradicted the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contradictions {
    /// A cancel or modify of an order that is not there.
    pub unknown: u64,
    /// An add of an order that is there: the new one took its place, at the end of the queue.
    pub duplicate: u64,
    /// More cancelled than there was: all of it was taken.
    pub excess: u64,
    /// No side, no price or no size: passed over.
    pub unusable: u64,
}

impl Contradictions {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.unknown + self.duplicate + self.excess + self.unusable
    }
}

#[derive(Clone, Debug)]
struct Book {
    publisher_id: u16,
    instrument_id: u32,
    channel: u8,
    orders: u32,
    /// Price → level, of bids and of asks.
    sides: [BTreeMap<i64, u32>; 2],
    ts_event: u64,
    ts_recv: u64,
    sequence: u32,
    standing: Standing,
}

/// The books of all instruments heard of.
#[derive(Clone, Debug)]
pub struct OrderBooks {
    books: Vec<Book>,
    index: HashMap<(u16, u32), u32>,
    queues: Queues,
    doubts: Doubts,
    contradictions: Contradictions,
}

impl Default for OrderBooks {
    fn default() -> Self {
        Self::new()
    }
}

impl OrderBooks {
    /// No books yet.
    pub fn new() -> Self {
        Self {
            books: Vec::new(),
            index: HashMap::new(),
            queues: Queues::new(),
            doubts: Doubts::default(),
            contradictions: Contradictions::default(),
        }
    }

    /// Takes in one record of the `mbo` ring.
    pub fn apply(&mut self, record: &Mbo) {
        let book = self.at(&record.hd);
        let fits = match record.action {
            action::ADD => self.add(book, record),
            action::CANCEL => self.cancel(book, record),
            action::MODIFY => self.modify(book, record),
            action::CLEAR => {
                self.clear_book(book);
                true
            }
            _ => true,
        };
        let Some(book) = self.books.get_mut(book as usize) else { return };
        book.channel = record.channel_id;
        (book.ts_event, book.ts_recv, book.sequence) = (record.hd.ts_event, record.ts_recv, record.sequence);
        if record.action == action::CLEAR {
            book.standing.cleared(&self.doubts);
        }
        book.standing.heard(record.flags & flags::MAYBE_BAD_BOOK != 0, &self.doubts);
        book.standing.broken |= !fits;
    }

    /// Takes in a control record: gaps, sessions, and what lifts doubts.
    pub fn apply_control(&mut self, record: &Control) {
        self.doubts.control(record);
        if record.hd.rtype != control::BOOK_GOOD {
            return;
        }
        let &Control { hd: Header { publisher_id, instrument_id, .. }, channel, .. } = record;
        // Of a whole channel. Records have 8 bits for it, so above that one cannot tell whose book it is, and a mark stays.
        let of_channel = |book: &Book| instrument_id == 0 && channel < 255 && u16::from(book.channel) == channel;
        let of_one = self.index.get(&(publisher_id, instrument_id)).and_then(|&at| self.books.get_mut(at as usize));
        match of_one.filter(|_| instrument_id != 0) {
            Some(book) => book.standing.proven(&self.doubts),
            None => self.books.iter_mut().filter(|book| of_channel(book)).for_each(|book| book.standing.proven(&self.doubts)),
        }
    }

    /// Forgets everything: a new epoch has begun. What was counted stays.
    pub fn clear(&mut self) {
        self.books.clear();
        self.index.clear();
        self.queues.clear();
        self.doubts.clear();
    }

    /// One instrument's book; `None` if it was not heard of. The ids are those in the records.
    pub fn book(&self, publisher_id: u16, instrument_id: u32) -> Option<OrderBook<'_>> {
        let at = *self.index.get(&(publisher_id, instrument_id))?;
        Some(OrderBook { books: self, book: self.books.get(at as usize)?, at })
    }

    /// All books, in the order in which they were heard of.
    pub fn books(&self) -> impl Iterator<Item = OrderBook<'_>> {
        self.books.iter().zip(0..).map(|(book, at)| OrderBook { books: self, book, at })
    }

    /// How many books there are, empty ones included.
    pub fn len(&self) -> usize {
        self.books.len()
    }

    /// Whether nothing was heard of any instrument.
    pub fn is_empty(&self) -> bool {
        self.books.is_empty()
    }

    /// Orders resting in all books together.
    pub fn live_orders(&self) -> u64 {
        self.queues.live() as u64
    }

    /// How often records contradicted the books.
    pub fn contradictions(&self) -> Contradictions {
        self.contradictions
    }

    /// Channels whose books may be wrong, also those of instruments not heard of yet: number, whether because messages were lost,
    /// whether because orders are missing that the writer knows of.
    pub fn doubted_channels(&self) -> impl Iterator<Item = (u16, bool, bool)> + '_ {
        self.doubts.channels()
    }

    /// Before many orders are added.
    pub(super) fn reserve(&mut self, orders: usize) {
        self.queues.reserve(orders);
    }

    /// What an image tells of a channel. Before its books.
    pub(super) fn restore_channel(&mut self, channel: u16, gap: bool, missing: bool) {
        self.doubts.restore(channel, gap, missing);
    }

    /// What an image tells of a book: the `R` that begins it. Its number, or `None` if the book has been told already.
    pub(super) fn restore_book(&mut self, record: &Mbo, lacks_orders: bool) -> Option<u32> {
        if self.index.contains_key(&(record.hd.publisher_id, record.hd.instrument_id)) {
            return None;
        }
        let at = self.at(&record.hd);
        let book = self.books.get_mut(at as usize)?;
        book.channel = record.channel_id;
        (book.ts_event, book.ts_recv, book.sequence) = (record.hd.ts_event, record.ts_recv, record.sequence);
        book.standing = Standing::restored(record.flags & flags::MAYBE_BAD_BOOK != 0, lacks_orders, &self.doubts);
        Some(at)
    }

    /// An order that an image tells of the book of that number, behind those before it. `false` if it cannot be: the image is then not to be
    /// believed.
    pub(super) fn restore_order(&mut self, at: u32, record: &Mbo) -> bool {
        let usable = record.size > 0 && record.price != UNDEF_PRICE;
        Side::of(record.side).filter(|_| usable).is_some_and(|side| self.rest(at, side, record))
    }

    fn at(&mut self, header: &Header) -> u32 {
        let &Header { publisher_id, instrument_id, ts_event, .. } = header;
        *self.index.entry((publisher_id, instrument_id)).or_insert_with(|| {
            // At most 2^48 of them could be named; memory ends long before 2^32.
            let at = self.books.len() as u32;
            self.books.push(Book {
                publisher_id,
                instrument_id,
                channel: 0,
                orders: 0,
                sides: Default::default(),
                ts_event,
                ts_recv: 0,
                sequence: 0,
                standing: Standing::default(),
            });
            at
        })
    }

    /// `false` if the order rests there already.
    fn rest(&mut self, at: u32, side: Side, record: &Mbo) -> bool {
        let Some(book) = self.books.get_mut(at as usize) else { return false };
        let Some(prices) = book.sides.get_mut(side as usize) else { return false };
        let level = match prices.get(&record.price) {
            Some(&level) => level,
            None => {
                let Some(level) = self.queues.new_level(side as u8, record.price) else { return false };
                prices.insert(record.price, level);
                level
            }
        };
        let came = self.queues.push(at, level, record.order_id, record.size);
        book.orders += u32::from(came);
        came
    }

    fn leave(&mut self, at: u32, order_id: u64, found: Found) {
        let Some(book) = self.books.get_mut(at as usize) else { return };
        book.orders = book.orders.saturating_sub(1);
        if self.queues.take(at, order_id) {
            self.queues.remove_level(found.level);
            if let Some(prices) = book.sides.get_mut(found.side as usize) {
                prices.remove(&found.price);
            }
        }
    }

    fn clear_book(&mut self, at: u32) {
        let Some(book) = self.books.get_mut(at as usize) else { return };
        for prices in &mut book.sides {
            for (_, level) in std::mem::take(prices) {
                self.queues.take_level(at, level);
            }
        }
        book.orders = 0;
    }

    /// These say whether the record fits the book.
    fn add(&mut self, at: u32, record: &Mbo) -> bool {
        let Some(side) = Side::of(record.side).filter(|_| record.size > 0 && record.price != UNDEF_PRICE) else {
            self.contradictions.unusable += 1;
            return false;
        };
        let there = self.queues.find(at, record.order_id);
        if let Some(found) = there {
            self.contradictions.duplicate += 1;
            self.leave(at, record.order_id, found);
        }
        self.rest(at, side, record);
        there.is_none()
    }

    fn cancel(&mut self, at: u32, record: &Mbo) -> bool {
        let Some(found) = self.queues.find(at, record.order_id) else {
            self.contradictions.unknown += 1;
            return false;
        };
        if record.size < found.size {
            self.queues.resize(at, record.order_id, found.size - record.size);
            return true;
        }
        self.leave(at, record.order_id, found);
        self.contradictions.excess += u64::from(record.size > found.size);
        record.size == found.size
    }

    fn modify(&mut self, at: u32, record: &Mbo) -> bool {
        let there = self.queues.find(at, record.order_id);
        let side = Side::of(record.side).or(there.map(|found| Side::BOTH[usize::from(found.side & 1)]));
        let Some(side) = side.filter(|_| record.size > 0 && record.price != UNDEF_PRICE) else {
            self.contradictions.unusable += 1;
            return false;
        };
        match there {
            Some(found) if found.price == record.price && found.side == side as u8 && record.size <= found.size => {
                self.queues.resize(at, record.order_id, record.size);
            }
            Some(found) => {
                self.leave(at, record.order_id, found);
                self.rest(at, side, record);
            }
            None => {
                self.contradictions.unknown += 1;
                self.rest(at, side, record);
            }
        }
        there.is_some()
    }
}

/// One instrument's book, as it is now.
#[derive(Clone, Copy, Debug)]
pub struct OrderBook<'a> {
    books: &'a OrderBooks,
    book: &'a Book,
    at: u32,
}

impl<'a> OrderBook<'a> {
    /// DBN publisher id.
    pub fn publisher_id(&self) -> u16 {
        self.book.publisher_id
    }

    /// The venue's id of the instrument for this epoch.
    pub fn instrument_id(&self) -> u32 {
        self.book.instrument_id
    }

    /// The channel as in its records, at most 255.
    pub fn channel_id(&self) -> u8 {
        self.book.channel
    }

    /// Whether it may be wrong: messages were lost, orders from before are not known, or what came contradicts it.
    pub fn maybe_bad(&self) -> bool {
        self.book.standing.is_doubted(self.book.channel, &self.books.doubts)
    }

    /// Whether only an `R` can make it right: orders are missing that the writer knows of.
    pub fn lacks_orders(&self) -> bool {
        self.book.standing.lacks_orders(self.book.channel, &self.books.doubts)
    }

    /// How many orders rest in it.
    pub fn len(&self) -> usize {
        self.book.orders as usize
    }

    /// Whether nothing rests in it.
    pub fn is_empty(&self) -> bool {
        self.book.orders == 0
    }

    /// The venue's time of its last record, ns since 1970 UTC.
    pub fn ts_event(&self) -> u64 {
        self.book.ts_event
    }

    /// When its last record was received, or the image made that it comes from; ns since 1970 UTC.
    pub fn ts_recv(&self) -> u64 {
        self.book.ts_recv
    }

    /// The sequence number in its last record.
    pub fn sequence(&self) -> u32 {
        self.book.sequence
    }

    /// The price levels of a side, the best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + use<'a> {
        let books = self.books;
        self.queues_of(side).filter_map(move |level| books.queues.level(level)).map(|level| Level {
            price: level.price,
            size: level.size,
            orders: level.orders,
        })
    }

    /// The orders of a side as they will be served: the best price first, and there who came first.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = Order> + use<'a> {
        let books = self.books;
        self.queues_of(side).flat_map(move |level| {
            let price = books.queues.level(level).map_or(UNDEF_PRICE, |level| level.price);
            books.queues.queue(level).map(move |(order_id, size)| Order { order_id, price, size })
        })
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<Level> {
        self.levels(side).next()
    }

    /// Where an order waits. Walks the queue ahead of it.
    pub fn queued(&self, order_id: u64) -> Option<Queued> {
        let found = self.books.queues.find(self.at, order_id)?;
        let (mut orders_ahead, mut size_ahead) = (0, 0);
        for (_, size) in self.books.queues.queue(found.level).take_while(|&(id, _)| id != order_id) {
            orders_ahead += 1;
            size_ahead += u64::from(size);
        }
        let order = Order { order_id, price: found.price, size: found.size };
        Some(Queued { side: Side::BOTH[usize::from(found.side & 1)], order, orders_ahead, size_ahead })
    }

    /// Numbers of a side's levels, the best first.
    fn queues_of(&self, side: Side) -> impl Iterator<Item = u32> + use<'a> {
        let [bids, asks] = &self.book.sides;
        // One of the two is empty: bids from the highest price down, asks from the lowest up.
        let bids = (side == Side::Bid).then(|| bids.values().rev()).into_iter().flatten();
        let asks = (side == Side::Ask).then(|| asks.values()).into_iter().flatten();
        bids.chain(asks).copied()
    }
}

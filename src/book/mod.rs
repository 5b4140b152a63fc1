//! The order books of one channel: which orders rest, what they add up to at each price, and what is best.
//!
//! ```text
//!                     orders: reference -> instrument, side, price, size left
//!                     ┌─────┬─────┬─────┬─────┬─────┬───
//!  execute #7, 100 ──▶│ #12 │  ·  │ #7  │ #31 │  ·  │ …     one table for all instruments
//!                     └─────┴─────┴──┬──┴─────┴─────┴───
//!                                    │ instrument 2, bid, 10.00
//!  books                             ▼
//!  ┌─ 1 ───────────────┐  ┌─ 2 ───────────────┐  ┌─ 3 ──
//!  │ best bid, offer   │  │ best bid, offer   │  │ …        one 64-byte line each
//!  │ bid ladder ● ● ask│  │ bid ladder ● ● ask│  │
//!  └───────────────────┘  └────────────┼──────┘  └──────
//!                         ┌────────────┘
//!  arena                  ▼
//!  price    ·  ·  ·  ·  │ 9.97  9.98  10.00   ·   ·   ·   ·   ·  │ ·  ·       price levels, best at the end: a block
//!  size     ·  ·  ·  ·  │  300   100    700   ·   ·   ·   ·   ·  │ ·  ·       of 8, 16, 32, … for each side that has any
//!  orders   ·  ·  ·  ·  │    1     1      4   ·   ·   ·   ·   ·  │ ·  ·       (the worst of more than 128 in chunks: see `far`)
//! ```
//!
//! [`Books`] takes what a feed's messages say ([`Books::add`], [`Books::reduce`], [`Books::delete`]; [`Books::set_level`] for
//! feeds that tell levels and not orders, [`Books::quote`] for those that tell the best prices alone) and answers with what that did to the levels ([`Change`]), or why it was refused.
//!
//! - **All or nothing.** `Err` means that no order and no level changed. Whatever did change is in the `Ok` value, so that
//!   records can tell consumers and their books stay equal to this one, even while it is wrong.
//! - **A book that may be wrong says so.** A message that doesn't fit what we hold proves that one of the two is wrong: the
//!   reason is returned to be counted, and the book is suspect ([`Books::health`]) until [`Books::clear`]. It is never
//!   repaired by a guess.
//! - **Bounded and still.** All memory is allocated and touched in [`Books::new`]; no call after that allocates, and none
//!   does work that grows with the number of orders, except [`Books::clear_all`] (and every 256th [`Books::clear`] of one
//!   instrument); with the number of levels of one side beyond a few thousand a little (`far`: 3 µs to clear 2,500 of them). When the room is used up, the message is refused ([`Drop::OrdersFull`], [`Drop::LevelsFull`]), its book is
//!   suspect, and all other books are as good as before.
//! - **Crossed and locked books are data** ([`Books::crossing`]): venues publish them around auctions. Flagged, never mended.
//!
//! What it costs: 64 bytes an instrument; for each order there is room for, 32 to 64 bytes of window (16 a reference) and 32 to 64 of
//! table (24 a slot, powers of two of both); 25⅛ bytes a level of the arena, of which a side of n levels occupies up to
//! max(8, 2n), or max(8, 4n) after it was deeper, and a few more beyond 128 levels (see `ladder`). [`BooksCapacity::bytes`] is exact.
#![forbid(unsafe_code)]

mod arena;
mod change;
mod far;
mod head;
mod ladder;
mod orders;
mod queue;

pub use change::{Change, Effect, Reduced, Resized};
pub use ladder::Level;
pub use orders::Order;
pub use queue::QueuePosition;

use crate::feed::Side;
use crate::record::{BidAsk, UNDEF_PRICE};
use crate::stats::Drop;
use crate::sys::huge_pages::{self, OnHugePages};
use arena::Arena;
use head::{Book, Told, Top, current};
use ladder::Ladder;
use orders::{NO_GENERATION, Orders, Owner, Place};

/// What the books of one channel have room for. There is no growth later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BooksCapacity {
    /// One more than the largest instrument id. Limited to [`BooksCapacity::MAX_INSTRUMENTS`].
    pub instruments: u32,
    /// Live orders of all instruments together. Limited to [`BooksCapacity::MAX_ORDERS`].
    pub orders: usize,
    /// Levels of the arena, rounded up to 8. Each side of a book takes 8, 16, 32, 64, 128 of them and then chunks of 64: see the module's figures,
    /// and leave room for one block more, because a side needs both while it grows. Limited to
    /// [`BooksCapacity::MAX_LEVELS`].
    pub levels: usize,
}

impl BooksCapacity {
    /// Ids from here on are [`Drop::UnknownInstrument`], whatever the capacity says.
    pub const MAX_INSTRUMENTS: u32 = orders::MAX_INSTRUMENTS;
    /// More orders than this are [`Drop::OrdersFull`].
    pub const MAX_ORDERS: usize = orders::MAX_ORDERS;
    /// More levels than this are [`Drop::LevelsFull`].
    pub const MAX_LEVELS: usize = arena::MAX_LEVELS;

    /// Bytes that [`Books::new`] allocates.
    pub fn bytes(&self) -> u64 {
        let instruments = u64::from(self.instruments.min(Self::MAX_INSTRUMENTS)) * size_of::<Book>() as u64;
        let orders = orders::bytes(self.orders);
        let levels = arena::units(self.levels) as u64 * arena::UNIT_BYTES as u64;
        instruments + orders + levels
    }
}

/// Whether a book can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Everything it was told since it was empty fits together.
    Good,
    /// It may be wrong: since the fault named, or, without one, because [`Books::mark_suspect`] said so (messages were
    /// lost). The first cause is kept.
    Suspect(Option<Drop>),
}

/// How the two best prices of a book stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// The bid is below the offer, or one of them is missing.
    Apart,
    /// They are equal.
    Locked,
    /// The bid is above the offer.
    Crossed,
}

/// The books of one channel.
pub struct Books {
    books: Box<[Book]>,
    orders: Orders,
    arena: Arena,
    price_levels: u64,
}

impl Books {
    /// Empty books. All memory there will ever be is allocated and touched here; pages land on the NUMA node of the calling thread.
    pub fn new(capacity: BooksCapacity) -> Self {
        let instruments = capacity.instruments.min(BooksCapacity::MAX_INSTRUMENTS);
        Self {
            books: huge_pages::boxed(instruments as usize, Book::EMPTY),
            orders: Orders::new(capacity.orders),
            arena: Arena::new(capacity.levels),
            price_levels: 0,
        }
    }

    /// How much of the books' memory lies on huge pages: all that can, if the kernel granted what it was asked for. Not for the path.
    pub fn on_huge_pages(&self) -> OnHugePages {
        let mut tables = vec![huge_pages::addresses(&self.books)];
        tables.extend(self.orders.addresses());
        tables.extend(self.arena.addresses());
        huge_pages::on_huge_pages(&tables)
    }

    /// The order, if it is live.
    #[inline]
    pub fn order(&self, order: u64) -> Option<Order> {
        self.orders.find(order, &current(&self.books))
    }

    /// A new order. Any price but [`UNDEF_PRICE`] is taken: whether a price is sensible, or may be negative, the feed knows.
    ///
    /// Refused, and the book suspect: [`Drop::BadOrder`] (size 0, no price, or a book that is told levels or quotes),
    /// [`Drop::DuplicateOrder`] (live already; the live one stays as it is, and its book is suspect too), [`Drop::OrdersFull`],
    /// [`Drop::LevelsFull`]. [`Drop::UnknownInstrument`] has no book to be suspect.
    #[inline(always)]
    pub fn add(&mut self, instrument: u32, order: u64, side: Side, price: i64, size: u32) -> Result<Change, Drop> {
        let place = match self.admit(instrument, order, price, size) {
            Ok(place) => place,
            Err(reason) => return Err(self.refuse_add(instrument, order, reason)),
        };
        let Self { books, orders, arena, price_levels } = self;
        let Some(book) = books.get_mut(instrument as usize) else { return Err(Drop::UnknownInstrument) };
        let Some(change) = book.ladder_mut(side).add(arena, side, price, size) else {
            return Err(self.doubt(instrument, Drop::LevelsFull));
        };
        book.told = Told::Orders;
        book.live += 1;
        book.changed(arena, side);
        *price_levels += u64::from(change.effect == Effect::Added);
        orders.put(place, &Order { order, instrument, side, price, size }, Owner::new(instrument, book.generation));
        Ok(change)
    }

    /// Whether [`Books::add`] would take the order now. Changes and marks nothing.
    ///
    /// For the second half of a replace. The venue says two things, that the old order is gone and that there is a new one; the
    /// first is true whatever becomes of the second. So: [`Books::delete`] the old; ask this for the new; build the old one's
    /// records, the last of the message if the answer was no; [`Books::add`] the new, and build its records or count the
    /// refusal, which leaves the book suspect.
    pub fn can_add(&mut self, instrument: u32, order: u64, side: Side, price: i64, size: u32) -> Result<(), Drop> {
        self.admit(instrument, order, price, size)?;
        let has_room = self.books[instrument as usize].ladder(side).has_room(&self.arena, side, price);
        if has_room { Ok(()) } else { Err(Drop::LevelsFull) }
    }

    /// Takes `size` away from an order that was executed or cancelled in part or whole; without any left it is gone.
    ///
    /// More than the order has: what is there is taken, the order is gone, the book suspect, and [`Reduced::fault`] says so. The
    /// venue took at least all we know of; to leave the order standing would show size that is surely gone.
    ///
    /// Refused, and the book suspect: [`Drop::UnknownOrder`]; [`Drop::WrongInstrument`] (both books);
    /// [`Drop::UnknownInstrument`] (the order's book, if it is live). [`Drop::BadOrder`] for size 0, which no venue should say:
    /// refused so that it makes no records, but the book stays as good as it was, because it holds the same whether such a
    /// message is applied or not.
    #[inline(always)]
    pub fn reduce(&mut self, instrument: u32, order: u64, size: u32) -> Result<Reduced, Drop> {
        let (place, before) = self.held(instrument, order)?;
        if size == 0 {
            return Err(Drop::BadOrder);
        }
        if size > before.size {
            self.doubt(instrument, Drop::Overfill);
        }
        Ok(self.take(instrument, place, before, size))
    }

    /// Removes an order, whatever is left of it. Refused as [`Books::reduce`].
    #[inline(always)]
    pub fn delete(&mut self, instrument: u32, order: u64) -> Result<Reduced, Drop> {
        let (place, before) = self.held(instrument, order)?;
        Ok(self.take(instrument, place, before, before.size))
    }

    /// Sets the only level of a side, for feeds that tell the best prices without orders; size 0 means that there is none.
    /// The level's order count is 0: not told. `Ok(None)`: that is what it was.
    ///
    /// Refused, and the book suspect: [`Drop::BadOrder`] (a size without a price, or a book that is told orders or levels), [`Drop::LevelsFull`].
    /// [`Drop::UnknownInstrument`] has no book to be suspect.
    #[inline]
    pub fn quote(&mut self, instrument: u32, side: Side, price: i64, size: u32) -> Result<Option<Change>, Drop> {
        let book = self.books.get_mut(instrument as usize).ok_or(Drop::UnknownInstrument)?;
        if matches!(book.told, Told::Orders | Told::Levels) || (price == UNDEF_PRICE && size > 0) {
            return Err(self.doubt(instrument, Drop::BadOrder));
        }
        let Ok(change) = book.ladder_mut(side).quote(&mut self.arena, side, price, size) else {
            return Err(self.doubt(instrument, Drop::LevelsFull));
        };
        if let Some(change) = &change {
            book.told = Told::Quotes;
            book.changed(&self.arena, side);
            match change.effect {
                Effect::Added => self.price_levels += 1,
                Effect::Changed => {}
                Effect::Removed => self.price_levels -= 1,
            }
        }
        Ok(change)
    }

    /// Sets one price level to a size, for feeds that tell levels without orders; size 0 removes it. The level's order count is 0:
    /// not told. `Ok(None)`: that is what it was.
    ///
    /// Refused, and the book suspect: [`Drop::UnknownLevel`] (size 0 where no level stands: an update of ours or theirs is missing),
    /// [`Drop::BadOrder`] (no price, or a book that is told orders or quotes), [`Drop::LevelsFull`]. [`Drop::UnknownInstrument`] has
    /// no book to be suspect.
    #[inline]
    pub fn set_level(&mut self, instrument: u32, side: Side, price: i64, size: u32) -> Result<Option<Resized>, Drop> {
        let book = self.books.get_mut(instrument as usize).ok_or(Drop::UnknownInstrument)?;
        if price == UNDEF_PRICE || !matches!(book.told, Told::Nothing | Told::Levels) {
            return Err(self.doubt(instrument, Drop::BadOrder));
        }
        let (change, before) = match book.ladder_mut(side).set(&mut self.arena, side, price, size) {
            Ok(Some(set)) => set,
            Ok(None) => return Ok(None),
            Err(reason) => return Err(self.doubt(instrument, reason)),
        };
        book.told = Told::Levels;
        book.changed(&self.arena, side);
        match change.effect {
            Effect::Added => self.price_levels += 1,
            Effect::Changed => {}
            Effect::Removed => self.price_levels -= 1,
        }
        Ok(Some(Resized { change, before }))
    }

    /// The best bid and offer. Of an instrument out of range, as of an empty book, neither.
    #[inline]
    pub fn top(&self, instrument: u32) -> BidAsk {
        self.books.get(instrument as usize).map_or(BidAsk::EMPTY, |book| book.top.bid_ask())
    }

    /// The best ten levels of both sides.
    #[inline]
    pub fn top_levels(&self, instrument: u32, out: &mut [BidAsk; 10]) {
        let mut tops = [Top::EMPTY; 10];
        if let Some(book) = self.books.get(instrument as usize) {
            for side in [Side::Bid, Side::Ask] {
                for (shown, level) in tops.iter_mut().zip(book.ladder(side).iter(&self.arena, side)) {
                    shown.set(side, Some(level));
                }
            }
        }
        *out = zerocopy::transmute!(tops);
    }

    /// The levels of one side, best first.
    pub fn levels(&self, instrument: u32, side: Side) -> impl ExactSizeIterator<Item = Level> {
        let ladder = self.books.get(instrument as usize).map_or(&Ladder::EMPTY, |book| book.ladder(side));
        ladder.iter(&self.arena, side)
    }

    /// Empties one book: no level, no order, in good health. One step, however many orders it had (and one more for some 30 levels beyond the
    /// best hundred); their room comes back when it is needed.
    pub fn clear(&mut self, instrument: u32) {
        let Some(book) = self.books.get_mut(instrument as usize) else { return };
        for ladder in &mut book.ladders {
            self.price_levels -= u64::from(ladder.len(&self.arena));
            ladder.clear(&mut self.arena);
        }
        self.orders.forget(book.live);
        *book = Book { generation: book.generation.wrapping_add(1), ..Book::EMPTY };
        if book.generation == 0 {
            // What is left of the first generation must be gone before it comes again: a pass over all orders, every 256th time.
            let books = &self.books;
            self.orders.sweep(&|id| if id == instrument { NO_GENERATION } else { current(books)(id) });
        }
    }

    /// Empties all books, for a new session. Writes all memory that was used but the levels: milliseconds, not for the middle of a burst.
    pub fn clear_all(&mut self) {
        self.books.fill(Book::EMPTY);
        self.orders.clear();
        self.arena.clear();
        self.price_levels = 0;
    }

    /// Live orders of all books.
    pub fn live_orders(&self) -> u64 {
        self.orders.live() as u64
    }

    /// Price levels of all books, both sides.
    pub fn price_levels(&self) -> u64 {
        self.price_levels
    }

    /// Asks memory for what a message needs first: the book's line and its orders', all at once.
    ///
    /// Nearly all of a message's time is waiting for memory, and waits overlap only if they are asked for together: call this for
    /// all messages of a datagram, then [`Books::prefetch_levels`] for all, then apply them.
    #[inline(always)]
    pub fn prefetch(&self, instrument: u32, order: Option<u64>) {
        crate::sys::prefetch(&self.books, instrument as usize);
        if let Some(order) = order {
            self.orders.prefetch(order);
        }
    }

    /// Asks memory for the best levels of both sides. Reads the book's line, which should have come by now. (To look up the order first, and ask
    /// for its side alone, would be two lines less and a wait for the order: slower, 91 ns a message for 66.)
    #[inline(always)]
    pub fn prefetch_levels(&self, instrument: u32) {
        if let Some(book) = self.books.get(instrument as usize) {
            book.ladders.iter().for_each(|ladder| ladder.prefetch(&self.arena));
        }
    }

    /// How the best prices stand to each other: one comparison in the book's line.
    #[inline]
    pub fn crossing(&self, instrument: u32) -> Crossing {
        let top = self.top(instrument);
        if top.bid_px == UNDEF_PRICE || top.ask_px == UNDEF_PRICE || top.bid_px < top.ask_px {
            Crossing::Apart
        } else if top.bid_px == top.ask_px {
            Crossing::Locked
        } else {
            Crossing::Crossed
        }
    }

    /// Says from outside that the book may be wrong, because messages were lost. A book that is suspect already keeps its first cause.
    pub fn mark_suspect(&mut self, instrument: u32) {
        self.suspect(instrument, None);
    }

    /// Whether the book may be wrong. An instrument out of range has no book that could be right.
    #[inline]
    pub fn is_suspect(&self, instrument: u32) -> bool {
        self.health(instrument) != Health::Good
    }

    /// Whether the book can be believed, and since what fault it can't.
    #[inline]
    pub fn health(&self, instrument: u32) -> Health {
        self.books.get(instrument as usize).map_or(Health::Suspect(Some(Drop::UnknownInstrument)), |book| book.health)
    }

    /// Where a new order can be put, as far as the message and the order table go.
    #[inline(always)]
    fn admit(&mut self, instrument: u32, order: u64, price: i64, size: u32) -> Result<Place, Drop> {
        let book = self.books.get(instrument as usize).ok_or(Drop::UnknownInstrument)?;
        if size == 0 || price == UNDEF_PRICE || matches!(book.told, Told::Levels | Told::Quotes) {
            return Err(Drop::BadOrder);
        }
        self.orders.vacancy(order, &current(&self.books))
    }

    /// The live order that a message about this instrument means.
    #[inline(always)]
    fn held(&mut self, instrument: u32, order: u64) -> Result<(Place, Order), Drop> {
        let held = self.books.get(instrument as usize).and_then(|book| self.orders.held(order, Owner::new(instrument, book.generation)));
        held.ok_or_else(|| self.refuse_held(instrument, order))
    }

    /// Takes `size`, or what is left, away from the order there, which is this instrument's.
    #[inline(always)]
    fn take(&mut self, instrument: u32, place: Place, before: Order, size: u32) -> Reduced {
        let taken = size.min(before.size);
        let gone = taken == before.size;
        let book = &mut self.books[instrument as usize];
        let change = book.ladder_mut(before.side).reduce(&mut self.arena, before.side, before.price, taken, gone);
        book.changed(&self.arena, before.side);
        self.price_levels -= u64::from(change.effect == Effect::Removed);
        if gone {
            book.live -= 1;
            self.orders.remove(place);
        } else {
            self.orders.resize(place, before.size - taken);
        }
        Reduced { before, taken, excess: size - taken, change }
    }

    #[cold]
    fn refuse_add(&mut self, instrument: u32, order: u64, reason: Drop) -> Drop {
        if let (Drop::DuplicateOrder, Some(live)) = (reason, self.order(order)) {
            self.doubt(live.instrument, reason);
        }
        self.doubt(instrument, reason)
    }

    /// Why the order isn't one of this instrument's.
    #[cold]
    fn refuse_held(&mut self, instrument: u32, order: u64) -> Drop {
        let live = self.order(order);
        let reason = if instrument as usize >= self.books.len() {
            Drop::UnknownInstrument
        } else if live.is_some() {
            Drop::WrongInstrument
        } else {
            Drop::UnknownOrder
        };
        if let Some(live) = live {
            self.doubt(live.instrument, reason);
        }
        self.doubt(instrument, reason)
    }

    #[cold]
    fn doubt(&mut self, instrument: u32, reason: Drop) -> Drop {
        self.suspect(instrument, Some(reason));
        reason
    }

    fn suspect(&mut self, instrument: u32, reason: Option<Drop>) {
        if let Some(book) = self.books.get_mut(instrument as usize)
            && book.health == Health::Good
        {
            book.health = Health::Suspect(reason);
        }
    }
}

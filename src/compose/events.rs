//! What each event does to a book, and which records tell it, in which order.
//!
//! Records of a trade show the book before it, those of the cancel that follows the book after it. A message that the book
//! refuses makes no records: the venue and we disagree about what rests, so whatever we said would be a guess. A message that the
//! book can only partly apply makes records of what was applied, marked.

use super::build::{Act, Reach, Stamp, last_unless};
use super::notices::Print;
use super::{Composer, Moment};
use crate::book::{Change, Order, Reduced};
use crate::feed::{Official, Quoted, Shares, Side};
use crate::record::{Control, Header, Sink, action, control, flags, side};
use crate::stats::Drop;

/// An order as a message tells it.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub order: u64,
    pub price: i64,
    pub size: u32,
}

/// An execution of a resting order.
#[derive(Clone, Copy)]
pub(super) struct Executed {
    pub order: u64,
    pub size: u32,
    /// `None`: at the order's own.
    pub price: Option<i64>,
    pub match_number: u64,
    /// Not so: a cross has printed it already.
    pub printable: bool,
}

impl Composer {
    pub(super) fn add<S: Sink>(
        &mut self,
        stamp: &Stamp,
        told: Told,
        on: Side,
        attribution: Option<[u8; 4]>,
        sink: &mut S,
    ) -> Result<(), Drop> {
        let Told { order, price, size } = told;
        let change = self.books.add(stamp.instrument_id, order, on, price, size)?;
        self.tell(&stamp.with(flags::LAST), order, Act::new(action::ADD, on as u8, price, size), &change, sink);
        if let Some(name) = attribution {
            self.attribution(stamp, told, on, name, sink);
        }
        Ok(())
    }

    /// T (the trade, aggressor's side), F (the resting order), C (what it lost); no T where a cross has printed it.
    pub(super) fn execute<S: Sink>(&mut self, stamp: &Stamp, executed: Executed, sink: &mut S) -> Result<(), Drop> {
        let Executed { order, size, printable, .. } = executed;
        let id = stamp.instrument_id;
        let resting = match self.books.order(order) {
            Some(resting) if resting.instrument == id && size > 0 => resting,
            // The book knows the reason, and keeps the contradiction in mind.
            _ => return self.books.reduce(id, order, size).map(|_| ()),
        };
        // More than rests there: the book was wrong before this message.
        let stamp = &stamp.with(if size > resting.size { flags::MAYBE_BAD_BOOK } else { 0 });
        let price = executed.price.unwrap_or(resting.price);
        let traded = Act::new(action::TRADE, resting.side.opposite() as u8, price, size);
        let before = self.levels_waiting(stamp, traded, if printable { Reach::BOTH } else { Reach::NEITHER }, sink);
        let reduced = self.books.reduce(id, order, size)?;
        if printable {
            self.trade(&stamp.with(flags::LAST), traded, Print::plain(executed.match_number), sink);
            self.mbo(stamp, 0, traded, sink);
        }
        before.publish(stamp, 0, Reach::of(&reduced.change), sink);
        self.mbo(stamp, order, Act::new(action::FILL, resting.side as u8, price, reduced.taken), sink);
        self.taken(stamp, &reduced, sink);
        Ok(())
    }

    /// `size` `None`: all that is left.
    pub(super) fn cancel<S: Sink>(&mut self, stamp: &Stamp, order: u64, size: Option<u32>, sink: &mut S) -> Result<(), Drop> {
        let reduced = match size {
            Some(size) => self.books.reduce(stamp.instrument_id, order, size)?,
            None => self.books.delete(stamp.instrument_id, order)?,
        };
        self.taken(stamp, &reduced, sink);
        Ok(())
    }

    /// The C of what an order lost, as the last record of the message.
    fn taken<S: Sink>(&mut self, stamp: &Stamp, reduced: &Reduced, sink: &mut S) {
        let mut bits = flags::LAST;
        if let Some(reason) = reduced.fault() {
            // Applied as far as it goes, and counted: the venue and we disagree about what rested.
            self.drops.count(reason);
            bits |= flags::MAYBE_BAD_BOOK;
        }
        let Order { order, side: on, price, .. } = reduced.before;
        self.tell(&stamp.with(bits), order, Act::new(action::CANCEL, on as u8, price, reduced.taken), &reduced.change, sink);
    }

    /// C of the old order, A of the new. A new order that the book refuses leaves the old one gone, as the venue says, and the
    /// book in doubt: it lacks the new one.
    pub(super) fn replace<S: Sink>(&mut self, stamp: &Stamp, old: u64, new: Told, sink: &mut S) -> Result<(), Drop> {
        let id = stamp.instrument_id;
        let gone = self.books.delete(id, old)?;
        let Order { side: on, price: old_price, .. } = gone.before;
        let cancelled = Act::new(action::CANCEL, on as u8, old_price, gone.taken);
        let between = self.levels_waiting(stamp, cancelled.at(gone.change.rank), Reach::of(&gone.change), sink);
        self.count_wide(&gone.change);
        let came = self.books.add(id, new.order, on, new.price, new.size);
        let bad = if came.is_err() { flags::MAYBE_BAD_BOOK } else { 0 };
        between.publish(stamp, bad, came.as_ref().map_or(Reach::NEITHER, Reach::of), sink);
        self.mbo(&stamp.with(bad | last_unless(came.is_ok())), old, cancelled, sink);
        let added = Act::new(action::ADD, on as u8, new.price, new.size);
        self.tell(&stamp.with(flags::LAST), new.order, added, &came?, sink);
        Ok(())
    }

    /// A trade that touches no order we know; the trade of a cross also tells its price as an official one.
    pub(super) fn hidden_trade<S: Sink>(
        &mut self,
        stamp: &Stamp,
        price: i64,
        shares: Shares,
        official: Option<Official>,
        print: Print,
        sink: &mut S,
    ) -> Result<(), Drop> {
        if shares.size == 0 {
            // Nothing was traded: usual of a cross, and not a trade of anything else.
            if official.is_none() {
                return Err(Drop::BadValue);
            }
            self.empty_cross(stamp, price, print, sink);
            return Ok(());
        }
        self.saturated += u64::from(shares.saturated);
        let (last, traded) = (stamp.with(flags::LAST), Act::new(action::TRADE, side::NONE, price, shares.size));
        self.trade(&last, traded, print, sink);
        self.mbo(&last, 0, traded, sink);
        self.levels(&last, traded, Reach::BOTH, sink);
        if let Some(which) = official {
            self.official(stamp, which, price, Some(shares), sink);
        }
        Ok(())
    }

    /// A quote says both sides whole, so it also proves the instrument right. Every quote makes a record, also one that says what the
    /// last one said: the venue repeats itself where its own flags changed.
    pub(super) fn quote<S: Sink>(&mut self, stamp: &Stamp, bid: Quoted, ask: Quoted, at: &Moment, sink: &mut S) -> Result<(), Drop> {
        let id = stamp.instrument_id;
        let suspect = self.books.is_suspect(id);
        if suspect {
            self.books.clear(id);
        }
        self.books.quote(id, Side::Bid, bid.price, bid.size)?;
        self.books.quote(id, Side::Ask, ask.price, ask.size)?;
        let mut stamp = stamp.with(flags::LAST);
        if self.roster.prove(id) | suspect {
            if stamp.row.is_some() {
                let good = self.control(control::BOOK_GOOD, id, at, at.sequence, 0, control::cause::NONE);
                sink.control(&Control { hd: Header { ts_event: stamp.ts_event, ..good.hd }, ..good });
            }
            stamp.flags = self.flags(id) | flags::LAST;
        }
        self.levels(&stamp, Act::whole(action::MODIFY), Reach::BOTH, sink);
        Ok(())
    }

    /// One change of one level: the order's record, and the levels after it where they are concerned.
    #[inline]
    fn tell<S: Sink>(&mut self, stamp: &Stamp, order: u64, act: Act, change: &Change, sink: &mut S) {
        self.count_wide(change);
        self.mbo(stamp, order, act, sink);
        self.levels(stamp, act.at(change.rank), Reach::of(change), sink);
    }

    #[inline]
    fn count_wide(&mut self, change: &Change) {
        self.saturated += u64::from(change.level.is_wide());
    }
}

//! Price levels, for feeds that tell levels and no orders: the book moves only where an atomic event ends.
//!
//! Until then its updates wait (`staging`), and whoever looks sees the book as it was. At the end they are applied in their order, and
//! the event is told by at most one record a schema: `mbp-1` if the best prices are others, or other in size, than before, `mbp-10` if
//! any of the best ten is. An event of one level is told as what it was: `A` (it came; its size), `C` (it went; the size it had), `M` (its new
//! size). One of several levels is an `M` without price and size, of the side whose shown levels changed, `N` if both did.
//!
//! An event whose end never comes is not applied: what waited is counted ([`Drop::EventUnfinished`], [`Drop::EventTooLong`]), and its book
//! marked. The feed gives events no number, so an event that begins while another of the instrument is open cannot be told from
//! its continuation: both are applied where the next one ends. Each update says a level's whole size, so nothing becomes wrong by that.

use super::Composer;
use super::build::{Act, Reach, Stamp};
use super::staging::{Staged, Update};
use crate::book::{Effect, Resized};
use crate::feed::Side;
use crate::record::{BidAsk, Sink, action, flags, side};
use crate::stats::Drop;

impl Composer {
    /// One level update; `complete`: its event ends with it.
    #[inline]
    pub(super) fn level<S: Sink>(&mut self, stamp: &Stamp, update: Update, complete: bool, sink: &mut S) -> Result<(), Drop> {
        if !complete {
            return self.wait(stamp.instrument_id, update);
        }
        if self.staging.is_idle() || !self.staging.has(stamp.instrument_id) {
            if let Some(set) = self.set(stamp.instrument_id, update)? {
                let stamp = stamp.with(flags::LAST);
                self.levels(&stamp, one_level(&set).at(set.change.rank), Reach::of(&set.change), sink);
            }
            return Ok(());
        }
        self.complete(stamp, update, sink)
    }

    #[inline]
    fn set(&mut self, instrument: u32, Update { side, price, size }: Update) -> Result<Option<Resized>, Drop> {
        self.books.set_level(instrument, side, price, size)
    }

    fn wait(&mut self, instrument: u32, update: Update) -> Result<(), Drop> {
        while let Some(given_up) = self.staging.make_room(instrument) {
            self.drops.add(Drop::EventTooLong, u64::from(given_up.updates));
            self.books.mark_suspect(given_up.instrument);
        }
        match self.staging.stage(instrument, update) {
            Staged::Waits => Ok(()),
            Staged::Refused => Err(Drop::EventTooLong),
        }
    }

    /// The end of an event of which updates wait.
    fn complete<S: Sink>(&mut self, stamp: &Stamp, last: Update, sink: &mut S) -> Result<(), Drop> {
        let id = stamp.instrument_id;
        if self.staging.is_given_up(id) {
            self.staging.close(id);
            return Err(Drop::EventTooLong);
        }
        let (mut before, mut after) = ([BidAsk::EMPTY; 10], [BidAsk::EMPTY; 10]);
        self.books.top_levels(id, &mut before);
        let (mut changes, mut only) = (0_u32, None);
        while let Some(update) = self.staging.pop(id) {
            self.apply_one(id, update, &mut changes, &mut only);
        }
        self.staging.close(id);
        self.apply_one(id, last, &mut changes, &mut only);
        self.books.top_levels(id, &mut after);
        // A fault among the updates has made the book suspect.
        let stamp = stamp.with(flags::LAST | self.flags(id));
        let only = only.filter(|_| changes == 1);
        for (reach, shown) in [(Reach::TOP, 1), (Reach::TOP10, 10)] {
            let Some(side) = changed_side(&before[..shown], &after[..shown]) else { continue };
            let act = only.map_or(Act { side, ..Act::whole(action::MODIFY) }, |set: Resized| one_level(&set).at(set.change.rank));
            self.levels(&stamp, act, reach, sink);
        }
        Ok(())
    }

    fn apply_one(&mut self, id: u32, update: Update, changes: &mut u32, only: &mut Option<Resized>) {
        match self.set(id, update) {
            Ok(Some(set)) => (*changes, *only) = (*changes + 1, Some(set)),
            Ok(None) => {}
            Err(reason) => self.drops.count(reason),
        }
    }

    /// The end of no event that is open will come: messages were lost, or what began them is over.
    pub fn cut_events(&mut self) {
        while let Some(cut) = self.staging.cut() {
            self.drops.add(Drop::EventUnfinished, u64::from(cut.updates));
            self.books.mark_suspect(cut.instrument);
        }
    }
}

/// An event of one level.
#[inline]
fn one_level(set: &Resized) -> Act {
    let change = &set.change;
    let before = u32::try_from(set.before).unwrap_or(u32::MAX);
    let (action, size) = match change.effect {
        Effect::Added => (action::ADD, change.level.size_saturated()),
        Effect::Changed => (action::MODIFY, change.level.size_saturated()),
        Effect::Removed => (action::CANCEL, before),
    };
    Act::new(action, change.side as u8, change.level.price, size)
}

/// Which side of the levels shown is another; `None`: neither.
fn changed_side(before: &[BidAsk], after: &[BidAsk]) -> Option<u8> {
    let bid = |level: &BidAsk| (level.bid_px, level.bid_sz, level.bid_ct);
    let ask = |level: &BidAsk| (level.ask_px, level.ask_sz, level.ask_ct);
    let bids = before.iter().map(bid).ne(after.iter().map(bid));
    let asks = before.iter().map(ask).ne(after.iter().map(ask));
    match (bids, asks) {
        (false, false) => None,
        (true, false) => Some(Side::Bid as u8),
        (false, true) => Some(Side::Ask as u8),
        (true, true) => Some(side::NONE),
    }
}

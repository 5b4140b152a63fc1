//! The youngest references, a slot each: a ring over the last 2^k numbers.
//!
//! ```text
//!  slots     … │ 7004 │ 7005 │ 7006 │ 7007 │ 6976 │ 6977 │ …      slot of a reference: its low bits
//!                              newest ─┘       └─ tail: the next to leave
//! ```
//!
//! An add whose reference lies beyond the ring's end lets the oldest leave, 32 slots at a time (half of them vacant, and as many cache lines as
//! the reader's next fetch asks for, asked for one step ahead): who still rests moves into the table. At most [`MOST_CHUNKS`] steps are made for one add, so that
//! none costs more than a few microseconds whatever the references; a reference that is still beyond the end then goes to the table as well,
//! as a *stray*: the ring may cover its number later, so who doesn't find an order there looks in the table too, up to the largest stray.

use std::ops::Range;

use super::hashed::Hashed;
use super::{Current, Rest};
use crate::sys::huge_pages;

/// References that leave at once: eight cache lines.
const CHUNK: u64 = 32;
/// Chunks that leave for one add. References grow by 1 to 4 with each order; this catches up with gaps of any size.
const MOST_CHUNKS: u32 = 4;
/// Numbers the ring covers, for each order there is room for.
const REFERENCES_PER_ORDER: usize = 2;

fn slots(orders: usize) -> usize {
    (orders * REFERENCES_PER_ORDER).next_power_of_two().max(2 * CHUNK as usize)
}

/// Bytes that [`Window::new`] allocates.
pub(super) fn bytes(orders: usize) -> u64 {
    (slots(orders) * size_of::<Rest>()) as u64
}

pub(super) struct Window {
    /// A power of two.
    slots: Box<[Rest]>,
    /// The lowest reference that has a slot. Numbers wrap.
    tail: u64,
    /// Slots that are not vacant: live and stale orders.
    occupied: usize,
    /// The largest reference that went to the table although it was beyond the ring's end.
    strays: Option<u64>,
    /// The references that have a slot and cannot be in the table: so many from there on. All of the ring, without strays.
    sure_from: u64,
    sure: u64,
}

impl Window {
    pub fn new(orders: usize) -> Self {
        let slots = huge_pages::boxed(slots(orders), Rest::VACANT);
        Self { tail: 0, occupied: 0, strays: None, sure_from: 0, sure: slots.len() as u64, slots }
    }

    pub fn addresses(&self) -> Range<usize> {
        huge_pages::addresses(&self.slots)
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline(always)]
    fn index(&self, order: u64) -> usize {
        order as usize & (self.slots.len() - 1)
    }

    /// Whether the reference has a slot now.
    #[inline(always)]
    pub fn covers(&self, order: u64) -> bool {
        order.wrapping_sub(self.tail) < self.slots.len() as u64
    }

    /// The reference's slot, whoever is in it.
    #[inline(always)]
    pub fn get(&self, order: u64) -> Option<(usize, Rest)> {
        if !self.covers(order) {
            return None;
        }
        let at = self.index(order);
        self.slots.get(at).map(|&rest| (at, rest))
    }

    /// The same, if nobody need look in the table as well.
    #[inline(always)]
    pub fn get_surely(&self, order: u64) -> Option<(usize, Rest)> {
        if order.wrapping_sub(self.sure_from) >= self.sure {
            return None;
        }
        let at = self.index(order);
        self.slots.get(at).map(|&rest| (at, rest))
    }

    /// After the tail moved, or a stray came.
    fn measure(&mut self) {
        let len = self.slots.len() as u64;
        let unsure = match self.strays {
            Some(largest) if largest >= self.tail => (largest - self.tail).saturating_add(1).min(len),
            // The ring goes round the largest number.
            Some(_) if self.tail.checked_add(len).is_none() => len,
            _ => 0,
        };
        (self.sure_from, self.sure) = (self.tail.wrapping_add(unsure), len - unsure);
    }

    /// References that have a slot, from the one after this on if it has one, and what is in their slots.
    pub fn beyond(&self, order: u64) -> impl Iterator<Item = (u64, &Rest)> {
        let len = self.slots.len() as u64;
        // Where the ring goes round the largest number, larger ones may lie before it.
        let is_straight = self.tail.checked_add(len).is_some();
        let from = if is_straight { order.saturating_add(1).saturating_sub(self.tail).min(len) } else { 0 };
        let references = (from..len).map(|nth| self.tail.wrapping_add(nth));
        references.map(|order| (order, &self.slots[self.index(order)]))
    }

    /// Whether an order of this reference, if it has a slot, could be in the table.
    #[inline(always)]
    pub fn may_stray(&self, order: u64) -> bool {
        self.strays.is_some_and(|largest| order <= largest)
    }

    /// An order of this reference goes to the table.
    #[inline]
    pub fn note_stray(&mut self, order: u64) {
        if order.wrapping_sub(self.tail) as i64 > 0 {
            self.strays = self.strays.max(Some(order));
            self.measure();
        }
    }

    /// Asks memory for the reference's slot; false if it has none, and is too old to get one.
    #[inline(always)]
    pub fn prefetch(&self, order: u64) -> bool {
        let ahead = order.wrapping_sub(self.tail) as i64 >= 0;
        if ahead {
            crate::sys::prefetch(&self.slots, self.index(order));
        }
        ahead
    }

    #[inline(always)]
    pub fn put(&mut self, at: usize, rest: Rest) {
        let slot = &mut self.slots[at];
        // Not vacant: a stale order of the same reference.
        self.occupied += usize::from(slot.is_vacant());
        // One by one: gathered in memory first, as an assignment of the whole may be, they would be waited for (12 cycles).
        slot.price = rest.price;
        slot.size = rest.size;
        slot.tag = rest.tag;
    }

    #[inline(always)]
    pub fn resize(&mut self, at: usize, size: u32) {
        self.slots[at].size = size;
    }

    #[inline(always)]
    pub fn vacate(&mut self, at: usize) {
        self.occupied -= 1;
        self.slots[at].size = 0;
    }

    /// Moves along so that the reference has a slot, if it is young enough and not too far ahead.
    #[cold]
    pub fn follow(&mut self, order: u64, hashed: &mut Hashed, current: &impl Current) {
        let is_ahead = order.wrapping_sub(self.tail) as i64 >= 0;
        // Only then: what lies in the table as too old could be covered again after a few leaps round the numbers, and nobody would look there.
        if self.occupied == 0 && hashed.is_empty() {
            self.tail = order & !(CHUNK - 1);
            self.measure();
            return;
        }
        let mut chunks = MOST_CHUNKS;
        while is_ahead && chunks > 0 && !self.covers(order) && self.leave(hashed, current) {
            chunks -= 1;
        }
        self.measure();
    }

    /// Lets the oldest go, up to the next multiple of [`CHUNK`]. False if one of them has no room in the table, and stays.
    fn leave(&mut self, hashed: &mut Hashed, current: &impl Current) -> bool {
        let end = (self.tail & !(CHUNK - 1)).wrapping_add(CHUNK);
        let from = self.index(self.tail);
        for (slot, order) in self.slots[from..].iter().zip(self.tail..=end.wrapping_sub(1)) {
            if slot.is_live(current) {
                hashed.prefetch(order);
            }
        }
        while self.tail != end {
            let at = self.index(self.tail);
            let rest = self.slots[at];
            if rest.is_live(current) {
                let Ok(place) = hashed.vacancy(self.tail, true, current) else { return false };
                hashed.put(place, self.tail, rest);
            }
            self.occupied -= usize::from(!rest.is_vacant());
            self.slots[at].size = 0;
            self.tail = self.tail.wrapping_add(1);
        }
        // Those who leave next.
        for line in (0..CHUNK).step_by(4) {
            crate::sys::prefetch(&self.slots, self.index(end.wrapping_add(line)));
        }
        true
    }

    /// Sweeps out every stale order.
    pub fn sweep(&mut self, current: &impl Current) {
        for slot in self.slots.iter_mut().filter(|slot| !slot.is_vacant()) {
            if !slot.is_live(current) {
                slot.size = 0;
                self.occupied -= 1;
            }
        }
    }

    /// Forgets all orders. Writes from the tail on up to the youngest of them.
    pub fn clear(&mut self) {
        let mut at = self.index(self.tail);
        while self.occupied > 0 {
            self.occupied -= usize::from(!self.slots[at].is_vacant());
            self.slots[at].size = 0;
            at = (at + 1) & (self.slots.len() - 1);
        }
        (self.tail, self.strays) = (0, None);
        self.measure();
    }
}

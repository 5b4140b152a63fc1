//! Orders of any reference, in one open-addressed table.
//!
//! A power of two of 24-byte slots, at most three quarters of them occupied, all allocated at the
//! start. An order's home is the top bits of its reference times 2^64/φ; it lies in the first vacant slot from there on.
//! Dense and evenly spaced references, which is what venues give out, are spread more evenly by that than by chance; one
//! cache miss finds an order. (With the reference's own low bits as home, long-lived orders and the dense front would meet in
//! runs as long as the front: quadratic.) A removed order's slot is filled from the run behind it, so there are no
//! tombstones and the table does not age.
//!
//! **Bounded.** No order lies [`REACH`] slots or more from its home: an add that would have to is refused as [`Drop::OrdersFull`], and
//! nobody looks further. With honest references in a table as full as it may be, the chance of that anywhere is below 10^-9 (a run of
//! k needs luck of about e^(-0.0377 k) at a load of 0.75). Where references were made up to lie in one long run, a removal looks at
//! [`MOST_STEPS`] slots to fill its own, and leaves a *tombstone* if those do not suffice: nobody's order, swept out when its room is needed.
//! So whatever the references, a message costs at most 96 KiB; and an add looks at no slot but those from its home to its place.

use std::ops::Range;

use super::{Current, MAX_ORDERS, NOBODY, Rest};
use crate::stats::Drop;
use crate::sys::huge_pages;

/// How far from its home an order may lie.
const REACH: usize = 1024;
/// Slots that are looked at to fill the one of a removed order.
const MOST_STEPS: usize = 4 * REACH;
/// When stale orders take the room, so many slots are looked at for each add, until so many are vacant again.
const SWEEP_SLOTS: usize = 4096;
const SWEEP_ENOUGH: usize = 64;
/// 2^64 / φ, odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

#[derive(Clone, Copy)]
struct Slot {
    order: u64,
    rest: Rest,
}

const VACANT: Slot = Slot { order: u64::MAX, rest: Rest::VACANT };
/// Not vacant, and nobody's.
const TOMBSTONE: Slot = Slot { rest: Rest { size: 1, ..Rest::VACANT }, ..VACANT };

impl Slot {
    const fn is_tombstone(&self) -> bool {
        self.rest.tag == NOBODY
    }
}

pub(super) struct Hashed {
    slots: Box<[Slot]>,
    /// 64 - log2 of the slots.
    shift: u32,
    capacity: usize,
    /// Slots not vacant: live and stale orders, and tombstones.
    occupied: usize,
    /// Where the next sweep goes on.
    broom: usize,
}

/// Slots for so many orders.
fn slots(orders: usize) -> usize {
    (orders.min(MAX_ORDERS) * 4).div_ceil(3).next_power_of_two().max(8)
}

/// Bytes that [`Hashed::new`] allocates.
pub(super) fn bytes(orders: usize) -> u64 {
    slots(orders) as u64 * size_of::<Slot>() as u64
}

impl Hashed {
    /// A table for `orders` orders, live or stale.
    pub fn new(orders: usize) -> Self {
        let slots = slots(orders);
        Self { slots: huge_pages::boxed(slots, VACANT), shift: 64 - slots.trailing_zeros(), capacity: orders, occupied: 0, broom: 0 }
    }

    pub fn addresses(&self) -> Range<usize> {
        huge_pages::addresses(&self.slots)
    }

    pub fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// All slots, whatever is in them.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Rest)> {
        self.slots.iter().map(|slot| (slot.order, &slot.rest))
    }

    /// Where the order of this reference is that is meant, if it is there.
    #[inline]
    pub fn find(&self, order: u64, is_meant: impl Fn(&Rest) -> bool) -> Option<(usize, Rest)> {
        let mut at = self.home(order);
        for _ in 0..REACH {
            let slot = &self.slots[at];
            if slot.rest.is_vacant() {
                return None;
            }
            if slot.order == order && is_meant(&slot.rest) {
                return Some((at, slot.rest));
            }
            at = self.after(at);
        }
        None
    }

    /// Asks memory for the order's home.
    #[inline]
    pub fn prefetch(&self, order: u64) {
        crate::sys::prefetch(&self.slots, self.home(order));
    }

    /// Where an order not live yet can be put: [`Drop::DuplicateOrder`] if it is, [`Drop::OrdersFull`] if there is no room, of which
    /// stale orders may have taken some if there `is_room`.
    #[inline(never)]
    pub fn vacancy(&mut self, order: u64, is_room: bool, current: &impl Current) -> Result<usize, Drop> {
        let mut place = self.vacant_from_home(order, current)?;
        if self.occupied >= self.capacity && self.slots[place].rest.is_vacant() {
            if !is_room || !self.sweep_some(current) {
                return Err(Drop::OrdersFull);
            }
            place = self.vacant_from_home(order, current)?;
        }
        Ok(place)
    }

    /// Puts an order into its vacancy.
    #[inline]
    pub fn put(&mut self, at: usize, order: u64, rest: Rest) {
        let slot = &mut self.slots[at];
        // Not vacant: a stale order of the same reference.
        self.occupied += usize::from(slot.rest.is_vacant());
        *slot = Slot { order, rest };
    }

    #[inline]
    pub fn resize(&mut self, at: usize, size: u32) {
        self.slots[at].rest.size = size;
    }

    /// Forgets all orders. A pass over the whole table, unless there are none.
    pub fn clear(&mut self) {
        if self.occupied > 0 {
            self.slots.fill(VACANT);
        }
        (self.occupied, self.broom) = (0, 0);
    }

    #[inline]
    fn home(&self, order: u64) -> usize {
        (order.wrapping_mul(GOLDEN) >> self.shift) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    /// Slots from `from` on to `to`, round the end.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.slots.len() - 1)
    }

    /// The first vacant slot from the order's home on, or the stale one of the same reference.
    #[inline]
    fn vacant_from_home(&self, order: u64, current: &impl Current) -> Result<usize, Drop> {
        let mut at = self.home(order);
        for _ in 0..REACH {
            let slot = &self.slots[at];
            if slot.rest.is_vacant() {
                return Ok(at);
            }
            if slot.order == order && !slot.is_tombstone() {
                return if slot.rest.is_live(current) { Err(Drop::DuplicateOrder) } else { Ok(at) };
            }
            at = self.after(at);
        }
        Err(Drop::OrdersFull)
    }

    /// Makes a slot vacant and moves up what lies behind it, so that every order can still be reached from its home. Where that would take
    /// more than [`MOST_STEPS`] a tombstone is left.
    #[inline(never)]
    pub fn vacate(&mut self, mut hole: usize) {
        let (mut at, mut behind) = (hole, 0);
        for _ in 0..MOST_STEPS {
            at = self.after(at);
            behind += 1;
            let slot = self.slots[at];
            // What could move into the hole lies less than REACH behind it, or it would be too far from its home.
            if slot.rest.is_vacant() || behind >= REACH {
                self.slots[hole] = VACANT;
                self.occupied -= 1;
                return;
            }
            // It may move if the hole is not before its home. Nobody looks for a tombstone, so it stays.
            if !slot.is_tombstone() && self.distance(self.home(slot.order), at) >= behind {
                self.slots[hole] = slot;
                (hole, behind) = (at, 0);
            }
        }
        self.slots[hole] = TOMBSTONE;
    }

    /// Makes room out of stale orders and tombstones; false if none was found.
    #[cold]
    fn sweep_some(&mut self, current: &impl Current) -> bool {
        let before = self.occupied;
        self.sweep(self.broom, SWEEP_SLOTS.min(self.slots.len()), SWEEP_ENOUGH, current);
        self.occupied < before
    }

    /// Vacates every stale slot.
    pub fn sweep_all(&mut self, current: &impl Current) {
        self.sweep(0, self.slots.len(), usize::MAX, current);
    }

    /// Vacates stale slots among `count` from `at` on, until `enough` are.
    fn sweep(&mut self, mut at: usize, count: usize, enough: usize, current: &impl Current) {
        let mut swept = 0;
        for _ in 0..count {
            // What moves up into the slot is looked at too.
            while swept < enough && !self.slots[at].rest.is_vacant() && !self.slots[at].rest.is_live(current) {
                self.vacate(at);
                swept += 1;
                if self.slots[at].is_tombstone() && !self.slots[at].rest.is_vacant() {
                    break;
                }
            }
            if swept >= enough {
                break;
            }
            at = self.after(at);
        }
        self.broom = at;
    }
}

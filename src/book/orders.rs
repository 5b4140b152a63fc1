//! The live orders of a channel: order reference -> instrument, side, price and what is left of its size.
//!
//! An open-addressed table: a power of two of 24-byte slots, at most three quarters of them occupied, all allocated at the
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
//!
//! **Forgetting an instrument** is one step: its generation, which every slot carries 8 bits of, goes up, and
//! its orders are *stale*: not found any more, overwritten when their references come again, and swept out when their room is needed.
//!
//! Everything a store of orders must offer is the `pub(super)` interface here; one with another shape (a
//! paged array for dense references) can stand beside it.

use crate::feed::Side;
use crate::record::UNDEF_PRICE;
use crate::stats::Drop;
use crate::sys::huge_pages;

/// A live order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The venue's reference. Any number.
    pub order: u64,
    /// The venue's id of the instrument.
    pub instrument: u32,
    /// Side.
    pub side: Side,
    /// 1e-9 units.
    pub price: i64,
    /// Shares left. Never 0.
    pub size: u32,
}

/// Most instruments: 23 bits of a slot, but for the tombstones' own.
pub(super) const MAX_INSTRUMENTS: u32 = (1 << 23) - 1;
/// Most orders: counts per level have 32 bits.
pub(super) const MAX_ORDERS: usize = 1 << 31;
/// Bytes of one slot, and of what is kept of each instrument.
pub(super) const SLOT_BYTES: usize = size_of::<Slot>();
pub(super) const TENANT_BYTES: usize = size_of::<Tenant>();

/// How far from its home an order may lie.
const REACH: usize = 1024;
/// Slots that are looked at to fill the one of a removed order.
const MOST_STEPS: usize = 4 * REACH;
/// When stale orders take the room, so many slots are looked at for each add, until so many are vacant again.
const SWEEP_SLOTS: usize = 4096;
const SWEEP_ENOUGH: usize = 64;
/// 2^64 / φ, odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
/// Generations a slot can tell apart.
const GENERATIONS: u16 = 256;

/// Vacant if its size is 0: a live order always has some left.
#[derive(Clone, Copy)]
struct Slot {
    order: u64,
    price: i64,
    size: u32,
    /// Instrument (23 bits), generation (8), ask (1).
    tag: u32,
}

// No zeros: the system gives zeroed pages lazily, and the first touch of each would be a fault on the path.
const VACANT: Slot = Slot { order: u64::MAX, price: UNDEF_PRICE, size: 0, tag: TOMB };
/// Not vacant, and nobody's.
const TOMBSTONE: Slot = Slot { size: 1, ..VACANT };
/// Tag of an instrument that cannot be.
const TOMB: u32 = u32::MAX;

impl Slot {
    const fn instrument(&self) -> u32 {
        self.tag >> 9
    }

    const fn generation(&self) -> u16 {
        (self.tag >> 1 & 0xFF) as u16
    }

    const fn is_vacant(&self) -> bool {
        self.size == 0
    }

    const fn order(&self) -> Order {
        let side = if self.tag & 1 == 0 { Side::Bid } else { Side::Ask };
        Order { order: self.order, instrument: self.instrument(), side, price: self.price, size: self.size }
    }
}

/// What is kept of an instrument.
#[derive(Clone, Copy)]
struct Tenant {
    live: u32,
    /// Below `GENERATIONS`; at it for the moment in which nothing of the instrument is current.
    generation: u16,
}

/// Where an order is, or may be put. Good until the next call that changes the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

/// The table.
pub(super) struct Orders {
    slots: Box<[Slot]>,
    tenants: Box<[Tenant]>,
    /// 64 - log2 of the slots.
    shift: u32,
    capacity: usize,
    /// Slots not vacant: live and stale orders.
    occupied: usize,
    live: usize,
    /// Where the next sweep goes on.
    broom: usize,
}

/// Slots for so many orders.
pub(super) fn slots(orders: usize) -> usize {
    (orders.min(MAX_ORDERS) * 4).div_ceil(3).next_power_of_two().max(8)
}

impl Orders {
    /// A table for `orders` live orders of instruments below `instruments`.
    pub fn new(instruments: u32, orders: usize) -> Self {
        let slots = slots(orders);
        Self {
            slots: huge_pages::boxed(slots, VACANT),
            tenants: vec![Tenant { live: 0, generation: 0 }; instruments.min(MAX_INSTRUMENTS) as usize].into_boxed_slice(),
            shift: 64 - slots.trailing_zeros(),
            capacity: orders.min(MAX_ORDERS),
            occupied: 0,
            live: 0,
            broom: 0,
        }
    }

    /// Live orders.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Where the order is, if it is live.
    #[inline]
    pub fn find(&self, order: u64) -> Option<Place> {
        let mut at = self.home(order);
        for _ in 0..REACH {
            let slot = &self.slots[at];
            if slot.is_vacant() {
                return None;
            }
            if slot.order == order && !self.is_stale(slot) {
                return Some(Place(at));
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

    /// The order there.
    #[inline]
    pub fn at(&self, place: Place) -> Order {
        self.slots[place.0].order()
    }

    /// Where an order not live yet can be put: [`Drop::DuplicateOrder`] if it is, [`Drop::OrdersFull`] if there is no room.
    #[inline]
    pub fn vacancy(&mut self, order: u64) -> Result<Place, Drop> {
        let mut place = self.vacant_from_home(order)?;
        if self.occupied >= self.capacity && self.slots[place.0].is_vacant() {
            if !self.sweep_some() {
                return Err(Drop::OrdersFull);
            }
            place = self.vacant_from_home(order)?;
        }
        Ok(place)
    }

    /// Puts an order (of size > 0, of an instrument in range) into its vacancy.
    #[inline]
    pub fn put(&mut self, place: Place, order: Order) {
        let tenant = &mut self.tenants[order.instrument as usize];
        tenant.live += 1;
        self.live += 1;
        let tag = order.instrument << 9 | u32::from(tenant.generation & 0xFF) << 1 | u32::from(order.side == Side::Ask);
        let slot = &mut self.slots[place.0];
        // Not vacant: a stale order of the same reference.
        self.occupied += usize::from(slot.is_vacant());
        *slot = Slot { order: order.order, price: order.price, size: order.size, tag };
    }

    /// Sets what is left of the order; not 0.
    #[inline]
    pub fn resize(&mut self, place: Place, size: u32) {
        debug_assert!(size > 0);
        self.slots[place.0].size = size;
    }

    /// Removes the live order there.
    #[inline]
    pub fn remove(&mut self, place: Place) {
        self.tenants[self.slots[place.0].instrument() as usize].live -= 1;
        self.live -= 1;
        self.vacate(place.0);
    }

    /// Forgets all orders of an instrument in range.
    pub fn forget(&mut self, instrument: u32) {
        let tenant = &mut self.tenants[instrument as usize];
        self.live -= tenant.live as usize;
        tenant.live = 0;
        tenant.generation += 1;
        if tenant.generation == GENERATIONS {
            // The next generation is 0 again: what is left of the first must be gone. A pass over the whole
            // table (about 10 ms for 4 M slots), every 256th time that one instrument is forgotten.
            self.sweep(0, self.slots.len(), usize::MAX);
            self.tenants[instrument as usize].generation = 0;
        }
    }

    /// Forgets all orders. A pass over the whole table.
    pub fn clear(&mut self) {
        self.slots.fill(VACANT);
        self.tenants.fill(Tenant { live: 0, generation: 0 });
        (self.occupied, self.live, self.broom) = (0, 0, 0);
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

    #[inline]
    fn is_stale(&self, slot: &Slot) -> bool {
        slot.tag == TOMB || self.tenants[slot.instrument() as usize].generation != slot.generation()
    }

    /// The first vacant slot from the order's home on, or the stale one of the same reference.
    #[inline]
    fn vacant_from_home(&self, order: u64) -> Result<Place, Drop> {
        let mut at = self.home(order);
        for _ in 0..REACH {
            let slot = &self.slots[at];
            if slot.is_vacant() {
                return Ok(Place(at));
            }
            if slot.order == order && slot.tag != TOMB {
                return if self.is_stale(slot) { Ok(Place(at)) } else { Err(Drop::DuplicateOrder) };
            }
            at = self.after(at);
        }
        Err(Drop::OrdersFull)
    }

    /// Makes a slot vacant and moves up what lies behind it, so that every order can still be reached from its home. Where that would take
    /// more than [`MOST_STEPS`] a tombstone is left.
    #[inline]
    fn vacate(&mut self, mut hole: usize) {
        let (mut at, mut behind) = (hole, 0);
        for _ in 0..MOST_STEPS {
            at = self.after(at);
            behind += 1;
            let slot = self.slots[at];
            // What could move into the hole lies less than REACH behind it, or it would be too far from its home.
            if slot.is_vacant() || behind >= REACH {
                self.slots[hole] = VACANT;
                self.occupied -= 1;
                return;
            }
            // It may move if the hole is not before its home. Nobody looks for a tombstone, so it stays.
            if slot.tag != TOMB && self.distance(self.home(slot.order), at) >= behind {
                self.slots[hole] = slot;
                (hole, behind) = (at, 0);
            }
        }
        self.slots[hole] = TOMBSTONE;
    }

    /// Makes room out of stale orders; false if none was found.
    #[cold]
    fn sweep_some(&mut self) -> bool {
        if self.occupied == self.live {
            return false;
        }
        let before = self.occupied;
        self.sweep(self.broom, SWEEP_SLOTS.min(self.slots.len()), SWEEP_ENOUGH);
        self.occupied < before
    }

    /// Vacates stale slots among `count` from `at` on, until `enough` are.
    fn sweep(&mut self, mut at: usize, count: usize, enough: usize) {
        let mut swept = 0;
        for _ in 0..count {
            // What moves up into the slot is looked at too.
            while swept < enough && !self.slots[at].is_vacant() && self.is_stale(&self.slots[at]) {
                self.vacate(at);
                swept += 1;
                if self.slots[at].tag == TOMB {
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

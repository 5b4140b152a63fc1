//! The live orders of a channel: order reference -> instrument, side, price and what is left of its size.
//!
//! ```text
//!   references   0 ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ tail ═══════════════════════════ newest ┄┄┄┄▶
//!                 hashed: what is older,         window: the slot is the reference
//!                 and what is anything else      (a ring of the last 2^k references)
//! ```
//!
//! Venues give references out in turn, and nearly all that is cancelled or executed is young. So the youngest references have a slot each, in
//! a ring that moves along ([`window`]): no search, no key to compare, four orders to a cache line, and an add writes to the line that the add
//! before it wrote to. What rests for longer than the ring remembers moves to an open-addressed table ([`hashed`]), a few orders at each add, as
//! do references that are not in turn. So memory is bounded by the live orders and not by the day's references, and nothing ever grows.
//!
//! **Forgetting an instrument** is one step: its generation, which every order carries 8 bits of, goes up, and its orders are *stale*: not
//! found any more, and overwritten or swept out when their place is needed. Generations belong to the books, which pass them in as `Current`.

mod hashed;
mod window;

use std::ops::Range;

use crate::feed::Side;
use crate::stats::Drop;
use hashed::Hashed;
use window::Window;

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

/// Which generation of an instrument's orders is live; [`NO_GENERATION`] for none of them.
pub(super) trait Current: Fn(u32) -> u16 {}
impl<F: Fn(u32) -> u16> Current for F {}

/// No order has this generation.
pub(super) const NO_GENERATION: u16 = 256;

/// Instrument and generation: whose an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u32);

impl Owner {
    pub const fn new(instrument: u32, generation: u8) -> Self {
        Self(instrument << 8 | generation as u32)
    }
}

/// An order without its reference. Vacant if its size is 0: a live order always has some left.
#[derive(Clone, Copy)]
struct Rest {
    price: i64,
    size: u32,
    /// Instrument (23 bits), generation (8), ask (1).
    tag: u32,
}

/// Tag of an instrument that cannot be.
const NOBODY: u32 = u32::MAX;

impl Rest {
    // No zeros: the system gives zeroed pages lazily, and the first touch of each would be a fault on the path.
    const VACANT: Self = Self { price: i64::MAX, size: 0, tag: NOBODY };

    const fn new(order: &Order, owner: Owner) -> Self {
        Self { price: order.price, size: order.size, tag: owner.0 << 1 | order.side.index() as u32 }
    }

    const fn is_vacant(&self) -> bool {
        self.size == 0
    }

    const fn instrument(&self) -> u32 {
        self.tag >> 9
    }

    /// Whether it is a live order of this owner's.
    const fn is_of(&self, owner: Owner) -> bool {
        self.size != 0 && self.tag >> 1 == owner.0
    }

    /// Whether it is a live order of anybody's.
    fn is_live(&self, current: &impl Current) -> bool {
        self.size != 0 && current(self.instrument()) == (self.tag >> 1 & 0xFF) as u16
    }

    const fn order(&self, order: u64) -> Order {
        Order { order, instrument: self.instrument(), side: Side::of_index(self.tag & 1), price: self.price, size: self.size }
    }
}

/// Where an order is, or may be put: in the window, or behind it in the table. Good until the next call that changes the orders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

/// The orders.
pub(super) struct Orders {
    window: Window,
    hashed: Hashed,
    capacity: usize,
    live: usize,
}

/// Bytes that [`Orders::new`] allocates.
pub(super) fn bytes(orders: usize) -> u64 {
    let orders = orders.min(MAX_ORDERS);
    window::bytes(orders) + hashed::bytes(orders)
}

impl Orders {
    /// Room for `orders` live orders, whatever their references.
    pub fn new(orders: usize) -> Self {
        let capacity = orders.min(MAX_ORDERS);
        Self { window: Window::new(capacity), hashed: Hashed::new(capacity), capacity, live: 0 }
    }

    /// Where the orders lie.
    pub fn addresses(&self) -> [Range<usize>; 2] {
        [self.window.addresses(), self.hashed.addresses()]
    }

    /// Live orders.
    pub fn live(&self) -> usize {
        self.live
    }

    /// The order, if it is this owner's and live.
    #[inline(always)]
    pub fn held(&self, order: u64, owner: Owner) -> Option<(Place, Order)> {
        match self.window.get_surely(order) {
            Some((at, rest)) if rest.is_of(owner) => Some((Place(at), rest.order(order))),
            Some(_) => None,
            None => self.held_elsewhere(order, owner),
        }
    }

    #[inline(never)]
    fn held_elsewhere(&self, order: u64, owner: Owner) -> Option<(Place, Order)> {
        let young = self.window.get(order).filter(|(_, rest)| rest.is_of(owner));
        let (at, rest) = match young {
            Some(young) => young,
            None => self.hashed.find(order, |rest| rest.is_of(owner)).map(|(at, rest)| (self.window.len() + at, rest))?,
        };
        Some((Place(at), rest.order(order)))
    }

    /// The order, if it is anybody's and live.
    #[inline]
    pub fn find(&self, order: u64, current: &impl Current) -> Option<Order> {
        if let Some((_, rest)) = self.window.get(order) {
            if rest.is_live(current) {
                return Some(rest.order(order));
            }
            if !self.window.may_stray(order) {
                return None;
            }
        }
        self.hashed.find(order, |rest| rest.is_live(current)).map(|(_, rest)| rest.order(order))
    }

    /// Asks memory for the order's place.
    #[inline]
    pub fn prefetch(&self, order: u64) {
        if !self.window.prefetch(order) {
            self.hashed.prefetch(order);
        }
    }

    /// Where an order not live yet can be put: [`Drop::DuplicateOrder`] if it is, [`Drop::OrdersFull`] if there is no room.
    #[inline(always)]
    pub fn vacancy(&mut self, order: u64, current: &impl Current) -> Result<Place, Drop> {
        match self.window.get_surely(order) {
            Some((at, rest)) if rest.is_vacant() && self.live < self.capacity => Ok(Place(at)),
            _ => self.vacancy_elsewhere(order, current),
        }
    }

    #[inline(never)]
    fn vacancy_elsewhere(&mut self, order: u64, current: &impl Current) -> Result<Place, Drop> {
        if !self.window.covers(order) {
            self.window.follow(order, &mut self.hashed, current);
        }
        let is_room = self.live < self.capacity;
        let place = match self.window.get(order) {
            Some((at, rest)) => {
                if rest.is_live(current)
                    || (self.window.may_stray(order) && self.hashed.find(order, |rest| rest.is_live(current)).is_some())
                {
                    return Err(Drop::DuplicateOrder);
                }
                Place(at)
            }
            None => Place(self.window.len() + self.hashed.vacancy(order, is_room, current)?),
        };
        if is_room { Ok(place) } else { Err(Drop::OrdersFull) }
    }

    /// Puts an order (of size > 0) into its vacancy.
    #[inline(always)]
    pub fn put(&mut self, place: Place, order: &Order, owner: Owner) {
        self.live += 1;
        let rest = Rest::new(order, owner);
        match place.0.checked_sub(self.window.len()) {
            None => self.window.put(place.0, rest),
            Some(at) => self.put_in_table(at, order.order, rest),
        }
    }

    #[inline(never)]
    fn put_in_table(&mut self, at: usize, order: u64, rest: Rest) {
        self.window.note_stray(order);
        self.hashed.put(at, order, rest);
    }

    /// Sets what is left of the order; not 0.
    #[inline(always)]
    pub fn resize(&mut self, place: Place, size: u32) {
        debug_assert!(size > 0);
        match place.0.checked_sub(self.window.len()) {
            None => self.window.resize(place.0, size),
            Some(at) => self.hashed.resize(at, size),
        }
    }

    /// Removes the live order there.
    #[inline(always)]
    pub fn remove(&mut self, place: Place) {
        self.live -= 1;
        match place.0.checked_sub(self.window.len()) {
            None => self.window.vacate(place.0),
            Some(at) => self.hashed.vacate(at),
        }
    }

    /// Sizes of the live orders of the same owner, side and price that have larger references, in no order. Looks at what has a slot beyond the
    /// order's, and at the table only if larger references can be in it.
    pub fn behind(&self, order: &Order, owner: Owner) -> impl Iterator<Item = u32> {
        let (reference, like) = (order.order, Rest::new(order, owner));
        let in_table = !self.window.covers(reference) || self.window.may_stray(reference);
        let old = self.hashed.iter().take(if in_table { usize::MAX } else { 0 });
        let behind = self
            .window
            .beyond(reference)
            .chain(old)
            .filter(move |&(other, rest)| other > reference && rest.tag == like.tag && rest.price == like.price && !rest.is_vacant());
        behind.map(|(_, rest)| rest.size)
    }

    /// So many live orders have become stale.
    pub fn forget(&mut self, orders: u32) {
        self.live -= orders as usize;
    }

    /// Sweeps out every stale order: a pass over all memory (some 20 ms for 3 M orders).
    pub fn sweep(&mut self, current: &impl Current) {
        self.window.sweep(current);
        self.hashed.sweep_all(current);
    }

    /// Forgets all orders. Writes to the whole table if any order is in it, and to what of the window holds orders.
    pub fn clear(&mut self) {
        self.window.clear();
        self.hashed.clear();
        self.live = 0;
    }
}

//! The price levels of one side of one book, sorted with the best at the end.
//!
//! ```text
//!  a block of the arena, bids:             a block of the arena, asks:
//!  price    9.97  10.00  10.01  ·  ·       price   10.06  10.04  10.02  ·  ·
//!  size      300    100    700  ·  ·       size      200    900    100  ·  ·
//!  orders      1      1      4  ·  ·       orders      2      3      1  ·  ·
//!                     best ─┘                              best ─┘
//! ```
//!
//! Nearly all that happens, happens near the best, so that is where levels come and go without moving the others: an insert
//! moves what is better than itself. Prices and what stands there are two arrays, because the search reads
//! prices only. They are kept under unsigned keys, asks turned round, which cannot overflow at any price; so
//! both sides are the same code without a branch for the side: ascending keys, the largest the best.
//!
//! The search counts how many of the best eight keys are below the one it looks for: eight comparisons without a branch, where a loop that
//! stops at the right one is guessed wrong by the processor at most messages (14 cycles each time). A block's first eight places therefore
//! hold [`NO_KEY`] where there is no level.
//!
//! A side owns one block. It grows to the next class when full, gives half back when a quarter is left (not at a half, so that
//! a level that comes and goes doesn't move the block each time), and all of it when empty. A side of n levels therefore
//! occupies at most max(8, 4n) levels of the arena, 2n if it never was deeper.

use super::arena::{Arena, UNIT_LEVELS, Volume};
use super::change::{Change, Effect};
use crate::feed::Side;
use crate::stats::Drop;

/// So many keys from the best are compared, all of them, before the rest is halved: the smallest block.
const NEAR: usize = UNIT_LEVELS;

/// One price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// 1e-9 units.
    pub price: i64,
    /// Shares.
    pub size: u64,
    /// Orders; 0 where the feed doesn't tell.
    pub orders: u32,
}

impl Level {
    /// The size as records carry it. [`Level::is_wide`] tells whether it was cut.
    #[inline]
    pub const fn size_saturated(&self) -> u32 {
        if self.is_wide() { u32::MAX } else { self.size as u32 }
    }

    /// Whether the size is more than a record can carry (32 bits).
    #[inline]
    pub const fn is_wide(&self) -> bool {
        self.size > u32::MAX as u64
    }
}

/// One side of one book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    /// First unit of the block.
    start: u32,
    /// Levels in it.
    len: u32,
    /// Class of the block, or `NO_BLOCK`.
    class: u8,
}

const NO_BLOCK: u8 = u8::MAX;
/// Below no key.
const NO_KEY: u64 = u64::MAX;
/// Levels that move one by one; more of them go by two calls.
const FEW: usize = 8;

/// The price's place in the order from worst to best; unsigned, so that counting smaller ones is a comparison and an add with carry.
#[inline(always)]
const fn key(side: Side, price: i64) -> u64 {
    price as u64 ^ turned(side)
}

/// The price that has this key.
#[inline(always)]
const fn price(side: Side, key: u64) -> i64 {
    (key ^ turned(side)) as i64
}

#[inline(always)]
const fn turned(side: Side) -> u64 {
    // 2^63 for a bid, and all the other bits for an ask.
    (1 << 63) ^ (side.index() as u64).wrapping_neg()
}

#[inline]
fn level(side: Side, key: u64, volume: Volume) -> Level {
    Level { price: price(side, key), size: volume.size, orders: volume.orders }
}

impl Ladder {
    pub const EMPTY: Self = Self { start: 0, len: 0, class: NO_BLOCK };

    /// How many levels there are.
    #[inline]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// The levels, best first.
    #[inline]
    pub fn iter<'a>(&self, arena: &'a Arena, side: Side) -> impl ExactSizeIterator<Item = Level> + use<'a> {
        let first = self.first();
        let range = first..first + self.len as usize;
        arena.keys[range.clone()].iter().zip(&arena.volumes[range]).rev().map(move |(&at, &volume)| level(side, at, volume))
    }

    /// The best level.
    #[inline(always)]
    pub fn best(&self, arena: &Arena, side: Side) -> Option<Level> {
        let best = self.first() + (self.len as usize).checked_sub(1)?;
        Some(level(side, *arena.keys.get(best)?, *arena.volumes.get(best)?))
    }

    /// Asks memory for the best levels.
    #[inline]
    pub fn prefetch(&self, arena: &Arena) {
        let best = (self.first() + self.len as usize).wrapping_sub(1);
        crate::sys::prefetch(&arena.keys, best);
        crate::sys::prefetch(&arena.volumes, best);
    }

    /// How many levels are worse than the key.
    #[inline(always)]
    fn below(&self, arena: &Arena, key: u64) -> usize {
        let len = self.len as usize;
        let far = len.saturating_sub(NEAR);
        let from = self.first() + far;
        let Some(near) = arena.keys.get(from..from + NEAR).and_then(<[u64]>::as_array::<NEAR>) else { return 0 };
        let below = crate::sys::count_below(near, key);
        if below == 0 && far > 0 {
            return self.below_far(arena, far, key);
        }
        // Without a block, somebody else's keys were counted.
        (far + below).min(len)
    }

    #[cold]
    fn below_far(&self, arena: &Arena, far: usize, key: u64) -> usize {
        arena.keys[self.first()..][..far].partition_point(|&k| k < key)
    }

    /// Where the level with this key is, or would be.
    #[inline(always)]
    fn find(&self, arena: &Arena, key: u64) -> (usize, bool) {
        let at = self.below(arena, key);
        (at, at < self.len as usize && arena.keys[self.first() + at] == key)
    }

    /// Whether an order at the price could be added.
    pub fn has_room(&self, arena: &Arena, side: Side, price: i64) -> bool {
        if (self.len as usize) < self.capacity() {
            return true;
        }
        if self.class == NO_BLOCK {
            return arena.has(0);
        }
        let (_, known) = self.find(arena, key(side, price));
        known || arena.can_double(self.start, self.class) || arena.has(self.class + 1)
    }

    /// One order more at the price. `None`: there is no room for a further level, and nothing changed.
    #[inline(always)]
    pub fn add(&mut self, arena: &mut Arena, side: Side, price: i64, size: u32) -> Option<Change> {
        let key = key(side, price);
        let (at, known) = self.find(arena, key);
        if known {
            let volume = &mut arena.volumes[self.first() + at];
            volume.size += u64::from(size);
            volume.orders += 1;
            let level = level(side, key, *volume);
            return Some(Change { side, rank: self.len - 1 - at as u32, effect: Effect::Changed, level });
        }
        self.insert(arena, side, at, key, Volume { size: u64::from(size), orders: 1 })
    }

    /// `size` less at the price, and one order less if it is `gone`.
    #[inline(always)]
    pub fn reduce(&mut self, arena: &mut Arena, side: Side, price: i64, size: u32, gone: bool) -> Change {
        let key = key(side, price);
        let (at, known) = self.find(arena, key);
        // An order is held only together with its level: anything else is a broken invariant of ours, never the input's doing.
        assert!(known, "a live order stands on no price level");
        let rank = self.len - 1 - at as u32;
        let volume = &mut arena.volumes[self.first() + at];
        volume.size -= u64::from(size);
        volume.orders -= u32::from(gone);
        let level = level(side, key, *volume);
        if volume.orders > 0 {
            return Change { side, rank, effect: Effect::Changed, level };
        }
        self.remove(arena, at);
        Change { side, rank, effect: Effect::Removed, level }
    }

    /// Sets the only level of a side without orders; size 0 for none. `Ok(None)`: that is what it was. `Err`: no room.
    pub fn quote(&mut self, arena: &mut Arena, side: Side, price: i64, size: u32) -> Result<Option<Change>, ()> {
        let (key, first) = (key(side, price), self.first());
        let volume = Volume { size: u64::from(size), orders: 0 };
        if self.len == 0 {
            return if size == 0 { Ok(None) } else { self.insert(arena, side, 0, key, volume).map(Some).ok_or(()) };
        }
        let old = (arena.keys[first], arena.volumes[first]);
        if size == 0 {
            self.remove(arena, 0);
            let level = level(side, old.0, volume);
            return Ok(Some(Change { side, rank: 0, effect: Effect::Removed, level }));
        }
        if old == (key, volume) {
            return Ok(None);
        }
        (arena.keys[first], arena.volumes[first]) = (key, volume);
        Ok(Some(Change { side, rank: 0, effect: Effect::Changed, level: level(side, key, volume) }))
    }

    /// Sets the level at the price, without orders, to `size`; 0 removes it. Tells its size before, too: 0 if there was none.
    #[inline]
    pub fn set(&mut self, arena: &mut Arena, side: Side, price: i64, size: u32) -> Result<Option<(Change, u64)>, Drop> {
        let key = key(side, price);
        let (at, known) = self.find(arena, key);
        let volume = Volume { size: u64::from(size), orders: 0 };
        if !known {
            if size == 0 {
                return Err(Drop::UnknownLevel);
            }
            let change = self.insert(arena, side, at, key, volume).ok_or(Drop::LevelsFull)?;
            return Ok(Some((change, 0)));
        }
        let rank = self.len - 1 - at as u32;
        let before = std::mem::replace(&mut arena.volumes[self.first() + at], volume).size;
        let level = level(side, key, volume);
        if size == 0 {
            self.remove(arena, at);
            return Ok(Some((Change { side, rank, effect: Effect::Removed, level }, before)));
        }
        let change = Change { side, rank, effect: Effect::Changed, level };
        Ok((before != volume.size).then_some((change, before)))
    }

    /// Gives the block back.
    pub fn clear(&mut self, arena: &mut Arena) {
        if self.class != NO_BLOCK {
            arena.give(self.start, self.class);
        }
        *self = Self::EMPTY;
    }

    fn first(&self) -> usize {
        self.start as usize * UNIT_LEVELS
    }

    fn capacity(&self) -> usize {
        if self.class == NO_BLOCK { 0 } else { UNIT_LEVELS << self.class }
    }

    #[inline(never)]
    fn insert(&mut self, arena: &mut Arena, side: Side, at: usize, key: u64, volume: Volume) -> Option<Change> {
        if self.len as usize == self.capacity() {
            self.grow(arena)?;
        }
        let first = self.first();
        let (at, end) = (first + at, first + self.len as usize);
        let (keys, volumes) = (&mut arena.keys[at..=end], &mut arena.volumes[at..=end]);
        if end - at > FEW {
            keys.copy_within(..end - at, 1);
            volumes.copy_within(..end - at, 1);
        } else {
            for to in (1..keys.len().min(volumes.len())).rev() {
                (keys[to], volumes[to]) = (keys[to - 1], volumes[to - 1]);
            }
        }
        (keys[0], volumes[0]) = (key, volume);
        self.len += 1;
        Some(Change { side, rank: (end - at) as u32, effect: Effect::Added, level: level(side, key, volume) })
    }

    #[inline(never)]
    fn remove(&mut self, arena: &mut Arena, at: usize) {
        let first = self.first();
        let (at, last) = (first + at, first + self.len as usize - 1);
        let (keys, volumes) = (&mut arena.keys[at..=last], &mut arena.volumes[at..=last]);
        if last - at > FEW {
            keys.copy_within(1.., 0);
            volumes.copy_within(1.., 0);
        } else {
            for to in 1..keys.len().min(volumes.len()) {
                (keys[to - 1], volumes[to - 1]) = (keys[to], volumes[to]);
            }
        }
        keys[last - at] = NO_KEY;
        self.len -= 1;
        if self.len == 0 || (self.class > 0 && self.len as usize <= self.capacity() / 4) {
            self.shrink(arena);
        }
    }

    #[cold]
    fn shrink(&mut self, arena: &mut Arena) {
        if self.len == 0 {
            self.clear(arena);
        } else {
            arena.halve(self.start, self.class);
            self.class -= 1;
        }
    }

    #[cold]
    fn grow(&mut self, arena: &mut Arena) -> Option<()> {
        if self.class == NO_BLOCK {
            self.start = arena.take(0)?;
            self.class = 0;
            let first = self.first();
            arena.keys[first..first + NEAR].fill(NO_KEY);
        } else if arena.double(self.start, self.class) {
            self.class += 1;
        } else {
            let old = (self.start, self.class);
            let from = self.first();
            self.start = arena.take(self.class + 1)?;
            self.class += 1;
            arena.keys.copy_within(from..from + self.len as usize, self.first());
            arena.volumes.copy_within(from..from + self.len as usize, self.first());
            arena.give(old.0, old.1);
        }
        Some(())
    }
}

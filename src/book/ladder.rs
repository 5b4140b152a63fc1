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
//! A side owns one block of up to 128 levels. It grows to the next class when full, gives half back when a quarter is left (not at a half, so that
//! a level that comes and goes doesn't move the block each time), and all of it when empty. What is too much for 128 levels goes, worst first, to
//! [`Far`], and comes back when a quarter is left; so the best 33 are always in the block, and at most 128 levels move.
//! A side of n levels therefore occupies at most max(8, 4n) levels of the arena, 2n if it never was deeper; once it was deeper than 128, up to
//! 72 and a quarter of n more, for the last chunk and the list of the far ones.

use std::ops::Range;

use super::arena::{Arena, UNIT_LEVELS, Volume};
use super::change::{Change, Effect};
use super::far::{Far, Place};
use crate::feed::Side;
use crate::stats::Drop;

/// So many keys from the best are compared, all of them, before the rest is halved: the smallest block.
const NEAR: usize = UNIT_LEVELS;
/// The largest block, of 128 levels: what moves when a level comes at its worst end takes some 60 ns.
const MOST_CLASS: u8 = 4;
/// So many of a full one go to the far levels. Not the whole of a chunk (64), so that there is room for a further one.
const SPILLED: usize = 48;

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
    /// What is worse than everything in the block. Only beside a block of [`MOST_CLASS`] with more than a quarter of its levels.
    far: Far,
    /// Levels in the block.
    len: u16,
    /// Class of the block, or `NO_BLOCK`.
    class: u8,
}

const NO_BLOCK: u8 = u8::MAX;
/// Below no key.
const NO_KEY: u64 = u64::MAX;

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
    pub const EMPTY: Self = Self { start: 0, far: Far::NONE, len: 0, class: NO_BLOCK };

    /// How many levels there are.
    #[inline]
    pub fn len(&self, arena: &Arena) -> u32 {
        u32::from(self.len) + self.far.levels(arena)
    }

    /// The levels, best first.
    #[inline]
    pub fn iter<'a>(&self, arena: &'a Arena, side: Side) -> Levels<'a> {
        Levels { arena, side, now: self.block(), chunks: self.far.entries(arena), left: self.len(arena) as usize }
    }

    /// The best level.
    #[inline(always)]
    pub fn best(&self, arena: &Arena, side: Side) -> Option<Level> {
        let best = self.first() + usize::from(self.len).checked_sub(1)?;
        Some(level(side, *arena.keys.get(best)?, *arena.volumes.get(best)?))
    }

    /// Asks memory for the best levels.
    #[inline]
    pub fn prefetch(&self, arena: &Arena) {
        let best = self.block().end.wrapping_sub(1);
        crate::sys::prefetch(&arena.keys, best);
        crate::sys::prefetch(&arena.volumes, best);
    }

    /// How many levels of the block are worse than the key.
    #[inline(always)]
    fn below(&self, arena: &Arena, key: u64) -> usize {
        let len = usize::from(self.len);
        let rest = len.saturating_sub(NEAR);
        let from = self.first() + rest;
        let Some(near) = arena.keys.get(from..from + NEAR).and_then(<[u64]>::as_array::<NEAR>) else { return 0 };
        let below = crate::sys::count_below(near, key);
        if below == 0 && rest > 0 {
            return self.below_rest(arena, rest, key);
        }
        // Without a block, somebody else's keys were counted.
        (rest + below).min(len)
    }

    #[cold]
    fn below_rest(&self, arena: &Arena, rest: usize, key: u64) -> usize {
        arena.keys[self.first()..][..rest].partition_point(|&k| k < key)
    }

    /// Where the level with this key is, or would be.
    #[inline(always)]
    fn find(&self, arena: &Arena, key: u64) -> Place {
        let below = self.below(arena, key);
        let len = usize::from(self.len);
        let at = self.first() + below;
        let rank = (len - below) as u32;
        if below < len && arena.keys[at] == key {
            return Place { at, rank: rank - 1, is_known: true, entry: Place::IN_BLOCK };
        }
        if below == 0 && !self.far.is_none() {
            return self.far.find(arena, u32::from(self.len), key);
        }
        Place { at, rank, is_known: false, entry: Place::IN_BLOCK }
    }

    /// Whether an order at the price could be added.
    pub fn has_room(&self, arena: &Arena, side: Side, price: i64) -> bool {
        let has_place = usize::from(self.len) < self.capacity();
        if has_place && self.far.is_none() {
            return true;
        }
        let found = self.find(arena, key(side, price));
        if found.is_known {
            true
        } else if found.is_far() {
            self.far.has_room(arena, found.entry)
        } else if has_place {
            true
        } else if self.class == NO_BLOCK {
            arena.has(0)
        } else if self.class < MOST_CLASS {
            arena.can_grow(self.start, self.class)
        } else {
            self.far.has_room_for_chunk(arena)
        }
    }

    /// One order more at the price. `None`: there is no room for a further level, and nothing changed.
    #[inline(always)]
    pub fn add(&mut self, arena: &mut Arena, side: Side, price: i64, size: u32) -> Option<Change> {
        let key = key(side, price);
        let found = self.find(arena, key);
        if found.is_known {
            let volume = &mut arena.volumes[found.at];
            volume.size += u64::from(size);
            volume.orders += 1;
            let level = level(side, key, *volume);
            return Some(Change { side, rank: found.rank, effect: Effect::Changed, level });
        }
        self.insert(arena, side, found, key, Volume { size: u64::from(size), orders: 1 })
    }

    /// `size` less at the price, and one order less if it is `gone`.
    #[inline(always)]
    pub fn reduce(&mut self, arena: &mut Arena, side: Side, price: i64, size: u32, gone: bool) -> Change {
        let key = key(side, price);
        let found = self.find(arena, key);
        // An order is held only together with its level: anything else is a broken invariant of ours, never the input's doing.
        assert!(found.is_known, "a live order stands on no price level");
        let volume = &mut arena.volumes[found.at];
        volume.size -= u64::from(size);
        volume.orders -= u32::from(gone);
        let level = level(side, key, *volume);
        if volume.orders > 0 {
            return Change { side, rank: found.rank, effect: Effect::Changed, level };
        }
        self.remove(arena, found);
        Change { side, rank: found.rank, effect: Effect::Removed, level }
    }

    /// Sets the only level of a side without orders; size 0 for none. `Ok(None)`: that is what it was. `Err`: no room.
    pub fn quote(&mut self, arena: &mut Arena, side: Side, price: i64, size: u32) -> Result<Option<Change>, ()> {
        let (key, first) = (key(side, price), self.first());
        let volume = Volume { size: u64::from(size), orders: 0 };
        let only = Place { at: first, rank: 0, is_known: true, entry: Place::IN_BLOCK };
        if self.len == 0 {
            return if size == 0 { Ok(None) } else { self.insert(arena, side, only, key, volume).map(Some).ok_or(()) };
        }
        let old = (arena.keys[first], arena.volumes[first]);
        if size == 0 {
            self.remove(arena, only);
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
        let found = self.find(arena, key);
        let volume = Volume { size: u64::from(size), orders: 0 };
        if !found.is_known {
            if size == 0 {
                return Err(Drop::UnknownLevel);
            }
            let change = self.insert(arena, side, found, key, volume).ok_or(Drop::LevelsFull)?;
            return Ok(Some((change, 0)));
        }
        let before = std::mem::replace(&mut arena.volumes[found.at], volume).size;
        let level = level(side, key, volume);
        if size == 0 {
            self.remove(arena, found);
            return Ok(Some((Change { side, rank: found.rank, effect: Effect::Removed, level }, before)));
        }
        let change = Change { side, rank: found.rank, effect: Effect::Changed, level };
        Ok((before != volume.size).then_some((change, before)))
    }

    /// Gives everything back.
    pub fn clear(&mut self, arena: &mut Arena) {
        if self.class != NO_BLOCK {
            arena.give(self.start, self.class);
        }
        self.far.clear(arena);
        *self = Self::EMPTY;
    }

    #[inline(always)]
    fn first(&self) -> usize {
        self.start as usize * UNIT_LEVELS
    }

    /// The block's levels, worst first.
    #[inline(always)]
    fn block(&self) -> Range<usize> {
        let first = self.first();
        first..first + usize::from(self.len)
    }

    fn capacity(&self) -> usize {
        if self.class == NO_BLOCK { 0 } else { UNIT_LEVELS << self.class }
    }

    /// A level more, where `found` tells.
    #[inline(always)]
    fn insert(&mut self, arena: &mut Arena, side: Side, found: Place, key: u64, volume: Volume) -> Option<Change> {
        if found.is_far() {
            self.far.insert(arena, found, key, volume)?;
            return Some(Change { side, rank: found.rank, effect: Effect::Added, level: level(side, key, volume) });
        }
        self.insert_near(arena, side, found.at, key, volume)
    }

    #[inline(never)]
    fn insert_near(&mut self, arena: &mut Arena, side: Side, at: usize, key: u64, volume: Volume) -> Option<Change> {
        if usize::from(self.len) == self.capacity() {
            return self.insert_grown(arena, side, key, volume);
        }
        let end = self.block().end;
        arena.insert(at, end, key, volume);
        self.len += 1;
        Some(Change { side, rank: (end - at) as u32, effect: Effect::Added, level: level(side, key, volume) })
    }

    #[cold]
    fn insert_grown(&mut self, arena: &mut Arena, side: Side, key: u64, volume: Volume) -> Option<Change> {
        self.grow(arena)?;
        let found = self.find(arena, key);
        self.insert(arena, side, found, key, volume)
    }

    #[inline(always)]
    fn remove(&mut self, arena: &mut Arena, found: Place) {
        if found.is_far() { self.far.remove(arena, found) } else { self.remove_near(arena, found.at) }
    }

    #[inline(never)]
    fn remove_near(&mut self, arena: &mut Arena, at: usize) {
        let last = self.block().end - 1;
        arena.remove(at, last);
        arena.keys[last] = NO_KEY;
        self.len -= 1;
        if self.len == 0 || (self.class > 0 && usize::from(self.len) <= self.capacity() / 4) {
            self.shrink(arena);
        }
    }

    #[cold]
    fn shrink(&mut self, arena: &mut Arena) {
        if !self.far.is_none() {
            self.fetch(arena);
        } else if self.len == 0 {
            self.clear(arena);
        } else {
            arena.halve(self.start, self.class);
            self.class -= 1;
        }
    }

    /// The best chunk of the far levels comes into the block, which has room for it: it is a quarter full.
    fn fetch(&mut self, arena: &mut Arena) {
        let chunk = self.far.best(arena);
        let (first, len) = (self.first(), chunk.len());
        arena.copy(self.block(), first + len);
        arena.copy(chunk, first);
        self.far.drop_best(arena);
        self.len += len as u16;
    }

    fn grow(&mut self, arena: &mut Arena) -> Option<()> {
        if self.class == NO_BLOCK {
            self.start = arena.take(0)?;
            self.class = 0;
            let first = self.first();
            arena.keys[first..first + NEAR].fill(NO_KEY);
        } else if self.class < MOST_CLASS {
            self.start = arena.grow(self.start, self.class, usize::from(self.len))?;
            self.class += 1;
        } else {
            let (first, end) = (self.first(), self.block().end);
            self.far.push_best(arena, first..first + SPILLED)?;
            arena.copy(first + SPILLED..end, first);
            self.len -= SPILLED as u16;
        }
        Some(())
    }
}

/// The levels of one side, best first.
#[derive(Clone)]
pub struct Levels<'a> {
    arena: &'a Arena,
    side: Side,
    /// Those of the block or chunk that are still to come, worst first.
    now: Range<usize>,
    /// The chunks after it, the worst first.
    chunks: Range<usize>,
    left: usize,
}

impl Iterator for Levels<'_> {
    type Item = Level;

    #[inline]
    fn next(&mut self) -> Option<Level> {
        if self.now.is_empty() {
            self.now = Far::chunk(self.arena, self.chunks.next_back()?);
        }
        let at = self.now.next_back()?;
        self.left -= 1;
        Some(level(self.side, self.arena.keys[at], self.arena.volumes[at]))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Levels<'_> {}

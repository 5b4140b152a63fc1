//! Where price levels live: one preallocated arena that hands out blocks of 8, 16, 32, … levels.
//!
//! A buddy allocator. The arena is cut into units of [`UNIT_LEVELS`] levels; a block of class `c` is `2^c` units and
//! begins at a multiple of `2^c`, so that the block it was split from, and the other half (its buddy, at `start ^ 2^c`),
//! are known from its number. Free blocks of a class are a doubly linked list whose links lie beside the levels.
//!
//! Taking, giving back, halving and doubling in place cost at most one step a class (29), whatever happened before. What
//! is given back is joined with its buddy at once, so emptied books never leave the arena in crumbs: when all is given
//! back it is as new. Plain free lists by size class would keep the crumbs for ever.

use std::ops::Range;

use crate::sys::huge_pages;

/// Levels of the smallest block: eight prices are one cache line.
pub(super) const UNIT_LEVELS: usize = 8;

/// Bytes of a unit: 8 levels of price, size and order count, and its links and class.
pub(super) const UNIT_BYTES: usize = UNIT_LEVELS * (size_of::<u64>() + size_of::<Volume>()) + 2 * size_of::<u32>() + size_of::<u8>();

/// Levels that move one by one; more of them go by two calls.
const FEW: usize = 8;

/// Most levels an arena can have: unit numbers stay well inside 32 bits.
pub(super) const MAX_LEVELS: usize = 1 << 31;

/// Block sizes: 2^0 to 2^28 units.
const CLASSES: usize = 29;
/// No unit: the end of a list.
const NIL: u32 = u32::MAX;
/// The unit doesn't begin a free block.
const NOT_FREE: u8 = u8::MAX;

/// What stands at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Volume {
    /// Shares. 2^32 orders of 2^32 shares are below 2^64: sums can't overflow.
    pub size: u64,
    /// Orders; 0 where the feed doesn't tell.
    pub orders: u32,
}

/// The levels of all books.
pub(super) struct Arena {
    /// Prices, as keys that grow towards the best (see `ladder`).
    pub keys: Box<[u64]>,
    /// What stands there, at the same index.
    pub volumes: Box<[Volume]>,
    /// Per unit: the free blocks after and before the one that begins here.
    next: Box<[u32]>,
    prev: Box<[u32]>,
    /// Per unit: class of the free block that begins here, or `NOT_FREE`.
    free_class: Box<[u8]>,
    /// First free block of each class.
    heads: [u32; CLASSES],
    /// Bit `c` is set if class `c` has a free block.
    classes: u32,
}

/// Units for so many levels.
pub(super) fn units(levels: usize) -> usize {
    levels.min(MAX_LEVELS).div_ceil(UNIT_LEVELS)
}

impl Arena {
    /// An arena of `levels` levels, rounded up to a whole unit. Nothing is filled with zeros, because the system gives zeroed
    /// pages lazily: the first touch of each page would be a fault on the path.
    pub fn new(levels: usize) -> Self {
        let units = units(levels);
        let mut arena = Self {
            keys: huge_pages::boxed(units * UNIT_LEVELS, u64::MAX),
            volumes: huge_pages::boxed(units * UNIT_LEVELS, Volume { size: u64::MAX, orders: u32::MAX }),
            next: vec![NIL; units].into_boxed_slice(),
            prev: vec![NIL; units].into_boxed_slice(),
            free_class: vec![NOT_FREE; units].into_boxed_slice(),
            heads: [NIL; CLASSES],
            classes: 0,
        };
        arena.clear();
        arena
    }

    /// Where the levels lie.
    pub fn addresses(&self) -> [Range<usize>; 2] {
        [huge_pages::addresses(&self.keys), huge_pages::addresses(&self.volumes)]
    }

    /// Takes every block back.
    pub fn clear(&mut self) {
        self.free_class.fill(NOT_FREE);
        self.heads = [NIL; CLASSES];
        self.classes = 0;
        // The largest blocks that begin where they must and fit: from the left they get larger, then smaller again.
        let units = self.free_class.len();
        let mut start = 0;
        while start < units {
            let aligned = if start == 0 { CLASSES as u32 - 1 } else { start.trailing_zeros() };
            let fitting = (units - start).ilog2();
            let class = aligned.min(fitting).min(CLASSES as u32 - 1);
            self.push(start as u32, class as u8);
            start += 1 << class;
        }
    }

    /// Takes a block.
    pub fn take(&mut self, class: u8) -> Option<u32> {
        let found = self.smallest_free(class)?;
        let start = self.heads[usize::from(found)];
        self.unlink(start, found);
        for half in (class..found).rev() {
            self.push(start + (1 << half), half);
        }
        Some(start)
    }

    /// Whether [`Arena::take`] would find a block.
    pub fn has(&self, class: u8) -> bool {
        self.smallest_free(class).is_some()
    }

    /// Gives a block back, joined with its buddies as far as they are free.
    pub fn give(&mut self, mut start: u32, mut class: u8) {
        while usize::from(class) + 1 < CLASSES && self.is_free(start ^ (1 << class), class) {
            self.unlink(start ^ (1 << class), class);
            start &= !(1 << class);
            class += 1;
        }
        self.push(start, class);
    }

    /// Gives the upper half of a block back; the lower half stays where it is.
    pub fn halve(&mut self, start: u32, class: u8) {
        debug_assert!(class > 0);
        self.push(start + (1 << (class - 1)), class - 1);
    }

    /// Whether the block could be doubled in place: its buddy stands behind it and is free.
    fn can_double(&self, start: u32, class: u8) -> bool {
        start & (1 << class) == 0 && usize::from(class) + 1 < CLASSES && self.is_free(start ^ (1 << class), class)
    }

    /// Doubles a block in place, if `can_double`.
    fn double(&mut self, start: u32, class: u8) -> bool {
        let can = self.can_double(start, class);
        if can {
            self.unlink(start ^ (1 << class), class);
        }
        can
    }

    /// Whether [`Arena::take`] would find a block of each of these classes, one after the other.
    pub fn has_both(&self, one: u8, other: u8) -> bool {
        let (small, large) = (one.min(other), one.max(other));
        let Some(found) = self.smallest_free(large) else { return false };
        let is_split = found > large;
        let has_next = self.next[self.heads[usize::from(found)] as usize] != NIL;
        is_split || has_next || (self.classes & !(1 << found)) >> small != 0
    }

    /// Twice the block, in place or somewhere else, with the `len` levels it has: where it begins now.
    pub fn grow(&mut self, start: u32, class: u8, len: usize) -> Option<u32> {
        if self.double(start, class) {
            return Some(start);
        }
        let larger = self.take(class + 1)?;
        let from = start as usize * UNIT_LEVELS;
        self.copy(from..from + len, larger as usize * UNIT_LEVELS);
        self.give(start, class);
        Some(larger)
    }

    /// Whether [`Arena::grow`] would find room.
    pub fn can_grow(&self, start: u32, class: u8) -> bool {
        self.can_double(start, class) || self.has(class + 1)
    }

    /// Puts a level at `at`; those from there to `end` move up by one place.
    #[inline]
    pub fn insert(&mut self, at: usize, end: usize, key: u64, volume: Volume) {
        let (keys, volumes) = (&mut self.keys[at..=end], &mut self.volumes[at..=end]);
        if end - at > FEW {
            keys.copy_within(..end - at, 1);
            volumes.copy_within(..end - at, 1);
        } else {
            for to in (1..keys.len().min(volumes.len())).rev() {
                (keys[to], volumes[to]) = (keys[to - 1], volumes[to - 1]);
            }
        }
        (keys[0], volumes[0]) = (key, volume);
    }

    /// Takes the level at `at` away; those behind it, up to `last`, move down by one place.
    #[inline]
    pub fn remove(&mut self, at: usize, last: usize) {
        let (keys, volumes) = (&mut self.keys[at..=last], &mut self.volumes[at..=last]);
        if last - at > FEW {
            keys.copy_within(1.., 0);
            volumes.copy_within(1.., 0);
        } else {
            for to in 1..keys.len().min(volumes.len()) {
                (keys[to - 1], volumes[to - 1]) = (keys[to], volumes[to]);
            }
        }
    }

    /// Copies levels to another place, which may overlap.
    pub fn copy(&mut self, from: Range<usize>, to: usize) {
        self.keys.copy_within(from.clone(), to);
        self.volumes.copy_within(from, to);
    }

    fn smallest_free(&self, class: u8) -> Option<u8> {
        let larger = self.classes.checked_shr(u32::from(class)).unwrap_or(0);
        (larger != 0).then(|| class + larger.trailing_zeros() as u8)
    }

    fn is_free(&self, start: u32, class: u8) -> bool {
        self.free_class.get(start as usize) == Some(&class)
    }

    fn push(&mut self, start: u32, class: u8) {
        let head = &mut self.heads[usize::from(class)];
        self.next[start as usize] = *head;
        self.prev[start as usize] = NIL;
        if *head != NIL {
            self.prev[*head as usize] = start;
        }
        *head = start;
        self.free_class[start as usize] = class;
        self.classes |= 1 << class;
    }

    fn unlink(&mut self, start: u32, class: u8) {
        let (next, prev) = (self.next[start as usize], self.prev[start as usize]);
        if next != NIL {
            self.prev[next as usize] = prev;
        }
        if prev != NIL {
            self.next[prev as usize] = next;
        } else {
            self.heads[usize::from(class)] = next;
            if next == NIL {
                self.classes &= !(1 << class);
            }
        }
        self.free_class[start as usize] = NOT_FREE;
    }
}

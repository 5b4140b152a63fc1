//! The levels of one side that are too many for its block: chunks of up to 64, and a list of them.
//!
//! ```text
//!  list, a block of the arena        chunks, blocks of 64 levels, prices in order
//!  ┌──────┬──────┬──────┬──────┐
//!  │ own  │ 9.01 │ 9.40 │ 9.77 │ ·  ·  where each chunk begins, the worst one first
//!  └──────┴──┬───┴──┬───┴──┬───┘
//!            ▼      ▼      └──▶ 9.77 9.78 9.80 … 9.95 ·  ·      then, in the ladder's own block: 9.96 … 10.00 best
//! ```
//!
//! A level that comes or goes far from the best moves the levels of one chunk, and once in 32 times the list, which has a place for every 16 to
//! 48 levels: of 2,500 levels it costs what it costs of 250. In one array it moved everything better, 60 KB of a real day's deepest book, and a
//! side that filled from its best price down took the square of its levels. (Strictly it still does, by the list; a side of 400,000 levels shows it.)
//!
//! The list and the chunks are blocks like any other: a list's place holds a key, and where the chunk is in place of a volume. A chunk's
//! levels are not worse than its key (but for the first chunk's, which has all that is worse), and those of the chunks before are; it is the worst
//! level's when the chunk is made, and need not be kept so. The first place holds the list's own class and how much there is in all.

use std::ops::Range;

use super::arena::{Arena, UNIT_LEVELS, Volume};
use super::change::RANKS_COUNTED;

const CHUNK_CLASS: u8 = 3;
const CHUNK: usize = UNIT_LEVELS << CHUNK_CLASS;
/// Neighbours that have no more than this together become one chunk: so chunks are a quarter full on average, and one just joined has room.
const JOINED: usize = CHUNK / 2;

/// First unit of the list, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Far(u32);

/// Where a level of a ladder is, or would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its place in the arena.
    pub at: usize,
    /// How many levels of the side are better.
    pub rank: u32,
    pub is_known: bool,
    /// The list's place of its chunk, or `IN_BLOCK`.
    pub entry: usize,
}

impl Place {
    /// Not among the far levels. No chunk's: the first place of a list holds no chunk.
    pub const IN_BLOCK: usize = 0;

    #[inline(always)]
    pub const fn is_far(&self) -> bool {
        self.entry != Self::IN_BLOCK
    }
}

impl Far {
    pub const NONE: Self = Self(u32::MAX);

    #[inline(always)]
    pub const fn is_none(self) -> bool {
        self.0 == Self::NONE.0
    }

    /// How many levels there are.
    pub fn levels(self, arena: &Arena) -> u32 {
        if self.is_none() { 0 } else { arena.volumes[self.head()].size as u32 }
    }

    /// Places of the list, the worst chunk's first.
    pub fn entries(self, arena: &Arena) -> Range<usize> {
        if self.is_none() {
            return 0..0;
        }
        let head = self.head();
        head + 1..head + 1 + arena.volumes[head].orders as usize
    }

    /// The levels of a chunk.
    pub fn chunk(arena: &Arena, entry: usize) -> Range<usize> {
        let Volume { size: start, orders: len } = arena.volumes[entry];
        let first = start as usize * UNIT_LEVELS;
        first..first + len as usize
    }

    /// Where the level with this key is, or would be, `near` levels being better than all of these. There must be some.
    #[cold]
    #[inline(never)]
    pub fn find(self, arena: &Arena, near: u32, key: u64) -> Place {
        let entries = self.entries(arena);
        let begun = arena.keys[entries.clone()].partition_point(|&begin| begin <= key);
        let entry = entries.start + begun.saturating_sub(1);
        let chunk = Self::chunk(arena, entry);
        let at = chunk.start + arena.keys[chunk.clone()].partition_point(|&k| k < key);
        let is_known = at < chunk.end && arena.keys[at] == key;
        let mut rank = near + (chunk.end - at) as u32 - u32::from(is_known);
        // Of a few thousand chunks all would be as many reads; some twenty are enough.
        for better in arena.volumes[entry + 1..entries.end].iter().rev() {
            if rank >= RANKS_COUNTED {
                break;
            }
            rank += better.orders;
        }
        let rank = rank.min(RANKS_COUNTED);
        Place { at, rank, is_known, entry }
    }

    /// Whether [`Far::insert`] would find room there.
    pub fn has_room(self, arena: &Arena, entry: usize) -> bool {
        Self::chunk(arena, entry).len() < CHUNK || self.has_room_for_chunk(arena)
    }

    /// Whether [`Far::push_best`] would find room.
    pub fn has_room_for_chunk(self, arena: &Arena) -> bool {
        match self.full_list(arena) {
            Some(larger) => arena.has_both(CHUNK_CLASS, larger),
            None => arena.has(CHUNK_CLASS),
        }
    }

    /// A further level, at the place that [`Far::find`] told. `None`: there is no room, and nothing changed.
    #[cold]
    pub fn insert(&mut self, arena: &mut Arena, mut place: Place, key: u64, volume: Volume) -> Option<()> {
        if Self::chunk(arena, place.entry).len() == CHUNK {
            self.split(arena, place.entry)?;
            place = self.find(arena, 0, key);
        }
        let end = Self::chunk(arena, place.entry).end;
        arena.insert(place.at, end, key, volume);
        arena.volumes[place.entry].orders += 1;
        arena.volumes[self.head()].size += 1;
        Some(())
    }

    /// Takes a level away.
    #[cold]
    pub fn remove(&mut self, arena: &mut Arena, place: Place) {
        let Range { start, end } = Self::chunk(arena, place.entry);
        arena.remove(place.at, end - 1);
        arena.volumes[place.entry].orders -= 1;
        arena.volumes[self.head()].size -= 1;
        let left = end - 1 - start;
        if left == 0 {
            self.drop_chunk(arena, place.entry);
        } else {
            self.join(arena, place.entry);
        }
    }

    /// Levels that are better than all others, as a chunk of their own. `None`: there is no room, and nothing changed.
    pub fn push_best(&mut self, arena: &mut Arena, levels: Range<usize>) -> Option<()> {
        let start = self.take_chunk(arena)?;
        let end = self.entries(arena).end;
        self.put_chunk(arena, end, start, levels.clone());
        arena.volumes[self.head()].size += levels.len() as u64;
        Some(())
    }

    /// The levels of the best chunk.
    pub fn best(self, arena: &Arena) -> Range<usize> {
        Self::chunk(arena, self.entries(arena).end - 1)
    }

    /// Takes the best chunk away.
    pub fn drop_best(&mut self, arena: &mut Arena) {
        let len = self.best(arena).len();
        arena.volumes[self.head()].size -= len as u64;
        let entry = self.entries(arena).end - 1;
        self.drop_chunk(arena, entry);
    }

    /// Gives everything back.
    pub fn clear(&mut self, arena: &mut Arena) {
        for entry in self.entries(arena) {
            let start = arena.volumes[entry].size as u32;
            arena.give(start, CHUNK_CLASS);
        }
        if !self.is_none() {
            let class = self.class(arena);
            arena.give(self.0, class);
        }
        *self = Self::NONE;
    }

    fn head(self) -> usize {
        self.0 as usize * UNIT_LEVELS
    }

    fn class(self, arena: &Arena) -> u8 {
        arena.keys[self.head()] as u8
    }

    /// The class of a list that has room for a chunk more, if this one has not.
    fn full_list(self, arena: &Arena) -> Option<u8> {
        if self.is_none() {
            return Some(0);
        }
        let class = self.class(arena);
        (self.entries(arena).len() + 1 == UNIT_LEVELS << class).then_some(class + 1)
    }

    /// The better half of a full chunk becomes a chunk of its own.
    #[inline(never)]
    fn split(&mut self, arena: &mut Arena, entry: usize) -> Option<()> {
        let nth = entry - self.head();
        let start = self.take_chunk(arena)?;
        let entry = self.head() + nth;
        let Range { start: first, end } = Self::chunk(arena, entry);
        let half = first + CHUNK / 2;
        arena.volumes[entry].orders = (CHUNK / 2) as u32;
        self.put_chunk(arena, entry + 1, start, half..end);
        Some(())
    }

    /// A chunk, and a place for it in the list, which may be elsewhere then.
    fn take_chunk(&mut self, arena: &mut Arena) -> Option<u32> {
        let larger = self.full_list(arena);
        let start = arena.take(CHUNK_CLASS)?;
        let Some(class) = larger else { return Some(start) };
        let Some(list) = arena.take(class) else {
            arena.give(start, CHUNK_CLASS);
            return None;
        };
        let new = Self(list);
        if self.is_none() {
            arena.volumes[new.head()] = Volume { size: 0, orders: 0 };
        } else {
            arena.copy(self.head()..self.entries(arena).end, new.head());
            arena.give(self.0, class - 1);
        }
        arena.keys[new.head()] = u64::from(class);
        *self = new;
        Some(start)
    }

    /// Puts a chunk with these levels into the list.
    fn put_chunk(&mut self, arena: &mut Arena, entry: usize, start: u32, levels: Range<usize>) {
        let (begin, len) = (arena.keys[levels.start], levels.len() as u32);
        arena.copy(levels, start as usize * UNIT_LEVELS);
        let end = self.entries(arena).end;
        arena.insert(entry, end, begin, Volume { size: u64::from(start), orders: len });
        arena.volumes[self.head()].orders += 1;
    }

    /// Takes a chunk out of the list and gives it back, and the list where it is not needed.
    fn drop_chunk(&mut self, arena: &mut Arena, entry: usize) {
        let start = arena.volumes[entry].size as u32;
        arena.give(start, CHUNK_CLASS);
        let end = self.entries(arena).end;
        arena.remove(entry, end - 1);
        arena.volumes[self.head()].orders -= 1;
        let (left, class) = (self.entries(arena).len(), self.class(arena));
        if left == 0 {
            self.clear(arena);
        } else if class > 0 && left < (UNIT_LEVELS << class) / 4 {
            arena.halve(self.0, class);
            arena.keys[self.head()] = u64::from(class - 1);
        }
    }

    /// Joins a chunk with one of its neighbours, if they have few levels together.
    fn join(&mut self, arena: &mut Arena, entry: usize) {
        let entries = self.entries(arena);
        for worse in [entry, entry - 1] {
            if worse < entries.start || worse + 1 >= entries.end {
                continue;
            }
            let (to, from) = (Self::chunk(arena, worse), Self::chunk(arena, worse + 1));
            if to.len() + from.len() <= JOINED {
                arena.volumes[worse].orders += from.len() as u32;
                arena.copy(from, to.end);
                self.drop_chunk(arena, worse + 1);
                return;
            }
        }
    }
}

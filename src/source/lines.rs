//! The table of lines: from a datagram's destination to the lane's line index.
//!
//! Open addressing over a power of two at most half full, built once: a look-up is one multiplication and, nearly always,
//! one cache line; it never allocates. A table that learns (for captures nobody has described) reserves its room at the
//! start too, so a capture full of strange destinations costs no more than its limit.

use std::net::Ipv4Addr;

use super::LineIndex;

/// Where a line's datagrams are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineKey {
    /// Multicast group.
    pub group: Ipv4Addr,
    /// UDP port.
    pub port: u16,
}

impl std::fmt::Display for LineKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.group, self.port)
    }
}

/// The most lines a table takes: one index stays free to mark an empty slot.
pub const MAX_LINES: usize = LineIndex::MAX as usize;

const EMPTY: LineIndex = LineIndex::MAX;

/// The lines of a lane.
#[derive(Clone, Debug)]
pub struct Lines {
    /// (packed key, index); `EMPTY` as index marks a free slot.
    slots: Box<[(u64, LineIndex)]>,
    keys: Vec<LineKey>,
    /// How many keys there may be; only a learning table has more than it was given.
    limit: usize,
}

impl Lines {
    /// A table of exactly these lines; a line's index is its position. A key that stands twice is found as the first.
    ///
    /// # Panics
    /// With more than [`MAX_LINES`] keys, which the plan refuses long before.
    pub fn new(keys: &[LineKey]) -> Self {
        assert!(keys.len() <= MAX_LINES, "{} lines in one lane: the plan allows at most {MAX_LINES}", keys.len());
        let mut lines = Self::with_limit(keys.len());
        for &key in keys {
            lines.insert(key);
        }
        lines
    }

    /// An empty table that gives the next index to each new destination, until it has `max` (at most [`MAX_LINES`]).
    pub fn learning(max: usize) -> Self {
        Self::with_limit(max.min(MAX_LINES))
    }

    fn with_limit(limit: usize) -> Self {
        let slots = (limit.max(4) * 2).next_power_of_two();
        Self { slots: vec![(0, EMPTY); slots].into_boxed_slice(), keys: Vec::with_capacity(limit), limit }
    }

    /// The line of that destination.
    #[inline]
    pub fn find(&self, group: Ipv4Addr, port: u16) -> Option<LineIndex> {
        let packed = pack(group, port);
        let index = self.slots.get(self.slot(packed))?.1;
        (index != EMPTY).then_some(index)
    }

    /// The line of that destination; a table that learns takes it in if it has room.
    #[inline]
    pub fn find_or_learn(&mut self, group: Ipv4Addr, port: u16) -> Option<LineIndex> {
        match self.find(group, port) {
            None if self.keys.len() < self.limit => Some(self.insert(LineKey { group, port })),
            found => found,
        }
    }

    /// All lines, in the order of their indexes.
    pub fn keys(&self) -> &[LineKey] {
        &self.keys
    }

    /// Appends a key; the caller has checked that there is room.
    #[cold]
    fn insert(&mut self, key: LineKey) -> LineIndex {
        let index = self.keys.len() as LineIndex;
        let packed = pack(key.group, key.port);
        let slot = self.slot(packed);
        if self.slots[slot].1 == EMPTY {
            self.slots[slot] = (packed, index);
        }
        self.keys.push(key);
        index
    }

    /// The slot that holds the key, or the free one where it belongs. Ends, because half of the slots stay free.
    #[inline]
    fn slot(&self, packed: u64) -> usize {
        let mask = self.slots.len() - 1;
        // Fibonacci hashing: groups of one venue differ in a few low bits, the product's high bits spread them.
        let mut slot = (packed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while let Some(&(key, index)) = self.slots.get(slot)
            && index != EMPTY
            && key != packed
        {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

#[inline]
fn pack(group: Ipv4Addr, port: u16) -> u64 {
    u64::from(group.to_bits()) << 16 | u64::from(port)
}

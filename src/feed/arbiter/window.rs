//! The window: copies of early messages, in order of their numbers, bounded in packets and bytes.
//!
//! Invariants: what is held is sorted by number and disjoint (a packet is trimmed against what is held already, so that
//! copies of a packet take no room); every held message is complete; nothing is allocated after construction.
//!
//! The bytes lie in an arena of twice the limit that is filled from front to end and compacted when the end is reached.
//! By then at least half of it is garbage, so that a byte is moved once on average, whatever the order of release.

use std::collections::VecDeque;

use crate::feed::SessionLayer;

use super::blocks;
use super::notice::Arrival;

/// A run of held messages from one packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Number of the first message.
    pub(super) sequence: u64,
    /// One more than the last message's.
    pub(super) end: u64,
    pub(super) arrival: Arrival,
    /// Where the first message begins in the session's stream, in bytes.
    pub(super) stream_offset: u64,
    offset: usize,
    len: usize,
}

/// The window's limits leave no room; nothing of the rest of the packet was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

pub(super) struct Window {
    held: VecDeque<Held>,
    packets: usize,
    arena: Box<[u8]>,
    /// Bytes of the arena in use, garbage included.
    filled: usize,
    /// Bytes of what is held.
    live: usize,
    limit: usize,
    /// For compaction: positions in `held` by offset.
    by_offset: Vec<usize>,
}

impl Window {
    pub(super) fn new(packets: usize, bytes: usize) -> Self {
        Self {
            held: VecDeque::with_capacity(packets),
            packets,
            // Not zero: zero pages would be the kernel's to find at the first use, in the middle of a burst.
            arena: vec![0xA5; bytes.saturating_mul(2)].into_boxed_slice(),
            filled: 0,
            live: 0,
            limit: bytes,
            by_offset: Vec::with_capacity(packets),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Bytes of all held messages.
    pub fn bytes(&self) -> usize {
        self.live
    }

    /// Number of the first message held.
    pub(super) fn first_sequence(&self) -> Option<u64> {
        self.held.front().map(|held| held.sequence)
    }

    /// When the first of what is held came in: since then the hole in front of the window is known.
    pub(super) fn earliest_ns(&self) -> Option<u64> {
        self.held.iter().map(|held| held.arrival.recv_ns).min()
    }

    /// The first held run and its message blocks.
    pub(super) fn front(&self) -> Option<(Held, &[u8])> {
        let held = *self.held.front()?;
        Some((held, self.arena.get(held.offset..held.offset + held.len)?))
    }

    pub(super) fn pop_front(&mut self) {
        if let Some(held) = self.held.pop_front() {
            self.live -= held.len;
        }
        if self.held.is_empty() {
            self.filled = 0;
        }
    }

    /// Copies the messages `sequence..end` as far as they are not held; the first `end - sequence` messages of `rest` must be
    /// complete. Returns whether any was new. On [`NoRoom`] what came before the lack of room is held.
    pub(super) fn hold<S: SessionLayer>(
        &mut self,
        sequence: u64,
        end: u64,
        mut rest: &[u8],
        stream_offset: u64,
        arrival: &Arrival,
    ) -> Result<bool, NoRoom> {
        let whole = rest.len();
        let mut next = sequence;
        let mut new = false;
        while next < end {
            let at = self.held.partition_point(|held| held.end <= next);
            let behind = self.held.get(at);
            let until = match behind {
                Some(held) if held.sequence <= next => {
                    blocks::skip::<S>(&mut rest, held.end.min(end) - next);
                    next = held.end;
                    continue;
                }
                Some(held) => held.sequence.min(end),
                None => end,
            };
            let run = rest;
            let stream_offset = stream_offset.saturating_add((whole - run.len()) as u64);
            blocks::skip::<S>(&mut rest, until - next);
            let run = &run[..run.len().saturating_sub(rest.len())];
            let offset = self.copy(run)?;
            self.held.insert(at, Held { sequence: next, end: until, arrival: *arrival, stream_offset, offset, len: run.len() });
            new = true;
            next = until;
        }
        Ok(new)
    }

    fn copy(&mut self, run: &[u8]) -> Result<usize, NoRoom> {
        if self.held.len() >= self.packets || run.len() > self.limit - self.live {
            return Err(NoRoom);
        }
        if run.len() > self.arena.len() - self.filled {
            self.compact();
        }
        let offset = self.filled;
        self.arena[offset..offset + run.len()].copy_from_slice(run);
        self.filled += run.len();
        self.live += run.len();
        Ok(offset)
    }

    #[cold]
    fn compact(&mut self) {
        self.by_offset.clear();
        self.by_offset.extend(0..self.held.len());
        self.by_offset.sort_unstable_by_key(|&at| self.held[at].offset);
        self.filled = 0;
        for &at in &self.by_offset {
            let held = &mut self.held[at];
            self.arena.copy_within(held.offset..held.offset + held.len, self.filled);
            held.offset = self.filled;
            self.filled += held.len;
        }
    }
}

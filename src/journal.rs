//! Notices on their way from a lane to the control plane: a bounded crossbeam queue of small values.
//!
//! The lane never waits: a full queue loses the notice and counts it. Words for people are made on the other side.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;

use crate::feed::arbiter::Notice;

/// One notice of one channel.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Index of the channel in its publication.
    pub channel: u16,
    /// What happened.
    pub notice: Notice,
    /// When, ns since 1970 UTC.
    pub at_ns: u64,
}

/// Both ends of the queue.
#[derive(Clone, Debug)]
pub struct Journal {
    entries: Arc<ArrayQueue<Entry>>,
    lost: Arc<AtomicU64>,
}

impl Journal {
    /// A journal that holds up to `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { entries: Arc::new(ArrayQueue::new(capacity.max(1))), lost: Arc::default() }
    }

    /// Notes an entry, or counts it as lost when nobody has read for too long.
    #[inline]
    pub fn note(&self, channel: u16, notice: Notice, at_ns: u64) {
        if self.entries.push(Entry { channel, notice, at_ns }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The oldest entry not read yet.
    pub fn read(&self) -> Option<Entry> {
        self.entries.pop()
    }

    /// Entries lost since the last call.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

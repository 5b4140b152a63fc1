//! A cell: a stamp and the words of one record, written by one process and read by any number of others.
//!
//! The proof that ring slots and board cells share. Everything is an 8-byte atomic word, so there is no data race in the
//! language's sense, and what a reader accepts was written as one:
//!
//! ```text
//!  writer                                   reader
//!  stamp = n | BUSY     (relaxed)           a = stamp            (relaxed)
//!  fence(Release)                           fence(Acquire)
//!  words                (relaxed)           words                (relaxed)
//!  stamp = n            (Release)           fence(Acquire)
//!                                           b = stamp            (relaxed); accept if a == b and not BUSY
//! ```
//!
//! Without the writer's fence a reader could see new words under the old stamp twice; without the reader's second fence
//! its re-check could come before its words; without the release stamp or the reader's first fence it could see the new
//! stamp and old words. `tests/loom.rs` takes each of them away and must find the torn record. A fence and a relaxed load
//! stand where an acquire load would do, because the standard library promises only relaxed loads on read-only pages.
//!
//! Stamps are positions, so they never repeat, and 2^63 of them last for ever.

use std::sync::atomic::Ordering;

#[cfg(loom)]
use loom::sync::atomic::fence;
#[cfg(not(loom))]
use std::sync::atomic::fence;

/// Set in a stamp while the words behind it are being written.
pub const BUSY: u64 = 1 << 63;

/// An atomic 8-byte word, as a reader needs it.
pub trait Word {
    /// Loads it.
    fn load(&self, order: Ordering) -> u64;
}

/// An atomic 8-byte word, as the writer needs it.
pub trait WordMut: Word {
    /// Stores into it.
    fn store(&self, value: u64, order: Ordering);
}

macro_rules! words {
    ($atomic:ty) => {
        impl Word for $atomic {
            #[inline(always)]
            fn load(&self, order: Ordering) -> u64 {
                self.load(order)
            }
        }
        impl WordMut for $atomic {
            #[inline(always)]
            fn store(&self, value: u64, order: Ordering) {
                self.store(value, order);
            }
        }
    };
}
words!(std::sync::atomic::AtomicU64);
#[cfg(loom)]
words!(loom::sync::atomic::AtomicU64);

/// The orderings of the protocol. [`Proven`] is the only one in use; the tests take single ones away to see the proof fail.
pub trait Orderings: Send + 'static {
    /// The writer's fence between the busy stamp and the words.
    const WRITER_FENCE: bool = true;
    /// The order of the stamp that ends a write.
    const FINAL_STAMP: Ordering = Ordering::Release;
    /// The reader's fence between the stamp and the words.
    const FENCE_AFTER_STAMP: bool = true;
    /// The reader's fence between the words and the stamp's second look.
    const FENCE_BEFORE_CHECK: bool = true;
    /// The cursor is stored after the cell, not before it.
    const CURSOR_LAST: bool = true;
}

/// The orderings that are proven.
#[derive(Clone, Copy, Debug)]
pub struct Proven;
impl Orderings for Proven {}

/// Writes one record under the stamp `position`. Words past the record's keep what they held; a cell too small for the record is left alone.
#[inline(always)]
pub fn write<O: Orderings, W: WordMut>(cell: &[W], position: u64, record: impl ExactSizeIterator<Item = u64>) {
    // As many words as the record has, which the compiler knows: it writes them without a loop.
    let Some((stamp, words)) = cell.get(..=record.len()).and_then(|cell| cell.split_first()) else { return };
    stamp.store(position | BUSY, Ordering::Relaxed);
    if O::WRITER_FENCE {
        fence(Ordering::Release);
    }
    for (word, value) in words.iter().zip(record) {
        word.store(value, Ordering::Relaxed);
    }
    stamp.store(position, O::FINAL_STAMP);
}

/// What one look at a cell saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The record stamped with this position is in the buffer, whole. 0: nothing was ever written here.
    Whole(u64),
    /// The record of this position is being written, or its writer died over it.
    Busy(u64),
}

/// Looks at a cell once, never waits. Fills `record` (as many words as it has); its content counts only for [`Seen::Whole`].
#[inline(always)]
pub fn read<O: Orderings, W: Word>(cell: &[W], record: &mut [u64]) -> Seen {
    read_where::<O, W>(cell, record, |_| true)
}

/// The same, but the words are looked at only where the stamp is one that is `wanted`: who polls a cell that nothing was written to yet copies
/// nothing, and holds nobody up who writes to it. The content counts only for a [`Seen::Whole`] that is wanted.
#[inline(always)]
pub fn read_where<O: Orderings, W: Word>(cell: &[W], record: &mut [u64], wanted: impl Fn(u64) -> bool) -> Seen {
    let Some((stamp, words)) = cell.split_first() else { return Seen::Whole(0) };
    let before = stamp.load(Ordering::Relaxed);
    if before & BUSY != 0 {
        return Seen::Busy(before & !BUSY);
    }
    if !wanted(before) {
        return Seen::Whole(before);
    }
    if O::FENCE_AFTER_STAMP {
        fence(Ordering::Acquire);
    }
    for (value, word) in record.iter_mut().zip(words) {
        *value = word.load(Ordering::Relaxed);
    }
    if O::FENCE_BEFORE_CHECK {
        fence(Ordering::Acquire);
    }
    let after = stamp.load(Ordering::Relaxed);
    if after == before { Seen::Whole(before) } else { Seen::Busy(after & !BUSY) }
}

/// The stamp alone: what position is or was last being written here, and whether it is still busy.
#[inline(always)]
pub fn stamp<W: Word>(cell: &[W]) -> u64 {
    cell.first().map_or(0, |stamp| stamp.load(Ordering::Relaxed))
}

/// An acquire fence: what was stored before the value just loaded was stored is visible from here on.
#[inline(always)]
pub fn acquire() {
    fence(Ordering::Acquire);
}

//! A ring with its board: the writer's half and the reader's half, over any words (shared memory, or a test's).
//!
//! Position `n` (from 1) lives in slot `n & (depth - 1)`; its stamp is `n`. The writer's order for one record is slot,
//! board cell, cursor; the cursor may lag to the end of a batch, but never by more than a quarter of the ring. From that
//! order follows all that a join needs:
//!
//! - Whoever loads the cursor `c` (acquire) sees every slot and cell written up to `c`. A cell stamped `≤ c` therefore
//!   holds the *last* record of its instrument up to `c`. A cell stamped later, or busy, is passed over: its record is in
//!   the ring behind `c` and will come from there. So cells `≤ c` and then the ring from `c + 1`, read at least up to the
//!   highest position passed over, are the whole state, each position at most once, in order, and **nobody ever waits on
//!   a busy cell**, not even when its writer died over it.
//! - Whoever only wants one cell and finds it busy with position `p` reads slot `p`: it was finished before the cell was begun.

use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use super::cell::{self, BUSY, Orderings, Proven, Seen, Word, WordMut};

/// Words somewhere: a part of a mapping, or a vector in a test.
pub trait Words {
    /// Their type.
    type Word: Word;
    /// All of them.
    fn words(&self) -> &[Self::Word];
}

impl<W: Word> Words for std::sync::Arc<Vec<W>> {
    type Word = W;
    fn words(&self) -> &[W] {
        self
    }
}

/// Where a ring's three parts are, and its shape.
#[derive(Clone, Copy, Debug)]
pub struct Parts<S> {
    /// One word: the cursor, the last announced position.
    pub cursor: S,
    /// `depth * slot_words` words.
    pub slots: S,
    /// The board: any number times `slot_words` words.
    pub cells: S,
    /// Words of one slot or cell, stamp included.
    pub slot_words: usize,
}

impl<S: Words> Parts<S> {
    fn depth(&self) -> u64 {
        (self.slots.words().len() / self.slot_words.max(1)) as u64
    }

    #[inline(always)]
    fn slot(&self, position: u64, mask: u64) -> &[S::Word] {
        let at = (position & mask) as usize * self.slot_words;
        self.slots.words().get(at..at + self.slot_words).unwrap_or_default()
    }

    #[inline(always)]
    fn cell(&self, cell: u32) -> &[S::Word] {
        let at = cell as usize * self.slot_words;
        self.cells.words().get(at..at + self.slot_words).unwrap_or_default()
    }
}

/// The only one that writes a ring and its board.
#[derive(Debug)]
pub struct RingWriter<S, O = Proven> {
    parts: Parts<S>,
    mask: u64,
    next: u64,
    announced: u64,
    orderings: PhantomData<O>,
}

impl<S: Words<Word: WordMut>, O: Orderings> RingWriter<S, O> {
    /// A writer of an empty ring. Depth must be a power of two, at least 4.
    pub fn new(parts: Parts<S>) -> Self {
        let mask = parts.depth().wrapping_sub(1);
        Self { parts, mask, next: 1, announced: 0, orderings: PhantomData }
    }

    /// Writes a record into the ring and, for an instrument, into a cell of the board. Nothing, if it does not fit a slot.
    #[inline(always)]
    pub fn publish(&mut self, board: Option<u32>, record: impl ExactSizeIterator<Item = u64> + Clone) {
        self.publish_sized(self.parts.slot_words, board, record);
    }

    /// The same, with a slot's `words` (which must be this ring's) known to the compiler: where the slot is takes a shift instead of a
    /// multiplication by what has to be loaded first.
    #[inline(always)]
    pub fn publish_sized(&mut self, words: usize, board: Option<u32>, record: impl ExactSizeIterator<Item = u64> + Clone) {
        if words != self.parts.slot_words {
            return;
        }
        let position = self.next;
        let at = |index: usize| index * words..(index + 1) * words;
        let slot = self.parts.slots.words().get(at((position & self.mask) as usize)).unwrap_or_default();
        cell::write::<O, _>(slot, position, record.clone());
        if !O::CURSOR_LAST {
            self.announce(position);
        }
        if let Some(board) = board {
            let cell = self.parts.cells.words().get(at(board as usize)).unwrap_or_default();
            cell::write::<O, _>(cell, position, record);
        }
        self.next = position + 1;
        // A batch longer than the ring must not leave joiners a cursor that was lapped.
        if position - self.announced > self.mask >> 2 {
            self.commit();
        }
    }

    /// Announces what was written since the last time.
    #[inline(always)]
    pub fn commit(&mut self) {
        let last = self.next - 1;
        if last != self.announced {
            self.announced = last;
            self.announce(last);
        }
    }

    #[inline(always)]
    fn announce(&self, position: u64) {
        if let Some(cursor) = self.parts.cursor.words().first() {
            cursor.store(position, Ordering::Release);
        }
    }

    /// The position the next record will have.
    pub fn next_position(&self) -> u64 {
        self.next
    }

    /// How many positions there are.
    pub fn depth(&self) -> u64 {
        self.mask + 1
    }
}

/// What one look at the ring saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The record of the position asked for is in the buffer.
    Record,
    /// It has not been written yet.
    NotYet,
    /// It has been overwritten.
    Gone,
}

/// What a board cell says to somebody who joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinCell {
    /// The instrument has no record yet.
    Empty,
    /// Its last record up to the cursor is in the buffer; this is its position.
    Record(u64),
    /// Its last record has this position, which is later than the cursor: the ring has it.
    Later(u64),
}

/// A reader of a ring and its board; any number, none known to the writer.
#[derive(Clone, Debug)]
pub struct RingReader<S, O = Proven> {
    parts: Parts<S>,
    mask: u64,
    cells: u32,
    orderings: PhantomData<O>,
}

impl<S: Words, O: Orderings> RingReader<S, O> {
    /// A reader of these parts; depth is a power of two.
    pub fn new(parts: Parts<S>) -> Self {
        let mask = parts.depth().wrapping_sub(1);
        let cells = (parts.cells.words().len() / parts.slot_words.max(1)) as u32;
        Self { parts, mask, cells, orderings: PhantomData }
    }

    /// How many positions there are.
    pub fn depth(&self) -> u64 {
        self.mask + 1
    }

    /// How many cells the board has.
    pub fn cells(&self) -> u32 {
        self.cells
    }

    /// The last announced position; everything up to it is visible from here on.
    pub fn cursor(&self) -> u64 {
        let cursor = self.parts.cursor.words().first().map_or(0, |cursor| cursor.load(Ordering::Relaxed));
        if O::FENCE_AFTER_STAMP {
            cell::acquire();
        }
        cursor & !BUSY
    }

    /// Looks for the record at `position`. Two loads of the stamp and the words; never waits.
    #[inline(always)]
    pub fn look(&self, position: u64, record: &mut [u64]) -> Look {
        match cell::read_where::<O, _>(self.parts.slot(position, self.mask), record, |stamp| stamp == position) {
            Seen::Whole(stamp) if stamp == position => Look::Record,
            Seen::Whole(stamp) | Seen::Busy(stamp) if stamp > position => Look::Gone,
            _ => Look::NotYet,
        }
    }

    /// Looks for the records at `first` and the positions after it, one after the other; says how many were there and `wanted` by their
    /// first word. The same as [`RingReader::look`] as often, with the shape of the ring kept in registers across the fences, and a slot's
    /// `words` (which must be this ring's) known to the compiler.
    #[inline(always)]
    pub fn look_ahead<'a>(
        &self,
        words: usize,
        first: u64,
        records: impl Iterator<Item = &'a mut [u64]>,
        wanted: impl Fn(u64) -> bool,
    ) -> u64 {
        if words != self.parts.slot_words {
            return 0;
        }
        let (slots, mask) = (self.parts.slots.words(), self.mask);
        let mut position = first;
        for record in records {
            let at = (position & mask) as usize * words;
            let slot = slots.get(at..at + words).unwrap_or_default();
            let seen = cell::read_where::<O, _>(slot, record, |stamp| stamp == position);
            if seen != Seen::Whole(position) || !record.first().is_some_and(|&first| wanted(first)) {
                break;
            }
            position += 1;
        }
        position - first
    }

    /// Whether nothing is left to read from `position` on, as the ring stands.
    pub fn is_drained(&self, position: u64) -> bool {
        match self.look(position, &mut []) {
            Look::Record => false,
            Look::NotYet => true,
            Look::Gone => self.cursor() < position,
        }
    }

    /// Whether the slot of `position` claims one that the cursor is too far behind for. A writer's cursor lags by a quarter of the ring at
    /// most, so with a living writer this lasts for a moment; with one that is gone the memory is not what a writer of ours leaves.
    pub fn is_beyond_cursor(&self, position: u64) -> bool {
        self.look(position, &mut []) == Look::Gone && self.cursor() < position
    }

    /// For a join at `cursor`: what a cell has to say.
    pub fn join_cell(&self, cell: u32, cursor: u64, record: &mut [u64]) -> JoinCell {
        match cell::read::<O, _>(self.parts.cell(cell), record) {
            Seen::Whole(0) => JoinCell::Empty,
            Seen::Whole(position) if position <= cursor => JoinCell::Record(position),
            // Busy means later, too: up to the cursor everything is finished.
            Seen::Whole(position) | Seen::Busy(position) => JoinCell::Later(position),
        }
    }

    /// The newest record of a cell and its position; `None` if there is none. `Err` if the writer kept overtaking
    /// this reader for the whole of a bounded number of looks.
    pub fn latest(&self, cell: u32, record: &mut [u64]) -> Result<Option<u64>, Overtaken> {
        // Under loom two looks are every case there is.
        const LOOKS: u32 = if cfg!(loom) { 2 } else { 10_000 };
        for _ in 0..LOOKS {
            match cell::read::<O, _>(self.parts.cell(cell), record) {
                Seen::Whole(0) => return Ok(None),
                Seen::Whole(position) => return Ok(Some(position)),
                Seen::Busy(position) => {
                    if self.look(position, record) == Look::Record {
                        return Ok(Some(position));
                    }
                }
            }
            std::hint::spin_loop();
        }
        Err(Overtaken)
    }
}

/// The writer kept overtaking the reader, or the memory is not what a writer of ours leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtaken;

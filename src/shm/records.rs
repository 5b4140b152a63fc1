//! A subscription: one ring, read in order, with everything that can happen on the way told in-band.
//!
//! A late join and the recovery from an overrun are the same steps: the board up to the cursor, then the ring behind it.
//! No record is delivered twice, and the positions of what is delivered from the ring plus what [`Item::Lost`] says add
//! up to the positions written.

use std::marker::PhantomData;

use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::book::MOST_WORDS;
use super::consumer::Publication;
use super::error::ShmError;
use super::gate::Gate;
use super::region::ReadSpan;
use super::ring::{JoinCell, Look, RingReader};
use super::spec::gate_path;
use super::watch::{Fate, Watch};
use crate::record::{Control, Header, Record, Schema, control};

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With the last record of every instrument ([`Item::Board`]), then what comes.
    Board,
    /// With what comes.
    Now,
    /// With the oldest record that can be read without hurry: all of them if the ring was never lapped, else about half of it.
    Oldest,
}

/// What a subscription does after [`Item::Lost`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLost {
    /// Joins again: the board follows, then what comes.
    #[default]
    Rejoin,
    /// Stops: [`Item::End`] follows, and nothing else ever. For who can do nothing with a stream that is not whole.
    Stop,
}

/// What came. Records borrow the subscription's buffer until the next call.
#[derive(Debug)]
pub enum Item<'a, R> {
    /// The next record of the ring. Its instrument's row and symbol: [`Symbols::row_of`](super::Symbols::row_of) its header.
    Record(&'a R),
    /// From the board, in joining or after [`Item::Lost`]: the last record of an instrument. What it tells is state, not
    /// an event: it may be old, and may have been delivered before.
    Board {
        /// The record.
        record: &'a R,
        /// The row of its instrument.
        row: u32,
        /// Messages that may have been for this instrument are missing.
        maybe_bad: bool,
    },
    /// A control record: sessions, gaps, and [`control::PRICE_LEVELS_ONLY`].
    Control(&'a Control),
    /// The reader was too slow, and so many records of the ring are lost to it. It has rejoined already: the board follows
    /// ([`Records::on_lost`] makes the end follow instead).
    Lost(u64),
    /// Nothing new. Spin, pause or sleep, as you like.
    Idle,
    /// The writer began a new epoch, and so does the subscription, from the first record of it. Instruments and their rows are new:
    /// ask [`Records::publication`] for them.
    NewEpoch,
    /// The writer is gone without a word, and everything it wrote has been delivered. Told once; go on polling and a
    /// restarted writer's records come after a [`Item::NewEpoch`].
    WriterDead,
    /// The writer ended, and everything has been delivered; or records were lost, and that was to be the end. It stays at that.
    End,
}

/// One ring of a publication, read in order. See [`Publication::subscribe`].
#[derive(Debug)]
pub struct Records<R> {
    publication: Publication,
    ring: RingReader<ReadSpan>,
    next: u64,
    /// Joining: the cursor, and the next cell of the board.
    join: Option<(u64, u32)>,
    /// The highest position passed over on the board; up to there the ring completes the join.
    passed_over: u64,
    /// An `mbo` reader that does not know older orders is to be told.
    levels_only: bool,
    on_lost: OnLost,
    /// Records were lost, and that was to be the end.
    stopped: bool,
    watch: Watch,
    gate: Option<Gate>,
    gate_told: u64,
    lost: u64,
    words: [u64; MOST_WORDS],
    synthetic: Control,
    schema: PhantomData<fn() -> R>,
}

/// What a step came to; its data is in the buffer.
enum Step {
    Record,
    Board { row: u32, maybe_bad: bool },
    Control,
    Synthetic,
    Lost(u64),
    Idle,
    NewEpoch,
    WriterDead,
    End,
}

impl<R: Record> Records<R> {
    /// Words to read of each slot: a control record must fit too.
    const WORDS: usize = {
        let (record, control) = (size_of::<R>() / 8, size_of::<Control>() / 8);
        if record > control { record } else { control }
    };

    pub(crate) fn new(publication: Publication, from: From, gated: bool) -> Result<Self, ShmError> {
        let mut records = Self::held(publication, gated)?;
        records.begin(from);
        Ok(records)
    }

    /// Stands at position 1, and holds a gated writer there, until [`Records::seek`] says where it begins.
    pub(super) fn held(publication: Publication, gated: bool) -> Result<Self, ShmError> {
        let ring = publication.ring(R::SCHEMA)?;
        let gate = match gated {
            false => None,
            true => {
                let path = publication.path();
                let (dir, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
                Some(Gate::take(&gate_path(dir, &name.to_string_lossy()), R::SCHEMA, publication.epoch())?)
            }
        };
        Ok(Self {
            publication,
            ring,
            next: 1,
            join: None,
            passed_over: 0,
            levels_only: false,
            on_lost: OnLost::Rejoin,
            stopped: false,
            watch: Watch::new(),
            gate,
            gate_told: 0,
            lost: 0,
            words: [0; MOST_WORDS],
            synthetic: Control::new_zeroed(),
            schema: PhantomData,
        })
    }

    fn begin(&mut self, from: From) {
        let cursor = self.ring.cursor();
        match from {
            From::Board => self.join_at(cursor),
            From::Now => self.next = cursor + 1,
            From::Oldest => {
                let mut words = [0; MOST_WORDS];
                if self.ring.look(1, &mut words) == Look::Gone {
                    // The writer may be a quarter of the ring past its cursor, and goes on while we read.
                    let margin = if self.publication.is_over() { 0 } else { self.ring.depth() / 2 };
                    self.next = (cursor + 1).saturating_sub(self.ring.depth() - margin).max(1);
                }
            }
        }
        self.levels_only = R::SCHEMA == Schema::Mbo && self.next > 1;
        self.tell_gate();
    }

    /// Goes on at a position. What is known of everything before it is the caller's business.
    pub(crate) fn seek(&mut self, next: u64) {
        (self.next, self.join, self.passed_over, self.levels_only) = (next.max(1), None, 0, false);
        self.watch.came();
        self.tell_gate();
    }

    /// The last announced position.
    pub(super) fn cursor(&self) -> u64 {
        self.ring.cursor()
    }

    /// Whether a position can still be read, or has yet to come.
    pub(super) fn reaches_back_to(&self, position: u64) -> bool {
        self.ring.look(position, &mut [0; 1]) != Look::Gone
    }

    /// Whether a position was written at some time.
    pub(super) fn has_written(&self, position: u64) -> bool {
        self.ring.look(position, &mut [0; 1]) != Look::NotYet
    }

    fn join_at(&mut self, cursor: u64) {
        self.next = cursor + 1;
        self.passed_over = cursor;
        // Order events of long ago are no state: an mbo reader is told instead.
        self.join = (R::SCHEMA != Schema::Mbo && cursor > 0).then_some((cursor, 0));
        self.levels_only = R::SCHEMA == Schema::Mbo && cursor > 0;
    }

    /// Goes on with the oldest record that can be read without hurry.
    #[cfg(feature = "service")]
    pub(crate) fn seek_oldest(&mut self) {
        self.begin(From::Oldest);
        self.levels_only = false;
    }

    /// The next thing that happened. Never waits. Errors: the memory is not what a writer of ours leaves, a new epoch cannot
    /// be read, or the operating system refused an answer; it may be called again after one.
    #[inline]
    #[allow(clippy::should_implement_trait)] // a lending iterator
    pub fn next(&mut self) -> Result<Item<'_, R>, ShmError> {
        let step = self.step()?;
        let bytes = self.words.as_bytes();
        let cut = || self.publication.corrupt("a record does not fit its slot".into());
        Ok(match step {
            Step::Record => Item::Record(R::ref_from_prefix(bytes).map_err(|_| cut())?.0),
            Step::Board { row, maybe_bad } => Item::Board { record: R::ref_from_prefix(bytes).map_err(|_| cut())?.0, row, maybe_bad },
            Step::Control => Item::Control(Control::ref_from_prefix(bytes).map_err(|_| cut())?.0),
            Step::Synthetic => Item::Control(&self.synthetic),
            Step::Lost(n) => Item::Lost(n),
            Step::Idle => Item::Idle,
            Step::NewEpoch => Item::NewEpoch,
            Step::WriterDead => Item::WriterDead,
            Step::End => Item::End,
        })
    }

    /// Copies the next records of the ring to the front of `records`, as many as have come and fit, and says how many. Stops before
    /// anything else that happened, for [`Records::next`] to tell: 0 means that nothing came, or that `next` has to say what. (What is
    /// in `records` behind those that were copied may be overwritten.) The quickest way through a busy ring.
    #[inline]
    pub fn read(&mut self, records: &mut [R]) -> usize {
        if self.levels_only || self.join.is_some() || self.stopped {
            return 0;
        }
        if self.gate.is_some() && self.next - self.gate_told > self.ring.depth() / 16 {
            self.tell_gate();
        }
        let Ok(words) = <[u64]>::mut_from_bytes(records.as_mut_bytes()) else { return 0 };
        let slots = words.chunks_exact_mut(const { size_of::<R>() / 8 });
        let came =
            self.ring.look_ahead(const { R::SCHEMA.slot_size() / 8 }, self.next, slots, |first| (first >> 8) as u8 == R::SCHEMA.rtype());
        self.next += came;
        if came > 0 {
            self.watch.came();
        }
        came as usize
    }

    #[inline]
    fn step(&mut self) -> Result<Step, ShmError> {
        if (self.levels_only || self.join.is_some() || self.stopped)
            && let Some(step) = self.joining()?
        {
            return Ok(step);
        }
        if self.gate.is_some() && self.next - self.gate_told > self.ring.depth() / 16 {
            self.tell_gate();
        }
        let words = self.words.get_mut(..Self::WORDS).unwrap_or_default();
        match self.ring.look(self.next, words) {
            Look::Record => {
                self.next += 1;
                self.watch.came();
                self.kind(self.next - 1)
            }
            Look::NotYet => self.idle(),
            Look::Gone => self.lapped(),
        }
    }

    /// What sort of record is in the buffer.
    #[inline]
    fn kind(&self, position: u64) -> Result<Step, ShmError> {
        let rtype = (self.words.first().copied().unwrap_or(0) >> 8) as u8;
        if rtype == R::SCHEMA.rtype() {
            Ok(Step::Record)
        } else if (control::FIRST_RTYPE..=control::LAST_RTYPE).contains(&rtype) {
            Ok(Step::Control)
        } else {
            Err(self.publication.corrupt(format!("record type {rtype:#04x} at position {position} of the {} ring", R::SCHEMA.name())))
        }
    }

    #[cold]
    fn joining(&mut self) -> Result<Option<Step>, ShmError> {
        if self.stopped {
            return Ok(Some(Step::End));
        }
        if std::mem::take(&mut self.levels_only) {
            self.synthetic = Control {
                hd: Header { length: (size_of::<Control>() / 4) as u8, rtype: control::PRICE_LEVELS_ONLY, ..Header::default() },
                first_sequence: self.next,
                ..Control::new_zeroed()
            };
            return Ok(Some(Step::Synthetic));
        }
        let Some((cursor, first)) = self.join else { return Ok(None) };
        let cells = const { R::SCHEMA.cells() };
        for cell in first..self.publication.instrument_count().saturating_mul(cells).min(self.ring.cells()) {
            let words = self.words.get_mut(..Self::WORDS).unwrap_or_default();
            let position = match self.ring.join_cell(cell, cursor, words) {
                JoinCell::Empty => continue,
                JoinCell::Later(position) => {
                    self.passed_over = self.passed_over.max(position);
                    continue;
                }
                JoinCell::Record(position) => position,
            };
            self.join = Some((cursor, cell + 1));
            let row = cell / cells;
            if !matches!(self.kind(position)?, Step::Record) {
                return Err(self.publication.corrupt(format!("a control record on the {} board, row {row}", R::SCHEMA.name())));
            }
            return Ok(Some(Step::Board { row, maybe_bad: self.maybe_bad(row) }));
        }
        self.join = None;
        Ok(None)
    }

    /// Whether the record of `row` in the buffer may be wrong.
    fn maybe_bad(&self, row: u32) -> bool {
        // The buffer is longer than any record.
        R::ref_from_prefix(self.words.as_bytes()).map_or(true, |(record, _)| self.publication.doubts(row, record))
    }

    #[cold]
    fn lapped(&mut self) -> Result<Step, ShmError> {
        let cursor = self.ring.cursor();
        if cursor < self.next {
            // The writer has announced less than it has written; it will within a quarter of the ring, if it is there.
            return self.idle();
        }
        let lost = cursor + 1 - self.next;
        self.lost = self.lost.saturating_add(lost);
        self.join_at(cursor);
        self.stopped = self.on_lost == OnLost::Stop;
        self.tell_gate();
        Ok(Step::Lost(lost))
    }

    #[inline]
    fn idle(&mut self) -> Result<Step, ShmError> {
        self.tell_gate();
        let drained = || self.ring.is_drained(self.next);
        match self.watch.idle(&self.publication, drained)? {
            Fate::Unknown | Fate::Alive => Ok(Step::Idle),
            Fate::Dead | Fate::Ended if self.ring.is_beyond_cursor(self.next) => Err(self.publication.beyond_cursor(R::SCHEMA, self.next)),
            Fate::Dead => Ok(Step::WriterDead),
            Fate::Ended => Ok(Step::End),
            Fate::Follow(publication) => self.follow(publication),
        }
    }

    /// Goes over to the new epoch.
    #[cold]
    fn follow(&mut self, publication: Publication) -> Result<Step, ShmError> {
        self.ring = publication.ring(R::SCHEMA)?;
        self.publication = publication;
        (self.next, self.join, self.passed_over, self.gate_told) = (1, None, 0, 0);
        self.levels_only = false;
        if let Some(gate) = &self.gate {
            gate.enter(self.publication.epoch());
        }
        Ok(Step::NewEpoch)
    }

    #[inline]
    fn tell_gate(&mut self) {
        if let Some(gate) = &self.gate
            && self.gate_told != self.next - 1
        {
            self.gate_told = self.next - 1;
            gate.done(self.gate_told);
        }
    }

    /// What follows [`Item::Lost`]; [`OnLost::Rejoin`] unless told otherwise here.
    pub fn on_lost(&mut self, then: OnLost) {
        self.on_lost = then;
    }

    /// The epoch this subscription is in; changes with [`Item::NewEpoch`].
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// The position of the record that comes next from the ring; in a new epoch it begins at 1 again.
    pub fn next_position(&self) -> u64 {
        self.next
    }

    /// Whether what came so far is the whole state. Not so while joining: until the board has been delivered, and for the few records after
    /// it that the writer was faster with. (For a subscription from [`From::Now`] or [`From::Oldest`] there was no board to begin with.)
    /// Nor is it while an `mbo` reader has yet to be told [`control::PRICE_LEVELS_ONLY`].
    #[inline]
    pub fn is_joined(&self) -> bool {
        self.join.is_none() && !self.levels_only && !self.stopped && self.next > self.passed_over
    }

    /// All that [`Item::Lost`] said so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

//! The newest record of every instrument when the reader is ready for it: state, not messages.
//!
//! Each time it is asked, a [`Latest`] gives the cells of the board that changed since it gave them last, each once, with the newest
//! record. However slow the reader, no instrument's last record is ever lost to it. How it knows what changed:
//!
//! - It follows the ring and notes which cell each record went to. What is given is read from the *board*, so it may be newer than what
//!   was noted; never older: a record is in the ring before it is on the board, and for that moment the ring's slot is taken.
//! - When it is further behind than the board has cells, or lapped, it leaves the rest of the ring unread ([`Update::Skipped`]), takes the
//!   cursor and looks at every cell once. All that was written up to the cursor is on the board by then, and the ring tells what comes after it.
//!
//! So catching up costs one look for each record or one for each cell, whichever is less. Cells wait in the order in which they changed (after
//! a skip: by row), each at one place, so none can starve another.

use std::collections::{HashMap, VecDeque};

use zerocopy::{FromBytes, IntoBytes};

use super::book::MOST_WORDS;
use super::channels::{ChannelRow, Standing};
use super::consumer::Publication;
use super::error::ShmError;
use super::region::ReadSpan;
use super::ring::{Look, RingReader};
use super::watch::{Fate, Watch};
use crate::record::{Control, Record, Row, control};

/// Records that are followed before anybody asks how many there are; also the least that is worth a look at every cell.
const FOLLOWED_AT_ONCE: u64 = 64;
/// How often a cell and a slot are looked at in turn while their writer is between the two.
const LOOKS: u32 = 1_000;

/// What changed. Records borrow the subscription's buffer until the next call.
#[derive(Debug)]
pub enum Update<'a, R> {
    /// The newest record of an instrument (of one of its cells), which changed since it was given last.
    Value {
        /// The record.
        record: &'a R,
        /// The row of its instrument.
        row: Row,
        /// Which of the instrument's cells; 0 unless its schema has several ([`Record::cell`]).
        cell: u32,
        /// Its position in the ring.
        position: u64,
        /// Messages that may have been for this instrument are missing, as of now.
        maybe_bad: bool,
        /// How many records of this cell are known to have been passed over for newer ones since it was given last.
        folded: u64,
    },
    /// A control record. What is given before it may already be newer than it; what was noted after it is given after it.
    Control(&'a Control),
    /// The state of a channel, at the beginning and whenever it changed. If it is doubted, so is every instrument of the channel whose last
    /// record was received before `since_ns`. Told even where the control records were in a part of the ring that was skipped.
    Channel(ChannelRow),
    /// So many positions of the ring were left unread, because the board tells the same for less. Control records among them are not told.
    Skipped(u64),
    /// Nothing changed. Come back when you like.
    Idle,
    /// The writer began a new epoch: rows, values and channels are told anew. The last of the epoch before has been given.
    NewEpoch,
    /// The writer is gone without a word, and everything it left has been given. Told once; a restarted writer is a [`Update::NewEpoch`].
    WriterDead,
    /// The writer ended, and everything has been given. It stays at that.
    End,
}

/// What is known of one cell.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Position of the record that was given last.
    given: u64,
    /// The newest that is known to have been written; waiting to be given if it is above `given`.
    wanted: u64,
    /// Records that were passed over.
    folded: u64,
}

/// The newest record of every instrument. See [`Publication::latest`].
///
/// ```no_run
/// # use tickwire::record::Mbp1;
/// # use tickwire::shm::{Publication, ShmError, Update};
/// # fn main() -> Result<(), ShmError> {
/// let mut latest = Publication::open("/dev/shm/tickwire", "nasdaq")?.latest::<Mbp1>()?;
/// loop {
///     match latest.next()? {
///         Update::Value { record, row, maybe_bad, .. } => println!("{row} {} {maybe_bad}", record.levels[0].bid_px),
///         // All is told: do something else for a while, as long as you like.
///         Update::Idle => std::thread::sleep(std::time::Duration::from_millis(100)),
///         Update::End => return Ok(()),
///         _ => {}
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Latest<R> {
    publication: Publication,
    ring: RingReader<ReadSpan>,
    next: u64,
    /// The next cell to look at, while the whole board is looked at.
    scan: Option<u32>,
    known: Vec<Known>,
    /// Cells that wait, longest first.
    waiting: VecDeque<u32>,
    rows: Rows,
    standings: Vec<Option<Standing>>,
    /// The next channel to look at, while all of them are.
    channels: Option<u16>,
    /// What is told as soon as the channels are.
    fate: Fate,
    watch: Watch,
    told: Told,
    words: [u64; MOST_WORDS],
    schema: std::marker::PhantomData<fn() -> R>,
}

/// What a step came to; its data is in the buffer.
enum Step {
    Value { row: Row, cell: u32, position: u64, maybe_bad: bool, folded: u64 },
    Control,
    Channel(ChannelRow),
    Skipped(u64),
    Idle,
    NewEpoch,
    WriterDead,
    End,
}

impl<R: Record> Latest<R> {
    const CELLS: u32 = R::SCHEMA.cells();
    /// Words to read of each slot that is followed: a control record, and if the record itself says which cell it is for, all of it.
    const FOLLOWED: usize = {
        let (record, control) = (size_of::<R>() / 8, size_of::<Control>() / 8);
        if Self::CELLS > 1 && record > control { record } else { control }
    };

    pub(crate) fn new(publication: Publication) -> Result<Self, ShmError> {
        let ring = publication.ring(R::SCHEMA)?;
        let mut latest = Self {
            next: 1,
            scan: None,
            known: Vec::new(),
            waiting: VecDeque::new(),
            rows: Rows::default(),
            standings: Vec::new(),
            channels: None,
            fate: Fate::Unknown,
            watch: Watch::new(),
            told: Told { first: 1, ..Told::default() },
            words: [0; MOST_WORDS],
            schema: std::marker::PhantomData,
            publication,
            ring,
        };
        // With the board as it is.
        latest.begin(latest.ring.cursor() + 1);
        latest.scan = Some(0);
        Ok(latest)
    }

    /// Begins at a position of an epoch that nothing is known of.
    fn begin(&mut self, next: u64) {
        self.told = Told { first: next, values: 0, controls: 0, conflated_before: self.conflated() };
        self.next = next;
        (self.scan, self.channels) = (None, Some(0));
        self.known.clear();
        self.waiting.clear();
        self.standings.clear();
        self.rows = Rows::default();
    }

    /// The next thing that changed; [`Update::Idle`] when all has been told. Never waits. Errors as of [`Records::next`](super::Records::next).
    #[allow(clippy::should_implement_trait)] // a lending iterator
    pub fn next(&mut self) -> Result<Update<'_, R>, ShmError> {
        let step = self.step()?;
        let bytes = self.words.as_bytes();
        let cut = || self.publication.corrupt("a record does not fit its slot".into());
        Ok(match step {
            Step::Value { row, cell, position, maybe_bad, folded } => {
                let record = R::ref_from_prefix(bytes).map_err(|_| cut())?.0;
                Update::Value { record, row, cell, position, maybe_bad, folded }
            }
            Step::Control => Update::Control(Control::ref_from_prefix(bytes).map_err(|_| cut())?.0),
            Step::Channel(row) => Update::Channel(row),
            Step::Skipped(n) => Update::Skipped(n),
            Step::Idle => Update::Idle,
            Step::NewEpoch => Update::NewEpoch,
            Step::WriterDead => Update::WriterDead,
            Step::End => Update::End,
        })
    }

    fn step(&mut self) -> Result<Step, ShmError> {
        if let Some(step) = self.changed_channel() {
            return Ok(step);
        }
        match std::mem::replace(&mut self.fate, Fate::Unknown) {
            Fate::Unknown | Fate::Alive => {}
            Fate::Dead => return Ok(Step::WriterDead),
            Fate::Ended => return Ok(Step::End),
            Fate::Follow(publication) => {
                self.ring = publication.ring(R::SCHEMA)?;
                self.publication = publication;
                self.begin(1);
                return Ok(Step::NewEpoch);
            }
        }
        if let Some(step) = self.scanned()? {
            return Ok(step);
        }
        if self.waiting.is_empty()
            && let Some(step) = self.follow()?
        {
            return Ok(step);
        }
        if let Some(step) = self.waited()? {
            return Ok(step);
        }
        let drained = || self.ring.is_drained(self.next);
        match self.watch.idle(&self.publication, drained)? {
            Fate::Unknown => Ok(Step::Idle),
            Fate::Dead | Fate::Ended if self.ring.is_beyond_cursor(self.next) => Err(self.publication.beyond_cursor(R::SCHEMA, self.next)),
            fate => {
                // Silence, for one, is told by nothing but its channel's word.
                (self.fate, self.channels) = (fate, Some(0));
                if matches!(self.fate, Fate::Alive) { Ok(self.changed_channel().unwrap_or(Step::Idle)) } else { self.step() }
            }
        }
    }

    /// The next channel whose state is not the one that was told.
    fn changed_channel(&mut self) -> Option<Step> {
        let first = self.channels?;
        let table = self.publication.channels_table();
        if self.standings.len() < usize::from(table.count()) {
            self.standings.resize(table.count().into(), None);
        }
        for (channel, told) in (first..).zip(self.standings.iter_mut().skip(first.into())) {
            let standing = Some(table.standing(channel));
            if *told != standing
                && let Some(row) = table.row(channel)
            {
                *told = standing;
                self.channels = channel.checked_add(1);
                return Some(Step::Channel(row));
            }
        }
        self.channels = None;
        None
    }

    /// While the whole board is looked at: the next cell that changed.
    fn scanned(&mut self) -> Result<Option<Step>, ShmError> {
        let Some(first) = self.scan else { return Ok(None) };
        let cells = self.publication.instrument_count().saturating_mul(Self::CELLS).min(self.ring.cells());
        self.make_room(cells)?;
        for cell in first..cells {
            // Where it goes on, also after an error.
            self.scan = Some(cell);
            let given = self.known.get(cell as usize).map_or(0, |known| known.given);
            let newest = |words: &mut [u64]| self.ring.latest(cell, words).map_err(|_| self.never_whole(cell));
            // The stamp alone first: most cells did not change.
            if newest(&mut [])?.is_none_or(|position| position <= given) {
                continue;
            }
            let mut words = [0; MOST_WORDS];
            let record = words.get_mut(..size_of::<R>() / 8).unwrap_or_default();
            if let Some(position) = newest(record)? {
                (self.words, self.scan) = (words, Some(cell + 1));
                return self.give(cell, position).map(Some);
            }
        }
        self.scan = None;
        Ok(None)
    }

    /// Reads the ring and notes what changed, up to its end or as far as there are cells. Something that is to be told at once stops it.
    fn follow(&mut self) -> Result<Option<Step>, ShmError> {
        let most = (self.known.len() as u64).max(FOLLOWED_AT_ONCE);
        let mut followed = 0;
        loop {
            // Who is not that far behind has no use for the cursor, which shares its line with the writer.
            if followed % FOLLOWED_AT_ONCE == 0 && followed > 0 {
                let cursor = self.ring.cursor();
                if cursor >= self.next && cursor - self.next >= most {
                    return Ok(self.waiting.is_empty().then(|| self.skip(cursor)));
                }
                if followed >= most && !self.waiting.is_empty() {
                    return Ok(None);
                }
            }
            followed += 1;
            let words = self.words.get_mut(..Self::FOLLOWED).unwrap_or_default();
            match self.ring.look(self.next, words) {
                Look::Record => self.watch.came(),
                Look::NotYet => return Ok(None),
                Look::Gone => {
                    let cursor = self.ring.cursor();
                    // Otherwise the writer has announced less than it has written; it will within a quarter of the ring, if it is there.
                    return Ok((cursor >= self.next && self.waiting.is_empty()).then(|| self.skip(cursor)));
                }
            }
            let first = self.words.first().copied().unwrap_or(0);
            let rtype = (first >> 8) as u8;
            let is_control = (control::FIRST_RTYPE..=control::LAST_RTYPE).contains(&rtype);
            if is_control && !self.waiting.is_empty() {
                // What was noted before it is given before it.
                return Ok(None);
            }
            self.next += 1;
            if is_control {
                self.told.controls += 1;
                self.channels = Some(0);
                return Ok(Some(Step::Control));
            }
            if rtype != R::SCHEMA.rtype() {
                return Err(self.wrong_type(rtype, self.next - 1));
            }
            self.note(first >> 16, self.next - 1)?;
        }
    }

    /// Leaves the ring up to the cursor unread; the board tells what was in it.
    fn skip(&mut self, cursor: u64) -> Step {
        let skipped = cursor + 1 - self.next;
        self.next = cursor + 1;
        (self.scan, self.channels) = (Some(0), Some(0));
        Step::Skipped(skipped)
    }

    /// The record of these ids in the buffer was written at `position`.
    fn note(&mut self, ids: u64, position: u64) -> Result<(), ShmError> {
        let (publication, words) = (&self.publication, &self.words);
        self.rows.read_up_to(publication.instrument_count(), |row| publication.instruments_table().ids(row));
        let Some(rows) = self.rows.known.get(&ids) else {
            // Of the whole venue, and on no board.
            return Ok(());
        };
        let inside = if Self::CELLS == 1 {
            0
        } else {
            R::ref_from_prefix(words.as_bytes()).map_or(0, |(record, _)| record.cell().min(Self::CELLS - 1))
        };
        let cell_of = |row: Row| row.saturating_mul(Self::CELLS).saturating_add(inside);
        let mut found = (cell_of(rows.newest), position);
        if !rows.older.is_empty() {
            // An id that went over to another symbol: whose record it is, the board says.
            let all = || rows.older.iter().copied().chain([rows.newest]).map(cell_of);
            let holds = |cell: u32| self.ring.latest(cell, &mut []).ok().flatten().filter(|&held| held >= position);
            found = (0..LOOKS).find_map(|_| all().find_map(|cell| Some((cell, holds(cell)?)))).unwrap_or(found);
        }
        let (cell, position) = found;
        self.make_room(cell.saturating_add(1).min(self.ring.cells()))?;
        let Some(known) = self.known.get_mut(cell as usize) else { return Ok(()) };
        if position <= known.given {
            // Passed over already for the one that was given, or that one itself.
            known.folded += u64::from(position < known.given);
            return Ok(());
        }
        if known.wanted > known.given {
            known.folded += 1;
        } else {
            self.waiting.push_back(cell);
        }
        known.wanted = known.wanted.max(position);
        Ok(())
    }

    /// Gives the cell that has waited longest.
    fn waited(&mut self) -> Result<Option<Step>, ShmError> {
        while let Some(cell) = self.waiting.pop_front() {
            let Known { given, wanted, .. } = self.known.get(cell as usize).copied().unwrap_or_default();
            if wanted <= given {
                continue;
            }
            let words = self.words.get_mut(..size_of::<R>() / 8).unwrap_or_default();
            for _ in 0..LOOKS {
                match self.ring.latest(cell, words) {
                    Ok(Some(position)) if position >= wanted => return self.give(cell, position).map(Some),
                    Ok(_) => {}
                    Err(_) => break,
                }
                // Its writer is between slot and cell, or died there.
                if self.ring.look(wanted, words) == Look::Record {
                    return self.give(cell, wanted).map(Some);
                }
            }
            self.waiting.push_back(cell);
            return Err(self.never_whole(cell));
        }
        Ok(None)
    }

    /// The cell's newest record is in the buffer.
    fn give(&mut self, cell: u32, position: u64) -> Result<Step, ShmError> {
        let rtype = (self.words.first().copied().unwrap_or(0) >> 8) as u8;
        let mut folded = 0;
        if let Some(known) = self.known.get_mut(cell as usize) {
            folded = std::mem::take(&mut known.folded);
            folded += u64::from(known.wanted > known.given && known.wanted < position);
            (known.given, known.wanted) = (position, known.wanted.max(position));
        }
        self.told.values += u64::from(position >= self.told.first);
        if rtype != R::SCHEMA.rtype() {
            return Err(self.wrong_type(rtype, position));
        }
        let row = cell / Self::CELLS;
        let maybe_bad = R::ref_from_prefix(self.words.as_bytes()).map_or(true, |(record, _)| self.publication.doubts(row, record));
        Ok(Step::Value { row, cell: cell % Self::CELLS, position, maybe_bad, folded })
    }

    fn make_room(&mut self, cells: u32) -> Result<(), ShmError> {
        let more = (cells as usize).saturating_sub(self.known.len());
        if more > 0 {
            let full =
                |_| ShmError::io("make room for its instruments, of", self.publication.path())(std::io::ErrorKind::OutOfMemory.into());
            self.known.try_reserve(more).map_err(full)?;
            self.known.resize(cells as usize, Known::default());
        }
        Ok(())
    }

    fn never_whole(&self, cell: u32) -> ShmError {
        self.publication.corrupt(format!("the {} cell at row {} is never whole", R::SCHEMA.name(), cell / Self::CELLS))
    }

    fn wrong_type(&self, rtype: u8, position: u64) -> ShmError {
        self.publication.corrupt(format!("record type {rtype:#04x} at position {position} of the {} ring", R::SCHEMA.name()))
    }

    /// The epoch this subscription is in; changes with [`Update::NewEpoch`].
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// How many positions of the ring were passed over so far without being given: records for which a newer one was, those of the whole
    /// venue (they are on no board), and the control records in what was skipped. Exact when [`Update::Idle`].
    pub fn conflated(&self) -> u64 {
        let Told { first, values, controls, conflated_before } = self.told;
        conflated_before + (self.next - first.min(self.next)).saturating_sub(values + controls)
    }
}

/// What was told in this epoch, from a position on.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    first: u64,
    values: u64,
    controls: u64,
    conflated_before: u64,
}

/// Rows of the instruments table by publisher and instrument id, as both stand in a record's first word.
#[derive(Debug, Default)]
struct Rows {
    known: HashMap<u64, SameIds>,
    read: u32,
}

/// The rows of one pair of ids: usually one.
#[derive(Debug)]
struct SameIds {
    newest: Row,
    older: Vec<Row>,
}

impl Rows {
    fn read_up_to(&mut self, count: u32, ids: impl Fn(Row) -> (u16, u32)) {
        for row in self.read..count {
            let (publisher_id, instrument_id) = ids(row);
            let same = self.known.entry(u64::from(publisher_id) | u64::from(instrument_id) << 16);
            same.and_modify(|same| same.older.push(std::mem::replace(&mut same.newest, row)))
                .or_insert(SameIds { newest: row, older: Vec::new() });
        }
        self.read = count.max(self.read);
    }
}

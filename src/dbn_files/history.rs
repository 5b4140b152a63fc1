//! A ring from the first record of its epoch on: out of the recorder's files where the ring no longer has it, then out of the ring.
//!
//! Files and ring are joined by position, so no record comes twice and none is missing in silence: what neither has is said in-band as
//! [`Item::Lost`]. That number is never too small; like a ring's own it may count control records that were lost in between. A reader that
//! is lapped goes back to the files, and loses nothing as long as the recorder keeps up. Control records are not in files; the reader gets
//! those of what it reads from the ring.
//!
//! Nothing is registered anywhere, as with every reader; reading a block of a file takes its time (some milliseconds for 4 MiB).

use std::fs::File;
use std::time::{Duration, Instant};

use zerocopy::FromZeros;

use super::block_reader::{BlockReader, Next};
use super::index::{self, Entry};
use super::note::Note;
use crate::error::Error;
use crate::record::{Control, Record, control};
use crate::shm::{From, Item, Publication, Records};

/// How long a part is waited for that should cover what the ring no longer has: the recorder writes at least once a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between looks at such a part.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Publication {
    /// Every record of a ring since the beginning of this epoch, as far as files of a recorder and the ring have them, then what comes.
    pub fn history<R: Record>(&self) -> Result<History<R>, Error> {
        let ring = self.subscribe::<R>(From::Now)?;
        let mut history = History {
            publication: self.clone(),
            ring,
            expected: 1,
            files: None,
            waiting: None,
            looked: None,
            lost: 0,
            owed: 0,
            record: R::new_zeroed(),
            control: Control::new_zeroed(),
        };
        history.ring.seek(1);
        Ok(history)
    }
}

/// One ring from its beginning. See [`Publication::history`].
#[derive(Debug)]
pub struct History<R> {
    publication: Publication,
    ring: Records<R>,
    /// The position that comes next.
    expected: u64,
    /// Set while it reads files.
    files: Option<Files>,
    /// Since when the recorder is waited for, and when its part was last looked at.
    waiting: Option<Instant>,
    looked: Option<Instant>,
    lost: u64,
    /// Lost, and not told yet.
    owed: u64,
    record: R,
    control: Control,
}

enum Step {
    Record,
    Control,
    Lost(u64),
    Idle,
    NewEpoch,
    WriterDead,
    End,
}

impl<R: Record> History<R> {
    /// The next thing that happened, as [`Records::next`] says it, without [`Item::Board`]. Errors: a list or file of the recorder is not what it
    /// wrote (it is passed over when this is called again: what it held is told as lost), or as of [`Records::next`].
    #[allow(clippy::should_implement_trait)] // a lending iterator
    pub fn next(&mut self) -> Result<Item<'_, R>, Error> {
        Ok(match self.step()? {
            Step::Record => Item::Record(&self.record),
            Step::Control => Item::Control(&self.control),
            Step::Lost(count) => {
                self.lost = self.lost.saturating_add(count);
                Item::Lost(count)
            }
            Step::Idle => Item::Idle,
            Step::NewEpoch => Item::NewEpoch,
            Step::WriterDead => Item::WriterDead,
            Step::End => Item::End,
        })
    }

    /// The epoch that it is in; changes with [`Item::NewEpoch`].
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// The ring position of what comes next.
    pub fn next_position(&self) -> u64 {
        self.expected
    }

    /// All that [`Item::Lost`] said so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn step(&mut self) -> Result<Step, Error> {
        if self.owed > 0 {
            return Ok(Step::Lost(std::mem::take(&mut self.owed)));
        }
        if let Some(files) = &mut self.files {
            match files.next::<R>(&mut self.record) {
                Ok(Told::Record(position)) => {
                    (self.expected, self.waiting) = (position + 1, None);
                    return Ok(Step::Record);
                }
                Ok(Told::Lost(count)) => {
                    self.waiting = None;
                    return Ok(Step::Lost(count));
                }
                Ok(Told::End) => {
                    self.expected = files.covered.max(self.expected);
                    self.files = None;
                    self.ring.seek(self.expected);
                }
                Err(error) => return Err(self.without_files(error)),
            }
        }
        if self.waiting.is_some() && self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Ok(Step::Idle);
        }
        let step = match self.ring.next()? {
            Item::Record(record) => {
                self.record = *record;
                Step::Record
            }
            Item::Control(control) if control.hd.rtype == control::PRICE_LEVELS_ONLY => Step::Idle,
            Item::Control(control) => {
                self.control = *control;
                Step::Control
            }
            Item::Lost(_) | Item::Board { .. } => return self.lapped(),
            Item::Idle => return Ok(Step::Idle),
            Item::WriterDead => return Ok(Step::WriterDead),
            Item::End => return Ok(Step::End),
            Item::NewEpoch => {
                self.publication = self.ring.publication().clone();
                self.expected = 1;
                Step::NewEpoch
            }
        };
        self.expected = self.ring.next_position();
        self.waiting = None;
        Ok(step)
    }

    /// The ring no longer has what comes next. Have the files?
    #[cold]
    fn lapped(&mut self) -> Result<Step, Error> {
        self.ring.seek(self.expected);
        let (files, recorded) = match Files::open::<R>(&self.publication, self.expected) {
            Ok(opened) => opened,
            Err(error) => return Err(self.without_files(error)),
        };
        if files.is_some() {
            self.files = files;
            return Ok(Step::Idle);
        }
        self.looked = Some(Instant::now());
        let since = *self.waiting.get_or_insert_with(Instant::now);
        if recorded && since.elapsed() < PATIENCE {
            return Ok(Step::Idle);
        }
        Ok(Step::Lost(self.skip_to_ring()))
    }

    /// Files that cannot be read: told once, then what they held as lost, then what the ring still has.
    fn without_files(&mut self, error: Error) -> Error {
        self.files = None;
        self.owed = self.skip_to_ring();
        error
    }

    /// Gives up what only files could have; says how many positions that is.
    fn skip_to_ring(&mut self) -> u64 {
        self.waiting = None;
        self.ring.seek_oldest();
        let oldest = self.ring.next_position().max(self.expected);
        self.ring.seek(oldest);
        oldest - std::mem::replace(&mut self.expected, oldest)
    }
}

/// The files of one ring from some position on.
#[derive(Debug)]
struct Files {
    /// Files of the same positions (one per publisher), the earliest last.
    groups: Vec<Vec<Entry>>,
    group: Vec<BlockReader>,
    growing: bool,
    /// Of the block that is being read: positions of its records, last first, and where they are in `records`.
    order: Vec<(u64, usize)>,
    records: Vec<u8>,
    /// To be told before the next record.
    lost: u64,
    /// Up to where the blocks that were read cover the ring.
    covered: u64,
}

enum Told {
    Record(u64),
    Lost(u64),
    End,
}

impl Files {
    /// Opens what has records of this epoch from `expected` on: `None` if no file has any (yet). Also whether there is a recorder at all.
    fn open<R: Record>(publication: &Publication, expected: u64) -> Result<(Option<Self>, bool), Error> {
        let path = publication.path();
        let dir = path.parent().unwrap_or(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut entries = index::read(&index::index_path(dir, &name))?;
        entries.retain(|entry| entry.epoch == publication.epoch() && entry.schema == R::SCHEMA.name());
        let recorded = !entries.is_empty();
        entries.retain(|entry| entry.last.is_none_or(|last| last >= expected));
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.first, entry.publisher_id)));
        let mut groups: Vec<Vec<Entry>> = Vec::new();
        for entry in entries {
            match groups.last_mut() {
                Some(group) if group.first().is_some_and(|other| other.first == entry.first) => group.push(entry),
                _ => groups.push(vec![entry]),
            }
        }
        let mut files =
            Self { groups, group: Vec::new(), growing: false, order: Vec::new(), records: Vec::new(), lost: 0, covered: expected };
        let something = files.next_block::<R>()?;
        Ok((something.then_some(files), recorded))
    }

    fn next<R: Record>(&mut self, record: &mut R) -> Result<Told, Error> {
        loop {
            if self.lost > 0 {
                return Ok(Told::Lost(std::mem::take(&mut self.lost)));
            }
            if let Some((position, at)) = self.order.pop() {
                let bytes = self.records.get(at..at + size_of::<R>()).unwrap_or_default();
                if let Ok(read) = R::read_from_bytes(bytes) {
                    *record = read;
                }
                return Ok(Told::Record(position));
            }
            if !self.next_block::<R>()? {
                return Ok(Told::End);
            }
        }
    }

    /// Reads the next block that has something not covered so far.
    fn next_block<R: Record>(&mut self) -> Result<bool, Error> {
        loop {
            if self.group.is_empty() {
                let Some(group) = self.groups.pop() else { return Ok(false) };
                self.open_group::<R>(&group)?;
                if self.lost > 0 {
                    return Ok(true);
                }
                continue;
            }
            let mut blocks: Vec<(Note, u64)> = Vec::new();
            for reader in &mut self.group {
                match reader.next()? {
                    Next::Block { note, frame_at } => blocks.push((note, frame_at)),
                    Next::Cut if !self.growing => return Err(reader.damaged(reader.at, "the file is cut")),
                    Next::End | Next::Cut => {}
                }
            }
            if self.growing && blocks.len() < self.group.len() {
                // More comes when it is written: whoever needs it asks again then.
                return Ok(false);
            }
            let (Some((first, _)), Some(reader)) = (blocks.first(), self.group.first()) else {
                self.group.clear();
                continue;
            };
            let alike =
                blocks.iter().all(|(note, _)| (note.first, note.next, note.lost_among) == (first.first, first.next, first.lost_among));
            if blocks.len() < self.group.len() || !alike {
                return Err(reader.damaged(reader.at, "its blocks are not those of its neighbours"));
            }
            if first.next > self.covered && self.take_block::<R>(&blocks)? {
                return Ok(true);
            }
        }
    }

    /// Puts a block's records into their order. `false` if there is nothing in it.
    fn take_block<R: Record>(&mut self, blocks: &[(Note, u64)]) -> Result<bool, Error> {
        let size = size_of::<R>();
        self.records.clear();
        for ((note, frame_at), reader) in blocks.iter().zip(&self.group) {
            let start = self.records.len();
            let records = reader.records(note, *frame_at)?;
            let fits = |record: &[u8]| record.get(..2) == Some(&[(size / 4) as u8, R::SCHEMA.rtype()]);
            if !records.chunks_exact(size).all(fits) {
                return Err(reader.damaged(*frame_at, &format!("a record is not of schema {}", R::SCHEMA.name())));
            }
            self.records.extend(records);
            let places = note.positions().zip((start..).step_by(size));
            self.order.extend(places.filter(|&(position, _)| position >= self.covered));
        }
        self.order.sort_unstable_by(|a, b| b.cmp(a));
        if let Some((note, _)) = blocks.first() {
            self.lost += note.first.saturating_sub(self.covered);
            // What was lost comes first in a block. The reader may have had some of it from the ring: no more is missing than positions are left.
            self.lost += note.lost.min(note.lost_among.1.saturating_sub(self.covered.max(note.lost_among.0)));
            self.covered = note.next;
        }
        Ok(!self.order.is_empty() || self.lost > 0)
    }

    fn open_group<R: Record>(&mut self, group: &[Entry]) -> Result<(), Error> {
        // Only the last ones grow: those before are being made whole, and have all their blocks.
        self.growing = self.groups.is_empty() && group.iter().any(|entry| entry.last.is_none());
        for entry in group {
            let file = match File::open(&entry.path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    // A part that has become whole meanwhile is in the next list. A file that somebody removed is gone.
                    if let (Some(last), Some(records)) = (entry.last, entry.records) {
                        self.lost += records;
                        self.covered = last.saturating_add(1).max(self.covered);
                    } else {
                        self.group.clear();
                        self.groups.clear();
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(super::part::cannot(error, "open", &entry.path)),
            };
            match BlockReader::open(file, &entry.path, entry.body_at, size_of::<R>())? {
                Some((reader, head)) => {
                    if (head.rtype, head.epoch, head.publisher_id) != (R::SCHEMA.rtype(), entry.epoch, entry.publisher_id) {
                        return Err(reader.damaged(entry.body_at, "it is not the file that was listed"));
                    }
                    self.group.push(reader);
                }
                None if entry.last.is_none() => {
                    self.group.clear();
                    return Ok(());
                }
                None => return Err(super::part::cannot(std::io::ErrorKind::UnexpectedEof.into(), "read", &entry.path)),
            }
        }
        Ok(())
    }
}

//! The files of one ring: one part per publisher, always begun, cut into blocks, and ended together.
//!
//! All parts of a ring have the same row of blocks: a block covers the ring positions from the end of the one before it, whichever
//! publishers have records there. So what the files cover is one number, and a reader puts the publishers' records back into their order.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::index::{Entry, Index};
use super::name::{DAY_NS, FileName, date_of_day};
use super::note::{Head, Note, Run};
use super::part::Part;
use super::whole::{WholeFile, finish};
use crate::error::{Error, Exit};
use crate::record::{Record, Schema, UNDEF_TIME};

/// Compression level of zstd.
pub(super) const LEVEL: i32 = 3;
/// Bytes of records in a full block: beyond twice zstd's window at this level nothing is gained.
const BLOCK_BYTES: usize = 4 << 20;

/// One publisher of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// DBN publisher id, as in the records.
    pub id: u16,
    /// DBN's name of the dataset; see [`dataset`](super::dataset).
    pub dataset: String,
}

/// Where files go and when they end.
#[derive(Clone, Debug)]
pub struct FilesConfig {
    /// The directory; it must be there.
    pub dir: PathBuf,
    /// The publication's name.
    pub publication: String,
    /// Whose records there may be.
    pub publishers: Vec<Publisher>,
    /// A file ends when it has so many bytes of records, before compression.
    pub rotate_bytes: u64,
    /// Files are made whole on a thread of their own, so that whoever writes records never waits for a disk to have taken all.
    pub in_background: bool,
    /// Where the files are listed for readers.
    pub index: Option<Arc<Mutex<Index>>>,
}

/// Writes the files of one ring.
#[derive(Debug)]
pub struct RingFiles {
    config: Arc<FilesConfig>,
    schema: Schema,
    epoch: u64,
    /// The parts that grow, one per publisher in the configuration's order; none before the first record and between two files.
    growing: Vec<Growing>,
    /// The day of the parts, since 1970 UTC.
    day: u64,
    /// Up to where blocks cover the ring, and up to where it was read.
    covered: u64,
    reached: u64,
    /// Records lost since the last block, not noted yet, and the positions among which they are.
    lost: u64,
    lost_among: (u64, u64),
    lost_in_all: u64,
    /// A part could not be begun: not tried again before the next flush.
    refused: bool,
    names: HashMap<(u16, u32), String>,
    renamed: u64,
    finishing: Vec<JoinHandle<Finished>>,
    whole: Vec<WholeFile>,
}

/// A part and what was not written to it yet.
#[derive(Debug)]
struct Growing {
    part: Part,
    seen: Seen,
    records: Vec<u8>,
    count: u32,
    runs: Vec<Run>,
    /// The position behind the last record.
    next: u64,
    span_ns: (u64, u64),
    /// Ids without a symbol in the part so far.
    unnamed: Vec<u32>,
    /// Bytes of records in the part, this block's included.
    raw_bytes: u64,
}

type Finished = (Part, Result<Option<WholeFile>, Error>);

impl RingFiles {
    /// Files of one ring, from the epoch with that number on.
    pub fn new(config: Arc<FilesConfig>, schema: Schema, epoch: u64) -> Self {
        Self {
            config,
            schema,
            epoch,
            growing: Vec::new(),
            day: 0,
            covered: 1,
            reached: 1,
            lost: 0,
            lost_among: (0, 0),
            lost_in_all: 0,
            refused: false,
            names: HashMap::new(),
            renamed: 0,
            finishing: Vec::new(),
            whole: Vec::new(),
        }
    }

    /// A new epoch: other instruments, positions from 1, other files.
    pub fn begin_epoch(&mut self, epoch: u64) -> Result<(), Error> {
        let ended = self.rotate();
        self.epoch = epoch;
        (self.covered, self.reached, self.lost, self.lost_among) = (1, 1, 0, (0, 0));
        self.names.clear();
        ended
    }

    /// An instrument was announced: from now on its id stands for this symbol. If it stood for another, other files begin, because a
    /// file's metadata has one name for an id and a day.
    pub fn announce(&mut self, publisher_id: u16, instrument_id: u32, symbol: &[u8]) -> Result<(), Error> {
        let end = symbol.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
        let symbol = symbol.iter().take(end).map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '?' }).collect::<String>();
        if symbol.is_empty() {
            return Ok(());
        }
        let known = self.names.get(&(publisher_id, instrument_id));
        if known.is_some_and(|known| *known == symbol) {
            return Ok(());
        }
        let ended = if known.is_some() {
            self.renamed += 1;
            self.rotate()
        } else {
            Ok(())
        };
        self.names.insert((publisher_id, instrument_id), symbol);
        ended
    }

    /// Takes the record at that position of the ring. On an error it, or the block that it would have completed, is lost and counted.
    #[inline]
    pub fn push<R: Record>(&mut self, position: u64, record: &R) -> Result<(), Error> {
        let header = record.header();
        let at_ns = record.ts_recv();
        let day = if at_ns == UNDEF_TIME { self.day } else { at_ns / DAY_NS };
        if self.growing.is_empty() || day > self.day {
            self.begin(day, position)?;
        }
        let of = |growing: &&mut Growing| growing.part.head.publisher_id == header.publisher_id;
        let Some(growing) = self.growing.iter_mut().find(of) else { return self.without_part(position, header.publisher_id) };
        self.reached = position + 1;
        match growing.runs.last_mut() {
            Some(run) if growing.next == position => run.take += 1,
            _ => growing.runs.push(Run { pass: position.saturating_sub(growing.next), take: 1 }),
        }
        growing.next = position + 1;
        growing.count += 1;
        if growing.seen.is_new(header.instrument_id) {
            growing.unnamed.push(header.instrument_id);
        }
        if at_ns != UNDEF_TIME {
            growing.span_ns = (growing.span_ns.0.min(at_ns), growing.span_ns.1.max(at_ns));
        }
        growing.records.extend_from_slice(record.as_bytes());
        growing.raw_bytes += size_of::<R>() as u64;
        if growing.raw_bytes >= self.config.rotate_bytes {
            return self.rotate();
        }
        if growing.records.len() + size_of::<R>() > BLOCK_BYTES {
            return self.flush();
        }
        Ok(())
    }

    #[cold]
    fn without_part(&mut self, position: u64, publisher_id: u16) -> Result<(), Error> {
        let written = self.lose(position, 1);
        if self.growing.is_empty() {
            // That no part can be begun was said when it was tried.
            return written;
        }
        let why = format!("a record at position {position} is of publisher {publisher_id}, which is none of its channels'");
        let schema = self.schema.name();
        Err(Error::new(
            Exit::Failed,
            format!("{schema} ring of {}", self.config.publication),
            why,
            "only the publication's lane may write it",
        ))
    }

    /// That position holds nothing for a file (a control record).
    #[inline]
    pub fn pass(&mut self, position: u64) {
        self.reached = position + 1;
    }

    /// Positions from this one on are lost, so many. Their place is noted.
    /// An error is of what was read before: that is lost too, then, and counted.
    pub fn lose(&mut self, position: u64, count: u64) -> Result<(), Error> {
        let pending = self.growing.iter().any(|growing| growing.count > 0);
        let written = if pending { self.write_block() } else { Ok(()) };
        self.reached = position.saturating_add(count);
        self.note_loss(position, count);
        written
    }

    /// So many are lost from `from` up to where the ring was read.
    fn note_loss(&mut self, from: u64, count: u64) {
        self.lost_among = (if self.lost == 0 { from } else { self.lost_among.0.min(from) }, self.reached);
        self.lost += count;
        self.lost_in_all += count;
    }

    /// Writes what there is as a block, so that it can be read; tries again what the disk refused before.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.refused = false;
        let settled = self.settle(false);
        self.write_block().and(settled)
    }

    /// Ends the files: they become whole. Waits until they are.
    pub fn close(&mut self) -> Result<(), Error> {
        let ended = self.rotate();
        ended.and(self.settle(true))
    }

    /// Files that became whole, and were not taken yet.
    pub fn take_whole(&mut self) -> Vec<WholeFile> {
        std::mem::take(&mut self.whole)
    }

    /// Records lost so far, for whatever reason.
    pub fn lost(&self) -> u64 {
        self.lost_in_all
    }

    /// How often an id was given to another symbol within an epoch.
    pub fn renamed(&self) -> u64 {
        self.renamed
    }

    /// The schema of the ring.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The epoch that it is in.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    #[cold]
    fn begin(&mut self, day: u64, position: u64) -> Result<(), Error> {
        if self.refused {
            // `push` finds no part, and counts.
            return Ok(());
        }
        let ended = self.rotate();
        self.day = day;
        let several = self.config.publishers.len() > 1;
        for publisher in &self.config.publishers {
            let name = FileName {
                publication: self.config.publication.clone(),
                publisher: several.then(|| publisher.dataset.to_lowercase().replace('.', "-")),
                schema: self.schema,
                date: date_of_day(day),
                number: 0,
            };
            let (publisher_id, dataset) = (publisher.id, publisher.dataset.clone());
            let head = Head { publisher_id, rtype: self.schema.rtype(), epoch: self.epoch, dataset };
            match Part::create(&self.config.dir, name, head, self.covered) {
                Ok(part) => self.growing.push(Growing::new(part, self.covered)),
                Err(error) => {
                    self.refused = true;
                    self.growing.drain(..).for_each(|growing| remove(&growing.part));
                    // Without a part there is nothing to write, so nothing else to fail.
                    let _ = self.lose(position, 1);
                    return Err(error);
                }
            }
        }
        // Before the first block: who reads one part must know of all.
        self.list();
        ended
    }

    /// All parts' blocks, or none.
    fn write_block(&mut self) -> Result<(), Error> {
        let pending: u64 = self.growing.iter().map(|growing| u64::from(growing.count)).sum();
        if self.growing.is_empty() || (pending == 0 && self.lost == 0) {
            return Ok(());
        }
        let before: Vec<u64> = self.growing.iter().map(|growing| growing.part.bytes).collect();
        let template = Note { first: self.covered, next: self.reached, lost: self.lost, lost_among: self.lost_among, ..Note::default() };
        let mut written = Ok(Vec::new());
        for growing in &mut self.growing {
            let block = growing.block(&template, &self.names);
            written = written.and_then(|notes: Vec<Note>| {
                let (note, bytes) = block?;
                growing.part.append(&bytes)?;
                Ok(notes.into_iter().chain([note]).collect())
            });
        }
        let (covered, reached) = (self.covered, self.reached);
        match written {
            Ok(notes) => {
                for (growing, note) in self.growing.iter_mut().zip(&notes) {
                    growing.part.sum.add(note);
                    growing.next_block(reached);
                }
                (self.covered, self.lost, self.lost_among) = (reached, 0, (0, 0));
                Ok(())
            }
            Err(error) => {
                for (growing, bytes) in self.growing.iter_mut().zip(before) {
                    growing.part.cut_back(bytes);
                    growing.forget(covered);
                }
                self.note_loss(covered, pending);
                Err(error)
            }
        }
    }

    /// Ends the files that grow.
    fn rotate(&mut self) -> Result<(), Error> {
        if self.growing.is_empty() {
            return Ok(());
        }
        let mut ended = self.write_block();
        for Growing { mut part, .. } in self.growing.drain(..) {
            if part.sum.records == 0 {
                ended = ended.and(put_away((part, Ok(None)), &mut self.whole, &self.config));
                continue;
            }
            let make_whole = move || {
                let outcome = finish(&mut part);
                (part, outcome)
            };
            // A thread that does not start drops what it was to do, and the part with it; the next start of the recorder makes it whole.
            match self.config.in_background {
                true => match std::thread::Builder::new().name("dbn-finish".into()).spawn(make_whole) {
                    Ok(thread) => self.finishing.push(thread),
                    Err(error) => ended = ended.and(Err(Error::new(Exit::Host, "cannot start a thread", error, "free memory"))),
                },
                false => {
                    let finished = make_whole();
                    ended = ended.and(put_away(finished, &mut self.whole, &self.config));
                }
            }
        }
        ended
    }

    /// Takes in what became whole meanwhile.
    fn settle(&mut self, wait: bool) -> Result<(), Error> {
        let mut settled = Ok(());
        for thread in std::mem::take(&mut self.finishing) {
            if !wait && !thread.is_finished() {
                self.finishing.push(thread);
                continue;
            }
            let Ok(finished) = thread.join() else { continue };
            settled = settled.and(put_away(finished, &mut self.whole, &self.config));
        }
        settled
    }

    /// Tells readers of the parts that were begun.
    fn list(&self) {
        let Some(index) = &self.config.index else { return };
        let entries = self.growing.iter().map(|growing| Entry::growing(&growing.part)).collect();
        if let Ok(mut index) = index.lock() {
            index.begin(self.epoch, entries);
        }
    }
}

/// Lists a whole file instead of its part, and removes the part.
fn put_away((part, outcome): Finished, whole: &mut Vec<WholeFile>, config: &FilesConfig) -> Result<(), Error> {
    let file = outcome?;
    if let Some(mut index) = config.index.as_ref().and_then(|index| index.lock().ok()) {
        index.ended(&part.path, file.as_ref());
    }
    whole.extend(file);
    remove(&part);
    Ok(())
}

fn remove(part: &Part) {
    // Left there it is found at the next start, and removed then, because the whole file is beside it or it holds nothing.
    let _ = std::fs::remove_file(&part.path);
}

impl Growing {
    fn new(part: Part, covered: u64) -> Self {
        Self {
            part,
            seen: Seen::default(),
            records: Vec::new(),
            count: 0,
            runs: Vec::new(),
            next: covered,
            span_ns: (u64::MAX, 0),
            unnamed: Vec::new(),
            raw_bytes: 0,
        }
    }

    /// The block as bytes, and its note: what is alike for all publishers comes from `of_ring`.
    fn block(&self, of_ring: &Note, names: &HashMap<(u16, u32), String>) -> Result<(Note, Vec<u8>), Error> {
        let refuse = |error| super::part::cannot(error, "compress", &self.part.path);
        let frame = if self.records.is_empty() { Vec::new() } else { compress(&self.records).map_err(refuse)? };
        let publisher_id = self.part.head.publisher_id;
        let named = |id: &u32| Some((*id, names.get(&(publisher_id, *id))?.clone()));
        let note = Note {
            records: self.count,
            frame_bytes: frame.len() as u32,
            span_ns: self.span_ns,
            runs: self.runs.clone(),
            symbols: self.unnamed.iter().filter_map(named).collect(),
            ..of_ring.clone()
        };
        let mut bytes = note.encode();
        bytes.extend(frame);
        Ok((note, bytes))
    }

    /// The block is written: the next one begins.
    fn next_block(&mut self, covered: u64) {
        let named: std::collections::HashSet<u32> = self.part.sum.symbols.iter().map(|(id, _)| *id).collect();
        self.unnamed.retain(|id| !named.contains(id));
        self.clear(covered);
    }

    /// The block is lost. What was new in it stays new.
    fn forget(&mut self, covered: u64) {
        self.raw_bytes -= self.records.len() as u64;
        self.clear(covered);
    }

    fn clear(&mut self, covered: u64) {
        self.records.clear();
        self.runs.clear();
        (self.count, self.next, self.span_ns) = (0, covered, (u64::MAX, 0));
    }
}

fn compress(records: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(records)
}

/// Ids seen: a bit each for the small ones (stock locates are), a set for the others.
#[derive(Debug, Default)]
struct Seen {
    last: Option<u32>,
    small: Vec<u64>,
    large: std::collections::HashSet<u32>,
}

impl Seen {
    #[inline]
    fn is_new(&mut self, id: u32) -> bool {
        if self.last.replace(id) == Some(id) {
            return false;
        }
        let (word, bit) = ((id / 64) as usize, 1 << (id % 64));
        if word >= 1 << 12 {
            return self.large.insert(id);
        }
        if self.small.len() <= word {
            self.small.resize(word + 1, 0);
        }
        match self.small.get_mut(word) {
            Some(word) => std::mem::replace(word, *word | bit) & bit == 0,
            None => false,
        }
    }
}

//! Gates: how a replay waits for its readers. A live feed has none.
//!
//! `NAME.gate` is a file of its own, the only one that readers write to: a line of header, then one line per gate. A reader
//! takes a gate by an OFD lock on that line's bytes, so that the kernel gives it back when the reader dies; it says there
//! which ring it reads and what position it is done with. The writer looks before it writes. A gate in the hands of a
//! reader that stands still stops the writer: that is what it is for.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cell::{Word, WordMut};
use super::error::ShmError;
use super::layout::LINE;
use super::region::{self, WriteRegion, WriteSpan};
use super::ring::Words;
use crate::record::Schema;

/// `TICKGATE` as it stands in memory.
const MAGIC: u64 = u64::from_le_bytes(*b"TICKGATE");
const VERSION: u64 = 1;
const LINE_WORDS: usize = LINE / 8;
/// The most that make sense; the writer looks at each of them.
pub(crate) const MOST: usize = 1024;

mod word {
    /// Record type of the ring + 1; 0: the gate is free.
    pub const RING: usize = 0;
    /// The epoch that the position is of.
    pub const EPOCH: usize = 1;
    /// The last position that the reader is done with.
    pub const POSITION: usize = 2;
    /// Process id of the reader.
    pub const PID: usize = 3;
}

fn ring_of(schema: Schema) -> u64 {
    u64::from(schema.rtype()) + 1
}

fn load(line: &[impl Word], at: usize) -> u64 {
    line.get(at).map_or(0, |word| word.load(Ordering::Acquire))
}

fn store(line: &[impl WordMut], at: usize, value: u64) {
    if let Some(word) = line.get(at) {
        word.store(value, Ordering::Release);
    }
}

/// The writer's side of the gates.
#[derive(Debug)]
pub struct Gates {
    region: Arc<WriteRegion>,
    lines: WriteSpan,
    epoch: u64,
    path: PathBuf,
}

impl Gates {
    /// Makes `path` with that many gates, in place of an older one, by way of a `temporary` file that must not exist.
    pub(crate) fn create(path: &Path, temporary: &Path, gates: usize) -> Result<Self, ShmError> {
        let mut bytes = vec![0; LINE * (gates + 1)];
        for (to, value) in bytes.chunks_exact_mut(8).zip([MAGIC, VERSION, gates as u64]) {
            to.copy_from_slice(&value.to_le_bytes());
        }
        let make = || {
            let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o660).open(temporary)?;
            file.set_permissions(std::fs::Permissions::from_mode(0o660))?;
            file.write_all(&bytes)?;
            std::fs::rename(temporary, path)?;
            Ok(file)
        };
        let file = make().map_err(ShmError::io("create the gates", path))?;
        let (region, lines) = map(file, path, gates)?;
        Ok(Self { region, lines, epoch: 0, path: path.to_owned() })
    }

    pub(crate) fn set_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Whether the position `last` may be written into the ring of that depth without lapping one of its gated readers.
    /// Looks at one line per gate.
    pub fn room(&self, schema: Schema, depth: u64, last: u64) -> bool {
        self.lines.words().chunks_exact(LINE_WORDS).all(|line| {
            if load(line, word::RING) != ring_of(schema) {
                return true;
            }
            // A reader that is still in an earlier epoch has read nothing of this one.
            let done = if load(line, word::EPOCH) == self.epoch { load(line, word::POSITION) } else { 0 };
            last <= done.saturating_add(depth)
        })
    }

    /// How many gates are taken.
    pub fn readers(&self) -> usize {
        self.lines.words().chunks_exact(LINE_WORDS).filter(|line| load(line, word::RING) != 0).count()
    }

    /// Frees the gates of readers that died; says how many. Two system calls a gate: for when there has been no room for a while.
    pub fn reap(&self) -> Result<usize, ShmError> {
        let mut freed = 0;
        for (gate, line) in self.lines.words().chunks_exact(LINE_WORDS).enumerate() {
            let at = (LINE * (gate + 1)) as u64;
            let file = self.region.file();
            // Holding the lock ourselves while we clear the gate keeps a new reader from taking it in between.
            if load(line, word::RING) != 0 && region::lock(file, at, LINE as u64).map_err(ShmError::io("lock a gate of", &self.path))? {
                store(line, word::RING, 0);
                region::unlock(file, at, LINE as u64).map_err(ShmError::io("unlock a gate of", &self.path))?;
                freed += 1;
            }
        }
        Ok(freed)
    }
}

fn map(file: File, path: &Path, gates: usize) -> Result<(Arc<WriteRegion>, WriteSpan), ShmError> {
    let region = Arc::new(WriteRegion::open(file, LINE * (gates + 1)).map_err(ShmError::io("map", path))?);
    let lines = region.span(LINE_WORDS, LINE_WORDS * gates).ok_or_else(|| corrupt(path))?;
    Ok((region, lines))
}

fn corrupt(path: &Path) -> ShmError {
    ShmError::Refused { path: path.to_owned(), why: "it is no gate file of this version".into() }
}

/// A reader's gate, given back when dropped or when the reader dies.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Holds the lock by its open file.
    _region: Arc<WriteRegion>,
    line: WriteSpan,
}

impl Gate {
    /// Takes a free gate for a ring; nothing of the epoch is read yet.
    pub fn take(path: &Path, schema: Schema, epoch: u64) -> Result<Self, ShmError> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(ShmError::io("open the gates", path))?;
        let mut head = [0; LINE];
        let bytes = region::read_head(&file, &mut head).map_err(ShmError::io("read", path))?;
        let words: Vec<u64> = head.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect();
        let (gates, length) = match words.as_slice() {
            [MAGIC, VERSION, gates, ..] if bytes == LINE && *gates <= MOST as u64 => (*gates as usize, LINE as u64 * (gates + 1)),
            _ => return Err(corrupt(path)),
        };
        if file.metadata().map_err(ShmError::io("examine", path))?.len() != length {
            return Err(corrupt(path));
        }
        let (region, _) = map(file, path, gates)?;
        for gate in 1..=gates {
            if region::lock(region.file(), (LINE * gate) as u64, LINE as u64).map_err(ShmError::io("lock a gate of", path))? {
                let line = region.span(LINE_WORDS * gate, LINE_WORDS).ok_or_else(|| corrupt(path))?;
                let taken = Self { _region: region, line };
                taken.enter(epoch);
                store(taken.line.words(), word::PID, u64::from(std::process::id()));
                store(taken.line.words(), word::RING, ring_of(schema));
                return Ok(taken);
            }
        }
        Err(ShmError::NoGate { path: path.to_owned(), gates })
    }

    /// The reader goes over to that epoch and has read nothing of it.
    pub fn enter(&self, epoch: u64) {
        store(self.line.words(), word::POSITION, 0);
        store(self.line.words(), word::EPOCH, epoch);
    }

    /// The reader is done with everything up to `position`.
    pub fn done(&self, position: u64) {
        store(self.line.words(), word::POSITION, position);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        store(self.line.words(), word::RING, 0);
    }
}

//! A part and the block that is being gathered for it.

use std::collections::{HashMap, HashSet};

use super::note::{Note, Run};
use super::part::Part;
use crate::error::Error;
use crate::record::UNDEF_TIME;

/// Compression level of zstd.
pub(super) const LEVEL: i32 = 3;
/// Bytes of records in a full block: beyond twice zstd's window at this level nothing is gained.
const BLOCK_BYTES: usize = 4 << 20;

/// A part and what was not written to it yet.
#[derive(Debug)]
pub(super) struct Growing {
    pub part: Part,
    seen: Seen,
    records: Vec<u8>,
    pub count: u32,
    runs: Vec<Run>,
    /// The position behind the last record.
    next: u64,
    span_ns: (u64, u64),
    /// Ids without a symbol in the part so far.
    unnamed: Vec<u32>,
    /// Bytes of records in the part, this block's included.
    pub raw_bytes: u64,
}

impl Growing {
    pub(super) fn new(part: Part, covered: u64) -> Self {
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

    /// Takes a record.
    #[inline]
    pub(super) fn take(&mut self, position: u64, instrument_id: u32, at_ns: u64, record: &[u8]) {
        match self.runs.last_mut() {
            Some(run) if self.next == position => run.take += 1,
            _ => self.runs.push(Run { pass: position.saturating_sub(self.next), take: 1 }),
        }
        self.next = position + 1;
        self.count += 1;
        if self.seen.is_new(instrument_id) {
            self.unnamed.push(instrument_id);
        }
        if at_ns != UNDEF_TIME {
            self.span_ns = (self.span_ns.0.min(at_ns), self.span_ns.1.max(at_ns));
        }
        self.records.extend_from_slice(record);
        self.raw_bytes += record.len() as u64;
    }

    /// Whether the block is as long as a block gets.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= BLOCK_BYTES
    }

    /// The block as bytes, and its note: what is alike for all publishers comes from `of_ring`.
    pub(super) fn block(&self, of_ring: &Note, names: &HashMap<(u16, u32), String>) -> Result<(Note, Vec<u8>), Error> {
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
    pub(super) fn next_block(&mut self, covered: u64) {
        let named: HashSet<u32> = self.part.sum.symbols.iter().map(|(id, _)| *id).collect();
        self.unnamed.retain(|id| !named.contains(id));
        self.clear(covered);
    }

    /// The block is lost. What was new in it stays new.
    pub(super) fn forget(&mut self, covered: u64) {
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
    large: HashSet<u32>,
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

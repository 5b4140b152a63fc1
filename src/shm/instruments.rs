//! The instruments table: append-only, so that a definition can't be lapped.
//!
//! A line with the count, then one line per row. The count is stored (release) after the row, so whoever loads it
//! (and fences) sees every row below it. Rows never change.

use std::sync::atomic::Ordering;

use super::cell::{self, Word};
use super::layout::{NAME_BYTES, ROW_WORDS, pack_name, unpack_name};
use super::region::{ReadSpan, WriteSpan};
use super::ring::Words;
use crate::record::{Instrument, Row, SinkFull};

/// Words of an instrument's symbol in its row.
const SYMBOL: std::ops::Range<usize> = 2..2 + NAME_BYTES / 8;

/// The writer's half.
#[derive(Debug)]
pub(crate) struct InstrumentsWriter {
    span: WriteSpan,
    count: u32,
}

impl InstrumentsWriter {
    pub fn new(span: WriteSpan) -> Self {
        Self { span, count: 0 }
    }

    pub fn append(&mut self, instrument: &Instrument) -> Result<Row, SinkFull> {
        let row = self.count;
        let words = self.span.words();
        let at = ROW_WORDS * (row as usize + 1);
        let (Some(line), Some(count)) = (words.get(at..at + ROW_WORDS), words.first()) else { return Err(SinkFull) };
        let ids = u64::from(instrument.instrument_id) | u64::from(instrument.publisher_id) << 32 | u64::from(instrument.channel) << 48;
        let symbol = pack_name(&instrument.symbol, b' ');
        for (word, value) in line.iter().zip([ids, u64::from(instrument.round_lot)].into_iter().chain(symbol)) {
            word.store(value, Ordering::Relaxed);
        }
        self.count = row + 1;
        count.store(u64::from(self.count), Ordering::Release);
        Ok(row)
    }
}

/// One row of the instruments table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstrumentRow {
    /// Which row; also its cell on every board.
    pub row: Row,
    /// The venue's id, as in the records; unique together with `publisher_id`, or else the last of such rows counts.
    pub instrument_id: u32,
    /// DBN publisher id, as in the records.
    pub publisher_id: u16,
    /// Index into the channel table.
    pub channel: u16,
    /// Round lot in shares; 0 where not known.
    pub round_lot: u32,
    /// Without padding.
    pub symbol: String,
}

/// The reader's half.
#[derive(Clone, Debug)]
pub(crate) struct InstrumentsReader {
    span: ReadSpan,
    capacity: u64,
}

impl InstrumentsReader {
    pub fn new(span: ReadSpan, capacity: u64) -> Self {
        Self { span, capacity }
    }

    /// How many rows there are; all of them may be read.
    pub fn count(&self) -> u32 {
        let count = self.span.words().first().map_or(0, |count| count.load(Ordering::Relaxed));
        cell::acquire();
        count.min(self.capacity) as u32
    }

    /// How many rows there can be.
    pub fn room(&self) -> u32 {
        u32::try_from(self.capacity).unwrap_or(u32::MAX)
    }

    fn line(&self, row: Row) -> Option<[u64; ROW_WORDS]> {
        let at = ROW_WORDS * (row as usize + 1);
        let words = self.span.words().get(at..at + ROW_WORDS)?;
        let mut line = [0; ROW_WORDS];
        for (value, word) in line.iter_mut().zip(words) {
            *value = word.load(Ordering::Relaxed);
        }
        Some(line)
    }

    pub fn row(&self, row: Row) -> Option<InstrumentRow> {
        let line = self.line(row)?;
        let [ids, round_lot, symbol @ .., _, _] = line;
        Some(InstrumentRow {
            row,
            instrument_id: ids as u32,
            publisher_id: (ids >> 32) as u16,
            channel: (ids >> 48) as u16,
            round_lot: round_lot as u32,
            symbol: unpack_name(symbol),
        })
    }

    /// The publisher and instrument id of a row, without building the rest.
    pub fn ids(&self, row: Row) -> (u16, u32) {
        let at = ROW_WORDS * (row as usize + 1);
        let ids = self.span.words().get(at).map_or(0, |ids| ids.load(Ordering::Relaxed));
        ((ids >> 32) as u16, ids as u32)
    }

    /// The channel of a row, without building the rest.
    pub fn channel(&self, row: Row) -> u16 {
        let at = ROW_WORDS * (row as usize + 1);
        self.span.words().get(at).map_or(0, |ids| (ids.load(Ordering::Relaxed) >> 48) as u16)
    }

    /// The first row with this symbol.
    pub fn find(&self, symbol: &str) -> Option<InstrumentRow> {
        if symbol.len() > NAME_BYTES {
            return None;
        }
        let wanted = pack_name(symbol.trim_end().as_bytes(), b' ');
        (0..self.count())
            .find(|&row| self.line(row).is_some_and(|line| line.get(SYMBOL) == Some(&wanted[..])))
            .and_then(|row| self.row(row))
    }
}

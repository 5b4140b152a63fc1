//! From the ids in a record to its instrument.

use std::collections::HashMap;

use super::consumer::Publication;
use super::instruments::InstrumentRow;
use crate::record::Header;

/// Instruments by publisher and instrument id. Reads rows of the instruments table as they come; rows never change, so what
/// it knows stays right for the epoch. After a new epoch, ask the new publication for another.
///
/// Where a venue gives an id to another symbol within a session, the id stands for the newer one from then on: the old book has been
/// cleared by an `R` record.
#[derive(Clone, Debug)]
pub struct Symbols {
    publication: Publication,
    known: HashMap<(u16, u32), InstrumentRow>,
    rows: u32,
}

impl Symbols {
    pub(crate) fn new(publication: Publication) -> Self {
        Self { publication, known: HashMap::new(), rows: 0 }
    }

    /// The symbol of the instrument that a record is of; `None` for ids that were never announced, and for control records of a whole channel.
    pub fn of(&mut self, header: &Header) -> Option<&str> {
        self.row_of(header).map(|row| row.symbol.as_str())
    }

    /// The same with the rest of its row: where it is on the boards, and its channel, whose gaps concern it.
    pub fn row_of(&mut self, header: &Header) -> Option<&InstrumentRow> {
        let count = self.publication.instrument_count();
        if count != self.rows {
            self.read_up_to(count);
        }
        self.known.get(&(header.publisher_id, header.instrument_id))
    }

    #[cold]
    fn read_up_to(&mut self, count: u32) {
        for row in (self.rows..count).filter_map(|row| self.publication.instrument(row)) {
            self.known.insert((row.publisher_id, row.instrument_id), row);
        }
        self.rows = count;
    }
}

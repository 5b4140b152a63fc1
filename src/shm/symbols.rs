//! From the ids in a record to its symbol.

use std::collections::HashMap;

use super::consumer::Publication;
use crate::record::Header;

/// Symbols by publisher and instrument id. Reads rows of the instruments table as they are needed; rows never change, so
/// what it knows stays right for the epoch. After a new epoch, ask the new publication for another.
#[derive(Clone, Debug)]
pub struct Symbols {
    publication: Publication,
    known: HashMap<(u16, u32), String>,
    rows: u32,
}

impl Symbols {
    pub(crate) fn new(publication: Publication) -> Self {
        Self { publication, known: HashMap::new(), rows: 0 }
    }

    /// The symbol of the instrument that a record is of; `None` for control records and ids that were never announced.
    pub fn of(&mut self, header: &Header) -> Option<&str> {
        let id = (header.publisher_id, header.instrument_id);
        if !self.known.contains_key(&id) {
            let count = self.publication.instrument_count();
            for row in (self.rows..count).filter_map(|row| self.publication.instrument(row)) {
                self.known.entry((row.publisher_id, row.instrument_id)).or_insert(row.symbol);
            }
            self.rows = count;
        }
        self.known.get(&id).map(String::as_str)
    }
}

//! A whole board at once: the last record of every instrument, as of one moment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tickwire::record::{Record, flags};
use tickwire::shm::{From, Item, Publication, ShmError};

/// Cells in the order of their rows.
pub struct Cells {
    /// Records, one after the other.
    pub records: Vec<u8>,
    /// The row of each record's instrument, u32.
    pub rows: Vec<u8>,
    /// Whether each may be wrong, a byte.
    pub maybe_bad: Vec<u8>,
}

/// All that completes a join has been written before it began, so reading it takes milliseconds, and the writer's next announcement at most.
const PATIENCE: Duration = Duration::from_secs(1);
/// Attempts, should the writer lap the ring during each of them.
const ATTEMPTS: u32 = 64;

/// Joins the ring, as a subscription from the board does, and stops where the join is complete. Not for `mbo`, which has no board.
pub fn read<R: Record>(publication: &Publication) -> Result<Cells, ShmError> {
    let corrupt =
        |why: &str| ShmError::Corrupt { path: publication.path().to_owned(), why: format!("the {} board {why}", R::SCHEMA.name()) };
    let mut found: BTreeMap<(u32, u32), (R, bool)> = BTreeMap::new();
    let mut records = publication.subscribe::<R>(From::Board)?;
    let mut symbols = publication.symbols();
    let until = Instant::now() + PATIENCE;
    let mut attempts = 1;
    while !records.is_joined() {
        match records.next()? {
            Item::Board { record, row, maybe_bad } => {
                found.insert((row, record.cell()), (*record, maybe_bad));
            }
            // The writer was faster with these: they take the place of what their cell held.
            Item::Record(record) => {
                if let Some(instrument) = symbols.row_of(record.header()) {
                    found.insert((instrument.row, record.cell()), (*record, record.flags() & flags::MAYBE_BAD_BOOK != 0));
                }
            }
            Item::Lost(_) => {
                found.clear();
                attempts += 1;
            }
            Item::Control(_) => {}
            Item::Idle => std::thread::yield_now(),
            Item::NewEpoch | Item::WriterDead | Item::End => return Err(corrupt("names positions that its ring never had")),
        }
        if attempts > ATTEMPTS || Instant::now() >= until {
            return Err(corrupt("was overtaken by its writer in every attempt to read it; a longer ring would help"));
        }
    }
    // After the cells: whoever saw a record sees the gap that was marked before it.
    let channels = publication.channel_states();
    let mut cells = Cells { records: Vec::with_capacity(found.len() * size_of::<R>()), rows: Vec::new(), maybe_bad: Vec::new() };
    for ((row, _), (record, maybe_bad)) in found {
        let channel = publication.instrument(row).and_then(|instrument| channels.get(usize::from(instrument.channel)));
        let doubted = channel.is_none_or(|channel| channel.doubted && record.ts_recv() >> 8 <= channel.since_ns >> 8);
        cells.records.extend_from_slice(record.as_bytes());
        cells.rows.extend_from_slice(&row.to_le_bytes());
        cells.maybe_bad.push(u8::from(maybe_bad || doubted));
    }
    Ok(cells)
}

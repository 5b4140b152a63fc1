//! The newest records in batches: what changed since the last batch, each instrument once, however often it changed.
//!
//! A batch ends where there is nothing more that changed, or where something in it changed again: then the newer record takes the older one's
//! place, and whoever reads gets it now rather than with more. So no batch is longer than the board, and what is read is never older than the batch.

use std::collections::HashSet;
use std::time::Instant;

use tickwire::record::{Control, Record};
use tickwire::shm::{ChannelRow, Latest, Publication, ShmError, Update};
use zerocopy::IntoBytes;

use crate::follower::{CLOCK_EVERY, Follow, Gathering, Pauses, Told};
use crate::tables::{self, Channel};

/// See the module.
pub struct LatestFollower<R> {
    latest: Latest<R>,
    wanted: Option<Wanted>,
    /// What ended a batch and begins the next.
    held: Option<Result<Came<R>, ShmError>>,
    /// Where each cell is in the batch of that number.
    places: Vec<(u64, usize)>,
    batch: u64,
    /// Changes are gathered until then.
    rest: Instant,
}

/// An update that owns what it tells.
enum Came<R> {
    Value(Value<R>),
    Control(Control),
    Channel(ChannelRow),
    Skipped(u64),
    Idle,
    NewEpoch(u64),
    WriterDead,
    End,
}

struct Value<R> {
    record: R,
    row: u32,
    cell: u32,
    position: u64,
    maybe_bad: bool,
    folded: u64,
}

/// What is being gathered.
enum Open {
    Values(Values),
    Controls(Vec<u8>),
    Channels(Vec<Channel>),
}

#[derive(Default)]
struct Values {
    bytes: Vec<u8>,
    rows: Vec<u32>,
    maybe_bad: Vec<u8>,
    positions: Vec<u64>,
    folded: Vec<u64>,
}

/// The symbols that are wanted, and for each row whether it is one of them.
struct Wanted {
    symbols: HashSet<String>,
    rows: Vec<bool>,
}

impl Wanted {
    fn wants(&mut self, row: u32, publication: &Publication) -> bool {
        // As many as the table has; the row may be of the last one that was announced.
        for next in self.rows.len() as u32..=row {
            self.rows.push(publication.instrument(next).is_some_and(|instrument| self.symbols.contains(&instrument.symbol)));
        }
        self.rows.get(row as usize).copied().unwrap_or(false)
    }
}

impl Values {
    fn push<R: Record>(&mut self, value: &Value<R>) {
        self.bytes.extend_from_slice(value.record.as_bytes());
        self.rows.push(value.row);
        self.maybe_bad.push(u8::from(value.maybe_bad));
        self.positions.push(value.position);
        self.folded.push(value.folded);
    }

    /// Puts a newer record in the place of an older one, which is passed over for it.
    fn replace<R: Record>(&mut self, at: usize, value: &Value<R>) {
        let size = size_of::<R>();
        if let Some(bytes) = self.bytes.get_mut(at * size..(at + 1) * size) {
            bytes.copy_from_slice(value.record.as_bytes());
        }
        if let (Some(bad), Some(position), Some(folded)) = (self.maybe_bad.get_mut(at), self.positions.get_mut(at), self.folded.get_mut(at))
        {
            (*bad, *position) = (u8::from(value.maybe_bad), value.position);
            *folded += value.folded + 1;
        }
    }
}

impl<R: Record> LatestFollower<R> {
    /// Begins with the board; `symbols` to be told of those instruments only.
    pub fn new(publication: &Publication, symbols: Option<Vec<String>>) -> Result<Self, ShmError> {
        let wanted = symbols.map(|symbols| Wanted { symbols: symbols.into_iter().collect(), rows: Vec::new() });
        Ok(Self { latest: publication.latest()?, wanted, held: None, places: Vec::new(), batch: 0, rest: Instant::now() })
    }

    fn next(&mut self) -> Result<Came<R>, ShmError> {
        Ok(match self.latest.next()? {
            Update::Value { record, row, cell, position, maybe_bad, folded } => {
                Came::Value(Value { record: *record, row, cell, position, maybe_bad, folded })
            }
            Update::Control(control) => Came::Control(*control),
            Update::Channel(row) => Came::Channel(row),
            Update::Skipped(positions) => Came::Skipped(positions),
            Update::Idle => Came::Idle,
            Update::NewEpoch => {
                if let Some(wanted) = &mut self.wanted {
                    wanted.rows.clear();
                }
                Came::NewEpoch(self.latest.publication().epoch())
            }
            Update::WriterDead => Came::WriterDead,
            Update::End => Came::End,
        })
    }

    /// Where this cell is in the present batch, if it is in it; if not, it will be at `next`.
    fn place(&mut self, value: &Value<R>, next: usize) -> Option<usize> {
        // Rows are those of the instruments table and cells those of a schema, so this is as long as the board at most.
        let key = value.row as usize * R::SCHEMA.cells() as usize + value.cell as usize;
        if key >= self.places.len() {
            self.places.resize(key + 1, (0, 0));
        }
        let place = self.places.get_mut(key)?;
        if place.0 == self.batch {
            return Some(place.1);
        }
        *place = (self.batch, next);
        None
    }

    /// Takes a value into the batch; whether the batch is to end with it.
    fn put(&mut self, values: &mut Values, value: &Value<R>, most: usize) -> bool {
        match self.place(value, values.rows.len()) {
            Some(at) => values.replace(at, value),
            None => values.push(value),
        }
        values.rows.len() >= most
    }
}

impl<R: Record + Send> Follow for LatestFollower<R> {
    fn read(&mut self, gathering: Gathering, patience: Instant) -> Result<Told, ShmError> {
        if self.held.is_none() {
            let mut pauses = Pauses::new(gathering.spin);
            while Instant::now() < self.rest {
                if Instant::now() >= patience {
                    return Ok(Told::Idle);
                }
                pauses.pause(self.rest.min(patience));
            }
        }
        self.batch += 1;
        let mut open = None;
        let (mut pauses, mut passed_over) = (Pauses::new(gathering.spin), 0_u32);
        let drained = loop {
            let came = match self.held.take().unwrap_or_else(|| self.next()) {
                Ok(came) => came,
                Err(error) if open.is_some() => {
                    self.held = Some(Err(error));
                    break false;
                }
                Err(error) => return Err(error),
            };
            match (came, &mut open) {
                (Came::Idle, Some(_)) => break true,
                (Came::Idle, None) => {
                    if Instant::now() >= patience {
                        return Ok(Told::Idle);
                    }
                    pauses.pause(patience);
                }
                (Came::Value(value), _)
                    if self.wanted.as_mut().is_some_and(|wanted| !wanted.wants(value.row, self.latest.publication())) =>
                {
                    passed_over = passed_over.wrapping_add(1);
                    // Records that nobody wants must not keep us here for ever.
                    if passed_over.is_multiple_of(CLOCK_EVERY) && Instant::now() >= patience {
                        break false;
                    }
                }
                (Came::Value(value), None) => {
                    let mut values = Values::default();
                    let full = self.put(&mut values, &value, gathering.most);
                    open = Some(Open::Values(values));
                    if full {
                        break false;
                    }
                }
                (Came::Value(value), Some(Open::Values(values))) => {
                    let length = values.rows.len();
                    let full = self.put(values, &value, gathering.most);
                    if full || values.rows.len() == length {
                        break !full;
                    }
                }
                (Came::Control(control), None) => open = Some(Open::Controls(control.as_bytes().to_vec())),
                (Came::Control(control), Some(Open::Controls(bytes))) => bytes.extend_from_slice(control.as_bytes()),
                (Came::Channel(row), None) => open = Some(Open::Channels(vec![tables::channel(row)])),
                (Came::Channel(row), Some(Open::Channels(rows))) => rows.push(tables::channel(row)),
                (other, Some(_)) => {
                    self.held = Some(Ok(other));
                    break false;
                }
                (Came::Skipped(positions), None) => return Ok(Told::Skipped(positions)),
                (Came::NewEpoch(epoch), None) => return Ok(Told::NewEpoch(epoch)),
                (Came::WriterDead, None) => return Ok(Told::WriterDead),
                (Came::End, None) => return Ok(Told::End),
            }
        };
        if drained && matches!(open, Some(Open::Values(_))) {
            self.rest = Instant::now() + gathering.linger;
        }
        Ok(match open {
            None => Told::Idle,
            Some(Open::Values(Values { bytes, rows, maybe_bad, positions, folded })) => {
                let [positions, folded] = [positions, folded].map(|numbers| numbers.as_bytes().to_vec());
                Told::Values { bytes, rows: rows.as_bytes().to_vec(), maybe_bad, positions, folded }
            }
            Some(Open::Controls(bytes)) => Told::Controls { bytes },
            Some(Open::Channels(rows)) => Told::Channels(rows),
        })
    }

    fn publication(&self) -> Publication {
        self.latest.publication().clone()
    }
}

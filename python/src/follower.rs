//! A subscription read in batches: as many items of one kind as there are, up to a limit, and what is not like them comes next.
//!
//! Everything that [`Item`] tells comes out in the same order, none of it merged across something else: records are one batch up to the next
//! control record or loss. What ended a batch is held back and begins the next one.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tickwire::record::{Control, Header, Record};
use tickwire::shm::{From, Item, OnLost, Publication, Records, ShmError, Symbols};
use zerocopy::IntoBytes;

use crate::tables::Channel;

/// A batch, or whatever else happened.
pub enum Told {
    /// Records of the ring; `position` is that of the first.
    Records {
        position: u64,
        bytes: Vec<u8>,
    },
    /// Cells of the board: a record, the row of its instrument (u32), and whether it may be wrong (a byte) for each.
    Board {
        bytes: Vec<u8>,
        rows: Vec<u8>,
        maybe_bad: Vec<u8>,
    },
    /// Cells of the board that changed, each once: beside the above the position of each in the ring, and how many records were passed
    /// over for it (u64 both).
    Values {
        bytes: Vec<u8>,
        rows: Vec<u8>,
        maybe_bad: Vec<u8>,
        positions: Vec<u8>,
        folded: Vec<u8>,
    },
    /// Channels whose state changed.
    Channels(Vec<Channel>),
    /// Positions of the ring that were left unread, because the board tells the same.
    Skipped(u64),
    /// Control records.
    Controls {
        bytes: Vec<u8>,
    },
    Lost(u64),
    /// Its number.
    NewEpoch(u64),
    WriterDead,
    End,
    /// Nothing came for as long as it was allowed to wait.
    Idle,
}

/// How a batch is gathered.
#[derive(Clone, Copy, Debug)]
pub struct Gathering {
    /// Items at most; at least 1.
    pub most: usize,
    /// How long an unfinished batch waits for more.
    pub linger: Duration,
    /// Never sleep: look again and again.
    pub spin: bool,
}

/// A subscription of any schema.
pub trait Follow: Send {
    /// The next batch. Waits until `patience` is over for the first item.
    fn read(&mut self, gathering: Gathering, patience: Instant) -> Result<Told, ShmError>;

    /// The epoch it is in.
    fn publication(&self) -> Publication;
}

/// What a reader does between looks that find nothing.
pub struct Pauses {
    spin: bool,
    looks: u32,
}

impl Pauses {
    pub fn new(spin: bool) -> Self {
        Self { spin, looks: 0 }
    }

    /// Something came.
    pub fn came(&mut self) {
        self.looks = 0;
    }

    /// A short while, but not beyond `until`.
    pub fn pause(&mut self, until: Instant) {
        self.looks = self.looks.saturating_add(1);
        if self.spin || self.looks < LOOKS {
            std::hint::spin_loop();
        } else {
            std::thread::sleep(NAP.min(until.saturating_duration_since(Instant::now())));
        }
    }
}

/// Looks in a row that find nothing before it sleeps: some microseconds, the time in which a busy feed brings more.
const LOOKS: u32 = 256;
/// Between looks after that. The kernel adds its own 50 µs.
const NAP: Duration = Duration::from_micros(50);
/// Records passed over between looks at the clock.
pub const CLOCK_EVERY: u32 = 256;

/// See the module.
pub struct Follower<R> {
    records: Records<R>,
    wanted: Option<Wanted>,
    held: Option<Result<Held<R>, ShmError>>,
    /// Where a batch is gathered; kept when the batch was small.
    spare: Vec<u8>,
    /// Bytes of the last batch: room that the next one is likely to need.
    usual: usize,
}

/// An item that ended a batch and begins the next.
enum Held<R> {
    Record(u64, R),
    Board(R, u32, bool),
    Control(Control),
    Lost(u64),
    NewEpoch,
    WriterDead,
    End,
}

/// What is being gathered.
enum Open {
    Records { position: u64 },
    Board { rows: Vec<u8>, maybe_bad: Vec<u8> },
    Controls,
}

/// The symbols that are wanted.
struct Wanted {
    symbols: HashSet<String>,
    known: Symbols,
}

impl Wanted {
    /// What concerns the whole venue is everybody's.
    fn wants(&mut self, header: &Header) -> bool {
        header.instrument_id == 0 || self.known.of(header).is_some_and(|symbol| self.symbols.contains(symbol))
    }
}

impl<R: Record> Follower<R> {
    /// Subscribes; `symbols` to be told of those instruments only.
    pub fn new(
        publication: &Publication,
        from: From,
        on_lost: OnLost,
        gated: bool,
        symbols: Option<Vec<String>>,
    ) -> Result<Self, ShmError> {
        let mut records = if gated { publication.subscribe_gated(from)? } else { publication.subscribe(from)? };
        records.on_lost(on_lost);
        let wanted = symbols.map(|symbols| Wanted { symbols: symbols.into_iter().collect(), known: publication.symbols() });
        Ok(Self { records, wanted, held: None, spare: Vec::new(), usual: 0 })
    }

    /// The bytes gathered, and room for the next ones. A full buffer is given away as it is; of one that is mostly empty only what is in it.
    fn take(&mut self) -> Vec<u8> {
        self.usual = self.spare.len();
        if self.spare.len() * 2 >= self.spare.capacity() {
            return std::mem::take(&mut self.spare);
        }
        let bytes = self.spare.as_slice().to_vec();
        self.spare.clear();
        bytes
    }

    fn finish(&mut self, open: Open) -> Told {
        let bytes = self.take();
        match open {
            Open::Records { position } => Told::Records { position, bytes },
            Open::Board { rows, maybe_bad } => Told::Board { bytes, rows, maybe_bad },
            Open::Controls => Told::Controls { bytes },
        }
    }

    /// Begins a batch with what was held back; `Err` is all that it is.
    fn begin(&mut self, held: Held<R>) -> Result<Open, Told> {
        self.spare.clear();
        self.spare.reserve(self.usual);
        Ok(match held {
            Held::Record(position, record) => {
                self.spare.extend_from_slice(record.as_bytes());
                Open::Records { position }
            }
            Held::Board(record, row, maybe_bad) => {
                self.spare.extend_from_slice(record.as_bytes());
                Open::Board { rows: row.to_le_bytes().to_vec(), maybe_bad: vec![u8::from(maybe_bad)] }
            }
            Held::Control(control) => {
                self.spare.extend_from_slice(control.as_bytes());
                Open::Controls
            }
            Held::Lost(records) => return Err(Told::Lost(records)),
            Held::NewEpoch => {
                let publication = self.records.publication();
                if let Some(wanted) = &mut self.wanted {
                    wanted.known = publication.symbols();
                }
                return Err(Told::NewEpoch(publication.epoch()));
            }
            Held::WriterDead => return Err(Told::WriterDead),
            Held::End => return Err(Told::End),
        })
    }
}

impl<R: Record + Send> Follow for Follower<R> {
    fn read(&mut self, gathering: Gathering, patience: Instant) -> Result<Told, ShmError> {
        let most = gathering.most.max(1);
        let mut open = None;
        let mut until = patience;
        let (mut passed_over, mut pauses) = (0_u32, Pauses::new(gathering.spin));
        if let Some(held) = self.held.take() {
            match self.begin(held?) {
                Ok(begun) => open = Some(begun),
                Err(told) => return Ok(told),
            }
            until = Instant::now() + gathering.linger;
        }
        let mut count = usize::from(open.is_some());
        while count < most {
            let position = self.records.next_position();
            let held = match self.records.next() {
                Ok(Item::Idle) => {
                    if open.is_some() && gathering.linger.is_zero() || Instant::now() >= until {
                        break;
                    }
                    pauses.pause(until);
                    continue;
                }
                Ok(Item::Record(record)) => {
                    pauses.came();
                    if self.wanted.as_mut().is_some_and(|wanted| !wanted.wants(record.header())) {
                        passed_over = passed_over.wrapping_add(1);
                        // Records that nobody wants must not keep us here for ever.
                        if passed_over.is_multiple_of(CLOCK_EVERY) && Instant::now() >= patience {
                            break;
                        }
                        continue;
                    }
                    if let Some(Open::Records { .. }) = &open {
                        self.spare.extend_from_slice(record.as_bytes());
                        count += 1;
                        continue;
                    }
                    Ok(Held::Record(position, *record))
                }
                Ok(Item::Board { record, row, maybe_bad }) => {
                    pauses.came();
                    if self.wanted.as_mut().is_some_and(|wanted| !wanted.wants(record.header())) {
                        continue;
                    }
                    if let Some(Open::Board { rows, maybe_bad: bad }) = &mut open {
                        self.spare.extend_from_slice(record.as_bytes());
                        rows.extend_from_slice(&row.to_le_bytes());
                        bad.push(u8::from(maybe_bad));
                        count += 1;
                        continue;
                    }
                    Ok(Held::Board(*record, row, maybe_bad))
                }
                Ok(Item::Control(control)) => {
                    pauses.came();
                    if let Some(Open::Controls) = &open {
                        self.spare.extend_from_slice(control.as_bytes());
                        count += 1;
                        continue;
                    }
                    Ok(Held::Control(*control))
                }
                Ok(Item::Lost(records)) => Ok(Held::Lost(records)),
                Ok(Item::NewEpoch) => Ok(Held::NewEpoch),
                Ok(Item::WriterDead) => Ok(Held::WriterDead),
                Ok(Item::End) => Ok(Held::End),
                Err(error) => Err(error),
            };
            if open.is_some() {
                self.held = Some(held);
                break;
            }
            match self.begin(held?) {
                Ok(begun) => open = Some(begun),
                Err(told) => return Ok(told),
            }
            count = 1;
            until = Instant::now() + gathering.linger;
        }
        Ok(open.map_or(Told::Idle, |open| self.finish(open)))
    }

    fn publication(&self) -> Publication {
        self.records.publication().clone()
    }
}

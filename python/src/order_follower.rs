//! A subscription to orders, taken in by as many records as there are, and which instruments' books they changed.
//!
//! What is told is always what the books are as of: taking in ends with the first thing that is not a record.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use tickwire::record::{Control, Header};
use tickwire::shm::orders::{Queued, Side};
use tickwire::shm::{InstrumentRow, OrderBook, OrderItem, OrderStream, Publication, ShmError};

use crate::follower::{CLOCK_EVERY, Gathering, Pauses};

/// What the taking in ended with.
pub enum Happened {
    /// Nothing else: the records that there were.
    Records,
    Control(Control),
    /// Lapped, and so many records were not told; the books are those of an image.
    Rejoined(u64),
    /// Lapped or late, and there is no image yet; the books are empty.
    Waiting,
    /// Its number; the books are empty.
    NewEpoch(u64),
    WriterDead,
    End,
    /// Nothing came for as long as it was allowed to wait.
    Idle,
}

/// See the module.
pub struct News {
    pub happened: Happened,
    /// Records taken in since the last news.
    pub applied: u64,
    /// Rows of the instruments they were of.
    pub changed: Vec<u32>,
}

/// An order, and how many of its price are served before it.
pub struct Placed {
    pub side: Side,
    pub order_id: u64,
    pub price: i64,
    pub size: u32,
    pub orders_ahead: u32,
}

/// See the module.
pub struct OrderFollower {
    stream: OrderStream,
    rows: Rows,
    wanted: Option<HashSet<String>>,
    held: Option<ShmError>,
    applied: u64,
    changed: Vec<u32>,
}

/// The instruments of the epoch, kept up as they are announced.
struct Rows {
    publication: Publication,
    known: Vec<Known>,
    by_ids: HashMap<(u16, u32), u32>,
    /// Of rows with the same symbol, the last one.
    by_symbol: HashMap<String, u32>,
}

struct Known {
    row: InstrumentRow,
    /// Its book changed since the last news.
    changed: bool,
    wanted: bool,
}

impl Rows {
    fn new(publication: Publication) -> Self {
        Self { publication, known: Vec::new(), by_ids: HashMap::new(), by_symbol: HashMap::new() }
    }

    fn read_up(&mut self, wanted: Option<&HashSet<String>>) {
        for next in self.known.len() as u32..self.publication.instrument_count() {
            let Some(row) = self.publication.instrument(next) else { return };
            self.by_ids.insert((row.publisher_id, row.instrument_id), next);
            self.by_symbol.insert(row.symbol.clone(), next);
            let wanted = wanted.is_none_or(|wanted| wanted.contains(&row.symbol));
            self.known.push(Known { row, changed: false, wanted });
        }
    }

    fn of(&mut self, header: &Header, wanted: Option<&HashSet<String>>) -> Option<(u32, &mut Known)> {
        if self.known.len() != self.publication.instrument_count() as usize {
            self.read_up(wanted);
        }
        let row = *self.by_ids.get(&(header.publisher_id, header.instrument_id))?;
        Some((row, self.known.get_mut(row as usize)?))
    }
}

impl OrderFollower {
    pub fn new(stream: OrderStream, symbols: Option<Vec<String>>) -> Self {
        let rows = Rows::new(stream.publication().clone());
        let wanted = symbols.map(|symbols| symbols.into_iter().collect());
        Self { stream, rows, wanted, held: None, applied: 0, changed: Vec::new() }
    }

    pub fn stream(&self) -> &OrderStream {
        &self.stream
    }

    /// Takes in what there is, `gathering.most` records at most. Waits until `patience` is over for the first that is wanted.
    pub fn update(&mut self, gathering: Gathering, patience: Instant) -> Result<News, ShmError> {
        if let Some(error) = self.held.take() {
            return Err(error);
        }
        let (mut until, mut pauses) = (patience, Pauses::new(gathering.spin));
        let (mut taken_in, mut begun) = (0, false);
        let happened = loop {
            if taken_in >= gathering.most {
                break if begun { Happened::Records } else { Happened::Idle };
            }
            let came = self.stream.next();
            match came {
                Ok(OrderItem::Record(record)) => {
                    taken_in += 1;
                    self.applied += 1;
                    pauses.came();
                    let mut wanted = self.wanted.is_none();
                    if let Some((row, known)) = self.rows.of(&record.hd, self.wanted.as_ref())
                        && known.wanted
                    {
                        wanted = true;
                        if !std::mem::replace(&mut known.changed, true) {
                            self.changed.push(row);
                        }
                    }
                    if wanted && !begun {
                        (begun, until) = (true, Instant::now() + gathering.linger);
                    } else if taken_in % CLOCK_EVERY as usize == 0 && Instant::now() >= until {
                        // Records that nobody wants must not keep us here for ever.
                        if !begun {
                            break Happened::Idle;
                        }
                        if !gathering.linger.is_zero() {
                            break Happened::Records;
                        }
                    }
                }
                Ok(OrderItem::Idle) => {
                    if begun && (gathering.linger.is_zero() || Instant::now() >= until) {
                        break Happened::Records;
                    }
                    if !begun && Instant::now() >= until {
                        break Happened::Idle;
                    }
                    pauses.pause(until);
                }
                Ok(OrderItem::Control(control)) => break Happened::Control(*control),
                Ok(OrderItem::Rejoined { lost }) => break Happened::Rejoined(lost),
                Ok(OrderItem::Waiting) => break Happened::Waiting,
                Ok(OrderItem::NewEpoch) => break self.new_epoch(),
                Ok(OrderItem::WriterDead) => break Happened::WriterDead,
                Ok(OrderItem::End) => break Happened::End,
                Err(error) if begun => {
                    self.held = Some(error);
                    break Happened::Records;
                }
                Err(error) => return Err(error),
            }
        };
        if matches!(happened, Happened::Idle) {
            // Those that were taken in are told with what comes.
            return Ok(News { happened, applied: 0, changed: Vec::new() });
        }
        let mut changed = std::mem::take(&mut self.changed);
        for &row in &changed {
            if let Some(known) = self.rows.known.get_mut(row as usize) {
                known.changed = false;
            }
        }
        // Every book is another one.
        if matches!(happened, Happened::Rejoined(_) | Happened::Waiting | Happened::NewEpoch(_)) {
            changed.clear();
        }
        Ok(News { happened, applied: std::mem::take(&mut self.applied), changed })
    }

    fn new_epoch(&mut self) -> Happened {
        let publication = self.stream.publication().clone();
        let epoch = publication.epoch();
        self.changed.clear();
        self.rows = Rows::new(publication);
        Happened::NewEpoch(epoch)
    }

    /// The instrument of that symbol; where there were several in this epoch, the last.
    pub fn find(&mut self, symbol: &str) -> Result<InstrumentRow, ShmError> {
        self.rows.read_up(self.wanted.as_ref());
        let row = self.rows.by_symbol.get(symbol).and_then(|&row| self.rows.known.get(row as usize));
        let none = || ShmError::NoSymbol { path: self.rows.publication.path().to_owned(), symbol: symbol.to_owned() };
        row.map(|known| known.row.clone()).ok_or_else(none)
    }

    /// Every instrument whose orders are wanted, in the order of the table.
    pub fn wanted(&mut self) -> Vec<InstrumentRow> {
        self.rows.read_up(self.wanted.as_ref());
        self.rows.known.iter().filter(|known| known.wanted).map(|known| known.row.clone()).collect()
    }

    /// Its book; `None` if nothing was heard of it.
    pub fn book(&self, row: &InstrumentRow) -> Option<OrderBook<'_>> {
        self.stream.books().book(row.publisher_id, row.instrument_id)
    }

    /// Whether its book may be wrong, and whether it lacks orders that only an `R` can bring.
    pub fn doubts(&self, row: &InstrumentRow) -> (bool, bool) {
        match self.book(row) {
            Some(book) => (book.maybe_bad(), book.lacks_orders()),
            // While it waits nothing is known of any book.
            None if !self.stream.is_whole() => (true, true),
            None => {
                let doubt = self.stream.books().doubted_channels().find(|&(channel, ..)| channel == row.channel);
                doubt.map_or((false, false), |(_, gap, missing)| (gap || missing, missing))
            }
        }
    }

    /// The orders of a side as they will be served, of the best so many prices.
    pub fn placed(&self, row: &InstrumentRow, side: Side, levels: Option<u32>) -> Vec<Placed> {
        let mut placed: Vec<Placed> = Vec::new();
        let (mut count, mut ahead) = (0, 0);
        for order in self.book(row).iter().flat_map(|book| book.orders(side)) {
            if placed.last().is_none_or(|last| last.price != order.price) {
                (count, ahead) = (count + 1, 0);
            }
            if levels.is_some_and(|levels| count > levels) {
                break;
            }
            placed.push(Placed { side, order_id: order.order_id, price: order.price, size: order.size, orders_ahead: ahead });
            ahead += 1;
        }
        placed
    }

    /// Where an order waits.
    pub fn queued(&self, row: &InstrumentRow, order_id: u64) -> Option<Queued> {
        self.book(row)?.queued(order_id)
    }
}

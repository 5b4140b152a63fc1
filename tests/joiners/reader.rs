//! A reader as a user would write one: a plain map from instrument to book, and a match on what comes.

use std::collections::{BTreeMap, HashMap};

use tickwire::generate::{BookTruth, LevelTruth};
use tickwire::record::{BidAsk, Mbo, Mbp1, Mbp10, Record, Status, Trade, action, control, flags, side};
use tickwire::shm::{From, Item, Publication, Records};

use crate::stage::Checkpoint;

/// What a reader knows of one instrument.
#[derive(Default)]
pub struct Book {
    /// From `mbp-1` one level, from `mbp-10` ten.
    levels: Vec<BidAsk>,
    /// From `mbo`: price, size, whether a bid.
    orders: HashMap<u64, (i64, u32, bool)>,
    /// It was told that this may be wrong.
    maybe_bad: bool,
}

/// What a record does to a book.
pub trait Kept: Record + Send {
    fn id(&self) -> u32;
    fn keep(&self, book: &mut Book);
    fn flags(&self) -> u8;
    fn agrees(book: &Book, truth: &BookTruth) -> bool;
}

impl Kept for Mbp1 {
    fn id(&self) -> u32 {
        self.hd.instrument_id
    }
    fn keep(&self, book: &mut Book) {
        book.levels = self.levels.to_vec();
    }
    fn flags(&self) -> u8 {
        self.flags
    }
    fn agrees(book: &Book, truth: &BookTruth) -> bool {
        book.levels == best(truth, 1) || book.levels.is_empty() && best(truth, 1) == [BidAsk::EMPTY]
    }
}

impl Kept for Mbp10 {
    fn id(&self) -> u32 {
        self.hd.instrument_id
    }
    fn keep(&self, book: &mut Book) {
        book.levels = self.levels.to_vec();
    }
    fn flags(&self) -> u8 {
        self.flags
    }
    fn agrees(book: &Book, truth: &BookTruth) -> bool {
        book.levels == best(truth, 10) || book.levels.is_empty() && best(truth, 10) == [BidAsk::EMPTY; 10]
    }
}

impl Kept for Mbo {
    fn id(&self) -> u32 {
        self.hd.instrument_id
    }
    fn keep(&self, book: &mut Book) {
        match self.action {
            action::ADD => {
                book.orders.insert(self.order_id, (self.price, self.size, self.side == side::BID));
            }
            action::CANCEL => {
                if let Some((_, left, _)) = book.orders.get_mut(&self.order_id) {
                    *left -= self.size;
                    if *left == 0 {
                        book.orders.remove(&self.order_id);
                    }
                }
            }
            action::CLEAR => book.orders.clear(),
            _ => {}
        }
    }
    fn flags(&self) -> u8 {
        self.flags
    }
    /// All of it, not the first levels only.
    fn agrees(book: &Book, truth: &BookTruth) -> bool {
        let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
        for &(price_e9, size, bid) in book.orders.values() {
            let level = if bid { bids.entry(-price_e9) } else { asks.entry(price_e9) };
            let level = level.or_insert(LevelTruth { price_e9, size: 0, orders: 0 });
            level.size += u64::from(size);
            level.orders += 1;
        }
        bids.into_values().eq(truth.bids.iter().copied()) && asks.into_values().eq(truth.asks.iter().copied())
    }
}

impl Kept for Trade {
    fn id(&self) -> u32 {
        self.hd.instrument_id
    }
    fn keep(&self, _: &mut Book) {}
    fn flags(&self) -> u8 {
        self.flags
    }
    fn agrees(_: &Book, _: &BookTruth) -> bool {
        true
    }
}

impl Kept for Status {
    fn id(&self) -> u32 {
        self.hd.instrument_id
    }
    fn keep(&self, _: &mut Book) {}
    fn flags(&self) -> u8 {
        0
    }
    fn agrees(_: &Book, _: &BookTruth) -> bool {
        true
    }
}

/// The first `n` levels as records have them.
pub fn best(truth: &BookTruth, n: usize) -> Vec<BidAsk> {
    let mut levels = vec![BidAsk::EMPTY; n];
    for (level, bid) in levels.iter_mut().zip(&truth.bids) {
        (level.bid_px, level.bid_sz, level.bid_ct) = (bid.price_e9, bid.size as u32, bid.orders);
    }
    for (level, ask) in levels.iter_mut().zip(&truth.asks) {
        (level.ask_px, level.ask_sz, level.ask_ct) = (ask.price_e9, ask.size as u32, ask.orders);
    }
    levels
}

/// What a reader went through.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub name: String,
    pub laps: u64,
    pub records: u64,
    pub board: u64,
    pub epochs: u64,
    pub gaps_opened: u64,
    pub gaps_closed: u64,
    pub levels_only: u64,
    /// Order-level readers: starts from an image after having been lapped, and how often there was none to start from at once.
    pub rejoined: u64,
    pub waited: u64,
    /// Checkpoints at which it knew every order, or for levels every level, of every instrument.
    pub whole_at: u64,
    /// Checkpoints at which it knew some.
    pub part_at: u64,
}

/// One reader, of whichever ring.
pub trait Reader: Send {
    /// Takes the next thing; `false` if there is none.
    fn step(&mut self) -> bool;
    /// Reads up to the checkpoint, and says whether what it then knows is the truth.
    fn compare(&mut self, checkpoint: &Checkpoint);
    /// Reads to the end.
    fn finish(&mut self) -> Life;
}

struct Follower<R> {
    records: Records<R>,
    books: HashMap<u32, Book>,
    /// Whether it is to know everything: it saw the beginning, or got the board.
    whole: bool,
    /// An `mbo` reader that is not whole must be told so before the next record.
    told_levels_only: bool,
    /// A gap was announced: every book may be wrong.
    gap: bool,
    /// Messages that had been written for certain when it joined.
    joined_at: u64,
    joined_epoch: u64,
    ended: bool,
    life: Life,
}

/// Joins. `written` says afterwards how far the writer is.
pub fn join<R: Kept>(name: String, publication: &Publication, from: From, gated: bool, written: impl Fn() -> u64) -> Box<dyn Reader> {
    let records = if gated { publication.subscribe_gated::<R>(from) } else { publication.subscribe::<R>(from) }.unwrap();
    let from_the_first = records.next_position() == 1;
    Box::new(Follower {
        books: HashMap::new(),
        whole: from_the_first || from == From::Board && R::SCHEMA != Mbo::SCHEMA,
        told_levels_only: false,
        gap: false,
        joined_at: written(),
        joined_epoch: publication.epoch(),
        ended: false,
        life: Life { name: format!("{name}: {} {from:?}", R::SCHEMA.name()), ..Life::default() },
        records,
    })
}

impl<R: Kept> Reader for Follower<R> {
    fn step(&mut self) -> bool {
        let is_mbo = R::SCHEMA == Mbo::SCHEMA;
        match self.records.next().unwrap() {
            Item::Record(record) => {
                assert!(!is_mbo || self.whole || self.told_levels_only, "{}: not told that orders are missing", self.life.name);
                let book = self.books.entry(record.id()).or_default();
                record.keep(book);
                book.maybe_bad = Kept::flags(record) & flags::MAYBE_BAD_BOOK != 0;
                self.life.records += 1;
            }
            Item::Board { record, maybe_bad, .. } => {
                let book = self.books.entry(record.id()).or_default();
                record.keep(book);
                book.maybe_bad = maybe_bad;
                self.life.board += 1;
            }
            Item::Control(control) => match control.hd.rtype {
                control::GAP_OPEN => {
                    self.gap = true;
                    self.life.gaps_opened += 1;
                }
                control::GAP_CLOSED => self.life.gaps_closed += 1,
                control::PRICE_LEVELS_ONLY => {
                    assert!(is_mbo && !self.whole, "{}: said to miss orders", self.life.name);
                    self.told_levels_only = true;
                    self.life.levels_only += 1;
                }
                _ => {}
            },
            Item::Lost(n) => {
                assert!(n > 0);
                self.books.clear();
                self.whole = !is_mbo;
                (self.told_levels_only, self.gap) = (false, false);
                self.life.laps += 1;
            }
            Item::NewEpoch => {
                self.books.clear();
                (self.whole, self.told_levels_only, self.gap) = (true, false, false);
                (self.life.gaps_opened, self.life.gaps_closed) = (0, 0);
                self.life.epochs += 1;
            }
            Item::Idle => return false,
            Item::End => {
                self.ended = true;
                return false;
            }
            Item::WriterDead => panic!("{}: the writer lives", self.life.name),
        }
        true
    }

    fn compare(&mut self, checkpoint: &Checkpoint) {
        let target = checkpoint.next[R::SCHEMA.index()];
        let began = std::time::Instant::now();
        while self.records.publication().epoch() != checkpoint.epoch || self.records.next_position() < target || !self.records.is_joined() {
            if !self.step() {
                assert!(began.elapsed().as_secs() < 20, "{}: stuck at {}", self.life.name, self.records.next_position());
            }
        }
        assert!(!self.step(), "{}: there is more than was written", self.life.name);
        assert_eq!(self.records.next_position(), target);
        let at = checkpoint.messages;
        for truth in &checkpoint.books {
            let symbol = String::from_utf8_lossy(&truth.symbol);
            let Some(book) = self.books.get(&u32::from(truth.locate)) else {
                assert!(!self.whole || R::agrees(&Book::default(), truth), "{}: nothing known of {symbol} after {at}", self.life.name);
                continue;
            };
            if self.whole || R::SCHEMA != Mbo::SCHEMA {
                assert!(R::agrees(book, truth), "{} after {at} messages: {symbol} is {:?}\nbut has {truth:?}", self.life.name, book.levels);
            }
            if R::SCHEMA != Status::SCHEMA {
                let doubted = book.maybe_bad || self.gap;
                assert_eq!(doubted, checkpoint.gaps > 0, "{} after {at} messages: is {symbol} in doubt", self.life.name);
            }
        }
        let seen = (self.life.gaps_opened, self.life.gaps_closed);
        if self.life.laps == 0 && self.joined_at < checkpoint.first_lost && checkpoint.gaps > 0 {
            assert_eq!(seen, (checkpoint.gaps, checkpoint.gaps), "{}: missed a gap", self.life.name);
        }
        assert_eq!(self.life.epochs, u64::from(self.joined_epoch != checkpoint.epoch), "{}: epochs", self.life.name);
        if self.whole {
            self.life.whole_at += 1;
        } else {
            self.life.part_at += 1;
        }
    }

    fn finish(&mut self) -> Life {
        let began = std::time::Instant::now();
        while !self.ended {
            self.step();
            assert!(began.elapsed().as_secs() < 20, "{}: the end never came", self.life.name);
        }
        self.life.clone()
    }
}

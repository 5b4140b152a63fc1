//! Signals of a book: what it leans to, after each event that changed it or traded. Integers only, rounded towards zero.

use super::belief::Belief;
use super::flow::{BUCKETS, Flow};
use crate::record::signal::crossing;
use crate::record::{BidAsk, Header, Mbp1, Mbp10, Record, Row, Signal, UNDEF_PRICE, action, flags, side};

/// 1 in the units of a ratio.
const ONE: i128 = 1_000_000_000;

/// A record of a book, with as many levels as it has.
pub trait BookRecord: Record {
    /// What happened: (action, side, size, sequence).
    fn event(&self) -> (u8, u8, u32, u32);

    /// The best levels, the best first.
    fn levels(&self) -> &[BidAsk];
}

macro_rules! book_record {
    ($($record:ty),*) => { $(impl BookRecord for $record {
        fn event(&self) -> (u8, u8, u32, u32) {
            (self.action, self.side, self.size, self.sequence)
        }

        fn levels(&self) -> &[BidAsk] {
            &self.levels
        }
    })* };
}
book_record!(Mbp1, Mbp10);

/// Computes signals: records of books in, one signal out for the last record of each event.
#[derive(Debug)]
pub struct Signals {
    levels: usize,
    bucket_ns: u64,
    belief: Belief,
    instruments: u32,
    /// By row, of those that were told of.
    flows: Vec<Option<Box<Flow>>>,
    refused: u64,
}

impl Signals {
    /// Of the best `levels` levels (as far as the records have so many), trades counting for `flow_window_ns` of the venue's time;
    /// rows from `instruments` on have no flow.
    pub fn new(levels: u8, flow_window_ns: u64, instruments: u32) -> Self {
        let bucket_ns = (flow_window_ns / BUCKETS as u64).max(1);
        Self { levels: usize::from(levels.max(1)), bucket_ns, belief: Belief::default(), instruments, flows: Vec::new(), refused: 0 }
    }

    /// Trades too old, or too far ahead of their receipt, to count.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// A record of the ring; the signal, if it is the last record of its event.
    pub fn record<R: BookRecord>(&mut self, row: Row, record: &R) -> Option<Signal> {
        let venue_ns = record.header().ts_event;
        let believed = self.belief.believes(venue_ns, record.ts_recv());
        let bucket = venue_ns / self.bucket_ns;
        let (action, side, size, _) = record.event();
        let trade = action == action::TRADE && matches!(side, side::BID | side::ASK);
        let flow = self.flow_of(row).filter(|_| believed);
        let counted = flow.is_some_and(|flow| {
            flow.advance(bucket);
            trade && flow.trade(bucket, side == side::BID, size)
        });
        self.refused += u64::from(trade && !counted);
        (record.flags() & flags::LAST != 0).then(|| self.signal(row, record, 0))
    }

    /// A record of the board, after a loss: state, not an event.
    pub fn state<R: BookRecord>(&self, row: Row, record: &R, maybe_bad: bool) -> Signal {
        self.signal(row, record, flags::SNAPSHOT | if maybe_bad { flags::MAYBE_BAD_BOOK } else { 0 })
    }

    /// Records were missed, so the flow is not known: it begins anew.
    pub fn missed(&mut self) {
        self.flows.clear();
    }

    fn flow_of(&mut self, row: Row) -> Option<&mut Flow> {
        if row >= self.instruments {
            return None;
        }
        let at = row as usize;
        if self.flows.len() <= at {
            self.flows.resize_with(at + 1, || None);
        }
        self.flows.get_mut(at).map(|flow| &mut **flow.get_or_insert_default())
    }

    fn signal<R: BookRecord>(&self, row: Row, record: &R, bits: u8) -> Signal {
        let header = record.header();
        let levels = record.levels();
        let levels = levels.get(..self.levels).unwrap_or(levels);
        let best = levels.first().copied().unwrap_or(BidAsk::EMPTY);
        let sizes = |size: fn(&BidAsk) -> u32| levels.iter().map(|level| u64::from(size(level))).sum::<u64>();
        let (bought, sold) = self.flows.get(row as usize).and_then(Option::as_deref).map_or((0, 0), Flow::sums);
        let (_, _, _, sequence) = record.event();
        Signal {
            hd: Header::of::<Signal>(header.publisher_id, header.instrument_id, header.ts_event),
            ts_recv: record.ts_recv(),
            microprice: microprice(&best),
            spread: if two_sided(&best) { best.ask_px.saturating_sub(best.bid_px) } else { UNDEF_PRICE },
            size_imbalance: imbalance(sizes(|level| level.bid_sz), sizes(|level| level.ask_sz)),
            flow_imbalance: imbalance(bought, sold),
            bought,
            sold,
            sequence,
            levels: levels.len() as u8,
            flags: record.flags() | bits,
            crossing: crossing_of(&best),
            reserved: 0,
        }
    }
}

fn two_sided(best: &BidAsk) -> bool {
    best.bid_px != UNDEF_PRICE && best.ask_px != UNDEF_PRICE
}

fn microprice(best: &BidAsk) -> i64 {
    let (bid_sz, ask_sz) = (i128::from(best.bid_sz), i128::from(best.ask_sz));
    if !two_sided(best) || bid_sz + ask_sz == 0 {
        return UNDEF_PRICE;
    }
    let weighted = i128::from(best.bid_px) * ask_sz + i128::from(best.ask_px) * bid_sz;
    // Between the two prices, so it fits.
    i64::try_from(weighted / (bid_sz + ask_sz)).unwrap_or(UNDEF_PRICE)
}

/// `(ours - theirs) / (ours + theirs)`, 0 if there are none.
fn imbalance(ours: u64, theirs: u64) -> i64 {
    let (ours, theirs) = (i128::from(ours), i128::from(theirs));
    let ratio = ((ours - theirs) * ONE).checked_div(ours + theirs).unwrap_or(0);
    i64::try_from(ratio).unwrap_or(0)
}

fn crossing_of(best: &BidAsk) -> u8 {
    match best.bid_px.cmp(&best.ask_px) {
        _ if !two_sided(best) => crossing::ONE_SIDED,
        std::cmp::Ordering::Less => crossing::APART,
        std::cmp::Ordering::Equal => crossing::LOCKED,
        std::cmp::Ordering::Greater => crossing::CROSSED,
    }
}

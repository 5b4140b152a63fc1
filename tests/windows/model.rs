//! What the documentation says about windows, written down naively: every trade is kept, every bar is summed up when it is told.

use std::collections::BTreeMap;

use tickwire::record::{Control, Header, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Venue, Vwap, control, flags, venue::kind};

use crate::rig::{MIDNIGHT_NS, Rings, SECOND_NS, Told};

/// Begin and end of the window that a time is in. Days: of the winter of the tests, or of the summer of the capture.
pub fn span(window: usize, at: u64) -> (u64, u64) {
    let hour = 3_600 * SECOND_NS;
    // Five hours behind UTC in winter, four in summer.
    let behind = if at > MIDNIGHT_NS { 5 * hour } else { 4 * hour };
    let (length, offset) = [(SECOND_NS, 0), (60 * SECOND_NS, 0), (hour, 0), (24 * hour, behind)][window];
    let start = (at - offset) / length * length + offset;
    (start, start + length)
}

#[derive(Clone, Copy, Debug)]
struct Trade {
    row: u32,
    reference: u64,
    price: i64,
    size: u32,
    broken: bool,
}

#[derive(Default)]
pub struct Model {
    now: u64,
    trades: Vec<Trade>,
    /// By (end, window, row): the trades that were counted.
    open: BTreeMap<(u64, usize, u32), Vec<usize>>,
    /// Windows of that kind that end by then were told with the session.
    told_until: [u64; 4],
    gap_open: bool,
    /// From when to when messages were lost; without an end so far.
    doubts: Vec<(u64, Option<u64>)>,
    pub remembered: usize,
    /// Publisher, and by row the instruments, of a source that is not the tests' own.
    pub ids: Option<(u16, Vec<u32>)>,
    pub rings: Rings,
    pub late: [u64; 4],
    pub break_unknown: u64,
    pub break_late: u64,
}

impl Model {
    pub fn record(&mut self, row: u32, record: &Venue) {
        let at = record.hd.ts_event;
        self.advance(at);
        for (_, until) in &mut self.doubts {
            until.get_or_insert(self.now);
        }
        match record.kind {
            kind::TRADE => {
                let mut counted = Vec::new();
                for window in 0..4 {
                    let (_, end) = span(window, at);
                    if end <= self.now || end <= self.told_until[window] {
                        self.late[window] += 1;
                    } else {
                        counted.push((end, window, row));
                    }
                }
                let number = self.trades.len();
                self.trades.push(Trade { row, reference: record.reference, price: record.prices[0], size: record.size, broken: false });
                for key in counted {
                    self.open.entry(key).or_default().push(number);
                }
            }
            kind::TRADE_BREAK => self.break_trade(row, record.reference),
            _ => {}
        }
    }

    fn break_trade(&mut self, row: u32, reference: u64) {
        let first = self.trades.len().saturating_sub(self.remembered);
        let same = |trade: &&mut Trade| trade.row == row && trade.reference == reference && !trade.broken;
        let Some(trade) = self.trades.iter_mut().skip(first).find(same) else {
            self.break_unknown += 1;
            return;
        };
        trade.broken = true;
        let number = self.trades.iter().position(|trade| trade.row == row && trade.reference == reference).unwrap();
        let windows = self.open.values().filter(|trades| trades.contains(&number)).count();
        self.break_late += u64::from(windows < 4);
    }

    pub fn control(&mut self, record: &Control) {
        self.advance(record.hd.ts_event);
        match (record.hd.rtype, record.cause) {
            (control::GAP_OPEN, _) => self.gap_open = true,
            (control::GAP_CLOSED, cause) => {
                self.gap_open = false;
                if cause == control::cause::LOST {
                    self.doubts.push((self.now, None));
                }
            }
            (control::SESSION_START, control::cause::RESTART | control::cause::JOINED_LATE) => self.doubts.push((self.now, None)),
            (control::SESSION_END, _) => self.end(),
            _ => {}
        }
        self.rings.seconds.push(Told::Control(*record));
        self.rings.minutes.push(Told::Control(*record));
        self.rings.hours.push(Told::Control(*record));
        self.rings.days.push(Told::Control(*record));
        self.rings.vwap.push(Told::Control(*record));
    }

    pub fn advance(&mut self, at: u64) {
        self.now = self.now.max(at);
        self.tell(self.now);
    }

    pub fn end(&mut self) {
        self.tell(u64::MAX);
        if self.now > 0 {
            self.told_until = std::array::from_fn(|window| span(window, self.now).1);
        }
    }

    fn tell(&mut self, until: u64) {
        while let Some((&key, _)) = self.open.first_key_value().filter(|((end, ..), _)| *end <= until) {
            let trades = self.open.remove(&key).unwrap();
            self.tell_one(key, &trades);
        }
    }

    fn tell_one(&mut self, (end, window, row): (u64, usize, u32), trades: &[usize]) {
        let trades: Vec<Trade> = trades.iter().map(|&number| self.trades[number]).filter(|trade| !trade.broken).collect();
        let (Some(first), Some(last)) = (trades.first(), trades.last()) else { return };
        let (start, _) = span(window, end - 1);
        let (open, close) = (first.price, last.price);
        let high = trades.iter().map(|trade| trade.price).max().unwrap();
        let low = trades.iter().map(|trade| trade.price).min().unwrap();
        let volume: u64 = trades.iter().map(|trade| u64::from(trade.size)).sum();
        let notional: i128 = trades.iter().map(|trade| i128::from(trade.price) * i128::from(trade.size)).sum();
        let bad = self.gap_open || self.doubts.iter().any(|&(from, until)| from < end && until.is_none_or(|until| until >= start));
        let (publisher, id) = self.ids.as_ref().map_or((2, 100 + row), |(publisher, ids)| (*publisher, ids[row as usize]));
        macro_rules! bar {
            ($ring:ident, $record:ident) => {
                self.rings.$ring.push(Told::Record($record {
                    hd: Header::of::<$record>(publisher, id, start),
                    open,
                    high,
                    low,
                    close,
                    volume,
                }))
            };
        }
        match window {
            0 => bar!(seconds, Ohlcv1S),
            1 => bar!(minutes, Ohlcv1M),
            2 => bar!(hours, Ohlcv1H),
            _ => bar!(days, Ohlcv1D),
        }
        self.rings.vwap.push(Told::Record(Vwap {
            hd: Header::of::<Vwap>(publisher, id, start),
            vwap: (notional / i128::from(volume)) as i64,
            volume,
            notional_low: notional as u64,
            notional_high: (notional >> 64) as i64,
            window_ns: end - start,
            trades: trades.len() as u32,
            flags: if bad { flags::MAYBE_BAD_BOOK } else { 0 },
            window: window as u8,
            reserved: [0; 2],
        }));
    }
}

//! The last trades, by match number: what a break can take out again.
//!
//! A bounded log in the order of the ring, and from each trade the way back to the trade of the same instrument before it. A window's
//! bar is always *what was folded* (trades that have left the log) *then* what is still in it: so a bar can be computed anew after a
//! break, exactly, for as long as the broken trade is remembered.

use std::collections::{HashMap, VecDeque};

use crate::record::Row;

/// A trade as it is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    pub row: Row,
    pub reference: u64,
    pub price: i64,
    /// 0: broken.
    pub size: u32,
    pub venue_ns: u64,
    /// Number of the instrument's trade before this one; 0: none.
    before: u64,
}

/// The last trades. Numbers begin at 1 and are never used again.
#[derive(Debug)]
pub(super) struct TradeLog {
    trades: VecDeque<Remembered>,
    /// Number of the oldest that is remembered.
    oldest: u64,
    by_match: HashMap<(Row, u64), u64>,
    /// Number of each instrument's newest trade; 0: none.
    newest: Vec<u64>,
    most: usize,
}

impl TradeLog {
    pub fn new(most: usize) -> Self {
        Self { trades: VecDeque::new(), oldest: 1, by_match: HashMap::new(), newest: Vec::new(), most: most.max(1) }
    }

    /// Remembers a trade: its number, and the one that is forgotten for it, with its number.
    pub fn push(&mut self, row: Row, reference: u64, price: i64, size: u32, venue_ns: u64) -> (u64, Option<(u64, Remembered)>) {
        let forgotten = if self.trades.len() >= self.most { self.pop() } else { None };
        let number = self.oldest + self.trades.len() as u64;
        let at = row as usize;
        if self.newest.len() <= at {
            self.newest.resize(at + 1, 0);
        }
        let before = self.newest.get_mut(at).map_or(0, |newest| std::mem::replace(newest, number));
        self.trades.push_back(Remembered { row, reference, price, size, venue_ns, before });
        // Of two with the same number the later one counts; a venue's are unique for the day.
        self.by_match.insert((row, reference), number);
        (number, forgotten)
    }

    fn pop(&mut self) -> Option<(u64, Remembered)> {
        let trade = self.trades.pop_front()?;
        let number = self.oldest;
        self.oldest += 1;
        if self.by_match.get(&(trade.row, trade.reference)) == Some(&number) {
            self.by_match.remove(&(trade.row, trade.reference));
        }
        Some((number, trade))
    }

    /// Marks a trade as broken: its number, and what it was. `None`: not remembered, or broken before.
    pub fn take_out(&mut self, row: Row, reference: u64) -> Option<(u64, Remembered)> {
        let number = self.by_match.remove(&(row, reference))?;
        let at = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        let trade = self.trades.get_mut(at)?;
        let was = *trade;
        trade.size = 0;
        Some((number, was))
    }

    /// An instrument's trades that are remembered and not broken, the newest first, down to number `first`.
    pub fn back_from_newest(&self, row: Row, first: u64) -> impl Iterator<Item = &Remembered> {
        let down_to = first.max(self.oldest);
        let mut next = self.newest.get(row as usize).copied().unwrap_or(0);
        std::iter::from_fn(move || {
            if next < down_to {
                return None;
            }
            let trade = self.trades.get(usize::try_from(next - self.oldest).ok()?)?;
            next = trade.before;
            Some(trade)
        })
        .filter(|trade| trade.size > 0)
    }

    /// A new epoch: rows mean other instruments.
    pub fn forget(&mut self) {
        self.oldest += self.trades.len() as u64;
        self.trades.clear();
        self.by_match.clear();
        self.newest.clear();
    }
}

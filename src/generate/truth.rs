//! What a handler that read every message must end with: the exchange's own books, orders and counts, and the books file.

use super::listing::{Listing, Symbol};
use super::orders::{Books, Level, Order, Side};
use super::tick::{Tick, price_e4};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The exchange's own state after some number of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Messages so far.
    pub messages: u64,
    /// How many of each type (the type's letter); types that did not occur are absent.
    pub messages_by_type: BTreeMap<char, u64>,
    /// Orders resting in all books.
    pub live_orders: u64,
    /// Price levels of all books and both sides.
    pub price_levels: u64,
    /// Every symbol's book, sorted by symbol; symbols with empty books too.
    pub books: Vec<BookTruth>,
}

/// One symbol's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookTruth {
    /// Eight characters, padded with spaces.
    pub symbol: Symbol,
    /// The stock locate of the day.
    pub locate: u16,
    /// Buy levels, the highest price first.
    pub bids: Vec<LevelTruth>,
    /// Sell levels, the lowest price first.
    pub asks: Vec<LevelTruth>,
}

/// One price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelTruth {
    /// In 1e-9 dollars.
    pub price_e9: i64,
    /// Shares of all orders.
    pub size: u64,
    /// Number of orders.
    pub orders: u32,
}

/// One symbol's live orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrdersTruth {
    /// Eight characters, padded with spaces.
    pub symbol: Symbol,
    /// The stock locate of the day.
    pub locate: u16,
    /// Buy orders in priority order: the highest price first, and at one price the first in the queue first.
    pub bids: Vec<OrderTruth>,
    /// Sell orders in priority order: the lowest price first, and at one price the first in the queue first.
    pub asks: Vec<OrderTruth>,
}

/// One live order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTruth {
    /// The venue's reference: that of the add, or of the last replace, which also sent it to the end of the queue.
    pub reference: u64,
    /// In 1e-9 dollars.
    pub price_e9: i64,
    /// What is left of it; executions and cancels of a part leave its place in the queue.
    pub shares: u32,
}

impl OrdersTruth {
    /// Of every symbol, sorted by symbol; those without orders too.
    pub(super) fn all(listings: &[Listing], books: &Books) -> Vec<Self> {
        let order = |order: &Order| OrderTruth { reference: order.reference, price_e9: e9(order.tick), shares: order.shares };
        let listed = (0u16..).zip(listings).skip(1);
        let orders = listed.map(|(locate, listing)| Self {
            symbol: listing.symbol,
            locate,
            bids: books.queue(locate, Side::Buy).map(order).collect(),
            asks: books.queue(locate, Side::Sell).map(order).collect(),
        });
        orders.collect()
    }
}

fn e9(tick: Tick) -> i64 {
    i64::from(price_e4(tick)) * 100_000
}

impl Truth {
    pub(super) fn new(counts: &[u64; 128], listings: &[Listing], books: &Books) -> Self {
        let level = |(&tick, level): (&Tick, &Level)| LevelTruth { price_e9: e9(tick), size: level.shares, orders: level.orders };
        let mut truth = Self { messages: counts.iter().sum(), ..Self::default() };
        for (letter, &count) in (0u8..).zip(counts).filter(|&(_, &count)| count > 0) {
            truth.messages_by_type.insert(char::from(letter), count);
        }
        // Locates follow the alphabet, so this is the order of the books file.
        for ((locate, listing), book) in (0u16..).zip(listings).zip(&books.by_locate).skip(1) {
            let bids: Vec<_> = book.buys.iter().rev().map(level).collect();
            let asks: Vec<_> = book.sells.iter().map(level).collect();
            truth.live_orders += u64::from(books.live(locate));
            truth.price_levels += (bids.len() + asks.len()) as u64;
            truth.books.push(BookTruth { symbol: listing.symbol, locate, bids, asks });
        }
        truth
    }

    /// Writes the books file: header `symbol,side,level,price,size,orders`, sorted by symbol, bids (`B`) before asks (`S`), level 0
    /// the best, prices as plain decimals without trailing zeros, one line per price level, a newline at the end.
    pub fn write_books(&self, out: impl Write) -> io::Result<()> {
        let mut out = io::BufWriter::with_capacity(1 << 18, out);
        writeln!(out, "symbol,side,level,price,size,orders")?;
        for book in &self.books {
            let symbol = String::from_utf8_lossy(&book.symbol);
            let symbol = symbol.trim_end();
            for (side, levels) in [('B', &book.bids), ('S', &book.asks)] {
                for (number, level) in levels.iter().enumerate() {
                    let price = decimal(level.price_e9);
                    writeln!(out, "{symbol},{side},{number},{price},{},{}", level.size, level.orders)?;
                }
            }
        }
        out.flush()
    }
}

/// A price as a plain decimal without trailing zeros; the generator's prices are positive.
fn decimal(price_e9: i64) -> String {
    let (dollars, rest) = (price_e9 / 1_000_000_000, price_e9 % 1_000_000_000);
    if rest == 0 {
        return dollars.to_string();
    }
    format!("{dollars}.{rest:09}").trim_end_matches('0').to_string()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn prices_are_plain_decimals_without_trailing_zeros() {
        let e9 = [12_500_000_000, 100_000_000_000, 100_000, 999_900_000];
        assert_eq!(e9.map(decimal), ["12.5", "100", "0.0001", "0.9999"]);
    }
}

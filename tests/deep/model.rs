//! Price-level books as the specification says them, in ordered maps: reads the messages' bytes itself, applies complete events only.

use std::collections::BTreeMap;
use std::fmt::Write;

use tickwire::books_file::Decimal;
use tickwire::record::{BidAsk, UNDEF_PRICE};

pub type Symbol = [u8; 8];

#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Price in 1e-9 units -> size.
    pub bids: BTreeMap<i64, u32>,
    pub asks: BTreeMap<i64, u32>,
    /// A level was deleted that is not there, or an event was cut.
    pub suspect: bool,
    open: Vec<(u8, i64, u32)>,
}

impl Book {
    pub fn ten(&self) -> [BidAsk; 10] {
        std::array::from_fn(|rank| {
            let bid = self.bids.iter().rev().nth(rank).map_or((UNDEF_PRICE, 0), |(&price, &size)| (price, size));
            let ask = self.asks.iter().nth(rank).map_or((UNDEF_PRICE, 0), |(&price, &size)| (price, size));
            BidAsk { bid_px: bid.0, bid_sz: bid.1, ask_px: ask.0, ask_sz: ask.1, bid_ct: 0, ask_ct: 0 }
        })
    }
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub books: BTreeMap<Symbol, Book>,
    pub types: BTreeMap<String, u64>,
    pub messages: u64,
    /// Deletions of levels that are not there.
    pub unknown: u64,
    /// Updates of events that were cut.
    pub unfinished: u64,
}

impl Model {
    /// One message; true if it ends an event.
    pub fn take(&mut self, message: &[u8]) -> bool {
        self.messages += 1;
        *self.types.entry((message[0] as char).to_string()).or_default() += 1;
        if message[0] == b'S' {
            return false;
        }
        let book = self.books.entry(message[10..18].try_into().unwrap()).or_default();
        if message[0] != b'8' && message[0] != b'5' {
            return false;
        }
        let size = u32::from_le_bytes(message[18..22].try_into().unwrap());
        let price = i64::from_le_bytes(message[22..30].try_into().unwrap()) * 100_000;
        book.open.push((message[0], price, size));
        if message[1] & 1 == 0 {
            return false;
        }
        for (kind, price, size) in std::mem::take(&mut book.open) {
            let levels = if kind == b'8' { &mut book.bids } else { &mut book.asks };
            if size > 0 {
                levels.insert(price, size);
            } else if levels.remove(&price).is_none() {
                self.unknown += 1;
                book.suspect = true;
            }
        }
        true
    }

    /// Messages are missing: open events are void.
    pub fn cut(&mut self) {
        for book in self.books.values_mut() {
            self.unfinished += book.open.len() as u64;
            book.suspect |= !book.open.is_empty();
            book.open.clear();
        }
    }

    /// The publisher restarts: all books are empty.
    pub fn restart(&mut self) {
        self.cut();
        for book in self.books.values_mut() {
            *book = Book::default();
        }
    }

    pub fn price_levels(&self) -> u64 {
        self.books.values().map(|book| (book.bids.len() + book.asks.len()) as u64).sum()
    }

    /// As the books file is written.
    pub fn books_file(&self) -> String {
        let mut out = "symbol,side,level,price,size,orders\n".to_owned();
        for (symbol, book) in &self.books {
            let symbol = String::from_utf8_lossy(symbol);
            for (letter, levels) in [('B', book.bids.iter().rev().collect::<Vec<_>>()), ('S', book.asks.iter().collect::<Vec<_>>())] {
                for (rank, (&price, size)) in levels.into_iter().enumerate() {
                    writeln!(out, "{},{letter},{rank},{},{size},", symbol.trim_end(), Decimal(price)).unwrap();
                }
            }
        }
        out
    }
}

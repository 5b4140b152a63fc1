//! The books file: every price level of every instrument, as CSV.
//!
//! Header `symbol,side,level,price,size,orders`; sorted by symbol, then `B` before `S`; level 0 is the best. Prices are plain
//! decimals without trailing zeros. `orders` is empty where the feed does not tell.

use std::io::{self, Write};

use crate::compose::Composer;
use crate::feed::Side;

/// Writes the final books of a channel.
pub fn write(composer: &Composer, has_orders: bool, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut instruments: Vec<(String, u32)> = composer.symbols().map(|(id, symbol)| (text(&symbol), id)).collect();
    instruments.sort_unstable();
    writeln!(out, "symbol,side,level,price,size,orders")?;
    // Two ids with one symbol make one group: its bids first, then its asks.
    for group in instruments.chunk_by(|(a, _), (b, _)| a == b) {
        for (side, letter) in [(Side::Bid, 'B'), (Side::Ask, 'S')] {
            for (symbol, id) in group {
                for (rank, level) in composer.books().levels(*id, side).enumerate() {
                    write!(out, "{symbol},{letter},{rank},{},{},", Decimal(level.price), level.size)?;
                    if has_orders {
                        writeln!(out, "{}", level.orders)?;
                    } else {
                        writeln!(out)?;
                    }
                }
            }
        }
    }
    out.flush()
}

/// A symbol without its padding. Bytes that are no printable ASCII are shown as `?`: symbols come from the wire.
pub fn text(symbol: &[u8]) -> String {
    let shown = |&byte: &u8| if byte.is_ascii_graphic() && byte != b',' && byte != b'"' { byte as char } else { '?' };
    symbol.trim_ascii().iter().map(shown).collect()
}

/// A price in 1e-9 units as a plain decimal without trailing zeros.
pub struct Decimal(pub i64);

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1_000_000_000, self.0.unsigned_abs() % 1_000_000_000);
        if part == 0 { f.pad(&format!("{sign}{whole}")) } else { f.pad(format!("{sign}{whole}.{part:09}").trim_end_matches('0')) }
    }
}

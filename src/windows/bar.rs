//! The sums of one window: open, high, low, close, volume, and what VWAP needs.

/// Some trades, in the order in which the venue told them. Without any, all is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Price of the first trade.
    pub open: i64,
    /// The highest price.
    pub high: i64,
    /// The lowest price.
    pub low: i64,
    /// Price of the last trade.
    pub close: i64,
    /// Shares.
    pub volume: u64,
    /// Sum of price times size: 63 + 32 bits and the number of trades, so it never runs over.
    pub notional: i128,
    /// How many trades.
    pub trades: u64,
}

impl Bar {
    /// One trade.
    pub const fn of(price: i64, size: u32) -> Self {
        Self { open: price, high: price, low: price, close: price, volume: size as u64, notional: price as i128 * size as i128, trades: 1 }
    }

    /// These trades, and `later` ones after them.
    pub fn then(self, later: Self) -> Self {
        match (self.trades, later.trades) {
            (0, _) => later,
            (_, 0) => self,
            _ => Self {
                open: self.open,
                high: self.high.max(later.high),
                low: self.low.min(later.low),
                close: later.close,
                volume: self.volume.saturating_add(later.volume),
                notional: self.notional.saturating_add(later.notional),
                trades: self.trades.saturating_add(later.trades),
            },
        }
    }

    /// Volume-weighted price, rounded towards zero; 0 without trades.
    pub fn vwap(&self) -> i64 {
        // Between the lowest and the highest price, so it fits.
        self.notional.checked_div(i128::from(self.volume)).and_then(|vwap| i64::try_from(vwap).ok()).unwrap_or(0)
    }
}

//! What is listed: symbols, start prices, how busy each is and how many orders rest in its book.
//!
//! Activity falls with rank as 1/(rank + 5); resting orders as the same weight to the power 0.6, which is what full days show:
//! the busiest books turn over faster, they aren't as much deeper. Everything is computed in integers.

use super::encode::Listed;
use super::rng::{Rng, Stream};
use super::tick::Tick;
use std::collections::BTreeSet;

/// Eight characters, padded with spaces.
pub type Symbol = [u8; 8];

/// One symbol of the day. Its stock locate is its place in the alphabet, from 1, as on real days.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub symbol: Symbol,
    /// Where the market believes the price is: buys belong at or below it, sells above.
    pub mid: Tick,
    /// Live orders the flow steers the book to.
    pub target: u32,
    /// A book with orders thousands of ticks away.
    pub deep: bool,
    /// Trading is halted or paused: nothing executes.
    pub halted: bool,
    /// A short sale price test is in force.
    pub restricted: bool,
    /// The directory's entry, once it is told.
    pub listed: Option<Listed>,
}

/// All symbols, by locate (index 0, the venue as a whole, is a blank), and the table that draws them by activity.
pub(super) struct Listings {
    pub by_locate: Vec<Listing>,
    /// Locates by rank, the busiest first.
    pub by_rank: Vec<u16>,
    alias: AliasTable,
}

impl Listings {
    /// Lists `symbols` symbols whose books together hold about `live_orders` orders.
    pub(super) fn new(seed: u64, symbols: u16, live_orders: u64) -> Self {
        let mut rng = Rng::new(seed, Stream::Listings);
        let names = names(&mut rng, symbols);
        let mut by_rank: Vec<u16> = (1..=symbols).collect();
        for i in (1..by_rank.len()).rev() {
            by_rank.swap(i, rng.below(i as u32 + 1) as usize);
        }
        let blank = Listing { symbol: *b"        ", mid: 0, target: 0, deep: false, halted: false, restricted: false, listed: None };
        let mut by_locate = vec![blank.clone(); usize::from(symbols) + 1];
        for (listing, symbol) in by_locate.iter_mut().skip(1).zip(names) {
            let (mid, restricted) = (start_tick(&mut rng), rng.percent(3));
            *listing = Listing { symbol, mid, restricted, ..blank.clone() };
        }
        let shares: Vec<u64> = (0..symbols).map(|rank| resting_weight(u32::from(rank))).collect();
        let sum: u64 = shares.iter().sum();
        for (rank, &locate) in by_rank.iter().enumerate() {
            let listing = &mut by_locate[usize::from(locate)];
            // One in sixteen of the busiest: books of that kind reach 2,400 levels on real days.
            listing.deep = rank < 256 && rank % 16 == 3;
            let target = (u128::from(live_orders) * u128::from(shares[rank]) / u128::from(sum)) as u32;
            listing.target = if listing.deep { target * 4 } else { target }.max(2);
        }
        let weights: Vec<u64> = (0..u64::from(symbols)).map(|rank| (1 << 40) / (rank + 5)).collect();
        Self { by_locate, by_rank, alias: AliasTable::new(&weights) }
    }

    /// Draws a locate by activity.
    #[inline]
    pub(super) fn draw(&self, rng: &mut Rng) -> u16 {
        self.by_rank[self.alias.draw(rng)]
    }
}

/// Distinct names of one to five letters, in alphabetical order.
fn names(rng: &mut Rng, symbols: u16) -> BTreeSet<Symbol> {
    let mut names = BTreeSet::new();
    while names.len() < usize::from(symbols) {
        let length = match rng.below(100) {
            0 => 1,
            1..4 => 2,
            4..30 => 3,
            30..80 => 4,
            _ => 5,
        };
        let mut name = *b"        ";
        for letter in &mut name[..length] {
            *letter = b'A' + rng.below(26) as u8;
        }
        names.insert(name);
    }
    names
}

/// Lognormal around 28 dollars with a deviation of 1.8 doublings, within $1.50..$3,000; one symbol in fifty trades below a dollar.
fn start_tick(rng: &mut Rng) -> Tick {
    const LOG2_OF_280_000_Q16: i64 = 1_185_879;
    if rng.percent(2) {
        return 500 + rng.below(9_000);
    }
    let log = LOG2_OF_280_000_Q16 + rng.normal_q16() * 18 / 10;
    let price_e4 = exp2_q16(log.max(0) as u64).clamp(15_000, 30_000_000) as u32;
    super::tick::at_or_below(price_e4)
}

/// 2 to the power `x / 65536`, rounded down: the roots of two come from integer square roots.
fn exp2_q16(x: u64) -> u64 {
    let mut root: u128 = 2 << 60;
    let mut result: u128 = 1 << 60;
    for bit in (0..16).rev() {
        root = (root << 60).isqrt();
        if (x >> bit) & 1 == 1 {
            result = (result * root) >> 60;
        }
    }
    ((result << (x >> 16).min(60)) >> 60) as u64
}

/// (1 / (rank + 5)) to the power 3/5, scaled by 2^40: the fifth root of a cube, found by halving.
fn resting_weight(rank: u32) -> u64 {
    let cube = u128::from(rank + 5).pow(3) << 75;
    let (mut low, mut high) = (1u128, 1 << 25);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if middle.pow(5) <= cube { low = middle } else { high = middle - 1 }
    }
    // low is (rank + 5)^(3/5) scaled by 2^15.
    (1 << 55) / low as u64
}

/// Walker's alias method in integers: draws an index with probability weight / sum, in constant time.
struct AliasTable(Vec<(u32, u32)>);

impl AliasTable {
    fn new(weights: &[u64]) -> Self {
        let n = weights.len() as u128;
        let sum: u128 = weights.iter().map(|&w| u128::from(w)).sum();
        let mut left: Vec<u128> = weights.iter().map(|&w| u128::from(w) * n).collect();
        let mut table: Vec<(u32, u32)> = (0..weights.len() as u32).map(|i| (u32::MAX, i)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..weights.len()).partition(|&i| left[i] < sum);
        while let (Some(s), Some(&l)) = (small.pop(), large.last()) {
            table[s] = (((left[s] << 32) / sum) as u32, l as u32);
            left[l] -= sum - left[s];
            if left[l] < sum {
                large.pop();
                small.push(l);
            }
        }
        Self(table)
    }

    #[inline]
    fn draw(&self, rng: &mut Rng) -> usize {
        let index = rng.below(self.0.len() as u32);
        let (threshold, alias) = self.0[index as usize];
        if (rng.bits() >> 32) as u32 <= threshold { index as usize } else { alias as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_and_roots_are_right_to_their_last_places() {
        assert_eq!(exp2_q16(10 << 16), 1024);
        assert_eq!(exp2_q16((20 << 16) + 32_768), 1_482_910); // 2^20.5 = 1482910.4
        let ratio = resting_weight(0) / resting_weight(155); // (160 / 5)^0.6 = 8
        assert_eq!(ratio, 8);
    }

    #[test]
    fn symbols_are_drawn_by_their_weight() {
        let table = AliasTable::new(&[6, 3, 1]);
        let mut rng = Rng::new(5, Stream::Market);
        let mut hits = [0u32; 3];
        (0..100_000).for_each(|_| hits[table.draw(&mut rng)] += 1);
        assert!(hits[0].abs_diff(60_000) < 1_000 && hits[1].abs_diff(30_000) < 1_000, "{hits:?}");
    }
}

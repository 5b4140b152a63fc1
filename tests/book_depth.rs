//! Books of thousands of levels, against an ordered map: however they got deep, whatever comes and goes, and when there is no room for more.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickwire::book::{Books, BooksCapacity, Change, Effect, Level};
use tickwire::feed::Side;
use tickwire::stats::Drop;

/// One side of one book, one order a level, and what a child would keep of it.
struct Deep {
    books: Books,
    side: Side,
    /// By price.
    sizes: BTreeMap<i64, u32>,
    refused: u64,
    /// The most levels there were.
    most: usize,
}

/// Where the next level comes or goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Ever worse ones come.
    Down,
    /// Ever better ones come.
    Up,
    /// They come anywhere.
    Anywhere,
    /// They come a hundred times further away.
    Jump,
    /// The best go.
    Sweep,
    /// The worst go.
    Fade,
    /// They go from anywhere.
    Thin,
    /// Levels come and go near a place.
    Around,
}

impl Deep {
    fn new(side: Side, levels: usize) -> Self {
        let books = Books::new(BooksCapacity { instruments: 3 + levels as u32 / 8, orders: 1 << 14, levels });
        Self { books, side, sizes: BTreeMap::new(), refused: 0, most: 0 }
    }

    /// The number of levels that are better, as far as it is counted.
    fn rank(&self, price: i64) -> u32 {
        match self.side {
            Side::Bid => self.sizes.range(price + 1..).take(256).count() as u32,
            Side::Ask => self.sizes.range(..price).take(256).count() as u32,
        }
    }

    /// Levels of the arena that the side occupies: what others cannot have.
    fn occupied(&mut self, levels: usize) -> usize {
        let others = 2..2 + levels as u32 / 8 + 1;
        let free = others.clone().take_while(|&other| self.books.set_level(other, Side::Bid, 1, 1).is_ok()).count();
        others.for_each(|other| self.books.clear(other));
        levels - 8 * free
    }

    /// The price that is worse by so much.
    fn worse(&self, price: i64, by: i64) -> i64 {
        if self.side == Side::Bid { price - by } else { price + by }
    }

    fn nth_best(&self, nth: usize) -> Option<i64> {
        let nth = nth.checked_rem(self.sizes.len())?;
        let mut prices = self.sizes.keys().copied();
        if self.side == Side::Bid { prices.nth_back(nth) } else { prices.nth(nth) }
    }

    /// Adds an order where none is; its reference is its price.
    fn add(&mut self, price: i64, size: u32) {
        if self.sizes.contains_key(&price) || price <= 0 {
            return;
        }
        let can = self.books.can_add(1, price as u64, self.side, price, size);
        let added = self.books.add(1, price as u64, self.side, price, size);
        assert_eq!(can.err(), added.err(), "can_add foretells add");
        if added == Err(Drop::LevelsFull) {
            self.refused += 1;
            return;
        }
        let level = Level { price, size: size.into(), orders: 1 };
        assert_eq!(added, Ok(Change { side: self.side, rank: self.rank(price), effect: Effect::Added, level }));
        self.sizes.insert(price, size);
        self.most = self.most.max(self.sizes.len());
    }

    /// Takes a part away, and the rest.
    fn take(&mut self, price: i64) {
        let size = self.sizes[&price];
        let rank = self.rank(price);
        if size > 1 {
            let level = Level { price, size: u64::from(size) - 1, orders: 1 };
            let reduced = self.books.reduce(1, price as u64, 1).unwrap().change;
            assert_eq!(reduced, Change { side: self.side, rank, effect: Effect::Changed, level });
        }
        let level = Level { price, size: 0, orders: 0 };
        let gone = self.books.delete(1, price as u64).unwrap().change;
        assert_eq!(gone, Change { side: self.side, rank, effect: Effect::Removed, level });
        self.sizes.remove(&price);
    }

    fn go(&mut self, way: Way, times: usize, seed: u64) {
        let mut random = seed;
        for nth in 0..times {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let any = (random >> 33) as usize;
            let (best, worst) =
                (self.nth_best(0).unwrap_or(5_000_000), self.nth_best(self.sizes.len().saturating_sub(1)).unwrap_or(5_000_000));
            let step = 1 + any as i64 % 7;
            match way {
                Way::Down => self.add(self.worse(worst, step), 1 + step as u32),
                Way::Up => self.add(self.worse(best, -step), 1 + step as u32),
                Way::Anywhere => self.add(self.worse(best, any as i64 % 40_000), 1 + step as u32),
                Way::Jump => self.add(self.worse(best, any as i64 % 4_000_000), 1 + step as u32),
                Way::Sweep | Way::Fade | Way::Thin => {
                    let from_best = [0, self.sizes.len().saturating_sub(1), any][way as usize - Way::Sweep as usize];
                    let Some(price) = self.nth_best(from_best) else { break };
                    self.take(price);
                }
                Way::Around => {
                    let Some(about) = self.nth_best(seed as usize) else { break };
                    self.add(self.worse(about, step), 3);
                    if let Some(price) = self.nth_best(seed as usize + any % 3).filter(|_| nth % 2 == 1) {
                        self.take(price);
                    }
                }
            }
        }
        self.assert_same();
    }

    fn assert_same(&self) {
        let prices = self.sizes.iter().map(|(&price, &size)| Level { price, size: size.into(), orders: 1 });
        let best_first: Vec<_> = if self.side == Side::Bid { prices.rev().collect() } else { prices.collect() };
        let levels = self.books.levels(1, self.side);
        assert_eq!(levels.len(), best_first.len());
        assert!(levels.eq(best_first.iter().copied()), "{} levels", best_first.len());
        assert_eq!(self.books.price_levels(), best_first.len() as u64);
        let (bid, ask) = (self.books.top(1).bid_px, self.books.top(1).ask_px);
        let best = if self.side == Side::Bid { bid } else { ask };
        assert_eq!(best_first.first().map(|level| level.price), (!best_first.is_empty()).then_some(best));
    }
}

fn ways() -> impl Strategy<Value = (Way, usize, u64)> {
    let way = prop_oneof![
        2 => Just(Way::Down), 2 => Just(Way::Up), 3 => Just(Way::Anywhere), 1 => Just(Way::Jump),
        1 => Just(Way::Sweep), 1 => Just(Way::Fade), 2 => Just(Way::Thin), 2 => Just(Way::Around),
    ];
    (way, 1..500usize, any::<u64>())
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Bid), Just(Side::Ask)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_side_of_thousands_of_levels_is_what_an_ordered_map_holds(side in sides(), ways in prop::collection::vec(ways(), 1..16)) {
        let mut deep = Deep::new(side, 1 << 17);
        for (way, times, seed) in ways {
            deep.go(way, times, seed);
        }
        prop_assert_eq!(deep.refused, 0);
    }

    #[test]
    fn a_side_occupies_no_more_than_is_said_however_it_got_there(side in sides(), ways in prop::collection::vec(ways(), 1..16)) {
        const LEVELS: usize = 1 << 15;
        let mut deep = Deep::new(side, LEVELS);
        let mut most = 0;
        for (way, times, seed) in ways {
            deep.go(way, times, seed);
            let (occupied, n) = (deep.occupied(LEVELS), deep.sizes.len());
            most = n.max(most);
            prop_assert!(n > 0 || occupied == 0);
            prop_assert!(occupied <= (4 * n).max(8) + if most > 128 { 72 + n / 4 } else { 0 }, "{} levels occupy {}", n, occupied);
        }
    }

    #[test]
    fn a_deep_side_without_room_refuses_further_levels_and_stays_right(
        side in sides(), levels in 100..1_500usize, ways in prop::collection::vec(ways(), 1..16),
    ) {
        let mut deep = Deep::new(side, levels);
        for (way, times, seed) in ways {
            let before = deep.refused;
            deep.go(way, times, seed);
            // What was refused had no room: 4n levels and a little are occupied, and a further block of 128 or of 64 and a list was not found.
            let has_refused = deep.refused > before;
            prop_assert!(!has_refused || deep.most * 17 / 4 + 72 + 64 + 128 >= levels, "{} of {levels} levels", deep.most);
        }
        deep.books.clear(1);
        deep.sizes.clear();
        deep.assert_same();
        // Nothing was lost: the arena holds as much as a new one.
        let room = |mut deep: Deep| {
            (1..).take_while(|&price| deep.books.add(1, price as u64 + 10_000_000, side, price, 1).is_ok()).count()
        };
        prop_assert_eq!(room(deep), room(Deep::new(side, levels)));
    }
}

#[test]
fn chunks_that_are_thinned_one_after_the_other_do_not_stay() {
    // Prices that rise spill chunks of 48; each other is thinned to a level first, and then the others to 16.
    let mut deep = Deep::new(Side::Bid, 1 << 15);
    deep.go(Way::Up, 5_000, 3);
    let prices: Vec<i64> = deep.sizes.keys().copied().collect();
    let spilled = prices.len() - 128;
    for keeps in [1, 16] {
        let thinned = prices[..spilled].chunks(48).skip(usize::from(keeps == 1)).step_by(2);
        thinned.flat_map(|chunk| &chunk[..48.min(chunk.len()) - keeps.min(chunk.len())]).for_each(|&price| deep.take(price));
    }
    let (occupied, n) = (deep.occupied(1 << 15), deep.sizes.len());
    assert!((800..2_000).contains(&n) && occupied <= 4 * n + 72 + n / 4, "{n} levels occupy {occupied}");
    deep.assert_same();
}

#[test]
fn levels_told_without_orders_are_set_and_removed_at_any_depth() {
    let mut books = Books::new(BooksCapacity { instruments: 2, orders: 4, levels: 1 << 14 });
    let mut sizes = BTreeMap::new();
    for n in 0..6_000i64 {
        let (price, size) = (1 + n * 7_919 % 3_001, (n % 5) as u32);
        let set = books.set_level(1, Side::Ask, price, size);
        let before = sizes.get(&price).copied();
        if size == 0 {
            sizes.remove(&price);
        } else {
            sizes.insert(price, size);
        }
        match (before, size) {
            (None, 0) => assert_eq!(set, Err(Drop::UnknownLevel)),
            (Some(before), after) if before == after => assert_eq!(set, Ok(None)),
            _ => {
                let set = set.unwrap().unwrap();
                let rank = sizes.range(..price).take(256).count() as u32;
                assert_eq!((set.before, set.change.rank, set.change.level.size), (before.unwrap_or(0).into(), rank, size.into()));
            }
        }
    }
    assert!(sizes.len() > 2_000);
    assert!(books.levels(1, Side::Ask).map(|level| (level.price, level.size as u32)).eq(sizes));
}

#[test]
fn a_queue_is_found_at_any_depth() {
    let mut deep = Deep::new(Side::Bid, 1 << 14);
    deep.go(Way::Down, 2_000, 1);
    for nth in [0, 40, 500, 1_999] {
        let price = deep.nth_best(nth).unwrap();
        deep.books.add(1, 1_000_000_000 + nth as u64, Side::Bid, price, 77).unwrap();
        let behind = deep.books.queue_position(1, 1_000_000_000 + nth as u64).unwrap();
        assert_eq!((behind.orders_ahead, behind.size_ahead, behind.level.orders), (1, deep.sizes[&price].into(), 2));
    }
}

#[test]
fn in_an_arena_of_any_size_it_is_foretold_which_level_is_the_first_without_room() {
    for levels in (8..400).step_by(8) {
        for way in [Way::Down, Way::Up, Way::Anywhere] {
            let mut deep = Deep::new(Side::Ask, levels);
            let refused_at_last = (0..).find(|&turn| {
                deep.go(way, 16, turn);
                deep.refused > 2
            });
            assert!(
                refused_at_last.is_some() && deep.sizes.len() * 2 + 64 + 8 >= levels.min(2 * 128),
                "{way:?}: {} of {levels} levels",
                deep.sizes.len()
            );
        }
    }
}

//! The books against a book a child could read.
#![cfg(feature = "service")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickwire::book::{Books, BooksCapacity, Change, Crossing, Effect, Health, Level, Order, Reduced};
use tickwire::feed::Side;
use tickwire::record::{BidAsk, UNDEF_PRICE};
use tickwire::stats::Drop;

const SIDES: [Side; 2] = [Side::Bid, Side::Ask];
const ROOMY: BooksCapacity = BooksCapacity { instruments: 4, orders: 10_000, levels: 100_000 };

// ── the book a child could read ──

/// A list of orders, added up anew for every question.
struct Model {
    capacity: BooksCapacity,
    orders: Vec<Order>,
    health: Vec<Health>,
}

impl Model {
    fn new(capacity: BooksCapacity) -> Self {
        Self { capacity, orders: Vec::new(), health: vec![Health::Good; capacity.instruments as usize] }
    }

    fn knows(&self, instrument: u32) -> bool {
        instrument < self.capacity.instruments
    }

    fn find(&self, order: u64) -> Option<Order> {
        self.orders.iter().copied().find(|o| o.order == order)
    }

    fn doubt(&mut self, instrument: u32, reason: Option<Drop>) {
        if self.knows(instrument) && self.health[instrument as usize] == Health::Good {
            self.health[instrument as usize] = Health::Suspect(reason);
        }
    }

    fn levels(&self, instrument: u32, side: Side) -> Vec<Level> {
        let mut by_price: BTreeMap<i64, Level> = BTreeMap::new();
        for o in self.orders.iter().filter(|o| o.instrument == instrument && o.side == side) {
            let level = by_price.entry(o.price).or_insert(Level { price: o.price, size: 0, orders: 0 });
            level.size += u64::from(o.size);
            level.orders += 1;
        }
        let ascending: Vec<Level> = by_price.into_values().collect();
        if side == Side::Bid { ascending.into_iter().rev().collect() } else { ascending }
    }

    /// The change that turned `before` into what the orders now say about the level at `price`.
    fn change(&self, instrument: u32, side: Side, price: i64, before: &[Level]) -> Change {
        let after = self.levels(instrument, side);
        let rank_in = |levels: &[Level]| levels.iter().position(|l| l.price == price);
        let (effect, rank, level) = match (rank_in(before), rank_in(&after)) {
            (None, Some(rank)) => (Effect::Added, rank, after[rank]),
            (Some(_), Some(rank)) => (Effect::Changed, rank, after[rank]),
            (Some(rank), None) => (Effect::Removed, rank, Level { price, size: 0, orders: 0 }),
            (None, None) => panic!("no level at {price}"),
        };
        Change { side, rank: rank.min(256) as u32, effect, level }
    }

    /// Everything but the room for levels.
    fn refusal(&self, instrument: u32, order: u64, price: i64, size: u32) -> Option<Drop> {
        if !self.knows(instrument) {
            Some(Drop::UnknownInstrument)
        } else if size == 0 || price == UNDEF_PRICE {
            Some(Drop::BadOrder)
        } else if self.find(order).is_some() {
            Some(Drop::DuplicateOrder)
        } else if self.orders.len() == self.capacity.orders {
            Some(Drop::OrdersFull)
        } else {
            None
        }
    }

    fn add(&mut self, instrument: u32, order: u64, side: Side, price: i64, size: u32) -> Result<Change, Drop> {
        if let Some(reason) = self.refusal(instrument, order, price, size) {
            self.doubt(instrument, Some(reason));
            if reason == Drop::DuplicateOrder {
                self.doubt(self.find(order).unwrap().instrument, Some(reason));
            }
            return Err(reason);
        }
        let before = self.levels(instrument, side);
        self.orders.push(Order { order, instrument, side, price, size });
        Ok(self.change(instrument, side, price, &before))
    }

    /// `None`: all of it.
    fn reduce(&mut self, instrument: u32, order: u64, size: Option<u32>) -> Result<Reduced, Drop> {
        let held = self.find(order);
        let reason = match held {
            _ if !self.knows(instrument) => Some(Drop::UnknownInstrument),
            None => Some(Drop::UnknownOrder),
            Some(held) if held.instrument != instrument => Some(Drop::WrongInstrument),
            Some(_) => None,
        };
        if let Some(reason) = reason {
            self.doubt(instrument, Some(reason));
            if let Some(held) = held {
                self.doubt(held.instrument, Some(reason));
            }
            return Err(reason);
        }
        let held = held.unwrap();
        let size = size.unwrap_or(held.size);
        if size == 0 {
            return Err(Drop::BadOrder);
        }
        let taken = size.min(held.size);
        if size > held.size {
            self.doubt(instrument, Some(Drop::Overfill));
        }
        let levels = self.levels(instrument, held.side);
        self.orders.iter_mut().find(|o| o.order == order).unwrap().size -= taken;
        self.orders.retain(|o| o.size > 0);
        let change = self.change(instrument, held.side, held.price, &levels);
        Ok(Reduced { before: held, taken, excess: size - taken, change })
    }

    fn clear(&mut self, instrument: u32) {
        if self.knows(instrument) {
            self.orders.retain(|o| o.instrument != instrument);
            self.health[instrument as usize] = Health::Good;
        }
    }

    fn clear_all(&mut self) {
        (0..self.capacity.instruments).for_each(|instrument| self.clear(instrument));
    }
}

/// One row of a record, told from the levels of both sides.
fn row(bid: Option<&Level>, ask: Option<&Level>) -> BidAsk {
    let narrow = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
    BidAsk {
        bid_px: bid.map_or(UNDEF_PRICE, |l| l.price),
        ask_px: ask.map_or(UNDEF_PRICE, |l| l.price),
        bid_sz: bid.map_or(0, |l| narrow(l.size)),
        ask_sz: ask.map_or(0, |l| narrow(l.size)),
        bid_ct: bid.map_or(0, |l| l.orders),
        ask_ct: ask.map_or(0, |l| l.orders),
    }
}

fn crossing(bid: Option<&Level>, ask: Option<&Level>) -> Crossing {
    match (bid, ask) {
        (Some(bid), Some(ask)) if bid.price == ask.price => Crossing::Locked,
        (Some(bid), Some(ask)) if bid.price > ask.price => Crossing::Crossed,
        _ => Crossing::Apart,
    }
}

/// One instrument's book holds these levels, and every view of it says so.
fn assert_book(books: &Books, instrument: u32, bids: &[Level], asks: &[Level]) {
    assert!(books.levels(instrument, Side::Bid).eq(bids.iter().copied()), "bids of {instrument}");
    assert!(books.levels(instrument, Side::Ask).eq(asks.iter().copied()), "asks of {instrument}");
    let rows: [BidAsk; 10] = std::array::from_fn(|n| row(bids.get(n), asks.get(n)));
    let mut shown = [BidAsk { bid_px: 1, ask_px: 2, bid_sz: 3, ask_sz: 4, bid_ct: 5, ask_ct: 6 }; 10];
    books.top_levels(instrument, &mut shown);
    assert_eq!(shown, rows);
    assert_eq!(books.top(instrument), rows[0]);
    assert_eq!(books.crossing(instrument), crossing(bids.first(), asks.first()));
}

fn assert_same(books: &Books, model: &Model) {
    let mut levels = 0;
    for instrument in 0..model.capacity.instruments {
        let [bids, asks] = SIDES.map(|side| model.levels(instrument, side));
        assert_book(books, instrument, &bids, &asks);
        assert_eq!(books.health(instrument), model.health[instrument as usize]);
        assert_eq!(books.is_suspect(instrument), model.health[instrument as usize] != Health::Good);
        levels += bids.len() + asks.len();
    }
    assert_eq!(books.live_orders(), model.orders.len() as u64);
    assert_eq!(books.price_levels(), levels as u64);
    for order in &model.orders {
        assert_eq!(books.order(order.order), Some(*order));
    }
}

// ── random days ──

#[derive(Clone, Debug)]
enum Op {
    Add {
        instrument: u32,
        order: u64,
        side: Side,
        price: i64,
        size: u32,
    },
    /// Of a live order, if there is one: the n-th, by so much of its size (in 1/8; more than 8 overfills).
    ReduceLive {
        nth: usize,
        eighths: u32,
    },
    DeleteLive {
        nth: usize,
    },
    ReplaceLive {
        nth: usize,
        new: u64,
        price: i64,
        size: u32,
    },
    /// Whatever comes: mostly unknown orders and wrong instruments.
    Reduce {
        instrument: u32,
        order: u64,
        size: u32,
    },
    Delete {
        instrument: u32,
        order: u64,
    },
    Suspect {
        instrument: u32,
    },
    Clear {
        instrument: u32,
    },
    ClearAll,
}

/// One past the last, too.
fn instruments() -> impl Strategy<Value = u32> {
    prop_oneof![40 => 0..4u32, 1 => Just(4u32), 1 => Just(u32::MAX)]
}

fn references() -> impl Strategy<Value = u64> {
    prop_oneof![20 => 0..300u64, 5 => any::<u64>(), 1 => Just(u64::MAX), 3 => (0..64u64).prop_map(|n| n << 58)]
}

fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => 90..110i64,
        5 => 1..2_000i64,
        1 => Just(0), 1 => Just(-1), 1 => Just(i64::MIN), 1 => Just(i64::MIN + 1), 1 => Just(i64::MAX - 1), 1 => Just(UNDEF_PRICE),
    ]
}

fn sizes() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 1..1_000u32, 1 => Just(0u32), 3 => Just(u32::MAX)]
}

fn ops() -> impl Strategy<Value = Op> {
    let side = prop_oneof![Just(Side::Bid), Just(Side::Ask)];
    prop_oneof![
        160 => (instruments(), references(), side, prices(), sizes())
            .prop_map(|(instrument, order, side, price, size)| Op::Add { instrument, order, side, price, size }),
        60 => (any::<usize>(), 0..10u32).prop_map(|(nth, eighths)| Op::ReduceLive { nth, eighths }),
        40 => any::<usize>().prop_map(|nth| Op::DeleteLive { nth }),
        40 => (any::<usize>(), references(), prices(), sizes()).prop_map(|(nth, new, price, size)| Op::ReplaceLive { nth, new, price, size }),
        12 => (instruments(), references(), sizes()).prop_map(|(instrument, order, size)| Op::Reduce { instrument, order, size }),
        12 => (instruments(), references()).prop_map(|(instrument, order)| Op::Delete { instrument, order }),
        4 => instruments().prop_map(|instrument| Op::Suspect { instrument }),
        4 => instruments().prop_map(|instrument| Op::Clear { instrument }),
        1 => Just(Op::ClearAll),
    ]
}

/// Adds to both. The arena's blocks are none of the model's business: it believes `LevelsFull` where a further level was
/// needed and the arena is used to a degree where that may be.
fn add(books: &mut Books, model: &mut Model, instrument: u32, order: u64, side: Side, price: i64, size: u32) {
    let can = books.can_add(instrument, order, side, price, size);
    let levels = books.price_levels();
    let result = books.add(instrument, order, side, price, size);
    assert_eq!(can.err(), result.err(), "can_add foretells add");
    if result == Err(Drop::LevelsFull) {
        assert!(model.refusal(instrument, order, price, size).is_none());
        let before = model.levels(instrument, side);
        assert!(before.iter().all(|l| l.price != price), "no further level was needed");
        // Two sides of each of four books, no side in more than max(8, 4n) levels, and a block of up to 2n + 8 not found.
        let bound = 4 * levels as usize + 8 * 8 + 2 * before.len() + 8;
        assert!(bound >= model.capacity.levels, "full with {levels} levels of {}", model.capacity.levels);
        model.doubt(instrument, Some(Drop::LevelsFull));
    } else {
        assert_eq!(result, model.add(instrument, order, side, price, size));
    }
}

fn play(capacity: BooksCapacity, ops: &[Op]) {
    let (mut books, mut model) = (Books::new(capacity), Model::new(capacity));
    for op in ops {
        let nth = |n: usize| (!model.orders.is_empty()).then(|| model.orders[n % model.orders.len()]);
        match *op {
            Op::Add { instrument, order, side, price, size } => add(&mut books, &mut model, instrument, order, side, price, size),
            Op::ReduceLive { nth: n, eighths } => {
                let Some(o) = nth(n) else { continue };
                let size = (u64::from(o.size) * u64::from(eighths)).div_ceil(8).min(u32::MAX.into()) as u32;
                assert_eq!(books.reduce(o.instrument, o.order, size), model.reduce(o.instrument, o.order, Some(size)));
            }
            Op::DeleteLive { nth: n } => {
                let Some(o) = nth(n) else { continue };
                assert_eq!(books.delete(o.instrument, o.order), model.reduce(o.instrument, o.order, None));
            }
            Op::ReplaceLive { nth: n, new, price, size } => {
                let Some(o) = nth(n) else { continue };
                assert_eq!(books.delete(o.instrument, o.order), model.reduce(o.instrument, o.order, None));
                add(&mut books, &mut model, o.instrument, new, o.side, price, size);
            }
            Op::Reduce { instrument, order, size } => {
                assert_eq!(books.reduce(instrument, order, size), model.reduce(instrument, order, Some(size)));
            }
            Op::Delete { instrument, order } => assert_eq!(books.delete(instrument, order), model.reduce(instrument, order, None)),
            Op::Suspect { instrument } => {
                books.mark_suspect(instrument);
                model.doubt(instrument, None);
            }
            Op::Clear { instrument } => {
                books.clear(instrument);
                model.clear(instrument);
            }
            Op::ClearAll => {
                books.clear_all();
                model.clear_all();
            }
        }
        assert_same(&books, &model);
    }
}

proptest! {
    #[test]
    fn case_29_30_31_random_days_with_faults_leave_the_books_a_child_would_have(ops in prop::collection::vec(ops(), 1..300)) {
        play(ROOMY, &ops);
    }

    #[test]
    fn case_36_a_day_that_does_not_fit_is_refused_in_part_and_never_wrong(
        orders in 0..40usize, levels in 0..160usize, ops in prop::collection::vec(ops(), 1..300),
    ) {
        play(BooksCapacity { instruments: 4, orders, levels }, &ops);
    }
}

#[test]
fn a_book_of_2500_levels_stays_right_while_it_grows_jumps_and_shrinks() {
    let (mut books, mut model) = (Books::new(ROOMY), Model::new(ROOMY));
    // Prices in a shuffled order (37 is coprime to 2,500), half of the levels a hundred times further away.
    let price = |n: i64| if n % 2 == 0 { 1_000_000 + n } else { 100_000_000 + n };
    for n in 0..2_500i64 {
        let n = n * 37 % 2_500;
        for side in SIDES {
            let order = n as u64 * 2 + u64::from(side == Side::Ask);
            assert_eq!(books.add(1, order, side, price(n), 5), model.add(1, order, side, price(n), 5));
        }
        if n % 50 == 0 {
            assert_same(&books, &model);
        }
    }
    assert_same(&books, &model);
    assert_eq!(books.price_levels(), 5_000);
    for n in 0..2_500i64 {
        let n = n * 41 % 2_500;
        for side in SIDES {
            let order = n as u64 * 2 + u64::from(side == Side::Ask);
            assert_eq!(books.delete(1, order), model.reduce(1, order, None));
        }
        if n % 50 == 0 {
            assert_same(&books, &model);
        }
    }
    assert_same(&books, &model);
    assert_eq!((books.price_levels(), books.live_orders()), (0, 0));
}

// ── one sentence each ──

/// The same numbers every time.
fn random() -> impl FnMut() -> u64 {
    let mut state = 1u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ state >> 29
    }
}

fn books() -> Books {
    Books::new(ROOMY)
}

#[test]
fn case_29_an_add_of_a_live_order_is_refused_and_both_books_are_suspect() {
    let mut books = books();
    books.add(1, 7, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.add(2, 7, Side::Ask, 200, 20), Err(Drop::DuplicateOrder));
    assert_eq!(books.order(7), Some(Order { order: 7, instrument: 1, side: Side::Bid, price: 100, size: 10 }));
    assert_eq!(books.price_levels(), 1);
    assert_eq!(
        [0, 1, 2].map(|i| books.health(i)),
        [Health::Good, Health::Suspect(Some(Drop::DuplicateOrder)), Health::Suspect(Some(Drop::DuplicateOrder))]
    );
}

#[test]
fn case_30_taking_from_an_unknown_order_is_refused_and_the_book_is_suspect() {
    for take in [|b: &mut Books| b.reduce(1, 7, 10), |b: &mut Books| b.delete(1, 7)] {
        let mut books = books();
        assert_eq!(take(&mut books), Err(Drop::UnknownOrder));
        assert_eq!([0, 1].map(|i| books.is_suspect(i)), [false, true]);
    }
}

#[test]
fn case_31_an_execution_larger_than_the_order_takes_what_is_there_and_the_book_is_suspect() {
    let mut books = books();
    books.add(1, 7, Side::Bid, 100, 10).unwrap();
    let reduced = books.reduce(1, 7, 25).unwrap();
    assert_eq!((reduced.taken, reduced.excess, reduced.is_gone(), reduced.fault()), (10, 15, true, Some(Drop::Overfill)));
    assert_eq!(reduced.change.effect, Effect::Removed);
    assert_eq!(books.top(1), BidAsk::EMPTY);
    assert_eq!(books.health(1), Health::Suspect(Some(Drop::Overfill)));
}

#[test]
fn a_message_for_another_instrument_than_the_orders_changes_nothing_and_both_books_are_suspect() {
    for take in [|b: &mut Books| b.reduce(2, 7, 1), |b: &mut Books| b.delete(2, 7)] {
        let mut books = books();
        books.add(1, 7, Side::Bid, 100, 10).unwrap();
        assert_eq!(take(&mut books), Err(Drop::WrongInstrument));
        assert_eq!(books.order(7).unwrap().size, 10);
        assert_eq!([0, 1, 2].map(|i| books.is_suspect(i)), [false, true, true]);
    }
}

#[test]
fn an_instrument_past_the_capacity_is_unknown_and_reads_as_an_empty_book_nobody_should_believe() {
    let mut books = books();
    for instrument in [4, u32::MAX] {
        assert_eq!(books.add(instrument, 7, Side::Bid, 100, 10), Err(Drop::UnknownInstrument));
        assert_eq!(books.delete(instrument, 7), Err(Drop::UnknownInstrument));
        assert_eq!(books.quote(instrument, Side::Bid, 100, 10), Err(Drop::UnknownInstrument));
        books.mark_suspect(instrument);
        books.clear(instrument);
        assert_book(&books, instrument, &[], &[]);
        assert!(books.is_suspect(instrument));
    }
    assert!((0..4).all(|i| !books.is_suspect(i)));
}

#[test]
fn taking_nothing_is_refused_but_leaves_no_doubt() {
    let mut books = books();
    books.add(1, 7, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.reduce(1, 7, 0), Err(Drop::BadOrder));
    assert_eq!((books.order(7).unwrap().size, books.health(1)), (10, Health::Good));
}

#[test]
fn the_first_cause_of_doubt_is_kept_until_the_book_is_cleared() {
    let mut books = books();
    books.mark_suspect(1);
    books.delete(1, 7).unwrap_err();
    assert_eq!(books.health(1), Health::Suspect(None));
    books.clear(1);
    assert_eq!(books.health(1), Health::Good);
}

#[test]
fn a_replace_with_a_live_reference_loses_the_old_order_loudly_and_keeps_the_live_one() {
    let mut books = books();
    books.add(1, 7, Side::Bid, 100, 10).unwrap();
    books.add(1, 8, Side::Bid, 101, 10).unwrap();
    assert!(books.delete(1, 7).unwrap().is_gone());
    assert_eq!(books.can_add(1, 8, Side::Bid, 102, 5), Err(Drop::DuplicateOrder));
    assert!(!books.is_suspect(1), "asking leaves no doubt");
    assert_eq!(books.add(1, 8, Side::Bid, 102, 5), Err(Drop::DuplicateOrder));
    assert_book(&books, 1, &[Level { price: 101, size: 10, orders: 1 }], &[]);
    assert!(books.is_suspect(1));
}

#[test]
fn case_32_a_crossed_or_locked_book_is_flagged_and_not_mended() {
    let mut books = books();
    books.add(1, 1, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.crossing(1), Crossing::Apart);
    books.add(1, 2, Side::Ask, 101, 10).unwrap();
    assert_eq!(books.crossing(1), Crossing::Apart);
    books.add(1, 3, Side::Ask, 100, 10).unwrap();
    assert_eq!(books.crossing(1), Crossing::Locked);
    books.add(1, 4, Side::Bid, 102, 10).unwrap();
    assert_eq!(books.crossing(1), Crossing::Crossed);
    assert_eq!((books.live_orders(), books.is_suspect(1)), (4, false));
}

#[test]
fn case_34_the_extremes_of_prices_and_sizes_are_levels_like_any_other() {
    let mut books = books();
    let prices = [i64::MIN, -1, 0, 1, i64::MAX - 1];
    for (n, &price) in (0..).zip(&prices) {
        books.add(1, n * 4, Side::Bid, price, u32::MAX).unwrap();
        books.add(1, n * 4 + 1, Side::Bid, price, u32::MAX).unwrap();
        books.add(1, n * 4 + 2, Side::Ask, price, 1).unwrap();
    }
    assert!(books.levels(1, Side::Ask).map(|l| l.price).eq(prices));
    assert!(books.levels(1, Side::Bid).map(|l| l.price).eq(prices.into_iter().rev()));
    let best = books.levels(1, Side::Bid).next().unwrap();
    assert_eq!((best.size, best.is_wide(), best.size_saturated()), (2 * u64::from(u32::MAX), true, u32::MAX));
    assert_eq!(books.top(1).bid_sz, u32::MAX);
    assert_eq!(books.add(1, 99, Side::Bid, UNDEF_PRICE, 1), Err(Drop::BadOrder));
}

#[test]
fn case_35_references_come_again_after_a_clear() {
    let mut books = books();
    // More often than a slot can tell generations apart.
    for round in 0..600u32 {
        for order in 0..3 {
            books.add(1, order, Side::Ask, i64::from(round), 10).unwrap();
        }
        assert_eq!(books.order(2).map(|o| o.price), Some(i64::from(round)));
        books.add(2, 100 + u64::from(round), Side::Bid, 5, 1).unwrap();
        books.clear(1);
        assert_eq!(books.order(0), None);
        assert_eq!(books.live_orders(), u64::from(round) + 1);
        // An order left over from generation 0 must not come back to life in generation 256.
        if round == 0 {
            assert_eq!(books.delete(1, 2), Err(Drop::UnknownOrder));
            books.clear(1);
        }
    }
    assert_book(&books, 1, &[], &[]);
    assert_book(&books, 2, &[Level { price: 5, size: 600, orders: 600 }], &[]);
}

#[test]
fn orders_forgotten_long_ago_stay_forgotten() {
    let mut books = Books::new(BooksCapacity { orders: 768, ..ROOMY });
    let mut random = random();
    let orders: Vec<u64> = (0..760).map(|_| random()).collect();
    for &order in &orders {
        books.add(1, order, Side::Bid, 100, 10).unwrap();
    }
    for clears in 1..=1_000 {
        books.clear(1);
        assert!(orders.iter().all(|&order| books.order(order).is_none()), "after {clears} clears");
    }
}

#[test]
fn live_orders_stay_reachable_while_forgotten_ones_are_swept_from_between_them() {
    // As full as a table may be: 768 of 1,024 slots.
    let mut books = Books::new(BooksCapacity { orders: 768, ..ROOMY });
    let mut random = random();
    let mut live: Vec<(u32, u64)> = Vec::new();
    for round in 0..200 {
        while live.len() < 768 {
            let (instrument, order) = ((random() % 4) as u32, random());
            books.add(instrument, order, Side::Ask, 100, 10).unwrap();
            live.push((instrument, order));
            assert!(books.order(order).is_some(), "round {round}");
        }
        assert!(live.iter().all(|&(_, order)| books.order(order).is_some()), "round {round}");
        assert_eq!(books.add(3, 1, Side::Ask, 100, 10), Err(Drop::OrdersFull));
        let cleared = round % 4;
        books.clear(cleared);
        live.retain(|&(instrument, _)| instrument != cleared);
        assert_eq!(books.live_orders(), live.len() as u64);
    }
}

#[test]
fn case_36_a_full_order_table_refuses_one_book_and_the_others_live() {
    let mut books = Books::new(BooksCapacity { orders: 100, ..ROOMY });
    for order in 0..100 {
        books.add(1, order, Side::Bid, order as i64 % 10, 10).unwrap();
    }
    assert_eq!(books.can_add(2, 100, Side::Bid, 5, 10), Err(Drop::OrdersFull));
    assert_eq!(books.add(2, 100, Side::Bid, 5, 10), Err(Drop::OrdersFull));
    assert_eq!([1, 2].map(|i| books.health(i)), [Health::Good, Health::Suspect(Some(Drop::OrdersFull))]);
    books.reduce(1, 50, 3).unwrap();
    books.delete(1, 51).unwrap();
    books.add(3, 100, Side::Ask, 5, 10).unwrap();
    assert_eq!((books.is_suspect(1), books.is_suspect(3), books.live_orders()), (false, false, 100));
}

#[test]
fn case_36_a_full_arena_refuses_further_levels_and_takes_orders_at_those_there_are() {
    let mut books = Books::new(BooksCapacity { levels: 64, ..ROOMY });
    for n in 0..64 {
        assert_eq!(books.can_add(1, n, Side::Ask, n as i64, 10), Ok(()));
        books.add(1, n, Side::Ask, n as i64, 10).unwrap();
    }
    assert_eq!(books.can_add(2, 64, Side::Bid, 5, 10), Err(Drop::LevelsFull));
    assert_eq!(books.add(2, 64, Side::Bid, 5, 10), Err(Drop::LevelsFull));
    assert_eq!(books.health(2), Health::Suspect(Some(Drop::LevelsFull)));
    assert_eq!(books.order(64), None);
    assert_eq!(books.can_add(1, 65, Side::Ask, 5, 10), Ok(()));
    books.add(1, 65, Side::Ask, 5, 10).unwrap();
    assert_eq!(books.add(1, 66, Side::Ask, 64, 10), Err(Drop::LevelsFull));
    // All 64 come back, in blocks that can be joined again.
    for n in 0..64 {
        books.delete(1, n).unwrap();
    }
    books.delete(1, 65).unwrap();
    for n in 0..64 {
        books.add(2, n, Side::Bid, n as i64, 10).unwrap();
    }
    assert_eq!(books.price_levels(), 64);
}

#[test]
fn books_that_grow_in_turns_and_empty_leave_no_crumbs_in_the_arena() {
    let mut books = Books::new(BooksCapacity { levels: 128, ..ROOMY });
    for round in 0..100 {
        // In turns, so that no block can be doubled where it is.
        for n in 0..16u64 {
            for instrument in 0..4u32 {
                books.add(instrument, n * 4 + u64::from(instrument), Side::Bid, n as i64, 10).unwrap();
            }
        }
        for n in 0..64 {
            books.delete((n % 4) as u32, n).unwrap();
        }
        for n in 0..128 {
            assert!(books.add(round % 4, n, Side::Ask, n as i64, 10).is_ok(), "round {round}: level {n} of all there are");
        }
        for n in 0..128 {
            books.delete(round % 4, n).unwrap();
        }
    }
}

#[test]
fn cleared_books_give_their_room_to_others() {
    let mut books = Books::new(BooksCapacity { orders: 1_000, levels: 2_048, ..ROOMY });
    for round in 0..2_000u64 {
        let instrument = (round % 4) as u32;
        for n in 0..1_000 {
            books.add(instrument, round * 1_000 + n, Side::Bid, n as i64, 10).unwrap();
        }
        assert_eq!((books.live_orders(), books.price_levels()), (1_000, 1_000));
        if round % 7 == 0 {
            books.clear_all()
        } else {
            books.clear(instrument)
        }
        assert_eq!((books.live_orders(), books.price_levels()), (0, 0));
    }
}

#[test]
fn references_made_up_to_collide_are_refused_and_soon() {
    // Multiples of the inverse of 2^64/φ: their homes are neighbours, from 0 on, and each slot of the table is hit once…
    let golden = 0x9E37_79B9_7F4A_7C15u64;
    let inverse = (0..6).fold(golden, |x, _| x.wrapping_mul(2u64.wrapping_sub(golden.wrapping_mul(x))));
    assert_eq!(golden.wrapping_mul(inverse), 1);
    let mut books = Books::new(BooksCapacity { orders: 1 << 17, ..ROOMY });
    let step = 1u64 << (64 - 18);
    let neighbour = |home: u64| inverse.wrapping_mul(home.wrapping_mul(step));
    // One run of 2^17 slots; each order lies at its home, so nobody is worse off for it.
    for home in 0..1 << 17 {
        books.add(1, neighbour(home), Side::Bid, 100, 10).unwrap();
    }
    for home in (0..1 << 17).step_by(2) {
        books.delete(1, neighbour(home)).unwrap();
    }
    assert!((0..1 << 17).all(|home| books.order(neighbour(home)).is_some() == (home % 2 == 1)));
    // … and all into one home; but the first may be among the young, which have a slot each.
    books.clear_all();
    let same = (0..4_096).filter(|&n| books.add(1, inverse.wrapping_mul(n), Side::Bid, 100, 10).is_ok()).count();
    assert!((1_024..=1_025).contains(&same), "{same}");
    books.add(2, 12_345, Side::Bid, 100, 10).unwrap();
    assert!(!books.is_suspect(2));
    for n in 0..same as u64 {
        books.delete(1, inverse.wrapping_mul(n)).unwrap();
    }
    assert_eq!(books.live_orders(), 1);
}

#[test]
fn references_made_up_to_crowd_together_are_kept_right_or_refused() {
    let golden = 0x9E37_79B9_7F4A_7C15u64;
    let inverse = (0..6).fold(golden, |x, _| x.wrapping_mul(2u64.wrapping_sub(golden.wrapping_mul(x))));
    // 2^14 slots: four references for each of 3,000 homes in a row, so that all are displaced, by more than may be.
    let mut books = Books::new(BooksCapacity { orders: 3 << 12, ..ROOMY });
    let step = 1u64 << (64 - 14);
    let references: Vec<u64> = (0..12_000).map(|n| inverse.wrapping_mul((n % 3_000u64).wrapping_mul(step) + n / 3_000)).collect();
    let mut live = std::collections::HashSet::new();
    let mut random = random();
    let (mut refused, mut forgotten) = (0, 0);
    for turn in 0..400_000u64 {
        let order = references[(random() % 12_000) as usize];
        if turn % 50_000 == 49_999 {
            // What is forgotten stays in the table until its room is needed.
            books.clear(1);
            live.clear();
            forgotten += 1;
        } else if live.contains(&order) {
            books.delete(1, order).unwrap();
            live.remove(&order);
        } else {
            match books.add(1, order, Side::Bid, 100, 10) {
                Ok(_) => _ = live.insert(order),
                Err(reason) => {
                    assert_eq!(reason, Drop::OrdersFull);
                    refused += 1;
                }
            }
        }
        if turn % 20_000 == 0 {
            assert!(references.iter().all(|order| books.order(*order).is_some() == live.contains(order)), "turn {turn}");
        }
    }
    assert_eq!((books.live_orders(), forgotten), (live.len() as u64, 8));
    assert!(refused > 100, "they were not crowded: {refused}");
}

/// References as a venue gives them out, while the slots of the young ones move along: orders that rest for long, gaps, references from
/// before and from far ahead, whole instruments that are forgotten, and numbers that begin anywhere, the last ones there are included.
#[test]
fn orders_are_found_however_old_they_get_and_whatever_comes_between() {
    const ORDERS: usize = 200;
    for (round, first) in [1, 0, 7_777_777, u64::MAX - 3_000, 1 << 63].into_iter().enumerate() {
        let mut books = Books::new(BooksCapacity { orders: ORDERS, ..ROOMY });
        let (mut live, mut gone) = (std::collections::BTreeMap::<u64, u32>::new(), Vec::new());
        let (mut random, mut next) = (random(), first);
        let (mut refused, mut oldest) = (0, 0);
        for turn in 0..60_000u64 {
            let instrument = (random() % 4) as u32;
            match random() % 100 {
                0..55 => {
                    next = next.wrapping_add(match random() % 2_000 {
                        0 => random() % 1_000_000,
                        1..20 => random() % 1_000,
                        _ => 1 + random() % 4,
                    });
                    let order = match random() % 400 {
                        0 => next.wrapping_add(random() % 5_000),
                        1 => next.wrapping_sub(random() % 5_000),
                        2 => random(),
                        _ => next,
                    };
                    let full = live.len() == ORDERS;
                    match books.add(instrument, order, Side::Bid, 100 + (random() % 5) as i64, 10) {
                        Ok(_) => assert_eq!((live.insert(order, instrument), full), (None, false), "round {round}, turn {turn}"),
                        Err(Drop::DuplicateOrder) => assert!(live.contains_key(&order)),
                        Err(reason) => assert_eq!((reason, full, live.contains_key(&order)), (Drop::OrdersFull, true, false)),
                    }
                    refused += u64::from(full);
                }
                55..98 => {
                    // The newest, mostly; now and then one of all there are.
                    let from_end = if random() % 8 == 0 { random() as usize % live.len().max(1) } else { random() as usize % 4 };
                    let Some((&order, &instrument)) = live.iter().nth_back(from_end) else { continue };
                    oldest = oldest.max(next.wrapping_sub(order).min(1 << 62));
                    assert_eq!(books.delete(instrument, order).map(|gone| gone.before.order), Ok(order), "round {round}, turn {turn}");
                    live.remove(&order);
                    gone.push(order);
                }
                98 if random() % 50 == 0 => {
                    books.clear(instrument);
                    gone.extend(live.extract_if(.., |_, &mut of| of == instrument).map(|(order, _)| order));
                }
                _ => {}
            }
            if turn % 1_000 == 0 {
                for (&order, &instrument) in &live {
                    assert_eq!(books.order(order).map(|held| held.instrument), Some(instrument), "round {round}, turn {turn}: {order}");
                }
                assert!(gone.drain(..).all(|order| books.order(order).is_some() == live.contains_key(&order)));
                assert_eq!(books.live_orders(), live.len() as u64);
            }
        }
        assert!(refused > 100 && oldest > 10_000, "too easy: {refused} refused, the oldest {oldest}");
    }
}

#[test]
fn honest_references_fill_the_table_to_the_last_order() {
    // 3/4 of a power of two: as full as a table may be.
    let orders = 3 << 16;
    let mut random = random();
    let shapes: [(&str, &mut dyn FnMut(u64) -> u64); 5] = [
        ("dense", &mut |n| 1_000_000 + n),
        ("by threes", &mut |n| 3 * n),
        ("in the high bits", &mut |n| n << 44),
        ("per partition", &mut |n| ((n % 64) << 56) | (n / 64)),
        ("random", &mut |_| random()),
    ];
    for (shape, reference) in shapes {
        let mut books = Books::new(BooksCapacity { orders, ..ROOMY });
        for n in 0..orders as u64 {
            assert!(books.add(1, reference(n), Side::Bid, 100, 10).is_ok(), "{shape}: order {n}");
        }
        assert_eq!(books.live_orders(), orders as u64);
    }
}

// ── feeds without orders ──

#[test]
fn a_quote_sets_the_one_level_of_its_side_and_tells_no_order_count() {
    let mut books = books();
    let level = |price, size| Level { price, size, orders: 0 };
    let change = |effect, level| Ok(Some(Change { side: Side::Bid, rank: 0, effect, level }));
    assert_eq!(books.quote(1, Side::Bid, 0, 0), Ok(None), "there was none");
    assert_eq!(books.quote(1, Side::Bid, 100, 10), change(Effect::Added, level(100, 10)));
    assert_eq!(books.quote(1, Side::Bid, 100, 10), Ok(None), "as it was");
    assert_eq!(books.quote(1, Side::Bid, 100, 20), change(Effect::Changed, level(100, 20)));
    assert_eq!(books.quote(1, Side::Bid, 99, 20), change(Effect::Changed, level(99, 20)));
    books.quote(1, Side::Ask, 101, 5).unwrap();
    assert_book(&books, 1, &[level(99, 20)], &[level(101, 5)]);
    assert_eq!(books.price_levels(), 2);
    assert_eq!(books.quote(1, Side::Bid, 0, 0), change(Effect::Removed, level(99, 0)));
    assert_book(&books, 1, &[], &[level(101, 5)]);
    assert_eq!((books.price_levels(), books.live_orders()), (1, 0));
    assert_eq!(books.quote(1, Side::Bid, UNDEF_PRICE, 1), Err(Drop::BadOrder));
}

#[test]
fn a_book_is_told_orders_or_quotes_and_never_both() {
    let mut books = books();
    books.quote(1, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.add(1, 7, Side::Bid, 100, 10), Err(Drop::BadOrder));
    books.add(2, 7, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.quote(2, Side::Ask, 100, 10), Err(Drop::BadOrder));
    assert_eq!([1, 2].map(|i| books.is_suspect(i)), [true, true]);
    books.clear(1);
    books.add(1, 8, Side::Bid, 100, 10).unwrap();
}

#[test]
fn the_rank_tells_whom_a_change_concerns() {
    let mut books = books();
    let mut add = |n: u64| books.add(1, n, Side::Bid, n as i64, 1).unwrap();
    assert!(add(50).touches_top(), "the first level");
    assert!(add(51).touches_top(), "a better one");
    for n in (1..20).rev() {
        let change = add(n);
        assert_eq!(change.rank, 21 - n as u32);
        assert_eq!((change.touches_top(), change.touches_top10()), (false, change.rank < 10));
    }
    assert_eq!(books.delete(1, 50).unwrap().change.rank, 1);
    assert_eq!(books.delete(1, 51).unwrap().change.rank, 0);
}

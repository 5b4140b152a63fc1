//! Books that are told levels: one level set to a size, against an ordered map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickwire::book::{Books, BooksCapacity, Change, Effect, Health, Level, Resized};
use tickwire::feed::Side;
use tickwire::record::UNDEF_PRICE;
use tickwire::stats::Drop;

fn books(levels: usize) -> Books {
    Books::new(BooksCapacity { instruments: 3, orders: 4, levels })
}

fn resized(side: Side, rank: u32, effect: Effect, price: i64, size: u64, before: u64) -> Result<Option<Resized>, Drop> {
    Ok(Some(Resized { change: Change { side, rank, effect, level: Level { price, size, orders: 0 } }, before }))
}

#[test]
fn a_level_comes_changes_and_goes_and_the_answer_tells_its_size_before() {
    let mut books = books(64);
    assert_eq!(books.set_level(1, Side::Bid, 100, 10), resized(Side::Bid, 0, Effect::Added, 100, 10, 0));
    assert_eq!(books.set_level(1, Side::Bid, 99, 5), resized(Side::Bid, 1, Effect::Added, 99, 5, 0));
    assert_eq!(books.set_level(1, Side::Bid, 99, 7), resized(Side::Bid, 1, Effect::Changed, 99, 7, 5));
    assert_eq!(books.set_level(1, Side::Bid, 99, 7), Ok(None), "as it was");
    assert_eq!(books.set_level(1, Side::Bid, 100, 0), resized(Side::Bid, 0, Effect::Removed, 100, 0, 10));
    assert_eq!((books.top(1).bid_px, books.top(1).bid_sz, books.top(1).bid_ct), (99, 7, 0));
    assert_eq!((books.price_levels(), books.health(1)), (1, Health::Good));
}

#[test]
fn deleting_what_is_not_there_is_refused_and_the_book_is_suspect() {
    let mut books = books(64);
    books.set_level(1, Side::Ask, 100, 10).unwrap();
    assert_eq!(books.set_level(1, Side::Ask, 101, 0), Err(Drop::UnknownLevel));
    assert_eq!((books.health(1), books.price_levels()), (Health::Suspect(Some(Drop::UnknownLevel)), 1));
    assert_eq!(books.health(2), Health::Good);
    books.clear(1);
    assert_eq!((books.health(1), books.top(1).ask_sz), (Health::Good, 0));
}

#[test]
fn a_book_is_told_levels_orders_or_quotes_and_never_two_of_them() {
    let mut books = books(64);
    books.set_level(0, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.add(0, 1, Side::Bid, 100, 10), Err(Drop::BadOrder));
    assert_eq!(books.quote(0, Side::Bid, 100, 10), Err(Drop::BadOrder));
    books.add(1, 1, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.set_level(1, Side::Ask, 100, 10), Err(Drop::BadOrder));
    books.quote(2, Side::Bid, 100, 10).unwrap();
    assert_eq!(books.set_level(2, Side::Ask, 100, 10), Err(Drop::BadOrder));
    assert_eq!(books.set_level(0, Side::Bid, UNDEF_PRICE, 1), Err(Drop::BadOrder));
    assert_eq!(books.set_level(3, Side::Bid, 100, 10), Err(Drop::UnknownInstrument));
    assert_eq!(books.price_levels(), 3);
}

#[test]
fn without_room_a_new_level_is_refused_and_those_there_are_go_on() {
    let mut books = books(8);
    for price in 1..=8 {
        books.set_level(0, Side::Bid, price, 1).unwrap();
    }
    assert_eq!(books.set_level(0, Side::Bid, 9, 1), Err(Drop::LevelsFull));
    assert_eq!(books.set_level(1, Side::Bid, 9, 1), Err(Drop::LevelsFull));
    assert_eq!(books.set_level(0, Side::Bid, 8, 2), resized(Side::Bid, 0, Effect::Changed, 8, 2, 1));
    assert_eq!(books.price_levels(), 8);
}

proptest! {
    #[test]
    fn levels_are_what_an_ordered_map_says(steps in proptest::collection::vec((0..2_u32, any::<bool>(), 0..60_i64, 0..4_u32), 1..400)) {
        let mut books = books(1_024);
        let mut model: BTreeMap<(u32, bool), BTreeMap<i64, u32>> = BTreeMap::new();
        for (instrument, is_bid, price, size) in steps {
            let side = if is_bid { Side::Bid } else { Side::Ask };
            let levels = model.entry((instrument, is_bid)).or_default();
            let before = levels.get(&price).copied().unwrap_or(0);
            let rank = levels.keys().filter(|&&other| if is_bid { other > price } else { other < price }).count() as u32;
            let expected = match (before, size) {
                (0, 0) => Err(Drop::UnknownLevel),
                (0, _) => resized(side, rank, Effect::Added, price, size.into(), 0),
                (_, 0) => resized(side, rank, Effect::Removed, price, 0, before.into()),
                _ if before == size => Ok(None),
                _ => resized(side, rank, Effect::Changed, price, size.into(), before.into()),
            };
            prop_assert_eq!(books.set_level(instrument, side, price, size), expected);
            if size == 0 { levels.remove(&price); } else { levels.insert(price, size); }
            let shown: Vec<_> = books.levels(instrument, side).map(|level| (level.price, level.size as u32)).collect();
            let mut kept: Vec<_> = levels.iter().map(|(&price, &size)| (price, size)).collect();
            if is_bid {
                kept.reverse();
            }
            let top = books.top(instrument);
            let best = if is_bid { (top.bid_px, top.bid_sz) } else { (top.ask_px, top.ask_sz) };
            prop_assert_eq!(best, kept.first().copied().unwrap_or((UNDEF_PRICE, 0)));
            prop_assert_eq!(shown, kept);
            prop_assert_eq!(books.price_levels(), model.values().map(|levels| levels.len() as u64).sum::<u64>());
        }
    }
}

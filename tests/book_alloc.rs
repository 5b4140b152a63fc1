//! After `new`, books never allocate: not at the limits, not on any fault. A file of its own, because it replaces the allocator.
#![cfg(feature = "service")]

mod allocations;

use tickwire::book::{Books, BooksCapacity, Health};
use tickwire::feed::Side;
use tickwire::record::BidAsk;
use tickwire::stats::{Drop, Drops};

#[test]
fn new_allocates_exactly_the_bytes_that_the_capacity_says() {
    let sizes = [(0, 0, 0), (1, 1, 1), (8_000, 100_000, 300_001), (70_000, 3 << 16, 4_096)];
    for (instruments, orders, levels) in sizes {
        let capacity = BooksCapacity { instruments, orders, levels };
        let before = allocations::bytes();
        let books = Books::new(capacity);
        assert_eq!(allocations::bytes() - before, capacity.bytes(), "{capacity:?}");
        assert_eq!(books.live_orders(), 0);
    }
}

#[test]
fn an_instrument_without_orders_costs_at_most_128_bytes() {
    let bytes = |instruments| BooksCapacity { instruments, orders: 0, levels: 0 }.bytes();
    assert!(bytes(1_001) - bytes(1) <= 128 * 1_000);
}

#[test]
fn absurd_capacities_are_limited_and_counted_without_overflow() {
    let most = BooksCapacity { instruments: u32::MAX, orders: usize::MAX, levels: usize::MAX };
    let limits =
        BooksCapacity { instruments: BooksCapacity::MAX_INSTRUMENTS, orders: BooksCapacity::MAX_ORDERS, levels: BooksCapacity::MAX_LEVELS };
    assert_eq!(most.bytes(), limits.bytes());
}

#[test]
fn case_36_nothing_allocates_after_new_not_even_when_everything_is_full() {
    const INSTRUMENTS: u32 = 20;
    let mut books = Books::new(BooksCapacity { instruments: INSTRUMENTS, orders: 600, levels: 1_000 });
    let mut faults = Drops::default();
    let mut levels = [BidAsk::EMPTY; 10];
    let (mut seed, mut overfills, mut quotes) = (1u64, 0u64, 0u64);
    let before = allocations::calls();
    for n in 0..2_000_000u64 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let roll = |from: u32, below: u64| (seed >> from) % below;
        let instrument = roll(8, u64::from(INSTRUMENTS) + 1) as u32;
        let order = roll(16, 4_000);
        let (price, size) = (roll(24, 400) as i64, roll(32, 50) as u32);
        let side = if seed >> 63 == 0 { Side::Bid } else { Side::Ask };
        // The order's own instrument, most of the time.
        let right = books.order(order).map_or(instrument, |o| if roll(40, 50) == 0 { instrument } else { o.instrument });
        let fault = match roll(48, 16) {
            0..8 => books.add(instrument, order, side, price, size).err(),
            8..11 => books.delete(right, order).err(),
            11..15 => match books.reduce(right, order, size) {
                Ok(reduced) => {
                    overfills += u64::from(reduced.fault().is_some());
                    None
                }
                Err(reason) => Some(reason),
            },
            _ => {
                quotes += u64::from(books.can_add(instrument, order, side, price, size).is_ok());
                books.quote(instrument, side, price, size).err()
            }
        };
        if let Some(reason) = fault {
            faults.count(reason);
        }
        books.top_levels(instrument, &mut levels);
        let shown = books.levels(instrument, side).take(10).count();
        assert!(shown <= 10 && books.top(instrument) == levels[0]);
        if n % 50_000 == 0 {
            books.clear_all();
        } else if n % 5_000 == 0 {
            books.clear(instrument);
            assert!(instrument == INSTRUMENTS || books.health(instrument) == Health::Good);
        }
    }
    assert_eq!(allocations::calls() - before, 0, "calls of the allocator");
    // And it was the hard way.
    for reason in [
        Drop::UnknownOrder,
        Drop::DuplicateOrder,
        Drop::WrongInstrument,
        Drop::BadOrder,
        Drop::OrdersFull,
        Drop::LevelsFull,
        Drop::UnknownInstrument,
    ] {
        assert!(faults.get(reason) > 100, "{}: {}", reason.name(), faults.get(reason));
    }
    assert!(overfills > 100 && quotes > 100);
}

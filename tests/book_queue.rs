//! Where an order waits, against queues a child could keep.
#![cfg(feature = "service")]

use proptest::prelude::*;
use tickwire::book::{Books, BooksCapacity, Health, Level};
use tickwire::feed::Side;
use tickwire::stats::Drop;

/// The window covers 128 references, so that orders soon leave it.
const SMALL: BooksCapacity = BooksCapacity { instruments: 4, orders: 64, levels: 4_000 };

/// Every resting order, in the order in which they came: at one price that is the queue.
#[derive(Default)]
struct Model(Vec<Resting>);

#[derive(Clone, Copy, Debug)]
struct Resting {
    instrument: u32,
    reference: u64,
    side: Side,
    price: i64,
    size: u32,
}

impl Model {
    fn queue(&self, of: Resting) -> impl Iterator<Item = &Resting> {
        self.0.iter().filter(move |other| (other.instrument, other.side, other.price) == (of.instrument, of.side, of.price))
    }

    fn ahead(&self, of: Resting) -> (u32, u64) {
        let ahead = self.queue(of).take_while(|other| other.reference != of.reference);
        ahead.fold((0, 0), |(orders, size), other| (orders + 1, size + u64::from(other.size)))
    }

    fn level(&self, of: Resting) -> Level {
        let size = self.queue(of).map(|other| u64::from(other.size)).sum();
        Level { price: of.price, size, orders: self.queue(of).count() as u32 }
    }
}

fn assert_every_order_waits_where_the_model_says(books: &Books, model: &Model) {
    for &resting in &model.0 {
        let Resting { instrument, reference, side, price, size } = resting;
        let at = books.queue_position(instrument, reference).unwrap_or_else(|| panic!("{resting:?} rests"));
        assert_eq!((at.order.order, at.order.side, at.order.price, at.order.size), (reference, side, price, size));
        assert_eq!((at.orders_ahead, at.size_ahead), model.ahead(resting), "{resting:?} among {:?}", model.0);
        assert_eq!(at.level, model.level(resting), "{resting:?}");
        assert_eq!(at.health, Health::Good);
        assert_eq!(books.queue_position(instrument ^ 1, reference), None, "of another instrument");
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// `leap`s are farther than the window follows: what leaps is a stray.
    Add {
        instrument: u32,
        leap: bool,
        step: u64,
        bid: bool,
        price: i64,
        size: u32,
    },
    Reduce {
        which: prop::sample::Index,
        size: u32,
    },
    Delete {
        which: prop::sample::Index,
    },
    Replace {
        which: prop::sample::Index,
        price: i64,
        size: u32,
    },
    Clear {
        instrument: u32,
    },
}

fn ops() -> impl Strategy<Value = Op> {
    let which = any::<prop::sample::Index>;
    let add = (0..4_u32, prop::bool::weighted(0.02), 1..40_u64, any::<bool>(), 1..4_i64, 1..100_u32);
    prop_oneof![
        12 => add.prop_map(|(instrument, leap, step, bid, price, size)| Op::Add { instrument, leap, step, bid, price, size }),
        3 => (which(), 1..60_u32).prop_map(|(which, size)| Op::Reduce { which, size }),
        5 => which().prop_map(|which| Op::Delete { which }),
        3 => (which(), 1..4_i64, 1..100_u32).prop_map(|(which, price, size)| Op::Replace { which, price, size }),
        1 => (0..4_u32).prop_map(|instrument| Op::Clear { instrument }),
    ]
}

/// Books and model, and the last reference of each instrument: they grow within one, while another's may be far away.
struct Both {
    books: Books,
    model: Model,
    last: [u64; 4],
}

impl Both {
    fn add(&mut self, resting: Resting) {
        let Resting { instrument, reference, side, price, size } = resting;
        self.books.add(instrument, reference, side, price, size).unwrap();
        self.model.0.push(resting);
    }

    fn play(&mut self, op: &Op) {
        let orders = self.model.0.len();
        match *op {
            Op::Add { instrument, leap, step, bid, price, size } if orders < SMALL.orders => {
                // The references of two instruments are one sequence, as a feed's are; the others go their own ways.
                let last = if instrument < 2 { self.last[0].max(self.last[1]) } else { self.last[instrument as usize] };
                // Of one residue each, so that none meets another's.
                let reference = (last + if leap { 5_000 } else { step }) / 4 * 4 + 4 + u64::from(instrument);
                self.last[instrument as usize] = reference;
                let side = if bid { Side::Bid } else { Side::Ask };
                self.add(Resting { instrument, reference, side, price, size });
            }
            Op::Reduce { ref which, size } if orders > 0 => {
                let at = which.index(orders);
                let resting = &mut self.model.0[at];
                let size = size.min(resting.size);
                self.books.reduce(resting.instrument, resting.reference, size).unwrap();
                resting.size -= size;
                if resting.size == 0 {
                    self.model.0.remove(at);
                }
            }
            Op::Delete { ref which } if orders > 0 => {
                let resting = self.model.0.remove(which.index(orders));
                self.books.delete(resting.instrument, resting.reference).unwrap();
                assert_eq!(self.books.queue_position(resting.instrument, resting.reference), None, "it is gone");
            }
            Op::Replace { ref which, price, size } if orders > 0 => {
                let old = self.model.0.remove(which.index(orders));
                self.books.delete(old.instrument, old.reference).unwrap();
                let last = if old.instrument < 2 { self.last[0].max(self.last[1]) } else { self.last[old.instrument as usize] };
                let reference = last / 4 * 4 + 4 + u64::from(old.instrument);
                self.last[old.instrument as usize] = reference;
                self.add(Resting { reference, price, size, ..old });
            }
            Op::Clear { instrument } => {
                self.books.clear(instrument);
                self.model.0.retain(|resting| resting.instrument != instrument);
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn every_order_waits_behind_those_who_came_before_it(ops in prop::collection::vec(ops(), 1..250)) {
        let mut both = Both { books: Books::new(SMALL), model: Model::default(), last: [0, 0, 40_000, 9_000_000] };
        for op in &ops {
            both.play(op);
            assert_every_order_waits_where_the_model_says(&both.books, &both.model);
        }
    }
}

#[test]
fn references_up_to_the_largest_number_are_compared_as_numbers() {
    let mut both = Both { books: Books::new(SMALL), model: Model::default(), last: [0; 4] };
    for nth in 0..50 {
        // The ring goes round the largest number.
        let reference = u64::MAX - 200 + nth * 4;
        both.add(Resting { instrument: 1, reference, side: Side::Ask, price: 7, size: 10 + nth as u32 });
    }
    assert_every_order_waits_where_the_model_says(&both.books, &both.model);
}

#[test]
fn part_of_an_order_executed_leaves_its_place_and_its_replacement_goes_to_the_end() {
    let mut books = Books::new(SMALL);
    for (reference, size) in [(5, 100), (6, 200), (9, 300)] {
        books.add(1, reference, Side::Bid, 1_000, size).unwrap();
    }
    books.reduce(1, 6, 150).unwrap();
    let at = books.queue_position(1, 6).unwrap();
    assert_eq!((at.orders_ahead, at.size_ahead, at.order.size), (1, 100, 50));
    assert_eq!(at.level, Level { price: 1_000, size: 450, orders: 3 });
    books.delete(1, 6).unwrap();
    books.add(1, 12, Side::Bid, 1_000, 50).unwrap();
    let at = books.queue_position(1, 12).unwrap();
    assert_eq!((at.orders_ahead, at.size_ahead), (2, 400));
    assert_eq!(books.queue_position(1, 6), None);
}

#[test]
fn a_position_says_whether_its_book_can_be_believed() {
    let mut books = Books::new(SMALL);
    for reference in 1..4 {
        books.add(1, reference, Side::Bid, 1_000, 100).unwrap();
        books.add(2, reference + 10, Side::Bid, 1_000, 100).unwrap();
    }
    // Messages were lost: order 1 may be gone.
    books.mark_suspect(1);
    let at = books.queue_position(1, 3).unwrap();
    assert_eq!((at.orders_ahead, at.size_ahead, at.health), (2, 200, Health::Suspect(None)));
    assert_eq!(books.queue_position(2, 13).unwrap().health, Health::Good);
    books.delete(2, 99).unwrap_err();
    assert_eq!(books.queue_position(2, 13).unwrap().health, Health::Suspect(Some(Drop::UnknownOrder)));
}

#[test]
fn what_does_not_rest_waits_nowhere() {
    let mut books = Books::new(SMALL);
    books.add(1, 7, Side::Bid, 1_000, 100).unwrap();
    books.set_level(2, Side::Ask, 500, 100).unwrap();
    for (instrument, order) in [(1, 8), (0, 7), (2, 7), (3, 7), (4, 7), (u32::MAX, u64::MAX)] {
        assert_eq!(books.queue_position(instrument, order), None, "{order} of {instrument}");
    }
    books.clear(1);
    assert_eq!(books.queue_position(1, 7), None, "forgotten");
}

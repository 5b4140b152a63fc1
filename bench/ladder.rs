//! What a price level that comes and goes costs in books of 20 to 20,000 levels a side: at the best price, in the middle, and at the far end; and
//! what filling such a book costs from its best price down, or up from its worst.
//!
//! ```sh
//! cargo bench --bench ladder
//! ```
//! Levels lie in order in an array of up to 128 with the best at the end, so what is better than a new level moves: nothing near the best, where
//! nearly all happens. Those that are worse than 128 others lie in chunks (the deepest book of a real day had 2,422 levels a side). Under `cargo test` it runs once, tiny, and checks the books.

mod table;

use std::time::Instant;

use table::{Arguments, Row, Table, Target, best_and_median};
use tickwire::book::{Books, BooksCapacity};
use tickwire::feed::Side;

const TICK: i64 = 10_000_000;

const DEPTHS: [i64; 4] = [20, 250, 2_500, 20_000];
/// How many levels are worse, in a side of so many.
type Place = fn(i64) -> i64;
const PLACES: [(&str, Place); 3] = [("at the best", |depth| depth), ("in the middle", |depth| depth / 2), ("at the far end", |_| 0)];
const FILLS: [(&str, bool); 2] = [("filled up from the worst, each", false), ("filled down from the best, each", true)];
/// What a level costs beside a side of a tenth of the levels: 8 to 12 if it moved what is better than itself.
const GROWTH: Target = Target::AtMost(2.0);

fn main() {
    let arguments = Arguments::take(0, &[]);
    let (rounds, repeats) = if arguments.is_bench { (9, 20_000) } else { (1, 10) };
    let mut table = Table::new("ladder");
    table.of(format!("a level added and removed {repeats} times, ns for both; median of {rounds} rounds"));
    let mut last: Option<(i64, Vec<f64>)> = None;
    for depth in DEPTHS {
        let mut took = [const { Vec::new() }; PLACES.len() + FILLS.len()];
        for round in 0..rounds {
            let (mut books, _) = fill(depth, false);
            let mut order = 1_000_000;
            // Once without looking: the first pass after the filling pays for memory that the others find warm.
            come_and_go(&mut books, depth, &mut order, repeats);
            for nth in 0..PLACES.len() {
                let nth = (nth + round) % PLACES.len();
                took[nth].push(come_and_go(&mut books, PLACES[nth].1(depth), &mut order, repeats));
            }
            assert_eq!(books.price_levels(), depth as u64);
            for (nth, (_, from_best)) in FILLS.into_iter().enumerate() {
                took[PLACES.len() + nth].push(fill(depth, from_best).1);
            }
        }
        let names = PLACES.map(|(name, _)| name).into_iter().chain(FILLS.map(|(name, _)| name));
        let named = |depth: i64, name: &str| format!("{depth} levels, {name}");
        let medians: Vec<f64> = took.iter_mut().map(|took| best_and_median(took).1).collect();
        for (nth, name) in names.enumerate() {
            let row = Row::new(named(depth, name), "ns", medians[nth]);
            table.push(match &last {
                None => row,
                // Small sides grow with their few levels: within the block all that is better moves.
                Some((before, medians)) => {
                    let row = row.clone().beside(named(*before, name), row.value / medians[nth]);
                    if depth < 1_000 { row } else { row.target(GROWTH) }
                }
            });
        }
        last = Some((depth, medians));
    }
    table.finish(&arguments);
}

/// Bids at every second tick, so that there is room between them; ns a level.
fn fill(depth: i64, from_best: bool) -> (Books, f64) {
    let mut books = Books::new(BooksCapacity { instruments: 2, orders: 65_536, levels: 1 << 18 });
    let began = Instant::now();
    for nth in 0..depth {
        let place = if from_best { depth - 1 - nth } else { nth };
        books.add(1, 1 + nth as u64, Side::Bid, price(place), 100).expect("there is room");
    }
    (books, began.elapsed().as_nanos() as f64 / depth as f64)
}

/// A level worse than the one at this place from the worst, there and gone.
fn come_and_go(books: &mut Books, place: i64, order: &mut u64, repeats: u64) -> f64 {
    let began = Instant::now();
    for _ in 0..repeats {
        *order += 1;
        let came = books.add(1, *order, Side::Bid, price(place) - TICK, 100).expect("there is room");
        let gone = books.delete(1, *order).expect("it rests");
        assert_eq!(came.rank, gone.change.rank);
    }
    began.elapsed().as_nanos() as f64 / repeats as f64
}

/// The price of a place, counted from the worst.
fn price(place: i64) -> i64 {
    1_000 * TICK + place * 2 * TICK
}

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

use table::{Arguments, Row, Table, best_and_median};
use tickwire::book::{Books, BooksCapacity};
use tickwire::feed::Side;

const TICK: i64 = 10_000_000;

fn main() {
    let arguments = Arguments::take();
    let (rounds, repeats) = if arguments.is_bench { (9, 20_000) } else { (1, 10) };
    let mut table = Table::new("ladder");
    table.of(format!("a level added and removed {repeats} times, ns for both; median of {rounds} rounds"));
    for depth in [20, 250, 2_500, 20_000] {
        let places = [("best", depth), ("middle", depth / 2), ("far end", 0)];
        let mut took = [const { Vec::new() }; 3];
        let mut filled = [const { Vec::new() }; 2];
        for _ in 0..rounds {
            for (way, took) in filled.iter_mut().enumerate() {
                took.push(fill(depth, way == 1).1);
            }
            let (mut books, _) = fill(depth, false);
            for ((_, place), took) in places.into_iter().zip(&mut took) {
                took.push(come_and_go(&mut books, place, repeats));
            }
            assert_eq!(books.price_levels(), depth as u64);
        }
        let best = best_and_median(&mut took[0]).1;
        let named = |place: &str| format!("{depth} levels, at the {place}");
        for ((place, _), took) in places.into_iter().zip(&mut took) {
            let ns = best_and_median(took).1;
            let row = Row::new(named(place), "ns", ns);
            table.push(if place == "best" { row } else { row.beside(named("best"), ns / best) });
        }
        for (name, took) in ["up from the worst", "down from the best"].into_iter().zip(&mut filled) {
            table.push(Row::new(format!("{depth} levels, filled {name}, each"), "ns", best_and_median(took).1));
        }
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
fn come_and_go(books: &mut Books, place: i64, repeats: u64) -> f64 {
    let began = Instant::now();
    for nth in 0..repeats {
        let order = 1_000_000 + nth;
        let came = books.add(1, order, Side::Bid, price(place) - TICK, 100).expect("there is room");
        let gone = books.delete(1, order).expect("it rests");
        assert_eq!(came.rank, gone.change.rank);
    }
    began.elapsed().as_nanos() as f64 / repeats as f64
}

/// The price of a place, counted from the worst.
fn price(place: i64) -> i64 {
    1_000 * TICK + place * 2 * TICK
}

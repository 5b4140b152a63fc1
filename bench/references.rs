//! What a day's references cost: hundreds of millions given out, a million and a half of them live, most that go young and some that rest all day.
//!
//! ```sh
//! cargo bench --bench references                  # 300 million references
//! cargo bench --bench references -- 1000000000    # that many
//! ```
//! Prints the memory that is resident and how long 35 messages take (a datagram's worth), which is where a store that grows, recycles or
//! rehashes would stall; and what it takes to say where an order waits. Under `cargo test` it runs once, tiny, and checks that every live order is still found.

mod table;

use std::time::Instant;

use hdrhistogram::Histogram;
use table::{Arguments, Row, Table, Target};
use tickwire::book::{Books, BooksCapacity};
use tickwire::feed::Side;

const INSTRUMENTS: u64 = 8_000;
/// As many as rest on a busy day.
const LIVE: usize = 1_650_000;
/// Messages of a full datagram.
const PER_DATAGRAM: u64 = 35;

fn main() {
    let arguments = Arguments::take(1, &[]);
    let (references, live) = if arguments.is_bench { (arguments.number(0).unwrap_or(300_000_000), LIVE) } else { (60_000, 1_000) };
    let capacity = BooksCapacity { instruments: 1 << 16, orders: live + live / 8, levels: 2_000_000 };
    let mut books = Books::new(capacity);
    let resident_at_start = resident_bytes();
    let mut day = Day { random: 88_172_645_463_325_252, reference: 0, resting: Vec::with_capacity(live + 1) };
    let mut took = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).expect("valid bounds");
    let (began, mut messages) = (Instant::now(), 0_u64);
    while day.reference < references {
        let began = Instant::now();
        let from = messages;
        while messages < from + PER_DATAGRAM {
            messages += day.step(&mut books, live);
        }
        took.saturating_record(began.elapsed().as_nanos() as u64);
    }
    let ns = began.elapsed().as_nanos() as u64;
    assert_eq!(books.live_orders(), day.resting.len() as u64);
    assert!(day.resting.iter().all(|&(reference, instrument)| books.order(reference).is_some_and(|order| order.instrument == instrument)));
    println!("{} references, {} live at the end, {messages} messages, {} ns each", day.reference, day.resting.len(), ns / messages.max(1));
    let mut table = Table::new("references");
    table.of(format!("{} references, {} live, {messages} messages", day.reference, day.resting.len()));
    // Of the process, and of an instrument that nothing was ever said of.
    table.push(Row::new("resident at the start", "bytes", resident_at_start as f64));
    table.push(Row::new("resident at the end", "bytes", resident_bytes() as f64).target(Target::AtMost(1.5e9)));
    let without = BooksCapacity { instruments: capacity.instruments - 1, ..capacity };
    table.push(Row::new("an empty book", "bytes", (capacity.bytes() - without.bytes()) as f64).target(Target::AtMost(128.0)));
    let p50 = took.value_at_quantile(0.5) as f64;
    let messages = format!("{PER_DATAGRAM} messages, p50");
    table.push(Row::new(&messages, "ns", p50));
    for (name, quantile) in [("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)] {
        let at = took.value_at_quantile(quantile) as f64;
        let row = Row::new(format!("{PER_DATAGRAM} messages, {name}"), "ns", at).beside(&messages, at / p50.max(1.0));
        table.push(if name == "p99.9" { row.target(Target::AtMost(10.0)) } else { row });
    }
    // Looked up as a tool would: a few, each by itself.
    let newest = day.reference;
    for (name, youngest_of) in [("of the last 4,000 references", 4_000), ("of any age", u64::MAX)] {
        let mut took = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).expect("valid bounds");
        let meant: Vec<_> = day.resting.iter().filter(|(reference, _)| newest - reference < youngest_of).collect();
        for &&(reference, instrument) in meant.iter().step_by(meant.len().div_ceil(200).max(1)) {
            let began = Instant::now();
            let position = books.queue_position(instrument, reference).expect("it rests");
            took.saturating_record(began.elapsed().as_nanos() as u64);
            assert!(position.orders_ahead < position.level.orders);
        }
        table.push(Row::new(format!("queue position of an order {name}, p50"), "ns", took.value_at_quantile(0.5) as f64));
        table.push(Row::new(format!("queue position of an order {name}, max"), "ns", took.max() as f64));
    }
    table.finish(&arguments);
}

struct Day {
    random: u64,
    reference: u64,
    /// The live orders, about by age.
    resting: Vec<(u64, u32)>,
}

impl Day {
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % below
    }

    /// An add, and a delete where enough orders rest; how many messages that were.
    fn step(&mut self, books: &mut Books, live: usize) -> u64 {
        self.reference += 1 + self.draw(4);
        let instrument = 1 + self.draw(INSTRUMENTS) as u32;
        let side = if self.draw(2) == 0 { Side::Bid } else { Side::Ask };
        // Each side's own ten levels, which never cross.
        let depth = self.draw(10) as i64 * 10_000_000;
        let price = 50_000_000_000 + if side == Side::Bid { -depth } else { 10_000_000 + depth };
        books.add(instrument, self.reference, side, price, 100).expect("there is room, and the reference is new");
        self.resting.push((self.reference, instrument));
        if self.resting.len() <= live {
            return 1;
        }
        // Most that goes is among the youngest; the rest is of any age.
        let count = self.resting.len() as u64;
        let at = if self.draw(100) < 85 { count - 1 - self.draw(count.min(4_000)) } else { self.draw(count) };
        let (reference, instrument) = self.resting.swap_remove(at as usize);
        books.delete(instrument, reference).expect("it rests");
        2
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

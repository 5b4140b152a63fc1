//! The ring between two cores, beside a raw cache line that goes to and fro between the same two, in one run.
//!
//! ```sh
//! cargo bench --bench ring                        # a quarter of a minute
//! cargo bench --bench ring -- --json ring.json    # and the table as JSON
//! ```
//! Both threads are pinned, and reader and writer have the ring mapped each for themselves, as two processes would. Virtual cores are near
//! one minute and far the next: every round trip stands between two ping-pongs, and the ratios are what counts. One way there are two
//! figures, because the ring never waits for a reader: what a reader gets of a writer that writes as fast as it can (the rest is lapped, and
//! counted), and how fast both are when the writer does wait for a gated reader, so that everything arrives, as in a queue. Under
//! `cargo test` it runs once, tiny, and checks that every record came back whole.

mod our_ring;
mod room;
mod table;
mod transport;

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use our_ring::{Batches, OneByOne, OurSender, Writer};
use room::Room;
use table::{Arguments, Row, Table, Target, best_and_median};
use tickwire::bench::pingpong::ping_pong_ns;
use tickwire::record::Mbo;
use tickwire::shm::cell::{self, Proven};
use transport::{Ends, OneWay, Sender, one_way, record, round_trip_ns, two_cores};

/// Records in a ring: 64 KiB, at home in the second cache of both cores.
const DEPTH: u64 = 1 << 10;
/// Where nobody reads, the ring stays in the first cache of its one core.
const SMALL_DEPTH: u64 = 1 << 7;

struct Size {
    rounds: usize,
    batches: usize,
    lasts: Duration,
    publishes: u64,
}

const WHOLE: Size = Size { rounds: 9, batches: 500, lasts: Duration::from_millis(100), publishes: 10_000_000 };
const TINY: Size = Size { rounds: 1, batches: 1, lasts: Duration::from_millis(2), publishes: 10_000 };

fn main() {
    let arguments = Arguments::take(0, &[]);
    let size = if arguments.is_bench { WHOLE } else { TINY };
    let dir = Room::make();
    let cores = two_cores();
    if cores[0] == cores[1] {
        println!("one core only: its figures say nothing of two");
    }
    let mut told = Told::default();
    for _ in 0..size.rounds {
        told.take_round(dir.path(), cores, &size);
    }
    println!("56-byte records, cores {} and {}, medians of {} interleaved rounds", cores[0], cores[1], size.rounds);
    told.table().finish(&arguments);
}

/// A figure of each round, by what it is of.
#[derive(Default)]
struct Told {
    ping_pong: Vec<f64>,
    round_trip: Vec<f64>,
    round_trip_ratio: Vec<f64>,
    never_waiting: [Vec<f64>; 2],
    lapped: [Vec<f64>; 2],
    waiting: [Vec<f64>; 2],
    stores: Vec<f64>,
    publish: Vec<f64>,
    publish_to_board: Vec<f64>,
}

impl Told {
    fn take_round(&mut self, dir: &Path, cores: [usize; 2], size: &Size) {
        let before = ping_pong_ns(cores[0], cores[1]);
        let ns = round_trip(dir, cores, size.batches);
        let after = ping_pong_ns(cores[0], cores[1]);
        self.round_trip.push(ns);
        // A ping-pong says nothing where others took the cores.
        if let (Some(before), Some(after)) = (before, after) {
            let around = (before + after) as f64 / 2.0;
            self.ping_pong.push(around);
            self.round_trip_ratio.push(ns / around);
        }
        for (way, run) in [by_one as Way, by_batches].into_iter().enumerate() {
            let went = run(dir, cores, Writer::NeverWaits, size.lasts);
            self.never_waiting[way].push(went.received_m_s());
            self.lapped[way].push(went.lost as f64 * 1e3 / went.ns.max(1) as f64);
            let went = run(dir, cores, Writer::Waits, size.lasts);
            assert_eq!(went.lost, 0, "a gated reader lost records");
            self.waiting[way].push(went.received_m_s());
        }
        self.stores.push(stores_ns(size.publishes));
        self.publish.push(publish_ns(dir, size.publishes, |sender, record| sender.send(record)));
        self.publish_to_board.push(publish_ns(dir, size.publishes, |sender, record| sender.send_to_board_too(record)));
    }

    fn table(&mut self) -> Table {
        let median = |figures: &mut Vec<f64>| best_and_median(figures).1;
        let mut table = Table::new("ring");
        table.push(Row::new("ping-pong", "ns", median(&mut self.ping_pong)));
        table.push(
            Row::new("round trip", "ns", median(&mut self.round_trip))
                .beside("ping-pong", median(&mut self.round_trip_ratio))
                .target(Target::AtMost(1.0)),
        );
        for (way, name) in ["one by one", "batches of 256"].into_iter().enumerate() {
            table.push(Row::new(format!("one way, writer waits for its reader, {name}"), "M/s", median(&mut self.waiting[way])));
            table.push(Row::new(format!("one way, writer never waits, {name}"), "M/s", median(&mut self.never_waiting[way])));
            table.push(Row::new(format!("    lapped meanwhile, {name}"), "M/s", median(&mut self.lapped[way])));
        }
        table.push(Row::new("publish, its nine stores alone", "ns", median(&mut self.stores)));
        table.push(Row::new("publish", "ns", median(&mut self.publish)).target(Target::AtMost(1.5)));
        table.push(Row::new("publish, and to the board", "ns", median(&mut self.publish_to_board)));
        table
    }
}

fn round_trip(dir: &Path, cores: [usize; 2], batches: usize) -> f64 {
    let writer = Writer::NeverWaits;
    let [there, back] = ["there", "back"].map(|name| OurSender::create(dir, name, DEPTH, writer));
    round_trip_ns(
        cores,
        batches,
        || Ends { sender: there, receiver: OneByOne::open(dir, "back", writer) },
        || Ends { sender: back, receiver: OneByOne::open(dir, "there", writer) },
    )
}

type Way = fn(&Path, [usize; 2], Writer, Duration) -> OneWay;

fn by_one(dir: &Path, cores: [usize; 2], writer: Writer, lasts: Duration) -> OneWay {
    let sender = OurSender::create(dir, "ring", DEPTH, writer);
    one_way(cores, lasts, || sender, || OneByOne::open(dir, "ring", writer))
}

fn by_batches(dir: &Path, cores: [usize; 2], writer: Writer, lasts: Duration) -> OneWay {
    let sender = OurSender::create(dir, "ring", DEPTH, writer);
    one_way(cores, lasts, || sender, || Batches::open(dir, "ring", writer))
}

/// Into a small warm ring that nobody reads.
fn publish_ns(dir: &Path, count: u64, send: impl Fn(&mut OurSender, &Mbo)) -> f64 {
    let mut sender = OurSender::create(dir, "alone", SMALL_DEPTH, Writer::NeverWaits);
    let mut publish = |count: u64| {
        let began = Instant::now();
        for number in 1..=count {
            send(&mut sender, &record(number));
            // A datagram's worth.
            if number % 32 == 0 {
                sender.flush();
            }
        }
        sender.flush();
        began.elapsed().as_nanos() as f64 / count as f64
    };
    publish(2 * SMALL_DEPTH);
    publish(count)
}

/// The protocol of a slot in memory of one's own: what no publisher on this machine is quicker than.
fn stores_ns(count: u64) -> f64 {
    let slots: Vec<AtomicU64> = (0..SMALL_DEPTH * 8).map(|_| AtomicU64::new(0)).collect();
    let slots = black_box(slots.as_slice());
    let store = |count: u64| {
        let began = Instant::now();
        for number in 1..=count {
            let at = (number % SMALL_DEPTH * 8) as usize;
            if let Some(slot) = slots.get(at..at + 8) {
                cell::write::<Proven, _>(slot, number, [number; 7].into_iter());
            }
        }
        began.elapsed().as_nanos() as f64 / count as f64
    };
    store(2 * SMALL_DEPTH);
    store(count)
}

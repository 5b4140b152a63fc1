//! Rings and queues between two cores: a round trip beside a ping-pong, and one way beside ours, in interleaved rounds.

use std::path::Path;
use std::time::Duration;

use tickwire::bench::pingpong::ping_pong_ns;

use crate::carriers;
use crate::our_ring::{Batches, OneByOne, OurSender, Writer};
use crate::table::{Row, Table, Target, best_and_median};
use crate::transport::{Ends, OneWay, Receiver, Sender, one_way, round_trip_ns, two_cores};

/// Records that each of them holds.
const DEPTH: usize = 1 << 10;

pub struct Size {
    pub rounds: usize,
    pub batches: usize,
    pub lasts: Duration,
}

/// One of those that are compared.
struct Contender {
    name: &'static str,
    round_trip: Box<dyn Fn([usize; 2], usize) -> f64>,
    one_way: Box<dyn Fn([usize; 2], Duration) -> OneWay>,
}

impl Contender {
    /// `open` makes a new link of that name: what makes its sender, and what makes its receiver.
    fn new<S: Sender, R: Receiver, MS, MR>(name: &'static str, open: impl Fn(&str) -> (MS, MR) + Clone + 'static) -> Self
    where
        MS: FnOnce() -> S + Send,
        MR: FnOnce() -> R + Send,
    {
        let open_once = open.clone();
        let round_trip = move |cores, batches| {
            let ((near_sender, far_receiver), (far_sender, near_receiver)) = (open("there"), open("back"));
            round_trip_ns(
                cores,
                batches,
                || Ends { sender: near_sender(), receiver: near_receiver() },
                || Ends { sender: far_sender(), receiver: far_receiver() },
            )
        };
        let one_way = move |cores, lasts| {
            let (sender, receiver) = open_once("ring");
            one_way(cores, lasts, sender, receiver)
        };
        Self { name, round_trip: Box::new(round_trip), one_way: Box::new(one_way) }
    }
}

const OURS: &str = "tickwire";
const OURS_WAITING: &str = "tickwire, writer waits";
const OURS_WAITING_BATCHES: &str = "tickwire, writer waits, batches";

fn contenders(dir: &Path) -> Vec<Contender> {
    let ours = |writer| {
        let dir = dir.to_owned();
        move |name: &str| {
            let sender = OurSender::create(&dir, name, DEPTH as u64, writer);
            let (dir, name) = (dir.clone(), name.to_owned());
            (|| sender, move || OneByOne::open(&dir, &name, writer))
        }
    };
    let ours_in_batches = |writer| {
        let dir = dir.to_owned();
        move |name: &str| {
            let sender = OurSender::create(&dir, name, DEPTH as u64, writer);
            let (dir, name) = (dir.clone(), name.to_owned());
            (|| sender, move || Batches::open(&dir, &name, writer))
        }
    };
    vec![
        Contender::new(OURS, ours(Writer::NeverWaits)),
        Contender::new("tickwire, batches", ours_in_batches(Writer::NeverWaits)),
        Contender::new(OURS_WAITING, ours(Writer::Waits)),
        Contender::new(OURS_WAITING_BATCHES, ours_in_batches(Writer::Waits)),
        Contender::new("rtrb", |_| carriers::rtrb(DEPTH)),
        Contender::new("rtrb, chunks", |_| carriers::rtrb_in_chunks(DEPTH)),
        Contender::new("crossbeam ArrayQueue", |_| carriers::array_queue(DEPTH)),
        Contender::new("crossbeam channel", |_| carriers::channel(DEPTH)),
        Contender::new("disruptor", |_| carriers::disruptor(DEPTH)),
        Contender::new("iceoryx2", |name| carriers::iceoryx2(name, DEPTH)),
    ]
}

/// What a contender did, round by round.
#[derive(Default)]
struct Told {
    round_trip: Vec<f64>,
    round_trip_ratio: Vec<f64>,
    received: Vec<f64>,
    lost: Vec<f64>,
}

pub fn run(dir: &Path, size: &Size, table: &mut Table) {
    let cores = two_cores();
    let contenders = contenders(dir);
    let mut told: Vec<Told> = contenders.iter().map(|_| Told::default()).collect();
    let mut ping_pongs = Vec::new();
    for _ in 0..size.rounds {
        let mut before = ping_pong_ns(cores[0], cores[1]);
        for (contender, told) in contenders.iter().zip(&mut told) {
            let ns = (contender.round_trip)(cores, size.batches);
            let after = ping_pong_ns(cores[0], cores[1]);
            told.round_trip.push(ns);
            if let (Some(before), Some(after)) = (before, after) {
                let around = (before + after) as f64 / 2.0;
                ping_pongs.push(around);
                told.round_trip_ratio.push(ns / around);
            }
            before = after;
            let went = (contender.one_way)(cores, size.lasts);
            told.received.push(went.received_m_s());
            told.lost.push(went.lost as f64 * 1e3 / went.ns.max(1) as f64);
        }
    }
    println!("56-byte records, cores {} and {}, medians of {} interleaved rounds", cores[0], cores[1], size.rounds);
    let median = |figures: &[f64]| best_and_median(&mut figures.to_vec()).1;
    table.push(Row::new("ping-pong", "ns", median(&ping_pongs)));
    for (contender, told) in contenders.iter().zip(&told) {
        let row = Row::new(format!("round trip, {}", contender.name), "ns", median(&told.round_trip));
        table.push(row.beside("ping-pong", median(&told.round_trip_ratio)));
    }
    for (contender, told) in contenders.iter().zip(&told) {
        table.push(Row::new(format!("one way, {}", contender.name), "M/s", median(&told.received)));
        if told.lost.iter().any(|&lost| lost > 0.0) {
            table.push(Row::new(format!("    lapped meanwhile, {}", contender.name), "M/s", median(&told.lost)));
        }
    }
    let rounds_of = |name: &str| contenders.iter().zip(&told).find(|(contender, _)| contender.name == name).map(|(_, told)| &told.received);
    let of_each = |ours: &str, peer: &str| -> Vec<f64> {
        rounds_of(ours).into_iter().flatten().zip(rounds_of(peer).into_iter().flatten()).map(|(ours, peer)| ours / peer).collect()
    };
    let targets = [
        (OURS_WAITING_BATCHES, "rtrb", Some(Target::AtLeast(4.0))),
        (OURS_WAITING_BATCHES, "iceoryx2", Some(Target::AtLeast(80.0))),
        (OURS_WAITING, "rtrb", None),
        (OURS_WAITING_BATCHES, "rtrb, chunks", None),
    ];
    for (ours, peer, target) in targets {
        let value = rounds_of(ours).map_or(f64::NAN, |rounds| median(rounds));
        let row = Row::new(format!("{ours} to {peer}"), "M/s", value).beside(format!("one way, {peer}"), median(&of_each(ours, peer)));
        table.push(Row { target, ..row });
    }
}

//! What the benchmark itself costs: a lane run in process by the benchmark, beside a bare loop over the same datagrams, in one run.
//!
//! ```sh
//! cargo bench --bench overhead                 # 4 million messages
//! cargo bench --bench overhead -- 20000000     # that many
//! cargo bench --bench overhead -- 20000000 1   # that many, one in each datagram
//! ```
//! Both publish the same records into publications of the same shape, on the same core, with nobody reading; the benchmark samples nothing
//! and stamps nothing. Times of a shared host mean little; the ratio of the best of interleaved rounds means more. Under `cargo test` it
//! runs once, tiny, so that it cannot rot: then it checks that both ways count the same.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use tickwire::bench::bare_loop;
use tickwire::bench::in_process::{InProcess, InProcessConfig};
use tickwire::bench::schedule::Schedule;
use tickwire::bench::workload::{Limit, Workload};
use tickwire::bench::{Control, Pace, Runner};
use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::generate::{CaptureConfig, GenerateConfig, LineSpec};
use tickwire::journal::Journal;
use tickwire::lane::{Sampling, counters};
use tickwire::record::Schema;
use tickwire::shm::{ChannelSpec, PublicationSpec, Publisher, RingSpec};
use tickwire::sys::{affinity, tsc};

const ROUNDS: usize = 7;
/// Messages in a datagram, unless told otherwise: what a busy feed packs into 1,400 bytes.
const PER_DATAGRAM: u16 = 35;
/// 2023-11-15 in New York.
const MIDNIGHT_NS: u64 = 1_700_024_400_000_000_000;
const SCHEMAS: [Schema; 4] = [Schema::Mbo, Schema::Mbp1, Schema::Trades, Schema::Status];
const DEPTH: u64 = 1 << 16;
const INSTRUMENTS: u32 = 1 << 14;
const CAPACITY: BooksCapacity = BooksCapacity { instruments: 1 << 16, orders: 2_000_000, levels: 2_000_000 };

fn main() {
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let asked: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let messages = asked.first().copied().unwrap_or(if is_bench { 4_000_000 } else { 20_000 });
    let per_datagram = asked.get(1).map_or(PER_DATAGRAM, |&count| count.clamp(1, 1_000) as u16);
    let (symbols, rounds) = if is_bench { (8_000, ROUNDS) } else { (100, 1) };
    let workload = Arc::new(workload(messages, symbols, per_datagram));
    let config = InProcessConfig {
        dir: Some(dir()),
        schemas: SCHEMAS.to_vec(),
        depth: Some(DEPTH),
        instruments: INSTRUMENTS,
        capacity: CAPACITY,
        consumer: false,
        sampling: Sampling::default(),
        ..InProcessConfig::new("in process", workload.clone(), Arc::new(Schedule::new(&workload, Pace::Max)))
    };
    let mut runner = InProcess::new(config).expect("a workload that can run");
    let (core, _) = runner.cores();
    let mut told = Vec::new();
    for round in 0..rounds {
        let bare = || std::thread::scope(|scope| scope.spawn(|| bare(&workload, core)).join().expect("no panic"));
        let mut run = || runner.round(&mut Control { stop: &|| false, progress: &mut |_| () }).expect("a round").counts;
        // A B, B A: whoever is second finds the memory otherwise than whoever is first.
        let (bare, counts) = if round % 2 == 0 {
            let bare = bare();
            (bare, run())
        } else {
            let counts = run();
            (bare(), counts)
        };
        assert_eq!((counts.messages, counts.records), (bare.messages, bare.records), "both ways do the same");
        told.push((bare.ns, counts.elapsed_ns));
    }
    let _ = std::fs::remove_dir(dir());
    let best = |of: fn(&(u64, u64)) -> u64| told.iter().map(of).min().unwrap_or(1);
    let mut ratios: Vec<u64> = told.iter().map(|(bare, run)| run * 10_000 / bare.max(&1)).collect();
    ratios.sort_unstable();
    let (bare, run) = (best(|round| round.0), best(|round| round.1));
    println!("{} messages in {} datagrams, {symbols} symbols, {rounds} interleaved rounds", workload.messages(), workload.packets.len());
    for (name, ns) in [("bare loop", bare), ("in process", run)] {
        let hundredths = ns * 100 / workload.messages().max(1);
        println!("{name:<12}{:>6}.{:02} ns a message, best", hundredths / 100, hundredths % 100);
    }
    let shown = |ratio: u64| format!("{}.{:04}", ratio / 10_000, ratio % 10_000);
    println!("ratio of the best {}, median of the rounds' {}", shown(run * 10_000 / bare.max(1)), shown(ratios[ratios.len() / 2]));
}

/// Messages as fast as a datagram fills, so that all but the last are full.
fn workload(messages: u64, symbols: u16, per_datagram: u16) -> Workload {
    let day = GenerateConfig::steady(1, messages, symbols, MIDNIGHT_NS, MIDNIGHT_NS + 34_200_000_000_000, 100);
    let capture = CaptureConfig {
        lines: vec![LineSpec::clean(Ipv4Addr::new(239, 192, 1, 1), 26_400, 0)],
        messages_per_packet: per_datagram,
        coalesce_ns: 1_000_000_000,
        ..CaptureConfig::default()
    };
    Workload::made_up(&day, &capture, Limit::default(), &mut Control { stop: &|| false, progress: &mut |_| () }).expect("a valid day")
}

struct Bare {
    ns: u64,
    messages: u64,
    records: u64,
}

fn bare(workload: &Workload, core: usize) -> Bare {
    let _ = affinity::pin_to(core);
    let mut spec = PublicationSpec::new(dir(), "bare");
    spec.rings = SCHEMAS.map(|schema| RingSpec { schema, depth: DEPTH }).to_vec();
    spec.channels = vec![ChannelSpec { name: "bench".into(), publisher_id: 2 }];
    (spec.instruments, spec.counters) = (INSTRUMENTS, counters::names());
    let mut publisher = Publisher::create(&spec).expect("a publication in the temporary directory");
    let config = ChannelConfig {
        feed: workload.feed,
        index: 0,
        arbiter: ArbiterConfig { lines: 1, ..ArbiterConfig::default() },
        capacity: CAPACITY,
        midnight_ns: workload.midnight_ns,
        bad_ts_recv: false,
    };
    let mut channel = Channel::new(&config, Journal::new(1));
    // Today's, as the benchmark's are.
    let recv_ns = tsc::realtime_ns();
    let began = Instant::now();
    bare_loop::run(workload, &mut channel, &mut publisher, recv_ns);
    let ns = began.elapsed().as_nanos() as u64;
    let records = SCHEMAS.iter().map(|&schema| publisher.records(schema)).sum();
    Bare { ns, messages: channel.arbiter().messages, records }
}

/// A disk behind the mapping would be measured too.
fn dir() -> std::path::PathBuf {
    let shm = std::path::Path::new("/dev/shm");
    let dir = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    dir.join(format!("tickwire-bench-{}", std::process::id()))
}

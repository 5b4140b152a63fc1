//! What the window thread costs the lane: the same datagrams through the same path, with nobody beside it and with bars, VWAP and signals
//! computed on another core, in interleaved rounds of one run.
//!
//! ```sh
//! cargo bench --bench windows               # 500,000 messages a round: a real-time lane is stopped by the kernel after 0.95 s
//! cargo bench --bench windows -- 300000     # that many
//! ```
//! Each datagram's own time is taken, from its arrival to its records' announcement, at a steady rate that the window thread can follow.
//! Under `cargo test` it runs once, tiny, and checks that nothing was lost on the way to the windows.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::journal::Journal;
use tickwire::record::{Schema, Sink};
use tickwire::shm::{ChannelSpec, Publication, PublicationSpec, Publisher, RingSpec};
use tickwire::sys::affinity;
use tickwire::windows::{ComputeConfig, Computing, Counters};

const ROUNDS: usize = 9;
/// Messages in a datagram: what a busy feed packs into 1,400 bytes.
const PER_DATAGRAM: usize = 35;
/// 700,000 messages a second: a busy second of the whole market.
const EVERY: Duration = Duration::from_micros(50);
/// 2023-11-15 in New York.
const MIDNIGHT_NS: u64 = 1_700_024_400_000_000_000;

fn main() {
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let asked = std::env::args().filter_map(|arg| arg.parse().ok()).next();
    let (messages, symbols, rounds) = if is_bench { (asked.unwrap_or(500_000), 8_000, ROUNDS) } else { (20_000, 100, 1) };
    let datagrams = datagrams(messages, symbols);
    let cores = affinity::allowed_cores();
    if let (true, Some(&core)) = (is_bench, cores.first()) {
        let _ = affinity::pin_to(core);
    }
    let mut alone = Vec::new();
    let mut beside = Vec::new();
    let mut told = None;
    for _ in 0..rounds {
        alone.push(round(&datagrams, is_bench, None).0);
        let (percentiles, counters) = round(&datagrams, is_bench, cores.get(1).copied().or(Some(usize::MAX)));
        beside.push(percentiles);
        told = counters;
    }
    println!(
        "{messages} messages, {symbols} symbols, {rounds} interleaved rounds, median of each; ns a datagram of {PER_DATAGRAM} messages"
    );
    for (name, at) in [("p50", 0), ("p99", 1)] {
        let (without, with) = (median(&alone, at), median(&beside, at));
        let ratio = with * 1_000 / without.max(1);
        println!("{name}: without {without}, with the window thread {with}, ratio {}.{:03}", ratio / 1_000, ratio % 1_000);
    }
    let counters = told.expect("a window thread");
    println!("windows: {} trades, {} records lapped", counters.trades, counters.lapped_venue + counters.lapped_book);
    if !is_bench {
        assert!(counters.trades > 0 && counters.lapped_venue + counters.lapped_book == 0, "{counters:?}");
    }
}

fn median(rounds: &[[u64; 2]], at: usize) -> u64 {
    let mut values: Vec<u64> = rounds.iter().map(|round| round[at]).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn datagrams(messages: u64, symbols: u16) -> Vec<Vec<u8>> {
    let mut session = Session::new(&GenerateConfig::whole_day(1, messages, symbols, MIDNIGHT_NS)).expect("a valid configuration");
    let mut datagrams = Vec::new();
    let (mut blocks, mut count, mut sequence) = (Vec::new(), 0_u16, 1_u64);
    while let Some(message) = session.next_message() {
        blocks.extend((message.bytes.len() as u16).to_be_bytes());
        blocks.extend(message.bytes);
        count += 1;
        if usize::from(count) == PER_DATAGRAM {
            let mut datagram = b"BENCH     ".to_vec();
            datagram.extend(sequence.to_be_bytes());
            datagram.extend(count.to_be_bytes());
            datagram.append(&mut blocks);
            sequence += u64::from(std::mem::take(&mut count));
            datagrams.push(datagram);
        }
    }
    datagrams
}

/// p50 and p99 of the datagrams' own times, ns.
fn round(datagrams: &[Vec<u8>], paced: bool, windows_on: Option<usize>) -> ([u64; 2], Option<Counters>) {
    let dir = folder();
    let mut spec = PublicationSpec::new(&dir, "bench");
    let depth = if paced { 1 << 17 } else { 1 << 16 };
    spec.rings =
        [Schema::Mbo, Schema::Mbp1, Schema::Mbp10, Schema::Trades, Schema::Venue].map(|schema| RingSpec { schema, depth }).to_vec();
    spec.channels = vec![ChannelSpec { name: "bench".into(), publisher_id: 2 }];
    spec.instruments = 1 << 14;
    let mut publisher = Publisher::create(&spec).expect("a publication in the temporary directory");
    let computing = windows_on.map(|core| (core, computing(&spec, &dir)));
    let config = ChannelConfig {
        feed: FeedName::NasdaqItch,
        index: 0,
        arbiter: ArbiterConfig::default(),
        capacity: BooksCapacity { instruments: 1 << 16, orders: 2_000_000, levels: 2_000_000 },
        midnight_ns: Some(MIDNIGHT_NS),
        bad_ts_recv: false,
    };
    let mut channel = Channel::new(&config, Journal::new(16));
    let stop = AtomicBool::new(false);
    let (mut times, counters) = std::thread::scope(|scope| {
        let windows = computing.map(|(core, computing)| {
            let stop = &stop;
            scope.spawn(move || {
                let _ = affinity::pin_to(core);
                computing.run(stop, |_| ()).expect("windows to the end").counters
            })
        });
        // In a thread of its own, so that what it is given does not pass on to the window thread.
        let lane = scope.spawn(move || {
            if paced {
                // Where that is refused, whatever else runs on the host is in the figures.
                let _ = affinity::set_fifo(1);
            }
            let mut times = Vec::with_capacity(datagrams.len());
            let mut due = Instant::now();
            for datagram in datagrams {
                due += EVERY;
                while paced && Instant::now() < due {
                    std::hint::spin_loop();
                }
                let began = Instant::now();
                channel.on_datagram(0, MIDNIGHT_NS + 86_400_000_000_000, datagram, &mut publisher);
                publisher.commit();
                times.push(began.elapsed().as_nanos() as u64);
            }
            times
        });
        let times = lane.join().expect("no panic");
        let counters = windows.map(|windows| windows.join().expect("no panic"));
        stop.store(true, Ordering::Relaxed);
        (times, counters)
    });
    let _ = std::fs::remove_dir(&dir);
    times.sort_unstable();
    ([times[times.len() / 2], times[times.len() * 99 / 100]], counters)
}

fn computing(source: &PublicationSpec, dir: &PathBuf) -> Computing {
    let mut spec = PublicationSpec::new(dir, "bench-windows");
    spec.rings = Schema::COMPUTED.map(|schema| RingSpec { schema, depth: 1 << 16 }).to_vec();
    (spec.channels, spec.instruments) = (source.channels.clone(), source.instruments);
    spec.counters = Counters::NAMES.iter().map(|&name| name.to_owned()).collect();
    let remembered_trades = ComputeConfig::REMEMBERED_TRADES;
    let config = ComputeConfig { spec, signal_levels: 5, flow_window_ns: 1_000_000_000, remembered_trades };
    let mut computing = Computing::new(Publication::open(dir, "bench").expect("its source"), &config, false).expect("its publication");
    computing.prepare_epoch().expect("room for another");
    computing
}

/// A disk behind the mapping would be measured too.
fn folder() -> PathBuf {
    let shm = std::path::Path::new("/dev/shm");
    let dir = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    dir.join(format!("tickwire-bench-{}", std::process::id()))
}

//! How late the benchmark's own sender is: each way out of a veth pair that nobody listens on, and nowhere at all, in interleaved rounds.
//!
//! ```sh
//! cargo bench --bench sender                    # 100,000 datagrams a second, 2 s a round
//! cargo bench --bench sender -- 1000000 0.5     # so many a second, so many seconds a round
//! cargo bench --bench sender -- 1000 600 once   # ten minutes, one round
//! cargo bench --bench sender -- 100000 0.5 fifo # as on an idle core, where others work on this one: rounds below 0.95 s, SCHED_FIFO
//! cargo bench --bench sender -- 100000 0.5 core=0 # on that core instead of the last
//! cargo bench --bench sender -- 100000 2 memory # and how long a day of 20 million messages takes to be made up, and how much memory
//! ```
//! A bare loop that reads the clock until each due time and does nothing else shows what the core itself takes away (interrupts, a hypervisor's
//! other guests). Nowhere is what the schedule, waiting and counting cost besides; the difference to it is the kernel's. Frames that nobody takes still go
//! through the receiving end's network stack, on the sender's core. Needs root for the namespace; without, only nowhere is measured. Under
//! `cargo test` it runs once, tiny, and checks that everything went.

#[path = "../tests/kernel/mod.rs"]
mod kernel;

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use kernel::Namespace;
use tickwire::bench::schedule::Schedule;
use tickwire::bench::sender::transport::{self, Nowhere, SOURCE, Transport};
use tickwire::bench::sender::{Sender, SenderConfig, Sent, Via};
use tickwire::bench::workload::{Limit, Workload};
use tickwire::bench::{Control, Lateness, Pace};
use tickwire::generate::{CaptureConfig, GenerateConfig};
use tickwire::sys::affinity;
use tickwire::time::{Clock, ClockKeeper};

/// 2023-11-15 in New York.
const MIDNIGHT_NS: u64 = 1_700_024_400_000_000_000;

fn main() {
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let numbers: Vec<f64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let asked = |word: &str| std::env::args().any(|arg| arg == word);
    let (rate, seconds) =
        if is_bench { (*numbers.first().unwrap_or(&100_000.0), *numbers.get(1).unwrap_or(&2.0)) } else { (20_000.0, 0.05) };
    let rounds = if is_bench && !asked("once") { 7 } else { 1 };
    let fifo = asked("fifo");
    if asked("memory") {
        memory();
    }
    let workload = workload((rate * seconds) as usize);
    let named = std::env::args().find_map(|arg| arg.strip_prefix("core=")?.parse().ok());
    if let Some(core) = named.or(affinity::allowed_cores().last().copied()) {
        affinity::pin_to(core).unwrap_or_else(|why| panic!("core {core}: {why}"));
    }
    // Every way of the kernel's needs the interface: with none there are the loop and nowhere only.
    let made = |namespace: Namespace| {
        let made = namespace.veth(1);
        if made {
            // Whom UDP sockets send from.
            namespace.ip("address add 192.0.2.10/32 dev twa");
        }
        made
    };
    let wired = Namespace::new().map(made).unwrap_or_else(|why| {
        kernel::skip(&why);
        false
    });
    let ways: Vec<Way> = [Way::BareLoop, Way::Nowhere].into_iter().chain(Via::ALL.into_iter().filter(|_| wired).map(Way::Wire)).collect();
    let mut keeper = ClockKeeper::start();
    let mut all: Vec<Vec<Sent>> = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for (way, sents) in ways.iter().zip(&mut all) {
            keeper.keep();
            let (workload, clock) = (&workload, keeper.clock());
            // A thread of its own, because of its scheduling class; the namespace is inherited, the core too.
            let sent = std::thread::scope(|scope| {
                let round = scope.spawn(move || {
                    if fifo && let Err(why) = affinity::set_fifo(10) {
                        println!("no SCHED_FIFO: {why}");
                    }
                    send(workload, Pace::Rate(rate), *way, &clock)
                });
                round.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            sents.push(sent);
            if fifo {
                // What the others are owed.
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
    println!(
        "{} datagrams at {rate}/s, {rounds} interleaved rounds; late from due until the kernel had taken it, µs",
        workload.packets.len()
    );
    println!("{:8} {:>24} {:>24} {:>24} {:>10} {:>8} {:>12}", "way", "p50 (least-median-most)", "p99", "p99.9", "max", "late", "end late");
    for (way, sents) in ways.iter().zip(&all) {
        let late: u64 = sents.iter().filter_map(|sent| sent.kept).map(|kept| kept.late).sum();
        let sent: u64 = sents.iter().map(|sent| sent.sent).sum();
        println!(
            "{:8} {:>24} {:>24} {:>24} {:>10.1} {:>7.3}% {:>9.1} µs",
            way.name(),
            spread(sents, 0.5),
            spread(sents, 0.99),
            spread(sents, 0.999),
            sents.iter().map(|sent| sent.lateness.max()).max().unwrap_or(0) as f64 / 1e3,
            late as f64 * 100.0 / sent as f64,
            sents.iter().map(|sent| sent.end_late_ns).min().unwrap_or(0) as f64 / 1e3,
        );
        assert_eq!(sent, rounds * workload.packets.len() as u64, "all of it goes: {sents:?}");
    }
}

/// Least, median and most of a quantile of some rounds, µs.
fn spread(sents: &[Sent], quantile: f64) -> String {
    let mut values: Vec<f64> = sents.iter().map(|sent| sent.lateness.value_at_quantile(quantile) as f64 / 1e3).collect();
    values.sort_by(f64::total_cmp);
    format!("{:.2} - {:.2} - {:.2}", values[0], values[values.len() / 2], values[values.len() - 1])
}

/// What is measured.
#[derive(Clone, Copy)]
enum Way {
    BareLoop,
    Nowhere,
    Wire(Via),
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::BareLoop => "loop",
            Self::Nowhere => "nowhere",
            Self::Wire(via) => via.name(),
        }
    }
}

/// Reads the clock until each due time: whatever is late here, the core was elsewhere.
fn bare_loop(schedule: &Schedule, datagrams: usize, clock: &Clock, start_ns: u64) -> Sent {
    let mut lateness = Histogram::new_with_max(1 << 40, 3).expect("3 digits, 18 minutes");
    let mut kept = Lateness { sent: datagrams as u64, late: 0, limit_ns: 100_000 };
    let mut last_ns = start_ns;
    for nth in 0..datagrams {
        let due_ns = start_ns + schedule.due_ns(nth).unwrap_or(0);
        while last_ns < due_ns {
            last_ns = clock.now_ns();
        }
        let late_ns = last_ns - due_ns;
        lateness.saturating_record(late_ns.max(1));
        kept.late += u64::from(late_ns > kept.limit_ns);
    }
    let elapsed_ns = last_ns - start_ns;
    let end_late_ns = elapsed_ns.saturating_sub(schedule.end_ns());
    Sent { lateness, kept: Some(kept), sent: kept.sent, refused: 0, first_refusal: None, elapsed_ns, end_late_ns, stopped: false }
}

fn send(workload: &Workload, pace: Pace, way: Way, clock: &Clock) -> Sent {
    let schedule = Schedule::new(workload, pace);
    let transport: Box<dyn Transport> = match way {
        Way::BareLoop => return bare_loop(&schedule, workload.packets.len(), clock, clock.now_ns() + 5_000_000),
        Way::Nowhere => Box::new(Nowhere),
        Way::Wire(via) => {
            let opened = transport::open(workload, "twa", &[via], SOURCE);
            opened.unwrap_or_else(|error| panic!("{error}")).transport
        }
    };
    let mut sender = Sender::new(&schedule, workload.packets.len(), transport, SenderConfig::default());
    sender.run(clock, clock.now_ns() + 5_000_000, &|| false, &AtomicU64::new(0), &mut |_| false).unwrap_or_else(|error| panic!("{error}"))
}

/// So many datagrams of a made-up day, line A alone.
fn workload(datagrams: usize) -> Workload {
    // Messages come in bursts: some seven share a datagram.
    let messages = datagrams as u64 * 8 + 20_000;
    let day = GenerateConfig::steady(1, messages, 100, MIDNIGHT_NS, MIDNIGHT_NS + 34_200_000_000_000, 10_000);
    let mut lines = CaptureConfig::default();
    lines.lines.truncate(1);
    let limit = Limit { datagrams: Some(datagrams as u64), ..Limit::default() };
    let made = Workload::made_up(&day, &lines, limit, &mut Control { stop: &|| false, progress: &mut |_| () });
    let made = made.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(made.packets.len(), datagrams);
    made
}

/// A day of 20 million messages, on one line and on two.
fn memory() {
    for lines in [1, 2] {
        let day = GenerateConfig::whole_day(1, 20_000_000, 8_000, MIDNIGHT_NS);
        let mut capture = CaptureConfig::default();
        capture.lines.truncate(lines);
        let (before, began) = (resident_mib(), Instant::now());
        let made = Workload::made_up(&day, &capture, Limit::default(), &mut Control { stop: &|| false, progress: &mut |_| () });
        let made = made.unwrap_or_else(|error| panic!("{error}"));
        println!(
            "20,000,000 messages on {lines} lines: {} datagrams, payloads {} MiB, packets {} MiB, resident {} MiB more (at most {}), {:.1} s",
            made.packets.len(),
            made.payloads.len() >> 20,
            size_of_val(made.packets.as_slice()) >> 20,
            resident_mib().0 - before.0,
            resident_mib().1 - before.0,
            began.elapsed().as_secs_f64()
        );
    }
}

/// What the process has in memory now, and had at most, MiB.
fn resident_mib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok());
    (kib("VmRSS:").unwrap_or(0) >> 10, kib("VmHWM:").unwrap_or(0) >> 10)
}

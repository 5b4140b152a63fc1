//! Made-up results: the same ones every time, with the shapes that real ones have.

use tickwire::bench::host::{HostCheck, HostFacts};
use tickwire::bench::results::{BenchResult, Variant};
use tickwire::bench::{Counts, Interval, Lateness, Measure, Round};

/// Numbers that look random and are not (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time with a long tail: most near `usual_ns`, one in a thousand ten times as long and more.
    fn time(&mut self, usual_ns: f64) -> u64 {
        let (a, b) = (self.share(), self.share().max(1e-12));
        let body = usual_ns * (0.8 + 0.5 * a * a);
        let tail = usual_ns * 0.02 * (1.0 / b).powf(0.75);
        (body + tail) as u64
    }
}

/// One round: so many sampled datagrams, `slower` times as slow as the fastest way.
pub fn round(seed: u64, samples: u64, slower: f64) -> Round {
    let mut numbers = Numbers(seed);
    let mut round = Round::default();
    let mood = 0.97 + 0.06 * numbers.share();
    for nth in 0..samples {
        let late = numbers.time(260.0);
        let received = numbers.time(900.0 * slower * mood);
        let stages = [
            (Measure::Receive, 120.0),
            (Measure::Arbitrate, 85.0),
            (Measure::Decode, 160.0),
            (Measure::Book, 610.0 * mood),
            (Measure::Publish, 240.0),
        ]
        .map(|(stage, usual)| (stage, numbers.time(usual)));
        let worked: u64 = stages.iter().map(|(_, ns)| ns).sum();
        let seen = numbers.time(190.0);
        let measures = &mut round.measures;
        measures.record(Measure::SenderLateness, late);
        measures.record(Measure::DueToReceived, late + received);
        measures.record(Measure::ReceivedToPublished, worked);
        measures.record(Measure::DueToPublished, late + received + worked);
        measures.record(Measure::DueToSeen, late + received + worked + seen);
        measures.record(Measure::PublishedToSeen, seen);
        // Stages are stamped in one sampled datagram of eight.
        if nth % 8 == 0 {
            stages.iter().for_each(|(stage, ns)| measures.record(*stage, *ns));
            measures.record(Measure::BatchEnd, worked / 8);
            measures.record_n(Measure::DecodeMessage, numbers.time(22.0), 3);
            measures.record_n(Measure::BookMessage, numbers.time(90.0), 3);
            measures.record_n(Measure::PublishMessage, numbers.time(36.0), 3);
        }
    }
    let sent = samples * 4;
    round.counts = Counts {
        elapsed_ns: sent * 10_000 + 1_250_000,
        end_late_ns: 4_800,
        due: sent,
        sent,
        warm_up: sent / 10,
        received: sent,
        messages: sent * 27 / 10,
        records: sent * 54 / 10,
        sampled: samples,
        ..Counts::default()
    };
    round.intervals = intervals(&mut numbers, samples, slower);
    round.intervals_of = Some(Measure::DueToSeen);
    round.warm_up_ns = sent * 1_000;
    round.lateness = Some(Lateness { limit_ns: 50_000, sent, late: sent / 4_000 });
    round.ping_pong_ns = vec![104 + numbers.next() % 6, 104 + numbers.next() % 7];
    round.modes = vec!["AF_XDP zero copy, busy polling".into(), "UMEM on huge pages".into()];
    round.stamp_ns = 11.25;
    round
}

fn intervals(numbers: &mut Numbers, samples: u64, slower: f64) -> Vec<Interval> {
    let length_ns = samples * 4 * 10_000 / 50;
    let interval = |nth: u64| {
        let cold = if nth < 5 { 3.0 - 0.4 * nth as f64 } else { 1.0 };
        let p50_ns = numbers.time(2_400.0 * slower * cold);
        let p99_ns = p50_ns * 2 + numbers.time(900.0);
        Interval {
            start_ns: nth * length_ns,
            length_ns,
            count: samples / 50,
            p50_ns,
            p99_ns,
            max_ns: p99_ns * 2 + numbers.time(9_000.0),
            datagrams: samples * 4 / 50 + numbers.next() % 9,
            received: samples * 4 / 50,
            messages: samples * 10 / 50,
            gaps: 0,
        }
    };
    (0..50).map(interval).collect()
}

/// A variant of so many rounds.
pub fn variant(label: &str, rounds: u64, samples: u64, slower: f64) -> Variant {
    let mut variant = Variant::new(label);
    for nth in 0..rounds {
        variant.add(round(nth * 7 + slower.to_bits(), samples, slower));
    }
    variant
}

/// A benchmark as it should go: two variants, five rounds.
pub fn whole() -> BenchResult {
    let mut udp = variant("udp", 5, 24_000, 1.7);
    udp.modes = vec!["io_uring, multishot".into()];
    BenchResult { variants: vec![variant("xdp", 5, 24_000, 1.0), udp], rounds: 5, datagrams: 96_000, messages: 259_200, ..frame() }
}

/// The same with what can go wrong on the way.
pub fn with_losses() -> BenchResult {
    let mut result = whole();
    let [xdp, udp] = &mut result.variants[..] else { unreachable!("two variants") };
    let mut numbers = Numbers(7);
    (0..17_000).for_each(|_| udp.measures.record(Measure::SenderLateness, 40_000 + numbers.time(30_000.0)));
    udp.lateness = Some(Lateness { limit_ns: 50_000, sent: 480_000, late: 59_520 });
    udp.counts.overrun = 4_118;
    udp.counts.received -= 4_121;
    udp.counts.gaps = 37;
    udp.counts.lost_messages = 11_020;
    udp.counts.dropped_by_reason = vec![("frame_cut".into(), 3), ("old_session".into(), 12)];
    udp.counts.lapped = 1;
    udp.intervals[20].gaps = 30;
    udp.intervals[21].gaps = 7;
    udp.intervals[21].datagrams /= 3;
    udp.rounds[3].ping_pong_ns = vec![106, 219];
    udp.remarks = vec!["io_uring was refused twice, and then allowed".into()];
    xdp.counts.sent -= 4;
    xdp.counts.received -= 4;
    xdp.counts.unmatched = 9;
    xdp.counts.unseen = 9;
    result.checks = checks();
    result.remarks = vec!["the recording ends in a cut frame".into()];
    result
}

/// Only one variant, one round.
pub fn single() -> BenchResult {
    BenchResult { variants: vec![variant("xdp", 1, 6_000, 1.0)], rounds: 1, datagrams: 24_000, messages: 64_800, ..frame() }
}

/// As good as nothing: three samples, in process, as fast as it goes.
pub fn scanty() -> BenchResult {
    let mut round = Round::default();
    for ns in [812, 1_044, 2_950] {
        round.measures.record(Measure::ReceivedToPublished, ns);
    }
    round.counts = Counts { elapsed_ns: 48_000, due: 3, sent: 3, received: 3, messages: 5, sampled: 3, ..Counts::default() };
    let mut variant = Variant::new("lane");
    variant.add(round);
    let pace = "as fast as it goes".into();
    let way = "in process".into();
    let headline = Measure::ReceivedToPublished;
    BenchResult { variants: vec![variant], datagrams: 3, messages: 5, pace, way, headline, ..frame() }
}

/// Stopped in its second round, before the second variant ran again.
pub fn stopped() -> BenchResult {
    let mut result = BenchResult { variants: vec![variant("xdp", 2, 6_000, 1.0), variant("udp", 1, 6_000, 1.7)], rounds: 5, ..frame() };
    result.stopped = true;
    result.variants[0].counts.stopped = true;
    result.variants[0].intervals.truncate(17);
    result.checks = checks();
    result
}

/// What every text of it tries on whoever shows it.
pub fn hostile() -> BenchResult {
    let evil = "</title><script src=//x.example/a.js>alert('1')</script> & \"x\" \u{1b}[2J\u{7}\0\n\r\u{202e}abc";
    let mut result = with_losses();
    for text in [&mut result.command, &mut result.version, &mut result.workload, &mut result.pace, &mut result.way] {
        *text = evil.into();
    }
    let host = &mut result.host;
    for text in [&mut host.cpu, &mut host.kernel, &mut host.numa, &mut host.clock, &mut host.governor, &mut host.isolation, &mut host.cores]
    {
        *text = evil.into();
    }
    for check in &mut result.checks {
        (check.name, check.found, check.why, check.cure) = (evil.into(), evil.into(), evil.into(), evil.into());
    }
    for variant in &mut result.variants {
        variant.label = evil.into();
        variant.modes = vec![evil.into()];
        variant.remarks = vec![evil.into()];
        variant.counts.dropped_by_reason = vec![(evil.into(), 1)];
    }
    result.remarks = vec![evil.into()];
    result
}

/// Everything but the variants.
pub fn frame() -> BenchResult {
    BenchResult {
        command: "tickwire bench nasdaq-2019-12-30.pcap.gz --feed nasdaq-itch --on veth0:veth1 --against udp --rounds 5".into(),
        version: "0.1.0".into(),
        began_ns: 1_795_181_345_000_000_000,
        workload: "nasdaq-2019-12-30.pcap.gz".into(),
        datagrams: 0,
        messages: 0,
        pace: "100000 datagrams a second".into(),
        way: "on the wire, veth0 to veth1".into(),
        settings: "mbo, mbp-1; rings of 262144 slots; warm-up 96 ms; one datagram in 4 followed, one in 32 stamped".into(),
        rounds: 1,
        headline: Measure::DueToSeen,
        host: HostFacts {
            cpu: "AMD EPYC 9354, 2 cores".into(),
            kernel: "Linux 6.18.0".into(),
            numa: "1 node".into(),
            clock: "tsc".into(),
            governor: "performance".into(),
            isolation: "core 1".into(),
            cores: "sender 0, lane 1, consumer 0".into(),
        },
        checks: checks().into_iter().filter(|check| check.good == Some(true)).collect(),
        variants: Vec::new(),
        stopped: false,
        remarks: Vec::new(),
    }
}

fn checks() -> Vec<HostCheck> {
    let check = |name: &str, found: &str, good, why: &str, cure: &str| HostCheck {
        name: name.into(),
        found: found.into(),
        good,
        why: why.into(),
        cure: cure.into(),
    };
    vec![
        check("clock source", "tsc", Some(true), "Other clocks cost a system call.", ""),
        check("turbo", "off", Some(true), "A clock that changes makes rounds differ.", ""),
        check(
            "frequency governor",
            "powersave on cores 0 and 1",
            Some(false),
            "The first datagrams after a pause meet a core that has slowed down, and every percentile with them.",
            "cpupower frequency-set --governor performance",
        ),
        check(
            "cores apart",
            "lane and consumer share a core",
            Some(false),
            "What runs there takes turns: its latency is the scheduler's.",
            "tickwire bench … --lane-core 2 --consumer-core 3",
        ),
        check("hypervisor's steal time", "", None, "A host that takes the processor away is seen in the tail alone.", ""),
    ]
}

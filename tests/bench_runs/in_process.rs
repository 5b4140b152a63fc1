//! The benchmark in process: the lane that runs live, on datagrams from memory; and that nothing it should show can hide.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tickwire::bench::in_process::{InProcess, InProcessConfig};
use tickwire::bench::results::{Variant, lost};
use tickwire::bench::schedule::Schedule;
use tickwire::bench::sender::Stall;
use tickwire::bench::workload::Workload;
use tickwire::bench::{Control, Interval, Measure, Pace, Progress, Round, Runner};
use tickwire::feed::name::FeedName;
use tickwire::lane::Sampling;
use tickwire::lane::stages::Injected;
use tickwire::record::{Schema, Stage};
use tickwire::replay::Summary;
use tickwire::sys::affinity;

use super::recordings::{CAPACITY, capture, line, one_session, recorded, replayed, restarted_tops, session, three_sessions, two_channels};
use super::rig::alone;

const SCHEMAS: [Schema; 4] = [Schema::Mbo, Schema::Mbp1, Schema::Trades, Schema::Status];

/// In memory, or a disk would be measured.
fn room() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("tickwire-test-").tempdir_in("/dev/shm");
    dir.or_else(|_| tempfile::tempdir()).unwrap()
}

// ── how ──

fn config(workload: &Arc<Workload>, pace: Pace, room: &tempfile::TempDir) -> InProcessConfig {
    InProcessConfig {
        dir: Some(room.path().to_owned()),
        depth: Some(1 << 14),
        instruments: 1 << 10,
        capacity: CAPACITY,
        sampling: Sampling { latency_every: 1, stages_every: 0, injected: None },
        ..InProcessConfig::new("test", workload.clone(), Arc::new(Schedule::new(workload, pace)))
    }
}

fn round(config: InProcessConfig) -> Round {
    round_until(config, |_| false)
}

/// Stops when `stop` says so of how far it is.
fn round_until(config: InProcessConfig, stop: impl Fn(Progress) -> bool) -> Round {
    let _alone = alone();
    let told = std::cell::Cell::new(Progress::default());
    let mut runner = InProcess::new(config).unwrap();
    runner.round(&mut Control { stop: &|| stop(told.get()), progress: &mut |progress| told.set(progress) }).unwrap()
}

fn count(round: &Round, measure: Measure) -> u64 {
    round.measures.get(measure).len()
}

/// How many values are at least `ns`, within the histogram's resolution.
fn at_least(round: &Round, measure: Measure, ns: u64) -> u64 {
    round.measures.get(measure).count_between(ns, u64::MAX)
}

fn sum(intervals: &[Interval], of: impl Fn(&Interval) -> u64) -> u64 {
    intervals.iter().map(of).sum()
}

/// Whether there is a core for somebody who reads.
fn is_read() -> bool {
    affinity::allowed_cores().len() > 1
}

// ── what is counted ──

#[test]
fn channels_lines_and_losses_count_as_in_a_replay_of_the_same_datagrams() {
    let file = two_channels(8_000);
    let workload = recorded(&file.path, FeedName::NasdaqItch);
    assert_eq!((workload.channels.as_slice(), workload.packets.len()), (&[0, 0, 1][..], 800 * 3 - 16));
    let summaries = [&[1, 2][..], &[3]].map(|ports| replayed(&file.path, FeedName::NasdaqItch, ports));
    let expected = |of: fn(&Summary) -> u64| summaries.iter().map(of).sum::<u64>();
    for pace in [Pace::Max, Pace::Rate(50_000.0), Pace::Recorded(0.5)] {
        let room = room();
        let counts = round(config(&workload, pace, &room)).counts;
        assert_eq!((counts.sent, counts.due, counts.received), (counts.due, 800 * 3 - 16, counts.sent), "{pace}");
        assert_eq!(counts.messages, expected(|summary| summary.messages), "{pace}");
        assert_eq!((counts.gaps, counts.lost_messages), (expected(|summary| summary.gaps), expected(|summary| summary.lost_messages)));
        assert_eq!(counts.gaps, 16, "{pace}");
        let records = expected(|summary| SCHEMAS.iter().map(|schema| summary.records_by_schema[schema.name()]).sum());
        assert_eq!(counts.records, records, "{pace}");
        // The replay of one channel sees the frames of the other.
        let dropped = expected(|it| it.dropped_by_reason.iter().filter(|(name, _)| **name != "unknown_line").map(|(_, n)| n).sum());
        assert_eq!(counts.dropped_by_reason.iter().map(|(_, count)| count).sum::<u64>(), dropped);
        assert!(!counts.stopped && counts.elapsed_ns > 0);
    }
}

#[test]
fn new_sessions_are_replayed_as_they_are_and_no_sample_is_joined_with_another_sessions() {
    let file = three_sessions(3_000);
    let workload = recorded(&file.path, FeedName::NasdaqItch);
    let summary = replayed(&file.path, FeedName::NasdaqItch, &[1]);
    let room = room();
    let round = round(config(&workload, Pace::Recorded(1.0), &room));
    let counts = &round.counts;
    assert_eq!((counts.messages, counts.gaps), (summary.messages, summary.gaps));
    assert_eq!(counts.messages, 9_000);
    let records: u64 = SCHEMAS.iter().map(|schema| summary.records_by_schema[schema.name()]).sum();
    assert_eq!(counts.records, records);
    if is_read() {
        assert!(counts.sampled + 2 * 64 >= counts.sent, "all but those of the batches in which a file was replaced: {counts:?}");
        // Joined with an earlier session's, a datagram would be a third of the run late.
        let third_ns = 300 * 200_000;
        assert!(round.measures.get(Measure::DueToReceived).value_at_quantile(0.5) < third_ns);
        assert!(round.measures.get(Measure::DueToSeen).value_at_quantile(0.5) < third_ns);
        // And joined with a later one's it would have been seen before it was due.
        assert_eq!(at_least(&round, Measure::DueToSeen, 10), count(&round, Measure::DueToSeen));
    }
}

#[test]
fn a_restart_of_the_publisher_counts_as_in_a_replay() {
    let file = restarted_tops();
    let summary = replayed(&file.path, FeedName::IexTops, &[1]);
    assert_eq!((summary.restarts, summary.messages), (1, 1_000), "{summary:?}");
    let workload = recorded(&file.path, FeedName::IexTops);
    for pace in [Pace::Max, Pace::Recorded(4.0)] {
        let room = room();
        let counts = round(config(&workload, pace, &room)).counts;
        assert_eq!((counts.messages, counts.gaps, counts.lost_messages), (1_000, summary.gaps, summary.lost_messages), "{pace}");
    }
}

// ── what is measured ──

#[test]
fn every_datagram_is_measured_from_when_it_was_due() {
    let workload = one_session(20_000);
    let total = workload.packets.len() as u64;
    let room = room();
    let round = round(config(&workload, Pace::Rate(20_000.0), &room));
    assert_eq!((count(&round, Measure::DueToReceived), count(&round, Measure::DueToPublished)), (total, total));
    assert_eq!(count(&round, Measure::ReceivedToPublished), total);
    assert_eq!(count(&round, Measure::SenderLateness), 0, "nobody sends");
    let lateness = round.lateness.unwrap();
    assert_eq!((lateness.sent, lateness.limit_ns), (total, 1_000_000));
    assert_eq!(lateness.late, at_least(&round, Measure::DueToReceived, 1_000_001).min(total), "{lateness:?}");
    assert!((100..=200).contains(&round.intervals.len()));
    assert_eq!((sum(&round.intervals, |it| it.datagrams), sum(&round.intervals, |it| it.messages)), (total, 20_000));
    assert!(round.counts.elapsed_ns >= (total - 1) * 50_000, "the last one was due then");
    if is_read() {
        let counts = &round.counts;
        // A few at the beginning have nothing to tell in the first ring.
        assert!((total - 20..=total).contains(&counts.sampled), "{counts:?}");
        assert_eq!(count(&round, Measure::DueToSeen) + counts.unmatched, counts.sampled);
        assert!(counts.unmatched == 0 || counts.lapped > 0, "{counts:?}");
        assert_eq!(sum(&round.intervals, |it| it.count), count(&round, Measure::DueToSeen));
    }
}

#[test]
fn warm_up_is_in_no_histogram_and_counted() {
    let workload = one_session(10_000);
    let total = workload.packets.len() as u64;
    let room = room();
    let warm_up_ns = 300 * 100_000;
    let sampling = Sampling { latency_every: 1, stages_every: 1, injected: None };
    let round = round(InProcessConfig { warm_up_ns, sampling, ..config(&workload, Pace::Rate(10_000.0), &room) });
    assert_eq!((round.counts.warm_up, round.counts.sent), (300, total));
    for measure in [Measure::DueToReceived, Measure::DueToPublished, Measure::ReceivedToPublished, Measure::Receive, Measure::Arbitrate] {
        assert_eq!(count(&round, measure), total - 300, "{}", measure.name());
    }
    assert_eq!(sum(&round.intervals, |it| it.datagrams), total);
    if is_read() && round.counts.lapped == 0 {
        assert_eq!(count(&round, Measure::DueToSeen), total - 300);
        assert_eq!(sum(&round.intervals, |it| it.count), round.counts.sampled);
    }
}

#[test]
fn a_consumer_that_is_too_slow_is_told_of_and_what_it_missed_is_not_guessed() {
    if !is_read() {
        return;
    }
    let workload = one_session(20_000);
    let room = room();
    let slow = InProcessConfig { seen_delay_ns: 20_000_000, depth: Some(1 << 9), ..config(&workload, Pace::Rate(10_000.0), &room) };
    let round = round(slow);
    let counts = &round.counts;
    assert!(counts.lapped > 0 && counts.unmatched > 0, "{counts:?}");
    assert!(count(&round, Measure::DueToSeen) < counts.sent && count(&round, Measure::DueToSeen) + counts.unmatched <= counts.sent);
    assert_eq!(count(&round, Measure::DueToPublished), counts.sent, "the lane waits for nobody");
    assert_eq!(counts.messages, 20_000);
    assert!(counts.unseen > 0 && counts.unfollowed == 0, "and its times are of all: {counts:?}");
    let mut variant = Variant::new("slow");
    variant.add(round);
    assert!(lost::is_spoilt(&variant, Measure::DueToSeen) && !lost::is_spoilt(&variant, Measure::DueToPublished), "{:?}", variant.counts);
}

#[test]
fn what_the_stages_leave_is_the_wait_for_the_rest_of_the_batch() {
    if !is_read() {
        return;
    }
    const DELAY_NS: u64 = 100_000;
    let workload = one_session(4_000);
    let room = room();
    // All are stamped, and the time from received to published is of all: so parts and whole are of the same datagrams.
    let delayed = Injected(Stage::ALL.map(|stage| if stage == Stage::Book { DELAY_NS } else { 0 }));
    let sampling = Sampling { latency_every: 1, stages_every: 1, injected: Some(delayed) };
    let round =
        round(InProcessConfig { sampling, ..config(&workload, Pace::Bursts { datagrams: 8, every: Duration::from_millis(20) }, &room) });
    let mean = |measure: Measure| round.measures.get(measure).mean();
    let (whole, parts): (f64, f64) = (mean(Measure::ReceivedToPublished), Measure::PARTS.into_iter().map(mean).sum());
    assert!((whole / parts - 1.0).abs() < 0.05, "the parts come to {parts} ns of {whole}");
    // Of eight that came at once the first waits for seven others, the last for none; receive is the other way round.
    let half = 3.5 * DELAY_NS as f64;
    for measure in [Measure::Receive, Measure::BatchEnd] {
        assert!(mean(measure) > half / 2.0, "{}: {} ns", measure.name(), mean(measure));
    }
    let received: u64 = sum(&round.intervals, |interval| interval.received);
    assert!(received <= round.counts.received && received + 16 >= round.counts.received, "each was received in some interval: {received}");
}

#[test]
fn at_the_greatest_pace_there_is_throughput_and_nothing_is_due() {
    let workload = one_session(20_000);
    let total = workload.packets.len() as u64;
    let room = room();
    let sampling = Sampling { latency_every: 0, stages_every: 4, injected: None };
    let round = round(InProcessConfig { sampling, warm_up_ns: 1_000_000, ..config(&workload, Pace::Max, &room) });
    for measure in [Measure::DueToReceived, Measure::DueToPublished, Measure::DueToSeen, Measure::SenderLateness] {
        assert_eq!(count(&round, measure), 0, "{}", measure.name());
    }
    assert_eq!((count(&round, Measure::ReceivedToPublished), round.counts.warm_up, round.lateness), (total, 0, None));
    assert!((total / 8..total / 2).contains(&count(&round, Measure::Arbitrate)));
    assert_eq!(
        (count(&round, Measure::Decode), count(&round, Measure::Arbitrate)),
        (count(&round, Measure::Book), count(&round, Measure::Receive))
    );
    assert_eq!(count(&round, Measure::DecodeMessage), 10 * count(&round, Measure::Decode), "ten messages in each datagram");
    assert_eq!(sum(&round.intervals, |it| it.datagrams), total);
    assert_eq!(sum(&round.intervals, |it| it.count), total, "the headline is of every datagram");
    assert!(round.counts.elapsed_ns > 0 && round.stamp_ns > 0.0);
}

#[test]
fn a_delay_in_a_stage_is_in_that_stages_histogram_and_in_no_other() {
    const DELAY_NS: u64 = 400_000;
    let workload = one_session(1_000);
    let injected = |stage: Option<Stage>| Injected(Stage::ALL.map(|of| if Some(of) == stage { DELAY_NS } else { 0 }));
    for delayed in Stage::ALL.map(Some).into_iter().chain([None]) {
        let room = room();
        let round = round(InProcessConfig {
            sampling: Sampling { latency_every: 1, stages_every: 1, injected: Some(injected(delayed)) },
            // Without one of the lane's stages it is the consumer's.
            seen_delay_ns: if delayed.is_none() { DELAY_NS } else { 0 },
            ..config(&workload, Pace::Rate(400.0), &room)
        });
        let name = delayed.map_or("seen", Stage::name);
        // A delay that every datagram has is in the least of all values. What a busy machine adds is in the greatest.
        let least = |measure: Measure| round.measures.get(measure).value_at_quantile(0.05);
        for (measure, stage) in Measure::STAGES.into_iter().zip(Stage::ALL) {
            assert_eq!(count(&round, measure), 100, "{}", measure.name());
            let ns = least(measure);
            assert_eq!(ns >= DELAY_NS * 99 / 100, delayed == Some(stage), "{} is {ns} ns with a delay in {name}", measure.name());
            let most = if delayed == Some(stage) { DELAY_NS * 17 / 10 } else { DELAY_NS / 2 };
            assert!(ns < most, "{} is {ns} ns with a delay in {name}", measure.name());
        }
        if is_read() {
            let (seen, whole) = (least(Measure::PublishedToSeen), least(Measure::DueToSeen));
            // Records can be read before their batch is published whole: the delay begins some microseconds before that stamp.
            assert_eq!(seen >= DELAY_NS * 95 / 100, delayed.is_none(), "{seen} ns with a delay in {name}");
            // Once, not once for each half of a batch.
            let quarter = round.measures.get(Measure::PublishedToSeen).value_at_quantile(0.25);
            assert!(quarter < DELAY_NS * 17 / 10, "{quarter} ns with a delay in {name}");
            assert!(whole >= DELAY_NS * 99 / 100, "{whole} ns with a delay in {name}");
        }
        let published = least(Measure::DueToPublished);
        assert_eq!(published >= DELAY_NS * 99 / 100, delayed.is_some(), "{published} ns with a delay in {name}");
    }
}

#[test]
fn a_stall_is_not_hidden_all_that_was_due_in_it_is_late() {
    let workload = one_session(30_000);
    let room = room();
    // Ten a millisecond; 500 of 3000 are due in the stall.
    let stall = Some(Stall { after_datagrams: 1_000, for_: Duration::from_millis(50) });
    let round = round(InProcessConfig { stall, ..config(&workload, Pace::Rate(10_000.0), &room) });
    for measure in [Measure::DueToReceived, Measure::DueToPublished] {
        for (ms, datagrams) in [(5, 450), (25, 250), (45, 50)] {
            let late = at_least(&round, measure, ms * 1_000_000);
            assert!(late >= datagrams, "{late} of {}, not {datagrams}, were {ms} ms late", measure.name());
        }
    }
    assert!(round.lateness.is_some_and(|lateness| lateness.late >= 490 && lateness.fell_behind()));
    assert!(round.intervals.iter().any(|interval| interval.max_ns >= 45_000_000), "the interval in which it stalled shows it");
    if is_read() && round.counts.lapped == 0 {
        assert!(at_least(&round, Measure::DueToSeen, 25_000_000) >= 250);
    }
}

#[test]
fn copies_publish_nothing_and_are_in_no_percentile_of_publishing() {
    let file = two_channels(8_000);
    let workload = recorded(&file.path, FeedName::NasdaqItch);
    // 800 datagrams of one channel, each on two lines, and 784 of the other.
    for pace in [Pace::Rate(20_000.0), Pace::Max] {
        let room = room();
        let round = round(config(&workload, pace, &room));
        assert_eq!(count(&round, Measure::ReceivedToPublished), 800 + 784, "{pace}");
        if pace != Pace::Max {
            assert_eq!((count(&round, Measure::DueToReceived), count(&round, Measure::DueToPublished)), (1_584, 1_584));
            assert_eq!(round.lateness.unwrap().sent, 2 * 800 + 784, "any datagram may be late");
        }
        assert_eq!(
            (round.counts.distinct_messages, round.counts.untold()),
            (16_000 - 160, 0),
            "{pace}: what is in no datagram is lost, and counted so"
        );
    }
}

#[test]
fn messages_that_come_too_late_to_be_told_are_missed() {
    let session = session(b"SESSION001", 1, 2_000);
    let datagrams: Vec<_> = session.iter().rev().map(|payload| (1_u16, &payload[..])).collect();
    let workload = recorded(&capture(&datagrams, 1_000).path, FeedName::NasdaqItch);
    let room = room();
    let counts = round(config(&workload, Pace::Rate(20_000.0), &room)).counts;
    assert_eq!(counts.distinct_messages, 2_000);
    assert!(
        counts.messages < 200 && counts.untold() == 2_000 - counts.messages - counts.lost_messages && counts.untold() > 0,
        "{counts:?}"
    );
}

// ── how it ends ──

#[test]
fn a_round_that_is_stopped_gives_what_it_has() {
    let workload = one_session(20_000);
    let total = workload.packets.len() as u64;
    let room = room();
    // Five seconds, if nobody stopped it.
    let round = round_until(config(&workload, Pace::Rate(400.0), &room), |progress| progress.done >= 100);
    let counts = &round.counts;
    assert!(counts.stopped && counts.due == total && (100..total).contains(&counts.sent), "{counts:?}");
    assert_eq!(count(&round, Measure::DueToPublished), counts.sent);
    assert_eq!((counts.received, counts.messages), (counts.sent, counts.sent * 10));
    assert_eq!(sum(&round.intervals, |it| it.datagrams), counts.sent);
    assert!(round.intervals.last().is_some_and(|last| last.start_ns <= counts.elapsed_ns), "no interval is of what did not happen");
    assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn the_time_until_the_stop_counts_also_when_nothing_was_due() {
    let workload = one_session(1_000);
    let room = room();
    let first = std::cell::OnceCell::new();
    let half_a_second_after_the_first =
        |progress: Progress| progress.done >= 1 && first.get_or_init(std::time::Instant::now).elapsed() > Duration::from_millis(500);
    // The first at once, the second after an hour.
    let counts = round_until(config(&workload, Pace::Rate(1.0 / 3_600.0), &room), half_a_second_after_the_first).counts;
    assert!(counts.stopped && counts.sent == 1, "{counts:?}");
    assert!(counts.elapsed_ns > 100_000_000 && counts.per_s(counts.sent) < 10.0, "{counts:?}");
}

#[test]
fn a_round_that_is_stopped_in_its_warm_up_gives_no_latency() {
    let workload = one_session(20_000);
    let room = room();
    let warm_up_ns = u64::MAX;
    let config = InProcessConfig { warm_up_ns, ..config(&workload, Pace::Rate(400.0), &room) };
    let round = round_until(config, |progress| progress.done >= 100);
    assert!(round.counts.stopped && round.counts.warm_up == round.counts.sent && round.counts.sent >= 100);
    assert!(Measure::ALL.iter().all(|&measure| count(&round, measure) == 0));
}

#[test]
fn rounds_can_be_repeated_and_leave_nothing_behind() {
    let _alone = alone();
    let workload = one_session(1_000);
    let mine = || {
        let ours = |name: &str| name.starts_with(&format!("tickwire-bench-{}-", std::process::id()));
        let entries = std::fs::read_dir("/dev/shm").map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
        entries.iter().filter(|entry| ours(&entry.file_name().to_string_lossy())).count()
    };
    let room = room();
    let mut runner = InProcess::new(InProcessConfig { dir: None, ..config(&workload, Pace::Rate(1_000.0), &room) }).unwrap();
    let mut messages = Vec::new();
    let mut there = 0;
    for _ in 0..3 {
        let round = runner.round(&mut Control { stop: &|| false, progress: &mut |_| there = there.max(mine()) }).unwrap();
        messages.push(round.counts.messages);
    }
    assert_eq!((messages, there, mine()), (vec![1_000; 3], 1, 0));
}

/// What the next test kills; by itself it does nothing.
#[test]
fn a_benchmark_for_another_test_to_kill() {
    if std::env::var_os("TICKWIRE_TEST_BENCH_TO_KILL").is_some() {
        // Where the other test removes it.
        let room = tempfile::tempdir().unwrap();
        let workload = one_session(1_000);
        // Twenty minutes.
        round(InProcessConfig { dir: None, ..config(&workload, Pace::Rate(0.1), &room) });
    }
}

#[test]
fn a_killed_benchmark_leaves_nothing_in_memory() {
    let room = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "in_process::a_benchmark_for_another_test_to_kill"])
        .env("TICKWIRE_TEST_BENCH_TO_KILL", "1")
        // What it cannot remove any more is in here.
        .env("TMPDIR", room.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let left = Path::new("/dev/shm").join(format!("tickwire-bench-{}-0", child.id()));
    let mut looks = 0;
    while !left.join("bench").exists() && child.try_wait().unwrap().is_none() && looks < 3_000 {
        looks += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(left.join("bench").exists(), "it never came so far");
    child.kill().unwrap();
    child.wait().unwrap();
    // Somebody who outlives it removes it, when he gets to it.
    let mut looks = 0;
    while left.exists() && looks < 1_500 {
        looks += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!left.exists());
}

#[test]
fn without_a_consumer_the_headline_is_publishing() {
    let workload = one_session(2_000);
    let room = room();
    let round = round(InProcessConfig { consumer: false, ..config(&workload, Pace::Rate(20_000.0), &room) });
    assert_eq!((count(&round, Measure::DueToSeen), round.counts.sampled), (0, 0));
    assert_eq!(sum(&round.intervals, |it| it.count), count(&round, Measure::DueToPublished));
}

#[test]
fn what_cannot_run_is_refused_with_one_sentence() {
    let workload = one_session(1_000);
    let room = room();
    let refused = |config: InProcessConfig| InProcess::new(config).map(|_| ()).unwrap_err().to_string();
    let good = || config(&workload, Pace::Max, &room);
    assert!(
        refused(InProcessConfig { lane_core: Some(9_999), ..good() })
            .starts_with("core 9999 for the lane: this process may not use it; use one of ")
    );
    assert!(refused(InProcessConfig { consumer_core: Some(9_999), ..good() }).contains("for the consumer"));
    assert!(refused(InProcessConfig { lane_core: Some(0), consumer_core: Some(0), ..good() }).contains("starve each other"));
    let schemas = vec![Schema::Ohlcv1S];
    assert!(
        refused(InProcessConfig { schemas, ..good() }).starts_with("schema ohlcv-1s: nasdaq-itch tells nothing in it; use some of mbo")
    );
    let lines = Workload { channels: vec![0; 5], lines: (0..5).map(line).collect(), ..copy(&workload) };
    let five = InProcessConfig::new("test", Arc::new(lines), Arc::new(Schedule::default()));
    assert!(refused(five).contains("channel 0 has 5 lines, and a channel takes at most 4"));
    let none = InProcessConfig::new("test", Arc::new(Workload { packets: Vec::new(), ..copy(&workload) }), Arc::new(Schedule::default()));
    assert!(refused(none).contains("there is no datagram in it"));
}

fn copy(workload: &Workload) -> Workload {
    Workload {
        what: workload.what.clone(),
        feed: workload.feed,
        midnight_ns: workload.midnight_ns,
        lines: workload.lines.clone(),
        channels: workload.channels.clone(),
        packets: workload.packets.clone(),
        payloads: workload.payloads.clone(),
        remarks: Vec::new(),
    }
}

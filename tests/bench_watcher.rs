//! The benchmark's consumer, against publications that the test writes itself: what was due when, what was seen when, what cannot be known.
#![cfg(feature = "service")]

use std::path::Path;
use std::sync::Arc;

use tickwire::bench::due::{DueHints, Dues};
use tickwire::bench::schedule::Schedule;
use tickwire::bench::watcher::{Watched, Watcher, WatcherConfig};
use tickwire::bench::workload::{Packet, Workload};
use tickwire::bench::{Measure, Pace};
use tickwire::feed::name::FeedName;
use tickwire::record::{Control, Header, Latency, Mbo, Schema, Sink, control};
use tickwire::shm::{ChannelSpec, Publication, PublicationSpec, Publisher, RingSpec};
use tickwire::source::lines::LineKey;
use tickwire::time::Clock;
use zerocopy::FromZeros;

const SECOND_NS: u64 = 1_000_000_000;

/// Datagrams as (line, sequence, messages, recorded ns, payload), of lines that belong to these channels.
fn workload(channels: &[u16], packets: &[(u16, u64, u16, u64, &[u8])]) -> Arc<Workload> {
    let mut payloads = Vec::new();
    let packet = |&(line, sequence, messages, recorded_ns, payload): &(u16, u64, u16, u64, &[u8])| {
        let offset = payloads.len() as u64;
        payloads.extend(payload);
        Packet { recorded_ns, sequence, offset, length: payload.len() as u16, messages, line }
    };
    let packets = packets.iter().map(packet).collect();
    let line = |port| LineKey { group: [233, 54, 12, 1].into(), port };
    Arc::new(Workload {
        what: "a test's".into(),
        feed: FeedName::NasdaqItch,
        midnight_ns: None,
        lines: (0..channels.len() as u16).map(line).collect(),
        channels: channels.to_vec(),
        packets,
        payloads,
        remarks: Vec::new(),
    })
}

fn found(dues: &Dues, channel: u16, sequence: u64, until_ns: u64) -> Option<u64> {
    dues.find(channel, sequence, until_ns, &mut DueHints::default())
}

#[test]
fn a_datagram_is_due_when_its_earliest_copy_is() {
    let workload = workload(&[0, 0], &[(0, 1, 5, 100, b"one"), (1, 6, 2, 150, b"two"), (1, 1, 5, 180, b"one"), (0, 6, 2, 190, b"two")]);
    let dues = Dues::new(&workload, &Schedule::new(&workload, Pace::Recorded(1.0)));
    assert!(dues.is_paced());
    assert_eq!((found(&dues, 0, 1, u64::MAX), found(&dues, 0, 6, u64::MAX)), (Some(0), Some(50)));
    assert_eq!((found(&dues, 0, 6, 49), found(&dues, 0, 2, u64::MAX), found(&dues, 1, 1, u64::MAX)), (None, None, None));
}

#[test]
fn a_number_that_comes_again_was_due_last_before_it_was_received() {
    // A session, then the publisher restarts: the same numbers with other content, on both lines.
    let workload = workload(
        &[0, 0],
        &[
            (0, 1, 1, 1_000, b"first"),
            (1, 1, 1, 1_100, b"first"),
            (0, 1, 1, 5_000, b"again"),
            (1, 1, 1, 5_100, b"again"),
            // The same line says the same once more: a copy.
            (0, 1, 1, 5_200, b"again"),
            // Another session, a day later by its recorded time, on the line that had not said it yet.
            (1, 2, 1, 5_300, b"next"),
            (0, 2, 1, 86_400 * SECOND_NS, b"next"),
        ],
    );
    let dues = Dues::new(&workload, &Schedule::new(&workload, Pace::Recorded(1.0)));
    let at = |until_ns| found(&dues, 0, 1, until_ns);
    assert_eq!((at(0), at(3_999), at(4_000), at(u64::MAX)), (Some(0), Some(0), Some(4_000), Some(4_000)));
    assert_eq!((found(&dues, 0, 2, 10_000), found(&dues, 0, 2, u64::MAX)), (Some(4_300), Some(86_400 * SECOND_NS - 1_000)));
}

#[test]
fn heartbeats_have_no_number_of_their_own() {
    let workload = workload(&[0], &[(0, 7, 0, 100, b"heartbeat"), (0, 7, 3, 200, b"data")]);
    let dues = Dues::new(&workload, &Schedule::new(&workload, Pace::Recorded(1.0)));
    assert_eq!(found(&dues, 0, 7, u64::MAX), Some(100));
}

#[test]
fn due_times_are_found_in_any_order() {
    let packets: Vec<_> = (0..5_000_u64).map(|n| ((n % 2) as u16, n / 2 * 3 + 1, 3, n * 10, &b"x"[..])).collect();
    let workload = workload(&[0, 1], &packets);
    let dues = Dues::new(&workload, &Schedule::new(&workload, Pace::Recorded(1.0)));
    let mut hints = DueHints::default();
    let orders: [Box<dyn Iterator<Item = u64>>; 3] =
        [Box::new(0..2_500), Box::new((0..2_500).rev()), Box::new((0..2_500).map(|n| n * 997 % 2_500))];
    for order in orders {
        for n in order {
            for channel in [0, 1_u64] {
                let expected = (n * 2 + channel) * 10;
                assert_eq!(dues.find(channel as u16, n * 3 + 1, u64::MAX, &mut hints), Some(expected), "datagram {n} of channel {channel}");
            }
        }
    }
    assert_eq!(dues.find(0, 2, u64::MAX, &mut hints), None, "no datagram begins there");
}

#[test]
fn at_the_greatest_pace_nothing_is_due() {
    let workload = workload(&[0], &[(0, 1, 1, 100, b"x")]);
    assert!(!Dues::new(&workload, &Schedule::new(&workload, Pace::Max)).is_paced());
}

// ── a publication, and who watches it ──

/// Writes what a lane would.
struct Stage {
    room: tempfile::TempDir,
    publisher: Publisher,
    clock: Clock,
}

impl Stage {
    fn new(depth: u64, latency: bool) -> Self {
        let room = tempfile::tempdir().unwrap();
        let publisher = publisher(room.path(), depth, latency);
        Self { room, publisher, clock: Clock::system() }
    }

    fn watcher(&self, config: WatcherConfig) -> Watcher {
        Watcher::open(&Publication::open(self.room.path(), "bench").unwrap(), self.clock.clone(), config).unwrap()
    }

    fn records(&mut self, count: usize) {
        for _ in 0..count {
            let hd = Header { length: (size_of::<Mbo>() / 4) as u8, rtype: Schema::Mbo.rtype(), ..Header::default() };
            self.publisher.publish_whole(&Mbo { hd, ..Mbo::new_zeroed() });
        }
    }

    /// A sample of a datagram with that number, received `latency_ns` after `due_at_ns`, as of the last record written.
    fn sample(&mut self, sequence: u64, recv_ns: u64, publish_ns: u64) {
        self.put(sample(sequence, recv_ns, publish_ns, self.publisher.next_position(Schema::Mbo) - 1));
    }

    fn put(&mut self, sample: Latency) {
        self.publisher.publish_whole(&sample);
        self.publisher.commit();
    }
}

fn publisher(dir: &Path, depth: u64, latency: bool) -> Publisher {
    let schemas = [Schema::Mbo, Schema::Latency];
    Publisher::create(&PublicationSpec {
        rings: schemas[..1 + usize::from(latency)].iter().map(|&schema| RingSpec { schema, depth }).collect(),
        channels: vec![ChannelSpec { name: "nasdaq".into(), publisher_id: 2 }],
        instruments: 4,
        ..PublicationSpec::new(dir, "bench")
    })
    .unwrap()
}

fn sample(sequence: u64, ts_recv: u64, ts_publish: u64, position: u64) -> Latency {
    let hd = Header { length: (size_of::<Latency>() / 4) as u8, rtype: Schema::Latency.rtype(), ..Header::default() };
    let rtype = Schema::Mbo.rtype();
    Latency { hd, ts_recv, ts_publish, sequence, position, messages: 1, rtype, ..Latency::new_zeroed() }
}

/// A thousand datagrams, a millisecond apart, all of them in channel 0.
fn a_second() -> WatcherConfig {
    let packets: Vec<_> = (1..=1_000_u64).map(|n| (0, n, 1, n * 1_000_000, &b"x"[..])).collect();
    let workload = workload(&[0], &packets);
    let schedule = Schedule::new(&workload, Pace::Recorded(1.0));
    WatcherConfig {
        dues: Arc::new(Dues::new(&workload, &schedule)),
        channels: Vec::new(),
        end_ns: schedule.end_ns(),
        warm_up_ns: 0,
        headline: Measure::DueToPublished,
        delay_ns: 0,
    }
}

fn drain(watcher: &mut Watcher) {
    while watcher.turn().unwrap() {}
}

fn count(watched: &Watched, measure: Measure) -> u64 {
    watched.measures.get(measure).len()
}

/// Whether it is within the histograms' resolution.
fn is_near(measured: u64, expected: u64) -> bool {
    measured.abs_diff(expected) * 500 <= expected
}

#[test]
fn a_sample_is_joined_with_its_due_time_and_with_when_its_records_were_read() {
    let mut stage = Stage::new(1024, true);
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    stage.records(3);
    stage.publisher.commit();
    drain(&mut watcher);
    // Number 11 was due 10 ms after the start.
    stage.sample(11, start_ns + 12_000_000, start_ns + 15_000_000);
    let before_ns = stage.clock.now_ns();
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.sampled, watched.matched, watched.unmatched, watched.lapped, watched.read), (1, 1, 0, 0, 3));
    let value = |measure| watched.measures.get(measure).max();
    assert!(is_near(value(Measure::DueToReceived), 2_000_000), "{}", value(Measure::DueToReceived));
    assert!(is_near(value(Measure::DueToPublished), 5_000_000));
    assert!(is_near(value(Measure::ReceivedToPublished), 3_000_000));
    let seen_ns = value(Measure::DueToSeen);
    assert!(
        (985_000_000..before_ns - start_ns).contains(&seen_ns),
        "seen by the stamp of the turn that read it, not by the sample's: {seen_ns}"
    );
    assert!(is_near(value(Measure::PublishedToSeen), seen_ns - 5_000_000));
    assert!(Measure::STAGES.iter().all(|&stage| count(&watched, stage) == 0), "its stages were not stamped");
}

#[test]
fn a_sample_that_comes_before_its_records_are_read_or_the_start_is_known_waits() {
    let mut stage = Stage::new(8192, true);
    let mut watcher = stage.watcher(a_second());
    stage.records(5_000);
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    stage.sample(1, start_ns + 1, start_ns + 2);
    // One turn reads the sample, but not that far into the data.
    assert!(watcher.turn().unwrap());
    drain(&mut watcher);
    watcher.start_at(start_ns);
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.matched, watched.read, count(&watched, Measure::DueToSeen)), (1, 5_000, 1));
}

#[test]
fn warm_up_is_in_the_intervals_and_in_no_histogram() {
    let mut stage = Stage::new(1024, true);
    let mut watcher = stage.watcher(WatcherConfig { warm_up_ns: 100_000_000, ..a_second() });
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    for sequence in (1..=1_000).step_by(50) {
        stage.records(1);
        let due_at_ns = start_ns + (sequence - 1) * 1_000_000;
        stage.sample(sequence, due_at_ns + 10, due_at_ns + sequence * 1_000);
        drain(&mut watcher);
    }
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.sampled, watched.matched, watched.warm_up), (20, 20, 2), "those due at 0 and 50 ms");
    assert!(Measure::ALL.iter().all(|&measure| [0, 18].contains(&count(&watched, measure))));
    assert_eq!(count(&watched, Measure::DueToSeen), 18);
    assert!((100..=200).contains(&watched.intervals.len()), "{}", watched.intervals.len());
    assert_eq!(watched.intervals.iter().map(|interval| interval.count).sum::<u64>(), 20);
    let length_ns = watched.intervals[0].length_ns;
    assert!(
        watched.intervals.iter().zip(0..).all(|(interval, nth)| (interval.start_ns, interval.length_ns) == (nth * length_ns, length_ns))
    );
    let filled: Vec<_> = watched.intervals.iter().filter(|interval| interval.count > 0).map(|interval| interval.max_ns / 1_000).collect();
    assert!(filled.iter().zip((1..=1_000_u64).step_by(50)).all(|(us, sequence)| us.abs_diff(sequence) <= sequence / 50 + 1), "{filled:?}");
}

#[test]
fn samples_that_were_stamped_give_stages_and_count_end_to_end_only_where_all_were() {
    let stamped = |sequence, recv_ns, position| Latency {
        receive_ns: 100,
        arbitrate_ns: 200,
        decode_ns: 300,
        book_ns: 400,
        publish_ns: 500,
        stamped: 1,
        ..sample(sequence, recv_ns, recv_ns + 2_000_000, position)
    };
    for plain in [true, false] {
        let mut stage = Stage::new(1024, true);
        let mut watcher = stage.watcher(a_second());
        let start_ns = stage.clock.now_ns() - SECOND_NS;
        watcher.start_at(start_ns);
        stage.records(2);
        stage.put(stamped(1, start_ns, 1));
        if plain {
            stage.sample(2, start_ns + 1_000_000, start_ns + 2_000_000);
        }
        drain(&mut watcher);
        let watched = watcher.finish().unwrap();
        let stages: Vec<_> = Measure::STAGES.iter().map(|&stage| (count(&watched, stage), watched.measures.get(stage).max())).collect();
        assert_eq!(stages, [(1, 100), (1, 200), (1, 300), (1, 400), (1, 500)]);
        let rest = watched.measures.get(Measure::BatchEnd);
        assert!(rest.len() == 1 && is_near(rest.max(), 2_000_000 - 1_500), "what is left of its 2 ms: {}", rest.max());
        let published_ns = watched.measures.get(Measure::DueToPublished);
        assert_eq!(published_ns.len(), 1);
        assert!(is_near(published_ns.max(), if plain { 1_000_000 } else { 2_000_000 }), "{}", published_ns.max());
    }
}

#[test]
fn what_cannot_be_joined_is_counted() {
    let mut stage = Stage::new(1024, true);
    stage.records(4);
    stage.publisher.commit();
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    stage.records(4);
    let good = sample(2, start_ns + 5_000_000, start_ns + 6_000_000, 8);
    let of_another_ring = Latency { rtype: Schema::Trades.rtype(), ..good };
    let received_before_it_was_due = sample(900, start_ns + 5_000_000, start_ns + 6_000_000, 8);
    let never_due = sample(5_000, start_ns + 5_000_000, start_ns + 6_000_000, 8);
    let of_no_channel = Latency { channel: 7, ..good };
    let before_the_watcher_came = sample(2, start_ns + 5_000_000, start_ns + 6_000_000, 4);
    for sample in [good, of_another_ring, received_before_it_was_due, never_due, of_no_channel, before_the_watcher_came] {
        stage.put(sample);
    }
    // The last one claims what nobody wrote.
    stage.put(Latency { position: 9_000, ..good });
    drain(&mut watcher);
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.sampled, watched.matched, watched.unmatched), (7, 1, 6));
    assert_eq!((watched.unseen, watched.unfollowed), (6, 4), "of two it is known when they were due and published");
    assert_eq!(count(&watched, Measure::DueToSeen), 1);
}

#[test]
fn records_the_consumer_was_too_slow_for_are_lapped_and_not_guessed() {
    let mut stage = Stage::new(64, true);
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    stage.records(10);
    stage.sample(1, start_ns + 1, start_ns + 2);
    assert!(watcher.turn().unwrap());
    stage.records(20);
    stage.sample(2, start_ns + 1_000_001, start_ns + 1_000_002);
    // More than the ring holds while nobody reads.
    stage.records(200);
    stage.publisher.commit();
    drain(&mut watcher);
    stage.records(5);
    stage.sample(3, start_ns + 2_000_001, start_ns + 2_000_002);
    drain(&mut watcher);
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.sampled, watched.matched, watched.unmatched, watched.unseen, watched.unfollowed), (3, 2, 1, 1, 0));
    assert_eq!((watched.read, watched.lapped), (15, 220));
    assert_eq!((count(&watched, Measure::DueToPublished), count(&watched, Measure::DueToSeen)), (3, 2));
}

#[test]
fn samples_that_were_lost_with_their_ring_are_in_no_time_and_counted() {
    let mut stage = Stage::new(64, true);
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    stage.records(1);
    for n in 1..=500 {
        stage.sample(n, start_ns + n * 1_000_000, start_ns + n * 1_000_000 + 1);
    }
    drain(&mut watcher);
    let watched = watcher.finish().unwrap();
    assert!(watched.lapped >= 500 - 64 && watched.sampled == 500 && watched.unmatched == watched.lapped, "{}", watched.lapped);
    assert_eq!((watched.unseen, watched.unfollowed), (watched.lapped, watched.lapped));
    assert_eq!(count(&watched, Measure::DueToPublished) + watched.unfollowed, 500);
}

#[test]
fn a_new_epoch_is_followed_and_its_positions_are_its_own() {
    let mut stage = Stage::new(1024, true);
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    stage.records(7);
    stage.sample(1, start_ns + 1, start_ns + 2);
    stage.publisher.new_epoch();
    stage.records(2);
    stage.sample(2, start_ns + 1_000_001, start_ns + 1_000_002);
    // A reader asks after its writer now and then.
    for _ in 0..100 {
        watcher.turn().unwrap();
    }
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.sampled, watched.matched, watched.unmatched, watched.read, watched.lapped), (2, 2, 0, 9, 0));
}

#[test]
fn it_ends_with_its_writer_when_all_was_read() {
    let mut stage = Stage::new(1024, true);
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    stage.records(7);
    stage.sample(1, start_ns + 1, start_ns + 2);
    let Stage { room: _room, publisher, .. } = stage;
    assert!(!watcher.has_ended());
    publisher.close(false);
    let mut turns = 0;
    while !watcher.has_ended() {
        watcher.turn().unwrap();
        turns += 1;
        assert!(turns < 1_000_000, "it never ends");
    }
    assert_eq!(watcher.finish().unwrap().matched, 1);
}

#[test]
fn samples_that_come_as_thick_as_the_data_are_all_joined() {
    let mut stage = Stage::new(1 << 14, true);
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    for _ in 0..50 {
        for sequence in 1..=1_000 {
            stage.records(1);
            let due_at_ns = start_ns + (sequence - 1) * 1_000_000;
            stage.sample(sequence, due_at_ns + 1, due_at_ns + 2);
        }
        assert!(watcher.turn().unwrap(), "always something comes");
    }
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.sampled, watched.matched, watched.lapped), (50_000, 50_000, 0));
}

#[test]
fn without_a_latency_ring_it_only_reads() {
    let mut stage = Stage::new(1024, false);
    let mut watcher = stage.watcher(a_second());
    stage.records(7);
    stage.publisher.commit();
    drain(&mut watcher);
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.read, watched.sampled), (7, 0));
}

#[test]
fn gaps_are_counted_by_when_they_were_told() {
    let mut stage = Stage::new(1024, true);
    let mut watcher = stage.watcher(a_second());
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    let mut gap = Control { ts_recv: start_ns + 500_000_000, ..Control::new_zeroed() };
    gap.hd = Header { length: (size_of::<Control>() / 4) as u8, rtype: control::GAP_OPEN, ..Header::default() };
    stage.publisher.control(&gap);
    stage.records(1);
    stage.sample(1, start_ns + 1, start_ns + 2);
    drain(&mut watcher);
    let watched = watcher.finish().unwrap();
    assert_eq!((watched.gaps, watched.matched), (1, 1), "a control record stands at a position like any other");
    let gaps: Vec<_> = watched.intervals.iter().filter(|interval| interval.gaps > 0).collect();
    assert_eq!(gaps.len(), 1);
    assert!((gaps[0].start_ns..gaps[0].start_ns + gaps[0].length_ns).contains(&500_000_000));
}

#[test]
fn a_delay_put_in_on_purpose_is_between_published_and_seen() {
    let mut stage = Stage::new(1024, true);
    let mut watcher = stage.watcher(WatcherConfig { delay_ns: 3_000_000, ..a_second() });
    let start_ns = stage.clock.now_ns() - SECOND_NS;
    watcher.start_at(start_ns);
    stage.records(1);
    let now_ns = stage.clock.now_ns();
    stage.sample(1, now_ns, now_ns);
    drain(&mut watcher);
    let watched = watcher.finish().unwrap();
    assert!(watched.measures.get(Measure::PublishedToSeen).max() >= 3_000_000);
}

//! Where a datagram's time goes: stages stamped through the sink, and the sampled `latency` ring, of lanes fed from memory.
#![cfg(feature = "service")]

use std::sync::Arc;
use std::time::Duration;

use tickwire::bench::Measure;
use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::name::FeedName;
use tickwire::journal::Journal;
use tickwire::lane::latency::{LatencyReader, Timing, latency_and_stages};
use tickwire::lane::stages::{Injected, MessageTimes, Stages, stamp_cost_ns};
use tickwire::lane::{Lane, LaneChannel, LaneShared, Route, Sampling};
use tickwire::record::{ChannelState, Control, Instrument, Latency, Mbo, Record, Row, Schema, Sink, SinkFull, Stage};
use tickwire::shm::{ChannelSpec, From, Item, Publication, PublicationSpec, Publisher, RingSpec};
use tickwire::source::{Datagram, Polled, Source, SourceError};
use tickwire::stats::Drops;
use tickwire::time::Clock;

mod venue;

/// Lends so many datagrams a poll, received when it is asked, as sources do.
struct Live {
    datagrams: Vec<(u16, Vec<u8>)>,
    next: usize,
    batch: usize,
    clock: Clock,
    drops: Drops,
}

impl Source for Live {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        let recv_ns = self.clock.now_ns();
        let from = self.next;
        for (line, payload) in self.datagrams.iter().skip(from).take(self.batch) {
            deliver(Datagram { line: *line, recv_ns, payload });
            self.next += 1;
        }
        Ok(if self.next == from { Polled::End } else { Polled::Delivered((self.next - from) as u32) })
    }

    fn frames(&self) -> u64 {
        0
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

/// One channel of two lines, and its publication with a `latency` ring.
struct Rig {
    lane: Lane,
    reader: LatencyReader,
    publication: Publication,
    _room: tempfile::TempDir,
}

fn rig(sampling: Sampling) -> Rig {
    rig_of(sampling, None)
}

/// The same of these symbols alone.
fn rig_of(sampling: Sampling, symbols: Option<Vec<String>>) -> Rig {
    let room = tempfile::tempdir().unwrap();
    let publisher = Publisher::create(&PublicationSpec {
        rings: [Schema::Latency, Schema::Mbo, Schema::Mbp1].map(|schema| RingSpec { schema, depth: 1 << 14 }).to_vec(),
        channels: vec![ChannelSpec { name: "other".into(), publisher_id: 3 }, ChannelSpec { name: "nasdaq".into(), publisher_id: 2 }],
        instruments: 64,
        symbols,
        ..PublicationSpec::new(room.path(), "p")
    })
    .unwrap();
    let config = ChannelConfig {
        feed: FeedName::NasdaqItch,
        index: 1,
        arbiter: ArbiterConfig { lines: 2, ..ArbiterConfig::default() },
        capacity: BooksCapacity { instruments: 64, orders: 1 << 14, levels: 1 << 14 },
        midnight_ns: Some(venue::MIDNIGHT_NS),
        bad_ts_recv: false,
    };
    let channels = vec![LaneChannel { channel: Channel::new(&config, Journal::new(16)), publication: 0 }];
    let routes = [0, 1].map(|line| Route { channel: 0, line }).to_vec();
    let (recorder, reader) = latency_and_stages();
    let publication = Publication::open(room.path(), "p").unwrap();
    let lane = Lane::new(routes, channels, vec![publisher], Clock::system(), recorder, Arc::new(LaneShared::default()), Duration::ZERO);
    Rig { lane: lane.with_sampling(&sampling), reader, publication, _room: room }
}

impl Rig {
    fn run(&mut self, datagrams: Vec<(u16, Vec<u8>)>, batch: usize) {
        let mut source = Live { datagrams, next: 0, batch, clock: self.lane.clock.clone(), drops: Drops::default() };
        self.lane.run(&mut source).unwrap();
        self.lane.finish(&source);
        self.reader.take().unwrap();
    }

    fn count(&self, timing: Timing) -> u64 {
        self.reader.total_of(timing).count
    }

    fn median(&self, timing: Timing) -> u64 {
        self.reader.total_of(timing).p50
    }

    /// The ring's records.
    fn told(&self) -> Vec<Latency> {
        let mut records = self.publication.subscribe::<Latency>(From::Oldest).unwrap();
        let mut told = Vec::new();
        loop {
            match records.next().unwrap() {
                Item::Record(record) => told.push(*record),
                Item::Control(_) => {}
                Item::Idle | Item::End => return told,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Position and sequence of every `mbo` record, as the ring has them.
    fn mbo(&self) -> Vec<(u64, u32)> {
        let mut records = self.publication.subscribe::<Mbo>(From::Oldest).unwrap();
        let mut all = Vec::new();
        loop {
            let sequence = match records.next().unwrap() {
                Item::Record(record) => Some(record.sequence),
                Item::Control(_) => None,
                Item::Idle | Item::End => return all,
                other => panic!("{other:?}"),
            };
            all.extend(sequence.map(|sequence| (records.next_position() - 1, sequence)));
        }
    }
}

/// `count` adds from that number on, as one packet.
fn adds(first: u64, count: u64) -> Vec<u8> {
    let messages: Vec<_> = (first..first + count).map(|order| venue::add(5, "XYZ", order, b'B', 100, 10_000 + order as u32 % 7)).collect();
    venue::mold(b"SESSION001", first, &messages)
}

/// Packets of one add each.
fn single_adds(count: u64) -> Vec<(u16, Vec<u8>)> {
    (1..=count).map(|sequence| (0, adds(sequence, 1))).collect()
}

#[test]
fn a_delay_injected_into_a_stage_is_found_in_that_stage_and_in_no_other() {
    const DELAY_NS: u64 = 200_000;
    for slow in Stage::ALL {
        let mut injected = [0; Stage::COUNT];
        injected[slow as usize] = DELAY_NS;
        let mut rig = rig(Sampling { stages_every: 1, injected: Some(Injected(injected)), ..Sampling::default() });
        rig.run(single_adds(61), 1);
        let timings = Stage::ALL.map(|stage| (stage, Timing::of(stage)));
        let by_message =
            [(Stage::Decode, Timing::DecodeMessage), (Stage::Book, Timing::BookMessage), (Stage::Publish, Timing::PublishMessage)];
        for (stage, timing) in timings.into_iter().chain(by_message) {
            assert_eq!(rig.count(timing), 61, "{slow:?}: {timing:?}");
            let median_ns = rig.median(timing);
            if stage == slow {
                // The histogram's three digits.
                assert!(median_ns >= DELAY_NS - DELAY_NS / 1000, "{slow:?} was slowed: {timing:?} took {median_ns} ns");
            } else {
                assert!(median_ns < DELAY_NS / 2, "{slow:?} was slowed: {timing:?} took {median_ns} ns");
            }
        }
        assert!(rig.median(Timing::ReceivedToPublished) >= DELAY_NS - DELAY_NS / 1000, "{slow:?}");
    }
}

#[test]
fn the_other_line_s_copies_spend_time_in_arbitrate_and_none_in_decode_book_and_publish() {
    let mut rig = rig(Sampling { stages_every: 1, ..Sampling::default() });
    let datagrams = (0..200).flat_map(|nth| [0, 1].map(|line| (line, adds(1 + nth * 3, 3)))).collect();
    rig.run(datagrams, 8);
    assert_eq!(rig.lane.channels[0].channel.arbiter().duplicates, 200);
    let counts = Timing::ALL.iter().map(|&timing| rig.count(timing)).collect::<Vec<_>>();
    assert_eq!(counts, [400, 400, 400, 200, 200, 200, 600, 600, 600]);
    let stamped = rig.told();
    assert_eq!(stamped.len(), 200, "copies are not told: nothing in the rings came of them");
}

/// Takes its time for every record, or for the question whether any of top of book are wanted, which comes behind an order's own record.
struct Slow {
    clock: Clock,
    asked: bool,
    records: u64,
}

const SLOW_NS: u64 = 40_000;

impl Slow {
    fn written(&mut self) {
        self.records += 1;
        if !self.asked {
            self.dawdle();
        }
    }

    fn dawdle(&self) {
        let until_ns = self.clock.now_ns() + SLOW_NS;
        while self.clock.now_ns() < until_ns {}
    }
}

impl Sink for Slow {
    fn carries(&self, schema: Schema) -> bool {
        if self.asked && schema == Schema::Mbp1 {
            self.dawdle();
        }
        schema == Schema::Mbo
    }
    fn instrument(&mut self, _: &Instrument) -> Result<Option<Row>, SinkFull> {
        Ok(Some(0))
    }
    fn publish<R: Record>(&mut self, _: Row, _: &R) {
        self.written();
    }
    fn publish_whole<R: Record>(&mut self, _: &R) {
        self.written();
    }
    fn control(&mut self, _: &Control) {}
    fn channel_state(&mut self, _: u16, _: ChannelState, _: u64) {}
    fn watermark(&mut self, _: u16, _: u64) {}
    fn commit(&mut self) {}
    fn new_epoch(&mut self) {}
}

#[test]
fn what_a_slow_sink_takes_is_found_in_publish() {
    slowed_by(false, Stage::Publish);
}

#[test]
fn what_is_done_between_two_records_is_found_in_book() {
    slowed_by(true, Stage::Book);
}

fn slowed_by(asked: bool, slow: Stage) {
    let clock = Clock::system();
    let mut channel = venue::channel(FeedName::NasdaqItch);
    let mut sink = Slow { clock: clock.clone(), asked, records: 0 };
    let mut stages = Stages::new(clock.clone(), None);
    let mut of_stage: [Vec<u64>; Stage::COUNT] = Default::default();
    for nth in 0..41 {
        let recv_ns = clock.now_ns();
        let before = sink.records;
        stages.begin();
        channel.on_datagram(0, recv_ns, &adds(1 + nth * 5, 5), &mut stages.stamp(&mut sink));
        let stamps = stages.end();
        let times = stages.times(&stamps, recv_ns);
        assert_eq!(sink.records - before, 5);
        assert!(times.get(slow) >= 5 * SLOW_NS - 5, "{times:?}");
        let messages: Vec<_> = stages.messages(&stamps).collect();
        assert_eq!(messages.len(), 5);
        let slowed = |message: &MessageTimes| if asked { message.book_ns } else { message.publish_ns };
        assert!(messages.iter().all(|message| slowed(message) >= SLOW_NS - 1), "{messages:?}");
        for stage in Stage::ALL {
            of_stage[stage as usize].push(times.get(stage));
        }
        stages.forget_messages();
        assert_eq!(stages.messages(&stamps).count(), 0);
    }
    for stage in Stage::ALL.into_iter().filter(|&stage| stage != slow) {
        let times = &mut of_stage[stage as usize];
        times.sort_unstable();
        assert!(times[20] < 5 * SLOW_NS / 2, "{stage:?} took {} ns", times[20]);
    }
}

#[test]
fn a_datagram_s_stages_are_together_never_more_than_from_receive_to_publish() {
    let mut rig = rig(Sampling { stages_every: 1, ..Sampling::default() });
    rig.run((0..500).map(|nth| (0, adds(1 + nth * 9, 9))).collect(), 16);
    let told = rig.told();
    assert_eq!(told.len(), 500);
    for record in &told {
        let Latency { receive_ns, arbitrate_ns, decode_ns, book_ns, publish_ns, .. } = *record;
        let stages = [receive_ns, arbitrate_ns, decode_ns, book_ns, publish_ns].map(u64::from);
        assert!(stages.iter().sum::<u64>() <= record.ts_publish - record.ts_recv, "{record:?}");
        assert!(stages[1..].iter().all(|&ns| ns > 0), "{record:?}");
    }
    // Behind the others of its batch: the last of sixteen has waited for fifteen.
    let worked = |record: &Latency| u64::from(record.arbitrate_ns) + u64::from(record.decode_ns) + u64::from(record.book_ns);
    for batch in told.as_chunks::<16>().0 {
        assert!(u64::from(batch[15].receive_ns) >= batch[..15].iter().map(worked).sum::<u64>(), "{batch:?}");
    }
}

#[test]
fn every_sample_names_the_last_record_that_its_datagram_made_and_stands_behind_it() {
    let mut rig = rig(Sampling { latency_every: 1, ..Sampling::default() });
    // A heartbeat, a copy, a system event (no mbo record of it), an early one, and the one it waited for.
    let system_event = venue::mold(b"SESSION001", 8, &[venue::system_event(b'Q')]);
    let datagrams = vec![
        (0, adds(1, 4)),
        (1, venue::mold(b"SESSION001", 5, &[])),
        (1, adds(1, 4)),
        (1, adds(5, 3)),
        (0, adds(5, 3)),
        (0, system_event),
        (0, adds(12, 2)),
        (1, adds(9, 3)),
        (0, adds(9, 3)),
    ];
    rig.run(datagrams, 4);
    let told = rig.told();
    // The system event is a control record, in every ring: a reader sees it, so it is a sample.
    let of: Vec<_> = told.iter().map(|record| (record.sequence, record.messages, record.line)).collect();
    assert_eq!(of, [(1, 4, 0), (5, 3, 1), (8, 1, 0), (9, 5, 1)]);
    let mbo = rig.mbo();
    let last_of = |record: &Latency| mbo.iter().rev().find(|(position, _)| *position <= record.position).copied();
    assert_eq!(last_of(&told[0]), Some((told[0].position, 4)));
    assert_eq!(last_of(&told[1]), Some((told[1].position, 7)));
    assert_eq!(last_of(&told[2]), Some((told[2].position - 1, 7)), "the control record is the position behind");
    assert_eq!(last_of(&told[3]), Some((told[3].position, 13)), "what was held before it belongs to it");
    for record in &told {
        assert_eq!((record.rtype, record.channel, record.stamped), (Schema::Mbo.rtype(), 1, 0), "the first ring with data");
        assert_eq!((record.hd.publisher_id, record.hd.instrument_id, record.hd.ts_event), (2, 0, record.ts_publish));
        assert!(record.ts_publish >= record.ts_recv);
        let stages = [record.receive_ns, record.arbitrate_ns, record.decode_ns, record.book_ns, record.publish_ns];
        assert_eq!(stages, [0; 5], "not stamped");
    }
    assert!(told.is_sorted_by_key(|record| (record.ts_publish, record.position)));
    assert_eq!(rig.count(Timing::Arbitrate), 0);
}

#[test]
fn a_sample_of_a_session_that_ended_in_the_same_batch_is_not_told_in_the_next_one() {
    let mut rig = rig(Sampling { latency_every: 1, ..Sampling::default() });
    let next = venue::mold(b"SESSION002", 1, &[venue::add(6, "NEXT", 1, b'B', 7, 10_000)]);
    rig.run(vec![(0, adds(1, 4)), (0, venue::mold(b"SESSION002", 1, &[])), (0, next)], 8);
    assert_eq!(rig.told(), []);
    rig.publication = rig.publication.reopen().unwrap();
    let told: Vec<_> = rig.told().iter().map(|record| (record.sequence, record.position)).collect();
    let mbo = rig.mbo();
    assert_eq!((mbo.len(), told), (1, vec![(1, mbo[0].0)]));
}

#[test]
fn a_datagram_that_left_nothing_in_the_ring_is_no_sample_and_the_next_that_did_is() {
    let mut rig = rig_of(Sampling { latency_every: 1, ..Sampling::default() }, Some(vec!["WANTED".into()]));
    let one = |sequence, symbol| {
        let locate = if symbol == "WANTED" { 6 } else { 5 };
        (0, venue::mold(b"SESSION001", sequence, &[venue::add(locate, symbol, sequence, b'B', 7, 10_000)]))
    };
    rig.run(vec![one(1, "WANTED"), one(2, "XYZ"), one(3, "XYZ"), one(4, "WANTED"), one(5, "XYZ")], 8);
    assert_eq!(rig.lane.channels[0].channel.arbiter().messages, 5);
    assert_eq!(rig.told().iter().map(|record| record.sequence).collect::<Vec<_>>(), [1, 4]);
}

#[test]
fn without_sampling_a_latency_ring_has_no_records_and_no_stage_is_recorded() {
    let mut rig = rig(Sampling::default());
    rig.run(single_adds(300), 8);
    assert_eq!(rig.told(), []);
    let counts = Timing::ALL.iter().map(|&timing| rig.count(timing)).collect::<Vec<_>>();
    assert_eq!(counts, [300, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn one_in_so_many_is_sampled_on_average_whatever_pattern_the_feed_has() {
    let mut rig = rig(Sampling { latency_every: 16, stages_every: 32, ..Sampling::default() });
    // Both lines, always the same one first: of a fixed distance that is even, every stamped datagram would be a copy, or none.
    let datagrams = (1..=4_800).flat_map(|sequence| [0, 1].map(|line| (line, adds(sequence, 1)))).collect();
    rig.run(datagrams, 8);
    let told = rig.told();
    let (stamped, plain) =
        (told.iter().filter(|record| record.stamped == 1).count(), told.iter().filter(|record| record.stamped == 0).count());
    // 300 and 150 are expected; a stamped one may take the place of a plain one.
    assert!((230..=350).contains(&plain), "{plain} plain samples of 4800 datagrams");
    assert!((100..=200).contains(&stamped), "{stamped} stamped ones among 4800 datagrams that delivered");
    assert!((220..=380).contains(&rig.count(Timing::Arbitrate)), "{} stamped of 9600 datagrams", rig.count(Timing::Arbitrate));
    let phases: std::collections::BTreeSet<_> = told.iter().map(|record| record.sequence % 16).collect();
    assert_eq!(phases.len(), 16, "{phases:?}");
}

#[test]
fn a_batch_larger_than_what_can_be_looked_at_loses_samples_and_nothing_else() {
    let mut rig = rig(Sampling { latency_every: 1, stages_every: 1, ..Sampling::default() });
    rig.run(single_adds(1_000), 500);
    assert_eq!(rig.told().len(), 128);
    assert_eq!((rig.count(Timing::ReceivedToPublished), rig.mbo().len()), (1_000, 1_000));
}

#[test]
fn the_benchmark_knows_every_timing_by_its_name() {
    for &timing in Timing::ALL {
        assert_eq!(Measure::from_name(timing.name()).map(Measure::name), Some(timing.name()));
    }
    for stage in Stage::ALL {
        assert_eq!(Timing::of(stage).name(), stage.name());
    }
}

#[test]
fn a_stamp_costs_something_and_less_than_a_microsecond() {
    let cost_ns = stamp_cost_ns();
    assert!(cost_ns > 0.5 && cost_ns < 1_000.0, "{cost_ns} ns");
}

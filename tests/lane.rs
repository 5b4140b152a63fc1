//! A lane, turn by turn: datagrams from memory through channels into publications.
#![cfg(feature = "service")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::name::FeedName;
use tickwire::journal::Journal;
use tickwire::lane::counters;
use tickwire::lane::latency::{LatencyReader, latency};
use tickwire::lane::{Lane, LaneChannel, LaneShared, Route};
use tickwire::record::{ChannelState, Mbp1, Schema, control, control::cause, flags};
use tickwire::shm::{ChannelSpec, From, Item, Publication, PublicationSpec, Publisher, RingSpec};
use tickwire::source::memory::Memory;
use tickwire::source::{Datagram, Polled, Source, SourceError};
use tickwire::stats::Drops;
use tickwire::time::Clock;
use zerocopy::IntoBytes;

mod venue;

use venue::{MIDNIGHT_NS, RECV_NS};

fn publisher(dir: &std::path::Path) -> Publisher {
    let channel = |name: &str, publisher_id| ChannelSpec { name: name.into(), publisher_id };
    Publisher::create(&PublicationSpec {
        rings: [Schema::Mbo, Schema::Mbp1].map(|schema| RingSpec { schema, depth: 1024 }).to_vec(),
        channels: vec![channel("nasdaq", 2), channel("bx", 3)],
        instruments: 64,
        counters: counters::names(),
        ..PublicationSpec::new(dir, "lane")
    })
    .unwrap()
}

/// Two channels with a line each, one publication. Line 2 has no route.
fn lane(dir: &std::path::Path) -> (Lane, LatencyReader, Arc<LaneShared>) {
    let channel = |index, feed| LaneChannel {
        channel: Channel::new(
            &ChannelConfig {
                feed,
                index,
                arbiter: ArbiterConfig { lines: 1, ..ArbiterConfig::default() },
                capacity: BooksCapacity { instruments: 64, orders: 100, levels: 1000 },
                midnight_ns: Some(MIDNIGHT_NS),
                bad_ts_recv: false,
            },
            Journal::new(16),
        ),
        publication: 0,
    };
    let routes = [0, 1].map(|channel| Route { channel, line: 0 }).to_vec();
    let channels = vec![channel(0, FeedName::NasdaqItch), channel(1, FeedName::BxItch)];
    let (recorder, reader) = latency();
    let shared = Arc::new(LaneShared::default());
    (Lane::new(routes, channels, vec![publisher(dir)], Clock::system(), recorder, shared.clone(), Duration::ZERO), reader, shared)
}

fn counters_of(publication: &Publication) -> BTreeMap<String, u64> {
    publication.counters().into_iter().collect()
}

#[test]
fn every_datagram_goes_to_its_channel_and_one_without_a_route_is_counted() {
    let room = tempfile::tempdir().unwrap();
    let (mut lane, mut latency, shared) = lane(room.path());
    let publication = Publication::open(room.path(), "lane").unwrap();
    let packet = |sequence, locate, symbol| venue::mold(b"SESSION001", sequence, &[venue::add(locate, symbol, sequence, b'B', 1, 10_000)]);
    let datagrams = [
        (0, RECV_NS, packet(1, 5, "XYZ")),
        (1, RECV_NS, packet(1, 5, "OTHER")),
        (0, RECV_NS, packet(2, 5, "XYZ")),
        (2, RECV_NS, packet(1, 5, "LOST")),
        (9, RECV_NS, packet(1, 5, "LOST")),
    ];
    let mut source: Memory = datagrams.into_iter().collect();
    lane.run(&mut source).unwrap();
    lane.finish(&source);
    let counters = counters_of(&publication);
    assert_eq!((counters["messages"], counters["datagrams"], counters["live_orders"], counters["drop_unknown_line"]), (3, 3, 3, 2));
    assert_eq!(publication.instruments().count(), 2);
    assert_eq!(publication.find("OTHER").unwrap().channel, 1);
    assert!(shared.beats.load(Ordering::Relaxed) > 0);
    assert_eq!(latency.take().unwrap().count, 5, "what was recorded since the last hand-over is not lost at the end");
    assert_eq!((latency.total().count, latency.take()), (5, None));
}

#[test]
fn a_reader_of_latencies_that_lags_loses_none_at_the_end() {
    let (mut recorder, mut reader) = latency();
    recorder.record(100, 1);
    recorder.hand_over(1);
    recorder.record(200, 2);
    recorder.hand_over(1);
    recorder.record(300, 3);
    recorder.hand_over_last(2);
    assert_eq!(reader.take().unwrap().count, 6);
    assert_eq!((reader.total().count, reader.total().max), (6, 300));
    recorder.record(400, 1);
    recorder.hand_over(1);
    assert_eq!(reader.take().map(|interval| interval.count), Some(1));
}

#[test]
fn latencies_beyond_the_range_are_recorded_as_the_longest() {
    let (mut recorder, mut reader) = latency();
    recorder.record(0, 1);
    recorder.record(u64::MAX, 1);
    recorder.hand_over(1);
    let told = reader.take().unwrap();
    assert_eq!(told.count, 2);
    assert!((10_000_000_000..10_100_000_000).contains(&told.max), "{told:?}");
}

#[test]
fn a_new_session_of_one_channel_shows_the_other_ones_levels_again_in_the_new_epoch() {
    let room = tempfile::tempdir().unwrap();
    let (mut lane, ..) = lane(room.path());
    // The lane's timers look at the clock: of years ago would be silence.
    let now_ns = Clock::system().now_ns();
    let old = Publication::open(room.path(), "lane").unwrap();
    let mut reader = old.subscribe::<Mbp1>(From::Oldest).unwrap();
    let packet = |session: &[u8; 10], symbol, price| venue::mold(session, 1, &[venue::add(5, symbol, 1, b'B', 7, price)]);
    let datagrams = [
        (0, now_ns, packet(b"SESSION001", "XYZ", 10_000)),
        (1, now_ns, packet(b"SESSION001", "OTHER", 20_000)),
        (0, now_ns + 1, venue::mold(b"SESSION002", 1, &[])),
        (0, now_ns + 1, packet(b"SESSION002", "NEXT", 30_000)),
    ];
    let mut source: Memory = datagrams.into_iter().collect();
    lane.turn(&mut source).unwrap();
    let new = old.reopen().unwrap();
    assert!(new.epoch() > old.epoch());
    let symbols: Vec<_> = new.instruments().map(|row| (row.channel, row.instrument_id)).collect();
    assert_eq!(symbols, [(0, 5), (1, 5)]);
    let bid = |symbol| new.book(symbol).unwrap().levels[0].bid_px;
    assert_eq!((bid("NEXT"), bid("OTHER")), (venue::px(30_000), venue::px(20_000)));
    assert!(new.book("XYZ").is_err(), "the old session's instruments are not in the new epoch");
    let states: Vec<_> = new.channel_states().iter().map(|row| row.state).collect();
    assert_eq!(states, [ChannelState::Good, ChannelState::Good]);
    let (mut told, mut records) = (Vec::new(), Vec::new());
    loop {
        match reader.next().unwrap() {
            Item::Control(record) => told.push((record.channel, record.hd.rtype, record.cause)),
            Item::Record(record) => records.push((record.action, record.flags & flags::SNAPSHOT != 0)),
            Item::NewEpoch => told.push((99, 0, 0)),
            Item::Idle if records.len() < 4 => {}
            Item::Idle => break,
            other => panic!("{other:?}"),
        }
    }
    use control::{SESSION_END, SESSION_START};
    let expected = [
        (0, SESSION_START, cause::FIRST),
        (1, SESSION_START, cause::FIRST),
        (0, SESSION_END, cause::NONE),
        (99, 0, 0),
        (0, SESSION_START, cause::NEW_SESSION),
        (1, SESSION_START, cause::OTHER_CHANNEL),
    ];
    assert_eq!(told, expected);
    assert_eq!(records, [(b'A', false), (b'A', false), (b'A', false), (b'N', true)]);
}

#[test]
fn a_lane_told_to_stop_drains_what_waits_and_ends() {
    let room = tempfile::tempdir().unwrap();
    let (mut lane, _, shared) = lane(room.path());
    let packet = |sequence| venue::mold(b"SESSION001", sequence, &[venue::trade(5, "XYZ", 1, 1)]);
    let mut source: Memory = (1..=500).map(|sequence| (0, RECV_NS, packet(sequence))).collect();
    shared.stop.store(true, Ordering::Relaxed);
    lane.run(&mut source).unwrap();
    assert_eq!(lane.channels[0].channel.arbiter().messages, 500);
}

/// Lends one datagram at a time, as a socket does.
struct OneByOne(Memory);

impl Source for OneByOne {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        self.0.poll(deliver)
    }

    fn frames(&self) -> u64 {
        0
    }

    fn drops(&self) -> &Drops {
        self.0.drops()
    }
}

#[test]
fn what_is_lent_together_and_looked_ahead_to_gives_the_records_of_what_is_lent_one_by_one() {
    let mut random = 7_u64;
    let mut below = |n: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % n
    };
    // Of two channels, of no, one and many messages, some twice, some nobody can read.
    let (mut datagrams, mut sequence, mut live) = (Vec::new(), [1, 1], [vec![], vec![]]);
    while sequence[0] + sequence[1] < 900 {
        let channel = below(2) as usize;
        let count = [0, 70, 3, 2].get(below(24) as usize).copied().unwrap_or(1);
        let messages: Vec<_> = (0..count)
            .map(|nth| {
                let (order, locate) = (sequence[channel] + nth, 1 + below(9) as u16);
                if live[channel].len() > 20 && below(2) == 0 {
                    let at = below(live[channel].len() as u64) as usize;
                    let (order, locate) = live[channel].swap_remove(at);
                    return venue::delete(locate, order);
                }
                live[channel].push((order, locate));
                venue::add(locate, &format!("S{locate}"), order, if below(2) == 0 { b'B' } else { b'S' }, 1, 10_000 + below(50) as u32)
            })
            .collect();
        let mut payload = venue::mold(b"SESSION001", sequence[channel], &messages);
        sequence[channel] += count;
        if below(10) == 0 {
            datagrams.push((channel as u16, RECV_NS, payload.clone()));
        }
        datagrams.push((channel as u16, RECV_NS, payload.clone()));
        if below(10) == 0 {
            let keep = below(payload.len() as u64) as usize;
            payload.truncate(keep);
            datagrams.push((channel as u16, RECV_NS, payload));
        }
    }
    let records = |is_lent_together: bool| {
        let room = tempfile::tempdir().unwrap();
        let (mut lane, ..) = lane(room.path());
        let mut memory: Memory = datagrams.iter().cloned().collect();
        if is_lent_together {
            lane.run(&mut memory).unwrap()
        } else {
            lane.run(&mut OneByOne(memory)).unwrap()
        }
        lane.finish_without_source();
        let publication = Publication::open(room.path(), "lane").unwrap();
        let mut reader = publication.subscribe::<Mbp1>(From::Oldest).unwrap();
        let mut records = Vec::new();
        loop {
            match reader.next().unwrap() {
                Item::Record(record) => records.push(record.as_bytes().to_vec()),
                Item::Control(_) => {}
                _ => break,
            }
        }
        let mut counters = counters_of(&publication);
        counters.retain(|name, _| !name.ends_with("_ns"));
        (records, counters)
    };
    assert!(datagrams.len() > 200, "{}", datagrams.len());
    let (together, one_by_one) = (records(true), records(false));
    assert!(together.0.len() > 300 && together.1["live_orders"] > 20, "{} records", together.0.len());
    assert_eq!(together, one_by_one);
}

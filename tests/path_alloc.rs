//! From the datagram to the sink nothing is allocated once a channel has begun. A file of its own, because it replaces the allocator.
#![cfg(feature = "service")]

use std::sync::Arc;
use std::time::Duration;

use tickwire::book::BooksCapacity;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::lane::latency::{Timing, latency_and_stages};
use tickwire::lane::{Lane, LaneChannel, LaneShared, Route, Sampling};
use tickwire::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};
use tickwire::shm::{ChannelSpec, PublicationSpec, Publisher, RingSpec};
use tickwire::source::{Datagram, Polled, Source, SourceError};
use tickwire::stats::Drops;
use tickwire::time::Clock;

mod allocations;
mod venue;

/// Wants everything and keeps a count.
#[derive(Default)]
struct Nowhere {
    rows: Row,
    records: u64,
}

impl Sink for Nowhere {
    fn carries(&self, _: Schema) -> bool {
        true
    }
    fn instrument(&mut self, _: &Instrument) -> Result<Option<Row>, SinkFull> {
        self.rows += 1;
        Ok(Some(self.rows - 1))
    }
    fn publish<R: Record>(&mut self, _: Row, record: &R) {
        self.records += 1;
        std::hint::black_box(record);
    }
    fn publish_whole<R: Record>(&mut self, _: &R) {}

    fn watermark(&mut self, _: u16, _: u64) {}

    fn control(&mut self, _: &Control) {}
    fn channel_state(&mut self, _: u16, _: ChannelState, _: u64) {}
    fn commit(&mut self) {}
    fn new_epoch(&mut self) {}
}

/// Allocations of the calling thread while `work` ran.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = allocations::calls();
    work();
    allocations::calls() - before
}

/// Receive times and packets of a generated session, and of what can go wrong in one.
fn packets() -> Vec<(u8, u64, Vec<u8>)> {
    let mut session = Session::new(&GenerateConfig::whole_day(3, 8_000, 50, venue::MIDNIGHT_NS)).unwrap();
    let (mut packets, mut next) = (Vec::new(), 1_u64);
    while let Some(message) = session.next_message() {
        let (now_ns, message) = (message.time_ns, message.bytes.to_vec());
        let kind = next % 100;
        // Lost on both lines now and then, early on one of them, unreadable, twice, unknown, cut.
        if kind != 17 {
            let mut bytes = message.clone();
            if kind == 31 {
                bytes.truncate(3);
            }
            let packet = venue::mold(b"SESSION001", next, &[bytes]);
            if kind == 51 {
                packets.push((0, now_ns, packet[..30].to_vec()));
            }
            if kind == 71 {
                packets.push((0, now_ns, venue::mold(b"SESSION001", next, &[vec![b'z'; 9]])));
            }
            packets.push((0, now_ns, packet.clone()));
            packets.push((1, now_ns, packet));
        }
        next += 1;
    }
    packets.push((1, packets.last().unwrap().1, venue::mold(b"SESSION002", 1, &[])));
    packets.push((0, packets.last().unwrap().1, venue::mold(b"SESSION002", 1, &[venue::add(9, "NEXT", 1, b'B', 1, 1)])));
    packets
}

#[test]
fn datagrams_timers_gaps_and_bad_messages_allocate_nothing() {
    let packets = packets();
    let capacity = BooksCapacity { instruments: 1 << 16, orders: 1 << 14, levels: 1 << 16 };
    let mut channel = venue::channel_with(FeedName::NasdaqItch, capacity, 2);
    let mut sink = Nowhere::default();
    let count = allocations(|| {
        for (line, now_ns, packet) in &packets {
            while let Some(due_ns) = channel.deadline_ns().filter(|due_ns| due_ns <= now_ns) {
                channel.on_time(due_ns, &mut sink);
            }
            channel.on_datagram(*line, *now_ns, packet, &mut sink);
        }
    });
    assert!(sink.records > 10_000 && channel.arbiter().gaps > 50 && channel.arbiter().new_sessions == 1, "{:?}", channel.arbiter());
    assert_eq!(count, 0);
}

/// Lends packets sixteen at a time, received when they are asked for.
struct Lent<'a> {
    packets: &'a [(u8, u64, Vec<u8>)],
    clock: Clock,
    drops: Drops,
}

impl Source for Lent<'_> {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        let (batch, rest) = self.packets.split_at(self.packets.len().min(16));
        self.packets = rest;
        let recv_ns = self.clock.now_ns();
        for (line, _, payload) in batch {
            deliver(Datagram { line: u16::from(*line), recv_ns, payload });
        }
        Ok(if batch.is_empty() { Polled::End } else { Polled::Delivered(batch.len() as u32) })
    }
    fn frames(&self) -> u64 {
        0
    }
    fn drops(&self) -> &Drops {
        &self.drops
    }
}

#[test]
fn a_lane_allocates_nothing_whether_or_not_it_samples_and_stamps() {
    let packets = packets();
    // A new session is a new file.
    let packets = &packets[..packets.len() - 2];
    let sampled = |latency_every, stages_every| Sampling { latency_every, stages_every, ..Sampling::default() };
    for sampling in [sampled(0, 0), sampled(7, 0), sampled(0, 5), sampled(1, 1)] {
        let room = tempfile::tempdir().unwrap();
        let publisher = Publisher::create(&PublicationSpec {
            rings: [Schema::Mbo, Schema::Mbp1, Schema::Latency].map(|schema| RingSpec { schema, depth: 1 << 16 }).to_vec(),
            channels: (0..8).map(|_| ChannelSpec { name: "nasdaq".into(), publisher_id: 2 }).collect(),
            instruments: 256,
            counters: tickwire::lane::counters::names(),
            ..PublicationSpec::new(room.path(), "p")
        })
        .unwrap();
        let capacity = BooksCapacity { instruments: 1 << 16, orders: 1 << 14, levels: 1 << 16 };
        let channels = vec![LaneChannel { channel: venue::channel_with(FeedName::NasdaqItch, capacity, 2), publication: 0 }];
        let routes = [0, 1].map(|line| Route { channel: 0, line }).to_vec();
        let (recorder, mut reader) = latency_and_stages();
        let clock = Clock::system();
        let shared = Arc::new(LaneShared::default());
        let lane = Lane::new(routes, channels, vec![publisher], clock.clone(), recorder, shared, Duration::ZERO);
        let mut lane = lane.with_sampling(&sampling);
        let mut source = Lent { packets, clock, drops: Drops::default() };
        let count = allocations(|| while lane.turn(&mut source).unwrap() != Polled::End {});
        lane.finish(&source);
        reader.take();
        let (told, stamped) = (lane.publications[0].records(Schema::Latency), reader.total_of(Timing::Receive).count);
        assert_eq!((told > 0, stamped > 0), (sampling != sampled(0, 0), sampling.stages_every > 0), "{sampling:?}: {told}, {stamped}");
        assert_eq!(count, 0, "{sampling:?}");
    }
}

#[test]
fn a_tops_session_allocates_nothing() {
    let packets: Vec<_> = (1..2_000_u64)
        .map(|next| {
            let symbol = format!("S{}", next % 97);
            let messages = [venue::tops_quote(&symbol, (next, 1), (next + 1, 2)), venue::tops_trade(&symbol, next, 3)];
            venue::iextp(1, 2 * next - 1, venue::RECV_NS + next, next, &messages)
        })
        .collect();
    let mut channel = venue::channel(FeedName::IexTops);
    let mut sink = Nowhere::default();
    let count = allocations(|| {
        for (index, packet) in packets.iter().enumerate() {
            channel.on_datagram(0, venue::RECV_NS + index as u64, packet, &mut sink);
        }
    });
    assert!(sink.records > 5_900);
    assert_eq!(count, 0);
}

#[test]
fn a_deep_session_of_short_long_open_and_given_up_events_allocates_nothing() {
    let mut offset = 0;
    let packets: Vec<_> = (0..12_000_u64)
        .map(|next| {
            let symbol = format!("S{}", next % 97);
            // One instrument never ends its event, and fills the room there is.
            let (symbol, complete) = if next % 2 == 0 { ("HOG".to_owned(), false) } else { (symbol, next % 5 != 0) };
            let side = if next % 3 == 0 { b'B' } else { b'S' };
            let messages = [venue::deep_level(&symbol, side, 1 + next % 11, (next % 4) as u32, complete)];
            let packet = venue::deep_segment(1, next + 1, venue::RECV_NS + next, offset, &messages);
            offset += 32;
            packet
        })
        .collect();
    let mut channel = venue::channel(FeedName::IexDeep);
    let mut sink = Nowhere::default();
    let count = allocations(|| {
        for (index, packet) in packets.iter().enumerate() {
            // Lost now and then, so that open events are cut.
            if index % 1_000 != 999 {
                let now_ns = venue::RECV_NS + index as u64 * 100_000;
                while let Some(due_ns) = channel.deadline_ns().filter(|due_ns| *due_ns <= now_ns) {
                    channel.on_time(due_ns, &mut sink);
                }
                channel.on_datagram(0, now_ns, packet, &mut sink);
            }
        }
    });
    assert!(sink.records > 1_000 && channel.arbiter().gaps > 5, "{} records, {:?}", sink.records, channel.arbiter());
    assert_eq!(count, 0);
}

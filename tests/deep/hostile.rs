//! Whatever the bytes are: no panic, every message counted, the books never half of an event unless they say so.

use crate::session::{Random, Venue, segments};
use crate::venue::*;
use tickwire::book::BooksCapacity;
use tickwire::feed::name::FeedName;
use tickwire::record::flags::MAYBE_BAD_BOOK;

/// Changes bytes, cuts, or lengthens.
fn spoil(bytes: &mut Vec<u8>, random: &mut Random) {
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len() as u64 + 1) as usize),
        1 => bytes.extend((0..random.below(9)).map(|n| n as u8)),
        _ => {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len() as u64) as usize;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 0xff, byte.wrapping_add(1), random.0 as u8][random.below(4) as usize];
                }
            }
        }
    }
}

#[test]
fn spoiled_messages_are_counted_and_the_stream_goes_on() {
    for seed in 1..=6 {
        let mut venue = Venue::new(seed, 20);
        let mut bench = Bench::deep();
        for mut message in venue.session(4_000) {
            if venue.random.below(4) == 0 {
                spoil(&mut message, &mut venue.random);
            }
            bench.one(message);
            assert!(bench.sink.records() <= 8, "{} records", bench.sink.records());
        }
        let arbiter = bench.channel.arbiter();
        assert_eq!((arbiter.messages, arbiter.lost_messages), (bench.next - 1, 0), "a spoiled message is still a message");
        assert!(bench.dropped().iter().map(|(_, count)| count).sum::<u64>() > 100);
        bench.channel.finish(bench.now_ns, &mut bench.sink);
    }
}

#[test]
fn a_flood_of_events_that_never_end_marks_books_and_harms_nobody_else() {
    let mut random = Random::new(3);
    let mut bench = Bench::deep();
    bench.one(deep_level("GOOD", b'B', 100, 1, true));
    for round in 0..20_000_u64 {
        let name = format!("X{}", random.below(200));
        let side = if random.below(2) == 0 { b'B' } else { b'S' };
        bench.one(deep_level(&name, side, 1 + random.below(1_000), 1 + random.below(5) as u32, random.below(2_000) == 0));
        if round % 100 == 0 {
            bench.one(deep_level("GOOD", b'B', 100, 2 + round as u32, true));
            assert_eq!(bench.sink.mbp1()[0].flags & MAYBE_BAD_BOOK, 0);
        }
    }
    let mut counted = bench.channel.drops().iter().map(|(reason, count)| (reason.name(), count)).collect::<Vec<_>>();
    counted.retain(|(name, _)| *name == "event_too_long");
    assert!(counted[0].1 > 10_000, "{counted:?}");
}

#[test]
fn spoiled_segments_on_two_lines_never_break_the_channel() {
    for seed in 1..=6 {
        let mut venue = Venue::new(seed, 60);
        let messages = venue.session(4_000);
        let mut random = Random::new(seed);
        let capacity = BooksCapacity { instruments: 64, orders: 1, levels: 400 };
        let (mut channel, mut sink) = (channel_with(FeedName::IexDeep, capacity, 2), Recorder { rows: 40, ..Recorder::default() });
        let mut last_ns = RECV_NS;
        for (now_ns, segment) in segments(&messages, RECV_NS, &mut random) {
            last_ns = now_ns;
            for line in 0..2 {
                let mut segment = segment.clone();
                match random.below(5) {
                    0 => spoil(&mut segment, &mut random),
                    1 => continue,
                    _ => {}
                }
                while let Some(due_ns) = channel.deadline_ns().filter(|&due_ns| due_ns <= now_ns) {
                    channel.on_time(due_ns, &mut sink);
                }
                channel.on_datagram(line, now_ns, &segment, &mut sink);
            }
            sink.take();
        }
        channel.finish(last_ns, &mut sink);
        channel.close(last_ns, &mut sink);
        // Where times are corrupt in every tenth segment, two that agree on a restart come about by chance.
        assert!(channel.arbiter().messages > 500, "{:?}", channel.arbiter());
    }
}

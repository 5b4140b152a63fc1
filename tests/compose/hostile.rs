//! Whatever the bytes are: no panic, no overflow (tests run with checks), and every message delivered or declared lost.

use tickwire::channel::Channel;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};

use crate::venue::*;

/// xorshift64: the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn itch_messages(seed: u64) -> Vec<Vec<u8>> {
    let mut session = Session::new(&GenerateConfig::whole_day(seed, 3_000, 20, MIDNIGHT_NS)).unwrap();
    let mut messages = Vec::new();
    while let Some(message) = session.next_message() {
        messages.push(message.bytes.to_vec());
    }
    messages
}

fn tops_messages(random: &mut Random) -> Vec<Vec<u8>> {
    (0..3_000)
        .map(|_| {
            let symbol = format!("S{}", random.below(30));
            let (bid, ask) = (random.next() >> (random.next() % 64), random.next() >> (random.next() % 64));
            match random.below(6) {
                0 => tops_trade(&symbol, bid, ask as u32),
                1 => tops_status(&symbol, b'H'),
                2 => tops_directory(&symbol, ask as u32),
                3 => tops_break(&symbol),
                _ => tops_quote(&symbol, (bid, bid as u32), (ask, ask as u32)),
            }
        })
        .collect()
}

/// Changes bytes, cuts, or lengthens.
fn spoil(bytes: &mut Vec<u8>, random: &mut Random) {
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len() + 1)),
        1 => bytes.extend((0..random.below(9)).map(|n| n as u8)),
        _ => {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 0xff, byte.wrapping_add(1), random.0 as u8][random.below(4)];
                }
            }
        }
    }
}

fn due(channel: &mut Channel, now_ns: u64, sink: &mut Recorder) {
    let mut runs = 0;
    while let Some(due_ns) = channel.deadline_ns().filter(|&due_ns| due_ns <= now_ns) {
        channel.on_time(due_ns, sink);
        runs += 1;
        assert!(runs < 100, "timers come to an end");
    }
}

#[test]
fn spoiled_messages_are_counted_once_each_and_harm_nothing_else() {
    for seed in 1..=6 {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.rotate_left(seed as u32));
        for feed in [FeedName::PsxItch, FeedName::IexTops] {
            let messages = if feed.has_orders() { itch_messages(seed) } else { tops_messages(&mut random) };
            let mut bench = Bench::new(feed);
            for mut message in messages.iter().cloned() {
                if random.below(4) == 0 {
                    spoil(&mut message, &mut random);
                }
                let before: u64 = bench.channel.drops().iter().map(|(_, count)| count).sum();
                bench.one(message.clone());
                let dropped = bench.channel.drops().iter().map(|(_, count)| count).sum::<u64>() - before;
                // An instrument that changes its symbol and then finds no room, or no order, is two things to count.
                assert!(dropped <= 2, "{dropped} reasons for {message:?}");
                assert!(bench.sink.records() <= 30 || !feed.has_orders(), "{} records", bench.sink.records());
            }
            let arbiter = bench.channel.arbiter();
            assert_eq!((arbiter.messages, arbiter.lost_messages), (bench.next - 1, 0), "a spoiled message is still a message");
        }
    }
}

#[test]
fn spoiled_packets_on_two_lines_never_break_the_channel() {
    for seed in 1..=6 {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.rotate_left(seed as u32));
        for feed in [FeedName::BxItch, FeedName::IexTops] {
            let messages = if feed.has_orders() { itch_messages(seed) } else { tops_messages(&mut random) };
            let capacity = tickwire::book::BooksCapacity { instruments: 64, orders: 100, levels: 400 };
            let (mut channel, mut sink) = (channel_with(feed, capacity, 2), Recorder { rows: 40, ..Recorder::default() });
            let (mut next, mut now_ns, mut session) = (1, RECV_NS, *b"SESSION001");
            for chunk in messages.chunks(3) {
                if random.below(200) == 0 {
                    (next, session[9]) = (1, session[9].wrapping_add(1));
                }
                for line in 0..2 {
                    let mut packet = match feed {
                        FeedName::IexTops => iextp(u32::from(session[9]), next, now_ns, next, chunk),
                        _ => mold(&session, next, chunk),
                    };
                    match random.below(5) {
                        0 => spoil(&mut packet, &mut random),
                        1 => continue,
                        _ => {}
                    }
                    // Clocks step back and far ahead, too.
                    now_ns = match random.below(50) {
                        0 => now_ns.saturating_sub(random.next() >> 30),
                        1 => now_ns.saturating_add(random.next() >> 30),
                        _ => now_ns + 1_000,
                    };
                    due(&mut channel, now_ns, &mut sink);
                    channel.on_datagram(line, now_ns, &packet, &mut sink);
                }
                next += chunk.len() as u64;
                sink.take();
            }
            channel.finish(now_ns, &mut sink);
            channel.close(now_ns, &mut sink);
        }
    }
}

#[test]
fn times_at_the_ends_of_their_range_are_just_numbers() {
    for feed in [FeedName::NasdaqItch, FeedName::IexTops] {
        for now_ns in [0, 1, u64::MAX - 1, u64::MAX] {
            let mut bench = Bench::new(feed);
            bench.now_ns = now_ns.max(500);
            match feed {
                FeedName::IexTops => bench.send(&[tops_quote("XYZ", (1, 1), (2, 2)), tops_trade("XYZ", 1, 1)]),
                _ => bench.send(&[add(5, "XYZ", 11, b'B', 300, 100_000), execute(5, 11, 1)]),
            }
            assert!(bench.sink.records() > 0);
            due(&mut bench.channel, u64::MAX, &mut bench.sink);
            bench.channel.finish(u64::MAX, &mut bench.sink);
        }
    }
}

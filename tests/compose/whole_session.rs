//! Whole generated sessions: a consumer that knows nothing but the record's letters ends with the exchange's own books.

use std::collections::BTreeMap;

use tickwire::book::BooksCapacity;
use tickwire::channel::Channel;
use tickwire::feed::name::FeedName;
use tickwire::generate::{BookTruth, GenerateConfig, LevelTruth, Session, Truth};
use tickwire::record::flags::{LAST, MAYBE_BAD_BOOK};
use tickwire::record::{BidAsk, ChannelState, Mbo, Mbp1, Mbp10, UNDEF_PRICE, control};

use crate::venue::*;

const CAPACITY: BooksCapacity = BooksCapacity { instruments: 1 << 16, orders: 1 << 16, levels: 1 << 18 };

/// A consumer of `mbo` that only knows that A, C, M and R change books.
#[derive(Default)]
struct Orders(BTreeMap<u32, BTreeMap<u64, (u8, i64, u32)>>);

impl Orders {
    fn take(&mut self, record: &Mbo) {
        let book = self.0.entry(record.hd.instrument_id).or_default();
        match record.action {
            b'A' => assert_eq!(book.insert(record.order_id, (record.side, record.price, record.size)), None),
            b'M' => assert!(book.insert(record.order_id, (record.side, record.price, record.size)).is_some()),
            b'C' => {
                let order = book.get_mut(&record.order_id).expect("cancelled orders are known");
                assert_eq!((order.0, order.1), (record.side, record.price));
                order.2 = order.2.checked_sub(record.size).expect("no more is cancelled than there is");
                if order.2 == 0 {
                    book.remove(&record.order_id);
                }
            }
            b'R' => book.clear(),
            b'T' | b'F' => {}
            other => panic!("action {}", other as char),
        }
    }

    fn levels(&self, instrument: u32, side: u8) -> Vec<LevelTruth> {
        let mut levels = BTreeMap::<i64, LevelTruth>::new();
        for &(_, price, size) in self.0.get(&instrument).into_iter().flat_map(BTreeMap::values).filter(|order| order.0 == side) {
            let level = levels.entry(price).or_insert(LevelTruth { price_e9: price, size: 0, orders: 0 });
            level.size += u64::from(size);
            level.orders += 1;
        }
        if side == b'B' { levels.into_values().rev().collect() } else { levels.into_values().collect() }
    }
}

/// Everything a reader of all rings keeps.
#[derive(Default)]
struct Reader {
    orders: Orders,
    mbp1: BTreeMap<u32, Mbp1>,
    mbp10: BTreeMap<u32, Mbp10>,
}

impl Reader {
    fn take(&mut self, out: Vec<Out>) {
        for out in out {
            match out {
                Out::Mbo(_, record) => self.orders.take(&record),
                Out::Mbp1(_, record) => {
                    self.mbp1.insert(record.hd.instrument_id, record);
                }
                Out::Mbp10(_, record) => {
                    self.mbp10.insert(record.hd.instrument_id, record);
                }
                _ => {}
            }
        }
    }

    fn agrees_with(&self, truth: &Truth) {
        for book in &truth.books {
            let id = u32::from(book.locate);
            assert_eq!(self.orders.levels(id, b'B'), book.bids, "mbo, bids of {id} after {} messages", truth.messages);
            assert_eq!(self.orders.levels(id, b'A'), book.asks, "mbo, asks of {id} after {} messages", truth.messages);
            let ten: [BidAsk; 10] = std::array::from_fn(|rank| level(book, rank));
            match self.mbp10.get(&id) {
                Some(record) => assert_eq!(record.levels, ten, "mbp-10 of {id} after {} messages", truth.messages),
                None => assert_eq!(ten, [BidAsk::EMPTY; 10]),
            }
            match self.mbp1.get(&id) {
                Some(record) => assert_eq!(record.levels[0], ten[0], "mbp-1 of {id} after {} messages", truth.messages),
                None => assert_eq!(ten[0], BidAsk::EMPTY),
            }
        }
    }
}

fn level(book: &BookTruth, rank: usize) -> BidAsk {
    let none = LevelTruth { price_e9: UNDEF_PRICE, size: 0, orders: 0 };
    let (bid, ask) = (book.bids.get(rank).unwrap_or(&none), book.asks.get(rank).unwrap_or(&none));
    let size = |level: &LevelTruth| u32::try_from(level.size).unwrap_or(u32::MAX);
    BidAsk { bid_px: bid.price_e9, ask_px: ask.price_e9, bid_sz: size(bid), ask_sz: size(ask), bid_ct: bid.orders, ask_ct: ask.orders }
}

fn config(seed: u64) -> GenerateConfig {
    GenerateConfig::whole_day(seed, 6_000, 40, MIDNIGHT_NS)
}

/// Plays a session, a few messages a packet; `lost` says which packets get lost. `after` sees the exchange as of each packet.
fn play(seed: u64, lost: impl Fn(u64) -> bool, mut after: impl FnMut(&Session, &mut Channel, &mut Recorder)) {
    let mut session = Session::new(&config(seed)).unwrap();
    let (mut channel, mut sink) = (channel_with(FeedName::NasdaqItch, CAPACITY, 1), Recorder::default());
    let (mut next, mut packet, mut now_ns) = (1, 0, 0);
    loop {
        let mut messages = Vec::new();
        // One to seven, never the same for long.
        while messages.len() as u64 <= (packet * 5 + seed) % 7
            && let Some(message) = session.next_message()
        {
            now_ns = message.time_ns;
            messages.push(message.bytes.to_vec());
        }
        if messages.is_empty() {
            break;
        }
        if !lost(packet) {
            // Hours can pass between two messages: the timers that came due meanwhile go first, as in a replay.
            while let Some(due_ns) = channel.deadline_ns().filter(|&due_ns| due_ns <= now_ns) {
                channel.on_time(due_ns, &mut sink);
            }
            channel.on_datagram(0, now_ns, &mold(b"SESSION001", next, &messages), &mut sink);
        }
        next += messages.len() as u64;
        packet += 1;
        after(&session, &mut channel, &mut sink);
    }
    channel.on_datagram(0, now_ns, &mold(b"SESSION001", next, &[]), &mut sink);
    channel.finish(now_ns, &mut sink);
    let arbiter = channel.arbiter();
    assert_eq!(arbiter.messages + arbiter.lost_messages, next - 1, "every message was delivered or declared lost");
    after(&session, &mut channel, &mut sink);
}

#[test]
fn a_reader_of_each_ring_always_agrees_with_the_exchange() {
    for seed in 1..=4 {
        let (mut reader, mut packets) = (Reader::default(), 0);
        play(
            seed,
            |_| false,
            |session, channel, sink| {
                reader.take(sink.take());
                packets += 1;
                if packets % 97 == 0 || session.messages() == config(seed).messages {
                    let truth = session.truth();
                    reader.agrees_with(&truth);
                    let books = channel.composer().books();
                    assert_eq!((books.live_orders(), books.price_levels()), (truth.live_orders, truth.price_levels));
                }
                if session.messages() == config(seed).messages {
                    assert_eq!(channel.drops().iter().count(), 0, "nothing of a clean session is dropped");
                    assert_eq!(channel.composer().instruments(), 40);
                }
            },
        );
    }
}

#[test]
fn nothing_is_marked_before_the_first_loss_and_everything_after_it() {
    for seed in 1..=4 {
        let mut opened = false;
        play(
            seed,
            |packet| packet > 200 && (packet * seed) % 23 == 0,
            |_, channel, sink| {
                for out in sink.take() {
                    match out {
                        Out::Control(record) => opened |= record.hd.rtype == control::GAP_OPEN,
                        Out::Mbo(_, Mbo { flags, .. }) | Out::Mbp1(_, Mbp1 { flags, .. }) | Out::Mbp10(_, Mbp10 { flags, .. }) => {
                            assert_eq!(flags & !LAST, if opened { MAYBE_BAD_BOOK } else { 0 });
                        }
                        _ => {}
                    }
                }
                assert_eq!(channel.state() == ChannelState::Stale, opened && channel.state() != ChannelState::Silent);
            },
        );
        assert!(opened);
    }
}

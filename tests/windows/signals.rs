//! Signals of books, beside a calculation that keeps every trade and knows nothing of buckets' rings.

use proptest::prelude::*;
use tickwire::record::signal::crossing;
use tickwire::record::{BidAsk, Mbp1, Mbp10, Schema, Signal, UNDEF_PRICE, action, flags, side};

use crate::rig::{Rig, SECOND_NS, Shape, TEN_NS, book, records};

/// The signal after `records`, of which all are of one instrument and the last has LAST.
pub fn naive(seen: &[Mbp10], levels: usize, flow_window_ns: u64) -> Signal {
    let last = seen.last().unwrap();
    let bucket = |record: &Mbp10| record.hd.ts_event / (flow_window_ns / 10);
    let traded = |on: u8| -> u64 {
        let mut sum = 0;
        for (at, record) in seen.iter().enumerate() {
            let latest = |until: usize| seen[..=until].iter().map(bucket).max().unwrap();
            // Old already when it came, or by now.
            let counts = bucket(record) + 10 > latest(at) && bucket(record) + 10 > latest(seen.len() - 1);
            if record.action == action::TRADE && record.side == on && counts {
                sum += u64::from(record.size);
            }
        }
        sum
    };
    let (bought, sold) = (traded(side::BID), traded(side::ASK));
    let shown = &last.levels[..levels];
    let bids: u64 = shown.iter().map(|level| u64::from(level.bid_sz)).sum();
    let asks: u64 = shown.iter().map(|level| u64::from(level.ask_sz)).sum();
    let ratio = |a: u64, b: u64| if a + b == 0 { 0 } else { ((a as i128 - b as i128) * 1_000_000_000 / (a as i128 + b as i128)) as i64 };
    let best = shown[0];
    let whole = best.bid_px != UNDEF_PRICE && best.ask_px != UNDEF_PRICE;
    let weighted = i128::from(best.bid_px) * i128::from(best.ask_sz) + i128::from(best.ask_px) * i128::from(best.bid_sz);
    Signal {
        hd: tickwire::record::Header { length: 20, rtype: 0xF2, ..last.hd },
        ts_recv: last.ts_recv,
        microprice: if whole { (weighted / i128::from(best.bid_sz + best.ask_sz)) as i64 } else { UNDEF_PRICE },
        spread: if whole { best.ask_px - best.bid_px } else { UNDEF_PRICE },
        size_imbalance: ratio(bids, asks),
        flow_imbalance: ratio(bought, sold),
        bought,
        sold,
        sequence: last.sequence,
        levels: levels as u8,
        flags: last.flags,
        crossing: match (whole, best.bid_px.cmp(&best.ask_px)) {
            (false, _) => crossing::ONE_SIDED,
            (_, std::cmp::Ordering::Less) => crossing::APART,
            (_, std::cmp::Ordering::Equal) => crossing::LOCKED,
            (_, std::cmp::Ordering::Greater) => crossing::CROSSED,
        },
        reserved: 0,
    }
}

#[derive(Clone, Copy, Debug)]
struct Event {
    row: u32,
    after_ns: i64,
    action: u8,
    side: u8,
    size: u32,
    last: bool,
    n: u32,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let action = prop::sample::select(&b"TTTACMR"[..]);
    let after = prop_oneof![5 => 0..60_000_000_i64, 2 => -80_000_000..0_i64, 1 => 0..4_000_000_000_i64];
    let event = (0..3_u32, after, action, prop::sample::select(&b"BAN"[..]), 1..1_000_u32, any::<bool>(), any::<u32>());
    let event = event.prop_map(|(row, after_ns, action, side, size, last, n)| Event { row, after_ns, action, side, size, last, n });
    prop::collection::vec(event, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_last_record_has_the_signal_of_the_naive_calculation(events in events(), levels in 1..=10_u8, window in 1..30_u64, looks in 1..40_usize) {
        let flow_window_ns = window * 50_000_000;
        let mut rig = Rig::of(&Shape { signal_levels: levels, flow_window_ns, ..Shape::default() });
        let mut seen = vec![Vec::new(); 3];
        let mut expected = Vec::new();
        let mut now = TEN_NS;
        for (at, event) in events.iter().enumerate() {
            now = now.saturating_add_signed(event.after_ns);
            let bits = if event.last { flags::LAST } else { 0 } | if event.n % 9 == 0 { flags::MAYBE_BAD_BOOK } else { 0 };
            let mut record = book(event.row, now, event.action, event.side, event.size, bits, event.n % 100_000);
            match event.n % 11 {
                0 => record.levels[0] = BidAsk { bid_px: UNDEF_PRICE, bid_sz: 0, ..record.levels[0] },
                1 => record.levels = [BidAsk::EMPTY; 10],
                _ => {}
            }
            rig.publish(event.row, &record);
            let seen = &mut seen[event.row as usize];
            seen.push(record);
            if event.last {
                expected.push(naive(seen, usize::from(levels), flow_window_ns));
            }
            if at % looks == 0 {
                rig.look();
            }
        }
        let (rings, _) = rig.end();
        prop_assert_eq!(records(&rings.signals), expected);
    }
}

#[test]
fn a_signal_in_figures() {
    let mut rig = Rig::new();
    let mut record = book(0, TEN_NS, action::TRADE, side::BID, 300, 0, 1);
    record.levels = [BidAsk::EMPTY; 10];
    record.levels[0] = BidAsk { bid_px: 100_000, ask_px: 100_100, bid_sz: 300, ask_sz: 100, bid_ct: 1, ask_ct: 1 };
    record.levels[1] = BidAsk { bid_px: 99_900, ask_px: 100_200, bid_sz: 300, ask_sz: 300, bid_ct: 1, ask_ct: 1 };
    rig.publish(0, &record);
    rig.publish(0, &Mbp10 { side: side::ASK, size: 100, flags: flags::LAST, ..record });
    let (rings, _) = rig.end();
    let [signal] = records(&rings.signals)[..] else { panic!("one for the message") };
    assert_eq!(signal.microprice, 100_075, "the heavier side pushes");
    assert_eq!((signal.spread, signal.crossing, signal.levels), (100, crossing::APART, 5));
    assert_eq!((signal.size_imbalance, signal.flow_imbalance), (200_000_000, 500_000_000));
    assert_eq!((signal.bought, signal.sold), (300, 100));
}

#[test]
fn a_trade_counts_for_nine_to_ten_tenths_of_the_flow_window() {
    let mut rig = Rig::new();
    let tenth = SECOND_NS / 10;
    rig.publish(0, &book(0, TEN_NS + 5, action::TRADE, side::BID, 300, flags::LAST, 1));
    for at in [9 * tenth + 4, 10 * tenth - 1, 10 * tenth] {
        rig.publish(0, &book(0, TEN_NS + at, action::ADD, side::BID, 1, flags::LAST, 1));
    }
    let bought: Vec<u64> = records(&rig.end().0.signals).iter().map(|signal| signal.bought).collect();
    assert_eq!(bought, [300, 300, 300, 0]);
}

#[test]
fn a_source_that_tells_only_the_top_has_signals_of_one_level() {
    let mut rig = Rig::of(&Shape { source: vec![Schema::Venue, Schema::Mbp1], ..Shape::default() });
    let deep = book(0, TEN_NS, action::ADD, side::BID, 1, flags::LAST, 3);
    let Mbp10 { price, size, action, side, flags, depth, ts_recv, ts_in_delta, sequence, .. } = deep;
    let hd = tickwire::record::Header::of::<Mbp1>(2, 100, TEN_NS);
    let levels = [deep.levels[0]];
    rig.publish(0, &Mbp1 { hd, price, size, action, side, flags, depth, ts_recv, ts_in_delta, sequence, levels });
    let [signal] = records(&rig.end().0.signals)[..] else { panic!("one") };
    assert_eq!((signal.levels, signal), (1, naive(&[deep], 1, SECOND_NS)));
}

#[test]
fn signals_that_are_lapped_go_on_from_the_board_and_their_flow_begins_anew() {
    let mut rig = Rig::of(&Shape { depth: 64, ..Shape::default() });
    rig.publish(0, &book(0, TEN_NS, action::TRADE, side::BID, 1_000, flags::LAST, 1));
    rig.look();
    for n in 0..1_000_u32 {
        rig.publish(n % 4 + 1, &book(n % 4 + 1, TEN_NS + u64::from(n), action::ADD, side::BID, 1, flags::LAST, n));
    }
    rig.look();
    rig.publish(0, &book(0, TEN_NS + 2_000, action::TRADE, side::ASK, 10, flags::LAST, 9));
    let (rings, counters) = rig.end();
    assert!(counters.lapped_book >= 900, "{}", counters.lapped_book);
    let signals = records(&rings.signals);
    let of_the_board: Vec<u32> = signals.iter().filter(|signal| signal.flags & flags::SNAPSHOT != 0).map(|s| s.hd.instrument_id).collect();
    assert_eq!(of_the_board, [100, 101, 102, 103, 104], "every book as it is now");
    let last = signals.last().unwrap();
    assert_eq!((last.bought, last.sold), (0, 10));
}

//! A source that tells nonsense: no panic, no memory without a bound, every record accounted for.

use proptest::prelude::*;
use tickwire::record::{BidAsk, Control, Header, Mbp10, Sink, UNDEF_PRICE, Venue, control};
use tickwire::shm::{Publication, Publisher};
use tickwire::windows::{Bars, BarsConfig, Turn};

use crate::rig::{Rig, SECOND_NS, TEN_NS, records, trade};
use crate::shm_support::Room;

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(u64::MAX - 1),
        any::<u64>(),
        Just(TEN_NS),
        (0..10_u64).prop_map(|s| TEN_NS + s * SECOND_NS)
    ]
}

fn any_price() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX - 1), Just(UNDEF_PRICE), Just(0), any::<i64>()]
}

fn any_size() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(u32::MAX), any::<u32>()]
}

prop_compose! {
    fn any_venue()(id in 98..108_u32, publisher in 1..4_u16, ts_event in any_time(), ts_recv in any_time(), price in any_price(), size in any_size(),
                   reference in 0..50_u64, kind in 0..14_u8) -> (u32, Venue) {
        let mut record = Venue { hd: Header::of::<Venue>(publisher, id, ts_event), ts_recv, reference, size, kind: kind.saturating_sub(4).min(1), ..Venue::BLANK };
        if kind > 10 {
            record.kind = kind * 17;
        }
        record.prices[0] = price;
        (id % 5, record)
    }
}

prop_compose! {
    fn any_book()(id in 98..108_u32, ts_event in any_time(), ts_recv in any_time(), bid_px in any_price(), ask_px in any_price(), bid_sz in any_size(),
                  ask_sz in any_size(), action in any::<u8>(), side in any::<u8>(), flags in any::<u8>(), trade in any::<bool>()) -> (u32, Mbp10) {
        let (action, side) = if trade { (b'T', b"BAN"[usize::from(side % 3)]) } else { (action, side) };
        let level = BidAsk { bid_px, ask_px, bid_sz, ask_sz, bid_ct: 0, ask_ct: 0 };
        (id % 5, Mbp10 { hd: Header::of::<Mbp10>(2, id, ts_event), price: 0, size: ask_sz, action, side, flags, depth: 0, ts_recv, ts_in_delta: 0, sequence: 0, levels: [level; 10] })
    }
}

prop_compose! {
    fn any_control()(rtype in 0xE0..0xEF_u8, channel in 0..3_u16, cause in 0..16_u8, ts_event in any_time(), ts_recv in any_time(), first in any::<u64>()) -> Control {
        Control { hd: Header { length: 14, rtype, publisher_id: 2, instrument_id: 0, ts_event }, ts_recv, first_sequence: first, last_sequence: 0, channel, cause, reserved: [0; 13] }
    }
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
enum Nonsense {
    Venue(u32, Venue),
    Book(u32, Mbp10),
    Control(Control),
    Watermark(u16, u64),
    Look,
}

fn nonsense() -> impl Strategy<Value = Vec<Nonsense>> {
    let one = prop_oneof![
        6 => any_venue().prop_map(|(row, record)| Nonsense::Venue(row, record)),
        4 => any_book().prop_map(|(row, record)| Nonsense::Book(row, record)),
        2 => any_control().prop_map(Nonsense::Control),
        1 => (0..2_u16, any_time()).prop_map(|(channel, at)| Nonsense::Watermark(channel, at)),
        2 => Just(Nonsense::Look),
    ];
    prop::collection::vec(one, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_harms_nothing_and_every_trade_is_accounted_for(all in nonsense()) {
        let mut rig = Rig::new();
        let mut trades = 0;
        for one in all {
            match one {
                Nonsense::Venue(row, record) => {
                    let known = record.hd.publisher_id == 2 && (100..105).contains(&record.hd.instrument_id);
                    trades += u64::from(record.kind == 0 && known);
                    rig.publish(row, &record);
                }
                Nonsense::Book(row, record) => rig.publish(row, &record),
                Nonsense::Control(record) => rig.source().control(&record),
                Nonsense::Watermark(channel, at) => rig.watermark(channel, at),
                Nonsense::Look => rig.look(),
            }
        }
        let (rings, counters) = rig.end();
        // Every trade is refused, or late for its day, or told with its day; only a break takes it out again. One that is late for the day
        // (after the end of the session, say) may still be counted in its second.
        let of_their_day = trades.checked_sub(counters.trades_refused + counters.late_1d);
        prop_assert!(of_their_day.is_some(), "{counters:?} of {trades} trades");
        let of_their_day = of_their_day.unwrap_or(0);
        prop_assert!((of_their_day..=trades - counters.trades_refused).contains(&counters.trades), "{counters:?} of {trades} trades");
        let told: u64 = records(&rings.vwap).iter().filter(|vwap| vwap.window == 3).map(|vwap| u64::from(vwap.trades)).sum();
        let broken = counters.breaks - counters.break_unknown;
        prop_assert!((of_their_day.saturating_sub(broken)..=of_their_day).contains(&told), "told {told}, {counters:?} of {trades} trades");
        for vwap in records(&rings.vwap) {
            prop_assert!(vwap.trades > 0 && vwap.volume > 0);
        }
    }
}

#[test]
fn the_largest_prices_and_sizes_are_summed_up_without_running_over() {
    let mut rig = Rig::new();
    for n in 0..1_000 {
        rig.trade(0, TEN_NS, n, i64::MAX - 1, u32::MAX);
        rig.trade(1, TEN_NS, n, i64::MIN, u32::MAX);
    }
    let (rings, counters) = rig.end();
    let days: Vec<_> = records(&rings.vwap).into_iter().filter(|vwap| vwap.window == 3).collect();
    assert_eq!((days[0].vwap, days[1].vwap), (i64::MAX - 1, i64::MIN));
    assert_eq!(days[0].volume, 1_000 * u64::from(u32::MAX));
    let notional = i128::from(days[0].notional_high) << 64 | i128::from(days[0].notional_low);
    assert_eq!(notional, i128::from(i64::MAX - 1) * 1_000 * i128::from(u32::MAX));
    assert_eq!(counters.trades, 2_000);
}

#[test]
fn a_trade_a_minute_ahead_of_its_receipt_is_refused_and_closes_nothing() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.publish(0, &Venue { ts_recv: TEN_NS, ..trade(0, TEN_NS + 61 * SECOND_NS, 2, 500, 100) });
    rig.trade(0, TEN_NS + 1, 3, 500, 100);
    let (rings, counters) = rig.end();
    assert_eq!((counters.trades, counters.trades_refused, counters.late_1s), (2, 1, 0));
    assert_eq!(records(&rings.seconds)[0].volume, 200);
}

#[test]
fn a_venue_whose_every_time_is_ahead_is_believed_from_the_second_record_on() {
    let mut rig = Rig::new();
    for n in 0..10 {
        rig.publish(0, &Venue { ts_recv: n, ..trade(0, TEN_NS + n * SECOND_NS, n, 500, 100) });
    }
    let (rings, counters) = rig.end();
    assert_eq!((counters.trades, counters.trades_refused, records(&rings.seconds).len()), (9, 1, 9));
}

#[test]
fn rows_that_are_in_no_table_take_no_memory() {
    let config = BarsConfig { channels: 1, instruments: 4, windows: [true; 4], remembered_trades: 4 };
    let mut bars = Bars::new(&config);
    for row in [4, 1 << 20, u32::MAX] {
        bars.record(row, 0, &trade(row % 4, TEN_NS, 1, 1, 1), &mut |_| panic!("nothing closes"));
        bars.record(row, 7, &trade(row % 4, TEN_NS, 1, 1, 1), &mut |_| panic!("nothing closes"));
    }
    assert_eq!(bars.counters().trades_refused, 6);
}

#[test]
fn no_more_trades_are_remembered_than_was_said() {
    let config = BarsConfig { channels: 1, instruments: 4, windows: [true; 4], remembered_trades: 1_000 };
    let mut bars = Bars::new(&config);
    for n in 0..50_000 {
        bars.record((n % 4) as u32, 0, &trade((n % 4) as u32, TEN_NS + n, n, 100, 1), &mut |_| panic!("nothing closes"));
    }
    for n in 0..50_000 {
        bars.record((n % 4) as u32, 0, &crate::rig::trade_break((n % 4) as u32, TEN_NS + 60_000, n), &mut |_| panic!("nothing closes"));
    }
    assert_eq!((bars.counters().break_unknown, bars.counters().break_late), (49_000, 0));
    let mut volume = 0;
    bars.end(&mut |closed| volume += if closed.window == tickwire::windows::Window::Day { closed.bar.volume } else { 0 });
    assert_eq!(volume, 49_000, "what is no longer remembered stays");
}

#[test]
fn a_source_without_the_rings_is_refused_and_one_that_vanishes_ends() {
    let room = Room::new();
    let mut spec = room.spec("source", &[(tickwire::record::Schema::Trades, 64)]);
    let publisher = Publisher::create(&spec).unwrap();
    (spec.name, spec.rings) = ("computed".into(), vec![tickwire::shm::RingSpec { schema: tickwire::record::Schema::Vwap, depth: 64 }]);
    let config = tickwire::windows::ComputeConfig { spec, signal_levels: 5, flow_window_ns: SECOND_NS, remembered_trades: 16 };
    let refused = tickwire::windows::Computing::new(Publication::open(room.path(), "source").unwrap(), &config, false).unwrap_err();
    assert!(refused.to_string().contains("has no venue ring"), "{refused}");
    drop(publisher);
    let mut rig = Rig::new();
    rig.control(control::SESSION_START, control::cause::FIRST, 0);
    rig.source = None;
    assert_eq!(rig.read_all(), Turn::End);
}

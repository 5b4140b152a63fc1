//! Bars one by one: what is counted where, and what is told when.

use tickwire::record::{ChannelState, Sink, Venue, control, flags, venue::kind};
use tickwire::shm::From;

use crate::rig::{Rig, SECOND_NS, Shape, TEN_NS, control_of, controls, instrument, records, trade};

#[test]
fn a_bar_is_told_when_the_venues_time_has_reached_its_end_and_not_before() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS + 10, 1, 500, 100);
    rig.trade(0, TEN_NS + 20, 2, 700, 50);
    rig.trade(0, TEN_NS + 30, 3, 400, 50);
    rig.watermark(0, TEN_NS + SECOND_NS - 1);
    rig.look();
    assert_eq!(rig.rings.seconds, [], "a nanosecond is left");
    rig.watermark(0, TEN_NS + SECOND_NS);
    rig.look();
    let bars = records(&rig.rings.seconds);
    assert_eq!(bars.len(), 1);
    let bar = bars[0];
    assert_eq!((bar.hd.instrument_id, bar.hd.publisher_id, bar.hd.rtype), (100, 2, 0x20));
    assert_eq!((bar.hd.ts_event, bar.open, bar.high, bar.low, bar.close, bar.volume), (TEN_NS, 500, 700, 400, 400, 200));
    let vwap = records(&rig.rings.vwap)[0];
    assert_eq!((vwap.vwap, vwap.volume, vwap.trades, vwap.window, vwap.flags), (525, 200, 3, 0, 0));
    assert_eq!((vwap.notional_low, vwap.notional_high), (105_000, 0));
    assert_eq!(rig.rings.minutes, [], "the minute goes on");
    assert_eq!(rig.computed().watermark_ns(0), TEN_NS + SECOND_NS, "whoever reads the bars knows how far they go");
}

#[test]
fn windows_without_trades_have_no_bar_so_a_halt_needs_no_rule() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.trade(0, TEN_NS + 1_800 * SECOND_NS, 2, 900, 100);
    let (rings, _) = rig.end();
    let starts: Vec<u64> = records(&rings.minutes).iter().map(|bar| (bar.hd.ts_event - TEN_NS) / SECOND_NS).collect();
    assert_eq!(starts, [0, 1_800]);
    assert_eq!(records(&rings.hours).len(), 1);
}

#[test]
fn windows_that_end_at_once_are_told_the_shorter_first_and_then_row_by_row() {
    let mut rig = Rig::new();
    for row in [3, 0, 2] {
        rig.trade(row, TEN_NS - 1, u64::from(row), 500, 100);
    }
    rig.watermark(0, TEN_NS);
    rig.look();
    let order: Vec<_> = records(&rig.rings.vwap).iter().map(|vwap| (vwap.window, vwap.hd.instrument_id)).collect();
    assert_eq!(order, [(0, 100), (0, 102), (0, 103), (1, 100), (1, 102), (1, 103), (2, 100), (2, 102), (2, 103)]);
}

#[test]
fn a_late_trade_is_counted_for_the_windows_it_missed_and_in_those_that_go_on() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS + 5 * SECOND_NS, 1, 500, 100);
    rig.trade(0, TEN_NS + 3 * SECOND_NS, 2, 600, 1);
    let (rings, counters) = rig.end();
    assert_eq!([counters.late_1s, counters.late_1m, counters.late_1h, counters.late_1d], [1, 0, 0, 0]);
    assert_eq!(records(&rings.seconds).iter().map(|bar| bar.volume).collect::<Vec<_>>(), [100]);
    let minute = records(&rings.minutes)[0];
    assert_eq!((minute.open, minute.close, minute.volume), (500, 600, 101), "in the order in which the venue told them");
}

#[test]
fn a_break_takes_its_trade_out_of_what_is_open_and_leaves_what_was_told() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.trade(0, TEN_NS + 1, 2, 900, 100);
    rig.trade(0, TEN_NS + 2, 3, 600, 100);
    rig.break_trade(0, TEN_NS + 3, 2);
    rig.break_trade(0, TEN_NS + 4, 2);
    rig.break_trade(0, TEN_NS + 5, 77);
    rig.break_trade(1, TEN_NS + 6, 1);
    rig.break_trade(0, TEN_NS + SECOND_NS, 1);
    let (rings, counters) = rig.end();
    let second = records(&rings.seconds)[0];
    assert_eq!((second.open, second.high, second.low, second.close, second.volume), (500, 600, 500, 600, 200));
    let day = records(&rings.days)[0];
    assert_eq!((day.open, day.high, day.low, day.close, day.volume), (600, 600, 600, 600, 100));
    assert_eq!((counters.breaks, counters.break_unknown, counters.break_late), (5, 3, 1), "twice, never seen, another instrument's");
}

#[test]
fn a_window_whose_every_trade_was_broken_has_no_bar() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.trade(1, TEN_NS, 2, 500, 100);
    rig.break_trade(0, TEN_NS + 1, 1);
    let (rings, _) = rig.end();
    assert_eq!(records(&rings.days).iter().map(|bar| bar.hd.instrument_id).collect::<Vec<_>>(), [101]);
}

#[test]
fn a_gap_marks_the_windows_of_its_channel_from_what_was_before_it_to_the_first_record_after_it() {
    let shape = Shape { channels: 2, ..Shape::default() };
    let mut rig = Rig::of(&shape);
    // Rows 0, 2, 4 are of channel 0, the others of channel 1.
    for (second, reference) in [(0, 1), (1, 2)] {
        rig.trade(0, TEN_NS + second * SECOND_NS, reference, 500, 100);
        rig.trade(1, TEN_NS + second * SECOND_NS, reference, 500, 100);
    }
    let at = TEN_NS + SECOND_NS + 500;
    rig.source().control(&control_of(0, control::GAP_OPEN, control::cause::TIMED_OUT, at));
    rig.source().control(&control_of(0, control::GAP_CLOSED, control::cause::LOST, at));
    for (second, reference) in [(3, 3), (4, 4)] {
        rig.trade(0, TEN_NS + second * SECOND_NS, reference, 500, 100);
        rig.trade(1, TEN_NS + second * SECOND_NS, reference, 500, 100);
    }
    let (rings, counters) = rig.end();
    let marked: Vec<_> = records(&rings.vwap)
        .iter()
        .filter(|vwap| vwap.flags & flags::MAYBE_BAD_BOOK != 0)
        .map(|vwap| (vwap.hd.instrument_id, vwap.window, (vwap.hd.ts_event.saturating_sub(TEN_NS)) / SECOND_NS))
        .collect();
    assert_eq!(marked, [(100, 0, 1), (100, 0, 3), (100, 1, 0), (100, 2, 0), (100, 3, 0)]);
    assert_eq!(counters.windows_marked, 5);
    let told: Vec<_> = controls(&rings.minutes).iter().map(|record| (record.hd.rtype, record.channel)).collect();
    assert_eq!(told, [(control::GAP_OPEN, 0), (control::GAP_CLOSED, 0)], "a reader of bars learns of it too");
}

#[test]
fn what_came_after_all_marks_nothing() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.control(control::GAP_OPEN, control::cause::HEARTBEAT, TEN_NS);
    rig.control(control::GAP_CLOSED, control::cause::RECOVERED, TEN_NS);
    rig.trade(0, TEN_NS + 2 * SECOND_NS, 2, 500, 100);
    assert_eq!(rig.end().1.windows_marked, 0);
}

#[test]
fn the_end_of_a_session_closes_every_window_and_none_is_told_twice() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.control(control::SESSION_END, control::cause::NONE, TEN_NS + 5);
    rig.look();
    assert_eq!((rig.rings.seconds.len(), rig.rings.days.len()), (2, 2), "the bar, and then the end");
    assert_eq!(controls(&rig.rings.days).len(), 1);
    rig.trade(0, TEN_NS + 6, 2, 500, 100);
    rig.trade(0, TEN_NS + SECOND_NS, 3, 500, 100);
    let (rings, counters) = rig.end();
    assert_eq!((records(&rings.seconds).len(), records(&rings.days).len()), (2, 1));
    assert_eq!([counters.late_1s, counters.late_1m, counters.late_1h, counters.late_1d], [1, 2, 2, 2]);
}

#[test]
fn controls_of_the_side_ring_reach_each_ring_of_bars_once_and_those_of_the_book_the_signals() {
    let mut rig = Rig::new();
    rig.control(control::SESSION_START, control::cause::FIRST, 0);
    rig.control(control::SYSTEM_EVENT, b'O', TEN_NS);
    let (rings, _) = rig.end();
    let counts = [
        controls(&rings.seconds).len(),
        controls(&rings.minutes).len(),
        controls(&rings.hours).len(),
        controls(&rings.days).len(),
        controls(&rings.vwap).len(),
        controls(&rings.signals).len(),
    ];
    assert_eq!(counts, [2; 6]);
}

#[test]
fn instruments_have_the_rows_of_the_source_and_channels_its_states() {
    let mut rig = Rig::new();
    rig.source().channel_state(0, ChannelState::Stale, TEN_NS);
    rig.trade(4, TEN_NS, 1, 500, 100);
    rig.source().instrument(&instrument(5, 1)).unwrap();
    rig.trade(5, TEN_NS, 2, 500, 100);
    rig.source().channel_state(0, ChannelState::Ended, TEN_NS + 512);
    rig.look();
    let (source, computed) = (tickwire::shm::Publication::open(rig.room.path(), "source").unwrap(), rig.computed());
    assert_eq!(source.instruments().collect::<Vec<_>>(), computed.instruments().collect::<Vec<_>>());
    let state = |publication: &tickwire::shm::Publication| {
        let row = publication.channel_states().remove(0);
        (row.name, row.state, row.doubted, row.since_ns)
    };
    assert_eq!(state(&source), state(&computed));
    rig.watermark(0, TEN_NS + SECOND_NS);
    rig.look();
    let mut joined = rig.computed().subscribe::<tickwire::record::Ohlcv1S>(From::Board).unwrap();
    let tickwire::shm::Item::Board { row: 4, record, .. } = joined.next().unwrap() else { panic!("on the board of its row") };
    assert_eq!(record.hd.instrument_id, 104);
}

#[test]
fn only_the_symbols_wanted_are_told() {
    let symbols = Some(vec!["S03".to_owned(), "S01".to_owned()]);
    let mut rig = Rig::of(&Shape { symbols, ..Shape::default() });
    for row in 0..5 {
        rig.trade(row, TEN_NS, u64::from(row), 500, 100);
    }
    let rows = rig.computed().instruments().count();
    assert_eq!(rows, 0, "before the first look");
    let (rings, counters) = rig.end();
    assert_eq!(records(&rings.days).iter().map(|bar| bar.hd.instrument_id).collect::<Vec<_>>(), [101, 103]);
    assert_eq!((counters.trades, counters.unknown_instrument), (5, 0));
}

#[test]
fn a_reader_that_is_lapped_says_so_marks_what_is_open_and_goes_on() {
    let mut rig = Rig::of(&Shape { depth: 64, ..Shape::default() });
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.look();
    for n in 2..1_002 {
        rig.trade(0, TEN_NS + n, n, 500, 100);
    }
    rig.look();
    rig.trade(0, TEN_NS + SECOND_NS, 5_000, 500, 7);
    rig.trade(0, TEN_NS + 2 * SECOND_NS, 5_001, 500, 8);
    let (rings, counters) = rig.end();
    assert!(counters.lapped_venue >= 900 && counters.lapped_venue <= 1_000, "{}", counters.lapped_venue);
    assert_eq!(counters.trades + counters.lapped_venue, 1_003, "counted or lost");
    let told: Vec<_> = controls(&rings.seconds).iter().map(|record| (record.hd.rtype, record.cause)).collect();
    assert_eq!(told, [(control::GAP_OPEN, control::cause::LAPPED), (control::GAP_CLOSED, control::cause::LOST)]);
    let marked: Vec<_> = records(&rings.vwap).iter().filter(|vwap| vwap.window == 0).map(|vwap| (vwap.volume, vwap.flags)).collect();
    let bad = flags::MAYBE_BAD_BOOK;
    assert_eq!(marked[1..], [(7, bad), (8, 0)]);
    assert_eq!(marked[0].1, bad);
}

#[test]
fn what_is_no_trade_moves_the_clock_and_nothing_else() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.publish(1, &Venue { kind: kind::ATTRIBUTION, ..trade(1, TEN_NS + SECOND_NS, 9, 1, 1) });
    rig.look();
    assert_eq!(records(&rig.rings.seconds).len(), 1);
    assert_eq!(rig.end().1.trades, 1);
}

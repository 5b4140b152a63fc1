//! Every row of the table "TotalView-ITCH 5.0 → records".

use tickwire::record::{BidAsk, Header, Mbo, Mbp1, Schema, Trade, flags::LAST, flags::MAYBE_BAD_BOOK, side};

use crate::venue::*;

const TS_EVENT: u64 = MIDNIGHT_NS + VENUE_NS;

fn hd(schema: Schema) -> Header {
    Header { length: (schema.record_size() / 4) as u8, rtype: schema.rtype(), publisher_id: 2, instrument_id: 5, ts_event: TS_EVENT }
}

fn mbo(sequence: u32, action: u8, side: u8, order_id: u64, price: i64, size: u32, flags: u8) -> Mbo {
    Mbo { hd: hd(Schema::Mbo), order_id, price, size, flags, channel_id: 7, action, side, ts_recv: RECV_NS, ts_in_delta: 1_000, sequence }
}

/// (action, side, price, size, depth, flags)
type Act = (u8, u8, i64, u32, u8, u8);

fn mbp1(sequence: u32, act: Act, level: BidAsk) -> Mbp1 {
    let (action, side, price, size, depth, flags) = act;
    Mbp1 { hd: hd(Schema::Mbp1), price, size, action, side, flags, depth, ts_recv: RECV_NS, ts_in_delta: 1_000, sequence, levels: [level] }
}

fn trade_record(sequence: u32, side: u8, price: i64, size: u32) -> Trade {
    Trade { hd: hd(Schema::Trades), price, size, action: b'T', side, flags: LAST, depth: 0, ts_recv: RECV_NS, ts_in_delta: 1_000, sequence }
}

fn bid(price_e4: u32, size: u32, orders: u32) -> BidAsk {
    BidAsk { bid_px: px(price_e4), bid_sz: size, bid_ct: orders, ..BidAsk::EMPTY }
}

fn ask(price_e4: u32, size: u32, orders: u32) -> BidAsk {
    BidAsk { ask_px: px(price_e4), ask_sz: size, ask_ct: orders, ..BidAsk::EMPTY }
}

/// A bench on which XYZ (locate 5) has these orders: (reference, side, shares, price). The next message is number `orders + 1`.
fn with_orders(orders: &[(u64, u8, u32, u32)]) -> Bench {
    let mut bench = Bench::itch();
    for &(order, side, shares, price) in orders {
        bench.one(add(5, "XYZ", order, side, shares, price));
    }
    bench
}

#[test]
fn an_add_is_an_a_in_mbo_and_in_both_mbp_schemas() {
    for message in [add(5, "XYZ", 11, b'B', 300, 100_000), add_mpid(5, "XYZ", 11, b'B', 300, 100_000)] {
        let mut bench = Bench::itch();
        bench.one(message);
        assert_eq!(bench.sink.mbo(), [mbo(1, b'A', b'B', 11, px(100_000), 300, LAST)]);
        assert_eq!(bench.sink.mbp1(), [mbp1(1, (b'A', b'B', px(100_000), 300, 0, LAST), bid(100_000, 300, 1))]);
        let [record] = bench.sink.mbp10()[..] else { panic!("one mbp-10 record") };
        assert_eq!((record.hd, record.action, record.side, record.flags), (hd(Schema::Mbp10), b'A', b'B', LAST));
        assert_eq!((record.levels[0], record.levels[1]), (bid(100_000, 300, 1), BidAsk::EMPTY));
        assert_eq!((bench.sink.trades().len(), bench.dropped()), (0, vec![]));
    }
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'S', 300, 100_000));
    assert_eq!(bench.sink.mbo(), [mbo(1, b'A', b'A', 11, px(100_000), 300, LAST)], "the ask side is A in records, S on the wire");
    assert_eq!(bench.sink.mbp1()[0].levels, [ask(100_000, 300, 1)]);
}

#[test]
fn an_execution_is_the_trade_the_fill_and_the_cancel_with_the_book_before_and_after() {
    let mut bench = with_orders(&[(11, b'S', 300, 100_000)]);
    bench.one(execute(5, 11, 100));
    assert_eq!(
        bench.sink.mbo(),
        [
            mbo(2, b'T', b'B', 0, px(100_000), 100, 0),
            mbo(2, b'F', b'A', 11, px(100_000), 100, 0),
            mbo(2, b'C', b'A', 11, px(100_000), 100, LAST)
        ],
        "the aggressor of a resting offer is a buyer"
    );
    assert_eq!(bench.sink.trades(), [trade_record(2, b'B', px(100_000), 100)]);
    assert_eq!(
        bench.sink.mbp1(),
        [
            mbp1(2, (b'T', b'B', px(100_000), 100, 0, 0), ask(100_000, 300, 1)),
            mbp1(2, (b'C', b'A', px(100_000), 100, 0, LAST), ask(100_000, 200, 1))
        ]
    );
    let flags: Vec<u8> = bench.sink.mbp10().iter().map(|record| record.flags).collect();
    assert_eq!(flags, [0, LAST]);
    bench.one(execute(5, 11, 200));
    assert_eq!(bench.sink.mbp1()[1].levels, [BidAsk::EMPTY], "the last shares take the level with them");
}

#[test]
fn an_execution_below_the_top_is_only_a_trade_in_mbp_1_and_that_is_then_the_last_record() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000), (12, b'B', 50, 99_000)]);
    bench.one(execute(5, 12, 50));
    assert_eq!(bench.sink.mbp1(), [mbp1(3, (b'T', b'A', px(99_000), 50, 0, LAST), bid(100_000, 300, 1))]);
    let actions: Vec<_> = bench.sink.mbp10().iter().map(|record| (record.action, record.depth, record.flags)).collect();
    assert_eq!(actions, [(b'T', 0, 0), (b'C', 1, LAST)]);
}

#[test]
fn an_execution_at_a_price_trades_there_and_cancels_at_the_orders_own() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
    bench.one(execute_at(5, 11, 100, b'Y', 99_500));
    assert_eq!(
        bench.sink.mbo(),
        [
            mbo(2, b'T', b'A', 0, px(99_500), 100, 0),
            mbo(2, b'F', b'B', 11, px(99_500), 100, 0),
            mbo(2, b'C', b'B', 11, px(100_000), 100, LAST)
        ]
    );
    assert_eq!(bench.sink.trades(), [trade_record(2, b'A', px(99_500), 100)]);
    assert_eq!(bench.sink.mbp1()[0].price, px(99_500));
}

#[test]
fn an_execution_that_a_cross_has_printed_makes_no_trade_record_anywhere() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
    bench.one(execute_at(5, 11, 100, b'N', 99_500));
    assert_eq!(bench.sink.mbo(), [mbo(2, b'F', b'B', 11, px(99_500), 100, 0), mbo(2, b'C', b'B', 11, px(100_000), 100, LAST)]);
    assert_eq!(bench.sink.trades(), []);
    assert_eq!(bench.sink.mbp1(), [mbp1(2, (b'C', b'B', px(100_000), 100, 0, LAST), bid(100_000, 200, 1))]);
}

#[test]
fn cancels_and_deletes_tell_what_was_taken_away() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
    bench.one(cancel(5, 11, 100));
    assert_eq!(bench.sink.mbo(), [mbo(2, b'C', b'B', 11, px(100_000), 100, LAST)]);
    assert_eq!(bench.sink.mbp1(), [mbp1(2, (b'C', b'B', px(100_000), 100, 0, LAST), bid(100_000, 200, 1))]);
    bench.one(delete(5, 11));
    assert_eq!(bench.sink.mbo(), [mbo(3, b'C', b'B', 11, px(100_000), 200, LAST)]);
    assert_eq!(bench.sink.mbp1(), [mbp1(3, (b'C', b'B', px(100_000), 200, 0, LAST), BidAsk::EMPTY)]);
    assert_eq!(bench.channel.composer().books().live_orders(), 0);
}

#[test]
fn a_replace_is_the_cancel_of_the_old_and_the_add_of_the_new_order() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
    bench.one(replace(5, 11, 12, 500, 99_000));
    assert_eq!(bench.sink.mbo(), [mbo(2, b'C', b'B', 11, px(100_000), 300, 0), mbo(2, b'A', b'B', 12, px(99_000), 500, LAST)]);
    assert_eq!(
        bench.sink.mbp1(),
        [
            mbp1(2, (b'C', b'B', px(100_000), 300, 0, 0), BidAsk::EMPTY),
            mbp1(2, (b'A', b'B', px(99_000), 500, 0, LAST), bid(99_000, 500, 1))
        ]
    );
}

#[test]
fn a_replace_that_leaves_the_top_ends_with_its_cancel_in_mbp_1() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000), (13, b'B', 10, 99_900)]);
    bench.one(replace(5, 11, 12, 500, 99_000));
    assert_eq!(bench.sink.mbp1(), [mbp1(3, (b'C', b'B', px(100_000), 300, 0, LAST), bid(99_900, 10, 1))]);
    let flags: Vec<u8> = bench.sink.mbp10().iter().map(|record| record.flags).collect();
    assert_eq!(flags, [0, LAST], "both are among the ten");
}

#[test]
fn a_hidden_trade_and_a_cross_are_trades_without_side_or_order() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
    for (sequence, message) in [(2, trade(5, "XYZ", 40, 100_100)), (3, cross(5, "XYZ", 40, 100_100))] {
        bench.one(message);
        assert_eq!(bench.sink.mbo(), [mbo(sequence, b'T', side::NONE, 0, px(100_100), 40, LAST)]);
        assert_eq!(bench.sink.trades(), [trade_record(sequence, side::NONE, px(100_100), 40)]);
        assert_eq!(bench.sink.mbp1(), [mbp1(sequence, (b'T', b'N', px(100_100), 40, 0, LAST), bid(100_000, 300, 1))]);
        assert_eq!(bench.sink.mbp10().len(), 1);
    }
    bench.one(cross(5, "XYZ", 1 << 40, 100_100));
    assert_eq!((bench.sink.trades()[0].size, bench.channel.composer().saturated()), (u32::MAX, 1), "saturated, and counted");
}

#[test]
fn a_level_too_wide_for_a_record_is_shown_as_the_largest_size_and_counted() {
    let mut bench = with_orders(&[(11, b'B', u32::MAX, 100_000)]);
    assert_eq!(bench.channel.composer().saturated(), 0);
    bench.one(add(5, "XYZ", 12, b'B', 1, 100_000));
    assert_eq!((bench.sink.mbp1()[0].levels[0].bid_sz, bench.channel.composer().saturated()), (u32::MAX, 1));
}

#[test]
fn status_messages_become_status_records_and_nothing_else() {
    let told = |message: Vec<u8>| {
        let mut bench = Bench::itch();
        bench.one(message);
        let [status] = bench.sink.statuses()[..] else { panic!("one status record") };
        assert_eq!(bench.sink.records(), 1);
        assert_eq!((status.hd, status.ts_recv), (hd(Schema::Status), RECV_NS));
        (status.action, status.reason, [status.is_trading, status.is_quoting, status.is_short_sell_restricted])
    };
    assert_eq!(told(trading_action(5, "XYZ", b'T', b"    ")), (7, 0, *b"YY~"));
    assert_eq!(told(trading_action(5, "XYZ", b'H', b"T1  ")), (8, 30, *b"NN~"));
    assert_eq!(told(trading_action(5, "XYZ", b'P', b"LUDP")), (9, 50, *b"NN~"));
    assert_eq!(told(trading_action(5, "XYZ", b'Q', b"IPOQ")), (3, 110, *b"NY~"));
    assert_eq!(told(short_sale(5, "XYZ", b'0')), (14, 0, *b"~~N"));
    assert_eq!(told(short_sale(5, "XYZ", b'1')), (14, 0, *b"~~Y"));
    assert_eq!(told(operational_halt(5, "XYZ", b'Q', b'H')), (8, 60, *b"NN~"));
    assert_eq!(told(operational_halt(5, "XYZ", b'Q', b'T')), (7, 60, *b"YY~"));
}

#[test]
fn any_message_that_tells_the_stock_names_the_instrument_once() {
    let all = [
        add(5, "XYZ", 11, b'B', 300, 100_000),
        trade(5, "XYZ", 40, 100_100),
        cross(5, "XYZ", 0, 100_100),
        trading_action(5, "XYZ", b'T', b"    "),
        short_sale(5, "XYZ", b'0'),
        operational_halt(5, "XYZ", b'B', b'H'),
        directory(5, "XYZ", 10),
        collar(5, "XYZ", [1, 2, 3, 0]),
        imbalance(5, "XYZ", [1, 2], b'B', [1, 2, 3], *b"OL"),
        ipo_quotation(5, "XYZ", 1, b'A', 1),
        direct_listing(5, "XYZ", b'Y', [1, 2, 3], 1, [1, 2]),
        retail_interest(5, "XYZ", b'A'),
        participant(5, b"MAKR", "XYZ", *b"YNA"),
    ];
    for first in &all {
        let mut bench = Bench::itch();
        bench.one(first.clone());
        let [instrument] = bench.sink.instruments()[..] else { panic!("{} names the instrument", first[0] as char) };
        assert_eq!((instrument.channel, instrument.publisher_id, instrument.instrument_id), (7, 2, 5));
        assert_eq!((instrument.symbol, instrument.round_lot), (text("XYZ"), if first[0] == b'R' { 10 } else { 0 }));
        for second in &all {
            bench.one(second.clone());
            assert_eq!(bench.sink.instruments(), [], "named already");
        }
    }
}

#[test]
fn what_concerns_the_whole_venue_needs_no_instrument() {
    let mut bench = Bench::itch();
    bench.send(&[system_event(b'O'), decline_levels([3, 2, 1]), breach(b'1')]);
    assert_eq!((bench.sink.records(), bench.sink.instruments(), bench.dropped()), (2, vec![], vec![]));
    assert_eq!(bench.channel.composer().instruments(), 0);
    bench.send(&[collar(0, "XYZ", [1, 2, 3, 0]), participant(0, b"MAKR", "XYZ", *b"YNA"), directory(0, "XYZ", 100), broken_trade(0, 1)]);
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("unknown_instrument", 4)]), "an instrument's, which names none");
    assert_eq!(bench.channel.state(), tickwire::record::ChannelState::Good, "no book can have missed them");
}

#[test]
fn mbp_1_tells_only_what_changes_the_top_and_mbp_10_only_what_changes_the_ten() {
    let mut bench = Bench::itch();
    for level in 0..12 {
        bench.one(add(5, "XYZ", 100 + u64::from(level), b'B', 10 + level, 100_000 - 100 * level));
        assert_eq!(
            (bench.sink.mbp1().len(), bench.sink.mbp10().len()),
            (usize::from(level == 0), usize::from(level < 10)),
            "level {level}"
        );
        assert_eq!(bench.sink.mbo().len(), 1);
    }
    bench.one(cancel(5, 110, 1));
    assert_eq!((bench.sink.mbp1().len(), bench.sink.mbp10().len()), (0, 0), "the eleventh level");
    bench.one(delete(5, 104));
    let [record] = bench.sink.mbp10()[..] else { panic!("one of the ten is gone") };
    assert_eq!((record.depth, record.levels[9].bid_px, record.levels[9].bid_sz), (4, px(100_000 - 1000), 19), "the eleventh moved up");
    bench.one(cancel(5, 110, 1));
    assert_eq!((bench.sink.mbp1().len(), bench.sink.mbp10().len()), (0, 1), "and counts as one of the ten now");
    bench.one(add(5, "XYZ", 200, b'B', 7, 100_050));
    assert_eq!((bench.sink.mbp1().len(), bench.sink.mbp10()[0].levels[9].bid_px), (1, px(100_000 - 900)), "and is pushed out again");
    bench.one(cancel(5, 110, 1));
    assert_eq!(bench.sink.mbp10().len(), 0);
}

#[test]
fn a_sink_is_offered_only_the_schemas_it_carries() {
    for schema in Schema::TOLD {
        let mut bench = Bench::itch();
        bench.sink.schemas = vec![schema];
        bench.send(&[
            add(5, "XYZ", 11, b'S', 300, 100_000),
            execute(5, 11, 100),
            replace(5, 11, 12, 9, 90_000),
            short_sale(5, "XYZ", b'0'),
            directory(5, "XYZ", 100),
            imbalance(5, "XYZ", [1, 2], b'B', [1, 2, 3], *b"OL"),
            cross(5, "XYZ", 5, 100_000),
        ]);
        let expected = match schema {
            Schema::Mbo => 7,
            Schema::Mbp1 | Schema::Mbp10 => 6,
            Schema::Trades | Schema::Venue => 2,
            Schema::Status | Schema::Definition | Schema::Imbalance | Schema::Statistics => 1,
            computed => panic!("{}", computed.name()),
        };
        assert_eq!(bench.sink.records(), expected, "{}", schema.name());
    }
}

#[test]
fn sequences_are_the_low_32_bits_and_late_or_early_clocks_saturate_the_delta() {
    let mut bench = Bench::itch();
    bench.next = (7 << 32) + 9;
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    assert_eq!(bench.sink.mbo()[0].sequence, 9);
    for (now_ns, delta) in [(RECV_NS + (3 << 31), i32::MAX), (RECV_NS - 2_000, -1_000), (RECV_NS - (3 << 31), i32::MIN), (0, i32::MIN)] {
        bench.now_ns = now_ns;
        bench.one(trade(5, "XYZ", 1, 100_000));
        assert_eq!((bench.sink.trades()[0].ts_in_delta, bench.sink.trades()[0].ts_recv), (delta, now_ns));
    }
}

#[test]
fn records_of_one_message_share_its_moment_and_end_with_one_last_flag_per_ring() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000), (12, b'S', 300, 100_100)]);
    let messages =
        [execute(5, 11, 100), replace(5, 11, 13, 10, 100_050), execute_at(5, 13, 3, b'N', 99), delete(5, 12), trade(5, "XYZ", 1, 1)];
    for message in messages {
        bench.one(message);
        let rings: [Vec<u8>; 4] = [
            bench.sink.mbo().iter().map(|record| record.flags).collect(),
            bench.sink.mbp1().iter().map(|record| record.flags).collect(),
            bench.sink.mbp10().iter().map(|record| record.flags).collect(),
            bench.sink.trades().iter().map(|record| record.flags).collect(),
        ];
        for flags in rings.iter().filter(|flags| !flags.is_empty()) {
            let (last, before) = flags.split_last().unwrap();
            assert!(last & LAST != 0 && before.iter().all(|flags| flags & LAST == 0), "{flags:?}");
        }
        let sequence = bench.next as u32 - 1;
        assert!(
            bench.sink.mbo().iter().all(|record| (record.sequence, record.hd.ts_event, record.ts_recv) == (sequence, TS_EVENT, RECV_NS))
        );
    }
}

#[test]
fn what_the_book_refuses_is_counted_makes_no_records_and_marks_the_book_from_then_on() {
    let refusals = [
        ("unknown_order", delete(5, 99)),
        ("unknown_order", execute(5, 99, 1)),
        ("unknown_order", cancel(5, 99, 1)),
        ("unknown_order", replace(5, 99, 100, 1, 1)),
        ("duplicate_order", add(5, "XYZ", 11, b'S', 1, 100_000)),
        ("wrong_instrument", execute(5, 21, 1)),
        ("wrong_instrument", execute_at(5, 21, 1, b'N', 1)),
        ("wrong_instrument", delete(5, 21)),
        ("bad_order", add(5, "XYZ", 12, b'S', 0, 100_000)),
    ];
    for (reason, message) in refusals {
        let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
        bench.one(add(6, "OTHER", 21, b'B', 300, 100_000));
        bench.one(message.clone());
        assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![(reason, 1)]), "{}", message[0] as char);
        bench.one(cancel(5, 11, 1));
        assert_eq!(bench.sink.mbo()[0].flags, LAST | MAYBE_BAD_BOOK, "{reason}");
        assert_eq!(bench.sink.mbp1()[0].flags, LAST | MAYBE_BAD_BOOK);
        bench.one(cancel(6, 21, 1));
        let others = if reason == "wrong_instrument" { LAST | MAYBE_BAD_BOOK } else { LAST };
        assert_eq!(bench.sink.mbo()[0].flags, others, "{reason}: the other instrument");
    }
}

#[test]
fn an_execution_or_cancel_of_nothing_makes_no_records_and_harms_nothing() {
    for message in [execute(5, 11, 0), execute_at(5, 11, 0, b'Y', 1), cancel(5, 11, 0)] {
        let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
        bench.one(message);
        assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("bad_order", 1)]));
        bench.one(delete(5, 11));
        assert_eq!(bench.sink.mbo(), [mbo(3, b'C', b'B', 11, px(100_000), 300, LAST)]);
    }
}

#[test]
fn an_overfill_takes_what_there_is_and_is_counted_and_marked_in_every_record() {
    for message in [execute(5, 11, 400), execute_at(5, 11, 400, b'Y', 100_000), cancel(5, 11, 400)] {
        let mut bench = with_orders(&[(11, b'B', 300, 100_000)]);
        let traded = message[0] != b'X';
        bench.one(message);
        assert_eq!(bench.dropped(), [("overfill", 1)]);
        let mbo = bench.sink.mbo();
        assert!(mbo.iter().all(|record| record.flags & MAYBE_BAD_BOOK != 0));
        let told: Vec<(u8, u32)> = mbo.iter().map(|record| (record.action, record.size)).collect();
        assert_eq!(told, if traded { vec![(b'T', 400), (b'F', 300), (b'C', 300)] } else { vec![(b'C', 300)] }, "the trade took place");
        assert!(bench.sink.mbp1().iter().all(|record| record.flags & MAYBE_BAD_BOOK != 0));
        assert!(bench.sink.trades().iter().all(|record| record.flags & MAYBE_BAD_BOOK != 0));
    }
}

#[test]
fn a_replace_whose_new_order_is_refused_takes_the_old_one_away_marked() {
    let mut bench = with_orders(&[(11, b'B', 300, 100_000), (12, b'B', 300, 99_000)]);
    bench.one(replace(5, 11, 12, 10, 98_000));
    assert_eq!(bench.dropped(), [("duplicate_order", 1)]);
    assert_eq!(bench.sink.mbo(), [mbo(3, b'C', b'B', 11, px(100_000), 300, LAST | MAYBE_BAD_BOOK)]);
    assert_eq!(
        bench.sink.mbp1(),
        [mbp1(3, (b'C', b'B', px(100_000), 300, 0, LAST | MAYBE_BAD_BOOK), bid(99_000, 300, 1))],
        "the book shown lacks the new order, so it says so"
    );
}

#[test]
fn a_message_for_an_instrument_not_yet_named_is_counted_and_its_book_is_marked_once_it_is() {
    let mut bench = Bench::itch();
    bench.one(execute(5, 11, 100));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("unknown_instrument", 1)]));
    bench.send(&[add(5, "XYZ", 12, b'B', 1, 1), add(6, "OTHER", 13, b'B', 1, 1)]);
    let flags: Vec<u8> = bench.sink.mbo().iter().map(|record| record.flags).collect();
    assert_eq!(flags, [LAST | MAYBE_BAD_BOOK, LAST]);
}

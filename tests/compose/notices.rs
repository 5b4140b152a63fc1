//! Halts, auctions, official prices, circuit breakers and the side ring: what is said beside the orders.

use std::collections::BTreeMap;

use tickwire::generate::{GenerateConfig, Session};
use tickwire::record::control::SYSTEM_EVENT;
use tickwire::record::venue::kind;
use tickwire::record::{Header, Imbalance, Schema, Statistics, Status, UNDEF_PRICE, UNDEF_SIZE, UNDEF_TIME, Venue};

use crate::venue::*;

const TS_EVENT: u64 = MIDNIGHT_NS + VENUE_NS;

fn hd(schema: Schema, instrument_id: u32) -> Header {
    Header { length: (schema.record_size() / 4) as u8, rtype: schema.rtype(), publisher_id: 2, instrument_id, ts_event: TS_EVENT }
}

/// A record of the side ring for XYZ (locate 5) with nothing told.
fn side_ring(sequence: u32, kind: u8) -> Venue {
    Venue { hd: hd(Schema::Venue, 5), ts_recv: RECV_NS, sequence, kind, ..Venue::BLANK }
}

fn first(price: i64) -> [i64; 5] {
    [price, NO_PX, NO_PX, NO_PX, NO_PX]
}

fn told(status: &Status) -> (u16, u16, [u8; 3]) {
    (status.action, status.reason, [status.is_trading, status.is_quoting, status.is_short_sell_restricted])
}

fn statuses(bench: &mut Bench, message: Vec<u8>) -> Vec<(u16, u16, [u8; 3])> {
    bench.one(message);
    bench.sink.statuses().iter().map(told).collect()
}

#[test]
fn every_record_of_trades_has_its_match_number_beside_it_on_the_side_ring_before_anything_that_follows() {
    let mut bench = Bench::itch();
    bench.send(&[add(5, "XYZ", 11, b'B', 900, 100_000), add(5, "XYZ", 12, b'S', 900, 100_100)]);
    let cases = [
        (execute(5, 11, 100), "A  "),
        (execute(5, 12, 100), "B  "),
        (execute_at(5, 12, 100, b'Y', 100_050), "B  "),
        (trade(5, "XYZ", 40, 100_050), "N  "),
        (cross_of(5, "XYZ", 40, 100_050, b'O'), "NO "),
        (cross_of(5, "XYZ", 40, 100_050, b'H'), "NH "),
    ];
    for (message, codes) in cases {
        bench.one(message);
        let at = bench.sink.out.iter().position(|out| matches!(out, Out::Trade(..))).expect("a trade");
        let (Out::Trade(row, traded), Out::Venue(print_row, print)) = (bench.sink.out[at], bench.sink.out[at + 1]) else {
            panic!("a print behind the trade: {:?}", bench.sink.out)
        };
        let expected = Venue {
            reference: 99,
            prices: first(traded.price),
            size: traded.size,
            codes: codes.as_bytes().try_into().unwrap(),
            ..side_ring(traded.sequence, kind::TRADE)
        };
        assert_eq!((print_row, print), (row, expected));
        assert_eq!((bench.sink.trades().len(), bench.sink.venue().len()), (1, 1));
        assert_eq!(traded.side, print.codes[0]);
    }
    for silent in [execute_at(5, 11, 100, b'N', 100_050), cancel(5, 11, 1), execute(5, 77, 1)] {
        bench.one(silent);
        assert_eq!((bench.sink.trades().len(), bench.sink.venue().len()), (0, 0), "no trade, no print");
    }
}

#[test]
fn a_broken_trade_tells_its_number_whether_or_not_the_trade_was_ever_seen() {
    let mut bench = Bench::itch();
    bench.one(trade(5, "XYZ", 40, 100_000));
    for number in [99, 1_000_000] {
        bench.one(broken_trade(5, number));
        let sequence = bench.next as u32 - 1;
        assert_eq!(bench.sink.venue(), [Venue { reference: number, ..side_ring(sequence, kind::TRADE_BREAK) }]);
        assert_eq!(bench.sink.records(), 1);
    }
    assert_eq!(bench.dropped(), []);
}

#[test]
fn a_break_for_an_instrument_not_named_is_counted_and_casts_no_doubt_on_its_book() {
    let mut bench = Bench::itch();
    bench.one(broken_trade(5, 99));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("unknown_instrument", 1)]));
    bench.one(add(5, "XYZ", 11, b'B', 1, 1));
    assert_eq!(bench.sink.mbo()[0].flags, tickwire::record::flags::LAST);
    bench.one(broken_trade(0xFFFF, 99));
    assert_eq!(bench.dropped(), [("unknown_instrument", 2)]);
}

#[test]
fn an_attributed_order_names_its_participant_after_the_add() {
    let mut bench = Bench::itch();
    bench.one(add_mpid(5, "XYZ", 11, b'S', 300, 100_000));
    let expected =
        Venue { reference: 11, prices: first(px(100_000)), size: 300, codes: *b"A  ", text: *b"MPID", ..side_ring(1, kind::ATTRIBUTION) };
    assert_eq!(bench.sink.venue(), [expected]);
    assert!(matches!(bench.sink.out.last(), Some(Out::Venue(..))), "after the add");
    bench.one(add_mpid(5, "XYZ", 11, b'S', 300, 100_000));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("duplicate_order", 1)]), "an order that is refused has nobody");
}

#[test]
fn crosses_are_trades_and_official_prices_and_an_empty_one_is_neither() {
    let expected = |sequence, stat_type, quantity| Statistics {
        hd: hd(Schema::Statistics, 5),
        ts_recv: RECV_NS,
        ts_ref: UNDEF_TIME,
        price: px(100_100),
        quantity,
        sequence,
        ts_in_delta: 1_000,
        stat_type,
        channel_id: 7,
        update_action: 1,
        stat_flags: 0,
        reserved: [0; 18],
    };
    let mut bench = Bench::itch();
    for (sequence, (letter, stat_type)) in (1..).zip([(b'O', 1), (b'C', 11), (b'H', 16), (b'A', 16)]) {
        bench.one(cross_of(5, "XYZ", 4_000, 100_100, letter));
        assert_eq!(bench.sink.statistics(), [expected(sequence, stat_type, 4_000)]);
        assert_eq!(bench.sink.trades().len(), 1);
        assert!(matches!(bench.sink.out.last(), Some(Out::Statistics(..))), "after the trade");
    }
    bench.one(cross_of(5, "XYZ", 0, 0, b'C'));
    assert_eq!(bench.sink.venue(), [Venue { reference: 99, codes: *b"NC ", ..side_ring(5, kind::EMPTY_CROSS) }]);
    assert_eq!((bench.sink.records(), bench.dropped()), (1, vec![]));
    bench.one(cross_of(5, "XYZ", 0, 100_100, b'O'));
    assert_eq!(bench.sink.venue()[0].prices, first(px(100_100)));
    bench.one(cross_of(5, "XYZ", 1 << 40, 100_100, b'O'));
    assert_eq!(bench.sink.statistics(), [expected(7, 1, i64::from(u32::MAX))]);
    assert_eq!((bench.sink.venue()[0].size, bench.channel.composer().saturated()), (u32::MAX, 1), "saturated, counted once");
    bench.one(trade(5, "XYZ", 0, 100_100));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("bad_value", 1)]), "only a cross may match nothing");
}

#[test]
fn case_33_an_imbalance_is_told_with_the_collar_that_was_told_last() {
    let mut bench = Bench::itch();
    let noii = || imbalance(5, "XYZ", [1_000, 200], b'S', [90_000, 95_000, 100_000], *b"H3");
    let expected = Imbalance {
        hd: hd(Schema::Imbalance, 5),
        ts_recv: RECV_NS,
        ref_price: px(100_000),
        auction_time: UNDEF_TIME,
        cont_book_clr_price: px(95_000),
        auct_interest_clr_price: px(90_000),
        ssr_filling_price: UNDEF_PRICE,
        ind_match_price: UNDEF_PRICE,
        upper_collar: UNDEF_PRICE,
        lower_collar: UNDEF_PRICE,
        paired_qty: 1_000,
        total_imbalance_qty: 200,
        market_imbalance_qty: UNDEF_SIZE,
        unpaired_qty: UNDEF_SIZE,
        auction_type: b'H',
        side: b'A',
        auction_status: 0,
        freeze_status: 0,
        num_extensions: 0,
        unpaired_side: b'N',
        significant_imbalance: b'3',
        reserved: 0,
    };
    bench.one(noii());
    assert_eq!((bench.sink.imbalances(), bench.sink.records()), (vec![expected], 1), "no collar yet");
    bench.one(collar(5, "XYZ", [100_000, 105_000, 95_000, 2]));
    let prices = [px(100_000), px(95_000), px(105_000), NO_PX, NO_PX];
    assert_eq!(bench.sink.venue(), [Venue { prices, size: 2, ..side_ring(2, kind::COLLAR) }]);
    assert_eq!(bench.sink.records(), 1);
    bench.one(noii());
    let collared = Imbalance { lower_collar: px(95_000), upper_collar: px(105_000), ..expected };
    assert_eq!(bench.sink.imbalances(), [collared]);
    bench.one(collar(5, "XYZ", [100_000, 110_000, 90_000, 3]));
    bench.one(noii());
    assert_eq!((bench.sink.imbalances()[0].lower_collar, bench.sink.imbalances()[0].upper_collar), (px(90_000), px(110_000)));
    bench.one(imbalance(6, "OTHER", [1, 2], b'B', [1, 2, 3], *b"OL"));
    let other = bench.sink.imbalances()[0];
    assert_eq!((other.lower_collar, other.upper_collar, other.side), (UNDEF_PRICE, UNDEF_PRICE, b'B'), "each instrument its own");

    (bench.session, bench.next) = (*b"SESSION002", 1);
    bench.one(noii());
    bench.one(noii());
    let next_day = *bench.sink.imbalances().last().expect("an imbalance");
    assert_eq!((next_day.lower_collar, next_day.upper_collar), (UNDEF_PRICE, UNDEF_PRICE), "forgotten with the session");
}

#[test]
fn an_imbalance_without_side_or_prices_says_so_and_one_too_wide_is_counted() {
    let mut bench = Bench::itch();
    for (direction, status) in [(b'N', 0), (b'O', b'O'), (b'P', b'P')] {
        bench.one(imbalance(5, "XYZ", [0, 0], direction, [0, 0, 0], [b'O', 0]));
        let [record] = bench.sink.imbalances()[..] else { panic!("one record") };
        assert_eq!((record.side, record.auction_status, record.significant_imbalance), (b'N', status, b'~'));
        assert_eq!([record.ref_price, record.cont_book_clr_price, record.auct_interest_clr_price], [UNDEF_PRICE; 3]);
    }
    bench.one(imbalance(5, "XYZ", [1 << 32, u64::MAX], b'B', [1, 1, 1], *b"CL"));
    let [record] = bench.sink.imbalances()[..] else { panic!("one record") };
    assert_eq!((record.paired_qty, record.total_imbalance_qty, bench.channel.composer().saturated()), (u32::MAX, u32::MAX, 2));
    bench.one(imbalance(5, "XYZ", [1, 1], b'?', [1, 1, 1], *b"CL"));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("bad_value", 1)]));
}

#[test]
fn case_33_a_halt_for_news_a_volatility_pause_and_an_ipo_are_told_step_by_step() {
    let mut bench = Bench::itch();
    let news: [(&[u8; 5], _); 4] =
        [(b"HT1  ", (8, 30, *b"NN~")), (b"HT2  ", (8, 31, *b"NN~")), (b"QT3  ", (3, 32, *b"NY~")), (b"T    ", (7, 0, *b"YY~"))];
    let pause: [(&[u8; 5], _); 4] =
        [(b"PLUDP", (9, 50, *b"NN~")), (b"PLUDS", (9, 50, *b"NN~")), (b"QT7  ", (3, 3, *b"NY~")), (b"T    ", (7, 0, *b"YY~"))];
    let ipo: [(&[u8; 5], _); 4] =
        [(b"HIPO1", (8, 110, *b"NN~")), (b"QIPOQ", (3, 110, *b"NY~")), (b"QIPOE", (3, 110, *b"NY~")), (b"T    ", (7, 0, *b"YY~"))];
    for ([state, reason @ ..], expected) in news.into_iter().chain(pause).chain(ipo) {
        assert_eq!(statuses(&mut bench, trading_action(5, "XYZ", *state, reason)), [expected]);
        assert_eq!(bench.sink.records(), 1);
    }
    bench.one(ipo_quotation(5, "XYZ", 36_900, b'A', 170_000));
    let sequence = bench.next as u32 - 1;
    let release = Venue {
        codes: *b"A  ",
        prices: first(px(170_000)),
        time_ns: MIDNIGHT_NS + 36_900_000_000_000,
        ..side_ring(sequence, kind::IPO_QUOTATION)
    };
    assert_eq!((bench.sink.venue(), bench.sink.records()), (vec![release], 1));
    bench.one(ipo_quotation(5, "XYZ", 0, b'C', 0));
    assert_eq!(bench.sink.venue(), [Venue { codes: *b"C  ", ..side_ring(sequence + 1, kind::IPO_QUOTATION) }]);
}

#[test]
fn case_33_halts_stop_no_book_and_each_facet_is_told_by_its_own_message() {
    let mut bench = Bench::itch();
    assert_eq!(statuses(&mut bench, trading_action(5, "XYZ", b'H', b"H10 ")), [(8, 14, *b"NN~")]);
    assert_eq!(statuses(&mut bench, short_sale(5, "XYZ", b'2')), [(14, 0, *b"~~Y")]);
    assert_eq!(statuses(&mut bench, operational_halt(5, "XYZ", b'Q', b'H')), [(8, 60, *b"NN~")]);
    assert_eq!(statuses(&mut bench, operational_halt(5, "XYZ", b'B', b'H')), [], "another market's");
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    assert_eq!(bench.sink.mbo().len(), 1, "orders may be entered while a stock is halted");
    assert_eq!(bench.dropped(), []);
}

#[test]
fn case_33_the_market_wide_circuit_breaker_is_told_of_the_whole_venue() {
    let mut bench = Bench::itch();
    bench.one(decline_levels([418_500_000_000, 391_500_000_000, 360_000_000_000]));
    let whole = Venue {
        hd: hd(Schema::Venue, 0),
        prices: [4_185_000_000_000, 3_915_000_000_000, 3_600_000_000_000, NO_PX, NO_PX],
        ..side_ring(1, kind::CIRCUIT_BREAKER_LEVELS)
    };
    assert_eq!(bench.sink.out.last(), Some(&Out::VenueWhole(whole)));
    for (letter, reason) in [(b'1', 120), (b'2', 121), (b'3', 122)] {
        bench.one(breach(letter));
        let [Out::StatusWhole(status)] = bench.sink.out[..] else { panic!("{:?}", bench.sink.out) };
        assert_eq!((status.hd, status.ts_recv, status.trading_event), (hd(Schema::Status, 0), RECV_NS, 0));
        assert_eq!(told(&status), (8, reason, *b"~~~"));
    }
    for (code, reason) in [(b"MWC1", 120), (b"MWC2", 121), (b"MWC3", 122), (b"MWC0", 123)] {
        assert_eq!(statuses(&mut bench, trading_action(5, "XYZ", b'H', code)), [(8, reason, *b"NN~")], "each stock by its own message");
    }
    assert_eq!(statuses(&mut bench, trading_action(5, "XYZ", b'Q', b"MWCQ")), [(3, 124, *b"NY~")]);
    bench.sink.schemas.clear();
    bench.send(&[decline_levels([1, 2, 3]), breach(b'1')]);
    assert_eq!(bench.sink.records(), 0, "nobody wants them");
    bench.one(breach(b'9'));
    assert_eq!(bench.dropped(), [("bad_value", 1)]);
}

#[test]
fn the_rest_of_the_side_ring_tells_letters_prices_and_times_as_the_venue_does() {
    let mut bench = Bench::itch();
    bench.one(direct_listing(5, "XYZ", b'Y', [80_000, 180_000, 100_000], 34_200_000_000_000, [90_000, 110_000]));
    let prices = [80_000, 180_000, 100_000, 90_000, 110_000].map(px);
    let time_ns = MIDNIGHT_NS + 34_200_000_000_000;
    assert_eq!(bench.sink.venue(), [Venue { codes: *b"Y  ", prices, time_ns, ..side_ring(1, kind::DIRECT_LISTING) }]);
    bench.one(retail_interest(5, "XYZ", b'A'));
    assert_eq!(bench.sink.venue(), [Venue { codes: *b"A  ", ..side_ring(2, kind::RETAIL_INTEREST) }]);
    bench.one(participant(5, b"MAKR", "XYZ", *b"YNA"));
    assert_eq!(bench.sink.venue(), [Venue { codes: *b"YNA", text: *b"MAKR", ..side_ring(3, kind::PARTICIPANT) }]);
    assert_eq!(bench.sink.records(), 1);
}

#[test]
fn system_events_are_control_records_with_the_venues_letter_and_time() {
    let mut bench = Bench::itch();
    bench.one(trade(5, "XYZ", 1, 1));
    for letter in *b"OSQMEC" {
        bench.one(system_event(letter));
        let [Out::Control(record)] = bench.sink.out[..] else { panic!("{:?}", bench.sink.out) };
        assert_eq!((record.hd.rtype, record.cause, record.channel), (SYSTEM_EVENT, letter, 7));
        assert_eq!((record.hd.instrument_id, record.hd.publisher_id, record.hd.ts_event), (0, 2, TS_EVENT));
        assert_eq!((record.ts_recv, record.first_sequence, record.last_sequence), (RECV_NS, bench.next - 1, 0));
    }
}

#[test]
fn a_whole_day_has_as_many_records_of_each_kind_as_messages_call_for() {
    for seed in 1..=4 {
        let mut session = Session::new(&GenerateConfig::whole_day(seed, 12_000, 40, MIDNIGHT_NS)).unwrap();
        let mut bench = Bench::itch();
        let mut all = Vec::new();
        // Counted from the bytes alone, at the specification's offsets.
        let mut called = BTreeMap::<&str, usize>::new();
        while let Some(message) = session.next_message() {
            let bytes = message.bytes;
            let cross_shares = || u64::from_be_bytes(bytes[11..19].try_into().unwrap());
            let kinds: &[&str] = match bytes[0] {
                b'F' => &["attribution"],
                b'E' | b'P' => &["trade"],
                b'C' if bytes[31] == b'Y' => &["trade"],
                b'Q' if cross_shares() > 0 => &["trade", "official"],
                b'Q' => &["empty cross"],
                b'B' => &["break"],
                b'I' => &["imbalance"],
                b'R' => &["definition"],
                b'H' | b'Y' | b'h' => &["status"],
                b'J' | b'K' | b'L' | b'N' | b'O' => &["word"],
                b'V' | b'W' => &["whole"],
                b'S' => &["system"],
                _ => &[],
            };
            kinds.iter().for_each(|kind| *called.entry(kind).or_default() += 1);
            bench.one(bytes.to_vec());
            all.append(&mut bench.sink.take());
        }
        assert_eq!(bench.dropped(), []);
        let mut told = BTreeMap::<&str, usize>::new();
        let (mut trades, mut prints) = (Vec::new(), Vec::new());
        for out in all {
            let kind = match out {
                Out::Trade(row, record) => {
                    trades.push((row, record.price, record.size, record.side, record.sequence));
                    "trade"
                }
                Out::Venue(row, record) => match record.kind {
                    kind::TRADE => {
                        prints.push((row, record.prices[0], record.size, record.codes[0], record.sequence));
                        assert_eq!(prints.len(), trades.len(), "beside its trade");
                        continue;
                    }
                    kind::TRADE_BREAK => "break",
                    kind::ATTRIBUTION => "attribution",
                    kind::EMPTY_CROSS => "empty cross",
                    _ => "word",
                },
                Out::Statistics(..) => "official",
                Out::Imbalance(..) => "imbalance",
                Out::Definition(..) => "definition",
                Out::Status(..) => "status",
                Out::StatusWhole(_) | Out::VenueWhole(_) => "whole",
                Out::Control(record) if record.hd.rtype == SYSTEM_EVENT => "system",
                _ => continue,
            };
            *told.entry(kind).or_default() += 1;
        }
        assert_eq!(told, called, "seed {seed}");
        assert_eq!(prints, trades, "one for one, in the same order");
        assert!(called.len() >= 10, "the day has nearly all of them: {called:?}");
    }
}

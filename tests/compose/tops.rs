//! Every row of the table "IEX → records" that is built.

use tickwire::record::venue::kind;
use tickwire::record::{BidAsk, Mbp1, Trade, flags::LAST, side};

use crate::venue::*;

#[test]
fn a_quote_is_one_mbp_1_record_of_both_sides() {
    let mut bench = Bench::tops();
    bench.one(tops_quote("XYZ", (100_000, 300), (100_100, 200)));
    let [Mbp1 { hd, price, size, action, side, flags, depth, ts_recv, ts_in_delta, sequence, levels }] = bench.sink.mbp1()[..] else {
        panic!("one record")
    };
    assert_eq!((hd.length, hd.rtype, hd.publisher_id, hd.instrument_id, hd.ts_event), (20, 1, 38, 1, MIDNIGHT_NS + VENUE_NS));
    assert_eq!((price, size, action, side, flags, depth), (NO_PX, 0, b'M', side::NONE, LAST, 0));
    assert_eq!((ts_recv, ts_in_delta, sequence), (RECV_NS, 500, 1), "the delta counts from the segment's send time");
    let both = BidAsk { bid_px: px(100_000), ask_px: px(100_100), bid_sz: 300, ask_sz: 200, bid_ct: 0, ask_ct: 0 };
    assert_eq!(levels, [both]);
    assert_eq!(bench.sink.records(), 1);
    bench.one(tops_quote("XYZ", (0, 0), (100_100, 200)));
    assert_eq!(bench.sink.mbp1()[0].levels, [BidAsk { bid_px: NO_PX, bid_sz: 0, ..both }], "no bid any more");
}

#[test]
fn a_trade_is_a_trade_and_an_mbp_1_record_of_the_book_as_it_is() {
    let mut bench = Bench::tops();
    bench.one(tops_quote("XYZ", (100_000, 300), (100_100, 200)));
    let quoted = bench.sink.mbp1()[0].levels;
    bench.one(tops_trade("XYZ", 100_050, 70));
    let [Trade { price, size, action, side, flags, .. }] = bench.sink.trades()[..] else { panic!("one trade") };
    assert_eq!((price, size, action, side, flags), (px(100_050), 70, b'T', side::NONE, LAST));
    let [record] = bench.sink.mbp1()[..] else { panic!("one mbp-1 record") };
    assert_eq!((record.price, record.size, record.action, record.side, record.flags), (px(100_050), 70, b'T', b'N', LAST));
    let [print] = bench.sink.venue()[..] else { panic!("one print") };
    assert_eq!((print.kind, print.reference, print.size, print.codes), (kind::TRADE, 99, 70, *b"N \0"));
    assert_eq!((record.levels, bench.sink.records()), (quoted, 3));
}

#[test]
fn halts_operational_halts_and_short_sale_tests_are_status_records() {
    let told = |message: Vec<u8>| {
        let mut bench = Bench::tops();
        bench.one(message);
        let [status] = bench.sink.statuses()[..] else { panic!("one status record") };
        assert_eq!(bench.sink.records(), 1);
        (status.action, status.reason, [status.is_trading, status.is_quoting, status.is_short_sell_restricted])
    };
    assert_eq!(told(tops_status("XYZ", b'T')), (7, 30, *b"YY~"));
    assert_eq!(told(tops_status("XYZ", b'H')), (8, 30, *b"NN~"));
    assert_eq!(told(tops_status("XYZ", b'O')), (2, 30, *b"N~~"));
    assert_eq!(told(tops_operational("XYZ", b'O')), (8, 60, *b"NN~"));
    assert_eq!(told(tops_operational("XYZ", b'N')), (0, 60, *b"~~~"));
    assert_eq!(told(tops_short_sale("XYZ", 1)), (14, 0, *b"~~Y"));
}

#[test]
fn the_directory_names_an_instrument_and_so_does_any_other_message() {
    for (message, round_lot) in [
        (tops_directory("XYZ", 100), 100),
        (tops_quote("XYZ", (0, 0), (0, 0)), 0),
        (tops_trade("XYZ", 1, 1), 0),
        (tops_break("XYZ"), 0),
        (tops_operational("XYZ", b'N'), 0),
    ] {
        let mut bench = Bench::tops();
        bench.one(message);
        let [instrument] = bench.sink.instruments()[..] else { panic!("one instrument") };
        assert_eq!((instrument.publisher_id, instrument.instrument_id), (38, 1));
        assert_eq!((instrument.symbol, instrument.round_lot), (text("XYZ"), round_lot));
    }
}

#[test]
fn a_trade_break_is_on_the_side_ring_with_the_trades_price_size_and_conditions() {
    let mut bench = Bench::tops();
    let mut broken = tops_break("XYZ");
    broken[1] = 0x60;
    bench.one(broken);
    let [record] = bench.sink.venue()[..] else { panic!("one record") };
    assert_eq!((record.kind, record.reference, record.size), (kind::TRADE_BREAK, 99, 5));
    assert_eq!((record.prices, record.codes), ([px(10_000), NO_PX, NO_PX, NO_PX, NO_PX], [b' ', b' ', 0x60]));
    assert_eq!((bench.sink.records(), bench.dropped()), (1, vec![]));
    let mut traded = tops_trade("XYZ", 10_000, 5);
    traded[1] = 0x60;
    bench.one(traded);
    assert_eq!(bench.sink.venue()[0].codes, [b'N', b' ', 0x60], "the sale conditions, as the venue writes them");
}

#[test]
fn a_trade_of_no_shares_is_no_trade_and_counted() {
    let mut bench = Bench::tops();
    bench.one(tops_trade("XYZ", 10_000, 0));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("bad_value", 1)]));
}

#[test]
fn a_directory_message_is_a_definition_under_our_own_number() {
    let mut bench = Bench::tops();
    bench.one(tops_directory("XYZ", 100));
    let [record] = bench.sink.definitions()[..] else { panic!("one definition") };
    assert_eq!((record.hd.publisher_id, record.hd.instrument_id, record.raw_instrument_id), (38, 1, 0));
    assert_eq!((&record.raw_symbol[..4], record.exchange, record.min_lot_size_round_lot), (&b"XYZ\0"[..], *b"IEXG\0", 100));
    assert_eq!(
        (record.min_lot_size, record.inst_attrib_value, record.security_type),
        (i32::MAX, 1 << 8, [0; 7]),
        "tier 1, no more is told"
    );
}

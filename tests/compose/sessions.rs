//! Sessions, restarts, late joining, instruments that change their symbol, and filters.

use tickwire::record::control::{self, cause};
use tickwire::record::flags::{BAD_TS_RECV, LAST, MAYBE_BAD_BOOK, SNAPSHOT};
use tickwire::record::{BidAsk, ChannelState, Control, UNDEF_PRICE};

use crate::venue::*;

fn brief(controls: &[Control]) -> Vec<(u8, u8, u64)> {
    controls.iter().map(|record| (record.hd.rtype, record.cause, record.first_sequence)).collect()
}

#[test]
fn the_first_datagram_starts_the_session_good_if_it_is_number_one() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    assert!(matches!(bench.sink.out[..2], [Out::State(ChannelState::Good, RECV_NS), Out::Control(_)]));
    assert_eq!(brief(&bench.sink.controls()), [(control::SESSION_START, cause::FIRST, 1)]);
}

#[test]
fn a_channel_joined_late_says_so_and_marks_every_book() {
    let mut bench = Bench::itch();
    bench.next = 1_000;
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    assert!(matches!(bench.sink.out[0], Out::State(ChannelState::Stale, RECV_NS)), "before the first record");
    assert_eq!(brief(&bench.sink.controls()), [(control::SESSION_START, cause::JOINED_LATE, 1_000)]);
    assert_eq!(bench.sink.mbo()[0].flags, LAST | MAYBE_BAD_BOOK);
    assert_eq!((bench.channel.arbiter().gaps, bench.channel.arbiter().joined_late), (0, 1), "that isn't a gap");
}

#[test]
fn a_new_session_is_a_new_epoch_that_knows_nothing_of_the_old_one() {
    let mut bench = Bench::itch();
    bench.send(&[directory(5, "XYZ", 100), add(5, "XYZ", 11, b'B', 300, 100_000)]);
    bench.lose(1);
    assert_eq!(bench.channel.state(), ChannelState::Stale);
    (bench.session, bench.next) = (*b"SESSION002", 1);
    let heartbeat = bench.packet(&[]);
    bench.sink.take();
    bench.channel.on_datagram(0, bench.now_ns, &heartbeat, &mut bench.sink);
    assert_eq!((bench.sink.out.len(), bench.channel.state()), (0, ChannelState::Stale), "one packet alone ends no session");
    bench.one(add(5, "ABC", 11, b'S', 1, 50_000));
    let Out::Control(ended) = bench.sink.out[1] else { panic!("the old session ends in the old epoch: {:?}", bench.sink.out) };
    assert_eq!((ended.hd.rtype, ended.first_sequence), (control::SESSION_END, 4));
    assert_eq!(bench.sink.out[2], Out::NewEpoch);
    assert_eq!(brief(&bench.sink.controls()[1..]), [(control::SESSION_START, cause::NEW_SESSION, 1)]);
    assert_eq!(bench.sink.mbo().len(), 1, "no R records: the epoch is empty");
    assert_eq!((bench.sink.mbo()[0].action, bench.sink.mbo()[0].flags), (b'A', LAST), "doubts belong to the old session");
    assert_eq!((bench.sink.instruments()[0].symbol, bench.dropped()), (text("ABC"), vec![]), "the locate is given anew");
    assert_eq!((bench.channel.state(), bench.channel.take_began_epoch()), (ChannelState::Good, true));
    assert!(!bench.channel.take_began_epoch(), "told once");
    bench.one(execute(5, 11, 1));
    assert_eq!(bench.channel.composer().books().live_orders(), 0);
}

#[test]
fn the_end_of_a_session_is_told() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.sink.take();
    let mut end = bench.packet(&[]);
    end[18..20].copy_from_slice(&[0xff, 0xff]);
    bench.channel.on_datagram(0, bench.now_ns, &end, &mut bench.sink);
    assert_eq!(brief(&bench.sink.controls()), [(control::SESSION_END, cause::NONE, 2)]);
    assert_eq!(bench.channel.state(), ChannelState::Ended);
}

#[test]
fn closing_tells_every_reader() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.sink.take();
    bench.channel.close(bench.now_ns, &mut bench.sink);
    assert_eq!(brief(&bench.sink.controls()), [(control::SESSION_END, cause::SHUTDOWN, 0)]);
}

#[test]
fn a_restarted_publisher_clears_every_book_with_an_r_record_in_the_same_epoch() {
    let mut bench = Bench::tops();
    bench.send(&[tops_quote("XYZ", (100_000, 300), (100_100, 200)), tops_quote("OTHER", (1, 1), (2, 2))]);
    bench.lose(1);
    bench.restart(&[tops_quote("XYZ", (99_000, 1), (0, 0))]);
    assert_eq!(brief(&bench.sink.controls()), [(control::SESSION_START, cause::RESTART, 1)]);
    let told: Vec<_> =
        bench.sink.mbp1().iter().map(|record| (record.hd.instrument_id, record.action, record.flags, record.price)).collect();
    assert_eq!(
        told,
        [(1, b'R', LAST, UNDEF_PRICE), (2, b'R', LAST, UNDEF_PRICE), (1, b'M', LAST, UNDEF_PRICE)],
        "the doubts of the gap are gone with the books"
    );
    assert_eq!(bench.sink.mbp1()[0].levels, [BidAsk::EMPTY]);
    assert_eq!(bench.channel.state(), ChannelState::Good);
    assert!(!bench.sink.out.contains(&Out::NewEpoch));
    assert_eq!(bench.channel.composer().books().price_levels(), 1);
}

#[test]
fn a_lone_absurd_first_datagram_leaves_nothing_behind() {
    let mut bench = Bench::itch();
    bench.next = 1 << 50;
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    for sequence in [5, 6, 7] {
        bench.next = sequence;
        bench.one(add(5, "XYZ", 100 + sequence, b'B', 1, 50_000));
    }
    assert_eq!(bench.channel.composer().books().live_orders(), 3, "without the absurd one's");
}

#[test]
fn a_lone_absurd_first_datagram_that_names_no_instrument_leaves_no_doubt_behind() {
    let mut bench = Bench::itch();
    bench.next = 1 << 50;
    bench.send(&[]);
    assert_eq!(bench.channel.state(), ChannelState::Stale, "joined late, as it seems");
    for sequence in 1..=3 {
        bench.next = sequence;
        bench.one(add(5, "XYZ", 100 + sequence, b'B', 1, 50_000));
    }
    assert_eq!((bench.sink.mbo()[0].flags, bench.channel.state()), (LAST, ChannelState::Good));
}

#[test]
fn an_id_given_to_another_symbol_clears_the_old_book_under_its_old_row() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.one(directory(5, "ABC", 100));
    assert_eq!(bench.dropped(), [("symbol_changed", 1)]);
    let rows: Vec<_> = bench
        .sink
        .out
        .iter()
        .filter_map(|out| match out {
            Out::Mbo(row, record) => Some((*row, record.action, record.flags)),
            _ => None,
        })
        .collect();
    assert_eq!(rows, [(0, b'R', LAST)]);
    assert!(bench.sink.mbo().iter().all(|record| (record.sequence, record.hd.ts_event) == (2, MIDNIGHT_NS + VENUE_NS)));
    let levels: Vec<_> = bench.sink.mbp1().iter().map(|record| (record.levels[0].bid_px, record.levels[0].ask_px)).collect();
    assert_eq!(levels, [(NO_PX, NO_PX)]);
    bench.one(add(5, "ABC", 12, b'S', 7, 200_000));
    let rows: Vec<_> =
        bench.sink.out.iter().filter_map(|out| if let Out::Mbo(row, record) = out { Some((*row, record.action)) } else { None }).collect();
    assert_eq!(rows, [(1, b'A')]);
    bench.one(execute(5, 11, 1));
    assert_eq!(bench.sink.records(), 0, "the old symbol's order is gone");
    let symbols: Vec<_> = bench.channel.composer().symbols().collect();
    assert_eq!(symbols, [(5, text("ABC"))]);
}

#[test]
fn a_message_that_contradicts_the_directory_wipes_no_book_but_marks_it() {
    let mut bench = Bench::itch();
    bench.send(&[directory(5, "XYZ", 100), add(5, "XYZ", 11, b'B', 300, 100_000)]);
    bench.one(add(5, "ABC", 12, b'B', 7, 110_000));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("symbol_mismatch", 1)]));
    assert_eq!(bench.channel.composer().books().top(5).bid_px, px(100_000));
    bench.one(add(5, "XYZ", 13, b'B', 1, 100_000));
    assert!(bench.sink.mbo().iter().all(|record| record.flags & MAYBE_BAD_BOOK != 0), "the lost message was for some book");
}

#[test]
fn two_ids_of_one_symbol_stand_together_in_the_books_file_bids_before_asks() {
    let mut bench = Bench::itch();
    bench.send(&[directory(5, "TWIN", 100), directory(6, "TWIN", 100)]);
    for (locate, side, price) in [(5, b'B', 90_000), (5, b'S', 110_000), (6, b'B', 80_000), (6, b'S', 120_000)] {
        bench.one(add(locate, "TWIN", u64::from(price), side, 1, price));
    }
    let mut file = Vec::new();
    tickwire::books_file::write(bench.channel.composer(), true, &mut file).unwrap();
    let lines: Vec<_> = std::str::from_utf8(&file).unwrap().lines().skip(1).collect();
    assert_eq!(lines, ["TWIN,B,0,9,1,1", "TWIN,B,0,8,1,1", "TWIN,S,0,11,1,1", "TWIN,S,0,12,1,1"]);
}

#[test]
fn a_filtered_instrument_publishes_nothing_and_keeps_its_book() {
    let mut bench = Bench::itch();
    bench.sink.unwanted = vec![text("XYZ")];
    let messages = [
        add(5, "XYZ", 11, b'B', 300, 100_000),
        add(6, "OTHER", 12, b'B', 300, 100_000),
        execute(5, 11, 100),
        trade(5, "XYZ", 1, 1),
        short_sale(5, "XYZ", b'0'),
        replace(5, 11, 13, 50, 90_000),
    ];
    bench.send(&messages);
    assert_eq!((bench.sink.mbo().len(), bench.sink.records()), (1, 3), "the other's A, in mbo and both mbp");
    assert_eq!(bench.sink.instruments().len(), 1);
    let books = bench.channel.composer().books();
    assert_eq!((books.top(5).bid_px, books.top(5).bid_sz, bench.channel.composer().instruments()), (px(90_000), 50, 2));
    assert_eq!(bench.dropped(), []);
}

#[test]
fn an_instrument_without_a_row_is_counted_with_every_message_and_keeps_its_book() {
    let mut bench = Bench::itch();
    bench.sink.rows = 1;
    bench.send(&[add(5, "XYZ", 11, b'B', 300, 100_000), add(6, "OTHER", 12, b'B', 300, 100_000), cancel(6, 12, 100)]);
    assert_eq!((bench.sink.mbo().len(), bench.dropped()), (1, vec![("instruments_full", 2)]));
    assert_eq!(bench.channel.composer().books().top(6).bid_sz, 200);
    bench.send(&[directory(5, "NEW", 100), add(5, "NEW", 21, b'B', 9, 100_000), cancel(5, 21, 1)]);
    let told: Vec<u8> = bench.sink.mbo().iter().map(|record| record.action).collect();
    assert_eq!(told, [b'R'], "the new symbol has no row, and is never shown in the old one's");
    assert_eq!(bench.dropped(), [("symbol_changed", 1), ("instruments_full", 5)]);
}

#[test]
fn an_instrument_beyond_the_capacity_is_unknown() {
    let mut bench = Bench::tops();
    for index in 0..=1_024_u32 {
        bench.one(tops_quote(&format!("S{index}"), (1, 1), (2, 2)));
    }
    assert_eq!((bench.dropped(), bench.channel.composer().instruments()), (vec![("instruments_full", 1)], 1_024));
}

#[test]
fn when_another_channel_ends_the_epoch_everything_is_announced_again_with_its_levels() {
    let mut bench = Bench::itch();
    bench.send(&[directory(5, "XYZ", 10), add(5, "XYZ", 11, b'B', 300, 100_000), add(6, "OTHER", 12, b'S', 300, 100_000)]);
    bench.lose(1);
    bench.sink.take();
    bench.sink.next_row = 0;
    bench.channel.announce_again(bench.now_ns, &mut bench.sink);
    assert!(matches!(bench.sink.out[0], Out::State(ChannelState::Stale, _)), "{:?}", bench.sink.out[0]);
    assert_eq!(brief(&bench.sink.controls()), [(control::SESSION_START, cause::OTHER_CHANNEL, 5)]);
    let instruments: Vec<_> = bench.sink.instruments().iter().map(|instrument| (instrument.instrument_id, instrument.round_lot)).collect();
    assert_eq!(instruments, [(5, 10), (6, 0)]);
    let told: Vec<_> = bench.sink.mbp1().iter().map(|record| (record.action, record.flags, record.levels[0].bid_px)).collect();
    let bits = SNAPSHOT | BAD_TS_RECV | LAST | MAYBE_BAD_BOOK;
    assert_eq!(told, [(b'N', bits, px(100_000)), (b'N', bits, NO_PX)]);
    assert_eq!((bench.sink.mbo().len(), bench.sink.mbp10().len()), (0, 2));
    bench.one(cancel(5, 11, 1));
    assert!(matches!(bench.sink.out[0], Out::Mbo(0, _)), "in the new row");
}

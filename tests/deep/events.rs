//! What each event does to the records, rule by rule.

use tickwire::book::BooksCapacity;
use tickwire::feed::name::FeedName;
use tickwire::record::control::{self, cause};
use tickwire::record::flags::{LAST, MAYBE_BAD_BOOK};
use tickwire::record::{BidAsk, ChannelState, Mbp1, Mbp10};

use crate::venue::*;

/// What an mbp-1 or mbp-10 record says was done, and its best prices.
type Brief = (u8, u8, i64, u32, u8, u8, (i64, u32), (i64, u32));

fn brief1(record: &Mbp1) -> Brief {
    brief(record.action, record.side, record.price, record.size, record.depth, record.flags, &record.levels[0])
}

fn brief10(record: &Mbp10) -> Brief {
    brief(record.action, record.side, record.price, record.size, record.depth, record.flags, &record.levels[0])
}

fn brief(action: u8, side: u8, price: i64, size: u32, depth: u8, flags: u8, best: &BidAsk) -> Brief {
    (action, side, price, size, depth, flags, (best.bid_px, best.bid_sz), (best.ask_px, best.ask_sz))
}

fn both(bench: &Bench) -> (Vec<Brief>, Vec<Brief>) {
    (bench.sink.mbp1().iter().map(brief1).collect(), bench.sink.mbp10().iter().map(brief10).collect())
}

fn bid(price: u64, size: u32, complete: bool) -> Vec<u8> {
    deep_level("XYZ", b'B', price, size, complete)
}

fn ask(price: u64, size: u32, complete: bool) -> Vec<u8> {
    deep_level("XYZ", b'S', price, size, complete)
}

const NONE: (i64, u32) = (NO_PX, 0);

#[test]
fn a_level_that_comes_changes_and_goes_is_an_a_an_m_and_a_c() {
    let mut bench = Bench::deep();
    bench.one(bid(100_000, 300, true));
    let added = (b'A', b'B', px(100_000), 300, 0, LAST, (px(100_000), 300), NONE);
    assert_eq!(both(&bench), (vec![added], vec![added]));
    assert_eq!(bench.sink.records(), 2);
    bench.one(bid(100_000, 120, true));
    let changed = (b'M', b'B', px(100_000), 120, 0, LAST, (px(100_000), 120), NONE);
    assert_eq!(both(&bench), (vec![changed], vec![changed]), "the size is the level's, not what it grew by");
    bench.one(bid(100_000, 0, true));
    let gone = (b'C', b'B', px(100_000), 120, 0, LAST, NONE, NONE);
    assert_eq!(both(&bench), (vec![gone], vec![gone]), "the size it had");
    assert_eq!((bench.dropped(), bench.channel.composer().books().price_levels()), (vec![], 0));
}

#[test]
fn a_record_carries_the_completing_message_s_times_and_number() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, false), ask(100_100, 200, true)]);
    let [Mbp10 { hd, ts_recv, ts_in_delta, sequence, levels, .. }] = bench.sink.mbp10()[..] else { panic!("one record") };
    assert_eq!((hd.rtype, hd.publisher_id, hd.instrument_id, hd.ts_event), (10, 38, 1, MIDNIGHT_NS + VENUE_NS));
    assert_eq!((ts_recv, ts_in_delta, sequence), (RECV_NS, 500, 2));
    assert_eq!((levels[0].bid_ct, levels[0].ask_ct), (0, 0), "orders are not told");
}

#[test]
fn below_the_top_only_mbp_10_is_told_and_below_ten_nothing() {
    let mut bench = Bench::deep();
    bench.one(bid(100_000, 300, true));
    for away in 1..=9 {
        bench.one(bid(100_000 - away, 10, true));
        assert_eq!((bench.sink.mbp1().len(), bench.sink.mbp10().len()), (0, 1));
        assert_eq!(u64::from(bench.sink.mbp10()[0].depth), away);
    }
    bench.one(bid(99_000, 10, true));
    assert_eq!(bench.sink.records(), 0, "the eleventh level");
    bench.one(bid(100_000, 300, true));
    assert_eq!(bench.sink.records(), 0, "what it was already");
}

#[test]
fn nothing_of_an_event_is_seen_before_it_is_complete() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), ask(100_100, 200, true)]);
    let before = bench.channel.composer().books().top(1);
    bench.send(&[bid(100_000, 0, false), bid(99_900, 50, false), ask(100_000, 70, false)]);
    assert_eq!(bench.sink.records(), 0);
    assert_eq!(bench.channel.composer().books().top(1), before);
    let mut file = Vec::new();
    tickwire::books_file::write(bench.channel.composer(), false, &mut file).unwrap();
    assert_eq!(String::from_utf8(file).unwrap(), "symbol,side,level,price,size,orders\nXYZ,B,0,10,300,\nXYZ,S,0,10.01,200,\n");
    bench.channel.announce_again(bench.now_ns, &mut bench.sink);
    assert_eq!(bench.sink.mbp10()[0].levels[0], before, "nor by whoever joins now");
    bench.one(ask(100_100, 0, true));
    let whole = (b'M', b'N', NO_PX, 0, 0, LAST, (px(99_900), 50), (px(100_000), 70));
    assert_eq!(both(&bench), (vec![whole], vec![whole]), "one record a schema, of both sides");
    assert_eq!(bench.sink.records(), 2);
}

#[test]
fn the_side_of_an_event_of_several_levels_is_the_one_whose_shown_levels_changed() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), bid(99_900, 100, true), ask(100_100, 200, true)]);
    bench.send(&[bid(100_000, 0, false), ask(100_200, 9, true)]);
    assert_eq!(bench.sink.mbp1().iter().map(|record| record.side).collect::<Vec<_>>(), [b'B'], "of the top: the bid");
    assert_eq!(bench.sink.mbp10().iter().map(|record| record.side).collect::<Vec<_>>(), [b'N'], "of the ten: both");
    bench.send(&[ask(100_300, 5, false), ask(100_400, 5, true)]);
    assert_eq!((bench.sink.mbp1().len(), bench.sink.mbp10()[0].side), (0, b'A'));
}

#[test]
fn an_event_that_ends_as_it_began_makes_no_record_and_one_of_one_change_is_told_as_that() {
    let mut bench = Bench::deep();
    bench.one(bid(100_000, 300, true));
    bench.send(&[bid(100_000, 0, false), bid(100_000, 300, true)]);
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![]));
    bench.send(&[bid(100_000, 300, false), bid(99_900, 7, true)]);
    let added = (b'A', b'B', px(99_900), 7, 1, LAST, (px(100_000), 300), NONE);
    assert_eq!(both(&bench), (vec![], vec![added]), "the other update said what was so already");
}

#[test]
fn events_of_several_instruments_may_be_open_at_once() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, false), deep_level("OTHER", b'S', 50_000, 5, false), deep_level("THIRD", b'B', 70_000, 6, true)]);
    assert_eq!(bench.sink.mbp1().iter().map(|record| record.hd.instrument_id).collect::<Vec<_>>(), [3]);
    bench.one(deep_level("OTHER", b'B', 49_000, 5, true));
    assert_eq!((bench.sink.mbp1()[0].hd.instrument_id, bench.sink.mbp1()[0].side), (2, b'N'));
    bench.one(bid(99_900, 1, true));
    assert_eq!((bench.sink.mbp1()[0].hd.instrument_id, bench.sink.mbp1()[0].levels[0].bid_px), (1, px(100_000)));
    assert_eq!(bench.channel.composer().books().price_levels(), 5);
}

#[test]
fn a_trade_shows_the_book_before_the_level_change_that_follows_it() {
    let mut bench = Bench::deep();
    bench.one(ask(100_100, 200, true));
    bench.send(&[tops_trade("XYZ", 100_100, 200), ask(100_100, 0, false), bid(100_000, 40, true)]);
    let [trade] = bench.sink.trades()[..] else { panic!("one trade") };
    assert_eq!((trade.action, trade.side, trade.price, trade.size, trade.flags), (b'T', b'N', px(100_100), 200, LAST));
    let (one, ten) = both(&bench);
    let traded = (b'T', b'N', px(100_100), 200, 0, LAST, NONE, (px(100_100), 200));
    let after = (b'M', b'N', NO_PX, 0, 0, LAST, (px(100_000), 40), NONE);
    assert_eq!((one, ten), (vec![traded, after], vec![traded, after]));
    // In the middle of an event, too.
    bench.send(&[bid(100_000, 0, false), tops_trade("XYZ", 100_000, 40), bid(99_000, 1, true)]);
    assert_eq!(bench.sink.mbp10().iter().map(|record| record.levels[0].bid_px).collect::<Vec<_>>(), [px(100_000), px(99_000)]);
}

#[test]
fn deleting_a_level_that_is_not_there_is_counted_and_marks_the_book() {
    let mut bench = Bench::deep();
    bench.one(bid(100_000, 300, true));
    bench.one(bid(99_000, 0, true));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("unknown_level", 1)]));
    bench.send(&[bid(100_000, 1, true), deep_level("OTHER", b'B', 1, 1, true)]);
    assert_eq!(bench.sink.mbp1().iter().map(|record| record.flags).collect::<Vec<_>>(), [LAST | MAYBE_BAD_BOOK, LAST]);
    // As a part of an event: the rest is applied, and said to be doubtful.
    let mut bench = Bench::deep();
    bench.send(&[bid(99_000, 0, false), bid(100_000, 300, true)]);
    let added = (b'A', b'B', px(100_000), 300, 0, LAST | MAYBE_BAD_BOOK, (px(100_000), 300), NONE);
    assert_eq!(both(&bench), (vec![added], vec![added]));
    assert_eq!(bench.dropped(), [("unknown_level", 1)]);
}

#[test]
fn a_gap_voids_the_open_event_and_the_books_stay_marked() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), deep_level("OTHER", b'B', 1, 1, true)]);
    bench.send(&[bid(100_000, 0, false), bid(99_900, 50, false)]);
    bench.lose(1);
    assert_eq!(bench.dropped(), [("event_unfinished", 2)]);
    assert_eq!((bench.channel.state(), bench.sink.records()), (ChannelState::Stale, 0));
    bench.one(ask(100_100, 1, true));
    let ended = (b'A', b'A', px(100_100), 1, 0, LAST | MAYBE_BAD_BOOK, (px(100_000), 300), (px(100_100), 1));
    assert_eq!(both(&bench), (vec![ended], vec![ended]), "what comes after it stands for itself");
    for _ in 0..3 {
        bench.one(deep_level("OTHER", b'B', 1, bench.next as u32, true));
        assert_eq!(
            (bench.sink.mbp1()[0].flags, bench.channel.state()),
            (LAST | MAYBE_BAD_BOOK, ChannelState::Stale),
            "no update proves a book"
        );
    }
}

#[test]
fn a_level_that_cannot_be_read_is_a_gap_of_one() {
    for bad in [bid(0, 1, true), bid(100_000, 1, false)[..20].to_vec()] {
        let mut bench = Bench::deep();
        bench.send(&[bid(100_000, 300, true), ask(100_100, 1, false)]);
        bench.one(bad);
        assert_eq!(bench.channel.state(), ChannelState::Stale);
        assert!(bench.dropped().contains(&("event_unfinished", 1)), "{:?}", bench.dropped());
        assert_eq!(bench.channel.composer().books().top(1).ask_sz, 0);
    }
}

#[test]
fn a_restart_under_the_same_session_id_clears_every_book_and_every_doubt() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), deep_level("OTHER", b'B', 1, 1, true), ask(100_100, 1, false)]);
    bench.lose(1);
    bench.restart(&[bid(99_000, 5, false)]);
    let starts: Vec<_> = bench.sink.controls().iter().map(|record| (record.hd.rtype, record.cause, record.first_sequence)).collect();
    assert_eq!(starts, [(control::SESSION_START, cause::RESTART, 1)]);
    let cleared: Vec<_> = bench.sink.mbp10().iter().map(|record| (record.hd.instrument_id, record.action, record.flags)).collect();
    assert_eq!(cleared, [(1, b'R', LAST), (2, b'R', LAST)]);
    assert!(bench.sink.mbp10().iter().all(|record| record.levels == [BidAsk::EMPTY; 10]));
    assert_eq!((bench.sink.mbp1().len(), bench.channel.state()), (2, ChannelState::Good));
    assert_eq!(bench.dropped(), [("event_unfinished", 1)]);
    bench.one(ask(99_100, 6, true));
    let whole = (b'M', b'N', NO_PX, 0, 0, LAST, (px(99_000), 5), (px(99_100), 6));
    assert_eq!(both(&bench).1, [whole], "an event that begins with the restart is its own");
}

#[test]
fn a_restart_leaves_no_doubt_either_where_no_instrument_had_been_named() {
    let mut bench = Bench::deep();
    // No level stands at 0: not readable, so it names nobody, and puts everybody in doubt.
    bench.one(bid(0, 1, true));
    assert_eq!((bench.channel.state(), bench.channel.composer().instruments()), (ChannelState::Stale, 0));
    bench.restart(&[ask(99_100, 6, false)]);
    bench.one(bid(99_000, 5, true));
    assert_eq!((bench.sink.mbp1()[0].flags, bench.channel.state()), (LAST, ChannelState::Good));
}

#[test]
fn what_is_open_at_the_end_is_counted() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), bid(99_000, 1, false), deep_level("OTHER", b'B', 1, 1, false)]);
    bench.channel.finish(bench.now_ns, &mut bench.sink);
    assert_eq!(bench.dropped(), [("event_unfinished", 2)]);
    assert_eq!(bench.channel.composer().books().price_levels(), 1);
    // Of a session that another one ends.
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), bid(99_000, 1, false)]);
    (bench.iex_session, bench.next, bench.stream_offset) = (2, 1, 0);
    bench.one(deep_level("NEXT", b'B', 1, 1, true));
    bench.one(deep_level("NEXT", b'B', 1, 2, true));
    assert_eq!((bench.dropped(), bench.channel.state()), (vec![("event_unfinished", 1)], ChannelState::Good));
    assert_eq!(bench.sink.mbp1().last().unwrap().flags, LAST);
}

#[test]
fn an_event_too_long_is_given_up_whole_and_nothing_of_it_is_applied() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), deep_level("OTHER", b'B', 5, 1, false)]);
    // The room is 4096 updates, and one of them is OTHER's: it has been open longer.
    let updates = 4_100_u64;
    for away in 0..updates {
        bench.one(ask(100_100 + away, 1, false));
        assert_eq!(bench.sink.records(), 0);
    }
    assert_eq!(bench.dropped(), [("event_too_long", 1 + updates)], "OTHER's, then all of XYZ's");
    bench.one(ask(200_000, 1, true));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("event_too_long", 2 + updates)]));
    bench.one(bid(100_000, 301, true));
    assert_eq!((bench.sink.mbp1()[0].flags, bench.sink.mbp1()[0].levels[0].ask_sz), (LAST | MAYBE_BAD_BOOK, 0));
    bench.one(deep_level("OTHER", b'B', 6, 1, true));
    assert_eq!(bench.sink.records(), 0, "its event ends");
    bench.one(deep_level("OTHER", b'B', 6, 1, true));
    assert_eq!(bench.sink.mbp1()[0].flags, LAST | MAYBE_BAD_BOOK);
    // The room is whole again.
    bench.send(&[bid(99_000, 1, false), bid(98_000, 1, false), bid(97_000, 1, true)]);
    assert_eq!((bench.channel.composer().books().price_levels(), bench.sink.mbp10().len()), (5, 1));
}

#[test]
fn of_too_many_open_events_the_oldest_gives_way() {
    let mut bench = Bench::deep();
    for index in 0..65 {
        bench.one(deep_level(&format!("S{index}"), b'B', 100, 1, false));
    }
    assert_eq!(bench.dropped(), [("event_too_long", 1)]);
    for index in 1..65 {
        bench.one(deep_level(&format!("S{index}"), b'S', 200, 1, true));
        assert_eq!((bench.sink.mbp1()[0].side, bench.sink.mbp1()[0].flags), (b'N', LAST));
    }
    bench.one(deep_level("S0", b'S', 200, 1, true));
    assert_eq!((bench.sink.mbp1()[0].side, bench.sink.mbp1()[0].flags), (b'A', LAST | MAYBE_BAD_BOOK));
}

#[test]
fn an_event_that_finds_no_room_for_its_levels_is_applied_as_far_as_it_goes_and_marked() {
    let capacity = BooksCapacity { instruments: 8, orders: 8, levels: 8 };
    let mut bench = Bench::deep();
    bench.channel = channel_with(FeedName::IexDeep, capacity, 1);
    bench.send(&[bid(100_000, 300, false), ask(100_100, 200, true)]);
    assert_eq!(bench.dropped(), [("levels_full", 1)]);
    assert_eq!((bench.sink.mbp1()[0].side, bench.sink.mbp1()[0].flags), (b'B', LAST | MAYBE_BAD_BOOK));
}

#[test]
fn a_stream_offset_that_jumps_once_is_counted_and_twice_in_a_row_marks_the_channel() {
    let mut bench = Bench::deep();
    bench.send(&[bid(100_000, 300, true), bid(99_900, 1, true)]);
    let right = bench.stream_offset;
    bench.stream_offset += 1_000;
    bench.one(bid(99_800, 1, true));
    assert_eq!((bench.dropped(), bench.channel.state()), (vec![("offset_mismatch", 1)], ChannelState::Good));
    assert_eq!(bench.sink.mbp10()[0].flags, LAST, "the numbers rule");
    bench.stream_offset = right + 32;
    bench.one(bid(99_700, 1, true));
    assert_eq!((bench.dropped(), bench.channel.state()), (vec![("offset_mismatch", 1)], ChannelState::Good), "it was that one packet");
    bench.stream_offset += 64;
    bench.one(bid(99_600, 1, true));
    bench.one(bid(99_500, 1, true));
    assert_eq!((bench.dropped(), bench.channel.state()), (vec![("offset_mismatch", 3)], ChannelState::Stale));
    let told: Vec<_> = bench.sink.controls().iter().map(|r| (r.hd.rtype, r.cause, r.first_sequence, r.last_sequence)).collect();
    assert_eq!(told, [(control::GAP_OPEN, cause::STREAM_OFFSET, 6, 5), (control::GAP_CLOSED, cause::LOST, 6, 5)]);
    assert_eq!(bench.sink.mbp10()[0].flags, LAST | MAYBE_BAD_BOOK, "the message that shows it comes behind");
    bench.one(bid(99_400, 1, true));
    assert_eq!(bench.dropped(), [("offset_mismatch", 3)], "the stream is followed where it is now");
    assert_eq!((bench.channel.arbiter().lost_messages, bench.channel.arbiter().gaps), (0, 0));
}

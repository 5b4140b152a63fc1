//! When a record says that its book may be wrong, and when it stops saying so.

use tickwire::record::control::{self, cause};
use tickwire::record::flags::{LAST, MAYBE_BAD_BOOK};
use tickwire::record::{ChannelState, Control};

use crate::venue::*;

fn brief(controls: &[Control]) -> Vec<(u8, u8, u64, u64, u32)> {
    controls
        .iter()
        .map(|record| (record.hd.rtype, record.cause, record.first_sequence, record.last_sequence, record.hd.instrument_id))
        .collect()
}

#[test]
fn after_a_gap_every_record_of_every_order_book_is_marked_and_stays_so() {
    let mut bench = Bench::itch();
    bench.send(&[add(5, "XYZ", 11, b'B', 300, 100_000), add(6, "OTHER", 12, b'B', 300, 100_000)]);
    assert!(bench.sink.mbo().iter().all(|record| record.flags == LAST));
    bench.lose(3);
    assert_eq!(
        brief(&bench.sink.controls()),
        [(control::GAP_OPEN, cause::HEARTBEAT, 3, 5, 0), (control::GAP_CLOSED, cause::LOST, 3, 5, 0)]
    );
    bench.send(&[cancel(5, 11, 1), cancel(6, 12, 1), add(7, "LATER", 13, b'B', 1, 1), trade(5, "XYZ", 1, 1)]);
    assert_eq!(bench.sink.mbo().len(), 4);
    assert!(bench.sink.mbo().iter().all(|record| record.flags == LAST | MAYBE_BAD_BOOK), "also one first named after the gap");
    assert!(bench.sink.mbp1().iter().all(|record| record.flags & MAYBE_BAD_BOOK != 0));
    assert!(bench.sink.mbp10().iter().all(|record| record.flags & MAYBE_BAD_BOOK != 0));
    assert!(bench.sink.trades().iter().all(|record| record.flags & MAYBE_BAD_BOOK != 0));
    assert_eq!(bench.channel.state(), ChannelState::Stale, "nothing but a new session proves an order book");
}

#[test]
fn the_channels_state_is_set_before_the_first_record_after_the_gap() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.lose(1);
    let kinds: Vec<_> = bench
        .sink
        .take()
        .iter()
        .map(|out| match out {
            Out::State(state, _) => format!("{state:?}"),
            Out::Control(record) => format!("{:02x}", record.hd.rtype),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["GapOpen", "e2", "Stale", "e3"]);
}

#[test]
fn a_control_record_names_the_channel_the_time_and_the_publisher() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    let venue_ns = bench.sink.watermark_ns;
    bench.sink.take();
    bench.lose(1);
    let now_ns = bench.now_ns;
    for record in bench.sink.controls() {
        assert_eq!((record.channel, record.hd.publisher_id, usize::from(record.hd.length) * 4), (7, 2, size_of::<Control>()));
        assert_eq!((record.ts_recv, record.reserved), (now_ns, [0; 13]));
        assert_eq!(record.hd.ts_event, venue_ns, "what was taken in before it");
    }
}

#[test]
fn a_quote_proves_its_instrument_and_the_last_proof_the_channel() {
    let mut bench = Bench::tops();
    bench.send(&[tops_quote("XYZ", (100_000, 300), (100_100, 200)), tops_quote("OTHER", (1, 1), (2, 2))]);
    bench.lose(2);
    bench.one(tops_trade("XYZ", 100_000, 1));
    assert_eq!(bench.sink.mbp1()[0].flags, LAST | MAYBE_BAD_BOOK);
    bench.one(tops_quote("XYZ", (100_000, 300), (100_100, 200)));
    assert_eq!(brief(&bench.sink.controls()), [(control::BOOK_GOOD, cause::NONE, 6, 0, 1)]);
    assert!(matches!(bench.sink.out[..], [Out::Control(_), Out::Mbp1(_, record)] if record.flags == LAST), "the proof comes first");
    assert_eq!(bench.channel.state(), ChannelState::Stale, "the other one is not proven");
    bench.one(tops_trade("OTHER", 1, 1));
    assert_eq!(bench.sink.mbp1()[0].flags, LAST | MAYBE_BAD_BOOK);
    bench.one(tops_quote("OTHER", (1, 1), (2, 2)));
    assert_eq!(brief(&bench.sink.controls()), [(control::BOOK_GOOD, cause::NONE, 8, 0, 2), (control::BOOK_GOOD, cause::NONE, 0, 0, 0)]);
    assert_eq!(bench.channel.state(), ChannelState::Good);
    bench.one(tops_quote("XYZ", (1, 1), (2, 2)));
    assert_eq!(bench.sink.controls(), [], "good already");
    bench.one(tops_trade("LATER", 1, 1));
    assert_eq!(bench.sink.mbp1()[0].flags, LAST | MAYBE_BAD_BOOK, "its quotes may be among the lost ones");
}

#[test]
fn a_second_gap_puts_in_doubt_what_was_proven_after_the_first() {
    let mut bench = Bench::tops();
    bench.one(tops_quote("XYZ", (1, 1), (2, 2)));
    for _ in 0..3 {
        bench.lose(1);
        bench.one(tops_trade("XYZ", 1, 1));
        assert_eq!(bench.sink.mbp1()[0].flags, LAST | MAYBE_BAD_BOOK);
        bench.one(tops_quote("XYZ", (1, 1), (2, 2)));
        assert_eq!((bench.sink.mbp1()[0].flags, bench.channel.state()), (LAST, ChannelState::Good));
    }
}

#[test]
fn a_message_that_moves_books_and_cannot_be_read_is_a_gap_of_one() {
    let mut wrong_side = add(5, "XYZ", 12, b'?', 1, 1);
    let no_locate = delete(0, 11);
    let cut = cancel(5, 11, 1)[..20].to_vec();
    for (reason, message) in [("bad_value", std::mem::take(&mut wrong_side)), ("unknown_instrument", no_locate), ("wrong_length", cut)] {
        let mut bench = Bench::itch();
        bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
        bench.one(message);
        assert_eq!((bench.dropped(), bench.sink.records()), (vec![(reason, 1)], 0));
        assert!(matches!(bench.sink.out[0], Out::State(ChannelState::Stale, _)), "before the control records");
        assert_eq!(
            brief(&bench.sink.controls()),
            [(control::GAP_OPEN, cause::UNREADABLE, 2, 2, 0), (control::GAP_CLOSED, cause::LOST, 2, 2, 0)]
        );
        bench.one(cancel(5, 11, 1));
        assert_eq!(bench.sink.mbo()[0].flags, LAST | MAYBE_BAD_BOOK);
    }
    let mut bench = Bench::tops();
    bench.one(tops_quote("XYZ", (1, 1), (2, 2)));
    bench.one(tops_quote("XYZ", (1, 0), (2, 2)));
    assert_eq!((bench.dropped(), bench.channel.state()), (vec![("bad_value", 1)], ChannelState::Stale));
}

#[test]
fn a_message_that_moves_no_book_can_be_unreadable_without_harm() {
    let mut short_hidden_trade = trade(5, "XYZ", 1, 1);
    short_hidden_trade.truncate(30);
    let mut strange = head(b'z', 5);
    strange.extend([1, 2, 3]);
    let harmless = [
        trading_action(5, "XYZ", b'?', b"    "),
        short_sale(5, "XYZ", b'?'),
        operational_halt(5, "XYZ", b'?', b'H'),
        short_sale(0, "XYZ", b'0'),
        short_hidden_trade,
        strange,
        vec![b'R'],
        vec![],
    ];
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.send(&harmless);
    assert_eq!((bench.sink.out.len(), bench.channel.state()), (0, ChannelState::Good));
    assert_eq!(bench.dropped(), [("unknown_type", 1), ("wrong_length", 2), ("bad_value", 3), ("unknown_instrument", 1)]);
    bench.one(cancel(5, 11, 1));
    assert_eq!(bench.sink.mbo()[0].flags, LAST);
    let mut bench = Bench::tops();
    bench.send(&[tops_quote("XYZ", (1, 1), (2, 2)), tops_status("XYZ", b'?'), tops_trade("XYZ", 1 << 63, 1)]);
    assert_eq!((bench.dropped(), bench.channel.state()), (vec![("bad_value", 2)], ChannelState::Good));
}

#[test]
fn silence_hides_the_channels_state_and_what_happened_meanwhile_shows_afterwards() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.now_ns += 6_000_000_000;
    bench.channel.on_time(bench.now_ns, &mut bench.sink);
    assert_eq!(bench.channel.state(), ChannelState::Silent);
    bench.one(cancel(5, 11, 1));
    assert_eq!((bench.channel.state(), bench.sink.mbo()[0].flags), (ChannelState::Good, LAST));
    // A hole that opens and is given up with the very packet that ends the silence.
    bench.now_ns += 6_000_000_000;
    bench.channel.on_time(bench.now_ns, &mut bench.sink);
    assert_eq!(bench.channel.state(), ChannelState::Silent);
    bench.lose(1);
    assert_eq!(bench.channel.state(), ChannelState::Stale);
    bench.now_ns += 6_000_000_000;
    bench.channel.on_time(bench.now_ns, &mut bench.sink);
    bench.one(cancel(5, 11, 1));
    assert_eq!(bench.channel.state(), ChannelState::Stale, "not what it was before the first silence");
}

#[test]
fn what_two_forged_heartbeats_announced_is_taken_back_with_the_stream_and_the_books_stay_marked() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.lose(1_000);
    bench.next = 2;
    bench.one(cancel(5, 11, 100));
    assert_eq!(brief(&bench.sink.controls()), [(control::GAP_CLOSED, cause::RECOVERED, 2, 1_001, 0)]);
    let told: Vec<_> = bench.sink.mbo().iter().map(|record| (record.sequence, record.action, record.flags)).collect();
    assert_eq!(told, [(2, b'C', LAST | MAYBE_BAD_BOOK)]);
    assert_eq!((bench.channel.state(), bench.channel.arbiter().lost_messages), (ChannelState::Stale, 0));
    assert_eq!(bench.channel.composer().books().top(5).bid_sz, 200);
}

#[test]
fn one_forged_heartbeat_or_session_marks_nothing() {
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    for forged in [mold(&bench.session, 900_000, &[]), mold(b"FORGED0001", 1, &[])] {
        bench.channel.on_datagram(0, bench.now_ns, &forged, &mut bench.sink);
        for _ in 0..10 {
            bench.now_ns += 6_000_000;
            bench.one(cancel(5, 11, 1));
            assert_eq!((bench.sink.mbo()[0].flags, bench.channel.state()), (LAST, ChannelState::Good));
        }
    }
    assert_eq!(bench.channel.composer().books().top(5).bid_sz, 280);
}

#[test]
fn an_order_asked_after_is_in_doubt_where_its_records_are() {
    let mut bench = Bench::itch();
    bench.send(&[add(5, "XYZ", 11, b'B', 300, 100_000), add(6, "OTHER", 12, b'B', 300, 100_000)]);
    let queued = |bench: &Bench, symbol, order| tickwire::replay::Queued::find(&bench.channel, symbol, order).unwrap().maybe_bad;
    assert!(!queued(&bench, "XYZ", 11) && !queued(&bench, "OTHER", 12));
    // Refused, and told by the book: XYZ's order under OTHER's name.
    bench.one(delete(6, 11));
    assert!(queued(&bench, "XYZ", 11) && queued(&bench, "OTHER", 12));

    // Known above the book only: who was lost may have been ahead.
    let mut bench = Bench::itch();
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    bench.lose(3);
    bench.one(add(5, "XYZ", 15, b'B', 300, 100_000));
    assert!(queued(&bench, "XYZ", 11) && queued(&bench, "XYZ", 15));
}

#[test]
fn a_message_under_an_id_that_nobody_named_puts_the_book_of_its_order_in_doubt() {
    for message in [delete(99, 11), cancel(99, 11, 1), execute(99, 11, 1), execute_at(99, 11, 1, b'Y', 100_000), replace(99, 11, 13, 1, 1)]
    {
        let mut bench = Bench::itch();
        bench.send(&[add(5, "XYZ", 11, b'B', 300, 100_000), add(6, "OTHER", 12, b'B', 300, 100_000)]);
        bench.one(message);
        assert_eq!(bench.dropped(), [("unknown_instrument", 1)]);
        bench.sink.take();
        bench.send(&[cancel(5, 11, 1), cancel(6, 12, 1)]);
        let flags: Vec<u8> = bench.sink.mbo().iter().map(|record| record.flags).collect();
        assert_eq!(flags, [LAST | MAYBE_BAD_BOOK, LAST]);
    }
}

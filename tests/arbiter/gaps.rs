//! Order, duplicates, holes and gaps.

use tickwire::feed::arbiter::{ArbiterConfig, GapCause, Notice, StartCause};
use tickwire::stats::Drop;

use crate::framing::{cut, iex, mold};
use crate::rig::{A, B, IexRig, MS, MoldRig, Out, S, config, start};

fn gap(first: u64, last: u64, cause: GapCause) -> [Notice; 2] {
    [Notice::GapOpen { first, last, cause }, Notice::GapClosed { first, last, recovered: false }]
}

/// Both lines have brought 1 and 2.
fn running(config: ArbiterConfig) -> MoldRig {
    let mut rig = MoldRig::new(config);
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.datagram(B, 2, &mold(1, 1, 2));
    rig
}

#[test]
fn case_03_the_first_copy_wins_and_the_other_is_counted() {
    let mut rig = MoldRig::new(config());
    for n in 0..10 {
        let (first, second) = if n % 3 == 0 { (B, A) } else { (A, B) };
        rig.datagram(first, 10 * n, &mold(1, 1 + 2 * n, 2));
        rig.datagram(second, 10 * n + 1, &mold(1, 1 + 2 * n, 2));
    }
    assert_eq!(rig.only_session(), (1, 21, 20, 0));
    let counters = rig.counters();
    assert_eq!((counters.datagrams, counters.messages, counters.duplicates, counters.gaps), (20, 20, 10, 0));
    assert_eq!((counters.lines[0].first_wins, counters.lines[1].first_wins), (6, 4));
    assert_eq!(
        rig.tape.0[1],
        Out::Message(1, tickwire::feed::arbiter::Arrival { line: B, recv_ns: 0, send_ns: 0 }, crate::framing::message(1, 1))
    );
}

#[test]
fn a_packet_partly_known_brings_its_rest() {
    let mut rig = running(config());
    rig.datagram(A, 10, &mold(1, 1, 5));
    rig.datagram(B, 11, &mold(1, 4, 4));
    assert_eq!(rig.only_session(), (1, 8, 7, 0));
    assert_eq!((rig.counters().overlaps, rig.counters().duplicates), (2, 1));
}

#[test]
fn case_04_early_packets_are_held_and_let_out_in_order() {
    let mut rig = running(config());
    rig.datagram(A, 10, &mold(1, 7, 2));
    rig.datagram(A, 11, &mold(1, 5, 2));
    assert_eq!(rig.tape.numbers(), [1, 2]);
    assert_eq!(rig.arbiter.deadline_ns(), Some(10 + MS), "the hole is known since the first early packet");
    rig.datagram(B, 12, &mold(1, 3, 2));
    assert_eq!(rig.only_session(), (1, 9, 8, 0));
    let Out::Message(7, arrival, _) = &rig.tape.0[7] else { panic!() };
    assert_eq!((arrival.line, arrival.recv_ns), (A, 10), "a held message keeps its own arrival");
    assert_eq!((rig.counters().gaps, rig.counters().holes_filled, rig.counters().held_high_water), (0, 1, 2));
    assert_eq!(rig.tape.notices(), [start(1, 1, StartCause::First)], "a hole that was filled is not told");
}

#[test]
fn a_gap_is_declared_at_once_when_every_live_line_has_passed() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 1));
    assert_eq!(rig.tape.0, []);
    rig.datagram(B, 11, &mold(1, 5, 1));
    assert_eq!(rig.tape.notices(), gap(3, 4, GapCause::AllLinesPassed));
    assert_eq!(rig.tape.numbers(), [5]);
    assert_eq!((rig.counters().gaps, rig.counters().lost_messages), (1, 2));
}

#[test]
fn a_line_has_passed_only_after_as_many_packets_as_may_be_reordered() {
    let mut rig = MoldRig::new(ArbiterConfig { lines: 1, reorder_packets: 2, ..config() });
    rig.datagram(A, 1, &mold(1, 1, 1));
    rig.datagram(A, 2, &mold(1, 3, 1));
    rig.datagram(A, 3, &mold(1, 4, 1));
    rig.datagram(A, 4, &mold(1, 2, 1));
    assert_eq!(rig.only_session(), (1, 5, 4, 0));
    for n in 6..=7 {
        rig.datagram(A, n, &mold(1, n, 1));
        assert_eq!(rig.counters().gaps, 0);
    }
    rig.datagram(A, 8, &mold(1, 8, 1));
    assert_eq!(rig.only_session(), (1, 9, 7, 1));
}

#[test]
fn case_05_a_gap_is_declared_when_the_wait_is_over() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 4, 1));
    rig.until(9 + MS);
    assert_eq!(rig.tape.0, []);
    rig.until(10 + MS);
    assert_eq!(rig.tape.notices(), gap(3, 3, GapCause::TimedOut));
    assert_eq!(rig.tape.numbers(), [4]);
}

#[test]
fn a_second_hole_counts_from_when_it_was_seen_not_from_the_end_of_the_first() {
    let mut rig = running(config());
    rig.datagram(A, 100, &mold(1, 4, 1));
    rig.datagram(A, 200, &mold(1, 6, 1));
    rig.datagram(B, 300, &mold(1, 3, 1));
    assert_eq!(rig.arbiter.deadline_ns(), Some(200 + MS));
    rig.until(200 + MS);
    assert_eq!(rig.only_session(), (1, 7, 5, 1));
}

#[test]
fn case_06_a_packet_after_its_gap_is_counted_late_and_never_applied() {
    let mut rig = running(config());
    rig.datagram(A, 10, &mold(1, 5, 1));
    rig.until(2 * MS);
    rig.datagram(B, 2 * MS + 1, &mold(1, 3, 2));
    rig.datagram(B, 2 * MS + 2, &mold(1, 4, 3));
    rig.datagram(B, 2 * MS + 3, &mold(1, 5, 1));
    assert_eq!(rig.only_session(), (1, 7, 4, 2));
    assert_eq!((rig.dropped(Drop::Late), rig.counters().duplicates, rig.counters().overlaps), (1, 2, 1));
}

#[test]
fn copies_of_held_packets_take_no_room() {
    let mut rig = running(ArbiterConfig { window_packets: 2, ..config() });
    for n in 0..20 {
        rig.datagram(A, 10 + n, &mold(1, 5, 2));
        rig.datagram(A, 10 + n, &mold(1, 7, 1));
        rig.datagram(A, 10 + n, &mold(1, 6, 2));
    }
    assert_eq!((rig.counters().gaps, rig.counters().duplicates, rig.counters().held_high_water), (0, 59, 2));
    rig.datagram(B, 50, &mold(1, 3, 2));
    assert_eq!(rig.only_session(), (1, 8, 7, 0));
}

#[test]
fn a_full_window_declares_the_gap_and_loses_nothing_it_has() {
    let mut rig = running(ArbiterConfig { window_packets: 3, ..config() });
    rig.clear();
    for first in [4, 6, 8, 10] {
        rig.datagram(A, 10, &mold(1, first, 1));
    }
    assert_eq!(rig.tape.notices(), gap(3, 3, GapCause::WindowFull));
    assert_eq!(rig.tape.numbers(), [4]);
    rig.finish(20);
    assert_eq!(rig.tape.numbers(), [4, 6, 8, 10]);
}

#[test]
fn a_full_window_lets_a_packet_before_all_held_ones_through() {
    let mut rig = running(ArbiterConfig { window_packets: 2, ..config() });
    rig.clear();
    for first in [20, 30, 10] {
        rig.datagram(A, 10, &mold(1, first, 2));
    }
    assert_eq!(rig.tape.notices(), gap(3, 9, GapCause::WindowFull));
    assert_eq!(rig.tape.numbers(), [10, 11]);
}

#[test]
fn a_packet_larger_than_the_window_goes_straight_through() {
    let mut rig = running(ArbiterConfig { window_bytes: 50, ..config() });
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 100));
    assert_eq!(rig.tape.notices(), gap(3, 4, GapCause::WindowFull));
    assert_eq!(rig.tape.numbers(), (5..105).collect::<Vec<_>>());
}

#[test]
fn the_window_holds_its_bytes_however_they_were_released() {
    // A packet far ahead keeps the window from ever being empty, while 2,000 others come and go in room for about eight:
    // the arena is compacted again and again, with the oldest bytes belonging to the last number.
    let mut rig = MoldRig::new(ArbiterConfig { window_bytes: 400, gap_wait_ns: u64::MAX, ..config() });
    rig.datagram(B, 0, &mold(1, 1, 1));
    rig.datagram(A, 0, &mold(1, 6_002, 2));
    for n in 0..2_000u64 {
        let next = rig.arbiter.next_sequence();
        rig.datagram(A, n, &mold(1, next + 2, 1));
        rig.datagram(A, n, &mold(1, next + 1, 1));
        rig.datagram(B, n, &mold(1, next, 1));
    }
    assert_eq!(rig.only_session(), (1, 6_004, 6_003, 0));
    assert_eq!(rig.counters().held_high_water, 3);
}

#[test]
fn case_10_a_heartbeat_announces_messages_not_seen() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 0));
    rig.datagram(B, 11, &mold(1, 3, 0));
    rig.datagram(B, 12, &mold(1, 3, 1));
    rig.datagram(A, 13, &mold(1, 5, 0));
    assert_eq!(rig.arbiter.deadline_ns(), Some(10 + MS), "known since the first, now that a second agrees");
    rig.until(10 + MS);
    assert_eq!(rig.tape.notices(), gap(4, 4, GapCause::Heartbeat));
    assert_eq!((rig.counters().heartbeats, rig.counters().messages), (3, 3));
    rig.datagram(A, 2 * MS, &mold(1, 5, 1));
    assert_eq!(rig.tape.numbers(), [3, 5]);
}

#[test]
fn what_one_heartbeat_or_end_of_session_announces_costs_nothing_until_another_agrees() {
    for kind in [0, 0xFFFF] {
        let mut rig = running(config());
        rig.datagram(A, 10, &mold(1, 500_000, kind));
        for n in 3..2_000 {
            rig.datagram((n % 2) as u8, n * MS, &mold(1, n, 1));
        }
        assert_eq!(rig.only_session(), (1, 2_000, 1_999, 0));
        assert_eq!((rig.dropped(Drop::Late), rig.dropped(Drop::OldSession)), (0, 0));
        rig.finish(3 * S);
        assert_eq!(rig.counters().lost_messages, 498_000, "at the end of the input there is nobody left to contradict it");
    }
}

#[test]
fn a_forged_announcement_does_not_shorten_the_wait_for_a_true_hole() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 500_000, 0));
    rig.datagram(A, 50 * MS, &mold(1, 5, 0));
    rig.until(51 * MS - 1);
    assert_eq!(rig.tape.0, [], "numbers below 5 are known since then");
    rig.datagram(B, 51 * MS - 1, &mold(1, 3, 2));
    rig.finish(51 * MS - 1);
    assert_eq!(rig.tape.numbers(), [3, 4]);
}

#[test]
fn a_doubtful_end_is_contradicted_by_what_comes_beyond_it() {
    let mut rig = running(config());
    rig.datagram(A, 10, &mold(1, 6, 0xFFFF));
    rig.datagram(A, 11, &mold(1, 5, 4));
    rig.datagram(B, 12, &mold(1, 3, 2));
    rig.datagram(B, 13, &mold(1, 9, 1));
    rig.datagram(B, 14, &mold(1, 10, 0xFFFF));
    let told = rig.tape.true_sessions();
    assert_eq!((told.len(), told[0].next, told[0].delivered, told[0].ended), (1, 10, 9, true));
}

/// Two heartbeats announced up to 99, and it was declared.
fn told_too_much() -> MoldRig {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 100, 0));
    rig.datagram(B, 11, &mold(1, 100, 0));
    assert_eq!(rig.tape.notices(), gap(3, 99, GapCause::Heartbeat));
    rig
}

#[test]
fn a_gap_that_was_only_announced_is_taken_back_when_the_stream_itself_comes_through_it() {
    let mut rig = told_too_much();
    rig.datagram(A, 20, &mold(1, 1, 2));
    rig.datagram(A, 21, &mold(1, 5, 2)[..21]);
    assert_eq!(rig.tape.notices().len(), 2, "a copy of what is known takes nothing back, nor does a packet without a message");
    for n in 5..200 {
        rig.datagram((n % 2) as u8, n * MS, &mold(1, n, 1));
    }
    assert_eq!(rig.tape.notices()[2..], [Notice::GapClosed { first: 5, last: 99, recovered: true }]);
    assert_eq!(rig.tape.numbers(), (5..200).collect::<Vec<_>>());
    assert_eq!((rig.counters().gaps, rig.counters().lost_messages, rig.counters().messages), (1, 2, 197));
    rig.datagram(B, 200 * MS, &mold(1, 3, 2));
    assert_eq!((rig.dropped(Drop::Late), rig.arbiter.next_sequence()), (2, 200), "what was not taken back stays late");
}

#[test]
fn a_gap_taken_back_from_its_first_message_on_was_none() {
    let mut rig = told_too_much();
    rig.datagram(A, 20, &mold(1, 2, 3));
    assert_eq!(rig.tape.numbers(), [3, 4]);
    rig.datagram(B, 21, &mold(1, 3, 2));
    assert_eq!((rig.counters().lost_messages, rig.dropped(Drop::Late), rig.arbiter.next_sequence()), (0, 0, 5));
}

#[test]
fn a_stream_that_comes_through_an_announced_gap_after_a_pause_is_no_restart() {
    let mut rig = IexRig::new(config());
    rig.datagram(A, S, &iex(1, 1, 4, S));
    for line in [A, B] {
        rig.datagram(line, S + 1, &iex(1, 1_000, 0, S + 1));
    }
    rig.until(2 * S);
    assert_eq!(rig.arbiter.next_sequence(), 1_000);
    for n in 5..1_100 {
        rig.datagram((n % 2) as u8, n * S, &iex(1, n, 1, n * S));
    }
    assert_eq!(rig.only_session(), (1, 1_100, 1_099, 0));
    assert_eq!((rig.counters().restarts, rig.dropped(Drop::Quarantined), rig.dropped(Drop::Late)), (0, 0, 0));
}

#[test]
fn once_the_stream_has_gone_on_behind_an_announced_gap_what_lies_in_it_is_late() {
    let mut rig = told_too_much();
    rig.datagram(A, 20, &mold(1, 100, 1));
    rig.datagram(B, 21, &mold(1, 5, 1));
    assert_eq!((rig.tape.numbers(), rig.dropped(Drop::Late)), (vec![100], 1));
}

#[test]
fn a_hole_that_grows_is_not_awaited_longer() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 0));
    rig.datagram(A, 500, &mold(1, 8, 0));
    rig.datagram(A, 501, &mold(1, 8, 0));
    rig.until(500 + MS);
    assert_eq!(rig.tape.notices(), gap(3, 7, GapCause::Heartbeat));
}

#[test]
fn a_hole_is_passed_only_by_a_line_that_has_passed_the_last_of_it() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 0));
    rig.datagram(B, 11, &mold(1, 4, 0));
    assert_eq!(rig.tape.notices(), gap(3, 3, GapCause::Heartbeat), "B may still bring 4");
    rig.datagram(B, 12, &mold(1, 4, 1));
    assert_eq!(rig.tape.numbers(), [4]);
}

#[test]
fn a_heartbeat_of_every_live_line_declares_at_once() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 0));
    rig.datagram(B, 11, &mold(1, 5, 0));
    assert_eq!(rig.tape.notices(), gap(3, 4, GapCause::Heartbeat));
}

#[test]
fn case_15_a_count_larger_than_the_content_delivers_what_is_complete_and_the_other_copy_brings_the_rest() {
    let mut rig = running(config());
    let cut_packet = cut(&mold(1, 3, 5), 1, 3, 2);
    rig.datagram(A, 10, &cut_packet);
    assert_eq!(rig.tape.numbers(), [1, 2, 3, 4]);
    assert_eq!(rig.dropped(Drop::BlockPastEnd), 1);
    rig.datagram(B, 11, &cut_packet);
    assert_eq!((rig.dropped(Drop::BlockPastEnd), rig.counters().duplicates), (1, 2), "the same copy again is only a duplicate");
    rig.datagram(B, 12, &mold(1, 3, 5));
    assert_eq!(rig.only_session(), (1, 8, 7, 0));
    assert_eq!((rig.counters().overlaps, rig.counters().gaps), (1, 0));
}

#[test]
fn case_16_a_cut_packet_that_is_early_is_held_as_far_as_it_goes() {
    let mut rig = running(config());
    let cut_packet = cut(&mold(1, 5, 4), 1, 5, 3);
    rig.datagram(A, 10, &cut_packet);
    rig.datagram(B, 11, &cut_packet);
    assert_eq!((rig.dropped(Drop::BlockPastEnd), rig.counters().duplicates), (1, 2));
    assert_eq!(rig.only_session(), (1, 8, 5, 2));
    rig.until(10 + MS);
    assert_eq!(rig.only_session(), (1, 8, 5, 2), "what it only claimed is not awaited");
    rig.datagram(A, 2 * MS, &mold(1, 9, 1));
    rig.datagram(B, 2 * MS, &mold(1, 9, 1));
    assert_eq!(rig.only_session(), (1, 10, 6, 3), "the next packet shows that it is missing");
}

#[test]
fn case_15_a_count_that_was_corrupted_upwards_costs_nothing_that_comes_after_it() {
    // In sequence, early, and behind the first packet of all: each claims 65,534 messages and has two, or none.
    for (sequence, complete) in [(3, 2), (3, 0), (5, 2), (900, 0)] {
        let mut rig = running(config());
        let mut claims = cut(&mold(1, sequence, 2 + complete), 1, sequence, complete);
        claims[18..20].copy_from_slice(&0xFFFE_u16.to_le_bytes());
        rig.datagram(A, 10, &claims);
        rig.datagram(B, 11, &mold(1, 3, 2));
        for n in 5..200 {
            rig.datagram((n % 2) as u8, n * MS, &mold(1, n, 1));
        }
        rig.finish(S);
        assert_eq!(rig.only_session(), (1, 200, 199, 0), "{sequence}, {complete}");
        assert_eq!((rig.dropped(Drop::BlockPastEnd), rig.dropped(Drop::Late), rig.counters().gaps), (1, 0, 0));
    }
}

#[test]
fn bytes_behind_the_last_block_are_counted_once_and_ignored() {
    let mut rig = running(config());
    let mut packet = mold(1, 3, 2);
    packet.extend([0; 3]);
    rig.datagram(A, 10, &packet);
    rig.datagram(B, 11, &packet);
    let mut early = mold(1, 6, 1);
    early.push(7);
    rig.datagram(A, 12, &early);
    rig.datagram(B, 13, &mold(1, 5, 1));
    rig.datagram(B, 14, &early);
    assert_eq!(rig.only_session(), (1, 7, 6, 0));
    assert_eq!((rig.dropped(Drop::TrailingBytes), rig.counters().duplicates), (2, 3));
}

#[test]
fn a_packet_without_one_complete_message_proves_nothing() {
    let mut rig = running(config());
    rig.datagram(A, 10, &mold(1, 3, 2)[..21]);
    rig.datagram(A, 11, &mold(1, 8, 2)[..21]);
    assert_eq!((rig.dropped(Drop::BlockPastEnd), rig.arbiter.next_sequence()), (2, 3));
    rig.until(12 + MS);
    assert_eq!(rig.only_session(), (1, 3, 2, 0));
}

#[test]
fn the_end_of_the_input_declares_what_is_missing_and_delivers_what_is_held() {
    let mut rig = running(config());
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 2));
    rig.datagram(A, 11, &mold(1, 9, 0));
    rig.finish(12);
    assert_eq!(rig.tape.numbers(), [5, 6]);
    assert_eq!(rig.tape.notices(), [gap(3, 4, GapCause::InputEnded), gap(7, 8, GapCause::InputEnded)].concat());
    rig.finish(13);
    assert_eq!(rig.tape.notices().len(), 4, "once is enough");
}

#[test]
fn a_datagram_of_no_line_of_ours_and_a_cut_header_are_counted() {
    let mut rig = running(config());
    rig.datagram(2, 10, &mold(1, 3, 1));
    rig.datagram(A, 11, &mold(1, 3, 1)[..19]);
    assert_eq!((rig.dropped(Drop::UnknownLine), rig.dropped(Drop::HeaderCut), rig.arbiter.next_sequence()), (1, 1, 3));
}

//! Beginnings, ends, new sessions and restarts.

use tickwire::feed::arbiter::{ArbiterConfig, GapCause, Notice, StartCause};
use tickwire::stats::Drop;

use crate::framing::{iex, mold};
use crate::rig::{A, B, IexRig, MS, MoldRig, S, config, start};

#[test]
fn the_first_datagram_sets_the_sequence_and_joining_late_is_no_gap() {
    let mut rig = MoldRig::new(config());
    assert_eq!(rig.arbiter.deadline_ns(), None);
    rig.datagram(A, 10, &mold(1, 500, 2));
    assert_eq!(rig.tape.notices(), [start(1, 500, StartCause::JoinedLate)]);
    rig.datagram(B, 11, &mold(1, 498, 2));
    rig.datagram(B, 12, &mold(1, 500, 2));
    assert_eq!(rig.only_session(), (500, 502, 2, 0));
    let counters = rig.counters();
    assert_eq!((counters.joined_late, counters.gaps, counters.duplicates, counters.restarts), (1, 0, 2, 0));
}

#[test]
fn the_first_datagram_may_be_a_heartbeat() {
    for (next, cause) in [(1, StartCause::First), (77, StartCause::JoinedLate)] {
        let mut rig = MoldRig::new(config());
        rig.datagram(A, 10, &mold(1, next, 0));
        rig.datagram(A, 11, &mold(1, next, 3));
        assert_eq!(rig.tape.notices(), [start(1, next, cause)]);
        assert_eq!(rig.only_session(), (next, next + 3, 3, 0));
    }
}

#[test]
fn case_11_the_end_of_session_is_told_once_after_the_holes_and_no_silence_after_it() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.datagram(B, 2, &mold(1, 1, 2));
    rig.clear();
    rig.datagram(A, 10, &mold(1, 4, 0xFFFF));
    assert_eq!(rig.tape.0, [], "3 is still awaited");
    rig.datagram(B, 11, &mold(1, 3, 1));
    rig.datagram(B, 12, &mold(1, 4, 0xFFFF));
    rig.datagram(A, 13, &mold(1, 4, 0xFFFF));
    assert_eq!(rig.tape.notices(), [Notice::SessionEnd { next_sequence: 4 }]);
    assert_eq!(rig.counters().ends_of_session, 3);
    rig.datagram(A, 14, &mold(1, 4, 1));
    rig.datagram(B, 15, &mold(1, 3, 1));
    assert_eq!((rig.dropped(Drop::OldSession), rig.counters().duplicates, rig.tape.numbers()), (1, 2, vec![3]));
    assert_eq!(rig.arbiter.deadline_ns(), None);
    rig.until(3600 * S);
    assert_eq!(rig.tape.notices().len(), 1);
}

#[test]
fn an_end_of_session_that_announces_more_declares_it_then_ends() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.clear();
    rig.datagram(A, 10, &mold(1, 5, 0xFFFF));
    rig.until(2 * MS);
    assert_eq!(rig.tape.0, [], "one alone is not believed about what nobody has seen");
    rig.datagram(A, 3 * MS, &mold(1, 5, 0xFFFF));
    let end = Notice::SessionEnd { next_sequence: 5 };
    let (first, last) = (3, 4);
    let open = Notice::GapOpen { first, last, cause: GapCause::Heartbeat };
    assert_eq!(rig.tape.notices(), [open, Notice::GapClosed { first, last, recovered: false }, end]);
}

#[test]
fn an_end_of_session_below_what_is_known_is_not_believed() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 5));
    rig.datagram(A, 2, &mold(1, 3, 0xFFFF));
    rig.datagram(A, 3, &mold(1, 6, 5));
    assert_eq!(rig.only_session(), (1, 11, 10, 0));
}

#[test]
fn case_08_a_new_session_starts_at_its_first_message() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.datagram(A, 2, &mold(1, 5, 1));
    rig.clear();
    rig.datagram(A, 3, &mold(2, 1, 1));
    assert_eq!(rig.tape.0, [], "one packet alone is not believed");
    rig.datagram(B, 4, &mold(2, 1, 1));
    let gap = Notice::GapOpen { first: 3, last: 4, cause: GapCause::NewSession };
    let closed = Notice::GapClosed { first: 3, last: 4, recovered: false };
    let end = Notice::SessionEnd { next_sequence: 6 };
    assert_eq!(rig.tape.notices(), [gap, closed, end, start(2, 1, StartCause::NewSession)]);
    assert_eq!(rig.tape.numbers(), [5, 1], "what was held is let out first");
    assert_eq!(rig.counters().new_sessions, 1);
}

#[test]
fn a_new_session_may_begin_with_a_heartbeat() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.datagram(A, 2, &mold(1, 3, 0xFFFF));
    rig.clear();
    rig.datagram(A, 3599 * S, &mold(2, 1, 0));
    rig.datagram(A, 3600 * S, &mold(2, 1, 0));
    assert_eq!(rig.tape.notices(), [start(2, 1, StartCause::NewSession)]);
    assert_eq!((rig.counters().heartbeats, rig.dropped(Drop::Quarantined)), (2, 0));
    rig.until(3600 * S + S);
    assert_eq!(rig.tape.notices().len(), 1, "line B has its chance, though it was last heard yesterday");
}

#[test]
fn case_62_the_channel_never_switches_back_to_a_session_it_has_left() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.datagram(A, 3, &mold(2, 1, 1));
    for n in 0..5 {
        rig.datagram(B, 10 + n, &mold(1, 1 + 2 * n, 2));
        rig.datagram(A, 10 + n, &mold(2, 2 + n, 1));
    }
    rig.datagram(B, 20, &mold(1, 11, 0));
    rig.datagram(B, 21, &mold(1, 11, 0xFFFF));
    rig.datagram(B, 22, &mold(2, 1, 6));
    let told = rig.tape.true_sessions();
    assert_eq!(told.iter().map(|t| (t.session, t.delivered)).collect::<Vec<_>>(), [(1, 2), (2, 6)]);
    assert_eq!((rig.dropped(Drop::OldSession), rig.counters().duplicates), (6, 2));
}

#[test]
fn a_session_change_loses_neither_the_packet_kept_nor_the_one_that_confirms_it() {
    // The first two packets of the new day, by one line or both, in order or not.
    let (first, second, beat, both) = (mold(2, 1, 2), mold(2, 3, 2), mold(2, 1, 0), mold(2, 1, 4));
    for (kept, confirms) in [((A, &first), (A, &second)), ((A, &second), (B, &first)), ((B, &beat), (A, &both)), ((A, &both), (B, &both))] {
        for ended in [false, true] {
            let mut rig = MoldRig::new(config());
            rig.datagram(A, 1, &mold(1, 1, 2));
            if ended {
                rig.datagram(A, 2, &mold(1, 3, 0xFFFF));
            }
            rig.datagram(kept.0, 10, kept.1);
            rig.datagram(confirms.0, 11, confirms.1);
            let told = rig.tape.true_sessions();
            assert_eq!((told.len(), told[1].cause, told[1].first, told[1].next, told[1].lost), (2, StartCause::NewSession, 1, 5, 0));
            assert_eq!(rig.dropped(Drop::Quarantined), 0);
        }
    }
}

#[test]
fn one_stray_packet_of_another_session_does_not_end_the_day() {
    for stray in [mold(9, 1, 0), mold(9, 0, 0), mold(9, 1, 3), mold(9, 0, 1), mold(9, 1, 0xFFFF)] {
        let mut rig = MoldRig::new(config());
        rig.datagram(A, 1, &mold(1, 1, 2));
        rig.datagram(B, 2, &stray);
        for n in 3..100 {
            rig.datagram((n % 2) as u8, n * 100 * MS, &mold(1, n, 1));
        }
        assert_eq!(rig.only_session(), (1, 100, 99, 0));
        assert_eq!((rig.dropped(Drop::Quarantined), rig.dropped(Drop::OldSession)), (1, 0));
        rig.datagram(A, 10 * S, &stray);
        rig.finish(10 * S);
        assert_eq!((rig.dropped(Drop::Quarantined), rig.counters().new_sessions), (2, 0), "nor at the end of the input");
    }
}

#[test]
fn one_stray_heartbeat_is_no_restart() {
    let mut rig = IexRig::new(config());
    rig.datagram(A, S, &iex(1, 1, 2, S));
    rig.datagram(B, 2 * S, &iex(9, 1, 0, 2 * S));
    rig.datagram(B, 2 * S, &iex(1, 1, 0, 9 * S));
    for n in 3..100 {
        rig.datagram((n % 2) as u8, n * S, &iex(1, n, 1, n * S));
    }
    assert_eq!(rig.only_session(), (1, 100, 99, 0));
    assert_eq!((rig.counters().restarts, rig.dropped(Drop::Quarantined)), (0, 2));
    rig.datagram(A, 100 * S, &iex(1, 1, 0, 100 * S));
    rig.datagram(B, 100 * S, &iex(1, 1, 0, 100 * S));
    assert_eq!((rig.counters().restarts, rig.counters().heartbeats), (1, 2));
}

#[test]
fn sessions_left_are_remembered_for_a_week() {
    let mut rig = MoldRig::new(config());
    for session in 1..=8 {
        rig.datagram(A, u64::from(session), &mold(session, 1, 1));
        rig.datagram(B, u64::from(session), &mold(session, 1, 1));
    }
    for session in 1..=7 {
        rig.datagram(B, 100, &mold(session, 1, 1));
    }
    assert_eq!((rig.dropped(Drop::OldSession), rig.counters().new_sessions), (7, 7));
}

#[test]
fn case_09_where_restarts_do_not_show_the_first_number_again_is_a_duplicate_and_an_alarm() {
    let mut rig = MoldRig::new(config());
    for n in 1..=5 {
        rig.datagram(A, n, &mold(1, n, 1));
    }
    rig.datagram(A, 10, &mold(1, 1, 1));
    assert_eq!((rig.counters().duplicates, rig.counters().backwards, rig.counters().restarts), (1, 1, 0));
    assert_eq!(rig.only_session(), (1, 6, 5, 0));
}

#[test]
fn case_09_a_restart_shows_by_sequence_offset_and_time() {
    let mut rig = IexRig::new(config());
    rig.datagram(A, 1, &iex(1, 1, 2, 1_000));
    rig.datagram(A, 2, &iex(1, 3, 2, 1_001));
    rig.datagram(B, 3, &iex(1, 1, 2, 1_000));
    assert_eq!((rig.counters().restarts, rig.counters().duplicates), (0, 1), "the original again is a duplicate");
    rig.datagram(A, 4, &iex(1, 7, 2, 1_003));
    rig.clear();
    rig.datagram(A, 5, &iex(1, 1, 1, 2_000));
    assert_eq!(rig.tape.0, [], "one packet alone is not believed");
    rig.datagram(A, 6, &iex(1, 2, 1, 2_001));
    let (first, last) = (5, 6);
    let open = Notice::GapOpen { first, last, cause: GapCause::Restart };
    let notices = [open, Notice::GapClosed { first, last, recovered: false }, start(1, 1, StartCause::Restart)];
    assert_eq!(rig.tape.notices(), notices);
    assert_eq!(rig.tape.numbers(), [7, 8, 1, 2]);
    // The other line still talks of the old generation, then brings the restart too.
    rig.datagram(B, 6, &iex(1, 3, 2, 1_001));
    rig.datagram(B, 7, &iex(1, 5, 2, 1_002));
    rig.datagram(B, 8, &iex(1, 9, 0, 1_999));
    rig.datagram(B, 9, &iex(1, 1, 1, 2_000));
    rig.datagram(B, 10, &iex(1, 2, 1, 2_001));
    rig.datagram(B, 11, &iex(1, 3, 1, 2_002));
    assert_eq!((rig.dropped(Drop::OldSession), rig.counters().restarts, rig.counters().duplicates), (3, 1, 3));
    assert_eq!(rig.tape.numbers(), [7, 8, 1, 2, 3]);
}

/// A day of 200 packets of two messages on two lines, a second apart; `stray` comes by line B after the tenth.
fn day_with(stray: &[u8]) -> IexRig {
    let mut rig = IexRig::new(config());
    for n in 0..200 {
        let (at, packet) = ((n + 1) * 100 * MS, iex(1, 1 + 2 * n, 2, (n + 1) * 100 * MS));
        rig.datagram(A, at, &packet);
        rig.datagram(B, at + 5, &packet);
        if n == 10 {
            rig.datagram(B, at + 6, stray);
        }
    }
    rig.finish(30 * S);
    rig
}

#[test]
fn one_copy_of_the_first_packet_with_a_later_send_time_does_not_cost_the_day() {
    // The eleventh packet was sent at 1.1 s. Just after it; between two others; when the day is over; a minute, and years ahead.
    for sent_ns in [1_100 * MS + 1, 1_250 * MS, 19 * S, 25 * S, 60 * S, 90 * S, u64::MAX / 2] {
        for count in [0, 1, 2] {
            let rig = day_with(&iex(1, 1, count, sent_ns));
            assert_eq!(rig.only_session(), (1, 401, 400, 0), "sent at {sent_ns}");
            assert_eq!((rig.counters().restarts, rig.dropped(Drop::OldSession)), (0, 0), "sent at {sent_ns}");
        }
    }
}

#[test]
fn two_packets_with_send_times_the_venue_cannot_have_written_are_no_restart() {
    let mut rig = IexRig::new(config());
    rig.datagram(A, S, &iex(1, 1, 50, S));
    rig.datagram(A, 2 * S, &iex(1, 1, 2, 100 * S));
    rig.datagram(B, 2 * S, &iex(1, 1, 2, 100 * S));
    rig.datagram(A, 3 * S, &iex(1, 51, 2, 3 * S));
    assert_eq!((rig.only_session(), rig.counters().restarts), ((1, 53, 52, 0), 0));
}

#[test]
fn an_absurd_send_time_of_a_packet_that_is_used_hides_no_restart_and_makes_none() {
    for absurd_ns in [0, 2 * S, 70 * S, u64::MAX / 2] {
        let mut rig = IexRig::new(config());
        for n in 0..50 {
            rig.datagram(A, (10 + n) * S, &iex(1, 1 + n, 1, if n == 49 { absurd_ns } else { (10 + n) * S }));
        }
        // The slower line's copies of what came before it.
        for n in 40..50 {
            rig.datagram(B, 59 * S + n, &iex(1, 1 + n, 1, (10 + n) * S));
        }
        assert_eq!((rig.counters().restarts, rig.only_session()), (0, (1, 51, 50, 0)), "{absurd_ns}");
        rig.datagram(A, 60 * S, &iex(1, 51, 1, 60 * S));
        rig.datagram(A, 61 * S, &iex(1, 52, 1, 61 * S));
        rig.datagram(A, 62 * S, &iex(1, 1, 2, 62 * S));
        rig.datagram(A, 62 * S + 1, &iex(1, 3, 2, 62 * S + 1));
        let told = rig.tape.true_sessions();
        assert_eq!(told.iter().map(|t| (t.delivered, t.lost)).collect::<Vec<_>>(), [(52, 0), (4, 0)], "{absurd_ns}");
    }
}

#[test]
fn a_restart_is_confirmed_by_whatever_comes_next_of_the_new_generation_and_loses_nothing() {
    let (first, second, both) = (iex(1, 1, 2, 10 * S), iex(1, 3, 2, 10 * S + 1), iex(1, 1, 4, 10 * S));
    let beat = iex(1, 3, 0, 11 * S);
    // In order or not, by one line or both; a heartbeat, when the first packet has been alone for a second; the first packet again.
    for (kept, confirms) in [((A, &first), (A, &second)), ((A, &second), (B, &first)), ((A, &first), (B, &beat)), ((A, &both), (B, &both))]
    {
        // The one before had come far, or hardly further than the first packet of the new one, or not even that far.
        for before in [50, 4, 2, 1] {
            let mut rig = IexRig::new(config());
            rig.datagram(A, S, &iex(1, 1, before, S));
            rig.datagram(kept.0, 10 * S, kept.1);
            rig.datagram(B, 10 * S + 1, &iex(1, 1, before, S));
            assert_eq!(rig.counters().restarts, 0, "one packet alone is not believed");
            rig.datagram(confirms.0, 11 * S, confirms.1);
            if *confirms.1 == beat {
                rig.datagram(A, 12 * S, &second);
            }
            rig.finish(13 * S);
            let told = rig.tape.true_sessions();
            let told: Vec<_> = told.iter().map(|t| (t.cause, t.delivered, t.lost)).collect();
            if before <= 2 && *kept.1 == second {
                // What fits behind the old generation is of the old one, until the beginning of the new one is confirmed.
                continue;
            }
            assert_eq!(told, [(StartCause::First, u64::from(before), 0), (StartCause::Restart, 4, 0)], "{before} {kept:?} {confirms:?}");
            assert_eq!(rig.dropped(Drop::Quarantined), 0);
        }
    }
}

#[test]
fn what_was_not_sent_later_than_anything_used_or_is_not_at_offset_0_is_no_restart() {
    let mut rig = IexRig::new(config());
    rig.datagram(A, 1, &iex(1, 1, 2, 1_000));
    rig.datagram(B, 2, &iex(1, 5, 2, 1_003));
    rig.datagram(A, 3, &iex(1, 3, 2, 1_002));
    rig.datagram(A, 4, &iex(1, 1, 1, 1_003));
    rig.datagram(A, 5, &iex(1, 7, 0, 5_000));
    rig.datagram(B, 6, &iex(1, 1, 1, 3_000));
    let mut elsewhere = iex(1, 1, 1, 6_000);
    elsewhere[16] = 1;
    rig.datagram(A, 7, &elsewhere);
    assert_eq!(rig.only_session(), (1, 7, 6, 0));
    assert_eq!((rig.counters().restarts, rig.counters().duplicates), (0, 3));
}

#[test]
fn a_duplicate_in_the_new_session_is_not_late_for_a_gap_of_the_old() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.datagram(A, 2, &mold(1, 5, 1));
    rig.datagram(A, 3, &mold(2, 1, 6));
    rig.datagram(B, 4, &mold(2, 3, 1));
    rig.datagram(B, 5, &mold(2, 3, 1));
    assert_eq!((rig.counters().gaps, rig.dropped(Drop::Late), rig.counters().duplicates), (1, 0, 2));
}

#[test]
fn a_session_that_ends_while_silent_is_ended_not_silent() {
    let mut rig = MoldRig::new(ArbiterConfig { gap_wait_ns: 60 * S, line_dead_ns: u64::MAX, ..config() });
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.clear();
    rig.datagram(A, 2, &mold(1, 4, 0xFFFF));
    rig.datagram(B, 3, &mold(1, 4, 0xFFFF));
    rig.until(600 * S);
    assert_eq!(rig.tape.notices().last(), Some(&Notice::SessionEnd { next_sequence: 4 }));
    assert_eq!(rig.tape.notices().len(), 3);
}

#[test]
fn silence_after_an_end_that_nothing_has_confirmed_is_told() {
    let mut rig = MoldRig::new(ArbiterConfig { line_dead_ns: u64::MAX, ..config() });
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.clear();
    rig.datagram(A, 2, &mold(1, 4, 0xFFFF));
    rig.until(600 * S);
    assert_eq!(rig.tape.notices(), [Notice::Silent { since_ns: 2 }]);
    rig.datagram(B, 601 * S, &mold(1, 4, 0xFFFF));
    assert_eq!(rig.tape.notices().last(), Some(&Notice::SessionEnd { next_sequence: 4 }));
    assert_eq!(rig.tape.notices()[1], Notice::Heard);
}

#[test]
fn heartbeats_before_the_first_message_are_no_restarts_but_one_after_it_is() {
    let mut rig = IexRig::new(config());
    for n in 1..=5 {
        rig.datagram(A, n * S, &iex(1, 1, 0, n * S));
        rig.datagram(B, n * S + 5, &iex(1, 1, 0, n * S));
    }
    assert_eq!((rig.counters().restarts, rig.counters().heartbeats), (0, 10));
    rig.datagram(A, 6 * S, &iex(1, 1, 3, 6 * S));
    rig.datagram(B, 6 * S + 5, &iex(1, 1, 0, 5 * S));
    assert_eq!(rig.counters().restarts, 0, "sent before the first message");
    rig.datagram(A, 7 * S, &iex(1, 1, 0, 7 * S));
    assert_eq!(rig.counters().restarts, 0, "a heartbeat alone is not believed");
    rig.datagram(A, 8 * S, &iex(1, 1, 3, 8 * S));
    assert_eq!((rig.counters().restarts, rig.dropped(Drop::Quarantined)), (1, 0));
    let told = rig.tape.true_sessions();
    assert_eq!(told.iter().map(|t| (t.cause, t.delivered)).collect::<Vec<_>>(), [(StartCause::First, 3), (StartCause::Restart, 3)]);
}

#[test]
fn a_restart_whose_beginning_was_lost_is_found_and_its_beginning_declared() {
    let mut rig = IexRig::new(ArbiterConfig { line_dead_ns: u64::MAX, ..config() });
    rig.datagram(A, S, &iex(1, 1, 50, S));
    rig.datagram(A, 10 * S, &iex(1, 5, 2, 10 * S));
    assert_eq!(rig.counters().restarts, 0, "one packet alone is not believed");
    rig.datagram(A, 10 * S + 1, &iex(1, 7, 2, 10 * S + 1));
    assert_eq!(rig.counters().restarts, 1);
    rig.datagram(B, 10 * S + 2, &iex(1, 3, 2, 9 * S + 999 * MS));
    rig.until(11 * S);
    let told = rig.tape.true_sessions();
    let last = told.last().unwrap();
    assert_eq!((last.cause, last.first, last.next, last.lost), (StartCause::Restart, 1, 9, 2));
}

#[test]
fn case_59_a_replay_of_the_whole_day_changes_nothing() {
    let mut rig = MoldRig::new(config());
    let day: Vec<Vec<u8>> = (0..100).map(|n| mold(1, 1 + 3 * n, 3)).chain([mold(1, 301, 0xFFFF)]).collect();
    let next_day = [mold(2, 1, 0), mold(2, 1, 1)];
    for (at, packet) in day.iter().chain(&next_day).chain(&day).enumerate() {
        rig.datagram(A, at as u64, packet);
    }
    rig.datagram(A, 1_000, &mold(2, 2, 1));
    let told = rig.tape.true_sessions();
    assert_eq!(told.iter().map(|t| (t.session, t.delivered)).collect::<Vec<_>>(), [(1, 300), (2, 2)]);
    assert_eq!(rig.dropped(Drop::OldSession), 101);
}

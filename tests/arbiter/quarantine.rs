//! Absurd sequences and unknown sessions: one packet alone is never believed.

use tickwire::feed::arbiter::StartCause;
use tickwire::stats::Drop;

use crate::framing::{iex, mold};
use crate::rig::{A, B, IexRig, MS, MoldRig, S, config};

const FAR: u64 = 1 << 63;

fn running() -> MoldRig {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, 1, 2));
    rig.datagram(B, 2, &mold(1, 1, 2));
    rig
}

#[test]
fn case_14_one_absurd_packet_changes_nothing() {
    for absurd in [mold(1, FAR, 3), mold(1, FAR, 0), mold(1, FAR, 0xFFFF), mold(9, FAR, 3), mold(9, 7, 0xFFFF), mold(1, u64::MAX, 3)] {
        let mut rig = running();
        rig.datagram(A, 10, &absurd);
        rig.datagram(A, 11, &absurd[..20.max(absurd.len() - 1)]);
        for n in 3..20 {
            rig.datagram(A, 10 + n, &mold(1, n, 1));
        }
        rig.finish(10 * S);
        let told = rig.tape.sessions();
        if absurd[18..20] == [3, 0] {
            assert_eq!((told.len(), told[0].next, told[0].lost), (1, 20, 0), "{absurd:?}");
            assert_eq!(rig.dropped(Drop::Quarantined), 2);
        }
    }
}

#[test]
fn case_60_an_unconfirmed_packet_is_dropped_when_its_time_is_over() {
    let mut rig = running();
    rig.datagram(A, 10, &mold(1, FAR, 3));
    assert_eq!((rig.dropped(Drop::Quarantined), rig.counters().gaps), (0, 0));
    rig.until(10 + 5 * S);
    assert_eq!(rig.dropped(Drop::Quarantined), 1);
    rig.datagram(A, 11 + 5 * S, &mold(1, FAR + 3, 3));
    rig.finish(12 + 5 * S);
    assert_eq!(rig.only_session(), (1, 3, 2, 0), "the second came too late to confirm the first");
}

#[test]
fn a_jump_confirmed_by_the_next_packet_is_a_gap_like_any_other() {
    let mut rig = running();
    rig.datagram(A, 10, &mold(1, FAR, 3));
    rig.datagram(A, 11, &mold(1, FAR + 3, 3));
    assert_eq!(rig.arbiter.deadline_ns(), Some(10 + MS));
    rig.datagram(A, 12, &mold(1, FAR + 6, 1));
    rig.until(2 * MS);
    assert_eq!(rig.only_session(), (1, FAR + 7, 9, FAR - 3));
    assert_eq!(rig.dropped(Drop::Quarantined), 0);
}

#[test]
fn a_jump_confirmed_by_the_other_line_is_believed_at_once() {
    let mut rig = running();
    rig.datagram(A, 10, &mold(1, FAR, 3));
    rig.datagram(B, 11, &mold(1, FAR, 3));
    assert_eq!(rig.only_session(), (1, FAR + 3, 5, FAR - 3));
}

#[test]
fn the_same_packet_again_by_the_same_line_confirms_nothing() {
    let mut rig = running();
    for n in 0..5 {
        rig.datagram(A, 10 + n, &mold(1, FAR, 3));
    }
    rig.finish(20);
    assert_eq!(rig.only_session(), (1, 3, 2, 0));
    assert_eq!(rig.dropped(Drop::Quarantined), 5);
}

#[test]
fn absurd_packets_that_disagree_confirm_nothing() {
    let up = (0..10).map(|n| mold(1, FAR + n * 5_000_000, 3));
    let down = (0..10).map(|n| mold(1, FAR - n * 5_000_000, 3));
    let sessions = (10..20).map(|session| mold(session, 1000, 3));
    let mixed = (0..10).map(|n| mold(if n % 2 == 0 { 1 } else { 2 }, FAR, 3));
    for packets in [up.collect::<Vec<_>>(), down.collect(), sessions.collect(), mixed.collect()] {
        let mut rig = running();
        for (n, packet) in packets.iter().enumerate() {
            rig.datagram((n % 2) as u8, 10 + n as u64, packet);
        }
        rig.finish(30);
        assert_eq!(rig.only_session(), (1, 3, 2, 0));
        assert_eq!(rig.dropped(Drop::Quarantined), 10);
    }
}

#[test]
fn once_a_second_packet_has_agreed_what_lies_far_behind_is_only_old() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, FAR, 2));
    rig.datagram(B, 2, &mold(1, FAR, 2));
    for n in 0..5 {
        rig.datagram(A, 10 + n, &mold(1, 100 + n, 1));
    }
    assert_eq!(rig.only_session(), (FAR, FAR + 2, 2, 0));
    assert_eq!(rig.counters().duplicates, 6);
}

#[test]
fn an_unknown_session_in_its_middle_is_believed_when_confirmed_and_its_beginning_is_a_gap() {
    let mut rig = running();
    rig.datagram(A, 10, &mold(2, 5, 2));
    assert_eq!(rig.counters().new_sessions, 0);
    rig.datagram(A, 11, &mold(2, 7, 2));
    assert_eq!((rig.counters().new_sessions, rig.arbiter.next_sequence()), (1, 1));
    rig.datagram(B, 12, &mold(2, 3, 2));
    rig.until(2 * MS);
    let told = rig.tape.true_sessions();
    assert_eq!((told[1].cause, told[1].first, told[1].next, told[1].lost), (StartCause::NewSession, 1, 9, 2));
}

#[test]
fn a_new_session_whose_second_packet_came_first_loses_nothing() {
    let mut rig = running();
    rig.datagram(A, 10, &mold(2, 5, 2));
    rig.datagram(B, 11, &mold(2, 1, 4));
    let told = rig.tape.true_sessions();
    assert_eq!((told[1].delivered, told[1].lost), (6, 0));
    assert_eq!(rig.dropped(Drop::Quarantined), 0);
}

#[test]
fn a_session_joined_far_from_its_beginning_says_so() {
    let mut rig = running();
    rig.datagram(A, 10, &mold(2, FAR, 2));
    rig.datagram(B, 11, &mold(2, FAR, 2));
    let told = rig.tape.true_sessions();
    assert_eq!((told[1].first, told[1].delivered, told[1].lost), (FAR, 2, 0));
    assert_eq!((rig.counters().joined_late, rig.counters().new_sessions), (1, 1));
}

#[test]
fn an_absurd_first_datagram_does_not_cost_the_day() {
    for absurd in [mold(1, FAR, 1), mold(1, FAR, 0), mold(9, FAR, 1)] {
        let mut rig = MoldRig::new(config());
        rig.datagram(A, 1, &absurd);
        for n in 0..50 {
            rig.datagram(A, 10 + n, &mold(1, 5000 + n, 1));
        }
        rig.finish(100);
        let told = rig.tape.sessions();
        let last = told.last().unwrap();
        assert_eq!((last.session, last.next), (1, 5050));
        assert!(last.delivered == 50, "{told:?}");
    }
}

#[test]
fn a_packet_of_the_old_generation_in_quarantine_is_not_admitted_to_the_new() {
    let mut rig = IexRig::new(config());
    rig.datagram(A, 1, &iex(1, 1, 2, 1_000));
    rig.datagram(B, 2, &iex(1, 5_000_000, 2, 1_500));
    rig.datagram(A, 3, &iex(1, 1, 2, 2_000));
    rig.datagram(A, 4, &iex(1, 3, 1, 2_001));
    rig.until(S);
    assert_eq!((rig.dropped(Drop::Quarantined), rig.counters().gaps, rig.arbiter.next_sequence()), (1, 0, 4));
    assert_eq!(rig.counters().restarts, 1);
}

#[test]
fn case_07_numbers_that_would_run_past_the_end_are_refused() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 1, &mold(1, u64::MAX - 4, 2));
    rig.datagram(A, 2, &mold(1, u64::MAX - 2, 5));
    rig.datagram(A, 3, &mold(1, u64::MAX - 2, 2));
    rig.datagram(A, 4, &mold(1, u64::MAX, 0));
    rig.datagram(A, 5, &mold(1, u64::MAX, 1));
    rig.finish(10);
    assert_eq!(rig.only_session(), (u64::MAX - 4, u64::MAX, 4, 0));
    assert_eq!(rig.dropped(Drop::Quarantined), 2);
}

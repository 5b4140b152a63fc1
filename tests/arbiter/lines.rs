//! Lines that die, flap and come back; silence.

use tickwire::feed::arbiter::{ArbiterConfig, Notice, STEADY, StartCause};

use crate::framing::mold;
use crate::rig::{A, B, MS, MoldRig, S, config, start};

#[test]
fn case_01_when_line_a_dies_b_carries_on_and_the_line_is_told_once() {
    let mut rig = MoldRig::new(config());
    for n in 0..10 {
        rig.datagram(A, n * S, &mold(1, 1 + n, 1));
        rig.datagram(B, n * S + MS, &mold(1, 1 + n, 1));
    }
    rig.clear();
    for n in 10..20 {
        rig.datagram(B, n * S + MS, &mold(1, 1 + n, 1));
    }
    assert_eq!(rig.tape.notices(), [Notice::LineDead { line: A }]);
    assert_eq!(rig.tape.numbers(), (11..=20).collect::<Vec<_>>());
    assert_eq!((rig.counters().gaps, rig.counters().lines[0].deaths, rig.counters().lines[0].last_seen_ns), (0, 1, 9 * S));
}

#[test]
fn a_dead_line_is_not_waited_for() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 0, &mold(1, 1, 1));
    rig.datagram(B, 0, &mold(1, 1, 1));
    for second in 1..=3 {
        rig.datagram(B, second * S, &mold(1, 2, 0));
    }
    rig.datagram(B, 4 * S, &mold(1, 3, 1));
    assert_eq!(rig.only_session(), (1, 4, 2, 1), "declared at once: B is the only live line, and has passed");
}

#[test]
fn a_hole_is_given_up_when_the_line_it_waits_for_dies() {
    let mut rig = MoldRig::new(ArbiterConfig { gap_wait_ns: 60 * S, ..config() });
    rig.datagram(A, 0, &mold(1, 1, 1));
    rig.datagram(B, 0, &mold(1, 1, 1));
    rig.datagram(B, 2 * S, &mold(1, 3, 1));
    rig.until(3 * S - 1);
    assert_eq!(rig.counters().gaps, 0);
    rig.until(3 * S);
    assert_eq!(rig.only_session(), (1, 4, 2, 1));
}

#[test]
fn a_line_that_was_never_heard_is_told_dead() {
    let mut rig = MoldRig::new(config());
    for second in 0..10 {
        rig.datagram(A, second * S, &mold(1, 1, 0));
    }
    assert_eq!(rig.tape.notices(), [start(1, 1, StartCause::First), Notice::LineDead { line: B }]);
}

#[test]
fn case_13_a_line_that_flaps_is_told_dead_once_and_alive_when_it_is_steady() {
    let mut rig = MoldRig::new(config());
    for second in 0..400 {
        rig.datagram(A, second * S, &mold(1, 1, 0));
        // Ten seconds on, five off, for five minutes; then steady.
        if second > 300 || second % 15 < 10 {
            rig.datagram(B, second * S + 1, &mold(1, 1, 0));
        }
    }
    let told = [start(1, 1, StartCause::First), Notice::LineDead { line: B }, Notice::LineAlive { line: B }];
    assert_eq!(rig.tape.notices(), told);
    assert_eq!(rig.counters().lines[1].deaths, 1);
    const { assert!(STEADY * 3 > 10, "the bursts of this test must be shorter than steady") };
}

#[test]
fn case_12_silence_is_told_once_by_the_clock_and_ends_with_the_next_datagram() {
    let mut rig = MoldRig::new(ArbiterConfig { line_dead_ns: u64::MAX, ..config() });
    rig.datagram(A, S, &mold(1, 1, 1));
    rig.datagram(B, S + MS, &mold(1, 1, 1));
    rig.clear();
    assert_eq!(rig.arbiter.deadline_ns(), Some(6 * S + MS));
    rig.until(60 * S);
    assert_eq!(rig.tape.notices(), [Notice::Silent { since_ns: S + MS }]);
    assert_eq!(rig.arbiter.deadline_ns(), Some(u64::MAX), "nothing but the lines, which never die here");
    rig.datagram(B, 61 * S, &mold(1, 2, 0));
    rig.datagram(A, 61 * S, &mold(1, 2, 1));
    assert_eq!(rig.tape.notices()[1..], [Notice::Heard]);
    assert_eq!(rig.tape.numbers(), [2]);
}

#[test]
fn what_is_held_comes_out_before_the_silence() {
    let mut rig = MoldRig::new(ArbiterConfig { gap_wait_ns: 10 * S, silence_ns: 5 * S, ..config() });
    rig.datagram(A, 0, &mold(1, 1, 1));
    rig.datagram(A, 0, &mold(1, 3, 1));
    rig.until(20 * S);
    rig.tape.sessions();
    assert_eq!(rig.arbiter.next_sequence(), 4);
}

#[test]
fn the_old_session_does_not_keep_a_channel_or_line_alive() {
    let mut rig = MoldRig::new(config());
    rig.datagram(A, 0, &mold(1, 1, 1));
    rig.datagram(B, 1, &mold(2, 1, 1));
    rig.datagram(A, 1, &mold(2, 1, 1));
    rig.clear();
    for second in 1..10 {
        rig.datagram(B, second * S, &mold(1, 2, 0));
    }
    let told = [Notice::LineDead { line: A }, Notice::LineDead { line: B }, Notice::Silent { since_ns: 1 }];
    assert_eq!(rig.tape.notices(), told);
}

//! Stream offsets: the second check of the sequence, where the session layer has one.

use tickwire::feed::arbiter::{GapCause, Notice};
use tickwire::feed::{Packet, SessionLayer};
use tickwire::stats::Drop;

use crate::framing::{Iex, message};
use crate::rig::{A, B, MS, Rig, config};

/// As [`Iex`], with offsets that mean something.
struct Offsets;

impl SessionLayer for Offsets {
    const RESTARTS_SHOW: bool = true;
    const OFFSETS_SHOW: bool = true;

    fn packet(payload: &[u8]) -> Result<Packet<'_>, Drop> {
        Iex::packet(payload)
    }

    fn next_message<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8], Drop> {
        Iex::next_message(blocks)
    }
}

fn rig() -> Rig<Offsets> {
    Rig::new(config())
}

/// Where message `sequence` begins in the stream of session 1.
fn offset(sequence: u64) -> u64 {
    (1..sequence).map(|number| message(1, number).len() as u64 + 2).sum()
}

/// A packet of session 1 that says it begins `off` bytes from where it does.
fn packet(sequence: u64, count: u16, off: i64) -> Vec<u8> {
    let mut bytes = crate::framing::iex(1, sequence, count, 1_000 + sequence);
    bytes[16..24].copy_from_slice(&offset(sequence).wrapping_add_signed(off).to_le_bytes());
    bytes
}

fn jumps(rig: &Rig<Offsets>) -> Vec<u64> {
    let told = |notice: &Notice| if let Notice::StreamJumped { next_sequence } = notice { Some(*next_sequence) } else { None };
    rig.tape.notices().iter().filter_map(told).collect()
}

#[test]
fn offsets_that_go_on_are_no_news_in_order_early_overlapping_or_on_two_lines() {
    let mut rig = rig();
    for (line, sequence, count) in [(A, 1, 3), (B, 1, 3), (A, 4, 0), (A, 6, 2), (B, 4, 2), (B, 5, 6), (A, 9, 2), (A, 11, 0), (B, 11, 1)] {
        rig.datagram(line, 10, &packet(sequence, count, 0));
    }
    assert_eq!(rig.only_session(), (1, 12, 11, 0));
    assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (0, vec![]));
}

#[test]
fn one_packet_elsewhere_is_counted_and_not_believed() {
    for off in [-40, 1, 1_000_000, i64::MAX] {
        let mut rig = rig();
        for (sequence, off) in [(1, 0), (2, off), (3, 0), (4, 0)] {
            rig.datagram(A, 10, &packet(sequence, 1, off));
        }
        assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (1, vec![]), "{off}");
        assert_eq!(rig.only_session(), (1, 5, 4, 0), "its messages are delivered: the numbers rule");
    }
}

#[test]
fn two_in_a_row_that_agree_are_a_jump_and_are_followed() {
    let mut rig = rig();
    for (sequence, off) in [(1, 0), (2, 50), (3, 50), (4, 50), (5, 50)] {
        rig.datagram(A, 10, &packet(sequence, 1, off));
    }
    assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (2, vec![3]));
    assert_eq!(rig.only_session(), (1, 6, 5, 0));
}

#[test]
fn two_that_contradict_each_other_are_no_jump() {
    let mut rig = rig();
    for (sequence, off) in [(1, 0), (2, 50), (3, 70), (4, 90), (5, 0), (6, 0)] {
        rig.datagram(A, 10, &packet(sequence, 1, off));
    }
    assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (3, vec![]));
}

#[test]
fn a_heartbeat_tells_where_the_stream_stands_too() {
    let mut rig = rig();
    rig.datagram(A, 10, &packet(1, 2, 0));
    rig.datagram(A, 11, &packet(3, 0, 99));
    assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (1, vec![]));
    rig.datagram(B, 12, &packet(3, 0, 99));
    assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (2, vec![3]));
    rig.datagram(A, 13, &packet(3, 1, 99));
    assert_eq!(rig.dropped(Drop::OffsetMismatch), 2);
    // That of a line that lags or leads says nothing about where we are.
    rig.datagram(B, 14, &packet(2, 0, 5));
    rig.datagram(A, 15, &packet(9, 0, 5));
    assert_eq!(rig.dropped(Drop::OffsetMismatch), 2);
}

#[test]
fn behind_a_gap_or_a_cut_packet_the_next_one_says_where_the_stream_stands() {
    let mut rig = rig();
    rig.datagram(A, 10, &packet(1, 2, 0));
    rig.datagram(A, 11, &packet(5, 1, 400));
    rig.until(10 * MS);
    rig.datagram(A, 11 * MS, &packet(6, 2, 400));
    let gap = Notice::GapOpen { first: 3, last: 4, cause: GapCause::TimedOut };
    assert!(rig.tape.notices().contains(&gap), "{:?}", rig.tape.notices());
    let mut cut = packet(8, 2, 400);
    cut.truncate(cut.len() - 1);
    rig.datagram(A, 11 * MS + 1, &cut);
    rig.datagram(A, 11 * MS + 2, &packet(9, 1, -7));
    assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (0, vec![]));
}

#[test]
fn what_was_held_is_checked_when_it_is_let_out() {
    let mut rig = rig();
    rig.datagram(A, 10, &packet(1, 1, 0));
    rig.datagram(A, 11, &packet(3, 2, 60));
    rig.datagram(A, 12, &packet(5, 2, 60));
    assert_eq!(rig.dropped(Drop::OffsetMismatch), 0, "it may be the missing one that is wrong");
    rig.datagram(B, 13, &packet(2, 1, 0));
    assert_eq!((rig.dropped(Drop::OffsetMismatch), jumps(&rig)), (2, vec![5]));
    assert_eq!(rig.only_session(), (1, 7, 6, 0));
}

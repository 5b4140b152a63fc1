//! Which lines are copies of one channel is found out from what they carry.

use std::net::Ipv4Addr;

use tickwire::bench::workload::{Limit, Selection, Workload};
use tickwire::feed::name::FeedName;
use tickwire::source::lines::LineKey;

use crate::packets::{Endian, Shot, classic, ethernet, file};
use crate::rig::{OPEN_NS, line, unwatched};
use crate::venue::{add, deep_level, deep_segment, mold};

/// A capture of these datagrams, a microsecond apart, read as `feed`.
fn gathered(feed: FeedName, datagrams: &[(LineKey, Vec<u8>)]) -> Workload {
    let shots: Vec<Shot> = (0_u64..)
        .zip(datagrams)
        .map(|(nth, (to, payload))| Shot { ns: OPEN_NS + nth * 1_000, bytes: ethernet(to.group, to.port, payload), snapped: 0 })
        .collect();
    let capture = file(&classic(Endian::Little, 1, 1, &shots));
    let selection = Selection { feed, lines: vec![], midnight_ns: None, limit: Limit::default() };
    unwatched(|control| Workload::recorded(&capture.path, &selection, control)).unwrap()
}

/// A packet of one message that tells its stream and number.
fn told(session: &[u8; 10], stream: u16, sequence: u64) -> Vec<u8> {
    mold(session, sequence, &[add(stream, "AAA", sequence, b'B', 100, 1_000)])
}

fn channels(datagrams: &[(LineKey, Vec<u8>)]) -> Vec<u16> {
    gathered(FeedName::NasdaqItch, datagrams).channels
}

#[test]
fn lines_of_one_session_are_copies_and_of_another_are_not() {
    let mut datagrams = vec![];
    for n in 1..50 {
        for (to, session, stream) in [(1, b"SESSION__1", 1), (2, b"SESSION__2", 2), (3, b"SESSION__1", 1), (4, b"SESSION__2", 2)] {
            datagrams.push((line(to), told(session, stream, n)));
        }
    }
    let workload = gathered(FeedName::NasdaqItch, &datagrams);
    assert_eq!(workload.lines, [1, 2, 3, 4].map(line));
    assert_eq!((workload.channels.as_slice(), workload.channel_count()), (&[0, 1, 0, 1][..], 2));
}

#[test]
fn streams_of_one_session_that_tell_different_messages_are_channels_of_their_own() {
    // Two streams, each on two lines, in the order that is worst for whoever compares with the last one only.
    let mut datagrams = vec![];
    for n in 1..50 {
        for (to, stream) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
            datagrams.push((line(to), told(b"SAME______", stream, n)));
        }
    }
    assert_eq!(channels(&datagrams), [0, 1, 0, 1]);
}

#[test]
fn a_damaged_copy_is_still_a_copy() {
    let mut datagrams = vec![];
    for n in 1..50 {
        datagrams.push((line(1), told(b"SAME______", 1, n)));
        datagrams.push((line(2), told(b"SAME______", if n % 10 == 0 { 99 } else { 1 }, n)));
    }
    assert_eq!(channels(&datagrams), [0, 0]);
}

#[test]
fn lines_recorded_one_after_the_other_and_lines_of_heartbeats_are_copies_by_their_session() {
    let mut datagrams: Vec<_> = (1..20).map(|n| (line(1), told(b"SAME______", 1, n))).collect();
    datagrams.extend((20..40).map(|n| (line(2), told(b"SAME______", 1, n))));
    datagrams.push((line(3), mold(b"SAME______", 40, &[])));
    assert_eq!(channels(&datagrams), [0, 0, 0]);
}

#[test]
fn copies_may_come_late_and_in_other_packets() {
    // B tells the same messages two by two, a thousand packets later.
    let message = |n: u64| add(1, "AAA", n, b'B', 100, 1_000);
    let a = (1..=3_000).map(|n| (line(1), mold(b"SAME______", n, &[message(n)])));
    let b = (0..1_500).map(|n| (line(2), mold(b"SAME______", 2 * n + 1, &[message(2 * n + 1), message(2 * n + 2)])));
    let (mut a, mut b, mut datagrams) = (a.into_iter(), b.into_iter(), vec![]);
    datagrams.extend(a.by_ref().take(1_000));
    for _ in 0..1_000 {
        datagrams.extend(a.by_ref().take(2));
        datagrams.extend(b.by_ref().take(1));
    }
    datagrams.extend(b);
    assert_eq!(channels(&datagrams), [0, 0]);
}

#[test]
fn a_restart_under_another_session_stays_one_channel() {
    let mut datagrams = vec![];
    for session in [b"BEFORE____", b"AFTER_____"] {
        for n in 1..20 {
            datagrams.push((line(1), told(session, 1, n)));
            datagrams.push((line(2), told(session, 1, n)));
        }
    }
    // Only the new session was ever heard on the third.
    datagrams.push((line(3), told(b"AFTER_____", 1, 20)));
    assert_eq!(channels(&datagrams), [0, 0, 0]);
}

#[test]
fn equal_copies_stand_in_memory_once() {
    let mut datagrams = vec![];
    for n in 1..=1_000 {
        datagrams.push((line(1), told(b"SAME______", 1, n)));
        datagrams.push((line(2), told(b"SAME______", 1, n)));
        // The same number and first message, but not the same packet.
        datagrams.push((line(3), [told(b"SAME______", 1, n), vec![0]].concat()));
    }
    let workload = gathered(FeedName::NasdaqItch, &datagrams);
    for (packet, (to, payload)) in workload.packets.iter().zip(&datagrams) {
        assert_eq!((workload.lines[usize::from(packet.line)], workload.payload(packet)), (*to, payload.as_slice()));
    }
    let one = datagrams[0].1.len();
    assert_eq!(workload.payloads.len(), 1_000 * (one + one + 1));
}

#[test]
fn deep_segments_are_read_by_their_own_session_layer() {
    let segment = |session, n| deep_segment(session, n, OPEN_NS, n * 30, &[deep_level("AAA", b'B', 1_000, n as u32, true)]);
    let datagrams: Vec<_> = (1..30).flat_map(|n| [(line(1), segment(7, n)), (line(2), segment(7, n)), (line(9), segment(8, n))]).collect();
    let workload = gathered(FeedName::IexDeep, &datagrams);
    assert_eq!(workload.channels, [0, 0, 1]);
    assert!(workload.packets.iter().all(|packet| packet.messages == 1 && (1..30).contains(&packet.sequence)));
}

#[test]
fn a_capture_full_of_sessions_costs_no_more_than_its_datagrams() {
    // Damage, or somebody's joke: every datagram another session.
    let datagrams: Vec<_> = (0..5_000_u64)
        .map(|n| {
            let session: [u8; 10] = format!("{n:010}").into_bytes().try_into().unwrap();
            (LineKey { group: Ipv4Addr::new(239, 192, 1, 1 + (n % 3) as u8), port: 26_400 }, told(&session, 1, 1))
        })
        .collect();
    let workload = gathered(FeedName::NasdaqItch, &datagrams);
    assert_eq!((workload.packets.len(), workload.channel_count()), (5_000, 3));
}

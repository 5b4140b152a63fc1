//! Properties against simple models.

use proptest::collection::vec;
use proptest::prelude::*;
use tickwire::feed::arbiter::{ArbiterConfig, Notice};
use tickwire::stats::Drop;

use crate::framing::{Iex, Mold, iex, mold};
use crate::rig::{MS, MoldRig, Rig, S, config};

/// Packets of a stream from `first` on: (sequence, count).
fn stream(first: u64, counts: &[u16]) -> Vec<(u64, u16)> {
    let before = |n: usize| counts[..n].iter().map(|&count| u64::from(count)).sum::<u64>();
    counts.iter().enumerate().map(|(n, &count)| (first + before(n), count)).collect()
}

/// What can happen to a line's copy of a packet.
#[derive(Clone, Debug)]
struct Fate {
    lost: bool,
    copies: u8,
    delay: u64,
    flip: Option<(usize, u8)>,
    cut: Option<usize>,
}

fn fate(flips: bool) -> impl Strategy<Value = Fate> {
    let flip = if flips { prop_oneof![6 => Just(None), 1 => (0..60usize, 1..=255u8).prop_map(Some)].boxed() } else { Just(None).boxed() };
    let cut = prop_oneof![8 => Just(None), 1 => (0..200usize).prop_map(Some)];
    (prop::bool::weighted(0.2), 0..3u8, 0..3_000_000u64, flip, cut).prop_map(|(lost, copies, delay, flip, cut)| Fate {
        lost,
        copies: 1 + copies / 2,
        delay,
        flip,
        cut,
    })
}

/// (time, line, payload), in order of arrival.
fn arrivals(packets: &[Vec<u8>], fates: &[Vec<Fate>]) -> Vec<(u64, u8, Vec<u8>)> {
    let mut arrivals = Vec::new();
    for (line, fates) in fates.iter().enumerate() {
        for (n, (packet, fate)) in packets.iter().zip(fates).enumerate().filter(|(_, (_, fate))| !fate.lost) {
            for copy in 0..u64::from(fate.copies) {
                let mut payload = packet.clone();
                if let Some((at, bits)) = fate.flip
                    && let Some(byte) = payload.get_mut(at)
                {
                    *byte ^= bits;
                }
                if let Some(cut) = fate.cut {
                    payload.truncate(cut.max(20));
                }
                arrivals.push((n as u64 * 200_000 + fate.delay * (1 + copy), line as u8, payload));
            }
        }
    }
    arrivals.sort();
    arrivals
}

const PACKETS: usize = 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn case_03_04_a_shuffled_and_doubled_stream_over_two_lines_is_the_single_stream(
        counts in vec(1..6u16, 1..80),
        places in vec((0..6usize, 0..6usize, 0..6usize), 80),
        first in prop_oneof![Just(1), Just(u64::MAX - 1000)],
    ) {
        let mut rig = MoldRig::new(ArbiterConfig { reorder_packets: 7, ..config() });
        let packets = stream(first, &counts);
        let mut arrivals = Vec::new();
        for (n, &(sequence, count)) in packets.iter().enumerate() {
            let (a, b, again) = places[n];
            for (line, place) in [(0, a), (1, b), (1, again)] {
                arrivals.push((n + place, line, mold(1, sequence, count)));
            }
        }
        arrivals.sort();
        rig.datagram(0, 0, &mold(1, first, 0));
        for (at, (_, line, payload)) in arrivals.iter().enumerate() {
            rig.datagram(*line, at as u64, payload);
        }
        let total = counts.iter().map(|&c| u64::from(c)).sum::<u64>();
        prop_assert_eq!(rig.only_session(), (first, first + total, total, 0));
        prop_assert_eq!(rig.tape.notices().len(), 1);
        prop_assert_eq!(rig.counters().duplicates, 2 * counts.len() as u64);
        // Each message is the copy that came first.
        prop_assert_eq!(rig.counters().lines.iter().map(|l| l.first_wins).sum::<u64>(), counts.len() as u64);
    }

    #[test]
    fn under_loss_copies_delay_and_cuts_each_number_is_delivered_once_or_lies_in_one_gap(
        counts in vec(1..6u16, PACKETS),
        fates in vec(vec(fate(false), PACKETS), 1..=4),
        window_packets in 1..40usize,
        window_bytes in prop_oneof![Just(0usize), 30..400usize, Just(1 << 16)],
        reorder_packets in 0..8usize,
    ) {
        let lines = fates.len();
        let mut rig = MoldRig::new(ArbiterConfig { lines, window_packets, window_bytes, reorder_packets, ..config() });
        let packets: Vec<_> = stream(1, &counts).iter().map(|&(sequence, count)| mold(1, sequence, count)).collect();
        rig.datagram(0, 0, &mold(1, 1, 0));
        for (at, line, payload) in arrivals(&packets, &fates) {
            rig.datagram(line, at, &payload);
            prop_assert!(rig.counters().held_high_water <= window_packets as u64);
        }
        let next = 1 + counts.iter().map(|&c| u64::from(c)).sum::<u64>();
        rig.datagram(0, S, &mold(1, next, 0xFFFF));
        rig.datagram(0, S + 1, &mold(1, next, 0xFFFF));
        rig.until(S + MS);
        let told = rig.tape.true_sessions();
        prop_assert_eq!((told.len(), told[0].next, told[0].ended), (1, next, true));
        let counters = rig.counters();
        prop_assert_eq!((counters.messages, counters.lost_messages), (told[0].delivered, told[0].lost));
        // Each datagram is accounted for; one that was cut before the end of its first message brought nothing.
        prop_assert!(accounted(&rig) <= counters.datagrams);
        let cut = rig.dropped(Drop::BlockPastEnd);
        prop_assert!(accounted(&rig) + cut >= counters.datagrams);
    }

    #[test]
    fn a_number_that_any_line_brings_in_time_is_delivered(
        counts in vec(1..6u16, PACKETS),
        fates in vec(vec((prop::bool::weighted(0.3), 0..400_000u64), PACKETS), 2),
    ) {
        // Lags of up to 0.4 ms with 1 ms to wait, and no line reordered by more than the two packets in that time.
        let mut rig = MoldRig::new(ArbiterConfig { reorder_packets: 2, ..config() });
        let packets = stream(1, &counts);
        let mut arrivals = Vec::new();
        for (line, fates) in fates.iter().enumerate() {
            for (n, (&(sequence, count), &(lost, delay))) in packets.iter().zip(fates).enumerate() {
                if !lost {
                    arrivals.push((n as u64 * 200_000 + delay, line as u8, mold(1, sequence, count)));
                }
            }
        }
        arrivals.sort();
        rig.datagram(0, 0, &mold(1, 1, 0));
        for (at, line, payload) in &arrivals {
            rig.datagram(*line, *at, payload);
        }
        rig.finish(S);
        rig.tape.true_sessions();
        let brought = |n: usize| fates.iter().any(|line| !line[n].0);
        let expected: Vec<u64> = (0..PACKETS).filter(|&n| brought(n)).flat_map(|n| packets[n].0..packets[n].0 + u64::from(packets[n].1)).collect();
        prop_assert_eq!(rig.tape.numbers(), expected);
        prop_assert_eq!(accounted(&rig), rig.counters().datagrams);
    }

    #[test]
    fn one_stray_or_malformed_packet_anywhere_costs_no_message_of_the_stream(
        counts in vec(1..6u16, PACKETS),
        (at, line, lag) in (1..PACKETS, 0..2u8, 0..500_000u64),
        ahead in 400..900_000u64,
        kind in 0..6usize,
    ) {
        let mut rig = MoldRig::new(config());
        let packets = stream(1, &counts);
        for (n, &(sequence, count)) in packets.iter().enumerate() {
            let now = n as u64 * 10 * MS;
            let genuine = mold(1, sequence, count);
            if n == at {
                let mut claims = genuine.clone();
                claims[18..20].copy_from_slice(&0xFFFE_u16.to_le_bytes());
                let (heartbeat, end) = (mold(1, ahead, 0), mold(1, ahead, 0xFFFF));
                let strays = [heartbeat, end, mold(9, 1, 0), mold(9, 0, 2), mold(9, ahead, 0xFFFF), claims];
                rig.datagram(line, now, &strays[kind]);
            }
            rig.datagram(0, now + 1, &genuine);
            rig.datagram(1, now + 1 + lag, &genuine);
        }
        let total = counts.iter().map(|&c| u64::from(c)).sum::<u64>();
        prop_assert_eq!(rig.only_session(), (1, 1 + total, total, 0));
        prop_assert_eq!((rig.dropped(Drop::Late), rig.dropped(Drop::OldSession), rig.counters().gaps), (0, 0, 0));
    }

    #[test]
    fn corrupt_packets_never_break_conservation(
        counts in vec(1..6u16, PACKETS),
        fates in vec(vec(fate(true), PACKETS), 1..=2),
        as_iex: bool,
    ) {
        let stream = stream(1, &counts);
        if as_iex {
            let packets: Vec<_> = stream.iter().enumerate().map(|(n, &(s, c))| iex(1, s, c, 1_000 + n as u64)).collect();
            play(Rig::<Iex>::new(config()), arrivals(&packets, &fates));
        } else {
            let packets: Vec<_> = stream.iter().map(|&(s, c)| mold(1, s, c)).collect();
            play(Rig::<Mold>::new(config()), arrivals(&packets, &fates));
        }
    }

    #[test]
    fn case_07_14_random_headers_of_extreme_numbers_never_panic_nor_break_conservation(
        packets in vec((0..5u8, 0..3u8, extreme(), extreme_count(), extreme(), 0..10_000_000_000u64), 1..200),
        window_packets in 0..5usize,
        gap_wait_ns in prop_oneof![Just(0), Just(MS), Just(u64::MAX)],
        silence_ns in prop_oneof![Just(S), Just(u64::MAX)],
    ) {
        let config = ArbiterConfig { window_packets, gap_wait_ns, silence_ns, lines: 3, window_bytes: 200, ..config() };
        let (mut molds, mut iexes, mut at) = (Vec::new(), Vec::new(), 0);
        for (line, session, sequence, count, send_ns, pause_ns) in packets {
            at += pause_ns;
            molds.push((at, line, mold(session, sequence, if count > 60 { 0xFFFF } else { count })));
            iexes.push((at, line, iex(session, sequence, count.min(60), send_ns)));
        }
        play(Rig::<Mold>::new(config), molds);
        play(Rig::<Iex>::new(config), iexes);
    }

    #[test]
    fn random_bytes_never_panic(datagrams in vec((0..3u8, vec(any::<u8>(), 0..120)), 1..60)) {
        let timed: Vec<_> = datagrams.iter().enumerate().map(|(n, (line, bytes))| (n as u64 * MS, *line, bytes.clone())).collect();
        play(Rig::<Mold>::new(config()), timed.clone());
        play(Rig::<Iex>::new(config()), timed);
    }
}

/// Datagrams of the session that were counted as exactly one thing.
fn accounted(rig: &MoldRig) -> u64 {
    let counters = rig.counters();
    let wins = counters.lines.iter().map(|line| line.first_wins).sum::<u64>();
    wins + counters.duplicates + counters.heartbeats + counters.ends_of_session + rig.dropped(Drop::Late)
}

fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..12u64, 1 => 0..2_000_000u64, 2 => u64::MAX - 12..=u64::MAX, 1 => (1u64 << 63) - 3..(1 << 63) + 3, 1 => any::<u64>()]
}

fn extreme_count() -> impl Strategy<Value = u16> {
    prop_oneof![6 => 0..6u16, 1 => 0..60u16, 1 => Just(0xFFFF)]
}

fn play<L: tickwire::feed::SessionLayer>(mut rig: Rig<L>, arrivals: Vec<(u64, u8, Vec<u8>)>) {
    let mut last = 0;
    for (at, line, payload) in arrivals {
        rig.datagram(line, at, &payload);
        last = at;
    }
    rig.finish(last);
    let told = rig.tape.sessions();
    let counters = rig.counters();
    assert_eq!(counters.messages, told.iter().map(|t| t.delivered).sum::<u64>());
    let declared =
        rig.tape.notices().into_iter().filter_map(|n| if let Notice::GapOpen { first, last, .. } = n { Some((first, last)) } else { None });
    let declared: Vec<_> = declared.collect();
    assert_eq!(counters.gaps, declared.len() as u64);
    if declared.iter().map(|(first, last)| u128::from(last - first) + 1).sum::<u128>() <= u128::from(u64::MAX) {
        // Else the counter was saturated.
        assert_eq!(counters.lost_messages, told.iter().map(|t| t.lost).sum::<u64>());
    }
}

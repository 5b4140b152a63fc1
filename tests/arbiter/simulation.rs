//! Weeks of a channel in seconds: two lines that lose, lag, reorder and repeat, heartbeats, new sessions, restarts.
//! The oracle is simple: a message is delivered if any line brought it, else it lies in a gap. One seed reproduces a failure.

use std::collections::BTreeSet;

use tickwire::feed::arbiter::{ArbiterConfig, StartCause};

use crate::framing::{iex, mold};
use crate::rig::{IexRig, MoldRig, S, Told, config};

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
}

struct Sent {
    at_ns: u64,
    generation: usize,
    session: u8,
    sequence: u64,
    count: u16,
}

/// What the exchange sends: `generations` sessions (or generations of one), each of `packets` data packets, heartbeats when idle.
fn exchange(dice: &mut Dice, generations: usize, packets: usize, one_session: bool) -> Vec<Sent> {
    let (mut sent, mut at_ns) = (Vec::new(), S);
    for generation in 0..generations {
        let session = if one_session { 1 } else { 1 + generation as u8 };
        let mut sequence = 1;
        let heartbeats = |sent: &mut Vec<Sent>, at_ns: &mut u64, sequence, n| {
            for _ in 0..n {
                sent.push(Sent { at_ns: *at_ns, generation, session, sequence, count: 0 });
                *at_ns += S;
            }
        };
        heartbeats(&mut sent, &mut at_ns, 1, 3);
        for n in 0..packets {
            let count = 1 + dice.below(5) as u16;
            sent.push(Sent { at_ns, generation, session, sequence, count });
            sequence += u64::from(count);
            at_ns += 20_000 + dice.below(100_000);
            if n % 1000 == 999 {
                at_ns += S;
                heartbeats(&mut sent, &mut at_ns, sequence, 2);
            }
        }
        // Heartbeats until both lines are known to be past the end: what is lost last is announced.
        at_ns += S;
        heartbeats(&mut sent, &mut at_ns, sequence, 3);
        at_ns += 2 * S;
    }
    sent
}

/// When, by which line, the index of what was sent.
type Arrived = (u64, u8, usize);

/// What arrives; and by generation, the numbers that came by any line.
fn lines(dice: &mut Dice, sent: &[Sent], generations: usize) -> (Vec<Arrived>, Vec<BTreeSet<u64>>) {
    let (mut arrivals, mut came) = (Vec::new(), vec![BTreeSet::new(); generations]);
    let mut bursts = [0u64; 3];
    for (n, packet) in sent.iter().enumerate() {
        // Bursts of loss: on A, on B, on both.
        for burst in &mut bursts {
            *burst = if *burst > 0 { *burst - 1 } else { u64::from(dice.below(500) == 0) * dice.below(20) };
        }
        for line in 0..2u8 {
            let lost = bursts[2] > 0 || bursts[usize::from(line)] > 0 || dice.below(50) == 0;
            // The first heartbeat of the day sets the sequence: it comes by line A.
            if (lost || (n == 0 && line == 1)) && packet.count > 0 {
                continue;
            }
            came[packet.generation].extend(packet.sequence..packet.sequence + u64::from(packet.count));
            for _ in 0..1 + u64::from(dice.below(100) == 0) {
                let lag_ns = u64::from(line) * 300_000 + dice.below(30_000) + u64::from(dice.below(200) == 0) * 60_000;
                arrivals.push((packet.at_ns + lag_ns, line, n));
            }
        }
    }
    arrivals.sort_unstable();
    (arrivals, came)
}

fn agrees(told: &[Told], numbers: &[u64], came: &[BTreeSet<u64>], restarts: bool) {
    assert_eq!(told.len(), came.len());
    let mut numbers = numbers;
    for (generation, (told, came)) in told.iter().zip(came).enumerate() {
        let expected_cause = match (generation, restarts) {
            (0, _) => StartCause::First,
            (_, true) => StartCause::Restart,
            (_, false) => StartCause::NewSession,
        };
        assert_eq!((told.cause, told.first), (expected_cause, 1));
        let (mine, rest) = numbers.split_at(told.delivered as usize);
        assert!(mine.iter().eq(came.iter()), "generation {generation}: not exactly what the lines brought");
        numbers = rest;
    }
}

fn limits() -> ArbiterConfig {
    ArbiterConfig { reorder_packets: 3, window_packets: 512, window_bytes: 1 << 20, ..config() }
}

#[test]
fn case_02_08_62_simulated_weeks_deliver_exactly_what_any_line_brought() {
    for seed in [1, 0xC0FFEE, 20_170_710] {
        let mut dice = Dice(seed);
        let sent = exchange(&mut dice, 6, 4_000, false);
        let (arrivals, came) = lines(&mut dice, &sent, 6);
        let mut rig = MoldRig::new(limits());
        for &(at, line, n) in &arrivals {
            rig.datagram(line, at, &mold(sent[n].session, sent[n].sequence, sent[n].count));
        }
        rig.finish(arrivals.last().unwrap().0);
        agrees(&rig.tape.true_sessions(), &rig.tape.numbers(), &came, false);
        let counters = rig.counters();
        assert!(counters.gaps > 20 && counters.holes_filled > 100, "seed {seed}: too calm a simulation: {counters:?}");
        assert_eq!((counters.new_sessions, counters.restarts, counters.joined_late), (5, 0, 0));
    }
}

#[test]
fn case_09_62_simulated_restarts_deliver_exactly_what_any_line_brought() {
    for seed in [2, 77, 4_711] {
        let mut dice = Dice(seed);
        let sent = exchange(&mut dice, 6, 3_000, true);
        let (arrivals, came) = lines(&mut dice, &sent, 6);
        let mut rig = IexRig::new(limits());
        for &(at, line, n) in &arrivals {
            rig.datagram(line, at, &iex(sent[n].session, sent[n].sequence, sent[n].count, sent[n].at_ns));
        }
        rig.finish(arrivals.last().unwrap().0);
        agrees(&rig.tape.true_sessions(), &rig.tape.numbers(), &came, true);
        assert_eq!((rig.counters().new_sessions, rig.counters().restarts), (0, 5));
    }
}

#[test]
fn case_62_a_line_that_lags_into_the_next_session_harms_nothing() {
    let mut dice = Dice(5);
    let sent = exchange(&mut dice, 3, 500, false);
    // A is perfect; B lags by ten seconds: its old session overlaps the new one of A.
    let mut arrivals: Vec<_> = (0..sent.len()).flat_map(|n| [(sent[n].at_ns, 0, n), (sent[n].at_ns + 10 * S, 1, n)]).collect();
    arrivals.sort_unstable();
    let mut rig = MoldRig::new(limits());
    for &(at, line, n) in &arrivals {
        rig.datagram(line, at, &mold(sent[n].session, sent[n].sequence, sent[n].count));
    }
    let told = rig.tape.true_sessions();
    assert_eq!(told.iter().map(|t| (t.session, t.lost)).collect::<Vec<_>>(), [(1, 0), (2, 0), (3, 0)]);
    assert!(rig.dropped(tickwire::stats::Drop::OldSession) > 100);
}

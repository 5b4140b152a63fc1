//! After construction the arbiter never allocates, whatever comes: counted by this test's own allocator.
#![cfg(feature = "service")]

mod allocations;

use tickwire::feed::arbiter::{Arbiter, ArbiterConfig, Arrival, InSequence, Notice};
use tickwire::feed::{Packet, PacketKind, SessionId, SessionLayer};
use tickwire::stats::Drop;

/// session 1, kind 1, sequence 8, count 2; each message is eight bytes.
struct Tiny;

impl SessionLayer for Tiny {
    const RESTARTS_SHOW: bool = false;

    fn packet(payload: &[u8]) -> Result<Packet<'_>, Drop> {
        let (head, blocks) = payload.split_first_chunk::<12>().ok_or(Drop::HeaderCut)?;
        let [session, kind, numbers @ ..] = head;
        let (sequence, count) = numbers.split_first_chunk::<8>().ok_or(Drop::HeaderCut)?;
        let kind = [PacketKind::Data, PacketKind::Heartbeat, PacketKind::EndOfSession][usize::from(kind % 3)];
        let count = if kind == PacketKind::Data { u16::from_le_bytes([count[0], count[1]]) } else { 0 };
        let sequence = u64::from_le_bytes(*sequence);
        Ok(Packet { session: SessionId([*session; 10]), kind, sequence, count, send_ns: 0, stream_offset: 0, blocks })
    }

    fn next_message<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8], Drop> {
        let (message, rest) = blocks.split_at_checked(8).ok_or(Drop::BlockPastEnd)?;
        *blocks = rest;
        Ok(message)
    }
}

struct Tally(u64, u64);

impl InSequence for Tally {
    fn message(&mut self, _: u64, _: &Arrival, _: &[u8]) {
        self.0 += 1;
    }

    fn notice(&mut self, _: Notice, _: u64) {
        self.1 += 1;
    }
}

#[test]
fn the_arbiter_allocates_nothing_after_construction() {
    let (window_packets, window_bytes) = (9, 3_000);
    let mut arbiter = Arbiter::new(ArbiterConfig { window_packets, window_bytes, gap_wait_ns: 300, ..ArbiterConfig::default() });
    let mut tally = Tally(0, 0);
    let mut dice = 88_172_645_463_325_252u64;
    let mut roll = |n: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % n
    };
    let mut payload = [0; 12 + 20 * 8];
    let before = allocations::calls();
    for now_ns in 0..300_000u64 {
        let ahead = if roll(500) == 0 { 1 << 40 } else { roll(60) };
        let kind = if roll(20_000) == 0 { 2 } else { u8::from(roll(40) == 0) };
        payload[0] = (now_ns / 20_000) as u8 + u8::from(roll(50) == 0);
        payload[1] = kind;
        payload[2..10].copy_from_slice(&(arbiter.next_sequence().saturating_sub(10) + ahead).to_le_bytes());
        payload[10..12].copy_from_slice(&(roll(22) as u16).to_le_bytes());
        arbiter.on_datagram::<Tiny>(roll(2) as u8, now_ns, &payload, &mut tally);
        if arbiter.deadline_ns().is_some_and(|due| due <= now_ns) {
            arbiter.on_time::<Tiny>(now_ns, &mut tally);
        }
    }
    arbiter.finish::<Tiny>(300_000, &mut tally);
    let after = allocations::calls();
    assert_eq!(after - before, 0);
    let counters = arbiter.counters();
    assert_eq!(counters.held_high_water, window_packets as u64, "the window was full");
    assert!(tally.0 > 40_000 && tally.1 > 1_000 && counters.new_sessions > 5 && counters.gaps > 1_000, "too calm: {counters:?}");
}

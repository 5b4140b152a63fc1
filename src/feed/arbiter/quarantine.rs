//! Quarantine: a copy of the one packet that would tear the channel out of its sequence or session, until a second one agrees.
//!
//! A packet whose sequence is absurd, or whose session nobody has heard of, may be corrupt or forged: followed, it would cost
//! the day. A real jump is confirmed at once by the next packet or by the other line, and costs nothing.

use crate::feed::{Packet, PacketKind, SessionId, SessionLayer};

use super::blocks;
use super::notice::Arrival;

/// Two packets agree if they are no further apart than this, in messages: the largest count a packet can claim.
const NEAR: u64 = 1 << 16;
/// No UDP payload is longer.
const MAX_PAYLOAD: usize = 65_535;

/// What following the packet would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// A jump ahead within the session.
    Jump,
    /// Another session, at its beginning or not.
    Session,
    /// A restart of the publisher, at its beginning or not.
    Restart,
    /// That the channel's very first datagram was the absurd one.
    Rejoin,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    pub(super) suspicion: Suspicion,
    pub(super) session: SessionId,
    pub(super) sequence: u64,
    pub(super) arrival: Arrival,
    /// One more than its last number, and where the session's stream of bytes stands behind it.
    pub(super) end: u64,
    pub(super) stream_end: u64,
    kind: PacketKind,
    len: usize,
}

pub(super) struct Quarantine {
    suspect: Option<Suspect>,
    bytes: Box<[u8]>,
}

impl Quarantine {
    pub(super) fn new() -> Self {
        Self { suspect: None, bytes: vec![0xA5; MAX_PAYLOAD].into_boxed_slice() }
    }

    pub(super) fn suspect(&self) -> Option<&Suspect> {
        self.suspect.as_ref()
    }

    /// Whether this packet, suspected of the same, agrees with the one held: from the same place of the same session, and
    /// not merely the same packet again by the same line; where times tell, sent in the order of their numbers.
    pub(super) fn agrees(&self, packet: &Packet<'_>, end: u64, suspicion: Suspicion, line: u8) -> bool {
        self.suspect.is_some_and(|held| {
            let same = held.kind == PacketKind::Data && held.sequence == packet.sequence && held.end == end && held.arrival.line == line;
            let (later, behind) = (packet.send_ns.cmp(&held.arrival.send_ns), packet.sequence.cmp(&held.sequence));
            held.suspicion == suspicion
                && (suspicion != Suspicion::Restart || later.is_eq() || behind.is_eq() || later == behind)
                && held.session == packet.session
                && packet.sequence <= held.end.saturating_add(NEAR)
                && held.sequence <= end.saturating_add(NEAR)
                && !same
        })
    }

    /// Keeps a copy; false if the packet cannot be kept.
    pub(super) fn keep<S: SessionLayer>(
        &mut self,
        packet: &Packet<'_>,
        end: u64,
        suspicion: Suspicion,
        payload: &[u8],
        arrival: &Arrival,
    ) -> bool {
        let Some(room) = self.bytes.get_mut(..payload.len()) else { return false };
        room.copy_from_slice(payload);
        let mut rest = packet.blocks;
        blocks::skip::<S>(&mut rest, u64::from(packet.count));
        self.suspect = Some(Suspect {
            suspicion,
            session: packet.session,
            sequence: packet.sequence,
            arrival: *arrival,
            end,
            stream_end: packet.stream_offset.saturating_add((packet.blocks.len() - rest.len()) as u64),
            kind: packet.kind,
            len: payload.len(),
        });
        true
    }

    /// True if there was something to forget.
    pub(super) fn forget(&mut self) -> bool {
        self.suspect.take().is_some()
    }

    /// Takes the packet out, with the buffer it lies in and its length; [`Quarantine::put_back`] returns the buffer.
    pub(super) fn take(&mut self) -> Option<(Arrival, Box<[u8]>, usize)> {
        let suspect = self.suspect.take()?;
        Some((suspect.arrival, std::mem::take(&mut self.bytes), suspect.len))
    }

    pub(super) fn put_back(&mut self, bytes: Box<[u8]>) {
        self.bytes = bytes;
    }
}

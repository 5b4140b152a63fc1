//! Which lines are copies of one channel: those of one session that tell the same messages under the same numbers.
//!
//! The session alone decides where nothing speaks against it (a line of heartbeats, lines recorded one after the other). Where two lines
//! carry the same message number, its first message is compared: if it differs more often than not, the venue numbers several streams
//! under one session, and the lines are no copies. Evidence comes from a table of the last numbers, so copies may come some thousand
//! datagrams apart; memory does not grow with the recording.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::feed::SessionId;

/// Numbers that are remembered: how far apart copies may come, in datagrams.
const SLOTS: usize = 1 << 14;
/// Streams of one session told apart.
const STREAMS: usize = 4;
/// Sessions that are remembered. No recording has so many; a damaged one may.
const SESSIONS: usize = 1024;

/// One of the streams that have told a number.
#[derive(Clone, Copy, Debug)]
struct Told {
    digest: u64,
    /// The line that told it first.
    line: u16,
    at: Place,
}

/// Where a payload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    pub length: u16,
}

/// Who has told the last number that fell into it.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    session: u32,
    sequence: u64,
    told: [Option<Told>; STREAMS],
}

/// How often two lines told the same, and not the same, under one number.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    same: u64,
    different: u64,
}

/// What is known of lines and their sessions so far.
pub(super) struct Copies {
    slots: Vec<Slot>,
    sessions: HashMap<SessionId, u32>,
    /// The sessions of each line.
    carried: Vec<Vec<u32>>,
    /// Of pairs of lines, the lower first.
    evidence: HashMap<(u16, u16), Evidence>,
}

impl Copies {
    pub fn new() -> Self {
        Self { slots: vec![Slot::default(); SLOTS], sessions: HashMap::new(), carried: Vec::new(), evidence: HashMap::new() }
    }

    /// A line has carried a session.
    pub fn carries(&mut self, line: u16, session: SessionId) -> Option<u32> {
        let known = self.sessions.len() as u32;
        let session = match self.sessions.get(&session) {
            Some(&session) => session,
            None if self.sessions.len() < SESSIONS => *self.sessions.entry(session).or_insert(known),
            None => return None,
        };
        let line = usize::from(line);
        if self.carried.len() <= line {
            self.carried.resize(line + 1, Vec::new());
        }
        let carried = &mut self.carried[line];
        if carried.last() != Some(&session) && !carried.contains(&session) {
            carried.push(session);
        }
        Some(session)
    }

    /// A line has told a message under a number in a datagram that will stand at `at`. If a datagram with this message and number came
    /// before, where that one stands: it is probably equal.
    pub fn tells(&mut self, line: u16, session: u32, sequence: u64, message: &[u8], at: Place) -> Option<Place> {
        let mut hasher = DefaultHasher::new();
        message.hash(&mut hasher);
        let digest = hasher.finish();
        let slot = (sequence.wrapping_add(u64::from(session) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize % SLOTS;
        let slot = &mut self.slots[slot];
        if (slot.session, slot.sequence) != (session, sequence) {
            *slot = Slot { session, sequence, told: [None; STREAMS] };
        }
        for told in slot.told.iter().flatten().filter(|told| told.line != line) {
            let evidence = self.evidence.entry((told.line.min(line), told.line.max(line))).or_default();
            if told.digest == digest { evidence.same += 1 } else { evidence.different += 1 }
        }
        if let Some(told) = slot.told.iter().flatten().find(|told| told.digest == digest) {
            return Some(told.at);
        }
        if let Some(free) = slot.told.iter_mut().find(|told| told.is_none()) {
            *free = Some(Told { digest, line, at });
        }
        None
    }

    /// The channel of each of so many lines, numbered in the order of their first lines.
    pub fn channels(&self, lines: usize) -> Vec<u16> {
        let mut channels: Vec<u16> = Vec::with_capacity(lines);
        for line in 0..lines {
            let new = channels.iter().max().map_or(0, |&last| last + 1);
            let best = (0..new).filter_map(|channel| Some((self.agreement(&channels, channel, line)?, new - channel))).max();
            channels.push(best.map_or(new, |(_, before_new)| new - before_new));
        }
        channels
    }

    /// How often a line agreed with those of a channel; `None`: it is no copy of them.
    fn agreement(&self, channels: &[u16], channel: u16, line: usize) -> Option<u64> {
        let carried = |line: usize| self.carried.get(line).map_or(&[][..], Vec::as_slice);
        let members = || channels.iter().enumerate().filter(|&(_, &of)| of == channel).map(|(member, _)| member);
        if !members().any(|member| carried(member).iter().any(|session| carried(line).contains(session))) {
            return None;
        }
        members().try_fold(0, |agreed, member| {
            let evidence = self.evidence.get(&(member as u16, line as u16)).copied().unwrap_or_default();
            (evidence.different <= evidence.same).then_some(agreed + evidence.same)
        })
    }
}

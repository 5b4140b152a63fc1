//! Sessions and generations: which one a packet belongs to, and when the channel goes over to another.
//!
//! Another session, or another generation of this one, starts when a second packet of it has come, by whichever line: one stray,
//! corrupt or forged datagram would otherwise end the day, since what was left stays old. The first of the two is kept in quarantine, so that
//! nothing is lost.
//!
//! A restart shows by send times: the venue sends its numbers in order, so what goes back in them and was sent later than what was used
//! before is of another generation. Times are believed within limits ([`BELIEVED_AHEAD_NS`], [`Arbiter::sent`]), so that a corrupt one neither makes a
//! restart nor hides one.
//!
//! A channel goes forward only: a session it has left, and a generation before the last restart, stay old for ever, however
//! long the slower line talks of them.

use crate::feed::{Packet, SessionId, SessionLayer};
use crate::stats::Drop;

use super::gap::{Gap, GivenUp, NO_RANGE};
use super::notice::{Arrival, GapCause, InSequence, Notice, StartCause};
use super::quarantine::Suspicion;
use super::{Arbiter, Phase};

/// A packet that goes back in the sequence, not to its beginning, is suspected of a restart only if it was sent this much later
/// than the last one used: no publisher restarts in less, and lines whose clocks differ are not that far apart.
const RESTART_TAKES_NS: u64 = 1_000_000_000;

/// A send time further ahead of the receipt than this is corrupt: clocks of venue and host are not that far apart. On a host whose clock is, no
/// restart is ever seen.
const BELIEVED_AHEAD_NS: u64 = 60_000_000_000;

/// The last sessions left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    sessions: [Option<SessionId>; Self::REMEMBERED],
    newest: usize,
}

impl Left {
    /// One a day: a line that lags by more than a week is not looked after.
    const REMEMBERED: usize = 8;

    pub(super) const fn new() -> Self {
        Self { sessions: [None; Self::REMEMBERED], newest: 0 }
    }

    fn remember(&mut self, session: SessionId) {
        self.newest = (self.newest + 1) % Self::REMEMBERED;
        self.sessions[self.newest] = Some(session);
    }

    fn contains(&self, session: SessionId) -> bool {
        self.sessions.contains(&Some(session))
    }
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is of the current session.
    Current,
    /// It is of a session or generation that is over.
    Old,
    /// It starts a session or generation.
    Starts(StartCause),
    /// It must be confirmed.
    Suspect(Suspicion),
}

impl Arbiter {
    #[inline]
    pub(super) fn judge<S: SessionLayer>(&self, packet: &Packet<'_>) -> Verdict {
        if self.phase == Phase::Idle || packet.session != self.session {
            return self.judge_foreign(packet);
        }
        if S::RESTARTS_SHOW && packet.send_ns < self.generation_floor_ns {
            return Verdict::Old;
        }
        let sequence = packet.sequence;
        if S::RESTARTS_SHOW && (sequence < self.expected || self.quarantine.suspect().is_some()) && self.shows_restart::<S>(packet) {
            return Verdict::Suspect(Suspicion::Restart);
        }
        if sequence < self.expected && !self.proven && self.expected - sequence > self.config.absurd_jump {
            return Verdict::Suspect(Suspicion::Rejoin);
        }
        // From the horizon, not from the expected number: behind a confirmed jump the packets are no longer absurd.
        if sequence > self.horizon && sequence - self.horizon > self.config.absurd_jump {
            return Verdict::Suspect(Suspicion::Jump);
        }
        Verdict::Current
    }

    #[cold]
    fn judge_foreign(&self, packet: &Packet<'_>) -> Verdict {
        match self.phase {
            Phase::Idle if packet.sequence <= 1 => Verdict::Starts(StartCause::First),
            Phase::Idle => Verdict::Starts(StartCause::JoinedLate),
            _ if self.left.contains(packet.session) => Verdict::Old,
            _ => Verdict::Suspect(Suspicion::Session),
        }
    }

    /// Whether a packet of this session looks like one of a generation after a restart. One that goes back to the first number at once; one that
    /// goes back elsewhere if time enough has passed, or if a restart waits to be confirmed.
    #[inline]
    fn shows_restart<S: SessionLayer>(&self, packet: &Packet<'_>) -> bool {
        let used_ns = self.sent_before_ns();
        if packet.send_ns <= used_ns || !self.believes(packet.send_ns) {
            return false;
        }
        let (sequence, goes_back) = (packet.sequence, packet.sequence < self.expected);
        goes_back && sequence <= 1 && packet.stream_offset == 0
            || goes_back && packet.send_ns >= used_ns.saturating_add(RESTART_TAKES_NS) && !self.may_step_back(sequence)
            || self.follows_restart::<S>(packet)
    }

    /// Whether a packet belongs to the restart that waits to be confirmed rather than to the generation that is left by it. One that goes on in
    /// the numbers (the restart had come about as far as what was before it) does if it continues the packet that waits, or if it does not fit
    /// where the old generation's stream of bytes stands. (Only behind the first packet is the first of these harmless if it is wrong: what was
    /// delivered before is in that packet, and is told again.)
    #[cold]
    fn follows_restart<S: SessionLayer>(&self, packet: &Packet<'_>) -> bool {
        let waits = self.quarantine.suspect().filter(|held| held.suspicion == Suspicion::Restart && held.session == packet.session);
        let Some(held) = waits else { return false };
        let (sequence, offset) = (packet.sequence, packet.stream_offset);
        let continues = sequence == held.end && (!S::OFFSETS_SHOW || offset == held.stream_end);
        if sequence < self.expected {
            return continues || !self.may_step_back(sequence);
        }
        let lies_behind = S::OFFSETS_SHOW && sequence >= held.end && offset >= held.stream_end;
        let fits = self.stream.may_come_to(offset, sequence == self.expected);
        packet.send_ns >= held.arrival.send_ns && (continues && held.sequence <= 1 || lies_behind && !fits)
    }

    /// Whether a venue can have sent something at this time.
    #[inline]
    fn believes(&self, send_ns: u64) -> bool {
        send_ns <= self.now_ns.saturating_add(BELIEVED_AHEAD_NS)
    }

    /// When what was used last was sent: the later of the last two packets, since one of them can have a corrupt time.
    #[inline]
    fn sent_before_ns(&self) -> u64 {
        self.last_send_ns.max(self.send_before_ns)
    }

    /// A packet that was sent at this time is used.
    #[inline]
    pub(super) fn sent(&mut self, send_ns: u64) {
        if self.believes(send_ns) {
            (self.send_before_ns, self.last_send_ns) = (self.last_send_ns, send_ns);
        }
    }

    /// Keeps a packet that would tear the channel out of its sequence, or, if it confirms the one kept, follows both.
    #[cold]
    pub(super) fn suspect<S: SessionLayer>(
        &mut self,
        packet: &Packet<'_>,
        end: u64,
        suspicion: Suspicion,
        payload: &[u8],
        arrival: &Arrival,
        out: &mut impl InSequence,
    ) {
        if let Some(held) = self.quarantine.suspect().filter(|_| self.quarantine.agrees(packet, end, suspicion, arrival.line)) {
            let (lowest, in_order) = (held.sequence.min(packet.sequence), held.sequence <= packet.sequence);
            let sent = held.arrival.send_ns.min(packet.send_ns);
            let used_ns = self.sent_before_ns();
            // What the lines lost of a new session's beginning is a gap like any other, unless that would be absurd.
            let first = if lowest <= self.config.absurd_jump { lowest.min(1) } else { lowest };
            match suspicion {
                Suspicion::Jump => {}
                Suspicion::Session => self.start::<S>(StartCause::NewSession, packet.session, first, sent, out),
                Suspicion::Restart => {
                    // A beginning that has not come may have been sent sooner.
                    let floor = if lowest <= 1 { sent } else { used_ns.saturating_add(RESTART_TAKES_NS).min(sent) };
                    self.start::<S>(StartCause::Restart, packet.session, first, floor, out);
                }
                Suspicion::Rejoin => self.start::<S>(StartCause::JoinedLate, packet.session, lowest, sent, out),
            }
            self.proven = true;
            // The lower number first: what lies between the two is no hole to be given up because it was awaited for long.
            if in_order {
                self.admit_suspect::<S>(out);
                self.take::<S>(packet, end, arrival, out);
            } else {
                self.take::<S>(packet, end, arrival, out);
                self.admit_suspect::<S>(out);
            }
        } else {
            self.drop_suspect();
            if !self.quarantine.keep::<S>(packet, end, suspicion, payload, arrival) {
                self.counters.drops.count(Drop::Quarantined);
            }
        }
    }

    /// A session or generation starts at number `first`; what is held of the one before is let out first, its holes declared.
    #[cold]
    pub(super) fn start<S: SessionLayer>(
        &mut self,
        cause: StartCause,
        session: SessionId,
        first: u64,
        sent_ns: u64,
        out: &mut impl InSequence,
    ) {
        if self.phase != Phase::Idle {
            let declared = if cause == StartCause::Restart { GapCause::Restart } else { GapCause::NewSession };
            self.believe_announced();
            self.settle::<S>(Some(declared), out);
            if cause == StartCause::NewSession && self.phase != Phase::Over {
                out.notice(Notice::SessionEnd { next_sequence: self.expected }, self.now_ns);
            }
            if session != self.session {
                self.left.remember(self.session);
            }
        }
        self.session = session;
        self.phase = Phase::Open;
        self.expected = first;
        self.stream.lose_track();
        self.horizon = first;
        self.announced = first;
        self.on_word = NO_RANGE;
        self.gap = Gap::None;
        self.given_up = GivenUp::new();
        self.generation_floor_ns = if cause == StartCause::Restart { sent_ns } else { 0 };
        // What cannot be would hide every restart, and nothing would make every copy of it one.
        let sent_ns = if self.believes(sent_ns) { sent_ns } else { self.now_ns };
        (self.send_before_ns, self.last_send_ns) = (sent_ns, sent_ns);
        self.proven = first <= 1;
        let now_ns = self.now_ns;
        self.lines_mut().iter_mut().for_each(|line| line.new_session(now_ns));
        match cause {
            StartCause::NewSession => self.counters.new_sessions += 1,
            StartCause::Restart => self.counters.restarts += 1,
            StartCause::First | StartCause::JoinedLate => {}
        }
        self.counters.joined_late += u64::from(first > 1);
        self.hear(out);
        out.notice(Notice::SessionStart { session, first_sequence: first, cause }, now_ns);
    }

    /// Follows the packet in quarantine if it belongs to what has just started; else drops it.
    pub(super) fn admit_suspect<S: SessionLayer>(&mut self, out: &mut impl InSequence) {
        let Some((arrival, bytes, len)) = self.quarantine.take() else { return };
        let packet = bytes.get(..len).map(S::packet);
        match packet {
            Some(Ok(packet))
                if packet.session == self.session
                    && !(S::RESTARTS_SHOW && packet.send_ns < self.generation_floor_ns)
                    && let Some(end) = packet.sequence.checked_add(u64::from(packet.count)) =>
            {
                self.take::<S>(&packet, end, &arrival, out);
            }
            _ => self.counters.drops.count(Drop::Quarantined),
        }
        self.quarantine.put_back(bytes);
    }

    /// Nothing confirmed the packet in quarantine, if there is one.
    pub(super) fn drop_suspect(&mut self) {
        if self.quarantine.forget() {
            self.counters.drops.count(Drop::Quarantined);
        }
    }

    pub(super) fn expire_suspect(&mut self) {
        if self.suspect_expires().is_some_and(|at| self.now_ns >= at) {
            self.drop_suspect();
        }
    }

    pub(super) fn suspect_expires(&self) -> Option<u64> {
        Some(self.quarantine.suspect()?.arrival.recv_ns.saturating_add(self.config.silence_ns))
    }
}

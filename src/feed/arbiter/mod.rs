//! The arbiter: the lines of one channel become one sequence of messages.
//!
//! ```text
//!  A ──┐  datagram   ┌─ in sequence ─────────────▶ message, straight from the datagram
//!  B ──┼──▶ judge ───┼─ early ──▶ window ────────▶ message, when the hole before it is filled, or declared
//!  …   ┘             ├─ known ───▶ counted
//!                    ├─ absurd, or of another session ──▶ quarantine ──▶ followed when a second packet agrees, else counted
//!                    └─ of an older session ─────▶ counted
//! ```
//!
//! Invariants:
//! - Within a session each number from the first to the last is delivered exactly once, in order, or lies in exactly one
//!   declared gap: delivered + lost = next expected − first.
//! - The first copy wins; what is delivered in sequence is not copied.
//! - Nothing is allocated after construction, nothing waits, and what is held is bounded in packets, bytes and time.
//! - No single packet is believed about numbers it does not bring: an announced hole, a far jump, another session, a restart
//!   wait for a second packet that agrees.
//! - Sequences never wrap: at ten million messages a second 2^64 lasts 58,000 years, so a packet whose numbers would run
//!   past it is refused (`Drop::Quarantined`), and all arithmetic stays below it.
//! - No clock: time is what the calls say, on one clock that never steps. Live that is the lane's, in replay the capture's.
//!   [`Arbiter::on_time`] must be called when [`Arbiter::deadline_ns`] has come, before the next datagram is handed in.

mod blocks;
mod config;
mod counters;
mod gap;
mod line;
mod notice;
mod quarantine;
mod session;
mod stream;
mod window;

pub use config::{ArbiterConfig, MAX_LINES, MAX_REORDER_PACKETS};
pub use counters::{ArbiterCounters, LineCounters};
pub use line::STEADY;
pub use notice::{Arrival, GapCause, InSequence, Notice, StartCause};

use crate::feed::{Packet, PacketKind, SessionId, SessionLayer};
use crate::stats::Drop;

use gap::{Gap, GivenUp};
use line::Line;
use quarantine::Quarantine;
use session::{Left, Verdict};
use stream::Stream;
use window::Window;

/// Where the channel's session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was heard yet.
    Idle,
    /// Messages come.
    Open,
    /// The venue said that `next` will not come; numbers below it are still awaited.
    Ending { next: u64 },
    /// Ended; what comes is repetition until another session starts.
    Over,
}

/// Makes one sequence of the lines of one channel.
pub struct Arbiter {
    config: ArbiterConfig,
    session: SessionId,
    phase: Phase,
    /// The next number to deliver.
    expected: u64,
    /// One more than the highest number known to exist; `expected` when nothing is missing or held.
    horizon: u64,
    /// Since when that is known, if by announcements: heartbeats and ends of the session.
    horizon_ns: u64,
    /// The highest number any announcement said comes next, and when: not the horizon until a second packet agrees.
    announced: u64,
    announced_ns: u64,
    /// The last gap, if only announcements showed it. Nothing behind it was delivered as long as `expected` is the number after it.
    on_word: (u64, u64),
    gap: Gap,
    given_up: GivenUp,
    window: Window,
    lines: [Line; MAX_LINES],
    quarantine: Quarantine,
    left: Left,
    /// What was sent before this is of an older generation; 0 until a restart.
    generation_floor_ns: u64,
    /// Send times of the last packet used, and of the one before. Of the last, not the latest: one corrupt time must not hide a restart for ever.
    last_send_ns: u64,
    send_before_ns: u64,
    /// Where the session's stream of bytes stands at `expected`, for session layers that say.
    stream: Stream,
    /// Whether anything has agreed with the datagram that set the sequence.
    proven: bool,
    /// When the session was last heard on any line.
    heard_ns: u64,
    /// Whether [`Notice::Silent`] was told.
    silent: bool,
    /// The latest time any call has told.
    now_ns: u64,
    counters: ArbiterCounters,
}

impl Arbiter {
    /// Sets aside all the memory there will be: twice `window_bytes`, and some 150 bytes for each of `window_packets`.
    pub fn new(config: ArbiterConfig) -> Self {
        let config = config.in_range();
        Self {
            session: SessionId::default(),
            phase: Phase::Idle,
            expected: 0,
            horizon: 0,
            horizon_ns: 0,
            announced: 0,
            announced_ns: 0,
            on_word: gap::NO_RANGE,
            gap: Gap::None,
            given_up: GivenUp::new(),
            window: Window::new(config.window_packets, config.window_bytes),
            lines: [Line::new(); MAX_LINES],
            quarantine: Quarantine::new(),
            left: Left::new(),
            generation_floor_ns: 0,
            last_send_ns: 0,
            send_before_ns: 0,
            stream: Stream::default(),
            proven: false,
            heard_ns: 0,
            silent: false,
            now_ns: 0,
            counters: ArbiterCounters::default(),
            config,
        }
    }

    /// Takes one datagram that came by `line` at `recv_ns`. `payload` is only read during the call.
    #[inline]
    pub fn on_datagram<S: SessionLayer>(&mut self, line: u8, recv_ns: u64, payload: &[u8], out: &mut impl InSequence) {
        self.counters.datagrams += 1;
        if usize::from(line) >= self.config.lines {
            self.counters.drops.count(Drop::UnknownLine);
            return;
        }
        self.counters.lines[usize::from(line)].datagrams += 1;
        self.now_ns = self.now_ns.max(recv_ns);
        let packet = match S::packet(payload) {
            Ok(packet) => packet,
            Err(reason) => {
                self.counters.drops.count(reason);
                return;
            }
        };
        let Some(end) = packet.sequence.checked_add(u64::from(packet.count)) else {
            self.counters.drops.count(Drop::Quarantined);
            return;
        };
        let arrival = Arrival { line, recv_ns, send_ns: packet.send_ns };
        match self.judge::<S>(&packet) {
            Verdict::Current => {
                self.proven = true;
                self.take::<S>(&packet, end, &arrival, out);
            }
            Verdict::Old => self.counters.drops.count(Drop::OldSession),
            Verdict::Starts(cause) => {
                self.start::<S>(cause, packet.session, packet.sequence, packet.send_ns, out);
                self.take::<S>(&packet, end, &arrival, out);
            }
            Verdict::Suspect(suspicion) => self.suspect::<S>(&packet, end, suspicion, payload, &arrival, out),
        }
    }

    /// Does what is due: gives up holes, tells of silence and dead lines. Harmless when nothing is due.
    pub fn on_time<S: SessionLayer>(&mut self, now_ns: u64, out: &mut impl InSequence) {
        self.now_ns = self.now_ns.max(now_ns);
        let now_ns = self.now_ns;
        self.expire_suspect();
        if !matches!(self.phase, Phase::Open | Phase::Ending { .. }) {
            return;
        }
        for line in 0..self.config.lines {
            if self.lines[line].dies(now_ns, self.config.line_dead_ns) {
                self.counters.lines[line].deaths += 1;
                out.notice(Notice::LineDead { line: line as u8 }, now_ns);
            }
        }
        let silent = self.silent_at().is_some_and(|at| now_ns >= at);
        if self.unsettled() {
            // After the lines: a hole need not wait for one that has just died. Before the silence: what nobody brings need not be
            // awaited (only a `gap_wait_ns` longer than `silence_ns` leaves anything for it).
            self.settle::<S>(silent.then_some(GapCause::TimedOut), out);
        }
        if silent && self.phase != Phase::Over {
            self.silent = true;
            out.notice(Notice::Silent { since_ns: self.heard_ns }, now_ns);
        }
    }

    /// When [`Arbiter::on_time`] must be called next, if no datagram comes before; `None` if nothing can become due.
    pub fn deadline_ns(&self) -> Option<u64> {
        let mut next = self.suspect_expires();
        let mut at = |due: Option<u64>| next = next.into_iter().chain(due).min();
        if let Phase::Open | Phase::Ending { .. } = self.phase {
            at(self.silent_at());
            self.lines().iter().for_each(|line| at(line.dies_at(self.config.line_dead_ns)));
            if let Gap::Waiting { since_ns, .. } = self.gap {
                at(Some(since_ns.saturating_add(self.config.gap_wait_ns)));
            }
        }
        next
    }

    /// The input is over (end of a capture, shutdown): declares every hole and delivers what is held. Does not end the session.
    pub fn finish<S: SessionLayer>(&mut self, now_ns: u64, out: &mut impl InSequence) {
        self.now_ns = self.now_ns.max(now_ns);
        if self.phase != Phase::Idle {
            self.believe_announced();
            self.settle::<S>(Some(GapCause::InputEnded), out);
        }
        self.drop_suspect();
    }

    /// Bytes of the early messages that are held.
    pub fn held_bytes(&self) -> usize {
        self.window.bytes()
    }

    /// What was counted so far.
    pub fn counters(&self) -> &ArbiterCounters {
        &self.counters
    }

    /// The number that comes next; 0 before the first datagram.
    pub fn next_sequence(&self) -> u64 {
        self.expected
    }

    fn lines(&self) -> &[Line] {
        &self.lines[..self.config.lines]
    }

    fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.lines[..self.config.lines]
    }

    /// Whether something is missing, held or awaited, or was a moment ago.
    #[inline]
    fn unsettled(&self) -> bool {
        self.horizon != self.expected || self.window.len() > 0 || self.gap != Gap::None || matches!(self.phase, Phase::Ending { .. })
    }

    fn silent_at(&self) -> Option<u64> {
        (!self.silent).then(|| self.heard_ns.saturating_add(self.config.silence_ns))
    }

    /// The session is heard.
    #[inline]
    fn hear(&mut self, out: &mut impl InSequence) {
        self.heard_ns = self.now_ns;
        if self.silent {
            self.silent = false;
            out.notice(Notice::Heard, self.now_ns);
        }
    }

    /// Takes a packet that is known to be of the current session and generation, and not absurd. `end` is one more than the last
    /// number it claims.
    #[inline]
    fn take<S: SessionLayer>(&mut self, packet: &Packet<'_>, end: u64, arrival: &Arrival, out: &mut impl InSequence) {
        let over = match self.phase {
            Phase::Ending { next } => end > next && !self.contradict_end(next),
            Phase::Over => end > self.expected,
            Phase::Idle | Phase::Open => false,
        };
        if over {
            self.counters.drops.count(Drop::OldSession);
            return;
        }
        self.hear(out);
        let line = usize::from(arrival.line);
        if packet.sequence <= 1 && self.lines[line].latest() > 1 && !S::RESTARTS_SHOW {
            self.counters.backwards += 1;
        }
        self.counters.lines[line].last_seen_ns = self.counters.lines[line].last_seen_ns.max(arrival.recv_ns);
        if self.lines[line].heard(arrival.recv_ns, packet.sequence, self.config.line_dead_ns) {
            out.notice(Notice::LineAlive { line: arrival.line }, self.now_ns);
        }
        if packet.sequence <= self.on_word.1 {
            self.step_back::<S>(packet, end, out);
        }
        match packet.kind {
            PacketKind::Data if packet.count == 0 => self.announce_next(packet, arrival),
            PacketKind::Data if end <= self.expected => self.count_known(packet.sequence, end),
            PacketKind::Data if packet.sequence <= self.expected => self.take_fresh::<S>(packet, end, arrival, out),
            PacketKind::Data => self.take_early::<S>(packet, end, arrival, out),
            PacketKind::Heartbeat => {
                if S::OFFSETS_SHOW && packet.sequence == self.expected {
                    self.stream.begin(packet.stream_offset, self.expected, self.now_ns, &mut self.counters.drops, out);
                }
                self.announce_next(packet, arrival);
            }
            PacketKind::EndOfSession => self.take_end(packet, arrival),
        }
        if self.unsettled() {
            self.settle::<S>(None, out);
        }
    }

    /// Nothing of `sequence..end` is new.
    #[inline]
    fn count_known(&mut self, sequence: u64, end: u64) {
        if self.given_up.any_of(sequence, end) {
            self.counters.drops.count(Drop::Late);
        } else {
            self.counters.duplicates += 1;
        }
    }

    /// A packet that begins with the next number, or before it, and claims to go beyond. A count larger than the content makes
    /// the header doubtful: the packet proves what it delivers, and what it claims beyond that is not awaited. If it exists, the other
    /// line's whole copy brings it, or the next packet shows that it is missing.
    #[inline]
    fn take_fresh<S: SessionLayer>(&mut self, packet: &Packet<'_>, end: u64, arrival: &Arrival, out: &mut impl InSequence) {
        let expected = self.expected;
        let known = expected - packet.sequence;
        let mut rest = packet.blocks;
        let is_there = blocks::skip::<S>(&mut rest, known) == known && !(rest.is_empty() && known > 0);
        let fresh = rest.len();
        if S::OFFSETS_SHOW && is_there {
            let offset = packet.stream_offset.saturating_add((packet.blocks.len() - fresh) as u64);
            self.stream.begin(offset, expected, self.now_ns, &mut self.counters.drops, out);
        }
        let next = if is_there { blocks::deliver::<S>(&mut rest, expected, end, arrival, out) } else { expected };
        if next == expected && known > 0 {
            // A copy cut no later than the one used before: its cut was counted by that one.
            self.count_known(packet.sequence, expected);
            return;
        }
        if S::OFFSETS_SHOW {
            // What is cut, or followed by more, doesn't say where it ends.
            self.stream.pass((next == end && rest.is_empty()).then_some(fresh));
        }
        self.expected = next;
        self.sent(packet.send_ns);
        self.counters.messages += next - expected;
        self.counters.lines[usize::from(arrival.line)].first_wins += u64::from(next > expected);
        self.counters.overlaps += u64::from(known > 0);
        if next < end {
            self.counters.drops.count(Drop::BlockPastEnd);
        } else if !rest.is_empty() {
            self.counters.drops.count(Drop::TrailingBytes);
        }
    }

    /// A packet that begins beyond the next number: its complete messages are held until the hole before it is closed; without one,
    /// it proves nothing.
    #[cold]
    fn take_early<S: SessionLayer>(&mut self, packet: &Packet<'_>, end: u64, arrival: &Arrival, out: &mut impl InSequence) {
        let mut rest = packet.blocks;
        let complete = blocks::skip::<S>(&mut rest, end - packet.sequence);
        let held_end = packet.sequence + complete;
        loop {
            let held = self.window.hold::<S>(packet.sequence, held_end, packet.blocks, packet.stream_offset, arrival);
            self.counters.held_high_water = self.counters.held_high_water.max(self.window.len() as u64);
            let Ok(new) = held else {
                // No room. The hole before the first packet known (a held one, or this one) is given up, until this one fits or is next.
                let first = self.window.first_sequence().map_or(packet.sequence, |held| held.min(packet.sequence));
                self.declare(first - 1, GapCause::WindowFull, out);
                self.release::<S>(out);
                if packet.sequence <= self.expected {
                    return self.take_fresh::<S>(packet, end, arrival, out);
                }
                continue;
            };
            if complete > 0 {
                self.horizon = self.horizon.max(held_end);
            }
            if new {
                self.counters.lines[usize::from(arrival.line)].first_wins += 1;
            } else if complete > 0 {
                self.counters.duplicates += 1;
                return;
            }
            if held_end < end {
                self.counters.drops.count(Drop::BlockPastEnd);
            } else if !rest.is_empty() {
                self.counters.drops.count(Drop::TrailingBytes);
            }
            return;
        }
    }

    /// A heartbeat: `sequence` is the next number, so all below it exist, if it is true.
    fn announce_next(&mut self, packet: &Packet<'_>, arrival: &Arrival) {
        self.counters.heartbeats += 1;
        if packet.send_ns > self.last_send_ns {
            self.sent(packet.send_ns);
        }
        self.announce(packet.sequence, arrival.recv_ns);
    }

    /// Whether a packet beyond the end that was told contradicts it: if nothing else has agreed with that end, the session goes on.
    #[cold]
    fn contradict_end(&mut self, next: u64) -> bool {
        let doubtful = self.horizon < next;
        if doubtful {
            self.phase = Phase::Open;
        }
        doubtful
    }

    /// The end of the session, told several times. One that contradicts what is known already is repetition by a line that lags.
    #[cold]
    fn take_end(&mut self, packet: &Packet<'_>, arrival: &Arrival) {
        self.counters.ends_of_session += 1;
        if matches!(self.phase, Phase::Open | Phase::Ending { .. }) && packet.sequence >= self.horizon {
            self.announce(packet.sequence, arrival.recv_ns);
            self.phase = Phase::Ending { next: packet.sequence };
        }
    }
}

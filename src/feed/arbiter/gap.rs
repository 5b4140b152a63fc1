//! Holes in the sequence: how long they are awaited, and what happens when they are given up.
//!
//! A hole is what lies between the next expected number and the first one held, or announced. It becomes a gap when it is
//! declared: at once when every live line has passed it, else `gap_wait_ns` after it was first seen. No message is held longer
//! than that: a hole behind another counts from the earliest packet held, not from the end of the one before it.
//!
//! What a heartbeat or an end of the session announces, and nobody has seen, is a hole only when a second such packet agrees: one
//! forged or corrupt number would make everything below it late. Venues repeat both about once a second, on each line.
//! If two were wrong, the genuine stream itself shows it: see [`Arbiter::step_back`].

use crate::feed::{Packet, PacketKind, SessionLayer};

use super::notice::{GapCause, InSequence, Notice};
use super::{Arbiter, Phase, blocks};

/// Where the hole in front of the window stands. The rungs of a recovery ladder will be further states between
/// [`Gap::Waiting`] and the declaration's end: `GapOpen` when the first rung is taken, `GapClosed` when one succeeded or none is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing is missing.
    None,
    /// `first..=last` are missing, seen at `since_ns`; a line may still bring them.
    Waiting { first: u64, last: u64, since_ns: u64 },
}

/// First and last of nothing.
pub(super) const NO_RANGE: (u64, u64) = (1, 0);

/// The last ranges given up in this session, to tell late packets from duplicates.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenUp {
    ranges: [(u64, u64); Self::REMEMBERED],
    newest: usize,
}

impl GivenUp {
    /// A late packet is late by milliseconds; there are not more gaps than this in that time.
    const REMEMBERED: usize = 16;

    pub(super) const fn new() -> Self {
        Self { ranges: [NO_RANGE; Self::REMEMBERED], newest: 0 }
    }

    fn remember(&mut self, first: u64, last: u64) {
        self.newest = (self.newest + 1) % Self::REMEMBERED;
        self.ranges[self.newest] = (first, last);
    }

    /// The last range given up ends before `from` after all.
    fn take_back(&mut self, from: u64) {
        let (first, _) = self.ranges[self.newest];
        if from > first {
            self.ranges[self.newest].1 = from - 1;
        } else {
            self.ranges[self.newest] = NO_RANGE;
            self.newest = (self.newest + Self::REMEMBERED - 1) % Self::REMEMBERED;
        }
    }

    /// Whether any number of `sequence..end` was given up. Asked of every duplicate, so of half of all datagrams: one
    /// comparison when they are behind the last gap.
    #[inline]
    pub(super) fn any_of(&self, sequence: u64, end: u64) -> bool {
        sequence <= self.ranges[self.newest].1 && self.ranges.iter().any(|&(first, last)| first <= last && first < end && sequence <= last)
    }
}

impl Arbiter {
    /// A packet without messages says that the numbers below `next` exist. They do as far as another one said so too.
    pub(super) fn announce(&mut self, next: u64, at_ns: u64) {
        let agreed = next.min(self.announced);
        if agreed > self.horizon {
            self.horizon = agreed;
            self.horizon_ns = if agreed == self.announced { self.announced_ns } else { at_ns };
        }
        if next > self.announced {
            self.announced = next;
            self.announced_ns = at_ns;
        }
    }

    /// Nothing more will come that could agree with what was announced, nor anything that would be late for it.
    pub(super) fn believe_announced(&mut self) {
        let announced = match self.phase {
            Phase::Idle | Phase::Over => return,
            Phase::Open => self.announced,
            // What told of more than the end did is contradicted by it.
            Phase::Ending { next } => self.announced.min(next),
        };
        if announced > self.horizon {
            self.horizon = announced;
            self.horizon_ns = self.announced_ns;
        }
    }

    /// The last resort against announcements that were wrong. A message of a gap that nothing but announcements has shown, and behind
    /// which nothing was delivered yet, is not late: the sequence steps back to it, and goes on from there. What lies in the gap before
    /// it stays lost; what was announced beyond it is no longer believed.
    #[cold]
    pub(super) fn step_back<S: SessionLayer>(&mut self, packet: &Packet<'_>, end: u64, out: &mut impl InSequence) {
        let (first, last) = self.on_word;
        let from = packet.sequence.max(first);
        if first > last || self.phase != Phase::Open || self.expected != last + 1 || self.window.len() > 0 {
            // The stream has gone on behind the gap.
            self.on_word = NO_RANGE;
            return;
        }
        let needed = (from - packet.sequence).saturating_add(1);
        if packet.kind != PacketKind::Data || end <= from || blocks::skip::<S>(&mut { packet.blocks }, needed) < needed {
            return;
        }
        self.on_word = NO_RANGE;
        self.given_up.take_back(from);
        self.counters.lost_messages = self.counters.lost_messages.saturating_sub(last - from + 1);
        self.expected = from;
        self.stream.lose_track();
        self.horizon = from;
        self.announced = from;
        self.gap = Gap::None;
        out.notice(Notice::GapClosed { first: from, last, recovered: true }, self.now_ns);
    }

    /// Whether `sequence` lies in a gap from which [`Arbiter::step_back`] may return.
    pub(super) fn may_step_back(&self, sequence: u64) -> bool {
        let (first, last) = self.on_word;
        first <= sequence && sequence <= last && self.expected == last + 1
    }

    /// Delivers what is in sequence, and declares what need not be awaited any longer: all of it if `force`d.
    #[cold]
    pub(super) fn settle<S: SessionLayer>(&mut self, force: Option<GapCause>, out: &mut impl InSequence) {
        loop {
            self.release::<S>(out);
            if let Gap::Waiting { last, .. } = self.gap
                && self.expected > last
            {
                self.counters.holes_filled += 1;
                self.gap = Gap::None;
            }
            if self.horizon <= self.expected {
                self.horizon = self.expected;
                break;
            }
            let last = self.window.first_sequence().unwrap_or(self.horizon) - 1;
            let since_ns = match self.gap {
                Gap::Waiting { first, since_ns, .. } if first == self.expected => since_ns,
                _ => self.window.earliest_ns().unwrap_or(self.horizon_ns),
            };
            self.gap = Gap::Waiting { first: self.expected, last, since_ns };
            let Some(cause) = force.or_else(|| self.give_up(last, since_ns)) else { break };
            self.declare(last, cause, out);
        }
        if let Phase::Ending { next } = self.phase
            && self.expected >= next
        {
            self.phase = Phase::Over;
            out.notice(Notice::SessionEnd { next_sequence: self.expected }, self.now_ns);
        }
    }

    /// Delivers what the window holds up to the next hole.
    pub(super) fn release<S: SessionLayer>(&mut self, out: &mut impl InSequence) {
        while let Some((held, mut rest)) = self.window.front() {
            if held.sequence > self.expected {
                break;
            }
            if held.end > self.expected {
                let whole = rest.len();
                blocks::skip::<S>(&mut rest, self.expected - held.sequence);
                if S::OFFSETS_SHOW {
                    let offset = held.stream_offset.saturating_add((whole - rest.len()) as u64);
                    self.stream.begin(offset, self.expected, self.now_ns, &mut self.counters.drops, out);
                    self.stream.pass(Some(rest.len()));
                }
                let next = blocks::deliver::<S>(&mut rest, self.expected, held.end, &held.arrival, out);
                self.counters.messages += next - self.expected;
                self.expected = next;
                self.sent(held.arrival.send_ns);
            }
            self.window.pop_front();
        }
    }

    /// Whether the hole that ends with `last` need not be awaited any longer, and why.
    fn give_up(&self, last: u64, since_ns: u64) -> Option<GapCause> {
        let mut live = self.lines().iter().filter(|line| line.live(self.now_ns, self.config.line_dead_ns)).peekable();
        let passed = live.peek().is_some() && live.all(|line| line.passed(last, self.config.reorder_packets));
        let timed_out = self.now_ns >= since_ns.saturating_add(self.config.gap_wait_ns);
        let announced = self.window.len() == 0;
        match (passed, timed_out) {
            (false, false) => None,
            _ if announced => Some(GapCause::Heartbeat),
            (true, _) => Some(GapCause::AllLinesPassed),
            (false, true) => Some(GapCause::TimedOut),
        }
    }

    /// Gives up the numbers from the next expected one to `last`.
    pub(super) fn declare(&mut self, last: u64, cause: GapCause, out: &mut impl InSequence) {
        let first = self.expected;
        self.counters.gaps += 1;
        // Saturating: a confirmed jump over most of 2^64 may come more than once.
        self.counters.lost_messages = self.counters.lost_messages.saturating_add(last - first + 1);
        self.given_up.remember(first, last);
        self.on_word = if self.window.len() == 0 && cause != GapCause::WindowFull { (first, last) } else { NO_RANGE };
        self.expected = last + 1;
        self.stream.lose_track();
        self.gap = Gap::None;
        out.notice(Notice::GapOpen { first, last, cause }, self.now_ns);
        out.notice(Notice::GapClosed { first, last, recovered: false }, self.now_ns);
    }
}

//! Holes in the sequence: how long they are awaited, and what happens when they are given up.
//!
//! A hole is what lies between the next expected number and the first one held, or announced. It becomes a gap when it is
//! declared: at once when every live line has passed it, else `gap_wait_ns` after it was first seen. No message is held longer
//! than that: a hole behind another counts from the earliest packet held, not from the end of the one before it.

use crate::feed::SessionLayer;

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

/// The last ranges given up in this session, to tell late packets from duplicates.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenUp {
    ranges: [(u64, u64); Self::REMEMBERED],
    newest: usize,
}

impl GivenUp {
    /// A late packet is late by milliseconds; there are not more gaps than this in that time.
    const REMEMBERED: usize = 16;
    const NONE: (u64, u64) = (1, 0);

    pub(super) const fn new() -> Self {
        Self { ranges: [Self::NONE; Self::REMEMBERED], newest: 0 }
    }

    fn remember(&mut self, first: u64, last: u64) {
        self.newest = (self.newest + 1) % Self::REMEMBERED;
        self.ranges[self.newest] = (first, last);
    }

    /// Whether any number of `sequence..end` was given up. Asked of every duplicate, so of half of all datagrams: one
    /// comparison when they are behind the last gap.
    #[inline]
    pub(super) fn any_of(&self, sequence: u64, end: u64) -> bool {
        sequence <= self.ranges[self.newest].1 && self.ranges.iter().any(|&(first, last)| first <= last && first < end && sequence <= last)
    }
}

impl Arbiter {
    /// Numbers below `next` exist.
    pub(super) fn announce(&mut self, next: u64, at_ns: u64) {
        if next > self.horizon {
            self.horizon = next;
            self.announced_ns = at_ns;
        }
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
                _ => self.window.earliest_ns().unwrap_or(self.announced_ns),
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
                blocks::skip::<S>(&mut rest, self.expected - held.sequence);
                let next = blocks::deliver::<S>(&mut rest, self.expected, held.end, &held.arrival, out);
                self.counters.messages += next - self.expected;
                self.expected = next;
                self.last_send_ns = held.arrival.send_ns;
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
        self.expected = last + 1;
        self.gap = Gap::None;
        out.notice(Notice::GapOpen { first, last, cause }, self.now_ns);
        out.notice(Notice::GapClosed { first, last, recovered: false }, self.now_ns);
    }
}

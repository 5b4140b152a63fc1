//! When each message is sent: strictly increasing times in bursts, with an exact mean.
//!
//! Bursts hold about sixteen messages, eight times closer together than the mean; the quiet between bursts makes up for it.
//! That is enough for packets to carry one message or twenty, and for a receiver to meet both.

use super::Pace;
use super::rng::{Rng, Stream};

/// Messages in a burst, on average.
const BURST: u64 = 16;
/// How much closer than the mean messages of one burst are.
const CLOSER: u64 = 8;

const HOUR_NS: u64 = 3_600_000_000_000;

/// A part of the day, with its first instant in nanoseconds since midnight, US Eastern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Part {
    /// Start of messages; the directory goes out.
    Directory = 3 * HOUR_NS,
    /// Start of system hours.
    PreOpen = 4 * HOUR_NS,
    /// Start of market hours.
    Open = 9 * HOUR_NS + HOUR_NS / 2,
    /// End of market hours.
    AfterHours = 16 * HOUR_NS,
    /// End of system hours.
    Closing = 20 * HOUR_NS,
    /// End of messages.
    End = 20 * HOUR_NS + HOUR_NS / 12,
}

/// The time of the next message.
pub(super) struct Clock {
    rng: Rng,
    pace: Pace,
    /// Of the message given out last, since midnight.
    now: u64,
    mean: u64,
    /// The part of the day ends here; a pause that would go past it is cut to half of what is left.
    end: u64,
}

impl Clock {
    /// A clock before its first message; `start` in nanoseconds since midnight is the time of that message.
    pub(super) fn new(seed: u64, pace: Pace, start: u64) -> Self {
        let mean = match pace {
            Pace::Steady { mean_ns_per_message, .. } => mean_ns_per_message,
            Pace::WholeDay => 1,
        };
        Self { rng: Rng::new(seed, Stream::Clock), pace, now: start, mean, end: super::DAY_NS }
    }

    /// A part of the day begins, and `messages` are to fit in before the next. With a steady pace nothing changes.
    pub(super) fn begin(&mut self, part: Part, until: Part, messages: u64) {
        if self.pace == Pace::WholeDay {
            self.now = self.now.max(part as u64);
            self.end = until as u64;
            // 2 % to spare, so that the cut is seldom needed.
            self.mean = self.end.saturating_sub(self.now) * 49 / 50 / messages.max(1);
        }
    }

    /// The time of the message that is going out now; moves on for the next one.
    #[inline]
    pub(super) fn tick(&mut self) -> u64 {
        let due = self.now;
        let close = (self.mean / CLOSER).max(1);
        let gap = if self.rng.below(BURST as u32) == 0 {
            let pause = (self.mean * BURST).saturating_sub(close * (BURST - 1));
            self.rng.waiting(pause)
        } else {
            1 + self.rng.below((close * 2 - 1).min(u64::from(u32::MAX)) as u32) as u64
        };
        let left = self.end.saturating_sub(self.now);
        self.now += if gap < left { gap } else { left / 2 }.max(1);
        due
    }
}

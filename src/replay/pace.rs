//! When a recorded datagram is due: at the recorded distance from the first, divided by the speed.
//!
//! Deadlines are absolute, so lateness does not add up over a long replay.

use std::time::{Duration, Instant};

/// How fast a recording is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// That many times as fast as it was recorded; at least 1.
    Times(u32),
    /// As fast as it goes.
    Max,
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        // `parse` alone would take a sign.
        let digits = text.strip_suffix('x').filter(|times| times.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|times| times.parse().ok()) {
            Some(times @ 1..=1_000_000) => Ok(Self::Times(times)),
            _ => Err(format!("`{text}` is no speed; say 1x, 10x (any whole number of times), or max")),
        }
    }
}

/// Below this the rest of a wait is spun: a timer's slack is about 50 µs.
const SPIN: Duration = Duration::from_micros(80);
/// Longest sleep without a look at `stop`.
const NAP: Duration = Duration::from_millis(50);

/// Waits for due times.
pub(super) struct Pacer {
    times: Option<u32>,
    /// When the first datagram went, and its recorded time.
    origin: Option<(Instant, u64)>,
}

impl Pacer {
    pub(super) fn new(speed: Speed) -> Self {
        let times = match speed {
            Speed::Times(times) => Some(times.max(1)),
            Speed::Max => None,
        };
        Self { times, origin: None }
    }

    /// Waits until what was recorded at `at_ns` is due; `false` if `stop` said so first.
    pub(super) fn wait_for(&mut self, at_ns: u64, stop: &dyn Fn() -> bool) -> bool {
        let Some(times) = self.times else { return true };
        let &mut (began, first_ns) = self.origin.get_or_insert_with(|| (Instant::now(), at_ns));
        let due = began + Duration::from_nanos(at_ns.saturating_sub(first_ns) / u64::from(times));
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            if stop() {
                return false;
            }
            if left > SPIN {
                std::thread::sleep((left - SPIN).min(NAP));
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// The recorded time up to which everything is due now; at least `next_ns`, which was waited for.
    pub(super) fn due_now(&self, next_ns: u64) -> u64 {
        match (self.times, self.origin) {
            (Some(times), Some((began, first_ns))) => {
                let recorded = (began.elapsed().as_nanos() as u64).saturating_mul(u64::from(times));
                first_ns.saturating_add(recorded).max(next_ns)
            }
            _ => u64::MAX,
        }
    }
}

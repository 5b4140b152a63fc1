//! When each datagram is due, and waiting for it.
//!
//! Every deadline is absolute: computed from the start and the recorded time, never from the moment the last one went out.
//! So delays don't add up, and a sender that fell behind catches up. Waiting is a sleep that ends early and a spin for the
//! rest, because a sleep alone wakes 50 to 100 µs late.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How fast to play.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// In recorded time from now on, so many times as fast (1.0: as recorded).
    Recorded(f64),
    /// Each at its recorded time by the wall clock; what lies in the past goes out at once.
    WallClock,
    /// So many datagrams a second, evenly.
    Rate(f64),
    /// As fast as they go out.
    Max,
}

/// The part of a wait that is spun, ns: more than the timer slack (50 µs) and a wake-up on a busy machine.
const SPIN_NS: u64 = 150_000;

/// The longest single sleep, ns: how long a stop may go unnoticed.
const NAP_NS: u64 = 50_000_000;

/// The schedule of one run. Its times are ns on its own clock.
#[derive(Debug)]
pub struct Pacer {
    speed: Speed,
    start: Instant,
    first_ns: Option<u64>,
    count: u64,
}

impl Pacer {
    /// Starts now. `Err` says what is wrong with the speed.
    pub fn start(speed: Speed) -> Result<Self, &'static str> {
        match speed {
            Speed::Recorded(factor) if !(factor.is_finite() && factor > 0.0) => Err("a speed factor must be a number above 0"),
            Speed::Rate(rate) if !(rate.is_finite() && rate > 0.0) => Err("a rate must be a number of datagrams a second above 0"),
            _ => Ok(Self { speed, start: Instant::now(), first_ns: None, count: 0 }),
        }
    }

    /// When the next datagram, recorded at `recorded_ns`, is due; `None`: at once, and never late.
    pub fn due(&mut self, recorded_ns: u64) -> Option<u64> {
        let first_ns = *self.first_ns.get_or_insert(recorded_ns);
        let count = self.count;
        self.count += 1;
        // Float to integer saturates; 2^53 ns are 104 days, so a day is exact.
        match self.speed {
            // What was recorded out of order before the first is due at once.
            Speed::Recorded(factor) => Some((recorded_ns.saturating_sub(first_ns) as f64 / factor) as u64),
            Speed::WallClock => Some(recorded_ns),
            Speed::Rate(rate) => Some((count as f64 * 1e9 / rate) as u64),
            Speed::Max => None,
        }
    }

    /// Now, on the schedule's clock.
    pub fn now(&self) -> u64 {
        match self.speed {
            // Read anew each time: the wall clock is slewed, and a mapping taken at the start would drift from it.
            Speed::WallClock => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos),
            _ => nanos(self.start.elapsed()),
        }
    }

    /// Since the start, ns.
    pub fn elapsed_ns(&self) -> u64 {
        nanos(self.start.elapsed())
    }

    /// Waits until `due`, or until `stop` is set: then false.
    pub fn wait(&self, due: u64, stop: &AtomicBool) -> bool {
        loop {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            match due.saturating_sub(self.now()) {
                0 => return true,
                left if left > SPIN_NS => std::thread::sleep(Duration::from_nanos((left - SPIN_NS).min(NAP_NS))),
                _ => std::hint::spin_loop(),
            }
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

//! One course for several processes: a straight line from a counter's ticks to nanoseconds that each of them keeps to.
//!
//! Processes that discipline their clocks themselves differ by what their samples were wrong by, some hundred nanoseconds: as
//! much as what is to be measured between them. So one measures, and tells the others on their command lines.
//!
//! Nobody bends a shared course. Its rate is measured over a second and more, so it is right to a few parts in 10^8 of
//! CLOCK_MONOTONIC; CLOCK_REALTIME is followed from one reading only. For measuring, not for the day.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Counter, Course, NS_RATE, Sample, believable, rate_between};

/// Between the two readings that the rate is learned from. Their noise, some 50 ns, is a part in 2·10^7 of this.
const MEASURED_FOR: Duration = Duration::from_millis(1_200);
/// How often whoever waits for that is asked whether it still does.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// Readings at each end, of which the tightest counts: a busy host interrupts a few.
const READINGS: u32 = 200;

/// A straight line from ticks to nanoseconds, and of which counter.
///
/// As text `tsc:START_TICKS:START_NS:RATE` or `monotonic:START_TICKS:START_NS:RATE`; the rate in 2^-32 ns a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedCourse {
    /// What counts; the same in every process, trusted or not: whoever measured it has decided.
    pub counter: Counter,
    /// Without a slew.
    pub course: Course,
}

impl SharedCourse {
    /// Chooses a counter and measures its rate, which takes a little more than a second.
    pub fn measure() -> Self {
        Self::measure_on(Counter::choose().0)
    }

    /// The same on a given counter; one that does not advance with time is replaced by CLOCK_MONOTONIC, whose rate needs no
    /// measuring.
    pub fn measure_on(counter: Counter) -> Self {
        Self::measured_while(counter, &mut || {
            std::thread::sleep(MEASURED_FOR);
            true
        })
        .unwrap_or_else(Self::monotonic)
    }

    /// The same as [`measure`](Self::measure); `None`: `stop`, which is asked meanwhile, said so.
    pub fn measure_unless(stop: &dyn Fn() -> bool) -> Option<Self> {
        let mut wait = || {
            let until = std::time::Instant::now() + MEASURED_FOR;
            loop {
                let left = until.saturating_duration_since(std::time::Instant::now());
                if stop() || left.is_zero() {
                    return !stop();
                }
                std::thread::sleep(left.min(ASK_EVERY));
            }
        };
        Self::measured_while(Counter::choose().0, &mut wait)
    }

    /// `wait` passes the time between the readings, and says whether all of it has passed.
    fn measured_while(counter: Counter, wait: &mut dyn FnMut() -> bool) -> Option<Self> {
        if counter == Counter::Tsc {
            let first = Sample::tightest_of(counter, READINGS);
            if !wait() {
                return None;
            }
            let second = Sample::tightest_of(counter, READINGS);
            if let Some(rate) = rate_between(&first, &second) {
                return Some(Self { counter, course: Course::straight(second.ticks, second.real_ns, rate) });
            }
        }
        Some(Self::monotonic())
    }

    fn monotonic() -> Self {
        let sample = Sample::tightest_of(Counter::Monotonic, READINGS);
        Self { counter: Counter::Monotonic, course: Course::straight(sample.ticks, sample.real_ns, NS_RATE) }
    }
}

impl fmt::Display for SharedCourse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counter = match self.counter {
            Counter::Tsc => "tsc",
            Counter::Monotonic => "monotonic",
        };
        write!(f, "{counter}:{}:{}:{}", self.course.start_ticks, self.course.start_ns, self.course.rate)
    }
}

impl FromStr for SharedCourse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("{why}; a course is tsc:START_TICKS:START_NS:RATE, or monotonic:…, as `tickwire bench` measures it");
        let parts: Vec<&str> = text.split(':').collect();
        let [counter, numbers @ ..] = parts.as_slice() else { return Err(wrong("it is empty")) };
        let counter = match *counter {
            "tsc" => Counter::Tsc,
            "monotonic" => Counter::Monotonic,
            other => return Err(wrong(&format!("there is no counter `{other}`"))),
        };
        let numbers: Result<Vec<u64>, _> = numbers.iter().map(|number| number.parse()).collect();
        let Ok(&[start_ticks, start_ns, rate]) = numbers.as_deref() else { return Err(wrong("three numbers follow the counter")) };
        if !believable(rate) || (counter == Counter::Monotonic && rate != NS_RATE) {
            return Err(wrong(&format!("{rate} is no counter's rate")));
        }
        Ok(Self { counter, course: Course::straight(start_ticks, start_ns, rate) })
    }
}

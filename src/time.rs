//! The clock of the path: nanoseconds since 1970 UTC that never step and never go back.
//!
//! ```text
//!  counter (rdtsc) ──▶ Timeline: a line through (ticks, ns), bent about once a second ──▶ now_ns()
//!                         ▲ publish
//!  CLOCK_REALTIME, CLOCK_MONOTONIC ──▶ Sample ──▶ Discipline (pure) ── ClockKeeper (control plane)
//! ```
//!
//! - A [`Course`] is a straight line from ticks to nanoseconds: first at a slewed rate until the error is worked off, then at
//!   the counter's own. It ends its slew by itself, so a keeper that dies leaves a clock that is right in rate.
//! - A new course is published [`LEAD_NS`] before it begins, and begins exactly where the old one is at that tick. All readers
//!   therefore see one continuous rising line, whenever they look; none has to be told, and none refreshes anything.
//! - The rate is learned from CLOCK_MONOTONIC, which NTP slews together with CLOCK_REALTIME but nobody can set: a step can
//!   thus never be mistaken for a rate, nor a rate for a step.
//! - A step of CLOCK_REALTIME (somebody set it) is worked off at [`SLEW_PPM`] parts per million. One larger than
//!   [`LARGEST_STEP_NS`] is not followed at all; both are counted and reported.
//!
//! Reading costs a counter read, a multiplication and half a dozen loads from lines that change once a second.

mod shared_course;

pub use shared_course::SharedCourse;

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::sys::tsc;

/// How much faster or slower than the counter the clock may run to work off an error: half a microsecond in a millisecond, what
/// the kernel's own slewing allows.
pub const SLEW_PPM: i64 = 500;
/// The largest error that is worked off: at [`SLEW_PPM`] that takes 67 minutes, and a leap second half of it.
pub const LARGEST_STEP_NS: i64 = 2_000_000_000;
/// A course is published this long before it begins: longer than a keeper is preempted between choosing and publishing it.
pub const LEAD_NS: u64 = 50_000_000;
/// How often the keeper should look.
pub const KEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// Fractional bits of a rate: 2^-32 ns a tick is less than a part in 10^9 of any processor's.
const SHIFT: u32 = 32;
/// The rate of a counter of nanoseconds.
pub const NS_RATE: u64 = 1 << SHIFT;
/// An error is worked off within this time if [`SLEW_PPM`] allows.
const SETTLE_NS: u64 = 1_000_000_000;
/// A rate that differs more than this from the one known is believed only when a second interval shows it too. NTP may turn
/// from slewing by +500 ppm to -500 between two looks; more is a guest on another host, or a host that slept.
const BELIEVABLE_PPM: u64 = 1_100;
/// CLOCK_REALTIME stepped when it moved against CLOCK_MONOTONIC by more than this: twice what a sample can be wrong by.
const STEP_NS: u64 = 200_000;
/// A reading bracketed no tighter than this says too little.
const WIDEST_SAMPLE_NS: u64 = 100_000;
/// Readings of which the tightest is taken: one of them escapes interrupts and a hypervisor.
const READINGS: u32 = 9;

/// `ticks × rate` in nanoseconds; wraps instead of panicking on ticks no counter reaches.
#[inline(always)]
fn scale(ticks: u64, rate: u64) -> u64 {
    ((u128::from(ticks) * u128::from(rate)) >> SHIFT) as u64
}

/// A line from ticks to nanoseconds, with one bend. Rates are in 2^-32 ns a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// It holds from this tick on; before, the course before it does.
    pub start_ticks: u64,
    /// The time at `start_ticks`, ns since 1970 UTC.
    pub start_ns: u64,
    /// Rate while the error is worked off.
    pub slew_rate: u64,
    /// For how many ticks that takes.
    pub slew_ticks: u64,
    /// Rate after that: the counter's own.
    pub rate: u64,
}

impl Course {
    /// A course without a slew.
    pub fn straight(start_ticks: u64, start_ns: u64, rate: u64) -> Self {
        Self { start_ticks, start_ns, slew_rate: rate, slew_ticks: 0, rate }
    }

    /// The time at a tick; ticks before the start give the start.
    #[inline(always)]
    pub fn at(&self, ticks: u64) -> u64 {
        let passed = ticks.saturating_sub(self.start_ticks);
        let slewed = passed.min(self.slew_ticks);
        self.start_ns.wrapping_add(scale(slewed, self.slew_rate)).wrapping_add(scale(passed - slewed, self.rate))
    }

    /// Ticks in that many nanoseconds at the counter's own rate.
    fn ticks_in(&self, ns: u64) -> u64 {
        u64::try_from((u128::from(ns) << SHIFT) / u128::from(self.rate.max(1))).unwrap_or(u64::MAX)
    }
}

/// Courses in a ring: the newest, the one before it, and two that a writer may fill while readers look at those.
const COURSES: usize = 4;

/// One published course, on lines of its own.
#[derive(Default)]
#[repr(align(64))]
struct Slot([AtomicU64; 5]);

impl Slot {
    #[inline(always)]
    fn load(&self) -> Course {
        let [start_ticks, start_ns, slew_rate, slew_ticks, rate] = &self.0;
        let get = |word: &AtomicU64| word.load(Ordering::Relaxed);
        Course {
            start_ticks: get(start_ticks),
            start_ns: get(start_ns),
            slew_rate: get(slew_rate),
            slew_ticks: get(slew_ticks),
            rate: get(rate),
        }
    }

    fn store(&self, course: &Course) {
        let words = [course.start_ticks, course.start_ns, course.slew_rate, course.slew_ticks, course.rate];
        for (slot, word) in self.0.iter().zip(words) {
            slot.store(word, Ordering::Relaxed);
        }
    }
}

/// The published courses: one writer, any number of readers, no locks.
///
/// A seqlock whose writer never makes readers wait: it fills a slot nobody reads, then moves the number of the newest.
/// A reader starts again only if two courses were published while it read: two seconds, at the keeper's pace.
pub struct Timeline {
    newest: AtomicU64,
    slots: [Slot; COURSES],
}

impl Timeline {
    /// A timeline that follows one course from the beginning.
    pub fn new(course: Course) -> Self {
        let timeline = Self { newest: AtomicU64::new(0), slots: Default::default() };
        for slot in &timeline.slots {
            slot.store(&course);
        }
        timeline
    }

    /// Publishes the next course. One thread only, and not before the last one began.
    pub fn publish(&self, course: &Course) {
        let next = self.newest.load(Ordering::Relaxed).wrapping_add(1);
        // Whoever sees a word of the new course also sees the number stored before this fence, and knows that its slot is gone.
        fence(Ordering::Release);
        self.slot(next).store(course);
        self.newest.store(next, Ordering::Release);
    }

    /// The time at a tick, ns since 1970 UTC.
    #[inline]
    pub fn at(&self, ticks: u64) -> u64 {
        loop {
            let newest = self.newest.load(Ordering::Acquire);
            let mut course = self.slot(newest).load();
            if ticks < course.start_ticks {
                course = self.slot(newest.wrapping_sub(1)).load();
            }
            fence(Ordering::Acquire);
            if self.newest.load(Ordering::Relaxed).wrapping_sub(newest) < 2 {
                return course.at(ticks);
            }
        }
    }

    #[inline(always)]
    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number % COURSES as u64) as usize]
    }
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// The processor's time stamp counter.
    Tsc,
    /// CLOCK_MONOTONIC, in nanoseconds: always right, twice the cost.
    Monotonic,
}

impl Counter {
    /// The time stamp counter where it can be trusted, else CLOCK_MONOTONIC; and why.
    pub fn choose() -> (Self, String) {
        match tsc::trust() {
            tsc::Trust::Trusted => (Self::Tsc, "constant, nonstop, and the kernel keeps time by it".into()),
            tsc::Trust::Untrusted(why) => (Self::Monotonic, why),
        }
    }

    #[inline(always)]
    fn read(self) -> u64 {
        match self {
            Self::Tsc => tsc::ticks(),
            Self::Monotonic => tsc::monotonic_ns(),
        }
    }
}

/// A handle to read the time by; each thread has its own.
///
/// What one handle says never decreases, even if the thread moves to a core whose counter is behind.
#[derive(Clone)]
pub struct Clock {
    counter: Counter,
    why: Arc<str>,
    timeline: Arc<Timeline>,
    last_ns: Cell<u64>,
}

impl Clock {
    /// A clock without a keeper: CLOCK_MONOTONIC, set by CLOCK_REALTIME once, now. For tools, tests and short runs.
    pub fn system() -> Self {
        let counter = Counter::Monotonic;
        let sample = Sample::take(counter);
        let timeline = Timeline::new(Course::straight(sample.ticks, sample.real_ns, NS_RATE));
        Self { counter, why: "no keeper was started".into(), timeline: Arc::new(timeline), last_ns: Cell::new(0) }
    }

    /// A clock that keeps to a course, whatever CLOCK_REALTIME does: all processes that keep to it read the same time.
    pub fn on(shared: &SharedCourse) -> Self {
        let timeline = Arc::new(Timeline::new(shared.course));
        Self { counter: shared.counter, why: "on a course that was given".into(), timeline, last_ns: Cell::new(0) }
    }

    /// Now, ns since 1970 UTC.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        let now = self.timeline.at(self.counter.read()).max(self.last_ns.get());
        self.last_ns.set(now);
        now
    }

    /// The counter now: what a time is made of later, by [`Clock::at`]. Half the price of [`Clock::now_ns`].
    #[inline(always)]
    pub fn ticks(&self) -> u64 {
        self.counter.read()
    }

    /// The time at a tick that was read a moment ago, ns since 1970 UTC.
    #[inline]
    pub fn at(&self, ticks: u64) -> u64 {
        self.timeline.at(ticks)
    }

    /// What counts, and why, for the log.
    pub fn describe(&self) -> String {
        match self.counter {
            Counter::Tsc => format!("time stamp counter ({})", self.why),
            Counter::Monotonic => format!("CLOCK_MONOTONIC ({})", self.why),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.describe())
    }
}

/// The counter and the kernel's clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Middle of the bracket.
    pub ticks: u64,
    /// CLOCK_REALTIME inside the bracket, ns since 1970 UTC.
    pub real_ns: u64,
    /// CLOCK_MONOTONIC inside the bracket.
    pub mono_ns: u64,
    /// Width of the bracket in ticks: the three belong together to within that.
    pub width_ticks: u64,
}

impl Sample {
    fn take(counter: Counter) -> Self {
        Self::tightest_of(counter, READINGS)
    }

    fn tightest_of(counter: Counter, readings: u32) -> Self {
        let read = || {
            let before = counter.read();
            let (real_ns, mono_ns) = (tsc::realtime_ns(), tsc::monotonic_ns());
            let width_ticks = counter.read().saturating_sub(before);
            Self { ticks: before.saturating_add(width_ticks / 2), real_ns, mono_ns, width_ticks }
        };
        (1..readings).map(|_| read()).fold(read(), |best, next| if next.width_ticks < best.width_ticks { next } else { best })
    }
}

/// How the clock stands to CLOCK_REALTIME.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockHealth {
    /// CLOCK_REALTIME minus the clock at the last sample.
    pub error_ns: i64,
    /// Counter's rate against the first estimate, parts in 10^9.
    pub drift_ppb: i64,
    /// How often CLOCK_REALTIME stepped.
    pub steps: u64,
    /// By how much the last time.
    pub last_step_ns: i64,
    /// The error is larger than [`LARGEST_STEP_NS`] and is left alone: only a restart adopts the host's time.
    pub refused: bool,
    /// Samples that said too little.
    pub samples_rejected: u64,
}

/// Turns samples into courses. Pure: no clock, no thread; the same samples give the same courses.
#[derive(Clone, Debug)]
pub struct Discipline {
    course: Course,
    /// Best estimate of the counter's rate.
    rate: u64,
    first_rate: u64,
    last: Sample,
    /// Rate over the last interval, if that was not believable by itself.
    suspect_rate: Option<u64>,
    health: ClockHealth,
}

impl Discipline {
    /// From two samples some milliseconds apart; `None` if they are not in order. CLOCK_REALTIME may be set in between.
    pub fn begin(first: Sample, second: Sample) -> Option<Self> {
        rate_between(&first, &second).map(|rate| Self::at_rate(second, rate))
    }

    /// From one sample and a rate that is known.
    pub fn at_rate(sample: Sample, rate: u64) -> Self {
        let course = Course::straight(sample.ticks, sample.real_ns, rate);
        Self { course, rate, first_rate: rate, last: sample, suspect_rate: None, health: ClockHealth::default() }
    }

    /// The course that holds.
    pub fn course(&self) -> Course {
        self.course
    }

    /// How it goes.
    pub fn health(&self) -> ClockHealth {
        self.health
    }

    /// Takes a sample and says which course to publish; `None` if the last one has not begun or the sample says too little.
    pub fn observe(&mut self, sample: Sample) -> Option<Course> {
        if sample.ticks <= self.course.start_ticks || scale(sample.width_ticks, self.rate) > WIDEST_SAMPLE_NS {
            self.health.samples_rejected = self.health.samples_rejected.saturating_add(1);
            return None;
        }
        let last = std::mem::replace(&mut self.last, sample);
        self.notice_step(&last, &sample);
        self.learn_rate(&last, &sample);
        let error_ns = difference(sample.real_ns, self.course.at(sample.ticks));
        self.health.error_ns = error_ns;
        self.health.drift_ppb = parts(self.rate, self.first_rate, 1_000_000_000);
        self.health.refused = error_ns.abs() > LARGEST_STEP_NS;
        let next = self.next_course(&sample);
        self.course = next;
        Some(next)
    }

    /// Where the old course will be at the start, and from there towards CLOCK_REALTIME.
    fn next_course(&self, sample: &Sample) -> Course {
        let straight = Course::straight(sample.ticks, sample.real_ns, self.rate);
        let start_ticks = sample.ticks.saturating_add(straight.ticks_in(LEAD_NS));
        let start_ns = self.course.at(start_ticks);
        let mut course = Course::straight(start_ticks, start_ns, self.rate);
        // The error when the course begins, if CLOCK_REALTIME goes on as it does.
        let error_ns = difference(straight.at(start_ticks), start_ns);
        if self.health.refused || error_ns == 0 {
            return course;
        }
        let at_full_slew = error_ns.unsigned_abs().saturating_mul(1_000_000 / SLEW_PPM as u64);
        let slew_ns = at_full_slew.max(SETTLE_NS);
        let bend = i128::from(self.rate) * i128::from(error_ns) / i128::from(slew_ns);
        course.slew_rate = u64::try_from(i128::from(self.rate) + bend).unwrap_or(self.rate);
        course.slew_ticks = course.ticks_in(slew_ns);
        course
    }

    /// CLOCK_REALTIME and CLOCK_MONOTONIC run alike; where they part, the former was set.
    fn notice_step(&mut self, last: &Sample, sample: &Sample) {
        let step_ns = difference(sample.real_ns, last.real_ns).saturating_sub(difference(sample.mono_ns, last.mono_ns));
        if step_ns.unsigned_abs() > STEP_NS {
            self.health.steps = self.health.steps.saturating_add(1);
            self.health.last_step_ns = step_ns;
        }
    }

    /// Learns the rate from the interval since the last sample.
    fn learn_rate(&mut self, last: &Sample, sample: &Sample) {
        let Some(measured) = rate_between(last, sample) else { return };
        let agrees = |with: u64| parts(measured, with, 1_000_000).unsigned_abs() <= BELIEVABLE_PPM;
        if agrees(self.rate) {
            // Half the news at a time: the readings' own noise is some 50 parts in 10^9. All of it at first, because the
            // calibration at the start was fifty times shorter than a usual interval.
            let first = self.rate == self.first_rate;
            self.rate = if first { measured } else { self.rate / 2 + measured / 2 + (self.rate & measured & 1) };
            self.suspect_rate = None;
        } else if self.suspect_rate.is_some_and(agrees) {
            self.rate = measured;
            self.suspect_rate = None;
        } else {
            self.suspect_rate = Some(measured);
        }
    }
}

/// Nanoseconds per tick between two samples, in 2^-32, by CLOCK_MONOTONIC; `None` if either went back or the rate is absurd.
fn rate_between(first: &Sample, second: &Sample) -> Option<u64> {
    let ticks = second.ticks.checked_sub(first.ticks).filter(|&ticks| ticks > 0)?;
    let ns = second.mono_ns.checked_sub(first.mono_ns)?;
    let rate = (u128::from(ns) << SHIFT) / u128::from(ticks);
    u64::try_from(rate).ok().filter(|&rate| believable(rate))
}

/// Counters between 10 MHz and 1000 GHz.
fn believable(rate: u64) -> bool {
    (1 << (SHIFT - 10)..=100 << SHIFT).contains(&rate)
}

/// `a - b`, saturated.
fn difference(a: u64, b: u64) -> i64 {
    i64::try_from(i128::from(a) - i128::from(b)).unwrap_or(if a > b { i64::MAX } else { i64::MIN })
}

/// By how many parts in `whole` does `a` differ from `b`.
fn parts(a: u64, b: u64, whole: i128) -> i64 {
    i64::try_from((i128::from(a) - i128::from(b)) * whole / i128::from(b.max(1))).unwrap_or(i64::MAX)
}

/// Keeps the clocks it gave out close to CLOCK_REALTIME. Lives in the control plane: [`ClockKeeper::keep`] about once a second.
pub struct ClockKeeper {
    clock: Clock,
    discipline: Discipline,
    /// The course was given: the clock is looked at, not bent.
    given: bool,
}

impl ClockKeeper {
    /// Chooses a counter and calibrates it, which takes 20 ms.
    pub fn start() -> Self {
        let (counter, why) = Counter::choose();
        Self::start_on(counter, &why)
    }

    /// The same on a given counter; `why` is for [`Clock::describe`]. A counter that does not advance with time is
    /// replaced by CLOCK_MONOTONIC, which does.
    pub fn start_on(counter: Counter, why: &str) -> Self {
        let first = Sample::take(counter);
        // Two readings' noise, about 50 ns, is 2.5 ppm of this; the first keep() knows better.
        std::thread::sleep(std::time::Duration::from_millis(20));
        match Discipline::begin(first, Sample::take(counter)) {
            Some(discipline) => Self::with(counter, why.into(), discipline),
            None => {
                let discipline = Discipline::at_rate(Sample::take(Counter::Monotonic), NS_RATE);
                Self::with(Counter::Monotonic, format!("{counter:?} does not advance with CLOCK_MONOTONIC").into(), discipline)
            }
        }
    }

    fn with(counter: Counter, why: Arc<str>, discipline: Discipline) -> Self {
        let timeline = Arc::new(Timeline::new(discipline.course()));
        Self { clock: Clock { counter, why, timeline, last_ns: Cell::new(0) }, discipline, given: false }
    }

    /// Keeps to a course that was given, and only tells how CLOCK_REALTIME stands to it.
    pub fn given(shared: &SharedCourse) -> Self {
        let sample = Sample::take(shared.counter);
        let discipline = Discipline { course: shared.course, ..Discipline::at_rate(sample, shared.course.rate) };
        Self { clock: Clock::on(shared), discipline, given: true }
    }

    /// A clock to hand to a thread.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Looks at CLOCK_REALTIME and bends the clock towards it.
    pub fn keep(&mut self) -> ClockHealth {
        let sample = Sample::take(self.clock.counter);
        if self.given {
            self.discipline.health.error_ns = difference(sample.real_ns, self.discipline.course.at(sample.ticks));
        } else if let Some(course) = self.discipline.observe(sample) {
            self.clock.timeline.publish(&course);
        }
        self.discipline.health()
    }

    /// As of the last [`ClockKeeper::keep`].
    pub fn health(&self) -> ClockHealth {
        self.discipline.health()
    }
}

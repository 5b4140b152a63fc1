//! The clock: it never goes back, whatever happens to the host's, and it comes back to the host's time as fast as it may.
#![cfg(feature = "service")]

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use tickwire::time::{Clock, ClockKeeper, Counter, Course, Discipline, LARGEST_STEP_NS, NS_RATE, Sample, Timeline};

const SECOND: u64 = 1_000_000_000;
const START_NS: u64 = 1_700_000_000 * SECOND;

/// A host made of numbers: a counter of some frequency, and a CLOCK_REALTIME that somebody may set or slew.
struct Host {
    /// True time since the start, ns.
    now_ns: u64,
    /// Ticks a true second.
    hertz: u64,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC and the start: what it was set by.
    offset_ns: i64,
    /// CLOCK_MONOTONIC minus true time: what NTP slewed.
    slewed_ns: i64,
    /// By how much NTP slews, parts per million.
    ntp_ppm: i64,
    timeline: Timeline,
    discipline: Discipline,
    last_read_ns: u64,
}

impl Host {
    fn new(hertz: u64) -> Self {
        let sample = |true_ns: u64| Sample { ticks: ticks(true_ns, hertz), real_ns: START_NS + true_ns, mono_ns: true_ns, width_ticks: 60 };
        let discipline = Discipline::begin(sample(0), sample(20_000_000)).expect("an orderly start");
        let timeline = Timeline::new(discipline.course());
        Self { now_ns: 20_000_000, hertz, offset_ns: 0, slewed_ns: 0, ntp_ppm: 0, timeline, discipline, last_read_ns: 0 }
    }

    fn mono_ns(&self) -> u64 {
        self.now_ns.wrapping_add_signed(self.slewed_ns)
    }

    fn real_ns(&self) -> u64 {
        (START_NS + self.mono_ns()).wrapping_add_signed(self.offset_ns)
    }

    fn sample(&self, noise_ns: i64) -> Sample {
        Sample {
            ticks: ticks(self.now_ns, self.hertz),
            real_ns: self.real_ns().wrapping_add_signed(noise_ns),
            mono_ns: self.mono_ns().wrapping_add_signed(noise_ns / 2),
            width_ticks: 2 * noise_ns.unsigned_abs(),
        }
    }

    /// Lets time pass, a tenth at a time, reading the clock all along.
    fn pass(&mut self, ns: u64) {
        for _ in 0..10 {
            self.now_ns += ns / 10;
            self.slewed_ns += (ns / 10) as i64 * self.ntp_ppm / 1_000_000;
            self.read_ns();
        }
    }

    /// Reads the clock; fails if it went back.
    fn read_ns(&mut self) -> u64 {
        let read = self.timeline.at(ticks(self.now_ns, self.hertz));
        assert!(read >= self.last_read_ns, "the clock went back by {} ns", self.last_read_ns - read);
        self.last_read_ns = read;
        read
    }

    /// The keeper samples (with that much error), is preempted, and publishes.
    fn keep(&mut self, noise_ns: i64, preempted_ns: u64) {
        let course = self.discipline.observe(self.sample(noise_ns));
        self.pass(preempted_ns);
        if let Some(course) = course {
            self.timeline.publish(&course);
            self.read_ns();
        }
    }

    fn keep_for(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.pass(SECOND);
            self.keep(0, 0);
        }
    }

    /// CLOCK_REALTIME minus the clock.
    fn error_ns(&mut self) -> i64 {
        self.real_ns() as i64 - self.read_ns() as i64
    }
}

fn ticks(true_ns: u64, hertz: u64) -> u64 {
    // A counter has been running for long before we look.
    (1 << 40) + (u128::from(true_ns) * u128::from(hertz) / u128::from(SECOND)) as u64
}

/// What happens to the host's clock between two looks of the keeper.
#[derive(Clone, Debug)]
struct Turn {
    pass_ms: u64,
    step_ms: i64,
    ntp_ppm: i64,
    noise_ns: i64,
    preempted_ms: u64,
}

fn turn() -> impl Strategy<Value = Turn> {
    let step = prop_oneof![8 => Just(0i64), 1 => -1500i64..1500, 1 => -100_000i64..100_000];
    (300u64..5000, step, -500i64..=500, -200i64..200, 0u64..45).prop_map(|(pass_ms, step_ms, ntp_ppm, noise_ns, preempted_ms)| Turn {
        pass_ms,
        step_ms,
        ntp_ppm,
        noise_ns,
        preempted_ms,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn case_43_the_clock_never_goes_back_and_never_jumps_whatever_happens_to_the_host_s(
        hertz in 1_000_000_000u64..5_000_000_000,
        turns in prop::collection::vec(turn(), 1..60),
    ) {
        let mut host = Host::new(hertz);
        for turn in turns {
            host.ntp_ppm = turn.ntp_ppm;
            host.offset_ns += turn.step_ms * 1_000_000;
            let (before, from) = (host.read_ns(), host.now_ns);
            host.pass(turn.pass_ms * 1_000_000);
            host.keep(turn.noise_ns, turn.preempted_ms * 1_000_000);
            let (clock, passed) = (host.read_ns() - before, host.now_ns - from);
            // Slew 500 ppm, NTP 500 ppm, and the samples' noise.
            let allowed = passed / 1_000_000 * 1050 + 1000;
            prop_assert!(clock.abs_diff(passed) <= allowed, "{clock} ns shown in {passed} ns");
        }
        // Left in peace it comes back to the host's time, unless it was told not to follow.
        host.ntp_ppm = 0;
        host.keep_for(3);
        if host.error_ns().abs() > LARGEST_STEP_NS - 10_000_000 {
            host.keep_for(2);
            prop_assert!(host.discipline.health().error_ns.abs() > LARGEST_STEP_NS - 20_000_000);
        } else {
            let seconds = host.error_ns().unsigned_abs() / 500_000 + 20;
            host.keep_for(seconds);
            let error = host.error_ns();
            prop_assert!(error.abs() < 2_000, "still {error} ns off after {seconds} s");
        }
    }

    #[test]
    fn in_peace_the_clock_stays_within_a_microsecond_of_the_host_s(
        hertz in 1_000_000_000u64..5_000_000_000,
        noise in prop::collection::vec((-100i64..100, 0u64..45), 5..40),
    ) {
        let mut host = Host::new(hertz);
        for (noise_ns, preempted_ms) in noise {
            host.pass(SECOND);
            host.keep(noise_ns, preempted_ms * 1_000_000);
            let error = host.error_ns();
            prop_assert!(error.abs() < 1_000, "{error} ns off");
        }
        prop_assert_eq!(host.discipline.health().steps, 0);
    }

    #[test]
    fn absurd_samples_and_ticks_neither_panic_nor_turn_the_clock_back(
        samples in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()), 0..20),
        reads in prop::collection::vec(any::<u64>(), 0..20),
    ) {
        let mut host = Host::new(3_000_000_000);
        for (ticks, real_ns, mono_ns, width_ticks) in samples {
            if let Some(course) = host.discipline.observe(Sample { ticks, real_ns, mono_ns, width_ticks }) {
                host.timeline.publish(&course);
            }
        }
        for ticks in reads {
            host.timeline.at(ticks);
        }
    }
}

#[test]
fn case_43_a_step_is_worked_off_at_500_ppm_and_counted_once() {
    for step_ns in [128_000_000i64, -128_000_000, -1_000_000_000] {
        let mut host = Host::new(2_600_000_000);
        host.keep_for(5);
        host.offset_ns += step_ns;
        host.keep_for(3);
        assert_eq!(host.discipline.health().steps, 1);
        assert!((host.discipline.health().last_step_ns - step_ns).abs() < 1_000, "{:?}", host.discipline.health());
        let left = host.error_ns();
        host.keep_for(10);
        let worked_off = (left - host.error_ns()).abs();
        assert!((4_900_000..=5_100_000).contains(&worked_off), "{worked_off} ns in 10 s");
        host.keep_for(step_ns.unsigned_abs() / 500_000);
        assert!(host.error_ns().abs() < 1_000, "{} ns left", host.error_ns());
        assert_eq!(host.discipline.health().steps, 1);
    }
}

#[test]
fn case_43_an_enormous_step_is_not_followed_but_said_and_forgotten_when_it_is_taken_back() {
    let mut host = Host::new(3_000_000_000);
    host.keep_for(5);
    let hour = 3_600 * SECOND as i64;
    host.offset_ns += hour;
    host.keep_for(60);
    let health = host.discipline.health();
    assert!(health.refused && health.steps == 1, "{health:?}");
    assert!((host.error_ns() - hour).abs() < 10_000, "the clock went on as if nothing had happened: {}", host.error_ns() - hour);
    host.offset_ns -= hour;
    host.keep_for(5);
    let health = host.discipline.health();
    assert!(!health.refused && health.steps == 2, "{health:?}");
    assert!(host.error_ns().abs() < 1_000);
}

#[test]
fn case_43_slewing_by_ntp_is_followed_and_is_no_step() {
    let mut host = Host::new(2_100_000_000);
    host.keep_for(5);
    for ppm in [500, -500, 0] {
        host.ntp_ppm = ppm;
        host.keep_for(20);
        assert!(host.error_ns().abs() < 5_000, "{} ns off while NTP slews by {ppm} ppm", host.error_ns());
    }
    assert_eq!(host.discipline.health().steps, 0);
}

#[test]
fn a_slew_ends_by_itself_when_the_keeper_dies() {
    let mut host = Host::new(3_000_000_000);
    host.keep_for(5);
    host.offset_ns += 10_000_000;
    host.keep_for(1);
    // 10 ms take 20 s; from then on the clock runs at the counter's own rate.
    host.pass(3_600 * SECOND);
    assert!(host.error_ns().abs() < 10_000, "{} ns off an hour after the keeper's death", host.error_ns());
}

#[test]
fn a_counter_that_changes_its_frequency_is_learned_from_two_intervals() {
    let mut host = Host::new(3_000_000_000);
    host.keep_for(5);
    // The guest moves to a host whose counter runs at 2.5 GHz; nothing is lost but the rate.
    let at = host.now_ns;
    let moved = |true_ns: u64| ticks(at, 3_000_000_000) + (u128::from(true_ns - at) * 25 / 10) as u64;
    for _ in 0..4 {
        host.now_ns += SECOND;
        let sample = Sample { ticks: moved(host.now_ns), ..host.sample(0) };
        let course = host.discipline.observe(sample).expect("in order");
        host.timeline.publish(&course);
    }
    let health = host.discipline.health();
    assert!((health.drift_ppb - 200_000_000).abs() < 1_000_000, "{health:?}");
}

#[test]
fn a_loose_sample_and_one_from_before_the_last_course_are_rejected_and_counted() {
    let mut host = Host::new(1_000_000_000);
    host.pass(SECOND);
    let sample = Sample { width_ticks: 200_000, ..host.sample(0) };
    assert_eq!(host.discipline.observe(sample), None, "a bracket of 200 µs says too little");
    let good = Sample { width_ticks: 60, ..sample };
    assert!(host.discipline.observe(good).is_some());
    assert_eq!(host.discipline.observe(good), None, "the course just chosen has not begun");
    assert_eq!(host.discipline.health().samples_rejected, 2);
}

#[test]
fn a_clock_that_is_set_during_calibration_is_adopted_at_the_right_rate() {
    let sample = |ms: u64, set_ms: u64| Sample {
        ticks: ms * 3_000_000,
        real_ns: START_NS + (ms + set_ms) * 1_000_000,
        mono_ns: ms * 1_000_000,
        width_ticks: 60,
    };
    let rate = Discipline::begin(sample(0, 0), sample(20, 0)).expect("in order").course().rate;
    for set_ms in [5, 90_000] {
        let course = Discipline::begin(sample(0, 0), sample(20, set_ms)).expect("set, but in order").course();
        assert_eq!((course.rate, course.start_ns), (rate, START_NS + (20 + set_ms) * 1_000_000));
    }
    assert_eq!(Discipline::begin(sample(0, 90), sample(20, 0)).expect("set back").course().rate, rate);
    assert!(Discipline::begin(sample(20, 0), sample(0, 0)).is_none(), "out of order");
    assert!(
        Discipline::begin(Sample { ticks: 0, ..sample(0, 0) }, Sample { ticks: 0, ..sample(20, 0) }).is_none(),
        "a counter that stood still"
    );
}

#[test]
fn case_43_steps_that_look_like_a_rate_are_steps() {
    let mut host = Host::new(3_000_000_000);
    host.keep_for(3);
    // Two seconds in a row that CLOCK_REALTIME makes 1.2 of: only CLOCK_MONOTONIC tells that from a faster counter.
    for _ in 0..6 {
        host.offset_ns += 200_000_000;
        let before = host.read_ns();
        host.keep_for(1);
        let shown = host.read_ns() - before;
        assert!(shown.abs_diff(SECOND) < 600_000, "{shown} ns shown in a second");
    }
    let health = host.discipline.health();
    assert!(health.steps == 6 && health.drift_ppb.abs() < 1_000, "{health:?}");
}

#[test]
fn readers_never_see_half_a_course_while_the_writer_publishes_as_fast_as_it_can() {
    // Course n can be told from its time at one tick, and no mixture of two courses gives a value that is one's own.
    const AT: u64 = 1 << 40;
    let course = |n: u64| Course { start_ticks: n, start_ns: n << 20, slew_rate: n << 12, slew_ticks: 1 << 20, rate: n };
    let timeline = Timeline::new(course(1));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let (mut reads, mut last) = (0u64, 0);
                    while !done.load(Ordering::Relaxed) || reads < 1_000 {
                        let value = timeline.at(AT);
                        let n = course_that_reads(value, AT, course);
                        assert!(n >= last, "course {n} after course {last}");
                        (last, reads) = (n, reads + 1);
                    }
                    reads
                })
            })
            .collect();
        for n in 2..200_000 {
            timeline.publish(&course(n));
            if n % 64 == 0 {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("no reader saw a mixture") >= 1_000);
        }
    });
}

/// The number of the course whose time at a tick is exactly `value`; panics if there is none.
fn course_that_reads(value: u64, at: u64, course: impl Fn(u64) -> Course) -> u64 {
    let (mut low, mut high) = (0u64, 1 << 30);
    while low < high {
        let middle = low.midpoint(high);
        if course(middle).at(at) < value { low = middle + 1 } else { high = middle }
    }
    assert_eq!(course(low).at(at), value, "a mixture of two courses");
    low
}

/// By how much a clock is outside what the host's clock says before and after.
fn outside_the_host_s_ns(clock: &Clock) -> u64 {
    let host_ns = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let (before, now, after) = (host_ns(), clock.now_ns(), host_ns());
    before.saturating_sub(now).max(now.saturating_sub(after))
}

#[test]
fn the_system_clock_is_the_host_s_and_says_so() {
    let clock = Clock::system();
    assert!(outside_the_host_s_ns(&clock) < 1_000_000, "{} ns off", outside_the_host_s_ns(&clock));
    assert!(clock.describe().contains("CLOCK_MONOTONIC"), "{}", clock.describe());
}

#[test]
fn kept_clocks_on_either_counter_follow_the_host_and_never_go_back() {
    let (chosen, why) = Counter::choose();
    assert!(!why.is_empty());
    for counter in [chosen, Counter::Monotonic] {
        let mut keeper = ClockKeeper::start_on(counter, "the test chose it");
        let (clock, other) = (keeper.clock(), keeper.clock());
        let reader = std::thread::spawn(move || {
            let mut last = 0;
            for _ in 0..200_000 {
                let now = other.now_ns();
                assert!(now >= last);
                last = now;
            }
        });
        for _ in 0..4 {
            std::thread::sleep(std::time::Duration::from_millis(120));
            keeper.keep();
        }
        reader.join().expect("the clock never went back");
        assert!(outside_the_host_s_ns(&clock) < 1_000_000, "{clock:?} is {} ns off", outside_the_host_s_ns(&clock));
        assert!(clock.describe().contains("the test chose it"));
        assert!(!keeper.health().refused);
    }
}

#[test]
fn a_course_reads_its_slew_and_then_its_own_rate() {
    let course = Course { start_ticks: 100, start_ns: 1_000, slew_rate: 2 * NS_RATE, slew_ticks: 10, rate: NS_RATE };
    let read: Vec<u64> = [0, 100, 105, 110, 120].map(|ticks| course.at(ticks)).into();
    assert_eq!(read, [1_000, 1_000, 1_010, 1_020, 1_030]);
}

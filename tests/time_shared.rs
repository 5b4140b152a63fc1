//! One course for several processes: what it says as text, how right it is, and that processes agree on it.
#![cfg(feature = "service")]

use std::process::Command;
use std::time::Duration;

use tickwire::time::{Clock, ClockKeeper, Counter, Course, NS_RATE, SharedCourse};

#[test]
fn a_course_is_the_same_after_it_was_said_on_a_command_line() {
    for counter in [Counter::Tsc, Counter::Monotonic] {
        let rate = if counter == Counter::Tsc { 1_234_567_891 } else { NS_RATE };
        let shared = SharedCourse { counter, course: Course::straight(u64::MAX - 5, 1_700_000_000_000_000_001, rate) };
        assert_eq!(shared.to_string().parse(), Ok(shared), "{shared}");
    }
    let shared = SharedCourse { counter: Counter::Tsc, course: Course::straight(7, 9, 1 << 31) };
    assert_eq!(shared.to_string(), "tsc:7:9:2147483648");
}

#[test]
fn whoever_no_longer_waits_for_the_rate_gets_none_at_once() {
    let began = std::time::Instant::now();
    // Where CLOCK_MONOTONIC counts there is nothing to wait for.
    let measured = SharedCourse::measure_unless(&|| true);
    assert!(measured.is_none_or(|course| course.counter == Counter::Monotonic), "{measured:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(SharedCourse::measure_unless(&|| false).is_some());
}

#[test]
fn what_is_no_course_is_refused_with_what_one_looks_like() {
    for (text, why) in [
        ("", "no counter ``"),
        ("tsc", "three numbers"),
        ("tsc:1:2", "three numbers"),
        ("tsc:1:2:3:4", "three numbers"),
        ("tsc:1:x:4294967296", "three numbers"),
        ("tsc:-1:2:4294967296", "three numbers"),
        ("hpet:1:2:4294967296", "no counter `hpet`"),
        ("tsc:1:2:0", "0 is no counter's rate"),
        ("tsc:1:2:18446744073709551615", "no counter's rate"),
        ("monotonic:1:2:4294967295", "4294967295 is no counter's rate"),
    ] {
        let said = text.parse::<SharedCourse>().unwrap_err();
        assert!(said.contains(why) && said.contains("tsc:START_TICKS:START_NS:RATE"), "{text:?}: {said}");
    }
}

/// CLOCK_MONOTONIC less the clock, from the tightest of many readings.
fn monotonic_less(clock: &Clock) -> i128 {
    let reading = || {
        let (before, now, after) = (tickwire::sys::tsc::monotonic_ns(), clock.now_ns(), tickwire::sys::tsc::monotonic_ns());
        (after - before, i128::from(before + (after - before) / 2) - i128::from(now))
    };
    (0..5_000).map(|_| reading()).min().expect("5000 readings").1
}

#[test]
fn a_measured_course_keeps_the_pace_of_clock_monotonic() {
    let shared = SharedCourse::measure();
    assert_eq!(shared.counter, Counter::choose().0);
    if shared.counter == Counter::Monotonic {
        assert_eq!(shared.course.rate, NS_RATE);
    }
    let clock = Clock::on(&shared);
    let before = monotonic_less(&clock);
    std::thread::sleep(Duration::from_secs(1));
    let drift_ns = monotonic_less(&clock) - before;
    println!("{shared}: {drift_ns} ns in a second");
    // A tenth of a millisecond in ten minutes are 167 ns in a second; ten times that for a busy machine's readings.
    assert!(drift_ns.abs() < 1_670, "{shared} drifts by {drift_ns} ns in a second");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_that_tells_the_time() {
    let shared: SharedCourse = std::env::var("TICKWIRE_TEST_COURSE").unwrap().parse().unwrap();
    println!("NOW {}", Clock::on(&shared).now_ns());
}

#[test]
fn two_processes_on_one_course_agree_to_the_nanosecond_on_what_came_first() {
    let shared = SharedCourse::measure();
    let clock = Clock::on(&shared);
    for _ in 0..5 {
        let before = clock.now_ns();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_tells_the_time", "--exact", "--ignored", "--nocapture"])
            .env("TICKWIRE_TEST_COURSE", shared.to_string())
            .output()
            .unwrap();
        let after = clock.now_ns();
        let said = String::from_utf8(output.stdout).unwrap();
        let now: u64 = said.lines().find_map(|line| line.split("NOW ").nth(1)).unwrap_or_else(|| panic!("{said}")).parse().unwrap();
        assert!((before..=after).contains(&now), "{before} here, {now} there, {after} here");
    }
}

#[test]
fn a_keeper_of_a_given_course_never_bends_it() {
    let SharedCourse { counter, course } = SharedCourse::measure();
    // An hour ahead of the host: a keeper would refuse it, or work on it.
    let ahead = Course::straight(course.start_ticks, course.start_ns + 3_600_000_000_000, course.rate);
    let slightly = Course::straight(course.start_ticks, course.start_ns + 1_000_000_000, course.rate);
    for (course, error_ns) in [(ahead, -3_600_000_000_000), (slightly, -1_000_000_000)] {
        let shared = SharedCourse { counter, course };
        let mut keeper = ClockKeeper::given(&shared);
        let (kept, alone) = (keeper.clock(), Clock::on(&shared));
        for _ in 0..3 {
            let health = keeper.keep();
            assert!((health.error_ns - error_ns).abs() < 100_000_000, "it tells how far off it is: {health:?}");
            // A bent course would begin 50 ms later.
            std::thread::sleep(Duration::from_millis(150));
            let (before, now, after) = (alone.now_ns(), kept.now_ns(), alone.now_ns());
            assert!((before..=after).contains(&now), "{before}, {now}, {after}");
        }
        assert!(kept.describe().contains("given"), "{}", kept.describe());
    }
}

#[test]
fn run_refuses_a_course_that_is_none_and_hides_the_argument() {
    let tickwire = || Command::new(env!("CARGO_BIN_EXE_tickwire"));
    let output = tickwire().args(["run", "--config", "x.toml", "--clock-course", "tsc:1:2"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("three numbers follow the counter"), "{said}");
    let help = tickwire().args(["run", "--help"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("clock-course"));
}

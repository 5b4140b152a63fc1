//! When datagrams are due: absolute, exact, never falling.

use std::time::Duration;

use proptest::prelude::*;
use tickwire::bench::Pace;
use tickwire::bench::schedule::{Schedule, due_ns};

use crate::rig::at;

const S: u64 = 1_000_000_000;

fn due(workload_ns: &[u64], pace: Pace) -> Vec<u64> {
    let schedule = Schedule::new(&at(workload_ns.iter().copied()), pace);
    (0..workload_ns.len()).map(|nth| schedule.due_ns(nth).unwrap()).collect()
}

#[test]
fn recorded_distances_are_kept_divided_by_the_speed() {
    let recorded = [1_700_000_000_123_456_789, 1_700_000_000_123_456_790, 1_700_000_007_123_456_789];
    assert_eq!(due(&recorded, Pace::Recorded(1.0)), [0, 1, 7 * S]);
    assert_eq!(due(&recorded, Pace::Recorded(10.0)), [0, 0, 7 * S / 10]);
    assert_eq!(due(&recorded, Pace::Recorded(0.5)), [0, 2, 14 * S]);
    assert_eq!(due(&recorded, Pace::Recorded(0.1)), [0, 10, 70 * S], "0.1 has no exact double, and still none of it is lost");
}

#[test]
fn what_was_recorded_out_of_order_goes_when_what_stands_before_it_has_gone() {
    assert_eq!(due(&[100, 50, 300, 200, 400], Pace::Recorded(1.0)), [0, 0, 200, 200, 300]);
}

#[test]
fn ten_minutes_end_after_ten_minutes_whatever_the_distances() {
    // 100,000 datagrams at distances that are no round numbers, 600 s in all.
    let mut times: Vec<u64> = (0..100_000_u64).map(|nth| 1_700_000_000 * S + nth * 6_000_000_001 / 1_000 + nth % 7).collect();
    times.push(1_700_000_600 * S);
    let schedule = Schedule::new(&at(times.iter().copied()), Pace::Recorded(1.0));
    assert_eq!(schedule.end_ns(), 600 * S);
    for nth in [1, 10, 1_000, 99_999] {
        assert_eq!(schedule.due_ns(nth), Some(times[nth] - times[0]), "no due time is made from the one before it");
    }
}

#[test]
fn a_whole_rate_is_exact_to_the_nanosecond_after_a_billion_datagrams() {
    for rate in [1, 3, 7, 333, 100_000, 1_234_567, 9_999_991, 4_000_000_000_u64] {
        for nth in [0, 1, 2, 3, 999_999_999, 1_000_000_000, 1_000_000_001, 1 << 40] {
            let exact = (u128::from(nth) * 1_000_000_000 / u128::from(rate)).min(u128::from(u64::MAX));
            assert_eq!(due_ns(Pace::Rate(rate as f64), nth, 0).map(u128::from), Some(exact), "datagram {nth} of {rate}/s");
        }
        assert_eq!(due_ns(Pace::Rate(rate as f64), rate * 86_400, 0), Some(86_400 * S), "after a day of {rate}/s");
    }
    assert_eq!(due_ns(Pace::Rate(0.1), 1_000_000, 0), Some(10_000_000 * S));
    assert_eq!(due_ns(Pace::Rate(12_500.5), 25_001_000_000, 0), Some(2_000_000 * S));
}

#[test]
fn bursts_are_due_at_one_moment_and_evenly_apart() {
    let pace = Pace::Bursts { datagrams: 3, every: Duration::from_micros(250) };
    assert_eq!(due(&[0; 8], pace), [0, 0, 0, 250_000, 250_000, 250_000, 500_000, 500_000]);
    let hour = Pace::Bursts { datagrams: 1, every: Duration::from_secs(3600) };
    assert_eq!(due_ns(hour, 1 << 22, 0), Some((1 << 22) * 3600 * S), "half a thousand years");
    assert_eq!(due_ns(hour, u64::MAX, 0), Some(u64::MAX), "what does not fit is never due, and does not wrap");
}

#[test]
fn at_the_greatest_pace_nothing_is_due() {
    let schedule = Schedule::new(&at([5, 6, 7]), Pace::Max);
    assert_eq!((schedule.due_ns(0), schedule.due_ns(2), schedule.end_ns()), (None, None, 0));
}

fn paces() -> impl Strategy<Value = Pace> {
    prop_oneof![
        (1e-6..1e9).prop_map(Pace::Recorded),
        (1_u32..1_000_000).prop_map(|times| Pace::Recorded(f64::from(times))),
        (1e-9..1e12).prop_map(Pace::Rate),
        (1_u32..).prop_map(|rate| Pace::Rate(f64::from(rate))),
        any::<f64>().prop_filter("a pace is a positive number", |n| n.is_finite() && *n > 0.0).prop_map(Pace::Rate),
        any::<f64>().prop_filter("a pace is a positive number", |n| n.is_finite() && *n > 0.0).prop_map(Pace::Recorded),
        (1_u32.., 1_000_u64..3_600_000_000_000).prop_map(|(datagrams, ns)| Pace::Bursts { datagrams, every: Duration::from_nanos(ns) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn due_times_never_fall_whatever_was_recorded(recorded in proptest::collection::vec(any::<u64>(), 1..50), pace in paces()) {
        let due = due(&recorded, pace);
        prop_assert!(due.is_sorted());
        prop_assert_eq!(due[0], 0);
    }

    #[test]
    fn a_due_time_depends_on_its_own_datagram_alone(nth in any::<u64>(), more in 1_u64..1_000_000, recorded in any::<u64>(), pace in paces()) {
        let (now, later) = (due_ns(pace, nth, recorded), due_ns(pace, nth.saturating_add(more), recorded.saturating_add(more)));
        prop_assert!(now <= later);
        prop_assert_eq!(now, due_ns(pace, nth, recorded));
    }

    #[test]
    fn a_rate_never_drifts(rate in 1_u32..100_000_000, seconds in 0_u64..100_000, nth in 0_u64..100_000_000) {
        let pace = Pace::Rate(f64::from(rate));
        let at = |nth| due_ns(pace, nth, 0).unwrap();
        let nth = nth % u64::from(rate);
        let second = seconds * u64::from(rate);
        // Each second is the first one again, to the nanosecond.
        prop_assert_eq!(at(second + nth), seconds * S + at(nth));
    }

    #[test]
    fn a_whole_number_of_times_the_speed_divides(times in 1_u32..1_000_000, recorded in any::<u64>()) {
        prop_assert_eq!(due_ns(Pace::Recorded(f64::from(times)), 0, recorded), Some(recorded / u64::from(times)));
    }
}

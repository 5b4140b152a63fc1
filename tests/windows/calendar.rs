//! When windows begin and end: UTC for all but days, New York's midnights for those.

use tickwire::feed::venue_time::VenueDate;
use tickwire::windows::{Span, Window};

use crate::rig::{Rig, SECOND_NS, TEN_NS, records};

const HOUR_NS: u64 = 3_600 * SECOND_NS;

fn midnight(date: &str) -> u64 {
    VenueDate::parse(date).unwrap().midnight_ns().unwrap()
}

#[test]
fn a_window_begins_with_its_first_nanosecond_and_ends_before_the_next_ones() {
    for window in Window::ALL {
        let Span { start_ns, end_ns } = window.span_at(TEN_NS);
        for inside in [start_ns, start_ns + 1, TEN_NS, end_ns - 1] {
            assert_eq!(window.span_at(inside), Span { start_ns, end_ns });
        }
        assert_eq!(window.span_at(end_ns).start_ns, end_ns);
        assert_eq!(window.span_at(start_ns - 1).end_ns, start_ns);
    }
    assert_eq!(Window::ALL.map(|window| window.span_at(TEN_NS).length_ns() / SECOND_NS), [1, 60, 3_600, 86_400]);
}

#[test]
fn days_are_the_venues_and_have_23_or_25_hours_when_its_clocks_change() {
    for (date, next, hours) in [
        ("2023-03-12", "2023-03-13", 23),
        ("2023-11-05", "2023-11-06", 25),
        ("2024-03-10", "2024-03-11", 23),
        ("2023-11-15", "2023-11-16", 24),
        ("2023-07-03", "2023-07-04", 24),
        ("2016-12-31", "2017-01-01", 24),
    ] {
        let span = Window::Day.span_at(midnight(date) + 12 * HOUR_NS);
        assert_eq!((span.start_ns, span.end_ns, span.length_ns() / HOUR_NS), (midnight(date), midnight(next), hours), "{date}");
    }
    assert_eq!(midnight("2023-03-12") % (24 * HOUR_NS), 5 * HOUR_NS, "standard time before");
    assert_eq!(midnight("2023-03-13") % (24 * HOUR_NS), 4 * HOUR_NS, "daylight saving after");
}

#[test]
fn windows_follow_each_other_without_a_hole_from_the_first_nanosecond_to_the_last() {
    for window in Window::ALL {
        let (first, last) = (window.span_at(0), window.span_at(u64::MAX));
        assert_eq!((first.start_ns, last.end_ns), (0, u64::MAX));
    }
    // What lies before the calendar, and behind it, is one long day.
    assert_eq!(Window::Day.span_at(1).end_ns, midnight("1970-01-02"));
    assert_eq!(Window::Day.span_at(u64::MAX).start_ns, midnight("2261-12-31"));
    let mut at = 0;
    for days in 0..3 * 366 {
        let span = Window::Day.span_at(at);
        assert_eq!(span.start_ns, at, "day {days}");
        assert!((22..30).contains(&(span.length_ns() / HOUR_NS)));
        at = span.end_ns;
    }
}

#[test]
fn the_hour_that_comes_twice_is_two_bars_of_an_hour_and_one_day_of_25() {
    let mut rig = Rig::new();
    let begins = midnight("2023-11-05");
    for hour in 0..25 {
        rig.trade(0, begins + hour * HOUR_NS + 5, hour, 1_000 + hour as i64, 10);
    }
    rig.trade(0, begins + 25 * HOUR_NS, 99, 7, 1);
    let (rings, _) = rig.end();
    let (hours, days) = (records(&rings.hours), records(&rings.days));
    assert_eq!((hours.len(), days.len()), (26, 2));
    assert_eq!((days[0].hd.ts_event, days[0].open, days[0].close, days[0].volume), (begins, 1_000, 1_024, 250));
    assert_eq!((days[1].hd.ts_event, days[1].volume), (midnight("2023-11-06"), 1));
    let day = records(&rings.vwap).into_iter().find(|vwap| vwap.window == 3).unwrap();
    assert_eq!(day.window_ns, 25 * HOUR_NS);
}

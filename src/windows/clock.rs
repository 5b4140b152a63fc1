//! Which windows there are, and when they begin and end.
//!
//! A window is `[start, end)` of the venue's time. Seconds, minutes and hours are aligned to UTC; a day is the venue's, from midnight
//! to midnight in New York, so it has 23 or 25 hours twice a year. The windows of one kind follow each other without a hole from
//! 0 to the last nanosecond there is: what lies before the venue's calendar (1970-01-02) is one long day, what lies behind it too.

use crate::feed::venue_time::VenueDate;
use crate::record::Schema;

/// A kind of window, the shorter first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// 1 s.
    Second,
    /// 1 min.
    Minute,
    /// 1 h.
    Hour,
    /// A day of the venue.
    Day,
}

impl Window {
    /// How many kinds there are.
    pub const COUNT: usize = 4;
    /// All of them; the position is [`Vwap::window`](crate::record::Vwap::window).
    pub const ALL: [Self; Self::COUNT] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    /// The schema of its bars.
    pub const fn schema(self) -> Schema {
        match self {
            Self::Second => Schema::Ohlcv1S,
            Self::Minute => Schema::Ohlcv1M,
            Self::Hour => Schema::Ohlcv1H,
            Self::Day => Schema::Ohlcv1D,
        }
    }

    /// The window that a time of the venue (ns since 1970 UTC) lies in. For days this looks into the time zone database: ask when a
    /// window is over, not for every trade.
    pub fn span_at(self, venue_ns: u64) -> Span {
        let aligned = |length_ns: u64| {
            let start_ns = venue_ns - venue_ns % length_ns;
            Span { start_ns, end_ns: start_ns.saturating_add(length_ns) }
        };
        match self {
            Self::Second => aligned(1_000_000_000),
            Self::Minute => aligned(60_000_000_000),
            Self::Hour => aligned(3_600_000_000_000),
            Self::Day => day_at(venue_ns),
        }
    }
}

/// `[start, end)` of the venue's time, ns since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first nanosecond in it.
    pub start_ns: u64,
    /// The first behind it.
    pub end_ns: u64,
}

impl Span {
    /// Whether a time lies in it.
    pub const fn contains(self, venue_ns: u64) -> bool {
        self.start_ns <= venue_ns && venue_ns < self.end_ns
    }

    /// How long it is, ns.
    pub const fn length_ns(self) -> u64 {
        self.end_ns - self.start_ns
    }
}

fn day_at(venue_ns: u64) -> Span {
    let midnight = |date: &str| VenueDate::parse(date).and_then(VenueDate::midnight_ns);
    // The calendar's own ends: a day there is cut by nothing but the range of the number.
    let first_ns = midnight("1970-01-02").unwrap_or(0);
    if venue_ns < first_ns {
        return Span { start_ns: 0, end_ns: first_ns };
    }
    let date = VenueDate::at(venue_ns);
    let start_ns = date.clone().and_then(VenueDate::midnight_ns).or_else(|_| midnight("2261-12-31")).unwrap_or(first_ns);
    let end_ns = date.and_then(VenueDate::next).and_then(VenueDate::midnight_ns).unwrap_or(u64::MAX);
    Span { start_ns, end_ns }
}

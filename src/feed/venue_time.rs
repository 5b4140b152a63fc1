//! The venue's calendar: which date it is in New York, and when that date began. Cold path only.
//!
//! ITCH counts nanoseconds from midnight in New York and never says the date. Daylight saving moves that midnight
//! between 04:00 and 05:00 UTC; the time zone database is built in, so that every host agrees. On the two days of
//! change (Sundays) the count from midnight runs through the change, as elapsed time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

const ZONE: &str = "America/New_York";

/// Why there is no such date for the venue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VenueTimeError {
    /// Not a date.
    #[error("date {0:?}: not a day of the calendar; write it as YYYY-MM-DD")]
    NotADate(String),
    /// Outside of what we keep time for.
    #[error("date {0}: before 1970-01-02 or after 2261-12-31, where nanoseconds since 1970 no longer fit; check the date")]
    OutOfRange(String),
    /// The built-in database was left out of the build.
    #[error("time zone America/New_York: not in the built-in database; build with jiff's tzdb-bundle-always")]
    NoZone,
}

/// A date in New York.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VenueDate(Date);

impl VenueDate {
    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, VenueTimeError> {
        let not_a_date = || VenueTimeError::NotADate(text.chars().take(40).collect());
        let bytes = text.as_bytes();
        // The library takes more (times, other forms of the ISO standard); a configuration should have one way.
        let is_shaped =
            bytes.len() == 10 && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
        if !is_shaped {
            return Err(not_a_date());
        }
        Self::within(text.parse().map_err(|_| not_a_date())?)
    }

    /// The date in New York at `utc_ns` (ns since 1970 UTC).
    pub fn at(utc_ns: u64) -> Result<Self, VenueTimeError> {
        let timestamp =
            Timestamp::from_nanosecond(i128::from(utc_ns)).map_err(|_| VenueTimeError::OutOfRange(format!("of {utc_ns} ns since 1970")))?;
        Self::within(timestamp.to_zoned(zone()?).date())
    }

    /// When the date began, ns since 1970 UTC.
    pub fn midnight_ns(self) -> Result<u64, VenueTimeError> {
        let out_of_range = || VenueTimeError::OutOfRange(self.to_string());
        let midnight = self.0.to_zoned(zone()?).map_err(|_| out_of_range())?.timestamp().as_nanosecond();
        u64::try_from(midnight).map_err(|_| out_of_range())
    }

    /// The day after.
    pub fn next(self) -> Result<Self, VenueTimeError> {
        Self::within(self.0.checked_add(Span::new().days(1)).map_err(|_| VenueTimeError::OutOfRange(self.to_string()))?)
    }

    fn within(date: Date) -> Result<Self, VenueTimeError> {
        let (first, last) = (jiff::civil::date(1970, 1, 2), jiff::civil::date(2261, 12, 31));
        if (first..=last).contains(&date) { Ok(Self(date)) } else { Err(VenueTimeError::OutOfRange(date.to_string())) }
    }
}

impl std::fmt::Display for VenueDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn zone() -> Result<TimeZone, VenueTimeError> {
    TimeZone::get(ZONE).map_err(|_| VenueTimeError::NoZone)
}

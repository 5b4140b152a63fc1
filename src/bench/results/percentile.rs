//! Percentiles by name, and when a histogram can tell one.
//!
//! A percentile stands on the values *beyond* it: of 1,000 values ten lie beyond p99 and one beyond p99.9, and what one value tells is
//! an anecdote. With fewer than [`FEWEST_BEYOND`] a percentile is not told at all, neither in tables nor in comparisons. The maximum is
//! what it is: one value, and always shown as such.

use std::fmt::{self, Display};
use std::str::FromStr;

use hdrhistogram::Histogram;

/// With fewer values beyond it, a percentile is not told.
pub const FEWEST_BEYOND: u64 = 10;

/// What tables show; the last is the maximum.
pub const PERCENTILES: [Percentile; 6] =
    [Percentile(500_000), Percentile(900_000), Percentile(990_000), Percentile(999_000), Percentile(999_900), Percentile::MAX];

/// The share of values that are not above it, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentile(u32);

impl Percentile {
    /// The greatest value.
    pub const MAX: Self = Self(1_000_000);
    /// The middle.
    pub const P50: Self = PERCENTILES[0];

    /// As a quantile, from 0 to 1.
    pub fn quantile(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// Whether so many values tell it: enough of them are beyond it.
    pub fn told_by(self, count: u64) -> bool {
        let beyond = u128::from(count) * u128::from(1_000_000 - self.0) / 1_000_000;
        count > 0 && (self == Self::MAX || beyond >= u128::from(FEWEST_BEYOND))
    }

    /// Whether it says the same of all values, so many of which were lost: those are at most a tenth of what lies beyond it.
    pub fn stands_without(self, lost: u64, of: u64) -> bool {
        u128::from(lost) * 10_000_000 <= u128::from(of) * u128::from(1_000_000 - self.0)
    }

    /// The fewest values that tell it.
    pub fn values_wanted(self) -> u64 {
        match 1_000_000 - u64::from(self.0) {
            0 => 1,
            beyond => (FEWEST_BEYOND * 1_000_000).div_ceil(beyond),
        }
    }

    /// Its value, ns; `None` where there are too few values to tell it, or none at all.
    pub fn of(self, histogram: &Histogram<u64>) -> Option<u64> {
        self.told_by(histogram.len())
            .then(|| if self == Self::MAX { histogram.max() } else { histogram.value_at_quantile(self.quantile()) })
    }
}

impl Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MAX {
            return f.pad("max");
        }
        let digits = format!("{:02}.{:04}", self.0 / 10_000, self.0 % 10_000);
        f.pad(&format!("p{}", digits.trim_end_matches('0').trim_end_matches('.')))
    }
}

impl FromStr for Percentile {
    type Err = String;

    /// `p50`, `p99`, `p99.95`, up to four digits behind the point; `max`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::MAX);
        }
        let millionths = || {
            let digits = text.strip_prefix('p')?;
            let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
            let plain = |digits: &str| (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            let (whole, part) = (plain(whole) && plain(part)).then_some((whole, part))?;
            let millionths = whole.parse::<u32>().ok()? * 10_000 + format!("{part:0<4}").parse::<u32>().ok()?;
            (1..1_000_000).contains(&millionths).then_some(millionths)
        };
        millionths().map(Self).ok_or_else(|| format!("`{text}` is no percentile; say p50, p90, p99, p99.9, p99.99 or max"))
    }
}

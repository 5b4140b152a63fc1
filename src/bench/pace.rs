//! When datagrams are due, as it is asked for.

use std::time::Duration;

/// When datagrams are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// At their recorded distance from the first, so many times as fast (1.0: as recorded).
    Recorded(f64),
    /// So many a second, evenly.
    Rate(f64),
    /// So many at the same moment, then nothing until the next such moment: microbursts.
    Bursts {
        /// Datagrams due at once.
        datagrams: u32,
        /// From burst to burst.
        every: Duration,
    },
    /// All at once: throughput. Nothing is due, so nothing is late, and there is no latency from due.
    Max,
}

/// Times as fast as recorded: a day in three years, and in a tenth of a second.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=1_000_000.0;
/// Datagrams a second: one in 17 minutes, and one a nanosecond.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=1_000_000_000.0;

impl std::str::FromStr for Pace {
    type Err = String;

    /// `1x`, `0.5x`, `10x` · `100000/s` · `64@1ms` · `max`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no pace; say 1x (as recorded), 10x, 50000/s (datagrams a second), 64@1ms (bursts), or max");
        let number = |text: &str, range: std::ops::RangeInclusive<f64>| {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0).ok_or_else(wrong)?;
            let (least, most) = range.clone().into_inner();
            let beyond = || format!("`{text}` is no pace to measure at: from {least} to {most}");
            range.contains(&number).then_some(number).ok_or_else(beyond)
        };
        if text == "max" {
            return Ok(Self::Max);
        }
        if let Some(times) = text.strip_suffix('x') {
            return Ok(Self::Recorded(number(times, SPEEDS)?));
        }
        if let Some(rate) = text.strip_suffix("/s") {
            return Ok(Self::Rate(number(rate, RATES)?));
        }
        let (datagrams, every) = text.split_once('@').ok_or_else(wrong)?;
        let datagrams = datagrams.parse().ok().filter(|&datagrams: &u32| datagrams > 0).ok_or_else(wrong)?;
        let (digits, unit_ns) = [("us", 1e3), ("ms", 1e6), ("s", 1e9)]
            .into_iter()
            .find_map(|(unit, ns)| every.strip_suffix(unit).filter(|digits| !digits.ends_with(['u', 'm'])).map(|digits| (digits, ns)))
            .ok_or_else(wrong)?;
        let ns = number(digits, f64::MIN_POSITIVE..=f64::MAX)? * unit_ns;
        if !(1_000.0..=3.6e12).contains(&ns) {
            return Err(wrong());
        }
        Ok(Self::Bursts { datagrams, every: Duration::from_nanos(ns as u64) })
    }
}

impl Pace {
    /// As it is asked for: what is parsed to the same again.
    pub fn argument(&self) -> String {
        match self {
            Self::Recorded(times) => format!("{times}x"),
            Self::Rate(rate) => format!("{rate}/s"),
            Self::Bursts { datagrams, every } => format!("{datagrams}@{}us", every.as_nanos() as f64 / 1e3),
            Self::Max => "max".to_owned(),
        }
    }
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recorded(times) if *times == 1.0 => write!(f, "at the recorded times"),
            Self::Recorded(times) => write!(f, "{times} times as fast as recorded"),
            Self::Rate(rate) => write!(f, "{rate} datagrams a second"),
            Self::Bursts { datagrams, every } => write!(f, "bursts of {datagrams} every {every:?}"),
            Self::Max => write!(f, "as fast as it goes"),
        }
    }
}

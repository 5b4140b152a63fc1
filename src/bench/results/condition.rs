//! A condition that ends a run as failed: `[MEASURE.]PERCENTILE>LIMIT`, the limit a factor of a baseline or a time; or `lost>LIMIT`, the limit
//! datagrams or a share of them.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::lost::Lost;
use super::percentile::Percentile;
use super::readable::{count_of, three_digits, time};
use crate::bench::Measure;
use crate::error::did_you_mean;

/// What must not be exceeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was typed.
    pub text: String,
    /// What may be how much.
    pub asked: Asked,
}

/// What a condition is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asked {
    /// A time.
    Time {
        /// Of what; `None`: of the run's headline.
        measure: Option<Measure>,
        /// Which figure of it.
        percentile: Percentile,
        /// By how much.
        limit: Limit,
    },
    /// Datagrams that never arrived.
    Lost(Allowed),
}

/// How much may be lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// So many datagrams.
    Datagrams(u64),
    /// So many percent of them.
    Percent(f64),
}

impl Allowed {
    /// Whether that is more.
    pub fn is_exceeded_by(self, lost: Lost) -> bool {
        match self {
            Self::Datagrams(datagrams) => lost.lost > datagrams,
            Self::Percent(percent) => lost.lost as f64 * 100.0 > lost.of as f64 * percent,
        }
    }
}

impl Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagrams(0) => f.write_str("none may be"),
            Self::Datagrams(datagrams) => write!(f, "{} may be", count_of(*datagrams, "datagram")),
            Self::Percent(percent) => write!(f, "{percent} % may be"),
        }
    }
}

/// What a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// So many times the baseline's.
    Times(f64),
    /// So long, ns.
    Ns(u64),
}

impl Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{} times the baseline's", three_digits(*times)),
            Self::Ns(ns) => write!(f, "{}", time(*ns)),
        }
    }
}

impl Condition {
    /// Whether it asks for a factor of a baseline's figure.
    pub fn asks_for_baseline(&self) -> bool {
        matches!(self.asked, Asked::Time { limit: Limit::Times(_), .. })
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Condition {
    type Err = String;

    /// `p99>1.2x` · `p99.9 > 50us` · `due-to-published.p50>2ms` · `lost>0` · `lost>0.1%`.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "say p99>1.2x (times the baseline's), p99>50us, due-to-published.p99.9>1.5x, or lost>0";
        let Some((figure, limit)) = text.split_once('>') else {
            return Err(match text.contains(['<', '=']) {
                true => format!("`{text}`: only `>` can be asked for; {FORM}"),
                false => format!("`{text}` is no condition; {FORM}"),
            });
        };
        let (figure, limit) = (figure.trim(), limit.trim());
        if figure == "lost" {
            let allowed =
                parse_allowed(limit).ok_or_else(|| format!("`{text}`: lost are datagrams or a share of them: say lost>0 or lost>0.1%"))?;
            return Ok(Self { text: text.trim().to_owned(), asked: Asked::Lost(allowed) });
        }
        // A percentile may have a point as well: what begins a measure's name is no percentile.
        let (measure, percentile) = match figure.split_once('.') {
            Some((name, percentile)) if !is_percentile_s_beginning(name) => (Some(measure(name)?), percentile),
            _ if Measure::from_name(figure).is_some() => return Err(format!("`{text}`: which percentile of {figure}? {FORM}")),
            _ => (None, figure),
        };
        let percentile = percentile.parse::<Percentile>().map_err(|why| format!("`{text}`: {why}"))?;
        let limit = parse_limit(limit).ok_or_else(|| match limit.starts_with(['=', '>']) {
            true => format!("`{text}`: only `>` can be asked for; {FORM}"),
            false => format!("`{text}`: `{limit}` is neither a factor nor a time; {FORM}"),
        })?;
        Ok(Self { text: text.trim().to_owned(), asked: Asked::Time { measure, percentile, limit } })
    }
}

fn is_percentile_s_beginning(name: &str) -> bool {
    name.strip_prefix('p').is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn measure(name: &str) -> Result<Measure, String> {
    let names = || Measure::ALL.iter().map(|measure| measure.name());
    Measure::from_name(name).ok_or_else(|| {
        let near = did_you_mean(name, names()).map_or("there is: ".to_owned(), |near| format!("did you mean `{near}`? There is: "));
        format!("`{name}` is no measure; {near}{}", names().collect::<Vec<_>>().join(", "))
    })
}

/// `0`, `1000`, or `0.1%`.
fn parse_allowed(text: &str) -> Option<Allowed> {
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent = percent.trim_end();
            let plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            percent.parse().ok().filter(|percent| plain && (0.0..100.0).contains(percent)).map(Allowed::Percent)
        }
        None => text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten().map(Allowed::Datagrams),
    }
}

/// `1.2x`, or a time from 1 ns to an hour.
fn parse_limit(text: &str) -> Option<Limit> {
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        digits.trim_end().parse::<f64>().ok().filter(|number| plain && number.is_finite() && *number > 0.0)
    };
    if let Some(times) = text.strip_suffix('x') {
        return number(times).filter(|&times| times <= 1e6).map(Limit::Times);
    }
    let units = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let (digits, ns) = units.into_iter().find_map(|(unit, ns)| Some((text.strip_suffix(unit)?, ns)))?;
    let ns = number(digits.trim_end())? * ns;
    (1.0..=3.6e12).contains(&ns).then_some(Limit::Ns(ns.round() as u64))
}

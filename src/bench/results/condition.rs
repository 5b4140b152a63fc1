//! A condition that ends a run as failed: `[MEASURE.]PERCENTILE>LIMIT`, the limit a factor of a baseline or a time.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::percentile::Percentile;
use super::readable::{three_digits, time};
use crate::bench::Measure;
use crate::error::did_you_mean;

/// What must not be exceeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was typed.
    pub text: String,
    /// Of what; `None`: of the run's headline.
    pub measure: Option<Measure>,
    /// Which figure of it.
    pub percentile: Percentile,
    /// By how much.
    pub limit: Limit,
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

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Condition {
    type Err = String;

    /// `p99>1.2x` · `p99.9 > 50us` · `due-to-published.p50>2ms`.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "say p99>1.2x (times the baseline's), p99>50us, or due-to-published.p99.9>1.5x";
        let Some((figure, limit)) = text.split_once('>') else {
            return Err(match text.contains(['<', '=']) {
                true => format!("`{text}`: only `>` can be asked for; {FORM}"),
                false => format!("`{text}` is no condition; {FORM}"),
            });
        };
        let (figure, limit) = (figure.trim(), limit.trim());
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
        Ok(Self { text: text.trim().to_owned(), measure, percentile, limit })
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

//! Percentile distributions as text, as HdrHistogram's log processor and wrk2 print them and its plotter reads them.
//!
//! Values are microseconds with three digits behind the point: exact nanoseconds.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;

use super::BenchResult;
use super::hlog;
use crate::error::{Error, Exit};

/// Steps for each halving of the distance to 100 %: what HdrHistogram's tools take.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
const NS_PER_US: f64 = 1e3;

/// One step of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The percentile, 0 to 100.
    pub percent: f64,
    /// Its value, ns.
    pub ns: u64,
    /// Values that are not above that.
    pub count: u64,
}

/// A distribution in so many steps for each halving of the distance to 100 %, as HdrHistogram steps: where the percentile of a value is
/// at or beyond a step, the value is told for it; the last step is 100 % at the greatest.
///
/// (The library's own iterator adds up tenths, which are no binary numbers, and so passes over a value now and then.)
pub fn steps(histogram: &Histogram<u64>, ticks_per_half_distance: u32) -> Vec<Step> {
    let all = histogram.len();
    let (mut steps, mut count, mut percent) = (Vec::new(), 0_u64, 0.0);
    for recorded in histogram.iter_recorded() {
        count = count.saturating_add(recorded.count_at_value());
        let ns = histogram.highest_equivalent(recorded.value_iterated_to());
        while percent < 100.0 && 100.0 * count as f64 / all as f64 >= percent {
            steps.push(Step { percent, ns, count });
            let halvings = (100.0 / (100.0 - percent)).log2().floor();
            let next = percent + 100.0 / (f64::from(ticks_per_half_distance.max(1)) * (halvings + 1.0).exp2());
            // So near to 100 that the step is lost in the number's last digit.
            percent = if next > percent { next } else { 100.0 };
            if count >= all {
                break;
            }
        }
    }
    steps.extend((all > 0).then(|| Step { percent: 100.0, ns: histogram.max(), count: all }));
    steps
}

/// Writes one distribution.
pub fn write(histogram: &Histogram<u64>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    for Step { percent, ns, count } in steps(histogram, TICKS_PER_HALF_DISTANCE) {
        let value = ns as f64 / NS_PER_US;
        match 100.0 - percent {
            beyond if beyond > 0.0 => writeln!(out, "{value:12.3} {:2.12} {count:10} {:14.2}", percent / 100.0, 100.0 / beyond)?,
            _ => writeln!(out, "{value:12.3} {:2.12} {count:10}", 1.0)?,
        }
    }
    let (mean, stdev) = (histogram.mean() / NS_PER_US, histogram.stdev() / NS_PER_US);
    writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {stdev:12.3}]")?;
    writeln!(out, "#[Max     = {:12.3}, Total count    = {:12}]", histogram.max() as f64 / NS_PER_US, histogram.len())?;
    let buckets = usize::from(histogram.buckets());
    // Each bucket has half as many values of its own; the first has all.
    let sub_buckets = 2 * histogram.distinct_values() / (buckets + 1);
    writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {sub_buckets:12}]")
}

/// Writes `VARIANT.MEASURE.us.hgrm` for every histogram that has values into a directory, which is made if it is not there. Gives the
/// files' paths.
pub fn write_all(result: &BenchResult, dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |path: &Path, error: io::Error| {
        let cure = "make room, or name another directory";
        Error::new(Exit::Failed, "the percentiles could not be written", error, cure).in_file(path)
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let mut written = Vec::new();
    for (variant, measure, name) in hlog::named(result) {
        let path = dir.join(format!("{name}.us.hgrm"));
        let mut text = Vec::new();
        let filled = write(variant.measures.get(measure), &mut text).and_then(|()| fs::write(&path, &text));
        filled.map_err(|error| failed(&path, error))?;
        written.push(path);
    }
    Ok(written)
}

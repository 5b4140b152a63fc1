//! Percentile distributions as text, as HdrHistogram's log processor and wrk2 print them and its plotter reads them.
//!
//! Values are microseconds with three digits behind the point: exact nanoseconds.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;

use super::hlog;
use super::result::BenchResult;
use crate::error::{Error, Exit};

/// Steps for each halving of the distance to 100 %: what HdrHistogram's tools take.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
const NS_PER_US: f64 = 1e3;

/// Writes one distribution.
pub fn write(histogram: &Histogram<u64>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut total: u64 = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total = total.saturating_add(step.count_since_last_iteration());
        let value = histogram.highest_equivalent(step.value_iterated_to()) as f64 / NS_PER_US;
        let quantile = step.quantile_iterated_to();
        match 1.0 - quantile {
            beyond if beyond > 0.0 => writeln!(out, "{value:12.3} {quantile:2.12} {total:10} {:14.2}", 1.0 / beyond)?,
            _ => writeln!(out, "{value:12.3} {quantile:2.12} {total:10}")?,
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

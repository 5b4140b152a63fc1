//! HdrHistogram's interval log, which its own tools open: one interval for each variant and measure, tagged `VARIANT.MEASURE`.
//!
//! An interval is all rounds of a variant together, warm-up left out; values are nanoseconds.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};

use super::readable::one_line;
use super::{BenchResult, Variant};
use crate::bench::Measure;

/// What the maximum beside each interval is divided by, for people: it is in ms, as in every such log.
const MAX_DIVISOR: f64 = 1e6;
const LEGEND: &str = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;

/// Writes a result's histograms.
pub fn write(result: &BenchResult, out: &mut dyn Write) -> io::Result<()> {
    // The library asks for a sized writer.
    let mut out = out;
    let mut serializer = V2DeflateSerializer::new();
    let began = SystemTime::UNIX_EPOCH + Duration::from_nanos(result.began_ns);
    let command = one_line(&result.command);
    let header = [
        "[Histogram log format version 1.3]".to_owned(),
        format!("[Logged by tickwire {}: {command}]", one_line(&result.version)),
        "[Values are ns; one interval for each variant and measure: all rounds, without warm-up]".to_owned(),
    ];
    let mut builder = IntervalLogWriterBuilder::new();
    for line in &header {
        builder.add_comment(line);
    }
    builder.with_start_time(began).with_base_time(began).with_max_value_divisor(MAX_DIVISOR);
    builder.begin_log_with(&mut out, &mut serializer)?;
    // Other writers have it, though no reader asks for it; the library does not write it.
    writeln!(out, "{LEGEND}")?;
    let mut log = IntervalLogWriterBuilder::new();
    let mut log = log.with_max_value_divisor(MAX_DIVISOR).begin_log_with(&mut out, &mut serializer)?;
    for (variant, measure, name) in named(result) {
        let tag = Tag::new(&name);
        let length = Duration::from_nanos(variant.counts.elapsed_ns);
        log.write_histogram(variant.measures.get(measure), Duration::ZERO, length, tag).map_err(|error| match error {
            IntervalLogWriterError::IoError(error) => error,
            IntervalLogWriterError::SerializeError(error) => io::Error::other(error.to_string()),
        })?;
    }
    Ok(())
}

/// Every histogram that has values, under a name that is its own, and that is fit for a tag and for a file.
pub fn named(result: &BenchResult) -> Vec<(&Variant, Measure, String)> {
    let mut taken = BTreeSet::new();
    let mut named = Vec::new();
    for variant in &result.variants {
        let plain: String =
            variant.label.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '_' }).collect();
        let plain = plain.trim_start_matches('.');
        let plain = if plain.is_empty() { "variant" } else { plain };
        let label =
            (1..).map(|nth| if nth == 1 { plain.to_owned() } else { format!("{plain}-{nth}") }).find(|label| !taken.contains(label));
        let label = label.unwrap_or_default();
        for &measure in Measure::ALL {
            if !variant.measures.get(measure).is_empty() {
                named.push((variant, measure, format!("{label}.{}", measure.name())));
            }
        }
        taken.insert(label);
    }
    named
}

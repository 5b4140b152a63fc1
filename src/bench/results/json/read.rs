//! From a file's JSON to a result: whole and of this version, or refused in one message.

use std::io::Read;
use std::path::Path;

use super::write::to_thousandths;
use super::{FORMAT, shape};
use crate::bench::host::{HostCheck, HostFacts};
use crate::bench::results::encoded;
use crate::bench::results::percentile::{PERCENTILES, Percentile};
use crate::bench::results::{BenchResult, RoundFigures, RoundPercentiles, Variant};
use crate::bench::{Counts, Interval, Lateness, Measure, Measures};
use crate::error::{Error, Exit, did_you_mean};
use crate::sys::opened::open_to_read;

/// A larger file is refused before it is read: a result has some hundred KiB, and 100 bytes more for each interval.
pub const LARGEST_BYTES: u64 = 64 << 20;
/// More variants are refused: each takes 4 MiB of histograms.
const MOST_VARIANTS: usize = 64;

/// Reads the result in a file.
pub fn open(path: &Path) -> Result<BenchResult, Error> {
    let cannot = |error: std::io::Error| {
        Error::new(Exit::Input, "cannot be read", error, "name a file that `tickwire bench --json FILE` wrote").in_file(path)
    };
    let mut text = Vec::new();
    open_to_read(path).map_err(cannot)?.take(LARGEST_BYTES + 1).read_to_end(&mut text).map_err(cannot)?;
    read(&text).map_err(|error| error.in_file(path))
}

/// Reads a result.
pub fn read(text: &[u8]) -> Result<BenchResult, Error> {
    let refuse = |why: String| Error::new(Exit::Input, "no benchmark's result", why, "name a file that `tickwire bench --json FILE` wrote");
    if text.len() as u64 > LARGEST_BYTES {
        return Err(refuse(format!("it is larger than {} MiB", LARGEST_BYTES >> 20)));
    }
    /// What it is, whatever else is in it.
    #[derive(serde::Deserialize)]
    struct Format {
        format: Option<serde_json::Value>,
    }
    let format: Format = serde_json::from_slice(text).map_err(|error| refuse(error.to_string()))?;
    match format.format.as_ref().map(serde_json::Value::as_str) {
        Some(Some(FORMAT)) => {}
        Some(Some(other)) if other.starts_with("tickwire-bench/") => {
            let shown: String = other.chars().take(40).collect();
            let what = "a benchmark's result of another version";
            let cure = "run that benchmark again, or read the file with the tickwire that wrote it";
            return Err(Error::new(Exit::Input, what, format!("it is of format {shown}, and this tickwire reads {FORMAT}"), cure));
        }
        _ => return Err(refuse(format!("its `format` is not {FORMAT}"))),
    }
    let file: shape::File = serde_json::from_slice(text).map_err(|error| refuse(error.to_string()))?;
    result(file).map_err(refuse)
}

fn result(file: shape::File) -> Result<BenchResult, String> {
    if file.variants.len() > MOST_VARIANTS {
        return Err(format!("it has {} variants, more than {MOST_VARIANTS}", file.variants.len()));
    }
    let shape::Host { cpu, kernel, numa, clock, governor, isolation, cores } = file.host;
    let check =
        |check: shape::Check| HostCheck { name: check.name, found: check.found, good: check.good, why: check.why, cure: check.cure };
    Ok(BenchResult {
        command: file.command,
        version: file.tickwire_version,
        began_ns: file.began_ns,
        workload: file.workload,
        datagrams: file.datagrams,
        messages: file.messages,
        pace: file.pace,
        way: file.way,
        settings: file.settings,
        rounds: file.rounds,
        headline: measure(&file.headline)?,
        host: HostFacts { cpu, kernel, numa, clock, governor, isolation, cores },
        checks: file.checks.into_iter().map(check).collect(),
        variants: file.variants.into_iter().map(variant).collect::<Result<_, _>>()?,
        stopped: file.stopped,
        remarks: file.remarks,
    })
}

fn variant(variant: shape::Variant) -> Result<Variant, String> {
    let label = variant.label;
    let mut measures = Measures::new();
    for (name, shape) in variant.measures {
        let of = measure(&name)?;
        let histogram = encoded::decode(&shape.histogram).map_err(|why| format!("{label}: {name}: the histogram: {why}"))?;
        // Who mends a figure by hand must not believe that it counts.
        let said =
            [("count", shape.count, histogram.len()), ("min_ns", shape.min_ns, histogram.min()), ("max_ns", shape.max_ns, histogram.max())];
        if let Some((key, said, holds)) = said.into_iter().find(|(_, said, holds)| said != holds) {
            return Err(format!("{label}: {name}: {key} is {said}, but the histogram's is {holds}"));
        }
        let told = PERCENTILES.map(|percentile| percentile.of(&histogram));
        let said = [shape.p50_ns, shape.p90_ns, shape.p99_ns, shape.p99_9_ns, shape.p99_99_ns, Some(shape.max_ns)];
        let figure = |ns: Option<u64>| ns.map_or("null".to_owned(), |ns| ns.to_string());
        for ((percentile, said), holds) in PERCENTILES.iter().zip(said).zip(told) {
            if said != holds && !(*percentile == Percentile::MAX && histogram.is_empty()) {
                return Err(format!("{label}: {name}: {percentile}_ns is {}, but the histogram's is {}", figure(said), figure(holds)));
            }
        }
        for (key, said, holds) in [("mean_ns", shape.mean_ns, histogram.mean()), ("stdev_ns", shape.stdev_ns, histogram.stdev())] {
            if said != to_thousandths(holds) {
                return Err(format!("{label}: {name}: {key} is {said}, but the histogram's is {}", to_thousandths(holds)));
            }
        }
        *measures.get_mut(of) = histogram;
    }
    Ok(Variant {
        label,
        modes: variant.modes,
        measures,
        counts: counts(variant.counts),
        lateness: variant.lateness.map(|lateness| Lateness { limit_ns: lateness.limit_ns, sent: lateness.sent, late: lateness.late }),
        intervals_of: variant.intervals_of.as_deref().map(measure).transpose()?,
        intervals: variant.intervals.into_iter().map(interval).collect(),
        rounds: variant.rounds.into_iter().map(round).collect::<Result<_, _>>()?,
        warm_up_ns: variant.warm_up_ns,
        stamp_ns: variant.stamp_ns,
        remarks: variant.remarks,
    })
}

fn counts(counts: shape::Counts) -> Counts {
    Counts {
        elapsed_ns: counts.elapsed_ns,
        end_late_ns: counts.end_late_ns,
        due: counts.due,
        sent: counts.sent,
        warm_up: counts.warm_up,
        received: counts.received,
        distinct_messages: counts.distinct_messages,
        messages: counts.messages,
        records: counts.records,
        lost_messages: counts.lost_messages,
        gaps: counts.gaps,
        overrun: counts.overrun,
        dropped_by_reason: counts.dropped_by_reason.into_iter().map(|dropped| (dropped.reason, dropped.count)).collect(),
        sampled: counts.sampled,
        unmatched: counts.unmatched,
        unseen: counts.unseen.unwrap_or(counts.unmatched),
        unfollowed: counts.unfollowed,
        lapped: counts.lapped,
        stopped: counts.stopped,
    }
}

fn round(round: shape::Round) -> Result<RoundFigures, String> {
    let percentiles = round.percentiles.into_iter().map(|figures| {
        let measure = measure(&figures.measure)?;
        Ok(RoundPercentiles { measure, count: figures.count, ns: figures.ns })
    });
    Ok(RoundFigures {
        percentiles: percentiles.collect::<Result<_, String>>()?,
        datagrams_per_s: round.datagrams_per_s,
        messages_per_s: round.messages_per_s,
        ping_pong_ns: round.ping_pong_ns,
    })
}

fn interval(interval: shape::Interval) -> Interval {
    let shape::Interval { start_ns, length_ns, count, p50_ns, p99_ns, max_ns, datagrams, received, messages, gaps } = interval;
    Interval { start_ns, length_ns, count, p50_ns, p99_ns, max_ns, datagrams, received, messages, gaps }
}

fn measure(name: &str) -> Result<Measure, String> {
    Measure::from_name(name).ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        let near = did_you_mean(name, Measure::ALL.iter().map(|measure| measure.name()));
        let near = near.map_or(String::new(), |near| format!(" (`{near}`?)"));
        format!("`{shown}` is no measure{near}")
    })
}

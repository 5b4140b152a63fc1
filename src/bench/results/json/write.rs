//! From a result to the JSON's keys.

use std::io::{self, Write};

use super::{FORMAT, shape};
use crate::bench::results::percentile::{PERCENTILES, Percentile};
use crate::bench::results::{BenchResult, RoundFigures, Variant};
use crate::bench::results::{comparison, encoded, readable};
use crate::bench::{Counts, Interval, Measure};

/// Writes a result.
pub fn write(result: &BenchResult, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &file(result)?)?;
    writeln!(out)
}

fn file(result: &BenchResult) -> io::Result<shape::File> {
    let host = result.host.clone();
    let check = |check: &crate::bench::host::HostCheck| shape::Check {
        name: check.name.clone(),
        found: check.found.clone(),
        good: check.good,
        why: check.why.clone(),
        cure: check.cure.clone(),
    };
    Ok(shape::File {
        format: FORMAT.to_owned(),
        tickwire_version: result.version.clone(),
        command: result.command.clone(),
        began_utc: readable::date(result.began_ns),
        began_ns: result.began_ns,
        workload: result.workload.clone(),
        datagrams: result.datagrams,
        messages: result.messages,
        pace: result.pace.clone(),
        way: result.way.clone(),
        settings: result.settings.clone(),
        rounds: result.rounds,
        headline: result.headline.name().to_owned(),
        stopped: result.stopped,
        remarks: result.remarks.clone(),
        host: shape::Host {
            cpu: host.cpu,
            kernel: host.kernel,
            numa: host.numa,
            clock: host.clock,
            governor: host.governor,
            isolation: host.isolation,
            cores: host.cores,
        },
        checks: result.checks.iter().map(check).collect(),
        variants: result.variants.iter().map(variant).collect::<io::Result<_>>()?,
        comparisons: comparisons(result),
    })
}

fn variant(variant: &Variant) -> io::Result<shape::Variant> {
    let measured = Measure::ALL.iter().filter(|&&measure| !variant.measures.get(measure).is_empty());
    Ok(shape::Variant {
        label: variant.label.clone(),
        modes: variant.modes.clone(),
        remarks: variant.remarks.clone(),
        stamp_ns: to_thousandths(variant.stamp_ns),
        warm_up_ns: variant.warm_up_ns,
        lateness: variant.lateness.map(|lateness| shape::Lateness {
            limit_ns: lateness.limit_ns,
            sent: lateness.sent,
            late: lateness.late,
        }),
        counts: counts(&variant.counts),
        measures: measured.map(|&of| Ok((of.name().to_owned(), measure(variant, of)?))).collect::<io::Result<_>>()?,
        rounds: variant.rounds.iter().map(round).collect(),
        intervals_of: variant.intervals_of.map(|measure| measure.name().to_owned()),
        intervals: variant.intervals.iter().map(interval).collect(),
    })
}

fn counts(counts: &Counts) -> shape::Counts {
    let dropped = counts.dropped_by_reason.iter().map(|(reason, count)| shape::Dropped { reason: reason.clone(), count: *count });
    shape::Counts {
        elapsed_ns: counts.elapsed_ns,
        end_late_ns: counts.end_late_ns,
        due: counts.due,
        sent: counts.sent,
        warm_up: counts.warm_up,
        received: counts.received,
        messages: counts.messages,
        distinct_messages: counts.distinct_messages,
        records: counts.records,
        lost_messages: counts.lost_messages,
        gaps: counts.gaps,
        overrun: counts.overrun,
        dropped_by_reason: dropped.collect(),
        sampled: counts.sampled,
        unmatched: counts.unmatched,
        unseen: Some(counts.unseen),
        unfollowed: counts.unfollowed,
        lapped: counts.lapped,
        stopped: counts.stopped,
    }
}

fn measure(variant: &Variant, measure: Measure) -> io::Result<shape::Measure> {
    let histogram = variant.measures.get(measure);
    let [p50_ns, p90_ns, p99_ns, p99_9_ns, p99_99_ns, _] = PERCENTILES.map(|percentile| percentile.of(histogram));
    Ok(shape::Measure {
        of: measure.of().name().to_owned(),
        count: histogram.len(),
        min_ns: histogram.min(),
        mean_ns: to_thousandths(histogram.mean()),
        stdev_ns: to_thousandths(histogram.stdev()),
        p50_ns,
        p90_ns,
        p99_ns,
        p99_9_ns,
        p99_99_ns,
        max_ns: Percentile::MAX.of(histogram).unwrap_or(0),
        histogram: encoded::encode(histogram)?,
    })
}

fn round(round: &RoundFigures) -> shape::Round {
    let percentiles = round.percentiles.iter().map(|figures| shape::RoundPercentiles {
        measure: figures.measure.name().to_owned(),
        count: figures.count,
        ns: figures.ns,
    });
    shape::Round {
        datagrams_per_s: to_thousandths(round.datagrams_per_s),
        messages_per_s: to_thousandths(round.messages_per_s),
        ping_pong_ns: round.ping_pong_ns.clone(),
        percentiles: percentiles.collect(),
    }
}

fn interval(interval: &Interval) -> shape::Interval {
    let &Interval { start_ns, length_ns, count, p50_ns, p99_ns, max_ns, datagrams, received, messages, gaps } = interval;
    shape::Interval { start_ns, length_ns, count, p50_ns, p99_ns, max_ns, datagrams, received, messages, gaps }
}

fn comparisons(result: &BenchResult) -> Vec<shape::Comparison> {
    let mut comparisons = Vec::new();
    for (measured, other) in comparison::pairs(result) {
        for measure in comparison::measures(result) {
            for (percentile, ratio) in PERCENTILES.iter().zip(comparison::ratios(measured, other, measure)) {
                comparisons.extend(ratio.map(|ratio| shape::Comparison {
                    measured: measured.label.clone(),
                    other: other.label.clone(),
                    measure: measure.name().to_owned(),
                    percentile: percentile.to_string(),
                    rounds: ratio.rounds,
                    ratio: to_thousandths(ratio.median),
                    ratio_low: to_thousandths(ratio.low),
                    ratio_high: to_thousandths(ratio.high),
                }));
            }
        }
    }
    comparisons
}

/// To a thousandth: a number of at most 53 bits is read back as exactly the same one. What is no number is 0.
pub(super) fn to_thousandths(number: f64) -> f64 {
    // Beyond that a thousandth is lost in the number itself, and what is read back would be another one.
    if number.is_nan() { 0.0 } else { (number.clamp(-9e12, 9e12) * 1e3).round() / 1e3 }
}

//! How a round went: latency, rate and gaps by interval.

use std::io;

use super::axis::{Axis, log_time};
use super::chart::{Chart, Layer};
use super::ink::Ink;
use super::page::{Callout, Page, Swatch, Table};
use crate::bench::Interval;
use crate::bench::results::readable::{count_of, grouped, three_digits, time};
use crate::bench::results::{BenchResult, Variant};
use crate::bench::results::{lost, summary};

/// Points a chart can show; more intervals are put together.
const MOST_POINTS: usize = 360;
/// Rows a table can hold before nobody reads it.
const MOST_ROWS: usize = 60;
const NS_PER_S: f64 = 1e9;

/// Latency over time, a chart for each variant, all on the same scale.
pub(super) fn latency(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let all = || result.variants.iter().flat_map(|variant| &variant.intervals).filter(|interval| interval.count > 0);
    let y = Axis::log_times("time", all().flat_map(|interval| [interval.p50_ns, interval.p99_ns, interval.max_ns]));
    let x = seconds(result);
    for variant in result.variants.iter().filter(|variant| variant.intervals.iter().any(|interval| interval.count > 0)) {
        let (intervals, together) = merged(&variant.intervals, MOST_POINTS);
        let of = variant.intervals_of.unwrap_or(result.headline);
        let title = of.title();
        let y = Axis { name: format!("{title}, time"), ..y.clone() };
        let line = |figure: &dyn Fn(&Interval) -> u64| -> Vec<(f64, f64)> {
            let measured = intervals.iter().filter(|interval| interval.count > 0);
            measured.map(|interval| (middle_s(interval), log_time(figure(interval)))).collect()
        };
        let mut layers = warm_up(variant);
        for (nth, points) in [line(&|i| i.p50_ns), line(&|i| i.p99_ns), line(&|i| i.max_ns)].into_iter().enumerate() {
            layers.push(match points.len() {
                1 => Layer::Marks {
                    points: points.into_iter().map(|(x, y)| (x, y, String::new())).collect(),
                    ink: Ink::Series(nth),
                    filled: true,
                },
                _ => Layer::Line { points, ink: Ink::Series(nth), pale: false },
            });
        }
        let worst = variant.intervals.iter().map(|interval| interval.max_ns).max().unwrap_or(0);
        let chart = Chart {
            says: format!(
                "{}: {title} over time: p50, p99 and maximum of each interval; the greatest is {}.",
                summary::label(variant),
                time(worst)
            ),
            x: x.clone(),
            y,
            layers,
            height: 300,
            right: 0,
        };
        page.heading(&heading(variant));
        if lost::is_spoilt(variant, of) {
            page.callout(Callout::Warning, &format!("Many samples of {title} were lost: what is drawn is of the others."));
        }
        let key = ["p50", "p99", "maximum"].into_iter().enumerate();
        let key: Vec<_> = key.map(|(nth, name)| (Ink::Series(nth), Swatch::Stroke, name.to_owned())).collect();
        let shaded = if variant.warm_up_ns > 0 { "Shaded: the warm-up, which is in no percentile. " } else { "" };
        page.figure(&chart, &key, format!("{shaded}{}", together_words(together)).trim_end())?;
        page.folded("Figures by interval", &table(variant));
    }
    Ok(())
}

/// Datagrams sent and received a second, and gaps; a chart for each variant, all on the same scale.
pub(super) fn rate(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let variants = || result.variants.iter().filter(|variant| !variant.intervals.is_empty());
    let drawn: Vec<(&Variant, Vec<Interval>, usize)> = variants()
        .map(|variant| {
            let (intervals, together) = merged(&variant.intervals, MOST_POINTS);
            (variant, intervals, together)
        })
        .collect();
    let rates = drawn.iter().flat_map(|(_, intervals, _)| intervals).flat_map(|i| [per_s(i, i.datagrams), per_s(i, i.received)]);
    let greatest = rates.fold(0.0, f64::max);
    for (variant, intervals, together) in &drawn {
        let line = |datagrams: fn(&Interval) -> u64| -> Vec<(f64, f64)> {
            intervals.iter().map(|interval| (middle_s(interval), per_s(interval, datagrams(interval)))).collect()
        };
        let mut layers = warm_up(variant);
        layers.push(Layer::Line { points: line(|interval| interval.datagrams), ink: SENT, pale: false });
        let mut key = vec![(SENT, Swatch::Stroke, "sent, by when it was due".to_owned())];
        if knows_received(variant) {
            layers.push(Layer::Line { points: line(|interval| interval.received), ink: RECEIVED, pale: false });
            key.push((RECEIVED, Swatch::Stroke, "received, by when it was".to_owned()));
        }
        let total = variant.intervals.iter().fold(0_u64, |total, interval| total.saturating_add(interval.gaps));
        let marks = intervals.iter().filter(|interval| interval.gaps > 0).map(|interval| {
            let at_s = three_digits(interval.start_ns as f64 / NS_PER_S);
            (middle_s(interval), per_s(interval, interval.datagrams), format!("{} at {at_s} s", count_of(interval.gaps, "gap")))
        });
        layers.push(Layer::Marks { points: marks.collect(), ink: GAP, filled: true });
        if total > 0 {
            key.push((GAP, Swatch::Mark { whole: true }, "a gap in the sequence that the pipeline saw then".to_owned()));
        }
        let gaps = if total == 0 { "No gaps".to_owned() } else { count_of(total, "gap") };
        let chart = Chart {
            says: format!("{}: datagrams sent and received a second, over time. {gaps}.", summary::label(variant)),
            x: seconds(result),
            y: Axis::from_nought("datagrams a second", greatest, |rate| grouped(rate.round().max(0.0) as u64)),
            layers,
            height: 240,
            right: 0,
        };
        page.heading(&heading(variant));
        page.figure(&chart, &key, format!("{gaps}. {}", together_words(*together)).trim_end())?;
    }
    Ok(())
}

const SENT: Ink = Ink::Series(0);
const RECEIVED: Ink = Ink::Series(1);
const GAP: Ink = Ink::Series(5);

/// Whether what was received was counted: not in results from before it was.
fn knows_received(variant: &Variant) -> bool {
    variant.intervals.iter().any(|interval| interval.received > 0)
}

/// Both charts' tables have the same intervals, so there is one.
fn table(variant: &Variant) -> Table {
    let (intervals, together) = merged(&variant.intervals, MOST_ROWS);
    let head = ["from", "values", "p50", "p99", "max", "sent", "sent/s", "received", "messages", "gaps"].map(str::to_owned).to_vec();
    let knows_received = knows_received(variant);
    let told = |interval: &Interval, ns: u64| if interval.count == 0 { "–".to_owned() } else { time(ns) };
    let row = |interval: &Interval| {
        let warm_up = if interval.start_ns < variant.warm_up_ns { " (warm-up)" } else { "" };
        vec![
            format!("{} s{warm_up}", three_digits(interval.start_ns as f64 / NS_PER_S)),
            grouped(interval.count),
            told(interval, interval.p50_ns),
            told(interval, interval.p99_ns),
            told(interval, interval.max_ns),
            grouped(interval.datagrams),
            grouped(per_s(interval, interval.datagrams).round() as u64),
            if knows_received { grouped(interval.received) } else { "–".to_owned() },
            grouped(interval.messages),
            grouped(interval.gaps),
        ]
    };
    let caption = format!("{}, by interval. {}", heading(variant), together_words(together));
    Table { caption: caption.trim_end().to_owned(), head, rows: intervals.iter().map(row).collect(), words: 1 }
}

fn together_words(together: usize) -> String {
    match together {
        1 => String::new(),
        _ => format!("Every {together} intervals stand as one: the middle p50, the greatest p99 and maximum, the sum of the counts."),
    }
}

/// `xdp, round 5 of 5`.
fn heading(variant: &Variant) -> String {
    let rounds = variant.rounds.len();
    format!("{}, round {rounds} of {rounds}", summary::label(variant))
}

fn warm_up(variant: &Variant) -> Vec<Layer> {
    let shade = || Layer::Shade { from: 0.0, to: variant.warm_up_ns as f64 / NS_PER_S, words: "warm-up, in no percentile".to_owned() };
    (variant.warm_up_ns > 0).then(shade).into_iter().collect()
}

fn seconds(result: &BenchResult) -> Axis {
    let ends = result.variants.iter().flat_map(|variant| &variant.intervals);
    let end_s = ends.map(|interval| interval.start_ns.saturating_add(interval.length_ns) as f64 / NS_PER_S).fold(0.0, f64::max);
    Axis::plain("seconds since the first datagram was due", 0.0, end_s, |at| format!("{} s", plain(at)))
}

/// `0.5`, `20`: a tick's value without what rounding left of it.
fn plain(at: f64) -> String {
    let text = format!("{at:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn middle_s(interval: &Interval) -> f64 {
    (interval.start_ns as f64 + interval.length_ns as f64 / 2.0) / NS_PER_S
}

fn per_s(interval: &Interval, datagrams: u64) -> f64 {
    if interval.length_ns == 0 { 0.0 } else { datagrams as f64 * NS_PER_S / interval.length_ns as f64 }
}

/// Intervals put together until there are no more than so many, and how many stand as one.
fn merged(intervals: &[Interval], most: usize) -> (Vec<Interval>, usize) {
    let together = intervals.len().div_ceil(most).max(1);
    let merge = |group: &[Interval]| {
        let mut measured: Vec<u64> = group.iter().filter(|interval| interval.count > 0).map(|interval| interval.p50_ns).collect();
        measured.sort_unstable();
        let sum = |figure: fn(&Interval) -> u64| group.iter().map(figure).fold(0, u64::saturating_add);
        let greatest = |figure: fn(&Interval) -> u64| group.iter().map(figure).max().unwrap_or(0);
        Interval {
            start_ns: group.first().map_or(0, |interval| interval.start_ns),
            length_ns: sum(|interval| interval.length_ns),
            count: sum(|interval| interval.count),
            p50_ns: measured.get(measured.len() / 2).copied().unwrap_or(0),
            p99_ns: greatest(|interval| interval.p99_ns),
            max_ns: greatest(|interval| interval.max_ns),
            datagrams: sum(|interval| interval.datagrams),
            received: sum(|interval| interval.received),
            messages: sum(|interval| interval.messages),
            gaps: sum(|interval| interval.gaps),
        }
    };
    (intervals.chunks(together).map(merge).collect(), together)
}

//! How a round went: latency, rate and gaps by interval.

use std::io;

use super::axis::{Axis, log_time};
use super::chart::{Chart, Layer};
use super::ink::Ink;
use super::page::{Page, Swatch, Table};
use crate::bench::Interval;
use crate::bench::results::readable::{count_of, grouped, three_digits, time};
use crate::bench::results::summary;
use crate::bench::results::{BenchResult, Variant};

/// Points a chart can show; more intervals are put together.
const MOST_POINTS: usize = 360;
/// Rows a table can hold before nobody reads it.
const MOST_ROWS: usize = 60;
const NS_PER_S: f64 = 1e9;

/// Latency over time, a chart for each variant, all on the same scale.
pub(super) fn latency(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let title = result.headline.title();
    let all = || result.variants.iter().flat_map(|variant| &variant.intervals).filter(|interval| interval.count > 0);
    let y = Axis::log_times(&format!("{title}, time"), all().flat_map(|interval| [interval.p50_ns, interval.p99_ns, interval.max_ns]));
    let x = seconds(result);
    for variant in result.variants.iter().filter(|variant| variant.intervals.iter().any(|interval| interval.count > 0)) {
        let (intervals, together) = merged(&variant.intervals, MOST_POINTS);
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
            y: y.clone(),
            layers,
            height: 300,
            left: 74,
            right: 0,
        };
        page.heading(&summary::label(variant));
        let key = ["p50", "p99", "maximum"].into_iter().enumerate();
        let key: Vec<_> = key.map(|(nth, name)| (Ink::Series(nth), Swatch::Stroke, name.to_owned())).collect();
        let shaded = if variant.warm_up_ns > 0 { "Shaded: the warm-up, which is in no percentile. " } else { "" };
        page.figure(&chart, &key, format!("{shaded}{}", together_words(together)).trim_end())?;
        page.folded("Figures by interval", &table(variant));
    }
    Ok(())
}

/// Datagrams sent a second, and gaps.
pub(super) fn rate(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let mut layers = Vec::new();
    let (mut greatest, mut together) = (0.0, 1);
    let mut gaps_said = Vec::new();
    let mut key = Vec::new();
    if let Some(first) = result.variants.iter().find(|variant| !variant.intervals.is_empty()) {
        layers.extend(warm_up(first));
    }
    for (nth, variant) in result.variants.iter().enumerate().filter(|(_, variant)| !variant.intervals.is_empty()) {
        let (intervals, merged) = merged(&variant.intervals, MOST_POINTS);
        together = together.max(merged);
        let points: Vec<(f64, f64)> = intervals.iter().map(|interval| (middle_s(interval), per_s(interval))).collect();
        greatest = points.iter().map(|(_, rate)| *rate).fold(greatest, f64::max);
        let gaps = intervals.iter().filter(|interval| interval.gaps > 0);
        let marks = gaps.map(|interval| {
            let words = format!(
                "{}: {} at {} s",
                summary::label(variant),
                count_of(interval.gaps, "gap"),
                three_digits(interval.start_ns as f64 / NS_PER_S)
            );
            (middle_s(interval), per_s(interval), words)
        });
        let total = variant.intervals.iter().fold(0_u64, |total, interval| total.saturating_add(interval.gaps));
        gaps_said.push(format!("{} {}", summary::label(variant), if total == 0 { "no gaps".to_owned() } else { count_of(total, "gap") }));
        let marks = Layer::Marks { points: marks.collect(), ink: Ink::Series(nth), filled: true };
        layers.push(Layer::Line { points, ink: Ink::Series(nth), pale: false });
        layers.push(marks);
        key.push((Ink::Series(nth), Swatch::Line, summary::label(variant)));
    }
    let chart = Chart {
        says: format!("Datagrams sent a second, over time. Gaps: {}.", gaps_said.join(", ")),
        x: seconds(result),
        y: Axis::from_nought("datagrams sent a second", greatest, |rate| grouped(rate.round().max(0.0) as u64)),
        layers,
        height: 280,
        left: 88,
        right: 0,
    };
    let caption = format!(
        "A mark on a line is a gap in the sequence that the pipeline saw then: {}. {}",
        gaps_said.join(", "),
        together_words(together)
    );
    page.figure(&chart, &key, caption.trim_end())
}

/// Both charts' tables have the same intervals, so there is one.
fn table(variant: &Variant) -> Table {
    let (intervals, together) = merged(&variant.intervals, MOST_ROWS);
    let head = ["from", "values", "p50", "p99", "max", "datagrams", "datagrams/s", "messages", "gaps"].map(str::to_owned).to_vec();
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
            grouped(per_s(interval).round() as u64),
            grouped(interval.messages),
            grouped(interval.gaps),
        ]
    };
    let caption = format!("{}: its last round by interval. {}", summary::label(variant), together_words(together));
    Table { caption: caption.trim_end().to_owned(), head, rows: intervals.iter().map(row).collect(), words: 1 }
}

fn together_words(together: usize) -> String {
    match together {
        1 => String::new(),
        _ => format!("Every {together} intervals stand as one: the middle p50, the greatest p99 and maximum, the sum of the counts."),
    }
}

fn warm_up(variant: &Variant) -> Vec<Layer> {
    let shade = || Layer::Shade { from: 0.0, to: variant.warm_up_ns as f64 / NS_PER_S, words: "warm-up, in no percentile".to_owned() };
    (variant.warm_up_ns > 0).then(shade).into_iter().collect()
}

fn seconds(result: &BenchResult) -> Axis {
    let ends = result.variants.iter().flat_map(|variant| &variant.intervals);
    let end_s = ends.map(|interval| interval.start_ns.saturating_add(interval.length_ns) as f64 / NS_PER_S).fold(0.0, f64::max);
    Axis::plain("seconds since the first datagram was due, last round", 0.0, end_s, |at| format!("{} s", plain(at)))
}

/// `0.5`, `20`: a tick's value without what rounding left of it.
fn plain(at: f64) -> String {
    let text = format!("{at:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn middle_s(interval: &Interval) -> f64 {
    (interval.start_ns as f64 + interval.length_ns as f64 / 2.0) / NS_PER_S
}

fn per_s(interval: &Interval) -> f64 {
    if interval.length_ns == 0 { 0.0 } else { interval.datagrams as f64 * NS_PER_S / interval.length_ns as f64 }
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
            messages: sum(|interval| interval.messages),
            gaps: sum(|interval| interval.gaps),
        }
    };
    (intervals.chunks(together).map(merge).collect(), together)
}

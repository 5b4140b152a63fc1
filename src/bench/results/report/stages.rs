//! Where the time of a datagram goes: each stage's share, and how far it spreads.

use std::io;

use super::axis::{Axis, log_time};
use super::chart::{Chart, Layer};
use super::histograms;
use super::ink::Ink;
use super::page::{Page, Swatch, Table};
use crate::bench::Measure;
use crate::bench::results::percentile::{PERCENTILES, Percentile};
use crate::bench::results::readable::{clipped, grouped, share, three_digits, time};
use crate::bench::results::summary;
use crate::bench::results::{BenchResult, Variant};

/// The parts of a datagram's time from received to published, and the way from the ring to the consumer.
pub(super) const PARTS: [Measure; 7] =
    [Measure::Receive, Measure::Arbitrate, Measure::Decode, Measure::Book, Measure::Publish, Measure::BatchEnd, Measure::PublishedToSeen];
/// Of each variant a bar for each of these.
const BARS: [(&str, Option<Percentile>); 3] = [("mean", None), ("p50", Some(PERCENTILES[0])), ("p99", Some(PERCENTILES[2]))];
const BAR_HEIGHT: u32 = 34;

/// Whether there is anything to show.
pub(super) fn any(result: &BenchResult) -> bool {
    result.variants.iter().any(has_parts)
}

fn has_parts(variant: &Variant) -> bool {
    PARTS.iter().any(|&part| summary::tells(variant, part))
}

/// Shares as bars, spreads on a time axis, and the figures.
pub(super) fn show(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    shares(page, result)?;
    histograms::show(page, result)?;
    spreads(page, result)?;
    for variant in result.variants.iter().filter(|variant| has_parts(variant)) {
        page.table(&table(variant));
    }
    Ok(())
}

/// The parts of one bar, ns; `None` where one of them cannot be told.
fn parts(variant: &Variant, percentile: Option<Percentile>) -> Option<Vec<(usize, f64)>> {
    let measured = PARTS.iter().enumerate().filter(|(_, part)| summary::tells(variant, **part));
    let ns = |part: Measure| match percentile {
        None => Some(variant.measures.get(part).mean()),
        Some(percentile) => percentile.of(variant.measures.get(part)).map(|ns| ns as f64),
    };
    measured.map(|(nth, &part)| Some((nth, ns(part)?))).collect()
}

fn shares(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let mut layers = Vec::new();
    let mut names = Vec::new();
    for variant in result.variants.iter().filter(|variant| has_parts(variant)) {
        for (bar, percentile) in BARS {
            let Some(parts) = parts(variant, percentile) else { continue };
            let whole: f64 = parts.iter().map(|(_, ns)| ns).sum();
            if whole <= 0.0 {
                continue;
            }
            let y = names.len() as f64;
            names.push(format!("{} {bar}", clipped(&summary::label(variant), 12)));
            let mut from = 0.0;
            for (nth, ns) in parts {
                let (to, title) = (from + ns / whole * 100.0, short(PARTS[nth]));
                let percent = format!("{} %", three_digits(to - from));
                let words = vec![format!("{} {title} {percent}", nth + 1), format!("{} {percent}", nth + 1), format!("{}", nth + 1)];
                let tip = format!("{} {bar}: {title}: {}, {percent}", summary::label(variant), time(ns.round() as u64));
                layers.push(Layer::Bar { x: (from, to), y: (-y - 0.38, -y + 0.38), ink: ink(PARTS[nth], nth), words, tip });
                from = to;
            }
            layers.push(Layer::Words { at: (100.0, -y), words: time(whole.round() as u64) });
        }
    }
    // The first bar at the top: places count downwards.
    let ticks = names.iter().enumerate().rev().map(|(nth, name)| (-(nth as f64), name.clone())).collect();
    let y = Axis { name: String::new(), from: 0.5 - names.len().max(1) as f64, to: 0.5, ticks, light: Vec::new() };
    let x = Axis::plain("share of the stages' sum, which stands behind each bar", 0.0, 100.0, |percent| format!("{percent:.0} %"));
    let chart = Chart {
        says: "Share of each stage in a datagram's time, for mean, p50 and p99; the figures are in the tables below.".to_owned(),
        x,
        y,
        layers,
        height: 80 + BAR_HEIGHT * names.len().clamp(1, 60) as u32,
        right: 74,
    };
    let measured = |part: Measure| result.variants.iter().any(|variant| summary::tells(variant, part));
    let key = PARTS.iter().enumerate().filter(|(_, part)| measured(**part));
    let key: Vec<_> = key.map(|(nth, &part)| (ink(part, nth), Swatch::Bar(nth + 1), part.title().to_owned())).collect();
    let caption = "Receive holds the wait behind the other datagrams of the same batch, rest of its batch the wait until they are done too: a batch \
                   is published whole. All of it is of the datagrams that were stamped, and stamping slows them; the times of the whole are \
                   of the others, so the parts do not add up to those to the nanosecond. Percentiles add up to nothing at all: the datagram that is slow in one \
                   stage is seldom the one that is slow in another.";
    page.figure(&chart, &key, caption)
}

/// From p50 over p99 to the maximum, each stage of each variant.
fn spreads(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let measured: Vec<Measure> =
        PARTS.into_iter().filter(|&part| result.variants.iter().any(|variant| summary::tells(variant, part))).collect();
    let variants = result.variants.len().max(1) as f64;
    let figures = |variant: &Variant, part: Measure| {
        [PERCENTILES[0], PERCENTILES[2], Percentile::MAX].map(|percentile| {
            percentile.of(variant.measures.get(part)).filter(|_| summary::tells(variant, part)).map(|ns| (percentile, ns))
        })
    };
    let mut layers = Vec::new();
    for (row, &part) in measured.iter().enumerate() {
        for (nth, variant) in result.variants.iter().enumerate() {
            let y = -(row as f64) + 0.3 - 0.6 * (nth as f64 + 0.5) / variants;
            let told: Vec<(Percentile, u64)> = figures(variant, part).into_iter().flatten().collect();
            layers.push(Layer::Line {
                points: told.iter().map(|(_, ns)| (log_time(*ns), y)).collect(),
                ink: Ink::Series(nth),
                pale: false,
            });
            for (whole, end) in [(true, false), (false, true)] {
                let points = told.iter().filter(|(percentile, _)| (*percentile == Percentile::MAX) == end).map(|(percentile, ns)| {
                    (log_time(*ns), y, format!("{}: {} {percentile}: {}", summary::label(variant), part.title(), time(*ns)))
                });
                layers.push(Layer::Marks { points: points.collect(), ink: Ink::Series(nth), filled: whole });
            }
        }
    }
    let all =
        result.variants.iter().flat_map(|variant| measured.iter().flat_map(move |&part| figures(variant, part).into_iter().flatten()));
    let ticks = measured.iter().enumerate().rev().map(|(row, &part)| (-(row as f64), short(part).to_owned())).collect();
    let chart = Chart {
        says: "How far each stage spreads, from p50 over p99 to the maximum; the figures are in the tables below.".to_owned(),
        x: Axis::log_times("time of a datagram in the stage", all.map(|(_, ns)| ns)),
        y: Axis { name: String::new(), from: 0.5 - measured.len().max(1) as f64, to: 0.5, ticks, light: Vec::new() },
        layers,
        height: (110 + measured.len().max(1) as u32 * (16 + 14 * result.variants.len().clamp(1, 8) as u32)).min(700),
        right: 0,
    };
    let key: Vec<_> =
        result.variants.iter().enumerate().map(|(nth, variant)| (Ink::Series(nth), Swatch::Line, summary::label(variant))).collect();
    page.figure(&chart, &key, "From left to right: p50, p99 (whole marks) and the maximum (hollow).")
}

fn table(variant: &Variant) -> Table {
    let mean = |measure: Measure| variant.measures.get(measure).mean();
    let whole: f64 = PARTS.iter().filter(|&&part| summary::tells(variant, part)).map(|&part| mean(part)).sum();
    let head = ["", "values", "mean", "share of the mean"].into_iter().map(str::to_owned);
    let head = head.chain(PERCENTILES.map(|percentile| percentile.to_string())).collect();
    let messages = [Measure::DecodeMessage, Measure::BookMessage, Measure::PublishMessage];
    let row = |measure: Measure| {
        let histogram = variant.measures.get(measure);
        let shared = if PARTS.contains(&measure) { share(mean(measure).round() as u64, whole.round() as u64) } else { String::new() };
        let figures = PERCENTILES.map(|percentile| percentile.of(histogram).map_or("–".to_owned(), time));
        let first = [measure.title().to_owned(), grouped(histogram.len()), time(mean(measure).round() as u64), shared];
        first.into_iter().chain(figures).collect()
    };
    let measured = PARTS.into_iter().chain(messages).filter(|&measure| summary::tells(variant, measure));
    Table {
        caption: format!("{}: stages of a datagram, and of a message", summary::label(variant)),
        head,
        rows: measured.map(row).collect(),
        words: 1,
    }
}

/// Behind publishing there is no series left, and it is not the lane's.
fn ink(part: Measure, nth: usize) -> Ink {
    if part == Measure::PublishedToSeen { Ink::Muted } else { Ink::Series(nth) }
}

/// A name that fits beside an axis.
pub(super) fn short(part: Measure) -> &'static str {
    match part {
        Measure::PublishedToSeen => "seen",
        Measure::BatchEnd => "rest",
        part => part.title(),
    }
}

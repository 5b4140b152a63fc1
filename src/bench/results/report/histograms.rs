//! Histograms by stage: how often it took how long, a row for each stage, all on one logarithmic axis of times.

use std::io;

use super::axis::Axis;
use super::chart::{Chart, Layer};
use super::ink::Ink;
use super::page::{Page, Swatch};
use super::stages::{PARTS, short};
use crate::bench::Measure;
use crate::bench::results::summary;
use crate::bench::results::{BenchResult, Variant};

/// Bars in each decade of time: narrow enough for two humps, wide enough that what a clock's whole nanoseconds leave out is no gap.
const A_DECADE: f64 = 10.0;
/// How much of its row the highest bar takes.
const HIGHEST: f64 = 0.84;

/// A drawing of all stages that say anything.
pub(super) fn show(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let tells = |part: Measure| result.variants.iter().any(|variant| summary::tells(variant, part));
    let parts: Vec<Measure> = PARTS.into_iter().filter(|&part| tells(part)).collect();
    let mut layers = Vec::new();
    for (row, &part) in parts.iter().enumerate() {
        let ground = -(row as f64) - 0.42;
        layers.push(Layer::Rule { y: ground });
        let all: Vec<Vec<(i32, f64)>> = result.variants.iter().map(|variant| bars(variant, part)).collect();
        let highest = all.iter().flatten().map(|(_, share)| *share).fold(0.0, f64::max);
        for (nth, bars) in all.iter().enumerate() {
            let points = outline(bars).into_iter().map(|(at, share)| (at, ground + share / highest * HIGHEST));
            layers.push(Layer::Line { points: points.collect(), ink: Ink::Series(nth), pale: false });
        }
    }
    let ends = result.variants.iter().flat_map(|variant| {
        let told = parts.iter().filter(|&&part| summary::tells(variant, part)).map(|&part| variant.measures.get(part));
        told.flat_map(|histogram| [histogram.min(), histogram.max()])
    });
    let ticks = parts.iter().enumerate().rev().map(|(row, &part)| (-(row as f64), short(part).to_owned())).collect();
    let chart = Chart {
        says: "Histogram of each stage, on one logarithmic axis of times; the figures are in the tables below.".to_owned(),
        x: Axis::log_times("time of a datagram in the stage", ends),
        y: Axis { name: String::new(), from: 0.5 - parts.len().max(1) as f64, to: 0.5, ticks, light: Vec::new() },
        layers,
        height: 60 + 54 * parts.len().max(1) as u32,
        right: 0,
    };
    let key: Vec<_> =
        result.variants.iter().enumerate().map(|(nth, variant)| (Ink::Series(nth), Swatch::Stroke, summary::label(variant))).collect();
    let caption = "Histograms: how many of the values lie in each tenth of a decade. Each row is drawn to its own highest.";
    page.figure(&chart, &key, caption)
}

/// The share of the values in each bar that has any, by its number, which counts from 1 ns.
fn bars(variant: &Variant, part: Measure) -> Vec<(i32, f64)> {
    let histogram = variant.measures.get(part);
    let mut bars: Vec<(i32, f64)> = Vec::new();
    if !summary::tells(variant, part) {
        return bars;
    }
    for recorded in histogram.iter_recorded() {
        let nth = ((recorded.value_iterated_to().max(1) as f64).log10() * A_DECADE).floor() as i32;
        let share = recorded.count_at_value() as f64 / histogram.len() as f64;
        match bars.last_mut() {
            Some((last, sum)) if *last == nth => *sum += share,
            _ => bars.push((nth, share)),
        }
    }
    bars
}

/// The upper edge of bars, from the ground to the ground.
fn outline(bars: &[(i32, f64)]) -> Vec<(f64, f64)> {
    let edge = |nth: i32| f64::from(nth) / A_DECADE;
    let mut points = Vec::new();
    let mut end = None;
    for &(nth, share) in bars {
        if end != Some(nth) {
            points.extend(end.map(|end| (edge(end), 0.0)));
            points.push((edge(nth), 0.0));
        }
        points.extend([(edge(nth), share), (edge(nth + 1), share)]);
        end = Some(nth + 1);
    }
    points.extend(end.map(|end| (edge(end), 0.0)));
    points
}

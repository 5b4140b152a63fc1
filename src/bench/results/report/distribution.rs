//! Percentile curves: every variant's whole distribution, with as many nines as there are values for.

use std::io;

use super::axis::{Axis, log_time, nines};
use super::chart::{Chart, Layer};
use super::ink::Ink;
use super::page::{Page, Swatch, Table};
use crate::bench::Measure;
use crate::bench::results::BenchResult;
use crate::bench::results::percentile::{FEWEST_BEYOND, PERCENTILES};
use crate::bench::results::readable::{clipped, grouped, time};
use crate::bench::results::{hgrm, summary};

/// Steps of a curve for each halving of the distance to 100 %.
const STEPS: u32 = 10;

/// The curves of one measure, and the figures beside them.
pub(super) fn curves(page: &mut Page, result: &BenchResult, measure: Measure) -> io::Result<()> {
    let variants = || result.variants.iter().enumerate().filter(|(_, variant)| !variant.measures.get(measure).is_empty());
    let histograms = || variants().map(|(nth, variant)| (nth, variant.measures.get(measure)));
    let most = histograms().map(|(_, histogram)| histogram.len()).max().unwrap_or(0);
    let axis = Axis::percentiles(most);
    let mut layers = Vec::new();
    for (nth, histogram) in histograms() {
        let count = histogram.len() as f64;
        let steps = hgrm::steps(histogram, STEPS).into_iter();
        let mut points: Vec<(f64, f64)> = steps.map(|step| (nines(step.percent / 100.0).min(count.log10()), log_time(step.ns))).collect();
        // One value has no nines, and yet a place.
        points.dedup();
        let told_to = (count / FEWEST_BEYOND as f64).max(1.0).log10();
        let split = points.partition_point(|(at, _)| *at <= told_to);
        let (told, few) = points.split_at(split);
        let few: Vec<(f64, f64)> = told.last().into_iter().chain(few).copied().collect();
        layers.push(Layer::Line { points: few, ink: Ink::Series(nth), pale: true });
        layers.push(Layer::Line { points: told.to_vec(), ink: Ink::Series(nth), pale: false });
    }
    for (nth, variant) in variants() {
        let histogram = variant.measures.get(measure);
        let mark = |percentile: &crate::bench::results::percentile::Percentile| {
            let ns = percentile.of(histogram)?;
            let at = nines(percentile.quantile()).min((histogram.len() as f64).log10());
            Some((at, log_time(ns), format!("{} {percentile}: {}", summary::label(variant), time(ns))))
        };
        layers.push(Layer::Marks { points: PERCENTILES.iter().filter_map(mark).collect(), ink: Ink::Series(nth), filled: true });
    }
    let mut table = Table { caption: format!("{}: percentiles", measure.title()), words: 1, ..Table::default() };
    table.head = ["".to_owned(), "values".to_owned()].into_iter().chain(PERCENTILES.map(|percentile| percentile.to_string())).collect();
    for (_, variant) in variants() {
        let histogram = variant.measures.get(measure);
        let figures = PERCENTILES.map(|percentile| percentile.of(histogram).map_or("–".to_owned(), time));
        table.rows.push([summary::label(variant), grouped(histogram.len())].into_iter().chain(figures).collect());
    }
    let says = table.rows.iter().map(|row| format!("{}: p50 {}, p99 {}, maximum {}", row[0], row[2], row[4], row[7])).collect::<Vec<_>>();
    let lowest_and_highest = histograms().flat_map(|(_, histogram)| [histogram.min(), histogram.max()]);
    let chart = Chart {
        says: format!("Percentile curves of {}. {}.", measure.title(), says.join("; ")),
        x: axis,
        y: Axis::log_times(&format!("{}, time", measure.title()), lowest_and_highest),
        layers,
        height: 400,
        right: 0,
    };
    let key: Vec<_> = variants().map(|(nth, variant)| (Ink::Series(nth), Swatch::Line, clipped(&summary::label(variant), 40))).collect();
    let caption = format!(
        "Marks stand at the table's percentiles. Where fewer than {FEWEST_BEYOND} values lie beyond, the line is thin: that part is anecdote. \
         A dash in the table is a percentile that too few values tell."
    );
    page.figure(&chart, &key, &caption)?;
    page.table(&table);
    Ok(())
}

//! What was measured beside what it is compared with: ratios of rounds, and whether the machine stayed the same meanwhile.

use std::io;

use super::axis::Axis;
use super::chart::{Chart, Layer};
use super::ink::{Ink, SERIES};
use super::page::{Callout, Page, Swatch, Table};
use crate::bench::results::percentile::{PERCENTILES, Percentile};
use crate::bench::results::readable::{self, grouped};
use crate::bench::results::{BenchResult, Variant};
use crate::bench::results::{comparison, summary};

/// Whether there is anything to compare.
pub(super) fn any(result: &BenchResult) -> bool {
    result.variants.len() > 1
}

/// Each comparison: its sentence, its chart, its figures.
pub(super) fn show(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    for ((measured, other), sentence) in comparison::pairs(result).zip(summary::comparisons(result)) {
        let (mine, theirs) = (summary::label(measured), summary::label(other));
        page.heading(&format!("{mine} in times of {theirs}"));
        page.callout(if sentence.warns { Callout::Warning } else { Callout::Plain }, &sentence.words);
        ratios(page, result, measured, other)?;
    }
    for sentence in summary::losses_compared(result) {
        page.callout(Callout::Warning, &sentence.words);
    }
    Ok(())
}

fn ratios(page: &mut Page, result: &BenchResult, measured: &Variant, other: &Variant) -> io::Result<()> {
    let (mine, theirs) = (summary::label(measured), summary::label(other));
    let measures = comparison::measures(result);
    let mut layers = vec![Layer::Rule { y: 0.0 }];
    let (mut key, mut all) = (Vec::new(), Vec::new());
    let head = ["".to_owned(), "rounds".to_owned()].into_iter().chain(PERCENTILES.map(|percentile| percentile.to_string())).collect();
    let caption = format!("{mine} divided by {theirs}: median of the rounds' ratios, lowest to highest below it");
    let mut table = Table { caption, head, words: 1, ..Table::default() };
    for (nth, &measure) in measures.iter().enumerate() {
        let ratios = comparison::ratios(measured, other, measure);
        let Some(rounds) = ratios.iter().flatten().map(|ratio| ratio.rounds).max() else { continue };
        let ink = Ink::Series(nth);
        key.push((ink, Swatch::Line, measure.title().to_owned()));
        let mut marks = Vec::new();
        for (place, (percentile, ratio)) in PERCENTILES.iter().zip(&ratios).enumerate() {
            // One value divided by another: in the table, but nothing to be drawn.
            let Some(ratio) = ratio.as_ref().filter(|_| *percentile != Percentile::MAX) else { continue };
            let x = place as f64 + (nth as f64 - (measures.len() as f64 - 1.0) / 2.0) * 0.24;
            let each = comparison::round_ratios(measured, other, measure, place);
            all.extend(each.iter().copied());
            if ratio.rounds > 1 {
                layers.push(Layer::Whisker { x, low: ratio.low.max(1e-9).log10(), high: ratio.high.max(1e-9).log10(), ink });
                layers.push(Layer::Dots { points: each.iter().map(|ratio| (x + 0.07, ratio.max(1e-9).log10())).collect(), ink });
            }
            marks.push((x, ratio.median.max(1e-9).log10(), format!("{} {percentile}: {}", measure.title(), cell(ratio, " "))));
        }
        layers.push(Layer::Marks { points: marks, ink, filled: true });
        let cells = ratios.iter().map(|ratio| ratio.as_ref().map_or("–".to_owned(), |ratio| cell(ratio, "\n")));
        table.rows.push([measure.title().to_owned(), grouped(rounds as u64)].into_iter().chain(cells).collect());
    }
    if table.rows.is_empty() {
        return Ok(());
    }
    let chart = Chart {
        says: format!("Ratio of {mine} to {theirs} for each percentile, with the rounds' spread; the figures are in the table below."),
        x: Axis::places("percentile", PERCENTILES[..PERCENTILES.len() - 1].iter().map(|percentile| percentile.to_string())),
        y: Axis::ratios(&format!("{mine} divided by {theirs}: below 1 it takes less time"), all),
        layers,
        height: 330,
        right: 0,
    };
    let caption = "Mark: median of the rounds. Whisker: lowest to highest. Dots: each round, in which one ran right after the other. The line at 1 is \
                   no difference. What too few values tell is left out, and the maximum, which is one value, stands in the table alone.";
    page.figure(&chart, &key, caption)?;
    page.table(&table);
    Ok(())
}

/// The median, and the spread behind or below it.
fn cell(ratio: &comparison::Ratio, between: &str) -> String {
    match ratio.rounds {
        1 => readable::ratio(ratio.median),
        _ => format!("{}{between}{} to {}", readable::ratio(ratio.median), readable::ratio(ratio.low), readable::ratio(ratio.high)),
    }
}

/// Whether any round has a ping-pong.
pub(super) fn any_ping_pong(result: &BenchResult) -> bool {
    result.variants.iter().flat_map(|variant| &variant.rounds).any(|round| !round.ping_pong_ns.is_empty())
}

/// The ping-pong of each round, before and after.
pub(super) fn ping_pong(page: &mut Page, result: &BenchResult) -> io::Result<()> {
    let rounds = result.variants.iter().map(|variant| variant.rounds.len()).max().unwrap_or(0);
    let (mut layers, mut key, mut greatest) = (Vec::new(), Vec::new(), 0);
    let head = ["round".to_owned()].into_iter().chain(result.variants.iter().map(summary::label)).collect();
    let caption = "A cache line to the other core and back, ns, before / after each round".to_owned();
    let mut table = Table { caption, head, words: 1, ..Table::default() };
    let variants = result.variants.len().max(1) as f64;
    for (nth, variant) in result.variants.iter().enumerate() {
        let ink = Ink::Series(nth);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (round, figures) in variant.rounds.iter().enumerate() {
            let middle = round as f64 + (nth as f64 + 0.5) / variants * 0.6 - 0.3;
            let mut line = Vec::new();
            let last = figures.ping_pong_ns.len().saturating_sub(1);
            for (place, &ns) in figures.ping_pong_ns.iter().enumerate() {
                greatest = greatest.max(ns);
                let at = (middle + (place as f64 - 0.5) * 0.6 / variants * 0.4, ns as f64);
                let when = if place == 0 { "before" } else { "after" };
                let tip = format!("{}, round {}, {when}: {} ns", summary::label(variant), round + 1, grouped(ns));
                line.push(at);
                if place == 0 || place == last {
                    (if place == 0 { &mut before } else { &mut after }).push((at.0, at.1, tip));
                }
            }
            layers.push(Layer::Line { points: line, ink, pale: true });
        }
        if before.is_empty() {
            continue;
        }
        layers.push(Layer::Marks { points: before, ink, filled: true });
        layers.push(Layer::Marks { points: after, ink, filled: false });
        key.push((ink, Swatch::Mark { whole: true }, format!("{}, before", summary::label(variant))));
        key.push((ink, Swatch::Mark { whole: false }, format!("{}, after", summary::label(variant))));
    }
    for round in 0..rounds.min(MOST_ROUNDS) {
        let cell = |variant: &Variant| {
            let figures = variant.rounds.get(round).map_or(&[][..], |round| &round.ping_pong_ns);
            if figures.is_empty() { "–".to_owned() } else { figures.iter().map(|&ns| grouped(ns)).collect::<Vec<_>>().join(" / ") }
        };
        table.rows.push(std::iter::once((round + 1).to_string()).chain(result.variants.iter().map(cell)).collect());
    }
    let chart = Chart {
        says: "Cache-line ping-pong before and after each round; the figures are in the table below.".to_owned(),
        x: Axis::places("round", (1..=rounds).map(|round| round.to_string())),
        y: Axis::from_nought("ns for a cache line to the other core and back", greatest as f64, |ns| {
            format!("{} ns", grouped(ns.round().max(0.0) as u64))
        }),
        layers,
        height: 260,
        right: 0,
    };
    for variant in &result.variants {
        if let Some(sentence) = summary::ping_pong(variant).filter(|sentence| sentence.warns) {
            page.callout(Callout::Warning, &format!("{}: {}", summary::label(variant), sentence.words));
        }
    }
    page.figure(&chart, &key[..key.len().min(2 * SERIES)], "")?;
    page.table(&table);
    Ok(())
}

/// Rounds that a table shows.
const MOST_ROUNDS: usize = 200;

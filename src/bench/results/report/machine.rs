//! Figures without a drawing: all spans, counts and losses, the machine with what mends it, and the run itself.

use super::page::{Callout, Escaped, Page, Table};
use crate::bench::Measure;
use crate::bench::measure::Of;
use crate::bench::results::percentile::PERCENTILES;
use crate::bench::results::readable::{date, grouped, time};
use crate::bench::results::summary;
use crate::bench::results::{BenchResult, Variant};

/// All spans of the path that have values, by variant.
pub(super) fn spans(page: &mut Page, result: &BenchResult) {
    let stage = |measure: Measure| Measure::PARTS.contains(&measure) || measure.of() == Of::Message;
    let head = ["", "variant", "values"].into_iter().map(str::to_owned).chain(PERCENTILES.map(|percentile| percentile.to_string()));
    let mut table = Table { caption: "All spans of the path".to_owned(), head: head.collect(), words: 2, ..Table::default() };
    for &measure in Measure::ALL.iter().filter(|&&measure| !stage(measure)) {
        for variant in result.variants.iter().filter(|variant| summary::tells(variant, measure)) {
            let histogram = variant.measures.get(measure);
            let figures = PERCENTILES.map(|percentile| percentile.of(histogram).map_or("–".to_owned(), time));
            let first = [measure.title().to_owned(), summary::label(variant), grouped(histogram.len())];
            table.rows.push(first.into_iter().chain(figures).collect());
        }
    }
    page.table(&table);
}

/// What was counted, by variant.
pub(super) fn counts(page: &mut Page, result: &BenchResult) {
    type Count = (&'static str, fn(&Variant) -> u64);
    let all: [Count; 16] = [
        ("datagrams due", |variant| variant.counts.due),
        ("datagrams sent", |variant| variant.counts.sent),
        ("datagrams not sent", |variant| variant.counts.not_sent()),
        ("datagrams received, all lines", |variant| variant.counts.received),
        ("datagrams that never arrived", |variant| variant.counts.lost()),
        ("of them dropped by the kernel", |variant| variant.counts.overrun),
        ("datagrams of warm-up", |variant| variant.counts.warm_up),
        ("messages delivered in sequence", |variant| variant.counts.messages),
        ("gaps", |variant| variant.counts.gaps),
        ("messages lost in gaps", |variant| variant.counts.lost_messages),
        ("records published", |variant| variant.counts.records),
        ("records the consumer was too slow for", |variant| variant.counts.lapped),
        ("sampled datagrams", |variant| variant.counts.sampled),
        ("sampled datagrams without a partner", |variant| variant.counts.unmatched),
        ("of them not seen, behind the warm-up", |variant| variant.counts.unseen),
        ("of them in no time at all", |variant| variant.counts.unfollowed),
    ];
    let head = ["".to_owned()].into_iter().chain(result.variants.iter().map(summary::label)).collect();
    let mut table = Table { caption: "Counts".to_owned(), head, words: 1, ..Table::default() };
    for (name, count) in all {
        table.rows.push(std::iter::once(name.to_owned()).chain(result.variants.iter().map(|variant| grouped(count(variant)))).collect());
    }
    let mut reasons: Vec<&str> =
        result.variants.iter().flat_map(|variant| &variant.counts.dropped_by_reason).map(|(reason, _)| reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        let count = |variant: &Variant| {
            let found = variant.counts.dropped_by_reason.iter().find(|(known, _)| known == reason);
            grouped(found.map_or(0, |(_, count)| *count))
        };
        table.rows.push(std::iter::once(format!("dropped: {reason}")).chain(result.variants.iter().map(count)).collect());
    }
    for (name, figure) in
        [("elapsed", (|v| v.counts.elapsed_ns) as fn(&Variant) -> u64), ("ended later than due by", |v| v.counts.end_late_ns)]
    {
        table.rows.push(std::iter::once(name.to_owned()).chain(result.variants.iter().map(|variant| time(figure(variant)))).collect());
    }
    page.table(&table);
    for variant in &result.variants {
        page.heading(&summary::label(variant));
        let mut said = vec![("rate", summary::rate(variant)), ("lost", summary::loss(variant)), ("warm-up", summary::warm_up(variant))];
        said.extend(summary::dropped(variant).map(|sentence| ("dropped", sentence)));
        said.extend(summary::stamping(variant).map(|sentence| ("stamping", sentence)));
        said.extend(summary::stages(variant).map(|sentence| ("stages", sentence)));
        said.extend(summary::seen_early(variant).map(|sentence| ("seen early", sentence)));
        page.put(format_args!("<dl class=\"facts\">\n"));
        for (name, sentence) in said {
            page.put(format_args!("<div><dt>{name}</dt><dd>{}</dd></div>\n", Escaped(&sentence.words)));
        }
        if !variant.modes.is_empty() {
            page.put(format_args!("<div><dt>mode</dt><dd>{}</dd></div>\n", Escaped(&variant.modes.join(", "))));
        }
        page.put(format_args!("</dl>\n"));
        for remark in &variant.remarks {
            page.callout(Callout::Warning, remark);
        }
    }
}

/// The machine, what spoils the figures there, and what mends it.
pub(super) fn host(page: &mut Page, result: &BenchResult) {
    let facts = result.host.named();
    if facts.is_empty() && result.checks.is_empty() {
        page.paragraph("Nothing is known of the machine.");
        return;
    }
    page.put(format_args!("<dl class=\"facts\">\n"));
    for (name, fact) in facts {
        page.put(format_args!("<div><dt>{}</dt><dd>{}</dd></div>\n", Escaped(name), Escaped(fact)));
    }
    page.put(format_args!("</dl>\n"));
    if result.checks.is_empty() {
        return;
    }
    page.put(format_args!("<ul class=\"checks\">\n"));
    for check in &result.checks {
        let (class, mark) = match check.good {
            Some(true) => ("good", "✓ good"),
            Some(false) => ("bad", "✗ not good"),
            None => ("unknown", "? unknown"),
        };
        let found = if check.found.is_empty() { "could not be found out" } else { &check.found };
        page.put(format_args!(
            "<li class=\"{class}\"><span class=\"mark\">{mark}</span> <b>{}</b>: {}",
            Escaped(&check.name),
            Escaped(found)
        ));
        if check.good != Some(true) {
            page.put(format_args!("<p>{}</p>", Escaped(&check.why)));
            if !check.cure.is_empty() {
                page.put(format_args!("<pre><code>{}</code></pre>", Escaped(&check.cure)));
            }
        }
        page.put(format_args!("</li>\n"));
    }
    page.put(format_args!("</ul>\n"));
}

/// The command line, when, and how to read it all.
pub(super) fn run(page: &mut Page, result: &BenchResult) {
    page.command(&result.command);
    page.put(format_args!("<dl class=\"facts\">\n"));
    let rounds = grouped(u64::from(result.rounds));
    let facts = [("began", date(result.began_ns)), ("version", format!("tickwire {}", result.version)), ("rounds", rounds)];
    for (name, fact) in facts {
        page.put(format_args!("<div><dt>{name}</dt><dd>{}</dd></div>\n", Escaped(&fact)));
    }
    page.put(format_args!("</dl>\n"));
    page.heading("How to read it");
    page.paragraph(
        "Latency begins when a datagram was due, not when the sender got round to it: what waits behind a slow one counts as late as it is. \
         Percentiles are of the rounds together, without their warm-up; histograms keep three digits. Times of a shared machine mean little by \
         themselves: trust the ratios, which come from rounds that ran one right after the other, and their spread.",
    );
}

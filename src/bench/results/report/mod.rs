//! A result as one page: HTML with its style and its drawings in it, no script, nothing fetched from anywhere.
//!
//! What must be known first stands first: whether the sender kept its pace, whether the run was stopped, what the machine does to the
//! figures. Every drawing has its figures in a table beside it.

mod axis;
mod chart;
mod compared;
mod distribution;
mod histograms;
mod ink;
mod machine;
mod over_time;
mod page;
mod stages;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::BenchResult;
use super::percentile::PERCENTILES;
use super::readable::time;
use super::summary;
use crate::bench::Measure;
use crate::error::{Error, Exit};
use page::{Callout, Escaped, Page};

/// Nothing may be loaded and nothing run, whatever a file is called.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Writes the page `index.html` into a directory, which is made if it is not there; gives its path.
pub fn write_dir(result: &BenchResult, dir: &Path) -> Result<PathBuf, Error> {
    let path = dir.join("index.html");
    // Beside it and then renamed: a page that is there stays whole until the new one is, and a link is replaced, not what it leads to.
    let beside = dir.join(format!(".index.html.{}", std::process::id()));
    let failed = |error: io::Error| {
        let cure = "make room, or name another directory";
        Error::new(Exit::Failed, "the report could not be written", error, cure).in_file(&path)
    };
    fs::create_dir_all(dir).map_err(failed)?;
    let mut html = Vec::new();
    let written = write(result, &mut html).and_then(|()| fs::write(&beside, &html)).and_then(|()| fs::rename(&beside, &path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })?;
    Ok(path)
}

/// Writes the page.
pub fn write(result: &BenchResult, out: &mut dyn Write) -> io::Result<()> {
    let page = body(result)?;
    let title = format!("tickwire bench: {}", result.workload);
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", Escaped(POLICY))?;
    writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>", Escaped(&title))?;
    writeln!(out, "<style>\n{}{}</style>\n</head>\n<body>", ink::style(), include_str!("style.css"))?;
    head(result, out)?;
    writeln!(out, "<nav aria-label=\"Sections\"><ul>")?;
    for (anchor, title) in &page.contents {
        writeln!(out, "<li><a href=\"#{anchor}\">{}</a></li>", Escaped(title))?;
    }
    writeln!(out, "</ul></nav>\n<main>\n{}</main>", page.html())?;
    let (version, date) = (Escaped(&result.version).to_string(), super::readable::date(result.began_ns));
    writeln!(out, "<footer><p>tickwire {version}, {date}</p></footer>\n</body>\n</html>")
}

/// What was run, in a few lines.
fn head(result: &BenchResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<header>\n<p class=\"over\">tickwire bench</p>\n<h1>{}</h1>", Escaped(&summary::workload(result)))?;
    let date = super::readable::date(result.began_ns);
    writeln!(out, "<p class=\"under\">{}</p>", Escaped(&summary::pace(result)))?;
    writeln!(out, "<p class=\"under\">{date}, tickwire {}</p>\n</header>", Escaped(&result.version))
}

fn body(result: &BenchResult) -> io::Result<Page> {
    let mut page = Page::default();
    let headline = result.headline;
    let measured = |measure: Measure| result.variants.iter().any(|variant| !variant.measures.get(measure).is_empty());

    page.section("result", "Result", "");
    verdict(&mut page, result);
    cards(&mut page, result);
    page.end_section();

    if measured(headline) {
        let intro = format!("{}: {}. Every variant's whole distribution.", headline.title(), what(headline));
        page.section("percentiles", "Latency by percentile", &intro);
        distribution::curves(&mut page, result, headline)?;
        machine::spans(&mut page, result);
        page.end_section();
    }
    if compared::any(result) {
        let intro = "Both run in turn, so that what the machine does in the meantime happens to both; each round's figures are divided.";
        page.section("comparison", "Comparison", intro);
        compared::show(&mut page, result)?;
        page.end_section();
    }
    if result.variants.iter().any(|variant| variant.intervals.iter().any(|interval| interval.count > 0)) {
        page.section(
            "time",
            "Latency over time",
            "The last round of each variant, interval by interval; the percentiles of each round are in its JSON.",
        );
        over_time::latency(&mut page, result)?;
        page.end_section();
    }
    if stages::any(result) {
        let intro = "Of the datagrams whose stages were stamped. Each stage holds the cost of its stamps, which is told with the counts.";
        page.section("stages", "Where the time goes", intro);
        stages::show(&mut page, result)?;
        page.end_section();
    }
    if result.variants.iter().any(|variant| !variant.intervals.is_empty()) {
        page.section("rate", "Rate and gaps over time", "The last round of each variant: what was sent, and what was received.");
        over_time::rate(&mut page, result)?;
        page.end_section();
    }
    if measured(Measure::SenderLateness) {
        let intro = "How late each datagram went, counted from when it was due. It is part of every latency from due, and no fault of what is measured.";
        page.section("sender", "Sender's lateness", intro);
        for variant in &result.variants {
            let sentence = summary::sender(variant);
            let callout = if sentence.warns { Callout::Warning } else { Callout::Plain };
            page.callout(callout, &format!("{}: {}.", summary::label(variant), sentence.words));
        }
        distribution::curves(&mut page, result, Measure::SenderLateness)?;
        page.end_section();
    }
    if compared::any_ping_pong(result) {
        let intro = "How long a cache line takes to the other core and back, measured before and after each round: where it moves, the machine moved.";
        page.section("ping-pong", "Ping-pong between the cores", intro);
        compared::ping_pong(&mut page, result)?;
        page.end_section();
    }
    if !result.variants.is_empty() {
        page.section("counts", "Counts and losses", "All rounds together, warm-up included.");
        machine::counts(&mut page, result);
        page.end_section();
    }
    page.section("machine", "Machine", "");
    machine::host(&mut page, result);
    page.end_section();
    page.section("run", "This run", "");
    machine::run(&mut page, result);
    page.end_section();
    Ok(page)
}

fn verdict(page: &mut Page, result: &BenchResult) {
    let verdict = summary::verdict(result);
    page.callout(if verdict.warns { Callout::Warning } else { Callout::Plain }, &verdict.words);
    if result.stopped {
        page.callout(Callout::Warning, "The run was stopped before its end: these are the results so far.");
    }
    for sentence in summary::comparisons(result).into_iter().chain(summary::losses_compared(result)) {
        page.callout(if sentence.warns { Callout::Warning } else { Callout::Plain }, &sentence.words);
    }
    let spoilt = result.checks.iter().filter(|check| check.good != Some(true)).count();
    if spoilt > 0 {
        let checks = result.checks.len();
        page.put(format_args!(
            "<p class=\"callout warning\"><strong>Warning:</strong> {spoilt} of {checks} checks of the machine are not as they should be: \
             <a href=\"#machine\">what they found, and what mends it</a></p>\n"
        ));
    }
    for remark in &result.remarks {
        page.callout(Callout::Warning, remark);
    }
}

/// Each variant in five figures.
fn cards(page: &mut Page, result: &BenchResult) {
    page.put(format_args!("<div class=\"cards\">\n"));
    for (nth, variant) in result.variants.iter().enumerate() {
        let histogram = variant.measures.get(result.headline);
        let (ink, label) = (ink::Ink::Series(nth).variable(), summary::label(variant));
        page.put(format_args!("<div class=\"card\" style=\"border-top-color:var(--{ink})\">\n<h3>{}</h3>\n", Escaped(&label)));
        page.put(format_args!("<p class=\"of\">{}</p>\n<dl>\n", Escaped(result.headline.title())));
        for nth in [0, 2, 3, 5] {
            let percentile = PERCENTILES[nth];
            let figure = percentile.of(histogram).map_or("–".to_owned(), time);
            page.put(format_args!("<div><dt>{percentile}</dt><dd>{}</dd></div>\n", Escaped(&figure)));
        }
        page.put(format_args!("</dl>\n"));
        for (name, sentence) in
            [("rate", summary::rate(variant)), ("lost", summary::loss(variant)), (summary::who(variant), summary::sender(variant))]
        {
            let class = if sentence.warns { " class=\"warning\"" } else { "" };
            page.put(format_args!("<p{class}><b>{name}</b> {}</p>\n", Escaped(&sentence.words)));
        }
        page.put(format_args!("</div>\n"));
    }
    page.put(format_args!("</div>\n"));
}

/// What a measure is, for whoever reads it for the first time.
fn what(measure: Measure) -> &'static str {
    match measure {
        Measure::SenderLateness => "how late a datagram went",
        Measure::DueToReceived => "from when a datagram was due until it was received",
        Measure::DueToPublished => "from when a datagram was due until all its records were published",
        Measure::DueToSeen => "from when a datagram was due until a consumer had read its last record",
        Measure::ReceivedToPublished => "from receiving a datagram until all its records were published",
        Measure::PublishedToSeen => "from publishing a datagram's records until a consumer had read the last",
        _ => "the time of one stage",
    }
}

//! A result on the terminal: what spoils it first, then each variant's figures, then how they compare, then the machine.
//!
//! 110 columns; nothing but the text carries meaning, colours only underline it.

use std::io::{self, Write};

use super::comparison;
use super::percentile::PERCENTILES;
use super::readable::{self, clipped, grouped, one_line, time, wrapped};
use super::summary::{self, Sentence};
use super::{BenchResult, Variant};
use crate::bench::Measure;

/// Columns of the widest line.
pub const WIDTH: usize = 110;
/// Columns of the names at the left.
const NAMES: usize = 30;
/// Columns of the count of values.
const COUNT: usize = 13;
/// Columns of one figure.
const FIGURE: usize = 11;
/// Columns of the key at the left of a sentence.
const KEY: usize = 12;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Escape sequences of a terminal.
    Yes,
    /// Plain text.
    No,
}

#[derive(Clone, Copy)]
enum Tone {
    Bold,
    Dim,
    Good,
    Warning,
    Bad,
}

struct Table<'a> {
    out: &'a mut dyn Write,
    colours: Colours,
}

/// Writes a result as a table.
pub fn write(result: &BenchResult, colours: Colours, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table { out, colours };
    table.heading(result)?;
    for variant in &result.variants {
        table.variant(variant, result.headline)?;
    }
    for (measured, other) in comparison::pairs(result) {
        table.comparison(measured, other, result)?;
    }
    table.host(result)?;
    table.summary(result)
}

impl Table<'_> {
    fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Bold => "1",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31;1",
        };
        match self.colours {
            Colours::Yes => format!("\x1b[{code}m{text}\x1b[0m"),
            Colours::No => text.to_owned(),
        }
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", text.trim_end())
    }

    fn title(&mut self, title: &str) -> io::Result<()> {
        let title = self.paint(Tone::Bold, title);
        writeln!(self.out)?;
        self.line(&title)
    }

    /// A key and what is said of it, over as many lines as it needs.
    fn said(&mut self, key: &str, words: &str, tone: Option<Tone>) -> io::Result<()> {
        self.said_below(2, KEY, key, words, tone)
    }

    fn said_below(&mut self, indent: usize, width: usize, key: &str, words: &str, tone: Option<Tone>) -> io::Result<()> {
        let mut key = key;
        for line in wrapped(&one_line(words), WIDTH - indent - width) {
            let line = tone.map_or(line.clone(), |tone| self.paint(tone, &line));
            self.line(&format!("{:indent$}{key:<width$}{line}", ""))?;
            key = "";
        }
        Ok(())
    }

    fn sentence(&mut self, key: &str, sentence: &Sentence) -> io::Result<()> {
        self.said(key, &sentence.words, sentence.warns.then_some(Tone::Warning))
    }

    fn heading(&mut self, result: &BenchResult) -> io::Result<()> {
        let verdict = summary::verdict(result);
        let tone = if verdict.warns { Tone::Bad } else { Tone::Bold };
        self.said_below(0, 0, "", &verdict.words, Some(tone))?;
        if result.stopped {
            self.said_below(0, 0, "", "Stopped before its end: these are the results so far.", Some(Tone::Warning))?;
        }
        writeln!(self.out)?;
        self.said("workload", &summary::workload(result), None)?;
        self.said("pace", &summary::pace(result), None)?;
        for remark in &result.remarks {
            self.said("note", remark, Some(Tone::Warning))?;
        }
        Ok(())
    }

    fn variant(&mut self, variant: &Variant, headline: Measure) -> io::Result<()> {
        self.title(&summary::label(variant))?;
        let head: String = PERCENTILES.iter().map(|percentile| format!("{percentile:>FIGURE$}")).collect();
        let head = self.paint(Tone::Dim, &format!("{:NAMES$}{:>COUNT$}{head}", "", "values"));
        self.line(&head)?;
        let mut any_untold = false;
        for group in groups(variant, headline) {
            if let Some(title) = group.title {
                self.line(&format!("  {title}"))?;
            }
            let indent = if group.title.is_some() { 4 } else { 2 };
            for measure in group.measures {
                any_untold |= self.measure(variant, measure, indent, measure == headline)?;
            }
        }
        if any_untold {
            let line = self.paint(Tone::Dim, "  - : fewer than 10 values lie beyond it, so it is not told");
            self.line(&line)?;
        }
        if !variant.modes.is_empty() {
            self.said("mode", &variant.modes.join(", "), None)?;
        }
        self.sentence("rate", &summary::rate(variant))?;
        self.sentence("lost", &summary::loss(variant))?;
        if let Some(dropped) = summary::dropped(variant) {
            self.sentence("dropped", &dropped)?;
        }
        self.sentence(summary::who(variant), &summary::sender(variant))?;
        self.sentence("warm-up", &summary::warm_up(variant))?;
        if let Some(stamping) = summary::stamping(variant) {
            self.sentence("stamping", &stamping)?;
        }
        for (key, sentence) in [("stages", summary::stages(variant)), ("seen early", summary::seen_early(variant))] {
            if let Some(sentence) = sentence {
                self.sentence(key, &sentence)?;
            }
        }
        if let Some(ping_pong) = summary::ping_pong(variant) {
            self.sentence("ping-pong", &ping_pong)?;
        }
        for remark in &variant.remarks {
            self.said("note", remark, Some(Tone::Warning))?;
        }
        Ok(())
    }

    /// One row; says whether a percentile was left out.
    fn measure(&mut self, variant: &Variant, measure: Measure, indent: usize, bold: bool) -> io::Result<bool> {
        let histogram = variant.measures.get(measure);
        let figures = PERCENTILES.map(|percentile| percentile.of(histogram));
        let cells: String = figures.iter().map(|ns| format!("{:>FIGURE$}", ns.map_or("-".to_owned(), time))).collect();
        // A count that fits no column is of no real run.
        let count =
            Some(grouped(histogram.len())).filter(|count| count.len() < COUNT).unwrap_or_else(|| format!("{:.2e}", histogram.len() as f64));
        let row = format!("{:<NAMES$}{count:>COUNT$}{cells}", format!("{:indent$}{}", "", measure.title()));
        let row = if bold { self.paint(Tone::Bold, &row) } else { row };
        self.line(&row)?;
        Ok(figures.contains(&None))
    }

    /// How often one variant's times are the other's: the median of the rounds, and below it the lowest and the highest.
    fn comparison(&mut self, measured: &Variant, other: &Variant, result: &BenchResult) -> io::Result<()> {
        let (mine, theirs) = (summary::label(measured), summary::label(other));
        self.title(&clipped(&format!("{mine} in times of {theirs}: median of the rounds, lowest–highest below it"), WIDTH))?;
        let head: String = PERCENTILES.iter().map(|percentile| format!("{percentile:>FIGURE$}")).collect();
        let head = self.paint(Tone::Dim, &format!("{:NAMES$}{:>COUNT$}{head}", "", "rounds"));
        self.line(&head)?;
        for measure in comparison::measures(result) {
            let ratios = comparison::ratios(measured, other, measure);
            let Some(rounds) = ratios.iter().flatten().map(|ratio| ratio.rounds).max() else { continue };
            let medians: String = ratios
                .iter()
                .map(|ratio| {
                    let cell = format!("{:>FIGURE$}", ratio.map_or("-".to_owned(), |ratio| readable::ratio(ratio.median)));
                    match ratio.map_or(0, |ratio| if ratio.rounds >= comparison::FEWEST_ROUNDS { ratio.agreed() } else { 0 }) {
                        -1 => self.paint(Tone::Good, &cell),
                        1 => self.paint(Tone::Warning, &cell),
                        _ => cell,
                    }
                })
                .collect();
            self.line(&format!("{:<NAMES$}{rounds:>COUNT$}{medians}", format!("  {}", measure.title())))?;
            if rounds > 1 {
                // Two that are worlds apart still leave a space to the next column.
                let end = |ratio: f64| if ratio >= 999.5 { ">999".to_owned() } else { readable::ratio(ratio) };
                let spread = |ratio: &comparison::Ratio| {
                    let (low, high) = (end(ratio.low), end(ratio.high));
                    if low.len() + high.len() + 1 < FIGURE {
                        format!("{low}–{high}")
                    } else {
                        format!("{}–{}", bare(&low), bare(&high))
                    }
                };
                let spreads: String =
                    ratios.iter().map(|ratio| format!("{:>FIGURE$}", ratio.as_ref().map_or(String::new(), spread))).collect();
                let line = self.paint(Tone::Dim, &format!("{:NAMES$}{:COUNT$}{spreads}", "", ""));
                self.line(&line)?;
            }
        }
        Ok(())
    }

    fn host(&mut self, result: &BenchResult) -> io::Result<()> {
        let facts = result.host.named();
        if !facts.is_empty() {
            self.title("Machine")?;
        }
        for (name, fact) in facts {
            self.said(name, fact, None)?;
        }
        let wanting: Vec<_> = result.checks.iter().filter(|check| check.good != Some(true)).collect();
        if wanting.is_empty() {
            return match result.checks.len() {
                0 => Ok(()),
                checks => self.said("checks", &format!("all {checks} are as they should be"), Some(Tone::Good)),
            };
        }
        self.title(&format!("What spoils the figures: {} of {} checks", wanting.len(), result.checks.len()))?;
        for check in wanting {
            let (mark, tone) = if check.good.is_some() { ("✗", Tone::Bad) } else { ("?", Tone::Warning) };
            let mark = self.paint(tone, mark);
            let found = if check.found.is_empty() { "could not be found out" } else { &check.found };
            for (nth, line) in wrapped(&one_line(&format!("{}: {found}", check.name)), WIDTH - 4).into_iter().enumerate() {
                self.line(&format!("  {} {line}", if nth == 0 { &mark } else { " " }))?;
            }
            if !check.why.is_empty() {
                self.said_below(4, 0, "", &check.why, Some(Tone::Dim))?;
            }
            if !check.cure.is_empty() {
                self.said_below(4, 6, "mend:", &check.cure, None)?;
            }
        }
        Ok(())
    }

    fn summary(&mut self, result: &BenchResult) -> io::Result<()> {
        let sentences = summary::comparisons(result);
        if sentences.is_empty() {
            return Ok(());
        }
        self.title(&format!("Summary: {}", result.headline.title()))?;
        for sentence in sentences.into_iter().chain(summary::losses_compared(result)) {
            self.said_below(2, 0, "", &sentence.words, sentence.warns.then_some(Tone::Warning))?;
        }
        Ok(())
    }
}

/// Measures that stand together.
pub struct Group {
    /// What they are, if it has to be said.
    pub title: Option<&'static str>,
    /// Those that have values.
    pub measures: Vec<Measure>,
}

/// What a variant has values of: the headline, the sender's lateness and the other spans, then the stages.
pub fn groups(variant: &Variant, headline: Measure) -> Vec<Group> {
    let spans = [
        Measure::SenderLateness,
        Measure::DueToReceived,
        Measure::DueToPublished,
        Measure::DueToSeen,
        Measure::ReceivedToPublished,
        Measure::PublishedToSeen,
    ];
    let first = std::iter::once(headline);
    let group = |title, measures: &mut dyn Iterator<Item = Measure>| Group {
        title,
        measures: measures
            .filter(|&measure| measure == headline || summary::tells(variant, measure))
            .filter(|&measure| !variant.measures.get(measure).is_empty())
            .collect(),
    };
    let stages = Measure::PARTS.into_iter().filter(|&measure| measure != headline);
    let messages =
        Measure::ALL.iter().copied().filter(|&measure| measure.of() == crate::bench::measure::Of::Message && measure != headline);
    let groups = [
        group(None, &mut first.chain(spans.into_iter().filter(|&measure| measure != headline))),
        group(Some("stages, of a stamped datagram"), &mut stages.into_iter()),
        group(Some("stages, of a message"), &mut messages.into_iter()),
    ];
    groups.into_iter().filter(|group| !group.measures.is_empty()).collect()
}

/// A ratio below one without the zero before its point.
fn bare(ratio: &str) -> &str {
    ratio.strip_prefix('0').filter(|rest| rest.starts_with('.')).unwrap_or(ratio)
}

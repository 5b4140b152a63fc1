//! A run held against an earlier one, and against what was promised: [`Condition`]s.
//!
//! Only like is compared with like: another workload, pace or way of sending is a warning, and with a condition that needs the baseline a
//! refusal. What too few values tell is refused as well: a difference of two guesses is no finding. So is what was lost in part: the rest is the
//! fast part.

use std::io::{self, Write};

use super::condition::{Allowed, Asked, Condition, Limit};
use super::lost::{self, Lost};
use super::percentile::{PERCENTILES, Percentile};
use super::readable::{self, clipped, count_of, date, grouped, one_line, share, time};
use super::summary;
use super::{BenchResult, Variant};
use crate::bench::Measure;
use crate::error::{Error, Exit};

/// An earlier result, and what it is called in messages.
#[derive(Clone, Copy, Debug)]
pub struct Baseline<'a> {
    /// Its file.
    pub name: &'a str,
    /// What it holds.
    pub result: &'a BenchResult,
}

/// How a run stands to a baseline and to conditions.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What people must know before they believe it.
    pub warnings: Vec<String>,
    /// What was held against what, in words; empty without a baseline.
    pub heading: String,
    /// Each measure that both have: now, then.
    pub rows: Vec<Row>,
    /// Each condition.
    pub judged: Vec<Judged>,
}

/// A measure's percentiles in both runs, ns, in the order of [`PERCENTILES`].
#[derive(Clone, Debug)]
pub struct Row {
    /// Which.
    pub measure: Measure,
    /// This run's.
    pub now: [Option<u64>; PERCENTILES.len()],
    /// The baseline's.
    pub then: [Option<u64>; PERCENTILES.len()],
}

/// A condition, and what came of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The condition.
    pub condition: Condition,
    /// What it was held against.
    pub found: Found,
    /// Whether it is more than it may be.
    pub exceeded: bool,
}

/// What a condition is judged by.
#[derive(Clone, Copy, Debug)]
pub enum Found {
    /// A time.
    Time {
        /// Of what.
        measure: Measure,
        /// Which figure of it.
        percentile: Percentile,
        /// How much it may be.
        limit: Limit,
        /// This run's, ns.
        now_ns: u64,
        /// The baseline's, where it is asked for.
        then_ns: Option<u64>,
    },
    /// Datagrams.
    Lost {
        /// This run's.
        lost: Lost,
        /// How many may be.
        allowed: Allowed,
    },
}

/// Whether conditions can be judged at all: what can be known before the run.
pub fn check(conditions: &[Condition], has_baseline: bool) -> Result<(), Error> {
    match conditions.iter().find(|condition| condition.asks_for_baseline()) {
        Some(condition) if !has_baseline => {
            let (why, cure) = ("a factor is of a baseline, and there is none", "name one with --baseline FILE.json, or say a time");
            Err(Error::new(Exit::Usage, format!("--fail-if '{condition}'"), why, cure))
        }
        _ => Ok(()),
    }
}

/// Refuses what is known to be incomparable before anything of it is measured; `frame` is the result without variants.
///
/// # Errors
/// As [`judge`] would say it after the run.
pub fn check_frame(frame: &BenchResult, baseline: Option<Baseline<'_>>, conditions: &[Condition]) -> Result<(), Error> {
    let asks = conditions.iter().find(|condition| condition.asks_for_baseline());
    let (Some(condition), Some(Baseline { name, result })) = (asks, baseline) else { return Ok(()) };
    differences(frame, result).first().map_or(Ok(()), |first| Err(incomparable(condition, name, first)))
}

fn incomparable(condition: &Condition, name: &str, difference: &str) -> Error {
    let cure = "make a baseline of the same workload, pace and way with --json, or say a time";
    let why = format!("{name} cannot be compared with: {difference}");
    Error::new(Exit::Usage, format!("--fail-if '{condition}'"), why, cure)
}

/// Holds a run's first variant against the baseline's variant of the same name (or its first), and against conditions.
pub fn judge(result: &BenchResult, baseline: Option<Baseline<'_>>, conditions: &[Condition]) -> Result<Verdict, Error> {
    check(conditions, baseline.is_some())?;
    let mut verdict = Verdict { warnings: Vec::new(), heading: String::new(), rows: Vec::new(), judged: Vec::new() };
    let refuse = |what: String, why: String, cure: &str| Error::new(Exit::Failed, what, why, cure);
    let Some(mine) = result.variants.first() else {
        return match conditions.first() {
            Some(first) => Err(refuse(format!("--fail-if '{first}'"), "nothing was measured".into(), "")),
            None => Ok(verdict),
        };
    };
    let asks = conditions.iter().find(|condition| condition.asks_for_baseline());
    let mut theirs = None;
    if let Some(Baseline { name, result: earlier }) = baseline {
        let differences = differences(result, earlier);
        if let (Some(condition), Some(first)) = (asks, differences.first()) {
            return Err(incomparable(condition, name, first));
        }
        verdict.warnings.extend(differences);
        if result.settings != earlier.settings && !earlier.settings.is_empty() {
            let (now, then) = (one_line(&result.settings), one_line(&earlier.settings));
            verdict.warnings.push(format!("other settings: now `{}`, then `{}`", clipped(&now, 160), clipped(&then, 160)));
        }
        for (result, which) in [(result, "this run's"), (earlier, "the baseline's")] {
            if result.variants.iter().any(|variant| variant.lateness.is_some_and(|lateness| lateness.fell_behind())) {
                verdict.warnings.push(format!("{which} sender fell behind: its latency from due is not that of the pace"));
            }
        }
        if result.host.cpu != earlier.host.cpu && !earlier.host.cpu.is_empty() && !result.host.cpu.is_empty() {
            verdict.warnings.push(format!("another machine: {}, and then {}", one_line(&result.host.cpu), one_line(&earlier.host.cpu)));
        }
        theirs = earlier.variants.iter().find(|variant| variant.label == mine.label).or(earlier.variants.first());
        for (variant, whose) in [(Some(mine), "this run"), (theirs, "the baseline")] {
            verdict.warnings.extend(variant.and_then(|variant| lost::note(variant, whose)));
        }
        match theirs {
            Some(theirs) => {
                let (now, then, when) = (summary::label(mine), summary::label(theirs), date(earlier.began_ns));
                if theirs.label != mine.label {
                    verdict.warnings.push(format!("the baseline has no `{now}`: its `{then}` stands for it"));
                }
                verdict.heading = format!("{now} now, and {then} of {when} ({}, tickwire {})", one_line(name), one_line(&earlier.version));
                verdict.rows = rows(mine, theirs, result.headline);
            }
            None => verdict.warnings.push("the baseline measured nothing".into()),
        }
    }
    for condition in conditions {
        verdict.judged.push(judge_one(condition, result.headline, mine, theirs, baseline.map(|baseline| baseline.name))?);
    }
    Ok(verdict)
}

/// What makes two results incomparable, in sentences.
fn differences(now: &BenchResult, then: &BenchResult) -> Vec<String> {
    let pairs = [("workload", &now.workload, &then.workload), ("pace", &now.pace, &then.pace), ("way", &now.way, &then.way)];
    let differing = pairs.into_iter().filter(|(_, now, then)| now != then);
    let mut differences: Vec<String> = differing
        .map(|(what, now, then)| format!("another {what}: now `{}`, then `{}`", clipped(&one_line(now), 80), clipped(&one_line(then), 80)))
        .collect();
    if differences.is_empty() && (now.datagrams, now.messages) != (then.datagrams, then.messages) {
        let figures =
            |result: &BenchResult| format!("{}, {}", count_of(result.datagrams, "datagram"), count_of(result.messages, "message"));
        differences.push(format!("another workload: now {}, then {}", figures(now), figures(then)));
    }
    for (result, which) in [(now, "this run"), (then, "the baseline")] {
        if result.stopped {
            differences.push(format!("{which} was stopped before its end"));
        }
    }
    differences
}

fn rows(mine: &Variant, theirs: &Variant, headline: Measure) -> Vec<Row> {
    let others = [Measure::SenderLateness, Measure::DueToReceived, Measure::DueToPublished, Measure::ReceivedToPublished];
    let measures = std::iter::once(headline).chain(others.into_iter().filter(|&measure| measure != headline));
    let both = |&measure: &Measure| [mine, theirs].iter().all(|variant| !variant.measures.get(measure).is_empty());
    let figures = |variant: &Variant, measure| PERCENTILES.map(|percentile| percentile.of(variant.measures.get(measure)));
    measures.filter(both).map(|measure| Row { measure, now: figures(mine, measure), then: figures(theirs, measure) }).collect()
}

fn judge_one(
    condition: &Condition,
    headline: Measure,
    mine: &Variant,
    theirs: Option<&Variant>,
    name: Option<&str>,
) -> Result<Judged, Error> {
    let (measure, percentile, limit) = match condition.asked {
        Asked::Time { measure, percentile, limit } => (measure.unwrap_or(headline), percentile, limit),
        Asked::Lost(allowed) => {
            let lost = lost::datagrams(mine);
            let exceeded = allowed.is_exceeded_by(lost);
            return Ok(Judged { condition: condition.clone(), found: Found::Lost { lost, allowed }, exceeded });
        }
    };
    let figure = |variant: &Variant, whose: &str| {
        if let Some(why) = lost::spoils(variant, measure, percentile, whose) {
            let cure = "mend the loss (deeper rings, cores apart, a lower pace), or ask for a lower percentile";
            return Err(Error::new(Exit::Failed, format!("--fail-if '{condition}'"), why, cure));
        }
        let histogram = variant.measures.get(measure);
        percentile.of(histogram).ok_or_else(|| too_few(condition, percentile, measure, histogram.len(), whose))
    };
    let now_ns = figure(mine, "this run")?;
    let (then_ns, exceeded) = match (limit, theirs) {
        (Limit::Ns(ns), _) => (None, now_ns > ns),
        (Limit::Times(times), Some(theirs)) => {
            let then_ns = figure(theirs, name.unwrap_or("the baseline"))?;
            (Some(then_ns), now_ns as f64 > then_ns as f64 * times)
        }
        (Limit::Times(_), None) => {
            let why = "the baseline measured nothing";
            return Err(Error::new(Exit::Usage, format!("--fail-if '{condition}'"), why, "make another with --json"));
        }
    };
    Ok(Judged { condition: condition.clone(), found: Found::Time { measure, percentile, limit, now_ns, then_ns }, exceeded })
}

fn too_few(condition: &Condition, percentile: Percentile, measure: Measure, count: u64, whose: &str) -> Error {
    let what = format!("--fail-if '{condition}'");
    let title = measure.title();
    if count == 0 {
        return Error::new(Exit::Failed, what, format!("{whose} has no values of {title}"), "leave it out, or name another measure");
    }
    let (has, wants) = (count_of(count, "value"), grouped(percentile.values_wanted()));
    let why = format!("{whose} has {has} of {title}, and {percentile} takes {wants} to be told from chance");
    Error::new(Exit::Failed, what, why, "run longer, or ask for a lower percentile")
}

impl Judged {
    /// `p99 of due → published is 15.9 µs, 1.31 times the baseline's 12.1 µs`.
    pub fn sentence(&self) -> String {
        match self.found {
            Found::Lost { lost: Lost { lost, of }, allowed } => {
                format!("{} of {} never arrived ({}), and {allowed}", grouped(lost), count_of(of, "datagram"), share(lost, of))
            }
            Found::Time { measure, percentile, limit, now_ns, then_ns } => {
                let figure = format!("{percentile} of {} is {}", measure.title(), time(now_ns));
                match (then_ns, limit) {
                    (Some(then_ns), _) => {
                        format!("{figure}, {} times the baseline's {}", ratio(Some(now_ns), Some(then_ns)), time(then_ns))
                    }
                    (None, Limit::Ns(limit)) => format!("{figure}, {} times {}", ratio(Some(now_ns), Some(limit)), time(limit)),
                    (None, Limit::Times(_)) => figure,
                }
            }
        }
    }
}

fn ratio(now: Option<u64>, then: Option<u64>) -> String {
    match (now, then) {
        (Some(now), Some(then)) if then > 0 => readable::ratio(now as f64 / then as f64),
        _ => "-".to_owned(),
    }
}

impl Verdict {
    /// Writes the comparison as a table.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.heading.is_empty() {
            writeln!(out, "\nAgainst the baseline: {}", self.heading)?;
        }
        for warning in &self.warnings {
            writeln!(out, "  note: {warning}")?;
        }
        if !self.rows.is_empty() {
            let head: String = PERCENTILES.iter().map(|percentile| format!("{percentile:>11}")).collect();
            writeln!(out, "{:43}{head}", "")?;
        }
        for Row { measure, now, then } in &self.rows {
            let times =
                |figures: &[Option<u64>]| figures.iter().map(|ns| format!("{:>11}", ns.map_or("-".to_owned(), time))).collect::<String>();
            let ratios: String = now.iter().zip(then).map(|(&now, &then)| format!("{:>11}", ratio(now, then))).collect();
            writeln!(out, "  {:<28}{:>13}{}", measure.title(), "now", times(now))?;
            writeln!(out, "{:>43}{}", "then", times(then))?;
            writeln!(out, "{:>43}{ratios}", "now / then")?;
        }
        for judged in &self.judged {
            let mark = if judged.exceeded { "EXCEEDED" } else { "kept" };
            writeln!(out, "  {mark:<10} {}: {}", judged.condition, judged.sentence())?;
        }
        Ok(())
    }

    /// Whether all conditions are kept; else one message that names what was exceeded, by how much, and the figures.
    pub fn outcome(&self) -> Result<(), Error> {
        let exceeded: Vec<&Judged> = self.judged.iter().filter(|judged| judged.exceeded).collect();
        if exceeded.is_empty() {
            return Ok(());
        }
        let said: Vec<String> = exceeded.iter().map(|judged| format!("{} (--fail-if '{}')", judged.sentence(), judged.condition)).collect();
        let is_slower = exceeded.iter().any(|judged| matches!(judged.found, Found::Time { .. }));
        let what = if is_slower { "slower than allowed" } else { "more lost than allowed" };
        Err(Error::new(Exit::Differs, what, said.join("; "), ""))
    }
}

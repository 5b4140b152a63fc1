//! The result of a benchmark, whole: what was run, on what, what came out. Tables, files and the report are made of this alone.

use super::percentile::PERCENTILES;
use crate::bench::host::{HostCheck, HostFacts};
use crate::bench::{Counts, Interval, Lateness, Measure, Measures, Round};

/// A benchmark's result.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchResult {
    /// The command line that gave it.
    pub command: String,
    /// Version of the binary.
    pub version: String,
    /// When it began, ns since 1970 UTC.
    pub began_ns: u64,
    /// What was replayed, in words.
    pub workload: String,
    /// Datagrams in it.
    pub datagrams: u64,
    /// Messages in it.
    pub messages: u64,
    /// At which pace, in words.
    pub pace: String,
    /// In process, or on which wire, in words.
    pub way: String,
    /// What else shapes the figures, in words: what was published, warm-up, samples, waste.
    pub settings: String,
    /// How many rounds there were of each.
    pub rounds: u32,
    /// The latency that stands first: of the table, of comparisons, of intervals.
    pub headline: Measure,
    /// The machine.
    pub host: HostFacts,
    /// What would spoil the figures, and what mends it.
    pub checks: Vec<HostCheck>,
    /// What was measured; what it is compared with follows.
    pub variants: Vec<Variant>,
    /// Ended before its time: these are the results so far.
    pub stopped: bool,
    /// What people should know besides.
    pub remarks: Vec<String>,
}

/// One variant's rounds, put together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// What it is called.
    pub label: String,
    /// How it really ran.
    pub modes: Vec<String>,
    /// All rounds' histograms, added.
    pub measures: Measures,
    /// All rounds' counts, added (elapsed too).
    pub counts: Counts,
    /// All rounds' sender's lateness, added.
    pub lateness: Option<Lateness>,
    /// Of the last round.
    pub intervals: Vec<Interval>,
    /// What the latencies of the intervals are of; `None`: of the headline.
    pub intervals_of: Option<Measure>,
    /// Each round by itself: what spread is computed from.
    pub rounds: Vec<RoundFigures>,
    /// How long the warm-up of the last round was, ns from the first due time.
    pub warm_up_ns: u64,
    /// What stamping costs: one stamp, ns; 0 where it was not measured.
    pub stamp_ns: f64,
    /// What people should know besides.
    pub remarks: Vec<String>,
}

/// Gives variants of one name (a way compared with itself) names that tell them apart: `xdp`, `xdp-2`.
pub fn tell_apart(variants: &mut [Variant]) {
    let mut taken: Vec<String> = Vec::new();
    for variant in variants {
        let names = (1_u64..).map(|nth| if nth == 1 { variant.label.clone() } else { format!("{}-{nth}", variant.label) });
        variant.label = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
        taken.push(variant.label.clone());
    }
}

impl Variant {
    /// A variant that has not run yet.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// Takes a round's results in.
    pub fn add(&mut self, round: Round) {
        self.rounds.push(RoundFigures::of(&round));
        self.measures.add(&round.measures);
        self.counts.add(&round.counts);
        if let Some(theirs) = round.lateness {
            let mine = self.lateness.get_or_insert(Lateness { limit_ns: theirs.limit_ns, ..Lateness::default() });
            mine.sent = mine.sent.saturating_add(theirs.sent);
            mine.late = mine.late.saturating_add(theirs.late);
        }
        (self.intervals, self.intervals_of) = (round.intervals, round.intervals_of);
        self.warm_up_ns = round.warm_up_ns;
        if round.stamp_ns > 0.0 {
            self.stamp_ns = round.stamp_ns;
        }
        for (mine, theirs) in [(&mut self.modes, round.modes), (&mut self.remarks, round.remarks)] {
            for words in theirs {
                if !mine.contains(&words) {
                    mine.push(words);
                }
            }
        }
    }
}

/// One round of a variant, in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoundFigures {
    /// Percentiles of what was measured in it, in the order of the path; what was not measured is left out.
    pub percentiles: Vec<RoundPercentiles>,
    /// Datagrams sent a second.
    pub datagrams_per_s: f64,
    /// Messages delivered a second.
    pub messages_per_s: f64,
    /// Cache-line ping-pong before and after, ns a round trip; empty in process.
    pub ping_pong_ns: Vec<u64>,
}

/// One measure's percentiles in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundPercentiles {
    /// Which.
    pub measure: Measure,
    /// Values.
    pub count: u64,
    /// ns, in the order of [`PERCENTILES`]; also those that so few values do not tell.
    pub ns: [u64; PERCENTILES.len()],
}

impl RoundFigures {
    /// A round's.
    pub fn of(round: &Round) -> Self {
        let measured = Measure::ALL.iter().filter(|&&measure| !round.measures.get(measure).is_empty());
        let percentiles = measured.map(|&measure| {
            let histogram = round.measures.get(measure);
            let ns = PERCENTILES.map(|percentile| histogram.value_at_quantile(percentile.quantile()));
            RoundPercentiles { measure, count: histogram.len(), ns }
        });
        Self {
            percentiles: percentiles.collect(),
            datagrams_per_s: round.counts.per_s(round.counts.sent),
            messages_per_s: round.counts.per_s(round.counts.messages),
            ping_pong_ns: round.ping_pong_ns.clone(),
        }
    }

    /// A percentile of a measure by its place in [`PERCENTILES`], ns; `None` where too few values tell it.
    pub fn get(&self, measure: Measure, nth: usize) -> Option<u64> {
        let figures = self.percentiles.iter().find(|figures| figures.measure == measure)?;
        PERCENTILES.get(nth).filter(|percentile| percentile.told_by(figures.count))?;
        figures.ns.get(nth).copied()
    }
}

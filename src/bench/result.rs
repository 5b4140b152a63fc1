//! The result of a benchmark, whole: what was run, on what, what came out. Tables, files and the report are made of this alone.

use super::host::{HostCheck, HostFacts};
use super::{Counts, Interval, Lateness, Measure, Measures};

/// A benchmark's result.
#[derive(Clone, Debug)]
pub struct BenchResult {
    /// The command line that gave it.
    pub command: String,
    /// Version of the binary.
    pub version: String,
    /// When it began, ns since 1970 UTC.
    pub began_ns: u64,
    /// What was replayed, in words.
    pub workload: String,
    /// Datagrams and messages in it.
    pub datagrams: u64,
    /// Messages in it.
    pub messages: u64,
    /// At which pace, in words.
    pub pace: String,
    /// In process, or on which wire, in words.
    pub way: String,
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
#[derive(Clone, Debug, Default)]
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
    /// Each round by itself: what spread is computed from.
    pub rounds: Vec<RoundFigures>,
    /// What stamping costs: one stamp, ns.
    pub stamp_ns: f64,
    /// What people should know besides.
    pub remarks: Vec<String>,
}

/// One round of a variant, in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoundFigures {
    /// The headline's percentiles, ns, in the order of [`PERCENTILES`].
    pub headline_ns: [u64; PERCENTILES.len()],
    /// Messages a second.
    pub messages_per_s: f64,
    /// Cache-line ping-pong before and after, ns a round trip; empty in process.
    pub ping_pong_ns: Vec<u64>,
}

/// What tables show: name and quantile; the last is the maximum.
pub const PERCENTILES: [(&str, f64); 6] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

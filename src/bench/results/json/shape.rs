//! The JSON as it stands in the file, key by key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// First, so that whoever reads the first line knows what it is.
    pub format: String,
    pub tickwire_version: String,
    pub command: String,
    /// For people; [`File::began_ns`] holds.
    pub began_utc: String,
    pub began_ns: u64,
    pub workload: String,
    pub datagrams: u64,
    pub messages: u64,
    pub pace: String,
    pub way: String,
    /// Empty in files from before it was told.
    #[serde(default)]
    pub settings: String,
    pub rounds: u32,
    pub headline: String,
    pub stopped: bool,
    pub remarks: Vec<String>,
    pub host: Host,
    pub checks: Vec<Check>,
    pub variants: Vec<Variant>,
    /// Computed from the rounds; never read.
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    pub cpu: String,
    pub kernel: String,
    pub numa: String,
    pub clock: String,
    pub governor: String,
    pub isolation: String,
    pub cores: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub name: String,
    pub found: String,
    pub good: Option<bool>,
    pub why: String,
    pub cure: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub label: String,
    pub modes: Vec<String>,
    pub remarks: Vec<String>,
    pub stamp_ns: f64,
    pub warm_up_ns: u64,
    pub lateness: Option<Lateness>,
    pub counts: Counts,
    /// By name, in the order of the alphabet.
    pub measures: BTreeMap<String, Measure>,
    pub rounds: Vec<Round>,
    /// The headline in files from before it was told.
    #[serde(default)]
    pub intervals_of: Option<String>,
    pub intervals: Vec<Interval>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lateness {
    pub limit_ns: u64,
    pub sent: u64,
    pub late: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub elapsed_ns: u64,
    pub end_late_ns: u64,
    pub due: u64,
    pub sent: u64,
    pub warm_up: u64,
    pub received: u64,
    pub messages: u64,
    /// 0 in files from before it was counted.
    #[serde(default)]
    pub distinct_messages: u64,
    pub records: u64,
    pub lost_messages: u64,
    pub gaps: u64,
    pub overrun: u64,
    pub dropped_by_reason: Vec<Dropped>,
    pub sampled: u64,
    pub unmatched: u64,
    /// In files from before it was counted what is unmatched stands for it.
    #[serde(default)]
    pub unseen: Option<u64>,
    /// 0 in files from before it was counted.
    #[serde(default)]
    pub unfollowed: u64,
    pub lapped: u64,
    pub stopped: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dropped {
    pub reason: String,
    pub count: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measure {
    /// What one value is of: `datagram` or `message`.
    pub of: String,
    pub count: u64,
    pub min_ns: u64,
    pub mean_ns: f64,
    pub stdev_ns: f64,
    pub p50_ns: Option<u64>,
    pub p90_ns: Option<u64>,
    pub p99_ns: Option<u64>,
    #[serde(rename = "p99.9_ns")]
    pub p99_9_ns: Option<u64>,
    #[serde(rename = "p99.99_ns")]
    pub p99_99_ns: Option<u64>,
    pub max_ns: u64,
    /// HdrHistogram V2, deflated, base64; values in ns.
    pub histogram: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Round {
    pub datagrams_per_s: f64,
    pub messages_per_s: f64,
    pub ping_pong_ns: Vec<u64>,
    pub percentiles: Vec<RoundPercentiles>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoundPercentiles {
    pub measure: String,
    pub count: u64,
    /// p50, p90, p99, p99.9, p99.99, maximum; also those that so few values do not tell.
    pub ns: [u64; 6],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interval {
    pub start_ns: u64,
    pub length_ns: u64,
    pub count: u64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
    pub datagrams: u64,
    /// 0 in files from before it was counted.
    #[serde(default)]
    pub received: u64,
    pub messages: u64,
    pub gaps: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparison {
    pub measured: String,
    pub other: String,
    pub measure: String,
    pub percentile: String,
    pub rounds: usize,
    /// `measured` divided by `other`: median, lowest, highest of the rounds.
    pub ratio: f64,
    pub ratio_low: f64,
    pub ratio_high: f64,
}

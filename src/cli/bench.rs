//! `tickwire bench`: the latency replay benchmark's results.

use std::path::PathBuf;

use clap::Args;

use super::bench_results::ResultArgs;
use crate::bench::json;
use crate::error::Error;

/// Shows the result of a benchmark: as a table, as files, as a page, beside an earlier one.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Show this result again, which --json wrote, instead of running
    #[arg(long, value_name = "RESULT.json")]
    show: PathBuf,
    #[command(flatten)]
    results: ResultArgs,
}

pub(super) fn run(args: &BenchArgs) -> Result<(), Error> {
    let outputs = args.results.open(Some(&args.show))?;
    outputs.give(&json::open(&args.show)?)
}

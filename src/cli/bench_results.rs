//! What `tickwire bench` gives: a table, files, a page, and a word on whether it is as fast as it was.
//!
//! Everything that can be refused is refused before the run: files that cannot be written, baselines that cannot be read, conditions
//! that need a baseline and have none.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::output::Output;
use super::say;
use crate::bench::results::BenchResult;
use crate::bench::results::baseline::{self, Baseline};
use crate::bench::results::condition::Condition;
use crate::bench::results::table::{self, Colours};
use crate::bench::results::{hgrm, hlog, json, report};
use crate::error::{Error, Exit};

/// Where a result goes besides the terminal, and what it is held against.
#[derive(Debug, Args)]
pub(super) struct ResultArgs {
    /// Write the whole result to this file, histograms included (`-` for standard output)
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
    /// Write the histograms to this file, in HdrHistogram's log format (`-` for standard output)
    #[arg(long, value_name = "FILE.hlog")]
    hlog: Option<PathBuf>,
    /// Write each percentile distribution into this directory (.hgrm, µs), as HdrHistogram's plotter takes them
    #[arg(long, value_name = "DIR")]
    percentiles: Option<PathBuf>,
    /// Write a page with drawings into this directory: index.html, all in one file
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Compare with an earlier result that --json wrote
    #[arg(long, value_name = "FILE.json")]
    baseline: Option<PathBuf>,
    /// Fail (exit code 7) where this is exceeded: p99>1.2x is 1.2 times the baseline's, p99>50us a time, due-to-published.p99.9>2x
    /// another measure's, lost>0 or lost>0.1% datagrams that never arrived; a percentile of which too much was lost cannot be judged, and
    /// ends as failed too (exit code 1) (repeatable)
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Condition>,
}

/// All that was opened before the run.
pub(super) struct ResultOutputs<'a> {
    args: &'a ResultArgs,
    json: Option<Output>,
    hlog: Option<Output>,
    baseline: Option<(String, BenchResult)>,
}

impl ResultArgs {
    /// Opens files, makes directories, reads the baseline. `input`, which is read meanwhile, may not be written.
    pub(super) fn open(&self, input: Option<&Path>) -> Result<ResultOutputs<'_>, Error> {
        baseline::check(&self.fail_if, self.baseline.is_some())?;
        let baseline =
            self.baseline.as_ref().map(|path| json::open(path).map(|result| (path.display().to_string(), result))).transpose()?;
        for (dir, what) in [(&self.percentiles, "the percentiles"), (&self.report, "the report")] {
            if let Some(dir) = dir {
                fs::create_dir_all(dir).map_err(|error| {
                    let cure = "name a directory that can be made or written to";
                    Error::new(Exit::Usage, format!("{what} cannot be written"), error, cure).in_file(dir)
                })?;
            }
        }
        let wanted = [(self.json.as_ref(), "the result"), (self.hlog.as_ref(), "the histogram log")];
        let mut outputs = Output::open_all(wanted, input)?.into_iter();
        Ok(ResultOutputs { args: self, json: outputs.next().flatten(), hlog: outputs.next().flatten(), baseline })
    }
}

impl ResultOutputs<'_> {
    /// Refuses a run that could not be judged, as soon as it is known what it replays.
    pub(super) fn check(&self, frame: &BenchResult) -> Result<(), Error> {
        baseline::check_frame(frame, self.baseline(), &self.args.fail_if)
    }

    fn baseline(&self) -> Option<Baseline<'_>> {
        self.baseline.as_ref().map(|(name, result)| Baseline { name, result })
    }

    /// Shows a result, writes what was asked for, and judges it.
    pub(super) fn give(self, result: &BenchResult) -> Result<(), Error> {
        let quiet = [&self.json, &self.hlog].into_iter().flatten().any(Output::is_stdout);
        let mut shown = Ok(());
        if !quiet {
            let mut out = io::stdout().lock();
            shown = table::write(result, colours(out.is_terminal()), &mut out).and_then(|()| out.flush());
        }
        // One that cannot be written keeps none of the others from being so.
        // `| head` is no error of ours.
        let shown = shown.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) });
        let mut outcomes = vec![shown.map_err(|error| Error::new(Exit::Failed, "cannot write to standard output", error, ""))];
        outcomes.extend(self.json.map(|output| output.fill(|out| json::write(result, out))));
        outcomes.extend(self.hlog.map(|output| output.fill(|out| hlog::write(result, out))));
        outcomes.extend(self.args.percentiles.as_ref().map(|dir| hgrm::write_all(result, dir).map(drop)));
        if let Some(dir) = &self.args.report {
            outcomes.push(report::write_dir(result, dir).map(|page| say(&format!("tickwire: the report is {}", page.display()))));
        }
        outcomes.into_iter().collect::<Result<(), Error>>()?;
        if self.baseline.is_none() && self.args.fail_if.is_empty() {
            return Ok(());
        }
        let baseline = self.baseline.as_ref().map(|(name, result)| Baseline { name, result });
        let verdict = baseline::judge(result, baseline, &self.args.fail_if)?;
        let mut text = Vec::new();
        let told =
            verdict.write(&mut text).and_then(|()| if quiet { io::stderr().write_all(&text) } else { io::stdout().write_all(&text) });
        told.map_err(|error| Error::new(Exit::Failed, "cannot write to standard output", error, ""))?;
        verdict.outcome()
    }
}

/// Colours for people at a terminal who did not say that they want none.
fn colours(terminal: bool) -> Colours {
    let wanted =
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    if terminal && wanted { Colours::Yes } else { Colours::No }
}

//! `tickwire run`: the service in the foreground.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use tracing::Level;

use super::check;
use crate::config::LogLevel;
use crate::error::Error;
use crate::service;
use crate::time::SharedCourse;

/// Takes feeds in as the configuration says, until SIGTERM or Ctrl-C; then drains, closes and reports.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Keep to this course instead of following CLOCK_REALTIME: `tickwire bench` measures one and gives it to all its processes
    #[arg(long, value_name = "COURSE", hide = true)]
    clock_course: Option<SharedCourse>,
}

pub(super) fn run(args: &RunArgs) -> Result<(), Error> {
    let plan = check::plan(&args.config)?;
    let level = match plan.log {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    // Under systemd the journal has the time already; on a terminal colours help.
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    std::panic::set_hook(Box::new(|broken| {
        // A broken invariant of our own: no book of this process can be trusted any more. Readers see the lock go.
        eprintln!("tickwire: broken invariant, the process ends: {broken}");
        std::process::abort();
    }));
    service::run(&plan, args.clock_course.as_ref())
}

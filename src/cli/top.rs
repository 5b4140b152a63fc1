//! `tickwire top`: a publication at a glance.
//!
//! An ordinary consumer: it reads the `mbp-1` ring (or `mbo`) for activity and receive latency, and looks books up on the board. On a
//! terminal it draws; anywhere else, or with `--plain`, it prints a block of lines every interval.

mod draw;
mod watch;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::Args;

use super::Which;
use crate::error::{Error, Exit};
use crate::sys::signals;
use watch::Watch;

/// Shows the busiest instruments with bid and offer, message rate, latency percentiles, duplicates and gaps.
#[derive(Debug, Args)]
pub(super) struct TopArgs {
    #[command(flatten)]
    which: Which,
    /// End by itself after so many seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    seconds: Option<u64>,
    /// Between two pictures, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    interval_ms: u64,
    /// Instruments shown
    #[arg(long, value_name = "N", default_value_t = 15)]
    rows: usize,
    /// Lines of text instead of a drawn screen
    #[arg(long)]
    plain: bool,
    /// One JSON object for each picture
    #[arg(long, conflicts_with = "plain")]
    json: bool,
    /// Wait up to so many seconds for the publication to appear
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    wait: u64,
}

pub(super) fn run(args: &TopArgs) -> Result<(), Error> {
    let _ = signals::install();
    let mut watch = Watch::open(&args.which, Duration::from_secs(args.wait))?;
    let drawn = std::io::stdout().is_terminal() && !args.plain && !args.json;
    let mut screen = drawn
        .then(draw::Screen::open)
        .transpose()
        .map_err(|error| Error::new(Exit::Failed, "cannot draw on this terminal", error, "say --plain"))?;
    let began = Instant::now();
    let interval = Duration::from_millis(args.interval_ms);
    let mut next = began + interval;
    let over = |watch: &Watch| {
        signals::stop_requested() || watch.ended() || args.seconds.is_some_and(|seconds| began.elapsed() >= Duration::from_secs(seconds))
    };
    loop {
        while Instant::now() < next && !over(&watch) {
            if watch.read()? == 0 {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        next = Instant::now() + interval;
        let picture = watch.picture(args.rows)?;
        match &mut screen {
            Some(screen) => {
                if screen.draw(&picture).map_err(|error| Error::new(Exit::Failed, "cannot draw on this terminal", error, "say --plain"))? {
                    break;
                }
            }
            None => {
                let text = if args.json { picture.json() } else { picture.text() };
                let mut out = std::io::stdout().lock();
                writeln!(out, "{text}")
                    .and_then(|()| out.flush())
                    .map_err(|error| Error::new(Exit::Failed, "cannot write to standard output", error, ""))?;
            }
        }
        if over(&watch) {
            break;
        }
    }
    // The last picture stays readable when the screen is gone.
    if screen.take().is_some() {
        println!("{}", watch.picture(args.rows)?.text());
    }
    Ok(())
}

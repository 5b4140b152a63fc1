//! `tickwire replay`: a recording through the pipeline, its summary and its final books.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::progress::{self, Of};
use super::values;
use crate::book::BooksCapacity;
use crate::books_file;
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::replay::{self, ReplayConfig, ReplayPublication, Speed};
use crate::source::lines::LineKey;
use crate::sys::signals;

/// Runs a capture (pcap or pcapng, also .gz) or a Nasdaq day file (also .gz), told apart by content, through the same pipeline
/// as a live feed; clock and timers are the recording's.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The capture or day file
    file: PathBuf,
    /// What it speaks: nasdaq-itch, bx-itch, psx-itch, iex-tops
    #[arg(long, value_parser = values::feed)]
    feed: FeedName,
    /// Trading day in New York; a capture has its own, a day file has none
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    date: Option<VenueDate>,
    /// How fast: 1x, 10x, any whole number of times, or max
    #[arg(long, default_value = "max")]
    speed: Speed,
    /// Only this line of a capture (repeat for several); default: the first four groups and ports that occur
    #[arg(long, value_name = "GROUP:PORT", value_parser = values::line)]
    line: Vec<LineKey>,
    /// Write the counts to this file, as JSON (`-` for standard output)
    #[arg(long, value_name = "FILE.json")]
    summary: Option<PathBuf>,
    /// Write the final books to this file, as CSV (`-` for standard output)
    #[arg(long, value_name = "FILE.csv")]
    books: Option<PathBuf>,
    /// Publish the records under this name meanwhile
    #[arg(long, value_name = "NAME")]
    publish: Option<String>,
    /// Directory of publications
    #[arg(long, value_name = "DIR", default_value = "/dev/shm/tickwire", env = "TICKWIRE_PUBLICATION_DIR", requires = "publish")]
    publication_dir: PathBuf,
    /// Slots of each published ring, a power of two
    #[arg(long, value_name = "SLOTS", default_value_t = 1 << 18, requires = "publish")]
    ring_depth: u64,
    /// Wait for this many gated readers (`tail --gated`) before the first record, and never lap one of them
    #[arg(long, value_name = "N", default_value_t = 0, requires = "publish")]
    gated_readers: usize,
    /// Leave the publication in place when the replay has ended, to be looked at
    #[arg(long, requires = "publish")]
    keep: bool,
    /// Room for live orders
    #[arg(long, default_value_t = 4_000_000)]
    orders: usize,
    /// Room for price levels
    #[arg(long, default_value_t = 4_000_000)]
    levels: usize,
}

pub(super) fn run(args: &ReplayArgs) -> Result<(), Error> {
    let _ = signals::install();
    let config = ReplayConfig {
        file: args.file.clone(),
        feed: args.feed,
        midnight_ns: args.date.map(VenueDate::midnight_ns).transpose().map_err(|error| Error::new(Exit::Usage, "--date", error, ""))?,
        speed: args.speed,
        lines: args.line.clone(),
        publish: args.publish.as_ref().map(|name| ReplayPublication {
            dir: args.publication_dir.clone(),
            name: name.clone(),
            depth: args.ring_depth,
            gated_readers: args.gated_readers,
            keep: args.keep,
        }),
        capacity: BooksCapacity { instruments: 1 << 16, orders: args.orders, levels: args.levels },
    };
    let bar = progress::bar(0, Of::Bytes, "replay");
    let mut shown = Instant::now();
    let replayed = replay::run(&config, &signals::stop_requested, &mut |progress| {
        if shown.elapsed() > Duration::from_millis(100) {
            shown = Instant::now();
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.read_bytes);
        }
    })?;
    bar.finish_and_clear();
    for remark in &replayed.remarks {
        eprintln!("tickwire: {remark}");
    }
    if let Some(path) = &args.books {
        write(path, "the books file", |out| books_file::write(replayed.channel.composer(), args.feed.has_orders(), out))?;
    }
    if let Some(path) = &args.summary {
        write(path, "the summary", |out| {
            serde_json::to_writer_pretty(&mut *out, &replayed.summary)?;
            writeln!(out)
        })?;
    }
    if args.summary.as_deref() != Some(Path::new("-")) && args.books.as_deref() != Some(Path::new("-")) {
        print!("{}", replayed.summary);
    }
    Ok(())
}

/// Writes a file whole, or standard output for `-`.
pub(super) fn write(path: &Path, what: &str, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Error> {
    let outcome = if path == Path::new("-") {
        fill(&mut std::io::stdout().lock())
    } else {
        File::create(path).and_then(|file| {
            let mut out = BufWriter::new(file);
            fill(&mut out)?;
            out.flush()
        })
    };
    outcome.map_err(|error| {
        Error::new(Exit::Failed, format!("cannot write {what}"), error, "name a file in a writable directory with room").in_file(path)
    })
}

//! `tickwire replay`: a recording through the pipeline, its summary and its final books.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::output::Output;
use super::progress::{self, Of};
use super::values;
use crate::book::BooksCapacity;
use crate::books_file;
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::replay::{self, Queued, ReplayConfig, ReplayFiles, ReplayPublication, Speed, Summary};
use crate::source::lines::LineKey;
use crate::sys::signals;

/// Runs a capture (pcap or pcapng, also .gz) or a Nasdaq day file (also .gz), told apart by content, through the same pipeline
/// as a live feed; clock and timers are the recording's.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The capture or day file
    file: PathBuf,
    /// What it speaks: nasdaq-itch, bx-itch, psx-itch, iex-tops, iex-deep
    #[arg(long, value_parser = values::feed)]
    feed: FeedName,
    /// Trading day in New York; a capture has its own, a day file has none
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    date: Option<VenueDate>,
    /// How fast: 1x, 10x, any whole number of times, or max
    #[arg(long, default_value = "max")]
    speed: Speed,
    /// Only this line of a capture (repeat for up to four); default: the first four groups and ports that occur
    #[arg(long, value_name = "GROUP:PORT", value_parser = values::line)]
    line: Vec<LineKey>,
    /// Write the counts to this file, as JSON (`-` for standard output)
    #[arg(long, value_name = "FILE.json")]
    summary: Option<PathBuf>,
    /// Write the final books to this file, as CSV (`-` for standard output)
    #[arg(long, value_name = "FILE.csv")]
    books: Option<PathBuf>,
    /// Say where this order waits at the end: how many are ahead of it at its price (repeat for more; in the summary too). By the order in
    /// which references were given out, which is that of entry at every venue here
    #[arg(long, value_name = "SYMBOL:ORDER", value_parser = values::order)]
    queue: Vec<(String, u64)>,
    /// Publish the records under this name meanwhile
    #[arg(long, value_name = "NAME")]
    publish: Option<String>,
    /// Directory of publications (with --publish)
    #[arg(long, alias = "dir", value_name = "DIR", default_value = "/dev/shm/tickwire", env = "TICKWIRE_PUBLICATION_DIR")]
    #[arg(hide_env_values = true)]
    publication_dir: PathBuf,
    /// Slots of each published ring, a power of two
    #[arg(long, value_name = "SLOTS", default_value_t = 1 << 18, value_parser = values::ring_depth, requires = "publish")]
    ring_depth: u64,
    /// Wait for this many gated readers (`tail --gated`, of NAME or NAME-windows) before the first record, and never lap one of them
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), requires = "publish")]
    gated_readers: u16,
    /// Write an order-level image (NAME.mbo.image) after so many mbo records, and at the end: for readers that come late
    #[arg(long, value_name = "RECORDS", value_parser = clap::value_parser!(u64).range(1..), requires = "publish")]
    images_every: Option<u64>,
    /// Leave the publication in place when the replay has ended, to be looked at
    #[arg(long, requires = "publish")]
    keep: bool,
    /// Also compute bars, VWAP and signals, and publish them as NAME-windows; the replay waits for them
    #[arg(long, requires = "publish")]
    windows: bool,
    /// Write the records into DBN files in this directory, one per schema (and session and UTC day); nothing is lost on the way
    #[arg(long, value_name = "DIR")]
    dbn: Option<PathBuf>,
    /// Room for live orders
    #[arg(long, value_name = "N", default_value_t = 4_000_000, value_parser = clap::value_parser!(u32).range(1..=1 << 28))]
    orders: u32,
    /// Room for price levels
    #[arg(long, value_name = "N", default_value_t = 4_000_000, value_parser = clap::value_parser!(u32).range(1..=1 << 28))]
    levels: u32,
}

/// What an arbiter takes.
const LINES_MAX: usize = 4;

pub(super) fn run(args: &ReplayArgs) -> Result<(), Error> {
    let _ = signals::install();
    if args.images_every.is_some() && !args.feed.has_orders() {
        let why = format!("{} tells no orders, so there is nothing to make images of", args.feed.name());
        return Err(Error::new(Exit::Usage, "--images-every", why, "leave it out"));
    }
    if !args.queue.is_empty() && !args.feed.has_orders() {
        let why = format!("{} tells no orders, so that none waits anywhere", args.feed.name());
        return Err(Error::new(Exit::Usage, "--queue", why, "leave it out"));
    }
    if args.line.len() > LINES_MAX {
        let why = format!("{} lines were named, and a channel has at most {LINES_MAX}", args.line.len());
        return Err(Error::new(Exit::Usage, "--line", why, "name the copies of one channel, and replay others by themselves"));
    }
    let wanted = [(args.books.as_ref(), "the books file"), (args.summary.as_ref(), "the summary")];
    let mut outputs = Output::open_all(wanted, Some(&args.file))?.into_iter().flatten();
    let books = args.books.as_ref().and_then(|_| outputs.next());
    let summary = args.summary.as_ref().and_then(|_| outputs.next());
    let quiet = [&books, &summary].into_iter().flatten().any(Output::is_stdout);
    let summary_is_hidden = !summary.as_ref().is_some_and(Output::is_stdout);
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
            gated_readers: usize::from(args.gated_readers),
            keep: args.keep,
            images_every: args.images_every,
            windows: args.windows.then(|| format!("{name}-windows")),
        }),
        dbn: args.dbn.as_ref().map(|dir| ReplayFiles { dir: dir.clone() }),
        capacity: BooksCapacity { instruments: 1 << 16, orders: args.orders as usize, levels: args.levels as usize },
    };
    let bar = progress::bar(0, Of::Bytes, "replay");
    let mut shown = Instant::now();
    let outcome = replay::run(&config, &signals::stop_requested, &mut |progress| {
        if shown.elapsed() > Duration::from_millis(100) {
            shown = Instant::now();
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.read_bytes);
        }
    });
    bar.finish_and_clear();
    let mut replayed = outcome?;
    let mut gone = Vec::new();
    for (symbol, order) in &args.queue {
        match Queued::find(&replayed.channel, symbol, *order) {
            Some(queued) => replayed.summary.queued.push(queued),
            None if replayed.channel.composer().symbols().any(|(_, known)| books_file::text(&known) == *symbol) => {
                gone.push(format!("{symbol}:{order}"));
            }
            None => gone.push(format!("{symbol}:{order} (no instrument of that name was told)")),
        }
    }
    for remark in replayed.remarks.iter().cloned().chain(remarks(args, &replayed.summary)) {
        eprintln!("tickwire: {remark}");
    }
    if let Some(books) = books {
        books.fill(|out| books_file::write(replayed.channel.composer(), args.feed.has_orders(), out))?;
    }
    if let Some(summary) = summary {
        summary.fill(|out| {
            serde_json::to_writer_pretty(&mut *out, &replayed.summary)?;
            writeln!(out)
        })?;
    }
    if !quiet {
        print!("{}", replayed.summary);
    } else if summary_is_hidden {
        // What was asked for is said, where standard output is taken.
        replayed.summary.queued.iter().for_each(|queued| eprintln!("tickwire: {queued}"));
    }
    if replayed.summary.stopped {
        let why = "a signal came; counts and books are those of that moment";
        return Err(Error::new(Exit::Failed, "stopped before its end", why, "").in_file(&args.file));
    }
    if !gone.is_empty() {
        let why = format!("no such order rests when the replay has ended: {}", gone.join(", "));
        return Err(Error::new(Exit::Failed, "--queue", why, "it was filled, cancelled or replaced by another reference, or never came"));
    }
    Ok(())
}

/// What a person should be told who expected something else.
fn remarks(args: &ReplayArgs, summary: &Summary) -> Vec<String> {
    let mut remarks = Vec::new();
    let file = args.file.display();
    let records: u64 = summary.records_by_schema.values().sum();
    let came = summary.datagrams > summary.heartbeats || summary.messages > 0 || !summary.dropped_by_reason.is_empty();
    let dropped: Vec<String> = summary.dropped_by_reason.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let dropped = if dropped.is_empty() { String::new() } else { format!(" (dropped: {})", dropped.join(", ")) };
    if summary.frames > 0 && summary.datagrams == 0 {
        let cure = if args.line.is_empty() { "does it hold UDP over IPv4 at all?" } else { "does --line name what is in it?" };
        remarks.push(format!("{file}: none of its {} frames is a datagram of the lines replayed; {cure}{dropped}", summary.frames));
    } else if records == 0 && summary.instruments == 0 && came {
        remarks.push(format!("{file}: no message was understood: is it really {}?{dropped}", args.feed.name()));
    }
    remarks
}

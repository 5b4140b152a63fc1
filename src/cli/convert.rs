//! `tickwire convert`: captures, day files and DBN files into CSV or Parquet.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::output::Output;
use super::progress::{self, Of};
use super::values;
use crate::book::BooksCapacity;
use crate::convert::{self, ConvertConfig, Format, Numbers, Table};
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::source::lines::LineKey;
use crate::sys::signals;

/// Turns recordings (pcap, pcapng, Nasdaq day files; also .gz) and DBN files (versions 1 to 3, also zstd) into one CSV or Parquet file of
/// one schema. Recordings go through the very pipeline of the live feed; what an input is, its content tells.
#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// Captures, day files, DBN files; rows come in this order
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// Where to write it (`-` for standard output, CSV only); it appears when it is whole
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// What to write; default: as OUT ends, .csv or .parquet
    #[arg(long, value_enum)]
    to: Option<To>,
    /// Which records: mbo, mbp-1, trades, definition, …, venue; default: those of the DBN file
    #[arg(long, value_name = "SCHEMA", value_parser = values::table)]
    schema: Option<Table>,
    /// What recordings speak: nasdaq-itch, bx-itch, psx-itch, iex-tops, iex-deep
    #[arg(long, value_parser = values::feed)]
    feed: Option<FeedName>,
    /// Trading day in New York; a capture has its own, a day file has none
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    date: Option<VenueDate>,
    /// Only this symbol (repeat)
    #[arg(long, value_name = "SYMBOL")]
    symbol: Vec<String>,
    /// Only this line of a capture (repeat for up to four); default: the first four groups and ports that occur
    #[arg(long, value_name = "GROUP:PORT", value_parser = values::line)]
    line: Vec<LineKey>,
    /// Prices as integers of 1e-9 instead of decimals
    #[arg(long)]
    raw_prices: bool,
    /// Times as integers, ns since 1970 UTC
    #[arg(long)]
    raw_times: bool,
    /// Replace OUT if it is there
    #[arg(long)]
    force: bool,
    /// Room for the live orders of a recording
    #[arg(long, value_name = "N", default_value_t = 4_000_000, value_parser = clap::value_parser!(u32).range(1..=1 << 28))]
    orders: u32,
    /// Room for its price levels
    #[arg(long, value_name = "N", default_value_t = 4_000_000, value_parser = clap::value_parser!(u32).range(1..=1 << 28))]
    levels: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// Comma-separated values
    Csv,
    /// Apache Parquet
    Parquet,
}

pub(super) fn run(args: &ConvertArgs) -> Result<(), Error> {
    let _ = signals::install();
    let format = format(args)?;
    may_be_written(args)?;
    let mut out = Output::open(&args.out, "the converted file", args.inputs.first().map(PathBuf::as_path))?;
    let quiet = out.is_stdout();
    let config = ConvertConfig {
        inputs: args.inputs.clone(),
        table: args.schema.clone(),
        feed: args.feed,
        midnight_ns: args.date.map(VenueDate::midnight_ns).transpose().map_err(|error| Error::new(Exit::Usage, "--date", error, ""))?,
        lines: args.line.clone(),
        symbols: args.symbol.clone(),
        format,
        numbers: Numbers { raw_prices: args.raw_prices, raw_times: args.raw_times },
        capacity: BooksCapacity { instruments: 1 << 16, orders: args.orders as usize, levels: args.levels as usize },
    };
    let bar = progress::bar(0, Of::Bytes, "convert");
    let (began, mut shown) = (Instant::now(), Instant::now());
    let outcome = convert::run(&config, &mut *out.writer(), &signals::stop_requested, &mut |progress| {
        if shown.elapsed() > Duration::from_millis(100) {
            shown = Instant::now();
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.read_bytes);
        }
    });
    bar.finish_and_clear();
    let converted = outcome?;
    out.finish()?;
    for remark in &converted.remarks {
        eprintln!("tickwire: {remark}");
    }
    if !quiet {
        let seconds = began.elapsed().as_secs_f64();
        println!("{}: {} rows of {} in {seconds:.3} s", args.out.display(), converted.rows, converted.schema);
    }
    Ok(())
}

fn format(args: &ConvertArgs) -> Result<Format, Error> {
    let stdout = args.out == Path::new("-");
    let refuse = |why: &str, cure: &str| Err(Error::new(Exit::Usage, "", why, cure).in_file(&args.out));
    match args.to {
        Some(To::Csv) => Ok(Format::Csv),
        Some(To::Parquet) if stdout => refuse("Parquet does not go to standard output", "name a file, or say --to csv"),
        Some(To::Parquet) => Ok(Format::Parquet),
        None if stdout => Ok(Format::Csv),
        None => match args.out.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(Format::Csv),
            Some("parquet") => Ok(Format::Parquet),
            _ => refuse("its name ends neither in .csv nor in .parquet", "say --to csv or --to parquet"),
        },
    }
}

/// Hours of somebody's work are not written over, and no input is.
fn may_be_written(args: &ConvertArgs) -> Result<(), Error> {
    let Ok(there) = args.out.canonicalize() else { return Ok(()) };
    if args.inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == there)) {
        let why = "it is a file to be read";
        return Err(Error::new(Exit::Usage, "the converted file cannot be written", why, "name another file").in_file(&args.out));
    }
    if there.is_file() && !args.force {
        return Err(Error::new(Exit::Usage, "", "it is there already", "name another file, or say --force").in_file(&args.out));
    }
    Ok(())
}

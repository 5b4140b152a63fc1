//! `tickwire tail`: the records of a publication, one a line, as they come.

mod fields;
mod shown;

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Which, values};
use crate::error::{Error, Exit};
use crate::record::{
    Definition, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Schema, Signal, Statistics, Status, Trade, Venue,
    Vwap,
};
use crate::shm::{self, Item, Publication, Records, Symbols};
use crate::sys::signals;
use fields::Fields;
use shown::Shown;

/// Prints records as they come; what was lost because this reader was too slow is said in its place.
#[derive(Debug, Args)]
pub(super) struct TailArgs {
    #[command(flatten)]
    which: Which,
    /// Which ring, by its schema: mbo, mbp-1, mbp-10, trades, status, imbalance, …; default: the first there is
    #[arg(long, value_parser = values::schema)]
    schema: Option<Schema>,
    /// Only this symbol
    #[arg(long)]
    symbol: Option<String>,
    /// Where to begin
    #[arg(long, value_enum, default_value = "board")]
    from: Start,
    /// Stop after this many lines
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Let a paced replay (`replay --gated-readers`) wait for this reader
    #[arg(long)]
    gated: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Start {
    /// With the last record of every instrument, then what comes
    Board,
    /// With what comes
    Now,
    /// With the oldest record still in the ring
    Oldest,
}

pub(super) fn run(args: &TailArgs) -> Result<(), Error> {
    let _ = signals::install();
    let publication = args.which.open()?;
    let schema = match args.schema.or_else(|| publication.rings().first().map(|ring| ring.schema)) {
        Some(schema) => schema,
        None => return Err(Error::new(Exit::Publication, "the publication has no ring", "its file says so", "look at its configuration")),
    };
    match schema {
        Schema::Mbo => follow::<Mbo>(args, &publication),
        Schema::Mbp1 => follow::<Mbp1>(args, &publication),
        Schema::Mbp10 => follow::<Mbp10>(args, &publication),
        Schema::Trades => follow::<Trade>(args, &publication),
        Schema::Status => follow::<Status>(args, &publication),
        Schema::Imbalance => follow::<Imbalance>(args, &publication),
        Schema::Statistics => follow::<Statistics>(args, &publication),
        Schema::Definition => follow::<Definition>(args, &publication),
        Schema::Venue => follow::<Venue>(args, &publication),
        Schema::Ohlcv1S => follow::<Ohlcv1S>(args, &publication),
        Schema::Ohlcv1M => follow::<Ohlcv1M>(args, &publication),
        Schema::Ohlcv1H => follow::<Ohlcv1H>(args, &publication),
        Schema::Ohlcv1D => follow::<Ohlcv1D>(args, &publication),
        Schema::Vwap => follow::<Vwap>(args, &publication),
        Schema::Signal => follow::<Signal>(args, &publication),
        Schema::Latency => follow::<Latency>(args, &publication),
    }
}

fn follow<R: Shown>(args: &TailArgs, publication: &Publication) -> Result<(), Error> {
    let from = match args.from {
        Start::Board => shm::From::Board,
        Start::Now => shm::From::Now,
        Start::Oldest => shm::From::Oldest,
    };
    let mut records: Records<R> = if args.gated { publication.subscribe_gated(from)? } else { publication.subscribe(from)? };
    let mut names = Names::new(publication.clone());
    if let Some(symbol) = args.symbol.as_ref().filter(|symbol| publication.find(symbol).is_none()) {
        let known = publication.instrument_count();
        eprintln!(
            "tickwire: no instrument `{symbol}` among the {known} known so far; waiting for it (symbols are as the feed writes them)"
        );
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left = args.limit.unwrap_or(u64::MAX);
    let broken = |error: io::Error| Error::new(Exit::Failed, "cannot write to standard output", error, "");
    while left > 0 && !signals::stop_requested() {
        let line = match records.next()? {
            Item::Record(record) => names.line("record", record, args),
            Item::Board { record, .. } => names.line("board", record, args),
            Item::Control(record) => {
                let control = fields::of_control(record, names.channel(record.channel));
                Some(if args.json { control.json() } else { control.text(2) })
            }
            Item::Lost(count) => {
                let lost = Fields::new("lost").with("records", count);
                Some(if args.json { lost.json() } else { format!("lost   {count} records: this reader was too slow; the board follows") })
            }
            Item::NewEpoch => {
                names = Names::new(records.publication().clone());
                let epoch = Fields::new("epoch").with("epoch", records.publication().epoch());
                Some(if args.json { epoch.json() } else { epoch.text(2) })
            }
            Item::WriterDead => {
                let dead = Fields::new("writer").with("state", "dead");
                Some(if args.json { dead.json() } else { "writer is gone without a word; waiting for it to come back".to_owned() })
            }
            Item::End => {
                out.flush().map_err(broken)?;
                return Ok(());
            }
            Item::Idle => {
                out.flush().map_err(broken)?;
                std::thread::sleep(Duration::from_micros(200));
                None
            }
        };
        if let Some(line) = line {
            writeln!(out, "{line}").map_err(broken)?;
            left -= 1;
        }
    }
    out.flush().map_err(broken)
}

/// Names by number, looked up when a new one comes.
struct Names {
    symbols: Symbols,
    channels: Vec<String>,
}

impl Names {
    fn new(publication: Publication) -> Self {
        let channels = publication.channel_states().into_iter().map(|row| row.name).collect();
        Self { symbols: publication.symbols(), channels }
    }

    fn line<R: Shown>(&mut self, kind: &'static str, record: &R, args: &TailArgs) -> Option<String> {
        let header = record.header();
        let unnamed = || format!("#{}", header.instrument_id);
        let symbol = self.symbols.of(header).map_or_else(unnamed, str::to_owned);
        if args.symbol.as_ref().is_some_and(|wanted| *wanted != symbol) {
            return None;
        }
        let mut fields = Fields::new(kind).with("symbol", symbol.as_str()).with("ts_event", header.ts_event);
        record.fields(&mut fields);
        Some(if args.json { fields.json() } else { fields.text(3) })
    }

    fn channel(&self, index: u16) -> Option<String> {
        self.channels.get(usize::from(index)).cloned()
    }
}

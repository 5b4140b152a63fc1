//! `tickwire tail`: the records of a publication, one a line, as they come.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Which, values};
use crate::books_file::Decimal;
use crate::error::{Error, Exit};
use crate::record::control::{self, Control};
use crate::record::{BidAsk, Header, Mbo, Mbp1, Mbp10, Record, Schema, Status, Trade, UNDEF_PRICE, flags};
use crate::shm::{self, Item, Publication, Records};
use crate::sys::signals;

/// Prints records as they come; what was lost because this reader was too slow is said in its place.
#[derive(Debug, Args)]
pub(super) struct TailArgs {
    #[command(flatten)]
    which: Which,
    /// Which ring: mbo, mbp-1, mbp-10, trades, status; default: the first there is
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
    let publication = Publication::open(&args.which.dir, &args.which.publication)?;
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
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left = args.limit.unwrap_or(u64::MAX);
    let broken = |error: io::Error| Error::new(Exit::Failed, "cannot write to standard output", error, "");
    while left > 0 && !signals::stop_requested() {
        let line = match records.next()? {
            Item::Record(record) => names.line("record", record, args),
            Item::Board { record, .. } => names.line("board", record, args),
            Item::Control(record) => Some(control_line(record, args.json)),
            Item::Lost(count) => Some(notice(args.json, "lost", &format!("{count} records: this reader was too slow; the board follows"))),
            Item::NewEpoch => {
                names = Names::new(records.publication().clone());
                Some(notice(args.json, "epoch", &format!("{} begins", records.publication().epoch())))
            }
            Item::WriterDead => Some(notice(args.json, "writer", "is gone without a word; waiting for it to come back")),
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

/// Symbols by (publisher, instrument), looked up when a new one comes.
struct Names {
    publication: Publication,
    known: HashMap<(u16, u32), String>,
}

impl Names {
    fn new(publication: Publication) -> Self {
        Self { publication, known: HashMap::new() }
    }

    fn line<R: Shown>(&mut self, kind: &str, record: &R, args: &TailArgs) -> Option<String> {
        let header = record.header();
        let symbol = self.symbol(header);
        if args.symbol.as_ref().is_some_and(|wanted| wanted != symbol) {
            return None;
        }
        let mut fields = vec![("kind", kind.to_owned()), ("symbol", symbol.to_owned()), ("ts_event", header.ts_event.to_string())];
        record.fields(&mut fields);
        Some(if args.json { json(&fields) } else { text(&fields) })
    }

    fn symbol(&mut self, header: &Header) -> &str {
        let key = (header.publisher_id, header.instrument_id);
        if !self.known.contains_key(&key) {
            let rows = self.publication.instruments().map(|row| ((row.publisher_id, row.instrument_id), row.symbol));
            self.known.extend(rows);
        }
        self.known.entry(key).or_insert_with(|| format!("#{}", key.1))
    }
}

type Fields = Vec<(&'static str, String)>;

fn text(fields: &Fields) -> String {
    let mut fields = fields.iter();
    let head: Vec<&str> = fields.by_ref().take(3).map(|(_, value)| value.as_str()).collect();
    let rest: Vec<String> = fields.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{:<6} {:<8} {} {}", head[0], head[1], head[2], rest.join(" "))
}

fn json(fields: &Fields) -> String {
    let map: serde_json::Map<String, serde_json::Value> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.parse::<u64>().map_or_else(|_| value.as_str().into(), Into::into)))
        .collect();
    serde_json::Value::Object(map).to_string()
}

fn notice(as_json: bool, kind: &'static str, what: &str) -> String {
    if as_json { json(&vec![("kind", kind.to_owned()), ("what", what.to_owned())]) } else { format!("# {kind}: {what}") }
}

fn control_line(record: &Control, as_json: bool) -> String {
    let what = match record.hd.rtype {
        control::SESSION_START => "session start",
        control::SESSION_END => "session end",
        control::GAP_OPEN => "gap open",
        control::GAP_CLOSED => "gap closed",
        control::BOOK_GOOD => "book good",
        control::IMAGE_READY => "image ready",
        control::PRICE_LEVELS_ONLY => "price levels only: orders older than this are not known",
        _ => "unknown control record",
    };
    let what = format!("{what}, channel {}, {} to {}, cause {}", record.channel, record.first_sequence, record.last_sequence, record.cause);
    notice(as_json, "control", &what)
}

/// A record that can be shown to people.
trait Shown: Record {
    fn header(&self) -> &Header;
    fn fields(&self, to: &mut Fields);
}

fn price(value: i64) -> String {
    if value == UNDEF_PRICE { "-".to_owned() } else { Decimal(value).to_string() }
}

fn letter(byte: u8) -> String {
    (byte as char).to_string()
}

fn flag_names(bits: u8) -> String {
    let names = [
        (flags::LAST, "LAST"),
        (flags::TOB, "TOB"),
        (flags::SNAPSHOT, "SNAPSHOT"),
        (flags::MBP, "MBP"),
        (flags::BAD_TS_RECV, "BAD_TS_RECV"),
        (flags::MAYBE_BAD_BOOK, "MAYBE_BAD_BOOK"),
    ];
    let set: Vec<&str> = names.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name).collect();
    if set.is_empty() { "-".to_owned() } else { set.join("|") }
}

fn level(to: &mut Fields, names: [&'static str; 6], level: &BidAsk) {
    let values = [
        price(level.bid_px),
        level.bid_sz.to_string(),
        level.bid_ct.to_string(),
        price(level.ask_px),
        level.ask_sz.to_string(),
        level.ask_ct.to_string(),
    ];
    to.extend(names.into_iter().zip(values));
}

const BEST: [&str; 6] = ["bid", "bid_size", "bid_orders", "ask", "ask_size", "ask_orders"];

macro_rules! shown {
    ($record:ident, $self:ident, $to:ident => $body:block) => {
        impl Shown for $record {
            fn header(&self) -> &Header {
                &self.hd
            }
            fn fields(&$self, $to: &mut Fields) $body
        }
    };
}

macro_rules! event_fields {
    ($record:expr, $to:expr) => {{
        $to.push(("action", letter($record.action)));
        $to.push(("side", letter($record.side)));
        $to.push(("price", price($record.price)));
        $to.push(("size", $record.size.to_string()));
        $to.push(("flags", flag_names($record.flags)));
        $to.push(("sequence", $record.sequence.to_string()));
    }};
}

shown!(Mbo, self, to => {
    event_fields!(self, to);
    to.push(("order_id", self.order_id.to_string()));
});
shown!(Trade, self, to => {
    event_fields!(self, to);
});
shown!(Mbp1, self, to => {
    event_fields!(self, to);
    level(to, BEST, &self.levels[0]);
});
shown!(Mbp10, self, to => {
    event_fields!(self, to);
    to.push(("depth", self.depth.to_string()));
    level(to, BEST, &self.levels[0]);
    let there = self.levels.iter().filter(|level| level.bid_px != UNDEF_PRICE || level.ask_px != UNDEF_PRICE).count();
    to.push(("levels", there.to_string()));
});
shown!(Status, self, to => {
    to.push(("action", self.action.to_string()));
    to.push(("reason", self.reason.to_string()));
    to.push(("trading_event", self.trading_event.to_string()));
    to.push(("is_trading", letter(self.is_trading)));
    to.push(("is_quoting", letter(self.is_quoting)));
    to.push(("is_short_sell_restricted", letter(self.is_short_sell_restricted)));
});

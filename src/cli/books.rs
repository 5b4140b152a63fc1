//! `tickwire books`: a consumer that rebuilds every book from the `mbo` ring alone, and writes them when the session ends.
//!
//! It keeps plain maps and shares no code with the handler's books, so that what it writes says what a consumer can know.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::Which;
use super::output::Output;
use crate::books_file::Decimal;
use crate::error::{Error, Exit};
use crate::record::{Mbo, action, control, side};
use crate::shm::{From, Item};
use crate::sys::signals;

/// Follows the `mbo` ring from its beginning, rebuilds every book order by order, and writes them as CSV when the session ends.
/// Fails if it cannot have seen everything: the ring was lapped, or it came too late.
#[derive(Debug, Args)]
pub(super) struct BooksArgs {
    #[command(flatten)]
    which: Which,
    /// Where to write them (`-` for standard output)
    #[arg(long, value_name = "FILE.csv", default_value = "-")]
    out: PathBuf,
    /// Wait up to so many seconds for the publication to appear
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    wait: u64,
    /// Give up after so many seconds without the end of the session
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    seconds: Option<u64>,
    /// Let a paced replay (`replay --gated-readers`) wait for this reader
    #[arg(long)]
    gated: bool,
}

#[derive(Default)]
struct Book {
    /// (price, size, bid) by order.
    orders: HashMap<u64, (i64, u32, bool)>,
}

pub(super) fn run(args: &BooksArgs) -> Result<(), Error> {
    let _ = signals::install();
    let output = Output::open(&args.out, "the books file", None)?;
    let publication = args.which.open_within(Duration::from_secs(args.wait))?;
    let mut records =
        if args.gated { publication.subscribe_gated::<Mbo>(From::Oldest)? } else { publication.subscribe::<Mbo>(From::Oldest)? };
    if records.next_position() > 1 {
        return Err(incomplete("the beginning of the session is no longer in the ring"));
    }
    let mut books: HashMap<(u16, u32), Book> = HashMap::new();
    let until = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    loop {
        match records.next()? {
            Item::Record(record) => apply(books.entry((record.hd.publisher_id, record.hd.instrument_id)).or_default(), record),
            Item::Board { .. } => {}
            Item::Control(control) if control.hd.rtype == control::SESSION_END => break,
            Item::Control(control) if control.hd.rtype == control::GAP_OPEN => {
                eprintln!(
                    "tickwire: messages {} to {} were lost on all lines: the books will differ",
                    control.first_sequence, control.last_sequence
                );
            }
            Item::Control(_) => {}
            Item::Lost(count) => return Err(incomplete(&format!("this reader was too slow and was lapped by {count} records"))),
            Item::NewEpoch => books.clear(),
            Item::WriterDead => return Err(incomplete("the writer died")),
            Item::End => break,
            Item::Idle if signals::stop_requested() || until.is_some_and(|until| Instant::now() > until) => {
                return Err(incomplete("the session has not ended"));
            }
            Item::Idle => std::thread::sleep(Duration::from_micros(100)),
        }
    }
    let publication = records.publication();
    let names: HashMap<(u16, u32), String> =
        publication.instruments().map(|row| ((row.publisher_id, row.instrument_id), row.symbol)).collect();
    output.fill(|out| write(&books, &names, out))
}

fn incomplete(why: &str) -> Error {
    Error::new(Exit::Failed, "the books cannot be whole", why, "start this reader before the session, or give the mbo ring more depth")
}

/// Only A, C, M and R change a book.
fn apply(book: &mut Book, record: &Mbo) {
    match record.action {
        action::ADD | action::MODIFY => {
            book.orders.insert(record.order_id, (record.price, record.size, record.side == side::BID));
        }
        action::CANCEL => {
            if let Some((_, left, _)) = book.orders.get_mut(&record.order_id) {
                *left = left.saturating_sub(record.size);
                if *left == 0 {
                    book.orders.remove(&record.order_id);
                }
            }
        }
        action::CLEAR => book.orders.clear(),
        _ => {}
    }
}

fn write(books: &HashMap<(u16, u32), Book>, names: &HashMap<(u16, u32), String>, out: &mut dyn Write) -> std::io::Result<()> {
    let nameless = String::from("?");
    let mut sorted: Vec<(&String, &Book)> = books.iter().map(|(key, book)| (names.get(key).unwrap_or(&nameless), book)).collect();
    sorted.sort_by_key(|(name, _)| *name);
    writeln!(out, "symbol,side,level,price,size,orders")?;
    for (name, book) in sorted {
        let mut levels: BTreeMap<(bool, i64), (u64, u32)> = BTreeMap::new();
        for &(price, size, bid) in book.orders.values() {
            // Bids first, the best (highest) first: their key is turned round.
            let level = levels.entry((!bid, if bid { -price } else { price })).or_default();
            *level = (level.0 + u64::from(size), level.1 + 1);
        }
        let (mut rank, mut before) = (0, None);
        for ((ask, key), (size, orders)) in levels {
            rank = if before == Some(ask) { rank + 1 } else { 0 };
            before = Some(ask);
            let (letter, price) = if ask { ('S', key) } else { ('B', -key) };
            writeln!(out, "{name},{letter},{rank},{},{size},{orders}", Decimal(price))?;
        }
    }
    out.flush()
}

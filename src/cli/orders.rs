//! `tickwire orders`: every order of one instrument, as they will be served.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::{Which, words};
use crate::books_file::Decimal;
use crate::error::{Error, Exit};
use crate::shm::orders::{Order, Side};
use crate::shm::{OrderBook, OrderItem, OrderStream, ShmError};
use crate::sys::signals;

/// Looks an instrument up order by order: starts from the newest image of the publication (or from the beginning of its mbo ring), reads
/// up to now, and shows who waits where.
#[derive(Debug, Args)]
pub(super) struct OrdersArgs {
    #[command(flatten)]
    which: Which,
    /// Symbol, as the feed writes it
    symbol: String,
    /// Only the best levels of each side, so many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    levels: u32,
    /// Only this order: how many wait before it
    #[arg(long, value_name = "ORDER_ID")]
    order: Option<u64>,
    /// Wait up to so many seconds for an image to start from
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=86_400))]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Waiting {
    order_id: u64,
    side: &'static str,
    price: String,
    size: u32,
    /// Of the same price, served before it.
    orders_ahead: u32,
    size_ahead: u64,
}

#[derive(Serialize)]
struct Shown<'a> {
    symbol: &'a str,
    state: &'static str,
    writer: &'static str,
    epoch: u64,
    position: u64,
    sequence: u32,
    ts_event: u64,
    bids: Vec<Waiting>,
    asks: Vec<Waiting>,
}

pub(super) fn run(args: &OrdersArgs) -> Result<(), Error> {
    let _ = signals::install();
    let stream = current(args)?;
    let publication = stream.publication();
    let no_symbol = || ShmError::NoSymbol { path: publication.path().to_owned(), symbol: args.symbol.clone() };
    let row = publication.instruments().filter(|row| row.symbol == args.symbol).last().ok_or_else(no_symbol)?;
    let book = stream.books().book(row.publisher_id, row.instrument_id);
    let side = |side| book.map(|book| waiting(&book, side, args)).unwrap_or_default();
    let (bids, asks) = (side(Side::Bid), side(Side::Ask));
    if let Some(order) = args.order
        && bids.is_empty()
        && asks.is_empty()
    {
        let why = format!("no order {order} rests in {}", args.symbol);
        return Err(Error::new(Exit::Publication, "", why, "it may have been filled or cancelled; without --order all are shown"));
    }
    let shown = Shown {
        symbol: &args.symbol,
        state: if book.is_some_and(|book| book.maybe_bad()) { "maybe_bad" } else { "good" },
        writer: words::writer_state(publication.writer()?),
        epoch: publication.epoch(),
        position: stream.position(),
        sequence: book.map_or(0, |book| book.sequence()),
        ts_event: book.map_or(0, |book| book.ts_event()),
        bids,
        asks,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&shown).unwrap_or_default());
    } else {
        print(&shown, book.map_or(0, |book| book.len()));
    }
    Ok(())
}

/// A subscription that has read everything there is now.
fn current(args: &OrdersArgs) -> Result<OrderStream, Error> {
    let until = Instant::now() + Duration::from_secs(args.wait);
    let publication = args.which.open()?;
    let mut stream = if args.wait > 0 { publication.orders_when_ready()? } else { publication.orders()? };
    // A market that never pauses must not keep us for ever: up to what was there when we came is current enough.
    let mut target = 0;
    loop {
        let (ended, idle) = match stream.next()? {
            OrderItem::Idle => (false, true),
            OrderItem::End | OrderItem::WriterDead => (true, true),
            _ => (false, false),
        };
        if stream.is_whole() {
            if target == 0 {
                let rings = stream.publication().rings();
                target = rings.iter().find(|ring| ring.schema == crate::record::Schema::Mbo).map_or(0, |ring| ring.position).max(1);
            }
            if idle || stream.position() >= target {
                return Ok(stream);
            }
        } else if ended || idle && (Instant::now() >= until || signals::stop_requested()) {
            let path = stream.publication().path().to_owned();
            return Err(ShmError::NoImage { path, why: "none came".into() }.into());
        } else if idle {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn waiting(book: &OrderBook<'_>, side: Side, args: &OrdersArgs) -> Vec<Waiting> {
    let mut shown = Vec::new();
    let (mut levels, mut price, mut ahead) = (0, None, (0, 0));
    for Order { order_id, price: at, size } in book.orders(side) {
        if price.replace(at) != Some(at) {
            (levels, ahead) = (levels + 1, (0, 0));
        }
        if args.order.is_none() && levels > args.levels {
            break;
        }
        let (orders_ahead, size_ahead) = ahead;
        if args.order.is_none_or(|wanted| wanted == order_id) {
            let (side, price) = (if side == Side::Bid { "bid" } else { "ask" }, Decimal(at).to_string());
            shown.push(Waiting { order_id, side, price, size, orders_ahead, size_ahead });
        }
        ahead = (orders_ahead + 1, size_ahead + u64::from(size));
    }
    shown
}

fn print(shown: &Shown<'_>, orders: usize) {
    println!(
        "{}: {} ({orders} orders, writer {}, sequence {}, position {})",
        shown.symbol, shown.state, shown.writer, shown.sequence, shown.position
    );
    if shown.bids.is_empty() && shown.asks.is_empty() {
        println!("(no order on either side)");
        return;
    }
    println!("{:<4} {:>14} {:>6} {:>20} {:>10} {:>12}", "side", "price", "queue", "order", "size", "size ahead");
    for Waiting { order_id, side, price, size, orders_ahead, size_ahead } in shown.asks.iter().rev().chain(&shown.bids) {
        println!("{side:<4} {price:>14} {:>6} {order_id:>20} {size:>10} {size_ahead:>12}", orders_ahead + 1);
    }
}

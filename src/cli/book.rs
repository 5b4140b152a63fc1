//! `tickwire book`: the newest price levels of one instrument.

use clap::Args;
use serde::Serialize;

use super::{Which, words};
use crate::books_file::Decimal;
use crate::error::Error;
use crate::record::{BidAsk, UNDEF_PRICE};
use crate::shm::{BookState, BookView, WriterState};

/// Looks an instrument up on the board of a publication: ten levels where it has `mbp-10`, else the best.
#[derive(Debug, Args)]
pub(super) struct BookArgs {
    #[command(flatten)]
    which: Which,
    /// Symbol, as the feed writes it
    symbol: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Level {
    price: String,
    size: u32,
    orders: u32,
}

#[derive(Serialize)]
struct Book<'a> {
    symbol: &'a str,
    state: &'a str,
    channel: &'a str,
    writer: &'a str,
    epoch: u64,
    sequence: u32,
    ts_event: u64,
    ts_recv: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

pub(super) fn run(args: &BookArgs) -> Result<(), Error> {
    let publication = args.which.open()?;
    let view = publication.book(&args.symbol)?;
    let writer = publication.writer()?;
    if args.json {
        let side = |of: fn(&BidAsk) -> (i64, u32, u32)| {
            let there = view.levels.iter().map(of).filter(|&(price, ..)| price != UNDEF_PRICE);
            there.map(|(price, size, orders)| Level { price: Decimal(price).to_string(), size, orders }).collect()
        };
        let book = Book {
            symbol: &view.instrument.symbol,
            state: state(&view),
            channel: words::channel_state(view.channel),
            writer: words::writer_state(writer),
            epoch: publication.epoch(),
            sequence: view.sequence,
            ts_event: view.ts_event,
            ts_recv: view.ts_recv,
            bids: side(|level| (level.bid_px, level.bid_sz, level.bid_ct)),
            asks: side(|level| (level.ask_px, level.ask_sz, level.ask_ct)),
        };
        println!("{}", serde_json::to_string_pretty(&book).unwrap_or_default());
        return Ok(());
    }
    print(&view, writer);
    Ok(())
}

fn state(view: &BookView) -> &'static str {
    match view.state {
        BookState::Good => "good",
        BookState::MaybeBad => "maybe_bad",
    }
}

fn print(view: &BookView, writer: WriterState) {
    let (channel, writer) = (words::channel_state(view.channel), words::writer_state(writer));
    println!("{}: {} (channel {channel}, writer {writer}, sequence {})", view.instrument.symbol, state(view), view.sequence);
    println!("{:>8} {:>10} {:>14}   {:<14} {:<10} {:<8}", "orders", "size", "bid", "offer", "size", "orders");
    let there = |level: &&BidAsk| level.bid_px != UNDEF_PRICE || level.ask_px != UNDEF_PRICE;
    for level in view.levels.iter().filter(there) {
        let (bid, offer) = (level.bid_px != UNDEF_PRICE, level.ask_px != UNDEF_PRICE);
        let shown = |is: bool, text: String| if is { text } else { String::new() };
        println!(
            "{:>8} {:>10} {:>14}   {:<14} {:<10} {:<8}",
            shown(bid && level.bid_ct > 0, level.bid_ct.to_string()),
            shown(bid, level.bid_sz.to_string()),
            shown(bid, Decimal(level.bid_px).to_string()),
            shown(offer, Decimal(level.ask_px).to_string()),
            shown(offer, level.ask_sz.to_string()),
            shown(offer && level.ask_ct > 0, level.ask_ct.to_string()),
        );
    }
    if !view.levels.iter().any(|level| there(&level)) {
        println!("(no level on either side)");
    }
}

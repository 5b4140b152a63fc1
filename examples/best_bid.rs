//! Follows the best bid and offer of one symbol: `cargo run --example best_bid --no-default-features -- nasdaq AAPL`

use tickwire::record::{BidAsk, Mbp1, UNDEF_PRICE, control, flags};
use tickwire::shm::{From, Item, Publication};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, symbol, dir @ ..] = args.as_slice() else { return Err("say PUBLICATION SYMBOL [DIRECTORY]".into()) };
    let publication = Publication::open(dir.first().map_or("/dev/shm/tickwire", String::as_str), name)?;
    let mut symbols = publication.symbols();
    let mut records = publication.subscribe::<Mbp1>(From::Board)?;
    loop {
        match records.next()? {
            Item::Record(r) if symbols.of(&r.hd) == Some(symbol) => show(&r.levels[0], r.flags & flags::MAYBE_BAD_BOOK != 0),
            Item::Board { record: r, maybe_bad, .. } if symbols.of(&r.hd) == Some(symbol) => show(&r.levels[0], maybe_bad),
            Item::Control(c) if c.hd.rtype == control::GAP_OPEN => println!("messages were lost: what was shown may be wrong"),
            Item::Lost(n) => println!("{n} records missed; the newest follows"),
            // Ids are the venue's, for one epoch.
            Item::NewEpoch => symbols = records.publication().symbols(),
            Item::Idle => std::thread::sleep(std::time::Duration::from_micros(100)),
            Item::End => return Ok(()),
            _ => {}
        }
    }
}

fn show(best: &BidAsk, maybe_bad: bool) {
    let price = |e9: i64| if e9 == UNDEF_PRICE { "-".into() } else { format!("{:.4}", e9 as f64 / 1e9) };
    let doubt = if maybe_bad { "  (may be wrong)" } else { "" };
    println!("{:>8} x {:<10} | {:>10} x {:<8}{doubt}", best.bid_sz, price(best.bid_px), price(best.ask_px), best.ask_sz);
}

//! What has traded, in order: the exchange's own record of it, told without regard to how a handler tells it.

use super::encode::Message;
use super::flow::Fill;
use super::orders::Side;
use super::tick::price_e4;

/// The trades of a session so far, and what else is counted. Kept only when asked for ([`Session::keep_tape`](super::Session::keep_tape)):
/// a full day has some 700,000 trades.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    /// Every trade that counts, in the order of the messages: executions that are to be printed, hidden trades, and crosses that matched
    /// anything (their executions are not counted again).
    pub trades: Vec<TradeTruth>,
    /// Trades that were broken afterwards, in the order of the messages.
    pub breaks: Vec<BreakTruth>,
    /// Every cross, also those that matched nothing.
    pub crosses: Vec<CrossTruth>,
    /// Executions that are not to be printed.
    pub not_printed: u64,
    /// Imbalance messages (I).
    pub imbalances: u64,
    /// Directory messages (R) that named an instrument for the first time.
    pub definitions: u64,
    /// Directory messages that said something else of an instrument than before.
    pub redefinitions: u64,
    /// Orders that were attributed (F).
    pub attributions: u64,
}

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeTruth {
    /// Number of the message that told it, from 1.
    pub message: u64,
    /// ns since 1970 UTC.
    pub time_ns: u64,
    /// Of which symbol.
    pub locate: u16,
    /// The type of the message: `E`, `C`, `P` or `Q`.
    pub told_by: char,
    /// Unique within the day.
    pub match_number: u64,
    /// In 1e-9 dollars.
    pub price_e9: i64,
    /// Shares.
    pub shares: u64,
    /// Whether the party that took was the buyer; `None`: a hidden order or a cross.
    pub bought: Option<bool>,
}

/// A trade was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakTruth {
    /// Number of the message that told it, from 1.
    pub message: u64,
    /// Of which symbol.
    pub locate: u16,
    /// Of an earlier trade; no trade is broken twice.
    pub match_number: u64,
}

/// A cross was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossTruth {
    /// Number of the message that told it, from 1.
    pub message: u64,
    /// Of which symbol.
    pub locate: u16,
    /// `O` opening, `C` closing, `H` after a halt or of an IPO.
    pub kind: char,
    /// Unique within the day.
    pub match_number: u64,
    /// In 1e-9 dollars; 0 if nothing matched.
    pub price_e9: i64,
    /// Shares; 0 if nothing matched.
    pub shares: u64,
}

const fn e9(price_e4: u32) -> i64 {
    price_e4 as i64 * 100_000
}

/// The trade that a message tells, if it counts; `fill` is what the message did to an order.
pub(super) fn trade(message: u64, time_ns: u64, locate: u16, told: &Message, fill: Option<Fill>) -> Option<TradeTruth> {
    let bought = fill.map(|fill| fill.side == Side::Sell);
    let of = |told_by, match_number, price, shares, bought| {
        Some(TradeTruth { message, time_ns, locate, told_by, match_number, price_e9: e9(price), shares, bought })
    };
    match *told {
        Message::Execute { shares, match_number, .. } => of('E', match_number, price_e4(fill?.tick), shares.into(), bought),
        Message::ExecuteAtPrice { shares, match_number, printable: true, price, .. } => of('C', match_number, price, shares.into(), bought),
        Message::Trade { shares, price, match_number, .. } => of('P', match_number, price, shares.into(), None),
        Message::Cross { shares, price, match_number, .. } if shares > 0 => of('Q', match_number, price, shares, None),
        _ => None,
    }
}

impl Tape {
    /// Takes down one message.
    pub(super) fn take(&mut self, message: u64, locate: u16, told: &Message, trade: Option<TradeTruth>) {
        self.trades.extend(trade);
        match *told {
            Message::ExecuteAtPrice { printable: false, .. } => self.not_printed += 1,
            Message::BrokenTrade { match_number } => self.breaks.push(BreakTruth { message, locate, match_number }),
            Message::Cross { shares, price, match_number, kind, .. } => {
                let kind = char::from(kind);
                self.crosses.push(CrossTruth { message, locate, kind, match_number, price_e9: e9(price), shares });
            }
            Message::Imbalance { .. } => self.imbalances += 1,
            Message::Directory { again: false, .. } => self.definitions += 1,
            Message::Directory { again: true, .. } => self.redefinitions += 1,
            Message::Add { attribution: Some(_), .. } => self.attributions += 1,
            _ => (),
        }
    }
}

//! IEX TOPS 1.6 into events: the best bid and offer of each instrument, and what it shares with DEEP ([`super::iex`]).
//!
//! TOPS names instruments by symbol; ids are our own, in order of first appearance.

use super::field::iex_price;
use super::iex::{self, Instruments};
use super::iextp::TopsTp;
use super::{Decoded, Decoder, Event, Protocol, Quoted};
use crate::stats::Drop;
use crate::wire::tops16::{Message, QuoteUpdate};

/// TOPS 1.6 over IEX-TP.
#[derive(Clone, Copy, Debug)]
pub struct IexTops;

impl Protocol for IexTops {
    type Session = TopsTp;
    type Decoder = TopsDecoder;
}

/// Decodes the messages of one session.
#[derive(Clone, Debug)]
pub struct TopsDecoder {
    instruments: Instruments,
}

impl TopsDecoder {
    /// With room for `max_instruments`, at most [`MAX_CAPACITY`](super::symbols::SymbolTable::MAX_CAPACITY). Messages of any
    /// further symbol are [`Drop::InstrumentsFull`].
    pub fn new(max_instruments: u32) -> Self {
        Self { instruments: Instruments::new(max_instruments) }
    }
}

impl Decoder for TopsDecoder {
    fn set_midnight(&mut self, _: u64) {}

    #[inline]
    fn decode(&mut self, message: &[u8]) -> Result<Decoded, Drop> {
        let of = &mut self.instruments;
        match Message::parse(message)? {
            Message::QuoteUpdate(m) => of.told(m.timestamp, m.symbol, quote(m)?),
            Message::TradeReport(m) => of.told(m.timestamp, m.symbol, iex::trade(m)?),
            Message::TradeBreak(m) => of.told(m.timestamp, m.symbol, iex::trade_break(m)?),
            Message::TradingStatus(m) => of.told(m.timestamp, m.symbol, iex::trading_status(m)?),
            Message::OperationalHalt(m) => of.told(m.timestamp, m.symbol, iex::operational_halt(m)?),
            Message::ShortSalePriceTest(m) => of.told(m.timestamp, m.symbol, iex::short_sale_test(m)?),
            Message::SecurityDirectory(m) => of.told(m.timestamp, m.symbol, iex::directory(m)?),
            Message::AuctionInformation(m) => of.told(m.timestamp, m.symbol, iex::auction(m)?),
            Message::RetailLiquidity(m) => of.told(m.timestamp, m.symbol, iex::retail_liquidity(m)?),
            Message::OfficialPrice(m) => of.told(m.timestamp, m.symbol, iex::official_price(m)?),
            Message::SystemEvent(m) => iex::system_event(m),
        }
    }

    fn moves_books(kind: u8) -> bool {
        kind == b'Q'
    }

    fn instrument_limit(&self) -> u32 {
        self.instruments.limit()
    }

    fn new_session(&mut self) {
        self.instruments.new_session();
    }
}

#[inline]
fn quote(m: &QuoteUpdate) -> Result<Event, Drop> {
    let bid = quoted(m.bid_price.get(), m.bid_size.get())?;
    let ask = quoted(m.ask_price.get(), m.ask_size.get())?;
    Ok(Event::Quote { bid, ask })
}

/// One side of a quote. A price without a size, or a size without a price, is neither a quote nor the lack of one.
#[inline]
fn quoted(price: i64, size: u32) -> Result<Quoted, Drop> {
    if (price == 0) != (size == 0) {
        return Err(Drop::BadValue);
    }
    Ok(Quoted { price: iex_price(price)?, size })
}

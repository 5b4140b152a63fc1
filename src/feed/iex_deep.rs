//! IEX DEEP 1.0 into events: every price level of each instrument, and what it shares with TOPS ([`super::iex`]).
//!
//! A level update says how large one level is from here on, and whether the atomic event it belongs to is complete; what to do with
//! one that is not is decided behind the decoder. Instruments are named by symbol; ids are our own, in order of first appearance.

use super::field::iex_price;
use super::iex::{self, Instruments};
use super::iextp::DeepTp;
use super::{Decoded, Decoder, Event, Protocol, Side, Touch};
use crate::record::venue::kind;
use crate::stats::Drop;
use crate::wire::deep10::{EVENT_COMPLETE, Message, PriceLevel, SecurityEvent};

/// DEEP 1.0 over IEX-TP.
#[derive(Clone, Copy, Debug)]
pub struct IexDeep;

impl Protocol for IexDeep {
    type Session = DeepTp;
    type Decoder = DeepDecoder;
}

/// Decodes the messages of one session.
#[derive(Clone, Debug)]
pub struct DeepDecoder {
    instruments: Instruments,
}

impl DeepDecoder {
    /// With room for `max_instruments`, at most [`MAX_CAPACITY`](super::symbols::SymbolTable::MAX_CAPACITY). Messages of any
    /// further symbol are [`Drop::InstrumentsFull`].
    pub fn new(max_instruments: u32) -> Self {
        Self { instruments: Instruments::new(max_instruments) }
    }
}

impl Decoder for DeepDecoder {
    fn set_midnight(&mut self, _: u64) {}

    #[inline]
    fn decode(&mut self, message: &[u8]) -> Result<Decoded, Drop> {
        let of = &mut self.instruments;
        match Message::parse(message)? {
            Message::BuyLevel(m) => of.told(m.timestamp, m.symbol, level(m, Side::Bid)?),
            Message::SellLevel(m) => of.told(m.timestamp, m.symbol, level(m, Side::Ask)?),
            Message::TradeReport(m) => of.told(m.timestamp, m.symbol, iex::trade(m)?),
            Message::TradeBreak(m) => of.told(m.timestamp, m.symbol, iex::trade_break(m)?),
            Message::TradingStatus(m) => of.told(m.timestamp, m.symbol, iex::trading_status(m)?),
            Message::OperationalHalt(m) => of.told(m.timestamp, m.symbol, iex::operational_halt(m)?),
            Message::ShortSalePriceTest(m) => of.told(m.timestamp, m.symbol, iex::short_sale_test(m)?),
            Message::SecurityDirectory(m) => of.told(m.timestamp, m.symbol, iex::directory(m)?),
            Message::SecurityEvent(m) => of.told(m.timestamp, m.symbol, security_event(m)?),
            Message::AuctionInformation(m) => of.told(m.timestamp, m.symbol, iex::auction(m)?),
            Message::RetailLiquidity(m) => of.told(m.timestamp, m.symbol, iex::retail_liquidity(m)?),
            Message::OfficialPrice(m) => of.told(m.timestamp, m.symbol, iex::official_price(m)?),
            Message::SystemEvent(m) => iex::system_event(m),
        }
    }

    /// The book of a level; there are no orders.
    #[inline]
    fn will_touch(&self, message: &[u8]) -> Option<Touch> {
        match Message::parse(message).ok()? {
            Message::BuyLevel(m) | Message::SellLevel(m) => Some(Touch { instrument: self.instruments.find(m.symbol)?, order: None }),
            _ => None,
        }
    }

    fn moves_books(kind: u8) -> bool {
        matches!(kind, b'8' | b'5')
    }

    fn instrument_limit(&self) -> u32 {
        self.instruments.limit()
    }

    fn new_session(&mut self) {
        self.instruments.new_session();
    }
}

/// No level stands at a price of 0.
#[inline]
fn level(m: &PriceLevel, side: Side) -> Result<Event, Drop> {
    let price = iex_price(m.price.get())?;
    if price == 0 {
        return Err(Drop::BadValue);
    }
    Ok(Event::Level { side, price, size: m.size.get(), complete: m.event_flags & EVENT_COMPLETE != 0 })
}

fn security_event(m: &SecurityEvent) -> Result<Event, Drop> {
    match m.security_event {
        letter @ (b'O' | b'C') => Ok(iex::word(kind::SECURITY_EVENT, letter)),
        _ => Err(Drop::BadValue),
    }
}

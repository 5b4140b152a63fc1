//! IEX TOPS 1.6 into events.
//!
//! TOPS names instruments by symbol; ids are our own, in order of first appearance. A message is checked before its
//! symbol gets an id, so that a bad message leaves no trace.

use super::field::{iex_price, symbol};
use super::iextp::TopsTp;
use super::status::{action, iex_reason, reason, short_sale, trading, tri};
use super::symbols::SymbolTable;
use super::{Decoded, Decoder, Directory, Event, Protocol, Quoted, Shares, Symbol};
use crate::stats::Drop;
use crate::wire::tops16::Message;

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
    symbols: SymbolTable,
}

impl TopsDecoder {
    /// With room for `max_instruments`, at most [`SymbolTable::MAX_CAPACITY`]. Messages of any further symbol are [`Drop::InstrumentsFull`].
    pub fn new(max_instruments: u32) -> Self {
        Self { symbols: SymbolTable::new(max_instruments) }
    }

    #[inline]
    fn of_instrument(&mut self, timestamp: i64, text: Symbol, event: Event) -> Result<Decoded, Drop> {
        let ts_event = time(timestamp)?;
        let symbol = symbol(text)?;
        let instrument_id = self.symbols.id(symbol).ok_or(Drop::InstrumentsFull)?;
        Ok(Decoded { ts_event, instrument_id, symbol: Some(symbol), event })
    }
}

impl Decoder for TopsDecoder {
    fn set_midnight(&mut self, _: u64) {}

    #[inline]
    fn decode(&mut self, message: &[u8]) -> Result<Decoded, Drop> {
        match Message::parse(message)? {
            Message::QuoteUpdate(m) => {
                let bid = quoted(m.bid_price.get(), m.bid_size.get())?;
                let ask = quoted(m.ask_price.get(), m.ask_size.get())?;
                self.of_instrument(m.timestamp.get(), m.symbol, Event::Quote { bid, ask })
            }
            Message::TradeReport(m) => {
                let (price, match_number) = (iex_price(m.price.get())?, m.trade_id.get());
                let shares = Shares { size: m.size.get(), saturated: false };
                let event = Event::Trade { price, shares, match_number, code: m.sale_condition_flags, official: None };
                self.of_instrument(m.timestamp.get(), m.symbol, event)
            }
            Message::TradeBreak(m) => {
                let (price, match_number) = (iex_price(m.price.get())?, m.trade_id.get());
                let event = Event::Break { match_number, price, size: m.size.get(), code: m.sale_condition_flags };
                self.of_instrument(m.timestamp.get(), m.symbol, event)
            }
            Message::TradingStatus(m) => {
                let reason = iex_reason(m.reason);
                let change = match m.trading_status {
                    b'T' => trading(action::TRADING, reason, tri::YES, tri::YES),
                    b'H' => trading(action::HALT, reason, tri::NO, tri::NO),
                    // Orders are taken for the auction that ends the halt.
                    b'O' => trading(action::PRE_CROSS, reason, tri::NO, tri::NOT_TOLD),
                    b'P' => trading(action::PAUSE, reason, tri::NO, tri::NOT_TOLD),
                    _ => return Err(Drop::BadValue),
                };
                self.of_instrument(m.timestamp.get(), m.symbol, Event::Status(change))
            }
            Message::OperationalHalt(m) => {
                let change = match m.operational_halt_status {
                    b'O' => trading(action::HALT, reason::OPERATIONAL, tri::NO, tri::NO),
                    // Sent for every instrument at the start, halted ones too: it must not claim that trading is on.
                    b'N' => trading(action::NONE, reason::OPERATIONAL, tri::NOT_TOLD, tri::NOT_TOLD),
                    _ => return Err(Drop::BadValue),
                };
                self.of_instrument(m.timestamp.get(), m.symbol, Event::Status(change))
            }
            Message::ShortSalePriceTest(m) => {
                let restricted = match m.short_sale_price_test_status {
                    0 => false,
                    1 => true,
                    _ => return Err(Drop::BadValue),
                };
                self.of_instrument(m.timestamp.get(), m.symbol, Event::Status(short_sale(restricted)))
            }
            Message::SecurityDirectory(m) => {
                let event = Event::Directory(Directory {
                    round_lot: m.round_lot_size.get(),
                    leverage: 0,
                    previous_close: iex_price(m.adjusted_poc_price.get())?,
                    market_category: b' ',
                    financial_status: b' ',
                    round_lots_only: b' ',
                    issue_classification: b' ',
                    issue_sub_type: [b' '; 2],
                    authenticity: b' ',
                    short_sale_threshold: b' ',
                    ipo: b' ',
                    luld_tier: m.luld_tier,
                    etp: b' ',
                    inverse: b' ',
                });
                self.of_instrument(m.timestamp.get(), m.symbol, event)
            }
            Message::SystemEvent(m) => {
                let event = Event::System { code: m.system_event };
                Ok(Decoded { ts_event: time(m.timestamp.get())?, instrument_id: 0, symbol: None, event })
            }
            Message::AuctionInformation(m) => self.of_instrument(m.timestamp.get(), m.symbol, Event::Other),
            Message::RetailLiquidity(m) => self.of_instrument(m.timestamp.get(), m.symbol, Event::Other),
            Message::OfficialPrice(m) => self.of_instrument(m.timestamp.get(), m.symbol, Event::Other),
        }
    }

    fn moves_books(kind: u8) -> bool {
        kind == b'Q'
    }

    fn instrument_limit(&self) -> u32 {
        self.symbols.capacity() + 1
    }

    fn new_session(&mut self) {
        self.symbols.clear();
    }
}

/// ns since 1970 UTC, as the venue says; a time before 1970 is a bad value.
#[inline]
fn time(timestamp: i64) -> Result<u64, Drop> {
    u64::try_from(timestamp).map_err(|_| Drop::BadValue)
}

/// One side of a quote. A price without a size, or a size without a price, is neither a quote nor the lack of one.
#[inline]
fn quoted(price: i64, size: u32) -> Result<Quoted, Drop> {
    if (price == 0) != (size == 0) {
        return Err(Drop::BadValue);
    }
    Ok(Quoted { price: iex_price(price)?, size })
}

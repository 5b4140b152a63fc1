//! What TOPS and DEEP have in common: instruments named by symbol, and ten messages decoded here once for both.
//!
//! Ids are our own, in order of first appearance. A message is checked before its symbol gets an id, so that a bad message
//! leaves no trace. Of prices that a message may lack, 0 means that it is not told (seen in real auctions without interest).

use zerocopy::byteorder::little_endian::I64;

use super::field::{iex_price, side, symbol};
use super::status::{action, iex_reason, reason, short_sale, trading, tri};
use super::symbols::SymbolTable;
use super::{Auction, Decoded, Directory, Event, Official, Shares, Symbol, Word};
use crate::record::{UNDEF_PRICE, venue};
use crate::stats::Drop;
use crate::wire::iex::{
    AuctionInformation, OfficialPrice, OperationalHalt, RetailLiquidity, SecurityDirectory, ShortSalePriceTest, SystemEvent, TradeBreak,
    TradeReport, TradingStatus,
};

/// Bits of a directory message's flags.
const TEST_ISSUE: u8 = 0x80;
const WHEN_ISSUED: u8 = 0x40;
const ETP: u8 = 0x20;

/// The instruments of a session, by symbol.
#[derive(Clone, Debug)]
pub(super) struct Instruments {
    symbols: SymbolTable,
}

impl Instruments {
    pub fn new(max_instruments: u32) -> Self {
        Self { symbols: SymbolTable::new(max_instruments) }
    }

    /// An event of the instrument of this symbol.
    #[inline]
    pub fn told(&mut self, timestamp: I64, text: Symbol, event: Event) -> Result<Decoded, Drop> {
        let ts_event = time(timestamp)?;
        let symbol = symbol(text)?;
        let instrument_id = self.symbols.id(symbol).ok_or(Drop::InstrumentsFull)?;
        Ok(Decoded { ts_event, instrument_id, symbol: Some(symbol), event })
    }

    /// The id of a symbol that has one.
    #[inline]
    pub fn find(&self, symbol: Symbol) -> Option<u32> {
        self.symbols.find(symbol)
    }

    pub fn limit(&self) -> u32 {
        self.symbols.capacity() + 1
    }

    pub fn new_session(&mut self) {
        self.symbols.clear();
    }
}

/// ns since 1970 UTC, as the venue says; a time before 1970 is a bad value.
#[inline]
fn time(timestamp: I64) -> Result<u64, Drop> {
    u64::try_from(timestamp.get()).map_err(|_| Drop::BadValue)
}

/// A price that may be absent.
fn optional_price(price: I64) -> Result<i64, Drop> {
    if price.get() == 0 { Ok(UNDEF_PRICE) } else { iex_price(price.get()) }
}

pub(super) fn system_event(m: &SystemEvent) -> Result<Decoded, Drop> {
    let event = Event::System { code: m.system_event };
    Ok(Decoded { ts_event: time(m.timestamp)?, instrument_id: 0, symbol: None, event })
}

#[inline]
pub(super) fn trade(m: &TradeReport) -> Result<Event, Drop> {
    let (price, match_number) = (iex_price(m.price.get())?, m.trade_id.get());
    let shares = Shares { size: m.size.get(), saturated: false };
    Ok(Event::Trade { price, shares, match_number, code: m.sale_condition_flags, official: None })
}

pub(super) fn trade_break(m: &TradeBreak) -> Result<Event, Drop> {
    let (price, match_number) = (iex_price(m.price.get())?, m.trade_id.get());
    Ok(Event::Break { match_number, price, size: m.size.get(), code: m.sale_condition_flags })
}

pub(super) fn trading_status(m: &TradingStatus) -> Result<Event, Drop> {
    let reason = iex_reason(m.reason);
    Ok(Event::Status(match m.trading_status {
        b'T' => trading(action::TRADING, reason, tri::YES, tri::YES),
        b'H' => trading(action::HALT, reason, tri::NO, tri::NO),
        // Orders are taken for the auction that ends the halt.
        b'O' => trading(action::PRE_CROSS, reason, tri::NO, tri::NOT_TOLD),
        b'P' => trading(action::PAUSE, reason, tri::NO, tri::NOT_TOLD),
        _ => return Err(Drop::BadValue),
    }))
}

pub(super) fn operational_halt(m: &OperationalHalt) -> Result<Event, Drop> {
    Ok(Event::Status(match m.operational_halt_status {
        b'O' => trading(action::HALT, reason::OPERATIONAL, tri::NO, tri::NO),
        // Sent for every instrument at the start, halted ones too: it must not claim that trading is on.
        b'N' => trading(action::NONE, reason::OPERATIONAL, tri::NOT_TOLD, tri::NOT_TOLD),
        _ => return Err(Drop::BadValue),
    }))
}

pub(super) fn short_sale_test(m: &ShortSalePriceTest) -> Result<Event, Drop> {
    match m.short_sale_price_test_status {
        0 => Ok(Event::Status(short_sale(false))),
        1 => Ok(Event::Status(short_sale(true))),
        _ => Err(Drop::BadValue),
    }
}

/// IEX says by flags what ITCH says by letters: they become ITCH's letters where it has one (`T` for a test issue's authenticity),
/// and the industry's `WI` for when-issued.
pub(super) fn directory(m: &SecurityDirectory) -> Result<Event, Drop> {
    let is = |flag| m.security_directory_flags & flag != 0;
    if m.luld_tier > 9 {
        return Err(Drop::BadValue);
    }
    Ok(Event::Directory(Directory {
        round_lot: m.round_lot_size.get(),
        leverage: 0,
        previous_close: optional_price(m.adjusted_poc_price)?,
        market_category: b' ',
        financial_status: b' ',
        round_lots_only: b' ',
        issue_classification: b' ',
        issue_sub_type: if is(WHEN_ISSUED) { *b"WI" } else { [b' '; 2] },
        authenticity: if is(TEST_ISSUE) { b'T' } else { b'P' },
        short_sale_threshold: b' ',
        ipo: b' ',
        luld_tier: b'0' + m.luld_tier,
        etp: if is(ETP) { b'Y' } else { b'N' },
        inverse: b' ',
    }))
}

pub(super) fn auction(m: &AuctionInformation) -> Result<Event, Drop> {
    if !matches!(m.auction_type, b'O' | b'C' | b'I' | b'H' | b'V') {
        return Err(Drop::BadValue);
    }
    let told = |shares: u32| Shares { size: shares, saturated: false };
    let (lower, upper) = (optional_price(m.lower_auction_collar)?, optional_price(m.upper_auction_collar)?);
    let seconds = m.scheduled_auction_time.get();
    Ok(Event::Auction(Auction {
        kind: m.auction_type,
        reference: optional_price(m.reference_price)?,
        near: optional_price(m.indicative_clearing_price)?,
        far: optional_price(m.auction_book_clearing_price)?,
        matching: UNDEF_PRICE,
        collar: if lower == UNDEF_PRICE && upper == UNDEF_PRICE { None } else { Some((lower, upper)) },
        paired: told(m.paired_shares.get()),
        imbalance: told(m.imbalance_shares.get()),
        side: if m.imbalance_side == b'N' { None } else { Some(side(m.imbalance_side)?) },
        time_ns: (seconds != 0).then_some(u64::from(seconds) * 1_000_000_000),
        extensions: m.extension_number,
        variation: b'~',
        status: 0,
    }))
}

pub(super) fn official_price(m: &OfficialPrice) -> Result<Event, Drop> {
    let which = match m.price_type {
        b'Q' => Official::Opening,
        b'M' => Official::Closing,
        _ => return Err(Drop::BadValue),
    };
    Ok(Event::Official { which, price: iex_price(m.official_price.get())? })
}

/// `A` buying, `B` selling, `C` both; a space: none (any more).
pub(super) fn retail_liquidity(m: &RetailLiquidity) -> Result<Event, Drop> {
    match m.retail_liquidity_indicator {
        letter @ (b'A' | b'B' | b'C' | b' ') => Ok(word(venue::kind::RETAIL_INTEREST, letter)),
        _ => Err(Drop::BadValue),
    }
}

/// A word of one letter.
pub(super) fn word(kind: u8, letter: u8) -> Event {
    let codes = [letter, b' ', b' '];
    Event::Word(Word { kind, codes, text: [b' '; 4], reference: 0, prices: [UNDEF_PRICE; 5], time_ns: 0, size: 0 })
}

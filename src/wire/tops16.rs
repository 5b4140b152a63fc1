//! IEX TOPS 1.6: the 11 messages. Little-endian.
//!
//! Ten of them are DEEP's as well and lie in [`super::iex`]; the quote is TOPS's own.

use zerocopy::byteorder::little_endian::{I64, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use super::iex::{
    AuctionInformation, OfficialPrice, OperationalHalt, RetailLiquidity, SecurityDirectory, ShortSalePriceTest, SystemEvent, TradeBreak,
    TradeReport, TradingStatus,
};

message_types! { "TOPS 1.6":
    b'S' => SystemEvent(SystemEvent) 10,
    b'D' => SecurityDirectory(SecurityDirectory) 31,
    b'H' => TradingStatus(TradingStatus) 22,
    b'I' => RetailLiquidity(RetailLiquidity) 18,
    b'O' => OperationalHalt(OperationalHalt) 18,
    b'P' => ShortSalePriceTest(ShortSalePriceTest) 19,
    b'Q' => QuoteUpdate(QuoteUpdate) 42,
    b'T' => TradeReport(TradeReport) 38,
    b'X' => OfficialPrice(OfficialPrice) 26,
    b'B' => TradeBreak(TradeBreak) 38,
    b'A' => AuctionInformation(AuctionInformation) 80,
}

/// `Q`: Best bid and offer; flags 0x80 halted or unavailable, 0x40 outside regular hours. Price 0 and size 0: no quote on that side.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct QuoteUpdate {
    pub message_type: u8,
    pub quote_update_flags: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub bid_size: U32,
    pub bid_price: I64,
    pub ask_price: I64,
    pub ask_size: U32,
}

//! IEX DEEP 1.0: the 13 messages. Little-endian.
//!
//! Ten of them are TOPS's as well and lie in [`super::iex`]; price levels and security events are DEEP's own.

use zerocopy::byteorder::little_endian::{I64, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use super::iex::{
    AuctionInformation, OfficialPrice, OperationalHalt, RetailLiquidity, SecurityDirectory, ShortSalePriceTest, SystemEvent, TradeBreak,
    TradeReport, TradingStatus,
};

/// Bit of a level update's `event_flags`: the atomic event is complete, and the book may be shown again.
pub const EVENT_COMPLETE: u8 = 0x01;

message_types! { "DEEP 1.0":
    b'S' => SystemEvent(SystemEvent) 10,
    b'D' => SecurityDirectory(SecurityDirectory) 31,
    b'H' => TradingStatus(TradingStatus) 22,
    b'I' => RetailLiquidity(RetailLiquidity) 18,
    b'O' => OperationalHalt(OperationalHalt) 18,
    b'P' => ShortSalePriceTest(ShortSalePriceTest) 19,
    b'E' => SecurityEvent(SecurityEvent) 18,
    b'8' => BuyLevel(PriceLevel) 30,
    b'5' => SellLevel(PriceLevel) 30,
    b'T' => TradeReport(TradeReport) 38,
    b'X' => OfficialPrice(OfficialPrice) 26,
    b'B' => TradeBreak(TradeBreak) 38,
    b'A' => AuctionInformation(AuctionInformation) 80,
}

/// `8` (buy) and `5` (sell): from here on the level has this size; 0: it is gone.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct PriceLevel {
    pub message_type: u8,
    pub event_flags: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub size: U32,
    pub price: I64,
}

/// `E`: The opening (`O`) or closing (`C`) process of an instrument is complete.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct SecurityEvent {
    pub message_type: u8,
    pub security_event: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
}

//! The messages that IEX's TOPS 1.6 and DEEP 1.0 have in common, byte for byte. Little-endian.
//!
//! Prices are `I64` with 4 implied decimals, timestamps ns since 1970 UTC. Text is left-justified and padded with
//! spaces. Field names are the specification's.

use zerocopy::byteorder::little_endian::{I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `S`: Start or end of a part of the day.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct SystemEvent {
    pub message_type: u8,
    pub system_event: u8,
    pub timestamp: I64,
}

/// `D`: An IEX-listed instrument; flags 0x80 test issue, 0x40 when-issued, 0x20 ETP.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct SecurityDirectory {
    pub message_type: u8,
    pub security_directory_flags: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub round_lot_size: U32,
    pub adjusted_poc_price: I64,
    pub luld_tier: u8,
}

/// `H`: An instrument's trading state.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct TradingStatus {
    pub message_type: u8,
    pub trading_status: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub reason: [u8; 4],
}

/// `I`: Retail liquidity in an instrument.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct RetailLiquidity {
    pub message_type: u8,
    pub retail_liquidity_indicator: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
}

/// `O`: Operational halt of an instrument on IEX.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OperationalHalt {
    pub message_type: u8,
    pub operational_halt_status: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
}

/// `P`: Short-sale restriction (Regulation SHO) of an instrument.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct ShortSalePriceTest {
    pub message_type: u8,
    pub short_sale_price_test_status: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub detail: u8,
}

/// `T`: A trade; flags 0x80 intermarket sweep, 0x40 extended hours, 0x20 odd lot, 0x10 trade-through exempt, 0x08 single-price cross.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct TradeReport {
    pub message_type: u8,
    pub sale_condition_flags: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub size: U32,
    pub price: I64,
    pub trade_id: U64,
}

/// `X`: Official opening or closing price.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OfficialPrice {
    pub message_type: u8,
    pub price_type: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub official_price: I64,
}

/// `B`: A trade was broken; flags as in a [`TradeReport`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct TradeBreak {
    pub message_type: u8,
    pub sale_condition_flags: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub size: U32,
    pub price: I64,
    pub trade_id: U64,
}

/// `A`: State of an auction.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct AuctionInformation {
    pub message_type: u8,
    pub auction_type: u8,
    pub timestamp: I64,
    pub symbol: [u8; 8],
    pub paired_shares: U32,
    pub reference_price: I64,
    pub indicative_clearing_price: I64,
    pub imbalance_shares: U32,
    pub imbalance_side: u8,
    pub extension_number: u8,
    pub scheduled_auction_time: U32,
    pub auction_book_clearing_price: I64,
    pub collar_reference_price: I64,
    pub lower_auction_collar: I64,
    pub upper_auction_collar: I64,
}

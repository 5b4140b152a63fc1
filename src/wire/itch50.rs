//! TotalView-ITCH 5.0: the 23 messages of Nasdaq, BX and PSX. Big-endian.
//!
//! Prices are `U32` with 4 implied decimals unless a message says otherwise. Text is left-justified and padded with
//! spaces. Field names are the specification's.

use zerocopy::byteorder::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

message_types! { "TotalView-ITCH 5.0":
    b'S' => SystemEvent(SystemEvent) 12,
    b'R' => StockDirectory(StockDirectory) 39,
    b'H' => TradingAction(TradingAction) 25,
    b'Y' => RegShoRestriction(RegShoRestriction) 20,
    b'L' => ParticipantPosition(ParticipantPosition) 26,
    b'V' => MwcbDeclineLevel(MwcbDeclineLevel) 35,
    b'W' => MwcbStatus(MwcbStatus) 12,
    b'K' => IpoQuotingPeriod(IpoQuotingPeriod) 28,
    b'J' => LuldAuctionCollar(LuldAuctionCollar) 35,
    b'h' => OperationalHalt(OperationalHalt) 21,
    b'A' => Add(AddOrder) 36,
    b'F' => AddMpid(AddOrderMpid) 40,
    b'E' => Execute(OrderExecuted) 31,
    b'C' => ExecuteWithPrice(OrderExecutedWithPrice) 36,
    b'X' => Cancel(OrderCancel) 23,
    b'D' => Delete(OrderDelete) 19,
    b'U' => Replace(OrderReplace) 35,
    b'P' => Trade(NonCrossTrade) 44,
    b'Q' => CrossTrade(CrossTrade) 40,
    b'B' => BrokenTrade(BrokenTrade) 19,
    b'I' => NetOrderImbalance(NetOrderImbalance) 50,
    b'N' => RetailInterest(RetailInterest) 20,
    b'O' => DirectListing(DirectListing) 48,
}

/// An unsigned integer of 48 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(transparent)]
pub struct U48([u8; 6]);

impl U48 {
    /// The low 48 bits of `value`.
    pub const fn new(value: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = value.to_be_bytes();
        Self([a, b, c, d, e, f])
    }

    /// The value.
    #[inline]
    pub const fn get(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

/// The first 11 bytes of every message.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Head {
    /// See [`Message::TYPES`].
    pub message_type: u8,
    /// The instrument's number for the day; 0 for the whole venue.
    pub stock_locate: U16,
    /// The venue's own.
    pub tracking_number: U16,
    /// ns since midnight, US Eastern.
    pub timestamp: U48,
}

const _: () = assert!(size_of::<Head>() == 11 && align_of::<Head>() == 1);

/// `S`: Start or end of a part of the day.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct SystemEvent {
    pub head: Head,
    pub event_code: u8,
}

/// `R`: An instrument of the day, and its locate.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct StockDirectory {
    pub head: Head,
    pub stock: [u8; 8],
    pub market_category: u8,
    pub financial_status_indicator: u8,
    pub round_lot_size: U32,
    pub round_lots_only: u8,
    pub issue_classification: u8,
    pub issue_sub_type: [u8; 2],
    pub authenticity: u8,
    pub short_sale_threshold_indicator: u8,
    pub ipo_flag: u8,
    pub luld_reference_price_tier: u8,
    pub etp_flag: u8,
    pub etp_leverage_factor: U32,
    pub inverse_indicator: u8,
}

/// `H`: An instrument's trading state.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct TradingAction {
    pub head: Head,
    pub stock: [u8; 8],
    pub trading_state: u8,
    pub reserved: u8,
    pub reason_code: [u8; 4],
}

/// `Y`: Short-sale restriction (Regulation SHO) of an instrument.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct RegShoRestriction {
    pub head: Head,
    pub stock: [u8; 8],
    pub reg_sho_action: u8,
}

/// `L`: A market maker's position in an instrument.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct ParticipantPosition {
    pub head: Head,
    pub mpid: [u8; 4],
    pub stock: [u8; 8],
    pub primary_market_maker: u8,
    pub market_maker_mode: u8,
    pub market_participant_state: u8,
}

/// `V`: The day's market-wide circuit breaker levels; prices with 8 implied decimals.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct MwcbDeclineLevel {
    pub head: Head,
    pub level_1: U64,
    pub level_2: U64,
    pub level_3: U64,
}

/// `W`: A market-wide circuit breaker level was breached.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct MwcbStatus {
    pub head: Head,
    pub breached_level: u8,
}

/// `K`: When an IPO will be released for quotation; release time in seconds since midnight.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct IpoQuotingPeriod {
    pub head: Head,
    pub stock: [u8; 8],
    pub ipo_quotation_release_time: U32,
    pub ipo_quotation_release_qualifier: u8,
    pub ipo_price: U32,
}

/// `J`: Price collar of an auction after a limit-up limit-down pause; `auction_collar_extension` counts extensions.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct LuldAuctionCollar {
    pub head: Head,
    pub stock: [u8; 8],
    pub auction_collar_reference_price: U32,
    pub upper_auction_collar_price: U32,
    pub lower_auction_collar_price: U32,
    pub auction_collar_extension: U32,
}

/// `h`: Operational halt of an instrument on one market.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OperationalHalt {
    pub head: Head,
    pub stock: [u8; 8],
    pub market_code: u8,
    pub operational_halt_action: u8,
}

/// `A`: A new order, nobody named.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct AddOrder {
    pub head: Head,
    pub order_reference_number: U64,
    pub buy_sell_indicator: u8,
    pub shares: U32,
    pub stock: [u8; 8],
    pub price: U32,
}

/// `F`: A new order with its market participant.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct AddOrderMpid {
    pub head: Head,
    pub order_reference_number: U64,
    pub buy_sell_indicator: u8,
    pub shares: U32,
    pub stock: [u8; 8],
    pub price: U32,
    pub attribution: [u8; 4],
}

/// `E`: A resting order traded at its own price.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OrderExecuted {
    pub head: Head,
    pub order_reference_number: U64,
    pub executed_shares: U32,
    pub match_number: U64,
}

/// `C`: A resting order traded at another price.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OrderExecutedWithPrice {
    pub head: Head,
    pub order_reference_number: U64,
    pub executed_shares: U32,
    pub match_number: U64,
    pub printable: u8,
    pub execution_price: U32,
}

/// `X`: Part of an order was cancelled.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OrderCancel {
    pub head: Head,
    pub order_reference_number: U64,
    pub canceled_shares: U32,
}

/// `D`: An order is gone.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OrderDelete {
    pub head: Head,
    pub order_reference_number: U64,
}

/// `U`: An order was replaced: same side and instrument.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct OrderReplace {
    pub head: Head,
    pub original_order_reference_number: U64,
    pub new_order_reference_number: U64,
    pub shares: U32,
    pub price: U32,
}

/// `P`: A trade against an order that was not displayed.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NonCrossTrade {
    pub head: Head,
    pub order_reference_number: U64,
    pub buy_sell_indicator: u8,
    pub shares: U32,
    pub stock: [u8; 8],
    pub price: U32,
    pub match_number: U64,
}

/// `Q`: A cross; `cross_shares` may be 0.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct CrossTrade {
    pub head: Head,
    pub cross_shares: U64,
    pub stock: [u8; 8],
    pub cross_price: U32,
    pub match_number: U64,
    pub cross_type: u8,
}

/// `B`: A trade was broken.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct BrokenTrade {
    pub head: Head,
    pub match_number: U64,
}

/// `I`: Imbalance before a cross.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NetOrderImbalance {
    pub head: Head,
    pub paired_shares: U64,
    pub imbalance_shares: U64,
    pub imbalance_direction: u8,
    pub stock: [u8; 8],
    pub far_price: U32,
    pub near_price: U32,
    pub current_reference_price: U32,
    pub cross_type: u8,
    pub price_variation_indicator: u8,
}

/// `N`: Retail interest in an instrument (BX).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct RetailInterest {
    pub head: Head,
    pub stock: [u8; 8],
    pub interest_flag: u8,
}

/// `O`: Price discovery of a direct listing.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct DirectListing {
    pub head: Head,
    pub stock: [u8; 8],
    pub open_eligibility_status: u8,
    pub minimum_allowable_price: U32,
    pub maximum_allowable_price: U32,
    pub near_execution_price: U32,
    pub near_execution_time: U64,
    pub lower_price_range_collar: U32,
    pub upper_price_range_collar: U32,
}

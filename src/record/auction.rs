//! Auctions: what would cross, and what is left over.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, Record, Schema};

/// A quantity that is not told.
pub const UNDEF_SIZE: u32 = u32::MAX;
/// A time that is not told.
pub const UNDEF_TIME: u64 = u64::MAX;

/// State of an auction that is to come: DBN `imbalance`, 112 bytes. Has neither sequence nor flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Imbalance {
    /// `ts_event` is the venue's time of the message.
    pub hd: Header,
    /// When it was received, ns since 1970 UTC.
    pub ts_recv: u64,
    /// Price at which the shares below are counted.
    pub ref_price: i64,
    /// When the auction is to take place, ns since 1970 UTC, or [`UNDEF_TIME`].
    pub auction_time: u64,
    /// Price at which auction and continuous orders would clear (ITCH: near price).
    pub cont_book_clr_price: i64,
    /// Price at which auction orders alone would clear (ITCH: far price).
    pub auct_interest_clr_price: i64,
    /// Not told by our feeds.
    pub ssr_filling_price: i64,
    /// Price at which most would match within the collars.
    pub ind_match_price: i64,
    /// Upper limit of the collar.
    pub upper_collar: i64,
    /// Lower limit of the collar.
    pub lower_collar: i64,
    /// Shares that are matched at `ref_price`.
    pub paired_qty: u32,
    /// Shares that are not.
    pub total_imbalance_qty: u32,
    /// Not told by our feeds.
    pub market_imbalance_qty: u32,
    /// Not told by our feeds.
    pub unpaired_qty: u32,
    /// The venue's letter for the auction.
    pub auction_type: u8,
    /// Side of `total_imbalance_qty`.
    pub side: u8,
    /// 0.
    pub auction_status: u8,
    /// 0.
    pub freeze_status: u8,
    /// How often the auction was put off.
    pub num_extensions: u8,
    /// `N`: not told by our feeds.
    pub unpaired_side: u8,
    /// ITCH: the price variation indicator; else `~`.
    pub significant_imbalance: u8,
    /// Zero.
    pub reserved: u8,
}

impl Record for Imbalance {
    const SCHEMA: Schema = Schema::Imbalance;

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

const _: () = assert!(size_of::<Imbalance>() == 112);

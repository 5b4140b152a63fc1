//! Prices that the venue calls official: opening, closing, and of other crosses.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, Record, Schema};

/// DBN `StatType`, those that our feeds tell.
pub mod stat_type {
    /// The day's opening price.
    pub const OPENING_PRICE: u16 = 1;
    /// The day's closing price.
    pub const CLOSE_PRICE: u16 = 11;
    /// The price of any other cross.
    pub const UNCROSSING_PRICE: u16 = 16;
}

/// A quantity that is not told.
pub const UNDEF_QUANTITY: i64 = i64::MAX;

/// A published price: DBN `statistics`, 80 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statistics {
    /// `ts_event` is the venue's time of the message.
    pub hd: Header,
    /// When it was received, ns since 1970 UTC.
    pub ts_recv: u64,
    /// The time it refers to; `u64::MAX`: none other than `ts_event`.
    pub ts_ref: u64,
    /// The price.
    pub price: i64,
    /// Shares, where the message tells them; else [`UNDEF_QUANTITY`].
    pub quantity: i64,
    /// Low 32 bits of the message's number.
    pub sequence: u32,
    /// `ts_recv` less the venue's time of sending, ns, saturated.
    pub ts_in_delta: i32,
    /// See [`stat_type`].
    pub stat_type: u16,
    /// Index into the publication's channel table.
    pub channel_id: u16,
    /// 1: new.
    pub update_action: u8,
    /// 0.
    pub stat_flags: u8,
    /// Zero.
    pub reserved: [u8; 18],
}

impl Record for Statistics {
    const SCHEMA: Schema = Schema::Statistics;

    fn cell(&self) -> u32 {
        match self.stat_type {
            stat_type::OPENING_PRICE => 0,
            stat_type::CLOSE_PRICE => 1,
            _ => 2,
        }
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

const _: () = assert!(size_of::<Statistics>() == 80);

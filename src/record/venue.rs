//! The side ring: what venues say that DBN has no record for, and the match number of every trade.
//!
//! Our own layout, rtype [`Schema::Venue`]; it never reaches a DBN file.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, Record, Schema, UNDEF_PRICE};

/// What a [`Venue`] record tells; `docs/records.md` says field by field how.
pub mod kind {
    /// A trade, with its match number: for each record of the `trades` schema one, in the same order.
    pub const TRADE: u8 = 0;
    /// A trade was broken.
    pub const TRADE_BREAK: u8 = 1;
    /// Who entered an order.
    pub const ATTRIBUTION: u8 = 2;
    /// Price collar of an auction.
    pub const COLLAR: u8 = 3;
    /// When an IPO will be released for quotation.
    pub const IPO_QUOTATION: u8 = 4;
    /// Price discovery of a direct listing.
    pub const DIRECT_LISTING: u8 = 5;
    /// Retail interest in an instrument.
    pub const RETAIL_INTEREST: u8 = 6;
    /// A market maker's position in an instrument.
    pub const PARTICIPANT: u8 = 7;
    /// A cross took place and matched nothing.
    pub const EMPTY_CROSS: u8 = 8;
    /// The opening or closing process of an instrument is complete.
    pub const SECURITY_EVENT: u8 = 9;
    /// The day's levels of the market-wide circuit breaker. Of the whole venue: in the ring, on no board.
    pub const CIRCUIT_BREAKER_LEVELS: u8 = 10;
    /// How many kinds an instrument can have: its cells on the board.
    pub const OF_INSTRUMENTS: u32 = 10;
}

/// One message of the side ring, 96 bytes. What a kind does not tell is [`UNDEF_PRICE`], 0 or spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Venue {
    /// `ts_event` is the venue's time of the message.
    pub hd: Header,
    /// When it was received, ns since 1970 UTC.
    pub ts_recv: u64,
    /// Match number or order reference.
    pub reference: u64,
    /// Prices, by kind.
    pub prices: [i64; 5],
    /// A time that the message tells, ns since 1970 UTC; 0: none.
    pub time_ns: u64,
    /// Shares; those wider than 32 bits are `u32::MAX`.
    pub size: u32,
    /// Low 32 bits of the message's number.
    pub sequence: u32,
    /// See [`kind`].
    pub kind: u8,
    /// The venue's own letters, by kind.
    pub codes: [u8; 3],
    /// Text, by kind, padded with spaces.
    pub text: [u8; 4],
}

impl Venue {
    /// Nothing told.
    pub const BLANK: Self = Self {
        hd: Header { length: 24, rtype: Schema::Venue.rtype(), publisher_id: 0, instrument_id: 0, ts_event: 0 },
        ts_recv: 0,
        reference: 0,
        prices: [UNDEF_PRICE; 5],
        time_ns: 0,
        size: 0,
        sequence: 0,
        kind: kind::TRADE,
        codes: [b' '; 3],
        text: [b' '; 4],
    };
}

impl Record for Venue {
    const SCHEMA: Schema = Schema::Venue;

    fn cell(&self) -> u32 {
        u32::from(self.kind)
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

const _: () = assert!(size_of::<Venue>() == 96);

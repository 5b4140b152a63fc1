//! What a book leans to, after each change of it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, Record, Schema};

/// How the two sides of a book stand to each other.
pub mod crossing {
    /// The bid is below the offer.
    pub const APART: u8 = 0;
    /// They are equal.
    pub const LOCKED: u8 = 1;
    /// The bid is above the offer.
    pub const CROSSED: u8 = 2;
    /// A side, or both, is empty.
    pub const ONE_SIDED: u8 = 3;
}

/// Signals of one book, 80 bytes. Our own layout; it never reaches a DBN file. Ratios are in 1e-9 units, from -1e9 to 1e9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Signal {
    /// `ts_event` is that of the change.
    pub hd: Header,
    /// When it was received, ns since 1970 UTC.
    pub ts_recv: u64,
    /// `(bid * ask size + ask * bid size) / (bid size + ask size)` of the best level, rounded towards zero;
    /// [`UNDEF_PRICE`](super::UNDEF_PRICE) if a side is empty.
    pub microprice: i64,
    /// Offer less bid, negative when crossed; [`UNDEF_PRICE`](super::UNDEF_PRICE) if a side is empty.
    pub spread: i64,
    /// `(bids - asks) / (bids + asks)` of the sizes of the best `levels` levels; 0 if there are none.
    pub size_imbalance: i64,
    /// `(bought - sold) / (bought + sold)` of the trades within the flow window; 0 if there are none.
    pub flow_imbalance: i64,
    /// Shares that buyers took within the flow window.
    pub bought: u64,
    /// Shares that sellers took within the flow window.
    pub sold: u64,
    /// Low 32 bits of the message's number.
    pub sequence: u32,
    /// How many levels `size_imbalance` is of.
    pub levels: u8,
    /// As of the book's record: [`flags::MAYBE_BAD_BOOK`](super::flags::MAYBE_BAD_BOOK) is the state of the book.
    pub flags: u8,
    /// See [`crossing`].
    pub crossing: u8,
    /// Zero.
    pub reserved: u8,
}

impl Record for Signal {
    const SCHEMA: Schema = Schema::Signal;

    fn flags(&self) -> u8 {
        self.flags
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

const _: () = assert!(size_of::<Signal>() == 80);

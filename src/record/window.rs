//! The ticker's own arithmetic over windows of the venue's time: bars, and the volume-weighted price.
//!
//! `ts_event` of a window is its beginning. Windows without trades have no record.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, Record, Schema};

macro_rules! bars {
    ($($(#[$doc:meta])* $name:ident = $schema:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        #[allow(missing_docs)]
        pub struct $name {
            pub hd: Header,
            pub open: i64,
            pub high: i64,
            pub low: i64,
            pub close: i64,
            /// Shares.
            pub volume: u64,
        }

        impl Record for $name {
            const SCHEMA: Schema = Schema::$schema;

            #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
                self.hd.ts_event
            }
        }

        const _: () = assert!(size_of::<$name>() == 56);
    )* };
}

// One type each, because a record's type says which ring it travels in.
bars! {
    /// A bar of one second: DBN `ohlcv-1s`, 56 bytes.
    Ohlcv1S = Ohlcv1S,
    /// A bar of one minute: DBN `ohlcv-1m`, 56 bytes.
    Ohlcv1M = Ohlcv1M,
    /// A bar of one hour: DBN `ohlcv-1h`, 56 bytes.
    Ohlcv1H = Ohlcv1H,
    /// A bar of one day of the venue: DBN `ohlcv-1d`, 56 bytes.
    Ohlcv1D = Ohlcv1D,
}

/// Price and volume of a window, 64 bytes. Our own layout; it never reaches a DBN file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Vwap {
    /// `ts_event` is the window's beginning, ns since 1970 UTC.
    pub hd: Header,
    /// Sum of price times size over sum of size, rounded towards zero.
    pub vwap: i64,
    /// Shares.
    pub volume: u64,
    /// Low 64 bits of the sum of price times size (two's complement, 128 bits).
    pub notional_low: u64,
    /// Its high 64 bits.
    pub notional_high: i64,
    /// How long the window is: a second, a minute, an hour, or a day of the venue (which may have 23 or 25 hours), ns.
    pub window_ns: u64,
    /// How many trades.
    pub trades: u32,
    /// [`flags::MAYBE_BAD_BOOK`](super::flags::MAYBE_BAD_BOOK): messages were lost within the window.
    pub flags: u8,
    /// Which window: 0 second, 1 minute, 2 hour, 3 day.
    pub window: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

impl Record for Vwap {
    const SCHEMA: Schema = Schema::Vwap;

    fn cell(&self) -> u32 {
        u32::from(self.window)
    }

    fn flags(&self) -> u8 {
        self.flags
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
        self.hd.ts_event
    }
}

const _: () = assert!(size_of::<Vwap>() == 64);

//! The feeds we take, by the names people give them in configuration and on the command line.

use super::Depth;
use super::itch::Market;

/// A feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedName {
    /// Nasdaq TotalView-ITCH 5.0 over MoldUDP64.
    NasdaqItch,
    /// BX (Nasdaq Texas) TotalView-ITCH 5.0 over MoldUDP64.
    BxItch,
    /// PSX TotalView-ITCH 5.0 over MoldUDP64.
    PsxItch,
    /// IEX TOPS 1.6 over IEX-TP.
    IexTops,
    /// IEX DEEP 1.0 over IEX-TP.
    IexDeep,
}

impl FeedName {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::NasdaqItch, Self::BxItch, Self::PsxItch, Self::IexTops, Self::IexDeep];

    /// The feed of that name, exactly as [`name`](Self::name) writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feed| feed.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NasdaqItch => "nasdaq-itch",
            Self::BxItch => "bx-itch",
            Self::PsxItch => "psx-itch",
            Self::IexTops => "iex-tops",
            Self::IexDeep => "iex-deep",
        }
    }

    /// DBN's number of the publisher. It knows none for DEEP: both feeds of IEX have that of TOPS, so they cannot share a publication.
    pub const fn publisher_id(self) -> u16 {
        match self {
            Self::NasdaqItch => 2,
            Self::BxItch => 3,
            Self::PsxItch => 4,
            Self::IexTops | Self::IexDeep => 38,
        }
    }

    /// The market identifier code (ISO 10383) of its exchange.
    pub const fn mic(self) -> [u8; 4] {
        match self {
            Self::NasdaqItch => *b"XNAS",
            Self::BxItch => *b"XBOS",
            Self::PsxItch => *b"XPSX",
            Self::IexTops | Self::IexDeep => *b"IEXG",
        }
    }

    /// What it tells of its books.
    pub const fn depth(self) -> Depth {
        match self {
            Self::NasdaqItch | Self::BxItch | Self::PsxItch => Depth::Orders,
            Self::IexDeep => Depth::Levels,
            Self::IexTops => Depth::Top,
        }
    }

    /// Whether it tells orders; without, price levels have no order count.
    pub const fn has_orders(self) -> bool {
        matches!(self.depth(), Depth::Orders)
    }

    /// The market whose operational halts concern this feed; `None` if it is not an ITCH feed.
    pub const fn itch_market(self) -> Option<Market> {
        match self {
            Self::NasdaqItch => Some(Market::Nasdaq),
            Self::BxItch => Some(Market::Bx),
            Self::PsxItch => Some(Market::Psx),
            Self::IexTops | Self::IexDeep => None,
        }
    }
}

impl std::fmt::Display for FeedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

//! The schemas a publication can carry: one ring and one board each.

use super::{Mbo, Mbp1, Mbp10, Status, Trade};

/// A record layout and the ring that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Schema {
    /// Every order event.
    Mbo,
    /// Top of book and trades.
    Mbp1,
    /// Ten levels and trades.
    Mbp10,
    /// Trades alone.
    Trades,
    /// Trading states.
    Status,
}

impl Schema {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All of them, in the order of [`Schema::index`].
    pub const ALL: [Self; Self::COUNT] = [Self::Mbo, Self::Mbp1, Self::Mbp10, Self::Trades, Self::Status];

    /// Position in [`Schema::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name DBN gives it; also the name in configuration, command line and summary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mbo => "mbo",
            Self::Mbp1 => "mbp-1",
            Self::Mbp10 => "mbp-10",
            Self::Trades => "trades",
            Self::Status => "status",
        }
    }

    /// The schema of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.name() == name)
    }

    /// DBN record type.
    pub const fn rtype(self) -> u8 {
        match self {
            Self::Mbo => 0xA0,
            Self::Mbp1 => 0x01,
            Self::Mbp10 => 0x0A,
            Self::Trades => 0x00,
            Self::Status => 0x12,
        }
    }

    /// Bytes of one record.
    pub const fn record_size(self) -> usize {
        match self {
            Self::Mbo => size_of::<Mbo>(),
            Self::Mbp1 => size_of::<Mbp1>(),
            Self::Mbp10 => size_of::<Mbp10>(),
            Self::Trades => size_of::<Trade>(),
            Self::Status => size_of::<Status>(),
        }
    }

    /// Bytes of one slot: an 8-byte stamp and the record, padded to whole 64-byte lines.
    pub const fn slot_size(self) -> usize {
        (8 + self.record_size()).next_multiple_of(64)
    }
}

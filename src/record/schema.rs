//! The schemas a publication can carry: one ring and one board each.

use super::{Definition, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1S, Signal, Statistics, Status, Trade, Venue, Vwap, venue};

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
    /// Auctions that are to come.
    Imbalance,
    /// Official prices.
    Statistics,
    /// What instruments are.
    Definition,
    /// The side ring: what DBN has no record for.
    Venue,
    /// Bars of a second.
    Ohlcv1S,
    /// Bars of a minute.
    Ohlcv1M,
    /// Bars of an hour.
    Ohlcv1H,
    /// Bars of a day.
    Ohlcv1D,
    /// Volume-weighted prices of all these windows.
    Vwap,
    /// What books lean to.
    Signal,
    /// Where sampled datagrams spent their time.
    Latency,
}

impl Schema {
    /// How many there are.
    pub const COUNT: usize = 16;
    /// All of them, in the order of [`Schema::index`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::Mbo,
        Self::Mbp1,
        Self::Mbp10,
        Self::Trades,
        Self::Status,
        Self::Imbalance,
        Self::Statistics,
        Self::Definition,
        Self::Venue,
        Self::Ohlcv1S,
        Self::Ohlcv1M,
        Self::Ohlcv1H,
        Self::Ohlcv1D,
        Self::Vwap,
        Self::Signal,
        Self::Latency,
    ];
    /// Those that a lane publishes from what a feed tells.
    pub const TOLD: [Self; 9] =
        [Self::Mbo, Self::Mbp1, Self::Mbp10, Self::Trades, Self::Status, Self::Imbalance, Self::Statistics, Self::Definition, Self::Venue];
    /// Those that are computed from another publication's rings.
    pub const COMPUTED: [Self; 6] = [Self::Ohlcv1S, Self::Ohlcv1M, Self::Ohlcv1H, Self::Ohlcv1D, Self::Vwap, Self::Signal];

    /// What a lane measures of its own work: beside the data in a lane's publication, and nowhere else.
    pub const MEASURED: [Self; 1] = [Self::Latency];

    /// Position in [`Schema::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name DBN gives it, where it does; also the name in configuration, command line and summary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mbo => "mbo",
            Self::Mbp1 => "mbp-1",
            Self::Mbp10 => "mbp-10",
            Self::Trades => "trades",
            Self::Status => "status",
            Self::Imbalance => "imbalance",
            Self::Statistics => "statistics",
            Self::Definition => "definition",
            Self::Venue => "venue",
            Self::Ohlcv1S => "ohlcv-1s",
            Self::Ohlcv1M => "ohlcv-1m",
            Self::Ohlcv1H => "ohlcv-1h",
            Self::Ohlcv1D => "ohlcv-1d",
            Self::Vwap => "vwap",
            Self::Signal => "signal",
            Self::Latency => "latency",
        }
    }

    /// The schema of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.name() == name)
    }

    /// Record type: DBN's, or ours from 0xF0 on.
    pub const fn rtype(self) -> u8 {
        match self {
            Self::Mbo => 0xA0,
            Self::Mbp1 => 0x01,
            Self::Mbp10 => 0x0A,
            Self::Trades => 0x00,
            Self::Status => 0x12,
            Self::Imbalance => 0x14,
            Self::Statistics => 0x18,
            Self::Definition => 0x13,
            Self::Venue => 0xF0,
            Self::Ohlcv1S => 0x20,
            Self::Ohlcv1M => 0x21,
            Self::Ohlcv1H => 0x22,
            Self::Ohlcv1D => 0x23,
            Self::Vwap => 0xF1,
            Self::Signal => 0xF2,
            Self::Latency => 0xF3,
        }
    }

    /// Whether DBN knows it: others never reach a DBN file.
    pub const fn is_dbn(self) -> bool {
        !matches!(self, Self::Venue | Self::Vwap | Self::Signal | Self::Latency)
    }

    /// Bytes of one record.
    pub const fn record_size(self) -> usize {
        match self {
            Self::Mbo => size_of::<Mbo>(),
            Self::Mbp1 => size_of::<Mbp1>(),
            Self::Mbp10 => size_of::<Mbp10>(),
            Self::Trades => size_of::<Trade>(),
            Self::Status => size_of::<Status>(),
            Self::Imbalance => size_of::<Imbalance>(),
            Self::Statistics => size_of::<Statistics>(),
            Self::Definition => size_of::<Definition>(),
            Self::Venue => size_of::<Venue>(),
            Self::Ohlcv1S | Self::Ohlcv1M | Self::Ohlcv1H | Self::Ohlcv1D => size_of::<Ohlcv1S>(),
            Self::Vwap => size_of::<Vwap>(),
            Self::Signal => size_of::<Signal>(),
            Self::Latency => size_of::<Latency>(),
        }
    }

    /// Bytes of one slot: an 8-byte stamp and the record, padded to whole 64-byte lines.
    pub const fn slot_size(self) -> usize {
        (8 + self.record_size()).next_multiple_of(64)
    }

    /// Cells that an instrument has on the board: one for each kind of record that does not take the place of the others
    /// ([`Record::cell`](super::Record::cell)).
    pub const fn cells(self) -> u32 {
        match self {
            Self::Statistics => 3,
            Self::Venue => venue::kind::OF_INSTRUMENTS,
            Self::Vwap => 4,
            _ => 1,
        }
    }
}

//! What is replayed: datagrams in memory, so that reading them costs the run nothing.

use crate::feed::name::FeedName;
use crate::source::lines::LineKey;

/// Datagrams of one or more channels of one feed, in the order in which they go.
#[derive(Debug)]
pub struct Workload {
    /// What it is, in words: the file, or what was made up.
    pub what: String,
    /// What it speaks.
    pub feed: FeedName,
    /// Midnight of the venue's day, ns since 1970 UTC, where the recording does not tell it itself.
    pub midnight_ns: Option<u64>,
    /// The lines: [`Packet::line`] is an index.
    pub lines: Vec<LineKey>,
    /// Which channel each line is a copy of: the lines of one channel have the same number.
    pub channels: Vec<u16>,
    /// The datagrams.
    pub packets: Vec<Packet>,
    /// Their payloads, one behind the other.
    pub payloads: Vec<u8>,
    /// What people should know: a cut file, frames that are no datagrams.
    pub remarks: Vec<String>,
}

/// One datagram of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it was recorded, ns since 1970 UTC.
    pub recorded_ns: u64,
    /// Number of its first message, by its session layer; what the session layer cannot read has 0.
    pub sequence: u64,
    /// Where its payload begins.
    pub offset: u64,
    /// Bytes of its payload.
    pub length: u16,
    /// Messages in it: 0 for heartbeats and the like.
    pub messages: u16,
    /// Its line.
    pub line: u16,
}

impl Workload {
    /// A datagram's payload.
    #[inline]
    pub fn payload(&self, packet: &Packet) -> &[u8] {
        let from = packet.offset as usize;
        self.payloads.get(from..from + usize::from(packet.length)).unwrap_or_default()
    }

    /// Messages of all datagrams, copies included.
    pub fn messages(&self) -> u64 {
        self.packets.iter().map(|packet| u64::from(packet.messages)).sum()
    }
}

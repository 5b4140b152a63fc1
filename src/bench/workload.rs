//! What is replayed: datagrams in memory, so that reading them costs the run nothing.
//!
//! ```text
//!  recording ─ a capture's datagrams, a day file's packets ─┐
//!                                                           ├─▶ gathering ─ sequence, messages, line ─▶ Workload
//!  made_up ─── the generator's frames, never a file ────────┘      └ copies: which lines carry the same channel
//! ```

mod copies;
mod gathering;
mod made_up;
mod memory;
mod recording;

use std::time::Duration;

use crate::feed::name::FeedName;
use crate::source::lines::LineKey;

/// The most lines that are taken where none is named.
pub const MOST_LINES: usize = 64;

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
    ///
    /// Lines are copies of one channel if they carry the same session, unless message numbers that both carry tell different messages
    /// more often than the same: some venues number several streams under one name. A line without a session is a channel of its own.
    pub channels: Vec<u16>,
    /// The datagrams.
    pub packets: Vec<Packet>,
    /// Their payloads, one behind the other; equal copies on several lines stand here once.
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

/// How much is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// So many datagrams, all lines together.
    pub datagrams: Option<u64>,
    /// What was recorded within so long of the first.
    pub recorded: Option<Duration>,
    /// Refuse what needs more memory than this; `None`: three quarters of what is free now.
    pub memory_bytes: Option<u64>,
}

/// What of a recording is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// What it speaks.
    pub feed: FeedName,
    /// These lines, all their datagrams (a day file's datagrams go by the first); none: the multicast and unicast lines that carry the
    /// feed, each from its first datagram on that the feed's session layer can read, at most [`MOST_LINES`].
    pub lines: Vec<LineKey>,
    /// Midnight of the venue's day, ns since 1970 UTC: needed for day files.
    pub midnight_ns: Option<u64>,
    /// How much.
    pub limit: Limit,
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

    /// How many messages there are, each once, by their numbers in each channel; those without a number are not counted.
    pub fn distinct_messages(&self) -> u64 {
        let mut numbers: Vec<Vec<(u64, u64)>> = vec![Vec::new(); self.channel_count()];
        for packet in self.packets.iter().filter(|packet| packet.sequence > 0 && packet.messages > 0) {
            let channel = self.channels.get(usize::from(packet.line)).and_then(|&channel| numbers.get_mut(usize::from(channel)));
            if let Some(numbers) = channel {
                numbers.push((packet.sequence, packet.sequence.saturating_add(u64::from(packet.messages))));
            }
        }
        let of_channel = |mut ranges: Vec<(u64, u64)>| {
            ranges.sort_unstable();
            let (mut count, mut behind) = (0_u64, 0_u64);
            for (first, end) in ranges {
                count += end.saturating_sub(first.max(behind));
                behind = behind.max(end);
            }
            count
        };
        numbers.into_iter().map(of_channel).sum()
    }

    /// From the first datagram's recorded time to the latest, ns.
    pub fn recorded_ns(&self) -> u64 {
        let first = self.packets.first().map_or(0, |packet| packet.recorded_ns);
        self.packets.iter().map(|packet| packet.recorded_ns.saturating_sub(first)).max().unwrap_or(0)
    }

    /// How many channels its lines are copies of.
    pub fn channel_count(&self) -> usize {
        self.channels.iter().max().map_or(0, |&last| usize::from(last) + 1)
    }
}

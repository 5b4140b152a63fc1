//! The arbiter's limits.

/// Most lines a channel can have.
pub const MAX_LINES: usize = 4;
/// Most packets of a line that can be asked to be seen beyond a hole before the line counts as having passed it.
pub const MAX_REORDER_PACKETS: usize = 7;

/// Limits of one channel. [`super::Arbiter::new`] brings each into its range; a plan that wants to refuse must look before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArbiterConfig {
    /// Lines of the channel, 1..=[`MAX_LINES`].
    pub lines: usize,
    /// How long a missing number is awaited while a live line has not passed it, ns. Must exceed the usual lag between the lines.
    pub gap_wait_ns: u64,
    /// A line has passed a number when its last `reorder_packets + 1` packets all began behind it; 0..=[`MAX_REORDER_PACKETS`].
    /// Default 2: networks hardly ever reorder one flow, and by more than two packets practically never; waiting for two more
    /// packets costs microseconds in a burst (and never more than `gap_wait_ns`), a gap declared wrongly marks every book of the channel.
    pub reorder_packets: usize,
    /// Most early packets held, at least 1.
    pub window_packets: usize,
    /// Most bytes of early messages held. Twice as much memory is set aside, so that bytes are moved together only when half of it is free.
    pub window_bytes: usize,
    /// The channel is silent when nothing of the session came for this long, ns. Also how long an absurd packet waits to be confirmed.
    pub silence_ns: u64,
    /// A sequence further ahead than this, in messages, is absurd until confirmed.
    pub absurd_jump: u64,
    /// A line is dead when nothing of the session came by it for this long, ns.
    pub line_dead_ns: u64,
}

impl Default for ArbiterConfig {
    /// Two lines; 5 ms for a missing number (lines over separate carriers lag by up to a few); 4096 packets and 4 MiB (5 ms of a
    /// burst at 800,000 packets/s); dead after three lost heartbeats, silent after five (they come about once a second).
    fn default() -> Self {
        Self {
            lines: 2,
            gap_wait_ns: 5_000_000,
            reorder_packets: 2,
            window_packets: 4096,
            window_bytes: 4 << 20,
            silence_ns: 5_000_000_000,
            absurd_jump: 1_000_000,
            line_dead_ns: 3_000_000_000,
        }
    }
}

impl ArbiterConfig {
    pub(super) fn in_range(self) -> Self {
        Self {
            lines: self.lines.clamp(1, MAX_LINES),
            reorder_packets: self.reorder_packets.min(MAX_REORDER_PACKETS),
            window_packets: self.window_packets.max(1),
            ..self
        }
    }
}

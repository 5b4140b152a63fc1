//! What the arbiter counts.

use crate::stats::Drops;

use super::MAX_LINES;

/// Counters of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounters {
    /// Datagrams that came by this line.
    pub datagrams: u64,
    /// Datagrams of this line that brought at least one message first.
    pub first_wins: u64,
    /// When something of the current session last came by this line, ns; 0 if nothing ever did.
    pub last_seen_ns: u64,
    /// How often the line was declared dead.
    pub deaths: u64,
}

/// Counters of one channel's arbiter; they only grow, but for `lost_messages`.
///
/// Each datagram is counted once as one of: heartbeat, end of session, first win (of which some are overlaps), duplicate, or in `drops`
/// by the reason it was not used. `drops` also has two reasons of datagrams that were used in part: `BlockPastEnd`, `TrailingBytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArbiterCounters {
    /// Datagrams given to the arbiter.
    pub datagrams: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Heartbeats of the session, of every line.
    pub heartbeats: u64,
    /// End-of-session packets, of every line.
    pub ends_of_session: u64,
    /// Datagrams that brought nothing that was not known already.
    pub duplicates: u64,
    /// Datagrams of which a part was known already.
    pub overlaps: u64,
    /// Gaps declared.
    pub gaps: u64,
    /// Messages in them, less those that came after all ([`super::Notice::GapClosed`], `recovered`).
    pub lost_messages: u64,
    /// Holes that were filled before they had to be declared.
    pub holes_filled: u64,
    /// Publisher restarts under the same session id.
    pub restarts: u64,
    /// Changes to another session.
    pub new_sessions: u64,
    /// Sessions that were joined later than at their first message.
    pub joined_late: u64,
    /// Times a line began again at the first number in a session where that cannot be told from an old duplicate: an alarm.
    pub backwards: u64,
    /// Most packets ever held at once.
    pub held_high_water: u64,
    /// By line; those past the configured number stay zero.
    pub lines: [LineCounters; MAX_LINES],
    /// What was not used, by reason.
    pub drops: Drops,
}

//! Whether a record's time of the venue is believed.
//!
//! One absurd time, believed, would close every window until then. So a time more than a minute ahead of its receipt is believed only when
//! the record before it said so, too: then it is not the record but the host's clock, or a capture that is played at another hour.

/// A venue's clock is believed at once to be so far ahead of ours; the lane's watermark has the same bound.
const AHEAD_NS: u64 = 60_000_000_000;

/// Of one stream of records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Belief {
    /// The record before was ahead.
    ahead: bool,
}

impl Belief {
    /// Whether this record's time counts.
    pub fn believes(&mut self, venue_ns: u64, ts_recv: u64) -> bool {
        let ahead = is_ahead(venue_ns, ts_recv);
        !ahead | std::mem::replace(&mut self.ahead, ahead)
    }
}

/// Whether a time is too far ahead of its receipt to be believed by itself.
pub(super) fn is_ahead(venue_ns: u64, ts_recv: u64) -> bool {
    venue_ns > ts_recv.saturating_add(AHEAD_NS)
}

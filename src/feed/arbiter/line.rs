//! One line: when it was last heard, how far it has come.
//!
//! Two questions are kept apart. *Live* (for gaps): was anything of the session heard within `line_dead_ns`? A hole need not
//! wait for a line that is not. *Alarm* (for people): dead is told once, alive only after the line was steady for
//! [`STEADY`] times as long, so that a flapping line does not churn.

use super::config::MAX_REORDER_PACKETS;

/// A returning line is alive again after this many times `line_dead_ns` without a pause as long as `line_dead_ns`.
pub const STEADY: u64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    Alive,
    Dead,
    /// Heard again, but not yet for long enough to say so.
    Returning {
        since_ns: u64,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    hearing: Hearing,
    /// When it was last heard; at the start of a session, that start: a line that lags gets its chance.
    last_ns: u64,
    /// Where the last packets of this session began, a ring; 0 where there was none yet.
    recent: [u64; MAX_REORDER_PACKETS + 1],
    newest: usize,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self { hearing: Hearing::Alive, last_ns: 0, recent: [0; MAX_REORDER_PACKETS + 1], newest: 0 }
    }

    /// A session starts: what the line had passed is void.
    pub(super) fn new_session(&mut self, now_ns: u64) {
        self.recent = [0; MAX_REORDER_PACKETS + 1];
        self.last_ns = self.last_ns.max(now_ns);
    }

    /// A packet of the session that begins at `sequence`. True if the line is thereby alive again.
    #[inline]
    pub(super) fn heard(&mut self, recv_ns: u64, sequence: u64, line_dead_ns: u64) -> bool {
        self.newest = (self.newest + 1) % self.recent.len();
        self.recent[self.newest] = sequence;
        let pause_ns = recv_ns.saturating_sub(self.last_ns);
        self.last_ns = self.last_ns.max(recv_ns);
        self.hearing != Hearing::Alive && self.returns(recv_ns, pause_ns, line_dead_ns)
    }

    #[cold]
    fn returns(&mut self, recv_ns: u64, pause_ns: u64, line_dead_ns: u64) -> bool {
        match self.hearing {
            Hearing::Returning { since_ns } if pause_ns < line_dead_ns => {
                if recv_ns.saturating_sub(since_ns) >= line_dead_ns.saturating_mul(STEADY) {
                    self.hearing = Hearing::Alive;
                    return true;
                }
            }
            _ => self.hearing = Hearing::Returning { since_ns: recv_ns },
        }
        false
    }

    /// True if the line has just died.
    pub(super) fn dies(&mut self, now_ns: u64, line_dead_ns: u64) -> bool {
        let died = self.dies_at(line_dead_ns).is_some_and(|at| now_ns >= at);
        if died {
            self.hearing = Hearing::Dead;
        }
        died
    }

    /// When the line dies if nothing more comes; `None` if there is nothing to tell.
    pub(super) fn dies_at(&self, line_dead_ns: u64) -> Option<u64> {
        (self.hearing == Hearing::Alive).then(|| self.last_ns.saturating_add(line_dead_ns))
    }

    pub(super) fn live(&self, now_ns: u64, line_dead_ns: u64) -> bool {
        self.hearing != Hearing::Dead && now_ns.saturating_sub(self.last_ns) < line_dead_ns
    }

    /// Whether the last `reorder_packets + 1` packets all began behind `sequence`.
    pub(super) fn passed(&self, sequence: u64, reorder_packets: usize) -> bool {
        let ring = self.recent.len();
        (0..=reorder_packets).all(|back| self.recent[(self.newest + ring - back.min(ring - 1)) % ring] > sequence)
    }

    /// Where the line's last packet began.
    pub(super) fn latest(&self) -> u64 {
        self.recent[self.newest]
    }
}

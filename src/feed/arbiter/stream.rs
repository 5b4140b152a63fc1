//! The second check of IEX-TP's sequence: each segment says at which byte of the session's stream it begins, and that is where the one
//! before ended.
//!
//! The numbers rule: what they say is delivered, whatever the offset. A segment whose offset does not fit is counted
//! ([`Drop::OffsetMismatch`]), and no more is made of it alone: its header can be corrupt or forged. If the next one fits to it, the
//! publisher's stream did jump while its numbers went on, and something may be missing that the numbers don't show.

use crate::stats::{Drop, Drops};

use super::notice::{InSequence, Notice};

/// Where the stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stream {
    /// Where the next message begins, in bytes; `None` where that is not known (a beginning, behind a gap).
    next: Option<u64>,
    /// Where it would begin if the last packet, which contradicted that, was right.
    contradicted: Option<u64>,
}

impl Stream {
    /// The next packet says where the stream stands.
    pub fn lose_track(&mut self) {
        *self = Self::default();
    }

    /// Whether messages that begin at `offset` can be the next ones of this stream (`at_once`), or later ones.
    pub fn may_come_to(&self, offset: u64, at_once: bool) -> bool {
        self.next.is_none_or(|next| if at_once { offset == next } else { offset > next })
    }

    /// What was delivered took up so many bytes; `None`: that cannot be told.
    #[inline]
    pub fn pass(&mut self, bytes: Option<usize>) {
        let past = |from: Option<u64>| Some(from?.saturating_add(bytes? as u64));
        *self = Self { next: past(self.next), contradicted: past(self.contradicted) };
    }

    /// The messages from number `sequence` on begin at `offset`. To be asked before they are delivered.
    #[inline]
    pub fn begin(&mut self, offset: u64, sequence: u64, now_ns: u64, drops: &mut Drops, out: &mut impl InSequence) {
        if self.next == Some(offset) {
            self.contradicted = None;
        } else {
            self.begin_elsewhere(offset, sequence, now_ns, drops, out);
        }
    }

    #[cold]
    fn begin_elsewhere(&mut self, offset: u64, sequence: u64, now_ns: u64, drops: &mut Drops, out: &mut impl InSequence) {
        if self.next.is_none() {
            self.next = Some(offset);
            return;
        }
        drops.count(Drop::OffsetMismatch);
        if self.contradicted == Some(offset) {
            *self = Self { next: Some(offset), contradicted: None };
            out.notice(Notice::StreamJumped { next_sequence: sequence }, now_ns);
        } else {
            // Ours stands until two agree against it.
            self.contradicted = Some(offset);
        }
    }
}

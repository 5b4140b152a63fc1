//! Walking the message blocks of a packet.

use crate::feed::SessionLayer;

use super::notice::{Arrival, InSequence};

/// Takes up to `count` messages off; returns how many there were.
pub(super) fn skip<S: SessionLayer>(blocks: &mut &[u8], count: u64) -> u64 {
    let mut taken = 0;
    while taken < count && S::next_message(blocks).is_ok() {
        taken += 1;
    }
    taken
}

/// Delivers the messages `from..until` straight from `blocks`; returns the number after the last one that was complete.
#[inline]
pub(super) fn deliver<S: SessionLayer>(blocks: &mut &[u8], from: u64, until: u64, arrival: &Arrival, out: &mut impl InSequence) -> u64 {
    let mut sequence = from;
    while sequence < until {
        let Ok(message) = S::next_message(blocks) else { break };
        out.message(sequence, arrival, message);
        sequence += 1;
    }
    sequence
}

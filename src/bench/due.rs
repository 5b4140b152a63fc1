//! When a datagram was due, found again by what a sample says of it: channel, sequence, and when it was received.
//!
//! Sequence numbers are not unique in a workload: both lines of a channel carry each, and after a restart of the publisher or in another
//! session they begin again. So the datagrams are told apart by *occasions*: the copies of one datagram are one occasion, due when the
//! earliest of them is; of several occasions of one number the one is meant that was due last before the sample was received.

use super::schedule::Schedule;
use super::workload::Workload;

/// Copies on other lines come within this time of the first, by their recorded times. Lines over separate carriers are milliseconds apart; a
/// number that comes again after longer is another session's.
const COPIES_WITHIN_NS: u64 = 10_000_000_000;

/// The due times of a workload, to be looked up.
#[derive(Clone, Debug, Default)]
pub struct Dues {
    /// By channel, each in the order of the numbers and then of the due times.
    channels: Vec<Vec<Occasion>>,
    paced: bool,
    /// By datagram: whether it is the first copy of what it tells.
    firsts: Vec<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Occasion {
    sequence: u64,
    due_ns: u64,
}

/// Where a reader of the due times stands, so that samples that come in order are found at once.
#[derive(Clone, Debug, Default)]
pub struct DueHints(Vec<usize>);

impl Dues {
    /// The due times of a workload on a schedule. Datagrams without messages (heartbeats) have no number of their own, and are left out.
    pub fn new(workload: &Workload, schedule: &Schedule) -> Self {
        let paced = schedule.due_ns(0).is_some();
        let mut numbered: Vec<Vec<(u64, u32)>> = vec![Vec::new(); workload.channel_count()];
        for (packet, nth) in workload.packets.iter().zip(0_u32..).filter(|(packet, _)| packet.messages > 0) {
            let channel = workload.channels.get(usize::from(packet.line)).and_then(|&channel| numbered.get_mut(usize::from(channel)));
            if let Some(numbered) = channel {
                numbered.push((packet.sequence, nth));
            }
        }
        let mut firsts = vec![false; workload.packets.len()];
        let channels = numbered.into_iter().map(|numbered| occasions(workload, schedule, numbered, &mut firsts)).collect();
        Self { channels, paced, firsts }
    }

    /// Whether anything is due at all.
    pub fn is_paced(&self) -> bool {
        self.paced
    }

    /// Whether the datagram of that place in the workload is the first copy of what it tells: not one of another line, not one sent again, and
    /// with messages in it.
    pub fn is_first(&self, nth: usize) -> bool {
        self.firsts.get(nth).copied().unwrap_or(false)
    }

    /// When the datagram of that channel that begins with `sequence` was due, ns from the start: on the last occasion not after `until_ns`.
    pub fn find(&self, channel: u16, sequence: u64, until_ns: u64, hints: &mut DueHints) -> Option<u64> {
        let occasions = self.channels.get(usize::from(channel))?;
        hints.0.resize(hints.0.len().max(self.channels.len()), 0);
        let hint = hints.0.get_mut(usize::from(channel))?;
        // Samples mostly go forward by a little.
        let from = if occasions.get(*hint).is_some_and(|occasion| occasion.sequence < sequence) { *hint } else { 0 };
        let first = first_after(occasions, from, |occasion| occasion.sequence < sequence);
        *hint = first.saturating_sub(1);
        let behind = first_after(occasions, first, |occasion| occasion.sequence == sequence && occasion.due_ns <= until_ns);
        occasions.get(first..behind)?.last().map(|occasion| occasion.due_ns)
    }
}

/// The first at or behind `from` of which `before` does not hold, in an order in which it holds of none behind that. Looks in steps that double.
fn first_after(occasions: &[Occasion], from: usize, before: impl Fn(&Occasion) -> bool) -> usize {
    let (mut low, mut step) = (from, 1);
    while occasions.get(low + step).is_some_and(&before) {
        low += step;
        step *= 2;
    }
    let near = occasions.get(low..occasions.len().min(low + step)).unwrap_or_default();
    low + near.partition_point(before)
}

/// Puts the copies of one datagram together. `numbered`: sequence and place in the workload, of one channel.
/// Marks the first of each in `firsts`.
fn occasions(workload: &Workload, schedule: &Schedule, mut numbered: Vec<(u64, u32)>, firsts: &mut [bool]) -> Vec<Occasion> {
    numbered.sort_unstable();
    let mut occasions = Vec::with_capacity(numbered.len() / 2 + 1);
    for same in numbered.chunk_by(|a, b| a.0 == b.0) {
        let mut lines = Vec::new();
        let mut first = None;
        for &(sequence, nth) in same {
            let Some(packet) = workload.packets.get(nth as usize) else { continue };
            let is_copy = first.is_some_and(|first: &super::workload::Packet| {
                // A line says the same again only with the same bytes; other bytes under one number are another session's, or a restart's.
                let again = lines.contains(&packet.line) && workload.payload(first) != workload.payload(packet);
                !again && packet.recorded_ns.saturating_sub(first.recorded_ns) <= COPIES_WITHIN_NS
            });
            if !is_copy {
                lines.clear();
                first = Some(packet);
                // Due times never fall in the order of the workload: the first copy's is the earliest.
                if let Some(is_first) = firsts.get_mut(nth as usize) {
                    *is_first = true;
                }
                occasions.push(Occasion { sequence, due_ns: schedule.due_ns(nth as usize).unwrap_or(0) });
            }
            lines.push(packet.line);
        }
    }
    occasions
}

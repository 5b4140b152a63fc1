//! What one round gives: histograms, counts, and how it went over time.

use super::{Measure, Measures};
use crate::stats::Drop;

/// One round's results.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// What was measured, warm-up left out.
    pub measures: Measures,
    /// What was counted, over the whole round.
    pub counts: Counts,
    /// How it went over time, in equal intervals, warm-up included.
    pub intervals: Vec<Interval>,
    /// What the latencies of the intervals are of; `None`: of the headline measure.
    pub intervals_of: Option<Measure>,
    /// How long the warm-up was, ns from the first due time.
    pub warm_up_ns: u64,
    /// How the sender kept its schedule; `None` at [`Pace::Max`](super::Pace::Max).
    pub lateness: Option<Lateness>,
    /// Median of a cache line going to and fro between the two cores, ns a round trip, before and after; empty in process.
    pub ping_pong_ns: Vec<u64>,
    /// How it really ran: the mode of AF_XDP, io_uring or its fallback, pages. For people.
    pub modes: Vec<String>,
    /// What people should know besides.
    pub remarks: Vec<String>,
    /// What stamping costs: one stamp, ns.
    pub stamp_ns: f64,
}

/// What was counted in a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// From the first due time to the last datagram's end, ns.
    pub elapsed_ns: u64,
    /// How long after its due end the schedule ended, ns; negative cannot be.
    pub end_late_ns: u64,
    /// Datagrams that were to go.
    pub due: u64,
    /// Datagrams that went.
    pub sent: u64,
    /// Datagrams in the warm-up, which are in no histogram.
    pub warm_up: u64,
    /// Datagrams the pipeline counted (all lines).
    pub received: u64,
    /// Messages it delivered in sequence.
    pub messages: u64,
    /// Messages there were to deliver, each once, however often it was sent: by their numbers, so of several sessions with the same
    /// numbers fewer than there were. 0: not known.
    pub distinct_messages: u64,
    /// Records published, all rings.
    pub records: u64,
    /// Messages lost in gaps.
    pub lost_messages: u64,
    /// Gaps.
    pub gaps: u64,
    /// Datagrams the kernel dropped for want of room.
    pub overrun: u64,
    /// What was dropped, by reason.
    pub dropped_by_reason: Vec<(String, u64)>,
    /// Sampled datagrams.
    pub sampled: u64,
    /// Sampled datagrams that could not be joined with a due time or with the consumer's stamps.
    pub unmatched: u64,
    /// Sampled datagrams behind the warm-up that are in no time that ends with the consumer: it was too slow for their records, or for the
    /// samples themselves.
    pub unseen: u64,
    /// Those that are in no sampled time at all. In process only the times that end with the consumer are of samples, so there it is 0.
    pub unfollowed: u64,
    /// Records that the consumer was too slow for, those of the samples included.
    pub lapped: u64,
    /// Ended before its time.
    pub stopped: bool,
}

impl Counts {
    /// What a publication's counters tell of the pipeline behind it; names that are not known are left out.
    pub fn of_counters(counters: &[(String, u64)]) -> Self {
        let mut counts = Self::default();
        for (name, value) in counters {
            match name.as_str() {
                "datagrams" => counts.received = *value,
                "messages" => counts.messages = *value,
                "gaps" => counts.gaps = *value,
                "lost_messages" => counts.lost_messages = *value,
                name => {
                    let Some(reason) = name.strip_prefix("drop_").filter(|_| *value > 0) else { continue };
                    if reason == Drop::ReceiveOverrun.name() {
                        counts.overrun = *value;
                    }
                    counts.dropped_by_reason.push((reason.to_owned(), *value));
                }
            }
        }
        counts
    }

    /// So many of them a second; 0 where nothing took any time.
    pub fn per_s(&self, count: u64) -> f64 {
        if self.elapsed_ns == 0 { 0.0 } else { count as f64 * 1e9 / self.elapsed_ns as f64 }
    }

    /// Datagrams that were to go and did not.
    pub fn not_sent(&self) -> u64 {
        self.due.saturating_sub(self.sent)
    }

    /// Datagrams that went, and that no channel was given: dropped on the way, by the kernel, or for what their frames were.
    pub fn not_arrived(&self) -> u64 {
        self.sent.saturating_sub(self.received)
    }

    /// Datagrams that were to arrive and did not; of a stopped round those that went and did not.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Datagrams that were to arrive.
    pub fn expected(&self) -> u64 {
        if self.stopped { self.sent } else { self.due.max(self.sent) }
    }

    /// Messages that were neither delivered nor counted as lost in a gap, of a round that was not stopped: what came behind a gap that had been
    /// given up, and what never came and was the last.
    pub fn untold(&self) -> u64 {
        let told = self.messages.saturating_add(self.lost_messages);
        if self.stopped { 0 } else { self.distinct_messages.saturating_sub(told) }
    }

    /// Whether something was sent, and nothing came of it.
    pub fn nothing_came(&self) -> bool {
        self.sent > 0 && self.messages == 0
    }

    /// Adds another round's.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.elapsed_ns, other.elapsed_ns),
            (&mut self.end_late_ns, other.end_late_ns),
            (&mut self.due, other.due),
            (&mut self.sent, other.sent),
            (&mut self.warm_up, other.warm_up),
            (&mut self.received, other.received),
            (&mut self.messages, other.messages),
            (&mut self.distinct_messages, other.distinct_messages),
            (&mut self.records, other.records),
            (&mut self.lost_messages, other.lost_messages),
            (&mut self.gaps, other.gaps),
            (&mut self.overrun, other.overrun),
            (&mut self.sampled, other.sampled),
            (&mut self.unmatched, other.unmatched),
            (&mut self.unseen, other.unseen),
            (&mut self.unfollowed, other.unfollowed),
            (&mut self.lapped, other.lapped),
        ];
        for (mine, theirs) in pairs {
            *mine = mine.saturating_add(theirs);
        }
        for (reason, count) in &other.dropped_by_reason {
            match self.dropped_by_reason.iter_mut().find(|(known, _)| known == reason) {
                Some((_, mine)) => *mine = mine.saturating_add(*count),
                None => self.dropped_by_reason.push((reason.clone(), *count)),
            }
        }
        self.stopped |= other.stopped;
    }
}

/// An interval of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Since the first due time, ns.
    pub start_ns: u64,
    /// How long, ns.
    pub length_ns: u64,
    /// Sampled datagrams that were due in it.
    pub count: u64,
    /// Of the headline measure, ns.
    pub p50_ns: u64,
    /// Of the headline measure, ns.
    pub p99_ns: u64,
    /// Of the headline measure, ns.
    pub max_ns: u64,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Datagrams received in it, by when they were received; on the wire reckoned from the samples. 0 in all intervals: not known.
    pub received: u64,
    /// Messages in them.
    pub messages: u64,
    /// Gaps that were seen.
    pub gaps: u64,
}

/// How a sender kept its schedule; its distribution is [`Measure::SenderLateness`](super::Measure::SenderLateness).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// Later than this counts as late, ns.
    pub limit_ns: u64,
    /// Datagrams that went.
    pub sent: u64,
    /// Datagrams that went later than that.
    pub late: u64,
}

impl Lateness {
    /// Whether the sender could not keep up: more than one in a hundred was late.
    pub fn fell_behind(&self) -> bool {
        self.late.saturating_mul(100) > self.sent
    }
}

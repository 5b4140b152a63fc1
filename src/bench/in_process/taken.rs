//! When a source's batches were received and published, of every datagram: written down while it runs, reckoned up when it is over.
//!
//! Writing down costs a lane 24 bytes a batch and two stamps it takes anyway; recording into histograms would cost it some ten nanoseconds a
//! datagram, and be part of what it measures.

use crate::bench::due::Dues;
use crate::bench::intervals::Intervals;
use crate::bench::schedule::Schedule;
use crate::bench::workload::Workload;
use crate::bench::{Interval, Lateness, Measure, Measures};

/// One batch.
#[derive(Clone, Copy, Debug)]
struct Batch {
    recv_ns: u64,
    published_ns: u64,
    first: u32,
    count: u32,
}

/// All batches of a run.
#[derive(Debug, Default)]
pub(super) struct Taken {
    batches: Vec<Batch>,
}

/// What batches are reckoned up by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reckoning<'a> {
    pub workload: &'a Workload,
    pub schedule: &'a Schedule,
    pub dues: &'a Dues,
    /// When the run began, ns since 1970 UTC.
    pub start_ns: u64,
    /// What was due before that, ns from the start, is warm-up.
    pub warm_up_ns: u64,
    /// What is taken up later than that after it was due is late.
    pub late_ns: u64,
    /// What the intervals are of.
    pub headline: Measure,
}

/// What they come to.
#[derive(Debug)]
pub(super) struct Reckoned {
    /// DueToReceived, DueToPublished (empty where nothing is due) and ReceivedToPublished, warm-up left out, of the datagrams that are the
    /// first copies of what they tell: the others publish nothing, and would make the rest look quicker.
    pub measures: Measures,
    /// By due time; where nothing is due by receive time.
    pub intervals: Vec<Interval>,
    /// By [`Measure::DueToReceived`], warm-up left out; `None` where nothing is due.
    pub lateness: Option<Lateness>,
    /// Datagrams that were taken up.
    pub sent: u64,
    /// Those of them that were warm-up.
    pub warm_up: u64,
    /// From the start to the last datagram's end, ns.
    pub elapsed_ns: u64,
    /// How long after it was due the last one was taken up, ns; 0 if the last one was not taken up.
    pub end_late_ns: u64,
}

impl Taken {
    /// Room for so many batches, touched: the first write to a page is a fault, and that is not to be part of a run.
    pub fn with_room(batches: usize) -> Self {
        let mut taken = Self { batches: vec![Batch { recv_ns: 1, published_ns: 1, first: 1, count: 1 }; batches] };
        taken.batches.clear();
        taken
    }

    /// A batch was lent.
    #[inline]
    pub fn took(&mut self, first: u32, count: u32, recv_ns: u64) {
        // Made with room for all there can be, so that this never allocates.
        self.batches.push(Batch { recv_ns, published_ns: 0, first, count });
    }

    /// The last batch had been published by `now_ns`.
    #[inline]
    pub fn published(&mut self, now_ns: u64) {
        if let Some(last) = self.batches.last_mut() {
            last.published_ns = now_ns;
        }
    }

    /// How many datagrams were lent.
    pub fn datagrams(&self) -> usize {
        self.batches.last().map_or(0, |last| (last.first + last.count) as usize)
    }

    /// What a run came to.
    pub fn reckon(&self, of: &Reckoning<'_>) -> Reckoned {
        let &Reckoning { workload, schedule, dues, start_ns, warm_up_ns, late_ns, headline } = of;
        let end_ns = self.batches.last().map_or(0, |last| last.published_ns.max(last.recv_ns).saturating_sub(start_ns));
        let paced = schedule.due_ns(0).is_some();
        let mut intervals = Intervals::over(if paced { schedule.end_ns() } else { end_ns });
        let mut reckoned = Reckoned {
            measures: Measures::new(),
            intervals: Vec::new(),
            lateness: None,
            sent: 0,
            warm_up: 0,
            elapsed_ns: end_ns,
            end_late_ns: 0,
        };
        let mut lateness = Lateness { limit_ns: late_ns, ..Lateness::default() };
        for batch in &self.batches {
            let received_ns = batch.recv_ns.saturating_sub(start_ns);
            let published_ns = batch.published_ns.saturating_sub(start_ns).max(received_ns);
            intervals.received(received_ns, u64::from(batch.count));
            let packets = workload.packets.iter().enumerate().skip(batch.first as usize).take(batch.count as usize);
            for (nth, packet) in packets {
                let at_ns = schedule.due_ns(nth).unwrap_or(received_ns);
                let (wait_ns, whole_ns) = (received_ns.saturating_sub(at_ns), published_ns.saturating_sub(at_ns));
                reckoned.sent += 1;
                reckoned.end_late_ns = wait_ns;
                intervals.sent(at_ns, u64::from(packet.messages));
                let is_first = dues.is_first(nth);
                match headline {
                    _ if !is_first => {}
                    Measure::DueToReceived if paced => intervals.record(at_ns, wait_ns),
                    Measure::DueToPublished if paced => intervals.record(at_ns, whole_ns),
                    Measure::ReceivedToPublished => intervals.record(at_ns, published_ns - received_ns),
                    _ => {}
                }
                if paced && at_ns < warm_up_ns {
                    reckoned.warm_up += 1;
                    continue;
                }
                lateness.sent += 1;
                lateness.late += u64::from(wait_ns > late_ns);
                if is_first {
                    reckoned.measures.record(Measure::ReceivedToPublished, published_ns - received_ns);
                }
                if is_first && paced {
                    reckoned.measures.record(Measure::DueToReceived, wait_ns);
                    reckoned.measures.record(Measure::DueToPublished, whole_ns);
                }
            }
        }
        if reckoned.sent < workload.packets.len() as u64 {
            reckoned.end_late_ns = 0;
        }
        reckoned.intervals = intervals.finish(end_ns);
        reckoned.lateness = paced.then_some(lateness);
        reckoned
    }
}

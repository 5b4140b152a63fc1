//! When each datagram of a workload is due: absolute times from one start, so that nothing drifts however long it takes.

use super::Pace;
use super::workload::Workload;

/// Due times, ns from the start, in the order of the datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// By datagram; never falling. Empty at [`Pace::Max`].
    due_ns: Vec<u64>,
}

impl Schedule {
    /// The schedule of a workload at a pace.
    pub fn new(workload: &Workload, pace: Pace) -> Self {
        let first_ns = workload.packets.first().map_or(0, |packet| packet.recorded_ns);
        let mut latest_ns = 0;
        let due_ns = workload.packets.iter().zip(0_u64..).map(|(packet, nth)| {
            let due_ns = match pace {
                Pace::Recorded(times) => (packet.recorded_ns.saturating_sub(first_ns) as f64 / times) as u64,
                Pace::Rate(rate) => (nth as f64 * 1e9 / rate) as u64,
                Pace::Bursts { datagrams, every } => nth / u64::from(datagrams.max(1)) * (every.as_nanos() as u64),
                Pace::Max => 0,
            };
            // What was recorded out of order goes when what stands before it has gone.
            latest_ns = due_ns.max(latest_ns);
            latest_ns
        });
        Self { due_ns: if pace == Pace::Max { Vec::new() } else { due_ns.collect() } }
    }

    /// When that datagram is due, ns from the start; `None`: at once, and never late.
    #[inline]
    pub fn due_ns(&self, nth: usize) -> Option<u64> {
        self.due_ns.get(nth).copied()
    }

    /// When the last is due, ns from the start.
    pub fn end_ns(&self) -> u64 {
        self.due_ns.last().copied().unwrap_or(0)
    }
}

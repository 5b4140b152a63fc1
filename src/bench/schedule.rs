//! When each datagram of a workload is due: absolute times from one start, so that nothing drifts however long it takes.
//!
//! All of it is integers: each time is computed from the datagram's number or recorded time alone, never from the time before it, and is
//! right to the nanosecond for whole rates and speeds, and for those of up to nine decimals, however many datagrams there are.

use super::Pace;
use super::workload::Workload;

/// What rates and speeds are counted in: a billionth.
const NANO: u128 = 1_000_000_000;

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
        let due_ns = workload.packets.iter().zip(0_u64..).map_while(|(packet, nth)| {
            // What was recorded out of order goes when what stands before it has gone.
            latest_ns = due_ns(pace, nth, packet.recorded_ns.saturating_sub(first_ns))?.max(latest_ns);
            Some(latest_ns)
        });
        Self { due_ns: due_ns.collect() }
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

/// When the datagram of that number (from 0), recorded so long after the first, is due at a pace, ns from the start, rounded down; `None`:
/// at once. What 64 bits cannot hold (584 years) is due then.
pub fn due_ns(pace: Pace, nth: u64, recorded_ns: u64) -> Option<u64> {
    let due_ns = match pace {
        Pace::Recorded(times) => u128::from(recorded_ns) * NANO / billionths(times),
        // 2^64 datagrams are less than 2^124 here.
        Pace::Rate(per_s) => u128::from(nth) * NANO * NANO / billionths(per_s),
        Pace::Bursts { datagrams, every } => u128::from(nth / u64::from(datagrams.max(1))) * every.as_nanos().min(u128::from(u64::MAX)),
        Pace::Max => return None,
    };
    Some(u64::try_from(due_ns).unwrap_or(u64::MAX))
}

/// A positive number in billionths, at least one of them.
fn billionths(number: f64) -> u128 {
    // A whole number times a billion would be rounded to 53 bits.
    let billionths = if number.fract() == 0.0 { (number as u128).saturating_mul(NANO) } else { (number * 1e9).round() as u128 };
    billionths.max(1)
}

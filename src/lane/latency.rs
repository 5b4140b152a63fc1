//! A lane's latency histogram, read by others without disturbing it.
//!
//! A histogram cannot be read while it is recorded into, so there are two, both allocated beforehand: the lane records into one
//! and, by a chore, swaps it for the empty one that the reader has given back. Both ways are crossbeam queues of one place.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use hdrhistogram::Histogram;

/// Longest latency told apart, ns: ten seconds. Longer ones are recorded as this.
const LONGEST_NS: u64 = 10_000_000_000;
/// Three significant digits: 0.1 % resolution, about 200 KiB a histogram.
const DIGITS: u8 = 3;

type Hand = Arc<ArrayQueue<Histogram<u64>>>;

/// The lane's end.
#[derive(Debug)]
pub struct LatencyRecorder {
    current: Histogram<u64>,
    full: Hand,
    empty: Hand,
}

/// The reader's end.
#[derive(Debug)]
pub struct LatencyReader {
    full: Hand,
    empty: Hand,
    total: Histogram<u64>,
}

/// Percentiles of what was recorded, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Percentiles {
    pub count: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_9: u64,
    pub max: u64,
}

/// Both ends of a new pair.
pub fn latency() -> (LatencyRecorder, LatencyReader) {
    // The second place is for the last one, see `hand_over_last`.
    let full: Hand = Arc::new(ArrayQueue::new(2));
    let empty: Hand = Arc::new(ArrayQueue::new(1));
    let _ = empty.push(histogram());
    let recorder = LatencyRecorder { current: histogram(), full: full.clone(), empty: empty.clone() };
    (recorder, LatencyReader { full, empty, total: histogram() })
}

/// An empty histogram of the lanes' bounds; every count is allocated.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("1 to ten seconds in three digits are valid bounds")
}

impl LatencyRecorder {
    /// Records `count` datagrams that took `ns` each.
    #[inline]
    pub fn record(&mut self, ns: u64, count: u64) {
        self.current.saturating_record_n(ns.max(1), count);
    }

    /// Hands the recorded histogram over, if the reader has given the other one back.
    pub fn hand_over(&mut self) {
        if let Some(empty) = self.empty.pop() {
            let recorded = std::mem::replace(&mut self.current, empty);
            // Of two histograms one came back and the other is recorded into: none is in the queue.
            let _ = self.full.push(recorded);
        }
    }

    /// Hands over what was recorded last, whether or not the reader has kept up. For the end: it may allocate.
    pub fn hand_over_last(&mut self) {
        let recorded = std::mem::replace(&mut self.current, histogram());
        let _ = self.full.push(recorded);
    }
}

impl LatencyReader {
    /// Takes what the lane has handed over, and gives the histogram back empty. Returns the percentiles of that interval.
    pub fn take(&mut self) -> Option<Percentiles> {
        let mut recorded = self.full.pop()?;
        while let Some(last) = self.full.pop() {
            let _ = recorded.add(&last);
        }
        let percentiles = Percentiles::of(&recorded);
        // Same bounds: adding cannot fail.
        let _ = self.total.add(&recorded);
        recorded.reset();
        let _ = self.empty.push(recorded);
        Some(percentiles)
    }

    /// Percentiles of all that was taken so far.
    pub fn total(&self) -> Percentiles {
        Percentiles::of(&self.total)
    }
}

impl Percentiles {
    /// Of a histogram.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { count: histogram.len(), p50: at(0.5), p90: at(0.9), p99: at(0.99), p99_9: at(0.999), max: histogram.max() }
    }
}

//! A lane's latency histograms, read by others without disturbing it.
//!
//! A histogram cannot be read while it is recorded into, so there are two sets, both allocated beforehand: the lane records into one
//! and, by a chore, swaps it for the empty one that the reader has given back. Both ways are crossbeam queues of one place.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use hdrhistogram::Histogram;

use super::stages::{MessageTimes, StageTimes};
use crate::record::Stage;

/// Longest latency told apart, ns: ten seconds. Longer ones are recorded as this.
const LONGEST_NS: u64 = 10_000_000_000;
/// Three significant digits: 0.1 % resolution, about 200 KiB a histogram.
const DIGITS: u8 = 3;

type Hand = Arc<ArrayQueue<Histograms>>;

macro_rules! timings {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// What one of a lane's histograms is of, in ns. A stage that a datagram never came to is not recorded for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Timing { $($(#[doc = $doc])* $variant),* }

        impl Timing {
            /// All of them, in the order of the path.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in logs; the benchmark's measures are called the same.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

timings! {
    /// From the receive stamp to the end of the batch's last publish, of every datagram.
    ReceivedToPublished = "received-to-published";
    /// [`Stage::Receive`] of stamped datagrams.
    Receive = "receive";
    /// [`Stage::Arbitrate`] of stamped datagrams.
    Arbitrate = "arbitrate";
    /// [`Stage::Decode`] of stamped datagrams, all messages.
    Decode = "decode";
    /// [`Stage::Book`] of stamped datagrams, all messages.
    Book = "book";
    /// [`Stage::Publish`] of stamped datagrams, all messages.
    Publish = "publish";
    /// [`Stage::Decode`] of one message of a stamped datagram.
    DecodeMessage = "decode-message";
    /// [`Stage::Book`] of one message of a stamped datagram.
    BookMessage = "book-message";
    /// [`Stage::Publish`] of one message of a stamped datagram.
    PublishMessage = "publish-message";
}

impl Timing {
    /// The timing of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|timing| timing.name() == name)
    }

    /// Of a stage of a datagram.
    pub const fn of(stage: Stage) -> Self {
        match stage {
            Stage::Receive => Self::Receive,
            Stage::Arbitrate => Self::Arbitrate,
            Stage::Decode => Self::Decode,
            Stage::Book => Self::Book,
            Stage::Publish => Self::Publish,
        }
    }
}

/// A lane's histograms over a while, by [`Timing`].
#[derive(Clone, Debug)]
pub struct Histograms {
    /// When that while began, ns since 1970 UTC; 0 before the first.
    pub from_ns: u64,
    /// When it ended.
    pub to_ns: u64,
    /// One for each timing, or the first alone where no stages are stamped.
    all: Vec<Histogram<u64>>,
}

impl Histograms {
    /// All empty; every count is allocated.
    pub fn new(stages: bool) -> Self {
        let count = if stages { Timing::ALL.len() } else { 1 };
        Self { from_ns: 0, to_ns: 0, all: (0..count).map(|_| histogram()).collect() }
    }

    /// One of them; `None` if the lane keeps none of the kind.
    pub fn get(&self, timing: Timing) -> Option<&Histogram<u64>> {
        self.all.get(timing as usize)
    }

    /// Those that are kept, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (Timing, &Histogram<u64>)> {
        Timing::ALL.iter().copied().zip(&self.all)
    }

    /// Adds a later while's.
    pub fn add(&mut self, later: &Self) {
        for (mine, theirs) in self.all.iter_mut().zip(&later.all) {
            // The same bounds: adding cannot fail.
            let _ = mine.add(theirs);
        }
        if self.from_ns == 0 {
            self.from_ns = later.from_ns;
        }
        self.to_ns = later.to_ns;
    }

    /// Empty again.
    pub fn reset(&mut self) {
        self.all.iter_mut().for_each(Histogram::reset);
        (self.from_ns, self.to_ns) = (0, 0);
    }

    #[inline]
    fn record(&mut self, timing: Timing, ns: u64, count: u64) {
        if let Some(histogram) = self.all.get_mut(timing as usize) {
            histogram.saturating_record_n(ns.max(1), count);
        }
    }
}

/// The lane's end.
#[derive(Debug)]
pub struct LatencyRecorder {
    current: Histograms,
    full: Hand,
    empty: Hand,
}

/// The reader's end.
#[derive(Debug)]
pub struct LatencyReader {
    full: Hand,
    empty: Hand,
    total: Histograms,
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

/// Both ends of a new pair that keeps no stages.
pub fn latency() -> (LatencyRecorder, LatencyReader) {
    pair(false)
}

/// Both ends of a new pair that keeps the stages of stamped datagrams, too.
pub fn latency_and_stages() -> (LatencyRecorder, LatencyReader) {
    pair(true)
}

fn pair(stages: bool) -> (LatencyRecorder, LatencyReader) {
    // The second place is for the last one, see `hand_over_last`.
    let full: Hand = Arc::new(ArrayQueue::new(2));
    let empty: Hand = Arc::new(ArrayQueue::new(1));
    let _ = empty.push(Histograms::new(stages));
    let recorder = LatencyRecorder { current: Histograms::new(stages), full: full.clone(), empty: empty.clone() };
    (recorder, LatencyReader { full, empty, total: Histograms::new(stages) })
}

/// An empty histogram of the lanes' bounds; every count is allocated.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("1 to ten seconds in three digits are valid bounds")
}

impl LatencyRecorder {
    /// The first interval begins now.
    pub fn begin(&mut self, now_ns: u64) {
        self.current.from_ns = now_ns;
    }

    /// Records `count` datagrams that took `ns` each from receive to publish.
    #[inline]
    pub fn record(&mut self, ns: u64, count: u64) {
        self.current.record(Timing::ReceivedToPublished, ns, count);
    }

    /// Records the stages of a stamped datagram, if they are kept.
    pub fn record_stages(&mut self, times: &StageTimes) {
        for stage in Stage::ALL {
            // It waited, if only for nothing; to the other stages it may never have come.
            if stage == Stage::Receive || times.get(stage) > 0 {
                self.current.record(Timing::of(stage), times.get(stage), 1);
            }
        }
    }

    /// Records a message of a stamped datagram, if stages are kept.
    pub fn record_message(&mut self, times: &MessageTimes) {
        self.current.record(Timing::DecodeMessage, times.decode_ns, 1);
        self.current.record(Timing::BookMessage, times.book_ns, 1);
        if times.publish_ns > 0 {
            self.current.record(Timing::PublishMessage, times.publish_ns, 1);
        }
    }

    /// Hands over what was recorded until `now_ns`, if the reader has given the other set back.
    pub fn hand_over(&mut self, now_ns: u64) {
        if let Some(empty) = self.empty.pop() {
            let recorded = self.replace(empty, now_ns);
            // Of two sets one came back and the other is recorded into: none is in the queue.
            let _ = self.full.push(recorded);
        }
    }

    /// Hands over what was recorded last, whether or not the reader has kept up. For the end: it may allocate.
    pub fn hand_over_last(&mut self, now_ns: u64) {
        let empty = Histograms::new(self.current.all.len() > 1);
        let recorded = self.replace(empty, now_ns);
        let _ = self.full.push(recorded);
    }

    fn replace(&mut self, empty: Histograms, now_ns: u64) -> Histograms {
        let mut recorded = std::mem::replace(&mut self.current, empty);
        recorded.to_ns = now_ns;
        self.current.from_ns = now_ns;
        recorded
    }
}

impl LatencyReader {
    /// Takes what the lane has handed over, and gives the set back empty. Returns the percentiles of that interval, from receive to publish.
    pub fn take(&mut self) -> Option<Percentiles> {
        self.take_with(|recorded| recorded.get(Timing::ReceivedToPublished).map(Percentiles::of).unwrap_or_default())
    }

    /// The same, after somebody else has looked at it.
    pub fn take_with<T>(&mut self, look: impl FnOnce(&Histograms) -> T) -> Option<T> {
        let mut recorded = self.full.pop()?;
        while let Some(last) = self.full.pop() {
            recorded.add(&last);
        }
        let seen = look(&recorded);
        self.total.add(&recorded);
        recorded.reset();
        let _ = self.empty.push(recorded);
        Some(seen)
    }

    /// Percentiles of all that was taken so far, from receive to publish.
    pub fn total(&self) -> Percentiles {
        self.total_of(Timing::ReceivedToPublished)
    }

    /// Percentiles of all that was taken so far; a count of 0 where none of the kind are kept.
    pub fn total_of(&self, timing: Timing) -> Percentiles {
        self.total.get(timing).map(Percentiles::of).unwrap_or_default()
    }

    /// All that was taken so far.
    pub fn totals(&self) -> &Histograms {
        &self.total
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

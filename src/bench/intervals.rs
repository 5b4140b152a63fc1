//! How a run went over time: equal intervals by due time.

use hdrhistogram::Histogram;

use super::Interval;

/// Intervals over a run: enough for a plot, few enough to read.
pub const INTERVALS: u64 = 150;

/// Longest time told apart in an interval, ns: an hour, as everywhere in the benchmark.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Two digits: 1 %, and 36 KiB an interval that has samples.
const DIGITS: u8 = 2;

/// The intervals of one run, being filled.
#[derive(Clone, Debug)]
pub struct Intervals {
    length_ns: u64,
    rows: Vec<(Interval, Option<Histogram<u64>>)>,
}

impl Intervals {
    /// Over a run whose last datagram is due at `end_ns`.
    pub fn over(end_ns: u64) -> Self {
        let length_ns = (end_ns / INTERVALS) + 1;
        let starts = (0..=end_ns / length_ns).map(|nth| nth * length_ns);
        Self { length_ns, rows: starts.map(|start_ns| (Interval { start_ns, length_ns, ..Interval::default() }, None)).collect() }
    }

    /// What came behind the end belongs to the last one.
    fn row(&mut self, at_ns: u64) -> Option<&mut (Interval, Option<Histogram<u64>>)> {
        let last = self.rows.len().saturating_sub(1);
        self.rows.get_mut(usize::try_from(at_ns / self.length_ns).unwrap_or(last).min(last))
    }

    /// A datagram that was due at `due_ns` took so long, by the headline measure.
    pub fn record(&mut self, due_ns: u64, ns: u64) {
        if let Some((_, histogram)) = self.row(due_ns) {
            histogram.get_or_insert_with(empty).saturating_record(ns.max(1));
        }
    }

    /// A datagram that was due at `due_ns` went, with so many messages.
    pub fn sent(&mut self, due_ns: u64, messages: u64) {
        if let Some((interval, _)) = self.row(due_ns) {
            interval.datagrams += 1;
            interval.messages += messages;
        }
    }

    /// So many datagrams were received at `at_ns`. What was due in the last interval may be received one later, and counts there; what was received
    /// behind that is in none.
    pub fn received(&mut self, at_ns: u64, datagrams: u64) {
        if at_ns < (self.rows.len() as u64 + 1) * self.length_ns
            && let Some((interval, _)) = self.row(at_ns)
        {
            interval.received += datagrams;
        }
    }

    /// A gap was seen.
    pub fn gap(&mut self, at_ns: u64) {
        if let Some((interval, _)) = self.row(at_ns) {
            interval.gaps += 1;
        }
    }

    /// All of them that began before `end_ns`, in order.
    pub fn finish(self, end_ns: u64) -> Vec<Interval> {
        let rows = self.rows.into_iter().filter(|(interval, _)| interval.start_ns <= end_ns);
        rows.map(|(interval, histogram)| match histogram {
            None => interval,
            Some(histogram) => Interval {
                count: histogram.len(),
                p50_ns: histogram.value_at_quantile(0.5),
                p99_ns: histogram.value_at_quantile(0.99),
                max_ns: histogram.max(),
                ..interval
            },
        })
        .collect()
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("1 ns to an hour in two digits are valid bounds")
}

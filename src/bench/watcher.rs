//! The benchmark's consumer: reads a publication as any consumer would, and joins what was sampled with when it was due and when it was read.
//!
//! ```text
//!  first data ring ── record by record ──▶ marks: (position, my stamp) ──┐
//!  latency ring ───── samples ──▶ waiting ──▶ joined with ◀── due times ◀─┘──▶ measures, intervals
//! ```
//!
//! - It waits for nothing and is waited for by nobody: a [`Watcher::turn`] reads what there is and takes one stamp behind it.
//! - Samples are joined a few at a time, and in turns in which no data came, so that joining does not keep it from reading.
//! - End-to-end times are those of samples whose stages were not stamped, because stamping slows the datagram; only where every sample
//!   was stamped are they of those.
//! - Warm-up (datagrams due before a given time) is in no histogram, only in the intervals. What cannot be joined is counted.

use std::collections::VecDeque;
use std::sync::Arc;

use super::due::{DueHints, Dues};
use super::intervals::Intervals;
use super::ring_reader::{RingReader, Told, first_data_ring, latency_ring};
use super::seen::{Place, Seen, SeenMarks};
use super::{Interval, Measure, Measures};
use crate::error::Error;
use crate::record::Latency;
use crate::shm::Publication;
use crate::time::Clock;

/// Records read before the stamp is taken: one batch of full datagrams and a little more, so that a consumer that is behind stamps what it
/// has read about every 10 µs.
const RECORDS_A_TURN: usize = 2048;
/// Samples that wait for the consumer to come so far, or for the start to be known, at most; what is older is given up as unmatched.
const MOST_WAITING: usize = 1 << 16;
/// Samples joined in a turn in which nothing came: a join takes some 200 ns, and meanwhile nobody reads.
const JOINS_WHEN_IDLE: usize = 4;
/// When so many are waiting, some are joined in every turn.
const MANY_WAITING: usize = 1 << 10;
/// How many then.
const JOINS_WHEN_MANY: usize = 16;
/// How far clocks of two processes may be apart, ns, when a number that occurs more than once is told by its time: far more than they are,
/// far less than it takes a session to restart.
const CLOCK_SLACK_NS: u64 = 1_000_000;

/// Turns at the end, at most: more records than the deepest ring that is usual.
const LAST_TURNS: usize = 4096;

/// What a watcher is told beforehand.
#[derive(Clone, Debug)]
pub struct WatcherConfig {
    /// When what is sampled was due.
    pub dues: Arc<Dues>,
    /// The publication's channels as the workload numbers them, by index; empty: the same.
    pub channels: Vec<u16>,
    /// When the last datagram is due, ns from the start.
    pub end_ns: u64,
    /// Datagrams that are due before, ns from the start, are warm-up.
    pub warm_up_ns: u64,
    /// What the intervals are of.
    pub headline: Measure,
    /// The consumer takes so much longer over what it reads in a turn, ns: a delay put in on purpose.
    pub delay_ns: u64,
}

/// What a watcher has seen.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// DueToReceived, DueToPublished, DueToSeen, ReceivedToPublished and PublishedToSeen of the samples; the stages of those that were
    /// stamped.
    pub measures: Measures,
    /// The headline over time, warm-up included; empty where nothing is due.
    pub intervals: Vec<Interval>,
    /// Sampled datagrams.
    pub sampled: u64,
    /// Those that were joined with all there is to join: a due time where there are any, and the consumer's own stamp.
    pub matched: u64,
    /// Those that were not.
    pub unmatched: u64,
    /// Those that were warm-up.
    pub warm_up: u64,
    /// Samples behind the warm-up that are in no time that ends with being seen, and should be; those lost with the `latency` ring included.
    pub unseen: u64,
    /// Those of them that are in no time at all.
    pub unfollowed: u64,
    /// Samples that are in the intervals' [`Interval::received`], or were received behind the last one.
    pub received: u64,
    /// Records the consumer was too slow for, in both rings.
    pub lapped: u64,
    /// Records and control records that it read of the first data ring.
    pub read: u64,
    /// Gaps that the publication told.
    pub gaps: u64,
}

/// Measures and intervals of one kind of samples.
struct Kept {
    measures: Measures,
    intervals: Intervals,
    samples: u64,
    received: u64,
    unseen: u64,
    unfollowed: u64,
}

/// A consumer of one publication.
pub struct Watcher {
    data: Box<dyn RingReader>,
    /// `None`: nothing is sampled, and it only reads.
    latency: Option<Box<dyn RingReader>>,
    clock: Clock,
    config: WatcherConfig,
    start_ns: Option<u64>,
    seen: SeenMarks,
    told: Told,
    waiting: VecDeque<(u64, Latency)>,
    /// Samples that were lost with their ring.
    unread: u64,
    hints: DueHints,
    /// End-to-end times of samples that were not stamped, and of those that were.
    plain: Kept,
    stamped: Kept,
    counts: Watched,
}

impl Watcher {
    /// Opens the publication's first data ring and its `latency` ring, both from now on. `clock` is the sender's and the lane's. Without a
    /// `latency` ring nothing is sampled: then it is a consumer, and counts what it was too slow for, but measures nothing.
    ///
    /// Errors: the publication has no data ring.
    pub fn open(publication: &Publication, clock: Clock, config: WatcherConfig) -> Result<Self, Error> {
        // In this order: whatever is sampled later is behind where the data is read from.
        let data = first_data_ring(publication)?;
        let latency = latency_ring(publication)?;
        let kept = || Kept {
            measures: Measures::new(),
            intervals: Intervals::over(config.end_ns),
            samples: 0,
            received: 0,
            unseen: 0,
            unfollowed: 0,
        };
        Ok(Self {
            seen: SeenMarks::behind(data.place()),
            data,
            latency,
            clock,
            start_ns: None,
            told: Told { samples: Vec::with_capacity(RECORDS_A_TURN), ..Told::default() },
            waiting: VecDeque::with_capacity(MOST_WAITING),
            unread: 0,
            hints: DueHints::default(),
            plain: kept(),
            stamped: kept(),
            counts: Watched::default(),
            config,
        })
    }

    /// Says when the first datagram is due, ns since 1970 UTC. Samples that come before this is said wait for it.
    pub fn start_at(&mut self, start_ns: u64) {
        self.start_ns = Some(start_ns);
    }

    /// Reads what there is, up to some thousand records, and says whether anything came. Never waits.
    ///
    /// Errors: the memory is not what a writer of ours leaves, or a new epoch cannot be read.
    pub fn turn(&mut self) -> Result<bool, Error> {
        let came = self.read_data()?;
        let lapped = self.told.lapped;
        let sampled = self.latency.as_mut().map_or(Ok(false), |latency| latency.read(RECORDS_A_TURN, &mut self.told))?;
        // Of samples that were passed over nobody knows when they were due: they are in no time.
        self.unread += self.told.lapped - lapped;
        self.told.passed = None;
        self.waiting.extend(self.told.samples.drain(..));
        self.join_waiting(match self.waiting.len() {
            // Before any has to be given up: as many as can have come.
            waiting if waiting > MOST_WAITING / 4 => RECORDS_A_TURN,
            waiting if waiting > MANY_WAITING => JOINS_WHEN_MANY,
            _ if came => 0,
            _ => JOINS_WHEN_IDLE,
        });
        Ok(came || sampled)
    }

    /// Whether the writer is gone, by its own word or without one, and all it left was read.
    pub fn has_ended(&self) -> bool {
        self.data.has_ended() && self.latency.as_ref().is_none_or(|latency| latency.has_ended())
    }

    /// What was seen. Reads what is still there first, but does not wait for a writer that goes on.
    pub fn finish(mut self) -> Result<Watched, Error> {
        let mut turns = 0;
        while self.turn()? && turns < LAST_TURNS {
            turns += 1;
        }
        self.join_waiting(usize::MAX);
        while let Some((_, sample)) = self.waiting.pop_front() {
            self.give_up(&sample);
        }
        let Self { plain, stamped, told, config, unread, mut counts, .. } = self;
        counts.sampled += unread;
        counts.unmatched += unread;
        let (mut kept, other) = if plain.samples > 0 { (plain, stamped) } else { (stamped, plain) };
        (counts.unseen, counts.unfollowed, counts.received) = (kept.unseen + unread, kept.unfollowed + unread, kept.received);
        for stage in Measure::PARTS {
            // Only stamped samples have stages, so one of the two is empty.
            let _ = kept.measures.get_mut(stage).add(other.measures.get(stage));
        }
        if let Some(start_ns) = self.start_ns {
            told.gaps_ns.iter().for_each(|at_ns| kept.intervals.gap(at_ns.saturating_sub(start_ns)));
        }
        counts.gaps = told.gaps_ns.len() as u64;
        (counts.lapped, counts.read) = (told.lapped, told.read);
        counts.measures = kept.measures;
        counts.intervals = if config.dues.is_paced() { kept.intervals.finish(config.end_ns) } else { Vec::new() };
        Ok(counts)
    }

    fn read_data(&mut self) -> Result<bool, Error> {
        let came = self.data.read(RECORDS_A_TURN, &mut self.told)?;
        if !came {
            return Ok(false);
        }
        let mut now_ns = self.clock.now_ns();
        if self.config.delay_ns > 0 {
            let until_ns = now_ns.saturating_add(self.config.delay_ns);
            while now_ns < until_ns {
                std::hint::spin_loop();
                now_ns = self.clock.now_ns();
            }
            // The rest of the same batch, which came meanwhile: it is not to wait a second time.
            if self.told.passed.is_none() {
                self.data.read(RECORDS_A_TURN, &mut self.told)?;
            }
        }
        // What was read before something else happened, then what was passed over, then what came behind it.
        if let Some((read, lost)) = self.told.passed.take() {
            self.seen.read(read, now_ns);
            self.seen.lost(lost);
        }
        self.seen.read(self.data.place(), now_ns);
        Ok(true)
    }

    /// Joins up to `most` of those that wait, as far as the consumer has come.
    fn join_waiting(&mut self, most: usize) {
        for _ in 0..most {
            let (Some(start_ns), Some(&(epoch, sample))) = (self.start_ns, self.waiting.front()) else { break };
            let place = Place { epoch, position: sample.position };
            let seen = if sample.rtype == self.data.rtype() { self.seen.when(place) } else { Seen::Never };
            if seen == Seen::NotYet {
                break;
            }
            self.waiting.pop_front();
            self.join(start_ns, &sample, seen);
        }
        // One that claims a position nobody ever wrote must not keep all others waiting.
        while self.waiting.len() > MOST_WAITING / 2 {
            if let Some((_, sample)) = self.waiting.pop_front() {
                self.give_up(&sample);
            }
        }
    }

    fn kept(&mut self, sample: &Latency) -> &mut Kept {
        if sample.stamped == 1 { &mut self.stamped } else { &mut self.plain }
    }

    /// Nothing can be said of it.
    fn give_up(&mut self, sample: &Latency) {
        self.counts.sampled += 1;
        self.counts.unmatched += 1;
        let kept = self.kept(sample);
        kept.unseen += 1;
        kept.unfollowed += 1;
    }

    fn join(&mut self, start_ns: u64, sample: &Latency, seen: Seen) {
        let Some(due_ns) = self.due_ns(start_ns, sample) else { return self.give_up(sample) };
        self.counts.sampled += 1;
        let seen_ns = match seen {
            Seen::At(at_ns) => {
                self.counts.matched += 1;
                Some(at_ns)
            }
            _ => {
                self.counts.unmatched += 1;
                None
            }
        };
        let kept = if sample.stamped == 1 { &mut self.stamped } else { &mut self.plain };
        kept.received += 1;
        kept.intervals.received(sample.ts_recv.saturating_sub(start_ns), 1);
        let since_start_ns = due_ns.unwrap_or(0);
        let due_at_ns = start_ns.saturating_add(since_start_ns);
        // What was due is known only on a schedule; what was seen only if the consumer was quick enough.
        let from_due = |to_ns: u64| due_ns.map(|_| to_ns.saturating_sub(due_at_ns));
        let times = [
            (Measure::DueToReceived, from_due(sample.ts_recv)),
            (Measure::DueToPublished, from_due(sample.ts_publish)),
            (Measure::DueToSeen, seen_ns.and_then(from_due)),
            (Measure::ReceivedToPublished, Some(sample.ts_publish.saturating_sub(sample.ts_recv))),
            (Measure::PublishedToSeen, seen_ns.map(|seen_ns| seen_ns.saturating_sub(sample.ts_publish))),
        ];
        let headline = times.iter().find(|(measure, _)| *measure == self.config.headline).and_then(|(_, ns)| *ns);
        if let Some(ns) = headline {
            kept.intervals.record(since_start_ns, ns);
        }
        if due_ns.is_some_and(|due_ns| due_ns < self.config.warm_up_ns) {
            self.counts.warm_up += 1;
            return;
        }
        kept.samples += 1;
        kept.unseen += u64::from(seen_ns.is_none());
        for (measure, ns) in times {
            if let Some(ns) = ns {
                kept.measures.record(measure, ns);
            }
        }
        if sample.stamped == 1 {
            let stages = [sample.receive_ns, sample.arbitrate_ns, sample.decode_ns, sample.book_ns, sample.publish_ns];
            for (stage, ns) in Measure::STAGES.into_iter().zip(stages) {
                kept.measures.record(stage, u64::from(ns));
            }
            let worked_ns: u64 = stages.into_iter().map(u64::from).sum();
            kept.measures.record(Measure::BatchEnd, sample.ts_publish.saturating_sub(sample.ts_recv).saturating_sub(worked_ns));
        }
    }

    /// When it was due, ns from the start: `Some(None)` where nothing is due, `None` if it should have been and is not known.
    fn due_ns(&mut self, start_ns: u64, sample: &Latency) -> Option<Option<u64>> {
        if !self.config.dues.is_paced() {
            return Some(None);
        }
        let channel = match self.config.channels.as_slice() {
            [] => sample.channel,
            channels => *channels.get(usize::from(sample.channel))?,
        };
        let until_ns = sample.ts_recv.saturating_add(CLOCK_SLACK_NS).checked_sub(start_ns)?;
        self.config.dues.find(channel, sample.sequence, until_ns, &mut self.hints).map(Some)
    }
}

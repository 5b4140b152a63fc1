//! A lane's life in process: brought up as the service does it, on its own pinned thread, with a source of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use super::source::PacedSource;
use super::taken::Taken;
use super::{InProcessConfig, pin};
use crate::bench::Counts;
use crate::bench::workload::Workload;
use crate::channel::{Channel, ChannelConfig};
use crate::error::{Error, Exit};
use crate::feed::arbiter::ArbiterConfig;
use crate::feed::venue_time::VenueDate;
use crate::journal::Journal;
use crate::lane::latency::{Histograms, LatencyReader, LatencyRecorder, latency, latency_and_stages};
use crate::lane::{Lane, LaneChannel, LaneShared, Route};
use crate::record::Schema;
use crate::shm::{Publication, PublicationSpec, Publisher, Spare};
use crate::source::SourceError;
use crate::sys::signals;
use crate::time::Clock;
use crate::topology::Topology;

/// What a lane's thread needs.
pub(super) struct LaneLife<'a> {
    pub config: &'a InProcessConfig,
    pub spec: &'a PublicationSpec,
    pub core: usize,
    pub topology: &'a Topology,
    pub clock: Clock,
    pub shared: Arc<LaneShared>,
    pub done: Arc<AtomicU64>,
}

/// What is left of a lane.
pub(super) struct LaneEnd {
    pub taken: Taken,
    /// What the pipeline counted.
    pub counts: Counts,
    /// Its own histograms, warm-up left out.
    pub latency: Histograms,
    /// When it was stopped; `None`: it came to its end.
    pub stopped_ns: Option<u64>,
    pub remarks: Vec<String>,
}

impl LaneLife<'_> {
    /// From its coming up, which it tells with what prepares the next epoch's file, to its end. `ready` is held as long as it lives. If
    /// nobody says when to start it ends at once.
    pub fn run(self, ready: &Sender<Spare>, start: &Receiver<u64>) -> Result<LaneEnd, Error> {
        signals::keep_away_from_this_thread();
        pin(self.core, "lane")?;
        let mut remarks = Vec::new();
        if let Err(why) = self.topology.prefer_memory_near(self.core) {
            remarks.push(why);
        }
        let publisher = Publisher::create(self.spec)?;
        let spare = publisher.spare();
        // Of the warm-up, and of what counts.
        let ((warming, _), (recorder, mut reader)) = (self.recorder(), self.recorder());
        let (routes, channels) = self.channels();
        let mut lane = Lane::new(routes, channels, vec![publisher], self.clock.clone(), warming, self.shared.clone(), Duration::ZERO)
            .with_sampling(&self.config.sampling);
        let InProcessConfig { workload, schedule, stall, warm_up_ns, .. } = self.config;
        let mut source = PacedSource::new(workload.clone(), schedule.clone(), self.clock.clone(), *stall, self.done.clone());
        let warm_up =
            (0..workload.packets.len()).take_while(|&nth| schedule.due_ns(nth).is_some_and(|due_ns| due_ns < *warm_up_ns)).count();
        let _ = ready.send(spare);
        if let Ok(start_ns) = start.recv() {
            source.start(start_ns);
            source.go_on_until(warm_up);
            lane.run(&mut source).map_err(broken)?;
            lane.latency = recorder;
            if !self.shared.stop.load(Ordering::Relaxed) {
                source.go_on_until(workload.packets.len());
                lane.run(&mut source).map_err(broken)?;
            }
        }
        let ended_ns = self.clock.now_ns();
        lane.finish(&source);
        reader.take();
        let [publisher] = lane.publications.try_into().map_err(|_| super::broken("the lane"))?;
        if let Some(failure) = publisher.failure() {
            return Err(Error::new(Exit::Failed, "the benchmark's publication", failure, ""));
        }
        let counts = self.counts(&publisher)?;
        publisher.close(false);
        let stopped = self.shared.stop.load(Ordering::Relaxed) && source.taken.datagrams() < workload.packets.len();
        Ok(LaneEnd { taken: source.taken, counts, latency: reader.totals().clone(), stopped_ns: stopped.then_some(ended_ns), remarks })
    }

    fn recorder(&self) -> (LatencyRecorder, LatencyReader) {
        if self.config.sampling.stages_every > 0 { latency_and_stages() } else { latency() }
    }

    fn channels(&self) -> (Vec<Route>, Vec<LaneChannel>) {
        let workload: &Workload = &self.config.workload;
        let mut lines = vec![0_u8; workload.channel_count()];
        let mut route = |&channel: &u16| {
            let line = lines.get_mut(usize::from(channel)).map_or(0, |lines| std::mem::replace(lines, *lines + 1));
            Route { channel, line }
        };
        let routes: Vec<Route> = workload.channels.iter().map(&mut route).collect();
        // Receive times are today's, but the venue's times are of the day that was recorded.
        let recorded_ns = workload.packets.first().map_or(0, |packet| packet.recorded_ns);
        let midnight_ns = workload.midnight_ns.or_else(|| VenueDate::at(recorded_ns).and_then(VenueDate::midnight_ns).ok());
        let channel = |(index, &lines): (usize, &u8)| {
            let config = ChannelConfig {
                feed: workload.feed,
                index: index as u16,
                arbiter: ArbiterConfig { lines: usize::from(lines), ..ArbiterConfig::default() },
                capacity: self.config.capacity,
                midnight_ns,
                bad_ts_recv: false,
            };
            LaneChannel { channel: Channel::new(&config, Journal::new(1)), publication: 0 }
        };
        let channels = lines.iter().enumerate().map(channel).collect();
        (routes, channels)
    }

    /// From the counters that any reader sees, and from what was published.
    fn counts(&self, publisher: &Publisher) -> Result<Counts, Error> {
        let publication = Publication::open(&self.spec.dir, &self.spec.name)?;
        let mut counts = Counts::of_counters(&publication.counters());
        let data = Schema::ALL.into_iter().filter(|&schema| schema != Schema::Latency);
        counts.records = data.map(|schema| publisher.records(schema)).sum();
        Ok(counts)
    }
}

/// Memory cannot fail; if it does it says why.
fn broken(error: SourceError) -> Error {
    Error::new(Exit::Failed, error.what, error.why, error.cure)
}

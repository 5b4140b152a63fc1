//! Bringing a lane up: on its own pinned thread, so that its memory lies on its own node.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::{CameUp, Ended, Ready, report};
use crate::channel::Channel;
use crate::config::{HugePages, UdpEngine, ZeroCopy};
use crate::error::{Error, Exit};
use crate::journal::Journal;
use crate::lane::latency::LatencyRecorder;
use crate::lane::{Lane, LaneChannel, LaneShared, Route, Sampling};
use crate::plan::{LanePlan, LinePlan, QueuePlan, SourcePlan};
use crate::shm::Publisher;
use crate::source::lines::{LineKey, Lines};
use crate::source::udp::{Engine, EngineInUse, UdpConfig, UdpLine, UdpSource};
use crate::source::xdp::{BusyPoll, CopyMode, HugePages as UmemPages, Pages, SharedSteering, XdpConfig, XdpQueue, XdpSource};
use crate::source::{Event, Source, SourceError};
use crate::sys::{affinity, numa, signals};
use crate::time::Clock;

/// Between attempts to reopen a source that failed as a whole.
const REOPEN_AFTER: Duration = Duration::from_millis(250);
/// How long a queue is waited for that a predecessor still holds: it does for a while after its death, at every restart.
const BIND_PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn host(error: SourceError) -> Error {
    let exit = if error.is_taken() { Exit::Busy } else { Exit::Host };
    Error::new(exit, error.what, error.why, error.cure)
}

/// All that a lane's thread needs to come up.
pub(super) struct Opening {
    pub(super) plan: LanePlan,
    pub(super) steering: Vec<(String, SharedSteering)>,
    pub(super) clock: Clock,
    /// Taken when the lane is made.
    pub(super) recorder: Option<LatencyRecorder>,
    pub(super) shared: Arc<LaneShared>,
    pub(super) journals: Vec<Journal>,
}

impl Opening {
    /// The lane's life, on its own thread.
    pub(super) fn run(self, ready: &Sender<CameUp>) -> Result<Ended, Error> {
        let mut remarks = Vec::new();
        signals::keep_away_from_this_thread();
        affinity::pin_to(self.plan.core as usize).map_err(|error| {
            let cure = "run `tickwire check`, and let the service use the core (AllowedCPUs, CPUAffinity, cpuset)";
            Error::new(Exit::Host, format!("lane {}: cannot be pinned to core {}", self.plan.name, self.plan.core), error, cure)
        })?;
        if let Err(error) = numa::prefer_node(self.plan.node as usize) {
            remarks.push(format!("memory is not bound to NUMA node {}: {error}", self.plan.node));
        }
        match &self.plan.source {
            SourcePlan::Xdp { .. } => self.live(ready, remarks, Self::open_xdp),
            SourcePlan::Udp { .. } => self.live(ready, remarks, Self::open_udp),
        }
    }

    fn live<S: Source>(
        mut self,
        ready: &Sender<CameUp>,
        mut remarks: Vec<String>,
        open: impl Fn(&Self, Duration, &mut Vec<String>) -> Result<S, SourceError>,
    ) -> Result<Ended, Error> {
        let mut publications = Vec::new();
        for spec in &self.plan.publications {
            let publisher = Publisher::create(spec)?;
            remarks.push(format!("publication {}: epoch {} in {}", spec.name, publisher.epoch(), publisher.path().display()));
            publications.push(publisher);
        }
        let mut routes = Vec::new();
        let mut channels = Vec::new();
        for (index, (planned, journal)) in self.plan.channels.iter().zip(&self.journals).enumerate() {
            routes.extend((0..planned.lines.len()).map(|line| Route { channel: index as u16, line: line as u8 }));
            let channel = Channel::new(&planned.config, journal.clone());
            // Whoever is slow for want of huge pages should not have to guess.
            remarks.push(format!("channel {}: books of {}", planned.name, channel.composer().books().on_huge_pages()));
            channels.push(LaneChannel { channel, publication: planned.publication });
        }
        let mut source = open(&self, BIND_PATIENCE, &mut remarks).map_err(host)?;
        let spares = publications.iter().map(Publisher::spare).collect();
        let mut lane = Lane::new(
            routes,
            channels,
            publications,
            self.clock.clone(),
            self.recorder.take().unwrap_or_else(|| crate::lane::latency::latency().0),
            self.shared.clone(),
            Duration::from_micros(self.plan.idle_sleep_us),
        )
        .with_sampling(&Sampling {
            latency_every: self.plan.latency_every,
            stages_every: self.plan.stages_every,
            ..Sampling::default()
        });
        let _ = ready.send((self.plan.name.clone(), Some(Ready { spares, remarks })));
        let part = format!("lane {}", self.plan.name);
        while let Err(error) = lane.run(&mut source) {
            lane.shared.events.push(Event { part: part.clone(), lost: Some(error) });
            lane.leave(&source);
            // Closed first: a queue has one owner.
            drop(source);
            // Without patience: the lane must not look stuck, and tries again anyway.
            let Some(reopened) = reopen(&mut lane, &part, || open(&self, Duration::ZERO, &mut Vec::new())) else {
                lane.finish_without_source();
                return ended(lane, &self.plan);
            };
            source = reopened;
            lane.shared.events.push(Event { part: part.clone(), lost: None });
        }
        lane.finish(&source);
        ended(lane, &self.plan)
    }

    fn open_xdp(&self, bind_patience: Duration, remarks: &mut Vec<String>) -> Result<XdpSource, SourceError> {
        let SourcePlan::Xdp { queues, settings } = &self.plan.source else { return Err(other_kind()) };
        let config = XdpConfig {
            chunks: *settings.frames.get_ref(),
            chunk_bytes: *settings.frame_bytes.get_ref(),
            huge_pages: match settings.huge_pages {
                HugePages::Try => UmemPages::Prefer,
                HugePages::Require => UmemPages::Require,
                HugePages::Off => UmemPages::Off,
            },
            copy_mode: match settings.zero_copy {
                ZeroCopy::Auto => CopyMode::Automatic,
                ZeroCopy::Require => CopyMode::ZeroCopy,
                ZeroCopy::Off => CopyMode::Copy,
            },
            busy_poll: settings.prefer_busy_poll.then_some(BusyPoll { poll_us: 20, budget: 64 }),
            bind_patience,
            ..XdpConfig::default()
        };
        let lines = Lines::new(&self.keys());
        let queue = |queue: &QueuePlan| {
            let (_, steering) = self.steering.iter().find(|(name, _)| *name == queue.interface).ok_or_else(other_kind)?;
            Ok(XdpQueue { steering: steering.clone(), queue: queue.queue, lines: lines.clone() })
        };
        let queues = queues.iter().map(queue).collect::<Result<Vec<_>, SourceError>>()?;
        let source = XdpSource::open(&config, queues, self.clock.clone())?;
        for mode in source.mode() {
            let copy = if mode.zero_copy { "zero-copy" } else { "copy mode" };
            let pages = match mode.pages {
                Pages::Small => "ordinary pages",
                Pages::Huge => "2 MiB pages",
                Pages::SmallForWantOfHuge => "ordinary pages (no huge pages are free: `sysctl vm.nr_hugepages`)",
            };
            remarks.push(format!("{} queue {}: AF_XDP, {copy}, {pages}", mode.interface, mode.queue));
        }
        Ok(source)
    }

    fn open_udp(&self, _bind_patience: Duration, remarks: &mut Vec<String>) -> Result<UdpSource, SourceError> {
        let SourcePlan::Udp { settings } = &self.plan.source else { return Err(other_kind()) };
        let line = |(at, line): (usize, &LinePlan)| UdpLine {
            line: at as u16,
            group: line.key.group,
            port: line.key.port,
            interface: Some(line.interface.clone()),
        };
        let lines = self.lines().enumerate().map(line).collect();
        let config = UdpConfig {
            lines,
            engine: match settings.engine {
                _ if *settings.block.get_ref() => Engine::Blocking,
                UdpEngine::Auto => Engine::Automatic,
                UdpEngine::IoUring => Engine::IoUring,
                UdpEngine::Recvmmsg => Engine::Recvmmsg,
            },
            receive_buffer_bytes: settings.receive_buffer_bytes,
            ..UdpConfig::default()
        };
        let source = UdpSource::open(config, self.clock.clone())?;
        remarks.push(match source.engine() {
            EngineInUse::IoUring => "UDP sockets, received by io_uring".to_owned(),
            EngineInUse::Blocking => "UDP sockets, received by recvmmsg, waiting in the kernel when nothing is there".to_owned(),
            EngineInUse::Recvmmsg { fallback: None } => "UDP sockets, received by recvmmsg".to_owned(),
            EngineInUse::Recvmmsg { fallback: Some(why) } => {
                format!("UDP sockets, received by recvmmsg because io_uring is refused: {why}")
            }
        });
        Ok(source)
    }

    fn lines(&self) -> impl Iterator<Item = &LinePlan> {
        self.plan.channels.iter().flat_map(|channel| &channel.lines)
    }

    /// In the order of the lane's routes: the position is the line index.
    fn keys(&self) -> Vec<LineKey> {
        self.lines().map(|line| line.key).collect()
    }
}

fn other_kind() -> SourceError {
    SourceError {
        what: "opening a source".into(),
        why: "the plan names another kind".into(),
        cure: "this is a fault of the program".into(),
    }
}

/// Tries until it opens, keeping the lane's timers and heartbeat going; `None` if told to stop meanwhile.
fn reopen<S>(lane: &mut Lane, part: &str, mut open: impl FnMut() -> Result<S, SourceError>) -> Option<S> {
    let mut told = String::new();
    loop {
        match open() {
            Ok(source) => return Some(source),
            Err(error) if error.why != told => {
                told.clone_from(&error.why);
                lane.shared.events.push(Event { part: part.to_owned(), lost: Some(error) });
            }
            Err(_) => {}
        }
        let until_ns = lane.clock.now_ns().saturating_add(REOPEN_AFTER.as_nanos() as u64);
        while lane.clock.now_ns() < until_ns {
            if lane.shared.stop.load(Ordering::Relaxed) {
                return None;
            }
            lane.timers(lane.clock.now_ns());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What is left to do with a finished lane: totals are taken, files removed.
fn ended(lane: Lane, plan: &LanePlan) -> Result<Ended, Error> {
    let failure = lane.publications.iter().find_map(Publisher::failure);
    let outcome = failure.map_or(Ok(()), |failure| Err(Error::new(Exit::Failed, format!("lane {}", plan.name), failure, "")));
    let channels = plan.channels.iter().zip(&lane.channels);
    let totals = channels.map(|(planned, channel)| (planned.name.clone(), report::Totals::of(&channel.channel))).collect();
    let (frames, drops) = lane.received();
    let received = report::received(frames, drops);
    let mut published = Vec::new();
    for publisher in lane.publications {
        published.push((publisher.path().display().to_string(), report::records(&publisher)));
        publisher.close(false);
    }
    outcome.map(|()| Ended { totals, received, published })
}

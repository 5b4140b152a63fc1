//! Bringing a lane up: on its own pinned thread, so that its memory lies on its own node.
//!
//! Order (each step has its reason in the kernel): load the steering programs, open the sockets of all lanes, register them, and only
//! then attach the programs; a program attached earlier would let datagrams through to the kernel unseen.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::{Ended, Ready, report};
use crate::channel::Channel;
use crate::config::{HugePages, UdpEngine, XdpMode, ZeroCopy};
use crate::error::{Error, Exit};
use crate::journal::Journal;
use crate::lane::latency::LatencyRecorder;
use crate::lane::{Lane, LaneChannel, LaneShared, Route};
use crate::plan::{LanePlan, LinePlan, Plan, QueuePlan, SourcePlan};
use crate::shm::Publisher;
use crate::source::lines::{LineKey, Lines};
use crate::source::multicast::Joins;
use crate::source::udp::{Engine, EngineInUse, UdpConfig, UdpLine, UdpSource};
use crate::source::xdp::{
    AttachMode, BusyPoll, CopyMode, HugePages as UmemPages, Interface, Pages, SharedSteering, SteeredLine, Steering, XdpConfig, XdpQueue,
    XdpSource,
};
use crate::source::{Source, SourceError};
use crate::sys::{affinity, numa, signals};
use crate::time::Clock;

/// Between attempts to reopen a source that failed.
const REOPEN_AFTER: Duration = Duration::from_millis(500);

/// The steering programs of all interfaces, and the multicast joins held for them.
pub(super) struct Steerings {
    by_interface: Vec<(String, SharedSteering)>,
    modes: Vec<(String, AttachMode, bool)>,
    joined: Vec<Joins>,
}

impl Steerings {
    /// Loads a program for every interface that AF_XDP lanes use.
    pub(super) fn load(plan: &Plan) -> Result<Self, Error> {
        let mut by_interface = Vec::new();
        for (name, lines) in plan.steered() {
            let interface = Interface::find(&name).map_err(host)?;
            let lines: Vec<SteeredLine> = lines.into_iter().map(steered).collect();
            let steering = Steering::load(&interface, &lines).map_err(host)?;
            by_interface.push((name, SharedSteering::new(steering)));
        }
        let modes = by_interface.iter().map(|(name, _)| mode_of(plan, name)).collect();
        Ok(Self { by_interface, modes, joined: Vec::new() })
    }

    /// Those of one lane's interfaces.
    pub(super) fn of(&self, lane: &LanePlan) -> Vec<(String, SharedSteering)> {
        let SourcePlan::Xdp { queues, .. } = &lane.source else { return Vec::new() };
        let mine = |name: &str| queues.iter().any(|queue| queue.interface == name);
        self.by_interface.iter().filter(|(name, _)| mine(name)).cloned().collect()
    }

    /// Attaches every program and joins every group. All sockets are registered by now.
    pub(super) fn attach(&mut self, plan: &Plan) -> Result<Vec<String>, Error> {
        let mut remarks = Vec::new();
        for ((name, steering), (_, mode, pinned)) in self.by_interface.iter().zip(&self.modes) {
            let attached = steering.lock().attach(*mode, *pinned).map_err(host)?;
            let how = if attached.native { "native (in the driver)" } else { "generic" };
            let note = attached.note.map_or(String::new(), |note| format!(": {note}"));
            remarks.push(format!("{name}: program attached, {how}{note}"));
        }
        for (name, lines) in plan.steered() {
            let groups: Vec<_> = lines.iter().map(|line| line.key.group).collect();
            self.joined.push(Joins::hold(&name, &groups).map_err(host)?);
        }
        Ok(remarks)
    }

    /// Attaches again what another tool has removed.
    pub(super) fn keep(&mut self) {
        for ((name, steering), (_, mode, pinned)) in self.by_interface.iter().zip(&self.modes) {
            let mut steering = steering.lock();
            if matches!(steering.attached(), Ok(false)) {
                match steering.attach(*mode, *pinned) {
                    Ok(_) => {
                        tracing::error!("{name}: our program was removed by somebody else; attached again, datagrams were lost meanwhile")
                    }
                    Err(error) => tracing::error!("{name}: our program is not attached: {error}"),
                }
            }
        }
    }
}

fn mode_of(plan: &Plan, name: &str) -> (String, AttachMode, bool) {
    for lane in &plan.lanes {
        if let SourcePlan::Xdp { queues, settings } = &lane.source
            && let Some(queue) = queues.iter().find(|queue| queue.interface == name)
        {
            let mode = match settings.mode {
                XdpMode::Auto => AttachMode::Automatic,
                XdpMode::Native => AttachMode::Native,
                XdpMode::Generic => AttachMode::Generic,
            };
            return (name.to_owned(), mode, queue.flows_pinned);
        }
    }
    (name.to_owned(), AttachMode::Automatic, false)
}

fn steered(line: &LinePlan) -> SteeredLine {
    SteeredLine { group: line.key.group, port: line.key.port, vlan: None, sources: line.from.into_iter().collect() }
}

fn host(error: SourceError) -> Error {
    Error::new(Exit::Host, error.what, error.why, error.cure)
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
    pub(super) fn run(self, ready: &Sender<(String, Ready)>) -> Result<Ended, Error> {
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
        ready: &Sender<(String, Ready)>,
        mut remarks: Vec<String>,
        open: impl Fn(&Self, &mut Vec<String>) -> Result<S, SourceError>,
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
            channels.push(LaneChannel { channel, publication: planned.publication });
        }
        let mut source = open(&self, &mut remarks).map_err(host)?;
        let spares = publications.iter().map(Publisher::spare).collect();
        let mut lane = Lane::new(
            routes,
            channels,
            publications,
            self.clock.clone(),
            self.recorder.take().unwrap_or_else(|| crate::lane::latency::latency().0),
            self.shared.clone(),
            Duration::from_micros(self.plan.idle_sleep_us),
        );
        let name = self.plan.name.clone();
        let _ = ready.send((name.clone(), Ready { spares, remarks }));
        while let Err(error) = lane.run(&mut source) {
            tracing::error!("lane {name}: {error}; opening it again");
            // Closed first: a queue has one owner.
            drop(source);
            source = match reopen(&mut lane, || open(&self, &mut Vec::new())) {
                Some(reopened) => reopened,
                None => return Ok(lane_ended(lane, &self.plan)),
            };
            tracing::info!("lane {name}: receiving again");
        }
        lane.finish(&source);
        Ok(lane_ended(lane, &self.plan))
    }

    fn open_xdp(&self, remarks: &mut Vec<String>) -> Result<XdpSource, SourceError> {
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
                Pages::Small => "4 KiB pages",
                Pages::Huge => "2 MiB pages",
                Pages::SmallForWantOfHuge => "4 KiB pages (no huge pages are free: `sysctl vm.nr_hugepages`)",
            };
            remarks.push(format!("{} queue {}: AF_XDP, {copy}, {pages}", mode.interface, mode.queue));
        }
        Ok(source)
    }

    fn open_udp(&self, remarks: &mut Vec<String>) -> Result<UdpSource, SourceError> {
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
fn reopen<S>(lane: &mut Lane, mut open: impl FnMut() -> Result<S, SourceError>) -> Option<S> {
    let mut last_why = String::new();
    loop {
        match open() {
            Ok(source) => return Some(source),
            Err(error) if error.why != last_why => {
                tracing::warn!("{error}");
                last_why = error.why;
            }
            Err(_) => {}
        }
        let until = std::time::Instant::now() + REOPEN_AFTER;
        while std::time::Instant::now() < until {
            if lane.shared.stop.load(std::sync::atomic::Ordering::Relaxed) {
                return None;
            }
            lane.timers(lane.clock.now_ns());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn lane_ended(lane: Lane, plan: &LanePlan) -> Ended {
    let channels = plan.channels.iter().zip(&lane.channels);
    let totals = channels.map(|(planned, channel)| (planned.name.clone(), report::Totals::of(&channel.channel))).collect();
    for publisher in lane.publications {
        tracing::info!("publication {}: {}", publisher.path().display(), report::records(&publisher));
        publisher.close(false);
    }
    Ended { totals }
}

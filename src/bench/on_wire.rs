//! On the wire: datagrams out of one interface, in at another, through the handler as users run it, to a consumer.
//!
//! ```text
//!  sender's core: schedule ─ due ─▶ frames ─▶ wire ─▶ lane's core, in a process of its own: handler ─▶ rings ─▶ consumer's core: watcher
//! ```
//!
//! - **Everybody reads one clock.** The handler is given the course that sender and watcher keep to, and disciplines nothing meanwhile.
//! - **The samples are the figures.** The lane tells of one datagram in so many, from its receive stamp on; the watcher joins that with when
//!   it was due and when its last record was read. The sender's lateness is of every datagram.
//! - **Nothing is hidden.** What was lost, where, and how the handler really received, is in the round; so is how far apart sender's and
//!   lane's core were before and after.

mod cores;
mod crew;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use cores::{Cores, GivenCores};
pub use wire::Wire;

use self::crew::{Crew, Results, SenderPart, WatcherPart};
use super::apart::Apart;
use super::due::Dues;
use super::folder::MEMORY;
use super::handler::{Configuration, Handler, Launch, Needs, Receive, Setup, Told};
use super::measure::Of;
use super::pingpong::ping_pong_ns;
use super::schedule::Schedule;
use super::sender::{SenderConfig, Via};
use super::watcher::WatcherConfig;
use super::workload::Workload;
use super::{Control, Counts, Interval, Measure, Progress, Round, Runner};
use crate::book::BooksCapacity;
use crate::error::{Error, Exit};
use crate::lane::interval_log::Logged;
use crate::lane::stages::stamp_cost_ns;
use crate::record::Schema;
use crate::shm::Publication;
use crate::time::{Clock, SharedCourse};
use crate::topology::Topology;

/// How often the main thread looks around.
const TURN: Duration = Duration::from_millis(20);
/// From when everything is ready to when the first datagram is due: all threads are spinning by then.
const LEAD_NS: u64 = 20_000_000;
/// A lane shows its counters ten times a second: unchanged for so long, nothing is on its way any more.
const QUIET: Duration = Duration::from_millis(400);
/// A lane that is so far behind will not catch up.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// What is run on the wire, and how. Cloned, for what it is compared with: datagrams, due times and wire are shared.
#[derive(Clone, Debug)]
pub struct OnWireConfig {
    /// What the runner is called.
    pub label: String,
    /// The datagrams.
    pub workload: Arc<Workload>,
    /// When they are due.
    pub schedule: Arc<Schedule>,
    /// The same, to be looked up.
    pub dues: Arc<Dues>,
    /// Where they go.
    pub wire: Arc<Wire>,
    /// The clock of all processes.
    pub course: SharedCourse,
    /// What the handler is configured by.
    pub setup: Setup,
    /// The handler's program.
    pub binary: PathBuf,
    /// In whose memory the handler's directory is made.
    pub memory: PathBuf,
    /// Cores that were asked for.
    pub cores: GivenCores,
    /// How the sender sends: the first of these that works.
    pub ways: Vec<Via>,
    /// How patient the sender is, and what it does on purpose; its warm-up is ours.
    pub sender: SenderConfig,
    /// Datagrams that are due before, ns from the start, are warm-up.
    pub warm_up_ns: u64,
    /// What the intervals are of.
    pub headline: Measure,
    /// The consumer takes so much longer over what it reads, ns: a delay put in on purpose.
    pub seen_delay_ns: u64,
    /// One datagram in so many is sampled.
    pub latency_every: u32,
    /// One datagram in so many has its stages stamped; 0: none.
    pub stages_every: u32,
    /// What is published, unless a file says it; empty: mbo, mbp-1, trades and status, as far as the feed has them.
    pub schemas: Vec<Schema>,
    /// Slots of each ring, unless a file says it; `None`: what the service takes if its configuration leaves that open.
    pub depth: Option<u64>,
    /// Room for instruments, unless a file says it.
    pub instruments: u32,
    /// Room in each channel's books, unless a file says it.
    pub capacity: BooksCapacity,
}

impl OnWireConfig {
    /// With the defaults: AF_XDP by this very program, the service's own sizes, one datagram in 16 told of and one in 64 stamped, no warm-up.
    pub fn new(workload: Arc<Workload>, schedule: Arc<Schedule>, wire: Arc<Wire>, course: SharedCourse) -> Self {
        let headline = if schedule.due_ns(0).is_some() { Measure::DueToSeen } else { Measure::ReceivedToPublished };
        Self {
            label: Receive::Xdp.name().to_owned(),
            dues: Arc::new(Dues::new(&workload, &schedule)),
            workload,
            schedule,
            wire,
            course,
            setup: Setup::Receive(Receive::Xdp),
            // A path through /proc would be of another program in a handler's eyes.
            binary: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tickwire")),
            memory: PathBuf::from(MEMORY),
            cores: GivenCores::default(),
            ways: Via::ALL.to_vec(),
            sender: SenderConfig::default(),
            warm_up_ns: 0,
            headline,
            seen_delay_ns: 0,
            latency_every: 16,
            stages_every: 64,
            schemas: Vec::new(),
            depth: None,
            instruments: 1 << 14,
            capacity: BooksCapacity { instruments: 1 << 16, orders: 3_000_000, levels: 2_000_000 },
        }
    }

    /// The same with another configuration of the handler.
    pub fn with_setup(&self, setup: Setup) -> Self {
        Self { label: setup.label(), setup, ..self.clone() }
    }
}

/// Runs a workload over the wire, as often as it is asked to.
#[derive(Debug)]
pub struct OnWire {
    config: OnWireConfig,
    configuration: Configuration,
    cores: Cores,
    stamp_ns: f64,
    distinct_messages: u64,
    remarks: Vec<String>,
}

impl OnWire {
    /// Checks what can be checked before anything runs, and chooses cores. Call it before the thread is pinned.
    ///
    /// Errors: a workload without datagrams; a configuration that does not take it; cores that this process may not use, or one for two that never sleep.
    pub fn new(config: OnWireConfig) -> Result<Self, Error> {
        if config.workload.packets.is_empty() {
            let what = config.workload.what.clone();
            return Err(Error::new(Exit::Input, what, "there is no datagram in it", "name another recording, or its lines"));
        }
        if let Some(line) = config.workload.lines.iter().find(|line| !line.group.is_multicast()) {
            let why = format!("its line {line} is unicast, and a handler receives multicast groups");
            let cure = "name its multicast lines with --line, or run in process, which takes any";
            return Err(Error::new(Exit::Input, config.workload.what.clone(), why, cure));
        }
        if matches!(config.setup, Setup::Receive(Receive::Xdp | Receive::XdpSkb)) {
            config.wire.admit_xdp()?;
        }
        let needs = Needs {
            interface: config.wire.receiver().to_owned(),
            replace_interfaces: config.wire.is_virtual(),
            latency_every: config.latency_every,
            stages_every: config.stages_every,
            schemas: config.schemas.clone(),
            depth: config.depth,
            instruments: config.instruments,
            capacity: config.capacity,
        };
        let mut configuration = Configuration::new(&config.setup, &config.workload, &needs)?;
        let topology = Topology::load();
        let node = if config.wire.is_virtual() { None } else { topology.node_of_nic(config.wire.receiver()) };
        let given = GivenCores { lane: config.cores.lane.or(configuration.lane_core), ..config.cores };
        let cores = Cores::choose(given, &topology, node, configuration.may_sleep)?;
        configuration.pin_lane_to(cores.lane);
        let mut remarks = configuration.remarks.clone();
        remarks.extend(cores.remark());
        remarks.extend(configuration.by_sockets.then(|| config.wire.source_check()).flatten());
        let stamp_ns = if config.stages_every > 0 { stamp_cost_ns() } else { 0.0 };
        let distinct_messages = config.workload.distinct_messages();
        Ok(Self { config, configuration, cores, stamp_ns, distinct_messages, remarks })
    }

    /// Who runs where.
    pub fn cores(&self) -> Cores {
        self.cores
    }

    fn ping_pong(&self) -> Option<u64> {
        ping_pong_ns(self.cores.sender, self.cores.lane)
    }

    /// Datagrams that are warm-up.
    fn warm_up(&self) -> u64 {
        let schedule = &self.config.schedule;
        let is_warm_up = |nth: &usize| schedule.due_ns(*nth).is_some_and(|due_ns| due_ns < self.config.warm_up_ns);
        (0..self.config.workload.packets.len()).take_while(is_warm_up).count() as u64
    }

    fn crew(&self, publication: &Publication) -> Result<Crew, Error> {
        let config = &self.config;
        let clock = Clock::on(&config.course);
        let watcher = WatcherPart {
            core: self.cores.consumer,
            publication: publication.clone(),
            clock: clock.clone(),
            config: WatcherConfig {
                dues: config.dues.clone(),
                channels: self.configuration.channels.clone(),
                end_ns: config.schedule.end_ns(),
                warm_up_ns: config.warm_up_ns,
                headline: config.headline,
                delay_ns: config.seen_delay_ns,
            },
        };
        let sender = SenderPart {
            core: self.cores.sender,
            leaves_core: self.cores.sender == self.cores.lane,
            workload: config.workload.clone(),
            schedule: config.schedule.clone(),
            interface: config.wire.sender().to_owned(),
            ways: config.ways.clone(),
            clock,
            config: SenderConfig { warm_up_datagrams: self.warm_up(), ..config.sender },
        };
        Crew::start(&config.wire, sender, watcher)
    }

    /// The crew's work beside a handler that runs: until everything was sent, and taken in.
    fn conduct(&self, handler: &mut Handler, crew: &mut Crew, publication: &Publication, control: &mut Control<'_>) -> Result<(), Error> {
        let Cores { sender, lane, consumer } = self.cores;
        // Not before the handler was started: it would begin where we may run.
        let _apart = Apart::from(&[lane, sender].into_iter().chain(consumer).collect::<Vec<_>>());
        let clock = Clock::on(&self.config.course);
        let total = self.config.workload.packets.len() as u64;
        crew.begin(clock.now_ns() + LEAD_NS);
        while !crew.has_sent(TURN)? {
            if (control.stop)() {
                crew.stop();
            }
            (control.progress)(Progress { done: crew.gone(), total });
            handler.check()?;
        }
        (control.progress)(Progress { done: crew.gone(), total });
        let until = Instant::now() + DRAINED_WITHIN;
        let (mut last, mut since) = (0, Instant::now());
        while Instant::now() < until && since.elapsed() < QUIET {
            let counts = Counts::of_counters(&newest(publication).counters());
            // Other drops may be of messages.
            let done = counts.received + counts.overrun;
            if done >= crew.sent() {
                break;
            }
            if done != last {
                (last, since) = (done, Instant::now());
            }
            handler.check()?;
            std::thread::sleep(TURN);
        }
        Ok(())
    }

    fn reckon(&self, results: Results, told: Told, counters: &[(String, u64)], ping_pong_ns: Vec<u64>) -> Round {
        let Results { start_ns, sent, watched, mut modes, remarks } = results;
        let config = &self.config;
        let mut round = Round {
            measures: watched.measures,
            counts: Counts {
                elapsed_ns: sent.elapsed_ns,
                end_late_ns: sent.end_late_ns,
                due: config.workload.packets.len() as u64,
                distinct_messages: self.distinct_messages,
                sent: sent.sent,
                warm_up: self.warm_up(),
                records: told.records,
                sampled: watched.sampled,
                unmatched: watched.unmatched,
                unseen: watched.unseen,
                unfollowed: watched.unfollowed,
                lapped: watched.lapped,
                stopped: sent.stopped,
                ..Counts::of_counters(counters)
            },
            intervals: watched.intervals,
            intervals_of: Some(config.headline),
            lateness: sent.kept,
            ping_pong_ns,
            warm_up_ns: config.warm_up_ns,
            stamp_ns: self.stamp_ns,
            ..Round::default()
        };
        // The same bounds: adding cannot fail.
        let _ = round.measures.get_mut(Measure::SenderLateness).add(&sent.lateness);
        self.count_sent(&mut round.intervals, sent.sent + sent.refused);
        count_received(&mut round.intervals, round.counts.received, watched.received);
        self.add_message_stages(&mut round, &told.histograms, start_ns);
        round.modes.push(config.wire.to_string());
        round.modes.append(&mut modes);
        round.modes.extend(told.modes);
        round.remarks.extend(self.remarks.iter().cloned().chain(remarks).chain(told.remarks));
        if sent.refused > 0 {
            let why = sent.first_refusal.unwrap_or_default();
            round.remarks.push(format!("{} datagrams were not sent: {why}", sent.refused));
        }
        round
    }

    /// The stages of single messages are in no sample, but in the lane's own histograms; those of intervals that began in the warm-up are left
    /// out whole.
    fn add_message_stages(&self, round: &mut Round, histograms: &[Logged], start_ns: u64) {
        let warm_up_ns = self.config.warm_up_ns;
        let counts =
            |logged: &&Logged| logged.lane == self.configuration.lane && (warm_up_ns == 0 || logged.from_ns >= start_ns + warm_up_ns);
        for Logged { timing, histogram, .. } in histograms.iter().filter(counts) {
            let Some(measure) = Measure::from_name(timing.name()).filter(|measure| measure.of() == Of::Message) else { continue };
            // Within the bounds of ours: adding cannot fail.
            let _ = round.measures.get_mut(measure).add(histogram);
        }
    }

    /// Tells the intervals what was sent in them, by due time.
    fn count_sent(&self, intervals: &mut [Interval], gone: u64) {
        let Some(last) = intervals.len().checked_sub(1) else { return };
        for (packet, nth) in self.config.workload.packets.iter().zip(0..usize::try_from(gone).unwrap_or(usize::MAX)) {
            let due_ns = self.config.schedule.due_ns(nth).unwrap_or(0);
            let at = intervals.partition_point(|interval| interval.start_ns <= due_ns).saturating_sub(1).min(last);
            if let Some(interval) = intervals.get_mut(at) {
                interval.datagrams += 1;
                interval.messages += u64::from(packet.messages);
            }
        }
    }
}

impl Runner for OnWire {
    fn label(&self) -> &str {
        &self.config.label
    }

    fn round(&mut self, control: &mut Control<'_>) -> Result<Round, Error> {
        let stopped = Round { counts: Counts { stopped: true, ..Counts::default() }, ..Round::default() };
        let mut ping_pong_ns: Vec<u64> = self.ping_pong().into_iter().collect();
        let launch = Launch {
            label: &self.config.label,
            binary: &self.config.binary,
            configuration: &self.configuration,
            memory: &self.config.memory,
            course: &self.config.course,
            wire: &self.config.wire,
        };
        let Some(mut handler) = Handler::start(&launch, control.stop)? else { return Ok(stopped) };
        let publication = Publication::open(handler.publications(), &self.configuration.publication)?;
        let mut crew = self.crew(&publication)?;
        let conducted = self.conduct(&mut handler, &mut crew, &publication, control);
        // Whatever happened: the handler publishes what it has, then the consumer may end.
        let last = newest(&publication);
        let told = match &conducted {
            Ok(()) => handler.stop(),
            Err(_) => Ok(Told::default()),
        };
        let results = crew.finish();
        conducted?;
        let (told, results) = (told?, results?);
        ping_pong_ns.extend(self.ping_pong());
        Ok(self.reckon(results, told, &last.counters(), ping_pong_ns))
    }
}

/// Tells the intervals what was received in them, by the share of the samples that was.
fn count_received(intervals: &mut [Interval], received: u64, samples: u64) {
    for interval in intervals {
        let datagrams = u128::from(interval.received) * u128::from(received) / u128::from(samples.max(1));
        interval.received = u64::try_from(datagrams).unwrap_or(u64::MAX);
    }
}

/// The publication of the newest epoch: a new session is a new file.
fn newest(publication: &Publication) -> Publication {
    publication.reopen().unwrap_or_else(|_| publication.clone())
}

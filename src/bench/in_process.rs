//! In process: datagrams from memory through the very lane that runs live, into a publication in shared memory, to a consumer on another core.
//!
//! ```text
//!  main thread: stop, progress, clock, next epoch's file
//!  lane's core: paced source ─▶ lane (arbiter, decoder, books, records) ─▶ rings + latency ring ─▶ watcher, on the consumer's core
//! ```
//!
//! - **Every datagram that tells something new** (the first copy of its messages) counts in DueToReceived (its wait for the lane),
//!   DueToPublished (until its batch was committed) and ReceivedToPublished; those whose stages are stamped are slower, and count too, so
//!   stamping should be rare. The stages are the lane's own histograms, begun anew when the warm-up is over. DueToSeen and PublishedToSeen are the watcher's samples. A record may be seen before
//!   its batch has ended: then PublishedToSeen is 1 ns, and DueToSeen less than DueToPublished.
//! - **Nobody sends**, so there is no sender's lateness: what is due waits for the lane, and that wait is part of every latency from due. The
//!   lateness that is told is the lane's: datagrams that waited longer than a limit. More than one in a hundred says that the lane could not
//!   keep up with the pace; the figures are right even so.
//! - At [`Pace::Max`](super::Pace::Max) nothing is due: throughput, ReceivedToPublished, the stages and PublishedToSeen are measured, and there
//!   is no warm-up.
//! - Gap timers and other chores run by the lane's clock, as live; so a gap that the recording's clock would have given up may be closed at
//!   a greater pace, and the other way round.

mod lane_life;
mod source;
mod taken;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use self::lane_life::{LaneEnd, LaneLife};
use self::taken::Reckoning;
use super::apart::Apart;
use super::due::Dues;
use super::folder::{Folder, MEMORY};
use super::schedule::Schedule;
use super::sender::Stall;
use super::watcher::{Watched, Watcher, WatcherConfig};
use super::workload::Workload;
use super::{Control, Counts, Measure, Progress, Round, Runner};
use crate::book::BooksCapacity;
use crate::error::{Error, Exit};
use crate::feed::arbiter::MAX_LINES;
use crate::lane::latency::Timing;
use crate::lane::stages::stamp_cost_ns;
use crate::lane::{LaneShared, Sampling, counters};
use crate::plan::{default_depth, schemas_of};
use crate::record::Schema;
use crate::shm::{ChannelSpec, Publication, PublicationSpec, RingSpec};
use crate::sys::affinity;
use crate::time::{Clock, ClockKeeper, KEEP_EVERY};
use crate::topology::Topology;

/// The publication's name in its directory.
const NAME: &str = "bench";
/// How often the main thread looks around.
const TURN: Duration = Duration::from_millis(20);
/// From when everything is ready to when the first datagram is due: all threads are spinning by then.
const LEAD_NS: u64 = 10_000_000;
/// Schemas that are published unless told otherwise, as far as the feed has them: what most configurations name.
const SCHEMAS: [Schema; 4] = [Schema::Mbo, Schema::Mbp1, Schema::Trades, Schema::Status];

/// What is run in process, and how.
#[derive(Clone, Debug)]
pub struct InProcessConfig {
    /// What the runner is called.
    pub label: String,
    /// The datagrams.
    pub workload: Arc<Workload>,
    /// When they are due.
    pub schedule: Arc<Schedule>,
    /// Datagrams that are due before, ns from the start, are warm-up.
    pub warm_up_ns: u64,
    /// What the intervals are of.
    pub headline: Measure,
    /// The lane's core; `None`: the last that this process may use.
    pub lane_core: Option<usize>,
    /// Whether somebody reads, if there is a core for it.
    pub consumer: bool,
    /// The consumer's core; `None`: the first that this process may use and the lane does not.
    pub consumer_core: Option<usize>,
    /// Where the publication is made; `None`: in a fresh directory in memory, which is removed.
    pub dir: Option<PathBuf>,
    /// What is published; empty: mbo, mbp-1, trades and status, as far as the feed has them. The consumer reads the first.
    pub schemas: Vec<Schema>,
    /// Slots of each ring; `None`: what the service takes if its configuration leaves that open.
    pub depth: Option<u64>,
    /// Room for instruments in the publication.
    pub instruments: u32,
    /// Room in each channel's books.
    pub capacity: BooksCapacity,
    /// Which datagrams are looked at more closely.
    pub sampling: Sampling,
    /// The consumer takes so much longer over what it reads, ns: a delay put in on purpose.
    pub seen_delay_ns: u64,
    /// A datagram that waits longer than this for the lane counts as late.
    pub late_above: Duration,
    /// A standstill put in on purpose: as if the lane had been taken off its core.
    pub stall: Option<Stall>,
}

impl InProcessConfig {
    /// With the defaults: the service's own, one datagram in 16 told of and one in 256 stamped, no warm-up.
    pub fn new(label: impl Into<String>, workload: Arc<Workload>, schedule: Arc<Schedule>) -> Self {
        let headline = if schedule.due_ns(0).is_some() { Measure::DueToSeen } else { Measure::ReceivedToPublished };
        Self {
            label: label.into(),
            workload,
            schedule,
            warm_up_ns: 0,
            headline,
            lane_core: None,
            consumer: true,
            consumer_core: None,
            dir: None,
            schemas: Vec::new(),
            depth: None,
            instruments: 1 << 14,
            capacity: BooksCapacity { instruments: 1 << 16, orders: 3_000_000, levels: 2_000_000 },
            sampling: Sampling { latency_every: 16, stages_every: 256, injected: None },
            seen_delay_ns: 0,
            // Far longer than a full batch takes, so that one burst is not called a lane that cannot keep up.
            late_above: Duration::from_millis(1),
            stall: None,
        }
    }
}

/// Runs a workload in process, as often as it is asked to.
pub struct InProcess {
    config: InProcessConfig,
    dues: Arc<Dues>,
    keeper: ClockKeeper,
    topology: Topology,
    lane_core: usize,
    consumer_core: Option<usize>,
    stamp_ns: f64,
    distinct_messages: u64,
    remarks: Vec<String>,
}

/// What the threads of a round share.
struct Shared {
    lane: Arc<LaneShared>,
    done: Arc<AtomicU64>,
}

impl InProcess {
    /// Checks what can be checked before anything runs, and chooses cores.
    ///
    /// Errors: a workload without datagrams, a channel with more lines than an arbiter takes, a schema the feed has not, a core that this
    /// process may not use.
    pub fn new(mut config: InProcessConfig) -> Result<Self, Error> {
        let topology = Topology::load();
        let allowed = affinity::allowed_cores();
        check(&config)?;
        if config.schemas.is_empty() {
            config.schemas = SCHEMAS.into_iter().filter(|schema| schemas_of(config.workload.feed).contains(schema)).collect();
        }
        let usable = |core: Option<usize>, who: &str| match core {
            Some(core) if !allowed.contains(&core) => {
                let cure = format!("use one of {allowed:?}, or widen the process's cpuset");
                Err(Error::new(Exit::Usage, format!("core {core} for the {who}"), "this process may not use it", cure))
            }
            core => Ok(core),
        };
        let lane_core = usable(config.lane_core, "lane")?.or(allowed.last().copied()).unwrap_or(0);
        let other = allowed.iter().copied().find(|&core| core != lane_core);
        let consumer_core = if config.consumer { usable(config.consumer_core, "consumer")?.or(other) } else { None };
        let mut remarks = topology.notes.clone();
        if consumer_core == Some(lane_core) {
            let cure = "give each a core of its own: two threads that never sleep starve each other";
            return Err(Error::new(Exit::Usage, format!("core {lane_core}"), "it is the lane's and the consumer's", cure));
        }
        if config.consumer && consumer_core.is_none() {
            remarks.push("there is one core only, so nobody reads what is published: no time ends with its being seen".into());
        }
        Ok(Self {
            dues: Arc::new(Dues::new(&config.workload, &config.schedule)),
            keeper: ClockKeeper::start(),
            distinct_messages: config.workload.distinct_messages(),
            stamp_ns: if config.sampling.stages_every > 0 { stamp_cost_ns() } else { 0.0 },
            config,
            topology,
            lane_core,
            consumer_core,
            remarks,
        })
    }

    /// The lane's core and the consumer's.
    pub fn cores(&self) -> (usize, Option<usize>) {
        (self.lane_core, self.consumer_core)
    }

    fn spec(&self, dir: &Path) -> PublicationSpec {
        let feed = self.config.workload.feed;
        let is_sampled = self.config.sampling.latency_every > 0 || self.config.sampling.stages_every > 0;
        let schemas = self.config.schemas.iter().copied().chain(is_sampled.then_some(Schema::Latency));
        let mut spec = PublicationSpec::new(dir, NAME);
        spec.rings = schemas.map(|schema| RingSpec { schema, depth: self.config.depth.unwrap_or(default_depth(schema)) }).collect();
        let name = |nth: usize| ChannelSpec { name: format!("{feed}-{nth}"), publisher_id: feed.publisher_id() };
        spec.channels = (0..self.config.workload.channel_count()).map(name).collect();
        spec.instruments = self.config.instruments;
        spec.counters = counters::names();
        spec
    }

    /// Runs the threads of one round. Whatever goes wrong here, all of them end: the lane when it is not given a start, or at the end of
    /// the workload; the watcher when the publication has ended.
    fn conduct(&mut self, control: &mut Control<'_>, spec: &PublicationSpec) -> Result<(LaneEnd, Option<Watched>, u64), Error> {
        let shared = Shared { lane: Arc::new(LaneShared::default()), done: Arc::new(AtomicU64::new(0)) };
        let total = self.config.workload.packets.len() as u64;
        let clock = self.keeper.clock();
        let busy: Vec<usize> = std::iter::once(self.lane_core).chain(self.consumer_core).collect();
        let _apart = Apart::from(&busy);
        // What this thread allocates from now on is the file of the next epoch, which the lane writes.
        let _ = self.topology.prefer_memory_near(self.lane_core);
        let (ready, came_up) = mpsc::channel();
        let (start_lane, lane_started) = mpsc::channel();
        let life = LaneLife {
            config: &self.config,
            spec,
            core: self.lane_core,
            topology: &self.topology,
            clock: clock.clone(),
            shared: shared.lane.clone(),
            done: shared.done.clone(),
        };
        let consumer = self.consumer_core.map(|core| (core, self.watcher_config()));
        let keeper = &mut self.keeper;
        std::thread::scope(|scope| {
            let lane = scope.spawn(move || life.run(&ready, &lane_started));
            let Ok(spare) = came_up.recv() else { return Err(failed(lane.join())) };
            // As the service does: a new session is then a rename for the lane.
            let prepared = spare.prepare();
            let publication = Publication::open(&spec.dir, &spec.name);
            let mut watching = None;
            if let (Some((core, config)), Ok(publication)) = (consumer, &publication) {
                let (start, started) = mpsc::channel();
                let (publication, clock) = (publication.clone(), clock.clone());
                let (opened, was_opened) = mpsc::channel();
                let watcher = scope.spawn(move || watch(core, &publication, clock, config, &opened, &started));
                let is_open = was_opened.recv().is_ok();
                watching = Some((watcher, start, is_open));
            }
            let is_watched = watching.as_ref().is_none_or(|(.., is_open)| *is_open);
            let mut start_ns = 0;
            if prepared.is_ok() && publication.is_ok() && is_watched {
                start_ns = clock.now_ns() + LEAD_NS;
                for start in [Some(&start_lane), watching.as_ref().map(|(_, start, _)| start)].into_iter().flatten() {
                    let _ = start.send(start_ns);
                }
                let mut kept = Instant::now();
                // The lane holds the other end as long as it lives.
                while came_up.recv_timeout(TURN).err() == Some(RecvTimeoutError::Timeout) {
                    if (control.stop)() {
                        shared.lane.stop.store(true, Ordering::Relaxed);
                    }
                    (control.progress)(Progress { done: shared.done.load(Ordering::Relaxed), total });
                    if kept.elapsed() >= KEEP_EVERY {
                        kept = Instant::now();
                        keeper.keep();
                        let _ = spare.prepare();
                    }
                }
            }
            drop(start_lane);
            let ended = lane.join();
            let watched = watching.map(|(watcher, start, _)| {
                drop(start);
                watcher.join().unwrap_or_else(|_| Err(broken("the consumer")))
            });
            prepared?;
            publication?;
            let watched = watched.transpose()?;
            (control.progress)(Progress { done: shared.done.load(Ordering::Relaxed), total });
            Ok((ended.unwrap_or_else(|_| Err(broken("the lane")))?, watched, start_ns))
        })
    }

    fn watcher_config(&self) -> WatcherConfig {
        WatcherConfig {
            dues: self.dues.clone(),
            channels: Vec::new(),
            end_ns: self.config.schedule.end_ns(),
            warm_up_ns: self.config.warm_up_ns,
            headline: self.config.headline,
            delay_ns: self.config.seen_delay_ns,
        }
    }

    fn reckon(&self, ended: LaneEnd, watched: Option<Watched>, start_ns: u64) -> Round {
        let config = &self.config;
        let is_paced = config.schedule.due_ns(0).is_some();
        let is_seen = is_paced && watched.is_some() && matches!(config.headline, Measure::DueToSeen | Measure::PublishedToSeen);
        let headline = match config.headline {
            // Where nothing is due the intervals are of the receive times, which nobody but the lane knows.
            _ if !is_paced => Measure::ReceivedToPublished,
            // Without a consumer there is nothing later than publishing.
            Measure::DueToSeen | Measure::PublishedToSeen if watched.is_none() => Measure::DueToPublished,
            headline => headline,
        };
        let reckoned = ended.taken.reckon(&Reckoning {
            workload: &config.workload,
            schedule: &config.schedule,
            dues: &self.dues,
            start_ns,
            warm_up_ns: config.warm_up_ns,
            late_ns: config.late_above.as_nanos() as u64,
            headline,
        });
        let mut round = Round {
            measures: reckoned.measures,
            counts: Counts {
                // Of a stopped run also the time in which nothing was due.
                elapsed_ns: ended.stopped_ns.map_or(reckoned.elapsed_ns, |at_ns| at_ns.saturating_sub(start_ns)),
                end_late_ns: reckoned.end_late_ns,
                due: config.workload.packets.len() as u64,
                distinct_messages: self.distinct_messages,
                sent: reckoned.sent,
                warm_up: reckoned.warm_up,
                stopped: ended.stopped_ns.is_some(),
                ..ended.counts
            },
            intervals: reckoned.intervals,
            intervals_of: Some(headline),
            lateness: reckoned.lateness,
            warm_up_ns: config.warm_up_ns,
            stamp_ns: self.stamp_ns,
            modes: vec!["in process, from memory".into(), format!("clock: {}", self.keeper.clock().describe())],
            ..Round::default()
        };
        round.remarks.extend(self.remarks.iter().cloned().chain(ended.remarks));
        for (timing, histogram) in ended.latency.iter() {
            // Of all datagrams, those that tell nothing new included: what is shown is of the others.
            if let Some(measure) = measure_of(timing).filter(|&measure| measure != Measure::ReceivedToPublished) {
                // Within the bounds of ours: adding cannot fail.
                let _ = round.measures.get_mut(measure).add(histogram);
            }
        }
        if let Some(watched) = watched {
            add_watched(&mut round, &watched, is_seen);
        }
        round
    }
}

impl Runner for InProcess {
    fn label(&self) -> &str {
        &self.config.label
    }

    fn round(&mut self, control: &mut Control<'_>) -> Result<Round, Error> {
        let own = self.config.dir.is_none().then(|| Folder::new(Path::new(MEMORY))).transpose()?;
        let dir = self.config.dir.as_deref().or(own.as_ref().map(Folder::path)).unwrap_or(Path::new(MEMORY));
        let spec = self.spec(dir);
        let (ended, watched, start_ns) = self.conduct(control, &spec)?;
        Ok(self.reckon(ended, watched, start_ns))
    }
}

/// A consumer's life, on its own pinned thread.
fn watch(
    core: usize,
    publication: &Publication,
    clock: Clock,
    config: WatcherConfig,
    opened: &mpsc::Sender<()>,
    start: &mpsc::Receiver<u64>,
) -> Result<Watched, Error> {
    pin(core, "consumer")?;
    let mut watcher = Watcher::open(publication, clock, config)?;
    let _ = opened.send(());
    if let Ok(start_ns) = start.recv() {
        watcher.start_at(start_ns);
    }
    while !watcher.has_ended() {
        if !watcher.turn()? {
            std::hint::spin_loop();
        }
    }
    watcher.finish()
}

/// What the watcher adds to a round: the times that end with it, what its samples' stages leave, and, if the headline is one of these, the intervals' latencies.
fn add_watched(round: &mut Round, watched: &Watched, is_seen: bool) {
    for measure in [Measure::DueToSeen, Measure::PublishedToSeen, Measure::BatchEnd] {
        let _ = round.measures.get_mut(measure).add(watched.measures.get(measure));
    }
    for (mine, seen) in round.intervals.iter_mut().zip(&watched.intervals) {
        mine.gaps = seen.gaps;
        if is_seen {
            (mine.count, mine.p50_ns, mine.p99_ns, mine.max_ns) = (seen.count, seen.p50_ns, seen.p99_ns, seen.max_ns);
        }
    }
    let counts = &mut round.counts;
    (counts.sampled, counts.unmatched, counts.lapped) = (watched.sampled, watched.unmatched, watched.lapped);
    // The other times are of all datagrams, whoever saw them.
    counts.unseen = watched.unseen;
}

fn measure_of(timing: Timing) -> Option<Measure> {
    Measure::from_name(timing.name())
}

fn check(config: &InProcessConfig) -> Result<(), Error> {
    let workload = &config.workload;
    if workload.packets.is_empty() {
        return Err(Error::new(Exit::Input, workload.what.clone(), "there is no datagram in it", "name another recording, or its lines"));
    }
    for channel in 0..workload.channel_count() as u16 {
        let lines = workload.channels.iter().filter(|&&of| of == channel).count();
        if lines > MAX_LINES {
            let why = format!("channel {channel} has {lines} lines, and a channel takes at most {MAX_LINES}");
            return Err(Error::new(Exit::Input, workload.what.clone(), why, "name the lines to replay"));
        }
    }
    let has = schemas_of(workload.feed);
    if let Some(schema) = config.schemas.iter().find(|schema| !has.contains(schema)) {
        let names: Vec<_> = has.iter().map(|schema| schema.name()).collect();
        let cure = format!("use some of {}", names.join(", "));
        return Err(Error::new(Exit::Usage, format!("schema {}", schema.name()), format!("{} tells nothing in it", workload.feed), cure));
    }
    Ok(())
}

fn pin(core: usize, who: &str) -> Result<(), Error> {
    affinity::pin_to(core).map_err(|error| {
        let cure = "name a core that this process may use (AllowedCPUs, cpuset)";
        Error::new(Exit::Host, format!("the {who} cannot be pinned to core {core}"), error, cure)
    })
}

/// A thread that ended before it had come up has the reason.
fn failed(ended: std::thread::Result<Result<LaneEnd, Error>>) -> Error {
    match ended {
        Ok(Err(error)) => error,
        _ => broken("the lane"),
    }
}

fn broken(who: &str) -> Error {
    Error::new(Exit::Failed, who, "a broken invariant of our own", "please report it with what is printed above")
}

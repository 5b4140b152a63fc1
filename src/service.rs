//! The process: plan → lanes → ready → signals, watchdog, journal → drain → report.
//!
//! This is the control plane. Lanes never wait for it; it never touches a datagram.

mod open;
mod report;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{Error, Exit};
use crate::journal::Journal;
use crate::lane::LaneShared;
use crate::lane::latency::LatencyReader;
use crate::plan::{LanePlan, Plan};
use crate::shm::Spare;
use crate::sys::signals;
use crate::time::{Clock, ClockKeeper, KEEP_EVERY};

/// How often the control plane looks around.
const TURN: Duration = Duration::from_millis(50);
/// A lane that shows no sign of life for so long is stuck: the watchdog is no longer fed.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// What the control plane holds of one lane.
struct Running {
    name: String,
    thread: JoinHandle<Result<Ended, Error>>,
    shared: Arc<LaneShared>,
    latency: LatencyReader,
    journals: Vec<(String, Journal)>,
    spares: Vec<Spare>,
    last_beat: (u64, Instant),
}

/// What a lane says when it has come up.
struct Ready {
    spares: Vec<Spare>,
    remarks: Vec<String>,
}

/// What a lane has counted in its life.
struct Ended {
    totals: Vec<(String, report::Totals)>,
}

/// Runs a plan until SIGTERM or SIGINT. Returns when everything is drained and closed.
pub fn run(plan: &Plan) -> Result<(), Error> {
    let host = |what: &str, error: std::io::Error, cure: &str| Error::new(Exit::Host, what, error, cure);
    signals::install().map_err(|error| host("cannot handle signals", error, "this is a broken host"))?;
    if plan.lock_memory {
        let cure = "give the service CAP_IPC_LOCK or LimitMEMLOCK=infinity, or set service.lock_memory = false";
        crate::sys::memory_lock::lock_all().map_err(|error| host("cannot lock memory", error, cure))?;
    }
    let mut keeper = ClockKeeper::start();
    tracing::info!("clock: {}", keeper.clock().describe());
    let mut steering = open::Steerings::load(plan)?;
    let (ready, came_up) = mpsc::channel();
    let mut running: Vec<Running> = Vec::new();
    let mut failed = None;
    for lane in &plan.lanes {
        match start(lane, &steering, keeper.clock(), ready.clone()) {
            Ok(lane) => running.push(lane),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    drop(ready);
    // One lane at a time comes up or ends; a lane that ends without a word has its error in its thread's result.
    for _ in 0..running.len() {
        let Ok((name, Ready { spares, remarks })) = came_up.recv() else { break };
        for remark in remarks {
            tracing::info!("lane {name}: {remark}");
        }
        if let Some(lane) = running.iter_mut().find(|lane| lane.name == name) {
            lane.spares = spares;
        }
    }
    if failed.is_none() && running.iter().all(|lane| !lane.thread.is_finished()) {
        match steering.attach(plan) {
            Ok(remarks) => remarks.iter().for_each(|remark| tracing::info!("{remark}")),
            Err(error) => failed = Some(error),
        }
    }
    if failed.is_none() && running.iter().all(|lane| !lane.thread.is_finished()) {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status("receiving")]);
        tracing::info!(
            "ready: {} lane(s), {} publication(s)",
            plan.lanes.len(),
            plan.lanes.iter().map(|lane| lane.publications.len()).sum::<usize>()
        );
        watch(plan, &mut running, &mut keeper, &mut steering);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let outcome = stop(running);
    match failed {
        Some(error) => Err(error),
        None => outcome,
    }
}

fn start(lane: &LanePlan, steering: &open::Steerings, clock: Clock, ready: mpsc::Sender<(String, Ready)>) -> Result<Running, Error> {
    let shared = Arc::new(LaneShared::default());
    let (recorder, latency) = crate::lane::latency::latency();
    let journals: Vec<(String, Journal)> = lane.channels.iter().map(|channel| (channel.name.clone(), Journal::new(1024))).collect();
    let opening = open::Opening {
        plan: lane.clone(),
        steering: steering.of(lane),
        clock,
        recorder: Some(recorder),
        shared: shared.clone(),
        journals: journals.iter().map(|(_, journal)| journal.clone()).collect(),
    };
    let name = lane.name.clone();
    let thread = std::thread::Builder::new()
        .name(name.clone())
        .spawn(move || opening.run(&ready))
        .map_err(|error| Error::new(Exit::Host, "cannot start a thread", error, "raise LimitNPROC or free memory"))?;
    Ok(Running { name, thread, shared, latency, journals, spares: Vec::new(), last_beat: (0, Instant::now()) })
}

/// Until a signal comes or a lane ends by itself.
fn watch(plan: &Plan, running: &mut [Running], keeper: &mut ClockKeeper, steering: &mut open::Steerings) {
    let mut kept = Instant::now();
    let mut reported = Instant::now();
    let mut watchdog = sd_notify::watchdog_enabled().map(|period| (period / 2, Instant::now()));
    while !signals::wait_for_stop(TURN) {
        if running.iter().any(|lane| lane.thread.is_finished()) {
            return;
        }
        for lane in &mut *running {
            lane.look();
        }
        if kept.elapsed() >= KEEP_EVERY {
            kept = Instant::now();
            let health = keeper.keep();
            tracing::debug!("clock: {health:?}");
            steering.keep();
            prepare_spares(running);
        }
        if plan.report_interval_s > 0 && reported.elapsed() >= Duration::from_secs(plan.report_interval_s) {
            reported = Instant::now();
            running.iter().for_each(Running::report);
        }
        if let Some((period, fed)) = &mut watchdog
            && fed.elapsed() >= *period
        {
            match running.iter().find(|lane| lane.last_beat.1.elapsed() > STUCK_AFTER) {
                Some(stuck) => {
                    tracing::error!("lane {}: no sign of life for {:?}; the watchdog is not fed", stuck.name, stuck.last_beat.1.elapsed())
                }
                None => {
                    *fed = Instant::now();
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                }
            }
        }
    }
    tracing::info!("stopping: draining what has arrived");
}

/// Files for coming epochs are made here, so that a new session is a rename for the lane and not an allocation.
fn prepare_spares(running: &mut [Running]) {
    for lane in running {
        for spare in &lane.spares {
            match spare.prepare() {
                Ok(true) => tracing::debug!("lane {}: a file for the next epoch is ready", lane.name),
                Ok(false) => {}
                Err(error) => tracing::warn!("lane {}: no file for the next epoch yet: {error}", lane.name),
            }
        }
    }
}

fn stop(running: Vec<Running>) -> Result<(), Error> {
    for lane in &running {
        lane.shared.stop.store(true, Ordering::Relaxed);
    }
    let mut outcome = Ok(());
    for mut lane in running {
        let name = lane.name.clone();
        match lane.thread.join() {
            Ok(Ok(ended)) => {
                while lane.latency.take().is_some() {}
                for (channel, journal) in &lane.journals {
                    report::journal(&name, channel, journal);
                }
                report::totals(&name, &ended.totals, &lane.latency.total());
            }
            Ok(Err(error)) => outcome = Err(error),
            Err(_) => {
                let cure = "please report it with the log above; the publication says that its writer is gone";
                outcome = Err(Error::new(Exit::Failed, format!("lane {name}"), "a broken invariant of our own", cure));
            }
        }
    }
    outcome
}

impl Running {
    /// Reads what the lane has left for us.
    fn look(&mut self) {
        let beats = self.shared.beats.load(Ordering::Relaxed);
        if beats != self.last_beat.0 {
            self.last_beat = (beats, Instant::now());
        }
        if let Some(percentiles) = self.latency.take() {
            self.shared.latency.set(&percentiles);
        }
        for (channel, journal) in &self.journals {
            report::journal(&self.name, channel, journal);
        }
    }

    fn report(&self) {
        let total = self.latency.total();
        tracing::info!(
            "lane {}: {} datagrams, from receive to publish p50 {} ns, p99 {} ns, p99.9 {} ns, max {} ns",
            self.name,
            total.count,
            total.p50,
            total.p99,
            total.p99_9,
            total.max
        );
    }
}

//! The process: plan → lanes → ready → signals, watchdog, journal → drain → report.
//!
//! This is the control plane. Lanes never wait for it; it never touches a datagram.

mod housekeeping;
mod images;
mod latency_log;
mod open;
mod recorder;
mod report;
mod running;
mod steerings;
mod windows;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::error::{Error, Exit};
use crate::plan::Plan;
use crate::shm::Spare;
use crate::sys::{affinity, signals};
use crate::time::{Clock, ClockKeeper, KEEP_EVERY};
use housekeeping::Housekeeping;
use latency_log::LatencyLog;
use running::Running;
use steerings::Steerings;

/// How often the control plane looks around.
const TURN: Duration = Duration::from_millis(50);
/// A lane that shows no sign of life for so long is stuck: the watchdog is no longer fed.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// What a lane says when it has come up.
struct Ready {
    spares: Vec<Spare>,
    remarks: Vec<String>,
}

/// A lane's name, and `None` when it has ended: each says so, so that nobody waits for one that could not open its source.
type CameUp = (String, Option<Ready>);

/// What a lane has counted in its life.
struct Ended {
    totals: Vec<(String, report::Totals)>,
    /// Frames and drops of its sources, in words.
    received: String,
    /// Publication file and its records, in words.
    published: Vec<(String, String)>,
}

/// Runs a plan until SIGTERM or SIGINT. Returns when everything is drained and closed.
pub fn run(plan: &Plan) -> Result<(), Error> {
    let host = |what: &str, error: std::io::Error, cure: &str| Error::new(Exit::Host, what, error, cure);
    signals::install().map_err(|error| host("cannot handle signals", error, "this is a broken host"))?;
    if plan.lock_memory {
        let cure = "give the service CAP_IPC_LOCK or LimitMEMLOCK=infinity, or set service.lock_memory = false";
        crate::sys::memory_lock::lock_all().map_err(|error| host("cannot lock memory", error, cure))?;
    }
    let mut log = LatencyLog::open(plan.latency_log.as_deref())?;
    let mut keeper = ClockKeeper::start();
    tracing::info!("clock: {}", keeper.clock().describe());
    keep_off_the_lanes(plan);
    let mut steering = Steerings::load(plan)?;
    let mut running = Vec::new();
    let mut housekeeping = None;
    let up = bring_up(plan, &mut steering, keeper.clock(), &mut running, &mut housekeeping);
    let outcome = up.map(|()| {
        tell(&[NotifyState::Ready, NotifyState::Status("receiving")]);
        let publications = plan.lanes.iter().map(|lane| lane.publications.len()).sum::<usize>() + plan.computed.len();
        tracing::info!("ready: lanes {}, publications {publications}", plan.lanes.len());
        watch(plan, &mut running, &mut keeper, &mut steering, &mut log);
    });
    tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
    let stopped = running::stop(running, &mut log);
    log.finish();
    let stopped = stopped.and(housekeeping.map_or(Ok(()), Housekeeping::finish));
    steering.report();
    // A lane that could not come up has the reason; what else failed because of it is no news.
    match (outcome, stopped) {
        (Err(None), stopped) => stopped,
        (Err(Some(error)), _) => Err(error),
        (Ok(()), stopped) => stopped,
    }
}

/// The control plane wakes up twenty times a second: on a lane's core that would be twenty stalls of it.
fn keep_off_the_lanes(plan: &Plan) {
    let free = affinity::allowed_cores().into_iter().find(|&core| plan.lanes.iter().all(|lane| lane.core as usize != core));
    match free.map(affinity::pin_to) {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::warn!("the control plane cannot be kept off the lanes' cores: {error}"),
        None => {
            tracing::warn!("no core is left for the control plane: it will interrupt a lane now and then; let the service use one more")
        }
    }
}

/// Starts every lane, waits for them all, prepares what takes long, attaches, joins. `Err(None)`: a lane ended, and has the reason.
fn bring_up(
    plan: &Plan,
    steering: &mut Steerings,
    clock: Clock,
    running: &mut Vec<Running>,
    housekeeping: &mut Option<Housekeeping>,
) -> Result<(), Option<Error>> {
    let (ready, came_up) = mpsc::channel();
    for lane in &plan.lanes {
        running.push(Running::start(lane, steering, clock.clone(), ready.clone())?);
    }
    drop(ready);
    for _ in 0..plan.lanes.len() {
        // The first word of each lane: it can only be followed by that of its end.
        let Ok((name, Some(Ready { spares, remarks }))) = came_up.recv() else { return Err(None) };
        for remark in remarks {
            tracing::info!("lane {name}: {remark}");
        }
        if let Some(lane) = running.iter_mut().find(|lane| lane.name == name) {
            lane.spares = spares;
        }
    }
    // Before anybody waits for it: hundreds of megabytes.
    for lane in running.iter() {
        lane.prepare_spares()?;
    }
    // Before the first datagram: what they compute and record has no beginning missing.
    *housekeeping = Some(Housekeeping::start(plan, running)?);
    Ok(steering.attach()?)
}

/// To systemd, if it started us; where it did not there is nobody to tell.
fn tell(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

/// Until a signal comes or a lane ends by itself.
fn watch(plan: &Plan, running: &mut [Running], keeper: &mut ClockKeeper, steering: &mut Steerings, log: &mut LatencyLog) {
    let mut kept = Instant::now();
    let mut reported = Instant::now();
    let mut watchdog = sd_notify::watchdog_enabled().map(|period| (period / 2, Instant::now()));
    while !signals::wait_for_stop(TURN) {
        if running.iter().any(Running::has_ended) {
            return;
        }
        // An interface that is back wants its program at once.
        let mut moved = false;
        for lane in running.iter_mut() {
            moved |= lane.look(log);
        }
        if moved || kept.elapsed() >= KEEP_EVERY {
            kept = Instant::now();
            let health = keeper.keep();
            tracing::debug!("clock: {health:?}");
            steering.keep();
            running.iter_mut().for_each(Running::keep);
            tell(&[NotifyState::Status(&status(running))]);
        }
        if plan.report_interval_s > 0 && reported.elapsed() >= Duration::from_secs(plan.report_interval_s) {
            reported = Instant::now();
            running.iter().for_each(Running::report);
            steering.report();
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
                    tell(&[NotifyState::Watchdog]);
                }
            }
        }
    }
    tracing::info!("stopping: draining what has arrived");
}

/// What `systemctl status` shows.
fn status(running: &[Running]) -> String {
    let datagrams: u64 = running.iter().map(|lane| lane.latency.total().count).sum();
    let troubles: Vec<&str> = running.iter().flat_map(|lane| &lane.troubles).map(|(_, trouble)| trouble.as_str()).collect();
    if troubles.is_empty() {
        format!("receiving: {datagrams} datagrams so far")
    } else {
        format!("in trouble: {}; {datagrams} datagrams so far", troubles.join("; "))
    }
}

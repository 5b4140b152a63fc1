//! What the control plane holds of one lane, from its start to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Instant;

use super::latency_log::LatencyLog;
use super::steerings::Steerings;
use super::{CameUp, Ended, open, report};
use crate::error::{Error, Exit};
use crate::journal::Journal;
use crate::lane::LaneShared;
use crate::lane::latency::{self, LatencyReader};
use crate::plan::LanePlan;
use crate::shm::{ImageNews, Spare};
use crate::source::Event;
use crate::sys::numa;
use crate::time::Clock;

/// Notices of a channel that the control plane may be behind.
const JOURNAL_ENTRIES: usize = 1024;

/// One lane, seen from the control plane.
pub(super) struct Running {
    pub(super) name: String,
    /// Names of what it writes.
    publications: Vec<String>,
    /// Until it is joined.
    thread: Option<JoinHandle<Result<Ended, Error>>>,
    shared: Arc<LaneShared>,
    pub(super) latency: LatencyReader,
    journals: Vec<(String, Journal)>,
    pub(super) spares: Vec<Spare>,
    node: usize,
    /// Its last sign of life, and when it was seen.
    pub(super) last_beat: (u64, Instant),
    /// What does not receive, by part, and why.
    pub(super) troubles: Vec<(String, String)>,
    /// Datagrams the kernel dropped, as far as they were told.
    overrun: u64,
    /// Why there is no file for the next epoch, as it was told.
    no_spare: String,
}

impl Running {
    /// Starts the lane's thread. It sends once when it has come up and once when it has ended.
    pub(super) fn start(lane: &LanePlan, steering: &Steerings, clock: Clock, came_up: Sender<CameUp>) -> Result<Self, Error> {
        let images = lane.publications.iter().map(|_| ImageNews::default()).collect();
        let shared = Arc::new(LaneShared { images, ..LaneShared::default() });
        let (recorder, latency) = if lane.stages_every > 0 { latency::latency_and_stages() } else { latency::latency() };
        let journals: Vec<_> = lane.channels.iter().map(|channel| (channel.name.clone(), Journal::new(JOURNAL_ENTRIES))).collect();
        let opening = open::Opening {
            plan: lane.clone(),
            steering: steering.of(lane),
            clock,
            recorder: Some(recorder),
            shared: shared.clone(),
            journals: journals.iter().map(|(_, journal)| journal.clone()).collect(),
        };
        let name = lane.name.clone();
        let life = move || {
            let name = opening.plan.name.clone();
            let outcome = opening.run(&came_up);
            // Nobody listens any more once all have come up.
            let _ = came_up.send((name, None));
            outcome
        };
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(life)
            .map_err(|error| Error::new(Exit::Host, "cannot start a thread", error, "raise LimitNPROC or free memory"))?;
        Ok(Self {
            name,
            publications: lane.publications.iter().map(|spec| spec.name.clone()).collect(),
            thread: Some(thread),
            shared,
            latency,
            journals,
            spares: Vec::new(),
            node: lane.node as usize,
            last_beat: (0, Instant::now()),
            troubles: Vec::new(),
            overrun: 0,
            no_spare: String::new(),
        })
    }

    /// What the thread that writes images of that publication tells the lane; `None` if the lane does not write it.
    pub(super) fn image_news(&self, publication: &str) -> Option<ImageNews> {
        let index = self.publications.iter().position(|name| name == publication)?;
        self.shared.images.get(index).cloned()
    }

    /// Whether its thread has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Reads what the lane has left for us; true if something happened to its interfaces.
    pub(super) fn look(&mut self, log: &mut LatencyLog) -> bool {
        let beats = self.shared.beats.load(Ordering::Relaxed);
        if beats != self.last_beat.0 {
            self.last_beat = (beats, Instant::now());
        }
        if self.latency.take_with(|recorded| log.add(&self.name, recorded)).is_some() {
            self.shared.latency.set(&self.latency.total());
        }
        for (channel, journal) in &self.journals {
            report::journal(&self.name, channel, journal);
        }
        let mut moved = false;
        while let Some(Event { part, lost }) = self.shared.events.pop() {
            moved = true;
            self.troubles.retain(|(troubled, _)| *troubled != part);
            match lost {
                Some(error) => {
                    tracing::error!("lane {}: {error}", self.name);
                    self.troubles.push((part, format!("{}: {}", error.what, error.why)));
                }
                None => tracing::warn!("lane {}: receiving again on {part}; what was sent meanwhile is lost", self.name),
            }
        }
        moved
    }

    /// Files for coming epochs are made here, so that a new session is a rename for the lane and not an allocation.
    pub(super) fn prepare_spares(&self) -> Result<(), Error> {
        for spare in &self.spares {
            // Its pages are the lane's, so they come from the lane's node. Where that cannot be said they come from anywhere.
            let _ = numa::prefer_node(self.node);
            if spare.prepare()? {
                tracing::debug!("lane {}: a file for the next epoch is ready", self.name);
            }
        }
        Ok(())
    }

    /// What is due about once a second: the next epoch's file, and a word about what the kernel had to drop.
    pub(super) fn keep(&mut self) {
        let why = self.prepare_spares().err().map(|error| error.to_string()).unwrap_or_default();
        if !why.is_empty() && why != self.no_spare {
            tracing::warn!("lane {}: no file for the next epoch yet: {why}", self.name);
        }
        self.no_spare = why;
        self.tell_overrun();
    }

    fn tell_overrun(&mut self) {
        let overrun = self.shared.overrun.load(Ordering::Relaxed);
        let new = overrun.saturating_sub(self.overrun);
        self.overrun = overrun;
        if new > 0 {
            let cure = "its core was stolen, or lane.xdp.frames (lane.udp.receive_buffer_bytes) is too small for the burst";
            tracing::warn!("lane {}: the kernel dropped {new} datagrams for want of room; {cure}", self.name);
        }
    }

    pub(super) fn report(&self) {
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
        report::stages(&self.name, &self.latency);
    }

    fn join(mut self, log: &mut LatencyLog) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let ended = match thread.join() {
            Ok(ended) => ended?,
            Err(_) => {
                let cure = "please report it with the log above; the publication says that its writer is gone";
                return Err(Error::new(Exit::Failed, format!("lane {}", self.name), "a broken invariant of our own", cure));
            }
        };
        while self.latency.take_with(|recorded| log.add(&self.name, recorded)).is_some() {}
        for (channel, journal) in &self.journals {
            report::journal(&self.name, channel, journal);
        }
        self.tell_overrun();
        if !ended.received.is_empty() {
            tracing::info!("lane {}: {}", self.name, ended.received);
        }
        for (path, records) in &ended.published {
            tracing::info!("publication {path}: {records}");
        }
        report::totals(&self.name, &ended.totals, &self.latency.total());
        report::stages(&self.name, &self.latency);
        Ok(())
    }
}

/// Tells all to stop, waits for all, and gives the first error.
pub(super) fn stop(running: Vec<Running>, log: &mut LatencyLog) -> Result<(), Error> {
    for lane in &running {
        lane.shared.stop.store(true, Ordering::Relaxed);
    }
    let mut outcome = Ok(());
    for lane in running {
        let joined = lane.join(log);
        outcome = outcome.and(joined);
    }
    outcome
}

//! Threads beside the lanes: ordinary consumers of the process's own publications.
//!
//! They share the control plane's core, so a lane never waits for them; like any reader they are lapped when they are too slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::images;
use super::recorder::Recorder;
use super::running::Running;
use crate::error::{Error, Exit};
use crate::plan::Plan;

/// How long a thread has to read what the lanes left, after they have ended.
const DRAIN: Duration = Duration::from_secs(5);

/// All of them.
pub(super) struct Housekeeping {
    stop: Arc<AtomicBool>,
    threads: Vec<(String, JoinHandle<Result<(), Error>>)>,
}

impl Housekeeping {
    /// Starts what the plan asks for. The lanes' publications are there.
    pub(super) fn start(plan: &Plan, lanes: &[Running]) -> Result<Self, Error> {
        let mut all = Self { stop: Arc::new(AtomicBool::new(false)), threads: Vec::new() };
        for image in &plan.images {
            let (dir, image) = (plan.publication_dir.clone(), image.clone());
            let news = lanes.iter().find_map(|lane| lane.image_news(&image.publication)).unwrap_or_default();
            all.spawn(format!("images-{}", image.publication), move |stop| images::keep(&dir, &image, news, stop))?;
        }
        super::windows::start(&mut all, plan)?;
        // After the windows: what is computed can be recorded too.
        for recording in &plan.recordings {
            let recorder = Recorder::open(recording, &plan.publication_dir)?;
            all.spawn(format!("record {}", recording.publication), move |stop| recorder.run(stop))?;
        }
        Ok(all)
    }

    /// Starts one thread. It ends by itself when the publication it reads has ended, or soon after `stop` is set.
    pub(super) fn spawn(
        &mut self,
        name: String,
        life: impl FnOnce(&AtomicBool) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let stop = self.stop.clone();
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || life(&stop))
            .map_err(|error| Error::new(Exit::Host, "cannot start a thread", error, "raise LimitNPROC or free memory"))?;
        self.threads.push((name, thread));
        Ok(())
    }

    /// The lanes have ended: waits for what reads them to read the rest.
    pub(super) fn finish(self) -> Result<(), Error> {
        let until = Instant::now() + DRAIN;
        while Instant::now() < until && self.threads.iter().any(|(_, thread)| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.stop.store(true, Ordering::Relaxed);
        let mut outcome = Ok(());
        for (name, thread) in self.threads {
            let ended = thread.join().unwrap_or_else(|_| {
                Err(Error::new(Exit::Failed, name, "a broken invariant of our own", "please report it with the log above"))
            });
            outcome = outcome.and(ended);
        }
        outcome
    }
}

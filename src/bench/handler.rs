//! The handler as users run it: `tickwire run` in a process of its own, with a configuration of the round's own, until the round is over.
//!
//! It leaves nothing behind: it is killed when we end, however we end, and its directory is removed by somebody who outlives both.

pub mod configuration;
mod destination;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

pub use configuration::{Configuration, Needs, Receive, Setup};
pub use destination::destination;

use super::folder::Folder;
use super::on_wire::Wire;
use super::process::Process;
use crate::error::{Error, Exit};
use crate::lane::interval_log::{self, Logged};
use crate::time::SharedCourse;

/// How long it may take to come up: a queue may be busy for 5 s, and gigabytes of books and rings are populated.
const UP_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to drain and to close its publications.
const DOWN_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked after.
const TURN: Duration = Duration::from_millis(5);

/// What is started, and where.
#[derive(Debug)]
pub struct Launch<'a> {
    /// What it is called in messages.
    pub label: &'a str,
    /// The program.
    pub binary: &'a Path,
    /// Its configuration.
    pub configuration: &'a Configuration,
    /// In whose memory its directory is made.
    pub memory: &'a Path,
    /// The clock that it keeps to.
    pub course: &'a SharedCourse,
    /// On whose receiving end it runs.
    pub wire: &'a Wire,
}

/// A handler that runs, from `ready` until it is stopped. Dropped, it is killed.
#[derive(Debug)]
pub struct Handler {
    // Dropped first: the folder is removed when nobody writes into it any more.
    process: Process,
    label: String,
    publications: PathBuf,
    /// Its configuration, as it was given to it, and where somebody wrote it.
    config: PathBuf,
    written: Option<PathBuf>,
    folder: Folder,
}

/// What a handler told in its life.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// How it received: AF_XDP's modes or the sockets' engine, pages, the clock.
    pub modes: Vec<String>,
    /// Records it published, all rings but `latency`; 0 if it did not say.
    pub records: u64,
    /// Its lanes' histograms, by interval.
    pub histograms: Vec<Logged>,
    /// Warnings and errors, and what else people should know.
    pub remarks: Vec<String>,
}

impl Handler {
    /// Starts one and waits until it is ready; `None`: `stop` said so meanwhile.
    ///
    /// The calling thread must live as long as the handler, where the wire is of this host: it is killed with the thread that starts it.
    ///
    /// # Errors
    /// It cannot be started, or ends by itself: then its own message, and its exit code. A program that just ends is no handler.
    pub fn start(launch: &Launch<'_>, stop: &dyn Fn() -> bool) -> Result<Option<Self>, Error> {
        let folder = Folder::new(launch.memory)?;
        let publications = folder.path().join("publications");
        let config = folder.path().join("bench.toml");
        std::fs::write(&config, launch.configuration.text(&publications, folder.path()))
            .map_err(|error| Error::new(Exit::Host, format!("cannot write {}", config.display()), error, "free memory"))?;
        let mut command = Command::new(launch.binary);
        command.args(["run", "--clock-course", &launch.course.to_string(), "--config"]).arg(&config).stdin(folder.alive());
        let spawn = |mut command: Command| launch.wire.on_receiver(move || command.spawn());
        let process = Process::start(command, format!("the handler {}", launch.label), spawn)?;
        let (label, written) = (launch.label.to_owned(), launch.configuration.file.clone());
        let mut handler = Self { process, label, publications, config, written, folder };
        let until = Instant::now() + UP_WITHIN;
        while !handler.process.log.is_ready() {
            if handler.process.ended()?.is_some_and(|status| status.success()) {
                let why = "it ended without an error, before it was ready: it is no tickwire that has `run`";
                return Err(Error::new(Exit::Usage, handler.process.what(), why, "name another build of this program"));
            }
            handler.check()?;
            if stop() {
                return Ok(None);
            }
            if Instant::now() > until {
                let why = format!("it was not ready within {} s", UP_WITHIN.as_secs());
                let error = Error::new(Exit::Failed, handler.process.what(), why, "see what it logged");
                return Err(error.quoting(handler.process.log.end()));
            }
            std::thread::sleep(TURN);
        }
        Ok(Some(handler))
    }

    /// Where it publishes.
    pub fn publications(&self) -> &Path {
        &self.publications
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// It has ended by itself: its own message, and its exit code.
    pub fn check(&mut self) -> Result<(), Error> {
        match self.process.ended()? {
            None => Ok(()),
            Some(status) => Err(self.error(status)),
        }
    }

    /// Tells it to drain and to end, and waits for that. One that does not end is killed, which is a remark.
    ///
    /// # Errors
    /// It ended with an error: its own message, and its exit code.
    pub fn stop(mut self) -> Result<Told, Error> {
        self.check()?;
        let (status, killed) = self.process.end(DOWN_WITHIN)?;
        let mut remarks = Vec::new();
        if killed {
            remarks.push(format!("{} did not end within {} s of SIGTERM, and was killed", self.process.what(), DOWN_WITHIN.as_secs()));
        } else if !status.success() {
            return Err(self.error(status));
        }
        let log = &self.process.log;
        remarks.extend(log.troubles().into_iter().map(|trouble| format!("{}: {trouble}", self.label)));
        let logged = std::fs::read(self.folder.path().join(configuration::LATENCY_LOG)).map_err(|error| error.to_string());
        let histograms = logged.and_then(|logged| interval_log::read(&logged)).unwrap_or_else(|why| {
            remarks.push(format!("{}: its histograms cannot be read: {why}", self.process.what()));
            Vec::new()
        });
        Ok(Told { modes: log.modes(), records: log.records(), histograms, remarks })
    }

    /// What its end means.
    fn error(&mut self, status: ExitStatus) -> Error {
        let error = self.process.error(status);
        if error.exit == Exit::Usage && self.process.log.says("--clock-course") {
            let why = "it keeps no time with others (it knows no --clock-course): it is older than this benchmark";
            return Error::new(error.exit, self.process.what(), why, "name a binary of a version that has `tickwire bench`");
        }
        let why = self.without_our_file(&error.why);
        let error = Error { why, ..error };
        match &self.written {
            Some(file) => error.in_file(file),
            None => error,
        }
    }

    /// A refusal without the name of the file that it was given, which nobody can look into any more, and its line.
    fn without_our_file(&self, why: &str) -> String {
        let rest = why.strip_prefix(&*self.config.to_string_lossy());
        let rest = rest.map(|rest| rest.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()).trim_start());
        rest.unwrap_or(why).to_owned()
    }
}

//! The handler as users run it: `tickwire run` in a process of its own, with a configuration of the round's own, until the round is over.
//!
//! It leaves nothing behind: it is killed when we end, however we end, and its directory is removed by somebody who outlives both.

pub mod configuration;
mod folder;
mod log;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub use configuration::{Configuration, Needs, Receive, Setup};

use self::folder::Folder;
use self::log::Log;
use super::on_wire::Wire;
use crate::error::{Error, Exit};
use crate::lane::interval_log::{self, Logged};
use crate::sys::child::{ask_to_end, end_with_us};
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
    label: String,
    // Dropped after it has ended.
    child: Running,
    log: Log,
    publications: PathBuf,
    /// Its configuration, as it was given to it, and where somebody wrote it.
    config: PathBuf,
    written: Option<PathBuf>,
    folder: Folder,
}

/// A child that does not survive its handle.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Already waited for: nothing happens.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
    /// It cannot be started, or ends by itself: then its own message, and its exit code.
    pub fn start(launch: &Launch<'_>, stop: &dyn Fn() -> bool) -> Result<Option<Self>, Error> {
        let folder = Folder::new(launch.memory)?;
        let publications = folder.path().join("publications");
        let config = folder.path().join("bench.toml");
        std::fs::write(&config, launch.configuration.text(&publications, folder.path()))
            .map_err(|error| Error::new(Exit::Host, format!("cannot write {}", config.display()), error, "free memory"))?;
        let mut command = Command::new(launch.binary);
        command
            .args(["run", "--clock-course", &launch.course.to_string(), "--config"])
            .arg(&config)
            .stdin(folder.alive())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Not systemd's business, should that have started us.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID");
        end_with_us(&mut command);
        let spawned = launch.wire.on_receiver(move || command.spawn());
        let mut child = spawned.map_err(|error| {
            let what = format!("cannot start the handler {}", launch.binary.display());
            Error::new(Exit::Host, what, error, "name a tickwire binary that this user may execute")
        })?;
        let log = Log::of(child.stderr.take());
        let mut handler = Self {
            label: launch.label.to_owned(),
            child: Running(child),
            log,
            publications,
            config,
            written: launch.configuration.file.clone(),
            folder,
        };
        let until = Instant::now() + UP_WITHIN;
        while !handler.log.is_ready() {
            handler.check()?;
            if stop() {
                return Ok(None);
            }
            if Instant::now() > until {
                let why = format!("it was not ready within {} s", UP_WITHIN.as_secs());
                let cure = "see what it logged";
                return Err(Error::new(Exit::Failed, handler.what(), why, cure).quoting(handler.log.all()));
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
        match self.child.0.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.ended(status)),
            Err(error) => Err(Error::new(Exit::Host, self.what(), error, "this is a broken host")),
        }
    }

    /// Tells it to drain and to end, and waits for that. One that does not end is killed, which is a remark.
    ///
    /// # Errors
    /// It ended with an error: its own message, and its exit code.
    pub fn stop(mut self) -> Result<Told, Error> {
        self.check()?;
        ask_to_end(&mut self.child.0).map_err(|error| Error::new(Exit::Host, self.what(), error, "this is a broken host"))?;
        let until = Instant::now() + DOWN_WITHIN;
        let mut remarks = Vec::new();
        loop {
            match self.child.0.try_wait() {
                Ok(Some(status)) if status.success() || !remarks.is_empty() => break,
                Ok(Some(status)) => return Err(self.ended(status)),
                Ok(None) if Instant::now() > until && remarks.is_empty() => {
                    remarks.push(format!("{} did not end within {} s of SIGTERM, and was killed", self.what(), DOWN_WITHIN.as_secs()));
                    let _ = self.child.0.kill();
                }
                Ok(None) => std::thread::sleep(TURN),
                Err(error) => return Err(Error::new(Exit::Host, self.what(), error, "this is a broken host")),
            }
        }
        self.log.finish();
        let troubles = self.log.troubles().into_iter().map(|trouble| format!("{}: {trouble}", self.label));
        remarks.extend(troubles);
        let logged = std::fs::read(self.folder.path().join(configuration::LATENCY_LOG)).map_err(|error| error.to_string());
        let histograms = logged.and_then(|logged| interval_log::read(&logged)).unwrap_or_else(|why| {
            remarks.push(format!("{}: its histograms cannot be read: {why}", self.what()));
            Vec::new()
        });
        Ok(Told { modes: self.log.modes(), records: self.log.records(), histograms, remarks })
    }

    /// A refusal without the name of the file that it was given, which nobody can look into any more, and its line.
    fn without_our_file(&self, why: &str) -> String {
        let rest = why.strip_prefix(&*self.config.to_string_lossy());
        let rest = rest.map(|rest| rest.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()).trim_start());
        rest.unwrap_or(why).to_owned()
    }

    fn what(&self) -> String {
        format!("the handler {}", self.label)
    }

    /// What its end means: its own words, if it had any.
    fn ended(&mut self, status: ExitStatus) -> Error {
        self.log.finish();
        let exit = status.code().and_then(|code| Exit::ALL.iter().copied().find(|exit| i32::from(exit.code()) == code));
        let exit = exit.filter(|&exit| exit != Exit::Ok).unwrap_or(Exit::Failed);
        if exit == Exit::Usage && self.log.all().contains("--clock-course") {
            let why = "it keeps no time with others (it knows no --clock-course): it is older than this benchmark";
            return Error::new(exit, self.what(), why, "name a binary of a version that has `tickwire bench`");
        }
        match self.log.last_words() {
            Some((why, quote)) => {
                let error = Error::new(exit, self.what(), self.without_our_file(&why), "").quoting(quote);
                match &self.written {
                    Some(file) => error.in_file(file),
                    None => error,
                }
            }
            None => {
                let why = format!("it ended by itself ({status})");
                Error::new(exit, self.what(), why, "see what it logged").quoting(self.log.all())
            }
        }
    }
}

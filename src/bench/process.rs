//! A child process of the benchmark: started to live no longer than we, its log read as it comes, and its end explained in its own words.

pub(super) mod log;

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use self::log::Log;
use crate::error::{Error, Exit};
use crate::sys::child::{ask_to_end, end_with_us};

/// How often one that was told to end is looked after.
const TURN: Duration = Duration::from_millis(5);

/// The child. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Process {
    /// What it is called in messages.
    what: String,
    child: Child,
    /// Whether we told it to end.
    told_to_end: bool,
    /// What it says.
    pub log: Log,
}

impl Process {
    /// Starts a program by `spawn`: on whose thread that happens, with that thread it ends.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command, what: String, spawn: impl FnOnce(Command) -> io::Result<Child>) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        // Not systemd's business, should that have started us.
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            command.env_remove(variable);
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        end_with_us(&mut command);
        let mut child = spawn(command).map_err(|error| {
            let cure = "name a tickwire binary that this user may execute";
            Error::new(Exit::Host, format!("cannot start {what}, {program}"), error, cure)
        })?;
        let log = Log::of(child.stderr.take());
        Ok(Self { what, child, told_to_end: false, log })
    }

    /// What it is called in messages.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.child.try_wait().map_err(|error| Error::new(Exit::Host, self.what.clone(), error, "this is a broken host"))
    }

    /// Tells it to end (SIGTERM), and waits for that; after `within` it is killed. Its end, and whether it had to be killed.
    pub fn end(&mut self, within: Duration) -> Result<(ExitStatus, bool), Error> {
        // One that has ended by itself was told nothing.
        if self.ended()?.is_none() {
            self.told_to_end = true;
        }
        ask_to_end(&mut self.child).map_err(|error| Error::new(Exit::Host, self.what.clone(), error, "this is a broken host"))?;
        let until = Instant::now() + within;
        let mut killed = false;
        loop {
            if let Some(status) = self.ended()? {
                self.log.finish();
                return Ok((status, killed));
            }
            if !killed && Instant::now() > until {
                killed = true;
                let _ = self.child.kill();
            }
            std::thread::sleep(TURN);
        }
    }

    /// What its end means: its own words, if it had any, and its own exit code.
    pub fn error(&mut self, status: ExitStatus) -> Error {
        self.log.finish();
        let exit = status.code().and_then(|code| Exit::ALL.iter().copied().find(|exit| i32::from(exit.code()) == code));
        let exit = exit.filter(|&exit| exit != Exit::Ok).unwrap_or(Exit::Failed);
        match self.log.last_words() {
            Some((why, quote)) => Error::new(exit, self.what.clone(), why, "").quoting(quote),
            None => {
                let how = if self.told_to_end { "told to end, it ended with an error" } else { "it ended by itself" };
                let why = format!("{how} ({status})");
                Error::new(exit, self.what.clone(), why, "see what it logged").quoting(self.log.end())
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already waited for: nothing happens.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

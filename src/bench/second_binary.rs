//! Another version of this program, in process: it runs the same benchmark by itself, a round at a time, and its result is read back.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::process::Process;
use super::results::Variant;
use super::results::json;
use super::{Control, Counts, Round, Runner};
use crate::error::{Error, Exit};

/// How often it is looked after.
const TURN: Duration = Duration::from_millis(20);
/// How long it may take to end when it is told to: it writes what it has first.
const DOWN_WITHIN: Duration = Duration::from_secs(20);

/// What is run.
#[derive(Clone, Debug)]
pub struct SecondBinaryConfig {
    /// What the runner is called.
    pub label: String,
    /// The program.
    pub binary: PathBuf,
    /// What it is told, behind `bench`: workload, pace and whatever else shapes a run in process. Rounds and outputs are ours to add.
    pub arguments: Vec<OsString>,
    /// In whose memory its result is written.
    pub memory: PathBuf,
    /// How long a round of it may take. What takes longer hangs.
    pub within: Duration,
}

/// Runs `BINARY bench …` once for each round.
#[derive(Debug)]
pub struct SecondBinary(pub SecondBinaryConfig);

impl Runner for SecondBinary {
    fn label(&self) -> &str {
        &self.0.label
    }

    fn round(&mut self, control: &mut Control<'_>) -> Result<Round, Error> {
        let config = &self.0;
        let folder = Folder::new(&config.memory)?;
        let file = folder.path().join("result.json");
        let mut command = Command::new(&config.binary);
        command.arg("bench").args(&config.arguments).args(["--rounds", "1", "--json"]).arg(&file);
        command.stdin(folder.alive());
        let what = format!("{}, another version in process", config.label);
        let mut process = Process::start(command, what.clone(), |mut command| command.spawn())?;
        let until = Instant::now() + config.within;
        let (status, stopped) = loop {
            if let Some(status) = process.ended()? {
                break (status, false);
            }
            if (control.stop)() {
                break (process.end(DOWN_WITHIN)?.0, true);
            }
            if Instant::now() > until {
                let _ = process.end(DOWN_WITHIN)?;
                let why = format!("it gave no result within {} s, far longer than its round lasts, and was ended", config.within.as_secs());
                return Err(Error::new(Exit::Failed, what, why, "see what it does by itself").quoting(process.log.end()));
            }
            std::thread::sleep(TURN);
        };
        if stopped && !file.exists() {
            // It was we who ended it: what it made of that is no error.
            let counts = Counts { stopped, ..Counts::default() };
            return Ok(Round { counts, remarks: vec![format!("{what}: stopped, it gave no result")], ..Round::default() });
        }
        // Stopped, it gives what it has, and says so by its exit code.
        if !status.success() && !stopped {
            return Err(process.error(status));
        }
        if !file.exists() {
            let why = "it ended without an error, and without a result: it is no tickwire that has `bench`";
            return Err(Error::new(Exit::Usage, what, why, "name another build of this program"));
        }
        let result = json::open(&file).map_err(|error| Error { what: format!("{what}: {}", error.what), ..error })?;
        let Some(variant) = result.variants.into_iter().next() else {
            return Err(Error::new(Exit::Failed, what, "its result has no variant", "see what it prints by itself"));
        };
        Ok(round(variant, result.stopped || stopped))
    }
}

/// The one round of a variant.
fn round(variant: Variant, stopped: bool) -> Round {
    let Variant { measures, counts, lateness, intervals, intervals_of, mut rounds, warm_up_ns, stamp_ns, modes, remarks, .. } = variant;
    let ping_pong_ns = rounds.pop().map(|figures| figures.ping_pong_ns).unwrap_or_default();
    let counts = Counts { stopped: counts.stopped || stopped, ..counts };
    Round { measures, counts, intervals, intervals_of, warm_up_ns, lateness, ping_pong_ns, modes, remarks, stamp_ns }
}

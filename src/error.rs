//! The one error of the cold path, and the exit codes.
//!
//! An [`Error`] becomes exactly one message: where, what, why, and what to do. It is built when a human will read it, never on
//! the path of a datagram: there, a reason to count is enough ([`crate::stats::Drop`]).

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use crate::shm::ShmError;

macro_rules! exits {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal),* $(,)?) => {
        /// What the process's exit code says.
        ///
        /// | code | meaning |
        /// |---|---|
        $(#[doc = concat!("| ", $code, " |", $($doc),*, " |")])*
        /// | 130 | A second SIGINT or SIGTERM ended it at once |
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Exit { $($(#[doc = $doc])* $variant = $code),* }

        impl Exit {
            /// All of them, by code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The table's sentence about it, for help texts.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii()),* }
            }
        }
    };
}

exits! {
    /// Done what was asked
    Ok = 0,
    /// Failed while running, after a good start
    Failed = 1,
    /// The command line is wrong
    Usage = 2,
    /// The configuration is refused: wrong in itself, or not for this host
    Config = 3,
    /// The host refuses: permission, kernel feature, memory, room in a tmpfs
    Host = 4,
    /// An input file cannot be read or is not what it should be
    Input = 5,
    /// A running process has it: the queue, the publication, the port
    Busy = 6,
    /// A comparison that was asked for found a difference
    Differs = 7,
    /// No such publication, or of another layout, or its writer is gone
    Publication = 8,
}

impl Exit {
    /// The number a shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The table of all codes, one a line, for help texts.
    pub fn table() -> String {
        let rows = Self::ALL.iter().map(|exit| (exit.code(), exit.meaning()));
        rows.chain([(SECOND_SIGNAL, "A second SIGINT or SIGTERM ended it at once")])
            .map(|(code, meaning)| format!("  {code:<4} {meaning}\n"))
            .collect()
    }
}

/// What the signal handler ends the process with; a test compares the two.
const SECOND_SIGNAL: u8 = 130;

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Where the cause stands, as far as it stands anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// The key, as in `lane[1].core`.
    pub key: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
        }
        match (&self.file, &self.key) {
            (Some(_), Some(key)) => write!(f, ": {key}"),
            (None, Some(key)) => write!(f, "{key}"),
            (_, None) => Ok(()),
        }
    }
}

/// What went wrong, for a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// How the process ends because of it.
    pub exit: Exit,
    /// What was being done, or what is refused, with its name and value.
    pub what: String,
    /// Where.
    pub place: Box<Place>,
    /// Why it failed: what was found, and what was expected.
    pub why: String,
    /// What to do about it; empty only where nothing can be done.
    pub cure: String,
    /// The lines of the file that are meant, shown below the message; usually empty.
    pub quote: Box<str>,
}

impl Error {
    /// An error that stands nowhere in particular.
    pub fn new(exit: Exit, what: impl Into<String>, why: impl fmt::Display, cure: impl Into<String>) -> Self {
        Self { exit, what: what.into(), place: Box::default(), why: why.to_string(), cure: cure.into(), quote: Box::default() }
    }

    /// Says in which file.
    pub fn in_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.place.file = Some(file.into());
        self
    }

    /// Shows these lines below the message.
    pub fn quoting(mut self, lines: impl Into<Box<str>>) -> Self {
        self.quote = lines.into();
        self
    }

    /// Says in which line, counted from 1.
    pub fn on_line(mut self, line: usize) -> Self {
        self.place.line = Some(line);
        self
    }

    /// Says by which key.
    pub fn at_key(mut self, key: impl Into<String>) -> Self {
        self.place.key = Some(key.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = String::new();
        if self.place.file.is_some() || self.place.key.is_some() {
            message = format!("{}: ", self.place);
        }
        let said: Vec<&str> = [self.what.as_str(), self.why.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        message += &said.join(": ");
        if !self.cure.is_empty() {
            message += "; ";
            message += &self.cure;
        }
        // Names and values come from files and command lines: none of them may move the cursor of the terminal it is shown on.
        for c in message.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        if !self.quote.is_empty() {
            write!(f, "\n{}", self.quote)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<ShmError> for Error {
    /// Its sentences are whole already.
    fn from(error: ShmError) -> Self {
        let exit = match error {
            ShmError::InUse { .. } => Exit::Busy,
            ShmError::NoRoom { .. } | ShmError::Io { .. } => Exit::Host,
            ShmError::Name { .. } | ShmError::Spec { .. } => Exit::Usage,
            _ => Exit::Publication,
        };
        Self::new(exit, "", error, "")
    }
}

/// The candidate that `given` was probably meant to be: at most one edit in three letters away.
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a name of a hundred letters, and what compares grows with the square.
    let candidates = candidates.into_iter().filter(|candidate| given.len().max(candidate.len()) <= 100);
    candidates
        .map(|candidate| (edits(given, candidate), candidate))
        .filter(|&(edits, candidate)| edits * 3 <= given.chars().count().max(candidate.chars().count()))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours from one to the other, case ignored.
fn edits(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(row[j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

//! The file as text and as read: refusals name its lines.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Config, shape};
use crate::error::{Error, Exit};

/// No configuration is longer; `/dev/zero` is.
const LONGEST_BYTES: u64 = 1 << 20;

/// The file as text and as read: refusals quote the text.
#[derive(Debug)]
pub struct ConfigFile {
    /// Where it was read.
    pub path: PathBuf,
    text: String,
    /// What it says.
    pub config: Config,
}

impl ConfigFile {
    /// Reads a file. Errors say where and what was expected, with the line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let refuse = |why: String| {
            let cure = "name an existing TOML file with --config; config/example.toml is a start";
            Error::new(Exit::Config, "the configuration cannot be read", why, cure).in_file(path)
        };
        let mut text = String::new();
        // Not by its metadata: a pipe has none, and `--config <(generate)` is a fair thing to say.
        let read = File::open(path).and_then(|file| file.take(LONGEST_BYTES + 1).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(refuse("it is no text (not UTF-8)".to_owned())),
            Err(error) => Err(refuse(error.to_string())),
            Ok(_) if text.len() as u64 > LONGEST_BYTES => Err(refuse(format!("it is longer than {LONGEST_BYTES} bytes"))),
            Ok(_) => Self::parse(path, text),
        }
    }

    /// Parses `text` as if it had been read from `path`.
    pub fn parse(path: &Path, text: String) -> Result<Self, Error> {
        match toml::from_str(&text) {
            Ok(config) => Ok(Self { path: path.to_owned(), text, config }),
            Err(error) => Err(shape::refusal(path, &text, &error)),
        }
    }

    /// What is written in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `path:line` of a place in the file.
    pub fn place(&self, span: Range<usize>) -> String {
        if span.is_empty() { self.path.display().to_string() } else { format!("{}:{}", self.path.display(), line_of(&self.text, &span)) }
    }

    /// A refusal of the value at `span` (empty: it is not written there).
    pub fn refuse(&self, span: Range<usize>, key: &str, what: impl std::fmt::Display, cure: impl std::fmt::Display) -> Error {
        let error = Error::new(Exit::Config, "", what, cure.to_string()).in_file(&self.path).at_key(key);
        if span.is_empty() { error } else { error.on_line(line_of(&self.text, &span)) }
    }
}

/// The line a span begins on, from 1.
pub(super) fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).map_or(1, |before| before.bytes().filter(|&byte| byte == b'\n').count() + 1)
}

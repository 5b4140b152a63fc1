//! A recording of either kind, opened by what it holds.

use std::path::Path;

use super::dayfile::DayFile;
use super::input::{Input, Progress, refusal};
use super::lines::Lines;
use super::pcap::{Capture, Frames};
use super::sniff::{self, Content};
use super::{Datagram, Polled, Source, SourceError};
use crate::stats::Drops;

/// A capture or a day file.
pub enum Recording {
    /// Frames of one or more lines.
    Capture(Box<Capture>),
    /// Messages, put into packets of line 0.
    DayFile(Box<DayFile>),
}

/// Opens a recording. `lines` says which datagrams of a capture are wanted (a day file has one line, 0); `midnight_ns`, the
/// venue's midnight in ns since 1970 UTC, is needed for a day file, whose messages tell only the time of day.
pub fn open(path: &Path, lines: Lines, midnight_ns: Option<u64>) -> Result<Recording, SourceError> {
    let mut input = Input::open(path)?;
    match (sniff::content(&mut input)?, midnight_ns) {
        (Content::Capture, _) => Ok(Recording::Capture(Box::new(Capture::new(Frames::read(input)?, lines)))),
        (Content::DayFile, Some(midnight_ns)) => Ok(Recording::DayFile(Box::new(DayFile::read(input, 0, midnight_ns)))),
        (Content::DayFile, None) => {
            Err(refusal(path, "is a day file, whose messages tell the time of day but not the day", "give the trading day (YYYY-MM-DD)"))
        }
    }
}

impl Recording {
    /// Whether the datagrams were made of messages, and never travelled like this.
    pub fn synthetic(&self) -> bool {
        matches!(self, Self::DayFile(_))
    }

    /// When the next datagram was received; `None` at the end. What a replay at recorded speed waits for.
    pub fn peek_ns(&mut self) -> Result<Option<u64>, SourceError> {
        match self {
            Self::Capture(capture) => capture.peek_ns(),
            Self::DayFile(dayfile) => dayfile.peek_ns(),
        }
    }

    /// Like [`Source::poll`], but lends only what was received at or before `until_ns`; `Idle` if the next one is later.
    pub fn poll_until(&mut self, until_ns: u64, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        match self {
            Self::Capture(capture) => capture.poll_until(until_ns, deliver),
            Self::DayFile(dayfile) => dayfile.poll_until(until_ns, deliver),
        }
    }

    /// Times of the first frame or message and of the last one found so far.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        match self {
            Self::Capture(capture) => capture.file().span_ns(),
            Self::DayFile(dayfile) => dayfile.span_ns(),
        }
    }

    /// Whether the file ended before its time; known once the end has been reached.
    pub fn truncated(&self) -> bool {
        self.truncation().is_some()
    }

    /// Where and why it ended before its time.
    pub fn truncation(&self) -> Option<&str> {
        match self {
            Self::Capture(capture) => capture.file().truncation(),
            Self::DayFile(dayfile) => dayfile.truncation(),
        }
    }

    /// Bytes behind a day file's end mark; 0 for captures.
    pub fn trailing_bytes(&self) -> u64 {
        match self {
            Self::Capture(_) => 0,
            Self::DayFile(dayfile) => dayfile.trailing_bytes(),
        }
    }

    /// How far the file has been read.
    pub fn progress(&self) -> Progress {
        match self {
            Self::Capture(capture) => capture.file().progress(),
            Self::DayFile(dayfile) => dayfile.progress(),
        }
    }
}

impl Source for Recording {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        self.poll_until(u64::MAX, deliver)
    }

    fn frames(&self) -> u64 {
        match self {
            Self::Capture(capture) => capture.frames(),
            Self::DayFile(dayfile) => dayfile.frames(),
        }
    }

    fn drops(&self) -> &Drops {
        match self {
            Self::Capture(capture) => capture.drops(),
            Self::DayFile(dayfile) => dayfile.drops(),
        }
    }
}

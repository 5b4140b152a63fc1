//! How the writer is, asked seldom: what every subscription does when nothing comes.
//!
//! A look at the header's state word costs a load, the rest up to two system calls, so they are made after a number of idle looks and
//! at most a hundred times a second. Whatever the writer wrote before it ended is delivered before its end is told.

use std::time::{Duration, Instant};

use super::consumer::{Publication, WriterState};
use super::error::ShmError;

/// How many times in a row nothing came before the writer's state is looked at.
const IDLE_LOOKS: u32 = 16;
/// How often at most the operating system is asked about file and writer.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// What became of the writer.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Not asked, or there is still something to deliver.
    Unknown,
    /// It lives.
    Alive,
    /// It is gone without a word; told once.
    Dead,
    /// It ended, and nothing follows. Told from then on whenever it is asked.
    Ended,
    /// It, or a later one, goes on in this file.
    Follow(Publication),
}

/// When the writer was asked after last, and what is known for good.
#[derive(Debug)]
pub(crate) struct Watch {
    idle: u32,
    asked: Instant,
    dead: bool,
    ended: bool,
}

impl Watch {
    pub fn new() -> Self {
        Self { idle: 0, asked: Instant::now(), dead: false, ended: false }
    }

    /// Something came.
    #[inline]
    pub fn came(&mut self) {
        self.idle = 0;
    }

    /// Nothing came. `drained` looks again whether that is so, after the writer's state is known.
    #[inline]
    pub fn idle(&mut self, publication: &Publication, drained: impl FnOnce() -> bool) -> Result<Fate, ShmError> {
        self.idle = self.idle.wrapping_add(1);
        if self.idle.is_multiple_of(IDLE_LOOKS) || self.ended { self.ask(publication, drained) } else { Ok(Fate::Unknown) }
    }

    #[cold]
    fn ask(&mut self, publication: &Publication, drained: impl FnOnce() -> bool) -> Result<Fate, ShmError> {
        if self.ended {
            return Ok(Fate::Ended);
        }
        if !publication.is_over() {
            let now = Instant::now();
            if now.duration_since(self.asked) < ASK_EVERY {
                return Ok(Fate::Unknown);
            }
            self.asked = now;
        }
        let writer = publication.writer()?;
        if writer == WriterState::Alive {
            return Ok(Fate::Alive);
        }
        // Whatever it wrote before that is delivered first.
        if !drained() {
            return Ok(Fate::Unknown);
        }
        match writer {
            WriterState::Closed => self.ended = true,
            WriterState::Replaced => return self.follow(publication),
            WriterState::Dead if !std::mem::replace(&mut self.dead, true) => return Ok(Fate::Dead),
            WriterState::Dead | WriterState::Alive => return Ok(Fate::Unknown),
        }
        Ok(Fate::Ended)
    }

    /// Opens the new epoch.
    fn follow(&mut self, publication: &Publication) -> Result<Fate, ShmError> {
        match publication.reopen() {
            // The same again, copied over itself by somebody: there is no writer behind it.
            Ok(next) if next.epoch() == publication.epoch() => {
                self.ended = true;
                Ok(Fate::Ended)
            }
            Ok(next) => {
                (self.dead, self.idle) = (false, 0);
                Ok(Fate::Follow(next))
            }
            // Removed, and nothing came in its place.
            Err(ShmError::NotFound { .. }) => {
                self.ended = true;
                Ok(Fate::Ended)
            }
            Err(e) => Err(e),
        }
    }
}

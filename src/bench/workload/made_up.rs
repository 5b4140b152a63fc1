//! A workload that nobody recorded: the generator's frames, taken as they come, never a file.

use std::io::{Error as IoError, ErrorKind};

use super::gathering::Gathering;
use super::{Limit, Selection, Workload};
use crate::bench::{Control, Progress};
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::generate::{self, CaptureConfig, GenerateConfig, GenerateError, Style};
use crate::source::frame::udp_payload;
use crate::source::lines::Lines;

impl Workload {
    /// Makes a day up: `day` says which, `capture` on which lines, with which losses. The same as writing the generator's capture and
    /// reading it again, without the file. Progress is told in messages.
    ///
    /// # Errors
    /// The day cannot be made up, or memory does not hold it.
    pub fn made_up(day: &GenerateConfig, capture: &CaptureConfig, limit: Limit, control: &mut Control<'_>) -> Result<Self, Error> {
        let feed = match day.style {
            Style::Nasdaq => FeedName::NasdaqItch,
            Style::Bx => FeedName::BxItch,
            Style::Psx => FeedName::PsxItch,
        };
        let what = format!("a made-up day of {feed}: {} messages of {} symbols, seed {}", day.messages, day.symbols, day.seed);
        let selection = Selection { feed, lines: Vec::new(), midnight_ns: Some(day.date_midnight_utc_ns), limit };
        let mut gathering = Gathering::new(what, &selection)?;
        let mut lines = Lines::learning(capture.lines.len());
        let (mut failed, stop) = (None, control.stop);
        let made = generate::frames(
            day,
            capture,
            &mut |recorded_ns, frame| {
                // The generator's frames are whole, and of its own lines.
                let Ok(udp) = udp_payload(frame) else { return Ok(()) };
                let Some(line) = lines.find_or_learn(udp.group, udp.port) else { return Ok(()) };
                let more = gathering.take(usize::from(line), recorded_ns, udp.payload).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                });
                // Asked as often as other sources are polled.
                let enough = !more || (gathering.taken().is_multiple_of(64) && stop());
                if enough { Err(IoError::from(ErrorKind::Interrupted)) } else { Ok(()) }
            },
            &mut |messages| (control.progress)(Progress { done: messages, total: day.messages }),
        );
        match made {
            Err(GenerateError::Write(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(GenerateError::Config { key, value, expected, cure }) => {
                return Err(Error::new(Exit::Usage, format!("{key} = {value}"), format!("expected {expected}"), cure));
            }
            Err(error @ GenerateError::Write(_)) => return Err(Error::new(Exit::Failed, "", error, "")),
            Ok(_) => {}
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if stop() {
            gathering.stopped()?;
            gathering.remark("making the day up was stopped: this is its beginning".to_owned());
        }
        gathering.finish(|line| lines.keys().get(line).copied(), "none was made")
    }
}

//! A workload from a file: a capture's datagrams as they are, a day file's messages in the packets that a replay would make of them.

use std::net::Ipv4Addr;
use std::path::Path;

use super::gathering::Gathering;
use super::{Selection, Workload};
use crate::bench::{Control, Progress};
use crate::error::{Error, Exit};
use crate::source::file::{self, Recording};
use crate::source::lines::{LineKey, Lines, MAX_LINES};
use crate::source::{Polled, Source, SourceError};

/// Destinations of a capture that are told apart, whatever they carry.
const DESTINATIONS: usize = 4096;

/// Where a day file's datagrams go if nobody says: the generator's line A.
const DAY_FILE_LINE: LineKey = LineKey { group: Ipv4Addr::new(239, 192, 1, 1), port: 26_400 };

impl Workload {
    /// Reads a capture (pcap or pcapng) or a Nasdaq day file, plain or gzip, told apart by content. Progress is told in bytes of the file.
    ///
    /// A capture is taken as it is, gaps, restarts and duplicates included; one that is cut or damaged ends there, and a remark says so.
    ///
    /// # Errors
    /// The file cannot be read or is neither; nothing of the feed is in it; a day file without a day, or of a feed that is not ITCH; more
    /// datagrams than memory holds.
    pub fn recorded(path: &Path, selection: &Selection, control: &mut Control<'_>) -> Result<Self, Error> {
        if selection.lines.len() > MAX_LINES {
            let why = format!("{} lines are named, and one run takes {MAX_LINES} at most", selection.lines.len());
            return Err(Error::new(Exit::Usage, path.display().to_string(), why, "name fewer with --line"));
        }
        let lines = if selection.lines.is_empty() { Lines::learning(DESTINATIONS) } else { Lines::new(&selection.lines) };
        let mut recording = file::open(path, lines, selection.midnight_ns).map_err(unreadable)?;
        let mut selection = selection.clone();
        if recording.synthetic() {
            if selection.feed.itch_market().is_none() {
                let why = format!("it is a Nasdaq day file, and {} is no ITCH feed", selection.feed);
                return Err(Error::new(Exit::Usage, path.display().to_string(), why, "name nasdaq-itch, bx-itch or psx-itch"));
            }
            selection.lines.truncate(1);
            if selection.lines.is_empty() {
                selection.lines.push(DAY_FILE_LINE);
            }
        }
        let mut gathering = Gathering::new(path.display().to_string(), &selection)?;
        gather(&mut recording, &mut gathering, control)?;
        if let Some(why) = recording.truncation() {
            gathering.remark(format!("{} is not whole: {why}; what comes before is replayed", path.display()));
        }
        if (control.stop)() {
            gathering.stopped()?;
            gathering.remark("reading was stopped: this is the beginning".to_owned());
        }
        let dropped: Vec<String> = recording.drops().iter().map(|(reason, count)| format!("{} {count}", reason.name())).collect();
        if !dropped.is_empty() {
            gathering.remark(format!("frames that are no datagrams of these lines were left out: {}", dropped.join(", ")));
        }
        let seen = match &recording {
            Recording::Capture(capture) if !selection.lines.is_empty() && gathering.taken() == 0 => {
                format!("{} frames{}", capture.frames(), destinations(path, control))
            }
            Recording::Capture(capture) if capture.lines().keys().is_empty() => format!("{} frames, no UDP datagrams", capture.frames()),
            Recording::Capture(capture) => format!("{} frames, {} destinations", capture.frames(), capture.lines().keys().len()),
            Recording::DayFile(dayfile) => format!("{} messages", dayfile.messages()),
        };
        let key = |line: usize| match &recording {
            Recording::Capture(capture) => capture.lines().keys().get(line).copied(),
            Recording::DayFile(_) => selection.lines.get(line).copied(),
        };
        gathering.finish(key, &seen)
    }
}

/// Takes what the recording has, until there is enough or `control` says stop.
fn gather(recording: &mut Recording, gathering: &mut Gathering, control: &mut Control<'_>) -> Result<(), Error> {
    let mut failed = None;
    let mut go_on = true;
    while go_on && !(control.stop)() {
        let polled = recording.poll(&mut |datagram| {
            if go_on {
                match gathering.take(usize::from(datagram.line), datagram.recv_ns, datagram.payload) {
                    Ok(more) => go_on = more,
                    Err(error) => (failed, go_on) = (Some(error), false),
                }
            }
        });
        if polled.map_err(unreadable)? == Polled::End {
            break;
        }
        let read = recording.progress();
        (control.progress)(Progress { done: read.read, total: read.total });
    }
    failed.map_or(Ok(()), Err)
}

/// Where a capture's datagrams do go, as far as a line holds it; empty where the file cannot be read again.
fn destinations(path: &Path, control: &Control<'_>) -> String {
    const SHOWN: usize = 8;
    let Ok(Recording::Capture(mut capture)) = file::open(path, Lines::learning(DESTINATIONS), None) else { return String::new() };
    while !(control.stop)() && capture.poll(&mut |_| ()).is_ok_and(|polled| polled != Polled::End) {}
    let keys = capture.lines().keys();
    let mut shown: Vec<String> = keys.iter().take(SHOWN).map(ToString::to_string).collect();
    if keys.len() > SHOWN {
        shown.push("…".to_owned());
    }
    format!(", to {}", shown.join(", "))
}

fn unreadable(SourceError { what, why, cure }: SourceError) -> Error {
    Error::new(Exit::Input, what, why, cure)
}

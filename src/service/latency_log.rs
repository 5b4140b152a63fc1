//! `service.latency_log`: the lanes' histograms on disk, once a second.
//!
//! A log that is there is gone on with: restarts are new headers in one file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hdrhistogram::serialization::V2DeflateSerializer;

use crate::error::{Error, Exit};
use crate::lane::interval_log::{self, FIRST_LINE};
use crate::lane::latency::Histograms;
use crate::sys::tsc;

/// An interval is written when it is so long. Lanes hand over twice a second, give or take a turn of theirs.
const INTERVAL_NS: u64 = 950_000_000;
/// No line is longer: a histogram with a count in every place is below 100 KiB.
const LONGEST_LINE: u64 = 1 << 20;

/// The log, or none.
pub(super) struct LatencyLog(Option<Open>);

struct Open {
    path: PathBuf,
    file: File,
    began_ns: u64,
    serializer: V2DeflateSerializer,
    /// By lane: what is not written yet.
    lanes: Vec<(String, Histograms)>,
}

impl LatencyLog {
    /// Opens what the plan asks for, and begins a run in it.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self(None)) };
        let began_ns = tsc::realtime_ns();
        let open = |file| Open { path: path.to_owned(), file, began_ns, serializer: V2DeflateSerializer::new(), lanes: Vec::new() };
        begin(path, began_ns).map(|file| Self(Some(open(file)))).map_err(|error| {
            let cure = "make its directory, let the service write there, name another file, or remove service.latency_log";
            Error::new(Exit::Host, format!("the latency log {} cannot be written", path.display()), error, cure)
        })
    }

    /// Takes what a lane has handed over.
    pub(super) fn add(&mut self, lane: &str, recorded: &Histograms) {
        let Some(open) = &mut self.0 else { return };
        let at = open.lanes.iter().position(|(name, _)| name == lane).unwrap_or_else(|| {
            let mut empty = recorded.clone();
            empty.reset();
            open.lanes.push((lane.to_owned(), empty));
            open.lanes.len() - 1
        });
        let (_, waiting) = &mut open.lanes[at];
        waiting.add(recorded);
        if waiting.to_ns.saturating_sub(waiting.from_ns) >= INTERVAL_NS {
            let written = open.write(at);
            self.keep(written);
        }
    }

    /// Writes what is left.
    pub(super) fn finish(&mut self) {
        let Some(open) = &mut self.0 else { return };
        let written = (0..open.lanes.len()).try_for_each(|at| open.write(at));
        self.keep(written);
    }

    /// A line that is cut would spoil those behind it: the first failure ends the log.
    fn keep(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && let Some(Open { path, .. }) = self.0.take()
        {
            tracing::warn!("the latency log {} ends here, it cannot be written: {error}", path.display());
        }
    }
}

impl Open {
    fn write(&mut self, at: usize) -> io::Result<()> {
        let Some((lane, waiting)) = self.lanes.get_mut(at) else { return Ok(()) };
        let lines = interval_log::lines(lane, waiting, self.began_ns, &mut self.serializer)?;
        waiting.reset();
        // Straight to the file: whoever looks sees whole lines.
        self.file.write_all(&lines)
    }
}

/// Opens the file, cuts off the half of a line that a killed run may have left, and writes the header.
fn begin(path: &Path, began_ns: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    let bytes = file.seek(SeekFrom::End(0))?;
    if bytes > 0 {
        let mut first = [0; FIRST_LINE.len()];
        file.rewind()?;
        if file.read_exact(&mut first).is_err() || first != FIRST_LINE.as_bytes() {
            return Err(io::Error::other("it is there already, and is no histogram log"));
        }
        let mut end = Vec::new();
        let from = bytes.saturating_sub(LONGEST_LINE);
        file.seek(SeekFrom::Start(from))?;
        Read::by_ref(&mut file).take(LONGEST_LINE).read_to_end(&mut end)?;
        let whole = end.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at as u64 + 1);
        file.set_len(from + whole)?;
    }
    file.write_all(&interval_log::header(began_ns)?)?;
    Ok(file)
}

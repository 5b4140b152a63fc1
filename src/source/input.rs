//! A file's bytes, read in pieces through one buffer of fixed size and gunzipped on the way if they are gzip.
//!
//! Whether they are is told from the first two bytes, never from the name. A gzip stream that is cut or damaged ends the
//! input like the end of the file does, and [`Input::damage`] says so: what came before is still delivered. Only a real
//! read error is an error. Memory is bounded by the buffer whatever the file claims.

use std::fs::File;
use std::io::{BufReader, Chain, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::SourceError;
use crate::sys::opened::open_to_read;

/// One read of the page cache per MiB: beyond that nothing is gained, and it stays within a core's L2.
const BUFFER: usize = 1 << 20;

/// Free bytes kept in front of what is unread, so that a header can be put before it without copying it.
const HEADROOM: usize = 32;

/// The most that may be asked for at once.
pub(super) const MAX_FILL: usize = BUFFER - HEADROOM;

/// How far a file has been read, in bytes of the file as it is stored (compressed, if it is).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read so far.
    pub read: u64,
    /// Bytes in the file; 0 where that is not known (a pipe).
    pub total: u64,
}

struct Counted {
    file: File,
    read: u64,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buf)?;
        self.read += n as u64;
        Ok(n)
    }
}

/// The first two bytes, taken off to look at, and the rest: works for pipes, which cannot seek back.
type Stored = Chain<Cursor<Vec<u8>>, Counted>;

enum Reader {
    Plain(Stored),
    Gzip(Box<MultiGzDecoder<BufReader<Stored>>>),
}

pub(super) struct Input {
    path: PathBuf,
    reader: Reader,
    total: u64,
    buf: Box<[u8]>,
    /// What is unread stands at `start..end`; `start` never falls below `HEADROOM`.
    start: usize,
    end: usize,
    /// Position of `start` in the (uncompressed) bytes.
    position: u64,
    finished: bool,
    damage: Option<&'static str>,
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let refused = |why: std::io::Error| refusal(path, format!("cannot be read: {why}"), "check the path and its permissions");
        let file = open_to_read(path).map_err(refused)?;
        let total = file.metadata().map_err(refused)?.len();
        let mut stored = Counted { file, read: 0 };
        let mut head = Vec::with_capacity(2);
        (&mut stored).take(2).read_to_end(&mut head).map_err(refused)?;
        let gzip = head == [0x1f, 0x8b];
        let stored = Cursor::new(head).chain(stored);
        let reader = if gzip {
            Reader::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, stored))))
        } else {
            Reader::Plain(stored)
        };
        let buf = vec![0; BUFFER].into_boxed_slice();
        let path = path.to_owned();
        Ok(Self { path, reader, total, buf, start: HEADROOM, end: HEADROOM, position: 0, finished: false, damage: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Offset of the first unread byte in the uncompressed file.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn progress(&self) -> Progress {
        let stored = match &self.reader {
            Reader::Plain(stored) => stored,
            Reader::Gzip(decoder) => decoder.get_ref().get_ref(),
        };
        Progress { read: stored.get_ref().1.read, total: self.total }
    }

    /// Why the bytes ended before the file's own end, if they did.
    pub(super) fn damage(&self) -> Option<&'static str> {
        self.damage
    }

    /// Sees to it that at least `want` (at most [`MAX_FILL`]) bytes are unread in the buffer, and returns how many are:
    /// fewer than `want` only at the end.
    #[inline]
    pub(super) fn fill(&mut self, want: usize) -> Result<usize, SourceError> {
        let have = self.end - self.start;
        if have >= want || self.finished { Ok(have) } else { self.refill(want) }
    }

    #[cold]
    fn refill(&mut self, want: usize) -> Result<usize, SourceError> {
        let want = want.min(MAX_FILL);
        if self.start == self.end {
            (self.start, self.end) = (HEADROOM, HEADROOM);
        } else if self.start + want > self.buf.len() {
            self.buf.copy_within(self.start..self.end, HEADROOM);
            self.end = HEADROOM + (self.end - self.start);
            self.start = HEADROOM;
        }
        while self.end - self.start < want && !self.finished {
            let room = &mut self.buf[self.end..];
            let read = match &mut self.reader {
                Reader::Plain(stored) => stored.read(room),
                Reader::Gzip(decoder) => decoder.read(room),
            };
            match (read, &self.reader) {
                (Ok(0), _) => self.finished = true,
                (Ok(n), _) => self.end += n,
                (Err(why), _) if why.kind() == ErrorKind::Interrupted => {}
                (Err(why), Reader::Gzip(_)) if why.kind() == ErrorKind::UnexpectedEof => self.stop("the gzip stream is cut"),
                (Err(why), Reader::Gzip(_)) if matches!(why.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
                    self.stop("the gzip stream is damaged");
                }
                (Err(why), _) => {
                    let why = format!("reading failed at byte {}: {why}", self.progress().read);
                    return Err(refusal(&self.path, why, "check the disk or copy the file anew"));
                }
            }
        }
        Ok(self.end - self.start)
    }

    fn stop(&mut self, damage: &'static str) {
        self.finished = true;
        self.damage = Some(damage);
    }

    /// What is unread in the buffer.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    /// The next `n` unread bytes with `header` (at most 32 bytes) written before them, over bytes already consumed.
    #[inline]
    pub(super) fn framed(&mut self, header: &[u8], n: usize) -> &[u8] {
        let n = n.min(self.end - self.start);
        let Some(from) = self.start.checked_sub(header.len()) else { return &[] };
        if let Some(place) = self.buf.get_mut(from..self.start) {
            place.copy_from_slice(header);
        }
        self.buf.get(from..self.start + n).unwrap_or_default()
    }

    /// Takes `n` bytes off the buffer (no more than are there).
    #[inline]
    pub(super) fn consume(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.position += n as u64;
    }

    /// Passes over `n` bytes however many that are, and returns how many there were.
    pub(super) fn skip(&mut self, n: u64) -> Result<u64, SourceError> {
        let mut left = n;
        while left > 0 {
            let have = self.fill(1)?;
            if have == 0 {
                break;
            }
            let step = have.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.consume(step);
            left -= step as u64;
        }
        Ok(n - left)
    }
}

/// The one sentence with which a file is refused.
pub(super) fn refusal(path: &Path, why: impl Into<String>, cure: impl Into<String>) -> SourceError {
    SourceError { what: path.display().to_string(), why: why.into(), cure: cure.into() }
}

//! Capture files: classic pcap and pcapng, plain or gzip, told apart by content, read as a stream.
//!
//! [`Frames`] walks the frames; [`Capture`] makes a [`Source`] of them. What cannot be a capture of ours is refused when it
//! is opened, with one sentence. What goes wrong behind the first byte of the first record ends the capture instead:
//! everything complete before it is delivered, and [`Frames::truncation`] says where it ended and why. Nothing a file
//! claims makes us reserve memory.

mod classic;
mod link;
mod order;
mod pcapng;

use std::path::Path;

use super::frame::{ChecksumPolicy, payload_offset, udp_checksum_ok};
use super::input::{Input, Progress, refusal};
use super::lines::Lines;
use super::sniff::{self, Content};
use super::{Datagram, LineIndex, Polled, Source, SourceError};
use crate::stats::{Drop, Drops};
use classic::Classic;
pub use link::Link;
use pcapng::Pcapng;

/// No tool keeps more of a frame than this (libpcap's MAXIMUM_SNAPLEN); a longer record is damage.
const MAX_FRAME: u32 = 262_144;

/// At most this many datagrams are lent by one poll, as from a receive ring.
const BATCH: u32 = 64;

const _: () = assert!(MAX_FRAME as usize + (64 << 10) <= super::input::MAX_FILL);

/// A frame that stands complete in the input's buffer.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// When it was captured; simple packet blocks don't tell.
    ns: Option<u64>,
    /// `None`: of a link type that is not ours.
    link: Option<Link>,
    /// Where the frame begins in the record.
    offset: usize,
    /// Bytes kept of the frame.
    len: usize,
    /// Bytes it had on the wire.
    wire_len: usize,
    /// Bytes of the record.
    whole: usize,
}

/// What stands next in the file.
#[derive(Debug)]
enum Step {
    Frame(Record),
    End,
    /// The file ends within a record.
    Cut,
    Damaged(&'static str),
}

#[derive(Debug)]
enum Format {
    Classic(Classic),
    Pcapng(Pcapng),
}

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured, ns since 1970 UTC. Where the file doesn't say, the time of the frame before it.
    pub ns: u64,
    /// What it begins with; `None`: a link layer we do not understand (only in a capture that mixes interfaces).
    pub link: Option<Link>,
    /// How long it was on the wire; `bytes` may be shorter.
    pub wire_len: usize,
    /// What the capture kept of it.
    pub bytes: &'a [u8],
}

/// The frames of a capture file.
pub struct Frames {
    input: Input,
    format: Format,
    current: Option<Record>,
    ended: bool,
    count: u64,
    first_ns: Option<u64>,
    last_ns: u64,
    truncation: Option<String>,
}

impl Frames {
    /// Opens a capture, or says in one sentence why the file is none.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let mut input = Input::open(path)?;
        match sniff::content(&mut input)? {
            Content::Capture => Self::read(input),
            Content::DayFile => {
                Err(refusal(path, "looks like a Nasdaq day file, where a capture of frames is needed", "give a pcap or pcapng file"))
            }
        }
    }

    /// Reads the headers of what has been recognised as a capture.
    pub(super) fn read(mut input: Input) -> Result<Self, SourceError> {
        input.fill(4)?;
        let format = match classic::magic(input.unread()) {
            Some((order, unit_ns)) => Format::Classic(Classic::open(&mut input, order, unit_ns)?),
            None => Format::Pcapng(Pcapng::open(&mut input)?),
        };
        Ok(Self { input, format, current: None, ended: false, count: 0, first_ns: None, last_ns: 0, truncation: None })
    }

    /// Whether a capture begins with these bytes (four are enough).
    pub(super) fn begins_with(head: &[u8]) -> bool {
        classic::magic(head).is_some() || head.starts_with(&pcapng::SECTION)
    }

    /// The next frame, or `None` at the end. The frame before it is given up.
    #[allow(clippy::should_implement_trait)] // lends, so it cannot be an Iterator
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        Ok(if self.advance()? { self.current() } else { None })
    }

    /// Goes on to the next frame; false at the end.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, SourceError> {
        if let Some(record) = self.current.take() {
            self.input.consume(record.whole);
        }
        if self.ended {
            return Ok(false);
        }
        let step = match &mut self.format {
            Format::Classic(classic) => classic.next(&mut self.input)?,
            Format::Pcapng(pcapng) => pcapng.next(&mut self.input)?,
        };
        let Step::Frame(record) = step else {
            self.end(&step);
            return Ok(false);
        };
        self.last_ns = record.ns.unwrap_or(self.last_ns);
        self.first_ns.get_or_insert(self.last_ns);
        self.count += 1;
        self.current = Some(record);
        Ok(true)
    }

    #[cold]
    fn end(&mut self, step: &Step) {
        self.ended = true;
        let at = self.input.position();
        let why = match (step, self.input.damage()) {
            (Step::Damaged(why), _) => *why,
            (_, Some(damage)) => damage,
            (Step::Cut, None) => "the file ends within a record",
            (Step::Frame(_) | Step::End, None) => return,
        };
        self.truncation = Some(format!("{why} (byte {at}, after {} frames)", self.count));
    }

    /// The frame last advanced to.
    #[inline]
    pub fn current(&self) -> Option<Frame<'_>> {
        let record = self.current.as_ref()?;
        let bytes = self.input.unread().get(record.offset..record.offset + record.len).unwrap_or_default();
        Some(Frame { ns: self.last_ns, link: record.link, wire_len: record.wire_len, bytes })
    }

    /// Frames found so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Time of the first frame, and of the last one found so far.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        self.first_ns.map(|first| (first, self.last_ns))
    }

    /// Where and why the capture ended before its time, if it did; known once the end has been reached.
    pub fn truncation(&self) -> Option<&str> {
        self.truncation.as_deref()
    }

    /// How far the file has been read.
    pub fn progress(&self) -> Progress {
        self.input.progress()
    }
}

/// The next datagram, found but not lent yet: where it stands in the current frame.
#[derive(Clone, Copy, Debug)]
struct Found {
    line: LineIndex,
    offset: usize,
    len: usize,
}

/// A capture file as a source: its clock is the capture's.
pub struct Capture {
    frames: Frames,
    lines: Lines,
    checksums: ChecksumPolicy,
    drops: Drops,
    found: Option<Found>,
}

impl Capture {
    /// Opens a capture; datagrams of `lines` are lent, others counted as [`Drop::UnknownLine`].
    pub fn open(path: &Path, lines: Lines) -> Result<Self, SourceError> {
        Ok(Self::new(Frames::open(path)?, lines))
    }

    /// The datagrams of these frames.
    pub fn new(frames: Frames, lines: Lines) -> Self {
        Self { frames, lines, checksums: ChecksumPolicy::Ignore, drops: Drops::default(), found: None }
    }

    /// Sets what is done about wrong UDP checksums; the default is to ignore them.
    pub fn with_checksums(mut self, policy: ChecksumPolicy) -> Self {
        self.checksums = policy;
        self
    }

    /// The lines, with what was learnt.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The frames below: count, times, progress, truncation.
    pub fn file(&self) -> &Frames {
        &self.frames
    }

    /// Whether the file ended before its time; known once the end has been reached.
    pub fn truncated(&self) -> bool {
        self.frames.truncation().is_some()
    }

    /// When the next datagram was captured; `None` at the end. Looks ahead: frames that are no datagrams of ours are
    /// counted on the way.
    pub fn peek_ns(&mut self) -> Result<Option<u64>, SourceError> {
        Ok(self.find()?.map(|_| self.frames.last_ns))
    }

    /// Like [`Source::poll`], but lends only what was captured at or before `until_ns`; `Idle` if the next one is later.
    pub fn poll_until(&mut self, until_ns: u64, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        let mut lent = 0;
        while lent < BATCH {
            let Some(found) = self.find()? else {
                return Ok(if lent == 0 { Polled::End } else { Polled::Delivered(lent) });
            };
            let recv_ns = self.frames.last_ns;
            if recv_ns > until_ns {
                return Ok(if lent == 0 { Polled::Idle } else { Polled::Delivered(lent) });
            }
            self.found = None;
            if let Some(payload) = self.frames.current().and_then(|frame| frame.bytes.get(found.offset..found.offset + found.len)) {
                deliver(Datagram { line: found.line, recv_ns, payload });
                lent += 1;
            }
        }
        Ok(Polled::Delivered(lent))
    }

    /// Finds the next datagram of a line, if it is not found already.
    #[inline]
    fn find(&mut self) -> Result<Option<Found>, SourceError> {
        while self.found.is_none() && self.frames.advance()? {
            match self.datagram() {
                Ok(found) => self.found = Some(found),
                Err(reason) => self.drops.count(reason),
            }
        }
        Ok(self.found)
    }

    #[inline]
    fn datagram(&mut self) -> Result<Found, Drop> {
        let frame = self.frames.current().ok_or(Drop::FrameCut)?;
        let udp = frame.link.ok_or(Drop::NotIpv4)?.udp(frame.bytes, frame.wire_len)?;
        let line = self.lines.find_or_learn(udp.group, udp.port).ok_or(Drop::UnknownLine)?;
        if self.checksums == ChecksumPolicy::Verify && !udp_checksum_ok(&udp) {
            return Err(Drop::BadChecksum);
        }
        let offset = payload_offset(frame.bytes, &udp).ok_or(Drop::FrameCut)?;
        Ok(Found { line, offset, len: udp.payload.len() })
    }
}

impl Source for Capture {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        self.poll_until(u64::MAX, deliver)
    }

    fn frames(&self) -> u64 {
        self.frames.count()
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

//! Nasdaq day files: a whole day of ITCH messages, each behind its length (u16, big-endian), with no packets around them.
//!
//! The path wants datagrams, so consecutive messages are put into MoldUDP64 packets: session `DAYFILE   `, sequence from 1,
//! at most [`MAX_PACKET`] bytes, and messages at most [`MAX_SPAN_NS`] apart, as a publisher would have sent them. A day
//! file's framing of a message is exactly a MoldUDP64 message block, so a packet is a run of the file's own bytes with a
//! header written before it, over bytes that are done with: nothing is copied. Where packets end depends on the messages
//! alone, never on how the file was read.

use std::path::Path;

use super::input::{Input, Progress, refusal};
use super::sniff::{self, Content};
use super::{Datagram, LineIndex, Polled, Source, SourceError};
use crate::stats::Drops;

/// The session all day files have.
pub const SESSION: &[u8; 10] = b"DAYFILE   ";

/// Largest packet made of more than one message: what fits an Ethernet frame with room to spare.
pub const MAX_PACKET: usize = 1400;

/// Messages further apart than this do not share a packet.
pub const MAX_SPAN_NS: u64 = 1_000;

/// Session, sequence, count.
const HEADER: usize = 20;

/// At most this many datagrams are lent by one poll.
const BATCH: u32 = 64;

/// A packet found but not lent yet; its blocks stand unread in the input.
#[derive(Clone, Copy, Debug)]
struct Packet {
    /// Bytes of the message blocks.
    len: usize,
    count: u16,
    recv_ns: u64,
}

/// A day file as a source. Its datagrams are synthetic; it has no frames.
pub struct DayFile {
    input: Input,
    line: LineIndex,
    midnight_ns: u64,
    /// Number of the next message.
    sequence: u64,
    found: Option<Packet>,
    ended: bool,
    first_ns: Option<u64>,
    last_ns: u64,
    trailing: u64,
    truncation: Option<String>,
    drops: Drops,
}

impl DayFile {
    /// Opens a day file, or says in one sentence why the file is none. Its datagrams come by `line`; `midnight_ns` is the
    /// venue's midnight (ns since 1970 UTC), from which the messages' times count.
    pub fn open(path: &Path, line: LineIndex, midnight_ns: u64) -> Result<Self, SourceError> {
        let mut input = Input::open(path)?;
        match sniff::content(&mut input)? {
            Content::DayFile => Ok(Self::read(input, line, midnight_ns)),
            Content::Capture => {
                Err(refusal(path, "is a capture of frames, where a day file is needed", "give a file of messages behind their lengths"))
            }
        }
    }

    /// Reads what has been recognised as a day file.
    pub(super) fn read(input: Input, line: LineIndex, midnight_ns: u64) -> Self {
        Self {
            input,
            line,
            midnight_ns,
            sequence: 1,
            found: None,
            ended: false,
            first_ns: None,
            last_ns: midnight_ns,
            trailing: 0,
            truncation: None,
            drops: Drops::default(),
        }
    }

    /// Messages lent so far.
    pub fn messages(&self) -> u64 {
        self.sequence - 1
    }

    /// Time of the first message and of the last one found so far.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        self.first_ns.map(|first| (first, self.last_ns))
    }

    /// Whether the file ends within a message; known once the end has been reached.
    pub fn truncated(&self) -> bool {
        self.truncation.is_some()
    }

    /// Where and why it ended before its time.
    pub fn truncation(&self) -> Option<&str> {
        self.truncation.as_deref()
    }

    /// Bytes behind the end mark, which belong to no message; known once the end has been reached.
    pub fn trailing_bytes(&self) -> u64 {
        self.trailing
    }

    /// How far the file has been read.
    pub fn progress(&self) -> Progress {
        self.input.progress()
    }

    /// The time of the next packet: that of its last message. `None` at the end.
    pub fn peek_ns(&mut self) -> Result<Option<u64>, SourceError> {
        Ok(self.find()?.map(|packet| packet.recv_ns))
    }

    /// Like [`Source::poll`], but lends only packets of `until_ns` or before; `Idle` if the next one is later.
    pub fn poll_until(&mut self, until_ns: u64, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        let mut lent = 0;
        while lent < BATCH {
            let Some(packet) = self.find()? else {
                return Ok(if lent == 0 { Polled::End } else { Polled::Delivered(lent) });
            };
            if packet.recv_ns > until_ns {
                return Ok(if lent == 0 { Polled::Idle } else { Polled::Delivered(lent) });
            }
            self.found = None;
            let header = header(self.sequence, packet.count);
            let payload = self.input.framed(&header, packet.len);
            deliver(Datagram { line: self.line, recv_ns: packet.recv_ns, payload });
            self.input.consume(packet.len);
            self.sequence += u64::from(packet.count);
            lent += 1;
        }
        Ok(Polled::Delivered(lent))
    }

    /// Finds the next packet, if it is not found already.
    #[inline]
    fn find(&mut self) -> Result<Option<Packet>, SourceError> {
        if self.found.is_none() && !self.ended {
            self.found = self.collect()?;
        }
        Ok(self.found)
    }

    /// Collects messages into a packet; `None` at the end.
    #[inline]
    fn collect(&mut self) -> Result<Option<Packet>, SourceError> {
        // All that a packet of several messages may hold, and the length behind it, is in the buffer or not in the file.
        self.input.fill(MAX_PACKET)?;
        let unread = self.input.unread();
        let Some(mut len) = block_len(unread) else { return self.end() };
        if len > MAX_PACKET - HEADER {
            return self.oversized(len);
        }
        let Some(first) = unread.get(..len) else { return self.end() };
        let first_ns = time_of(first).unwrap_or(self.last_ns.saturating_sub(self.midnight_ns));
        let (mut count, mut last_ns) = (1, first_ns);
        while let Some(rest) = unread.get(len..)
            && let Some(next) = block_len(rest)
            && len + next <= MAX_PACKET - HEADER
            && let Some(block) = rest.get(..next)
        {
            let ns = time_of(block).unwrap_or(last_ns);
            // Time that runs backwards starts a packet too: the difference is huge then.
            if ns.wrapping_sub(first_ns) > MAX_SPAN_NS {
                break;
            }
            (len, count, last_ns) = (len + next, count + 1, ns);
        }
        Ok(Some(self.packet(len, count, first_ns, last_ns)))
    }

    /// A message that is alone in its packet because it is longer than a packet should be (no ITCH message is).
    #[cold]
    fn oversized(&mut self, len: usize) -> Result<Option<Packet>, SourceError> {
        self.input.fill(len)?;
        let Some(block) = self.input.unread().get(..len) else { return self.end() };
        let ns = time_of(block).unwrap_or(self.last_ns.saturating_sub(self.midnight_ns));
        Ok(Some(self.packet(len, 1, ns, ns)))
    }

    #[inline]
    fn packet(&mut self, len: usize, count: u16, first_ns: u64, last_ns: u64) -> Packet {
        self.first_ns.get_or_insert(self.midnight_ns.saturating_add(first_ns));
        self.last_ns = self.midnight_ns.saturating_add(last_ns);
        Packet { len, count, recv_ns: self.last_ns }
    }

    /// No complete message is left: the end mark, the end of the file, or a message that is cut.
    #[cold]
    fn end(&mut self) -> Result<Option<Packet>, SourceError> {
        self.ended = true;
        let at = self.input.position();
        let left = self.input.unread();
        if left.starts_with(&[0, 0]) {
            self.input.consume(2);
            self.trailing = self.input.skip(u64::MAX)?;
        }
        let why = match self.input.damage() {
            Some(damage) => damage,
            None if self.input.unread().is_empty() => return Ok(None),
            None => "the file ends within a message",
        };
        self.truncation = Some(format!("{why} (byte {at})"));
        Ok(None)
    }
}

impl Source for DayFile {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        self.poll_until(u64::MAX, deliver)
    }

    /// 0: there were none.
    fn frames(&self) -> u64 {
        0
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

/// Length of the block `bytes` begins with, its own two bytes included; `None` at the end mark or if they are not there.
#[inline]
fn block_len(bytes: &[u8]) -> Option<usize> {
    match u16::from_be_bytes(*bytes.first_chunk::<2>()?) {
        0 => None,
        len => Some(usize::from(len) + 2),
    }
}

/// Nanoseconds since midnight: the 48 bits at offset 5 of the message, 7 of its block. `None` in a message too short for it.
#[inline]
fn time_of(block: &[u8]) -> Option<u64> {
    let eight = u64::from_be_bytes(*block.get(5..)?.first_chunk::<8>()?);
    Some(eight & 0xffff_ffff_ffff)
}

#[inline]
fn header(sequence: u64, count: u16) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (session, rest) = header.split_at_mut(SESSION.len());
    session.copy_from_slice(SESSION);
    let (number, messages) = rest.split_at_mut(8);
    number.copy_from_slice(&sequence.to_be_bytes());
    messages.copy_from_slice(&count.to_be_bytes());
    header
}

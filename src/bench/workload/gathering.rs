//! Datagrams on their way into memory: what the feed's session layer reads of each, and where the line ends that is taken of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::copies::{Copies, Place};
use super::{Limit, MOST_LINES, Packet, Selection, Workload, memory};
use crate::bench::results::readable::time;
use crate::error::{Error, Exit};
use crate::feed::iextp::{DeepTp, TopsTp};
use crate::feed::moldudp64::MoldUdp64;
use crate::feed::name::FeedName;
use crate::feed::{self, PacketKind, SessionId, SessionLayer};
use crate::source::lines::LineKey;

/// Datagrams between two looks at the memory they need.
const LOOK_EVERY: usize = 1 << 12;
/// Datagrams of no use that are looked at for what else they could be.
const LOOK_AT_OTHERS: u64 = 1 << 10;

/// What the session layer reads of a datagram.
struct Read<'a> {
    session: SessionId,
    sequence: u64,
    messages: u16,
    /// The first message; `None` in heartbeats and the like.
    first: Option<&'a [u8]>,
}

/// Reads a datagram; `None`: it is not of the feed.
fn read(feed: FeedName, payload: &[u8]) -> Option<Read<'_>> {
    match feed {
        FeedName::NasdaqItch | FeedName::BxItch | FeedName::PsxItch => read_by::<MoldUdp64>(payload),
        FeedName::IexTops => read_by::<TopsTp>(payload),
        FeedName::IexDeep => read_by::<DeepTp>(payload),
    }
}

fn read_by<S: SessionLayer>(payload: &[u8]) -> Option<Read<'_>> {
    let feed::Packet { session, kind, sequence, count, mut blocks, .. } = S::packet(payload).ok()?;
    if kind != PacketKind::Data {
        return Some(Read { session, sequence, messages: 0, first: None });
    }
    // MoldUDP64 has no magic: what claims messages must have one.
    let first = S::next_message(&mut blocks).ok()?;
    let more = (1..count).take_while(|_| S::next_message(&mut blocks).is_ok()).count();
    Some(Read { session, sequence, messages: 1 + more as u16, first: Some(first) })
}

/// Datagrams being gathered into a workload.
pub(super) struct Gathering {
    workload: Workload,
    /// Lines were named: all their datagrams are taken, in the named order of lines.
    named: bool,
    /// By the source's line index: ours.
    lines: Vec<Option<u16>>,
    /// By our line index: the source's.
    sources: Vec<usize>,
    copies: Copies,
    limit: Limit,
    room_bytes: u64,
    /// Of the first datagram.
    first_ns: u64,
    /// The latest recorded time so far.
    latest_ns: u64,
    /// Datagrams that were recorded before what stands ahead of them, and how long before at most.
    backwards: u64,
    backwards_ns: u64,
    /// Datagrams that were taken although the session layer cannot read them.
    unread: u64,
    /// Datagrams of lines that had told nothing of the feed.
    passed_over: u64,
    /// Datagrams of lines too many.
    beyond_lines: u64,
    /// What those passed over could be.
    could_be: BTreeMap<&'static str, u64>,
}

impl Gathering {
    pub fn new(what: String, selection: &Selection) -> Result<Self, Error> {
        let Selection { feed, lines, midnight_ns, limit } = selection;
        if limit.datagrams == Some(0) {
            return Err(Error::new(Exit::Usage, what, "a limit of 0 datagrams leaves nothing to be replayed", "take at least one"));
        }
        let workload = Workload {
            what,
            feed: *feed,
            midnight_ns: *midnight_ns,
            lines: lines.clone(),
            channels: Vec::new(),
            packets: Vec::new(),
            payloads: Vec::new(),
            remarks: Vec::new(),
        };
        Ok(Self {
            workload,
            named: !lines.is_empty(),
            // A source that was given these lines has them in this order.
            lines: (0..lines.len()).map(|line| Some(line as u16)).collect(),
            sources: (0..lines.len()).collect(),
            copies: Copies::new(),
            limit: *limit,
            room_bytes: limit.memory_bytes.unwrap_or_else(memory::room_bytes),
            first_ns: 0,
            latest_ns: 0,
            backwards: 0,
            backwards_ns: 0,
            unread: 0,
            passed_over: 0,
            beyond_lines: 0,
            could_be: BTreeMap::new(),
        })
    }

    /// Takes a datagram of the source's line; false: there is enough, and this one was not taken.
    pub fn take(&mut self, source_line: usize, recorded_ns: u64, payload: &[u8]) -> Result<bool, Error> {
        let read = read(self.workload.feed, payload);
        let Some(line) = self.line(source_line, read.is_some(), payload) else { return Ok(true) };
        let taken = self.workload.packets.len();
        let passed_ns = if taken == 0 { 0 } else { recorded_ns.saturating_sub(self.first_ns) };
        if self.limit.datagrams.is_some_and(|most| taken as u64 >= most)
            || self.limit.recorded.is_some_and(|most| Duration::from_nanos(passed_ns) > most)
        {
            return Ok(false);
        }
        if taken == 0 {
            self.first_ns = recorded_ns;
        }
        if recorded_ns < self.latest_ns {
            self.backwards += 1;
            self.backwards_ns = self.backwards_ns.max(self.latest_ns - recorded_ns);
        }
        self.latest_ns = self.latest_ns.max(recorded_ns);
        if taken.is_multiple_of(LOOK_EVERY) {
            self.look_at_memory()?;
        }
        // A UDP payload is shorter than 2^16.
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        let at = Place { offset: self.workload.payloads.len() as u64, length };
        let earlier = read.as_ref().and_then(|read| {
            let session = self.copies.carries(line, read.session)?;
            // Framing made up around single messages numbers all of them 0.
            let first = read.first.filter(|_| read.sequence > 0)?;
            self.copies.tells(line, session, read.sequence, first, at)
        });
        let equal = earlier.filter(|earlier| {
            let from = earlier.offset as usize;
            self.workload.payloads.get(from..from + usize::from(earlier.length)) == Some(payload)
        });
        if equal.is_none() {
            self.workload.payloads.extend_from_slice(payload.get(..usize::from(length)).unwrap_or_default());
        }
        self.unread += u64::from(read.is_none());
        let (sequence, messages) = read.map_or((0, 0), |read| (read.sequence, read.messages));
        let offset = equal.map_or(at.offset, |earlier| earlier.offset);
        self.workload.packets.push(Packet { recorded_ns, sequence, offset, length, messages, line });
        Ok(true)
    }

    /// Our index of the source's line; `None`: nothing of it is taken, or not yet.
    fn line(&mut self, source_line: usize, readable: bool, payload: &[u8]) -> Option<u16> {
        if let Some(&Some(line)) = self.lines.get(source_line) {
            return Some(line);
        }
        if !readable || self.named {
            self.passed_over += 1;
            self.look_at_others(payload);
            return None;
        }
        if self.sources.len() == MOST_LINES {
            self.beyond_lines += 1;
            return None;
        }
        let line = self.sources.len() as u16;
        self.sources.push(source_line);
        if self.lines.len() <= source_line {
            self.lines.resize(source_line + 1, None);
        }
        self.lines[source_line] = Some(line);
        Some(line)
    }

    /// Which feeds a datagram could be of that is not of the one that was named.
    fn look_at_others(&mut self, payload: &[u8]) {
        if self.passed_over <= LOOK_AT_OTHERS {
            for feed in FeedName::ALL.into_iter().filter(|&feed| read(feed, payload).is_some()) {
                *self.could_be.entry(feed.name()).or_default() += 1;
            }
        }
    }

    fn look_at_memory(&self) -> Result<(), Error> {
        let needed = self.workload.payloads.len() + self.workload.packets.len() * size_of::<Packet>();
        if needed as u64 <= self.room_bytes {
            return Ok(());
        }
        let why = format!(
            "its first {} datagrams need more than {} MiB of memory, and there is no more to be had",
            self.workload.packets.len(),
            self.room_bytes >> 20
        );
        Err(Error::new(
            Exit::Host,
            self.workload.what.clone(),
            why,
            "take fewer datagrams or a shorter time of it, or run where memory is free",
        ))
    }

    /// How many datagrams have been taken.
    pub fn taken(&self) -> usize {
        self.workload.packets.len()
    }

    /// Something people should know.
    pub fn remark(&mut self, remark: String) {
        self.workload.remarks.push(remark);
    }

    /// It was stopped: an error if that was before the first datagram, where nobody knows whether there is one.
    pub fn stopped(&self) -> Result<(), Error> {
        match self.taken() {
            0 => Err(Error::new(Exit::Failed, self.workload.what.clone(), "stopped before its first datagram was read", "")),
            _ => Ok(()),
        }
    }

    /// The workload, if there is one; `key` is the destination of one of the source's lines, `seen` what was looked at in vain.
    pub fn finish(mut self, key: impl Fn(usize) -> Option<LineKey>, seen: &str) -> Result<Workload, Error> {
        let feed = self.workload.feed;
        if self.workload.packets.is_empty() || self.unread == self.workload.packets.len() as u64 {
            return Err(self.nothing(seen));
        }
        if !self.named {
            self.workload.lines = self.sources.iter().filter_map(|&source| key(source)).collect();
        }
        self.workload.channels = self.copies.channels(self.workload.lines.len());
        let mut heard = vec![false; self.workload.lines.len()];
        self.workload.packets.iter().for_each(|packet| heard[usize::from(packet.line)] = true);
        let silent = self.workload.lines.iter().zip(heard).filter(|&(_, heard)| !heard);
        let silent: Vec<String> = silent.map(|(key, _)| format!("line {key} has no datagrams in it")).collect();
        self.workload.remarks.extend(silent);
        for (count, why) in [
            (self.unread, format!("datagrams are not of {feed}, as its session layer reads them, and are replayed all the same")),
            (self.passed_over, format!("datagrams are of lines that carry nothing of {feed}, or did not yet, and were left out")),
            (self.beyond_lines, format!("datagrams are of more lines than {MOST_LINES} and were left out; name the lines that you want")),
        ] {
            if count > 0 {
                self.workload.remarks.push(format!("{count} {why}"));
            }
        }
        if self.backwards > 0 {
            let by = time(self.backwards_ns);
            self.workload.remarks.push(format!(
                "{} recorded up to {by} before what stands ahead of them: at a recorded pace they go right behind it",
                match self.backwards {
                    1 => "1 datagram is".to_owned(),
                    count => format!("{count} datagrams are"),
                }
            ));
        }
        self.workload.packets.shrink_to_fit();
        self.workload.payloads.shrink_to_fit();
        Ok(self.workload)
    }

    #[cold]
    fn nothing(mut self, seen: &str) -> Error {
        let feed = self.workload.feed;
        let looked_at = std::mem::take(&mut self.workload.packets);
        for packet in looked_at.iter().take(LOOK_AT_OTHERS as usize) {
            let from = packet.offset as usize;
            let payload = self.workload.payloads.get(from..from + usize::from(packet.length)).unwrap_or_default().to_vec();
            self.passed_over = 0;
            self.look_at_others(&payload);
        }
        let likely = self.could_be.values().max().copied().unwrap_or(0);
        let likely: Vec<&str> = self.could_be.iter().filter(|&(_, &count)| count == likely).map(|(&name, _)| name).collect();
        let cure = if self.named && likely.is_empty() {
            "the lines that were named have none: name others, or leave out --line to take all that carry the feed".to_owned()
        } else if likely.is_empty() {
            "give a recording of a feed that is known, and the feed's name".to_owned()
        } else {
            format!("its datagrams read as {}: say so", likely.join(" or "))
        };
        Error::new(Exit::Input, self.workload.what, format!("there is no datagram of {feed} in it ({seen})"), cure)
    }
}

//! A session as a capture: MoldUDP64 packets on two (or more) lines, with the losses asked for.
//!
//! A packet takes messages until it is full, until `coalesce_ns` have passed since its first message, or until a system event; it is sent
//! at the time of its **last** message. So nothing is ever sent before it happened, and where a line's delay is 0 the frame's time less the
//! day's midnight is the last message's own timestamp: a live player that keeps the frames' times keeps the messages' too.
//!
//! The first packet is never lost, doubled or swapped: whoever listens from the start joins at sequence 1 on every line.
//! A packet is lost on all lines only if `both_loss_ppm` says so.

use super::frame::{pcap_header, pcap_record, sum};
use super::line::{Line, LineReport, LineSpec, Packet};
use super::market::Session;
use super::rng::{Rng, Stream};
use super::truth::Truth;
use super::{GenerateConfig, GenerateError, PROGRESS_EVERY};
use std::io::{BufWriter, Write};
use std::net::Ipv4Addr;

const HEADER: usize = 20;
const HEARTBEAT: u16 = 0;
const END_OF_SESSION: u16 = 0xffff;

/// How a session is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureConfig {
    /// The lines; the first is A.
    pub lines: Vec<LineSpec>,
    /// Data packets lost on every line, in parts per million. 0: every packet survives on at least one line.
    pub both_loss_ppm: u32,
    /// Most messages in a packet, 1 to 1,000.
    pub messages_per_packet: u16,
    /// Largest UDP payload, 100 to 1,472 bytes.
    pub payload_bytes: u16,
    /// How long a packet waits for further messages, in ns.
    pub coalesce_ns: u64,
    /// Silence after which a heartbeat is sent, in ns; at least a millisecond. Real publishers: a second.
    pub heartbeat_interval_ns: u64,
    /// How often the end of the session is told, a heartbeat interval apart but no more than 100 ms.
    pub end_of_session_packets: u32,
    /// Times in nanoseconds; else in microseconds, rounded down.
    pub nanosecond_pcap: bool,
}

impl Default for CaptureConfig {
    /// Lines A and B without losses, 239.192.1.1:26400 and 239.192.2.1:26400, B 5 µs later.
    fn default() -> Self {
        let line = |third, delay_ns| LineSpec::clean(Ipv4Addr::new(239, 192, third, 1), 26_400, delay_ns);
        Self {
            lines: vec![line(1, 0), line(2, 5_000)],
            both_loss_ppm: 0,
            messages_per_packet: 40,
            payload_bytes: 1_400,
            coalesce_ns: 10_000,
            heartbeat_interval_ns: 1_000_000_000,
            end_of_session_packets: 3,
            nanosecond_pcap: true,
        }
    }
}

/// What went into the capture, and what did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// Frames in the capture, all lines together.
    pub datagrams: u64,
    /// Data packets sent, each counted once whatever the lines did to it.
    pub packets: u64,
    /// Heartbeats sent, each counted once.
    pub heartbeats: u64,
    /// What each line did.
    pub lines: Vec<LineReport>,
    /// Messages lost on every line, in order; neighbours are joined.
    pub lost_on_all: Vec<LostRange>,
    /// Time of the first frame, ns since 1970 UTC.
    pub first_ns: u64,
    /// Time of the last frame.
    pub last_ns: u64,
}

/// Sequence numbers `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostRange {
    /// The first lost message.
    pub first: u64,
    /// The last lost message.
    pub last: u64,
}

impl CaptureConfig {
    fn check(&self) -> Result<(), GenerateError> {
        let refuse = |key, value: String, expected: &str, cure| {
            let expected = expected.to_string();
            Err(GenerateError::Config { key, value, expected, cure })
        };
        if self.lines.is_empty() || self.lines.len() > 64 {
            return refuse("lines", self.lines.len().to_string(), "1 to 64 lines", "give line A, and line B if there is one");
        }
        for (key, value, least, most) in [
            ("messages_per_packet", u64::from(self.messages_per_packet), 1, 1_000),
            ("payload_bytes", u64::from(self.payload_bytes), 100, 1_472),
            ("heartbeat_interval_ns", self.heartbeat_interval_ns, 1_000_000, super::DAY_NS),
            ("end_of_session_packets", u64::from(self.end_of_session_packets), 0, 1_000),
            ("both_loss_ppm", u64::from(self.both_loss_ppm), 0, 1_000_000),
        ] {
            if !(least..=most).contains(&value) {
                return refuse(key, value.to_string(), &format!("{least} to {most}"), "change it");
            }
        }
        for line in &self.lines {
            if !line.group.is_multicast() {
                return refuse("group", line.group.to_string(), "a multicast group", "take one from 239.0.0.0/8");
            }
            if line.loss_ppm.max(line.duplicate_ppm).max(line.reorder_ppm) > 1_000_000 {
                return refuse(
                    "loss_ppm, duplicate_ppm or reorder_ppm",
                    format!("{line:?}"),
                    "at most 1000000",
                    "it counts parts per million",
                );
            }
            if line.delay_ns > 1_000_000_000 {
                return refuse("delay_ns", line.delay_ns.to_string(), "at most 1000000000", "what is delayed is kept in memory");
            }
        }
        Ok(())
    }
}

/// Writes a session as a classic pcap capture; returns what a reader that missed nothing must end with, and what was made to be missed.
///
/// `progress` is told the number of messages, every 65,536 messages and at the end.
///
/// # Errors
/// The configuration cannot be generated, or `out` failed.
pub fn capture(
    config: &GenerateConfig,
    capture_config: &CaptureConfig,
    out: impl Write,
    progress: &mut dyn FnMut(u64),
) -> Result<(Truth, CaptureReport), GenerateError> {
    config.check()?;
    capture_config.check()?;
    let nanoseconds = capture_config.nanosecond_pcap;
    let mut out = BufWriter::with_capacity(1 << 20, out);
    out.write_all(&pcap_header(nanoseconds))?;
    let mut write = |time_ns, frame: &[u8]| {
        out.write_all(&pcap_record(nanoseconds, time_ns, frame.len() as u32))?;
        out.write_all(frame)
    };
    let made = frames(config, capture_config, &mut write, progress)?;
    out.flush()?;
    Ok(made)
}

/// Makes a session's frames without a file: `each` is given the time (ns since 1970 UTC) and the bytes of every frame that
/// [`capture`] would write, in that order. An error from it ends the session.
///
/// # Errors
/// The configuration cannot be generated, or `each` failed.
pub fn frames(
    config: &GenerateConfig,
    capture_config: &CaptureConfig,
    each: &mut dyn FnMut(u64, &[u8]) -> std::io::Result<()>,
    progress: &mut dyn FnMut(u64),
) -> Result<(Truth, CaptureReport), GenerateError> {
    capture_config.check()?;
    let mut session = Session::new(config)?;
    let mut sender = Sender::new(config, capture_config, each);
    while let Some(message) = session.next_message() {
        sender.message(message.time_ns, message.bytes)?;
        if session.messages().is_multiple_of(PROGRESS_EVERY) {
            progress(session.messages());
        }
    }
    let report = sender.finish()?;
    progress(session.messages());
    Ok((session.truth(), report))
}

/// Packs messages, hands packets to the lines, and gives the lines' frames on in order of time.
struct Sender<'a> {
    config: &'a CaptureConfig,
    session: [u8; 10],
    each: &'a mut dyn FnMut(u64, &[u8]) -> std::io::Result<()>,
    lines: Vec<Line>,
    rng: Rng,
    /// The packet under way: header and blocks.
    packet: Vec<u8>,
    count: u16,
    first_message_ns: u64,
    last_message_ns: u64,
    /// Number of the first message of the packet under way.
    sequence: u64,
    last_sent_ns: u64,
    report: CaptureReport,
}

impl<'a> Sender<'a> {
    fn new(config: &GenerateConfig, capture: &'a CaptureConfig, each: &'a mut dyn FnMut(u64, &[u8]) -> std::io::Result<()>) -> Self {
        Self {
            config: capture,
            session: config.session,
            each,
            lines: (0..).zip(&capture.lines).map(|(number, spec)| Line::new(config.seed, number, spec)).collect(),
            rng: Rng::new(config.seed, Stream::Loss),
            packet: vec![0; HEADER],
            count: 0,
            first_message_ns: 0,
            last_message_ns: 0,
            sequence: 1,
            last_sent_ns: 0,
            report: CaptureReport::default(),
        }
    }

    fn message(&mut self, time_ns: u64, bytes: &[u8]) -> Result<(), GenerateError> {
        let full = self.count == self.config.messages_per_packet
            || self.packet.len() + 2 + bytes.len() > usize::from(self.config.payload_bytes)
            || time_ns - self.first_message_ns > self.config.coalesce_ns;
        if self.count > 0 && full {
            self.flush()?;
        }
        if self.count == 0 {
            self.first_message_ns = time_ns;
        }
        self.packet.extend((bytes.len() as u16).to_be_bytes());
        self.packet.extend(bytes);
        self.count += 1;
        self.last_message_ns = time_ns;
        if bytes[0] == b'S' { self.flush() } else { Ok(()) }
    }

    /// Sends the packet under way, and the heartbeats of the silence before it.
    fn flush(&mut self) -> Result<(), GenerateError> {
        let sent_ns = self.last_message_ns;
        let first = self.sequence == 1;
        while !first && sent_ns - self.last_sent_ns > self.config.heartbeat_interval_ns {
            let due = self.last_sent_ns + self.config.heartbeat_interval_ns;
            self.report.heartbeats += 1;
            self.control(HEARTBEAT, due)?;
        }
        self.write_arrivals(sent_ns)?;
        let mut payload = std::mem::take(&mut self.packet);
        payload[..HEADER].copy_from_slice(&self.header(self.count));
        let packet = Packet { sent_ns, payload_sum: sum(&payload), payload: &payload };
        self.report.packets += 1;
        if !first && self.rng.ppm(self.config.both_loss_ppm) {
            self.lost_on_all();
        } else {
            let mut lost: u64 = 0;
            for (number, line) in self.lines.iter_mut().enumerate() {
                lost |= u64::from(line.would_lose() && !first) << number;
            }
            if lost.count_ones() as usize == self.lines.len() {
                // All would lose it: one, drawn by lot, does not.
                lost &= !(1 << self.rng.below(self.lines.len() as u32));
            }
            for (number, line) in self.lines.iter_mut().enumerate() {
                if (lost >> number) & 1 == 1 { line.report.lost += 1 } else { line.data(&packet, !first) }
            }
        }
        payload.truncate(HEADER);
        self.packet = payload;
        self.sequence += u64::from(self.count);
        self.count = 0;
        self.last_sent_ns = sent_ns;
        Ok(())
    }

    fn lost_on_all(&mut self) {
        let (first, last) = (self.sequence, self.sequence + u64::from(self.count) - 1);
        match self.report.lost_on_all.last_mut() {
            Some(range) if range.last + 1 == first => range.last = last,
            _ => self.report.lost_on_all.push(LostRange { first, last }),
        }
    }

    /// Sends a packet without messages on every line.
    fn control(&mut self, count: u16, sent_ns: u64) -> Result<(), GenerateError> {
        self.write_arrivals(sent_ns)?;
        let header = self.header(count);
        let packet = Packet { sent_ns, payload_sum: sum(&header), payload: &header };
        self.lines.iter_mut().for_each(|line| line.control(&packet));
        self.last_sent_ns = sent_ns;
        Ok(())
    }

    fn header(&self, count: u16) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..10].copy_from_slice(&self.session);
        header[10..18].copy_from_slice(&self.sequence.to_be_bytes());
        header[18..].copy_from_slice(&count.to_be_bytes());
        header
    }

    /// Gives on the frames that come before `now_ns`, in order of time; of two at the same time the first line's.
    fn write_arrivals(&mut self, now_ns: u64) -> Result<(), GenerateError> {
        loop {
            let next = self.lines.iter().enumerate().filter_map(|(number, line)| Some((line.next_arrival()?, number))).min();
            let Some((time_ns, number)) = next.filter(|&(time_ns, _)| time_ns < now_ns) else { return Ok(()) };
            let Some((_, frame)) = self.lines[number].take() else { return Ok(()) };
            (self.each)(time_ns, &frame)?;
            if self.report.datagrams == 0 {
                self.report.first_ns = time_ns;
            }
            self.report.datagrams += 1;
            self.report.last_ns = time_ns;
        }
    }

    fn finish(mut self) -> Result<CaptureReport, GenerateError> {
        if self.count > 0 {
            self.flush()?;
        }
        let apart_ns = self.config.heartbeat_interval_ns.min(100_000_000);
        for _ in 0..self.config.end_of_session_packets {
            let due = self.last_sent_ns + apart_ns;
            self.control(END_OF_SESSION, due)?;
        }
        // What still waits for a successor would be lost if no end of session were asked for.
        self.lines.iter_mut().for_each(|line| line.release(self.last_sent_ns));
        self.write_arrivals(u64::MAX)?;
        self.report.lines = self.lines.iter().map(|line| line.report).collect();
        Ok(self.report)
    }
}

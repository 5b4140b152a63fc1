//! One line of a channel and what it does to packets: loses, doubles, delays and swaps them, from its own random numbers.

use super::frame::{Addresses, frame};
use super::rng::{Rng, Stream};
use std::collections::VecDeque;
use std::net::Ipv4Addr;

/// A line: where it goes and how bad it is. Parts per million are of data packets; heartbeats and end-of-session packets always arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineSpec {
    /// Multicast group.
    pub group: Ipv4Addr,
    /// UDP port.
    pub port: u16,
    /// Packets lost on this line, unless every other line lost them too.
    pub loss_ppm: u32,
    /// Packets that come twice.
    pub duplicate_ppm: u32,
    /// Packets that come right after the one that follows them.
    pub reorder_ppm: u32,
    /// How much later than its sending everything comes, in ns; at most a second.
    pub delay_ns: u64,
}

impl LineSpec {
    /// A line that loses nothing.
    pub const fn clean(group: Ipv4Addr, port: u16, delay_ns: u64) -> Self {
        Self { group, port, loss_ppm: 0, duplicate_ppm: 0, reorder_ppm: 0, delay_ns }
    }
}

/// What one line did. Packets lost on every line are in [`CaptureReport::lost_on_all`](super::CaptureReport::lost_on_all), not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineReport {
    /// Frames of this line in the capture: data (copies too), heartbeats, ends of session.
    pub frames: u64,
    /// Data packets lost on this line alone.
    pub lost: u64,
    /// Data packets that came twice.
    pub duplicated: u64,
    /// Data packets that came after their successor.
    pub reordered: u64,
}

/// A packet of the channel, as every line gets it.
pub(super) struct Packet<'a> {
    pub sent_ns: u64,
    pub payload: &'a [u8],
    pub payload_sum: u64,
}

/// A line while the capture is written.
pub(super) struct Line {
    rng: Rng,
    spec: LineSpec,
    addresses: Addresses,
    identification: u16,
    /// A frame that waits for its successor.
    held: Option<Vec<u8>>,
    /// Frames with the times they come at, in order of time: everything on a line is delayed alike.
    arriving: VecDeque<(u64, Vec<u8>)>,
    pub report: LineReport,
}

impl Line {
    pub(super) fn new(seed: u64, number: u16, spec: &LineSpec) -> Self {
        let last = (number % 200) as u8 + 10;
        let addresses = Addresses {
            // TEST-NET-1 (RFC 5737) and a locally administered MAC: nobody's real publisher.
            source: Ipv4Addr::new(192, 0, 2, last),
            source_mac: [0x02, 0, 0, 0, 0, last],
            source_port: 18_000,
            group: spec.group,
            port: spec.port,
        };
        let rng = Rng::new(seed, Stream::Line(number));
        Self { rng, spec: spec.clone(), addresses, identification: 0, held: None, arriving: VecDeque::new(), report: LineReport::default() }
    }

    /// Whether this line would lose the packet.
    pub(super) fn would_lose(&mut self) -> bool {
        self.rng.ppm(self.spec.loss_ppm)
    }

    /// A data packet that isn't lost. One that may not be `disturbed` comes once and in order.
    pub(super) fn data(&mut self, packet: &Packet<'_>, disturbed: bool) {
        let frame = self.frame(packet);
        let twice = self.rng.ppm(self.spec.duplicate_ppm) && disturbed;
        let swapped = self.rng.ppm(self.spec.reorder_ppm) && disturbed;
        if swapped && self.held.is_none() {
            self.held = Some(frame);
            return;
        }
        if twice {
            self.report.duplicated += 1;
            self.arrive(packet.sent_ns, frame.clone());
        }
        self.arrive(packet.sent_ns, frame);
        self.report.reordered += u64::from(self.held.is_some());
        self.release(packet.sent_ns);
    }

    /// A heartbeat or an end of session.
    pub(super) fn control(&mut self, packet: &Packet<'_>) {
        // What waits for its successor doesn't wait for ever: it comes before a heartbeat, as nothing was sent in between.
        self.release(packet.sent_ns);
        let frame = self.frame(packet);
        self.arrive(packet.sent_ns, frame);
    }

    /// When the next frame comes.
    pub(super) fn next_arrival(&self) -> Option<u64> {
        self.arriving.front().map(|&(time, _)| time)
    }

    /// Takes the next frame and its time.
    pub(super) fn take(&mut self) -> Option<(u64, Vec<u8>)> {
        self.arriving.pop_front()
    }

    /// Lets go of what still waits for a successor.
    pub(super) fn release(&mut self, sent_ns: u64) {
        if let Some(frame) = self.held.take() {
            self.arrive(sent_ns, frame);
        }
    }

    fn frame(&mut self, packet: &Packet<'_>) -> Vec<u8> {
        self.identification = self.identification.wrapping_add(1);
        frame(&self.addresses, self.identification, packet.payload, packet.payload_sum)
    }

    fn arrive(&mut self, sent_ns: u64, frame: Vec<u8>) {
        self.report.frames += 1;
        self.arriving.push_back((sent_ns + self.spec.delay_ns, frame));
    }
}

//! What carries datagrams out: AF_XDP, frames through a packet socket, UDP sockets; or nothing, to see what the schedule alone costs.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

use super::sockets::Sockets;
use super::xdp::Xdp;
use crate::bench::workload::Workload;
use crate::error::{Error, Exit};
use crate::sys::interfaces::transmit_losses;

/// Carries the datagrams of a workload out, by their numbers.
pub trait Transport {
    /// How, for people.
    fn describe(&self) -> String;

    /// The most datagrams that one call takes.
    fn most(&self) -> usize;

    /// A run begins: the next datagram is the first.
    fn begin(&mut self) {}

    /// Offers these, in order, and returns how many of them, from the first on, have been taken when it returns; none, if there is no room
    /// for the moment. What was not taken is offered again, or given up.
    fn send(&mut self, datagrams: Range<usize>) -> Result<usize, Refusal>;

    /// The run is over: waits, not for long, for what was taken and is not out yet, and says how much of what was taken never went. What the
    /// interface threw away counts, whoever's it was: no error told of it.
    fn finish(&mut self) -> u64 {
        0
    }
}

/// Why a datagram was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// This one cannot go, the next may.
    Datagram(io::Error),
    /// Nothing can go any more.
    Interface(Error),
}

/// How datagrams leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// Frames by AF_XDP, on queue 0.
    Xdp,
    /// Frames through an AF_PACKET socket.
    Frames,
    /// Payloads through a UDP socket: the kernel makes the headers.
    Udp,
}

impl Via {
    /// All of them, the quickest first.
    pub const ALL: [Self; 3] = [Self::Xdp, Self::Frames, Self::Udp];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xdp => "xdp",
            Self::Frames => "frames",
            Self::Udp => "udp",
        }
    }
}

/// What an interface throws away in silence while it is used.
pub(super) struct Losses {
    interface: String,
    before: Option<u64>,
}

impl Losses {
    pub fn new(interface: &str) -> Self {
        Self { interface: interface.to_owned(), before: None }
    }

    /// Counts from here on.
    pub fn begin(&mut self) {
        self.before = transmit_losses(&self.interface);
    }

    /// How much it has thrown away since; 0 where the kernel does not say.
    pub fn since(&self) -> u64 {
        let now = transmit_losses(&self.interface);
        self.before.zip(now).map_or(0, |(before, now)| now.saturating_sub(before))
    }
}

/// Whom frames come from where nobody says: TEST-NET-1 (RFC 5737), nobody's real publisher. UDP sockets have an address of their own.
pub const SOURCE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 10), 18_000);

/// A transport, and what happened on the way to it.
pub struct Opened<'w> {
    /// Which way it is.
    pub via: Via,
    /// It.
    pub transport: Box<dyn Transport + 'w>,
    /// The ways that were asked for first, and why they could not be had.
    pub remarks: Vec<String>,
}

/// Opens the first of the ways that works out of an interface of this thread's network namespace; `source` is whom frames say they are from.
///
/// # Errors
/// None of them works, or a line is no multicast group: nothing may reach a host because it happened to be in a recording.
pub fn open<'w>(workload: &'w Workload, interface: &str, ways: &[Via], source: SocketAddrV4) -> Result<Opened<'w>, Error> {
    if let Some(line) = workload.lines.iter().find(|line| !line.group.is_multicast()) {
        let why = "it is no multicast group, and would be sent to whoever has that address";
        return Err(Error::new(Exit::Usage, format!("line {line}"), why, "name the lines to replay, all of them multicast"));
    }
    let mut remarks: Vec<String> = Vec::new();
    let mut last = None;
    for &via in ways {
        let opened = match via {
            Via::Xdp => Xdp::open(workload, interface, source).map(|xdp| Box::new(xdp) as Box<dyn Transport>),
            Via::Frames | Via::Udp => {
                Sockets::open(workload, interface, via, source).map(|sockets| Box::new(sockets) as Box<dyn Transport>)
            }
        };
        match opened {
            Ok(transport) => return Ok(Opened { via, transport, remarks }),
            Err(error) => {
                remarks.push(format!("not sent by {}: {error}", via.name()));
                last = Some(error);
            }
        }
    }
    // The last way is the one with the least demands: its cure is the nearest.
    let mut error = last.unwrap_or_else(|| Error::new(Exit::Usage, "sending", "no way was named", "name xdp, frames or udp"));
    remarks.pop();
    if !remarks.is_empty() {
        error.why = format!("{} ({})", error.why, remarks.join("; "));
    }
    Err(error)
}

/// Takes everything and sends nothing: what schedule, waiting and counting cost by themselves.
#[derive(Debug, Default)]
pub struct Nowhere;

impl Transport for Nowhere {
    fn describe(&self) -> String {
        "nowhere".into()
    }

    fn most(&self) -> usize {
        32
    }

    fn send(&mut self, datagrams: Range<usize>) -> Result<usize, Refusal> {
        Ok(datagrams.len())
    }
}

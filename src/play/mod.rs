//! Sending a capture again: its frames out of an interface, or its datagrams through UDP sockets, at the recorded pace or
//! another. The other end of every live test and demonstration.
//!
//! Only UDP datagrams of lines with a route are sent. Everything else in the capture is counted by reason, and so is a line
//! without a route ([`Drop::UnknownLine`]); the route for all other lines takes multicast only, so that nothing reaches a
//! host because it happened to be in a capture. How late each datagram went out is measured from when it was due.

mod outlet;
mod pace;
mod rewrite;
pub(crate) mod socket;

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use hdrhistogram::Histogram;

use crate::source::fault::Dice;
use crate::source::frame::Udp;
use crate::source::lines::{LineKey, Lines, MAX_LINES};
use crate::source::pcap::{Frame, Frames};
use crate::source::{Progress, SourceError};
use crate::stats::{Drop, Drops};
use outlet::Outlet;
pub use pace::{Pacer, Speed};

/// How datagrams leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// As frames through AF_PACKET: headers, tags and trailing bytes as captured, but for the Ethernet destination.
    Frames,
    /// As payloads through ordinary UDP sockets: the kernel makes new headers with right checksums, from this host's address.
    Udp,
}

/// Where a line's datagrams go.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The line; `None`: all multicast lines without a route of their own.
    pub line: Option<LineKey>,
    /// The interface: its name, or through UDP sockets also its IPv4 address (`127.0.0.1` for loopback).
    pub interface: String,
    /// Probability with which a datagram is left out on purpose, 0 to 1.
    pub loss: f64,
}

/// What to play, and how.
#[derive(Clone, Debug)]
pub struct PlayConfig {
    /// A capture.
    pub file: PathBuf,
    /// Where the lines go.
    pub routes: Vec<Route>,
    /// How they leave.
    pub via: Via,
    /// How fast.
    pub speed: Speed,
    /// Stop after so many datagrams sent.
    pub limit: Option<u64>,
    /// Put right IP and UDP checksums into frames. Needed where the receiver is a kernel's UDP socket and the capture's
    /// addresses were rewritten. UDP sockets always do.
    pub rewrite_checksums: bool,
    /// For [`Route::loss`].
    pub seed: u64,
}

/// What was played.
#[derive(Clone, Debug)]
pub struct PlayReport {
    /// Datagrams sent.
    pub sent: u64,
    /// Their bytes: of whole frames, or of payloads through UDP sockets.
    pub bytes: u64,
    /// Frames of the capture that were not sent, by reason.
    pub skipped: Drops,
    /// Datagrams left out on purpose.
    pub lost: u64,
    /// Datagrams the kernel refused, one by one (too long for the interface, its queue full for long).
    pub errors: u64,
    /// The first of these errors, with its interface.
    pub first_error: Option<String>,
    /// How long after it was due each datagram had been taken by the kernel, ns. Empty at [`Speed::Max`].
    pub lateness: Histogram<u64>,
    /// From start to end, ns.
    pub elapsed_ns: u64,
    /// Stopped before the end of the capture, by the flag or the limit.
    pub stopped: bool,
    /// Where and why the capture ended before its time, if it did.
    pub truncation: Option<String>,
}

impl PlayReport {
    /// Lateness of the median datagram, ns.
    pub fn late_p50_ns(&self) -> u64 {
        self.lateness.value_at_quantile(0.5)
    }

    /// Lateness that one datagram in a hundred exceeded, ns.
    pub fn late_p99_ns(&self) -> u64 {
        self.lateness.value_at_quantile(0.99)
    }

    /// Lateness of the latest datagram, ns.
    pub fn late_max_ns(&self) -> u64 {
        self.lateness.max()
    }
}

/// Why nothing, or no more, can be played.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}; {cure}")]
pub struct PlayError {
    /// The file, key or interface.
    pub what: String,
    /// What is wrong.
    pub why: String,
    /// What to do about it.
    pub cure: String,
}

impl From<SourceError> for PlayError {
    fn from(SourceError { what, why, cure }: SourceError) -> Self {
        Self { what, why, cure }
    }
}

/// Datagrams between two reports of progress.
const PROGRESS_EVERY: u64 = 256;

/// Plays a capture, until its end, the limit, or `stop`. `progress` is told now and then how far it is and how many went out.
pub fn run(config: &PlayConfig, stop: &AtomicBool, progress: &mut dyn FnMut(Progress, u64)) -> Result<PlayReport, PlayError> {
    let mut frames = Frames::open(&config.file)?;
    let mut table = Table::open(config)?;
    let mut player = Player { via: config.via, checksums: config.rewrite_checksums, report: PlayReport::empty() };
    let mut dice = Dice::new(config.seed);
    let mut taken = 0;
    let mut pacer = Pacer::start(config.speed).map_err(|why| PlayError {
        what: "speed".into(),
        why: why.into(),
        cure: "give for example 1, 10 or the fastest there is".into(),
    })?;
    while let Some(frame) = frames.next()? {
        if stop.load(Ordering::Relaxed) || config.limit.is_some_and(|limit| taken >= limit) {
            player.report.stopped = true;
            break;
        }
        let (udp, to) = match table.route(&frame) {
            Ok(found) => found,
            Err(reason) => {
                player.report.skipped.count(reason);
                continue;
            }
        };
        let due = pacer.due(frame.ns);
        let early = due.is_some_and(|due| due > pacer.now());
        if early {
            // What was late already must not wait for what is not due yet.
            player.flush(&mut table.outlets, &pacer)?;
            if !due.is_none_or(|due| pacer.wait(due, stop)) {
                player.report.stopped = true;
                break;
            }
        }
        if dice.falls(to.loss) {
            player.report.lost += 1;
            continue;
        }
        taken += 1;
        let full = player.collect(&mut table.outlets, to.outlet, &frame, &udp, due);
        // All outlets at once, so that lines stay together however many interfaces they leave by.
        if early || full {
            player.flush(&mut table.outlets, &pacer)?;
        }
        if taken % PROGRESS_EVERY == 0 {
            progress(frames.progress(), taken);
        }
    }
    player.flush(&mut table.outlets, &pacer)?;
    progress(frames.progress(), taken);
    let mut report = player.report;
    report.elapsed_ns = pacer.elapsed_ns();
    report.truncation = frames.truncation().map(str::to_owned);
    Ok(report)
}

/// Where a line goes.
#[derive(Clone, Copy)]
struct To {
    outlet: usize,
    loss: f64,
}

/// The routes, resolved.
struct Table {
    lines: Lines,
    /// By line index.
    own: Vec<To>,
    others: Option<To>,
    outlets: Vec<Outlet>,
}

impl Table {
    fn open(config: &PlayConfig) -> Result<Self, PlayError> {
        let refused = |why: String, cure: &str| PlayError { what: "routes".into(), why, cure: cure.into() };
        if config.routes.is_empty() {
            return Err(refused("there is none".into(), "name at least one interface to send to"));
        }
        let (mut keys, mut own, mut others, mut outlets) = (Vec::new(), Vec::new(), None, Vec::<Outlet>::new());
        for Route { line, interface, loss } in &config.routes {
            if !(0.0..=1.0).contains(loss) {
                return Err(refused(format!("the loss {loss} is no probability"), "give a number from 0 to 1"));
            }
            let outlet = match outlets.iter().position(|outlet| outlet.interface == *interface) {
                Some(outlet) => outlet,
                None => {
                    outlets.push(Outlet::open(interface, config.via)?);
                    outlets.len() - 1
                }
            };
            let to = To { outlet, loss: *loss };
            let twice = match line {
                Some(line) if keys.contains(line) => true,
                Some(line) => {
                    keys.push(*line);
                    own.push(to);
                    false
                }
                None => others.replace(to).is_some(),
            };
            if twice {
                let line = line.map_or_else(|| "all other lines".into(), |line| format!("line {line}"));
                return Err(refused(format!("{line} has two"), "give each line one interface"));
            }
        }
        if keys.len() > MAX_LINES {
            return Err(refused(format!("{} lines are too many", keys.len()), "give at most 65535"));
        }
        Ok(Self { lines: Lines::new(&keys), own, others, outlets })
    }

    /// The datagram in a frame and where it goes, or why it goes nowhere.
    fn route<'a>(&self, frame: &Frame<'a>) -> Result<(Udp<'a>, To), Drop> {
        let udp = frame.link.ok_or(Drop::NotIpv4)?.udp(frame.bytes, frame.wire_len)?;
        let own = self.lines.find(udp.group, udp.port).and_then(|line| self.own.get(usize::from(line)));
        let others = self.others.as_ref().filter(|_| udp.group.is_multicast());
        own.or(others).map(|&to| (udp, to)).ok_or(Drop::UnknownLine)
    }
}

struct Player {
    via: Via,
    checksums: bool,
    report: PlayReport,
}

impl Player {
    /// Puts a datagram into its outlet; true if that is full now.
    fn collect(&mut self, outlets: &mut [Outlet], outlet: usize, frame: &Frame<'_>, udp: &Udp<'_>, due: Option<u64>) -> bool {
        let Some(outlet) = outlets.get_mut(outlet) else { return false };
        let destination = SocketAddrV4::new(udp.group, udp.port);
        let collected = outlet.push(destination, due, |buffer| match self.via {
            Via::Frames => rewrite::append_frame(buffer, frame, udp, self.checksums),
            Via::Udp => {
                buffer.extend_from_slice(udp.payload);
                true
            }
        });
        if !collected {
            self.report.skipped.count(Drop::FrameCut);
        }
        outlet.is_full()
    }

    fn flush(&mut self, outlets: &mut [Outlet], pacer: &Pacer) -> Result<(), PlayError> {
        let report = &mut self.report;
        for outlet in outlets {
            let lateness = &mut report.lateness;
            let done = outlet.flush(|due| {
                if let Some(due) = due {
                    lateness.saturating_record(pacer.now().saturating_sub(due));
                }
            })?;
            report.sent += done.sent;
            report.bytes += done.bytes;
            report.errors += done.errors;
            if let Some(error) = done.error {
                report.first_error.get_or_insert_with(|| format!("{}: {error}", outlet.interface));
            }
        }
        Ok(())
    }
}

impl PlayReport {
    fn empty() -> Self {
        Self {
            sent: 0,
            bytes: 0,
            skipped: Drops::default(),
            lost: 0,
            errors: 0,
            first_error: None,
            // Up to an hour late in steps of a thousandth; 60 kB. These bounds are valid, so nothing else can come out.
            lateness: Histogram::new_with_bounds(1, 3_600_000_000_000, 3).unwrap_or_else(|_| unreachable!("constant bounds are valid")),
            elapsed_ns: 0,
            stopped: false,
            truncation: None,
        }
    }
}

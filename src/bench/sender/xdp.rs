//! Frames by AF_XDP: copied into the UMEM, pushed, and the kernel woken.

use std::io;
use std::net::SocketAddrV4;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::frames::{HEADERS, Headers};
use super::transport::{Losses, Refusal, Transport};
use crate::bench::workload::Workload;
use crate::error::{Error, Exit};
use crate::play::socket::await_running;
use crate::source::SourceError;
use crate::source::xdp::{Interface, SocketConfig, XdpSender};

/// What one system call sends at most in copy mode.
const MOST: usize = 32;
/// Chunks: what a NIC with zero-copy may have in flight.
const CHUNKS: u32 = 1024;
/// How long frames that a NIC has may take to get out.
const DRAIN_PATIENCE: Duration = Duration::from_millis(200);

/// An AF_XDP socket and the workload it sends.
pub(super) struct Xdp<'w> {
    workload: &'w Workload,
    headers: Headers,
    sender: XdpSender,
    interface: Interface,
    /// Datagrams before this one are in the transmit ring or beyond it.
    queued: usize,
    losses: Losses,
}

impl<'w> Xdp<'w> {
    pub fn open(workload: &'w Workload, interface: &str, source: SocketAddrV4) -> Result<Self, Error> {
        let found = Interface::find(interface).map_err(refused)?;
        await_running(interface).map_err(|error| Error::new(Exit::Host, error.what, error.why, error.cure))?;
        let longest = workload.packets.iter().map(|packet| usize::from(packet.length)).max().unwrap_or(0) + HEADERS;
        let chunk_bytes = if longest <= 2048 { 2048 } else { 4096 };
        let config = SocketConfig { chunks: CHUNKS, chunk_bytes, ..SocketConfig::default() };
        let sender = XdpSender::open(&found, 0, &config).map_err(refused)?;
        Ok(Self { workload, headers: Headers::new(workload, source), sender, interface: found, queued: 0, losses: Losses::new(interface) })
    }

    /// Queues a datagram; false if there is no room.
    #[inline]
    fn queue(&mut self, nth: usize) -> Result<bool, Refusal> {
        let Some(packet) = self.workload.packets.get(nth) else { return Err(too_long()) };
        // The interface would throw it away in silence.
        if u32::from(packet.length) + (HEADERS as u32 - 14) > self.interface.mtu {
            return Err(too_long());
        }
        let Some(headers) = self.headers.of(nth, packet.line, packet.length) else { return Err(too_long()) };
        self.sender.send_parts(&headers, self.workload.payload(packet)).map_err(gone)
    }
}

impl Transport for Xdp<'_> {
    fn describe(&self) -> String {
        let mode = if self.sender.zero_copy() { "zero-copy" } else { "copy mode" };
        format!("AF_XDP on {}, {mode}", self.interface.name)
    }

    fn most(&self) -> usize {
        MOST
    }

    fn begin(&mut self) {
        self.queued = 0;
        self.losses.begin();
    }

    #[inline]
    fn send(&mut self, datagrams: Range<usize>) -> Result<usize, Refusal> {
        // What was queued by an earlier call and not taken is not queued again.
        for nth in datagrams.start.max(self.queued)..datagrams.end {
            match self.queue(nth) {
                Ok(true) => self.queued = nth + 1,
                Ok(false) => break,
                // Those before it first.
                Err(Refusal::Datagram(_)) if nth > datagrams.start => break,
                Err(refusal) => return Err(refusal),
            }
        }
        if self.sender.waiting() > 0 {
            self.sender.flush().map_err(gone)?;
        }
        // With zero-copy what is queued is the NIC's as soon as it has been told.
        let waiting = if self.sender.zero_copy() { 0 } else { self.sender.waiting() as usize };
        Ok(self.queued.saturating_sub(datagrams.start).saturating_sub(waiting))
    }

    fn finish(&mut self) -> u64 {
        let until = Instant::now() + DRAIN_PATIENCE;
        while !self.sender.is_drained() && Instant::now() < until && self.sender.flush().is_ok() {
            std::thread::yield_now();
        }
        // In copy mode what the kernel took was on the interface then, or thrown away.
        let stuck = if self.sender.zero_copy() { self.sender.in_flight() as u64 } else { 0 };
        stuck + self.losses.since()
    }
}

#[cold]
fn too_long() -> Refusal {
    Refusal::Datagram(io::Error::from_raw_os_error(libc::EMSGSIZE))
}

#[cold]
fn gone(error: SourceError) -> Refusal {
    Refusal::Interface(Error::new(Exit::Failed, error.what, error.why, error.cure))
}

fn refused(error: SourceError) -> Error {
    let exit = if error.is_taken() { Exit::Busy } else { Exit::Host };
    Error::new(exit, error.what, error.why, error.cure)
}

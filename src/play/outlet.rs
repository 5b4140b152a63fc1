//! One interface that played packets leave by: raw frames or UDP, collected and sent many at a time.

use std::io;
use std::net::SocketAddrV4;
use std::ops::Range;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::socket::Socket;
use super::{PlayError, Via};
use crate::sys::packet::{MAX_BATCH, send_batch};

/// How long a full transmit queue is waited for before a packet is given up.
const QUEUE_PATIENCE: Duration = Duration::from_millis(200);

/// A packet waiting to be sent; its bytes stand in the outlet's buffer.
struct Waiting {
    bytes: Range<usize>,
    destination: Option<SocketAddrV4>,
    due: Option<u64>,
}

/// What one flush did.
#[derive(Debug, Default)]
pub(super) struct Flushed {
    pub(super) sent: u64,
    pub(super) bytes: u64,
    pub(super) errors: u64,
    /// The first error of this flush.
    pub(super) error: Option<io::Error>,
}

/// An interface with its socket and what waits to be sent.
pub(super) struct Outlet {
    pub(super) interface: String,
    socket: Socket,
    buffer: Vec<u8>,
    waiting: Vec<Waiting>,
}

impl Outlet {
    pub(super) fn open(interface: &str, via: Via) -> Result<Self, PlayError> {
        let socket = Socket::open(interface, via)?;
        Ok(Self { interface: interface.into(), socket, buffer: Vec::new(), waiting: Vec::with_capacity(MAX_BATCH) })
    }

    /// Collects a packet: `append` puts its bytes behind what is in the buffer, or returns false and the packet is none.
    pub(super) fn push(&mut self, destination: SocketAddrV4, due: Option<u64>, append: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let start = self.buffer.len();
        if !append(&mut self.buffer) {
            self.buffer.truncate(start);
            return false;
        }
        // A raw frame carries its destination itself.
        let destination = matches!(self.socket, Socket::Udp(_)).then_some(destination);
        self.waiting.push(Waiting { bytes: start..self.buffer.len(), destination, due });
        true
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_BATCH
    }

    /// Sends everything collected. `on_sent` is given the time each packet was due, when the kernel has taken it. An error that
    /// concerns one packet is counted and the packet passed over; one that concerns the interface ends the run.
    pub(super) fn flush(&mut self, mut on_sent: impl FnMut(Option<u64>)) -> Result<Flushed, PlayError> {
        let mut done = Flushed::default();
        let mut next = 0;
        let mut queue_full_since: Option<Instant> = None;
        while let Some(rest) = self.waiting.get(next..).filter(|rest| !rest.is_empty()) {
            let packets = rest.iter().map(|packet| (self.buffer.get(packet.bytes.clone()).unwrap_or_default(), packet.destination));
            let error = match send_batch(self.socket.as_fd(), packets) {
                Ok(count) => {
                    for packet in rest.iter().take(count) {
                        on_sent(packet.due);
                        done.sent += 1;
                        done.bytes += packet.bytes.len() as u64;
                    }
                    next += count;
                    queue_full_since = None;
                    continue;
                }
                Err(error) => error,
            };
            match error.raw_os_error() {
                Some(libc::EINTR) => continue,
                Some(libc::ENOBUFS | libc::EAGAIN) if queue_full_since.get_or_insert_with(Instant::now).elapsed() < QUEUE_PATIENCE => {
                    std::thread::yield_now();
                    continue;
                }
                Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV | libc::EBADF) => {
                    return Err(PlayError {
                        what: format!("interface {:?}", self.interface),
                        why: format!("stopped sending: {error}"),
                        cure: "bring it up (`ip link set NAME up`) and play again".into(),
                    });
                }
                _ => {}
            }
            done.errors += 1;
            done.error.get_or_insert(error);
            queue_full_since = None;
            next += 1;
        }
        self.waiting.clear();
        self.buffer.clear();
        Ok(done)
    }
}

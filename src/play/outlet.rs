//! One interface that played packets leave by: raw frames or UDP, collected and sent many at a time.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::{PlayError, Via};
use crate::sys::packet::{
    LinkState, MAX_BATCH, MulticastInterface, PacketSocket, interface_index, link_state, send_batch, set_multicast_interface,
};

/// How long a full transmit queue is waited for before a packet is given up.
const QUEUE_PATIENCE: Duration = Duration::from_millis(200);

/// How long an interface that has been brought up may take to get its carrier.
const LINK_PATIENCE: Duration = Duration::from_secs(3);

enum Socket {
    Packet(PacketSocket),
    Udp(UdpSocket),
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Packet(socket) => socket.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
        }
    }
}

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
        let socket = match via {
            Via::Frames => PacketSocket::open(interface).map(Socket::Packet),
            Via::Udp => udp_socket(interface).map(Socket::Udp),
        };
        let socket = socket.map_err(|why| {
            let cure = match why.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => "run as root or with CAP_NET_RAW, or play through UDP sockets",
                _ => "see the interfaces with `ip link`, or give the address of one to play through UDP sockets",
            };
            PlayError { what: format!("interface {interface:?}"), why: format!("cannot be opened for sending: {why}"), cure: cure.into() }
        })?;
        if interface.parse::<Ipv4Addr>().is_err() {
            Self::await_running(interface)?;
        }
        Ok(Self { interface: interface.into(), socket, buffer: Vec::new(), waiting: Vec::with_capacity(MAX_BATCH) })
    }

    /// An interface that was just brought up throws away what it is given until the kernel has activated it, and no error tells.
    fn await_running(interface: &str) -> Result<(), PlayError> {
        let refused = |why: String| PlayError {
            what: format!("interface {interface:?}"),
            why,
            cure: format!("bring it up (`ip link set {interface} up`), and its other end"),
        };
        let deadline = Instant::now() + LINK_PATIENCE;
        let mut waited = false;
        loop {
            match link_state(interface).map_err(|why| refused(format!("cannot be asked for its state: {why}")))? {
                LinkState::Down => return Err(refused("is down".into())),
                LinkState::Waiting if Instant::now() > deadline => return Err(refused("is up, but has no carrier".into())),
                LinkState::Waiting => waited = true,
                LinkState::Running => break,
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if waited {
            // The flag is set a moment before the queue is.
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
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

/// A socket that sends multicast out of an interface given by name or by its address, one hop far, to listeners on this
/// machine too.
fn udp_socket(interface: &str) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let interface = match interface.parse() {
        Ok(address) => MulticastInterface::Address(address),
        Err(_) => MulticastInterface::Index(interface_index(interface)?),
    };
    set_multicast_interface(&socket, interface)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    Ok(socket)
}

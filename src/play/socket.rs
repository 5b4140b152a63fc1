//! The socket that packets leave an interface by: whole frames, or UDP payloads.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::{PlayError, Via};
use crate::sys::packet::{LinkState, MulticastInterface, PacketSocket, interface_index, link_state, set_multicast_interface};

/// How long an interface that has been brought up may take to get its carrier.
const LINK_PATIENCE: Duration = Duration::from_secs(3);

/// A socket that sends out of one interface, which was running when it was opened.
pub(crate) enum Socket {
    /// Frames.
    Packet(PacketSocket),
    /// Payloads, each to its own destination.
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

impl Socket {
    /// Opens one on an interface: its name, or through UDP sockets also its IPv4 address.
    pub(crate) fn open(interface: &str, via: Via) -> Result<Self, PlayError> {
        let socket = match via {
            Via::Frames => PacketSocket::open(interface).map(Self::Packet),
            Via::Udp => udp_socket(interface).map(Self::Udp),
        };
        let socket = socket.map_err(|why| {
            let cure = match why.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => "run as root or with CAP_NET_RAW, or play through UDP sockets",
                _ => "see the interfaces with `ip link`, or give the address of one to play through UDP sockets",
            };
            PlayError { what: format!("interface {interface:?}"), why: format!("cannot be opened for sending: {why}"), cure: cure.into() }
        })?;
        if interface.parse::<Ipv4Addr>().is_err() {
            await_running(interface)?;
        }
        Ok(socket)
    }
}

/// An interface that was just brought up throws away what it is given until the kernel has activated it, and no error tells.
pub(crate) fn await_running(interface: &str) -> Result<(), PlayError> {
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

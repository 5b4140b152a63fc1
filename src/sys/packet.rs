//! Sockets that send what is being played: raw frames out of one interface, UDP multicast out of a chosen one, and many
//! packets with one system call.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::mem::zeroed;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The most packets one call of [`send_batch`] takes; at 64 the system call costs less than a tenth of the sending.
pub const MAX_BATCH: usize = 64;

/// Room for bursts in the socket's send buffer, where the kernel grants it.
const SEND_BUFFER: libc::c_int = 4 << 20;

/// An interface's index, by its name, in this thread's network namespace.
pub fn interface_index(name: &str) -> io::Result<u32> {
    let name = CString::new(name)?;
    // SAFETY: `name` is a string that ends in NUL and lives through the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// Whether an interface can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Not brought up.
    Down,
    /// Brought up, but without carrier, as far as the kernel knows: what is sent is thrown away without an error.
    Waiting,
    /// Sends, but for a moment: an interface whose state the kernel has not looked at yet counts as running too, and so does one whose driver
    /// never tells it (loopback). Who knows which it is can ask for more, as [`Namespace::join`](super::netns::Namespace::join) does.
    Running,
}

/// The state of an interface of this thread's network namespace (which sysfs need not show).
pub fn link_state(interface: &str) -> io::Result<LinkState> {
    // Any socket will do to ask through.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: `ifreq` is integers, bytes and a union of such, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    // The last byte stays NUL.
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::NotFound.into());
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *place = byte as libc::c_char;
    }
    // SAFETY: SIOCGIFFLAGS reads the name of and writes the flags into the ifreq, which lives through the call.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: SIOCGIFFLAGS filled in this member of the union.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    Ok(match (flags & libc::IFF_UP != 0, flags & libc::IFF_RUNNING != 0) {
        (false, _) => LinkState::Down,
        (true, false) => LinkState::Waiting,
        (true, true) => LinkState::Running,
    })
}

/// An AF_PACKET socket that sends frames out of one interface and receives nothing.
pub struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// Opens one (needs CAP_NET_RAW) on the named interface of this thread's network namespace.
    pub fn open(interface: &str) -> io::Result<Self> {
        let index = interface_index(interface)?;
        // SAFETY: plain call; protocol 0 means that nothing is received.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: `sockaddr_ll` is plain integers, for which all zeros is a value.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = i32::try_from(index).map_err(|_| io::ErrorKind::InvalidInput)?;
        let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: `address` is a valid sockaddr_ll of `size` bytes and lives through the call.
        if unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // A refusal only means shorter bursts.
        let _ = set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, &SEND_BUFFER);
        Ok(Self { fd })
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Which interface multicast goes out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MulticastInterface {
    /// The one with this address.
    Address(Ipv4Addr),
    /// The one with this index.
    Index(u32),
}

/// Makes a UDP socket send its multicast out of an interface, whatever the routing table says.
pub fn set_multicast_interface(socket: &UdpSocket, interface: MulticastInterface) -> io::Result<()> {
    let (address, index) = match interface {
        MulticastInterface::Address(address) => (address, 0),
        MulticastInterface::Index(index) => (Ipv4Addr::UNSPECIFIED, index),
    };
    let request = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: 0 },
        imr_address: libc::in_addr { s_addr: address.to_bits().to_be() },
        imr_ifindex: i32::try_from(index).map_err(|_| io::ErrorKind::InvalidInput)?,
    };
    set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &request)?;
    let _ = set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, &SEND_BUFFER);
    Ok(())
}

/// `T` is the C type the option wants.
fn set_option<T: Copy>(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let size = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `size` readable bytes and lives through the call; the kernel only reads them.
    match unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const *value).cast(), size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends the first [`MAX_BATCH`] of these packets, in order, to their destinations (`None`: where the socket is bound), and
/// returns how many went out: fewer where a later one failed, which then shows when it is the first of the next call.
pub fn send_batch<'a>(fd: BorrowedFd<'_>, packets: impl Iterator<Item = (&'a [u8], Option<SocketAddrV4>)>) -> io::Result<usize> {
    // SAFETY: these C structs are integers and pointers, for which all zeros is a value.
    let (mut headers, mut slices, mut addresses): ([libc::mmsghdr; MAX_BATCH], [libc::iovec; MAX_BATCH], [libc::sockaddr_in; MAX_BATCH]) =
        unsafe { zeroed() };
    let mut count = 0;
    for (((bytes, destination), header), (slice, address)) in packets.zip(&mut headers).zip(slices.iter_mut().zip(&mut addresses)) {
        slice.iov_base = bytes.as_ptr().cast_mut().cast();
        slice.iov_len = bytes.len();
        header.msg_hdr.msg_iov = slice;
        header.msg_hdr.msg_iovlen = 1;
        if let Some(destination) = destination {
            address.sin_family = libc::AF_INET as u16;
            address.sin_port = destination.port().to_be();
            address.sin_addr.s_addr = destination.ip().to_bits().to_be();
            header.msg_hdr.msg_name = (&raw mut *address).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
        count += 1;
    }
    // SAFETY: the first `count` headers point to slices and addresses in arrays that live through the call, and these to bytes
    // borrowed for 'a. The kernel only reads the bytes, though an iovec has no const.
    let sent = unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

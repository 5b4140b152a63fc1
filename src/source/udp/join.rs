//! Sockets of one line each: created, joined on the named interface, bound. Also the system calls around them.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::UdpLine;
use crate::source::xdp::Interface;
use crate::source::{SourceError, TAKEN};

/// Place of the drop counter in `SO_MEMINFO`.
const SK_MEMINFO_DROPS: usize = 8;
const SO_MEMINFO: i32 = 55;

/// A datagram socket that does nothing yet.
pub(in crate::source) fn socket() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Joins `group` on the interface of that index (0: the one the routing table names).
pub(in crate::source) fn join(fd: &OwnedFd, group: Ipv4Addr, index: u32) -> io::Result<()> {
    let request = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: u32::from(group).to_be() },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: index as i32,
    };
    set(fd, libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, &request)
}

/// Leaves `group` on the interface that had that index, also when it is gone: the socket still counts the membership.
pub(super) fn leave(fd: &OwnedFd, group: Ipv4Addr, index: u32) -> io::Result<()> {
    let request = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: u32::from(group).to_be() },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: index as i32,
    };
    set(fd, libc::IPPROTO_IP, libc::IP_DROP_MEMBERSHIP, &request)
}

/// Opens the socket of a line. The second value is the receive buffer the kernel granted, in bytes.
pub(super) fn open(line: &UdpLine, receive_buffer_bytes: u32) -> Result<(OwnedFd, u32), SourceError> {
    let index = match &line.interface {
        Some(name) => Interface::find(name)?.index,
        None => 0,
    };
    let multicast = line.group.is_multicast();
    let explain = |step: &'static str| move |error: io::Error| explain(line, step, &error);
    let fd = socket().map_err(explain("opening a socket"))?;
    if multicast {
        // Other receivers of the group on this host are nobody's conflict.
        set(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1_i32).map_err(explain("SO_REUSEADDR"))?;
        // Else the socket also hears groups that others joined, and this group on other interfaces.
        set(&fd, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, &0_i32).map_err(explain("IP_MULTICAST_ALL"))?;
    }
    // Beyond net.core.rmem_max only with CAP_NET_ADMIN; without it what the limit allows.
    let forced = set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &receive_buffer_bytes);
    forced.or_else(|_| set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &receive_buffer_bytes)).map_err(explain("SO_RCVBUF"))?;
    let mut granted = [0_u32];
    get(&fd, libc::SO_RCVBUF, &mut granted).map_err(explain("SO_RCVBUF"))?;
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: line.port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(line.group).to_be() },
        sin_zero: [0; 8],
    };
    // SAFETY: a valid sockaddr_in and its size.
    let done = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32) };
    if done < 0 {
        return Err(explain("binding")(io::Error::last_os_error()));
    }
    if multicast {
        join(&fd, line.group, index).map_err(explain("joining"))?;
    }
    // The kernel doubles what it is asked for, to have room for its own book-keeping.
    Ok((fd, granted[0] / 2))
}

/// Datagrams the kernel dropped for want of room, since the socket was opened; wraps at 2^32.
pub(super) fn dropped(fd: &OwnedFd) -> io::Result<u32> {
    let mut info = [0_u32; SK_MEMINFO_DROPS + 1];
    get(fd, SO_MEMINFO, &mut info)?;
    Ok(info[SK_MEMINFO_DROPS])
}

fn explain(line: &UdpLine, step: &str, error: &io::Error) -> SourceError {
    let on = line.interface.as_deref().map(|name| format!(" on {name}")).unwrap_or_default();
    let cure = match error.raw_os_error() {
        Some(libc::ENODEV) => "the interface must be up and have IPv4; without a named interface the routing table must name one",
        Some(libc::EADDRINUSE) => "another process receives there: `ss -lunp` names it",
        Some(libc::EADDRNOTAVAIL) => "use a multicast group or an address of this host",
        Some(libc::EACCES | libc::EPERM) => "ports below 1024 need CAP_NET_BIND_SERVICE",
        _ => "see ip(7) for what it means",
    };
    let why = if error.raw_os_error() == Some(libc::EADDRINUSE) { format!("{TAKEN}: {error}") } else { error.to_string() };
    SourceError { what: format!("opening UDP line {}:{}{on} ({step})", line.group, line.port), why, cure: cure.into() }
}

fn set<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: reads `value` only, of its size.
    let done = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, (value as *const T).cast(), size_of::<T>() as u32) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Reads a socket option made of 32-bit words.
fn get(fd: &OwnedFd, option: i32, words: &mut [u32]) -> io::Result<()> {
    let mut length = size_of_val(words) as libc::socklen_t;
    // SAFETY: writes at most `length` bytes into `words`.
    let done = unsafe { libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, option, words.as_mut_ptr().cast(), &mut length) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    if (length as usize) < size_of_val(words) {
        return Err(io::Error::other("the kernel is too old"));
    }
    Ok(())
}

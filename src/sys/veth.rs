//! Pairs of virtual interfaces between two network namespaces, made and brought up by netlink: no program has to be installed for it.
#![allow(unsafe_code)]

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::packet::interface_index;

/// Attribute of a veth's data: its other end (linux/veth.h).
const VETH_INFO_PEER: u16 = 1;
/// Bytes of a message's header.
const HEADER_BYTES: usize = 16;

/// Makes `name` in this thread's network namespace and its other end `peer` in another; both are down. Needs CAP_NET_ADMIN in both.
pub fn make_pair(name: &str, peer: &str, peer_namespace: BorrowedFd<'_>) -> io::Result<()> {
    let mut message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
    message.link(0, 0, 0);
    message.text(libc::IFLA_IFNAME, name);
    message.nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_KIND, "veth");
        info.nest(libc::IFLA_INFO_DATA, |data| {
            data.nest(VETH_INFO_PEER, |end| {
                end.link(0, 0, 0);
                end.text(libc::IFLA_IFNAME, peer);
                end.attribute(libc::IFLA_NET_NS_FD, &peer_namespace.as_raw_fd().to_ne_bytes());
            });
        });
    });
    message.ask()
}

/// Brings an interface of this thread's network namespace up, as `ip link set … up` does.
pub fn bring_up(name: &str) -> io::Result<()> {
    let mut message = Message::new(libc::RTM_NEWLINK, 0);
    let up = libc::IFF_UP as u32;
    message.link(interface_index(name)?, up, up);
    message.ask()
}

/// Gives an interface of this thread's network namespace an IPv4 address, without a network around it (/32).
pub fn give_address(name: &str, address: Ipv4Addr) -> io::Result<()> {
    let mut message = Message::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
    message.address(interface_index(name)?, 32);
    message.attribute(libc::IFA_LOCAL, &address.octets());
    message.ask()
}

/// A request to the kernel's routing socket, as bytes.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: libc::c_int) -> Self {
        let mut bytes = Vec::with_capacity(256);
        // Length, filled in when it is sent; type, flags, number, port.
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(((libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16).to_ne_bytes());
        bytes.extend([0; 8]);
        Self(bytes)
    }

    /// Which link, and which of its flags to change.
    fn link(&mut self, index: u32, flags: u32, change: u32) {
        // Family, device type.
        self.0.extend([libc::AF_UNSPEC as u8, 0, 0, 0]);
        for word in [index, flags, change] {
            self.0.extend(word.to_ne_bytes());
        }
    }

    /// An IPv4 address of which link, and how long its network's part is.
    fn address(&mut self, index: u32, prefix: u8) {
        // Flags, scope: none, everywhere.
        self.0.extend([libc::AF_INET as u8, prefix, 0, 0]);
        self.0.extend(index.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nest(kind, |inside| inside.0.extend(value));
    }

    fn text(&mut self, kind: u16, value: &str) {
        self.nest(kind, |inside| {
            inside.0.extend(value.as_bytes());
            inside.0.push(0);
        });
    }

    /// An attribute made of what `fill` appends; the next one begins at a multiple of 4.
    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0; 4]);
        fill(self);
        let length = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// Sends it and waits for the kernel's answer.
    fn ask(mut self) -> io::Result<()> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: reads the message's bytes only. A socket that was bound to nothing sends to the kernel.
        if unsafe { libc::send(socket.as_raw_fd(), self.0.as_ptr().cast(), self.0.len(), 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut answer = [0_u8; 4096];
        // SAFETY: writes into `answer`, at most its length.
        let received = unsafe { libc::recv(socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        // An acknowledgement is an error of number 0: the number follows the header.
        let number = answer[..received].get(HEADER_BYTES..HEADER_BYTES + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
        match number {
            Some(0) => Ok(()),
            Some(number) => Err(io::Error::from_raw_os_error(number.wrapping_neg())),
            None => Err(io::Error::other("the kernel's answer is too short")),
        }
    }
}

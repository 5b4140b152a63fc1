//! Network interfaces as this network namespace sees them.
//!
//! Asked by ioctl: `/sys/class/net` shows the interfaces of the namespace it was mounted in, which need not be ours.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// One interface, as it was when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, at most 15 bytes.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// Set up (`ip link set … up`).
    pub up: bool,
    /// Up and with a carrier; the kernel may be a second late with it.
    pub running: bool,
    /// It is the loopback.
    pub loopback: bool,
    /// It can receive multicast.
    pub multicast: bool,
    /// Largest IP packet, bytes; a frame is 14 bytes longer, 4 more for each VLAN tag.
    pub mtu: u32,
    /// Its first IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its Ethernet address; `None` where it has none.
    pub mac: Option<[u8; 6]>,
    /// Receive queues in use; `None` where the driver does not say (such drivers have one).
    pub rx_queues: Option<u32>,
}

impl Interface {
    /// The interface of that name; `NotFound` if this namespace has none ([`names`] lists those it has).
    pub fn named(name: &str) -> io::Result<Self> {
        let mut request = Request::new(name)?;
        request.ask(libc::SIOCGIFINDEX).map_err(|error| match error.raw_os_error() {
            Some(libc::ENODEV) => io::Error::new(io::ErrorKind::NotFound, format!("no interface '{name}' in this network namespace")),
            _ => error,
        })?;
        // SAFETY: SIOCGIFINDEX succeeded and filled the member that belongs to it; every member of the union is
        // plain old data, valid for any bytes.
        let index = unsafe { request.body.ifr_ifru.ifru_ifindex } as u32;
        request.ask(libc::SIOCGIFFLAGS)?;
        // SAFETY: as above, for SIOCGIFFLAGS.
        let flags = i32::from(unsafe { request.body.ifr_ifru.ifru_flags });
        request.ask(libc::SIOCGIFMTU)?;
        // SAFETY: as above, for SIOCGIFMTU.
        let mtu = unsafe { request.body.ifr_ifru.ifru_mtu } as u32;
        let has = |flag: libc::c_int| flags & flag != 0;
        Ok(Self {
            name: name.to_owned(),
            index,
            up: has(libc::IFF_UP),
            running: has(libc::IFF_UP) && has(libc::IFF_RUNNING),
            loopback: has(libc::IFF_LOOPBACK),
            multicast: has(libc::IFF_MULTICAST),
            mtu,
            ipv4: request.ipv4(),
            mac: request.mac(),
            rx_queues: request.rx_queues(),
        })
    }
}

/// Packets that an interface of this thread's network namespace was given to send and threw away (no carrier, the other end of a veth pair
/// full), since it was made; `None` if the kernel does not say. No error tells the sender of all of them.
pub fn transmit_losses(name: &str) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").ok()?;
    let row = table.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
    // Receive: bytes, packets, errors, dropped and four more; then transmit in the same order.
    let mut transmit = row.split_ascii_whitespace().skip(8 + 2);
    let errors: u64 = transmit.next()?.parse().ok()?;
    let dropped: u64 = transmit.next()?.parse().ok()?;
    Some(errors.saturating_add(dropped))
}

/// The names of all interfaces of this network namespace, in the kernel's order; empty if it does not say.
pub fn names() -> Vec<String> {
    // SAFETY: takes nothing; returns null or an array that ends with an entry of index 0 and a null name.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Vec::new();
    }
    let mut names = Vec::new();
    let mut entry = list;
    // SAFETY: `entry` walks the array up to its end mark and no further; each name is a terminated string that lives until
    // the array is freed, which is after the last copy, once, by the function made for it.
    unsafe {
        while (*entry).if_index != 0 && !(*entry).if_name.is_null() {
            names.push(CStr::from_ptr((*entry).if_name).to_string_lossy().into_owned());
            entry = entry.add(1);
        }
        libc::if_freenameindex(list);
    }
    names
}

/// A socket to ask by, and the request that travels through the ioctl.
struct Request {
    socket: OwnedFd,
    body: libc::ifreq,
}

/// `struct ethtool_channels` of the kernel's ABI.
#[repr(C)]
#[derive(Default)]
struct Channels {
    command: u32,
    maximum: [u32; 4],
    receive: u32,
    transmit: u32,
    other: u32,
    combined: u32,
}

const SIOCETHTOOL: libc::Ioctl = 0x8946 as libc::Ioctl;
const ETHTOOL_GCHANNELS: u32 = 0x3c;

impl Request {
    fn new(name: &str) -> io::Result<Self> {
        if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0') {
            let why = format!("'{name}' cannot be the name of an interface: those have 1 to {} bytes", libc::IFNAMSIZ - 1);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        // SAFETY: takes numbers, returns a new descriptor or -1.
        let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `socket` was opened above and belongs to nobody else.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        // SAFETY: an ifreq is plain old data; all zeros is a valid one.
        let mut body: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in body.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as c_char;
        }
        Ok(Self { socket, body })
    }

    fn ask(&mut self, what: libc::Ioctl) -> io::Result<()> {
        // SAFETY: each SIOC… used here takes a pointer to an ifreq with a terminated name (the name is shorter than the field)
        // and writes at most its union; for SIOCETHTOOL the union points at a live `Channels` (see `rx_queues`).
        match unsafe { libc::ioctl(self.socket.as_raw_fd(), what, &mut self.body) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn ipv4(&mut self) -> Option<Ipv4Addr> {
        self.ask(libc::SIOCGIFADDR).ok()?;
        // SAFETY: SIOCGIFADDR succeeded and filled `ifru_addr`; plain old data.
        let address = unsafe { self.body.ifr_ifru.ifru_addr };
        // A sockaddr_in: two bytes of port, then four of address.
        let [_, _, a, b, c, d, ..] = address.sa_data.map(|byte| byte as u8);
        (i32::from(address.sa_family) == libc::AF_INET).then(|| Ipv4Addr::new(a, b, c, d))
    }

    fn mac(&mut self) -> Option<[u8; 6]> {
        self.ask(libc::SIOCGIFHWADDR).ok()?;
        // SAFETY: SIOCGIFHWADDR succeeded and filled `ifru_hwaddr`; plain old data.
        let address = unsafe { self.body.ifr_ifru.ifru_hwaddr };
        let [a, b, c, d, e, f, ..] = address.sa_data.map(|byte| byte as u8);
        (address.sa_family == libc::ARPHRD_ETHER).then_some([a, b, c, d, e, f])
    }

    fn rx_queues(&mut self) -> Option<u32> {
        let mut channels = Channels { command: ETHTOOL_GCHANNELS, ..Channels::default() };
        self.body.ifr_ifru.ifru_data = (&raw mut channels).cast();
        let answer = self.ask(SIOCETHTOOL);
        // The pointer must not outlive what it points at.
        self.body.ifr_ifru.ifru_data = std::ptr::null_mut();
        answer.ok()?;
        // A queue pair ("combined") receives too.
        Some(channels.receive.saturating_add(channels.combined)).filter(|&queues| queues > 0)
    }
}

//! What the kernel says about an interface: index, MTU, receive queues, the XDP program on it.
//!
//! Asked by ioctl and netlink of the network namespace the thread is in; `/sys/class/net` shows that of whoever mounted it.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::source::SourceError;

const SIOCETHTOOL: libc::c_ulong = 0x8946;
const ETHTOOL_GRXRINGS: u32 = 0x2d;
const ETHTOOL_GCHANNELS: u32 = 0x3c;
const IFLA_XDP: u16 = 43;
const IFLA_XDP_PROG_ID: u16 = 4;
/// The two upper bits of an attribute's type are flags.
const ATTRIBUTE_TYPE: u16 = 0x3fff;

/// An interface as it was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index; another one after it was deleted and made again.
    pub index: u32,
    /// Longest IP packet, bytes.
    pub mtu: u32,
    /// How many receive queues are in use, numbered from 0.
    pub receive_queues: u32,
}

impl Interface {
    /// Looks the interface up.
    pub fn find(name: &str) -> Result<Self, SourceError> {
        let fail = |why: String, cure: String| SourceError { what: format!("looking up interface {name}"), why, cure };
        let missing = || fail("there is none of that name".into(), "see `ip link` for those there are".into());
        let c_name = CString::new(name).map_err(|_| missing())?;
        if c_name.as_bytes_with_nul().len() > libc::IFNAMSIZ {
            return Err(missing());
        }
        // SAFETY: a terminated string.
        let index = unsafe { libc::if_nametoindex(c_name.as_ptr()) };
        if index == 0 {
            return Err(missing());
        }
        let asked = Ioctl::open(&c_name).and_then(|mut ask| Ok((ask.mtu()?, ask.receive_queues()?)));
        match asked {
            Ok((mtu, receive_queues)) => Ok(Self { name: name.to_owned(), index, mtu, receive_queues }),
            Err(error) => Err(fail(error.to_string(), "check that it still exists".into())),
        }
    }

    /// The id of the XDP program attached to it, if any.
    pub fn xdp_program(&self) -> Result<Option<u32>, SourceError> {
        xdp_program(self.index).map_err(|error| SourceError {
            what: format!("asking for the XDP program of {}", self.name),
            why: error.to_string(),
            cure: "check that the interface still exists".into(),
        })
    }

    /// Refuses to start unless `queues` are all the receive queues there are, each once: frames that arrive on a queue without
    /// a socket silently take the kernel's path. With `pinned` the caller states that the flow arrives on these only.
    pub fn admit_queues(&self, queues: &[u32], pinned: bool) -> Result<(), SourceError> {
        let what = format!("receiving on {}", self.name);
        let count = self.receive_queues;
        for (at, queue) in queues.iter().enumerate() {
            if *queue >= count {
                return Err(SourceError {
                    what,
                    why: format!("queue {queue} does not exist: it has {count}, numbered from 0"),
                    cure: "see `ethtool -l` for its queues".into(),
                });
            }
            if queues[..at].contains(queue) {
                return Err(SourceError {
                    what,
                    why: format!("queue {queue} is given to two owners"),
                    cure: "give every (interface, queue) to exactly one lane".into(),
                });
            }
        }
        let bare: Vec<String> = (0..count).filter(|q| !queues.contains(q)).map(|q| q.to_string()).collect();
        if bare.is_empty() || (pinned && !queues.is_empty()) {
            return Ok(());
        }
        Err(SourceError {
            what,
            why: format!(
                "of its {count} receive queues, {} would have no socket, and frames on those would be lost to the lane",
                bare.join(", ")
            ),
            cure: format!(
                "give those queues to a lane, lower their number (ethtool -L {} combined N), or state that the flow is pinned",
                self.name
            ),
        })
    }
}

/// `struct ethtool_channels`.
#[repr(C)]
#[derive(Default)]
struct Channels {
    command: u32,
    max: [u32; 4],
    receive: u32,
    transmit: u32,
    other: u32,
    combined: u32,
}

/// The head of `struct ethtool_rxnfc`; the rest is not used by the commands that count, but must be there.
#[repr(C)]
struct ReceiveRings {
    command: u32,
    flow_type: u32,
    data: u64,
    rest: [u64; 24],
}

struct Ioctl {
    socket: OwnedFd,
    request: libc::ifreq,
}

impl Ioctl {
    fn open(name: &CString) -> io::Result<Self> {
        let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        // SAFETY: integers and arrays of them; zero is valid.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
            *to = *from as libc::c_char;
        }
        Ok(Self { socket, request })
    }

    fn call(&mut self, code: libc::c_ulong) -> io::Result<()> {
        // SAFETY: `request` is an ifreq; where it holds a pointer, the caller set it to a structure of the command's size.
        let done = unsafe { libc::ioctl(self.socket.as_raw_fd(), code as _, &raw mut self.request) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn mtu(&mut self) -> io::Result<u32> {
        self.call(libc::SIOCGIFMTU as libc::c_ulong)?;
        // SAFETY: SIOCGIFMTU fills this member.
        let mtu = unsafe { self.request.ifr_ifru.ifru_mtu };
        u32::try_from(mtu).map_err(|_| io::Error::other(format!("MTU {mtu}")))
    }

    /// Queues in use. A driver that answers neither question has no way to have several: one.
    fn receive_queues(&mut self) -> io::Result<u32> {
        let mut channels = Channels { command: ETHTOOL_GCHANNELS, ..Default::default() };
        self.request.ifr_ifru.ifru_data = (&raw mut channels).cast();
        match self.call(SIOCETHTOOL) {
            Ok(()) => return Ok((channels.receive + channels.combined).max(1)),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Err(error),
            Err(_) => {}
        }
        let mut rings = ReceiveRings { command: ETHTOOL_GRXRINGS, flow_type: 0, data: 0, rest: [0; 24] };
        self.request.ifr_ifru.ifru_data = (&raw mut rings).cast();
        Ok(if self.call(SIOCETHTOOL).is_ok() { u32::try_from(rings.data).unwrap_or(1).max(1) } else { 1 })
    }
}

pub(super) fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// RTM_GETLINK, and the program's id out of the nested attributes of the answer.
fn xdp_program(index: u32) -> io::Result<Option<u32>> {
    const HEADER: usize = 16;
    const INFO: usize = 16;
    let netlink = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    let mut request = [0_u8; HEADER + INFO];
    request[0..4].copy_from_slice(&((HEADER + INFO) as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&libc::RTM_GETLINK.to_ne_bytes());
    request[6..8].copy_from_slice(&(libc::NLM_F_REQUEST as u16).to_ne_bytes());
    request[HEADER + 4..HEADER + 8].copy_from_slice(&index.to_ne_bytes());
    // SAFETY: reads `request` only.
    if unsafe { libc::send(netlink.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut answer = vec![0_u8; 1 << 16];
    // SAFETY: writes at most `answer.len()` bytes.
    let length = unsafe { libc::recv(netlink.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) };
    let Ok(length) = usize::try_from(length) else { return Err(io::Error::last_os_error()) };
    let answer = &answer[..length];
    let kind = answer.get(4..6).map(|b| u16::from_ne_bytes([b[0], b[1]]));
    if kind == Some(libc::NLMSG_ERROR as u16) {
        let code = answer.get(HEADER..HEADER + 4).map_or(0, |b| i32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
        return Err(io::Error::from_raw_os_error(-code));
    }
    let attributes = answer.get(HEADER + INFO..).unwrap_or_default();
    let id = attribute(attributes, IFLA_XDP).and_then(|xdp| attribute(xdp, IFLA_XDP_PROG_ID));
    Ok(id.and_then(|b| b.get(..4)).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]])).filter(|&id| id != 0))
}

/// The value of the first attribute of type `wanted`.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let head = attributes.get(..4)?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let value = attributes.get(4..length)?;
        if u16::from_ne_bytes([head[2], head[3]]) & ATTRIBUTE_TYPE == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

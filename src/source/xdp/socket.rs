//! One AF_XDP socket: one queue of one interface, with a UMEM of its own.
//!
//! Order of opening, each step needed by the next: UMEM, its fill and completion ring, receive ring (and transmit ring),
//! offsets, mappings, **fill the fill ring, then bind**: a driver that binds to an empty fill ring may stall until a wakeup.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::interface::{Interface, socket};
use super::privilege;
use super::rings::{Consumer, Producer};
use super::umem::{HugePages, Layout, Pages, Umem};
use crate::source::{SourceError, TAKEN};

const SO_PREFER_BUSY_POLL: i32 = 69;
const SO_BUSY_POLL_BUDGET: i32 = 70;

/// Whether frames may be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyMode {
    /// Zero-copy where the driver has it, else copy; [`XdpSocket::zero_copy`] says which.
    #[default]
    Automatic,
    /// Copy, even where zero-copy is to be had.
    Copy,
    /// Zero-copy, or refuse.
    ZeroCopy,
}

/// The kernel polls the NIC in our system calls instead of in interrupts. Opt-in: it gains nothing on veth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyPoll {
    /// How long one call may poll, µs.
    pub poll_us: u32,
    /// Frames one call may take.
    pub budget: u32,
}

/// How sockets are opened.
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// Chunks of the UMEM, all of them in the fill ring at the start; the burst that a stall may last. A power of two.
    pub chunks: u32,
    /// Bytes of a chunk: 2048 or 4096.
    pub chunk_bytes: u32,
    /// Kept free in front of each frame, besides the kernel's 256 bytes.
    pub headroom_bytes: u32,
    /// Whether the UMEM is of huge pages.
    pub huge_pages: HugePages,
    /// Zero-copy or copy.
    pub copy_mode: CopyMode,
    /// Busy polling, if wanted.
    pub busy_poll: Option<BusyPoll>,
    /// How long a queue that is still taken is asked for again. A predecessor's socket lingers for a while after its death,
    /// at every restart of the service.
    pub bind_patience: Duration,
}

impl Default for SocketConfig {
    fn default() -> Self {
        Self {
            chunks: 4096,
            chunk_bytes: 2048,
            headroom_bytes: 0,
            huge_pages: HugePages::Off,
            copy_mode: CopyMode::Automatic,
            busy_poll: None,
            bind_patience: Duration::from_secs(5),
        }
    }
}

/// What the kernel counted for a socket, in frames (`XDP_STATISTICS`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Dropped: no chunk to receive into, or longer than a chunk takes.
    pub dropped: u64,
    /// Dropped because the receive ring was full: the lane was too slow.
    pub ring_full: u64,
    /// How often the fill ring was found empty (with zero-copy: not frames).
    pub fill_ring_empty: u64,
    /// Our descriptors that made no sense to the kernel.
    pub invalid: u64,
}

impl Statistics {
    /// Frames lost before we saw them.
    pub fn lost(&self) -> u64 {
        self.dropped.wrapping_add(self.ring_full)
    }

    /// Adds `other`'s.
    pub fn merge(&mut self, other: &Self) {
        self.dropped += other.dropped;
        self.ring_full += other.ring_full;
        self.fill_ring_empty += other.fill_ring_empty;
        self.invalid += other.invalid;
    }
}

/// A bound socket. Lives on the thread that opened it.
pub struct XdpSocket {
    // Field order is drop order: rings and socket before the memory they use.
    pub(super) receive: Consumer<libc::xdp_desc>,
    pub(super) fill: Producer<u64>,
    fd: OwnedFd,
    pub(super) umem: Umem,
    interface: Interface,
    queue: u32,
    zero_copy: bool,
    busy_poll: bool,
}

impl XdpSocket {
    /// Opens a receiving socket on `queue` of the interface. It receives once it is registered with the interface's
    /// [`Steering`](super::program::Steering) and that is attached.
    pub fn open(interface: &Interface, queue: u32, config: &SocketConfig) -> Result<Self, SourceError> {
        let what = format!("opening AF_XDP on {} queue {queue}", interface.name);
        let Prepared { fd, umem, offsets } = Prepared::new(&what, interface, config, libc::XDP_RX_RING)?;
        let layout = umem.layout();
        let explain = |step| explain(&what, step, layout.bytes());
        let entries = layout.chunks();
        let receive = Consumer::map(fd.as_fd(), libc::XDP_PGOFF_RX_RING, offsets.rx, entries).map_err(explain(Step::Rings))?;
        let page_offset = libc::XDP_UMEM_PGOFF_FILL_RING as i64;
        let mut fill = Producer::map(fd.as_fd(), page_offset, offsets.fr, entries).map_err(explain(Step::Rings))?;

        for chunk in 0..u64::from(entries) {
            let pushed = fill.push(chunk * u64::from(layout.chunk_bytes()));
            assert!(pushed, "the fill ring has a slot for every chunk");
        }
        fill.publish();
        if let Some(busy) = config.busy_poll {
            set_socket(&fd, SO_PREFER_BUSY_POLL, 1).map_err(explain(Step::BusyPoll))?;
            set_socket(&fd, libc::SO_BUSY_POLL, busy.poll_us).map_err(explain(Step::BusyPoll))?;
            set_socket(&fd, SO_BUSY_POLL_BUDGET, busy.budget).map_err(explain(Step::BusyPoll))?;
        }
        let zero_copy = bind(&fd, interface, queue, config).map_err(explain(Step::Bind))?;
        Ok(Self { receive, fill, fd, umem, interface: interface.clone(), queue, zero_copy, busy_poll: config.busy_poll.is_some() })
    }

    /// The interface it is bound to.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The queue it is bound to.
    pub fn queue(&self) -> u32 {
        self.queue
    }

    /// Whether the NIC writes into the UMEM itself.
    pub fn zero_copy(&self) -> bool {
        self.zero_copy
    }

    /// What backs the UMEM.
    pub fn pages(&self) -> Pages {
        self.umem.pages()
    }

    /// What the kernel counted. A system call: for chores.
    pub fn statistics(&self) -> Result<Statistics, SourceError> {
        let s: libc::xdp_statistics = get(&self.fd, libc::XDP_STATISTICS).map_err(|error| self.failed("reading statistics of", &error))?;
        Ok(Statistics {
            dropped: s.rx_dropped,
            ring_full: s.rx_ring_full,
            fill_ring_empty: s.rx_fill_ring_empty_descs,
            invalid: s.rx_invalid_descs + s.tx_invalid_descs,
        })
    }

    /// Whether the socket is still bound to an interface that exists. A system call: for chores.
    pub fn check(&self) -> Result<(), SourceError> {
        let mut pending = 0_i32;
        let mut length = size_of::<i32>() as libc::socklen_t;
        // SAFETY: writes an i32 into `pending`.
        let done =
            unsafe { libc::getsockopt(self.fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR, (&raw mut pending).cast(), &mut length) };
        let error = if done < 0 { io::Error::last_os_error() } else { io::Error::from_raw_os_error(pending) };
        if done == 0 && pending == 0 { Ok(()) } else { Err(self.failed("receiving on", &error)) }
    }

    fn failed(&self, doing: &str, error: &io::Error) -> SourceError {
        SourceError {
            what: format!("{doing} {} queue {}", self.interface.name, self.queue),
            why: format!("{error}: the interface was removed or its driver reset"),
            cure: "open it again once the interface is back".into(),
        }
    }

    /// Wakes the kernel where it sleeps until we do (need_wakeup), or polls the NIC (busy polling).
    #[inline]
    pub(super) fn wake(&self) {
        if self.busy_poll || self.fill.needs_wakeup() {
            // SAFETY: no buffer. Whatever it answers, `check` finds what matters.
            unsafe {
                libc::recvfrom(self.fd.as_raw_fd(), std::ptr::null_mut(), 0, libc::MSG_DONTWAIT, std::ptr::null_mut(), std::ptr::null_mut())
            };
        }
    }
}

impl AsFd for XdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl fmt::Debug for XdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XdpSocket").field("interface", &self.interface.name).field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// A socket with its UMEM registered and its rings made, but not bound.
pub(super) struct Prepared {
    pub(super) fd: OwnedFd,
    pub(super) umem: Umem,
    pub(super) offsets: libc::xdp_mmap_offsets,
}

impl Prepared {
    /// `ring` is the ring of the socket's direction; fill and completion ring belong to every UMEM.
    pub(super) fn new(what: &str, interface: &Interface, config: &SocketConfig, ring: i32) -> Result<Self, SourceError> {
        let layout = Layout::new(config.chunks, config.chunk_bytes, config.headroom_bytes)?;
        layout.admit_mtu(&interface.name, interface.mtu)?;
        let umem = Umem::map(layout, config.huge_pages)?;
        let explain = |step| explain(what, step, layout.bytes());
        let fd = socket(libc::AF_XDP, libc::SOCK_RAW, 0).map_err(explain(Step::Socket))?;
        set(&fd, libc::XDP_UMEM_REG, &umem.registration()).map_err(explain(Step::Register))?;
        for ring in [libc::XDP_UMEM_FILL_RING, libc::XDP_UMEM_COMPLETION_RING, ring] {
            set(&fd, ring, &layout.chunks()).map_err(explain(Step::Rings))?;
        }
        let offsets = get(&fd, libc::XDP_MMAP_OFFSETS).map_err(explain(Step::Rings))?;
        Ok(Self { fd, umem, offsets })
    }
}

/// Binds, and tells whether it is without copying.
pub(super) fn bind(fd: &OwnedFd, interface: &Interface, queue: u32, config: &SocketConfig) -> io::Result<bool> {
    let mode = match config.copy_mode {
        CopyMode::Automatic => 0,
        CopyMode::Copy => libc::XDP_COPY,
        CopyMode::ZeroCopy => libc::XDP_ZEROCOPY,
    };
    bind_patiently(fd, interface.index, queue, libc::XDP_USE_NEED_WAKEUP | mode, config.bind_patience)?;
    // With neither flag the kernel falls back to copying without a word: ask what it did.
    let options: libc::xdp_options = get(fd, libc::XDP_OPTIONS)?;
    Ok(options.flags & libc::XDP_OPTIONS_ZEROCOPY != 0)
}

/// Binds, and asks again while a predecessor still holds the queue.
fn bind_patiently(fd: &OwnedFd, index: u32, queue: u32, flags: u16, patience: Duration) -> io::Result<()> {
    let address = libc::sockaddr_xdp {
        sxdp_family: libc::AF_XDP as u16,
        sxdp_flags: flags,
        sxdp_ifindex: index,
        sxdp_queue_id: queue,
        sxdp_shared_umem_fd: 0,
    };
    let until = Instant::now() + patience;
    let mut pause = Duration::from_millis(5);
    loop {
        // SAFETY: a valid sockaddr_xdp and its size.
        let done = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32) };
        if done == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        let left = until.saturating_duration_since(Instant::now());
        if error.raw_os_error() != Some(libc::EBUSY) || left.is_zero() {
            return Err(error);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(320));
    }
}

fn set<T>(fd: &OwnedFd, option: i32, value: &T) -> io::Result<()> {
    set_at(fd, libc::SOL_XDP, option, value)
}

fn set_socket(fd: &OwnedFd, option: i32, value: u32) -> io::Result<()> {
    set_at(fd, libc::SOL_SOCKET, option, &value)
}

fn set_at<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: reads `value` only, of its size.
    let done = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, (value as *const T).cast(), size_of::<T>() as u32) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Reads one of the plain-integer structures of SOL_XDP.
fn get<T: Copy>(fd: &OwnedFd, option: i32) -> io::Result<T> {
    // SAFETY: only used with structures of integers, for which zero is valid.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: writes at most `length` bytes into `value`.
    let done = unsafe { libc::getsockopt(fd.as_raw_fd(), libc::SOL_XDP, option, (&raw mut value).cast(), &mut length) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    if length as usize != size_of::<T>() {
        return Err(io::Error::other("the kernel is older than 5.11 and lacks what is needed of AF_XDP"));
    }
    Ok(value)
}

/// Where opening failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Socket,
    Register,
    Rings,
    BusyPoll,
    Bind,
}

/// Turns what the kernel said at `step` into a message.
pub(super) fn explain(what: &str, step: Step, umem_bytes: usize) -> impl FnOnce(io::Error) -> SourceError {
    move |error| explained(what.to_owned(), step, &error, umem_bytes)
}

fn explained(what: String, step: Step, error: &io::Error, umem_bytes: usize) -> SourceError {
    let (why, cure) = match (step, error.raw_os_error()) {
        (Step::Socket, Some(libc::EPERM)) => ("the socket was refused (EPERM)".into(), privilege::cure()),
        (Step::Socket, Some(libc::EAFNOSUPPORT)) => {
            ("this kernel has no AF_XDP".into(), "use one built with CONFIG_XDP_SOCKETS, or UDP sockets as the source".into())
        }
        (Step::Register, Some(libc::ENOBUFS)) => (
            format!("the UMEM of {umem_bytes} bytes is more than RLIMIT_MEMLOCK allows"),
            "set LimitMEMLOCK=infinity (ulimit -l unlimited) or give the service CAP_IPC_LOCK".into(),
        ),
        (Step::BusyPoll, Some(libc::EPERM)) => {
            ("busy polling was refused (EPERM)".into(), "give the service CAP_NET_ADMIN, or turn it off".into())
        }
        (Step::Bind, Some(libc::EBUSY)) => (
            format!("{TAKEN}: the queue still belongs to another socket (EBUSY)"),
            "another instance of tickwire or another AF_XDP program owns it: `ss --xdp -p` names it; stop it".into(),
        ),
        (Step::Bind, Some(libc::EOPNOTSUPP)) => (
            "the driver has no zero-copy for it (EOPNOTSUPP)".into(),
            "ask for automatic mode instead of zero-copy; on some NICs, use other queue or ring settings".into(),
        ),
        (Step::Bind, Some(libc::EINVAL)) => ("the interface has no such queue (EINVAL)".into(), "see `ethtool -l` for its queues".into()),
        (Step::Bind, Some(libc::ENETDOWN)) => ("the interface is down".into(), "ip link set up".into()),
        (Step::Bind, Some(libc::ENODEV | libc::ENXIO)) => ("the interface is gone".into(), "open it again once it is back".into()),
        _ => (error.to_string(), "see `dmesg`, and that the kernel is 5.11 or later".into()),
    };
    SourceError { what, why, cure }
}

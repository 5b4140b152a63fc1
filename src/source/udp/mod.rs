//! UDP sockets: one per line, joined on the line's interface. For hosts without AF_XDP, for loopback and for tests.
//!
//! Received by io_uring, and by `recvmmsg` where the kernel or a sandbox refuses io_uring; [`UdpSource::engine`] says which and
//! why. Where no core can be spared for it, it blocks in `recvmmsg`'s place. Sockets have no frames, so that what the kernel's network stack drops is known only as a number.
#![allow(unsafe_code)]

mod buffers;
pub(super) mod join;
mod membership;
mod mmsg;
mod uring;

use std::fmt;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::{Datagram, Event, LineIndex, Polled, Source, SourceError};
use crate::stats::{self, Drops};
use crate::time::Clock;
use membership::Memberships;

/// Datagrams lent at most in one poll.
pub const BATCH: usize = 64;

/// A line as a socket receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpLine {
    /// The lane's number for it.
    pub line: LineIndex,
    /// A multicast group, or a unicast address of this host.
    pub group: Ipv4Addr,
    /// The port.
    pub port: u16,
    /// Where the group is joined (`lo` for loopback); `None`: where the routing table says.
    pub interface: Option<String>,
}

/// How to receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// io_uring, else `recvmmsg`.
    #[default]
    Automatic,
    /// io_uring, or refuse.
    IoUring,
    /// `recvmmsg`.
    Recvmmsg,
    /// `recvmmsg`, and when nothing is there it waits for it in `poll`, at most 1 ms: leaves its core to others, at some ten times the
    /// latency.
    Blocking,
}

/// How it really receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineInUse {
    /// io_uring.
    IoUring,
    /// `recvmmsg`; and, where automatic mode fell back to it, why.
    Recvmmsg {
        /// What io_uring said.
        fallback: Option<String>,
    },
    /// `recvmmsg`, waiting in `poll`.
    Blocking,
}

/// How the source is opened.
#[derive(Clone, Debug)]
pub struct UdpConfig {
    /// The lines, each with a socket.
    pub lines: Vec<UdpLine>,
    /// How to receive.
    pub engine: Engine,
    /// Room for datagrams in each socket, bytes. More than `net.core.rmem_max` needs CAP_NET_ADMIN.
    pub receive_buffer_bytes: u32,
    /// The longest datagram; a longer one is dropped as `oversized`.
    pub datagram_bytes: u32,
}

impl Default for UdpConfig {
    fn default() -> Self {
        Self { lines: Vec::new(), engine: Engine::Automatic, receive_buffer_bytes: 8 << 20, datagram_bytes: 2048 }
    }
}

/// What the sockets had to bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpStatistics {
    /// Datagrams the kernel dropped for want of room.
    pub lost: u64,
    /// How often an io_uring receive had to be armed again.
    pub rearmed: u64,
}

/// The sockets of one lane. Opened, polled and dropped on the lane's thread.
pub struct UdpSource {
    // Dropped before the sockets it receives from.
    receiver: Receiver,
    sockets: Vec<OwnedFd>,
    lines: Vec<UdpLine>,
    engine: EngineInUse,
    granted_bytes: u32,
    /// The kernel's count of each socket at the last look.
    dropped: Vec<u32>,
    lost: u64,
    clock: Clock,
    drops: Drops,
    memberships: Memberships,
}

#[allow(clippy::large_enum_variant)] // one per lane
enum Receiver {
    IoUring(uring::Uring),
    Recvmmsg(mmsg::Recvmmsg),
}

/// What an engine hands datagrams to.
struct Batch<'a, D> {
    clock: &'a Clock,
    recv_ns: u64,
    lines: &'a [UdpLine],
    drops: &'a mut Drops,
    deliver: D,
}

impl<D: FnMut(LineIndex, u64, &[u8])> Batch<'_, D> {
    /// Something is there: the batch's receive time is now.
    #[inline]
    fn found(&mut self) {
        self.recv_ns = self.clock.now_ns();
    }

    /// A datagram of socket `at`.
    #[inline]
    fn deliver(&mut self, at: usize, payload: &[u8]) {
        if let Some(line) = self.lines.get(at) {
            (self.deliver)(line.line, self.recv_ns, payload);
        }
    }
}

impl UdpSource {
    /// Opens, joins and binds a socket for every line.
    pub fn open(config: UdpConfig, clock: Clock) -> Result<Self, SourceError> {
        let UdpConfig { lines, engine, receive_buffer_bytes, datagram_bytes } = config;
        let refuse = |why: String, cure: &str| Err(SourceError { what: "opening UDP lines".into(), why, cure: cure.into() });
        if !(64..=65_535).contains(&datagram_bytes) {
            return refuse(format!("datagrams of {datagram_bytes} bytes"), "use 64 to 65535");
        }
        for (at, line) in lines.iter().enumerate() {
            let address = format!("{}:{}", line.group, line.port);
            if line.port == 0 || line.group.is_unspecified() || line.group.is_broadcast() {
                return refuse(format!("{address} is no line"), "name a multicast group, or an address of this host, and a port");
            }
            if lines[..at].iter().any(|l| (l.group, l.port, &l.interface) == (line.group, line.port, &line.interface)) {
                return refuse(format!("{address} is named twice on one interface"), "name every line once");
            }
        }
        let mut sockets = Vec::with_capacity(lines.len());
        let mut granted_bytes = u32::MAX;
        for line in &lines {
            let (socket, granted) = join::open(line, receive_buffer_bytes)?;
            sockets.push(socket);
            granted_bytes = granted_bytes.min(granted);
        }
        let (receiver, engine) = start(engine, &sockets, datagram_bytes as usize)?;
        let dropped = vec![0; sockets.len()];
        let memberships = Memberships::of(&lines);
        Ok(Self { receiver, sockets, lines, engine, granted_bytes, dropped, lost: 0, clock, drops: Drops::default(), memberships })
    }

    /// How it receives, and why not otherwise.
    pub fn engine(&self) -> &EngineInUse {
        &self.engine
    }

    /// Room in each socket that the kernel granted, bytes; less than asked for where `net.core.rmem_max` is smaller: say so.
    pub fn receive_buffer_bytes(&self) -> u32 {
        self.granted_bytes
    }

    /// The sockets.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(AsFd::as_fd)
    }

    /// What was lost; what is new goes into `drops` as `receive_overrun`. System calls: for chores.
    pub fn statistics(&mut self) -> Result<UdpStatistics, SourceError> {
        for ((socket, line), seen) in self.sockets.iter().zip(&self.lines).zip(&mut self.dropped) {
            let dropped = join::dropped(socket).map_err(|error| failed(line, &error))?;
            let new = u64::from(dropped.wrapping_sub(*seen));
            *seen = dropped;
            self.lost += new;
            self.drops.add(stats::Drop::ReceiveOverrun, new);
        }
        let rearmed = match &self.receiver {
            Receiver::IoUring(uring) => uring.rearmed(),
            Receiver::Recvmmsg(_) => 0,
        };
        Ok(UdpStatistics { lost: self.lost, rearmed })
    }
}

impl Source for UdpSource {
    #[inline]
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        let Self { receiver, sockets, lines, clock, drops, .. } = self;
        let before = drops.get(stats::Drop::Oversized);
        let deliver = |line, recv_ns, payload: &[u8]| deliver(Datagram { line, recv_ns, payload });
        let mut batch = Batch { clock, recv_ns: 0, lines, drops, deliver };
        let polled = match receiver {
            Receiver::IoUring(uring) => uring.poll(sockets, &mut batch),
            Receiver::Recvmmsg(recvmmsg) => recvmmsg.poll(sockets, &mut batch).map_err(|error| (recvmmsg.polled(), error)),
        };
        match polled {
            Ok(0) if before == drops.get(stats::Drop::Oversized) => Ok(Polled::Idle),
            Ok(count) => Ok(Polled::Delivered(count)),
            Err((at, error)) => Err(match lines.get(at) {
                Some(line) => failed(line, &error),
                None => SourceError { what: "receiving".into(), why: error.to_string(), cure: "open it again".into() },
            }),
        }
    }

    fn chores(&mut self) -> Result<(), SourceError> {
        self.statistics()?;
        self.memberships.keep(&self.lines, &self.sockets);
        Ok(())
    }

    fn take_event(&mut self) -> Option<Event> {
        self.memberships.take_event()
    }

    fn frames(&self) -> u64 {
        0
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

impl fmt::Debug for UdpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSource").field("lines", &self.lines).field("engine", &self.engine).finish_non_exhaustive()
    }
}

fn start(engine: Engine, sockets: &[OwnedFd], datagram_bytes: usize) -> Result<(Receiver, EngineInUse), SourceError> {
    let mut fallback = None;
    if matches!(engine, Engine::Automatic | Engine::IoUring) {
        match uring::Uring::open(sockets, datagram_bytes) {
            Ok(uring) => return Ok((Receiver::IoUring(uring), EngineInUse::IoUring)),
            Err(error) if engine == Engine::IoUring => {
                return Err(SourceError {
                    what: "opening io_uring".into(),
                    why: error.to_string(),
                    cure: "it needs Linux 6.1, kernel.io_uring_disabled = 0 and a sandbox that allows it; or use the engine recvmmsg"
                        .into(),
                });
            }
            Err(error) => fallback = Some(format!("io_uring was refused: {error}")),
        }
    }
    let blocking = engine == Engine::Blocking;
    let recvmmsg = mmsg::Recvmmsg::open(datagram_bytes, if blocking { sockets } else { &[] }).map_err(|error| SourceError {
        what: "mapping receive buffers".into(),
        why: error.to_string(),
        cure: "give the service more memory".into(),
    })?;
    let in_use = if blocking { EngineInUse::Blocking } else { EngineInUse::Recvmmsg { fallback } };
    Ok((Receiver::Recvmmsg(recvmmsg), in_use))
}

fn failed(line: &UdpLine, error: &std::io::Error) -> SourceError {
    let on = line.interface.as_deref().map(|name| format!(" on {name}")).unwrap_or_default();
    SourceError { what: format!("receiving {}:{}{on}", line.group, line.port), why: error.to_string(), cure: "open it again".into() }
}

//! AF_XDP: frames from the NIC's queue into memory of ours, past the kernel's network stack.
//!
//! ```text
//!  NIC queue ─▶ steering program ─▶ XSKMAP[queue] ─▶ receive ring ─▶ frame → datagram → deliver ─▶ fill ring ─▶ NIC queue
//!               (per interface)                      (per socket)                                  (the chunk goes back)
//! ```
//! One socket for one (interface, queue), one owner lane for each. [`program`] is the control plane's side, [`XdpSource`] the
//! lane's. On the path there is no system call, except the wakeup that a driver asks for by a flag in the ring.
#![allow(unsafe_code)]

pub mod interface;
mod privilege;
pub mod program;
mod rings;
pub mod socket;
pub mod transmit;
pub mod umem;

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};

pub use interface::Interface;
pub use program::{AttachMode, Attached, SharedSteering, Steered, SteeredFrames, SteeredLine, Steering};
pub use rings::BATCH;
pub use socket::{BusyPoll, CopyMode, SocketConfig, Statistics, XdpSocket};
pub use transmit::XdpSender;
pub use umem::{HugePages, Inspected, Inspector, Layout, Pages};

use super::frame::udp_payload;
use super::lines::Lines;
use super::{Datagram, Event, Polled, Source, SourceError};
use crate::stats::{self, Drops};
use crate::time::Clock;

/// One queue a lane owns.
#[derive(Clone, Debug)]
pub struct XdpQueue {
    /// The program of the queue's interface.
    pub steering: SharedSteering,
    /// The queue's number.
    pub queue: u32,
    /// The lines that arrive on this interface; the same group and port may be another line on another interface.
    pub lines: Lines,
}

/// How a source is opened: every socket alike.
pub type XdpConfig = SocketConfig;

/// Frames asked for ahead of the one at hand. A core waits for some 20 lines at a time, and frames lie so (2048 bytes apart) that 16 of them
/// fill the places they may take in its first cache: asking for a whole batch at once stalls, and throws out what it asked for first.
const AHEAD: u32 = 8;
/// Datagrams lent at once, so that the memory of all their messages can be asked for before the first is applied: as many as are looked ahead
/// to where each has one message, and no more, because the first waits for the last.
const LENT: usize = 8;

/// Between attempts to open a queue again whose interface is gone.
const REOPEN_NS: u64 = 250_000_000;

/// The queues of one lane. Opened, polled and dropped on the lane's thread.
#[derive(Debug)]
pub struct XdpSource {
    queues: Vec<Queue>,
    /// For queues that are opened again: without patience, for the others must not wait.
    config: XdpConfig,
    next: usize,
    clock: Clock,
    frames: u64,
    drops: Drops,
    events: VecDeque<Event>,
}

/// A queue of ours, whether its interface is there or not: line A goes on while line B's interface is gone.
#[derive(Debug)]
struct Queue {
    wanted: XdpQueue,
    interface: String,
    open: Option<OpenQueue>,
    /// When to try again, and what was said the last time.
    retry_ns: u64,
    told: String,
}

/// How one queue receives, for the log and the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMode {
    /// The interface.
    pub interface: String,
    /// The queue.
    pub queue: u32,
    /// Whether the NIC writes into the UMEM itself.
    pub zero_copy: bool,
    /// What backs the UMEM.
    pub pages: Pages,
}

#[derive(Debug)]
struct OpenQueue {
    // Before the socket, so that the program stops sending frames before the socket closes.
    _registration: program::Registration,
    socket: XdpSocket,
    lines: Lines,
    inspector: Inspector,
    /// What was lost up to the last look at the statistics.
    lost: u64,
}

impl XdpSource {
    /// Opens a socket for every queue and registers it with its interface's steering program, which the control plane attaches
    /// when all lanes have done so. May take as long as `config.bind_patience` while a predecessor still holds a queue.
    pub fn open(config: &XdpConfig, queues: Vec<XdpQueue>, clock: Clock) -> Result<Self, SourceError> {
        let open = |wanted: XdpQueue| {
            let interface = wanted.steering.lock().interface().name.clone();
            let open = Some(OpenQueue::open(&wanted, &interface, config)?);
            Ok(Queue { wanted, interface, open, retry_ns: 0, told: String::new() })
        };
        let queues = queues.into_iter().map(open).collect::<Result<Vec<_>, SourceError>>()?;
        let config = XdpConfig { bind_patience: std::time::Duration::ZERO, ..config.clone() };
        Ok(Self { queues, config, next: 0, clock, frames: 0, drops: Drops::default(), events: VecDeque::new() })
    }

    fn open_queues(&self) -> impl Iterator<Item = &OpenQueue> {
        self.queues.iter().filter_map(|queue| queue.open.as_ref())
    }

    /// The sockets.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.open_queues().map(|q| q.socket.as_fd())
    }

    /// How each queue really receives.
    pub fn mode(&self) -> Vec<QueueMode> {
        let mode = |q: &OpenQueue| QueueMode {
            interface: q.socket.interface().name.clone(),
            queue: q.socket.queue(),
            zero_copy: q.socket.zero_copy(),
            pages: q.socket.pages(),
        };
        self.open_queues().map(mode).collect()
    }

    /// What the kernel counted, all sockets together; what was newly lost goes into `drops` as `receive_overrun`. Also finds
    /// out whether the interfaces are still there; [`Source::chores`] does so too and opens again what is lost. System calls.
    pub fn statistics(&mut self) -> Result<Statistics, SourceError> {
        let mut sum = Statistics::default();
        for q in self.queues.iter_mut().filter_map(|queue| queue.open.as_mut()) {
            sum.merge(&q.look(&mut self.drops)?);
        }
        Ok(sum)
    }
}

impl Source for XdpSource {
    #[inline]
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        self.poll_batches(&mut |batch| batch.iter().for_each(|&datagram| deliver(datagram)))
    }

    /// Polls the queues in turn; a batch is of one queue.
    #[inline]
    fn poll_batches(&mut self, deliver: &mut impl FnMut(&[Datagram<'_>])) -> Result<Polled, SourceError> {
        for _ in 0..self.queues.len() {
            let at = if self.next < self.queues.len() { self.next } else { 0 };
            self.next = at + 1;
            let Some(queue) = self.queues.get_mut(at).and_then(|queue| queue.open.as_mut()) else { continue };
            let waiting = queue.socket.receive.peek();
            if waiting > 0 {
                let recv_ns = self.clock.now_ns();
                return Ok(Polled::Delivered(queue.deliver(waiting, recv_ns, &mut self.frames, &mut self.drops, deliver)));
            }
            queue.socket.wake();
        }
        Ok(Polled::Idle)
    }

    fn chores(&mut self) -> Result<(), SourceError> {
        for queue in &mut self.queues {
            if let Some(event) = queue.keep(&self.config, self.clock.now_ns(), &mut self.drops) {
                self.events.push_back(event);
            }
        }
        Ok(())
    }

    fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn frames(&self) -> u64 {
        self.frames
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

impl Queue {
    /// Looks after it: counts what the kernel dropped, notices that its interface is gone, opens it again.
    fn keep(&mut self, config: &XdpConfig, now_ns: u64, drops: &mut Drops) -> Option<Event> {
        let outcome = match &mut self.open {
            Some(open) => match open.look(drops) {
                Ok(_) => return None,
                // Closed at once: a queue has one owner, and what remains of an interface holds on to nothing of ours.
                Err(error) => {
                    self.open = None;
                    Err(error)
                }
            },
            None if now_ns < self.retry_ns => return None,
            None => OpenQueue::open(&self.wanted, &self.interface, config),
        };
        let lost = match outcome {
            Ok(open) => {
                self.open = Some(open);
                self.told.clear();
                None
            }
            Err(error) => {
                self.retry_ns = now_ns.saturating_add(REOPEN_NS);
                if self.told == error.why {
                    return None;
                }
                self.told.clone_from(&error.why);
                Some(error)
            }
        };
        Some(Event { part: format!("{} queue {}", self.interface, self.wanted.queue), lost })
    }
}

impl OpenQueue {
    fn open(wanted: &XdpQueue, interface: &str, config: &XdpConfig) -> Result<Self, SourceError> {
        let XdpQueue { steering, queue, lines } = wanted;
        // Looked up again: the index changes when an interface was deleted and came back.
        let interface = Interface::find(interface)?;
        let socket = XdpSocket::open(&interface, *queue, config)?;
        let registration = steering.register(*queue, socket.as_fd())?;
        let inspector = Inspector::new(socket.umem.layout());
        Ok(Self { _registration: registration, socket, lines: lines.clone(), inspector, lost: 0 })
    }

    /// Reads the kernel's counts, and whether the interface is still there.
    fn look(&mut self, drops: &mut Drops) -> Result<Statistics, SourceError> {
        let statistics = self.socket.statistics()?;
        drops.add(stats::Drop::ReceiveOverrun, statistics.lost().wrapping_sub(self.lost));
        self.lost = statistics.lost();
        self.socket.check()?;
        Ok(statistics)
    }

    /// Lends the first `waiting` frames, some at a time, then gives their chunks back. How many datagrams were lent.
    #[inline]
    fn deliver(
        &mut self,
        waiting: u32,
        recv_ns: u64,
        frames: &mut u64,
        drops: &mut Drops,
        deliver: &mut impl FnMut(&[Datagram<'_>]),
    ) -> u32 {
        let Self { socket, lines, inspector, .. } = self;
        let layout = socket.umem.layout();
        // The frames' bytes are in another core's cache or in memory: fetch some at once, not one after the other.
        for nth in 0..AHEAD.min(waiting) {
            let descriptor = socket.receive.get(nth);
            socket.umem.prefetch(descriptor.addr, descriptor.len);
        }
        let mut lent = [Datagram { line: 0, recv_ns, payload: &[] }; LENT];
        let mut held = 0;
        let mut delivered = 0;
        for nth in 0..waiting {
            if nth + AHEAD < waiting {
                let descriptor = socket.receive.get(nth + AHEAD);
                socket.umem.prefetch(descriptor.addr, descriptor.len);
            }
            let descriptor = socket.receive.get(nth);
            match inspector.inspect(descriptor.addr, descriptor.len, descriptor.options) {
                Inspected::Frame(range) => {
                    *frames += 1;
                    // SAFETY: inspected just now; the chunk stays ours until the fill ring is published below.
                    let frame = unsafe { socket.umem.frame(range) };
                    match udp_payload(frame) {
                        Ok(udp) => match lines.find(udp.group, udp.port) {
                            Some(line) => {
                                lent[held] = Datagram { line, recv_ns, payload: udp.payload };
                                held += 1;
                            }
                            None => drops.count(stats::Drop::UnknownLine),
                        },
                        Err(reason) => drops.count(reason),
                    }
                }
                Inspected::Part => {}
                Inspected::Dropped(reason) => {
                    *frames += 1;
                    drops.count(reason);
                }
            }
            if layout.holds(descriptor.addr) {
                // Never full: it has a slot for every chunk, and each chunk is in one place only.
                let _given_back = socket.fill.push(layout.chunk_of(descriptor.addr));
            }
            if held == LENT || (held > 0 && nth + 1 == waiting) {
                delivered += held as u32;
                deliver(&lent[..held]);
                held = 0;
            }
        }
        socket.receive.release(waiting);
        socket.fill.publish();
        socket.wake();
        delivered
    }
}

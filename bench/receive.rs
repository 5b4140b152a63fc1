//! What one packet costs its receiver when a backlog is waiting: AF_XDP beside `recvmmsg` and io_uring, over a veth pair, in one run.
//!
//! ```sh
//! cargo bench --bench receive                     # 41 interleaved rounds of 1,024 frames of 200 bytes
//! cargo bench --bench receive -- 201 256          # so many rounds, of so many frames
//! cargo bench --bench receive -- --json FILE
//! cargo bench --bench receive -- 2000 --only xdp  # one receiver and no other, for a profiler
//! ```
//! Frames are sent while nobody receives; then the clock runs from the first poll until the last datagram was handed over. Counted of ours is
//! all that a lane's source does: the receive ring, the batch's time stamp, every descriptor checked, Ethernet, IPv4 and UDP headers checked,
//! the line looked up, the datagram handed over, its chunk given back to the fill ring, the kernel's wish to be woken looked at. Of the others the
//! same down to the datagram: the system calls, in which the kernel copies it, and the walk over what they return. All of them read the
//! datagram's first eight bytes, which number it, and its last eight. Not counted of any is what the kernel does as frames come in: over veth that is the
//! sender's core, and for all three the same until the steering program has sent frames one way or the other.
//!
//! Three states of the caches: *same core* sent them just before (what one core's L2 holds is near), *other core* did, as a NIC that writes into the
//! L3 would, and *cold*, where 128 MiB of something else were read and written since. A round in which a frame is missing, or comes out of
//! order, is not counted and is said. Needs root for the namespace; under `cargo test` it runs once, tiny, and compares every byte.

#[path = "../tests/kernel/mod.rs"]
mod kernel;
mod table;

use std::hint::black_box;
use std::time::{Duration, Instant};

use kernel::{Frame, GROUP, Namespace, RawSender};
use table::{Arguments, Row, Table, Target, best_and_median};
use tickwire::source::lines::{LineKey, Lines};
use tickwire::source::udp::{Engine, UdpConfig, UdpLine, UdpSource};
use tickwire::source::xdp::{AttachMode, Interface, SharedSteering, SteeredLine, Steering, XdpConfig, XdpQueue, XdpSource};
use tickwire::source::{Datagram, Polled, Source};
use tickwire::sys::affinity;
use tickwire::time::{Clock, ClockKeeper};

/// With 42 bytes of headers a frame of 200.
const PAYLOAD_BYTES: usize = 158;
/// Four times the L3 of the largest machine this was run on.
const COLD_BYTES: usize = 128 << 20;

const WAYS: [Way; 3] = [Way::Xdp, Way::Recvmmsg, Way::IoUring];
const STATES: [Caches; 3] = [Caches::SameCore, Caches::OtherCore, Caches::Cold];

/// A receiver, on a port of its own.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Xdp,
    Recvmmsg,
    IoUring,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Xdp => "xdp",
            Self::Recvmmsg => "recvmmsg",
            Self::IoUring => "io_uring",
        }
    }

    fn port(self) -> u16 {
        26_400 + self as u16
    }
}

/// Where the frames are when they are received.
#[derive(Clone, Copy, PartialEq)]
enum Caches {
    SameCore,
    OtherCore,
    Cold,
}

impl Caches {
    fn name(self) -> &'static str {
        match self {
            Self::SameCore => "same core",
            Self::OtherCore => "other core",
            Self::Cold => "cold",
        }
    }
}

fn main() {
    let arguments = Arguments::take(2, &["--only"]);
    let only = arguments.value_of("--only").map(str::to_owned);
    let (rounds, frames) =
        if arguments.is_bench { (arguments.number(0).unwrap_or(41), arguments.number(1).unwrap_or(1_024)) } else { (1, 100) };
    let mut ways: Vec<Way> = WAYS.into_iter().filter(|way| only.as_deref().is_none_or(|only| only == way.name())).collect();
    if ways.is_empty() {
        eprintln!("--only takes one of {}", WAYS.map(Way::name).join(", "));
        std::process::exit(2);
    }
    // Before this thread is pinned, which narrows what it may use.
    let cores = affinity::allowed_cores();
    let Some(mut receivers) = Receivers::open(&ways, frames as usize) else { return };
    // One that cannot be opened here has said so.
    ways.retain(|&way| receivers.is_open(way));
    let mut sent = Sent { cores, sender: RawSender::open("twa"), cold: vec![1; if arguments.is_bench { COLD_BYTES } else { 1 << 16 }] };
    for way in &ways {
        receivers.compare_every_byte(*way, &sent, frames);
    }

    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); WAYS.len() * STATES.len()];
    let mut spoilt = 0;
    for _ in 0..rounds {
        for state in STATES {
            for &way in &ways {
                sent.send(way, state, frames);
                match receivers.drain(way, frames) {
                    Drained { ns, in_order, received } if in_order && received == frames => {
                        taken[state as usize * WAYS.len() + way as usize].push(ns as f64 / frames as f64);
                    }
                    _ => spoilt += 1,
                }
            }
        }
    }
    println!(
        "{frames} frames of {} bytes waiting, {rounds} interleaved rounds, median (best); spoilt and not counted: {spoilt}",
        PAYLOAD_BYTES + 42
    );
    let mut table = Table::new("receive");
    for state in STATES {
        let medians: Vec<(Way, f64, f64)> = ways
            .iter()
            .map(|&way| {
                let (best, median) = best_and_median(&mut taken[state as usize * WAYS.len() + way as usize]);
                (way, best, median)
            })
            .collect();
        let named = |way: Way| format!("{}, {}", way.name(), state.name());
        let xdp = medians.iter().find(|(way, ..)| *way == Way::Xdp).map_or(f64::NAN, |&(.., median)| median);
        for &(way, best, median) in &medians {
            let row = Row::new(named(way), "ns", median);
            let row = match way {
                Way::Xdp => row.target(Target::AtMost(15.0)),
                Way::Recvmmsg if !xdp.is_nan() => row.beside(named(Way::Xdp), median / xdp).target(Target::AtLeast(20.0)),
                Way::IoUring if !xdp.is_nan() => row.beside(named(Way::Xdp), median / xdp),
                _ => row,
            };
            table.push(row);
            table.push(Row::new(format!("{}, best", named(way)), "ns", best));
        }
    }
    table.finish(&arguments);
    assert!(
        taken.iter().enumerate().all(|(at, taken)| !ways.contains(&WAYS[at % WAYS.len()]) || taken.len() as u64 * 2 > rounds),
        "more than half of the rounds are spoilt"
    );
}

/// One round's answer.
struct Drained {
    ns: u64,
    received: u64,
    in_order: bool,
}

/// Who sends, and spoils the caches.
struct Sent {
    cores: Vec<usize>,
    sender: RawSender,
    cold: Vec<u8>,
}

impl Sent {
    /// Leaves a backlog of `frames` frames, and this thread on the receiver's core.
    fn send(&mut self, way: Way, state: Caches, frames: u64) {
        let receiver = self.cores.last().copied();
        let sender = if state == Caches::OtherCore { self.cores.first().copied() } else { receiver };
        pin(sender);
        self.send_here(way, frames);
        pin(receiver);
        if state == Caches::Cold {
            for line in self.cold.iter_mut().step_by(64) {
                *line = line.wrapping_add(1);
            }
            black_box(&self.cold);
        }
    }

    fn send_here(&self, way: Way, frames: u64) {
        let mut frame = Frame::udp(&payload(0)).with(|frame| frame.port = way.port()).build();
        let numbered = frame.len() - PAYLOAD_BYTES;
        for number in 0..frames {
            frame[numbered..].copy_from_slice(&payload(number));
            self.sender.send(&frame);
        }
        // The kernel's own share on this core is over with the call, as a rule; what was put off is done now.
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn pin(core: Option<usize>) {
    if let Some(core) = core {
        affinity::pin_to(core).unwrap_or_else(|why| panic!("core {core}: {why}"));
    }
}

/// Numbered, and no two bytes of neighbours alike.
fn payload(number: u64) -> [u8; PAYLOAD_BYTES] {
    let mut bytes = [0; PAYLOAD_BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (number as u8).wrapping_add(at as u8).wrapping_mul(31);
    }
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Those asked for, each open, on `twb`.
struct Receivers {
    xdp: Option<XdpSource>,
    recvmmsg: Option<UdpSource>,
    io_uring: Option<UdpSource>,
    _steering: Option<SharedSteering>,
    _keeper: ClockKeeper,
}

impl Receivers {
    /// `None`, and said, where the machine does not let us.
    fn open(ways: &[Way], frames: usize) -> Option<Self> {
        let namespace = Namespace::new().map_err(|why| kernel::skip(&why)).ok()?;
        if !namespace.veth(1) {
            return None;
        }
        namespace.without_source_check("twb");
        namespace.ip("addr add 10.99.0.2/24 dev twb");
        // The clock that lanes have.
        let keeper = ClockKeeper::start();
        let has = |way| ways.contains(&way);
        let (steering, xdp) = match has(Way::Xdp).then(|| open_xdp(frames, &keeper.clock())) {
            None => (None, None),
            Some(None) => return None,
            Some(Some((steering, source))) => (Some(steering), Some(source)),
        };
        let udp = |way, engine| has(way).then(|| open_udp(way, engine, keeper.clock())).flatten();
        let (recvmmsg, io_uring) = (udp(Way::Recvmmsg, Engine::Recvmmsg), udp(Way::IoUring, Engine::IoUring));
        Some(Self { xdp, recvmmsg, io_uring, _steering: steering, _keeper: keeper })
    }

    fn is_open(&self, way: Way) -> bool {
        match way {
            Way::Xdp => self.xdp.is_some(),
            Way::Recvmmsg => self.recvmmsg.is_some(),
            Way::IoUring => self.io_uring.is_some(),
        }
    }

    fn drain(&mut self, way: Way, frames: u64) -> Drained {
        match (way, &mut self.xdp, &mut self.recvmmsg, &mut self.io_uring) {
            (Way::Xdp, Some(source), ..) => drain(source, frames),
            (Way::Recvmmsg, _, Some(source), _) | (Way::IoUring, .., Some(source)) => drain(source, frames),
            _ => Drained { ns: 0, received: 0, in_order: true },
        }
    }

    fn compare_every_byte(&mut self, way: Way, sent: &Sent, frames: u64) {
        sent.send_here(way, frames);
        match (way, &mut self.xdp, &mut self.recvmmsg, &mut self.io_uring) {
            (Way::Xdp, Some(source), ..) => compare(source, way, frames),
            (Way::Recvmmsg, _, Some(source), _) | (Way::IoUring, .., Some(source)) => compare(source, way, frames),
            _ => {}
        }
    }
}

fn open_xdp(frames: usize, clock: &Clock) -> Option<(SharedSteering, XdpSource)> {
    let interface = Interface::find("twb").unwrap_or_else(|error| panic!("{error}"));
    let line = SteeredLine { group: GROUP, port: Way::Xdp.port(), vlan: None, sources: vec![] };
    let steering = match Steering::load(&interface, &[line]) {
        Ok(steering) => SharedSteering::new(steering),
        Err(error) => {
            kernel::skip(&error.to_string());
            return None;
        }
    };
    let config = XdpConfig { chunks: (frames.next_power_of_two() as u32).max(XdpConfig::default().chunks), ..XdpConfig::default() };
    let queue = XdpQueue { steering: steering.clone(), queue: 0, lines: Lines::new(&[LineKey { group: GROUP, port: Way::Xdp.port() }]) };
    let source = XdpSource::open(&config, vec![queue], clock.clone()).unwrap_or_else(|error| panic!("{error}"));
    steering.lock().attach(AttachMode::Native, false).unwrap_or_else(|error| panic!("{error}"));
    Some((steering, source))
}

fn open_udp(way: Way, engine: Engine, clock: Clock) -> Option<UdpSource> {
    let line = UdpLine { line: 0, group: GROUP, port: way.port(), interface: Some("twb".into()) };
    let config = UdpConfig { lines: vec![line], engine, receive_buffer_bytes: 64 << 20, ..UdpConfig::default() };
    match UdpSource::open(config, clock) {
        Ok(source) => Some(source),
        Err(error) => {
            kernel::skip(&error.to_string());
            None
        }
    }
}

/// Receives what waits, and tells how long that took.
#[inline(never)]
fn drain<S: Source>(source: &mut S, frames: u64) -> Drained {
    let (mut received, mut misplaced, mut touched) = (0_u64, 0_u64, 0_u64);
    let mut idle = 0;
    let began = Instant::now();
    while received < frames && idle < 1_000 {
        let polled = source.poll(&mut |datagram: Datagram<'_>| {
            let (Some(first), Some(last)) = (datagram.payload.first_chunk(), datagram.payload.last_chunk()) else { return };
            misplaced += u64::from(u64::from_le_bytes(*first) != received);
            touched = touched.wrapping_add(u64::from_le_bytes(*last));
            received += 1;
        });
        idle += u64::from(polled.unwrap_or_else(|error| panic!("{error}")) == Polled::Idle);
    }
    let ns = began.elapsed().as_nanos() as u64;
    black_box(touched);
    Drained { ns, received, in_order: misplaced == 0 }
}

fn compare<S: Source>(source: &mut S, way: Way, frames: u64) {
    let mut next = 0;
    let mut idle = 0;
    while next < frames && idle < 1_000 {
        let polled = source.poll(&mut |datagram: Datagram<'_>| {
            assert_eq!(datagram.payload, payload(next), "{}: datagram {next}", way.name());
            next += 1;
        });
        idle += u64::from(polled.unwrap_or_else(|error| panic!("{error}")) == Polled::Idle);
    }
    assert_eq!(next, frames, "{}: as many as were sent", way.name());
    let dropped: Vec<_> = source.drops().iter().collect();
    assert!(dropped.is_empty(), "{}: {dropped:?}", way.name());
}

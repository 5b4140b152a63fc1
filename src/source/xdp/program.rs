//! The steering program of one interface: loaded, told our lines and sockets, attached, watched.
//!
//! The control plane loads it ([`Steering::load`]) and hands a [`SharedSteering`] to every lane with a queue of that
//! interface; each lane opens its sockets on its own thread and registers them; when all have, the control plane attaches
//! ([`Steering::attach`]). Attaching comes last and refuses while a queue has no socket, so that no frame of ours meets a queue
//! without one. It is held by a bpf_link: when the process dies, by SIGKILL too, the kernel detaches it.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aya::maps::{HashMap, MapData, MapError, PerCpuArray, XskMap};
use aya::programs::links::FdLink;
use aya::programs::{ProgramError, TestRun, TestRunOptions, Xdp, XdpMode};
use aya::{Ebpf, EbpfLoader};

use super::interface::Interface;
use super::privilege;
use crate::source::{SourceError, TAKEN};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/steer.bpf.o"));

/// Senders a line's allow-list takes.
pub const MOST_SOURCES: usize = 4;
/// The kernel's verdict.
const XDP_REDIRECT: u32 = 4;
const VLAN_ANY: u16 = 0xffff;

/// A line as the program looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteeredLine {
    /// Destination address.
    pub group: Ipv4Addr,
    /// Destination port.
    pub port: u16,
    /// The outer VLAN tag's id; `Some(0)`: untagged only; `None`: don't care.
    pub vlan: Option<u16>,
    /// Senders that are let through; empty: any. At most [`MOST_SOURCES`].
    pub sources: Vec<Ipv4Addr>,
}

/// How to attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachMode {
    /// In the driver where it can, else generic; [`Attached::note`] says why.
    #[default]
    Automatic,
    /// In the driver, or refuse.
    Native,
    /// In the kernel's generic path (a copy later, works on every interface).
    Generic,
}

/// How it was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// In the driver; else generic.
    pub native: bool,
    /// Why it isn't native though automatic mode tried.
    pub note: Option<String>,
}

macro_rules! steered {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// What the program did with a frame, in the order of `enum reason` in `bpf/steer.bpf.c`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Steered { $($(#[$doc])* $variant),* }

        impl Steered {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in summaries and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

steered! {
    /// To the lane's socket.
    Redirected = "redirected",
    /// Ours, but its queue has no socket; the kernel got it.
    NoSocket = "no_socket",
    /// UDP, but no line of ours; the kernel got it, as with all that follow.
    NotOurs = "not_ours",
    /// A fragment.
    Fragment = "fragment",
    /// An IPv4 header that is not 20 bytes.
    IpOptions = "ip_options",
    /// Not IPv4 behind at most two VLAN tags.
    NotIpv4 = "not_ipv4",
    /// IPv4, but not UDP.
    NotUdp = "not_udp",
    /// Ends before its headers do.
    Cut = "cut",
    /// Our line, but the sender is not on its allow-list.
    SourceRefused = "source_refused",
    /// Our line, but on another VLAN.
    VlanRefused = "vlan_refused",
}

/// Frames by what the program did with them, all processors together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SteeredFrames([u64; Steered::ALL.len()]);

impl SteeredFrames {
    /// How many so far.
    pub fn get(&self, what: Steered) -> u64 {
        self.0[what as usize]
    }

    /// What occurred, with counts.
    pub fn iter(&self) -> impl Iterator<Item = (Steered, u64)> + '_ {
        Steered::ALL.iter().map(|&what| (what, self.get(what))).filter(|&(_, n)| n > 0)
    }
}

/// The program of one interface. Cold path only.
pub struct Steering {
    ebpf: Ebpf,
    link: Option<FdLink>,
    interface: Interface,
    registered: Vec<u32>,
}

impl Steering {
    /// Loads the program and tells it the lines. Nothing is attached yet.
    pub fn load(interface: &Interface, lines: &[SteeredLine]) -> Result<Self, SourceError> {
        let what = || format!("loading the steering program for {}", interface.name);
        let mut ebpf = EbpfLoader::new()
            .map_max_entries("lines", (lines.len() as u32).max(1))
            .map_max_entries("sockets", interface.receive_queues)
            .load(OBJECT)
            .map_err(|error| explain(what(), &error))?;
        let mut table: HashMap<&mut MapData, [u8; 8], [u8; 20]> =
            HashMap::try_from(ebpf.map_mut("lines").expect("in bpf/steer.bpf.c")).map_err(|error| explain(what(), &error))?;
        for line in lines {
            let value = encode(line)?;
            if table.get(&key(line), 0).is_ok_and(|there| there != value) {
                return Err(SourceError {
                    what: what(),
                    why: format!("{}:{} is named twice, with different VLANs or sources", line.group, line.port),
                    cure: "name every group and port once per interface".into(),
                });
            }
            table.insert(key(line), value, 0).map_err(|error| explain(what(), &error))?;
        }
        program(&mut ebpf).load().map_err(|error| explain(what(), &error))?;
        Ok(Self { ebpf, link: None, interface: interface.clone(), registered: Vec::new() })
    }

    /// The interface it is for.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Gives the frames of `queue` to a socket. Refused if the queue has an owner already.
    pub fn register(&mut self, queue: u32, socket: BorrowedFd<'_>) -> Result<(), SourceError> {
        let what = format!("registering the socket of {} queue {queue}", self.interface.name);
        if self.registered.contains(&queue) {
            return Err(SourceError {
                what,
                why: "the queue has a socket already".into(),
                cure: "give every (interface, queue) to exactly one lane".into(),
            });
        }
        self.sockets().and_then(|mut map| map.set(queue, socket.as_raw_fd(), 0)).map_err(|error| explain(what, &error))?;
        self.registered.push(queue);
        Ok(())
    }

    /// Frames of `queue` go to the kernel again.
    pub fn unregister(&mut self, queue: u32) {
        if let Some(at) = self.registered.iter().position(|&q| q == queue) {
            self.registered.swap_remove(at);
            // The kernel removes a closed socket by itself: then there is nothing to unset.
            let _ = self.sockets().and_then(|mut map| map.unset(queue));
        }
    }

    /// Attaches the program, for the first time or again after it was removed or the interface came back. Refused while a
    /// receive queue has no socket, unless `pinned` states that the flow arrives only on those that have.
    pub fn attach(&mut self, mode: AttachMode, pinned: bool) -> Result<Attached, SourceError> {
        let now = Interface::find(&self.interface.name)?;
        now.admit_queues(&self.registered, pinned)?;
        self.interface = now;
        self.link = None;
        let index = self.interface.index;
        let attempt = |ebpf: &mut Ebpf, mode| -> Result<FdLink, ProgramError> {
            let program = program(ebpf);
            let id = program.attach_to_if_index(index, mode)?;
            let link = program.take_link(id)?;
            // Where bpf_link is refused aya attaches by netlink, and that would outlive a SIGKILL.
            FdLink::try_from(link).map_err(|_| ProgramError::IOError(io::Error::other("attached, but not by a bpf_link")))
        };
        let what = |how: &str| format!("attaching the steering program to {} ({how})", self.interface.name);
        let (link, attached) = match mode {
            AttachMode::Generic => {
                let link = attempt(&mut self.ebpf, XdpMode::Skb).map_err(|error| explain(what("generic"), &error))?;
                (link, Attached { native: false, note: None })
            }
            AttachMode::Native | AttachMode::Automatic => match attempt(&mut self.ebpf, XdpMode::Driver) {
                Ok(link) => (link, Attached { native: true, note: None }),
                Err(error) if mode == AttachMode::Native || !is_for_want_of_driver(&error) => return Err(explain(what("native"), &error)),
                Err(refused) => {
                    let link = attempt(&mut self.ebpf, XdpMode::Skb).map_err(|error| explain(what("generic"), &error))?;
                    (link, Attached { native: false, note: Some(format!("the driver refused native mode: {}", chain(&refused))) })
                }
            },
        };
        self.link = Some(link);
        Ok(attached)
    }

    /// Takes the program off the interface; sockets stay registered.
    pub fn detach(&mut self) {
        self.link = None;
    }

    /// Whether our program is what the interface runs: false after another tool removed or replaced it, or after the
    /// interface was deleted (case 51). For a chore of the control plane.
    pub fn attached(&mut self) -> Result<bool, SourceError> {
        if self.link.is_none() {
            return Ok(false);
        }
        let ours = program(&mut self.ebpf).info().map_err(|error| explain("asking for the steering program".into(), &error))?.id();
        Ok(self.interface.xdp_program().is_ok_and(|there| there == Some(ours)))
    }

    /// Queues with a socket.
    pub fn registered(&self) -> &[u32] {
        &self.registered
    }

    /// What happened to frames so far.
    pub fn frames(&self) -> Result<SteeredFrames, SourceError> {
        let what = || format!("reading the steering counters of {}", self.interface.name);
        let counters: PerCpuArray<&MapData, u64> =
            PerCpuArray::try_from(self.ebpf.map("counters").expect("in bpf/steer.bpf.c")).map_err(|error| explain(what(), &error))?;
        let mut frames = SteeredFrames::default();
        for (at, sum) in frames.0.iter_mut().enumerate() {
            let by_processor = counters.get(&(at as u32), 0).map_err(|error| explain(what(), &error))?;
            *sum = by_processor.iter().fold(0, |sum, n| sum.wrapping_add(*n));
        }
        Ok(frames)
    }

    /// Runs the loaded program on one frame without any interface (queue 0), and says what it did with it. For checks and tests;
    /// it counts.
    pub fn try_frame(&mut self, frame: &[u8]) -> Result<Steered, SourceError> {
        let before = self.frames()?;
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        let run = program(&mut self.ebpf).test_run(options).map_err(|error| explain("trying a frame".into(), &error))?;
        let after = self.frames()?;
        let changed = Steered::ALL.iter().copied().find(|&what| after.get(what) != before.get(what));
        let redirected = run.return_value == XDP_REDIRECT;
        match changed {
            Some(what) if (what == Steered::Redirected) == redirected => Ok(what),
            other => Err(SourceError {
                what: "trying a frame".into(),
                why: format!("the verdict {} does not go with the count of {other:?}", run.return_value),
                cure: "this is a fault of the program or of its build".into(),
            }),
        }
    }

    fn sockets(&mut self) -> Result<XskMap<&mut MapData>, MapError> {
        XskMap::try_from(self.ebpf.map_mut("sockets").expect("in bpf/steer.bpf.c"))
    }
}

impl fmt::Debug for Steering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steering").field("interface", &self.interface.name).field("registered", &self.registered).finish_non_exhaustive()
    }
}

/// A [`Steering`] that the control plane and the lanes of an interface share. Locked only on the cold path.
#[derive(Clone, Debug)]
pub struct SharedSteering(Arc<Mutex<Steering>>);

impl SharedSteering {
    /// Shares it.
    pub fn new(steering: Steering) -> Self {
        Self(Arc::new(Mutex::new(steering)))
    }

    /// The steering; not to be held across anything slow.
    pub fn lock(&self) -> MutexGuard<'_, Steering> {
        // Every method leaves it valid, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a socket for as long as the result lives.
    pub fn register(&self, queue: u32, socket: BorrowedFd<'_>) -> Result<Registration, SourceError> {
        self.lock().register(queue, socket)?;
        Ok(Registration { steering: self.clone(), queue })
    }
}

/// A queue's frames go to a socket while this lives.
#[derive(Debug)]
pub struct Registration {
    steering: SharedSteering,
    queue: u32,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.steering.lock().unregister(self.queue);
    }
}

fn program(ebpf: &mut Ebpf) -> &mut Xdp {
    let program = ebpf.program_mut("steer").expect("in bpf/steer.bpf.c");
    program.try_into().expect("an XDP program by its section")
}

/// `struct line_key`.
fn key(line: &SteeredLine) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&line.group.octets());
    key[4..6].copy_from_slice(&line.port.to_be_bytes());
    key
}

/// `struct line`.
fn encode(line: &SteeredLine) -> Result<[u8; 20], SourceError> {
    let refuse =
        |why: String, cure: &str| Err(SourceError { what: format!("steering {}:{}", line.group, line.port), why, cure: cure.into() });
    if line.sources.len() > MOST_SOURCES {
        return refuse(format!("{} sources on its allow-list", line.sources.len()), "name at most 4, or none to let all through");
    }
    if let Some(vlan) = line.vlan.filter(|&vlan| vlan > 4094) {
        return refuse(format!("VLAN {vlan}"), "use 1 to 4094, or 0 for untagged");
    }
    if line.sources.iter().any(Ipv4Addr::is_unspecified) {
        return refuse("the source 0.0.0.0 on its allow-list".into(), "name the sender's address, or no source at all");
    }
    let mut value = [0; 20];
    // Places left over repeat the first: 0 there would let a forged 0.0.0.0 through.
    for (at, to) in value[..16].chunks_exact_mut(4).enumerate() {
        if let Some(source) = line.sources.get(at).or(line.sources.first()) {
            to.copy_from_slice(&source.octets());
        }
    }
    value[16..18].copy_from_slice(&line.vlan.unwrap_or(VLAN_ANY).to_ne_bytes());
    Ok(value)
}

/// The error and its causes in one line. aya wraps the system's answer several times, and each layer knows something.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    /// The verifier's log can be megabytes; its end says what it refused.
    const MOST: usize = 800;
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        at = cause.source();
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().rev().nth(MOST) {
        Some((cut, _)) => format!("… {}", &text[cut..]),
        None => text,
    }
}

fn os_code(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.raw_os_error();
        }
        at = error.source();
    }
    None
}

/// Whether generic mode may still work. Not where somebody else's program is attached, or the caller may not attach at all.
fn is_for_want_of_driver(error: &ProgramError) -> bool {
    !matches!(os_code(error), Some(libc::EBUSY | libc::EEXIST | libc::EPERM | libc::ENODEV))
}

fn explain(what: String, error: &(dyn std::error::Error + 'static)) -> SourceError {
    let text = chain(error);
    let (why, cure) = match os_code(error) {
        Some(libc::EPERM) => (text, privilege::cure()),
        Some(libc::EINVAL) if !privilege::missing().is_empty() => (text, privilege::cure()),
        Some(libc::EBUSY | libc::EEXIST) => (
            format!("{TAKEN}: another XDP program is attached"),
            "see `ip link show` or `bpftool net`; stop its owner (another instance of tickwire?) first".into(),
        ),
        Some(libc::ENODEV) => ("the interface is gone".into(), "attach again once it is back".into()),
        _ => (
            text,
            "the kernel must be 5.11 or later with CONFIG_BPF_SYSCALL and CONFIG_XDP_SOCKETS; generic mode works where the driver has no XDP".into(),
        ),
    };
    SourceError { what, why, cure }
}

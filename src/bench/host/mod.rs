//! The machine: what it is, and what of it would spoil the figures.
//!
//! A run goes on whatever is found; its report carries the list. Each check says what was found, why that matters and about how much, and
//! the command (as root) that mends it on this machine, with its core numbers in it.
//!
//! - **Read-only.** Nothing is changed; a cure is a text.
//! - **Nothing is guessed.** A file that is missing, empty or absurd makes a check `None` with what could not be read, never good.
//! - **Read below a root.** A made-up `/proc` and `/sys` is as good as the real one: [`Host::at`].
//!
//! ```no_run
//! use tickwire::bench::host::{CoresUsed, checks};
//!
//! for check in checks(&CoresUsed { sender: Some(1), lane: 3, consumer: Some(2) }, &["eth1".to_owned()]) {
//!     println!("{check}");
//! }
//! ```

mod core_list;
mod cores;
mod facts;
mod files;
mod interrupts;
mod machine;
mod memory;
mod power;
mod sample;
mod strangers;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::topology::Topology;
use core_list::CoreList;
use files::{Files, Unread};
pub use sample::Sample;

/// What the machine is. Everything is for people; empty where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Processor, with cores, and whether it is a virtual machine's.
    pub cpu: String,
    /// Kernel.
    pub kernel: String,
    /// NUMA nodes.
    pub numa: String,
    /// Clock source.
    pub clock: String,
    /// Frequency governor.
    pub governor: String,
    /// Isolated cores.
    pub isolation: String,
    /// The cores used: sender, lane, consumer, in words.
    pub cores: String,
}

impl HostFacts {
    /// This machine.
    pub fn read(cores: &CoresUsed) -> Self {
        Host::this().facts(cores)
    }

    /// What is known, by name.
    pub fn named(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("processor", &self.cpu),
            ("kernel", &self.kernel),
            ("NUMA", &self.numa),
            ("clock", &self.clock),
            ("governor", &self.governor),
            ("isolation", &self.isolation),
            ("cores", &self.cores),
        ];
        all.into_iter().filter(|(_, fact)| !fact.is_empty()).map(|(name, fact)| (name, fact.as_str())).collect()
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCheck {
    /// What, as in `frequency governor`.
    pub name: String,
    /// What was found.
    pub found: String,
    /// Whether it is as it should be; `None`: it could not be found out.
    pub good: Option<bool>,
    /// Why it matters, in a sentence.
    pub why: String,
    /// The command that mends it; empty where nothing is to be mended, or nothing can be.
    pub cure: String,
}

/// One line where nothing is to be done; reason and cure below it otherwise.
impl fmt::Display for HostCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.good {
            Some(true) => "good",
            Some(false) => "bad",
            None => "?",
        };
        write!(f, "{verdict:<5} {}: {}", self.name, self.found)?;
        if self.good == Some(false) {
            write!(f, "\n      {}", self.why)?;
            let cure = if self.cure.is_empty() { "nothing on this machine" } else { self.cure.as_str() };
            write!(f, "\n      cure: {cure}")?;
        }
        Ok(())
    }
}

/// The cores a run uses, by the kernel's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoresUsed {
    /// Who sends, if it has a core of its own.
    pub sender: Option<u32>,
    /// Who receives, books and publishes.
    pub lane: u32,
    /// Who reads, if it has a core of its own.
    pub consumer: Option<u32>,
}

impl CoresUsed {
    /// Who is where.
    fn roles(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let roles = [("sender", self.sender), ("lane", Some(self.lane)), ("consumer", self.consumer)];
        roles.into_iter().filter_map(|(role, core)| Some((role, core?)))
    }

    /// Each core once.
    fn all(&self) -> CoreList {
        self.roles().map(|(_, core)| core).collect()
    }
}

/// `sender on core 1, lane on core 3`.
impl fmt::Display for CoresUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<String> = self.roles().map(|(role, core)| format!("{role} on core {core}")).collect();
        f.write_str(&roles.join(", "))
    }
}

/// How long interrupts and busy cores are watched. The kernel counts a core's time in ticks of 10 ms: one of 20 is 5 %.
const SAMPLE: Duration = Duration::from_millis(200);

/// A machine to look at.
#[derive(Debug)]
pub struct Host {
    files: Files,
    topology: Topology,
}

impl Host {
    /// This one.
    pub fn this() -> Self {
        Self::at(Path::new("/"), Topology::load())
    }

    /// One whose `proc`, `sys`, `dev` and `etc` are below `root`.
    pub fn at(root: &Path, topology: Topology) -> Self {
        Self { files: Files::below(root), topology }
    }

    /// What it is.
    pub fn facts(&self, cores: &CoresUsed) -> HostFacts {
        facts::read(&self.files, &self.topology, cores)
    }

    /// What its cores do while `between` runs: a sleep, and nothing of a run yet.
    pub fn sample(&self, between: impl FnOnce()) -> Sample {
        Sample::take(&self.files, between)
    }

    /// Everything that is looked at, what matters most first. `interfaces` are those of the run, by name, where it has any.
    pub fn checks(&self, cores: &CoresUsed, interfaces: &[String], sample: &Sample) -> Vec<HostCheck> {
        let look = Look { files: &self.files, topology: &self.topology, cores, interfaces, sample };
        CHECKS.iter().map(|check| check.made(&look)).collect()
    }
}

/// What this machine's checks find for a run on these cores and interfaces; takes 0.2 s, and must be asked before the run begins.
pub fn checks(cores: &CoresUsed, interfaces: &[String]) -> Vec<HostCheck> {
    let host = Host::this();
    let sample = host.sample(|| std::thread::sleep(SAMPLE));
    host.checks(cores, interfaces, &sample)
}

/// What a check looks at.
struct Look<'a> {
    files: &'a Files,
    topology: &'a Topology,
    cores: &'a CoresUsed,
    interfaces: &'a [String],
    sample: &'a Sample,
}

/// What it finds, in words.
enum Finding {
    Good(String),
    Bad { found: String, cure: String },
}

impl Finding {
    fn good(found: impl Into<String>) -> Result<Self, Unread> {
        Ok(Self::Good(found.into()))
    }

    fn bad(found: impl Into<String>, cure: impl Into<String>) -> Result<Self, Unread> {
        Ok(Self::Bad { found: found.into(), cure: cure.into() })
    }
}

struct Check {
    name: &'static str,
    why: &'static str,
    look: fn(&Look<'_>) -> Result<Finding, Unread>,
}

impl Check {
    fn made(&self, look: &Look<'_>) -> HostCheck {
        let (good, found, cure) = match (self.look)(look) {
            Ok(Finding::Good(found)) => (Some(true), found, String::new()),
            Ok(Finding::Bad { found, cure }) => (Some(false), found, cure),
            Err(Unread(why)) => (None, why, String::new()),
        };
        HostCheck { name: self.name.to_owned(), found, good, why: self.why.to_owned(), cure }
    }
}

/// All of them, what matters most first. The orders of magnitude are those of ordinary x86 servers.
const CHECKS: &[Check] = &[
    Check {
        name: "cores",
        why: "Threads on one core wait for each other a time slice at a time, 1 to 4 ms; so do they for the system where every core is used.",
        look: cores::separate,
    },
    Check {
        name: "core isolation",
        why: "On a core that is not isolated the scheduler may run anything: each stranger costs a time slice, 1 to 4 ms, and the caches.",
        look: cores::isolated,
    },
    Check {
        name: "other work on the lane's core",
        why: "Whoever else runs there takes whole time slices, 1 to 4 ms each, and the lane's caches.",
        look: strangers::on_the_lane,
    },
    Check {
        name: "stolen time",
        why: "While a hypervisor runs somebody else on a core it stands still, 1 to 30 ms at a time.",
        look: strangers::stolen,
    },
    Check {
        name: "CPU quota",
        why: "Who has used up its quota stands still for the rest of the period, up to 100 ms.",
        look: strangers::quota,
    },
    Check {
        name: "load",
        why: "Others who run take caches and memory bandwidth (10 to 50 % of the speed), and cores where they are not isolated.",
        look: strangers::load,
    },
    Check {
        name: "sibling of the lane's core",
        why: "Two hardware threads share one core's units and caches: work on the other makes the lane's 20 to 50 % slower.",
        look: cores::sibling,
    },
    Check {
        name: "interrupts on the lane's core",
        why: "Each interrupt takes 1 to 10 µs from the lane, and the softirq behind it up to some ms.",
        look: interrupts::on_the_lane,
    },
    Check {
        name: "interrupts of the interface",
        why: "On the lane's core the interface's softirq takes 5 to 50 µs from the lane for each batch of frames.",
        look: interrupts::of_the_interfaces,
    },
    Check {
        name: "node of the interface",
        why: "A frame from another node's interface costs a cache miss across the interconnect, 100 to 200 ns, each time.",
        look: interrupts::nodes,
    },
    Check {
        name: "timer tick",
        why: "The tick interrupts the lane 100 to 1000 times a second, for 1 to 5 µs and what RCU has left behind: it is the p99.9.",
        look: cores::tick,
    },
    Check {
        name: "frequency governor",
        why: "A core that speeds up only when work comes does the first 10 to 500 µs of a burst at its lowest clock, 2 to 4 times slower.",
        look: power::governor,
    },
    Check {
        name: "turbo",
        why: "The clock follows temperature and what other cores do: the same work varies by 10 to 30 %; without turbo it is slower, and repeats.",
        look: power::turbo,
    },
    Check {
        name: "idle states",
        why: "Waking from a state deeper than C1 takes 10 to 500 µs: the first datagram after a pause waits for it wherever a lane may sleep.",
        look: power::idle,
    },
    Check {
        name: "transparent huge pages",
        why: "With `always` a page fault clears 2 MiB (100 µs) and khugepaged moves pages that are in use (0.1 to 10 ms); with `never` books \
              and frames lie on small ones, and a message takes up to a tenth longer.",
        look: memory::transparent_huge_pages,
    },
    Check { name: "swap", why: "A page that was swapped out comes back in 0.1 to 10 ms.", look: memory::swap },
    Check {
        name: "NUMA balancing",
        why: "The kernel unmaps pages to see who uses them (1 to 2 µs a fault) and moves them (10 µs and more each).",
        look: memory::balancing,
    },
    Check {
        name: "huge pages",
        why: "Tables on 4 KiB pages miss the TLB at nearly every access: 5 to 12 ns a message.",
        look: memory::huge_pages,
    },
    Check {
        name: "locked memory",
        why: "Frames of AF_XDP lie in locked memory, 16 MiB a queue by default: without room for them it is refused.",
        look: memory::locked,
    },
    Check {
        name: "clock source",
        why: "Where the kernel does not keep time by the processor's counter a stamp is a system call: 200 to 1000 ns instead of 20.",
        look: machine::clock,
    },
    Check {
        name: "NMI watchdog",
        why: "It interrupts every core every few seconds, isolated or not, for 1 to 10 µs.",
        look: machine::nmi_watchdog,
    },
    Check {
        name: "virtual machine",
        why: "Its cores are moved and taken away by another kernel (1 to 30 ms), and leaving for it costs 1 to 2 µs: take ratios, not times.",
        look: machine::virtual_machine,
    },
    Check {
        name: "mitigations",
        why: "They make a system call 100 to 1000 ns dearer: sockets pay that for each, a spinning AF_XDP lane makes hardly any.",
        look: machine::mitigations,
    },
];

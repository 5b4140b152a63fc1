//! Who runs where: sender, lane and consumer, each on a core of its own as far as there are cores.

use std::cmp::Reverse;

use crate::error::{Error, Exit};
use crate::topology::{Core, Topology};

/// Cores as they were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenCores {
    /// The sender's.
    pub sender: Option<usize>,
    /// The lane's.
    pub lane: Option<usize>,
    /// The consumer's; the sender's own: it reads while the sender waits.
    pub consumer: Option<usize>,
}

/// Cores as they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The sender's.
    pub sender: usize,
    /// The lane's.
    pub lane: usize,
    /// The consumer's; `None`: it runs on the sender's, while that waits.
    pub consumer: Option<usize>,
}

impl Cores {
    /// As given; the rest is chosen: the lane on the interface's `node`, the others on other physical cores where there are any, and core 0,
    /// which does the host's own work, last. `may_sleep`: the lane leaves its core to others when nothing comes.
    ///
    /// Errors: a core that this process may not use, a core for two that never sleep, one core alone for a lane that never sleeps.
    pub fn choose(given: GivenCores, topology: &Topology, node: Option<usize>, may_sleep: bool) -> Result<Self, Error> {
        let allowed: Vec<_> = topology.cores.iter().filter(|core| core.allowed).collect();
        let numbers: Vec<usize> = allowed.iter().map(|core| core.id).collect();
        for (core, who) in [(given.sender, "sender"), (given.lane, "lane"), (given.consumer, "consumer")] {
            if let Some(core) = core.filter(|core| !numbers.contains(core)) {
                let cure = format!("use one of {numbers:?}, or widen the process's cpuset");
                return Err(Error::new(Exit::Usage, format!("core {core} for the {who}"), "this process may not use it", cure));
            }
        }
        // Farther from what is asked for comes later; `beside` is whom a core must not share its innards with.
        let best = |taken: &[Option<usize>], beside: Option<usize>| {
            let physical = beside.and_then(|core| topology.core(core)).map(|core| core.physical);
            let free = allowed.iter().filter(|core| !taken.contains(&Some(core.id)));
            let order = |core: &&&Core| {
                let shares = physical == Some(core.physical);
                (shares, node.is_some_and(|node| node != core.node), core.id == 0, Reverse(core.id))
            };
            free.min_by_key(order).map(|core| core.id)
        };
        let lane = given.lane.or_else(|| best(&[given.sender, given.consumer], None)).or(given.sender);
        let sender = given.sender.or_else(|| best(&[lane, given.consumer], lane)).or(lane);
        let (Some(lane), Some(sender)) = (lane, sender) else {
            return Err(Error::new(Exit::Host, "choosing cores", "this process may use none", "widen its cpuset"));
        };
        if lane == sender && !may_sleep {
            let why = "sender and lane never sleep, and would starve each other";
            let cure = if numbers.len() > 1 {
                "give each a core of its own".to_owned()
            } else {
                "give this process another core, or let the lane wait in the kernel (udp-blocking), or run in process".to_owned()
            };
            return Err(Error::new(Exit::Usage, format!("core {lane} for both"), why, cure));
        }
        if given.consumer == Some(lane) && !may_sleep {
            let cure = "leave the consumer's core out: it is chosen, or reads while the sender waits";
            return Err(Error::new(Exit::Usage, format!("core {lane} for the consumer"), "it is the lane's, which never sleeps", cure));
        }
        let consumer = given.consumer.or_else(|| best(&[Some(lane), Some(sender)], Some(lane))).filter(|&core| core != sender);
        Ok(Self { sender, lane, consumer })
    }

    /// What people should know of it.
    pub fn remark(&self) -> Option<String> {
        match self.consumer {
            None if self.sender == self.lane => {
                Some(format!("sender, lane and consumer share core {}: what is measured is how they wait for each other", self.lane))
            }
            None => Some(format!(
                "the consumer reads on the sender's core ({}) while that waits: a record that comes while it sends is seen later",
                self.sender
            )),
            Some(_) => None,
        }
    }
}

impl std::fmt::Display for Cores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let consumer = self.consumer.map_or("while the sender waits".to_owned(), |core| format!("{core}"));
        write!(f, "sender {}, lane {}, consumer {consumer}", self.sender, self.lane)
    }
}

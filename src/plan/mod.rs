//! Configuration + host → what will run: every name resolved, every limit checked.
//!
//! A plan that exists can be carried out; what cannot is refused here with one message that names the line, the key, the reason
//! and the cure. `tickwire check` prints the plan.
#![forbid(unsafe_code)]

mod channels;
mod computed;
mod host;
mod images;
mod lanes;
mod names;
mod print;
mod publications;
mod recordings;
mod sampling;

pub use host::{Host, HostInterface};

use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::channel::ChannelConfig;
use crate::config::{ConfigFile, LogLevel, Udp, Xdp};
use crate::error::Error;
use crate::shm::PublicationSpec;
use crate::source::lines::LineKey;
pub use computed::ComputedPlan;
pub use images::ImagePlan;
pub use publications::{default_depth, schemas_of};
pub use recordings::RecordingPlan;

/// Everything that will run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where publications are made.
    pub publication_dir: PathBuf,
    /// What is logged.
    pub log: LogLevel,
    /// How often counters are logged, s; 0 for never.
    pub report_interval_s: u64,
    /// Whether memory is locked.
    pub lock_memory: bool,
    /// Where the lanes' histograms are logged; `None`: nowhere.
    pub latency_log: Option<PathBuf>,
    /// The lanes.
    pub lanes: Vec<LanePlan>,
    /// Publications computed from those of the lanes.
    pub computed: Vec<ComputedPlan>,
    /// Order-level images.
    pub images: Vec<ImagePlan>,
    /// DBN files.
    pub recordings: Vec<RecordingPlan>,
}

/// One pinned thread.
#[derive(Clone, Debug)]
pub struct LanePlan {
    /// Its name.
    pub name: String,
    /// The core it is pinned to.
    pub core: u32,
    /// That core's NUMA node.
    pub node: u32,
    /// Where its datagrams come from.
    pub source: SourcePlan,
    /// Sleep between empty polls, µs; 0: busy-poll.
    pub idle_sleep_us: u64,
    /// One in so many datagrams that delivered messages is told in the `latency` ring; 0: none.
    pub latency_every: u32,
    /// One in so many datagrams has its stages stamped; 0: none.
    pub stages_every: u32,
    /// What it writes.
    pub publications: Vec<PublicationSpec>,
    /// What it takes in.
    pub channels: Vec<ChannelPlan>,
}

/// A lane's source.
#[derive(Clone, Debug)]
pub enum SourcePlan {
    /// AF_XDP sockets on these receive queues.
    Xdp {
        /// (interface, queue), each owned by this lane alone.
        queues: Vec<QueuePlan>,
        /// Settings as written.
        settings: Xdp,
    },
    /// UDP sockets.
    Udp {
        /// Settings as written.
        settings: Udp,
    },
}

/// One receive queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePlan {
    /// The interface.
    pub interface: String,
    /// Its receive queue.
    pub queue: u32,
    /// The operator vouches that our groups reach only the queues named.
    pub flows_pinned: bool,
}

/// One channel of a lane.
#[derive(Clone, Debug)]
pub struct ChannelPlan {
    /// Its name.
    pub name: String,
    /// Index into the lane's publications.
    pub publication: usize,
    /// What the pipeline is made from.
    pub config: ChannelConfig,
    /// Its lines: the index is the line's number in the arbiter.
    pub lines: Vec<LinePlan>,
}

/// One line of a channel.
#[derive(Clone, Debug)]
pub struct LinePlan {
    /// A, B, …
    pub name: String,
    /// The interface it arrives on.
    pub interface: String,
    /// Group and port.
    pub key: LineKey,
    /// The only source address allowed, if any.
    pub from: Option<Ipv4Addr>,
}

impl Plan {
    /// Checks the configuration against the host.
    pub fn new(file: &ConfigFile, host: &Host) -> Result<Self, Error> {
        let mut lanes = lanes::plan(file, host)?;
        let (computed, images) = publications::plan(file, host, &mut lanes)?;
        sampling::check(file, &lanes)?;
        let service = &file.config.service;
        let recordings = recordings::plan(file, &lanes, &computed)?;
        Ok(Self {
            publication_dir: service.publication_dir.clone(),
            log: service.log,
            report_interval_s: service.report_interval_s,
            lock_memory: service.lock_memory,
            latency_log: sampling::log(file)?,
            computed,
            images,
            recordings,
            lanes,
        })
    }

    /// Every interface on which a program is attached, with the lines that arrive there.
    pub fn steered(&self) -> Vec<(String, Vec<&LinePlan>)> {
        let mut interfaces: Vec<(String, Vec<&LinePlan>)> = Vec::new();
        for lane in self.lanes.iter().filter(|lane| matches!(lane.source, SourcePlan::Xdp { .. })) {
            for line in lane.channels.iter().flat_map(|channel| &channel.lines) {
                match interfaces.iter_mut().find(|(name, _)| *name == line.interface) {
                    Some((_, lines)) => lines.push(line),
                    None => interfaces.push((line.interface.clone(), vec![line])),
                }
            }
        }
        interfaces
    }
}

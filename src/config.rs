//! The configuration file exactly as written: TOML, unknown keys refused, units in the keys' names.
//!
//! Nothing is checked here beyond the shape; what the words mean on this host is [`crate::plan`]'s business. Keys that a plan
//! may refuse are [`Spanned`], so that the refusal can name the line. `config/example.toml` documents every key.
#![forbid(unsafe_code)]

mod file;
mod publication;
mod shape;

pub use file::ConfigFile;
pub use publication::{Image, Publication, Recording, Ring};

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The process.
    #[serde(default)]
    pub service: Service,
    /// Pinned threads. None, like no publication and no channel, is refused by the plan, which can say what to do.
    #[serde(default)]
    pub lane: Vec<Lane>,
    /// Named files in shared memory.
    #[serde(default)]
    pub publication: Vec<Publication>,
    /// Sequenced streams.
    #[serde(default)]
    pub channel: Vec<Channel>,
}

/// `[service]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// Where publications are made.
    pub publication_dir: PathBuf,
    /// What is logged: error, warn, info, debug.
    pub log: LogLevel,
    /// How often counters are logged; 0 for never.
    pub report_interval_s: u64,
    /// Whether memory is locked against paging.
    pub lock_memory: bool,
    /// Where the lanes' latency histograms are logged, once a second; absent: nowhere.
    pub latency_log: Option<Spanned<PathBuf>>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            publication_dir: PathBuf::from("/dev/shm/tickwire"),
            log: LogLevel::Info,
            report_interval_s: 60,
            lock_memory: false,
            latency_log: None,
        }
    }
}

/// `log`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// `[[lane]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// Its name in messages and counters.
    pub name: Spanned<String>,
    /// The core it is pinned to; absent: the first free core of the interface's NUMA node.
    pub core: Option<Spanned<u32>>,
    /// Where its datagrams come from.
    pub source: Spanned<SourceKind>,
    /// The receive queues it owns (`source = "xdp"`).
    #[serde(default)]
    pub interface: Vec<LaneInterface>,
    /// AF_XDP settings (`source = "xdp"`).
    pub xdp: Option<Spanned<Xdp>>,
    /// UDP settings (`source = "udp"`).
    pub udp: Option<Spanned<Udp>>,
    /// Sleep between polls when nothing came, µs; 0: busy-poll. Only for hosts without a core to spare.
    #[serde(default = "default_idle_sleep_us")]
    pub idle_sleep_us: Spanned<u64>,
    /// One in so many datagrams that delivered messages is told in the `latency` ring; 0: none.
    #[serde(default = "default_every")]
    pub latency_every: Spanned<u32>,
    /// One in so many datagrams has its stages stamped; 0: none.
    #[serde(default = "default_every")]
    pub stages_every: Spanned<u32>,
}

fn default_idle_sleep_us() -> Spanned<u64> {
    Spanned::new(0..0, 0)
}
fn default_every() -> Spanned<u32> {
    Spanned::new(0..0, 0)
}

/// `source`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum SourceKind {
    Xdp,
    Udp,
}

/// `[[lane.interface]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneInterface {
    /// The network interface.
    pub name: Spanned<String>,
    /// Its receive queues that this lane owns; absent: all of them.
    pub queues: Option<Spanned<Vec<u32>>>,
    /// The operator has steered our groups to the queues named (ethtool -N), so the other queues need no socket.
    #[serde(default)]
    pub flows_pinned: bool,
}

/// `[lane.xdp]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Xdp {
    /// Where the program is attached.
    pub mode: XdpMode,
    /// Whether the driver hands frames over without a copy.
    pub zero_copy: ZeroCopy,
    /// Frames in each socket's UMEM.
    pub frames: Spanned<u32>,
    /// Bytes of one frame.
    pub frame_bytes: Spanned<u32>,
    /// Whether the UMEM lies on huge pages.
    pub huge_pages: HugePages,
    /// SO_PREFER_BUSY_POLL.
    pub prefer_busy_poll: bool,
}

impl Default for Xdp {
    fn default() -> Self {
        Self {
            mode: XdpMode::Auto,
            zero_copy: ZeroCopy::Auto,
            frames: Spanned::new(0..0, 8192),
            frame_bytes: Spanned::new(0..0, 2048),
            huge_pages: HugePages::Try,
            prefer_busy_poll: false,
        }
    }
}

/// `mode`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum XdpMode {
    Auto,
    Native,
    Generic,
}

/// `zero_copy`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ZeroCopy {
    Auto,
    Require,
    Off,
}

/// `huge_pages`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum HugePages {
    Try,
    Require,
    Off,
}

/// `[lane.udp]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Udp {
    /// How datagrams are taken from the sockets.
    pub engine: UdpEngine,
    /// SO_RCVBUF of each socket.
    pub receive_buffer_bytes: u32,
}

impl Default for Udp {
    fn default() -> Self {
        Self { engine: UdpEngine::Auto, receive_buffer_bytes: 8 << 20 }
    }
}

/// `engine`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UdpEngine {
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "io_uring")]
    IoUring,
    #[serde(rename = "recvmmsg")]
    Recvmmsg,
}

/// `[[channel]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name in messages and counters.
    pub name: Spanned<String>,
    /// nasdaq-itch, bx-itch, psx-itch, iex-tops or iex-deep.
    pub feed: Spanned<String>,
    /// The lane that takes it.
    pub lane: Spanned<String>,
    /// The publication its records go to.
    pub publication: Spanned<String>,
    /// Its copies: A, B, …
    #[serde(default)]
    pub line: Vec<Line>,
    /// How long a missing message is waited for.
    #[serde(default = "default_gap_wait_us")]
    pub gap_wait_us: Spanned<u64>,
    /// Packets held while a missing one is waited for.
    #[serde(default = "default_window_packets")]
    pub window_packets: Spanned<u32>,
    /// Silence after which the channel is called silent.
    #[serde(default = "default_silence_ms")]
    pub silence_ms: Spanned<u64>,
    /// Room for live orders.
    #[serde(default = "default_orders")]
    pub orders: Spanned<u64>,
    /// Room for price levels.
    #[serde(default = "default_levels")]
    pub levels: Spanned<u64>,
}

fn default_gap_wait_us() -> Spanned<u64> {
    Spanned::new(0..0, 2_000)
}
fn default_window_packets() -> Spanned<u32> {
    Spanned::new(0..0, 1_024)
}
fn default_silence_ms() -> Spanned<u64> {
    Spanned::new(0..0, 5_000)
}
fn default_orders() -> Spanned<u64> {
    Spanned::new(0..0, 3_000_000)
}
fn default_levels() -> Spanned<u64> {
    Spanned::new(0..0, 2_000_000)
}

/// `[[channel.line]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// A, B, …
    pub name: Spanned<String>,
    /// The interface it arrives on.
    pub interface: Spanned<String>,
    /// The multicast group.
    pub group: Spanned<Ipv4Addr>,
    /// The UDP port.
    pub port: Spanned<u16>,
    /// Only frames from this address are taken (`source = "xdp"`); absent: from any.
    pub from: Option<Spanned<Ipv4Addr>>,
}

//! The handler's configuration: made for a way of receiving, or somebody's own file made fit for a benchmark.
//!
//! Either becomes one TOML table. What the benchmark must have is then put in, whoever wrote it: a publication directory of the round's
//! own, interfaces that are there, a `latency` ring and a lane that samples for it. Everything else stays as it was written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::bench::workload::Workload;
use crate::book::BooksCapacity;
use crate::config::ConfigFile;
use crate::error::{Error, Exit, did_you_mean};
use crate::plan::schemas_of;
use crate::record::Schema;

/// The names of what is made up.
const NAME: &str = "bench";
/// What the lane's histograms are logged to, beside the publications.
pub(super) const LATENCY_LOG: &str = "latency.hlog";
/// Schemas that are published unless told otherwise, as far as the feed has them: what most configurations name.
const SCHEMAS: [Schema; 4] = [Schema::Mbo, Schema::Mbp1, Schema::Trades, Schema::Status];

macro_rules! receives {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// A way of receiving.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Receive { $($(#[doc = $doc])* $variant),* }

        impl Receive {
            /// All of them, the quickest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name on the command line and in tables.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

receives! {
    /// AF_XDP in the driver, or in the stack where the driver cannot.
    Xdp = "xdp";
    /// AF_XDP in the stack.
    XdpSkb = "xdp-skb";
    /// UDP sockets by io_uring.
    UdpIoUring = "udp-io-uring";
    /// UDP sockets by spinning `recvmmsg`.
    Udp = "udp";
    /// UDP sockets by `recvmmsg` that waits in the kernel.
    UdpBlocking = "udp-blocking";
}

/// What the handler is configured by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setup {
    /// A way of receiving, everything else as the workload needs it.
    Receive(Receive),
    /// Somebody's own file.
    File(PathBuf),
}

impl Setup {
    /// A way of receiving by its name, or the file of that name.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(&receive) = Receive::ALL.iter().find(|receive| receive.name() == text) {
            return Ok(Self::Receive(receive));
        }
        let path = PathBuf::from(text);
        if path.exists() || text.contains(['/', '.']) {
            return Ok(Self::File(path));
        }
        let names: Vec<&str> = Receive::ALL.iter().map(|receive| receive.name()).collect();
        let near = did_you_mean(text, names.iter().copied()).map(|near| format!("did you mean {near}? Else ")).unwrap_or_default();
        let cure = format!("{near}use {}, or a configuration file", names.join(", "));
        Err(Error::new(Exit::Usage, format!("{text:?}"), "it is neither a way of receiving nor a file", cure))
    }

    /// What it is called in tables: the way's name, or the file's.
    pub fn label(&self) -> String {
        match self {
            Self::Receive(receive) => receive.name().to_owned(),
            Self::File(path) => path.file_stem().map_or_else(|| path.display().to_string(), |stem| stem.to_string_lossy().into_owned()),
        }
    }
}

/// What goes into every configuration, and into those that are made up.
#[derive(Clone, Debug)]
pub struct Needs {
    /// Interface of the made-up configuration.
    pub interface: String,
    /// Every interface of a file is replaced by it.
    pub replace_interfaces: bool,
    /// One datagram in so many is sampled.
    pub latency_every: u32,
    /// One datagram in so many has its stages stamped; 0: none.
    pub stages_every: u32,
    /// What is published where it is made up; empty: mbo, mbp-1, trades and status, as far as the feed has them.
    pub schemas: Vec<Schema>,
    /// Slots of each made-up ring; `None`: what the service takes if its configuration leaves that open.
    pub depth: Option<u64>,
    /// Room for instruments where it is made up.
    pub instruments: u32,
    /// Room in each made-up channel's books.
    pub capacity: BooksCapacity,
}

/// A configuration that is fit, but for where it publishes.
#[derive(Clone, Debug)]
pub struct Configuration {
    table: Table,
    /// Where it was read; `None`: it is made up.
    pub file: Option<PathBuf>,
    /// The lane that takes the workload.
    pub lane: String,
    /// The publication that the workload's channels go to.
    pub publication: String,
    /// The workload's number for each channel of that publication, by index; for channels that the workload has not, a number it has not.
    pub channels: Vec<u16>,
    /// The core of the lane that takes them, where the configuration says it.
    pub lane_core: Option<usize>,
    /// Whether that lane leaves its core to others when nothing comes.
    pub may_sleep: bool,
    /// Whether that lane receives through the kernel's sockets.
    pub by_sockets: bool,
    /// What of a file was changed, for people.
    pub remarks: Vec<String>,
}

impl Configuration {
    /// Made for a workload.
    ///
    /// Errors: a file that is none, or that does not take the workload's lines in exactly one lane into exactly one publication.
    pub fn new(setup: &Setup, workload: &Workload, needs: &Needs) -> Result<Self, Error> {
        match setup {
            Setup::Receive(receive) => {
                let table = made_up(*receive, workload, needs);
                let place = PathBuf::from(receive.name());
                let fit = Fitting { table, place, remarks: Vec::new() }.fit(workload, needs)?;
                Ok(Self { file: None, ..fit })
            }
            Setup::File(path) => {
                // The reader's refusals name line and key; the table is of the same text.
                let file = ConfigFile::read(path)?;
                let table: Table = file
                    .text()
                    .parse()
                    .map_err(|error| Error::new(Exit::Config, "the configuration cannot be read", error, "correct it").in_file(path))?;
                Fitting { table, place: path.clone(), remarks: Vec::new() }.fit(workload, needs)
            }
        }
    }

    /// Has the lane run on that core.
    pub fn pin_lane_to(&mut self, core: usize) {
        if let Some(lane) = named(&mut self.table, "lane", &self.lane) {
            set(lane, "core", core as i64);
        }
        self.lane_core = Some(core);
    }

    /// The text, publishing in `publications` and writing whatever else it writes in `beside`.
    pub fn text(&self, publications: &Path, beside: &Path) -> String {
        let mut table = self.table.clone();
        let service = section(&mut table, "service");
        set(service, "publication_dir", publications.display().to_string());
        set(service, "latency_log", beside.join(LATENCY_LOG).display().to_string());
        for publication in tables(&mut table, "publication") {
            if let Some(Value::Table(recording)) = publication.get_mut("recording") {
                set(recording, "dir", beside.join("recordings").display().to_string());
            }
        }
        table.to_string()
    }
}

/// A table on its way to being fit.
struct Fitting {
    table: Table,
    place: PathBuf,
    remarks: Vec<String>,
}

impl Fitting {
    fn fit(mut self, workload: &Workload, needs: &Needs) -> Result<Configuration, Error> {
        let (lane, publication) = self.takers(workload)?;
        self.leave_other_lanes_out(&lane);
        let channels = self.numbering(workload, &publication);
        self.fit_service();
        if needs.replace_interfaces {
            self.replace_interfaces(&needs.interface);
        }
        self.fit_channels();
        let depth = needs.depth;
        let Some(rings) = named(&mut self.table, "publication", &publication).map(|publication| array(publication, "ring")) else {
            return Err(self.refuse(format!("publication `{publication}` is not there"), "add the [[publication]] that the channel names"));
        };
        let latency = Schema::Latency.name();
        // A ring that nothing is told in is refused.
        let is_sampled = needs.latency_every > 0 || needs.stages_every > 0;
        if is_sampled && !rings.iter().any(|ring| ring.get("schema").and_then(Value::as_str) == Some(latency)) {
            rings.push(Value::Table(ring(latency, depth.map(|depth| depth.min(1 << 16)))));
        }
        let Some(written) = named(&mut self.table, "lane", &lane) else {
            return Err(self.refuse(format!("lane `{lane}` is not there"), "add the [[lane]] that the channel names"));
        };
        for (key, every) in [("latency_every", needs.latency_every), ("stages_every", needs.stages_every)] {
            if every > 0 && written.get(key).and_then(Value::as_integer).unwrap_or(0) == 0 {
                set(written, key, i64::from(every));
            }
        }
        let by_sockets = written.get("source").and_then(Value::as_str) == Some("udp");
        let lane_core = written.get("core").and_then(Value::as_integer).and_then(|core| usize::try_from(core).ok());
        let sleeps = written.get("idle_sleep_us").and_then(Value::as_integer).unwrap_or(0) > 0;
        let blocks = written.get("udp").and_then(|udp| udp.get("block")).and_then(Value::as_bool).unwrap_or(false);
        Ok(Configuration {
            table: self.table,
            file: Some(self.place),
            lane,
            publication,
            channels,
            lane_core,
            may_sleep: sleeps || blocks,
            by_sockets,
            remarks: self.remarks,
        })
    }

    fn refuse(&self, what: impl std::fmt::Display, cure: &str) -> Error {
        Error::new(Exit::Config, "", what, cure).in_file(&self.place)
    }

    /// The one lane and the one publication of the workload's lines.
    fn takers(&self, workload: &Workload) -> Result<(String, String), Error> {
        let (mut lanes, mut publications) = (BTreeSet::new(), BTreeSet::new());
        for line in &workload.lines {
            let mut takers = values(&self.table, "channel").filter(|channel| carries(channel, &line.to_string()));
            let Some(channel) = takers.next() else {
                let what = format!("no [[channel.line]] is {line}, which the workload carries");
                let cure =
                    "add it, or say with --line which of a capture's lines are replayed, or where a day file or a made-up session goes";
                return Err(self.refuse(what, cure));
            };
            let feed = text(channel, "feed");
            if feed != workload.feed.name() {
                let what = format!("line {line} is of a channel that speaks {feed}, and the workload is {}", workload.feed);
                return Err(self.refuse(what, "correct the channel's feed, or replay another recording"));
            }
            lanes.insert(text(channel, "lane").to_owned());
            publications.insert(text(channel, "publication").to_owned());
        }
        let one = |names: BTreeSet<String>, what: &str| {
            let list = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            match (names.len(), names.into_iter().next()) {
                (1, Some(name)) => Ok(name),
                (count, _) => {
                    let found = format!("the workload's lines go to {count} {what}s ({list}), and exactly one is measured");
                    Err(self.refuse(found, &format!("put their channels into one {what}, or replay the lines of one")))
                }
            }
        };
        Ok((one(lanes, "lane")?, one(publications, "publication")?))
    }

    /// Other lanes would spin on cores that are needed, for a feed that nobody sends.
    fn leave_other_lanes_out(&mut self, lane: &str) {
        let others: Vec<String> =
            values(&self.table, "lane").map(|other| text(other, "name").to_owned()).filter(|name| name != lane).collect();
        if others.is_empty() {
            return;
        }
        self.remarks.push(format!("{}: left out: lane {}", self.place.display(), others.join(", lane ")));
        let is_other = |value: &Value, key: &str| others.iter().any(|other| text(value, key) == other);
        array(&mut self.table, "lane").retain(|written| !is_other(written, "name"));
        array(&mut self.table, "channel").retain(|channel| !is_other(channel, "lane"));
        let kept: Vec<String> = values(&self.table, "channel").map(|channel| text(channel, "publication").to_owned()).collect();
        array(&mut self.table, "publication").retain(|publication| {
            let source = publication.get("of").and_then(Value::as_str).unwrap_or_else(|| text(publication, "name"));
            kept.iter().any(|kept| kept == source)
        });
    }

    /// The workload's numbers for a publication's channels, in the publication's order: that of the file.
    fn numbering(&self, workload: &Workload, publication: &str) -> Vec<u16> {
        let members = values(&self.table, "channel").filter(|channel| text(channel, "publication") == publication);
        let number = |channel: &Value| {
            let mut lines = workload.lines.iter().zip(&workload.channels);
            lines.find(|(line, _)| carries(channel, &line.to_string())).map_or(u16::MAX, |(_, &number)| number)
        };
        members.map(number).collect()
    }

    /// What the benchmark reads in the log is said at `info`; it writes nothing outside the round's directory.
    fn fit_service(&mut self) {
        let service = section(&mut self.table, "service");
        if service.get("log").and_then(Value::as_str) != Some("debug") {
            set(service, "log", "info".to_owned());
        }
        set(service, "report_interval_s", 0_i64);
    }

    fn replace_interfaces(&mut self, interface: &str) {
        for lane in tables(&mut self.table, "lane") {
            if lane.contains_key("interface") {
                let mut only = Table::new();
                set(&mut only, "name", interface.to_owned());
                lane.insert("interface".into(), Value::Array(vec![Value::Table(only)]));
            }
        }
        for channel in tables(&mut self.table, "channel") {
            for line in tables(channel, "line") {
                set(line, "interface", interface.to_owned());
            }
        }
    }

    /// Datagrams come from our sender, whoever sends them in earnest.
    fn fit_channels(&mut self) {
        let mut filters = 0;
        for channel in tables(&mut self.table, "channel") {
            filters += tables(channel, "line").filter_map(|line| line.remove("from")).count();
        }
        if filters > 0 {
            self.remarks.push(format!("{}: left out: channel.line.from: the benchmark sends", self.place.display()));
        }
    }
}

/// A configuration of one lane that takes the workload's channels.
fn made_up(receive: Receive, workload: &Workload, needs: &Needs) -> Table {
    let mut lane = Table::new();
    set(&mut lane, "name", NAME.to_owned());
    let mut settings = Table::new();
    let (source, section) = match receive {
        Receive::Xdp => ("xdp", "xdp"),
        Receive::XdpSkb => {
            set(&mut settings, "mode", "generic".to_owned());
            ("xdp", "xdp")
        }
        Receive::UdpIoUring => {
            set(&mut settings, "engine", "io_uring".to_owned());
            ("udp", "udp")
        }
        Receive::Udp | Receive::UdpBlocking => {
            set(&mut settings, "engine", "recvmmsg".to_owned());
            if receive == Receive::UdpBlocking {
                set(&mut settings, "block", true);
            }
            ("udp", "udp")
        }
    };
    set(&mut lane, "source", source.to_owned());
    lane.insert(section.into(), Value::Table(settings));
    if source == "xdp" {
        let mut interface = Table::new();
        set(&mut interface, "name", needs.interface.clone());
        array(&mut lane, "interface").push(Value::Table(interface));
    }
    let mut publication = Table::new();
    set(&mut publication, "name", NAME.to_owned());
    set(&mut publication, "instruments", i64::from(needs.instruments));
    let usual = || SCHEMAS.into_iter().filter(|schema| schemas_of(workload.feed).contains(schema)).collect();
    let schemas: Vec<Schema> = if needs.schemas.is_empty() { usual() } else { needs.schemas.clone() };
    let rings = schemas.iter().map(|schema| Value::Table(ring(schema.name(), needs.depth)));
    array(&mut publication, "ring").extend(rings);
    let channels = (0..workload.channel_count()).map(|number| {
        let mut channel = Table::new();
        set(&mut channel, "name", format!("{}-{number}", workload.feed));
        set(&mut channel, "feed", workload.feed.name().to_owned());
        set(&mut channel, "lane", NAME.to_owned());
        set(&mut channel, "publication", NAME.to_owned());
        set(&mut channel, "orders", needs.capacity.orders as i64);
        set(&mut channel, "levels", needs.capacity.levels as i64);
        let copies = workload.lines.iter().zip(&workload.channels).filter(|(_, of)| usize::from(**of) == number).zip('A'..);
        let line = |((key, _), letter): ((&crate::source::lines::LineKey, &u16), char)| {
            let mut line = Table::new();
            set(&mut line, "name", letter.to_string());
            set(&mut line, "interface", needs.interface.clone());
            set(&mut line, "group", key.group.to_string());
            set(&mut line, "port", i64::from(key.port));
            Value::Table(line)
        };
        array(&mut channel, "line").extend(copies.map(line));
        Value::Table(channel)
    });
    let channels = channels.collect();
    [("lane", vec![Value::Table(lane)]), ("publication", vec![Value::Table(publication)]), ("channel", channels)]
        .into_iter()
        .map(|(name, values)| (name.to_owned(), Value::Array(values)))
        .collect()
}

fn ring(schema: &str, depth: Option<u64>) -> Table {
    let mut ring = Table::new();
    set(&mut ring, "schema", schema.to_owned());
    if let Some(depth) = depth {
        set(&mut ring, "depth", depth as i64);
    }
    ring
}

// ── TOML tables: what the configuration's reader has found to be of the right shape ──

fn set(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

/// The array of that name, made if it is not there.
fn array<'a>(table: &'a mut Table, key: &str) -> &'a mut Vec<Value> {
    let entry = table.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
    if !entry.is_array() {
        *entry = Value::Array(Vec::new());
    }
    match entry {
        Value::Array(values) => values,
        _ => unreachable!("it was made an array above"),
    }
}

fn section<'a>(table: &'a mut Table, key: &str) -> &'a mut Table {
    let entry = table.entry(key.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    if !entry.is_table() {
        *entry = Value::Table(Table::new());
    }
    match entry {
        Value::Table(section) => section,
        _ => unreachable!("it was made a table above"),
    }
}

fn values<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Value> {
    table.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn tables<'a>(table: &'a mut Table, key: &str) -> impl Iterator<Item = &'a mut Table> {
    table.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_table_mut)
}

fn named<'a>(table: &'a mut Table, key: &str, name: &str) -> Option<&'a mut Table> {
    tables(table, key).find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a channel has a line of that group and port, written as `group:port`.
fn carries(channel: &Value, line: &str) -> bool {
    let mut lines = channel.get("line").and_then(Value::as_array).into_iter().flatten();
    lines.any(|written| format!("{}:{}", text(written, "group"), written.get("port").and_then(Value::as_integer).unwrap_or(0)) == line)
}

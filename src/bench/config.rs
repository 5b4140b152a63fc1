//! What a benchmark is to do, as meant: everything that the command line or a test may ask for.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::Pace;
use super::handler::Setup;
use super::on_wire::GivenCores;
use super::sender::Via;
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::record::{Schema, Stage};
use crate::source::lines::LineKey;

/// What is left out of histograms at the beginning of each round, unless somebody says it or the schedule is short.
pub const WARM_UP: Duration = Duration::from_millis(500);

/// A benchmark, whole.
#[derive(Clone, Debug)]
pub struct BenchConfig {
    /// The command line, for the result.
    pub command: String,
    /// What is replayed.
    pub input: Input,
    /// When datagrams are due.
    pub pace: Pace,
    /// Where they go.
    pub way: Way,
    /// How the sender sends, on the wire: the first of these that works.
    pub ways: Vec<Via>,
    /// What is measured; what it is compared with follows.
    pub candidates: Vec<Candidate>,
    /// Rounds of each.
    pub rounds: u32,
    /// Left out of histograms at the beginning of each round; `None`: [`WARM_UP`], or a quarter of the schedule where that is less.
    pub warm_up: Option<Duration>,
    /// Every how many datagrams one is a sample; 0: none.
    pub latency_every: u32,
    /// Every how many datagrams one has its stages stamped; 0: none.
    pub stages_every: u32,
    /// The cores to use, where it matters.
    pub cores: GivenCores,
    /// A datagram that leaves later than that after it was due is late.
    pub late_limit: Duration,
    /// Schemas that are published, where no configuration says so; empty: what the feed tells of the usual ones.
    pub schemas: Vec<Schema>,
    /// Slots of each ring.
    pub ring_depth: u64,
    /// Time wasted on purpose.
    pub wasted: Wasted,
}

impl BenchConfig {
    /// What is left out of each round of a schedule that lasts so long.
    ///
    /// # Errors
    /// Nothing would be left of it.
    pub fn warm_up(&self, schedule: Duration) -> Result<Duration, Error> {
        match self.warm_up {
            // Nothing is due, so nothing is left out.
            _ if self.pace == Pace::Max => Ok(self.warm_up.unwrap_or(WARM_UP)),
            // In whole ms, as other builds are told it.
            None => Ok(WARM_UP.min(Duration::from_millis(u64::try_from(schedule.as_millis() / 4).unwrap_or(u64::MAX)))),
            Some(asked) if !asked.is_zero() && schedule <= asked => {
                let what = format!("--warm-up-ms {}", asked.as_millis());
                let why = format!("a round lasts {} ms, so nothing of it would be measured", schedule.as_millis());
                Err(Error::new(Exit::Usage, what, why, "say less, or replay more, or more slowly"))
            }
            Some(asked) => Ok(asked),
        }
    }

    /// What another build of this program is told behind `bench`, to run the same in process; without rounds and outputs.
    ///
    /// # Errors
    /// The day has no date.
    pub fn in_process_arguments(&self) -> Result<Vec<OsString>, Error> {
        let mut arguments = Arguments::default();
        match &self.input.from {
            InputFrom::File(path) => arguments.0.push(path.into()),
            InputFrom::Generated { messages, symbols, seed, messages_per_packet } => {
                arguments.add("generate", messages);
                arguments.add("symbols", symbols);
                arguments.add("seed", seed);
                arguments.add("messages-per-packet", messages_per_packet);
            }
        }
        arguments.add("feed", self.input.feed);
        if let Some(midnight_ns) = self.input.midnight_ns {
            let date = VenueDate::at(midnight_ns).map_err(|error| Error::new(Exit::Usage, "--date", error, "say one with --date"))?;
            arguments.add("date", date);
        }
        self.input.lines.iter().for_each(|line| arguments.add("line", line));
        self.input.datagrams.iter().for_each(|datagrams| arguments.add("limit", datagrams));
        self.input.recorded.iter().for_each(|recorded| arguments.add("recorded-s", recorded.as_secs()));
        arguments.add("pace", self.pace.argument());
        self.schemas.iter().for_each(|schema| arguments.add("schemas", schema.name()));
        arguments.add("ring-depth", self.ring_depth);
        self.warm_up.iter().for_each(|warm_up| arguments.add("warm-up-ms", warm_up.as_millis()));
        arguments.add("latency-every", self.latency_every);
        arguments.add("stages-every", self.stages_every);
        for (name, core) in [("lane-core", self.cores.lane), ("consumer-core", self.cores.consumer)] {
            core.iter().for_each(|core| arguments.add(name, core));
        }
        // Where nothing is due there is nothing to be late, and the option is refused.
        if self.pace != Pace::Max {
            arguments.add("late-limit-us", self.late_limit.as_micros());
        }
        for (place, ns) in self.wasted.places() {
            arguments.add("waste", format_args!("{place}={}", ns / 1_000));
        }
        Ok(arguments.0)
    }
}

/// A command line in the making.
#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push(format!("--{name}={value}").into());
    }
}

/// What is replayed.
#[derive(Clone, Debug)]
pub struct Input {
    /// A recording, or made up.
    pub from: InputFrom,
    /// What it speaks.
    pub feed: FeedName,
    /// Midnight of the venue's day, ns since 1970 UTC; `None`: from the recording's own times.
    pub midnight_ns: Option<u64>,
    /// Only these lines; empty: all there are. Of a made-up session: the one it goes to; empty: the generator's own.
    pub lines: Vec<LineKey>,
    /// At most so many datagrams.
    pub datagrams: Option<u64>,
    /// At most so much recorded time.
    pub recorded: Option<Duration>,
}

/// Where datagrams come from.
#[derive(Clone, Debug)]
pub enum InputFrom {
    /// A capture or day file.
    File(PathBuf),
    /// A made-up session.
    Generated {
        /// Messages.
        messages: u64,
        /// Symbols.
        symbols: u16,
        /// Another one is another day.
        seed: u64,
        /// Most messages in a datagram.
        messages_per_packet: u16,
    },
}

/// Where datagrams go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// From memory into a lane of this process.
    InProcess,
    /// Over a pair of interfaces that it makes itself, between two namespaces.
    Veth,
    /// Out of one interface of this host and in by another.
    Interfaces {
        /// Where they go out.
        from: String,
        /// Where they come in.
        to: String,
    },
}

/// One way of receiving, or one program, to be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// The pipeline of this binary in process.
    InProcess,
    /// A handler of this binary, received or configured in this way.
    Handler(Setup),
    /// The same as the first candidate, by another binary.
    Binary(PathBuf),
}

/// Time wasted on purpose, so that a sceptic can see it in the result. All 0 by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wasted {
    /// In each stage of each stamped datagram, ns.
    pub stages_ns: [u64; Stage::COUNT],
    /// By the consumer before it looks at a sample, ns.
    pub seen_ns: u64,
    /// By the sender, once, in the middle of the run, ns.
    pub sender_ns: u64,
}

impl Wasted {
    /// Where, by name, and how much, ns; only where there is any.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let stages = Stage::ALL.into_iter().zip(self.stages_ns).map(|(stage, ns)| (stage.name(), ns));
        stages.chain([("seen", self.seen_ns), ("sender", self.sender_ns)]).filter(|&(_, ns)| ns > 0)
    }
}

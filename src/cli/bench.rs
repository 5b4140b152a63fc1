//! `tickwire bench`: what latency this host gives, where it goes, and whether a change made it better.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::bench_progress::Shown;
use super::bench_results::ResultArgs;
use super::{say, values};
use crate::bench::Pace;
use crate::bench::config::{BenchConfig, Candidate, Input, InputFrom, Wasted, Way};
use crate::bench::handler::{Receive, Setup, destination};
use crate::bench::on_wire::GivenCores;
use crate::bench::results::json;
use crate::bench::run::{Check, Ran};
use crate::bench::sender::Via;
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::record::{Schema, Stage};
use crate::source::lines::LineKey;
use crate::sys::signals;

/// Replays a capture, a day file or a made-up day through the pipeline that runs live, and times every datagram from when it was due.
///
/// In process, the datagrams go from memory into a lane of this process. On the wire (--veth, or --from and --to), they are sent as frames and
/// received by a handler process; the time ends when a consumer has read the records.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// A capture (pcap, pcapng, also .gz) or day file, which --feed names; or --generate makes a session up
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Show this result again, which --json wrote, instead of running
    #[arg(long, value_name = "RESULT.json", conflicts_with_all = ["file", "WorkloadArgs", "WayArgs", "MeasuringArgs"])]
    show: Option<PathBuf>,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    way: WayArgs,
    #[command(flatten)]
    measuring: MeasuringArgs,
    #[command(flatten)]
    results: ResultArgs,
}

/// What fits between the opening of a trading day and its end, 10 µs apart.
const MOST_MADE_UP: u64 = 2_000_000_000;

#[derive(Debug, Args)]
#[command(next_help_heading = "What is replayed")]
struct WorkloadArgs {
    /// What it speaks: nasdaq-itch, bx-itch, psx-itch, iex-tops, iex-deep [default, of a made-up session: nasdaq-itch]
    #[arg(long, value_parser = values::feed)]
    feed: Option<FeedName>,
    /// Make up a session of so many messages
    #[arg(long, value_name = "MESSAGES", conflicts_with = "file", value_parser = clap::value_parser!(u64).range(1..=MOST_MADE_UP))]
    generate: Option<u64>,
    /// Made up: symbols listed
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "file")]
    symbols: u16,
    /// Made up: another seed is another session
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "file")]
    seed: u64,
    /// Made up: most messages in a datagram
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000), conflicts_with = "file")]
    messages_per_packet: u16,
    /// Trading day in New York; a capture has its own, a day file has none
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    date: Option<VenueDate>,
    /// Only this line of a capture (repeat) [default: all]; where a day file or a made-up session goes [default: 239.192.1.1:26400; made up
    /// for a configuration (--source FILE.toml): line A of its first ITCH channel]
    #[arg(long, value_name = "GROUP:PORT", value_parser = values::line)]
    line: Vec<LineKey>,
    /// At most so many datagrams
    #[arg(long, value_name = "DATAGRAMS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// At most so much recorded time
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    recorded_s: Option<u64>,
    /// When datagrams are due: 1x (as recorded), 10x, 0.5x, 50000/s, 64@1ms (bursts), or max [default: 10000/s made up, 1x from a file]
    #[arg(long)]
    pace: Option<Pace>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Where it goes")]
struct WayArgs {
    /// On the wire: over a veth pair between two network namespaces that are made for it
    #[arg(long, conflicts_with_all = ["from", "to"])]
    veth: bool,
    /// On the wire: out of this interface (a test network: exchanges' groups must not be sent to on a production one)
    #[arg(long, value_name = "INTERFACE", requires = "to")]
    from: Option<String>,
    /// On the wire: in by this interface of this host, joined to the other by a cable
    #[arg(long, value_name = "INTERFACE", requires = "from")]
    to: Option<String>,
    /// On the wire: how it is sent; what does not work falls back to the next [default: xdp]
    #[arg(long, value_enum)]
    via: Option<ViaName>,
    /// On the wire: how it is received (xdp, xdp-skb, udp, udp-io-uring, udp-blocking), or the handler's configuration [default: xdp]
    #[arg(long, value_name = "WAY|FILE.toml", value_parser = setup)]
    source: Option<Setup>,
    /// On the wire: compare with another way of receiving or another configuration (repeat)
    #[arg(long, value_name = "WAY|FILE.toml", value_parser = setup)]
    vs: Vec<Setup>,
    /// Compare with another build of this program
    #[arg(long, value_name = "PROGRAM")]
    vs_binary: Option<PathBuf>,
    /// Schemas to publish, where no configuration says so (repeat, or separate by commas) [default: mbo,mbp-1,trades,status, as the feed has them]
    #[arg(long, value_name = "SCHEMA", value_parser = values::schema, value_delimiter = ',')]
    schemas: Vec<Schema>,
    /// Slots of each ring, a power of two
    #[arg(long, value_name = "SLOTS", default_value_t = 1 << 18, value_parser = values::ring_depth)]
    ring_depth: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How it is measured")]
struct MeasuringArgs {
    /// Rounds of each, in turn [default: 1, or 5 in a comparison]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// Leave so much of the beginning of each round out of the histograms [default: 500, or a quarter of a shorter schedule than 2 s]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(..=86_400_000))]
    warm_up_ms: Option<u64>,
    /// One datagram in so many is followed to the consumer; 0: none
    #[arg(long, value_name = "N", default_value_t = 4)]
    latency_every: u32,
    /// One datagram in so many has its stages stamped, which slows that one; 0: none
    #[arg(long, value_name = "N", default_value_t = 64)]
    stages_every: u32,
    /// Core of the sender, on the wire
    #[arg(long, value_name = "CORE")]
    sender_core: Option<usize>,
    /// Core of the lane
    #[arg(long, value_name = "CORE")]
    lane_core: Option<usize>,
    /// Core of the consumer
    #[arg(long, value_name = "CORE")]
    consumer_core: Option<usize>,
    /// A datagram that leaves (in process: that the lane takes up) later than that after it was due is late; more than 1 in 100: the sender
    /// (the lane) fell behind [default: 100 on the wire, 1000 in process]
    #[arg(long, value_name = "US", value_parser = clap::value_parser!(u64).range(1..))]
    late_limit_us: Option<u64>,
    /// Waste time on purpose, to see that it shows: STAGE=US (receive, arbitrate, decode, book, publish; in process) for each stamped datagram,
    /// seen=US for each sample, or sender=US once in the middle of the run; repeat
    #[arg(long, value_name = "WHERE=US", value_parser = waste)]
    waste: Vec<(Place, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ViaName {
    /// Frames by AF_XDP
    Xdp,
    /// Frames through a packet socket
    Frames,
    /// Payloads through UDP sockets
    Udp,
}

impl From<ViaName> for Via {
    fn from(name: ViaName) -> Self {
        match name {
            ViaName::Xdp => Self::Xdp,
            ViaName::Frames => Self::Frames,
            ViaName::Udp => Self::Udp,
        }
    }
}

/// Where time is wasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Stage(Stage),
    Seen,
    Sender,
}

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.name(),
            Self::Seen => "seen",
            Self::Sender => "sender",
        }
    }
}

fn setup(text: &str) -> Result<Setup, String> {
    Setup::parse(text).map_err(|error| format!("{}; {}", error.why, error.cure))
}

fn waste(text: &str) -> Result<(Place, u64), String> {
    let places = || format!("`{text}`: say {}, seen or sender, and microseconds, as in book=50", Stage::ALL.map(Stage::name).join(", "));
    let (place, us) = text.split_once('=').ok_or_else(places)?;
    let place = match place {
        "seen" => Place::Seen,
        "sender" => Place::Sender,
        name => Place::Stage(Stage::ALL.into_iter().find(|stage| stage.name() == name).ok_or_else(places)?),
    };
    let us: u64 = us.parse().ok().filter(|us| (1..=10_000_000).contains(us)).ok_or_else(places)?;
    Ok((place, us * 1_000))
}

impl BenchArgs {
    /// As meant, with what depends on other options filled in.
    fn config(&self) -> Result<BenchConfig, Error> {
        let Self { file, workload, way, measuring, .. } = self;
        let made_up = |messages| InputFrom::Generated {
            messages,
            symbols: workload.symbols,
            seed: workload.seed,
            messages_per_packet: workload.messages_per_packet,
        };
        let no_file = |what: &str, why: &str, cure: &str| Err(Error::new(Exit::Usage, what, why, cure));
        let mut lines = workload.line.clone();
        let (from, feed) = match (file, workload.generate, workload.feed) {
            (Some(file), _, Some(feed)) => (InputFrom::File(file.clone()), feed),
            (Some(_), _, None) => return no_file("--feed", "nobody said what the file speaks", "name its feed, as in --feed nasdaq-itch"),
            (None, Some(messages), feed) => {
                let own = way.source.iter().chain(&way.vs).find_map(|setup| if let Setup::File(path) = setup { Some(path) } else { None });
                let goes = own.map(|path| destination(path, feed, lines.first().copied())).transpose()?;
                lines.extend(goes.map(|(_, line)| line).filter(|_| lines.is_empty()));
                (made_up(messages), goes.map(|(feed, _)| feed).or(feed).unwrap_or(FeedName::NasdaqItch))
            }
            (None, None, _) => {
                return no_file(
                    "bench",
                    "there is nothing to replay",
                    "name a FILE and its --feed, or make a session up with --generate 500000",
                );
            }
        };
        let pace = workload.pace.unwrap_or(if file.is_some() { Pace::Recorded(1.0) } else { Pace::Rate(10_000.0) });
        let midnight_ns = workload.date.map(VenueDate::midnight_ns).transpose();
        self.check_that_all_is_used(pace)?;
        let is_wired = way.way() != Way::InProcess;
        let source = || way.source.clone().unwrap_or(Setup::Receive(Receive::Xdp));
        let first = if is_wired { Candidate::Handler(source()) } else { Candidate::InProcess };
        let others = way.vs.iter().cloned().map(Candidate::Handler).chain(way.vs_binary.iter().cloned().map(Candidate::Binary));
        let candidates: Vec<Candidate> = std::iter::once(first).chain(others).collect();
        let mut wasted = Wasted::default();
        for &(place, ns) in &measuring.waste {
            match place {
                Place::Stage(stage) => wasted.stages_ns[stage as usize] = ns,
                Place::Seen => wasted.seen_ns = ns,
                Place::Sender => wasted.sender_ns = ns,
            }
        }
        Ok(BenchConfig {
            command: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "),
            pace,
            input: Input {
                from,
                feed,
                midnight_ns: midnight_ns.map_err(|error| Error::new(Exit::Usage, "--date", error, ""))?,
                lines,
                datagrams: workload.limit,
                recorded: workload.recorded_s.map(Duration::from_secs),
            },
            way: way.way(),
            ways: way.ways(),
            rounds: measuring.rounds.unwrap_or(if candidates.len() > 1 { 5 } else { 1 }),
            candidates,
            warm_up: measuring.warm_up_ms.map(Duration::from_millis),
            latency_every: measuring.latency_every,
            stages_every: measuring.stages_every,
            cores: GivenCores { sender: measuring.sender_core, lane: measuring.lane_core, consumer: measuring.consumer_core },
            // In process the limit is far longer than a full batch takes, so that one burst is not called a lane that cannot keep up.
            late_limit: Duration::from_micros(measuring.late_limit_us.unwrap_or(if is_wired { 100 } else { 1_000 })),
            schemas: way.schemas.clone(),
            ring_depth: way.ring_depth,
            wasted,
        })
    }
}

impl BenchArgs {
    /// Refuses what would be ignored: whoever asked for it would believe a result that is not of it.
    fn check_that_all_is_used(&self, pace: Pace) -> Result<(), Error> {
        let Self { workload, way, measuring, .. } = self;
        let unused = |option: &str, why: &str, cure: &str| Err(Error::new(Exit::Usage, option, why, cure));
        if way.way() == Way::InProcess {
            let given = [("--source", way.source.is_some()), ("--vs", !way.vs.is_empty()), ("--via", way.via.is_some())];
            if let Some((option, _)) = given.into_iter().find(|&(_, given)| given) {
                return unused(option, "a way of sending or receiving is measured on the wire, and this run is in process", WIRED);
            }
            if measuring.sender_core.is_some() {
                return unused("--sender-core", "nobody sends in process: the lane reads from memory", "name its core with --lane-core");
            }
        }
        if let Some(line) = workload.line.iter().find(|line| workload.generate.is_some() && !line.group.is_multicast()) {
            let why = "a made-up session goes to a multicast group, as a venue's does";
            return unused(&format!("--line {line}"), why, "take one from 239.0.0.0/8");
        }
        if workload.generate.is_some() && workload.line.len() > 1 {
            return unused("--line", "a made-up session goes to one line, and several are named", "name one");
        }
        if pace == Pace::Max && measuring.late_limit_us.is_some() {
            return unused("--late-limit-us", "as fast as it goes nothing is due, so nothing is late", "choose another --pace");
        }
        for &(place, ns) in &measuring.waste {
            if measuring.waste.iter().filter(|(other, _)| *other == place).count() > 1 {
                let option = format!("--waste {}", place.name());
                return unused(&option, "it is said more than once, and time is wasted once in each place", "say it once");
            }
            let Place::Stage(stage) = place else { continue };
            let option = format!("--waste {}={}", stage.name(), ns / 1_000);
            if way.way() != Way::InProcess {
                return unused(&option, "the handler of a run on the wire wastes nothing in its stages", "run it in process");
            }
            if measuring.stages_every == 0 {
                return unused(&option, "no datagram is stamped, and only stamped ones waste time", "leave out --stages-every 0");
            }
        }
        Ok(())
    }
}

/// How to go on the wire.
const WIRED: &str = "add --veth, or --from and --to";

impl WayArgs {
    /// The way that was asked for, and those with fewer demands.
    fn ways(&self) -> Vec<Via> {
        let first = self.via.map_or(Via::Xdp, Via::from);
        Via::ALL.into_iter().skip_while(|&via| via != first).collect()
    }

    fn way(&self) -> Way {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => Way::Interfaces { from: from.clone(), to: to.clone() },
            _ if self.veth => Way::Veth,
            _ => Way::InProcess,
        }
    }
}

pub(super) fn run(args: &BenchArgs) -> Result<(), Error> {
    let _ = signals::install();
    // A connection that breaks is no reason to throw away what was measured.
    let _ = signals::stop_on_hang_up();
    let outputs = args.results.open(args.show.as_deref().or(args.file.as_deref()))?;
    if let Some(shown) = &args.show {
        return outputs.give(&json::open(shown)?);
    }
    let Ran { result, failed } = measured(&args.config()?, &|frame| outputs.check(frame))?;
    let given = outputs.give(&result);
    if let Some(error) = failed {
        // Why it ended matters more than what is wrong with what it gave; both are said.
        if let Err(also) = given {
            say(&format!("tickwire: {also}"));
        }
        return Err(error);
    }
    given?;
    let in_vain = result.variants.iter().find(|variant| variant.counts.nothing_came());
    match in_vain {
        _ if result.stopped => Err(Error::new(Exit::Failed, "stopped before its end", "a signal came; the results are those so far", "")),
        Some(variant) => {
            let cure = "see what its result says of drops, of the interfaces and of the feed";
            Err(Error::new(Exit::Failed, variant.label.clone(), "datagrams were sent, and no message of them was delivered", cure))
        }
        None => Ok(()),
    }
}

/// Runs it, and shows how far it is.
fn measured(config: &BenchConfig, check: &Check<'_>) -> Result<Ran, Error> {
    let mut shown = Shown::new();
    let ran = crate::bench::run::run(config, &signals::stop_requested, &mut |news| shown.tell(news), check);
    shown.clear();
    ran
}

//! A benchmark from its configuration to its result.

use std::sync::Arc;
use std::time::Duration;

use super::config::{BenchConfig, Candidate, InputFrom, Wasted, Way};
use super::folder::MEMORY;
use super::host::{CoresUsed, HostFacts};
use super::in_process::{InProcess, InProcessConfig};
use super::on_wire::{OnWire, OnWireConfig, Wire};
use super::results::{BenchResult, Variant, lost};
use super::schedule::Schedule;
use super::second_binary::{SecondBinary, SecondBinaryConfig};
use super::sender::{SenderConfig, Stall};
use super::workload::{Limit, Selection, Workload};
use super::{Control, Measure, Pace, Progress, Runner, host, results, rounds};
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::generate::{CaptureConfig, GenerateConfig, Style};
use crate::lane::Sampling;
use crate::lane::stages::Injected;
use crate::sys::tsc;
use crate::time::SharedCourse;

/// When a made-up session begins: 09:30, ns from midnight.
const OPEN_NS: u64 = 34_200_000_000_000;
/// And how far its messages are apart, recorded: 100,000 a second.
const MEAN_NS: u64 = 10_000;

/// What the work is at, and how far: `total` 0 where that is not known.
pub type Tell<'a> = dyn FnMut(&str, Progress) + 'a;

/// Says whether it is worth going on, when all is known but what is measured.
pub type Check<'a> = dyn Fn(&BenchResult) -> Result<(), Error> + 'a;

/// Runs a benchmark. Stopped early, it gives the results so far.
///
/// # Errors
/// It cannot be run, or `check` says that it should not be.
pub fn run(config: &BenchConfig, stop: &dyn Fn() -> bool, tell: &mut Tell<'_>, check: &Check<'_>) -> Result<BenchResult, Error> {
    let began_ns = tsc::realtime_ns();
    let workload = Arc::new(load(config, &mut Control { stop, progress: &mut |progress| tell("reading", progress) })?);
    if stop() {
        return Err(Error::new(Exit::Failed, "stopped before anything was measured", "a signal came while the workload was read", ""));
    }
    let schedule = Arc::new(Schedule::new(&workload, config.pace));
    let mut result = BenchResult {
        command: config.command.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        began_ns,
        workload: workload.what.clone(),
        datagrams: workload.packets.len() as u64,
        messages: workload.messages(),
        pace: config.pace.to_string(),
        way: way(&config.way),
        settings: settings(config),
        rounds: config.rounds,
        headline: Measure::ReceivedToPublished,
        host: HostFacts::default(),
        checks: Vec::new(),
        variants: Vec::new(),
        stopped: false,
        remarks: workload.remarks.clone(),
    };
    check(&result)?;
    if config.wasted != Wasted::default() {
        result.remarks.push(format!("time was wasted on purpose, so this is no measurement: {}", wasted(&config.wasted)));
    }
    if config.pace != Pace::Max && !config.warm_up.is_zero() && schedule.end_ns() <= nanos(config.warm_up) {
        let (end_ms, warm_up_ms) = (schedule.end_ns() / 1_000_000, config.warm_up.as_millis());
        result.remarks.push(format!("all of it is warm-up ({warm_up_ms} ms of {end_ms} ms): say --warm-up-ms 0, or run longer"));
    }
    let (mut runners, cores) = runners(config, &workload, &schedule)?;
    let interfaces = match &config.way {
        Way::Interfaces { from, to } => vec![from.clone(), to.clone()],
        Way::InProcess | Way::Veth => Vec::new(),
    };
    (result.host, result.checks) = (HostFacts::read(&cores), host::checks(&cores, &interfaces));
    let mut now = String::new();
    let total = config.rounds;
    let told = std::cell::RefCell::new((&mut now, tell));
    let mut control = Control {
        stop,
        progress: &mut |progress| {
            let (now, tell) = &mut *told.borrow_mut();
            tell(now, progress);
        },
    };
    result.variants = rounds::compare(&mut runners, config.rounds, &mut control, &mut |round, label| {
        *told.borrow_mut().0 = format!("{label}, round {} of {total}", round + 1);
    })?;
    results::tell_apart(&mut result.variants);
    result.headline = headline(config.pace, &result.variants);
    result.stopped = stop();
    Ok(result)
}

/// The last time that everybody has from the earliest moment there is, and has of nearly all samples.
fn headline(pace: Pace, variants: &[Variant]) -> Measure {
    if pace == Pace::Max {
        return Measure::ReceivedToPublished;
    }
    let has = |variant: &Variant, measure| !variant.measures.get(measure).is_empty() && !lost::is_spoilt(variant, measure);
    let all_have = |measure: &Measure| variants.iter().all(|variant| has(variant, *measure));
    [Measure::DueToSeen, Measure::DueToPublished].into_iter().find(all_have).unwrap_or(Measure::DueToPublished)
}

fn way(way: &Way) -> String {
    match way {
        Way::InProcess => "in process, from memory".into(),
        Way::Veth => "on the wire: a veth pair between two network namespaces".into(),
        Way::Interfaces { from, to } => format!("on the wire: out of {from}, in by {to}"),
    }
}

/// What shapes the figures besides workload, pace and way.
fn settings(config: &BenchConfig) -> String {
    let schemas: Vec<&str> = config.schemas.iter().map(|schema| schema.name()).collect();
    let schemas = if schemas.is_empty() { "the usual schemas".to_owned() } else { schemas.join(", ") };
    let mut settings = format!(
        "{schemas}; rings of {} slots; warm-up {} ms; one datagram in {} followed, one in {} stamped",
        config.ring_depth,
        config.warm_up.as_millis(),
        config.latency_every,
        config.stages_every,
    );
    if config.wasted != Wasted::default() {
        settings += &format!("; wasted: {}", wasted(&config.wasted));
    }
    settings
}

/// `book 50 µs, seen 5 µs`.
fn wasted(wasted: &Wasted) -> String {
    let places = wasted.places().map(|(place, ns)| format!("{place} {} µs", ns / 1_000));
    places.collect::<Vec<_>>().join(", ")
}

fn load(config: &BenchConfig, control: &mut Control<'_>) -> Result<Workload, Error> {
    let input = &config.input;
    let limit = Limit { datagrams: input.datagrams, recorded: input.recorded, memory_bytes: None };
    match &input.from {
        InputFrom::File(path) => {
            let selection = Selection { feed: input.feed, lines: input.lines.clone(), midnight_ns: input.midnight_ns, limit };
            Workload::recorded(path, &selection, control)
        }
        &InputFrom::Generated { messages, symbols, seed, messages_per_packet } => {
            let calendar = |error| Error::new(Exit::Failed, "the date", error, "say one with --date");
            let today = || VenueDate::at(tsc::realtime_ns()).and_then(VenueDate::midnight_ns).map_err(calendar);
            let midnight_ns = input.midnight_ns.map_or_else(today, Ok)?;
            let day = GenerateConfig::steady(seed, messages, symbols, midnight_ns, midnight_ns + OPEN_NS, MEAN_NS);
            let day = GenerateConfig { style: style(input.feed)?, ..day };
            let coalesce_ns = 2 * MEAN_NS * u64::from(messages_per_packet);
            let mut capture = CaptureConfig { messages_per_packet, coalesce_ns, ..CaptureConfig::default() };
            capture.lines.truncate(1);
            Workload::made_up(&day, &capture, limit, control)
        }
    }
}

/// Whose day is made up.
fn style(feed: FeedName) -> Result<Style, Error> {
    match feed {
        FeedName::NasdaqItch => Ok(Style::Nasdaq),
        FeedName::BxItch => Ok(Style::Bx),
        FeedName::PsxItch => Ok(Style::Psx),
        FeedName::IexTops | FeedName::IexDeep => {
            let cure = "make up nasdaq-itch, bx-itch or psx-itch, or replay a capture";
            Err(Error::new(Exit::Usage, format!("--feed {feed}"), "sessions of this feed cannot be made up", cure))
        }
    }
}

/// Everything that is to be measured, and the cores of the first.
fn runners(config: &BenchConfig, workload: &Arc<Workload>, schedule: &Arc<Schedule>) -> Result<(Vec<Box<dyn Runner>>, CoresUsed), Error> {
    let mut runners: Vec<Box<dyn Runner>> = Vec::new();
    let mut cores = None;
    let wired = match &config.way {
        Way::InProcess => None,
        Way::Veth => Some(Wire::veth()?),
        Way::Interfaces { from, to } => Some(Wire::between(from, to)?),
    };
    let wired = wired.map(|wire| on_wire(config, workload, schedule, wire));
    for candidate in &config.candidates {
        match (candidate, &wired) {
            (Candidate::InProcess, _) => {
                let runner = InProcess::new(in_process(config, workload, schedule))?;
                let (lane, consumer) = runner.cores();
                let number = |core: usize| core as u32;
                cores.get_or_insert(CoresUsed { sender: None, lane: number(lane), consumer: consumer.map(number) });
                runners.push(Box::new(runner));
            }
            (Candidate::Handler(setup), Some(wired)) => {
                let runner = OnWire::new(wired.with_setup(setup.clone()))?;
                cores.get_or_insert(cores_used(&runner));
                runners.push(Box::new(runner));
            }
            (Candidate::Binary(binary), Some(wired)) => {
                // The same as the first, but for the program.
                let first =
                    config.candidates.iter().find_map(|first| if let Candidate::Handler(setup) = first { Some(setup) } else { None });
                let same = first.map_or_else(|| wired.clone(), |setup| wired.with_setup(setup.clone()));
                let label = binary.display().to_string();
                runners.push(Box::new(OnWire::new(OnWireConfig { label, binary: binary.clone(), ..same })?));
            }
            (Candidate::Binary(binary), None) => runners.push(Box::new(SecondBinary(SecondBinaryConfig {
                label: binary.display().to_string(),
                binary: binary.clone(),
                arguments: config.in_process_arguments()?,
                memory: MEMORY.into(),
            }))),
            (Candidate::Handler(_), None) => {
                let why = "a way of receiving is compared on the wire, and this run is in process";
                return Err(Error::new(Exit::Usage, "--vs", why, "add --veth, or --from and --to"));
            }
        }
    }
    Ok((runners, cores.unwrap_or_default()))
}

fn cores_used(runner: &OnWire) -> CoresUsed {
    let cores = runner.cores();
    CoresUsed { sender: Some(cores.sender as u32), lane: cores.lane as u32, consumer: cores.consumer.map(|core| core as u32) }
}

fn on_wire(config: &BenchConfig, workload: &Arc<Workload>, schedule: &Arc<Schedule>, wire: Wire) -> OnWireConfig {
    OnWireConfig {
        cores: config.cores,
        ways: config.ways.clone(),
        sender: SenderConfig { late_above: config.late_limit, stall: stall(config, workload), ..SenderConfig::default() },
        warm_up_ns: nanos(config.warm_up),
        seen_delay_ns: config.wasted.seen_ns,
        latency_every: config.latency_every,
        stages_every: config.stages_every,
        schemas: config.schemas.clone(),
        depth: Some(config.ring_depth),
        ..OnWireConfig::new(workload.clone(), schedule.clone(), Arc::new(wire), SharedCourse::measure())
    }
}

fn in_process(config: &BenchConfig, workload: &Arc<Workload>, schedule: &Arc<Schedule>) -> InProcessConfig {
    let wasted = config.wasted;
    let injected = wasted.stages_ns.iter().any(|&ns| ns > 0).then_some(Injected(wasted.stages_ns));
    InProcessConfig {
        warm_up_ns: nanos(config.warm_up),
        lane_core: config.cores.lane,
        consumer_core: config.cores.consumer,
        schemas: config.schemas.clone(),
        depth: Some(config.ring_depth),
        sampling: Sampling { latency_every: config.latency_every, stages_every: config.stages_every, injected },
        seen_delay_ns: wasted.seen_ns,
        late_above: config.late_limit,
        stall: stall(config, workload),
        ..InProcessConfig::new("in process", workload.clone(), schedule.clone())
    }
}

/// In the middle of the run.
fn stall(config: &BenchConfig, workload: &Workload) -> Option<Stall> {
    let for_ = Duration::from_nanos(config.wasted.sender_ns);
    (!for_.is_zero()).then_some(Stall { after_datagrams: workload.packets.len() as u64 / 2, for_ })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

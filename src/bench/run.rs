//! A benchmark from its configuration to its result.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::config::{BenchConfig, Candidate, InputFrom, WARM_UP, Wasted, Way};
use super::folder::MEMORY;
use super::host::{CoresUsed, HostFacts};
use super::in_process::{InProcess, InProcessConfig};
use super::news::{News, Plan};
use super::on_wire::{OnWire, OnWireConfig, Wire};
use super::results::{BenchResult, Variant, lost};
use super::rounds::Compared;
use super::schedule::Schedule;
use super::second_binary::{SecondBinary, SecondBinaryConfig};
use super::sender::{SenderConfig, Stall};
use super::workload::{Limit, Selection, Workload};
use super::{Control, Measure, Pace, Runner, folder, host, results, rounds};
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

/// Who is told.
pub type Tell<'a> = dyn FnMut(News<'_>) + 'a;

/// Says whether it is worth going on, when all is known but what is measured.
pub type Check<'a> = dyn Fn(&BenchResult) -> Result<(), Error> + 'a;

/// What a run gave.
#[derive(Debug)]
pub struct Ran {
    /// Its result, or that of the rounds before it ended early.
    pub result: BenchResult,
    /// What ended it early, other than somebody who stopped it.
    pub failed: Option<Error>,
}

/// Runs a benchmark. Stopped early, or where a later round fails, it gives the results so far.
///
/// # Errors
/// It cannot be run, or `check` says that it should not be, or nothing was measured before it failed.
pub fn run(config: &BenchConfig, stop: &dyn Fn() -> bool, tell: &mut Tell<'_>, check: &Check<'_>) -> Result<Ran, Error> {
    let began_ns = tsc::realtime_ns();
    let left_behind = folder::remove_left_behind(Path::new(MEMORY));
    let workload = Arc::new(load(config, &mut Control { stop, progress: &mut |progress| tell(News::Reads(progress)) })?);
    if stop() {
        return Err(stopped_while("the workload was read"));
    }
    let schedule = Arc::new(Schedule::new(&workload, config.pace));
    let asked = config.warm_up;
    let warm_up = config.warm_up(Duration::from_nanos(schedule.end_ns()))?;
    let config = &BenchConfig { warm_up: Some(warm_up), ..config.clone() };
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
    if !left_behind.is_empty() {
        result.remarks.push(format!("removed what a run that was killed had left in memory: {}", left_behind.join(", ")));
    }
    if config.wasted != Wasted::default() {
        result.remarks.push(format!("time was wasted on purpose, so this is no measurement: {}", wasted(&config.wasted)));
    }
    if asked.is_none() && warm_up < WARM_UP {
        let (end_ms, warm_up_ms) = (schedule.end_ns() / 1_000_000, warm_up.as_millis());
        result
            .remarks
            .push(format!("a round lasts {end_ms} ms only, so its warm-up is {warm_up_ms} ms instead of {} ms", WARM_UP.as_millis()));
    }
    let (mut runners, cores) = runners(config, &workload, &schedule, stop)?;
    // Not before they are there: what is refused lasts no time.
    tell(News::Plan(&Plan {
        schedule: (config.pace != Pace::Max).then(|| Duration::from_nanos(schedule.end_ns())),
        datagrams: result.datagrams,
        rounds: config.rounds,
        variants: config.candidates.len() as u32,
    }));
    let interfaces = match &config.way {
        Way::Interfaces { from, to } => vec![from.clone(), to.clone()],
        Way::InProcess | Way::Veth => Vec::new(),
    };
    (result.host, result.checks) = (HostFacts::read(&cores), host::checks(&cores, &interfaces));
    let tell = RefCell::new(tell);
    let mut control = Control { stop, progress: &mut |progress| (*tell.borrow_mut())(News::At(progress)) };
    let Compared { variants, failed } = rounds::compare(&mut runners, config.rounds, &mut control, &mut |news| (*tell.borrow_mut())(news))?;
    result.variants = variants;
    results::tell_apart(&mut result.variants);
    result.headline = headline(config.pace, &result.variants);
    result.stopped = stop() || failed.is_some();
    if let Some(error) = &failed {
        result.remarks.push(format!("it ended early: {}: {}", error.what, error.why));
    }
    Ok(Ran { result, failed })
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
        warm_up(config).as_millis(),
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
            if let (Some(line), Some(goes)) = (capture.lines.first_mut(), input.lines.first()) {
                (line.group, line.port) = (goes.group, goes.port);
            }
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

/// Somebody stopped it too early for results.
fn stopped_while(what: &str) -> Error {
    Error::new(Exit::Failed, "stopped before anything was measured", format!("a signal came while {what}"), "")
}

/// Everything that is to be measured, and the cores of the first.
fn runners(
    config: &BenchConfig,
    workload: &Arc<Workload>,
    schedule: &Arc<Schedule>,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Box<dyn Runner>>, CoresUsed), Error> {
    let mut runners: Vec<Box<dyn Runner>> = Vec::new();
    let mut cores = None;
    let wired = match &config.way {
        Way::InProcess => None,
        Way::Veth => Some(Wire::veth()?),
        Way::Interfaces { from, to } => Some(Wire::between(from, to)?),
    };
    let wired = match wired {
        None => None,
        Some(wire) => {
            let course = SharedCourse::measure_unless(stop).ok_or_else(|| stopped_while("the clock's rate was measured"))?;
            Some(on_wire(config, workload, schedule, wire, course))
        }
    };
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
                within: patience(config, workload, schedule),
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

fn on_wire(config: &BenchConfig, workload: &Arc<Workload>, schedule: &Arc<Schedule>, wire: Wire, course: SharedCourse) -> OnWireConfig {
    OnWireConfig {
        cores: config.cores,
        ways: config.ways.clone(),
        sender: SenderConfig { late_above: config.late_limit, stall: stall(config, workload), ..SenderConfig::default() },
        warm_up_ns: nanos(warm_up(config)),
        seen_delay_ns: config.wasted.seen_ns,
        latency_every: config.latency_every,
        stages_every: config.stages_every,
        schemas: config.schemas.clone(),
        depth: Some(config.ring_depth),
        ..OnWireConfig::new(workload.clone(), schedule.clone(), Arc::new(wire), course)
    }
}

fn in_process(config: &BenchConfig, workload: &Arc<Workload>, schedule: &Arc<Schedule>) -> InProcessConfig {
    let wasted = config.wasted;
    let injected = wasted.stages_ns.iter().any(|&ns| ns > 0).then_some(Injected(wasted.stages_ns));
    InProcessConfig {
        warm_up_ns: nanos(warm_up(config)),
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

/// How long another build may take over a round, which reads or makes up its workload anew: nothing that works takes half as long.
fn patience(config: &BenchConfig, workload: &Workload, schedule: &Schedule) -> Duration {
    const COME_UP: Duration = Duration::from_secs(60);
    // To be read, and to be taken as fast as it goes.
    const DATAGRAM_NS: u64 = 200_000;
    let datagrams = workload.packets.len() as u64;
    let stamped = datagrams / u64::from(config.stages_every.max(1));
    let wasted_ns = config.wasted.places().fold(0_u64, |sum, (_, ns)| sum.saturating_add(ns)).saturating_mul(stamped.max(1));
    let ns = schedule.end_ns().saturating_mul(2).saturating_add(datagrams.saturating_mul(DATAGRAM_NS)).saturating_add(wasted_ns);
    COME_UP.saturating_add(Duration::from_nanos(ns))
}

/// In the middle of the run.
fn stall(config: &BenchConfig, workload: &Workload) -> Option<Stall> {
    let for_ = Duration::from_nanos(config.wasted.sender_ns);
    (!for_.is_zero()).then_some(Stall { after_datagrams: workload.packets.len() as u64 / 2, for_ })
}

/// Of a run whose schedule is known, when it has been decided.
fn warm_up(config: &BenchConfig) -> Duration {
    config.warm_up.unwrap_or(WARM_UP)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

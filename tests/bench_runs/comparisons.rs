//! Rounds in turns: in which order, what is added up, and what is left when somebody stops them.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tickwire::bench::handler::{Receive, Setup};
use tickwire::bench::in_process::{InProcess, InProcessConfig};
use tickwire::bench::news::News;
use tickwire::bench::on_wire::OnWire;
use tickwire::bench::results::json;
use tickwire::bench::results::{BenchResult, Variant};
use tickwire::bench::rounds::{Compared, compare};
use tickwire::bench::second_binary::{SecondBinary, SecondBinaryConfig};
use tickwire::bench::{Control, Counts, Measure, Pace, Progress, Round, Runner};
use tickwire::error::{Error, Exit};

use super::kernel;
use super::rig::{alone, config, control, is_refusal, session, wire};

/// Tells who ran, and gives rounds made of its number.
struct Fake {
    label: &'static str,
    log: Rc<RefCell<Vec<&'static str>>>,
    fails: bool,
}

impl Runner for Fake {
    fn label(&self) -> &str {
        self.label
    }

    fn round(&mut self, control: &mut Control<'_>) -> Result<Round, Error> {
        if self.fails || (self.label == "fails later" && self.log.borrow().contains(&self.label)) {
            return Err(Error::new(Exit::Host, "on purpose", "it fails", ""));
        }
        self.log.borrow_mut().push(self.label);
        (control.progress)(Progress { done: 10, total: 100 });
        let mut round = Round::default();
        round.measures.record(Measure::DueToSeen, 1_000);
        round.counts = Counts { due: 100, sent: 100, received: 100, elapsed_ns: 1, stopped: (control.stop)(), ..Counts::default() };
        if (control.stop)() {
            round.counts.sent = 40;
        }
        Ok(round)
    }
}

/// Which runner's turn it was, in order.
type Turns = Rc<RefCell<Vec<&'static str>>>;

fn fakes(labels: [&'static str; 2]) -> (Turns, Vec<Box<dyn Runner>>) {
    let log = Rc::<RefCell<Vec<_>>>::default();
    let fake = |label| Box::new(Fake { label, log: log.clone(), fails: label == "fails" }) as Box<dyn Runner>;
    let runners = labels.map(fake).into();
    (log, runners)
}

#[test]
fn they_run_in_turns_and_the_order_is_turned_every_other_round() {
    let (log, mut runners) = fakes(["a", "b"]);
    let mut shown = Vec::new();
    let mut tell = |news: News<'_>| match news {
        News::Begins(round, label) => shown.push((round, label.to_owned())),
        // Each round's end is told with what it gave, before the next begins.
        News::Ended(round, label, done) => assert!(shown.last() == Some(&(round, label.to_owned())) && done.counts.sent == 100),
        news => panic!("{news:?}"),
    };
    let Compared { variants, failed } = compare(&mut runners, 3, &mut control(), &mut tell).unwrap();
    assert_eq!(failed, None);
    assert_eq!(*log.borrow(), ["a", "b", "b", "a", "a", "b"]);
    let labels: Vec<_> = variants.iter().map(|variant| variant.label.as_str()).collect();
    assert_eq!(labels, ["a", "b"]);
    for variant in &variants {
        assert_eq!((variant.rounds.len(), variant.counts.sent, variant.measures.get(Measure::DueToSeen).len()), (3, 300, 3));
        assert!(!variant.counts.stopped);
    }
    let begun: Vec<_> = [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")].map(|(round, label)| (round, label.to_owned())).into();
    assert_eq!(shown, begun);
}

#[test]
fn stopped_in_the_middle_there_is_what_there_is() {
    let (log, mut runners) = fakes(["a", "b"]);
    let stop = || log.borrow().len() >= 4;
    let variants = compare(&mut runners, 3, &mut Control { stop: &stop, progress: &mut |_| () }, &mut |_| ()).unwrap().variants;
    assert_eq!(*log.borrow(), ["a", "b", "b", "a"]);
    let [a, b] = &variants[..] else { panic!("{}", variants.len()) };
    assert_eq!((a.rounds.len(), a.counts.sent, a.counts.stopped), (2, 140, true));
    assert_eq!((b.rounds.len(), b.counts.sent, b.counts.stopped), (2, 200, false));
    // Before anything was sent: no round of zeros.
    struct Nothing;
    impl Runner for Nothing {
        fn label(&self) -> &str {
            "nothing"
        }
        fn round(&mut self, _: &mut Control<'_>) -> Result<Round, Error> {
            Ok(Round { counts: Counts { stopped: true, ..Counts::default() }, ..Round::default() })
        }
    }
    let mut runners: Vec<Box<dyn Runner>> = vec![Box::new(Nothing)];
    let variants = compare(&mut runners, 2, &mut control(), &mut |_| ()).unwrap().variants;
    assert!(variants[0].rounds.is_empty() && variants[0].counts.stopped);
}

#[test]
fn a_round_that_fails_before_anything_was_measured_is_the_error() {
    let (log, mut runners) = fakes(["fails", "a"]);
    let error = compare(&mut runners, 3, &mut control(), &mut |_| ()).map(|_| ()).unwrap_err();
    assert_eq!((error.exit, error.what.as_str(), log.borrow().len()), (Exit::Host, "on purpose", 0));
}

#[test]
fn a_later_round_that_fails_leaves_what_was_measured_before_it() {
    let (log, mut runners) = fakes(["a", "fails"]);
    let Compared { variants, failed } = compare(&mut runners, 3, &mut control(), &mut |_| ()).unwrap();
    assert_eq!(*log.borrow(), ["a"]);
    assert_eq!((variants[0].rounds.len(), variants[0].counts.sent, variants[1].rounds.len()), (1, 100, 0));
    let error = failed.unwrap();
    assert_eq!((error.exit, error.to_string().as_str()), (Exit::Host, "round 1 of 3, on purpose: it fails"));
    // After a good start it is no refusal of the host's any more.
    let (log, mut runners) = fakes(["a", "fails later"]);
    let Compared { variants, failed } = compare(&mut runners, 3, &mut control(), &mut |_| ()).unwrap();
    assert_eq!(*log.borrow(), ["a", "fails later"]);
    assert!(variants.iter().all(|variant| variant.rounds.len() == 1));
    assert_eq!(failed.unwrap().exit, Exit::Failed);
}

#[test]
fn two_rounds_of_af_xdp_and_of_sockets_count_the_same() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(6_000), Pace::Rate(3_000.0), &wire);
    let runner = |receive| Box::new(OnWire::new(config.with_setup(Setup::Receive(receive))).unwrap()) as Box<dyn Runner>;
    let mut runners = vec![runner(Receive::Xdp), runner(Receive::Udp)];
    let most = Cell::new(0);
    let mut progress = |at: Progress| {
        assert!(at.done <= at.total);
        most.set(at.done.max(most.get()));
    };
    let variants = match compare(&mut runners, 2, &mut Control { stop: &|| false, progress: &mut progress }, &mut |_| ()) {
        Ok(compared) => compared.variants,
        Err(error) if is_refusal(&error) => return kernel::skip(&error.to_string()),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(most.get(), config.workload.packets.len() as u64);
    let [xdp, udp] = &variants[..] else { panic!("{}", variants.len()) };
    assert_eq!((xdp.label.as_str(), udp.label.as_str()), ("xdp", "udp"));
    let told = |variant: &Variant| {
        let Counts { due, sent, received, messages, records, lost_messages, gaps, sampled, unmatched, .. } = variant.counts;
        [due, sent, received, messages, records, lost_messages, gaps, sampled, unmatched]
    };
    assert_eq!(told(xdp), told(udp));
    assert_eq!(told(xdp)[..4], [2 * config.workload.packets.len() as u64; 3].into_iter().chain([12_000]).collect::<Vec<_>>()[..]);
    for variant in &variants {
        assert_eq!(variant.rounds.len(), 2);
        assert!(variant.rounds.iter().all(|round| round.get(Measure::DueToPublished, 0).is_some()), "{:?}", variant.rounds);
        assert_eq!(variant.lateness.unwrap().sent, variant.counts.sent);
    }
    assert!(xdp.modes.iter().any(|mode| mode.contains("AF_XDP")) && udp.modes.iter().any(|mode| mode.contains("recvmmsg")));
}

#[test]
fn what_runs_in_process_and_on_the_wire_is_compared_in_one_run() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(6_000), Pace::Rate(3_000.0), &wire);
    let in_process = InProcessConfig {
        instruments: config.instruments,
        capacity: config.capacity,
        depth: config.depth,
        ..InProcessConfig::new("in-process", config.workload.clone(), config.schedule.clone())
    };
    let mut runners: Vec<Box<dyn Runner>> = vec![
        Box::new(InProcess::new(in_process).unwrap()),
        Box::new(OnWire::new(config.with_setup(Setup::Receive(Receive::Udp))).unwrap()),
    ];
    let variants = compare(&mut runners, 1, &mut control(), &mut |_| ()).unwrap().variants;
    let told: Vec<_> = variants.iter().map(|variant| (variant.counts.received, variant.counts.messages, variant.counts.records)).collect();
    assert_eq!(told[0], told[1], "datagrams, messages and records");
    // Only on the wire the cores' distance is measured.
    assert!(variants[0].rounds[0].ping_pong_ns.is_empty());
}

// ── another version of the program ──

/// A program that does with its arguments what a script says; the last one is where the result goes.
fn program(dir: &Path, script: &str) -> PathBuf {
    let path = dir.join("other-version");
    std::fs::write(&path, format!("#!/bin/sh\nfor last; do :; done\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path
}

fn second(binary: PathBuf) -> SecondBinary {
    let arguments = ["--in-process", "--rate", "5"].map(Into::into).to_vec();
    SecondBinary(SecondBinaryConfig { label: "old".into(), binary, arguments, memory: "/dev/shm".into(), within: Duration::from_secs(60) })
}

#[test]
fn another_version_runs_by_itself_and_its_result_is_read_back() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let mut round = Round { warm_up_ns: 7, modes: vec!["in process".into()], stamp_ns: 9.5, ..Round::default() };
    for ns in 1..=1_000 {
        round.measures.record(Measure::DueToSeen, ns);
    }
    round.counts =
        Counts { due: 1_000, sent: 1_000, received: 1_000, messages: 5_000, elapsed_ns: 1_000_000, sampled: 1_000, ..Counts::default() };
    let mut variant = Variant::new("in-process");
    variant.add(round);
    let result = BenchResult {
        command: "tickwire bench".into(),
        version: "0.0.1".into(),
        began_ns: 1,
        workload: "made up".into(),
        datagrams: 1_000,
        messages: 5_000,
        pace: "5/s".into(),
        settings: String::new(),
        way: "in process".into(),
        rounds: 1,
        headline: Measure::DueToSeen,
        host: Default::default(),
        checks: Vec::new(),
        variants: vec![variant.clone()],
        stopped: false,
        remarks: Vec::new(),
    };
    let prepared = dir.path().join("prepared.json");
    json::write(&result, &mut std::fs::File::create(&prepared).unwrap()).unwrap();
    let said = dir.path().join("said");
    let script = format!("echo \"$@\" >> {}\ncp {} \"$last\"", said.display(), prepared.display());
    let mut runners: Vec<Box<dyn Runner>> = vec![Box::new(second(program(dir.path(), &script)))];
    let variants = compare(&mut runners, 2, &mut control(), &mut |_| ()).unwrap().variants;
    let read = &variants[0];
    assert_eq!((read.label.as_str(), read.rounds.len(), read.counts.messages, read.warm_up_ns), ("old", 2, 10_000, 7));
    assert_eq!(read.rounds[0], variant.rounds[0]);
    assert_eq!(read.measures.get(Measure::DueToSeen).len(), 2_000);
    let said = std::fs::read_to_string(said).unwrap();
    for line in said.lines() {
        assert!(line.starts_with("bench --in-process --rate 5 --rounds 1 --json /dev/shm/tickwire-bench-"), "{line}");
    }
    assert_eq!(said.lines().count(), 2);
}

#[test]
fn another_version_that_cannot_is_named_with_what_it_said() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let fails = |script: &str| second(program(dir.path(), script)).round(&mut control()).map(|_| ()).unwrap_err();
    let said = fails("echo 'tickwire: --rate: 5 is too slow; use more' >&2; exit 2");
    assert_eq!(said.exit, Exit::Usage);
    assert!(said.to_string().contains("old, another version in process: --rate: 5 is too slow; use more"), "{said}");
    let silent = fails("exit 0");
    assert!(silent.to_string().contains("old, another version in process: it ended without an error, and without a result"), "{silent}");
    let other = fails("echo '{\"format\": \"tickwire-bench/99\"}' > \"$last\"");
    assert!(other.to_string().contains("tickwire-bench/99"), "{other}");
}

#[test]
fn another_version_that_is_stopped_without_a_result_did_not_fail_by_itself() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let up = dir.path().join("up");
    let mut runner = second(program(dir.path(), &format!("trap 'exit 5' TERM\ntouch {}\nwhile :; do sleep 0.05; done", up.display())));
    let round = runner.round(&mut Control { stop: &|| up.exists(), progress: &mut |_| () }).unwrap();
    assert!(round.counts.stopped && round.counts.sent == 0, "{:?}", round.counts);
    assert_eq!(round.remarks, ["old, another version in process: stopped, it gave no result"]);
}

#[test]
fn another_version_that_hangs_is_ended_in_bounded_time_and_that_is_said() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let mut runner = second(program(dir.path(), "echo 'working on it' >&2\nwhile :; do sleep 0.05; done"));
    runner.0.within = Duration::from_millis(1_500);
    let began = Instant::now();
    let error = runner.round(&mut control()).map(|_| ()).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let said = error.to_string();
    assert!(said.contains("old, another version in process: it gave no result within 1 s") && said.contains("and was ended"), "{said}");
    assert!(said.contains("working on it") && !said.contains("by itself ("), "{said}");
}

#[test]
fn two_builds_are_compared_in_process_from_the_command_line() {
    let _alone = alone();
    let tickwire = env!("CARGO_BIN_EXE_tickwire");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("result.json");
    let output = std::process::Command::new(tickwire)
        .args(["bench", "--generate", "8000", "--symbols", "40", "--pace", "20@10ms", "--warm-up-ms", "50", "--rounds", "2", "--json"])
        .arg(&file)
        .args(["--vs-binary", tickwire])
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let result = json::open(&file).unwrap();
    let [mine, other] = &result.variants[..] else { panic!("{said}") };
    assert_eq!((mine.label.as_str(), other.label.as_str()), ("in process", tickwire));
    assert_eq!((mine.rounds.len(), other.rounds.len()), (2, 2));
    let told = |variant: &Variant| {
        [variant.counts.due, variant.counts.received, variant.counts.messages, variant.counts.records, variant.counts.warm_up]
    };
    assert_eq!(told(mine), told(other));
    assert!(mine.counts.messages == 16_000 && mine.counts.warm_up > 0, "{:?}", mine.counts);
}

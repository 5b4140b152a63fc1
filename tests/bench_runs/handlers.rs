//! The handler's process: what it says when it cannot run, and what is left of it: nothing.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tickwire::bench::handler::Setup;
use tickwire::bench::on_wire::{OnWire, OnWireConfig, Wire};
use tickwire::bench::{Control, Pace, Runner};
use tickwire::error::{Error, Exit};

use super::kernel::{self, eventually, keep_only};
use super::rig::{alone, config, control, loopback, round, session, wire};

/// What there is in memory of a process's benchmarks.
fn directories(of: u32) -> Vec<String> {
    let names = std::fs::read_dir("/dev/shm").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(&format!("tickwire-bench-{of}-"))).collect()
}

/// Processes that have a word in their command lines.
fn processes(word: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let commands = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    commands.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(word)).collect()
}

fn assert_nothing_is_left() {
    let mine = std::process::id();
    eventually("nothing is left", || directories(mine).is_empty() && processes(&format!("tickwire-bench-{mine}-")).is_empty());
}

fn fails(config: OnWireConfig) -> Error {
    let error = OnWire::new(config).unwrap().round(&mut control()).unwrap_err();
    assert_nothing_is_left();
    error
}

#[test]
fn a_round_leaves_nothing_behind() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(2_000), Pace::Rate(5_000.0), &wire);
    for _ in 0..2 {
        if round(&config, "udp").is_none() {
            return;
        }
        assert_eq!(directories(std::process::id()), Vec::<String>::new());
        assert_nothing_is_left();
    }
}

#[test]
fn what_the_handler_refuses_is_said_in_its_own_words_with_its_own_exit_code() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.toml");
    let schema = |schema: &str| {
        format!(
            "[[lane]]\nname = \"l\"\nsource = \"udp\"\n[[publication]]\nname = \"p\"\n[[publication.ring]]\nschema = \"{schema}\"\n\
             [[channel]]\nname = \"c\"\nfeed = \"nasdaq-itch\"\nlane = \"l\"\npublication = \"p\"\n\
             [[channel.line]]\nname = \"A\"\ninterface = \"eth0\"\ngroup = \"239.192.1.1\"\nport = 26400\n\
             [[channel.line]]\nname = \"B\"\ninterface = \"eth0\"\ngroup = \"239.192.2.1\"\nport = 26400\n"
        )
    };
    std::fs::write(&file, schema("mpb-1")).unwrap();
    let config = config(session(1_000), Pace::Rate(5_000.0), &wire);
    let error = fails(config.with_setup(Setup::File(file.clone())));
    assert_eq!(error.exit, Exit::Config, "{error}");
    let said = error.to_string();
    // It is read from a file that is gone by now; whoever wrote it knows another.
    assert!(said.starts_with(&format!("{}: the handler wrong: publication.ring.schema: ", file.display())), "{said}");
    assert!(said.contains("there is no schema `mpb-1`; did you mean `mbp-1`?"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_program_that_is_no_handler_is_named() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(1_000), Pace::Rate(5_000.0), &wire);
    let by = |binary: &str| fails(OnWireConfig { binary: PathBuf::from(binary), ..config.clone() });
    let missing = by("/nonexistent/tickwire");
    assert_eq!(missing.exit, Exit::Host);
    assert!(missing.to_string().contains("cannot start the handler xdp, /nonexistent/tickwire: No such file"), "{missing}");
    let ends = by("/bin/false");
    assert!(ends.to_string().contains("the handler xdp: it ended by itself (exit status: 1)"), "{ends}");
    let other = by("/bin/true");
    assert_eq!(other.exit, Exit::Usage);
    assert!(other.to_string().contains("the handler xdp: it ended without an error, before it was ready: it is no tickwire"), "{other}");
    // What an older version says.
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    std::fs::write(&old, "#!/bin/sh\necho \"error: unexpected argument '--clock-course' found\" >&2\nexit 2\n").unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let old = by(old.to_str().unwrap());
    assert!(old.exit == Exit::Usage && old.to_string().contains("older than this benchmark"), "{old}");
}

#[test]
fn a_handler_that_dies_in_the_middle_ends_the_round_with_what_is_known() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(400_000), Pace::Rate(1_000.0), &wire);
    let mut runner = OnWire::new(config.with_setup(Setup::parse("udp").unwrap())).unwrap();
    let mut progress = |at: tickwire::bench::Progress| {
        if at.done > 200 {
            // Our own child: the only one with that directory in its command line.
            let mine = format!("tickwire-bench-{}-", std::process::id());
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                if line.contains("run --clock-course") && line.contains(&mine) {
                    let pid = entry.file_name().into_string().unwrap().parse().unwrap();
                    // SAFETY: takes numbers; the process is our own child, found by a name that only it has.
                    unsafe { libc::kill(pid, libc::SIGKILL) };
                }
            }
        }
    };
    let error = runner.round(&mut Control { stop: &|| false, progress: &mut progress }).unwrap_err();
    assert!(error.to_string().contains("the handler udp: it ended by itself (signal: 9"), "{error}");
    assert!(error.quote.contains("ready: lanes 1"), "its log is shown: {error}");
    assert_nothing_is_left();
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_that_runs_a_benchmark() {
    let (wire, setup) = match Wire::veth() {
        Ok(wire) => (std::sync::Arc::new(wire), "udp"),
        Err(_) => (loopback(), "udp-blocking"),
    };
    let config = config(session(400_000), Pace::Rate(1_000.0), &wire);
    let mut runner = OnWire::new(config.with_setup(Setup::parse(setup).unwrap())).unwrap();
    let mut said = false;
    let mut progress = |at: tickwire::bench::Progress| {
        if at.done > 100 && !said {
            said = true;
            println!("RUNNING");
        }
    };
    let _ = runner.round(&mut Control { stop: &|| false, progress: &mut progress });
}

#[test]
fn kill_9_of_the_benchmark_leaves_no_process_and_nothing_in_memory() {
    let _alone = alone();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["handlers::child_that_runs_a_benchmark", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("RUNNING") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended before it ran");
    }
    let its = format!("tickwire-bench-{}-", child.id());
    assert_eq!(directories(child.id()).len(), 1);
    assert!(processes(&its).len() >= 2, "handler and remover: {:?}", processes(&its));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("no process is left", || processes(&its).is_empty());
    assert_eq!(directories(child.id()), Vec::<String>::new(), "the remover's last act is to remove it");
}

#[test]
fn without_the_privileges_a_wire_is_refused_in_one_sentence_with_the_cure() {
    let refused = std::thread::spawn(|| {
        keep_only(&[]);
        Wire::veth().map(|_| ()).unwrap_err()
    });
    let error = refused.join().unwrap();
    assert_eq!(error.exit, Exit::Host);
    let said = error.to_string();
    assert!(said.contains("network namespace") && said.contains("CAP_SYS_ADMIN") && said.contains("in process"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn interfaces_that_are_no_wire_are_refused() {
    let refused = |sender: &str, receiver: &str| Wire::between(sender, receiver).map(|_| ()).unwrap_err().to_string();
    assert!(
        refused("lo", "tw-none").contains("interface \"tw-none\": there is no such interface; there is: "),
        "{}",
        refused("lo", "tw-none")
    );
    kernel::in_namespace(move |namespace| {
        if namespace.veth(1) {
            assert!(refused("twa", "twa").contains("does not receive what it sends"), "{}", refused("twa", "twa"));
            for (scope, value) in [("all", "0"), ("twb", "1")] {
                std::fs::write(format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter"), value).unwrap();
            }
            let wire = Wire::between("twa", "twb").unwrap();
            assert!(wire.source_check().unwrap().contains("`sysctl net.ipv4.conf.twb.rp_filter=0`"), "{:?}", wire.source_check());
            namespace.without_source_check("twb");
            assert_eq!(wire.source_check(), None);
            namespace.ip("link set twb down");
            assert!(refused("twa", "twb").contains("`ip link set twb up`"), "{}", refused("twa", "twb"));
        }
    });
}

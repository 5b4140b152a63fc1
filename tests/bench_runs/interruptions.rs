//! Runs that end before their time: what was measured until then is given all the same, and why it ended is said.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tickwire::bench::results::json;

use super::kernel;
use super::rig::{alone, wire};

/// `tickwire bench` with these arguments, its result in a file and its page in a directory.
fn bench(dir: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.arg("bench").args(arguments).arg("--json").arg(dir.join("result.json")).arg("--report").arg(dir.join("page"));
    command.arg("--hlog").arg(dir.join("result.hlog"));
    // Whoever runs the tests under nohup has it ignored, and what is ignored is inherited.
    // SAFETY: between fork and exec, one call that may be made there.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_DFL);
            Ok(())
        })
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Its children that run a handler.
fn handlers_of(child: &Child) -> Vec<i32> {
    let mine = format!("tickwire-bench-{}-", child.id());
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let line = |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    pids.filter(|&pid| {
        let line = String::from_utf8_lossy(&line(pid)).replace('\0', " ");
        line.contains("run --clock-course") && line.contains(&mine)
    })
    .collect()
}

/// Waits for a handler of its that is none of `others`.
fn handler_of(child: &mut Child, others: &[i32]) -> i32 {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(pid) = handlers_of(child).into_iter().find(|pid| !others.contains(pid)) {
            return pid;
        }
        assert!(Instant::now() < until && child.try_wait().unwrap().is_none(), "no further handler was started");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(pid: i32, signal: i32) {
    // SAFETY: takes numbers; the process is a child of this test, or a child's, and not waited for.
    unsafe { libc::kill(pid, signal) };
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Table, files and page are there, and say that it is not all.
fn assert_the_results_so_far(dir: &Path, output: &Output, rounds: [usize; 2]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Stopped before its end: these are the results so far."), "{said}");
    let result = json::open(&dir.join("result.json")).unwrap();
    let had: Vec<usize> = result.variants.iter().map(|variant| variant.rounds.len()).collect();
    assert!(result.stopped && had == rounds, "{had:?}\n{said}");
    assert!(dir.join("page/index.html").exists() && std::fs::metadata(dir.join("result.hlog")).unwrap().len() > 0, "{said}");
}

#[test]
fn a_handler_that_is_killed_in_a_later_round_leaves_the_results_of_the_rounds_before() {
    let _alone = alone();
    if wire().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--generate", "20000", "--symbols", "40", "--pace", "3000/s", "--veth", "--source", "udp", "--vs", "udp-blocking"];
    let mut child = bench(dir.path(), &arguments);
    let first = handler_of(&mut child, &[]);
    let second = handler_of(&mut child, &[first]);
    std::thread::sleep(Duration::from_millis(300));
    signal(second, libc::SIGKILL);
    let output = child.wait_with_output().unwrap();
    assert_the_results_so_far(dir.path(), &output, [1, 0]);
    assert!(said(&output).contains("tickwire: round 1 of 5, the handler udp-blocking: it ended by itself (signal: 9"), "{}", said(&output));
}

#[test]
fn another_build_that_fails_in_a_later_round_leaves_the_results_of_the_rounds_before() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other");
    std::fs::write(&other, "#!/bin/sh\nkill -15 $$\n").unwrap();
    std::fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let arguments = ["--generate", "20000", "--symbols", "40", "--pace", "3000/s", "--vs-binary", other.to_str().unwrap()];
    let output = bench(dir.path(), &arguments).wait_with_output().unwrap();
    assert_the_results_so_far(dir.path(), &output, [1, 0]);
    assert!(said(&output).contains("it ended by itself (signal: 15"), "{}", said(&output));
}

#[test]
fn a_connection_that_breaks_is_a_stop_with_the_results_so_far() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let mut child = bench(dir.path(), &["--generate", "2000000", "--symbols", "40", "--pace", "3000/s"]);
    let mut stderr = child.stderr.take().unwrap();
    let mut byte = [0];
    // What it says first is how long it lasts, before the first round.
    assert_eq!(stderr.read(&mut byte).unwrap(), 1);
    std::thread::sleep(Duration::from_secs(3));
    // Whoever read it is gone too.
    drop((stderr, child.stdout.take()));
    // The kernel says it, and so does the shell.
    signal(child.id() as i32, libc::SIGHUP);
    std::thread::sleep(Duration::from_millis(5));
    signal(child.id() as i32, libc::SIGHUP);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let result = json::open(&dir.path().join("result.json")).unwrap();
    assert!(result.stopped && result.variants[0].counts.sent > 100, "{:?}", result.variants[0].counts);
    assert!(dir.path().join("page/index.html").exists());
}

#[test]
fn whoever_asked_to_ignore_broken_connections_has_them_ignored() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let bench = format!(
        "trap '' HUP; exec {} bench --generate 20000 --symbols 40 --pace 3000/s --json {}",
        env!("CARGO_BIN_EXE_tickwire"),
        dir.path().join("result.json").display()
    );
    let child = Command::new("/bin/sh").args(["-c", &bench]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_000));
    signal(child.id() as i32, libc::SIGHUP);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(!json::open(&dir.path().join("result.json")).unwrap().stopped);
}

#[test]
fn an_interface_that_goes_away_in_a_later_round_leaves_the_results_of_the_rounds_before() {
    let _alone = alone();
    kernel::in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        let dir = tempfile::tempdir().unwrap();
        let wire = ["--from", "twa", "--to", "twb", "--source", "xdp-skb", "--vs", "xdp-skb", "--rounds", "1"];
        let mut child = bench(dir.path(), &[&["--generate", "20000", "--symbols", "40", "--pace", "3000/s"], &wire[..]].concat());
        let first = handler_of(&mut child, &[]);
        let _ = handler_of(&mut child, &[first]);
        // It comes up, and a second's datagrams are sent.
        std::thread::sleep(Duration::from_millis(700));
        namespace.ip("link del twa");
        let output = child.wait_with_output().unwrap();
        let said = said(&output);
        if said.contains("CAP_BPF") {
            return kernel::skip(&said);
        }
        assert_the_results_so_far(dir.path(), &output, [1, 0]);
        assert!(said.contains("tickwire: round 1 of 1, "), "{said}");
    });
}

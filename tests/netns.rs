//! Nameless network namespaces: joined by a pair of interfaces, seen by what is started in them, gone with them; and children that do
//! not outlive us.
#![cfg(feature = "service")]

mod kernel;

use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kernel::{Frame, GROUP, PORT, alone, eventually, keep_only, skip};
use tickwire::source::Source;
use tickwire::source::udp::{Engine, UdpConfig, UdpLine, UdpSource};
use tickwire::sys::child::{ask_to_end, end_with_us};
use tickwire::sys::interfaces;
use tickwire::sys::netns::Namespace;
use tickwire::sys::packet::{PacketSocket, send_batch};
use tickwire::time::Clock;

fn two() -> Option<(Namespace, Namespace)> {
    match (Namespace::new(), Namespace::new()) {
        (Ok(sender), Ok(receiver)) => Some((sender, receiver)),
        (Err(error), _) | (_, Err(error)) => {
            skip(&error.to_string());
            None
        }
    }
}

/// The number of this thread's network namespace.
fn number() -> String {
    std::fs::read_link("/proc/thread-self/ns/net").unwrap().display().to_string()
}

#[test]
fn what_one_namespace_sends_the_other_receives_and_nobody_else_sees_the_interfaces() {
    let Some((sender, receiver)) = two() else { return };
    sender.join("tw-a", &receiver, "tw-b").unwrap();
    assert_eq!(sender.run(interfaces::names), ["lo", "tw-a"]);
    assert_eq!(receiver.run(interfaces::names), ["lo", "tw-b"]);
    assert!(!interfaces::names().iter().any(|name| name.starts_with("tw-")), "{:?}", interfaces::names());
    // From a source address that no route leads back to.
    let (ready, is_ready) = std::sync::mpsc::channel();
    let received = receiver.run(move || {
        std::thread::spawn(move || {
            let line = UdpLine { line: 3, group: GROUP, port: PORT, interface: Some("tw-b".into()) };
            let config = UdpConfig { lines: vec![line], engine: Engine::Blocking, ..UdpConfig::default() };
            let mut source = UdpSource::open(config, Clock::system()).unwrap();
            ready.send(()).unwrap();
            let mut got = Vec::new();
            eventually("the datagram arrives", || {
                source.poll(&mut |datagram| got = datagram.payload.to_vec()).unwrap();
                !got.is_empty()
            });
            got
        })
    });
    is_ready.recv().unwrap();
    sender.run(|| {
        let out = PacketSocket::open("tw-a").unwrap();
        let frame = Frame::udp(b"hello").build();
        assert_eq!(send_batch(out.as_fd(), [(frame.as_slice(), None)].into_iter()).unwrap(), 1);
    });
    assert_eq!(received.join().unwrap(), b"hello");
}

#[test]
fn threads_and_processes_started_in_a_namespace_live_in_it() {
    let Some((namespace, other)) = two() else { return };
    let inside = namespace.run(number);
    assert_ne!(inside, number());
    assert_ne!(inside, other.run(number));
    assert_eq!(namespace.run(|| std::thread::spawn(number)).join().unwrap(), inside);
    let said = namespace.run(|| Command::new("readlink").arg("/proc/self/ns/net").output().unwrap());
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), inside);
    // hwloc and people look for interfaces in /sys.
    let shown = namespace.run(|| std::fs::read_dir("/sys/class/net").unwrap().count());
    assert_eq!(shown, 1, "lo");
}

#[test]
fn a_job_that_panics_panics_at_its_sender_and_the_next_one_runs() {
    let Some((namespace, _)) = two() else { return };
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| namespace.run(|| -> u8 { panic!("on purpose") })));
    assert!(panicked.is_err());
    assert_eq!(namespace.run(|| 7), 7);
}

#[test]
fn a_name_that_is_taken_is_the_kernel_s_refusal() {
    let Some((sender, receiver)) = two() else { return };
    sender.join("tw-a", &receiver, "tw-b").unwrap();
    assert_eq!(sender.join("tw-a", &receiver, "tw-c").unwrap_err().raw_os_error(), Some(libc::EEXIST));
    assert_eq!(sender.join("lo", &receiver, "tw-c").unwrap_err().raw_os_error(), Some(libc::EEXIST));
    assert!(sender.join("a-name-of-more-than-15-bytes", &receiver, "tw-c").is_err());
}

#[test]
fn a_dropped_namespace_takes_its_interfaces_with_it() {
    let Some((sender, receiver)) = two() else { return };
    sender.join("tw-a", &receiver, "tw-b").unwrap();
    drop(sender);
    eventually("the other end is gone too", || receiver.run(interfaces::names) == ["lo"]);
}

#[test]
fn without_the_capability_it_is_refused_as_the_kernel_says_it() {
    let refused = std::thread::spawn(|| {
        keep_only(&[]);
        Namespace::new().map(|_| ()).unwrap_err()
    });
    assert_eq!(refused.join().unwrap().raw_os_error(), Some(libc::EPERM));
}

// ── children ──

fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("600").stdin(Stdio::null());
    end_with_us(&mut command);
    command
}

fn ends(child: &mut Child) -> std::process::ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_child_ends_when_asked_even_if_that_signal_is_blocked_here() {
    tickwire::sys::signals::keep_away_from_this_thread();
    let mut child = sleeper().spawn().unwrap();
    ask_to_end(&mut child).unwrap();
    assert_eq!(ends(&mut child).signal(), Some(libc::SIGTERM));
    ask_to_end(&mut child).unwrap();
}

#[test]
fn a_child_ends_with_the_thread_that_started_it() {
    let mut child = std::thread::spawn(|| sleeper().spawn().unwrap()).join().unwrap();
    assert_eq!(ends(&mut child).signal(), Some(libc::SIGKILL));
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_with_a_child_in_a_namespace() {
    let child = match Namespace::new() {
        Ok(namespace) => {
            let child = namespace.run(|| sleeper().spawn().unwrap());
            std::mem::forget(namespace);
            child
        }
        Err(_) => sleeper().spawn().unwrap(),
    };
    println!("CHILD {}", child.id());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn kill_9_leaves_no_child_behind() {
    if !alone("kill_9_leaves_no_child_behind") {
        return;
    }
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["child_with_a_child_in_a_namespace", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(parent.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("CHILD ") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0);
    }
    let child: u32 = line.split("CHILD ").nth(1).unwrap().trim().parse().unwrap();
    let comm = format!("/proc/{child}/comm");
    assert_eq!(std::fs::read_to_string(&comm).unwrap().trim(), "sleep");
    parent.kill().unwrap();
    parent.wait().unwrap();
    // It holds the other end of the pipe, too.
    let mut rest = Vec::new();
    said.read_to_end(&mut rest).unwrap();
    eventually("the child is gone", || std::fs::read_to_string(&comm).map_or(true, |comm| comm.trim() != "sleep" || is_zombie(child)));
}

fn is_zombie(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

//! The machine's doors: pinning, huge pages, NUMA, signals, interfaces. What the host forbids is skipped loudly.
#![cfg(feature = "service")]

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tickwire::sys::huge_pages;
use tickwire::sys::{affinity, interfaces, memory_lock, numa, prefetch, signals, tsc};

fn on_a_thread_of_its_own<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(work).join().expect("the thread did not panic")
}

/// Says that a test was left out, or fails where that is not accepted.
fn skipped(why: &str) {
    assert_ne!(std::env::var("TICKWIRE_KERNEL_TESTS").as_deref(), Ok("require"), "required, but {why}");
    println!("SKIPPED: {why}");
}

#[test]
fn a_pinned_thread_runs_on_its_core_and_sees_no_other() {
    let cores = affinity::allowed_cores();
    assert!(!cores.is_empty());
    for core in cores {
        on_a_thread_of_its_own(move || {
            affinity::pin_to(core).expect("an allowed core");
            assert_eq!(affinity::current_core(), Some(core));
            assert_eq!(affinity::allowed_cores(), [core], "which is why cores are enumerated before pinning");
        });
    }
}

#[test]
fn a_thread_that_is_kept_off_a_core_may_be_let_back() {
    on_a_thread_of_its_own(|| {
        let cores = affinity::allowed_cores();
        affinity::restrict_to(&cores[..1]).expect("an allowed core");
        assert_eq!(affinity::allowed_cores(), cores[..1]);
        affinity::restrict_to(&cores).expect("what it had before");
        assert_eq!(affinity::allowed_cores(), cores);
        assert!(affinity::restrict_to(&[]).is_err() && affinity::restrict_to(&[usize::MAX]).is_err(), "no core at all");
        assert_eq!(affinity::allowed_cores(), cores);
    });
}

#[test]
fn a_core_that_is_not_there_is_an_error() {
    for absent in [1023, 1024, usize::MAX] {
        on_a_thread_of_its_own(move || assert!(affinity::pin_to(absent).is_err(), "core {absent}"));
    }
}

#[test]
fn a_thread_s_name_is_cut_to_what_the_kernel_holds() {
    on_a_thread_of_its_own(|| {
        for (name, shown) in [("lane-0", "lane-0"), ("a-name-far-too-long", "a-name-far-too-"), ("cut\0here", "cut"), ("", "")] {
            affinity::name_this_thread(name);
            assert_eq!(std::fs::read_to_string("/proc/thread-self/comm").expect("procfs").trim_end(), shown);
        }
    });
}

#[test]
fn fifo_scheduling_is_granted_or_refused_with_a_reason() {
    on_a_thread_of_its_own(|| match affinity::set_fifo(1) {
        // SAFETY: takes a number, returns a number.
        Ok(()) => assert_eq!(unsafe { libc::sched_getscheduler(0) }, libc::SCHED_FIFO),
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM)),
    });
    on_a_thread_of_its_own(|| assert!(affinity::set_fifo(200).is_err(), "priorities end at 99"));
}

#[test]
fn a_boxed_table_holds_what_it_was_filled_with_whatever_its_pages() {
    // Less than a page, some pages, and more than two huge ones.
    for len in [0, 1, 5_000, 700_001] {
        let mut table = huge_pages::boxed(len, 7_u64);
        assert_eq!(table.len(), len);
        assert!(table.iter().all(|&word| word == 7));
        table.iter_mut().zip(1..).for_each(|(word, n)| *word = n);
        assert_eq!(table.last().copied().unwrap_or(0), len as u64);
    }
}

#[test]
fn case_47_how_much_of_a_table_lies_on_huge_pages_is_what_the_kernel_says() {
    const BYTES: usize = 32 << 20;
    // Asked for nothing, given nothing, wherever that is not given to everybody.
    let plain = vec![1_u8; BYTES];
    let seen = huge_pages::on_huge_pages(&[huge_pages::addresses(&plain)]);
    assert_eq!(seen.bytes, BYTES as u64);
    match huge_pages::transparent().as_deref() {
        Some("madvise") => {
            assert_eq!((seen.huge_bytes, seen.is_good()), (Some(0), false));
            assert!(seen.to_string().starts_with("32 MiB, 0 of them on huge pages, so a message takes up to a tenth longer: "), "{seen}");
        }
        Some("always") => {}
        _ => assert_eq!(seen.huge_bytes, Some(0)),
    }
    // Two tables, one of them twice as large, and nothing else that is on huge pages.
    let tables = [huge_pages::boxed(BYTES / 8, 7_u64), huge_pages::boxed(BYTES / 4, 7_u64)];
    let parts = tables.each_ref().map(|table| huge_pages::addresses(table));
    let seen = huge_pages::on_huge_pages(&parts);
    assert_eq!(seen.bytes, 3 * BYTES as u64);
    let singly: u64 = parts.map(|part| huge_pages::on_huge_pages(&[part]).huge_bytes.expect("procfs")).iter().sum();
    let huge_bytes = seen.huge_bytes.expect("procfs");
    assert!(huge_bytes <= seen.bytes && singly >= huge_bytes, "{seen:?}, {singly} singly");
    let untold = huge_pages::OnHugePages { bytes: 1 << 30, huge_bytes: None };
    assert!(!untold.is_good() && untold.to_string().contains("does not tell"), "{untold}");
    if huge_pages::transparent().is_none_or(|mode| mode == "never") {
        return skipped("this kernel gives no transparent huge pages");
    }
    if !seen.is_good() {
        println!("SKIPPED: too few huge pages are free in one piece: {seen}");
        return;
    }
    assert!(seen.to_string().ends_with(" of them on huge pages"), "{seen}");
}

#[test]
fn memory_comes_from_the_node_that_was_asked_for() {
    on_a_thread_of_its_own(|| {
        if let Err(error) = numa::prefer_node(0) {
            return skipped(&format!("the host does not let a thread choose its node ({error})"));
        }
        let slice = huge_pages::boxed(10_000, 0_u64);
        assert_eq!(numa::node_of(&slice[5_000]).expect("a page that is there"), 0);
    });
    on_a_thread_of_its_own(|| {
        assert!(numa::prefer_node(1023).is_err() && numa::prefer_node(usize::MAX).is_err(), "nodes that are not there")
    });
}

#[test]
fn the_lock_limit_only_rises() {
    let before = memory_lock::lock_limit();
    let after = memory_lock::raise_lock_limit();
    assert!(after.is_none_or(|after| before.is_some_and(|before| after >= before)), "{before:?} then {after:?}");
    assert_eq!(memory_lock::lock_limit(), after);
}

#[test]
fn prefetching_anything_at_all_is_harmless() {
    let items = [1u64, 2, 3];
    for i in [0, 2, 3, usize::MAX] {
        prefetch(&items, i);
    }
    prefetch::<u8>(&[], 0);
}

#[test]
fn counters_advance_and_trust_has_a_reason() {
    let (ticks, mono) = (tsc::ticks(), tsc::monotonic_ns());
    std::thread::sleep(Duration::from_millis(2));
    assert!(tsc::monotonic_ns() >= mono + 2_000_000);
    assert!(tsc::ticks() > ticks);
    assert_eq!(tsc::clock_ns(libc::clockid_t::MAX), 0, "a clock that does not exist");
    if let tsc::Trust::Untrusted(why) = tsc::trust() {
        assert!(!why.is_empty());
    }
}

// ── signals: each in a process of its own, because a signal is the process's ──

/// Runs one of the `child_…` tests below in a process of its own and waits until it says that it is ready.
fn child(test: &str) -> Child {
    use std::io::{BufRead, BufReader};
    let exe = std::env::current_exe().expect("a test knows where it is");
    let mut child = Command::new(exe)
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test binary runs again");
    let mut lines = BufReader::new(child.stdout.as_mut().expect("piped")).lines();
    while !lines.next().expect("the child speaks before it ends").expect("UTF-8").contains("READY") {}
    child
}

fn send(child: &Child, signal: i32) {
    // SAFETY: our own child, not yet waited for, so the number is its and nobody else's.
    assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
}

fn ends_within(child: &mut Child, limit: Duration) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            return status;
        }
        if start.elapsed() > limit {
            child.kill().expect("our own child");
            child.wait().expect("our own child");
            panic!("the child was still there after {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "run by other tests, in a process of its own"]
fn child_that_stops_when_asked() {
    signals::install().expect("signals");
    signals::install().expect("a second time changes nothing");
    let lane = std::thread::spawn(|| {
        signals::keep_away_from_this_thread();
        while !signals::stop_requested() {
            std::hint::spin_loop();
        }
    });
    assert!(!signals::wait_for_stop(Duration::from_millis(1)), "nobody asked yet");
    println!("READY");
    let start = Instant::now();
    assert!(signals::wait_for_stop(Duration::from_secs(20)));
    assert!(start.elapsed() < Duration::from_secs(10), "the signal ends the sleep");
    lane.join().expect("the lane saw the flag");
    std::process::exit(0);
}

#[test]
#[ignore = "run by other tests, in a process of its own"]
fn child_that_will_not_stop() {
    signals::install().expect("signals");
    println!("READY");
    signals::wait_for_stop(Duration::from_secs(20));
    println!("READY");
    std::thread::sleep(Duration::from_secs(20));
}

#[test]
fn one_signal_asks_and_the_process_ends_in_its_own_way() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut child = child("child_that_stops_when_asked");
        std::thread::sleep(Duration::from_millis(30));
        send(&child, signal);
        assert_eq!(ends_within(&mut child, Duration::from_secs(5)).code(), Some(0));
    }
}

#[test]
fn a_second_signal_ends_it_at_once_with_130() {
    let mut child = child("child_that_will_not_stop");
    send(&child, libc::SIGTERM);
    std::thread::sleep(Duration::from_millis(50));
    assert!(child.try_wait().expect("our own child").is_none(), "one signal only asks");
    send(&child, libc::SIGINT);
    assert_eq!(ends_within(&mut child, Duration::from_secs(5)).code(), Some(signals::FORCED_EXIT));
}

#[test]
#[ignore = "run by other tests, in a process of its own"]
fn child_that_locks_its_memory() {
    let locked_kib = || {
        let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("a line about it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    match memory_lock::lock_all() {
        Ok(()) => {
            assert!(locked_kib() > 0);
            memory_lock::unlock_all();
            assert_eq!(locked_kib(), 0);
        }
        Err(error) => assert!(matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOMEM)), "{error}"),
    }
    println!("READY");
}

#[test]
fn all_memory_is_locked_or_the_refusal_says_why() {
    // In a process of its own, because what it maps afterwards is locked too.
    let mut child = child("child_that_locks_its_memory");
    assert!(ends_within(&mut child, Duration::from_secs(5)).success());
}

// ── interfaces ──

/// Runs `work` in a network namespace of its own; false if the host does not allow one.
fn in_a_network_namespace(work: impl FnOnce() + Send + 'static) -> bool {
    on_a_thread_of_its_own(move || {
        // SAFETY: takes a number; from here on the thread, and what it starts, are in a namespace that ends with them.
        let own = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
        if own {
            work();
        }
        own
    })
}

fn ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split_whitespace()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn interfaces_are_those_of_this_namespace_with_what_a_plan_must_know() {
    let ran = in_a_network_namespace(|| {
        assert_eq!(interfaces::names(), ["lo"], "a new namespace, whatever /sys shows");
        let lo = interfaces::Interface::named("lo").expect("always there");
        assert!(lo.loopback && !lo.up && lo.mac.is_none() && lo.ipv4.is_none(), "{lo:?}");
        if !ip("link add twa numrxqueues 3 numtxqueues 3 type veth peer name twb numrxqueues 2 numtxqueues 2") {
            return skipped("no veth pair can be made");
        }
        assert!(ip("link set twb mtu 1400 address 02:00:00:00:00:0b"));
        assert!(ip("addr add 10.9.8.7/24 dev twb") && ip("link set twb up"));
        let twb = interfaces::Interface::named("twb").expect("just made");
        assert!(twb.up && !twb.running && !twb.loopback && twb.multicast, "its peer is down: {twb:?}");
        assert_eq!((twb.mtu, twb.mac, twb.ipv4), (1400, Some([2, 0, 0, 0, 0, 0x0b]), Some([10, 9, 8, 7].into())));
        assert_eq!(twb.rx_queues, Some(2));
        assert_eq!(interfaces::Interface::named("twa").expect("just made").rx_queues, Some(3));
        assert!(ip("link set twa up"));
        // The kernel's link watch may take a second to say so.
        let start = Instant::now();
        while !interfaces::Interface::named("twb").expect("there").running {
            assert!(start.elapsed() < Duration::from_secs(5), "both ends are up, and still no carrier");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(interfaces::names().len(), 3);
        assert_ne!(twb.index, lo.index);
    });
    if !ran {
        skipped("no network namespace can be made");
    }
}

#[test]
fn an_interface_that_is_not_there_is_an_error_that_names_it() {
    let error = interfaces::Interface::named("no-such-if0").expect_err("not there");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().contains("no-such-if0"), "{error}");
    for nonsense in ["", "a-name-of-more-than-15-bytes", "with\0zero"] {
        let error = interfaces::Interface::named(nonsense).expect_err("cannot be a name");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
    }
}

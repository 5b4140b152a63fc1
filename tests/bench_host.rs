//! What of a machine would spoil latency figures: made-up `/proc` and `/sys` trees with one thing wrong each, damaged ones, and this one.
#![cfg(feature = "service")]

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tickwire::bench::host::{self, CoresUsed, Host, HostCheck, HostFacts};
use tickwire::topology::Topology;

#[path = "bench_host/made.rs"]
mod made;

use made::{BEFORE, CPU, GOOD, IDLE, Made, USED, stat};

const GRUB: &str = "mkdir -p /etc/default/grub.d && echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX isolcpus=managed_irq,domain,1-3 \
                    nohz_full=1-3 rcu_nocbs=1-3\"' > /etc/default/grub.d/tickwire.cfg && update-grub && reboot";

fn complaints(checks: &[HostCheck]) -> Vec<&HostCheck> {
    checks.iter().filter(|check| check.good == Some(false)).collect()
}

/// Exactly this check complains, of that, with that cure.
#[track_caller]
fn only(checks: &[HostCheck], name: &str, found: &str, cure: &str) {
    let complaints = complaints(checks);
    let [complaint] = complaints[..] else { panic!("{name}, and nothing else: {complaints:#?}") };
    assert_eq!(complaint.name, name);
    assert!(complaint.found.contains(found), "{found:?} is not in {:?}", complaint.found);
    assert_eq!(complaint.cure, cure);
    let unknown: Vec<_> = checks.iter().filter(|check| check.good.is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn a_good_host_has_nothing_to_mend_and_every_check_says_what_was_found_and_why_it_matters() {
    let checks = Made::good().idle_checks();
    let names: std::collections::BTreeSet<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names.len(), checks.len(), "a name for each");
    assert!(GOOD.iter().all(|(_, _, name)| name.is_empty() || names.contains(name)), "{names:?}");
    for check in &checks {
        assert_eq!((check.good, check.cure.as_str()), (Some(true), ""), "{check:#?}");
        assert!(!check.found.is_empty() && check.why.ends_with('.') && !check.to_string().contains('\n'), "{check:#?}");
    }
    let facts = Made::good().host().facts(&USED);
    let expected = HostFacts {
        cpu: "Made Up 9000, 4 cores".into(),
        kernel: "Linux 6.12.0-made-up".into(),
        numa: "2 nodes: 0 (cores 0-1), 1 (cores 2-3)".into(),
        clock: "tsc, constant and nonstop counter".into(),
        governor: "performance".into(),
        isolation: "isolated 1-3; without tick 1-3; RCU callbacks elsewhere 1-3".into(),
        cores: "sender on core 1, lane on core 3, consumer on core 2".into(),
    };
    assert_eq!(facts, expected);
}

#[test]
fn what_one_file_tells_is_complained_of_by_one_check_with_the_command_that_mends_it() {
    let governor = format!("{CPU}/cpu2/cpufreq/scaling_governor");
    let idle = format!("{CPU}/cpu3/cpuidle/state2/disable");
    let clock = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    let pages = "sys/devices/system/node/node1/hugepages/hugepages-2048kB";
    let thp = "sys/kernel/mm/transparent_hugepage/enabled";
    let siblings = format!("{CPU}/cpu3/topology/thread_siblings_list");
    let cases: &[(&str, &str, &str, &str, &str)] = &[
        (&format!("{CPU}/isolated"), "1-2\n", "core isolation", "not isolated: core 3 (isolated: cores 1-2)", GRUB),
        (&format!("{CPU}/isolated"), "\n", "core isolation", "not isolated: cores 1-3 (none is)", GRUB),
        (&format!("{CPU}/nohz_full"), "(null)\n", "timer tick", "core 3 (nohz_full: no core)", GRUB),
        (&governor, "powersave\n", "frequency governor", "powersave on core 2", &format!("echo performance | tee /{governor}")),
        (&format!("{CPU}/intel_pstate/no_turbo"), "0\n", "turbo", "on", &format!("echo 1 > /{CPU}/intel_pstate/no_turbo")),
        (&idle, "0\n", "idle states", "C6 (133 µs) on core 3", &format!("echo 1 | tee /{idle}")),
        (thp, "[always] madvise never\n", "transparent huge pages", "always", &format!("echo madvise > /{thp}")),
        (thp, "always madvise [never]\n", "transparent huge pages", "never", &format!("echo madvise > /{thp}")),
        ("proc/meminfo", "SwapTotal: 2048 kB\nSwapFree: 1024 kB\n", "swap", "1 of 2 MiB in use", "swapoff -a"),
        ("proc/sys/vm/swappiness", "60\n", "swap", "swappiness 60", "sysctl -w vm.swappiness=1"),
        ("proc/sys/kernel/numa_balancing", "1\n", "NUMA balancing", "mode 1", "sysctl -w kernel.numa_balancing=0"),
        (
            &format!("{pages}/free_hugepages"),
            "0\n",
            "huge pages",
            "none free of 64 on node 1",
            &format!("echo 128 > /{pages}/nr_hugepages"),
        ),
        (
            "proc/self/limits",
            "Max locked memory  8388608  8388608  bytes\n",
            "locked memory",
            "8192 KiB, 16384 KiB wanted",
            "prlimit --pid $$ --memlock=unlimited:unlimited",
        ),
        (clock, "hpet\n", "clock source", "hpet", &format!("echo tsc > /{clock}")),
        ("proc/sys/kernel/nmi_watchdog", "1\n", "NMI watchdog", "on", "sysctl -w kernel.nmi_watchdog=0"),
        ("proc/cpuinfo", "processor : 0\nflags : fpu hypervisor\n", "virtual machine", "yes", ""),
        (
            "sys/fs/cgroup/slice/cpu.max",
            "50000 100000\n",
            "CPU quota",
            "50000 µs of every 100000",
            "echo max > '/sys/fs/cgroup/slice/cpu.max'",
        ),
        (
            "proc/loadavg",
            "3.50 0 0 1/3 4\n",
            "load",
            "3.50 in the last minute, 1 of 4 cores left",
            "ps -eo pcpu,pid,args --sort=-pcpu | head -n 5 # and end them, or wait",
        ),
        (
            &siblings,
            "2-3\n",
            "sibling of the lane's core",
            "core 2 is the other half of the lane's core 3, and the consumer runs there",
            "use another core for the consumer: 0 are free",
        ),
        (
            "proc/irq/50/effective_affinity_list",
            "3\n",
            "interrupts of the interface",
            "those of enp1 come to core 3",
            "for irq in 50; do echo 0 > /proc/irq/$irq/smp_affinity_list; done",
        ),
    ];
    for (path, text, name, found, cure) in cases {
        let made = Made::good();
        made.put(path, text);
        only(&made.idle_checks(), name, found, cure);
    }
}

#[test]
fn a_sibling_that_is_free_must_be_isolated_and_quiet() {
    let used = CoresUsed { sender: None, lane: 3, consumer: Some(1) };
    let made = Made::good();
    made.put(&format!("{CPU}/cpu3/topology/thread_siblings_list"), "2,3\n");
    assert!(complaints(&made.checks(&used, |made| made.put("proc/stat", stat([IDLE; 4])))).is_empty());
    let cure = format!("echo 0 | tee /{CPU}/cpu2/online");
    made.put("proc/stat", stat([BEFORE; 4]));
    let busy = made.checks(&used, |made| made.put("proc/stat", stat([IDLE, IDLE, [1010, 1000, 100_010, 10, 0], IDLE])));
    only(&busy, "sibling of the lane's core", "core 2 is its other half, and 50 % busy", &cure);
    made.put("proc/stat", stat([BEFORE; 4]));
    made.put(&format!("{CPU}/isolated"), "1,3\n");
    only(&made.checks(&used, |made| made.put("proc/stat", stat([IDLE; 4]))), "sibling of the lane's core", "and not isolated", &cure);
}

#[test]
fn cores_that_are_shared_offline_or_all_in_use_are_told() {
    let found = |used: CoresUsed, online: &str| {
        let made = Made::good();
        made.put(&format!("{CPU}/online"), online);
        let check = made.checks(&used, |_| {}).swap_remove(0);
        assert_eq!(check.name, "cores");
        (check.good, check.found, check.cure)
    };
    let words = |text: &str, cure: &str| (Some(false), text.to_owned(), cure.to_owned());
    let shared = CoresUsed { sender: Some(1), lane: 3, consumer: Some(1) };
    let all = "sender on core 1, lane on core 3, consumer on core 1";
    assert_eq!(found(shared, "0-3\n"), words(&format!("{all}, of 4 online"), "use cores 0,2 instead"));
    assert_eq!(found(shared, "1,3\n"), words(&format!("{all}, of 2 online"), ""));
    let two = CoresUsed { sender: Some(0), lane: 1, consumer: None };
    assert_eq!(found(two, "0-1\n"), words("sender on core 0, lane on core 1: all that are online, so the system shares them", ""));
    let (good, offline, cure) = found(CoresUsed { sender: None, lane: 3, consumer: None }, "0-2\n");
    assert_eq!((good, offline.as_str()), (Some(false), "lane on core 3; not online: 3"));
    assert_eq!(cure, format!("echo 1 | tee /{CPU}/cpu3/online"));
    let (good, house, cure) = found(CoresUsed { sender: None, lane: 0, consumer: Some(1) }, "0-3\n");
    assert_eq!((good, cure.as_str()), (Some(false), "use cores 2-3 instead"), "{house}");
}

#[test]
fn who_runs_on_the_lane_s_core_meanwhile_is_named_with_the_command_that_moves_him() {
    let thread = |ticks: u64, core: u32| {
        format!("77 (a) (b) R 1 77 77 0 -1 4194304 1 0 0 0 {ticks} 5 0 0 20 0 1 0 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 17 {core} 0 0\n")
    };
    let made = Made::good();
    made.put("proc/77/task/77/stat", thread(100, 3));
    let checks = made.checks(&USED, |made| {
        made.put("proc/77/task/77/stat", thread(112, 3));
        // A second thread of his, and one of another core.
        made.put("proc/77/task/78/stat", thread(2, 3));
        made.put("proc/80/task/80/stat", thread(9, 0));
        made.put("proc/stat", stat([IDLE, IDLE, IDLE, [1012, 1002, 100_004, 12, 0]]));
    });
    let found = "core 3 80 % busy (programs 60 %, kernel 10 %, interrupts 10 %), by a) (b (process 77)";
    only(&checks, "other work on the lane's core", found, "taskset -apc 0 77");
}

#[test]
fn time_that_a_hypervisor_takes_is_told_now_and_since_boot() {
    let made = Made::good();
    let now = made.checks(&USED, |made| made.put("proc/stat", stat([IDLE, IDLE, [1000, 1000, 100_015, 10, 5], IDLE])));
    only(&now, "stolen time", "core 2 25 % now", "");
    let made = Made::good();
    made.put("proc/stat", stat([[0, 0, 99_000, 0, 1000]; 4]));
    let before = made.checks(&USED, |made| made.put("proc/stat", stat([[0, 0, 99_020, 0, 1000]; 4])));
    only(&before, "stolen time", "core 1 0 % now, 0.99 % since boot", "");
}

#[test]
fn a_device_that_interrupts_the_lane_is_named_and_moved_and_irqbalance_stopped_first() {
    let made = Made::good();
    let fired = "      CPU0  CPU1  CPU2  CPU3\n  40: 100 0 0 0 PCI-MSI 1-edge nvme0q0\n  41: 0 0 0 7 PCI-MSI 2-edge nvme0q3\n  50: 900 0 0 5 PCI-MSI 3-edge enp1-rx-0\n";
    let meanwhile = |made: &Made| {
        made.put("proc/interrupts", fired);
        made.put("proc/stat", stat([IDLE; 4]));
    };
    let cure = "for irq in 41; do echo 0 > /proc/irq/$irq/smp_affinity_list; done";
    only(&made.checks(&USED, meanwhile), "interrupts on the lane's core", "core 3: 41 nvme0q3 (7 while watched)", cure);
    // It came before, and will again, until it is moved.
    made.put("proc/77/comm", "irqbalance\n");
    only(&made.idle_checks(), "interrupts on the lane's core", "(7 since boot)", &format!("systemctl stop irqbalance; {cure}"));
    made.put("proc/irq/41/effective_affinity_list", "0\n");
    assert!(complaints(&made.idle_checks()).is_empty());
}

#[test]
fn an_interface_of_another_node_is_told_with_the_cores_that_are_near_it() {
    let mut made = Made::good();
    made.topology.nics[1].node = Some(0);
    only(&made.idle_checks(), "node of the interface", "enp1 is on node 0, core 3 on node 1", "give the lane a core of node 0: 0-1");
}

#[test]
fn deep_idle_states_do_no_harm_while_somebody_holds_the_latency_down() {
    let made = Made::good();
    made.put(&format!("{CPU}/cpu3/cpuidle/state2/disable"), "0\n");
    made.put("dev/cpu_dma_latency", 2_000_000_000_i32.to_ne_bytes());
    assert_eq!(complaints(&made.idle_checks()).len(), 1);
    made.put("dev/cpu_dma_latency", 0_i32.to_ne_bytes());
    assert!(complaints(&made.idle_checks()).is_empty());
}

#[test]
fn a_missing_empty_or_absurd_file_makes_its_check_unknown_and_never_a_complaint() {
    let endless = "9".repeat(1 << 20);
    let absurd: [Option<&[u8]>; 5] = [None, Some(b""), Some(b"\xff\xfe\0\x1b[2J\x80\n"), Some(b"-1\n"), Some(endless.as_bytes())];
    let made = Made::good();
    for (path, good, name) in GOOD {
        for text in absurd {
            let spoil = |made: &Made| match text {
                Some(text) => made.put(path, text),
                None => made.remove(path),
            };
            made.put("proc/stat", stat([BEFORE; 4]));
            spoil(&made);
            let checks = made.checks(&USED, |made| {
                if *path != "proc/stat" {
                    made.put("proc/stat", stat([IDLE; 4]));
                }
            });
            made.put(path, good);
            let shown = text.map(|text| &text[..text.len().min(8)]);
            assert!(complaints(&checks).is_empty(), "{path} {shown:?}: {:#?}", complaints(&checks));
            let check = checks.iter().find(|check| check.name == *name);
            assert!(check.is_none_or(|check| check.good.is_none() && !check.found.is_empty()), "{path} {shown:?}: {check:#?}");
            assert!(checks.iter().all(is_plain), "{path} {shown:?}: {checks:#?}");
        }
    }
    let nothing = tempfile::tempdir().expect("a directory");
    let host = Host::at(nothing.path(), Topology::default());
    let checks = host.checks(&USED, &["enp1".to_owned()], &host.sample(|| {}));
    assert!(checks.iter().all(|check| check.good.is_none() && check.cure.is_empty()), "{checks:#?}");
    assert_eq!(host.facts(&USED), HostFacts { cores: USED.to_string(), ..HostFacts::default() });
}

/// Nothing in it moves a terminal's cursor, and no file's text has become a command.
fn is_plain(check: &HostCheck) -> bool {
    let words = [&check.found, &check.why, &check.cure];
    words.iter().all(|text| !text.chars().any(char::is_control)) && !check.cure.contains("evil") && check.found.len() < 2000
}

/// What a file might say instead: numbers at the edges, lists, bytes, words that look like a command's.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("18446744073709551615".to_owned()),
        Just("-9223372036854775808".to_owned()),
        Just("4294967295".to_owned()),
        Just("0-4294967295".to_owned()),
        Just("0-8191".to_owned()),
        Just("$(evil)".to_owned()),
        Just("';evil;'".to_owned()),
        Just("[always]".to_owned()),
        Just("0::/../../evil/`evil`".to_owned()),
        Just("cpu3".to_owned()),
        Just("CPU0 CPU3\n 41:".to_owned()),
        Just("max".to_owned()),
        Just(":".to_owned()),
        Just(")".to_owned()),
        "[0-9]{1,3}",
    ];
    let words = prop::collection::vec((word, prop_oneof![Just(" "), Just("\n"), Just(","), Just("\t: ")]), 0..60)
        .prop_map(|words| words.into_iter().map(|(word, between)| word + between).collect::<String>().into_bytes());
    prop_oneof![4 => words, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

#[test]
fn no_file_can_make_it_panic_or_put_words_into_a_command() {
    let made = Made::good();
    let spoils = || prop::collection::vec((0..GOOD.len(), spoiled()), 0..8);
    let cores = (prop_oneof![0_u32..6, Just(u32::MAX)], prop::option::of(0_u32..6));
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    // Which file, and what it says.
    type Spoils = Vec<(usize, Vec<u8>)>;
    let holds = |(before, after, (lane, sender)): (Spoils, Spoils, (u32, Option<u32>))| {
        before.iter().for_each(|(nth, text)| made.put(GOOD[*nth].0, text));
        let used = CoresUsed { sender, lane, consumer: Some(2) };
        let checks = made.checks(&used, |made| after.iter().for_each(|(nth, text)| made.put(GOOD[*nth].0, text)));
        let facts = format!("{:?}", made.host().facts(&used));
        before.iter().chain(&after).for_each(|(nth, _)| made.put(GOOD[*nth].0, GOOD[*nth].1));
        made.put("proc/stat", stat([BEFORE; 4]));
        prop_assert!(checks.iter().all(is_plain), "{:#?}", checks);
        prop_assert!(!facts.contains("\\u{1b}") && facts.len() < 5000, "{}", facts);
        Ok(())
    };
    TestRunner::new(config).run(&(spoils(), spoils(), cores), holds).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn an_interface_s_name_cannot_lead_out_of_its_folder() {
    let made = Made::good();
    made.put("sys/class/passwd/device/msi_irqs/41", "");
    let host = made.host();
    let sample = host.sample(|| made.put("proc/stat", stat([IDLE; 4])));
    for name in ["../passwd", "", ".", "..", "\x1b[2J"] {
        let checks = host.checks(&USED, &[name.to_owned()], &sample);
        let of_interface: Vec<_> = checks.iter().filter(|check| check.name.ends_with("of the interface")).collect();
        assert!(of_interface.iter().all(|check| check.good.is_none() && is_plain(check)), "{name:?}: {of_interface:#?}");
    }
}

#[test]
fn a_control_group_s_name_cannot_lead_out_of_its_folder_or_into_a_command() {
    let made = Made::good();
    let quota = |group: &str| {
        made.put("proc/self/cgroup", format!("0::{group}\n"));
        made.idle_checks().into_iter().find(|check| check.name == "CPU quota").expect("one of them")
    };
    for (group, at) in [("/../../away", "sys/away"), ("/it's", "sys/fs/cgroup/it's"), ("/a\u{1b}[2J", "sys/fs/cgroup/a\u{1b}[2J")] {
        made.put(&format!("{at}/cpu.max"), "50000 100000\n");
        assert_eq!(quota(group).good, None, "{group}");
    }
    made.put("sys/fs/cgroup/a$(b);c/cpu.max", "50000 100000\n");
    assert_eq!(quota("/a$(b);c/d").cure, "echo max > '/sys/fs/cgroup/a$(b);c/cpu.max'");
    made.put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    made.put("sys/fs/cgroup/cpu/old/cpu.cfs_quota_us", "20000\n");
    made.put("sys/fs/cgroup/cpu/old/cpu.cfs_period_us", "100000\n");
    made.put("proc/self/cgroup", "3:cpu,cpuacct:/old/older\n");
    only(&made.idle_checks(), "CPU quota", "20000 µs of every 100000", "echo -1 > '/sys/fs/cgroup/cpu/old/cpu.cfs_quota_us'");
}

#[test]
fn counters_at_the_end_of_their_type_do_not_overflow() {
    let made = Made::good();
    let checks = made.checks(&USED, |made| made.put("proc/stat", stat([[u64::MAX; 5]; 4])));
    let stolen = checks.iter().find(|check| check.name == "stolen time");
    assert_eq!(stolen.and_then(|check| check.good), Some(false));
}

#[test]
fn this_machine_can_be_read() {
    let used = CoresUsed { sender: None, lane: tickwire::sys::affinity::allowed_cores()[0] as u32, consumer: None };
    let facts = HostFacts::read(&used);
    assert!(facts.kernel.starts_with("Linux ") && facts.numa.contains("node") && facts.cores.starts_with("lane on core"), "{facts:#?}");
    let checks = host::checks(&used, &[]);
    assert_eq!(checks.len(), Made::good().idle_checks().len());
    assert!(checks.iter().all(|check| is_plain(check) && !check.found.is_empty()), "{checks:#?}");
    let known: Vec<&str> = checks.iter().filter(|check| check.good.is_some()).map(|check| check.name.as_str()).collect();
    for name in ["other work on the lane's core", "stolen time", "load", "swap", "locked memory", "virtual machine"] {
        assert!(known.contains(&name) || !Path::new("/sys/devices/system/cpu/online").exists(), "{name} is not known: {checks:#?}");
    }
}

#[test]
fn check_host_prints_the_list_below_the_plan_and_refuses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let core = tickwire::sys::affinity::allowed_cores()[0];
    let config = format!(
        "[service]\npublication_dir = \"{}\"\n[[lane]]\nname = \"a\"\ncore = {core}\nsource = \"udp\"\n\
         [[publication]]\nname = \"p\"\n[[publication.ring]]\nschema = \"mbp-1\"\ndepth = 1024\n\
         [[channel]]\nname = \"c\"\nfeed = \"iex-tops\"\nlane = \"a\"\npublication = \"p\"\n\
         [[channel.line]]\nname = \"A\"\ninterface = \"lo\"\ngroup = \"239.192.1.1\"\nport = 26400\n",
        directory.path().display()
    );
    let path = directory.path().join("a.toml");
    std::fs::write(&path, config).expect("a file");
    let run = |more: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_tickwire")).args(["check", "--config"]).arg(&path).args(more).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let (plan, with_host) = (run(&[]), run(&["--host"]));
    let list = with_host.strip_prefix(&plan).expect("the plan comes first");
    for name in ["host\n", "frequency governor: ", "other work on the lane's core: ", "mitigations: "] {
        assert!(list.contains(name), "{name:?} is not in {list}");
    }
}

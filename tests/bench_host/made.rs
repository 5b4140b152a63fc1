//! A made-up machine: its `/proc` and `/sys` in a folder of their own, good as it stands.

use tempfile::TempDir;
use tickwire::bench::host::{CoresUsed, Host, HostCheck};
use tickwire::topology::{Core, Nic, Node, Topology};

/// Core 0 for the system; two nodes of two cores.
pub const USED: CoresUsed = CoresUsed { sender: Some(1), lane: 3, consumer: Some(2) };

pub const CPU: &str = "sys/devices/system/cpu";
/// The files of a machine with nothing to complain of, and for each the check that cannot do without it.
pub const GOOD: &[(&str, &str, &str)] = &[
    ("etc/default/grub", "GRUB_DEFAULT=0\n", ""),
    ("proc/77/comm", "cron\n", ""),
    ("proc/77/task/77/stat", "77 (cron) S 1 77 77 0 -1 4194304 1 0 0 0 5 5 0 0 20 0 1 0 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 17 0 0 0\n", ""),
    ("proc/cmdline", "quiet isolcpus=managed_irq,domain,1-3 nohz_full=1-3 rcu_nocbs=1-3\n", ""),
    ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Made Up 9000\nflags\t\t: fpu constant_tsc nonstop_tsc\n", "virtual machine"),
    (
        "proc/interrupts",
        "      CPU0  CPU1  CPU2  CPU3\n  40: 100 0 0 0 PCI-MSI 1-edge nvme0q0\n  41: 0 0 0 0 PCI-MSI 2-edge nvme0q3\n  50: 900 0 0 5 PCI-MSI 3-edge enp1-rx-0\nLOC: 1 1 1 1 Local timer interrupts\n",
        "interrupts on the lane's core",
    ),
    ("proc/irq/40/effective_affinity_list", "0\n", ""),
    ("proc/irq/41/effective_affinity_list", "3\n", ""),
    ("proc/irq/50/effective_affinity_list", "0\n", "interrupts of the interface"),
    ("proc/loadavg", "0.40 0.30 0.20 1/300 4000\n", "load"),
    ("proc/meminfo", "MemTotal: 16384 kB\nSwapTotal: 1048576 kB\nSwapFree: 1048576 kB\n", "swap"),
    ("proc/self/cgroup", "3:cpu,cpuacct:/slice\n0::/slice/unit\n", "CPU quota"),
    (
        "proc/self/limits",
        "Limit Soft Hard Units\nMax locked memory         67108864             67108864             bytes     \n",
        "locked memory",
    ),
    ("proc/self/status", "Name:\tmade-up\nCapEff:\t0000000000000000\n", "locked memory"),
    ("proc/stat", "", "other work on the lane's core"),
    ("proc/sys/kernel/nmi_watchdog", "0\n", "NMI watchdog"),
    ("proc/sys/kernel/numa_balancing", "0\n", "NUMA balancing"),
    ("proc/sys/kernel/osrelease", "6.12.0-made-up\n", ""),
    ("proc/sys/vm/swappiness", "1\n", "swap"),
    ("sys/class/net/enp1/device/msi_irqs/50", "msix\n", ""),
    ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm\n", ""),
    ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n", "clock source"),
    ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n", "frequency governor"),
    ("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n", "frequency governor"),
    ("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n", "frequency governor"),
    ("sys/devices/system/cpu/cpu3/cpuidle/state0/latency", "0\n", "idle states"),
    ("sys/devices/system/cpu/cpu3/cpuidle/state1/latency", "2\n", "idle states"),
    ("sys/devices/system/cpu/cpu3/cpuidle/state2/name", "C6\n", ""),
    ("sys/devices/system/cpu/cpu3/cpuidle/state2/latency", "133\n", "idle states"),
    ("sys/devices/system/cpu/cpu3/cpuidle/state2/disable", "1\n", "idle states"),
    ("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "3\n", "sibling of the lane's core"),
    ("sys/devices/system/cpu/cpuidle/current_driver", "intel_idle\n", ""),
    ("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n", "turbo"),
    ("sys/devices/system/cpu/isolated", "1-3\n", "core isolation"),
    ("sys/devices/system/cpu/nohz_full", "1-3\n", "timer tick"),
    ("sys/devices/system/cpu/online", "0-3\n", "cores"),
    ("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Enhanced IBRS; IBPB: conditional\n", "mitigations"),
    ("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "64\n", "huge pages"),
    ("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "64\n", "huge pages"),
    ("sys/fs/cgroup/slice/cpu.max", "max 100000\n", ""),
    ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n", "transparent huge pages"),
];

/// `/proc/stat` of four cores: user, system, idle, softirq and stolen ticks each.
pub fn stat(cores: [[u64; 5]; 4]) -> String {
    let line = |(nth, [user, system, idle, softirq, stolen]): (usize, [u64; 5])| {
        format!("cpu{nth} {user} 0 {system} {idle} 0 0 {softirq} {stolen} 0 0\n")
    };
    format!("cpu  1 2 3 4 5 6 7 8 0 0\n{}intr 1 2 3\nctxt 9\n", cores.into_iter().enumerate().map(line).collect::<String>())
}

pub const BEFORE: [u64; 5] = [1000, 1000, 100_000, 10, 0];
pub const IDLE: [u64; 5] = [1000, 1000, 100_020, 10, 0];

fn machine() -> Topology {
    let core = |id: usize| Core { id, node: id / 2, physical: id, allowed: true };
    let node = |id: usize| Node { id, memory_bytes: 1 << 30, huge_pages: Vec::new() };
    let nics = vec![Nic { name: "enp0".into(), node: Some(0) }, Nic { name: "enp1".into(), node: Some(1) }];
    Topology { cores: (0..4).map(core).collect(), nodes: (0..2).map(node).collect(), nics, notes: Vec::new() }
}

/// A made-up machine.
pub struct Made {
    pub root: TempDir,
    pub topology: Topology,
}

impl Made {
    pub fn good() -> Self {
        let made = Self { root: tempfile::tempdir().expect("a directory"), topology: machine() };
        for (path, text, _) in GOOD {
            made.put(path, text);
        }
        made.put("proc/stat", stat([BEFORE; 4]));
        made
    }

    pub fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let at = self.root.path().join(path);
        std::fs::create_dir_all(at.parent().expect("a folder")).expect("folders");
        std::fs::write(at, text).expect("a file");
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.root.path().join(path)).expect("there was one");
    }

    pub fn host(&self) -> Host {
        Host::at(self.root.path(), self.topology.clone())
    }

    /// All checks, with what changes while the cores are watched.
    pub fn checks(&self, used: &CoresUsed, meanwhile: impl FnOnce(&Self)) -> Vec<HostCheck> {
        let host = self.host();
        let sample = host.sample(|| meanwhile(self));
        host.checks(used, &["enp1".to_owned()], &sample)
    }

    pub fn idle_checks(&self) -> Vec<HostCheck> {
        self.put("proc/stat", stat([BEFORE; 4]));
        self.checks(&USED, |made| made.put("proc/stat", stat([IDLE; 4])))
    }
}

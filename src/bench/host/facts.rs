//! What the machine is, in words for a report.

use super::files::{Files, shown};
use super::{CoreList, CoresUsed, HostFacts, cores, machine, power};
use crate::topology::Topology;

pub(super) fn read(files: &Files, topology: &Topology, used: &CoresUsed) -> HostFacts {
    HostFacts {
        cpu: cpu(files, topology),
        kernel: kernel(files),
        numa: numa(topology),
        clock: clock(files),
        governor: power::governor_of(files, used.lane).unwrap_or_default(),
        isolation: cores::in_words(files),
        cores: used.to_string(),
    }
}

fn cpu(files: &Files, topology: &Topology) -> String {
    let cpuinfo = files.text("proc/cpuinfo").unwrap_or_default();
    let model = machine::cpuinfo(&cpuinfo, "model name").or_else(|| machine::cpuinfo(&cpuinfo, "CPU implementer"));
    let count = topology.cores.len();
    let allowed = topology.cores.iter().filter(|core| core.allowed).count();
    let parts = [
        model.map(shown),
        (count > 0).then(|| if count == 1 { "1 core".to_owned() } else { format!("{count} cores") }),
        (allowed < count).then(|| format!("{allowed} of them allowed")),
        machine::hypervisor(files, &cpuinfo).map(|name| format!("virtual machine{name}")),
        machine::container(files).map(str::to_owned),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn kernel(files: &Files) -> String {
    let Ok(release) = files.text("proc/sys/kernel/osrelease") else { return String::new() };
    let real_time = if files.switch("sys/kernel/realtime") == Ok(true) { ", PREEMPT_RT" } else { "" };
    format!("Linux {}{real_time}", shown(&release))
}

fn numa(topology: &Topology) -> String {
    let of_node = |node: usize| topology.cores.iter().filter(|core| core.node == node).map(|core| core.id as u32).collect::<CoreList>();
    match &topology.nodes[..] {
        [] => String::new(),
        [_] => "1 node".to_owned(),
        nodes => {
            let named: Vec<String> = nodes.iter().map(|node| format!("{} ({})", node.id, of_node(node.id).named())).collect();
            format!("{} nodes: {}", nodes.len(), named.join(", "))
        }
    }
}

fn clock(files: &Files) -> String {
    let Ok(source) = files.text(machine::CLOCK_SOURCE) else { return String::new() };
    let cpuinfo = files.text("proc/cpuinfo").unwrap_or_default();
    let counter = if machine::counter_is_steady(&cpuinfo) { ", constant and nonstop counter" } else { "" };
    format!("{}{counter}", shown(&source))
}

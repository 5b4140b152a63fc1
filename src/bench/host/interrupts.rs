//! Interrupts: which may come to the lane's core, which do, and where the interface is wired to.

use std::collections::BTreeSet;

use super::files::Unread;
use super::strangers::others;
use super::{CoreList, Finding, Look};

/// The cores an interrupt comes to; kernels before 4.15 tell only which it may come to.
fn cores_of(look: &Look<'_>, interrupt: u32) -> Result<CoreList, Unread> {
    let effective = look.files.cores(&format!("proc/irq/{interrupt}/effective_affinity_list"));
    effective.or_else(|_| look.files.cores(&format!("proc/irq/{interrupt}/smp_affinity_list")))
}

/// An interface's name that is one, so that it can be part of a path.
fn plain(interface: &str) -> bool {
    !interface.is_empty() && !interface.starts_with('.') && !interface.contains('/')
}

/// The interrupts of an interface: those of its device, and those that carry its name.
fn of_interface(look: &Look<'_>, interface: &str) -> BTreeSet<u32> {
    if !plain(interface) {
        return BTreeSet::new();
    }
    let device = format!("sys/class/net/{interface}/device");
    // A virtio interface's interrupts are its parent's, the PCI device's.
    let folders = [format!("{device}/msi_irqs"), format!("{device}/../msi_irqs")];
    let of_device = folders.iter().find_map(|folder| look.files.numbered(folder, "").ok()).unwrap_or_default();
    let named = |name: &str| name.split(['-', '@', ':', '.']).any(|part| part == interface);
    let by_name = look.sample.interrupts.as_ref().ok().into_iter().flatten().filter(|(_, interrupt)| named(&interrupt.name));
    of_device.into_iter().chain(by_name.map(|(&number, _)| number)).collect()
}

fn of_all_interfaces(look: &Look<'_>) -> BTreeSet<u32> {
    look.interfaces.iter().flat_map(|interface| of_interface(look, interface)).collect()
}

/// Moves interrupts to cores that are no part of the run.
fn move_away(look: &Look<'_>, interrupts: &[u32]) -> String {
    let others = others(look);
    if others.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = interrupts.iter().map(u32::to_string).collect();
    // Otherwise it moves them back within ten seconds.
    let balancer = if irqbalance_runs(look) { "systemctl stop irqbalance; " } else { "" };
    format!("{balancer}for irq in {}; do echo {others} > /proc/irq/$irq/smp_affinity_list; done", numbers.join(" "))
}

fn irqbalance_runs(look: &Look<'_>) -> bool {
    let processes = look.files.numbered("proc", "").unwrap_or_default();
    processes.iter().any(|process| look.files.text(&format!("proc/{process}/comm")).is_ok_and(|name| name == "irqbalance"))
}

/// Whether devices interrupt the lane; its own interface is a check of its own.
pub(super) fn on_the_lane(look: &Look<'_>) -> Result<Finding, Unread> {
    let lane = look.cores.lane;
    let interrupts = look.sample.interrupts.as_ref().map_err(Clone::clone)?;
    let own = of_all_interfaces(look);
    let (mut found, mut quiet, mut to_move) = (Vec::new(), 0, Vec::new());
    for (&number, interrupt) in interrupts.iter().filter(|(number, _)| !own.contains(number)) {
        let (during, since_boot) = (interrupt.during(lane), interrupt.since_boot(lane));
        // What was moved away does not come again; what never came there (queues for work of that core) has no reason to.
        let comes = cores_of(look, number).map_or(during > 0, |cores| cores.has(lane));
        match (comes, during, since_boot) {
            (false, 0, _) => continue,
            (true, 0, 0) => quiet += 1,
            (_, 0, since_boot) => {
                found.push(format!("{number} {} ({since_boot} since boot)", interrupt.name));
                to_move.push(number);
            }
            (_, during, _) => {
                found.insert(0, format!("{number} {} ({during} while watched)", interrupt.name));
                to_move.push(number);
            }
        }
    }
    if to_move.is_empty() {
        let quiet = if quiet == 0 { String::new() } else { format!(" ({quiet} might, and never did)") };
        return Finding::good(format!("none comes to core {lane}{quiet}"));
    }
    let more = found.len().saturating_sub(4);
    found.truncate(4);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    Finding::bad(format!("core {lane}: {}{more}", found.join(", ")), move_away(look, &to_move))
}

/// Whether the interface interrupts the lane.
pub(super) fn of_the_interfaces(look: &Look<'_>) -> Result<Finding, Unread> {
    let lane = look.cores.lane;
    let (mut words, mut to_move) = (Vec::new(), Vec::new());
    for interface in look.interfaces {
        if !plain(interface) || !look.files.exists(&format!("sys/class/net/{interface}")) {
            return Err(Unread(format!("/sys/class/net has no `{}` (another network namespace?)", super::files::shown(interface))));
        }
        let interrupts = of_interface(look, interface);
        if interrupts.is_empty() {
            words.push(format!("{interface} has none"));
            continue;
        }
        let mut cores = CoreList::default();
        for &number in &interrupts {
            let of_this = cores_of(look, number)?;
            if of_this.has(lane) {
                to_move.push(number);
            }
            cores = cores.with(&of_this);
        }
        words.push(format!("those of {interface} come to {}", cores.named()));
    }
    if words.is_empty() {
        return Finding::good("no interface in this run");
    }
    let found = words.join(", ");
    if to_move.is_empty() {
        Finding::good(found)
    } else {
        Finding::bad(format!("{found}, the lane's among them"), move_away(look, &to_move))
    }
}

/// Whether frames come from the lane's own node.
pub(super) fn nodes(look: &Look<'_>) -> Result<Finding, Unread> {
    let lane = look.cores.lane;
    if look.interfaces.is_empty() {
        return Finding::good("no interface in this run");
    }
    let Some(core) = look.topology.core(lane as usize) else { return Err(Unread(format!("the node of core {lane} is not known"))) };
    let mut far = Vec::new();
    for interface in look.interfaces {
        match look.topology.node_of_nic(interface) {
            Some(node) if node == core.node => {}
            Some(node) => far.push((interface, node)),
            None => return Err(Unread(format!("the node of {} is not known (a virtual interface?)", super::files::shown(interface)))),
        }
    }
    let Some(&(interface, node)) = far.first() else { return Finding::good(format!("node {}, as the lane's core {lane}", core.node)) };
    let near: CoreList = look.topology.allowed_cores_of(node).map(|core| core.id as u32).collect();
    let cure = if near.is_empty() { String::new() } else { format!("give the lane a core of node {node}: {near}") };
    Finding::bad(format!("{} is on node {node}, core {lane} on node {}", super::files::shown(interface), core.node), cure)
}

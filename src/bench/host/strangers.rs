//! Who else takes time: other processes, a hypervisor, a quota.

use std::collections::BTreeSet;

use super::files::{Unread, shown};
use super::sample::Ticks;
use super::{CoreList, Finding, Look};

/// One or two ticks of twenty are the system's own.
const QUIET_PERCENT: u64 = 10;
/// A core that was taken away for more than this of all its time will be again.
const STOLEN_PER_MILLION: u64 = 1_000;

fn ticks(look: &Look<'_>, core: u32) -> Result<Ticks, Unread> {
    let ticks = look.sample.ticks.as_ref().map_err(Clone::clone)?;
    match ticks.get(&core) {
        Some(ticks) if ticks.total() > 0 => Ok(*ticks),
        Some(_) => Err(Unread(format!("/proc/stat counts no time for core {core}"))),
        None => Err(Unread(format!("/proc/stat does not tell of core {core}"))),
    }
}

/// Whether the lane's core is free before the run.
pub(super) fn on_the_lane(look: &Look<'_>) -> Result<Finding, Unread> {
    let lane = look.cores.lane;
    let ticks = ticks(look, lane)?;
    let busy = ticks.percent(ticks.busy());
    if busy <= QUIET_PERCENT {
        return Finding::good(format!("core {lane} {busy} % busy"));
    }
    let mut there: Vec<_> = look.sample.threads.iter().filter(|thread| thread.core == lane).collect();
    let mut seen = BTreeSet::new();
    there.retain(|thread| seen.insert(thread.process));
    there.truncate(3);
    let who: Vec<String> = there.iter().map(|thread| format!("{} (process {})", thread.name, thread.process)).collect();
    let who = if who.is_empty() { String::new() } else { format!(", by {}", who.join(", ")) };
    let found = format!(
        "core {lane} {busy} % busy (programs {} %, kernel {} %, interrupts {} %){who}",
        ticks.percent(ticks.user),
        ticks.percent(ticks.system),
        ticks.percent(ticks.interrupts)
    );
    let others = others(look);
    let movable: Vec<u32> = there.iter().filter(|thread| !thread.of_kernel).map(|thread| thread.process).collect();
    if movable.is_empty() || others.is_empty() {
        return Finding::bad(found, format!("ps -eLo psr,pcpu,pid,comm --sort=-pcpu | awk '$1 == {lane}' | head # and end them"));
    }
    let moves: Vec<String> = movable.iter().map(|process| format!("taskset -apc {others} {process}")).collect();
    Finding::bad(found, moves.join("; "))
}

/// Cores that are no part of the run; where it has them all, those that are not the lane's.
pub(super) fn others(look: &Look<'_>) -> CoreList {
    let online = look.files.cores("sys/devices/system/cpu/online").unwrap_or_default();
    let free = online.without(&look.cores.all());
    if free.is_empty() { online.without(&CoreList::from_iter([look.cores.lane])) } else { free }
}

/// Whether a hypervisor takes the run's cores away.
pub(super) fn stolen(look: &Look<'_>) -> Result<Finding, Unread> {
    let mut found = Vec::new();
    let mut bad = false;
    for core in look.cores.all().iter() {
        let now = ticks(look, core)?;
        let since_boot = look.sample.since_boot.get(&core).copied().unwrap_or_default();
        let per_million = since_boot.stolen.saturating_mul(1_000_000) / since_boot.total().max(1);
        bad |= now.stolen > 0 || per_million > STOLEN_PER_MILLION;
        found.push(format!(
            "core {core} {} % now, {}.{:02} % since boot",
            now.percent(now.stolen),
            per_million / 10_000,
            per_million / 100 % 100
        ));
    }
    let found = found.join("; ");
    if bad { Finding::bad(found, "") } else { Finding::good(found) }
}

/// Whether a control group makes us stand still.
pub(super) fn quota(look: &Look<'_>) -> Result<Finding, Unread> {
    const GROUPS: &str = "proc/self/cgroup";
    let text = look.files.text(GROUPS)?;
    let mut quotas = Vec::new();
    let mut understood = false;
    // `0::/path` is the group of version 2, `3:cpu,cpuacct:/path` one of version 1.
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else { continue };
        understood |= number.parse::<u32>().is_ok();
        let first = number == "0" && controllers.is_empty();
        if first || controllers.split(',').any(|controller| controller == "cpu") {
            // Its own and every one above it; a group without the file has no quota.
            let groups = above(group).ok_or_else(|| Unread::absurd(GROUPS, line))?;
            quotas.extend(groups.iter().filter_map(|group| if first { quota_of(look, group) } else { old_quota_of(look, group) }));
        }
    }
    if !understood {
        return Err(Unread::absurd(GROUPS, &text));
    }
    match quotas.into_iter().next() {
        Some((group, found)) => {
            let cure = match group.rsplit_once('/') {
                Some((_, "cpu.max")) => format!("echo max > '/{group}'"),
                _ => format!("echo -1 > '/{group}'"),
            };
            Finding::bad(found, cure)
        }
        None => Finding::good("none"),
    }
}

/// A group and all above it, as `/a/b`, `/a` and nothing; `None` for a name that leads out of the tree, or out of the quotes of a command.
fn above(group: &str) -> Option<Vec<String>> {
    let plain = |part: &&str| part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\'') && *part != "..";
    let parts: Vec<&str> = group.split('/').filter(|part| !part.is_empty()).collect();
    let paths = (0..=parts.len()).rev().map(|n| parts[..n].iter().map(|part| format!("/{part}")).collect());
    (parts.len() <= 64 && parts.iter().all(plain)).then(|| paths.collect())
}

/// The quota of a group of version 2: `max 100000`, or µs of how many µs.
fn quota_of(look: &Look<'_>, group: &str) -> Option<(String, String)> {
    let path = format!("sys/fs/cgroup{group}/cpu.max");
    let text = look.files.text(&path).ok()?;
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.trim().parse().ok()?);
    Some((path, format!("{quota} µs of every {period}")))
}

/// The quota of a group of version 1: -1, or µs of how many µs.
fn old_quota_of(look: &Look<'_>, group: &str) -> Option<(String, String)> {
    let folders = ["sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"];
    let folder = folders.into_iter().find(|folder| look.files.exists(folder))?;
    let path = format!("{folder}{group}/cpu.cfs_quota_us");
    let quota = look.files.number(&path).ok()?;
    let period = look.files.number(&format!("{folder}{group}/cpu.cfs_period_us")).ok()?;
    Some((path, format!("{quota} µs of every {period}")))
}

/// Whether others want to run.
pub(super) fn load(look: &Look<'_>) -> Result<Finding, Unread> {
    const PATH: &str = "proc/loadavg";
    let text = look.files.text(PATH)?;
    let load = text.split_ascii_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    let Some(load) = load.filter(|load| load.is_finite() && *load >= 0.0) else { return Err(Unread::absurd(PATH, &text)) };
    let online = look.files.cores("sys/devices/system/cpu/online")?;
    let free = online.without(&look.cores.all()).len();
    // What fits on the cores that are left disturbs little; where none is left, neither should anybody run.
    let found = format!("{} in the last minute, {free} of {} cores left for it", shown(&format!("{load:.2}")), online.len());
    if load > (free as f64).max(0.5) {
        return Finding::bad(found, "ps -eo pcpu,pid,args --sort=-pcpu | head -n 5 # and end them, or wait");
    }
    Finding::good(found)
}

//! The cores of a run: are they its own, down to the execution units and the timer?

use super::files::{Files, Unread, shown};
use super::{CoreList, Finding, Look};

const ONLINE: &str = "sys/devices/system/cpu/online";
const ISOLATED: &str = "sys/devices/system/cpu/isolated";
const TICKLESS: &str = "sys/devices/system/cpu/nohz_full";
/// What partitions of cpusets isolate, in kernels that show it.
const ISOLATED_BY_CPUSET: &str = "sys/fs/cgroup/cpuset.cpus.isolated";

/// Whether sender, lane and consumer have a core each, and the system one besides.
pub(super) fn separate(look: &Look<'_>) -> Result<Finding, Unread> {
    let online = look.files.cores(ONLINE)?;
    let used = look.cores.all();
    let words = look.cores.to_string();
    let free = online.without(&used);
    let instead = |wanted: usize| if free.len() >= wanted { format!("use {} instead", free.named()) } else { String::new() };
    let offline = used.without(&online);
    if !offline.is_empty() {
        let switches: Vec<String> = offline.iter().map(|core| format!("/sys/devices/system/cpu/cpu{core}/online")).collect();
        return Finding::bad(format!("{words}; not online: {offline}"), format!("echo 1 | tee {}", switches.join(" ")));
    }
    let roles = look.cores.roles().count();
    if used.len() < roles {
        return Finding::bad(format!("{words}, of {} online", online.len()), instead(roles - used.len() + 1));
    }
    if free.is_empty() {
        return Finding::bad(format!("{words}: all that are online, so the system shares them"), "");
    }
    // The first core keeps the kernel's time, and takes what nobody else was told to.
    if online.first() == Some(look.cores.lane) {
        return Finding::bad(format!("{words}: the lane has the one on which the kernel keeps house"), instead(1));
    }
    Finding::good(format!("{words}; {} free for the system", free.named()))
}

/// The core on which the kernel keeps house, which cannot be kept free of it.
fn first_core(look: &Look<'_>) -> u32 {
    look.files.cores(ONLINE).ok().and_then(|online| online.first()).unwrap_or(0)
}

/// Which of the run's cores should be isolated: all, unless somebody but the lane has the first.
fn to_isolate(look: &Look<'_>) -> CoreList {
    let first = first_core(look);
    look.cores.all().iter().filter(|&core| core != first || core == look.cores.lane).collect()
}

/// Those the scheduler keeps off, by the kernel's command line or by a cpuset.
pub(super) fn isolated_cores(files: &Files) -> Result<CoreList, Unread> {
    let by_cpuset = files.cores(ISOLATED_BY_CPUSET).unwrap_or_default();
    Ok(files.cores(ISOLATED)?.with(&by_cpuset))
}

/// Whether the scheduler keeps off.
pub(super) fn isolated(look: &Look<'_>) -> Result<Finding, Unread> {
    let (isolated, wanted) = (isolated_cores(look.files)?, to_isolate(look));
    let strangers = wanted.without(&isolated);
    if strangers.is_empty() {
        return Finding::good(format!("isolated: {}", isolated.named()));
    }
    let all = if isolated.is_empty() { "none is".to_owned() } else { format!("isolated: {}", isolated.named()) };
    Finding::bad(format!("not isolated: {} ({all})", strangers.named()), boot_isolated(look))
}

/// Cores without a periodic tick while one thread runs there.
pub(super) fn tickless_cores(files: &Files) -> Result<CoreList, Unread> {
    files.cores(TICKLESS).map_err(|Unread(why)| Unread(format!("{why}; a kernel without CONFIG_NO_HZ_FULL has none")))
}

/// Cores whose RCU callbacks run elsewhere, by the kernel's command line; those without a tick are so in any case.
pub(super) fn offloaded_cores(files: &Files) -> CoreList {
    let words = files.text("proc/cmdline").unwrap_or_default();
    words
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("rcu_nocbs="))
        .filter_map(CoreList::parse)
        .next_back()
        .unwrap_or_default()
}

/// Whether the timer keeps off.
pub(super) fn tick(look: &Look<'_>) -> Result<Finding, Unread> {
    let tickless = tickless_cores(look.files)?;
    if tickless.has(look.cores.lane) {
        return Finding::good(format!("off on {} while one thread runs there (nohz_full)", tickless.named()));
    }
    let offloaded = offloaded_cores(look.files);
    let callbacks = if offloaded.has(look.cores.lane) { "; RCU's callbacks run elsewhere" } else { "" };
    Finding::bad(format!("on, on the lane's core {} (nohz_full: {}){callbacks}", look.cores.lane, tickless.named()), boot_isolated(look))
}

/// How to boot with the run's cores isolated, besides those that are. Empty where none would be left for the system.
fn boot_isolated(look: &Look<'_>) -> String {
    let wanted = to_isolate(look);
    let left = look.files.cores(ONLINE).unwrap_or_default().without(&wanted);
    if left.is_empty() {
        return String::new();
    }
    if wanted.has(first_core(look)) {
        return format!("use {left} for the lane, and isolate that: the kernel keeps house on core {}", first_core(look));
    }
    let isolated = look.files.cores(ISOLATED).unwrap_or_default().with(&wanted);
    let tickless = look.files.cores(TICKLESS).unwrap_or_default().with(&wanted);
    let offloaded = offloaded_cores(look.files).with(&wanted);
    let arguments = format!("isolcpus=managed_irq,domain,{isolated} nohz_full={tickless} rcu_nocbs={offloaded}");
    if look.files.exists("usr/sbin/grubby") {
        format!("grubby --update-kernel=ALL --args='{arguments}' && reboot")
    } else if look.files.exists("etc/default/grub") {
        let line = format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {arguments}\"");
        format!("mkdir -p /etc/default/grub.d && echo '{line}' > /etc/default/grub.d/tickwire.cfg && update-grub && reboot")
    } else {
        format!("boot with `{arguments}` on the kernel's command line")
    }
}

/// Whether the lane's core is whole, or its other half quiet.
pub(super) fn sibling(look: &Look<'_>) -> Result<Finding, Unread> {
    let lane = look.cores.lane;
    let path = format!("sys/devices/system/cpu/cpu{lane}/topology/thread_siblings_list");
    let threads = look.files.cores(&path)?;
    if !threads.has(lane) {
        return Err(Unread::absurd(&path, &threads.to_string()));
    }
    let siblings = threads.without(&CoreList::from_iter([lane]));
    if siblings.is_empty() {
        return Finding::good(format!("core {lane} has no sibling"));
    }
    if let Some((role, core)) = look.cores.roles().find(|&(_, core)| siblings.has(core)) {
        let others = look.files.cores(ONLINE).unwrap_or_default().without(&look.cores.all()).without(&siblings);
        let cure = if others.is_empty() { String::new() } else { format!("use another core for the {role}: {others} are free") };
        return Finding::bad(format!("core {core} is the other half of the lane's core {lane}, and the {role} runs there"), cure);
    }
    let switches: Vec<String> = siblings.iter().map(|core| format!("/sys/devices/system/cpu/cpu{core}/online")).collect();
    let cure = format!("echo 0 | tee {}", switches.join(" "));
    let ticks = look.sample.ticks.as_ref().map_err(Clone::clone)?;
    let busy = siblings.iter().filter_map(|core| ticks.get(&core)).map(|ticks| ticks.percent(ticks.busy())).max();
    match busy {
        // A tick or two of 20 are the system's own.
        Some(percent) if percent > 10 => Finding::bad(format!("{} is its other half, and {percent} % busy", siblings.named()), cure),
        _ if !siblings.without(&isolated_cores(look.files)?).is_empty() => {
            Finding::bad(format!("{} is its other half, and not isolated", siblings.named()), cure)
        }
        _ => Finding::good(format!("{} is its other half, isolated and quiet", siblings.named())),
    }
}

/// Which cores are kept free of what, as far as the kernel tells.
pub(super) fn in_words(files: &Files) -> String {
    let list = |name: &str, cores: CoreList| (!cores.is_empty()).then(|| format!("{name} {cores}"));
    let kinds = [
        list("isolated", isolated_cores(files).unwrap_or_default()),
        list("without tick", tickless_cores(files).unwrap_or_default()),
        list("RCU callbacks elsewhere", offloaded_cores(files)),
    ];
    let words: Vec<String> = kinds.into_iter().flatten().collect();
    match isolated_cores(files) {
        Err(_) if words.is_empty() => String::new(),
        _ if words.is_empty() => "none".to_owned(),
        _ => shown(&words.join("; ")),
    }
}

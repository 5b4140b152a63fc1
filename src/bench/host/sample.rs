//! What the cores did during a short while: two readings of the kernel's counters, and what lies between them.

use std::collections::BTreeMap;

use super::files::{Files, Unread, shown};

/// Most threads that are looked at.
const MOST_THREADS: usize = 1 << 15;
/// The kernel's own threads have this flag (`PF_KTHREAD`) in `/proc/*/stat`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What the cores did during a short while.
#[derive(Debug)]
pub struct Sample {
    pub(super) ticks: Result<BTreeMap<u32, Ticks>, Unread>,
    pub(super) since_boot: BTreeMap<u32, Ticks>,
    pub(super) interrupts: Result<BTreeMap<u32, Interrupt>, Unread>,
    /// Threads that ran, who ran most first.
    pub(super) threads: Vec<Thread>,
}

/// A core's time, in ticks of 10 ms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ticks {
    pub(super) user: u64,
    pub(super) system: u64,
    pub(super) interrupts: u64,
    pub(super) idle: u64,
    pub(super) stolen: u64,
}

impl Ticks {
    pub(super) fn busy(self) -> u64 {
        self.user.saturating_add(self.system).saturating_add(self.interrupts)
    }

    pub(super) fn total(self) -> u64 {
        self.busy().saturating_add(self.idle).saturating_add(self.stolen)
    }

    /// A part of all its time.
    pub(super) fn percent(self, part: u64) -> u64 {
        part.saturating_mul(100) / self.total().max(1)
    }

    fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            interrupts: self.interrupts.saturating_sub(before.interrupts),
            idle: self.idle.saturating_sub(before.idle),
            stolen: self.stolen.saturating_sub(before.stolen),
        }
    }
}

/// A device's interrupt.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    /// Of the device or queue, as the driver calls it.
    pub(super) name: String,
    /// By core, since boot.
    since_boot: BTreeMap<u32, u64>,
    /// By core, during the sample.
    during: BTreeMap<u32, u64>,
}

impl Interrupt {
    /// How often it came to a core since boot.
    pub(super) fn since_boot(&self, core: u32) -> u64 {
        self.since_boot.get(&core).copied().unwrap_or(0)
    }

    /// How often it came to a core during the sample.
    pub(super) fn during(&self, core: u32) -> u64 {
        self.during.get(&core).copied().unwrap_or(0)
    }
}

/// A thread that ran.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    pub(super) process: u32,
    pub(super) name: String,
    /// One of the kernel's own, which cannot be moved.
    pub(super) of_kernel: bool,
    /// Where it was seen last.
    pub(super) core: u32,
    /// How long, in ticks of 10 ms.
    pub(super) ticks: u64,
}

impl Sample {
    pub(super) fn take(files: &Files, between: impl FnOnce()) -> Self {
        // Threads stand outside, so that reading them is not what the cores are found busy with.
        let threads_before = threads(files);
        let (ticks_before, interrupts_before) = (ticks(files), interrupts(files));
        between();
        let (ticks_after, interrupts_after) = (ticks(files), interrupts(files));
        let since_boot = ticks_after.clone().unwrap_or_default();
        let grown = |before: BTreeMap<u32, Ticks>, after: BTreeMap<u32, Ticks>| {
            after.into_iter().filter_map(|(core, ticks)| Some((core, ticks.since(*before.get(&core)?)))).collect()
        };
        let fired = |before: BTreeMap<u32, Interrupt>, mut after: BTreeMap<u32, Interrupt>| {
            for (number, interrupt) in &mut after {
                let Some(before) = before.get(number) else { continue };
                let fired = |(&core, &count): (&u32, &u64)| (core, count.saturating_sub(before.since_boot(core)));
                interrupt.during = interrupt.since_boot.iter().map(fired).collect();
            }
            after
        };
        Self {
            ticks: ticks_before.and_then(|before| Ok(grown(before, ticks_after?))),
            since_boot,
            interrupts: interrupts_before.and_then(|before| Ok(fired(before, interrupts_after?))),
            threads: ran(&threads_before, threads(files)),
        }
    }
}

/// Each core's time since boot, of `/proc/stat`.
fn ticks(files: &Files) -> Result<BTreeMap<u32, Ticks>, Unread> {
    const PATH: &str = "proc/stat";
    let text = files.text(PATH)?;
    let core = |line: &str| {
        let mut words = line.strip_prefix("cpu")?.split_ascii_whitespace();
        let core: u32 = words.next()?.parse().ok()?;
        let times: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        // What a guest of ours used is in `user` already.
        let [user, nice, system, idle, waiting, irq, softirq, stolen, ..] = times[..] else { return None };
        let (user, interrupts, idle) = (user.saturating_add(nice), irq.saturating_add(softirq), idle.saturating_add(waiting));
        Some((core, Ticks { user, system, interrupts, idle, stolen }))
    };
    // The line of all cores together has no number, so it is none.
    let cores: BTreeMap<u32, Ticks> = text.lines().filter(|line| !line.starts_with("cpu ")).filter_map(core).collect();
    if cores.is_empty() { Err(Unread::absurd(PATH, &text)) } else { Ok(cores) }
}

/// The devices' interrupts since boot, of `/proc/interrupts`: its first line names the cores of the columns (only those that are online).
fn interrupts(files: &Files) -> Result<BTreeMap<u32, Interrupt>, Unread> {
    const PATH: &str = "proc/interrupts";
    let text = files.text(PATH)?;
    let mut lines = text.lines();
    let cores: Vec<u32> =
        lines.next().unwrap_or_default().split_ascii_whitespace().map_while(|word| word.strip_prefix("CPU")?.parse().ok()).collect();
    if cores.is_empty() {
        return Err(Unread::absurd(PATH, &text));
    }
    let interrupt = |line: &str| {
        let (number, rest) = line.split_once(':')?;
        let number: u32 = number.trim().parse().ok()?;
        let since_boot: BTreeMap<u32, u64> =
            cores.iter().zip(rest.split_ascii_whitespace()).map_while(|(&core, word)| Some((core, word.parse().ok()?))).collect();
        let name = shown(rest.split_ascii_whitespace().next_back().unwrap_or_default());
        (since_boot.len() == cores.len()).then_some((number, Interrupt { name, since_boot, during: BTreeMap::new() }))
    };
    Ok(lines.filter_map(interrupt).collect())
}

/// All threads with the time they have used so far, by process and thread.
fn threads(files: &Files) -> BTreeMap<(u32, u32), Thread> {
    let processes = files.numbered("proc", "").unwrap_or_default();
    let of_process = |process: u32| {
        let threads = files.numbered(&format!("proc/{process}/task"), "").unwrap_or_default();
        threads.into_iter().map(move |thread| (process, thread))
    };
    let numbers = processes.into_iter().flat_map(of_process).take(MOST_THREADS);
    numbers.filter_map(|(process, thread)| Some(((process, thread), read_thread(files, process, thread)?))).collect()
}

fn read_thread(files: &Files, process: u32, thread: u32) -> Option<Thread> {
    let text = files.text(&format!("proc/{process}/task/{thread}/stat")).ok()?;
    // A name may have blanks and brackets in it; what follows the last bracket is numbers, the third field first.
    let (before, after) = text.rsplit_once(')')?;
    let name = shown(before.split_once('(')?.1);
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
    let (flags, user, system, core) = (field(9)?, field(14)?, field(15)?, field(39)?);
    let core = u32::try_from(core).ok()?;
    Some(Thread { process, name, of_kernel: flags & KERNEL_THREAD != 0, core, ticks: user.saturating_add(system) })
}

/// Those that used time in between; who came in between has used all of his in it.
fn ran(before: &BTreeMap<(u32, u32), Thread>, after: BTreeMap<(u32, u32), Thread>) -> Vec<Thread> {
    let used = |(number, thread): ((u32, u32), Thread)| {
        let before = before.get(&number).map_or(0, |before| before.ticks);
        Some(Thread { ticks: thread.ticks.checked_sub(before).filter(|&ticks| ticks > 0)?, ..thread })
    };
    let mut threads: Vec<Thread> = after.into_iter().filter_map(used).collect();
    threads.sort_by_key(|thread| std::cmp::Reverse(thread.ticks));
    threads
}

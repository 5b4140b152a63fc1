//! Memory: what moves pages, takes them away, or would not give them.

use super::files::Unread;
use super::{Finding, Look};

/// The UMEM of one queue with the configuration's defaults: 8192 frames of 2048 bytes.
const UMEM_BYTES: u64 = 16 << 20;
/// `CAP_IPC_LOCK` of the kernel's ABI.
const CAP_IPC_LOCK: u64 = 1 << 14;

/// Whether pages are made huge behind our back.
pub(super) fn transparent_huge_pages(look: &Look<'_>) -> Result<Finding, Unread> {
    const PATH: &str = "sys/kernel/mm/transparent_hugepage/enabled";
    let text = look.files.text(PATH)?;
    let chosen = text.split_ascii_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    match chosen {
        Some(chosen @ ("always" | "never")) => Finding::bad(chosen, format!("echo madvise > /{PATH}")),
        Some("madvise") => Finding::good("madvise"),
        _ => Err(Unread::absurd(PATH, &text)),
    }
}

/// Whether pages may be written out.
pub(super) fn swap(look: &Look<'_>) -> Result<Finding, Unread> {
    const PATH: &str = "proc/meminfo";
    /// Up to here the kernel takes the page cache first, unless there is hardly any.
    const GENTLE: u64 = 10;
    let text = look.files.text(PATH)?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let (Some(total), Some(free)) = (kib("SwapTotal"), kib("SwapFree")) else {
        return Err(Unread(format!("/{PATH} does not tell SwapTotal and SwapFree")));
    };
    if total == 0 {
        return Finding::good("none");
    }
    let used = total.saturating_sub(free);
    if used > 0 {
        return Finding::bad(format!("{} of {} MiB in use", used.div_ceil(1024), total >> 10), "swapoff -a");
    }
    match look.files.number("proc/sys/vm/swappiness")? {
        swappiness if swappiness > GENTLE => {
            Finding::bad(format!("{} MiB, unused so far, swappiness {swappiness}", total >> 10), "sysctl -w vm.swappiness=1")
        }
        swappiness => Finding::good(format!("{} MiB, unused, swappiness {swappiness}", total >> 10)),
    }
}

/// Whether the kernel moves pages from node to node.
pub(super) fn balancing(look: &Look<'_>) -> Result<Finding, Unread> {
    if look.topology.nodes.len() == 1 {
        return Finding::good("one node: nothing to balance");
    }
    // 1 balances for locality, 2 between tiers of memory: both unmap pages to see who uses them.
    match look.files.number("proc/sys/kernel/numa_balancing")? {
        0 => Finding::good("off"),
        mode => Finding::bad(format!("on (mode {mode})"), "sysctl -w kernel.numa_balancing=0"),
    }
}

/// Whether there are huge pages for frames and tables, on the lane's node.
pub(super) fn huge_pages(look: &Look<'_>) -> Result<Finding, Unread> {
    const POOL: &str = "hugepages/hugepages-2048kB";
    let node = look.topology.core(look.cores.lane as usize).map(|core| core.node);
    let of_node = node.map(|node| format!("sys/devices/system/node/node{node}/{POOL}")).filter(|pool| look.files.exists(pool));
    let several = look.topology.nodes.len() > 1;
    let place = if let (true, Some(node), true) = (several, node, of_node.is_some()) { format!(" on node {node}") } else { String::new() };
    let pool = of_node.unwrap_or_else(|| format!("sys/kernel/mm/{POOL}"));
    let (total, free) = (look.files.number(&format!("{pool}/nr_hugepages"))?, look.files.number(&format!("{pool}/free_hugepages"))?);
    if free > 0 {
        return Finding::good(format!("{free} of {total} free{place}"));
    }
    // 64 of them (128 MiB) are what the operator's book advises.
    Finding::bad(format!("none free of {total}{place}"), format!("echo {} > /{pool}/nr_hugepages", total.saturating_add(64)))
}

/// Whether frames of AF_XDP may be locked in memory.
pub(super) fn locked(look: &Look<'_>) -> Result<Finding, Unread> {
    const STATUS: &str = "proc/self/status";
    const LIMITS: &str = "proc/self/limits";
    let status = look.files.text(STATUS)?;
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).map(str::trim);
    let Some(capabilities) = capabilities.and_then(|hex| u64::from_str_radix(hex, 16).ok()) else {
        return Err(Unread(format!("/{STATUS} does not tell CapEff")));
    };
    if capabilities & CAP_IPC_LOCK != 0 {
        return Finding::good("no limit (CAP_IPC_LOCK)");
    }
    let limits = look.files.text(LIMITS)?;
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max locked memory")?.split_ascii_whitespace().next());
    let limit_bytes = match limit.map(|limit| (limit, limit.parse::<u64>())) {
        Some(("unlimited", _)) => return Finding::good("no limit"),
        Some((_, Ok(bytes))) => bytes,
        _ => return Err(Unread(format!("/{LIMITS} does not tell `Max locked memory`"))),
    };
    let needed_bytes = UMEM_BYTES.saturating_mul(look.interfaces.len().max(1) as u64);
    if limit_bytes < needed_bytes {
        let found = format!("{} KiB, {} KiB wanted", limit_bytes >> 10, needed_bytes >> 10);
        return Finding::bad(found, "prlimit --pid $$ --memlock=unlimited:unlimited");
    }
    Finding::good(format!("{} MiB", limit_bytes >> 20))
}

//! Tables on pages that the kernel makes huge where it can, how much of them it did, and what is in its pool of huge pages.
//!
//! A table of millions of orders touched at random misses the TLB on nearly every access with 4 KiB pages; huge pages take 5 to 12 ns off a
//! message. Where there are none, ordinary pages do the same work slower: [`on_huge_pages`] says which it was. Every page is present when
//! [`boxed`] returns, on the calling thread's NUMA node, so that no page fault happens later.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ops::Range;
use std::path::Path;

/// The size of huge page we ask for: what x86_64 and most Arm kernels make of ordinary ones, and keep in their pool, by default.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;
const PAGE_BYTES: usize = 4096;
const TRANSPARENT: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// So many of an item in memory of the allocator's, on pages that the kernel makes huge where it can (transparent huge pages, where they are
/// allowed): for tables that are touched at random, and must not take pages of the kernel's pool from whoever is configured to use those.
/// Every page has been written to.
pub fn boxed<T: Copy>(len: usize, item: T) -> Box<[T]> {
    let mut items = Vec::with_capacity(len);
    // Before the first touch, which decides what a page is.
    prefer_huge(items.spare_capacity_mut());
    items.resize(len, item);
    items.into_boxed_slice()
}

/// Asks the kernel to back what lies between two page boundaries of this memory by huge pages.
fn prefer_huge<T>(memory: &mut [MaybeUninit<T>]) {
    let (start, bytes) = (memory.as_mut_ptr() as usize, size_of_val(memory));
    let from = start.next_multiple_of(PAGE_BYTES);
    let whole = (start + bytes).saturating_sub(from) / PAGE_BYTES * PAGE_BYTES;
    if whole >= HUGE_PAGE_BYTES {
        // SAFETY: whole pages inside memory that is ours alone; the advice changes the size of its pages, never what is in them. Where it is
        // refused everything works as before.
        unsafe { libc::madvise(from as *mut libc::c_void, whole, libc::MADV_HUGEPAGE) };
    }
}

/// Where a table lies, for [`on_huge_pages`].
pub fn addresses<T>(table: &[T]) -> Range<usize> {
    let Range { start, end } = table.as_ptr_range();
    start as usize..end as usize
}

/// How much of some memory lies on huge pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnHugePages {
    /// All of it.
    pub bytes: u64,
    /// What lies on huge pages now; `None`: the kernel does not tell.
    pub huge_bytes: Option<u64>,
}

impl OnHugePages {
    /// Whether nearly all of it does: nine tenths, or all but what a dozen tables may have before their first huge page and after their last.
    pub fn is_good(&self) -> bool {
        self.huge_bytes.is_some_and(|huge_bytes| {
            let small_bytes = self.bytes.saturating_sub(huge_bytes);
            small_bytes <= self.bytes / 10 || small_bytes <= 16 << 20
        })
    }
}

impl std::fmt::Display for OnHugePages {
    /// One line for a log: how much, and what to do where it is not on huge pages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |bytes: u64| (bytes + (1 << 19)) >> 20;
        let Some(huge_bytes) = self.huge_bytes else {
            return write!(f, "{} MiB; how much of them is on huge pages the kernel does not tell (/proc/self/smaps)", mib(self.bytes));
        };
        write!(f, "{} MiB, {} of them on huge pages", mib(self.bytes), mib(huge_bytes))?;
        if self.is_good() {
            return Ok(());
        }
        f.write_str(", so a message takes up to a tenth longer: ")?;
        match transparent().as_deref() {
            Some("never") => write!(f, "this host gives none; echo madvise > {TRANSPARENT}"),
            None => f.write_str("this kernel has no transparent huge pages"),
            Some(_) => f.write_str("the kernel had too few; start before other programs, or after echo 1 > /proc/sys/vm/compact_memory"),
        }
    }
}

/// Asks the kernel how much of this memory lies on huge pages (`/proc/self/smaps`). It may have refused when asked for them, or have had none
/// free, without a word. Some milliseconds; not for the path.
pub fn on_huge_pages(memory: &[Range<usize>]) -> OnHugePages {
    let bytes = memory.iter().map(|part| part.len() as u64).sum();
    let Ok(smaps) = std::fs::read_to_string("/proc/self/smaps") else { return OnHugePages { bytes, huge_bytes: None } };
    let mut huge_bytes = 0;
    // Bytes of the mapping being read that are ours: neighbours are joined, so it may be several of our tables, or hold other things too.
    let mut ours = 0;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(first), second) = (words.next(), words.next()) else { continue };
        if let Some((start, end)) = first.split_once('-') {
            let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16)) else { continue };
            ours = memory.iter().map(|part| part.end.min(end).saturating_sub(part.start.max(start)) as u64).sum();
        } else if first == "AnonHugePages:" && ours > 0 {
            let kib: u64 = second.and_then(|kib| kib.parse().ok()).unwrap_or(0);
            huge_bytes += ours.min(kib.saturating_mul(1024));
        }
    }
    OnHugePages { bytes, huge_bytes: Some(huge_bytes) }
}

/// What the kernel does when it is asked for huge pages, in its own words: `always`, `madvise` or `never`. `None` where it does not say.
pub fn transparent() -> Option<String> {
    let modes = std::fs::read_to_string(TRANSPARENT).ok()?;
    let (_, chosen) = modes.split_once('[')?;
    Some(chosen.split_once(']')?.0.to_owned())
}

/// The kernel's pool of huge pages of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HugePool {
    /// Bytes of one page.
    pub page_bytes: u64,
    /// Pages in the pool.
    pub total: u64,
    /// Pages of it that are free.
    pub free: u64,
}

/// The pools of one NUMA node, by page size; of the whole machine where the kernel shows no nodes. Empty if it shows none.
pub fn pools(node: usize) -> Vec<HugePool> {
    let of_node = read_pools(Path::new(&format!("/sys/devices/system/node/node{node}/hugepages")));
    if of_node.is_empty() { read_pools(Path::new("/sys/kernel/mm/hugepages")) } else { of_node }
}

fn read_pools(folder: &Path) -> Vec<HugePool> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut pools: Vec<HugePool> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let kib: u64 = name.to_str()?.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
            let number = |file: &str| std::fs::read_to_string(entry.path().join(file)).ok()?.trim().parse().ok();
            Some(HugePool { page_bytes: kib.checked_mul(1024)?, total: number("nr_hugepages")?, free: number("free_hugepages")? })
        })
        .collect();
    pools.sort_by_key(|pool| pool.page_bytes);
    pools
}

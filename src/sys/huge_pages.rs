//! Zeroed slices on huge pages, populated before they are handed out.
//!
//! A table of millions of orders touched at random misses the TLB on nearly every access with 4 KiB pages; huge pages take
//! 5-12 ns off a message. Where there are none, ordinary pages do the same work slower: [`Backing`] says which it was.
//!
//! Every page is present when [`HugeSlice::zeroed`] returns, on the calling thread's NUMA node, so that neither a page fault
//! nor a SIGBUS (a huge page promised and not there) can happen later. Asking costs the whole size at once: a host that
//! overcommits its memory does not refuse what it has not got, it kills, so the plan compares sizes with what is free.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::ptr::NonNull;

use zerocopy::FromZeros;

/// What the configuration may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HugePages {
    /// Ordinary pages.
    Never,
    /// Huge pages if there are enough, ordinary ones otherwise.
    #[default]
    Try,
    /// Huge pages or an error.
    Require,
}

/// What a slice lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Pages from the kernel's pool, of this many bytes.
    Huge(usize),
    /// Ordinary pages; the kernel was asked to make them huge where it can (transparent huge pages).
    Ordinary,
}

/// A slice of `T` in memory of its own.
pub struct HugeSlice<T> {
    start: NonNull<T>,
    len: usize,
    mapped_bytes: usize,
    backing: Backing,
}

// SAFETY: the slice owns its mapping alone, as a Box would; sending or sharing it is sending or sharing the `T`s.
unsafe impl<T: Send> Send for HugeSlice<T> {}
// SAFETY: as above; `&HugeSlice` gives out `&[T]` only.
unsafe impl<T: Sync> Sync for HugeSlice<T> {}

/// The size of huge page we ask for: what x86_64 and most Arm kernels keep in their pool by default.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;
const PAGE_BYTES: usize = 4096;

impl<T: FromZeros + Copy> HugeSlice<T> {
    /// `len` zeroed items. `ENOMEM` where the memory (with [`HugePages::Require`]: the huge pages) is not there.
    pub fn zeroed(len: usize, want: HugePages) -> io::Result<Self> {
        const { assert!(align_of::<T>() <= PAGE_BYTES && size_of::<T>() > 0) };
        let bytes = len.checked_mul(size_of::<T>()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?.max(1);
        if want != HugePages::Never {
            match map(bytes, HUGE_PAGE_BYTES, libc::MAP_HUGETLB | libc::MAP_HUGE_2MB) {
                Ok((start, mapped_bytes)) => {
                    return Ok(Self { start: start.cast(), len, mapped_bytes, backing: Backing::Huge(HUGE_PAGE_BYTES) });
                }
                Err(error) if want == HugePages::Require => return Err(error),
                Err(_) => {}
            }
        }
        let (start, mapped_bytes) = map(bytes, PAGE_BYTES, 0)?;
        Ok(Self { start: start.cast(), len, mapped_bytes, backing: Backing::Ordinary })
    }

    /// What it lies on.
    pub fn backing(&self) -> Backing {
        self.backing
    }
}

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

/// Maps and populates anonymous memory, a whole number of pages of `page_bytes`.
fn map(bytes: usize, page_bytes: usize, flags: libc::c_int) -> io::Result<(NonNull<u8>, usize)> {
    let bytes = bytes.checked_next_multiple_of(page_bytes).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new private mapping at an address of the kernel's choice touches no memory that exists.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let Some(start) = NonNull::new(start.cast::<u8>()) else { return Err(io::Error::from_raw_os_error(libc::ENOMEM)) };
    if flags & libc::MAP_HUGETLB == 0 {
        // SAFETY: the range is the mapping just made; the advice changes the size of its pages, never what is in them.
        unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
    }
    if let Err(error) = populate(start, bytes, page_bytes) {
        // SAFETY: the range is the mapping just made, and nobody has been given a reference into it.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
        return Err(error);
    }
    Ok((start, bytes))
}

fn populate(start: NonNull<u8>, bytes: usize, page_bytes: usize) -> io::Result<()> {
    // SAFETY: the range is a private writable mapping of our own; populating it writes zeros over zeros.
    if unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_POPULATE_WRITE) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() != Some(libc::EINVAL) {
        return Err(error);
    }
    // Kernels before 5.14 do not know the advice: touch each page.
    for offset in (0..bytes).step_by(page_bytes) {
        // SAFETY: `offset` is inside the mapping, and no reference to it exists yet. Volatile, so that it is not left out.
        unsafe { start.as_ptr().add(offset).write_volatile(0) };
    }
    Ok(())
}

impl<T> Deref for HugeSlice<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `start` is page-aligned, so aligned for T (asserted in `zeroed`); `len` items lie inside the mapping, which
        // lives as long as `self`; the bytes are zeros, a valid T (FromZeros), or what was stored through `&mut [T]`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for HugeSlice<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; `&mut self` makes it the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for HugeSlice<T> {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `map` returned, unmapped once; T is Copy, so no item has a destructor.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.mapped_bytes) };
    }
}

impl<T> std::fmt::Debug for HugeSlice<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HugeSlice")
            .field("len", &self.len)
            .field("mapped_bytes", &self.mapped_bytes)
            .field("backing", &self.backing)
            .finish()
    }
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

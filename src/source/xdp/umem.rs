//! The UMEM: the memory a NIC queue receives into, cut into chunks of one size.
//!
//! A chunk belongs either to the kernel (its address is in the fill ring, or in flight) or to us (its descriptor came out of
//! the receive ring and was not given back yet). Only then may its bytes be read. Descriptors are input: [`Inspector`] checks
//! each against the [`Layout`] before a byte behind it is touched.

use std::io;
use std::ops::Range;
use std::ptr::NonNull;

use crate::source::SourceError;
use crate::stats;

/// What the kernel keeps free in front of every received frame (`XDP_PACKET_HEADROOM`).
pub const KERNEL_HEADROOM_BYTES: u32 = 256;
/// Ethernet's header and two VLAN tags: what a frame is longer than the MTU.
pub const FRAME_OVERHEAD_BYTES: u32 = 14 + 4 + 4;
/// Chunks of a UMEM at most: 4 GiB of 4096.
const MOST_CHUNKS: u32 = 1 << 20;
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// How a UMEM is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    chunks: u32,
    chunk_bytes: u32,
    headroom_bytes: u32,
}

impl Layout {
    /// `chunks` must be a power of two (the fill ring holds them all), `chunk_bytes` 2048 or 4096 (aligned mode only: with
    /// unaligned chunks the address's upper bits hold an offset), `headroom_bytes` what is kept free besides the kernel's 256.
    pub fn new(chunks: u32, chunk_bytes: u32, headroom_bytes: u32) -> Result<Self, SourceError> {
        let refuse = |why: String, cure: &str| Err(SourceError { what: "laying out the UMEM".into(), why, cure: cure.into() });
        if !matches!(chunk_bytes, 2048 | 4096) {
            return refuse(format!("chunks of {chunk_bytes} bytes"), "use 2048 or 4096");
        }
        if !chunks.is_power_of_two() || !(64..=MOST_CHUNKS).contains(&chunks) {
            return refuse(format!("{chunks} chunks"), "use a power of two from 64 to 1048576");
        }
        if headroom_bytes > chunk_bytes / 4 {
            return refuse(
                format!("a headroom of {headroom_bytes} bytes in chunks of {chunk_bytes}"),
                "use at most a quarter of the chunk",
            );
        }
        Ok(Self { chunks, chunk_bytes, headroom_bytes })
    }

    /// How many chunks.
    pub const fn chunks(self) -> u32 {
        self.chunks
    }

    /// Bytes of one chunk.
    pub const fn chunk_bytes(self) -> u32 {
        self.chunk_bytes
    }

    /// Bytes of all chunks.
    pub const fn bytes(self) -> usize {
        self.chunks as usize * self.chunk_bytes as usize
    }

    /// The longest frame a chunk takes.
    pub const fn frame_bytes(self) -> u32 {
        self.chunk_bytes - self.headroom_bytes - KERNEL_HEADROOM_BYTES
    }

    /// Refuses an interface whose frames would not fit a chunk: the kernel would drop or chain them (case 21).
    pub fn admit_mtu(self, interface: &str, mtu: u32) -> Result<(), SourceError> {
        let longest = mtu.saturating_add(FRAME_OVERHEAD_BYTES);
        if longest <= self.frame_bytes() {
            return Ok(());
        }
        let most = self.frame_bytes() - FRAME_OVERHEAD_BYTES;
        let larger = if self.chunk_bytes == 2048 { "use chunks of 4096 bytes, or " } else { "" };
        Err(SourceError {
            what: format!("opening AF_XDP on {interface}"),
            why: format!(
                "its MTU of {mtu} makes frames of up to {longest} bytes with two VLAN tags, but a chunk of {} bytes takes {} (headroom {} + {KERNEL_HEADROOM_BYTES})",
                self.chunk_bytes,
                self.frame_bytes(),
                self.headroom_bytes
            ),
            cure: format!("{larger}lower the MTU: ip link set {interface} mtu {most}"),
        })
    }

    /// Where the chunk that holds `address` begins.
    pub(super) const fn chunk_of(self, address: u64) -> u64 {
        address & !(self.chunk_bytes as u64 - 1)
    }

    /// Whether `address` lies in the UMEM at all.
    pub(super) const fn holds(self, address: u64) -> bool {
        address < self.bytes() as u64
    }

    /// The bytes a descriptor names, if they lie within one chunk.
    fn range(self, address: u64, length: u32) -> Option<Range<usize>> {
        let within = (address - self.chunk_of(address)) as u32;
        let fits = self.holds(address) && length <= self.chunk_bytes && within + length <= self.chunk_bytes;
        // `address` is below 2^32 here, because it is below `bytes()`.
        fits.then(|| address as usize..address as usize + length as usize)
    }
}

/// What a descriptor turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// A whole frame: these bytes of the UMEM.
    Frame(Range<usize>),
    /// The end of a frame that is dropped, and why.
    Dropped(stats::Drop),
    /// A part of a frame in several buffers; it is counted when its last part comes.
    Part,
}

/// Checks descriptors in the order they come.
#[derive(Clone, Debug)]
pub struct Inspector {
    layout: Layout,
    in_chain: bool,
}

impl Inspector {
    /// For descriptors of a UMEM of that layout.
    pub const fn new(layout: Layout) -> Self {
        Self { layout, in_chain: false }
    }

    /// Looks at the next descriptor: `address` and `length` in bytes, `options` as in `struct xdp_desc`.
    #[inline]
    pub fn inspect(&mut self, address: u64, length: u32, options: u32) -> Inspected {
        let continues = options & libc::XDP_PKT_CONTD != 0;
        if continues || self.in_chain {
            // A frame in several buffers is larger than any market data we know; it goes as a whole, never in parts.
            self.in_chain = continues;
            return if continues { Inspected::Part } else { Inspected::Dropped(stats::Drop::ChainedDescriptor) };
        }
        match self.layout.range(address, length) {
            Some(range) => Inspected::Frame(range),
            None => Inspected::Dropped(stats::Drop::BadDescriptor),
        }
    }
}

/// What backs the UMEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Pages of the system's size, as asked, which the kernel makes huge where it can.
    Small,
    /// 2 MiB pages, as asked.
    Huge,
    /// Pages of the kernel's pool were asked for, but there were none: as [`Pages::Small`] (say so).
    SmallForWantOfHuge,
}

/// Whether huge pages are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HugePages {
    /// Not asked for.
    #[default]
    Off,
    /// If there are any; else small pages, and [`Pages::SmallForWantOfHuge`] says so.
    Prefer,
    /// Refuse to start without.
    Require,
}

/// The mapped memory. Unmapped on drop; the kernel keeps its own hold on the pages while a socket lives.
#[derive(Debug)]
pub struct Umem {
    base: NonNull<u8>,
    mapped_bytes: usize,
    layout: Layout,
    pages: Pages,
}

impl Umem {
    /// Maps and populates the memory; on the lane's pinned thread, so that it lies on that core's NUMA node.
    pub fn map(layout: Layout, huge: HugePages) -> Result<Self, SourceError> {
        if huge != HugePages::Off {
            let bytes = layout.bytes().next_multiple_of(HUGE_PAGE_BYTES);
            match map_anonymous(bytes, libc::MAP_HUGETLB) {
                Ok(base) => return Ok(Self { base, mapped_bytes: bytes, layout, pages: Pages::Huge }),
                Err(error) if huge == HugePages::Require => {
                    let pages = bytes / HUGE_PAGE_BYTES;
                    return Err(SourceError {
                        what: "mapping the UMEM".into(),
                        why: format!("{pages} huge pages of 2 MiB are required and not to be had ({error})"),
                        cure: format!(
                            "reserve them (sysctl vm.nr_hugepages={pages} or more), or prefer huge pages instead of requiring them"
                        ),
                    });
                }
                Err(_) => {}
            }
        }
        let pages = if huge == HugePages::Off { Pages::Small } else { Pages::SmallForWantOfHuge };
        let base = map_preferring_huge(layout.bytes()).map_err(|error| SourceError {
            what: "mapping the UMEM".into(),
            why: format!("{} bytes: {error}", layout.bytes()),
            cure: "use fewer chunks, or give the service more memory".into(),
        })?;
        Ok(Self { base, mapped_bytes: layout.bytes(), layout, pages })
    }

    /// How it is cut.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What backs it.
    pub fn pages(&self) -> Pages {
        self.pages
    }

    /// For `XDP_UMEM_REG`.
    pub(super) fn registration(&self) -> libc::xdp_umem_reg {
        libc::xdp_umem_reg {
            addr: self.base.as_ptr() as u64,
            len: self.layout.bytes() as u64,
            chunk_size: self.layout.chunk_bytes,
            headroom: self.layout.headroom_bytes,
            flags: 0,
            tx_metadata_len: 0,
        }
    }

    /// The bytes of a received frame.
    ///
    /// # Safety
    /// `range` came from [`Inspector::inspect`] for this layout, and the chunk it lies in is ours: its descriptor was taken
    /// from the receive ring and neither released nor given back while the slice lives.
    #[inline]
    pub(super) unsafe fn frame(&self, range: Range<usize>) -> &[u8] {
        debug_assert!(range.end <= self.layout.bytes());
        // SAFETY: in bounds of the mapping by `inspect`; nobody writes to it while the chunk is ours.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(range.start), range.end - range.start) }
    }

    /// The bytes of a chunk that is to be sent.
    ///
    /// # Safety
    /// The chunk is ours: never put into the transmit ring, or taken back from the completion ring since.
    pub(super) unsafe fn chunk_mut(&mut self, chunk: u64) -> &mut [u8] {
        assert!(chunk < u64::from(self.layout.chunks), "chunk {chunk} of {}", self.layout.chunks);
        let bytes = self.layout.chunk_bytes as usize;
        // SAFETY: in bounds by the assertion; nobody else reads or writes it while the chunk is ours.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(chunk as usize * bytes), bytes) }
    }

    /// Starts fetching the frame, up to its fourth line: a stream that long the processor goes on with by itself. A hint: any address is harmless.
    #[inline]
    pub(super) fn prefetch(&self, address: u64, length: u32) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let frame = self.base.as_ptr().wrapping_add(address as usize);
            for at in (0..length.min(256) as usize).step_by(64) {
                // SAFETY: a prefetch never faults and changes nothing but the cache.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(frame.wrapping_add(at).cast()) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (address, length);
    }
}

impl Drop for Umem {
    fn drop(&mut self) {
        // SAFETY: exactly what `map` mapped; every slice borrows from `self`, so none is left.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.mapped_bytes) };
    }
}

/// Maps memory on pages that the kernel makes huge where it can (transparent huge pages): with pages of 4 KiB each second frame is on another
/// page, and few of their addresses are remembered by the core. None of the kernel's pool are taken.
fn map_preferring_huge(bytes: usize) -> io::Result<NonNull<u8>> {
    if bytes < HUGE_PAGE_BYTES {
        return map_anonymous(bytes, 0);
    }
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let mapped = bytes + HUGE_PAGE_BYTES;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches nothing of ours.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), mapped, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let before = start.addr().next_multiple_of(HUGE_PAGE_BYTES) - start.addr();
    let base = start.wrapping_byte_add(before);
    // SAFETY: what lies around the aligned part of the mapping just made, whole pages of it (both sizes are multiples of a page), is given back; the advice concerns
    // that part, and so do the writes, one to each page: before the first of them the page's size is not settled.
    unsafe {
        if before > 0 {
            libc::munmap(start, before);
        }
        if before < HUGE_PAGE_BYTES {
            libc::munmap(base.wrapping_byte_add(bytes), HUGE_PAGE_BYTES - before);
        }
        libc::madvise(base, bytes, libc::MADV_HUGEPAGE);
        for page in (0..bytes).step_by(4096) {
            base.cast::<u8>().add(page).write_volatile(0);
        }
    }
    NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))
}

fn map_anonymous(bytes: usize, flags: i32) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE | flags;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches nothing of ours.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))
}

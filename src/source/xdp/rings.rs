//! The four rings an AF_XDP socket shares with the kernel: single producer, single consumer, no lock.
//!
//! Fill and transmit are ours to produce, receive and completion ours to consume. Each index is a `u32` that only ever
//! grows and wraps at 2^32; a slot is `index & mask`. The producer writes slots, then stores its index with release; the
//! consumer loads that with acquire, reads slots, then stores its own index with release. Each side caches the other's
//! index and looks again only when the cached one leaves nothing to do, so that a batch costs one shared cache line each way.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Frames taken from a ring at most in one batch.
pub const BATCH: u32 = 64;

/// One mapped ring.
struct Shared<T> {
    base: NonNull<u8>,
    bytes: usize,
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    slots: NonNull<T>,
    mask: u32,
}

impl<T: Copy> Shared<T> {
    /// Maps the ring of `entries` (a power of two) slots that the kernel keeps at `page_offset` of the socket.
    fn map(fd: BorrowedFd<'_>, page_offset: i64, offsets: libc::xdp_ring_offset, entries: u32) -> io::Result<Self> {
        assert!(entries.is_power_of_two());
        let bytes = offsets.desc as usize + entries as usize * size_of::<T>();
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let base =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, fd.as_raw_fd(), page_offset) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        // SAFETY: `bytes` were mapped just now and are unmapped only by drop.
        unsafe { Ok(Self::over(base, bytes, offsets, entries)) }
    }

    /// # Safety
    /// `bytes` at `base` are mapped shared memory of that ring layout, and stay so until drop unmaps them.
    #[allow(clippy::cast_ptr_alignment)]
    unsafe fn over(base: NonNull<u8>, bytes: usize, offsets: libc::xdp_ring_offset, entries: u32) -> Self {
        let index = |offset: u64| {
            assert!(offset.is_multiple_of(4) && offset as usize + 4 <= bytes);
            // SAFETY: inside the mapping by the assertion, and aligned, for a mapping begins at a page.
            unsafe { base.add(offset as usize).cast::<AtomicU32>() }
        };
        assert!((offsets.desc as usize).is_multiple_of(align_of::<T>()));
        assert!(offsets.desc as usize + entries as usize * size_of::<T>() <= bytes);
        Self {
            base,
            bytes,
            producer: index(offsets.producer),
            consumer: index(offsets.consumer),
            flags: index(offsets.flags),
            // SAFETY: inside the mapping and aligned by the assertions above.
            slots: unsafe { base.add(offsets.desc as usize).cast() },
            mask: entries - 1,
        }
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: points into the mapping, which lives as long as `self`; the kernel too accesses it atomically.
        unsafe { self.producer.as_ref() }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as `producer`.
        unsafe { self.consumer.as_ref() }
    }

    /// The kernel sleeps and wants a system call to go on.
    #[inline]
    fn needs_wakeup(&self) -> bool {
        // SAFETY: as `producer`.
        let flags = unsafe { self.flags.as_ref() };
        flags.load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }

    #[inline]
    fn slot(&self, index: u32) -> *mut T {
        // SAFETY: masked, so inside the `mask + 1` slots of the mapping.
        unsafe { self.slots.as_ptr().add((index & self.mask) as usize) }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: what `map` mapped; the accessors' references borrow from `self`.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

/// A ring we write to: fill (chunk addresses) or transmit (descriptors).
pub(super) struct Producer<T> {
    shared: Shared<T>,
    /// The next index we write; ahead of the shared one until `publish`.
    next: u32,
    /// The kernel's index as last seen.
    consumed: u32,
}

impl<T: Copy> Producer<T> {
    pub(super) fn map(fd: BorrowedFd<'_>, page_offset: i64, offsets: libc::xdp_ring_offset, entries: u32) -> io::Result<Self> {
        Ok(Self::new(Shared::map(fd, page_offset, offsets, entries)?))
    }

    fn new(shared: Shared<T>) -> Self {
        let (next, consumed) = (shared.producer().load(Ordering::Relaxed), shared.consumer().load(Ordering::Acquire));
        Self { shared, next, consumed }
    }

    /// Writes one slot, or says that the ring is full. The kernel sees it after `publish`.
    #[inline]
    #[must_use]
    pub(super) fn push(&mut self, item: T) -> bool {
        if self.next.wrapping_sub(self.consumed) > self.shared.mask {
            self.consumed = self.shared.consumer().load(Ordering::Acquire);
            if self.next.wrapping_sub(self.consumed) > self.shared.mask {
                return false;
            }
        }
        // SAFETY: the kernel has consumed this slot and does not read it before `publish`.
        unsafe { self.shared.slot(self.next).write(item) };
        self.next = self.next.wrapping_add(1);
        true
    }

    /// Shows the kernel what was pushed.
    #[inline]
    pub(super) fn publish(&mut self) {
        self.shared.producer().store(self.next, Ordering::Release);
    }

    /// How many were pushed that the kernel has not consumed.
    #[inline]
    pub(super) fn waiting(&self) -> u32 {
        self.next.wrapping_sub(self.shared.consumer().load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn needs_wakeup(&self) -> bool {
        self.shared.needs_wakeup()
    }
}

/// A ring we read from: receive (descriptors) or completion (chunk addresses).
pub(super) struct Consumer<T> {
    shared: Shared<T>,
    /// The first index not released yet.
    next: u32,
    /// The kernel's index as last seen.
    produced: u32,
}

impl<T: Copy> Consumer<T> {
    pub(super) fn map(fd: BorrowedFd<'_>, page_offset: i64, offsets: libc::xdp_ring_offset, entries: u32) -> io::Result<Self> {
        Ok(Self::new(Shared::map(fd, page_offset, offsets, entries)?))
    }

    fn new(shared: Shared<T>) -> Self {
        let (next, produced) = (shared.consumer().load(Ordering::Relaxed), shared.producer().load(Ordering::Acquire));
        Self { shared, next, produced }
    }

    /// How many are waiting, at most [`BATCH`].
    #[inline]
    pub(super) fn peek(&mut self) -> u32 {
        if self.produced == self.next {
            self.produced = self.shared.producer().load(Ordering::Acquire);
        }
        // Never more than there are slots, whatever the index says.
        self.produced.wrapping_sub(self.next).min(self.shared.mask + 1).min(BATCH)
    }

    /// The one that is `nth` in line; only for `nth` below what `peek` just returned.
    #[inline]
    pub(super) fn get(&self, nth: u32) -> T {
        debug_assert!(nth < self.produced.wrapping_sub(self.next));
        // SAFETY: produced before the acquire load in `peek`, and ours until `release`. Any bit pattern is a T (integers).
        unsafe { self.shared.slot(self.next.wrapping_add(nth)).read() }
    }

    /// Gives the first `count` slots back.
    #[inline]
    pub(super) fn release(&mut self, count: u32) {
        self.next = self.next.wrapping_add(count);
        self.shared.consumer().store(self.next, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFSETS: libc::xdp_ring_offset = libc::xdp_ring_offset { producer: 0, consumer: 64, flags: 128, desc: 192 };

    /// A ring in anonymous memory whose other side is played by the test, both indices starting at `start`.
    fn fake(entries: u32, start: u32) -> Shared<u64> {
        let bytes = 4096;
        // SAFETY: a fresh anonymous mapping.
        let base = unsafe {
            libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0)
        };
        assert_ne!(base, libc::MAP_FAILED);
        // SAFETY: mapped just now, of that size, unmapped by drop.
        let ring = unsafe { Shared::over(NonNull::new(base.cast()).unwrap(), bytes, OFFSETS, entries) };
        ring.producer().store(start, Ordering::Relaxed);
        ring.consumer().store(start, Ordering::Relaxed);
        ring
    }

    #[test]
    fn producing_goes_on_over_the_wrap_of_the_index_and_stops_when_full() {
        let mut ring = Producer::new(fake(8, u32::MAX - 3));
        for round in 0..5_u64 {
            for item in 0..8 {
                assert!(ring.push(round * 8 + item));
            }
            assert!(!ring.push(99), "a ninth of eight");
            let before = ring.shared.producer().load(Ordering::Relaxed);
            ring.publish();
            let after = ring.shared.producer().load(Ordering::Relaxed);
            assert_eq!(after.wrapping_sub(before), 8, "nothing shows before publish");
            for at in 0..8 {
                // SAFETY: written above; the test is the only other side.
                assert_eq!(unsafe { ring.shared.slot(before.wrapping_add(at)).read() }, round * 8 + u64::from(at));
            }
            ring.shared.consumer().store(after, Ordering::Relaxed);
        }
    }

    #[test]
    fn consuming_goes_on_over_the_wrap_of_the_index_in_batches() {
        let mut ring = Consumer::new(fake(128, u32::MAX - 100));
        assert_eq!(ring.peek(), 0);
        let start = u32::MAX - 100;
        let kernel_writes = |ring: &Consumer<u64>, from: u32, count: u32| {
            for at in 0..count {
                let index = start.wrapping_add(from + at);
                // SAFETY: the slot is not read before the index moves.
                unsafe { ring.shared.slot(index).write(u64::from(from + at)) };
            }
            ring.shared.producer().store(start.wrapping_add(from + count), Ordering::Release);
        };
        kernel_writes(&ring, 0, 128);
        assert_eq!(ring.peek(), BATCH);
        let first: Vec<u64> = (0..BATCH).map(|n| ring.get(n)).collect();
        assert_eq!(first, (0..64).collect::<Vec<u64>>());
        ring.release(BATCH);
        assert_eq!(ring.shared.consumer().load(Ordering::Relaxed), start.wrapping_add(64));
        kernel_writes(&ring, 128, 10);
        assert_eq!(ring.peek(), 64, "the cached index first");
        assert_eq!((ring.get(0), ring.get(63)), (64, 127));
        ring.release(64);
        assert_eq!(ring.peek(), 10);
        assert_eq!(ring.get(9), 137);
        ring.release(10);
        assert_eq!(ring.peek(), 0);
    }

    #[test]
    fn an_index_that_makes_no_sense_never_yields_more_than_the_ring_holds() {
        let mut ring = Consumer::new(fake(8, 0));
        ring.shared.producer().store(1 << 30, Ordering::Release);
        assert_eq!(ring.peek(), 8);
    }

    #[test]
    fn the_wakeup_flag_is_seen() {
        let ring = Producer::new(fake(8, 0));
        assert!(!ring.needs_wakeup());
        // SAFETY: inside the mapping.
        unsafe { ring.shared.flags.as_ref() }.store(libc::XDP_RING_NEED_WAKEUP, Ordering::Relaxed);
        assert!(ring.needs_wakeup());
    }
}

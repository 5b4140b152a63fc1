//! Memory that datagrams are received into: `count` buffers of one size, outside Rust's heap.
//!
//! The kernel writes to it while we hold no reference. It is reached by pointer only, and a slice is made of a buffer
//! exactly while that buffer is ours.

use std::io;
use std::ptr::NonNull;

/// The mapped memory; populated, so that no page is faulted in on the path.
#[derive(Debug)]
pub(super) struct Buffers {
    base: NonNull<u8>,
    mapped_bytes: usize,
    /// Bytes in front of the first buffer (the ring's entries, where there is one).
    head_bytes: usize,
    buffer_bytes: usize,
    count: usize,
}

impl Buffers {
    pub(super) fn map(head_bytes: usize, count: usize, buffer_bytes: usize) -> io::Result<Self> {
        let head_bytes = head_bytes.next_multiple_of(64);
        let mapped_bytes = head_bytes + count * buffer_bytes;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), mapped_bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { base, mapped_bytes, head_bytes, buffer_bytes, count })
    }

    /// The head, page-aligned.
    pub(super) fn head(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub(super) fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Buffer `at`, to hand to the kernel.
    pub(super) fn buffer(&self, at: usize) -> *mut u8 {
        assert!(at < self.count, "buffer {at} of {}", self.count);
        // SAFETY: inside the mapping by the assertion.
        unsafe { self.base.as_ptr().add(self.head_bytes + at * self.buffer_bytes) }
    }

    /// The first `length` bytes of buffer `at`, or `None` if there is no such buffer or it is shorter.
    ///
    /// # Safety
    /// The kernel has given the buffer back and does not get it again while the slice lives.
    #[inline]
    pub(super) unsafe fn received(&self, at: usize, length: usize) -> Option<&[u8]> {
        if at >= self.count || length > self.buffer_bytes {
            return None;
        }
        // SAFETY: inside the mapping by the check; nobody writes by the caller's promise.
        Some(unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(self.head_bytes + at * self.buffer_bytes), length) })
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: what `map` mapped; slices borrow from `self`, and the owner drops whatever lets the kernel write first.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.mapped_bytes) };
    }
}

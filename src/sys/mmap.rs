//! Shared mappings of files, unmapped when dropped.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// What may be done through a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Loads only: a store would be a SIGSEGV.
    Read,
    /// Loads and stores.
    ReadWrite,
}

/// A shared mapping of a file from its beginning.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a mapping is an address range of the process, not of a thread; `Mapping` itself gives out no reference into it.
unsafe impl Send for Mapping {}
// SAFETY: as above; `start` and `bytes` never change.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `bytes` of `file`, shared with everybody else who maps it. Every page is faulted in now, so that no later
    /// access has to: a fault costs as much as fifty records.
    ///
    /// The file may be closed afterwards. Should somebody truncate it, touching the missing pages is a SIGBUS.
    pub fn shared(file: &File, bytes: usize, access: Access) -> io::Result<Self> {
        let protection = match access {
            Access::Read => libc::PROT_READ,
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        };
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory; the descriptor is open.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mmap returned address 0"))?;
        Ok(Self { start, bytes })
    }

    /// Address of the first byte; page-aligned. Valid as long as the mapping lives.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Length as asked for.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `mmap` returned, unmapped once; whoever derived references from `start` keeps the mapping alive.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

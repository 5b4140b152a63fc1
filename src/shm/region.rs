//! Publication files as memory: created whole, seen whole, locked as long as their writer lives.
//!
//! - A writer makes the file under a temporary name, allocates every byte (`posix_fallocate`: a full /dev/shm is an error
//!   here, never a SIGBUS later), maps and populates it, takes an OFD write lock, and only when all is in place renames it.
//! - Nobody ever truncates or shortens a file, so a mapped page never disappears. Mode 0640 keeps everybody but the
//!   writer's user from doing so.
//! - Readers open and map read-only. Whether the writer lives they learn from its lock, which the kernel takes away with
//!   the process, however it ends.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cell::Word;
use super::ring::Words;
use crate::sys::mmap::{Access, Mapping};

/// Group may read, others nothing.
const FILE_MODE: u32 = 0o640;

/// A word of a read-only mapping: it can be loaded and nothing else.
#[derive(Debug)]
#[repr(transparent)]
pub struct ReadWord(AtomicU64);

impl Word for ReadWord {
    #[inline(always)]
    fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }
}

/// A file mapped to be written. Only its creator has one.
#[derive(Debug)]
pub struct WriteRegion {
    mapping: Mapping,
    file: File,
}

impl WriteRegion {
    /// Creates `path` (which must not exist) with `bytes` zero bytes, all of them allocated and mapped, locked.
    pub fn create(path: &Path, bytes: usize) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
        // The umask must not decide who can read market data.
        file.set_permissions(std::fs::Permissions::from_mode(FILE_MODE))?;
        let length = libc::off_t::try_from(bytes).map_err(io::Error::other)?;
        // SAFETY: plain call on an open descriptor.
        let code = unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) };
        if code != 0 {
            return Err(io::Error::from_raw_os_error(code));
        }
        if !lock(&file, 0, 0)? {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        let mapping = Mapping::shared(&file, bytes, Access::ReadWrite)?;
        Ok(Self { mapping, file })
    }

    /// Maps an existing small file to write cells in it (gates), `bytes` of it.
    pub fn open(file: File, bytes: usize) -> io::Result<Self> {
        let mapping = Mapping::shared(&file, bytes, Access::ReadWrite)?;
        Ok(Self { mapping, file })
    }

    /// Its file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// A file mapped to be read.
#[derive(Debug)]
pub struct ReadRegion {
    mapping: Mapping,
    file: File,
}

impl ReadRegion {
    /// Opens `path` read-only. Does not map it yet: its header decides whether it is worth mapping.
    pub fn open_file(path: &Path) -> io::Result<File> {
        // Not to wait for the other end, should somebody have put a FIFO there.
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
    }

    /// Maps the first `bytes` of the file, which must be that long.
    pub fn map(file: File, bytes: usize) -> io::Result<Self> {
        let mapping = Mapping::shared(&file, bytes, Access::Read)?;
        Ok(Self { mapping, file })
    }

    /// Whether the name still leads to this file. `false`: it was replaced or removed.
    pub fn is_linked(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.nlink() > 0)
    }

    /// Whether the writer holds its lock, that is, lives.
    pub fn is_locked(&self) -> io::Result<bool> {
        is_locked(&self.file, 0, 0)
    }
}

fn inside(mapping: &Mapping, at: usize, words: usize) -> bool {
    at.checked_add(words).and_then(|end| end.checked_mul(8)).is_some_and(|end| end <= mapping.bytes())
}

macro_rules! span {
    ($(#[$doc:meta])* $name:ident, $region:ident, $word:ty) => {
        impl $region {
            /// `words` words from word `at`; `None` if they are not all inside.
            #[allow(clippy::cast_ptr_alignment)] // mappings begin on a page
            pub fn span(self: &Arc<Self>, at: usize, words: usize) -> Option<$name> {
                if !inside(&self.mapping, at, words) {
                    return None;
                }
                // SAFETY: `at` is not past the end of the mapping, as was just checked.
                let start = unsafe { self.mapping.start().cast::<$word>().add(at) };
                Some($name { start, words, _region: self.clone() })
            }
        }

        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            start: NonNull<$word>,
            words: usize,
            /// Keeps it mapped.
            _region: Arc<$region>,
        }

        // SAFETY: shared references to atomic words are all that a span gives out, and the mapping it keeps belongs to no thread.
        unsafe impl Send for $name {}
        // SAFETY: as above.
        unsafe impl Sync for $name {}

        impl Words for $name {
            type Word = $word;

            #[inline(always)]
            fn words(&self) -> &[$word] {
                // SAFETY: the range was checked against the mapping when the span was made, and the span keeps the mapping
                // alive. The start of a mapping is page-aligned, so every word is 8-aligned. The words are plain memory that
                // only ever changes by 8-byte atomic accesses; the writer never shortens the file. The word type of a
                // read-only mapping has no store.
                unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.words) }
            }
        }
    };
}
span!(
    /// A checked part of a [`WriteRegion`], which it keeps mapped.
    WriteSpan, WriteRegion, AtomicU64
);
span!(
    /// A checked part of a [`ReadRegion`], which it keeps mapped.
    ReadSpan, ReadRegion, ReadWord
);

fn flock(kind: libc::c_int, at: u64, bytes: u64) -> libc::flock {
    // SAFETY: `flock` is plain integers; all zeros is a valid value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = at as libc::off_t;
    lock.l_len = bytes as libc::off_t;
    lock
}

fn set_lock(file: &File, kind: libc::c_int, at: u64, bytes: u64) -> io::Result<bool> {
    let lock = flock(kind, at, bytes);
    // SAFETY: the descriptor is open and `lock` is an initialised flock, as F_OFD_SETLK asks.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        e if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        e => Err(e),
    }
}

/// Takes an exclusive lock on `bytes` bytes from `at` (0, 0: everything) that lives as long as this open file does.
/// `false` if somebody else holds one.
pub fn lock(file: &File, at: u64, bytes: u64) -> io::Result<bool> {
    set_lock(file, libc::F_WRLCK, at, bytes)
}

/// Gives a lock back.
pub fn unlock(file: &File, at: u64, bytes: u64) -> io::Result<()> {
    set_lock(file, libc::F_UNLCK, at, bytes).map(|_| ())
}

/// Whether somebody else holds an exclusive lock there. Needs no right but to read.
pub fn is_locked(file: &File, at: u64, bytes: u64) -> io::Result<bool> {
    let mut lock = flock(libc::F_RDLCK, at, bytes);
    // SAFETY: as above; F_OFD_GETLK writes its answer into `lock`.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

/// Bytes free to this process on the file system of `directory`.
pub fn free_bytes(directory: &Path) -> io::Result<u64> {
    let directory = std::ffi::CString::new(directory.as_os_str().as_encoded_bytes()).map_err(io::Error::other)?;
    // SAFETY: `statvfs` is plain integers; all zeros is a valid value.
    let mut status: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: a NUL-terminated path and room for the answer, both alive during the call.
    if unsafe { libc::statvfs(directory.as_ptr(), &mut status) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

/// Reads the first bytes of a file, as many as there are up to `buffer`'s length; says how many.
pub fn read_head(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

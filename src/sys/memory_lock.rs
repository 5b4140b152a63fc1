//! Keeping memory in memory: a page fault on the path costs more than the path.
#![allow(unsafe_code)]

use std::io;

/// Locks everything this process has mapped and will map (`mlockall`). Call it before the lanes allocate.
///
/// `ENOMEM` or `EPERM` without CAP_IPC_LOCK once RLIMIT_MEMLOCK is used up: [`lock_limit`] tells how much that is.
/// With it each later mapping is populated at once, so a mapping that is meant to stay sparse costs its whole size.
pub fn lock_all() -> io::Result<()> {
    // SAFETY: takes flags only; changes where pages may live, not what is in them.
    match unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Undoes [`lock_all`].
pub fn unlock_all() {
    // SAFETY: as above; without arguments and without failure modes on Linux that leave memory unusable.
    unsafe { libc::munlockall() };
}

/// How many bytes this process may lock without CAP_IPC_LOCK; `None` means no limit.
pub fn lock_limit() -> Option<u64> {
    let limit = memlock();
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Raises the soft limit to the hard one, and returns what [`lock_limit`] says then.
/// The UMEM of an AF_XDP socket counts against it, and fails with ENOBUFS when it does not fit.
pub fn raise_lock_limit() -> Option<u64> {
    let mut limit = memlock();
    if limit.rlim_cur != limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `limit` is a live rlimit that is only read; a refusal changes nothing.
        unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) };
    }
    lock_limit()
}

fn memlock() -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live, writable rlimit; on failure it stays as it was, which reads as "nothing may be locked".
    unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    limit
}

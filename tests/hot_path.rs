//! Once a channel has begun, its path from the datagram to the rings makes no system call and meets no page fault. (That it allocates nothing
//! is in `path_alloc`; that it takes no lock, not even a free one, in `hot_instructions`.)
#![cfg(feature = "service")]

mod began;
mod venue;

use std::sync::{Mutex, MutexGuard};

use began::Began;
use tickwire::record::Schema;

/// One test at a time: what a process has written to is write-protected when it forks, and each page of it is a fault afterwards.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

/// Page faults of this thread so far.
fn faults() -> i64 {
    // SAFETY: `rusage` is integers; getrusage fills it in.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), 0);
        usage.ru_minflt + usage.ru_majflt
    }
}

#[test]
fn no_page_fault_after_the_first_datagrams() {
    let _turn = alone();
    let mut path = Began::new(60_000, 200, 35);
    let all = path.datagrams.len();
    // The code's own pages, and the stack's.
    path.run(0..all / 4);
    let before = faults();
    path.run(all / 4..all);
    assert_eq!(faults() - before, 0);
    assert!(path.publisher.records(Schema::Mbo) > 50_000 && path.channel.drops().iter().all(|(_, n)| n == 0), "{:?}", path.channel.drops());
    // And it would show.
    let before = faults();
    std::hint::black_box(vec![1_u8; 64 << 20]);
    assert!(faults() - before > 10);
}

/// Runs `work` in a child process that may read, write and end, and nothing else; whether it got to its end.
fn without_system_calls(work: impl FnOnce()) -> bool {
    // SAFETY: the child makes no call but prctl and exit; `work` must allocate nothing and take no lock, since another thread of the parent
    // may have held one. The parent waits for it.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "{}", std::io::Error::last_os_error());
        if child == 0 {
            if libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) != 0 {
                libc::syscall(libc::SYS_exit, 2);
            }
            work();
            libc::syscall(libc::SYS_exit, 0);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        assert!(!libc::WIFEXITED(status) || libc::WEXITSTATUS(status) == 0, "seccomp is refused here");
        libc::WIFEXITED(status)
    }
}

#[test]
fn no_system_call_once_the_session_has_begun() {
    let _turn = alone();
    let mut path = Began::new(60_000, 200, 35);
    let all = path.datagrams.len();
    // A new session is a new file.
    path.run(0..1);
    assert!(without_system_calls(|| path.run(1..all)), "the path was killed for a system call");
    // And it would show.
    assert!(!without_system_calls(|| {
        path.run(1..all / 2);
        std::thread::yield_now();
    }));
}

//! Child processes that end when told, and never outlive us.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Has the child killed when the thread that starts it ends, however that ends: kill -9 of our process included. The child gets
/// Ctrl-C no more (it is in a process group of its own) and no blocked signals.
pub fn end_with_us(command: &mut Command) {
    command.process_group(0);
    let parent = std::process::id();
    let prepare = move || {
        // SAFETY: between fork and exec only calls that signal-safety(7) allows: two prctl-like calls with numbers, a mask in memory of
        // our own, getppid. Nothing allocates: an error is made of a number.
        unsafe {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // It may have died before that.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        }
        Ok(())
    };
    // SAFETY: see the closure; it captures a number.
    unsafe { command.pre_exec(prepare) };
}

/// Asks a child to end (SIGTERM). One that has ended is not asked.
pub fn ask_to_end(child: &mut Child) -> io::Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    // SAFETY: takes numbers. Our own child, not waited for yet, so that the number is its and nobody else's.
    match unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

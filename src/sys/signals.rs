//! SIGTERM and SIGINT become one flag; a second one ends the process at once. SIGHUP becomes it too where a program wants that.
//!
//! The handler does three things that are allowed in a handler: swaps an atomic, writes to an eventfd, or `_exit`s. The eventfd
//! lets the control thread sleep until a signal or its next deadline, whichever thread the signal landed on.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// Exit code after a second signal: what a shell reports for a program that Ctrl-C ended.
pub const FORCED_EXIT: i32 = 130;

static STOP: AtomicBool = AtomicBool::new(false);
/// Whether a signal came that the next one ends the process after.
static SIGNALLED: AtomicBool = AtomicBool::new(false);
/// The eventfd that a stop makes readable; -1 until [`install`].
static WAKE: AtomicI32 = AtomicI32::new(-1);

/// Takes over SIGTERM and SIGINT for the process. A second call does nothing.
pub fn install() -> io::Result<()> {
    // SAFETY: takes numbers, returns a descriptor or -1.
    let wake = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if wake < 0 {
        return Err(io::Error::last_os_error());
    }
    if WAKE.compare_exchange(-1, wake, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        // SAFETY: `wake` was opened above and nobody else has seen it.
        unsafe { libc::close(wake) };
        return Ok(());
    }
    // SAFETY: an all-zero sigaction is a valid one (no flags, empty mask, default handler).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
    // Interrupted system calls go on; whoever waits for the stop polls the eventfd.
    action.sa_flags = libc::SA_RESTART;
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: `action` lives through the call; its handler is an `extern "C" fn(c_int)`, as it must be without
        // SA_SIGINFO, and does nothing but what signal-safety(7) allows.
        if unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Has SIGHUP, too, ask the process to stop, unless whoever started it has it ignored (`nohup`). It ends nothing at once, nor does
/// the signal behind it: a terminal that goes away is told of by the kernel, by the shell, and by whoever ends the session then.
pub fn stop_on_hang_up() -> io::Result<()> {
    // SAFETY: all-zero sigactions are valid ones (no flags, empty mask, default handler).
    let (mut action, mut before): (libc::sigaction, libc::sigaction) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    action.sa_sigaction = on_hang_up as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `before` lives through the call, which only asks.
    if unsafe { libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if before.sa_sigaction == libc::SIG_IGN {
        return Ok(());
    }
    // SAFETY: `action` lives through the call; its handler is an `extern "C" fn(c_int)`, as it must be without SA_SIGINFO, and does
    // nothing but what signal-safety(7) allows.
    if unsafe { libc::sigaction(libc::SIGHUP, &action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The flag itself, for loops that look at it often.
pub fn stop_flag() -> &'static AtomicBool {
    &STOP
}

/// Lets SIGPIPE end the process, as it does every filter: for commands whose output somebody reads. Rust ignores it by default.
pub fn end_quietly_when_output_closes() {
    // SAFETY: sets the default disposition of one signal; no handler of ours is involved.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

extern "C" fn on_signal(_signal: libc::c_int) {
    if SIGNALLED.swap(true, Ordering::SeqCst) {
        // SAFETY: `_exit` is async-signal-safe and does not return; no destructor has to run for the next start to be clean.
        unsafe { libc::_exit(FORCED_EXIT) };
    }
    STOP.store(true, Ordering::SeqCst);
    wake();
}

extern "C" fn on_hang_up(_signal: libc::c_int) {
    STOP.store(true, Ordering::SeqCst);
    wake();
}

fn wake() {
    let descriptor = WAKE.load(Ordering::SeqCst);
    if descriptor < 0 {
        return;
    }
    let one = 1u64;
    // SAFETY: errno is the interrupted thread's, saved and put back around the one call that may change it; `write` is
    // async-signal-safe and reads the 8 bytes of `one`; the descriptor is never closed once stored.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        libc::write(descriptor, (&raw const one).cast(), size_of::<u64>());
        *errno = saved;
    }
}

/// Whether somebody asked the process to stop.
#[inline]
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Asks the process to stop, as one signal would.
pub fn request_stop() {
    SIGNALLED.store(true, Ordering::SeqCst);
    STOP.store(true, Ordering::SeqCst);
    wake();
}

/// Sleeps until a stop is asked for, at most `timeout`; true if it was.
pub fn wait_for_stop(timeout: Duration) -> bool {
    if stop_requested() {
        return true;
    }
    let descriptor = WAKE.load(Ordering::SeqCst);
    if descriptor < 0 {
        std::thread::sleep(timeout);
        return stop_requested();
    }
    // Rounded up, so that a wait of microseconds is no busy loop.
    let millis = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // SAFETY: one live, writable pollfd, and the count says one.
    unsafe { libc::poll(&mut poll, 1, millis) };
    stop_requested()
}

/// Keeps SIGTERM, SIGINT and SIGHUP away from the calling thread (a lane): another thread will get them.
pub fn keep_away_from_this_thread() {
    // SAFETY: an all-zero sigset_t is valid storage for sigemptyset, which initialises it; the set lives through the calls,
    // and blocking three signals in one thread leaves the process's other threads to take them.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::sigaddset(&mut set, libc::SIGINT);
        libc::sigaddset(&mut set, libc::SIGHUP);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

//! This thread's core, scheduling class and name.
//!
//! Enumerate before pinning: [`allowed_cores`] shows the mask of the calling thread, and a pinned thread's mask is its one core.
#![allow(unsafe_code)]

use std::io;

/// The cores (the kernel's numbers of logical processors) the calling thread may run on, ascending; empty if the kernel does not say.
pub fn allowed_cores() -> Vec<usize> {
    core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect()
}

/// Pins the calling thread to one core; it runs there when this returns. `EINVAL` for a core that is not there or not allowed.
pub fn pin_to(core: usize) -> io::Result<()> {
    // `core_affinity` writes into a fixed-size set without looking, so the number is checked first.
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    if !core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Lets the calling thread run on these cores alone; threads it starts from then on begin there. `EINVAL` if none of them is there and allowed.
pub fn restrict_to(cores: &[usize]) -> io::Result<()> {
    // SAFETY: an all-zero cpu_set_t is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &core in cores.iter().filter(|&&core| core < libc::CPU_SETSIZE as usize) {
        // SAFETY: `core` is below the set's size.
        unsafe { libc::CPU_SET(core, &mut set) };
    }
    // SAFETY: pid 0 is the calling thread; `set` lives through the call and is only read, as many bytes as it has.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The core the calling thread runs on now; `None` if the kernel does not say.
pub fn current_core() -> Option<usize> {
    // SAFETY: takes nothing, returns a number or -1.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Asks for `SCHED_FIFO` at `priority` (1..=99) for the calling thread; `EPERM` without CAP_SYS_NICE or an RLIMIT_RTPRIO.
///
/// A spinning FIFO thread alone on its core still yields to the kernel's fair server, 50 ms in every second, unless the
/// core is isolated: worth having only with `isolcpus` or `cpuset` isolation.
pub fn set_fifo(priority: u8) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: i32::from(priority) };
    // SAFETY: pid 0 is the calling thread; `parameter` lives through the call and is only read.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &parameter) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Names the calling thread as `ps -L` and `perf` show it; cut to the kernel's 15 bytes.
pub fn name_this_thread(name: &str) {
    let mut bytes = [0u8; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes().take(15).take_while(|&byte| byte != 0)) {
        *to = from;
    }
    // SAFETY: PR_SET_NAME reads at most 16 bytes up to the terminating zero, which the last byte always is.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}

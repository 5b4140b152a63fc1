//! Raw counters to measure time with, and whether the processor's own can be trusted.
//!
//! | reading | cost | trusted |
//! |---|---|---|
//! | [`ticks`] (`rdtsc`) | about 8 ns | only if [`trust`] says so |
//! | [`clock_ns`] (`clock_gettime` through the vDSO) | about 19 ns | always |
//!
//! `rdtsc` is not ordered against the instructions around it; the few nanoseconds this costs in precision are less than what
//! ordering it (`rdtscp`, 16 ns) costs in time.
#![allow(unsafe_code)]

/// The processor's time stamp counter; where there is none that may be read, `CLOCK_MONOTONIC_RAW` in nanoseconds.
#[inline(always)]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: `rdtsc` exists on every x86_64 processor and only writes registers. It traps where the process asked for
        // that itself (PR_SET_TSC), which nothing in this program does.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    clock_ns(libc::CLOCK_MONOTONIC_RAW)
}

/// `clock_gettime(clock)` in nanoseconds; 0 for a clock this kernel does not have.
#[inline]
pub fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live, writable timespec for the length of the call; a bad clock id is an error, not a fault.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) } != 0;
    if failed {
        return 0;
    }
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// `CLOCK_REALTIME`, ns since 1970 UTC; it steps when somebody sets it.
#[inline]
pub fn realtime_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// `CLOCK_MONOTONIC`, ns since some start; slewed by NTP, never stepped.
#[inline]
pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// Whether [`ticks`] runs at one rate on every core, in every power state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It does, and the kernel itself keeps time by it.
    Trusted,
    /// It may not; why, for a human.
    Untrusted(String),
}

/// Asks the processor (constant and nonstop) and the kernel, which watches the counter against others and gives it up when
/// it drifts. Both must agree: a hypervisor may offer an invariant counter and still move the guest to another host.
pub fn trust() -> Trust {
    if !invariant() {
        return Trust::Untrusted("the processor does not promise a constant, nonstop time stamp counter".into());
    }
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    match std::fs::read_to_string(path) {
        Ok(source) if source.trim() == "tsc" => Trust::Trusted,
        Ok(source) => Trust::Untrusted(format!("the kernel keeps time by '{}', not by the time stamp counter", source.trim())),
        Err(error) => Trust::Untrusted(format!("{path} cannot be read ({error}), so the kernel's opinion is not known")),
    }
}

/// CPUID 0x8000_0007, EDX bit 8: "invariant TSC", constant and nonstop in one.
#[cfg(target_arch = "x86_64")]
fn invariant() -> bool {
    use core::arch::x86_64::__cpuid;
    const HIGHEST_EXTENDED: u32 = 0x8000_0000;
    const POWER_MANAGEMENT: u32 = 0x8000_0007;
    __cpuid(HIGHEST_EXTENDED).eax >= POWER_MANAGEMENT && __cpuid(POWER_MANAGEMENT).edx & (1 << 8) != 0
}

#[cfg(not(target_arch = "x86_64"))]
fn invariant() -> bool {
    false
}

//! What saves power: clocks that change, and cores that sleep.

use super::files::{Files, Unread, shown};
use super::{Finding, Look};

/// A state that is left faster than this counts as C1: 1 or 2 µs on ordinary servers; C1E and deeper take 4 and more.
const SHALLOW_US: u64 = 2;

fn governor_path(core: u32) -> String {
    format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor")
}

/// A core's frequency governor: one word of letters, as all of the kernel's are.
pub(super) fn governor_of(files: &Files, core: u32) -> Result<String, Unread> {
    let path = governor_path(core);
    let governor = files.text(&path)?;
    let is_one = !governor.is_empty() && governor.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_one { Ok(governor) } else { Err(Unread::absurd(&path, &governor)) }
}

/// Whether the run's cores keep their highest clock.
pub(super) fn governor(look: &Look<'_>) -> Result<Finding, Unread> {
    let mut slow = Vec::new();
    for core in look.cores.all().iter() {
        let governor = governor_of(look.files, core)?;
        if governor != "performance" {
            slow.push((core, governor));
        }
    }
    if slow.is_empty() {
        return Finding::good(format!("performance on {}", look.cores.all().named()));
    }
    let found: Vec<String> = slow.iter().map(|(core, governor)| format!("{} on core {core}", shown(governor))).collect();
    let files: Vec<String> = slow.iter().map(|&(core, _)| format!("/{}", governor_path(core))).collect();
    Finding::bad(found.join(", "), format!("echo performance | tee {}", files.join(" ")))
}

/// Whether the clock stays where it is.
pub(super) fn turbo(look: &Look<'_>) -> Result<Finding, Unread> {
    const INTEL: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";
    const OTHERS: &str = "sys/devices/system/cpu/cpufreq/boost";
    let (path, on) = if look.files.exists(INTEL) { (INTEL, !look.files.switch(INTEL)?) } else { (OTHERS, look.files.switch(OTHERS)?) };
    if !on {
        return Finding::good("off");
    }
    Finding::bad("on", format!("echo {} > /{path}", u8::from(path == INTEL)))
}

/// Whether the lane's core wakes at once.
pub(super) fn idle(look: &Look<'_>) -> Result<Finding, Unread> {
    const LATENCY: &str = "dev/cpu_dma_latency";
    // Without a driver the kernel halts a core and nothing more: C1.
    if look.files.text("sys/devices/system/cpu/cpuidle/current_driver").is_ok_and(|driver| driver == "none") {
        return Finding::good("no idle driver, so C1 at most");
    }
    // Whoever holds this file open bounds them for everybody, by a number of µs.
    let held = look.files.bytes(LATENCY).ok().and_then(|bytes| Some(i32::from_ne_bytes(bytes.try_into().ok()?)));
    if let Some(us) = held.and_then(|us| u64::try_from(us).ok()).filter(|&us| us <= SHALLOW_US) {
        return Finding::good(format!("held at {us} µs by who has /{LATENCY} open"));
    }
    let folder = format!("sys/devices/system/cpu/cpu{}/cpuidle", look.cores.lane);
    let states = look.files.numbered(&folder, "state")?;
    if states.is_empty() {
        return Err(Unread(format!("/{folder} has no states")));
    }
    let mut deep = Vec::new();
    for state in &states {
        let latency_us = look.files.number(&format!("{folder}/state{state}/latency"))?;
        if latency_us > SHALLOW_US && !look.files.switch(&format!("{folder}/state{state}/disable"))? {
            let name = look.files.text(&format!("{folder}/state{state}/name")).unwrap_or_default();
            deep.push((state, format!("{} ({latency_us} µs)", shown(&name))));
        }
    }
    if deep.is_empty() {
        return Finding::good(format!("none deeper than C1 on core {}", look.cores.lane));
    }
    let found: Vec<&str> = deep.iter().map(|(_, state)| state.as_str()).collect();
    let switches: Vec<String> = deep.iter().map(|(state, _)| format!("/{folder}/state{state}/disable")).collect();
    Finding::bad(format!("{} on core {}", found.join(", "), look.cores.lane), format!("echo 1 | tee {}", switches.join(" ")))
}

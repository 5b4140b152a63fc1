//! The machine itself: its clock, what watches it, whether it is one, and what its processor must be guarded against.

use super::files::{Files, Unread, shown};
use super::{Finding, Look};

pub(super) const CLOCK_SOURCE: &str = "sys/devices/system/clocksource/clocksource0/current_clocksource";

/// The value of a key of `/proc/cpuinfo`, of the first processor that has it.
pub(super) fn cpuinfo<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.split_once(':').filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
    text.lines().find_map(value).filter(|value| !value.is_empty())
}

fn has_flag(cpuinfo_text: &str, flag: &str) -> bool {
    cpuinfo(cpuinfo_text, "flags").is_some_and(|flags| flags.split_ascii_whitespace().any(|word| word == flag))
}

/// Whether the time stamp counter runs at one rate in every power state.
pub(super) fn counter_is_steady(cpuinfo: &str) -> bool {
    has_flag(cpuinfo, "constant_tsc") && has_flag(cpuinfo, "nonstop_tsc")
}

/// Whether the kernel keeps time by the processor's own counter.
pub(super) fn clock(look: &Look<'_>) -> Result<Finding, Unread> {
    const AVAILABLE: &str = "sys/devices/system/clocksource/clocksource0/available_clocksource";
    let source = look.files.text(CLOCK_SOURCE)?;
    match source.as_str() {
        "tsc" | "arch_sys_counter" => return Finding::good(source),
        // `hpet`, `acpi_pm`, `kvm-clock`, …
        name if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(|byte| byte.is_ascii_graphic()) => {}
        absurd => return Err(Unread::absurd(CLOCK_SOURCE, absurd)),
    }
    let available = look.files.text(AVAILABLE).unwrap_or_default();
    // A counter that the kernel has given up is not offered any more, and must not be trusted.
    let offered = available.split_ascii_whitespace().any(|name| name == "tsc");
    Finding::bad(shown(&source), if offered { format!("echo tsc > /{CLOCK_SOURCE}") } else { String::new() })
}

/// Whether the kernel looks after hung cores by interrupts that cannot be masked.
pub(super) fn nmi_watchdog(look: &Look<'_>) -> Result<Finding, Unread> {
    match look.files.switch("proc/sys/kernel/nmi_watchdog")? {
        false => Finding::good("off"),
        true => Finding::bad("on", "sysctl -w kernel.nmi_watchdog=0"),
    }
}

/// Whose virtual machine it is, as ` (name)`, if it is one.
pub(super) fn hypervisor(files: &Files, cpuinfo: &str) -> Option<String> {
    let kind = files.text("sys/hypervisor/type").ok().filter(|kind| !kind.is_empty());
    if kind.is_none() && !has_flag(cpuinfo, "hypervisor") {
        return None;
    }
    let name = kind.or_else(|| files.text("sys/class/dmi/id/sys_vendor").ok()).filter(|name| !name.is_empty());
    Some(name.map_or(String::new(), |name| format!(" ({})", shown(&name))))
}

/// Whether it is a container, as far as that shows.
pub(super) fn container(files: &Files) -> Option<&'static str> {
    ([".dockerenv", "run/.containerenv", "run/systemd/container"].iter().any(|mark| files.exists(mark))).then_some("container")
}

/// Whether the cores are real.
pub(super) fn virtual_machine(look: &Look<'_>) -> Result<Finding, Unread> {
    const PATH: &str = "proc/cpuinfo";
    let text = look.files.text(PATH)?;
    if !text.lines().any(|line| line.starts_with("processor")) {
        return Err(Unread::absurd(PATH, &text));
    }
    match hypervisor(look.files, &text) {
        Some(name) => Finding::bad(format!("yes{name}"), ""),
        None => Finding::good("no"),
    }
}

/// Which guards against the processor's weaknesses are up. They are named, never blamed: who may go without them is not for us to say.
pub(super) fn mitigations(look: &Look<'_>) -> Result<Finding, Unread> {
    const FOLDER: &str = "sys/devices/system/cpu/vulnerabilities";
    let names = look.files.names(FOLDER)?;
    let (mut up, mut understood) = (Vec::new(), false);
    for name in &names {
        let Ok(text) = look.files.text(&format!("{FOLDER}/{name}")) else { continue };
        understood |=
            ["Not affected", "Mitigation", "Vulnerable", "Unknown", "Processor vulnerable"].iter().any(|word| text.starts_with(word));
        if let Some(how) = text.strip_prefix("Mitigation:") {
            up.push(format!("{} ({})", shown(name), shown(how.split([';', ',']).next().unwrap_or_default())));
        }
    }
    if !understood {
        return Err(Unread(format!("/{FOLDER} says nothing that can be understood")));
    }
    Finding::good(if up.is_empty() { "none".to_owned() } else { up.join(", ") })
}

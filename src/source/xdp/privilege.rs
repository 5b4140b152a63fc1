//! Which of the capabilities AF_XDP needs this thread lacks, so that a refusal can name them.
//!
//! The kernel's answer alone misleads: without CAP_BPF the loader finds no features at all and fails with EINVAL.

/// What is needed, with the bit in the kernel's mask: sockets, the XSKMAP and attaching, maps and programs.
const NEEDED: [(&str, u32); 3] = [("CAP_NET_RAW", 13), ("CAP_NET_ADMIN", 12), ("CAP_BPF", 39)];
/// Includes CAP_BPF.
const CAP_SYS_ADMIN: u32 = 21;

/// The cure for a refusal: which capabilities to give.
pub(super) fn cure() -> String {
    let missing = missing();
    let all = "CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF".to_owned();
    match missing.as_slice() {
        [] => format!("it needs {all} outside of any user namespace, which unprivileged containers cannot give"),
        missing => format!("run as root or give the service {}; it lacks {}", all, missing.join(" and ")),
    }
}

/// The needed ones this thread does not have. Empty too where that cannot be found out.
pub(super) fn missing() -> Vec<&'static str> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(effective) = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) else { return Vec::new() };
    let has = |bit: u32| effective >> bit & 1 == 1;
    let lacks = |&(name, bit): &(&'static str, u32)| {
        let implied = name == "CAP_BPF" && has(CAP_SYS_ADMIN);
        (!has(bit) && !implied).then_some(name)
    };
    NEEDED.iter().filter_map(lacks).collect()
}

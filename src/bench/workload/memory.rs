//! How much memory datagrams may take.

/// Where the kernel does not say what is free, ours to judge: a day of 20 million messages takes one.
const OTHERWISE_BYTES: u64 = 4 << 30;

/// Three quarters of what the kernel can give without swapping.
pub(super) fn room_bytes() -> u64 {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available_kib(&text));
    available.map_or(OTHERWISE_BYTES, |kib| kib.saturating_mul(1024) / 4 * 3)
}

fn available_kib(meminfo: &str) -> Option<u64> {
    meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?.split_whitespace().next()?.parse().ok()
}

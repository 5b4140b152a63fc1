//! Counting how many keys of a cache line are below one, without a branch.
//!
//! Eight comparisons, each of whose carries is added: 16 instructions. What the compiler makes of the plain sum on x86_64 without AVX-512
//! gathers the eight answers into a vector register and counts them there: 50 instructions.
#![allow(unsafe_code)]

/// How many of the keys are below `key`.
#[inline(always)]
pub fn count_below(keys: &[u64; 8], key: u64) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        let mut below = 0_usize;
        // SAFETY: reads the 64 bytes behind a live reference to eight keys, and nothing else; writes to its own register and the flags alone.
        // `cmp` sets the carry if the key in memory is the smaller one, as unsigned numbers; `adc` adds it.
        unsafe {
            core::arch::asm!(
                "cmp qword ptr [{keys}], {key}",
                "adc {below}, 0",
                "cmp qword ptr [{keys} + 8], {key}",
                "adc {below}, 0",
                "cmp qword ptr [{keys} + 16], {key}",
                "adc {below}, 0",
                "cmp qword ptr [{keys} + 24], {key}",
                "adc {below}, 0",
                "cmp qword ptr [{keys} + 32], {key}",
                "adc {below}, 0",
                "cmp qword ptr [{keys} + 40], {key}",
                "adc {below}, 0",
                "cmp qword ptr [{keys} + 48], {key}",
                "adc {below}, 0",
                "cmp qword ptr [{keys} + 56], {key}",
                "adc {below}, 0",
                keys = in(reg) keys,
                key = in(reg) key,
                below = inout(reg) below,
                options(pure, readonly, nostack),
            );
        }
        below
    }
    #[cfg(not(target_arch = "x86_64"))]
    keys.iter().map(|&k| usize::from(k < key)).sum()
}

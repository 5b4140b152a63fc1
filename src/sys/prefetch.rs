//! Asking for a cache line before it is needed: overlapping the misses of one batch is most of a cold book's speed.
//!
//! A hint only. It never faults, never reads on behalf of the program, and does nothing where the target has no such instruction.
#![allow(unsafe_code)]

/// Asks for the line of `slice[i]`. An index outside asks for a line that nobody needs, if there is one: no check, which would be a third of
/// what a look ahead costs.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], i: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE, which has the instruction, is part of every x86_64 target; a prefetch of any address, mapped or not, neither reads
        // nor faults as far as the program can tell. The address is made by wrapping arithmetic, so that making it is no promise either.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(slice.as_ptr().wrapping_add(i).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, i);
}

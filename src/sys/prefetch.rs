//! Asking for a cache line before it is needed: overlapping the misses of one batch is most of a cold book's speed.
//!
//! A hint only. It never faults, never reads on behalf of the program, and does nothing where the target has no such instruction.
#![allow(unsafe_code)]

/// Asks for the line of `slice[i]`; an index outside asks for nothing.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], i: usize) {
    if let Some(item) = slice.get(i) {
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: SSE, which has the instruction, is part of every x86_64 target; the address is that of a live
            // reference, and a prefetch neither reads nor faults as far as the program can tell.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(item).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = item;
    }
}

//! The benchmark's own thread, kept off the cores that it measures: it wakes up fifty times a second, and shows progress.

use crate::sys::affinity;

/// Keeps the calling thread off some cores until it is dropped. Threads that it starts meanwhile begin where it may run.
#[derive(Debug)]
pub(super) struct Apart {
    before: Vec<usize>,
}

impl Apart {
    /// Off all of these cores, or, where that leaves none, off as many of the first as can be.
    pub fn from(busy: &[usize]) -> Self {
        let before = affinity::allowed_cores();
        let free = (1..=busy.len()).rev().find_map(|count| {
            let busy = busy.get(..count)?;
            let free: Vec<usize> = before.iter().copied().filter(|core| !busy.contains(core)).collect();
            (!free.is_empty()).then_some(free)
        });
        if let Some(free) = free {
            // Where it is refused nothing but a few long latencies comes of it.
            let _ = affinity::restrict_to(&free);
        }
        Self { before }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = affinity::restrict_to(&self.before);
    }
}

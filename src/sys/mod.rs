//! The machine in safe clothes: what needs `unsafe` or a system call of its own, behind plain functions.
//!
//! Everything else in the crate is safe code. Each `unsafe` block here carries the proof that it is sound, and every
//! function says what it returns where the machine refuses. Nothing here knows of feeds, books or records.
#![allow(unsafe_code)]

#[cfg(feature = "service")]
pub mod affinity;
#[cfg(feature = "service")]
pub mod child;
mod count;
#[cfg(feature = "service")]
pub mod huge_pages;
#[cfg(feature = "service")]
pub mod interfaces;
#[cfg(feature = "service")]
pub mod memory_lock;
pub mod mmap;
#[cfg(feature = "service")]
pub mod netns;
#[cfg(feature = "service")]
pub mod numa;
#[cfg(feature = "service")]
pub mod opened;
#[cfg(feature = "service")]
pub mod packet;
mod prefetch;
#[cfg(feature = "service")]
pub mod signals;
pub mod tsc;
#[cfg(feature = "service")]
mod veth;

pub use count::count_below;
pub use prefetch::prefetch;

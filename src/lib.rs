//! Tickwire: exchange frames in, normalised records out.
//!
//! ```text
//!  source ──datagram──▶ arbiter ──messages in sequence──▶ decoder ──event──▶ book ──change──▶ records ──▶ rings + board ──▶ consumers
//!  xdp|udp|pcap|memory  A/B, dup, early, gap              zerocopy view      apply            DBN layout
//!  └──────────────── one lane: one core, plain function calls; no queue, no lock, no allocation, no syscall ────────────────┘
//! ```
//!
//! The modules stand in the order of that path. With `default-features = false` only the consumer's end is built:
//! [`record`] and [`shm`].
#![deny(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("records and rings are little-endian; a big-endian host would need a conversion on every read");

#[cfg(feature = "service")]
pub mod book;
#[cfg(feature = "service")]
pub mod feed;
#[cfg(feature = "service")]
pub mod play;
pub mod record;
pub mod shm;
#[cfg(feature = "service")]
pub mod source;
#[cfg(feature = "service")]
pub mod stats;
pub mod sys;
#[cfg(feature = "service")]
pub mod wire;

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

// From the wire to the consumer, in the order of the path.
#[cfg(feature = "service")]
pub mod wire;
#[cfg(feature = "service")]
pub mod source;
#[cfg(feature = "service")]
pub mod feed;
#[cfg(feature = "service")]
pub mod book;
#[cfg(feature = "service")]
pub mod compose;
pub mod record;
pub mod shm;
#[cfg(feature = "c-api")]
pub mod c_api;

// What puts the path together and runs it.
#[cfg(feature = "service")]
pub mod channel;
#[cfg(feature = "service")]
pub mod journal;
#[cfg(feature = "service")]
pub mod lane;
#[cfg(feature = "service")]
pub mod config;
#[cfg(feature = "service")]
pub mod plan;
#[cfg(feature = "service")]
pub mod windows;
#[cfg(feature = "service")]
pub mod dbn_files;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "service")]
pub mod replay;
#[cfg(feature = "service")]
pub mod bench;
#[cfg(feature = "service")]
pub mod convert;
#[cfg(feature = "service")]
pub mod books_file;
#[cfg(feature = "service")]
pub mod generate;
#[cfg(feature = "service")]
pub mod play;
#[cfg(feature = "service")]
pub mod cli;

// What all of them stand on.
#[cfg(feature = "service")]
pub mod stats;
#[cfg(feature = "service")]
pub mod error;
#[cfg(feature = "service")]
pub mod time;
#[cfg(feature = "service")]
pub mod topology;
pub mod sys;

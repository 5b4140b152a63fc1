//! The benchmark's workload, schedule and sender: what is replayed, when it is due, and that nothing about its going out is hidden.
#![cfg(feature = "service")]

#[path = "../kernel/mod.rs"]
mod kernel;
#[path = "../packets/mod.rs"]
mod packets;
#[path = "../venue/mod.rs"]
mod venue;

#[path = "../allocations/mod.rs"]
mod allocations;
mod channels;
mod open_loop;
mod recordings;
mod refusals;
mod rig;
mod schedule;
mod wire;

//! The benchmark's runs: in process, by the lane that runs live, from memory; and on the wire, by the handler as users run it, in a process of
//! its own, between a sender and a consumer on one clock. And that nothing they should show can hide.
#![cfg(feature = "service")]

#[path = "../kernel/mod.rs"]
mod kernel;
#[path = "../packets/mod.rs"]
mod packets;
#[path = "../venue/mod.rs"]
mod venue;

mod command_line;
mod comparisons;
mod configurations;
mod cores;
mod handlers;
mod in_process;
mod interruptions;
mod recordings;
mod rig;
mod rounds;

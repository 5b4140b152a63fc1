//! The benchmark on the wire: the handler as users run it, in a process of its own, between a sender and a consumer on one clock.
#![cfg(feature = "service")]

#[path = "../kernel/mod.rs"]
mod kernel;

mod comparisons;
mod configurations;
mod cores;
mod handlers;
mod rig;
mod rounds;

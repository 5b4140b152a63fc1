//! DBN files as their readers meet them: written, rotated, cut, found after a kill, read by the `dbn` crate, by the official Python
//! package, and by a consumer who wants the whole history of a ring.
#![cfg(feature = "service")]

#[path = "../packets/mod.rs"]
mod packets;
#[path = "../shm_support/mod.rs"]
mod shm_support;

mod day;
mod history;
mod leftovers;
mod names;
mod python;
mod reading;
mod replayed;
mod written;

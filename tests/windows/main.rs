//! Windows and signals: what is computed from a publication's rings, beside models that know only the rules.
#![cfg(feature = "service")]

#[path = "../packets/mod.rs"]
mod packets;
#[path = "../shm_support/mod.rs"]
mod shm_support;

mod bars;
mod calendar;
mod day;
mod epochs;
mod hostile;
mod model;
mod plans;
mod rig;
mod samplings;
mod signals;

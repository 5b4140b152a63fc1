//! The arbiter, through its public door: scripts for each rule, properties against simple models, a seeded simulation.
#![cfg(feature = "service")]

mod capture;
mod framing;
mod gaps;
mod lines;
mod properties;
mod quarantine;
mod rig;
mod sessions;
mod simulation;
mod stream;

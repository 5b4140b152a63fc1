//! What people and machines get from a benchmark's result: table, JSON, HdrHistogram's files, the page, the comparison with an earlier run.
#![cfg(feature = "service")]

#[path = "../shm_support/mod.rs"]
mod shm_support;

mod baseline;
mod comparison;
mod command_line;
mod conditions;
mod hdrhistogram_files;
mod hostile_json;
mod json;
mod losses;
mod made_up;
mod page;
mod percentile;
mod properties;
mod table;

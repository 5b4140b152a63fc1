//! What people and machines get from a benchmark's result: table, JSON, HdrHistogram's files, the page, the comparison with an earlier run.
#![cfg(feature = "service")]

mod made_up;
mod table;

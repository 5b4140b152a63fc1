//! What came out of a benchmark, and everything that people and machines get of it.
//!
//! ```text
//!  rounds ─▶ BenchResult ─┬─ json ◀─▶ a file, read back by --show and --baseline      encoded: histograms in it
//!                         ├─ percentile, comparison, summary (in sentences) ─┬─▶ table, on a terminal
//!                         │                                                  └─▶ report, a page with plots
//!                         ├─ lost ─ which figures stand without what was lost
//!                         ├─ hlog, hgrm ─▶ HdrHistogram's own files
//!                         └─ condition, baseline ─▶ whether it became worse
//! ```
//!
//! Whatever is shown is counted from the result alone, so a stored one shows the same again.

pub mod baseline;
pub mod comparison;
pub mod condition;
mod encoded;
pub mod hgrm;
pub mod hlog;
pub mod json;
pub mod lost;
pub mod percentile;
pub mod readable;
pub mod report;
mod result;
pub mod summary;
pub mod table;

pub use result::{BenchResult, RoundFigures, RoundPercentiles, Variant, tell_apart};

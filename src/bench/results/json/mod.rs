//! A result as JSON: for programs, for later, and to be compared with. Reading it back gives an equal result.
//!
//! All that is measured is in the histograms; counts, means and percentiles stand beside them for whoever has no HdrHistogram at hand.
//! Units are in the names of keys. Rates and costs are to a thousandth; a percentile that too few values tell is null.

mod read;
mod shape;
mod write;

pub use read::{LARGEST_BYTES, open, read};
pub use write::write;

/// Version of the format: what reads one version refuses the others.
pub const FORMAT: &str = "tickwire-bench/1";

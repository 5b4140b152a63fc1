//! `[[publication]]`: a file in shared memory, and what housekeeping does beside it.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// `[[publication]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Its name, and the file's.
    pub name: Spanned<String>,
    /// Computed from the rings of that publication, off the lanes; absent: written by the lane of its channels.
    pub of: Option<Spanned<String>>,
    /// Its rings.
    #[serde(default)]
    pub ring: Vec<Ring>,
    /// Room for instruments; absent: 16384, or as many as in `of`.
    pub instruments: Option<Spanned<u32>>,
    /// Only these symbols are published; absent: all.
    pub symbols: Option<Spanned<Vec<Spanned<String>>>>,
    /// How many levels the signals' size imbalance is of.
    #[serde(default = "default_signal_levels")]
    pub signal_levels: Spanned<u32>,
    /// How long trades count in the signals' flow imbalance, venue time.
    #[serde(default = "default_flow_window_ms")]
    pub flow_window_ms: Spanned<u64>,
    /// Order-level images; absent: none.
    pub image: Option<Spanned<Image>>,
    /// DBN files; absent: none.
    pub recording: Option<Spanned<Recording>>,
}

fn default_signal_levels() -> Spanned<u32> {
    Spanned::new(0..0, 5)
}
fn default_flow_window_ms() -> Spanned<u64> {
    Spanned::new(0..0, 1_000)
}

/// `[[publication.ring]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// mbo, mbp-1, mbp-10, trades, status, …
    pub schema: Spanned<String>,
    /// Slots, a power of two; absent: by schema.
    pub depth: Option<Spanned<u64>>,
}

/// `[publication.image]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Image {
    /// Between two images.
    pub interval_ms: Spanned<u64>,
    /// The most `mbo` records a second, for as long as an image is old and loads: the ring must reach back to it.
    pub peak_records_per_s: Spanned<u64>,
}

impl Default for Image {
    fn default() -> Self {
        Self { interval_ms: Spanned::new(0..0, 1_000), peak_records_per_s: Spanned::new(0..0, 200_000) }
    }
}

/// `[publication.recording]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Where the files are written.
    pub dir: Spanned<PathBuf>,
    /// Only these schemas; absent: every ring that DBN has a schema for.
    pub schemas: Option<Spanned<Vec<Spanned<String>>>>,
    /// A file is closed and the next begun when it has so many bytes of records, before compression.
    #[serde(default = "default_rotate_mib")]
    pub rotate_mib: Spanned<u64>,
}

fn default_rotate_mib() -> Spanned<u64> {
    Spanned::new(0..0, 1_024)
}

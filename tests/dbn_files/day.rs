//! Recordings to be replayed: a generated ITCH day, two sessions one behind the other, and the real TOPS capture.

use std::path::{Path, PathBuf};

use tickwire::book::BooksCapacity;
use tickwire::feed::name::FeedName;
use tickwire::feed::venue_time::VenueDate;
use tickwire::generate::{CaptureConfig, GenerateConfig, capture};
use tickwire::replay::{ReplayConfig, ReplayFiles, ReplayPublication, Speed};

use super::packets::{self, TempFile};
use super::written::DAY_NS;

pub fn midnight_ns() -> u64 {
    VenueDate::parse("2023-11-15").unwrap().midnight_ns().unwrap()
}

fn session(seed: u64, name: &[u8; 10], midnight_ns: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let day = GenerateConfig { session: *name, ..GenerateConfig::whole_day(seed, 40_000, 40, midnight_ns) };
    capture(&day, &CaptureConfig::default(), &mut bytes, &mut |_| ()).unwrap();
    bytes
}

/// From before the opening to after midnight, UTC.
pub fn itch() -> TempFile {
    packets::file(&session(3, b"TICKWIRE01", midnight_ns()))
}

/// The same venue's publisher with two sessions in one capture, a day apart.
pub fn two_sessions() -> TempFile {
    let mut bytes = session(3, b"TICKWIRE01", midnight_ns());
    // Behind the file's header, which is the same.
    bytes.extend(&session(4, b"TICKWIRE02", midnight_ns() + DAY_NS)[24..]);
    packets::file(&bytes)
}

pub fn tops(test: &str) -> Option<PathBuf> {
    Some(packets::captures(test)?.join("iex/tops16.pcap.gz"))
}

pub fn config(file: &Path, feed: FeedName, publish: Option<&Path>, gated_readers: usize, dbn: &Path) -> ReplayConfig {
    ReplayConfig {
        file: file.to_owned(),
        feed,
        midnight_ns: None,
        speed: Speed::Max,
        lines: Vec::new(),
        publish: publish.map(|dir| ReplayPublication {
            dir: dir.to_owned(),
            name: "replay".into(),
            depth: 1024,
            gated_readers,
            keep: true,
            images_every: None,
            windows: None,
        }),
        dbn: Some(ReplayFiles { dir: dbn.to_owned() }),
        capacity: BooksCapacity { instruments: 1 << 14, orders: 1 << 15, levels: 1 << 18 },
    }
}

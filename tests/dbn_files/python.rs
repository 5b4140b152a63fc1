//! The official Python package reads the files, and finds what was published: every row, every column, every symbol.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tickwire::feed::name::FeedName;
use tickwire::record::statistics::stat_type;
use tickwire::record::{Definition, Header, Imbalance, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Statistics};
use zerocopy::FromZeros;

use super::day;
use super::replayed::{Published, replayed_and_published};
use super::shm_support::skip;
use super::written::{NOON_NS, dir, ring};

/// A Python with the package; `None`, after a loud word, where it cannot be had.
fn python() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dbn_files/install_databento");
    match Command::new("sh").arg(script).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/target/python-databento")).output() {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap().trim().into()),
        other => {
            let why = match other {
                Ok(output) => String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it says nothing").to_owned(),
                Err(error) => error.to_string(),
            };
            skip("TICKWIRE_PYTHON_TESTS", &format!("the official Python package cannot be had: {why}"));
            None
        }
    }
}

/// Has the script compare the files with the records and symbols, which it is given as plain bytes and JSON.
fn compare(python: &Path, dbn: &Path, published: &Published) {
    let expected = dir();
    for (schema, records) in &published.records {
        std::fs::write(expected.path().join(format!("{schema}.records")), records.concat()).unwrap();
    }
    std::fs::write(expected.path().join("symbols.json"), serde_json::to_vec(&published.symbols).unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dbn_files/read_with_databento.py");
    let output = Command::new(python).args(["-B", "-W", "ignore", script]).arg(dbn).arg(expected.path()).output().unwrap();
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complaints}");
    for (schema, records) in &published.records {
        let row = format!("{schema}: {} rows", records.len());
        assert!(records.is_empty() || said.lines().any(|line| line.starts_with(&row)), "{row}: {said}");
    }
}

/// A file of records that a made-up feed tells, and what is in it.
fn write<R: Record>(dbn: &Path, published: &mut Published, make: impl Fn(u64) -> R) {
    let mut files = ring(dbn, R::SCHEMA, u64::MAX);
    files.announce(2, 7, b"AAPL    ").unwrap();
    let records: Vec<R> = (1..=500).map(make).collect();
    (1..).zip(&records).for_each(|(position, record)| files.push(position, record).unwrap());
    files.close().unwrap();
    published.records.insert(R::SCHEMA.name(), records.iter().map(|record| record.as_bytes().to_vec()).collect());
}

fn hd<R: Record>(n: u64) -> Header {
    Header { ts_event: NOON_NS + n, ..Header::of::<R>(2, 7, 0) }
}

/// Auctions, prices, definitions and bars, every field of which has a value that it may have.
fn write_made_up(dbn: &Path) -> Published {
    let mut published = Published { records: BTreeMap::new(), symbols: [(7, "AAPL".to_owned())].into() };
    write(dbn, &mut published, |n| Imbalance {
        hd: hd::<Imbalance>(n),
        ts_recv: NOON_NS + n,
        ref_price: n as i64 * 10_000_000,
        paired_qty: n as u32,
        auction_type: b'O',
        side: b'B',
        significant_imbalance: b'L',
        ..Imbalance::new_zeroed()
    });
    write(dbn, &mut published, |n| Statistics {
        hd: hd::<Statistics>(n),
        ts_recv: NOON_NS + n,
        ts_ref: u64::MAX,
        price: n as i64 * 10_000_000,
        quantity: n as i64,
        sequence: n as u32,
        stat_type: stat_type::CLOSE_PRICE,
        update_action: 1,
        ..Statistics::new_zeroed()
    });
    let mut raw_symbol = [0; 71];
    raw_symbol[..4].copy_from_slice(b"AAPL");
    write(dbn, &mut published, |n| Definition {
        hd: hd::<Definition>(n),
        ts_recv: NOON_NS + n,
        raw_symbol,
        min_lot_size_round_lot: n as i32,
        instrument_class: b'K',
        match_algorithm: b'F',
        ..Definition::UNDEFINED
    });
    macro_rules! bars {
        ($($bar:ident),*) => { $(write(dbn, &mut published, |n| {
            let price = n as i64 * 10_000_000;
            $bar { hd: hd::<$bar>(n), open: price, high: price + 5, low: price - 5, close: price + 1, volume: n }
        });)* };
    }
    bars!(Ohlcv1S, Ohlcv1M, Ohlcv1H, Ohlcv1D);
    published
}

#[test]
fn the_official_package_reads_every_file_and_finds_the_same_rows_columns_and_symbols() {
    let Some(python) = python() else { return };
    let (file, dbn) = (day::two_sessions(), dir());
    let (_, mut published) = replayed_and_published(&file.path, FeedName::NasdaqItch, dbn.path());
    // Two sessions give ids to symbols anew; each file has its own.
    published.symbols.clear();
    compare(&python, dbn.path(), &published);
    let (file, dbn) = (day::itch(), dir());
    let (_, published) = replayed_and_published(&file.path, FeedName::NasdaqItch, dbn.path());
    compare(&python, dbn.path(), &published);
    let dbn = dir();
    let made_up = write_made_up(dbn.path());
    compare(&python, dbn.path(), &made_up);
    let Some(file) = day::tops("tops for Python") else { return };
    let dbn = dir();
    let (_, published) = replayed_and_published(&file, FeedName::IexTops, dbn.path());
    compare(&python, dbn.path(), &published);
}

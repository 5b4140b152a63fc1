//! One ring's files, written record by record: what is in them, and when one ends and the next begins.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tickwire::dbn_files::{FilesConfig, Publisher, RingFiles};
use tickwire::record::{
    Definition, Header, Imbalance, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Statistics, Status, Trade,
};
use zerocopy::{FromZeros, IntoBytes};

use super::reading::{self, names, read};
use super::shm_support as made;

/// 2023-11-15, 12:00 UTC.
pub const NOON_NS: u64 = 1_700_049_600_000_000_000;
pub const DAY_NS: u64 = 86_400_000_000_000;

pub fn config(dir: &Path, rotate_bytes: u64) -> FilesConfig {
    let publishers = vec![Publisher { id: 2, dataset: "XNAS.ITCH".into() }];
    FilesConfig { dir: dir.to_owned(), publication: "p".into(), publishers, rotate_bytes, in_background: false, index: None }
}

pub fn ring(dir: &Path, schema: Schema, rotate_bytes: u64) -> RingFiles {
    RingFiles::new(Arc::new(config(dir, rotate_bytes)), schema, 1)
}

/// An order of an instrument at a time.
pub fn mbo(n: u64, instrument_id: u32, at_ns: u64) -> Mbo {
    Mbo { hd: Header::of::<Mbo>(2, instrument_id, at_ns), ts_recv: at_ns, ..made::mbo(n) }
}

pub fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn same<R: Record>(make: impl Fn(u64) -> R) {
    let dir = dir();
    let mut files = ring(dir.path(), R::SCHEMA, u64::MAX);
    files.announce(2, 7, b"AAPL    ").unwrap();
    let records: Vec<R> = (1..=5_000).map(make).collect();
    for (position, record) in (1..).zip(&records) {
        files.push(position, record).unwrap();
        if position % 1_700 == 0 {
            files.flush().unwrap();
        }
    }
    files.close().unwrap();
    let name = format!("p.{}.20231115.0000.dbn.zst", R::SCHEMA.name());
    assert_eq!(names(dir.path()), [name.clone()]);
    let got = read(&dir.path().join(name));
    assert_eq!(got.records.len(), records.len());
    assert!(got.records.iter().zip(&records).all(|(got, record)| got == record.as_bytes()), "{}", R::SCHEMA.name());
    let metadata = &got.metadata;
    assert_eq!((metadata.version, metadata.dataset.as_str()), (3, "XNAS.ITCH"));
    assert_eq!(metadata.schema.map(|schema| schema.to_string()).as_deref(), Some(R::SCHEMA.name()));
    assert_eq!((metadata.stype_in, metadata.stype_out), (Some(dbn::SType::RawSymbol), dbn::SType::InstrumentId));
    assert_eq!((metadata.start, metadata.end.unwrap().get()), (NOON_NS + 1, NOON_NS + 5_001), "an end is exclusive");
    assert_eq!(metadata.symbols, ["AAPL"]);
    let interval = &metadata.mappings[0].intervals[0];
    assert_eq!((interval.start_date.to_string(), interval.end_date.to_string()), ("2023-11-15".into(), "2023-11-16".into()));
    assert_eq!(got.symbols()[&7], "AAPL");
}

#[test]
fn records_of_every_schema_come_back_from_the_file_byte_for_byte_and_in_order() {
    let hd = |size: usize, schema: Schema, n: u64| Header {
        length: (size / 4) as u8,
        rtype: schema.rtype(),
        publisher_id: 2,
        instrument_id: 7,
        ts_event: NOON_NS + n,
    };
    macro_rules! zeroed {
        ($($record:ident),*) => { $(same::<$record>(|n| {
            let mut record = $record::new_zeroed();
            record.hd = hd(size_of::<$record>(), $record::SCHEMA, n);
            record.ts_recv = NOON_NS + n;
            record
        });)* };
    }
    macro_rules! bars {
        ($($record:ident),*) => { $(same::<$record>(|n| {
            let mut record = $record::new_zeroed();
            record.hd = hd(size_of::<$record>(), $record::SCHEMA, n);
            (record.open, record.volume) = (n as i64, n);
            record
        });)* };
    }
    same::<Mbo>(|n| mbo(n, 7, NOON_NS + n));
    same::<Mbp1>(|n| Mbp1 { hd: hd(80, Schema::Mbp1, n), ts_recv: NOON_NS + n, ..made::mbp1(7, n) });
    same::<Mbp10>(|n| Mbp10 { hd: hd(368, Schema::Mbp10, n), ts_recv: NOON_NS + n, ..made::mbp10(7, n) });
    same::<Trade>(|n| Trade { hd: hd(48, Schema::Trades, n), ts_recv: NOON_NS + n, ..made::trade(7, n) });
    same::<Status>(|n| Status { hd: hd(40, Schema::Status, n), ts_recv: NOON_NS + n, ..made::status(7, n % 10) });
    same::<Definition>(|n| Definition { hd: hd(520, Schema::Definition, n), ts_recv: NOON_NS + n, ..Definition::UNDEFINED });
    zeroed!(Imbalance, Statistics);
    bars!(Ohlcv1S, Ohlcv1M, Ohlcv1H, Ohlcv1D);
}

#[test]
fn a_file_ends_at_its_size_and_the_next_goes_on_with_the_next_record() {
    let dir = dir();
    let mut files = ring(dir.path(), Schema::Mbo, 56 * 1_000);
    files.announce(2, 7, b"AAPL").unwrap();
    for n in 1..=3_500 {
        files.push(n, &mbo(n, 7, NOON_NS + n)).unwrap();
    }
    assert_eq!(files.take_whole().len(), 3, "whole as soon as they are full");
    files.close().unwrap();
    let numbered: Vec<String> = (0..4).map(|number| format!("p.mbo.20231115.{number:04}.dbn.zst")).collect();
    assert_eq!(names(dir.path()), numbered);
    let counts: Vec<usize> = reading::files(dir.path(), "mbo").iter().map(|file| read(file).records.len()).collect();
    assert_eq!(counts, [1_000, 1_000, 1_000, 500]);
    let expected: Vec<Vec<u8>> = (1..=3_500).map(|n| mbo(n, 7, NOON_NS + n).as_bytes().to_vec()).collect();
    assert_eq!(reading::all(dir.path(), "mbo"), expected);
    assert!(reading::files(dir.path(), "mbo").iter().all(|file| read(file).symbols()[&7] == "AAPL"), "each has its symbols");
}

#[test]
fn a_file_is_of_one_day_and_one_session_and_a_restart_goes_on_counting() {
    let dir = dir();
    let mut files = ring(dir.path(), Schema::Mbo, u64::MAX);
    files.announce(2, 7, b"OLD").unwrap();
    files.push(1, &mbo(1, 7, NOON_NS)).unwrap();
    files.push(2, &mbo(2, 7, NOON_NS + DAY_NS)).unwrap();
    // Late, out of order: it stays with its neighbours, and the mapping spans both days.
    files.push(3, &mbo(3, 7, NOON_NS)).unwrap();
    files.begin_epoch(2).unwrap();
    files.announce(2, 7, b"NEW").unwrap();
    files.push(1, &mbo(1, 7, NOON_NS + DAY_NS + 5)).unwrap();
    files.close().unwrap();
    let mut restarted = ring(dir.path(), Schema::Mbo, u64::MAX);
    restarted.push(1, &mbo(9, 7, NOON_NS + DAY_NS + 6)).unwrap();
    restarted.close().unwrap();
    let expected = [
        ("p.mbo.20231115.0000.dbn.zst", 1, Some("OLD")),
        ("p.mbo.20231116.0000.dbn.zst", 2, Some("OLD")),
        ("p.mbo.20231116.0001.dbn.zst", 1, Some("NEW")),
        ("p.mbo.20231116.0002.dbn.zst", 1, None),
    ];
    assert_eq!(names(dir.path()), expected.map(|(name, ..)| name));
    for (name, count, symbol) in expected {
        let file = read(&dir.path().join(name));
        assert_eq!((file.records.len(), file.symbols().get(&7).map(String::as_str)), (count, symbol), "{name}");
    }
    let spans = read(&dir.path().join(expected[1].0)).metadata.mappings[0].intervals[0].clone();
    assert_eq!((spans.start_date.to_string(), spans.end_date.to_string()), ("2023-11-15".into(), "2023-11-17".into()));
}

#[test]
fn an_id_that_is_given_to_another_symbol_begins_a_file_where_it_has_that_name() {
    let dir = dir();
    let mut files = ring(dir.path(), Schema::Mbo, u64::MAX);
    files.announce(2, 7, b"META    ").unwrap();
    files.announce(2, 8, b"MSFT    ").unwrap();
    files.push(1, &mbo(1, 7, NOON_NS)).unwrap();
    files.announce(2, 7, b"META    ").unwrap();
    files.push(2, &mbo(2, 8, NOON_NS)).unwrap();
    files.announce(2, 7, b"FB      ").unwrap();
    files.push(3, &mbo(3, 7, NOON_NS)).unwrap();
    files.close().unwrap();
    assert_eq!(files.renamed(), 1, "told the same again, it is no other");
    let symbols: Vec<_> = reading::files(dir.path(), "mbo").iter().map(|file| read(file).symbols()).collect();
    assert_eq!(symbols.len(), 2);
    assert_eq!((symbols[0][&7].as_str(), symbols[0][&8].as_str()), ("META", "MSFT"));
    assert_eq!((symbols[1][&7].as_str(), symbols[1].get(&8)), ("FB", None), "only what occurs in a file is in its metadata");
}

#[test]
fn each_publisher_has_its_own_files_because_ids_of_one_mean_nothing_to_another() {
    let dir = dir();
    let publishers = [(2, "XNAS.ITCH"), (4, "XPSX.ITCH"), (3, "XBOS.ITCH")].map(|(id, dataset)| Publisher { id, dataset: dataset.into() });
    let several = FilesConfig { publishers: publishers.to_vec(), ..config(dir.path(), u64::MAX) };
    let mut files = RingFiles::new(Arc::new(several), Schema::Mbo, 1);
    files.announce(2, 7, b"AAPL").unwrap();
    files.announce(4, 7, b"ZVZZT").unwrap();
    let of = |n: u64| {
        let mut record = mbo(n, 7, NOON_NS);
        record.hd.publisher_id = if n.is_multiple_of(3) { 4 } else { 2 };
        record
    };
    (1..=300).for_each(|n| files.push(n, &of(n)).unwrap());
    let mut stranger = mbo(301, 7, NOON_NS);
    stranger.hd.publisher_id = 38;
    let refused = files.push(301, &stranger).unwrap_err().to_string();
    assert!(refused.contains("position 301") && refused.contains("publisher 38"), "{refused}");
    assert_eq!(files.lost(), 1);
    files.close().unwrap();
    assert_eq!(names(dir.path()), ["p@xnas-itch.mbo.20231115.0000.dbn.zst", "p@xpsx-itch.mbo.20231115.0000.dbn.zst"]);
    for (file, count, dataset, symbol) in [(0, 200, "XNAS.ITCH", "AAPL"), (1, 100, "XPSX.ITCH", "ZVZZT")] {
        let file = read(&reading::files(dir.path(), "mbo")[file]);
        assert_eq!((file.records.len(), file.metadata.dataset.as_str(), file.symbols()[&7].as_str()), (count, dataset, symbol));
    }
}

#[test]
fn a_record_without_an_instrument_or_a_time_is_written_and_maps_nothing() {
    let dir = dir();
    let mut files = ring(dir.path(), Schema::Mbo, u64::MAX);
    files.push(1, &mbo(1, 0, NOON_NS)).unwrap();
    files.push(2, &mbo(2, 9, u64::MAX)).unwrap();
    files.close().unwrap();
    let file = read(&dir.path().join("p.mbo.20231115.0000.dbn.zst"));
    assert_eq!((file.records.len(), file.symbols().len(), file.metadata.end.unwrap().get()), (2, 0, NOON_NS + 1));
}

#[test]
fn symbols_are_what_dbn_can_hold_whatever_the_feed_says() {
    let dir = dir();
    let mut files = ring(dir.path(), Schema::Mbo, u64::MAX);
    files.announce(2, 1, b"A\xFF\0B    ").unwrap();
    files.announce(2, 2, b"        ").unwrap();
    files.push(1, &mbo(1, 1, NOON_NS)).unwrap();
    files.push(2, &mbo(2, 2, NOON_NS)).unwrap();
    files.close().unwrap();
    let symbols = read(&dir.path().join("p.mbo.20231115.0000.dbn.zst")).symbols();
    assert_eq!((symbols[&1].as_str(), symbols.get(&2)), ("A??B", None));
}

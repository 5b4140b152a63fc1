//! Recordings and DBN files as CSV and Parquet: the same rows that others read, exact, whole or refused.
#![cfg(feature = "service")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dbn::decode::{DbnMetadata, DecodeRecordRef, DynDecoder};
use dbn::encode::{CsvEncoder, EncodeRecordTextExt};
use dbn::{SymbolIndex, VersionUpgradePolicy};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::file::reader::{FileReader, SerializedFileReader};
use tickwire::book::BooksCapacity;
use tickwire::convert::{self, ConvertConfig, Converted, Csv, Format, Numbers, Parquet, Rows, Table};
use tickwire::error::{Error, Exit};
use tickwire::feed::name::FeedName;
use tickwire::generate::{CaptureConfig, GenerateConfig, Session, capture, day_file};
use tickwire::record::tally::Tally;
use tickwire::record::{ChannelState, Control, Definition, Instrument, Record, Row, Schema, Sink, SinkFull, UNDEF_PRICE, Venue, venue};
use tickwire::replay::{self, ReplayConfig, Speed};
use zerocopy::IntoBytes;

mod packets;

const MIDNIGHT_NS: u64 = 1_700_024_400_000_000_000;

fn config(input: &Path, format: Format) -> ConvertConfig {
    ConvertConfig {
        inputs: vec![input.to_owned()],
        table: None,
        feed: None,
        midnight_ns: Some(MIDNIGHT_NS),
        lines: Vec::new(),
        symbols: Vec::new(),
        format,
        numbers: Numbers::default(),
        capacity: BooksCapacity { instruments: 1 << 12, orders: 1 << 16, levels: 1 << 16 },
    }
}

fn converted(config: &ConvertConfig) -> Result<(Converted, Vec<u8>), Error> {
    let mut out = Vec::new();
    convert::run(config, &mut out, &|| false, &mut |_| ()).map(|converted| (converted, out))
}

/// Rows of a CSV, cells by column; quoted cells are not needed here.
fn cells(csv: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::str::from_utf8(csv).expect("UTF-8");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<String>>());
    (lines.next().expect("a header"), lines.collect())
}

// ── DBN files ──

/// The samples: whole files and fragments; none where there are no captures.
fn samples(test: &str) -> Vec<PathBuf> {
    let Some(folder) = packets::captures(test) else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("dbn")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| !path.to_string_lossy().ends_with(".dbz"));
    files.sort();
    assert!(files.len() > 60, "{} samples", files.len());
    files
}

fn is_fragment(path: &Path) -> bool {
    path.to_string_lossy().contains(".frag")
}

/// What the official encoder makes of a file: header and rows.
fn official(path: &Path, pretty: bool) -> (Vec<String>, Vec<Vec<String>>) {
    let mut decoder = DynDecoder::from_file(path, VersionUpgradePolicy::UpgradeToV3).unwrap();
    let symbols = decoder.metadata().symbol_map().unwrap();
    let schema = decoder.metadata().schema.unwrap();
    let mut out = Vec::new();
    {
        let mut encoder = CsvEncoder::builder(&mut out)
            .use_pretty_px(pretty)
            .use_pretty_ts(pretty)
            .write_header(false)
            .with_symbol(true)
            .build()
            .unwrap();
        encoder.encode_header_for_schema(3, schema, false, true).unwrap();
        while let Some(record) = decoder.decode_record_ref().unwrap() {
            encoder.encode_ref_with_sym(record, symbols.get_for_rec(&record).map(String::as_str)).unwrap();
        }
    }
    cells(&out)
}

/// The largest integers of all widths, which say that there is nothing.
const LARGEST: [&str; 8] = ["127", "255", "32767", "65535", "2147483647", "4294967295", "9223372036854775807", "18446744073709551615"];

fn agree(path: &Path, ours: (Vec<String>, Vec<Vec<String>>), theirs: (Vec<String>, Vec<Vec<String>>), numbers: Numbers) {
    assert_eq!(ours.0, theirs.0, "{}: columns", path.display());
    assert_eq!(ours.1.len(), theirs.1.len(), "{}: rows", path.display());
    for (our_row, their_row) in ours.1.iter().zip(&theirs.1) {
        for ((name, ours), theirs) in ours.0.iter().zip(our_row).zip(their_row) {
            let none = ours.is_empty() && (LARGEST.contains(&theirs.as_str()) || (numbers.raw_times && theirs == "0"));
            assert!(ours == theirs || none, "{}, {name}: {ours} against {theirs}", path.display());
        }
    }
}

#[test]
fn the_csv_of_every_dbn_sample_is_what_the_official_encoder_writes() {
    let mut schemas = BTreeMap::new();
    for path in samples("csv of the samples").iter().filter(|path| !is_fragment(path)) {
        for raw in [false, true] {
            let numbers = Numbers { raw_prices: raw, raw_times: raw };
            let theirs = official(path, !raw);
            match converted(&ConvertConfig { numbers, ..config(path, Format::Csv) }) {
                Ok((told, csv)) => {
                    assert_eq!(told.remarks, Vec::<String>::new());
                    assert_eq!(told.rows, theirs.1.len() as u64);
                    *schemas.entry(told.schema).or_insert(0) += told.rows;
                    agree(path, cells(&csv), theirs, numbers);
                }
                Err(error) => assert!(theirs.1.is_empty() && error.to_string().contains("nothing to convert"), "{error}"),
            }
        }
    }
    if !schemas.is_empty() {
        assert_eq!(schemas.len(), 16, "{schemas:?}");
    }
}

#[test]
fn fragments_say_by_their_records_what_they_are_whatever_their_version() {
    let header = official_header();
    // What all versions tell alike.
    let same = |row: &Vec<String>| [0, 1, 4, 5, 6, 7, 8].map(|column: usize| row[column].clone());
    let mut first: Option<Vec<_>> = None;
    for path in samples("fragments").iter().filter(|path| is_fragment(path)) {
        let (told, csv) = converted(&config(path, Format::Csv)).unwrap();
        let (columns, rows) = cells(&csv);
        assert_eq!((told.schema, &columns), ("definition", &header), "{}", path.display());
        assert!(rows.iter().all(|row| row.last().is_some_and(String::is_empty)), "a fragment names no symbols beside the records' own");
        let two: Vec<_> = rows.iter().take(2).map(same).collect();
        assert_eq!(first.get_or_insert_with(|| two.clone()), &two, "{}", path.display());
        assert_eq!(rows.len() > 2, path.to_string_lossy().contains("multi"), "{}: {} rows", path.display(), rows.len());
    }
    assert!(first.is_none_or(|rows| rows.len() == 2 && rows.iter().all(|row| !row[3].is_empty())));
}

/// The columns of definitions, as the official encoder names them.
fn official_header() -> Vec<String> {
    let mut out = Vec::new();
    let mut encoder = CsvEncoder::builder(&mut out).write_header(false).with_symbol(true).build().unwrap();
    encoder.encode_header_for_schema(3, dbn::Schema::Definition, false, true).unwrap();
    drop(encoder);
    cells(&out).0
}

fn opened(file: &[u8]) -> SerializedFileReader<std::fs::File> {
    SerializedFileReader::new(std::fs::File::open(packets::file(file).path).unwrap()).unwrap()
}

/// All rows of a Parquet file as texts, raw integers, nothing for null; and the columns' names.
fn rows_of(file: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let reader = opened(file);
    let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        let count = group.metadata().num_rows() as usize;
        let from = rows.len();
        rows.extend(std::iter::repeat_with(Vec::new).take(count));
        for (number, column) in columns.iter().enumerate() {
            let optional = column.max_def_level() > 0;
            let unsigned = matches!(column.logical_type_ref(), Some(LogicalType::Integer(integer)) if !integer.is_signed);
            let (mut levels, mut texts) = (Vec::new(), Vec::new());
            match group.get_column_reader(number).unwrap() {
                ColumnReader::Int32ColumnReader(mut of) => {
                    let mut values: Vec<i32> = Vec::new();
                    of.read_records(count, optional.then_some(&mut levels), None, &mut values).unwrap();
                    texts.extend(values.iter().map(|&value| if unsigned { value.cast_unsigned().to_string() } else { value.to_string() }));
                }
                ColumnReader::Int64ColumnReader(mut of) => {
                    let mut values: Vec<i64> = Vec::new();
                    of.read_records(count, optional.then_some(&mut levels), None, &mut values).unwrap();
                    texts.extend(values.iter().map(|&value| if unsigned { value.cast_unsigned().to_string() } else { value.to_string() }));
                }
                ColumnReader::ByteArrayColumnReader(mut of) => {
                    let mut values: Vec<ByteArray> = Vec::new();
                    of.read_records(count, optional.then_some(&mut levels), None, &mut values).unwrap();
                    texts.extend(values.iter().map(|value| String::from_utf8(value.data().to_vec()).unwrap()));
                }
                _ => panic!("{}: a type that is not used", column.name()),
            }
            let mut texts = texts.into_iter();
            for row in 0..count {
                let there = !optional || levels[row] == 1;
                rows[from + row].push(if there { texts.next().expect("a value for each level") } else { String::new() });
            }
            assert!(texts.next().is_none());
        }
    }
    (columns.iter().map(|column| column.name().to_owned()).collect(), rows)
}

#[test]
fn the_parquet_of_every_dbn_sample_holds_the_same_rows_with_their_types() {
    let raw = Numbers { raw_prices: true, raw_times: true };
    for path in samples("parquet of the samples") {
        let Ok((_, csv)) = converted(&ConvertConfig { numbers: raw, ..config(&path, Format::Csv) }) else { continue };
        for numbers in [raw, Numbers::default()] {
            let (told, file) = converted(&ConvertConfig { numbers, ..config(&path, Format::Parquet) }).unwrap();
            let rows = rows_of(&file);
            assert_eq!(rows.1.len() as u64, told.rows);
            assert!(rows == cells(&csv), "{}: {:?} against {:?}", path.display(), rows, cells(&csv));
        }
    }
}

#[test]
fn prices_are_decimals_of_nine_digits_and_times_are_nanoseconds_in_utc() {
    let (table, mut file) = (Table::of("mbp-1").unwrap(), Vec::new());
    let rows: Box<dyn Rows> = Box::new(Parquet::new(table, Numbers::default(), &mut file).unwrap());
    rows.finish().unwrap();
    let reader = opened(&file);
    let described = reader.metadata().file_metadata().schema_descr();
    let of = |name: &str| described.columns().iter().find(|column| column.name() == name).unwrap_or_else(|| panic!("{name}")).clone();
    for name in ["price", "bid_px_00", "ask_px_00"] {
        let column = of(name);
        assert_eq!((column.type_precision(), column.type_scale(), column.max_def_level()), (18, 9, 1), "{name}");
        assert_eq!(column.converted_type(), ConvertedType::DECIMAL);
    }
    for name in ["ts_recv", "ts_event"] {
        assert_eq!(of(name).logical_type_ref(), Some(&LogicalType::timestamp(true, TimeUnit::NANOS)), "{name}");
    }
    for (name, bits, signed) in [("size", 32, false), ("flags", 8, false), ("publisher_id", 16, false), ("ts_in_delta", 32, true)] {
        assert_eq!((of(name).logical_type_ref(), of(name).max_def_level()), (Some(&LogicalType::integer(bits, signed)), 0), "{name}");
    }
    for name in ["action", "side", "symbol"] {
        assert_eq!(of(name).logical_type_ref(), Some(&LogicalType::String), "{name}");
    }
    let metadata = reader.metadata().file_metadata();
    assert_eq!(metadata.key_value_metadata().unwrap()[0].value.as_deref(), Some("mbp-1"));
}

#[test]
fn a_price_too_large_for_the_decimal_is_refused_and_goes_as_an_integer_or_text() {
    let record = |price| Venue { prices: [price; 5], ..Venue::BLANK };
    let table = || Table::of("venue").unwrap();
    let mut file = Vec::new();
    let mut rows = Parquet::new(table(), Numbers::default(), &mut file).unwrap();
    for price in [999_999_999_999_999_999, -999_999_999_999_999_999, UNDEF_PRICE] {
        rows.row(record(price).as_bytes(), None).unwrap();
    }
    for price in [1_000_000_000_000_000_000, -1_000_000_000_000_000_000, i64::MIN, UNDEF_PRICE - 1] {
        let refused = Error::from(rows.row(record(price).as_bytes(), None).unwrap_err()).to_string();
        assert!(refused.contains("column price_00") && refused.contains("--raw-prices"), "{refused}");
    }
    let raw = Numbers { raw_prices: true, ..Numbers::default() };
    Parquet::new(table(), raw, &mut Vec::new()).unwrap().row(record(i64::MIN).as_bytes(), None).unwrap();
    let mut csv = Vec::new();
    let mut rows: Box<dyn Rows> = Box::new(Csv::new(table(), Numbers::default(), &mut csv).unwrap());
    rows.row(record(i64::MIN).as_bytes(), Some("A\"B,C")).unwrap();
    rows.finish().unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains(",-9223372036.854775808,") && csv.ends_with(",\"A\"\"B,C\"\n"), "{csv}");
}

#[test]
fn the_side_ring_has_its_columns_too() {
    let told = Venue {
        ts_recv: 1_700_024_400_000_000_001,
        reference: 77,
        prices: [1_500_000_000, UNDEF_PRICE, 1, UNDEF_PRICE, -5],
        time_ns: 0,
        size: u32::MAX,
        sequence: 9,
        kind: venue::kind::ATTRIBUTION,
        codes: *b"Y  ",
        text: *b"TWAA",
        ..Venue::BLANK
    };
    let mut csv = Vec::new();
    let mut rows: Box<dyn Rows> = Box::new(Csv::new(Table::of("venue").unwrap(), Numbers::default(), &mut csv).unwrap());
    rows.row(told.as_bytes(), Some("KAXU")).unwrap();
    rows.finish().unwrap();
    let (header, rows) = cells(&csv);
    let row: BTreeMap<&str, &str> = header.iter().map(String::as_str).zip(rows[0].iter().map(String::as_str)).collect();
    for (name, value) in [
        ("ts_recv", "2023-11-15T05:00:00.000000001Z"),
        ("ts_event", ""),
        ("rtype", "240"),
        ("kind", "2"),
        ("reference", "77"),
        ("price_00", "1.500000000"),
        ("price_01", ""),
        ("price_02", "0.000000001"),
        ("price_04", "-0.000000005"),
        ("time_ns", ""),
        ("size", "4294967295"),
        ("codes", "Y"),
        ("text", "TWAA"),
        ("symbol", "KAXU"),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
}

// ── cut, corrupt, mixed ──

#[test]
fn a_dbn_file_cut_anywhere_gives_its_whole_records_and_says_that_it_is_cut() {
    for name in ["test_data.mbo.v3.dbn", "test_data.definition.v3.dbn.frag", "test_data.status.dbn"] {
        let Some(folder) = packets::captures(name) else { return };
        let whole = std::fs::read(folder.join("dbn").join(name)).unwrap();
        let (all, _) = converted(&config(&folder.join("dbn").join(name), Format::Csv)).unwrap();
        let size = Table::of(all.schema).unwrap().size;
        let begin = whole.len() - size * all.rows as usize;
        for cut in 0..whole.len() {
            let file = packets::file(&whole[..cut]);
            let complete = cut.saturating_sub(begin) / size;
            match converted(&config(&file.path, Format::Csv)) {
                Ok((told, _)) => {
                    assert_eq!(told.rows, complete as u64, "{name} cut at {cut}");
                    let cut_within = !(cut - begin).is_multiple_of(size);
                    assert_eq!(told.remarks.iter().any(|remark| remark.contains("is cut")), cut_within, "{name} cut at {cut}");
                }
                Err(error) => assert!(complete == 0 && error.exit == Exit::Input || error.to_string().contains("--feed"), "{cut}: {error}"),
            }
        }
    }
}

#[test]
fn a_cut_zstd_stream_gives_what_it_held() {
    let Some(folder) = packets::captures("cut zstd") else { return };
    let stored = std::fs::read(folder.join("dbn/test_data.bbo-1m.dbn")).unwrap();
    let packed = zstd::encode_all(&stored[..], 3).unwrap();
    let mut said = 0;
    for cut in 20..packed.len() {
        let file = packets::file(&packed[..cut]);
        match converted(&config(&file.path, Format::Csv)) {
            Ok((told, _)) => {
                assert!(told.remarks.iter().any(|remark| remark.contains("zstd stream is cut")), "{cut}: {:?}", told.remarks);
                said += 1;
            }
            Err(error) => assert_eq!(error.exit.code() % 3, 2, "{cut}: {error}"),
        }
    }
    // Several frames, one after the other, are one file.
    let (first, second) = stored.split_at(stored.len() - 80);
    let frames = [zstd::encode_all(first, 1).unwrap(), zstd::encode_all(second, 1).unwrap()].concat();
    let (told, _) = converted(&config(&packets::file(&frames).path, Format::Csv)).unwrap();
    assert_eq!((told.rows, told.remarks.len()), (4, 0));
    println!("{said} of {} cuts gave rows", packed.len());
}

#[test]
fn a_record_that_contradicts_its_schema_is_refused() {
    let Some(folder) = packets::captures("corrupt") else { return };
    for (name, size) in [("test_data.mbo.v3.dbn", 56), ("test_data.definition.v1.dbn.frag", 360), ("test_data.statistics.dbn", 64)] {
        let mut bytes = std::fs::read(folder.join("dbn").join(name)).unwrap();
        let second = bytes.len() - size;
        for words in [0, 1, 3, 5, 12, 89, 255] {
            bytes[second] = words;
            let file = packets::file(&bytes);
            match converted(&config(&file.path, Format::Csv)) {
                Err(error) => {
                    assert!(error.exit == Exit::Input && error.to_string().contains("corrupt after record 1"), "{name}, {words}: {error}");
                }
                Ok((told, _)) => panic!("{name}, {words}: {told:?}"),
            }
        }
    }
}

#[test]
fn metadata_cannot_claim_all_memory_and_newer_versions_are_refused() {
    let mut claim = b"DBN\x03".to_vec();
    claim.extend(u32::MAX.to_le_bytes());
    claim.extend([0; 200]);
    for (bytes, said) in
        [(claim, "its metadata claim 4294967295 bytes"), (b"DBN\x04\x40\0\0\0".to_vec(), "version 4, and 1 to 3 can be read")]
    {
        let error = converted(&config(&packets::file(&bytes).path, Format::Csv)).unwrap_err();
        assert!(error.exit == Exit::Input && error.to_string().contains(said), "{error}");
    }
}

#[test]
fn files_of_one_schema_become_one_file_and_others_are_refused() {
    let Some(folder) = packets::captures("several inputs") else { return };
    let of = |name: &str| folder.join("dbn").join(name);
    let several =
        |names: &[&str]| ConvertConfig { inputs: names.iter().map(|name| of(name)).collect(), ..config(Path::new(""), Format::Csv) };
    let (told, csv) = converted(&several(&["test_data.mbo.v1.dbn.zst", "test_data.mbo.v2.dbn.zst", "test_data.mbo.v3.dbn"])).unwrap();
    let rows = cells(&csv).1;
    assert_eq!((told.rows, rows.len()), (6, 6));
    assert_eq!((&rows[0..2], &rows[2..4]), (&rows[2..4], &rows[4..6]), "every version is read as the newest");
    let mixed = converted(&several(&["test_data.mbo.v3.dbn", "test_data.trades.v3.dbn.zst"])).unwrap_err();
    assert!(mixed.to_string().contains("it holds trades, and the files before it mbo"), "{mixed}");
    let other = ConvertConfig { table: Table::of("mbp-1"), ..config(&of("test_data.tbbo.v3.dbn.zst"), Format::Csv) };
    let other = converted(&other).unwrap_err();
    assert!(other.to_string().contains("it holds tbbo, and mbp-1 was asked for"), "{other}");
    let symbol = ConvertConfig { symbols: vec!["ESM4".into(), "ESH1".into()], ..config(&of("test_data.mbo.v3.dbn"), Format::Csv) };
    let (told, _) = converted(&symbol).unwrap();
    assert_eq!((told.rows, &*told.remarks[0]), (2, "no such symbol in the input: ESM4"));
    let none = converted(&ConvertConfig { symbols: vec!["NONE".into()], ..symbol }).unwrap_err();
    assert!(none.to_string().contains("there is no record of NONE in the input"), "{none}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_bytes_at_all_make_it_panic(
        noise in proptest::collection::vec((0usize..6_000, proptest::prelude::any::<u8>()), 0..12), which in 0usize..5, cut in 0usize..6_000,
        parquet: bool,
    ) {
        let names = ["mbo.v3.dbn", "definition.dbn", "definition.v2.dbn.frag", "imbalance.v2.dbn.zst", "statistics.v1.dbn.zst"];
        if let Some(folder) = std::env::var_os("TICKWIRE_CAPTURES").map(PathBuf::from).or_else(|| packets::captures("noise")) {
            let mut bytes = std::fs::read(folder.join(format!("dbn/test_data.{}", names[which]))).unwrap();
            for (place, byte) in noise {
                let place = place % bytes.len();
                bytes[place] = byte;
            }
            bytes.truncate(cut.max(1));
            let file = packets::file(&bytes);
            if let Err(error) = converted(&config(&file.path, if parquet { Format::Parquet } else { Format::Csv })) {
                proptest::prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}

// ── somebody else's reader ──

/// A Python with pyarrow in a folder under the build's own, made once; without one a loud word, or a failure where it is demanded.
fn python_with_arrow() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("convert-python");
    let python = folder.join("bin/python");
    let done = |command: &mut Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
    };
    let has_arrow = || done(Command::new(&python).args(["-c", "import pyarrow.parquet"]));
    let made = has_arrow()
        || (done(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && done(Command::new(&python).args([
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                "--timeout",
                "20",
                "pyarrow",
            ]))
            && has_arrow());
    if made {
        return Some(python);
    }
    assert_ne!(std::env::var("TICKWIRE_PYTHON_TESTS").as_deref(), Ok("require"), "no Python with pyarrow could be made");
    eprintln!(
        "SKIPPED: pyarrow reads what was converted: no Python with pyarrow could be made (python3, venv, and a package index are needed)"
    );
    None
}

const COMPARE: &str = r#"
import csv, datetime, decimal, sys
import pyarrow as pa, pyarrow.parquet as pq
decimal.getcontext().prec = 40
for of in sys.argv[1:]:
    table = pq.read_table(of + ".parquet")
    rows = list(csv.DictReader(open(of + ".csv", newline="")))
    assert table.num_rows == len(rows) > 0, (of, table.num_rows, len(rows))
    assert table.column_names == list(rows[0]), of
    for field in table.schema:
        theirs, ours = table.column(field.name), [row[field.name] for row in rows]
        if pa.types.is_timestamp(field.type):
            assert field.type == pa.timestamp("ns", "UTC"), field
            theirs = ["" if t is None else str(t) for t in theirs.cast(pa.int64()).to_pylist()]
        elif pa.types.is_decimal(field.type):
            assert (field.type.precision, field.type.scale) == (18, 9), field
            theirs = ["" if d is None else str(int(d.scaleb(9))) for d in theirs.to_pylist()]
        else:
            theirs = ["" if v is None else str(v) for v in theirs.to_pylist()]
        assert theirs == ours, (of, field, theirs[:3], ours[:3])
print("read", len(sys.argv) - 1)
"#;

#[test]
fn pyarrow_reads_the_same_rows_with_the_same_types() {
    let Some(python) = python_with_arrow() else { return };
    let folder = tempfile::tempdir().unwrap();
    let raw = Numbers { raw_prices: true, raw_times: true };
    let day = day(6_000, 30);
    let recorded = Schema::TOLD.map(Schema::name).map(|name| ConvertConfig {
        table: Table::of(name),
        feed: Some(FeedName::NasdaqItch),
        ..config(&day.path, Format::Csv)
    });
    let stored = samples("pyarrow").into_iter().filter(|path| !is_fragment(path)).map(|path| config(&path, Format::Csv));
    let mut names = Vec::new();
    for wish in stored.chain(recorded) {
        let Ok((_, csv)) = converted(&ConvertConfig { numbers: raw, ..wish.clone() }) else { continue };
        let (_, parquet) = converted(&ConvertConfig { format: Format::Parquet, ..wish }).unwrap();
        let name = folder.path().join(names.len().to_string());
        std::fs::write(name.with_extension("csv"), csv).unwrap();
        std::fs::write(name.with_extension("parquet"), parquet).unwrap();
        names.push(name);
    }
    let Output { status, stdout, stderr } = Command::new(python).arg("-c").arg(COMPARE).args(&names).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(String::from_utf8_lossy(&stdout).trim(), format!("read {}", names.len()));
}

// ── recordings ──

/// Keeps every record of one schema, with the symbol of its row.
struct Kept {
    schema: Schema,
    symbols: Vec<String>,
    records: Vec<(Vec<u8>, Option<String>)>,
}

impl Sink for Kept {
    fn carries(&self, schema: Schema) -> bool {
        schema == self.schema
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        self.symbols.push(String::from_utf8(instrument.symbol.to_vec()).unwrap().trim_end().to_owned());
        Ok(Some(self.symbols.len() as Row - 1))
    }

    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        self.records.push((record.as_bytes().to_vec(), Some(self.symbols[row as usize].clone())));
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        self.records.push((record.as_bytes().to_vec(), None));
    }

    fn control(&mut self, _: &Control) {}
    fn channel_state(&mut self, _: u16, _: ChannelState, _: u64) {}
    fn watermark(&mut self, _: u16, _: u64) {}
    fn commit(&mut self) {}
    fn new_epoch(&mut self) {}
}

/// The records that a replay publishes.
fn replayed(file: &Path, feed: FeedName, schema: Schema) -> Vec<(Vec<u8>, Option<String>)> {
    let config = ReplayConfig {
        file: file.to_owned(),
        feed,
        midnight_ns: Some(MIDNIGHT_NS),
        speed: Speed::Max,
        lines: Vec::new(),
        publish: None,
        dbn: None,
        capacity: config(file, Format::Csv).capacity,
    };
    let mut sink = Tally::new(Some(Kept { schema, symbols: Vec::new(), records: Vec::new() }), &[schema]);
    replay::through(&config, &mut sink, &|| false, &mut |_| ()).unwrap();
    sink.into_inner().unwrap().records
}

fn day(messages: u64, symbols: u16) -> packets::TempFile {
    let mut bytes = Vec::new();
    day_file(&GenerateConfig::whole_day(5, messages, symbols, MIDNIGHT_NS), &mut bytes, &mut |_| ()).unwrap();
    packets::file(&bytes)
}

/// A field at an offset of the record, by somebody who has only docs/ring.md.
fn field(record: &[u8], offset: usize, width: usize) -> u64 {
    record[offset..offset + width].iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[test]
fn a_recording_becomes_exactly_the_records_of_its_replay() {
    let day = day(6_000, 30);
    let mut capture_bytes = Vec::new();
    capture(&GenerateConfig::whole_day(5, 6_000, 30, MIDNIGHT_NS), &CaptureConfig::default(), &mut capture_bytes, &mut |_| ()).unwrap();
    let captured = packets::file(&capture_bytes);
    let numbers = Numbers { raw_prices: true, raw_times: true };
    for file in [&day.path, &captured.path] {
        for schema in Schema::TOLD {
            let records = replayed(file, FeedName::NasdaqItch, schema);
            let wish =
                ConvertConfig { table: Table::of(schema.name()), feed: Some(FeedName::NasdaqItch), numbers, ..config(file, Format::Csv) };
            if records.is_empty() {
                assert!(converted(&wish).unwrap_err().to_string().contains(&format!("there is no {} record", schema.name())));
                continue;
            }
            let (told, csv) = converted(&wish).unwrap();
            let (header, rows) = cells(&csv);
            assert_eq!((told.rows, rows.len()), (records.len() as u64, records.len()), "{}", schema.name());
            let at = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}"));
            for (row, (record, symbol)) in rows.iter().zip(&records) {
                assert_eq!(row[at("symbol")], symbol.as_deref().unwrap_or_default());
                assert_eq!(row[at("ts_event")], field(record, 8, 8).to_string());
                assert_eq!(row[at("instrument_id")], field(record, 4, 4).to_string());
                if schema == Schema::Mbo {
                    assert_eq!(row[at("order_id")], field(record, 16, 8).to_string());
                    assert_eq!((&*row[at("action")], &*row[at("side")]), (&*letter(record[38]), &*letter(record[39])));
                    assert_eq!((&row[at("size")], &row[at("flags")]), (&field(record, 32, 4).to_string(), &record[36].to_string()));
                }
                if schema == Schema::Mbp10 {
                    let price = field(record, 48 + 9 * 32, 8).cast_signed();
                    assert_eq!(row[at("bid_px_09")], if price == UNDEF_PRICE { String::new() } else { price.to_string() });
                    assert_eq!(row[at("ask_ct_03")], field(record, 48 + 3 * 32 + 28, 4).to_string());
                }
            }
            let (_, file) = converted(&ConvertConfig { format: Format::Parquet, ..wish }).unwrap();
            assert!(rows_of(&file) == (header, rows), "{}: Parquet and CSV differ", schema.name());
        }
    }
}

#[test]
fn trades_breaks_and_auctions_of_a_day_are_those_of_the_exchange_s_own_tape() {
    let config = GenerateConfig::whole_day(8, 60_000, 40, MIDNIGHT_NS);
    let mut bytes = Vec::new();
    day_file(&config, &mut bytes, &mut |_| ()).unwrap();
    let file = packets::file(&bytes);
    let mut session = Session::new(&config).unwrap();
    session.keep_tape();
    while session.next_message().is_some() {}
    let tape = session.tape();
    assert!(!tape.breaks.is_empty() && tape.crosses.len() > 10 && tape.redefinitions > 0);
    let records = |schema| replayed(&file.path, FeedName::NasdaqItch, schema).into_iter().map(|(record, _)| record);
    let side = |bought| match bought {
        Some(true) => b'B',
        Some(false) => b'A',
        None => b'N',
    };
    // Of a trade: instrument, time, price, size, side, message.
    let told = records(Schema::Trades).map(|record| {
        let price = field(&record, 16, 8).cast_signed();
        (field(&record, 4, 4), field(&record, 8, 8), price, field(&record, 24, 4), record[29], field(&record, 44, 4))
    });
    let traded = tape.trades.iter().map(|of| (of.locate.into(), of.time_ns, of.price_e9, of.shares, side(of.bought), of.message));
    assert_eq!(told.collect::<Vec<_>>(), traded.collect::<Vec<_>>());
    // Of the side ring: match numbers of the trades, in the same order, and of the breaks.
    let venue =
        |kind| records(Schema::Venue).filter(move |record| record[88] == kind).map(|record| (field(&record, 4, 4), field(&record, 24, 8)));
    assert!(venue(venue::kind::TRADE).eq(tape.trades.iter().map(|of| (of.locate.into(), of.match_number))));
    assert!(venue(venue::kind::TRADE_BREAK).eq(tape.breaks.iter().map(|of| (of.locate.into(), of.match_number))));
    assert_eq!(venue(venue::kind::ATTRIBUTION).count() as u64, tape.attributions);
    assert_eq!(venue(venue::kind::EMPTY_CROSS).count(), tape.crosses.iter().filter(|cross| cross.shares == 0).count());
    assert_eq!(records(Schema::Imbalance).count() as u64, tape.imbalances);
    assert_eq!(records(Schema::Definition).count() as u64, tape.definitions + tape.redefinitions);
    let official = tape.crosses.iter().filter(|cross| cross.shares > 0).map(|cross| (u64::from(cross.locate), cross.price_e9));
    assert!(records(Schema::Statistics).map(|record| (field(&record, 4, 4), field(&record, 32, 8).cast_signed())).eq(official));
}

fn letter(byte: u8) -> String {
    char::from(byte).to_string()
}

#[test]
fn only_the_symbols_asked_for_come_and_their_rows_are_the_same() {
    let day = day(10_000, 12);
    let wish = ConvertConfig { table: Table::of("mbo"), feed: Some(FeedName::BxItch), ..config(&day.path, Format::Csv) };
    let (header, all) = cells(&converted(&wish).unwrap().1);
    let symbol = |row: &Vec<String>| row[header.len() - 1].clone();
    let two = [symbol(&all[0]), symbol(all.iter().find(|row| symbol(row) != symbol(&all[0])).unwrap())];
    let (told, csv) = converted(&ConvertConfig { symbols: two.to_vec(), ..wish }).unwrap();
    assert!(told.remarks.is_empty());
    assert_eq!(cells(&csv).1, all.iter().filter(|row| two.contains(&symbol(row))).cloned().collect::<Vec<_>>());
}

#[test]
fn many_rows_make_many_row_groups_and_none_is_lost() {
    const ROWS: u32 = 80_000;
    let table = Table::of("definition").unwrap();
    let mut file = Vec::new();
    let mut rows: Box<dyn Rows> = Box::new(Parquet::new(table, Numbers::default(), &mut file).unwrap());
    for number in 0..ROWS {
        rows.row(Definition { underlying_id: number, ..Definition::UNDEFINED }.as_bytes(), (number % 2 == 0).then_some("EVEN")).unwrap();
    }
    rows.finish().unwrap();
    let reader = opened(&file);
    let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let underlying = columns.iter().position(|column| column.name() == "underlying_id").unwrap();
    let (mut numbers, mut symbols): (Vec<i32>, Vec<i16>) = (Vec::new(), Vec::new());
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        let ColumnReader::Int32ColumnReader(mut of) = group.get_column_reader(underlying).unwrap() else { panic!("an integer") };
        of.read_records(ROWS as usize, None, None, &mut numbers).unwrap();
        let ColumnReader::ByteArrayColumnReader(mut of) = group.get_column_reader(columns.len() - 1).unwrap() else { panic!("a text") };
        of.read_records(ROWS as usize, Some(&mut symbols), None, &mut Vec::new()).unwrap();
    }
    assert!((2..20).contains(&reader.num_row_groups()), "{} groups", reader.num_row_groups());
    assert!(numbers.into_iter().eq(0..ROWS as i32) && symbols.into_iter().eq((0..ROWS).map(|n| i16::from(n % 2 == 0))));
}

#[test]
fn the_real_tops_capture_becomes_its_quotes() {
    let Some(folder) = packets::captures("tops to csv") else { return };
    let file = folder.join("iex/tops16.pcap.gz");
    let tops = ConvertConfig { feed: Some(FeedName::IexTops), midnight_ns: None, ..config(&file, Format::Csv) };
    let tops = ConvertConfig { capacity: BooksCapacity { instruments: 1 << 14, orders: 1 << 10, levels: 1 << 15 }, ..tops };
    let (told, csv) = converted(&ConvertConfig { table: Table::of("mbp-1"), ..tops.clone() }).unwrap();
    assert_eq!(told.rows, 27_217 + 6_390, "every quote and every trade");
    assert!(csv.starts_with(b"ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags"));
    assert!(std::str::from_utf8(&csv).unwrap().lines().nth(1).unwrap().starts_with("2017-07-10T"));
    for (schema, said) in
        [("mbo", "feed iex-tops does not tell mbo"), ("ohlcv-1s", "does not tell ohlcv-1s"), ("cmbp-1", "does not tell cmbp-1")]
    {
        let error = converted(&ConvertConfig { table: Table::of(schema), ..tops.clone() }).unwrap_err();
        assert!(error.exit == Exit::Usage && error.to_string().contains(said), "{error}");
    }
}

// ── the command ──

fn tickwire(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    let Output { status, stdout, stderr } = command.args(args).stdin(Stdio::null()).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

#[test]
fn the_command_writes_a_whole_file_or_none_and_refuses_with_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (day, csv, parquet) = (path("day"), path("rows.csv"), path("rows.parquet"));
    assert_eq!(tickwire(&["gen", &day, "--messages", "5000", "--symbols", "10", "--date", "2026-03-03"]).0, 0);
    std::fs::write(path("text"), "hello there, this is a text").unwrap();
    std::fs::write(path("empty"), "").unwrap();
    let itch = ["convert", &day, "--feed", "nasdaq-itch", "--date", "2026-03-03", "--schema", "mbo", "-o"];
    let with = |more: &[&str]| -> (i32, String, String) { tickwire(&[itch.as_slice(), more].concat()) };
    let (code, out, err) = with(&[&csv]);
    assert!(code == 0 && err.is_empty() && out.contains(" rows of mbo in "), "{out}{err}");
    assert_eq!(with(&[&parquet]).0, 0);
    assert_eq!(&std::fs::read(&parquet).unwrap()[..4], b"PAR1");
    let (code, out, _) = with(&["-"]);
    assert!(code == 0 && out == std::fs::read_to_string(&csv).unwrap(), "standard output gets the same bytes, and nothing else");
    assert!(out.lines().nth(1).unwrap().starts_with("2026-03-03T"), "{:?}", out.lines().nth(1));
    let lines = out.lines().count();
    assert_eq!(with(&[&csv, "--force", "--raw-prices", "--raw-times"]).0, 0);
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), lines);
    let (text, empty, odd) = (path("text"), path("empty"), path("rows.xls"));
    for (args, exit, said) in [
        ([itch.as_slice(), &[&csv]].concat(), Exit::Usage, "it is there already; name another file, or say --force"),
        ([itch.as_slice(), &[&day, "--force"]].concat(), Exit::Usage, "its name ends neither in .csv nor in .parquet"),
        ([itch.as_slice(), &[&day, "--force", "--to", "csv"]].concat(), Exit::Usage, "it is a file to be read"),
        ([itch.as_slice(), &[&odd]].concat(), Exit::Usage, "say --to csv or --to parquet"),
        ([itch.as_slice(), &["-", "--to", "parquet"]].concat(), Exit::Usage, "Parquet does not go to standard output"),
        (
            vec!["convert", &day, "--schema", "mbo", "-o", "-"],
            Exit::Usage,
            "a recording does not tell what it speaks; name its feed with --feed",
        ),
        (vec!["convert", &day, "--feed", "bx-itch", "-o", "-"], Exit::Usage, "name one with --schema: mbo, mbp-1"),
        (vec!["convert", &text, "-o", "-"], Exit::Input, "the file is text"),
        (vec!["convert", &empty, "-o", "-"], Exit::Input, "the file is empty"),
        (vec!["convert", "/nonexistent", "-o", "-"], Exit::Input, "/nonexistent"),
        (vec!["convert", &day, "--schema", "mbp1", "-o", "-"], Exit::Usage, "did you mean `mbp-1`"),
        (vec!["convert", &day, "--feed", "bx-itch", "--schema", "ohlcv-1s", "-o", "-"], Exit::Usage, "does not tell ohlcv-1s"),
        (vec!["convert", &day, "--feed", "bx-itch", "--schema", "mbo", "--symbol", "NO", "-o", "-"], Exit::Input, "no mbo record of NO"),
    ] {
        let (code, _, err) = tickwire(&args);
        assert!(code == i32::from(exit.code()) && err.contains(said) && !err.contains("panicked"), "{args:?}: {code} {err}");
        assert!(err.lines().count() == 1 || exit == Exit::Usage, "{err}");
    }
    let mut left: Vec<String> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["day", "empty", "rows.csv", "rows.parquet", "text"], "no half file is left");
}

/// `cargo test --release --test convert -- --ignored --nocapture`
#[test]
#[ignore = "a measurement: 2 million messages"]
fn rows_a_second() {
    let day = day(2_000_000, 500);
    for (schema, format) in [("mbo", Format::Csv), ("mbo", Format::Parquet), ("mbp-10", Format::Csv), ("mbp-10", Format::Parquet)] {
        let wish = ConvertConfig {
            table: Table::of(schema),
            feed: Some(FeedName::NasdaqItch),
            capacity: BooksCapacity { instruments: 1 << 12, orders: 1 << 20, levels: 1 << 20 },
            ..config(&day.path, format)
        };
        let began = std::time::Instant::now();
        let (told, out) = converted(&wish).unwrap();
        let seconds = began.elapsed().as_secs_f64();
        println!("{schema} {format:?}: {} rows, {} bytes, {:.2} M rows/s", told.rows, out.len(), told.rows as f64 / seconds / 1e6);
    }
}

//! The files for HdrHistogram's tools: read by the crate's own parser, and by the official Python package.

use std::path::PathBuf;
use std::process::Command;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use tickwire::bench::Measure;
use tickwire::bench::results::BenchResult;
use tickwire::bench::results::{hgrm, hlog};

use super::made_up;
use super::shm_support::skip;

fn log(result: &BenchResult) -> String {
    let mut out = Vec::new();
    hlog::write(result, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|&known| known == c);
    let mut bits = text.bytes().filter_map(digit).flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1));
    let mut bytes = Vec::new();
    loop {
        let byte: Vec<usize> = bits.by_ref().take(8).collect();
        if byte.len() < 8 {
            return bytes;
        }
        bytes.push(byte.iter().fold(0, |byte, bit| byte << 1 | *bit as u8));
    }
}

#[test]
fn the_log_holds_every_histogram_under_its_name() {
    let result = made_up::with_losses();
    let text = log(&result);
    assert!(text.starts_with("#[Histogram log format version 1.3]\n"), "{}", &text[..80]);
    assert!(text.contains("#[StartTime: 1795181345.000 (seconds since epoch)]\n"));
    let legend = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
    assert!(text.contains(legend));
    let mut found = 0;
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        let (label, measure) = interval.tag().unwrap().as_str().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let variant = result.variants.iter().find(|variant| variant.label == label).unwrap();
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut from_base64(interval.encoded_histogram()).as_slice()).unwrap();
        let ours = variant.measures.get(Measure::from_name(&measure).unwrap());
        assert_eq!(&histogram, ours, "{label}.{measure}");
        assert!((interval.duration().as_secs_f64() - variant.counts.elapsed_ns as f64 / 1e9).abs() < 1e-3);
        assert!((interval.max() - ours.max() as f64 / 1e6).abs() < 1e-3, "the maximum is in ms");
        found += 1;
    }
    assert_eq!(found, 2 * Measure::ALL.len());
}

#[test]
fn names_that_no_tag_and_no_file_can_have_are_made_fit_and_kept_apart() {
    let mut result = made_up::scanty();
    let only = result.variants[0].clone();
    let labels = ["../../etc/passwd", "a b,c\n", "a_b_c_", "", "..", "é", "x".repeat(300).as_str()].map(str::to_owned);
    result.variants = labels.iter().map(|label| tickwire::bench::results::Variant { label: label.clone(), ..only.clone() }).collect();
    let dir = tempfile::tempdir().unwrap();
    let files = hgrm::write_all(&result, &dir.path().join("new")).unwrap();
    let names: Vec<String> = files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let name = |label: &str| format!("{label}.received-to-published.us.hgrm");
    let long = "x".repeat(60);
    let expected = ["_.._etc_passwd", "a_b_c_", "a_b_c_-2", "variant", "variant-2", "_", &long].map(name);
    assert_eq!(names, expected);
    assert!(files.iter().all(|file| file.parent() == Some(&dir.path().join("new")) && file.is_file()), "{files:?}");
    let tags = log(&result).lines().filter(|line| line.starts_with("Tag=")).count();
    assert_eq!(tags, labels.len());
}

#[test]
fn a_distribution_is_as_the_log_processor_prints_it() {
    // Ten values of 1 to 10 µs, computed by hand.
    let mut histogram = tickwire::bench::measure::histogram();
    (1..=10).for_each(|us| histogram.record(us * 1_000).unwrap());
    let mut out = Vec::new();
    hgrm::write(&histogram, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let expected = "       Value     Percentile TotalCount 1/(1-Percentile)

       1.000 0.000000000000          1           1.00
       1.000 0.100000000000          1           1.11
       2.000 0.200000000000          2           1.25
       3.001 0.300000000000          3           1.43
       4.001 0.400000000000          4           1.67
       5.003 0.500000000000          5           2.00
       6.003 0.550000000000          6           2.22
       6.003 0.600000000000          6           2.50
       7.003 0.650000000000          7           2.86
       7.003 0.700000000000          7           3.33
       8.003 0.750000000000          8           4.00
       8.003 0.775000000000          8           4.44
       8.003 0.800000000000          8           5.00
       9.007 0.825000000000          9           5.71
       9.007 0.850000000000          9           6.67
       9.007 0.875000000000          9           8.00
       9.007 0.887500000000          9           8.89
       9.007 0.900000000000          9          10.00
      10.007 0.912500000000         10          11.43
      10.007 1.000000000000         10
#[Mean    =        5.502, StdDeviation   =        2.874]
#[Max     =       10.007, Total count    =           10]
#[Buckets =           32, SubBuckets     =         2048]
";
    let rows = |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(rows(&text), rows(expected));
    assert_eq!(text.lines().next(), expected.lines().next(), "to the column");
    assert_eq!(text.lines().nth(2), expected.lines().nth(2), "to the column");
}

/// A Python with the package; `None`, after a loud word, where it cannot be had.
fn python() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench_results/install_hdrhistogram");
    match Command::new("sh").arg(script).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/target/python-hdrhistogram")).output() {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap().trim().into()),
        other => {
            let why = match other {
                Ok(output) => String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it says nothing").to_owned(),
                Err(error) => error.to_string(),
            };
            skip("TICKWIRE_PYTHON_TESTS", &format!("HdrHistogram's Python package cannot be had: {why}"));
            None
        }
    }
}

#[test]
fn hdrhistogram_s_own_package_finds_the_same_percentiles_in_both_kinds_of_files() {
    let Some(python) = python() else { return };
    let result = made_up::with_losses();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("result.hlog");
    std::fs::write(&file, log(&result)).unwrap();
    hgrm::write_all(&result, dir.path()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench_results/read_with_hdrhistogram.py");
    let output = Command::new(python).args(["-B", script]).arg(&file).arg(dir.path()).output().unwrap();
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complaints}");
    assert!(complaints.contains("began 1795181345.000"), "{complaints}");
    for variant in &result.variants {
        for measure in Measure::ALL {
            let histogram = variant.measures.get(*measure);
            // The package rounds p99.99 of few values to the nearest, so that one is left to the rows that it compares.
            let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|quantile| histogram.value_at_quantile(quantile));
            let beginning = format!("{}.{} {} {p50} {p90} {p99} ", variant.label, measure.name(), histogram.len());
            let line = said.lines().find(|line| line.starts_with(&beginning)).unwrap_or_else(|| panic!("no {beginning} in {said}"));
            assert!(line.ends_with(&format!(" {}", histogram.max())), "{line}");
        }
    }
}

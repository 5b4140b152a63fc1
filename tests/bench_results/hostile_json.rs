//! Files that are no results, or are meant to do harm: refused in one message, whatever is in them.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};
use tickwire::bench::results::json;
use tickwire::error::Exit;

use super::json::written;
use super::made_up;

fn refused(text: &[u8], says: &str) {
    let error = json::read(text).expect_err(says);
    assert_eq!(error.exit, Exit::Input);
    let message = error.to_string();
    assert!(message.contains(says), "{says:?} is missing in {message}");
    assert!(message.lines().count() == 1 && message.len() < 1_000, "{message}");
}

/// A result's JSON, changed in one place.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut file = serde_json::from_str(&written(&made_up::scanty())).unwrap();
    change(&mut file);
    serde_json::to_vec(&file).unwrap()
}

fn measure(file: &mut Value) -> &mut Value {
    &mut file["variants"][0]["measures"]["received-to-published"]
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let text = written(&made_up::scanty());
    let whole = text.trim_end();
    for end in 0..whole.len() {
        if let Some(cut) = whole.get(..end) {
            refused(cut.as_bytes(), "");
        }
    }
    assert!(json::read(whole.as_bytes()).is_ok());
}

#[test]
fn what_is_no_result_is_told_from_one_of_another_version() {
    refused(b"", "EOF");
    refused(b"\xff\xfe\0\0", "no benchmark's result");
    refused(b"[]", "no benchmark's result");
    refused(b"{}", "its `format` is not tickwire-bench/1");
    refused(b"{\"format\":1}", "its `format` is not");
    refused(b"{\"format\":\"tickwire-bench/2\"}", "it is of format tickwire-bench/2, and this tickwire reads tickwire-bench/1");
    refused(b"{\"format\":\"tickwire-bench/1\"}", "missing field");
    refused(&[b'['; 1_000_000], "recursion");
    refused(&vec![b' '; json::LARGEST_BYTES as usize + 1], "larger than 64 MiB");
}

#[test]
fn wrong_types_unknown_keys_and_names_are_refused_by_name() {
    refused(&changed(|file| file["rounds"] = json!("five")), "invalid type: string \"five\"");
    refused(&changed(|file| file["rounds"] = json!(-1)), "-1");
    refused(&changed(|file| file["began_ns"] = json!(1.5)), "invalid type: floating point");
    refused(&changed(|file| file["datagrams"] = json!(1e300)), "floating point");
    refused(&changed(|file| file["variants"] = json!({"a": 1})), "invalid type: map");
    refused(&changed(|file| file["surprise"] = json!(1)), "unknown field `surprise`");
    refused(&changed(|file| file["headline"] = json!("due-to-sen")), "`due-to-sen` is no measure (`due-to-seen`?)");
    refused(&changed(|file| file["headline"] = json!("x".repeat(1 << 20))), "is no measure");
    refused(&changed(|file| file["variants"][0]["measures"]["latency"] = json!(null)), "invalid type");
    refused(&changed(|file| file["variants"][0]["rounds"][0]["percentiles"][0]["ns"] = json!([1, 2])), "invalid length 2");
    let variant = |file: &Value| file["variants"][0].clone();
    let crowd = changed(|file| file["variants"] = json!(vec![variant(file); 65]));
    refused(&crowd, "it has 65 variants, more than 64");
}

#[test]
fn figures_that_are_not_their_histogram_s_are_refused() {
    refused(&changed(|file| measure(file)["count"] = json!(4)), "count is 4, but the histogram's is 3");
    refused(&changed(|file| measure(file)["max_ns"] = json!(7)), "max_ns is 7, but the histogram's is 2951");
    refused(&changed(|file| measure(file)["p99_ns"] = json!(7)), "p99_ns is 7, but the histogram's is null");
    refused(&changed(|file| measure(file)["mean_ns"] = json!(7.5)), "mean_ns is 7.5, but the histogram's is 1602");
    refused(&changed(|file| measure(file)["stdev_ns"] = json!(-1)), "stdev_ns is -1, but");
    let mut file: Value = serde_json::from_str(&written(&made_up::single())).unwrap();
    file["variants"][0]["measures"]["due-to-seen"]["p99_ns"] = json!(1_000);
    refused(&serde_json::to_vec(&file).unwrap(), "xdp: due-to-seen: p99_ns is 1000, but the histogram's is");
}

/// The text of a plain V2 form.
fn deflated(plain: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    let body = encoder.finish().unwrap();
    let mut bytes = 0x1c84_9314_u32.to_be_bytes().to_vec();
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(body);
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        text.extend((0..4).map(|nth| if nth <= chunk.len() { digits[(bits >> (18 - 6 * nth) & 63) as usize] as char } else { '=' }));
    }
    text
}

fn v2(digits: u32, highest: u64, said_length: Option<u32>, payload: &[u8]) -> Vec<u8> {
    let mut plain = 0x1c84_9313_u32.to_be_bytes().to_vec();
    plain.extend(said_length.unwrap_or(payload.len() as u32).to_be_bytes());
    plain.extend(0_u32.to_be_bytes());
    plain.extend(digits.to_be_bytes());
    plain.extend(1_u64.to_be_bytes());
    plain.extend(highest.to_be_bytes());
    plain.extend(1.0_f64.to_be_bytes());
    plain.extend(payload);
    plain
}

#[test]
fn a_histogram_that_would_eat_memory_or_trip_the_library_is_refused() {
    const HOUR: u64 = 3_600_000_000_000;
    let with = |text: String| changed(|file| measure(file)["histogram"] = json!(text));
    refused(&with(String::new()), "its text is cut");
    refused(&with("HISTF".into()), "no base64");
    refused(&with("HIST====".into()), "no base64");
    refused(&with("HISTFAAAAB54".into()), "it cannot be inflated");
    refused(&with("A".repeat(2 << 20)), "longer than");
    refused(&with(deflated(b"")), "it is cut");
    refused(&with(deflated(&[0; 60])), "second form");
    refused(&with(deflated(&vec![0; 64 << 20])), "inflates to more");
    refused(&with(deflated(&v2(5, u64::MAX, None, b"\x02"))), "its bounds are 1 to 18446744073709551615 ns in 5 digits");
    refused(&with(deflated(&v2(3, HOUR - 1, None, b"\x02"))), "which is not a benchmark's");
    refused(&with(deflated(&v2(3, HOUR, Some(u32::MAX), b"\x02"))), "not as long as it says");
    // The lowest i64: negated it would overflow.
    refused(&with(deflated(&v2(3, HOUR, None, &[0xff; 9]))), "leaves out more values than there are");
    refused(&with(deflated(&v2(3, HOUR, None, b"\x80"))), "cut");
    // Two counts of 2^62: their sum is no i64.
    let mut counts = vec![0x80; 8];
    counts.push(0x80);
    let twice = [counts.clone(), counts].concat();
    refused(&with(deflated(&v2(3, HOUR, None, &twice))), "beyond counting");
    // More counts than such a histogram has.
    refused(&with(deflated(&v2(3, HOUR, None, &[2; 60_000]))), "no histogram");
    // And one that is right but for its figures.
    refused(&with(deflated(&v2(3, HOUR, None, b"\x0a"))), "count is 3, but the histogram's is 5");
}

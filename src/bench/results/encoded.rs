//! A histogram as text: HdrHistogram's own V2 form, deflated, in base64, as every implementation of HdrHistogram reads it.
//!
//! What is decoded came out of a file, so nothing in it is believed: sizes are bounded before anything is allocated, and the counts are
//! walked once before the library gets them (it negates what it has not checked).

use std::io::Read;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use crate::bench::measure::has_bounds;

/// The longest V2 form that the benchmark's bounds can give: 34 thousand counts of 9 bytes at most.
const LONGEST_BYTES: u64 = 1 << 19;
/// The longest text of it.
const LONGEST_TEXT: usize = 1 << 20;
/// Cookie, payload's length, normalising offset, digits, lowest, highest, ratio.
const HEADER: usize = 40;
const V2_COOKIE: u32 = 0x1c84_9313;

/// The text of a histogram. Fails where a count is larger than the form can hold.
pub fn encode(histogram: &Histogram<u64>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(base64(&bytes))
}

/// The histogram of a text; else why there is none.
pub fn decode(text: &str) -> Result<Histogram<u64>, String> {
    if text.len() > LONGEST_TEXT {
        return Err(format!("its text is longer than {LONGEST_TEXT} characters"));
    }
    let bytes = from_base64(text).ok_or("its text is no base64")?;
    // Cookie and length of the deflated form; the stream says itself where it ends.
    let deflated = bytes.get(8..).ok_or("its text is cut")?;
    let mut plain = Vec::new();
    let inflated = flate2::read::ZlibDecoder::new(deflated).take(LONGEST_BYTES + 1).read_to_end(&mut plain);
    inflated.map_err(|error| format!("it cannot be inflated: {error}"))?;
    if plain.len() as u64 > LONGEST_BYTES {
        return Err("it inflates to more than such a histogram can have".into());
    }
    check(&plain)?;
    Deserializer::new().deserialize(&mut plain.as_slice()).map_err(|error| format!("it is no histogram: {error}"))
}

/// Whether the plain V2 form is one of the benchmark's histograms, and safe to be read.
fn check(plain: &[u8]) -> Result<(), String> {
    let word = |at: usize| plain.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let long = |at: usize| plain.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    let header = || Some((word(0)?, word(4)?, word(12)?, long(16)?, long(24)?, plain.get(HEADER..)?));
    let (cookie, length, digits, lowest, highest, payload) = header().ok_or("it is cut")?;
    if cookie != V2_COOKIE {
        return Err("it is not of HdrHistogram's second form".into());
    }
    if !has_bounds(lowest, highest, digits) {
        return Err(format!("its bounds are {lowest} to {highest} ns in {digits} digits, which is not a benchmark's"));
    }
    if length as usize != payload.len() {
        return Err("it is not as long as it says".into());
    }
    let mut total: u64 = 0;
    let mut rest = payload;
    while !rest.is_empty() {
        let value = varint(&mut rest).ok_or("a count in it is cut")?;
        // Zigzag: odd is a run of zeros.
        if value % 2 == 0 {
            total = total.checked_add(value / 2).filter(|&total| total <= i64::MAX as u64).ok_or("its counts are beyond counting")?;
        } else if value / 2 >= LONGEST_BYTES {
            return Err("it leaves out more values than there are".into());
        }
    }
    Ok(())
}

/// Seven bits a byte, the lowest first; the ninth has eight.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for nth in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let (bits, more) = if nth == 8 { (byte, false) } else { (byte & 0x7f, byte & 0x80 != 0) };
        value |= u64::from(bits) << (7 * nth);
        if !more {
            break;
        }
    }
    Some(value)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let digits = |chunk: &[u8]| {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let [high, middle, low] = three.map(u32::from);
        let bits = high << 16 | middle << 8 | low;
        let digit = |nth: usize| if nth <= chunk.len() { DIGITS[(bits >> (18 - 6 * nth) & 63) as usize] as char } else { '=' };
        [0, 1, 2, 3].map(digit)
    };
    bytes.chunks(3).flat_map(digits).collect()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let plain = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in plain.chunks(4) {
        let mut bits: u32 = 0;
        for &digit in chunk {
            bits = bits << 6 | DIGITS.iter().position(|&known| known == digit)? as u32;
        }
        bits <<= 6 * (4 - chunk.len()) + 8;
        bytes.extend(&bits.to_be_bytes()[..chunk.len().checked_sub(1)?]);
    }
    Some(bytes)
}

//! Histograms as an HdrHistogram interval log, and back.
//!
//! A line for each lane, timing and interval: tag, beginning, length, largest value, and the histogram (V2, deflated, base64). The tag is
//! LANE.TIMING, as in `lane0.book`; values are nanoseconds; the beginning is seconds since the `BaseTime` of the header before it. Every tool that
//! knows such logs reads it.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use super::latency::{Histograms, Timing};

/// How every such log begins.
pub const FIRST_LINE: &str = "#[Histogram log format version 1.3]\n";

/// A line of a log.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The lane's name.
    pub lane: String,
    /// What was timed.
    pub timing: Timing,
    /// When the interval began, ns since 1970 UTC, to the millisecond.
    pub from_ns: u64,
    /// How long it was, to the millisecond.
    pub length: Duration,
    /// What was recorded in it, ns.
    pub histogram: Histogram<u64>,
}

/// The header of a run that begins at `began_ns`.
pub fn header(began_ns: u64) -> io::Result<Vec<u8>> {
    let began = UNIX_EPOCH + Duration::from_nanos(began_ns);
    let mut lines = FIRST_LINE.as_bytes().to_vec();
    IntervalLogWriterBuilder::new()
        .add_comment(concat!("[tickwire ", env!("CARGO_PKG_VERSION"), ": nanoseconds, tags are LANE.TIMING]"))
        .with_start_time(began)
        .with_base_time(began)
        .begin_log_with(&mut lines, &mut V2DeflateSerializer::new())?;
    Ok(lines)
}

/// The lines of one interval of one lane, in a run that began at `began_ns`. What was never recorded has none.
pub fn lines(lane: &str, recorded: &Histograms, began_ns: u64, serializer: &mut V2DeflateSerializer) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    let from_ns = recorded.from_ns.max(began_ns);
    let (from, length) = (Duration::from_nanos(from_ns - began_ns), Duration::from_nanos(recorded.to_ns.saturating_sub(from_ns)));
    let mut writer = IntervalLogWriterBuilder::new().begin_log_with(&mut lines, serializer)?;
    for (timing, histogram) in recorded.iter().filter(|(_, histogram)| !histogram.is_empty()) {
        let tag = format!("{lane}.{}", timing.name());
        writer.write_histogram(histogram, from, length, Tag::new(&tag)).map_err(|error| io::Error::other(error.to_string()))?;
    }
    Ok(lines)
}

/// All lines of a log. `Err` says what is wrong with it: a log of other origin, or one that was cut.
pub fn read(log: &[u8]) -> Result<Vec<Logged>, String> {
    let (mut base_ns, mut all) = (0, Vec::new());
    let mut deserializer = Deserializer::new();
    for entry in IntervalLogIterator::new(log) {
        let line = || format!("its interval {}", all.len() + 1);
        match entry.map_err(|_| format!("{} is no line of a histogram log", line()))? {
            LogEntry::BaseTime(base) => base_ns = base.as_nanos() as u64,
            LogEntry::StartTime(_) => {}
            LogEntry::Interval(interval) => {
                let tag = interval.tag().map_or("", |tag| tag.as_str());
                let known = tag.rsplit_once('.').and_then(|(lane, name)| Some((lane, Timing::from_name(name)?)));
                let (lane, timing) = known.ok_or_else(|| format!("{} has the tag `{tag}`, which is no LANE.TIMING of ours", line()))?;
                let bytes = base64(interval.encoded_histogram()).ok_or_else(|| format!("{} has no histogram in base64", line()))?;
                let histogram = deserializer.deserialize(&mut &bytes[..]).map_err(|error| format!("{}: {error}", line()))?;
                let from_ns = base_ns + interval.start_timestamp().as_nanos() as u64;
                all.push(Logged { lane: lane.to_owned(), timing, from_ns, length: interval.duration(), histogram });
            }
        }
    }
    Ok(all)
}

/// RFC 4648, with padding. `None` if that is not what it is.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        Some(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        })
    };
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for &byte in group {
            bits = bits << 6 | u32::from(digit(byte)?);
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend(bits.to_be_bytes().get(1..group.len()).unwrap_or_default());
    }
    Some(bytes)
}

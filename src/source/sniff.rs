//! What a file holds, told from its first bytes (after gunzip), never from its name.
//!
//! Captures have a magic. Day files have none: the first message must be of a plausible length and a known type. Everything
//! else is refused here, by a name a person recognises.

use super::SourceError;
use super::input::{Input, refusal};
use super::pcap::Frames;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// pcap or pcapng.
    Capture,
    /// Nasdaq day file.
    DayFile,
}

/// Types of TotalView-ITCH 5.0 messages; one of them begins a day file (the first of a whole day is always `S`).
const ITCH_TYPES: &[u8] = b"SRHYLVWKJhAFECXDUPQBINO";

/// No ITCH message is longer (the longest has 50 bytes); leaves room for a newer version.
const MAX_FIRST_MESSAGE: u16 = 64;

/// Enough to tell text from binary, and to see that a file is zeros and not merely begins with some.
const LOOK: usize = 4096;

/// Tells what the input holds, or refuses it. Nothing is consumed.
pub(super) fn content(input: &mut Input) -> Result<Content, SourceError> {
    input.fill(LOOK)?;
    let head = input.unread();
    if Frames::begins_with(head) {
        return Ok(Content::Capture);
    }
    if let Some(&[high, low, kind]) = head.first_chunk::<3>()
        && (1..=MAX_FIRST_MESSAGE).contains(&u16::from_be_bytes([high, low]))
        && ITCH_TYPES.contains(&kind)
    {
        return Ok(Content::DayFile);
    }
    let what = input.damage().filter(|_| head.is_empty()).map_or_else(|| describe(head), str::to_owned);
    Err(refusal(
        input.path(),
        format!("{what}; neither a capture nor a day file"),
        "give a pcap or pcapng capture or a Nasdaq day file (u16 length + message), plain or .gz",
    ))
}

fn describe(head: &[u8]) -> String {
    let head = head.get(..LOOK).unwrap_or(head);
    let known: &[(&[u8], &str)] = &[
        (&[0x28, 0xb5, 0x2f, 0xfd], "the file is compressed with zstd (decompress it first)"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "the file is compressed with xz (decompress it first)"),
        (b"BZh", "the file is compressed with bzip2 (decompress it first)"),
        (b"PK\x03\x04", "the file is a zip archive (unpack it first)"),
        (&[0x1f, 0x8b], "the file is gzip within gzip (decompress it once first)"),
        (b"DBN", "the file is a DBN file"),
        (&[0x34, 0xcd, 0xb2, 0xa1], "the file is a capture in the modified pcap format of 1999 (convert it with editcap)"),
    ];
    if head.is_empty() {
        return "the file is empty".into();
    }
    if let Some((_, name)) = known.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*name).into();
    }
    if head.iter().all(|&byte| byte == 0) {
        return format!("the file begins with {} zero bytes", head.len());
    }
    // A character cut off at the end of what we look at is no reason against text.
    let text = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).ok(),
        Err(_) => None,
    };
    if let Some(text) = text.filter(|text| !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))) {
        let line: String = text.chars().take_while(|c| !c.is_control()).take(40).collect();
        return format!("the file is text, beginning {line:?}");
    }
    format!("the file begins with the bytes {:02x?}", head.get(..8).unwrap_or(head))
}

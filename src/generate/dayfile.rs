//! A session as a day file: repeated 2-byte big-endian length and message, closed by a length of zero.

use super::market::Session;
use super::truth::Truth;
use super::{GenerateConfig, GenerateError, PROGRESS_EVERY};
use std::io::{BufWriter, Write};

/// Writes a session as a day file and returns what its reader must end with.
///
/// `progress` is told the number of messages written, every 65,536 messages and at the end.
///
/// # Errors
/// The configuration cannot be generated, or `out` failed.
pub fn day_file(config: &GenerateConfig, out: impl Write, progress: &mut dyn FnMut(u64)) -> Result<Truth, GenerateError> {
    let mut session = Session::new(config)?;
    let mut out = BufWriter::with_capacity(1 << 20, out);
    while let Some(message) = session.next_message() {
        out.write_all(&(message.bytes.len() as u16).to_be_bytes())?;
        out.write_all(message.bytes)?;
        if session.messages().is_multiple_of(PROGRESS_EVERY) {
            progress(session.messages());
        }
    }
    out.write_all(&[0, 0])?;
    out.flush()?;
    progress(session.messages());
    Ok(session.truth())
}

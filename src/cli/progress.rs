//! Progress bars: only where a terminal is there to show them.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` of `unit` (bytes are shown in words). Invisible where standard error is no terminal.
pub(super) fn bar(total: u64, of: Of, what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    let template = match of {
        Of::Bytes => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        Of::Messages => "{msg} {wide_bar} {human_pos}/{human_len} messages {per_sec} {eta}",
        Of::Whole => "{wide_bar} {percent} % {msg}",
        Of::Things => "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What a bar counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    /// Bytes of a file.
    Bytes,
    /// Messages.
    Messages,
    /// A run of several parts, which the message tells.
    Whole,
    /// Whatever the message says: bytes, messages, datagrams.
    Things,
}

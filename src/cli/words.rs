//! Numbers of the records, in words.

use crate::record::control::{self, cause};
use crate::record::venue::kind;
use crate::record::{ChannelState, flags};
use crate::shm::WriterState;

/// What a control record tells.
pub(super) fn control(rtype: u8) -> &'static str {
    match rtype {
        control::SESSION_START => "session_start",
        control::SESSION_END => "session_end",
        control::GAP_OPEN => "gap_open",
        control::GAP_CLOSED => "gap_closed",
        control::BOOK_GOOD => "book_good",
        control::IMAGE_READY => "image_ready",
        control::SYSTEM_EVENT => "system_event",
        control::TIME_RAN_BACK => "time_ran_back",
        control::PRICE_LEVELS_ONLY => "price_levels_only",
        _ => "unknown",
    }
}

/// Why it was sent.
pub(super) fn cause(cause: u8) -> &'static str {
    match cause {
        cause::NONE => "none",
        cause::FIRST => "first",
        cause::JOINED_LATE => "joined_late",
        cause::NEW_SESSION => "new_session",
        cause::RESTART => "restart",
        cause::ALL_LINES_PASSED => "all_lines_passed",
        cause::TIMED_OUT => "timed_out",
        cause::HEARTBEAT => "heartbeat",
        cause::WINDOW_FULL => "window_full",
        cause::RECOVERED => "recovered",
        cause::LOST => "lost",
        cause::SHUTDOWN => "shutdown",
        cause::UNREADABLE => "unreadable",
        cause::OTHER_CHANNEL => "other_channel",
        cause::STREAM_OFFSET => "stream_offset",
        cause::LAPPED => "lapped",
        _ => "unknown",
    }
}

/// What a record of the side ring tells.
pub(super) fn venue_kind(kind: u8) -> &'static str {
    match kind {
        kind::TRADE => "trade",
        kind::TRADE_BREAK => "trade_break",
        kind::ATTRIBUTION => "attribution",
        kind::COLLAR => "collar",
        kind::IPO_QUOTATION => "ipo_quotation",
        kind::DIRECT_LISTING => "direct_listing",
        kind::RETAIL_INTEREST => "retail_interest",
        kind::PARTICIPANT => "participant",
        kind::EMPTY_CROSS => "empty_cross",
        kind::SECURITY_EVENT => "security_event",
        kind::CIRCUIT_BREAKER_LEVELS => "circuit_breaker_levels",
        _ => "unknown",
    }
}

/// How a channel is.
pub(super) fn channel_state(state: ChannelState) -> &'static str {
    match state {
        ChannelState::Idle => "idle",
        ChannelState::Good => "good",
        ChannelState::GapOpen => "gap_open",
        ChannelState::Stale => "stale",
        ChannelState::Ended => "ended",
        ChannelState::Silent => "silent",
    }
}

/// How the writer is.
pub(super) fn writer_state(state: WriterState) -> &'static str {
    match state {
        WriterState::Alive => "alive",
        WriterState::Closed => "closed",
        WriterState::Replaced => "replaced",
        WriterState::Dead => "dead",
    }
}

/// The flags that are set, `|` between them; `-` for none.
pub(super) fn flags(bits: u8) -> String {
    let names = [
        (flags::LAST, "LAST"),
        (flags::TOB, "TOB"),
        (flags::SNAPSHOT, "SNAPSHOT"),
        (flags::MBP, "MBP"),
        (flags::BAD_TS_RECV, "BAD_TS_RECV"),
        (flags::MAYBE_BAD_BOOK, "MAYBE_BAD_BOOK"),
    ];
    let set: Vec<&str> = names.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name).collect();
    if set.is_empty() { "-".to_owned() } else { set.join("|") }
}

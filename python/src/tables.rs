//! The publication's tables as rows of bytes: what the dtypes `INSTRUMENT` and `CHANNEL` of the package describe.

use tickwire::record::ChannelState;
use tickwire::shm::{ChannelRow, InstrumentRow, WriterState};

/// Characters of a symbol, four bytes each, as numpy's `U32` has them.
const SYMBOL_CHARS: usize = 32;

/// Appends one row of the instruments table, 144 bytes.
pub fn put_instrument(row: &InstrumentRow, to: &mut Vec<u8>) {
    to.extend_from_slice(&row.row.to_le_bytes());
    to.extend_from_slice(&row.instrument_id.to_le_bytes());
    to.extend_from_slice(&row.publisher_id.to_le_bytes());
    to.extend_from_slice(&row.channel.to_le_bytes());
    to.extend_from_slice(&row.round_lot.to_le_bytes());
    put_text(&row.symbol, SYMBOL_CHARS, to);
}

fn put_text(text: &str, length: usize, to: &mut Vec<u8>) {
    for char in text.chars().chain(std::iter::repeat('\0')).take(length) {
        to.extend_from_slice(&u32::from(char).to_le_bytes());
    }
}

/// Name, publisher id, state, doubted, since ns, watermark ns, index.
pub type Channel = (String, u16, &'static str, bool, u64, u64, u16);

/// One row of the channel table.
pub fn channel(row: ChannelRow) -> Channel {
    (row.name, row.publisher_id, channel_state(row.state), row.doubted, row.since_ns, row.watermark_ns, row.channel)
}

/// How a channel is, in the words of the command line.
pub fn channel_state(state: ChannelState) -> &'static str {
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
pub fn writer_state(state: WriterState) -> &'static str {
    match state {
        WriterState::Alive => "alive",
        WriterState::Closed => "closed",
        WriterState::Replaced => "replaced",
        WriterState::Dead => "dead",
    }
}

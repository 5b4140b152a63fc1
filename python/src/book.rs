//! The price levels of one instrument, handed over.

use tickwire::shm::{BookState, BookView};
use zerocopy::IntoBytes;

use crate::buffer::Buffer;
use crate::tables::channel_state;

/// Row, instrument id, publisher id, symbol; levels, 32 bytes each; may be wrong; state of the channel; since ns; ts_recv; ts_event; sequence; position.
pub type Book = (u32, u32, u16, String, Buffer, bool, &'static str, u64, u64, u64, u32, u64);

/// As Python is told.
pub fn told(view: BookView) -> Book {
    let levels = Buffer::new(view.levels.as_slice().as_bytes().to_vec());
    let row = view.instrument;
    let maybe_bad = view.state == BookState::MaybeBad;
    let channel = channel_state(view.channel);
    (
        row.row,
        row.instrument_id,
        row.publisher_id,
        row.symbol,
        levels,
        maybe_bad,
        channel,
        view.since_ns,
        view.ts_recv,
        view.ts_event,
        view.sequence,
        view.position,
    )
}

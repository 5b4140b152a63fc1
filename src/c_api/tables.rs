//! The tables of a publication: instruments, channels, counters.

use std::ffi::c_char;

use super::answer::{Code, Failure, answer};
use super::pointer::{fill, letters, room, rooms, shared, text};
use super::publication::Publication;
use crate::record::ChannelState;
use crate::shm::{ChannelRow, InstrumentRow, ShmError};

/// A row of the instruments table.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Instrument {
    /// Which row; the same in the items of subscriptions.
    pub row: u32,
    /// The venue's id, as in the records; unique together with `publisher_id`, or else the last of such rows counts.
    pub instrument_id: u32,
    /// DBN publisher id, as in the records.
    pub publisher_id: u16,
    /// Index into the channel table.
    pub channel: u16,
    /// Round lot in shares; 0 where not known.
    pub round_lot: u32,
    /// As the feed writes it, without padding; ends with a zero.
    pub symbol: [c_char; 40],
}

/// What state a channel is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// Nothing received yet.
    Idle = 0,
    /// Every message since the start or the last session was seen.
    Good = 1,
    /// Messages are missing and still expected.
    GapOpen = 2,
    /// Messages were lost, or joined late: books may be wrong until proven right.
    Stale = 3,
    /// The session ended.
    Ended = 4,
    /// Nothing was heard for longer than allowed.
    Silent = 5,
}

/// A channel and its state.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Channel {
    /// When the state began, or the doubt if there is one; ns since 1970 UTC, in steps of 256.
    pub since_ns: u64,
    /// The venue's time up to which its messages were taken in, ns since 1970 UTC; 0: none yet.
    pub watermark_ns: u64,
    /// Its state: tickwire_state.
    pub state: u32,
    /// Its index.
    pub channel: u16,
    /// DBN publisher id.
    pub publisher_id: u16,
    /// Its books may be wrong until proven right again; also while it is silent, and after its end.
    pub doubted: bool,
    /// Ends with a zero.
    pub name: [c_char; 39],
}

/// A counter.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Counter {
    /// As of the lane's last chore.
    pub value: u64,
    /// Ends with a zero.
    pub name: [c_char; 40],
}

impl Instrument {
    pub(super) fn of(row: &InstrumentRow) -> Self {
        let &InstrumentRow { row, instrument_id, publisher_id, channel, round_lot, ref symbol } = row;
        Self { row, instrument_id, publisher_id, channel, round_lot, symbol: letters(symbol) }
    }
}

impl State {
    pub(super) fn of(state: ChannelState) -> Self {
        match state {
            ChannelState::Idle => Self::Idle,
            ChannelState::Good => Self::Good,
            ChannelState::GapOpen => Self::GapOpen,
            ChannelState::Stale => Self::Stale,
            ChannelState::Ended => Self::Ended,
            ChannelState::Silent => Self::Silent,
        }
    }
}

impl Channel {
    pub(super) fn of(row: &ChannelRow) -> Self {
        let &ChannelRow { channel, ref name, publisher_id, state, doubted, since_ns, watermark_ns } = row;
        let state = State::of(state) as u32;
        Self { since_ns, watermark_ns, state, channel, publisher_id, doubted, name: letters(name) }
    }
}

fn no_row(publication: &Publication, row: u32) -> Failure {
    ShmError::NoSymbol { path: publication.0.path().to_owned(), symbol: format!("at row {row}") }.into()
}

/// Writes rows of the instruments table to `instruments`, from row `first` on, at most `most`. Returns how many were written, or a code.
/// Rows are only ever added, and never change within an epoch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_instruments(
    publication: *const Publication,
    first: u32,
    instruments: *mut Instrument,
    most: usize,
) -> i64 {
    answer(|| {
        // SAFETY: a handle, and room for so many, by the caller's promise.
        let (publication, rooms) = unsafe { (shared("publication", publication)?, rooms("instruments", instruments, most)?) };
        let rows = (first..publication.0.instrument_count()).take(rooms.len());
        let found = rows.filter_map(|row| publication.0.instrument(row));
        Ok(fill(rooms, found.map(|row| Instrument::of(&row))))
    })
}

/// One row of the instruments table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_instrument_at(publication: *const Publication, row: u32, instrument: *mut Instrument) -> i32 {
    answer(|| {
        // SAFETY: a handle, and room for the answer, by the caller's promise.
        let (publication, room) = unsafe { (shared("publication", publication)?, room("instrument", instrument)?) };
        room.write(Instrument::of(&publication.0.instrument(row).ok_or_else(|| no_row(publication, row))?));
        Ok(Code::Ok as i32)
    })
}

/// The first instrument of that symbol, written as the feed does but without padding. TICKWIRE_CODE_NO_SYMBOL if there is none so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_find(publication: *const Publication, symbol: *const c_char, instrument: *mut Instrument) -> i32 {
    answer(|| {
        // SAFETY: a handle, a string, and room for the answer, by the caller's promise.
        let (publication, symbol, room) =
            unsafe { (shared("publication", publication)?, text("symbol", symbol)?, room("instrument", instrument)?) };
        let none = || ShmError::NoSymbol { path: publication.0.path().to_owned(), symbol: symbol.to_owned() };
        room.write(Instrument::of(&publication.0.find(symbol).ok_or_else(none)?));
        Ok(Code::Ok as i32)
    })
}

/// Writes the channels and their states to `channels`, at most `most`. Returns how many there are, which may be more; or a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_channels(publication: *const Publication, channels: *mut Channel, most: usize) -> i64 {
    answer(|| {
        // SAFETY: a handle, and room for so many, by the caller's promise.
        let (publication, rooms) = unsafe { (shared("publication", publication)?, rooms("channels", channels, most)?) };
        Ok(fill(rooms, publication.0.channel_states().iter().map(Channel::of)))
    })
}

/// Writes the counters to `counters`, at most `most`. Returns how many there are, which may be more; or a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_counters(publication: *const Publication, counters: *mut Counter, most: usize) -> i64 {
    answer(|| {
        // SAFETY: a handle, and room for so many, by the caller's promise.
        let (publication, rooms) = unsafe { (shared("publication", publication)?, rooms("counters", counters, most)?) };
        Ok(fill(rooms, publication.0.counters().into_iter().map(|(name, value)| Counter { value, name: letters(&name) })))
    })
}

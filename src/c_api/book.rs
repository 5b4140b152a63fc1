//! A look-up: the newest price levels of one instrument, and whether they can be trusted.

use std::ffi::c_char;

use super::answer::{Code, answer};
use super::pointer::{room, shared, text};
use super::publication::Publication;
use super::tables::{Instrument, State};
use crate::record::BidAsk;
use crate::shm::{BookState, BookView};

/// The newest price levels of one instrument.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Book {
    /// Whose.
    pub instrument: Instrument,
    /// From the best on. Levels that are not there have TICKWIRE_UNDEF_PRICE and zeros.
    pub levels: [BidAsk; 10],
    /// How many levels are told: ten from `mbp-10`, one from `mbp-1`.
    pub depth: u32,
    /// The state of the instrument's channel: tickwire_state.
    pub channel_state: u32,
    /// When that began, or the doubt about its books if there is one; ns since 1970 UTC, in steps of 256.
    pub since_ns: u64,
    /// When the last record was received, ns since 1970 UTC; 0 if there was none.
    pub ts_recv: u64,
    /// The venue's time of the last record; 0 if there was none.
    pub ts_event: u64,
    /// Position of the last record in its ring; 0 if there was none.
    pub position: u64,
    /// The sequence number in the last record.
    pub sequence: u32,
    /// Messages that may have been for this instrument are missing.
    pub maybe_bad: bool,
}

impl Book {
    fn of(view: &BookView) -> Self {
        let mut levels = [BidAsk::EMPTY; 10];
        for (to, from) in levels.iter_mut().zip(&view.levels) {
            *to = *from;
        }
        Self {
            instrument: Instrument::of(&view.instrument),
            levels,
            depth: view.levels.len().min(levels.len()) as u32,
            channel_state: State::of(view.channel) as u32,
            since_ns: view.since_ns,
            ts_recv: view.ts_recv,
            ts_event: view.ts_event,
            position: view.position,
            sequence: view.sequence,
            maybe_bad: view.state != BookState::Good,
        }
    }
}

/// Looks the book of a symbol up: ten levels if there is an `mbp-10` ring, else the best.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_look_up(publication: *const Publication, symbol: *const c_char, book: *mut Book) -> i32 {
    answer(|| {
        // SAFETY: a handle, a string, and room for the answer, by the caller's promise.
        let (publication, symbol, room) = unsafe { (shared("publication", publication)?, text("symbol", symbol)?, room("book", book)?) };
        room.write(Book::of(&publication.0.book(symbol)?));
        Ok(Code::Ok as i32)
    })
}

/// The same by row.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_look_up_at(publication: *const Publication, row: u32, book: *mut Book) -> i32 {
    answer(|| {
        // SAFETY: a handle, and room for the answer, by the caller's promise.
        let (publication, room) = unsafe { (shared("publication", publication)?, room("book", book)?) };
        room.write(Book::of(&publication.0.book_at(row)?));
        Ok(Code::Ok as i32)
    })
}

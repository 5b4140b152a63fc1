//! The computed publication: records of windows and signals, and the control records of the ring that they come from.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::bars::Closed;
use super::clock::Window;
use crate::record::{Control, Header, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Row, Schema, Sink, Vwap, flags};
use crate::shm::Publisher;

/// Records asked room for at once; see `replay`'s own gates.
const AHEAD: u64 = 64;
/// Between looks at a gate that is shut.
const NAP: Duration = Duration::from_micros(50);
/// Naps between looks for readers that died at their gate.
const REAP_EVERY: u32 = 1_000;

/// Rings that the side ring feeds.
pub(super) const OF_VENUE: [Schema; 5] = [Schema::Ohlcv1S, Schema::Ohlcv1M, Schema::Ohlcv1H, Schema::Ohlcv1D, Schema::Vwap];
/// Rings that the book's ring feeds.
pub(super) const OF_BOOK: [Schema; 1] = [Schema::Signal];

/// Where the computed records go.
#[derive(Debug)]
pub(super) struct Output {
    pub publisher: Publisher,
    /// Records that may be published without another look at the gates.
    room: u64,
}

impl Output {
    pub fn new(publisher: Publisher) -> Self {
        Self { publisher, room: 0 }
    }

    /// One window of one instrument, in the rings that are there. `ids`: publisher and instrument.
    pub fn closed(&mut self, row: Row, ids: (u16, u32), closed: &Closed, stop: &AtomicBool) {
        let Closed { window, span, bar, .. } = *closed;
        macro_rules! bar {
            ($record:ident) => {{
                let hd = Header::of::<$record>(ids.0, ids.1, span.start_ns);
                self.publish(
                    row,
                    &$record { hd, open: bar.open, high: bar.high, low: bar.low, close: bar.close, volume: bar.volume },
                    stop,
                );
            }};
        }
        match window {
            Window::Second => bar!(Ohlcv1S),
            Window::Minute => bar!(Ohlcv1M),
            Window::Hour => bar!(Ohlcv1H),
            Window::Day => bar!(Ohlcv1D),
        }
        let vwap = Vwap {
            hd: Header::of::<Vwap>(ids.0, ids.1, span.start_ns),
            vwap: bar.vwap(),
            volume: bar.volume,
            notional_low: bar.notional as u64,
            notional_high: (bar.notional >> 64) as i64,
            window_ns: span.length_ns(),
            trades: u32::try_from(bar.trades).unwrap_or(u32::MAX),
            flags: if closed.maybe_bad { flags::MAYBE_BAD_BOOK } else { 0 },
            window: window as u8,
            reserved: [0; 2],
        };
        self.publish(row, &vwap, stop);
    }

    /// A record, if there is a ring for it.
    pub fn publish<R: Record>(&mut self, row: Row, record: &R, stop: &AtomicBool) {
        if self.publisher.carries(R::SCHEMA) {
            self.take_room(stop);
            self.publisher.publish(row, record);
        }
    }

    /// A control record into those of `rings` that are there.
    pub fn control(&mut self, rings: &[Schema], record: &Control, stop: &AtomicBool) {
        for &schema in rings {
            self.take_room(stop);
            self.publisher.control_in(schema, record);
        }
    }

    /// A new epoch. Nothing is known of its readers yet.
    pub fn new_epoch(&mut self) {
        self.publisher.new_epoch();
        self.room = 0;
    }

    /// Only a replay's publication has gates: there is always room in others.
    fn take_room(&mut self, stop: &AtomicBool) {
        if self.room == 0 {
            self.room = self.look(stop);
        }
        self.room -= 1;
    }

    #[cold]
    fn look(&mut self, stop: &AtomicBool) -> u64 {
        if self.publisher.has_room(AHEAD) {
            return AHEAD;
        }
        // What waits for a reader must be there for it to see.
        self.publisher.commit();
        let mut naps = 0_u32;
        while !self.publisher.has_room(1) && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(NAP);
            naps = naps.wrapping_add(1);
            if naps.is_multiple_of(REAP_EVERY)
                && let Some(gates) = self.publisher.gates()
            {
                // A gate that cannot be examined stays shut; whoever waits for it too long says stop.
                let _ = gates.reap();
            }
        }
        1
    }
}

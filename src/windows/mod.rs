//! Windows and signals: the ticker's own arithmetic, off the hot path, published like everything else.
//!
//! A [`Computing`] is an ordinary consumer of one publication and the writer of another, in the same process. It reads two rings:
//!
//! ```text
//!  venue  ─▶ trades, breaks ─▶ bars (clock, bar, trades) ─▶ ohlcv-1s ohlcv-1m ohlcv-1h ohlcv-1d vwap
//!  mbp-10 ─▶ book changes   ─▶ signals (flow)            ─▶ signal
//! ```
//!
//! Windows are of the venue's time and close by it: by the times of the records, by the times that control records carry, and by the
//! channel's watermark, which says how far messages were taken in that made no record. No clock of the host is read here, so the
//! same input gives the same bytes, live or replayed. What is not plain arithmetic (late trades, breaks, gaps, sessions) is in
//! `docs/windows.md`, counted by reason in the computed publication's counters, and never silent.
//!
//! [`Bars`] and [`Signals`] take records and give records; they own no ring, thread or clock.
#![forbid(unsafe_code)]

mod bar;
mod bars;
mod belief;
mod clock;
mod computing;
mod counters;
mod flow;
mod output;
mod signals;
mod source;
mod trades;

pub use bar::Bar;
pub use bars::{Bars, BarsConfig, Closed};
pub use clock::{Span, Window};
pub use computing::{ComputeConfig, Computing, Finished, Turn};
pub use counters::Counters;
pub use signals::{BookRecord, Signals};

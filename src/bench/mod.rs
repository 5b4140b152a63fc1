//! The latency replay benchmark: recordings and made-up days through the very pipeline that runs live, timed from when each datagram
//! was **due**.
//!
//! ```text
//!  workload ─ datagrams in memory ─▶ schedule ─ when each is due ─▶ in_process: a lane's own source ──────────────▶ lane ─▶ rings ─▶ watcher
//!                                                                └▶ on_wire: sender ─ frames ─▶ interface ─▶ handler process ─▶ rings ─▶ watcher
//!  host ─ what would spoil it        rounds ─ A, B, A, B … ─▶ result ─▶ table, json, hlog, percentiles, report, baseline
//! ```
//!
//! - **Open loop.** A datagram's latency begins when it was due, never when the sender got round to it; how late the sender was is a
//!   distribution of its own, and a run whose sender fell behind says so first.
//! - **Ratios.** Whatever is compared is compared in interleaved rounds of one run; absolute times of shared machines mean little.
//! - **Nothing is hidden.** Warm-up that is left out, datagrams without an answer, laps and losses are all in the result.

mod apart;
pub mod bare_loop;
pub mod config;
pub mod due;
mod folder;
pub mod handler;
pub mod host;
pub mod in_process;
pub mod intervals;
pub mod measure;
pub mod news;
pub mod on_wire;
pub mod pace;
pub mod pingpong;
mod process;
pub mod results;
mod ring_reader;
pub mod round;
pub mod rounds;
pub mod run;
pub mod schedule;
pub mod second_binary;
mod seen;
pub mod sender;
pub mod watcher;
pub mod workload;

pub use measure::{Measure, Measures};
pub use pace::Pace;
pub use round::{Counts, Interval, Lateness, Round};

use crate::error::Error;

/// What a run asks while it works, and what it tells.
pub struct Control<'a> {
    /// Whether to end now, with the results so far. Asked at least every 50 ms.
    pub stop: &'a dyn Fn() -> bool,
    /// Told now and then: how far the round is.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// How far a round is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Datagrams that have gone.
    pub done: u64,
    /// Datagrams of the round.
    pub total: u64,
}

/// One way of doing the work: the thing that is measured, or what it is compared with.
pub trait Runner {
    /// What it is called in tables and plots: `xdp`, `udp`, a configuration's file name.
    fn label(&self) -> &str;

    /// Does all the work once. Stopped early, it gives what it has, with [`Counts::stopped`] set.
    fn round(&mut self, control: &mut Control<'_>) -> Result<Round, Error>;
}

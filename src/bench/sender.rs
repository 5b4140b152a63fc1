//! The open-loop sender: each datagram when it is due, whatever became of those before it.
//!
//! ```text
//!  schedule ─ due ─▶ wait: idle, sleep, spin ─▶ all that is due ─▶ transport ─ taken by the kernel ─▶ lateness from due
//! ```
//!
//! - **Nobody is waited for.** Deadlines are absolute, on the clock of the path. Who is late sends what has become due in batches until he
//!   has caught up, and each datagram's lateness counts from its own due time: a stall shows as all the datagrams that were due in it.
//! - **Nothing is dropped in silence.** What the kernel does not take is offered again for a bounded time, then counted.
//! - The loop allocates nothing and takes no lock; waiting costs no system call unless more than [`SLEEP_ABOVE_NS`] are left.

pub mod transport;

mod frames;
mod sockets;
mod xdp;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::schedule::Schedule;
use super::{Lateness, measure};
use crate::error::Error;
use crate::time::Clock;
pub use transport::{Opened, Refusal, Transport, Via};

/// Waits longer than this sleep, unless something else is to be done.
pub const SLEEP_ABOVE_NS: u64 = 250_000;
/// What is left of a wait when the sleep ends: timer slack (50 µs) and a wake-up on a busy machine; the rest is spun.
const SPIN_NS: u64 = 200_000;
/// The longest single sleep, and how long `stop` is not asked.
const LOOK_EVERY_NS: u64 = 10_000_000;

/// A stall on purpose, for sceptics and tests: as if the sender had been taken off its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Before the datagram of this number (from 0).
    pub after_datagrams: u64,
    /// How long.
    pub for_: Duration,
}

/// How the sender works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderConfig {
    /// Later than this counts as late.
    pub late_above: Duration,
    /// So many datagrams at the beginning are in no histogram and not in [`Sent::kept`].
    pub warm_up_datagrams: u64,
    /// How long a datagram that the kernel has no room for is offered again. What follows has no patience of its own until one is taken.
    pub patience: Duration,
    /// A stall on purpose.
    pub stall: Option<Stall>,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self { late_above: Duration::from_micros(100), warm_up_datagrams: 0, patience: Duration::from_millis(200), stall: None }
    }
}

/// What became of a run.
#[derive(Clone)]
pub struct Sent {
    /// From due until the kernel had taken it, of each datagram behind the warm-up, ns. Empty at [`Pace::Max`](super::Pace::Max).
    pub lateness: Histogram<u64>,
    /// How the schedule was kept behind the warm-up; `None` at [`Pace::Max`](super::Pace::Max).
    pub kept: Option<Lateness>,
    /// Datagrams the kernel has taken.
    pub sent: u64,
    /// Datagrams it has not, although their time came.
    pub refused: u64,
    /// Why the first of them was refused.
    pub first_refusal: Option<String>,
    /// From the start to the last datagram taken, or to the stop, ns.
    pub elapsed_ns: u64,
    /// How long after its due end the schedule ended, ns.
    pub end_late_ns: u64,
    /// Ended before its time.
    pub stopped: bool,
}

impl std::fmt::Debug for Sent {
    /// The histogram by its quantiles: it has some 65,000 counts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lateness, kept, sent, refused, first_refusal, elapsed_ns, end_late_ns, stopped } = self;
        let quantiles = [0.5, 0.99, 1.0].map(|quantile| lateness.value_at_quantile(quantile));
        f.debug_struct("Sent")
            .field("late_p50_p99_max_ns", &quantiles)
            .field("kept", kept)
            .field("sent", sent)
            .field("refused", refused)
            .field("first_refusal", first_refusal)
            .field("elapsed_ns", elapsed_ns)
            .field("end_late_ns", end_late_ns)
            .field("stopped", stopped)
            .finish()
    }
}

/// Sends datagrams by a schedule.
pub struct Sender<'a> {
    schedule: &'a Schedule,
    datagrams: usize,
    transport: Box<dyn Transport + 'a>,
    config: SenderConfig,
}

impl<'a> Sender<'a> {
    /// A sender of the first `datagrams` of what the transport carries, all of them in the schedule, or the schedule of
    /// [`Pace::Max`](super::Pace::Max).
    pub fn new(schedule: &'a Schedule, datagrams: usize, transport: Box<dyn Transport + 'a>, config: SenderConfig) -> Self {
        Self { schedule, datagrams, transport, config }
    }

    /// How it sends, for people.
    pub fn describe(&self) -> String {
        self.transport.describe()
    }

    /// Sends everything once; the schedule starts at `start_ns` of the clock. The calling thread is the sender: pin it.
    ///
    /// `stop` is asked at least every 50 ms. `gone` is told how many datagrams were done with, sent or refused. `idle` is called again and
    /// again while there is nothing to send, with the time left (ns), and once after each batch (with 0): for work that shares the core, in
    /// pieces that fit. While it returns true the sender does not sleep.
    ///
    /// # Errors
    /// The interface is gone.
    pub fn run(
        &mut self,
        clock: &Clock,
        start_ns: u64,
        stop: &dyn Fn() -> bool,
        gone: &AtomicU64,
        idle: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Sent, Error> {
        let unhurried = self.datagrams > 0 && self.schedule.due_ns(0).is_none();
        let kept = (!unhurried).then(|| Lateness { limit_ns: nanos(self.config.late_above), ..Lateness::default() });
        let sent = Sent {
            lateness: measure::histogram(),
            kept,
            sent: 0,
            refused: 0,
            first_refusal: None,
            elapsed_ns: 0,
            end_late_ns: 0,
            stopped: false,
        };
        self.transport.begin();
        let mut run = Run { clock, start_ns, stop, idle, looked_ns: clock.now_ns(), sent, stall: self.config.stall, full_since_ns: None };
        let mut next = 0;
        while next < self.datagrams {
            if run.stall.is_some_and(|stall| stall.after_datagrams <= next as u64) && !run.stand_still() {
                break;
            }
            let Some(now_ns) = run.wait(run.due_ns(self.schedule, next)) else { break };
            let stall = run.stall.map_or(usize::MAX, |stall| usize::try_from(stall.after_datagrams).unwrap_or(usize::MAX));
            let most = self.datagrams.min(stall).min(next + self.transport.most().max(1));
            let end = (next + 1..most).find(|&nth| run.due_ns(self.schedule, nth) > now_ns).unwrap_or(most);
            next += self.offer(&mut run, next, end)?;
            gone.store(next as u64, Ordering::Relaxed);
            (run.idle)(0);
        }
        let Run { mut sent, .. } = run;
        sent.stopped = next < self.datagrams;
        let lost = self.transport.finish();
        if lost > 0 {
            sent.sent = sent.sent.saturating_sub(lost);
            sent.refused += lost;
            sent.first_refusal.get_or_insert_with(|| "the interface threw them away".to_owned());
        }
        if sent.stopped {
            // Also the time in which nothing was due, or the rate would be that of the last burst.
            sent.elapsed_ns = clock.now_ns().saturating_sub(start_ns);
        } else {
            sent.end_late_ns = sent.elapsed_ns.saturating_sub(self.schedule.end_ns());
        }
        Ok(sent)
    }

    /// Offers what is due to the kernel, once, and says how many datagrams are done with.
    #[inline]
    fn offer(&mut self, run: &mut Run<'_>, next: usize, end: usize) -> Result<usize, Error> {
        let offered = self.transport.send(next..end);
        let now_ns = run.clock.now_ns();
        match offered {
            Ok(0) => {
                let since_ns = *run.full_since_ns.get_or_insert(now_ns);
                if now_ns.saturating_sub(since_ns) < nanos(self.config.patience) {
                    std::hint::spin_loop();
                    return Ok(0);
                }
                run.refuse(&"there was no room in the interface's queue");
                Ok(1)
            }
            Ok(taken) => {
                let taken = taken.min(end - next);
                run.full_since_ns = None;
                run.sent.sent += taken as u64;
                run.sent.elapsed_ns = now_ns.saturating_sub(run.start_ns);
                if let Some(kept) = &mut run.sent.kept {
                    for nth in next..next + taken {
                        if (nth as u64) < self.config.warm_up_datagrams {
                            continue;
                        }
                        let due_ns = run.start_ns + self.schedule.due_ns(nth).unwrap_or(0);
                        let late_ns = now_ns.saturating_sub(due_ns);
                        run.sent.lateness.saturating_record(late_ns.max(1));
                        kept.sent += 1;
                        kept.late += u64::from(late_ns > kept.limit_ns);
                    }
                }
                Ok(taken)
            }
            Err(Refusal::Datagram(why)) => {
                run.refuse(&why);
                Ok(1)
            }
            Err(Refusal::Interface(error)) => Err(error),
        }
    }
}

/// One run under way.
struct Run<'a> {
    clock: &'a Clock,
    start_ns: u64,
    stop: &'a dyn Fn() -> bool,
    idle: &'a mut dyn FnMut(u64) -> bool,
    /// When `stop` was last asked.
    looked_ns: u64,
    sent: Sent,
    /// A stall that is still to come.
    stall: Option<Stall>,
    /// Since when the kernel has had no room.
    full_since_ns: Option<u64>,
}

impl Run<'_> {
    /// When that datagram is due, on the clock.
    #[inline]
    fn due_ns(&self, schedule: &Schedule, nth: usize) -> u64 {
        self.start_ns.saturating_add(schedule.due_ns(nth).unwrap_or(0))
    }

    /// Waits until `due_ns` and returns the time then; `None`: it is to stop.
    #[inline]
    fn wait(&mut self, due_ns: u64) -> Option<u64> {
        loop {
            let now_ns = self.clock.now_ns();
            if !self.goes_on(now_ns) {
                return None;
            }
            let left_ns = due_ns.saturating_sub(now_ns);
            if left_ns == 0 {
                return Some(now_ns);
            }
            if (self.idle)(left_ns) {
                continue;
            }
            if left_ns > SLEEP_ABOVE_NS {
                std::thread::sleep(Duration::from_nanos((left_ns - SPIN_NS).min(LOOK_EVERY_NS)));
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// Asks `stop` if that was long ago.
    #[inline]
    fn goes_on(&mut self, now_ns: u64) -> bool {
        if now_ns.saturating_sub(self.looked_ns) < LOOK_EVERY_NS {
            return true;
        }
        self.looked_ns = now_ns;
        !(self.stop)()
    }

    /// Does nothing at all for as long as was asked for; false: it is to stop.
    #[cold]
    fn stand_still(&mut self) -> bool {
        let Some(stall) = self.stall.take() else { return true };
        let until_ns = self.clock.now_ns().saturating_add(nanos(stall.for_));
        loop {
            let now_ns = self.clock.now_ns();
            if now_ns >= until_ns {
                return true;
            }
            if !self.goes_on(now_ns) {
                return false;
            }
            std::thread::sleep(Duration::from_nanos((until_ns - now_ns).min(LOOK_EVERY_NS)));
        }
    }

    #[cold]
    fn refuse(&mut self, why: &dyn std::fmt::Display) {
        self.sent.refused += 1;
        self.sent.first_refusal.get_or_insert_with(|| why.to_string());
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

//! Datagrams from memory when they are due: the source of a lane that runs in process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::taken::Taken;
use crate::bench::schedule::Schedule;
use crate::bench::sender::Stall;
use crate::bench::workload::Workload;
use crate::source::{Datagram, Polled, Source, SourceError};
use crate::stats::Drops;
use crate::time::Clock;

/// At most this many datagrams are lent by one poll, as live sources do.
const BATCH: usize = 64;

/// Lends what is due, a batch at a time, stamped by the clock once a batch, and keeps when each batch was received and published.
///
/// Nobody sends here, so what is late was late in being taken up: from due to the receive stamp is the wait for the lane.
pub(super) struct PacedSource {
    workload: Arc<Workload>,
    schedule: Arc<Schedule>,
    clock: Clock,
    start_ns: u64,
    next: usize,
    /// Ends before this datagram, for now.
    until: usize,
    /// A standstill put in on purpose. What was due meanwhile is late, and must show.
    stall: Option<Stall>,
    pub taken: Taken,
    /// Datagrams that have gone, for whoever shows it.
    done: Arc<AtomicU64>,
    drops: Drops,
}

impl PacedSource {
    /// A source that stands still until it is [started](PacedSource::start). All its memory is touched here.
    pub fn new(workload: Arc<Workload>, schedule: Arc<Schedule>, clock: Clock, stall: Option<Stall>, done: Arc<AtomicU64>) -> Self {
        let packets = workload.packets.len();
        // Paced, each datagram may be a batch of its own; else batches are full, but for the last.
        let batches = if schedule.due_ns(0).is_some() { packets } else { packets.div_ceil(BATCH) };
        Self {
            workload,
            schedule,
            clock,
            start_ns: u64::MAX,
            next: 0,
            until: 0,
            stall,
            taken: Taken::with_room(batches + 2),
            done,
            drops: Drops::default(),
        }
    }

    /// Says when the first datagram is due, ns since 1970 UTC.
    pub fn start(&mut self, start_ns: u64) {
        self.start_ns = start_ns;
    }

    /// Lends the datagrams before that number, and then says that it has ended, until told to go on.
    pub fn go_on_until(&mut self, until: usize) {
        self.until = until.min(self.workload.packets.len());
    }

    #[cold]
    fn stand_still(&mut self, now_ns: u64) -> u64 {
        let until_ns = now_ns.saturating_add(self.stall.take().map_or(0, |stall| stall.for_.as_nanos() as u64));
        loop {
            let now_ns = self.clock.now_ns();
            if now_ns >= until_ns {
                return now_ns;
            }
            std::hint::spin_loop();
        }
    }
}

impl Source for PacedSource {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        self.poll_batches(&mut |batch| batch.iter().for_each(|&datagram| deliver(datagram)))
    }

    fn poll_batches(&mut self, deliver: &mut impl FnMut(&[Datagram<'_>])) -> Result<Polled, SourceError> {
        let mut now_ns = self.clock.now_ns();
        if now_ns < self.start_ns {
            return Ok(Polled::Idle);
        }
        if self.stall.is_some_and(|stall| self.next as u64 >= stall.after_datagrams) {
            now_ns = self.stand_still(now_ns);
        }
        let first = self.next;
        let waiting = self.workload.packets.get(first..self.until).unwrap_or_default();
        let (mut lent, mut count) = ([Datagram { line: 0, recv_ns: now_ns, payload: &[] }; BATCH], 0);
        for packet in waiting.iter().take(BATCH) {
            // Absolute times from one start: nothing drifts, and what is late stays as late as it is.
            if self.schedule.due_ns(first + count).is_some_and(|due_ns| self.start_ns.saturating_add(due_ns) > now_ns) {
                break;
            }
            lent[count] = Datagram { line: packet.line, recv_ns: now_ns, payload: self.workload.payload(packet) };
            count += 1;
        }
        if count > 0 {
            deliver(&lent[..count]);
        }
        self.next += count;
        let count = count as u32;
        if count > 0 {
            self.taken.took(first as u32, count, now_ns);
            self.done.store(self.next as u64, Ordering::Relaxed);
            return Ok(Polled::Delivered(count));
        }
        Ok(if waiting.is_empty() { Polled::End } else { Polled::Idle })
    }

    #[inline]
    fn published(&mut self, now_ns: u64) {
        self.taken.published(now_ns);
    }

    fn frames(&self) -> u64 {
        0
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

//! One lane: a pinned busy-poll thread in which everything from the frame to the ring happens.
//!
//! The loop polls its source, runs each datagram through its channel to completion, and does its chores by deadline, under full
//! load too. It waits for nobody: what the control plane should know goes out through bounded queues, what it should
//! do comes in through flags.

pub mod counters;
pub mod interval_log;
pub mod latency;
pub mod sampling;
pub mod stages;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::queue::SegQueue;

use crate::channel::Channel;
use crate::record::Sink;
use crate::shm::{ImageNews, Publisher};
use crate::source::{Datagram, Event, Polled, Source, SourceError};
use crate::stats::{Drop, Drops};
use crate::time::Clock;
use counters::ShownLatency;
use latency::LatencyRecorder;
use sampling::Sampler;
pub use sampling::Sampling;

/// So many messages' memory is asked for before the first of them is applied: datagrams of one message are looked ahead to in a batch, fuller ones
/// each by itself. 8 take 0.77 of the time that none takes, and 16 or 32 no less; but the first message waits for them.
const ENOUGH_AHEAD: usize = 8;
/// Between heartbeats: a reader calls a writer dead after many of these.
const HEARTBEAT_NS: u64 = 10_000_000;
/// Between counter updates: often enough for a person to watch, rare enough to cost nothing (2 µs in 100 ms).
const COUNTERS_NS: u64 = 100_000_000;
/// Between hand-overs of the histogram.
const HAND_OVER_NS: u64 = 500_000_000;

/// What the control plane and a lane share.
#[derive(Debug, Default)]
pub struct LaneShared {
    /// Set by the control plane: drain and end.
    pub stop: AtomicBool,
    /// Goes up with every heartbeat: the watchdog's sign of life.
    pub beats: AtomicU64,
    /// Percentiles for the lane to show.
    pub latency: ShownLatency,
    /// Datagrams the kernel dropped before the lane saw them.
    pub overrun: AtomicU64,
    /// What is new of images, one for each publication of the lane; none: no images.
    pub images: Vec<ImageNews>,
    /// What happened to the lane's interfaces, for the control plane to tell. Rare; a lane must not wait for a log.
    pub events: SegQueue<Event>,
}

/// One channel and where its records go.
pub struct LaneChannel {
    /// The pipeline.
    pub channel: Channel,
    /// Index into the lane's publications.
    pub publication: usize,
}

/// Which channel and which of its lines a source's line index stands for.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Index into the lane's channels.
    pub channel: u16,
    /// Index among the channel's lines.
    pub line: u8,
}

/// A lane, whole.
pub struct Lane {
    /// By the source's line index.
    pub routes: Vec<Route>,
    /// Its channels.
    pub channels: Vec<LaneChannel>,
    /// What it writes.
    pub publications: Vec<Publisher>,
    /// The clock of receive stamps and timers.
    pub clock: Clock,
    /// The lane's histograms: from the receive stamp to the end of the batch's last publish, and the stages of stamped datagrams.
    pub latency: LatencyRecorder,
    /// Flags and signs of life.
    pub shared: Arc<LaneShared>,
    /// Sleep between empty polls; zero: spin.
    pub idle_sleep: Duration,
    /// Looks at some datagrams more closely; `None`: at none.
    sampler: Option<Box<Sampler>>,
    /// Datagrams that the source delivered and no route takes.
    drops: Drops,
    chores: Chores,
    /// What sources that were left had counted.
    left: (u64, Drops),
    stopped_publishing: bool,
    /// Number of the last image that readers were told of, by publication.
    images_told: Vec<u64>,
}

#[derive(Debug, Default)]
struct Chores {
    timers_ns: u64,
    heartbeat_ns: u64,
    counters_ns: u64,
    hand_over_ns: u64,
}

impl Lane {
    /// A lane ready to run.
    pub fn new(
        routes: Vec<Route>,
        channels: Vec<LaneChannel>,
        publications: Vec<Publisher>,
        clock: Clock,
        mut latency: LatencyRecorder,
        shared: Arc<LaneShared>,
        idle_sleep: Duration,
    ) -> Self {
        latency.begin(clock.now_ns());
        let images_told = vec![0; shared.images.len()];
        Self {
            routes,
            channels,
            publications,
            clock,
            latency,
            shared,
            idle_sleep,
            sampler: None,
            drops: Drops::default(),
            chores: Chores::default(),
            left: Default::default(),
            stopped_publishing: false,
            images_told,
        }
    }

    /// The same lane, which looks at some datagrams more closely. What is stamped goes into histograms if its recorder keeps stages
    /// ([`latency::latency_and_stages`]), and into the `latency` ring of the publication if that has one.
    pub fn with_sampling(mut self, sampling: &Sampling) -> Self {
        self.sampler = Sampler::new(sampling, self.clock.clone(), &self.publications).map(Box::new);
        self
    }

    /// Runs until told to stop (then what waits in the source is drained first), the source ends, or it fails.
    pub fn run(&mut self, source: &mut impl Source) -> Result<(), SourceError> {
        // A stop in a burst must not be postponed for ever by a source that is never empty.
        let mut drain_until_ns = u64::MAX;
        loop {
            let polled = self.turn(source)?;
            if drain_until_ns == u64::MAX && self.shared.stop.load(Ordering::Relaxed) {
                drain_until_ns = self.clock.now_ns().saturating_add(50_000_000);
            }
            match polled {
                // A publication whose new epoch could not be made publishes nothing any more: the process must say so and end.
                _ if self.stopped_publishing => return Ok(()),
                Polled::End => return Ok(()),
                Polled::Idle if drain_until_ns != u64::MAX => return Ok(()),
                Polled::Delivered(_) if drain_until_ns != u64::MAX && self.clock.now_ns() > drain_until_ns => return Ok(()),
                Polled::Delivered(_) => {}
                Polled::Idle if self.idle_sleep.is_zero() => std::hint::spin_loop(),
                Polled::Idle => std::thread::sleep(self.idle_sleep),
            }
        }
    }

    /// One turn of the loop: one batch, and the chores that are due.
    #[inline]
    pub fn turn(&mut self, source: &mut impl Source) -> Result<Polled, SourceError> {
        let mut recv_ns = 0;
        let Self { routes, channels, publications, drops, sampler, .. } = self;
        let polled = source.poll_batches(&mut |batch: &[Datagram<'_>]| {
            let mut rest = batch;
            while !rest.is_empty() {
                let (asked, later) = rest.split_at(look_ahead(routes, channels, rest));
                for datagram in asked {
                    recv_ns = datagram.recv_ns;
                    let delivered = match sampler {
                        None => deliver(routes, channels, publications, datagram),
                        Some(sampler) => sampler.deliver(routes, channels, publications, datagram),
                    };
                    if delivered.is_none() {
                        drops.count(Drop::UnknownLine);
                    }
                }
                rest = later;
            }
        })?;
        let mut now_ns = 0;
        if let Polled::Delivered(count) = polled {
            for publication in &mut self.publications {
                publication.commit();
            }
            now_ns = self.clock.now_ns();
            self.latency.record(now_ns.saturating_sub(recv_ns), u64::from(count));
            source.published(now_ns);
            if let Some(sampler) = &mut self.sampler {
                sampler.tell(now_ns, &mut self.publications, &mut self.latency);
            }
        }
        if now_ns == 0 {
            now_ns = self.clock.now_ns();
        }
        if now_ns >= self.chores.timers_ns {
            self.timers(now_ns);
            if now_ns >= self.chores.counters_ns {
                self.chores.counters_ns = now_ns + COUNTERS_NS;
                source.chores()?;
                while let Some(event) = source.take_event() {
                    self.shared.events.push(event);
                }
                self.show_counters(source.frames(), source.drops());
            }
        }
        Ok(polled)
    }

    /// Gap timers, heartbeat, hand-over: what goes on without a source, too.
    #[cold]
    pub fn timers(&mut self, now_ns: u64) {
        let mut next_ns = now_ns + 1_000_000;
        let mut moved = false;
        for LaneChannel { channel, publication } in &mut self.channels {
            let Some(publisher) = self.publications.get_mut(*publication) else { continue };
            if channel.deadline_ns().is_some_and(|deadline| deadline <= now_ns) {
                channel.on_time(now_ns, publisher);
                moved = true;
            }
            if let Some(deadline) = channel.deadline_ns() {
                next_ns = next_ns.min(deadline.max(now_ns + 10_000));
            }
        }
        // One relaxed load each.
        for ((news, told), publisher) in self.shared.images.iter().zip(&mut self.images_told).zip(&mut self.publications) {
            if let Some(position) = news.take(told, publisher.epoch()) {
                publisher.control(&ImageNews::control(position, now_ns));
                moved = true;
            }
        }
        if moved {
            self.publications.iter_mut().for_each(Sink::commit);
        }
        self.chores.timers_ns = next_ns;
        if now_ns >= self.chores.heartbeat_ns {
            self.chores.heartbeat_ns = now_ns + HEARTBEAT_NS;
            self.publications.iter_mut().for_each(|publication| publication.heartbeat(now_ns));
            // Nobody else writes it: no locked instruction.
            self.shared.beats.store(self.shared.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
        if now_ns >= self.chores.hand_over_ns {
            self.chores.hand_over_ns = now_ns + HAND_OVER_NS;
            self.latency.hand_over(now_ns);
        }
    }

    /// The source is given up for another: what it counted is kept.
    pub fn leave(&mut self, source: &impl Source) {
        // It may have failed in the middle of a batch.
        self.publications.iter_mut().for_each(Sink::commit);
        self.left.0 += source.frames();
        self.left.1.merge(source.drops());
    }

    /// Frames, and what was dropped of them, of all sources that were left.
    pub fn received(&self) -> (u64, &Drops) {
        (self.left.0, &self.left.1)
    }

    fn show_counters(&mut self, frames: u64, drops: &Drops) {
        self.stopped_publishing |= self.publications.iter().any(|publisher| publisher.failure().is_some());
        let frames = self.left.0 + frames;
        let mut all = self.left.1.clone();
        all.merge(&self.drops);
        all.merge(drops);
        self.shared.overrun.store(all.get(Drop::ReceiveOverrun), Ordering::Relaxed);
        for (index, publisher) in self.publications.iter_mut().enumerate() {
            let mine = self.channels.iter().filter(|channel| channel.publication == index).map(|channel| &channel.channel);
            counters::show(publisher, mine, frames, &all, &self.shared.latency);
            counters::show_images(publisher, self.shared.images.get(index));
        }
    }

    /// The end: what is held is delivered, readers are told, counters are shown a last time.
    pub fn finish(&mut self, source: &impl Source) {
        self.leave(source);
        self.finish_without_source();
    }

    /// The same after the last source was left.
    pub fn finish_without_source(&mut self) {
        let now_ns = self.clock.now_ns();
        for LaneChannel { channel, publication } in &mut self.channels {
            let Some(publisher) = self.publications.get_mut(*publication) else { continue };
            channel.finish(now_ns, publisher);
            channel.close(now_ns, publisher);
        }
        self.publications.iter_mut().for_each(Sink::commit);
        self.show_counters(0, &Drops::default());
        self.latency.hand_over_last(now_ns);
    }
}

/// Asks for the memory that the next datagrams' messages will touch, of as many datagrams as are worth it. How many: at least one.
#[inline]
fn look_ahead(routes: &[Route], channels: &mut [LaneChannel], batch: &[Datagram<'_>]) -> usize {
    let (mut datagrams, mut messages) = (0, 0);
    for datagram in batch {
        datagrams += 1;
        if let Some(LaneChannel { channel, .. }) =
            routes.get(datagram.line as usize).and_then(|route| channels.get_mut(route.channel as usize))
        {
            messages += channel.ask_ahead(datagram.payload, batch.len() > 1);
            if messages >= ENOUGH_AHEAD {
                break;
            }
        }
    }
    if messages > 0 {
        channels.iter_mut().for_each(|LaneChannel { channel, .. }| channel.ask_levels_ahead());
    }
    datagrams
}

/// One datagram through its channel. `None`: no route takes it, which cannot be with a source built for the same lines; counted
/// rather than trusted.
#[inline]
fn deliver(routes: &[Route], channels: &mut [LaneChannel], publications: &mut [Publisher], datagram: &Datagram<'_>) -> Option<()> {
    let route = *routes.get(datagram.line as usize)?;
    let publisher = publications.get_mut(channels.get(route.channel as usize)?.publication)?;
    run(channels, route, datagram, publisher)
}

/// The same by a given route, into `sink`.
#[inline]
fn run<S: Sink>(channels: &mut [LaneChannel], route: Route, datagram: &Datagram<'_>, sink: &mut S) -> Option<()> {
    let LaneChannel { channel, publication } = channels.get_mut(route.channel as usize)?;
    channel.on_asked(route.line, datagram.recv_ns, datagram.payload, sink);
    if channel.take_began_epoch() {
        let publication = *publication;
        announce_others(channels, route.channel as usize, publication, sink, datagram.recv_ns);
    }
    Some(())
}

/// A new epoch is an empty file: the publication's other channels announce themselves again.
#[cold]
fn announce_others<S: Sink>(channels: &mut [LaneChannel], began: usize, publication: usize, sink: &mut S, now_ns: u64) {
    for (index, other) in channels.iter_mut().enumerate() {
        if index != began && other.publication == publication {
            other.channel.announce_again(now_ns, sink);
        }
    }
}

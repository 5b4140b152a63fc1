//! Which datagrams are looked at more closely, and what is told of them in the `latency` ring.
//!
//! Two rates, because stamping slows the datagram it measures: of one in `latency_every` only the ends are told, which costs it nothing;
//! one in `stages_every` has its stages stamped besides. Both are means: the distance to the next is drawn anew each time, or a feed that
//! alternates between two lines, or bursts of always as many datagrams, would meet the same one of them again and again.

use super::latency::LatencyRecorder;
use super::stages::{Injected, Stages, Stamps};
use super::{LaneChannel, Route, run};
use crate::record::{Header, Latency, Schema, Sink, Stage};
use crate::shm::Publisher;
use crate::source::Datagram;
use crate::time::Clock;

/// Datagrams of one batch that can be looked at: as many as sources lend in one.
const ROOM: usize = 64;

/// How often a lane looks at a datagram more closely. By default never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    /// One in so many of the datagrams that delivered messages is told in the `latency` ring of its publication; 0: none.
    pub latency_every: u32,
    /// One in so many of all datagrams has its stages stamped, and is told there too if it delivered messages; 0: none.
    pub stages_every: u32,
    /// What is wasted in the stages of stamped datagrams; for tests.
    pub injected: Option<Injected>,
}

/// Picks, and keeps what was picked until the batch is over.
#[derive(Debug)]
pub(super) struct Sampler {
    latency: Spaced,
    stages: Spaced,
    stop_watch: Stages,
    /// By publication: the ring whose positions are told, where there is a `latency` ring.
    rings: Vec<Option<Schema>>,
    picked: Vec<Picked>,
}

/// One datagram, until the batch is over.
#[derive(Debug)]
struct Picked {
    recv_ns: u64,
    stamps: Option<Stamps>,
    told: Option<Told>,
}

/// What is told of it in the ring.
#[derive(Debug)]
struct Told {
    publication: usize,
    epoch: u64,
    record: Latency,
}

impl Sampler {
    /// `None`: nothing is to be looked at.
    pub(super) fn new(sampling: &Sampling, clock: Clock, publications: &[Publisher]) -> Option<Self> {
        let Sampling { latency_every, stages_every, injected } = *sampling;
        let data_ring = |publisher: &Publisher| {
            publisher.carries(Schema::Latency).then(|| publisher.schemas().find(|&schema| schema != Schema::Latency)).flatten()
        };
        (latency_every > 0 || stages_every > 0).then(|| Self {
            latency: Spaced::new(latency_every),
            stages: Spaced::new(stages_every),
            stop_watch: Stages::new(clock, injected),
            rings: publications.iter().map(data_ring).collect(),
            picked: Vec::with_capacity(ROOM),
        })
    }

    /// One datagram through its channel, like [`super::deliver`].
    #[inline(never)]
    pub(super) fn deliver(
        &mut self,
        routes: &[Route],
        channels: &mut [LaneChannel],
        publications: &mut [Publisher],
        datagram: &Datagram<'_>,
    ) -> Option<()> {
        let route = *routes.get(datagram.line as usize)?;
        let LaneChannel { channel, publication } = channels.get(route.channel as usize)?;
        let publication = *publication;
        let publisher = publications.get_mut(publication)?;
        let has_room = self.picked.len() < ROOM;
        let ring = self.rings.get(publication).copied().flatten();
        let messages = channel.arbiter().messages;
        let (epoch, next_position) = (publisher.epoch(), ring.map_or(0, |ring| publisher.next_position(ring)));
        let stamps = if self.stages.is_next() && has_room {
            self.stages.draw();
            self.stop_watch.begin();
            run(channels, route, datagram, &mut self.stop_watch.stamp(publisher))?;
            Some(self.stop_watch.end())
        } else {
            self.stages.pass();
            run(channels, route, datagram, publisher)?;
            None
        };
        let channel = &channels.get(route.channel as usize)?.channel;
        let delivered = channel.arbiter().messages - messages;
        let mut told = None;
        if let Some(ring) = ring
            && delivered > 0
        {
            let position = publisher.next_position(ring).saturating_sub(1);
            // Who reads must be able to tell that he has read it: from a record that it made.
            let made_any = position > 0 && (publisher.epoch() != epoch || position >= next_position);
            if (self.latency.is_next() || stamps.is_some()) && made_any && has_room {
                let record = Latency {
                    hd: Header::of::<Latency>(channel.publisher_id(), 0, 0),
                    ts_recv: datagram.recv_ns,
                    ts_publish: 0,
                    sequence: channel.sequence_of(datagram.payload).unwrap_or(0),
                    position,
                    receive_ns: 0,
                    arbitrate_ns: 0,
                    decode_ns: 0,
                    book_ns: 0,
                    publish_ns: 0,
                    channel: channel.index(),
                    messages: u16::try_from(delivered).unwrap_or(u16::MAX),
                    rtype: ring.rtype(),
                    line: route.line,
                    stamped: 0,
                    reserved: [0; 5],
                };
                told = Some(Told { publication, epoch: publisher.epoch(), record });
                if self.latency.is_next() {
                    self.latency.draw();
                }
            } else {
                self.latency.pass();
            }
        }
        if told.is_some() || stamps.is_some() {
            self.picked.push(Picked { recv_ns: datagram.recv_ns, stamps, told });
        }
        Some(())
    }

    /// The batch is over and was published at `now_ns`: what was picked is told, and recorded.
    #[inline]
    pub(super) fn tell(&mut self, now_ns: u64, publications: &mut [Publisher], recorder: &mut LatencyRecorder) {
        if !self.picked.is_empty() {
            self.tell_picked(now_ns, publications, recorder);
        }
    }

    #[inline(never)]
    fn tell_picked(&mut self, now_ns: u64, publications: &mut [Publisher], recorder: &mut LatencyRecorder) {
        // The ring first: somebody may be waiting for it.
        for Picked { recv_ns, stamps, told } in &self.picked {
            let Some(Told { publication, epoch, record }) = told else { continue };
            // A file that has been replaced since is nobody's any more, and positions began anew.
            let Some(publisher) = publications.get_mut(*publication).filter(|publisher| publisher.epoch() == *epoch) else { continue };
            let times = stamps.as_ref().map(|stamps| self.stop_watch.times(stamps, *recv_ns)).unwrap_or_default();
            let of = |stage| u32::try_from(times.get(stage)).unwrap_or(u32::MAX);
            publisher.publish_whole(&Latency {
                hd: Header { ts_event: now_ns, ..record.hd },
                ts_publish: now_ns,
                receive_ns: of(Stage::Receive),
                arbitrate_ns: of(Stage::Arbitrate),
                decode_ns: of(Stage::Decode),
                book_ns: of(Stage::Book),
                publish_ns: of(Stage::Publish),
                stamped: u8::from(stamps.is_some()),
                ..*record
            });
        }
        publications.iter_mut().for_each(Sink::commit);
        for Picked { recv_ns, stamps, .. } in self.picked.drain(..) {
            let Some(stamps) = stamps else { continue };
            recorder.record_stages(&self.stop_watch.times(&stamps, recv_ns));
            for times in self.stop_watch.messages(&stamps) {
                recorder.record_message(&times);
            }
        }
        self.stop_watch.forget_messages();
    }
}

/// One in so many on average, at distances from 1 to twice that less one.
#[derive(Debug)]
struct Spaced {
    every: u32,
    /// Until the next; 0: never.
    left: u32,
    random: u64,
}

impl Spaced {
    fn new(every: u32) -> Self {
        let mut spaced = Self { every, left: 0, random: 0x9E37_79B9_7F4A_7C15 };
        spaced.draw();
        spaced
    }

    /// Whether this one is to be picked.
    #[inline]
    fn is_next(&self) -> bool {
        self.left == 1
    }

    /// It was not picked. One that is due stays so.
    #[inline]
    fn pass(&mut self) {
        if self.left > 1 {
            self.left -= 1;
        }
    }

    /// It was picked: when comes the next? Marsaglia's xorshift, of period 2^64 - 1.
    fn draw(&mut self) {
        if self.every == 0 {
            return;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let distances = 2 * u64::from(self.every) - 1;
        self.left = 1 + ((u64::from((self.random >> 32) as u32) * distances) >> 32) as u32;
    }
}

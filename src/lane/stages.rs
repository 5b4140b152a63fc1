//! Where a datagram's time goes: a sink that keeps a stop watch on its way to the real one.
//!
//! The path says at which stage it is through its sink ([`Sink::mark`]), which to every other sink is nothing at all. A lane that wants to
//! know wraps its publisher in a [`Stamped`] for the datagrams it stamps; the others take the path as it is. A mark reads the counter and adds
//! to a sum, both in ticks; what they are in nanoseconds is computed when the batch is over.

use crate::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull, Stage};
use crate::time::{Clock, ClockKeeper};

/// Messages of a batch whose times are kept one by one; more of them are in their datagram's sums only.
const MESSAGES: usize = 8192;

/// Nanoseconds to waste in each stage of every stamped datagram, in the order of [`Stage::ALL`]: for tests, and for people who doubt
/// that a stage's time appears where it is spent. Where a stage is entered several times they are wasted at the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injected(pub [u64; Stage::COUNT]);

/// The stop watch. All its memory is allocated at the beginning.
#[derive(Debug)]
pub struct Stages {
    clock: Clock,
    injected: Option<Injected>,
    /// What is left to waste in this datagram, ns.
    to_waste: [u64; Stage::COUNT],
    start_ticks: u64,
    last_ticks: u64,
    current: Stage,
    ticks: [u64; Stage::COUNT],
    /// The sums when the message began that is on its way.
    message: Option<[u64; Stage::COUNT]>,
    /// Ticks of each message of this batch: decode, book, publish.
    messages: Vec<[u32; 3]>,
    first_message: usize,
}

/// The stamps of one datagram, in ticks.
#[derive(Clone, Debug)]
pub struct Stamps {
    start_ticks: u64,
    total_ticks: u64,
    ticks: [u64; Stage::COUNT],
    messages: std::ops::Range<usize>,
}

/// Nanoseconds in each stage, by [`Stage`]. Together they are never more than from the receive stamp to the datagram's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes(pub [u64; Stage::COUNT]);

/// Nanoseconds of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageTimes {
    /// Bytes to an event.
    pub decode_ns: u64,
    /// Book and records.
    pub book_ns: u64,
    /// Into rings and boards.
    pub publish_ns: u64,
}

impl StageTimes {
    /// Of one stage, ns; 0 if the datagram was never in it.
    pub fn get(&self, stage: Stage) -> u64 {
        self.0[stage as usize]
    }
}

impl Stages {
    /// A stop watch that runs by `clock`.
    pub fn new(clock: Clock, injected: Option<Injected>) -> Self {
        Self {
            clock,
            injected,
            to_waste: [0; Stage::COUNT],
            start_ticks: 0,
            last_ticks: 0,
            current: Stage::Arbitrate,
            ticks: [0; Stage::COUNT],
            message: None,
            messages: Vec::with_capacity(MESSAGES),
            first_message: 0,
        }
    }

    /// A datagram begins.
    #[inline]
    pub fn begin(&mut self) {
        if let Some(Injected(ns)) = self.injected {
            self.to_waste = ns;
            self.waste(Stage::Receive);
        }
        self.ticks = [0; Stage::COUNT];
        self.message = None;
        self.first_message = self.messages.len();
        self.current = Stage::Arbitrate;
        self.start_ticks = self.clock.ticks();
        self.last_ticks = self.start_ticks;
    }

    /// The sink that stamps on its way to `sink`.
    pub fn stamp<'a, S: Sink>(&'a mut self, sink: &'a mut S) -> Stamped<'a, S> {
        Stamped { sink, stages: self }
    }

    /// The datagram ends.
    #[inline]
    pub fn end(&mut self) -> Stamps {
        self.mark(Stage::Arbitrate);
        Stamps {
            start_ticks: self.start_ticks,
            total_ticks: self.last_ticks.saturating_sub(self.start_ticks),
            ticks: self.ticks,
            messages: self.first_message..self.messages.len(),
        }
    }

    /// What the stamps are in nanoseconds; the datagram was received at `recv_ns`.
    pub fn times(&self, stamps: &Stamps, recv_ns: u64) -> StageTimes {
        let rate = self.rate(stamps);
        let mut times = stamps.ticks.map(|ticks| scale(ticks, rate));
        times[Stage::Receive as usize] = self.clock.at(stamps.start_ticks).saturating_sub(recv_ns);
        StageTimes(times)
    }

    /// The same of the datagram's messages, as many as there was room for.
    pub fn messages(&self, stamps: &Stamps) -> impl Iterator<Item = MessageTimes> {
        let rate = self.rate(stamps);
        let messages = self.messages.get(stamps.messages.clone()).unwrap_or_default();
        messages.iter().map(move |ticks| {
            let [decode_ns, book_ns, publish_ns] = ticks.map(|ticks| scale(u64::from(ticks), rate));
            MessageTimes { decode_ns, book_ns, publish_ns }
        })
    }

    /// The batch is over: there is room for messages again, and [`Stages::messages`] knows none of the old ones.
    pub fn forget_messages(&mut self) {
        self.messages.clear();
    }

    /// 2^-32 ns a tick, as it was while the datagram lasted, so that the parts never become more than the whole.
    fn rate(&self, stamps: &Stamps) -> u64 {
        let end_ticks = stamps.start_ticks.saturating_add(stamps.total_ticks);
        let ns = self.clock.at(end_ticks).saturating_sub(self.clock.at(stamps.start_ticks));
        (ns.min(u64::from(u32::MAX)) << 32) / stamps.total_ticks.max(1)
    }

    #[inline(always)]
    fn mark(&mut self, stage: Stage) {
        let now_ticks = self.clock.ticks();
        self.ticks[self.current as usize] += now_ticks.saturating_sub(self.last_ticks);
        self.last_ticks = now_ticks;
        self.current = stage;
        if self.injected.is_some() {
            self.waste(stage);
        }
    }

    /// The same, where it may be a message's beginning or end.
    #[inline(always)]
    fn mark_message(&mut self, stage: Stage) {
        self.mark(stage);
        match stage {
            Stage::Decode => self.message = Some(self.ticks),
            Stage::Arbitrate => self.end_message(),
            _ => {}
        }
    }

    #[inline]
    fn end_message(&mut self) {
        if let Some(before) = self.message.take()
            && self.messages.len() < self.messages.capacity()
        {
            let spent = |stage: Stage| u32::try_from(self.ticks[stage as usize] - before[stage as usize]).unwrap_or(u32::MAX);
            self.messages.push([spent(Stage::Decode), spent(Stage::Book), spent(Stage::Publish)]);
        }
    }

    #[cold]
    fn waste(&mut self, stage: Stage) {
        let ns = std::mem::take(&mut self.to_waste[stage as usize]);
        let until_ns = self.clock.now_ns().saturating_add(ns);
        while ns > 0 && self.clock.now_ns() < until_ns {
            std::hint::spin_loop();
        }
    }
}

/// `ticks × rate`, in ns.
fn scale(ticks: u64, rate: u64) -> u64 {
    u64::try_from((u128::from(ticks) * u128::from(rate)) >> 32).unwrap_or(u64::MAX)
}

/// A sink that stamps: all that is written counts as [`Stage::Publish`], then the time is again that of the stage before.
#[derive(Debug)]
pub struct Stamped<'a, S> {
    sink: &'a mut S,
    stages: &'a mut Stages,
}

impl<S: Sink> Stamped<'_, S> {
    #[inline(always)]
    fn written<T>(&mut self, write: impl FnOnce(&mut S) -> T) -> T {
        let before = self.stages.current;
        self.stages.mark(Stage::Publish);
        let outcome = write(self.sink);
        self.stages.mark(before);
        outcome
    }
}

impl<S: Sink> Sink for Stamped<'_, S> {
    #[inline]
    fn carries(&self, schema: Schema) -> bool {
        self.sink.carries(schema)
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        self.written(|sink| sink.instrument(instrument))
    }

    #[inline]
    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        self.written(|sink| sink.publish(row, record));
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        self.written(|sink| sink.publish_whole(record));
    }

    fn control(&mut self, record: &Control) {
        self.written(|sink| sink.control(record));
    }

    // One or two words, less than what stamping them would cost.
    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64) {
        self.sink.channel_state(channel, state, since_ns);
    }

    #[inline]
    fn watermark(&mut self, channel: u16, venue_ns: u64) {
        self.sink.watermark(channel, venue_ns);
    }

    fn commit(&mut self) {
        self.written(Sink::commit);
    }

    #[inline]
    fn mark(&mut self, stage: Stage) {
        self.stages.mark_message(stage);
    }

    fn new_epoch(&mut self) {
        self.written(Sink::new_epoch);
    }
}

/// What one mark costs on this core, now: ns, the best of several rounds. A stamped datagram has three for each message, two for each
/// record, and two; half of each is in the stage that it ends, half in the one it begins.
pub fn stamp_cost_ns() -> f64 {
    const MARKS: u32 = 20_000;
    let mut stages = Stages::new(ClockKeeper::start().clock(), None);
    let round = |stages: &mut Stages| {
        let began_ns = stages.clock.now_ns();
        stages.begin();
        for _ in 0..MARKS / 2 {
            stages.mark(std::hint::black_box(Stage::Publish));
            stages.mark(std::hint::black_box(Stage::Book));
        }
        std::hint::black_box(stages.end());
        stages.clock.now_ns().saturating_sub(began_ns)
    };
    let best_ns = (0..9).map(|_| round(&mut stages)).min().unwrap_or(0);
    best_ns as f64 / f64::from(MARKS)
}

//! The pipeline of one channel: datagram → arbiter → decoder → composer (books and records) → sink.
//!
//! A channel is an enum matched once per datagram: a sum of feeds, not a product of traits. It owns no socket, clock or
//! thread, so the same code runs live, in replay, in simulation and under the fuzzer.

use crate::book::{Books, BooksCapacity};
use crate::compose::{Composer, ComposerConfig, Moment};
use crate::feed::arbiter::{Arbiter, ArbiterConfig, ArbiterCounters, Arrival, GapCause, InSequence, Notice, StartCause};
use crate::feed::iex_deep::{DeepDecoder, IexDeep};
use crate::feed::iex_tops::{IexTops, TopsDecoder};
use crate::feed::itch::{Itch, ItchDecoder, Market};
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::feed::{Decoded, Decoder, Protocol, Receiver, SessionLayer};
use crate::journal::Journal;
use crate::record::{ChannelState, Sink, Stage, control};
use crate::stats::{Drop, Drops};

/// What a channel is made from.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// The feed it speaks.
    pub feed: FeedName,
    /// Index into the publication's channel table.
    pub index: u16,
    /// Lines, windows and waits.
    pub arbiter: ArbiterConfig,
    /// Room for instruments, orders (of a feed that tells orders) and levels.
    pub capacity: BooksCapacity,
    /// Midnight of the venue's day, ns since 1970 UTC; `None`: the venue's date when the session's first datagram is received.
    pub midnight_ns: Option<u64>,
    /// Receive times are made up (day files).
    pub bad_ts_recv: bool,
}

/// One channel of one feed.
pub enum Channel {
    /// TotalView-ITCH over MoldUDP64: Nasdaq, BX, PSX.
    Itch(Box<Pipeline<Itch>>),
    /// TOPS over IEX-TP.
    Tops(Box<Pipeline<IexTops>>),
    /// DEEP over IEX-TP.
    Deep(Box<Pipeline<IexDeep>>),
}

/// Arbiter, decoder and composer of one channel.
pub struct Pipeline<P: Protocol> {
    arbiter: Arbiter,
    decoder: P::Decoder,
    meaning: Meaning,
    /// The instruments that the messages of this datagram are about.
    touched: [u32; LOOK_AHEAD],
}

/// Messages of a datagram whose memory is asked for beforehand: as many as a full datagram of adds and deletes has.
const LOOK_AHEAD: usize = 64;

/// A venue's clock is believed to be at most so far ahead of ours.
const VENUE_AHEAD_NS: u64 = 60_000_000_000;
/// The shortest window that anybody computes.
const SECOND_NS: u64 = 1_000_000_000;

/// Everything behind the decoder.
struct Meaning {
    composer: Composer,
    index: u16,
    midnight_ns: Option<u64>,
    /// What is known of the books, heard or not.
    state: ChannelState,
    /// Nothing is heard: shown instead of `state` for as long.
    silent: bool,
    /// When `state` began.
    since_ns: u64,
    began_epoch: bool,
    /// The latest venue time of its messages, and up to where the sink was told.
    venue_ns: u64,
    told_venue_ns: u64,
    /// The time that messages were last told to be late for.
    ran_back_from_ns: u64,
    messages_by_type: [u64; 256],
    drops: Drops,
    journal: Journal,
}

macro_rules! each {
    ($channel:expr, $pipeline:ident => $body:expr) => {
        match $channel {
            Channel::Itch($pipeline) => $body,
            Channel::Tops($pipeline) => $body,
            Channel::Deep($pipeline) => $body,
        }
    };
}

impl Channel {
    /// A channel with all its memory allocated.
    pub fn new(config: &ChannelConfig, journal: Journal) -> Self {
        let itch = |market| {
            let decoder = ItchDecoder::new(market, config.midnight_ns.unwrap_or(0));
            Self::Itch(Box::new(Pipeline::new(config, decoder, journal.clone())))
        };
        match config.feed {
            FeedName::NasdaqItch => itch(Market::Nasdaq),
            FeedName::BxItch => itch(Market::Bx),
            FeedName::PsxItch => itch(Market::Psx),
            FeedName::IexTops => {
                let decoder = TopsDecoder::new(config.capacity.instruments);
                Self::Tops(Box::new(Pipeline::new(config, decoder, journal)))
            }
            FeedName::IexDeep => {
                let decoder = DeepDecoder::new(config.capacity.instruments);
                Self::Deep(Box::new(Pipeline::new(config, decoder, journal)))
            }
        }
    }

    /// Takes one datagram of line `line` (index among the channel's lines).
    #[inline]
    pub fn on_datagram<S: Sink>(&mut self, line: u8, recv_ns: u64, payload: &[u8], sink: &mut S) {
        each!(self, pipeline => pipeline.on_datagram(line, recv_ns, payload, sink))
    }

    /// Does what is due by time: gaps given up, silence noticed.
    pub fn on_time<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        each!(self, pipeline => pipeline.on_time(now_ns, sink))
    }

    /// When [`Channel::on_time`] has something to do next.
    pub fn deadline_ns(&self) -> Option<u64> {
        each!(self, pipeline => pipeline.arbiter.deadline_ns())
    }

    /// There will be no more datagrams: what is held is delivered, behind the gap it waited for.
    pub fn finish<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        each!(self, pipeline => pipeline.finish(now_ns, sink))
    }

    /// Whether a new session of this channel has begun a new epoch since the last call.
    #[inline]
    pub fn take_began_epoch(&mut self) -> bool {
        each!(self, pipeline => std::mem::take(&mut pipeline.meaning.began_epoch))
    }

    /// Announces instruments and levels again, after another channel of the publication has begun a new epoch.
    pub fn announce_again<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        each!(self, pipeline => {
            let next_sequence = pipeline.arbiter.next_sequence();
            pipeline.meaning.announce_again(next_sequence, now_ns, sink)
        })
    }

    /// Tells every reader that the publication is being closed.
    pub fn close<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        each!(self, pipeline => pipeline.meaning.close(now_ns, sink))
    }

    /// The arbiter's counters.
    pub fn arbiter(&self) -> &ArbiterCounters {
        each!(self, pipeline => pipeline.arbiter.counters())
    }

    /// Books and instruments.
    pub fn composer(&self) -> &Composer {
        each!(self, pipeline => &pipeline.meaning.composer)
    }

    /// Its index in the publication's channel table.
    pub fn index(&self) -> u16 {
        each!(self, pipeline => pipeline.meaning.index)
    }

    /// DBN publisher id of its records.
    pub fn publisher_id(&self) -> u16 {
        self.composer().publisher_id()
    }

    /// The number in the header of its session layer's packet; `None` if that cannot be read.
    pub fn sequence_of(&self, payload: &[u8]) -> Option<u64> {
        match self {
            Self::Itch(_) => <Itch as Protocol>::Session::packet(payload),
            Self::Tops(_) => <IexTops as Protocol>::Session::packet(payload),
            Self::Deep(_) => <IexDeep as Protocol>::Session::packet(payload),
        }
        .ok()
        .map(|packet| packet.sequence)
    }

    /// Bytes of early messages that are held: they may all be let out by the next datagram.
    pub fn held_bytes(&self) -> usize {
        each!(self, pipeline => pipeline.arbiter.held_bytes())
    }

    /// The channel's state.
    pub fn state(&self) -> ChannelState {
        each!(self, pipeline => pipeline.meaning.shown())
    }

    /// Messages delivered in sequence, by type byte.
    pub fn messages_by_type(&self) -> &[u64; 256] {
        each!(self, pipeline => &pipeline.meaning.messages_by_type)
    }

    /// What was dropped from the session layer's header to the book, by reason.
    pub fn drops(&self) -> Drops {
        each!(self, pipeline => {
            let mut all = pipeline.meaning.drops.clone();
            all.merge(&pipeline.arbiter.counters().drops);
            all.merge(pipeline.meaning.composer.drops());
            all
        })
    }
}

impl<P: Protocol> Pipeline<P> {
    fn new(config: &ChannelConfig, decoder: P::Decoder, journal: Journal) -> Self {
        let composer_config = ComposerConfig {
            channel: config.index,
            feed: config.feed,
            publisher_id: config.feed.publisher_id(),
            bad_ts_recv: config.bad_ts_recv,
            depth: config.feed.depth(),
        };
        let limit = decoder.instrument_limit();
        // A feed without orders needs no room for them, however much is configured: the table is the largest thing there is.
        let orders = if config.feed.has_orders() { config.capacity.orders } else { 0 };
        let books = Books::new(BooksCapacity { instruments: limit, orders, ..config.capacity });
        Self {
            arbiter: Arbiter::new(config.arbiter),
            decoder,
            touched: [0; LOOK_AHEAD],
            meaning: Meaning {
                composer: Composer::new(composer_config, books, limit),
                index: config.index,
                midnight_ns: config.midnight_ns,
                state: ChannelState::Idle,
                silent: false,
                since_ns: 0,
                began_epoch: false,
                venue_ns: 0,
                told_venue_ns: 0,
                ran_back_from_ns: 0,
                messages_by_type: [0; 256],
                drops: Drops::default(),
                journal,
            },
        }
    }

    #[inline]
    fn on_datagram<S: Sink>(&mut self, line: u8, recv_ns: u64, payload: &[u8], sink: &mut S) {
        sink.mark(Stage::Arbitrate);
        self.look_ahead(payload);
        let Self { arbiter, decoder, meaning, .. } = self;
        arbiter.on_datagram::<P::Session>(line, recv_ns, payload, &mut Behind { decoder, meaning, sink });
        self.meaning.settle(recv_ns, sink);
    }

    /// Asks for the memory that the datagram's messages will touch, all at once: a load from DRAM takes 150 ns, but 8.5 ns each when
    /// they overlap. First the orders and the books' heads, then, when those have come, the ends of the books' price arrays.
    #[inline(always)]
    fn look_ahead(&mut self, payload: &[u8]) {
        let Ok(packet) = P::Session::packet(payload) else { return };
        // The slower line's copy will not be applied.
        if packet.count < 2 || packet.sequence.saturating_add(u64::from(packet.count)) <= self.arbiter.next_sequence() {
            return;
        }
        let composer = &self.meaning.composer;
        let (mut blocks, mut known) = (packet.blocks, 0);
        for _ in 0..usize::from(packet.count).min(LOOK_AHEAD) {
            let Ok(message) = P::Session::next_message(&mut blocks) else { break };
            if let Some(touch) = self.decoder.will_touch(message) {
                composer.prefetch(touch.instrument, touch.order);
                self.touched[known] = touch.instrument;
                known += 1;
            }
        }
        for &instrument in &self.touched[..known] {
            composer.books().prefetch_levels(instrument);
        }
    }

    fn on_time<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        let Self { arbiter, decoder, meaning, .. } = self;
        arbiter.on_time::<P::Session>(now_ns, &mut Behind { decoder, meaning, sink });
        self.meaning.settle(now_ns, sink);
    }

    fn finish<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        let Self { arbiter, decoder, meaning, .. } = self;
        arbiter.finish::<P::Session>(now_ns, &mut Behind { decoder, meaning, sink });
        self.meaning.composer.cut_events();
        self.meaning.settle(now_ns, sink);
    }
}

/// What the arbiter delivers to.
struct Behind<'a, D, S> {
    decoder: &'a mut D,
    meaning: &'a mut Meaning,
    sink: &'a mut S,
}

impl<D: Decoder, S: Sink> InSequence for Behind<'_, D, S> {
    // Not laid into the arbiter, whose registers it would crowd.
    #[inline(never)]
    fn message(&mut self, sequence: u64, arrival: &Arrival, message: &[u8]) {
        // A message of no bytes is legal: it consumes a number and says nothing.
        if let Some(&kind) = message.first() {
            self.sink.mark(Stage::Decode);
            self.meaning.messages_by_type[kind as usize] += 1;
            let at = Moment { sequence, recv_ns: arrival.recv_ns, send_ns: arrival.send_ns };
            self.decoder.decode_to(message, Meant { meaning: self.meaning, sink: self.sink, at, moves_books: || D::moves_books(kind) });
        }
        self.sink.mark(Stage::Arbitrate);
    }

    fn notice(&mut self, notice: Notice, at_ns: u64) {
        self.meaning.notice(notice, at_ns, self.decoder, self.sink);
    }
}

/// What the decoder hands a message to.
struct Meant<'a, S, F> {
    meaning: &'a mut Meaning,
    sink: &'a mut S,
    at: Moment,
    moves_books: F,
}

impl<S: Sink, F: FnOnce() -> bool> Receiver for Meant<'_, S, F> {
    type Outcome = ();

    #[inline(always)]
    fn moving(self, decoded: &Decoded) {
        self.sink.mark(Stage::Book);
        self.meaning.keep_time(decoded, &self.at, self.sink);
        self.meaning.composer.apply_moving(&self.at, decoded, self.sink);
    }

    #[inline(never)]
    fn other(self, decoded: Result<&Decoded, Drop>) {
        self.sink.mark(Stage::Book);
        match decoded {
            Ok(decoded) => {
                self.meaning.keep_time(decoded, &self.at, self.sink);
                self.meaning.composer.apply(&self.at, decoded, self.sink);
            }
            Err(reason) => self.meaning.reject(reason, (self.moves_books)(), &self.at, self.sink),
        }
    }
}

impl Meaning {
    /// Follows the venue's clock.
    #[inline(always)]
    fn keep_time<S: Sink>(&mut self, decoded: &Decoded, at: &Moment, sink: &mut S) {
        if decoded.ts_event < self.venue_ns {
            self.ran_back(decoded.ts_event, at, sink);
        }
        // A time far ahead of its receipt is a fault of the venue's, or of the wire; it must not close windows for the day.
        self.venue_ns = self.venue_ns.max(decoded.ts_event.min(at.recv_ns.saturating_add(VENUE_AHEAD_NS)));
    }

    /// Who closes windows by the watermark may have closed this message's second already, or not, by when it looked. Told in order
    /// with the data, it is late for everybody.
    #[cold]
    fn ran_back<S: Sink>(&mut self, venue_ns: u64, at: &Moment, sink: &mut S) {
        if venue_ns / SECOND_NS < self.venue_ns / SECOND_NS && self.ran_back_from_ns != self.venue_ns {
            self.ran_back_from_ns = self.venue_ns;
            self.tell(control::TIME_RAN_BACK, at.sequence, 0, control::cause::NONE, at.recv_ns, sink);
        }
    }

    #[cold]
    fn reject<S: Sink>(&mut self, reason: Drop, moves_books: bool, at: &Moment, sink: &mut S) {
        self.drops.count(reason);
        let Moment { sequence, recv_ns, .. } = *at;
        // A message that could have moved any book and could not be read is a message lost: a gap of one. Of other types only what they
        // would have told is missing; an unknown type is no loss, since a venue that adds one does not change what the others mean.
        let unreadable = matches!(reason, Drop::WrongLength | Drop::BadValue | Drop::UnknownInstrument);
        if unreadable && moves_books {
            self.composer.doubt_all();
            self.enter(ChannelState::Stale, recv_ns, sink);
            self.tell(control::GAP_OPEN, sequence, sequence, control::cause::UNREADABLE, recv_ns, sink);
            self.tell(control::GAP_CLOSED, sequence, sequence, control::cause::LOST, recv_ns, sink);
        }
    }

    fn notice<S: Sink>(&mut self, notice: Notice, at_ns: u64, decoder: &mut impl Decoder, sink: &mut S) {
        self.journal.note(self.index, notice, at_ns);
        match notice {
            Notice::SessionStart { first_sequence, cause, .. } => self.start(first_sequence, cause, at_ns, decoder, sink),
            Notice::SessionEnd { next_sequence } => {
                self.enter(ChannelState::Ended, at_ns, sink);
                self.tell(control::SESSION_END, next_sequence, 0, control::cause::NONE, at_ns, sink);
            }
            Notice::GapOpen { first, last, cause } => {
                self.composer.doubt_all();
                self.enter(ChannelState::GapOpen, at_ns, sink);
                self.tell(control::GAP_OPEN, first, last, gap_cause(cause), at_ns, sink);
            }
            Notice::GapClosed { first, last, recovered } => {
                let cause = if recovered { control::cause::RECOVERED } else { control::cause::LOST };
                self.enter(ChannelState::Stale, at_ns, sink);
                self.tell(control::GAP_CLOSED, first, last, cause, at_ns, sink);
            }
            Notice::StreamJumped { next_sequence } => {
                self.composer.doubt_all();
                self.enter(ChannelState::Stale, at_ns, sink);
                let before = next_sequence.saturating_sub(1);
                self.tell(control::GAP_OPEN, next_sequence, before, control::cause::STREAM_OFFSET, at_ns, sink);
                self.tell(control::GAP_CLOSED, next_sequence, before, control::cause::LOST, at_ns, sink);
            }
            Notice::Silent { .. } | Notice::Heard => {
                self.silent = matches!(notice, Notice::Silent { .. });
                // What the silence covered goes on, and began when it began.
                sink.channel_state(self.index, self.shown(), if self.silent { at_ns } else { self.since_ns });
            }
            Notice::LineDead { .. } | Notice::LineAlive { .. } => {}
        }
    }

    fn start<S: Sink>(&mut self, first_sequence: u64, cause: StartCause, at_ns: u64, decoder: &mut impl Decoder, sink: &mut S) {
        let at = Moment { sequence: first_sequence, recv_ns: at_ns, send_ns: 0 };
        let code = match cause {
            StartCause::First => control::cause::FIRST,
            StartCause::JoinedLate => control::cause::JOINED_LATE,
            StartCause::NewSession => {
                sink.new_epoch();
                self.composer.forget_session();
                decoder.new_session();
                self.began_epoch = true;
                (self.venue_ns, self.told_venue_ns, self.ran_back_from_ns) = (0, 0, 0);
                control::cause::NEW_SESSION
            }
            StartCause::Restart => control::cause::RESTART,
        };
        // Before the very first start there is nothing to clear, and going over all memory takes milliseconds.
        if cause != StartCause::NewSession && self.state != ChannelState::Idle {
            // Also when a first datagram turns out to have been a lone absurd one: whatever it put into the books is void.
            self.composer.clear_books();
        }
        if cause != StartCause::Restart && self.midnight_ns.is_none() {
            // Outside the calendar's range (a receive time of 1970) the old midnight stays: times are wrong either way.
            if let Ok(midnight_ns) = VenueDate::at(at_ns).and_then(VenueDate::midnight_ns) {
                decoder.set_midnight(midnight_ns);
            }
        }
        let whole = first_sequence <= 1;
        if !whole {
            self.composer.doubt_all();
        }
        self.enter(if whole { ChannelState::Good } else { ChannelState::Stale }, at_ns, sink);
        self.tell(control::SESSION_START, first_sequence, 0, code, at_ns, sink);
        // None after a new session, whose epoch is empty anyway.
        self.composer.publish_clears(&at, sink);
    }

    /// After a datagram: a stale channel whose every instrument is proven right again is good.
    #[inline]
    fn settle<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        if self.state == ChannelState::Stale && self.composer.all_proven() && self.composer.instruments() > 0 {
            self.enter(ChannelState::Good, now_ns, sink);
            self.tell(control::BOOK_GOOD, 0, 0, control::cause::NONE, now_ns, sink);
        }
        if self.venue_ns != self.told_venue_ns {
            self.told_venue_ns = self.venue_ns;
            sink.watermark(self.index, self.venue_ns);
        }
    }

    /// Another channel has begun an epoch. Its rings hold nothing of this channel: readers are told that they join it late,
    /// because of orders they will never have seen the beginning.
    fn announce_again<S: Sink>(&mut self, next_sequence: u64, now_ns: u64, sink: &mut S) {
        self.enter(self.state, now_ns, sink);
        if !matches!(self.state, ChannelState::Idle | ChannelState::Ended) {
            self.tell(control::SESSION_START, next_sequence, 0, control::cause::OTHER_CHANNEL, now_ns, sink);
        }
        self.composer.announce_again(&Moment { sequence: 0, recv_ns: now_ns, send_ns: 0 }, sink);
    }

    fn close<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        self.tell(control::SESSION_END, 0, 0, control::cause::SHUTDOWN, now_ns, sink);
    }

    fn enter<S: Sink>(&mut self, state: ChannelState, at_ns: u64, sink: &mut S) {
        self.state = state;
        self.since_ns = at_ns;
        sink.channel_state(self.index, state, at_ns);
        // The sink keeps the doubt that this state may cast on books; silence does not lift it.
        if self.silent {
            sink.channel_state(self.index, ChannelState::Silent, at_ns);
        }
    }

    fn shown(&self) -> ChannelState {
        if self.silent { ChannelState::Silent } else { self.state }
    }

    fn tell<S: Sink>(&self, rtype: u8, first: u64, last: u64, cause: u8, at_ns: u64, sink: &mut S) {
        let at = Moment { sequence: first, recv_ns: at_ns, send_ns: 0 };
        let mut record = self.composer.control(rtype, 0, &at, first, last, cause);
        // In order with the data, so that who computes windows knows which of them were over before this happened.
        record.hd.ts_event = self.venue_ns;
        sink.control(&record);
    }
}

const fn gap_cause(cause: GapCause) -> u8 {
    match cause {
        GapCause::AllLinesPassed => control::cause::ALL_LINES_PASSED,
        GapCause::TimedOut => control::cause::TIMED_OUT,
        GapCause::Heartbeat => control::cause::HEARTBEAT,
        GapCause::WindowFull => control::cause::WINDOW_FULL,
        GapCause::NewSession => control::cause::NEW_SESSION,
        GapCause::Restart => control::cause::RESTART,
        GapCause::InputEnded => control::cause::SHUTDOWN,
    }
}

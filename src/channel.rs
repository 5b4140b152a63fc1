//! The pipeline of one channel: datagram → arbiter → decoder → composer (books and records) → sink.
//!
//! A channel is an enum matched once per datagram: a sum of feeds, not a product of traits. It owns no socket, clock or
//! thread, so the same code runs live, in replay, in simulation and under the fuzzer.

mod meaning;

use crate::book::{Books, BooksCapacity};
use crate::compose::{Composer, ComposerConfig, Moment};
use crate::feed::arbiter::{Arbiter, ArbiterConfig, ArbiterCounters, Arrival, InSequence, Notice};
use crate::feed::iex_deep::{DeepDecoder, IexDeep};
use crate::feed::iex_tops::{IexTops, TopsDecoder};
use crate::feed::itch::{Itch, ItchDecoder, Market};
use crate::feed::name::FeedName;
use crate::feed::{Decoder, Protocol, SessionLayer};
use crate::journal::Journal;
use crate::record::{ChannelState, Sink, Stage};
use crate::stats::Drops;
use meaning::{Meaning, Meant};

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
    /// The instruments that the messages looked ahead to are about, and how many.
    touched: [u32; LOOK_AHEAD],
    known: usize,
}

/// Messages whose memory is asked for beforehand: as many as a full datagram of adds and deletes has.
pub const LOOK_AHEAD: usize = 64;

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

    /// Takes one datagram of line `line` (index among the channel's lines), its memory asked for beforehand.
    #[inline]
    pub fn on_datagram<S: Sink>(&mut self, line: u8, recv_ns: u64, payload: &[u8], sink: &mut S) {
        if self.ask_ahead(payload, false) > 0 {
            self.ask_levels_ahead();
        }
        self.on_asked(line, recv_ns, payload, sink);
    }

    /// Asks for the memory that a datagram's messages will touch: a load from DRAM takes 150 ns, but 8.5 ns each when they overlap. First, for
    /// as many datagrams as there are, up to about [`LOOK_AHEAD`] messages, the orders and the books' heads; then, when those have come, the
    /// ends of the books' price arrays ([`Channel::ask_levels_ahead`]); then [`Channel::on_asked`] for each. How many messages were looked
    /// ahead to. A datagram of one message that comes alone (`has_others` is false) has nothing to overlap with.
    #[inline]
    pub fn ask_ahead(&mut self, payload: &[u8], has_others: bool) -> usize {
        each!(self, pipeline => pipeline.ask_ahead(payload, has_others))
    }

    /// The second step of looking ahead. Forgets what the first has noted.
    #[inline]
    pub fn ask_levels_ahead(&mut self) {
        each!(self, pipeline => pipeline.ask_levels_ahead())
    }

    /// Takes one datagram, like [`Channel::on_datagram`], after its memory was asked for.
    #[inline]
    pub fn on_asked<S: Sink>(&mut self, line: u8, recv_ns: u64, payload: &[u8], sink: &mut S) {
        each!(self, pipeline => pipeline.on_asked(line, recv_ns, payload, sink))
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
            known: 0,
            meaning: Meaning::new(config.index, config.midnight_ns, Composer::new(composer_config, books, limit), journal),
        }
    }

    #[inline]
    fn on_asked<S: Sink>(&mut self, line: u8, recv_ns: u64, payload: &[u8], sink: &mut S) {
        sink.mark(Stage::Arbitrate);
        let Self { arbiter, decoder, meaning, .. } = self;
        arbiter.on_datagram::<P::Session>(line, recv_ns, payload, &mut Behind { decoder, meaning, sink });
        self.meaning.settle(recv_ns, sink);
    }

    #[inline(always)]
    fn ask_ahead(&mut self, payload: &[u8], has_others: bool) -> usize {
        let Ok(packet) = P::Session::packet(payload) else { return 0 };
        // The slower line's copy will not be applied.
        let is_known = packet.sequence.saturating_add(u64::from(packet.count)) <= self.arbiter.next_sequence();
        if is_known || (packet.count < 2 && !has_others) {
            return 0;
        }
        let composer = &self.meaning.composer;
        let (mut blocks, first) = (packet.blocks, self.known);
        let mut known = first;
        for _ in 0..usize::from(packet.count).min(LOOK_AHEAD - first) {
            let Ok(message) = P::Session::next_message(&mut blocks) else { break };
            if let Some(touch) = self.decoder.will_touch(message) {
                composer.prefetch(touch.instrument, touch.order);
                self.touched[known] = touch.instrument;
                known += 1;
            }
        }
        self.known = known;
        known - first
    }

    #[inline(always)]
    fn ask_levels_ahead(&mut self) {
        for &instrument in &self.touched[..self.known] {
            self.meaning.composer.books().prefetch_levels(instrument);
        }
        self.known = 0;
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

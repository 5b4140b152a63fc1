//! A venue for tests: ITCH and TOPS messages in their packets, and a sink that keeps everything in order.
#![allow(dead_code)] // each test file uses its part

use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::name::FeedName;
use tickwire::journal::Journal;
use tickwire::record::{
    ChannelState, Control, Definition, Imbalance, Instrument, Mbo, Mbp1, Mbp10, Record, Row, Schema, Sink, SinkFull, Statistics, Status,
    Trade, UNDEF_PRICE, Venue,
};
use zerocopy::FromBytes;

/// Midnight of the venue's day in the tests: 2023-11-15 in New York.
pub const MIDNIGHT_NS: u64 = 1_700_024_400_000_000_000;
/// When the tests' datagrams are received: ten o'clock of that day.
pub const RECV_NS: u64 = MIDNIGHT_NS + 36_000_000_000_000;
/// The venue's time of the tests' messages since midnight, 1000 ns before they are received.
pub const VENUE_NS: u64 = 36_000_000_000_000 - 1_000;

// ── what came out ──

/// One thing the sink was told.
#[allow(clippy::large_enum_variant)] // a test keeps thousands, not millions
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Out {
    Mbo(Row, Mbo),
    Mbp1(Row, Mbp1),
    Mbp10(Row, Mbp10),
    Trade(Row, Trade),
    Status(Row, Status),
    Imbalance(Row, Imbalance),
    Statistics(Row, Statistics),
    Definition(Row, Definition),
    Venue(Row, Venue),
    /// Of the whole venue.
    StatusWhole(Status),
    VenueWhole(Venue),
    Instrument(Instrument),
    Control(Control),
    State(ChannelState, u64),
    NewEpoch,
}

/// Keeps everything in order.
pub struct Recorder {
    pub out: Vec<Out>,
    pub schemas: Vec<Schema>,
    /// Symbols to be filtered out.
    pub unwanted: Vec<[u8; 8]>,
    /// Rows there are.
    pub rows: Row,
    pub next_row: Row,
    pub watermark_ns: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { out: Vec::new(), schemas: Schema::TOLD.to_vec(), unwanted: Vec::new(), rows: Row::MAX, next_row: 0, watermark_ns: 0 }
    }
}

impl Recorder {
    pub fn take(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    pub fn mbo(&self) -> Vec<Mbo> {
        self.out.iter().filter_map(|out| if let Out::Mbo(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn mbp1(&self) -> Vec<Mbp1> {
        self.out.iter().filter_map(|out| if let Out::Mbp1(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn mbp10(&self) -> Vec<Mbp10> {
        self.out.iter().filter_map(|out| if let Out::Mbp10(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn trades(&self) -> Vec<Trade> {
        self.out.iter().filter_map(|out| if let Out::Trade(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn statuses(&self) -> Vec<Status> {
        self.out.iter().filter_map(|out| if let Out::Status(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn imbalances(&self) -> Vec<Imbalance> {
        self.out.iter().filter_map(|out| if let Out::Imbalance(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn statistics(&self) -> Vec<Statistics> {
        self.out.iter().filter_map(|out| if let Out::Statistics(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn definitions(&self) -> Vec<Definition> {
        self.out.iter().filter_map(|out| if let Out::Definition(_, record) = out { Some(*record) } else { None }).collect()
    }

    /// Of instruments, on the side ring.
    pub fn venue(&self) -> Vec<Venue> {
        self.out.iter().filter_map(|out| if let Out::Venue(_, record) = out { Some(*record) } else { None }).collect()
    }

    pub fn controls(&self) -> Vec<Control> {
        self.out.iter().filter_map(|out| if let Out::Control(record) = out { Some(*record) } else { None }).collect()
    }

    pub fn instruments(&self) -> Vec<Instrument> {
        self.out.iter().filter_map(|out| if let Out::Instrument(instrument) = out { Some(*instrument) } else { None }).collect()
    }

    pub fn records(&self) -> usize {
        self.out.iter().filter(|out| !matches!(out, Out::Instrument(_) | Out::Control(_) | Out::State(..) | Out::NewEpoch)).count()
    }
}

impl Sink for Recorder {
    fn carries(&self, schema: Schema) -> bool {
        self.schemas.contains(&schema)
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        if self.unwanted.contains(&instrument.symbol) {
            return Ok(None);
        }
        if self.next_row >= self.rows {
            return Err(SinkFull);
        }
        self.out.push(Out::Instrument(*instrument));
        self.next_row += 1;
        Ok(Some(self.next_row - 1))
    }

    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        assert!(self.carries(R::SCHEMA), "a record that nobody wants was built");
        assert!(row < self.next_row, "a record for a row that was never given out");
        fn copy<T: FromBytes>(bytes: &[u8]) -> T {
            T::read_from_bytes(bytes).unwrap()
        }
        let bytes = record.as_bytes();
        self.out.push(match R::SCHEMA {
            Schema::Mbo => Out::Mbo(row, copy(bytes)),
            Schema::Mbp1 => Out::Mbp1(row, copy(bytes)),
            Schema::Mbp10 => Out::Mbp10(row, copy(bytes)),
            Schema::Trades => Out::Trade(row, copy(bytes)),
            Schema::Status => Out::Status(row, copy(bytes)),
            Schema::Imbalance => Out::Imbalance(row, copy(bytes)),
            Schema::Statistics => Out::Statistics(row, copy(bytes)),
            Schema::Definition => Out::Definition(row, copy(bytes)),
            Schema::Venue => Out::Venue(row, copy(bytes)),
            computed => panic!("a channel published {}", computed.name()),
        });
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        assert!(self.carries(R::SCHEMA), "a record that nobody wants was built");
        let bytes = record.as_bytes();
        self.out.push(match R::SCHEMA {
            Schema::Status => Out::StatusWhole(FromBytes::read_from_bytes(bytes).unwrap()),
            Schema::Venue => Out::VenueWhole(FromBytes::read_from_bytes(bytes).unwrap()),
            other => panic!("a record of the whole venue in {}", other.name()),
        });
    }

    fn watermark(&mut self, channel: u16, venue_ns: u64) {
        assert_eq!(channel, 7, "the watermark of another channel");
        self.watermark_ns = venue_ns;
    }

    fn control(&mut self, record: &Control) {
        self.out.push(Out::Control(*record));
    }

    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64) {
        assert_eq!(channel, 7, "the state of another channel");
        self.out.push(Out::State(state, since_ns));
    }

    fn commit(&mut self) {}

    fn new_epoch(&mut self) {
        self.next_row = 0;
        self.out.push(Out::NewEpoch);
    }
}

// ── the channel ──

/// Channel 7, with room for what tests do.
pub fn channel(feed: FeedName) -> Channel {
    channel_with(feed, BooksCapacity { instruments: 1 << 10, orders: 1 << 14, levels: 1 << 16 }, 1)
}

pub fn channel_with(feed: FeedName, capacity: BooksCapacity, lines: usize) -> Channel {
    let arbiter = ArbiterConfig { lines, ..ArbiterConfig::default() };
    let config = ChannelConfig { feed, index: 7, arbiter, capacity, midnight_ns: Some(MIDNIGHT_NS), bad_ts_recv: false };
    Channel::new(&config, Journal::new(16))
}

/// A channel and its venue, one message a datagram.
pub struct Bench {
    pub channel: Channel,
    pub sink: Recorder,
    pub next: u64,
    pub now_ns: u64,
    pub session: [u8; 10],
    pub iex_session: u32,
    /// Where IEX's stream of payloads stands; of lost messages it is not known what they had, and a byte each is as good as any.
    pub stream_offset: u64,
}

impl Bench {
    pub fn new(feed: FeedName) -> Self {
        Self {
            channel: channel(feed),
            sink: Recorder::default(),
            next: 1,
            now_ns: RECV_NS,
            session: *b"SESSION001",
            iex_session: 1,
            stream_offset: 0,
        }
    }

    pub fn itch() -> Self {
        Self::new(FeedName::NasdaqItch)
    }

    pub fn tops() -> Self {
        Self::new(FeedName::IexTops)
    }

    pub fn deep() -> Self {
        Self::new(FeedName::IexDeep)
    }

    pub fn packet(&self, messages: &[Vec<u8>]) -> Vec<u8> {
        match self.channel {
            Channel::Itch(_) => mold(&self.session, self.next, messages),
            Channel::Tops(_) => iextp(self.iex_session, self.next, self.sent_ns(), self.stream_offset, messages),
            Channel::Deep(_) => deep_segment(self.iex_session, self.next, self.sent_ns(), self.stream_offset, messages),
        }
    }

    fn sent_ns(&self) -> u64 {
        (self.now_ns - 500).min(i64::MAX as u64)
    }

    /// One datagram with these messages; what the sink was told before is forgotten.
    pub fn send(&mut self, messages: &[Vec<u8>]) {
        self.sink.take();
        let packet = self.packet(messages);
        self.channel.on_datagram(0, self.now_ns, &packet, &mut self.sink);
        self.next += messages.len() as u64;
        self.stream_offset += messages.iter().map(|message| message.len() as u64 + 2).sum::<u64>();
    }

    pub fn one(&mut self, message: Vec<u8>) {
        self.send(&[message]);
    }

    /// The publisher restarts under the same session id and sends these messages; a heartbeat behind them confirms it.
    pub fn restart(&mut self, messages: &[Vec<u8>]) {
        (self.next, self.stream_offset) = (1, 0);
        self.now_ns += 2_000_000_000;
        self.send(messages);
        assert!(self.sink.controls().is_empty() && self.sink.records() == 0, "one packet alone is not believed");
        let heartbeat = self.packet(&[]);
        self.channel.on_datagram(0, self.now_ns, &heartbeat, &mut self.sink);
    }

    /// Loses messages, declares the gap by two heartbeats and time.
    pub fn lose(&mut self, count: u64) {
        self.sink.take();
        self.next += count;
        self.stream_offset += count;
        let heartbeat = self.packet(&[]);
        for _ in 0..2 {
            self.channel.on_datagram(0, self.now_ns, &heartbeat, &mut self.sink);
        }
        self.now_ns += 6_000_000;
        self.channel.on_time(self.now_ns, &mut self.sink);
    }

    pub fn dropped(&self) -> Vec<(&'static str, u64)> {
        self.channel.drops().iter().map(|(reason, count)| (reason.name(), count)).collect()
    }
}

// ── packets ──

pub fn mold(session: &[u8; 10], sequence: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = session.to_vec();
    out.extend(sequence.to_be_bytes());
    out.extend((messages.len() as u16).to_be_bytes());
    for message in messages {
        out.extend((message.len() as u16).to_be_bytes());
        out.extend(message);
    }
    out
}

pub fn iextp(session: u32, sequence: u64, send_ns: u64, stream_offset: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    segment(0x8003, session, sequence, send_ns, stream_offset, messages)
}

/// A segment of DEEP.
pub fn deep_segment(session: u32, sequence: u64, send_ns: u64, stream_offset: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    segment(0x8004, session, sequence, send_ns, stream_offset, messages)
}

fn segment(protocol: u16, session: u32, sequence: u64, send_ns: u64, stream_offset: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let payload: Vec<u8> = messages.iter().flat_map(|message| [&(message.len() as u16).to_le_bytes()[..], message].concat()).collect();
    let mut out = vec![1, 0];
    out.extend(protocol.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(session.to_le_bytes());
    out.extend((payload.len() as u16).to_le_bytes());
    out.extend((messages.len() as u16).to_le_bytes());
    out.extend(stream_offset.to_le_bytes());
    out.extend(sequence.to_le_bytes());
    out.extend(send_ns.to_le_bytes());
    out.extend(payload);
    out
}

// ── ITCH ──

pub fn text(text: &str) -> [u8; 8] {
    let mut padded = [b' '; 8];
    padded[..text.len()].copy_from_slice(text.as_bytes());
    padded
}

/// Type, locate, tracking number, time.
pub fn head(kind: u8, locate: u16) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(locate.to_be_bytes());
    out.extend([0, 0]);
    out.extend(&VENUE_NS.to_be_bytes()[2..]);
    out
}

fn message(kind: u8, locate: u16, fields: &[&[u8]]) -> Vec<u8> {
    [head(kind, locate), fields.concat()].concat()
}

pub fn add(locate: u16, symbol: &str, order: u64, side: u8, shares: u32, price_e4: u32) -> Vec<u8> {
    let fields: [&[u8]; 5] = [&order.to_be_bytes(), &[side], &shares.to_be_bytes(), &text(symbol), &price_e4.to_be_bytes()];
    message(b'A', locate, &fields)
}

pub fn add_mpid(locate: u16, symbol: &str, order: u64, side: u8, shares: u32, price_e4: u32) -> Vec<u8> {
    let mut out = add(locate, symbol, order, side, shares, price_e4);
    out[0] = b'F';
    out.extend(b"MPID");
    out
}

pub fn execute(locate: u16, order: u64, shares: u32) -> Vec<u8> {
    message(b'E', locate, &[&order.to_be_bytes(), &shares.to_be_bytes(), &99_u64.to_be_bytes()])
}

pub fn execute_at(locate: u16, order: u64, shares: u32, printable: u8, price_e4: u32) -> Vec<u8> {
    let fields: [&[u8]; 5] = [&order.to_be_bytes(), &shares.to_be_bytes(), &99_u64.to_be_bytes(), &[printable], &price_e4.to_be_bytes()];
    message(b'C', locate, &fields)
}

pub fn cancel(locate: u16, order: u64, shares: u32) -> Vec<u8> {
    message(b'X', locate, &[&order.to_be_bytes(), &shares.to_be_bytes()])
}

pub fn delete(locate: u16, order: u64) -> Vec<u8> {
    message(b'D', locate, &[&order.to_be_bytes()])
}

pub fn replace(locate: u16, old: u64, new: u64, shares: u32, price_e4: u32) -> Vec<u8> {
    message(b'U', locate, &[&old.to_be_bytes(), &new.to_be_bytes(), &shares.to_be_bytes(), &price_e4.to_be_bytes()])
}

pub fn trade(locate: u16, symbol: &str, shares: u32, price_e4: u32) -> Vec<u8> {
    let fields: [&[u8]; 6] =
        [&0_u64.to_be_bytes(), b"B", &shares.to_be_bytes(), &text(symbol), &price_e4.to_be_bytes(), &99_u64.to_be_bytes()];
    message(b'P', locate, &fields)
}

pub fn cross(locate: u16, symbol: &str, shares: u64, price_e4: u32) -> Vec<u8> {
    let fields: [&[u8]; 5] = [&shares.to_be_bytes(), &text(symbol), &price_e4.to_be_bytes(), &99_u64.to_be_bytes(), b"O"];
    message(b'Q', locate, &fields)
}

pub fn trading_action(locate: u16, symbol: &str, state: u8, reason: &[u8; 4]) -> Vec<u8> {
    message(b'H', locate, &[&text(symbol), &[state], b" ", reason])
}

pub fn short_sale(locate: u16, symbol: &str, action: u8) -> Vec<u8> {
    message(b'Y', locate, &[&text(symbol), &[action]])
}

pub fn operational_halt(locate: u16, symbol: &str, market: u8, action: u8) -> Vec<u8> {
    message(b'h', locate, &[&text(symbol), &[market], &[action]])
}

pub fn directory(locate: u16, symbol: &str, round_lot: u32) -> Vec<u8> {
    message(b'R', locate, &[&text(symbol), b"QN", &round_lot.to_be_bytes(), b"NCZ PN 1N", &0_u32.to_be_bytes(), b"N"])
}

pub fn system_event(code: u8) -> Vec<u8> {
    message(b'S', 0, &[&[code]])
}

/// A directory message, every letter of it: category, status, round lot; round lots only, classification, sub-type, authenticity,
/// threshold, IPO, tier, ETP; leverage, inverse.
pub fn directory_of(locate: u16, symbol: &str, first: &[u8; 2], round_lot: u32, second: &[u8; 9], leverage: u32, inverse: u8) -> Vec<u8> {
    let fields: [&[u8]; 6] = [&text(symbol), first, &round_lot.to_be_bytes(), second, &leverage.to_be_bytes(), &[inverse]];
    message(b'R', locate, &fields)
}

/// Reference, upper, lower, extension.
pub fn collar(locate: u16, symbol: &str, fields: [u32; 4]) -> Vec<u8> {
    message(b'J', locate, &[&text(symbol), &fields.map(u32::to_be_bytes).concat()])
}

/// Paired and imbalance shares; far, near and reference price; cross type and price variation.
pub fn imbalance(locate: u16, symbol: &str, shares: [u64; 2], direction: u8, prices: [u32; 3], letters: [u8; 2]) -> Vec<u8> {
    let fields: [&[u8]; 5] =
        [&shares.map(u64::to_be_bytes).concat(), &[direction], &text(symbol), &prices.map(u32::to_be_bytes).concat(), &letters];
    message(b'I', locate, &fields)
}

pub fn cross_of(locate: u16, symbol: &str, shares: u64, price_e4: u32, kind: u8) -> Vec<u8> {
    let mut out = cross(locate, symbol, shares, price_e4);
    *out.last_mut().unwrap() = kind;
    out
}

pub fn broken_trade(locate: u16, match_number: u64) -> Vec<u8> {
    message(b'B', locate, &[&match_number.to_be_bytes()])
}

pub fn ipo_quotation(locate: u16, symbol: &str, release_s: u32, qualifier: u8, price_e4: u32) -> Vec<u8> {
    message(b'K', locate, &[&text(symbol), &release_s.to_be_bytes(), &[qualifier], &price_e4.to_be_bytes()])
}

/// Minimum, maximum and near price; near time in ns since midnight; lower and upper collar.
pub fn direct_listing(locate: u16, symbol: &str, eligible: u8, prices: [u32; 3], near_ns: u64, collars: [u32; 2]) -> Vec<u8> {
    let fields: [&[u8]; 5] = [
        &text(symbol),
        &[eligible],
        &prices.map(u32::to_be_bytes).concat(),
        &near_ns.to_be_bytes(),
        &collars.map(u32::to_be_bytes).concat(),
    ];
    message(b'O', locate, &fields)
}

pub fn retail_interest(locate: u16, symbol: &str, interest: u8) -> Vec<u8> {
    message(b'N', locate, &[&text(symbol), &[interest]])
}

/// Primary market maker, mode, state.
pub fn participant(locate: u16, mpid: &[u8; 4], symbol: &str, letters: [u8; 3]) -> Vec<u8> {
    message(b'L', locate, &[mpid, &text(symbol), &letters])
}

pub fn decline_levels(levels_e8: [u64; 3]) -> Vec<u8> {
    message(b'V', 0, &[&levels_e8.map(u64::to_be_bytes).concat()])
}

pub fn breach(level: u8) -> Vec<u8> {
    message(b'W', 0, &[&[level]])
}

// ── TOPS ──

fn tops(kind: u8, flags: u8, symbol: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![kind, flags];
    out.extend((MIDNIGHT_NS + VENUE_NS).to_le_bytes());
    out.extend(text(symbol));
    out.extend(fields.concat());
    out
}

pub fn tops_quote(symbol: &str, bid: (u64, u32), ask: (u64, u32)) -> Vec<u8> {
    tops(b'Q', 0, symbol, &[&bid.1.to_le_bytes(), &bid.0.to_le_bytes(), &ask.0.to_le_bytes(), &ask.1.to_le_bytes()])
}

pub fn tops_trade(symbol: &str, price_e4: u64, size: u32) -> Vec<u8> {
    tops(b'T', 0, symbol, &[&size.to_le_bytes(), &price_e4.to_le_bytes(), &99_u64.to_le_bytes()])
}

pub fn tops_break(symbol: &str) -> Vec<u8> {
    let mut out = tops_trade(symbol, 10_000, 5);
    out[0] = b'B';
    out
}

pub fn tops_status(symbol: &str, state: u8) -> Vec<u8> {
    tops(b'H', state, symbol, &[b"T1  "])
}

pub fn tops_operational(symbol: &str, state: u8) -> Vec<u8> {
    tops(b'O', state, symbol, &[])
}

pub fn tops_short_sale(symbol: &str, state: u8) -> Vec<u8> {
    tops(b'P', state, symbol, &[b" "])
}

pub fn tops_directory(symbol: &str, round_lot: u32) -> Vec<u8> {
    tops(b'D', 0, symbol, &[&round_lot.to_le_bytes(), &0_u64.to_le_bytes(), &[1]])
}

pub fn iex_auction(symbol: &str, kind: u8, paired: u32, reference_e4: u64, imbalance: (u32, u8), time_s: u32) -> Vec<u8> {
    let prices = [reference_e4 + 1, reference_e4, reference_e4 + 2, reference_e4 + 3, reference_e4 - 500, reference_e4 + 500];
    let [near, reference, far, collar, lower, upper] = prices.map(u64::to_le_bytes);
    let fields: [&[u8]; 10] = [
        &paired.to_le_bytes(),
        &reference,
        &near,
        &imbalance.0.to_le_bytes(),
        &[imbalance.1, 2],
        &time_s.to_le_bytes(),
        &far,
        &collar,
        &lower,
        &upper,
    ];
    tops(b'A', kind, symbol, &fields)
}

pub fn iex_official(symbol: &str, kind: u8, price_e4: u64) -> Vec<u8> {
    tops(b'X', kind, symbol, &[&price_e4.to_le_bytes()])
}

pub fn iex_retail(symbol: &str, letter: u8) -> Vec<u8> {
    tops(b'I', letter, symbol, &[])
}

pub fn iex_system(code: u8) -> Vec<u8> {
    let mut out = vec![b'S', code];
    out.extend((MIDNIGHT_NS + VENUE_NS).to_le_bytes());
    out
}

// ── DEEP; the rest is as TOPS ──

/// A level update: `side` `B` or `S`; `complete`: the atomic event ends with it.
pub fn deep_level(symbol: &str, side: u8, price_e4: u64, size: u32, complete: bool) -> Vec<u8> {
    let kind = if side == b'B' { b'8' } else { b'5' };
    tops(kind, u8::from(complete), symbol, &[&size.to_le_bytes(), &price_e4.to_le_bytes()])
}

pub fn deep_security_event(symbol: &str, letter: u8) -> Vec<u8> {
    tops(b'E', letter, symbol, &[])
}

/// Dollars as records carry them.
pub const fn px(price_e4: u32) -> i64 {
    price_e4 as i64 * 100_000
}

/// Nothing on a side.
pub const NO_PX: i64 = UNDEF_PRICE;

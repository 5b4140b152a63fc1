//! How an event becomes book changes and records: the meaning of a feed, once for all feeds.
//!
//! One [`Composer`] serves one channel. It owns the channel's books and knows which instruments have been announced to
//! the sink. For every event it applies the change, builds the records of each schema the sink carries, and puts
//! [`flags::LAST`] on the last record of the event in each ring.
//!
//! A record says [`flags::MAYBE_BAD_BOOK`] from the moment messages were lost (or the channel was joined late, or the book itself
//! found a contradiction) until the instrument is proven right again. A quote of both sides is such a proof; an order book
//! is only proven by a new session (or, one day, by recovery).

use super::{BidAsk, Control, Header, Instrument, Mbo, Mbp1, Mbp10, Record, Row, Schema, Sink, Status, Trade, UNDEF_PRICE};
use super::{action, control, flags, side};
use crate::book::{Books, Change, Order};
use crate::feed::{Decoded, Event, Quoted, Side, StatusChange, Symbol};
use crate::stats::{Drop, Drops};

/// Where and when a message came: the part of a record that is the same for every record of the message.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The session layer's number of the message.
    pub sequence: u64,
    /// When the datagram was received, ns since 1970 UTC.
    pub recv_ns: u64,
    /// When the venue sent the datagram, where its session layer says so; else 0.
    pub send_ns: u64,
}

/// What is fixed for a channel.
#[derive(Clone, Copy, Debug)]
pub struct ComposerConfig {
    /// Index into the publication's channel table.
    pub channel: u16,
    /// DBN publisher id.
    pub publisher_id: u16,
    /// Whether receive times are made up (day files): every record then says [`flags::BAD_TS_RECV`].
    pub bad_ts_recv: bool,
    /// Whether the feed has orders; without, price levels carry no order count.
    pub has_orders: bool,
}

/// What is known of an instrument.
#[derive(Clone, Copy, Debug)]
struct Known {
    state: Announced,
    symbol: Symbol,
    /// The generation of trouble in which the book was last proven right.
    proven: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announced {
    No,
    Filtered,
    At(Row),
}

/// The records' parts that one message shares.
#[derive(Clone, Copy)]
struct Stamp {
    row: Row,
    instrument_id: u32,
    ts_event: u64,
    ts_recv: u64,
    ts_in_delta: i32,
    sequence: u32,
    flags: u8,
}

/// Turns the events of one channel into book changes and records.
pub struct Composer {
    config: ComposerConfig,
    books: Books,
    known: Vec<Known>,
    announced: u32,
    trouble: u32,
    unproven: u32,
    drops: Drops,
    saturated: u64,
}

impl Composer {
    /// A composer over empty books; `instrument_limit` is one more than the largest instrument id.
    pub fn new(config: ComposerConfig, books: Books, instrument_limit: u32) -> Self {
        let unknown = Known { state: Announced::No, symbol: [b' '; 8], proven: 0 };
        Self {
            config,
            books,
            known: vec![unknown; instrument_limit as usize],
            announced: 0,
            trouble: 0,
            unproven: 0,
            drops: Drops::default(),
            saturated: 0,
        }
    }

    /// The channel's books.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Instruments announced in this session.
    pub fn instruments(&self) -> u32 {
        self.announced
    }

    /// Messages that were not applied, by reason.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Sizes that were too wide for 32 bits and were published as the largest.
    pub fn saturated(&self) -> u64 {
        self.saturated
    }

    /// Ids and symbols of the announced instruments, by id.
    pub fn symbols(&self) -> impl Iterator<Item = (u32, Symbol)> + '_ {
        self.known.iter().enumerate().filter(|(_, known)| known.state != Announced::No).map(|(id, known)| (id as u32, known.symbol))
    }

    /// Messages were lost, or never seen: every book is in doubt from here on.
    pub fn doubt_all(&mut self) {
        self.trouble = self.trouble.wrapping_add(1);
        self.unproven = self.announced;
    }

    /// Whether every announced instrument is proven right.
    pub fn all_proven(&self) -> bool {
        self.unproven == 0
    }

    /// The session is over: books, instruments and doubts are forgotten, nothing is published (a new epoch begins).
    pub fn forget_session(&mut self) {
        self.books.clear_all();
        for known in &mut self.known {
            known.state = Announced::No;
        }
        self.announced = 0;
        self.trouble = 0;
        self.unproven = 0;
    }

    /// The venue's publisher began anew within the session: every book is cleared, and says so with an `R` record.
    pub fn clear_books<S: Sink>(&mut self, at: &Moment, sink: &mut S) {
        self.books.clear_all();
        self.trouble = 0;
        self.unproven = 0;
        for id in 0..self.known.len() {
            self.known[id].proven = 0;
            if let Announced::At(row) = self.known[id].state {
                self.clear_records(row, id as u32, at, sink);
            }
        }
    }

    /// Announces every instrument again and shows its price levels, for a sink whose epoch another channel has ended.
    pub fn announce_again<S: Sink>(&mut self, at: &Moment, sink: &mut S) {
        for id in 0..self.known.len() as u32 {
            let known = self.known[id as usize];
            if known.state == Announced::No {
                continue;
            }
            self.known[id as usize].state = match sink.instrument(&self.instrument(id, known.symbol, 0)) {
                Ok(Some(row)) => Announced::At(row),
                Ok(None) | Err(_) => Announced::Filtered,
            };
            if let Announced::At(row) = self.known[id as usize].state {
                let stamp = Stamp { flags: self.flags(id) | flags::SNAPSHOT | flags::LAST, ..self.stamp(row, id, at.recv_ns, at) };
                self.levels(&stamp, action::NONE, side::NONE, UNDEF_PRICE, 0, 0, sink, true, true);
            }
        }
    }

    /// Applies one event and publishes what follows from it. What cannot be applied is counted by reason.
    #[inline]
    pub fn apply<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) {
        if let Err(reason) = self.try_apply(at, decoded, sink) {
            self.drops.count(reason);
        }
    }

    #[inline]
    fn try_apply<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) -> Result<(), Drop> {
        let id = decoded.instrument_id;
        match decoded.event {
            // Venue-wide, or nothing to publish; neither needs an instrument.
            Event::System { .. } | Event::Break { .. } => return Ok(()),
            Event::Other if decoded.symbol.is_none() => return Ok(()),
            _ => {}
        }
        let round_lot = if let Event::Directory { round_lot } = decoded.event { round_lot } else { 0 };
        let row = self.resolve(id, decoded.symbol.as_ref(), round_lot, at, sink)?;
        let stamp = self.stamp(row.unwrap_or(Row::MAX), id, decoded.ts_event, at);
        // A filtered instrument's book is kept all the same: the books file and the counters tell the whole feed.
        let mut gate = Gate { sink, open: row.is_some() };
        let sink = &mut gate;
        match decoded.event {
            Event::Add { order, side, price, size } => self.add(&stamp, id, order, side, price, size, sink),
            Event::Execute { order, size, .. } => self.execute(&stamp, id, order, size, None, true, sink),
            Event::ExecuteAtPrice { order, size, price, printable, .. } => {
                self.execute(&stamp, id, order, size, Some(price), printable, sink)
            }
            Event::Cancel { order, size } => self.cancel(&stamp, id, order, Some(size), sink),
            Event::Delete { order } => self.cancel(&stamp, id, order, None, sink),
            Event::Replace { old, new, price, size } => self.replace(&stamp, id, old, new, price, size, sink),
            Event::Trade { price, size, saturated, .. } => {
                self.saturated += u64::from(saturated);
                let last = stamp.with(flags::LAST);
                self.trade(&last, side::NONE, price, size, sink);
                self.mbo(&last, 0, action::TRADE, side::NONE, price, size, sink);
                self.levels(&last, action::TRADE, side::NONE, price, size, 0, sink, true, true);
                Ok(())
            }
            Event::Quote { bid, ask } => self.quote(&stamp, id, bid, ask, at, sink),
            Event::Status(change) => {
                self.status(&stamp, &change, sink);
                Ok(())
            }
            Event::Directory { .. } | Event::System { .. } | Event::Break { .. } | Event::Other => Ok(()),
        }
    }

    /// The instrument's row, announcing it first where this message is the first to name its symbol. `None`: filtered out.
    #[inline]
    fn resolve<S: Sink>(
        &mut self,
        id: u32,
        symbol: Option<&Symbol>,
        round_lot: u32,
        at: &Moment,
        sink: &mut S,
    ) -> Result<Option<Row>, Drop> {
        let Some(known) = self.known.get(id as usize) else { return Err(Drop::UnknownInstrument) };
        match (known.state, symbol) {
            (Announced::At(row), None) => Ok(Some(row)),
            (Announced::At(row), Some(symbol)) if *symbol == known.symbol => Ok(Some(row)),
            (Announced::Filtered, None) => Ok(None),
            (Announced::Filtered, Some(symbol)) if *symbol == known.symbol => Ok(None),
            (Announced::No, None) => Err(Drop::UnknownInstrument),
            (Announced::No, Some(&symbol)) => self.announce(id, symbol, round_lot, sink),
            (before, Some(&symbol)) => self.rename(id, before, symbol, round_lot, at, sink),
        }
    }

    #[cold]
    fn announce<S: Sink>(&mut self, id: u32, symbol: Symbol, round_lot: u32, sink: &mut S) -> Result<Option<Row>, Drop> {
        let row = sink.instrument(&self.instrument(id, symbol, round_lot)).map_err(|_| Drop::InstrumentsFull)?;
        let state = row.map_or(Announced::Filtered, Announced::At);
        if self.known[id as usize].state == Announced::No {
            self.announced += 1;
            // Its earlier messages may be among the lost ones.
            self.unproven += u32::from(self.trouble != 0);
        }
        self.known[id as usize] = Known { state, symbol, proven: 0 };
        Ok(row)
    }

    /// The venue gave an id in use to another symbol. A book must never be shown under the wrong name: the old one is cleared
    /// under its old row, and a new row begins.
    #[cold]
    fn rename<S: Sink>(
        &mut self,
        id: u32,
        before: Announced,
        symbol: Symbol,
        round_lot: u32,
        at: &Moment,
        sink: &mut S,
    ) -> Result<Option<Row>, Drop> {
        self.drops.count(Drop::SymbolChanged);
        self.books.clear(id);
        if let Announced::At(row) = before {
            self.clear_records(row, id, at, sink);
        }
        self.announce(id, symbol, round_lot, sink)
    }

    fn instrument(&self, instrument_id: u32, symbol: Symbol, round_lot: u32) -> Instrument {
        let ComposerConfig { channel, publisher_id, .. } = self.config;
        Instrument { channel, publisher_id, instrument_id, symbol, round_lot }
    }

    #[inline]
    fn flags(&self, id: u32) -> u8 {
        let doubted = self.known.get(id as usize).is_none_or(|known| known.proven != self.trouble) || self.books.is_suspect(id);
        let mut bits = if doubted { flags::MAYBE_BAD_BOOK } else { 0 };
        if self.config.bad_ts_recv {
            bits |= flags::BAD_TS_RECV;
        }
        bits
    }

    #[inline]
    fn stamp(&self, row: Row, id: u32, ts_event: u64, at: &Moment) -> Stamp {
        let from = if at.send_ns != 0 { at.send_ns } else { ts_event };
        let delta = i128::from(at.recv_ns) - i128::from(from);
        Stamp {
            row,
            instrument_id: id,
            ts_event,
            ts_recv: at.recv_ns,
            ts_in_delta: delta.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32,
            sequence: at.sequence as u32,
            flags: self.flags(id),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn add<S: Sink>(&mut self, stamp: &Stamp, id: u32, order: u64, on: Side, price: i64, size: u32, sink: &mut S) -> Result<(), Drop> {
        let change = self.books.add(id, order, on, price, size)?;
        let last = stamp.with(flags::LAST);
        self.mbo(&last, order, action::ADD, on as u8, price, size, sink);
        self.change(&last, action::ADD, &change, price, size, sink);
        Ok(())
    }

    /// T (the trade, aggressor's side), F (the resting order), C (what it lost). Books show the T before, the C after.
    #[allow(clippy::too_many_arguments)]
    fn execute<S: Sink>(
        &mut self,
        stamp: &Stamp,
        id: u32,
        order: u64,
        size: u32,
        at_price: Option<i64>,
        printable: bool,
        sink: &mut S,
    ) -> Result<(), Drop> {
        let Some(resting) = self.books.order(order) else {
            // Lets the book count the contradiction against the instrument.
            return self.books.reduce(id, order, size).map(|_| ());
        };
        let price = at_price.unwrap_or(resting.price);
        let (mbp1, mbp10) = if printable && resting.instrument == id && size > 0 {
            let aggressor = resting.side.opposite() as u8;
            self.mbo(stamp, 0, action::TRADE, aggressor, price, size, sink);
            self.trade(&stamp.with(flags::LAST), aggressor, price, size, sink);
            (
                sink.carries(Schema::Mbp1).then(|| self.mbp1(stamp, action::TRADE, aggressor, price, size, 0)),
                sink.carries(Schema::Mbp10).then(|| self.mbp10(stamp, action::TRADE, aggressor, price, size, 0)),
            )
        } else {
            (None, None)
        };
        let reduced = self.books.reduce(id, order, size);
        let (touches1, touches10) = reduced.as_ref().map_or((false, false), |r| (r.change.touches_top(), r.change.touches_top10()));
        if let Some(record) = mbp1 {
            sink.publish(stamp.row, &Mbp1 { flags: record.flags | last_unless(touches1), ..record });
        }
        if let Some(record) = mbp10 {
            sink.publish(stamp.row, &Mbp10 { flags: record.flags | last_unless(touches10), ..record });
        }
        let reduced = reduced?;
        let Order { side: on, price: resting_price, .. } = reduced.before;
        self.mbo(stamp, order, action::FILL, on as u8, price, size, sink);
        let last = stamp.with(flags::LAST);
        self.mbo(&last, order, action::CANCEL, on as u8, resting_price, reduced.taken, sink);
        self.change(&last, action::CANCEL, &reduced.change, resting_price, reduced.taken, sink);
        Ok(())
    }

    /// `size` `None`: all that is left.
    fn cancel<S: Sink>(&mut self, stamp: &Stamp, id: u32, order: u64, size: Option<u32>, sink: &mut S) -> Result<(), Drop> {
        let reduced = match size {
            Some(size) => self.books.reduce(id, order, size)?,
            None => self.books.delete(id, order)?,
        };
        let last = stamp.with(flags::LAST);
        let Order { side: on, price, .. } = reduced.before;
        self.mbo(&last, order, action::CANCEL, on as u8, price, reduced.taken, sink);
        self.change(&last, action::CANCEL, &reduced.change, price, reduced.taken, sink);
        Ok(())
    }

    /// C of the old order, A of the new. A new order that the book refuses leaves the old one gone, as the venue says, and the book in doubt.
    #[allow(clippy::too_many_arguments)]
    fn replace<S: Sink>(&mut self, stamp: &Stamp, id: u32, old: u64, new: u64, price: i64, size: u32, sink: &mut S) -> Result<(), Drop> {
        let gone = self.books.delete(id, old)?;
        let Order { side: on, price: old_price, .. } = gone.before;
        let mbp1 = (gone.change.touches_top() && sink.carries(Schema::Mbp1))
            .then(|| self.mbp1(stamp, action::CANCEL, on as u8, old_price, gone.taken, gone.change.rank));
        let mbp10 = (gone.change.touches_top10() && sink.carries(Schema::Mbp10))
            .then(|| self.mbp10(stamp, action::CANCEL, on as u8, old_price, gone.taken, gone.change.rank));
        let came = self.books.add(id, new, on, price, size);
        let (touches1, touches10) = came.as_ref().map_or((false, false), |change| (change.touches_top(), change.touches_top10()));
        if let Some(record) = mbp1 {
            sink.publish(stamp.row, &Mbp1 { flags: record.flags | last_unless(touches1), ..record });
        }
        if let Some(record) = mbp10 {
            sink.publish(stamp.row, &Mbp10 { flags: record.flags | last_unless(touches10), ..record });
        }
        self.mbo(&stamp.with(last_unless(came.is_ok())), old, action::CANCEL, on as u8, old_price, gone.taken, sink);
        let change = came?;
        let last = stamp.with(flags::LAST);
        self.mbo(&last, new, action::ADD, on as u8, price, size, sink);
        self.change(&last, action::ADD, &change, price, size, sink);
        Ok(())
    }

    /// A quote says both sides whole, so it also proves the instrument right.
    fn quote<S: Sink>(&mut self, stamp: &Stamp, id: u32, bid: Quoted, ask: Quoted, at: &Moment, sink: &mut S) -> Result<(), Drop> {
        self.books.quote(id, Side::Bid, bid.price, bid.size)?;
        self.books.quote(id, Side::Ask, ask.price, ask.size)?;
        let proven = self.prove(id, at, sink);
        let stamp = Stamp { flags: if proven { self.flags(id) } else { stamp.flags } | flags::LAST, ..*stamp };
        self.levels(&stamp, action::MODIFY, side::NONE, UNDEF_PRICE, 0, 0, sink, true, true);
        Ok(())
    }

    /// Whether the instrument was in doubt until now.
    fn prove<S: Sink>(&mut self, id: u32, at: &Moment, sink: &mut S) -> bool {
        let Some(known) = self.known.get_mut(id as usize) else { return false };
        if known.proven == self.trouble {
            return false;
        }
        known.proven = self.trouble;
        self.unproven = self.unproven.saturating_sub(1);
        if let Announced::At(_) = known.state {
            sink.control(&self.control(control::BOOK_GOOD, id, at, at.sequence, 0, control::cause::NONE));
        }
        true
    }

    /// A control record of this channel.
    pub fn control(&self, rtype: u8, instrument_id: u32, at: &Moment, first_sequence: u64, last_sequence: u64, cause: u8) -> Control {
        let ComposerConfig { channel, publisher_id, .. } = self.config;
        Control {
            hd: Header { length: (size_of::<Control>() / 4) as u8, rtype, publisher_id, instrument_id, ts_event: at.recv_ns },
            ts_recv: at.recv_ns,
            first_sequence,
            last_sequence,
            channel,
            cause,
            reserved: [0; 13],
        }
    }

    fn clear_records<S: Sink>(&self, row: Row, id: u32, at: &Moment, sink: &mut S) {
        let stamp = Stamp { flags: flags::LAST | (self.flags(id) & flags::BAD_TS_RECV), ..self.stamp(row, id, at.recv_ns, at) };
        self.mbo(&stamp, 0, action::CLEAR, side::NONE, UNDEF_PRICE, 0, sink);
        self.levels(&stamp, action::CLEAR, side::NONE, UNDEF_PRICE, 0, 0, sink, true, true);
    }

    /// The mbp records of one change of one level.
    #[inline]
    fn change<S: Sink>(&self, stamp: &Stamp, what: u8, change: &Change, price: i64, size: u32, sink: &mut S) {
        self.levels(stamp, what, change.side as u8, price, size, change.rank, sink, change.touches_top(), change.touches_top10());
    }

    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn levels<S: Sink>(&self, stamp: &Stamp, what: u8, on: u8, price: i64, size: u32, rank: u32, sink: &mut S, top: bool, top10: bool) {
        if top && sink.carries(Schema::Mbp1) {
            sink.publish(stamp.row, &self.mbp1(stamp, what, on, price, size, rank));
        }
        if top10 && sink.carries(Schema::Mbp10) {
            sink.publish(stamp.row, &self.mbp10(stamp, what, on, price, size, rank));
        }
    }

    #[inline]
    fn mbp1(&self, stamp: &Stamp, what: u8, on: u8, price: i64, size: u32, rank: u32) -> Mbp1 {
        Mbp1 {
            hd: self.header::<Mbp1>(stamp),
            price,
            size,
            action: what,
            side: on,
            flags: stamp.flags,
            depth: rank.min(255) as u8,
            ts_recv: stamp.ts_recv,
            ts_in_delta: stamp.ts_in_delta,
            sequence: stamp.sequence,
            levels: [self.books.top(stamp.instrument_id)],
        }
    }

    #[inline]
    fn mbp10(&self, stamp: &Stamp, what: u8, on: u8, price: i64, size: u32, rank: u32) -> Mbp10 {
        let mut levels = [BidAsk::EMPTY; 10];
        self.books.top_levels(stamp.instrument_id, &mut levels);
        Mbp10 {
            hd: self.header::<Mbp10>(stamp),
            price,
            size,
            action: what,
            side: on,
            flags: stamp.flags,
            depth: rank.min(255) as u8,
            ts_recv: stamp.ts_recv,
            ts_in_delta: stamp.ts_in_delta,
            sequence: stamp.sequence,
            levels,
        }
    }

    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn mbo<S: Sink>(&self, stamp: &Stamp, order_id: u64, what: u8, on: u8, price: i64, size: u32, sink: &mut S) {
        if !self.config.has_orders || !sink.carries(Schema::Mbo) {
            return;
        }
        sink.publish(
            stamp.row,
            &Mbo {
                hd: self.header::<Mbo>(stamp),
                order_id,
                price,
                size,
                flags: stamp.flags,
                channel_id: self.config.channel.min(255) as u8,
                action: what,
                side: on,
                ts_recv: stamp.ts_recv,
                ts_in_delta: stamp.ts_in_delta,
                sequence: stamp.sequence,
            },
        );
    }

    fn trade<S: Sink>(&self, stamp: &Stamp, on: u8, price: i64, size: u32, sink: &mut S) {
        if !sink.carries(Schema::Trades) {
            return;
        }
        sink.publish(
            stamp.row,
            &Trade {
                hd: self.header::<Trade>(stamp),
                price,
                size,
                action: action::TRADE,
                side: on,
                flags: stamp.flags,
                depth: 0,
                ts_recv: stamp.ts_recv,
                ts_in_delta: stamp.ts_in_delta,
                sequence: stamp.sequence,
            },
        );
    }

    fn status<S: Sink>(&self, stamp: &Stamp, change: &StatusChange, sink: &mut S) {
        if !sink.carries(Schema::Status) {
            return;
        }
        sink.publish(
            stamp.row,
            &Status {
                hd: self.header::<Status>(stamp),
                ts_recv: stamp.ts_recv,
                action: change.action,
                reason: change.reason,
                trading_event: change.trading_event,
                is_trading: change.is_trading,
                is_quoting: change.is_quoting,
                is_short_sell_restricted: change.is_short_sell_restricted,
                reserved: [0; 7],
            },
        );
    }

    #[inline]
    fn header<R: Record>(&self, stamp: &Stamp) -> Header {
        Header::of::<R>(self.config.publisher_id, stamp.instrument_id, stamp.ts_event)
    }
}

impl Stamp {
    fn with(&self, bits: u8) -> Self {
        Self { flags: self.flags | bits, ..*self }
    }
}

const fn last_unless(more_follows: bool) -> u8 {
    if more_follows { 0 } else { flags::LAST }
}

/// Lets records through only for instruments that the publication carries.
struct Gate<'a, S> {
    sink: &'a mut S,
    open: bool,
}

impl<S: Sink> Sink for Gate<'_, S> {
    #[inline]
    fn carries(&self, schema: Schema) -> bool {
        self.open && self.sink.carries(schema)
    }
    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, super::SinkFull> {
        self.sink.instrument(instrument)
    }
    #[inline]
    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        if self.open {
            self.sink.publish(row, record);
        }
    }
    fn control(&mut self, record: &Control) {
        self.sink.control(record);
    }
    fn channel_state(&mut self, channel: u16, state: super::ChannelState, since_ns: u64) {
        self.sink.channel_state(channel, state, since_ns);
    }
    fn commit(&mut self) {
        self.sink.commit();
    }
    fn new_epoch(&mut self) {
        self.sink.new_epoch();
    }
}

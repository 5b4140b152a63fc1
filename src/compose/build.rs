//! Records from what happened and what the book holds: layout only, no decisions about books.

use std::ops::Deref;

use super::Composer;
use super::notices::Print;
use crate::book::Change;
use crate::feed::{Depth, StatusChange};
use crate::record::{BidAsk, Header, Mbo, Mbp1, Mbp10, Record, Row, Schema, Sink, Status, Trade, UNDEF_PRICE, flags, side};

/// What the records of one message share.
#[derive(Clone, Copy)]
pub(super) struct Heading {
    /// `None`: the instrument is not published.
    pub row: Option<Row>,
    pub instrument_id: u32,
    pub ts_event: u64,
    pub ts_recv: u64,
    pub ts_in_delta: i32,
    pub sequence: u32,
}

/// The heading with a record's flags. Two parts, because flags change from record to record: a copy of the whole, made of stores narrower
/// than its loads, waits for all of them (3 % of the path's time).
#[derive(Clone, Copy)]
pub(super) struct Stamp<'a> {
    pub heading: &'a Heading,
    pub flags: u8,
}

impl Deref for Stamp<'_> {
    type Target = Heading;

    #[inline(always)]
    fn deref(&self) -> &Heading {
        self.heading
    }
}

impl Stamp<'_> {
    #[inline(always)]
    pub fn with(&self, bits: u8) -> Self {
        Self { flags: self.flags | bits, ..*self }
    }

    /// The row, if somebody wants records of this schema from there.
    #[inline]
    pub fn row<S: Sink>(&self, schema: Schema, sink: &S) -> Option<Row> {
        self.row.filter(|_| sink.carries(schema))
    }
}

/// What one record says was done.
#[derive(Clone, Copy)]
pub(super) struct Act {
    pub action: u8,
    pub side: u8,
    pub price: i64,
    pub size: u32,
    /// How many levels of the side are better.
    pub depth: u32,
}

impl Act {
    /// At no level, or at the best.
    pub const fn new(action: u8, side: u8, price: i64, size: u32) -> Self {
        Self { action, side, price, size, depth: 0 }
    }

    /// Of both sides, or of the book as a whole.
    pub const fn whole(action: u8) -> Self {
        Self::new(action, side::NONE, UNDEF_PRICE, 0)
    }

    pub const fn at(self, depth: u32) -> Self {
        Self { depth, ..self }
    }
}

/// Which of the mbp schemas an event concerns.
#[derive(Clone, Copy, Default)]
pub(super) struct Reach {
    top: bool,
    top10: bool,
}

impl Reach {
    pub const BOTH: Self = Self { top: true, top10: true };
    pub const NEITHER: Self = Self { top: false, top10: false };
    pub const TOP: Self = Self { top: true, top10: false };
    pub const TOP10: Self = Self { top: false, top10: true };

    pub const fn of(change: &Change) -> Self {
        Self { top: change.touches_top(), top10: change.touches_top10() }
    }
}

/// Mbp records of the book as it was, waiting for the book as it will be to tell whether they are the last of the message.
pub(super) struct Waiting {
    mbp1: Option<Mbp1>,
    mbp10: Option<Mbp10>,
}

impl Waiting {
    /// Publishes them; with `bits`, and as the last ones in the rings that `next` does not concern.
    #[inline]
    pub fn publish<S: Sink>(self, stamp: &Stamp, bits: u8, next: Reach, sink: &mut S) {
        let Some(row) = stamp.row else { return };
        if let Some(record) = self.mbp1 {
            sink.publish(row, &Mbp1 { flags: record.flags | bits | last_unless(next.top), ..record });
        }
        if let Some(record) = self.mbp10 {
            sink.publish(row, &Mbp10 { flags: record.flags | bits | last_unless(next.top10), ..record });
        }
    }
}

pub(super) const fn last_unless(more_follows: bool) -> u8 {
    if more_follows { 0 } else { flags::LAST }
}

impl Composer {
    /// The book as it is now, in the mbp records that `reach` concerns.
    #[inline]
    pub(super) fn levels<S: Sink>(&self, stamp: &Stamp, act: Act, reach: Reach, sink: &mut S) {
        if let (true, Some(row)) = (reach.top, stamp.row(Schema::Mbp1, sink)) {
            sink.publish(row, &self.mbp1(stamp, act));
        }
        if let (true, Some(row)) = (reach.top10 && self.tells_depth(), stamp.row(Schema::Mbp10, sink)) {
            sink.publish(row, &self.mbp10(stamp, act));
        }
    }

    /// The same, but not published yet.
    #[inline]
    pub(super) fn levels_waiting<S: Sink>(&self, stamp: &Stamp, act: Act, reach: Reach, sink: &S) -> Waiting {
        Waiting {
            mbp1: (reach.top && stamp.row(Schema::Mbp1, sink).is_some()).then(|| self.mbp1(stamp, act)),
            mbp10: (reach.top10 && self.tells_depth() && stamp.row(Schema::Mbp10, sink).is_some()).then(|| self.mbp10(stamp, act)),
        }
    }

    /// Of a feed that tells only the best prices, ten levels would claim that there are no others.
    #[inline]
    fn tells_depth(&self) -> bool {
        !matches!(self.config.depth, Depth::Top)
    }

    #[inline]
    fn mbp1(&self, stamp: &Stamp, act: Act) -> Mbp1 {
        Mbp1 {
            hd: self.header::<Mbp1>(stamp),
            price: act.price,
            size: act.size,
            action: act.action,
            side: act.side,
            flags: stamp.flags,
            depth: act.depth.min(255) as u8,
            ts_recv: stamp.ts_recv,
            ts_in_delta: stamp.ts_in_delta,
            sequence: stamp.sequence,
            levels: [self.books.top(stamp.instrument_id)],
        }
    }

    #[inline]
    fn mbp10(&self, stamp: &Stamp, act: Act) -> Mbp10 {
        let mut levels = [BidAsk::EMPTY; 10];
        self.books.top_levels(stamp.instrument_id, &mut levels);
        Mbp10 {
            hd: self.header::<Mbp10>(stamp),
            price: act.price,
            size: act.size,
            action: act.action,
            side: act.side,
            flags: stamp.flags,
            depth: act.depth.min(255) as u8,
            ts_recv: stamp.ts_recv,
            ts_in_delta: stamp.ts_in_delta,
            sequence: stamp.sequence,
            levels,
        }
    }

    /// Only of feeds that tell orders.
    #[inline]
    pub(super) fn mbo<S: Sink>(&self, stamp: &Stamp, order_id: u64, act: Act, sink: &mut S) {
        let Some(row) = stamp.row(Schema::Mbo, sink).filter(|_| matches!(self.config.depth, Depth::Orders)) else { return };
        let record = Mbo {
            hd: self.header::<Mbo>(stamp),
            order_id,
            price: act.price,
            size: act.size,
            flags: stamp.flags,
            channel_id: self.config.channel.min(255) as u8,
            action: act.action,
            side: act.side,
            ts_recv: stamp.ts_recv,
            ts_in_delta: stamp.ts_in_delta,
            sequence: stamp.sequence,
        };
        sink.publish(row, &record);
    }

    /// The trade, and its match number on the side ring: whoever counts trades and their breaks needs one order of both.
    #[inline]
    pub(super) fn trade<S: Sink>(&self, stamp: &Stamp, act: Act, print: Print, sink: &mut S) {
        self.trade_alone(stamp, act, sink);
        self.print(stamp, act.side, act.price, act.size, print, sink);
    }

    #[inline]
    fn trade_alone<S: Sink>(&self, stamp: &Stamp, act: Act, sink: &mut S) {
        let Some(row) = stamp.row(Schema::Trades, sink) else { return };
        let record = Trade {
            hd: self.header::<Trade>(stamp),
            price: act.price,
            size: act.size,
            action: act.action,
            side: act.side,
            flags: stamp.flags,
            depth: 0,
            ts_recv: stamp.ts_recv,
            ts_in_delta: stamp.ts_in_delta,
            sequence: stamp.sequence,
        };
        sink.publish(row, &record);
    }

    pub(super) fn status<S: Sink>(&self, stamp: &Stamp, change: &StatusChange, sink: &mut S) {
        if let Some(row) = stamp.row(Schema::Status, sink) {
            sink.publish(row, &self.status_record(stamp, change));
        }
    }

    pub(super) fn status_record(&self, stamp: &Stamp, change: &StatusChange) -> Status {
        Status {
            hd: self.header::<Status>(stamp),
            ts_recv: stamp.ts_recv,
            action: change.action,
            reason: change.reason,
            trading_event: change.trading_event,
            is_trading: change.is_trading,
            is_quoting: change.is_quoting,
            is_short_sell_restricted: change.is_short_sell_restricted,
            reserved: [0; 7],
        }
    }

    #[inline]
    pub(super) fn header<R: Record>(&self, stamp: &Stamp) -> Header {
        Header::of::<R>(self.config.publisher_id, stamp.instrument_id, stamp.ts_event)
    }
}

//! Records of what is neither an order nor a level: auctions, official prices, the side ring, and what concerns the whole venue.

use super::build::Stamp;
use super::{Composer, Moment};
use crate::feed::{Auction, Decoded, Event, Official, Shares, Side, Word};
use crate::record::statistics::{UNDEF_QUANTITY, stat_type};
use crate::record::{
    Control, Header, Imbalance, Schema, Sink, Statistics, Status, UNDEF_PRICE, UNDEF_SIZE, UNDEF_TIME, Venue, control, side, venue,
};
use crate::stats::Drop;

/// What names a trade, beside its price and size.
#[derive(Clone, Copy)]
pub(super) struct Print {
    pub match_number: u64,
    /// The venue's own letter, see [`Event::Trade`]; 0: none.
    pub code: u8,
}

impl Print {
    /// Of an execution: no cross, no conditions.
    pub const fn plain(match_number: u64) -> Self {
        Self { match_number, code: 0 }
    }
}

impl Composer {
    /// What no instrument is named for: control records and records of the whole venue.
    #[cold]
    pub(super) fn of_venue<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) -> Result<(), Drop> {
        let stamp = &Stamp { heading: &self.heading(super::Listing::Unnamed, 0, decoded.ts_event, at), flags: 0 };
        match decoded.event {
            Event::System { code } => {
                let record = self.control(control::SYSTEM_EVENT, 0, at, at.sequence, 0, code);
                sink.control(&Control { hd: Header { ts_event: decoded.ts_event, ..record.hd }, ..record });
            }
            Event::Status(change) if sink.carries(Schema::Status) => sink.publish_whole::<Status>(&self.status_record(stamp, &change)),
            Event::Word(word) if sink.carries(Schema::Venue) => sink.publish_whole(&self.word_record(stamp, &word)),
            Event::Status(_) | Event::Word(_) | Event::Other => {}
            _ => return Err(Drop::UnknownInstrument),
        }
        Ok(())
    }

    /// The side ring's record of a trade, with the number by which it may be broken later.
    pub(super) fn print<S: Sink>(&self, stamp: &Stamp, aggressor: u8, price: i64, size: u32, print: Print, sink: &mut S) {
        let (cross, conditions) = self.codes(print.code);
        let codes = [aggressor, cross, conditions];
        self.word(stamp, &Word { codes, reference: print.match_number, prices: only(price), size, ..word(venue::kind::TRADE) }, sink);
    }

    /// A cross that matched nothing: nobody traded, and its price, if there is one, is not an official one.
    #[cold]
    pub(super) fn empty_cross<S: Sink>(&self, stamp: &Stamp, price: i64, print: Print, sink: &mut S) {
        let (cross, conditions) = self.codes(print.code);
        let prices = only(if price == 0 { UNDEF_PRICE } else { price });
        let codes = [side::NONE, cross, conditions];
        self.word(stamp, &Word { codes, reference: print.match_number, prices, ..word(venue::kind::EMPTY_CROSS) }, sink);
    }

    /// A broken trade. Whether it was ever told is for those to say who keep trades: there is no table of them here.
    #[cold]
    pub(super) fn trade_break<S: Sink>(&self, stamp: &Stamp, print: Print, price: i64, size: u32, sink: &mut S) {
        let codes = [b' ', b' ', print.code];
        self.word(stamp, &Word { codes, reference: print.match_number, prices: only(price), size, ..word(venue::kind::TRADE_BREAK) }, sink);
    }

    /// Who entered an order.
    pub(super) fn attribution<S: Sink>(&self, stamp: &Stamp, order: super::events::Told, on: Side, text: [u8; 4], sink: &mut S) {
        let told = Word {
            codes: [on as u8, b' ', b' '],
            text,
            reference: order.order,
            prices: only(order.price),
            size: order.size,
            ..word(venue::kind::ATTRIBUTION)
        };
        self.word(stamp, &told, sink);
    }

    /// A collar, which is remembered for the auction's imbalances.
    #[cold]
    pub(super) fn collar<S: Sink>(&mut self, stamp: &Stamp, reference: i64, (lower, upper): (i64, i64), extension: u32, sink: &mut S) {
        self.profiles.set_collar(stamp.instrument_id, lower, upper);
        let prices = [reference, lower, upper, UNDEF_PRICE, UNDEF_PRICE];
        self.word(stamp, &Word { prices, size: extension, ..word(venue::kind::COLLAR) }, sink);
    }

    #[cold]
    pub(super) fn auction<S: Sink>(&mut self, stamp: &Stamp, told: &Auction, sink: &mut S) {
        self.saturated += u64::from(told.paired.saturated) + u64::from(told.imbalance.saturated);
        let Some(row) = stamp.row(Schema::Imbalance, sink) else { return };
        let (lower_collar, upper_collar) = told.collar.unwrap_or_else(|| self.profiles.collar(stamp.instrument_id));
        let record = Imbalance {
            hd: self.header::<Imbalance>(stamp),
            ts_recv: stamp.ts_recv,
            ref_price: told.reference,
            auction_time: told.time_ns.unwrap_or(UNDEF_TIME),
            cont_book_clr_price: told.near,
            auct_interest_clr_price: told.far,
            ssr_filling_price: UNDEF_PRICE,
            ind_match_price: told.matching,
            upper_collar,
            lower_collar,
            paired_qty: told.paired.size,
            total_imbalance_qty: told.imbalance.size,
            market_imbalance_qty: UNDEF_SIZE,
            unpaired_qty: UNDEF_SIZE,
            auction_type: letter(told.kind),
            side: told.side.map_or(side::NONE, |side| side as u8),
            auction_status: told.status,
            freeze_status: 0,
            num_extensions: told.extensions,
            unpaired_side: side::NONE,
            significant_imbalance: letter(told.variation),
            reserved: 0,
        };
        sink.publish(row, &record);
    }

    /// An official price; of a cross also its shares.
    #[cold]
    pub(super) fn official<S: Sink>(&self, stamp: &Stamp, which: Official, price: i64, shares: Option<Shares>, sink: &mut S) {
        let Some(row) = stamp.row(Schema::Statistics, sink) else { return };
        let record = Statistics {
            hd: self.header::<Statistics>(stamp),
            ts_recv: stamp.ts_recv,
            ts_ref: UNDEF_TIME,
            price,
            quantity: shares.map_or(UNDEF_QUANTITY, |shares| i64::from(shares.size)),
            sequence: stamp.sequence,
            ts_in_delta: stamp.ts_in_delta,
            stat_type: match which {
                Official::Opening => stat_type::OPENING_PRICE,
                Official::Closing => stat_type::CLOSE_PRICE,
                Official::Uncrossing => stat_type::UNCROSSING_PRICE,
            },
            channel_id: self.config.channel,
            update_action: 1,
            stat_flags: 0,
            reserved: [0; 18],
        };
        sink.publish(row, &record);
    }

    /// A record of the side ring.
    pub(super) fn word<S: Sink>(&self, stamp: &Stamp, word: &Word, sink: &mut S) {
        if let Some(row) = stamp.row(Schema::Venue, sink) {
            sink.publish(row, &self.word_record(stamp, word));
        }
    }

    fn word_record(&self, stamp: &Stamp, word: &Word) -> Venue {
        Venue {
            hd: self.header::<Venue>(stamp),
            ts_recv: stamp.ts_recv,
            reference: word.reference,
            prices: word.prices,
            time_ns: word.time_ns,
            size: word.size,
            sequence: stamp.sequence,
            kind: word.kind,
            codes: word.codes,
            text: word.text,
        }
    }

    /// A trade's own letter is ITCH's cross type or IEX's flags: one of the two, the other blank.
    fn codes(&self, code: u8) -> (u8, u8) {
        match (self.config.feed.itch_market(), code) {
            (Some(_), 0) => (b' ', b' '),
            (Some(_), cross) => (cross, b' '),
            (None, conditions) => (b' ', conditions),
        }
    }
}

/// A kind with nothing told yet.
const fn word(kind: u8) -> Word {
    Word { kind, codes: [b' '; 3], text: [b' '; 4], reference: 0, prices: [UNDEF_PRICE; 5], time_ns: 0, size: 0 }
}

const fn only(price: i64) -> [i64; 5] {
    [price, UNDEF_PRICE, UNDEF_PRICE, UNDEF_PRICE, UNDEF_PRICE]
}

/// A venue's letter for DBN, which writes `~` for none: what is no letter is none.
const fn letter(byte: u8) -> u8 {
    if byte.is_ascii_graphic() { byte } else { b'~' }
}

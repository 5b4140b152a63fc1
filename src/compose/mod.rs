//! How an event becomes book changes and records: the meaning of a feed, once for all feeds.
//!
//! One [`Composer`] serves one channel. It owns the channel's books and knows which instruments have been announced to
//! the sink. For every event it applies the change, builds the records of each schema the sink carries, and puts
//! [`flags::LAST`] on the last record of the event in each ring.
//!
//! ```text
//!  event ─▶ which instrument, which row (roster) ─▶ what it does to the book (events) ─▶ records (build) ─▶ sink
//! ```
//!
//! A record says [`flags::MAYBE_BAD_BOOK`] from the moment messages were lost (or the channel was joined late, or the book itself
//! found a contradiction) until the instrument is proven right again. A quote of both sides is such a proof; an order book
//! is only proven by a new session (or, one day, by recovery).
#![forbid(unsafe_code)]

mod build;
pub mod definitions;
mod events;
mod levels;
mod notices;
mod profiles;
mod roster;
mod staging;

use crate::book::Books;
use crate::feed::name::FeedName;
use crate::feed::{Decoded, Depth, Event, Symbol};
use crate::record::{Control, Header, Instrument, Row, Sink, action, flags};
use crate::stats::{Drop, Drops};
use build::{Act, Heading, Reach, Stamp};
use events::{Executed, Told};
use notices::Print;
use profiles::Profiles;
use roster::{Listing, Roster};
use staging::{Staging, Update};

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
    /// Whose records these are.
    pub feed: FeedName,
    /// DBN publisher id.
    pub publisher_id: u16,
    /// Whether receive times are made up (day files): every record then says [`flags::BAD_TS_RECV`].
    pub bad_ts_recv: bool,
    /// What the feed tells: `mbo` records need orders, `mbp-10` records more than the best prices.
    pub depth: Depth,
}

/// Turns the events of one channel into book changes and records.
pub struct Composer {
    config: ComposerConfig,
    books: Books,
    /// Levels that wait for the end of their event.
    staging: Staging,
    roster: Roster,
    profiles: Profiles,
    drops: Drops,
    saturated: u64,
    definitions_changed: u64,
}

impl Composer {
    /// A composer over empty books; `instrument_limit` is one more than the largest instrument id.
    pub fn new(config: ComposerConfig, books: Books, instrument_limit: u32) -> Self {
        let staging = if matches!(config.depth, Depth::Levels) { Staging::new() } else { Staging::none() };
        let (roster, profiles) = (Roster::new(instrument_limit), Profiles::new(instrument_limit));
        Self { config, books, staging, roster, profiles, drops: Drops::default(), saturated: 0, definitions_changed: 0 }
    }

    /// The channel's books.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Asks memory for what a message needs first; [`Books::prefetch_levels`] follows when it has come.
    #[inline(always)]
    pub fn prefetch(&self, instrument: u32, order: Option<u64>) {
        self.roster.prefetch(instrument);
        self.books.prefetch(instrument, order);
    }

    /// DBN publisher id of its records.
    pub fn publisher_id(&self) -> u16 {
        self.config.publisher_id
    }

    /// Instruments named in this session, published or not.
    pub fn instruments(&self) -> u32 {
        self.roster.named()
    }

    /// Messages that were not applied, or not as they stood, by reason.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Sizes of trades, auctions and levels that were too wide for 32 bits and were published as the largest.
    pub fn saturated(&self) -> u64 {
        self.saturated
    }

    /// Directory messages that told an instrument otherwise than the one before in the session.
    pub fn definitions_changed(&self) -> u64 {
        self.definitions_changed
    }

    /// Ids and symbols of the named instruments, by id.
    pub fn symbols(&self) -> impl Iterator<Item = (u32, Symbol)> + '_ {
        self.roster.iter().map(|(id, known)| (id, known.symbol))
    }

    /// Messages were lost, or never seen: every book is in doubt from here on.
    pub fn doubt_all(&mut self) {
        self.cut_events();
        self.roster.doubt_all();
    }

    /// Whether the instrument's book may be wrong: messages were lost since it was last proven right, or one did not fit it.
    pub fn is_maybe_bad(&self, id: u32) -> bool {
        self.roster.is_doubted(id) || self.books.is_suspect(id)
    }

    /// Whether every named instrument is proven right.
    pub fn all_proven(&self) -> bool {
        self.roster.all_proven()
    }

    /// The session is over: books, instruments and doubts are forgotten, nothing is published (a new epoch begins).
    pub fn forget_session(&mut self) {
        self.cut_events();
        self.books.clear_all();
        self.roster.forget();
        self.profiles.forget_all();
    }

    /// The books begin anew within the session, empty and without doubts, those too whose instruments are not named yet;
    /// [`Composer::publish_clears`] tells it.
    pub fn clear_books(&mut self) {
        self.cut_events();
        self.books.clear_all();
        self.roster.prove_all();
    }

    /// Says with `R` records that every book is empty.
    pub fn publish_clears<S: Sink>(&self, at: &Moment, sink: &mut S) {
        for (id, known) in self.roster.iter() {
            if let Listing::At(row) = known.listing {
                self.clear_records(row, id, at.recv_ns, at, self.flags(id), sink);
            }
        }
    }

    /// Announces every instrument again, with its definition and its last status, and shows its price levels, for a sink whose epoch another
    /// channel has ended.
    pub fn announce_again<S: Sink>(&mut self, at: &Moment, sink: &mut S) {
        for id in 0..self.roster.limit() {
            let Some(&known) = self.roster.get(id).filter(|known| known.listing != Listing::Unnamed) else { continue };
            let listing = self.list(id, known.symbol, known.round_lot, sink);
            self.roster.list(id, listing);
            let heading = self.heading(listing, id, at.recv_ns, at);
            let stamp = Stamp { heading: &heading, flags: self.flags(id) };
            if let Some(told) = self.profiles.directory(id) {
                self.definition(&stamp, known.symbol, &told, b'A', sink);
            }
            if let Some((change, ts_event)) = self.profiles.status(id) {
                self.status(&Stamp { heading: &Heading { ts_event, ..heading }, ..stamp }, &change, sink);
            }
            let bits = flags::SNAPSHOT | flags::BAD_TS_RECV | flags::LAST;
            self.levels(&stamp.with(bits), Act::whole(action::NONE), Reach::BOTH, sink);
        }
    }

    /// Applies one event and publishes what follows from it. What cannot be applied is counted by reason.
    pub fn apply<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) {
        if let Err(reason) = self.try_apply(at, decoded, sink) {
            self.drops.count(reason);
        }
    }

    /// The same for an event of one instrument that moves a book of orders, laid into the decoder where its kind is known.
    #[inline(always)]
    pub fn apply_moving<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) {
        if let Err(reason) = self.try_apply(at, decoded, sink) {
            self.drops.count(reason);
        }
    }

    #[inline(always)]
    fn try_apply<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) -> Result<(), Drop> {
        if decoded.instrument_id == 0 {
            return self.of_venue(at, decoded, sink);
        }
        let (listing, doubted) = self.resolve(at, decoded, sink)?;
        let heading = &self.heading(listing, decoded.instrument_id, decoded.ts_event, at);
        let stamp = &Stamp { heading, flags: self.flags_of(doubted || self.books.is_suspect(decoded.instrument_id)) };
        match decoded.event {
            Event::Add { order, side, price, size, attribution } => self.add(stamp, Told { order, price, size }, side, attribution, sink),
            Event::Execute { order, size, match_number } => {
                self.execute(stamp, Executed { order, size, price: None, match_number, printable: true }, sink)
            }
            Event::ExecuteAtPrice { order, size, price, match_number, printable } => {
                self.execute(stamp, Executed { order, size, price: Some(price), match_number, printable }, sink)
            }
            Event::Cancel { order, size } => self.cancel(stamp, order, Some(size), sink),
            Event::Delete { order } => self.cancel(stamp, order, None, sink),
            Event::Replace { old, new, price, size } => self.replace(stamp, old, Told { order: new, price, size }, sink),
            Event::Quote { bid, ask } => self.quote(stamp, bid, ask, at, sink),
            Event::Level { side, price, size, complete } => self.level(stamp, Update { side, price, size }, complete, sink),
            Event::Trade { price, shares, match_number, code, official } => {
                self.hidden_trade(stamp, price, shares, official, Print { match_number, code }, sink)
            }
            ref rare => {
                self.rare(stamp, decoded.symbol, rare, sink);
                Ok(())
            }
        }
    }

    /// What moves no book and is no trade.
    #[cold]
    fn rare<S: Sink>(&mut self, stamp: &Stamp, symbol: Option<Symbol>, event: &Event, sink: &mut S) {
        match *event {
            Event::Status(change) => {
                self.profiles.set_status(stamp.instrument_id, change, stamp.ts_event);
                self.status(stamp, &change, sink);
            }
            Event::Directory(told) => {
                if let Some(symbol) = symbol {
                    self.directory(stamp, symbol, told, sink);
                }
            }
            Event::Auction(ref told) => self.auction(stamp, told, sink),
            Event::Collar { reference, lower, upper, extension } => self.collar(stamp, reference, (lower, upper), extension, sink),
            Event::Official { which, price } => self.official(stamp, which, price, None, sink),
            Event::Break { match_number, price, size, code } => {
                self.trade_break(stamp, Print { match_number, code }, price, size, sink);
            }
            Event::Word(ref word) => self.word(stamp, word, sink),
            _ => {}
        }
    }

    /// Where the instrument's records go, and whether its book may lack something that was lost; any message that tells its symbol names it.
    #[inline(always)]
    fn resolve<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) -> Result<(Listing, bool), Drop> {
        let id = decoded.instrument_id;
        let Some(known) = self.roster.get(id) else { return Err(Drop::UnknownInstrument) };
        let same = decoded.symbol.is_none_or(|symbol| symbol == known.symbol);
        match known.listing {
            Listing::At(_) | Listing::Filtered if same => Ok((known.listing, self.roster.doubts(known))),
            _ => self.resolve_rare(at, decoded, sink).map(|listing| (listing, self.roster.is_doubted(id))),
        }
    }

    #[cold]
    fn resolve_rare<S: Sink>(&mut self, at: &Moment, decoded: &Decoded, sink: &mut S) -> Result<Listing, Drop> {
        let id = decoded.instrument_id;
        let Some(&known) = self.roster.get(id) else { return Err(Drop::UnknownInstrument) };
        let Some(symbol) = decoded.symbol.filter(|symbol| known.listing == Listing::Unnamed || *symbol != known.symbol) else {
            if known.listing == Listing::NoRoom {
                self.drops.count(Drop::InstrumentsFull);
                return Ok(Listing::NoRoom);
            }
            // It was for a book that we do not have yet, and that will lack it when we do; a break is for nobody's book.
            if !matches!(decoded.event, Event::Break { .. }) {
                self.books.mark_suspect(id);
            }
            // An order of another book: which of the two is wrong nobody knows.
            if let Some(live) = decoded.event.resting_order().and_then(|order| self.books.order(order)) {
                self.books.mark_suspect(live.instrument);
            }
            return Err(Drop::UnknownInstrument);
        };
        if known.listing != Listing::Unnamed {
            if !matches!(decoded.event, Event::Directory(_)) {
                // One message contradicts the directory: whichever is wrong, applying it could put it into the wrong book.
                self.books.mark_suspect(id);
                return Err(Drop::SymbolMismatch);
            }
            // The venue gave an id in use to another symbol. A book must never be shown under the wrong name: the old one is cleared
            // under its old row, and a new row begins.
            self.drops.count(Drop::SymbolChanged);
            self.books.clear(id);
            self.profiles.forget(id);
            if let Listing::At(row) = known.listing {
                self.clear_records(row, id, decoded.ts_event, at, self.flags(id), sink);
            }
        }
        let round_lot = if let Event::Directory(told) = decoded.event { told.round_lot } else { 0 };
        let listing = self.list(id, symbol, round_lot, sink);
        self.roster.name(id, symbol, round_lot, listing);
        Ok(listing)
    }

    /// Announces an instrument.
    #[cold]
    fn list<S: Sink>(&mut self, instrument_id: u32, symbol: Symbol, round_lot: u32, sink: &mut S) -> Listing {
        let ComposerConfig { channel, publisher_id, .. } = self.config;
        match sink.instrument(&Instrument { channel, publisher_id, instrument_id, symbol, round_lot }) {
            Ok(Some(row)) => Listing::At(row),
            Ok(None) => Listing::Filtered,
            Err(_) => {
                self.drops.count(Drop::InstrumentsFull);
                Listing::NoRoom
            }
        }
    }

    fn flags(&self, id: u32) -> u8 {
        self.flags_of(self.is_maybe_bad(id))
    }

    #[inline(always)]
    fn flags_of(&self, maybe_bad: bool) -> u8 {
        (if maybe_bad { flags::MAYBE_BAD_BOOK } else { 0 }) | if self.config.bad_ts_recv { flags::BAD_TS_RECV } else { 0 }
    }

    #[inline(always)]
    fn heading(&self, listing: Listing, id: u32, ts_event: u64, at: &Moment) -> Heading {
        let from = if at.send_ns != 0 { at.send_ns } else { ts_event };
        Heading {
            row: if let Listing::At(row) = listing { Some(row) } else { None },
            instrument_id: id,
            ts_event,
            ts_recv: at.recv_ns,
            ts_in_delta: delta(at.recv_ns, from),
            sequence: at.sequence as u32,
        }
    }

    /// The book is empty, which is true whatever was lost before; `bits` tell whether it stays true.
    fn clear_records<S: Sink>(&self, row: Row, id: u32, ts_event: u64, at: &Moment, bits: u8, sink: &mut S) {
        let stamp = Stamp { heading: &self.heading(Listing::At(row), id, ts_event, at), flags: bits | flags::LAST };
        self.mbo(&stamp, 0, Act::whole(action::CLEAR), sink);
        self.levels(&stamp, Act::whole(action::CLEAR), Reach::BOTH, sink);
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
}

/// `to` - `from`, or the nearest number there is.
#[inline(always)]
fn delta(to: u64, from: u64) -> i32 {
    if to >= from { (to - from).min(i32::MAX as u64) as i32 } else { 0_i32.saturating_sub_unsigned((from - to).min(1 << 31) as u32) }
}

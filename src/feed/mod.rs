//! What the exchanges' bytes mean: packets of a session layer, messages, events in normal form.
//!
//! Nothing here owns a socket, a clock, a thread or an allocation made on the path.
#![forbid(unsafe_code)]

mod field;
mod iex;
pub mod iex_deep;
pub mod iex_tops;
pub mod iextp;
pub mod itch;
pub mod moldudp64;
pub mod name;
pub mod status;
pub mod symbols;
pub mod venue_time;
pub mod arbiter;

use crate::stats::Drop;

/// Side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    /// Buy.
    Bid = b'B',
    /// Sell.
    Ask = b'A',
}

impl Side {
    /// 0 for a bid, 1 for an ask: their order in a record. Without a branch.
    #[inline(always)]
    pub const fn index(self) -> usize {
        (self as usize) & 1
    }

    /// The side with this [`Side::index`].
    #[inline(always)]
    pub const fn of_index(index: u32) -> Self {
        if index == 0 { Self::Bid } else { Self::Ask }
    }

    /// The other side.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
}

/// A session's name: MoldUDP64's ten characters, or IEX-TP's session number in the first four bytes (little-endian).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 10]);

/// What a packet of the session layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Carries messages.
    Data,
    /// Carries none; `sequence` is the next expected number.
    Heartbeat,
    /// The session is over; `sequence` is the number that would have come next.
    EndOfSession,
}

/// One parsed packet header and the message blocks behind it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The session the numbers belong to.
    pub session: SessionId,
    /// What it is.
    pub kind: PacketKind,
    /// Number of the first message, or the next expected one.
    pub sequence: u64,
    /// How many messages the header claims; 0 unless `kind` is `Data`.
    pub count: u16,
    /// When the venue sent it, ns since 1970 UTC; 0 where the session layer does not say.
    pub send_ns: u64,
    /// Byte offset in the session's stream; 0 where the session layer has none.
    pub stream_offset: u64,
    /// The message blocks: `count` times length and data.
    pub blocks: &'a [u8],
}

/// The framing that numbers messages.
pub trait SessionLayer {
    /// Whether a restart of the publisher under the same session id can be told from old duplicates
    /// (sequence back to 1, stream offset 0 and a later send time).
    const RESTARTS_SHOW: bool;
    /// Whether packets say where in the session's stream of bytes they begin.
    const OFFSETS_SHOW: bool = false;

    /// Reads a packet's header. Errors are the reason to count.
    fn packet(payload: &[u8]) -> Result<Packet<'_>, Drop>;

    /// Takes the next message off `blocks`; `Err` if the block is cut, and then nothing behind it can be read.
    fn next_message<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8], Drop>;
}

/// A symbol as the feed writes it: eight bytes, padded with spaces.
pub type Symbol = [u8; 8];

/// Price and size of one side of a quote. Price 0 and size 0: no quote on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quoted {
    /// 1e-9 units.
    pub price: i64,
    /// Shares.
    pub size: u32,
}

/// A change of trading state, in DBN's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// DBN `StatusAction`.
    pub action: u16,
    /// DBN `StatusReason`.
    pub reason: u16,
    /// DBN `TradingEvent`.
    pub trading_event: u16,
    /// `Y`, `N`, or `~`: not told by this message.
    pub is_trading: u8,
    /// `Y`, `N`, or `~`.
    pub is_quoting: u8,
    /// `Y`, `N`, or `~`.
    pub is_short_sell_restricted: u8,
}

/// What a feed tells of its books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every order.
    Orders,
    /// Every price level, without orders.
    Levels,
    /// The best bid and offer alone.
    Top,
}

/// A size on the wire may be wider than a record's 32 bits: then the largest is told, and it is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// At most `u32::MAX`.
    pub size: u32,
    /// It was more.
    pub saturated: bool,
}

/// Which official price a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Official {
    /// The day's opening price.
    Opening,
    /// The day's closing price.
    Closing,
    /// The price of another cross.
    Uncrossing,
}

/// An auction that is to come. Prices that are not told are `UNDEF_PRICE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auction {
    /// The venue's letter for the auction.
    pub kind: u8,
    /// Price at which the shares below are counted.
    pub reference: i64,
    /// Where auction and continuous orders would clear.
    pub near: i64,
    /// Where auction orders alone would clear.
    pub far: i64,
    /// Where most would match within the collars.
    pub matching: i64,
    /// Lower and upper collar, where this very message tells them.
    pub collar: Option<(i64, i64)>,
    /// Shares that are matched.
    pub paired: Shares,
    /// Shares that are not.
    pub imbalance: Shares,
    /// Their side; `None`: neither.
    pub side: Option<Side>,
    /// ITCH: `O`, too few orders to tell, or `P`, paused; else 0.
    pub status: u8,
    /// When it is to take place, ns since 1970 UTC; `None`: not told.
    pub time_ns: Option<u64>,
    /// How often it was put off.
    pub extensions: u8,
    /// ITCH: the price variation indicator; else `~`.
    pub variation: u8,
}

/// What a directory message says of an instrument: the venue's own letters, a space where its feed has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Directory {
    /// Shares; 0 where not told.
    pub round_lot: u32,
    /// Shares per share of the underlying; 0 where not told.
    pub leverage: u32,
    /// The adjusted close of yesterday (IEX), or `UNDEF_PRICE`.
    pub previous_close: i64,
    pub market_category: u8,
    pub financial_status: u8,
    pub round_lots_only: u8,
    pub issue_classification: u8,
    pub issue_sub_type: [u8; 2],
    pub authenticity: u8,
    pub short_sale_threshold: u8,
    pub ipo: u8,
    pub luld_tier: u8,
    pub etp: u8,
    pub inverse: u8,
}

/// What a venue says that DBN has no record for, in the form of the side ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// See [`venue::kind`](crate::record::venue::kind).
    pub kind: u8,
    /// The venue's letters, by kind.
    pub codes: [u8; 3],
    /// Text, by kind.
    pub text: [u8; 4],
    /// Match number or order reference; 0: none.
    pub reference: u64,
    /// By kind; `UNDEF_PRICE`: none.
    pub prices: [i64; 5],
    /// A time, ns since 1970 UTC; 0: none.
    pub time_ns: u64,
    /// Shares.
    pub size: u32,
}

/// One decoded message in normal form. Prices in 1e-9 units, sizes in shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    /// A new visible order.
    Add { order: u64, side: Side, price: i64, size: u32, attribution: Option<[u8; 4]> },
    /// A resting order traded at its own price.
    Execute { order: u64, size: u32, match_number: u64 },
    /// A resting order traded at another price; not `printable` means a cross already printed it.
    ExecuteAtPrice { order: u64, size: u32, price: i64, match_number: u64, printable: bool },
    /// Part of an order was cancelled.
    Cancel { order: u64, size: u32 },
    /// An order is gone.
    Delete { order: u64 },
    /// An order was replaced: same side and instrument, new reference, price, size and priority.
    Replace { old: u64, new: u64, price: i64, size: u32 },
    /// A trade that touches no visible order (hidden order, cross, or a feed without orders); of no shares: a cross that matched nothing.
    /// `code` is ITCH's cross type (0: no cross) or IEX's sale condition flags.
    Trade { price: i64, shares: Shares, match_number: u64, code: u8, official: Option<Official> },
    /// A price level is this large from here on, 0: gone. Not `complete`: the event goes on, and the book is not one to be shown.
    Level { side: Side, price: i64, size: u32, complete: bool },
    /// Both sides of the best bid and offer at once.
    Quote { bid: Quoted, ask: Quoted },
    /// A change of trading state.
    Status(StatusChange),
    /// The instrument exists.
    Directory(Directory),
    /// An auction that is to come.
    Auction(Auction),
    /// Reference, lower and upper price of the collar of an auction, and how often it was extended.
    Collar { reference: i64, lower: i64, upper: i64, extension: u32 },
    /// An official price without a trade.
    Official { which: Official, price: i64 },
    /// Start or end of a part of the venue's day; the code is the feed's own.
    System { code: u8 },
    /// A trade was broken; price and shares where the message tells them (else `UNDEF_PRICE` and 0).
    Break { match_number: u64, price: i64, size: u32, code: u8 },
    /// Anything else that concerns consumers.
    Word(Word),
    /// Decoded, and of no concern to consumers of this feed (another market's halt).
    Other,
}

impl Event {
    /// The resting order that it is about, if it is about one.
    pub const fn resting_order(&self) -> Option<u64> {
        match *self {
            Self::Execute { order, .. }
            | Self::ExecuteAtPrice { order, .. }
            | Self::Cancel { order, .. }
            | Self::Delete { order }
            | Self::Replace { old: order, .. } => Some(order),
            _ => None,
        }
    }
}

/// An event, when and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The venue's time, ns since 1970 UTC.
    pub ts_event: u64,
    /// The venue's id of the instrument; 0 for the whole venue. Below [`Decoder::instrument_limit`].
    pub instrument_id: u32,
    /// The symbol, where the message carries one.
    pub symbol: Option<Symbol>,
    /// What happened.
    pub event: Event,
}

/// What a message will touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The venue's id of the instrument.
    pub instrument: u32,
    /// The order whose place must be found; `None`: no order. (One that takes its place is as new as an add: beside those that came last.)
    pub order: Option<u64>,
}

/// Whom a decoder hands its event to.
///
/// Handed on, not returned: so each kind of message becomes one straight piece of code from its bytes to the book. An event that is returned
/// has to be written to memory, read back, and told apart a second time.
pub trait Receiver {
    /// What comes of it.
    type Outcome;

    /// An event that moves a book of orders. Laid into the decoder once for each kind: to be `#[inline(always)]`.
    fn moving(self, decoded: &Decoded) -> Self::Outcome;

    /// Any other event, or the reason why there is none.
    fn other(self, decoded: Result<&Decoded, Drop>) -> Self::Outcome;
}

/// Turns messages of one feed into events. State is at most a table of symbols and the venue's midnight.
pub trait Decoder {
    /// Decodes one message (type byte first). Errors are the reason to count; the message is skipped.
    fn decode(&mut self, message: &[u8]) -> Result<Decoded, Drop>;

    /// Decodes one message and hands it on. [`Decoder::decode`] is for who wants to have it.
    #[inline(always)]
    fn decode_to<R: Receiver>(&mut self, message: &[u8], receiver: R) -> R::Outcome {
        receiver.other(self.decode(message).as_ref().map_err(|&reason| reason))
    }

    /// Which instrument and order the message will touch, if any: a cheap guess, to have their memory on the way before the message
    /// is decoded. Nothing may depend on it.
    #[inline]
    fn will_touch(&self, message: &[u8]) -> Option<Touch> {
        let _ = message;
        None
    }

    /// Whether messages of this type change what rests: one that can't be read is a message lost.
    fn moves_books(kind: u8) -> bool;

    /// One more than the largest instrument id that can come out.
    fn instrument_limit(&self) -> u32;

    /// Forgets what belongs to the session that ended.
    fn new_session(&mut self);

    /// The venue's day began at `midnight_ns` (ns since 1970 UTC). Of no concern to feeds whose times are UTC already.
    fn set_midnight(&mut self, midnight_ns: u64);
}

/// A feed: a session layer and the decoder of its messages.
pub trait Protocol {
    /// The framing.
    type Session: SessionLayer;
    /// The meaning.
    type Decoder: Decoder;
}

//! TotalView-ITCH 5.0 into events, for Nasdaq, BX and PSX.
//!
//! Orders and trades are read here, all else in `notices`.
//! The instrument's id is the stock locate of the day. Times are the venue's midnight plus the message's nanoseconds.
//! A message that concerns one instrument but names none (locate 0) is refused: id 0 stands for the whole venue.

mod notices;

use super::field::{price4, side, symbol};
use super::moldudp64::MoldUdp64;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::{Decoded, Decoder, Event, Official, Protocol, Receiver, Shares, Symbol, Touch};
use crate::record::UNDEF_PRICE;
use crate::stats::Drop;
use crate::wire::itch50::{
    AddOrder, AddOrderMpid, Head, Message, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice, OrderReplace,
};

/// TotalView-ITCH 5.0 over MoldUDP64.
#[derive(Clone, Copy, Debug)]
pub struct Itch;

impl Protocol for Itch {
    type Session = MoldUdp64;
    type Decoder = ItchDecoder;
}

/// Whose feed it is, in the letters of the operational halt message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Market {
    /// Nasdaq.
    Nasdaq = b'Q',
    /// BX, now Nasdaq Texas.
    Bx = b'B',
    /// PSX.
    Psx = b'X',
}

/// Decodes the messages of one venue's day.
#[derive(Clone, Copy, Debug)]
pub struct ItchDecoder {
    market: Market,
    midnight_ns: u64,
}

impl ItchDecoder {
    /// For `market`, on the day that began at `midnight_ns` (ns since 1970 UTC; see [`VenueDate::midnight_ns`](super::venue_time::VenueDate::midnight_ns)).
    pub const fn new(market: Market, midnight_ns: u64) -> Self {
        Self { market, midnight_ns }
    }

    /// An event of one instrument.
    #[inline(always)]
    fn of_instrument(&self, head: &Head, symbol: Option<Symbol>, event: Event) -> Result<Decoded, Drop> {
        if head.stock_locate.get() == 0 {
            return Err(Drop::UnknownInstrument);
        }
        Ok(Decoded { ts_event: self.ts_event(head), instrument_id: u32::from(head.stock_locate.get()), symbol, event })
    }

    /// An event of the whole venue, whatever its locate says.
    fn of_venue(&self, head: &Head, event: Event) -> Decoded {
        Decoded { ts_event: self.ts_event(head), instrument_id: 0, symbol: None, event }
    }

    /// Cannot overflow before the year 2554; 48 bits of ns are 78 hours.
    #[inline(always)]
    fn ts_event(&self, head: &Head) -> u64 {
        self.midnight_ns.saturating_add(head.timestamp.get())
    }
}

/// The messages that move orders: one straight piece of code each.
impl ItchDecoder {
    #[inline(always)]
    fn add(&self, message: &[u8]) -> Result<Decoded, Drop> {
        let m: &AddOrder = layout(message)?;
        let (order, size, price) = (m.order_reference_number.get(), m.shares.get(), price4(m.price.get()));
        let side = side(m.buy_sell_indicator)?;
        self.of_instrument(&m.head, Some(symbol(m.stock)?), Event::Add { order, side, price, size, attribution: None })
    }

    #[inline(always)]
    fn add_mpid(&self, message: &[u8]) -> Result<Decoded, Drop> {
        let m: &AddOrderMpid = layout(message)?;
        let (order, size, price) = (m.order_reference_number.get(), m.shares.get(), price4(m.price.get()));
        let side = side(m.buy_sell_indicator)?;
        self.of_instrument(&m.head, Some(symbol(m.stock)?), Event::Add { order, side, price, size, attribution: Some(m.attribution) })
    }

    #[inline(always)]
    fn delete(&self, message: &[u8]) -> Result<Decoded, Drop> {
        let m: &OrderDelete = layout(message)?;
        self.of_instrument(&m.head, None, Event::Delete { order: m.order_reference_number.get() })
    }

    #[inline(always)]
    fn replace(&self, message: &[u8]) -> Result<Decoded, Drop> {
        let m: &OrderReplace = layout(message)?;
        let (old, new) = (m.original_order_reference_number.get(), m.new_order_reference_number.get());
        self.of_instrument(&m.head, None, Event::Replace { old, new, price: price4(m.price.get()), size: m.shares.get() })
    }

    #[inline(always)]
    fn execute(&self, message: &[u8]) -> Result<Decoded, Drop> {
        let m: &OrderExecuted = layout(message)?;
        let (order, size, match_number) = (m.order_reference_number.get(), m.executed_shares.get(), m.match_number.get());
        self.of_instrument(&m.head, None, Event::Execute { order, size, match_number })
    }

    #[inline(always)]
    fn execute_with_price(&self, message: &[u8]) -> Result<Decoded, Drop> {
        let m: &OrderExecutedWithPrice = layout(message)?;
        let (order, size, match_number) = (m.order_reference_number.get(), m.executed_shares.get(), m.match_number.get());
        let price = price4(m.execution_price.get());
        let printable = match m.printable {
            b'Y' => true,
            b'N' => false,
            _ => return Err(Drop::BadValue),
        };
        self.of_instrument(&m.head, None, Event::ExecuteAtPrice { order, size, price, match_number, printable })
    }

    #[inline(always)]
    fn cancel(&self, message: &[u8]) -> Result<Decoded, Drop> {
        let m: &OrderCancel = layout(message)?;
        self.of_instrument(&m.head, None, Event::Cancel { order: m.order_reference_number.get(), size: m.canceled_shares.get() })
    }

    /// Trades without an order, and all that `notices` reads.
    #[inline(never)]
    fn rest(&self, message: &[u8]) -> Result<Decoded, Drop> {
        match Message::parse(message)? {
            Message::Trade(m) => {
                let (price, match_number) = (price4(m.price.get()), m.match_number.get());
                let shares = Shares { size: m.shares.get(), saturated: false };
                let event = Event::Trade { price, shares, match_number, code: 0, official: None };
                self.of_instrument(&m.head, Some(symbol(m.stock)?), event)
            }
            Message::CrossTrade(m) => {
                let (price, match_number) = (price4(m.cross_price.get()), m.match_number.get());
                // Of a halted stock, an extended close, or a kind to come: neither the day's opening nor its close.
                let official = Some(match m.cross_type {
                    b'O' => Official::Opening,
                    b'C' => Official::Closing,
                    _ => Official::Uncrossing,
                });
                let event = Event::Trade { price, shares: shares(m.cross_shares.get()), match_number, code: m.cross_type, official };
                self.of_instrument(&m.head, Some(symbol(m.stock)?), event)
            }
            Message::BrokenTrade(m) => self.of_instrument(
                &m.head,
                None,
                Event::Break { match_number: m.match_number.get(), price: UNDEF_PRICE, size: 0, code: b' ' },
            ),
            other => self.notice(&other),
        }
    }
}

/// The message in place; what newer versions add behind it is ignored.
#[inline(always)]
fn layout<T: FromBytes + KnownLayout + Immutable + Unaligned>(message: &[u8]) -> Result<&T, Drop> {
    T::ref_from_prefix(message).map(|(message, _newer_fields)| message).map_err(|_| Drop::WrongLength)
}

#[inline(always)]
fn hand<R: Receiver>(decoded: Result<Decoded, Drop>, receiver: R) -> R::Outcome {
    match &decoded {
        Ok(decoded) => receiver.moving(decoded),
        Err(reason) => receiver.other(Err(*reason)),
    }
}

/// Gives the event back to who asked for it.
struct Returned;

impl Receiver for Returned {
    type Outcome = Result<Decoded, Drop>;

    #[inline(always)]
    fn moving(self, decoded: &Decoded) -> Self::Outcome {
        Ok(*decoded)
    }

    #[inline(always)]
    fn other(self, decoded: Result<&Decoded, Drop>) -> Self::Outcome {
        decoded.copied()
    }
}

impl Decoder for ItchDecoder {
    /// Every message that moves an order has its locate at 1 and the order's reference at 11.
    #[inline]
    fn will_touch(&self, message: &[u8]) -> Option<Touch> {
        let (head, _) = message.split_first_chunk::<19>()?;
        if !matches!(head[0], b'A' | b'F' | b'E' | b'C' | b'X' | b'D' | b'U') {
            return None;
        }
        let (locate, order) = (head.first_chunk::<3>()?, head.last_chunk::<8>()?);
        let instrument = u32::from(u16::from_be_bytes([locate[1], locate[2]]));
        Some(Touch { instrument, order: Some(u64::from_be_bytes(*order)) })
    }

    fn set_midnight(&mut self, midnight_ns: u64) {
        self.midnight_ns = midnight_ns;
    }

    #[inline]
    fn decode(&mut self, message: &[u8]) -> Result<Decoded, Drop> {
        self.decode_to(message, Returned)
    }

    #[inline(always)]
    fn decode_to<R: Receiver>(&mut self, message: &[u8], receiver: R) -> R::Outcome {
        match message.first() {
            Some(b'A') => hand(self.add(message), receiver),
            Some(b'F') => hand(self.add_mpid(message), receiver),
            Some(b'D') => hand(self.delete(message), receiver),
            Some(b'U') => hand(self.replace(message), receiver),
            Some(b'E') => hand(self.execute(message), receiver),
            Some(b'C') => hand(self.execute_with_price(message), receiver),
            Some(b'X') => hand(self.cancel(message), receiver),
            _ => receiver.other(self.rest(message).as_ref().map_err(|&reason| reason)),
        }
    }

    fn moves_books(kind: u8) -> bool {
        matches!(kind, b'A' | b'F' | b'E' | b'C' | b'X' | b'D' | b'U')
    }

    fn instrument_limit(&self) -> u32 {
        1 << u16::BITS
    }

    fn new_session(&mut self) {}
}

/// Shares that the wire tells in 64 bits.
fn shares(wide: u64) -> Shares {
    u32::try_from(wide).map_or(Shares { size: u32::MAX, saturated: true }, |size| Shares { size, saturated: false })
}

//! TotalView-ITCH 5.0 messages as bytes: every type of the specification, big-endian, prices in ten-thousandths of a dollar.
//!
//! Written from the specification's offsets and nothing else: the handler's own layouts are not used here, so that one can
//! prove the other wrong.

use super::listing::Symbol;
use super::orders::Side;

/// The longest message (type I).
pub(super) const LONGEST: usize = 50;

/// What every message begins with, behind the type.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub locate: u16,
    pub tracking: u16,
    /// Nanoseconds since midnight, US Eastern; 48 bits go out.
    pub timestamp: u64,
}

/// One message in the words of the specification. Prices in 1e-4 dollars unless a name says otherwise.
#[derive(Clone, Copy)]
pub(super) enum Message {
    SystemEvent {
        code: u8,
    },
    /// `again`: told before, and changed since; that is not on the wire.
    Directory {
        symbol: Symbol,
        listing: Listed,
        again: bool,
    },
    TradingAction {
        symbol: Symbol,
        state: u8,
        reason: [u8; 4],
    },
    RegSho {
        symbol: Symbol,
        action: u8,
    },
    Participant {
        symbol: Symbol,
        mpid: [u8; 4],
        primary: u8,
        mode: u8,
        state: u8,
    },
    DeclineLevels {
        levels_e8: [u64; 3],
    },
    DeclineStatus {
        level: u8,
    },
    IpoQuoting {
        symbol: Symbol,
        release_s: u32,
        qualifier: u8,
        price: u32,
    },
    Collar {
        symbol: Symbol,
        reference: u32,
        upper: u32,
        lower: u32,
        extension: u32,
    },
    OperationalHalt {
        symbol: Symbol,
        market: u8,
        action: u8,
    },
    Add {
        symbol: Symbol,
        reference: u64,
        side: Side,
        shares: u32,
        price: u32,
        attribution: Option<[u8; 4]>,
    },
    Execute {
        reference: u64,
        shares: u32,
        match_number: u64,
    },
    ExecuteAtPrice {
        reference: u64,
        shares: u32,
        match_number: u64,
        printable: bool,
        price: u32,
    },
    Cancel {
        reference: u64,
        shares: u32,
    },
    Delete {
        reference: u64,
    },
    Replace {
        old: u64,
        new: u64,
        shares: u32,
        price: u32,
    },
    Trade {
        symbol: Symbol,
        shares: u32,
        price: u32,
        match_number: u64,
    },
    Cross {
        symbol: Symbol,
        shares: u64,
        price: u32,
        match_number: u64,
        kind: u8,
    },
    BrokenTrade {
        match_number: u64,
    },
    Imbalance {
        symbol: Symbol,
        paired: u64,
        imbalance: u64,
        direction: u8,
        prices: [u32; 3],
        kind: u8,
        variation: u8,
    },
    RetailInterest {
        symbol: Symbol,
        interest: u8,
    },
    PriceDiscovery {
        symbol: Symbol,
        eligible: u8,
        range: [u32; 2],
        near_price: u32,
        near_time: u64,
        collars: [u32; 2],
    },
}

/// The directory's fields that differ from symbol to symbol; the rest is written as for any ordinary stock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub category: u8,
    pub financial: u8,
    pub round_lot: u32,
    pub classification: u8,
    pub sub_type: [u8; 2],
    pub restricted: u8,
    pub ipo: u8,
    pub tier: u8,
    pub etp: u8,
}

/// Writes a message, type first, and returns its length.
pub(super) fn encode(head: Head, message: &Message, buffer: &mut [u8; LONGEST]) -> usize {
    let mut out = Cursor { buffer, at: 0 };
    match *message {
        Message::SystemEvent { code } => {
            out.begin(b'S', head);
            out.byte(code);
        }
        Message::Directory { symbol, listing, again: _ } => {
            out.begin(b'R', head);
            out.bytes(&symbol);
            out.bytes(&[listing.category, listing.financial]);
            out.u32(listing.round_lot);
            out.bytes(&[b'N', listing.classification]);
            out.bytes(&listing.sub_type);
            out.bytes(&[b'P', listing.restricted, listing.ipo, listing.tier, listing.etp]);
            out.u32(0);
            out.byte(b'N');
        }
        Message::TradingAction { symbol, state, reason } => {
            out.begin(b'H', head);
            out.bytes(&symbol);
            out.bytes(&[state, b' ']);
            out.bytes(&reason);
        }
        Message::RegSho { symbol, action } => {
            out.begin(b'Y', head);
            out.bytes(&symbol);
            out.byte(action);
        }
        Message::Participant { symbol, mpid, primary, mode, state } => {
            out.begin(b'L', head);
            out.bytes(&mpid);
            out.bytes(&symbol);
            out.bytes(&[primary, mode, state]);
        }
        Message::DeclineLevels { levels_e8 } => {
            out.begin(b'V', head);
            levels_e8.iter().for_each(|&level| out.u64(level));
        }
        Message::DeclineStatus { level } => {
            out.begin(b'W', head);
            out.byte(level);
        }
        Message::IpoQuoting { symbol, release_s, qualifier, price } => {
            out.begin(b'K', head);
            out.bytes(&symbol);
            out.u32(release_s);
            out.byte(qualifier);
            out.u32(price);
        }
        Message::Collar { symbol, reference, upper, lower, extension } => {
            out.begin(b'J', head);
            out.bytes(&symbol);
            [reference, upper, lower, extension].iter().for_each(|&field| out.u32(field));
        }
        Message::OperationalHalt { symbol, market, action } => {
            out.begin(b'h', head);
            out.bytes(&symbol);
            out.bytes(&[market, action]);
        }
        Message::Add { symbol, reference, side, shares, price, attribution } => {
            out.begin(if attribution.is_some() { b'F' } else { b'A' }, head);
            out.u64(reference);
            out.byte(side.letter());
            out.u32(shares);
            out.bytes(&symbol);
            out.u32(price);
            if let Some(mpid) = attribution {
                out.bytes(&mpid);
            }
        }
        Message::Execute { reference, shares, match_number } => {
            out.begin(b'E', head);
            out.u64(reference);
            out.u32(shares);
            out.u64(match_number);
        }
        Message::ExecuteAtPrice { reference, shares, match_number, printable, price } => {
            out.begin(b'C', head);
            out.u64(reference);
            out.u32(shares);
            out.u64(match_number);
            out.byte(if printable { b'Y' } else { b'N' });
            out.u32(price);
        }
        Message::Cancel { reference, shares } => {
            out.begin(b'X', head);
            out.u64(reference);
            out.u32(shares);
        }
        Message::Delete { reference } => {
            out.begin(b'D', head);
            out.u64(reference);
        }
        Message::Replace { old, new, shares, price } => {
            out.begin(b'U', head);
            out.u64(old);
            out.u64(new);
            out.u32(shares);
            out.u32(price);
        }
        Message::Trade { symbol, shares, price, match_number } => {
            out.begin(b'P', head);
            // Nasdaq has written reference 0 and side B for every hidden order since 2014.
            out.u64(0);
            out.byte(b'B');
            out.u32(shares);
            out.bytes(&symbol);
            out.u32(price);
            out.u64(match_number);
        }
        Message::Cross { symbol, shares, price, match_number, kind } => {
            out.begin(b'Q', head);
            out.u64(shares);
            out.bytes(&symbol);
            out.u32(price);
            out.u64(match_number);
            out.byte(kind);
        }
        Message::BrokenTrade { match_number } => {
            out.begin(b'B', head);
            out.u64(match_number);
        }
        Message::Imbalance { symbol, paired, imbalance, direction, prices, kind, variation } => {
            out.begin(b'I', head);
            out.u64(paired);
            out.u64(imbalance);
            out.byte(direction);
            out.bytes(&symbol);
            prices.iter().for_each(|&price| out.u32(price));
            out.bytes(&[kind, variation]);
        }
        Message::RetailInterest { symbol, interest } => {
            out.begin(b'N', head);
            out.bytes(&symbol);
            out.byte(interest);
        }
        Message::PriceDiscovery { symbol, eligible, range, near_price, near_time, collars } => {
            out.begin(b'O', head);
            out.bytes(&symbol);
            out.byte(eligible);
            range.iter().for_each(|&price| out.u32(price));
            out.u32(near_price);
            out.u64(near_time);
            collars.iter().for_each(|&price| out.u32(price));
        }
    }
    out.at
}

/// Fields one after the other; a message of the table above always fits.
struct Cursor<'a> {
    buffer: &'a mut [u8; LONGEST],
    at: usize,
}

impl Cursor<'_> {
    fn begin(&mut self, kind: u8, head: Head) {
        self.byte(kind);
        self.bytes(&head.locate.to_be_bytes());
        self.bytes(&head.tracking.to_be_bytes());
        self.bytes(&head.timestamp.to_be_bytes()[2..]);
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }
}

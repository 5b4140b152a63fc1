//! Definitions from directory messages: which letter of a venue goes into which of DBN's fields. The table is in docs/records.md.

use super::Composer;
use super::build::Stamp;
use super::profiles::Told;
use crate::feed::{Directory, Symbol};
use crate::record::{Definition, Header, Row, Schema, Sink};

/// Bits of [`Definition::inst_attrib_value`]: what the venues tell and DBN has no field for.
pub mod attribute {
    /// A test issue.
    pub const TEST: u32 = 1;
    /// Orders must be of whole round lots.
    pub const ROUND_LOTS_ONLY: u32 = 1 << 1;
    /// An exchange-traded product.
    pub const ETP: u32 = 1 << 2;
    /// One that moves against its index.
    pub const INVERSE: u32 = 1 << 3;
    /// On the threshold list of short sales (SEC rule 203).
    pub const SHORT_SALE_THRESHOLD: u32 = 1 << 4;
    /// Set up for the release of an IPO.
    pub const IPO: u32 = 1 << 5;
    /// Newly listed without an IPO.
    pub const NEW_LISTING: u32 = 1 << 6;
    /// Limit-up limit-down tier, two bits from here: 1, 2, or 0 for not told.
    pub const LULD_TIER: u32 = 8;
    /// The letter of the financial status, eight bits from here; 0: not told.
    pub const FINANCIAL_STATUS: u32 = 16;
    /// Leverage of an exchange-traded product, seven bits from here; 127: that or more.
    pub const LEVERAGE: u32 = 24;
}

/// Prices are told in dollars: nothing to multiply them by.
const DISPLAY_FACTOR: i64 = 1_000_000_000;

impl Composer {
    /// A definition, unless it is the one that was told last.
    #[cold]
    pub(super) fn directory<S: Sink>(&mut self, stamp: &Stamp, symbol: Symbol, told: Directory, sink: &mut S) {
        self.roster.set_round_lot(stamp.instrument_id, told.round_lot);
        let update = match self.profiles.tell(stamp.instrument_id, told) {
            Told::First => b'A',
            Told::Otherwise => {
                self.definitions_changed += 1;
                b'M'
            }
            Told::Again => return,
        };
        self.definition(stamp, symbol, &told, update, sink);
    }

    pub(super) fn definition<S: Sink>(&self, stamp: &Stamp, symbol: Symbol, told: &Directory, update: u8, sink: &mut S) {
        let Some(row) = stamp.row(Schema::Definition, sink) else { return };
        self.publish_definition(stamp, row, symbol, told, update, sink);
    }

    fn publish_definition<S: Sink>(&self, stamp: &Stamp, row: Row, symbol: Symbol, told: &Directory, update: u8, sink: &mut S) {
        let round_lot = i32::try_from(told.round_lot).ok().filter(|&lot| lot > 0).unwrap_or(i32::MAX);
        let record = Definition {
            hd: Header::of::<Definition>(self.config.publisher_id, stamp.instrument_id, stamp.ts_event),
            ts_recv: stamp.ts_recv,
            display_factor: DISPLAY_FACTOR,
            // Where the venue numbers them; else the number is ours.
            raw_instrument_id: if self.config.feed.itch_market().is_some() { u64::from(stamp.instrument_id) } else { 0 },
            inst_attrib_value: attributes(told),
            min_lot_size: match told.round_lots_only {
                b'Y' => round_lot,
                b'N' => 1,
                _ => i32::MAX,
            },
            min_lot_size_round_lot: round_lot,
            channel_id: self.config.channel,
            currency: *b"USD\0",
            secsubtype: text(&told.issue_sub_type),
            raw_symbol: text(&symbol),
            group: text(&[told.market_category]),
            exchange: text(&self.config.feed.mic()),
            cfi: text(cfi(told)),
            security_type: text(&[told.issue_classification]),
            instrument_class: if matches!(told.issue_classification, b'B' | b'T') { b'B' } else { b'K' },
            security_update_action: update,
            ..Definition::UNDEFINED
        };
        sink.publish(row, &record);
    }
}

/// See [`attribute`]. Bit 31 is never set, and not all of the others are: it cannot be DBN's undefined value.
fn attributes(told: &Directory) -> i32 {
    let flags = [
        (told.authenticity == b'T', attribute::TEST),
        (told.round_lots_only == b'Y', attribute::ROUND_LOTS_ONLY),
        (told.etp == b'Y', attribute::ETP),
        (told.inverse == b'Y', attribute::INVERSE),
        (told.short_sale_threshold == b'Y', attribute::SHORT_SALE_THRESHOLD),
        (told.ipo == b'Y', attribute::IPO),
        (told.ipo == b'Z', attribute::NEW_LISTING),
    ];
    let mut bits = flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |bits, (_, bit)| bits | bit);
    // ITCH writes a digit, IEX a number.
    bits |= match told.luld_tier {
        b'1' | 1 => 1,
        b'2' | 2 => 2,
        _ => 0_u32,
    } << attribute::LULD_TIER;
    if told.financial_status.is_ascii_graphic() {
        bits |= u32::from(told.financial_status) << attribute::FINANCIAL_STATUS;
    }
    bits |= told.leverage.min(127) << attribute::LEVERAGE;
    bits as i32
}

/// The instrument's category and group by ISO 10962 where the directory's letters say it; else nothing. `X` is the standard's letter for an
/// attribute that is not told.
const fn cfi(told: &Directory) -> &'static [u8] {
    match (told.etp, told.issue_classification, told.issue_sub_type) {
        // Funds; notes that are traded like funds, trusts and other products are several groups.
        (b'Y', _, [b'E', b' '] | [b'I', b' '] | [b'E', b'M'] | [b'M', b'F']) => b"CEXXXX",
        (b'Y', ..) => b"",
        (_, b'C' | b'O', _) => b"ESXXXX",
        (_, b'P', _) => b"EPXXXX",
        (_, b'A' | b'F', _) => b"EDXXXX",
        (_, b'L', _) => b"ELXXXX",
        (_, b'B', _) => b"DBXXXX",
        (_, b'T', _) => b"DCXXXX",
        (_, b'W', _) => b"RWXXXX",
        _ => b"",
    }
}

/// Text of DBN's: ended by a zero, and so one byte shorter than its field. Letters that are none end it too, because DBN's readers
/// refuse a record whose text cannot be read.
fn text<const N: usize>(letters: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    let shown = letters.iter().take(N.saturating_sub(1)).take_while(|letter| letter.is_ascii_graphic());
    for (to, &from) in text.iter_mut().zip(shown) {
        *to = from;
    }
    text
}

//! The columns of every schema, in the order in which the official library shows them.
//!
//! Offsets come from the record structs, widths from the fields' own types: a table cannot disagree with its record.
//! DBN's sampled and consolidated schemas (`bbo-…`, `cbbo-…`, `cmbp-1`, `tcbbo`) have the layout of `mbp-1` with fewer fields told.

use std::mem::offset_of;

use super::columns::{Column, Kind, Table};
use crate::record::{BidAsk, Definition, Imbalance, Mbo, Mbp1, Mbp10, Ohlcv1S, Schema, Statistics, Status, Trade, Venue};

/// All names, ours and DBN's.
pub(super) const NAMES: [&str; 21] = [
    "mbo",
    "mbp-1",
    "mbp-10",
    "trades",
    "tbbo",
    "bbo-1s",
    "bbo-1m",
    "cmbp-1",
    "cbbo-1s",
    "cbbo-1m",
    "tcbbo",
    "ohlcv-1s",
    "ohlcv-1m",
    "ohlcv-1h",
    "ohlcv-1d",
    "ohlcv-eod",
    "definition",
    "statistics",
    "status",
    "imbalance",
    "venue",
];

/// A field's own type says how it is read, unless it means more than a number.
trait Stored {
    const KIND: Kind;
}

macro_rules! stored {
    ($($integer:ty = $kind:ident),*) => { $(impl Stored for $integer { const KIND: Kind = Kind::$kind; })* };
}
stored!(u8 = U8, u16 = U16, u32 = U32, u64 = U64, i8 = I8, i16 = I16, i32 = I32, i64 = I64);

impl<const N: usize> Stored for [u8; N] {
    const KIND: Kind = Kind::Text(N);
}

/// The kind that the type of a field says.
const fn kind_of<R, F: Stored>(_: fn(&R) -> &F) -> Kind {
    F::KIND
}

fn column(name: &'static str, kind: Kind, offset: usize, stored: Kind, largest_is_none: bool) -> Column {
    assert_eq!(kind.width(), stored.width(), "{name}: what a column means fits what is stored");
    Column { name: name.into(), kind, offset, largest_is_none }
}

/// Text whose end is padded with spaces.
fn padded(stored: Kind) -> Kind {
    Kind::Padded(stored.width())
}

/// `meaning field` for each column: `plain` and `text` as the type says, `padded` for text with spaces behind it, `opt` where the largest integer means none, else a [`Kind`].
macro_rules! columns {
    ($record:ident: $($meaning:ident $field:ident),* $(,)?) => { vec![$(
        column(stringify!($field), columns!(@kind $meaning $record $field), offset_of!($record, $field),
            kind_of(|record: &$record| &record.$field), columns!(@opt $meaning))
    ),*] };
    (@kind plain $record:ident $field:ident) => { kind_of(|record: &$record| &record.$field) };
    (@kind text $record:ident $field:ident) => { kind_of(|record: &$record| &record.$field) };
    (@kind padded $record:ident $field:ident) => { padded(kind_of(|record: &$record| &record.$field)) };
    (@kind opt $record:ident $field:ident) => { kind_of(|record: &$record| &record.$field) };
    (@kind price $record:ident $field:ident) => { Kind::Price };
    (@kind time $record:ident $field:ident) => { Kind::Time };
    (@kind letter $record:ident $field:ident) => { Kind::Letter };
    (@opt opt) => { true };
    (@opt $other:ident) => { false };
}

pub(super) fn table(name: &str) -> Option<Table> {
    use Schema as S;
    let venue: Vec<Column> = venue();
    let (name, schema, rtype, size, fields) = match name {
        "mbo" => ours(S::Mbo, mbo()),
        "mbp-1" => ours(S::Mbp1, [mbp1(), levels(offset_of!(Mbp1, levels), 1)].concat()),
        "mbp-10" => ours(S::Mbp10, [mbp10(), levels(offset_of!(Mbp10, levels), 10)].concat()),
        "trades" => ours(S::Trades, trades()),
        "definition" => ours(S::Definition, definition()),
        "statistics" => ours(S::Statistics, statistics()),
        "status" => ours(S::Status, status()),
        "imbalance" => ours(S::Imbalance, imbalance()),
        "ohlcv-1s" => ours(S::Ohlcv1S, bar()),
        "ohlcv-1m" => ours(S::Ohlcv1M, bar()),
        "ohlcv-1h" => ours(S::Ohlcv1H, bar()),
        "ohlcv-1d" => ours(S::Ohlcv1D, bar()),
        "venue" => ours(S::Venue, venue),
        "ohlcv-eod" => ("ohlcv-eod", None, 0x24, size_of::<Ohlcv1S>(), bar()),
        "tbbo" => like_mbp1("tbbo", 0x01, mbp1(), levels(offset_of!(Mbp1, levels), 1)),
        "bbo-1s" => like_mbp1("bbo-1s", 0xC3, without(mbp1(), &["action", "depth", "ts_in_delta"]), levels(offset_of!(Mbp1, levels), 1)),
        "bbo-1m" => like_mbp1("bbo-1m", 0xC4, without(mbp1(), &["action", "depth", "ts_in_delta"]), levels(offset_of!(Mbp1, levels), 1)),
        "cmbp-1" => like_mbp1("cmbp-1", 0xB1, without(mbp1(), &["depth", "sequence"]), consolidated()),
        "tcbbo" => like_mbp1("tcbbo", 0xC2, without(mbp1(), &["depth", "sequence"]), consolidated()),
        "cbbo-1s" => like_mbp1("cbbo-1s", 0xC0, without(mbp1(), &["action", "depth", "ts_in_delta", "sequence"]), consolidated()),
        "cbbo-1m" => like_mbp1("cbbo-1m", 0xC1, without(mbp1(), &["action", "depth", "ts_in_delta", "sequence"]), consolidated()),
        _ => return None,
    };
    let columns = begun(fields);
    Some(Table { name, rtype, size, columns, schema })
}

type Parts = (&'static str, Option<Schema>, u8, usize, Vec<Column>);

fn ours(schema: Schema, fields: Vec<Column>) -> Parts {
    (schema.name(), Some(schema), schema.rtype(), schema.record_size(), fields)
}

fn like_mbp1(name: &'static str, rtype: u8, fields: Vec<Column>, level: Vec<Column>) -> Parts {
    (name, None, rtype, size_of::<Mbp1>(), [fields, level].concat())
}

fn without(mut fields: Vec<Column>, names: &[&str]) -> Vec<Column> {
    fields.retain(|column| !names.contains(&&*column.name));
    fields
}

/// `ts_recv` where it is told, then the header, then the rest.
fn begun(fields: Vec<Column>) -> Vec<Column> {
    let (first, rest): (Vec<Column>, Vec<Column>) = fields.into_iter().partition(|column| column.name == "ts_recv");
    let header = |name: &'static str, kind, offset| Column { name: name.into(), kind, offset, largest_is_none: false };
    let header = [
        header("ts_event", Kind::Time, 8),
        header("rtype", Kind::U8, 1),
        header("publisher_id", Kind::U16, 2),
        header("instrument_id", Kind::U32, 4),
    ];
    first.into_iter().chain(header).chain(rest).collect()
}

/// Six columns for each level, the best first.
fn levels(at: usize, count: usize) -> Vec<Column> {
    let level = |number: usize| {
        let fields = columns!(BidAsk: price bid_px, price ask_px, plain bid_sz, plain ask_sz, plain bid_ct, plain ask_ct);
        numbered(fields, at + number * size_of::<BidAsk>(), number)
    };
    (0..count).flat_map(level).collect()
}

/// One level whose sides come from several venues: instead of how many orders, which publisher.
fn consolidated() -> Vec<Column> {
    let mut fields = columns!(BidAsk: price bid_px, price ask_px, plain bid_sz, plain ask_sz);
    for (name, offset) in [("bid_pb", offset_of!(BidAsk, bid_ct)), ("ask_pb", offset_of!(BidAsk, ask_ct))] {
        fields.push(Column { name: name.into(), kind: Kind::U16, offset, largest_is_none: false });
    }
    numbered(fields, offset_of!(Mbp1, levels), 0)
}

fn numbered(fields: Vec<Column>, at: usize, number: usize) -> Vec<Column> {
    let named = |column: Column| Column { name: format!("{}_{number:02}", column.name).into(), offset: column.offset + at, ..column };
    fields.into_iter().map(named).collect()
}

fn mbo() -> Vec<Column> {
    columns!(Mbo: time ts_recv, letter action, letter side, price price, plain size, plain channel_id, plain order_id, plain flags,
        plain ts_in_delta, plain sequence)
}

fn trades() -> Vec<Column> {
    columns!(Trade: time ts_recv, letter action, letter side, plain depth, price price, plain size, plain flags, plain ts_in_delta,
        plain sequence)
}

fn mbp1() -> Vec<Column> {
    columns!(Mbp1: time ts_recv, letter action, letter side, plain depth, price price, plain size, plain flags, plain ts_in_delta,
        plain sequence)
}

fn mbp10() -> Vec<Column> {
    columns!(Mbp10: time ts_recv, letter action, letter side, plain depth, price price, plain size, plain flags, plain ts_in_delta,
        plain sequence)
}

fn bar() -> Vec<Column> {
    columns!(Ohlcv1S: price open, price high, price low, price close, plain volume)
}

fn status() -> Vec<Column> {
    columns!(Status: time ts_recv, plain action, plain reason, plain trading_event, letter is_trading, letter is_quoting,
        letter is_short_sell_restricted)
}

fn statistics() -> Vec<Column> {
    columns!(Statistics: time ts_recv, time ts_ref, price price, opt quantity, plain sequence, plain ts_in_delta, plain stat_type,
        plain channel_id, plain update_action, plain stat_flags)
}

fn imbalance() -> Vec<Column> {
    columns!(Imbalance: time ts_recv, price ref_price, time auction_time, price cont_book_clr_price, price auct_interest_clr_price,
        price ssr_filling_price, price ind_match_price, price upper_collar, price lower_collar, opt paired_qty,
        opt total_imbalance_qty, opt market_imbalance_qty, opt unpaired_qty, letter auction_type, letter side, plain auction_status,
        plain freeze_status, plain num_extensions, letter unpaired_side, letter significant_imbalance)
}

fn definition() -> Vec<Column> {
    columns!(Definition: time ts_recv, text raw_symbol, letter security_update_action, letter instrument_class,
        price min_price_increment, price display_factor, time expiration, time activation, price high_limit_price,
        price low_limit_price, price max_price_variation, price unit_of_measure_qty, price min_price_increment_amount,
        price price_ratio, opt inst_attrib_value, plain underlying_id, plain raw_instrument_id, opt market_depth_implied,
        opt market_depth, opt market_segment_id, opt max_trade_vol, opt min_lot_size, opt min_lot_size_block,
        opt min_lot_size_round_lot, opt min_trade_vol, opt contract_multiplier, opt decay_quantity, opt original_contract_size,
        opt appl_id, opt maturity_year, opt decay_start_date, opt channel_id, text currency, text settl_currency, text secsubtype,
        text group, text exchange, text asset, text cfi, text security_type, text unit_of_measure, text underlying,
        text strike_price_currency, price strike_price, letter match_algorithm, opt main_fraction, opt price_display_format,
        opt sub_fraction, opt underlying_product, opt maturity_month, opt maturity_day, opt maturity_week,
        letter user_defined_instrument, opt contract_multiplier_unit, opt flow_schedule_type, opt tick_rule, plain leg_count,
        plain leg_index, plain leg_instrument_id, text leg_raw_symbol, letter leg_instrument_class, letter leg_side, price leg_price,
        price leg_delta, plain leg_ratio_price_numerator, plain leg_ratio_price_denominator, plain leg_ratio_qty_numerator,
        plain leg_ratio_qty_denominator, plain leg_underlying_id)
}

/// Ours: no official order. Prices, codes and text mean what the kind says (docs/records.md).
fn venue() -> Vec<Column> {
    let told = columns!(Venue: time ts_recv, plain kind, plain reference);
    let price = |n: usize| Column {
        name: format!("price_{n:02}").into(),
        kind: Kind::Price,
        offset: offset_of!(Venue, prices) + 8 * n,
        largest_is_none: false,
    };
    let prices: Vec<Column> = (0..5).map(price).collect();
    [told, prices, columns!(Venue: time time_ns, plain size, plain sequence, padded codes, padded text)].concat()
}

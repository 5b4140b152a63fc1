//! Where the fields of every record are, as the Rust compiler has put them: what the package's dtypes are tested against.

use std::mem::offset_of;

use pyo3::prelude::*;
use tickwire::record::{
    BidAsk, Control, Definition, Header, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Schema, Signal,
    Statistics, Status, Trade, Venue, Vwap,
};

use crate::error::schema_named;

/// Name, offset, bytes, and numpy's letter: `i` signed, `u` unsigned, `S` bytes.
type Field = (String, usize, usize, char);

/// Something that a record is made of.
trait Part {
    fn tell(name: &str, at: usize, to: &mut Vec<Field>);
}

macro_rules! numbers {
    ($($number:ty = $letter:literal),*) => { $(
        impl Part for $number {
            fn tell(name: &str, at: usize, to: &mut Vec<Field>) {
                to.push((name.to_owned(), at, size_of::<Self>(), $letter));
            }
        }
    )* };
}
numbers!(u8 = 'u', u16 = 'u', u32 = 'u', u64 = 'u', i8 = 'i', i16 = 'i', i32 = 'i', i64 = 'i', [i64; 5] = 'i');

impl<const N: usize> Part for [u8; N] {
    fn tell(name: &str, at: usize, to: &mut Vec<Field>) {
        to.push((name.to_owned(), at, N, 'S'));
    }
}

impl<const N: usize> Part for [BidAsk; N] {
    fn tell(_: &str, at: usize, to: &mut Vec<Field>) {
        for level in 0..N {
            let mut fields = Vec::new();
            BidAsk::tell("", at + level * size_of::<BidAsk>(), &mut fields);
            to.extend(fields.into_iter().map(|(name, at, size, letter)| (format!("{name}_{level:02}"), at, size, letter)));
        }
    }
}

/// The part that a field is, by the type of a function that leads to it.
fn tell<R, P: Part>(_: fn(&R) -> &P, name: &str, at: usize, to: &mut Vec<Field>) {
    let name = match name {
        // DBN's name for what means nothing.
        "reserved" => "_reserved",
        // In a flat dtype the header's is the record's own.
        "rtype" if at > offset_of!(Header, rtype) => "position_rtype",
        _ => name,
    };
    P::tell(name, at, to);
}

macro_rules! parts {
    ($($record:ident { $($field:ident)* })*) => { $(
        impl Part for $record {
            fn tell(_: &str, at: usize, to: &mut Vec<Field>) {
                $( tell(|record: &$record| &record.$field, stringify!($field), at + offset_of!($record, $field), to); )*
            }
        }
    )* };
}
parts! {
    Header { length rtype publisher_id instrument_id ts_event }
    BidAsk { bid_px ask_px bid_sz ask_sz bid_ct ask_ct }
    Mbo { hd order_id price size flags channel_id action side ts_recv ts_in_delta sequence }
    Trade { hd price size action side flags depth ts_recv ts_in_delta sequence }
    Mbp1 { hd price size action side flags depth ts_recv ts_in_delta sequence levels }
    Mbp10 { hd price size action side flags depth ts_recv ts_in_delta sequence levels }
    Status { hd ts_recv action reason trading_event is_trading is_quoting is_short_sell_restricted reserved }
    Imbalance {
        hd ts_recv ref_price auction_time cont_book_clr_price auct_interest_clr_price ssr_filling_price ind_match_price upper_collar lower_collar
        paired_qty total_imbalance_qty market_imbalance_qty unpaired_qty auction_type side auction_status freeze_status num_extensions
        unpaired_side significant_imbalance reserved
    }
    Statistics { hd ts_recv ts_ref price quantity sequence ts_in_delta stat_type channel_id update_action stat_flags reserved }
    Definition {
        hd ts_recv min_price_increment display_factor expiration activation high_limit_price low_limit_price max_price_variation
        unit_of_measure_qty min_price_increment_amount price_ratio strike_price raw_instrument_id leg_price leg_delta inst_attrib_value
        underlying_id market_depth_implied market_depth market_segment_id max_trade_vol min_lot_size min_lot_size_block min_lot_size_round_lot
        min_trade_vol contract_multiplier decay_quantity original_contract_size leg_instrument_id leg_ratio_price_numerator
        leg_ratio_price_denominator leg_ratio_qty_numerator leg_ratio_qty_denominator leg_underlying_id appl_id maturity_year decay_start_date
        channel_id leg_count leg_index currency settl_currency secsubtype raw_symbol group exchange asset cfi security_type unit_of_measure
        underlying strike_price_currency leg_raw_symbol instrument_class match_algorithm main_fraction price_display_format sub_fraction
        underlying_product security_update_action maturity_month maturity_day maturity_week user_defined_instrument contract_multiplier_unit
        flow_schedule_type tick_rule leg_instrument_class leg_side reserved
    }
    Venue { hd ts_recv reference prices time_ns size sequence kind codes text }
    Ohlcv1S { hd open high low close volume }
    Ohlcv1M { hd open high low close volume }
    Ohlcv1H { hd open high low close volume }
    Ohlcv1D { hd open high low close volume }
    Vwap { hd vwap volume notional_low notional_high window_ns trades flags window reserved }
    Signal { hd ts_recv microprice spread size_imbalance flow_imbalance bought sold sequence levels flags crossing reserved }
    Latency {
        hd ts_recv ts_publish sequence position receive_ns arbitrate_ns decode_ns book_ns publish_ns channel messages rtype line stamped
        reserved
    }
    Control { hd ts_recv first_sequence last_sequence channel cause reserved }
}

/// The fields of a schema's record, or of the control record (`control`).
#[pyfunction]
fn layout(schema: &str) -> PyResult<Vec<Field>> {
    let mut fields = Vec::new();
    if schema == "control" {
        Control::tell("", 0, &mut fields);
    } else {
        crate::schema::of_schema!(schema_named(schema)?, R => R::tell("", 0, &mut fields));
    }
    Ok(fields)
}

/// Bytes of a schema's record.
#[pyfunction]
fn record_size(schema: &str) -> PyResult<usize> {
    if schema == "control" { Ok(size_of::<Control>()) } else { Ok(schema_named(schema)?.record_size()) }
}

/// Names of all schemas.
#[pyfunction]
fn schemas() -> Vec<&'static str> {
    Schema::ALL.into_iter().map(Schema::name).collect()
}

/// Puts the functions into the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(layout, module)?)?;
    module.add_function(wrap_pyfunction!(record_size, module)?)?;
    module.add_function(wrap_pyfunction!(schemas, module)?)
}

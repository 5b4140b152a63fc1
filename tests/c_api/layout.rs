//! The records' layouts as Rust has them: the static assertions at the end of `include/tickwire.h` are made from these.

use std::mem::offset_of;

use tickwire::record::{
    BidAsk, Control, Definition, Header, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1S, Signal, Statistics, Status, Trade, Venue, Vwap,
};

/// A record: its name in C, its size, and its fields with their offsets.
pub type Layout = (&'static str, usize, Vec<(&'static str, usize)>);

macro_rules! layouts {
    ($($c:literal = $record:ty { $($field:ident),* $(,)? })*) => {
        pub fn layouts() -> Vec<Layout> {
            vec![$(($c, size_of::<$record>(), vec![$((stringify!($field), offset_of!($record, $field))),*])),*]
        }
    };
}

layouts! {
    "tickwire_header" = Header { length, rtype, publisher_id, instrument_id, ts_event }
    "tickwire_bid_ask" = BidAsk { bid_px, ask_px, bid_sz, ask_sz, bid_ct, ask_ct }
    "tickwire_mbo" = Mbo { hd, order_id, price, size, flags, channel_id, action, side, ts_recv, ts_in_delta, sequence }
    "tickwire_mbp1" = Mbp1 { hd, price, size, action, side, flags, depth, ts_recv, ts_in_delta, sequence, levels }
    "tickwire_mbp10" = Mbp10 { hd, price, size, action, side, flags, depth, ts_recv, ts_in_delta, sequence, levels }
    "tickwire_trade" = Trade { hd, price, size, action, side, flags, depth, ts_recv, ts_in_delta, sequence }
    "tickwire_status" = Status {
        hd, ts_recv, action, reason, trading_event, is_trading, is_quoting, is_short_sell_restricted, reserved,
    }
    "tickwire_imbalance" = Imbalance {
        hd, ts_recv, ref_price, auction_time, cont_book_clr_price, auct_interest_clr_price, ssr_filling_price, ind_match_price,
        upper_collar, lower_collar, paired_qty, total_imbalance_qty, market_imbalance_qty, unpaired_qty, auction_type, side,
        auction_status, freeze_status, num_extensions, unpaired_side, significant_imbalance, reserved,
    }
    "tickwire_statistics" = Statistics {
        hd, ts_recv, ts_ref, price, quantity, sequence, ts_in_delta, stat_type, channel_id, update_action, stat_flags, reserved,
    }
    "tickwire_definition" = Definition {
        hd, ts_recv, min_price_increment, display_factor, expiration, activation, high_limit_price, low_limit_price,
        max_price_variation, unit_of_measure_qty, min_price_increment_amount, price_ratio, strike_price, raw_instrument_id,
        leg_price, leg_delta, inst_attrib_value, underlying_id, market_depth_implied, market_depth, market_segment_id,
        max_trade_vol, min_lot_size, min_lot_size_block, min_lot_size_round_lot, min_trade_vol, contract_multiplier,
        decay_quantity, original_contract_size, leg_instrument_id, leg_ratio_price_numerator, leg_ratio_price_denominator,
        leg_ratio_qty_numerator, leg_ratio_qty_denominator, leg_underlying_id, appl_id, maturity_year, decay_start_date,
        channel_id, leg_count, leg_index, currency, settl_currency, secsubtype, raw_symbol, group, exchange, asset, cfi,
        security_type, unit_of_measure, underlying, strike_price_currency, leg_raw_symbol, instrument_class, match_algorithm,
        main_fraction, price_display_format, sub_fraction, underlying_product, security_update_action, maturity_month,
        maturity_day, maturity_week, user_defined_instrument, contract_multiplier_unit, flow_schedule_type, tick_rule,
        leg_instrument_class, leg_side, reserved,
    }
    "tickwire_venue" = Venue { hd, ts_recv, reference, prices, time_ns, size, sequence, kind, codes, text }
    "tickwire_ohlcv" = Ohlcv1S { hd, open, high, low, close, volume }
    "tickwire_vwap" = Vwap { hd, vwap, volume, notional_low, notional_high, window_ns, trades, flags, window, reserved }
    "tickwire_signal" = Signal {
        hd, ts_recv, microprice, spread, size_imbalance, flow_imbalance, bought, sold, sequence, levels, flags, crossing, reserved,
    }
    "tickwire_latency" = Latency {
        hd, ts_recv, ts_publish, sequence, position, receive_ns, arbitrate_ns, decode_ns, book_ns, publish_ns, channel, messages,
        rtype, line, stamped, reserved,
    }
    "tickwire_control" = Control { hd, ts_recv, first_sequence, last_sequence, channel, cause, reserved }
}

/// The assertions, line by line.
pub fn assertions() -> Vec<String> {
    let of = |(c, size, fields): &Layout| {
        let offsets = fields.iter().map(|(field, offset)| format!("TICKWIRE_AT({c}, {field}, {offset})")).collect::<Vec<_>>();
        [vec![format!("TICKWIRE_SIZE({c}, {size})")], offsets].concat()
    };
    layouts().iter().flat_map(of).collect()
}

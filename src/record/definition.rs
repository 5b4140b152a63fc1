//! What an instrument is.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, Record, Schema, UNDEF_PRICE, side};

/// An instrument's definition: DBN `definition` (version 3), 520 bytes. Has no flags. Fields that our feeds don't tell keep the values of
/// [`Definition::UNDEFINED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[allow(missing_docs)] // DBN's fields under DBN's names; docs/records.md says which we fill
pub struct Definition {
    pub hd: Header,
    pub ts_recv: u64,
    pub min_price_increment: i64,
    pub display_factor: i64,
    pub expiration: u64,
    pub activation: u64,
    pub high_limit_price: i64,
    pub low_limit_price: i64,
    pub max_price_variation: i64,
    pub unit_of_measure_qty: i64,
    pub min_price_increment_amount: i64,
    pub price_ratio: i64,
    pub strike_price: i64,
    pub raw_instrument_id: u64,
    pub leg_price: i64,
    pub leg_delta: i64,
    pub inst_attrib_value: i32,
    pub underlying_id: u32,
    pub market_depth_implied: i32,
    pub market_depth: i32,
    pub market_segment_id: u32,
    pub max_trade_vol: u32,
    pub min_lot_size: i32,
    pub min_lot_size_block: i32,
    pub min_lot_size_round_lot: i32,
    pub min_trade_vol: u32,
    pub contract_multiplier: i32,
    pub decay_quantity: i32,
    pub original_contract_size: i32,
    pub leg_instrument_id: u32,
    pub leg_ratio_price_numerator: i32,
    pub leg_ratio_price_denominator: i32,
    pub leg_ratio_qty_numerator: i32,
    pub leg_ratio_qty_denominator: i32,
    pub leg_underlying_id: u32,
    pub appl_id: i16,
    pub maturity_year: u16,
    pub decay_start_date: u16,
    pub channel_id: u16,
    pub leg_count: u16,
    pub leg_index: u16,
    pub currency: [u8; 4],
    pub settl_currency: [u8; 4],
    pub secsubtype: [u8; 6],
    /// Ends with a zero.
    pub raw_symbol: [u8; 71],
    pub group: [u8; 21],
    pub exchange: [u8; 5],
    pub asset: [u8; 11],
    pub cfi: [u8; 7],
    pub security_type: [u8; 7],
    pub unit_of_measure: [u8; 31],
    pub underlying: [u8; 21],
    pub strike_price_currency: [u8; 4],
    pub leg_raw_symbol: [u8; 71],
    pub instrument_class: u8,
    pub match_algorithm: u8,
    pub main_fraction: u8,
    pub price_display_format: u8,
    pub sub_fraction: u8,
    pub underlying_product: u8,
    /// `A`: first told in this session; `M`: told otherwise than before.
    pub security_update_action: u8,
    pub maturity_month: u8,
    pub maturity_day: u8,
    pub maturity_week: u8,
    pub user_defined_instrument: u8,
    pub contract_multiplier_unit: i8,
    pub flow_schedule_type: i8,
    pub tick_rule: u8,
    pub leg_instrument_class: u8,
    pub leg_side: u8,
    pub reserved: [u8; 17],
}

impl Definition {
    /// Nothing told; DBN's values for that.
    pub const UNDEFINED: Self = Self {
        hd: Header { length: 130, rtype: Schema::Definition.rtype(), publisher_id: 0, instrument_id: 0, ts_event: 0 },
        ts_recv: u64::MAX,
        min_price_increment: UNDEF_PRICE,
        display_factor: UNDEF_PRICE,
        expiration: u64::MAX,
        activation: u64::MAX,
        high_limit_price: UNDEF_PRICE,
        low_limit_price: UNDEF_PRICE,
        max_price_variation: UNDEF_PRICE,
        unit_of_measure_qty: UNDEF_PRICE,
        min_price_increment_amount: UNDEF_PRICE,
        price_ratio: UNDEF_PRICE,
        strike_price: UNDEF_PRICE,
        raw_instrument_id: 0,
        leg_price: UNDEF_PRICE,
        leg_delta: UNDEF_PRICE,
        inst_attrib_value: i32::MAX,
        underlying_id: 0,
        market_depth_implied: i32::MAX,
        market_depth: i32::MAX,
        market_segment_id: u32::MAX,
        max_trade_vol: u32::MAX,
        min_lot_size: i32::MAX,
        min_lot_size_block: i32::MAX,
        min_lot_size_round_lot: i32::MAX,
        min_trade_vol: u32::MAX,
        contract_multiplier: i32::MAX,
        decay_quantity: i32::MAX,
        original_contract_size: i32::MAX,
        leg_instrument_id: 0,
        leg_ratio_price_numerator: 0,
        leg_ratio_price_denominator: 0,
        leg_ratio_qty_numerator: 0,
        leg_ratio_qty_denominator: 0,
        leg_underlying_id: 0,
        appl_id: i16::MAX,
        maturity_year: u16::MAX,
        decay_start_date: u16::MAX,
        channel_id: u16::MAX,
        leg_count: 0,
        leg_index: 0,
        currency: [0; 4],
        settl_currency: [0; 4],
        secsubtype: [0; 6],
        raw_symbol: [0; 71],
        group: [0; 21],
        exchange: [0; 5],
        asset: [0; 11],
        cfi: [0; 7],
        security_type: [0; 7],
        unit_of_measure: [0; 31],
        underlying: [0; 21],
        strike_price_currency: [0; 4],
        leg_raw_symbol: [0; 71],
        instrument_class: 0,
        match_algorithm: b' ',
        main_fraction: u8::MAX,
        price_display_format: u8::MAX,
        sub_fraction: u8::MAX,
        underlying_product: u8::MAX,
        security_update_action: b'A',
        maturity_month: u8::MAX,
        maturity_day: u8::MAX,
        maturity_week: u8::MAX,
        user_defined_instrument: b'N',
        contract_multiplier_unit: i8::MAX,
        flow_schedule_type: i8::MAX,
        tick_rule: u8::MAX,
        leg_instrument_class: 0,
        leg_side: side::NONE,
        reserved: [0; 17],
    };
}

impl Record for Definition {
    const SCHEMA: Schema = Schema::Definition;

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

const _: () = assert!(size_of::<Definition>() == 520);

//! Our records against DBN's own library: what we lay out by hand is what every tool that reads DBN sees.

use std::mem::{align_of, offset_of, size_of};

use dbn::decode::DecodeRecordRef;
use dbn::encode::EncodeRecord;
use dbn::rtype;
use dbn::{
    BidAskPair, FlagSet, HasRType, ImbalanceMsg, InstrumentDefMsg, MboMsg, Mbp1Msg, Mbp10Msg, Metadata, OhlcvMsg, RecordHeader, SType,
    StatMsg, StatusMsg, TradeMsg,
};
use tickwire::record::statistics::{UNDEF_QUANTITY, stat_type};
use tickwire::record::{
    BidAsk, Definition, Header, Imbalance, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Statistics, Status, Trade,
    UNDEF_PRICE, UNDEF_SIZE, UNDEF_TIME, action, control, flags, side,
};

/// Same name, same place, same width.
macro_rules! same_fields {
    ($ours:ty, $theirs:ty, [$($field:ident / $their_field:ident: $kind:ty),* $(,)?]) => {
        assert_eq!((size_of::<$ours>(), align_of::<$ours>()), (size_of::<$theirs>(), align_of::<$theirs>()), stringify!($ours));
        let mut bytes = 0;
        $(
            assert_eq!(offset_of!($ours, $field), offset_of!($theirs, $their_field), "{}.{}", stringify!($ours), stringify!($field));
            bytes += size_of::<$kind>();
        )*
        assert_eq!(bytes, size_of::<$ours>(), "every byte of {} is a field that was compared", stringify!($ours));
    };
    ($ours:ty, $theirs:ty, [$($field:ident: $kind:ty),* $(,)?]) => {
        same_fields!($ours, $theirs, [$($field / $field: $kind),*])
    };
}

#[test]
fn every_field_of_every_record_lies_where_dbn_has_it() {
    // The length is the byte before the type, and private there.
    assert_eq!((offset_of!(Header, length), offset_of!(Header, rtype)), (0, 1));
    assert_eq!(size_of::<Header>(), size_of::<RecordHeader>());
    assert_eq!(offset_of!(Header, rtype), offset_of!(RecordHeader, rtype));
    assert_eq!(offset_of!(Header, publisher_id), offset_of!(RecordHeader, publisher_id));
    assert_eq!(offset_of!(Header, instrument_id), offset_of!(RecordHeader, instrument_id));
    assert_eq!(offset_of!(Header, ts_event), offset_of!(RecordHeader, ts_event));
    same_fields!(BidAsk, BidAskPair, [bid_px: i64, ask_px: i64, bid_sz: u32, ask_sz: u32, bid_ct: u32, ask_ct: u32]);
    same_fields!(
        Mbo,
        MboMsg,
        [hd: Header, order_id: u64, price: i64, size: u32, flags: u8, channel_id: u8, action: u8, side: u8, ts_recv: u64, ts_in_delta: i32, sequence: u32]
    );
    same_fields!(
        Trade,
        TradeMsg,
        [hd: Header, price: i64, size: u32, action: u8, side: u8, flags: u8, depth: u8, ts_recv: u64, ts_in_delta: i32, sequence: u32]
    );
    same_fields!(
        Mbp1,
        Mbp1Msg,
        [hd: Header, price: i64, size: u32, action: u8, side: u8, flags: u8, depth: u8, ts_recv: u64, ts_in_delta: i32, sequence: u32, levels: BidAsk]
    );
    same_fields!(
        Mbp10,
        Mbp10Msg,
        [hd: Header, price: i64, size: u32, action: u8, side: u8, flags: u8, depth: u8, ts_recv: u64, ts_in_delta: i32, sequence: u32, levels: [BidAsk; 10]]
    );
    same_fields!(
        Status,
        StatusMsg,
        [hd / hd: Header, ts_recv / ts_recv: u64, action / action: u16, reason / reason: u16, trading_event / trading_event: u16,
         is_trading / is_trading: u8, is_quoting / is_quoting: u8, is_short_sell_restricted / is_short_sell_restricted: u8,
         reserved / _reserved: [u8; 7]]
    );
}

#[test]
fn every_field_of_auctions_prices_definitions_and_bars_lies_where_dbn_has_it() {
    same_fields!(
        Imbalance,
        ImbalanceMsg,
        [hd / hd: Header, ts_recv / ts_recv: u64, ref_price / ref_price: i64, auction_time / auction_time: u64,
         cont_book_clr_price / cont_book_clr_price: i64, auct_interest_clr_price / auct_interest_clr_price: i64,
         ssr_filling_price / ssr_filling_price: i64, ind_match_price / ind_match_price: i64, upper_collar / upper_collar: i64,
         lower_collar / lower_collar: i64, paired_qty / paired_qty: u32, total_imbalance_qty / total_imbalance_qty: u32,
         market_imbalance_qty / market_imbalance_qty: u32, unpaired_qty / unpaired_qty: u32, auction_type / auction_type: u8,
         side / side: u8, auction_status / auction_status: u8, freeze_status / freeze_status: u8, num_extensions / num_extensions: u8,
         unpaired_side / unpaired_side: u8, significant_imbalance / significant_imbalance: u8, reserved / _reserved: [u8; 1]]
    );
    same_fields!(
        Statistics,
        StatMsg,
        [hd / hd: Header, ts_recv / ts_recv: u64, ts_ref / ts_ref: u64, price / price: i64, quantity / quantity: i64,
         sequence / sequence: u32, ts_in_delta / ts_in_delta: i32, stat_type / stat_type: u16, channel_id / channel_id: u16,
         update_action / update_action: u8, stat_flags / stat_flags: u8, reserved / _reserved: [u8; 18]]
    );
    same_fields!(
        Definition,
        InstrumentDefMsg,
        [hd / hd: Header, ts_recv / ts_recv: u64, min_price_increment / min_price_increment: i64, display_factor / display_factor: i64,
         expiration / expiration: u64, activation / activation: u64, high_limit_price / high_limit_price: i64,
         low_limit_price / low_limit_price: i64, max_price_variation / max_price_variation: i64,
         unit_of_measure_qty / unit_of_measure_qty: i64, min_price_increment_amount / min_price_increment_amount: i64,
         price_ratio / price_ratio: i64, strike_price / strike_price: i64, raw_instrument_id / raw_instrument_id: u64,
         leg_price / leg_price: i64, leg_delta / leg_delta: i64, inst_attrib_value / inst_attrib_value: i32,
         underlying_id / underlying_id: u32, market_depth_implied / market_depth_implied: i32, market_depth / market_depth: i32,
         market_segment_id / market_segment_id: u32, max_trade_vol / max_trade_vol: u32, min_lot_size / min_lot_size: i32,
         min_lot_size_block / min_lot_size_block: i32, min_lot_size_round_lot / min_lot_size_round_lot: i32,
         min_trade_vol / min_trade_vol: u32, contract_multiplier / contract_multiplier: i32, decay_quantity / decay_quantity: i32,
         original_contract_size / original_contract_size: i32, leg_instrument_id / leg_instrument_id: u32,
         leg_ratio_price_numerator / leg_ratio_price_numerator: i32, leg_ratio_price_denominator / leg_ratio_price_denominator: i32,
         leg_ratio_qty_numerator / leg_ratio_qty_numerator: i32, leg_ratio_qty_denominator / leg_ratio_qty_denominator: i32,
         leg_underlying_id / leg_underlying_id: u32, appl_id / appl_id: i16, maturity_year / maturity_year: u16,
         decay_start_date / decay_start_date: u16, channel_id / channel_id: u16, leg_count / leg_count: u16, leg_index / leg_index: u16,
         currency / currency: [u8; 4], settl_currency / settl_currency: [u8; 4], secsubtype / secsubtype: [u8; 6],
         raw_symbol / raw_symbol: [u8; 71], group / group: [u8; 21], exchange / exchange: [u8; 5], asset / asset: [u8; 11],
         cfi / cfi: [u8; 7], security_type / security_type: [u8; 7], unit_of_measure / unit_of_measure: [u8; 31],
         underlying / underlying: [u8; 21], strike_price_currency / strike_price_currency: [u8; 4],
         leg_raw_symbol / leg_raw_symbol: [u8; 71], instrument_class / instrument_class: u8, match_algorithm / match_algorithm: u8,
         main_fraction / main_fraction: u8, price_display_format / price_display_format: u8, sub_fraction / sub_fraction: u8,
         underlying_product / underlying_product: u8, security_update_action / security_update_action: u8,
         maturity_month / maturity_month: u8, maturity_day / maturity_day: u8, maturity_week / maturity_week: u8,
         user_defined_instrument / user_defined_instrument: u8, contract_multiplier_unit / contract_multiplier_unit: i8,
         flow_schedule_type / flow_schedule_type: i8, tick_rule / tick_rule: u8, leg_instrument_class / leg_instrument_class: u8,
         leg_side / leg_side: u8, reserved / _reserved: [u8; 17]]
    );
    macro_rules! bars {
        ($($bar:ident),*) => { $(
            same_fields!($bar, OhlcvMsg, [hd: Header, open: i64, high: i64, low: i64, close: i64, volume: u64]);
        )* };
    }
    bars!(Ohlcv1S, Ohlcv1M, Ohlcv1H, Ohlcv1D);
}

#[test]
fn types_names_and_sizes_are_dbns() {
    let dbns = [
        (Schema::Mbo, dbn::Schema::Mbo, rtype::MBO),
        (Schema::Mbp1, dbn::Schema::Mbp1, rtype::MBP_1),
        (Schema::Mbp10, dbn::Schema::Mbp10, rtype::MBP_10),
        (Schema::Trades, dbn::Schema::Trades, rtype::MBP_0),
        (Schema::Status, dbn::Schema::Status, rtype::STATUS),
        (Schema::Imbalance, dbn::Schema::Imbalance, rtype::IMBALANCE),
        (Schema::Statistics, dbn::Schema::Statistics, rtype::STATISTICS),
        (Schema::Definition, dbn::Schema::Definition, rtype::INSTRUMENT_DEF),
        (Schema::Ohlcv1S, dbn::Schema::Ohlcv1S, rtype::OHLCV_1S),
        (Schema::Ohlcv1M, dbn::Schema::Ohlcv1M, rtype::OHLCV_1M),
        (Schema::Ohlcv1H, dbn::Schema::Ohlcv1H, rtype::OHLCV_1H),
        (Schema::Ohlcv1D, dbn::Schema::Ohlcv1D, rtype::OHLCV_1D),
    ];
    let all: Vec<Schema> = Schema::ALL.into_iter().filter(|schema| schema.is_dbn()).collect();
    assert_eq!(dbns.len(), all.len());
    for (ours, theirs, rtype) in dbns {
        assert_eq!((ours.name(), ours.rtype()), (theirs.as_str(), rtype));
        assert_eq!(Schema::from_name(ours.name()), Some(ours));
    }
    assert!(MboMsg::has_rtype(Schema::Mbo.rtype().into()) && TradeMsg::has_rtype(Schema::Trades.rtype().into()));
    assert!(Mbp1Msg::has_rtype(Schema::Mbp1.rtype().into()) && Mbp10Msg::has_rtype(Schema::Mbp10.rtype().into()));
    assert!(StatusMsg::has_rtype(Schema::Status.rtype().into()));
}

#[test]
fn flags_letters_and_the_undefined_price_are_dbns() {
    let bits = [flags::LAST, flags::TOB, flags::SNAPSHOT, flags::MBP, flags::BAD_TS_RECV, flags::MAYBE_BAD_BOOK];
    let theirs =
        [dbn::flags::LAST, dbn::flags::TOB, dbn::flags::SNAPSHOT, dbn::flags::MBP, dbn::flags::BAD_TS_RECV, dbn::flags::MAYBE_BAD_BOOK];
    assert_eq!(bits, theirs);
    use dbn::{Action, Side};
    let actions = [
        (action::ADD, Action::Add),
        (action::CANCEL, Action::Cancel),
        (action::MODIFY, Action::Modify),
        (action::CLEAR, Action::Clear),
        (action::TRADE, Action::Trade),
        (action::FILL, Action::Fill),
        (action::NONE, Action::None),
    ];
    assert!(actions.iter().all(|&(letter, action)| u8::from(action) == letter));
    assert_eq!([side::BID, side::ASK, side::NONE], [Side::Bid, Side::Ask, Side::None].map(u8::from));
    assert_eq!(UNDEF_PRICE, dbn::UNDEF_PRICE);
}

/// A DBN file in memory with the bytes of one record of ours.
fn file_with(record: &impl Record, schema: dbn::Schema) -> Vec<u8> {
    let metadata = Metadata::builder()
        .dataset("XNAS.ITCH")
        .schema(Some(schema))
        .start(1_700_000_000_000_000_000)
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .build();
    let mut file = Vec::new();
    dbn::encode::dbn::Encoder::new(&mut file, &metadata).unwrap();
    file.extend(record.as_bytes());
    file
}

/// What DBN reads from our bytes; and DBN must write the same bytes again.
fn through_dbn<R, T>(record: &R, schema: dbn::Schema) -> T
where
    R: Record,
    T: HasRType<Header = RecordHeader> + dbn::encode::DbnEncodable + Clone,
{
    let file = file_with(record, schema);
    let mut decoder = dbn::decode::dbn::Decoder::new(&file[..]).unwrap();
    let theirs = decoder.decode_record_ref().unwrap().expect("a record").get::<T>().expect("of that type").clone();
    assert!(decoder.decode_record_ref().unwrap().is_none(), "our length is the whole record");
    let mut written = Vec::new();
    dbn::encode::dbn::RecordEncoder::new(&mut written).encode_record(&theirs).unwrap();
    assert_eq!(written, record.as_bytes(), "byte for byte");
    theirs
}

fn level(n: u32) -> BidAsk {
    let price = i64::from(n) * 1_000_000_007;
    BidAsk { bid_px: price, ask_px: -price - 1, bid_sz: n + 1, ask_sz: n + 2, bid_ct: n + 3, ask_ct: n + 4 }
}

fn pair(level: BidAsk) -> BidAskPair {
    let BidAsk { bid_px, ask_px, bid_sz, ask_sz, bid_ct, ask_ct } = level;
    BidAskPair { bid_px, ask_px, bid_sz, ask_sz, bid_ct, ask_ct }
}

fn header<R: Record>() -> Header {
    Header::of::<R>(0x0203, 0x0405_0607, 0x1011_1213_1415_1617)
}

fn check_header(theirs: &RecordHeader) {
    assert_eq!((theirs.publisher_id, theirs.instrument_id, theirs.ts_event), (0x0203, 0x0405_0607, 0x1011_1213_1415_1617));
}

#[test]
fn a_filled_mbo_record_is_read_by_dbn_field_for_field() {
    let ours = Mbo {
        hd: header::<Mbo>(),
        order_id: 0x2021_2223_2425_2627,
        price: -0x3031_3233_3435_3637,
        size: 0x4041_4243,
        flags: 0x84,
        channel_id: 0x51,
        action: action::FILL,
        side: side::ASK,
        ts_recv: 0x6061_6263_6465_6667,
        ts_in_delta: -0x7071_7273,
        sequence: 0x8081_8283,
    };
    let theirs: MboMsg = through_dbn(&ours, dbn::Schema::Mbo);
    check_header(&theirs.hd);
    assert_eq!((theirs.order_id, theirs.price, theirs.size, theirs.channel_id), (ours.order_id, ours.price, ours.size, ours.channel_id));
    assert_eq!((theirs.flags, theirs.action().unwrap(), theirs.side().unwrap()), (FlagSet::new(0x84), dbn::Action::Fill, dbn::Side::Ask));
    assert_eq!((theirs.ts_recv, theirs.ts_in_delta, theirs.sequence), (ours.ts_recv, ours.ts_in_delta, ours.sequence));
}

#[test]
fn filled_trades_and_mbp_records_are_read_by_dbn_field_for_field() {
    macro_rules! check {
        ($ours:ident as $theirs:ty, $schema:ident, $($levels:ident = $value:expr)?) => {{
            let ours = $ours {
                hd: header::<$ours>(),
                price: -0x3031_3233_3435_3637,
                size: 0x4041_4243,
                action: action::TRADE,
                side: side::BID,
                flags: 0x80,
                depth: 9,
                ts_recv: 0x6061_6263_6465_6667,
                ts_in_delta: -0x7071_7273,
                sequence: 0x8081_8283,
                $($levels: $value,)?
            };
            let theirs: $theirs = through_dbn(&ours, dbn::Schema::$schema);
            check_header(&theirs.hd);
            assert_eq!((theirs.price, theirs.size, theirs.depth, theirs.flags), (ours.price, ours.size, 9, FlagSet::new(0x80)));
            assert_eq!((theirs.action().unwrap(), theirs.side().unwrap()), (dbn::Action::Trade, dbn::Side::Bid));
            assert_eq!((theirs.ts_recv, theirs.ts_in_delta, theirs.sequence), (ours.ts_recv, ours.ts_in_delta, ours.sequence));
            $(assert_eq!(theirs.$levels, ours.$levels.map(pair));)?
        }};
    }
    check!(Trade as TradeMsg, Trades,);
    check!(Mbp1 as Mbp1Msg, Mbp1, levels = [level(1)]);
    check!(Mbp10 as Mbp10Msg, Mbp10, levels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(level));
}

#[test]
fn a_filled_status_record_is_read_by_dbn_field_for_field() {
    let ours = Status {
        hd: header::<Status>(),
        ts_recv: 0x6061_6263_6465_6667,
        action: 8,
        reason: 30,
        trading_event: 1,
        is_trading: b'N',
        is_quoting: b'~',
        is_short_sell_restricted: b'Y',
        reserved: [0; 7],
    };
    let theirs: StatusMsg = through_dbn(&ours, dbn::Schema::Status);
    check_header(&theirs.hd);
    assert_eq!(
        (theirs.ts_recv, theirs.action().unwrap(), theirs.reason().unwrap()),
        (ours.ts_recv, dbn::StatusAction::Halt, dbn::StatusReason::NewsPending)
    );
    assert_eq!(theirs.trading_event().unwrap(), dbn::TradingEvent::NoCancel);
    let tri = (theirs.is_trading(), theirs.is_quoting(), theirs.is_short_sell_restricted());
    assert_eq!(tri, (Some(false), None, Some(true)));
}

#[test]
fn what_is_not_told_of_a_definition_has_dbns_values_for_that() {
    let ours = Definition { hd: header::<Definition>(), ..Definition::UNDEFINED };
    let theirs: InstrumentDefMsg = through_dbn(&ours, dbn::Schema::Definition);
    let blank = InstrumentDefMsg { hd: theirs.hd, ..InstrumentDefMsg::default() };
    assert_eq!(theirs, blank);
    check_header(&theirs.hd);
}

#[test]
fn filled_imbalances_statistics_definitions_and_bars_are_read_by_dbn_field_for_field() {
    let ours = Imbalance {
        hd: header::<Imbalance>(),
        ts_recv: 1,
        ref_price: 2,
        auction_time: 3,
        cont_book_clr_price: 4,
        auct_interest_clr_price: 5,
        ssr_filling_price: UNDEF_PRICE,
        ind_match_price: 6,
        upper_collar: 7,
        lower_collar: 8,
        paired_qty: 9,
        total_imbalance_qty: 10,
        market_imbalance_qty: UNDEF_SIZE,
        unpaired_qty: UNDEF_SIZE,
        auction_type: b'O',
        side: side::ASK,
        auction_status: b'P',
        freeze_status: 0,
        num_extensions: 11,
        unpaired_side: side::NONE,
        significant_imbalance: b'L',
        reserved: 0,
    };
    let theirs: ImbalanceMsg = through_dbn(&ours, dbn::Schema::Imbalance);
    check_header(&theirs.hd);
    assert_eq!((theirs.ts_recv, theirs.ref_price, theirs.auction_time), (1, 2, 3));
    assert_eq!((theirs.cont_book_clr_price, theirs.auct_interest_clr_price, theirs.ind_match_price), (4, 5, 6));
    assert_eq!((theirs.upper_collar, theirs.lower_collar, theirs.paired_qty, theirs.total_imbalance_qty), (7, 8, 9, 10));
    assert_eq!((theirs.market_imbalance_qty, theirs.unpaired_qty), (dbn::UNDEF_ORDER_SIZE, dbn::UNDEF_ORDER_SIZE));
    assert_eq!((theirs.auction_type as u8, theirs.side().unwrap(), theirs.significant_imbalance as u8), (b'O', dbn::Side::Ask, b'L'));
    assert_eq!((theirs.auction_status, theirs.num_extensions, theirs.unpaired_side().unwrap()), (b'P', 11, dbn::Side::None));

    let ours = Statistics {
        hd: header::<Statistics>(),
        ts_recv: 1,
        ts_ref: UNDEF_TIME,
        price: 2,
        quantity: UNDEF_QUANTITY,
        sequence: 3,
        ts_in_delta: -4,
        stat_type: stat_type::CLOSE_PRICE,
        channel_id: 5,
        update_action: 1,
        stat_flags: 0,
        reserved: [0; 18],
    };
    let theirs: StatMsg = through_dbn(&ours, dbn::Schema::Statistics);
    check_header(&theirs.hd);
    assert_eq!((theirs.ts_recv, theirs.ts_ref, theirs.price, theirs.quantity), (1, dbn::UNDEF_TIMESTAMP, 2, dbn::UNDEF_STAT_QUANTITY));
    assert_eq!((theirs.sequence, theirs.ts_in_delta, theirs.channel_id), (3, -4, 5));
    assert_eq!((theirs.stat_type().unwrap(), theirs.update_action().unwrap()), (dbn::StatType::ClosePrice, dbn::StatUpdateAction::New));
    let types = [stat_type::OPENING_PRICE, stat_type::CLOSE_PRICE, stat_type::UNCROSSING_PRICE];
    assert_eq!(types, [dbn::StatType::OpeningPrice, dbn::StatType::ClosePrice, dbn::StatType::UncrossingPrice].map(|stat| stat as u16));

    let mut ours = Definition { hd: header::<Definition>(), min_lot_size_round_lot: 40, instrument_class: b'K', ..Definition::UNDEFINED };
    ours.raw_symbol[..5].copy_from_slice(b"BRK.B");
    ours.exchange[..4].copy_from_slice(b"XNAS");
    ours.security_update_action = b'M';
    let theirs: InstrumentDefMsg = through_dbn(&ours, dbn::Schema::Definition);
    assert_eq!((theirs.raw_symbol().unwrap(), theirs.exchange().unwrap(), theirs.min_lot_size_round_lot), ("BRK.B", "XNAS", 40));
    assert_eq!(theirs.instrument_class().unwrap(), dbn::InstrumentClass::Stock);
    assert_eq!(theirs.security_update_action().unwrap(), dbn::SecurityUpdateAction::Modify);

    let ours = Ohlcv1M { hd: header::<Ohlcv1M>(), open: 1, high: 2, low: -3, close: 4, volume: 5 };
    let theirs: OhlcvMsg = through_dbn(&ours, dbn::Schema::Ohlcv1M);
    assert_eq!((theirs.open, theirs.high, theirs.low, theirs.close, theirs.volume), (1, 2, -3, 4, 5));
}

#[test]
fn an_empty_level_is_dbns_default_level() {
    assert_eq!(pair(BidAsk::EMPTY), BidAskPair::default());
    assert_eq!(BidAsk::default(), BidAsk::EMPTY);
}

#[test]
fn control_records_are_out_of_dbns_range_and_fit_the_smallest_slot() {
    use control::{
        BOOK_GOOD, Control, FIRST_RTYPE, GAP_CLOSED, GAP_OPEN, IMAGE_READY, LAST_RTYPE, PRICE_LEVELS_ONLY, SESSION_END, SESSION_START,
        SYSTEM_EVENT,
    };
    let ours = [SESSION_START, SESSION_END, GAP_OPEN, GAP_CLOSED, BOOK_GOOD, IMAGE_READY, SYSTEM_EVENT, PRICE_LEVELS_ONLY];
    for rtype in ours {
        assert!((FIRST_RTYPE..=LAST_RTYPE).contains(&rtype) && dbn::RType::try_from(rtype).is_err(), "{rtype:#x} is not DBN's");
    }
    let mine = Schema::ALL.into_iter().filter(|schema| !schema.is_dbn()).map(Schema::rtype);
    assert!(mine.clone().all(|rtype| rtype > LAST_RTYPE && dbn::RType::try_from(rtype).is_err()), "{:?}", mine.collect::<Vec<_>>());
    assert_eq!((FIRST_RTYPE, size_of::<Control>()), (0xE0, 56));
    let smallest = Schema::ALL.into_iter().map(Schema::slot_size).min().unwrap();
    assert!(8 + size_of::<Control>() <= smallest);
    let sizes = [64, 128, 384, 64, 64, 128, 128, 576, 128, 64, 64, 64, 64, 128, 128, 128];
    assert_eq!(Schema::ALL.map(Schema::slot_size), sizes, "as the design says");
    assert_eq!(offset_of!(Control, hd), 0, "so that a reader can look at the type first");
}

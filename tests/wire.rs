//! The layouts against the specifications' tables, and what `parse` takes and refuses.
#![cfg(feature = "service")]

use proptest::prelude::*;
use tickwire::wire::{Unreadable, iextp, itch50, moldudp64, tops16};

/// The size of the field a projection leads to.
fn size_behind<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Checks that a struct has this size, its fields these offsets and sizes, and no byte belongs to none of them.
macro_rules! layouts {
    ($module:ident: $($layout:ident $size:literal { $($field:ident @ $offset:literal + $length:literal),* })*) => {{
        $({
            type Layout = $module::$layout;
            assert_eq!(size_of::<Layout>(), $size, "{}", stringify!($layout));
            assert_eq!(align_of::<Layout>(), 1, "{}", stringify!($layout));
            let mut next = 0;
            $({
                let name = concat!(stringify!($layout), ".", stringify!($field));
                assert_eq!(std::mem::offset_of!(Layout, $field), $offset, "{name}");
                assert_eq!(size_behind(|layout: &Layout| &layout.$field), $length, "{name}");
                assert_eq!(next, $offset, "{name}: the table skips or repeats bytes");
                next += $length;
            })*
            assert_eq!(next, $size, "{}: the table leaves bytes out", stringify!($layout));
        })*
        [$((stringify!($layout), $size)),*]
    }};
}

#[test]
fn every_itch_message_lies_where_the_specification_says() {
    let checked = layouts! { itch50:
        SystemEvent 12 { head @ 0 + 11, event_code @ 11 + 1 }
        StockDirectory 39 { head @ 0 + 11, stock @ 11 + 8, market_category @ 19 + 1, financial_status_indicator @ 20 + 1, round_lot_size @ 21 + 4, round_lots_only @ 25 + 1, issue_classification @ 26 + 1, issue_sub_type @ 27 + 2, authenticity @ 29 + 1, short_sale_threshold_indicator @ 30 + 1, ipo_flag @ 31 + 1, luld_reference_price_tier @ 32 + 1, etp_flag @ 33 + 1, etp_leverage_factor @ 34 + 4, inverse_indicator @ 38 + 1 }
        TradingAction 25 { head @ 0 + 11, stock @ 11 + 8, trading_state @ 19 + 1, reserved @ 20 + 1, reason_code @ 21 + 4 }
        RegShoRestriction 20 { head @ 0 + 11, stock @ 11 + 8, reg_sho_action @ 19 + 1 }
        ParticipantPosition 26 { head @ 0 + 11, mpid @ 11 + 4, stock @ 15 + 8, primary_market_maker @ 23 + 1, market_maker_mode @ 24 + 1, market_participant_state @ 25 + 1 }
        MwcbDeclineLevel 35 { head @ 0 + 11, level_1 @ 11 + 8, level_2 @ 19 + 8, level_3 @ 27 + 8 }
        MwcbStatus 12 { head @ 0 + 11, breached_level @ 11 + 1 }
        IpoQuotingPeriod 28 { head @ 0 + 11, stock @ 11 + 8, ipo_quotation_release_time @ 19 + 4, ipo_quotation_release_qualifier @ 23 + 1, ipo_price @ 24 + 4 }
        LuldAuctionCollar 35 { head @ 0 + 11, stock @ 11 + 8, auction_collar_reference_price @ 19 + 4, upper_auction_collar_price @ 23 + 4, lower_auction_collar_price @ 27 + 4, auction_collar_extension @ 31 + 4 }
        OperationalHalt 21 { head @ 0 + 11, stock @ 11 + 8, market_code @ 19 + 1, operational_halt_action @ 20 + 1 }
        AddOrder 36 { head @ 0 + 11, order_reference_number @ 11 + 8, buy_sell_indicator @ 19 + 1, shares @ 20 + 4, stock @ 24 + 8, price @ 32 + 4 }
        AddOrderMpid 40 { head @ 0 + 11, order_reference_number @ 11 + 8, buy_sell_indicator @ 19 + 1, shares @ 20 + 4, stock @ 24 + 8, price @ 32 + 4, attribution @ 36 + 4 }
        OrderExecuted 31 { head @ 0 + 11, order_reference_number @ 11 + 8, executed_shares @ 19 + 4, match_number @ 23 + 8 }
        OrderExecutedWithPrice 36 { head @ 0 + 11, order_reference_number @ 11 + 8, executed_shares @ 19 + 4, match_number @ 23 + 8, printable @ 31 + 1, execution_price @ 32 + 4 }
        OrderCancel 23 { head @ 0 + 11, order_reference_number @ 11 + 8, canceled_shares @ 19 + 4 }
        OrderDelete 19 { head @ 0 + 11, order_reference_number @ 11 + 8 }
        OrderReplace 35 { head @ 0 + 11, original_order_reference_number @ 11 + 8, new_order_reference_number @ 19 + 8, shares @ 27 + 4, price @ 31 + 4 }
        NonCrossTrade 44 { head @ 0 + 11, order_reference_number @ 11 + 8, buy_sell_indicator @ 19 + 1, shares @ 20 + 4, stock @ 24 + 8, price @ 32 + 4, match_number @ 36 + 8 }
        CrossTrade 40 { head @ 0 + 11, cross_shares @ 11 + 8, stock @ 19 + 8, cross_price @ 27 + 4, match_number @ 31 + 8, cross_type @ 39 + 1 }
        BrokenTrade 19 { head @ 0 + 11, match_number @ 11 + 8 }
        NetOrderImbalance 50 { head @ 0 + 11, paired_shares @ 11 + 8, imbalance_shares @ 19 + 8, imbalance_direction @ 27 + 1, stock @ 28 + 8, far_price @ 36 + 4, near_price @ 40 + 4, current_reference_price @ 44 + 4, cross_type @ 48 + 1, price_variation_indicator @ 49 + 1 }
        RetailInterest 20 { head @ 0 + 11, stock @ 11 + 8, interest_flag @ 19 + 1 }
        DirectListing 48 { head @ 0 + 11, stock @ 11 + 8, open_eligibility_status @ 19 + 1, minimum_allowable_price @ 20 + 4, maximum_allowable_price @ 24 + 4, near_execution_price @ 28 + 4, near_execution_time @ 32 + 8, lower_price_range_collar @ 40 + 4, upper_price_range_collar @ 44 + 4 }
    };
    assert_eq!(checked.len(), 23);
    layouts! { itch50: Head 11 { message_type @ 0 + 1, stock_locate @ 1 + 2, tracking_number @ 3 + 2, timestamp @ 5 + 6 } };
}

#[test]
fn every_tops_message_lies_where_the_specification_says() {
    let checked = layouts! { tops16:
        SystemEvent 10 { message_type @ 0 + 1, system_event @ 1 + 1, timestamp @ 2 + 8 }
        SecurityDirectory 31 { message_type @ 0 + 1, security_directory_flags @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, round_lot_size @ 18 + 4, adjusted_poc_price @ 22 + 8, luld_tier @ 30 + 1 }
        TradingStatus 22 { message_type @ 0 + 1, trading_status @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, reason @ 18 + 4 }
        RetailLiquidity 18 { message_type @ 0 + 1, retail_liquidity_indicator @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8 }
        OperationalHalt 18 { message_type @ 0 + 1, operational_halt_status @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8 }
        ShortSalePriceTest 19 { message_type @ 0 + 1, short_sale_price_test_status @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, detail @ 18 + 1 }
        QuoteUpdate 42 { message_type @ 0 + 1, quote_update_flags @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, bid_size @ 18 + 4, bid_price @ 22 + 8, ask_price @ 30 + 8, ask_size @ 38 + 4 }
        TradeReport 38 { message_type @ 0 + 1, sale_condition_flags @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, size @ 18 + 4, price @ 22 + 8, trade_id @ 30 + 8 }
        OfficialPrice 26 { message_type @ 0 + 1, price_type @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, official_price @ 18 + 8 }
        TradeBreak 38 { message_type @ 0 + 1, sale_condition_flags @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, size @ 18 + 4, price @ 22 + 8, trade_id @ 30 + 8 }
        AuctionInformation 80 { message_type @ 0 + 1, auction_type @ 1 + 1, timestamp @ 2 + 8, symbol @ 10 + 8, paired_shares @ 18 + 4, reference_price @ 22 + 8, indicative_clearing_price @ 30 + 8, imbalance_shares @ 38 + 4, imbalance_side @ 42 + 1, extension_number @ 43 + 1, scheduled_auction_time @ 44 + 4, auction_book_clearing_price @ 48 + 8, collar_reference_price @ 56 + 8, lower_auction_collar @ 64 + 8, upper_auction_collar @ 72 + 8 }
    };
    assert_eq!(checked.len(), 11);
}

#[test]
fn the_headers_of_both_session_layers_lie_where_the_specifications_say() {
    layouts! { moldudp64: Header 20 { session @ 0 + 10, sequence @ 10 + 8, count @ 18 + 2 } };
    layouts! { iextp: Header 40 {
        version @ 0 + 1, reserved @ 1 + 1, message_protocol_id @ 2 + 2, channel_id @ 4 + 4, session_id @ 8 + 4,
        payload_length @ 12 + 2, message_count @ 14 + 2, stream_offset @ 16 + 8,
        first_message_sequence_number @ 24 + 8, send_time @ 32 + 8
    } };
}

#[test]
fn the_type_tables_are_the_specifications() {
    let itch = "S12 R39 H25 Y20 L26 V35 W12 K28 J35 h21 A36 F40 E31 C36 X23 D19 U35 P44 Q40 B19 I50 N20 O48";
    let tops = "S10 D31 H22 I18 O18 P19 Q42 T38 X26 B38 A80";
    let written = |types: &[(u8, usize)]| types.iter().map(|(code, size)| format!("{}{size}", *code as char)).collect::<Vec<_>>().join(" ");
    assert_eq!(written(itch50::Message::TYPES), itch);
    assert_eq!(written(tops16::Message::TYPES), tops);
}

#[test]
fn a_type_byte_selects_its_own_variant_and_layout() {
    let variant = |debug: String| debug.split_once('(').map(|(variant, _)| variant.to_owned()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for &(code, size) in itch50::Message::TYPES {
        let mut bytes = vec![0; size];
        bytes[0] = code;
        assert!(seen.insert(variant(format!("{:?}", itch50::Message::parse(&bytes).unwrap()))));
    }
    assert_eq!(seen.len(), 23);
}

#[test]
fn forty_eight_bits_read_big_endian_and_keep_nothing_above() {
    for value in [0, 1, 0x0102_0304_0506, (1 << 48) - 1] {
        assert_eq!(itch50::U48::new(value).get(), value);
    }
    assert_eq!(itch50::U48::new(0xABCD_0000_0000_0001).get(), 1);
    assert_eq!(zerocopy::IntoBytes::as_bytes(&itch50::U48::new(0x0102_0304_0506)), [1, 2, 3, 4, 5, 6]);
}

/// `Ok(())` or why not, for both protocols alike.
fn parsed(protocol: usize, bytes: &[u8]) -> Result<(), Unreadable> {
    if protocol == 0 { itch50::Message::parse(bytes).map(drop) } else { tops16::Message::parse(bytes).map(drop) }
}

const TYPES: [&[(u8, usize)]; 2] = [itch50::Message::TYPES, tops16::Message::TYPES];

#[test]
fn case_17_a_message_cut_at_any_byte_is_too_short_and_a_whole_one_is_read() {
    for (protocol, types) in TYPES.into_iter().enumerate() {
        for &(code, size) in types {
            let mut bytes = vec![b' '; size];
            bytes[0] = code;
            for length in 0..size {
                assert_eq!(parsed(protocol, &bytes[..length]), Err(Unreadable::TooShort), "{} cut to {length}", code as char);
            }
            assert_eq!(parsed(protocol, &bytes), Ok(()), "{}", code as char);
        }
    }
}

#[test]
fn case_25_an_unknown_type_is_told_apart_from_a_short_message() {
    for (protocol, types) in TYPES.into_iter().enumerate() {
        for code in 0..=u8::MAX {
            let is_known = types.iter().any(|(known, _)| *known == code);
            let expected = if is_known { Ok(()) } else { Err(Unreadable::UnknownType(code)) };
            let mut bytes = [0; 100];
            bytes[0] = code;
            assert_eq!(parsed(protocol, &bytes), expected);
            assert_eq!(parsed(protocol, &bytes[..1]), if is_known { Err(Unreadable::TooShort) } else { expected });
        }
    }
}

#[test]
fn case_26_a_longer_message_of_a_newer_version_is_read_by_its_prefix() {
    for (protocol, types) in TYPES.into_iter().enumerate() {
        for &(code, size) in types {
            for more in [1, 2, 7, 1000] {
                let mut bytes = vec![0; size + more];
                bytes[0] = code;
                assert_eq!(parsed(protocol, &bytes), Ok(()));
            }
        }
    }
    let mut add = [0; 48];
    add[0] = b'A';
    add[20..24].copy_from_slice(&700_u32.to_be_bytes());
    let Ok(itch50::Message::Add(add)) = itch50::Message::parse(&add) else { panic!("an add") };
    assert_eq!(add.shares.get(), 700);
}

proptest! {
    #[test]
    fn any_bytes_at_any_alignment_are_read_or_refused_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        from in 0_usize..8,
    ) {
        let bytes = bytes.get(from..).unwrap_or(&[]);
        let _ = itch50::Message::parse(bytes);
        let _ = tops16::Message::parse(bytes);
    }
}

//! What the messages of DEEP say, and that TOPS says the same in the ones they share.

use proptest::prelude::*;
use tickwire::feed::iex_deep::DeepDecoder;
use tickwire::feed::iex_tops::TopsDecoder;
use tickwire::feed::{Auction, Decoder, Directory, Event, Official, Shares, Side, Touch, Word};
use tickwire::record::UNDEF_PRICE;
use tickwire::record::venue::kind;
use tickwire::stats::Drop;
use tickwire::wire::{deep10, tops16};

use crate::venue::*;

fn event(message: &[u8]) -> Result<Event, Drop> {
    let decoded = DeepDecoder::new(4).decode(message)?;
    assert_eq!(decoded.ts_event, MIDNIGHT_NS + VENUE_NS);
    assert_eq!((decoded.instrument_id, decoded.symbol), (1, Some(text("XYZ"))));
    Ok(decoded.event)
}

#[test]
fn a_level_has_a_side_a_price_a_size_and_the_end_of_its_event() {
    let level = |side, size, complete| Ok(Event::Level { side, price: px(100_000), size, complete });
    assert_eq!(event(&deep_level("XYZ", b'B', 100_000, 300, true)), level(Side::Bid, 300, true));
    assert_eq!(event(&deep_level("XYZ", b'S', 100_000, 0, false)), level(Side::Ask, 0, false));
    let mut flags = deep_level("XYZ", b'S', 100_000, 7, false);
    flags[1] = 0xFE;
    assert_eq!(event(&flags), level(Side::Ask, 7, false), "the other bits are nothing we know");
    for bad in [0, u64::MAX, 1 << 63, i64::MAX as u64] {
        assert_eq!(event(&deep_level("XYZ", b'B', bad, 1, true)), Err(Drop::BadValue), "no level stands at {bad}");
    }
    assert_eq!(event(&deep_level("XYZ", b'B', 1, 1, true)[..29]), Err(Drop::WrongLength));
    assert!(DeepDecoder::moves_books(b'8') && DeepDecoder::moves_books(b'5') && !DeepDecoder::moves_books(b'T'));
}

#[test]
fn security_events_and_retail_interest_are_words_of_one_letter() {
    let word = |kind, letter| {
        let codes = [letter, b' ', b' '];
        Ok(Event::Word(Word { kind, codes, text: [b' '; 4], reference: 0, prices: [UNDEF_PRICE; 5], time_ns: 0, size: 0 }))
    };
    for letter in *b"OC" {
        assert_eq!(event(&deep_security_event("XYZ", letter)), word(kind::SECURITY_EVENT, letter));
    }
    for letter in *b"ABC " {
        assert_eq!(event(&iex_retail("XYZ", letter)), word(kind::RETAIL_INTEREST, letter));
    }
    assert_eq!(event(&deep_security_event("XYZ", b'X')), Err(Drop::BadValue));
    assert_eq!(event(&iex_retail("XYZ", b'D')), Err(Drop::BadValue));
}

#[test]
fn an_auction_tells_its_shares_prices_collar_and_time() {
    let shares = |size| Shares { size, saturated: false };
    let auction = Auction {
        kind: b'O',
        reference: px(99_600),
        near: px(99_601),
        far: px(99_602),
        matching: UNDEF_PRICE,
        collar: Some((px(99_100), px(100_100))),
        paired: shares(715),
        imbalance: shares(53),
        side: Some(Side::Ask),
        time_ns: Some(1_499_715_000_000_000_000),
        extensions: 2,
        variation: b'~',
        status: 0,
    };
    let told = |kind, side| event(&iex_auction("XYZ", kind, 715, 99_600, (53, side), 1_499_715_000));
    assert_eq!(told(b'O', b'S'), Ok(Event::Auction(auction)));
    for kind in *b"CIHV" {
        assert_eq!(told(kind, b'B'), Ok(Event::Auction(Auction { kind, side: Some(Side::Bid), ..auction })));
    }
    assert_eq!(told(b'O', b'N'), Ok(Event::Auction(Auction { side: None, ..auction })));
    assert_eq!((told(b'X', b'N'), told(b'O', b'?')), (Err(Drop::BadValue), Err(Drop::BadValue)));
    // As the venue writes one without interest, collar or time.
    let mut empty = iex_auction("XYZ", b'O', 0, 99_600, (0, b'N'), 0);
    empty[22..38].fill(0);
    empty[48..80].fill(0);
    let Ok(Event::Auction(told)) = event(&empty) else { panic!("an auction") };
    assert_eq!((told.reference, told.near, told.far), (UNDEF_PRICE, UNDEF_PRICE, UNDEF_PRICE));
    assert_eq!((told.collar, told.time_ns, told.paired.size), (None, None, 0));
}

#[test]
fn official_prices_are_of_the_opening_or_the_closing() {
    assert_eq!(event(&iex_official("XYZ", b'Q', 99_600)), Ok(Event::Official { which: Official::Opening, price: px(99_600) }));
    assert_eq!(event(&iex_official("XYZ", b'M', 99_600)), Ok(Event::Official { which: Official::Closing, price: px(99_600) }));
    assert_eq!(event(&iex_official("XYZ", b'?', 99_600)), Err(Drop::BadValue));
}

#[test]
fn the_directory_s_flags_become_letters() {
    let told = |flags: u8, close: u64, tier: u8| {
        let mut message = tops_directory("XYZ", 100);
        (message[1], message[30]) = (flags, tier);
        message[22..30].copy_from_slice(&close.to_le_bytes());
        event(&message)
    };
    let Ok(Event::Directory(plain)) = told(0, 100_000, 1) else { panic!("a directory message") };
    assert_eq!((plain.round_lot, plain.previous_close, plain.luld_tier), (100, px(100_000), b'1'));
    assert_eq!((plain.authenticity, plain.issue_sub_type, plain.etp), (b'P', *b"  ", b'N'));
    let same = |directory: Directory| Ok(Event::Directory(directory));
    assert_eq!(told(0x80, 100_000, 1), same(Directory { authenticity: b'T', ..plain }));
    assert_eq!(told(0x40, 100_000, 1), same(Directory { issue_sub_type: *b"WI", ..plain }));
    assert_eq!(told(0x20, 0, 0), same(Directory { etp: b'Y', previous_close: UNDEF_PRICE, luld_tier: b'0', ..plain }));
    assert_eq!(told(0, 100_000, 10), Err(Drop::BadValue));
}

#[test]
fn types_of_the_other_feed_are_unknown() {
    assert_eq!(event(&tops_quote("XYZ", (1, 1), (2, 2))), Err(Drop::UnknownType));
    let deep = |message: &[u8]| TopsDecoder::new(4).decode(message).unwrap_err();
    assert_eq!(deep(&deep_level("XYZ", b'B', 1, 1, true)), Drop::UnknownType);
    assert_eq!(deep(&deep_security_event("XYZ", b'O')), Drop::UnknownType);
}

#[test]
fn the_type_table_is_the_specification_s() {
    let written: Vec<_> = deep10::Message::TYPES.iter().map(|(code, size)| format!("{}{size}", *code as char)).collect();
    assert_eq!(written.join(" "), "S10 D31 H22 I18 O18 P19 E18 830 530 T38 X26 B38 A80");
    assert_eq!(size_of::<deep10::PriceLevel>(), 30);
}

#[test]
fn the_book_that_a_level_will_touch_is_known_beforehand_once_its_symbol_is() {
    let mut decoder = DeepDecoder::new(4);
    let (first, second) = (deep_level("XYZ", b'B', 1, 1, true), deep_level("OTHER", b'S', 1, 1, true));
    assert_eq!(decoder.will_touch(&first), None);
    let book = |instrument| Touch { instrument, order: None };
    decoder.decode(&first).unwrap();
    decoder.decode(&second).unwrap();
    assert_eq!((decoder.will_touch(&first), decoder.will_touch(&second)), (Some(book(1)), Some(book(2))));
    assert_eq!(decoder.will_touch(&tops_trade("XYZ", 1, 1)), None);
    assert_eq!(DeepDecoder::new(0).will_touch(&first), None);
}

fn nearly_shared() -> impl Strategy<Value = Vec<u8>> {
    let shared: Vec<(u8, usize)> = tops16::Message::TYPES.iter().copied().filter(|(code, _)| *code != b'Q').collect();
    let letters = prop_oneof![4 => proptest::sample::select(b"ABCDHINOPQSTMV \x00\x01\x02\x09\x40\x80".to_vec()), 1 => any::<u8>()];
    (proptest::sample::select(shared), proptest::collection::vec(letters, 80), 0_usize..12).prop_map(|((code, size), mut bytes, cut)| {
        bytes.truncate(size.saturating_sub(cut.saturating_sub(9)));
        bytes[0] = code;
        if bytes.len() > 18 && size > 10 {
            bytes[10..18].copy_from_slice(b"SYMBOL  ");
        }
        // Prices and times that are mostly in range.
        for at in [9, 29, 37, 55, 63, 71, 79] {
            if let Some(high) = bytes.get_mut(at) {
                *high = 0;
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn tops_and_deep_say_the_same_in_the_messages_they_share(message in nearly_shared()) {
        prop_assert_eq!(DeepDecoder::new(4).decode(&message), TopsDecoder::new(4).decode(&message));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(mut message in proptest::collection::vec(any::<u8>(), 0..90), code in 0_usize..13) {
        if let Some(first) = message.first_mut() {
            *first = deep10::Message::TYPES[code].0;
        }
        let mut decoder = DeepDecoder::new(3);
        let _ = decoder.will_touch(&message);
        if let Ok(decoded) = decoder.decode(&message) {
            prop_assert!(decoded.instrument_id < decoder.instrument_limit());
        }
    }
}

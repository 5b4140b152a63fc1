//! Definitions: what a directory message becomes, when it is told, and what it means for a book.

use tickwire::compose::definitions::attribute;
use tickwire::record::{Definition, Header, Schema, Status};

use crate::venue::*;

fn zero_ended<const N: usize>(text: &str) -> [u8; N] {
    let mut all = [0; N];
    all[..text.len()].copy_from_slice(text.as_bytes());
    all
}

/// XYZ (locate 5): an ordinary stock of the global select market.
fn ordinary() -> Definition {
    let ts_event = MIDNIGHT_NS + VENUE_NS;
    Definition {
        hd: Header { length: 130, rtype: Schema::Definition.rtype(), publisher_id: 2, instrument_id: 5, ts_event },
        ts_recv: RECV_NS,
        display_factor: 1_000_000_000,
        raw_instrument_id: 5,
        inst_attrib_value: i32::from(b'N') << 16 | 1 << 8,
        min_lot_size: 1,
        min_lot_size_round_lot: 100,
        channel_id: 7,
        currency: *b"USD\0",
        secsubtype: zero_ended("Z"),
        raw_symbol: zero_ended("XYZ"),
        group: zero_ended("Q"),
        exchange: zero_ended("XNAS"),
        cfi: zero_ended("ESXXXX"),
        security_type: zero_ended("C"),
        instrument_class: b'K',
        security_update_action: b'A',
        ..Definition::UNDEFINED
    }
}

fn defined(message: Vec<u8>) -> Definition {
    let mut bench = Bench::itch();
    bench.one(message);
    assert_eq!(bench.sink.records(), 1);
    bench.sink.definitions()[0]
}

#[test]
fn every_letter_of_the_directory_has_its_place() {
    assert_eq!(defined(directory(5, "XYZ", 100)), ordinary());
    let fund = defined(directory_of(5, "XYZ", b"PD", 10, b"YQE TYY2Y", 3, b'Y'));
    let bits = attribute::TEST | attribute::ROUND_LOTS_ONLY | attribute::ETP | attribute::INVERSE | attribute::SHORT_SALE_THRESHOLD;
    let words = 2 << attribute::LULD_TIER | u32::from(b'D') << attribute::FINANCIAL_STATUS | 3 << attribute::LEVERAGE;
    let expected = Definition {
        inst_attrib_value: (bits | attribute::IPO | words) as i32,
        min_lot_size: 10,
        min_lot_size_round_lot: 10,
        secsubtype: zero_ended("E"),
        group: zero_ended("P"),
        cfi: zero_ended("CEXXXX"),
        security_type: zero_ended("Q"),
        ..ordinary()
    };
    assert_eq!(fund, expected);
    let listed = defined(directory_of(5, "XYZ", b"QN", 100, b"NCZ PNZ1N", u32::MAX, b'N')).inst_attrib_value as u32;
    assert_eq!((listed >> attribute::LEVERAGE, listed & attribute::NEW_LISTING), (127, attribute::NEW_LISTING));
}

#[test]
fn the_class_of_an_instrument_is_told_where_its_letters_tell_it() {
    let told = |classification: u8, sub_type: &[u8; 2], etp: u8| {
        let letters = [b'N', classification, sub_type[0], sub_type[1], b'P', b'N', b'N', b'1', etp];
        let definition = defined(directory_of(5, "XYZ", b"QN", 100, &letters, 0, b'N'));
        let cfi = String::from_utf8(definition.cfi[..6].to_vec()).unwrap();
        (cfi.trim_end_matches('\0').to_owned(), definition.instrument_class)
    };
    for (classification, cfi) in
        [(b'C', "ESXXXX"), (b'O', "ESXXXX"), (b'P', "EPXXXX"), (b'A', "EDXXXX"), (b'F', "EDXXXX"), (b'L', "ELXXXX")]
    {
        assert_eq!(told(classification, b"Z ", b'N'), (cfi.to_owned(), b'K'));
    }
    assert_eq!(told(b'W', b"Z ", b'N'), ("RWXXXX".to_owned(), b'K'));
    assert_eq!((told(b'B', b"Z ", b'N'), told(b'T', b"Z ", b'N')), (("DBXXXX".to_owned(), b'B'), ("DCXXXX".to_owned(), b'B')));
    for sub_type in [b"E ", b"I ", b"EM", b"MF"] {
        assert_eq!(told(b'Q', sub_type, b'Y'), ("CEXXXX".to_owned(), b'K'));
    }
    for (classification, sub_type, etp) in [(b'Q', b"EN", b'Y'), (b'C', b"TC", b'Y'), (b'U', b"Z ", b'N'), (b'?', b"??", b'?')] {
        assert_eq!(told(classification, sub_type, etp), (String::new(), b'K'), "not known from these");
    }
}

#[test]
fn letters_that_are_none_leave_their_fields_empty_and_numbers_too_large_are_not_told() {
    let odd = defined(directory_of(5, "XYZ", &[0xFF, 0x07], u32::MAX, &[0, b'\n', 0x80, b'Z', 0, 0, 0, 0, 0], 0, 0));
    assert_eq!((odd.group, odd.security_type, odd.secsubtype), ([0; 21], [0; 7], [0; 6]));
    assert_eq!((odd.min_lot_size_round_lot, odd.min_lot_size, odd.inst_attrib_value), (i32::MAX, i32::MAX, 0));
    assert_eq!(defined(directory(5, "XYZ", 0)).min_lot_size_round_lot, i32::MAX, "a round lot of none");
}

#[test]
fn a_definition_told_again_makes_no_record_and_one_told_otherwise_is_a_modification_and_counted() {
    let mut bench = Bench::itch();
    let told = |bench: &mut Bench, message| {
        bench.one(message);
        let update: Vec<u8> = bench.sink.definitions().iter().map(|record| record.security_update_action).collect();
        (update, bench.channel.composer().definitions_changed())
    };
    bench.one(add(5, "XYZ", 11, b'B', 300, 100_000));
    assert_eq!(told(&mut bench, directory(5, "XYZ", 100)), (b"A".to_vec(), 0), "the first, though the instrument was named before");
    assert_eq!(told(&mut bench, directory(5, "XYZ", 100)), (vec![], 0));
    assert_eq!(told(&mut bench, directory(5, "XYZ", 40)), (b"M".to_vec(), 1));
    assert_eq!(told(&mut bench, directory(5, "XYZ", 40)), (vec![], 1));
    assert_eq!(told(&mut bench, directory(5, "XYZ", 100)), (b"M".to_vec(), 2), "also when it is as it was");
    assert_eq!((bench.channel.composer().books().live_orders(), bench.dropped()), (1, vec![]), "no book is touched");
    (bench.session, bench.next) = (*b"SESSION002", 1);
    bench.one(directory(5, "XYZ", 40));
    assert_eq!(told(&mut bench, directory(5, "XYZ", 40)), (b"A".to_vec(), 2), "a new session begins anew");
}

#[test]
fn a_definition_that_gives_an_id_another_symbol_is_a_new_instrument_with_an_empty_book() {
    let mut bench = Bench::itch();
    bench.send(&[directory(5, "XYZ", 100), add(5, "XYZ", 11, b'B', 300, 100_000), collar(5, "XYZ", [100, 110, 90, 0])]);
    bench.one(directory(5, "ABC", 100));
    assert_eq!(bench.sink.definitions(), [Definition { raw_symbol: zero_ended("ABC"), ..ordinary() }]);
    assert_eq!(bench.sink.mbo()[0].action, b'R');
    assert_eq!((bench.dropped(), bench.channel.composer().definitions_changed()), (vec![("symbol_changed", 1)], 0));
    bench.one(imbalance(5, "ABC", [1, 2], b'B', [1, 2, 3], *b"HL"));
    assert_eq!(bench.sink.imbalances()[0].upper_collar, NO_PX, "the collar was the other's");
}

#[test]
fn any_other_message_that_contradicts_the_directory_is_not_applied_and_counted() {
    let messages = [
        trade(5, "ABC", 1, 1),
        cross(5, "ABC", 1, 1),
        trading_action(5, "ABC", b'H', b"T1  "),
        imbalance(5, "ABC", [1, 2], b'B', [1, 2, 3], *b"OL"),
        collar(5, "ABC", [1, 2, 3, 0]),
        participant(5, b"MAKR", "ABC", *b"YNA"),
    ];
    for message in messages {
        let mut bench = Bench::itch();
        bench.one(directory(5, "XYZ", 100));
        bench.one(message);
        assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("symbol_mismatch", 1)]));
    }
}

#[test]
fn when_another_channel_begins_an_epoch_definitions_are_told_again() {
    let mut bench = Bench::itch();
    bench.send(&[directory(5, "XYZ", 100), directory(5, "XYZ", 40), add(6, "ABC", 11, b'B', 300, 100_000)]);
    bench.sink.take();
    bench.channel.announce_again(RECV_NS + 7, &mut bench.sink);
    let [again] = bench.sink.definitions()[..] else { panic!("one definition: the other instrument has none") };
    let expected = ordinary();
    let hd = Header { ts_event: RECV_NS + 7, ..expected.hd };
    assert_eq!(again, Definition { hd, ts_recv: RECV_NS + 7, min_lot_size_round_lot: 40, ..expected });
}

#[test]
fn when_another_channel_begins_an_epoch_the_last_status_of_each_instrument_is_told_again() {
    let mut bench = Bench::itch();
    bench.send(&[trading_action(5, "XYZ", b'T', b"    "), short_sale(5, "XYZ", b'1'), add(6, "ABC", 11, b'B', 300, 100_000)]);
    let last = *bench.sink.statuses().last().unwrap();
    bench.sink.take();
    bench.sink.next_row = 0;
    bench.channel.announce_again(RECV_NS + 7, &mut bench.sink);
    assert_eq!(bench.sink.statuses(), [Status { ts_recv: RECV_NS + 7, ..last }], "as of when it was, received now");
    assert_eq!((last.hd.ts_event, last.action), (MIDNIGHT_NS + VENUE_NS, 14));
    // A directory message gave the id to another instrument, of which nothing was told yet.
    bench.one(directory(5, "NEW", 100));
    bench.sink.take();
    bench.channel.announce_again(RECV_NS + 8, &mut bench.sink);
    assert_eq!(bench.sink.statuses(), []);
}

#[test]
fn an_instrument_without_a_row_has_no_definition() {
    for (unwanted, rows) in [(vec![text("XYZ")], 9), (vec![], 0)] {
        let mut bench = Bench::itch();
        (bench.sink.unwanted, bench.sink.rows) = (unwanted, rows);
        bench.send(&[directory(5, "XYZ", 100), directory(5, "XYZ", 40)]);
        assert_eq!((bench.sink.records(), bench.channel.composer().definitions_changed()), (0, 1));
    }
}

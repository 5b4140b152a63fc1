//! Session layers, decoders, symbol numbers and the venue's calendar, on bytes made here from the specifications.
#![cfg(feature = "service")]

use proptest::prelude::*;
use tickwire::feed::iex_tops::{IexTops, TopsDecoder};
use tickwire::feed::iextp::{DeepTp, TopsTp};
use tickwire::feed::itch::{Itch, ItchDecoder, Market};
use tickwire::feed::moldudp64::MoldUdp64;
use tickwire::feed::name::FeedName;
use tickwire::feed::symbols::SymbolTable;
use tickwire::feed::venue_time::{VenueDate, VenueTimeError};
use tickwire::feed::{
    Auction, Decoded, Decoder, Event, Official, Packet, PacketKind, Protocol, Quoted, SessionId, SessionLayer, Shares, Side, StatusChange,
    Word,
};
use tickwire::record::{UNDEF_PRICE, venue};
use tickwire::stats::Drop;
use tickwire::wire::{itch50, tops16};

// ── bytes ──

/// A MoldUDP64 packet of session `SESSION` + sequence.
fn mold(sequence: u64, count: u16, blocks: &[&[u8]]) -> Vec<u8> {
    let mut packet = b"SESSION   ".to_vec();
    packet.extend(sequence.to_be_bytes());
    packet.extend(count.to_be_bytes());
    for block in blocks {
        packet.extend((block.len() as u16).to_be_bytes());
        packet.extend(*block);
    }
    packet
}

/// The fields of an IEX-TP header that tests vary.
#[derive(Clone, Copy)]
struct Segment {
    version: u8,
    protocol: u16,
    payload_length: Option<u16>,
    count: u16,
    offset: i64,
    sequence: i64,
    send_time: i64,
}

const SEGMENT: Segment = Segment {
    version: 1,
    protocol: 0x8003,
    payload_length: None,
    count: 0,
    offset: 5000,
    sequence: 77,
    send_time: 1_500_000_000_000_000_000,
};

fn segment(header: Segment, blocks: &[&[u8]]) -> Vec<u8> {
    let length: usize = blocks.iter().map(|block| block.len() + 2).sum();
    let mut packet = vec![header.version, 0];
    packet.extend(header.protocol.to_le_bytes());
    packet.extend(1_u32.to_le_bytes());
    packet.extend(0x0403_0201_u32.to_le_bytes());
    packet.extend(header.payload_length.unwrap_or(length as u16).to_le_bytes());
    packet.extend(header.count.to_le_bytes());
    packet.extend(header.offset.to_le_bytes());
    packet.extend(header.sequence.to_le_bytes());
    packet.extend(header.send_time.to_le_bytes());
    for block in blocks {
        packet.extend((block.len() as u16).to_le_bytes());
        packet.extend(*block);
    }
    packet
}

/// Takes up to `packet.count` messages off: those that could be read, why reading ended early, and what is left over.
fn messages<'a, S: SessionLayer>(packet: &Packet<'a>) -> (Vec<&'a [u8]>, Option<Drop>, usize) {
    let mut blocks = packet.blocks;
    let mut messages = Vec::new();
    for _ in 0..packet.count {
        match S::next_message(&mut blocks) {
            Ok(message) => messages.push(message),
            Err(reason) => return (messages, Some(reason), blocks.len()),
        }
    }
    (messages, None, blocks.len())
}

/// Builds a message by writing fields at the offsets of the specification.
struct Bytes(Vec<u8>);

impl Bytes {
    const LOCATE: u16 = 1234;
    const TIME_NS: u64 = 34_200_000_000_123;

    fn itch(code: u8) -> Self {
        let size = itch50::Message::TYPES.iter().find(|(known, _)| *known == code).unwrap().1;
        let zeros = Self(vec![0; size]);
        let head = zeros.put(0, &[code]).put(1, &Self::LOCATE.to_be_bytes()).put(3, &[0xFF, 0xFF]);
        head.put(5, &Self::TIME_NS.to_be_bytes()[2..])
    }

    fn tops(code: u8, second: u8) -> Self {
        let size = tops16::Message::TYPES.iter().find(|(known, _)| *known == code).unwrap().1;
        let head = Self(vec![0; size]).put(0, &[code, second]).put(2, &1_600_000_000_000_000_001_i64.to_le_bytes());
        if size > 10 { head.put(10, b"ZIEXT   ") } else { head }
    }

    fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn u32_be(self, at: usize, value: u32) -> Self {
        self.put(at, &value.to_be_bytes())
    }

    fn u64_be(self, at: usize, value: u64) -> Self {
        self.put(at, &value.to_be_bytes())
    }
}

const MIDNIGHT_NS: u64 = 1_692_676_800_000_000_000;

fn decode_itch(bytes: &Bytes) -> Result<Decoded, Drop> {
    ItchDecoder::new(Market::Nasdaq, MIDNIGHT_NS).decode(&bytes.0)
}

fn itch_event(bytes: &Bytes) -> Event {
    let decoded = decode_itch(bytes).unwrap();
    assert_eq!(decoded.ts_event, MIDNIGHT_NS + Bytes::TIME_NS);
    assert_eq!(decoded.instrument_id, u32::from(Bytes::LOCATE));
    decoded.event
}

fn decode_tops(bytes: &Bytes) -> Result<Decoded, Drop> {
    TopsDecoder::new(10).decode(&bytes.0)
}

fn tops_event(bytes: &Bytes) -> Event {
    let decoded = decode_tops(bytes).unwrap();
    assert_eq!(decoded.ts_event, 1_600_000_000_000_000_001);
    assert_eq!((decoded.instrument_id, decoded.symbol), (1, Some(*b"ZIEXT   ")));
    decoded.event
}

fn status(action: dbn::StatusAction, reason: dbn::StatusReason, trading: u8, quoting: u8, short: u8) -> Event {
    Event::Status(StatusChange {
        action: action as u16,
        reason: reason as u16,
        trading_event: dbn::TradingEvent::None as u16,
        is_trading: trading,
        is_quoting: quoting,
        is_short_sell_restricted: short,
    })
}

fn trade(size: u32, saturated: bool, match_number: u64, code: u8, official: Option<Official>) -> Event {
    Event::Trade { price: 1_000_000_000, shares: Shares { size, saturated }, match_number, code, official }
}

// ── MoldUDP64 ──

#[test]
fn a_mold_packet_gives_its_messages_in_order() {
    let bytes = mold(9, 3, &[b"one", b"", b"three"]);
    let packet = MoldUdp64::packet(&bytes).unwrap();
    assert_eq!((packet.session, packet.kind), (SessionId(*b"SESSION   "), PacketKind::Data));
    assert_eq!((packet.sequence, packet.count, packet.send_ns, packet.stream_offset), (9, 3, 0, 0));
    // The empty message is legal, and has a number.
    assert_eq!(messages::<MoldUdp64>(&packet), (vec![&b"one"[..], b"", b"three"], None, 0));
}

#[test]
fn mold_heartbeat_and_end_of_session_carry_the_next_number_and_no_messages() {
    let heartbeat = mold(10, 0, &[]);
    let packet = MoldUdp64::packet(&heartbeat).unwrap();
    assert_eq!((packet.kind, packet.sequence, packet.count), (PacketKind::Heartbeat, 10, 0));
    let end = mold(11, 0xFFFF, &[]);
    let packet = MoldUdp64::packet(&end).unwrap();
    assert_eq!((packet.kind, packet.sequence, packet.count), (PacketKind::EndOfSession, 11, 0));
    let last_before_end = mold(11, 0xFFFE, &[]);
    assert_eq!(MoldUdp64::packet(&last_before_end).unwrap().kind, PacketKind::Data);
}

#[test]
fn mold_refuses_a_session_that_is_no_text_but_takes_zeros() {
    let mut packet = mold(1, 0, &[]);
    packet[..10].fill(0);
    assert!(MoldUdp64::packet(&packet).is_ok());
    for byte in [1, 0x1f, 0x7f, 0x80, 0xff] {
        packet[9] = byte;
        assert_eq!(MoldUdp64::packet(&packet).unwrap_err(), Drop::WrongProtocol);
    }
}

#[test]
fn case_15_16_a_block_past_the_end_ends_the_packet_and_what_came_before_it_is_kept() {
    let mut long_block = mold(1, 2, &[b"good", b"cut"]);
    let at = long_block.len() - 4;
    long_block[at] = 200;
    let packet = MoldUdp64::packet(&long_block).unwrap();
    assert_eq!(messages::<MoldUdp64>(&packet).0, [b"good"]);
    assert_eq!(messages::<MoldUdp64>(&packet).1, Some(Drop::BlockPastEnd));

    let large_count = mold(1, 3, &[b"one", b"two"]);
    let packet = MoldUdp64::packet(&large_count).unwrap();
    assert_eq!(messages::<MoldUdp64>(&packet), (vec![&b"one"[..], b"two"], Some(Drop::BlockPastEnd), 0));

    let small_count = mold(1, 1, &[b"one", b"two"]);
    let packet = MoldUdp64::packet(&small_count).unwrap();
    assert_eq!(messages::<MoldUdp64>(&packet), (vec![&b"one"[..]], None, 5));
}

// ── IEX-TP ──

#[test]
fn an_iex_segment_gives_its_messages_session_and_times() {
    let bytes = segment(Segment { count: 2, ..SEGMENT }, &[b"one", b"three"]);
    let packet = TopsTp::packet(&bytes).unwrap();
    assert_eq!(packet.session, SessionId([1, 2, 3, 4, 0, 0, 0, 0, 0, 0]));
    assert_eq!((packet.kind, packet.sequence, packet.count), (PacketKind::Data, 77, 2));
    assert_eq!((packet.send_ns, packet.stream_offset), (1_500_000_000_000_000_000, 5000));
    assert_eq!(messages::<TopsTp>(&packet), (vec![&b"one"[..], b"three"], None, 0));
}

#[test]
fn an_iex_heartbeat_carries_the_next_number() {
    let bytes = segment(SEGMENT, &[]);
    let packet = TopsTp::packet(&bytes).unwrap();
    assert_eq!((packet.kind, packet.sequence, packet.count, packet.blocks.len()), (PacketKind::Heartbeat, 77, 0, 0));
}

#[test]
fn only_the_message_protocol_asked_for_is_taken() {
    let tops = segment(SEGMENT, &[]);
    let deep = segment(Segment { protocol: 0x8004, ..SEGMENT }, &[]);
    assert!(TopsTp::packet(&tops).is_ok() && DeepTp::packet(&deep).is_ok());
    assert_eq!(TopsTp::packet(&deep).unwrap_err(), Drop::WrongProtocol);
    assert_eq!(DeepTp::packet(&tops).unwrap_err(), Drop::WrongProtocol);
    let version_2 = segment(Segment { version: 2, ..SEGMENT }, &[]);
    assert_eq!(TopsTp::packet(&version_2).unwrap_err(), Drop::WrongProtocol);
}

#[test]
fn negative_numbers_in_an_iex_header_are_refused() {
    for bad in [Segment { sequence: -1, ..SEGMENT }, Segment { offset: i64::MIN, ..SEGMENT }, Segment { send_time: -1, ..SEGMENT }] {
        assert_eq!(TopsTp::packet(&segment(bad, &[])).unwrap_err(), Drop::BadValue);
    }
    let largest = segment(Segment { sequence: i64::MAX, ..SEGMENT }, &[]);
    assert_eq!(TopsTp::packet(&largest).unwrap().sequence, i64::MAX as u64);
}

#[test]
fn an_iex_segment_longer_than_its_datagram_is_refused_whole() {
    let bytes = segment(Segment { count: 1, payload_length: Some(8), ..SEGMENT }, &[b"three"]);
    assert_eq!(TopsTp::packet(&bytes).unwrap_err(), Drop::WrongPayloadLength);
}

#[test]
fn bytes_behind_an_iex_segment_stay_visible_as_trailing_bytes() {
    let mut bytes = segment(Segment { count: 1, ..SEGMENT }, &[b"three"]);
    bytes.extend([0; 6]);
    let packet = TopsTp::packet(&bytes).unwrap();
    assert_eq!(messages::<TopsTp>(&packet), (vec![&b"three"[..]], None, 6));
}

#[test]
fn no_message_is_read_from_beyond_the_payload_of_an_iex_segment() {
    // Two blocks in the datagram, but the payload ends after the first: the second is not the segment's.
    let bytes = segment(Segment { count: 2, payload_length: Some(5), ..SEGMENT }, &[b"one", b"two"]);
    let packet = TopsTp::packet(&bytes).unwrap();
    assert_eq!(messages::<TopsTp>(&packet), (vec![&b"one"[..]], Some(Drop::BlockPastEnd), 0));
}

#[test]
fn case_17_a_datagram_cut_at_any_byte_is_refused_or_gives_whole_messages_only() {
    let blocks: [&[u8]; 3] = [b"one", b"three", b""];
    let bytes = mold(1, 3, &blocks);
    for length in 0..bytes.len() {
        match MoldUdp64::packet(&bytes[..length]) {
            Err(reason) => assert!(length < 20 && reason == Drop::HeaderCut),
            Ok(packet) => {
                let (messages, reason, _) = messages::<MoldUdp64>(&packet);
                assert_eq!((messages.as_slice(), reason), (&blocks[..messages.len()], Some(Drop::BlockPastEnd)));
            }
        }
    }
    let bytes = segment(Segment { count: 3, ..SEGMENT }, &blocks);
    for length in 0..bytes.len() {
        let reason = if length < 40 { Drop::HeaderCut } else { Drop::WrongPayloadLength };
        assert_eq!(TopsTp::packet(&bytes[..length]).unwrap_err(), reason);
    }
}

#[test]
fn only_iex_shows_a_restart_under_the_same_session() {
    const { assert!(!<Itch as Protocol>::Session::RESTARTS_SHOW && <IexTops as Protocol>::Session::RESTARTS_SHOW) }
}

// ── ITCH ──

#[test]
fn both_kinds_of_add_give_the_same_event() {
    for (code, attribution) in [(b'A', None), (b'F', Some([0; 4]))] {
        let add = Bytes::itch(code).u64_be(11, 42).put(19, b"S").u32_be(20, 300).put(24, b"TEST    ").u32_be(32, 1_234_567);
        assert_eq!(itch_event(&add), Event::Add { order: 42, side: Side::Ask, price: 123_456_700_000, size: 300, attribution });
        assert_eq!(decode_itch(&add).unwrap().symbol, Some(*b"TEST    "));
        assert_eq!(decode_itch(&add.put(19, b"X")).unwrap_err(), Drop::BadValue);
    }
}

#[test]
fn what_happens_to_a_resting_order() {
    let execute = Bytes::itch(b'E').u64_be(11, 42).u32_be(19, 100).u64_be(23, 7);
    assert_eq!(itch_event(&execute), Event::Execute { order: 42, size: 100, match_number: 7 });
    let at_price = Bytes::itch(b'C').u64_be(11, 42).u32_be(19, 100).u64_be(23, 7).put(31, b"N").u32_be(32, 10_000);
    let event = Event::ExecuteAtPrice { order: 42, size: 100, price: 1_000_000_000, match_number: 7, printable: false };
    assert_eq!(itch_event(&at_price), event);
    let printable = at_price.put(31, b"Y");
    assert!(matches!(itch_event(&printable), Event::ExecuteAtPrice { printable: true, .. }));
    assert_eq!(decode_itch(&printable.put(31, b" ")).unwrap_err(), Drop::BadValue);
    assert_eq!(itch_event(&Bytes::itch(b'X').u64_be(11, 42).u32_be(19, 5)), Event::Cancel { order: 42, size: 5 });
    assert_eq!(itch_event(&Bytes::itch(b'D').u64_be(11, 42)), Event::Delete { order: 42 });
    let replace = Bytes::itch(b'U').u64_be(11, 42).u64_be(19, 43).u32_be(27, 10).u32_be(31, 20_000);
    assert_eq!(itch_event(&replace), Event::Replace { old: 42, new: 43, price: 2_000_000_000, size: 10 });
}

#[test]
fn trades_crosses_and_breaks() {
    let hidden = Bytes::itch(b'P').put(19, b"B").u32_be(20, 9).put(24, b"TEST    ").u32_be(32, 10_000).u64_be(36, 8);
    assert_eq!(itch_event(&hidden), trade(9, false, 8, 0, None));
    let cross = |shares| Bytes::itch(b'Q').u64_be(11, shares).put(19, b"TEST    ").u32_be(27, 10_000).u64_be(31, 8).put(39, b"O");
    for (shares, size, saturated) in
        [(0, 0, false), (5, 5, false), (u64::from(u32::MAX), u32::MAX, false), (1 << 32, u32::MAX, true), (u64::MAX, u32::MAX, true)]
    {
        assert_eq!(itch_event(&cross(shares)), trade(size, saturated, 8, b'O', Some(Official::Opening)));
    }
    for (kind, official) in
        [(b'C', Official::Closing), (b'H', Official::Uncrossing), (b'A', Official::Uncrossing), (b'?', Official::Uncrossing)]
    {
        assert_eq!(itch_event(&cross(5).put(39, &[kind])), trade(5, false, 8, kind, Some(official)));
    }
    assert_eq!(itch_event(&Bytes::itch(b'B').u64_be(11, 8)), Event::Break { match_number: 8, price: UNDEF_PRICE, size: 0, code: b' ' });
}

#[test]
fn case_33_itch_trading_states_are_dbn_statuses_with_their_reasons() {
    use dbn::{StatusAction as A, StatusReason as R};
    let action = |state: u8, code: &[u8; 4]| itch_event(&Bytes::itch(b'H').put(11, b"TEST    ").put(19, &[state]).put(21, code));
    assert_eq!(action(b'T', b"    "), status(A::Trading, R::None, b'Y', b'Y', b'~'));
    assert_eq!(action(b'H', b"T1  "), status(A::Halt, R::NewsPending, b'N', b'N', b'~'));
    assert_eq!(action(b'P', b"LUDP"), status(A::Pause, R::LuldPause, b'N', b'N', b'~'));
    assert_eq!(action(b'Q', b"T3  "), status(A::Quoting, R::NewsAndResumptionTimes, b'N', b'Y', b'~'));
    assert_eq!(action(b'H', b"????"), status(A::Halt, R::None, b'N', b'N', b'~'), "a halt of unknown cause is a halt");
    assert_eq!(decode_itch(&Bytes::itch(b'H').put(11, b"TEST    ").put(19, b"Z")).unwrap_err(), Drop::BadValue);
    for (code, reason) in [
        (b"T2  ", R::NewsReleased),
        (b"T5  ", R::MarketEvent),
        (b"T6  ", R::Regulatory),
        (b"T7  ", R::MarketEvent),
        (b"T8  ", R::Etf),
        (b"T12 ", R::AdditionalInformationRequested),
        (b"H4  ", R::NonCompliance),
        (b"H9  ", R::FilingsNotCurrent),
        (b"H10 ", R::SecTradingSuspension),
        (b"H11 ", R::Regulatory),
        (b"O1  ", R::Operational),
        (b"LUDS", R::LuldPause),
        (b"MWC0", R::MarketWideHaltCarryover),
        (b"MWC1", R::MarketWideHaltLevel1),
        (b"MWC2", R::MarketWideHaltLevel2),
        (b"MWC3", R::MarketWideHaltLevel3),
        (b"MWCQ", R::MarketWideHaltResumption),
        (b"IPO1", R::NewSecurityOffering),
        (b"IPOQ", R::NewSecurityOffering),
        (b"IPOE", R::NewSecurityOffering),
        (b"M1  ", R::CorporateAction),
        (b"M2  ", R::QuotationNotAvailable),
        (b"R1  ", R::NewIssue),
        (b"R2  ", R::IssueAvailable),
        (b"R4  ", R::IssuesReviewed),
        (b"C4  ", R::IssuesReviewed),
        (b"R9  ", R::FilingReqsSatisfied),
        (b"C9  ", R::FilingReqsSatisfied),
        (b"C3  ", R::NewsNotForthcoming),
        (b"C11 ", R::Regulatory),
    ] {
        assert_eq!(action(b'H', code), status(A::Halt, reason, b'N', b'N', b'~'), "{}", String::from_utf8_lossy(code));
    }
}

#[test]
fn itch_short_sale_restrictions_say_nothing_about_trading() {
    use dbn::{StatusAction as A, StatusReason as R};
    let action = |code: u8| Bytes::itch(b'Y').put(11, b"TEST    ").put(19, &[code]);
    for (code, restricted) in [(b'0', b'N'), (b'1', b'Y'), (b'2', b'Y')] {
        assert_eq!(itch_event(&action(code)), status(A::SsrChange, R::None, b'~', b'~', restricted));
    }
    assert_eq!(decode_itch(&action(1)).unwrap_err(), Drop::BadValue);
}

#[test]
fn an_operational_halt_of_another_market_is_not_ours() {
    use dbn::{StatusAction as A, StatusReason as R};
    let halt = |market: u8, action: u8| Bytes::itch(b'h').put(11, b"TEST    ").put(19, &[market, action]);
    assert_eq!(itch_event(&halt(b'Q', b'H')), status(A::Halt, R::Operational, b'N', b'N', b'~'));
    assert_eq!(itch_event(&halt(b'Q', b'T')), status(A::Trading, R::Operational, b'Y', b'Y', b'~'));
    assert_eq!(itch_event(&halt(b'B', b'H')), Event::Other);
    let mut bx = ItchDecoder::new(Market::Bx, 0);
    assert!(matches!(bx.decode(&halt(b'B', b'H').0).unwrap().event, Event::Status(_)));
    assert_eq!(decode_itch(&halt(b'Z', b'H')).unwrap_err(), Drop::BadValue);
    assert_eq!(decode_itch(&halt(b'Q', b'?')).unwrap_err(), Drop::BadValue);
}

#[test]
fn directory_and_system_events() {
    let directory = Bytes::itch(b'R').put(11, b"TEST    ").u32_be(21, 100);
    assert!(matches!(itch_event(&directory), Event::Directory(told) if told.round_lot == 100));
    assert_eq!(decode_itch(&directory).unwrap().symbol, Some(*b"TEST    "));
    let decoded = decode_itch(&Bytes::itch(b'S').put(11, b"Q")).unwrap();
    assert_eq!((decoded.instrument_id, decoded.symbol, decoded.event), (0, None, Event::System { code: b'Q' }));
}

/// A kind of the side ring with nothing told.
fn word(kind: u8) -> Word {
    Word { kind, codes: [b' '; 3], text: [b' '; 4], reference: 0, prices: [UNDEF_PRICE; 5], time_ns: 0, size: 0 }
}

#[test]
fn an_imbalance_tells_its_prices_where_they_are_not_zero_and_its_side_where_there_is_one() {
    let bytes = Bytes::itch(b'I').u64_be(11, 1_000).u64_be(19, 1 << 32).put(27, b"S").put(28, b"TEST    ");
    let bytes = bytes.u32_be(36, 10_000).u32_be(40, 20_000).u32_be(44, 30_000).put(48, b"CL");
    let told = Auction {
        kind: b'C',
        reference: 3_000_000_000,
        near: 2_000_000_000,
        far: 1_000_000_000,
        matching: UNDEF_PRICE,
        collar: None,
        paired: Shares { size: 1_000, saturated: false },
        imbalance: Shares { size: u32::MAX, saturated: true },
        side: Some(Side::Ask),
        status: 0,
        time_ns: None,
        extensions: 0,
        variation: b'L',
    };
    assert_eq!(itch_event(&bytes), Event::Auction(told));
    assert_eq!(decode_itch(&bytes).unwrap().symbol, Some(*b"TEST    "));
    let zeros = bytes.u32_be(36, 0).u32_be(40, 0).u32_be(44, 0);
    let untold = Auction { reference: UNDEF_PRICE, near: UNDEF_PRICE, far: UNDEF_PRICE, ..told };
    assert_eq!(itch_event(&zeros), Event::Auction(untold));
    let mut zeros = zeros;
    for (direction, side, status) in
        [(b'B', Some(Side::Bid), 0), (b'S', Some(Side::Ask), 0), (b'N', None, 0), (b'O', None, b'O'), (b'P', None, b'P')]
    {
        zeros = zeros.put(27, &[direction]);
        assert_eq!(itch_event(&zeros), Event::Auction(Auction { side, status, ..untold }));
    }
    assert_eq!(decode_itch(&zeros.put(27, b"X")).unwrap_err(), Drop::BadValue);
}

#[test]
fn a_collar_tells_reference_lower_upper_and_extension() {
    let bytes = Bytes::itch(b'J').put(11, b"TEST    ").u32_be(19, 10_000).u32_be(23, 11_000).u32_be(27, 9_000).u32_be(31, 2);
    let event = Event::Collar { reference: 1_000_000_000, lower: 900_000_000, upper: 1_100_000_000, extension: 2 };
    assert_eq!(itch_event(&bytes), event);
    assert_eq!(decode_itch(&bytes).unwrap().symbol, Some(*b"TEST    "));
    let untold = Event::Collar { reference: UNDEF_PRICE, lower: UNDEF_PRICE, upper: UNDEF_PRICE, extension: 0 };
    assert_eq!(itch_event(&Bytes::itch(b'J').put(11, b"TEST    ")), untold);
}

#[test]
fn rare_itch_messages_of_an_instrument_are_words_of_the_side_ring() {
    let ipo = Bytes::itch(b'K').put(11, b"TEST    ").u32_be(19, 36_900).put(23, b"A").u32_be(24, 170_000);
    let mut told = Word { codes: *b"A  ", time_ns: MIDNIGHT_NS + 36_900_000_000_000, ..word(venue::kind::IPO_QUOTATION) };
    told.prices[0] = 17_000_000_000;
    assert_eq!(itch_event(&ipo), Event::Word(told));
    let cancelled = Bytes::itch(b'K').put(11, b"TEST    ").put(23, b"C");
    let none = Word { codes: *b"C  ", ..word(venue::kind::IPO_QUOTATION) };
    assert_eq!(itch_event(&cancelled), Event::Word(none), "neither a price nor a time");

    let listing = Bytes::itch(b'O').put(11, b"TEST    Y").u32_be(20, 10_000).u32_be(24, 20_000).u32_be(28, 30_000);
    let listing = listing.u64_be(32, 34_000_000_000_000).u32_be(40, 40_000).u32_be(44, 50_000);
    let prices = [1, 2, 3, 4, 5].map(|dollars| dollars * 1_000_000_000);
    let time_ns = MIDNIGHT_NS + 34_000_000_000_000;
    assert_eq!(itch_event(&listing), Event::Word(Word { codes: *b"Y  ", prices, time_ns, ..word(venue::kind::DIRECT_LISTING) }));

    let retail = Bytes::itch(b'N').put(11, b"TEST    A");
    assert_eq!(itch_event(&retail), Event::Word(Word { codes: *b"A  ", ..word(venue::kind::RETAIL_INTEREST) }));
    let participant = Bytes::itch(b'L').put(11, b"MAKRTEST    YNA");
    let told = Word { codes: *b"YNA", text: *b"MAKR", ..word(venue::kind::PARTICIPANT) };
    assert_eq!(itch_event(&participant), Event::Word(told));
    for message in [ipo, listing, retail, participant] {
        assert_eq!(decode_itch(&message).unwrap().symbol, Some(*b"TEST    "));
    }
}

#[test]
fn circuit_breaker_levels_and_breaches_are_of_the_whole_venue_whatever_their_locate_says() {
    use dbn::{StatusAction as A, StatusReason as R};
    let levels = Bytes::itch(b'V').u64_be(11, 418_512_345_678).u64_be(19, 2).u64_be(27, 3);
    let decoded = decode_itch(&levels).unwrap();
    let prices = [4_185_123_456_780, 20, 30, UNDEF_PRICE, UNDEF_PRICE];
    let told = Event::Word(Word { prices, ..word(venue::kind::CIRCUIT_BREAKER_LEVELS) });
    assert_eq!((decoded.instrument_id, decoded.symbol, decoded.event), (0, None, told), "eight implied decimals");
    assert_eq!(decode_itch(&levels.u64_be(11, u64::MAX)).unwrap_err(), Drop::BadValue);
    for (level, reason) in [(b'1', R::MarketWideHaltLevel1), (b'2', R::MarketWideHaltLevel2), (b'3', R::MarketWideHaltLevel3)] {
        let decoded = decode_itch(&Bytes::itch(b'W').put(11, &[level])).unwrap();
        assert_eq!((decoded.instrument_id, decoded.symbol), (0, None));
        assert_eq!(decoded.event, status(A::Halt, reason, b'~', b'~', b'~'), "whether a stock trades is for its own messages to say");
    }
    assert_eq!(decode_itch(&Bytes::itch(b'W').put(11, b"4")).unwrap_err(), Drop::BadValue);
}

#[test]
fn a_message_about_an_instrument_without_a_locate_is_not_laid_to_the_venue() {
    for &(code, size) in itch50::Message::TYPES {
        let text = Bytes(vec![b'B'; size]).put(0, &[code]).put(1, &[0, 0]);
        let outcome = decode_itch(&text);
        match code {
            b'S' => assert_eq!(outcome.unwrap().instrument_id, 0),
            b'C' | b'H' | b'Y' | b'h' | b'V' | b'W' => assert_eq!(outcome.unwrap_err(), Drop::BadValue),
            _ => assert_eq!(outcome.unwrap_err(), Drop::UnknownInstrument, "{}", code as char),
        }
    }
}

#[test]
fn case_25_26_the_decoder_counts_unknown_and_short_messages_apart_and_takes_longer_ones() {
    let mut decoder = ItchDecoder::new(Market::Nasdaq, MIDNIGHT_NS);
    assert_eq!(decoder.decode(b"Z unknown").unwrap_err(), Drop::UnknownType);
    assert_eq!(decoder.decode(b"A").unwrap_err(), Drop::WrongLength);
    assert_eq!(decoder.decode(b"").unwrap_err(), Drop::WrongLength);
    let mut longer = Bytes::itch(b'D').u64_be(11, 42).0;
    longer.extend([0xFF; 9]);
    assert_eq!(decoder.decode(&longer).unwrap().event, Event::Delete { order: 42 });
    assert_eq!(decoder.instrument_limit(), 65_536);
}

#[test]
fn case_34_the_largest_numbers_of_itch_do_not_overflow() {
    let add =
        Bytes::itch(b'A').put(5, &[0xFF; 6]).put(11, &[0xFF; 8]).put(19, b"B").put(20, &[0xFF; 4]).put(24, b"TEST    ").put(32, &[0xFF; 4]);
    let decoded = ItchDecoder::new(Market::Nasdaq, u64::MAX - 5).decode(&add.0).unwrap();
    assert_eq!(decoded.ts_event, u64::MAX);
    let price = i64::from(u32::MAX) * 100_000;
    assert_eq!(decoded.event, Event::Add { order: u64::MAX, side: Side::Bid, price, size: u32::MAX, attribution: None });
}

#[test]
fn a_symbol_that_cannot_be_shown_is_a_bad_value() {
    let directory = |symbol: &[u8; 8]| decode_itch(&Bytes::itch(b'R').put(11, symbol));
    for good in [b"A       ", b"BRK.B   ", b"ZVZZT   ", b"ABCD+EF#", b"~~~~~~~~"] {
        assert!(directory(good).is_ok());
    }
    for bad in [b"        ", b" A      ", b"A\0\0\0\0\0\0\0", b"A\x1b[2J   ", b"A      \x7f", b"A   \xff   ", b"\n       "] {
        assert_eq!(directory(bad).unwrap_err(), Drop::BadValue, "{bad:?}");
    }
}

#[test]
fn the_next_day_has_another_midnight() {
    let mut decoder = ItchDecoder::new(Market::Nasdaq, MIDNIGHT_NS);
    decoder.set_midnight(7);
    assert_eq!(decoder.decode(&Bytes::itch(b'S').0).unwrap().ts_event, 7 + Bytes::TIME_NS);
}

// ── TOPS ──

fn quote(bid_size: u32, bid: i64, ask: i64, ask_size: u32) -> Bytes {
    let quote = Bytes::tops(b'Q', 0x40).put(18, &bid_size.to_le_bytes()).put(22, &bid.to_le_bytes());
    quote.put(30, &ask.to_le_bytes()).put(38, &ask_size.to_le_bytes())
}

#[test]
fn a_tops_quote_has_both_sides_and_zero_means_none() {
    let bid = Quoted { price: 24_190_000_000_000, size: 18_773 };
    let ask = Quoted { price: 24_250_000_000_000, size: 60_677 };
    assert_eq!(tops_event(&quote(18_773, 241_900_000, 242_500_000, 60_677)), Event::Quote { bid, ask });
    assert_eq!(tops_event(&quote(0, 0, 242_500_000, 60_677)), Event::Quote { bid: Quoted::default(), ask });
    assert_eq!(tops_event(&quote(0, 0, 0, 0)), Event::Quote { bid: Quoted::default(), ask: Quoted::default() });
}

#[test]
fn case_34_iex_prices_out_of_range_are_bad_values() {
    for bad in [-1, i64::MIN, i64::MAX, i64::MAX / 100_000 + 1] {
        assert_eq!(decode_tops(&quote(1, bad, 0, 0)).unwrap_err(), Drop::BadValue);
        assert_eq!(decode_tops(&quote(0, 0, bad, 1)).unwrap_err(), Drop::BadValue);
        assert_eq!(decode_tops(&Bytes::tops(b'T', 0).put(22, &bad.to_le_bytes())).unwrap_err(), Drop::BadValue);
    }
    let largest = i64::MAX / 100_000;
    assert!(matches!(tops_event(&quote(1, largest, 0, 0)), Event::Quote { bid: Quoted { price, .. }, .. } if price == largest * 100_000));
    assert_eq!(decode_tops(&quote(5, 0, 0, 0)).unwrap_err(), Drop::BadValue, "a size without a price");
    assert_eq!(decode_tops(&quote(0, 5, 0, 0)).unwrap_err(), Drop::BadValue, "a price without a size");
    assert_eq!(decode_tops(&quote(0, 0, 0, 0).put(2, &(-1_i64).to_le_bytes())).unwrap_err(), Drop::BadValue, "a time before 1970");
}

#[test]
fn tops_trades_breaks_and_directory() {
    let report = |code| {
        let bytes = Bytes::tops(code, 0x20).put(18, &7_u32.to_le_bytes()).put(22, &10_000_i64.to_le_bytes());
        bytes.put(30, &99_u64.to_le_bytes())
    };
    assert_eq!(tops_event(&report(b'T')), trade(7, false, 99, 0x20, None));
    assert_eq!(tops_event(&report(b'B')), Event::Break { match_number: 99, price: 1_000_000_000, size: 7, code: 0x20 });
    let directory = tops_event(&Bytes::tops(b'D', 0x80).put(18, &100_u32.to_le_bytes()));
    assert!(matches!(directory, Event::Directory(told) if told.round_lot == 100));
    assert!(matches!(tops_event(&Bytes::tops(b'A', b'O').put(42, b"N")), Event::Auction(told) if told.kind == b'O'));
    assert!(matches!(tops_event(&Bytes::tops(b'I', b'A')), Event::Word(told) if told.codes == *b"A  "));
    assert_eq!(tops_event(&Bytes::tops(b'X', b'M')), Event::Official { which: Official::Closing, price: 0 });
    let system = decode_tops(&Bytes::tops(b'S', b'R')).unwrap();
    assert_eq!((system.instrument_id, system.symbol, system.event), (0, None, Event::System { code: b'R' }));
}

#[test]
fn case_33_iex_trading_states_are_dbn_statuses_with_their_reasons() {
    use dbn::{StatusAction as A, StatusReason as R};
    let trading = |state: u8, code: &[u8; 4]| tops_event(&Bytes::tops(b'H', state).put(18, code));
    assert_eq!(trading(b'T', b"    "), status(A::Trading, R::None, b'Y', b'Y', b'~'));
    assert_eq!(trading(b'H', b"T1  "), status(A::Halt, R::NewsPending, b'N', b'N', b'~'));
    assert_eq!(trading(b'H', b"NA  "), status(A::Halt, R::None, b'N', b'N', b'~'));
    assert_eq!(trading(b'O', b"IPO2"), status(A::PreCross, R::NewSecurityOffering, b'N', b'~', b'~'));
    assert_eq!(trading(b'P', b"MCB2"), status(A::Pause, R::MarketWideHaltLevel2, b'N', b'~', b'~'));
    for (code, reason) in [
        (b"T2  ", R::NewsReleased),
        (b"IPO1", R::NewSecurityOffering),
        (b"IPO3", R::NewSecurityOffering),
        (b"IPOD", R::NewSecurityOffering),
        (b"MCB1", R::MarketWideHaltLevel1),
        (b"MCB3", R::MarketWideHaltLevel3),
    ] {
        assert_eq!(trading(b'H', code), status(A::Halt, reason, b'N', b'N', b'~'));
    }
    let halt = |state| tops_event(&Bytes::tops(b'O', state));
    assert_eq!(halt(b'O'), status(A::Halt, R::Operational, b'N', b'N', b'~'));
    assert_eq!(halt(b'N'), status(A::None, R::Operational, b'~', b'~', b'~'), "sent for halted instruments too");
    let short = |state| tops_event(&Bytes::tops(b'P', state).put(18, b"N"));
    assert_eq!(short(0), status(A::SsrChange, R::None, b'~', b'~', b'N'));
    assert_eq!(short(1), status(A::SsrChange, R::None, b'~', b'~', b'Y'));
    for bad in [Bytes::tops(b'H', b'?'), Bytes::tops(b'O', b'?'), Bytes::tops(b'P', 2)] {
        assert_eq!(decode_tops(&bad).unwrap_err(), Drop::BadValue);
    }
}

#[test]
fn tops_numbers_symbols_from_one_in_order_of_appearance_until_the_table_is_full() {
    let mut decoder = TopsDecoder::new(2);
    assert_eq!(decoder.instrument_limit(), 3);
    let mut id = |symbol: &[u8; 8]| decoder.decode(&quote(0, 0, 0, 0).put(10, symbol).0).map(|decoded| decoded.instrument_id);
    assert_eq!((id(b"FIRST   "), id(b"SECOND  "), id(b"FIRST   ")), (Ok(1), Ok(2), Ok(1)));
    assert_eq!(id(b"THIRD   "), Err(Drop::InstrumentsFull));
    assert_eq!(id(b"SECOND  "), Ok(2), "those that have a number keep it");
    decoder.new_session();
    assert_eq!(decoder.decode(&quote(0, 0, 0, 0).put(10, b"THIRD   ").0).unwrap().instrument_id, 1);
}

#[test]
fn a_bad_message_gives_its_symbol_no_number() {
    let mut decoder = TopsDecoder::new(1);
    assert_eq!(decoder.decode(&quote(1, -1, 0, 0).put(10, b"GHOST   ").0).unwrap_err(), Drop::BadValue);
    assert_eq!(decoder.decode(&quote(0, 0, 0, 0).put(10, b"REAL    ").0).unwrap().instrument_id, 1);
}

#[test]
fn a_symbol_table_without_room_has_no_numbers() {
    let mut none = SymbolTable::new(0);
    assert_eq!((none.id(*b"A       "), none.len(), none.is_empty()), (None, 0, true));
    assert_eq!(SymbolTable::new(u32::MAX).capacity(), SymbolTable::MAX_CAPACITY);
}

// ── names ──

#[test]
fn feeds_have_names_and_dbn_publishers() {
    use dbn::Publisher;
    let feeds = [
        ("nasdaq-itch", Publisher::XnasItchXnas),
        ("bx-itch", Publisher::XbosItchXbos),
        ("psx-itch", Publisher::XpsxItchXpsx),
        ("iex-tops", Publisher::IexgTopsIexg),
        ("iex-deep", Publisher::IexgTopsIexg),
    ];
    for (name, publisher) in feeds {
        let feed = FeedName::from_name(name).unwrap();
        assert_eq!((feed.name(), feed.to_string().as_str(), feed.publisher_id()), (name, name, publisher as u16));
        assert_eq!(feed.itch_market().is_some(), name.ends_with("itch"));
    }
    assert_eq!(FeedName::ALL.map(FeedName::name), feeds.map(|(name, _)| name));
    for wrong in ["", "Nasdaq-Itch", "iex-deep-plus", " iex-tops"] {
        assert_eq!(FeedName::from_name(wrong), None);
    }
}

// ── the venue's calendar ──

const HOUR_NS: u64 = 3_600_000_000_000;

#[test]
fn a_day_begins_at_four_utc_in_summer_and_at_five_in_winter() {
    // 2023-08-22, 2023-01-17, and the days of change: 2023-03-12 has 23 hours, 2023-11-05 has 25.
    for (date, utc_midnight_s, offset_hours) in [
        ("2023-08-22", 1_692_662_400_u64, 4),
        ("2023-01-17", 1_673_913_600, 5),
        ("2023-03-12", 1_678_579_200, 5),
        ("2023-03-13", 1_678_665_600, 4),
        ("2023-11-05", 1_699_142_400, 4),
        ("2023-11-06", 1_699_228_800, 5),
        // Before 2007 daylight saving began in April; in 2026 it is as in 2023.
        ("2006-03-20", 1_142_812_800, 5),
        ("2026-11-20", 1_795_132_800, 5),
    ] {
        let midnight = VenueDate::parse(date).unwrap().midnight_ns().unwrap();
        assert_eq!(midnight, utc_midnight_s * 1_000_000_000 + offset_hours * HOUR_NS, "{date}");
    }
}

#[test]
fn the_days_of_change_are_an_hour_shorter_and_longer() {
    let hours = |date: &str| {
        let date = VenueDate::parse(date).unwrap();
        (date.next().unwrap().midnight_ns().unwrap() - date.midnight_ns().unwrap()) / HOUR_NS
    };
    assert_eq!((hours("2023-03-12"), hours("2023-11-05"), hours("2024-02-29"), hours("2023-12-31")), (23, 25, 24, 24));
}

#[test]
fn the_venue_s_date_changes_at_its_own_midnight() {
    for text in ["2023-08-22", "2023-01-17", "2023-03-12", "2023-03-13", "2023-11-05", "2023-11-06"] {
        let date = VenueDate::parse(text).unwrap();
        let midnight = date.midnight_ns().unwrap();
        assert_eq!(VenueDate::at(midnight).unwrap(), date);
        assert_eq!(VenueDate::at(midnight - 1).unwrap().next().unwrap(), date);
        assert_eq!(date.to_string(), text);
    }
}

#[test]
fn what_is_no_date_is_refused_with_what_to_write() {
    for wrong in [
        "",
        "2023-8-22",
        "20230822",
        "22-08-2023",
        "2023-02-29",
        "2023-13-01",
        "2023-08-22T00:00",
        "2023/08/22",
        "tomorrow",
        "２０２３-08-22",
    ] {
        let error = VenueDate::parse(wrong).unwrap_err();
        assert!(matches!(error, VenueTimeError::NotADate(_)), "{wrong}");
        assert!(error.to_string().contains("YYYY-MM-DD"));
    }
    for far in ["1969-12-31", "0001-01-01", "9999-12-31", "2262-01-01"] {
        assert!(matches!(VenueDate::parse(far).unwrap_err(), VenueTimeError::OutOfRange(_)), "{far}");
    }
    assert!(VenueDate::at(0).is_err() && VenueDate::at(u64::MAX).is_err());
    assert!(VenueDate::parse("2261-12-31").unwrap().next().is_err());
}

// ── hostile bytes ──

/// Bytes that begin like a message, so that they get past the type and length checks.
fn nearly_a_message(types: &'static [(u8, usize)]) -> impl Strategy<Value = Vec<u8>> {
    (0..types.len(), proptest::collection::vec(any::<u8>(), 0..120), any::<bool>()).prop_map(move |(which, mut bytes, whole)| {
        let (code, size) = types[which];
        if whole {
            bytes.resize(bytes.len().max(size), b' ');
        }
        if let Some(first) = bytes.first_mut() {
            *first = code;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_message_is_decoded_or_refused_without_panic(
        itch in prop_oneof![nearly_a_message(itch50::Message::TYPES), proptest::collection::vec(any::<u8>(), 0..60)],
        tops in prop_oneof![nearly_a_message(tops16::Message::TYPES), proptest::collection::vec(any::<u8>(), 0..60)],
        midnight_ns in any::<u64>(),
    ) {
        let mut decoder = ItchDecoder::new(Market::Psx, midnight_ns);
        if let Ok(decoded) = decoder.decode(&itch) {
            prop_assert!(decoded.instrument_id < decoder.instrument_limit());
        }
        let mut decoder = TopsDecoder::new(3);
        if let Ok(decoded) = decoder.decode(&tops) {
            prop_assert!(decoded.instrument_id < decoder.instrument_limit());
        }
    }

    #[test]
    fn any_datagram_is_taken_apart_or_refused_without_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        is_iex in any::<bool>(),
        payload_length in 0_u16..200,
    ) {
        if is_iex && bytes.len() >= 40 {
            bytes[..4].copy_from_slice(&[1, 0, 0x03, 0x80]);
            bytes[12..14].copy_from_slice(&payload_length.to_le_bytes());
            for sign in [23, 31, 39] {
                bytes[sign] &= 0x7F;
            }
        }
        if let Ok(packet) = MoldUdp64::packet(&bytes) {
            prop_assert!(messages::<MoldUdp64>(&packet).0.len() <= usize::from(packet.count));
        }
        if let Ok(packet) = TopsTp::packet(&bytes) {
            // Whatever the lengths say, messages lie within the payload.
            let (messages, _, _) = messages::<TopsTp>(&packet);
            let read: usize = messages.iter().map(|message| message.len() + 2).sum();
            prop_assert!(read <= usize::from(payload_length));
        }
    }

    #[test]
    fn symbol_numbers_agree_with_a_map(symbols in proptest::collection::vec("[A-C]{1,3}", 0..80), capacity in 0_u32..40) {
        let mut table = SymbolTable::new(capacity);
        let mut model = std::collections::HashMap::new();
        for text in symbols {
            let mut symbol = [b' '; 8];
            symbol[..text.len()].copy_from_slice(text.as_bytes());
            let next = model.len() as u32 + 1;
            let expected = match model.get(&symbol) {
                Some(&id) => Some(id),
                None if next <= capacity => {
                    model.insert(symbol, next);
                    Some(next)
                }
                None => None,
            };
            prop_assert_eq!(table.id(symbol), expected);
            prop_assert_eq!(table.len() as usize, model.len());
        }
    }
}

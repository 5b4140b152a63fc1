//! Real messages and frames of Nasdaq, BX, PSX and IEX against what independent decoders read in them.
//!
//! The captures are not ours to give away: they are looked for in `TICKWIRE_CAPTURES`.
#![cfg(feature = "service")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tickwire::feed::iex_deep::DeepDecoder;
use tickwire::feed::iex_tops::TopsDecoder;
use tickwire::feed::iextp::{DeepTp, TopsTp};
use tickwire::feed::itch::ItchDecoder;
use tickwire::feed::moldudp64::MoldUdp64;
use tickwire::feed::name::FeedName;
use tickwire::feed::venue_time::VenueDate;
use tickwire::feed::{Auction, Decoder, Event, Official, PacketKind, Quoted, SessionId, SessionLayer, Shares, Side, Word};
use tickwire::record::{UNDEF_PRICE, venue};
use tickwire::stats::Drop;
use tickwire::wire::itch50::{Head, Message};
use tickwire::wire::{iextp, tops16};

/// The folder of captures; `None` (said aloud) where there is none, unless it is required.
fn captures() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let folder = std::env::var_os("TICKWIRE_CAPTURES").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let is_required = std::env::var("TICKWIRE_CAPTURES_TESTS").is_ok_and(|value| value == "require");
    assert!(!is_required, "no captures in {}: set TICKWIRE_CAPTURES", folder.display());
    eprintln!("SKIPPED: no captures in {}: set TICKWIRE_CAPTURES", folder.display());
    None
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

/// The UDP payloads of a classic capture, packed or not, as the oracles `pcap-file` and `etherparse` find them.
fn payloads(path: &Path) -> Vec<Vec<u8>> {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Box<dyn Read> =
        if path.extension().is_some_and(|end| end == "gz") { Box::new(flate2::read::GzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = pcap_file::pcap::PcapReader::new(file).unwrap();
    let mut payloads = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        let sliced = etherparse::SlicedPacket::from_ethernet(&packet.data).unwrap();
        let Some(etherparse::TransportSlice::Udp(udp)) = sliced.transport else { panic!("{}: a frame without UDP", path.display()) };
        payloads.push(udp.payload().to_vec());
    }
    payloads
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned()
}

/// Every field of a message, under the names the oracle uses.
fn fields(message: &Message) -> Value {
    let (head, mut fields): (&Head, Value) = match message {
        Message::SystemEvent(m) => (&m.head, json!({ "event_code": text(&[m.event_code]) })),
        Message::TradingAction(m) => (
            &m.head,
            json!({ "stock": text(&m.stock), "trading_state": text(&[m.trading_state]), "reserved": text(&[m.reserved]),
                    "reason": text(&m.reason_code) }),
        ),
        Message::RegShoRestriction(m) => (&m.head, json!({ "stock": text(&m.stock), "reg_sho_action": text(&[m.reg_sho_action]) })),
        Message::ParticipantPosition(m) => (
            &m.head,
            json!({ "mpid": text(&m.mpid), "stock": text(&m.stock), "primary_market_maker": text(&[m.primary_market_maker]),
                    "market_maker_mode": text(&[m.market_maker_mode]), "market_participant_state": text(&[m.market_participant_state]) }),
        ),
        Message::LuldAuctionCollar(m) => (
            &m.head,
            json!({ "stock": text(&m.stock), "auction_collar_reference_price": m.auction_collar_reference_price.get(),
                    "upper_auction_collar_price": m.upper_auction_collar_price.get(),
                    "lower_auction_collar_price": m.lower_auction_collar_price.get(),
                    "auction_collar_extention": m.auction_collar_extension.get() }),
        ),
        Message::Add(m) => (
            &m.head,
            json!({ "order_reference_number": m.order_reference_number.get(), "buy_sell_indicator": text(&[m.buy_sell_indicator]),
                    "shares": m.shares.get(), "stock": text(&m.stock), "price": m.price.get() }),
        ),
        Message::AddMpid(m) => (
            &m.head,
            json!({ "order_reference_number": m.order_reference_number.get(), "buy_sell_indicator": text(&[m.buy_sell_indicator]),
                    "shares": m.shares.get(), "stock": text(&m.stock), "price": m.price.get(), "attribution": text(&m.attribution) }),
        ),
        Message::Execute(m) => (
            &m.head,
            json!({ "order_reference_number": m.order_reference_number.get(), "executed_shares": m.executed_shares.get(),
                    "match_number": m.match_number.get() }),
        ),
        Message::ExecuteWithPrice(m) => (
            &m.head,
            json!({ "order_reference_number": m.order_reference_number.get(), "executed_shares": m.executed_shares.get(),
                    "match_number": m.match_number.get(), "printable": text(&[m.printable]),
                    "execution_price": m.execution_price.get() }),
        ),
        Message::Cancel(m) => {
            (&m.head, json!({ "order_reference_number": m.order_reference_number.get(), "cancelled_shares": m.canceled_shares.get() }))
        }
        Message::Delete(m) => (&m.head, json!({ "order_reference_number": m.order_reference_number.get() })),
        Message::Replace(m) => (
            &m.head,
            json!({ "order_reference_number": m.original_order_reference_number.get(),
                    "new_order_reference_number": m.new_order_reference_number.get(), "shares": m.shares.get(), "price": m.price.get() }),
        ),
        Message::Trade(m) => (
            &m.head,
            json!({ "order_reference_number": m.order_reference_number.get(), "buy_sell_indicator": text(&[m.buy_sell_indicator]),
                    "shares": m.shares.get(), "stock": text(&m.stock), "price": m.price.get(), "match_number": m.match_number.get() }),
        ),
        Message::CrossTrade(m) => (
            &m.head,
            json!({ "shares": m.cross_shares.get(), "stock": text(&m.stock), "cross_price": m.cross_price.get(),
                    "match_number": m.match_number.get(), "cross_type": text(&[m.cross_type]) }),
        ),
        Message::NetOrderImbalance(m) => (
            &m.head,
            json!({ "paired_shares": m.paired_shares.get(), "imbalance_shares": m.imbalance_shares.get(),
                    "imbalance_direction": text(&[m.imbalance_direction]), "stock": text(&m.stock), "far_price": m.far_price.get(),
                    "near_price": m.near_price.get(), "current_reference_price": m.current_reference_price.get(),
                    "cross_type": text(&[m.cross_type]), "variation_indicator": text(&[m.price_variation_indicator]) }),
        ),
        Message::RetailInterest(m) => (&m.head, json!({ "stock": text(&m.stock), "interest_flag": text(&[m.interest_flag]) })),
        other => panic!("no real message of this type is known: {other:?}"),
    };
    fields["stock_locate"] = head.stock_locate.get().into();
    fields["tracking_number"] = head.tracking_number.get().into();
    fields["timestamp"] = head.timestamp.get().into();
    fields
}

/// The event the oracle's fields call for, worked out from them alone; `None`: a status, which has its own tests.
fn event_of(kind: &str, fields: &Value) -> Option<Event> {
    let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{kind}: {name}"));
    let size = |name: &str| u32::try_from(number(name)).unwrap();
    let price = |name: &str| i64::try_from(number(name) * 100_000).unwrap();
    let order = || number("order_reference_number");
    let letter = |name: &str| fields[name].as_str().unwrap().bytes().next().unwrap_or(b' ');
    // A price of zero is not told.
    let told = |name: &str| if number(name) == 0 { UNDEF_PRICE } else { price(name) };
    Some(match kind {
        "A" | "F" => {
            let side = if fields["buy_sell_indicator"] == "B" { Side::Bid } else { Side::Ask };
            let attribution = (kind == "F").then(|| fields["attribution"].as_str().unwrap().as_bytes().try_into().unwrap());
            Event::Add { order: order(), side, price: price("price"), size: size("shares"), attribution }
        }
        "E" => Event::Execute { order: order(), size: size("executed_shares"), match_number: number("match_number") },
        "C" => Event::ExecuteAtPrice {
            order: order(),
            size: size("executed_shares"),
            price: price("execution_price"),
            match_number: number("match_number"),
            printable: fields["printable"] == "Y",
        },
        "X" => Event::Cancel { order: order(), size: size("cancelled_shares") },
        "D" => Event::Delete { order: order() },
        "U" => Event::Replace { old: order(), new: number("new_order_reference_number"), price: price("price"), size: size("shares") },
        "P" => trade(price("price"), size("shares"), number("match_number"), 0, None),
        "Q" => {
            let code = fields["cross_type"].as_str().unwrap().as_bytes()[0];
            let official = match code {
                b'O' => Official::Opening,
                b'C' => Official::Closing,
                _ => Official::Uncrossing,
            };
            trade(price("cross_price"), size("shares"), number("match_number"), code, Some(official))
        }
        "I" => Event::Auction(Auction {
            kind: letter("cross_type"),
            reference: told("current_reference_price"),
            near: told("near_price"),
            far: told("far_price"),
            matching: UNDEF_PRICE,
            collar: None,
            paired: Shares { size: size("paired_shares"), saturated: false },
            imbalance: Shares { size: size("imbalance_shares"), saturated: false },
            side: match letter("imbalance_direction") {
                b'B' => Some(Side::Bid),
                b'S' => Some(Side::Ask),
                _ => None,
            },
            status: Some(letter("imbalance_direction")).filter(|letter| b"OP".contains(letter)).unwrap_or(0),
            time_ns: None,
            extensions: 0,
            variation: letter("variation_indicator"),
        }),
        "J" => Event::Collar {
            reference: told("auction_collar_reference_price"),
            lower: told("lower_auction_collar_price"),
            upper: told("upper_auction_collar_price"),
            extension: size("auction_collar_extention"),
        },
        "L" => {
            let codes = ["primary_market_maker", "market_maker_mode", "market_participant_state"].map(letter);
            let text = format!("{:<4}", fields["mpid"].as_str().unwrap()).into_bytes().try_into().unwrap();
            Event::Word(word(venue::kind::PARTICIPANT, codes, text))
        }
        "N" => Event::Word(word(venue::kind::RETAIL_INTEREST, [letter("interest_flag"), b' ', b' '], *b"    ")),
        "S" => Event::System { code: fields["event_code"].as_str().unwrap().as_bytes()[0] },
        "H" | "Y" => return None,
        other => panic!("no real message of type {other} is known"),
    })
}

fn word(kind: u8, codes: [u8; 3], text: [u8; 4]) -> Word {
    Word { kind, codes, text, reference: 0, prices: [UNDEF_PRICE; 5], time_ns: 0, size: 0 }
}

fn trade(price: i64, size: u32, match_number: u64, code: u8, official: Option<Official>) -> Event {
    Event::Trade { price, shares: Shares { size, saturated: false }, match_number, code, official }
}

/// The messages of a day file: u16 big-endian length, message.
fn day_file(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut messages = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (message, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        messages.push(message);
        rest = after;
    }
    messages
}

#[test]
fn all_228_real_itch_messages_decode_to_the_oracle_s_fields() {
    let Some(captures) = captures() else { return };
    let midnight_ns = VenueDate::parse("2023-08-22").unwrap().midnight_ns().unwrap();
    let mut types = BTreeMap::<u8, u32>::new();
    for (file, feed, count) in [("nsm", FeedName::NasdaqItch, 118), ("bx", FeedName::BxItch, 59), ("psx", FeedName::PsxItch, 51)] {
        let bytes = fs::read(captures.join(format!("nasdaq/real_messages_{file}.itch50"))).unwrap();
        let truth = json_of(&captures.join(format!("nasdaq/real_messages_{file}.json")));
        let truth = truth.as_array().unwrap();
        let messages = day_file(&bytes);
        assert_eq!((messages.len(), truth.len()), (count, count));
        let mut decoder = ItchDecoder::new(feed.itch_market().unwrap(), midnight_ns);
        for (bytes, truth) in messages.into_iter().zip(truth) {
            let kind = truth["type"].as_str().unwrap();
            assert_eq!(&bytes[..1], kind.as_bytes());
            assert_eq!(bytes.len() as u64, truth["len"].as_u64().unwrap());
            assert_eq!(fields(&Message::parse(bytes).unwrap()), truth["fields"], "{file} {}", truth["i"]);

            let decoded = decoder.decode(bytes).unwrap();
            let truth = &truth["fields"];
            assert_eq!(decoded.ts_event, midnight_ns + truth["timestamp"].as_u64().unwrap());
            assert_eq!(u64::from(decoded.instrument_id), truth["stock_locate"].as_u64().unwrap());
            assert_eq!(decoded.symbol.map(|symbol| text(&symbol)).as_deref(), truth["stock"].as_str());
            match event_of(kind, truth) {
                Some(event) => assert_eq!(decoded.event, event),
                None => assert!(matches!(decoded.event, Event::Status(_))),
            }
            *types.entry(bytes[0]).or_default() += 1;
        }
    }
    assert_eq!(types.values().sum::<u32>(), 228);
    assert_eq!(types.keys().copied().collect::<Vec<_>>(), b"ACDEFHIJLNPQSUXY");
}

#[test]
fn the_real_tops_capture_gives_all_its_messages_and_drops_none() {
    let Some(captures) = captures() else { return };
    let truth = json_of(&captures.join("iex/tops16.json"));
    let (mut sequence, mut offset, mut last_send_ns) = (1, 0, 0);
    let (mut datagrams, mut heartbeats, mut messages, mut types) = (0_u64, 0_u64, 0_u64, BTreeMap::<String, u64>::new());
    let mut most_in_one = 0;
    let mut decoder = TopsDecoder::new(10_000);
    let mut symbols = BTreeMap::new();
    for payload in payloads(&captures.join("iex/tops16.pcap.gz")) {
        let packet = TopsTp::packet(&payload).unwrap();
        datagrams += 1;
        assert_eq!((packet.session, packet.sequence, packet.stream_offset), (iex_session(1_137_508_352), sequence, offset));
        assert!(packet.send_ns >= last_send_ns);
        heartbeats += u64::from(packet.kind == PacketKind::Heartbeat);
        most_in_one = most_in_one.max(packet.count);
        offset += packet.blocks.len() as u64;
        let mut blocks = packet.blocks;
        for _ in 0..packet.count {
            let message = TopsTp::next_message(&mut blocks).unwrap();
            let decoded = decoder.decode(message).unwrap_or_else(|reason| panic!("message {sequence}: {}", reason.name()));
            assert!(decoded.ts_event <= packet.send_ns && packet.send_ns - decoded.ts_event < 86_400_000_000_000);
            if let Some(symbol) = decoded.symbol {
                assert_eq!(*symbols.entry(symbol).or_insert(decoded.instrument_id), decoded.instrument_id);
            }
            *types.entry(char::from(message[0]).to_string()).or_default() += 1;
            let is_expected = match message[0] {
                b'Q' => matches!(decoded.event, Event::Quote { .. }),
                b'T' => matches!(decoded.event, Event::Trade { .. }),
                b'H' | b'O' | b'P' => matches!(decoded.event, Event::Status(_)),
                b'B' => matches!(decoded.event, Event::Break { .. }),
                b'D' => matches!(decoded.event, Event::Directory(_)),
                b'S' => matches!(decoded.event, Event::System { .. }),
                b'A' => matches!(decoded.event, Event::Auction(_)),
                _ => false,
            };
            assert!(is_expected, "{:?}", decoded.event);
            messages += 1;
            sequence += 1;
        }
        assert!(blocks.is_empty());
        last_send_ns = packet.send_ns;
    }
    assert_eq!((datagrams, messages, heartbeats, offset), (13_022, 57_674, 237, 2_013_448));
    assert_eq!(Value::from(datagrams), truth["packets"]);
    assert_eq!(Value::from(messages), truth["messages"]);
    assert_eq!(Value::from(heartbeats), truth["heartbeats"]);
    assert_eq!(json!(types), truth["types"]);
    assert_eq!(Value::from(symbols.len()), truth["symbols"]);
    assert_eq!(Value::from(most_in_one), truth["max_msgs_per_packet"]);
    // Numbers are the order of appearance: 1 to 7,799, each once.
    let mut ids: Vec<u32> = symbols.into_values().collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(1..=7_799));
}

/// A dissector's output without its nesting: last part of each name → value.
fn flattened(value: &Value, into: &mut BTreeMap<String, String>) {
    for (name, value) in value.as_object().unwrap() {
        match value {
            Value::String(value) => {
                into.insert(name.rsplit('.').next().unwrap().to_owned(), value.clone());
            }
            nested => flattened(nested, into),
        }
    }
}

fn golden(path: &Path) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    flattened(&json_of(path)[0]["layers"], &mut fields);
    fields
}

fn only_payload(path: &Path) -> Vec<u8> {
    let mut payloads = payloads(path);
    assert_eq!(payloads.len(), 1);
    payloads.remove(0)
}

/// Compares a packet and the raw header with the dissector's fields of the header.
fn assert_header<S: SessionLayer>(payload: &[u8], golden: &BTreeMap<String, String>) {
    let number = |name: &str| golden[name].parse::<u64>().unwrap_or_else(|_| panic!("{name}"));
    let header: &iextp::Header = zerocopy::FromBytes::ref_from_prefix(payload).unwrap().0;
    assert_eq!(u64::from(header.version), number("version"));
    assert_eq!(u64::from(header.message_protocol_id.get()), number("messageprotocolid"));
    assert_eq!(u64::from(header.channel_id.get()), number("channelid"));
    assert_eq!(u64::from(header.payload_length.get()), number("payloadlength"));
    let packet = S::packet(payload).unwrap();
    assert_eq!(packet.session, iex_session(number("sessionid") as u32));
    assert_eq!(u64::from(packet.count), number("messagecount"));
    assert_eq!((packet.stream_offset, packet.sequence), (number("streamoffset"), number("firstmessagesequencenumber")));
    assert_eq!(packet.send_ns, number("sendtime"));
    assert_eq!(packet.blocks.len() as u64, number("payloadlength"));
}

/// The session id of IEX's session `number`.
fn iex_session(number: u32) -> SessionId {
    let mut id = SessionId::default();
    id.0[..4].copy_from_slice(&number.to_le_bytes());
    id
}

#[test]
fn a_real_tops_quote_reads_as_the_dissector_reads_it() {
    let Some(captures) = captures() else { return };
    let golden = golden(&captures.join("golden/Tops.IexTp.v1.6/QuoteUpdateMessage.json"));
    let payload = only_payload(&captures.join("packets/Tops.IexTp.v1.6/QuoteUpdateMessage.pcap"));
    assert_header::<TopsTp>(&payload, &golden);
    let mut blocks = TopsTp::packet(&payload).unwrap().blocks;
    let message = TopsTp::next_message(&mut blocks).unwrap();
    let tops16::Message::QuoteUpdate(quote) = tops16::Message::parse(message).unwrap() else { panic!("a quote") };
    let flag = |name: &str| golden[name].parse::<u8>().unwrap();
    assert_eq!(quote.quote_update_flags, flag("symbolavailability") << 7 | flag("marketsession") << 6);
    assert_eq!(message.len().to_string(), golden["messagelength"]);

    let decoded = TopsDecoder::new(1).decode(message).unwrap();
    assert_eq!(decoded.ts_event.to_string(), golden["timestamp"]);
    assert_eq!(text(&decoded.symbol.unwrap()), golden["symbol"]);
    let price = |name: &str| {
        let (units, hundredths) = golden[name].split_once('.').unwrap();
        units.parse::<i64>().unwrap() * 1_000_000_000 + format!("{hundredths:0<9}").parse::<i64>().unwrap()
    };
    let bid = Quoted { price: price("bidprice"), size: golden["bidsize"].parse().unwrap() };
    let ask = Quoted { price: price("askprice"), size: golden["asksize"].parse().unwrap() };
    assert_eq!(decoded.event, Event::Quote { bid, ask });
}

#[test]
fn real_deep_segments_are_deep_and_not_tops() {
    let Some(captures) = captures() else { return };
    for (name, kind) in [
        ("Heartbeat", PacketKind::Heartbeat),
        ("PriceLevelBuyUpdateMessage", PacketKind::Data),
        ("PriceLevelSellUpdateMessage", PacketKind::Data),
    ] {
        let golden = golden(&captures.join(format!("golden/Deep.IexTp.v1.0/{name}.json")));
        let payload = only_payload(&captures.join(format!("packets/Deep.IexTp.v1.0/{name}.pcap")));
        assert_header::<DeepTp>(&payload, &golden);
        assert_eq!(DeepTp::packet(&payload).unwrap().kind, kind);
        assert_eq!(TopsTp::packet(&payload).unwrap_err(), Drop::WrongProtocol);
    }
}

#[test]
fn a_real_deep_level_reads_as_the_dissector_reads_it() {
    let Some(captures) = captures() else { return };
    for (name, side) in [("PriceLevelBuyUpdateMessage", Side::Bid), ("PriceLevelSellUpdateMessage", Side::Ask)] {
        let golden = golden(&captures.join(format!("golden/Deep.IexTp.v1.0/{name}.json")));
        let payload = only_payload(&captures.join(format!("packets/Deep.IexTp.v1.0/{name}.pcap")));
        let mut blocks = DeepTp::packet(&payload).unwrap().blocks;
        let message = DeepTp::next_message(&mut blocks).unwrap();
        assert_eq!((message.len().to_string(), blocks.len()), (golden["messagelength"].clone(), 0));
        let decoded = DeepDecoder::new(1).decode(message).unwrap();
        assert_eq!(decoded.ts_event.to_string(), golden["timestamp"]);
        assert_eq!(text(&decoded.symbol.unwrap()), golden["symbol"]);
        let (units, part) = golden["price"].split_once('.').unwrap_or((&golden["price"], ""));
        let price = units.parse::<i64>().unwrap() * 1_000_000_000 + format!("{part:0<9}").parse::<i64>().unwrap();
        let complete = golden["eventflags"] == "1";
        assert_eq!(decoded.event, Event::Level { side, price, size: golden["size"].parse().unwrap(), complete });
    }
}

#[test]
fn every_real_mold_frame_is_taken_apart_to_the_last_byte() {
    let Some(captures) = captures() else { return };
    let (mut datagrams, mut messages, mut dummies, mut largest) = (0, 0, 0, 0);
    for folder in fs::read_dir(captures.join("packets")).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let feed = match name.split('.').next().unwrap() {
            "Nasdaq" => FeedName::NasdaqItch,
            "Bx" => FeedName::BxItch,
            "Psx" => FeedName::PsxItch,
            _ => continue,
        };
        let mut decoder = ItchDecoder::new(feed.itch_market().unwrap(), 0);
        for file in fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            for payload in payloads(&file) {
                let packet = MoldUdp64::packet(&payload).unwrap();
                assert_eq!(packet.kind, PacketKind::Data);
                // Real frames name a session of ten letters and digits; the others stand in a dummy framing of zeros.
                let is_dummy = packet.session == SessionId([0; 10]);
                assert_eq!(is_dummy, packet.sequence == 0);
                assert!(is_dummy || packet.session.0.iter().all(u8::is_ascii_alphanumeric));
                let mut blocks = packet.blocks;
                for _ in 0..packet.count {
                    let message = MoldUdp64::next_message(&mut blocks).unwrap();
                    let known = Message::TYPES.iter().find(|(code, _)| *code == message[0]);
                    assert_eq!(known, Some(&(message[0], message.len())), "{}", file.display());
                    decoder.decode(message).unwrap_or_else(|reason| panic!("{}: {}", file.display(), reason.name()));
                    messages += 1;
                }
                assert!(blocks.is_empty(), "{}", file.display());
                datagrams += 1;
                dummies += u32::from(is_dummy);
                largest = largest.max(packet.count);
            }
        }
    }
    assert_eq!((datagrams, dummies, messages, largest), (190, 178, 227, 38));
}

#[test]
fn case_17_a_real_datagram_cut_at_any_byte_gives_whole_messages_only() {
    let Some(captures) = captures() else { return };
    let path = captures.join("packets/Nasdaq.Equities.TotalView.Itch.v5.0/Multiple.Packets.pcap");
    let payload = payloads(&path).into_iter().max_by_key(Vec::len).unwrap();
    let whole: Vec<Vec<u8>> = cut(&payload).0;
    let count = usize::from(MoldUdp64::packet(&payload).unwrap().count);
    assert!(count > 1 && whole.len() == count);
    for length in 0..payload.len() {
        let (messages, reason) = cut(&payload[..length]);
        assert_eq!(reason, Some(if length < 20 { Drop::HeaderCut } else { Drop::BlockPastEnd }));
        assert_eq!(messages, whole[..messages.len()]);
    }
}

/// The messages of a MoldUDP64 datagram, and why reading ended early.
fn cut(payload: &[u8]) -> (Vec<Vec<u8>>, Option<Drop>) {
    let packet = match MoldUdp64::packet(payload) {
        Ok(packet) => packet,
        Err(reason) => return (Vec::new(), Some(reason)),
    };
    let mut blocks = packet.blocks;
    let mut messages = Vec::new();
    for _ in 0..packet.count {
        match MoldUdp64::next_message(&mut blocks) {
            Ok(message) => messages.push(message.to_vec()),
            Err(reason) => return (messages, Some(reason)),
        }
    }
    (messages, None)
}

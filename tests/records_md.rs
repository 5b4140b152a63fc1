//! docs/records.md against the code: every row of its tables is produced by a real channel, and every message type has a row.
//!
//! A further feed is one entry of [`feeds`] and a table under its heading.
#![cfg(feature = "service")]

use std::collections::{BTreeMap, BTreeSet};

use tickwire::feed::name::FeedName;
use tickwire::record::statistics::UNDEF_QUANTITY;
use tickwire::record::venue::kind;
use tickwire::record::{Definition, Imbalance, Statistics, UNDEF_PRICE, UNDEF_SIZE, UNDEF_TIME, Venue, control, flags};
use tickwire::wire::{deep10, itch50, tops16};

mod venue;
use venue::*;

// ── the page ──

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/records.md")).unwrap()
}

/// The cells of the `n`-th table under a heading, without its own head.
fn table(page: &str, heading: &str, n: usize) -> Vec<Vec<String>> {
    let section = page.split("\n## ").flat_map(|part| part.split("\n### ")).find(|part| part.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("docs/records.md has no section `{heading}`"));
    let mut tables: Vec<Vec<Vec<String>>> = vec![Vec::new()];
    for line in section.lines() {
        if let Some(row) = line.strip_prefix('|') {
            let cells = row.trim_end().trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            tables.last_mut().unwrap().push(cells);
        } else if tables.last().is_some_and(|table| !table.is_empty()) {
            tables.push(Vec::new());
        }
    }
    tables.swap_remove(n).split_off(2)
}

/// The words in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Schema (and whether of the whole venue) → what its records say, in order.
type Told = BTreeMap<String, Vec<String>>;

/// `trades T; status HALT (whole venue)`
fn told_by(cell: &str) -> Told {
    let mut told = Told::new();
    for part in cell.split(';').map(str::trim).filter(|part| *part != "none") {
        let (part, whole) = part.strip_suffix(" (whole venue)").map_or((part, ""), |part| (part, " (whole venue)"));
        let mut words = part.split(' ').map(str::to_owned);
        let schema = words.next().unwrap() + whole;
        assert!(told.insert(schema, words.collect()).is_none(), "a schema twice in `{cell}`");
    }
    told
}

// ── the code ──

fn kind_name(number: u8) -> &'static str {
    match number {
        kind::TRADE => "trade",
        kind::TRADE_BREAK => "trade_break",
        kind::ATTRIBUTION => "attribution",
        kind::COLLAR => "collar",
        kind::IPO_QUOTATION => "ipo_quotation",
        kind::DIRECT_LISTING => "direct_listing",
        kind::RETAIL_INTEREST => "retail_interest",
        kind::PARTICIPANT => "participant",
        kind::EMPTY_CROSS => "empty_cross",
        kind::SECURITY_EVENT => "security_event",
        kind::CIRCUIT_BREAKER_LEVELS => "circuit_breaker_levels",
        other => panic!("kind {other}"),
    }
}

fn status_name(action: u16) -> String {
    // DBN's own names: `SsrChange` → `SSR_CHANGE`.
    let name = format!("{:?}", dbn::StatusAction::try_from(action).unwrap());
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(letter.to_uppercase());
    }
    words
}

fn stat_name(stat_type: u16) -> &'static str {
    match stat_type {
        1 => "opening_price",
        11 => "close_price",
        16 => "uncrossing_price",
        other => panic!("statistic {other}"),
    }
}

fn produced(out: &[Out]) -> Told {
    let mut told = Told::new();
    for out in out {
        let letter = |letter: u8| Some((letter as char).to_string());
        let (schema, word) = match out {
            Out::Mbo(_, record) => ("mbo", letter(record.action)),
            Out::Mbp1(_, record) => ("mbp-1", letter(record.action)),
            Out::Mbp10(_, record) => ("mbp-10", letter(record.action)),
            Out::Trade(_, record) => ("trades", letter(record.action)),
            Out::Status(_, record) => ("status", Some(status_name(record.action))),
            Out::StatusWhole(record) => ("status (whole venue)", Some(status_name(record.action))),
            Out::Imbalance(..) => ("imbalance", None),
            Out::Statistics(_, record) => ("statistics", Some(stat_name(record.stat_type).to_owned())),
            Out::Definition(_, record) => ("definition", letter(record.security_update_action)),
            Out::Venue(_, record) => ("venue", Some(kind_name(record.kind).to_owned())),
            Out::VenueWhole(record) => ("venue (whole venue)", Some(kind_name(record.kind).to_owned())),
            Out::Control(record) if record.hd.rtype == control::SYSTEM_EVENT => ("control", Some("system_event".to_owned())),
            Out::Control(record) => panic!("a control record {:#x}", record.hd.rtype),
            Out::Instrument(_) | Out::State(..) => continue,
            Out::NewEpoch => panic!("a new epoch"),
        };
        let words = told.entry(schema.to_owned()).or_default();
        match word {
            Some(word) => words.push(word),
            None => assert_eq!(words.len(), 0),
        }
    }
    told
}

/// A message, and what came before it.
struct Case {
    name: &'static str,
    before: Vec<Vec<u8>>,
    message: Vec<u8>,
}

fn case(name: &'static str, before: &[Vec<u8>], message: Vec<u8>) -> Case {
    Case { name, before: before.to_vec(), message }
}

struct Feed {
    heading: &'static str,
    feed: FeedName,
    types: Vec<u8>,
    cases: Vec<Case>,
}

fn feeds() -> Vec<Feed> {
    vec![
        Feed {
            heading: "TotalView-ITCH 5.0",
            feed: FeedName::NasdaqItch,
            types: itch50::Message::TYPES.iter().map(|(code, _)| *code).collect(),
            cases: itch_cases(),
        },
        Feed {
            heading: "IEX TOPS 1.6",
            feed: FeedName::IexTops,
            types: tops16::Message::TYPES.iter().map(|(code, _)| *code).collect(),
            cases: tops_cases(),
        },
        Feed {
            heading: "IEX DEEP 1.0",
            feed: FeedName::IexDeep,
            types: deep10::Message::TYPES.iter().map(|(code, _)| *code).collect(),
            cases: deep_cases(),
        },
    ]
}

fn itch_cases() -> Vec<Case> {
    let order = [add(5, "XYZ", 11, b'B', 300, 100_000)];
    let known = [directory(5, "XYZ", 100)];
    let rich = directory_of(5, "XYZ", b"QD", 100, b"YCZ TYY2Y", 3, b'Y');
    vec![
        case("order", &[], add(5, "XYZ", 11, b'B', 300, 100_000)),
        case("order with participant", &[], add_mpid(5, "XYZ", 11, b'B', 300, 100_000)),
        case("execution", &order, execute(5, 11, 100)),
        case("printable Y", &order, execute_at(5, 11, 100, b'Y', 99_000)),
        case("printable N", &order, execute_at(5, 11, 100, b'N', 99_000)),
        case("part of an order", &order, cancel(5, 11, 100)),
        case("order", &order, delete(5, 11)),
        case("order", &order, replace(5, 11, 12, 100, 100_000)),
        case("hidden trade", &order, trade(5, "XYZ", 40, 100_000)),
        case("no shares", &order, trade(5, "XYZ", 0, 100_000)),
        case("opening cross", &order, cross_of(5, "XYZ", 40, 100_000, b'O')),
        case("closing cross", &order, cross_of(5, "XYZ", 40, 100_000, b'C')),
        case("other cross", &order, cross_of(5, "XYZ", 40, 100_000, b'H')),
        case("no shares", &order, cross_of(5, "XYZ", 0, 100_000, b'C')),
        case("broken trade", &order, broken_trade(5, 99)),
        case(
            "imbalance",
            &[collar(5, "XYZ", [100_000, 105_000, 95_000, 2])],
            imbalance(5, "XYZ", [1_000, 200], b'P', [90_000, 95_000, 100_000], *b"H3"),
        ),
        case("collar", &[], collar(5, "XYZ", [100_000, 105_000, 95_000, 2])),
        case("IPO quotation", &[], ipo_quotation(5, "XYZ", 36_900, b'A', 170_000)),
        case("direct listing", &[], direct_listing(5, "XYZ", b'Y', [1, 2, 3], 4, [5, 6])),
        case("retail interest", &[], retail_interest(5, "XYZ", b'A')),
        case("participant", &[], participant(5, b"MAKR", "XYZ", *b"YNA")),
        case("trading", &[], trading_action(5, "XYZ", b'T', b"    ")),
        case("halted", &[], trading_action(5, "XYZ", b'H', b"T1  ")),
        case("paused", &[], trading_action(5, "XYZ", b'P', b"LUDP")),
        case("quotation only", &[], trading_action(5, "XYZ", b'Q', b"T3  ")),
        case("short-sale restriction", &[], short_sale(5, "XYZ", b'1')),
        case("halted on this market", &[], operational_halt(5, "XYZ", b'Q', b'H')),
        case("resumed on this market", &[], operational_halt(5, "XYZ", b'Q', b'T')),
        case("of another market", &[], operational_halt(5, "XYZ", b'B', b'H')),
        case("first of the session", &order, rich),
        case("told otherwise", &known, directory(5, "XYZ", 40)),
        case("told again", &known, directory(5, "XYZ", 100)),
        case("another symbol for the id", &known, directory(5, "ABC", 100)),
        case("levels of the circuit breaker", &[], decline_levels([3, 2, 1])),
        case("a level was breached", &[], breach(b'1')),
        case("system event", &[], system_event(b'Q')),
    ]
}

fn tops_cases() -> Vec<Case> {
    let quoted = [tops_quote("XYZ", (100_000, 300), (100_100, 200))];
    let mut cases = iex_cases(&quoted);
    cases.push(case("quote", &quoted, tops_quote("XYZ", (100_000, 300), (100_100, 100))));
    cases
}

fn deep_cases() -> Vec<Case> {
    let resting = [level(b'B', 0, 300, true), level(b'S', 0, 300, true)];
    let mut cases = iex_cases(&resting);
    cases.push(case("security event", &resting, deep_security_event("XYZ", b'O')));
    for side in [b'B', b'S'] {
        let best = [level(side, 0, 300, true)];
        let open = [level(side, 0, 300, true), level(side, 1, 5, false)];
        let undone = [level(side, 0, 300, true), level(side, 0, 200, false)];
        let ten: Vec<_> = (0..10).map(|away| level(side, away, 300, true)).collect();
        cases.extend([
            case("a new best", &[level(side, 1, 300, true)], level(side, 0, 200, true)),
            case("new among the best ten", &best, level(side, 1, 200, true)),
            case("new behind the best ten", &ten, level(side, 10, 200, true)),
            case("another size", &best, level(side, 0, 200, true)),
            case("size 0: gone", &best, level(side, 0, 0, true)),
            case("the size it has", &best, level(side, 0, 300, true)),
            case("gone, but was not there", &best, level(side, 5, 0, true)),
            case("not complete", &best, level(side, 0, 200, false)),
            case("end of an event of several", &open, level(side, 0, 200, true)),
            case("end of an event that changed nothing", &undone, level(side, 0, 300, true)),
        ]);
    }
    cases
}

/// Of XYZ, so many cents behind the best.
fn level(side: u8, away: u64, size: u32, complete: bool) -> Vec<u8> {
    let price = if side == b'B' { 100_000 - 100 * away } else { 100_100 + 100 * away };
    deep_level("XYZ", side, price, size, complete)
}

/// What TOPS and DEEP have in common.
fn iex_cases(before: &[Vec<u8>]) -> Vec<Case> {
    let known = [iex_directory(100)];
    let flagged = |mut message: Vec<u8>| {
        message[1] = 0x60;
        message
    };
    vec![
        case("trade", before, flagged(tops_trade("XYZ", 100_000, 5))),
        case("no shares", before, tops_trade("XYZ", 100_000, 0)),
        case("broken trade", before, flagged(tops_break("XYZ"))),
        case("trading", before, tops_status("XYZ", b'T')),
        case("halted", before, tops_status("XYZ", b'H')),
        case("orders accepted", before, tops_status("XYZ", b'O')),
        case("paused", before, tops_status("XYZ", b'P')),
        case("halted on IEX", before, tops_operational("XYZ", b'O')),
        case("not halted on IEX", before, tops_operational("XYZ", b'N')),
        case("short-sale restriction", before, tops_short_sale("XYZ", 1)),
        case("first of the session", before, iex_directory(100)),
        case("told otherwise", &known, iex_directory(40)),
        case("told again", &known, iex_directory(100)),
        case("auction", before, iex_auction("XYZ", b'C', 700, 100_000, (60, b'S'), 1_700_060_400)),
        case("retail interest", before, iex_retail("XYZ", b'C')),
        case("opening price", before, iex_official("XYZ", b'Q', 100_000)),
        case("closing price", before, iex_official("XYZ", b'M', 100_000)),
        case("system event", before, iex_system(b'R')),
    ]
}

/// Of XYZ: a when-issued exchange-traded product for tests, with a close.
fn iex_directory(round_lot: u32) -> Vec<u8> {
    let mut message = tops_directory("XYZ", round_lot);
    message[1] = 0xE0;
    message[22..30].copy_from_slice(&99_000_u64.to_le_bytes());
    message
}

/// What a case's message makes the channel publish.
fn outcome(feed: FeedName, case: &Case) -> Vec<Out> {
    let mut bench = Bench::new(feed);
    if case.before.is_empty() {
        // The session has begun.
        bench.one(vec![]);
    } else {
        bench.send(&case.before);
    }
    bench.one(case.message.clone());
    bench.sink.take()
}

fn every_outcome() -> Vec<Out> {
    VENUES.iter().flat_map(|(_, venue)| outcomes_of(venue)).collect()
}

/// Which column of the field tables is whose.
const VENUES: [(usize, &str); 2] = [(1, "TotalView-ITCH"), (2, "IEX")];

/// Of the feeds of a venue.
fn outcomes_of(venue: &str) -> Vec<Out> {
    let of_venue = feeds().into_iter().filter(|feed| feed.heading.starts_with(venue));
    of_venue.flat_map(|feed| feed.cases.iter().flat_map(|case| outcome(feed.feed, case)).collect::<Vec<_>>()).collect()
}

// ── the two ──

#[test]
fn every_row_of_every_feed_is_what_its_channel_publishes_and_every_message_type_has_a_row() {
    let page = page();
    for Feed { heading, feed, types, cases } in feeds() {
        let mut rows: BTreeMap<(u8, String), Told> = BTreeMap::new();
        for row in table(&page, heading, 0) {
            for message in quoted(&row[0]) {
                let key = (message.as_bytes()[0], row[1].clone());
                assert!(rows.insert(key, told_by(&row[2])).is_none(), "{heading}: the same row twice: {row:?}");
            }
        }
        let told: BTreeSet<u8> = rows.keys().map(|(message, _)| *message).collect();
        assert_eq!(told, types.into_iter().collect(), "{heading}: a row for every message type, and no other");
        for case in &cases {
            let key = (case.message[0], case.name.to_owned());
            let row = rows.remove(&key).unwrap_or_else(|| panic!("{heading}: no row for {} | {}", key.0 as char, key.1));
            assert_eq!(produced(&outcome(feed, case)), row, "{heading}: {} | {}", key.0 as char, key.1);
        }
        assert!(rows.is_empty(), "{heading}: rows that nothing here exercises: {:?}", rows.keys());
    }
}

#[test]
fn every_reason_of_a_trading_action_is_the_one_the_table_names() {
    let itch = "T1 T2 T5 T6 T8 T12 H4 H9 H10 H11 O1 LUDP LUDS MWC1 MWC2 MWC3 MWC0 IPO1 M1 M2 T3 T7 R4 R9 C3 C4 C9 C11 MWCQ R1 R2 IPOQ IPOE";
    let iex = "T1 T2 IPO1 IPO2 IPO3 IPOD MCB1 MCB2 MCB3";
    for (heading, specified) in [("Reasons of H", itch), ("Reasons of IEX's H", iex)] {
        let mut told = BTreeSet::new();
        for row in table(&page(), heading, 0) {
            let (name, number) = row[1].split_once(' ').unwrap();
            let reason = dbn::StatusReason::try_from(number.parse::<u16>().unwrap()).unwrap();
            let dbns = format!("{reason:?}").to_uppercase();
            assert_eq!(name.replace('_', ""), dbns, "DBN's own name");
            let codes = if row[0] == "any other" { vec!["XYZ", "NA", ""] } else { quoted(&row[0]) };
            for code in codes {
                let padded: [u8; 4] = format!("{code:<4}").into_bytes().try_into().unwrap();
                let (mut bench, message) = if heading == "Reasons of H" {
                    (Bench::itch(), trading_action(5, "XYZ", b'H', &padded))
                } else {
                    let mut message = tops_status("XYZ", b'H');
                    message[18..22].copy_from_slice(&padded);
                    (Bench::deep(), message)
                };
                bench.one(message);
                assert_eq!(bench.sink.statuses()[0].reason, reason as u16, "{heading}: {code}");
                told.insert(code.to_owned());
            }
        }
        for code in specified.split(' ') {
            assert!(told.contains(code), "the specification's reason {code} has no row");
        }
    }
}

#[test]
fn level_records_say_what_the_event_changed_as_the_table_says() {
    let rows = table(&page(), "IEX DEEP 1.0", 1);
    let row = |what: &str| rows.iter().find(|row| row[0] == what).unwrap_or_else(|| panic!("no row `{what}`")).clone();
    assert_eq!(rows.len(), 5);
    for (side, other, letter) in [(b'B', b'S', "B"), (b'S', b'B', "A")] {
        let price = |away: u64| px(if side == b'B' { 100_000 - 100 * away } else { 100_100 + 100 * away } as u32);
        let four: Vec<_> = (0..4).map(|away| level(side, away, 300, true)).collect();
        let (one, several) = ([level(side, 7, 9, false)], [level(side, 2, 9, false)]);
        let cases = [
            ("one level came", &one[..0], level(side, 4, 40, true), (price(4), 40, 4)),
            ("one level has another size", &one[..0], level(side, 2, 40, true), (price(2), 40, 2)),
            ("one level went", &one[..0], level(side, 1, 0, true), (price(1), 300, 1)),
            ("several levels of one side", &several[..], level(side, 1, 8, true), (UNDEF_PRICE, 0, 0)),
            ("several levels of both sides", &several[..], level(other, 0, 8, true), (UNDEF_PRICE, 0, 0)),
        ];
        for (what, open, message, expected) in cases {
            let mut bench = Bench::deep();
            bench.send(&four);
            bench.send(open);
            assert_eq!(bench.sink.records(), 0);
            (bench.now_ns, bench.sink.out) = (bench.now_ns + 5, Vec::new());
            bench.one(message);
            let [record] = bench.sink.mbp10()[..] else { panic!("{what}: one record") };
            let row = row(what);
            assert_eq!((record.action as char).to_string(), row[1], "{what}");
            assert_eq!((record.side as char).to_string(), if row[2] == "N" { "N" } else { letter }, "{what}");
            let words = (row[3].as_str(), row[4].as_str(), row[5].as_str());
            let told = (expected.0 != UNDEF_PRICE, what == "one level went");
            assert_eq!(
                words,
                match told {
                    (true, true) => ("its price", "the size it had", "its rank"),
                    (true, false) => ("its price", "its size", "its rank"),
                    _ => ("not told", "0", "0"),
                },
                "{what}"
            );
            assert_eq!((record.price, record.size, u64::from(record.depth)), expected, "{what}");
            let of_message = (record.hd.ts_event, record.ts_recv, u64::from(record.sequence), record.flags);
            assert_eq!(of_message, (MIDNIGHT_NS + VENUE_NS, bench.now_ns, bench.next - 1, flags::LAST), "{what}");
            assert!(record.levels.iter().all(|level| level.bid_ct == 0 && level.ask_ct == 0), "there are no orders");
        }
    }
}

#[test]
fn a_level_that_was_not_there_marks_its_book_and_a_restart_clears_all_of_them() {
    let mut bench = Bench::deep();
    bench.send(&[level(b'B', 0, 300, true), deep_level("OTHER", b'S', 5, 1, true)]);
    bench.one(level(b'B', 5, 0, true));
    assert_eq!((bench.sink.records(), bench.dropped()), (0, vec![("unknown_level", 1)]));
    bench.one(level(b'B', 0, 200, true));
    assert_eq!(bench.sink.mbp10()[0].flags, flags::LAST | flags::MAYBE_BAD_BOOK);
    bench.restart(&[level(b'B', 0, 100, true)]);
    let told: Vec<_> = bench.sink.mbp10().iter().map(|record| (record.hd.instrument_id, record.action, record.flags)).collect();
    assert_eq!(told, [(1, b'R', flags::LAST), (2, b'R', flags::LAST), (1, b'A', flags::LAST)]);
}

#[test]
fn every_kind_of_the_side_ring_tells_what_its_row_says_and_nothing_else() {
    let mut told: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
    for out in every_outcome() {
        let (Out::Venue(_, record) | Out::VenueWhole(record)) = out else { continue };
        let blank = Venue::BLANK;
        let fields = told.entry(record.kind).or_default();
        fields.extend((0..5).filter(|&n| record.prices[n] != UNDEF_PRICE).map(|n| format!("prices[{n}]")));
        fields.extend((0..3).filter(|&n| record.codes[n] != b' ').map(|n| format!("codes[{n}]")));
        let others = [
            ("reference", record.reference != blank.reference),
            ("size", record.size != blank.size),
            ("time_ns", record.time_ns != blank.time_ns),
            ("text", record.text != blank.text),
        ];
        fields.extend(others.into_iter().filter(|(_, is_told)| *is_told).map(|(field, _)| field.to_owned()));
    }
    let mut numbers = BTreeSet::new();
    for row in table(&page(), "The side ring", 0) {
        let number: u8 = row[1].parse().unwrap();
        assert!(row[0] == kind_name(number) && numbers.insert(number));
        let mut expected: BTreeSet<String> = BTreeSet::new();
        for (cell, field) in row[2..].iter().zip(["reference", "prices", "codes[0]", "codes[1]", "codes[2]", "size", "time_ns", "text"]) {
            match field {
                "prices" => expected.extend((0..5).filter(|n| cell.contains(&format!("[{n}]"))).map(|n| format!("prices[{n}]"))),
                _ if cell.is_empty() => {}
                _ => _ = expected.insert(field.to_owned()),
            }
        }
        assert_eq!(told.get(&number), Some(&expected), "{}", row[0]);
    }
    assert_eq!(numbers.len() as u32, kind::OF_INSTRUMENTS + 1, "every kind has a row");
}

/// The fields in which a record differs from one that tells nothing; the list of fields is the compiler's to check.
macro_rules! told_fields {
    ($record:expr, $blank:expr, $layout:ident { $($field:ident),* $(,)? }) => {{
        let ($layout { $($field),* }, blank) = ($record, $blank);
        let told = [$((stringify!($field), $field != blank.$field)),*];
        told.into_iter().filter(|(name, is_told)| *is_told && !matches!(*name, "hd" | "ts_recv")).map(|(name, _)| name.to_owned())
    }};
}

/// The fields that a venue's column does not call untold.
fn fields_of(heading: &str, column: usize) -> BTreeSet<String> {
    let rows = table(&page(), heading, 0).into_iter().filter(|row| !row[column].starts_with("not told"));
    rows.map(|row| quoted(&row[0])[0].to_owned()).collect()
}

#[test]
fn definitions_fill_the_fields_the_table_names() {
    for (column, venue) in VENUES {
        assert_eq!(told_by_definitions(venue), fields_of("Definition, field by field", column), "{venue}");
    }
}

fn told_by_definitions(venue: &str) -> BTreeSet<String> {
    let mut told: BTreeSet<String> = BTreeSet::new();
    for out in outcomes_of(venue) {
        let Out::Definition(_, record) = out else { continue };
        told.extend(told_fields!(
            record,
            // `A` is both the first thing told and DBN's value for nothing told.
            Definition { security_update_action: 0, ..Definition::UNDEFINED },
            Definition {
                hd,
                ts_recv,
                min_price_increment,
                display_factor,
                expiration,
                activation,
                high_limit_price,
                low_limit_price,
                max_price_variation,
                unit_of_measure_qty,
                min_price_increment_amount,
                price_ratio,
                strike_price,
                raw_instrument_id,
                leg_price,
                leg_delta,
                inst_attrib_value,
                underlying_id,
                market_depth_implied,
                market_depth,
                market_segment_id,
                max_trade_vol,
                min_lot_size,
                min_lot_size_block,
                min_lot_size_round_lot,
                min_trade_vol,
                contract_multiplier,
                decay_quantity,
                original_contract_size,
                leg_instrument_id,
                leg_ratio_price_numerator,
                leg_ratio_price_denominator,
                leg_ratio_qty_numerator,
                leg_ratio_qty_denominator,
                leg_underlying_id,
                appl_id,
                maturity_year,
                decay_start_date,
                channel_id,
                leg_count,
                leg_index,
                currency,
                settl_currency,
                secsubtype,
                raw_symbol,
                group,
                exchange,
                asset,
                cfi,
                security_type,
                unit_of_measure,
                underlying,
                strike_price_currency,
                leg_raw_symbol,
                instrument_class,
                match_algorithm,
                main_fraction,
                price_display_format,
                sub_fraction,
                underlying_product,
                security_update_action,
                maturity_month,
                maturity_day,
                maturity_week,
                user_defined_instrument,
                contract_multiplier_unit,
                flow_schedule_type,
                tick_rule,
                leg_instrument_class,
                leg_side,
                reserved,
            }
        ));
    }
    told
}

#[test]
fn imbalances_and_statistics_fill_the_fields_their_tables_name() {
    for (column, venue) in VENUES {
        let (imbalances, statistics) = told_by_imbalances_and_statistics(venue);
        assert_eq!(imbalances, fields_of("Imbalance, field by field", column), "{venue}");
        assert_eq!(statistics, fields_of("Statistics, field by field", column), "{venue}");
    }
}

fn told_by_imbalances_and_statistics(venue: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut imbalances, mut statistics) = (BTreeSet::new(), BTreeSet::new());
    let no_imbalance = Imbalance {
        ref_price: UNDEF_PRICE,
        auction_time: UNDEF_TIME,
        cont_book_clr_price: UNDEF_PRICE,
        auct_interest_clr_price: UNDEF_PRICE,
        ssr_filling_price: UNDEF_PRICE,
        ind_match_price: UNDEF_PRICE,
        upper_collar: UNDEF_PRICE,
        lower_collar: UNDEF_PRICE,
        paired_qty: UNDEF_SIZE,
        total_imbalance_qty: UNDEF_SIZE,
        market_imbalance_qty: UNDEF_SIZE,
        unpaired_qty: UNDEF_SIZE,
        auction_type: b'~',
        // Told as none, too.
        side: b'~',
        unpaired_side: b'N',
        significant_imbalance: b'~',
        ..zerocopy::FromZeros::new_zeroed()
    };
    let nothing = Statistics { ts_ref: UNDEF_TIME, quantity: UNDEF_QUANTITY, channel_id: u16::MAX, ..zerocopy::FromZeros::new_zeroed() };
    for out in outcomes_of(venue) {
        match out {
            Out::Imbalance(_, record) => imbalances.extend(told_fields!(
                record,
                no_imbalance,
                Imbalance {
                    hd,
                    ts_recv,
                    ref_price,
                    auction_time,
                    cont_book_clr_price,
                    auct_interest_clr_price,
                    ssr_filling_price,
                    ind_match_price,
                    upper_collar,
                    lower_collar,
                    paired_qty,
                    total_imbalance_qty,
                    market_imbalance_qty,
                    unpaired_qty,
                    auction_type,
                    side,
                    auction_status,
                    freeze_status,
                    num_extensions,
                    unpaired_side,
                    significant_imbalance,
                    reserved,
                }
            )),
            Out::Statistics(_, record) => statistics.extend(told_fields!(
                record,
                nothing,
                Statistics {
                    hd,
                    ts_recv,
                    ts_ref,
                    price,
                    quantity,
                    sequence,
                    ts_in_delta,
                    stat_type,
                    channel_id,
                    update_action,
                    stat_flags,
                    reserved,
                }
            )),
            _ => {}
        }
    }
    (imbalances, statistics)
}

#[test]
fn an_iex_auction_s_values_go_where_its_column_says() {
    let mut bench = Bench::tops();
    bench.one(iex_auction("XYZ", b'C', 700, 100_000, (60, b'S'), 1_700_060_400));
    let [told] = bench.sink.imbalances()[..] else { panic!("one imbalance") };
    // By the name of the specification; see `iex_auction`.
    let wire = BTreeMap::from([
        ("reference price", px(100_000)),
        ("indicative clearing price", px(100_001)),
        ("auction book clearing price", px(100_002)),
        ("lower auction collar", px(99_500)),
        ("upper auction collar", px(100_500)),
        ("scheduled auction time", 1_700_060_400_000_000_000),
        ("paired shares", 700),
        ("imbalance shares", 60),
        ("auction type", i64::from(b'C')),
        ("imbalance side", i64::from(b'A')),
        ("extension number", 2),
    ]);
    let mut rows = 0;
    for row in table(&page(), "Imbalance, field by field", 0).iter().filter(|row| !row[2].starts_with("not told")) {
        let is = match quoted(&row[0])[0] {
            "ref_price" => told.ref_price,
            "auction_time" => told.auction_time as i64,
            "cont_book_clr_price" => told.cont_book_clr_price,
            "auct_interest_clr_price" => told.auct_interest_clr_price,
            "upper_collar" => told.upper_collar,
            "lower_collar" => told.lower_collar,
            "paired_qty" => told.paired_qty.into(),
            "total_imbalance_qty" => told.total_imbalance_qty.into(),
            "auction_type" => told.auction_type.into(),
            "side" => told.side.into(),
            "num_extensions" => told.num_extensions.into(),
            other => panic!("{other}"),
        };
        assert_eq!(Some(&is), wire.get(row[2].split(':').next().unwrap()), "{}", row[0]);
        rows += 1;
    }
    assert_eq!(rows, wire.len());
}

#[test]
fn an_iex_directory_s_flags_go_where_its_column_says() {
    use tickwire::compose::definitions::attribute as bit;
    for (flag, bits, secsubtype) in [(0x80, bit::TEST, *b"\0\0"), (0x40, 0, *b"WI"), (0x20, bit::ETP, *b"\0\0")] {
        let mut message = iex_directory(100);
        message[1] = flag;
        let mut bench = Bench::deep();
        bench.one(message);
        let told = bench.sink.definitions()[0];
        assert_eq!((told.inst_attrib_value as u32, &told.secsubtype[..2]), (bits | 1 << bit::LULD_TIER, &secsubtype[..]), "{flag:#x}");
        assert_eq!((told.min_lot_size_round_lot, told.exchange), (100, *b"IEXG\0"));
    }
}

#[test]
fn the_attributes_lie_in_the_bits_the_table_names() {
    use tickwire::compose::definitions::attribute as bit;
    let starts: Vec<u32> =
        table(&page(), "Definition, field by field", 1).iter().map(|row| row[0].split('-').next().unwrap().parse().unwrap()).collect();
    let flags = [bit::TEST, bit::ROUND_LOTS_ONLY, bit::ETP, bit::INVERSE, bit::SHORT_SALE_THRESHOLD, bit::IPO, bit::NEW_LISTING];
    let ours: Vec<u32> = flags.map(u32::trailing_zeros).into_iter().chain([bit::LULD_TIER, bit::FINANCIAL_STATUS, bit::LEVERAGE]).collect();
    assert_eq!(starts, ours);
}

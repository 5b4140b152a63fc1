//! The C library: its header is what the code is, its programs read what a live writer writes, and nothing that they are given or give
//! makes it fall over.

#[path = "c_api/layout.rs"]
mod layout;
mod shm_support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use shm_support::*;
use tickwire::record::{
    ChannelState, Definition, Header, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Signal,
    Sink, Statistics, Status, Trade, Venue, Vwap, action, control, flags,
};
use tickwire::shm::layout::{HEADER_BYTES, word};
use tickwire::shm::orders::{Order, Side};
use tickwire::shm::{From, ImageKeeper, ImageNews, Item, OnLost, OrderItem, Publication, PublicationSpec, Publisher, Update};

const REQUIRED: &str = "TICKWIRE_C_TESTS";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// How a program is built: language, compiler, and which of the two libraries.
#[derive(Clone, Copy)]
struct Build {
    compiler: &'static str,
    language: &'static [&'static str],
    shared: bool,
}

const C: Build = Build { compiler: "cc", language: &["-x", "c", "-std=c11"], shared: false };
const CPP: Build = Build { compiler: "c++", language: &["-x", "c++", "-std=c++17"], shared: false };

/// `target/c`, made by `scripts/build-c` once for all tests; `None` and a loud word without a compiler.
fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        if !is_there("cc") {
            skip(REQUIRED, "there is no C compiler (cc)");
            return None;
        }
        let built = Command::new(Path::new(ROOT).join("scripts/build-c")).output().unwrap();
        assert!(built.status.success(), "scripts/build-c: {}", String::from_utf8_lossy(&built.stderr));
        Some(Path::new(ROOT).join("target/c"))
    };
    LIBRARY.get_or_init(build).as_deref()
}

/// A program of `source` in `dir`; every warning is an error.
fn program(dir: &Path, source: &str, build: Build) -> Option<PathBuf> {
    let library = library()?;
    if !is_there(build.compiler) {
        skip(REQUIRED, &format!("there is no {}", build.compiler));
        return None;
    }
    let program = dir.join("program");
    let mut compiler = Command::new(build.compiler);
    compiler.args(["-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pedantic"]).args(build.language);
    compiler.arg("-I").arg(library).arg(Path::new(ROOT).join(source)).args(["-x", "none", "-o"]).arg(&program);
    if build.shared {
        compiler.arg("-L").arg(library).arg("-ltickwire").arg(format!("-Wl,-rpath,{}", library.display()));
    } else {
        compiler.arg(library.join("libtickwire.a")).args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]);
    }
    let compiled = compiler.output().unwrap();
    assert!(compiled.status.success(), "{source}: {}", String::from_utf8_lossy(&compiled.stderr));
    Some(program)
}

/// The program that tells what a publication says. In cargo's own folder for what tests make: what is made once for all tests is never dropped.
fn teller() -> Option<&'static Path> {
    static TELLER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_api");
        std::fs::create_dir_all(&dir).unwrap();
        program(&dir, "tests/c_api/tell.c", C)
    };
    TELLER.get_or_init(make).as_deref()
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

fn hex(record: &[u8]) -> String {
    record.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

// ── the header ──

#[test]
fn the_header_asserts_what_rust_says_of_every_field_and_leaves_none_out() {
    let header = read("include/tickwire.h");
    let asserted: Vec<_> =
        header.lines().filter(|line| ["TICKWIRE_SIZE(", "TICKWIRE_AT("].iter().any(|with| line.starts_with(with))).collect();
    let expected = layout::assertions();
    assert_eq!(asserted, expected, "put these into the trailer in cbindgen.toml, and make the header again:\n{}", expected.join("\n"));
    for (record, _, fields) in layout::layouts() {
        let body = header.split(&format!("typedef struct {record} {{\n")).nth(1).unwrap().split("\n}").next().unwrap();
        let declared = body.lines().filter(|line| line.trim_end().ends_with(';') && !line.trim_start().starts_with('*')).count();
        assert_eq!(declared, fields.len(), "{record} has another number of fields in the header than in tests/c_api/layout.rs");
    }
}

#[test]
fn the_header_declares_each_function_of_the_library_and_no_other() {
    let name = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned();
    let sources =
        std::fs::read_dir(Path::new(ROOT).join("src/c_api")).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let exported: BTreeSet<_> = sources.flat_map(|source| source.split("extern \"C\" fn ").skip(1).map(name).collect::<Vec<_>>()).collect();
    let header = read("include/tickwire.h");
    let functions = header.split("extern \"C\" {").nth(1).unwrap();
    // Declarations begin their lines; what is in comments does not.
    let lines = functions.lines().filter(|line| line.starts_with(|c: char| c.is_alphabetic()));
    let declared: BTreeSet<_> = lines
        .filter_map(|line| Some(line.split_once('(')?.0.rsplit(['*', ' ']).next()?.to_owned()))
        .filter(|name| name.starts_with("tickwire_"))
        .collect();
    assert_eq!(declared, exported);
    assert!(exported.len() > 25);
}

#[test]
fn the_header_is_what_cbindgen_makes_of_the_code() {
    if !is_there("cbindgen") {
        return skip(REQUIRED_HEADER, "cbindgen is not installed (cargo install cbindgen), so the header was not made again");
    }
    let made =
        Command::new("cbindgen").args(["--quiet", "--config", "cbindgen.toml", "include/contents.rs"]).current_dir(ROOT).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(
        read("include/tickwire.h") == String::from_utf8(made.stdout).unwrap(),
        "run scripts/build-c --header, and commit include/tickwire.h"
    );
}

/// Its own variable, because making the header again wants a tool that nothing else does.
const REQUIRED_HEADER: &str = "TICKWIRE_C_HEADER_TEST";

// ── reading ──

/// A record of noise with a header that is right.
fn noise<R: Record>(row: u32, n: u64) -> R {
    let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(0xD129_0B26_88F0_5A31).rotate_left(17);
        (state >> 32) as u8
    })
    .take(size_of::<R>())
    .collect();
    bytes[..16].copy_from_slice(zerocopy::IntoBytes::as_bytes(&Header::of::<R>(2, row + 1, n)));
    R::read_from_bytes(&bytes).unwrap()
}

fn spec(room: &Room, schema: Schema, depth: u64) -> PublicationSpec {
    let mut spec = room.spec("p", &[(schema, depth)]);
    spec.counters = vec!["frames".into(), "datagrams".into()];
    spec
}

fn tell(room: &Room, arguments: &[&str]) -> Option<Command> {
    let mut command = Command::new(teller()?);
    command.arg(room.path()).arg("p").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

/// Follows a live publication; a new epoch begins on the way.
fn follows<R: Record>(mode: &str) {
    let room = Room::new();
    let mut publisher = Publisher::create(&spec(&room, R::SCHEMA, 1024)).unwrap();
    let Some(mut reader) = tell(&room, &[mode, R::SCHEMA.name(), "oldest"]) else { return };
    let mut child = reader.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut expected = Vec::new();
    for epoch in 0..2 {
        for id in 0..3 {
            publisher.instrument(&instrument(id + 1, &format!("S{id}"))).unwrap();
        }
        for n in 1..=400 {
            let line = if n % 50 == 0 {
                let record = control_record(control::GAP_OPEN, n);
                publisher.control(&record);
                format!("control {}", hex(zerocopy::IntoBytes::as_bytes(&record)))
            } else {
                let record = noise::<R>((n % 3) as u32, n);
                publisher.publish((n % 3) as u32, &record);
                format!("record {n} {}", hex(zerocopy::IntoBytes::as_bytes(&record)))
            };
            publisher.commit();
            if (epoch, n) == (0, 1) {
                // Not on before it is attached.
                assert_eq!(lines.next().unwrap().unwrap(), line);
            } else {
                expected.push(line);
            }
            if n % 64 == 0 {
                std::thread::sleep(Duration::from_micros(500));
            }
        }
        if epoch == 0 {
            publisher.new_epoch();
            expected.push(format!("epoch {}", publisher.epoch()));
        }
    }
    publisher.close(true);
    expected.push("end".into());
    for expected in expected {
        assert_eq!(lines.next().unwrap().unwrap(), expected, "{mode} {}", R::SCHEMA.name());
    }
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

fn all_schemas_follow(mode: &str) {
    follows::<Mbo>(mode);
    follows::<Mbp1>(mode);
    follows::<Mbp10>(mode);
    follows::<Trade>(mode);
    follows::<Status>(mode);
    follows::<Imbalance>(mode);
    follows::<Statistics>(mode);
    follows::<Definition>(mode);
    follows::<Venue>(mode);
    follows::<Ohlcv1S>(mode);
    follows::<Ohlcv1M>(mode);
    follows::<Ohlcv1H>(mode);
    follows::<Ohlcv1D>(mode);
    follows::<Vwap>(mode);
    follows::<Signal>(mode);
    follows::<Latency>(mode);
}

#[test]
fn c_reads_what_a_live_writer_writes_record_by_record() {
    all_schemas_follow("next");
}

#[test]
fn c_reads_what_a_live_writer_writes_in_batches() {
    all_schemas_follow("read");
}

/// A publication that was lapped, with a gap on one channel, closed and kept.
fn lapped<R: Record>(room: &Room) {
    let mut publisher = Publisher::create(&spec(room, R::SCHEMA, 64)).unwrap();
    for (id, symbol) in [(1, "AAPL"), (2, "MSFT"), (3, "QQQ")] {
        publisher.instrument(&instrument(id, symbol)).unwrap();
    }
    for n in 1..=500 {
        publisher.publish((n % 3) as u32, &noise::<R>((n % 3) as u32, n));
    }
    publisher.channel_state(0, ChannelState::Stale, u64::MAX);
    publisher.control(&control_record(control::GAP_CLOSED, 7));
    publisher.publish(1, &noise::<R>(1, 501));
    publisher.close(true);
}

/// What Rust says of it, in the words of `tell.c`.
fn rust_tells<R: Record + std::fmt::Debug>(room: &Room, mode: &str, from: From) -> Vec<String> {
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut told = Vec::new();
    let bytes = |record: &R| hex(zerocopy::IntoBytes::as_bytes(record));
    if mode == "latest" {
        let mut latest = publication.latest::<R>().unwrap();
        loop {
            told.push(match latest.next().unwrap() {
                Update::Value { record, row, cell, position, maybe_bad, folded } => {
                    format!("value {row} {cell} {position} {} {folded} {}", u8::from(maybe_bad), bytes(record))
                }
                Update::Control(record) => format!("control {}", hex(zerocopy::IntoBytes::as_bytes(record))),
                Update::Channel(row) => channel(&row),
                Update::Skipped(n) => format!("skipped {n}"),
                Update::Idle => continue,
                Update::End => break told.push("end".into()),
                other => panic!("{other:?}"),
            });
        }
        return told;
    }
    let mut records = publication.subscribe::<R>(from).unwrap();
    records.on_lost(if mode == "stop" { OnLost::Stop } else { OnLost::Rejoin });
    loop {
        let position = records.next_position();
        told.push(match records.next().unwrap() {
            Item::Record(record) => format!("record {position} {}", bytes(record)),
            Item::Board { record, row, maybe_bad } => format!("board {row} {} {}", u8::from(maybe_bad), bytes(record)),
            Item::Control(record) => format!("control {}", hex(zerocopy::IntoBytes::as_bytes(record))),
            Item::Lost(n) => format!("lost {n}"),
            Item::Idle => continue,
            Item::End => break told.push("end".into()),
            other => panic!("{other:?}"),
        });
    }
    told
}

fn channel(row: &tickwire::shm::ChannelRow) -> String {
    let tickwire::shm::ChannelRow { channel, name, publisher_id, state, doubted, since_ns, watermark_ns } = row;
    format!("channel {channel} {name} {publisher_id} {} {} {since_ns} {watermark_ns}", *state as u8, u8::from(*doubted))
}

/// C and Rust say the same, line by line.
fn agree<R: Record + std::fmt::Debug>() {
    let room = Room::new();
    lapped::<R>(&room);
    for (mode, name, from) in [
        ("next", "board", From::Board),
        ("next", "now", From::Now),
        ("read", "oldest", From::Oldest),
        ("stop", "oldest", From::Oldest),
        ("latest", "board", From::Board),
    ] {
        let Some(mut told) = tell(&room, &[mode, R::SCHEMA.name(), name]) else { return };
        let told = lines(&told.output().unwrap());
        assert_eq!(told, rust_tells::<R>(&room, mode, from), "{mode} {name} {}", R::SCHEMA.name());
        assert!(told.len() > 1 || name == "now" || mode == "stop", "{told:?}");
    }
}

#[test]
fn c_and_rust_say_the_same_of_boards_gaps_and_newest_values() {
    agree::<Mbo>();
    agree::<Mbp1>();
    agree::<Mbp10>();
    agree::<Statistics>();
    agree::<Venue>();
    agree::<Vwap>();
    agree::<Status>();
}

#[test]
fn c_is_told_what_it_lost_and_rejoins_or_stops() {
    let Some(teller) = teller() else { return };
    for mode in ["next", "stop", "latest"] {
        let room = Room::new();
        let mut publisher = Publisher::create(&spec(&room, Schema::Mbp1, 16)).unwrap();
        for id in 0..3 {
            publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap();
        }
        publisher.publish(0, &mbp1(0, 1));
        publisher.commit();
        let mut child = Command::new(teller).arg(room.path()).args(["p", mode, "mbp-1", "oldest"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().contains(&hex(zerocopy::IntoBytes::as_bytes(&mbp1(0, 1)))) {}
        stopped(&child, "STOP");
        for n in 2..=100 {
            publisher.publish((n % 3) as u32, &mbp1((n % 3) as u32, n));
        }
        publisher.commit();
        stopped(&child, "CONT");
        publisher.close(true);
        let told: Vec<_> = lines.map(Result::unwrap).collect();
        assert!(child.wait().unwrap().success());
        let value = |n: u64| hex(zerocopy::IntoBytes::as_bytes(&mbp1((n % 3) as u32, n)));
        match mode {
            "next" => {
                let board = [99, 100, 98].map(|n| format!("board {} 0 {}", n % 3, value(n)));
                assert_eq!(told, [vec!["lost 99".into()], board.into(), vec!["end".into()]].concat());
            }
            "stop" => assert_eq!(told, ["lost 99", "end"]),
            _ => {
                assert_eq!((told.first().map(String::as_str), told.last().map(String::as_str)), (Some("skipped 99"), Some("end")));
                for n in [98, 99, 100] {
                    assert!(told.iter().any(|line| line.starts_with("value ") && line.ends_with(&value(n))), "{told:?}");
                }
            }
        }
    }
}

/// Stops a child or lets it go on, and waits until that is so.
fn stopped(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
    let start = Instant::now();
    let is_stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
    };
    while signal == "STOP" && !is_stopped() {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

#[test]
fn c_is_told_that_the_writer_died_after_everything_it_wrote() {
    let room = Room::new();
    let mut publisher = Publisher::create(&spec(&room, Schema::Trades, 64)).unwrap();
    publisher.instrument(&instrument(1, "AAPL")).unwrap();
    for n in 1..=3 {
        publisher.publish(0, &noise::<Trade>(0, n));
    }
    publisher.commit();
    // A copy is what a killed writer leaves: not closed, and locked by nobody.
    std::fs::copy(publisher.path(), room.path().join("q")).unwrap();
    drop(publisher);
    std::fs::rename(room.path().join("q"), room.path().join("p")).unwrap();
    let value = |n: u64| hex(zerocopy::IntoBytes::as_bytes(&noise::<Trade>(0, n)));
    let Some(mut stream) = tell(&room, &["next", "trades", "oldest"]) else { return };
    let expected = [1, 2, 3].map(|n| format!("record {n} {}", value(n)));
    assert_eq!(lines(&stream.output().unwrap()), [&expected[..], &["dead".to_owned()]].concat());
    let told = lines(&tell(&room, &["latest", "trades", "board"]).unwrap().output().unwrap());
    assert!(told.iter().any(|line| line.ends_with(&value(3))) && told.last().unwrap() == "dead", "{told:?}");
}

#[test]
fn c_reads_the_tables_and_looks_books_up() {
    let room = Room::new();
    let mut spec = room.spec("p", &[(Schema::Mbp10, 64), (Schema::Mbo, 16)]);
    spec.counters = vec!["frames".into(), "datagrams".into()];
    let mut publisher = Publisher::create(&spec).unwrap();
    for (id, symbol) in [(7, "AAPL"), (8, "MSFT"), (9, "QQQ")] {
        publisher.instrument(&instrument(id, symbol)).unwrap();
    }
    publisher.publish(0, &mbp10(7, 5 << 20));
    publisher.channel_state(0, ChannelState::Stale, 9 << 20);
    publisher.channel_state(1, ChannelState::Good, 1 << 20);
    publisher.watermark(1, 77);
    publisher.set_counter(0, 12);
    publisher.commit();
    let level = |n: u64| format!(" {n}*{n}|{n}*{n}");
    let n = 5u64 << 20;
    let none = format!(" {0}*0|{0}*0", i64::MAX);
    let expected = [
        "name p".to_owned(),
        format!("epoch {} writer 0 instruments 3", publisher.epoch()),
        "rings 2".into(),
        "ring mbp-10 368 64 1".into(),
        "ring mbo 56 16 0".into(),
        "instrument 0 7 2 0 100 AAPL".into(),
        "instrument 1 8 2 0 100 MSFT".into(),
        "instrument 2 9 2 0 100 QQQ".into(),
        format!("channel 0 A 2 3 1 {} 0", 9 << 20),
        format!("channel 1 B 3 1 0 {} 77", 1 << 20),
        "counter frames 12".into(),
        "counter datagrams 0".into(),
        "instrument 1 8 2 0 100 MSFT".into(),
        "/p: no instrument \"NONE\" so far; symbols are as the feed writes them".into(),
        "instrument 0 7 2 0 100 AAPL".into(),
        format!("book AAPL 10 1 3 1 {n} {n} {}{}", n as u32, level(n).repeat(10)),
        format!("book MSFT 10 1 3 0 0 0 0{}", none.repeat(10)),
    ];
    let Some(mut tables) = tell(&room, &["tables"]) else { return };
    assert_eq!(lines(&tables.output().unwrap()), expected);
}

// ── orders ──

/// An order event of one of three instruments that fits what came before it.
fn order_event(n: u64) -> (u32, Mbo) {
    let id = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let event = |n: u64, letter: u8, size: u32| {
        let row = (id(n) % 3) as u32;
        let (side, price) = if id(n) % 2 == 0 { (b'B', 100 - (id(n) % 7) as i64) } else { (b'A', 101 + (id(n) % 7) as i64) };
        let hd = Header::of::<Mbo>(2, row + 1, n);
        (row, Mbo { hd, order_id: n, price, size, side, action: letter, flags: flags::LAST, ..mbo(n) })
    };
    match n % 4 {
        // Of the order added 40 before, a part; of the one before that, the rest.
        2 if n > 42 => event(n - 41, action::CANCEL, 3),
        3 if n > 82 => event(n - 82, action::CANCEL, 7),
        _ => event(n, action::ADD, 10),
    }
}

/// What Rust says of the orders at the end, in the words of `orders.c`.
fn rust_orders(publication: &Publication) -> Vec<String> {
    let mut stream = publication.orders().unwrap();
    while stream.next().unwrap() != OrderItem::End {}
    let books = stream.books();
    let (live, len, contradictions) = (books.live_orders(), books.len(), books.contradictions().total());
    let mut told = vec![format!("orders {live} books {len} position {} contradictions {contradictions} whole 1", stream.position())];
    for row in publication.instruments() {
        let book = books.book(row.publisher_id, row.instrument_id);
        let (orders, bad) = book.map_or((0, (false, false)), |book| (book.len(), (book.maybe_bad(), book.lacks_orders())));
        told.push(format!("book {} {orders} {} {}", row.symbol, u8::from(bad.0), u8::from(bad.1)));
        for (letter, side) in [('B', Side::Bid), ('A', Side::Ask)] {
            let Some(book) = book else { continue };
            told.extend(book.levels(side).map(|level| format!("{letter} level {} {} {}", level.price, level.size, level.orders)));
            told.extend(book.orders(side).map(|order| {
                let place = book.queued(order.order_id).unwrap();
                let Order { order_id, price, size } = order;
                format!("{letter} order {order_id} {price} {size} behind {} {}", place.orders_ahead, place.size_ahead)
            }));
        }
    }
    told
}

#[test]
fn c_follows_orders_from_an_image_to_the_same_queues_as_rust() {
    let (room, here) = (Room::new(), Room::new());
    let Some(program) = program(here.path(), "tests/c_api/orders.c", C) else { return };
    let run = |arguments: [&str; 2]| {
        let mut command = Command::new(&program);
        command.arg(room.path()).arg("p").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, 512)])).unwrap();
    for (id, symbol) in [(1, "AAPL"), (2, "MSFT"), (3, "QQQ"), (4, "IDLE")] {
        publisher.instrument(&instrument(id, symbol)).unwrap();
    }
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, ImageNews::default()).unwrap();
    let mut go_on = |publisher: &mut Publisher, to: std::ops::RangeInclusive<u64>| {
        for n in to {
            let (row, record) = order_event(n);
            publisher.publish(row, &record);
            if n % 50 == 0 {
                publisher.commit();
                keeper.read(1000).unwrap();
            }
            if n % 200 == 150 && n > 2000 {
                keeper.write(n).unwrap();
            }
        }
    };
    go_on(&mut publisher, 1..=2000);
    // Nothing to start from yet: one is refused, another waits, and comes in with the first image.
    let refused = lines(&run(["refuse", "next"]).output().unwrap());
    assert!(refused[0].starts_with("refused -10 ") && refused[0].contains("p.mbo.image"), "{refused:?}");
    let mut waiting = run(["wait", "take"]).spawn().unwrap();
    let mut first = BufReader::new(waiting.stdout.take().unwrap()).lines();
    assert_eq!(first.next().unwrap().unwrap(), "waiting");
    go_on(&mut publisher, 2001..=2200);
    assert_eq!(first.next().unwrap().unwrap(), "rejoined");
    let others: Vec<_> = ["next", "take"].map(|mode| run(["refuse", mode]).spawn().unwrap()).into();
    go_on(&mut publisher, 2201..=2500);
    publisher.control(&control_record(control::SYSTEM_EVENT, 1));
    publisher.close(true);
    let expected = rust_orders(&publication);
    assert!(expected.len() > 100 && expected[0].contains(" contradictions 0 "), "{expected:?}");
    let told: Vec<_> = first.map(Result::unwrap).filter(|line| !line.starts_with("control")).collect();
    assert_eq!(told, expected);
    assert!(waiting.wait().unwrap().success());
    for other in others {
        let told = lines(&other.wait_with_output().unwrap());
        // They may have been lapped on the way; where that leads is the same.
        let passing = |line: &&String| !["control", "rejoined", "waiting"].iter().any(|word| line.starts_with(word));
        assert_eq!(told.iter().filter(passing).collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
        assert!(told.contains(&"control e6".to_owned()));
    }
    // An image that is cut or noise is refused in a sentence, where the ring does not reach back to the beginning.
    let image = room.path().join("p.mbo.image");
    let good = std::fs::read(&image).unwrap();
    for bytes in [&good[..good.len() / 2], &[7; 4096], &[]] {
        std::fs::write(&image, bytes).unwrap();
        let refused = lines(&run(["refuse", "next"]).output().unwrap());
        assert!(refused[0].starts_with("refused -3 ") && refused[0].contains("p.mbo.image"), "{refused:?}");
    }
}

// ── what cannot be ──

/// A publication with some life in it, closed and kept.
fn small(room: &Room, name: &str, rings: &[(Schema, u64)]) -> Vec<u8> {
    let mut publisher = Publisher::create(&room.spec(name, rings)).unwrap();
    publisher.instrument(&instrument(1, "AAPL")).unwrap();
    for n in 1..=3 {
        publisher.publish(0, &Mbp1 { flags: flags::LAST, ..mbp1(1, n) });
        publisher.publish(0, &order_event(n).1);
    }
    publisher.close(true);
    std::fs::read(room.path().join(name)).unwrap()
}

#[test]
fn what_a_program_gets_wrong_is_answered_with_a_code_and_a_sentence() {
    let room = Room::new();
    small(&room, "p", &[(Schema::Mbp1, 16)]);
    let here = Room::new();
    for build in [C, CPP, Build { shared: true, ..C }] {
        let Some(program) = program(here.path(), "tests/c_api/misuse.c", build) else { return };
        let told = lines(&Command::new(&program).arg(room.path()).arg("p").output().unwrap());
        assert!(told[0].ends_with(" checks"), "{told:?}");
    }
}

/// Publications that are cut, of another version, or full of noise; their names.
fn hostile(room: &Room) -> Vec<String> {
    let mut names = Vec::new();
    let mut put = |bytes: &[u8]| {
        let name = format!("h{}", names.len());
        std::fs::write(room.path().join(&name), bytes).unwrap();
        names.push(name);
    };
    let good = small(room, "good", &[(Schema::Mbp1, 16), (Schema::Mbo, 16)]);
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        state >> 24
    };
    for length in [0, 1, 8, 64, 4095, 4096, 4097, good.len() / 2, good.len() - 1] {
        put(&good[..length]);
    }
    put(&[&good[..], &[0; 64]].concat());
    for at in
        [word::MAGIC, word::LAYOUT_VERSION, word::DBN_VERSION, word::BYTES, word::SECTIONS].into_iter().chain(word::TABLE..word::TABLE + 56)
    {
        for value in [0, u64::MAX, random()] {
            let mut bytes = good.clone();
            bytes[8 * at..8 * at + 8].copy_from_slice(&value.to_le_bytes());
            put(&bytes);
        }
    }
    // A header that is right, and noise behind it: whole words, and single bits.
    for case in 0..60 {
        let mut bytes = good.clone();
        for byte in &mut bytes[HEADER_BYTES..] {
            if case < 20 || random().is_multiple_of(64) {
                *byte = random() as u8;
            }
        }
        // As if alive, dead, replaced.
        bytes[8 * word::STATE] = (case % 3) as u8;
        put(&bytes);
    }
    names
}

#[test]
fn publications_that_are_cut_or_of_another_version_or_noise_are_refused_in_a_sentence_and_nothing_falls_over() {
    let room = Room::new();
    let names = hostile(&room);
    let here = Room::new();
    let Some(program) = program(here.path(), "tests/c_api/touch.c", C) else { return };
    let told = lines(&Command::new(program).arg(room.path()).args(&names).output().unwrap());
    assert_eq!(told.len(), names.len());
    let refused: Vec<_> = told.iter().filter(|line| line.contains(" refused /")).collect();
    assert!(refused.len() > 80 && refused.len() < names.len() - 50, "{told:#?}");
    for says in
        ["less than a header's 4096", "use the same version as the writer", "but the file has", "does not begin with TICKWIRE", "section"]
    {
        assert!(refused.iter().any(|line| line.contains(says)), "{says}: {told:#?}");
    }
}

#[test]
fn nothing_leaks_and_nothing_is_read_that_was_not_written() {
    let room = Room::new();
    small(&room, "p", &[(Schema::Mbp1, 16)]);
    let names = hostile(&room);
    let here = Room::new();
    if !is_there("valgrind") {
        return skip(REQUIRED, "there is no valgrind");
    }
    let run = |source: &str, arguments: &[String]| {
        let Some(program) = program(here.path(), source, C) else { return };
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"]);
        lines(&valgrind.arg(program).arg(room.path()).args(arguments).output().unwrap());
    };
    run("tests/c_api/misuse.c", &["p".into()]);
    let some: Vec<_> = names.iter().rev().step_by(17).cloned().chain(["good".into()]).collect();
    run("tests/c_api/touch.c", &some);
}

// ── the example ──

#[test]
fn the_example_shows_a_live_best_bid_in_at_most_forty_lines() {
    assert!(read("examples/best_bid.c").lines().count() <= 40);
    for build in [C, Build { shared: true, ..C }, CPP, Build { shared: true, ..CPP }] {
        let (room, here) = (Room::new(), Room::new());
        let Some(program) = program(here.path(), "examples/best_bid.c", build) else { return };
        let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 64)])).unwrap();
        let quote = |id: u32, n: u64, bid: i64, ask: i64| {
            let mut record = mbp1(id, n);
            (record.levels[0].bid_px, record.levels[0].ask_px) = (bid * 10_000_000, ask * 10_000_000);
            (record.levels[0].bid_sz, record.levels[0].ask_sz) = (100, 200);
            record
        };
        publisher.instrument(&instrument(1, "MSFT")).unwrap();
        publisher.instrument(&instrument(2, "AAPL")).unwrap();
        publisher.publish(0, &quote(1, 1, 1, 2));
        publisher.publish(1, &quote(2, 2, 22_841, 22_845));
        publisher.commit();
        let mut child = Command::new(program).args(["p", "AAPL"]).arg(room.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap();
        assert_eq!(next(), "     100 x 228.4100   |   228.4500 x 200     ");
        publisher.publish(0, &quote(1, 3, 1, 2));
        publisher.publish(1, &Mbp1 { flags: flags::MAYBE_BAD_BOOK, ..quote(2, 4, 22_842, 22_844) });
        publisher.control(&control_record(control::GAP_OPEN, 1));
        publisher.commit();
        assert_eq!(next(), "     100 x 228.4200   |   228.4400 x 200       (may be wrong)");
        assert_eq!(next(), "messages were lost: what was shown may be wrong");
        // The symbol is followed into the next epoch, where it has another row and id.
        publisher.new_epoch();
        publisher.instrument(&instrument(9, "AAPL")).unwrap();
        publisher.publish(0, &quote(9, 1, 22_900, 22_910));
        publisher.close(true);
        assert_eq!(next(), "     100 x 229.0000   |   229.1000 x 200     ");
        assert!(lines.next().is_none());
        assert!(child.wait().unwrap().success());
    }
}

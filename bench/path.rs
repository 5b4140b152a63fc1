//! Decode, books, and the whole path from datagrams in memory to a publication, beside a baseline, in one run.
//!
//! ```sh
//! cargo bench --bench path               # 4 million messages
//! cargo bench --bench path -- 20000000   # that many
//! cargo bench --bench path -- 4000000 20 # of 20 symbols: all of it in the caches
//! cargo bench --bench path -- --json path.json
//! cargo bench --bench path -- 100000 20 --only 'books, by datagram'   # once and nothing else, for a profiler
//! ```
//! Times of a shared host mean little; the ratios, taken in interleaved rounds of the same run, mean more. Under `cargo test` it runs once,
//! tiny, so that it cannot rot: then it checks that all ways end with the same number of live orders.

mod baseline;
pub(crate) mod room;
pub(crate) mod table;

use std::hint::black_box;
use std::time::Instant;

use baseline::Baseline;
use hdrhistogram::Histogram;
use room::Room;
use table::{Arguments, Row, Table, Target, best_and_median};
use tickwire::book::{Books, BooksCapacity};
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::itch::{ItchDecoder, Market};
use tickwire::feed::name::FeedName;
use tickwire::feed::{Decoded, Decoder, Event, Receiver};
use tickwire::generate::{GenerateConfig, Session};
use tickwire::journal::Journal;
use tickwire::record::{Schema, Sink};
use tickwire::shm::{ChannelSpec, PublicationSpec, Publisher, RingSpec};

const ROUNDS: usize = 3;
/// Messages in a datagram: what a busy feed packs into 1,400 bytes.
const PER_DATAGRAM: usize = 35;

/// The rows, and what is asked of them.
const BASELINE: &str = "baseline books";
const BOOKS: &str = "books, by datagram";
const WAYS: [(&str, Way); 8] = [
    ("decode", decode),
    (BASELINE, baseline_books),
    ("books, by message", books),
    (BOOKS, books_ahead),
    ("path, top of book", path_top),
    ("path, all schemas", path_all),
    (SINGLY, path_singly),
    ("path, by single messages, 8 ahead", path_singly_ahead),
];
/// Of one message each.
const SINGLY: &str = "path, by single messages";
/// Few enough that all of it is in the caches.
const HOT_SYMBOLS: u16 = 20;

fn main() {
    let arguments = Arguments::take(2, &["--only"]);
    let symbols = arguments.number(1).map(|symbols| match symbols {
        1..=10_000 => symbols as u16,
        _ => {
            eprintln!("{symbols} symbols: a day has 1 to 10000");
            std::process::exit(2);
        }
    });
    let (messages, symbols, rounds) = match arguments.is_bench {
        true => (arguments.number(0).unwrap_or(4_000_000), symbols.unwrap_or(8_000), ROUNDS),
        false => (20_000, 100, 1),
    };
    // A day has some messages for each symbol before the first order.
    let day = Day::generate(messages.max(GenerateConfig::fewest_messages(symbols)), symbols);
    if let Some(only) = arguments.value_of("--only") {
        let Some((_, way)) = WAYS.iter().find(|(name, _)| *name == only) else {
            eprintln!("--only {only}: there is no such row; there is: {}", WAYS.map(|(name, _)| format!("'{name}'")).join(", "));
            std::process::exit(2);
        };
        println!("{only}: {} ns for {} messages", way(&day).ns, day.messages);
        return;
    }
    let mut took = [const { Vec::new() }; WAYS.len()];
    let mut live = [None; WAYS.len()];
    for round in 1..=rounds {
        for (way, (_, run)) in WAYS.iter().enumerate() {
            let outcome = run(&day);
            took[way].push(outcome.ns as f64 / day.messages as f64);
            live[way] = outcome.live_orders;
        }
        if arguments.is_bench {
            eprintln!("round {round} of {rounds}");
        }
    }
    let told: Vec<u64> = live.into_iter().flatten().collect();
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "the ways end with different live orders: {told:?}");
    println!("{} messages, {symbols} symbols, ns a message: best of {rounds} interleaved rounds", day.messages);
    let best = took.map(|mut took| best_and_median(&mut took).0);
    let best_of = |name: &str| WAYS.iter().zip(best).find(|((way, _), _)| *way == name).map_or(f64::NAN, |(_, best)| best);
    let mut table = Table::new(if symbols <= HOT_SYMBOLS { "path, hot" } else { "path" });
    table.of(format!("{} messages of {symbols} symbols, best of {rounds} interleaved rounds", day.messages));
    for ((name, _), ns) in WAYS.iter().zip(best) {
        let row = Row::new(*name, "ns", ns);
        table.push(match *name {
            BASELINE => row,
            BOOKS if symbols <= HOT_SYMBOLS => row.target(Target::AtMost(28.0)),
            BOOKS => row.beside(BASELINE, ns / best_of(BASELINE)).target(Target::AtMost(0.17)),
            "path, top of book" => row.beside(BOOKS, ns / best_of(BOOKS)).target(Target::AtMost(1.6)),
            "path, by single messages, 8 ahead" => row.beside(SINGLY, ns / best_of(SINGLY)),
            "path, all schemas" => row.beside(BOOKS, ns / best_of(BOOKS)),
            _ => row.beside(BASELINE, ns / best_of(BASELINE)),
        });
    }
    let tail = path_tail(&day);
    let p50 = tail.value_at_quantile(0.5) as f64;
    let datagram = format!("path, a datagram of {PER_DATAGRAM}, p50");
    table.push(Row::new(&datagram, "ns", p50));
    for (name, quantile) in [("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)] {
        let at = tail.value_at_quantile(quantile) as f64;
        let row = Row::new(format!("path, a datagram of {PER_DATAGRAM}, {name}"), "ns", at).beside(&datagram, at / p50);
        table.push(if name == "p99.9" { row.target(Target::AtMost(10.0)) } else { row });
    }
    table.finish(&arguments);
}

type Way = fn(&Day) -> Outcome;

pub(crate) struct Outcome {
    pub(crate) ns: u64,
    pub(crate) live_orders: Option<u64>,
}

/// A session as datagrams and as bare messages.
pub(crate) struct Day {
    pub(crate) messages: u64,
    datagrams: Vec<Vec<u8>>,
}

impl Day {
    pub(crate) fn generate(messages: u64, symbols: u16) -> Self {
        let config = GenerateConfig::whole_day(1, messages, symbols, 0);
        let mut session = Session::new(&config).expect("a valid configuration");
        let mut datagrams = Vec::new();
        let (mut blocks, mut count, mut sequence) = (Vec::new(), 0_u16, 1_u64);
        let mut flush = |blocks: &mut Vec<u8>, count: &mut u16| {
            let mut datagram = b"BENCH     ".to_vec();
            datagram.extend(sequence.to_be_bytes());
            datagram.extend(count.to_be_bytes());
            datagram.append(blocks);
            sequence += u64::from(*count);
            *count = 0;
            datagrams.push(datagram);
        };
        while let Some(message) = session.next_message() {
            blocks.extend((message.bytes.len() as u16).to_be_bytes());
            blocks.extend(message.bytes);
            count += 1;
            if usize::from(count) == PER_DATAGRAM {
                flush(&mut blocks, &mut count);
            }
        }
        flush(&mut blocks, &mut count);
        Self { messages, datagrams }
    }

    pub(crate) fn each_message(&self, mut f: impl FnMut(&[u8])) {
        self.datagrams.iter().for_each(|datagram| each_of(datagram, &mut f));
    }

    fn each_event(&self, mut f: impl FnMut(u32, &Event)) {
        let mut decoder = ItchDecoder::new(Market::Nasdaq, 0);
        self.each_message(|message| {
            if let Ok(decoded) = decoder.decode(message) {
                f(decoded.instrument_id, &decoded.event);
            }
        });
    }
}

fn each_of(datagram: &[u8], mut f: impl FnMut(&[u8])) {
    let mut rest = &datagram[20..];
    while let Some((length, behind)) = rest.split_at_checked(2) {
        let (message, next) = behind.split_at(usize::from(u16::from_be_bytes([length[0], length[1]])));
        f(message);
        rest = next;
    }
}

fn timed(f: impl FnOnce() -> Option<u64>) -> Outcome {
    let began = Instant::now();
    let live_orders = f();
    Outcome { ns: began.elapsed().as_nanos() as u64, live_orders }
}

fn decode(day: &Day) -> Outcome {
    timed(|| {
        day.each_event(|instrument, event| {
            black_box((instrument, event));
        });
        None
    })
}

fn baseline_books(day: &Day) -> Outcome {
    let mut books = Baseline::default();
    timed(|| {
        day.each_event(|instrument, event| {
            black_box(books.apply(instrument, event));
        });
        Some(books.live_orders() as u64)
    })
}

const CAPACITY: BooksCapacity = BooksCapacity { instruments: 1 << 16, orders: 2_000_000, levels: 2_000_000 };

/// Applies one event; returns the best bid of the instrument, as the baseline does. Every check is on, and nothing of this day fails any.
#[inline(always)]
fn apply(books: &mut Books, instrument: u32, event: &Event) -> i64 {
    let fits = match *event {
        Event::Add { order, side, price, size, .. } => books.add(instrument, order, side, price, size).is_ok(),
        Event::Execute { order, size, .. } | Event::ExecuteAtPrice { order, size, .. } | Event::Cancel { order, size } => {
            books.reduce(instrument, order, size).is_ok_and(|reduced| reduced.fault().is_none())
        }
        Event::Delete { order } => books.delete(instrument, order).is_ok(),
        Event::Replace { old, new, price, size } => {
            books.delete(instrument, old).is_ok_and(|gone| books.add(instrument, new, gone.before.side, price, size).is_ok())
        }
        _ => true,
    };
    assert!(fits, "a message that does not fit the books");
    books.top(instrument).bid_px
}

/// Applies what a decoder hands on.
struct Applied<'a>(&'a mut Books);

impl Receiver for Applied<'_> {
    type Outcome = i64;

    #[inline(always)]
    fn moving(self, decoded: &Decoded) -> i64 {
        apply(self.0, decoded.instrument_id, &decoded.event)
    }

    #[inline(always)]
    fn other(self, decoded: Result<&Decoded, tickwire::stats::Drop>) -> i64 {
        decoded.map_or(0, |decoded| self.0.top(decoded.instrument_id).bid_px)
    }
}

fn books(day: &Day) -> Outcome {
    let mut books = Books::new(CAPACITY);
    let mut decoder = ItchDecoder::new(Market::Nasdaq, 0);
    timed(|| {
        day.each_message(|message| _ = black_box(decoder.decode_to(message, Applied(&mut books))));
        Some(books.live_orders())
    })
}

/// As a channel does it: first the memory of all of a datagram's messages is asked for, then they are applied.
pub(crate) fn books_ahead(day: &Day) -> Outcome {
    let mut books = Books::new(CAPACITY);
    let mut decoder = ItchDecoder::new(Market::Nasdaq, 0);
    let mut touched = [0; PER_DATAGRAM];
    timed(|| {
        for datagram in &day.datagrams {
            let mut count = 0;
            each_of(datagram, |message| {
                if let Some(touch) = decoder.will_touch(message) {
                    books.prefetch(touch.instrument, touch.order);
                    touched[count] = touch.instrument;
                    count += 1;
                }
            });
            touched[..count].iter().for_each(|&instrument| books.prefetch_levels(instrument));
            each_of(datagram, |message| {
                black_box(decoder.decode_to(message, Applied(&mut books)));
            });
        }
        Some(books.live_orders())
    })
}

fn path_top(day: &Day) -> Outcome {
    path(day, &[Schema::Mbo, Schema::Mbp1])
}

fn path_all(day: &Day) -> Outcome {
    path(day, &[Schema::Mbo, Schema::Mbp1, Schema::Mbp10, Schema::Trades, Schema::Status])
}

fn path(day: &Day, schemas: &[Schema]) -> Outcome {
    path_and(day, schemas, || ())
}

/// Datagrams of one message, as most are outside bursts: each by itself, and eight asked for ahead, as a lane does with what one poll found.
fn path_singly(day: &Day) -> Outcome {
    singles(day, 1)
}

fn path_singly_ahead(day: &Day) -> Outcome {
    singles(day, 8)
}

fn singles(day: &Day, batch: usize) -> Outcome {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    day.each_message(|message| {
        bytes.extend(b"BENCH     ");
        bytes.extend((ends.len() as u64 + 1).to_be_bytes());
        bytes.extend(1_u16.to_be_bytes());
        bytes.extend((message.len() as u16).to_be_bytes());
        bytes.extend(message);
        ends.push(bytes.len());
    });
    let (mut channel, mut sink, _room) = channel(&[Schema::Mbo, Schema::Mbp1]);
    timed(|| {
        let mut begin = 0;
        for (nth, ends) in ends.chunks(batch).enumerate() {
            let payloads = |begin: usize| ends.iter().scan(begin, |from, &to| Some(&bytes[std::mem::replace(from, to)..to]));
            if batch > 1 {
                for payload in payloads(begin) {
                    channel.ask_ahead(payload, true);
                }
                channel.ask_levels_ahead();
                for payload in payloads(begin) {
                    channel.on_asked(0, nth as u64 + 1, payload, &mut sink);
                }
            } else {
                for payload in payloads(begin) {
                    channel.on_datagram(0, nth as u64 + 1, payload, &mut sink);
                }
            }
            sink.commit();
            begin = *ends.last().unwrap();
        }
        Some(channel.composer().books().live_orders())
    })
}

/// How long each datagram takes, in ns, clock reading included.
fn path_tail(day: &Day) -> Histogram<u64> {
    let mut took = Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("valid bounds");
    // Not the first one, before which the memory is made.
    let mut before = None;
    path_and(day, &[Schema::Mbo, Schema::Mbp1], || {
        let now = Instant::now();
        if let Some(before) = before.replace(now) {
            took.saturating_record((now - before).as_nanos() as u64);
        }
    });
    took
}

/// Does something after each datagram.
fn path_and(day: &Day, schemas: &[Schema], mut and: impl FnMut()) -> Outcome {
    let (mut channel, mut sink, _room) = channel(schemas);
    let outcome = timed(|| {
        for (at, datagram) in day.datagrams.iter().enumerate() {
            channel.on_datagram(0, at as u64 + 1, datagram, &mut sink);
            sink.commit();
            and();
        }
        Some(channel.composer().books().live_orders())
    });
    drop(sink);
    outcome
}

/// A channel and its publication, in a folder of its own.
fn channel(schemas: &[Schema]) -> (Channel, Publisher, Room) {
    let room = Room::make();
    let mut spec = PublicationSpec::new(room.path(), "bench");
    spec.rings = schemas.iter().map(|&schema| RingSpec { schema, depth: 1 << 16 }).collect();
    spec.channels = vec![ChannelSpec { name: "bench".into(), publisher_id: 2 }];
    spec.instruments = 1 << 14;
    let sink = Publisher::create(&spec).expect("a publication in the temporary directory");
    let config = ChannelConfig {
        feed: FeedName::NasdaqItch,
        index: 0,
        arbiter: ArbiterConfig::default(),
        capacity: CAPACITY,
        midnight_ns: Some(0),
        bad_ts_recv: false,
    };
    (Channel::new(&config, Journal::new(16)), sink, room)
}

//! The writer that the Python tests drive: one command a line on standard input, one answer a line on standard output.
//!
//! Its records prove themselves: every byte behind the header follows from the record's number, and the answer tells the bytes, so that
//! a test compares what was read with what was written. `flood` is the other kind: records at a rate, numbered by their `sequence`.

#[path = "../src/schema.rs"]
mod schema;

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use schema::of_schema;
use tickwire::record::{BidAsk, ChannelState, Control, Header, Instrument, Mbo, Mbp1, Record, Row, Schema, Sink, action, side};
use tickwire::shm::{ChannelSpec, Image, OrderItem, Publication, PublicationSpec, Publisher, RingSpec};
use zerocopy::IntoBytes;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let dir = std::env::args().nth(1).ok_or("say the directory")?;
    let mut publisher = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = answer(&mut publisher, &dir, &words).unwrap_or_else(|failure| format!("error {failure}"));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(publisher: &mut Option<Publisher>, dir: &str, words: &[&str]) -> Result<String, Failure> {
    if let ["create", name, instruments, rings @ ..] = words {
        let mut spec = PublicationSpec::new(dir, *name);
        spec.instruments = instruments.parse()?;
        spec.channels = ["A", "B"].map(|name| ChannelSpec { name: name.into(), publisher_id: 2 }).into();
        spec.counters = vec!["frames".into()];
        spec.rings = rings.iter().map(|ring| ring_spec(ring)).collect::<Result<_, _>>()?;
        // One of that name ends before another begins.
        *publisher = None;
        let made = publisher.insert(Publisher::create(&spec)?);
        return Ok(format!("ok {}", made.epoch()));
    }
    if let ["close", keep] = words {
        publisher.take().ok_or("nothing was created")?.close(*keep == "keep");
        return Ok("ok".into());
    }
    if let ["die"] = words {
        std::process::abort();
    }
    let publisher = publisher.as_mut().ok_or("nothing was created")?;
    match words {
        ["instrument", id, symbol, channel] => {
            let mut padded = [b' '; 8];
            for (to, from) in padded.iter_mut().zip(symbol.bytes()) {
                *to = from;
            }
            let instrument =
                Instrument { channel: channel.parse()?, publisher_id: 2, instrument_id: id.parse()?, symbol: padded, round_lot: 100 };
            let row = publisher.instrument(&instrument).map_err(|_| "no room")?;
            Ok(format!("ok {}", row.unwrap_or(u32::MAX)))
        }
        // Of instrument 0 and row `-`: of the whole venue.
        ["publish", schema, row, id, number, count, flags] => {
            let (id, first, count, flags) = (id.parse()?, number.parse::<u64>()?, count.parse::<u64>()?, flags.parse()?);
            let schema = Schema::from_name(schema).ok_or("no such schema")?;
            let row = (*row != "-").then(|| row.parse::<Row>()).transpose()?;
            let mut told = String::from("ok ");
            for n in first..first + count {
                let bytes = of_schema!(schema, R => publish::<R>(publisher, row, id, n, flags)?);
                told.extend(bytes.iter().map(|byte| format!("{byte:02x}")));
            }
            Ok(told)
        }
        ["control", rtype, id, number] => {
            let n = number.parse()?;
            let control = Control {
                hd: Header { length: 14, rtype: rtype.parse()?, publisher_id: 2, instrument_id: id.parse()?, ts_event: n },
                ts_recv: n,
                first_sequence: n,
                last_sequence: n,
                channel: 1,
                cause: 5,
                reserved: [0; 13],
            };
            publisher.control(&control);
            Ok("ok".into())
        }
        ["state", channel, state, since] => {
            let state = match *state {
                "good" => ChannelState::Good,
                "stale" => ChannelState::Stale,
                other => return Err(format!("no state {other}").into()),
            };
            publisher.channel_state(channel.parse()?, state, since.parse()?);
            Ok("ok".into())
        }
        // An order event with a meaning, unlike those of `publish`; announced by `commit`.
        ["order", row, action, order_id, side, price, size, flags] => {
            let row: Row = row.parse()?;
            let [action, side] = [action, side].map(|letter| letter.bytes().next().unwrap_or_default());
            publisher.publish(
                row,
                &Mbo {
                    hd: Header::of::<Mbo>(2, row + 1, 7),
                    order_id: order_id.parse()?,
                    price: price.parse()?,
                    size: size.parse()?,
                    flags: flags.parse()?,
                    channel_id: 0,
                    action,
                    side,
                    ts_recv: 9,
                    ts_in_delta: 0,
                    sequence: 3,
                },
            );
            Ok("ok".into())
        }
        // An image of all orders so far, as a keeper of images writes it.
        ["image", name] => {
            let publication = Publication::open(dir, name)?;
            let mut stream = publication.orders()?;
            while stream.next()? != OrderItem::Idle {}
            let (path, temporary) = (Image::path_of(publication.path()), publication.path().with_extension("image-tmp"));
            let head = Image::write(stream.books(), (publication.epoch(), stream.position()), 5, &path, &temporary)?;
            Ok(format!("ok {} {}", head.position, head.orders))
        }
        ["commit"] => {
            publisher.commit();
            Ok("ok".into())
        }
        ["counter", value] => {
            publisher.set_counter(0, value.parse()?);
            Ok("ok".into())
        }
        ["epoch"] => {
            publisher.new_epoch();
            Ok(format!("ok {}", publisher.epoch()))
        }
        ["flood", instruments, rate, seconds] => {
            flood(publisher, instruments.parse()?, rate.parse()?, Duration::try_from_secs_f64(seconds.parse()?)?)
        }
        _ => Err(format!("what is {words:?}?").into()),
    }
}

/// `SCHEMA:DEPTH`.
fn ring_spec(told: &str) -> Result<RingSpec, Failure> {
    let (schema, depth) = told.split_once(':').ok_or("say SCHEMA:DEPTH")?;
    Ok(RingSpec { schema: Schema::from_name(schema).ok_or("no such schema")?, depth: depth.parse()? })
}

/// A record whose bytes follow from its number; its flags are given, where it has some.
fn publish<R: Record>(publisher: &mut Publisher, row: Option<Row>, id: u32, n: u64, flags: u8) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; size_of::<R>()];
    let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for byte in &mut bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    let header = Header::of::<R>(2, id, 1_700_000_000_000_000_000 + n);
    bytes.splice(..size_of::<Header>(), header.as_bytes().iter().copied());
    if let Some(at) = flags_at(R::SCHEMA) {
        *bytes.get_mut(at).ok_or("no flags there")? = flags;
    }
    // Kinds decide about cells, so they must be some that there are.
    if R::SCHEMA == Schema::Venue {
        *bytes.get_mut(88).ok_or("no kind there")? = if row.is_some() { (n % 10) as u8 } else { 10 };
    }
    if R::SCHEMA == Schema::Vwap {
        *bytes.get_mut(61).ok_or("no window there")? = (n % 4) as u8;
    }
    let record = R::read_from_bytes(&bytes).map_err(|_| "a record of another size")?;
    match row {
        Some(row) => publisher.publish(row, &record),
        None => publisher.publish_whole(&record),
    }
    Ok(record.as_bytes().to_vec())
}

fn flags_at(schema: Schema) -> Option<usize> {
    match schema {
        Schema::Mbo => Some(36),
        Schema::Mbp1 | Schema::Mbp10 | Schema::Trades => Some(30),
        Schema::Vwap => Some(60),
        Schema::Signal => Some(77),
        _ => None,
    }
}

/// `mbp-1` records at a rate, by the clock; says how many, in how many nanoseconds, and how late the latest was.
fn flood(publisher: &mut Publisher, instruments: u32, rate: u64, lasting: Duration) -> Result<String, Failure> {
    /// Records between announcements, about what a lane does in a busy moment.
    const BATCH: u64 = 32;
    let start = Instant::now();
    let (mut n, mut latest) = (0_u64, 0_u64);
    loop {
        let passed = start.elapsed();
        let due = (passed.min(lasting).as_nanos() as u64).saturating_mul(rate) / 1_000_000_000;
        latest = latest.max(due - n);
        while n < due {
            n += 1;
            let row = (n % u64::from(instruments)) as Row;
            publisher.publish(row, &quote(row + 1, n));
            if n.is_multiple_of(BATCH) {
                publisher.commit();
            }
        }
        publisher.commit();
        if passed >= lasting {
            break;
        }
        std::hint::spin_loop();
    }
    Ok(format!("ok {n} {} {}", start.elapsed().as_nanos(), latest.saturating_mul(1_000_000_000) / rate.max(1)))
}

fn quote(id: u32, n: u64) -> Mbp1 {
    let price = 100_000_000_000 + (n % 1000) as i64 * 10_000_000;
    Mbp1 {
        hd: Header::of::<Mbp1>(2, id, n),
        price,
        size: 100,
        action: action::MODIFY,
        side: side::BID,
        flags: 0x80,
        depth: 0,
        ts_recv: n,
        ts_in_delta: 0,
        sequence: n as u32,
        levels: [BidAsk { bid_px: price, ask_px: price + 10_000_000, bid_sz: 100, ask_sz: 200, bid_ct: 1, ask_ct: 2 }],
    }
}

//! Decoders over one made-up day in memory: framing and all order messages, every one read in full.
//!
//! Each way adds up the fields of the seven kinds of messages that make up order books: the sums must be equal, so that nobody is paid for
//! what it did not read; and so must the counts of all messages by type. Two of the ways are ours: the structs that lie over the bytes,
//! which is what itch5 gives, and the decoder of the path, which also checks sides, symbols and locates and makes an event of normal form.

use std::hint::black_box;
use std::time::Instant;

use tickwire::feed::itch::{ItchDecoder, Market};
use tickwire::feed::moldudp64::MoldUdp64;
use tickwire::feed::{Decoder, Event, SessionLayer};
use tickwire::generate::{GenerateConfig, Session};
use tickwire::wire::itch50::Message;

use crate::itch5_handlers;
use crate::table::{Row, Table, Target, best_and_median};

pub struct Size {
    pub rounds: usize,
    pub messages: u64,
    pub symbols: u16,
}

/// Messages by their type byte.
pub type Counts = [u64; 256];

/// What the order messages say, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub time_ns: u64,
    pub locate: u64,
    pub order: u64,
    pub shares: u64,
    /// 1e-4 units; the decoder of the path makes it 1e-9.
    pub price: u64,
}

impl Sums {
    #[inline(always)]
    pub fn add(&mut self, time_ns: u64, locate: u16, order: u64, shares: u32, price: u32) {
        self.time_ns = self.time_ns.wrapping_add(time_ns);
        self.locate = self.locate.wrapping_add(u64::from(locate));
        self.order = self.order.wrapping_add(order);
        self.shares = self.shares.wrapping_add(u64::from(shares));
        self.price = self.price.wrapping_add(u64::from(price));
    }
}

/// Types that itchy 0.3.4 panics at; no way is given them. A day has a handful.
const LEFT_OUT: [u8; 2] = *b"hO";

/// Blocks of length and message, as in a day file and in a datagram; and how many of them.
fn blocks(size: &Size) -> (Vec<u8>, u64) {
    let mut session = Session::new(&GenerateConfig::whole_day(1, size.messages, size.symbols, 0)).expect("a valid day");
    let (mut blocks, mut count) = (Vec::new(), 0);
    while let Some(message) = session.next_message() {
        if !LEFT_OUT.contains(&message.bytes[0]) {
            blocks.extend((message.bytes.len() as u16).to_be_bytes());
            blocks.extend(message.bytes);
            count += 1;
        }
    }
    (blocks, count)
}

fn structs(mut blocks: &[u8]) -> Sums {
    let mut sums = Sums::default();
    while !blocks.is_empty() {
        let message = MoldUdp64::next_message(&mut blocks).and_then(|message| Ok(Message::parse(message)?));
        match message.expect("a message of the generator's") {
            Message::Add(m) => {
                let order = m.order_reference_number.get();
                sums.add(m.head.timestamp.get(), m.head.stock_locate.get(), order, m.shares.get(), m.price.get());
            }
            Message::AddMpid(m) => {
                let order = m.order_reference_number.get();
                sums.add(m.head.timestamp.get(), m.head.stock_locate.get(), order, m.shares.get(), m.price.get());
            }
            Message::Execute(m) => {
                let order = m.order_reference_number.get();
                sums.add(m.head.timestamp.get(), m.head.stock_locate.get(), order, m.executed_shares.get(), 0);
            }
            Message::ExecuteWithPrice(m) => {
                let (order, shares) = (m.order_reference_number.get(), m.executed_shares.get());
                sums.add(m.head.timestamp.get(), m.head.stock_locate.get(), order, shares, m.execution_price.get());
            }
            Message::Cancel(m) => {
                let order = m.order_reference_number.get();
                sums.add(m.head.timestamp.get(), m.head.stock_locate.get(), order, m.canceled_shares.get(), 0);
            }
            Message::Delete(m) => {
                sums.add(m.head.timestamp.get(), m.head.stock_locate.get(), m.order_reference_number.get(), 0, 0);
            }
            Message::Replace(m) => {
                let order = m.original_order_reference_number.get().wrapping_add(m.new_order_reference_number.get());
                sums.add(m.head.timestamp.get(), m.head.stock_locate.get(), order, m.shares.get(), m.price.get());
            }
            _ => {}
        }
    }
    sums
}

fn events(mut blocks: &[u8]) -> Sums {
    let mut decoder = ItchDecoder::new(Market::Nasdaq, 0);
    let mut sums = Sums::default();
    while !blocks.is_empty() {
        let message = MoldUdp64::next_message(&mut blocks).expect("a whole block");
        let decoded = decoder.decode(message).expect("a message of the generator's");
        let (order, size, price) = match decoded.event {
            Event::Add { order, size, price, .. } | Event::ExecuteAtPrice { order, size, price, .. } => (order, size, price),
            Event::Execute { order, size, .. } | Event::Cancel { order, size } => (order, size, 0),
            Event::Delete { order } => (order, 0, 0),
            Event::Replace { old, new, price, size } => (old.wrapping_add(new), size, price),
            _ => continue,
        };
        sums.time_ns = sums.time_ns.wrapping_add(decoded.ts_event);
        sums.locate = sums.locate.wrapping_add(u64::from(decoded.instrument_id));
        sums.order = sums.order.wrapping_add(order);
        sums.shares = sums.shares.wrapping_add(u64::from(size));
        sums.price = sums.price.wrapping_add(price.cast_unsigned());
    }
    // Once for all of them: the events' prices are 1e-9.
    Sums { price: sums.price / 100_000, ..sums }
}

fn itchy(blocks: &[u8]) -> Sums {
    use itchy::Body;
    let mut sums = Sums::default();
    for message in itchy::MessageStream::from_reader(blocks) {
        let message = message.expect("a message of the generator's");
        let mut add = |order, shares, price| sums.add(message.timestamp, message.stock_locate, order, shares, price);
        match message.body {
            Body::AddOrder(m) => add(m.reference, m.shares, m.price.raw()),
            Body::OrderExecuted { reference, executed, .. } => add(reference, executed, 0),
            Body::OrderExecutedWithPrice { reference, executed, price, .. } => add(reference, executed, price.raw()),
            Body::OrderCancelled { reference, cancelled } => add(reference, cancelled, 0),
            Body::DeleteOrder { reference } => add(reference, 0, 0),
            Body::ReplaceOrder(m) => add(m.old_reference.wrapping_add(m.new_reference), m.shares, m.price.raw()),
            _ => {}
        }
    }
    sums
}

/// Ours counts what its decoder took, the others what they parsed.
fn counts(mut blocks: &[u8]) -> [Counts; 3] {
    let mut counts = [[0; 256]; 3];
    counts[1] = itch5_handlers::counts(blocks);
    for message in itchy::MessageStream::from_reader(blocks) {
        counts[2][usize::from(message.expect("a message of the generator's").tag)] += 1;
    }
    let mut decoder = ItchDecoder::new(Market::Nasdaq, 0);
    while let Ok(message) = MoldUdp64::next_message(&mut blocks) {
        counts[0][usize::from(message[0])] += u64::from(decoder.decode(message).is_ok());
    }
    counts
}

type Way = fn(&[u8]) -> Sums;

pub fn run(size: &Size, table: &mut Table) {
    let (blocks, messages) = blocks(size);
    let [ours, itch5, itchy_s] = counts(&blocks);
    assert_eq!(ours, itch5, "itch5 counts other messages by type");
    assert_eq!(ours, itchy_s, "itchy counts other messages by type");
    assert_eq!(ours.iter().sum::<u64>(), messages, "messages were not decoded");

    let ways: [(&str, Way); 4] =
        [("itch5", itch5_handlers::sums), ("tickwire, structs", structs), ("tickwire, events", events), ("itchy", itchy)];
    let mut took = [const { Vec::new() }; 4];
    for round in 0..size.rounds {
        let mut told = [Sums::default(); 4];
        // In turn from both ends: whoever comes first finds the caches otherwise.
        for at in 0..ways.len() {
            let way = if round % 2 == 0 { at } else { ways.len() - 1 - at };
            let began = Instant::now();
            told[way] = black_box(ways[way].1(black_box(&blocks)));
            took[way].push(began.elapsed().as_nanos() as f64 / messages as f64);
        }
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "the ways have read different fields: {told:?}");
    }
    println!("{messages} messages, {} symbols: ns a message, medians of {} interleaved rounds", size.symbols, size.rounds);
    for (way, (name, _)) in ways.iter().enumerate() {
        let mut ratios: Vec<f64> = took[way].iter().zip(&took[0]).map(|(ours, itch5)| ours / itch5).collect();
        let row = Row::new(format!("decode, {name}"), "ns", best_and_median(&mut took[way].clone()).1);
        let row = if way == 0 { row } else { row.beside("decode, itch5", best_and_median(&mut ratios).1) };
        table.push(if name.starts_with("tickwire") { row.target(Target::AtMost(1.1)) } else { row });
    }
}

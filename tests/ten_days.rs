//! Final books of ten generated days, and of the real messages of three venues, against a model that reads the wire by itself.
#![cfg(feature = "service")]

use std::collections::{BTreeMap, HashMap};

use tickwire::book::BooksCapacity;
use tickwire::channel::Channel;
use tickwire::feed::Side;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::stats::Drop;

mod venue;

/// Shares and orders at each price, in the wire's units.
type Levels = BTreeMap<u32, (u64, u32)>;

/// A hash map and B-trees, fed with bytes at the specification's offsets: no code of the path's.
#[derive(Default)]
struct Model {
    orders: HashMap<u64, (u16, u8, u32, u32)>,
    books: HashMap<(u16, u8), Levels>,
    /// Orders that came under the reference of one that rests.
    duplicates: u64,
}

impl Model {
    fn apply(&mut self, message: &[u8]) {
        let order = |at: usize| u64::from_be_bytes(message[at..at + 8].try_into().unwrap());
        let number = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap());
        let locate = u16::from_be_bytes([message[1], message[2]]);
        match message[0] {
            b'A' | b'F' => self.add(order(11), locate, message[19], number(32), number(20)),
            b'E' | b'C' | b'X' => self.reduce(order(11), number(19)),
            b'D' => self.reduce(order(11), u32::MAX),
            b'U' => {
                // Real messages are single ones, of orders that were never heard of.
                if let Some(&(locate, side, ..)) = self.orders.get(&order(11)) {
                    self.reduce(order(11), u32::MAX);
                    self.add(order(19), locate, side, number(31), number(27));
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, order: u64, locate: u16, side: u8, price: u32, size: u32) {
        // Only among the real messages, which are single ones of many days: the order that rests stays.
        if self.orders.contains_key(&order) {
            self.duplicates += 1;
            return;
        }
        self.orders.insert(order, (locate, side, price, size));
        let level = self.books.entry((locate, side)).or_default().entry(price).or_default();
        *level = (level.0 + u64::from(size), level.1 + 1);
    }

    fn reduce(&mut self, order: u64, size: u32) {
        let Some((locate, side, price, left)) = self.orders.get_mut(&order) else { return };
        let taken = size.min(*left);
        *left -= taken;
        let gone = *left == 0;
        let levels = self.books.get_mut(&(*locate, *side)).unwrap();
        let level = levels.get_mut(price).unwrap();
        *level = (level.0 - u64::from(taken), level.1 - u32::from(gone));
        if level.1 == 0 {
            levels.remove(price);
        }
        if gone {
            self.orders.remove(&order);
        }
    }
}

/// Sends the messages to both, so many to a datagram at a time, and compares all that rests at the end.
fn agree(feed: FeedName, capacity: BooksCapacity, messages: &[Vec<u8>], sizes: impl Iterator<Item = usize>, what: &str) -> Channel {
    let mut model = Model::default();
    let (mut channel, mut sink) = (venue::channel_with(feed, capacity, 1), venue::Recorder::default());
    let (mut rest, mut sequence) = (messages, 1);
    for size in sizes {
        let (now, later) = rest.split_at(size.min(rest.len()));
        channel.on_datagram(0, venue::MIDNIGHT_NS + sequence, &venue::mold(b"TENDAYS001", sequence, now), &mut sink);
        sink.take();
        now.iter().for_each(|message| model.apply(message));
        (rest, sequence) = (later, sequence + now.len() as u64);
        if rest.is_empty() {
            break;
        }
    }
    assert!(rest.is_empty());
    let books = channel.composer().books();
    assert_eq!(books.live_orders(), model.orders.len() as u64, "{what}");
    assert_eq!(channel.drops().get(Drop::DuplicateOrder), model.duplicates, "{what}");
    let mut levels = 0;
    for instrument in 0..capacity.instruments {
        for (side, letter) in [(Side::Bid, b'B'), (Side::Ask, b'S')] {
            let ours: Vec<_> = books.levels(instrument, side).map(|level| (level.price, level.size, level.orders)).collect();
            let told = model.books.get(&(instrument as u16, letter));
            let mut told: Vec<_> =
                told.into_iter().flatten().map(|(&price, &(size, orders))| (i64::from(price) * 100_000, size, orders)).collect();
            if side == Side::Bid {
                told.reverse();
            }
            assert_eq!(ours, told, "{what}: instrument {instrument}, {side:?}");
            levels += ours.len() as u64;
        }
    }
    assert_eq!(books.price_levels(), levels, "{what}");
    channel
}

#[test]
fn final_books_of_ten_days_are_those_of_a_simple_model() {
    for seed in 1..=10 {
        let symbols = [20, 200, 700][seed as usize % 3];
        let mut session = Session::new(&GenerateConfig::whole_day(seed, 60_000, symbols, venue::MIDNIGHT_NS)).unwrap();
        let mut messages = Vec::new();
        while let Some(message) = session.next_message() {
            messages.push(message.bytes.to_vec());
        }
        // Few references have a slot: many orders of the day outlive theirs.
        let capacity = BooksCapacity { instruments: 1 << 10, orders: 1 << 13, levels: 1 << 16 };
        // A datagram of one to forty.
        let sizes = (0_usize..).map(|n| 1 + (n * 7919 + seed as usize * 31) % 40);
        let channel = agree(FeedName::NasdaqItch, capacity, &messages, sizes, &format!("seed {seed}"));
        assert!(channel.composer().books().live_orders() > 500, "seed {seed}: hardly anything rests, which proves little");
        assert!((0..capacity.instruments).all(|id| !channel.composer().books().is_suspect(id)), "seed {seed}");
    }
}

#[test]
fn final_books_of_the_real_messages_are_those_of_a_simple_model() {
    let Some(captures) = captures() else { return };
    for (file, feed) in [("nsm", FeedName::NasdaqItch), ("bx", FeedName::BxItch), ("psx", FeedName::PsxItch)] {
        let bytes = std::fs::read(captures.join(format!("nasdaq/real_messages_{file}.itch50"))).unwrap();
        let (mut rest, mut messages) = (&bytes[..], Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (message, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
            messages.push(message.to_vec());
            rest = after;
        }
        let capacity = BooksCapacity { instruments: 1 << 16, orders: 1 << 10, levels: 1 << 12 };
        agree(feed, capacity, &messages, std::iter::repeat(9), file);
    }
}

/// Real captures, which are not part of the repository.
fn captures() -> Option<std::path::PathBuf> {
    let folder = std::env::var("TICKWIRE_CAPTURES").unwrap_or_else(|_| "../shared/captures".into());
    let found = std::path::PathBuf::from(&folder);
    if found.is_dir() {
        return Some(found);
    }
    assert_ne!(std::env::var("TICKWIRE_CAPTURES_TESTS").as_deref(), Ok("require"), "no folder {folder} with captures");
    eprintln!("SKIPPED: no folder {folder} with captures (TICKWIRE_CAPTURES)");
    None
}

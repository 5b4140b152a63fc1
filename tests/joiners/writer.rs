//! The exchange and the handler: a generated session in MoldUDP64 packets on lines A and B, through a channel into a publication.

use std::time::Duration;

use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::Side;
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::name::FeedName;
use tickwire::generate::{BookTruth, LevelTruth, OrderTruth, Session, Truth};
use tickwire::journal::Journal;
use tickwire::record::{Schema, Sink};
use tickwire::shm::orders::Order;
use tickwire::shm::{ImageNews, Publisher};

use crate::OPEN_NS;
use crate::stage::{Checkpoint, Dice, Script, Stage};
use crate::tee::Tee;

/// More than one datagram and what it releases can become.
const ROOM: u64 = 1_000;

/// One packet in the making.
struct Packet {
    bytes: Vec<u8>,
    count: u16,
    recv_ns: u64,
}

impl Packet {
    fn new(session: &[u8; 10], sequence: u64, count: u16) -> Self {
        let bytes = [&session[..], &sequence.to_be_bytes(), &count.to_be_bytes()].concat();
        Self { bytes, count, recv_ns: 0 }
    }

    fn push(&mut self, message: &[u8]) {
        self.bytes.extend((message.len() as u16).to_be_bytes());
        self.bytes.extend(message);
        self.count += 1;
        self.bytes[18..20].copy_from_slice(&self.count.to_be_bytes());
    }
}

struct Handler<'a> {
    channel: Channel,
    publisher: Tee,
    images: ImageNews,
    image_told: u64,
    stage: &'a Stage,
    dice: Dice,
    /// What line B has not brought yet: it is a packet behind line A.
    behind: Option<Packet>,
    now_ns: u64,
}

impl Handler<'_> {
    /// One packet by both lines, each of which may lose it; never both unless told.
    fn send(&mut self, packet: Packet, lost: bool) {
        let fate = self.dice.below(100);
        self.now_ns = self.now_ns.max(packet.recv_ns);
        if !lost && fate >= 3 {
            self.datagram(0, &packet.bytes);
        }
        self.flush();
        if !lost && !(3..6).contains(&fate) {
            self.behind = Some(packet);
        }
        // Now and then the market is quiet: readers catch up.
        if self.dice.percent(12) {
            std::thread::sleep(Duration::from_micros(self.dice.below(300)));
        }
    }

    fn flush(&mut self) {
        if let Some(packet) = self.behind.take() {
            self.datagram(1, &packet.bytes);
        }
    }

    fn datagram(&mut self, line: u8, payload: &[u8]) {
        while let Some(deadline_ns) = self.channel.deadline_ns().filter(|&deadline_ns| deadline_ns <= self.now_ns) {
            self.channel.on_time(deadline_ns, &mut self.publisher);
        }
        if let Some(position) = self.images.take(&mut self.image_told, self.publisher.inner.epoch()) {
            self.publisher.control(&ImageNews::control(position, self.now_ns));
        }
        let publisher = &self.publisher.inner;
        self.stage.wait("the gated readers", || publisher.has_room(ROOM));
        self.channel.on_datagram(line, self.now_ns, payload, &mut self.publisher);
        self.channel.take_began_epoch();
        self.publisher.commit();
        assert!(self.publisher.inner.failure().is_none(), "{:?}", self.publisher.inner.failure());
    }

    fn checkpoint(&self, messages: u64, session: &Session, gaps: u64, first_lost: u64) -> Checkpoint {
        let truth: Truth = session.truth();
        let orders = truth.books.iter().map(|book| (u32::from(book.locate), self.publisher.model.orders(u32::from(book.locate)))).collect();
        if gaps == 0 {
            // The model is the exchange's own book as long as nothing is lost.
            for told in session.orders() {
                let order = |order: OrderTruth| Order { order_id: order.reference, price: order.price_e9, size: order.shares };
                let queues = [told.bids, told.asks].map(|queue| queue.into_iter().map(order).collect::<Vec<_>>());
                assert_eq!(self.publisher.model.orders(u32::from(told.locate)), queues, "orders of {} after {messages}", told.locate);
            }
        }
        let books = if gaps == 0 { truth.books } else { truth.books.into_iter().map(|book| self.handlers(book)).collect() };
        let next = Schema::ALL.map(|schema| self.publisher.inner.next_position(schema));
        Checkpoint { messages, epoch: self.publisher.inner.epoch(), next, books, orders, gaps, first_lost }
    }

    fn handlers(&self, book: BookTruth) -> BookTruth {
        let side = |side| {
            let levels = self.channel.composer().books().levels(u32::from(book.locate), side);
            levels.map(|level| LevelTruth { price_e9: level.price, size: level.size, orders: level.orders }).collect()
        };
        BookTruth { bids: side(Side::Bid), asks: side(Side::Ask), ..book }
    }
}

/// Plays the whole script, stopping at its checkpoints for that many threads. Leaves the publication closed, but there.
pub fn write(script: &Script, stage: &Stage, publisher: Publisher, images: ImageNews, threads: usize) {
    let config = ChannelConfig {
        feed: FeedName::NasdaqItch,
        index: 0,
        arbiter: ArbiterConfig::default(),
        capacity: BooksCapacity { instruments: 1 << 16, orders: 1 << 16, levels: 1 << 16 },
        midnight_ns: Some(script.sessions[0].date_midnight_utc_ns),
        bad_ts_recv: false,
    };
    let channel = Channel::new(&config, Journal::new(1));
    let publisher = Tee::new(publisher);
    let mut handler = Handler { channel, publisher, images, image_told: 0, stage, dice: Dice(script.seed ^ 1), behind: None, now_ns: 0 };
    let mut checkpoints = script.checkpoints.iter().copied().peekable();
    let mut written = 0;
    for (number, config) in script.sessions.iter().enumerate() {
        let mut session = Session::new(config).unwrap();
        // As venues do, before the first message. Without it the loss of the first packet on the quicker line is a late join.
        handler.now_ns = OPEN_NS + number as u64 * 3_600_000_000_000;
        for line in [0, 1] {
            handler.datagram(line, &Packet::new(&config.session, 1, 0).bytes);
        }
        let mut packet = Packet::new(&config.session, 1, 0);
        let mut size = 1;
        let mut lost = false;
        let (gaps_before, first_lost) = (handler.channel.arbiter().gaps, script.lost.iter().copied().find(|&lost| lost > written));
        while let Some(message) = session.next_message() {
            packet.push(message.bytes);
            packet.recv_ns = message.time_ns + 20_000;
            written += 1;
            lost |= script.lost.contains(&written);
            let stop = checkpoints.next_if_eq(&written).is_some();
            if packet.count >= size || stop {
                let next = Packet::new(&config.session, session.messages() + 1, 0);
                handler.send(std::mem::replace(&mut packet, next), lost);
                stage.set_written(written);
                (size, lost) = (1 + handler.dice.below(20) as u16, false);
            }
            if stop {
                handler.flush();
                let gaps = handler.channel.arbiter().gaps - gaps_before;
                stage.stop_for(handler.checkpoint(written, &session, gaps, first_lost.unwrap_or(u64::MAX)), threads);
            }
        }
        handler.send(packet, false);
        // One publisher ends its day before the next begins; another just begins.
        if number % 2 == 0 {
            let mut end = Packet::new(&config.session, config.messages + 1, 0xFFFF);
            end.recv_ns = handler.now_ns + 1_000;
            handler.send(end, false);
        }
        handler.flush();
    }
    let Handler { mut channel, mut publisher, now_ns, .. } = handler;
    channel.finish(now_ns, &mut publisher);
    channel.close(now_ns, &mut publisher);
    publisher.commit();
    publisher.inner.close(true);
}

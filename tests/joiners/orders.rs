//! An order-level reader: joins by an image or the beginning, is lapped, rejoins, and is held against every order in its place.

use std::time::Instant;

use tickwire::record::{Schema, control};
use tickwire::shm::orders::Side;
use tickwire::shm::{OrderItem, OrderStream, Publication};

use crate::reader::{Life, Reader};
use crate::stage::Checkpoint;

struct Follower {
    stream: OrderStream,
    ended: bool,
    life: Life,
}

/// Joins.
pub fn join(name: String, publication: &Publication) -> Box<dyn Reader> {
    let stream = publication.orders_when_ready().unwrap();
    Box::new(Follower { stream, ended: false, life: Life { name: format!("{name}: orders"), ..Life::default() } })
}

impl Reader for Follower {
    fn step(&mut self) -> bool {
        match self.stream.next().unwrap() {
            OrderItem::Record(_) => self.life.records += 1,
            OrderItem::Control(record) => match record.hd.rtype {
                control::GAP_OPEN => self.life.gaps_opened += 1,
                control::GAP_CLOSED => self.life.gaps_closed += 1,
                _ => {}
            },
            OrderItem::Rejoined { lost } => {
                // 0: it came late and had to wait for its first image.
                self.life.laps += u64::from(lost > 0);
                self.life.rejoined += 1;
            }
            OrderItem::Waiting => {
                self.life.waited += 1;
                assert!(self.stream.books().is_empty(), "{}: old books are no books", self.life.name);
            }
            OrderItem::NewEpoch => self.life.epochs += 1,
            OrderItem::Idle => return false,
            OrderItem::End => {
                self.ended = true;
                return false;
            }
            OrderItem::WriterDead => panic!("{}: the writer lives", self.life.name),
        }
        true
    }

    fn compare(&mut self, checkpoint: &Checkpoint) {
        let target = checkpoint.next[Schema::Mbo.index()];
        let began = Instant::now();
        let name = self.life.name.clone();
        while self.stream.publication().epoch() != checkpoint.epoch || !self.stream.is_whole() || self.stream.position() + 1 < target {
            if !self.step() {
                assert!(began.elapsed().as_secs() < 20, "{name}: stuck at {}", self.stream.position());
                std::thread::yield_now();
            }
        }
        assert_eq!(self.stream.position() + 1, target);
        let (at, books) = (checkpoint.messages, self.stream.books());
        assert_eq!(books.contradictions().total(), 0, "{name} after {at}");
        let mut resting = 0;
        for truth in &checkpoint.books {
            let locate = u32::from(truth.locate);
            let wanted = &checkpoint.orders[&locate];
            let Some(book) = books.book(2, locate) else {
                assert!(wanted.iter().all(Vec::is_empty), "{name} after {at}: nothing known of {locate}");
                continue;
            };
            for (side, (levels, orders)) in Side::BOTH.into_iter().zip([&truth.bids, &truth.asks].into_iter().zip(wanted)) {
                // L1, L2, L3.
                let told = |level: &tickwire::generate::LevelTruth| (level.price_e9, level.size, level.orders);
                let shown = |level: tickwire::shm::orders::Level| (level.price, level.size, level.orders);
                assert_eq!(book.best(side).map(shown), levels.first().map(told), "{name} after {at}: best of {locate}");
                assert!(book.levels(side).map(shown).eq(levels.iter().map(told)), "{name} after {at}: levels of {locate}");
                assert!(book.orders(side).eq(orders.iter().copied()), "{name} after {at}: orders of {locate}");
                resting += orders.len() as u64;
            }
            assert_eq!(book.maybe_bad(), checkpoint.gaps > 0, "{name} after {at}: is {locate} in doubt");
        }
        assert_eq!(books.live_orders(), resting);
        self.life.whole_at += 1;
    }

    fn finish(&mut self) -> Life {
        let began = Instant::now();
        while !self.ended {
            self.step();
            assert!(began.elapsed().as_secs() < 20, "{}: the end never came", self.life.name);
        }
        self.life.clone()
    }
}

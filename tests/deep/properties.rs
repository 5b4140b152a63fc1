//! Random updates, event ends, losses and restarts against the model that applies complete events only.

use proptest::prelude::*;
use tickwire::record::BidAsk;
use tickwire::record::flags::{LAST, MAYBE_BAD_BOOK};

use crate::model::{Book, Model};
use crate::session::{Random, Venue, segments};
use crate::venue::*;

#[derive(Clone, Debug)]
enum Step {
    Level { symbol: usize, side: u8, price: u64, size: u32, complete: bool },
    Trade(usize),
    Lose(u64),
    Unreadable,
    Restart,
}

const SYMBOLS: [&str; 3] = ["AAA", "BBB", "CCC"];

fn step() -> impl Strategy<Value = Step> {
    let level = (0..3_usize, proptest::sample::select(vec![b'B', b'S']), 1..26_u64, 0..4_u32, proptest::bool::weighted(0.6));
    prop_oneof![
        60 => level.prop_map(|(symbol, side, price, size, complete)| Step::Level { symbol, side, price, size, complete }),
        4 => (0..3_usize).prop_map(Step::Trade),
        1 => (1..3_u64).prop_map(Step::Lose),
        1 => Just(Step::Unreadable),
        1 => Just(Step::Restart),
    ]
}

struct Check {
    bench: Bench,
    model: Model,
    /// Something was lost since the last (re)start.
    doubted: bool,
}

impl Check {
    fn book(&self, symbol: &str) -> Book {
        self.model.books.get(&text(symbol)).cloned().unwrap_or_default()
    }

    fn level(&mut self, symbol: &str, message: Vec<u8>) {
        let before = self.book(symbol).ten();
        let ends = self.model.take(&message);
        self.bench.one(message);
        let after = self.book(symbol);
        let ten = after.ten();
        let flags = LAST | if self.doubted || after.suspect { MAYBE_BAD_BOOK } else { 0 };
        let told10: Vec<_> = self.bench.sink.mbp10().iter().map(|record| (record.levels, record.flags)).collect();
        let told1: Vec<_> = self.bench.sink.mbp1().iter().map(|record| (record.levels[0], record.flags)).collect();
        assert_eq!(told10, if ends && before != ten { vec![(ten, flags)] } else { vec![] });
        assert_eq!(told1, if ends && before[0] != ten[0] { vec![(ten[0], flags)] } else { vec![] });
        assert_eq!(self.bench.sink.records(), told1.len() + told10.len());
        for record in self.bench.sink.mbp10() {
            let moved = |of: fn(&BidAsk) -> (i64, u32)| before.iter().map(of).ne(ten.iter().map(of));
            let side = match (moved(|l| (l.bid_px, l.bid_sz)), moved(|l| (l.ask_px, l.ask_sz))) {
                (true, false) => b'B',
                (false, true) => b'A',
                _ => b'N',
            };
            assert_eq!(record.side, side);
        }
    }

    fn agree(&self) {
        let composer = self.bench.channel.composer();
        for (id, symbol) in composer.symbols() {
            let mut shown = [BidAsk::EMPTY; 10];
            composer.books().top_levels(id, &mut shown);
            assert_eq!(shown, self.model.books[&symbol].ten());
            assert_eq!(composer.books().top(id), shown[0]);
        }
        assert_eq!(composer.books().price_levels(), self.model.price_levels());
        let counted = |name| self.bench.dropped().iter().find(|(reason, _)| *reason == name).map_or(0, |(_, count)| *count);
        assert_eq!((counted("unknown_level"), counted("event_unfinished")), (self.model.unknown, self.model.unfinished));
        assert_eq!(counted("offset_mismatch"), 0);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Level { symbol, side, price, size, complete } => {
                self.level(SYMBOLS[symbol], deep_level(SYMBOLS[symbol], side, price, size, complete));
            }
            Step::Trade(symbol) => {
                let message = tops_trade(SYMBOLS[symbol], 7, 1);
                self.model.take(&message);
                self.bench.one(message);
                let ten = self.book(SYMBOLS[symbol]).ten();
                let told: Vec<_> = self.bench.sink.mbp10().iter().map(|record| (record.action, record.levels)).collect();
                assert_eq!(told, [(b'T', ten)]);
            }
            Step::Lose(count) if self.bench.next > 1 => {
                self.model.cut();
                self.bench.lose(count);
                self.doubted = true;
                assert_eq!(self.bench.sink.records(), 0);
            }
            Step::Unreadable => {
                self.model.cut();
                self.bench.one(deep_level("AAA", b'B', 0, 1, true));
                self.doubted = true;
                assert_eq!(self.bench.sink.records(), 0);
            }
            Step::Restart if self.bench.next > 1 => {
                self.model.restart();
                self.doubted = false;
                let message = deep_level("BBB", b'S', 9, 9, false);
                self.model.take(&message);
                self.bench.restart(&[message]);
                assert!(self.bench.sink.mbp10().iter().all(|record| record.action == b'R' && record.levels == [BidAsk::EMPTY; 10]));
            }
            Step::Lose(_) | Step::Restart => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn what_is_published_is_the_model_at_each_event_s_end_and_nothing_between(steps in proptest::collection::vec(step(), 1..250)) {
        let mut check = Check { bench: Bench::deep(), model: Model::default(), doubted: false };
        for step in &steps {
            check.step(step);
            check.agree();
        }
    }
}

#[test]
fn whole_sessions_end_as_the_model_on_two_lines_that_lose_repeat_and_lag() {
    for seed in 1..=5 {
        let mut venue = Venue::new(seed, 30);
        let messages = venue.session(6_000);
        let mut model = Model::default();
        for message in &messages {
            model.take(message);
        }
        let segments = segments(&messages, RECV_NS, &mut venue.random);
        let mut random = Random::new(seed + 100);
        let capacity = tickwire::book::BooksCapacity { instruments: 64, orders: 0, levels: 1 << 14 };
        let mut channel = channel_with(tickwire::feed::name::FeedName::IexDeep, capacity, 2);
        let mut sink = Recorder::default();
        let mut last = std::collections::BTreeMap::new();
        for (at, (now_ns, segment)) in segments.iter().enumerate() {
            // Line B is one segment behind; each loses what the other brings.
            if at % 5 != 2 {
                channel.on_datagram(0, *now_ns, segment, &mut sink);
            }
            if at > 0 && ((at - 1) % 5 == 2 || random.below(3) > 0) {
                channel.on_datagram(1, *now_ns, &segments[at - 1].1, &mut sink);
            }
        }
        let (end_ns, end) = segments.last().unwrap();
        channel.on_datagram(0, *end_ns, end, &mut sink);
        channel.finish(*end_ns, &mut sink);
        for record in sink.mbp10() {
            assert_eq!(record.flags, LAST);
            last.insert(record.hd.instrument_id, record.levels);
        }
        assert_eq!(channel.drops().iter().count(), 0, "{:?}", channel.drops());
        assert_eq!((channel.arbiter().messages, channel.arbiter().lost_messages), (messages.len() as u64, 0));
        for (id, symbol) in channel.composer().symbols() {
            let ten = model.books[&symbol].ten();
            assert_eq!(last.get(&id).copied().unwrap_or([BidAsk::EMPTY; 10]), ten, "the last record of {id}, seed {seed}");
        }
        assert_eq!(channel.composer().books().price_levels(), model.price_levels());
    }
}

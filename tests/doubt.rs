//! Once messages were lost, no look-up says that a book is good until it is proven right: not in silence, not after the session's end.
#![cfg(feature = "service")]

mod shm_support;

use shm_support::Room;
use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::journal::Journal;
use tickwire::record::{ChannelState, Mbp10, Schema, Sink};
use tickwire::shm::{BookState, From, Item, Publication, Publisher};

const MIDNIGHT_NS: u64 = 1_717_387_200_000_000_000;
const OPEN_NS: u64 = MIDNIGHT_NS + 34_200_000_000_000;

struct Handler {
    channel: Channel,
    publisher: Publisher,
    publication: Publication,
    now_ns: u64,
}

impl Handler {
    fn new(room: &Room) -> Self {
        let config = ChannelConfig {
            feed: FeedName::NasdaqItch,
            index: 0,
            arbiter: ArbiterConfig { lines: 1, ..ArbiterConfig::default() },
            capacity: BooksCapacity { instruments: 1 << 16, orders: 1 << 12, levels: 1 << 12 },
            midnight_ns: Some(MIDNIGHT_NS),
            bad_ts_recv: false,
        };
        let publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp10, 4_096)])).unwrap();
        let publication = Publication::open(room.path(), "p").unwrap();
        Self { channel: Channel::new(&config, Journal::new(1)), publisher, publication, now_ns: OPEN_NS }
    }

    fn datagram(&mut self, session: &[u8; 10], sequence: u64, count: u16, messages: &[u8]) {
        let payload = [&session[..], &sequence.to_be_bytes(), &count.to_be_bytes(), messages].concat();
        self.now_ns += 10_000;
        self.channel.on_datagram(0, self.now_ns, &payload, &mut self.publisher);
        self.publisher.commit();
    }

    /// The whole session, one message a packet, without the one of that number.
    fn session(&mut self, name: &[u8; 10], lost: u64) {
        let mut session = Session::new(&GenerateConfig::steady(5, 2_000, 40, MIDNIGHT_NS, OPEN_NS, 1_000)).unwrap();
        while let Some(message) = session.next_message() {
            let block = [&(message.bytes.len() as u16).to_be_bytes(), message.bytes].concat();
            let sequence = session.messages();
            if sequence != lost {
                self.datagram(name, sequence, 1, &block);
            }
        }
    }

    /// Nothing comes for a minute.
    fn silence(&mut self) {
        self.now_ns += 60_000_000_000;
        while let Some(due_ns) = self.channel.deadline_ns().filter(|&due_ns| due_ns <= self.now_ns) {
            self.channel.on_time(due_ns, &mut self.publisher);
        }
    }

    /// What look-ups and boards say of every book: all good, or all doubtful.
    fn says(&self, state: BookState) {
        let publication = self.publication.reopen().unwrap();
        assert!(publication.instrument_count() > 30);
        for row in 0..publication.instrument_count() {
            assert_eq!(publication.book_at(row).unwrap().state, state, "row {row}, channel {:?}", self.channel.state());
        }
        let mut records = publication.subscribe::<Mbp10>(From::Board).unwrap();
        while let Item::Board { maybe_bad, row, .. } = records.next().unwrap() {
            assert_eq!(maybe_bad, state == BookState::MaybeBad, "row {row}, channel {:?}", self.channel.state());
        }
    }
}

#[test]
fn silence_and_the_end_of_the_session_do_not_make_a_lossy_book_good() {
    let room = Room::new();
    let mut handler = Handler::new(&room);
    // Late enough that some books are not touched again.
    handler.session(b"SESSION001", 1_900);
    handler.says(BookState::MaybeBad);
    handler.silence();
    assert_eq!(handler.channel.state(), ChannelState::Silent);
    assert_eq!(handler.publication.reopen().unwrap().channel_states()[0].state, ChannelState::Silent, "an operator sees both");
    handler.says(BookState::MaybeBad);
    handler.datagram(b"SESSION001", 2_001, 0, &[]);
    assert_eq!(handler.channel.state(), ChannelState::Stale);
    handler.says(BookState::MaybeBad);
    handler.datagram(b"SESSION001", 2_001, 0xFFFF, &[]);
    assert_eq!(handler.channel.state(), ChannelState::Ended);
    handler.says(BookState::MaybeBad);
    handler.session(b"SESSION002", 0);
    handler.says(BookState::Good);
}

#[test]
fn a_session_that_begins_after_silence_is_good() {
    let room = Room::new();
    let mut handler = Handler::new(&room);
    handler.session(b"SESSION001", 1_900);
    handler.silence();
    handler.session(b"SESSION002", 0);
    assert_eq!(handler.channel.state(), ChannelState::Good);
    handler.says(BookState::Good);
    handler.silence();
    handler.says(BookState::Good);
    assert_eq!(handler.publication.reopen().unwrap().channel_states()[0].state, ChannelState::Silent);
}

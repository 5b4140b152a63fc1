//! Images that were cut, overwritten, made up, or are somebody else's: refused with one sentence, never believed, never a crash.

mod shm_support;

use std::path::PathBuf;

use proptest::prelude::*;
use shm_support::{Room, instrument};
use tickwire::record::{Control, Header, Mbo, Schema, Sink, UNDEF_PRICE, action, control, flags, side};
use tickwire::shm::{Image, OrderBooks, OrderItem, Publication, Publisher, ShmError};

fn add(instrument: u32, order_id: u64, on: u8, price: i64) -> Mbo {
    Mbo {
        hd: Header::of::<Mbo>(2, instrument, 7),
        order_id,
        price,
        size: 100,
        flags: flags::LAST,
        channel_id: 0,
        action: action::ADD,
        side: on,
        ts_recv: 9,
        ts_in_delta: 0,
        sequence: 1,
    }
}

fn books() -> OrderBooks {
    let mut books = OrderBooks::new();
    let hd = Header { length: 14, rtype: control::GAP_OPEN, publisher_id: 2, instrument_id: 0, ts_event: 1 };
    books.apply_control(&Control { hd, ts_recv: 1, first_sequence: 3, last_sequence: 4, channel: 1, cause: 6, reserved: [0; 13] });
    for instrument in 1..=4 {
        for id in 0..10 {
            let on = if id % 2 == 0 { side::BID } else { side::ASK };
            books.apply(&add(instrument, id, on, 100 + (id % 3) as i64));
        }
    }
    books.apply(&Mbo { action: action::CLEAR, price: UNDEF_PRICE, size: 0, side: side::NONE, ..add(5, 0, side::NONE, 0) });
    books
}

struct File {
    room: Room,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn good() -> File {
    let room = Room::new();
    let path = room.path().join("p.mbo.image");
    Image::write(&books(), (7, 99), 1_000, &path, &room.path().join(".p.tmp-1")).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    File { room, path, bytes }
}

impl File {
    /// The sentence that these bytes are refused with; `None` if they are loaded.
    fn refusal(&self, bytes: &[u8]) -> Option<String> {
        std::fs::write(&self.path, bytes).unwrap();
        match Image::load(&self.path) {
            Ok(_) => None,
            Err(error @ ShmError::Image { .. }) => {
                let said = error.to_string();
                assert!(said.contains("p.mbo.image: not an image this version can read: ") && !said.contains('\n'), "{said}");
                Some(said)
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The good image with one word changed.
    fn with(&self, word: usize, value: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[8 * word..8 * word + 8].copy_from_slice(&value.to_le_bytes());
        bytes
    }

    fn word(&self, word: usize) -> u64 {
        u64::from_le_bytes(self.bytes[8 * word..8 * word + 8].try_into().unwrap())
    }
}

/// As docs/ring.md describes it.
fn checksum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    words.enumerate().filter(|(at, _)| *at != 15).fold(0x7469_636b_7769_7265, |sum, (_, word)| {
        let product = u128::from(sum ^ word) * 0x9E37_79B9_7F4A_7C15;
        (product >> 64) as u64 ^ product as u64
    })
}

/// With a checksum that fits, whatever else is wrong.
fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&bytes);
    bytes[120..128].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn the_checksum_is_the_documented_one() {
    let file = good();
    assert_eq!(file.word(15), checksum(&file.bytes));
    assert_eq!(file.refusal(&file.bytes), None);
}

#[test]
fn an_image_cut_anywhere_is_refused() {
    let file = good();
    for length in (0..file.bytes.len()).step_by(97).chain([127, 128, 129, file.bytes.len() - 1]) {
        assert!(file.refusal(&file.bytes[..length]).is_some(), "cut at {length}");
    }
    let longer = [&file.bytes[..], &[0]].concat();
    assert!(file.refusal(&longer).unwrap().contains("bytes"));
}

#[test]
fn no_bit_may_differ() {
    let file = good();
    for at in 0..file.bytes.len() {
        let mut bytes = file.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(file.refusal(&bytes).is_some(), "bit {} of byte {at}", at % 8);
    }
}

#[test]
fn what_this_version_does_not_know_is_refused_by_name() {
    let file = good();
    for (word, value, says) in [
        (0, u64::from_le_bytes(*b"TICKWIRE"), "does not begin as an image does"),
        (1, 2, "its image version is 2, and this program reads 1"),
        (2, 4, "its DBN version is 4"),
        (3, 256, "its header size is 256"),
        (4, 64, "its record size is 64"),
        (5, 1, "its header says 1"),
        (9, u64::MAX, "the most that is believed"),
        (10, 1 << 40, "the most that is believed"),
        (11, u64::MAX / 56, "the most that is believed"),
        (11, 1 << 27, "its counts make"),
        (10, 6, "its counts make"),
    ] {
        let said = file.refusal(&signed(file.with(word, value))).unwrap();
        assert!(said.contains(says), "{says:?} is not in {said}");
    }
}

/// The record at `index` changed, with a checksum that fits.
fn changed(file: &File, index: usize, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = file.bytes.clone();
    // One channel's word stands before the records.
    let at = 136 + 56 * index;
    change(&mut bytes[at..at + 56]);
    signed(bytes)
}

#[test]
fn records_that_do_not_follow_from_each_other_are_refused_even_if_the_checksum_fits() {
    let file = good();
    let cases: [(&str, usize, &dyn Fn(&mut [u8])); 11] = [
        ("none of a snapshot", 1, &|r| r[1] = 0x01),
        ("none of a snapshot", 1, &|r| r[0] = 13),
        ("none of a snapshot", 1, &|r| r[36] &= !flags::SNAPSHOT),
        ("none of a snapshot", 1, &|r| r[40] ^= 1),
        ("does not follow", 2, &|r| r[4] = 9),
        ("does not follow", 2, &|r| r[24] = 200),
        ("does not follow", 2, &|r| r[39] = b'N'),
        ("does not follow", 2, &|r| r[32..36].fill(0)),
        ("another has not ended", 1, &|r| r[38] = b'R'),
        ("no order of a book that was begun", 0, &|r| r[38] = b'A'),
        ("no order of a book that was begun", 0, &|r| r[36] |= flags::LAST),
    ];
    for (says, index, change) in cases {
        let said = file.refusal(&changed(&file, index, |record| change(record))).unwrap_or_else(|| panic!("{says}: believed"));
        assert!(said.contains(says), "{says:?} is not in {said}");
    }
    // The same book, and the same order, twice.
    let twice = changed(&file, 11, |record| record[4] = 1);
    assert!(file.refusal(&twice).unwrap().contains("told before"));
    let same_order = changed(&file, 2, |record| record[16] = file.bytes[136 + 56 + 16]);
    assert!(file.refusal(&same_order).unwrap().contains("does not follow"));
    // A word of a channel that says nothing.
    assert!(file.refusal(&signed(file.with(16, 1 << 20))).unwrap().contains("says nothing of a channel"));
    // Asks do not come before bids.
    let mut swapped = file.bytes.clone();
    let (bid, ask) = (136 + 56, 136 + 56 * 6);
    for at in 0..56 {
        swapped.swap(bid + at, ask + at);
    }
    assert!(file.refusal(&signed(swapped)).unwrap().contains("does not follow"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..4_000), behind_a_good_header in any::<bool>(), sign in any::<bool>()) {
        let file = good();
        let mut bytes = noise;
        if behind_a_good_header {
            bytes.resize(file.bytes.len(), 0xA0);
            bytes[..136].copy_from_slice(&file.bytes[..136]);
        }
        if sign && bytes.len() >= 128 {
            bytes = signed(bytes);
        }
        prop_assert!(file.refusal(&bytes).is_some());
    }
}

#[test]
fn an_image_of_zeros_that_claims_to_be_huge_costs_no_memory() {
    let file = good();
    let orders: u64 = 1 << 27;
    let mut head = file.with(11, orders);
    head[40..48].copy_from_slice(&(128 + 8 + 56 * (5 + orders)).to_le_bytes());
    std::fs::write(&file.path, &head[..128]).unwrap();
    // 7 GiB that are not there.
    std::fs::OpenOptions::new().write(true).open(&file.path).unwrap().set_len(128 + 8 + 56 * (5 + orders)).unwrap();
    let said = Image::load(&file.path).unwrap_err().to_string();
    assert!(said.contains("record 1 of its 134217733: it is none of a snapshot"), "{said}");
}

#[test]
fn what_is_no_file_at_all_is_refused_and_what_is_not_there_is_not_there() {
    let file = good();
    assert_eq!(Image::head(&file.room.path().join("q.mbo.image")).unwrap(), None);
    assert!(matches!(Image::load(&file.room.path().join("q.mbo.image")), Err(ShmError::Io { .. })));
    std::fs::remove_file(&file.path).unwrap();
    std::fs::create_dir(&file.path).unwrap();
    assert!(Image::load(&file.path).unwrap_err().to_string().contains("it is not a file"));
}

/// A publication whose mbo ring has lost its beginning, so that nothing but an image will do.
fn lapped(room: &Room) -> Publisher {
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, 64)])).unwrap();
    publisher.instrument(&instrument(1, "S")).unwrap();
    for id in 1..=100 {
        publisher.publish(0, &add(1, id, side::BID, 100));
    }
    publisher.commit();
    publisher
}

#[test]
fn an_image_of_another_epoch_of_the_future_or_of_long_ago_is_not_started_from() {
    let room = Room::new();
    let publisher = lapped(&room);
    let publication = Publication::open(room.path(), "p").unwrap();
    let path = Image::path_of(publication.path());
    let refused = |at: (u64, u64)| {
        Image::write(&books(), at, 1_000, &path, &room.path().join(".p.tmp-1")).unwrap();
        let error = publication.orders().unwrap_err();
        assert!(matches!(error, ShmError::NoImage { .. }), "{error}");
        error.to_string()
    };
    let none = publication.orders().unwrap_err().to_string();
    assert!(none.contains("no image to start from: there is none") && none.contains("[publication.image]"), "{none}");
    assert!(refused((7, 99)).contains("of epoch 7, and this is"));
    assert!(refused((publisher.epoch(), 101)).contains("position 101, which was not written yet"));
    assert!(refused((publisher.epoch(), 1 << 50)).contains("not written yet"));
    assert!(refused((publisher.epoch(), u64::MAX)).contains("not written yet"));
    assert!(refused((publisher.epoch(), 30)).contains("does not reach back"));
    Image::write(&books(), (publisher.epoch(), 40), 1_000, &path, &room.path().join(".p.tmp-1")).unwrap();
    let mut stream = publication.orders().unwrap();
    assert_eq!((stream.position(), stream.books().live_orders()), (40, 40));
    assert!(matches!(stream.next().unwrap(), OrderItem::Record(record) if record.order_id == 41));
}

#[test]
fn a_damaged_image_is_no_obstacle_where_the_ring_has_its_beginning_and_an_error_where_it_has_not() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, 64)])).unwrap();
    publisher.instrument(&instrument(1, "S")).unwrap();
    publisher.publish(0, &add(1, 1, side::BID, 100));
    publisher.commit();
    let publication = Publication::open(room.path(), "p").unwrap();
    let path = Image::path_of(publication.path());
    Image::write(&books(), (publisher.epoch(), 1), 1_000, &path, &room.path().join(".p.tmp-1")).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    for damaged in [&bytes[..], &bytes[..100]] {
        std::fs::write(&path, damaged).unwrap();
        let mut stream = publication.orders().unwrap();
        assert_eq!(stream.position(), 0);
        assert!(matches!(stream.next().unwrap(), OrderItem::Record(record) if record.order_id == 1));
    }
    drop(publisher);
    let mut publisher = lapped(&room);
    assert_eq!(room.files(), ["p", "p.lock"], "a new writer removes the image of the old one");
    let publication = Publication::open(room.path(), "p").unwrap();
    for damaged in [&bytes[..], &bytes[..100]] {
        let mut damaged = damaged.to_vec();
        damaged[48..56].copy_from_slice(&publisher.epoch().to_le_bytes());
        damaged[56..64].copy_from_slice(&90_u64.to_le_bytes());
        std::fs::write(&path, damaged).unwrap();
        assert!(matches!(publication.orders(), Err(ShmError::Image { .. })));
        // Who would wait is told once, and then waits.
        assert!(matches!(publication.orders_when_ready(), Err(ShmError::Image { .. })));
    }
    publisher.commit();
}

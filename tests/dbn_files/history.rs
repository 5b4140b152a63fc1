//! A ring's whole history: out of files, then out of the ring; nothing twice, nothing missing in silence.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;
use tickwire::dbn_files::{FilesConfig, History, Index, Publisher as Of, RingFiles, index_path};
use tickwire::record::{Mbo, Schema, Sink, control};
use tickwire::shm::{Item, Publication, Publisher};

use super::reading::names;
use super::shm_support::{Room, control_record, instrument};
use super::written::{NOON_NS, dir, mbo};

/// A writer with a short ring, and a recorder beside it that is told what the writer writes.
struct Stage {
    room: Room,
    dir: TempDir,
    publisher: Publisher,
    files: RingFiles,
    /// Number of the last record, from 1 over all epochs.
    n: u64,
    /// What is at each position of the ring, from 1 on.
    places: Vec<Place>,
    publishers: u16,
}

/// What is at a position.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Record(u64),
    /// A record that the recorder missed.
    Missed(u64),
    Control,
}

impl Stage {
    fn new(depth: u64, rotate_bytes: u64, publishers: u16) -> Self {
        let (room, dir) = (Room::new(), dir());
        let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, depth)])).unwrap();
        publisher.instrument(&instrument(7, "AAPL")).unwrap();
        let index = Index::create(room.path(), "p", publisher.epoch()).unwrap();
        let config = FilesConfig {
            dir: dir.path().to_owned(),
            publication: "p".into(),
            publishers: (2..2 + publishers).map(|id| Of { id, dataset: format!("X{id}.ITCH") }).collect(),
            rotate_bytes,
            in_background: false,
            index: Some(Arc::new(Mutex::new(index))),
        };
        let files = RingFiles::new(Arc::new(config), Schema::Mbo, publisher.epoch());
        Self { room, dir, publisher, files, n: 0, places: Vec::new(), publishers }
    }

    fn record(&self, n: u64) -> Mbo {
        let mut record = mbo(n, 7, NOON_NS + n);
        record.hd.publisher_id = 2 + (n * n % u64::from(self.publishers)) as u16;
        record
    }

    fn publish(&mut self, count: u64) {
        for _ in 0..count {
            self.n += 1;
            let (record, position) = (self.record(self.n), self.publisher.next_position(Schema::Mbo));
            self.publisher.publish(0, &record);
            self.places.push(Place::Record(self.n));
            self.files.push(position, &record).unwrap();
        }
        self.publisher.commit();
    }

    /// The recorder is lapped and misses these.
    fn publish_past_the_recorder(&mut self, count: u64) {
        let position = self.publisher.next_position(Schema::Mbo);
        for _ in 0..count {
            self.n += 1;
            self.places.push(Place::Missed(self.n));
            self.publisher.publish(0, &self.record(self.n));
        }
        self.publisher.commit();
        self.files.lose(position, count).unwrap();
    }

    fn control(&mut self) {
        let position = self.publisher.next_position(Schema::Mbo);
        self.publisher.control(&control_record(control::GAP_OPEN, self.n));
        self.places.push(Place::Control);
        self.publisher.commit();
        self.files.pass(position);
    }

    fn new_epoch(&mut self) {
        self.publisher.new_epoch();
        self.places.clear();
        self.publisher.instrument(&instrument(7, "AAPL")).unwrap();
        self.files.begin_epoch(self.publisher.epoch()).unwrap();
    }

    fn history(&self) -> History<Mbo> {
        Publication::open(self.room.path(), "p").unwrap().history().unwrap()
    }
}

/// What a reader was given: numbers of records, `-n` for a loss, 0 for a control record.
fn read(history: &mut History<Mbo>, most: usize) -> Vec<i64> {
    let mut given = Vec::new();
    let (began, mut idle) = (Instant::now(), 0);
    while given.len() < most && idle < 40 {
        match history.next().unwrap() {
            Item::Record(record) => {
                assert_eq!(*record, Mbo { hd: record.hd, ..mbo(record.order_id, 7, record.ts_recv) });
                given.push(record.order_id as i64);
            }
            Item::Control(_) => given.push(0),
            Item::Lost(count) => given.push(-(count as i64)),
            Item::Idle => {
                idle += 1;
                assert!(began.elapsed() < Duration::from_secs(20));
                std::thread::sleep(Duration::from_micros(500));
                continue;
            }
            Item::End => break,
            other => panic!("{other:?}"),
        }
        idle = 0;
    }
    given
}

#[test]
fn whoever_comes_late_gets_every_record_from_whole_files_the_part_and_the_ring_in_order() {
    for publishers in [1, 3] {
        let mut stage = Stage::new(256, 56 * 700, publishers);
        stage.control();
        stage.publish(3_000);
        stage.control();
        stage.publish(500);
        stage.files.flush().unwrap();
        // These are in the ring alone.
        stage.publish(100);
        stage.control();
        let parts = names(stage.dir.path()).iter().filter(|name| name.ends_with(".part")).count();
        assert_eq!(parts, usize::from(publishers), "one grows for each publisher: {:?}", names(stage.dir.path()));
        let mut history = stage.history();
        let given = read(&mut history, usize::MAX);
        let records: Vec<i64> = given.iter().copied().filter(|&n| n > 0).collect();
        assert_eq!(records, (1..=3_600).collect::<Vec<i64>>());
        assert_eq!((history.lost(), given.last()), (0, Some(&0)), "control records come from the ring");
        // And then what comes.
        stage.publish(10);
        assert_eq!(read(&mut history, usize::MAX), (3_601..=3_610).collect::<Vec<i64>>());
        assert_eq!(history.next_position(), stage.publisher.next_position(Schema::Mbo));
    }
}

#[test]
fn a_reader_that_stalls_goes_back_to_the_files_and_loses_nothing() {
    let mut stage = Stage::new(64, u64::MAX, 1);
    let mut history = stage.history();
    let mut given = Vec::new();
    for _ in 0..40 {
        stage.publish(333);
        stage.files.flush().unwrap();
        given.extend(read(&mut history, 200));
    }
    given.extend(read(&mut history, usize::MAX));
    assert_eq!(given, (1..=40 * 333).collect::<Vec<i64>>());
}

#[test]
fn what_the_recorder_lost_is_told_where_it_is_missing() {
    let mut stage = Stage::new(64, u64::MAX, 2);
    stage.publish(100);
    stage.publish_past_the_recorder(30);
    stage.publish(100);
    stage.publish_past_the_recorder(5);
    stage.publish_past_the_recorder(6);
    stage.publish(100);
    stage.files.flush().unwrap();
    let expected: Vec<i64> = (1..=100).chain([-30]).chain(131..=230).chain([-11]).chain(242..=341).collect();
    assert_eq!(read(&mut stage.history(), usize::MAX), expected);
    assert_eq!(stage.files.lost(), 41);
}

#[test]
fn without_a_recorder_the_loss_is_told_at_once_and_the_ring_follows() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, 64)])).unwrap();
    publisher.instrument(&instrument(7, "AAPL")).unwrap();
    (1..=1_000).for_each(|n| publisher.publish(0, &mbo(n, 7, n)));
    publisher.commit();
    let mut history = Publication::open(room.path(), "p").unwrap().history::<Mbo>().unwrap();
    // At once: not after a recorder was waited for.
    let Item::Lost(lost) = history.next().unwrap() else { panic!("it waits") };
    let given = read(&mut history, usize::MAX);
    assert!(lost > 900 && given.len() as u64 + lost == 1_000 && given.last() == Some(&1_000), "{lost}, {given:?}");
    // A ring that has everything needs no file.
    let mut publisher = Publisher::create(&room.spec("q", &[(Schema::Mbo, 64)])).unwrap();
    publisher.publish_whole(&mbo(1, 7, 1));
    publisher.commit();
    let mut history = Publication::open(room.path(), "q").unwrap().history::<Mbo>().unwrap();
    assert_eq!(read(&mut history, usize::MAX), [1]);
}

#[test]
fn a_new_epoch_has_a_history_of_its_own_from_its_first_record() {
    let mut stage = Stage::new(64, u64::MAX, 1);
    stage.publish(200);
    stage.files.flush().unwrap();
    let mut history = stage.history();
    assert_eq!(read(&mut history, usize::MAX).len(), 200);
    stage.new_epoch();
    stage.publish(200);
    stage.files.flush().unwrap();
    let began = Instant::now();
    while !matches!(history.next().unwrap(), Item::NewEpoch) {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(read(&mut history, usize::MAX), (201..=400).collect::<Vec<i64>>());
    assert_eq!(read(&mut stage.history(), usize::MAX), (201..=400).collect::<Vec<i64>>());
}

#[test]
fn a_file_that_somebody_removed_is_told_as_lost_with_the_number_of_its_records() {
    let mut stage = Stage::new(64, 56 * 100, 1);
    stage.publish(550);
    stage.files.flush().unwrap();
    std::fs::remove_file(stage.dir.path().join("p.mbo.20231115.0001.dbn.zst")).unwrap();
    let expected: Vec<i64> = (1..=100).chain([-100]).chain(201..=550).collect();
    assert_eq!(read(&mut stage.history(), usize::MAX), expected);
}

/// Reads to the end; the first error's sentence, and what was given.
fn until_refused(stage: &Stage) -> (String, Vec<i64>) {
    let mut history = stage.history();
    let (mut refused, mut given, mut idle) = (String::new(), Vec::new(), 0);
    while idle < 40 {
        match history.next() {
            Ok(Item::Record(record)) => given.push(record.order_id as i64),
            Ok(Item::Lost(count)) => given.push(-(count as i64)),
            Ok(Item::Idle) => idle += 1,
            Ok(_) => {}
            Err(error) => {
                assert!(refused.is_empty(), "told twice: {error}");
                refused = error.to_string();
            }
        }
    }
    (refused, given)
}

/// Whatever was refused: what is missing is told, and what the ring has comes.
fn assert_honest(given: &[i64], last: i64) {
    let mut next = 1;
    for &n in given {
        if n < 0 {
            next += -n;
        } else {
            assert_eq!(n, next, "{given:?}");
            next += 1;
        }
    }
    assert_eq!(next, last + 1);
}

#[test]
fn lists_and_files_that_are_damaged_are_refused_in_one_sentence_and_the_ring_goes_on() {
    let mut stage = Stage::new(64, 56 * 200, 1);
    stage.publish(550);
    stage.files.flush().unwrap();
    let list = index_path(stage.room.path(), "p");
    let good_list = std::fs::read(&list).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&list).unwrap()) & 0o777, 0o640);
    for bad in [b"nonsense".to_vec(), vec![0xFF; 300], good_list[..good_list.len() / 2].to_vec(), b"{}\n".to_vec()] {
        std::fs::write(&list, bad).unwrap();
        let (refused, given) = until_refused(&stage);
        assert!(refused.contains("p.recorded") && refused.contains("not a list of recorded files") && !refused.contains('\n'), "{refused}");
        assert_honest(&given, 550);
    }
    std::fs::write(&list, &good_list).unwrap();
    let file = stage.dir.path().join("p.mbo.20231115.0001.dbn.zst");
    let good = std::fs::read(&file).unwrap();
    let metadata = good.windows(4).position(|bytes| bytes == [0x57, 0x2A, 0x4D, 0x18]).unwrap();
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut draw = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let mut refusals = BTreeSet::new();
    for turn in 0..200 {
        let mut bad = good.clone();
        match turn % 3 {
            0 => bad.truncate(draw(good.len())),
            1 => {
                let at = metadata + draw(good.len() - metadata);
                bad[at] ^= 1 << draw(8);
            }
            _ => (0..40).for_each(|_| {
                let at = metadata + draw(good.len() - metadata);
                bad[at] = draw(256) as u8;
            }),
        }
        std::fs::write(&file, &bad).unwrap();
        let (refused, given) = until_refused(&stage);
        assert!(bad == good || refused.contains("0001.dbn.zst"), "turn {turn}: {refused}");
        assert!(!refused.contains('\n') && refused.len() < 600, "{refused}");
        assert_honest(&given, 550);
        refusals.insert(refused);
    }
    assert!(refusals.len() > 4, "{refusals:?}");
}

#[derive(Clone, Debug)]
enum Do {
    Publish(u64),
    Control,
    Miss(u64),
    Flush,
    Read(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Do>> {
    let deed = prop_oneof![
        4 => (1..200_u64).prop_map(Do::Publish),
        1 => Just(Do::Control),
        1 => (1..50_u64).prop_map(Do::Miss),
        2 => Just(Do::Flush),
        3 => (1..300_usize).prop_map(Do::Read),
    ];
    proptest::collection::vec(deed, 1..60)
}

/// A reader whose every item is held against what is at the ring's positions.
struct Follower {
    history: History<Mbo>,
    /// The position that comes next.
    next: u64,
    /// Told as lost since the last record or control record.
    lost: u64,
}

impl Follower {
    /// Takes so many items, or all there are. How long that takes is the machine's affair: it ends when the position says so.
    fn read(&mut self, stage: &Stage, most: usize) {
        let began = Instant::now();
        for _ in 0..most {
            loop {
                if self.history.next_position() == stage.publisher.next_position(Schema::Mbo) {
                    return;
                }
                let item = match self.history.next().unwrap() {
                    Item::Record(record) => {
                        assert_eq!(*record, stage.record(record.order_id));
                        Some(record.order_id)
                    }
                    Item::Control(_) => None,
                    Item::Lost(count) => {
                        self.lost += count;
                        break;
                    }
                    Item::Idle => {
                        assert!(began.elapsed() < Duration::from_secs(60), "it waits at {} of {}", self.next, stage.places.len());
                        std::thread::sleep(Duration::from_micros(100));
                        continue;
                    }
                    other => panic!("{other:?}"),
                };
                let position = self.history.next_position() - 1;
                self.pass(stage, position);
                match (stage.places[position as usize - 1], item) {
                    (Place::Record(n) | Place::Missed(n), Some(record)) => assert_eq!(record, n, "at {position}"),
                    (place, item) => assert_eq!((place, item), (Place::Control, None), "at {position}"),
                }
                self.next = position + 1;
                break;
            }
        }
    }

    /// What lies between the last item and this position did not come: records only that the recorder missed, and their number was told. It counts
    /// positions, as the ring's own loss does: control records among them too where nobody knows better.
    fn pass(&mut self, stage: &Stage, position: u64) {
        let passed = &stage.places[self.next as usize - 1..position as usize - 1];
        let records = passed.iter().filter(|place| **place != Place::Control).count() as u64;
        assert!(passed.iter().all(|place| !matches!(place, Place::Record(_))), "before {position}: {passed:?}");
        let told = std::mem::take(&mut self.lost);
        assert!((records..=passed.len() as u64).contains(&told), "{told} lost before {position}: {passed:?}");
    }
}

/// Does all that, reads to the end, and finds every record once, in order, or told as lost.
fn follow(deeds: Vec<Do>, rotate: u64, publishers: u16) {
    let mut stage = Stage::new(128, 56 * rotate, publishers);
    let mut follower = Follower { history: stage.history(), next: 1, lost: 0 };
    for deed in deeds {
        match deed {
            Do::Publish(count) => stage.publish(count),
            Do::Control => stage.control(),
            Do::Miss(count) => stage.publish_past_the_recorder(count),
            Do::Flush => stage.files.flush().unwrap(),
            Do::Read(count) => {
                // The recorder of a service does so every second, and a reader waits that long.
                stage.files.flush().unwrap();
                follower.read(&stage, count);
            }
        }
    }
    stage.files.flush().unwrap();
    follower.read(&stage, usize::MAX);
    follower.pass(&stage, stage.places.len() as u64 + 1);
}

#[test]
fn a_control_record_among_what_the_recorder_missed_may_be_counted_as_lost_and_no_record_more() {
    // The reader has the first of two losses' beginning from the ring; the note of both says how many are lost among which positions.
    follow(vec![Do::Miss(32), Do::Control, Do::Miss(1), Do::Read(1), Do::Publish(96)], 50, 1);
}

#[test]
fn what_the_recorder_missed_between_two_files_is_told_as_lost_once_it_was_waited_for() {
    // The file ends with its fiftieth record, and no other begins in which a loss could be noted.
    follow(vec![Do::Publish(50), Do::Miss(49), Do::Control, Do::Miss(49), Do::Miss(49)], 50, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn every_record_comes_once_in_order_or_is_told_as_lost(deeds in deeds(), rotate in 50_u64..2_000, publishers in 1_u16..4) {
        follow(deeds, rotate, publishers);
    }
}

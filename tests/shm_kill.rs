//! case_45: a writer is killed at any moment, again and again, with readers attached.
//!
//! No reader ever sees a torn record, look-ups answer even over cells the writer died in, every restart is a new epoch.

mod shm_support;

use std::time::{Duration, Instant};

use shm_support::*;
use tickwire::record::{Mbp10, Schema, Sink};
use tickwire::shm::{From, Item, Publication, Publisher, ShmError, WriterState};

const ROWS: u32 = 4;

/// The writer: this test again, in a process of its own that only a kill ends.
fn write_for_ever(dir: &str) {
    let room = Room::new();
    let mut spec = room.spec("p", &[(Schema::Mbp10, 64)]);
    spec.dir = dir.into();
    drop(room);
    let mut publisher = Publisher::create(&spec).unwrap();
    for id in 0..ROWS {
        publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap();
    }
    let start = Instant::now();
    for n in 1.. {
        let row = (n % u64::from(ROWS)) as u32;
        publisher.publish(row, &mbp10(row, n));
        if n.is_multiple_of(5) {
            publisher.commit();
        }
        // Should the test die, so does this.
        if n.is_multiple_of(65536) && start.elapsed() > Duration::from_secs(20) {
            return;
        }
    }
}

#[test]
fn case_45_no_record_is_ever_torn_however_often_the_writer_is_killed() {
    if let Some(dir) = Writer::dir() {
        return write_for_ever(&dir);
    }
    const KILLS: u64 = 150;
    let room = Room::new();
    let mut writer = Writer::start("case_45_no_record_is_ever_torn_however_often_the_writer_is_killed", &room);
    let publication = loop {
        match Publication::open(room.path(), "p") {
            Ok(publication) => break publication,
            Err(ShmError::NotFound { .. }) => std::thread::yield_now(),
            Err(e) => panic!("a publication is seen whole or not at all: {e}"),
        }
    };
    let mut records = publication.subscribe::<Mbp10>(From::Board).unwrap();
    let (mut delivered, mut lookups, mut last) = (0u64, 0u64, 0);
    for kill in 1..=KILLS {
        let deadline = Instant::now() + Duration::from_micros(kill * 7919 % 3000);
        let mut killed = false;
        loop {
            match records.next().unwrap() {
                Item::Record(record) => {
                    let n = record.number().expect("torn record");
                    assert!(n > last, "order");
                    last = n;
                    delivered += 1;
                }
                Item::Board { record, .. } => drop(record.number().expect("torn record on the board")),
                Item::Lost(_) => {}
                Item::Idle => std::hint::spin_loop(),
                Item::WriterDead => {
                    assert!(killed);
                    break;
                }
                other => panic!("{other:?}"),
            }
            if !killed && Instant::now() > deadline {
                writer.kill();
                killed = true;
            }
        }
        // The dead writer's last words can still be looked up, busy cells or not.
        let dead = records.publication().clone();
        assert_eq!(dead.writer().unwrap(), WriterState::Dead);
        for row in 0..dead.instrument_count() {
            let book = dead.book_at(row).unwrap();
            assert!(book.position == 0 || book.levels == mbp10(row, book.position).levels, "torn book");
            lookups += 1;
        }
        if kill < KILLS {
            writer = Writer::start("case_45_no_record_is_ever_torn_however_often_the_writer_is_killed", &room);
            wait_for(&mut records, |item| matches!(item, Item::NewEpoch));
            assert!(records.publication().epoch() > dead.epoch());
            last = 0;
        }
    }
    assert!(delivered > 10_000 && lookups > KILLS, "{delivered} {lookups}");
    // What the dead left behind is gone once a living one has come and ended.
    drop(writer);
    drop(Publisher::create(&room.spec("p", &[(Schema::Mbp10, 64)])).unwrap());
    assert_eq!(room.files(), [] as [&str; 0]);
}

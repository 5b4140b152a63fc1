//! Readers that come at any moment, or fall behind, while the writer runs: what they know is what the writer wrote.

mod shm_support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shm_support::*;
use tickwire::record::{Mbo, Mbp10, Schema, Sink, control};
use tickwire::shm::{From, Item, Publication, Publisher};

const ROWS: u32 = 50;

/// Which instrument position `n` is of; known to both sides.
fn row_of(n: u64) -> u32 {
    let hash = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Some are busy and some quiet.
    let row = (hash >> 40) as u32 % ROWS;
    if hash >> 62 == 0 { row } else { row / 8 }
}

/// The simple model: the last record of every instrument up to a position.
fn truth(position: u64) -> Vec<u64> {
    let mut last = vec![0; ROWS as usize];
    let mut open = ROWS;
    for n in (1..=position).rev() {
        let cell = &mut last[row_of(n) as usize];
        if *cell == 0 {
            *cell = n;
            open -= 1;
            if open == 0 {
                break;
            }
        }
    }
    last
}

#[test]
fn late_and_lapped_readers_know_what_the_writer_wrote() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp10, 256)])).unwrap();
    for id in 0..ROWS {
        publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap();
    }
    let stop = AtomicBool::new(false);
    let (joins, lapped, checks) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0u64;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..1 + n % 13 {
                    n += 1;
                    publisher.publish(row_of(n), &mbp10(row_of(n), n));
                }
                publisher.commit();
                if n.is_multiple_of(101) {
                    std::thread::sleep(Duration::from_micros(50));
                }
            }
        });
        for reader in 0..2u64 {
            let (room, joins, lapped, checks) = (&room, &joins, &lapped, &checks);
            scope.spawn(move || {
                let publication = Publication::open(room.path(), "p").unwrap();
                for join in 0..60u64 {
                    let mut records = publication.subscribe::<Mbp10>(From::Board).unwrap();
                    let mut state = vec![0; ROWS as usize];
                    let mut delivered = records.next_position();
                    let until = 500 + (join * 37 + reader) % 700;
                    let mut seen = 0;
                    joins.fetch_add(1, Ordering::Relaxed);
                    while seen < until {
                        match records.next().unwrap() {
                            Item::Board { record, row, .. } => {
                                let n = record.number().expect("torn record on the board");
                                assert_eq!(row_of(n), row);
                                assert!(n >= state[row as usize], "the board went back");
                                state[row as usize] = n;
                            }
                            Item::Record(record) => {
                                let n = record.number().expect("torn record");
                                assert_eq!(n, delivered, "each position once, in order");
                                delivered += 1;
                                state[row_of(n) as usize] = n;
                                seen += 1;
                            }
                            Item::Lost(n) => {
                                delivered += n;
                                lapped.fetch_add(1, Ordering::Relaxed);
                            }
                            Item::Idle => std::thread::yield_now(),
                            other => panic!("{other:?}"),
                        }
                        if seen % 97 == 0 && records.is_joined() {
                            assert_eq!(state, truth(records.next_position() - 1));
                            checks.fetch_add(1, Ordering::Relaxed);
                        }
                        // Fall behind now and then.
                        if seen == 300 && join % 3 == 0 {
                            std::thread::sleep(Duration::from_millis(1));
                            seen += 1;
                        }
                        // Look something up in between.
                        if seen % 50 == 0 {
                            let book = publication.book_at((seen % u64::from(ROWS)) as u32).unwrap();
                            assert!(
                                book.position == book.ts_recv && book.levels == mbp10(0, book.position.max(1)).levels || book.position == 0
                            );
                        }
                    }
                }
            });
        }
        // The readers end by themselves; the writer when they have.
        scope.spawn(|| {
            let start = Instant::now();
            while joins.load(Ordering::Relaxed) < 120 && start.elapsed() < Duration::from_secs(30) {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(200));
            stop.store(true, Ordering::Relaxed);
        });
    });
    assert!(lapped.into_inner() > 10, "nobody was lapped, so nothing was shown");
    assert!(checks.into_inner() > 100);
}

#[test]
fn a_lapped_order_reader_has_not_joined_before_it_was_told_that_orders_are_missing() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, 32)])).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut records = publication.subscribe::<Mbo>(From::Board).unwrap();
    assert!(records.is_joined(), "there is nothing that it could have missed");
    for n in 1..=100 {
        publisher.publish(0, &mbo(n));
    }
    publisher.commit();
    assert!(matches!(records.next().unwrap(), Item::Lost(100)));
    assert!(!records.is_joined());
    let Item::Control(control) = records.next().unwrap() else { panic!("not told") };
    assert_eq!((control.hd.rtype, control.first_sequence), (control::PRICE_LEVELS_ONLY, 101));
    assert!(records.is_joined());
}

#[test]
fn what_is_delivered_and_what_is_lost_add_up_with_control_records_in_between() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp10, 32)])).unwrap();
    publisher.instrument(&instrument(0, "AAPL")).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut records = publication.subscribe::<Mbp10>(From::Oldest).unwrap();
    let (mut written, mut came, mut lost) = (0, 0, 0);
    for round in 0..200u64 {
        for n in 0..round % 50 {
            match n % 7 {
                0 => publisher.control(&control_record(control::BOOK_GOOD, n)),
                _ => publisher.publish(0, &mbp10(0, n)),
            }
            written += 1;
        }
        publisher.commit();
        loop {
            match records.next().unwrap() {
                Item::Record(_) | Item::Control(_) => came += 1,
                Item::Lost(n) => lost += n,
                Item::Board { .. } => {}
                Item::Idle => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(came + lost, written);
    }
    assert!(lost > 1000 && came > 1000, "{came} {lost}");
}

#[test]
fn readers_follow_through_many_epochs_while_spares_are_made_elsewhere() {
    const EPOCHS: u32 = 60;
    const RECORDS: u64 = 300;
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp10, 512)])).unwrap();
    let spare = publisher.spare();
    let stop = AtomicBool::new(false);
    let reached = [const { AtomicU64::new(0) }; 2];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                spare.prepare().unwrap();
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        for reached in &reached {
            let mut records = Publication::open(room.path(), "p").unwrap().subscribe::<Mbp10>(From::Board).unwrap();
            scope.spawn(move || {
                let (mut next, mut complete) = (1, 0);
                let mut epoch = records.publication().epoch();
                loop {
                    match records.next().unwrap() {
                        Item::Record(record) => {
                            assert_eq!(record.number(), Some(next));
                            next += 1;
                        }
                        Item::NewEpoch => {
                            assert_eq!(next, RECORDS + 1, "the end of an epoch is delivered before the next one begins");
                            (next, complete) = (1, complete + 1);
                            assert!(records.publication().epoch() > epoch);
                            epoch = records.publication().epoch();
                            reached.store(epoch, Ordering::Relaxed);
                        }
                        Item::Idle => std::thread::yield_now(),
                        Item::End => break,
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(next, RECORDS + 1);
                // A reader may sleep through whole epochs, but not through those in which it is waited for.
                assert!(complete >= EPOCHS / 4 - 1, "{complete}");
            });
        }
        for epoch in 0..EPOCHS {
            publisher.instrument(&instrument(0, "AAPL")).unwrap();
            for n in 1..=RECORDS {
                publisher.publish(0, &mbp10(0, n));
            }
            publisher.commit();
            std::thread::sleep(Duration::from_millis(2));
            // Until both are there, every fourth time: how often they would be is the machine's mood.
            let waits = (0..30_000).take_while(|_| {
                epoch > 0 && epoch % 4 == 0 && reached.iter().any(|reached| reached.load(Ordering::Relaxed) < publisher.epoch())
            });
            waits.for_each(|_| std::thread::sleep(Duration::from_millis(1)));
            if epoch + 1 < EPOCHS {
                publisher.new_epoch();
                assert!(publisher.failure().is_none());
            }
        }
        stop.store(true, Ordering::Relaxed);
        publisher.close(true);
    });
}

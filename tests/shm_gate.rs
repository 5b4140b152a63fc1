//! Gates: a replay waits for its slowest gated reader, and for nobody who is dead.

mod shm_support;

use shm_support::*;
use tickwire::record::{Mbp1, Schema, Sink, Trade};
use tickwire::shm::{From, Item, Publication, Publisher, Records, ShmError};

fn gated(room: &Room, gates: usize) -> (Publisher, Publication) {
    let mut spec = room.spec("p", &[(Schema::Mbp1, 16), (Schema::Trades, 16)]);
    spec.gates = gates;
    let mut publisher = Publisher::create(&spec).unwrap();
    publisher.instrument(&instrument(0, "AAPL")).unwrap();
    (publisher, Publication::open(room.path(), "p").unwrap())
}

/// Reads until nothing is left; says how many records came.
fn read(records: &mut Records<Mbp1>) -> u64 {
    let mut n = 0;
    loop {
        match records.next().unwrap() {
            Item::Record(_) => n += 1,
            Item::Idle => return n,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_writer_has_room_until_it_would_lap_the_slowest_gated_reader() {
    let room = Room::new();
    let (mut publisher, publication) = gated(&room, 2);
    assert!(publisher.has_room(1 << 40), "without readers there is always room");
    let mut slow = publication.subscribe_gated::<Mbp1>(From::Oldest).unwrap();
    let mut fast = publication.subscribe_gated::<Mbp1>(From::Oldest).unwrap();
    assert_eq!(publisher.gates().unwrap().readers(), 2);
    assert!(matches!(publication.subscribe_gated::<Trade>(From::Now), Err(ShmError::NoGate { gates: 2, .. })));
    let mut written = 0;
    let mut fill = |publisher: &mut Publisher| {
        let before = written;
        while publisher.has_room(1) {
            written += 1;
            publisher.publish(0, &mbp1(0, written));
        }
        publisher.commit();
        written - before
    };
    assert_eq!(fill(&mut publisher), 16);
    assert_eq!(read(&mut fast), 16);
    assert_eq!(fill(&mut publisher), 0, "the slow one has read nothing");
    for n in 1..=10 {
        assert!(matches!(slow.next().unwrap(), Item::Record(r) if *r == mbp1(0, n)));
    }
    // What the reader holds in its hands it is not done with; and it says so every sixteenth of the ring.
    let more = fill(&mut publisher);
    assert!((7..=9).contains(&more), "{more}");
    assert_eq!(read(&mut slow), 6 + more);
    assert_eq!((slow.lost(), fast.lost()), (0, 0));
    drop(slow);
    assert_eq!(read(&mut fast), more);
    assert_eq!(fill(&mut publisher), 16, "who has left holds nobody up");
    drop(fast);
    assert!(publisher.has_room(1 << 40));
}

#[test]
fn a_gated_reader_in_an_old_epoch_has_read_nothing_of_the_new_one() {
    let room = Room::new();
    let (mut publisher, publication) = gated(&room, 1);
    let mut records = publication.subscribe_gated::<Mbp1>(From::Board).unwrap();
    for epoch in 0..3 {
        for n in 1..=100 {
            if !publisher.has_room(1) {
                if records.next_position() == 1 && epoch > 0 {
                    wait_for(&mut records, |item| matches!(item, Item::NewEpoch));
                }
                publisher.commit();
                while !publisher.has_room(1) {
                    assert!(matches!(records.next().unwrap(), Item::Record(_) | Item::Idle | Item::NewEpoch));
                }
            }
            publisher.publish(0, &mbp1(0, n));
        }
        publisher.new_epoch();
    }
    assert_eq!(records.lost(), 0);
}

#[test]
fn the_gate_of_a_killed_reader_is_freed() {
    if let Ok(dir) = std::env::var("TICKWIRE_TEST_GATED_DIR") {
        let publication = Publication::open(dir, "p").unwrap();
        let _records = publication.subscribe_gated::<Mbp1>(From::Now).unwrap();
        return std::thread::sleep(std::time::Duration::from_secs(20));
    }
    let room = Room::new();
    let (publisher, _) = gated(&room, 1);
    let mut reader = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_gate_of_a_killed_reader_is_freed"])
        .env("TICKWIRE_TEST_GATED_DIR", room.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let gates = publisher.gates().unwrap();
    while gates.readers() == 0 {
        std::thread::yield_now();
    }
    assert!(!publisher.has_room(17));
    assert_eq!(gates.reap().unwrap(), 0, "it lives");
    reader.kill().unwrap();
    reader.wait().unwrap();
    assert_eq!(gates.readers(), 1, "a killed reader gives nothing back by itself");
    assert_eq!(gates.reap().unwrap(), 1);
    assert!(publisher.has_room(17));
}

#[test]
fn a_live_publication_has_no_gates_and_a_gate_file_that_is_none_is_refused() {
    let room = Room::new();
    let publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    assert!(publication.subscribe_gated::<Mbp1>(From::Now).unwrap_err().to_string().contains("p.gate"));
    for bytes in [&b"TICK"[..], &[0; 128], &[0xFF; 128], b"TICKGATE\x01\0\0\0\0\0\0\0\xFF\0\0\0\0\0\0\0"] {
        std::fs::write(room.path().join("p.gate"), bytes).unwrap();
        assert!(matches!(publication.subscribe_gated::<Mbp1>(From::Now), Err(ShmError::Refused { .. })));
    }
    drop(publisher);
    assert!(room.files().contains(&"p.gate".to_owned()));
    drop(Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap());
    assert_eq!(room.files(), [] as [&str; 0], "a gate file that a killed replay left is removed");
}

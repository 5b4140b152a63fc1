//! What a writer publishes, readers get: in order, whole, once, and told of what they missed.

mod shm_support;

use shm_support::*;
use tickwire::record::{Mbo, Mbp1, Mbp10, Record, Schema, Sink, Status, Trade, control};
use tickwire::shm::{From, Item, Publication, Publisher, RingSpec, ShmError};

fn round_trip<R: Record + PartialEq + std::fmt::Debug>(make: impl Fn(u64) -> R) {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(R::SCHEMA, 64)])).unwrap();
    let row = publisher.instrument(&instrument(0, "AAPL")).unwrap().unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut records = publication.subscribe::<R>(From::Board).unwrap();
    assert!(matches!(records.next().unwrap(), Item::Idle));
    for n in 1..=200 {
        publisher.publish(row, &make(n));
        publisher.commit();
        match records.next().unwrap() {
            Item::Record(record) => assert_eq!(*record, make(n)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(records.next().unwrap(), Item::Idle));
    }
    publisher.control(&control_record(control::GAP_OPEN, 7));
    match records.next().unwrap() {
        Item::Control(control) => assert_eq!(*control, control_record(control::GAP_OPEN, 7)),
        other => panic!("{other:?}"),
    }
    assert_eq!(publisher.records(R::SCHEMA), 200, "control records are not counted");
    drop(publisher);
    assert_eq!(until_end(&mut records), 0);
}

#[test]
fn every_schema_comes_back_as_it_was_written_control_records_included() {
    round_trip::<Mbo>(mbo);
    round_trip::<Mbp1>(|n| mbp1(1, n));
    round_trip::<Mbp10>(|n| mbp10(1, n));
    round_trip::<Trade>(|n| trade(1, n));
    round_trip::<Status>(|n| status(1, n));
}

#[test]
fn case_44_48_a_lapped_reader_is_told_exactly_how_much_it_lost_and_gets_the_board() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    let rows: Vec<_> = (0..3).map(|id| publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap().unwrap()).collect();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut records = publication.subscribe::<Mbp1>(From::Oldest).unwrap();
    for n in 1..=100u64 {
        let row = rows[(n % 3) as usize];
        publisher.publish(row, &mbp1(row, n));
    }
    publisher.commit();
    let mut board = Vec::new();
    assert!(matches!(records.next().unwrap(), Item::Lost(100)));
    while let Item::Board { record, row, maybe_bad } = records.next().unwrap() {
        assert!(!maybe_bad);
        assert_eq!(record.hd.instrument_id, row);
        board.push(record.sequence);
    }
    assert_eq!(board, [99, 100, 98]);
    publisher.publish(rows[0], &mbp1(0, 101));
    assert!(matches!(records.next().unwrap(), Item::Record(r) if r.sequence == 101));
    assert_eq!(records.lost(), 100);
}

#[test]
fn an_mbo_reader_that_comes_late_is_told_that_it_has_price_levels_only() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, 16)])).unwrap();
    let row = publisher.instrument(&instrument(0, "AAPL")).unwrap().unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut early = publication.subscribe::<Mbo>(From::Board).unwrap();
    for n in 1..=5 {
        publisher.publish(row, &mbo(n));
    }
    publisher.commit();
    for from in [From::Board, From::Now] {
        let mut late = publication.subscribe::<Mbo>(from).unwrap();
        match late.next().unwrap() {
            Item::Control(c) => assert_eq!((c.hd.rtype, c.first_sequence), (control::PRICE_LEVELS_ONLY, 6)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(late.next().unwrap(), Item::Idle));
    }
    for n in 1..=5 {
        assert!(matches!(early.next().unwrap(), Item::Record(r) if *r == mbo(n)), "who was there from the start is not told");
    }
    for n in 6..=40 {
        publisher.publish(row, &mbo(n));
    }
    publisher.commit();
    assert!(matches!(early.next().unwrap(), Item::Lost(35)));
    assert!(matches!(early.next().unwrap(), Item::Control(c) if c.hd.rtype == control::PRICE_LEVELS_ONLY));
    publisher.publish(row, &mbo(41));
    assert!(matches!(early.next().unwrap(), Item::Record(r) if *r == mbo(41)));
}

#[test]
fn a_batch_longer_than_the_ring_does_not_strand_late_joiners() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Trades, 16)])).unwrap();
    let row = publisher.instrument(&instrument(0, "AAPL")).unwrap().unwrap();
    for n in 1..=100 {
        publisher.publish(row, &trade(0, n));
    }
    // No commit.
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut records = publication.subscribe::<Trade>(From::Now).unwrap();
    let first = records.next_position();
    assert!((97..=101).contains(&first), "{first}");
    for n in first..=100 {
        assert!(matches!(records.next().unwrap(), Item::Record(r) if *r == trade(0, n)));
    }
    assert!(matches!(records.next().unwrap(), Item::Idle));
}

#[test]
fn oldest_gives_all_of_a_ring_that_was_never_lapped_and_a_kept_publication_can_be_read_after_its_end() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Trades, 64), (Schema::Mbp1, 16)])).unwrap();
    let row = publisher.instrument(&instrument(0, "AAPL")).unwrap().unwrap();
    for n in 1..=64 {
        publisher.publish(row, &trade(0, n));
        publisher.publish(row, &mbp1(0, n));
    }
    publisher.close(true);
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut trades = publication.subscribe::<Trade>(From::Oldest).unwrap();
    assert_eq!(until_end(&mut trades), 64);
    let mut quotes = publication.subscribe::<Mbp1>(From::Oldest).unwrap();
    assert_eq!(until_end(&mut quotes), 16, "of a ring that was lapped, all that it still holds");
}

#[test]
fn readers_follow_into_a_new_epoch_from_its_first_record_on() {
    let room = Room::new();
    let mut spec = room.spec("p", &[(Schema::Mbo, 64)]);
    spec.counters = vec!["frames".into()];
    let mut publisher = Publisher::create(&spec).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut records = publication.subscribe::<Mbo>(From::Board).unwrap();
    let mut epochs = vec![publication.epoch()];
    for epoch in 0..4 {
        // Every other one from a spare.
        if epoch % 2 == 0 {
            assert!(publisher.spare().prepare().unwrap());
            assert!(!publisher.spare().prepare().unwrap(), "one lies ready");
        }
        let row = publisher.instrument(&instrument(epoch, "AAPL")).unwrap().unwrap();
        assert_eq!(row, 0);
        for n in 1..=10 {
            publisher.publish(row, &mbo(n));
        }
        publisher.set_counter(0, 42);
        publisher.new_epoch();
        for n in 1..=10 {
            assert!(matches!(records.next().unwrap(), Item::Record(r) if *r == mbo(n)));
        }
        wait_for(&mut records, |item| matches!(item, Item::NewEpoch));
        assert_eq!(records.publication().instrument_count(), 0);
        assert_eq!(records.publication().counters(), [("frames".to_owned(), 42)], "counters go on");
        epochs.push(records.publication().epoch());
    }
    assert!(epochs.is_sorted_by(|a, b| a < b), "{epochs:?}");
    assert_eq!(publisher.records(Schema::Mbo), 40);
    publisher.publish(0, &mbo(1));
    drop(publisher);
    assert_eq!(until_end(&mut records), 1);
    assert_eq!(room.files(), [] as [&str; 0], "a clean end leaves nothing behind");
    assert!(matches!(Publication::open(room.path(), "p"), Err(ShmError::NotFound { .. })));
}

#[test]
fn the_symbol_filter_keeps_instruments_out_and_the_table_says_when_it_is_full() {
    let room = Room::new();
    let mut spec = room.spec("p", &[(Schema::Mbp1, 16)]);
    spec.symbols = Some(vec!["MSFT".into(), "AAPL".into()]);
    spec.instruments = 2;
    let mut publisher = Publisher::create(&spec).unwrap();
    assert_eq!(publisher.instrument(&instrument(1, "AAPL")), Ok(Some(0)));
    assert_eq!(publisher.instrument(&instrument(2, "ZVZZT")), Ok(None));
    assert_eq!(publisher.instrument(&instrument(3, "MSFT")), Ok(Some(1)));
    assert!(publisher.instrument(&instrument(4, "MSFT")).is_err());
    let publication = Publication::open(room.path(), "p").unwrap();
    let rows: Vec<_> = publication.instruments().map(|i| (i.row, i.instrument_id, i.symbol)).collect();
    assert_eq!(rows, [(0, 1, "AAPL".to_owned()), (1, 3, "MSFT".to_owned())]);
    assert_eq!(publication.find("MSFT").map(|i| i.row), Some(1));
    assert!(publication.find("ZVZZT").is_none());
    assert_eq!(publication.rings().iter().map(|ring| (ring.schema, ring.depth)).collect::<Vec<_>>(), [(Schema::Mbp1, 16)]);
}

#[test]
fn specifications_that_cannot_be_are_refused_with_what_would_do() {
    let room = Room::new();
    let good = room.spec("p", &[(Schema::Mbp1, 16)]);
    let message = |change: &dyn Fn(&mut tickwire::shm::PublicationSpec)| {
        let mut spec = good.clone();
        change(&mut spec);
        Publisher::create(&spec).unwrap_err().to_string()
    };
    for name in ["", ".hidden", "a/b", "a b", "x.lock", &"n".repeat(65)] {
        assert!(message(&|spec| spec.name = name.into()).contains("publication name"), "{name}");
    }
    for depth in [0, 8, 100, 1 << 33, u64::MAX] {
        let told = message(&|spec| spec.rings = vec![RingSpec { schema: Schema::Mbo, depth }]);
        assert!(told.contains("power of two from 16 to"), "{told}");
    }
    assert!(message(&|spec| spec.rings.push(good.rings[0])).contains("two mbp-1 rings"));
    assert!(message(&|spec| spec.rings.clear()).contains("no ring"));
    assert!(message(&|spec| spec.instruments = 0).contains("instruments"));
    assert!(message(&|spec| spec.symbols = Some(vec!["MUCHTOOLONG".into()])).contains("MUCHTOOLONG"));
    assert!(message(&|spec| spec.gates = 5000).contains("5000 gates"));
    assert!(message(&|spec| spec.counters = vec!["c".repeat(33)]).contains("32 bytes"));
    assert_eq!(room.files(), [] as [&str; 0]);
}

#[test]
fn a_cell_its_writer_died_in_is_looked_up_in_the_ring() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tickwire::shm::cell::BUSY;
    use tickwire::shm::ring::{JoinCell, Parts, RingReader, RingWriter};
    let words = |n: usize| Arc::new((0..n).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
    let parts = Parts { cursor: words(1), slots: words(2 * 16), cells: words(2), slot_words: 2 };
    let (cells, slots) = (parts.cells.clone(), parts.slots.clone());
    let (reader, mut writer) = (RingReader::<_>::new(parts.clone()), RingWriter::<_>::new(parts));
    let reader: &RingReader<_, tickwire::shm::cell::Proven> = &reader;
    let mut record = [0];
    assert_eq!(reader.latest(0, &mut record), Ok(None));
    for n in 1..=20 {
        let _: &mut RingWriter<_, tickwire::shm::cell::Proven> = &mut writer;
        writer.publish(Some(0), [100 + n].into_iter());
    }
    cells[0].store(20 | BUSY, Ordering::Relaxed);
    cells[1].store(0xBAD, Ordering::Relaxed);
    assert_eq!((reader.latest(0, &mut record), record), (Ok(Some(20)), [120]));
    assert_eq!(reader.join_cell(0, 17, &mut record), JoinCell::Later(20), "a join does not wait for it either");
    // Both busy: no writer of ours leaves that, and nobody hangs.
    slots[2 * (20 & 15)].store(20 | BUSY, Ordering::Relaxed);
    assert!(reader.latest(0, &mut record).is_err());
}

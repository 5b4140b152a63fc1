//! What consumers may rely on: every message or word of what is lost (`stream`), and the newest value of every instrument however slow
//! the consumer is (`latest`).

mod shm_support;

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use shm_support::*;
use tickwire::record::{ChannelState, Mbo, Mbp1, Mbp10, Record, Schema, Sink, Trade, Vwap, control, flags};
use tickwire::shm::{From, Item, Latest, OnLost, Publication, Publisher, ShmError, Update};
use zerocopy::FromZeros;

fn publisher(room: &Room, rings: &[(Schema, u64)], instruments: u32) -> (Publisher, Publication) {
    let mut publisher = Publisher::create(&room.spec("p", rings)).unwrap();
    for id in 0..instruments {
        publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap();
    }
    let publication = Publication::open(room.path(), "p").unwrap();
    (publisher, publication)
}

/// Asks until nothing is new, and hands over what came, except the states of channels.
fn drain<R: Record>(latest: &mut Latest<R>, mut each: impl FnMut(Update<'_, R>)) {
    loop {
        match latest.next().unwrap() {
            Update::Idle => return,
            Update::Channel(_) => {}
            update => each(update),
        }
    }
}

// ── stream ──

#[test]
fn a_reader_that_was_to_stop_on_a_loss_is_told_it_and_stays_at_the_end() {
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Mbp1, 16), (Schema::Mbo, 16)], 1);
    let mut stops = publication.subscribe::<Mbp1>(From::Board).unwrap();
    let mut orders = publication.subscribe::<Mbo>(From::Board).unwrap();
    let mut rejoins = publication.subscribe::<Mbp1>(From::Board).unwrap();
    stops.on_lost(OnLost::Stop);
    orders.on_lost(OnLost::Stop);
    for n in 1..=3 {
        publisher.publish(0, &mbp1(0, n));
        assert!(matches!(stops.next().unwrap(), Item::Record(r) if *r == mbp1(0, n)));
        assert!(matches!(rejoins.next().unwrap(), Item::Record(_)));
    }
    for n in 4..=50 {
        publisher.publish(0, &mbp1(0, n));
        publisher.publish(0, &mbo(n));
    }
    publisher.commit();
    assert!(matches!(stops.next().unwrap(), Item::Lost(47)));
    assert!(matches!(orders.next().unwrap(), Item::Lost(47)), "an order reader is told the same, and nothing of price levels");
    assert!(matches!(rejoins.next().unwrap(), Item::Lost(47)));
    assert!(matches!(rejoins.next().unwrap(), Item::Board { record, .. } if *record == mbp1(0, 50)));
    assert!(matches!(rejoins.next().unwrap(), Item::Idle));
    assert!(rejoins.is_joined());
    for epoch in 0..3 {
        for n in 1..=40 {
            publisher.publish(0, &mbp1(0, n));
            publisher.commit();
            assert!(matches!(stops.next().unwrap(), Item::End), "for good, also in epoch {epoch}");
            assert!(matches!(orders.next().unwrap(), Item::End));
            assert_eq!(stops.read(&mut [mbp1(0, 0); 4]), 0);
        }
        publisher.new_epoch();
    }
    assert_eq!((stops.lost(), stops.is_joined(), stops.next_position()), (47, false, 51));
}

#[test]
fn batches_are_the_same_stream_as_single_records() {
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Trades, 64)], 3);
    let (mut single, mut batch) =
        (publication.subscribe::<Trade>(From::Board).unwrap(), publication.subscribe::<Trade>(From::Board).unwrap());
    let (mut one_by_one, mut in_batches) = (Vec::new(), Vec::new());
    for round in 0..300u64 {
        for n in 0..round % 40 {
            match n % 11 {
                10 => publisher.control(&control_record(control::GAP_OPEN, round)),
                _ => publisher.publish((n % 3) as u32, &trade((n % 3) as u32, round * 100 + n)),
            }
        }
        publisher.commit();
        if round % 50 == 49 {
            // Both are lapped now and then, and told the same.
            for n in 0..200 {
                publisher.publish(0, &trade(0, n));
            }
            publisher.commit();
        }
        let tell = |item: Item<'_, Trade>| format!("{item:?}");
        loop {
            match single.next().unwrap() {
                Item::Idle => break,
                item => one_by_one.push(tell(item)),
            }
        }
        let mut records = [trade(0, 0); 7];
        loop {
            match batch.read(&mut records) {
                0 => match batch.next().unwrap() {
                    Item::Idle => break,
                    item => in_batches.push(tell(item)),
                },
                n => in_batches.extend(records[..n].iter().map(|record| tell(Item::Record(record)))),
            }
        }
    }
    assert_eq!(batch.read(&mut []), 0);
    assert!(one_by_one == in_batches);
    assert!(one_by_one.len() > 4000 && single.lost() > 500 && single.lost() == batch.lost());
}

#[test]
fn an_error_that_main_returns_is_a_sentence() {
    let error = Publication::open("/nowhere", "p").unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(format!("{error:?}").contains("no such publication; is its writer running?"));
}

// ── latest ──

/// What a writer and a reader do, one after the other.
#[derive(Clone, Debug)]
enum Act {
    /// So many records, at rows that follow from the seed.
    Publish(u8, u64),
    Control,
    Commit,
    Doubt(bool),
    /// The reader asks so many times.
    Ask(u8),
    Drain,
    NewEpoch,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1u8..120, any::<u64>()).prop_map(|(n, seed)| Act::Publish(n, seed)),
        1 => Just(Act::Control),
        4 => Just(Act::Commit),
        1 => any::<bool>().prop_map(Act::Doubt),
        6 => (1u8..60).prop_map(Act::Ask),
        2 => Just(Act::Drain),
        1 => Just(Act::NewEpoch),
    ];
    proptest::collection::vec(act, 1..80)
}

/// The model: number and position of the last record of every row, as written and as told.
#[derive(Default)]
struct Model {
    written: HashMap<u32, (u64, u64)>,
    known: HashMap<u32, (u64, u64)>,
    /// Of this epoch, and of all.
    position: u64,
    positions: u64,
    values: u64,
    controls: u64,
    folded: u64,
    skipped: u64,
    /// Since when channel 0 is doubted.
    doubted: Option<u64>,
    /// What the reader was told last of it.
    told_doubted: Option<bool>,
}

impl Model {
    fn write(&mut self, row: u32, clock: u64) -> Mbp1 {
        (self.position, self.positions) = (self.position + 1, self.positions + 1);
        self.written.insert(row, (clock, self.position));
        mbp1(row, clock)
    }

    /// Takes what was told in; `false` if it was an end of some sort.
    fn take(&mut self, update: Update<'_, Mbp1>) -> bool {
        match update {
            Update::Value { record, row, cell, position, maybe_bad, folded } => {
                assert_eq!((*record, cell), (mbp1(row, record.ts_recv), 0));
                let told = (record.ts_recv, position);
                assert_eq!(Some(&told), self.written.get(&row), "not the newest");
                assert_ne!(self.known.insert(row, told), Some(told), "given twice");
                assert_eq!(maybe_bad, self.doubted.is_some_and(|since| record.ts_recv <= since));
                self.values += 1;
                self.folded += folded;
            }
            Update::Control(_) => self.controls += 1,
            Update::Skipped(n) => self.skipped += n,
            Update::Channel(row) if row.channel == 0 => self.told_doubted = Some(row.doubted),
            Update::Channel(_) => {}
            _ => return false,
        }
        true
    }

    /// Nothing is missing, and everything is accounted for.
    fn is_complete(&self, conflated: u64) {
        assert_eq!(self.known, self.written);
        assert_eq!(self.values + self.controls + conflated, self.positions);
        assert_eq!(self.told_doubted, Some(self.doubted.is_some()));
        assert!(self.folded <= conflated && self.skipped <= self.positions);
    }
}

fn simulate(acts: Vec<Act>, rows: u32, depth: u32) -> Model {
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Mbp1, 1 << depth)], rows);
    let mut latest = publication.latest::<Mbp1>().unwrap();
    let mut model = Model::default();
    let mut clock = 1;
    for act in acts.into_iter().chain([Act::Commit, Act::Drain]) {
        clock += 256;
        match act {
            Act::Publish(n, seed) => {
                for n in 0..u64::from(n) {
                    clock += 256;
                    let row = ((seed ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as u32 % rows;
                    publisher.publish(row, &model.write(row, clock));
                }
            }
            Act::Control => {
                (model.position, model.positions) = (model.position + 1, model.positions + 1);
                publisher.control(&control_record(control::BOOK_GOOD, clock));
            }
            Act::Commit => publisher.commit(),
            Act::Doubt(yes) => {
                publisher.channel_state(0, if yes { ChannelState::Stale } else { ChannelState::Good }, clock);
                // As a lane does: the state, and then a record that says so.
                (model.position, model.positions) = (model.position + 1, model.positions + 1);
                publisher.control(&control_record(if yes { control::GAP_CLOSED } else { control::BOOK_GOOD }, clock));
                model.doubted = yes.then_some(clock);
            }
            Act::Ask(n) => _ = (0..n).all(|_| model.take(latest.next().unwrap())),
            Act::Drain => while model.take(latest.next().unwrap()) {},
            Act::NewEpoch => {
                publisher.new_epoch();
                let start = Instant::now();
                loop {
                    match latest.next().unwrap() {
                        Update::NewEpoch => break,
                        Update::Idle => assert!(start.elapsed() < Duration::from_secs(10), "it never came"),
                        update => assert!(model.take(update)),
                    }
                }
                // The last of an epoch comes before the next begins.
                model.is_complete(latest.conflated());
                for id in 0..rows {
                    publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap();
                }
                (model.written, model.known) = Default::default();
                (model.position, model.told_doubted) = (0, None);
            }
        }
    }
    model.is_complete(latest.conflated());
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_given_is_the_newest_at_that_moment_and_all_of_it_comes(acts in acts(), rows in 1u32..60, depth in 4u32..9) {
        simulate(acts, rows, depth);
    }
}

#[test]
fn who_is_further_behind_than_there_are_instruments_is_not_made_to_read_the_ring() {
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Mbp1, 1 << 14)], 10);
    let mut latest = publication.latest::<Mbp1>().unwrap();
    drain(&mut latest, |update| panic!("{update:?}"));
    for n in 1..=10_000 {
        publisher.publish((n % 9) as u32, &mbp1((n % 9) as u32, n));
    }
    publisher.control(&control_record(control::GAP_OPEN, 1));
    publisher.channel_state(1, ChannelState::GapOpen, 1 << 20);
    publisher.commit();
    let (mut asked, mut told) = (0, Vec::new());
    loop {
        asked += 1;
        match latest.next().unwrap() {
            Update::Idle => break,
            Update::Value { row, position, maybe_bad, .. } => told.push(format!("{row} {position} {maybe_bad}")),
            Update::Channel(row) => told.push(format!("channel {} {:?} {}", row.name, row.state, row.since_ns)),
            Update::Skipped(n) => told.push(format!("skipped {n}")),
            other => panic!("{other:?}"),
        }
    }
    // What the ring's first 64 records say is given first, and is the newest already.
    let first: Vec<_> = (9_992..=10_000).map(|n| format!("{} {n} false", n % 9)).collect();
    assert_eq!(told.len(), 11, "{told:?}");
    for value in &first {
        assert!(told.contains(value), "{value} is not in {told:?}");
    }
    assert!(told.iter().any(|told| told.starts_with("skipped 98")), "{told:?}");
    assert!(told.contains(&"channel B GapOpen 1048576".to_owned()), "a gap is told though its control record was skipped: {told:?}");
    assert!(asked < 20 && latest.conflated() == 10_001 - 9, "{asked} {}", latest.conflated());
}

#[test]
fn a_busy_instrument_does_not_keep_a_quiet_one_waiting() {
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Mbp1, 16)], 50);
    let mut latest = publication.latest::<Mbp1>().unwrap();
    let mut given = vec![0; 50];
    for n in 1..=20_000u64 {
        // One row all the time, another every fifty; the reader asks seldom, and is lapped over and over.
        publisher.publish(0, &mbp1(0, n));
        if n % 50 == 0 {
            publisher.publish((n / 50 % 49) as u32 + 1, &mbp1((n / 50 % 49) as u32 + 1, n));
        }
        publisher.commit();
        if n % 20 == 0
            && let Update::Value { row, .. } = latest.next().unwrap()
        {
            given[row as usize] += 1;
        }
    }
    let quiet = given[1..].iter().min().unwrap();
    assert!(*quiet >= 4 && given[0] < 500, "{given:?}");
}

#[test]
fn however_slow_the_reader_it_ends_with_every_last_value_of_a_writer_that_never_waits() {
    const ROWS: u32 = 60;
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Mbp10, 64)], ROWS);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3u64)
            .map(|slow| {
                let publication = publication.clone();
                scope.spawn(move || {
                    let mut latest = publication.latest::<Mbp10>().unwrap();
                    let (mut known, mut given, mut skipped) = (vec![0; ROWS as usize], 0u64, 0);
                    loop {
                        match latest.next().unwrap() {
                            Update::Value { record, row, position, .. } => {
                                let n = record.number().expect("a torn record");
                                assert_eq!((n, record.hd.instrument_id), (position, row));
                                assert!(n > known[row as usize], "it went back, or came twice");
                                known[row as usize] = n;
                                given += 1;
                                if slow > 0 && given.is_multiple_of(100) {
                                    std::thread::sleep(Duration::from_micros(300 * slow));
                                }
                            }
                            Update::Skipped(n) => skipped += n,
                            Update::End => return (known, given, skipped),
                            Update::Idle => std::thread::yield_now(),
                            Update::Channel(_) => {}
                            other => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        let mut last = vec![0; ROWS as usize];
        let start = Instant::now();
        let mut n = 0u64;
        while start.elapsed() < Duration::from_millis(1_200) {
            for _ in 0..37 {
                n += 1;
                let hash = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                let row = if hash.is_multiple_of(4) { hash as u32 % ROWS } else { hash as u32 % 5 };
                publisher.publish(row, &mbp10(row, n));
                last[row as usize] = n;
            }
            publisher.commit();
            if n.is_multiple_of(7_400) {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        publisher.close(true);
        for reader in readers {
            let (known, given, skipped) = reader.join().unwrap();
            assert_eq!(known, last);
            assert!(given > 1_000 && skipped > 1_000, "{given} {skipped}");
        }
    });
}

#[test]
fn kinds_of_an_instrument_have_cells_of_their_own_and_what_is_on_no_board_is_not_given() {
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Vwap, 16)], 2);
    let vwap = |id: u32, window: u8, n: u64| Vwap {
        hd: tickwire::record::Header::of::<Vwap>(2, id, n),
        window,
        volume: n,
        flags: if n == 7 { flags::MAYBE_BAD_BOOK } else { 0 },
        ..Vwap::new_zeroed()
    };
    let mut latest = publication.latest::<Vwap>().unwrap();
    drain(&mut latest, |update| panic!("{update:?}"));
    for (row, window, n) in [(0, 0, 1), (0, 1, 2), (0, 0, 3), (1, 3, 4), (0, 3, 5), (1, 3, 7)] {
        publisher.publish(row, &vwap(row, window, n));
    }
    publisher.publish_whole(&vwap(0xFFFF, 0, 8));
    publisher.commit();
    let mut told = Vec::new();
    drain(&mut latest, |update| match update {
        Update::Value { record, row, cell, maybe_bad, folded, .. } => told.push((row, cell, record.volume, maybe_bad, folded)),
        other => panic!("{other:?}"),
    });
    assert_eq!(told, [(0, 0, 3, false, 1), (0, 1, 2, false, 0), (1, 3, 7, true, 1), (0, 3, 5, false, 0)], "in the order of the changes");
    assert_eq!(latest.conflated(), 3);
}

#[test]
fn an_id_that_went_over_to_another_symbol_does_not_mix_their_values() {
    let room = Room::new();
    let (mut publisher, publication) = publisher(&room, &[(Schema::Mbp1, 64)], 1);
    let mut latest = publication.latest::<Mbp1>().unwrap();
    drain(&mut latest, |update| panic!("{update:?}"));
    publisher.publish(0, &mbp1(0, 1));
    publisher.publish(0, &mbp1(0, 2));
    // The id of row 0 is row 1's from here on, before the reader has looked.
    assert_eq!(publisher.instrument(&instrument(0, "NEW")).unwrap(), Some(1));
    publisher.publish(1, &mbp1(0, 3));
    publisher.commit();
    let mut told = Vec::new();
    drain(&mut latest, |update| match update {
        Update::Value { record, row, .. } => told.push((row, record.ts_recv)),
        other => panic!("{other:?}"),
    });
    assert_eq!(told, [(0, 2), (1, 3)]);
}

const ROWS: u32 = 4;

/// A writer: this test again, in a process of its own that only a kill ends.
fn write_for_ever(dir: &str) {
    let mut spec = Room::new().spec("p", &[(Schema::Mbp10, 64)]);
    spec.dir = dir.into();
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
fn of_a_killed_writer_everything_is_given_before_its_death_is_told() {
    if let Ok(dir) = std::env::var("TICKWIRE_TEST_LATEST_WRITER_DIR") {
        return write_for_ever(&dir);
    }
    let room = Room::new();
    let mut latest: Option<Latest<Mbp10>> = None;
    for kill in 1..=40u64 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "of_a_killed_writer_everything_is_given_before_its_death_is_told"])
            .env("TICKWIRE_TEST_LATEST_WRITER_DIR", room.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut known = HashMap::new();
        let mut deadline = None;
        let latest = loop {
            match &mut latest {
                Some(latest) => match latest.next().unwrap() {
                    Update::NewEpoch => break latest,
                    Update::Idle => std::thread::yield_now(),
                    other => panic!("{other:?}"),
                },
                none => match Publication::open(room.path(), "p") {
                    Ok(publication) => break none.insert(publication.latest().unwrap()),
                    Err(ShmError::NotFound { .. }) => std::thread::yield_now(),
                    Err(e) => panic!("{e}"),
                },
            }
        };
        loop {
            match latest.next().unwrap() {
                Update::Value { record, row, .. } => {
                    let n = record.number().expect("a torn record");
                    assert!(n > known.insert(row, n).unwrap_or(0));
                    deadline.get_or_insert(Instant::now() + Duration::from_micros(kill * 7919 % 3000));
                }
                Update::WriterDead => break,
                Update::Idle | Update::Skipped(_) | Update::Channel(_) => {}
                other => panic!("{other:?}"),
            }
            if deadline.is_some_and(|deadline| Instant::now() > deadline) && writer.try_wait().unwrap().is_none() {
                writer.kill().unwrap();
                writer.wait().unwrap();
            }
        }
        // What the ring still holds of the dead writer is the judge.
        let mut judge = latest.publication().subscribe::<Mbp10>(From::Oldest).unwrap();
        let mut last = HashMap::new();
        loop {
            match judge.next().unwrap() {
                Item::Record(record) => _ = last.insert(record.hd.instrument_id, record.ts_recv),
                Item::WriterDead => break,
                _ => {}
            }
        }
        assert!(last.len() == ROWS as usize && known == last, "{known:?} {last:?}");
    }
    drop(Publisher::create(&room.spec("p", &[(Schema::Mbp10, 64)])).unwrap());
}

//! Publishing and reading allocate nothing.

mod allocations;
mod shm_support;

use shm_support::*;
use tickwire::record::{ChannelState, Mbp1, Schema, Sink, control};
use tickwire::shm::{From, Item, Publication, Publisher};

#[test]
fn publishing_and_reading_allocate_nothing() {
    let room = Room::new();
    let mut spec = room.spec("p", &Schema::ALL.map(|schema| (schema, 64)));
    spec.counters = vec!["frames".into()];
    spec.symbols = Some(vec!["AAPL".into()]);
    let mut publisher = Publisher::create(&spec).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut records = publication.subscribe::<Mbp1>(From::Board).unwrap();
    let (aapl, other) = (instrument(0, "AAPL"), instrument(1, "MSFT"));
    let before = allocations::calls();
    let row = publisher.instrument(&aapl).unwrap().unwrap();
    assert_eq!(publisher.instrument(&other), Ok(None));
    let mut read = 0;
    for n in 1..=1000 {
        publisher.publish(row, &mbo(n));
        publisher.publish(row, &mbp1(0, n));
        publisher.publish(row, &mbp10(0, n));
        publisher.publish(row, &trade(0, n));
        publisher.publish(row, &status(0, n));
        publisher.control(&control_record(control::GAP_OPEN, n));
        publisher.channel_state(0, ChannelState::GapOpen, n);
        publisher.set_counter(0, n);
        publisher.heartbeat(n);
        publisher.commit();
        // Half of the time too slow.
        let reads = n % 200 < 100;
        loop {
            match if reads { records.next() } else { Ok(Item::Idle) } {
                Ok(Item::Idle) => break,
                Ok(_) => read += 1,
                Err(e) => panic!("{e}"),
            }
        }
    }
    assert_eq!(allocations::calls() - before, 0);
    assert!(read > 500);
}

//! Whole record streams of a publication, with what depends on when it was received masked.

use std::collections::BTreeMap;
use std::time::Instant;

use tickwire::record::{Control, Mbo, Mbp1, Mbp10, Record, Status, Trade, action, control};
use tickwire::shm::{From, Item, Publication, Records};
use zerocopy::IntoBytes;

use super::service::PATIENCE;

/// Slots of every ring: more than any of these sessions has records, so that nobody is lapped.
pub const DEPTH: u64 = 1 << 16;

/// Schema name -> records in order, as bytes; control records among them.
pub type Streams = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// Subscriptions to every ring from its first record on. Made while the writer lives; good for longer than that.
pub struct Rings {
    mbo: Option<Records<Mbo>>,
    mbp1: Option<Records<Mbp1>>,
    mbp10: Option<Records<Mbp10>>,
    trades: Option<Records<Trade>>,
    status: Option<Records<Status>>,
}

fn open<R: Record>(publication: &Publication) -> Option<Records<R>> {
    publication.carries(R::SCHEMA).then(|| publication.subscribe(From::Oldest).unwrap())
}

impl Rings {
    pub fn of(publication: &Publication) -> Self {
        Self {
            mbo: open(publication),
            mbp1: open(publication),
            mbp10: open(publication),
            trades: open(publication),
            status: open(publication),
        }
    }

    /// Everything up to the end of the publication, which must come.
    pub fn until_end(self) -> Streams {
        let Self { mbo, mbp1, mbp10, trades, status } = self;
        let mut streams = Streams::new();
        let mut add = |name, stream: Option<Vec<Vec<u8>>>| stream.map(|stream| streams.insert(name, stream));
        add("mbo", mbo.map(|ring| drain(ring, |r| (r.ts_recv, r.ts_in_delta) = (0, 0))));
        // No message tells that a restart clears the books: those records have its receipt as their time.
        let cleared = |action: u8, ts_event: u64| if action == action::CLEAR { 0 } else { ts_event };
        let mbp1 = mbp1.map(|ring| drain(ring, |r| (r.ts_recv, r.ts_in_delta, r.hd.ts_event) = (0, 0, cleared(r.action, r.hd.ts_event))));
        let mbp10 = mbp10.map(|ring| drain(ring, |r| (r.ts_recv, r.ts_in_delta, r.hd.ts_event) = (0, 0, cleared(r.action, r.hd.ts_event))));
        add("mbp-1", mbp1);
        add("mbp-10", mbp10);
        add("trades", trades.map(|ring| drain(ring, |r| (r.ts_recv, r.ts_in_delta) = (0, 0))));
        add("status", status.map(|ring| drain(ring, |r| r.ts_recv = 0)));
        streams
    }
}

/// All of a ring to its end, masked by `mask`; times of control records are masked here.
pub fn drain<R: Record + std::fmt::Debug>(mut ring: Records<R>, mask: impl Fn(&mut R)) -> Vec<Vec<u8>> {
    let mut all = vec![];
    let began = Instant::now();
    loop {
        match ring.next().unwrap() {
            Item::Record(record) => {
                let mut record = *record;
                mask(&mut record);
                all.push(record.as_bytes().to_vec());
            }
            Item::Control(control) if control.hd.rtype == control::PRICE_LEVELS_ONLY => {}
            Item::Control(control) => {
                let mut control: Control = *control;
                (control.ts_recv, control.hd.ts_event) = (0, 0);
                all.push(control.as_bytes().to_vec());
            }
            Item::End => return all,
            Item::Idle => assert!(began.elapsed() < PATIENCE, "no end of the {} ring after {} records", R::SCHEMA.name(), all.len()),
            other => panic!("in the {} ring after {} records: {other:?}", R::SCHEMA.name(), all.len()),
        }
    }
}

/// Fails at the first difference, not with megabytes of bytes.
pub fn assert_same(live: &Streams, replayed: &Streams) {
    assert_eq!(live.keys().collect::<Vec<_>>(), replayed.keys().collect::<Vec<_>>());
    for (name, expected) in replayed {
        let got = &live[name];
        if let Some(at) = (0..got.len().max(expected.len())).find(|&at| got.get(at) != expected.get(at)) {
            panic!(
                "{name}: record {at} of {} (live) and {} (replay) differs:\n{:?}\n{:?}",
                got.len(),
                expected.len(),
                got.get(at),
                expected.get(at)
            );
        }
    }
}

/// The next control record of that type in a ring.
pub fn next_control<R: Record>(ring: &mut Records<R>, rtype: u8) -> Control {
    let began = Instant::now();
    loop {
        match ring.next().unwrap() {
            Item::Control(control) if control.hd.rtype == rtype => return *control,
            Item::Idle => {
                assert!(began.elapsed() < PATIENCE, "no control record {rtype:#x} came");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Item::End => panic!("the publication ended without control record {rtype:#x}"),
            _ => {}
        }
    }
}

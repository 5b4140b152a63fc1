//! What the path executes, instruction by instruction: no lock, not even one that nobody else holds; no system call from the frame on; and no
//! message that does much more work than others, however many orders rest. (Memory and page faults: `path_alloc`, `hot_path`.)
//!
//! An uncontended lock is neither a system call nor slow enough to notice, so it is looked for as what it is: an atomic read-modify-write.
#![cfg(all(feature = "service", target_arch = "x86_64"))]

mod began;
mod kernel;
mod stepping;
mod venue;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use began::Began;
use kernel::{Frame, GROUP, PORT, RawSender, in_namespace};
use stepping::{alone, executed};
use tickwire::book::{Books, BooksCapacity, Effect};
use tickwire::feed::Side;
use tickwire::lane::latency::latency;
use tickwire::lane::{Lane, LaneChannel, LaneShared, Route};
use tickwire::record::Schema;
use tickwire::source::lines::{LineKey, Lines};
use tickwire::source::xdp::{AttachMode, Interface, SharedSteering, SocketConfig, SteeredLine, Steering, XdpQueue, XdpSource};
use tickwire::source::{Datagram, Polled, Source, SourceError};
use tickwire::stats::Drops;
use tickwire::time::ClockKeeper;

#[test]
fn stepping_sees_every_kind_of_lock_and_every_system_call() {
    let _turn = alone();
    let (mutex, counter, shared) = (Mutex::new(1), AtomicU64::new(0), Arc::new(2));
    let locked = |work: &dyn Fn()| executed(work).0.locked.count;
    assert!(locked(&|| drop(mutex.lock())) >= 2, "a mutex nobody else holds: lock, unlock");
    assert_eq!(locked(&|| _ = counter.fetch_add(1, Ordering::Relaxed)), 1);
    assert_eq!(locked(&|| counter.store(1, Ordering::SeqCst)), 1, "an xchg");
    assert_eq!(locked(&|| std::sync::atomic::fence(Ordering::SeqCst)), 1);
    assert_eq!(locked(&|| drop(shared.clone())), 2, "a reference count, up and down");
    assert_eq!(locked(&|| counter.store(counter.load(Ordering::Acquire) + 1, Ordering::Release)), 0, "what rings are made of");
    let (seen, ()) = executed(std::thread::yield_now);
    assert_eq!((seen.system_calls.count, seen.system_calls.first.len()), (1, 1), "{seen:?}");
    assert!(seen.instructions > 5);
}

#[test]
fn no_lock_from_the_datagram_to_the_rings_whatever_the_message() {
    let _turn = alone();
    // A message each.
    let mut path = Began::new(6_000, 20, 1);
    // A new session is a new file.
    path.run(0..1);
    let mut looked_at = BTreeMap::<u8, u32>::new();
    for at in 1..path.datagrams.len() {
        let kind = path.datagrams[at][22];
        let looked = looked_at.entry(kind).or_default();
        // What happens at the first time only is warming up. Twice each of those that come late and seldom.
        *looked += 1;
        if !(2..4).contains(looked) {
            path.run(at..at + 1);
            continue;
        }
        let (seen, ()) = executed(|| path.run(at..at + 1));
        assert_eq!((seen.locked.count, seen.system_calls.count), (0, 0), "{}: {seen:?}", kind as char);
        assert!(seen.instructions > 100);
    }
    let common = b"ADEUXFCP";
    assert!(common.iter().all(|kind| looked_at.get(kind) > Some(&3)) && looked_at.len() > 15, "{looked_at:?}");
}

#[test]
fn no_lock_and_no_system_call_from_the_frame_to_the_datagram() {
    let _turn = alone();
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        let line = SteeredLine { group: GROUP, port: PORT, vlan: None, sources: vec![] };
        let steering = match Steering::load(&interface, &[line]) {
            Ok(steering) => SharedSteering::new(steering),
            Err(error) => return kernel::skip(&error.to_string()),
        };
        let lines = Lines::new(&[LineKey { group: GROUP, port: PORT }]);
        let keeper = ClockKeeper::start();
        let config = SocketConfig { chunks: 256, bind_patience: Duration::from_millis(50), ..SocketConfig::default() };
        let queue = XdpQueue { steering: steering.clone(), queue: 0, lines };
        let mut source = XdpSource::open(&config, vec![queue], keeper.clock()).unwrap();
        steering.lock().attach(AttachMode::Native, false).unwrap();
        let sender = RawSender::open("twa");
        for round in 0..2 {
            (0..100_u32).for_each(|n| sender.send(&Frame::udp(&n.to_be_bytes()).build()));
            let mut received = 0;
            let (seen, idle) = executed(|| {
                while let Polled::Delivered(_) = source.poll(&mut |datagram| received += datagram.payload.len()).unwrap() {}
                // What a lane does most of the time.
                source.poll(&mut |_| unreachable!()).unwrap()
            });
            assert_eq!((received, idle), (400, Polled::Idle), "round {round}");
            assert_eq!((seen.locked.count, seen.system_calls.count), (0, 0), "{seen:?}");
        }
    });
}

/// Lends one datagram a poll.
struct OneByOne {
    datagrams: std::vec::IntoIter<Vec<u8>>,
    drops: Drops,
}

impl Source for OneByOne {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        // Not dropped here: what a test's vector needs is not the lane's doing.
        let Some(payload) = self.datagrams.as_slice().first() else { return Ok(Polled::End) };
        deliver(Datagram { line: 0, recv_ns: venue::RECV_NS, payload });
        Ok(Polled::Delivered(1))
    }
    fn frames(&self) -> u64 {
        0
    }
    fn drops(&self) -> &Drops {
        &self.drops
    }
}

#[test]
fn a_lane_locks_nothing_but_to_hand_its_histograms_over_twice_a_second() {
    let _turn = alone();
    let Began { datagrams, channel, publisher, room: _room } = Began::new(1_000, 20, 1);
    let keeper = ClockKeeper::start();
    let (recorder, mut reader) = latency();
    let channels = vec![LaneChannel { channel, publication: 0 }];
    let routes = vec![Route { channel: 0, line: 0 }];
    let shared = Arc::new(LaneShared::default());
    let mut lane = Lane::new(routes, channels, vec![publisher], keeper.clock(), recorder, shared.clone(), Duration::ZERO);
    let mut source = OneByOne { datagrams: datagrams.into_iter(), drops: Drops::default() };
    // What happens at the first times only is warming up.
    while source.datagrams.len() > TURNS {
        lane.turn(&mut source).unwrap();
        source.datagrams.next();
    }
    let mut quiet = 0;
    while source.datagrams.len() > 1 {
        // What is due is done here, at full speed.
        lane.turn(&mut source).unwrap();
        source.datagrams.next();
        let _before = reader.take();
        let (seen, polled) = executed(|| lane.turn(&mut source));
        source.datagrams.next();
        assert_eq!(polled.unwrap(), Polled::Delivered(1));
        let has_handed_over = reader.take().is_some();
        assert!(has_handed_over || (seen.locked.count, seen.system_calls.count) == (0, 0), "{seen:?}");
        quiet += usize::from(!has_handed_over);
    }
    assert!(quiet > TURNS / 4, "{quiet} of {TURNS} turns without a hand-over");
    assert!(lane.publications[0].records(Schema::Mbo) > 500 && shared.beats.load(Ordering::Relaxed) > 0);
}

const TURNS: usize = 24;

/// The most instructions that one add took while books with room for so many orders fill up, and while all of these grow old.
fn most_of_an_add(orders: usize) -> u64 {
    let mut books = Books::new(BooksCapacity { instruments: 16, orders, levels: 4_000 });
    let (mut resting, mut reference, mut most) = (Vec::new(), 0_u64, 0);
    for nth in 0..orders * 3 {
        reference += 2 + nth as u64 % 4;
        let (instrument, price) = (1 + nth as u32 % 7, 1_000 + nth as i64 % 10);
        let (seen, change) = executed(|| books.add(instrument, reference, Side::Bid, price, 100));
        change.unwrap();
        most = seen.instructions.max(most);
        resting.push((instrument, reference));
        if resting.len() == orders {
            // Mostly the youngest, so that nearly all the others come to the table.
            let at = if nth % 8 == 0 { nth * 7_919 % orders } else { orders - 1 };
            let (instrument, reference) = resting.swap_remove(at);
            books.delete(instrument, reference).unwrap();
        }
    }
    assert!(resting.iter().all(|&(_, reference)| books.order(reference).is_some()));
    most
}

#[test]
fn no_add_waits_for_the_order_table_to_grow() {
    let _turn = alone();
    let (few, many) = (most_of_an_add(50), most_of_an_add(400));
    // A step of the window at most; a pass over the larger table takes as many again.
    assert!(many < few + few / 4, "at most {few} instructions with 50 orders, and {many} with 400");
}

/// The most instructions that one level took to come, and to go, at many places of a side of so many levels.
fn most_of_a_level(levels: i64) -> u64 {
    let mut books = Books::new(BooksCapacity { instruments: 2, orders: 8_192, levels: 1 << 15 });
    let price = |place: i64| 1_000_000 - 100 * place;
    for place in 0..levels {
        books.add(1, 1 + place as u64, Side::Bid, price(place), 100).unwrap();
    }
    let mut most = 0;
    for nth in 0..48 {
        // Beside one another, to stay, so that whatever holds them fills up; then to come and go everywhere.
        let stays = nth < 36;
        let (place, beside) = if stays { (levels / 2, 1 + nth) } else { (levels * (nth - 36) / 12, 50) };
        let (reference, price) = (1_000_000 + nth as u64, price(place) - beside);
        let (seen, came) = executed(|| books.add(1, reference, Side::Bid, price, 100));
        assert_eq!(came.unwrap().effect, Effect::Added);
        most = seen.instructions.max(most);
        if !stays {
            let (seen, gone) = executed(|| books.delete(1, reference));
            assert!(gone.unwrap().is_gone());
            most = seen.instructions.max(most);
        }
    }
    most
}

#[test]
fn a_level_comes_and_goes_in_a_deep_side_as_in_one_of_a_few_hundred_wherever_it_is() {
    let _turn = alone();
    let (few, many) = (most_of_a_level(250), most_of_a_level(5_000));
    assert!(many < few * 2, "at most {few} instructions in 250 levels, and {many} in 5,000");
}

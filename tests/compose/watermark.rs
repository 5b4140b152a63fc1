//! Up to when the venue's messages were taken in: told once a datagram, after its records, never backwards.

use tickwire::channel::Channel;
use tickwire::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};

use crate::venue::*;

const MINUTE_NS: u64 = 60_000_000_000;

/// A message of XYZ at a time since midnight.
fn at(mut message: Vec<u8>, venue_ns: u64) -> Vec<u8> {
    message[5..11].copy_from_slice(&venue_ns.to_be_bytes()[2..]);
    message
}

fn quote(venue_ns: u64) -> Vec<u8> {
    at(retail_interest(5, "XYZ", b'A'), venue_ns)
}

#[test]
fn the_watermark_is_the_latest_time_of_the_venue_and_never_goes_back() {
    let mut bench = Bench::itch();
    bench.send(&[quote(VENUE_NS), quote(VENUE_NS - 500)]);
    assert_eq!(bench.sink.watermark_ns, MIDNIGHT_NS + VENUE_NS);
    bench.one(quote(VENUE_NS - 700));
    assert_eq!(bench.sink.watermark_ns, MIDNIGHT_NS + VENUE_NS, "an earlier time moves nothing");
    bench.one(quote(VENUE_NS + 5));
    assert_eq!(bench.sink.watermark_ns, MIDNIGHT_NS + VENUE_NS + 5);
}

#[test]
fn a_venue_s_time_is_believed_at_most_a_minute_ahead_of_its_receipt() {
    let mut bench = Bench::itch();
    bench.one(quote(VENUE_NS + 7 * MINUTE_NS));
    assert_eq!(bench.sink.watermark_ns, RECV_NS + MINUTE_NS);
    bench.now_ns += 1;
    bench.one(quote((1 << 48) - 1));
    assert_eq!(bench.sink.watermark_ns, RECV_NS + 1 + MINUTE_NS);
    bench.now_ns = u64::MAX;
    bench.one(quote(0));
    assert_eq!(bench.sink.watermark_ns, RECV_NS + 1 + MINUTE_NS);
}

#[test]
fn messages_that_cannot_be_read_or_carry_no_time_leave_it_alone() {
    let mut bench = Bench::itch();
    bench.one(quote(VENUE_NS));
    bench.send(&[vec![], b"Z unknown".to_vec(), at(trading_action(5, "XYZ", b'?', b"    "), VENUE_NS + 9)]);
    assert_eq!(bench.sink.watermark_ns, MIDNIGHT_NS + VENUE_NS);
    bench.lose(1);
    assert_eq!(bench.sink.watermark_ns, MIDNIGHT_NS + VENUE_NS, "neither does the host's clock");
}

#[test]
fn a_new_session_has_its_own() {
    let mut bench = Bench::itch();
    bench.one(quote(VENUE_NS));
    (bench.session, bench.next) = (*b"SESSION002", 1);
    bench.one(quote(VENUE_NS - MINUTE_NS));
    assert_eq!(bench.sink.watermark_ns, MIDNIGHT_NS + VENUE_NS, "one packet starts no session");
    bench.one(quote(VENUE_NS - MINUTE_NS));
    assert_eq!(bench.sink.watermark_ns, MIDNIGHT_NS + VENUE_NS - MINUTE_NS);
}

/// Keeps what came when.
#[derive(Default)]
struct Order(Vec<(char, u64)>);

impl Sink for Order {
    fn carries(&self, _: Schema) -> bool {
        true
    }
    fn instrument(&mut self, _: &Instrument) -> Result<Option<Row>, SinkFull> {
        Ok(Some(0))
    }
    fn publish<R: Record>(&mut self, _: Row, record: &R) {
        self.0.push(('r', record.header().ts_event));
    }
    fn publish_whole<R: Record>(&mut self, _: &R) {}
    fn control(&mut self, _: &Control) {}
    fn channel_state(&mut self, _: u16, _: ChannelState, _: u64) {}
    fn watermark(&mut self, _: u16, venue_ns: u64) {
        self.0.push(('w', venue_ns));
    }
    fn commit(&mut self) {}
    fn new_epoch(&mut self) {}
}

#[test]
fn it_is_told_once_a_datagram_after_the_records_it_covers() {
    let (mut channel, mut order): (Channel, Order) = (channel(tickwire::feed::name::FeedName::NasdaqItch), Order::default());
    let mut next = 1;
    for step in 0..50_u64 {
        let messages: Vec<Vec<u8>> = (0..=step % 4).map(|n| quote(VENUE_NS + (step * 37 + n * 11) % 101)).collect();
        channel.on_datagram(0, RECV_NS, &mold(b"SESSION001", next, &messages), &mut order);
        next += messages.len() as u64;
    }
    let (mut told, mut published) = (0, 0);
    for &(what, ns) in &order.0 {
        if what == 'w' {
            assert!(ns > told, "only when it moves");
            assert_eq!(ns, published, "all of it is published");
            told = ns;
        } else {
            published = published.max(ns);
        }
    }
    let datagrams = order.0.iter().filter(|(what, _)| *what == 'w').count();
    assert!(datagrams > 3 && told == published);
}

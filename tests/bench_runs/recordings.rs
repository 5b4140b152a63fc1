//! Captures written by hand, with whatever is wrong in them, and what a replay of them counts.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use tickwire::bench::Control;
use tickwire::bench::workload::{Limit, Selection, Workload};
use tickwire::book::BooksCapacity;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::replay::{self, ReplayConfig, Speed, Summary};
use tickwire::source::lines::LineKey;

use super::packets::{self, Endian, Shot};
use super::venue::{self, MIDNIGHT_NS, RECV_NS};

/// Room for what is made here.
pub const CAPACITY: BooksCapacity = BooksCapacity { instruments: 1 << 10, orders: 1 << 15, levels: 1 << 16 };

pub fn line(port: u16) -> LineKey {
    LineKey { group: Ipv4Addr::new(239, 192, 1, 1), port }
}

/// Datagrams of a made-up session of so many messages, ten in each.
pub fn session(name: &[u8; 10], seed: u64, messages: u64) -> Vec<Vec<u8>> {
    let config = GenerateConfig::whole_day(seed, messages, 20, MIDNIGHT_NS);
    let mut session = Session::new(&config).unwrap();
    let mut all = Vec::new();
    while let Some(message) = session.next_message() {
        all.push(message.bytes.to_vec());
    }
    all.chunks(10).zip(0_u64..).map(|(messages, nth)| venue::mold(name, nth * 10 + 1, messages)).collect()
}

/// A capture of datagrams as (line's port, payload), so far apart.
pub fn capture(datagrams: &[(u16, &[u8])], apart_ns: u64) -> packets::TempFile {
    let shot = |(nth, &(port, payload)): (usize, &(u16, &[u8]))| Shot {
        ns: RECV_NS + nth as u64 * apart_ns,
        bytes: packets::ethernet(line(port).group, port, payload),
        snapped: 0,
    };
    let shots: Vec<Shot> = datagrams.iter().enumerate().map(shot).collect();
    packets::file(&packets::classic(Endian::Little, 1, 1, &shots))
}

pub fn recorded(file: &Path, feed: FeedName) -> Arc<Workload> {
    let selection = Selection { feed, lines: Vec::new(), midnight_ns: Some(MIDNIGHT_NS), limit: Limit::default() };
    Arc::new(Workload::recorded(file, &selection, &mut Control { stop: &|| false, progress: &mut |_| () }).unwrap())
}

/// One line, one session.
pub fn one_session(messages: u64) -> Arc<Workload> {
    let session = session(b"SESSION001", 1, messages);
    let datagrams: Vec<_> = session.iter().map(|payload| (1_u16, &payload[..])).collect();
    recorded(&capture(&datagrams, 1_000).path, FeedName::NasdaqItch)
}

pub fn replayed(file: &Path, feed: FeedName, ports: &[u16]) -> Summary {
    let config = ReplayConfig {
        file: file.to_owned(),
        feed,
        midnight_ns: Some(MIDNIGHT_NS),
        speed: Speed::Max,
        lines: ports.iter().map(|&port| line(port)).collect(),
        publish: None,
        dbn: None,
        capacity: CAPACITY,
    };
    replay::run(&config, &|| false, &mut |_| ()).unwrap().summary
}

/// Two channels: of one the lines 1 and 2, of the other line 3 alone, which loses every 50th datagram for good.
pub fn two_channels(messages: u64) -> packets::TempFile {
    let (both, alone) = (session(b"SESSION00A", 1, messages), session(b"SESSION00B", 2, messages));
    let mut datagrams = Vec::new();
    for (nth, (twice, once)) in both.iter().zip(&alone).enumerate() {
        datagrams.extend([(1, &twice[..]), (2, &twice[..])]);
        if nth % 50 != 20 {
            datagrams.push((3, once));
        }
    }
    capture(&datagrams, 1_000)
}

/// Three sessions of one line, one behind the other, a datagram each 200 µs.
pub fn three_sessions(messages: u64) -> packets::TempFile {
    let sessions = [b"SESSION001", b"SESSION002", b"SESSION003"].map(|name| session(name, 1, messages));
    let datagrams: Vec<_> = sessions.iter().flatten().map(|payload| (1, &payload[..])).collect();
    capture(&datagrams, 200_000)
}

/// A publisher of TOPS that begins again at 1 in its session, after 500 of 1,000 messages; a datagram of five each millisecond.
pub fn restarted_tops() -> packets::TempFile {
    // A quote is 42 bytes, and two before it tell that.
    let segment = |sequence: u64, nth: u64| {
        let quote = |n| venue::tops_quote("ZIEXT", (100_000 + n, 100), (100_100 + n, 100));
        let messages: Vec<_> = (sequence..sequence + 5).map(quote).collect();
        venue::iextp(7, sequence, RECV_NS + nth * 1_000_000, (sequence - 1) * 44, &messages)
    };
    let first = (0..100).map(|n| segment(n * 5 + 1, n));
    let again = (0..100).map(|n| segment(n * 5 + 1, 100 + n));
    let all: Vec<_> = first.chain(again).collect();
    let datagrams: Vec<_> = all.iter().map(|payload| (1, &payload[..])).collect();
    capture(&datagrams, 1_000_000)
}

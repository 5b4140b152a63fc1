//! A channel and its publication, with datagrams to run through them: from the datagram to the rings and nothing else.
#![allow(dead_code)]

use std::path::Path;

use tickwire::book::BooksCapacity;
use tickwire::channel::Channel;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::record::{Schema, Sink};
use tickwire::shm::{ChannelSpec, PublicationSpec, Publisher, RingSpec};

use crate::venue;

/// A session of full datagrams, a channel with little room for orders, so that the young ones' slots move along, and its publication.
pub struct Began {
    pub datagrams: Vec<Vec<u8>>,
    pub channel: Channel,
    pub publisher: Publisher,
    /// Behind the publisher, which removes its file from it.
    pub room: tempfile::TempDir,
}

impl Began {
    pub fn new(messages: u64, symbols: u16, per_datagram: usize) -> Self {
        let mut session = Session::new(&GenerateConfig::whole_day(5, messages, symbols, venue::MIDNIGHT_NS)).unwrap();
        let (mut datagrams, mut block, mut next) = (Vec::new(), Vec::new(), 1);
        while let Some(message) = session.next_message() {
            block.push(message.bytes.to_vec());
            if block.len() == per_datagram {
                datagrams.push(venue::mold(b"SESSION001", next, &block));
                next += block.len() as u64;
                block.clear();
            }
        }
        // Pages of a file on a disk are written back, and each is a fault again.
        let shm = Path::new("/dev/shm");
        let room = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let publisher = Publisher::create(&PublicationSpec {
            rings: [Schema::Mbo, Schema::Mbp1, Schema::Mbp10, Schema::Trades].map(|schema| RingSpec { schema, depth: 1 << 10 }).to_vec(),
            channels: vec![ChannelSpec { name: "nasdaq".into(), publisher_id: 2 }],
            instruments: 256,
            ..PublicationSpec::new(room.path(), "p")
        })
        .unwrap();
        let capacity = BooksCapacity { instruments: 1 << 10, orders: 1 << 13, levels: 1 << 17 };
        let channel = venue::channel_with(FeedName::NasdaqItch, capacity, 1);
        Self { datagrams, channel, publisher, room }
    }

    pub fn run(&mut self, part: std::ops::Range<usize>) {
        for datagram in &self.datagrams[part] {
            self.channel.on_datagram(0, venue::RECV_NS, datagram, &mut self.publisher);
            self.publisher.commit();
        }
    }
}

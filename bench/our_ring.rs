//! The ring in shared memory as something that carries records, used as its users use it: a publisher, and a subscription by name.

use std::path::Path;

use tickwire::record::{Instrument, Mbo, Row, Schema, Sink};
use tickwire::shm::{ChannelSpec, From, Item, Publication, PublicationSpec, Publisher, Records, RingSpec};
use zerocopy::FromZeros;

use crate::transport::{Receiver, Sender};

/// Records that the writer asks room for at once, where it waits for its reader.
const ASKED: u64 = 64;
/// Records that are read in one call, where they are read in batches.
const READ: usize = 256;

/// A writer that never waits, as a lane's, or one that a gated reader can hold up, as a replay's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    NeverWaits,
    Waits,
}

/// The writer's end.
pub struct OurSender {
    publisher: Publisher,
    row: Row,
    writer: Writer,
    room: u64,
}

impl OurSender {
    pub fn create(dir: &Path, name: &str, depth: u64, writer: Writer) -> Self {
        let mut spec = PublicationSpec::new(dir, name);
        spec.rings = vec![RingSpec { schema: Schema::Mbo, depth }];
        spec.channels = vec![ChannelSpec { name: "bench".into(), publisher_id: 2 }];
        (spec.instruments, spec.gates) = (16, usize::from(writer == Writer::Waits));
        let mut publisher = Publisher::create(&spec).expect("a publication in a folder of its own");
        let instrument = Instrument { channel: 0, publisher_id: 2, instrument_id: 1, symbol: *b"BENCH   ", round_lot: 100 };
        let row = publisher.instrument(&instrument).ok().flatten().expect("room for one instrument");
        Self { publisher, row, writer, room: 0 }
    }

    /// To the ring and to the instrument's cell of the board, as a lane does with what concerns one instrument.
    #[inline(always)]
    pub fn send_to_board_too(&mut self, record: &Mbo) {
        self.publisher.publish(self.row, record);
    }

    #[cold]
    fn wait_for_room(&mut self) {
        self.publisher.commit();
        while !self.publisher.has_room(ASKED) {
            std::hint::spin_loop();
        }
        self.room = ASKED;
    }
}

impl Sender for OurSender {
    #[inline(always)]
    fn send(&mut self, record: &Mbo) {
        if self.writer == Writer::Waits {
            if self.room == 0 {
                self.wait_for_room();
            }
            self.room -= 1;
        }
        self.publisher.publish_whole(record);
    }

    #[inline(always)]
    fn flush(&mut self) {
        self.publisher.commit();
    }
}

/// A subscription, read record by record.
pub struct OneByOne {
    records: Records<Mbo>,
    lost: u64,
}

impl OneByOne {
    pub fn open(dir: &Path, name: &str, writer: Writer) -> Self {
        let publication = Publication::open(dir, name).expect("the publication that was just created");
        let records = match writer {
            Writer::NeverWaits => publication.subscribe::<Mbo>(From::Oldest),
            Writer::Waits => publication.subscribe_gated::<Mbo>(From::Oldest),
        };
        Self { records: records.expect("its mbo ring"), lost: 0 }
    }
}

impl Receiver for OneByOne {
    #[inline(always)]
    fn receive(&mut self, mut take: impl FnMut(&Mbo)) {
        match self.records.next().expect("the ring is read") {
            Item::Record(record) => take(record),
            Item::Lost(lost) => self.lost += lost,
            _ => {}
        }
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}

/// A subscription, read in batches.
pub struct Batches {
    one_by_one: OneByOne,
    room: Vec<Mbo>,
}

impl Batches {
    pub fn open(dir: &Path, name: &str, writer: Writer) -> Self {
        Self { one_by_one: OneByOne::open(dir, name, writer), room: vec![Mbo::new_zeroed(); READ] }
    }
}

impl Receiver for Batches {
    #[inline(always)]
    fn receive(&mut self, take: impl FnMut(&Mbo)) {
        let count = self.one_by_one.records.read(&mut self.room);
        if count == 0 {
            // Nothing has come, or something else than a record.
            return self.one_by_one.receive(take);
        }
        self.room.iter().take(count).for_each(take);
    }

    fn lost(&self) -> u64 {
        self.one_by_one.lost()
    }
}

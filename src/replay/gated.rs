//! A publication that waits for its gated readers: a replay loses nothing on the way to them, however slow they are.
//!
//! The writer looks before it writes, record by record, because nobody can say beforehand how many records a datagram becomes: it may
//! let out all that is held, or restart the publisher and clear every book. So rings of any depth will do. Looking costs a
//! few loads per reader, so it asks for [`AHEAD`] records at once and falls back to one when there is no room for so many.

use std::time::Duration;

use super::computed::Computed;
use crate::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};
use crate::shm::{Gates, Publisher};

/// Records asked for at once.
const AHEAD: u64 = 64;
/// Between looks at a gate that is shut.
const NAP: Duration = Duration::from_micros(50);
/// Naps between looks for readers that died at their gate.
const REAP_EVERY: u32 = 1_000;

/// A publisher behind its gates.
pub(super) struct Gated<'a> {
    publisher: Publisher,
    stop: &'a dyn Fn() -> bool,
    /// Records that may be published without another look.
    room: u64,
}

impl<'a> Gated<'a> {
    pub fn new(publisher: Publisher, stop: &'a dyn Fn() -> bool) -> Self {
        Self { publisher, stop, room: 0 }
    }

    /// Waits until so many readers stand at their gates, here or at those of what is computed, or until told to stop.
    pub fn wait_for_readers(&self, readers: usize, computed: Option<&Computed>) {
        let there = |gates: &Gates| gates.readers() + computed.map_or(0, Computed::readers);
        // The computing itself reads here.
        let wanted = readers + computed.map_or(0, Computed::rings_read);
        while self.publisher.gates().is_some_and(|gates| there(gates) < wanted)
            && !(self.stop)()
            && !computed.is_some_and(Computed::has_ended)
        {
            self.heartbeat();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A replay's publication lives by the clock on the wall, whatever its records' times are.
    pub fn heartbeat(&self) {
        self.publisher.heartbeat(crate::sys::tsc::realtime_ns());
    }

    /// The present epoch of the publication.
    pub fn epoch(&self) -> u64 {
        self.publisher.epoch()
    }

    pub fn publisher(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    pub fn close(self, keep: bool) {
        self.publisher.close(keep);
    }

    /// Before every record.
    #[inline]
    fn take_room(&mut self) {
        if self.room == 0 {
            self.room = self.look();
        }
        self.room -= 1;
    }

    /// For how many records there is room, at least 1.
    #[cold]
    fn look(&mut self) -> u64 {
        if self.publisher.has_room(AHEAD) {
            return AHEAD;
        }
        // What waits for a reader must be there for it to see.
        self.publisher.commit();
        let mut naps = 0_u32;
        while !self.publisher.has_room(1) && !(self.stop)() {
            self.heartbeat();
            std::thread::sleep(NAP);
            naps = naps.wrapping_add(1);
            if naps.is_multiple_of(REAP_EVERY)
                && let Some(gates) = self.publisher.gates()
            {
                // A gate that cannot be examined stays shut; whoever waits for it too long says stop.
                let _ = gates.reap();
            }
        }
        1
    }
}

impl Sink for Gated<'_> {
    fn carries(&self, schema: Schema) -> bool {
        self.publisher.carries(schema)
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        self.publisher.instrument(instrument)
    }

    #[inline]
    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        self.take_room();
        self.publisher.publish(row, record);
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        self.take_room();
        self.publisher.publish_whole(record);
    }

    fn control(&mut self, record: &Control) {
        self.take_room();
        self.publisher.control(record);
    }

    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64) {
        self.publisher.channel_state(channel, state, since_ns);
    }

    #[inline]
    fn watermark(&mut self, channel: u16, venue_ns: u64) {
        self.publisher.watermark(channel, venue_ns);
    }

    fn commit(&mut self) {
        self.publisher.commit();
    }

    fn new_epoch(&mut self) {
        self.publisher.new_epoch();
        self.room = 0;
    }
}

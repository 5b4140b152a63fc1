//! Files as a sink: where a replay's records go, losing nothing. It waits for the disk; a live feed has the recorder instead.

use std::sync::Arc;

use super::ring_files::{FilesConfig, RingFiles};
use super::ring_thread::{Failure, RingThread};
use super::whole::WholeFile;
use crate::error::Error;
use crate::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};

/// Writes the files of all rings, each on a thread of its own. What fails is kept, since the path cannot be told: look at
/// [`FilesSink::failure`] now and then.
pub struct FilesSink {
    rings: [Option<Ring>; Schema::COUNT],
    /// The position that each ring's next record has, or would have where nothing is published.
    next: [u64; Schema::COUNT],
    epoch: u64,
    failure: Failure,
    rows: Row,
}

enum Ring {
    /// No record has come yet.
    Empty(RingFiles),
    Running(RingThread),
}

impl FilesSink {
    /// Files of those of the schemas that DBN knows, from the epoch with that number on.
    pub fn new(config: &Arc<FilesConfig>, schemas: &[Schema], epoch: u64) -> Self {
        let mut rings = [const { None }; Schema::COUNT];
        for &schema in schemas.iter().filter(|schema| schema.is_dbn()) {
            rings[schema.index()] = Some(Ring::Empty(RingFiles::new(config.clone(), schema, epoch)));
        }
        Self { rings, next: [1; Schema::COUNT], epoch, failure: Failure::default(), rows: 0 }
    }

    /// What went wrong first, if anything did.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    /// Goes over to the epoch with that number.
    pub fn begin_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.rows = 0;
        self.next = [1; Schema::COUNT];
        for ring in self.rings.iter_mut().flatten() {
            match ring {
                Ring::Empty(files) => self.failure.note(files.begin_epoch(epoch)),
                Ring::Running(thread) => thread.begin_epoch(epoch),
            }
        }
    }

    /// Ends all files; the whole ones, and what went wrong first.
    pub fn close(self) -> (Vec<WholeFile>, Option<Error>) {
        let mut whole = Vec::new();
        for ring in self.rings.into_iter().flatten() {
            if let Ring::Running(thread) = ring {
                self.failure.note(thread.close().map(|files| whole.extend(files)));
            }
        }
        (whole, self.failure.get().cloned())
    }

    #[inline]
    fn push<R: Record>(&mut self, record: &R) {
        let position = self.next[R::SCHEMA.index()];
        self.next[R::SCHEMA.index()] = position + 1;
        match &mut self.rings[R::SCHEMA.index()] {
            Some(Ring::Running(thread)) => thread.push(position, record),
            Some(Ring::Empty(_)) => self.start(position, record),
            None => {}
        }
    }

    #[cold]
    fn start<R: Record>(&mut self, position: u64, record: &R) {
        let Some(Ring::Empty(files)) = self.rings[R::SCHEMA.index()].take() else { return };
        match RingThread::start::<R>(files, &self.failure) {
            Ok(mut thread) => {
                thread.push(position, record);
                self.rings[R::SCHEMA.index()] = Some(Ring::Running(thread));
            }
            Err(error) => self.failure.note(Err(error)),
        }
    }
}

impl Sink for FilesSink {
    fn carries(&self, schema: Schema) -> bool {
        self.rings[schema.index()].is_some()
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        let Instrument { publisher_id, instrument_id, symbol, .. } = *instrument;
        for ring in self.rings.iter_mut().flatten() {
            match ring {
                Ring::Empty(files) => self.failure.note(files.announce(publisher_id, instrument_id, &symbol)),
                Ring::Running(thread) => thread.announce(publisher_id, instrument_id, symbol),
            }
        }
        self.rows += 1;
        Ok(Some(self.rows - 1))
    }

    #[inline]
    fn publish<R: Record>(&mut self, _row: Row, record: &R) {
        self.push(record);
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        self.push(record);
    }

    fn control(&mut self, _record: &Control) {
        for (ring, next) in self.rings.iter_mut().zip(&mut self.next) {
            match ring {
                Some(Ring::Empty(files)) => files.pass(*next),
                Some(Ring::Running(thread)) => thread.pass(*next),
                None => {}
            }
            *next += 1;
        }
    }

    fn channel_state(&mut self, _channel: u16, _state: ChannelState, _since_ns: u64) {}

    #[inline]
    fn watermark(&mut self, _channel: u16, _venue_ns: u64) {}

    fn commit(&mut self) {}

    /// An epoch of its own numbering; who publishes too says which one with [`FilesSink::begin_epoch`].
    fn new_epoch(&mut self) {
        self.begin_epoch(self.epoch + 1);
    }
}

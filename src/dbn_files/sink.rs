//! Files as a sink: where a replay's records go, losing nothing. It waits for the disk; a live feed has the recorder instead.

use std::sync::Arc;

use super::ring_files::{FilesConfig, RingFiles};
use super::whole::WholeFile;
use crate::error::Error;
use crate::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};

/// Writes the files of all rings. What fails is kept, since the path cannot be told: look at [`FilesSink::failure`] now and then.
#[derive(Debug)]
pub struct FilesSink {
    rings: [Option<RingFiles>; Schema::COUNT],
    /// The position that each ring's next record has, or would have where nothing is published.
    next: [u64; Schema::COUNT],
    failure: Option<Error>,
    rows: Row,
}

impl FilesSink {
    /// Files of those of the schemas that DBN knows, from the epoch with that number on.
    pub fn new(config: &Arc<FilesConfig>, schemas: &[Schema], epoch: u64) -> Self {
        let mut rings = [const { None }; Schema::COUNT];
        for &schema in schemas.iter().filter(|schema| schema.is_dbn()) {
            rings[schema.index()] = Some(RingFiles::new(config.clone(), schema, epoch));
        }
        Self { rings, next: [1; Schema::COUNT], failure: None, rows: 0 }
    }

    /// What went wrong first, if anything did.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Goes over to the epoch with that number.
    pub fn begin_epoch(&mut self, epoch: u64) {
        self.rows = 0;
        self.next = [1; Schema::COUNT];
        self.each(|ring| ring.begin_epoch(epoch));
    }

    /// Ends all files; the whole ones, and what went wrong first.
    pub fn close(mut self) -> (Vec<WholeFile>, Option<Error>) {
        self.each(RingFiles::close);
        let whole = self.rings.iter_mut().flatten().flat_map(RingFiles::take_whole).collect();
        (whole, self.failure)
    }

    fn each(&mut self, mut f: impl FnMut(&mut RingFiles) -> Result<(), Error>) {
        for ring in self.rings.iter_mut().flatten() {
            if let Err(error) = f(ring) {
                self.failure.get_or_insert(error);
            }
        }
    }

    #[inline]
    fn push<R: Record>(&mut self, record: &R) {
        let position = self.next[R::SCHEMA.index()];
        self.next[R::SCHEMA.index()] = position + 1;
        if let Some(ring) = &mut self.rings[R::SCHEMA.index()]
            && let Err(error) = ring.push(position, record)
        {
            self.failure.get_or_insert(error);
        }
    }
}

impl Sink for FilesSink {
    fn carries(&self, schema: Schema) -> bool {
        self.rings[schema.index()].is_some()
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        let Instrument { publisher_id, instrument_id, symbol, .. } = *instrument;
        self.each(|ring| ring.announce(publisher_id, instrument_id, &symbol));
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
            if let Some(ring) = ring {
                ring.pass(*next);
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
        let epoch = self.rings.iter().flatten().map(RingFiles::epoch).next().unwrap_or(0);
        self.begin_epoch(epoch + 1);
    }
}

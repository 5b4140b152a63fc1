//! A sink that counts records by schema and passes them on, or drops them: a replay that publishes nothing still runs the whole path.

use super::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};

/// Counts on the way to `inner`; without one, instruments are numbered here and records end here.
#[derive(Debug)]
pub struct Tally<S> {
    inner: Option<S>,
    wanted: [bool; Schema::COUNT],
    records: [u64; Schema::COUNT],
    controls: u64,
    rows: Row,
}

impl<S: Sink> Tally<S> {
    /// Counts `schemas` (those of the feed), whether or not `inner` carries them.
    pub fn new(inner: Option<S>, schemas: &[Schema]) -> Self {
        let mut wanted = [false; Schema::COUNT];
        for schema in schemas {
            wanted[schema.index()] = true;
        }
        Self { inner, wanted, records: [0; Schema::COUNT], controls: 0, rows: 0 }
    }

    /// Records of one schema so far.
    pub fn records(&self, schema: Schema) -> u64 {
        self.records[schema.index()]
    }

    /// Control records so far (each counted once, though every ring carries it).
    pub fn controls(&self) -> u64 {
        self.controls
    }

    /// What the records are passed on to.
    pub fn inner(&mut self) -> Option<&mut S> {
        self.inner.as_mut()
    }

    /// Gives `inner` back.
    pub fn into_inner(self) -> Option<S> {
        self.inner
    }
}

impl<S: Sink> Sink for Tally<S> {
    #[inline]
    fn carries(&self, schema: Schema) -> bool {
        self.wanted[schema.index()]
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        match &mut self.inner {
            Some(inner) => inner.instrument(instrument),
            None => {
                self.rows += 1;
                Ok(Some(self.rows - 1))
            }
        }
    }

    #[inline]
    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        self.records[R::SCHEMA.index()] += 1;
        if let Some(inner) = &mut self.inner
            && inner.carries(R::SCHEMA)
        {
            inner.publish(row, record);
        }
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        self.records[R::SCHEMA.index()] += 1;
        if let Some(inner) = &mut self.inner
            && inner.carries(R::SCHEMA)
        {
            inner.publish_whole(record);
        }
    }

    fn control(&mut self, record: &Control) {
        self.controls += 1;
        if let Some(inner) = &mut self.inner {
            inner.control(record);
        }
    }

    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64) {
        if let Some(inner) = &mut self.inner {
            inner.channel_state(channel, state, since_ns);
        }
    }

    #[inline]
    fn watermark(&mut self, channel: u16, venue_ns: u64) {
        if let Some(inner) = &mut self.inner {
            inner.watermark(channel, venue_ns);
        }
    }

    fn commit(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.commit();
        }
    }

    fn new_epoch(&mut self) {
        self.rows = 0;
        if let Some(inner) = &mut self.inner {
            inner.new_epoch();
        }
    }
}

//! Where a replay's records go: a publication behind its gates, DBN files, or both.

use super::gated::Gated;
use crate::dbn_files::FilesSink;
use crate::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};

/// At least one of the two.
pub(super) struct Outlets<'a> {
    pub gated: Option<Gated<'a>>,
    pub files: Option<FilesSink>,
}

/// To each outlet that is there.
macro_rules! each {
    ($self:ident, $sink:ident => $call:expr) => {{
        if let Some($sink) = &mut $self.gated {
            $call;
        }
        if let Some($sink) = &mut $self.files {
            $call;
        }
    }};
}

impl Sink for Outlets<'_> {
    fn carries(&self, schema: Schema) -> bool {
        self.gated.as_ref().is_some_and(|gated| gated.carries(schema)) || self.files.as_ref().is_some_and(|files| files.carries(schema))
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        let row = self.gated.as_mut().map(|gated| gated.instrument(instrument)).transpose()?;
        // What the publication filters out goes nowhere.
        if let Some(None) = row {
            return Ok(None);
        }
        let of_files = self.files.as_mut().map(|files| files.instrument(instrument)).transpose()?.flatten();
        Ok(row.flatten().or(of_files))
    }

    #[inline]
    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        each!(self, sink => sink.publish(row, record));
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        each!(self, sink => sink.publish_whole(record));
    }

    fn control(&mut self, record: &Control) {
        each!(self, sink => sink.control(record));
    }

    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64) {
        each!(self, sink => sink.channel_state(channel, state, since_ns));
    }

    #[inline]
    fn watermark(&mut self, channel: u16, venue_ns: u64) {
        each!(self, sink => sink.watermark(channel, venue_ns));
    }

    fn commit(&mut self) {
        each!(self, sink => sink.commit());
    }

    fn new_epoch(&mut self) {
        if let Some(gated) = &mut self.gated {
            gated.new_epoch();
        }
        match (&mut self.files, &mut self.gated) {
            // Positions and files are of the epoch that readers see.
            (Some(files), Some(gated)) => files.begin_epoch(gated.publisher().epoch()),
            (Some(files), None) => files.new_epoch(),
            (None, _) => {}
        }
    }
}

//! The publication that is computed from: its instruments and channel states, mirrored into the computed one as they come.

use std::collections::HashMap;

use super::output::Output;
use crate::record::{ChannelState, Header, Instrument, Row, Sink};
use crate::shm::{ChannelRow, Publication};

/// One epoch of the source.
#[derive(Debug)]
pub(super) struct Source {
    pub publication: Publication,
    instruments: Vec<Mirrored>,
    by_id: HashMap<(u16, u32), Row>,
    states: Vec<ChannelRow>,
}

/// An instrument of the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mirrored {
    /// Its row in the computed publication; `None`: not wanted there, or no room.
    pub row: Option<Row>,
    pub channel: u16,
    /// Publisher and instrument.
    pub ids: (u16, u32),
}

impl Source {
    pub fn new(publication: Publication) -> Self {
        Self { publication, instruments: Vec::new(), by_id: HashMap::new(), states: Vec::new() }
    }

    /// Takes over instruments that are new. How many there was no room for.
    pub fn mirror_instruments(&mut self, output: &mut Output) -> u64 {
        let mut no_room = 0;
        let known = self.instruments.len() as Row;
        for row in known..self.publication.instrument_count() {
            // Rows below the count are there.
            let Some(told) = self.publication.instrument(row) else { break };
            let mut symbol = [b' '; 8];
            for (to, from) in symbol.iter_mut().zip(told.symbol.bytes()) {
                *to = from;
            }
            let ids = (told.publisher_id, told.instrument_id);
            let instrument =
                Instrument { channel: told.channel, publisher_id: ids.0, instrument_id: ids.1, symbol, round_lot: told.round_lot };
            let mirrored = output.publisher.instrument(&instrument).unwrap_or_else(|_| {
                no_room += 1;
                None
            });
            self.instruments.push(Mirrored { row: mirrored, channel: told.channel, ids });
            // An id that is given to another symbol means the newer one from then on.
            self.by_id.insert(ids, row);
        }
        no_room
    }

    /// Takes over channel states that have changed.
    pub fn mirror_states(&mut self, output: &mut Output) {
        let now = self.publication.channel_states();
        for (at, row) in now.iter().enumerate() {
            let ChannelRow { channel, state, doubted, since_ns, .. } = *row;
            if self.states.get(at).is_some_and(|before| (before.state, before.doubted, before.since_ns) == (state, doubted, since_ns)) {
                continue;
            }
            // The doubt that a silent or ended channel keeps is what the state before it said.
            if doubted && matches!(state, ChannelState::Silent | ChannelState::Ended) {
                output.publisher.channel_state(channel, ChannelState::Stale, since_ns);
            } else if matches!(state, ChannelState::Silent | ChannelState::Ended) {
                output.publisher.channel_state(channel, ChannelState::Good, since_ns);
            }
            output.publisher.channel_state(channel, state, since_ns);
        }
        self.states = now;
    }

    /// How many rows there are so far that are not mirrored.
    pub fn has_news(&self) -> bool {
        self.publication.instrument_count() as usize != self.instruments.len()
    }

    /// The source's row of a record's instrument.
    pub fn row_of(&self, header: &Header) -> Option<Row> {
        self.by_id.get(&(header.publisher_id, header.instrument_id)).copied()
    }

    pub fn at(&self, row: Row) -> Option<&Mirrored> {
        self.instruments.get(row as usize)
    }
}

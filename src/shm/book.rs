//! A look-up: the price levels of one instrument, and whether they can be trusted.

use zerocopy::IntoBytes;

use super::consumer::Publication;
use super::error::ShmError;
use super::instruments::InstrumentRow;
use crate::record::{BidAsk, ChannelState, Definition, Mbp1, Mbp10, Record, Schema, flags};

/// Whether a book can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookState {
    /// No message is missing from it.
    Good,
    /// Messages that may have been for this instrument are missing.
    MaybeBad,
}

/// The newest price levels of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookView {
    /// Whose.
    pub instrument: InstrumentRow,
    /// From the best on: ten from `mbp-10`, one from `mbp-1`. Levels that are not there are [`BidAsk::EMPTY`].
    pub levels: Vec<BidAsk>,
    /// Whether they can be trusted.
    pub state: BookState,
    /// The state of the instrument's channel.
    pub channel: ChannelState,
    /// When that began, or the doubt about its books if there is one; ns since 1970 UTC, in steps of 256.
    pub since_ns: u64,
    /// When the last record was received, ns since 1970 UTC; 0 if there was none.
    pub ts_recv: u64,
    /// The venue's time of the last record; 0 if there was none.
    pub ts_event: u64,
    /// The sequence number in the last record.
    pub sequence: u32,
    /// Position of the last record in its ring; 0 if there was none.
    pub position: u64,
}

impl BookView {
    pub(crate) fn look_up(publication: &Publication, instrument: InstrumentRow) -> Result<Self, ShmError> {
        let mut view = Self {
            instrument,
            levels: Vec::new(),
            state: BookState::Good,
            channel: ChannelState::Idle,
            since_ns: 0,
            ts_recv: 0,
            ts_event: 0,
            sequence: 0,
            position: 0,
        };
        let mut flags = 0;
        if publication.carries(Schema::Mbp10) {
            view.levels = vec![BidAsk::EMPTY; 10];
            if let Some((position, r)) = latest::<Mbp10>(publication, view.instrument.row)? {
                view.levels = r.levels.to_vec();
                (view.ts_recv, view.ts_event, view.sequence, view.position) = (r.ts_recv, r.hd.ts_event, r.sequence, position);
                flags = r.flags;
            }
        } else {
            view.levels = vec![BidAsk::EMPTY];
            if let Some((position, r)) = latest::<Mbp1>(publication, view.instrument.row)? {
                view.levels = r.levels.to_vec();
                (view.ts_recv, view.ts_event, view.sequence, view.position) = (r.ts_recv, r.hd.ts_event, r.sequence, position);
                flags = r.flags;
            }
        }
        // After the cell: a gap that was marked before the record was written is seen by whoever saw the record.
        let standing = publication.channels_table().standing(view.instrument.channel);
        (view.channel, view.since_ns) = (standing.state, standing.since_ns);
        if flags & flags::MAYBE_BAD_BOOK != 0 || standing.doubts(view.ts_recv) {
            view.state = BookState::MaybeBad;
        }
        Ok(view)
    }
}

/// The newest record of one schema at a row, and its position.
fn latest<R: Record>(publication: &Publication, row: u32) -> Result<Option<(u64, R)>, ShmError> {
    let ring = publication.ring(R::SCHEMA)?;
    let mut words = [0; MOST_WORDS];
    let record = words.get_mut(..size_of::<R>() / 8).unwrap_or_default();
    match ring.latest(row, record) {
        Ok(None) => Ok(None),
        Ok(Some(position)) => match R::read_from_prefix(words.as_bytes()) {
            Ok((record, _)) => Ok(Some((position, record))),
            Err(_) => Err(publication.corrupt(format!("the {} record at row {row} does not fit", R::SCHEMA.name()))),
        },
        Err(_) => Err(publication.corrupt(format!("the {} cell at row {row} is never whole", R::SCHEMA.name()))),
    }
}

/// Words of the longest record.
pub(crate) const MOST_WORDS: usize = size_of::<Definition>() / 8;

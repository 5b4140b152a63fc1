//! Where records go: a publication in shared memory, a tally, a test's memory.

use super::{Control, Record, Schema, Stage};

/// A row of the publication's instruments table; also the index of the instrument's board cells.
pub type Row = u32;

/// What a sink is told about an instrument before the first record of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Index into the publication's channel table.
    pub channel: u16,
    /// DBN publisher id.
    pub publisher_id: u16,
    /// The venue's id (stock locate, or synthetic).
    pub instrument_id: u32,
    /// Symbol as the feed writes it, left-justified, padded with spaces.
    pub symbol: [u8; 8],
    /// Round lot size in shares; 0 where not known.
    pub round_lot: u32,
}

/// State of a channel, told to look-ups by one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ChannelState {
    /// Nothing received yet.
    #[default]
    Idle = 0,
    /// Every message since the start or the last session was seen.
    Good = 1,
    /// Messages are missing and still expected.
    GapOpen = 2,
    /// Messages were lost, or joined late: books may be wrong until proven right.
    Stale = 3,
    /// The session ended.
    Ended = 4,
    /// Nothing was heard for longer than allowed.
    Silent = 5,
}

/// The instruments table has no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkFull;

/// Takes what a channel produces. Called on the hot path: implementations neither block nor allocate in
/// [`Sink::publish`], [`Sink::control`] and [`Sink::commit`].
pub trait Sink {
    /// Whether records of this schema are wanted at all; what nobody wants is not built.
    fn carries(&self, schema: Schema) -> bool;

    /// Announces an instrument; `None` means that it is filtered out and none of its records should come.
    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull>;

    /// Publishes one record of the instrument at `row`.
    fn publish<R: Record>(&mut self, row: Row, record: &R);

    /// Publishes one record of the whole venue: in the ring, on no board.
    fn publish_whole<R: Record>(&mut self, record: &R);

    /// Publishes a control record in every ring.
    fn control(&mut self, record: &Control);

    /// Sets the channel's state, before the first record that follows from it. `since_ns` is when it began.
    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64);

    /// The channel's messages were taken in up to this time of the venue, ns since 1970 UTC; all that follows from them has been published.
    fn watermark(&mut self, channel: u16, venue_ns: u64);

    /// Ends a batch: what was published may now be announced by cursors.
    fn commit(&mut self);

    /// From here on the datagram is in this stage. Only a sink that measures does anything with it; to all others it costs nothing.
    #[inline(always)]
    fn mark(&mut self, _stage: Stage) {}

    /// Starts a new epoch: an empty instruments table, empty boards, positions from 1.
    fn new_epoch(&mut self);
}

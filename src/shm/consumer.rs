//! Reading a publication: open it, look things up, subscribe to its rings.
//!
//! Opening maps the file read-only and checks its header once; from then on only the checked copy is used, and every
//! read is inside the mapping whatever the file says later. A reader registers nowhere and cannot slow the writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::book::BookView;
use super::cell::{self, Word};
use super::channels::{ChannelRow, ChannelsReader};
use super::counters;
use super::error::ShmError;
use super::instruments::{InstrumentRow, InstrumentsReader};
use super::latest::Latest;
use super::layout::{HEADER_BYTES, LINE, Layout, MAGIC, file_state, word};
use super::order_stream::OrderStream;
use super::records::{From, Records};
use super::region::{self, ReadRegion, ReadSpan};
use super::ring::{Parts, RingReader, Words};
use super::spec::check_name;
use super::symbols::Symbols;
use crate::record::{Record, Row, Schema, flags};

/// A publication, opened to be read. Cheap to clone; all clones show the same epoch.
#[derive(Clone, Debug)]
pub struct Publication(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    epoch: u64,
    created_ns: u64,
    pid: u64,
    region: Arc<ReadRegion>,
    layout: Layout,
    header: ReadSpan,
    instruments: InstrumentsReader,
    channels: ChannelsReader,
    counters: ReadSpan,
}

/// A ring of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingInfo {
    /// What travels in it.
    pub schema: Schema,
    /// How many records it holds.
    pub depth: u64,
    /// Bytes of a record.
    pub record_size: usize,
    /// Bytes of a slot.
    pub slot_size: usize,
    /// The last position announced, control records included. May lag behind the newest by a batch.
    pub position: u64,
}

/// How a publication's writer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterState {
    /// It runs (or stands still: look at the heartbeat).
    Alive,
    /// It ended and said so.
    Closed,
    /// It, or a later one, goes on in a new file of the same name.
    Replaced,
    /// It is gone without a word.
    Dead,
}

impl Publication {
    /// Opens the publication `name` in `dir`.
    pub fn open(dir: impl AsRef<Path>, name: &str) -> Result<Self, ShmError> {
        check_name(name)?;
        Self::open_file(dir.as_ref().join(name))
    }

    pub(crate) fn open_file(path: PathBuf) -> Result<Self, ShmError> {
        let file = ReadRegion::open_file(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => ShmError::NotFound { path: path.clone() },
            _ => ShmError::io("open", &path)(e),
        })?;
        let metadata = file.metadata().map_err(ShmError::io("examine", &path))?;
        let refuse = |why: String| ShmError::Refused { path: path.clone(), why };
        if !metadata.is_file() {
            return Err(refuse("it is not a file".into()));
        }
        let mut head = vec![0; HEADER_BYTES];
        let bytes = region::read_head(&file, &mut head).map_err(ShmError::io("read", &path))?;
        head.truncate(bytes);
        let layout = Layout::check(&head, metadata.len()).map_err(refuse)?;
        let length = usize::try_from(layout.bytes).map_err(|_| refuse("too large for this machine".into()))?;
        let region = Arc::new(ReadRegion::map(file, length).map_err(ShmError::io("map", &path))?);
        let part = |at, words| region.span(at, words).ok_or_else(|| refuse("a section is outside the file".into()));
        let header = part(0, HEADER_BYTES / 8)?;
        let instruments = part(layout.instruments.at(), layout.instruments.words())?;
        let channels = part(layout.channels.at(), layout.channels.words())?;
        let counters = part(layout.counters.at(), layout.counters.words())?;
        Ok(Self(Arc::new(Opened {
            epoch: load(&header, word::EPOCH),
            created_ns: load(&header, word::CREATED_NS),
            pid: load(&header, word::PID),
            instruments: InstrumentsReader::new(instruments, layout.instruments.count),
            channels: ChannelsReader::new(channels),
            counters,
            header,
            path,
            region,
            layout,
        })))
    }

    /// Names of the publications in `dir`, sorted; whether this version can read them shows when they are opened.
    pub fn names(dir: impl AsRef<Path>) -> Result<Vec<String>, ShmError> {
        let dir = dir.as_ref();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(ShmError::io("list", dir))? {
            let entry = entry.map_err(ShmError::io("list", dir))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if check_name(&name).is_ok() && is_magic(&entry.path()) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Opens what its name leads to now: the newest epoch.
    pub fn reopen(&self) -> Result<Self, ShmError> {
        Self::open_file(self.0.path.clone())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Number of the epoch: a new trading session or a restarted writer begins a larger one, in a new file.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// When the epoch began, ns since 1970 UTC.
    pub fn created_ns(&self) -> u64 {
        self.0.created_ns
    }

    /// Process id of the writer, in its own process namespace.
    pub fn writer_pid(&self) -> u64 {
        self.0.pid
    }

    /// The writer's last heartbeat, ns since 1970 UTC.
    pub fn heartbeat_ns(&self) -> u64 {
        load(&self.0.header, word::HEARTBEAT_NS)
    }

    /// How the writer is. Up to two system calls.
    pub fn writer(&self) -> Result<WriterState, ShmError> {
        let io = |e| ShmError::io("examine", &self.0.path)(e);
        let told = match load(&self.0.header, word::STATE) {
            file_state::CLOSED => Some(WriterState::Closed),
            file_state::REPLACED => Some(WriterState::Replaced),
            _ => None,
        };
        // What was written before that word is visible from here on.
        cell::acquire();
        match told {
            Some(state) => Ok(state),
            None if !self.0.region.is_linked().map_err(io)? => Ok(WriterState::Replaced),
            None if !self.0.region.is_locked().map_err(io)? => Ok(WriterState::Dead),
            None => Ok(WriterState::Alive),
        }
    }

    /// Whether the writer has said that this epoch is over. One load.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        load(&self.0.header, word::STATE) != file_state::LIVE
    }

    /// Its rings.
    pub fn rings(&self) -> Vec<RingInfo> {
        let info = |ring: &super::layout::RingSections| RingInfo {
            schema: ring.schema,
            depth: ring.ring.count,
            record_size: ring.schema.record_size(),
            slot_size: ring.schema.slot_size(),
            position: self.ring(ring.schema).map_or(0, |ring| ring.cursor()),
        };
        self.0.layout.rings.iter().map(info).collect()
    }

    /// Whether it has a ring of that schema.
    pub fn carries(&self, schema: Schema) -> bool {
        self.0.layout.rings.iter().any(|ring| ring.schema == schema)
    }

    /// Reads a ring, record by record. `R` says which.
    pub fn subscribe<R: Record>(&self, from: From) -> Result<Records<R>, ShmError> {
        Records::new(self.clone(), from, false)
    }

    /// The same, and the writer waits for this reader: only where its publication has gates, that is, for replays.
    pub fn subscribe_gated<R: Record>(&self, from: From) -> Result<Records<R>, ShmError> {
        Records::new(self.clone(), from, true)
    }

    /// Follows the orders: books order by order from now on, started from the newest image, or from the beginning where the `mbo` ring still
    /// has it. [`ShmError::NoImage`] if neither can be had: the orders that rest are then not known to anybody but the writer.
    pub fn orders(&self) -> Result<OrderStream, ShmError> {
        OrderStream::new(self.clone(), false, false)
    }

    /// The same, but where neither can be had it does not refuse: it begins with [`OrderItem::Waiting`](super::OrderItem::Waiting), and goes
    /// on with the next image or the next epoch.
    pub fn orders_when_ready(&self) -> Result<OrderStream, ShmError> {
        OrderStream::new(self.clone(), false, true)
    }

    /// As [`Publication::orders`], and the writer waits for this reader: only where its publication has gates, that is, for replays.
    pub fn orders_gated(&self) -> Result<OrderStream, ShmError> {
        OrderStream::new(self.clone(), true, false)
    }

    /// The newest record of every instrument, each time it is asked: for readers that need the state and not each message.
    pub fn latest<R: Record>(&self) -> Result<Latest<R>, ShmError> {
        Latest::new(self.clone())
    }

    /// The instruments announced so far, in the order of their rows.
    pub fn instruments(&self) -> impl Iterator<Item = InstrumentRow> + '_ {
        (0..self.0.instruments.count()).filter_map(|row| self.0.instruments.row(row))
    }

    /// How many instruments there are so far.
    pub fn instrument_count(&self) -> u32 {
        self.0.instruments.count()
    }

    /// How many instruments there is room for.
    pub fn instrument_room(&self) -> u32 {
        self.0.instruments.room()
    }

    /// One row of the instruments table.
    pub fn instrument(&self, row: Row) -> Option<InstrumentRow> {
        (row < self.0.instruments.count()).then(|| self.0.instruments.row(row)).flatten()
    }

    /// The first instrument of that symbol, written as the feed does but without padding.
    pub fn find(&self, symbol: &str) -> Option<InstrumentRow> {
        self.0.instruments.find(symbol)
    }

    /// Names for the ids in records, kept up as instruments are announced.
    pub fn symbols(&self) -> Symbols {
        Symbols::new(self.clone())
    }

    /// The newest price levels of an instrument: ten if there is an `mbp-10` ring, else the best.
    pub fn book(&self, symbol: &str) -> Result<BookView, ShmError> {
        let no_symbol = || ShmError::NoSymbol { path: self.0.path.clone(), symbol: symbol.to_owned() };
        BookView::look_up(self, self.find(symbol).ok_or_else(no_symbol)?)
    }

    /// The same by row.
    pub fn book_at(&self, row: Row) -> Result<BookView, ShmError> {
        let no_row = || ShmError::NoSymbol { path: self.0.path.clone(), symbol: format!("at row {row}") };
        BookView::look_up(self, self.instrument(row).ok_or_else(no_row)?)
    }

    /// The channels and their states.
    pub fn channel_states(&self) -> Vec<ChannelRow> {
        self.0.channels.rows()
    }

    /// Venue time up to which a channel's messages were taken in, ns since 1970 UTC; 0: none yet. What follows from those messages is in
    /// the rings already: read a ring until it is [`Item::Idle`](super::Item::Idle) after this call, and all of it has been seen.
    pub fn watermark_ns(&self, channel: u16) -> u64 {
        self.0.channels.watermark(channel)
    }

    /// The counters by name, as of the lane's last chore.
    pub fn counters(&self) -> Vec<(String, u64)> {
        counters::read(&self.0.counters)
    }

    pub(crate) fn instruments_table(&self) -> &InstrumentsReader {
        &self.0.instruments
    }

    pub(crate) fn channels_table(&self) -> &ChannelsReader {
        &self.0.channels
    }

    pub(crate) fn ring(&self, schema: Schema) -> Result<RingReader<ReadSpan>, ShmError> {
        let rings = &self.0.layout.rings;
        let no_ring = || ShmError::NoRing { path: self.0.path.clone(), schema, has: rings.iter().map(|ring| ring.schema).collect() };
        let ring = rings.iter().find(|ring| ring.schema == schema).ok_or_else(no_ring)?;
        let head = LINE / 8;
        let part = |at, words| self.0.region.span(at, words).ok_or_else(|| self.corrupt("a section is outside the file".into()));
        Ok(RingReader::new(Parts {
            cursor: part(ring.ring.at(), 1)?,
            slots: part(ring.ring.at() + head, ring.ring.words() - head)?,
            cells: part(ring.board.at(), ring.board.words())?,
            slot_words: schema.slot_size() / 8,
        }))
    }

    /// Whether the last record of an instrument may be wrong: by its own flag, or because its channel has a gap since. Ask after the record was read.
    pub(crate) fn doubts<R: Record>(&self, row: Row, record: &R) -> bool {
        let standing = self.0.channels.standing(self.0.instruments.channel(row));
        record.flags() & flags::MAYBE_BAD_BOOK != 0 || standing.doubts(record.ts_recv())
    }

    /// The writer is gone, and a slot claims what it can never have announced.
    pub(crate) fn beyond_cursor(&self, schema: Schema, position: u64) -> ShmError {
        let name = schema.name();
        self.corrupt(format!("the slot of position {position} of the {name} ring is stamped far beyond the cursor, and the writer is gone"))
    }

    pub(crate) fn corrupt(&self, why: String) -> ShmError {
        ShmError::Corrupt { path: self.0.path.clone(), why }
    }
}

fn is_magic(path: &Path) -> bool {
    let mut magic = [0; 8];
    let read = |file| region::read_head(&file, &mut magic);
    ReadRegion::open_file(path).and_then(read).is_ok() && u64::from_le_bytes(magic) == MAGIC
}

fn load(header: &ReadSpan, at: usize) -> u64 {
    header.words().get(at).map_or(0, |word| word.load(Ordering::Relaxed))
}

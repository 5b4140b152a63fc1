//! One computed publication: its source's rings in, its own rings out, turn by turn.
//!
//! Epochs follow the source's. The two rings of the source are read independently, so the one that meets the new epoch first waits for
//! the other: nothing of the old epoch is left unread when the new one begins. A reader that is lapped goes on from the board: bars in
//! progress are marked and a gap is told, signals are shown as of the board.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use zerocopy::FromZeros;

use super::bars::{Bars, BarsConfig, Closed};
use super::clock::Window;
use super::counters::Counters;
use super::output::{OF_BOOK, OF_VENUE, Output};
use super::signals::{BookRecord, Signals};
use super::source::Source;
use crate::record::{Control, Header, Mbp1, Mbp10, Record, Schema, Sink, Venue, control};
use crate::shm::{From, Item, Publication, PublicationSpec, Publisher, Records, ShmError};

/// Records of a ring that are read before the other ring has its turn.
const BUDGET: usize = 4_096;
/// How long a turn that found nothing waits for the next: short against a second's bar, long against the core it shares.
const NAP: Duration = Duration::from_micros(500);

/// What is to be computed, and where it goes.
#[derive(Clone, Debug)]
pub struct ComputeConfig {
    /// The computed publication. Its channels must be those of the source; its rings say what is computed; its counters are
    /// [`Counters::NAMES`].
    pub spec: PublicationSpec,
    /// Levels of the signals' size imbalance, 1 to 10.
    pub signal_levels: u8,
    /// How long trades count in the signals' flow imbalance, ns of the venue's time.
    pub flow_window_ns: u64,
    /// How many trades are remembered for breaks: about 100 bytes each.
    pub remembered_trades: usize,
}

impl ComputeConfig {
    /// What a busy venue trades in an hour or so; about 100 MiB when full.
    pub const REMEMBERED_TRADES: usize = 1 << 20;
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There was something, and there may be more.
    Busy,
    /// There was nothing more.
    Idle,
    /// The source has ended, and all of it was read.
    End,
}

/// Reads one publication and writes the one that is computed from it.
#[derive(Debug)]
pub struct Computing {
    source: Source,
    venue: Option<Subscription<Venue>>,
    book: Option<Book>,
    output: Output,
    bars: Bars,
    signals: Signals,
    watermarks: Vec<u64>,
    /// A file for the next epoch is to be prepared as soon as there is time.
    wants_spare: bool,
}

/// A ring of the source, and whether it has ended.
#[derive(Debug)]
struct Subscription<R> {
    records: Records<R>,
    ended: bool,
    /// Receive time of the last thing read, for what is told of a loss.
    ts_recv: u64,
}

/// The ring that signals are computed from.
#[derive(Debug)]
enum Book {
    Ten(Subscription<Mbp10>),
    One(Subscription<Mbp1>),
}

impl Computing {
    /// Creates the computed publication and subscribes to the source, from its oldest record on. `gated`: the source waits for this
    /// reader (a replay's).
    pub fn new(source: Publication, config: &ComputeConfig, gated: bool) -> Result<Self, ShmError> {
        let carries = |schema: Schema| config.spec.rings.iter().any(|ring| ring.schema == schema);
        let venue = if OF_VENUE.into_iter().any(carries) { Some(Subscription::new(&source, gated)?) } else { None };
        let book = match OF_BOOK.into_iter().any(carries) {
            false => None,
            true if source.carries(Schema::Mbp10) => Some(Book::Ten(Subscription::new(&source, gated)?)),
            true => Some(Book::One(Subscription::new(&source, gated)?)),
        };
        let bars = BarsConfig {
            channels: config.spec.channels.len(),
            instruments: source.instrument_room(),
            // A vwap ring tells all four.
            windows: Window::ALL.map(|window| carries(window.schema()) || carries(Schema::Vwap)),
            remembered_trades: config.remembered_trades,
        };
        Ok(Self {
            signals: Signals::new(config.signal_levels, config.flow_window_ns, bars.instruments),
            watermarks: vec![0; bars.channels],
            bars: Bars::new(&bars),
            source: Source::new(source),
            venue,
            book,
            output: Output::new(Publisher::create(&config.spec)?),
            wants_spare: true,
        })
    }

    /// How many rings of a source are read for these: as many gates are needed.
    pub fn rings_read(computed: &[Schema]) -> usize {
        let any = |of: &[Schema]| usize::from(computed.iter().any(|schema| of.contains(schema)));
        any(&OF_VENUE) + any(&OF_BOOK)
    }

    /// The computed publication's writer.
    pub fn publisher(&self) -> &Publisher {
        &self.output.publisher
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        Counters { flow_refused: self.signals.refused(), ..*self.bars.counters() }
    }

    /// Prepares the file of the next epoch, which takes its time.
    pub fn prepare_epoch(&mut self) -> Result<(), ShmError> {
        self.wants_spare = false;
        self.output.publisher.spare().prepare().map(|_| ())
    }

    /// Until the source ends or `stop` says so; then closes every window. Shares its core with others: sleeps when there is nothing.
    /// `alive` is called every turn, to give the computed publication its heartbeat: no clock is read here.
    pub fn run(mut self, stop: &AtomicBool, mut alive: impl FnMut(&Publisher)) -> Result<Finished, ShmError> {
        loop {
            let turn = self.turn(stop)?;
            alive(&self.output.publisher);
            match turn {
                Turn::End => break,
                _ if stop.load(Ordering::Relaxed) => break,
                Turn::Busy => {}
                Turn::Idle if self.wants_spare => {
                    // Where there is no room for one, the next epoch will say so.
                    let _ = self.prepare_epoch();
                }
                Turn::Idle => std::thread::sleep(NAP),
            }
        }
        Ok(self.finish(stop))
    }

    /// Closes every window and tells it; the publication is still open.
    pub fn finish(mut self, stop: &AtomicBool) -> Finished {
        self.close_windows(stop);
        self.source.mirror_states(&mut self.output);
        self.tell();
        Finished { counters: self.counters(), publisher: self.output.publisher }
    }

    /// Reads what there is, up to a bound. Never waits, but for readers at the computed publication's gates.
    pub fn turn(&mut self, stop: &AtomicBool) -> Result<Turn, ShmError> {
        self.mirror_instruments();
        self.source.mirror_states(&mut self.output);
        // Loaded before the ring is read: when it is idle after that, everything up to here has been seen.
        for (channel, watermark) in self.watermarks.iter_mut().enumerate() {
            *watermark = self.source.publication.watermark_ns(channel as u16);
        }
        let venue = self.turn_venue(stop)?;
        let book = match self.book.take() {
            None => Turn::End,
            Some(Book::Ten(mut ring)) => {
                let turn = self.turn_book(&mut ring, stop);
                self.book = Some(Book::Ten(ring));
                turn?
            }
            Some(Book::One(mut ring)) => {
                let turn = self.turn_book(&mut ring, stop);
                self.book = Some(Book::One(ring));
                turn?
            }
        };
        self.tell();
        match (venue, book) {
            (Turn::End, Turn::End) => match self.next_epoch() {
                Some(next) => self.begin_epoch(next, stop).map(|()| Turn::Busy),
                None => Ok(Turn::End),
            },
            (Turn::Busy, _) | (_, Turn::Busy) => Ok(Turn::Busy),
            _ => Ok(Turn::Idle),
        }
    }

    /// `End`: this epoch has been read.
    fn turn_venue(&mut self, stop: &AtomicBool) -> Result<Turn, ShmError> {
        let Some(mut ring) = self.venue.take() else { return Ok(Turn::End) };
        let turn = self.read_venue(&mut ring, stop);
        self.venue = Some(ring);
        turn
    }

    fn read_venue(&mut self, ring: &mut Subscription<Venue>, stop: &AtomicBool) -> Result<Turn, ShmError> {
        for _ in 0..BUDGET {
            if ring.is_beyond(&self.source) {
                return Ok(Turn::End);
            }
            match ring.records.next()? {
                Item::Record(record) => {
                    ring.ts_recv = record.ts_recv;
                    if self.source.has_news() {
                        self.mirror_instruments();
                    }
                    let Self { source, bars, output, .. } = self;
                    let Some(row) = source.row_of(&record.hd) else {
                        // Of the whole venue there are records without an instrument.
                        bars.counters_mut().unknown_instrument += u64::from(record.hd.instrument_id != 0);
                        continue;
                    };
                    let channel = source.at(row).map_or(u16::MAX, |instrument| instrument.channel);
                    bars.record(row, channel, record, &mut |closed| publish(source, output, closed, stop));
                }
                Item::Control(record) => {
                    ring.ts_recv = record.ts_recv;
                    let Self { source, bars, output, .. } = self;
                    bars.control(record, &mut |closed| publish(source, output, closed, stop));
                    output.control(&OF_VENUE, record, stop);
                }
                Item::Lost(records) => {
                    self.bars.missed();
                    self.bars.counters_mut().lapped_venue += records;
                    self.tell_loss(&OF_VENUE, ring.ts_recv, stop);
                }
                // What has been traded already is in the bars, or lost; a state tells nothing of either.
                Item::Board { .. } | Item::NewEpoch | Item::WriterDead => {}
                Item::Idle => {
                    let Self { source, bars, output, watermarks, .. } = self;
                    for (channel, &watermark) in watermarks.iter().enumerate() {
                        bars.watermark(channel as u16, watermark, &mut |closed| publish(source, output, closed, stop));
                        output.publisher.watermark(channel as u16, watermark);
                    }
                    return Ok(Turn::Idle);
                }
                Item::End => ring.ended = true,
            }
        }
        Ok(Turn::Busy)
    }

    fn turn_book<R: BookRecord>(&mut self, ring: &mut Subscription<R>, stop: &AtomicBool) -> Result<Turn, ShmError> {
        for _ in 0..BUDGET {
            if ring.is_beyond(&self.source) {
                return Ok(Turn::End);
            }
            match ring.records.next()? {
                Item::Record(record) => {
                    ring.ts_recv = record.ts_recv();
                    if self.source.has_news() {
                        self.mirror_instruments();
                    }
                    let Some(row) = self.source.row_of(record.header()) else {
                        self.bars.counters_mut().unknown_instrument += 1;
                        continue;
                    };
                    let signal = self.signals.record(row, record);
                    if let (Some(signal), Some(to)) = (signal, self.source.at(row).and_then(|instrument| instrument.row)) {
                        self.output.publish(to, &signal, stop);
                    }
                }
                Item::Board { record, row, maybe_bad } => {
                    let signal = self.signals.state(row, record, maybe_bad);
                    if let Some(to) = self.source.at(row).and_then(|instrument| instrument.row) {
                        self.output.publish(to, &signal, stop);
                    }
                }
                Item::Control(record) => {
                    ring.ts_recv = record.ts_recv;
                    self.output.control(&OF_BOOK, record, stop);
                }
                Item::Lost(records) => {
                    self.signals.missed();
                    self.bars.counters_mut().lapped_book += records;
                    self.mirror_instruments();
                    self.tell_loss(&OF_BOOK, ring.ts_recv, stop);
                }
                Item::NewEpoch | Item::WriterDead => {}
                Item::Idle => return Ok(Turn::Idle),
                Item::End => ring.ended = true,
            }
        }
        Ok(Turn::Busy)
    }

    /// What was lost could have been of any instrument of any channel.
    fn tell_loss(&mut self, rings: &[Schema], ts_recv: u64, stop: &AtomicBool) {
        let channels = self.source.publication.channel_states();
        for (rtype, cause) in [(control::GAP_OPEN, control::cause::LAPPED), (control::GAP_CLOSED, control::cause::LOST)] {
            for channel in &channels {
                let hd =
                    Header { length: (size_of::<Control>() / 4) as u8, rtype, publisher_id: channel.publisher_id, ..Header::default() };
                let record = Control { hd, ts_recv, channel: channel.channel, cause, ..Control::new_zeroed() };
                self.output.control(rings, &record, stop);
            }
        }
    }

    fn mirror_instruments(&mut self) {
        let no_room = self.source.mirror_instruments(&mut self.output);
        self.bars.counters_mut().instruments_full += no_room;
    }

    fn close_windows(&mut self, stop: &AtomicBool) {
        let Self { source, bars, output, .. } = self;
        bars.end(&mut |closed| publish(source, output, closed, stop));
    }

    /// Announces what was published, and shows the counters.
    fn tell(&mut self) {
        for (index, value) in self.counters().values().enumerate() {
            self.output.publisher.set_counter(index, value);
        }
        self.output.publisher.commit();
    }

    /// The earliest epoch that a ring has gone over to; `None`: all have ended.
    fn next_epoch(&self) -> Option<Publication> {
        let venue = self.venue.as_ref().and_then(Subscription::epoch);
        let book = match &self.book {
            Some(Book::Ten(ring)) => ring.epoch(),
            Some(Book::One(ring)) => ring.epoch(),
            None => None,
        };
        venue.into_iter().chain(book).min_by_key(|publication| publication.epoch())
    }

    /// Everything of the old epoch has been read.
    fn begin_epoch(&mut self, next: Publication, stop: &AtomicBool) -> Result<(), ShmError> {
        self.close_windows(stop);
        self.bars.begin_epoch();
        self.bars.counters_mut().epochs += 1;
        self.signals.missed();
        self.output.new_epoch();
        if let Some(failure) = self.output.publisher.failure() {
            let name = self.output.publisher.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(ShmError::Spec { name, why: format!("no new epoch could be begun: {failure}") });
        }
        self.source = Source::new(next);
        self.wants_spare = true;
        Ok(())
    }
}

/// A computed publication that has been computed to its end.
#[derive(Debug)]
pub struct Finished {
    /// What was counted.
    pub counters: Counters,
    /// The publication, still open: close it with or without its file.
    pub publisher: Publisher,
}

impl<R: Record> Subscription<R> {
    fn new(source: &Publication, gated: bool) -> Result<Self, ShmError> {
        let records = if gated { source.subscribe_gated(From::Oldest) } else { source.subscribe(From::Oldest) }?;
        Ok(Self { records, ended: false, ts_recv: 0 })
    }

    /// Whether it has read all of the source's present epoch.
    fn is_beyond(&self, source: &Source) -> bool {
        self.ended || self.records.publication().epoch() != source.publication.epoch()
    }

    fn epoch(&self) -> Option<Publication> {
        (!self.ended).then(|| self.records.publication().clone())
    }
}

fn publish(source: &Source, output: &mut Output, closed: &Closed, stop: &AtomicBool) {
    if let Some(instrument) = source.at(closed.row)
        && let Some(row) = instrument.row
    {
        output.closed(row, instrument.ids, closed, stop);
    }
}

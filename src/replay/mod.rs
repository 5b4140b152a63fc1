//! A capture or day file through the very pipeline that runs live; the clock and the timers are the recording's.

mod computed;
mod drive;
mod files;
mod gated;
mod images;
mod outlets;
mod pace;
mod queue;
mod summary;

pub use drive::{Driven, through};
pub use files::ReplayFiles;
pub use pace::Speed;
pub use queue::Queued;
pub use summary::Summary;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::book::BooksCapacity;
use crate::channel::{Channel, ChannelConfig};
use crate::dbn_files::FilesSink;
use crate::error::{Error, Exit};
use crate::feed::arbiter::ArbiterConfig;
use crate::feed::name::FeedName;
use crate::journal::Journal;
use crate::lane::counters::{self, ShownLatency};
use crate::plan::schemas_of;
use crate::record::tally::Tally;
use crate::record::{Schema, Sink};
use crate::shm::{ChannelSpec, ImageNews, PublicationSpec, Publisher, RingSpec};
use crate::source::file::Recording;
use crate::source::lines::{LineKey, Lines};
use crate::source::{Polled, Source, SourceError};
use computed::Computed;
use drive::Drive;
use gated::Gated;
use images::Images;
use outlets::Outlets;
use pace::Pacer;

/// Lines a replay tells apart: what an arbiter takes.
const LINES: usize = 4;
/// Between updates of a publication's counters: what a lane does, too.
const COUNTERS_EVERY: Duration = Duration::from_millis(100);

/// What to replay, and how.
#[derive(Clone, Debug)]
pub struct ReplayConfig {
    /// The recording.
    pub file: PathBuf,
    /// What it speaks.
    pub feed: FeedName,
    /// Midnight of the venue's day, ns since 1970 UTC; `None`: from the capture's times (a day file has none: 1970-01-01).
    pub midnight_ns: Option<u64>,
    /// How fast.
    pub speed: Speed,
    /// Only these groups and ports; empty: the first four there are.
    pub lines: Vec<LineKey>,
    /// Where to publish, if anywhere.
    pub publish: Option<ReplayPublication>,
    /// Where to write DBN files, if anywhere.
    pub dbn: Option<ReplayFiles>,
    /// Room for orders and levels.
    pub capacity: BooksCapacity,
}

/// A publication fed by a replay.
#[derive(Clone, Debug)]
pub struct ReplayPublication {
    /// Where.
    pub dir: PathBuf,
    /// Its name.
    pub name: String,
    /// Slots of each ring.
    pub depth: u64,
    /// Gated readers to wait for before the first record; the replay then never laps one of them.
    pub gated_readers: usize,
    /// Leave the file in place when the replay ends, and its image if there is one.
    pub keep: bool,
    /// Write an order-level image after so many `mbo` records, and at the end; `None`: none.
    pub images_every: Option<u64>,
    /// Also compute windows and signals, and publish them under this name; the replay waits for the computing.
    pub windows: Option<String>,
}

impl ReplayPublication {
    /// Those at which a user's readers stand, and our own: no pace laps the writer of images or the computing of windows.
    fn gates(&self) -> usize {
        self.gated_readers + usize::from(self.images_every.is_some()) + computed::rings_read(self)
    }
}

/// What a replay tells while it runs.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes of the file read.
    pub read_bytes: u64,
    /// Bytes of the file.
    pub total_bytes: u64,
    /// Messages in sequence so far.
    pub messages: u64,
}

/// A replay that has come to its end, or was stopped.
pub struct Replayed {
    /// Counts of everything.
    pub summary: Summary,
    /// The channel with its final books.
    pub channel: Channel,
    /// What the user should know besides: a cut file, bytes behind its end.
    pub remarks: Vec<String>,
}

/// Runs a replay to its end, or until `stop` says so. `progress` is called about every 64 datagrams.
pub fn run(config: &ReplayConfig, stop: &dyn Fn() -> bool, progress: &mut dyn FnMut(Progress)) -> Result<Replayed, Error> {
    let (mut recording, channel) = open(config)?;
    config.dbn.as_ref().map_or(Ok(()), |dbn| dbn.look(config))?;
    let gated = config.publish.as_ref().map(|publication| publisher(publication, config)).transpose()?;
    let gated = gated.map(|publisher| Gated::new(publisher, stop));
    let images = config.publish.as_ref().and_then(|publication| Images::start(publication).transpose()).transpose()?;
    // Before the publisher in the order of dropping: it ends when the publication it reads has.
    let computed = config.publish.as_ref().map_or(Ok(None), |publication| Computed::start(publication, config.feed))?;
    let epoch = gated.as_ref().map(Gated::epoch);
    let files = config.dbn.as_ref().map(|dbn| dbn.sink(config, epoch)).transpose()?;
    let outlets = (gated.is_some() || files.is_some()).then_some(Outlets { gated, files });
    let mut run = Run {
        drive: Drive::new(channel),
        sink: Tally::new(outlets, schemas_of(config.feed)),
        pacer: Pacer::new(config.speed),
        news: images.as_ref().map(Images::news),
        images,
        image_told: 0,
        stop,
        shown: Instant::now(),
    };
    if let (Some(gated), Some(publication)) = (run.gated(), &config.publish) {
        gated.wait_for_readers(publication.gated_readers + usize::from(publication.images_every.is_some()), computed.as_ref());
    }
    let began = Instant::now();
    let unreadable = run.all(&mut recording, progress).err();
    let elapsed_ns = began.elapsed().as_nanos() as u64;
    run.drive.finish(&mut run.sink);
    if let Some(images) = run.images.take() {
        // Before the publication goes. What rests at the end is in the last image, which stays with the publication.
        let news = images.finish()?;
        run.announce(&news);
    }
    run.show_counters(&recording);
    // Files become whole whatever happened: up to there they are right.
    let files = run.sink.inner().and_then(|outlets| outlets.files.take()).map(FilesSink::close);
    let mut summary = run.drive.summary(&run.sink, &mut recording, elapsed_ns);
    if let (Some(gated), Some(publication)) = (run.sink.into_inner().and_then(|outlets| outlets.gated), &config.publish) {
        gated.close(publication.keep);
    }
    if let Some((whole, failure)) = files {
        if let Some(failure) = failure {
            return Err(files::unfinished(failure, &whole, config));
        }
        summary.add_files(&whole);
    }
    if let Some(error) = unreadable {
        return Err(error);
    }
    if let Some(computed) = computed {
        computed.finish(stop, &mut summary)?;
    }
    Ok(Replayed { summary, channel: run.drive.channel, remarks: remarks(config, &recording) })
}

/// The recording, and the channel it goes through.
fn open(config: &ReplayConfig) -> Result<(Recording, Channel), Error> {
    if config.lines.len() > LINES {
        let why = format!("{} lines were given, and a channel has at most {LINES}", config.lines.len());
        return Err(Error::new(Exit::Usage, "--line", why, "name the lines of one channel"));
    }
    let lines = if config.lines.is_empty() { Lines::learning(LINES) } else { Lines::new(&config.lines) };
    let recording = crate::source::file::open(&config.file, lines, Some(config.midnight_ns.unwrap_or(0))).map_err(unreadable)?;
    let channel_config = ChannelConfig {
        feed: config.feed,
        index: 0,
        arbiter: ArbiterConfig { lines: LINES, ..ArbiterConfig::default() },
        capacity: config.capacity,
        midnight_ns: if recording.synthetic() { Some(config.midnight_ns.unwrap_or(0)) } else { config.midnight_ns },
        bad_ts_recv: recording.synthetic(),
    };
    Ok((recording, Channel::new(&channel_config, Journal::new(1))))
}

struct Run<'a> {
    drive: Drive,
    sink: Tally<Outlets<'a>>,
    pacer: Pacer,
    images: Option<Images>,
    /// How they fare, also when their thread has ended.
    news: Option<ImageNews>,
    /// Number of the last image that readers were told of.
    image_told: u64,
    stop: &'a dyn Fn() -> bool,
    /// When the publication last showed counters.
    shown: Instant,
}

impl<'a> Run<'a> {
    fn gated(&mut self) -> Option<&mut Gated<'a>> {
        self.sink.inner().and_then(|outlets| outlets.gated.as_mut())
    }

    /// Whether the files cannot be written: what comes would be lost.
    fn is_in_vain(&mut self) -> bool {
        self.sink.inner().and_then(|outlets| outlets.files.as_ref()).is_some_and(|files| files.failure().is_some())
    }

    fn all(&mut self, recording: &mut Recording, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
        while let Some(next_ns) = recording.peek_ns().map_err(unreadable)? {
            if self.is_in_vain() {
                break;
            }
            let (stop, gated) = (self.stop, self.sink.inner().and_then(|outlets| outlets.gated.as_ref()));
            // Asked at least every 50 ms while it waits: also the publication's sign of life.
            let alive = || {
                gated.as_ref().inspect(|gated| gated.heartbeat());
                stop()
            };
            if alive() || !self.pacer.wait_for(next_ns, &alive) {
                break;
            }
            let until_ns = self.pacer.due_now(next_ns);
            let (drive, sink) = (&mut self.drive, &mut self.sink);
            let polled = recording.poll_until(until_ns, &mut |datagram| drive.datagram(&datagram, sink)).map_err(unreadable)?;
            self.announce_image();
            self.sink.commit();
            if self.shown.elapsed() >= COUNTERS_EVERY {
                self.show_counters(recording);
            }
            progress(self.drive.progress(recording));
            if polled == Polled::End {
                break;
            }
        }
        Ok(())
    }

    fn announce_image(&mut self) {
        if let Some(news) = self.images.as_ref().map(Images::news) {
            self.announce(&news);
        }
    }

    fn announce(&mut self, news: &ImageNews) {
        let epoch = self.gated().map_or(0, |gated| gated.epoch());
        if let Some(position) = news.take(&mut self.image_told, epoch) {
            self.sink.control(&ImageNews::control(position, self.drive.last_ns));
            self.sink.commit();
        }
    }

    fn show_counters(&mut self, recording: &Recording) {
        self.shown = Instant::now();
        if let Some(gated) = self.sink.inner().and_then(|outlets| outlets.gated.as_mut()) {
            let channels = std::iter::once(&self.drive.channel);
            counters::show(gated.publisher(), channels, recording.frames(), recording.drops(), &ShownLatency::default());
            counters::show_images(gated.publisher(), self.news.as_ref());
        }
    }
}

fn publisher(publication: &ReplayPublication, config: &ReplayConfig) -> Result<Publisher, Error> {
    let mut spec = PublicationSpec::new(&publication.dir, &publication.name);
    spec.rings = schemas_of(config.feed).iter().map(|&schema| RingSpec { schema, depth: depth(schema, publication.depth) }).collect();
    spec.channels = vec![ChannelSpec { name: config.feed.name().to_owned(), publisher_id: config.feed.publisher_id() }];
    // A row for every instrument the feed can name.
    spec.instruments = config.capacity.instruments.clamp(1, 1 << 16);
    spec.counters = counters::names();
    spec.gates = publication.gates();
    Publisher::create(&spec).map_err(Error::from)
}

/// A day has a few thousand of the rare ones, and slots of a definition are large.
fn depth(schema: Schema, wanted: u64) -> u64 {
    match schema {
        Schema::Imbalance | Schema::Statistics | Schema::Definition => wanted.min(1 << 15),
        _ => wanted,
    }
}

fn unreadable(error: SourceError) -> Error {
    Error::new(Exit::Input, error.what, error.why, error.cure)
}

fn remarks(config: &ReplayConfig, recording: &Recording) -> Vec<String> {
    let mut remarks = Vec::new();
    let file = Path::new(&config.file).display();
    if let Some(why) = recording.truncation() {
        remarks.push(format!("{file}: the last record is cut ({why}); everything complete was delivered"));
    }
    if recording.trailing_bytes() > 0 {
        remarks.push(format!("{file}: {} bytes behind the end mark were not read", recording.trailing_bytes()));
    }
    if recording.synthetic() && config.midnight_ns.is_none() {
        remarks.push(format!("{file}: a day file tells no date, and none was given: times are of 1970-01-01; say --date YYYY-MM-DD"));
    }
    if let Recording::Capture(capture) = recording
        && capture.lines().keys().iter().any(|key| key.group == Ipv4Addr::UNSPECIFIED)
    {
        remarks.push(format!("{file}: its frames have no destination address"));
    }
    remarks
}

//! A capture or day file through the very pipeline that runs live; the clock and the timers are the recording's.

mod pace;
mod summary;

pub use pace::Speed;
pub use summary::Summary;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::book::BooksCapacity;
use crate::channel::{Channel, ChannelConfig};
use crate::error::{Error, Exit};
use crate::feed::arbiter::ArbiterConfig;
use crate::feed::name::FeedName;
use crate::journal::Journal;
use crate::plan::schemas_of;
use crate::record::Sink;
use crate::record::tally::Tally;
use crate::shm::{ChannelSpec, PublicationSpec, Publisher, RingSpec};
use crate::source::file::Recording;
use crate::source::lines::{LineKey, Lines};
use crate::source::{Datagram, Polled, SourceError};
use pace::Pacer;

/// Lines a replay tells apart: what an arbiter takes.
const LINES: usize = 4;
/// The smallest message that makes records makes three of 31 + 2 bytes: no datagram makes more records than its bytes over this.
const BYTES_PER_RECORD: usize = 11;

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
    /// Leave the file in place when the replay ends.
    pub keep: bool,
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
    let lines = if config.lines.is_empty() { Lines::learning(LINES) } else { Lines::new(&config.lines) };
    let mut recording = crate::source::file::open(&config.file, lines, Some(config.midnight_ns.unwrap_or(0))).map_err(unreadable)?;
    let channel_config = ChannelConfig {
        feed: config.feed,
        index: 0,
        arbiter: ArbiterConfig { lines: LINES, ..ArbiterConfig::default() },
        capacity: config.capacity,
        midnight_ns: if recording.synthetic() { Some(config.midnight_ns.unwrap_or(0)) } else { config.midnight_ns },
        bad_ts_recv: recording.synthetic(),
    };
    let publisher = config.publish.as_ref().map(|publication| publisher(publication, config)).transpose()?;
    let mut run = Run {
        channel: Channel::new(&channel_config, Journal::new(1)),
        sink: Tally::new(publisher, schemas_of(config.feed)),
        pacer: Pacer::new(config.speed),
        stop,
        last_ns: 0,
        datagrams: 0,
    };
    if let Some(publication) = &config.publish {
        run.wait_for_readers(publication.gated_readers);
    }
    let began = Instant::now();
    run.all(&mut recording, progress)?;
    let elapsed_ns = began.elapsed().as_nanos() as u64;
    let Run { mut channel, mut sink, last_ns, datagrams, .. } = run;
    channel.finish(last_ns, &mut sink);
    channel.close(last_ns, &mut sink);
    sink.commit();
    let summary = Summary::new(&channel, &sink, &recording, datagrams, elapsed_ns);
    if let (Some(publisher), Some(publication)) = (sink.into_inner(), &config.publish) {
        publisher.close(publication.keep);
    }
    Ok(Replayed { summary, channel, remarks: remarks(config, &recording) })
}

struct Run<'a> {
    channel: Channel,
    sink: Tally<Publisher>,
    pacer: Pacer,
    stop: &'a dyn Fn() -> bool,
    last_ns: u64,
    datagrams: u64,
}

impl Run<'_> {
    fn all(&mut self, recording: &mut Recording, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
        while let Some(next_ns) = recording.peek_ns().map_err(unreadable)? {
            if !self.pacer.wait_for(next_ns, self.stop) || (self.stop)() {
                break;
            }
            let until_ns = self.pacer.due_now(next_ns);
            let polled = recording.poll_until(until_ns, &mut |datagram| self.datagram(&datagram)).map_err(unreadable)?;
            self.sink.commit();
            let read = recording.progress();
            progress(Progress { read_bytes: read.read, total_bytes: read.total, messages: self.channel.arbiter().messages });
            if polled == Polled::End {
                break;
            }
        }
        Ok(())
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) {
        self.datagrams += 1;
        // Timers that were due before this datagram run first, at their own time.
        while let Some(deadline_ns) = self.channel.deadline_ns().filter(|&deadline_ns| deadline_ns <= datagram.recv_ns) {
            self.channel.on_time(deadline_ns, &mut self.sink);
        }
        self.last_ns = self.last_ns.max(datagram.recv_ns);
        self.make_room(datagram.payload.len());
        let line = (datagram.line as usize).min(LINES - 1) as u8;
        self.channel.on_datagram(line, datagram.recv_ns, datagram.payload, &mut self.sink);
        // With one channel there is nobody else to announce.
        self.channel.take_began_epoch();
    }

    /// Waits until the slowest gated reader has left room for what the datagram, and what it may release, can become.
    fn make_room(&mut self, payload_bytes: usize) {
        let held_bytes = self.channel.held_bytes();
        let Some(publisher) = self.sink.inner() else { return };
        let records = ((payload_bytes + held_bytes) / BYTES_PER_RECORD + 64) as u64;
        if publisher.has_room(records) {
            return;
        }
        publisher.commit();
        while !publisher.has_room(records) && !(self.stop)() {
            publisher.heartbeat(crate::sys::tsc::realtime_ns());
            std::thread::sleep(std::time::Duration::from_micros(50));
        }
    }

    fn wait_for_readers(&mut self, readers: usize) {
        let Some(publisher) = self.sink.inner() else { return };
        while publisher.gates().is_some_and(|gates| gates.readers() < readers) && !(self.stop)() {
            publisher.heartbeat(crate::sys::tsc::realtime_ns());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

fn publisher(publication: &ReplayPublication, config: &ReplayConfig) -> Result<Publisher, Error> {
    let mut spec = PublicationSpec::new(&publication.dir, &publication.name);
    spec.rings = schemas_of(config.feed).iter().map(|&schema| RingSpec { schema, depth: publication.depth }).collect();
    spec.channels = vec![ChannelSpec { name: config.feed.name().to_owned(), publisher_id: config.feed.publisher_id() }];
    spec.instruments = 1 << 15;
    spec.gates = publication.gated_readers;
    Publisher::create(&spec).map_err(Error::from)
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

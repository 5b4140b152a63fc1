//! One channel driven by a recording: its datagrams, and before each the timers that were due.

use std::time::Instant;

use super::{Progress, ReplayConfig, Summary, open, remarks, unreadable};
use crate::channel::Channel;
use crate::error::Error;
use crate::record::Sink;
use crate::record::tally::Tally;
use crate::source::file::Recording;
use crate::source::{Datagram, Polled};

/// A channel on the recording's clock.
pub(super) struct Drive {
    pub channel: Channel,
    pub last_ns: u64,
    datagrams: u64,
}

impl Drive {
    pub fn new(channel: Channel) -> Self {
        Self { channel, last_ns: 0, datagrams: 0 }
    }

    pub fn datagram(&mut self, datagram: &Datagram<'_>, sink: &mut impl Sink) {
        self.datagrams += 1;
        // Timers that were due before this datagram run first, at their own time.
        let mut done_ns = None;
        while let Some(deadline_ns) = self.channel.deadline_ns().filter(|&deadline_ns| deadline_ns <= datagram.recv_ns) {
            // One that stays due although it ran is not waited for: a capture's times may be anything.
            if done_ns.replace(deadline_ns) == Some(deadline_ns) {
                break;
            }
            self.channel.on_time(deadline_ns, sink);
        }
        self.last_ns = self.last_ns.max(datagram.recv_ns);
        // A source with at most `LINES` lines has no larger index.
        let line = u8::try_from(datagram.line).unwrap_or(u8::MAX);
        self.channel.on_datagram(line, datagram.recv_ns, datagram.payload, sink);
        // With one channel there is nobody else to announce.
        self.channel.take_began_epoch();
    }

    /// Nothing more comes.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        self.channel.finish(self.last_ns, sink);
        self.channel.close(self.last_ns, sink);
        sink.commit();
    }

    pub fn progress(&self, recording: &Recording) -> Progress {
        let read = recording.progress();
        Progress { read_bytes: read.read, total_bytes: read.total, messages: self.channel.arbiter().messages }
    }

    pub fn summary<S: Sink>(&self, sink: &Tally<S>, recording: &mut Recording, elapsed_ns: u64) -> Summary {
        let mut summary = Summary::new(&self.channel, sink, recording, self.datagrams, elapsed_ns);
        summary.stopped = recording.peek_ns().is_ok_and(|next| next.is_some());
        summary
    }
}

/// A recording that has gone through the pipeline into somebody's own sink.
pub struct Driven {
    /// Counts of everything.
    pub summary: Summary,
    /// What the user should know besides: a cut file, bytes behind its end.
    pub remarks: Vec<String>,
}

/// Runs a recording as fast as it goes into `sink`, to its end or until `stop` says so; the configuration's speed and publication are
/// not looked at. The pipeline builds the records that the tally was made for, and no others. `progress` is called about every 64 datagrams.
pub fn through<S: Sink>(
    config: &ReplayConfig,
    sink: &mut Tally<S>,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Driven, Error> {
    let (mut recording, channel) = open(config)?;
    let mut drive = Drive::new(channel);
    let began = Instant::now();
    while !stop() && recording.peek_ns().map_err(unreadable)?.is_some() {
        let polled = recording.poll_until(u64::MAX, &mut |datagram| drive.datagram(&datagram, sink)).map_err(unreadable)?;
        sink.commit();
        progress(drive.progress(&recording));
        if polled == Polled::End {
            break;
        }
    }
    drive.finish(sink);
    let summary = drive.summary(sink, &mut recording, began.elapsed().as_nanos() as u64);
    Ok(Driven { summary, remarks: remarks(config, &recording) })
}

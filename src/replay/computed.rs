//! Windows and signals of a replay: the same thread that computes them live, at a gate, so that nothing is lost on the way to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{ReplayPublication, Summary};
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::record::Schema;
use crate::shm::{ChannelSpec, Gates, Publication, PublicationSpec, RingSpec, ShmError};
use crate::sys::tsc;
use crate::windows::{ComputeConfig, Computing, Counters, Finished};

/// What the configuration's defaults are, too.
const SIGNAL_LEVELS: u8 = 5;
const FLOW_WINDOW_NS: u64 = 1_000_000_000;
/// Readers of what is computed that can stand at a gate.
const GATES: usize = 16;

/// The thread, and what is known of it from here.
pub(super) struct Computed {
    thread: Option<JoinHandle<Result<Finished, ShmError>>>,
    stop: Arc<AtomicBool>,
    readers: Arc<AtomicUsize>,
    keep: bool,
}

/// Rings of a replay's publication that are read for its windows: each needs a gate.
pub(super) fn rings_read(publication: &ReplayPublication) -> usize {
    publication.windows.as_ref().map_or(0, |_| Computing::rings_read(&Schema::COMPUTED))
}

impl Computed {
    /// Starts it if the replay wants one; its source is there already. Declared before the publisher that it reads, it is dropped after it.
    pub fn start(publication: &ReplayPublication, feed: FeedName) -> Result<Option<Self>, Error> {
        let Some(name) = &publication.windows else { return Ok(None) };
        let source = Publication::open(&publication.dir, &publication.name)?;
        let mut spec = PublicationSpec::new(&publication.dir, name);
        spec.rings = Schema::COMPUTED.iter().map(|&schema| RingSpec { schema, depth: publication.depth }).collect();
        spec.channels = vec![ChannelSpec { name: feed.name().to_owned(), publisher_id: feed.publisher_id() }];
        spec.instruments = source.instrument_room();
        spec.counters = Counters::NAMES.iter().map(|&name| name.to_owned()).collect();
        spec.gates = GATES;
        let config = ComputeConfig {
            spec,
            signal_levels: SIGNAL_LEVELS,
            flow_window_ns: FLOW_WINDOW_NS,
            remembered_trades: ComputeConfig::REMEMBERED_TRADES,
        };
        let computing = Computing::new(source, &config, true)?;
        let (stop, readers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (told_stop, shown_readers) = (stop.clone(), readers.clone());
        let life = move || {
            computing.run(&told_stop, |publisher| {
                publisher.heartbeat(tsc::realtime_ns());
                shown_readers.store(publisher.gates().map_or(0, Gates::readers), Ordering::Relaxed);
            })
        };
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(life)
            .map_err(|error| Error::new(Exit::Host, "cannot start a thread", error, "raise LimitNPROC or free memory"))?;
        Ok(Some(Self { thread: Some(thread), stop, readers, keep: publication.keep }))
    }

    /// Readers at the gates of what is computed.
    pub fn readers(&self) -> usize {
        self.readers.load(Ordering::Relaxed)
    }

    /// Gates of the replay's own publication that it stands at.
    pub fn rings_read(&self) -> usize {
        Computing::rings_read(&Schema::COMPUTED)
    }

    /// It has ended, while its source has not.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Its source has ended: waits until all of it is computed, or for `stop`, and adds what came of it.
    pub fn finish(mut self, stop: &dyn Fn() -> bool, summary: &mut Summary) -> Result<(), Error> {
        while !self.has_ended() {
            if stop() {
                self.stop.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let Some(outcome) = self.join() else { return Ok(()) };
        let Finished { counters, publisher } = outcome?;
        for schema in Schema::COMPUTED {
            summary.records_by_schema.insert(schema.name(), publisher.records(schema));
        }
        summary.windows = Counters::NAMES.iter().copied().zip(counters.values()).filter(|&(_, value)| value > 0).collect();
        publisher.close(self.keep);
        Ok(())
    }

    fn join(&mut self) -> Option<Result<Finished, Error>> {
        let joined = self.thread.take()?.join();
        let broken =
            |_| Error::new(Exit::Failed, "computing windows", "a broken invariant of our own", "please report it with the message above");
        Some(joined.map_err(broken).and_then(|outcome| outcome.map_err(Error::from)))
    }
}

impl Drop for Computed {
    /// A replay that failed: its publication has ended, or will not be waited for.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.join();
    }
}

//! The files of one ring on a thread of their own: compressing takes longer than all of the path. In order, bounded, waited for: nothing is lost.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::ring_files::RingFiles;
use super::whole::WholeFile;
use crate::error::{Error, Exit};
use crate::record::Record;

/// Bytes of records handed over at once, and how many times that may wait.
const BATCH_BYTES: usize = 1 << 20;
const WAITING: usize = 4;

/// Records and their positions.
#[derive(Default)]
struct Batch {
    positions: Vec<u64>,
    records: Vec<u8>,
}

enum Deed {
    Records(Batch),
    Announce { publisher_id: u16, instrument_id: u32, symbol: [u8; 8] },
    Pass(u64),
    Epoch(u64),
}

/// The near end of the thread.
pub(super) struct RingThread {
    batch: Batch,
    deeds: SyncSender<Deed>,
    /// Batches that were written, to be filled again.
    empty: Receiver<Batch>,
    thread: JoinHandle<Vec<WholeFile>>,
}

/// The first thing that went wrong, here or on any of the threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Arc<OnceLock<Error>>);

impl Failure {
    pub(super) fn note(&self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            // Later ones follow from it.
            let _ = self.0.set(error);
        }
    }

    pub(super) fn get(&self) -> Option<&Error> {
        self.0.get()
    }
}

impl RingThread {
    /// Hands the files over to a thread that takes records of type `R`.
    pub(super) fn start<R: Record>(mut files: RingFiles, failure: &Failure) -> Result<Self, Error> {
        let (deeds, to_do) = sync_channel(WAITING);
        let (done, empty) = sync_channel(WAITING + 1);
        let failure = failure.clone();
        let life = move || {
            while let Ok(deed) = to_do.recv() {
                match deed {
                    Deed::Records(mut batch) => {
                        for (position, record) in batch.positions.drain(..).zip(batch.records.chunks_exact(size_of::<R>())) {
                            if let Ok(record) = R::read_from_bytes(record) {
                                failure.note(files.push(position, &record));
                            }
                        }
                        batch.records.clear();
                        // If nobody waits for it, it is dropped.
                        let _ = done.try_send(batch);
                    }
                    Deed::Announce { publisher_id, instrument_id, symbol } => {
                        failure.note(files.announce(publisher_id, instrument_id, &symbol))
                    }
                    Deed::Pass(position) => files.pass(position),
                    Deed::Epoch(epoch) => failure.note(files.begin_epoch(epoch)),
                }
            }
            failure.note(files.close());
            files.take_whole()
        };
        let thread = std::thread::Builder::new()
            .name(format!("dbn {}", R::SCHEMA.name()))
            .spawn(life)
            .map_err(|error| Error::new(Exit::Host, "cannot start a thread", error, "raise LimitNPROC or free memory"))?;
        Ok(Self { batch: Batch::default(), deeds, empty, thread })
    }

    #[inline]
    pub(super) fn push<R: Record>(&mut self, position: u64, record: &R) {
        self.batch.positions.push(position);
        self.batch.records.extend_from_slice(record.as_bytes());
        if self.batch.records.len() >= BATCH_BYTES {
            self.hand_over();
        }
    }

    pub(super) fn announce(&mut self, publisher_id: u16, instrument_id: u32, symbol: [u8; 8]) {
        self.hand_over();
        self.send(Deed::Announce { publisher_id, instrument_id, symbol });
    }

    pub(super) fn pass(&mut self, position: u64) {
        self.hand_over();
        self.send(Deed::Pass(position));
    }

    pub(super) fn begin_epoch(&mut self, epoch: u64) {
        self.hand_over();
        self.send(Deed::Epoch(epoch));
    }

    /// Ends the files, waits, and gives them.
    pub(super) fn close(mut self) -> Result<Vec<WholeFile>, Error> {
        self.hand_over();
        drop(self.deeds);
        let broken = |_| Error::new(Exit::Failed, "a thread that writes files", "a broken invariant of our own", "please report it");
        self.thread.join().map_err(broken)
    }

    fn hand_over(&mut self) {
        if !self.batch.positions.is_empty() {
            let next = self.empty.try_recv().unwrap_or_default();
            let full = std::mem::replace(&mut self.batch, next);
            self.send(Deed::Records(full));
        }
    }

    fn send(&self, deed: Deed) {
        // The far end ends only after this one.
        let _ = self.deeds.send(deed);
    }
}

//! The recorder of a publication: an ordinary reader of its rings that writes DBN files.
//!
//! No lane knows of it. When the disk is slow or full it is lapped or has to drop, counts what is lost, notes the place in the files, and says
//! so; when the disk takes again, it goes on. All rings of a publication are one thread's: with the disk behind them they are one queue anyway.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::dbn_files::leftover::{self, Outcome};
use crate::dbn_files::{FilesConfig, Index, RingFiles, directory};
use crate::error::{Error, Exit};
use crate::plan::RecordingPlan;
use crate::record::{
    Definition, Imbalance, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Statistics, Status, Trade, control,
};
use crate::shm::{From, Item, Publication, Records, ShmError};

/// Between blocks that are written although they are not full, for readers of the history; also between words about losses.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// When nothing came. The shortest default ring is half empty for longer at any rate a feed has.
const NAP: Duration = Duration::from_millis(2);
/// Records of one ring before the others have their turn.
const TURN: usize = 8_192;
/// How long a publication that another thread makes is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything open, nothing read yet.
pub(super) struct Recorder {
    publication: String,
    dir: PathBuf,
    index: Arc<Mutex<Index>>,
    taps: Vec<Box<dyn Tap>>,
    /// What a killed process left.
    left: Vec<PathBuf>,
}

impl Recorder {
    pub(super) fn open(plan: &RecordingPlan, publication_dir: &Path) -> Result<Self, Error> {
        let key = format!("recording of `{}`", plan.publication);
        directory::make_writable(&plan.dir, &key, Exit::Host)?;
        if let Some(remark) = plan.remark(publication_dir) {
            tracing::warn!("{key}: {remark}");
        }
        let publication = open(publication_dir, &plan.publication)?;
        let index = Arc::new(Mutex::new(Index::create(publication_dir, &plan.publication, publication.epoch())?));
        let config = Arc::new(FilesConfig {
            dir: plan.dir.clone(),
            publication: plan.publication.clone(),
            publishers: plan.publishers.clone(),
            rotate_bytes: plan.rotate_bytes,
            in_background: true,
            index: Some(index.clone()),
        });
        let mut taps = Vec::new();
        for &schema in &plan.schemas {
            taps.extend(tap(schema, &publication, &config)?);
        }
        // Before any part of ours is there.
        let left = directory::parts(&plan.dir, &plan.publication)?;
        Ok(Self { publication: plan.publication.clone(), dir: plan.dir.clone(), index, taps, left })
    }

    /// Records until the publication has ended, or soon after `stop` is set.
    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<(), Error> {
        let schemas: Vec<&str> = self.taps.iter().map(|tap| tap.files().schema().name()).collect();
        tracing::info!("recording {}: {} into {}", self.publication, schemas.join(", "), self.dir.display());
        let left = std::mem::take(&mut self.left);
        // Gigabytes, perhaps: while that goes on the rings are read.
        let recovery = std::thread::Builder::new().name("dbn-recover".into()).spawn(move || left.into_iter().for_each(recover));
        let mut flushed = Instant::now();
        while !stop.load(Ordering::Relaxed) && !self.taps.iter().all(|tap| tap.has_ended()) {
            let mut busy = false;
            for tap in &mut self.taps {
                busy |= tap.pump();
            }
            if flushed.elapsed() >= FLUSH_EVERY {
                flushed = Instant::now();
                self.flush();
            }
            if !busy {
                std::thread::sleep(NAP);
            }
        }
        for tap in &mut self.taps {
            tap.close();
        }
        self.tell();
        for tap in &mut self.taps {
            let (name, schema) = (&self.publication, tap.files().schema().name());
            match tap.files().lost() {
                0 => tracing::info!("recording {name}, {schema}: {} records, none lost", tap.taken()),
                lost => tracing::warn!("recording {name}, {schema}: {} records, {lost} lost", tap.taken()),
            }
        }
        // Its thread says what it has to say.
        let _ = recovery.map(std::thread::JoinHandle::join);
        Ok(())
    }

    fn flush(&mut self) {
        for tap in &mut self.taps {
            tap.flush();
        }
        self.tell();
    }

    /// What happened since the last time: files that are whole, losses, and why.
    fn tell(&mut self) {
        let name = &self.publication;
        for tap in &mut self.taps {
            for file in tap.whole() {
                tracing::info!("recorded {}: {} records in {} KiB", file.path.display(), file.records, file.bytes.div_ceil(1024));
            }
            let schema = tap.files().schema().name();
            let (lost, trouble, renamed) = tap.news();
            match (lost, trouble) {
                (0, None) => {}
                (0, Some(error)) => tracing::warn!("recording {name}, {schema}: {error}"),
                (lost, Some(error)) => tracing::warn!("recording {name}, {schema}: {lost} records lost: {error}"),
                (lost, None) => tracing::warn!(
                    "recording {name}, {schema}: {lost} records lost: the disk is slower than the feed, or the ring too short for its bursts"
                ),
            }
            if renamed > 0 {
                tracing::warn!("recording {name}, {schema}: {renamed} ids were given to another symbol; files begin there");
            }
        }
        if let Some(error) = self.index.lock().ok().and_then(|mut index| index.take_failure()) {
            tracing::warn!("recording {name}: {error}");
        }
    }
}

/// A computed publication is made by a thread that may have begun just now.
fn open(dir: &Path, name: &str) -> Result<Publication, ShmError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match Publication::open(dir, name) {
            Err(ShmError::NotFound { .. }) if Instant::now() < until => std::thread::sleep(NAP),
            outcome => return outcome,
        }
    }
}

fn recover(part: PathBuf) {
    match leftover::recover(part) {
        Ok(Outcome::MadeWhole { file, cut_bytes: 0 }) => {
            tracing::warn!("a part that an earlier run left is whole now: {} ({} records)", file.path.display(), file.records);
        }
        Ok(Outcome::MadeWhole { file, cut_bytes }) => tracing::warn!(
            "a part that an earlier run left is whole now: {} ({} records; {cut_bytes} bytes of a block at its end were cut, and left out)",
            file.path.display(),
            file.records
        ),
        Ok(Outcome::Removed(part)) => tracing::info!("a part that an earlier run left held no record, and is removed: {}", part.display()),
        Ok(Outcome::InUse(part)) => tracing::warn!("{}: another process writes it", part.display()),
        Err(error) => tracing::warn!("a part that an earlier run left stays as it is: {error}"),
    }
}

/// One ring, whatever its records.
trait Tap: Send {
    /// Takes what came, a turn's worth at most. `true` if something did.
    fn pump(&mut self) -> bool;
    fn flush(&mut self);
    fn close(&mut self);
    fn has_ended(&self) -> bool;
    /// Records taken so far, those that were then lost included.
    fn taken(&self) -> u64;
    fn files(&self) -> &RingFiles;
    fn whole(&mut self) -> Vec<crate::dbn_files::WholeFile>;
    /// Records lost, and the reason, and ids renamed since the last call.
    fn news(&mut self) -> (u64, Option<Error>, u64);
}

fn tap(schema: Schema, publication: &Publication, config: &Arc<FilesConfig>) -> Result<Option<Box<dyn Tap>>, ShmError> {
    fn of<R: Record>(publication: &Publication, config: &Arc<FilesConfig>) -> Result<Option<Box<dyn Tap>>, ShmError> {
        Ok(Some(Box::new(RingTap::<R> {
            records: publication.subscribe::<R>(From::Oldest)?,
            files: RingFiles::new(config.clone(), R::SCHEMA, publication.epoch()),
            rows: 0,
            taken: 0,
            ended: false,
            trouble: None,
            told: (0, 0),
        })))
    }
    match schema {
        Schema::Mbo => of::<Mbo>(publication, config),
        Schema::Mbp1 => of::<Mbp1>(publication, config),
        Schema::Mbp10 => of::<Mbp10>(publication, config),
        Schema::Trades => of::<Trade>(publication, config),
        Schema::Status => of::<Status>(publication, config),
        Schema::Imbalance => of::<Imbalance>(publication, config),
        Schema::Statistics => of::<Statistics>(publication, config),
        Schema::Definition => of::<Definition>(publication, config),
        Schema::Ohlcv1S => of::<Ohlcv1S>(publication, config),
        Schema::Ohlcv1M => of::<Ohlcv1M>(publication, config),
        Schema::Ohlcv1H => of::<Ohlcv1H>(publication, config),
        Schema::Ohlcv1D => of::<Ohlcv1D>(publication, config),
        // DBN has none for these; a plan does not ask for them.
        Schema::Venue | Schema::Vwap | Schema::Signal | Schema::Latency => Ok(None),
    }
}

struct RingTap<R> {
    records: Records<R>,
    files: RingFiles,
    /// Rows of the instruments table that the files know.
    rows: u32,
    taken: u64,
    ended: bool,
    /// The first since it was last told.
    trouble: Option<Error>,
    /// Losses and renamed ids told so far.
    told: (u64, u64),
}

impl<R: Record> RingTap<R> {
    fn note(&mut self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            self.trouble.get_or_insert(error);
        }
    }

    /// A row is announced before the first record that needs it.
    #[cold]
    fn learn(&mut self, count: u32) {
        for row in self.rows..count {
            if let Some(row) = self.records.publication().instrument(row) {
                let announced = self.files.announce(row.publisher_id, row.instrument_id, row.symbol.as_bytes());
                self.note(announced);
            }
        }
        self.rows = count;
    }
}

impl<R: Record> Tap for RingTap<R> {
    fn pump(&mut self) -> bool {
        for turn in 0..TURN {
            let position = self.records.next_position();
            let outcome = match self.records.next() {
                Ok(Item::Record(record)) => {
                    let record = *record;
                    let count = self.records.publication().instrument_count();
                    if count != self.rows {
                        self.learn(count);
                    }
                    self.taken += 1;
                    self.files.push(position, &record)
                }
                // The reader library's own word, at no position of the ring.
                Ok(Item::Control(control)) if control.hd.rtype == control::PRICE_LEVELS_ONLY => Ok(()),
                Ok(Item::Control(_)) => {
                    self.files.pass(position);
                    Ok(())
                }
                Ok(Item::Lost(count)) => self.files.lose(position, count),
                Ok(Item::NewEpoch) => {
                    self.rows = 0;
                    self.files.begin_epoch(self.records.publication().epoch())
                }
                // State, not events: a file tells events.
                Ok(Item::Board { .. }) => Ok(()),
                Ok(Item::End) => {
                    self.ended = true;
                    return turn > 0;
                }
                Ok(Item::Idle | Item::WriterDead) => return turn > 0,
                Err(error) => {
                    self.note(Err(error.into()));
                    return turn > 0;
                }
            };
            self.note(outcome);
        }
        true
    }

    fn flush(&mut self) {
        let flushed = self.files.flush();
        self.note(flushed);
    }

    fn close(&mut self) {
        let closed = self.files.close();
        self.note(closed);
    }

    fn has_ended(&self) -> bool {
        self.ended
    }

    fn taken(&self) -> u64 {
        self.taken
    }

    fn files(&self) -> &RingFiles {
        &self.files
    }

    fn whole(&mut self) -> Vec<crate::dbn_files::WholeFile> {
        self.files.take_whole()
    }

    fn news(&mut self) -> (u64, Option<Error>, u64) {
        let now = (self.files.lost(), self.files.renamed());
        let before = std::mem::replace(&mut self.told, now);
        (now.0 - before.0, self.trouble.take(), now.1 - before.1)
    }
}

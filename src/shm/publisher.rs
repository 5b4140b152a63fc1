//! The writer of a publication.
//!
//! One [`Publisher`] per name: it holds `NAME.lock`, so a second one is refused. Publishing is stores into mapped memory,
//! nothing else: no system call, lock or allocation. Only a new epoch makes a file, and even that is prepared elsewhere
//! if somebody calls [`Spare::prepare`] in time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use zerocopy::IntoBytes;

use super::epoch::{Epoch, Plan, Prepared};
use super::error::ShmError;
use super::gate::Gates;
use super::image::Image;
use super::layout::{file_state, word};
use super::region;
use super::spec::{PublicationSpec, gate_path, lock_path, temporary_prefix};
use crate::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};

/// Writes a publication: one per name, stores into mapped memory only.
#[derive(Debug)]
pub struct Publisher {
    epoch: Epoch,
    plan: Arc<Plan>,
    handover: Arc<Handover>,
    symbols: Option<Vec<[u8; 8]>>,
    records: [u64; Schema::COUNT],
    gates: Option<Gates>,
    failure: Option<ShmError>,
    keep: bool,
    /// Last, so that the name is given back only when all the rest is done.
    _lock: NameLock,
}

/// What goes between the lane and the control plane at a change of epochs.
#[derive(Debug)]
struct Handover {
    spare: Mutex<Option<Prepared>>,
    retired: Mutex<Vec<Epoch>>,
}

/// Prepares the files of coming epochs, away from the lane.
#[derive(Clone, Debug)]
pub struct Spare {
    plan: Arc<Plan>,
    handover: Arc<Handover>,
}

impl Spare {
    /// Sees to it that a file for the next epoch lies ready, and unmaps those that were left; `true` if it made one.
    /// Allocates and populates the whole file: call it where that may take its time, after the start and now and then.
    pub fn prepare(&self) -> Result<bool, ShmError> {
        let left: Vec<_> = self.handover.retired.lock().map(|mut retired| retired.drain(..).collect()).unwrap_or_default();
        drop(left);
        if self.handover.spare.lock().is_ok_and(|spare| spare.is_some()) {
            return Ok(false);
        }
        // Built without the lock: the lane must never find it taken for long.
        let prepared = Prepared::build(&self.plan)?;
        if let Ok(mut spare) = self.handover.spare.lock() {
            *spare = Some(prepared);
        }
        Ok(true)
    }
}

impl Publisher {
    /// Creates the publication, in place of one that an earlier writer left. Takes its time: allocates and populates all of it.
    pub fn create(spec: &PublicationSpec) -> Result<Self, ShmError> {
        spec.check()?;
        let dir = &spec.dir;
        DirBuilder::new().recursive(true).mode(0o750).create(dir).map_err(ShmError::io("create the directory", dir))?;
        let lock = NameLock::take(&lock_path(dir, &spec.name))?;
        remove_stale(dir, &spec.name)?;
        let plan = Arc::new(Plan::new(spec));
        // Of an epoch that is over: nobody can start from it.
        let _ = std::fs::remove_file(Image::path_of(&plan.path));
        let needed = 2 * plan.layout.bytes;
        let free = region::free_bytes(dir).map_err(ShmError::io("ask for the free room of", dir))?;
        // The file of an earlier writer makes room as soon as ours takes its place.
        let free = free.saturating_add(std::fs::metadata(&plan.path).map_or(0, |old| old.len()));
        if free < needed {
            return Err(ShmError::NoRoom { path: plan.path.clone(), needed, free });
        }
        let gate_path = gate_path(dir, &spec.name);
        let gates = match spec.gates {
            0 => {
                // One that a killed replay left would let readers believe that somebody waits for them.
                let _ = std::fs::remove_file(&gate_path);
                None
            }
            gates => {
                let temporary = dir.join(format!("{}{}-", temporary_prefix(&spec.name), std::process::id()));
                Some(Gates::create(&gate_path, &temporary, gates)?)
            }
        };
        let previous = previous_epoch(&plan.path);
        let epoch = Prepared::build(&plan)?.install(&plan.path, previous, |_| {})?;
        let handover = Arc::new(Handover { spare: Mutex::new(None), retired: Mutex::new(Vec::with_capacity(4)) });
        let symbols = spec.symbols.as_ref().map(|symbols| {
            let mut symbols: Vec<_> = symbols.iter().map(|symbol| padded(symbol.as_bytes())).collect();
            symbols.sort_unstable();
            symbols
        });
        let records = [0; Schema::COUNT];
        let mut publisher = Self { epoch, plan, handover, symbols, records, gates, failure: None, keep: false, _lock: lock };
        publisher.tell_gates();
        Ok(publisher)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.plan.path
    }

    /// Number of the present epoch; every later one's is larger.
    pub fn epoch(&self) -> u64 {
        self.epoch.number
    }

    /// Says that the writer lives, and how late it is.
    #[inline]
    pub fn heartbeat(&self, now_ns: u64) {
        self.epoch.set(word::HEARTBEAT_NS, now_ns);
    }

    /// Sets a counter by its index in [`PublicationSpec::counters`].
    #[inline]
    pub fn set_counter(&self, index: usize, value: u64) {
        self.epoch.counters.set(index, value);
    }

    /// Records of a schema published so far, over all epochs, control records not counted.
    pub fn records(&self, schema: Schema) -> u64 {
        self.records[schema.index()]
    }

    /// The position that the next record of a schema will have in this epoch; 0 if there is no such ring.
    pub fn next_position(&self, schema: Schema) -> u64 {
        self.epoch.rings[schema.index()].as_ref().map_or(0, |ring| ring.next_position())
    }

    /// The schemas of its rings, in the order of the publication's table.
    pub fn schemas(&self) -> impl Iterator<Item = Schema> + '_ {
        self.plan.spec.rings.iter().map(|ring| ring.schema)
    }

    /// Whether `records` more records fit into every ring without lapping a gated reader. Always, without gates.
    pub fn has_room(&self, records: u64) -> bool {
        let Some(gates) = &self.gates else { return true };
        let rings = Schema::ALL.into_iter().zip(&self.epoch.rings);
        rings.filter_map(|(schema, ring)| Some((schema, ring.as_ref()?))).all(|(schema, ring)| {
            let last = ring.next_position().saturating_add(records).saturating_sub(1);
            gates.room(schema, ring.depth(), last)
        })
    }

    /// The gates, if the specification asked for some.
    pub fn gates(&self) -> Option<&Gates> {
        self.gates.as_ref()
    }

    /// For the control plane, to prepare files for coming epochs.
    pub fn spare(&self) -> Spare {
        Spare { plan: self.plan.clone(), handover: self.handover.clone() }
    }

    /// Why publishing stopped, if it did: a new epoch could not be created. Nothing is published from then on, and readers
    /// have been told the end.
    pub fn failure(&self) -> Option<&ShmError> {
        self.failure.as_ref()
    }

    /// Ends the publication: readers get what is there and then the end. With `keep` the file stays and can still be
    /// opened and read; otherwise, and when a publisher is just dropped, it is removed.
    pub fn close(mut self, keep: bool) {
        self.keep = keep;
    }

    /// Publishes a control record in the ring of one schema, if there is one: for a publication whose rings have different sources.
    pub fn control_in(&mut self, schema: Schema, record: &Control) {
        if let Some(ring) = &mut self.epoch.rings[schema.index()] {
            ring.publish(None, words(record.as_bytes()));
        }
    }

    fn next_epoch(&mut self) -> Result<(), ShmError> {
        let spare = self.handover.spare.try_lock().ok().and_then(|mut spare| spare.take());
        let spare = match spare {
            Some(spare) => spare,
            None => Prepared::build(&self.plan)?,
        };
        let old = &self.epoch;
        let epoch = spare.install(&self.plan.path, old.number, |new| {
            new.channels.copy_states(&old.channels);
            new.counters.copy_values(&old.counters);
        })?;
        let old = std::mem::replace(&mut self.epoch, epoch);
        self.tell_gates();
        old.set(word::STATE, file_state::REPLACED);
        // Unmapping hundreds of megabytes takes a while: leave it to the control plane if that will have it.
        if let Ok(mut retired) = self.handover.retired.try_lock()
            && retired.len() < retired.capacity()
        {
            retired.push(old);
        }
        Ok(())
    }

    fn tell_gates(&mut self) {
        if let Some(gates) = &mut self.gates {
            gates.set_epoch(self.epoch.number);
        }
    }
}

impl Sink for Publisher {
    fn carries(&self, schema: Schema) -> bool {
        self.epoch.rings[schema.index()].is_some()
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        if let Some(symbols) = &self.symbols
            && symbols.binary_search(&instrument.symbol).is_err()
        {
            return Ok(None);
        }
        self.epoch.instruments.append(instrument).map(Some)
    }

    #[inline]
    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        if let Some(ring) = &mut self.epoch.rings[R::SCHEMA.index()] {
            let cells = const { R::SCHEMA.cells() };
            let cell = if cells == 1 { row } else { row.saturating_mul(cells).saturating_add(record.cell().min(cells - 1)) };
            ring.publish_sized(const { R::SCHEMA.slot_size() / 8 }, Some(cell), words(record.as_bytes()));
            self.records[R::SCHEMA.index()] += 1;
        }
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        if let Some(ring) = &mut self.epoch.rings[R::SCHEMA.index()] {
            ring.publish_sized(const { R::SCHEMA.slot_size() / 8 }, None, words(record.as_bytes()));
            self.records[R::SCHEMA.index()] += 1;
        }
    }

    fn control(&mut self, record: &Control) {
        for ring in self.epoch.rings.iter_mut().flatten() {
            ring.publish(None, words(record.as_bytes()));
        }
    }

    #[inline]
    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64) {
        self.epoch.channels.set(channel, state, since_ns);
    }

    #[inline]
    fn watermark(&mut self, channel: u16, venue_ns: u64) {
        self.epoch.channels.set_watermark(channel, venue_ns);
    }

    #[inline]
    fn commit(&mut self) {
        for ring in self.epoch.rings.iter_mut().flatten() {
            ring.commit();
        }
    }

    fn new_epoch(&mut self) {
        self.commit();
        if self.failure.is_some() {
            return;
        }
        if let Err(failure) = self.next_epoch() {
            // Going on in the old file would mix two sessions' instruments: wrong prices are worse than none.
            self.epoch.set(word::STATE, file_state::CLOSED);
            self.epoch.rings = [const { None }; Schema::COUNT];
            self.failure = Some(failure);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.commit();
        self.epoch.set(word::STATE, file_state::CLOSED);
        if !self.keep {
            // Nobody to tell; the next writer of the name replaces the file anyway.
            let _ = std::fs::remove_file(&self.plan.path);
            let _ = std::fs::remove_file(Image::path_of(&self.plan.path));
        }
        if self.gates.is_some() {
            let _ = std::fs::remove_file(gate_path(&self.plan.spec.dir, &self.plan.spec.name));
        }
    }
}

#[inline(always)]
fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u64> + Clone {
    bytes.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes))
}

fn padded(symbol: &[u8]) -> [u8; 8] {
    let mut padded = [b' '; 8];
    for (to, &from) in padded.iter_mut().zip(symbol) {
        *to = from;
    }
    padded
}

/// The lock file of a name, locked.
#[derive(Debug)]
struct NameLock {
    path: PathBuf,
    file: File,
}

impl NameLock {
    fn take(path: &Path) -> Result<Self, ShmError> {
        for _ in 0..100 {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o640)
                .open(path)
                .map_err(ShmError::io("open the lock file", path))?;
            if !region::lock(&file, 0, 0).map_err(ShmError::io("lock", path))? {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0);
                return Err(ShmError::InUse { path: path.to_owned(), pid });
            }
            // Its last holder may have removed it between our opening and locking it.
            let ours = file.metadata().map_err(ShmError::io("examine", path))?;
            if std::fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                let note = |file: &mut File| {
                    file.set_len(0)?;
                    file.rewind()?;
                    writeln!(file, "{}", std::process::id())
                };
                // Only for the message to a second writer; a full file system will be told soon enough.
                let _ = note(&mut file);
                return Ok(Self { path: path.to_owned(), file });
            }
        }
        Err(ShmError::InUse { path: path.to_owned(), pid: 0 })
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        // Removed while still locked: whoever opened it before will see that it is no longer the name's.
        let _ = std::fs::remove_file(&self.path);
        let _ = region::unlock(&self.file, 0, 0);
    }
}

/// Removes what writers of this name left when they died half-way. Only the holder of the name's lock may.
fn remove_stale(dir: &Path, name: &str) -> Result<(), ShmError> {
    let prefix = temporary_prefix(name);
    for entry in std::fs::read_dir(dir).map_err(ShmError::io("list", dir))? {
        let entry = entry.map_err(ShmError::io("list", dir))?;
        let file = entry.file_name();
        let rest = file.to_str().and_then(|file| file.strip_prefix(&prefix));
        if rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')) {
            std::fs::remove_file(entry.path()).map_err(ShmError::io("remove what a dead writer left,", entry.path()))?;
        }
    }
    Ok(())
}

/// The epoch of the file that is there, if it is one of ours; else 0.
fn previous_epoch(path: &Path) -> u64 {
    let mut head = [0; 8 * (word::EPOCH + 1)];
    let Ok(file) = region::ReadRegion::open_file(path) else { return 0 };
    if region::read_head(&file, &mut head).is_ok_and(|bytes| bytes == head.len()) {
        let words: Vec<u64> = head.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect();
        // A number that is absurd must not make all later ones overflow.
        if words.first() == Some(&super::layout::MAGIC) {
            return words.get(word::EPOCH).copied().unwrap_or(0).min(1 << 62);
        }
    }
    0
}

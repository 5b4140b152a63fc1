//! One epoch of a publication: a file that is being prepared, and the same file once it is in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::channels::ChannelsWriter;
use super::counters::CountersWriter;
use super::error::ShmError;
use super::instruments::InstrumentsWriter;
use super::layout::{DBN_VERSION, HEADER_BYTES, LAYOUT_VERSION, LINE, Layout, MAGIC, RingSections, Section, file_state, word};
use super::region::{self, WriteRegion, WriteSpan};
use super::ring::{Parts, RingWriter, Words};
use super::spec::{PublicationSpec, temporary_prefix};
use crate::record::Schema;

/// What all epochs of a publication are made from.
#[derive(Debug)]
pub(crate) struct Plan {
    pub spec: PublicationSpec,
    pub layout: Layout,
    pub path: PathBuf,
    made: AtomicU64,
}

impl Plan {
    pub fn new(spec: &PublicationSpec) -> Self {
        Self { spec: spec.clone(), layout: spec.layout(), path: spec.path(), made: AtomicU64::new(0) }
    }

    /// An error of `source`, told as a lack of room if that is what it is.
    fn explain(&self, what: &'static str, source: std::io::Error) -> ShmError {
        if source.raw_os_error() == Some(libc::ENOSPC) {
            let free = region::free_bytes(&self.spec.dir).unwrap_or(0);
            return ShmError::NoRoom { path: self.path.clone(), needed: 2 * self.layout.bytes, free };
        }
        ShmError::Io { what, path: self.path.clone(), source }
    }
}

/// Everything written in one epoch.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub header: WriteSpan,
    pub rings: [Option<RingWriter<WriteSpan>>; Schema::COUNT],
    pub instruments: InstrumentsWriter,
    pub channels: ChannelsWriter,
    pub counters: CountersWriter,
    pub number: u64,
}

impl Epoch {
    pub fn set(&self, at: usize, value: u64) {
        set(&self.header, at, value);
    }
}

fn set(header: &WriteSpan, at: usize, value: u64) {
    if let Some(word) = header.words().get(at) {
        word.store(value, Ordering::Release);
    }
}

/// A file with everything in it but the magic, under a temporary name. Dropped unused, it is removed.
#[derive(Debug)]
pub(crate) struct Prepared {
    epoch: Option<Epoch>,
    temporary: PathBuf,
}

impl Prepared {
    pub fn build(plan: &Plan) -> Result<Self, ShmError> {
        let number = plan.made.fetch_add(1, Ordering::Relaxed);
        let temporary = plan.spec.dir.join(format!("{}{}-{number}", temporary_prefix(&plan.spec.name), std::process::id()));
        // From here on the file is removed on every way out but `install`.
        let mut prepared = Self { epoch: None, temporary };
        let region = WriteRegion::create(&prepared.temporary, plan.layout.bytes as usize).map_err(|e| plan.explain("create", e))?;
        prepared.epoch =
            Some(furnish(&Arc::new(region), plan).ok_or_else(|| plan.explain("lay out", std::io::ErrorKind::InvalidInput.into()))?);
        Ok(prepared)
    }

    /// Gives it its number and its name; `carry` may copy what outlives an epoch before anybody sees it.
    pub fn install(mut self, path: &Path, after: u64, carry: impl FnOnce(&Epoch)) -> Result<Epoch, ShmError> {
        let mut epoch = self.epoch.take().ok_or_else(|| ShmError::io("install", path)(std::io::ErrorKind::NotFound.into()))?;
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
        // The time makes numbers differ even when the earlier file is gone; `after + 1` even when the clock stepped back.
        epoch.number = now_ns.max(after.saturating_add(1));
        epoch.set(word::EPOCH, epoch.number);
        epoch.set(word::CREATED_NS, now_ns);
        epoch.set(word::HEARTBEAT_NS, now_ns);
        carry(&epoch);
        epoch.set(word::MAGIC, MAGIC);
        std::fs::rename(&self.temporary, path).map_err(ShmError::io("rename a new epoch over", path))?;
        self.temporary = PathBuf::new();
        Ok(epoch)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // Nobody to tell, and the next start of the publication removes it.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

fn furnish(region: &Arc<WriteRegion>, plan: &Plan) -> Option<Epoch> {
    let layout = &plan.layout;
    let part = |section: &Section| region.span(section.at(), section.words());
    let header = region.span(0, HEADER_BYTES / 8)?;
    let (sections, table) = layout.table();
    set(&header, word::LAYOUT_VERSION, LAYOUT_VERSION);
    set(&header, word::DBN_VERSION, DBN_VERSION);
    set(&header, word::BYTES, layout.bytes);
    set(&header, word::PID, u64::from(std::process::id()));
    set(&header, word::SECTIONS, sections);
    set(&header, word::STATE, file_state::LIVE);
    for (index, value) in table.into_iter().enumerate() {
        set(&header, word::TABLE + index, value);
    }
    let mut rings = [const { None }; Schema::COUNT];
    for RingSections { schema, ring, board } in &layout.rings {
        let head = LINE / 8;
        let parts = Parts {
            cursor: region.span(ring.at(), 1)?,
            slots: region.span(ring.at() + head, ring.words() - head)?,
            cells: part(board)?,
            slot_words: schema.slot_size() / 8,
        };
        *rings.get_mut(schema.index())? = Some(RingWriter::new(parts));
    }
    Some(Epoch {
        header,
        rings,
        instruments: InstrumentsWriter::new(part(&layout.instruments)?),
        channels: ChannelsWriter::new(part(&layout.channels)?, &plan.spec.channels),
        counters: CountersWriter::new(part(&layout.counters)?, &plan.spec.counters),
        number: 0,
    })
}

//! What a publication is to be: its name, rings, channels, and how large.

use std::path::{Path, PathBuf};

use super::error::ShmError;
use super::gate;
use super::layout::{DEPTHS, Layout, MAX_INSTRUMENTS, MAX_ROWS, NAME_BYTES};
use crate::record::Schema;

/// One ring of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSpec {
    /// What travels in it.
    pub schema: Schema,
    /// Records it holds: a power of two from 16 on. A reader that stalls for longer than it takes the writer to
    /// write so many is lapped, so it comes from the burst: 2^20 `mbo` records are 64 MiB and a fifth of a second at 5 M/s.
    pub depth: u64,
}

/// One row of a publication's channel table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSpec {
    /// At most 32 bytes.
    pub name: String,
    /// DBN publisher id.
    pub publisher_id: u16,
}

/// What a publication is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationSpec {
    /// Where it is, usually `/dev/shm/tickwire`. Created with mode 0750 if it is not there.
    pub dir: PathBuf,
    /// Its name and its file's.
    pub name: String,
    /// At most one per schema.
    pub rings: Vec<RingSpec>,
    /// The channels that feed it; `channel` in instruments and control records is an index into this.
    pub channels: Vec<ChannelSpec>,
    /// Room in the instruments table, and cells on each board.
    pub instruments: u32,
    /// Symbols to publish, without padding; `None` is all.
    pub symbols: Option<Vec<String>>,
    /// Names of the counters, at most 32 bytes each, in the order of `Publisher::set_counter`'s index.
    pub counters: Vec<String>,
    /// Gates for readers that the writer waits for (see [`Gates`](super::Gates)); 0 for a live feed.
    pub gates: usize,
}

impl PublicationSpec {
    /// A specification with nothing in it but a place and a name.
    pub fn new(dir: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            name: name.into(),
            rings: Vec::new(),
            channels: Vec::new(),
            instruments: 0,
            symbols: None,
            counters: Vec::new(),
            gates: 0,
        }
    }

    /// Length of the file in bytes. While one epoch takes over from another there are two of them.
    pub fn bytes(&self) -> u64 {
        self.layout().bytes
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    pub(crate) fn layout(&self) -> Layout {
        let rings: Vec<_> = self.rings.iter().map(|ring| (ring.schema, ring.depth.min(*DEPTHS.end()))).collect();
        Layout::plan(&rings, u64::from(self.instruments), self.channels.len() as u64, self.counters.len() as u64)
    }

    /// Checks everything that can be checked without touching the machine.
    pub fn check(&self) -> Result<(), ShmError> {
        check_name(&self.name)?;
        let refuse = |why: String| Err(ShmError::Spec { name: self.name.clone(), why });
        for (index, ring) in self.rings.iter().enumerate() {
            let schema = ring.schema.name();
            if !ring.depth.is_power_of_two() || !DEPTHS.contains(&ring.depth) {
                return refuse(format!(
                    "{schema} ring of {} records: the depth must be a power of two from {} to {}",
                    ring.depth,
                    DEPTHS.start(),
                    DEPTHS.end()
                ));
            }
            if self.rings.iter().take(index).any(|other| other.schema == ring.schema) {
                return refuse(format!("two {schema} rings; one is enough for any number of readers"));
            }
        }
        if self.rings.is_empty() {
            return refuse("no ring; name at least one schema".into());
        }
        if u64::from(self.instruments) > MAX_INSTRUMENTS || self.instruments == 0 {
            return refuse(format!("room for {} instruments; 1 to {MAX_INSTRUMENTS} will do", self.instruments));
        }
        if self.channels.len() as u64 > MAX_ROWS || self.counters.len() as u64 > MAX_ROWS {
            return refuse(format!("more than {MAX_ROWS} channels or counters"));
        }
        if self.gates > gate::MOST {
            return refuse(format!("{} gates, more than {}; the writer looks at every one of them", self.gates, gate::MOST));
        }
        let names = self.channels.iter().map(|channel| &channel.name).chain(&self.counters);
        if let Some(name) = names.into_iter().find(|name| name.is_empty() || name.len() > NAME_BYTES) {
            return refuse(format!("the name {name:?} of a channel or counter is not 1 to {NAME_BYTES} bytes long"));
        }
        if let Some(symbol) = self.symbols.iter().flatten().find(|symbol| symbol.is_empty() || symbol.len() > 8) {
            return refuse(format!("symbol {symbol:?} is not 1 to 8 bytes long, so no instrument has it"));
        }
        Ok(())
    }
}

/// Whether a publication may be called that.
pub(crate) fn check_name(name: &str) -> Result<(), ShmError> {
    let refuse = |why| Err(ShmError::Name { name: name.to_owned(), why });
    if name.is_empty() || name.len() > 64 {
        return refuse("its length is not 1 to 64");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        return refuse("it has another character than a letter, digit, '.', '_' or '-'");
    }
    if name.starts_with('.') {
        return refuse("it starts with a dot");
    }
    if [".lock", ".gate", ".image", ".recorded"].iter().any(|ending| name.ends_with(ending)) {
        return refuse("files of publications end in .lock, .gate, .image and .recorded");
    }
    Ok(())
}

/// The file that a writer of `name` locks.
pub(crate) fn lock_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.lock"))
}

/// The file with the gates of `name`.
pub(crate) fn gate_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.gate"))
}

/// What temporary files of `name` begin with. A publication's name cannot begin with a dot.
pub(crate) fn temporary_prefix(name: &str) -> String {
    format!(".{name}.tmp-")
}

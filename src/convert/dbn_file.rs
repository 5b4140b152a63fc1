//! A DBN file of version 1, 2 or 3, plain or zstd, whole or a fragment without metadata: its records, upgraded to version 3.
//!
//! The dbn crate decodes; what stands here is what a hostile or cut file needs besides. A record's length is compared with its type
//! before the crate upgrades it, metadata may not claim any amount of memory, and an end within a record, or within a zstd frame, is told.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dbn::decode::dbn::fsm::{DbnFsm, ProcessResult};
use dbn::{Metadata, RecordRef, VersionUpgradePolicy, v1, v2, v3};

use super::columns::Table;
use crate::error::{Error, Exit};
use crate::sys::opened::open_to_read;

/// First bytes of a zstd frame.
pub(super) const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Metadata of all options of a day take some 300 MB.
const METADATA_LIMIT: u32 = 1 << 29;

const ERROR: u8 = 0x15;
const SYMBOL_MAPPING: u8 = 0x16;
const SYSTEM: u8 = 0x17;
const DEFINITION: u8 = 0x13;
const STATISTICS: u8 = 0x18;

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Metadata and records.
    Whole,
    /// Records without metadata.
    Fragment {
        /// Of this version.
        version: u8,
        /// The first one's type.
        rtype: u8,
    },
    /// The format before DBN.
    Dbz,
    /// Something else.
    Other,
}

/// A file being read.
pub(super) struct DbnFile {
    path: PathBuf,
    reader: Box<dyn Read>,
    read: Rc<Cell<u64>>,
    fsm: DbnFsm,
    version: u8,
    /// `None`: a fragment.
    pub metadata: Option<Metadata>,
    /// Type and length that records of the schema have.
    expected: Option<(u8, usize)>,
    records: u64,
    damage: Option<&'static str>,
}

/// Counts the bytes of the file as they are stored.
struct Counted(File, Rc<Cell<u64>>);

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(buf)?;
        self.1.set(self.1.get() + n as u64);
        Ok(n)
    }
}

/// Tells what `path` holds, from its first bytes after decompression.
pub(super) fn content(path: &Path) -> Result<Content, Error> {
    // A pipe cannot be looked into twice; it can be a capture.
    if !path.metadata().is_ok_and(|there| there.is_file()) {
        return Ok(Content::Other);
    }
    let mut reader = open(path)?.reader;
    let mut head = Vec::new();
    // What is damaged so early is told when it is read.
    let _ = reader.by_ref().take(16).read_to_end(&mut head);
    Ok(match head.as_slice() {
        [b'D', b'B', b'N', ..] => Content::Whole,
        // A skippable zstd frame with its own magic inside.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Content::Dbz,
        &[words, rtype, ..] if head.len() == 16 => match fragment(usize::from(words) * 4, rtype) {
            Some(version) => Content::Fragment { version, rtype },
            None => Content::Other,
        },
        _ => Content::Other,
    })
}

/// The version of a fragment whose first record has this length and type, if there is such a record. Where several versions share it,
/// nothing depends on which.
fn fragment(size: usize, rtype: u8) -> Option<u8> {
    let of_a_version = (1..=3).find(|&version| changed(version, rtype) == Some(size));
    let unchanged = || changed(1, rtype).is_none() && Table::of_rtype(rtype).is_some_and(|table| table.size == size && table.is_dbn());
    of_a_version.or_else(|| unchanged().then_some(3))
}

/// Bytes of a record whose layout is not the same in all versions.
fn changed(version: u8, rtype: u8) -> Option<usize> {
    Some(match (rtype, version) {
        (DEFINITION, 1) => size_of::<v1::InstrumentDefMsg>(),
        (DEFINITION, 2) => size_of::<v2::InstrumentDefMsg>(),
        (DEFINITION, _) => size_of::<v3::InstrumentDefMsg>(),
        (STATISTICS, 1 | 2) => size_of::<v1::StatMsg>(),
        (STATISTICS, _) => size_of::<v3::StatMsg>(),
        (SYMBOL_MAPPING, 1) => size_of::<v1::SymbolMappingMsg>(),
        (SYMBOL_MAPPING, _) => size_of::<v2::SymbolMappingMsg>(),
        (ERROR, 1) => size_of::<v1::ErrorMsg>(),
        (ERROR, _) => size_of::<v2::ErrorMsg>(),
        (SYSTEM, 1) => size_of::<v1::SystemMsg>(),
        (SYSTEM, _) => size_of::<v2::SystemMsg>(),
        _ => return None,
    })
}

/// A file's bytes, decompressed if they are zstd.
struct Bytes {
    reader: Box<dyn Read>,
    /// How many of the file, as it is stored, have been read.
    read: Rc<Cell<u64>>,
}

fn open(path: &Path) -> Result<Bytes, Error> {
    let unreadable = |why: std::io::Error| {
        Error::new(Exit::Input, "", format!("cannot be read: {why}"), "check the path and its permissions").in_file(path)
    };
    let mut file = open_to_read(path).map_err(unreadable)?;
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic).map_err(unreadable)?;
    let read = Rc::new(Cell::new(magic.len() as u64));
    let compressed = magic == ZSTD;
    let stored = std::io::Cursor::new(magic).chain(Counted(file, read.clone()));
    let stored = BufReader::with_capacity(1 << 17, stored);
    let reader: Box<dyn Read> =
        if compressed { Box::new(zstd::stream::read::Decoder::with_buffer(stored).map_err(unreadable)?) } else { Box::new(stored) };
    Ok(Bytes { reader, read })
}

impl DbnFile {
    /// Opens a file of which [`content`] said `Whole` or `Fragment`.
    pub fn open(path: &Path, content: Content) -> Result<Self, Error> {
        let Bytes { reader, read } = open(path)?;
        let version = if let Content::Fragment { version, .. } = content { Some(version) } else { None };
        let fsm = DbnFsm::builder()
            .upgrade_policy(VersionUpgradePolicy::UpgradeToV3)
            .skip_metadata(version.is_some())
            .input_dbn_version(version)
            .and_then(|builder| builder.compat_size(dbn::MAX_RECORD_LEN).build());
        let refuse = |why: String| Error::new(Exit::Input, "", why, "ask whoever made it for the file anew").in_file(path);
        let fsm = fsm.map_err(|error| refuse(format!("the DBN decoder refuses it: {error}")))?;
        let path = path.to_owned();
        let mut file =
            Self { path, reader, read, fsm, version: version.unwrap_or(0), metadata: None, expected: None, records: 0, damage: None };
        if version.is_none() {
            file.read_metadata()?;
        }
        Ok(file)
    }

    fn read_metadata(&mut self) -> Result<(), Error> {
        while self.fsm.data().len() < 8 {
            if self.fill()? == 0 {
                return Err(self.refuse("it ends within its metadata", "copy it anew"));
            }
        }
        if let &[_, _, _, version, a, b, c, d, ..] = self.fsm.data() {
            self.version = version;
            if !(1..=3).contains(&version) {
                return Err(self.refuse(format!("it is of DBN version {version}, and 1 to 3 can be read"), "write it anew as version 3"));
            }
            let length = u32::from_le_bytes([a, b, c, d]);
            if length > METADATA_LIMIT {
                return Err(self.refuse(format!("its metadata claim {length} bytes, more than {METADATA_LIMIT}"), "copy it anew"));
            }
        }
        loop {
            match self.fsm.process() {
                ProcessResult::Metadata(metadata) => {
                    self.metadata = Some(metadata);
                    return Ok(());
                }
                ProcessResult::ReadMore(_) => {
                    if self.fill()? == 0 {
                        let why =
                            self.damage.map_or("it ends within its metadata".to_owned(), |damage| format!("{damage}, within its metadata"));
                        return Err(self.refuse(why, "copy it anew"));
                    }
                }
                ProcessResult::Record(()) => return Ok(()),
                ProcessResult::Err(error) => return Err(self.refuse(format!("its metadata are no DBN: {error}"), "copy it anew")),
            }
        }
    }

    /// From here on records of this type must be so long, in version 3.
    pub fn expect(&mut self, rtype: u8, size: usize) {
        self.expected = Some((rtype, size));
    }

    /// The next record, in version 3; `None` at the end.
    pub fn next(&mut self) -> Result<Option<RecordRef<'_>>, Error> {
        while !self.is_next_whole()? {
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
        match self.fsm.process() {
            ProcessResult::Record(()) => (),
            ProcessResult::Err(error) => return Err(self.corrupt(&error.to_string())),
            ProcessResult::ReadMore(_) | ProcessResult::Metadata(_) => return Err(self.corrupt("the decoder does not take it")),
        }
        self.records += 1;
        Ok(self.fsm.last_record())
    }

    /// Whether the next record is in memory; refuses one that cannot be.
    fn is_next_whole(&self) -> Result<bool, Error> {
        let data = self.fsm.data();
        let &[words, rtype, ..] = data else { return Ok(false) };
        let size = usize::from(words) * 4;
        // Eight, because every record is: one that isn't would put the rest askew.
        if size < 16 || !size.is_multiple_of(8) {
            return Err(self.corrupt(&format!("its length is {size} bytes")));
        }
        let ts_out = self.metadata.as_ref().is_some_and(|metadata| metadata.ts_out);
        let of_version = changed(self.version, rtype).map(|right| right + if ts_out { 8 } else { 0 });
        let of_schema = self.expected.filter(|(expected, _)| *expected == rtype).map(|(_, right)| right);
        if let Some(right) = of_version.or(of_schema)
            && right != size
        {
            return Err(self.corrupt(&format!("its length is {size} bytes, where records of type {rtype:#04x} have {right}")));
        }
        Ok(data.len() >= size)
    }

    fn fill(&mut self) -> Result<usize, Error> {
        if self.damage.is_some() {
            return Ok(0);
        }
        loop {
            match self.reader.read(self.fsm.space()) {
                Ok(n) => {
                    self.fsm.fill(n);
                    return Ok(n);
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) if why.raw_os_error().is_some() => {
                    let why = format!("reading failed at byte {}: {why}", self.read.get());
                    return Err(self.refuse(why, "check the disk or copy the file anew"));
                }
                Err(why) => {
                    let cut = why.kind() == ErrorKind::UnexpectedEof;
                    self.damage = Some(if cut { "the zstd stream is cut" } else { "the zstd stream is damaged" });
                    return Ok(0);
                }
            }
        }
    }

    /// Why the file ended before its end, if it did; known at the end.
    pub fn truncation(&self) -> Option<String> {
        let left = self.fsm.data().len();
        match self.damage {
            Some(damage) => Some(format!("{damage} after record {}", self.records)),
            None if left > 0 => Some(format!("record {} is cut: {left} bytes of it are there", self.records + 1)),
            None => None,
        }
    }

    /// Bytes of the file read so far.
    pub fn read_bytes(&self) -> u64 {
        self.read.get()
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Refuses the record that was read last, or the next.
    pub fn corrupt(&self, why: &str) -> Error {
        self.refuse(format!("corrupt after record {}: {why}", self.records), "copy it anew")
    }

    pub fn refuse(&self, why: impl Into<String>, cure: &str) -> Error {
        Error::new(Exit::Input, "", why.into(), cure).in_file(&self.path)
    }
}

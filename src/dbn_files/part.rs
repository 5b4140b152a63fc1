//! A file that grows: `….dbn.zst.part`, its head and then blocks; whole blocks only, whatever happens.
//!
//! Its creator holds a lock on it, so that nobody else takes it for one that a dead process left.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::name::{FileName, PART};
use super::note::{Head, Note};
use crate::error::{Error, Exit};

/// Who may read files: like publications, the owner's group.
pub(super) const FILE_MODE: u32 = 0o640;

/// One file that grows.
#[derive(Debug)]
pub(super) struct Part {
    pub file: File,
    /// Where it grows, and what it will be called.
    pub path: PathBuf,
    pub target: PathBuf,
    pub head: Head,
    pub name: FileName,
    /// Bytes of head and whole blocks.
    pub bytes: u64,
    pub sum: Sum,
}

/// What is in a part's blocks, all together.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub first: u64,
    pub next: u64,
    pub records: u64,
    pub lost: u64,
    pub span_ns: (u64, u64),
    pub symbols: Vec<(u32, String)>,
}

impl Sum {
    pub(super) fn from(first: u64) -> Self {
        Self { first, next: first, records: 0, lost: 0, span_ns: (u64::MAX, 0), symbols: Vec::new() }
    }

    pub(super) fn add(&mut self, note: &Note) {
        self.next = note.next;
        self.records += u64::from(note.records);
        self.lost += note.lost;
        self.span_ns = (self.span_ns.0.min(note.span_ns.0), self.span_ns.1.max(note.span_ns.1));
        self.symbols.extend(note.symbols.iter().cloned());
    }
}

impl Part {
    /// Begins the next file of that name's day: the first number that neither a file nor a part has.
    pub(super) fn create(dir: &Path, mut name: FileName, head: Head, first: u64) -> Result<Self, Error> {
        name.number = next_number(dir, &name).map_err(|error| cannot(error, "list", dir))?;
        loop {
            let target = dir.join(name.to_string());
            let path = dir.join(format!("{name}{PART}"));
            let created = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path);
            let mut file = match created {
                Ok(file) => file,
                // Somebody else's, since we looked.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && name.number < u32::MAX => {
                    name.number += 1;
                    continue;
                }
                Err(error) => return Err(cannot(error, "create", &path)),
            };
            let bytes = head.encode();
            let begun = file.try_lock().map_err(std::io::Error::from).and_then(|()| file.write_all(&bytes));
            if let Err(error) = begun {
                let _ = std::fs::remove_file(&path);
                return Err(cannot(error, "write", &path));
            }
            return Ok(Self { file, path, target, head, name, bytes: bytes.len() as u64, sum: Sum::from(first) });
        }
    }

    /// Writes a block behind those that are there. On an error the file ends where it ended before.
    pub(super) fn append(&mut self, block: &[u8]) -> Result<(), Error> {
        self.file.write_all(block).map_err(|error| {
            self.cut_back(self.bytes);
            cannot(error, "write", &self.path)
        })?;
        self.bytes += block.len() as u64;
        Ok(())
    }

    /// Takes back what was written behind `bytes`.
    pub(super) fn cut_back(&mut self, bytes: u64) {
        use std::io::{Seek, SeekFrom};
        self.bytes = bytes;
        // Where even that fails, readers and the next start find a cut block at the end and leave it out.
        let _ = self.file.set_len(bytes).and_then(|()| self.file.seek(SeekFrom::Start(bytes)));
    }
}

fn next_number(dir: &Path, name: &FileName) -> std::io::Result<u32> {
    let mut next = 0;
    for entry in std::fs::read_dir(dir)? {
        let file = entry?.file_name();
        let there = file.to_str().and_then(|file| FileName::parse(file.strip_suffix(PART).unwrap_or(file)));
        if let Some(there) = there
            && there.cmp(&FileName { number: there.number, ..name.clone() }).is_eq()
        {
            next = next.max(there.number.saturating_add(1));
        }
    }
    Ok(next)
}

/// The sentence about a file that the system refuses.
pub(super) fn cannot(error: std::io::Error, what: &str, path: &Path) -> Error {
    let cure = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "make room there",
        std::io::ErrorKind::PermissionDenied => "let this user write there",
        _ => "look at the file system",
    };
    Error::new(Exit::Failed, format!("cannot {what} it"), error, cure).in_file(path)
}

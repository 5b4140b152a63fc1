//! `NAME.recorded`, beside the publication: which files hold what its rings held in this epoch. JSON, one file a line.
//!
//! Written anew under a temporary name and renamed at each change, which are as rare as files are. It tells of one epoch: a new one
//! begins with an empty list. Readers take nothing from it on trust: each file says itself what it is.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::whole::WholeFile;
use crate::error::{Error, Exit};

/// A longer list is not ours: a line is some 250 bytes, an epoch has some hundred files.
const MOST_BYTES: u64 = 64 << 20;

/// One file of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Schema, by its name.
    pub schema: String,
    /// DBN publisher id.
    pub publisher_id: u16,
    /// The publication's epoch.
    pub epoch: u64,
    /// First ring position that the file covers.
    pub first: u64,
    /// The last one; of a part it is not known.
    pub last: Option<u64>,
    /// Its records, and those lost on the way; of a part they are not known.
    pub records: Option<u64>,
    /// See `records`.
    pub lost: Option<u64>,
    /// Where in the file the first note is.
    pub body_at: u64,
    /// The file, or the part that grows.
    pub path: PathBuf,
}

impl Entry {
    pub(super) fn growing(part: &Part) -> Self {
        Self {
            schema: part.name.schema.name().to_owned(),
            publisher_id: part.head.publisher_id,
            epoch: part.head.epoch,
            first: part.sum.first,
            last: None,
            records: None,
            lost: None,
            body_at: 0,
            path: std::path::absolute(&part.path).unwrap_or_else(|_| part.path.clone()),
        }
    }
}

/// Where the list of a publication's files is.
pub fn index_path(dir: &Path, publication: &str) -> PathBuf {
    dir.join(format!("{publication}.recorded"))
}

/// The writer's side of the list.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    entries: Vec<Entry>,
    epoch: u64,
    failure: Option<Error>,
}

impl Index {
    /// An empty list for the epoch with that number, in place of an older one.
    pub fn create(dir: &Path, publication: &str, epoch: u64) -> Result<Self, Error> {
        let mut index = Self { path: index_path(dir, publication), entries: Vec::new(), epoch, failure: None };
        index.write();
        match index.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(index),
        }
    }

    pub(super) fn begin(&mut self, epoch: u64, entries: Vec<Entry>) {
        // Rings go over to a new epoch one after the other: what still comes of the old one is of no use to readers of the new.
        if epoch < self.epoch {
            return;
        }
        if epoch > self.epoch {
            self.entries.clear();
            self.epoch = epoch;
        }
        self.entries.extend(entries);
        self.write();
    }

    /// A part has become a whole file, or nothing.
    pub(super) fn ended(&mut self, part: &Path, file: Option<&WholeFile>) {
        let part = std::path::absolute(part).unwrap_or_else(|_| part.to_owned());
        let Some(at) = self.entries.iter().position(|entry| entry.path == part) else { return };
        match (file, self.entries.get_mut(at)) {
            (Some(file), Some(entry)) => {
                entry.path = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
                entry.body_at = file.body_at;
                (entry.last, entry.records, entry.lost) = (Some(file.positions.1), Some(file.records), Some(file.lost));
            }
            _ => {
                self.entries.remove(at);
            }
        }
        self.write();
    }

    /// Why the list could not be written, once.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    fn write(&mut self) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let temporary = self.path.with_file_name(format!(".{name}.tmp-{}", std::process::id()));
        let mut text = Vec::new();
        for entry in &self.entries {
            text.extend(serde_json::to_vec(entry).unwrap_or_default());
            text.push(b'\n');
        }
        let put = || {
            let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&temporary)?;
            file.write_all(&text)?;
            std::fs::rename(&temporary, &self.path)
        };
        if let Err(error) = put() {
            let _ = std::fs::remove_file(&temporary);
            let cure = "readers of the history will say that records are lost; make room there";
            self.failure = Some(Error::new(Exit::Failed, "cannot write the list of recorded files", error, cure).in_file(&self.path));
        }
    }
}

/// The list as a reader finds it; empty if there is none.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, Error> {
    let refuse = |why: String, line: Option<usize>| {
        let cure = "nothing but the recorder may write it; remove it, and the history begins with what the ring still has";
        let error = Error::new(Exit::Input, "not a list of recorded files", why, cure).in_file(path);
        line.map_or(error.clone(), |line| error.on_line(line))
    };
    let text = match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => return Err(refuse("it is no file".into(), None)),
        Ok(there) if there.len() > MOST_BYTES => return Err(refuse(format!("it has {} bytes", there.len()), None)),
        Ok(_) => std::fs::read_to_string(path),
        Err(error) => Err(error),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refuse(error.to_string(), None)),
    };
    let entry = |(line, text): (usize, &str)| serde_json::from_str(text).map_err(|error| refuse(error.to_string(), Some(line + 1)));
    text.lines().enumerate().map(entry).collect()
}

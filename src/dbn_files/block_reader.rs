//! Blocks out of a file, whole or growing, from its first note on. Everything in the file is input: checked, and refused in one sentence.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::note::{self, Head, MOST_BLOCK_BYTES, Note, PRELUDE};
use crate::error::{Error, Exit};

/// A file of records, block by block.
#[derive(Debug)]
pub(super) struct BlockReader {
    file: File,
    path: PathBuf,
    record_size: usize,
    /// Where the next note is.
    pub at: u64,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// A block; its frame is at `frame_at`.
    Block { note: Note, frame_at: u64 },
    /// The file ends behind the last block.
    End,
    /// It ends in the middle of one.
    Cut,
}

impl BlockReader {
    /// Reads the head, which is at `at`. `None` for a file that ends within it.
    pub(super) fn open(file: File, path: &Path, at: u64, record_size: usize) -> Result<Option<(Self, Head)>, Error> {
        let mut reader = Self { file, path: path.to_owned(), record_size, at };
        let Some(contents) = reader.contents(at)? else { return Ok(None) };
        let head = Head::decode(&contents).ok_or_else(|| reader.damaged(at, "there is no head of a recording"))?;
        reader.at += (PRELUDE + contents.len()) as u64;
        Ok(Some((reader, head)))
    }

    /// The next block's note; the block after it comes next.
    pub(super) fn next(&mut self) -> Result<Next, Error> {
        let at = self.at;
        if self.length()? == at {
            return Ok(Next::End);
        }
        let Some(contents) = self.contents(at)? else { return Ok(Next::Cut) };
        let note = Note::decode(&contents).ok_or_else(|| self.damaged(at, "what stands there is no note of a block"))?;
        if note.records as usize * self.record_size > MOST_BLOCK_BYTES {
            return Err(self.damaged(at, &format!("a block of {} records is longer than any", note.records)));
        }
        let frame_at = at + (PRELUDE + contents.len()) as u64;
        let end = frame_at + u64::from(note.frame_bytes);
        if end > self.length()? {
            return Ok(Next::Cut);
        }
        self.at = end;
        Ok(Next::Block { note, frame_at })
    }

    /// The records of a block, one behind the other.
    pub(super) fn records(&self, note: &Note, frame_at: u64) -> Result<Vec<u8>, Error> {
        let bytes = note.records as usize * self.record_size;
        if note.frame_bytes == 0 {
            return Ok(Vec::new());
        }
        let mut frame = vec![0; note.frame_bytes as usize];
        self.file.read_exact_at(&mut frame, frame_at).map_err(|error| super::part::cannot(error, "read", &self.path))?;
        let records = zstd::bulk::decompress(&frame, bytes).map_err(|error| self.damaged(frame_at, &error.to_string()))?;
        if records.len() != bytes {
            return Err(self.damaged(frame_at, &format!("the block has {} bytes and its note says {bytes}", records.len())));
        }
        Ok(records)
    }

    fn length(&self) -> Result<u64, Error> {
        self.file.metadata().map(|there| there.len()).map_err(|error| super::part::cannot(error, "examine", &self.path))
    }

    /// Contents of the note at `at`; `None` if the file ends before they do.
    fn contents(&self, at: u64) -> Result<Option<Vec<u8>>, Error> {
        let length = self.length()?;
        let mut prelude = [0; PRELUDE];
        if length < at.saturating_add(PRELUDE as u64) {
            return Ok(None);
        }
        let cannot = |error| super::part::cannot(error, "read", &self.path);
        self.file.read_exact_at(&mut prelude, at).map_err(cannot)?;
        let bytes = note::contents_of(prelude).ok_or_else(|| self.damaged(at, "there is no note of a recording"))?;
        if length < at.saturating_add((PRELUDE + bytes) as u64) {
            return Ok(None);
        }
        let mut contents = vec![0; bytes];
        self.file.read_exact_at(&mut contents, at + PRELUDE as u64).map_err(cannot)?;
        Ok(Some(contents))
    }

    pub(super) fn damaged(&self, at: u64, why: &str) -> Error {
        let cure = "it was changed since it was written, or is no recording; remove it, and its records are told as lost";
        Error::new(Exit::Input, format!("damaged at byte {at}"), why, cure).in_file(&self.path)
    }
}

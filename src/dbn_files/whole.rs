//! From a part to a whole file: metadata, then the part's bytes, under a temporary name; then the rename.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::metadata::{self, Told};
use super::part::{FILE_MODE, Part, cannot};
use crate::error::{Error, Exit};
use crate::record::Schema;

/// A file that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub schema: Schema,
    /// Whose records.
    pub publisher_id: u16,
    /// How many.
    pub records: u64,
    /// Its bytes, compressed.
    pub bytes: u64,
    /// Where its first note is: behind the metadata.
    pub body_at: u64,
    /// First and last ring position that it covers.
    pub positions: (u64, u64),
    /// Records lost on the way into it.
    pub lost: u64,
}

/// Makes the part a whole file, which lies on the disk when this returns. The part is still there: who listed it removes it. `None` for a
/// part without a record, which becomes nothing.
pub(super) fn finish(part: &mut Part) -> Result<Option<WholeFile>, Error> {
    if part.sum.records == 0 {
        return Ok(None);
    }
    let told = Told { dataset: &part.head.dataset, schema: part.name.schema, span_ns: part.sum.span_ns, symbols: &part.sum.symbols };
    let metadata = metadata::encode(&told).map_err(|why| {
        let cure = "its records stay in the part; please report it";
        Error::new(Exit::Failed, "its metadata cannot be made", why, cure).in_file(&part.target)
    })?;
    let temporary = temporary_of(&part.target);
    let body_at = write(part, &metadata, &temporary).map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        let mut error = cannot(error, "write", &part.target);
        error.cure += &format!(
            "; its {} records are safe in {}, which the next recording there makes whole",
            part.sum.records,
            part.path.file_name().unwrap_or_default().to_string_lossy()
        );
        error
    })?;
    Ok(Some(WholeFile {
        path: part.target.clone(),
        schema: part.name.schema,
        publisher_id: part.head.publisher_id,
        records: part.sum.records,
        bytes: body_at + part.bytes,
        body_at,
        positions: (part.sum.first, part.sum.next.saturating_sub(1)),
        lost: part.sum.lost,
    }))
}

pub(super) fn temporary_of(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.tmp"))
}

fn write(part: &mut Part, metadata: &[u8], temporary: &Path) -> std::io::Result<u64> {
    let metadata = zstd::bulk::compress(metadata, super::ring_files::LEVEL)?;
    let mut out: File = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(temporary)?;
    out.write_all(&metadata)?;
    part.file.rewind()?;
    // Between two files the kernel copies, or shares the blocks where the file system can.
    let copied = std::io::copy(&mut (&mut part.file).take(part.bytes), &mut out)?;
    if copied != part.bytes {
        return Err(std::io::Error::other("the part became shorter than what was written to it"));
    }
    // The part is removed next: what replaces it must have reached the disk.
    out.sync_data()?;
    std::fs::rename(temporary, &part.target)?;
    Ok(metadata.len() as u64)
}

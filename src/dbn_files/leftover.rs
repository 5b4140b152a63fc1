//! What a killed recorder left: parts, whole up to their last block. They are made whole files at the next start.

use std::fs::OpenOptions;
use std::path::PathBuf;

use super::block_reader::{BlockReader, Next};
use super::name::{FileName, PART};
use super::part::{Part, Sum, cannot};
use super::whole::{WholeFile, finish, temporary_of};
use crate::error::{Error, Exit};

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a whole file now. `cut`: its last block had not been written to its end, and is left out.
    MadeWhole {
        /// The file.
        file: WholeFile,
        /// Bytes left out at its end.
        cut_bytes: u64,
    },
    /// It held no record, or its whole file was there already: it is removed.
    Removed(PathBuf),
    /// Somebody writes it.
    InUse(PathBuf),
}

/// Makes a part whole that a dead process left. One that is no recording is refused, and stays.
pub fn recover(path: PathBuf) -> Result<Outcome, Error> {
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(|error| cannot(error, "open", &path))?;
    if file.try_lock().is_err() {
        return Ok(Outcome::InUse(path));
    }
    let text = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let not_ours = || Error::new(Exit::Input, "not a part of a recording", "its name is none", "").in_file(&path);
    let name = FileName::parse_part(text).ok_or_else(not_ours)?;
    let target = path.with_file_name(text.strip_suffix(PART).unwrap_or(text));
    let remove = |path: PathBuf| {
        std::fs::remove_file(&path).map_err(|error| cannot(error, "remove", &path))?;
        Ok(Outcome::Removed(path))
    };
    // Half of a whole file, if the end came just then.
    let _ = std::fs::remove_file(temporary_of(&target));
    if target.exists() {
        return remove(path);
    }
    let length = file.metadata().map_err(|error| cannot(error, "examine", &path))?.len();
    let again = file.try_clone().map_err(|error| cannot(error, "open", &path))?;
    let Some((mut reader, head)) = BlockReader::open(again, &path, 0, name.schema.record_size())? else { return remove(path) };
    if head.rtype != name.schema.rtype() {
        return Err(reader.damaged(0, "its name tells another schema than its head"));
    }
    let mut sum: Option<Sum> = None;
    let mut end = reader.at;
    // A power failure can leave holes where nobody looked: every block is unpacked and compared with its check sum.
    while let Ok(Next::Block { note, frame_at }) = reader.next() {
        if reader.records(&note, frame_at).is_err() {
            break;
        }
        sum.get_or_insert_with(|| Sum::from(note.first)).add(&note);
        end = reader.at;
    }
    let sum = sum.unwrap_or_else(|| Sum::from(1));
    let mut part = Part { file, path, target, head, name, bytes: end, sum };
    match finish(&mut part)? {
        None => remove(part.path),
        Some(whole) => {
            let _ = remove(part.path)?;
            Ok(Outcome::MadeWhole { file: whole, cut_bytes: length - end })
        }
    }
}

//! The directory of the files: that it can be written is seen before the work, and what is in it of a publication.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::name::FileName;
use super::part::cannot;
use crate::error::{Error, Exit};

/// Makes the directory, and sees whether files can be made in it. `key` is what named it.
pub fn make_writable(dir: &Path, key: &str, exit: Exit) -> Result<(), Error> {
    std::fs::create_dir_all(dir).and_then(|()| probe(dir)).map_err(|error| refuse(error, dir, key, exit))
}

/// Whether [`make_writable`] would succeed; leaves nothing behind.
pub fn could_be_writable(dir: &Path, key: &str, exit: Exit) -> Result<(), Error> {
    let there = std::path::absolute(dir).ok().and_then(|dir| dir.ancestors().find(|dir| dir.exists()).map(Path::to_owned));
    probe(&there.unwrap_or_else(|| dir.to_owned())).map_err(|error| refuse(error, dir, key, exit))
}

fn refuse(error: std::io::Error, dir: &Path, key: &str, exit: Exit) -> Error {
    let cure = "name a directory that is there, or can be made, and can be written";
    Error::new(exit, format!("{key}: files cannot be written there"), error, cure).in_file(dir)
}

fn probe(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(format!(".tickwire.tmp-{}", std::process::id()));
    OpenOptions::new().write(true).create(true).truncate(true).open(&probe)?;
    std::fs::remove_file(&probe)
}

/// Parts of a publication in `dir`: those that grow, and those that a kill left.
pub fn parts(dir: &Path, publication: &str) -> Result<Vec<PathBuf>, Error> {
    list(dir, |name| FileName::parse_part(name).is_some_and(|name| name.publication == publication))
}

/// Whole files and parts of a publication in `dir`.
pub fn files(dir: &Path, publication: &str) -> Result<Vec<PathBuf>, Error> {
    let ours = |name: &str| FileName::parse(name).or_else(|| FileName::parse_part(name));
    list(dir, |name| ours(name).is_some_and(|name| name.publication == publication))
}

fn list(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| cannot(error, "list", dir))? {
        let path = entry.map_err(|error| cannot(error, "list", dir))?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(&wanted) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

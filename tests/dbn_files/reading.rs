//! Files through the `dbn` crate: somebody else's reader of what we write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dbn::Metadata;
use dbn::decode::dbn::Decoder;
use dbn::decode::{DbnMetadata, DecodeRecordRef};

/// A file as the crate reads it.
pub struct Read {
    pub metadata: Metadata,
    /// Every record's bytes, in order.
    pub records: Vec<Vec<u8>>,
}

impl Read {
    /// Ids by the metadata's mappings: id -> symbol, for the file's day.
    pub fn symbols(&self) -> BTreeMap<u32, String> {
        let intervals =
            self.metadata.mappings.iter().flat_map(|mapping| {
                mapping.intervals.iter().map(|interval| (interval.symbol.parse().unwrap(), mapping.raw_symbol.clone()))
            });
        intervals.collect()
    }
}

pub fn read(path: &Path) -> Read {
    let mut decoder = Decoder::from_zstd_file(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let metadata = decoder.metadata().clone();
    let mut records = Vec::new();
    while let Some(record) = decoder.decode_record_ref().unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        records.push(AsRef::<[u8]>::as_ref(&record).to_vec());
    }
    Read { metadata, records }
}

/// Names of the files in a directory, sorted.
pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Paths of the whole files of a schema, in the order of their names.
pub fn files(dir: &Path, schema: &str) -> Vec<PathBuf> {
    let of = format!(".{schema}.");
    names(dir).into_iter().filter(|name| name.ends_with(".dbn.zst") && name.contains(&of)).map(|name| dir.join(name)).collect()
}

/// All records of a schema, file by file.
pub fn all(dir: &Path, schema: &str) -> Vec<Vec<u8>> {
    files(dir, schema).iter().flat_map(|file| read(file).records).collect()
}

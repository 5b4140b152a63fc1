//! A replay's DBN files: where they go is looked at before the work, what is whole is said when it fails.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::ReplayConfig;
use crate::dbn_files::{self, FilesConfig, FilesSink, Index, WholeFile, directory};
use crate::error::{Error, Exit};
use crate::plan::schemas_of;

/// Where DBN files go.
#[derive(Clone, Debug)]
pub struct ReplayFiles {
    /// The directory; it is made if it is not there.
    pub dir: PathBuf,
}

impl ReplayFiles {
    /// What the files' names begin with: the publication's name, or the feed's.
    fn name(config: &ReplayConfig) -> String {
        config.publish.as_ref().map_or_else(|| config.feed.name().to_owned(), |publication| publication.name.clone())
    }

    /// Refuses now what would fail after hours.
    pub(super) fn look(&self, config: &ReplayConfig) -> Result<(), Error> {
        directory::make_writable(&self.dir, "--dbn", Exit::Usage)?;
        let there = directory::files(&self.dir, &Self::name(config))?;
        if let Some(first) = there.first() {
            let why =
                format!("it has files of {} already ({})", Self::name(config), first.file_name().unwrap_or_default().to_string_lossy());
            let cure = "name another directory: two replays in one look like one with every record twice";
            return Err(Error::new(Exit::Usage, "--dbn", why, cure).in_file(&self.dir));
        }
        Ok(())
    }

    pub(super) fn sink(&self, config: &ReplayConfig, epoch: Option<u64>) -> Result<FilesSink, Error> {
        // Readers find the files by the publication's name.
        let index = match (&config.publish, epoch) {
            (Some(publication), Some(epoch)) => Some(Arc::new(Mutex::new(Index::create(&publication.dir, &publication.name, epoch)?))),
            _ => None,
        };
        let files = FilesConfig {
            dir: self.dir.clone(),
            publication: Self::name(config),
            publishers: vec![dbn_files::Publisher { id: config.feed.publisher_id(), dataset: dbn_files::dataset(config.feed).to_owned() }],
            rotate_bytes: u64::MAX,
            in_background: false,
            index,
        };
        Ok(FilesSink::new(&Arc::new(files), schemas_of(config.feed), epoch.unwrap_or(1)))
    }
}

/// The sentence about a replay whose files could not be written to their end. What did not become whole is removed: the replay can be had again.
pub(super) fn unfinished(mut failure: Error, whole: &[WholeFile], config: &ReplayConfig) -> Error {
    let parts = config.dbn.as_ref().and_then(|dbn| directory::parts(&dbn.dir, &ReplayFiles::name(config)).ok()).unwrap_or_default();
    parts.iter().for_each(|part| drop(std::fs::remove_file(part)));
    let records: u64 = whole.iter().map(|file| file.records).sum();
    let said = match whole.len() {
        0 => "no file is whole".to_owned(),
        1 => format!("1 file is whole, with {records} records up to there"),
        files => format!("{files} files are whole, with {records} records up to there"),
    };
    failure.why = format!("{} ({said}; the replay ended there)", failure.why);
    failure
}

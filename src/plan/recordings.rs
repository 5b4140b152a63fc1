//! Recordings: which rings go to which DBN files.

use std::path::PathBuf;

use super::LanePlan;
use crate::config::ConfigFile;
use crate::error::Error;
use crate::record::Schema;

/// The recording of one publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingPlan {
    /// The publication.
    pub publication: String,
    /// Where the files are written.
    pub dir: PathBuf,
    /// What is recorded.
    pub schemas: Vec<Schema>,
    /// A file is closed when it has so many bytes of records.
    pub rotate_bytes: u64,
}

/// Every `[publication.recording]`.
pub(super) fn plan(file: &ConfigFile, lanes: &[LanePlan]) -> Result<Vec<RecordingPlan>, Error> {
    let recordings = file.config.publication.iter().filter_map(|publication| {
        let recording = publication.recording.as_ref()?.get_ref();
        let name = publication.name.get_ref();
        let spec = lanes.iter().flat_map(|lane| &lane.publications).find(|spec| spec.name == *name)?;
        Some(RecordingPlan {
            publication: name.clone(),
            dir: recording.dir.get_ref().clone(),
            schemas: spec.rings.iter().map(|ring| ring.schema).filter(|schema| schema.is_dbn()).collect(),
            rotate_bytes: *recording.rotate_mib.get_ref() << 20,
        })
    });
    Ok(recordings.collect())
}

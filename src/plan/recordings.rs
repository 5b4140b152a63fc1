//! Recordings: which rings go to which DBN files.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::names::choices;
use super::{ComputedPlan, LanePlan};
use crate::config::{ConfigFile, Recording};
use crate::dbn_files::{Publisher, dataset};
use crate::error::Error;
use crate::record::Schema;
use crate::shm::PublicationSpec;

/// Below, a busy day is ten thousands of files; above, one is larger than most disks.
const ROTATE_MIB: std::ops::RangeInclusive<u64> = 16..=1 << 20;

/// The recording of one publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingPlan {
    /// The publication.
    pub publication: String,
    /// Where the files are written. Several publications may share it: files' names begin with the publication's.
    pub dir: PathBuf,
    /// What is recorded.
    pub schemas: Vec<Schema>,
    /// Whose records there are, and what DBN calls them.
    pub publishers: Vec<Publisher>,
    /// A file is closed when it has so many bytes of records.
    pub rotate_bytes: u64,
}

impl RecordingPlan {
    /// What its user should know besides.
    pub fn remark(&self, publication_dir: &Path) -> Option<String> {
        let device = |path: &Path| {
            let there = std::path::absolute(path).ok()?;
            let there = there.ancestors().find_map(|path| std::fs::metadata(path).ok())?;
            Some(there.dev())
        };
        let same = device(&self.dir)? == device(publication_dir)?;
        let dir = self.dir.display();
        same.then(|| {
            format!("{dir} is on the file system of the publications: if that is memory, so are the files, and they take its room")
        })
    }
}

/// Every `[publication.recording]`.
pub(super) fn plan(file: &ConfigFile, lanes: &[LanePlan], computed: &[ComputedPlan]) -> Result<Vec<RecordingPlan>, Error> {
    let mut recordings = Vec::new();
    for publication in &file.config.publication {
        let Some(recording) = &publication.recording else { continue };
        let name = publication.name.get_ref();
        let of = publication.of.as_ref().map_or(name, |of| of.get_ref());
        let computed = computed.iter().map(|computed| &computed.spec);
        let spec = lanes.iter().flat_map(|lane| &lane.publications).chain(computed).find(|spec| spec.name == *name);
        if let Some(spec) = spec {
            let written = recording.get_ref();
            recordings.push(RecordingPlan {
                publication: name.clone(),
                dir: dir(file, written)?,
                schemas: schemas(file, written, spec, recording.span())?,
                publishers: publishers(lanes, of),
                rotate_bytes: rotate_bytes(file, written)?,
            });
        }
    }
    Ok(recordings)
}

fn dir(file: &ConfigFile, recording: &Recording) -> Result<PathBuf, Error> {
    let (dir, key) = (recording.dir.get_ref(), "publication.recording.dir");
    if dir.as_os_str().is_empty() {
        return Err(file.refuse(recording.dir.span(), key, "it is empty", "name a directory on a disk, such as /var/lib/tickwire"));
    }
    if dir.starts_with(&file.config.service.publication_dir) {
        let what = format_args!("{} is where publications are, in memory", dir.display());
        return Err(file.refuse(recording.dir.span(), key, what, "name a directory on a disk"));
    }
    Ok(dir.clone())
}

fn schemas(file: &ConfigFile, recording: &Recording, spec: &PublicationSpec, place: std::ops::Range<usize>) -> Result<Vec<Schema>, Error> {
    let rings: Vec<Schema> = spec.rings.iter().map(|ring| ring.schema).filter(|schema| schema.is_dbn()).collect();
    let key = "publication.recording.schemas";
    let Some(written) = &recording.schemas else {
        if rings.is_empty() {
            let what = format_args!("publication `{}` has no ring that DBN has a schema for", spec.name);
            return Err(file.refuse(place, "publication.recording", what, "remove the recording, or add a ring"));
        }
        return Ok(rings);
    };
    if written.get_ref().is_empty() {
        let what = "the list is empty: nothing would be recorded";
        return Err(file.refuse(written.span(), key, what, "name schemas, or leave the key out for all"));
    }
    let mut schemas = Vec::new();
    for name in written.get_ref() {
        let text = name.get_ref().as_str();
        let Some(schema) = Schema::from_name(text).filter(|schema| rings.contains(schema)) else {
            let what = match Schema::from_name(text) {
                None => format!("there is no schema `{text}`"),
                Some(schema) if !schema.is_dbn() => format!("DBN has no schema for {text}, so it cannot go to its files"),
                Some(_) => format!("publication `{}` has no {text} ring", spec.name),
            };
            return Err(file.refuse(name.span(), key, what, choices(text, rings.iter().map(|schema| schema.name()))));
        };
        if schemas.contains(&schema) {
            return Err(file.refuse(name.span(), key, format_args!("{text} is named twice"), "remove one"));
        }
        schemas.push(schema);
    }
    Ok(schemas)
}

fn rotate_bytes(file: &ConfigFile, recording: &Recording) -> Result<u64, Error> {
    let mib = *recording.rotate_mib.get_ref();
    if ROTATE_MIB.contains(&mib) {
        return Ok(mib << 20);
    }
    let (what, cure) = (format!("{mib} is out of range"), format!("use {} to {}", ROTATE_MIB.start(), ROTATE_MIB.end()));
    Err(file.refuse(recording.rotate_mib.span(), "publication.recording.rotate_mib", what, cure))
}

/// Each publisher of the channels that feed a publication, once.
fn publishers(lanes: &[LanePlan], publication: &str) -> Vec<Publisher> {
    let mut publishers: Vec<Publisher> = Vec::new();
    for lane in lanes {
        let Some(index) = lane.publications.iter().position(|spec| spec.name == publication) else { continue };
        for channel in lane.channels.iter().filter(|channel| channel.publication == index) {
            let (id, dataset) = (channel.config.feed.publisher_id(), dataset(channel.config.feed).to_owned());
            if publishers.iter().all(|publisher| publisher.id != id) {
                publishers.push(Publisher { id, dataset });
            }
        }
    }
    publishers
}

//! The directory of a benchmark's publication: given, or one of its own that goes when the round is over.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::NAME;
use crate::error::{Error, Exit};
use crate::shm::{Publication, WriterState};

/// Where publications are by default, ours included.
const PUBLICATIONS: &str = "/dev/shm/tickwire";

/// A directory, and what of it is to be removed.
pub(super) struct Folder {
    path: PathBuf,
    /// It is ours.
    remove: bool,
    /// So is the one above it.
    remove_parent: bool,
}

impl Folder {
    /// The given directory, or a fresh one in memory.
    pub fn new(given: Option<&Path>) -> Result<Self, Error> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        if let Some(path) = given {
            return Ok(Self { path: path.to_owned(), remove: false, remove_parent: false });
        }
        let parent = Path::new(PUBLICATIONS);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("bench-{}-{number}", std::process::id()));
        let remove_parent = !parent.exists();
        sweep(parent);
        let made = std::fs::create_dir_all(&path);
        let folder = Self { path, remove: true, remove_parent };
        made.map_err(|error| {
            let cure = "name a directory on a tmpfs that this user may write";
            Error::new(Exit::Host, format!("cannot make {}", folder.path.display()), error, cure)
        })?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes what benchmarks left that were killed: memory nobody would get back. A writer that lives holds a lock on its file.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let dir = entry.path();
        let is_ours = entry.file_name().to_string_lossy().starts_with("bench-") && entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_dead = |publication: Publication| matches!(publication.writer(), Ok(WriterState::Dead));
        if is_ours && Publication::open(&dir, NAME).is_ok_and(is_dead) {
            // Only what a writer leaves is in it; if it is another user's, that user's next benchmark removes it.
            let _ = std::fs::remove_dir_all(&dir);
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Empty by now: the publication is gone. What is not empty is somebody else's, and stays.
        if self.remove {
            let _ = std::fs::remove_dir(&self.path);
        }
        if self.remove_parent
            && let Some(parent) = self.path.parent()
        {
            let _ = std::fs::remove_dir(parent);
        }
    }
}

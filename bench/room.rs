//! Where a benchmark keeps its rings: a folder in memory that is gone when it ends, or, if it was stopped before its end, when the next begins.

use std::path::{Path, PathBuf};

const PREFIX: &str = "tickwire-bench-";

pub struct Room(PathBuf);

impl Room {
    /// In shared memory, because a disk behind the mapping would be measured too.
    pub fn make() -> Self {
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        clear_dead(&parent);
        let path = parent.join(format!("{PREFIX}{}", std::process::id()));
        if let Err(error) = std::fs::create_dir_all(&path) {
            eprintln!("cannot make {}: {error}; a benchmark needs some 100 MB of shared memory", path.display());
            std::process::exit(1);
        }
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes what processes that are no more have left.
fn clear_dead(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

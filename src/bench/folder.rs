//! A directory in memory that is gone when the round is, however the round ends: kill -9 included.
//!
//! A process that is killed removes nothing, so a second one waits for the end of us and of the child, and removes what is left: `sh`, at
//! the reading end of a pipe whose writing ends only we two hold. It is in a process group of its own, so that Ctrl-C passes it by. Where
//! that one is killed as well, the next run removes what is left: each holds a lock on its directory as long as it lives.

use std::fs::File;
use std::io::{PipeWriter, pipe};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Exit};

/// Where what is only for a round is written: memory, or a disk would be measured.
pub(super) const MEMORY: &str = "/dev/shm";

/// What the names of directories begin with; process and number follow.
const NAMES: &str = "tickwire-bench-";

/// Waits for the end of its input, then removes what its first argument names. Whatever of this is not there, it removes nothing too early.
const REMOVE_AT_END: &str = "while read -r _; do :; done; rm -rf -- \"$1\"";

/// The directory.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked: whoever can lock it too finds it left behind.
    _lock: Option<File>,
    /// Held until the end.
    alive: Option<PipeWriter>,
    /// Who removes what we could not.
    remover: Option<Child>,
}

impl Folder {
    /// Makes a fresh one in `parent`, which should be memory.
    pub fn new(parent: &Path) -> Result<Self, Error> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let refuse = |what: String, error: std::io::Error| {
            let cure = "name a directory on a tmpfs that this user may write";
            Error::new(Exit::Host, what, error, cure)
        };
        let path = parent.join(format!("{NAMES}{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
        // Not there before, nobody's but ours.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| refuse(format!("cannot make {}", path.display()), error))?;
        let lock = File::open(&path).ok().filter(|lock| lock.try_lock().is_ok());
        let mut folder = Self { path, _lock: lock, alive: None, remover: None };
        let (reader, writer) = pipe().map_err(|error| refuse("cannot make a pipe".into(), error))?;
        folder.alive = Some(writer);
        let mut remover = Command::new("/bin/sh");
        remover.args(["-c", REMOVE_AT_END, "sh"]).arg(&folder.path).stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
        // Where there is no shell, what a kill leaves has to be removed by hand.
        folder.remover = remover.current_dir("/").process_group(0).spawn().ok();
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What whoever works in the directory holds, as its standard input: while it does nothing is removed.
    pub fn alive(&self) -> Stdio {
        self.alive.as_ref().and_then(|alive| alive.try_clone().ok()).map_or_else(Stdio::null, Stdio::from)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
        drop(self.alive.take());
        if let Some(mut remover) = self.remover.take() {
            let _ = remover.wait();
        }
    }
}

/// Removes what runs that were killed have left in `parent`, as far as it is this user's, and says what that was.
pub(super) fn remove_left_behind(parent: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut removed: Vec<String> = entries.filter_map(|entry| left_behind(&entry.path())).collect();
    removed.sort_unstable();
    removed
}

fn left_behind(path: &Path) -> Option<String> {
    let (process, _) = path.file_name()?.to_str()?.strip_prefix(NAMES)?.split_once('-')?;
    let process: u32 = process.parse().ok()?;
    // Of a process that lives, even if it is another of the same number.
    if Path::new("/proc").join(process.to_string()).exists() || !path.symlink_metadata().ok()?.is_dir() {
        return None;
    }
    // Numbers mean nothing where it runs in another container.
    let lock = File::open(path).ok()?;
    lock.try_lock().ok()?;
    std::fs::remove_dir_all(path).ok()?;
    Some(path.display().to_string())
}

//! A directory in memory that is gone when the round is, however the round ends: kill -9 included.
//!
//! A process that is killed removes nothing, so a second one waits for the end of us and of the child, and removes what is left: `sh`, at
//! the reading end of a pipe whose writing ends only we two hold. It is in a process group of its own, so that Ctrl-C passes it by.

use std::io::{PipeWriter, pipe};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Exit};

/// Where what is only for a round is written: memory, or a disk would be measured.
pub(super) const MEMORY: &str = "/dev/shm";

/// Waits for the end of its input, then removes what its first argument names. Whatever of this is not there, it removes nothing too early.
const REMOVE_AT_END: &str = "while read -r _; do :; done; rm -rf -- \"$1\"";

/// The directory.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
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
        let path = parent.join(format!("tickwire-bench-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
        // Not there before, nobody's but ours.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| refuse(format!("cannot make {}", path.display()), error))?;
        let mut folder = Self { path, alive: None, remover: None };
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

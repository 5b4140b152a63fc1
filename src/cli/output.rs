//! Files that a command writes: opened before the work, whole when they appear.
//!
//! A path that cannot be written is refused before an hour's replay and not after it; a file is written under a temporary name
//! beside its own and renamed when it is whole, so that nobody takes half a books file for a day's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Exit};

/// Where a file will go. Dropped unfinished it leaves nothing behind.
pub(super) struct Output {
    path: PathBuf,
    what: &'static str,
    to: To,
}

enum To {
    Stdout,
    /// A pipe or a device: cannot be renamed over.
    Stream(File),
    File {
        file: File,
        temporary: PathBuf,
        target: PathBuf,
    },
}

impl Output {
    /// Opens `path` for writing (`-`: standard output). `input`, which is read meanwhile, may not be the same file.
    pub(super) fn open(path: &Path, what: &'static str, input: Option<&Path>) -> Result<Self, Error> {
        let refuse = |error: io::Error| {
            let cure = "name a file in a directory that exists and can be written";
            Error::new(Exit::Usage, format!("{what} cannot be written"), error, cure).in_file(path)
        };
        let opened = |to| Self { path: path.to_owned(), what, to };
        if path == Path::new("-") {
            return Ok(opened(To::Stdout));
        }
        let target = match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(refuse(io::ErrorKind::IsADirectory.into())),
            Ok(there) if !there.is_file() => return Ok(opened(To::Stream(OpenOptions::new().write(true).open(path).map_err(refuse)?))),
            // Behind a symbolic link it is the file that is replaced, not the link.
            Ok(_) => path.canonicalize().map_err(refuse)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(refuse(error)),
        };
        if input.is_some_and(|input| input.canonicalize().is_ok_and(|input| input == target)) {
            let why = "it is the file to be read";
            return Err(Error::new(Exit::Usage, format!("{what} cannot be written"), why, "name another file").in_file(path));
        }
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = target.with_file_name(format!(".{name}.tmp-{}", std::process::id()));
        let file = File::create(&temporary).map_err(refuse)?;
        Ok(opened(To::File { file, temporary, target }))
    }

    /// The same for an option.
    pub(super) fn open_all<'a>(
        wanted: impl IntoIterator<Item = (Option<&'a PathBuf>, &'static str)>,
        input: Option<&Path>,
    ) -> Result<Vec<Option<Self>>, Error> {
        let mut taken: Vec<(&Path, &str)> = Vec::new();
        let mut outputs = Vec::new();
        for (path, what) in wanted {
            let Some(path) = path else {
                outputs.push(None);
                continue;
            };
            if let Some((_, other)) = taken.iter().find(|(other, _)| *other == path) {
                let what = format!("{what} cannot be written");
                let why = format!("{other} goes to the same place");
                return Err(Error::new(Exit::Usage, what, why, "name another file").in_file(path));
            }
            taken.push((path, what));
            outputs.push(Some(Self::open(path, what, input)?));
        }
        Ok(outputs)
    }

    /// Whether it is standard output.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self.to, To::Stdout)
    }

    /// What takes the bytes, unbuffered.
    pub(super) fn writer(&mut self) -> Box<dyn Write + '_> {
        match &mut self.to {
            To::Stdout => Box::new(io::stdout().lock()),
            To::Stream(file) | To::File { file, .. } => Box::new(file),
        }
    }

    /// Writes all there is to write, and lets the file appear.
    pub(super) fn fill(mut self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
        let written = {
            let mut out = BufWriter::new(self.writer());
            fill(&mut out).and_then(|()| out.flush())
        };
        written.map_err(|error| self.failed(error))?;
        self.finish()
    }

    /// Lets the file appear.
    pub(super) fn finish(self) -> Result<(), Error> {
        match &self.to {
            To::File { temporary, target, .. } => fs::rename(temporary, target).map_err(|error| self.failed(error)),
            To::Stdout | To::Stream(_) => Ok(()),
        }
    }

    fn failed(&self, error: io::Error) -> Error {
        let cure = "make room, or name a file elsewhere";
        Error::new(Exit::Failed, format!("{} could not be written", self.what), error, cure).in_file(&self.path)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let To::File { temporary, .. } = &self.to {
            // After `finish` it is gone already.
            let _ = fs::remove_file(temporary);
        }
    }
}

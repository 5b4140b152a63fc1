//! What can go wrong with a publication, in sentences that say what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::record::Schema;

/// Everything that opening, writing or reading a publication may refuse with. Shown for debugging it is the same sentence, so that
/// `main` may return it.
#[non_exhaustive]
pub enum ShmError {
    /// The name cannot be a publication's.
    Name {
        /// As given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The specification cannot be built.
    Spec {
        /// Publication.
        name: String,
        /// What is wrong, and what would do.
        why: String,
    },
    /// Another process (or another publisher of this one) writes a publication of this name.
    InUse {
        /// Its lock file.
        path: PathBuf,
        /// Its process id as it wrote it down; 0 if unknown.
        pid: u32,
    },
    /// The file system has not enough room.
    NoRoom {
        /// Publication file.
        path: PathBuf,
        /// Bytes needed, room for the next epoch included.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// No such publication.
    NotFound {
        /// Its file.
        path: PathBuf,
    },
    /// The file is no publication that this version can read.
    Refused {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong with it.
        why: String,
    },
    /// The publication has no ring of this schema.
    NoRing {
        /// Its file.
        path: PathBuf,
        /// What was asked for.
        schema: Schema,
        /// What it has.
        has: Vec<Schema>,
    },
    /// The publication has no instrument of this symbol (yet).
    NoSymbol {
        /// Its file.
        path: PathBuf,
        /// As asked for.
        symbol: String,
    },
    /// What is read is not what a writer of ours writes.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What and where.
        why: String,
    },
    /// Every gate is taken.
    NoGate {
        /// The gate file.
        path: PathBuf,
        /// How many there are.
        gates: usize,
    },
    /// The file is no order-level image that this version can read.
    Image {
        /// The image file.
        path: PathBuf,
        /// The first thing that is wrong with it.
        why: String,
    },
    /// There is nothing to know the orders from that rest already.
    NoImage {
        /// Where the image would be.
        path: PathBuf,
        /// Why there is none to start from.
        why: String,
    },
    /// The operating system refused.
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
}

impl ShmError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

impl fmt::Display for ShmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => {
                write!(f, "publication name {name:?}: {why}; use 1 to 64 letters, digits, '.', '_' or '-', not starting with '.'")
            }
            Self::Spec { name, why } => write!(f, "publication {name:?}: {why}"),
            Self::InUse { path, pid: 0 } => {
                write!(f, "{}: another process writes this publication; stop it or choose another name", path.display())
            }
            Self::InUse { path, pid } => {
                write!(f, "{}: process {pid} writes this publication; stop it or choose another name", path.display())
            }
            Self::NoRoom { path, needed, free } => write!(
                f,
                "{}: needs {needed} bytes (two epochs), but only {free} are free there; make the file system larger \
                 (mount -o remount,size=…), the rings shorter, or choose another directory",
                path.display()
            ),
            Self::NotFound { path } => write!(f, "{}: no such publication; is its writer running?", path.display()),
            Self::Refused { path, why } => write!(f, "{}: not a publication this version can read: {why}", path.display()),
            Self::NoRing { path, schema, has } => {
                write!(f, "{}: has no {} ring; it has", path.display(), schema.name())?;
                if has.is_empty() {
                    write!(f, " none")?;
                }
                for schema in has {
                    write!(f, " {}", schema.name())?;
                }
                Ok(())
            }
            Self::NoSymbol { path, symbol } => {
                write!(f, "{}: no instrument {symbol:?} so far; symbols are as the feed writes them", path.display())
            }
            Self::Corrupt { path, why } => {
                write!(f, "{}: damaged: {why}; nothing but its writer may write this file", path.display())
            }
            Self::NoGate { path, gates } => {
                write!(f, "{}: all {gates} gates are taken; read without a gate, or let one reader end", path.display())
            }
            Self::Image { path, why } => {
                write!(f, "{}: not an image this version can read: {why}; the next one takes its place", path.display())
            }
            Self::NoImage { path, why } => write!(
                f,
                "{}: no image to start from: {why}, and the mbo ring has lost its beginning; have the writer make images \
                 ([publication.image]), wait for the next one, or start before the session",
                path.display()
            ),
            Self::Io { what, path, source } => write!(f, "{}: cannot {what}: {source}", path.display()),
        }
    }
}

impl fmt::Debug for ShmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for ShmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

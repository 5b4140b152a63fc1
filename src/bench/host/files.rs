//! The kernel's files, read below a root: bounded, and never a reason to stop.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::core_list::CoreList;

/// The most that is read of one file: `/proc/interrupts` of a machine with 512 cores has 2 MiB.
const LONGEST_FILE: u64 = 8 << 20;
/// The most entries that are looked at in one folder.
const MOST_ENTRIES: usize = 1 << 16;

/// What could not be read, and why not, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread(pub(super) String);

impl Unread {
    fn of(path: &str, error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self(format!("there is no /{path}")),
            _ => Self(format!("/{path} cannot be read ({error})")),
        }
    }

    /// It was read, and says nothing that can be understood.
    pub(super) fn absurd(path: &str, text: &str) -> Self {
        Self(format!("/{path} says `{}`, which cannot be understood", shown(text)))
    }
}

/// A root and what lies below it. Paths are without the leading `/`.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn below(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Whether there is anything of that name.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The bytes of a file. Files of the kernel are plain files or character devices; a pipe would be waited for.
    pub(super) fn bytes(&self, path: &str) -> Result<Vec<u8>, Unread> {
        let unread = |error: std::io::Error| Unread::of(path, &error);
        let at = self.root.join(path);
        let kind = std::fs::metadata(&at).map_err(unread)?.file_type();
        if !kind.is_file() && !kind.is_char_device() {
            return Err(Unread(format!("/{path} is no file")));
        }
        let mut bytes = Vec::new();
        File::open(&at).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut bytes)).map_err(unread)?;
        if bytes.is_empty() { Err(Unread(format!("/{path} is empty"))) } else { Ok(bytes) }
    }

    /// The text of a file, without the white space around it.
    pub(super) fn text(&self, path: &str) -> Result<String, Unread> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A file that holds one number.
    pub(super) fn number(&self, path: &str) -> Result<u64, Unread> {
        let text = self.text(path)?;
        text.parse().map_err(|_| Unread::absurd(path, &text))
    }

    /// A file that holds one switch: 0 or 1.
    pub(super) fn switch(&self, path: &str) -> Result<bool, Unread> {
        match self.number(path)? {
            0 => Ok(false),
            1 => Ok(true),
            number => Err(Unread::absurd(path, &number.to_string())),
        }
    }

    /// A file that lists cores, as `0-3,8`; one with an empty line lists none.
    pub(super) fn cores(&self, path: &str) -> Result<CoreList, Unread> {
        let text = self.text(path)?;
        CoreList::parse(&text).ok_or_else(|| Unread::absurd(path, &text))
    }

    /// The names in a folder, sorted.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, Unread> {
        let entries = std::fs::read_dir(self.root.join(folder)).map_err(|error| Unread::of(folder, &error))?;
        let mut names: Vec<String> = entries.take(MOST_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The numbers behind `prefix` among the names in a folder, ascending: `state0`, `state1`, …
    pub(super) fn numbered(&self, folder: &str, prefix: &str) -> Result<Vec<u32>, Unread> {
        let mut numbers: Vec<u32> = self.names(folder)?.iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// What a file says, fit to be shown: on one line, not too long, and without what would move a terminal's cursor.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let short: String = text.trim().chars().take(LONGEST).map(plain).collect();
    if text.trim().chars().nth(LONGEST).is_some() { short + "…" } else { short }
}

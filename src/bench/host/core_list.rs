//! Sets of cores as the kernel writes them: `0-3,8`.

use std::collections::BTreeSet;
use std::fmt;

/// Linux is built for at most 8192 cores; what lists more is no list.
const MOST_CORES: u32 = 8192;

/// A set of cores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CoreList(BTreeSet<u32>);

impl CoreList {
    /// Reads the kernel's notation. An empty set is an empty text, or `(null)` in kernels that print an empty mask so.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut cores = BTreeSet::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "(null)") {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            if first > last || last >= MOST_CORES {
                return None;
            }
            cores.extend(first..=last);
        }
        Some(Self(cores))
    }

    pub(super) fn has(&self, core: u32) -> bool {
        self.0.contains(&core)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied()
    }

    pub(super) fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    /// What is in this and not in the other.
    pub(super) fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).copied().collect())
    }

    /// What is in either.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).copied().collect())
    }

    /// `core 3`, `cores 1-3`, `no core`.
    pub(super) fn named(&self) -> String {
        match self.len() {
            0 => "no core".to_owned(),
            1 => format!("core {self}"),
            _ => format!("cores {self}"),
        }
    }
}

impl FromIterator<u32> for CoreList {
    fn from_iter<I: IntoIterator<Item = u32>>(cores: I) -> Self {
        Self(cores.into_iter().collect())
    }
}

/// The kernel's notation, so that it can stand in a command.
impl fmt::Display for CoreList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for core in self.iter() {
            match runs.last_mut() {
                Some((_, last)) if core == last.saturating_add(1) => *last = core,
                _ => runs.push((core, core)),
            }
        }
        for (nth, (first, last)) in runs.into_iter().enumerate() {
            write!(f, "{}{first}", if nth == 0 { "" } else { "," })?;
            if last > first {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

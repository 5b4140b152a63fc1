//! What was last told of each instrument and is needed again: its directory entry, its trading state, and the collar of its auction.
//!
//! Beside the [roster](super::roster) and not in it, because every message reads the roster and few read this.

use crate::feed::{Directory, StatusChange};
use crate::record::UNDEF_PRICE;

#[derive(Clone, Copy)]
struct Profile {
    directory: Option<Directory>,
    /// The last change, and the venue's time of it.
    status: Option<(StatusChange, u64)>,
    /// Lower and upper.
    collar: (i64, i64),
}

impl Profile {
    const NOTHING: Self = Self { directory: None, status: None, collar: (UNDEF_PRICE, UNDEF_PRICE) };
}

/// What a directory message says compared with the last one of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The first.
    First,
    /// Something else than before.
    Otherwise,
    /// The same again.
    Again,
}

/// By instrument id; allocated at start.
pub(super) struct Profiles(Box<[Profile]>);

impl Profiles {
    pub fn new(instrument_limit: u32) -> Self {
        Self(vec![Profile::NOTHING; instrument_limit as usize].into_boxed_slice())
    }

    /// Keeps a directory entry.
    pub fn tell(&mut self, id: u32, directory: Directory) -> Told {
        let Some(profile) = self.0.get_mut(id as usize) else { return Told::Again };
        match profile.directory.replace(directory) {
            None => Told::First,
            Some(before) if before == directory => Told::Again,
            Some(_) => Told::Otherwise,
        }
    }

    pub fn directory(&self, id: u32) -> Option<Directory> {
        self.0.get(id as usize).and_then(|profile| profile.directory)
    }

    pub fn set_status(&mut self, id: u32, change: StatusChange, ts_event: u64) {
        if let Some(profile) = self.0.get_mut(id as usize) {
            profile.status = Some((change, ts_event));
        }
    }

    /// The last change of its trading state, and the venue's time of it.
    pub fn status(&self, id: u32) -> Option<(StatusChange, u64)> {
        self.0.get(id as usize).and_then(|profile| profile.status)
    }

    pub fn set_collar(&mut self, id: u32, lower: i64, upper: i64) {
        if let Some(profile) = self.0.get_mut(id as usize) {
            profile.collar = (lower, upper);
        }
    }

    /// Lower and upper; [`UNDEF_PRICE`] where none was told.
    pub fn collar(&self, id: u32) -> (i64, i64) {
        self.0.get(id as usize).map_or(Profile::NOTHING.collar, |profile| profile.collar)
    }

    /// The id belongs to another instrument from here on.
    pub fn forget(&mut self, id: u32) {
        if let Some(profile) = self.0.get_mut(id as usize) {
            *profile = Profile::NOTHING;
        }
    }

    /// The session is over.
    pub fn forget_all(&mut self) {
        self.0.fill(Profile::NOTHING);
    }
}

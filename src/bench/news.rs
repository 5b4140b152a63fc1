//! What a run tells while it works: what is to come, how far it is, what each round gave.

use std::time::Duration;

use super::{Progress, Round};

/// One piece of news.
#[derive(Debug)]
pub enum News<'a> {
    /// The workload is being read or made up: how far, `total` 0 where that is not known.
    Reads(Progress),
    /// All is known but what is measured.
    Plan(&'a Plan),
    /// A round begins; its number from 0, and whose it is.
    Begins(u32, &'a str),
    /// How far that round is.
    At(Progress),
    /// That round has ended, with this.
    Ended(u32, &'a str, &'a Round),
}

/// What is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// From the first due time of a round to its last; `None`: nothing is due.
    pub schedule: Option<Duration>,
    /// Datagrams of a round.
    pub datagrams: u64,
    /// Rounds of each.
    pub rounds: u32,
    /// What is measured, and what it is compared with.
    pub variants: u32,
}

impl Plan {
    /// Rounds of all of them.
    pub fn turns(&self) -> u64 {
        u64::from(self.rounds) * u64::from(self.variants)
    }
}

//! What an event did to one side of a book.
//!
//! A [`Change`] names the one level that an event touched, where it stands counted from the best, and what it holds
//! afterwards. That is all a record of the mbp schemas needs to know besides the levels themselves: whether it concerns
//! the top, the top ten, or nobody. Events that touch two levels (a replace) are two changes.

use super::{Level, Order};
use crate::feed::Side;
use crate::stats::Drop;

/// Ranks are counted up to here.
pub(super) const RANKS_COUNTED: u32 = 256;

/// What became of the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The level is new.
    Added,
    /// The level was there and still is. Of a quote (a feed without orders) the price may be another one.
    Changed,
    /// The level is gone.
    Removed,
}

/// The one level that an event touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Side of the book.
    pub side: Side,
    /// How many levels of the side are better: 0 is the best. Where the level stands, or stood if it is gone. 256 says: that or more
    /// (a record tells it up to 255, and to count on would be a look at every chunk of a deep side).
    pub rank: u32,
    /// What became of it.
    pub effect: Effect,
    /// The level after the event; size 0 and no orders if it is gone.
    pub level: Level,
}

impl Change {
    /// Whether the best level of the side is another one, or holds something else, than before.
    #[inline]
    pub const fn touches_top(&self) -> bool {
        self.rank == 0
    }

    /// Whether one of the best ten levels of the side did.
    #[inline]
    pub const fn touches_top10(&self) -> bool {
        self.rank < 10
    }
}

/// What setting a level to a size did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resized {
    /// The level.
    pub change: Change,
    /// Shares it had before; 0 if it wasn't there.
    pub before: u64,
}

/// What a message took away from an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduced {
    /// The order as it was.
    pub before: Order,
    /// Shares taken away; all that were left if the order is gone.
    pub taken: u32,
    /// Shares the message took beyond what the order had. Anything but 0 is a fault, see [`Reduced::fault`].
    pub excess: u32,
    /// The level it was on.
    pub change: Change,
}

impl Reduced {
    /// Whether the order is gone.
    #[inline]
    pub const fn is_gone(&self) -> bool {
        self.taken == self.before.size
    }

    /// The reason to count although the message was applied: [`Drop::Overfill`]. The book is suspect then.
    #[inline]
    pub const fn fault(&self) -> Option<Drop> {
        if self.excess == 0 { None } else { Some(Drop::Overfill) }
    }
}

//! Where an order waits: how many are served before it at its price, worked out when somebody asks.
//!
//! Nothing of a queue is kept. Venues give references out in order of entry, and a replacement, which goes to the end of its queue, has a new one.
//! So who waits behind an order is who has the same instrument, side and price and a larger reference; and since a level knows its orders and its
//! size, everybody else is ahead. Looking costs the asker, and a message nothing: no link is kept, no further line is touched.
//!
//! What it costs: the references that came since have a slot each, 16 bytes, and all are looked at, 64 KB for an order 4,000 references old. For an order
//! that has left the window, or while there are strays beyond it, all of the window's larger references and the whole table are read: with room for 2 M orders up to 160 MB, in
//! sequence (`cargo bench --bench references` ends with both times). It ends early where all others of the level were found behind. For tools and for tests, not for a lane in a burst.
//!
//! **What it stands on.** A feed whose references do not grow gets an order of references, which then is nobody's queue; all feeds of orders here
//! grow theirs. The reference is compared as a number: a venue that began anew at 0 in the middle of a session, which none does, would be told wrong,
//! and so would references 2^63 or more apart. A venue may serve otherwise than first come, first served (PSX once shared by size): then the position is that of time.

use super::orders::Owner;
use super::{Books, Health, Level, Order};

/// Where an order waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    /// The order: its side and price, and what is left of its size.
    pub order: Order,
    /// Orders at its price that came before it.
    pub orders_ahead: u32,
    /// Shares of theirs.
    pub size_ahead: u64,
    /// All that rests at its price, the order itself included.
    pub level: Level,
    /// Whether the book can be believed, as far as the book knows: what was lost on the way to it, who keeps the doubts knows
    /// ([`Composer::is_maybe_bad`](crate::compose::Composer::is_maybe_bad)). After a loss some of those ahead may be gone, and some may be unknown.
    pub health: Health,
}

impl Books {
    /// Where a live order of this instrument waits; `None` if it rests there not, or no longer. Reads what came since,
    /// or everything for an old order: not for a lane.
    pub fn queue_position(&self, instrument: u32, order: u64) -> Option<QueuePosition> {
        let book = self.books.get(instrument as usize)?;
        let owner = Owner::new(instrument, book.generation);
        let (_, order) = self.orders.held(order, owner)?;
        let level = book.ladder(order.side).iter(&self.arena, order.side).find(|level| level.price == order.price)?;
        // Behind it or ahead of it: when all others were found behind, there is nothing more to look for.
        let others = level.orders.saturating_sub(1);
        let behind = self.orders.behind(&order, owner).take(others as usize);
        let (orders_behind, size_behind) = behind.fold((0, 0), |(orders, size), one| (orders + 1, size + u64::from(one)));
        Some(QueuePosition {
            order,
            orders_ahead: others - orders_behind,
            size_ahead: level.size.saturating_sub(u64::from(order.size)).saturating_sub(size_behind),
            level,
            health: book.health,
        })
    }
}

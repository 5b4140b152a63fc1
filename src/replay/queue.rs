//! Where an order waits when a replay has ended, for people and for programs.

use std::fmt::{Display, Formatter};

use serde::Serialize;

use crate::book::QueuePosition;
use crate::books_file::{Decimal, text};
use crate::channel::Channel;
use crate::feed::Side;

/// An order that was asked after, and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// Its instrument.
    pub symbol: String,
    /// The venue's reference.
    pub order_id: u64,
    /// `bid` or `ask`.
    pub side: &'static str,
    /// As a decimal.
    pub price: String,
    /// What is left of it.
    pub size: u32,
    /// Of the same price, served before it.
    pub orders_ahead: u32,
    /// Their shares.
    pub size_ahead: u64,
    /// At its price, itself included.
    pub level_orders: u32,
    /// Their shares.
    pub level_size: u64,
    /// Whether the book may be wrong, since messages were lost or did not fit.
    pub maybe_bad: bool,
}

impl Queued {
    /// The order of that reference, if it rests in an instrument of that symbol.
    pub fn find(channel: &Channel, symbol: &str, order: u64) -> Option<Self> {
        let composer = channel.composer();
        let mut ids = composer.symbols().filter(|(_, known)| text(known) == symbol);
        let (id, position) = ids.find_map(|(id, _)| Some((id, composer.books().queue_position(id, order)?)))?;
        let QueuePosition { order, orders_ahead, size_ahead, level, .. } = position;
        Some(Self {
            symbol: symbol.to_owned(),
            order_id: order.order,
            side: if order.side == Side::Bid { "bid" } else { "ask" },
            price: Decimal(order.price).to_string(),
            size: order.size,
            orders_ahead,
            size_ahead,
            level_orders: level.orders,
            level_size: level.size,
            // What was lost on the way to the book, too, of which the book itself knows nothing.
            maybe_bad: composer.is_maybe_bad(id),
        })
    }
}

impl Display for Queued {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { symbol, order_id, side, price, size, orders_ahead, size_ahead, level_orders, level_size, .. } = self;
        write!(f, "order {order_id} of {symbol}: {side} {price}, {size} left; {orders_ahead} orders, {size_ahead} shares ahead ")?;
        write!(f, "(all at its price: {level_orders} orders, {level_size} shares)")?;
        if self.maybe_bad { f.write_str("; the book may be wrong") } else { Ok(()) }
    }
}

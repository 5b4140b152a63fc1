//! The exchange's own books: what rests where, kept while the day is made up. The generator's truth comes from here.
//!
//! Orders live in one slab; each is in three orders at once: the queue of its price level (oldest first, the order of execution),
//! the age list of its book (cancels mostly hit the newest) and the book's bag of live orders (for a draw without regard to age).
//! All links are slab numbers, so every operation but the look-up of the level is constant in time. Nothing here is shared with
//! the handler's feeds or books: it must not agree with them by sharing their mistakes.

use super::tick::Tick;
use std::collections::BTreeMap;

/// Which side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Buy,
    Sell,
}

impl Side {
    /// The letter on the wire and in the books file.
    pub(super) const fn letter(self) -> u8 {
        match self {
            Self::Buy => b'B',
            Self::Sell => b'S',
        }
    }
}

/// A slab number; [`NONE`] ends a list.
pub(super) type OrderId = u32;
const NONE: OrderId = OrderId::MAX;

/// A live order.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub reference: u64,
    pub tick: Tick,
    pub shares: u32,
    pub locate: u16,
    pub side: Side,
    /// Index in the book's bag.
    place: u32,
    older: OrderId,
    newer: OrderId,
    ahead: OrderId,
    behind: OrderId,
}

/// One price level.
#[derive(Clone, Copy)]
pub(super) struct Level {
    pub shares: u64,
    pub orders: u32,
    first: OrderId,
    last: OrderId,
}

/// One symbol's book.
pub(super) struct Book {
    pub buys: BTreeMap<Tick, Level>,
    pub sells: BTreeMap<Tick, Level>,
    /// Best price and first order there, of buys and of sells: asked for at every step, so kept instead of looked up.
    best: [Option<(Tick, OrderId)>; 2],
    bag: Vec<OrderId>,
    newest: OrderId,
}

/// All books of the venue.
pub(super) struct Books {
    slab: Vec<Order>,
    free: Vec<OrderId>,
    pub by_locate: Vec<Book>,
}

impl Books {
    /// Empty books for locates 0 to `symbols`.
    pub(super) fn new(symbols: u16) -> Self {
        let book = || Book { buys: BTreeMap::new(), sells: BTreeMap::new(), best: [None; 2], bag: Vec::new(), newest: NONE };
        Self { slab: Vec::new(), free: Vec::new(), by_locate: (0..=symbols).map(|_| book()).collect() }
    }

    /// A live order.
    #[inline]
    pub(super) fn order(&self, id: OrderId) -> Order {
        self.slab[id as usize]
    }

    /// Live orders of one symbol.
    #[inline]
    pub(super) fn live(&self, locate: u16) -> u32 {
        self.by_locate[usize::from(locate)].bag.len() as u32
    }

    /// The best price of a side and the order that executes first there.
    #[inline]
    pub(super) fn best(&self, locate: u16, side: Side) -> Option<(Tick, OrderId)> {
        self.by_locate[usize::from(locate)].best[side as usize]
    }

    /// The order that `n` live orders of the book are newer than; the oldest if there aren't so many.
    pub(super) fn newest(&self, locate: u16, n: u32) -> Option<OrderId> {
        let mut id = self.by_locate[usize::from(locate)].newest;
        for _ in 0..n {
            match self.slab.get(id as usize)?.older {
                NONE => break,
                older => id = older,
            }
        }
        (id != NONE).then_some(id)
    }

    /// Any live order of the book: the one at `draw(live)`.
    pub(super) fn any(&self, locate: u16, draw: impl FnOnce(u32) -> u32) -> Option<OrderId> {
        let bag = &self.by_locate[usize::from(locate)].bag;
        bag.get(draw(bag.len() as u32) as usize).copied()
    }

    /// The live orders of a side: the best price first, and at one price in the order of execution.
    pub(super) fn queue(&self, locate: u16, side: Side) -> impl Iterator<Item = &Order> {
        let book = &self.by_locate[usize::from(locate)];
        let levels: Vec<&Level> = match side {
            Side::Buy => book.buys.values().rev().collect(),
            Side::Sell => book.sells.values().collect(),
        };
        levels
            .into_iter()
            .flat_map(|level| std::iter::successors(self.slab.get(level.first as usize), |order| self.slab.get(order.behind as usize)))
    }

    /// A new order at the end of its level's queue.
    pub(super) fn add(&mut self, locate: u16, side: Side, tick: Tick, shares: u32, reference: u64) {
        let id = self.free.pop().unwrap_or(self.slab.len() as OrderId);
        let book = &mut self.by_locate[usize::from(locate)];
        let level = book.levels(side).entry(tick).or_insert(Level { shares: 0, orders: 0, first: id, last: NONE });
        let ahead = level.last;
        (level.shares, level.orders, level.last) = (level.shares + u64::from(shares), level.orders + 1, id);
        let best = &mut book.best[side as usize];
        if best.is_none_or(|(best, _)| if side == Side::Buy { tick > best } else { tick < best }) {
            *best = Some((tick, id));
        }
        let older = std::mem::replace(&mut book.newest, id);
        let place = book.bag.len() as u32;
        book.bag.push(id);
        let order = Order { reference, tick, shares, locate, side, place, older, newer: NONE, ahead, behind: NONE };
        match self.slab.get_mut(id as usize) {
            Some(slot) => *slot = order,
            None => self.slab.push(order),
        }
        if let Some(ahead) = self.slab.get_mut(ahead as usize) {
            ahead.behind = id;
        }
        if let Some(older) = self.slab.get_mut(older as usize) {
            older.newer = id;
        }
    }

    /// Takes `shares` off an order that has more; it keeps its place in the queue.
    pub(super) fn reduce(&mut self, id: OrderId, shares: u32) {
        let order = &mut self.slab[id as usize];
        assert!(shares < order.shares, "a reduction to nothing is a removal");
        order.shares -= shares;
        let (locate, side, tick) = (order.locate, order.side, order.tick);
        let levels = self.by_locate[usize::from(locate)].levels(side);
        levels.get_mut(&tick).expect("a live order has its level").shares -= u64::from(shares);
    }

    /// Takes an order out of its book.
    pub(super) fn remove(&mut self, id: OrderId) {
        let order = self.order(id);
        let book = &mut self.by_locate[usize::from(order.locate)];
        let levels = book.levels(order.side);
        let level = levels.get_mut(&order.tick).expect("a live order has its level");
        level.shares -= u64::from(order.shares);
        level.orders -= 1;
        if level.first == id {
            level.first = order.behind;
        }
        if level.last == id {
            level.last = order.ahead;
        }
        if level.orders == 0 {
            levels.remove(&order.tick);
        }
        if book.best[order.side as usize].is_some_and(|(best, _)| best == order.tick) {
            let best = match order.side {
                Side::Buy => book.buys.last_key_value(),
                Side::Sell => book.sells.first_key_value(),
            };
            book.best[order.side as usize] = best.map(|(&tick, level)| (tick, level.first));
        }
        if book.newest == id {
            book.newest = order.older;
        }
        book.bag.swap_remove(order.place as usize);
        if let Some(&moved) = book.bag.get(order.place as usize) {
            self.slab[moved as usize].place = order.place;
        }
        if let Some(ahead) = self.slab.get_mut(order.ahead as usize) {
            ahead.behind = order.behind;
        }
        if let Some(behind) = self.slab.get_mut(order.behind as usize) {
            behind.ahead = order.ahead;
        }
        if let Some(older) = self.slab.get_mut(order.older as usize) {
            older.newer = order.newer;
        }
        if let Some(newer) = self.slab.get_mut(order.newer as usize) {
            newer.older = order.older;
        }
        self.free.push(id);
    }
}

impl Book {
    fn levels(&mut self, side: Side) -> &mut BTreeMap<Tick, Level> {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }
}

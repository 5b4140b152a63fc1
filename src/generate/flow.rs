//! What happens to orders: adds near the middle, cancels of the newest, executions at the best price.
//!
//! Each step changes the exchange's books and says it in one message. Books never cross: a price that would is moved to the
//! tick before the other side's best. The middle wanders; orders it has passed are the first to be deleted, so the books follow.

use super::encode::Message;
use super::market::Session;
use super::orders::{OrderId, Side};
use super::tick::{Tick, price_e4};

/// The middle stays off the ends of the price line: below $400,000, where Price(4) still holds anything 4,000 ticks above.
const HIGHEST_MID: Tick = 40_000_000;
const LOWEST_MID: Tick = 50;

/// Attributions and market makers; made up.
pub(super) const MPIDS: [[u8; 4]; 8] = [*b"TWAA", *b"TWBB", *b"TWCC", *b"TWDD", *b"TWEE", *b"TWFF", *b"TWGG", *b"TWHH"];

/// What an execution did to an order.
#[derive(Clone, Copy)]
pub(super) struct Fill {
    pub side: Side,
    pub tick: Tick,
}

impl Session {
    /// A new order; always possible.
    pub(super) fn add(&mut self, locate: u16) -> Message {
        let percent = self.rng.below(100);
        let attribution = (percent < 3).then(|| MPIDS[self.rng.below(8) as usize]);
        self.add_order(locate, attribution)
    }

    /// A new order with or without attribution.
    pub(super) fn add_order(&mut self, locate: u16, attribution: Option<[u8; 4]>) -> Message {
        let side = self.any_side();
        let (tick, shares, reference) = (self.place(locate, side), self.any_shares(), self.next_reference());
        self.books.add(locate, side, tick, shares, reference);
        Message::Add { symbol: self.symbol(locate), reference, side, shares, price: price_e4(tick), attribution }
    }

    /// A live order goes.
    pub(super) fn delete(&mut self, locate: u16) -> Option<Message> {
        let id = self.passed_by(locate).or_else(|| self.pick(locate))?;
        let reference = self.books.order(id).reference;
        self.books.remove(id);
        Some(Message::Delete { reference })
    }

    /// Part of a live order goes.
    pub(super) fn cancel(&mut self, locate: u16) -> Option<Message> {
        let id = self.pick(locate)?;
        let order = self.books.order(id);
        let shares = 1 + self.rng.below(order.shares - 1);
        if shares >= order.shares {
            return None;
        }
        self.books.reduce(id, shares);
        Some(Message::Cancel { reference: order.reference, shares })
    }

    /// A live order gets a new reference, price and size, and the end of the queue.
    pub(super) fn replace(&mut self, locate: u16) -> Option<Message> {
        let id = self.pick(locate)?;
        let old = self.books.order(id);
        self.books.remove(id);
        let tick = self.place(locate, old.side);
        let shares = if self.rng.percent(60) { old.shares } else { self.any_shares() };
        let new = self.next_reference();
        self.books.add(locate, old.side, tick, shares, new);
        Some(Message::Replace { old: old.reference, new, shares, price: price_e4(tick) })
    }

    /// The first order at a best price trades, one time in twelve at another price than its own.
    pub(super) fn execute(&mut self, locate: u16) -> Option<Message> {
        if self.rng.below(12) == 0 { self.execute_at_another_price(locate) } else { self.execute_at_own_price(locate) }
    }

    /// The first order at a best price trades at its price.
    pub(super) fn execute_at_own_price(&mut self, locate: u16) -> Option<Message> {
        let id = self.first_at_best(locate)?;
        let (reference, shares) = self.fill(id);
        let match_number = self.next_match();
        Some(Message::Execute { reference, shares, match_number })
    }

    /// The first order at a best price trades a tick better for the other party; a quarter isn't to be printed.
    pub(super) fn execute_at_another_price(&mut self, locate: u16) -> Option<Message> {
        let id = self.first_at_best(locate)?;
        let order = self.books.order(id);
        let tick = match order.side {
            Side::Buy => order.tick + 1,
            Side::Sell => order.tick - 1,
        };
        let printable = self.rng.percent(75);
        Some(self.execute_at(id, price_e4(tick), printable))
    }

    fn first_at_best(&mut self, locate: u16) -> Option<OrderId> {
        if let Some(id) = self.passed_by(locate) {
            return Some(id);
        }
        let side = self.any_side();
        let best = self.books.best(locate, side).or_else(|| self.books.best(locate, opposite(side)));
        best.map(|(_, id)| id)
    }

    /// The first order at the best price of a side trades in a cross that is printed as a whole later.
    pub(super) fn execute_in_cross(&mut self, locate: u16, side: Side) -> Option<Message> {
        let (_, id) = self.books.best(locate, side)?;
        let price = self.mid_price(locate);
        let message = self.execute_at(id, price, false);
        if let Message::ExecuteAtPrice { shares, .. } = message {
            self.cross_shares += u64::from(shares);
        }
        Some(message)
    }

    fn execute_at(&mut self, id: OrderId, price: u32, printable: bool) -> Message {
        let (reference, shares) = self.fill(id);
        Message::ExecuteAtPrice { reference, shares, match_number: self.next_match(), printable, price }
    }

    /// Takes the traded shares off an order, 70 % of the time all of them; its reference and how many they were.
    fn fill(&mut self, id: OrderId) -> (u64, u32) {
        let order = self.books.order(id);
        self.filled = Some(Fill { side: order.side, tick: order.tick });
        if order.shares == 1 || self.rng.percent(70) {
            self.books.remove(id);
            return (order.reference, order.shares);
        }
        let shares = 1 + self.rng.below(order.shares - 1);
        self.books.reduce(id, shares);
        (order.reference, shares)
    }

    /// The middle takes a step now and then: a tick, or a twenty-thousandth of the price where that is more.
    pub(super) fn wander(&mut self, locate: u16) {
        let draw = self.rng.below(128);
        if draw < 2 {
            let mid = &mut self.listings.by_locate[usize::from(locate)].mid;
            let step = 1 + *mid / 20_000;
            let up = *mid < LOWEST_MID || (draw == 0 && *mid < HIGHEST_MID);
            *mid = if up { *mid + step } else { *mid - step };
        }
    }

    /// Four times in five, the first order of a best price that the middle has passed.
    fn passed_by(&mut self, locate: u16) -> Option<OrderId> {
        let mid = self.listings.by_locate[usize::from(locate)].mid;
        let sell = self.books.best(locate, Side::Sell).filter(|&(tick, _)| tick <= mid);
        let passed = sell.or_else(|| self.books.best(locate, Side::Buy).filter(|&(tick, _)| tick > mid));
        passed.filter(|_| self.rng.percent(80)).map(|(_, id)| id)
    }

    /// An order to cancel: 85 % one of the newest, else any.
    fn pick(&mut self, locate: u16) -> Option<OrderId> {
        if self.rng.percent(85) {
            let back = self.rng.geometric(25);
            self.books.newest(locate, back)
        } else {
            self.books.any(locate, |live| self.rng.below(live))
        }
    }

    /// Where a new order goes: 88 % within a few ticks of the middle, 10 % wider, 2 % far away; in deep books 20 % anywhere within 4,050.
    fn place(&mut self, locate: u16, side: Side) -> Tick {
        let (mid, deep) = {
            let listing = &self.listings.by_locate[usize::from(locate)];
            (listing.mid, listing.deep)
        };
        let away = match self.rng.below(100) {
            0..20 if deep => 50 + self.rng.below(4_000),
            0..88 => self.rng.geometric(35),
            88..98 => 5 + self.rng.below(45),
            _ => 50 + self.rng.below(401),
        };
        match side {
            Side::Buy => {
                let tick = mid.saturating_sub(away).max(1);
                // A best offer is at tick 2 or above (see below), so there is a tick before it.
                self.books.best(locate, Side::Sell).map_or(tick, |(offer, _)| tick.min(offer - 1))
            }
            Side::Sell => {
                let tick = mid + 1 + away;
                self.books.best(locate, Side::Buy).map_or(tick, |(bid, _)| tick.max(bid + 1))
            }
        }
    }

    fn any_side(&mut self) -> Side {
        if self.rng.bits() >> 63 == 0 { Side::Buy } else { Side::Sell }
    }

    /// Mostly a round lot; some multiples, odd lots and blocks.
    fn any_shares(&mut self) -> u32 {
        match self.rng.below(100) {
            0..60 => 100,
            60..82 => 100 * (2 + self.rng.below(9)),
            82..96 => 1 + self.rng.below(99),
            96..99 => 1_000 * (1 + self.rng.below(10)),
            _ => 10_000 + self.rng.below(40_000),
        }
    }
}

const fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

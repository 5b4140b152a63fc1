//! The book everybody writes first: a hash map of orders and a B-tree of levels per side. What the others are compared with.

use std::collections::{BTreeMap, HashMap};

use tickwire::feed::{Event, Side};

/// Levels of one side: shares and orders by price.
type Levels = BTreeMap<i64, (u64, u32)>;

#[derive(Default)]
pub struct Baseline {
    orders: HashMap<u64, (u32, Side, i64, u32)>,
    books: HashMap<u32, [Levels; 2]>,
}

impl Baseline {
    /// Applies one event; returns the best bid of the instrument, so that nothing is optimised away.
    pub fn apply(&mut self, instrument: u32, event: &Event) -> i64 {
        match *event {
            Event::Add { order, side, price, size, .. } => self.add(instrument, order, side, price, size),
            Event::Execute { order, size, .. } | Event::ExecuteAtPrice { order, size, .. } | Event::Cancel { order, size } => {
                self.reduce(order, size);
            }
            Event::Delete { order } => self.reduce(order, u32::MAX),
            Event::Replace { old, new, price, size } => {
                if let Some(&(instrument, side, ..)) = self.orders.get(&old) {
                    self.reduce(old, u32::MAX);
                    self.add(instrument, new, side, price, size);
                }
            }
            _ => {}
        }
        self.books.get(&instrument).and_then(|book| book[0].keys().next_back()).copied().unwrap_or(0)
    }

    fn add(&mut self, instrument: u32, order: u64, side: Side, price: i64, size: u32) {
        self.orders.insert(order, (instrument, side, price, size));
        let level = self.books.entry(instrument).or_default()[usize::from(side == Side::Ask)].entry(price).or_default();
        *level = (level.0 + u64::from(size), level.1 + 1);
    }

    fn reduce(&mut self, order: u64, size: u32) {
        let Some(resting) = self.orders.get_mut(&order) else { return };
        let (instrument, side, price, left) = *resting;
        let taken = size.min(left);
        resting.3 -= taken;
        let gone = resting.3 == 0;
        if gone {
            self.orders.remove(&order);
        }
        let Some(book) = self.books.get_mut(&instrument) else { return };
        let levels = &mut book[usize::from(side == Side::Ask)];
        if let Some(level) = levels.get_mut(&price) {
            *level = (level.0 - u64::from(taken), level.1 - u32::from(gone));
            if level.1 == 0 {
                levels.remove(&price);
            }
        }
    }

    pub fn live_orders(&self) -> usize {
        self.orders.len()
    }
}

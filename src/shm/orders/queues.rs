//! Every resting order of every book: which level it is at, and who is ahead of it there.
//!
//! Orders and levels lie in two slabs and name each other by number, so that a cancel finds its order by one hash look-up and needs
//! no search for its level; 24 bytes an order, 40 a level. A level is a queue: first come, first served. The index is the standard
//! hash map, keyed anew in every process, because order ids come from a wire and could be made to collide; its own hash would cost
//! as much as the look-up, so it is one multiplication, folded.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher, Hasher};

/// No order, no level.
const NONE: u32 = u32::MAX;

/// An order and its neighbours in the queue.
#[derive(Clone, Copy, Debug)]
struct Resting {
    order_id: u64,
    size: u32,
    level: u32,
    ahead: u32,
    behind: u32,
}

/// One price of one side of one book.
#[derive(Clone, Copy, Debug)]
pub(super) struct LevelQueue {
    pub price: i64,
    /// Of all its orders.
    pub size: u64,
    pub orders: u32,
    /// 0 bids, 1 asks.
    pub side: u8,
    first: u32,
    last: u32,
}

/// Numbered places that are used again.
#[derive(Clone, Debug)]
struct Slab<T> {
    places: Vec<T>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// `None` when every number is taken: four thousand million, which no memory holds.
    fn insert(&mut self, item: T) -> Option<u32> {
        if let Some(at) = self.free.pop() {
            *self.places.get_mut(at as usize)? = item;
            return Some(at);
        }
        let at = u32::try_from(self.places.len()).ok().filter(|&at| at != NONE)?;
        self.places.push(item);
        Some(at)
    }

    fn get(&self, at: u32) -> Option<&T> {
        self.places.get(at as usize)
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.places.get_mut(at as usize)
    }

    fn remove(&mut self, at: u32) {
        self.free.push(at);
    }

    fn clear(&mut self) {
        self.places.clear();
        self.free.clear();
    }
}

/// What an order was, when it is taken out or looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub side: u8,
    pub price: i64,
    pub size: u32,
    /// The number of its level.
    pub level: u32,
}

/// Two secret numbers to start hashes from.
#[derive(Clone, Debug)]
struct Keyed(u64, u64);

impl Keyed {
    fn new() -> Self {
        let secret = RandomState::new();
        // Odd, so that no bit of what is multiplied is lost.
        Self(secret.hash_one(0), secret.hash_one(1) | 1)
    }
}

/// A hash in the making.
#[derive(Debug)]
struct Folded(u64, u64);

impl BuildHasher for Keyed {
    type Hasher = Folded;
    fn build_hasher(&self) -> Folded {
        Folded(self.0, self.1)
    }
}

impl Hasher for Folded {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(self.1);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.0 ^= u64::from(word).rotate_left(32);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// All orders and levels.
#[derive(Clone, Debug)]
pub(super) struct Queues {
    orders: Slab<Resting>,
    levels: Slab<LevelQueue>,
    /// Book and order id → place.
    index: HashMap<(u32, u64), u32, Keyed>,
}

impl Queues {
    pub fn new() -> Self {
        Self { orders: Slab::new(), levels: Slab::new(), index: HashMap::with_hasher(Keyed::new()) }
    }

    /// Asks for the memory of so many orders at once.
    pub fn reserve(&mut self, orders: usize) {
        self.index.reserve(orders);
        self.orders.places.reserve(orders);
    }

    /// How many orders rest.
    pub fn live(&self) -> usize {
        self.index.len()
    }

    pub fn clear(&mut self) {
        self.orders.clear();
        self.levels.clear();
        self.index.clear();
    }

    /// A new, empty level. It is to be given back by [`Queues::remove_level`] when its last order has gone.
    pub fn new_level(&mut self, side: u8, price: i64) -> Option<u32> {
        self.levels.insert(LevelQueue { price, size: 0, orders: 0, side, first: NONE, last: NONE })
    }

    pub fn level(&self, level: u32) -> Option<&LevelQueue> {
        self.levels.get(level)
    }

    pub fn remove_level(&mut self, level: u32) {
        self.levels.remove(level);
    }

    pub fn find(&self, book: u32, order_id: u64) -> Option<Found> {
        let resting = self.orders.get(*self.index.get(&(book, order_id))?)?;
        let level = self.levels.get(resting.level)?;
        Some(Found { side: level.side, price: level.price, size: resting.size, level: resting.level })
    }

    /// Puts an order at the end of a level's queue; `false`, and nothing is done, if it rests in that book already.
    pub fn push(&mut self, book: u32, level: u32, order_id: u64, size: u32) -> bool {
        let (Some(queue), Entry::Vacant(vacant)) = (self.levels.get_mut(level), self.index.entry((book, order_id))) else { return false };
        let ahead = queue.last;
        let Some(at) = self.orders.insert(Resting { order_id, size, level, ahead, behind: NONE }) else { return false };
        vacant.insert(at);
        queue.last = at;
        if queue.first == NONE {
            queue.first = at;
        }
        queue.size += u64::from(size);
        queue.orders += 1;
        if let Some(ahead) = self.orders.get_mut(ahead) {
            ahead.behind = at;
        }
        true
    }

    /// Gives an order another size; it keeps its place in the queue.
    pub fn resize(&mut self, book: u32, order_id: u64, size: u32) {
        let Some(resting) = self.index.get(&(book, order_id)).and_then(|&at| self.orders.get_mut(at)) else { return };
        let before = std::mem::replace(&mut resting.size, size);
        if let Some(level) = self.levels.get_mut(resting.level) {
            level.size = level.size.saturating_sub(u64::from(before)) + u64::from(size);
        }
    }

    /// Takes an order out; says whether its level is empty now.
    pub fn take(&mut self, book: u32, order_id: u64) -> bool {
        let Some(at) = self.index.remove(&(book, order_id)) else { return false };
        let Some(&Resting { size, level, ahead, behind, .. }) = self.orders.get(at) else { return false };
        if let Some(ahead) = self.orders.get_mut(ahead) {
            ahead.behind = behind;
        }
        if let Some(behind) = self.orders.get_mut(behind) {
            behind.ahead = ahead;
        }
        self.orders.remove(at);
        let Some(queue) = self.levels.get_mut(level) else { return false };
        if queue.first == at {
            queue.first = behind;
        }
        if queue.last == at {
            queue.last = ahead;
        }
        queue.size = queue.size.saturating_sub(u64::from(size));
        queue.orders = queue.orders.saturating_sub(1);
        queue.orders == 0
    }

    /// Takes all orders of a level out, and the level.
    pub fn take_level(&mut self, book: u32, level: u32) {
        let mut at = self.levels.get(level).map_or(NONE, |queue| queue.first);
        while let Some(&Resting { order_id, behind, .. }) = self.orders.get(at) {
            self.index.remove(&(book, order_id));
            self.orders.remove(at);
            at = behind;
        }
        self.levels.remove(level);
    }

    /// The orders of a level, first come first: id and size.
    pub fn queue(&self, level: u32) -> impl Iterator<Item = (u64, u32)> + '_ {
        let first = self.levels.get(level).and_then(|queue| self.orders.get(queue.first));
        std::iter::successors(first, |resting| self.orders.get(resting.behind)).map(|resting| (resting.order_id, resting.size))
    }
}

//! Numbers for instruments of feeds that name them by symbol only.
//!
//! Numbers are given in order of first appearance, from 1, so the same messages give the same numbers. The table is
//! allocated once, at most half full, and searched by linear probing; entries are only ever added, until [`clear`](SymbolTable::clear).

use super::Symbol;

/// Symbol to number, up to a fixed capacity.
#[derive(Clone, Debug)]
pub struct SymbolTable {
    /// A power of two of them, at least twice the capacity. Id 0: free.
    slots: Box<[Slot]>,
    len: u32,
    capacity: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    symbol: Symbol,
    id: u32,
}

impl SymbolTable {
    /// The largest capacity: a hundred times the instruments of a US equities venue, 32 MiB.
    pub const MAX_CAPACITY: u32 = 1 << 20;

    /// Room for `capacity` symbols, at most [`MAX_CAPACITY`](Self::MAX_CAPACITY) (more is cut to it); 32 to 64 bytes each, allocated here.
    pub fn new(capacity: u32) -> Self {
        let capacity = capacity.min(Self::MAX_CAPACITY);
        let slots = (capacity as usize * 2).next_power_of_two();
        Self { slots: vec![Slot::default(); slots].into_boxed_slice(), len: 0, capacity }
    }

    /// The number of `symbol`, a new one if it was not seen before; `None` if there is no room for it.
    #[inline]
    pub fn id(&mut self, symbol: Symbol) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash(symbol) as usize;
        for _ in 0..self.slots.len() {
            let slot = self.slots.get_mut(at & mask)?;
            if slot.id == 0 {
                if self.len == self.capacity {
                    return None;
                }
                self.len += 1;
                *slot = Slot { symbol, id: self.len };
                return Some(self.len);
            }
            if slot.symbol == symbol {
                return Some(slot.id);
            }
            at = at.wrapping_add(1);
        }
        None
    }

    /// The number of `symbol`, if it has one.
    #[inline]
    pub fn find(&self, symbol: Symbol) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let at = hash(symbol) as usize;
        // At most half of the slots are taken: a vacant one ends the search.
        let mut met = (0..self.slots.len()).map_while(|step| self.slots.get(at.wrapping_add(step) & mask).filter(|slot| slot.id != 0));
        met.find(|slot| slot.symbol == symbol).map(|slot| slot.id)
    }

    /// How many symbols have a number.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there is room for.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Forgets all of them; numbers begin at 1 again.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.len = 0;
    }
}

/// Mixes all eight bytes into the low bits (symbols differ in their first few; the rest is spaces).
#[inline]
fn hash(symbol: Symbol) -> u64 {
    let mut word = u64::from_le_bytes(symbol);
    word ^= word >> 32;
    word = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word ^ (word >> 32)
}

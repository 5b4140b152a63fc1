//! The head of one book: all that an event near the top needs besides the levels themselves, in one cache line.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Health;
use super::arena::Arena;
use super::ladder::{Ladder, Level};
use super::orders::NO_GENERATION;
use crate::feed::Side;
use crate::record::{BidAsk, UNDEF_PRICE};

/// What a book is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Orders,
    Levels,
    Quotes,
}

/// The best level of each side, in a record's layout, with sides by [`Side::index`].
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(super) struct Top {
    price: [i64; 2],
    size: [u32; 2],
    orders: [u32; 2],
}

impl Top {
    pub const EMPTY: Self = Self { price: [UNDEF_PRICE; 2], size: [0; 2], orders: [0; 2] };

    #[inline(always)]
    pub fn set(&mut self, side: Side, level: Option<Level>) {
        let level = level.unwrap_or(Level { price: UNDEF_PRICE, size: 0, orders: 0 });
        let at = side.index();
        (self.price[at], self.size[at], self.orders[at]) = (level.price, level.size_saturated(), level.orders);
    }

    #[inline(always)]
    pub fn bid_ask(self) -> BidAsk {
        zerocopy::transmute!(self)
    }
}

/// One book, but for its levels.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Book {
    /// The last level of each ladder.
    pub top: Top,
    /// By [`Side::index`].
    pub ladders: [Ladder; 2],
    /// Orders that rest.
    pub live: u32,
    pub health: Health,
    pub told: Told,
    /// Its orders' generation: those of another one are forgotten.
    pub generation: u8,
}

const _: () = assert!(size_of::<Book>() == 64);

impl Book {
    pub const EMPTY: Self =
        Self { top: Top::EMPTY, ladders: [Ladder::EMPTY; 2], live: 0, health: Health::Good, told: Told::Nothing, generation: 0 };

    #[inline(always)]
    pub fn ladder(&self, side: Side) -> &Ladder {
        &self.ladders[side.index()]
    }

    #[inline(always)]
    pub fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        &mut self.ladders[side.index()]
    }

    /// Keeps `top` after a change of this side. Whether it touched the top is not asked: what is best lies in the cache lines just used, and
    /// a branch that a third of the messages take costs more than writing what stands there already.
    #[inline(always)]
    pub fn changed(&mut self, arena: &Arena, side: Side) {
        let best = self.ladder(side).best(arena, side);
        self.top.set(side, best);
    }
}

/// Whose generation is current, for the order store.
#[inline]
pub(super) fn current(books: &[Book]) -> impl Fn(u32) -> u16 {
    |instrument| books.get(instrument as usize).map_or(NO_GENERATION, |book| u16::from(book.generation))
}

//! The instruments that a channel has named: where each is published, and whether its book has been proven right.
//!
//! Doubt is a number, not a mark on thousands of instruments: every loss raises [`Roster::doubt_all`]'s count, and an instrument
//! is in doubt until it is proven under the count of that moment.

use crate::feed::Symbol;
use crate::record::Row;

/// Where an instrument's records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// No message has named its symbol yet.
    Unnamed,
    /// To this row.
    At(Row),
    /// Nowhere: the publication does not want it. Its book is kept all the same, because the books file and the counters tell the whole feed.
    Filtered,
    /// Nowhere: the publication has no room for it. Its book is kept too.
    NoRoom,
}

/// What is known of an instrument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub listing: Listing,
    pub symbol: Symbol,
    /// Shares; 0 where not told.
    pub round_lot: u32,
    /// The count of doubts under which its book was last proven right.
    proven: u64,
}

/// Every instrument a channel could have, by id.
pub(super) struct Roster {
    known: Box<[Known]>,
    named: u32,
    /// Goes up with every loss; 64 bits, because a hostile stream can lose something with every message.
    doubts: u64,
    /// Named instruments in doubt.
    unproven: u32,
}

impl Known {
    const UNNAMED: Self = Self { listing: Listing::Unnamed, symbol: [b' '; 8], round_lot: 0, proven: 0 };
}

impl Roster {
    pub fn new(instrument_limit: u32) -> Self {
        Self { known: vec![Known::UNNAMED; instrument_limit as usize].into_boxed_slice(), named: 0, doubts: 0, unproven: 0 }
    }

    #[inline(always)]
    pub fn get(&self, id: u32) -> Option<&Known> {
        self.known.get(id as usize)
    }

    /// Asks memory for what is known of the instrument.
    #[inline(always)]
    pub fn prefetch(&self, id: u32) {
        crate::sys::prefetch(&self.known, id as usize);
    }

    /// How many are named.
    pub fn named(&self) -> u32 {
        self.named
    }

    /// The named ones, by id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Known)> {
        (0_u32..).zip(&self.known).filter(|(_, known)| known.listing != Listing::Unnamed)
    }

    /// One more than the largest id.
    pub fn limit(&self) -> u32 {
        self.known.len() as u32
    }

    /// A message has told the id's symbol: for the first time, or another one than before.
    #[cold]
    pub fn name(&mut self, id: u32, symbol: Symbol, round_lot: u32, listing: Listing) {
        let Some(known) = self.known.get_mut(id as usize) else { return };
        let first = known.listing == Listing::Unnamed;
        self.named += u32::from(first);
        // Its earlier messages may be among the lost ones.
        self.unproven += u32::from(self.doubts != 0 && (first || known.proven == self.doubts));
        *known = Known { listing, symbol, round_lot, proven: 0 };
    }

    /// The same instrument goes elsewhere now.
    pub fn list(&mut self, id: u32, listing: Listing) {
        if let Some(known) = self.known.get_mut(id as usize) {
            known.listing = listing;
        }
    }

    pub fn set_round_lot(&mut self, id: u32, round_lot: u32) {
        if let Some(known) = self.known.get_mut(id as usize) {
            known.round_lot = round_lot;
        }
    }

    /// Whether the instrument's book may lack something that was lost. Of one that cannot be: yes.
    #[inline]
    pub fn is_doubted(&self, id: u32) -> bool {
        self.known.get(id as usize).is_none_or(|known| self.doubts(known))
    }

    /// The same, of one that was looked up.
    #[inline(always)]
    pub fn doubts(&self, known: &Known) -> bool {
        known.proven != self.doubts
    }

    /// Something was lost that could have been for any instrument.
    pub fn doubt_all(&mut self) {
        self.doubts = self.doubts.wrapping_add(1);
        self.unproven = self.named;
    }

    /// The instrument is right as of now; says whether it was in doubt.
    #[inline]
    pub fn prove(&mut self, id: u32) -> bool {
        let Some(known) = self.known.get_mut(id as usize) else { return false };
        if known.proven == self.doubts {
            return false;
        }
        known.proven = self.doubts;
        self.unproven = self.unproven.saturating_sub(1);
        true
    }

    /// All are right as of now.
    pub fn prove_all(&mut self) {
        self.doubts = 0;
        self.unproven = 0;
        self.known.iter_mut().for_each(|known| known.proven = 0);
    }

    pub fn all_proven(&self) -> bool {
        self.unproven == 0
    }

    /// Names and doubts are of a session that is over.
    pub fn forget(&mut self) {
        self.known.fill(Known::UNNAMED);
        (self.named, self.doubts, self.unproven) = (0, 0, 0);
    }
}

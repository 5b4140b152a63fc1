//! Level updates that wait for the end of their atomic event.
//!
//! A feed that tells levels ends each event by one update that says "complete"; what comes before it must not be seen. Events of several
//! instruments can be open at once, one an instrument. Nearly all events are one update that is complete, and never get here.
//!
//! Bounded and still: room for [`UPDATES`] updates of [`EVENTS`] open events is allocated once. When it is used up, the event that has
//! been open the longest is given up: it frees what it holds, and what still comes of it is refused up to its completion, so that
//! no event is applied in part.

use crate::feed::Side;

/// Updates that can wait, of all events together. A sweep through a deep book is a few hundred.
const UPDATES: usize = 4096;
/// Events that can be open at once. A venue finishes one before it begins the next; more than a few open ones were cut.
const EVENTS: usize = 64;
/// No update.
const NIL: u32 = u32::MAX;

/// One level is this large; size 0: gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub side: Side,
    /// 1e-9 units.
    pub price: i64,
    /// Shares.
    pub size: u32,
}

#[derive(Clone, Copy)]
struct Waiting {
    update: Update,
    /// The event's next update, or the next free place.
    next: u32,
}

/// An event of one instrument that is not complete.
#[derive(Clone, Copy)]
struct Open {
    instrument: u32,
    first: u32,
    last: u32,
    updates: u32,
    given_up: bool,
}

/// An event that lost its place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenUp {
    pub instrument: u32,
    /// How many of its updates are dropped.
    pub updates: u32,
}

/// What became of an update that is to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staged {
    /// It waits.
    Waits,
    /// Its event was given up before.
    Refused,
}

/// The events that are open.
pub(super) struct Staging {
    waiting: Box<[Waiting]>,
    free: u32,
    /// In the order in which they began.
    open: Vec<Open>,
}

impl Staging {
    /// For a feed that tells levels.
    pub fn new() -> Self {
        // Not zeros: the first touch of a zeroed page would be a fault on the path.
        let blank = Update { side: Side::Ask, price: -1, size: 1 };
        let waiting: Box<[Waiting]> = (0..UPDATES).map(|at| Waiting { update: blank, next: (at + 1) as u32 }).collect();
        let mut staging = Self { waiting, free: 0, open: Vec::with_capacity(EVENTS) };
        if let Some(last) = staging.waiting.last_mut() {
            last.next = NIL;
        }
        staging
    }

    /// For feeds without levels: no room, and none needed.
    pub fn none() -> Self {
        Self { waiting: Box::default(), free: NIL, open: Vec::new() }
    }

    /// Whether any event is open.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether an event of the instrument is open.
    #[inline]
    pub fn has(&self, instrument: u32) -> bool {
        self.open.iter().any(|open| open.instrument == instrument)
    }

    /// What must be given up before the instrument's next update can wait. To be asked until it is `None`; then [`Staging::stage`].
    pub fn make_room(&mut self, instrument: u32) -> Option<GivenUp> {
        if !self.has(instrument) && self.open.len() >= EVENTS {
            let oldest = self.open.remove(0);
            self.release(&oldest);
            return Some(GivenUp { instrument: oldest.instrument, updates: oldest.updates });
        }
        if self.free != NIL || self.open.iter().any(|open| open.instrument == instrument && open.given_up) {
            return None;
        }
        let at = self.open.iter().position(|open| !open.given_up)?;
        let holder = self.open[at];
        self.release(&holder);
        self.open[at] = Open { first: NIL, last: NIL, updates: 0, given_up: true, ..holder };
        Some(GivenUp { instrument: holder.instrument, updates: holder.updates })
    }

    /// Lets an update of the instrument's event wait, which begins with it if none is open.
    pub fn stage(&mut self, instrument: u32, update: Update) -> Staged {
        let at = match self.open.iter().position(|open| open.instrument == instrument) {
            Some(at) => at,
            None if self.open.len() < EVENTS && self.free != NIL => {
                self.open.push(Open { instrument, first: NIL, last: NIL, updates: 0, given_up: false });
                self.open.len() - 1
            }
            None => return Staged::Refused,
        };
        let place = self.free;
        let (false, Some(waiting)) = (self.open[at].given_up, self.waiting.get_mut(place as usize)) else { return Staged::Refused };
        self.free = waiting.next;
        *waiting = Waiting { update, next: NIL };
        let open = &mut self.open[at];
        let last = std::mem::replace(&mut open.last, place);
        open.updates += 1;
        match self.waiting.get_mut(last as usize) {
            Some(before) => before.next = place,
            None => open.first = place,
        }
        Staged::Waits
    }

    /// Takes the first update of the instrument's event, for as long as there is one.
    pub fn pop(&mut self, instrument: u32) -> Option<Update> {
        let open = self.open.iter_mut().find(|open| open.instrument == instrument)?;
        let waiting = self.waiting.get_mut(open.first as usize)?;
        let place = std::mem::replace(&mut open.first, waiting.next);
        open.updates -= 1;
        waiting.next = std::mem::replace(&mut self.free, place);
        Some(waiting.update)
    }

    /// The instrument's event is over. Says whether it had been given up.
    pub fn close(&mut self, instrument: u32) -> bool {
        let Some(at) = self.open.iter().position(|open| open.instrument == instrument) else { return false };
        let closed = self.open.remove(at);
        self.release(&closed);
        closed.given_up
    }

    /// Whether the instrument's event has been given up.
    pub fn is_given_up(&self, instrument: u32) -> bool {
        self.open.iter().any(|open| open.instrument == instrument && open.given_up)
    }

    /// Takes an open event out whole, whichever: its end will not come.
    pub fn cut(&mut self) -> Option<GivenUp> {
        let open = self.open.pop()?;
        self.release(&open);
        Some(GivenUp { instrument: open.instrument, updates: open.updates })
    }

    /// Frees all that the event holds.
    fn release(&mut self, open: &Open) {
        if let Some(last) = self.waiting.get_mut(open.last as usize).filter(|_| open.first != NIL) {
            last.next = std::mem::replace(&mut self.free, open.first);
        }
    }
}

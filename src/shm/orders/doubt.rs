//! Which books may be wrong, and what makes them right again.
//!
//! Two kinds of doubt. **A gap**: the writer itself may have missed messages; it marks its records until it knows better, so the
//! first record of an instrument without the mark lifts it. **Missing orders**: the records that a book is made of are not the whole
//! story (another channel began a new epoch, or what came contradicts the book); the writer knows nothing of it, and
//! only an `R`, from which on the book is empty, lifts it.
//!
//! A gap casts doubt on every book of a channel, also on those not heard of yet. So doubts are numbered, a channel has the number of
//! its last one, and a book the number up to which it was proven right.

use crate::record::{Control, control};

/// Doubts about one channel's books: the number of the last one of each kind, 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Doubted {
    channel: u16,
    gap: u64,
    missing: u64,
}

/// All doubts about whole channels.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts {
    count: u64,
    channels: Vec<Doubted>,
}

/// How far a book is beyond doubt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Its last record was marked.
    pub marked: bool,
    /// What came contradicts it, or an image said that orders are missing.
    pub broken: bool,
    /// Doubts up to this number do not concern it: a record without a mark came since.
    proven: u64,
    /// The same for missing orders: it was cleared since.
    cleared: u64,
}

impl Standing {
    /// A record of the instrument came.
    pub fn heard(&mut self, marked: bool, doubts: &Doubts) {
        self.marked = marked;
        if !marked {
            self.proven = doubts.count;
        }
    }

    /// The book is empty from here on.
    pub fn cleared(&mut self, doubts: &Doubts) {
        self.broken = false;
        self.cleared = doubts.count;
    }

    /// As an image tells it; later doubts are later.
    pub fn restored(marked: bool, broken: bool, doubts: &Doubts) -> Self {
        Self { marked, broken, proven: doubts.count, cleared: doubts.count }
    }

    /// The writer says that the book is right.
    pub fn proven(&mut self, doubts: &Doubts) {
        self.heard(false, doubts);
    }

    /// Whether orders may be missing that the writer knows of; `channel` as in the records.
    pub fn lacks_orders(&self, channel: u8, doubts: &Doubts) -> bool {
        self.broken || doubts.of(channel).any(|doubted| doubted.missing > self.cleared)
    }

    /// Whether the book may be wrong for any reason.
    pub fn is_doubted(&self, channel: u8, doubts: &Doubts) -> bool {
        self.marked || self.lacks_orders(channel, doubts) || doubts.of(channel).any(|doubted| doubted.gap > self.proven)
    }
}

impl Doubts {
    /// Of the channels that records of this number may be of: they have 8 bits for it, the channel table 16.
    fn of(&self, channel: u8) -> impl Iterator<Item = &Doubted> {
        self.channels.iter().filter(move |doubted| doubted.channel.min(255) == u16::from(channel))
    }

    fn raise(&mut self, channel: u16, set: impl FnOnce(&mut Doubted, u64)) {
        self.count += 1;
        if !self.channels.iter().any(|doubted| doubted.channel == channel) {
            self.channels.push(Doubted { channel, ..Doubted::default() });
        }
        if let Some(doubted) = self.channels.iter_mut().find(|doubted| doubted.channel == channel) {
            set(doubted, self.count);
        }
    }

    /// Takes in what a control record says of a whole channel.
    pub fn control(&mut self, record: &Control) {
        let channel = record.channel;
        match record.hd.rtype {
            control::GAP_OPEN => self.raise(channel, |doubted, number| doubted.gap = number),
            control::SESSION_START if record.cause == control::cause::OTHER_CHANNEL => {
                self.raise(channel, |doubted, number| doubted.missing = number);
            }
            // Somewhere in the middle of it: nobody knows what rested before.
            control::SESSION_START if record.first_sequence > 1 => self.raise(channel, |doubted, number| doubted.gap = number),
            // From its first message on, over empty books: an `R` follows for each that there was.
            control::SESSION_START => self.channels.retain(|doubted| doubted.channel != channel),
            control::BOOK_GOOD if record.hd.instrument_id == 0 => {
                for doubted in self.channels.iter_mut().filter(|doubted| doubted.channel == channel) {
                    doubted.gap = 0;
                }
                self.channels.retain(|doubted| doubted.missing > 0 || doubted.channel != channel);
            }
            _ => {}
        }
    }

    /// The doubted channels: number, whether by a gap, whether orders are missing.
    pub fn channels(&self) -> impl Iterator<Item = (u16, bool, bool)> + '_ {
        self.channels.iter().map(|doubted| (doubted.channel, doubted.gap > 0, doubted.missing > 0))
    }

    /// Puts a doubt back that an image tells.
    pub fn restore(&mut self, channel: u16, gap: bool, missing: bool) {
        self.raise(channel, |doubted, number| {
            (doubted.gap, doubted.missing) = (if gap { number } else { 0 }, if missing { number } else { 0 });
        });
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

//! The stages of the path, as they are measured.

/// Where a datagram is on its way. Each stage lasts until the next is [marked](super::Sink::mark).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// From the batch's receive stamp until its channel takes it up: it waits behind the others of its batch.
    Receive,
    /// Session layer, order of the lines, gaps; and what is asked for ahead from memory.
    Arbitrate,
    /// From the message's bytes to an event.
    Decode,
    /// What the event does to the book, and the records that tell it.
    Book,
    /// Records written into rings and boards.
    Publish,
}

impl Stage {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All of them, in the order of the path.
    pub const ALL: [Self; Self::COUNT] = [Self::Receive, Self::Arbitrate, Self::Decode, Self::Book, Self::Publish];

    /// Its name in tables, logs and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Arbitrate => "arbitrate",
            Self::Decode => "decode",
            Self::Book => "book",
            Self::Publish => "publish",
        }
    }
}

//! What the arbiter tells the channel behind it: messages in sequence, and notices in order with them.

use crate::feed::SessionId;

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The line whose copy was used.
    pub line: u8,
    /// When that copy was received, ns. A message that was held keeps the time it came in, not the time it was let out.
    pub recv_ns: u64,
    /// When the venue sent it, ns since 1970 UTC; 0 where the session layer does not say.
    pub send_ns: u64,
}

/// What stands behind the arbiter: the channel. Called on the hot path; must not block or allocate.
pub trait InSequence {
    /// The next message. Within a session numbers rise by one from call to call, but for the ranges told by [`Notice::GapOpen`].
    fn message(&mut self, sequence: u64, arrival: &Arrival, message: &[u8]);

    /// Something the books and the readers must know, told in order with the messages. `at_ns` is on the clock of the calls.
    fn notice(&mut self, notice: Notice, at_ns: u64);
}

/// Why a session starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartCause {
    /// The first datagram of the channel, from the session's beginning.
    First,
    /// The first datagram of the channel; its sequence was not 1, what came before it is not known.
    /// Also told a second time if the very first datagram turns out to have been a lone absurd one.
    JoinedLate,
    /// The venue opened a new session.
    NewSession,
    /// The venue's publisher restarted under the same session id.
    Restart,
}

/// Why a gap was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// Every live line had passed the missing numbers.
    AllLinesPassed,
    /// The missing numbers did not come within `gap_wait_ns`.
    TimedOut,
    /// A heartbeat or the end of the session announced messages that never came.
    Heartbeat,
    /// The window for early packets had no room.
    WindowFull,
    /// The venue opened a new session while the numbers were awaited.
    NewSession,
    /// The publisher restarted while the numbers were awaited.
    Restart,
    /// The input ended ([`super::Arbiter::finish`]) while the numbers were awaited.
    InputEnded,
}

/// What happened to the channel besides its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A session, or a new generation of it, starts: all that was known before is void. The next number is `first_sequence`;
    /// if that is above 1, what came before it in the session is not known, whatever the cause.
    SessionStart {
        /// The session.
        session: SessionId,
        /// Number of the first message that can come.
        first_sequence: u64,
        /// Why.
        cause: StartCause,
    },
    /// The session is over, all of its messages delivered or declared lost. Told once a session, also before a
    /// [`StartCause::NewSession`] that came without an end; not before a [`StartCause::Restart`], which does not end the session.
    SessionEnd {
        /// The number that would have come next.
        next_sequence: u64,
    },
    /// Messages `first..=last` are missing: declared, after waiting.
    GapOpen {
        /// First missing number.
        first: u64,
        /// Last missing number.
        last: u64,
        /// Why it was declared now.
        cause: GapCause,
    },
    /// Nothing more will be done about `first..=last`; or, if `recovered`, they come after all: the sequence steps back to `first`.
    GapClosed {
        /// First number.
        first: u64,
        /// Last number.
        last: u64,
        /// False: they are lost. True: they are the end of the last gap, which only announcements had shown, and nothing behind it was
        /// delivered; the genuine stream has reached `first`, and goes on from there (there is no recovery server).
        recovered: bool,
    },
    /// The publisher's byte stream has jumped although the numbers go on: two packets in a row agree. No number is missing, but
    /// something may be.
    StreamJumped {
        /// Number of the first message of the second packet.
        next_sequence: u64,
    },
    /// Nothing of the session was heard on any line for `silence_ns`. Told once, until [`Notice::Heard`].
    Silent {
        /// When the last datagram came.
        since_ns: u64,
    },
    /// The channel is heard again.
    Heard,
    /// Nothing of the session came by this line for `line_dead_ns` (or never anything, since the session started).
    LineDead {
        /// The line.
        line: u8,
    },
    /// The line is back, and has been steady for a while.
    LineAlive {
        /// The line.
        line: u8,
    },
}

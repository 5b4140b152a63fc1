//! What a channel's messages and the arbiter's notices come to: the state of the channel, its clock, and what the composer is told.

use crate::compose::{Composer, Moment};
use crate::feed::arbiter::{GapCause, Notice, StartCause};
use crate::feed::venue_time::VenueDate;
use crate::feed::{Decoded, Decoder, Receiver};
use crate::journal::Journal;
use crate::record::{ChannelState, Sink, Stage, control};
use crate::stats::{Drop, Drops};

/// A venue's clock is believed to be at most so far ahead of ours.
const VENUE_AHEAD_NS: u64 = 60_000_000_000;
/// The shortest window that anybody computes.
const SECOND_NS: u64 = 1_000_000_000;

/// Everything behind the decoder.
pub(super) struct Meaning {
    pub composer: Composer,
    pub index: u16,
    midnight_ns: Option<u64>,
    /// What is known of the books, heard or not.
    state: ChannelState,
    /// Nothing is heard: shown instead of `state` for as long.
    silent: bool,
    /// When `state` began.
    since_ns: u64,
    pub began_epoch: bool,
    /// The latest venue time of its messages, and up to where the sink was told.
    venue_ns: u64,
    told_venue_ns: u64,
    /// The time that messages were last told to be late for.
    ran_back_from_ns: u64,
    pub messages_by_type: [u64; 256],
    pub drops: Drops,
    journal: Journal,
}

/// What the decoder hands a message to.
pub(super) struct Meant<'a, S, F> {
    pub meaning: &'a mut Meaning,
    pub sink: &'a mut S,
    pub at: Moment,
    /// Whether messages of its type change what rests.
    pub moves_books: F,
}

impl<S: Sink, F: FnOnce() -> bool> Receiver for Meant<'_, S, F> {
    type Outcome = ();

    #[inline(always)]
    fn moving(self, decoded: &Decoded) {
        self.sink.mark(Stage::Book);
        self.meaning.keep_time(decoded, &self.at, self.sink);
        self.meaning.composer.apply_moving(&self.at, decoded, self.sink);
    }

    #[inline(never)]
    fn other(self, decoded: Result<&Decoded, Drop>) {
        self.sink.mark(Stage::Book);
        match decoded {
            Ok(decoded) => {
                self.meaning.keep_time(decoded, &self.at, self.sink);
                self.meaning.composer.apply(&self.at, decoded, self.sink);
            }
            Err(reason) => self.meaning.reject(reason, (self.moves_books)(), &self.at, self.sink),
        }
    }
}

impl Meaning {
    /// Of a channel that has heard nothing yet.
    pub fn new(index: u16, midnight_ns: Option<u64>, composer: Composer, journal: Journal) -> Self {
        Self {
            composer,
            index,
            midnight_ns,
            state: ChannelState::Idle,
            silent: false,
            since_ns: 0,
            began_epoch: false,
            venue_ns: 0,
            told_venue_ns: 0,
            ran_back_from_ns: 0,
            messages_by_type: [0; 256],
            drops: Drops::default(),
            journal,
        }
    }

    /// Follows the venue's clock.
    #[inline(always)]
    fn keep_time<S: Sink>(&mut self, decoded: &Decoded, at: &Moment, sink: &mut S) {
        if decoded.ts_event < self.venue_ns {
            self.ran_back(decoded.ts_event, at, sink);
        }
        // A time far ahead of its receipt is a fault of the venue's, or of the wire; it must not close windows for the day.
        self.venue_ns = self.venue_ns.max(decoded.ts_event.min(at.recv_ns.saturating_add(VENUE_AHEAD_NS)));
    }

    /// Who closes windows by the watermark may have closed this message's second already, or not, by when it looked. Told in order
    /// with the data, it is late for everybody.
    #[cold]
    fn ran_back<S: Sink>(&mut self, venue_ns: u64, at: &Moment, sink: &mut S) {
        if venue_ns / SECOND_NS < self.venue_ns / SECOND_NS && self.ran_back_from_ns != self.venue_ns {
            self.ran_back_from_ns = self.venue_ns;
            self.tell(control::TIME_RAN_BACK, at.sequence, 0, control::cause::NONE, at.recv_ns, sink);
        }
    }

    #[cold]
    fn reject<S: Sink>(&mut self, reason: Drop, moves_books: bool, at: &Moment, sink: &mut S) {
        self.drops.count(reason);
        let Moment { sequence, recv_ns, .. } = *at;
        // A message that could have moved any book and could not be read is a message lost: a gap of one. Of other types only what they
        // would have told is missing; an unknown type is no loss, since a venue that adds one does not change what the others mean.
        let unreadable = matches!(reason, Drop::WrongLength | Drop::BadValue | Drop::UnknownInstrument);
        if unreadable && moves_books {
            self.composer.doubt_all();
            self.enter(ChannelState::Stale, recv_ns, sink);
            self.tell(control::GAP_OPEN, sequence, sequence, control::cause::UNREADABLE, recv_ns, sink);
            self.tell(control::GAP_CLOSED, sequence, sequence, control::cause::LOST, recv_ns, sink);
        }
    }

    pub fn notice<S: Sink>(&mut self, notice: Notice, at_ns: u64, decoder: &mut impl Decoder, sink: &mut S) {
        self.journal.note(self.index, notice, at_ns);
        match notice {
            Notice::SessionStart { first_sequence, cause, .. } => self.start(first_sequence, cause, at_ns, decoder, sink),
            Notice::SessionEnd { next_sequence } => {
                self.enter(ChannelState::Ended, at_ns, sink);
                self.tell(control::SESSION_END, next_sequence, 0, control::cause::NONE, at_ns, sink);
            }
            Notice::GapOpen { first, last, cause } => {
                self.composer.doubt_all();
                self.enter(ChannelState::GapOpen, at_ns, sink);
                self.tell(control::GAP_OPEN, first, last, gap_cause(cause), at_ns, sink);
            }
            Notice::GapClosed { first, last, recovered } => {
                let cause = if recovered { control::cause::RECOVERED } else { control::cause::LOST };
                self.enter(ChannelState::Stale, at_ns, sink);
                self.tell(control::GAP_CLOSED, first, last, cause, at_ns, sink);
            }
            Notice::StreamJumped { next_sequence } => {
                self.composer.doubt_all();
                self.enter(ChannelState::Stale, at_ns, sink);
                let before = next_sequence.saturating_sub(1);
                self.tell(control::GAP_OPEN, next_sequence, before, control::cause::STREAM_OFFSET, at_ns, sink);
                self.tell(control::GAP_CLOSED, next_sequence, before, control::cause::LOST, at_ns, sink);
            }
            Notice::Silent { .. } | Notice::Heard => {
                self.silent = matches!(notice, Notice::Silent { .. });
                // What the silence covered goes on, and began when it began.
                sink.channel_state(self.index, self.shown(), if self.silent { at_ns } else { self.since_ns });
            }
            Notice::LineDead { .. } | Notice::LineAlive { .. } => {}
        }
    }

    fn start<S: Sink>(&mut self, first_sequence: u64, cause: StartCause, at_ns: u64, decoder: &mut impl Decoder, sink: &mut S) {
        let at = Moment { sequence: first_sequence, recv_ns: at_ns, send_ns: 0 };
        let code = match cause {
            StartCause::First => control::cause::FIRST,
            StartCause::JoinedLate => control::cause::JOINED_LATE,
            StartCause::NewSession => {
                sink.new_epoch();
                self.composer.forget_session();
                decoder.new_session();
                self.began_epoch = true;
                (self.venue_ns, self.told_venue_ns, self.ran_back_from_ns) = (0, 0, 0);
                control::cause::NEW_SESSION
            }
            StartCause::Restart => control::cause::RESTART,
        };
        // Before the very first start there is nothing to clear, and going over all memory takes milliseconds.
        if cause != StartCause::NewSession && self.state != ChannelState::Idle {
            // Also when a first datagram turns out to have been a lone absurd one: whatever it put into the books is void.
            self.composer.clear_books();
        }
        if cause != StartCause::Restart && self.midnight_ns.is_none() {
            // Outside the calendar's range (a receive time of 1970) the old midnight stays: times are wrong either way.
            if let Ok(midnight_ns) = VenueDate::at(at_ns).and_then(VenueDate::midnight_ns) {
                decoder.set_midnight(midnight_ns);
            }
        }
        let whole = first_sequence <= 1;
        if !whole {
            self.composer.doubt_all();
        }
        self.enter(if whole { ChannelState::Good } else { ChannelState::Stale }, at_ns, sink);
        self.tell(control::SESSION_START, first_sequence, 0, code, at_ns, sink);
        // None after a new session, whose epoch is empty anyway.
        self.composer.publish_clears(&at, sink);
    }

    /// After a datagram: a stale channel whose every instrument is proven right again is good.
    #[inline]
    pub fn settle<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        if self.state == ChannelState::Stale && self.composer.all_proven() && self.composer.instruments() > 0 {
            self.enter(ChannelState::Good, now_ns, sink);
            self.tell(control::BOOK_GOOD, 0, 0, control::cause::NONE, now_ns, sink);
        }
        if self.venue_ns != self.told_venue_ns {
            self.told_venue_ns = self.venue_ns;
            sink.watermark(self.index, self.venue_ns);
        }
    }

    /// Another channel has begun an epoch. Its rings hold nothing of this channel: readers are told that they join it late,
    /// because of orders they will never have seen the beginning.
    pub fn announce_again<S: Sink>(&mut self, next_sequence: u64, now_ns: u64, sink: &mut S) {
        self.enter(self.state, now_ns, sink);
        if !matches!(self.state, ChannelState::Idle | ChannelState::Ended) {
            self.tell(control::SESSION_START, next_sequence, 0, control::cause::OTHER_CHANNEL, now_ns, sink);
        }
        self.composer.announce_again(&Moment { sequence: 0, recv_ns: now_ns, send_ns: 0 }, sink);
    }

    pub fn close<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        self.tell(control::SESSION_END, 0, 0, control::cause::SHUTDOWN, now_ns, sink);
    }

    fn enter<S: Sink>(&mut self, state: ChannelState, at_ns: u64, sink: &mut S) {
        self.state = state;
        self.since_ns = at_ns;
        sink.channel_state(self.index, state, at_ns);
        // The sink keeps the doubt that this state may cast on books; silence does not lift it.
        if self.silent {
            sink.channel_state(self.index, ChannelState::Silent, at_ns);
        }
    }

    pub fn shown(&self) -> ChannelState {
        if self.silent { ChannelState::Silent } else { self.state }
    }

    fn tell<S: Sink>(&self, rtype: u8, first: u64, last: u64, cause: u8, at_ns: u64, sink: &mut S) {
        let at = Moment { sequence: first, recv_ns: at_ns, send_ns: 0 };
        let mut record = self.composer.control(rtype, 0, &at, first, last, cause);
        // In order with the data, so that who computes windows knows which of them were over before this happened.
        record.hd.ts_event = self.venue_ns;
        sink.control(&record);
    }
}

const fn gap_cause(cause: GapCause) -> u8 {
    match cause {
        GapCause::AllLinesPassed => control::cause::ALL_LINES_PASSED,
        GapCause::TimedOut => control::cause::TIMED_OUT,
        GapCause::Heartbeat => control::cause::HEARTBEAT,
        GapCause::WindowFull => control::cause::WINDOW_FULL,
        GapCause::NewSession => control::cause::NEW_SESSION,
        GapCause::Restart => control::cause::RESTART,
        GapCause::InputEnded => control::cause::SHUTDOWN,
    }
}

//! An arbiter with a tape behind it, and the invariant every tape must satisfy.

use std::marker::PhantomData;

use tickwire::feed::SessionLayer;
use tickwire::feed::arbiter::{Arbiter, ArbiterConfig, ArbiterCounters, Arrival, InSequence, Notice, StartCause};
use tickwire::stats::Drop;

use crate::framing::{Iex, Mold, message, session};

pub const A: u8 = 0;
pub const B: u8 = 1;
pub const MS: u64 = 1_000_000;
pub const S: u64 = 1_000_000_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Out {
    Message(u64, Arrival, Vec<u8>),
    Notice(Notice, u64),
}

#[derive(Default)]
pub struct Tape(pub Vec<Out>);

impl InSequence for Tape {
    fn message(&mut self, sequence: u64, arrival: &Arrival, message: &[u8]) {
        self.0.push(Out::Message(sequence, *arrival, message.to_vec()));
    }

    fn notice(&mut self, notice: Notice, at_ns: u64) {
        self.0.push(Out::Notice(notice, at_ns));
    }
}

/// One session or generation as the tape tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    pub session: u8,
    pub cause: StartCause,
    pub first: u64,
    pub next: u64,
    pub delivered: u64,
    pub lost: u64,
    pub ended: bool,
}

impl Tape {
    /// Walks the tape: each number is delivered exactly once, in order, or lies in exactly one declared gap.
    #[track_caller]
    pub fn sessions(&self) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        let mut open = None;
        let mut silent = false;
        let mut word = None;
        for out in &self.0 {
            if let Some((first, last)) = open.take() {
                let closed =
                    matches!(out, Out::Notice(Notice::GapClosed { first: f, last: l, recovered: false }, _) if (*f, *l) == (first, last));
                assert!(closed, "gap {first}..={last} is followed by {out:?}");
            }
            match out {
                Out::Notice(Notice::SessionStart { session, first_sequence, cause }, _) => {
                    if *cause == StartCause::NewSession {
                        assert!(told.last().is_none_or(|t| t.ended), "a session that is not ended is left");
                    }
                    let (session, first) = (session.0[0], *first_sequence);
                    told.push(Told { session, cause: *cause, first, next: first, delivered: 0, lost: 0, ended: false });
                    continue;
                }
                Out::Notice(Notice::Silent { .. }, _) => assert!(!std::mem::replace(&mut silent, true), "silent twice"),
                Out::Notice(Notice::Heard, _) => assert!(std::mem::replace(&mut silent, false), "heard, but was not silent"),
                _ => {}
            }
            let now = told.last_mut().unwrap_or_else(|| panic!("{out:?} before any session"));
            if let Out::Notice(Notice::GapClosed { first, last, recovered: true }, _) = out {
                assert!(!now.ended && first <= last && word == Some(*last) && now.next == last + 1, "{out:?} behind messages");
                now.next = *first;
                now.lost -= last - first + 1;
            }
            match out {
                Out::Notice(Notice::GapOpen { last, .. }, _) => word = Some(*last),
                Out::Message(..) => word = None,
                _ => {}
            }
            match out {
                Out::Message(sequence, ..) => {
                    assert!(!now.ended && !silent, "message {sequence} after the end, or in silence");
                    assert_eq!(*sequence, now.next, "out of sequence");
                    now.next += 1;
                    now.delivered += 1;
                }
                Out::Notice(Notice::GapOpen { first, last, .. }, _) => {
                    assert!(!now.ended && first <= last);
                    assert_eq!(*first, now.next, "the gap is not where the sequence stands");
                    now.next = last + 1;
                    now.lost = now.lost.saturating_add(last - first + 1);
                    open = Some((*first, *last));
                }
                Out::Notice(Notice::SessionEnd { next_sequence }, _) => {
                    assert!(!std::mem::replace(&mut now.ended, true), "ended twice");
                    assert_eq!(*next_sequence, now.next);
                }
                _ => {}
            }
            assert_eq!(u128::from(now.delivered) + u128::from(now.lost), u128::from(now.next - now.first), "conservation");
        }
        assert_eq!(open, None, "a gap was left open");
        told
    }

    /// Like [`Tape::sessions`], and every message says what the exchange said under that number.
    #[track_caller]
    pub fn true_sessions(&self) -> Vec<Told> {
        let mut sessions = self.sessions().into_iter();
        let mut now = 0;
        for out in &self.0 {
            match out {
                Out::Notice(Notice::SessionStart { .. }, _) => now = sessions.next().unwrap().session,
                Out::Message(sequence, _, bytes) => assert_eq!(*bytes, message(now, *sequence), "content of {sequence}"),
                _ => {}
            }
        }
        self.sessions()
    }

    /// The numbers delivered.
    pub fn numbers(&self) -> Vec<u64> {
        self.0.iter().filter_map(|out| if let Out::Message(n, ..) = out { Some(*n) } else { None }).collect()
    }

    /// The notices told.
    pub fn notices(&self) -> Vec<Notice> {
        self.0.iter().filter_map(|out| if let Out::Notice(n, _) = out { Some(*n) } else { None }).collect()
    }
}

pub struct Rig<L> {
    pub arbiter: Arbiter,
    pub tape: Tape,
    layer: PhantomData<L>,
}

/// Two lines, 1 ms for a hole, a line has passed as soon as one packet of it has.
pub fn config() -> ArbiterConfig {
    ArbiterConfig {
        lines: 2,
        gap_wait_ns: MS,
        reorder_packets: 0,
        window_packets: 64,
        window_bytes: 1 << 16,
        silence_ns: 5 * S,
        absurd_jump: 1_000_000,
        line_dead_ns: 3 * S,
    }
}

pub type MoldRig = Rig<Mold>;
pub type IexRig = Rig<Iex>;

impl<L: SessionLayer> Rig<L> {
    pub fn new(config: ArbiterConfig) -> Self {
        Self { arbiter: Arbiter::new(config), tape: Tape::default(), layer: PhantomData }
    }

    /// Calls the timers that are due, as the lane does, then hands the datagram in.
    pub fn datagram(&mut self, line: u8, at_ns: u64, payload: &[u8]) {
        self.until(at_ns);
        self.arbiter.on_datagram::<L>(line, at_ns, payload, &mut self.tape);
    }

    /// Lets time pass. Each deadline must be done with when its time has come.
    pub fn until(&mut self, at_ns: u64) {
        let mut last = None;
        while let Some(due) = self.arbiter.deadline_ns().filter(|&due| due <= at_ns) {
            assert!(last.is_none_or(|last| due > last), "deadline {due} stays due");
            self.arbiter.on_time::<L>(due, &mut self.tape);
            last = Some(due);
        }
        self.arbiter.on_time::<L>(at_ns, &mut self.tape);
    }

    pub fn finish(&mut self, at_ns: u64) {
        self.until(at_ns);
        self.arbiter.finish::<L>(at_ns, &mut self.tape);
    }

    pub fn counters(&self) -> &ArbiterCounters {
        self.arbiter.counters()
    }

    pub fn dropped(&self, reason: Drop) -> u64 {
        self.counters().drops.get(reason)
    }

    /// Forgets the tape so far, after checking it.
    pub fn clear(&mut self) {
        self.tape.sessions();
        self.tape.0.clear();
    }

    /// The one session told so far: (first, next, delivered, lost).
    #[track_caller]
    pub fn only_session(&self) -> (u64, u64, u64, u64) {
        let told = self.tape.true_sessions();
        assert_eq!(told.len(), 1, "{told:?}");
        (told[0].first, told[0].next, told[0].delivered, told[0].lost)
    }
}

pub fn start(number: u8, first_sequence: u64, cause: StartCause) -> Notice {
    Notice::SessionStart { session: session(number), first_sequence, cause }
}

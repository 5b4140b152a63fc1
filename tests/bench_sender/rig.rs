//! Workloads of the tests' own, and a transport that writes down what it was offered and when.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;

use tickwire::bench::schedule::Schedule;
use tickwire::bench::sender::{Refusal, Sender, SenderConfig, Sent, Transport};
use tickwire::bench::workload::{Limit, Packet, Workload};
use tickwire::bench::{Control, Pace};
use tickwire::error::Error;
use tickwire::feed::name::FeedName;
use tickwire::generate::{CaptureConfig, GenerateConfig};
use tickwire::source::lines::LineKey;
use tickwire::time::Clock;

use crate::allocations;

/// 2023-11-15 in New York.
pub const MIDNIGHT_NS: u64 = 1_700_024_400_000_000_000;
/// 09:30 there.
pub const OPEN_NS: u64 = MIDNIGHT_NS + 34_200_000_000_000;

pub fn line(last: u8) -> LineKey {
    LineKey { group: Ipv4Addr::new(239, 192, last, 1), port: 26_400 }
}

/// A day of so many messages.
pub fn day(messages: u64) -> GenerateConfig {
    GenerateConfig::steady(7, messages, 20, MIDNIGHT_NS, OPEN_NS, 20_000)
}

/// Calls something that wants a control; nobody stops it and nobody watches.
pub fn unwatched<T>(work: impl FnOnce(&mut Control<'_>) -> T) -> T {
    work(&mut Control { stop: &|| false, progress: &mut |_| () })
}

pub fn made_up(messages: u64) -> Workload {
    unwatched(|control| Workload::made_up(&day(messages), &CaptureConfig::default(), Limit::default(), control)).unwrap()
}

/// Datagrams of these recorded times and payloads, numbered from 1, on one line.
pub fn workload<'a>(datagrams: impl IntoIterator<Item = (u64, &'a [u8])>) -> Workload {
    let mut workload = Workload {
        what: "written by hand".into(),
        feed: FeedName::NasdaqItch,
        midnight_ns: None,
        lines: vec![line(1)],
        channels: vec![0],
        packets: vec![],
        payloads: vec![],
        remarks: vec![],
    };
    for ((recorded_ns, payload), sequence) in datagrams.into_iter().zip(1..) {
        let (offset, length) = (workload.payloads.len() as u64, payload.len() as u16);
        workload.payloads.extend(payload);
        workload.packets.push(Packet { recorded_ns, sequence, offset, length, messages: 1, line: 0 });
    }
    workload
}

/// So many empty datagrams at these times.
pub fn at(times_ns: impl IntoIterator<Item = u64>) -> Workload {
    workload(times_ns.into_iter().map(|ns| (ns, &b""[..])))
}

/// What a sink answers to one offer.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Takes at most so many.
    Takes(usize),
    /// Refuses the first.
    Refuses,
    /// Is gone.
    Gone,
}

/// One offer: what, when on the clock, how many were taken, how often the thread had asked for memory.
#[derive(Clone, Debug)]
pub struct Offer {
    pub offered: Range<usize>,
    pub ns: u64,
    pub taken: usize,
    pub allocations: u64,
}

/// What a sink has seen.
pub type Seen = Rc<RefCell<Vec<Offer>>>;

/// Takes what it is told to and writes everything down.
pub struct Sink {
    clock: Clock,
    most: usize,
    /// For the next offers.
    answers: VecDeque<Answer>,
    /// For all that follow.
    always: Answer,
    /// Of datagrams, whenever they come first.
    refused: Vec<usize>,
    seen: Seen,
}

impl Sink {
    pub fn new(clock: &Clock, most: usize) -> (Self, Seen) {
        // Room beforehand: writing down must not show among the allocations.
        let seen = Rc::new(RefCell::new(Vec::with_capacity(1 << 20)));
        (
            Self {
                clock: clock.clone(),
                most,
                answers: VecDeque::new(),
                always: Answer::Takes(usize::MAX),
                refused: vec![],
                seen: seen.clone(),
            },
            seen,
        )
    }

    pub fn answering(mut self, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.answers = answers.into_iter().collect();
        self
    }

    pub fn always(mut self, answer: Answer) -> Self {
        self.always = answer;
        self
    }

    pub fn refusing(mut self, datagrams: &[usize]) -> Self {
        self.refused = datagrams.to_vec();
        self
    }
}

impl Transport for Sink {
    fn describe(&self) -> String {
        "a sink".into()
    }

    fn most(&self) -> usize {
        self.most
    }

    fn send(&mut self, offered: Range<usize>) -> Result<usize, Refusal> {
        assert!(!offered.is_empty() && offered.len() <= self.most, "{offered:?}");
        let answer = self.answers.pop_front().unwrap_or(self.always);
        let before_refused = offered.clone().take_while(|nth| !self.refused.contains(nth)).count();
        let taken = match answer {
            Answer::Takes(most) => most.min(before_refused),
            Answer::Refuses | Answer::Gone => 0,
        };
        let (ns, allocations) = (self.clock.now_ns(), allocations::calls());
        self.seen.borrow_mut().push(Offer { offered, ns, taken, allocations });
        match answer {
            Answer::Gone => {
                let error = Error::new(tickwire::error::Exit::Failed, "interface \"made-up\"", "it is gone", "bring it back");
                Err(Refusal::Interface(error))
            }
            Answer::Refuses => Err(Refusal::Datagram(io::Error::from_raw_os_error(libc::EMSGSIZE))),
            Answer::Takes(_) if before_refused == 0 => Err(Refusal::Datagram(io::Error::from_raw_os_error(libc::EMSGSIZE))),
            Answer::Takes(_) => Ok(taken),
        }
    }
}

/// Sends a workload into a sink at a pace: what became of it, what the sink saw, and when it started.
pub fn send(
    workload: &Workload,
    pace: Pace,
    config: SenderConfig,
    most: usize,
    shape: impl FnOnce(Sink) -> Sink,
) -> (Result<Sent, Error>, Vec<Offer>, u64) {
    let clock = Clock::system();
    let (sink, seen) = Sink::new(&clock, most);
    let schedule = Schedule::new(workload, pace);
    let mut sender = Sender::new(&schedule, workload.packets.len(), Box::new(shape(sink)), config);
    let start_ns = clock.now_ns() + 1_000_000;
    let sent = sender.run(&clock, start_ns, &|| false, &AtomicU64::new(0), &mut |_| false);
    let seen = seen.take();
    (sent, seen, start_ns)
}

/// The datagrams that were taken, in the order in which they were.
pub fn taken(seen: &[Offer]) -> Vec<usize> {
    seen.iter().flat_map(|offer| offer.offered.clone().take(offer.taken)).collect()
}

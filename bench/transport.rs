//! 56-byte records from one pinned core to another, whatever carries them: there and back, and one way as fast as it goes.
//!
//! Every record is looked at by who receives it: all of its words must be of one number, the numbers must ascend, and what came and what
//! the transport says was lost must add up to what was sent.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tickwire::record::{Header, Mbo};
use tickwire::sys::affinity;
use zerocopy::transmute;

/// Round trips that are timed together, as in the ping-pong: one reading of the clock costs as much as a fifth of one.
const BATCH: u64 = 100;
/// As long as it takes where others want the cores, too.
const PATIENCE: Duration = Duration::from_millis(500);
/// Records between two looks at the clock, and between two announcements: about a datagram's worth.
const BURST: u64 = 32;

/// Where records go in. It waits where its transport can be full.
pub trait Sender {
    fn send(&mut self, record: &Mbo);

    /// A burst ends here.
    fn flush(&mut self) {}
}

/// Where they come out.
pub trait Receiver {
    /// Hands on what has come, if anything has.
    fn receive(&mut self, take: impl FnMut(&Mbo));

    /// Records that were overwritten before they were read, so far.
    fn lost(&self) -> u64 {
        0
    }
}

/// The record with that number in each of its words behind the first.
#[inline(always)]
pub fn record(number: u64) -> Mbo {
    let [head, _]: [u64; 2] = transmute!(Header::of::<Mbo>(2, 1, 0));
    transmute!([head, number, number, number, number, number, number])
}

/// The number of a record; `None` if its words are not of one.
#[inline(always)]
pub fn number(record: &Mbo) -> Option<u64> {
    let words: [u64; 7] = transmute!(*record);
    let expected: [u64; 7] = transmute!(self::record(words[1]));
    let differs = words.iter().zip(expected).fold(0, |differs, (word, expected)| differs | (word ^ expected));
    (differs == 0).then_some(words[1])
}

/// What has come out.
#[derive(Default)]
struct Seen {
    count: u64,
    last: u64,
    broken: u64,
}

impl Seen {
    #[inline(always)]
    fn take(&mut self, record: &Mbo) {
        match number(record) {
            Some(number) if number > self.last => self.last = number,
            _ => self.broken += 1,
        }
        self.count += 1;
    }
}

/// What went one way.
#[derive(Clone, Copy, Debug)]
pub struct OneWay {
    pub received: u64,
    pub lost: u64,
    pub ns: u64,
}

impl OneWay {
    /// Millions of records received a second.
    pub fn received_m_s(&self) -> f64 {
        self.received as f64 * 1e3 / self.ns.max(1) as f64
    }
}

/// As fast as it goes for that long, from the first core to the second. Both ends are made on the threads that use them.
pub fn one_way<S: Sender, R: Receiver>(
    cores: [usize; 2],
    lasts: Duration,
    sender: impl FnOnce() -> S + Send,
    receiver: impl FnOnce() -> R + Send,
) -> OneWay {
    let (start, end, sent) = (Barrier::new(2), Barrier::new(2), AtomicU64::new(u64::MAX));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(cores[0]);
            let mut sender = sender();
            start.wait();
            let (began, mut number) = (Instant::now(), 0);
            while began.elapsed() < lasts {
                for _ in 0..BURST {
                    number += 1;
                    sender.send(&record(number));
                }
                sender.flush();
            }
            sent.store(number, Ordering::Release);
            // Some transports forget with their sender what was not read yet.
            end.wait();
        });
        let receiving = scope.spawn(|| {
            pin(cores[1]);
            let mut receiver = receiver();
            start.wait();
            let (began, mut seen) = (Instant::now(), Seen::default());
            loop {
                let before = seen.count;
                receiver.receive(|record| seen.take(record));
                if seen.count == before {
                    if seen.count + receiver.lost() >= sent.load(Ordering::Acquire) {
                        break;
                    }
                    std::hint::spin_loop();
                }
            }
            let ns = began.elapsed().as_nanos() as u64;
            end.wait();
            (seen, receiver.lost(), ns)
        });
        let (seen, lost, ns) = receiving.join().expect("the receiving thread");
        let sent = sent.load(Ordering::Acquire);
        assert_eq!(seen.broken, 0, "records came torn or out of order");
        assert_eq!(seen.count + lost, sent, "what came and what was lost is not what was sent");
        OneWay { received: seen.count, lost, ns }
    })
}

/// Both ends of a way there and a way back: the first core has the sender of one and the receiver of the other.
pub struct Ends<S, R> {
    pub sender: S,
    pub receiver: R,
}

/// Median of a round trip, ns, of `batches` times a hundred, or of as many as half a second has.
pub fn round_trip_ns<S: Sender, R: Receiver>(
    cores: [usize; 2],
    batches: usize,
    near: impl FnOnce() -> Ends<S, R> + Send,
    far: impl FnOnce() -> Ends<S, R> + Send,
) -> f64 {
    let (start, end, over) = (Barrier::new(2), Barrier::new(2), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(cores[1]);
            let Ends { mut sender, mut receiver } = far();
            start.wait();
            while !over.load(Ordering::Relaxed) {
                let mut came = false;
                receiver.receive(|record| {
                    sender.send(record);
                    sender.flush();
                    came = true;
                });
                if !came {
                    std::hint::spin_loop();
                }
            }
            end.wait();
        });
        let serving = scope.spawn(|| {
            pin(cores[0]);
            let Ends { mut sender, mut receiver } = near();
            start.wait();
            let (mut took, mut sent) = (Vec::with_capacity(batches), 0);
            let first = Instant::now();
            for _ in 0..batches {
                if first.elapsed() > PATIENCE {
                    break;
                }
                let began = Instant::now();
                for _ in 0..BATCH {
                    sent += 1;
                    sender.send(&record(sent));
                    sender.flush();
                    let mut back = 0;
                    while back == 0 {
                        // Two of its words alone: the ping-pong looks at one.
                        receiver.receive(|record| back = if record.hd.ts_event == record.ts_recv { record.ts_recv } else { u64::MAX });
                        if back == 0 {
                            std::hint::spin_loop();
                        }
                    }
                    assert_eq!(back, sent, "another record came back, or a torn one");
                }
                took.push(began.elapsed().as_nanos() as u64);
            }
            over.store(true, Ordering::Relaxed);
            end.wait();
            took
        });
        let mut took = serving.join().expect("the serving thread");
        took.sort_unstable();
        took.get(took.len() / 2).copied().unwrap_or(0) as f64 / BATCH as f64
    })
}

/// Two cores to measure between; the same one twice where there is but one.
pub fn two_cores() -> [usize; 2] {
    let cores = affinity::allowed_cores();
    let first = cores.first().copied().unwrap_or(0);
    [first, cores.get(1).copied().unwrap_or(first)]
}

fn pin(core: usize) {
    // Where it may not, the figures are the scheduler's, which their spread tells.
    let _ = affinity::pin_to(core);
}

//! What the writer and the readers' threads share: how far the day has come, and the checkpoints where all wait for each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tickwire::generate::{BookTruth, GenerateConfig};
use tickwire::record::Schema;
use tickwire::shm::orders::Order;

/// Longest that anybody waits for anybody.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to happen. All of it follows from the seed, but for when which thread runs.
pub struct Script {
    pub seed: u64,
    pub sessions: Vec<GenerateConfig>,
    /// After how many messages, over all sessions, to stop and compare; the last is the end of the last session.
    pub checkpoints: Vec<u64>,
    /// Messages whose packets are lost on both lines.
    pub lost: Vec<u64>,
}

impl Script {
    pub fn messages(&self) -> u64 {
        self.sessions.iter().map(|session| session.messages).sum()
    }
}

/// The state of things where the writer stands still.
pub struct Checkpoint {
    pub messages: u64,
    pub epoch: u64,
    /// The position that comes next, by schema.
    pub next: [u64; Schema::COUNT],
    /// The exchange's own books; after a loss, when nobody can have those, the handler's.
    pub books: Vec<BookTruth>,
    /// Every order, in the order in which it would execute, by stock locate and side (bids, asks): the exchange's own; after a loss those of
    /// the plainest model there is, which has seen all that was published.
    pub orders: BTreeMap<u32, [Vec<Order>; 2]>,
    /// Gaps so far in this session.
    pub gaps: u64,
    /// The first message lost in this session, counted over all sessions.
    pub first_lost: u64,
}

/// Where writer and readers meet.
#[derive(Default)]
pub struct Stage {
    written: AtomicU64,
    failed: AtomicBool,
    checkpoints: Mutex<Vec<Arc<Checkpoint>>>,
    passed: AtomicUsize,
}

impl Stage {
    /// Messages handed to the channel and committed.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    pub fn set_written(&self, messages: u64) {
        self.written.store(messages, Ordering::Release);
    }

    /// The writer stops here until that many threads have compared.
    pub fn stop_for(&self, checkpoint: Checkpoint, threads: usize) {
        let number = {
            let mut checkpoints = self.checkpoints.lock().unwrap();
            checkpoints.push(Arc::new(checkpoint));
            checkpoints.len()
        };
        self.wait("the readers to compare", || self.passed.load(Ordering::Acquire) == number * threads);
    }

    /// The checkpoint of that number, counted from 0, if it has been reached.
    pub fn checkpoint(&self, number: usize) -> Option<Arc<Checkpoint>> {
        self.checkpoints.lock().unwrap().get(number).cloned()
    }

    /// A thread has compared.
    pub fn pass(&self) {
        self.passed.fetch_add(1, Ordering::AcqRel);
    }

    /// Waits until `done`, but not for ever, nor for a thread that has failed.
    pub fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            self.go_on();
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Ends this thread if another has failed.
    pub fn go_on(&self) {
        assert!(!self.failed.load(Ordering::Relaxed), "another thread failed, see there");
    }
}

/// Tells the other threads when this one fails.
pub struct Alarm<'a>(pub &'a Stage);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

//! A small made-up session, two hosts on a veth pair, and what runs between them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tickwire::bench::handler::Setup;
use tickwire::bench::on_wire::{OnWire, OnWireConfig, Wire};
use tickwire::bench::schedule::Schedule;
use tickwire::bench::workload::{Limit, Workload};
use tickwire::bench::{Control, Pace, Round, Runner};
use tickwire::book::BooksCapacity;
use tickwire::error::Error;
use tickwire::generate::{CaptureConfig, GenerateConfig};
use tickwire::time::SharedCourse;

use super::kernel;

/// Two runs at once would share cores on which threads never sleep.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn course() -> SharedCourse {
    static COURSE: OnceLock<SharedCourse> = OnceLock::new();
    *COURSE.get_or_init(SharedCourse::measure)
}

/// An ITCH session of so many messages, some ten in each datagram, on lines A and B.
pub fn session(messages: u64) -> Workload {
    let midnight_ns = 1_700_000_000_000_000_000 / 86_400_000_000_000 * 86_400_000_000_000;
    let day = GenerateConfig::steady(7, messages, 40, midnight_ns, midnight_ns + 34_200_000_000_000, 10_000);
    let capture = CaptureConfig { messages_per_packet: 10, ..CaptureConfig::default() };
    Workload::made_up(&day, &capture, Limit::default(), &mut control()).unwrap()
}

pub fn control() -> Control<'static> {
    // A test's few bytes.
    Control { stop: &|| false, progress: Box::leak(Box::new(|_| ())) }
}

/// Two hosts; `None`, after a loud skip, where they are not allowed.
pub fn wire() -> Option<Arc<Wire>> {
    match Wire::veth() {
        Ok(wire) => Some(Arc::new(wire)),
        Err(error) => {
            kernel::skip(&error.to_string());
            None
        }
    }
}

/// What is run: small books, small rings, every datagram sampled.
pub fn config(workload: Workload, pace: Pace, wire: &Arc<Wire>) -> OnWireConfig {
    let workload = Arc::new(workload);
    let schedule = Arc::new(Schedule::new(&workload, pace));
    OnWireConfig {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_tickwire")),
        latency_every: 1,
        stages_every: 16,
        depth: Some(1 << 16),
        instruments: 1 << 10,
        capacity: BooksCapacity { instruments: 1 << 10, orders: 100_000, levels: 100_000 },
        ..OnWireConfig::new(workload, schedule, wire.clone(), course())
    }
}

/// One round by that way of receiving; `None`, after a loud skip, where the host refuses it.
pub fn round(config: &OnWireConfig, setup: &str) -> Option<Round> {
    let mut runner = OnWire::new(config.with_setup(Setup::parse(setup).unwrap())).unwrap();
    match runner.round(&mut control()) {
        Ok(round) => Some(round),
        Err(error) if is_refusal(&error) => {
            kernel::skip(&error.to_string());
            None
        }
        Err(error) => panic!("{setup}: {error}"),
    }
}

/// Whether the host does not allow what the test needs.
pub fn is_refusal(error: &Error) -> bool {
    error.exit == tickwire::error::Exit::Host && (error.to_string().contains("CAP_BPF") || error.to_string().contains("io_uring"))
}

/// This host's loopback as both ends.
pub fn loopback() -> Arc<Wire> {
    Arc::new(Wire::between("lo", "lo").unwrap())
}

//! A cache line to and fro between two cores: what this machine's cores are apart, right now.
//!
//! Virtual cores are near one minute and far the next, so every figure that crosses cores stands between two of these.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sys::affinity;

/// Round trips in a batch that is timed: one reading of the clock costs as much as a fifth of a round trip.
const BATCH: u64 = 100;
/// Batches that are enough, unless there is time for more.
const BATCHES: usize = 500;
/// How long it takes, if that is enough.
const LASTS: Duration = Duration::from_millis(50);
/// A machine on which 50,000 round trips take longer has no two cores to give.
const PATIENCE: Duration = Duration::from_millis(500);

/// One word on lines of its own: neighbours are fetched in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU64);

/// Median of a round trip between two cores, ns, of 50,000 or more, in about 50 ms. `None`: it is one core, or one that this process may
/// not use, or others took them most of the time.
pub fn ping_pong_ns(here: usize, there: usize) -> Option<u64> {
    if here == there {
        return None;
    }
    let (ball, over) = (Line::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let returner = scope.spawn(|| {
            if affinity::pin_to(there).is_ok() {
                give_back(&ball.0, &over);
            }
            // Tells the other side, too, that it may stop waiting.
            over.store(true, Ordering::Release);
        });
        // On a thread of its own: the caller's core is its own business.
        let server = scope.spawn(|| {
            let batches = if affinity::pin_to(here).is_ok() { serve(&ball.0, &over) } else { Vec::new() };
            over.store(true, Ordering::Release);
            batches
        });
        let batches = server.join().unwrap_or_default();
        let _ = returner.join();
        median(batches).map(|ns| ns / BATCH)
    })
}

/// Odd numbers come back as the next even one.
fn give_back(ball: &AtomicU64, over: &AtomicBool) {
    let mut awaited = 1;
    loop {
        if ball.load(Ordering::Acquire) == awaited {
            ball.store(awaited + 1, Ordering::Release);
            awaited += 2;
        } else if over.load(Ordering::Relaxed) {
            return;
        } else {
            std::hint::spin_loop();
        }
    }
}

/// How long each batch took, ns.
fn serve(ball: &AtomicU64, over: &AtomicBool) -> Vec<u64> {
    let mut batches = Vec::with_capacity(4 * BATCHES);
    let mut number = 1;
    let began = Instant::now();
    loop {
        let start = Instant::now();
        for _ in 0..BATCH {
            ball.store(number, Ordering::Release);
            while ball.load(Ordering::Acquire) != number + 1 {
                if over.load(Ordering::Relaxed) {
                    return batches;
                }
                std::hint::spin_loop();
            }
            number += 2;
        }
        batches.push(start.elapsed().as_nanos() as u64);
        let lasted = began.elapsed();
        if lasted > PATIENCE || (batches.len() >= BATCHES && (lasted > LASTS || batches.len() == batches.capacity())) {
            return batches;
        }
    }
}

fn median(mut batches: Vec<u64>) -> Option<u64> {
    // The first few ran while the other thread was still on its way to its core.
    if batches.len() < BATCHES {
        return None;
    }
    batches.sort_unstable();
    batches.get(batches.len() / 2).copied()
}

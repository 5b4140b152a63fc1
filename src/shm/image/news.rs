//! What the thread that writes images tells the lane: that there is a new one, and how it fares.
//!
//! The position is told in a cell, stamped with the number of the image, so that position and epoch are of one image and a look that finds
//! nothing new is one relaxed load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::{Control, Header, control};
use crate::shm::cell::{self, Proven, Seen};

/// One publication's images, as far as they were told. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ImageNews(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    /// Stamp, position, epoch.
    ready: [AtomicU64; 3],
    written: AtomicU64,
    failed: AtomicU64,
    lapped: AtomicU64,
}

impl ImageNews {
    /// The image of that number (from 1) is in place. By one thread only.
    pub(super) fn ready(&self, number: u64, position: u64, epoch: u64) {
        cell::write::<Proven, _>(&self.0.ready, number, [position, epoch].into_iter());
        self.0.written.store(number, Ordering::Relaxed);
    }

    /// An image could not be written.
    pub(super) fn failed(&self) {
        self.0.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The thread was lapped.
    pub(super) fn lapped(&self) {
        self.0.lapped.fetch_add(1, Ordering::Relaxed);
    }

    /// The newest image's position in this epoch, if it is another than that of number `told`, which is then set. One relaxed load
    /// if there is nothing new.
    #[inline]
    pub fn take(&self, told: &mut u64, epoch: u64) -> Option<u64> {
        let number = cell::stamp(&self.0.ready);
        if number == *told || number & cell::BUSY != 0 {
            return None;
        }
        let mut words = [0; 2];
        // One that is being written again will be there at the next look.
        let Seen::Whole(number) = cell::read::<Proven, _>(&self.0.ready, &mut words) else { return None };
        *told = number;
        let [position, of_epoch] = words;
        (of_epoch == epoch && number != 0).then_some(position)
    }

    /// Images written, images that could not be written, and how often the thread was lapped.
    pub fn counts(&self) -> [u64; 3] {
        [&self.0.written, &self.0.failed, &self.0.lapped].map(|count| count.load(Ordering::Relaxed))
    }

    /// What the lane then publishes in every ring.
    pub fn control(position: u64, now_ns: u64) -> Control {
        Control {
            hd: Header { length: (size_of::<Control>() / 4) as u8, rtype: control::IMAGE_READY, ts_event: now_ns, ..Header::default() },
            ts_recv: now_ns,
            first_sequence: position,
            last_sequence: 0,
            channel: 0,
            cause: control::cause::NONE,
            reserved: [0; 13],
        }
    }
}

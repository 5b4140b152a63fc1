//! The counters a lane shows in its publications: names here, values by [`crate::shm::Publisher::set_counter`].
//!
//! One list for all publications: first those of the channels that go to it, then the drops by reason, then the lane's own, then those of
//! its images.

use std::sync::atomic::{AtomicU64, Ordering};

use super::latency::Percentiles;
use crate::channel::Channel;
use crate::shm::{ImageNews, Publisher};
use crate::stats::{Drop, Drops};

const CHANNEL: [&str; 14] = [
    "datagrams",
    "messages",
    "heartbeats",
    "duplicates",
    "overlaps",
    "gaps",
    "lost_messages",
    "restarts",
    "joined_late",
    "instruments",
    "live_orders",
    "price_levels",
    "saturated_sizes",
    "definitions_changed",
];
const LANE: [&str; 7] =
    ["frames", "latency_count", "latency_p50_ns", "latency_p90_ns", "latency_p99_ns", "latency_p99_9_ns", "latency_max_ns"];

/// Of the thread that writes images.
const IMAGES: [&str; 3] = ["images", "images_failed", "images_lapped"];

/// Names of all counters, in order.
pub fn names() -> Vec<String> {
    let drops = Drop::ALL.iter().map(|reason| format!("drop_{}", reason.name()));
    CHANNEL.iter().map(|&name| name.to_owned()).chain(drops).chain(LANE.iter().chain(&IMAGES).map(|&name| name.to_owned())).collect()
}

/// The lane's percentiles since its start, on their way from the control plane (which computes them) back to the lane (which shows them).
#[derive(Debug, Default)]
pub struct ShownLatency([AtomicU64; 6]);

impl ShownLatency {
    /// Sets all. Each is shown by itself; no order among them is promised.
    pub fn set(&self, percentiles: &Percentiles) {
        let Percentiles { count, p50, p90, p99, p99_9, max } = *percentiles;
        for (shown, value) in self.0.iter().zip([count, p50, p90, p99, p99_9, max]) {
            shown.store(value, Ordering::Relaxed);
        }
    }
}

/// Shows the counters of `channels` (those that go to `publisher`) and of the lane.
pub fn show<'a>(
    publisher: &mut Publisher,
    channels: impl Iterator<Item = &'a Channel>,
    frames: u64,
    source_drops: &Drops,
    latency: &ShownLatency,
) {
    let mut values = [0_u64; CHANNEL.len()];
    let mut drops = source_drops.clone();
    for channel in channels {
        let arbiter = channel.arbiter();
        let of_channel = [
            arbiter.datagrams,
            arbiter.messages,
            arbiter.heartbeats,
            arbiter.duplicates,
            arbiter.overlaps,
            arbiter.gaps,
            arbiter.lost_messages,
            arbiter.restarts,
            arbiter.joined_late,
            u64::from(channel.composer().instruments()),
            channel.composer().books().live_orders(),
            channel.composer().books().price_levels(),
            channel.composer().saturated(),
            channel.composer().definitions_changed(),
        ];
        for (sum, value) in values.iter_mut().zip(of_channel) {
            *sum += value;
        }
        drops.merge(&channel.drops());
    }
    let drops = Drop::ALL.iter().map(|&reason| drops.get(reason));
    let lane = std::iter::once(frames).chain(latency.0.iter().map(|shown| shown.load(Ordering::Relaxed)));
    for (index, value) in values.into_iter().chain(drops).chain(lane).enumerate() {
        publisher.set_counter(index, value);
    }
}

/// Shows how the images of `publisher` fare.
pub fn show_images(publisher: &mut Publisher, news: Option<&ImageNews>) {
    let first = CHANNEL.len() + Drop::ALL.len() + LANE.len();
    for (index, value) in news.map(ImageNews::counts).unwrap_or_default().into_iter().enumerate() {
        publisher.set_counter(first + index, value);
    }
}

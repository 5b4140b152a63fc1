//! crossbeam: queues of many producers and many consumers in the memory of one process; here with one of each.

use std::sync::Arc;

use crossbeam::channel::{self, TrySendError};
use crossbeam::queue::ArrayQueue;
use tickwire::record::Mbo;

use crate::transport::{Receiver, Sender};

pub struct Queue(Arc<ArrayQueue<Mbo>>);

pub fn array_queue(depth: usize) -> (impl FnOnce() -> Queue + Send, impl FnOnce() -> Queue + Send) {
    let queue = Arc::new(ArrayQueue::new(depth));
    let other = queue.clone();
    (move || Queue(queue), move || Queue(other))
}

impl Sender for Queue {
    #[inline(always)]
    fn send(&mut self, record: &Mbo) {
        while self.0.push(*record).is_err() {
            std::hint::spin_loop();
        }
    }
}

impl Receiver for Queue {
    #[inline(always)]
    fn receive(&mut self, mut take: impl FnMut(&Mbo)) {
        if let Some(record) = self.0.pop() {
            take(&record);
        }
    }
}

pub struct Channel<T>(T);

pub fn channel(
    depth: usize,
) -> (impl FnOnce() -> Channel<channel::Sender<Mbo>> + Send, impl FnOnce() -> Channel<channel::Receiver<Mbo>> + Send) {
    let (sender, receiver) = channel::bounded(depth);
    (move || Channel(sender), move || Channel(receiver))
}

impl Sender for Channel<channel::Sender<Mbo>> {
    #[inline(always)]
    fn send(&mut self, record: &Mbo) {
        // Its blocking `send` goes to sleep, which costs more.
        while let Err(TrySendError::Full(_)) = self.0.try_send(*record) {
            std::hint::spin_loop();
        }
    }
}

impl Receiver for Channel<channel::Receiver<Mbo>> {
    #[inline(always)]
    fn receive(&mut self, mut take: impl FnMut(&Mbo)) {
        if let Ok(record) = self.0.try_recv() {
            take(&record);
        }
    }
}

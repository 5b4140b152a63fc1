//! rtrb: a queue of one producer and one consumer in the memory of one process, by the piece and in chunks.

use rtrb::{Consumer, Producer, RingBuffer};
use tickwire::record::Mbo;

use crate::transport::{Receiver, Sender};

pub struct ByThePiece<T>(T);

pub fn rtrb(depth: usize) -> (impl FnOnce() -> ByThePiece<Producer<Mbo>> + Send, impl FnOnce() -> ByThePiece<Consumer<Mbo>> + Send) {
    let (producer, consumer) = RingBuffer::new(depth);
    (move || ByThePiece(producer), move || ByThePiece(consumer))
}

impl Sender for ByThePiece<Producer<Mbo>> {
    #[inline(always)]
    fn send(&mut self, record: &Mbo) {
        while self.0.push(*record).is_err() {
            std::hint::spin_loop();
        }
    }
}

impl Receiver for ByThePiece<Consumer<Mbo>> {
    #[inline(always)]
    fn receive(&mut self, mut take: impl FnMut(&Mbo)) {
        if let Ok(record) = self.0.pop() {
            take(&record);
        }
    }
}

pub struct IntoChunks {
    producer: Producer<Mbo>,
    burst: Vec<Mbo>,
}

pub struct FromChunks(Consumer<Mbo>);

pub fn rtrb_in_chunks(depth: usize) -> (impl FnOnce() -> IntoChunks + Send, impl FnOnce() -> FromChunks + Send) {
    let (producer, consumer) = RingBuffer::new(depth);
    (move || IntoChunks { producer, burst: Vec::with_capacity(depth) }, move || FromChunks(consumer))
}

impl Sender for IntoChunks {
    #[inline(always)]
    fn send(&mut self, record: &Mbo) {
        self.burst.push(*record);
    }

    #[inline(always)]
    fn flush(&mut self) {
        let mut rest = self.burst.as_slice();
        while !rest.is_empty() {
            (_, rest) = self.producer.push_partial_slice(rest);
            if !rest.is_empty() {
                std::hint::spin_loop();
            }
        }
        self.burst.clear();
    }
}

impl Receiver for FromChunks {
    #[inline(always)]
    fn receive(&mut self, mut take: impl FnMut(&Mbo)) {
        // Not more than one of our own batches: all at once would leave the producer a full queue meanwhile.
        let count = self.0.slots().min(256);
        if let Ok(chunk) = self.0.read_chunk(count) {
            let (first, second) = chunk.as_slices();
            first.iter().chain(second).for_each(&mut take);
            chunk.commit_all();
        }
    }
}

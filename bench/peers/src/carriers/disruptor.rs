//! disruptor: a ring with a cursor in the memory of one process; who polls it gets all that has come.

use disruptor::{
    BusySpinWithSpinLoopHint, EventPoller, Producer, SingleConsumerBarrier, SingleProducer, SingleProducerBarrier, build_single_producer,
};
use tickwire::record::Mbo;
use zerocopy::FromZeros;

use crate::transport::{Receiver, Sender};

pub struct Publishing(SingleProducer<Mbo, SingleConsumerBarrier>);

pub struct Polling(EventPoller<Mbo, SingleProducerBarrier>);

pub fn disruptor(depth: usize) -> (impl FnOnce() -> Publishing + Send, impl FnOnce() -> Polling + Send) {
    let (poller, builder) = build_single_producer(depth, Mbo::new_zeroed, BusySpinWithSpinLoopHint).new_event_poller();
    let producer = builder.build();
    (move || Publishing(producer), move || Polling(poller))
}

impl Sender for Publishing {
    #[inline(always)]
    fn send(&mut self, record: &Mbo) {
        self.0.publish(|slot| *slot = *record);
    }
}

impl Receiver for Polling {
    #[inline(always)]
    fn receive(&mut self, take: impl FnMut(&Mbo)) {
        if let Ok(mut events) = self.0.take(256) {
            (&mut events).for_each(take);
        }
    }
}

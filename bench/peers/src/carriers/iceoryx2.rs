//! iceoryx2: publish and subscribe between processes through shared memory. As a queue here: the publisher waits where a subscriber is full.

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;
use tickwire::record::Mbo;
use zerocopy::transmute;

use crate::transport::{Receiver, Sender};

type Payload = [u64; 7];
type Publishing = Port<Publisher<ipc::Service, Payload, ()>>;
type Subscribed = Port<Subscriber<ipc::Service, Payload, ()>>;

/// A port, and what it lives on.
pub struct Port<T> {
    port: T,
    _service: PortFactory<ipc::Service, Payload, ()>,
    _node: Node<ipc::Service>,
}

pub fn iceoryx2(name: &str, depth: usize) -> (impl FnOnce() -> Publishing + Send + use<>, impl FnOnce() -> Subscribed + Send + use<>) {
    // Services are found by name on the whole machine: another run must not find ours.
    let name = format!("tickwire-peers/{}/{name}", std::process::id());
    let of_subscriber = name.clone();
    let publisher = move || {
        let (node, service) = open(&name, depth);
        let builder = service.publisher_builder().backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
        Port { port: builder.create().expect("an iceoryx2 publisher"), _service: service, _node: node }
    };
    let subscriber = move || {
        let (node, service) = open(&of_subscriber, depth);
        let builder = service.subscriber_builder().buffer_size(depth);
        Port { port: builder.create().expect("an iceoryx2 subscriber"), _service: service, _node: node }
    };
    (publisher, subscriber)
}

fn open(name: &str, depth: usize) -> (Node<ipc::Service>, PortFactory<ipc::Service, Payload, ()>) {
    let node = NodeBuilder::new().create::<ipc::Service>().expect("an iceoryx2 node");
    let name = name.try_into().expect("a name that iceoryx2 takes");
    let builder = node.service_builder(&name).publish_subscribe::<Payload>();
    let builder = builder.enable_safe_overflow(false).subscriber_max_buffer_size(depth).max_publishers(1).max_subscribers(1);
    let service = builder.open_or_create().expect("an iceoryx2 service");
    (node, service)
}

impl Sender for Publishing {
    #[inline(always)]
    fn send(&mut self, record: &Mbo) {
        let sample = self.port.loan_uninit().expect("a sample to fill");
        sample.write_payload(transmute!(*record)).send().expect("a subscriber that listens");
    }
}

impl Receiver for Subscribed {
    #[inline(always)]
    fn receive(&mut self, mut take: impl FnMut(&Mbo)) {
        if let Some(sample) = self.port.receive().expect("a publisher that lives") {
            take(&transmute!(*sample.payload()));
        }
    }
}

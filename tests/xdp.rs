//! AF_XDP against the real kernel: the steering program, the sockets and the source over them.
#![cfg(feature = "service")]

mod kernel;

use std::time::{Duration, Instant};

use kernel::{Frame, GROUP, Namespace, PORT, RawSender, SENDER, eventually, in_namespace};
use tickwire::source::lines::{LineKey, Lines};
use tickwire::source::xdp::{
    AttachMode, CopyMode, HugePages, Inspected, Inspector, Interface, Layout, Pages, SharedSteering, SocketConfig, Steered, SteeredLine,
    Steering, XdpQueue, XdpSocket, XdpSource,
};
use tickwire::source::{Polled, Source, SourceError};
use tickwire::stats::Drop;
use tickwire::time::Clock;

fn line() -> SteeredLine {
    SteeredLine { group: GROUP, port: PORT, vlan: None, sources: vec![] }
}

fn lines() -> Lines {
    Lines::new(&[LineKey { group: GROUP, port: PORT }])
}

fn config() -> SocketConfig {
    SocketConfig { chunks: 256, bind_patience: Duration::from_millis(50), ..SocketConfig::default() }
}

fn open(steering: &SharedSteering, queues: &[u32]) -> Result<XdpSource, SourceError> {
    let queue = |&queue| XdpQueue { steering: steering.clone(), queue, lines: lines() };
    XdpSource::open(&config(), queues.iter().map(queue).collect(), Clock::system())
}

/// A source on all queues of twb, attached.
fn receive_on_twb(namespace: &Namespace, queues: u32, mode: AttachMode) -> Option<(SharedSteering, XdpSource)> {
    if !namespace.veth(queues) {
        return None;
    }
    let interface = Interface::find("twb").unwrap();
    assert_eq!(interface.receive_queues, queues);
    let steering = match Steering::load(&interface, &[line()]) {
        Ok(steering) => SharedSteering::new(steering),
        Err(error) if error.why.starts_with("refused") => {
            kernel::skip(&error.to_string());
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let source = open(&steering, &(0..queues).collect::<Vec<_>>()).unwrap();
    let attached = steering.lock().attach(mode, false).unwrap();
    assert_eq!(attached.native, mode != AttachMode::Generic, "{attached:?}");
    assert!(steering.lock().attached().unwrap());
    Some((steering, source))
}

/// Polls until `count` datagrams came, and gives their payloads.
fn receive(source: &mut XdpSource, count: usize) -> Vec<Vec<u8>> {
    let mut payloads = vec![];
    eventually(&format!("{count} datagrams"), || {
        let polled = source
            .poll(&mut |datagram| {
                assert_eq!(datagram.line, 0);
                assert!(datagram.recv_ns > 1_600_000_000_000_000_000);
                payloads.push(datagram.payload.to_vec());
            })
            .unwrap();
        assert_ne!(polled, Polled::End);
        payloads.len() >= count
    });
    payloads
}

fn numbered(n: u32) -> Vec<u8> {
    Frame::udp(&n.to_be_bytes()).build()
}

fn frames_of_our_line_arrive_in_order(mode: AttachMode) {
    in_namespace(move |namespace| {
        let Some((steering, mut source)) = receive_on_twb(namespace, 1, mode) else { return };
        let sender = RawSender::open("twa");
        // Far more than there are chunks, so that every chunk goes round many times.
        for round in 0..40 {
            for n in 0..100 {
                sender.send(&numbered(round * 100 + n));
            }
            let got = receive(&mut source, 100);
            let expected: Vec<Vec<u8>> = (0..100).map(|n| (round * 100 + n).to_be_bytes().to_vec()).collect();
            assert_eq!(got, expected);
        }
        assert_eq!(source.poll(&mut |_| panic!("nothing is left")).unwrap(), Polled::Idle);
        assert_eq!(source.frames(), 4000);
        assert_eq!(source.drops().iter().count(), 0);
        assert_eq!(source.statistics().unwrap().lost(), 0);
        assert_eq!(steering.lock().frames().unwrap().get(Steered::Redirected), 4000);
        let mode = source.mode();
        assert_eq!((mode.len(), mode[0].zero_copy, mode[0].pages), (1, false, Pages::Small), "veth copies");
        assert_eq!(source.fds().count(), 1);
    });
}

#[test]
fn frames_of_our_line_arrive_in_order_in_native_mode() {
    frames_of_our_line_arrive_in_order(AttachMode::Native);
}

#[test]
fn frames_of_our_line_arrive_in_order_in_generic_mode() {
    frames_of_our_line_arrive_in_order(AttachMode::Generic);
}

#[test]
fn frames_of_our_line_arrive_in_order_in_automatic_mode() {
    frames_of_our_line_arrive_in_order(AttachMode::Automatic);
}

//! UDP sockets by io_uring and by recvmmsg, over loopback and veth, and the multicast joins held for AF_XDP.
#![cfg(feature = "service")]

mod kernel;

use std::net::Ipv4Addr;

use kernel::{Frame, GROUP, Namespace, PORT, RawSender, alone, eventually, in_namespace, loopback_sender};
use tickwire::source::multicast::Joins;
use tickwire::source::udp::{Engine, EngineInUse, UdpConfig, UdpLine, UdpSource};
use tickwire::source::{Polled, Source, SourceError};
use tickwire::stats::Drop;
use tickwire::time::Clock;

const ENGINES: [Engine; 3] = [Engine::IoUring, Engine::Recvmmsg, Engine::Blocking];

fn line_on(interface: &str, line: u16, group: impl Into<Ipv4Addr>, port: u16) -> UdpLine {
    UdpLine { line, group: group.into(), port, interface: Some(interface.into()) }
}

fn config(engine: Engine, lines: Vec<UdpLine>) -> UdpConfig {
    UdpConfig { lines, engine, ..UdpConfig::default() }
}

/// Opens it; a host that refuses io_uring skips the tests of it.
fn open(config: UdpConfig) -> Option<UdpSource> {
    let engine = config.engine;
    match UdpSource::open(config, Clock::system()) {
        Ok(source) => {
            let expected = match engine {
                Engine::Recvmmsg => EngineInUse::Recvmmsg { fallback: None },
                Engine::Blocking => EngineInUse::Blocking,
                _ => EngineInUse::IoUring,
            };
            assert_eq!(*source.engine(), expected);
            Some(source)
        }
        Err(error) if error.what == "opening io_uring" => {
            kernel::skip(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn refused(config: UdpConfig) -> SourceError {
    UdpSource::open(config, Clock::system()).unwrap_err()
}

fn receive(source: &mut UdpSource, count: usize) -> Vec<(u16, Vec<u8>)> {
    let mut got = vec![];
    let engine = source.engine().clone();
    eventually(&format!("{count} datagrams by {engine:?}"), || {
        let polled = source
            .poll(&mut |datagram| {
                assert!(datagram.recv_ns > 1_600_000_000_000_000_000);
                got.push((datagram.line, datagram.payload.to_vec()));
            })
            .unwrap();
        assert!(!matches!(polled, Polled::End));
        got.len() >= count
    });
    got
}

fn assert_idle(source: &mut UdpSource) {
    // Each of a blocking source's takes a millisecond.
    let polls = if *source.engine() == EngineInUse::Blocking { 50 } else { 1000 };
    for _ in 0..polls {
        assert_eq!(source.poll(&mut |d| panic!("{:?} came", d.payload)).unwrap(), Polled::Idle);
    }
}

#[test]
fn datagrams_arrive_in_order_over_loopback_without_any_privilege() {
    for engine in ENGINES {
        // A port of its own: other tests of this machine use loopback too.
        let (group, port) = (Ipv4Addr::new(239, 77, 1, 1), 27701);
        let Some(mut source) = open(config(engine, vec![line_on("lo", 3, group, port)])) else { continue };
        let sender = loopback_sender();
        for round in 0..40_u32 {
            let numbers: Vec<u32> = (0..50).map(|n| round * 50 + n).collect();
            for n in &numbers {
                sender.send_to(&n.to_le_bytes(), (group, port)).unwrap();
            }
            let expected: Vec<_> = numbers.iter().map(|n| (3, n.to_le_bytes().to_vec())).collect();
            assert_eq!(receive(&mut source, 50), expected);
        }
        assert_idle(&mut source);
        assert_eq!(source.statistics().unwrap().lost, 0);
        assert_eq!((source.frames(), source.drops().iter().count()), (0, 0));
        assert_eq!(source.fds().count(), 1);
    }
}

#[test]
fn a_blocking_source_waits_a_millisecond_for_any_of_its_lines_and_wakes_when_something_comes() {
    in_namespace(|_| {
        let lines: Vec<_> = (0..3).map(|n: u16| line_on("lo", n, [239, 77, 9, n as u8], PORT)).collect();
        let mut source = open(config(Engine::Blocking, lines.clone())).unwrap();
        let began = std::time::Instant::now();
        for _ in 0..100 {
            assert_eq!(source.poll(&mut |datagram| panic!("{:?} came", datagram.payload)).unwrap(), Polled::Idle);
        }
        assert!(began.elapsed() > std::time::Duration::from_millis(90), "100 empty polls took {:?}", began.elapsed());
        for line in &lines {
            loopback_sender().send_to(b"x", (line.group, line.port)).unwrap();
            assert_eq!(receive(&mut source, 1), [(line.line, b"x".to_vec())]);
        }
        let group = lines[2].group;
        std::thread::scope(|scope| {
            // In the same namespace as we: a socket belongs to the one it was made in.
            let sender = loopback_sender();
            scope.spawn(move || {
                for n in 0..200_u8 {
                    std::thread::sleep(std::time::Duration::from_micros(300));
                    sender.send_to(&[n], (group, PORT)).unwrap();
                }
            });
            let expected: Vec<_> = (0..200_u8).map(|n| (2, vec![n])).collect();
            assert_eq!(receive(&mut source, 200), expected);
        });
    });
}

#[test]
fn automatic_mode_receives_and_says_how() {
    in_namespace(|_| {
        let group = Ipv4Addr::new(239, 77, 1, 2);
        let lines = vec![line_on("lo", 0, group, PORT)];
        let mut source = UdpSource::open(UdpConfig { lines, ..UdpConfig::default() }, Clock::system()).unwrap();
        match source.engine() {
            EngineInUse::IoUring | EngineInUse::Recvmmsg { fallback: Some(_) } => {}
            EngineInUse::Recvmmsg { fallback: None } => panic!("it fell back without saying why"),
            EngineInUse::Blocking => panic!("it blocks unasked"),
        }
        assert!(source.receive_buffer_bytes() > 0);
        loopback_sender().send_to(b"hello", (group, PORT)).unwrap();
        assert_eq!(receive(&mut source, 1), [(0, b"hello".to_vec())]);
    });
}

#[test]
fn each_datagram_carries_the_line_of_its_group_and_port() {
    in_namespace(|_| {
        for engine in ENGINES {
            let lines: Vec<_> = (0..20).map(|n: u16| line_on("lo", 100 + n, [239, 77, 2, (n / 2) as u8], PORT + n % 2)).collect();
            let Some(mut source) = open(config(engine, lines.clone())) else { continue };
            let sender = loopback_sender();
            for line in &lines {
                sender.send_to(&line.line.to_le_bytes(), (line.group, line.port)).unwrap();
            }
            // Nobody's line.
            sender.send_to(b"stray", (Ipv4Addr::new(239, 77, 2, 99), PORT)).unwrap();
            let mut got = receive(&mut source, lines.len());
            got.sort();
            let expected: Vec<_> = lines.iter().map(|l| (l.line, l.line.to_le_bytes().to_vec())).collect();
            assert_eq!(got, expected);
            assert_idle(&mut source);
        }
    });
}

#[test]
fn the_same_group_on_two_interfaces_is_two_lines() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.ip("link add twc type veth peer name twd");
        for (end, address) in [("twb", "10.99.0.2/24"), ("twd", "10.98.0.2/24")] {
            namespace.ip(&format!("addr add {address} dev {end}"));
            namespace.without_source_check(end);
        }
        namespace.up(&["twc", "twd"]);
        for engine in ENGINES {
            let lines = vec![line_on("twb", 0, GROUP, PORT), line_on("twd", 1, GROUP, PORT)];
            let Some(mut source) = open(config(engine, lines)) else { continue };
            RawSender::open("twa").send(&Frame::udp(b"by A").build());
            assert_eq!(receive(&mut source, 1), [(0, b"by A".to_vec())]);
            RawSender::open("twc").send(&Frame::udp(b"by B").build());
            assert_eq!(receive(&mut source, 1), [(1, b"by B".to_vec())]);
            assert_idle(&mut source);
        }
    });
}

#[test]
fn frames_of_a_foreign_sender_arrive_over_veth() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        namespace.ip("addr add 10.99.0.2/24 dev twb");
        for engine in ENGINES {
            let Some(mut source) = open(config(engine, vec![line_on("twb", 7, GROUP, PORT)])) else { continue };
            let sender = RawSender::open("twa");
            for n in 0..300_u32 {
                sender.send(&Frame::udp(&n.to_le_bytes()).build());
            }
            let expected: Vec<_> = (0..300_u32).map(|n| (7, n.to_le_bytes().to_vec())).collect();
            assert_eq!(receive(&mut source, 300), expected);
        }
    });
}

#[test]
fn a_backlog_larger_than_all_buffers_arrives_whole_because_receives_are_armed_again() {
    in_namespace(|_| {
        for engine in ENGINES {
            let lines: Vec<_> = (0..40).map(|n: u16| line_on("lo", n, [239, 77, 3, n as u8], PORT)).collect();
            let Some(mut source) = open(config(engine, lines.clone())) else { continue };
            let sender = loopback_sender();
            for n in 0..100_u8 {
                lines.iter().for_each(|l| assert_eq!(sender.send_to(&[n], (l.group, l.port)).unwrap(), 1));
            }
            let mut next = [0_u8; 40];
            for (line, payload) in receive(&mut source, 4000) {
                assert_eq!(payload, [next[usize::from(line)]], "{engine:?}: line {line}, in order");
                next[usize::from(line)] += 1;
            }
            let statistics = source.statistics().unwrap();
            assert_eq!(statistics.lost, 0);
            assert!(engine != Engine::IoUring || statistics.rearmed > 0, "4000 at once do not fit 512 buffers");
            sender.send_to(b"after", (lines[39].group, PORT)).unwrap();
            assert_eq!(receive(&mut source, 1), [(39, b"after".to_vec())]);
        }
    });
}

#[test]
fn a_batch_is_at_most_64_with_one_stamp() {
    in_namespace(|_| {
        let group = Ipv4Addr::new(239, 77, 3, 2);
        for engine in ENGINES {
            let Some(mut source) = open(config(engine, vec![line_on("lo", 0, group, PORT)])) else { continue };
            let sender = loopback_sender();
            for _ in 0..200 {
                sender.send_to(b"x", (group, PORT)).unwrap();
            }
            let mut left = 200;
            while left > 0 {
                let mut stamps = vec![];
                let polled = source.poll(&mut |d| stamps.push(d.recv_ns)).unwrap();
                assert_eq!(polled, if stamps.is_empty() { Polled::Idle } else { Polled::Delivered(stamps.len() as u32) });
                assert!(stamps.len() <= 64);
                left -= stamps.len();
                stamps.dedup();
                assert!(stamps.len() <= 1);
            }
        }
    });
}

#[test]
fn a_datagram_longer_than_the_buffer_is_dropped_and_counted_not_cut_in_silence() {
    in_namespace(|_| {
        let group = Ipv4Addr::new(239, 77, 4, 1);
        for engine in ENGINES {
            let small = UdpConfig { datagram_bytes: 256, ..config(engine, vec![line_on("lo", 0, group, PORT)]) };
            let Some(mut source) = open(small) else { continue };
            let sender = loopback_sender();
            for length in [256, 257, 1400, 0, 255] {
                sender.send_to(&vec![9; length], (group, PORT)).unwrap();
            }
            let lengths: Vec<usize> = receive(&mut source, 3).iter().map(|(_, p)| p.len()).collect();
            assert_eq!(lengths, [256, 0, 255], "{engine:?}");
            assert_eq!(source.drops().get(Drop::Oversized), 2, "{engine:?}");
        }
    });
}

#[test]
fn what_overruns_the_socket_is_counted_once() {
    in_namespace(|_| {
        let group = Ipv4Addr::new(239, 77, 4, 2);
        for engine in ENGINES {
            let tight = UdpConfig { receive_buffer_bytes: 4096, ..config(engine, vec![line_on("lo", 0, group, PORT)]) };
            let Some(mut source) = open(tight) else { continue };
            let sender = loopback_sender();
            for _ in 0..200 {
                sender.send_to(&[1; 1000], (group, PORT)).unwrap();
            }
            let mut received = 0;
            while received == 0 || source.poll(&mut |_| received += 1).unwrap() != Polled::Idle {
                source.poll(&mut |_| received += 1).unwrap();
            }
            let lost = source.statistics().unwrap().lost;
            assert!(lost > 0 && received + lost == 200, "{engine:?}: {received} + {lost}");
            source.statistics().unwrap();
            assert_eq!(source.drops().get(Drop::ReceiveOverrun), lost);
        }
    });
}

#[test]
fn an_address_of_this_host_is_a_line_too_and_the_port_is_free_again_after_a_drop() {
    if !alone("an_address_of_this_host_is_a_line_too_and_the_port_is_free_again_after_a_drop") {
        return;
    }
    in_namespace(|_| {
        for engine in ENGINES {
            for _ in 0..5 {
                let line = UdpLine { line: 0, group: Ipv4Addr::LOCALHOST, port: PORT, interface: None };
                let Some(mut source) = open(config(engine, vec![line.clone()])) else { continue };
                let taken = refused(config(Engine::Recvmmsg, vec![line])).to_string();
                assert!(taken.contains("127.0.0.1:26400") && taken.contains("another process"), "{taken}");
                loopback_sender().send_to(b"one", (Ipv4Addr::LOCALHOST, PORT)).unwrap();
                assert_eq!(receive(&mut source, 1), [(0, b"one".to_vec())]);
            }
        }
    });
}

#[test]
fn lines_that_cannot_be_are_refused_by_name() {
    in_namespace(|namespace| {
        let with = |lines| refused(config(Engine::Recvmmsg, lines)).to_string();
        assert!(with(vec![line_on("lo", 0, GROUP, 0)]).contains("239.1.2.3:0 is no line"));
        assert!(with(vec![line_on("lo", 0, GROUP, PORT), line_on("lo", 1, GROUP, PORT)]).contains("named twice"));
        assert!(with(vec![line_on("tw-none", 0, GROUP, PORT)]).contains("tw-none"));
        assert!(with(vec![line_on("lo", 0, [8, 8, 8, 8], PORT)]).contains("an address of this host"));
        let tiny = UdpConfig { datagram_bytes: 10, ..config(Engine::Recvmmsg, vec![]) };
        assert!(refused(tiny).to_string().contains("datagrams of 10 bytes"));
        // Without a route nothing says where to join.
        let nowhere = UdpLine { line: 0, group: GROUP, port: PORT, interface: None };
        let error = with(vec![nowhere]);
        assert!(error.contains("joining") && error.contains("routing table"), "{error}");
        let _ = namespace;
    });
}

/// Groups joined on `interface`, as the kernel lists them.
fn joined(namespace: &Namespace, interface: &str) -> String {
    namespace.ip(&format!("maddress show dev {interface}"))
}

#[test]
fn joins_are_held_on_the_named_interface_for_as_long_as_they_live() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let held = Joins::hold("twb", &[GROUP, GROUP, Ipv4Addr::new(239, 1, 2, 4), Ipv4Addr::LOCALHOST]).unwrap();
        assert_eq!(held.groups(), 2);
        let on_twb = joined(namespace, "twb");
        assert!(on_twb.contains("239.1.2.3") && on_twb.contains("239.1.2.4"), "{on_twb}");
        assert!(!joined(namespace, "twa").contains("239."));
        namespace.ip("link set twb down");
        namespace.ip("link set twb up");
        assert!(joined(namespace, "twb").contains("239.1.2.3"), "the link's fall does not end them");
        drop(held);
        eventually("they are left", || !joined(namespace, "twb").contains("239.1.2.3"));
    });
}

#[test]
fn more_groups_are_joined_than_one_socket_takes() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let groups: Vec<Ipv4Addr> = (0..120).map(|n| Ipv4Addr::new(239, 9, 0, n)).collect();
        let held = Joins::hold("twb", &groups).unwrap();
        assert_eq!(held.groups(), 120);
        assert_eq!(joined(namespace, "twb").matches("239.9.0.").count(), 120);
        assert!(Joins::hold("tw-none", &groups).is_err());
    });
}

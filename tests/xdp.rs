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

#[test]
fn case_18_19_20_the_program_sends_ours_to_the_socket_and_everything_else_to_the_kernel() {
    in_namespace(|namespace| {
        let Some((steering, _source)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        let ours = Frame::udp(b"data");
        let other_kind = |ether_type| ours.clone().with(|f| f.ether_type = ether_type);
        let tagged = |vlans: &[(u16, u16)]| ours.clone().with(|f| f.vlans = vlans.to_vec());
        let table: Vec<(&str, Vec<u8>, Steered)> = vec![
            ("ours", ours.build(), Steered::Redirected),
            ("ours with an empty payload", Frame::udp(b"").build(), Steered::Redirected),
            ("VLAN", tagged(&[(0x8100, 7)]).build(), Steered::Redirected),
            ("QinQ", tagged(&[(0x88a8, 7), (0x8100, 8)]).build(), Steered::Redirected),
            ("old QinQ", tagged(&[(0x9100, 7), (0x8100, 8)]).build(), Steered::Redirected),
            ("three tags", tagged(&[(0x88a8, 7), (0x8100, 8), (0x8100, 9)]).build(), Steered::NotIpv4),
            ("another group", ours.clone().with(|f| f.group = [239, 1, 2, 4].into()).build(), Steered::NotOurs),
            ("another port", ours.clone().with(|f| f.port += 1).build(), Steered::NotOurs),
            ("first fragment", ours.clone().with(|f| f.fragment = 0x2000).build(), Steered::Fragment),
            ("last fragment", ours.clone().with(|f| f.fragment = 0x0010).build(), Steered::Fragment),
            ("options", ours.clone().with(|f| f.options = 4).build(), Steered::IpOptions),
            ("IGMP", ours.clone().with(|f| f.protocol = 2).build(), Steered::NotUdp),
            ("TCP", ours.clone().with(|f| f.protocol = 6).build(), Steered::NotUdp),
            ("ARP", other_kind(0x0806).build(), Steered::NotIpv4),
            ("IPv6", other_kind(0x86dd).build(), Steered::NotIpv4),
            ("PTP", other_kind(0x88f7).build(), Steered::NotIpv4),
            (
                "IPv6 in an IPv4 frame",
                {
                    let mut f = ours.build();
                    f[14] = 0x60;
                    f
                },
                Steered::NotIpv4,
            ),
        ];
        let mut steering = steering.lock();
        for (what, frame, expected) in table {
            assert_eq!(steering.try_frame(&frame).unwrap(), expected, "{what}");
        }
    });
}

#[test]
fn case_17_a_frame_cut_at_any_byte_is_counted_as_cut_by_the_program() {
    in_namespace(|namespace| {
        let Some((steering, _source)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        let frame = Frame::udp(b"").with(|f| f.vlans = vec![(0x88a8, 7), (0x8100, 8)]).build();
        let mut steering = steering.lock();
        // The kernel runs no frame shorter than Ethernet's header.
        for length in 14..frame.len() {
            assert_eq!(steering.try_frame(&frame[..length]).unwrap(), Steered::Cut, "{length} bytes of {}", frame.len());
        }
        assert_eq!(steering.try_frame(&frame).unwrap(), Steered::Redirected);
    });
}

#[test]
fn case_58_senders_off_the_allow_list_and_other_vlans_are_refused_and_counted() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        let allowed = ["10.99.0.1".parse().unwrap(), "10.99.0.9".parse().unwrap()];
        let strict = SteeredLine { vlan: Some(7), sources: allowed.to_vec(), ..line() };
        let untagged = SteeredLine { vlan: Some(0), port: PORT + 1, ..line() };
        let mut steering = Steering::load(&interface, &[strict, untagged]).unwrap();
        let ours = Frame::udp(b"data").with(|f| f.vlans = vec![(0x8100, 0xe007)]);
        let from = |source: [u8; 4]| ours.clone().with(|f| f.source = source.into()).build();
        // No socket is registered: what is let through has no socket to go to, and that is counted too.
        assert_eq!(steering.try_frame(&from([10, 99, 0, 1])).unwrap(), Steered::NoSocket);
        assert_eq!(steering.try_frame(&from([10, 99, 0, 9])).unwrap(), Steered::NoSocket);
        assert_eq!(steering.try_frame(&from([10, 99, 0, 2])).unwrap(), Steered::SourceRefused);
        assert_eq!(steering.try_frame(&from([0, 0, 0, 0])).unwrap(), Steered::SourceRefused, "the list's empty places are no senders");
        let on = |vlans: &[(u16, u16)], port| ours.clone().with(|f| (f.vlans, f.port) = (vlans.to_vec(), port)).build();
        assert_eq!(steering.try_frame(&on(&[(0x8100, 8)], PORT)).unwrap(), Steered::VlanRefused);
        assert_eq!(steering.try_frame(&on(&[], PORT)).unwrap(), Steered::VlanRefused);
        assert_eq!(steering.try_frame(&on(&[(0x88a8, 7), (0x8100, 8)], PORT)).unwrap(), Steered::NoSocket, "the outer tag counts");
        assert_eq!(steering.try_frame(&on(&[], PORT + 1)).unwrap(), Steered::NoSocket);
        assert_eq!(steering.try_frame(&on(&[(0x8100, 7)], PORT + 1)).unwrap(), Steered::VlanRefused);
    });
}

#[test]
fn lines_that_make_no_sense_are_refused_by_name() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        let refused = |lines: &[SteeredLine]| Steering::load(&interface, lines).unwrap_err().to_string();
        let many = SteeredLine { sources: vec![SENDER; 5], ..line() };
        assert!(refused(&[many]).contains("239.1.2.3:26400: 5 sources"));
        assert!(refused(&[SteeredLine { sources: vec![[0, 0, 0, 0].into()], ..line() }]).contains("0.0.0.0"));
        assert!(refused(&[SteeredLine { vlan: Some(4095), ..line() }]).contains("VLAN 4095"));
        assert!(refused(&[line(), SteeredLine { vlan: Some(5), ..line() }]).contains("named twice"));
        Steering::load(&interface, &[line(), line()]).unwrap();
    });
}

fn what_is_not_ours_goes_to_the_kernel(mode: AttachMode) {
    in_namespace(move |namespace| {
        let Some((steering, mut source)) = receive_on_twb(namespace, 1, mode) else { return };
        namespace.without_source_check("twb");
        namespace.ip("addr add 10.99.0.2/24 dev twb");
        // An ordinary receiver of what is not ours.
        let kernel = std::net::UdpSocket::bind("0.0.0.0:26401").unwrap();
        kernel.join_multicast_v4(&GROUP, &"10.99.0.2".parse().unwrap()).unwrap();
        kernel.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let sender = RawSender::open("twa");
        let ours = Frame::udp(b"ours");
        let before = steering.lock().frames().unwrap();
        sender.send(&ours.clone().with(|f| f.fragment = 0x2000).build());
        sender.send(&ours.clone().with(|f| f.options = 4).build());
        sender.send(&ours.clone().with(|f| f.ether_type = 0x86dd).build());
        sender.send(&ours.clone().with(|f| f.protocol = 6).build());
        sender.send(&Frame::udp(b"theirs").with(|f| f.port = 26401).build());
        sender.send(&ours.build());
        sender.send(&ours.clone().with(|f| f.vlans = vec![(0x8100, 7)]).build());
        sender.send(&ours.clone().with(|f| f.vlans = vec![(0x88a8, 7), (0x8100, 8)]).build());
        assert_eq!(receive(&mut source, 3), vec![b"ours".to_vec(); 3]);
        let mut payload = [0; 64];
        let length = kernel.recv(&mut payload).unwrap();
        assert_eq!(&payload[..length], b"theirs", "what is not ours still reaches its receiver");
        assert_eq!(source.frames(), 3, "nothing else came to our socket");
        let frames = steering.lock().frames().unwrap();
        for (what, least) in [
            (Steered::Redirected, 3),
            (Steered::Fragment, 1),
            (Steered::IpOptions, 1),
            (Steered::NotIpv4, 1),
            (Steered::NotUdp, 1),
            (Steered::NotOurs, 1),
        ] {
            // At least, for the kernel's own IGMP reports and neighbour discovery pass here too.
            let count = frames.get(what) - before.get(what);
            assert!(count >= least, "{}: {count}", what.name());
        }
    });
}

#[test]
fn what_is_not_ours_goes_to_the_kernel_in_native_mode() {
    what_is_not_ours_goes_to_the_kernel(AttachMode::Native);
}

#[test]
fn what_is_not_ours_goes_to_the_kernel_in_generic_mode() {
    what_is_not_ours_goes_to_the_kernel(AttachMode::Generic);
}

/// Frames of many flows, which the sender's side spreads over the queues.
fn flow(n: u32) -> Vec<u8> {
    Frame::udp(&n.to_be_bytes()).with(|f| f.source = [10, 99, 1, n as u8].into()).build()
}

#[test]
fn a_lane_with_two_queues_receives_from_both() {
    in_namespace(|namespace| {
        let Some((steering, mut source)) = receive_on_twb(namespace, 2, AttachMode::Native) else { return };
        assert_eq!(source.mode().iter().map(|m| m.queue).collect::<Vec<_>>(), [0, 1]);
        let sender = RawSender::open("twa");
        (0..200).for_each(|n| sender.send(&flow(n)));
        let mut numbers: Vec<u32> = receive(&mut source, 200).iter().map(|p| u32::from_be_bytes(p[..].try_into().unwrap())).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
        assert_eq!(steering.lock().frames().unwrap().get(Steered::NoSocket), 0);
    });
}

#[test]
fn two_lanes_share_an_interface_queue_by_queue() {
    in_namespace(|namespace| {
        if !namespace.veth(2) {
            return;
        }
        let steering = SharedSteering::new(Steering::load(&Interface::find("twb").unwrap(), &[line()]).unwrap());
        let mut first = open(&steering, &[0]).unwrap();
        let mut second = open(&steering, &[1]).unwrap();
        steering.lock().attach(AttachMode::Native, false).unwrap();
        let sender = RawSender::open("twa");
        (0..200).for_each(|n| sender.send(&flow(n)));
        let (mut by_first, mut by_second) = (0, 0);
        eventually("every frame came to one of the lanes", || {
            first.poll(&mut |_| by_first += 1).unwrap();
            second.poll(&mut |_| by_second += 1).unwrap();
            by_first + by_second == 200
        });
        assert!(by_first > 20 && by_second > 20, "{by_first} and {by_second}");
    });
}

#[test]
fn attaching_is_refused_while_a_queue_has_no_socket_unless_the_flow_is_pinned() {
    in_namespace(|namespace| {
        if !namespace.veth(3) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        let steering = SharedSteering::new(Steering::load(&interface, &[line()]).unwrap());
        let none = steering.lock().attach(AttachMode::Native, true).unwrap_err();
        assert!(none.to_string().contains("no socket"), "{none}");
        let _one = open(&steering, &[1]).unwrap();
        let refused = steering.lock().attach(AttachMode::Native, false).unwrap_err().to_string();
        assert!(refused.contains("of its 3 receive queues, 0, 2 would have no socket"), "{refused}");
        assert!(refused.contains("ethtool -L twb combined N"), "{refused}");
        assert!(!steering.lock().attached().unwrap());
        steering.lock().attach(AttachMode::Native, true).unwrap();
        assert!(steering.lock().attached().unwrap());
    });
}

#[test]
fn the_plan_refuses_queues_that_do_not_exist_or_have_two_owners() {
    let interface = Interface { name: "eth7".into(), index: 9, mtu: 1500, receive_queues: 2 };
    interface.admit_queues(&[1, 0], false).unwrap();
    interface.admit_queues(&[1], true).unwrap();
    let refused = |queues: &[u32]| interface.admit_queues(queues, true).unwrap_err().to_string();
    assert!(refused(&[0, 2]).contains("queue 2 does not exist"));
    assert!(refused(&[0, 0]).contains("queue 0 is given to two owners"));
}

#[test]
fn a_frame_on_a_queue_without_a_socket_is_counted_and_not_lost_in_silence() {
    in_namespace(|namespace| {
        let Some((steering, source)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        let sender = RawSender::open("twa");
        drop(source);
        assert!(steering.lock().registered().is_empty());
        sender.send(&numbered(1));
        eventually("no_socket is counted", || steering.lock().frames().unwrap().get(Steered::NoSocket) == 1);
        // And the lane may open again on the same queue.
        let mut source = eventually_open(&steering);
        sender.send(&numbered(2));
        assert_eq!(receive(&mut source, 1), [2_u32.to_be_bytes()]);
    });
}

fn eventually_open(steering: &SharedSteering) -> XdpSource {
    let patient = SocketConfig { bind_patience: Duration::from_secs(5), ..config() };
    XdpSource::open(&patient, vec![XdpQueue { steering: steering.clone(), queue: 0, lines: lines() }], Clock::system()).unwrap()
}

#[test]
fn case_52_a_second_owner_of_a_queue_is_told_who_may_hold_it() {
    in_namespace(|namespace| {
        let Some((steering, first)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        let interface = Interface::find("twb").unwrap();
        let started = Instant::now();
        let error = XdpSocket::open(&interface, 0, &config()).unwrap_err().to_string();
        assert!(started.elapsed() >= Duration::from_millis(50), "it was asked for again for a while");
        assert!(
            error.contains("opening AF_XDP on twb queue 0") && error.contains("EBUSY") && error.contains("another instance"),
            "{error}"
        );
        // A second program is refused too, in every mode, and does not push the first one off.
        let mut second = Steering::load(&interface, &[line()]).unwrap();
        let third = Steering::load(&interface, &[line()]).unwrap();
        let other = SharedSteering::new(third);
        for mode in [AttachMode::Native, AttachMode::Automatic, AttachMode::Generic] {
            second.unregister(0);
            second.register(0, first.fds().next().unwrap()).unwrap();
            let error = second.attach(mode, false).unwrap_err().to_string();
            assert!(error.contains("another XDP program is attached"), "{error}");
        }
        assert!(steering.lock().attached().unwrap());
        assert!(!other.lock().attached().unwrap());
        let error = steering.register(0, first.fds().next().unwrap()).unwrap_err().to_string();
        assert!(error.contains("has a socket already"), "{error}");
    });
}

#[test]
fn case_52_a_queue_whose_owner_is_going_is_had_by_waiting() {
    in_namespace(|namespace| {
        let Some((steering, first)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        let socket = first.fds().next().unwrap().try_clone_to_owned().unwrap();
        drop(first);
        // The queue is held by the copy of the descriptor; it goes half a second later.
        let holder = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            drop(socket);
        });
        let started = Instant::now();
        let mut second = eventually_open(&steering);
        assert!(started.elapsed() >= Duration::from_millis(400));
        holder.join().unwrap();
        RawSender::open("twa").send(&numbered(5));
        assert_eq!(receive(&mut second, 1).len(), 1);
    });
}

#[test]
fn dropping_the_steering_takes_the_program_off_the_interface() {
    in_namespace(|namespace| {
        let Some((steering, source)) = receive_on_twb(namespace, 1, AttachMode::Generic) else { return };
        let interface = Interface::find("twb").unwrap();
        assert!(interface.xdp_program().unwrap().is_some());
        drop((source, steering));
        eventually("the program is gone", || interface.xdp_program().unwrap().is_none());
    });
}

const CHILD: &str = "TICKWIRE_XDP_TEST_CHILD";

/// Not a test by itself: the process that the next one kills.
#[test]
fn a_child_that_attaches_and_waits() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let steering = SharedSteering::new(Steering::load(&Interface::find("twb").unwrap(), &[line()]).unwrap());
    let _source = eventually_open(&steering);
    steering.lock().attach(AttachMode::Native, false).unwrap();
    std::thread::sleep(Duration::from_secs(30));
}

#[test]
fn case_54_sigkill_takes_the_program_off_and_the_next_start_is_clean() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        // The child inherits this thread's namespace.
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_child_that_attaches_and_waits"])
            .env(CHILD, "1")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        eventually("the child attached", || interface.xdp_program().unwrap().is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        let steering = SharedSteering::new(Steering::load(&interface, &[line()]).unwrap());
        let mut source = eventually_open(&steering);
        eventually("the program is gone", || interface.xdp_program().unwrap().is_none());
        steering.lock().attach(AttachMode::Native, false).unwrap();
        RawSender::open("twa").send(&numbered(8));
        assert_eq!(receive(&mut source, 1), [8_u32.to_be_bytes()]);
    });
}

#[test]
fn case_50_the_link_goes_down_and_up_and_frames_arrive_again() {
    in_namespace(|namespace| {
        let Some((steering, mut source)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        let sender = RawSender::open("twa");
        sender.send(&numbered(1));
        receive(&mut source, 1);
        namespace.ip("link set twb down");
        assert!(sender.try_send(&numbered(2)).is_err() || source.poll(&mut |_| ()).is_ok());
        source.statistics().unwrap();
        namespace.ip("link set twb up");
        let mut got = vec![];
        eventually("a frame after the link is back", || {
            let _ = sender.try_send(&numbered(3));
            source.poll(&mut |d| got.push(d.payload.to_vec())).unwrap();
            got.contains(&3_u32.to_be_bytes().to_vec())
        });
        assert!(steering.lock().attached().unwrap());
    });
}

#[test]
fn case_50_an_interface_that_is_deleted_is_noticed_and_opened_again_when_it_is_back() {
    in_namespace(|namespace| {
        let Some((steering, mut source)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        namespace.ip("link del twa");
        let mut told = None;
        eventually("the loss is noticed", || {
            source.poll(&mut |_| ()).unwrap();
            told = source.statistics().err();
            told.is_some()
        });
        let told = told.unwrap().to_string();
        assert!(told.contains("twb queue 0") && told.contains("removed"), "{told}");
        assert!(!steering.lock().attached().unwrap());
        drop(source);
        let error = open(&steering, &[0]).unwrap_err().to_string();
        assert!(error.contains("interface twb") && error.contains("none of that name"), "{error}");
        namespace.veth(1);
        let mut source = open(&steering, &[0]).unwrap();
        steering.lock().attach(AttachMode::Native, false).unwrap();
        RawSender::open("twa").send(&numbered(4));
        assert_eq!(receive(&mut source, 1), [4_u32.to_be_bytes()]);
    });
}

#[test]
fn case_51_a_program_that_was_taken_off_is_noticed_and_attached_again() {
    in_namespace(|namespace| {
        let Some((steering, mut source)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        steering.lock().detach();
        assert!(!steering.lock().attached().unwrap());
        // Another tool puts its own there meanwhile.
        let interface = Interface::find("twb").unwrap();
        let mut other = Steering::load(&interface, &[line()]).unwrap();
        other.register(0, source.fds().next().unwrap()).unwrap();
        other.attach(AttachMode::Generic, false).unwrap();
        assert!(!steering.lock().attached().unwrap(), "another program is not ours");
        assert!(steering.lock().attach(AttachMode::Native, false).is_err());
        drop(other);
        eventually("it is attached again", || steering.lock().attach(AttachMode::Native, false).is_ok());
        RawSender::open("twa").send(&numbered(6));
        assert_eq!(receive(&mut source, 1), [6_u32.to_be_bytes()]);
    });
}

#[test]
fn case_56_frames_that_find_no_room_are_counted_as_overrun() {
    in_namespace(|namespace| {
        let Some((_steering, mut source)) = receive_on_twb(namespace, 1, AttachMode::Native) else { return };
        let sender = RawSender::open("twa");
        for n in 0..1000 {
            sender.send(&numbered(n));
        }
        let statistics = source.statistics().unwrap();
        assert_eq!(statistics.lost(), 1000 - 256, "{statistics:?}");
        assert_eq!(source.drops().get(Drop::ReceiveOverrun), 744);
        source.statistics().unwrap();
        assert_eq!(source.drops().get(Drop::ReceiveOverrun), 744, "counted once");
        assert_eq!(receive(&mut source, 256).len(), 256, "the first ones are kept");
        sender.send(&numbered(7));
        assert_eq!(receive(&mut source, 1).len(), 1, "and it goes on");
    });
}

#[test]
fn zero_copy_that_the_driver_lacks_is_refused_when_it_is_demanded() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        let demanding = SocketConfig { copy_mode: CopyMode::ZeroCopy, ..config() };
        let error = XdpSocket::open(&interface, 0, &demanding).unwrap_err().to_string();
        assert!(error.contains("no zero-copy"), "{error}");
        let copying = SocketConfig { copy_mode: CopyMode::Copy, ..config() };
        assert!(!XdpSocket::open(&interface, 0, &copying).unwrap().zero_copy());
        let error = XdpSocket::open(&interface, 5, &config()).unwrap_err().to_string();
        assert!(error.contains("no such queue"), "{error}");
    });
}

#[test]
fn case_47_missing_huge_pages_are_said_or_fatal_as_configured() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        // 8 MiB: four huge pages.
        let huge = |huge_pages| SocketConfig { chunks: 1 << 12, huge_pages, ..config() };
        let preferred = XdpSocket::open(&interface, 0, &huge(HugePages::Prefer)).unwrap();
        assert!(matches!(preferred.pages(), Pages::Huge | Pages::SmallForWantOfHuge));
        let missing = preferred.pages() == Pages::SmallForWantOfHuge;
        drop(preferred);
        let patient = SocketConfig { bind_patience: Duration::from_secs(5), ..huge(HugePages::Require) };
        match XdpSocket::open(&interface, 0, &patient) {
            Ok(socket) => assert_eq!(socket.pages(), Pages::Huge),
            Err(error) => assert!(missing && error.to_string().contains("vm.nr_hugepages=4"), "{error}"),
        }
    });
}

#[test]
fn case_21_an_mtu_above_the_chunk_is_refused_with_the_numbers() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.ip("link set twb mtu 2000");
        let interface = Interface::find("twb").unwrap();
        assert_eq!(interface.mtu, 2000);
        let error = XdpSocket::open(&interface, 0, &config()).unwrap_err().to_string();
        for part in ["MTU of 2000", "up to 2022 bytes", "chunk of 2048 bytes takes 1792", "chunks of 4096", "ip link set twb mtu 1770"] {
            assert!(error.contains(part), "{part:?} in {error}");
        }
        XdpSocket::open(&interface, 0, &SocketConfig { chunk_bytes: 4096, ..config() }).unwrap();
    });
}

#[test]
fn case_21_a_frame_in_several_buffers_is_dropped_as_a_whole_and_counted_once() {
    let mut inspector = Inspector::new(Layout::new(64, 2048, 0).unwrap());
    const MORE: u32 = 1;
    assert_eq!(inspector.inspect(256, 100, 0), Inspected::Frame(256..356));
    assert_eq!(inspector.inspect(2304, 1792, MORE), Inspected::Part);
    assert_eq!(inspector.inspect(4352, 1792, MORE), Inspected::Part);
    assert_eq!(inspector.inspect(6400, 10, 0), Inspected::Dropped(Drop::ChainedDescriptor));
    assert_eq!(inspector.inspect(8448, 64, 0), Inspected::Frame(8448..8512));
}

#[test]
fn case_24_a_descriptor_outside_the_umem_or_across_chunks_is_dropped() {
    let layout = Layout::new(64, 2048, 0).unwrap();
    let mut inspector = Inspector::new(layout);
    let end = layout.bytes() as u64;
    for (address, length) in
        [(end, 1), (end + 256, 64), (u64::MAX, 64), (1 << 48, 64), (256, 1793), (2047, 2), (0, u32::MAX), (u64::MAX, u32::MAX)]
    {
        assert_eq!(inspector.inspect(address, length, 0), Inspected::Dropped(Drop::BadDescriptor), "{address} + {length}");
    }
    assert_eq!(inspector.inspect(end - 2048, 2048, 0), Inspected::Frame(end as usize - 2048..end as usize));
    assert_eq!(inspector.inspect(end - 1, 1, 0), Inspected::Frame(end as usize - 1..end as usize));
    assert_eq!(inspector.inspect(0, 0, 0), Inspected::Frame(0..0));
}

#[test]
fn layouts_that_the_kernel_would_refuse_are_refused_in_words() {
    for (chunks, chunk_bytes, headroom, part) in [
        (100, 2048, 0, "100 chunks"),
        (1 << 21, 2048, 0, "2097152 chunks"),
        (64, 3000, 0, "3000 bytes"),
        (64, 2048, 1000, "headroom of 1000"),
    ] {
        let error = Layout::new(chunks, chunk_bytes, headroom).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(Layout::new(64, 4096, 128).unwrap().frame_bytes(), 4096 - 256 - 128);
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let error = Interface::find("tw-nowhere").unwrap_err().to_string();
    assert!(error.contains("tw-nowhere") && error.contains("none of that name"), "{error}");
    assert!(Interface::find("a-name-far-too-long-for-linux").is_err());
    assert!(Interface::find("nul\0inside").is_err());
}

//! Out of a real interface, each way: a veth pair in a namespace of the test's own.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tickwire::bench::Pace;
use tickwire::bench::schedule::Schedule;
use tickwire::bench::sender::transport::{self, Opened, SOURCE};
use tickwire::bench::sender::{Sender, SenderConfig, Sent, Via};
use tickwire::bench::workload::Workload;
use tickwire::error::{Error, Exit};
use tickwire::source::lines::LineKey;
use tickwire::time::Clock;

use crate::kernel::{Namespace, in_namespace, keep_only};
use crate::rig::{line, made_up, workload};

/// The veth pair, with an address at the sending end and a kernel at the other that asks nobody where he comes from.
fn veth(namespace: &Namespace) -> bool {
    if !namespace.veth(1) {
        return false;
    }
    namespace.ip("addr add 10.77.0.1/24 dev twa");
    namespace.ip("addr add 10.77.0.2/24 dev twb");
    namespace.without_source_check("twb");
    std::fs::write("/proc/sys/net/ipv4/conf/twb/accept_local", "1").unwrap();
    true
}

/// Gives a receiver room for all of a test's packets, so that it may be as slow as it likes.
fn make_room(socket: &impl AsRawFd) {
    let room: libc::c_int = 256 << 20;
    // SAFETY: the option takes an int.
    let forced = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, (&raw const room).cast(), 4) };
    assert_eq!(forced, 0);
}

/// A socket that sees the IPv4 frames arriving on `twb`.
fn sniffer() -> OwnedFd {
    let index = tickwire::sys::packet::interface_index("twb").unwrap();
    let protocol = (libc::ETH_P_IP as u16).to_be();
    // SAFETY: plain calls; the address is a valid sockaddr_ll, and the descriptor nobody else's.
    unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0);
        let fd = OwnedFd::from_raw_fd(fd);
        make_room(&fd);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol;
        address.sll_ifindex = index as i32;
        assert_eq!(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32), 0);
        fd
    }
}

/// The frames that arrived: `n` of them, waited for, and any more there are.
fn sniffed(fd: &OwnedFd, n: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut buffer = vec![0_u8; 65536];
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        // SAFETY: the buffer is as long as said.
        let len = unsafe { libc::recv(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
        match usize::try_from(len) {
            Ok(len) => frames.push(buffer[..len].to_vec()),
            Err(_) if frames.len() >= n || Instant::now() > deadline => return frames,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn open<'w>(workload: &'w Workload, ways: &[Via]) -> Result<Opened<'w>, Error> {
    transport::open(workload, "twa", ways, SOURCE)
}

/// Sends everything by one way, and says how.
fn send(workload: &Workload, via: Via, pace: Pace) -> (Sent, String) {
    let (schedule, clock) = (Schedule::new(workload, pace), Clock::system());
    let opened = open(workload, &[via]).unwrap();
    assert_eq!((opened.via, opened.remarks), (via, vec![]));
    let mut sender = Sender::new(&schedule, workload.packets.len(), opened.transport, SenderConfig::default());
    let sent = sender.run(&clock, clock.now_ns() + 1_000_000, &|| false, &AtomicU64::new(0), &mut |_| false).unwrap();
    (sent, sender.describe())
}

/// Destination and payload of a frame, read by somebody else's parser, which also checks the checksums.
fn parsed(frame: &[u8], checksums: bool) -> (LineKey, Vec<u8>) {
    let packet = etherparse::SlicedPacket::from_ethernet(frame).unwrap();
    let Some(etherparse::NetSlice::Ipv4(ip)) = &packet.net else { panic!("{frame:02x?}") };
    let header = ip.header();
    let Some(etherparse::TransportSlice::Udp(udp)) = &packet.transport else { panic!("{frame:02x?}") };
    let group = header.destination_addr();
    let [_, b, c, d] = group.octets();
    assert_eq!(frame[..6], [1, 0, 0x5e, b & 0x7f, c, d]);
    assert_eq!((header.ttl(), header.dont_fragment()), (1, true));
    assert_eq!(header.to_header().calc_header_checksum(), header.header_checksum());
    if checksums {
        assert_eq!((header.source_addr(), udp.source_port()), (*SOURCE.ip(), SOURCE.port()));
        assert_eq!(udp.to_header().calc_checksum_ipv4(&header.to_header(), udp.payload()).unwrap(), udp.checksum());
        assert_ne!(udp.checksum(), 0, "which would say that there is none");
    }
    (LineKey { group, port: udp.destination_port() }, udp.payload().to_vec())
}

fn expected(workload: &Workload) -> Vec<(LineKey, Vec<u8>)> {
    let line = |packet: &tickwire::bench::workload::Packet| workload.lines[usize::from(packet.line)];
    workload.packets.iter().map(|packet| (line(packet), workload.payload(packet).to_vec())).collect()
}

fn every_way(test: impl Fn(Via, &Namespace) + Send + Copy + 'static) {
    for via in Via::ALL {
        in_namespace(move |namespace| {
            if veth(namespace) {
                test(via, namespace);
            }
        });
    }
}

#[test]
fn each_way_delivers_exactly_the_payloads_in_order() {
    every_way(|via, _| {
        let workload = made_up(4_000);
        for pace in [Pace::Max, Pace::Rate(50_000.0), Pace::Bursts { datagrams: 100, every: Duration::from_millis(1) }] {
            let sniffer = sniffer();
            let (sent, how) = send(&workload, via, pace);
            assert_eq!((sent.sent, sent.refused, sent.stopped), (workload.packets.len() as u64, 0, false), "{how} {pace}");
            let frames = sniffed(&sniffer, workload.packets.len());
            // A UDP socket's checksum is left to the card, which here is none.
            let got: Vec<_> = frames.iter().map(|frame| parsed(frame, via != Via::Udp)).collect();
            assert!(got == expected(&workload), "{how} {pace}: {} of {}", got.len(), workload.packets.len());
            assert!(how.contains("twa"), "{how}");
        }
    });
}

#[test]
fn the_kernel_s_own_receivers_take_what_is_sent() {
    every_way(|via, _| {
        // Odd lengths, none at all, and a payload whose checksum comes out as 0, which has another form on the wire.
        let payloads: Vec<Vec<u8>> = (0..400_u16).map(|n| vec![n as u8; usize::from(n)]).collect();
        let workload = workload(payloads.iter().map(|payload| (0, payload.as_slice())));
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, line(1).port)).unwrap();
        socket.join_multicast_v4(&line(1).group, &Ipv4Addr::new(10, 77, 0, 2)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        make_room(&socket);
        let (sent, how) = send(&workload, via, Pace::Rate(10_000.0));
        assert_eq!(sent.sent, 400, "{how}");
        let mut buffer = [0; 2048];
        for payload in &payloads {
            let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{how}: {error}"));
            assert_eq!(&buffer[..length], payload, "{how}");
        }
    });
}

#[test]
fn a_checksum_that_comes_out_as_zero_is_sent_in_its_other_form() {
    for via in [Via::Xdp, Via::Frames] {
        in_namespace(move |namespace| {
            if !veth(namespace) {
                return;
            }
            // All two-byte payloads there are: for one of them the sum is 0xffff.
            let payloads: Vec<[u8; 2]> = (0..=u16::MAX).map(u16::to_be_bytes).collect();
            let workload = workload(payloads.iter().map(|payload| (0, &payload[..])));
            let sniffer = sniffer();
            assert_eq!(send(&workload, via, Pace::Max).0.sent, 65_536);
            let frames = sniffed(&sniffer, 65_536);
            assert_eq!(frames.len(), 65_536);
            let all_ones = frames.iter().filter(|frame| parsed(frame, true).1.len() == 2 && frame[40..42] == [0xff, 0xff]).count();
            assert_eq!(all_ones, 1);
        });
    }
}

#[test]
fn a_payload_too_long_for_the_interface_is_counted_and_the_rest_go_on() {
    every_way(|via, _| {
        if via == Via::Udp {
            // The kernel cuts it into fragments.
            return;
        }
        let payloads = [10, 1_472, 1_473, 3_000, 20].map(|length| vec![7; length]);
        let workload = workload(payloads.iter().map(|payload| (0, payload.as_slice())));
        let sniffer = sniffer();
        let (sent, how) = send(&workload, via, Pace::Max);
        assert_eq!((sent.sent, sent.refused), (3, 2), "{how}");
        assert!(sent.first_refusal.unwrap().contains("Message too long"), "{how}");
        let lengths: Vec<usize> = sniffed(&sniffer, 3).iter().map(|frame| frame.len() - 42).collect();
        assert_eq!(lengths, [10, 1_472, 20], "{how}");
    });
}

#[test]
fn what_goes_while_the_other_end_is_away_is_counted_as_not_sent() {
    every_way(|via, namespace| {
        let payloads: Vec<[u8; 2]> = (0..200_u16).map(u16::to_be_bytes).collect();
        let workload = workload(payloads.iter().zip(0..).map(|(payload, nth)| (nth * 1_000_000, &payload[..])));
        let (schedule, clock) = (Schedule::new(&workload, Pace::Recorded(1.0)), Clock::system());
        let config = SenderConfig { patience: Duration::from_millis(5), ..SenderConfig::default() };
        let mut sender = Sender::new(&schedule, 200, open(&workload, &[via]).unwrap().transport, config);
        let sniffer = sniffer();
        let gone = AtomicU64::new(0);
        let mut away = 0;
        let sent = sender.run(&clock, clock.now_ns(), &|| false, &gone, &mut |_| {
            match (away, gone.load(Ordering::Relaxed)) {
                (0, 20..) => namespace.ip("link set twb down"),
                (1, 100..) => namespace.ip("link set twb up"),
                _ => return false,
            };
            away += 1;
            false
        });
        let sent = sent.unwrap();
        let arrived = sniffed(&sniffer, sent.sent as usize).len() as u64;
        let how = sender.describe();
        assert!(sent.refused > 0 && sent.sent + sent.refused == 200 && !sent.stopped, "{how}: {sent:?}");
        assert_eq!(arrived, sent.sent, "{how}: {sent:?}");
        assert!(sent.first_refusal.is_some(), "{how}");
    });
}

#[test]
fn an_interface_that_goes_down_ends_the_run_with_its_name() {
    for via in [Via::Xdp, Via::Frames] {
        in_namespace(move |namespace| {
            if !veth(namespace) {
                return;
            }
            let workload = workload((0..1_000).map(|nth| (nth * 1_000_000, &b"x"[..])));
            let (schedule, clock) = (Schedule::new(&workload, Pace::Recorded(1.0)), Clock::system());
            let mut sender = Sender::new(&schedule, 1_000, open(&workload, &[via]).unwrap().transport, SenderConfig::default());
            let mut batches = 0;
            let gone = AtomicU64::new(0);
            let result = sender.run(&clock, clock.now_ns(), &|| false, &gone, &mut |left_ns| {
                batches += u32::from(left_ns == 0);
                if left_ns == 0 && batches == 5 {
                    namespace.ip("link set twa down");
                }
                false
            });
            let message = result.unwrap_err().to_string();
            assert!(message.contains("twa") && message.contains("down"), "{via:?}: {message}");
        });
    }
}

#[test]
fn ways_are_tried_in_the_order_asked_and_what_could_not_be_had_is_said() {
    in_namespace(|namespace| {
        if !veth(namespace) {
            return;
        }
        let workload = made_up(2_000);
        assert_eq!(open(&workload, &[Via::Udp, Via::Xdp]).unwrap().via, Via::Udp);
        assert_eq!(open(&workload, &[Via::Frames, Via::Udp]).unwrap().via, Via::Frames);
        let error = transport::open(&workload, "nosuch0", &Via::ALL, SOURCE).err().unwrap();
        let message = error.to_string();
        assert!(error.exit == Exit::Host && message.contains("nosuch0") && message.contains("not sent by xdp"), "{message}");
        // Without capabilities only UDP sockets are left.
        keep_only(&[]);
        let opened = open(&workload, &Via::ALL).unwrap();
        assert_eq!((opened.via, opened.remarks.len()), (Via::Udp, 2));
        assert!(opened.remarks[0].starts_with("not sent by xdp: ") && opened.remarks[0].contains("CAP_NET_RAW"), "{:?}", opened.remarks);
        assert!(opened.remarks[1].starts_with("not sent by frames: "), "{:?}", opened.remarks);
        let message = open(&workload, &[Via::Xdp, Via::Frames]).err().unwrap().to_string();
        assert!(message.contains("CAP_NET_RAW"), "{message}");
    });
}

#[test]
fn nothing_is_sent_to_a_host_because_it_was_in_a_recording() {
    let mut workload = made_up(2_000);
    workload.lines[1].group = Ipv4Addr::new(10, 77, 0, 2);
    let error = transport::open(&workload, "lo", &[Via::Udp], SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1)).err().unwrap();
    assert!(error.exit == Exit::Usage && error.to_string().contains("line 10.77.0.2:26400: it is no multicast group"), "{error}");
}

#[test]
fn a_udp_socket_without_an_address_to_send_from_is_refused() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let workload = made_up(1_000);
        let error = open(&workload, &[Via::Udp]).map(|_| ()).unwrap_err();
        assert!(error.exit == Exit::Host && error.to_string().contains("from 0.0.0.0, which every kernel drops; give it one"), "{error}");
        // Frames bring their own.
        assert!(open(&workload, &[Via::Frames]).is_ok());
    });
}

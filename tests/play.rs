//! Playing captures: over loopback through UDP sockets, and as frames in a network namespace of the test's own.
#![cfg(feature = "service")]

mod packets;

use packets::{Endian, Shot, captures, classic, ethernet, file, ipv4, tagged};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tickwire::play::{self, PlayConfig, PlayError, PlayReport, Route, Speed, Via};
use tickwire::source::frame::{ChecksumPolicy, udp_checksum_ok, udp_payload};
use tickwire::source::lines::{LineKey, Lines};
use tickwire::source::memory::OwnedDatagram;
use tickwire::source::pcap::Capture;
use tickwire::source::{Polled, Source};
use tickwire::stats::Drop;

const MS: u64 = 1_000_000;
const T0: u64 = 1_700_000_000_000_000_000;

fn shot(ns: u64, bytes: Vec<u8>) -> Shot {
    Shot { ns, bytes, snapped: 0 }
}

fn config(path: &Path, interface: &str, via: Via, speed: Speed) -> PlayConfig {
    let routes = vec![Route { line: None, interface: interface.into(), loss: 0.0 }];
    PlayConfig { file: path.into(), routes, via, speed, limit: None, rewrite_checksums: false, seed: 1 }
}

fn run(config: &PlayConfig) -> Result<PlayReport, PlayError> {
    play::run(config, &AtomicBool::new(false), &mut |_, _| ())
}

/// A receiver that has joined a group on an interface (by its address), on a port of its own.
fn receiver(group: Ipv4Addr, interface: Ipv4Addr) -> (UdpSocket, u16) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket.join_multicast_v4(&group, &interface).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// All datagrams that arrive, with their times, until nothing has come for a while or there are enough.
fn receive(socket: &UdpSocket, enough: usize) -> Vec<(Instant, Vec<u8>)> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 65536];
    while all.len() < enough
        && let Ok(len) = socket.recv(&mut buffer)
    {
        all.push((Instant::now(), buffer[..len].to_vec()));
    }
    all
}

fn payloads(received: Vec<(Instant, Vec<u8>)>) -> Vec<Vec<u8>> {
    received.into_iter().map(|(_, payload)| payload).collect()
}

#[test]
fn datagrams_arrive_in_order_through_udp_by_address_and_by_name_of_the_interface() {
    let group = Ipv4Addr::new(239, 255, 77, 1);
    for interface in ["127.0.0.1", "lo"] {
        let (socket, port) = receiver(group, Ipv4Addr::LOCALHOST);
        let sent: Vec<Vec<u8>> = (0..100_u8).map(|i| vec![i; usize::from(i)]).collect();
        let mut shots: Vec<Shot> = sent.iter().map(|payload| shot(T0, ethernet(group, port, payload))).collect();
        shots.push(shot(T0, vec![0xff; 60])); // not IPv4
        shots.push(shot(T0, ethernet(Ipv4Addr::new(127, 0, 0, 1), port, b"unicast must not be sent by the route for all")));
        let temp = file(&classic(Endian::Little, 1, 1, &shots));
        let report = run(&config(&temp.path, interface, Via::Udp, Speed::Max)).unwrap();
        assert_eq!(payloads(receive(&socket, 101)), sent, "{interface}");
        assert_eq!((report.sent, report.bytes, report.errors), (100, (0..100).sum(), 0));
        assert_eq!((report.skipped.get(Drop::NotIpv4), report.skipped.get(Drop::UnknownLine)), (1, 1));
        assert!(!report.stopped && report.lateness.is_empty() && report.truncation.is_none());
    }
}

#[test]
fn only_lines_with_a_route_are_sent_and_each_loses_what_it_should() {
    let group = Ipv4Addr::new(239, 255, 77, 2);
    let (a, port_a) = receiver(group, Ipv4Addr::LOCALHOST);
    let (b, port_b) = receiver(group, Ipv4Addr::LOCALHOST);
    let shots: Vec<Shot> =
        (0..300_u32).map(|i| shot(T0, ethernet(group, [port_a, port_b, 9][i as usize % 3], &(i / 3).to_be_bytes()))).collect();
    let temp = file(&classic(Endian::Little, 1, 1, &shots));
    let mut config = config(&temp.path, "127.0.0.1", Via::Udp, Speed::Max);
    let route = |port, loss| Route { line: Some(LineKey { group, port }), interface: "127.0.0.1".into(), loss };
    config.routes = vec![route(port_a, 0.0), route(port_b, 0.3)];
    let report = run(&config).unwrap();
    assert_eq!(report.skipped.get(Drop::UnknownLine), 100);
    let (a, b) = (receive(&a, 101), receive(&b, 101));
    assert_eq!(a.len(), 100);
    assert_eq!(b.len() as u64, 100 - report.lost);
    assert!((10..60).contains(&report.lost), "{}", report.lost);
    assert_eq!(run(&config).unwrap().lost, report.lost, "the same for the same seed");
}

#[test]
fn a_unicast_line_is_sent_where_a_route_names_it() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let line = LineKey { group: Ipv4Addr::LOCALHOST, port: socket.local_addr().unwrap().port() };
    let temp = file(&classic(Endian::Little, 1, 1, &[shot(T0, ethernet(line.group, line.port, b"named"))]));
    let mut config = config(&temp.path, "127.0.0.1", Via::Udp, Speed::Max);
    config.routes[0].line = Some(line);
    assert_eq!(run(&config).unwrap().sent, 1);
    assert_eq!(payloads(receive(&socket, 2)), [b"named"]);
}

/// Plays datagrams `gap_ns` apart and checks that none arrives before it is due.
fn paced(group: Ipv4Addr, speed: Speed, first_ns: u64, gap_ns: u64, n: u64, due_ns: impl Fn(u64) -> u64) -> PlayReport {
    let (socket, port) = receiver(group, Ipv4Addr::LOCALHOST);
    let shots: Vec<Shot> = (0..n).map(|i| shot(first_ns + i * gap_ns, ethernet(group, port, &i.to_be_bytes()))).collect();
    let temp = file(&classic(Endian::Little, 1, 1, &shots));
    let config = config(&temp.path, "127.0.0.1", Via::Udp, speed);
    let (start, (report, arrivals)) = (
        Instant::now(),
        std::thread::scope(|scope| {
            let arrivals = scope.spawn(|| receive(&socket, n as usize));
            (run(&config).unwrap(), arrivals.join().unwrap())
        }),
    );
    assert_eq!(arrivals.len() as u64, n);
    for (i, (at, _)) in arrivals.iter().enumerate() {
        assert!(at.duration_since(start).as_nanos() as u64 >= due_ns(i as u64), "datagram {i} came early");
    }
    assert_eq!(report.lateness.len(), n);
    assert!(report.late_p50_ns() <= report.late_p99_ns() && report.late_p99_ns() <= report.late_max_ns());
    report
}

#[test]
fn recorded_speed_keeps_absolute_deadlines() {
    let group = Ipv4Addr::new(239, 255, 77, 3);
    let report = paced(group, Speed::Recorded(1.0), T0, 2 * MS, 60, |i| i * 2 * MS);
    // No drift: being late never delays what follows, so the whole is as late as its last datagram.
    assert!(report.elapsed_ns >= 118 * MS && report.elapsed_ns <= 118 * MS + report.late_max_ns() + 50 * MS, "{report:?}");
}

#[test]
fn ten_times_the_speed_takes_a_tenth_of_the_time() {
    let report = paced(Ipv4Addr::new(239, 255, 77, 4), Speed::Recorded(10.0), T0, 10 * MS, 50, |i| i * MS);
    assert!(report.elapsed_ns >= 49 * MS, "{report:?}");
}

#[test]
fn a_rate_is_even_whatever_was_recorded() {
    let report = paced(Ipv4Addr::new(239, 255, 77, 5), Speed::Rate(1000.0), T0, 0, 50, |i| i * MS);
    assert!(report.elapsed_ns >= 49 * MS, "{report:?}");
}

#[test]
fn by_the_wall_clock_the_past_goes_out_at_once_and_the_future_when_it_comes() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let report = paced(Ipv4Addr::new(239, 255, 77, 6), Speed::WallClock, now - 50 * MS, 5 * MS, 30, |_| 0);
    let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    assert!(end >= now + 95 * MS, "the last one was due 95 ms after the start");
    assert!(report.late_max_ns() >= 50 * MS, "what lay in the past is late, and said to be");
}

#[test]
fn a_stop_ends_a_long_wait_and_a_limit_a_long_file() {
    let group = Ipv4Addr::new(239, 255, 77, 7);
    let hour = 3_600_000 * MS;
    let temp = file(&classic(Endian::Little, 1, 1, &[shot(T0, ethernet(group, 9, b"a")), shot(T0 + hour, ethernet(group, 9, b"b"))]));
    let mut config = config(&temp.path, "127.0.0.1", Via::Udp, Speed::Recorded(1.0));
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
        });
        play::run(&config, &stop, &mut |_, _| ()).unwrap()
    });
    assert!(report.stopped && report.sent == 1 && start.elapsed() < Duration::from_secs(5));
    config.limit = Some(1);
    let report = run(&config).unwrap();
    assert!(report.stopped && report.sent == 1);
}

#[test]
fn what_cannot_be_played_is_refused_with_what_to_do() {
    let group = Ipv4Addr::new(239, 255, 77, 8);
    let temp = file(&classic(Endian::Little, 1, 1, &[shot(T0, ethernet(group, 9, b"a"))]));
    let good = config(&temp.path, "127.0.0.1", Via::Udp, Speed::Max);
    let line = Some(LineKey { group, port: 9 });
    let with = |change: &dyn Fn(&mut PlayConfig)| {
        let mut config = good.clone();
        change(&mut config);
        run(&config).unwrap_err().to_string()
    };
    let text = file(b"no capture\n");
    let day = file(b"\0\x0cS\0\0\0\0\0\0\0\0\0\x01O");
    let cases = [
        (with(&|c| c.file = text.path.clone()), "the file is text"),
        (with(&|c| c.file = day.path.clone()), "looks like a Nasdaq day file"),
        (with(&|c| c.routes.clear()), "name at least one interface"),
        (with(&|c| c.routes[0].interface = "nosuch0".into()), "interface \"nosuch0\": cannot be opened"),
        (with(&|c| c.routes[0].loss = 1.5), "1.5 is no probability"),
        (with(&|c| c.routes.push(c.routes[0].clone())), "all other lines has two"),
        (with(&|c| c.routes = vec![Route { line, ..c.routes[0].clone() }; 2]), "line 239.255.77.8:9 has two"),
        (with(&|c| c.speed = Speed::Recorded(0.0)), "speed factor"),
        (with(&|c| c.speed = Speed::Rate(f64::NAN)), "rate"),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected) && message.contains("; "), "{expected}: {message}");
    }
}

// ── frames, in a namespace of the test's own ──

/// Runs `test` on a thread of its own in a new network namespace with two ends of a veth pair, twa and twb (10.77.0.2).
/// Nothing is left behind: the namespace ends with its thread. A skip is loud, and a failure where it is demanded.
fn in_namespace(name: &str, test: impl FnOnce() + Send) {
    let required = std::env::var("TICKWIRE_KERNEL_TESTS").as_deref() == Ok("require");
    let skip = |why: String| {
        assert!(!required, "{name}: {why}");
        eprintln!("SKIPPED: {name}: {why}");
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            // SAFETY: plain call; concerns this thread only.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                return skip(format!("no network namespace: {}", std::io::Error::last_os_error()));
            }
            for command in [
                "link add twa type veth peer name twb",
                "addr add 10.77.0.2/24 dev twb",
                "link set lo up",
                "link set twa up",
                "link set twb up",
            ] {
                match Command::new("ip").args(command.split(' ')).status() {
                    Ok(status) if status.success() => {}
                    result => return skip(format!("`ip {command}`: {result:?}")),
                }
            }
            // The senders in captures are strangers to this namespace's routing table.
            for conf in ["all", "twb"] {
                if let Err(why) = std::fs::write(format!("/proc/sys/net/ipv4/conf/{conf}/rp_filter"), "0") {
                    return skip(format!("rp_filter: {why}"));
                }
            }
            test();
        });
        thread.join().unwrap();
    });
}

/// A socket that sees the IPv4 frames arriving on an interface.
fn sniffer(interface: &str) -> OwnedFd {
    let index = tickwire::sys::packet::interface_index(interface).unwrap();
    let protocol = (libc::ETH_P_IP as u16).to_be();
    // SAFETY: plain calls; the address is a valid sockaddr_ll, and the descriptor is nobody else's.
    unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0);
        let fd = OwnedFd::from_raw_fd(fd);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol;
        address.sll_ifindex = index as i32;
        assert_eq!(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32), 0);
        fd
    }
}

/// The frames that arrived: `n` of them (waited for, because a busy machine delivers later), and any more there are.
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

#[test]
fn frames_go_out_as_captured_but_for_the_destination_and_the_checksums() {
    in_namespace("frames_go_out_as_captured_but_for_the_destination_and_the_checksums", || {
        let group = Ipv4Addr::new(239, 200, 3, 4); // its second byte has the bit that the MAC leaves out
        let mut frame = ethernet(group, 26400, b"payload");
        frame.extend([0xee; 20]); // trailing bytes travel too
        (frame[14 + 10], frame[14 + 26]) = (0x55, 0x55); // both checksums wrong
        let mut expected = frame.clone();
        expected[..6].copy_from_slice(&[0x01, 0x00, 0x5e, 0x48, 3, 4]);
        let temp = file(&classic(Endian::Little, 1, 1, &[shot(T0, frame)]));
        let fd = sniffer("twb");
        let mut config = config(&temp.path, "twa", Via::Frames, Speed::Max);
        assert_eq!(run(&config).unwrap().bytes, expected.len() as u64);
        assert_eq!(sniffed(&fd, 1), [expected.clone()]);

        config.rewrite_checksums = true;
        run(&config).unwrap();
        let got = sniffed(&fd, 1).remove(0);
        let udp = udp_payload(&got).unwrap();
        assert!(udp_checksum_ok(&udp) && udp.checksum != 0);
        assert_eq!(&got[14..34], &ethernet(group, 26400, b"payload")[14..34], "the IP header is etherparse's again");
        assert_eq!(got[42..], expected[42..]);
    });
}

#[test]
fn captures_without_ethernet_headers_get_one() {
    in_namespace("captures_without_ethernet_headers_get_one", || {
        let group = Ipv4Addr::new(224, 1, 2, 3);
        let packet = ipv4(group, 26400, b"raw");
        let temp = file(&classic(Endian::Little, 1, 101, &[shot(T0, packet.clone())]));
        let fd = sniffer("twb");
        run(&config(&temp.path, "twa", Via::Frames, Speed::Max)).unwrap();
        let got = sniffed(&fd, 1).remove(0);
        assert_eq!((&got[..6], &got[12..14], &got[14..]), (&[1, 0, 0x5e, 1, 2, 3][..], &[8, 0][..], &packet[..]));
    });
}

#[test]
fn a_frame_too_long_for_the_interface_is_counted_and_the_rest_go_on() {
    in_namespace("a_frame_too_long_for_the_interface_is_counted_and_the_rest_go_on", || {
        let group = Ipv4Addr::new(239, 1, 2, 3);
        let frame = |len| shot(T0, ethernet(group, 9, &vec![1; len]));
        let temp = file(&classic(Endian::Little, 1, 1, &[frame(10), frame(3000), frame(20), frame(30)]));
        let fd = sniffer("twb");
        let report = run(&config(&temp.path, "twa", Via::Frames, Speed::Max)).unwrap();
        assert_eq!((report.sent, report.errors), (3, 1));
        assert!(report.first_error.unwrap().starts_with("twa: "));
        assert_eq!(sniffed(&fd, 3).iter().map(|frame| frame.len() - 42).collect::<Vec<_>>(), [10, 20, 30]);

        assert!(Command::new("ip").args(["link", "set", "twa", "down"]).status().unwrap().success());
        let message = run(&config(&temp.path, "twa", Via::Frames, Speed::Max)).unwrap_err().to_string();
        assert!(message.contains("interface \"twa\": is down") && message.contains("ip link set"), "{message}");
    });
}

/// The datagrams a capture holds, by the replay's own way.
fn datagrams(path: &Path, policy: ChecksumPolicy) -> Vec<Vec<u8>> {
    let mut source = Capture::open(path, Lines::learning(16)).unwrap().with_checksums(policy);
    let mut all = Vec::new();
    while source.poll(&mut |datagram| all.push(OwnedDatagram::from(datagram).payload)).unwrap() != Polled::End {}
    all
}

#[test]
fn the_tops_capture_reaches_a_kernel_socket_only_with_new_checksums() {
    let Some(folder) = captures("the_tops_capture_reaches_a_kernel_socket_only_with_new_checksums") else { return };
    in_namespace("the_tops_capture_reaches_a_kernel_socket_only_with_new_checksums", || {
        let path = folder.join("iex/tops16.pcap.gz");
        let expected = datagrams(&path, ChecksumPolicy::Ignore);
        assert_eq!(expected.len(), 13_022);
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 16642)).unwrap();
        socket.join_multicast_v4(&Ipv4Addr::new(224, 67, 0, 199), &Ipv4Addr::new(10, 77, 0, 2)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let size: libc::c_int = 64 << 20; // the whole capture fits, so the receiver may be as slow as it likes
        // SAFETY: the option takes an int.
        let forced = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, (&raw const size).cast(), 4) };
        assert_eq!(forced, 0);

        let mut config = config(&path, "twa", Via::Frames, Speed::Max);
        assert_eq!(run(&config).unwrap().sent, 13_022);
        let verified = datagrams(&path, ChecksumPolicy::Verify);
        assert_eq!(verified.len(), 1, "one of them is right by chance");
        assert!(payloads(receive(&socket, 13_023)) == verified, "the kernel takes exactly what our own check takes");

        config.rewrite_checksums = true;
        assert_eq!(run(&config).unwrap().sent, 13_022);
        assert!(payloads(receive(&socket, 13_023)) == expected, "frames");

        // Through UDP sockets, the kernel makes the checksums; the sender is an interface of this host.
        config.via = Via::Udp;
        config.routes[0].interface = "10.77.0.2".into();
        assert_eq!(run(&config).unwrap().sent, 13_022);
        assert!(payloads(receive(&socket, 13_023)) == expected, "UDP, looped back");
    });
}

#[test]
fn the_miax_capture_keeps_tags_and_trailing_bytes_on_the_way() {
    let Some(folder) = captures("the_miax_capture_keeps_tags_and_trailing_bytes_on_the_way") else { return };
    in_namespace("the_miax_capture_keeps_tags_and_trailing_bytes_on_the_way", || {
        let mut config = config(&folder.join("miax/Miax.Tom.Mach.v1.9.Example.pcap.gz"), "twa", Via::Frames, Speed::Max);
        config.limit = Some(50);
        let before = statistics("twb");
        let report = run(&config).unwrap();
        assert_eq!((report.sent, report.stopped), (50, true));
        // The kernel takes the tag off before any socket sees it: what the interface counted is the proof.
        let deadline = Instant::now() + Duration::from_secs(5);
        while statistics("twb").0 - before.0 < 50 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        let after = statistics("twb");
        assert!(after.0 - before.0 >= 50 && after.1 - before.1 >= report.bytes, "{before:?} {after:?} {}", report.bytes);
    });
    let frame = tagged(&[(0x8100, 905)], &ipv4(Ipv4Addr::new(239, 1, 2, 3), 9, b"x"));
    assert_eq!(udp_payload(&frame).unwrap().vlan, 905);
}

/// Packets and bytes received by an interface of this thread's namespace.
fn statistics(interface: &str) -> (u64, u64) {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = table.lines().find_map(|line| line.trim().strip_prefix(&format!("{interface}:"))).unwrap();
    let mut fields = line.split_whitespace().map(|field| field.parse().unwrap());
    let bytes = fields.next().unwrap();
    (fields.next().unwrap(), bytes)
}

//! Interfaces that go down, vanish and come back; programs that somebody takes off.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use tickwire::record::Mbo;
use tickwire::shm::{From, Publication};
use tickwire::source::xdp::Interface;

use super::kernel::{Frame, Namespace, RawSender, in_namespace};
use super::lifecycle::{itch, mold};
use super::service::{By, Lane, Room, Service, counter};

fn channel_state(publication: &Publication) -> String {
    format!("{:?}", publication.channel_states()[0].state)
}

/// Sends datagrams with ever higher sequences until one more message has arrived.
fn until_received(service: &Service, publication: &Publication, from: u64) -> u64 {
    let before = counter(publication, "datagrams");
    let mut sequence = from;
    service.until("datagrams are received", || {
        // An interface that comes up or goes refuses for a moment.
        let _ = RawSender::open("twa").try_send(&mold(sequence, 1));
        sequence += 1;
        std::thread::sleep(Duration::from_millis(20));
        counter(publication, "datagrams") > before
    });
    sequence
}

#[test]
fn case_50_a_link_that_falls_and_rises_is_received_from_again() {
    for by in [By::XdpNative, By::XdpGeneric, By::Recvmmsg] {
        in_namespace(move |namespace| {
            if !namespace.veth(1) {
                return;
            }
            namespace.without_source_check("twb");
            let room = Room::new();
            let Some(mut service) = Service::start(&room, &[Lane { by, channel: "silence_ms = 200", ..itch("link") }]) else { return };
            let publication = Publication::open(room.publications(), "link").unwrap();
            let next = until_received(&service, &publication, 1);
            namespace.ip("link set twb down");
            service.until("the channel is silent", || channel_state(&publication) == "Silent");
            service.until_logged("nothing is heard of its session on any line");
            namespace.up(&["twb"]);
            until_received(&service, &publication, next);
            service.until("it is no longer silent", || channel_state(&publication) != "Silent");
            assert_eq!(service.stop().code, Some(0));
        });
    }
}

/// The test's receiver again, after it was deleted.
fn made_again(namespace: &Namespace) {
    assert!(namespace.veth(1));
    namespace.without_source_check("twb");
}

#[test]
fn case_50_an_interface_that_is_deleted_and_made_again_is_received_from_again() {
    for by in By::ALL {
        in_namespace(move |namespace| {
            if !namespace.veth(1) {
                return;
            }
            namespace.without_source_check("twb");
            let room = Room::new();
            let Some(mut service) = Service::start(&room, &[Lane { by, channel: "silence_ms = 500", ..itch("gone") }]) else { return };
            let publication = Publication::open(room.publications(), "gone").unwrap();
            let mut next = until_received(&service, &publication, 1);
            for times in 1..=2 {
                let datagrams = counter(&publication, "datagrams");
                namespace.ip("link del twb");
                service.until("the channel is silent", || channel_state(&publication) == "Silent");
                service.until_logged("the interface was removed");
                service.told.clear();
                service.until_told(|line| line.starts_with("STATUS=in trouble: ") && line.contains("twb")).unwrap();
                service.told.clear();
                made_again(namespace);
                next = until_received(&service, &publication, next);
                // Not the state, which a busy machine may look at when half a second of silence has passed again.
                service.until("it is heard again", || service.log().matches(": heard again").count() >= times);
                assert!(counter(&publication, "datagrams") > datagrams);
                service.until_told(|line| line.starts_with("STATUS=receiving")).unwrap();
                let joined = namespace.ip("maddress show dev twb");
                assert!(joined.contains("239.1.2.3"), "{by:?}: the group is joined again: {joined}");
            }
            // What was counted before is still counted.
            if by.is_xdp() {
                assert_eq!(counter(&publication, "frames"), counter(&publication, "datagrams"));
            }
            service.until_logged("receiving again");
            let mut records = publication.subscribe::<Mbo>(From::Oldest).unwrap();
            assert_eq!(service.stop().code, Some(0));
            super::streams::next_control(&mut records, tickwire::record::control::SESSION_END);
        });
    }
}

#[test]
fn case_50_stopped_while_the_interface_is_gone_it_still_tells_the_end() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let Some(mut service) = Service::start(&room, &[itch("missed")]) else { return };
        let publication = Publication::open(room.publications(), "missed").unwrap();
        until_received(&service, &publication, 1);
        namespace.ip("link del twb");
        service.until_logged("twb");
        let mut records = publication.subscribe::<Mbo>(From::Oldest).unwrap();
        let ended = service.stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let end = super::streams::next_control(&mut records, tickwire::record::control::SESSION_END);
        assert_eq!(end.cause, tickwire::record::control::cause::SHUTDOWN);
        assert_eq!(room.published_files(), Vec::<String>::new());
    });
}

#[test]
fn case_01_50_line_a_goes_on_while_line_bs_interface_is_gone() {
    for by in By::ALL {
        in_namespace(move |namespace| {
            if !namespace.veth(1) {
                return;
            }
            let second = |namespace: &Namespace| {
                namespace.ip("link add tw2a type veth peer name tw2b");
                namespace.up(&["tw2a", "tw2b"]);
                namespace.without_source_check("tw2b");
            };
            second(namespace);
            namespace.without_source_check("twb");
            let room = Room::new();
            let lines = vec![("twb", "239.1.2.3", 26400), ("tw2b", "239.1.2.9", 26400)];
            let Some(mut service) = Service::start(&room, &[Lane { by, lines, ..itch("pair") }]) else { return };
            let publication = Publication::open(room.publications(), "pair").unwrap();
            let mut next = until_received(&service, &publication, 1);
            namespace.ip("link del tw2b");
            service.until_logged("tw2b");
            // Longer than it takes to notice and to try again.
            for _ in 0..8 {
                next = until_received(&service, &publication, next);
                std::thread::sleep(Duration::from_millis(100));
            }
            assert_eq!(counter(&publication, "gaps"), 0, "{by:?}: line A lost nothing: {}", service.log());
            second(namespace);
            let before = counter(&publication, "duplicates");
            service.until("line B is received again", || {
                // What A brought already: a duplicate is proof of B.
                let mut frame = mold(1, 1);
                let other = Frame::udp(&frame.split_off(42)).with(|f| f.group = Ipv4Addr::new(239, 1, 2, 9)).build();
                let _ = RawSender::open("tw2a").try_send(&other);
                std::thread::sleep(Duration::from_millis(20));
                counter(&publication, "duplicates") > before
            });
            assert_eq!(service.stop().code, Some(0));
        });
    }
}

#[test]
fn case_51_a_program_that_another_tool_detaches_is_attached_again() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let Some(mut service) = Service::start(&room, &[itch("removed")]) else { return };
        let publication = Publication::open(room.publications(), "removed").unwrap();
        let next = until_received(&service, &publication, 1);
        let twb = Interface::find("twb").unwrap();
        let program = twb.xdp_program().unwrap().unwrap();
        detach_link_of(program);
        assert_eq!(twb.xdp_program().unwrap(), None);
        service.until("it is attached again", || twb.xdp_program().unwrap().is_some());
        service.until_logged("removed by somebody else");
        until_received(&service, &publication, next);
        assert_eq!(service.stop().code, Some(0));
    });
}

fn bpf(command: i32, attributes: &mut [u64; 16]) -> std::io::Result<i32> {
    // SAFETY: zeroed `union bpf_attr` beyond what the callers fill in; the pointer one of them holds outlives the call.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size_of_val(attributes)) };
    if done < 0 { Err(std::io::Error::last_os_error()) } else { Ok(done as i32) }
}

/// What `bpftool link detach` does, to the link that holds this program.
fn detach_link_of(program: u32) {
    const OBJ_GET_INFO_BY_FD: i32 = 15;
    const LINK_GET_FD_BY_ID: i32 = 30;
    const LINK_GET_NEXT_ID: i32 = 31;
    const LINK_DETACH: i32 = 34;
    let mut id = 0_u32;
    loop {
        let mut next = [0; 16];
        next[0] = u64::from(id);
        bpf(LINK_GET_NEXT_ID, &mut next).expect("no link holds the program");
        id = (next[0] >> 32) as u32;
        let mut open = [0; 16];
        open[0] = u64::from(id);
        // It may be gone by now: other tests have links too.
        let Ok(fd) = bpf(LINK_GET_FD_BY_ID, &mut open) else { continue };
        // SAFETY: a fresh descriptor that nobody else owns.
        let link = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut info = [0_u32; 32];
        let mut ask = [0; 16];
        ask[0] = u64::from(link.as_raw_fd() as u32) | (size_of_val(&info) as u64) << 32;
        ask[1] = info.as_mut_ptr() as u64;
        if bpf(OBJ_GET_INFO_BY_FD, &mut ask).is_ok() && info[2] == program {
            let mut detach = [0; 16];
            detach[0] = u64::from(link.as_raw_fd() as u32);
            bpf(LINK_DETACH, &mut detach).unwrap();
            return;
        }
    }
}

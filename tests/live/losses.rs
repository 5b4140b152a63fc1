//! What is lost is counted and declared; what is awaited is awaited no longer than said.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tickwire::record::{Mbo, control};
use tickwire::shm::{From, Publication};

use super::kernel::{RawSender, in_namespace};
use super::lifecycle::{burst, itch, mold};
use super::service::{By, Lane, Room, Service, counter};

#[test]
fn case_56_what_overruns_a_stopped_lane_is_counted_and_declared() {
    for by in By::ALL {
        in_namespace(move |namespace| {
            if !namespace.veth(1) {
                return;
            }
            namespace.without_source_check("twb");
            let room = Room::new();
            let tight = if by.is_xdp() { "frames = 128" } else { "receive_buffer_bytes = 65536" };
            let Some(mut service) = Service::start(&room, &[Lane { by, source: tight, ..itch("stopped") }]) else { return };
            let publication = Publication::open(room.publications(), "stopped").unwrap();
            let mut records = publication.subscribe::<Mbo>(From::Oldest).unwrap();
            let enough = AtomicBool::new(false);
            let sent = std::thread::scope(|scope| {
                let sender = scope.spawn(|| burst(&enough));
                service.until_counted(&publication, "datagrams", 200);
                service.signal(libc::SIGSTOP);
                std::thread::sleep(Duration::from_millis(300));
                service.signal(libc::SIGCONT);
                let before = counter(&publication, "datagrams");
                service.until_counted(&publication, "datagrams", before + 500);
                enough.store(true, Ordering::Relaxed);
                sender.join().unwrap()
            });
            service.until("everything is accounted for", || {
                counter(&publication, "datagrams") + counter(&publication, "drop_receive_overrun") == sent
            });
            let [messages, lost, gaps] = ["messages", "lost_messages", "gaps"].map(|name| counter(&publication, name));
            assert!(lost > 0 && gaps > 0, "{by:?}: a stopped lane loses: {lost} in {gaps} gaps");
            let gap = super::streams::next_control(&mut records, control::GAP_OPEN);
            assert!(gap.last_sequence >= gap.first_sequence && gap.first_sequence > 1, "{gap:?}");
            // What was lost at the very end nobody has told us of.
            assert!(
                messages + lost <= sent && counter(&publication, "drop_receive_overrun") >= lost,
                "{by:?}: {messages} + {lost} of {sent}"
            );
            assert!(format!("{:?}", publication.channel_states()[0].state) == "Stale");
            service.until_logged("missing");
            service.until_logged("the kernel dropped");
            let ended = service.stop();
            assert_eq!(ended.code, Some(0));
            assert!(ended.log.contains("receive_overrun"), "{}", ended.log);
            assert!(!by.is_xdp() || ended.log.contains(&format!("redirected {sent}")), "{}", ended.log);
        });
    }
}

/// Two channels in one lane: the other one is idle, or busy all the time.
fn a_gap_at_the_end_is_declared(by: By, busy: bool) {
    in_namespace(move |namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        namespace.without_source_check("twb");
        const WAIT_US: i64 = 50_000;
        // A further channel in the same lane, into the same publication, gets the burst.
        let channel = "gap_wait_us = 50000\n[[channel.line]]\nname = \"Z\"\ninterface = \"twb\"\ngroup = \"239.1.2.77\"\nport = 26400\n\
                       [[channel]]\nname = \"other\"\nfeed = \"nasdaq-itch\"\nlane = \"quiet\"\npublication = \"quiet\"\norders = 1000\nlevels = 1000";
        let Some(mut service) = Service::start(&room, &[Lane { by, channel, ..itch("quiet") }]) else { return };
        let publication = Publication::open(room.publications(), "quiet").unwrap();
        let mut records = publication.subscribe::<Mbo>(From::Oldest).unwrap();
        let enough = AtomicBool::new(!busy);
        std::thread::scope(|scope| {
            // `other` is 239.1.2.3; ours is 239.1.2.77.
            let sender = scope.spawn(|| burst(&enough));
            if busy {
                service.until_counted(&publication, "datagrams", 500);
            }
            let ours = |sequence| {
                let mut frame = mold(sequence, 1);
                let payload = frame.split_off(42);
                super::kernel::Frame::udp(&payload).with(|f| f.group = [239, 1, 2, 77].into()).build()
            };
            let raw = RawSender::open("twa");
            raw.send(&ours(1));
            raw.send(&ours(5));
            let gap = super::streams::next_control(&mut records, control::GAP_OPEN);
            enough.store(true, Ordering::Relaxed);
            sender.join().unwrap();
            assert_eq!((gap.first_sequence, gap.last_sequence, gap.cause), (2, 4, control::cause::TIMED_OUT));
            let start = records_start(&publication, gap.channel);
            let waited_us = (gap.ts_recv as i64 - start as i64) / 1000;
            // Never early; late by a few milliseconds on a quiet machine.
            assert!((WAIT_US..WAIT_US + 500_000).contains(&waited_us), "{waited_us} us after the first datagram");
            eprintln!("gap declared {waited_us} us after the channel's first datagram, gap_wait_us = {WAIT_US}");
        });
        assert_eq!(service.stop().code, Some(0));
    });
}

/// When the channel's first datagram was received.
fn records_start(publication: &Publication, channel: u16) -> u64 {
    let mut records = publication.subscribe::<Mbo>(From::Oldest).unwrap();
    loop {
        let start = super::streams::next_control(&mut records, control::SESSION_START);
        if start.channel == channel {
            return start.ts_recv;
        }
    }
}

#[test]
fn a_gap_at_the_very_end_is_declared_without_any_further_datagram() {
    a_gap_at_the_end_is_declared(By::XdpNative, false);
}

#[test]
fn a_gap_is_declared_on_time_under_full_load_of_another_channel() {
    a_gap_at_the_end_is_declared(By::XdpNative, true);
}

#[test]
fn a_lane_that_waits_in_the_kernel_declares_a_gap_on_time_too() {
    a_gap_at_the_end_is_declared(By::Blocking, false);
    a_gap_at_the_end_is_declared(By::Blocking, true);
}

//! Start, readiness, stop, kill, and what is refused.

use std::process::Command;
use std::time::{Duration, Instant};

use tickwire::record::{Mbo, control};
use tickwire::shm::{From, Item, Publication, Records};

use super::kernel::{Frame, Namespace, RawSender, in_namespace, skip};
use super::service::{By, Lane, PATIENCE, Room, Service, tickwire};

pub const GROUP: &str = "239.1.2.3";
pub const PORT: u16 = 26400;

/// One ITCH channel with one line on twb, by native XDP.
pub fn itch(name: &str) -> Lane<'_> {
    Lane {
        name,
        feed: "nasdaq-itch",
        core: 0,
        idle_sleep_us: 50,
        by: By::XdpNative,
        lines: vec![("twb", GROUP, PORT)],
        source: "",
        channel: "",
    }
}

/// A MoldUDP64 frame with `count` system events from `sequence` on.
pub fn mold(sequence: u64, count: u16) -> Vec<u8> {
    let mut payload = b"LIVE000001".to_vec();
    payload.extend(sequence.to_be_bytes());
    payload.extend(count.to_be_bytes());
    for _ in 0..count {
        payload.extend([0, 12, b'S', 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, b'Q']);
    }
    Frame::udp(&payload).build()
}

fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

/// Sends a datagram of one message every 30 µs or so until told to stop; the number sent.
pub fn burst(stop: &std::sync::atomic::AtomicBool) -> u64 {
    let sender = RawSender::open("twa");
    let mut sequence = 1;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        sender.send(&mold(sequence, 1));
        sequence += 1;
        let due = Instant::now() + Duration::from_micros(30);
        while Instant::now() < due {
            std::hint::spin_loop();
        }
    }
    sequence - 1
}

/// Everything that comes until the subscription says something else than records, control records and nothing; the venue's own events are left out.
fn until_it_tells(records: &mut Records<Mbo>, controls: &mut Vec<(u8, u8)>) -> String {
    let began = Instant::now();
    loop {
        match records.next().unwrap() {
            Item::Record(_) | Item::Board { .. } => {}
            // The venue's day goes on besides.
            Item::Control(record) if record.hd.rtype == control::SYSTEM_EVENT => {}
            Item::Control(record) => controls.push((record.hd.rtype, record.cause)),
            Item::Idle => {
                assert!(began.elapsed() < PATIENCE, "nothing is told; control records so far: {controls:x?}");
                pause();
            }
            other => return format!("{other:?}"),
        }
    }
}

#[test]
fn systemd_is_told_ready_status_watchdog_and_stopping() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let mut service = Service::spawn_as(tickwire(), &room, &[itch("told")], &[("WATCHDOG_USEC", "200000")]);
        match service.until_ready() {
            Ok(()) => {}
            Err(ended) if ended.code == Some(4) => return skip(&ended.log),
            Err(ended) => panic!("{ended:?}"),
        }
        // All of the memory is there when it says that it is ready: the file of the next epoch too.
        assert_eq!(room.published_files().len(), 3, "publication, lock, next epoch: {:?}", room.published_files());
        service.until_told(|line| line.starts_with("STATUS=receiving")).unwrap();
        service.until("its status counts what came", || {
            RawSender::open("twa").send(&mold(1, 1));
            true
        });
        service.until_told(|line| line.starts_with("STATUS=") && line.contains("datagrams")).unwrap();
        let began = Instant::now();
        while service.told.iter().filter(|line| *line == "WATCHDOG=1").count() < 4 {
            assert!(began.elapsed() < PATIENCE, "{:?}", service.told);
            service.listen();
        }
        let ended = service.stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(service.told.iter().any(|line| line == "STOPPING=1"), "{:?}", service.told);
        assert_eq!(room.published_files(), Vec::<String>::new(), "nothing is left");
    });
}

#[test]
fn case_54_sigterm_in_a_burst_drains_and_tells_every_reader_the_end() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let Some(mut service) = Service::start(&room, &[itch("burst")]) else { return };
        let publication = Publication::open(room.publications(), "burst").unwrap();
        let mut records = publication.subscribe::<Mbo>(From::Oldest).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let (ended, to_end, controls) = std::thread::scope(|scope| {
            let sender = scope.spawn(|| burst(&stop));
            service.until_counted(&publication, "datagrams", 1000);
            service.signal(libc::SIGTERM);
            let began = Instant::now();
            let mut controls = vec![];
            assert_eq!(until_it_tells(&mut records, &mut controls), "End");
            let to_end = began.elapsed();
            let ended = service.wait();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            sender.join().unwrap();
            (ended, to_end, controls)
        });
        assert_eq!(ended.code, Some(0), "{ended:?}");
        // 100 ms on a quiet machine; here two others may be building.
        assert!(to_end < Duration::from_secs(1), "{to_end:?}");
        eprintln!("end of the stream {to_end:?} after SIGTERM in a burst, process gone {:?} later", ended.after);
        assert_eq!(controls.last(), Some(&(control::SESSION_END, control::cause::SHUTDOWN)));
        assert_eq!(room.published_files(), Vec::<String>::new());
        // The program went with it.
        assert_eq!(tickwire::source::xdp::Interface::find("twb").unwrap().xdp_program().unwrap(), None);
    });
}

#[test]
fn case_54_after_sigkill_the_next_start_is_clean_and_readers_follow() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let Some(mut service) = Service::start(&room, &[itch("killed")]) else { return };
        let publication = Publication::open(room.publications(), "killed").unwrap();
        let mut records = publication.subscribe::<Mbo>(From::Oldest).unwrap();
        let sender = RawSender::open("twa");
        sender.send(&mold(1, 3));
        service.until_counted(&publication, "messages", 3);
        service.signal(libc::SIGKILL);
        let killed = service.wait();
        assert_eq!(killed.code, None, "{killed:?}");
        let mut controls = vec![];
        assert_eq!(until_it_tells(&mut records, &mut controls), "WriterDead");
        assert_eq!(controls, [(control::SESSION_START, control::cause::FIRST)]);

        let Some(mut service) = Service::start(&room, &[itch("killed")]) else { panic!("it started before") };
        assert_eq!(until_it_tells(&mut records, &mut controls), "NewEpoch");
        let publication = records.publication().clone();
        sender.send(&mold(4, 2));
        service.until_counted(&publication, "messages", 2);
        assert_eq!(service.stop().code, Some(0));
        controls.clear();
        assert_eq!(until_it_tells(&mut records, &mut controls), "End");
        assert_eq!(controls, [(control::SESSION_START, control::cause::JOINED_LATE), (control::SESSION_END, control::cause::SHUTDOWN)]);
        assert_eq!(room.published_files(), Vec::<String>::new());
    });
}

/// Lines of the log that the process ended with: exactly one.
fn the_error(log: &str) -> &str {
    let errors: Vec<&str> = log.lines().filter(|line| line.starts_with("tickwire: ")).collect();
    assert_eq!(errors.len(), 1, "one error, not {}:\n{log}", errors.len());
    errors[0]
}

#[test]
fn case_52_a_second_instance_on_the_same_publication_or_queue_is_refused() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let Some(mut first) = Service::start(&room, &[itch("first")]) else { return };
        let publication = Publication::open(room.publications(), "first").unwrap();

        // A directory of its own for the second's log and configuration, the same one for its publications.
        let elsewhere = Room::new();
        std::os::unix::fs::symlink(room.publications(), elsewhere.publications()).unwrap();
        let ended = Service::spawn(&elsewhere, &[Lane { by: By::Recvmmsg, ..itch("first") }]).wait();
        assert_eq!(ended.code, Some(6), "{ended:?}");
        let error = the_error(&ended.log);
        assert!(error.contains("/first.lock") && error.contains(&format!("process {} writes this publication", first.pid())), "{error}");

        let ended = Service::spawn(&room, &[itch("second")]).wait();
        assert_eq!(ended.code, Some(6), "{ended:?}");
        let error = the_error(&ended.log);
        assert!(error.contains("twb queue 0") && error.contains("EBUSY") && error.contains("another instance"), "{error}");
        assert_eq!(room.published_files().iter().filter(|file| file.contains("second")).count(), 0, "{:?}", room.published_files());

        RawSender::open("twa").send(&mold(1, 1));
        first.until_counted(&publication, "messages", 1);
        assert_eq!(first.stop().code, Some(0));
    });
}

#[test]
fn an_interface_with_somebody_elses_program_is_refused_as_busy() {
    in_namespace(|namespace| {
        use tickwire::source::xdp::{AttachMode, Interface, Steering};
        if !namespace.veth(2) {
            return;
        }
        let interface = Interface::find("twb").unwrap();
        let Ok(mut other) = Steering::load(&interface, &[]) else { return skip("no program can be loaded") };
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        // Pinned to queue 1, which ours will want too, but without a socket in its way.
        let config = tickwire::source::xdp::SocketConfig { chunks: 128, ..Default::default() };
        drop(socket);
        let theirs = tickwire::source::xdp::XdpSocket::open(&interface, 1, &config).unwrap();
        other.register(1, std::os::fd::AsFd::as_fd(&theirs)).unwrap();
        other.attach(AttachMode::Generic, true).unwrap();
        drop(theirs);
        let room = Room::new();
        let ended = Service::spawn(&room, &[itch("guest")]).wait();
        assert_eq!(ended.code, Some(6), "{ended:?}");
        let error = the_error(&ended.log);
        assert!(error.contains("twb") && error.contains("another XDP program is attached"), "{error}");
        assert_eq!(room.published_files(), Vec::<String>::new());
    });
}

#[test]
fn a_lane_that_cannot_open_stops_all_with_one_error() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        if std::thread::available_parallelism().unwrap().get() < 2 {
            return skip("two lanes want two cores");
        }
        let room = Room::new();
        let good = Lane { by: By::Recvmmsg, lines: vec![("lo", "239.1.2.4", 26401)], ..itch("good") };
        // veth has no zero-copy.
        let bad = Lane { core: 1, source: "zero_copy = \"require\"", ..itch("bad") };
        for lanes in [[good.clone(), bad.clone()], [bad, good]] {
            let ended = Service::spawn(&room, &lanes).wait();
            if ended.log.contains("CAP_BPF") {
                return skip(&ended.log);
            }
            assert_eq!(ended.code, Some(4), "{ended:?}");
            let error = the_error(&ended.log);
            assert!(error.contains("twb queue 0") && error.contains("zero-copy"), "{error}");
            assert!(!ended.log.contains("ready:"), "{}", ended.log);
            assert_eq!(room.published_files(), Vec::<String>::new());
        }
    });
}

#[test]
fn without_capabilities_it_says_which_it_wants() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        for (taken, named) in
            [("-net_raw,-net_admin,-bpf,-sys_admin", "CAP_NET_RAW and CAP_NET_ADMIN and CAP_BPF"), ("-net_raw", "CAP_NET_RAW")]
        {
            let room = Room::new();
            let mut command = Command::new("setpriv");
            command.arg(format!("--bounding-set={taken}")).arg(format!("--inh-caps={taken}")).arg(env!("CARGO_BIN_EXE_tickwire"));
            let ended = Service::spawn_as(command, &room, &[itch("bare")], &[]).wait();
            if ended.log.contains("setpriv:") {
                return skip(&ended.log);
            }
            assert_eq!(ended.code, Some(4), "{ended:?}");
            let error = the_error(&ended.log);
            assert!(error.ends_with(&format!("it lacks {named}")), "{error}");
        }
    });
}

#[test]
fn an_interface_that_is_not_there_is_refused_with_those_there_are() {
    in_namespace(|_namespace: &Namespace| {
        let room = Room::new();
        let ended = Service::spawn(&room, &[itch("nowhere")]).wait();
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let error = the_error(&ended.log);
        assert!(error.contains("`twb`") && error.contains("lo"), "{error}");
    });
}

#[test]
fn sigterm_before_it_is_ready_ends_it_too() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let Some(mut first) = Service::start(&room, &[itch("owner")]) else { return };
        // It waits for the queue, up to five seconds; when that is free it comes up and ends at once.
        let mut second = Service::spawn(&room, &[itch("heir")]);
        second.until("its publication is there", || Publication::open(room.publications(), "heir").is_ok());
        std::thread::sleep(Duration::from_millis(50));
        second.signal(libc::SIGTERM);
        assert_eq!(first.stop().code, Some(0));
        let ended = second.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(room.published_files(), Vec::<String>::new());
    });
}

/// The thread of that name.
fn thread_of(service: &Service, name: &str) -> i32 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", service.pid())).unwrap();
    let mut tasks = tasks.map(|task| task.unwrap().path());
    let task = tasks.find(|task| std::fs::read_to_string(task.join("comm")).unwrap().trim() == name).unwrap();
    task.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

/// Stops one thread of another process, as a debugger does; it goes on when this is dropped.
struct StoppedThread(i32);

impl StoppedThread {
    fn of(thread: i32) -> Result<Self, std::io::Error> {
        let null = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: requests without memory of ours, on a thread of our own child; then a wait for that thread alone.
        unsafe {
            if libc::ptrace(libc::PTRACE_SEIZE, thread, null, null) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            assert_eq!(libc::ptrace(libc::PTRACE_INTERRUPT, thread, null, null), 0);
            assert_eq!(libc::waitpid(thread, std::ptr::null_mut(), libc::__WALL), thread);
        }
        Ok(Self(thread))
    }
}

impl Drop for StoppedThread {
    fn drop(&mut self) {
        let null = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: as above.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.0, null, null) };
    }
}

#[test]
fn case_57_a_stuck_lane_is_not_covered_up_the_watchdog_is_not_fed() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let room = Room::new();
        let lane = Lane { by: By::Recvmmsg, ..itch("stuck") };
        let mut service = Service::spawn_as(tickwire(), &room, &[lane], &[("WATCHDOG_USEC", "200000")]);
        service.until_ready().unwrap();
        service.until_told(|line| line == "WATCHDOG=1").unwrap();
        let stopped = match StoppedThread::of(thread_of(&service, "stuck")) {
            Ok(stopped) => stopped,
            Err(error) => return skip(&format!("ptrace: {error}")),
        };
        service.until_logged("lane stuck: no sign of life");
        service.listen();
        service.told.clear();
        std::thread::sleep(Duration::from_secs(1));
        service.listen();
        assert!(!service.told.iter().any(|line| line == "WATCHDOG=1"), "{:?}", service.told);
        drop(stopped);
        service.until_told(|line| line == "WATCHDOG=1").unwrap();
        assert_eq!(service.stop().code, Some(0));
    });
}

/// How often a thread has given its core away by itself. Unlike processor time that does not depend on who else wants it.
fn times_asleep(service: &Service, thread: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/task/{thread}/status", service.pid())).unwrap();
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap().trim().parse().unwrap()
}

#[test]
fn an_idle_lane_that_may_sleep_leaves_its_core_to_others_and_one_that_may_not_spins() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let lanes = [(By::Recvmmsg, 50), (By::Blocking, 0), (By::Recvmmsg, 0)];
        let [sleeping, blocking, spinning] = lanes.map(|(by, idle_sleep_us)| {
            let room = Room::new();
            let mut service = Service::start(&room, &[Lane { by, idle_sleep_us, ..itch("idle") }]).unwrap();
            let lane = thread_of(&service, "idle");
            let before = times_asleep(&service, lane);
            std::thread::sleep(Duration::from_millis(700));
            let asleep = times_asleep(&service, lane) - before;
            assert_eq!(service.stop().code, Some(0));
            asleep
        });
        // On a quiet machine 6000, 650 and 0.
        assert!(blocking > 50, "the lane that waits in the kernel did so {blocking} times");
        assert!(sleeping > 50 && spinning < 10, "the sleeping lane slept {sleeping} times, the spinning one {spinning} times");
    });
}

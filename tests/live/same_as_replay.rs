//! What comes out of `tickwire run` is what comes out of `replay` of the same capture, record by record, by whatever road.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tickwire::book::BooksCapacity;
use tickwire::feed::name::FeedName;
use tickwire::feed::venue_time::VenueDate;
use tickwire::generate::{self, CaptureConfig, GenerateConfig};
use tickwire::play::{self, PlayConfig, PlayReport, Route, Via};
use tickwire::replay::{self, ReplayConfig, ReplayPublication, Summary};
use tickwire::shm::Publication;
use tickwire::source::lines::LineKey;

use super::kernel::{Namespace, in_namespace, skip};
use super::packets;
use super::service::{By, Lane, Room, Service, counter, dropped, tickwire};
use super::session::{self, Venue};
use super::streams::{DEPTH, Rings, Streams, assert_same};
use super::venue::RECV_NS;

/// Slow enough that a machine busy with other things loses nothing: the lane's queue holds 8192 frames.
const RATE: f64 = 30_000.0;
const TOPS: (&str, u16) = ("224.67.0.199", 16642);
const DEEP: (&str, u16) = ("239.192.4.1", 10378);
pub const LINE_A: (&str, u16) = ("239.192.1.1", 26400);
pub const LINE_B: (&str, u16) = ("239.192.2.1", 26400);

/// The real TOPS capture; it is not ours to give away.
fn tops() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let path = std::env::var_os("TICKWIRE_CAPTURES").map_or(default, PathBuf::from).join("iex/tops16.pcap.gz");
    if path.exists() {
        return Some(path);
    }
    let why = format!("no {}: set TICKWIRE_CAPTURES", path.display());
    assert!(std::env::var("TICKWIRE_CAPTURES_TESTS").as_deref() != Ok("require"), "{why}");
    eprintln!("SKIPPED: {why}");
    None
}

/// An ITCH session of today (live, times count from the midnight before the first datagram) with losses and repetitions on
/// each line, but nothing lost on both.
pub fn itch(room: &Room) -> PathBuf {
    let now_ns = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let midnight_ns = VenueDate::at(now_ns).unwrap().midnight_ns().unwrap();
    let config = GenerateConfig::steady(5, 20_000, 60, midnight_ns, midnight_ns + 34_200_000_000_000, 50_000);
    let mut capture = CaptureConfig { messages_per_packet: 5, ..CaptureConfig::default() };
    for line in &mut capture.lines {
        (line.loss_ppm, line.duplicate_ppm) = (20_000, 5_000);
    }
    let path = room.path().join("itch.pcap");
    generate::capture(&config, &capture, std::fs::File::create(&path).unwrap(), &mut |_| ()).unwrap();
    path
}

fn key((group, port): (&str, u16)) -> LineKey {
    LineKey { group: group.parse::<Ipv4Addr>().unwrap(), port }
}

fn replayed(room: &Room, file: &Path, feed: FeedName, lines: &[(&str, u16)]) -> (Summary, Streams) {
    let name = "replayed".to_owned();
    let dir = room.path().to_owned();
    let publish = ReplayPublication {
        dir: dir.clone(),
        name: name.clone(),
        depth: DEPTH,
        gated_readers: 0,
        keep: true,
        images_every: None,
        windows: None,
    };
    let summary = replay::run(&replay_of(file, feed, lines, publish), &|| false, &mut |_| ()).unwrap().summary;
    let streams = Rings::of(&Publication::open(&dir, &name).unwrap()).until_end();
    std::fs::remove_file(dir.join(&name)).unwrap();
    (summary, streams)
}

/// What `read` makes of the windows of an ITCH replay.
pub fn replayed_with_windows<T>(room: &Room, file: &Path, lines: &[(&str, u16)], read: impl FnOnce(&Publication) -> T) -> T {
    let (name, windows) = ("replayed".to_owned(), "replayed-windows".to_owned());
    let dir = room.path().to_owned();
    let publish = ReplayPublication {
        dir: dir.clone(),
        name: name.clone(),
        depth: DEPTH,
        gated_readers: 0,
        keep: true,
        images_every: None,
        windows: Some(windows.clone()),
    };
    replay::run(&replay_of(file, FeedName::NasdaqItch, lines, publish), &|| false, &mut |_| ()).unwrap();
    let outcome = read(&Publication::open(&dir, &windows).unwrap());
    for name in [name, windows] {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    outcome
}

fn replay_of(file: &Path, feed: FeedName, lines: &[(&str, u16)], publish: ReplayPublication) -> ReplayConfig {
    ReplayConfig {
        file: file.to_owned(),
        feed,
        midnight_ns: None,
        speed: replay::Speed::Max,
        lines: lines.iter().map(|&line| key(line)).collect(),
        publish: Some(publish),
        dbn: None,
        capacity: BooksCapacity { instruments: 1 << 16, orders: 200_000, levels: 200_000 },
    }
}

pub fn play(file: &Path, to: &[((&str, u16), &str)]) -> PlayReport {
    let route = |&(line, interface): &((&str, u16), &str)| Route { line: Some(key(line)), interface: interface.to_owned(), loss: 0.0 };
    let config = PlayConfig {
        file: file.to_owned(),
        routes: to.iter().map(route).collect(),
        via: Via::Frames,
        speed: play::Speed::Rate(RATE),
        limit: None,
        rewrite_checksums: true,
        seed: 0,
    };
    let report = play::run(&config, &AtomicBool::new(false), &mut |_, _| ()).unwrap();
    assert_eq!((report.errors, report.lost), (0, 0), "{report:?}");
    report
}

/// twa-twb and tw2a-tw2b.
pub fn two_veths(namespace: &Namespace) -> bool {
    if !namespace.veth(1) {
        return false;
    }
    namespace.ip("link add tw2a type veth peer name tw2b");
    namespace.ip("link set tw2a addrgenmode none");
    namespace.ip("link set tw2b addrgenmode none");
    namespace.up(&["tw2a", "tw2b"]);
    namespace.without_source_check("twb");
    namespace.without_source_check("tw2b");
    true
}

pub fn lane<'a>(name: &'a str, feed: &'a str, by: By, lines: Vec<(&'a str, &'a str, u16)>) -> Lane<'a> {
    Lane { name, feed, core: 0, idle_sleep_us: 50, by, lines, source: "", channel: "gap_wait_us = 2000000" }
}

/// Counters of a publication against what was sent and what `replay` counted.
fn assert_counted(publication: &Publication, by: By, sent: u64, summary: &Summary) {
    assert_eq!(dropped(publication), []);
    assert_eq!(counter(publication, "datagrams"), sent);
    assert_eq!(counter(publication, "frames"), if by.is_xdp() { sent } else { 0 });
    assert_eq!(counter(publication, "messages"), summary.messages);
    assert_eq!(counter(publication, "heartbeats"), summary.heartbeats);
    assert_eq!(counter(publication, "instruments"), summary.instruments);
    assert_eq!(counter(publication, "gaps"), 0);
    assert_eq!(counter(publication, "latency_count"), sent);
}

fn tops_is_the_same(by: By) {
    let Some(file) = tops() else { return };
    in_namespace(move |namespace| {
        if !two_veths(namespace) {
            return;
        }
        let room = Room::new();
        // Native XDP as it is meant to run, spinning; the others leave the test machine some processor.
        let idle_sleep_us = if by == By::XdpNative { 0 } else { 50 };
        let lane = Lane { idle_sleep_us, ..lane("tops", "iex-tops", by, vec![("twb", TOPS.0, TOPS.1)]) };
        let Some(mut service) = Service::start(&room, &[lane]) else { return };
        let publication = Publication::open(room.publications(), "tops").unwrap();
        let rings = Rings::of(&publication);
        let sent = play(&file, &[(TOPS, "twa")]).sent;
        assert_eq!(sent, 13_022);
        service.until_counted(&publication, "datagrams", sent);
        service.until_counted(&publication, "latency_count", sent);
        let ended = service.stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let (summary, expected) = replayed(&room, &file, FeedName::IexTops, &[TOPS]);
        assert_eq!(summary.messages, 57_674);
        assert_counted(&publication, by, sent, &summary);
        assert_same(&rings.until_end(), &expected);
    });
}

fn itch_is_the_same(by: By) {
    in_namespace(move |namespace| {
        if !two_veths(namespace) {
            return;
        }
        let room = Room::new();
        let file = itch(&room);
        let lines = vec![("twb", LINE_A.0, LINE_A.1), ("tw2b", LINE_B.0, LINE_B.1)];
        let Some(mut service) = Service::start(&room, &[lane("itch", "nasdaq-itch", by, lines)]) else { return };
        let publication = Publication::open(room.publications(), "itch").unwrap();
        let rings = Rings::of(&publication);
        let sent = play(&file, &[(LINE_A, "twa"), (LINE_B, "tw2a")]).sent;
        service.until_counted(&publication, "datagrams", sent);
        service.until_counted(&publication, "latency_count", sent);
        let ended = service.stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let (summary, expected) = replayed(&room, &file, FeedName::NasdaqItch, &[LINE_A, LINE_B]);
        assert!(summary.duplicates > 0 && expected["mbo"].len() > 10_000);
        assert_counted(&publication, by, sent, &summary);
        assert_same(&rings.until_end(), &expected);
    });
}

#[test]
fn the_real_tops_session_by_native_xdp_gives_what_replay_gives() {
    tops_is_the_same(By::XdpNative);
}

#[test]
fn the_real_tops_session_by_generic_xdp_gives_what_replay_gives() {
    tops_is_the_same(By::XdpGeneric);
}

#[test]
fn the_real_tops_session_by_io_uring_gives_what_replay_gives() {
    tops_is_the_same(By::IoUring);
}

#[test]
fn the_real_tops_session_by_recvmmsg_gives_what_replay_gives() {
    tops_is_the_same(By::Recvmmsg);
}

#[test]
fn an_itch_session_on_two_interfaces_by_any_road_gives_what_replay_gives() {
    By::ALL.into_iter().for_each(itch_is_the_same);
}

/// A made-up DEEP session on one line, with events of many levels, a restart of the publisher in the middle, and heartbeats.
fn deep(room: &Room) -> PathBuf {
    let mut venue = Venue::new(8, 60);
    let mut segments = session::segments(&venue.session(8_000), RECV_NS, &mut venue.random);
    let restarted_ns = segments.last().unwrap().0 + 1_000_000;
    segments.extend(session::segments(&venue.session(8_000), restarted_ns, &mut venue.random));
    let (group, port) = (DEEP.0.parse().unwrap(), DEEP.1);
    let shots: Vec<_> = segments
        .iter()
        .map(|(ns, segment)| packets::Shot { ns: *ns, bytes: packets::ethernet(group, port, segment), snapped: 0 })
        .collect();
    let path = room.path().join("deep.pcap");
    std::fs::write(&path, packets::classic(packets::Endian::Little, 1, 1, &shots)).unwrap();
    path
}

#[test]
fn a_deep_session_with_a_restart_by_xdp_and_by_sockets_gives_what_replay_gives() {
    for by in [By::XdpNative, By::IoUring] {
        in_namespace(move |namespace| {
            if !two_veths(namespace) {
                return;
            }
            let room = Room::new();
            let file = deep(&room);
            let Some(mut service) = Service::start(&room, &[lane("deep", "iex-deep", by, vec![("twb", DEEP.0, DEEP.1)])]) else { return };
            let publication = Publication::open(room.publications(), "deep").unwrap();
            let rings = Rings::of(&publication);
            let sent = play(&file, &[(DEEP, "twa")]).sent;
            service.until_counted(&publication, "datagrams", sent);
            service.until_counted(&publication, "latency_count", sent);
            let ended = service.stop();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let (summary, expected) = replayed(&room, &file, FeedName::IexDeep, &[DEEP]);
            assert!(summary.restarts == 1 && expected["mbp-10"].len() > 5_000, "{summary:?}");
            assert_counted(&publication, by, sent, &summary);
            assert_same(&rings.until_end(), &expected);
        });
    }
}

#[test]
fn two_lanes_with_two_channels_run_side_by_side() {
    let Some(tops_file) = tops() else { return };
    in_namespace(move |namespace| {
        if !two_veths(namespace) {
            return;
        }
        if std::thread::available_parallelism().unwrap().get() < 2 {
            return skip("two lanes want two cores");
        }
        let room = Room::new();
        let file = itch(&room);
        let itch_lines = vec![("twb", LINE_A.0, LINE_A.1), ("twb", LINE_B.0, LINE_B.1)];
        let lanes = [
            lane("itch", "nasdaq-itch", By::XdpNative, itch_lines),
            Lane { core: 1, ..lane("tops", "iex-tops", By::IoUring, vec![("tw2b", TOPS.0, TOPS.1)]) },
        ];
        let Some(mut service) = Service::start(&room, &lanes) else { return };
        let itch_publication = Publication::open(room.publications(), "itch").unwrap();
        let tops_publication = Publication::open(room.publications(), "tops").unwrap();
        let (itch_rings, tops_rings) = (Rings::of(&itch_publication), Rings::of(&tops_publication));
        let (itch_sent, tops_sent) = std::thread::scope(|scope| {
            let itch = scope.spawn(|| play(&file, &[(LINE_A, "twa"), (LINE_B, "twa")]).sent);
            let tops = scope.spawn(|| play(&tops_file, &[(TOPS, "tw2a")]).sent);
            (itch.join().unwrap(), tops.join().unwrap())
        });
        service.until_counted(&itch_publication, "latency_count", itch_sent);
        service.until_counted(&tops_publication, "latency_count", tops_sent);

        let plan = tickwire().args(["check", "--config"]).arg(room.path().join("itch.toml")).output().unwrap();
        let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
        for part in
            ["2 lanes, 2 publications", "lane itch: core 0", "lane tops: core 1", "publication  itch: mbo", "publication  tops: mbp-1"]
        {
            assert!(plan.contains(part), "{part:?} is not in the plan:\n{plan}");
        }

        let ended = service.stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let (summary, expected) = replayed(&room, &file, FeedName::NasdaqItch, &[LINE_A, LINE_B]);
        assert_counted(&itch_publication, By::XdpNative, itch_sent, &summary);
        assert_same(&itch_rings.until_end(), &expected);
        let (summary, expected) = replayed(&room, &tops_file, FeedName::IexTops, &[TOPS]);
        assert_counted(&tops_publication, By::IoUring, tops_sent, &summary);
        assert_same(&tops_rings.until_end(), &expected);
    });
}

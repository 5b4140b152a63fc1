//! What a running service measures of its own work: the `latency` ring, the log of histograms, the report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tickwire::feed::name::FeedName;
use tickwire::lane::interval_log;
use tickwire::lane::latency::Timing;
use tickwire::record::{Latency, Schema};
use tickwire::shm::{From, Item, Publication, Records};

use super::kernel::in_namespace;
use super::same_as_replay::{LINE_A, LINE_B, itch, play};
use super::service::{By, Lane, Room, Service, configure, tickwire};

/// The configuration of one ITCH channel with both lines on that interface, whose lane samples; histograms go to `log`.
fn measured(room: &Room, interface: &str, log: &Path) -> PathBuf {
    let lines = vec![(interface, LINE_A.0, LINE_A.1), (interface, LINE_B.0, LINE_B.1)];
    let feed = FeedName::NasdaqItch.name();
    let lane = Lane { name: "itch", feed, core: 0, idle_sleep_us: 50, by: By::Recvmmsg, lines, source: "", channel: "" };
    let config = configure(room, &[lane]);
    let text = std::fs::read_to_string(&config)
        .unwrap()
        .replacen("[service]", &format!("[service]\nlatency_log = {log:?}"), 1)
        .replacen("idle_sleep_us = 50", "idle_sleep_us = 50\nlatency_every = 8\nstages_every = 4", 1)
        .replacen("[[publication.ring]]", "[[publication.ring]]\nschema = \"latency\"\n[[publication.ring]]", 1);
    std::fs::write(&config, text).unwrap();
    config
}

fn all(mut ring: Records<Latency>) -> Vec<Latency> {
    let mut all = Vec::new();
    loop {
        match ring.next().unwrap() {
            Item::Record(record) => all.push(*record),
            Item::Control(_) | Item::Idle => {}
            Item::End => return all,
            other => panic!("{other:?}"),
        }
    }
}

/// What a log has by lane and timing, in values.
fn logged(log: &Path) -> BTreeMap<(String, Timing), u64> {
    let mut counts = BTreeMap::new();
    for line in interval_log::read(&std::fs::read(log).unwrap()).unwrap() {
        *counts.entry((line.lane, line.timing)).or_default() += line.histogram.len();
    }
    counts
}

#[test]
fn samples_are_in_the_ring_and_every_datagram_is_in_the_log_of_this_run_and_the_next() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        let room = Room::new();
        let (log, file) = (room.path().join("latency.hlog"), itch(&room));
        let config = measured(&room, "twb", &log);
        let mut datagrams = 0;
        for run in 1..=2 {
            let mut service = Service::spawn_with(tickwire(), &config, &[]);
            service.until_ready().unwrap();
            let publication = Publication::open(room.publications(), "itch").unwrap();
            let ring = publication.subscribe(From::Oldest).unwrap();
            let sent = play(&file, &[(LINE_A, "twa"), (LINE_B, "twa")]).sent;
            service.until_counted(&publication, "latency_count", sent);
            let position = publication.rings().iter().find(|ring| ring.schema == Schema::Mbo).unwrap().position;
            let ended = service.stop();
            assert_eq!(ended.code, Some(0), "{}", ended.log);
            let told = all(ring);
            assert!(told.len() as u64 > sent / 2 / 8, "{} samples of {sent} datagrams", told.len());
            for record in &told {
                let Latency { receive_ns, arbitrate_ns, decode_ns, book_ns, publish_ns, .. } = *record;
                let stages: u64 = [receive_ns, arbitrate_ns, decode_ns, book_ns, publish_ns].into_iter().map(u64::from).sum();
                assert!(record.ts_recv < record.ts_publish && stages <= record.ts_publish - record.ts_recv, "{record:?}");
                assert_eq!((record.stamped == 1, record.rtype, record.channel), (stages > 0, Schema::Mbo.rtype(), 0), "{record:?}");
                assert!((1..=position).contains(&record.position) && record.line < 2 && record.messages > 0, "{record:?}");
            }
            assert!(told.is_sorted_by_key(|record| (record.ts_publish, record.position)));
            assert_eq!(told.iter().map(|record| record.stamped).collect::<BTreeSet<_>>(), [0, 1].into());
            datagrams += sent;
            let counts = logged(&log);
            let timings: Vec<_> = counts.keys().map(|(lane, timing)| (lane.as_str(), *timing)).collect();
            assert_eq!(timings, Timing::ALL.iter().map(|&timing| ("itch", timing)).collect::<Vec<_>>());
            assert_eq!(counts[&("itch".to_owned(), Timing::ReceivedToPublished)], datagrams);
            let text = std::fs::read_to_string(&log).unwrap();
            assert_eq!(text.lines().filter(|line| line.starts_with("#[BaseTime: ")).count(), run, "a header for each run");
            assert!(ended.log.contains("stamped datagrams, p50/p99 ns: receive "), "{}", ended.log);
            assert!(ended.log.contains(": books of ") && ended.log.contains(" of them on huge pages"), "{}", ended.log);
            // As after a kill in the middle of a line.
            std::fs::write(&log, text + "Tag=itch.book,1.000,1.0").unwrap();
        }
    });
}

#[test]
fn a_log_that_cannot_be_written_is_refused_at_the_start_in_one_message() {
    let room = Room::new();
    let foreign = room.path().join("precious.txt");
    std::fs::write(&foreign, "somebody's own words\n").unwrap();
    for (log, why) in [
        (room.path().join("none/latency.hlog"), "No such file or directory"),
        (room.path().to_owned(), "Is a directory"),
        (PathBuf::from("/dev/null"), "it is no ordinary file"),
        (foreign.clone(), "it is there already, and is no histogram log"),
    ] {
        let mut service = Service::spawn_with(tickwire(), &measured(&room, "lo", &log), &[]);
        let ended = service.wait();
        assert_eq!(ended.code, Some(4), "{}", ended.log);
        let said = format!("the latency log {} cannot be written: {why}", log.display());
        let lines: Vec<_> = ended.log.lines().filter(|line| line.contains(&said)).collect();
        assert_eq!(lines.len(), 1, "{said} in {}", ended.log);
        assert!(lines[0].contains("or remove service.latency_log"), "{}", ended.log);
        assert_eq!(room.published_files(), Vec::<String>::new());
    }
    assert_eq!(std::fs::read_to_string(foreign).unwrap(), "somebody's own words\n");
}

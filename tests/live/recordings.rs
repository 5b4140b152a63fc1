//! The recorder of `tickwire run`: files hold what was published, and nothing that happens to them is felt on the path.

use std::collections::BTreeMap;
use std::path::Path;

use dbn::decode::DecodeRecordRef;
use dbn::decode::dbn::Decoder;
use tickwire::feed::name::FeedName;
use tickwire::record::{Trade, control};
use tickwire::shm::{From, Item, Publication};

use super::kernel::in_namespace;
use super::same_as_replay::{LINE_A, LINE_B, itch, play};
use super::service::{By, Lane, Room, Service, counter, dropped, tickwire};
use super::streams::{Rings, Streams};

/// One ITCH channel with both lines on twb, recorded into that directory.
fn lane<'a>(channel: &'a str) -> Lane<'a> {
    let lines = vec![("twb", LINE_A.0, LINE_A.1), ("twb", LINE_B.0, LINE_B.1)];
    Lane { name: "itch", feed: FeedName::NasdaqItch.name(), core: 0, idle_sleep_us: 50, by: By::Recvmmsg, lines, source: "", channel }
}

fn recorded_into(dir: &Path) -> String {
    format!("gap_wait_us = 2000000\n[publication.recording]\ndir = \"{}\"\n", dir.display())
}

/// Records of the whole files, by schema, in the order of names; with what depends on the time of receipt as it is.
fn in_files(dir: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.ends_with(".dbn.zst"), "nothing but whole files: {name}");
        let records = all.entry(name.split('.').nth(1).unwrap().to_owned()).or_default();
        let mut decoder = Decoder::from_zstd_file(&file).unwrap();
        while let Some(record) = decoder.decode_record_ref().unwrap() {
            records.push(AsRef::<[u8]>::as_ref(&record).to_vec());
        }
    }
    all
}

/// Streams of rings without their control records, and without what depends on the time of receipt.
fn masked(schema: &str, record: &[u8]) -> Vec<u8> {
    let mut record = record.to_vec();
    let times = match schema {
        "mbo" => 40..52,
        "status" => 16..24,
        _ => 32..44,
    };
    record[times].fill(0);
    record
}

fn assert_recorded(dir: &Path, streams: &Streams) {
    let files = in_files(dir);
    for (schema, stream) in streams {
        let published: Vec<_> = stream
            .iter()
            .filter(|record| !(control::FIRST_RTYPE..=control::LAST_RTYPE).contains(&record[1]))
            .map(|record| masked(schema, record))
            .collect();
        let recorded: Vec<_> = files.get(*schema).into_iter().flatten().map(|record| masked(schema, record)).collect();
        assert_eq!(recorded.len(), published.len(), "{schema}");
        assert!(recorded == published, "{schema}: other records than were published");
    }
}

#[test]
fn every_record_of_a_session_is_in_the_files_when_the_service_has_ended() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        let (room, dir) = (Room::new(), tempfile::tempdir().unwrap());
        let file = itch(&room);
        let channel = recorded_into(dir.path());
        let Some(mut service) = Service::start(&room, &[lane(&channel)]) else { return };
        let publication = Publication::open(room.publications(), "itch").unwrap();
        let rings = Rings::of(&publication);
        let sent = play(&file, &[(LINE_A, "twa"), (LINE_B, "twa")]).sent;
        service.until_counted(&publication, "datagrams", sent);
        let ended = service.stop();
        assert_eq!((ended.code, dropped(&publication)), (Some(0), vec![]));
        assert_recorded(dir.path(), &rings.until_end());
        for said in ["recording itch: mbo, mbp-1, mbp-10, trades, status into", "recording itch, mbo:", "none lost", "recorded "] {
            assert!(ended.log.contains(said), "{said}: {}", ended.log);
        }
        let list = std::fs::read_to_string(room.publications().join("itch.recorded")).unwrap();
        assert!(list.lines().count() >= 5 && list.contains("\"schema\":\"mbo\""), "{list}");
    });
}

#[test]
fn case_55_a_full_disk_costs_records_in_files_and_nothing_on_the_path() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        let (room, dir) = (Room::new(), tempfile::tempdir().unwrap());
        let file = itch(&room);
        let channel = recorded_into(dir.path());
        // One megabyte, of which most is taken: some blocks fit, the others do not.
        let script =
            "mount -t tmpfs -o size=1m tmpfs \"$TWDIR\" || exit 77; head -c 900k /dev/zero > \"$TWDIR/filler\"; exec \"$0\" \"$@\"";
        let mut command = std::process::Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(tickwire().get_program()).env("TWDIR", dir.path());
        let mut service = Service::spawn_as(command, &room, &[lane(&channel)], &[]);
        match service.until_ready() {
            Ok(()) => {}
            Err(ended) if ended.code == Some(77) || ended.log.contains("unshare") => return super::kernel::skip(&ended.log),
            Err(ended) => panic!("{ended:?}"),
        }
        let publication = Publication::open(room.publications(), "itch").unwrap();
        let rings = Rings::of(&publication);
        let sent = play(&file, &[(LINE_A, "twa"), (LINE_B, "twa")]).sent;
        service.until_counted(&publication, "datagrams", sent);
        service.until_logged("No space left");
        let ended = service.stop();
        // The path: everything came, nothing was dropped, every reader had it all.
        assert_eq!((ended.code, dropped(&publication), counter(&publication, "gaps")), (Some(0), vec![], 0), "{}", ended.log);
        let streams = rings.until_end();
        assert!(streams["mbo"].len() > 10_000);
        // The files: what is missing is said, while it lasts and at the end.
        let words = |line: &str| line.contains("recording itch, mbp-10:") && line.contains(" lost");
        let said: Vec<&str> = ended.log.lines().filter(|line| words(line)).collect();
        assert!(said.iter().any(|line| line.contains("records lost: ") && line.contains("No space left")), "{}", ended.log);
        let sum: u64 = said.last().and_then(|line| line.rsplit(", ").next()?.split(' ').next()?.parse().ok()).unwrap_or(0);
        assert!(sum > 0, "{}", ended.log);
    });
}

#[test]
fn what_a_kill_leaves_is_made_whole_at_the_next_start() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        let (room, dir) = (Room::new(), tempfile::tempdir().unwrap());
        let file = itch(&room);
        let channel = recorded_into(dir.path());
        let Some(mut service) = Service::start(&room, &[lane(&channel)]) else { return };
        let publication = Publication::open(room.publications(), "itch").unwrap();
        let sent = play(&file, &[(LINE_A, "twa"), (LINE_B, "twa")]).sent;
        service.until_counted(&publication, "datagrams", sent);
        let published = publication.rings().into_iter().map(|ring| (ring.schema.name(), ring.position)).collect::<BTreeMap<_, _>>();
        let (mut controls, mut trades) = (0, publication.subscribe::<Trade>(From::Oldest).unwrap());
        loop {
            match trades.next().unwrap() {
                Item::Control(_) => controls += 1,
                Item::Record(_) => {}
                Item::Idle => break,
                other => panic!("{other:?}"),
            }
        }
        // Longer than a block waits to be written.
        std::thread::sleep(std::time::Duration::from_millis(2_500));
        service.signal(libc::SIGKILL);
        service.wait();
        let parts = || {
            std::fs::read_dir(dir.path())
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|it| it == "part"))
                .count()
        };
        assert!(parts() >= 5, "parts are left");
        let mut service = Service::start(&room, &[lane(&channel)]).unwrap();
        service.until_logged("a part that an earlier run left is whole now");
        service.until("all parts are whole", || parts() == 0);
        assert_eq!(service.stop().code, Some(0));
        // Every position but those of control records, which are the same in every ring.
        for (schema, records) in in_files(dir.path()) {
            let positions = published[schema.as_str()];
            assert_eq!(records.len() as u64 + controls, positions, "{schema}: {controls} control records");
        }
    });
}

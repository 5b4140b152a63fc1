//! `[publication.recording]`: what it plans, and what is refused, each with the line, the key, the reason and the cure.

use std::path::Path;

use tickwire::config::ConfigFile;
use tickwire::dbn_files::Publisher;
use tickwire::plan::{Host, HostInterface, Plan};
use tickwire::record::Schema;

const LANE: &str = r#"
[[lane]]
name = "l"
source = "udp"
[[publication]]
name = "us"
[[publication.ring]]
schema = "mbo"
[[publication.ring]]
schema = "trades"
[[publication.ring]]
schema = "venue"
[publication.recording]
RECORDING
[[channel]]
name = "nasdaq"
feed = "nasdaq-itch"
lane = "l"
publication = "us"
[[channel.line]]
name = "A"
interface = "lo"
group = "239.1.1.1"
port = 26400
[[channel]]
name = "psx"
feed = "psx-itch"
lane = "l"
publication = "us"
[[channel.line]]
name = "A"
interface = "lo"
group = "239.1.1.2"
port = 26400
"#;

fn planned(recording: &str) -> Result<Plan, String> {
    let text = LANE.replace("RECORDING", recording);
    let host = Host {
        cores: vec![(0, 0)],
        interfaces: vec![HostInterface { name: "lo".into(), up: true, mtu: 1500, queues: 1, node: None }],
        shm_free_bytes: None,
    };
    let file = ConfigFile::parse(Path::new("feed.toml"), text).map_err(|error| error.to_string())?;
    Plan::new(&file, &host).map_err(|error| error.to_string())
}

#[test]
fn a_recording_is_of_every_ring_that_dbn_knows_and_each_publisher_by_its_dataset() {
    let plan = planned("dir = \"/var/lib/tickwire\"").unwrap();
    let recording = &plan.recordings[0];
    assert_eq!((recording.publication.as_str(), recording.dir.as_path()), ("us", Path::new("/var/lib/tickwire")));
    assert_eq!((recording.schemas.as_slice(), recording.rotate_bytes), (&[Schema::Mbo, Schema::Trades][..], 1 << 30));
    let publisher = |id, dataset: &str| Publisher { id, dataset: dataset.into() };
    assert_eq!(recording.publishers, [publisher(2, "XNAS.ITCH"), publisher(4, "XPSX.ITCH")]);
    let some = planned("dir = \"d\"\nschemas = [\"trades\"]\nrotate_mib = 16").unwrap();
    assert_eq!((some.recordings[0].schemas.as_slice(), some.recordings[0].rotate_bytes), (&[Schema::Trades][..], 16 << 20));
    let shown = plan.to_string();
    assert!(shown.contains("recording of us: mbo, trades into /var/lib/tickwire"), "{shown}");
}

#[test]
fn what_cannot_be_recorded_is_refused_with_the_key_and_the_cure() {
    for (recording, says) in [
        ("dir = \"\"", ["publication.recording.dir", "it is empty", "name a directory"]),
        ("dir = \"/dev/shm/tickwire/files\"", ["publication.recording.dir", "where publications are, in memory", "on a disk"]),
        ("dir = \"d\"\nschemas = []", ["publication.recording.schemas", "the list is empty", "leave the key out"]),
        ("dir = \"d\"\nschemas = [\"mbp-1\"]", ["publication.recording.schemas", "`us` has no mbp-1 ring", "mbo"]),
        ("dir = \"d\"\nschemas = [\"venue\"]", ["publication.recording.schemas", "DBN has no schema for venue", "mbo"]),
        ("dir = \"d\"\nschemas = [\"mbp\"]", ["publication.recording.schemas", "there is no schema `mbp`", "did you mean `mbo`?"]),
        ("dir = \"d\"\nschemas = [\"mbo\", \"mbo\"]", ["publication.recording.schemas", "mbo is named twice", "remove one"]),
        ("dir = \"d\"\nrotate_mib = 15", ["publication.recording.rotate_mib", "15 is out of range", "use 16 to 1048576"]),
        ("dir = \"d\"\nrotate_mib = 1048577", ["publication.recording.rotate_mib", "1048577 is out of range", "use 16 to 1048576"]),
    ] {
        let refused = planned(recording).expect_err(recording);
        assert!(says.iter().all(|part| refused.contains(part)) && refused.contains("feed.toml:"), "{recording}: {refused}");
    }
}

#[test]
fn a_recording_in_the_memory_of_the_publications_is_said() {
    let (room, disk) = (super::shm_support::Room::new(), super::written::dir());
    let plan = planned(&format!("dir = \"{}\"", room.path().display())).unwrap();
    let remark = plan.recordings[0].remark(room.path()).unwrap();
    assert!(remark.contains("so are the files"), "{remark}");
    let plan = planned(&format!("dir = \"{}/to/be/made\"", disk.path().display())).unwrap();
    let same = std::os::unix::fs::MetadataExt::dev(&std::fs::metadata(disk.path()).unwrap())
        == std::os::unix::fs::MetadataExt::dev(&std::fs::metadata(room.path()).unwrap());
    assert_eq!(plan.recordings[0].remark(room.path()).is_some(), same);
}

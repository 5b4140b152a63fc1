//! The handler's configuration: made up, or somebody's own file made fit.

use std::path::{Path, PathBuf};

use tickwire::bench::handler::{Configuration, Needs, Receive, Setup};
use tickwire::bench::workload::Workload;
use tickwire::bench::{Measure, Pace};
use tickwire::book::BooksCapacity;
use tickwire::config::{Config, ConfigFile};
use tickwire::error::Exit;
use tickwire::record::Schema;

use super::rig::{alone, config, round, session, wire};

fn needs() -> Needs {
    Needs {
        interface: "tw-b".into(),
        replace_interfaces: true,
        latency_every: 8,
        stages_every: 32,
        schemas: Vec::new(),
        depth: Some(4096),
        instruments: 512,
        capacity: BooksCapacity { instruments: 512, orders: 1000, levels: 2000 },
    }
}

/// A host's own file: two lanes, one of them for another feed, images, a recording, a filter of senders.
const FILE: &str = r#"
[service]
log = "warn"
report_interval_s = 7
publication_dir = "/dev/shm/production"
latency_log = "/var/log/tickwire/latency.hlog"
[[lane]]
name = "itch"
source = "xdp"
core = 0
[[lane.interface]]
name = "eth1"
queues = [3]
flows_pinned = true
[[lane.interface]]
name = "eth2"
queues = [1]
flows_pinned = true
[lane.xdp]
frames = 4096
[[lane]]
name = "iex"
source = "udp"
core = 1
[[publication]]
name = "quiet"
[[publication.ring]]
schema = "mbp-1"
[[publication]]
name = "nasdaq"
instruments = 1024
[[publication.ring]]
schema = "mbo"
depth = 65536
[publication.recording]
dir = "/var/lib/tickwire"
[[publication]]
name = "bars"
of = "quiet"
[[publication.ring]]
schema = "signal"
[[channel]]
name = "other"
feed = "iex-tops"
lane = "iex"
publication = "quiet"
[[channel.line]]
name = "A"
interface = "eth9"
group = "239.9.9.9"
port = 1
[[channel]]
name = "idle"
feed = "nasdaq-itch"
lane = "itch"
publication = "nasdaq"
orders = 1000
levels = 1000
[[channel.line]]
name = "A"
interface = "eth1"
group = "239.192.7.7"
port = 26400
[[channel]]
name = "totalview"
feed = "nasdaq-itch"
lane = "itch"
publication = "nasdaq"
orders = 100000
levels = 100000
[[channel.line]]
name = "A"
interface = "eth1"
group = "239.192.1.1"
port = 26400
from = "10.1.2.3"
[[channel.line]]
name = "B"
interface = "eth2"
group = "239.192.2.1"
port = 26400
"#;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("host.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn fit(text: &str, workload: &Workload, needs: &Needs) -> Result<Configuration, tickwire::error::Error> {
    let (_dir, path) = file(text);
    Configuration::new(&Setup::File(path), workload, needs)
}

fn read(text: String) -> Config {
    ConfigFile::parse(Path::new("bench.toml"), text.clone()).unwrap_or_else(|error| panic!("{error}:\n{text}")).config
}

#[test]
fn a_made_up_configuration_takes_the_workload_by_the_way_that_was_named() {
    let workload = session(1_000);
    for &receive in Receive::ALL {
        let mut configuration = Configuration::new(&Setup::Receive(receive), &workload, &needs()).unwrap();
        assert_eq!((configuration.lane_core, configuration.may_sleep), (None, receive == Receive::UdpBlocking));
        configuration.pin_lane_to(1);
        let config = read(configuration.text(Path::new("/dev/shm/x/publications"), Path::new("/dev/shm/x")));
        assert_eq!(config.service.publication_dir, Path::new("/dev/shm/x/publications"));
        let [lane] = &config.lane[..] else { panic!("{:?}", config.lane) };
        assert_eq!((*lane.latency_every.get_ref(), *lane.stages_every.get_ref()), (8, 32));
        assert_eq!(lane.core.as_ref().map(|core| *core.get_ref()), Some(1));
        let [publication] = &config.publication[..] else { panic!("{:?}", config.publication) };
        let rings: Vec<_> = publication.ring.iter().map(|ring| ring.schema.get_ref().as_str()).collect();
        assert_eq!(rings, ["mbo", "mbp-1", "trades", "status", "latency"]);
        let [channel] = &config.channel[..] else { panic!("{:?}", config.channel) };
        let lines: Vec<_> = channel.line.iter().map(|line| format!("{} {}", line.name.get_ref(), line.group.get_ref())).collect();
        assert_eq!(lines, ["A 239.192.1.1", "B 239.192.2.1"]);
        assert_eq!(configuration.channels, [0]);
    }
    let only = Needs { schemas: vec![Schema::Mbp10], ..needs() };
    let configuration = Configuration::new(&Setup::Receive(Receive::Udp), &workload, &only).unwrap();
    let config = read(configuration.text(Path::new("/p"), Path::new("/q")));
    let rings: Vec<_> = config.publication[0].ring.iter().map(|ring| ring.schema.get_ref().as_str()).collect();
    assert_eq!(rings, ["mbp-10", "latency"]);
}

#[test]
fn a_file_keeps_what_it_says_but_for_what_a_benchmark_must_have() {
    let workload = session(1_000);
    let configuration = fit(FILE, &workload, &needs()).unwrap();
    assert_eq!((configuration.publication.as_str(), configuration.lane.as_str()), ("nasdaq", "itch"));
    assert_eq!((configuration.lane_core, configuration.may_sleep), (Some(0), false));
    // The first channel is not the workload's.
    assert_eq!(configuration.channels, [u16::MAX, 0]);
    assert!(configuration.remarks.iter().any(|remark| remark.contains("left out: lane iex")), "{:?}", configuration.remarks);
    let config = read(configuration.text(Path::new("/dev/shm/x/publications"), Path::new("/dev/shm/x")));
    assert_eq!(format!("{:?}", config.service.log), "Info");
    assert_eq!(config.service.report_interval_s, 0);
    assert_eq!(config.service.publication_dir, Path::new("/dev/shm/x/publications"));
    assert_eq!(config.service.latency_log.unwrap().get_ref(), Path::new("/dev/shm/x/latency.hlog"));
    let [lane] = &config.lane[..] else { panic!("{:?}", config.lane) };
    let interfaces: Vec<_> =
        lane.interface.iter().map(|interface| (interface.name.get_ref().as_str(), interface.queues.is_none())).collect();
    assert_eq!(interfaces, [("tw-b", true)], "one interface, all its queues");
    assert_eq!(*lane.xdp.as_ref().unwrap().get_ref().frames.get_ref(), 4096, "kept");
    assert_eq!((*lane.latency_every.get_ref(), *lane.stages_every.get_ref()), (8, 32));
    let [publication] = &config.publication[..] else { panic!("{:?}", config.publication) };
    let rings: Vec<_> =
        publication.ring.iter().map(|ring| (ring.schema.get_ref().as_str(), ring.depth.as_ref().map(|d| *d.get_ref()))).collect();
    assert_eq!(rings[0], ("mbo", Some(65536)));
    assert_eq!(rings[1].0, "latency");
    assert_eq!(publication.recording.as_ref().unwrap().get_ref().dir.get_ref(), Path::new("/dev/shm/x/recordings"));
    for channel in &config.channel {
        assert!(channel.line.iter().all(|line| line.interface.get_ref() == "tw-b"), "{:?}", channel.line);
    }
    assert!(config.channel[1].line[0].from.is_none(), "the benchmark sends");
    assert!(configuration.remarks.iter().any(|remark| remark.contains("left out: channel.line.from")), "{:?}", configuration.remarks);
    assert!(!configuration.by_sockets);
    // On a cable the interfaces are the file's own, and what it samples stays.
    let own = FILE.replace("source = \"xdp\"", "source = \"xdp\"\nlatency_every = 2");
    let configuration = fit(&own, &workload, &Needs { replace_interfaces: false, ..needs() }).unwrap();
    let config = read(configuration.text(Path::new("/p"), Path::new("/q")));
    assert_eq!(config.lane[0].interface.len(), 2);
    assert_eq!(*config.lane[0].latency_every.get_ref(), 2);
}

#[test]
fn a_file_that_does_not_take_the_workload_is_refused_in_one_sentence() {
    let workload = session(1_000);
    let second_b = FILE.rfind("[[channel.line]]").unwrap();
    let elsewhere = format!(
        "{}[[channel]]\nname = \"b\"\nfeed = \"nasdaq-itch\"\nlane = \"iex\"\npublication = \"quiet\"\n{}",
        &FILE[..second_b],
        &FILE[second_b..]
    );
    for (text, exit, why) in [
        (FILE.replace("239.192.2.1", "239.192.2.2"), Exit::Config, "no [[channel.line]] is 239.192.2.1:26400, which the workload carries"),
        (elsewhere, Exit::Config, "the workload's lines go to 2 lanes (iex, itch), and exactly one is measured"),
        (
            FILE.replace("name = \"totalview\"\nfeed = \"nasdaq-itch\"", "name = \"totalview\"\nfeed = \"psx-itch\""),
            Exit::Config,
            "speaks psx-itch, and the workload is nasdaq-itch",
        ),
        (FILE.replace("publication = \"nasdaq\"", "publication = \"nosuch\""), Exit::Config, "publication `nosuch` is not there"),
        (FILE.replace("frames = 4096", "farmes = 4096"), Exit::Config, "did you mean `frames`?"),
        ("not toml".into(), Exit::Config, "host.toml:1"),
    ] {
        let error = fit(&text, &workload, &needs()).map(|_| ()).unwrap_err();
        let said = error.to_string();
        assert!(error.exit == exit && said.contains(why) && said.contains("host.toml"), "{said}");
    }
    let missing = Configuration::new(&Setup::File("/nonexistent.toml".into()), &workload, &needs()).map(|_| ()).unwrap_err();
    assert!(missing.to_string().contains("/nonexistent.toml"), "{missing}");
}

#[test]
fn a_setup_is_a_way_of_receiving_or_a_file() {
    for &receive in Receive::ALL {
        assert_eq!(Setup::parse(receive.name()).unwrap(), Setup::Receive(receive));
        assert_eq!(Setup::Receive(receive).label(), receive.name());
    }
    assert_eq!(Setup::parse("config/old.toml").unwrap().label(), "old");
    let wrong = Setup::parse("udp-blokcing").unwrap_err();
    assert_eq!(wrong.exit, Exit::Usage);
    assert!(wrong.to_string().contains("did you mean udp-blocking?"), "{wrong}");
}

#[test]
fn a_file_is_run_as_it_is_written() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let (_dir, path) =
        file(&FILE.replace("source = \"xdp\"\ncore = 0", "source = \"xdp\"").replace("[lane.xdp]\n", "[lane.xdp]\nmode = \"generic\"\n"));
    let config = config(session(6_000), Pace::Rate(3_000.0), &wire);
    let Some(round) = round(&config, path.to_str().unwrap()) else { return };
    let counts = &round.counts;
    assert_eq!((counts.received, counts.messages, counts.unmatched), (counts.due, 6_000, 0), "{counts:?} {:?}", round.remarks);
    assert!(!round.measures.get(Measure::DueToSeen).is_empty());
    assert!(round.modes.iter().any(|mode| mode.contains("generic")), "{:?}", round.modes);
    assert!(round.remarks.iter().any(|remark| remark.contains("left out: lane iex")), "{:?}", round.remarks);
}

//! Configuration + host → plan, or one message that names file, line, key, value, reason and cure.
#![cfg(feature = "service")]

use std::net::Ipv4Addr;
use std::path::Path;

use tickwire::config::ConfigFile;
use tickwire::plan::{Host, HostInterface, Plan, SourcePlan};
use tickwire::record::Schema;

/// A host that is not here: four cores on two nodes, and interfaces in all states.
fn host() -> Host {
    let interface = |name: &str, up, mtu, queues, node| HostInterface { name: name.to_owned(), up, mtu, queues, node };
    Host {
        cores: vec![(0, 0), (1, 0), (2, 1), (3, 1)],
        interfaces: vec![
            interface("lo", true, 65_536, 1, None),
            interface("eth0", true, 1_500, 1, Some(0)),
            interface("eth1", true, 1_500, 4, Some(1)),
            interface("eth2", true, 3_000, 1, None),
            interface("eth3", true, 9_000, 1, None),
            interface("wifi", false, 1_500, 1, None),
        ],
        shm_free_bytes: Some(16 << 30),
    }
}

const GOOD: &str = r#"[service]
publication_dir = "/dev/shm/tickwire"

[[lane]]
name = "left"
core = 1
source = "xdp"
[[lane.interface]]
name = "eth0"

[[lane]]
name = "right"
core = 2
source = "xdp"
[[lane.interface]]
name = "eth1"

[[lane]]
name = "sockets"
source = "udp"

[[publication]]
name = "nasdaq"
[[publication.ring]]
schema = "mbo"
[[publication.ring]]
schema = "mbp-1"

[[publication]]
name = "iex"
[[publication.ring]]
schema = "mbp-1"

[[publication]]
name = "psx"
[[publication.ring]]
schema = "trades"

[[channel]]
name = "totalview"
feed = "nasdaq-itch"
lane = "left"
publication = "nasdaq"
[[channel.line]]
name = "A"
interface = "eth0"
group = "239.1.1.1"
port = 26400
[[channel.line]]
name = "B"
interface = "eth0"
group = "239.1.1.2"
port = 26400

[[channel]]
name = "tops"
feed = "iex-tops"
lane = "right"
publication = "iex"
[[channel.line]]
name = "A"
interface = "eth1"
group = "239.2.1.1"
port = 10378

[[channel]]
name = "psx"
feed = "psx-itch"
lane = "sockets"
publication = "psx"
[[channel.line]]
name = "A"
interface = "lo"
group = "239.3.1.1"
port = 26400
"#;

fn plan_on(host: &Host, text: &str) -> Result<Plan, String> {
    let file = ConfigFile::parse(Path::new("feed.toml"), text.to_owned()).map_err(|error| error.to_string())?;
    Plan::new(&file, host).map_err(|error| error.to_string())
}

/// GOOD with the nth (from 1) occurrence of `old` replaced.
fn with(nth: usize, old: &str, new: &str) -> String {
    let (at, _) = GOOD.match_indices(old).nth(nth - 1).unwrap_or_else(|| panic!("no {old} number {nth}"));
    format!("{}{new}{}", &GOOD[..at], &GOOD[at + old.len()..])
}

#[test]
fn a_good_file_becomes_a_plan_with_every_name_resolved() {
    let plan = plan_on(&host(), GOOD).expect("a plan");
    let lanes: Vec<_> = plan.lanes.iter().map(|lane| (lane.name.as_str(), lane.core, lane.node)).collect();
    // The free core on no particular node, and not core 0.
    assert_eq!(lanes, [("left", 1, 0), ("right", 2, 1), ("sockets", 3, 1)]);
    let SourcePlan::Xdp { queues, .. } = &plan.lanes[1].source else { panic!("{plan:?}") };
    assert_eq!(queues.iter().map(|queue| queue.queue).collect::<Vec<_>>(), [0, 1, 2, 3], "left out: all of them");
    let channel = &plan.lanes[0].channels[0];
    assert_eq!((channel.lines[1].key.group, channel.config.arbiter.lines), (Ipv4Addr::new(239, 1, 1, 2), 2));
    assert_eq!(plan.lanes[2].channels[0].lines[0].interface, "lo", "UDP over loopback is allowed");
    let steered: Vec<_> = plan.steered().into_iter().map(|(name, lines)| (name, lines.len())).collect();
    assert_eq!(steered, [("eth0".to_owned(), 2), ("eth1".to_owned(), 1)]);
    let depths: Vec<_> = plan.lanes[0].publications[0].rings.iter().map(|ring| (ring.schema, ring.depth)).collect();
    assert_eq!(depths, [(Schema::Mbo, 1 << 20), (Schema::Mbp1, 1 << 18)], "as config/example.toml says");
}

#[test]
fn a_core_left_open_is_the_first_free_one_on_the_interface_s_node_and_core_0_comes_last() {
    let chosen = |text: &str| plan_on(&host(), text).expect("a plan").lanes.iter().map(|lane| lane.core).collect::<Vec<_>>();
    let open = GOOD.replace("core = 1\n", "").replace("core = 2\n", "");
    assert_eq!(chosen(&open), [1, 2, 3]);
    // A UDP lane goes to the node of its first line's interface too.
    assert_eq!(chosen(&GOOD.replace("\"lo\"", "\"eth1\"").replace("core = 2\n", "core = 3\n")), [1, 3, 2]);
    assert_eq!(chosen(&GOOD.replace("core = 1\n", "core = 3\n")), [3, 2, 1]);
}

#[test]
fn the_printed_plan_is_what_will_run() {
    let shown = plan_on(&host(), &with(1, "[[publication.ring]]", "symbols = [\"AAPL\", \"MSFT\"]\n[[publication.ring]]"))
        .expect("a plan")
        .to_string();
    println!("{shown}");
    for said in [
        "3 lanes, 3 publications in /dev/shm/tickwire",
        "lane left: core 1, NUMA node 0",
        "source       AF_XDP on eth0 queue 0 (mode auto, zero-copy auto, 8192 frames of 2048 bytes a queue)",
        "source       AF_XDP on eth1 queues 0-3",
        "source       UDP sockets (engine auto, 8192 KiB receive buffer each)",
        "channel      totalview: nasdaq-itch into nasdaq",
        "line A     239.1.1.1:26400 on eth0",
        "publication  nasdaq: mbo (1048576 slots), mbp-1 (262144 slots)",
        "only 2 symbols published",
    ] {
        assert!(shown.contains(said), "{said:?} is missing in\n{shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
    let blocking =
        plan_on(&host(), &with(1, "source = \"udp\"", "source = \"udp\"\n[lane.udp]\nblock = true")).expect("a plan").to_string();
    assert!(blocking.contains("UDP sockets (engine recvmmsg, waiting in the kernel when idle, 8192 KiB"), "{blocking}");
}

#[test]
fn what_a_lane_measures_is_planned_with_a_ring_or_for_the_histograms_alone() {
    let stages = plan_on(&host(), &with(1, "core = 1", "core = 1\nstages_every = 4096")).expect("a plan");
    assert_eq!((stages.lanes[0].latency_every, stages.lanes[0].stages_every), (0, 4096));
    let log = "[service]\nlatency_log = \"/var/log/l.hlog\"";
    let ring = with(1, "core = 1", "core = 1\nlatency_every = 64\nstages_every = 4096")
        .replacen("\"mbo\"", "\"mbo\"\n[[publication.ring]]\nschema = \"latency\"", 1)
        .replacen("[service]", log, 1);
    let plan = plan_on(&host(), &ring).expect("a plan");
    assert_eq!((plan.lanes[0].latency_every, plan.latency_log.as_deref()), (64, Some(Path::new("/var/log/l.hlog"))));
    let depths: Vec<_> = plan.lanes[0].publications[0].rings.iter().map(|ring| (ring.schema, ring.depth)).collect();
    assert_eq!(depths, [(Schema::Mbo, 1 << 20), (Schema::Latency, 1 << 16), (Schema::Mbp1, 1 << 18)]);
    let shown = plan.to_string();
    let measured = "  measured     1 datagram in 64 told in the latency ring, 1 datagram in 4096 stamped by stage";
    for said in [measured, "latency log /var/log/l.hlog: every lane's histograms, once a second"] {
        assert!(shown.lines().any(|line| line == said), "{said:?} is missing in\n{shown}");
    }
    // Stamped datagrams are samples as well.
    plan_on(&host(), &ring.replacen("latency_every = 64\n", "", 1)).expect("a plan");
}

#[test]
fn the_shipped_files_plan_on_a_host_that_has_their_interface() {
    let host = host();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut planned = Vec::new();
    for entry in std::fs::read_dir(&directory).expect("config/") {
        let path = entry.expect("an entry").path();
        let file = ConfigFile::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let plan = Plan::new(&file, &host).unwrap_or_else(|error| panic!("{error}"));
        planned.push((path.file_stem().expect("a name").to_string_lossy().into_owned(), plan));
    }
    for feed in tickwire::feed::name::FeedName::ALL {
        let (_, plan) = planned.iter().find(|(name, _)| name == feed.name()).unwrap_or_else(|| panic!("no config/{feed}.toml"));
        assert_eq!(plan.lanes[0].channels[0].config.feed, feed);
        assert_eq!(plan.lanes[0].channels[0].lines.len(), 2);
        assert_eq!(plan.lanes[0].publications[0].rings.len(), tickwire::plan::schemas_of(feed).len(), "all that {feed} tells");
    }
    assert!(planned.iter().any(|(name, _)| name == "example"));
}

#[test]
fn what_cannot_run_is_refused_with_line_key_value_reason_and_cure() {
    let line_3 = "[[channel.line]]\nname = \"C\"\ninterface = \"eth0\"\ngroup = \"239.1.1.3\"\nport = 1\n";
    let too_many: String = ["C", "D", "E"].map(|name| line_3.replace("\"C\"", &format!("\"{name}\""))).concat();
    let table: Vec<(String, &str)> = vec![
        // Nothing.
        (
            String::new(),
            "feed.toml: lane: there is no [[lane]], so nothing would run; start from config/example.toml or the one for your feed",
        ),
        (
            "[service]\n".to_owned(),
            "feed.toml: lane: there is no [[lane]], so nothing would run; start from config/example.toml or the one for your feed",
        ),
        (
            GOOD.split("[[publication]]").next().unwrap_or_default().to_owned(),
            "feed.toml: publication: there is no [[publication]], so nothing would run; start from config/example.toml or the one for your feed",
        ),
        // Names.
        (
            with(1, "\"right\"", "\"left\""),
            "feed.toml:12: lane.name: there are two lanes named `left`; the first is at feed.toml:5; rename one, or remove the copy",
        ),
        (
            with(1, "\"iex\"", "\"nasdaq\""),
            "feed.toml:30: publication.name: there are two publications named `nasdaq`; the first is at feed.toml:23; rename one, or remove the copy",
        ),
        (
            with(1, "\"tops\"", "\"totalview\""),
            "feed.toml:56: channel.name: there are two channels named `totalview`; the first is at feed.toml:40; rename one, or remove the copy",
        ),
        (
            with(1, "\"B\"", "\"A\""),
            "feed.toml:50: channel.line.name: there are two lines named `A`; the first is at feed.toml:45; rename one, or remove the copy",
        ),
        (
            with(1, "\"left\"", "\"../left\""),
            "feed.toml:5: lane.name: `../left` cannot be the name of a lane; use 1 to 31 letters, digits, `.`, `-` and `_`, not beginning with a dot",
        ),
        (
            with(1, "\"iex\"", "\"\""),
            "feed.toml:30: publication.name: `` cannot be the name of a publication; use 1 to 31 letters, digits, `.`, `-` and `_`, not beginning with a dot",
        ),
        // Cores.
        (
            with(1, "core = 2", "core = 9"),
            "feed.toml:13: lane.core: core 9 does not exist, or this process may not use it; use one of 0-3, or widen its cpuset (AllowedCPUs)",
        ),
        (
            with(1, "core = 2", "core = 1"),
            "feed.toml:13: lane.core: core 1 would carry lane `left` and lane `right`: two threads that never sleep starve each other; give each lane a core of its own; this process may use 0-3",
        ),
        // Interfaces and queues.
        (
            with(1, "\"eth0\"", "\"etho\""),
            "feed.toml:9: lane.interface.name: there is no network interface `etho`; did you mean `eth0`? (there is: lo, eth0, eth1, eth2, eth3, wifi)",
        ),
        (
            with(3, "\"eth0\"", "\"bond7\""),
            "feed.toml:51: channel.line.interface: there is no network interface `bond7`; there is: lo, eth0, eth1, eth2, eth3, wifi",
        ),
        (with(1, "\"eth0\"", "\"wifi\""), "feed.toml:9: lane.interface.name: the network interface `wifi` is down; `ip link set wifi up`"),
        (
            with(1, "\"eth0\"", "\"eth2\""),
            "feed.toml:9: lane.interface.name: `eth2` has an MTU of 3000 bytes; with headers that is more than the 1792 bytes of room in a frame of 2048; set lane.xdp.frame_bytes = 4096, or `ip link set eth2 mtu 1500`",
        ),
        (
            with(1, "\"eth0\"", "\"lo\""),
            "feed.toml:9: lane.interface.name: `lo` has an MTU of 65536 bytes; with headers that is more than the 1792 bytes of room in a frame of 2048; receive it by sockets, lane.source = \"udp\"",
        ),
        (
            with(1, "\"eth0\"", "\"eth3\""),
            "feed.toml:9: lane.interface.name: `eth3` has an MTU of 9000 bytes; with headers that is more than the 1792 bytes of room in a frame of 2048; `ip link set eth3 mtu 1500`",
        ),
        (
            with(1, "\"eth1\"", "\"eth1\"\nqueues = [0, 4]\nflows_pinned = true"),
            "feed.toml:17: lane.interface.queues: `eth1` has no receive queue 4; it has 0-3; `ethtool -l eth1` shows them",
        ),
        (
            with(1, "\"eth1\"", "\"eth1\"\nqueues = [0, 1]"),
            "feed.toml:17: lane.interface.queues: lane `right` takes 2 of the 4 receive queues of `eth1`: a datagram on another would never reach it; leave `queues` out to take all, `ethtool -L eth1 combined 2` to have no others, or pin the groups with `ethtool -N` and set flows_pinned = true",
        ),
        (
            with(1, "\"eth1\"", "\"eth1\"\nqueues = []\nflows_pinned = true"),
            "feed.toml:17: lane.interface.queues: lane `right` takes no receive queue of `eth1`; name some, or leave `queues` out for all",
        ),
        (
            with(1, "\"eth1\"", "\"eth1\"\nqueues = [0, 0]\nflows_pinned = true"),
            "feed.toml:17: lane.interface.queues: receive queue 0 of `eth1` would belong to lane `right` twice; a queue has one owner: name each once, and give each lane queues of its own",
        ),
        (
            with(1, "\"eth1\"", "\"eth0\""),
            "feed.toml:16: lane.interface.queues: receive queue 0 of `eth0` would belong to lane `left` and to lane `right`; a queue has one owner: name each once, and give each lane queues of its own",
        ),
        (
            with(2, "source = \"xdp\"", "source = \"xdp\"\nxdp = { mode = \"generic\" }").replace("name = \"eth1\"", "name = \"eth0\""),
            "feed.toml:17: lane.interface.name: `eth0` is shared with lane `left`, which has another [lane.xdp] mode: one program serves the whole interface; give [lane.xdp] mode the same value wherever `eth0` stands",
        ),
        (
            with(1, "[[lane.interface]]\nname = \"eth0\"\n", ""),
            "feed.toml:5: lane.interface: lane `left` has source = \"xdp\" but owns no receive queue; add [[lane.interface]] with the interface its lines arrive on",
        ),
        // What has no effect where it stands.
        (
            with(1, "source = \"udp\"", "source = \"udp\"\n[[lane.interface]]\nname = \"eth2\""),
            "feed.toml:22: lane.interface: lane `sockets` has source = \"udp\": sockets own no receive queues; remove [[lane.interface]], or set source = \"xdp\"; a line is joined on the interface it names itself",
        ),
        (
            with(1, "source = \"udp\"", "source = \"udp\"\n[lane.xdp]\nmode = \"native\""),
            "feed.toml:21: lane.xdp: lane `sockets` has source = \"udp\": sockets have no use for AF_XDP settings; remove [lane.xdp], or set source = \"xdp\"; a line is joined on the interface it names itself",
        ),
        (
            with(1, "source = \"xdp\"", "source = \"xdp\"\n[lane.udp]\nengine = \"recvmmsg\""),
            "feed.toml:8: lane.udp: lane `left` has source = \"xdp\": socket settings have no effect; remove [lane.udp], or set source = \"udp\"",
        ),
        (
            with(3, "port = 26400", "port = 26400\nfrom = \"192.0.2.1\""),
            "feed.toml:76: channel.line.from: line A of channel `psx` is received by UDP sockets (lane `sockets`), which take from any sender; remove `from`, or use a lane with source = \"xdp\"",
        ),
        // AF_XDP and UDP sizes.
        (
            with(1, "source = \"xdp\"", "source = \"xdp\"\nxdp = { frames = 5000 }"),
            "feed.toml:8: lane.xdp.frames: 5000 is no number of frames the kernel takes; use a power of two from 64 to 1048576; the default is 8192",
        ),
        (
            with(1, "source = \"xdp\"", "source = \"xdp\"\nxdp = { frame_bytes = 9000 }"),
            "feed.toml:8: lane.xdp.frame_bytes: 9000 is no size of a frame the kernel takes; use 2048, or 4096 for an MTU above 1500",
        ),
        (
            with(1, "source = \"udp\"", "source = \"udp\"\n[lane.udp]\nreceive_buffer_bytes = 0"),
            "feed.toml:21: lane.udp.receive_buffer_bytes: 0 is out of range; use 4096 to 1073741824",
        ),
        (
            with(1, "source = \"udp\"", "source = \"udp\"\nidle_sleep_us = 5000000"),
            "feed.toml:21: lane.idle_sleep_us: 5000000 is too long: timers and heartbeat would wait for it; use 0 (spin) to 100000",
        ),
        (
            with(1, "source = \"udp\"", "source = \"udp\"\n[lane.udp]\nengine = \"io_uring\"\nblock = true"),
            "feed.toml:23: lane.udp.block: lane `sockets` has engine = \"io_uring\", which spins; set engine = \"recvmmsg\" (or leave it out), or block = false",
        ),
        (
            with(1, "source = \"udp\"", "source = \"udp\"\nidle_sleep_us = 50\n[lane.udp]\nblock = true"),
            "feed.toml:23: lane.udp.block: lane `sockets` would wait in the kernel, which wakes it, and sleep besides, which nothing ends early; leave lane.idle_sleep_us out, or set block = false",
        ),
        // Channels and lines.
        (
            with(1, "\"nasdaq-itch\"", "\"nasdaq-ouch\""),
            "feed.toml:41: channel.feed: there is no feed `nasdaq-ouch`; did you mean `nasdaq-itch`? (there is: nasdaq-itch, bx-itch, psx-itch, iex-tops, iex-deep)",
        ),
        (
            with(2, "\"left\"", "\"lfet\""),
            "feed.toml:42: channel.lane: channel `totalview` goes to lane `lfet`, and there is no such [[lane]]; did you mean `left`? (there is: left, right, sockets)",
        ),
        (
            with(2, "\"nasdaq\"", "\"opra\""),
            "feed.toml:43: channel.publication: channel `totalview` goes to publication `opra`, and there is no such [[publication]]; there is: nasdaq, iex, psx",
        ),
        (
            format!(
                "{GOOD}{}",
                GOOD[GOOD.find("[[channel]]\nname = \"tops\"").unwrap_or(0)..GOOD.rfind("[[channel]]").unwrap_or(0)]
                    .replace("tops", "deep")
                    .replace("239.2", "239.4")
            ),
            "feed.toml:80: channel.publication: channel `deep` (iex-deep) and channel `tops` (iex-tops) go to publication `iex`, and both feeds are publisher 38 in every record; give each a publication of its own: readers could not tell their records apart",
        ),
        (
            with(3, "\"eth0\"", "\"eth1\""),
            "feed.toml:51: channel.line.interface: line B of channel `totalview` (lane `left`) arrives on `eth1`, whose receive queues lane `right` owns: the channel would land in two lanes; all lines of a channel meet in one lane: let lane `left` own `eth1`, or move the channel",
        ),
        (
            with(3, "\"eth0\"", "\"lo\""),
            "feed.toml:51: channel.line.interface: line B of channel `totalview` (lane `left`) arrives on `lo`, whose receive queues no lane owns; add [[lane.interface]] with name = \"lo\" to lane `left`",
        ),
        (
            with(1, "239.1.1.2", "10.1.1.2"),
            "feed.toml:52: channel.line.group: 10.1.1.2 is no multicast group; groups are 224.0.0.0 to 239.255.255.255; the venue's connectivity guide lists its own",
        ),
        (with(1, "26400", "0"), "feed.toml:48: channel.line.port: 0 is no port; use 1 to 65535"),
        (
            with(1, "239.1.1.2", "239.1.1.1"),
            "feed.toml:52: channel.line.group: 239.1.1.1:26400 is a line of channel `totalview` already, at feed.toml:47; lines are told apart by group and port alone: correct one, or remove the copy",
        ),
        (
            GOOD[..GOOD.rfind("[[channel.line]]").unwrap_or(0)].to_owned(),
            "feed.toml:67: channel.line: channel `psx` has 0 lines; give it 1 to 4 [[channel.line]]: the copies of one stream",
        ),
        (
            with(1, "[[channel]]\nname = \"tops\"", &format!("{too_many}[[channel]]\nname = \"tops\"")),
            "feed.toml:40: channel.line: channel `totalview` has 5 lines; give it 1 to 4 [[channel.line]]: the copies of one stream",
        ),
        (
            with(1, "publication = \"nasdaq\"", "publication = \"nasdaq\"\ngap_wait_us = 0"),
            "feed.toml:44: channel.gap_wait_us: 0 is out of range; use 1 to 60000000",
        ),
        (
            with(1, "publication = \"nasdaq\"", "publication = \"nasdaq\"\nsilence_ms = 0"),
            "feed.toml:44: channel.silence_ms: 0 is out of range; use 1 to 86400000",
        ),
        (
            with(1, "publication = \"nasdaq\"", "publication = \"nasdaq\"\nwindow_packets = 100000"),
            "feed.toml:44: channel.window_packets: 100000 is out of range; use 1 to 65536",
        ),
        (
            with(1, "publication = \"nasdaq\"", "publication = \"nasdaq\"\norders = 18446744073709"),
            "feed.toml:44: channel.orders: 18446744073709 is out of range; use 1 to 268435456",
        ),
        (
            GOOD.replace("lane = \"sockets\"", "lane = \"left\"").replace("\"lo\"", "\"eth0\""),
            "feed.toml:19: lane.name: lane `sockets` has no channel: a core would spin for nothing; remove the lane, or name it in a [[channel]]",
        ),
        // Publications and rings.
        (
            with(2, "\"psx\"", "\"psx2\"").replace("publication = \"psx\"", "publication = \"nasdaq\""),
            "feed.toml:69: channel.lane: publication `nasdaq` would be written by lane `left` (channel `totalview`) and by lane `sockets` (channel `psx2`); a publication has one writer: put both channels into one lane, or give each its own publication",
        ),
        (
            with(1, "[[channel]]", "[[publication]]\nname = \"idle\"\nring = [{ schema = \"mbo\" }]\n[[channel]]"),
            "feed.toml:40: publication.name: no channel goes to publication `idle`: it would stay empty; name it in a [[channel]], or remove it",
        ),
        (
            with(1, "\"mbo\"", "\"mpb-1\""),
            "feed.toml:25: publication.ring.schema: there is no schema `mpb-1`; did you mean `mbp-1`? (there is: mbo, mbp-1, mbp-10, trades, status, imbalance, statistics, definition, venue, ohlcv-1s, ohlcv-1m, ohlcv-1h, ohlcv-1d, vwap, signal, latency)",
        ),
        (
            with(1, "\"mbo\"", "\"mbp-1\""),
            "feed.toml:27: publication.ring.schema: publication `nasdaq` has two rings for mbp-1; remove one: any number of readers can share a ring",
        ),
        (
            with(2, "\"mbp-1\"", "\"mbo\""),
            "feed.toml:32: publication.ring.schema: mbo would stay empty: feed iex-tops of channel `tops` does not tell it; remove the ring; iex-tops tells mbp-1, trades, status, imbalance, statistics, definition, venue",
        ),
        (
            with(1, "\"mbo\"", "\"mbo\"\ndepth = 1000000"),
            "feed.toml:26: publication.ring.depth: 1000000 slots is no depth for a ring; use a power of two from 64 to 268435456; the next one is 1048576",
        ),
        (
            with(1, "\"mbo\"", "\"mbo\"\ndepth = 0"),
            "feed.toml:26: publication.ring.depth: 0 slots is no depth for a ring; use a power of two from 64 to 268435456; the next one is 64",
        ),
        (
            with(1, "[[publication.ring]]\nschema = \"trades\"", ""),
            "feed.toml:35: publication.ring: publication `psx` has no ring; add one [[publication.ring]] for each schema wanted",
        ),
        (
            with(1, "[[publication.ring]]", "instruments = 0\n[[publication.ring]]"),
            "feed.toml:24: publication.instruments: 0 is out of range; use 1 to 1048576; a US equity feed has about 12,000",
        ),
        (
            with(1, "[[publication.ring]]", "symbols = [\"AAPL\", \"MICROSOFT\"]\n[[publication.ring]]"),
            "feed.toml:24: publication.symbols: no instrument can have the symbol `MICROSOFT`; write it as the feed does: 1 to 8 printable characters, without padding",
        ),
        (
            with(1, "[[publication.ring]]", "symbols = [\"\"]\n[[publication.ring]]"),
            "feed.toml:24: publication.symbols: no instrument can have the symbol ``; write it as the feed does: 1 to 8 printable characters, without padding",
        ),
        (
            with(1, "[[publication.ring]]", "symbols = []\n[[publication.ring]]"),
            "feed.toml:24: publication.symbols: the list is empty: nothing would be published; name symbols, or leave the key out for all",
        ),
        (
            with(1, "[[publication.ring]]", "symbols = [\"SPY\", \"SPY\"]\n[[publication.ring]]"),
            "feed.toml:24: publication.symbols: `SPY` is named twice; remove one",
        ),
        (
            with(1, "\"psx\"", "\"psx.lock\"").replace("publication = \"psx\"", "publication = \"psx.lock\""),
            "feed.toml:35: publication.name: publication name \"psx.lock\": files of publications end in .lock, .gate, .image and .recorded; use 1 to 64 letters, digits, '.', '_' or '-', not starting with '.'",
        ),
        // Samples and the log.
        (
            with(1, "core = 1", "core = 1\nlatency_every = 64"),
            "feed.toml:7: lane.latency_every: lane `left` would sample latencies, and has no `latency` ring to tell them in; add [[publication.ring]] schema = \"latency\" to nasdaq, or remove latency_every (stages_every alone needs no ring)",
        ),
        (
            with(1, "\"mbo\"", "\"latency\""),
            "feed.toml:25: publication.ring.schema: latency would stay empty: lane `left`, which writes `nasdaq`, samples nothing; set latency_every = 64 (one datagram in 64) in lane `left`, or remove the ring",
        ),
        (
            with(1, "source = \"udp\"", "source = \"udp\"\nlatency_every = 1").replace("\"trades\"", "\"latency\""),
            "feed.toml:38: publication.ring.schema: publication `psx` has no other ring than latency, whose records name positions of another; add a ring with data, such as mbo or mbp-1",
        ),
        (
            with(1, "[[lane]]", "latency_log = \"\"\n[[lane]]"),
            "feed.toml:4: service.latency_log: it is empty; name a file on a disk, such as /var/log/tickwire/latency.hlog",
        ),
        (
            with(1, "[[lane]]", "latency_log = \"/dev/shm/tickwire/l.hlog\"\n[[lane]]"),
            "feed.toml:4: service.latency_log: /dev/shm/tickwire is where publications are, in memory; name a file on a disk, such as /var/log/tickwire/latency.hlog",
        ),
        (
            with(1, "\"/dev/shm/tickwire\"", "\"\""),
            "feed.toml: service.publication_dir: it is empty; name a directory on a tmpfs, such as /dev/shm/tickwire",
        ),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in &table {
        let said = plan_on(&host(), text).map_or_else(|error| error, |plan| format!("no refusal:\n{plan}"));
        println!("{said}");
        if said != *expected {
            wrong.push(format!("  said {said}\nwanted {expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn what_the_host_has_too_little_of_is_refused_with_the_numbers() {
    let few = Host { cores: vec![(1, 0), (2, 0)], ..host() };
    let expected = "feed.toml:19: lane.core: no core is left for lane `sockets`: 3 lanes, and this process may use 1-2; \
                    put several channels into one lane, or widen its cpuset (AllowedCPUs)";
    assert_eq!(plan_on(&few, GOOD).expect_err("two cores, three lanes"), expected);
    let needed: u64 = plan_on(&host(), GOOD).expect("a plan").lanes.iter().flat_map(|lane| &lane.publications).map(|p| p.bytes()).sum();
    let small = Host { shm_free_bytes: Some(64 << 20), ..host() };
    let expected = format!(
        "feed.toml: service.publication_dir: the publications need {} MiB in /dev/shm/tickwire (twice their size: a new session is a new file), \
         and 64 MiB are free; make rings or `instruments` smaller, remove files left there, or mount a larger tmpfs",
        (2 * needed).div_ceil(1 << 20)
    );
    assert_eq!(plan_on(&small, GOOD).expect_err("64 MiB"), expected);
    plan_on(&Host { shm_free_bytes: None, ..host() }, GOOD).expect("unknown room is no reason to refuse");
    let none = plan_on(&Host { interfaces: Vec::new(), ..host() }, GOOD).expect_err("no interfaces");
    assert_eq!(none, "feed.toml:9: lane.interface.name: there is no network interface `eth0`; there is none");
}

#[test]
fn two_lanes_share_an_interface_when_its_flows_are_pinned_but_never_a_destination() {
    let shared = GOOD
        .replacen("name = \"eth0\"\n", "name = \"eth1\"\nqueues = [0]\nflows_pinned = true\n", 1)
        .replacen(
            "name = \"eth1\"\n\n[[lane]]\nname = \"sockets\"",
            "name = \"eth1\"\nqueues = [1, 2]\nflows_pinned = true\n\n[[lane]]\nname = \"sockets\"",
            1,
        )
        .replace("interface = \"eth0\"", "interface = \"eth1\"");
    let plan = plan_on(&host(), &shared).expect("a plan");
    assert_eq!(plan.steered().len(), 1);
    assert_eq!(plan.steered()[0].1.len(), 3);
    let collision = shared.replace("239.2.1.1", "239.1.1.1").replace("10378", "26400");
    let error = plan_on(&host(), &collision).expect_err("one destination, two lanes, one program");
    assert!(error.contains("239.1.1.1:26400 is a line of channel `totalview` already"), "{error}");
}

/// GOOD with images of its first publication.
fn with_images(keys: &str) -> String {
    with(1, "[[publication.ring]]", &format!("[publication.image]\n{keys}\n[[publication.ring]]"))
}

#[test]
fn images_are_planned_where_the_ring_reaches_back_to_them() {
    let plan = plan_on(&host(), &with_images("")).expect("a plan");
    let [image] = plan.images.as_slice() else { panic!("{:?}", plan.images) };
    // 2^20 records; two intervals of a second, and two seconds to write and load; two images of 3,000,000 orders.
    assert_eq!((image.publication.as_str(), image.interval_ms, image.reach_records_per_s), ("nasdaq", 1_000, 262_144));
    assert_eq!(image.bytes, 2 * 3_000_000 * 56);
    let said = plan.to_string();
    assert!(said.contains("images of nasdaq: every 1000 ms, 321 MiB of room for two"), "{said}");
    assert!(said.contains("the mbo ring reaches back to the newest one at up to 262144 records a second"), "{said}");
    assert_eq!(plan_on(&host(), GOOD).expect("a plan").images, []);
}

#[test]
fn images_that_could_not_be_started_from_are_refused_with_the_numbers() {
    for (text, said) in [
        (
            with_images("interval_ms = 2000"),
            "feed.toml:24: publication.ring.depth: the mbo ring of `nasdaq` holds 1048576 records, and an image can be 6000 ms old when it is loaded (two intervals of 2000 ms, and 2000 ms to write and load it): 1200000 records at 200000 a second; set depth = 2097152, or make interval_ms shorter",
        ),
        (
            with_images("peak_records_per_s = 1000000").replacen("\"mbo\"", "\"mbo\"\ndepth = 2097152", 1),
            "feed.toml:28: publication.ring.depth: the mbo ring of `nasdaq` holds 2097152 records, and an image can be 4000 ms old when it is loaded (two intervals of 1000 ms, and 2000 ms to write and load it): 4000000 records at 1000000 a second; set depth = 4194304, or make interval_ms shorter",
        ),
        (with_images("interval_ms = 0"), "feed.toml:25: publication.image.interval_ms: 0 is out of range; use 50 to 600000"),
        (
            with_images("peak_records_per_s = 0"),
            "feed.toml:25: publication.image.peak_records_per_s: 0 is out of range; use 1 to 100000000",
        ),
        (
            with(3, "[[publication.ring]]", "[publication.image]\n[[publication.ring]]"),
            "feed.toml:31: publication.image: publication `iex` has no mbo ring, so there are no orders to make an image of; add a [[publication.ring]] with schema = \"mbo\", or remove [publication.image]",
        ),
    ] {
        assert_eq!(plan_on(&host(), &text).expect_err("refused").lines().next(), Some(said));
    }
    // Their room is room in the publications' directory.
    let bytes: u64 = {
        let plan = plan_on(&host(), GOOD).expect("a plan");
        plan.lanes.iter().flat_map(|lane| &lane.publications).map(|spec| 2 * spec.bytes()).sum()
    };
    let tight = Host { shm_free_bytes: Some(bytes + 300_000_000), ..host() };
    assert!(plan_on(&tight, GOOD).is_ok());
    let refused = plan_on(&tight, &with_images("")).expect_err("refused");
    assert!(refused.contains("two images of full books"), "{refused}");
}

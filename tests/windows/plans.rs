//! What a configuration may ask for, and what `tickwire check` says to it.

use std::path::Path;

use tickwire::config::ConfigFile;
use tickwire::plan::{Host, HostInterface, Plan};
use tickwire::windows::Counters;

const GOOD: &str = r#"
[[lane]]
name = "left"
source = "udp"
[[publication]]
name = "nasdaq"
instruments = 500
[[publication.ring]]
schema = "venue"
[[publication.ring]]
schema = "mbp-10"
[[publication]]
name = "nasdaq-windows"
of = "nasdaq"
signal_levels = 3
flow_window_ms = 250
[[publication.ring]]
schema = "ohlcv-1m"
[[publication.ring]]
schema = "vwap"
[[publication.ring]]
schema = "signal"
[[channel]]
name = "totalview"
feed = "nasdaq-itch"
lane = "left"
publication = "nasdaq"
[[channel.line]]
name = "A"
interface = "lo"
group = "239.1.1.1"
port = 26400
"#;

fn plan(text: &str) -> Result<Plan, String> {
    let lo = HostInterface { name: "lo".into(), up: true, mtu: 65_536, queues: 1, node: None };
    let host = Host { cores: vec![(0, 0), (1, 0)], interfaces: vec![lo], shm_free_bytes: Some(16 << 30) };
    let file = ConfigFile::parse(Path::new("feed.toml"), text.to_owned()).map_err(|error| error.to_string())?;
    Plan::new(&file, &host).map_err(|error| error.to_string())
}

#[test]
fn a_computed_publication_has_the_channels_and_the_room_of_its_source_and_counters_of_its_own() {
    let plan = plan(GOOD).unwrap();
    let [computed] = &plan.computed[..] else { panic!("{plan:?}") };
    assert_eq!((computed.of.as_str(), computed.signal_levels, computed.flow_window_ns), ("nasdaq", 3, 250_000_000));
    assert_eq!((computed.spec.channels[0].name.as_str(), computed.spec.instruments), ("totalview", 500));
    assert_eq!(computed.spec.counters, Counters::NAMES);
    let printed = plan.to_string();
    for part in ["2 publications", "computed from nasdaq", "nasdaq-windows: ohlcv-1m", "signals    of 3 levels, trades for 250 ms"] {
        assert!(printed.contains(part), "{part} in\n{printed}");
    }
}

#[test]
fn what_cannot_be_computed_is_refused_with_its_line_and_the_cure() {
    let without = |schema: &str| GOOD.replace(&format!("[[publication.ring]]\nschema = \"{schema}\"\n"), "");
    for (text, parts) in [
        (without("venue"), &["feed.toml", "ohlcv-1m is computed from a `venue` ring", "`nasdaq` has none", "schema = \"venue\""][..]),
        (without("mbp-10"), &["signal is computed from a `mbp-10` or `mbp-1` ring"]),
        (GOOD.replace("of = \"nasdaq\"", "of = \"nasdak\""), &["publication.of", "did you mean `nasdaq`"]),
        (GOOD.replace("of = \"nasdaq\"", "of = \"nasdaq-windows\""), &["no publication that a lane writes"]),
        (GOOD.replace("signal_levels = 3", "signal_levels = 11"), &["signal_levels", "1 to 10"]),
        (GOOD.replace("flow_window_ms = 250", "flow_window_ms = 9"), &["flow_window_ms", "10 to 3600000"]),
        (GOOD.replace("instruments = 500", "signal_levels = 3"), &["signal_levels", "computes no signals"]),
        (GOOD.replace("schema = \"vwap\"", "schema = \"trades\""), &["comes from a feed"]),
        (GOOD.replace("schema = \"vwap\"", "schema = \"latency\""), &["is what a lane measures of itself"]),
        (GOOD.replace("schema = \"mbp-10\"", "schema = \"ohlcv-1s\""), &["computed from another publication's rings"]),
        (GOOD.replace("publication = \"nasdaq\"", "publication = \"nasdaq-windows\""), &["channel.publication", "computed from another"]),
    ] {
        let refusal = plan(&text).expect_err(&text);
        for part in parts {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
    }
}

#[test]
fn signals_of_the_top_alone_are_allowed() {
    plan(&GOOD.replace("schema = \"mbp-10\"", "schema = \"mbp-1\"")).unwrap();
}

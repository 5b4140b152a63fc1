//! What a round gives: everything that was sent, joined, in order.

use tickwire::bench::{Measure, Pace};

use super::rig::{alone, config, round, session, wire};

#[test]
fn by_af_xdp_on_veth_a_session_arrives_whole_and_every_sample_is_joined() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(20_000), Pace::Rate(5_000.0), &wire);
    let Some(round) = round(&config, "xdp") else { return };
    println!("{:#?}\n{:?} {:?}\n{:?}", round.counts, round.ping_pong_ns, round.lateness, round.modes);
    println!("{:?}", round.remarks);
    for measure in Measure::ALL {
        let h = round.measures.get(*measure);
        println!(
            "{:22} {:7} {:8} {:8} {:8} {:8}",
            measure.name(),
            h.len(),
            h.value_at_quantile(0.5),
            h.value_at_quantile(0.9),
            h.value_at_quantile(0.99),
            h.max()
        );
    }
}

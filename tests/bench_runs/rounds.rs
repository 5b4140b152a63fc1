//! What a round gives: everything that was sent, joined, in the order in which it happened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tickwire::bench::handler::{Receive, Setup};
use tickwire::bench::on_wire::{OnWire, OnWireConfig, Wire};
use tickwire::bench::results::{Variant, summary};
use tickwire::bench::sender::{SenderConfig, Stall, Via};
use tickwire::bench::{Control, Measure, Pace, Round, Runner};
use tickwire::feed::name::FeedName;
use tickwire::record::Schema;
use tickwire::replay::Summary;

use super::kernel;
use super::recordings::{recorded, replayed, restarted_tops, three_sessions, two_channels};
use super::rig::{alone, config, control, loopback, round, session, wire};

/// What is published where nobody says, as far as the feed has it.
const PUBLISHED: [Schema; 4] = [Schema::Mbo, Schema::Mbp1, Schema::Trades, Schema::Status];
/// What every percentile is looked at of.
const QUANTILES: [f64; 8] = [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0];

/// Nothing lost, nothing unexplained.
fn assert_whole(config: &OnWireConfig, round: &Round) {
    let workload = &config.workload;
    let numbers: BTreeSet<u64> =
        workload.packets.iter().flat_map(|packet| packet.sequence..packet.sequence + u64::from(packet.messages)).collect();
    let counts = &round.counts;
    let shown = || format!("{counts:#?}\n{:?}\n{:?}", round.modes, round.remarks);
    assert_eq!((counts.due, counts.sent), (workload.packets.len() as u64, workload.packets.len() as u64), "{}", shown());
    assert_eq!((counts.received, counts.messages), (counts.sent, numbers.len() as u64), "{}", shown());
    assert_eq!((counts.gaps, counts.lost_messages, counts.overrun, counts.lapped), (0, 0, 0, 0), "{}", shown());
    assert_eq!(counts.dropped_by_reason, [], "{}", shown());
    assert!(counts.records > counts.messages, "{}", shown());
    assert!(counts.sampled > 0 && counts.unmatched == 0 && !counts.stopped, "{}", shown());
    let lateness = round.lateness.unwrap();
    assert_eq!(lateness.sent + counts.warm_up, counts.sent, "{}", shown());
    assert_eq!(round.measures.get(Measure::SenderLateness).len(), lateness.sent, "{}", shown());
    assert_eq!(round.intervals.iter().map(|interval| interval.datagrams).sum::<u64>(), counts.sent, "{}", shown());
    let received = round.intervals.iter().map(|interval| interval.received).sum::<u64>();
    assert!(received > 0 && received <= counts.received, "{received}: {}", shown());
}

#[test]
fn by_af_xdp_on_veth_a_session_arrives_whole_and_every_sample_is_joined() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(20_000), Pace::Rate(5_000.0), &wire);
    let Some(round) = round(&config, "xdp") else { return };
    assert_whole(&config, &round);
    let measures = &round.measures;
    // Those that were stamped are slower, and in the stages instead.
    let joined = measures.get(Measure::DueToReceived).len();
    assert_eq!(joined + measures.get(Measure::Book).len(), round.counts.sampled);
    for measure in [Measure::DueToPublished, Measure::DueToSeen, Measure::ReceivedToPublished, Measure::PublishedToSeen] {
        assert_eq!(measures.get(measure).len(), joined, "{}", measure.name());
    }
    for quantile in QUANTILES {
        let at = |measure| measures.get(measure).value_at_quantile(quantile);
        let (received, published, seen) = (at(Measure::DueToReceived), at(Measure::DueToPublished), at(Measure::DueToSeen));
        assert!(0 < received && received <= published && received <= seen, "at {quantile}: {received}, {published}, {seen} ns");
        assert!(published <= received + at(Measure::DueToPublished), "at {quantile}");
    }
    for measure in Measure::STAGES {
        assert!(!measures.get(measure).is_empty(), "{}", measure.name());
    }
    for measure in [Measure::DecodeMessage, Measure::BookMessage, Measure::PublishMessage] {
        assert!(measures.get(measure).len() > 500, "{}: {}", measure.name(), measures.get(measure).len());
    }
    let modes = round.modes.join("\n");
    for mode in ["tw-a to tw-b", "sent by", "tw-b queue 0: AF_XDP, copy mode", "native", "on a course that was given"] {
        assert!(modes.contains(mode), "{mode:?} is not in\n{modes}");
    }
    assert!(round.stamp_ns > 0.0);
}

#[test]
fn every_way_of_receiving_delivers_the_same_messages_and_says_how() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(6_000), Pace::Rate(3_000.0), &wire);
    let said = |receive| match receive {
        Receive::Xdp => "native (in the driver)",
        Receive::XdpSkb => "generic",
        Receive::UdpIoUring => "received by io_uring",
        Receive::Udp => "received by recvmmsg",
        Receive::UdpBlocking => "waiting in the kernel",
    };
    let mut counts = Vec::new();
    for &receive in Receive::ALL {
        let Some(round) = round(&config, receive.name()) else { continue };
        assert_whole(&config, &round);
        let modes = round.modes.join("\n");
        assert!(modes.contains(said(receive)), "{receive:?}:\n{modes}");
        counts.push((round.counts.messages, round.counts.records, round.counts.sampled));
    }
    counts.dedup();
    assert_eq!(counts.len(), 1, "messages, records and samples by way of receiving: {counts:?}");
}

#[test]
fn a_stalled_sender_shows_as_the_latency_of_all_that_was_due_meanwhile() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let stall = Stall { after_datagrams: 500, for_: Duration::from_millis(200) };
    let config = config(session(10_000), Pace::Rate(2_000.0), &wire);
    let config = OnWireConfig { sender: SenderConfig { stall: Some(stall), ..config.sender }, ..config };
    let Some(round) = round(&config, "udp") else { return };
    assert_whole(&config, &round);
    // 400 datagrams were due in it, half of them for more than 100 ms; half of those were copies, whose latency is the first one's.
    for (measure, count) in [(Measure::SenderLateness, 200), (Measure::DueToReceived, 90), (Measure::DueToSeen, 90)] {
        let histogram = round.measures.get(measure);
        let late = histogram.len() - histogram.count_between(0, 99_000_000);
        assert!(late >= count, "{}: {late} later than 99 ms, max {} ns", measure.name(), histogram.max());
    }
}

#[test]
fn a_warm_up_is_in_no_histogram_and_a_burst_is_due_at_once() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let pace = Pace::Bursts { datagrams: 20, every: Duration::from_millis(10) };
    let config = OnWireConfig { warm_up_ns: 500_000_000, ..config(session(8_000), pace, &wire) };
    let Some(round) = round(&config, "xdp") else { return };
    assert_whole(&config, &round);
    assert_eq!(round.counts.warm_up, 50 * 20);
    assert_eq!(round.measures.get(Measure::SenderLateness).len(), round.counts.sent - 1_000);
    assert!(round.measures.get(Measure::DueToSeen).len() < round.counts.sampled, "the warm-up's samples are left out");
}

#[test]
fn as_fast_as_it_goes_nothing_is_due_and_what_is_lost_is_counted() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(20_000), Pace::Max, &wire);
    let Some(round) = round(&config, "xdp") else { return };
    let counts = &round.counts;
    assert_eq!((counts.due, counts.sent), (config.workload.packets.len() as u64, counts.due));
    assert_eq!(counts.received + counts.dropped_by_reason.iter().map(|(_, count)| count).sum::<u64>(), counts.sent, "{counts:?}");
    assert!(round.lateness.is_none());
    for measure in [Measure::SenderLateness, Measure::DueToReceived, Measure::DueToPublished, Measure::DueToSeen] {
        assert!(round.measures.get(measure).is_empty(), "{}", measure.name());
    }
    assert!(!round.measures.get(Measure::ReceivedToPublished).is_empty() && !round.measures.get(Measure::PublishedToSeen).is_empty());
}

#[test]
fn stopped_early_it_gives_what_it_has() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let config = config(session(200_000), Pace::Rate(2_000.0), &wire);
    let mut runner = OnWire::new(config.with_setup(Setup::Receive(Receive::Udp))).unwrap();
    let done = std::cell::Cell::new(0);
    let mut progress = |at: tickwire::bench::Progress| {
        assert_eq!(at.total, config.workload.packets.len() as u64);
        assert!(at.done >= done.get());
        done.set(at.done);
    };
    let round = runner.round(&mut Control { stop: &|| done.get() > 500, progress: &mut progress }).unwrap();
    let counts = &round.counts;
    assert!(counts.stopped && counts.sent > 500 && counts.sent < counts.due, "{counts:?}");
    assert_eq!(counts.received, counts.sent, "{counts:?}");
    assert!(!round.measures.get(Measure::DueToSeen).is_empty());
    // Before anything is sent, too.
    let round = runner.round(&mut Control { stop: &|| true, progress: &mut |_| () }).unwrap();
    assert!(round.counts.stopped && round.counts.sent == 0, "{:?}", round.counts);
}

#[test]
fn over_loopback_it_needs_no_privilege_and_no_other_host() {
    let _alone = alone();
    let config = config(session(4_000), Pace::Rate(2_000.0), &loopback());
    let config = OnWireConfig { ways: vec![Via::Udp], ..config };
    let run = std::thread::spawn(move || {
        kernel::keep_only(&[]);
        let mut runner = OnWire::new(config.with_setup(Setup::Receive(Receive::UdpBlocking))).unwrap();
        (runner.round(&mut control()).unwrap(), config)
    });
    let (round, config) = run.join().unwrap();
    assert_whole(&config, &round);
    assert!(round.modes.iter().any(|mode| mode.contains("two interfaces of this host, lo to lo")), "{:?}", round.modes);
}

#[test]
fn gaps_channels_new_sessions_and_restarts_arrive_as_a_replay_of_the_same_recording_counts_them() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    let itch = FeedName::NasdaqItch;
    let recordings = [
        ("two channels", two_channels(8_000), itch, &[&[1, 2][..], &[3]][..], Pace::Rate(4_000.0)),
        ("three sessions", three_sessions(3_000), itch, &[&[1]], Pace::Recorded(1.0)),
        ("a restart", restarted_tops(), FeedName::IexTops, &[&[1]], Pace::Recorded(1.0)),
    ];
    for (what, file, feed, channels, pace) in recordings {
        let summaries: Vec<Summary> = channels.iter().map(|ports| replayed(&file.path, feed, ports)).collect();
        let expected = |of: &dyn Fn(&Summary) -> u64| summaries.iter().map(of).sum::<u64>();
        let config = config(Arc::into_inner(recorded(&file.path, feed)).unwrap(), pace, &wire);
        let Some(round) = round(&config, "udp") else { return };
        let counts = &round.counts;
        assert_eq!((counts.due, counts.received, counts.overrun), (counts.sent, counts.sent, 0), "{what}: {counts:?}");
        assert_eq!(counts.messages, expected(&|summary| summary.messages), "{what}: {counts:?}");
        assert_eq!(counts.gaps, expected(&|summary| summary.gaps), "{what}: {counts:?}");
        assert_eq!(counts.lost_messages, expected(&|summary| summary.lost_messages), "{what}: {counts:?}");
        let of_schema = |summary: &Summary, schema: Schema| summary.records_by_schema.get(schema.name()).copied().unwrap_or(0);
        let records = expected(&|summary| PUBLISHED.iter().map(|&schema| of_schema(summary, schema)).sum());
        assert_eq!(counts.records, records, "{what}: {counts:?}");
        // Joined with another session's, a datagram would be late by its length: 60 ms of the sessions, 100 ms of the restart. The new
        // session's file costs the consumer less than a fifth of that.
        let seen = round.measures.get(Measure::DueToReceived);
        assert!(seen.len() > counts.sampled / 2, "{what}: {} of {counts:?}", seen.len());
        assert!(seen.value_at_quantile(0.9) < 20_000_000, "{what}: {} ns", seen.value_at_quantile(0.9));
    }
}

#[test]
fn two_ports_of_this_host_joined_by_a_cable_are_a_wire() {
    let _alone = alone();
    kernel::in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        let wire = Arc::new(Wire::between("twa", "twb").unwrap());
        for setup in ["xdp", "udp"] {
            let config = config(session(4_000), Pace::Rate(2_000.0), &wire);
            let Some(round) = round(&config, setup) else { return };
            assert_whole(&config, &round);
            assert!(round.modes.iter().any(|mode| mode.contains("two interfaces of this host, twa to twb")), "{:?}", round.modes);
        }
    });
}

#[test]
fn by_whatever_way_it_is_sent_sockets_receive_it() {
    let _alone = alone();
    let Some(wire) = wire() else { return };
    for via in Via::ALL {
        let config = OnWireConfig { ways: vec![via], ..config(session(4_000), Pace::Rate(2_000.0), &wire) };
        let Some(round) = round(&config, "udp") else { return };
        assert_whole(&config, &round);
        assert_eq!((round.counts.not_arrived(), round.counts.untold()), (0, 0), "{via:?}");
    }
}

#[test]
fn between_two_interfaces_that_are_not_joined_everything_is_lost_and_that_is_said() {
    let _alone = alone();
    kernel::in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        let config = config(session(2_000), Pace::Rate(2_000.0), &Arc::new(Wire::between("twa", "lo").unwrap()));
        let Some(round) = round(&config, "udp") else { return };
        let counts = round.counts.clone();
        assert!(counts.nothing_came() && counts.not_arrived() == counts.sent && counts.untold() == 2_000, "{counts:?}");
        let mut variant = Variant::new("udp");
        variant.add(round);
        assert!(summary::loss(&variant).words.contains("sent, and never received"), "{}", summary::loss(&variant).words);
    });
}

//! Who runs where, on machines nobody has; and the ping-pong between two cores.

use tickwire::bench::on_wire::{Cores, GivenCores};
use tickwire::bench::pingpong::ping_pong_ns;
use tickwire::error::Error;
use tickwire::sys::affinity;
use tickwire::topology::Topology;

fn choose(machine: &str, given: GivenCores, node: Option<usize>, may_sleep: bool) -> Result<(usize, usize, Option<usize>), Error> {
    let topology = Topology::from_synthetic(machine).unwrap();
    Cores::choose(given, &topology, node, may_sleep).map(|cores| (cores.sender, cores.lane, cores.consumer))
}

fn chosen(machine: &str) -> (usize, usize, Option<usize>) {
    choose(machine, GivenCores::default(), None, false).unwrap()
}

#[test]
fn each_has_a_core_of_its_own_and_core_0_is_left_to_the_host() {
    assert_eq!(chosen("numa:1 core:4 pu:1"), (2, 3, Some(1)));
    assert_eq!(chosen("numa:1 core:3 pu:1"), (1, 2, Some(0)));
    // With two, the consumer reads while the sender waits.
    assert_eq!(chosen("numa:1 core:2 pu:1"), (0, 1, None));
}

#[test]
fn nobody_shares_a_physical_core_with_the_lane_while_there_are_others() {
    let topology = Topology::from_synthetic("numa:1 core:4 pu:2").unwrap();
    let cores = Cores::choose(GivenCores::default(), &topology, None, false).unwrap();
    let physical = |core: usize| topology.core(core).unwrap().physical;
    assert_ne!(physical(cores.sender), physical(cores.lane));
    assert_ne!(physical(cores.consumer.unwrap()), physical(cores.lane));
}

#[test]
fn the_lane_is_near_its_interface() {
    let topology = Topology::from_synthetic("numa:2 core:4 pu:1").unwrap();
    for node in [0, 1] {
        let cores = Cores::choose(GivenCores::default(), &topology, Some(node), false).unwrap();
        assert_eq!(topology.core(cores.lane).unwrap().node, node);
    }
}

#[test]
fn what_is_given_stands_and_the_rest_is_chosen_around_it() {
    let machine = "numa:1 core:4 pu:1";
    let given = |sender, lane, consumer| GivenCores { sender, lane, consumer };
    assert_eq!(choose(machine, given(None, Some(0), None), None, false).unwrap(), (3, 0, Some(2)));
    assert_eq!(choose(machine, given(Some(3), None, None), None, false).unwrap(), (3, 2, Some(1)));
    assert_eq!(choose(machine, given(None, None, Some(3)), None, false).unwrap(), (1, 2, Some(3)));
    assert_eq!(choose(machine, given(Some(1), Some(2), Some(1)), None, false).unwrap(), (1, 2, None), "on the sender's, while that waits");
}

#[test]
fn two_that_never_sleep_on_one_core_are_refused() {
    let refused = |machine, given, may_sleep| choose(machine, given, None, may_sleep).map(|_| ()).unwrap_err().to_string();
    let one = "numa:1 core:1 pu:1";
    let said = refused(one, GivenCores::default(), false);
    assert!(said.contains("core 0 for both") && said.contains("udp-blocking"), "{said}");
    assert_eq!(choose(one, GivenCores::default(), None, true).unwrap(), (0, 0, None));
    let both = GivenCores { sender: Some(1), lane: Some(1), consumer: None };
    let said = refused("numa:1 core:2 pu:1", both, false);
    assert!(said.contains("core 1 for both") && said.contains("a core of its own"), "{said}");
    let consumer = GivenCores { lane: Some(1), consumer: Some(1), ..GivenCores::default() };
    assert!(refused("numa:1 core:2 pu:1", consumer, false).contains("core 1 for the consumer"));
    let absent = GivenCores { sender: Some(7), ..GivenCores::default() };
    let said = refused("numa:1 core:2 pu:1", absent, false);
    assert!(said.contains("core 7 for the sender: this process may not use it; use one of [0, 1]"), "{said}");
}

#[test]
fn a_cache_line_goes_to_and_fro_between_two_cores_only() {
    let cores = affinity::allowed_cores();
    assert_eq!(ping_pong_ns(cores[0], cores[0]), None);
    assert_eq!(ping_pong_ns(cores[0], 4_000), None);
    assert_eq!(ping_pong_ns(4_000, cores[0]), None);
    if let [first, .., last] = cores[..] {
        // On a machine whose cores are busy it may be told that there is nothing to tell.
        let Some(ns) = (0..20).find_map(|_| ping_pong_ns(first, last)) else { return };
        assert!((1..100_000).contains(&ns), "{ns} ns");
    }
    assert_eq!(affinity::allowed_cores(), cores, "the caller is left where it was");
}

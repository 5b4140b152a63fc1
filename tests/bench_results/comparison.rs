//! Two variants of one run, held against each other round by round.

use tickwire::bench::results::{BenchResult, Variant, tell_apart};
use tickwire::bench::results::{comparison, summary};
use tickwire::bench::{Measure, Round};

use super::made_up;

/// A round in which every datagram took so long.
fn round(ns: u64, datagrams: u64) -> Round {
    let mut round = Round::default();
    round.measures.record_n(Measure::DueToSeen, ns, datagrams);
    round
}

fn variant(label: &str, rounds: impl IntoIterator<Item = Round>) -> Variant {
    let mut variant = Variant::new(label);
    rounds.into_iter().for_each(|round| variant.add(round));
    variant
}

fn result(mine: &[u64], theirs: &[u64], datagrams: u64) -> BenchResult {
    let rounds = |label, ns: &[u64]| variant(label, ns.iter().map(|&ns| round(ns, datagrams)).collect::<Vec<_>>());
    BenchResult { variants: vec![rounds("xdp", mine), rounds("udp", theirs)], ..made_up::frame() }
}

fn sentence(result: &BenchResult) -> String {
    let [sentence] = &summary::comparisons(result)[..] else { panic!("one comparison") };
    sentence.words.clone()
}

#[test]
fn a_ratio_is_the_median_of_the_rounds_with_their_lowest_and_highest() {
    let result = result(&[620, 1_320, 580, 620, 620], &[1_000, 2_000, 1_000, 1_000, 1_000], 20);
    assert_eq!(sentence(&result), "xdp: 0.62 (0.58 to 0.66) times udp's p50. Its p50 was lower in each of 5 rounds.");
    let ratio = comparison::ratios(&result.variants[0], &result.variants[1], Measure::DueToSeen)[0].unwrap();
    assert_eq!((ratio.rounds, ratio.agreed()), (5, -1));
}

#[test]
fn a_way_that_is_compared_with_itself_has_two_names() {
    let mut variants = ["xdp", "xdp", "xdp-2", "udp", "xdp"].map(Variant::new);
    tell_apart(&mut variants);
    assert_eq!(variants.map(|variant| variant.label), ["xdp", "xdp-2", "xdp-2-2", "udp", "xdp-3"]);
}

#[test]
fn each_round_is_held_against_the_round_beside_it() {
    // The machine was ten times as slow in the second round, for both: sums or medians of times would say something else.
    let result = result(&[500, 5_000], &[1_000, 10_000], 20);
    assert!(sentence(&result).starts_with("xdp: 0.50 (0.50 to 0.50) times udp's p50"), "{}", sentence(&result));
}

#[test]
fn rounds_that_do_not_agree_are_said_not_to() {
    let said = sentence(&result(&[900, 1_100, 1_000, 1_000, 1_000], &[1_000; 5], 20));
    assert_eq!(said, "xdp: 1.00 (0.90 to 1.10) times udp's p50. The 5 rounds do not agree on whose p50 is lower.");
    let said = sentence(&result(&[1_300, 1_200, 1_300, 1_200], &[1_000; 4], 20));
    assert!(said.ends_with("Its p50 was higher in each of 4 rounds."), "{said}");
    // Two agree by chance every other time.
    let said = sentence(&result(&[1_300, 1_200], &[1_000, 1_000], 20));
    assert!(said.ends_with("times udp's p50. 2 rounds say little about chance."), "{said}");
    let said = sentence(&result(&[1_300], &[1_000], 20));
    assert_eq!(said, "xdp: 1.30 times udp's p50. One round says nothing about chance.");
}

#[test]
fn what_too_few_values_tell_is_not_compared() {
    let few = sentence(&result(&[500, 500], &[1_000, 1_000], 19));
    assert_eq!(few, "xdp cannot be compared with udp: the rounds have too few values of due → seen by the consumer.");
    let mut other = result(&[500], &[1_000], 20);
    other.variants[1] = variant("udp", [Round::default()]);
    assert_eq!(sentence(&other), "xdp cannot be compared with udp: udp has no values of due → seen by the consumer.");
    // A round of one that was stopped has no partner.
    let uneven = result(&[500, 600, 700], &[1_000, 1_000], 20);
    let ratio = comparison::ratios(&uneven.variants[0], &uneven.variants[1], Measure::DueToSeen)[0].unwrap();
    assert_eq!((ratio.rounds, ratio.high), (2, 0.6));
}

#[test]
fn rounds_add_up_in_a_variant() {
    let variant = made_up::variant("xdp", 3, 1_000, 1.0);
    let rounds: Vec<Round> = (0..3).map(|nth| made_up::round(nth * 7 + 1.0_f64.to_bits(), 1_000, 1.0)).collect();
    let sum = |figure: fn(&Round) -> u64| rounds.iter().map(figure).sum::<u64>();
    assert_eq!(variant.counts.sent, sum(|round| round.counts.sent));
    assert_eq!(variant.counts.elapsed_ns, sum(|round| round.counts.elapsed_ns));
    assert_eq!(variant.measures.get(Measure::DueToSeen).len(), 3_000);
    assert_eq!(variant.lateness.unwrap().late, sum(|round| round.lateness.unwrap().late));
    assert_eq!(variant.intervals, rounds[2].intervals, "of the last round");
    assert_eq!(variant.modes, rounds[0].modes, "said once");
    for (figures, round) in variant.rounds.iter().zip(&rounds) {
        let p99 = round.measures.get(Measure::DueToPublished).value_at_quantile(0.99);
        assert_eq!(figures.get(Measure::DueToPublished, 2), Some(p99));
        assert_eq!(figures.get(Measure::DueToPublished, 3), None, "of 1,000 values one is beyond p99.9");
        assert_eq!(figures.ping_pong_ns, round.ping_pong_ns);
    }
}

//! Faults on purpose: the same for the same seed, and nothing is lost but what was to be lost.
#![cfg(feature = "service")]

use proptest::prelude::*;
use tickwire::source::fault::{Dice, Fault, Faults};
use tickwire::source::memory::{Memory, OwnedDatagram};
use tickwire::source::{LineIndex, Polled, Source};

fn stream(n: u64, lines: u16) -> Memory {
    (0..n).map(|i| ((i % u64::from(lines)) as LineIndex, 1000 + i, i.to_le_bytes().to_vec())).collect()
}

fn drain(source: &mut impl Source) -> Vec<OwnedDatagram> {
    let mut all = Vec::new();
    while source.poll(&mut |datagram| all.push(OwnedDatagram::from(datagram))).unwrap() != Polled::End {}
    all
}

fn numbers(datagrams: &[OwnedDatagram]) -> Vec<u64> {
    datagrams.iter().map(|datagram| u64::from_le_bytes(datagram.payload[..].try_into().unwrap())).collect()
}

#[test]
fn memory_lends_what_it_was_given_in_batches() {
    let mut source = stream(130, 2);
    let polls: Vec<_> = (0..4).map(|_| source.poll(&mut |_| ()).unwrap()).collect();
    assert_eq!(polls, [Polled::Delivered(64), Polled::Delivered(64), Polled::Delivered(2), Polled::End]);
    assert_eq!(numbers(&drain(&mut stream(130, 2))), (0..130).collect::<Vec<_>>());
}

#[test]
fn without_faults_nothing_changes() {
    let plain = drain(&mut stream(500, 2));
    assert_eq!(drain(&mut Fault::new(stream(500, 2), 1, &[Faults::default(); 2])), plain);
    assert_eq!(drain(&mut Fault::new(stream(500, 2), 1, &[])), plain);
}

#[test]
fn a_line_that_loses_everything_leaves_the_other_untouched() {
    let mut source = Fault::new(stream(1000, 2), 1, &[Faults { loss: 1.0, ..Faults::default() }]);
    let got = drain(&mut source);
    assert!(got.len() == 500 && got.iter().all(|datagram| datagram.line == 1));
    assert_eq!((source.injected(0).lost, source.injected(1).lost), (500, 0));
}

#[test]
fn one_seed_gives_one_stream_and_another_gives_another() {
    let faults = [Faults { loss: 0.1, duplicate: 0.1, reorder: 0.2, reorder_depth: 5 }; 2];
    let run = |seed| drain(&mut Fault::new(stream(2000, 2), seed, &faults));
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn the_dice_are_splitmix() {
    // Reference values of SplitMix64 for seed 1234567: the same bits on every machine, for ever.
    let mut dice = Dice::new(1_234_567);
    assert_eq!([dice.bits(), dice.bits(), dice.bits()], [6457827717110365317, 3203168211198807973, 9817491932198370423]);
}

proptest! {
    #[test]
    fn faults_are_counted_bounded_and_nothing_else_is_lost(
        seed: u64, n in 0_u64..2000, loss in 0.0..0.5, duplicate in 0.0..0.5, reorder in 0.0..0.5, reorder_depth in 0_u32..20,
    ) {
        let mut source = Fault::new(stream(n, 1), seed, &[Faults { loss, duplicate, reorder, reorder_depth }]);
        let got = drain(&mut source);
        let done = source.injected(0);
        let mut distinct = numbers(&got);
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len() as u64, n - done.lost);
        prop_assert_eq!(got.len() as u64, n - done.lost + done.duplicated);
        prop_assert!(got.is_sorted_by_key(|datagram| datagram.recv_ns), "time never runs backwards");
        let depth = u64::from(reorder_depth.max(1));
        for (number, datagram) in numbers(&got).into_iter().zip(&got) {
            prop_assert!(datagram.recv_ns - 1000 - number <= depth);
        }
        if n > 500 {
            let near = |count: u64, p: f64, of: u64| (count as f64 - p * of as f64).abs() < 6.0 * (of as f64).sqrt();
            prop_assert!(near(done.lost, loss, n) && near(done.duplicated, duplicate, n - done.lost) && near(done.reordered, reorder, n - done.lost));
        }
    }
}

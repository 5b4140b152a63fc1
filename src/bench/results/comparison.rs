//! Two variants of one run, held against each other: ratios of rounds that ran one after the other.
//!
//! A host's mood changes by the second and both variants of a round share it, so what is divided is each round's own figures; the
//! median of the rounds' quotients is the answer, and their lowest and highest say how far to trust it.

use super::percentile::PERCENTILES;
use super::{BenchResult, RoundFigures, Variant};
use crate::bench::Measure;

/// Rounds from which on it is worth saying that all agree: two agree by chance every other time, four one time in eight.
pub const FEWEST_ROUNDS: usize = 4;

/// How one variant's times compare with another's: below 1 they are shorter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Median of the rounds' ratios.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// Rounds in which both could be told.
    pub rounds: usize,
}

impl Ratio {
    /// Of the rounds' ratios, if there are any.
    pub fn of(mut ratios: Vec<f64>) -> Option<Self> {
        ratios.sort_by(f64::total_cmp);
        let (&low, &high) = (ratios.first()?, ratios.last()?);
        let rounds = ratios.len();
        let (before, after) = (*ratios.get((rounds - 1) / 2)?, *ratios.get(rounds / 2)?);
        Some(Self { median: (before + after) / 2.0, low, high, rounds })
    }

    /// Whether all rounds say the same: -1 shorter, 1 longer, 0 they do not agree.
    pub fn agreed(&self) -> i8 {
        i8::from(self.low > 1.0) - i8::from(self.high < 1.0)
    }
}

/// What is compared: the headline first, then how it is made up.
pub fn measures(result: &BenchResult) -> Vec<Measure> {
    let mut measures = vec![result.headline];
    measures.extend([Measure::DueToPublished, Measure::DueToReceived].into_iter().filter(|&measure| measure != result.headline));
    measures
}

/// A percentile (by its place in [`PERCENTILES`]) of `measured` divided by that of `other`, round by round; rounds in which one of them
/// has too few values are left out.
pub fn round_ratios(measured: &Variant, other: &Variant, measure: Measure, nth: usize) -> Vec<f64> {
    let ratio = |(mine, theirs): (&RoundFigures, &RoundFigures)| {
        let (mine, theirs) = (mine.get(measure, nth)?, theirs.get(measure, nth)?);
        (theirs > 0).then(|| mine as f64 / theirs as f64)
    };
    measured.rounds.iter().zip(&other.rounds).filter_map(ratio).collect()
}

/// The ratios of a measure, in the order of [`PERCENTILES`].
pub fn ratios(measured: &Variant, other: &Variant, measure: Measure) -> [Option<Ratio>; PERCENTILES.len()] {
    std::array::from_fn(|nth| Ratio::of(round_ratios(measured, other, measure, nth)))
}

/// What was measured, with each that it is compared with.
pub fn pairs(result: &BenchResult) -> impl Iterator<Item = (&Variant, &Variant)> {
    let measured = result.variants.first();
    result.variants.iter().skip(1).filter_map(move |other| Some((measured?, other)))
}

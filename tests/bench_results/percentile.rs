//! Percentiles: their names, and how many values they take.

use tickwire::bench::measure::histogram;
use tickwire::bench::results::percentile::{PERCENTILES, Percentile};

#[test]
fn a_percentile_is_told_from_ten_values_beyond_it_on() {
    for (name, fewest) in [("p50", 20), ("p90", 100), ("p99", 1_000), ("p99.9", 10_000), ("p99.99", 100_000), ("max", 1), ("p75", 40)] {
        let percentile: Percentile = name.parse().unwrap();
        assert!(percentile.told_by(fewest) && !percentile.told_by(fewest - 1), "{name} takes {fewest} values");
        assert_eq!(percentile.values_wanted(), fewest, "{name}");
    }
}

#[test]
fn a_percentile_is_the_value_that_so_many_are_not_above() {
    // A model without a histogram: sorted values, counted off.
    let mut numbers = super::made_up::Numbers(3);
    let mut values: Vec<u64> = (0..200_000).map(|_| 1 + (numbers.next() % 1_000).pow(2) * (numbers.next() % 50)).collect();
    let mut histogram = histogram();
    values.iter().for_each(|&ns| histogram.saturating_record(ns));
    values.sort_unstable();
    for percentile in PERCENTILES {
        let exact = values[((values.len() as f64 * percentile.quantile()).ceil() as usize).clamp(1, values.len()) - 1];
        let told = percentile.of(&histogram).unwrap();
        assert!(told >= exact && told as f64 <= exact as f64 * 1.002, "{percentile}: {told}, exactly {exact}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for name in ["p50", "p90", "p99", "p99.9", "p99.99", "max", "p5", "p0.01", "p99.9999", "p12.5"] {
        assert_eq!(
            name.parse::<Percentile>().unwrap().to_string(),
            if name == "p5" { "p05" } else { name }.replace("p0.01", "p00.01"),
            "{name}"
        );
    }
    for wrong in
        ["", "p", "p0", "p100", "p99.99999", "99", "P99", "p-5", "p1e1", "p99.", "p.9", "p+5", "mean", "p00000", "pp", "p99,9", "p５"]
    {
        let refused = wrong.parse::<Percentile>().unwrap_err();
        assert!(refused.contains(&format!("`{wrong}` is no percentile")), "{refused}");
    }
}

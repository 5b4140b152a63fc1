//! Axes: where they begin and end, and what is written at them.
//!
//! All values on an axis are finite and where they are drawn: what is logarithmic is so before it comes here.

/// One axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// What it shows, with the unit.
    pub name: String,
    /// Where it begins.
    pub from: f64,
    /// Where it ends; beyond `from`.
    pub to: f64,
    /// Where something is written, and what.
    pub ticks: Vec<(f64, String)>,
    /// Lines in between.
    pub light: Vec<f64>,
}

impl Axis {
    /// A value brought into its range; its beginning for what is no number.
    pub(super) fn within(&self, value: f64) -> f64 {
        if value.is_nan() { self.from } else { value.clamp(self.from, self.to) }
    }

    /// Times on a logarithmic scale; they are drawn at [`log_time`].
    pub(super) fn log_times(name: &str, times_ns: impl IntoIterator<Item = u64>) -> Self {
        let (low, high) = bounds(times_ns.into_iter().map(log_time)).unwrap_or((2.0, 4.0));
        // At least a decade, or a curve that is flat would look like a mountain.
        let (middle, half) = ((low + high) / 2.0, ((high - low) / 2.0).max(0.5) * 1.06);
        let (from, to) = (middle - half, middle + half);
        let decades = (from.floor() as i32)..=(to.ceil() as i32);
        let inside = |value: &f64| (from..=to).contains(value);
        let wanted: &[f64] = if to - from < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let at = |digits: &[f64]| -> Vec<f64> {
            decades.clone().flat_map(|decade| digits.iter().map(move |digit| f64::from(decade) + digit.log10())).filter(inside).collect()
        };
        let ticks = at(wanted).into_iter().map(|log| (log, tick_time(10_f64.powf(log)))).collect();
        Self { name: name.to_owned(), from, to, ticks, light: at(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]) }
    }

    /// Percentiles by their number of nines, for so many values; they are drawn at [`nines`].
    pub(super) fn percentiles(values: u64) -> Self {
        let greatest = (values.max(4) as f64).log10();
        let to = greatest * 1.03;
        let mut ticks = vec![(0.0, "0 %".to_owned()), (nines(0.5), "50 %".to_owned()), (1.0, "90 %".to_owned()), (2.0, "99 %".to_owned())];
        ticks.extend((3..=12).map(|nines| (f64::from(nines), format!("99.{} %", "9".repeat(nines as usize - 2)))));
        // The greatest of n values has as many nines as n has zeros; what would stand too near is left to it.
        ticks.retain(|&(at, _)| at <= greatest * 0.93);
        ticks.push((greatest, "max".to_owned()));
        let light = vec![nines(0.25), nines(0.75), nines(0.95), nines(0.995), nines(0.9995), nines(0.999_95)];
        let name = "percentile: each 9 more is a tenth of the values".to_owned();
        Self { name, from: 0.0, to, ticks, light: light.into_iter().filter(|&at| at <= greatest * 0.93).collect() }
    }

    /// From nought to the greatest, on a plain scale.
    pub(super) fn from_nought(name: &str, greatest: f64, words: impl Fn(f64) -> String) -> Self {
        Self::plain(name, 0.0, if greatest.is_finite() && greatest > 0.0 { greatest * 1.06 } else { 1.0 }, words)
    }

    /// A plain scale.
    pub(super) fn plain(name: &str, from: f64, to: f64, words: impl Fn(f64) -> String) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        let rough = (to - from) / 5.0;
        let size = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * size).find(|&step| step >= rough).unwrap_or(rough);
        let first = (from / step).ceil() as i64;
        let ticks = (0..12).map(|nth| (first + nth) as f64 * step).filter(|&at| at <= to + step * 1e-6);
        Self { name: name.to_owned(), from, to, ticks: ticks.map(|at| (at, words(at))).collect(), light: Vec::new() }
    }

    /// Ratios on a logarithmic scale with 1 on it; they are drawn at their decimal logarithm.
    pub(super) fn ratios(name: &str, ratios: impl IntoIterator<Item = f64>) -> Self {
        let logs = ratios.into_iter().filter(|&ratio| ratio > 0.0 && ratio.is_finite()).map(f64::log10);
        let (low, high) = bounds(logs.chain([0.0])).unwrap_or((0.0, 0.0));
        let room = ((high - low) * 0.08).max(0.03);
        let (from, to) = (low - room, high + room);
        let nearest = [0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2];
        let close = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.7, 2.0, 2.5];
        let apart = [0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0];
        let far = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0];
        let furthest = [1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e6];
        let wanted: &[f64] = match to - from {
            span if span < 0.15 => &nearest,
            span if span < 0.5 => &close,
            span if span < 1.2 => &apart,
            span if span < 4.0 => &far,
            _ => &furthest,
        };
        let inside = wanted.iter().filter(|ratio| (from..=to).contains(&ratio.log10()));
        Self { name: name.to_owned(), from, to, ticks: inside.map(|ratio| (ratio.log10(), ratio.to_string())).collect(), light: Vec::new() }
    }

    /// One place for each name, at 0, 1, 2…
    pub(super) fn places(name: &str, names: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<(f64, String)> = names.into_iter().enumerate().map(|(nth, name)| (nth as f64, name)).collect();
        Self { name: name.to_owned(), from: -0.5, to: ticks.len().max(1) as f64 - 0.5, ticks, light: Vec::new() }
    }
}

/// Where a time stands on a logarithmic axis.
pub(super) fn log_time(ns: u64) -> f64 {
    (ns.max(1) as f64).log10()
}

/// Where a quantile stands on an axis of percentiles: how many nines it has.
pub(super) fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).max(1e-18).log10()
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

/// A round time.
fn tick_time(ns: f64) -> String {
    let ns = ns.round() as u64;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        _ => format!("{} s", ns / 1_000_000_000),
    }
}

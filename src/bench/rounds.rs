//! Interleaved rounds: A B, B A, A B, … so that what changes on the machine meanwhile happens to all of them alike.

use super::results::Variant;
use super::{Control, Runner};
use crate::error::Error;

/// Runs every runner so many times, in turn. `next` is told which runner's round of which number (both from 0) begins. Stopped early, it
/// gives what there is: variants may have a round less than others, or none.
///
/// # Errors
/// Those of the first round that fails.
pub fn compare(
    runners: &mut [Box<dyn Runner + '_>],
    rounds: u32,
    control: &mut Control<'_>,
    next: &mut dyn FnMut(u32, &str),
) -> Result<Vec<Variant>, Error> {
    let mut variants: Vec<Variant> = runners.iter().map(|runner| Variant::new(runner.label())).collect();
    for round in 0..rounds {
        let forth = 0..runners.len();
        // Whoever goes first finds caches and cores as the others left them: not always the same one.
        let order: Vec<usize> = if round % 2 == 0 { forth.collect() } else { forth.rev().collect() };
        for nth in order {
            if (control.stop)() {
                return Ok(variants);
            }
            let (Some(runner), Some(variant)) = (runners.get_mut(nth), variants.get_mut(nth)) else { continue };
            next(round, runner.label());
            let done = runner.round(control)?;
            // One that was stopped before anything was sent has no figures, and would count as a round of zeros.
            if done.counts.sent == 0 && done.counts.stopped {
                variant.counts.stopped = true;
                return Ok(variants);
            }
            variant.add(done);
        }
    }
    Ok(variants)
}

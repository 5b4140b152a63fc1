//! Interleaved rounds: A B, B A, A B, … so that what changes on the machine meanwhile happens to all of them alike.

use super::news::News;
use super::results::Variant;
use super::{Control, Runner};
use crate::error::{Error, Exit};

/// What the rounds gave.
#[derive(Debug)]
pub struct Compared {
    /// One for each runner. Where it ended early variants may have a round less than others, or none.
    pub variants: Vec<Variant>,
    /// Why a round failed, which ended it; the rounds before it are whole.
    pub failed: Option<Error>,
}

/// Runs every runner so many times, in turn. `tell` is told of each round's beginning and end. Stopped early, or
/// where a round fails, it gives what there is.
///
/// # Errors
/// Those of a round that fails before any was finished: there is nothing to give.
pub fn compare(
    runners: &mut [Box<dyn Runner + '_>],
    rounds: u32,
    control: &mut Control<'_>,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Compared, Error> {
    let mut variants: Vec<Variant> = runners.iter().map(|runner| Variant::new(runner.label())).collect();
    for round in 0..rounds {
        let forth = 0..runners.len();
        // Whoever goes first finds caches and cores as the others left them: not always the same one.
        let order: Vec<usize> = if round % 2 == 0 { forth.collect() } else { forth.rev().collect() };
        for (turn, nth) in order.into_iter().enumerate() {
            if (control.stop)() {
                return Ok(Compared { variants, failed: None });
            }
            let (Some(runner), Some(variant)) = (runners.get_mut(nth), variants.get_mut(nth)) else { continue };
            tell(News::Begins(round, runner.label()));
            let done = match runner.round(control) {
                Ok(done) => done,
                Err(error) if round == 0 && turn == 0 => return Err(error),
                // What was measured may have taken hours.
                Err(error) => {
                    // One that has worked is no refusal any more.
                    let exit = if variant.rounds.is_empty() { error.exit } else { Exit::Failed };
                    let what = format!("round {} of {rounds}, {}", round + 1, error.what);
                    return Ok(Compared { variants, failed: Some(Error { exit, what, ..error }) });
                }
            };
            // One that was stopped before anything was sent has no figures, and would count as a round of zeros.
            if done.counts.sent == 0 && done.counts.stopped {
                variant.counts.stopped = true;
                variant.remarks.extend(done.remarks);
                return Ok(Compared { variants, failed: None });
            }
            tell(News::Ended(round, runner.label(), &done));
            variant.add(done);
        }
    }
    Ok(Compared { variants, failed: None })
}

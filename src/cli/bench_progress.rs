//! How a benchmark's work is shown: a bar over the whole run where somebody looks, else a line for each round, so that a log shows that it
//! lives. How long it will take is said before it begins, either way.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::progress::{self, Of};
use super::say;
use crate::bench::news::{News, Plan};
use crate::bench::results::readable::{count_of, grouped, time};
use crate::bench::{Counts, Measure, Progress, Round};

/// On two cores every look costs the sender some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What takes longer may be more than was meant.
const LONG: Duration = Duration::from_secs(3_600);
/// What a round takes besides its schedule, until one has been seen: a handler comes up.
const COME_UP: Duration = Duration::from_secs(1);

/// What is shown of a run.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    looked: Option<Instant>,
    is_terminal: bool,
    plan: Option<Plan>,
    /// Rounds of all variants that have ended, and how long they took.
    ended: u32,
    took: Duration,
    /// The round that is on: what it is called, since when.
    now: Option<(String, Instant)>,
}

impl Shown {
    pub(super) fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { bar: None, looked: None, is_terminal, plan: None, ended: 0, took: Duration::ZERO, now: None }
    }

    /// Takes in what the run tells.
    pub(super) fn tell(&mut self, news: News<'_>) {
        match news {
            News::Reads(at) => self.reads(at),
            News::Plan(plan) => {
                self.clear();
                self.plan = Some(*plan);
                say(&format!("bench: {}", outlook(plan)));
            }
            News::Begins(round, label) => {
                let rounds = self.plan.map_or(1, |plan| plan.rounds);
                self.now = Some((format!("{label}, round {} of {rounds}", round + 1), Instant::now()));
                self.looked = None;
                self.at(Progress::default());
            }
            News::At(at) => self.at(at),
            News::Ended(_, _, round) => {
                let Some((what, began)) = self.now.take() else { return };
                let took = began.elapsed();
                (self.ended, self.took) = (self.ended + 1, self.took + took);
                if !self.is_terminal {
                    say(&format!("bench: {what}: {}", line(round, took)));
                }
            }
        }
    }

    /// Whether it is time to show something again.
    fn is_time(&mut self) -> bool {
        let due = self.looked.is_none_or(|looked| looked.elapsed() > LOOK_EVERY);
        if due {
            self.looked = Some(Instant::now());
        }
        due
    }

    fn reads(&mut self, at: Progress) {
        if !self.is_terminal || at.total == 0 || !self.is_time() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| progress::bar(at.total, Of::Things, "reading"));
        bar.set_position(at.done);
    }

    fn at(&mut self, at: Progress) {
        if !self.is_terminal || !self.is_time() {
            return;
        }
        let (Some(plan), Some((what, began))) = (self.plan, &self.now) else { return };
        let left = self.left(&plan, began.elapsed());
        // One bar from the first round to the last, in datagrams.
        let bar = self.bar.get_or_insert_with(|| progress::bar(plan.turns() * plan.datagrams, Of::Whole, ""));
        let left = left.map_or_else(String::new, |left| format!(", about {} left", about(left)));
        bar.set_message(format!("{what}{left}"));
        bar.set_position(u64::from(self.ended) * plan.datagrams + at.done);
    }

    /// How long the rest takes, by the rounds there were, else by the schedule; `None`: nobody knows.
    fn left(&self, plan: &Plan, in_this: Duration) -> Option<Duration> {
        let each = if self.ended > 0 { self.took / self.ended } else { plan.schedule?.saturating_add(COME_UP) };
        let behind = u32::try_from(plan.turns()).unwrap_or(u32::MAX).saturating_sub(self.ended + 1);
        Some(each.saturating_sub(in_this) + each.saturating_mul(behind))
    }

    /// Takes the bar away.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// How long it lasts, and what to do where that is longer than one would think.
fn outlook(plan: &Plan) -> String {
    let Plan { rounds, variants, .. } = *plan;
    let turns = match (rounds, variants) {
        (1, 1) => String::new(),
        (rounds, 1) => format!("{rounds} rounds"),
        (rounds, variants) => format!("{} × {variants} variants", count_of(u64::from(rounds), "round")),
    };
    let Some(schedule) = plan.schedule else {
        let turns = if turns.is_empty() { "one round".to_owned() } else { turns };
        return format!("{turns} of {}, as fast as it goes", count_of(plan.datagrams, "datagram"));
    };
    let all = (schedule.saturating_add(COME_UP)).saturating_mul(u32::try_from(plan.turns()).unwrap_or(u32::MAX));
    let mut said = format!("one round lasts {}", long(schedule));
    if !turns.is_empty() {
        said += &format!("; {turns}: about {}", about(all));
    }
    if all > LONG {
        said += "; --recorded-s or --limit takes less of it, --pace goes through it more quickly";
    }
    said
}

/// What a round gave, in a line.
fn line(round: &Round, took: Duration) -> String {
    let Counts { sent, due, .. } = round.counts;
    let sent = if sent == due { count_of(sent, "datagram") } else { format!("{} of {}", grouped(sent), count_of(due, "datagram")) };
    let measures = [Measure::DueToSeen, Measure::DueToPublished, Measure::ReceivedToPublished];
    let measured = measures.into_iter().find(|&measure| !round.measures.get(measure).is_empty());
    let p50 = measured.map_or_else(
        || "nothing was measured".to_owned(),
        |measure| format!("{} p50 {}", measure.title(), time(round.measures.get(measure).value_at_quantile(0.5))),
    );
    format!("{p50}, {sent}, took {}", long(took))
}

/// A span that nobody knows to the millisecond.
fn about(span: Duration) -> String {
    let seconds = span.as_millis().div_ceil(1_000);
    if seconds < 10 { format!("{seconds} s") } else { long(span) }
}

/// A span as people say it: its two largest units.
fn long(span: Duration) -> String {
    if span < Duration::from_secs(10) {
        return time(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
    }
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{} {hours} h", count_of(days, "day")),
    }
}

//! Random trades, breaks, late trades, gaps and sessions, looked at at random moments: always what the model says, byte for byte.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use tickwire::record::{Control, Sink, Venue, control};

use crate::model::Model;
use crate::rig::{Rig, SECOND_NS, Shape, TEN_NS, control_of, trade, trade_break};

/// What happens at the venue.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A trade so much later than what was before.
    Trade {
        row: u32,
        after_ns: u64,
        price: i64,
        size: u32,
    },
    /// A trade so much earlier.
    Late {
        row: u32,
        before_ns: u64,
        price: i64,
        size: u32,
    },
    /// The trade that many trades ago is broken.
    Break {
        ago: usize,
    },
    /// A match number that never was.
    BreakUnknown {
        row: u32,
    },
    /// Messages without records for that long.
    Quiet {
        after_ns: u64,
    },
    Gap {
        recovered: bool,
    },
    /// Opened, and closed only later, if ever.
    GapOpens,
    Restart,
    SessionEnd,
    /// Of another channel, or of no interest.
    Other,
}

/// What is in the ring, with the watermark behind it.
enum Told {
    Record(u32, Venue),
    Control(Control),
    Nothing,
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    // Mostly within a second, often into the next, now and then into another hour or day.
    let after = prop_oneof![
        6 => 0..SECOND_NS / 2,
        3 => 0..3 * SECOND_NS,
        1 => 0..100 * SECOND_NS,
        1 => (0..30_u64).prop_map(|hours| hours * 3_600 * SECOND_NS + 17),
        1 => Just(SECOND_NS),
    ];
    let price = -3_i64..200;
    let step = prop_oneof![
        20 => (0..5_u32, after.clone(), price.clone(), 1..500_u32)
            .prop_map(|(row, after_ns, price, size)| Step::Trade { row, after_ns, price, size }),
        4 => (0..5_u32, 0..5 * SECOND_NS, price, 1..500_u32)
            .prop_map(|(row, before_ns, price, size)| Step::Late { row, before_ns, price, size }),
        6 => (0..20_usize).prop_map(|ago| Step::Break { ago }),
        1 => (0..5_u32).prop_map(|row| Step::BreakUnknown { row }),
        4 => after.prop_map(|after_ns| Step::Quiet { after_ns }),
        2 => any::<bool>().prop_map(|recovered| Step::Gap { recovered }),
        1 => Just(Step::GapOpens),
        1 => Just(Step::Restart),
        1 => Just(Step::SessionEnd),
        1 => Just(Step::Other),
    ];
    prop::collection::vec(step, 1..most)
}

/// The ring of a venue that does these steps; each with the watermark behind it.
fn told(steps: &[Step]) -> Vec<(Told, u64)> {
    let mut now = TEN_NS;
    let mut ran_back_from = 0;
    let mut trades: Vec<(u32, u64)> = Vec::new();
    let mut all = Vec::new();
    for (&step, reference) in steps.iter().zip(1_000..) {
        let mut traded = |row, at, price, size| {
            trades.push((row, reference));
            Told::Record(row, trade(row, at, reference, price, size))
        };
        let what = match step {
            Step::Trade { row, after_ns, price, size } => {
                now += after_ns;
                vec![traded(row, now, price, size)]
            }
            Step::Late { row, before_ns, price, size } => {
                let late = traded(row, now - before_ns, price, size);
                // As the lane does it.
                if (now - before_ns) / SECOND_NS < now / SECOND_NS && ran_back_from != now {
                    ran_back_from = now;
                    vec![Told::Control(control_of(0, control::TIME_RAN_BACK, control::cause::NONE, now)), late]
                } else {
                    vec![late]
                }
            }
            Step::Break { ago } => match trades.iter().rev().nth(ago) {
                Some(&(row, reference)) => vec![Told::Record(row, trade_break(row, now, reference))],
                None => vec![],
            },
            Step::BreakUnknown { row } => vec![Told::Record(row, trade_break(row, now, 7))],
            Step::Quiet { after_ns } => {
                now += after_ns;
                vec![Told::Nothing]
            }
            Step::Gap { recovered } => {
                let cause = if recovered { control::cause::RECOVERED } else { control::cause::LOST };
                let opens = control_of(0, control::GAP_OPEN, control::cause::TIMED_OUT, now);
                vec![Told::Control(opens), Told::Control(control_of(0, control::GAP_CLOSED, cause, now))]
            }
            Step::GapOpens => vec![Told::Control(control_of(0, control::GAP_OPEN, control::cause::HEARTBEAT, now))],
            Step::Restart => vec![Told::Control(control_of(0, control::SESSION_START, control::cause::RESTART, now))],
            Step::SessionEnd => vec![Told::Control(control_of(0, control::SESSION_END, control::cause::NONE, now))],
            Step::Other => vec![Told::Control(control_of(0, control::BOOK_GOOD, control::cause::NONE, now))],
        };
        all.extend(what.into_iter().map(|told| (told, now)));
    }
    all
}

fn expected(all: &[(Told, u64)], remembered: usize) -> Model {
    let mut model = Model::default();
    model.remembered = remembered;
    for (told, _) in all {
        match told {
            Told::Record(row, record) => model.record(*row, record),
            Told::Control(record) => model.control(record),
            Told::Nothing => {}
        }
    }
    model.end();
    model
}

/// Runs it, looking wherever `look` says so.
fn check(all: &[(Told, u64)], remembered: usize, mut look: impl FnMut(usize) -> bool) -> Result<(), TestCaseError> {
    let model = expected(all, remembered);
    let mut rig = Rig::of(&Shape { remembered_trades: remembered, ..Shape::default() });
    for (at, (told, watermark)) in all.iter().enumerate() {
        match told {
            Told::Record(row, record) => rig.publish(*row, record),
            Told::Control(record) => rig.source().control(record),
            Told::Nothing => {}
        }
        rig.watermark(0, *watermark);
        if look(at) {
            rig.look();
        }
    }
    let (rings, counters) = rig.end();
    prop_assert_eq!(&rings.seconds, &model.rings.seconds);
    prop_assert_eq!(&rings.minutes, &model.rings.minutes);
    prop_assert_eq!(&rings.hours, &model.rings.hours);
    prop_assert_eq!(&rings.days, &model.rings.days);
    prop_assert_eq!(&rings.vwap, &model.rings.vwap);
    prop_assert_eq!([counters.late_1s, counters.late_1m, counters.late_1h, counters.late_1d], model.late);
    prop_assert_eq!((counters.break_unknown, counters.break_late), (model.break_unknown, model.break_late));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn bars_and_vwap_are_the_models_however_often_somebody_looked(steps in steps(120), looks in prop::collection::vec(any::<bool>(), 400)) {
        let all = told(&steps);
        check(&all, 1 << 16, |at| looks[at % looks.len()])?;
        check(&all, 1 << 16, |_| false)?;
    }

    #[test]
    fn breaks_of_trades_that_are_remembered_are_exact_and_the_others_unknown(steps in steps(120), remembered in 1..30_usize) {
        let all = told(&steps);
        check(&all, remembered, |at| at % 7 == 3)?;
    }
}

#[test]
fn looking_after_every_message_changes_nothing() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..5 {
        let steps = steps(400).new_tree(&mut runner).unwrap().current();
        check(&told(&steps), 1 << 16, |_| true).unwrap();
    }
}

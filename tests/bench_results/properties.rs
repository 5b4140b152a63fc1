//! Any result at all can be shown, written and judged: nothing panics, pages are well-formed, lines fit, JSON comes back.

use proptest::collection::vec;
use proptest::prelude::*;
use tickwire::bench::host::{HostCheck, HostFacts};
use tickwire::bench::results::baseline::{self, Baseline};
use tickwire::bench::results::{BenchResult, Variant};
use tickwire::bench::results::{hgrm, hlog, json};
use tickwire::bench::{Counts, Interval, Lateness, Measure, Round};

use super::page::{page, parse};
use super::table::table;

/// Words as they come: empty, long, with markup, controls, other scripts.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z0-9 ./:-]{0,40}", "\\PC{0,60}", any::<String>(), "[<>&\"'\u{0}-\u{1f}]{0,9}", "x{200,400}"]
}

/// Numbers with the edges more often than chance would.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), 0..100_000_u64, any::<u64>(), Just(u64::MAX), Just(i64::MAX as u64), (0..64_u32).prop_map(|bit| 1 << bit)]
}

fn measure() -> impl Strategy<Value = Measure> {
    proptest::sample::select(Measure::ALL)
}

fn counts() -> impl Strategy<Value = Counts> {
    let numbers = vec(number(), 17);
    (numbers, vec((words(), number()), 0..4), any::<bool>()).prop_map(|(n, dropped_by_reason, stopped)| Counts {
        elapsed_ns: n[0],
        end_late_ns: n[1],
        due: n[2],
        sent: n[3],
        warm_up: n[4],
        received: n[5],
        messages: n[6],
        records: n[7],
        lost_messages: n[8],
        gaps: n[9],
        overrun: n[10],
        dropped_by_reason,
        sampled: n[11],
        unmatched: n[12],
        lapped: n[13],
        distinct_messages: n[14],
        unseen: n[15],
        unfollowed: n[16],
        stopped,
    })
}

fn interval() -> impl Strategy<Value = Interval> {
    vec(number(), 10).prop_map(|n| Interval {
        start_ns: n[0],
        length_ns: n[1],
        count: n[2],
        p50_ns: n[3],
        p99_ns: n[4],
        max_ns: n[5],
        datagrams: n[6],
        messages: n[7],
        gaps: n[8],
        received: n[9],
    })
}

fn round() -> impl Strategy<Value = Round> {
    let values = vec((measure(), number(), prop_oneof![1..5_u64, 1..200_000_u64, Just(1 << 50)]), 0..12);
    let lateness = proptest::option::of((number(), number(), number()));
    let stamp = prop_oneof![Just(0.0), Just(11.25), any::<f64>()];
    let intervals = prop_oneof![4 => vec(interval(), 0..6), 1 => vec(interval(), 700..900)];
    let rest = (vec(number(), 0..4), number(), vec(words(), 0..3), stamp);
    (values, counts(), intervals, lateness, rest).prop_map(
        |(values, counts, intervals, lateness, (ping_pong_ns, warm_up_ns, modes, stamp_ns))| {
            let mut round = Round { counts, intervals, ping_pong_ns, warm_up_ns, modes, stamp_ns, ..Round::default() };
            values.into_iter().for_each(|(measure, ns, count)| round.measures.record_n(measure, ns, count));
            round.lateness = lateness.map(|(limit_ns, sent, late)| Lateness { limit_ns, sent, late });
            round
        },
    )
}

fn variant() -> impl Strategy<Value = Variant> {
    (words(), vec(round(), 0..4)).prop_map(|(label, rounds)| {
        let mut variant = Variant::new(label);
        rounds.into_iter().for_each(|round| variant.add(round));
        variant
    })
}

fn result() -> impl Strategy<Value = BenchResult> {
    let check = (vec(words(), 4), proptest::option::of(any::<bool>()));
    let numbers = (number(), number(), number(), any::<u32>(), any::<bool>());
    (vec(variant(), 0..4), vec(words(), 13), vec(check, 0..3), numbers, measure(), vec(words(), 0..3)).prop_map(
        |(variants, words, checks, (began_ns, datagrams, messages, rounds, stopped), headline, remarks)| {
            let word = |nth: usize| words[nth].clone();
            let checks = checks.into_iter().map(|(words, good)| {
                let [name, found, why, cure] = <[String; 4]>::try_from(words).expect("four");
                HostCheck { name, found, good, why, cure }
            });
            BenchResult {
                command: word(0),
                version: word(1),
                began_ns,
                workload: word(2),
                datagrams,
                messages,
                pace: word(3),
                way: word(4),
                settings: word(12),
                rounds,
                headline,
                host: HostFacts {
                    cpu: word(5),
                    kernel: word(6),
                    numa: word(7),
                    clock: word(8),
                    governor: word(9),
                    isolation: word(10),
                    cores: word(11),
                },
                checks: checks.collect(),
                variants,
                stopped,
                remarks,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_result_can_be_shown_and_written(result in result()) {
        let shown = table(&result);
        prop_assert!(shown.lines().all(|line| line.chars().count() <= 110), "{}", shown);
        prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));

        let (tags, _) = parse(&page(&result));
        prop_assert!(tags.iter().any(|tag| tag == "section id=\"run\""));
        prop_assert!(!tags.iter().any(|tag| tag.contains("NaN") || tag.contains("inf\"")), "a coordinate that is no number");

        let mut text = Vec::new();
        json::write(&result, &mut text).unwrap();
        let read = json::read(&text).unwrap_or_else(|error| panic!("{error}"));
        let mut again = Vec::new();
        json::write(&read, &mut again).unwrap();
        prop_assert_eq!(String::from_utf8(text).unwrap(), String::from_utf8(again).unwrap());
        for (mine, theirs) in result.variants.iter().zip(&read.variants) {
            prop_assert_eq!(&mine.measures, &theirs.measures);
            prop_assert_eq!(&mine.counts, &theirs.counts);
        }

        let mut log = Vec::new();
        hlog::write(&result, &mut log).unwrap();
        for (variant, measure, _) in hlog::named(&result) {
            hgrm::write(variant.measures.get(measure), &mut log).unwrap();
        }

        let verdict = baseline::judge(&result, Some(Baseline { name: "earlier.json", result: &read }), &[]).unwrap();
        let mut out = Vec::new();
        verdict.write(&mut out).unwrap();
        prop_assert!(verdict.outcome().is_ok());
    }
}

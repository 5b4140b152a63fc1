//! A run held against an earlier one.

use tickwire::bench::Measure;
use tickwire::bench::results::baseline::{self, Baseline, Verdict};
use tickwire::bench::results::condition::Condition;
use tickwire::bench::results::{BenchResult, Variant};
use tickwire::error::{Error, Exit};

use super::made_up;

/// A run of one variant in which so many datagrams took so long each.
fn run(label: &str, ns: u64, datagrams: u64) -> BenchResult {
    let mut variant = Variant::new(label);
    let mut round = tickwire::bench::Round::default();
    round.measures.record_n(Measure::DueToSeen, ns, datagrams);
    round.measures.record_n(Measure::DueToPublished, ns / 2, datagrams);
    variant.add(round);
    BenchResult { variants: vec![variant], ..made_up::frame() }
}

fn judge(now: &BenchResult, then: &BenchResult, conditions: &[&str]) -> Result<Verdict, Error> {
    let conditions: Vec<Condition> = conditions.iter().map(|condition| condition.parse().unwrap()).collect();
    baseline::judge(now, Some(Baseline { name: "base.json", result: then }), &conditions)
}

fn shown(verdict: &Verdict) -> String {
    let mut out = Vec::new();
    verdict.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_exceeds_is_told_with_its_figures_and_ends_as_different() {
    let (now, then) = (run("xdp", 1_310, 1_000), run("xdp", 1_000, 1_000));
    let verdict = judge(&now, &then, &["p99>1.2x", "p50>1.4x", "due-to-published.p50>600ns"]).unwrap();
    let error = verdict.outcome().unwrap_err();
    assert_eq!(error.exit, Exit::Differs);
    let expected = "slower than allowed: p99 of due → seen by the consumer is 1,310 ns, 1.31 times the baseline's 1,000 ns (--fail-if \
                    'p99>1.2x'); p50 of due → published is 655 ns, 1.09 times 600 ns (--fail-if 'due-to-published.p50>600ns')";
    assert_eq!(error.to_string(), expected);
    let shown = shown(&verdict);
    assert!(shown.contains("EXCEEDED   p99>1.2x: ") && shown.contains("kept       p50>1.4x: "), "{shown}");
}

#[test]
fn what_is_exactly_at_its_limit_is_kept() {
    let (now, then) = (run("xdp", 1_200, 1_000), run("xdp", 1_000, 1_000));
    assert!(judge(&now, &then, &["p99>1.2x", "p99>1200ns", "max>1.2x"]).unwrap().outcome().is_ok());
    assert!(judge(&now, &then, &["p99>1199ns"]).unwrap().outcome().is_err());
    assert!(judge(&run("xdp", 1_201, 1_000), &then, &["p99>1.2x"]).unwrap().outcome().is_err());
}

#[test]
fn a_time_needs_no_baseline_and_a_factor_does() {
    let now = run("xdp", 1_200, 1_000);
    let conditions = |text: &str| [text.parse::<Condition>().unwrap()];
    assert!(baseline::judge(&now, None, &conditions("p99>2us")).unwrap().outcome().is_ok());
    assert_eq!(baseline::judge(&now, None, &conditions("p99>1us")).unwrap().outcome().unwrap_err().exit, Exit::Differs);
    let refused = baseline::judge(&now, None, &conditions("p99>1.5x")).unwrap_err();
    assert_eq!(refused.exit, Exit::Usage);
    assert!(refused.to_string().contains("a factor is of a baseline, and there is none; name one with --baseline"), "{refused}");
    assert_eq!(baseline::check(&conditions("p99>1.5x"), false).unwrap_err(), refused, "and that is known before the run");
}

#[test]
fn the_variant_of_the_same_name_is_compared_and_else_the_first_with_a_warning() {
    let mut then = run("udp", 500, 1_000);
    then.variants.extend(run("xdp", 2_000, 1_000).variants);
    let verdict = judge(&run("xdp", 1_000, 1_000), &then, &["p50>0.5x"]).unwrap();
    assert!(verdict.outcome().is_ok() && verdict.warnings.is_empty(), "half of xdp's 2,000 ns: {verdict:?}");
    let verdict = judge(&run("new", 1_000, 1_000), &then, &["p50>0.5x"]).unwrap();
    assert!(verdict.outcome().is_err(), "twice udp's 500 ns");
    assert_eq!(verdict.warnings, ["the baseline has no `new`: its `udp` stands for it"]);
}

#[test]
fn only_like_is_compared_with_like() {
    type Change = fn(&mut BenchResult);
    let cases: [(Change, &str); 6] = [
        (|result| result.workload = "other.pcap".into(), "another workload: now `nasdaq-2019-12-30.pcap.gz`, then `other.pcap`"),
        (
            |result| result.pace = "at the recorded times".into(),
            "another pace: now `100000 datagrams a second`, then `at the recorded times`",
        ),
        (|result| result.way = "in process".into(), "another way: now `on the wire, veth0 to veth1`, then `in process`"),
        (|result| result.messages = 7, "another workload: now 0 datagrams, 0 messages, then 0 datagrams, 7 messages"),
        (|result| result.stopped = true, "the baseline was stopped before its end"),
        (|result| result.host.cpu = "something else".into(), ""),
    ];
    for (change, says) in cases {
        let (now, mut then) = (run("xdp", 1_000, 1_000), run("xdp", 1_000, 1_000));
        change(&mut then);
        let warned = judge(&now, &then, &["p99>1ms"]).unwrap();
        if says.is_empty() {
            assert!(warned.warnings[0].starts_with("another machine: AMD EPYC 9354, 2 cores, and then something else"), "{warned:?}");
            assert!(judge(&now, &then, &["p99>1.2x"]).is_ok(), "a warning is all it is");
            continue;
        }
        assert_eq!(warned.warnings, [says], "without a factor it is a warning");
        let refused = judge(&now, &then, &["p99>1.2x"]).unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
        assert!(refused.to_string().contains(&format!("base.json cannot be compared with: {says}")), "{refused}");
    }
    let mut stopped = run("xdp", 1_000, 1_000);
    stopped.stopped = true;
    let refused = judge(&stopped, &run("xdp", 1_000, 1_000), &["p99>1.2x"]).unwrap_err();
    assert!(refused.to_string().contains("this run was stopped before its end"), "{refused}");
}

#[test]
fn chance_is_not_judged() {
    let (few, many) = (run("xdp", 9_000, 999), run("xdp", 1_000, 1_000));
    let refused = judge(&few, &many, &["p99>1.2x"]).unwrap_err();
    let why = "--fail-if 'p99>1.2x': this run has 999 values of due → seen by the consumer, and p99 takes 1,000 to be told from chance; run \
               longer, or ask for a lower percentile";
    assert_eq!((refused.exit, refused.to_string().as_str()), (Exit::Failed, why));
    let refused = judge(&many, &few, &["p99>1.2x"]).unwrap_err().to_string();
    assert!(refused.contains("base.json has 999 values"), "{refused}");
    let refused = judge(&many, &many, &["decode.p50>1.2x"]).unwrap_err().to_string();
    assert!(refused.contains("this run has no values of decode; leave it out"), "{refused}");
    assert!(judge(&few, &many, &["p90>10x"]).unwrap().outcome().is_ok());
}

#[test]
fn a_run_that_measured_nothing_is_not_fast() {
    let nothing = made_up::frame();
    let refused = judge(&nothing, &run("xdp", 1_000, 1_000), &["p99>1us"]).unwrap_err();
    assert!(refused.to_string().contains("nothing was measured"), "{refused}");
    let refused = judge(&run("xdp", 1_000, 1_000), &nothing, &["p99>1.2x"]).unwrap_err();
    assert!(refused.to_string().contains("the baseline measured nothing"), "{refused}");
    assert!(judge(&nothing, &nothing, &[]).unwrap().outcome().is_ok());
}

#[test]
fn both_runs_figures_and_their_quotient_are_shown() {
    let (now, then) = (run("xdp", 1_310, 100_000), run("xdp", 1_000, 1_000));
    let shown = shown(&judge(&now, &then, &[]).unwrap());
    let words: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(shown.contains("Against the baseline: xdp now, and xdp of 2026-11-20 13:29:05 UTC (base.json, tickwire 0.1.0)"), "{shown}");
    let expected = "now 1,310 ns 1,310 ns 1,310 ns 1,310 ns 1,310 ns 1,310 ns";
    assert!(words.iter().any(|line| line.join(" ").ends_with(expected)), "{shown}");
    assert!(words.contains(&"then 1,000 ns 1,000 ns 1,000 ns - - 1,000 ns".split(' ').collect()), "{shown}");
    assert!(words.contains(&"now / then 1.31 1.31 1.31 - - 1.31".split(' ').collect()), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 110), "{shown}");
}

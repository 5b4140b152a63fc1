//! What was lost stands first, and no figure of the rest is believed.

use tickwire::bench::Measure;
use tickwire::bench::results::baseline::{self, Baseline};
use tickwire::bench::results::condition::Condition;
use tickwire::bench::results::{BenchResult, summary};
use tickwire::error::{Error, Exit};

use super::made_up;
use super::page::{page, parse};
use super::table::table;

fn first(result: &BenchResult) -> String {
    let verdict = summary::verdict(result);
    assert!(table(result).starts_with(&verdict.words[..40]), "the table begins with it");
    assert!(parse(&page(result)).1.contains(&verdict.words.replace('\'', "&#39;")), "and the page has it");
    verdict.words
}

fn judged(result: &BenchResult, conditions: &[&str]) -> Result<(), Error> {
    let conditions: Vec<Condition> = conditions.iter().map(|condition| condition.parse().unwrap()).collect();
    baseline::judge(result, None, &conditions)?.outcome()
}

/// Of 24,000 datagrams so many never arrived.
fn not_arrived(lost: u64) -> BenchResult {
    let mut result = made_up::single();
    result.variants[0].counts.received -= lost;
    result
}

/// Of 6,000 samples and those besides, so many were not seen.
fn unseen(lost: u64) -> BenchResult {
    let mut result = made_up::single();
    let counts = &mut result.variants[0].counts;
    (counts.unmatched, counts.unseen, counts.lapped) = (lost, lost, 10 * lost);
    result
}

#[test]
fn datagrams_that_never_arrived_stand_first() {
    let said = first(&not_arrived(2_088));
    let begins =
        "Never arrived: 2,088 of 24,000 datagrams (8.70 %). Latencies are of the others. xdp: due → seen by the consumer: half within";
    assert!(said.starts_with(begins), "{said}");
    let mut both = made_up::whole();
    (both.variants[0].counts.received, both.variants[1].counts.received) = (479_999, 0);
    let said = first(&both);
    assert!(said.starts_with("Never arrived: 1 of xdp's 480,000 datagrams (less than 0.001 %), 480,000 of udp's 480,000"), "{said}");
    assert!(!first(&made_up::whole()).contains("Never arrived"));
}

#[test]
fn a_headline_of_which_samples_were_lost_gives_way_and_says_why() {
    let said = first(&unseen(1_543));
    let begins = "Not seen by the consumer: 1,543 of 7,543 sampled datagrams (20.5 %); due → published stands first, since due → seen is of the \
                  others alone. xdp: due → published: half within";
    assert!(said.starts_with(begins), "{said}");
    // A tenth of what is beyond p99 moves p99 by less than the next percentile is away.
    let said = first(&unseen(6));
    assert!(said.starts_with("The consumer was too slow for 60 records of xdp. xdp: due → seen by the consumer: half within"), "{said}");
    assert!(first(&unseen(7)).starts_with("Not seen by the consumer: 7 of 6,007"));
}

#[test]
fn a_sender_that_fell_behind_is_said_behind_what_was_lost() {
    let said = first(&made_up::with_losses());
    assert!(said.starts_with("Never arrived: 4 of xdp's 480,000 datagrams (less than 0.001 %), 4,121 of udp's"), "{said}");
    assert!(said.contains("The sender fell behind: udp"), "{said}");
}

#[test]
fn a_percentile_of_which_too_much_was_lost_is_not_judged() {
    let refused = |result: &BenchResult, condition: &str| {
        let error = judged(result, &[condition]).expect_err(condition);
        assert_eq!(error.exit, Exit::Failed, "as where there are too few values");
        error.to_string()
    };
    let said = refused(&unseen(1_543), "p50>1s");
    let expected = "--fail-if 'p50>1s': this run lost 1,543 of 7,543 samples (20.5 %) of due → seen by the consumer, and p50 is told of the others \
                    alone; mend the loss";
    assert!(said.starts_with(expected), "{said}");
    // What ends before the consumer is whole.
    judged(&unseen(1_543), &["due-to-published.p99>1s"]).unwrap();
    let said = refused(&not_arrived(2_088), "p50>1s");
    assert!(said.contains("this run lost 2,088 of its 24,000 datagrams (8.70 %), and p50 is told of the others alone"), "{said}");
    // At most a tenth of what is beyond: 5 % at p50, 0.1 % at p99, and nothing at the maximum.
    judged(&not_arrived(1_200), &["p50>1s", "sender-lateness.p99>1s"]).unwrap();
    judged(&not_arrived(24), &["p99>1s"]).unwrap();
    refused(&not_arrived(25), "p99>1s");
    refused(&not_arrived(1), "max>1s");
    // And of a baseline no more.
    let whole = made_up::single();
    let lossy = unseen(1_543);
    let baseline = Some(Baseline { name: "base.json", result: &lossy });
    let refused = baseline::judge(&whole, baseline, &["p99>1.2x".parse().unwrap()]).unwrap_err().to_string();
    assert!(refused.contains("base.json lost 1,543 of 7,543 samples"), "{refused}");
}

#[test]
fn loss_is_a_condition_of_its_own() {
    let error = judged(&not_arrived(3), &["lost>0"]).unwrap_err();
    assert_eq!(error.exit, Exit::Differs);
    let expected = "more lost than allowed: 3 of 24,000 datagrams never arrived (0.013 %), and none may be (--fail-if 'lost>0')";
    assert_eq!(error.to_string(), expected);
    judged(&not_arrived(0), &["lost>0"]).unwrap();
    judged(&not_arrived(24), &["lost>24", "lost>0.1%"]).unwrap();
    assert!(judged(&not_arrived(25), &["lost>24"]).is_err() && judged(&not_arrived(25), &["lost>0.1%"]).is_err());
}

#[test]
fn what_came_and_was_not_used_is_not_lost() {
    let mut result = made_up::single();
    result.variants[0].counts.dropped_by_reason = vec![("unknown_instrument".into(), 7_000)];
    judged(&result, &["lost>0"]).unwrap();
    let shown = table(&result);
    assert!(shown.contains("  lost        nothing\n  dropped     7,000 drops (unknown_instrument)\n"), "{shown}");
    // Nor do such drops stand for datagrams that never came.
    result.variants[0].counts.received -= 500;
    assert!(first(&result).starts_with("Never arrived: 500 of 24,000"));
    // Of a run that was stopped only what went can be lost.
    let counts = &mut result.variants[0].counts;
    (counts.sent, counts.received, counts.stopped) = (9_000, 9_000, true);
    judged(&result, &["lost>0"]).unwrap();
}

#[test]
fn what_is_compared_says_what_each_lost() {
    let mut result = made_up::whole();
    result.variants[1].counts.received -= 480;
    result.variants[1].counts.unseen = 12;
    let note = "udp lost 480 of its 480,000 datagrams (0.10 %), and 12 of its 120,012 samples (0.010 %) on the way to the consumer: its \
                latencies are of the others";
    let shown = table(&result);
    let summary = shown.split_once("\nSummary: ").unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(summary.contains(note) && !summary.contains("xdp lost"), "{shown}");
    let earlier = BenchResult { variants: vec![result.variants[1].clone()], ..made_up::frame() };
    let now = BenchResult { variants: vec![result.variants[0].clone()], ..made_up::frame() };
    let warned = baseline::judge(&now, Some(Baseline { name: "base.json", result: &earlier }), &[]).unwrap().warnings;
    assert!(warned.contains(&note.replace("udp lost", "the baseline lost")), "{warned:?}");
    let warned = baseline::judge(&earlier, Some(Baseline { name: "base.json", result: &now }), &[]).unwrap().warnings;
    assert!(warned.contains(&note.replace("udp lost", "this run lost")), "{warned:?}");
}

#[test]
fn a_result_from_before_samples_were_told_apart_counts_all_of_them_as_unseen() {
    let mut file: serde_json::Value = serde_json::from_str(&super::json::written(&unseen(1_543))).unwrap();
    for key in ["unseen", "unfollowed"] {
        file["variants"][0]["counts"].as_object_mut().unwrap().remove(key).unwrap();
    }
    file["variants"][0].as_object_mut().unwrap().remove("intervals_of").unwrap();
    for interval in file["variants"][0]["intervals"].as_array_mut().unwrap() {
        interval.as_object_mut().unwrap().remove("received").unwrap();
    }
    let read = tickwire::bench::results::json::read(&serde_json::to_vec(&file).unwrap()).unwrap();
    assert_eq!(read.variants[0].counts.unseen, 1_543);
    assert_eq!(read.headline, Measure::DueToSeen, "as it was written");
    assert!(first(&read).contains("xdp: due → published: half within"), "and yet not believed");
}

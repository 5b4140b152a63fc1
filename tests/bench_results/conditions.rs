//! `--fail-if`: its grammar, accepted and refused.

use tickwire::bench::Measure;
use tickwire::bench::results::condition::{Allowed, Asked, Condition, Limit};

#[test]
fn conditions_are_read_as_they_are_meant() {
    use Measure::{DueToPublished, SenderLateness};
    let cases = [
        ("p99>1.2x", None, "p99", Limit::Times(1.2)),
        ("p99 > 1.2x", None, "p99", Limit::Times(1.2)),
        (" p99.9>2x ", None, "p99.9", Limit::Times(2.0)),
        ("p50>50us", None, "p50", Limit::Ns(50_000)),
        ("p50>50 µs", None, "p50", Limit::Ns(50_000)),
        ("p50>0.5us", None, "p50", Limit::Ns(500)),
        ("p50>750ns", None, "p50", Limit::Ns(750)),
        ("max>2ms", None, "max", Limit::Ns(2_000_000)),
        ("max>3600s", None, "max", Limit::Ns(3_600_000_000_000)),
        ("p99.95>0.9x", None, "p99.95", Limit::Times(0.9)),
        ("due-to-published.p99>1.5x", Some(DueToPublished), "p99", Limit::Times(1.5)),
        ("due-to-published.p99.9>10us", Some(DueToPublished), "p99.9", Limit::Ns(10_000)),
        ("sender-lateness.max > 1ms", Some(SenderLateness), "max", Limit::Ns(1_000_000)),
    ];
    for (text, measure, percentile, limit) in cases {
        let condition: Condition = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = Asked::Time { measure, percentile: percentile.parse().unwrap(), limit };
        assert_eq!(condition.asked, expected, "{text}");
        assert_eq!(condition.to_string(), text.trim());
    }
}

#[test]
fn what_may_be_lost_is_datagrams_or_a_share_of_them() {
    let cases = [
        ("lost>0", Allowed::Datagrams(0)),
        ("lost > 1000", Allowed::Datagrams(1_000)),
        ("lost>0.1%", Allowed::Percent(0.1)),
        ("lost>1 %", Allowed::Percent(1.0)),
    ];
    for (text, allowed) in cases {
        assert_eq!(text.parse::<Condition>().unwrap().asked, Asked::Lost(allowed), "{text}");
    }
    for text in ["lost>", "lost>-1", "lost>1.5", "lost>1.2x", "lost>5us", "lost>100%", "lost>nan%", "lost>+1", "lost>%"] {
        let refused = text.parse::<Condition>().expect_err(text);
        assert!(refused.contains("say lost>0 or lost>0.1%"), "{refused}");
    }
}

#[test]
fn what_is_no_condition_is_refused_with_what_would_be() {
    let cases = [
        ("", "is no condition; say p99>1.2x"),
        ("p99", "is no condition"),
        ("p99<1.2x", "only `>` can be asked for"),
        ("p99>=1.2x", "only `>` can be asked for"),
        ("p99>>1.2x", "only `>` can be asked for"),
        ("p99=1.2x", "only `>` can be asked for"),
        ("p99>1.2", "`1.2` is neither a factor nor a time"),
        ("p99>x", "neither a factor nor a time"),
        ("p99>-1x", "neither"),
        ("p99>0x", "neither"),
        ("p99>infx", "neither"),
        ("p99>nanx", "neither"),
        ("p99>1e3x", "neither"),
        ("p99>0ns", "neither"),
        ("p99>2h", "neither"),
        ("p99>3601s", "neither"),
        ("p99>10%", "neither"),
        ("p101>1x", "`p101` is no percentile"),
        ("p0>1x", "no percentile"),
        ("mean>1x", "`mean` is no percentile"),
        ("99>1x", "no percentile"),
        ("due-to-published>1x", "which percentile of due-to-published?"),
        ("due-to-published.mean>1x", "`mean` is no percentile"),
        ("due-to-publish.p99>1x", "`due-to-publish` is no measure; did you mean `due-to-published`?"),
        ("latency.p99>1x", "`latency` is no measure; there is: sender-lateness, due-to-received"),
        (".p99>1x", "`` is no measure"),
        ("p99.p99>1x", "no percentile"),
    ];
    for (text, says) in cases {
        let refused = text.parse::<Condition>().expect_err(text);
        assert!(refused.contains(says), "{text:?}: {says:?} is missing in {refused}");
        assert_eq!(refused.lines().count(), 1);
    }
}

//! A result as JSON, and back.

use serde_json::Value;
use tickwire::bench::Measure;
use tickwire::bench::results::BenchResult;
use tickwire::bench::results::json;

use super::made_up;

pub fn written(result: &BenchResult) -> String {
    let mut out = Vec::new();
    json::write(result, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_read_back_is_equal_to_what_was_written() {
    let all = [
        made_up::whole(),
        made_up::with_losses(),
        made_up::single(),
        made_up::scanty(),
        made_up::stopped(),
        made_up::hostile(),
        made_up::frame(),
    ];
    for result in all {
        let mut result = result;
        // To a thousandth: what JSON keeps of rates.
        for figures in result.variants.iter_mut().flat_map(|variant| &mut variant.rounds) {
            for rate in [&mut figures.datagrams_per_s, &mut figures.messages_per_s] {
                *rate = (*rate * 1e3).round() / 1e3;
            }
        }
        let text = written(&result);
        let read = json::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read, result);
        assert_eq!(written(&read), text, "and written again it is the same text");
    }
}

#[test]
fn whoever_has_no_histograms_finds_the_figures_with_their_units() {
    let result = made_up::single();
    let file: Value = serde_json::from_str(&written(&result)).unwrap();
    assert_eq!(file["format"], "tickwire-bench/1");
    assert_eq!(file["began_utc"], "2026-11-20 13:29:05 UTC");
    let measure = &file["variants"][0]["measures"]["due-to-seen"];
    let histogram = result.variants[0].measures.get(Measure::DueToSeen);
    assert_eq!(measure["count"], 6_000);
    assert_eq!(measure["of"], "datagram");
    assert_eq!(measure["p50_ns"], histogram.value_at_quantile(0.5));
    assert_eq!(measure["p99_ns"], histogram.value_at_quantile(0.99));
    assert_eq!(measure["p99.9_ns"], Value::Null, "six values are beyond it");
    assert_eq!(measure["max_ns"], histogram.max());
    assert_eq!(measure["min_ns"], histogram.min());
    assert!((measure["mean_ns"].as_f64().unwrap() - histogram.mean()).abs() < 0.001);
    assert!((measure["stdev_ns"].as_f64().unwrap() - histogram.stdev()).abs() < 0.001);
    // What every implementation's compressed form begins with.
    assert!(measure["histogram"].as_str().unwrap().starts_with("HISTFAA"), "{measure}");
    // Numbers of anything say what they are of.
    fn units(value: &Value, path: &str) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| units(value, key)),
            Value::Array(all) => all.iter().for_each(|value| units(value, path)),
            Value::Number(_) => {
                let counts = [
                    "count",
                    "datagrams",
                    "messages",
                    "rounds",
                    "sent",
                    "late",
                    "due",
                    "warm_up",
                    "received",
                    "distinct_messages",
                    "records",
                    "lost_messages",
                    "gaps",
                    "overrun",
                    "sampled",
                    "unmatched",
                    "unseen",
                    "unfollowed",
                    "lapped",
                    "ratio",
                    "ratio_low",
                    "ratio_high",
                    "ns",
                ];
                assert!(path.ends_with("_ns") || path.ends_with("_per_s") || counts.contains(&path), "{path} has no unit");
            }
            _ => {}
        }
    }
    units(&file, "");
}

#[test]
fn comparisons_stand_in_the_file() {
    let file: Value = serde_json::from_str(&written(&made_up::whole())).unwrap();
    let first = &file["comparisons"][0];
    assert_eq!((first["measured"].as_str(), first["other"].as_str()), (Some("xdp"), Some("udp")));
    assert_eq!((first["measure"].as_str(), first["percentile"].as_str()), (Some("due-to-seen"), Some("p50")));
    let [low, ratio, high] = ["ratio_low", "ratio", "ratio_high"].map(|key| first[key].as_f64().unwrap());
    assert!(low <= ratio && ratio <= high && (0.5..1.0).contains(&ratio), "{first}");
}

//! Histograms as lines of an HdrHistogram interval log, and what is no such log.
#![cfg(feature = "service")]

use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use proptest::prelude::*;
use tickwire::lane::interval_log::{FIRST_LINE, header, lines, read};
use tickwire::lane::latency::{Timing, latency_and_stages};
use tickwire::lane::stages::StageTimes;

const BEGAN_NS: u64 = 1_700_000_000_000_000_000;

/// One interval of a second and a half, a second after the beginning.
fn log(values: &[u64]) -> Vec<u8> {
    let (mut recorder, mut reader) = latency_and_stages();
    recorder.begin(BEGAN_NS + 1_000_000_000);
    for &ns in values {
        recorder.record(ns, 1);
        recorder.record_stages(&StageTimes([ns; 5]));
    }
    recorder.hand_over(BEGAN_NS + 2_500_000_000);
    let told = reader.take_with(|recorded| lines("lane.1", recorded, BEGAN_NS, &mut V2DeflateSerializer::new()).unwrap());
    [header(BEGAN_NS).unwrap(), told.unwrap()].concat()
}

proptest! {
    #[test]
    fn what_is_logged_is_read_as_it_was(values in prop::collection::vec(1..10_000_000_000_u64, 1..50)) {
        let log = log(&values);
        prop_assert!(log.starts_with(FIRST_LINE.as_bytes()));
        let read = read(&log).unwrap();
        let timings: Vec<_> = read.iter().map(|line| line.timing).collect();
        prop_assert_eq!(timings, &Timing::ALL[..6], "of messages nothing was recorded");
        let mut expected = tickwire::lane::latency::histogram();
        values.iter().for_each(|&ns| expected.record(ns).unwrap());
        for line in read {
            prop_assert_eq!((line.lane.as_str(), line.from_ns, line.length), ("lane.1", BEGAN_NS + 1_000_000_000, Duration::from_millis(1_500)));
            prop_assert_eq!(line.histogram, expected.clone());
        }
    }

    #[test]
    fn a_log_that_was_cut_or_changed_is_told_from_a_whole_one_or_read_as_far_as_it_goes(
        values in prop::collection::vec(1..1_000_000_u64, 1..20), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut log = log(&values);
        let at = at.index(log.len());
        if cut { log.truncate(at) } else { log[at] = with }
        // Never a panic; a value that differs can only be one that was changed.
        let _ = read(&log);
    }
}

#[test]
fn what_is_no_log_of_ours_is_said_to_be_none() {
    let histogram = String::from_utf8(log(&[5])).unwrap().lines().last().unwrap().rsplit(',').next().unwrap().to_owned();
    for (text, said) in [
        ("nonsense\n".to_owned(), "its interval 1 is no line of a histogram log"),
        (format!("Tag=other,0.000,1.000,5.000,{histogram}\n"), "its interval 1 has the tag `other`, which is no LANE.TIMING of ours"),
        (format!("0.000,1.000,5.000,{histogram}\n"), "its interval 1 has the tag ``, which is no LANE.TIMING of ours"),
        ("Tag=l.book,0.000,1.000,5.000,HIST=A\n".to_owned(), "its interval 1 has no histogram in base64"),
        (format!("Tag=l.book,0.000,1.000,5.000,{histogram}\nTag=l.bo"), "its interval 2 is no line of a histogram log"),
    ] {
        assert_eq!(read(text.as_bytes()).unwrap_err(), said);
    }
    assert!(read(b"Tag=l.book,0.000,1.000,5.000,AAAA\n").is_err());
    assert_eq!(read(FIRST_LINE.as_bytes()).unwrap().len(), 0);
}

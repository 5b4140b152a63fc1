//! What the kernel does not take is offered again for a while, then counted: never lost in silence, never waited for without end.

use std::time::{Duration, Instant};

use tickwire::bench::Pace;
use tickwire::bench::sender::SenderConfig;

use crate::rig::{Answer, at, send, taken};

fn patient(patience: Duration) -> SenderConfig {
    SenderConfig { patience, ..SenderConfig::default() }
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn what_was_not_taken_is_offered_again_from_there() {
    let answers = [3, 0, 1, 0, 0, 4].map(Answer::Takes);
    let (sent, seen, _) = send(&at([0; 20]), Pace::Max, patient(LONG), 8, |sink| sink.answering(answers));
    let sent = sent.unwrap();
    assert_eq!((sent.sent, sent.refused, sent.first_refusal), (20, 0, None));
    assert_eq!(taken(&seen), (0..20).collect::<Vec<_>>());
    let starts: Vec<usize> = seen.iter().map(|offer| offer.offered.start).collect();
    assert_eq!(starts, [0, 3, 3, 4, 4, 4, 8, 16]);
}

#[test]
fn a_datagram_that_cannot_go_is_counted_and_the_others_go() {
    let (sent, seen, _) = send(&at([0; 10]), Pace::Recorded(1.0), patient(LONG), 4, |sink| sink.refusing(&[0, 5, 9]));
    let sent = sent.unwrap();
    assert_eq!((sent.sent, sent.refused, sent.stopped), (7, 3, false));
    assert!(sent.first_refusal.unwrap().contains("Message too long"));
    assert_eq!(taken(&seen), [1, 2, 3, 4, 6, 7, 8]);
    assert_eq!((sent.kept.unwrap().sent, sent.lateness.len()), (7, 7), "what did not go is not timed");
}

#[test]
fn a_queue_that_stays_full_costs_one_wait_not_one_for_each_datagram() {
    let began = Instant::now();
    // 60 waits of 200 ms would be twelve seconds.
    let (sent, ..) = send(&at([0; 60]), Pace::Recorded(1.0), patient(Duration::from_millis(200)), 8, |sink| sink.always(Answer::Takes(0)));
    let sent = sent.unwrap();
    assert_eq!((sent.sent, sent.refused), (0, 60));
    assert!(sent.first_refusal.unwrap().contains("no room"));
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn an_interface_that_is_gone_ends_the_run() {
    let (sent, seen, _) = send(&at([0; 10]), Pace::Max, patient(LONG), 4, |sink| sink.answering([Answer::Takes(4), Answer::Gone]));
    let error = sent.unwrap_err().to_string();
    assert!(error.contains("it is gone; bring it back"), "{error}");
    assert_eq!(taken(&seen), [0, 1, 2, 3]);
}

#[test]
fn a_refusal_is_said_once_in_the_kernel_s_own_words() {
    let answers = [Answer::Refuses, Answer::Refuses];
    let (sent, ..) = send(&at([0; 3]), Pace::Max, patient(LONG), 4, |sink| sink.answering(answers));
    let sent = sent.unwrap();
    assert_eq!((sent.sent, sent.refused), (1, 2));
    assert_eq!(sent.first_refusal.unwrap(), "Message too long (os error 90)");
}

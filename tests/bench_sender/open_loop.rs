//! The sender is an open loop: it waits for nobody, and hides nothing.
//!
//! These run on a real clock and on machines that do other things too: what is asserted holds however late a thread wakes up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tickwire::bench::Pace;
use tickwire::bench::schedule::Schedule;
use tickwire::bench::sender::{Sender, SenderConfig, Sent, Stall};
use tickwire::time::Clock;

use crate::rig::{Answer, Sink, at, send, taken};

const MS: u64 = 1_000_000;

fn quiet() -> SenderConfig {
    SenderConfig::default()
}

#[test]
fn everything_goes_once_in_order_and_nothing_before_it_is_due() {
    let workload = at((0..2_000).map(|nth| nth * 50_000));
    let (sent, seen, start_ns) = send(&workload, Pace::Recorded(1.0), quiet(), 32, |sink| sink);
    let sent = sent.unwrap();
    assert_eq!(taken(&seen), (0..2_000).collect::<Vec<_>>());
    for offer in &seen {
        let last = offer.offered.end as u64 - 1;
        assert!(offer.ns >= start_ns + last * 50_000, "datagram {last} was offered before it was due");
    }
    let kept = sent.kept.unwrap();
    assert_eq!((sent.sent, sent.refused, sent.stopped, kept.sent, sent.lateness.len()), (2_000, 0, false, 2_000, 2_000));
    assert_eq!(kept.limit_ns, 100_000);
    // The histogram rounds to three digits, so only values right at the limit may differ.
    assert!(kept.late <= sent.lateness.count_between(99_900, u64::MAX));
    assert!(sent.elapsed_ns >= 1_999 * 50_000 && sent.end_late_ns == sent.elapsed_ns - 1_999 * 50_000);
}

#[test]
fn a_stall_shows_as_all_the_datagrams_that_were_due_in_it() {
    // 10,000 a second; before the thousandth it stands still for 200 ms, in which 2,000 are due.
    let workload = at((0..4_000).map(|nth| nth * 100_000));
    let stall = Some(Stall { after_datagrams: 1_000, for_: Duration::from_millis(200) });
    let (sent, seen, start_ns) = send(&workload, Pace::Recorded(1.0), SenderConfig { stall, ..quiet() }, 64, |sink| sink);
    let sent = sent.unwrap();
    let kept = sent.kept.unwrap();
    assert!(kept.fell_behind(), "{kept:?}");
    // A closed loop would show one late datagram. Each of the 2,000 is as late as the stall had still to last.
    assert!(kept.late >= 1_998, "{kept:?}");
    for (late_ms, at_least) in [(190, 99), (100, 999), (50, 1_499), (1, 1_989)] {
        let late = sent.lateness.count_between(late_ms * MS, u64::MAX);
        assert!(late >= at_least, "{late} datagrams were later than {late_ms} ms, but {at_least} must be");
    }
    assert!(sent.lateness.max() >= 199 * MS, "{}", sent.lateness.max());
    // Nothing is left out, and what is late goes in batches.
    assert_eq!(taken(&seen), (0..4_000).collect::<Vec<_>>());
    let behind: Vec<usize> = seen.iter().filter(|offer| offer.offered.start < 2_800).map(|offer| offer.offered.len()).collect();
    assert!(behind.iter().filter(|&&together| together == 64).count() >= 1_800 / 64 - 1);
    // Deadlines are absolute: the end is where it was.
    assert!(seen.last().unwrap().ns >= start_ns + 3_999 * 100_000);
}

#[test]
fn a_kernel_that_takes_its_time_makes_datagrams_late_too() {
    // The stall is in the transport: no room, again and again.
    let workload = at((0..100).map(|nth| nth * MS));
    let (sent, seen, _) = send(&workload, Pace::Recorded(1.0), SenderConfig { patience: Duration::from_secs(60), ..quiet() }, 8, |sink| {
        sink.answering(vec![Answer::Takes(0); 200_000])
    });
    let sent = sent.unwrap();
    let first = seen.iter().find(|offer| offer.taken > 0).unwrap();
    let refused_for_ns = first.ns - seen[0].ns;
    assert_eq!((sent.sent, sent.refused), (100, 0));
    assert!(sent.lateness.max() >= refused_for_ns / 1_000 * 999, "{} {refused_for_ns}", sent.lateness.max());
}

#[test]
fn the_warm_up_is_in_no_figure() {
    let workload = at((0..1_000).map(|nth| nth * 10_000));
    let stall = Some(Stall { after_datagrams: 100, for_: Duration::from_millis(50) });
    // All 5 ms' worth of datagrams that are due in the stall, and more, are warm-up: what is behind it is not judged by them.
    let config = SenderConfig { stall, warm_up_datagrams: 990, ..quiet() };
    let (sent, ..) = send(&workload, Pace::Recorded(1.0), config, 32, |sink| sink);
    let sent = sent.unwrap();
    assert_eq!((sent.sent, sent.kept.unwrap().sent, sent.lateness.len()), (1_000, 10, 10));
}

#[test]
fn as_fast_as_it_goes_nothing_is_late_and_batches_are_full() {
    let workload = at((0..10_000).map(|nth| nth * MS));
    let (sent, seen, _) = send(&workload, Pace::Max, quiet(), 32, |sink| sink);
    let sent = sent.unwrap();
    assert_eq!((sent.sent, sent.kept, sent.lateness.len(), sent.end_late_ns > 0), (10_000, None, 0, true));
    assert_eq!(seen.len(), 10_000_usize.div_ceil(32));
    assert_eq!(taken(&seen), (0..10_000).collect::<Vec<_>>());
}

#[test]
fn nothing_to_send_is_no_error() {
    for pace in [Pace::Recorded(1.0), Pace::Max] {
        let (sent, seen, _) = send(&at([]), pace, quiet(), 32, |sink| sink);
        let sent = sent.unwrap();
        assert_eq!((sent.sent, sent.stopped, seen.len()), (0, false, 0));
    }
}

#[test]
fn the_loop_allocates_nothing() {
    let workload = at((0..20_000).map(|nth| nth * 2_000));
    for pace in [Pace::Recorded(1.0), Pace::Max] {
        let (sent, seen, _) = send(&workload, pace, quiet(), 32, |sink| sink);
        assert_eq!(sent.unwrap().sent, 20_000);
        assert_eq!(seen.last().unwrap().allocations - seen[0].allocations, 0, "{pace}");
    }
}

/// Runs into a sink with these ways to stop it and to be idle; also how many offers there were.
fn run(times_ns: &[u64], config: SenderConfig, stop: &dyn Fn() -> bool, idle: &mut dyn FnMut(u64) -> bool) -> (Sent, usize) {
    let (workload, clock, gone) = (at(times_ns.iter().copied()), Clock::system(), AtomicU64::new(0));
    let (sink, seen) = Sink::new(&clock, 8);
    let schedule = Schedule::new(&workload, Pace::Recorded(1.0));
    let mut sender = Sender::new(&schedule, times_ns.len(), Box::new(sink), config);
    let sent = sender.run(&clock, clock.now_ns(), stop, &gone, idle).unwrap();
    assert_eq!(gone.load(Ordering::Relaxed), sent.sent + sent.refused);
    let offers = seen.borrow().len();
    (sent, offers)
}

#[test]
fn a_stop_ends_a_wait_of_an_hour_and_a_stall_of_an_hour() {
    let hour = Duration::from_secs(3600);
    let stall = Some(Stall { after_datagrams: 1, for_: hour });
    for (times_ns, config) in [([0, 3_600_000 * MS], quiet()), ([0, 0], SenderConfig { stall, ..quiet() })] {
        let stop = AtomicBool::new(false);
        let began = Instant::now();
        let (sent, _) = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                stop.store(true, Ordering::Relaxed);
            });
            run(&times_ns, config, &|| stop.load(Ordering::Relaxed), &mut |_| false)
        });
        assert!(sent.stopped && sent.sent == 1 && sent.end_late_ns == 0, "{sent:?}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_stop_is_asked_for_at_least_every_50_ms_of_a_run() {
    let asked = AtomicU64::new(0);
    let count = || {
        asked.fetch_add(1, Ordering::Relaxed);
        false
    };
    let began = Instant::now();
    run(&[0, 300 * MS, 600 * MS], quiet(), &count, &mut |_| false);
    // Each time it is asked it may be late by what the machine does in between, but not by more than one look of 50 ms in the run's own time.
    let most_between = began.elapsed().as_millis() as u64 / asked.load(Ordering::Relaxed);
    assert!(most_between <= 50, "{most_between} ms");
}

#[test]
fn the_wait_is_somebody_elses_time() {
    let mut left = Vec::with_capacity(1 << 20);
    let (sent, offers) = run(&[0, 2 * MS, 2 * MS, 4 * MS], quiet(), &|| false, &mut |left_ns| {
        if left.len() < left.capacity() {
            left.push(left_ns);
        }
        true
    });
    assert_eq!(sent.sent, 4);
    assert_eq!(left.iter().filter(|&&ns| ns == 0).count(), offers, "once behind each batch");
    assert!(left.iter().filter(|&&ns| ns > 0).count() > 10, "again and again while there is time: {}", left.len());
    assert!(left.iter().all(|&ns| ns <= 2 * MS));
}

#[test]
fn whoever_uses_the_wait_is_not_put_to_sleep() {
    let mut calls = 0_u64;
    let (sent, _) = run(&[0, 300 * MS], quiet(), &|| false, &mut |_| {
        calls += 1;
        true
    });
    assert_eq!(sent.sent, 2);
    // Sleeping in between, it would be called some 30 times in 300 ms.
    assert!(calls > 3_000, "{calls}");
}

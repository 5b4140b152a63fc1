//! The table on the terminal.

use tickwire::bench::results::BenchResult;
use tickwire::bench::results::table::{self, Colours, WIDTH};
use tickwire::bench::{Lateness, Measure};

use super::made_up;

pub fn table(result: &BenchResult) -> String {
    let mut out = Vec::new();
    table::write(result, Colours::No, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn line<'a>(table: &'a str, beginning: &str) -> &'a str {
    table.lines().find(|line| line.starts_with(beginning)).unwrap_or_else(|| panic!("no line begins with {beginning:?}: {table}"))
}

/// Shows the difference when it fails; renewed by `TICKWIRE_RENEW_GOLDEN=1 cargo test --test bench_results golden`.
#[test]
fn a_result_gives_the_golden_table() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench_results/golden_table.txt");
    let shown = table(&made_up::with_losses());
    if std::env::var_os("TICKWIRE_RENEW_GOLDEN").is_some() {
        std::fs::write(golden, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(golden).unwrap();
    for (nth, (shown, expected)) in shown.lines().zip(expected.lines()).enumerate() {
        assert_eq!(shown, expected, "line {}", nth + 1);
    }
    assert_eq!(shown, expected);
}

#[test]
fn no_line_is_wider_than_the_table() {
    let results = [made_up::whole(), made_up::with_losses(), made_up::single(), made_up::scanty(), made_up::stopped(), made_up::hostile()];
    for line in results.iter().map(table).collect::<String>().lines() {
        assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn the_first_line_is_the_headline_when_the_sender_kept_its_schedule() {
    let result = made_up::whole();
    let first = table(&result).lines().next().unwrap().to_owned();
    let p50 = result.variants[0].measures.get(Measure::DueToSeen).value_at_quantile(0.5);
    let p50 = format!("{},{:03} ns", p50 / 1_000, p50 % 1_000);
    assert!(first.starts_with(&format!("xdp: due → seen by the consumer: half within {p50}, 99 % within")), "{first}");
}

#[test]
fn the_first_line_says_by_how_much_a_sender_fell_behind() {
    let mut result = made_up::single();
    let lateness = Lateness { limit_ns: 20_000, sent: 1_000, late: 10 };
    result.variants[0].lateness = Some(lateness);
    assert!(!table(&result).contains("fell behind"), "one in a hundred is not behind");
    result.variants[0].lateness = Some(Lateness { late: 11, ..lateness });
    let shown = table(&result);
    let first = shown.lines().next().unwrap();
    assert!(first.starts_with("The sender fell behind: xdp 1.10 % of its datagrams more than 20.0 µs late (p99 "), "{first}");
    assert!(line(&shown, "  sender      ").contains("fell behind: 11 of 1,000 datagrams (1.10 %)"), "{shown}");
}

#[test]
fn a_stopped_run_says_so_below_its_first_line() {
    let shown = table(&made_up::stopped());
    assert!(shown.lines().take(3).any(|line| line == "Stopped before its end: these are the results so far."), "{shown}");
    assert!(!table(&made_up::whole()).contains("Stopped"));
}

#[test]
fn percentiles_of_too_few_values_are_not_invented() {
    // 6,000 values: 60 beyond p99, 6 beyond p99.9.
    let shown = table(&made_up::single());
    let cells: Vec<&str> = line(&shown, "  due → seen by the consumer").split_whitespace().collect();
    assert_eq!(cells.iter().filter(|&&cell| cell == "-").count(), 2, "{cells:?}");
    assert_eq!(&cells[cells.len() - 4..cells.len() - 2], ["-", "-"], "p99.9 and p99.99, but not the maximum: {cells:?}");
    assert!(shown.contains("- : fewer than 10 values lie beyond it"), "{shown}");
    let few = table(&made_up::scanty());
    assert!(line(&few, "  received → published").ends_with("3          -          -          -          -          -   2,951 ns"), "{few}");
}

#[test]
fn every_loss_is_named_with_its_count() {
    let shown = table(&made_up::with_losses());
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for loss in [
        "4 datagrams not sent",
        "9 sampled datagrams without a partner",
        "4,118 datagrams dropped by the kernel",
        "37 gaps in the sequence",
        "11,020 messages lost in gaps",
        "3 drops (frame_cut)",
        "12 drops (old_session)",
        "1 record too fast for the consumer",
        "io_uring was refused twice",
        "the recording ends in a cut frame",
        "one stamp costs 11.2 ns",
        "the first 9,600 datagrams of each round (96.0 ms) are in no percentile",
        "106/219",
        "so the cores were not left alone",
    ] {
        assert!(words.contains(loss), "{loss:?} is missing in {shown}");
    }
    assert!(table(&made_up::whole()).contains("  lost        nothing\n"));
}

#[test]
fn a_check_that_is_not_good_comes_with_what_mends_it_and_a_good_one_does_not_come() {
    let shown = table(&made_up::with_losses());
    let at = shown.find("✗ frequency governor: powersave on cores 0 and 1").expect("the check");
    assert!(shown[at..].lines().nth(2).unwrap().contains("mend: cpupower frequency-set --governor performance"), "{shown}");
    assert!(shown.contains("? hypervisor's steal time: could not be found out") && !shown.contains("clock source"), "{shown}");
    assert!(table(&made_up::whole()).contains("all 2 are as they should be"));
}

#[test]
fn times_change_their_unit_at_ten_microseconds_and_keep_three_digits() {
    use tickwire::bench::results::readable::time;
    let cases = [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1,000 ns"),
        (9_999, "9,999 ns"),
        (10_000, "10.0 µs"),
        (99_949, "99.9 µs"),
        (99_950, "100 µs"),
        (999_499, "999 µs"),
        (999_500, "1.00 ms"),
        (9_996_000, "10.0 ms"),
        (999_600_000, "1.00 s"),
        (3_600_000_000_000, "3,600 s"),
        (u64::MAX, "18,446,744,074 s"),
    ];
    for (ns, words) in cases {
        assert_eq!(time(ns), words, "{ns}");
    }
}

#[test]
fn colours_are_all_that_a_terminal_gets_besides() {
    for result in [made_up::with_losses(), made_up::stopped(), made_up::scanty()] {
        let mut coloured = Vec::new();
        table::write(&result, Colours::Yes, &mut coloured).unwrap();
        let coloured = String::from_utf8(coloured).unwrap();
        assert!(coloured.contains("\x1b[1m"));
        let mut plain = String::new();
        for (nth, part) in coloured.split('\x1b').enumerate() {
            plain += if nth == 0 { part } else { part.split_once('m').expect("an escape sequence ends").1 };
        }
        assert_eq!(plain.lines().map(str::trim_end).collect::<Vec<_>>(), table(&result).lines().collect::<Vec<_>>());
    }
}

#[test]
fn words_from_elsewhere_cannot_move_the_cursor() {
    let shown = table(&made_up::hostile());
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "a control character in {shown:?}");
    assert!(!shown.contains('\u{202e}'), "the direction of writing is turned");
}

#[test]
fn a_run_of_which_nothing_came_says_so_first() {
    let mut result = made_up::whole();
    let udp = &mut result.variants[1];
    (udp.counts.received, udp.counts.messages, udp.counts.distinct_messages) = (0, 0, 1_000);
    let text = table(&result);
    assert!(text.starts_with("Nothing was delivered: none of udp's 480,000 datagrams arrived."), "{text}");
    assert!(text.contains("480,000 datagrams sent, and never received, 1,000 messages neither delivered"), "{text}");
}

//! The binary as a person or a script meets it: help, exit codes, refusals, files and publications.
#![cfg(feature = "service")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tickwire::error::Exit;

fn tickwire() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.stdin(Stdio::null()).env_remove("TICKWIRE_PUBLICATION_DIR").env("COLUMNS", "80");
    command
}

fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = tickwire().args(args).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Refused with that code and one message, which must hold all of `said`.
fn refused(args: &[&str], exit: Exit, said: &[&str]) {
    let (code, out, err) = run(args);
    println!("$ tickwire {}\n{err}", args.join(" "));
    assert_eq!(code, i32::from(exit.code()), "{args:?}: {err}");
    for part in said {
        assert!(err.contains(part), "{args:?}: {part:?} is missing in: {err}");
    }
    assert!(!err.contains("panicked") && out.is_empty(), "{args:?}: {out}{err}");
    // Ours are one line; the argument parser's have a hint below.
    assert!(err.lines().count() == 1 || exit == Exit::Usage, "{err}");
}

/// Small recordings, made once for all tests.
struct Made {
    directory: TempDir,
}

impl Made {
    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().expect("UTF-8").to_owned()
    }
}

const SMALL: [&str; 6] = ["--messages", "20000", "--symbols", "20", "--date", "2026-03-03"];

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = Made { directory: tempfile::tempdir().expect("a directory") };
        let (day, capture, truth) = (made.path("day.itch"), made.path("capture.pcap"), made.path("truth.csv"));
        for mut args in
            [vec!["gen", &day, "--books", &truth], vec!["gen", &capture, "--format", "pcap", "--rate", "100000", "--loss-a", "2000"]]
        {
            args.extend(SMALL);
            assert_eq!(run(&args).0, 0, "{args:?}");
        }
        made
    })
}

/// A publication that a finished replay has left.
fn kept(name: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_str().expect("UTF-8").to_owned();
    let capture = made().path("capture.pcap");
    let args =
        ["replay", &capture, "--feed", "nasdaq-itch", "--publish", name, "--keep", "--publication-dir", &dir, "--ring-depth", "65536"];
    let (code, _, err) = run(&args);
    assert_eq!(code, 0, "{err}");
    (directory, dir)
}

#[test]
fn every_help_is_whole_and_fits_a_terminal() {
    let (code, main, _) = run(&["--help"]);
    assert_eq!(code, 0);
    for command in ["run", "check", "replay", "tail", "book", "orders", "top", "gen"] {
        assert!(main.contains(&format!("\n  {command} ")), "{main}");
        let (code, help, _) = run(&[command, "--help"]);
        assert_eq!(code, 0);
        assert!(help.contains("Usage: tickwire "), "{help}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "too wide: {line}");
        }
        // Every option is explained.
        for option in help.lines().filter(|line| line.trim_start().starts_with("--")) {
            let explained = option.trim().contains("  ")
                || help.split(option).nth(1).is_some_and(|rest| rest.trim_start_matches('\n').starts_with("      "));
            assert!(explained, "`{option}` has no explanation in\n{help}");
        }
    }
    for feed in tickwire::feed::name::FeedName::ALL {
        assert!(run(&["replay", "--help"]).1.contains(feed.name()));
    }
}

#[test]
fn the_help_lists_the_exit_codes_that_the_code_returns() {
    let (_, help, _) = run(&["--help"]);
    assert!(help.contains(&format!("Exit codes:\n{}", Exit::table().trim_end())), "{help}");
    assert_eq!(run(&["--version"]).1, format!("tickwire {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_ends_with_code_2_and_says_what_would_do() {
    let capture = made().path("capture.pcap");
    let replay = |more: &[&'static str]| [&["replay", capture.as_str()], more].concat();
    let table: Vec<(Vec<&str>, &[&str])> = vec![
        (vec!["rpelay"], &["unrecognized subcommand 'rpelay'", "replay"]),
        (replay(&[]), &["--feed <FEED>"]),
        (
            replay(&["--feed", "nasdq-itch"]),
            &["no such feed; did you mean `nasdaq-itch`? There is: nasdaq-itch, bx-itch, psx-itch, iex-tops, iex-deep"],
        ),
        (replay(&["--feed", "opra"]), &["no such feed; there is: nasdaq-itch, bx-itch, psx-itch, iex-tops, iex-deep"]),
        (replay(&["--feed", "iex-tops", "--speed", "2.5x"]), &["`2.5x` is no speed; say 1x, 10x (any whole number of times), or max"]),
        (replay(&["--feed", "iex-tops", "--speed", "0x"]), &["`0x` is no speed"]),
        (replay(&["--feed", "iex-tops", "--date", "20260303"]), &["not a day of the calendar; write it as YYYY-MM-DD"]),
        (replay(&["--feed", "iex-tops", "--date", "2026-02-30"]), &["not a day of the calendar"]),
        (replay(&["--feed", "iex-tops", "--line", "239.1.1.1"]), &["say GROUP:PORT"]),
        (replay(&["--feed", "iex-tops", "--line", "239.1.1:1"]), &["`239.1.1` is no IPv4 address"]),
        (replay(&["--feed", "iex-tops", "--line", "239.1.1.1:0"]), &["`0` is no port; use 1 to 65535"]),
        (
            replay(&[
                "--feed",
                "iex-tops",
                "--line",
                "239.1.1.1:1",
                "--line",
                "239.1.1.1:2",
                "--line",
                "239.1.1.1:3",
                "--line",
                "239.1.1.1:4",
                "--line",
                "239.1.1.1:5",
            ]),
            &["5 lines were named, and a channel has at most 4"],
        ),
        (replay(&["--feed", "iex-tops", "--publish", "x", "--ring-depth", "1000"]), &["use a power of two from 64"]),
        (replay(&["--feed", "iex-tops", "--orders", "99999999999"]), &["99999999999 is not in 1..=268435456"]),
        (replay(&["--feed", "iex-tops", "--keep"]), &["--publish <NAME>"]),
        (replay(&["--feed", "iex-tops", "--publish", "../x", "--publication-dir", "/nonexistent"]), &["publication name \"../x\""]),
        (vec!["tail", "x", "--schema", "mbp1"], &["no such schema; did you mean `mbp-1`? There is: mbo, mbp-1, mbp-10, trades, status"]),
        (vec!["top", "x", "--seconds", "0"], &["0 is not in 1..="]),
        (vec!["top", "x", "--wait", "18446744073709551615"], &["is not in 0..="]),
        (vec!["books", "x", "--wait", "18446744073709551615"], &["is not in 0..="]),
        (vec!["books", "x", "--seconds", "18446744073709551615"], &["is not in 1..="]),
        (vec!["gen", "/nonexistent/x", "--rate", "1", "--start-in-ms", "18446744073709551615"], &["is not in 0..="]),
        (vec!["gen", "/nonexistent/x", "--messages", "10"], &["/nonexistent/x: the generated file cannot be written"]),
    ];
    for (args, said) in table {
        refused(&args, Exit::Usage, said);
    }
}

#[test]
fn gen_gives_the_same_bytes_for_the_same_seed_and_nothing_for_what_cannot_be() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let read = |name: &str| std::fs::read(path(name)).expect("written");
    for (name, seed) in [("a", "5"), ("b", "5"), ("c", "6")] {
        let (code, out, _) = run(&[&["gen", &path(name), "--seed", seed], &SMALL[..]].concat());
        assert_eq!((code, out.lines().count()), (0, 1), "{out}");
    }
    assert_eq!(read("a"), read("b"));
    assert_ne!(read("a"), read("c"));
    let (_, piped, _) = {
        let o = tickwire().args(["gen", "-", "--seed", "5"]).args(SMALL).output().expect("runs");
        (0, o.stdout, o.stderr)
    };
    assert_eq!(piped, read("a"), "`-` is standard output, and nothing else goes there");
    let refused_path = path("refused");
    let gen_args = |more: &[&'static str]| [&["gen", refused_path.as_str()], more].concat();
    let table: Vec<(Vec<&str>, &[&str])> = vec![
        (
            gen_args(&["--messages", "10"]),
            &["--messages 10: expected at least 25603 for 8000 symbols; ask for more messages or fewer symbols"],
        ),
        (gen_args(&["--rate", "1"]), &["--rate 1: 1000000 messages at that rate do not end before midnight"]),
        (gen_args(&["--rate", "0"]), &["0 is not in 1..="]),
        (gen_args(&["--loss-a", "5"]), &["a day file has no lines and no packets", "add --format pcap"]),
        (gen_args(&["--format", "pcap", "--loss-a", "1000001"]), &["1000001 is not in 0..=1000000"]),
        (gen_args(&["--format", "pcap", "--line", "10.0.0.1:5"]), &["--line 10.0.0.1: expected a multicast group"]),
        (
            gen_args(&["--start-in-ms", "5", "--rate", "9", "--date", "2020-01-02"]),
            &["--start-in-ms: it counts from now, and --date names another day"],
        ),
        (
            gen_args(&["--books", "/nonexistent/b.csv"]),
            &["/nonexistent/b.csv: the books file cannot be written", "name a file in a directory that exists"],
        ),
        (gen_args(&["--format", "csv"]), &["[possible values: day-file, pcap]"]),
    ];
    for (args, said) in table {
        refused(&args, Exit::Usage, said);
    }
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("read").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 3, "nothing half-made is left: {left:?}");
}

#[test]
fn replay_writes_summary_and_books_to_files_or_standard_output() {
    let made = made();
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let (day, capture, truth) = (made.path("day.itch"), made.path("capture.pcap"), made.path("truth.csv"));
    let truth = std::fs::read_to_string(truth).expect("written");
    for file in [&day, &capture] {
        let args =
            ["replay", file, "--feed", "nasdaq-itch", "--date", "2026-03-03", "--summary", &path("s.json"), "--books", &path("b.csv")];
        let (code, out, err) = run(&args);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert!(out.starts_with("messages "), "people get a table: {out}");
        assert_eq!(std::fs::read_to_string(path("b.csv")).expect("written"), truth);
        let summary: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path("s.json")).expect("written")).expect("JSON");
        assert_eq!(summary["messages"], 20_000);
        for key in "frames datagrams messages messages_by_type heartbeats duplicates gaps lost_messages restarts joined_late instruments live_orders \
                    price_levels records_by_schema dropped_by_reason capture_truncated elapsed_ns"
            .split_whitespace()
        {
            assert!(!summary[key].is_null(), "{key} is missing in {summary}");
        }
    }
    let (_, summary, _) = run(&["replay", &capture, "--feed", "nasdaq-itch", "--summary", "-"]);
    serde_json::from_str::<serde_json::Value>(&summary).expect("nothing but JSON on standard output");
    let (_, books, _) = run(&["replay", &capture, "--feed", "nasdaq-itch", "--books", "-"]);
    assert_eq!(books, truth);
    let (_, _, remark) = run(&["replay", &day, "--feed", "nasdaq-itch"]);
    assert!(remark.contains("say --date YYYY-MM-DD"), "{remark}");
}

#[test]
fn case_47_books_that_got_no_huge_pages_say_so_and_are_as_right() {
    let made = made();
    let replay = |more: &[&str]| {
        let mut command = tickwire();
        command.args(["replay", &made.path("capture.pcap"), "--feed", "nasdaq-itch"]).args(more);
        // SAFETY: between fork and exec, one system call with numbers.
        let refuse_huge_pages = || match unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        };
        // SAFETY: the closure is as said.
        unsafe { command.pre_exec(refuse_huge_pages) };
        String::from_utf8(command.output().expect("the binary runs").stdout).expect("UTF-8")
    };
    let summary: serde_json::Value = serde_json::from_str(&replay(&["--summary", "-"])).expect("JSON");
    assert_eq!(summary["books_huge_bytes"], 0);
    assert!(summary["books_bytes"].as_u64().is_some_and(|bytes| bytes > 100 << 20), "{summary}");
    let table = replay(&[]);
    assert!(table.lines().any(|line| line.starts_with("books ") && line.contains(" MiB, 0 of them on huge pages, so ")), "{table}");
    assert_eq!(replay(&["--books", "-"]), std::fs::read_to_string(made.path("truth.csv")).expect("written"));
}

#[test]
fn replay_refuses_outputs_it_cannot_write_before_it_begins_and_never_its_own_input() {
    let capture = made().path("capture.pcap");
    let before = std::fs::read(&capture).expect("made");
    let table: [(&[&str], &[&str]); 4] = [
        (&["--summary", "/nonexistent/s.json"], &["/nonexistent/s.json: the summary cannot be written: No such file or directory"]),
        (&["--books", "/"], &["/: the books file cannot be written: is a directory"]),
        (&["--books", &capture], &["the books file cannot be written: it is the file to be read; name another file"]),
        (&["--books", "-", "--summary", "-"], &["-: the summary cannot be written: the books file goes to the same place"]),
    ];
    for (more, said) in table {
        // A file that is not there would be refused by the replay itself: the output is looked at first.
        refused(&[&["replay", &capture, "--feed", "nasdaq-itch"], more].concat(), Exit::Usage, said);
    }
    assert_eq!(std::fs::read(&capture).expect("still there"), before);
    // To a device and behind a link.
    let directory = tempfile::tempdir().expect("a directory");
    let (link, file) = (directory.path().join("link"), directory.path().join("file"));
    std::fs::write(&file, "old").expect("written");
    std::os::unix::fs::symlink(&file, &link).expect("linked");
    let args = ["replay", &capture, "--feed", "nasdaq-itch", "--summary", "/dev/null", "--books", link.to_str().expect("UTF-8")];
    assert_eq!(run(&args).0, 0);
    assert!(link.is_symlink() && std::fs::read_to_string(&file).expect("there").starts_with("symbol,side,"));
}

#[test]
fn replay_refuses_what_is_no_recording_and_says_what_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::write(path("text"), "hello, world\n".repeat(50)).expect("written");
    std::fs::write(path("empty"), "").expect("written");
    std::fs::write(path("zeros"), [0; 5_000]).expect("written");
    let table = [
        (path("none"), "No such file or directory"),
        (path(""), "directory"),
        ("/proc/self/mem".to_owned(), "cannot be read: Input/output error"),
        (path("text"), "the file is text, beginning \"hello, world\""),
        (path("empty"), "the file is empty"),
        (path("zeros"), "the file begins with 4096 zero bytes"),
    ];
    for (file, why) in table {
        refused(&["replay", &file, "--feed", "nasdaq-itch"], Exit::Input, &[&file, why]);
    }
}

#[test]
fn a_recording_of_another_feed_is_named_as_such() {
    let capture = made().path("capture.pcap");
    let (code, _, err) = run(&["replay", &capture, "--feed", "iex-tops"]);
    assert_eq!(code, 0);
    assert!(err.contains("no message was understood: is it really iex-tops? (dropped: header_cut "), "{err}");
    let day = made().path("day.itch");
    let (_, _, err) = run(&["replay", &day, "--feed", "iex-tops", "--date", "2026-03-03"]);
    assert!(err.contains("no message was understood: is it really iex-tops? (dropped: "), "{err}");
    let (_, _, err) = run(&["replay", &capture, "--feed", "nasdaq-itch", "--line", "239.9.9.9:9"]);
    assert!(err.contains("frames is a datagram of the lines replayed; does --line name what is in it? (dropped: unknown_line "), "{err}");
    let captures =
        std::env::var("TICKWIRE_CAPTURES").map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"), PathBuf::from);
    let tops = captures.join("iex/tops16.pcap.gz");
    if !tops.exists() {
        assert_ne!(std::env::var("TICKWIRE_CAPTURES_TESTS").as_deref(), Ok("require"), "{} is required", tops.display());
        println!("SKIPPED: {} is not there", tops.display());
        return;
    }
    let (code, _, err) = run(&["replay", tops.to_str().expect("UTF-8"), "--feed", "nasdaq-itch"]);
    assert_eq!(code, 0);
    assert!(err.contains("is it really nasdaq-itch? (dropped: "), "{err}");
}

#[test]
fn check_prints_the_plan_or_one_refusal() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed.toml").to_str().expect("UTF-8").to_owned();
    let text = format!(
        "[service]\npublication_dir = \"{}\"\n[[lane]]\nname = \"l\"\nsource = \"udp\"\n[[publication]]\nname = \"p\"\n\
         [[publication.ring]]\nschema = \"mbp-1\"\ndepth = 1024\n[[channel]]\nname = \"c\"\nfeed = \"iex-tops\"\nlane = \"l\"\npublication = \"p\"\n\
         [[channel.line]]\nname = \"A\"\ninterface = \"lo\"\ngroup = \"239.1.1.1\"\nport = 4000\n",
        directory.path().display()
    );
    std::fs::write(&path, &text).expect("written");
    let (code, out, err) = run(&["check", "--config", &path]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("1 lane, 1 publication in ") && out.contains("line A     239.1.1.1:4000 on lo"), "{out}");
    std::fs::write(&path, text.replace("\"lo\"", "\"nosuch0\"")).expect("written");
    for command in ["check", "run"] {
        refused(
            &[command, "--config", &path],
            Exit::Config,
            &["feed.toml:18: channel.line.interface: there is no network interface `nosuch0`"],
        );
    }
    std::fs::write(&path, text.replace("port", "prot")).expect("written");
    let (code, _, err) = run(&["check", "--config", &path]);
    assert_eq!(code, 3);
    assert!(
        err.contains("feed.toml:20: channel.line.prot: `prot` is no key of this section; did you mean `port`?")
            && err.contains("\n  20 | prot = 4000\n     | ^^^^"),
        "{err}"
    );
    refused(
        &["check", "--config", "/nonexistent.toml"],
        Exit::Config,
        &["/nonexistent.toml: the configuration cannot be read: No such file"],
    );
}

#[test]
fn a_publication_that_is_not_there_is_code_8_and_those_that_are_there_are_named() {
    let (_directory, dir) = kept("nasdaq");
    for command in [&["tail", "nasdqa"][..], &["book", "nasdqa", "AAPL"], &["top", "nasdqa"]] {
        let said =
            ["there is no such publication; did you mean `nasdaq`? (there is: nasdaq) Else start its writer, or look elsewhere with --dir"];
        refused(&[command, &["--dir", &dir]].concat(), Exit::Publication, &said);
    }
    refused(
        &["top", "x", "--dir", "/nonexistent"],
        Exit::Publication,
        &["/nonexistent/x: there is no such publication; start its writer, or look elsewhere with --dir"],
    );
    refused(&["book", "nasdaq", "NOSUCH", "--dir", &dir], Exit::Publication, &["no instrument \"NOSUCH\" so far"]);
    std::fs::write(Path::new(&dir).join("junk"), "no publication").expect("written");
    refused(&["tail", "junk", "--dir", &dir], Exit::Publication, &["not a publication this version can read"]);
}

/// Lines of `tail --json`, parsed.
fn tailed(dir: &str, more: &[&str]) -> Vec<serde_json::Value> {
    let (code, out, err) = run(&[&["tail", "nasdaq", "--dir", dir, "--json", "--limit", "20000"], more].concat());
    assert_eq!(code, 0, "{err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn tail_prints_every_record_as_json_with_numbers_as_numbers_and_prices_as_decimals() {
    let (_directory, dir) = kept("nasdaq");
    for (schema, keys) in [
        ("mbo", "symbol ts_event action side price size flags sequence ts_recv order_id"),
        ("mbp-1", "symbol ts_event action side price size flags sequence ts_recv bid bid_size bid_orders ask ask_size ask_orders"),
        ("mbp-10", "symbol ts_event action side price size flags sequence ts_recv depth levels"),
        ("trades", "symbol ts_event action side price size flags sequence ts_recv"),
        ("status", "symbol ts_event ts_recv action reason trading_event is_trading is_quoting is_short_sell_restricted"),
    ] {
        let lines = tailed(&dir, &["--schema", schema, "--from", "oldest"]);
        let records: Vec<_> = lines.iter().filter(|line| line["kind"] == "record").collect();
        assert!(records.len() > 10, "{schema}: {} records", records.len());
        for record in records {
            for key in keys.split_whitespace() {
                let value = record.get(key).unwrap_or_else(|| panic!("{schema}: no {key} in {record}"));
                let fits = match key {
                    "price" | "bid" | "ask" => value.is_null() || value.as_str().is_some_and(|text| text.parse::<f64>().is_ok()),
                    "levels" => value.is_array(),
                    "action" if schema == "status" => value.is_u64(),
                    "symbol" | "action" | "side" | "flags" | "is_trading" | "is_quoting" | "is_short_sell_restricted" => value.is_string(),
                    _ => value.is_u64(),
                };
                assert!(fits, "{schema}: {key} in {record}");
            }
        }
        let start = lines.iter().find(|line| line["kind"] == "control").unwrap_or_else(|| panic!("{schema}: no control record"));
        assert_eq!((start["event"].as_str(), start["cause"].as_str()), (Some("session_start"), Some("first")), "{start}");
        assert_eq!((start["channel"].as_str(), start["first_sequence"].as_u64()), (Some("nasdaq-itch"), Some(1)), "{start}");
    }
}

#[test]
fn tail_shows_one_symbol_and_says_when_there_is_none_of_that_name() {
    let (_directory, dir) = kept("nasdaq");
    let all = tailed(&dir, &["--schema", "mbp-1"]);
    let symbol = all.iter().find(|line| line["kind"] == "board").expect("a board")["symbol"].as_str().expect("a symbol").to_owned();
    let one = tailed(&dir, &["--schema", "mbp-1", "--symbol", &symbol, "--from", "oldest"]);
    assert!(one.iter().filter(|line| line["kind"] == "record").all(|line| line["symbol"] == symbol.as_str()));
    let (code, out, err) = run(&["tail", "nasdaq", "--dir", &dir, "--symbol", "NOSUCH", "--schema", "trades"]);
    assert_eq!(code, 0);
    assert!(!out.contains("NOSUCH") && err.contains("no instrument `NOSUCH` among the 20 known so far; waiting for it"), "{err}");
    let (_, out, _) = run(&["tail", "nasdaq", "--dir", &dir, "--symbol", &symbol, "--schema", "mbp-1", "--limit", "3", "--from", "oldest"]);
    assert_eq!(out.lines().count(), 3, "{out}");
}

#[test]
fn tail_follows_an_id_that_is_given_to_another_symbol() {
    use tickwire::record::{Instrument, Schema, Sink, Status};
    let directory = tempfile::tempdir().expect("a directory");
    let mut spec = tickwire::shm::PublicationSpec::new(directory.path(), "renamed");
    spec.rings = vec![tickwire::shm::RingSpec { schema: Schema::Status, depth: 16 }];
    spec.channels = vec![tickwire::shm::ChannelSpec { name: "A".into(), publisher_id: 2 }];
    spec.instruments = 4;
    let mut publisher = tickwire::shm::Publisher::create(&spec).expect("a publication");
    let mut publish = |symbol: &[u8; 8]| {
        let instrument = Instrument { channel: 0, publisher_id: 2, instrument_id: 7, symbol: *symbol, round_lot: 100 };
        let row = publisher.instrument(&instrument).expect("room").expect("not filtered");
        let mut record: Status = zerocopy::FromZeros::new_zeroed();
        record.hd = tickwire::record::Header::of::<Status>(2, 7, 1);
        publisher.publish(row, &record);
        publisher.commit();
    };
    publish(b"OLD     ");
    let dir = directory.path().to_str().expect("UTF-8");
    let mut tail = tickwire()
        .args(["tail", "renamed", "--dir", dir, "--from", "oldest", "--json", "--limit", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(tail.stdout.take().expect("piped")).lines();
    let mut symbol = || {
        let line = lines.next().expect("a line").expect("UTF-8");
        serde_json::from_str::<serde_json::Value>(&line).expect("JSON")["symbol"].as_str().map(str::to_owned)
    };
    assert_eq!(symbol().as_deref(), Some("OLD"));
    publish(b"NEW     ");
    assert_eq!(symbol().as_deref(), Some("NEW"), "prices under the wrong name are worse than none");
    assert!(tail.wait().expect("ends").success());
}

#[test]
fn a_replay_that_is_stopped_says_so_in_its_code_and_its_summary() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    // A whole trading day at its own pace: it cannot end by itself.
    let (day, summary, dir) = (made().path("day.itch"), path("summary.json"), path("pub"));
    let mut replay = tickwire()
        .args(["replay", &day, "--feed", "nasdaq-itch", "--speed", "1x", "--summary", &summary])
        .args(["--publish", "stopped", "--publication-dir", &dir, "--ring-depth", "1024"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    // Published: its signal handler stands.
    while !Path::new(&dir).join("stopped").exists() {
        assert!(replay.try_wait().expect("asked").is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(10));
    }
    let killed = Command::new("kill").args(["-INT", &replay.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = replay.wait_with_output().expect("ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(i32::from(Exit::Failed.code())), "{err}");
    assert!(err.contains("stopped before its end"), "{err}");
    let summary: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&summary).expect("written")).expect("JSON");
    assert_eq!(summary["stopped"], true);
}

#[test]
fn book_agrees_with_the_books_file_in_json_and_in_text() {
    let (_directory, dir) = kept("nasdaq");
    let truth = std::fs::read_to_string(made().path("truth.csv")).expect("made");
    let best = truth.lines().skip(1).find(|line| line.contains(",B,0,")).expect("a bid");
    let fields: Vec<&str> = best.split(',').collect();
    let (code, out, err) = run(&["book", "nasdaq", fields[0], "--dir", &dir, "--json"]);
    assert_eq!(code, 0, "{err}");
    let book: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        book["bids"][0],
        serde_json::json!({ "price": fields[3], "size": fields[4].parse::<u64>().expect("a size"), "orders": fields[5].parse::<u64>().expect("a count") })
    );
    assert_eq!((book["writer"].as_str(), book["state"].as_str()), (Some("closed"), Some("good")), "{book}");
    let (_, text, _) = run(&["book", "nasdaq", fields[0], "--dir", &dir]);
    assert!(text.contains(fields[3]) && text.contains("writer closed"), "{text}");
}

#[test]
fn orders_shows_every_order_in_its_place_also_when_the_beginning_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().to_str().unwrap().to_owned();
    // A ring so short that nothing but the image knows what rests.
    let capture = made().path("capture.pcap");
    let replay =
        ["replay", &capture, "--feed", "nasdaq-itch", "--publish", "kept", "--publication-dir", &at, "--keep", "--ring-depth", "1024"];
    let without = run(&[&replay[..], &["--books", "-"]].concat());
    assert_eq!(without.0, 0, "{}", without.2);
    let symbol = without.1.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    refused(&["orders", "kept", &symbol, "--dir", &at], Exit::Publication, &["no image to start from: there is none"]);
    refused(&["orders", "kept", &symbol, "--dir", &at, "--wait", "1"], Exit::Publication, &["no image to start from: none came"]);
    let (code, books, said) = run(&[&replay[..], &["--books", "-", "--images-every", "5000"]].concat());
    assert_eq!(code, 0, "{said}");
    assert_eq!(books, without.1, "images change no book");
    let mut orders = 0;
    for symbol in books.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect::<std::collections::BTreeSet<_>>() {
        let (code, out, said) = run(&["orders", "kept", symbol, "--dir", &at, "--levels", "1000000", "--json"]);
        assert_eq!(code, 0, "{said}");
        let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&shown["state"], &shown["writer"]), (&"good".into(), &"closed".into()));
        // As levels, they are the books file.
        let mut levels = Vec::new();
        for (letter, side) in [("B", "bids"), ("S", "asks")] {
            let (mut rank, mut before) = (0, None);
            for order in shown[side].as_array().unwrap() {
                orders += 1;
                let (price, size) = (order["price"].as_str().unwrap().to_owned(), order["size"].as_u64().unwrap());
                if before.as_ref() != Some(&price) {
                    assert_eq!((order["orders_ahead"].as_u64(), order["size_ahead"].as_u64()), (Some(0), Some(0)));
                    levels.push((letter, rank, price.clone(), 0, 0));
                    rank += 1;
                }
                let (.., level_size, level_orders) = levels.last_mut().unwrap();
                assert_eq!((order["orders_ahead"].as_u64(), order["size_ahead"].as_u64()), (Some(*level_orders), Some(*level_size)));
                (*level_size, *level_orders, before) = (*level_size + size, *level_orders + 1, Some(price));
            }
        }
        let lines: Vec<String> =
            levels.into_iter().map(|(side, rank, price, size, orders)| format!("{symbol},{side},{rank},{price},{size},{orders}")).collect();
        assert_eq!(lines, books.lines().filter(|line| line.split(',').next() == Some(symbol)).collect::<Vec<_>>());
    }
    assert!(orders > 100);
    let (code, text, _) = run(&["orders", "kept", &symbol, "--dir", &at]);
    assert!(code == 0 && text.starts_with(&format!("{symbol}: good (")) && text.contains("size ahead"), "{text}");
    let id = text.lines().nth(2).unwrap().split_whitespace().nth(3).unwrap().to_owned();
    let (code, one, _) = run(&["orders", "kept", &symbol, "--dir", &at, "--order", &id]);
    assert!(code == 0 && one.lines().count() == 3 && one.contains(&id), "{one}");
    refused(&["orders", "kept", &symbol, "--dir", &at, "--order", "1"], Exit::Publication, &["no order 1 rests"]);
    refused(&["orders", "kept", "NOSUCH", "--dir", &at], Exit::Publication, &["no instrument \"NOSUCH\""]);
}

#[test]
fn replay_says_where_an_order_waits_as_a_consumer_who_kept_the_queues_does() {
    let dir = tempfile::tempdir().unwrap();
    let (at, summary) = (dir.path().to_str().unwrap().to_owned(), dir.path().join("s.json"));
    let day = made().path("day.itch");
    let replay = ["replay", &day, "--feed", "nasdaq-itch", "--date", "2026-03-03"];
    let publish = ["--publish", "kept", "--publication-dir", &at, "--keep", "--images-every", "5000", "--books", "-"];
    let (code, books, said) = run(&[&replay[..], &publish].concat());
    assert_eq!(code, 0, "{said}");
    let symbol = books.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let (_, shown, _) = run(&["orders", "kept", &symbol, "--dir", &at, "--levels", "1000000", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let kept: Vec<&serde_json::Value> = ["bids", "asks"].iter().flat_map(|side| shown[side].as_array().unwrap()).collect();
    assert!(kept.iter().filter(|order| order["orders_ahead"] != 0).count() > 20, "queues, not single orders: {kept:?}");

    let asked: Vec<String> = kept.iter().map(|order| format!("--queue={symbol}:{}", order["order_id"])).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let (code, out, said) = run(&[&replay[..], &asked, &["--summary", summary.to_str().unwrap()]].concat());
    assert_eq!(code, 0, "{said}");
    let told: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(summary).unwrap()).unwrap();
    let told = told["queued"].as_array().unwrap();
    assert_eq!(told.len(), kept.len());
    for (told, kept) in told.iter().zip(&kept) {
        for key in ["order_id", "side", "price", "size", "orders_ahead", "size_ahead"] {
            assert_eq!(told[key], kept[key], "{key}: {told} {kept}");
        }
        let sizes = kept_at(&shown, kept).map(|order| order["size"].as_u64().unwrap());
        assert_eq!((told["level_orders"].as_u64(), told["level_size"].as_u64()), (Some(sizes.clone().count() as u64), Some(sizes.sum())));
        assert_eq!(told["maybe_bad"], false);
        let line = format!(
            "order {} of {symbol}: {} {}, {} left; ",
            told["order_id"],
            told["side"].as_str().unwrap(),
            told["price"].as_str().unwrap(),
            told["size"]
        );
        assert!(out.contains(&line), "{line:?} is not in: {out}");
    }

    // Standard output is the books', so it is said beside them.
    let (code, out, said) = run(&[&replay[..], &asked[..1], &["--books", "-"]].concat());
    assert!(code == 0 && !out.contains(" ahead ") && said.contains(" ahead (all at its price"), "{said}");

    let (code, out, said) = run(&[&replay[..], &["--queue", &format!("{symbol}:1"), "--queue", "NOSUCH:7"]].concat());
    assert!(code == 1 && out.starts_with("messages "), "{code}: {out}");
    assert!(said.contains(&format!("the replay has ended: {symbol}:1, NOSUCH:7 (no instrument of that name was told)")), "{said}");
    refused(&["replay", &day, "--feed", "iex-tops", "--queue", "A:1"], Exit::Usage, &["--queue", "iex-tops tells no orders"]);
    refused(&[&replay[..], &["--queue", "7"]].concat(), Exit::Usage, &["say SYMBOL:ORDER, as in AAPL:123456"]);
    refused(&[&replay[..], &["--queue", "A:x"]].concat(), Exit::Usage, &["`x` is no order reference"]);
}

/// The orders that rest where this one does.
fn kept_at<'a>(shown: &'a serde_json::Value, order: &'a serde_json::Value) -> impl Iterator<Item = &'a serde_json::Value> + Clone {
    let all = ["bids", "asks"].into_iter().flat_map(|side| shown[side].as_array().unwrap());
    all.filter(|other| (&other["side"], &other["price"]) == (&order["side"], &order["price"]))
}

#[test]
fn top_prints_pictures_as_text_and_as_json() {
    let (_directory, dir) = kept("nasdaq");
    let (code, text, err) = run(&["top", "nasdaq", "--dir", &dir, "--plain", "--seconds", "1", "--rows", "5"]);
    assert_eq!(code, 0, "{err}");
    for said in ["nasdaq", "writer closed", "latency", "p99.9", "symbol"] {
        assert!(text.contains(said), "{said:?} is missing in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "80 columns will do:\n{text}");
    let (code, json, _) = run(&["top", "nasdaq", "--dir", &dir, "--json", "--seconds", "1"]);
    assert_eq!(code, 0);
    let picture: serde_json::Value = serde_json::from_str(json.lines().next().expect("a picture")).expect("JSON");
    assert_eq!(picture["writer"], "closed");
    assert!(picture["messages_per_second"].is_u64() && picture["instruments"].is_array(), "{picture}");
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let (_directory, dir) = kept("nasdaq");
    let mut child = tickwire()
        .args(["tail", "nasdaq", "--dir", &dir, "--schema", "mbo", "--from", "oldest"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    let status = child.wait().expect("ends");
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
    assert!(!first.is_empty() && err.is_empty(), "{status}: {err}");
    assert!(!err.contains("panicked") && status.code().is_none_or(|code| code == 0), "{status}");
}

#[test]
fn top_waits_for_a_publication_and_follows_a_paced_replay_to_its_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_str().expect("UTF-8").to_owned();
    let top = tickwire()
        .args(["top", "live", "--dir", &dir, "--wait", "30", "--json", "--interval-ms", "50"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    let capture = made().path("capture.pcap");
    let (code, _, err) = run(&[
        "replay",
        &capture,
        "--feed",
        "nasdaq-itch",
        "--speed",
        "1x",
        "--publish",
        "live",
        "--publication-dir",
        &dir,
        "--ring-depth",
        "65536",
        "--summary",
        "/dev/null",
    ]);
    assert_eq!(code, 0, "{err}");
    let output = top.wait_with_output().expect("ends by itself");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.contains("not there yet, waiting up to 30 s"), "{err}");
    assert!(began.elapsed() < Duration::from_secs(60));
    let last = String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned).expect("pictures");
    let picture: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    assert!(picture["records_read"].as_u64().is_some_and(|read| read > 0), "{picture}");
}

//! Through the binary: `tickwire bench --show`, its files, and its exit codes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tickwire::bench::Measure;
use tickwire::bench::results::BenchResult;
use tickwire::bench::results::json;

use super::made_up;

fn bench(args: &[impl AsRef<OsStr>]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    let output = command.arg("bench").args(args).stdin(Stdio::null()).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn save(result: &BenchResult, dir: &Path, name: &str) -> String {
    let path = dir.join(name);
    let mut out = Vec::new();
    json::write(result, &mut out).unwrap();
    std::fs::write(&path, out).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_stored_result_is_shown_again_and_written_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let result = made_up::single();
    let stored = save(&result, dir.path(), "result.json");
    let (copy, log, distributions, report) = (at("copy.json"), at("x.hlog"), at("distributions"), at("report"));
    let (code, out, err) =
        bench(&["--show", &stored, "--json", &copy, "--hlog", &log, "--percentiles", &distributions, "--report", &report]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, super::table::table(&result), "no colours where there is no terminal");
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&stored).unwrap());
    assert!(std::fs::read_to_string(log).unwrap().starts_with("#[Histogram log format version 1.3]"));
    assert_eq!(std::fs::read_dir(distributions).unwrap().count(), Measure::ALL.len());
    assert_eq!(std::fs::read_to_string(format!("{report}/index.html")).unwrap(), super::page::page(&result));
    assert_eq!(err, format!("tickwire: the report is {report}/index.html\n"));
}

#[test]
fn on_standard_output_there_is_json_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let stored = save(&made_up::single(), dir.path(), "result.json");
    let (code, out, err) = bench(&["--show", &stored, "--json", "-", "--baseline", &stored, "--fail-if", "p99>1.5x"]);
    assert_eq!((code, out), (0, std::fs::read_to_string(&stored).unwrap()), "{err}");
    assert!(err.contains("kept       p99>1.5x"), "the comparison goes to the other stream: {err}");
}

#[test]
fn a_run_that_is_slower_than_allowed_ends_with_seven() {
    let dir = tempfile::tempdir().unwrap();
    let fast = save(&BenchResult { variants: vec![made_up::variant("xdp", 1, 6_000, 1.0)], ..made_up::frame() }, dir.path(), "fast.json");
    let slow = save(&BenchResult { variants: vec![made_up::variant("xdp", 1, 6_000, 9.0)], ..made_up::frame() }, dir.path(), "slow.json");
    let (code, out, err) = bench(&["--show", &slow, "--baseline", &fast, "--fail-if", "p99>1.2x", "--fail-if", "p50>1s"]);
    assert_eq!(code, 7, "{err}");
    assert!(err.starts_with("tickwire: slower than allowed: p99 of due → seen by the consumer is ") && err.lines().count() == 1, "{err}");
    assert!(err.contains("(--fail-if 'p99>1.2x')") && !err.contains("p50>1s"), "{err}");
    assert!(out.contains("Against the baseline: xdp now") && out.contains("kept       p50>1s"), "{out}");
    let (code, _, err) = bench(&["--show", &fast, "--baseline", &slow, "--fail-if", "p99>1.2x"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let stored = save(&made_up::single(), dir.path(), "result.json");
    let missing = dir.path().join("missing.json");
    let (missing, file) = (missing.to_str().unwrap(), stored.clone());
    let cut = dir.path().join("cut.json");
    std::fs::write(&cut, &std::fs::read(&stored).unwrap()[..900]).unwrap();
    let cut = cut.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 9] = [
        (&["--show", missing], 5, "missing.json: cannot be read"),
        (&["--show", cut], 5, "cut.json: no benchmark's result: EOF"),
        (&["--show", &stored, "--baseline", missing], 5, "missing.json: cannot be read"),
        (&["--show", &stored, "--baseline", cut], 5, "cut.json: no benchmark's result"),
        (&["--show", &stored, "--fail-if", "p99>1.2x"], 2, "a factor is of a baseline, and there is none"),
        (&["--show", &stored, "--fail-if", "p99>fast"], 2, "`fast` is neither a factor nor a time"),
        (&["--show", &stored, "--json", &stored], 2, "it is the file to be read"),
        (&["--show", &stored, "--report", &file], 2, "the report cannot be written"),
        (&["--show", &stored, "--json", "-", "--hlog", "-"], 2, "the result goes to the same place"),
    ];
    for (args, exit, says) in cases {
        let (code, out, err) = bench(args);
        assert_eq!((code, out.as_str()), (exit, ""), "{args:?}: {err}");
        assert!(err.contains(says) && !err.contains("panicked"), "{args:?}: {says:?} is missing in {err}");
    }
}

#[test]
fn an_option_that_would_do_nothing_is_refused() {
    let cases: [(&[&str], &str, &str); 7] = [
        (&["--source", "udp"], "--source", "this run is in process"),
        (&["--vs", "udp"], "--vs", "this run is in process"),
        (&["--via", "frames"], "--via", "this run is in process"),
        (&["--sender-core", "0"], "--sender-core", "nobody sends"),
        (&["--veth", "--waste", "book=50"], "--waste book=50", "in process"),
        (&["--veth", "--late-limit-us", "1", "--pace", "max"], "--late-limit-us", "nothing is due"),
        (&["--waste", "book=5", "--stages-every", "0"], "--waste book=5", "--stages-every"),
    ];
    for (args, option, says) in cases {
        let (code, out, err) = bench(&[&["--generate", "1000"], args].concat());
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{args:?}: {err}");
        assert!(err.starts_with(&format!("tickwire: {option}: ")) && err.contains(says), "{args:?}: {err}");
    }
}

#[test]
fn what_cannot_be_replayed_or_shown_like_this_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let stored = save(&made_up::single(), dir.path(), "result.json");
    let cases: [(&[&str], &str); 9] = [
        (&[], "there is nothing to replay; name a FILE and its --feed, or make a session up"),
        (&["some.pcap"], "--feed: nobody said what the file speaks"),
        (&["--generate", "5000", "--feed", "iex-tops"], "cannot be made up; make up nasdaq-itch, bx-itch or psx-itch"),
        (&["--generate", "100000000000"], "is not in 1..="),
        (&["--generate", "5000", "--pace", "0.000001/s"], "from 0.001 to 1000000000"),
        (&["--generate", "5000", "--pace", "1e300x"], "from 0.001 to 1000000"),
        (&["--show", &stored, "--veth"], "cannot be used with"),
        (&["--show", &stored, "--waste", "decode=3"], "cannot be used with"),
        (&["--show", &stored, "--pace", "max"], "cannot be used with"),
    ];
    for (args, says) in cases {
        let (code, out, err) = bench(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
}

#[test]
fn sessions_of_each_of_nasdaqs_markets_are_made_up() {
    for feed in ["bx-itch", "psx-itch"] {
        let (code, out, err) = bench(&["--generate", "5000", "--feed", feed, "--pace", "max"]);
        assert!(code == 0 && out.contains(&format!("a made-up day of {feed}")), "{out}{err}");
    }
}

#[test]
fn a_run_that_could_not_be_judged_is_not_begun() {
    let dir = tempfile::tempdir().unwrap();
    let stored = dir.path().join("result.json");
    let stored = stored.to_str().unwrap();
    let run = ["--generate", "3000", "--warm-up-ms", "0"];
    let (code, _, err) = bench(&[&run[..], &["--pace", "20000/s", "--json", stored]].concat());
    assert_eq!(code, 0, "{err}");
    // At 10,000/s it is another run; four hours of it would be lost.
    // The factor is one no machine reaches, however busy it is: only whether it is judged is asked here.
    let judged = ["--baseline", stored, "--fail-if", "p50>1000000x"];
    let (code, out, err) = bench(&[&run[..], &["--pace", "0.02/s"], &judged].concat());
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("another pace"), "{err}");
    // Other settings are a matter of opinion, and said.
    let (code, out, err) = bench(&[&run[..], &["--pace", "20000/s", "--schemas", "trades", "--waste", "book=20"], &judged].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("other settings: now `trades;") && out.contains("then `the usual schemas;"), "{out}");
    assert!(out.contains("wasted on purpose, so this is no measurement: book 20 µs"), "{out}");
}

#[test]
fn a_run_however_short_is_not_all_warm_up() {
    let (code, out, err) = bench(&["--generate", "3000"]);
    assert!(code == 0 && !out.contains("nothing was measured") && out.contains("so its warm-up is"), "{out}{err}");
    let (_, out, _) = bench(&["--generate", "3000", "--warm-up-ms", "0", "--limit", "1"]);
    assert!(!out.contains("warm-up (0 ms"), "{out}");
}

#[test]
fn waiting_for_somebody_who_writes_to_a_pipe_ends_with_the_first_signal() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for args in [&["--feed", "nasdaq-itch"][..], &["--show"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
        command.arg("bench").args(args).arg(&pipe).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // Handlers are installed before anything is opened; a signal before that ends it as well.
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(err.contains("stopped before anybody wrote to this pipe"), "{args:?}: {:?} {err}", output.status);
    }
    // And one that is written to is read.
    let stored = save(&made_up::single(), dir.path(), "result.json");
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, std::fs::read(stored).unwrap())
    });
    let (code, out, err) = bench(&[OsStr::new("--show"), pipe.as_os_str()]);
    assert!(code == 0 && out.contains("xdp"), "{err}");
    writer.join().unwrap().unwrap();
}

#[test]
fn what_is_late_is_what_the_command_line_says_also_in_process() {
    let dir = tempfile::tempdir().unwrap();
    let stored = dir.path().join("result.json");
    let stored = stored.to_str().unwrap();
    let run = ["--generate", "5000", "--pace", "10000/s", "--warm-up-ms", "0", "--waste", "sender=3000", "--json", stored];
    for (limit_us, ns) in [(Some("7"), 7_000), (None, 1_000_000)] {
        let option = limit_us.map_or(vec![], |us| vec!["--late-limit-us", us]);
        let (code, _, err) = bench(&[&run[..], &option].concat());
        assert_eq!(code, 0, "{err}");
        let lateness = json::open(Path::new(stored)).unwrap().variants[0].lateness.unwrap();
        // 3 ms of a standstill at 10,000/s: about 30 datagrams were late by more than 7 µs, 20 of them by more than 1 ms.
        assert!(lateness.limit_ns == ns && lateness.late >= 15, "{lateness:?}");
    }
}

#[test]
fn an_argument_need_not_be_text() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join(OsStr::from_bytes(b"r\xff.json"));
    let args = ["--generate", "3000", "--pace", "max", "--json"].map(OsStr::new);
    let (code, _, err) = bench(&[&args[..], &[odd.as_os_str()]].concat());
    assert_eq!(code, 0, "{err}");
    let command = json::open(&odd).unwrap().command;
    assert!(command.contains("bench --generate 3000") && command.contains("r\u{fffd}.json"), "{command}");
}

//! `tickwire bench` as people type it: what is refused before anything runs, what is said while it runs, and where made-up sessions go.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tickwire::bench::handler::destination;
use tickwire::bench::results::BenchResult;
use tickwire::bench::results::json;
use tickwire::error::Exit;
use tickwire::feed::name::FeedName;

use super::packets::{self, Endian, Shot};
use super::recordings::{capture, line, session};
use super::rig::{alone, wire};
use super::venue::RECV_NS;

/// Exit code, standard output, standard error.
fn bench(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    let output = command.arg("bench").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// The same, with its result.
fn result(arguments: &[&str]) -> (BenchResult, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("result.json");
    let (code, out, err) = bench(&[arguments, &["--json", file.to_str().unwrap()]].concat());
    assert_eq!(code, 0, "{out}{err}");
    (json::open(&file).unwrap(), err)
}

fn configuration(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// A capture of one line whose recorded times are these, in seconds from the first.
fn capture_at(seconds: &[u64]) -> packets::TempFile {
    let datagrams = session(b"SESSION001", 1, 700);
    let shot = |(second, payload): (&u64, &Vec<u8>)| Shot {
        ns: RECV_NS + second * 1_000_000_000,
        bytes: packets::ethernet(line(1).group, 1, payload),
        snapped: 0,
    };
    packets::file(&packets::classic(Endian::Little, 1, 1, &seconds.iter().zip(&datagrams).map(shot).collect::<Vec<_>>()))
}

#[test]
fn a_short_schedule_has_a_short_warm_up_and_says_so() {
    let _alone = alone();
    let (result, _) = result(&["--generate", "4000", "--symbols", "40", "--pace", "2000/s"]);
    let counts = &result.variants[0].counts;
    assert!(counts.warm_up > 0 && counts.warm_up < counts.sent / 3, "{counts:?}");
    let remark = result.remarks.iter().find(|remark| remark.contains("its warm-up is")).unwrap();
    assert!(remark.contains("instead of 500 ms"), "{remark}");
    assert!(!result.variants[0].measures.get(result.headline).is_empty());
}

#[test]
fn a_warm_up_that_swallows_the_schedule_is_refused_before_the_run() {
    let (code, out, err) = bench(&["--generate", "4000", "--symbols", "40", "--pace", "2000/s", "--warm-up-ms", "60000"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.starts_with("tickwire: --warm-up-ms 60000: a round lasts ") && err.contains("nothing of it would be measured"), "{err}");
}

#[test]
fn how_long_it_lasts_is_said_before_it_begins_and_each_round_when_it_has_ended() {
    let _alone = alone();
    let (_, said) = result(&["--generate", "4000", "--symbols", "40", "--pace", "2000/s", "--rounds", "2"]);
    let lines: Vec<&str> = said.lines().collect();
    let [plan, first, second] = lines[..] else { panic!("{said}") };
    assert!(plan.starts_with("bench: one round lasts ") && plan.contains(" ms; 2 rounds: about "), "{said}");
    for (line, round) in [(first, 1), (second, 2)] {
        assert!(line.starts_with(&format!("bench: in process, round {round} of 2: due → ")), "{said}");
        assert!(line.contains(" p50 ") && line.contains(" datagrams, took "), "{said}");
    }
}

#[test]
fn a_capture_with_a_year_s_gap_says_that_it_takes_a_year_and_what_to_do() {
    let _alone = alone();
    let file = capture_at(&[0, 1, 2, 3, 366 * 86_400]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.args(["bench", file.path.to_str().unwrap(), "--feed", "nasdaq-itch"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stderr.take().unwrap()), &mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.starts_with("bench: one round lasts 366 days 0 h; --recorded-s or --limit takes less of it"), "{said}");
}

#[test]
fn time_that_runs_backwards_in_a_capture_is_noted() {
    let _alone = alone();
    let file = capture_at(&[0, 3, 1, 2, 4]);
    let (result, _) = result(&[file.path.to_str().unwrap(), "--feed", "nasdaq-itch", "--pace", "10x"]);
    let remark = result.remarks.iter().find(|remark| remark.contains("recorded up to")).unwrap();
    assert!(remark.starts_with("2 datagrams are recorded up to 2.00 s before what stands ahead of them"), "{remark}");
}

#[test]
fn lines_that_are_not_there_are_told_with_those_that_are() {
    let payloads = session(b"SESSION001", 1, 700);
    let file = capture(&[(1, &payloads[0]), (2, &payloads[0]), (1, &payloads[1])], 1_000);
    let (code, _, err) = bench(&[file.path.to_str().unwrap(), "--feed", "nasdaq-itch", "--line", "239.1.2.3:9"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("(3 frames, to 239.192.1.1:1, 239.192.1.1:2)") && err.contains("name others"), "{err}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let generate = ["--generate", "4000", "--symbols", "40"];
    let cases: [(&[&str], &str); 4] = [
        (&["--waste", "book=2000", "--waste", "book=5"], "--waste book: it is said more than once"),
        (&["--line", "239.1.1.1:1", "--line", "239.1.1.2:1"], "--line: a made-up session goes to one line"),
        (&["--from", "lo", "--to", "lo"], "AF_XDP on lo: the loopback's frames are up to"),
        (&["--line", "10.9.9.9:1"], "--line 10.9.9.9:1: a made-up session goes to a multicast group"),
    ];
    for (arguments, why) in cases {
        let (code, out, err) = bench(&[&generate, arguments].concat());
        assert!(code == 2 && out.is_empty() && err.contains(why), "{arguments:?}: {code} {err}");
    }
}

#[test]
fn a_unicast_capture_on_the_wire_is_refused_by_its_line_not_by_a_key_that_nobody_wrote() {
    let to = std::net::Ipv4Addr::new(10, 9, 9, 9);
    let payloads = session(b"SESSION001", 1, 700);
    let shot = |(nth, payload): (usize, &Vec<u8>)| Shot { ns: RECV_NS + nth as u64, bytes: packets::ethernet(to, 1, payload), snapped: 0 };
    let file = packets::file(&packets::classic(Endian::Little, 1, 1, &payloads.iter().enumerate().map(shot).collect::<Vec<_>>()));
    let file = file.path.to_str().unwrap();
    let (code, _, err) = bench(&[file, "--feed", "nasdaq-itch", "--pace", "max", "--from", "lo", "--to", "lo", "--source", "udp"]);
    assert!(code == 5 && err.contains(&format!("{file}: its line 10.9.9.9:1 is unicast")) && err.contains("--line"), "{code} {err}");
}

#[test]
fn a_made_up_session_goes_to_the_first_itch_channel_of_a_configuration() {
    let goes = |name: &str, feed| destination(&configuration(name), feed, None).map(|(feed, line)| (feed, line.to_string()));
    assert_eq!(goes("bx-itch.toml", None), Ok((FeedName::BxItch, "239.192.11.1:26400".into())));
    assert_eq!(goes("example.toml", None), Ok((FeedName::NasdaqItch, "233.54.12.111:26477".into())));
    let refused = goes("iex-deep.toml", None).unwrap_err();
    assert_eq!(refused.exit, Exit::Config);
    let said = refused.to_string();
    assert!(said.contains("it has channels of iex-deep, none of an ITCH feed; replay a recording instead of --generate"), "{said}");
    let refused = goes("example.toml", Some(FeedName::BxItch)).unwrap_err().to_string();
    assert!(refused.contains("it has channels of iex-tops, nasdaq-itch, none of bx-itch"), "{refused}");
}

#[test]
fn the_configurations_that_come_with_it_are_measured_as_they_are() {
    let _alone = alone();
    if wire().is_none() {
        return;
    }
    for (name, feed) in [("bx-itch.toml", "bx-itch"), ("example.toml", "nasdaq-itch")] {
        let path = configuration(name);
        let arguments = ["--generate", "10000", "--symbols", "40", "--pace", "3000/s", "--veth", "--source", path.to_str().unwrap()];
        let (result, _) = result(&arguments);
        let counts = &result.variants[0].counts;
        assert!(result.workload.contains(feed) && counts.messages == 10_000, "{name}: {} {counts:?}", result.workload);
    }
}

#[test]
fn what_a_killed_run_left_in_memory_is_removed_by_the_next_and_said() {
    let _alone = alone();
    let mut dead = Command::new("/bin/true").spawn().unwrap();
    dead.wait().unwrap();
    let at = |process: u32| PathBuf::from(format!("/dev/shm/tickwire-bench-{process}-77"));
    let (left, living) = (at(dead.id()), at(std::process::id()));
    let told_by_the_next = || {
        for dir in [&left, &living] {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join("bench"), "rings").unwrap();
        }
        let (result, _) = result(&["--generate", "4000", "--symbols", "40", "--pace", "2000/s"]);
        let (is_left, is_there) = (left.exists(), living.exists());
        std::fs::remove_dir_all(&living).unwrap();
        assert!(!is_left && is_there, "of the dead, of the living: {is_left}, {is_there}");
        result.remarks.into_iter().find(|remark| remark.contains("a run that was killed"))
    };
    // Tests beside this one run in this process, and the next run may be one of theirs, which tells its own reader: then once more.
    let remark = (0..5).find_map(|_| told_by_the_next()).expect("one of five runs that found it and said so");
    assert!(remark.contains(left.to_str().unwrap()), "{remark}");
}

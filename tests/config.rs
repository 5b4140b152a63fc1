//! The configuration's shape, and that `config/example.toml` documents every key with its real default.
#![cfg(feature = "service")]

use std::path::{Path, PathBuf};

use tickwire::config::{Config, ConfigFile};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

fn example() -> String {
    std::fs::read_to_string(shipped("example.toml")).expect("config/example.toml")
}

fn refused(text: &str) -> String {
    ConfigFile::parse(Path::new("feed.toml"), text.to_owned()).expect_err(text).to_string()
}

/// Every section there is: as a path, and as a text that ends inside it.
const SECTIONS: [(&str, &str); 12] = [
    ("", ""),
    ("service", "[service]\n"),
    ("lane", "[[lane]]\n"),
    ("lane.interface", "[[lane]]\n[[lane.interface]]\n"),
    ("lane.xdp", "[[lane]]\n[lane.xdp]\n"),
    ("lane.udp", "[[lane]]\n[lane.udp]\n"),
    ("publication", "[[publication]]\n"),
    ("publication.image", "[[publication]]\n[publication.image]\n"),
    ("publication.recording", "[[publication]]\n[publication.recording]\n"),
    ("publication.ring", "[[publication]]\n[[publication.ring]]\n"),
    ("channel", "[[channel]]\n"),
    ("channel.line", "[[channel]]\n[[channel.line]]\n"),
];

/// The keys a section takes: the refusal of one that it does not take lists them.
fn keys_of(opening: &str) -> Vec<String> {
    let error = refused(&format!("{opening}qqqqqqqqqqqqqqqq = 1\n"));
    let first = error.lines().next().expect("a line");
    let (_, list) = first.split_once("there is: ").unwrap_or_else(|| panic!("no list of keys in {error}"));
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_example_names_every_key_there_is_and_explains_it() {
    let text = example();
    for (section, opening) in SECTIONS {
        for key in keys_of(opening) {
            let path = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
            if SECTIONS.iter().any(|(other, _)| *other == path) {
                let there = [format!("[{path}]"), format!("[[{path}]]")].iter().any(|header| text.lines().any(|line| line == header));
                assert!(there, "config/example.toml has no section [{path}]");
            } else {
                assert!(!comment_of(&text, section, &key).is_empty(), "config/example.toml does not explain {path}");
            }
        }
    }
    for (path, _) in &SECTIONS[1..] {
        let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
        let (_, opening) = SECTIONS.iter().find(|(section, _)| *section == parent).expect("a parent");
        assert!(keys_of(opening).iter().any(|known| known == key), "{path} is no section any more: correct this test's list");
    }
}

/// The comment above a key where it first stands in its section; several keys may share one.
fn comment_of(text: &str, section: &str, key: &str) -> String {
    let mut inside = section.is_empty();
    let mut comment = String::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']) == section;
            comment.clear();
        } else if let Some(said) = line.strip_prefix('#') {
            if comment.ends_with('=') {
                comment.clear();
            }
            comment += said;
        } else if inside && line.split('=').next().is_some_and(|name| name.trim() == key) {
            return comment.trim_end_matches('=').to_owned();
        } else if line.contains('=') {
            // The next key shares the comment unless it has its own.
            comment.push('=');
        }
    }
    String::new()
}

#[test]
fn the_defaults_in_the_example_s_comments_are_the_real_ones() {
    let least = r#"
        [[lane]]
        name = "l"
        source = "xdp"
        xdp = {}
        udp = {}
        [[lane.interface]]
        name = "i"
        [[publication]]
        name = "p"
        ring = [{ schema = "mbo" }]
        image = {}
        recording = { dir = "d" }
        [[channel]]
        name = "c"
        feed = "f"
        lane = "l"
        publication = "p"
    "#;
    let Config { service, lane, publication, channel } =
        ConfigFile::parse(Path::new("least.toml"), least.to_owned()).expect("parses").config;
    let (lane, publication, channel) = (&lane[0], &publication[0], &channel[0]);
    let (xdp, udp) = (lane.xdp.as_ref().expect("there").get_ref(), lane.udp.as_ref().expect("there").get_ref());
    let image = publication.image.as_ref().expect("there").get_ref();
    let recording = publication.recording.as_ref().expect("there").get_ref();
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    let quoted = |value: &dyn std::fmt::Debug| format!("\"{}\"", text(value));
    let real = [
        ("service.publication_dir", text(&service.publication_dir)),
        ("service.log", quoted(&service.log)),
        ("service.report_interval_s", text(&service.report_interval_s)),
        ("service.lock_memory", text(&service.lock_memory)),
        ("lane.idle_sleep_us", text(lane.idle_sleep_us.get_ref())),
        ("lane.latency_every", text(lane.latency_every.get_ref())),
        ("lane.stages_every", text(lane.stages_every.get_ref())),
        ("lane.interface.flows_pinned", text(&lane.interface[0].flows_pinned)),
        ("lane.xdp.mode", quoted(&xdp.mode)),
        ("lane.xdp.zero_copy", quoted(&xdp.zero_copy)),
        ("lane.xdp.frames", text(xdp.frames.get_ref())),
        ("lane.xdp.frame_bytes", text(xdp.frame_bytes.get_ref())),
        ("lane.xdp.huge_pages", quoted(&xdp.huge_pages)),
        ("lane.xdp.prefer_busy_poll", text(&xdp.prefer_busy_poll)),
        ("lane.udp.engine", quoted(&udp.engine)),
        ("lane.udp.receive_buffer_bytes", text(&udp.receive_buffer_bytes)),
        ("publication.signal_levels", text(publication.signal_levels.get_ref())),
        ("publication.flow_window_ms", text(publication.flow_window_ms.get_ref())),
        ("publication.image.interval_ms", text(image.interval_ms.get_ref())),
        ("publication.image.peak_records_per_s", text(image.peak_records_per_s.get_ref())),
        ("publication.recording.rotate_mib", text(recording.rotate_mib.get_ref())),
        ("channel.gap_wait_us", text(channel.gap_wait_us.get_ref())),
        ("channel.window_packets", text(channel.window_packets.get_ref())),
        ("channel.silence_ms", text(channel.silence_ms.get_ref())),
        ("channel.orders", text(channel.orders.get_ref())),
        ("channel.levels", text(channel.levels.get_ref())),
    ];
    let example = example();
    let mut said = 0;
    for line in example.lines() {
        said += usize::from(line.starts_with('#') && line.contains("Default")) + usize::from(line.contains("Defaults"));
    }
    for (path, value) in &real {
        let (section, key) = path.rsplit_once('.').expect("a section");
        let comment = comment_of(&example, section, key);
        let stated = comment.contains(&format!("Default {value}")) || (comment.contains("Defaults ") && comment.contains(value.as_str()));
        assert!(stated, "the default of {path} is {value}; its comment says: {comment}");
    }
    // Besides these, only a ring's depth has one, which the plan decides (tests/plan.rs).
    assert_eq!(said, real.len() + 1, "a comment states a default that this test does not check");
}

#[test]
fn an_unknown_key_is_named_with_its_line_a_caret_and_the_key_that_was_meant() {
    let expected = "feed.toml:2: service.publcation_dir: `publcation_dir` is no key of this section; did you mean `publication_dir`? \
                    There is: publication_dir, log, report_interval_s, lock_memory, latency_log\n\
                    \x20 2 | publcation_dir = \"/dev/shm\"\n\
                    \x20   | ^^^^^^^^^^^^^^";
    assert_eq!(refused("[service]\npublcation_dir = \"/dev/shm\"\n"), expected);
}

#[test]
fn what_is_wrong_with_the_shape_is_said_with_line_key_and_what_was_expected() {
    let table = [
        (
            "[servcie]\n",
            "1: servcie: `servcie` is no key of this section; did you mean `service`? There is: service, lane, publication, channel",
        ),
        ("[service]\nlog = \"loud\"\n", "2: service.log: `loud` is no value for this key; there is: error, warn, info, debug"),
        (
            "[service]\nlog = \"wran\"\n",
            "2: service.log: `wran` is no value for this key; did you mean `warn`? There is: error, warn, info, debug",
        ),
        ("[service]\nlog = 3\n", "2: service.log: this is no text in quotes; write one of the words that config/example.toml names"),
        ("[service]\nlock_memory = \"yes\"\n", "2: service.lock_memory: this is the text \"yes\"; write true or false"),
        ("[service]\nreport_interval_s = -1\n", "2: service.report_interval_s: this is the number -1; write a whole number, 0 or more"),
        ("[service]\nreport_interval_s = 1.5\n", "2: service.report_interval_s: this is the number 1.5; write a whole number, 0 or more"),
        ("[service]\nlog = \"info\"\nlog = \"warn\"\n", "3: service.log: this key stands here twice; remove one of the two"),
        (
            "[[lane]]\nname = \"x\"\n",
            "1: lane.source: this key is missing, and it has no default; config/example.toml shows every key with its unit",
        ),
        (
            "[[lane]]\nname = \"x\"\nsource = \"udq\"\n",
            "3: lane.source: `udq` is no value for this key; did you mean `udp`? There is: xdp, udp",
        ),
        ("[[lane]]\nname = 7\n", "2: lane.name: this is the number 7; write a text in quotes"),
        (
            "[[lane]]\nname = \"x\"\nsource = \"udp\"\ncore = \"1\"\n",
            "4: lane.core: this is the text \"1\"; write a whole number from 0 to 4294967295",
        ),
        ("[lane]\nname = \"x\"\n", "1: lane: this is a section; write a list in brackets, or one [[section]] for each"),
        (
            "[[channel]]\n[[channel.line]]\ngroup = \"239.1.1\"\n",
            "3: channel.line.group: this is no IPv4 address; write four numbers, as in \"239.192.1.1\"",
        ),
        (
            "[[channel]]\n[[channel.line]]\nport = 70000\n",
            "3: channel.line.port: this is the number 70000; write a whole number from 0 to 65535",
        ),
        ("[[channel]]\nlane = lane0\n", "2: channel.lane: this is not TOML: "),
        ("[service\n", "1: this is not TOML: "),
        ("tickwire replay day.itch\n", "1: this is not TOML: "),
    ];
    for (text, expected) in table {
        let error = refused(text);
        println!("{error}\n");
        let first = error.lines().next().expect("a line");
        let expected = format!("feed.toml:{expected}");
        assert!(first == expected || (expected.ends_with(": ") && first.starts_with(&expected)), "\n  said {first}\nwanted {expected}");
        assert!(error.lines().count() == 3, "the line and a caret are missing: {error}");
    }
}

#[test]
fn hostile_files_are_refused_in_a_sentence_and_never_move_the_cursor() {
    for text in ["\u{1b}[2J = 1\n", "[[lane]]\nname = \"\\u001b[2J\"\nsource = 1", "\0\0\0\0", "a = \"\\uD800\""] {
        let error = refused(text);
        assert!(!error.chars().any(|c| c.is_control() && c != '\n'), "{error:?}");
    }
    // Neither the stack nor the message grows with the file.
    for text in ["[".repeat(200_000), format!("a = {}", "[".repeat(200_000)), "a.".repeat(200_000), "x".repeat(500_000)] {
        assert!(refused(&text).len() < 4_000);
    }
    let shown = ConfigFile::read(Path::new("/dev/zero")).expect_err("endless").to_string();
    assert_eq!(
        shown,
        "/dev/zero: the configuration cannot be read: it is longer than 1048576 bytes; name an existing TOML file with --config; config/example.toml is a start"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let binary = directory.path().join("binary");
    std::fs::write(&binary, [0xff, 0xfe, 0]).expect("written");
    for (path, why) in [(directory.path(), "Is a directory"), (&directory.path().join("none"), "No such file"), (&binary, "no text")] {
        let shown = ConfigFile::read(path).expect_err("no configuration").to_string();
        assert!(shown.contains(why), "{shown}");
    }
}

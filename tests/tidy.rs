//! The rules a grep can keep, so that review is about design.
//!
//! Each rule takes a tree of files and returns complaints: the place, what is wrong there, and why that matters. Two kinds of
//! tests: every rule holds for this repository, and every rule complains about a made-up tree that breaks it. A rule about
//! files that do not exist yet holds.

use std::path::Path;

#[path = "tidy/rust_text.rs"]
mod rust_text;

use rust_text::{code, crate_paths, words};

/// One text file; `path` is relative to the repository's root, with `/`.
struct File {
    path: String,
    text: String,
    executable: bool,
}

type Tree = Vec<File>;
type Complaints = Vec<String>;

// ── the rules' tables: to break a rule on purpose, change its table and say why ──

/// Who may say `unsafe`: the machine's doors. A path ending in `/` is a folder.
const MAY_BE_UNSAFE: &[&str] =
    &["src/sys/", "src/shm/region.rs", "src/c_api/", "src/source/xdp/", "src/source/udp.rs", "src/source/udp/", "python/src/buffer.rs"];

/// Who may read a clock. The path itself is told the time by its source's stamp, or it could be neither replayed nor simulated.
const MAY_READ_CLOCKS: &[&str] = &[
    "src/sys/",
    "src/time.rs",
    "src/time/",
    "src/main.rs",
    "src/cli/",
    "src/service.rs",
    "src/service/",
    "src/play/",
    // A replay's own pace and duration; the pipeline in it runs on the recording's clock.
    "src/replay/",
    // What it is about.
    "src/bench/",
    // A writer's heartbeat, and the time an epoch is named by.
    "src/shm/region.rs",
    "src/shm/epoch.rs",
    // A consumer asks how the writer is, a hundred times a second at most.
    "src/shm/watch.rs",
    // A consumer without an image looks for one now and then.
    "src/shm/order_stream.rs",
    // The same with a file that the recorder has yet to write.
    "src/dbn_files/history.rs",
    // How long a Python program is willing to wait.
    "python/src/",
    // Back-off while the kernel still holds a dead owner's queue.
    "src/source/xdp/",
];

/// What of ours a module may name. `module` allows all of it, `module::Item` that item only.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("wire", &["stats"]),
    ("feed", &["record", "stats", "wire"]),
    ("book", &["feed::Side", "record", "stats", "sys"]),
    ("compose", &["book", "feed", "record", "stats", "sys::prefetch"]),
    ("record", &[]),
    ("shm", &["record", "sys"]),
    ("c_api", &["record", "shm"]),
    ("source", &["stats", "sys", "time", "wire"]),
    ("stats", &[]),
    ("sys", &[]),
    ("time", &["sys"]),
    ("topology", &["sys"]),
    ("error", &["shm::ShmError", "sys::signals::FORCED_EXIT"]),
    ("journal", &["feed"]),
    ("books_file", &["compose", "feed"]),
    // A sink and a consumer: nothing of the path but what a feed is called.
    ("dbn_files", &["error", "feed", "record", "shm"]),
    ("config", &["error", "record"]),
    (
        "plan",
        &[
            "book::BooksCapacity",
            "channel::ChannelConfig",
            "config",
            "dbn_files",
            "error",
            "feed",
            "lane::counters",
            "record",
            "shm",
            "source",
            "sys",
            "topology",
            // The names of the counters that a computed publication shows.
            "windows::Counters",
        ],
    ),
    // A consumer and a writer of publications that knows the venue's calendar; it reads no clock and knows no plan.
    ("windows", &["feed::venue_time", "record", "shm"]),
    // Recordings go through the replay, and what a table is of a schema is the record's own layout.
    // A file may be a pipe, which sys opens.
    (
        "convert",
        &["book::BooksCapacity", "books_file", "error", "feed::name", "plan::schemas_of", "record", "replay", "source", "sys::opened"],
    ),
    // The generator is the judge of feed and book, so it shares nothing with them.
    ("generate", &["error"]),
    ("play", &["error", "generate", "source", "stats", "sys", "time", "wire"]),
];

/// Who sees them all.
const SEE_ALL: &[&str] = &["lib", "main", "cli", "service", "replay", "bench", "lane", "channel"];

/// Rooms that are safe code only, and say so.
const FORBID_UNSAFE: &[&str] = &["wire", "feed", "book", "record", "plan", "config", "windows"];

/// Rooms without floats: a price is an `i64` of 1e-9 units from the wire to the ring.
const WITHOUT_FLOATS: &[&str] = &["wire", "feed", "book", "record", "shm", "windows"];

/// What a datagram passes on its way: no lock here, taken or free (`tests/hot_instructions.rs` looks for what others bring in).
const WITHOUT_LOCKS: &[&str] = &[
    "src/wire/",
    "src/source/frame.rs",
    "src/source/lines.rs",
    "src/source/xdp/mod.rs",
    "src/source/xdp/rings.rs",
    "src/source/xdp/socket.rs",
    "src/source/xdp/umem.rs",
    "src/source/udp/",
    "src/feed/",
    "src/book/",
    "src/compose/",
    "src/record/",
    "src/channel.rs",
    "src/lane/mod.rs",
    "src/shm/cell.rs",
    "src/shm/ring.rs",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "core", "types", "manager", "helpers", "misc"];

const LONGEST_FILE: usize = 500;

// ── the rules ──

fn unsafe_stays_in_its_rooms(tree: &Tree) -> Complaints {
    let outside = |file: &&File| is_ours(file) && !within(&file.path, MAY_BE_UNSAFE);
    words_in(tree.iter().filter(outside), |word, before, _| word == "unsafe" || (word == "unsafe_code" && before.ends_with("allow(")))
        .map(|(place, word)| {
            format!("{place}: `{word}` outside {}: put a safe function with a proof into src/sys/ and call that", MAY_BE_UNSAFE.join(", "))
        })
        .collect()
}

fn clocks_are_read_by_few(tree: &Tree) -> Complaints {
    const READINGS: &[&str] = &[
        "Instant",
        "SystemTime",
        "clock_gettime",
        "rdtsc",
        "_rdtsc",
        "__rdtscp",
        "clock_ns",
        "monotonic_ns",
        "realtime_ns",
        "gettimeofday",
    ];
    let outside = |file: &&File| is_ours(file) && !within(&file.path, MAY_READ_CLOCKS);
    words_in(tree.iter().filter(outside), |word, _, _| READINGS.contains(&word))
        .map(|(place, word)| {
            format!("{place}: `{word}`: this file may not read a clock (see MAY_READ_CLOCKS); take the time as an argument, or a `Clock`")
        })
        .collect()
}

fn data_flows_one_way(tree: &Tree) -> Complaints {
    let known: Vec<&str> = tree.iter().filter_map(|file| module_of(&file.path)).collect();
    let mut complaints = Vec::new();
    for file in tree.iter().filter(|file| is_ours(file)) {
        let Some(module) = module_of(&file.path) else { continue };
        if SEE_ALL.contains(&module) {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!("{}: the module `{module}` is not in the table MAY_IMPORT: say there what it may see", file.path));
            continue;
        };
        for (root, line, path) in crate_paths(&code(&file.text)) {
            let target = path.split("::").next().unwrap_or_default();
            // `super::ring` may be a file of the same room that has a namesake at the top.
            let neighbour = |other: &File| other.path.starts_with(&format!("src/{module}/")) && file_stem(&other.path) == target;
            let at_top = root == "crate::" || !tree.iter().any(neighbour);
            let of_ours = at_top && target != module && known.contains(&target);
            let fine =
                allowed.iter().any(|allowed| path == *allowed || path.strip_prefix(allowed).is_some_and(|rest| rest.starts_with("::")));
            if of_ours && !fine {
                complaints.push(format!(
                    "{}:{line}: `{module}` names `{path}`, but may see only [{}]: data flows one way, and channel.rs or lane.rs joins what must meet",
                    file.path,
                    allowed.join(", ")
                ));
            }
        }
    }
    complaints
}

fn files_stay_short(tree: &Tree) -> Complaints {
    tree.iter()
        .filter(|file| is_ours(file))
        .map(|file| (file, file.text.lines().count()))
        .filter(|&(_, lines)| lines > LONGEST_FILE)
        .map(|(file, lines)| format!("{}: {lines} lines, more than {LONGEST_FILE}: it holds two concepts; give each a file", file.path))
        .collect()
}

fn nothing_is_left_to_be_done(tree: &Tree) -> Complaints {
    // In pieces, so that this file does not complain about itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let macros = [concat!("to", "do"), concat!("unimple", "mented"), concat!("d", "bg")];
    let rust = tree.iter().filter(|file| file.path.ends_with(".rs"));
    let in_code = words_in(rust, |word, _, after| macros.contains(&word) && after.starts_with('!'))
        .map(|(place, word)| format!("{place}: `{word}!` is no code: write it, or leave the feature out and say so in the README"));
    let in_text =
        tree.iter().flat_map(|file| file.text.lines().zip(1..).map(move |(line, n)| (file, n, line))).filter_map(|(file, n, line)| {
            let mark = marks.iter().find(|mark| words(line).any(|(at, word)| word == **mark && !line[..at].ends_with('.')))?;
            Some(format!("{}:{n}: {mark}: what is not done belongs in an issue or in the README's list, not in the source", file.path))
        });
    in_code.chain(in_text).collect()
}

fn prices_are_integers(tree: &Tree) -> Complaints {
    let rooms = |file: &&File| is_ours(file) && module_of(&file.path).is_some_and(|module| WITHOUT_FLOATS.contains(&module));
    words_in(tree.iter().filter(rooms), |word, _, _| word.ends_with("f32") || word.ends_with("f64"))
        .map(|(place, word)| format!("{place}: `{word}`: no floats between the wire and the ring; a price is an i64 in 1e-9 units"))
        .collect()
}

fn the_path_locks_nothing(tree: &Tree) -> Complaints {
    const LOCKS: &[&str] = &["Mutex", "RwLock", "Condvar", "Once", "OnceLock", "LazyLock", "SeqCst"];
    let is_lock = |word: &str| LOCKS.contains(&word) || word.starts_with("fetch_") || word.starts_with("compare_exchange");
    words_in(tree.iter().filter(|file| within(&file.path, WITHOUT_LOCKS)), move |word, _, _| is_lock(word))
        .map(|(place, word)| {
            format!("{place}: `{word}` on a datagram's way: one thread owns all it touches, and others read by loads and stores alone")
        })
        .collect()
}

fn modules_begin_with_their_concept(tree: &Tree) -> Complaints {
    tree.iter()
        .filter(|file| is_ours(file) && !file.text.starts_with("//! "))
        .map(|file| {
            format!("{}: does not begin with `//! `: say what concept it is, and its invariants, before the first line of code", file.path)
        })
        .collect()
}

fn safe_rooms_say_so(tree: &Tree) -> Complaints {
    tree.iter()
        .filter(|file| FORBID_UNSAFE.iter().any(|room| file.path == format!("src/{room}.rs") || file.path == format!("src/{room}/mod.rs")))
        .filter(|file| !code(&file.text).contains("#![forbid(unsafe_code)]"))
        .map(|file| {
            format!(
                "{}: lacks `#![forbid(unsafe_code)]`: hostile bytes are read here, and that promise is checked by the compiler",
                file.path
            )
        })
        .collect()
}

fn no_machine_s_own_paths(tree: &Tree) -> Complaints {
    let homes = ["/home/", concat!("/ro", "ot/"), "/Users/", concat!("/wo", "rk/")];
    let lines = tree.iter().flat_map(|file| file.text.lines().zip(1..).map(move |(line, n)| (file, n, line)));
    lines
        .filter(|(file, _, _)| file.path != "tests/tidy.rs")
        .filter_map(|(file, n, line)| {
            let path = homes.iter().find(|home| {
                let starts = |(at, _): (usize, &str)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-*".contains(c));
                line.match_indices(**home).any(starts)
            })?;
            Some(format!("{}:{n}: `{path}…` is one machine's own path: make it relative, or take it from the environment", file.path))
        })
        .collect()
}

fn names_say_what_is_inside(tree: &Tree) -> Complaints {
    tree.iter()
        .filter(|file| file.path.starts_with("src/") || file.path.starts_with("bpf/") || file.path.starts_with("python/"))
        .filter_map(|file| {
            let empty = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part)).find(|part| EMPTY_NAMES.contains(part))?;
            Some(format!("{}: `{empty}` names nothing: call it by the concept inside", file.path))
        })
        .collect()
}

fn the_readme_s_commands_exist(tree: &Tree) -> Complaints {
    let readme = tree.iter().filter(|file| file.path == "README.md").flat_map(|file| paths_to_scripts(&file.text));
    let missing = readme
        .filter(|script| !tree.iter().any(|file| file.path == *script))
        .map(|script| format!("README.md: names {script}, which does not exist: a reader will try it first"));
    let dull = tree
        .iter()
        .filter(|file| file.path.starts_with("scripts/") && file.text.starts_with("#!") && !file.executable)
        .map(|file| format!("{}: has a `#!` line but is not executable: chmod +x it", file.path));
    let unmarked = tree
        .iter()
        .filter(|file| file.path.starts_with("scripts/") && file.executable && !file.text.starts_with("#!"))
        .map(|file| format!("{}: is executable but does not say by what: begin it with `#!`", file.path));
    missing.chain(dull).chain(unmarked).collect()
}

fn every_reason_is_explained(tree: &Tree) -> Complaints {
    let Some(operations) = tree.iter().find(|file| file.path == "docs/operations.md") else { return Vec::new() };
    let explained: Vec<&str> = words(&operations.text).map(|(_, word)| word).collect();
    let Some(stats) = tree.iter().find(|file| file.path == "src/stats.rs") else { return Vec::new() };
    reasons(&stats.text)
        .filter(|reason| !explained.contains(reason))
        .map(|reason| {
            format!("docs/operations.md: the drop reason `{reason}` is not explained: an operator who sees it counting up will look there")
        })
        .collect()
}

// ── what the rules stand on ──

/// Whether a file is Rust source of the library, the binary, or the extension module.
fn is_ours(file: &File) -> bool {
    (file.path.starts_with("src/") || file.path.starts_with("python/src/")) && file.path.ends_with(".rs")
}

/// Whether a path is one of the files, or in one of the folders.
fn within(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
}

/// The module right under `src/` that a file belongs to.
fn module_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    inside.split('/').next()?.split('.').next()
}

/// What a file is called as a module: `ring` for `shm/ring.rs` and for `shm/ring/mod.rs`.
fn file_stem(path: &str) -> &str {
    let path = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs")).unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

/// The names of the drop reasons, from the table in stats.rs: `Variant = "name",`.
fn reasons(stats: &str) -> impl Iterator<Item = &str> {
    stats.lines().filter_map(|line| {
        let (variant, rest) = line.trim().split_once(" = \"")?;
        let name = rest.strip_suffix("\",")?;
        (variant.chars().all(char::is_alphanumeric)).then_some(name)
    })
}

/// `scripts/NAME` wherever a text has it.
fn paths_to_scripts(text: &str) -> Vec<String> {
    let name = |rest: &str| rest.chars().take_while(|&c| c.is_alphanumeric() || "_-.".contains(c)).collect::<String>();
    let found = text.match_indices("scripts/").map(|(at, folder)| name(&text[at + folder.len()..]));
    found.map(|name| name.trim_end_matches('.').to_owned()).filter(|name| !name.is_empty()).map(|name| format!("scripts/{name}")).collect()
}

/// The words of some files' code that `wanted(word, before, after)`, with their places.
fn words_in<'a>(
    files: impl Iterator<Item = &'a File>,
    wanted: impl Fn(&str, &str, &str) -> bool,
) -> impl Iterator<Item = (String, String)> {
    files.flat_map(move |file| {
        let text = code(&file.text);
        let mut found = Vec::new();
        for (line, n) in text.lines().zip(1..) {
            for (at, word) in words(line) {
                if wanted(word, &line[..at], &line[at + word.len()..]) {
                    found.push((format!("{}:{n}", file.path), word.to_owned()));
                }
            }
        }
        found
    })
}

/// The repository's text files: what a reader is given, not what tools make.
fn repository() -> Tree {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").into());
    let mut tree = Vec::new();
    read_folder(Path::new(&root), "", &mut tree);
    assert!(tree.iter().any(|file| file.path == "src/lib.rs"), "{root} is not the repository");
    tree
}

fn read_folder(folder: &Path, path: &str, tree: &mut Tree) {
    use std::os::unix::fs::PermissionsExt;
    const MADE_BY_TOOLS: &[&str] = &["target", "loom-target", ".git", "__pycache__", "node_modules", "Cargo.lock"];
    for entry in std::fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let (at, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().expect("a kind");
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if MADE_BY_TOOLS.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            read_folder(&at, &path, tree);
        } else if kind.is_file()
            && let Ok(text) = std::fs::read_to_string(&at)
        {
            let executable = entry.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
            tree.push(File { path, text, executable });
        }
    }
}

// ── the tests ──

fn holds_here(rule: impl Fn(&Tree) -> Complaints) {
    let complaints = rule(&repository());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Checks that a rule complains about the bad file, saying all of `says`, and not about the good one.
fn tells_apart(rule: impl Fn(&Tree) -> Complaints, (bad_path, bad): (&str, &str), says: &[&str], (good_path, good): (&str, &str)) {
    let complaints = rule(&made_up(&[(bad_path, bad)]));
    assert!(!complaints.is_empty(), "no complaint about {bad_path}: {bad}");
    for words in says {
        assert!(complaints.iter().any(|complaint| complaint.contains(words)), "'{words}' is not in {complaints:?}");
    }
    assert_eq!(rule(&made_up(&[(good_path, good)])), [""; 0], "a complaint about {good_path}: {good}");
}

fn made_up(files: &[(&str, &str)]) -> Tree {
    // Every module of the table exists, or nobody could name it.
    let modules = MAY_IMPORT.iter().map(|(module, _)| File {
        path: format!("src/{module}/mod.rs"),
        text: "//! Made up.\n#![forbid(unsafe_code)]\n".into(),
        executable: false,
    });
    let files: Vec<File> = files
        .iter()
        .map(|(path, text)| File { path: path.to_string(), text: text.to_string(), executable: path.ends_with(".sh") })
        .collect();
    let replaced = |module: &File| files.iter().any(|file| file.path == module.path);
    let mut tree: Tree = modules.filter(|module| !replaced(module)).collect();
    tree.extend(files);
    tree
}

#[test]
fn unsafe_is_said_only_in_its_rooms() {
    holds_here(unsafe_stays_in_its_rooms);
    let block = "fn f() { unsafe { g() } }";
    tells_apart(unsafe_stays_in_its_rooms, ("src/book/ladder.rs", block), &["ladder.rs:1", "src/sys/"], ("src/sys/tsc.rs", block));
    tells_apart(unsafe_stays_in_its_rooms, ("src/shm/ring.rs", "\n#![allow(unsafe_code)]"), &["ring.rs:2"], ("src/shm/region.rs", block));
    tells_apart(
        unsafe_stays_in_its_rooms,
        ("src/source/udpx.rs", block),
        &["udpx"],
        ("src/feed/a.rs", "// unsafe\nlet s = \"unsafe\"; /* unsafe */"),
    );
}

#[test]
fn a_clock_is_read_only_where_time_is_kept() {
    holds_here(clocks_are_read_by_few);
    let reading = "let t = std::time::Instant::now();";
    tells_apart(clocks_are_read_by_few, ("src/feed/arbiter.rs", reading), &["arbiter.rs:1", "`Instant`"], ("src/time.rs", reading));
    tells_apart(clocks_are_read_by_few, ("src/lane.rs", "tsc::monotonic_ns()"), &["lane.rs:1"], ("src/lane.rs", "clock.now_ns()"));
}

#[test]
fn modules_import_only_from_upstream() {
    holds_here(data_flows_one_way);
    tells_apart(
        data_flows_one_way,
        ("src/wire/net.rs", "use crate::feed::Side;"),
        &["net.rs:1", "feed::Side"],
        ("src/wire/net.rs", "use crate::stats::Drop;"),
    );
    tells_apart(
        data_flows_one_way,
        ("src/book/a.rs", "use crate::feed::{Side, Event};"),
        &["feed::Event"],
        ("src/book/a.rs", "use crate::{feed::{Side}, record::*};"),
    );
    tells_apart(
        data_flows_one_way,
        ("src/feed/a.rs", "use crate::{\n stats::Drop,\n book::{self, Book}};"),
        &["book::self"],
        ("src/feed/a.rs", "use crate::feed::Side as S;"),
    );
    tells_apart(
        data_flows_one_way,
        ("src/feed/a.rs", "fn f(b: crate::book::Book) {}"),
        &["book::Book"],
        ("src/lane.rs", "use crate::{book, shm};"),
    );
    tells_apart(
        data_flows_one_way,
        ("src/record/a.rs", "use super::super::feed::Side;"),
        &["feed::Side"],
        ("src/record/a.rs", "// crate::feed\nuse super::Header;"),
    );
    tells_apart(data_flows_one_way, ("src/cellar.rs", ""), &["`cellar` is not in the table"], ("src/channel.rs", "use crate::feed::Side;"));
    let namesake = made_up(&[("src/shm/error.rs", ""), ("src/shm/ring.rs", "use super::error::Refusal;")]);
    assert_eq!(data_flows_one_way(&namesake), [""; 0], "a room may have an error.rs of its own");
}

#[test]
fn no_file_holds_two_concepts() {
    holds_here(files_stay_short);
    let (long, short) = ("x\n".repeat(501), "x\n".repeat(500));
    tells_apart(files_stay_short, ("src/a.rs", &long), &["501 lines"], ("src/a.rs", &short));
}

#[test]
fn nothing_is_marked_as_unfinished() {
    holds_here(nothing_is_left_to_be_done);
    let mark = concat!("// TO", "DO: later");
    tells_apart(nothing_is_left_to_be_done, ("bench/a.rs", mark), &["bench/a.rs:1"], ("bench/a.rs", "// mastodon"));
    let stub = concat!("fn f() { unimple", "mented!() }");
    tells_apart(nothing_is_left_to_be_done, ("src/a.rs", stub), &["write it"], ("src/a.rs", "fn unimplementable() {}"));
}

#[test]
fn prices_never_become_floats() {
    holds_here(prices_are_integers);
    tells_apart(
        prices_are_integers,
        ("src/book/a.rs", "let p = price as f64;"),
        &["a.rs:1", "1e-9"],
        ("src/cli/tail.rs", "let p = price as f64;"),
    );
    tells_apart(prices_are_integers, ("src/feed/a.rs", "let p = 1_f32;"), &["1_f32"], ("src/feed/a.rs", "// as f64 would be\nlet f = 64;"));
}

#[test]
fn no_lock_stands_on_a_datagram_s_way() {
    holds_here(the_path_locks_nothing);
    let lock = "static BOOKS: Mutex<u8> = Mutex::new(0);";
    tells_apart(the_path_locks_nothing, ("src/book/a.rs", lock), &["a.rs:1", "`Mutex`"], ("src/service/a.rs", lock));
    let count = "n.fetch_add(1, Ordering::Relaxed);";
    tells_apart(the_path_locks_nothing, ("src/lane/mod.rs", count), &["`fetch_add`"], ("src/lane/mod.rs", "n.store(n.load(Relaxed) + 1)"));
}

#[test]
fn every_module_begins_with_its_concept() {
    holds_here(modules_begin_with_their_concept);
    tells_apart(modules_begin_with_their_concept, ("src/a.rs", "use std::fmt;\n//! late"), &["src/a.rs"], ("src/a.rs", "//! A thing.\n"));
}

#[test]
fn safe_rooms_forbid_unsafe_themselves() {
    holds_here(safe_rooms_say_so);
    tells_apart(safe_rooms_say_so, ("src/wire/mod.rs", "// #![forbid(unsafe_code)]"), &["src/wire/mod.rs"], ("src/shm/mod.rs", ""));
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    holds_here(no_machine_s_own_paths);
    tells_apart(
        no_machine_s_own_paths,
        ("scripts/run", "cd /home/somebody/x"),
        &["scripts/run:1"],
        ("scripts/run", "cd https://a.example/home/x"),
    );
    let clone = concat!("in `/wo", "rk/x`");
    tells_apart(no_machine_s_own_paths, ("README.md", clone), &["README.md:1"], ("README.md", "src/network/x"));
}

#[test]
fn names_are_nouns_of_the_field() {
    holds_here(names_say_what_is_inside);
    tells_apart(names_say_what_is_inside, ("src/utils.rs", ""), &["`utils`"], ("src/book/ladder.rs", ""));
    tells_apart(names_say_what_is_inside, ("src/core/mod.rs", ""), &["`core`"], ("src/topology.rs", ""));
}

#[test]
fn commands_in_the_readme_can_be_typed() {
    holds_here(the_readme_s_commands_exist);
    tells_apart(the_readme_s_commands_exist, ("README.md", "Run `scripts/dance`."), &["scripts/dance"], ("README.md", "Run it."));
    tells_apart(the_readme_s_commands_exist, ("scripts/demo", "#!/bin/sh\n"), &["chmod"], ("scripts/demo.sh", "#!/bin/sh\n"));
    tells_apart(the_readme_s_commands_exist, ("scripts/demo.sh", "echo"), &["#!"], ("scripts/words.txt", "echo"));
}

#[test]
fn every_drop_reason_is_in_the_operator_s_book() {
    holds_here(every_reason_is_explained);
    let table = ("src/stats.rs", "reasons! {\n    /// Cut.\n    FrameCut = \"frame_cut\",\n}");
    let rule = |book: &str| every_reason_is_explained(&made_up(&[table, ("docs/operations.md", book)]));
    assert_eq!(rule("| `frame_cut` | … |"), [""; 0]);
    assert_eq!(rule("| `frame_cutter` | … |").len(), 1);
    assert_eq!(every_reason_is_explained(&made_up(&[table])), [""; 0], "no such book yet");
    let here = repository();
    let stats = here.iter().find(|file| file.path == "src/stats.rs").expect("the table of reasons");
    assert!(reasons(&stats.text).count() > 20, "the table in stats.rs is no longer written the way this test reads it");
}

#[test]
fn code_is_told_from_comments_and_literals() {
    for (text, expected) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("x(\"un\\\"safe\") y", "x(          ) y"),
        ("r#\"a\"b\"# c", "         c"),
        ("bar\"x\"", "bar   "),
        ("'a' b '\\'' c", "    b      c"),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
    ] {
        assert_eq!(code(text), expected.replace("'a' ", "    "), "{text}");
    }
}

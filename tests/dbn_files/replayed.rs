//! `replay --dbn`: what was published is what is in the files; what cannot be written is refused before the work, or said after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tickwire::error::Exit;
use tickwire::feed::name::FeedName;
use tickwire::plan::schemas_of;
use tickwire::record::{Definition, Imbalance, Mbo, Mbp1, Mbp10, Record, Schema, Statistics, Status, Trade};
use tickwire::replay::{self, Replayed};
use tickwire::shm::{From, Item, Publication};

use super::day;
use super::reading::{self, names, read};
use super::shm_support::{Room, skip};
use super::written::dir;

/// Records by schema, epoch by epoch, as a gated reader gets them; and the symbols of all instruments.
pub struct Published {
    pub records: BTreeMap<&'static str, Vec<Vec<u8>>>,
    pub symbols: BTreeMap<u32, String>,
}

fn drain<R: Record>(publication: &Publication) -> (Vec<Vec<u8>>, BTreeMap<u32, String>) {
    let mut ring = publication.subscribe_gated::<R>(From::Oldest).unwrap();
    let (mut records, mut symbols) = (Vec::new(), BTreeMap::new());
    loop {
        match ring.next().unwrap() {
            Item::Record(record) => records.push(record.as_bytes().to_vec()),
            Item::Lost(lost) => panic!("{lost} lost behind a gate"),
            Item::Idle => std::thread::yield_now(),
            Item::End => {
                symbols.extend(ring.publication().instruments().map(|row| (row.instrument_id, row.symbol)));
                return (records, symbols);
            }
            _ => {}
        }
    }
}

fn drain_of(schema: Schema, publication: &Publication) -> (Vec<Vec<u8>>, BTreeMap<u32, String>) {
    match schema {
        Schema::Mbo => drain::<Mbo>(publication),
        Schema::Mbp1 => drain::<Mbp1>(publication),
        Schema::Mbp10 => drain::<Mbp10>(publication),
        Schema::Trades => drain::<Trade>(publication),
        Schema::Status => drain::<Status>(publication),
        Schema::Imbalance => drain::<Imbalance>(publication),
        Schema::Statistics => drain::<Statistics>(publication),
        Schema::Definition => drain::<Definition>(publication),
        other => panic!("{other:?} is not told by a feed, or not known to DBN"),
    }
}

/// Replays into files and into rings that a reader each waits at.
pub fn replayed_and_published(file: &Path, feed: FeedName, dbn: &Path) -> (Replayed, Published) {
    let room = Room::new();
    let schemas: Vec<Schema> = schemas_of(feed).iter().copied().filter(|schema| schema.is_dbn()).collect();
    let config = day::config(file, feed, Some(room.path()), schemas.len(), dbn);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| replay::run(&config, &|| false, &mut |_| ()).unwrap());
        let began = Instant::now();
        let publication = loop {
            match Publication::open(room.path(), "replay") {
                Ok(publication) => break publication,
                Err(error) => assert!(began.elapsed() < Duration::from_secs(20), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let reader = |&schema: &Schema| {
            let publication = publication.clone();
            (schema, scope.spawn(move || drain_of(schema, &publication)))
        };
        let readers: Vec<_> = schemas.iter().map(reader).collect();
        let mut published = Published { records: BTreeMap::new(), symbols: BTreeMap::new() };
        for (schema, reader) in readers {
            let (records, symbols) = reader.join().unwrap();
            published.records.insert(schema.name(), records);
            published.symbols.extend(symbols);
        }
        (writer.join().unwrap(), published)
    })
}

fn assert_same(dbn: &Path, published: &Published) {
    for (schema, expected) in &published.records {
        let got = reading::all(dbn, schema);
        assert_eq!(got.len(), expected.len(), "{schema}");
        let differs = got.iter().zip(expected).position(|(got, expected)| got != expected);
        assert_eq!(differs, None, "{schema}: the first record that differs");
    }
}

#[test]
fn a_generated_day_is_in_the_files_record_for_record_as_it_was_published() {
    let (file, dbn) = (day::itch(), dir());
    let (replayed, published) = replayed_and_published(&file.path, FeedName::NasdaqItch, dbn.path());
    assert_same(dbn.path(), &published);
    assert!(["mbo", "mbp-1", "mbp-10", "trades", "status"].iter().all(|&schema| !published.records[schema].is_empty()));
    let summary = &replayed.summary;
    for (schema, records) in &published.records {
        let in_files: u64 = summary.files.iter().filter(|file| file.schema == *schema).map(|file| file.records).sum();
        assert_eq!((in_files, in_files), (records.len() as u64, summary.records_by_schema[schema]), "{schema}");
    }
    let paths: Vec<_> = summary.files.iter().map(|file| file.path.clone()).collect();
    let there: Vec<_> = names(dbn.path()).into_iter().map(|name| dbn.path().join(name)).collect();
    assert!(there.iter().all(|path| paths.contains(path)) && paths.len() == there.len(), "{there:?}");
    // The day goes on after midnight UTC: two days, two files.
    let days: Vec<_> = reading::files(dbn.path(), "mbo").iter().map(|file| read(file).metadata.start().date().to_string()).collect();
    assert_eq!(days, ["2023-11-15", "2023-11-16"]);
    for file in reading::files(dbn.path(), "mbo") {
        let file = read(&file);
        assert!(file.symbols().iter().all(|(id, symbol)| published.symbols[id] == *symbol));
        let ids: std::collections::BTreeSet<u32> =
            file.records.iter().map(|record| u32::from_le_bytes(record[4..8].try_into().unwrap())).collect();
        assert!(ids.iter().all(|id| file.symbols().contains_key(id)), "every id that occurs has its symbol");
    }
    // Without a publication the same comes out.
    let alone = dir();
    let alone_config = day::config(&file.path, FeedName::NasdaqItch, None, 0, alone.path());
    replay::run(&alone_config, &|| false, &mut |_| ()).unwrap();
    assert_same(alone.path(), &published);
    assert!(names(alone.path()).iter().all(|name| name.starts_with("nasdaq-itch.")), "{:?}", names(alone.path()));
}

#[test]
fn the_real_tops_session_is_in_the_files_as_it_was_published() {
    let Some(file) = day::tops("tops in DBN files") else { return };
    let dbn = dir();
    let (_, published) = replayed_and_published(&file, FeedName::IexTops, dbn.path());
    assert_same(dbn.path(), &published);
    assert!(published.records["mbp-1"].len() > 30_000);
    assert_eq!(read(&reading::files(dbn.path(), "trades")[0]).metadata.dataset, "IEXG.TOPS");
}

#[test]
fn each_session_has_its_own_files() {
    let (file, dbn) = (day::two_sessions(), dir());
    let (_, published) = replayed_and_published(&file.path, FeedName::NasdaqItch, dbn.path());
    assert_same(dbn.path(), &published);
    let files = reading::files(dbn.path(), "mbo");
    assert!(files.len() > 2, "{files:?}");
    let heads: Vec<_> =
        files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().rsplit('.').nth(3).unwrap().to_owned()).collect();
    assert_eq!(heads, ["20231115", "20231116", "20231116", "20231117"], "the first session's two days, and the second's");
}

#[test]
fn a_capture_that_is_cut_gives_files_that_are_not() {
    let (file, dbn) = (day::itch(), dir());
    let bytes = std::fs::read(&file.path).unwrap();
    std::fs::write(&file.path, &bytes[..bytes.len() * 2 / 3 + 5]).unwrap();
    let (replayed, published) = replayed_and_published(&file.path, FeedName::NasdaqItch, dbn.path());
    assert!(replayed.summary.capture_truncated);
    assert_same(dbn.path(), &published);
}

#[test]
fn a_replay_that_is_stopped_leaves_whole_files_of_what_it_replayed() {
    let (file, dbn) = (day::itch(), dir());
    let seen = AtomicU64::new(0);
    let config = day::config(&file.path, FeedName::NasdaqItch, None, 0, dbn.path());
    let stop = || seen.load(Ordering::Relaxed) > 5_000;
    let replayed = replay::run(&config, &stop, &mut |progress| seen.store(progress.messages, Ordering::Relaxed)).unwrap();
    assert!(replayed.summary.stopped);
    let mbo = reading::all(dbn.path(), "mbo").len() as u64;
    assert!(mbo > 1_000 && mbo == replayed.summary.records_by_schema["mbo"]);
    assert!(names(dbn.path()).iter().all(|name| name.ends_with(".dbn.zst")), "{:?}", names(dbn.path()));
}

fn refused(file: &Path, dbn: &Path) -> String {
    let config = day::config(file, FeedName::NasdaqItch, None, 0, dbn);
    let error = replay::run(&config, &|| false, &mut |_| panic!("it began")).err().expect("a refusal");
    assert_eq!(error.exit, Exit::Usage);
    error.to_string()
}

#[test]
fn a_directory_that_cannot_be_written_or_is_taken_is_refused_before_the_first_message() {
    let (file, dbn) = (day::itch(), dir());
    let in_the_way = dbn.path().join("file");
    std::fs::write(&in_the_way, b"").unwrap();
    for bad in [in_the_way.clone(), in_the_way.join("below"), "/proc/nowhere".into()] {
        let said = refused(&file.path, &bad);
        assert!(said.contains("--dbn") && said.contains(bad.to_str().unwrap()) && !said.contains('\n'), "{said}");
    }
    std::fs::remove_file(&in_the_way).unwrap();
    let made = dbn.path().join("made/below");
    replay::run(&day::config(&file.path, FeedName::NasdaqItch, None, 0, &made), &|| false, &mut |_| ()).unwrap();
    let said = refused(&file.path, &made);
    assert!(said.contains("it has files of nasdaq-itch already") && said.contains("name another directory"), "{said}");
    // Another feed's files are no obstacle.
    std::fs::write(dbn.path().join("psx-itch.mbo.20231115.0000.dbn.zst"), b"").unwrap();
    replay::run(&day::config(&file.path, FeedName::NasdaqItch, None, 0, dbn.path()), &|| false, &mut |_| ()).unwrap();
}

#[test]
fn a_disk_that_becomes_full_is_told_in_one_sentence_with_what_is_whole() {
    let (file, mount) = (day::itch(), dir());
    let script = "mount -t tmpfs -o size=400k tmpfs \"$1\" || exit 77; \"$0\" replay \"$2\" --feed nasdaq-itch --date 2023-11-15 --dbn \"$1\"; \
                  code=$?; ls -1 \"$1\" | sed 's/^/there: /' >&2; exit $code";
    let child =
        Command::new("unshare").args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_tickwire")]).arg(mount.path()).arg(&file.path).output();
    let output = match child {
        Ok(output) if ![Some(77)].contains(&output.status.code()) && !String::from_utf8_lossy(&output.stderr).contains("unshare") => output,
        refused => return skip("TICKWIRE_KERNEL_TESTS", &format!("a mount namespace is not allowed here: {refused:?}")),
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (sentences, there): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.starts_with("tickwire:"));
    assert_eq!((output.status.code(), sentences.len()), (Some(1), 1), "{said}");
    assert!(sentences[0].contains("No space left") && sentences[0].contains("whole") && sentences[0].contains("make room"), "{said}");
    assert!(there.iter().all(|name| name.ends_with(".dbn.zst")), "nothing half is left: {said}");
}

#[test]
fn the_command_line_tells_files_and_records_and_the_summary_lists_them() {
    let (file, dbn) = (day::itch(), dir());
    let (files, summary) = (dbn.path().join("files"), dbn.path().join("summary.json"));
    let output = Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .args(["replay", "--feed", "nasdaq-itch", "--date", "2023-11-15"])
        .arg(&file.path)
        .arg("--dbn")
        .arg(&files)
        .arg("--summary")
        .arg(&summary)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(summary).unwrap()).unwrap();
    let listed = told["files"].as_array().unwrap();
    let records: u64 = listed.iter().map(|file| file["records"].as_u64().unwrap()).sum();
    assert_eq!(listed.len(), names(&files).len());
    assert!(said.contains(&format!("files            {} with {records} records", listed.len())), "{said}");
}

//! Replays: real and generated recordings through the whole path, paced, cut, disturbed, and published to readers of any speed.
#![cfg(feature = "service")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tickwire::book::BooksCapacity;
use tickwire::books_file;
use tickwire::error::{Error, Exit};
use tickwire::feed::name::FeedName;
use tickwire::generate::{CaptureConfig, CaptureReport, GenerateConfig, LineSpec, Truth, capture, day_file};
use tickwire::record::{BidAsk, Control, Mbo, Mbp1, Mbp10, Record, Status, Trade, control, flags};
use tickwire::replay::{self, ReplayConfig, ReplayPublication, Replayed, Speed};
use tickwire::shm::{From, Item, Publication, Records};
use tickwire::source::lines::LineKey;

mod packets;
mod venue;

use venue::{MIDNIGHT_NS, RECV_NS};

fn config(file: &Path, feed: FeedName) -> ReplayConfig {
    ReplayConfig {
        file: file.to_owned(),
        feed,
        midnight_ns: Some(MIDNIGHT_NS),
        speed: Speed::Max,
        lines: Vec::new(),
        publish: None,
        dbn: None,
        capacity: BooksCapacity { instruments: 1 << 14, orders: 1 << 15, levels: 1 << 18 },
    }
}

fn replayed(config: &ReplayConfig) -> Result<Replayed, Error> {
    replay::run(config, &|| false, &mut |_| ())
}

fn books(replayed: &Replayed, has_orders: bool) -> String {
    let mut out = Vec::new();
    books_file::write(replayed.channel.composer(), has_orders, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn truth_books(truth: &Truth) -> String {
    let mut out = Vec::new();
    truth.write_books(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn day(seed: u64) -> GenerateConfig {
    GenerateConfig::whole_day(seed, 8_000, 40, MIDNIGHT_NS)
}

fn captured(seed: u64, how: &CaptureConfig) -> (packets::TempFile, Truth, CaptureReport) {
    captured_of(&day(seed), how)
}

/// A burst: packets follow each other in microseconds, so that one which comes a packet late is not late by seconds.
fn burst(seed: u64) -> GenerateConfig {
    GenerateConfig::steady(seed, 8_000, 40, MIDNIGHT_NS, RECV_NS, 2_000)
}

fn captured_of(what: &GenerateConfig, how: &CaptureConfig) -> (packets::TempFile, Truth, CaptureReport) {
    let mut bytes = Vec::new();
    let (truth, report) = capture(what, how, &mut bytes, &mut |_| ()).unwrap();
    (packets::file(&bytes), truth, report)
}

// ── the real capture ──

fn tops16() -> Option<(PathBuf, serde_json::Value)> {
    let folder = packets::captures("tops16")?.join("iex");
    let told = std::fs::read(folder.join("tops16.json")).unwrap();
    Some((folder.join("tops16.pcap.gz"), serde_json::from_slice(&told).unwrap()))
}

fn tops(file: &Path) -> ReplayConfig {
    ReplayConfig { midnight_ns: None, ..config(file, FeedName::IexTops) }
}

#[test]
fn the_real_tops_capture_gives_exactly_its_messages_by_type_and_drops_none() {
    let Some((file, told)) = tops16() else { return };
    let summary = replayed(&tops(&file)).unwrap().summary;
    let types: BTreeMap<String, u64> =
        told["types"].as_object().unwrap().iter().map(|(kind, count)| (kind.clone(), count.as_u64().unwrap())).collect();
    assert_eq!((summary.messages, &summary.messages_by_type), (57_674, &types));
    assert_eq!(summary.messages, told["messages"].as_u64().unwrap());
    assert_eq!((summary.frames, summary.datagrams), (13_022, 13_022));
    assert_eq!((summary.dropped_by_reason.len(), summary.gaps, summary.lost_messages, summary.restarts), (0, 0, 0, 0));
    assert!(!summary.capture_truncated);
    let records = |schema| summary.records_by_schema[schema];
    assert_eq!(records("mbp-1"), types["Q"] + types["T"], "every quote and every trade");
    assert_eq!((records("trades"), records("status")), (types["T"], types["H"] + types["O"] + types["P"]));
    assert_eq!((records("mbo"), records("mbp-10")), (0, 0));
}

#[test]
fn the_real_capture_cut_anywhere_gives_what_is_complete_and_says_that_it_is_cut() {
    let Some((file, _)) = tops16() else { return };
    let whole = packets::unpacked(&file);
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut cuts: Vec<usize> = (0..200)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % whole.len() as u64) as usize
        })
        .collect();
    cuts.extend([0, 1, 23, 24, 25, 40, whole.len() - 1, whole.len()]);
    cuts.sort_unstable();
    let (mut messages, mut at_a_boundary) = (0, 0);
    for cut in cuts {
        let file = packets::file(&whole[..cut]);
        match replayed(&tops(&file.path)) {
            Err(error) => assert!(cut < 24 && error.exit == Exit::Input, "cut at {cut}: {error}"),
            Ok(Replayed { summary, remarks, .. }) => {
                assert!(summary.messages >= messages, "cut at {cut}: the more there is, the more comes out");
                assert_eq!(summary.dropped_by_reason.len(), 0, "cut at {cut}");
                assert_eq!(summary.capture_truncated, remarks.iter().any(|remark| remark.contains("cut")), "cut at {cut}");
                at_a_boundary += u64::from(!summary.capture_truncated);
                messages = summary.messages;
            }
        }
    }
    assert_eq!(messages, 57_674);
    assert!((1..10).contains(&at_a_boundary), "{at_a_boundary} cuts fell between two records");
}

// ── generated sessions ──

#[test]
fn a_day_file_and_the_capture_of_the_same_seed_end_with_the_exchanges_books() {
    for seed in 1..=3 {
        let mut bytes = Vec::new();
        let truth = day_file(&day(seed), &mut bytes, &mut |_| ()).unwrap();
        let file = packets::file(&bytes);
        let from_day = replayed(&config(&file.path, FeedName::NasdaqItch)).unwrap();
        let (file, same_truth, _) = captured(seed, &CaptureConfig::default());
        let from_capture = replayed(&config(&file.path, FeedName::NasdaqItch)).unwrap();
        assert_eq!(truth, same_truth);
        assert_eq!(books(&from_day, true), truth_books(&truth));
        assert_eq!(books(&from_capture, true), truth_books(&truth));
        let types: BTreeMap<String, u64> = truth.messages_by_type.iter().map(|(kind, &count)| (kind.to_string(), count)).collect();
        for summary in [&from_day.summary, &from_capture.summary] {
            assert_eq!((summary.messages, &summary.messages_by_type), (truth.messages, &types));
            assert_eq!((summary.live_orders, summary.price_levels, summary.instruments), (truth.live_orders, truth.price_levels, 40));
            assert_eq!((summary.dropped_by_reason.len(), summary.gaps, summary.joined_late), (0, 0, false));
        }
        assert_eq!((from_day.summary.frames, from_day.summary.datagrams), (0, 0));
        assert_eq!(from_day.summary.records_by_schema, from_capture.summary.records_by_schema);
    }
}

fn disturbed(loss: [u32; 2], duplicate_ppm: u32, reorder_ppm: u32) -> CaptureConfig {
    let mut how = CaptureConfig::default();
    for (line, loss_ppm) in how.lines.iter_mut().zip(loss) {
        *line = LineSpec { loss_ppm, duplicate_ppm, reorder_ppm, ..*line };
    }
    how
}

/// A record without its times of receipt.
trait Masked: Record + PartialEq + std::fmt::Debug + Send {
    fn masked(self) -> Self;
}

macro_rules! masked {
    ($($record:ty),*) => { $(impl Masked for $record {
        fn masked(self) -> Self {
            Self { ts_recv: 0, ts_in_delta: 0, ..self }
        }
    })* };
}
masked!(Mbo, Mbp1, Mbp10, Trade);

impl Masked for Status {
    fn masked(self) -> Self {
        Self { ts_recv: 0, ..self }
    }
}

/// What a gated reader of one ring received.
struct Received<R> {
    records: Vec<R>,
    controls: Vec<Control>,
    lost: u64,
}

fn read_to_the_end<R: Masked>(mut reader: Records<R>, mut pause: impl FnMut(usize)) -> Received<R> {
    let mut received = Received { records: Vec::new(), controls: Vec::new(), lost: 0 };
    loop {
        match reader.next().unwrap() {
            Item::Record(record) => {
                received.records.push(record.masked());
                pause(received.records.len());
            }
            Item::Control(control) => received.controls.push(*control),
            Item::Lost(lost) => received.lost += lost,
            Item::Idle => std::thread::yield_now(),
            Item::End => return received,
            other => panic!("{other:?}"),
        }
    }
}

/// The publication, as soon as it is there.
fn open(dir: &Path) -> Publication {
    let began = Instant::now();
    loop {
        match Publication::open(dir, "replay") {
            Ok(publication) => return publication,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(20), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Where publications of tests live.
fn room() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("tickwire-test-").tempdir_in("/dev/shm");
    dir.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Replays into rings of that depth while `read` reads.
fn published<T>(file: &Path, depth: u64, gated_readers: usize, read: impl FnOnce(Publication) -> T) -> (Replayed, T) {
    let room = room();
    let publish = ReplayPublication {
        dir: room.path().to_owned(),
        name: "replay".into(),
        depth,
        gated_readers,
        keep: false,
        images_every: None,
        windows: None,
    };
    let config = ReplayConfig { publish: Some(publish), ..config(file, FeedName::NasdaqItch) };
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| replay::run(&config, &|| ended.load(Ordering::Relaxed), &mut |_| ()).unwrap());
        // A reader that fails must not leave the writer waiting for it.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(open(room.path()))));
        if outcome.is_err() {
            ended.store(true, Ordering::Relaxed);
        }
        let replayed = writer.join().unwrap();
        (replayed, outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn records_of<R: Masked>(file: &Path) -> (Replayed, Vec<R>) {
    let (replayed, received) =
        published(file, 1024, 1, |publication| read_to_the_end(publication.subscribe_gated::<R>(From::Oldest).unwrap(), |_| ()));
    assert_eq!(received.lost, 0);
    (replayed, received.records)
}

#[test]
fn losses_on_single_lines_duplicates_and_reordering_change_no_record() {
    let (clean, truth, _) = captured_of(&burst(5), &CaptureConfig::default());
    let (_, mbo) = records_of::<Mbo>(&clean.path);
    let (_, mbp10) = records_of::<Mbp10>(&clean.path);
    let (_, mbp1) = records_of::<Mbp1>(&clean.path);
    let (_, trades) = records_of::<Trade>(&clean.path);
    let (_, status) = records_of::<Status>(&clean.path);
    for how in [disturbed([50_000, 2_000], 0, 0), disturbed([0, 500_000], 0, 0), disturbed([30_000, 30_000], 50_000, 30_000)] {
        let (file, _, report) = captured_of(&burst(5), &how);
        assert!(report.lost_on_all.is_empty() && report.lines.iter().any(|line| line.lost > 0));
        let (replayed, same_mbo) = records_of::<Mbo>(&file.path);
        let summary = &replayed.summary;
        assert_eq!((summary.messages, summary.gaps, summary.lost_messages), (truth.messages, 0, 0));
        assert_eq!(books(&replayed, true), truth_books(&truth));
        assert_eq!(same_mbo, mbo);
        assert_eq!(records_of::<Mbp10>(&file.path).1, mbp10);
        assert_eq!(records_of::<Mbp1>(&file.path).1, mbp1);
        assert_eq!(records_of::<Trade>(&file.path).1, trades);
        assert_eq!(records_of::<Status>(&file.path).1, status);
    }
}

#[test]
fn what_is_lost_on_both_lines_is_declared_exactly_and_everything_after_is_marked() {
    for seed in 1..=3 {
        let how = CaptureConfig { both_loss_ppm: 20_000, ..disturbed([10_000, 10_000], 5_000, 5_000) };
        let (file, truth, report) = captured_of(&burst(seed), &how);
        assert!(!report.lost_on_all.is_empty());
        let (replayed, received) = published(&file.path, 1024, 1, |publication| {
            read_to_the_end(publication.subscribe_gated::<Mbo>(From::Oldest).unwrap(), |_| ())
        });
        let summary = &replayed.summary;
        let lost: u64 = report.lost_on_all.iter().map(|range| range.last - range.first + 1).sum();
        assert_eq!(summary.lost_messages, lost);
        assert_eq!(summary.messages + summary.lost_messages, truth.messages, "delivered and lost are all there were");
        let gaps: Vec<_> =
            received.controls.iter().filter(|c| c.hd.rtype == control::GAP_OPEN).map(|c| (c.first_sequence, c.last_sequence)).collect();
        let expected: Vec<_> = report.lost_on_all.iter().map(|range| (range.first, range.last)).collect();
        assert_eq!((gaps, summary.gaps), (expected, report.lost_on_all.len() as u64));
        let first = report.lost_on_all[0].first;
        for record in &received.records {
            let marked = record.flags & flags::MAYBE_BAD_BOOK != 0;
            assert_eq!(marked, u64::from(record.sequence) > first, "message {}, the first lost is {first}", record.sequence);
        }
    }
}

// ── pace ──

#[test]
fn speeds_are_whole_multiples_or_max() {
    let parse = |text: &str| text.parse::<Speed>();
    assert_eq!([parse("1x"), parse("10x"), parse("max")], [Ok(Speed::Times(1)), Ok(Speed::Times(10)), Ok(Speed::Max)]);
    for wrong in ["", "x", "0x", "-1x", "+1x", "1", "1.5x", "10X", "Max", "1000001x", "99999999999x", " 1x", "1x "] {
        let refusal = parse(wrong).expect_err(wrong);
        assert!(refusal.contains("10x") && refusal.contains("max"), "it says what to say: {refusal}");
    }
}

/// A capture of four datagrams within 300 ms.
fn third_of_a_second() -> packets::TempFile {
    let shots: Vec<_> = [0_u64, 100, 200, 300]
        .iter()
        .zip(1..)
        .map(|(&ms, sequence)| {
            let payload = venue::mold(b"SESSION001", sequence, &[venue::add(5, "XYZ", sequence, b'B', 1, 10_000)]);
            packets::Shot { ns: RECV_NS + ms * 1_000_000, bytes: packets::ethernet(packets::GROUP, packets::PORT, &payload), snapped: 0 }
        })
        .collect();
    packets::file(&packets::classic(packets::Endian::Little, 1, 1, &shots))
}

#[test]
fn a_paced_replay_takes_the_recorded_time_divided_by_the_speed() {
    let file = third_of_a_second();
    let once_took = |speed| {
        let replayed = replayed(&ReplayConfig { speed, ..config(&file.path, FeedName::NasdaqItch) }).unwrap();
        assert_eq!((replayed.summary.messages, replayed.summary.live_orders), (4, 4));
        Duration::from_nanos(replayed.summary.elapsed_ns)
    };
    // Never early; how late depends on who else wants the processor, so the best of several counts.
    let took = |speed| (0..5).map(|_| once_took(speed)).min().unwrap();
    let (once, tenfold, max) = (took(Speed::Times(1)), took(Speed::Times(10)), took(Speed::Max));
    assert!(once >= Duration::from_millis(300) && once < Duration::from_millis(550), "1x took {once:?}");
    assert!(tenfold >= Duration::from_millis(30) && tenfold < Duration::from_millis(280), "10x took {tenfold:?}");
    assert!(max < Duration::from_millis(280), "max took {max:?}");
}

#[test]
fn a_paced_replay_stops_when_told_to() {
    let file = third_of_a_second();
    let first_is_out = std::cell::Cell::new(false);
    let stop = || first_is_out.get();
    let config = ReplayConfig { speed: Speed::Times(1), ..config(&file.path, FeedName::NasdaqItch) };
    let replayed = replay::run(&config, &stop, &mut |progress| first_is_out.set(progress.messages > 0)).unwrap();
    assert_eq!(replayed.summary.messages, 1, "the second was due after the stop");
}

// ── what is no recording ──

#[test]
fn what_is_no_recording_is_refused_with_one_sentence() {
    let refused = |bytes: &[u8]| {
        let file = packets::file(bytes);
        match replayed(&config(&file.path, FeedName::NasdaqItch)) {
            Ok(_) => panic!("{} bytes were taken for a recording", bytes.len()),
            Err(error) => {
                assert_eq!(error.exit, Exit::Input);
                let text = error.to_string();
                assert!(text.contains("recording"), "it names the file: {text}");
                text
            }
        }
    };
    refused(&[0; 4096]);
    refused(b"a text file, neither a capture nor a day file\n".repeat(100).as_slice());
    refused(b"");
    refused(&packets::gzip(&[0; 4096]));
    let missing = match replayed(&config(Path::new("/nowhere/recording"), FeedName::NasdaqItch)) {
        Ok(_) => panic!("a file that is not there"),
        Err(error) => error.to_string(),
    };
    assert!(missing.contains("/nowhere/recording"));
}

#[test]
fn more_lines_than_a_channel_has_are_refused() {
    let file = third_of_a_second();
    let line = |port| LineKey { group: packets::GROUP, port };
    let refused = replayed(&ReplayConfig { lines: (1..=5).map(line).collect(), ..config(&file.path, FeedName::NasdaqItch) });
    assert!(matches!(refused, Err(error) if error.exit == Exit::Usage));
}

// ── readers ──

fn ten_levels(records: &BTreeMap<u32, [BidAsk; 10]>, truth: &Truth) {
    for book in &truth.books {
        for rank in 0..10 {
            let shown = records.get(&u32::from(book.locate)).map_or(BidAsk::EMPTY, |levels| levels[rank]);
            let (bid, ask) = (book.bids.get(rank), book.asks.get(rank));
            assert_eq!((shown.bid_px, shown.ask_px), (bid.map_or(i64::MAX, |l| l.price_e9), ask.map_or(i64::MAX, |l| l.price_e9)));
            assert_eq!((u64::from(shown.bid_sz), u64::from(shown.ask_sz)), (bid.map_or(0, |l| l.size), ask.map_or(0, |l| l.size)));
            assert_eq!((shown.bid_ct, shown.ask_ct), (bid.map_or(0, |l| l.orders), ask.map_or(0, |l| l.orders)));
        }
    }
}

#[test]
fn a_slow_gated_reader_receives_every_record_and_one_without_a_gate_is_told_its_loss_and_recovers() {
    let (file, truth, _) = captured(9, &CaptureConfig::default());
    for depth in [1024, 16] {
        let (replayed, (received, late)) = published(&file.path, depth, 1, |publication| {
            let mut late = publication.subscribe::<Mbp10>(From::Oldest).unwrap();
            let gated = publication.subscribe_gated::<Mbo>(From::Oldest).unwrap();
            let received = read_to_the_end(gated, |count| {
                if count % 500 == 0 {
                    std::thread::sleep(Duration::from_millis(3));
                }
            });
            // Only now the other one looks; its file is still mapped.
            let (mut lost, mut levels) = (0, BTreeMap::new());
            loop {
                match late.next().unwrap() {
                    Item::Record(record) | Item::Board { record, .. } => {
                        levels.insert(record.hd.instrument_id, record.levels);
                    }
                    Item::Lost(count) => lost += count,
                    Item::End => break (received, (lost, levels)),
                    Item::Idle | Item::Control(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        });
        assert_eq!((received.lost, received.records.len() as u64), (0, replayed.summary.records_by_schema["mbo"]), "depth {depth}");
        let mut sequences = received.records.iter().map(|record| record.sequence);
        assert!(sequences.by_ref().is_sorted(), "in order");
        assert!(late.0 > 0, "the reader without a gate was lapped");
        ten_levels(&late.1, &truth);
    }
}

#[test]
fn several_gated_readers_of_different_rings_all_receive_everything() {
    let (file, ..) = captured(10, &CaptureConfig::default());
    let (replayed, counts) = published(&file.path, 64, 3, |publication| {
        std::thread::scope(|scope| {
            let mbo = scope.spawn(|| read_to_the_end(publication.subscribe_gated::<Mbo>(From::Oldest).unwrap(), |_| ()));
            let mbp10 = scope.spawn(|| read_to_the_end(publication.subscribe_gated::<Mbp10>(From::Oldest).unwrap(), |_| ()));
            let status = scope.spawn(|| read_to_the_end(publication.subscribe_gated::<Status>(From::Oldest).unwrap(), |_| ()));
            let (mbo, mbp10, status) = (mbo.join().unwrap(), mbp10.join().unwrap(), status.join().unwrap());
            assert_eq!((mbo.lost, mbp10.lost, status.lost), (0, 0, 0));
            [mbo.records.len(), mbp10.records.len(), status.records.len()].map(|count| count as u64)
        })
    });
    let told = &replayed.summary.records_by_schema;
    assert_eq!(counts, [told["mbo"], told["mbp-10"], told["status"]]);
}

#[test]
fn a_gated_reader_that_leaves_does_not_stop_the_replay() {
    let (file, truth, _) = captured(11, &CaptureConfig::default());
    let (replayed, ()) = published(&file.path, 64, 1, |publication| {
        let mut reader = publication.subscribe_gated::<Mbo>(From::Oldest).unwrap();
        loop {
            match reader.next().unwrap() {
                Item::Record(_) => break,
                Item::Lost(_) | Item::End => panic!("a gated reader was lapped"),
                _ => {}
            }
        }
    });
    assert_eq!(replayed.summary.messages, truth.messages);
}

#[test]
fn a_published_replay_shows_its_counters_and_its_end() {
    let (file, truth, _) = captured(12, &CaptureConfig::default());
    let (_, (counters, controls)) = published(&file.path, 1024, 1, |publication| {
        let received = read_to_the_end(publication.subscribe_gated::<Status>(From::Oldest).unwrap(), |_| ());
        (publication.counters().into_iter().collect::<BTreeMap<_, _>>(), received.controls)
    });
    assert_eq!((counters["messages"], counters["live_orders"]), (truth.messages, truth.live_orders));
    let (day, kinds): (Vec<_>, Vec<_>) =
        controls.iter().map(|record| (record.hd.rtype, record.cause)).partition(|(rtype, _)| *rtype == control::SYSTEM_EVENT);
    use control::{SESSION_END, SESSION_START, cause};
    assert_eq!(day.into_iter().map(|(_, letter)| letter).collect::<Vec<_>>(), b"OSQMEC", "the venue's day");
    assert_eq!(kinds, [(SESSION_START, cause::FIRST), (SESSION_END, cause::NONE), (SESSION_END, cause::SHUTDOWN)]);
}

//! What is replayed: made-up days, captures and day files become datagrams in memory, all of them and nothing else.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use tickwire::bench::workload::{Limit, MOST_LINES, Selection, Workload};
use tickwire::bench::{Control, Progress};
use tickwire::error::{Error, Exit};
use tickwire::feed::name::FeedName;
use tickwire::generate::{self, CaptureConfig, LineSpec, Style};
use tickwire::source::file as recording;
use tickwire::source::lines::{LineKey, Lines, MAX_LINES};
use tickwire::source::{Polled, Source};

use crate::packets::{Endian, Shot, TempFile, captures, classic, ethernet, file, gzip};
use crate::rig::{MIDNIGHT_NS, OPEN_NS, day, line, made_up, unwatched};
use crate::venue::{add, iextp, mold, tops_trade};

fn selection(feed: FeedName) -> Selection {
    Selection { feed, lines: vec![], midnight_ns: None, limit: Limit::default() }
}

fn itch() -> Selection {
    selection(FeedName::NasdaqItch)
}

fn read(path: &Path, selection: &Selection) -> Result<Workload, Error> {
    unwatched(|control| Workload::recorded(path, selection, control))
}

/// The generator's capture of a day, as a file.
fn captured(messages: u64, config: &CaptureConfig) -> (TempFile, Vec<u8>) {
    let mut bytes = vec![];
    generate::capture(&day(messages), config, &mut bytes, &mut |_| ()).unwrap();
    (file(&bytes), bytes)
}

/// Line, time and payload of every datagram, as the replay's own source lends them.
fn datagrams(path: &Path, midnight_ns: Option<u64>) -> Vec<(u16, u64, Vec<u8>)> {
    let (mut source, mut all) = (recording::open(path, Lines::learning(16), midnight_ns).unwrap(), vec![]);
    while source.poll(&mut |datagram| all.push((datagram.line, datagram.recv_ns, datagram.payload.to_vec()))).unwrap() != Polled::End {}
    all
}

fn of(workload: &Workload) -> Vec<(u16, u64, Vec<u8>)> {
    workload.packets.iter().map(|packet| (packet.line, packet.recorded_ns, workload.payload(packet).to_vec())).collect()
}

#[test]
fn a_made_up_day_is_the_generator_s_capture_without_the_file() {
    let spec = |third, delay_ns| LineSpec {
        loss_ppm: 20_000,
        duplicate_ppm: 10_000,
        reorder_ppm: 10_000,
        ..LineSpec::clean([239, 192, third, 1].into(), 26_400, delay_ns)
    };
    let lossy = CaptureConfig { lines: vec![spec(1, 0), spec(2, 5_000)], both_loss_ppm: 5_000, ..CaptureConfig::default() };
    for config in [CaptureConfig::default(), lossy] {
        let (capture, _) = captured(20_000, &config);
        let made = unwatched(|control| Workload::made_up(&day(20_000), &config, Limit::default(), control)).unwrap();
        let read = read(&capture.path, &itch()).unwrap();
        assert_eq!(of(&made), datagrams(&capture.path, None));
        assert_eq!(of(&made), of(&read));
        assert_eq!((&made.packets, &made.lines, &made.channels), (&read.packets, &read.lines, &read.channels));
        assert_eq!(made.channels, [0, 0]);
        assert_eq!((made.feed, made.midnight_ns), (FeedName::NasdaqItch, Some(MIDNIGHT_NS)));
        assert!(made.remarks.is_empty() && read.remarks.is_empty(), "{:?}", read.remarks);
    }
}

#[test]
fn a_made_up_day_s_numbers_are_whole() {
    let workload = made_up(10_000);
    assert_eq!(workload.messages(), 20_000, "each message on two lines");
    for line in [0, 1] {
        let mut next = 1;
        for packet in workload.packets.iter().filter(|packet| packet.line == line) {
            assert_eq!(packet.sequence, next);
            next += u64::from(packet.messages);
        }
        assert_eq!(next, 10_001);
    }
    let whole: usize = workload.packets.iter().map(|packet| usize::from(packet.length)).sum();
    assert!(workload.payloads.len() * 100 <= whole * 51, "both lines' copies share their bytes");
    assert!(workload.what.contains("10000 messages") && workload.what.contains("seed 7"), "{}", workload.what);
    let bx = generate::GenerateConfig { style: Style::Bx, ..day(10_000) };
    assert_eq!(unwatched(|c| Workload::made_up(&bx, &CaptureConfig::default(), Limit::default(), c)).unwrap().feed, FeedName::BxItch);
}

#[test]
fn a_day_that_cannot_be_made_up_is_refused_by_its_key() {
    let too_short = generate::GenerateConfig { messages: 3, ..day(10_000) };
    let error = unwatched(|c| Workload::made_up(&too_short, &CaptureConfig::default(), Limit::default(), c)).unwrap_err();
    assert!(error.exit == Exit::Usage && error.to_string().starts_with("messages = 3: expected at least"), "{error}");
}

#[test]
fn limits_end_a_workload_where_they_say() {
    let whole = made_up(10_000);
    let (capture, _) = captured(10_000, &CaptureConfig::default());
    let begin_ns = whole.packets[0].recorded_ns;
    let within = Duration::from_millis(50);
    let in_time = whole.packets.iter().take_while(|packet| packet.recorded_ns - begin_ns <= 50_000_000).count();
    assert!(in_time > 100 && in_time < whole.packets.len());
    for (limit, expected) in [
        (Limit { datagrams: Some(100), ..Limit::default() }, 100),
        (Limit { recorded: Some(within), ..Limit::default() }, in_time),
        (Limit { recorded: Some(within), datagrams: Some(7), ..Limit::default() }, 7),
        (Limit { datagrams: Some(u64::MAX), recorded: Some(Duration::MAX), ..Limit::default() }, whole.packets.len()),
    ] {
        let made = unwatched(|control| Workload::made_up(&day(10_000), &CaptureConfig::default(), limit, control)).unwrap();
        let read = read(&capture.path, &Selection { limit, ..itch() }).unwrap();
        assert_eq!((made.packets.len(), read.packets.len()), (expected, expected), "{limit:?}");
        assert_eq!(made.packets, whole.packets[..expected]);
    }
}

#[test]
fn what_memory_does_not_hold_is_refused_and_not_cut() {
    let (capture, _) = captured(20_000, &CaptureConfig::default());
    let limit = Limit { memory_bytes: Some(100_000), ..Limit::default() };
    let error = read(&capture.path, &Selection { limit, ..itch() }).unwrap_err();
    assert!(error.exit == Exit::Host && error.to_string().contains("more than 0 MiB of memory"), "{error}");
    let error = unwatched(|control| Workload::made_up(&day(20_000), &CaptureConfig::default(), limit, control)).unwrap_err();
    assert_eq!(error.exit, Exit::Host);
}

#[test]
fn a_cut_capture_is_replayed_up_to_where_it_is_cut_and_says_so() {
    let (whole, bytes) = captured(10_000, &CaptureConfig::default());
    let all = datagrams(&whole.path, None);
    for cut in [file(&bytes[..bytes.len() / 2 + 1]), file(&gzip(&bytes)[..gzip(&bytes).len() / 2])] {
        let workload = read(&cut.path, &itch()).unwrap();
        let got = of(&workload);
        assert!(got.len() > 100 && got.len() < all.len() && got == all[..got.len()]);
        let [remark] = workload.remarks.as_slice() else { panic!("{:?}", workload.remarks) };
        assert!(remark.contains("is not whole: ") && remark.ends_with("what comes before is replayed"), "{remark}");
    }
}

#[test]
fn a_day_file_becomes_the_packets_that_a_replay_makes_of_it() {
    let mut bytes = vec![];
    generate::day_file(&day(10_000), &mut bytes, &mut |_| ()).unwrap();
    let day_file = file(&bytes);
    let dated = Selection { midnight_ns: Some(MIDNIGHT_NS), ..itch() };
    let workload = read(&day_file.path, &dated).unwrap();
    assert_eq!(of(&workload), datagrams(&day_file.path, Some(MIDNIGHT_NS)));
    assert_eq!((workload.messages(), workload.lines.len(), workload.channels.as_slice()), (10_000, 1, &[0][..]));
    assert!(workload.packets.iter().all(|packet| packet.recorded_ns >= OPEN_NS));
    let elsewhere = read(&day_file.path, &Selection { lines: vec![line(9), line(8)], ..dated.clone() }).unwrap();
    assert_eq!(elsewhere.lines, [line(9)], "it has one stream");

    let error = read(&day_file.path, &itch()).unwrap_err().to_string();
    assert!(error.contains("give the trading day"), "{error}");
    let error = read(&day_file.path, &Selection { feed: FeedName::IexDeep, ..dated.clone() }).unwrap_err().to_string();
    assert!(error.contains("iex-deep is no ITCH feed"), "{error}");
    let cut = file(&bytes[..bytes.len() / 2]);
    let workload = read(&cut.path, &dated).unwrap();
    assert!(
        workload.messages() < 10_000 && workload.remarks.iter().any(|remark| remark.contains("is not whole")),
        "{:?}",
        workload.remarks
    );
}

/// A capture of these datagrams a microsecond apart.
fn capture_of(datagrams: &[(LineKey, Vec<u8>)]) -> TempFile {
    let shot = |(nth, (to, payload)): (u64, &(LineKey, Vec<u8>))| Shot {
        ns: OPEN_NS + nth * 1_000,
        bytes: ethernet(to.group, to.port, payload),
        snapped: 0,
    };
    file(&classic(Endian::Little, 1, 1, &(0_u64..).zip(datagrams).map(shot).collect::<Vec<_>>()))
}

fn itch_packet(n: u64) -> Vec<u8> {
    mold(b"SESSION__1", n, &[add(1, "AAA", n, b'B', 100, 1_000), add(1, "AAA", n + 1, b'S', 100, 1_001)])
}

fn tops_packet(n: u64) -> Vec<u8> {
    iextp(7, n, OPEN_NS, n * 40, &[tops_trade("AAA", 1_000, 1)])
}

#[test]
fn of_a_capture_of_several_feeds_only_the_lines_of_this_one_are_taken() {
    let datagrams: Vec<_> =
        (0..10).flat_map(|n| [(line(5), tops_packet(n + 1)), (line(1), itch_packet(2 * n + 1)), (line(6), b"chatter".to_vec())]).collect();
    let capture = capture_of(&datagrams);
    let workload = read(&capture.path, &itch()).unwrap();
    assert_eq!((workload.lines.as_slice(), workload.packets.len(), workload.messages()), (&[line(1)][..], 10, 20));
    assert!(workload.remarks.iter().any(|remark| remark.starts_with("20 datagrams are of lines that carry nothing of nasdaq-itch")));
    let tops = read(&capture.path, &selection(FeedName::IexTops)).unwrap();
    assert_eq!((tops.lines.as_slice(), tops.packets.len()), (&[line(5)][..], 10));
}

#[test]
fn what_the_session_layer_cannot_read_is_kept_as_it_is() {
    let damaged = [vec![0xff; 30], b"short".to_vec(), vec![]];
    let mut datagrams = vec![(line(1), itch_packet(1))];
    datagrams.extend(damaged.iter().map(|payload| (line(1), payload.clone())));
    datagrams.push((line(1), itch_packet(3)));
    let workload = read(&capture_of(&datagrams).path, &itch()).unwrap();
    assert_eq!(
        of(&workload).into_iter().map(|(.., payload)| payload).collect::<Vec<_>>(),
        datagrams.into_iter().map(|(_, p)| p).collect::<Vec<_>>()
    );
    let read: Vec<(u64, u16)> = workload.packets.iter().map(|packet| (packet.sequence, packet.messages)).collect();
    assert_eq!(read, [(1, 2), (0, 0), (0, 0), (0, 0), (3, 2)]);
    assert!(workload.remarks.iter().any(|remark| remark.starts_with("3 datagrams are not of nasdaq-itch")), "{:?}", workload.remarks);
}

#[test]
fn heartbeats_have_a_number_and_no_messages_and_a_lie_about_the_count_is_not_believed() {
    let mut cut = itch_packet(5);
    cut.truncate(cut.len() - 3);
    let mut end = mold(b"SESSION__1", 6, &[]);
    end[18..20].copy_from_slice(&[0xff, 0xff]);
    let datagrams = [itch_packet(1), mold(b"SESSION__1", 3, &[]), cut, end].map(|payload| (line(1), payload));
    let workload = read(&capture_of(&datagrams).path, &itch()).unwrap();
    let read: Vec<(u64, u16)> = workload.packets.iter().map(|packet| (packet.sequence, packet.messages)).collect();
    assert_eq!(read, [(1, 2), (3, 0), (5, 1), (6, 0)]);
}

#[test]
fn named_lines_are_taken_whole_in_the_order_of_their_names() {
    let datagrams: Vec<_> =
        (0..10).flat_map(|n| [(line(1), itch_packet(2 * n + 1)), (line(2), b"junk".to_vec()), (line(3), itch_packet(2 * n + 1))]).collect();
    let named = Selection { lines: vec![line(3), line(2), line(7)], ..itch() };
    let workload = read(&capture_of(&datagrams).path, &named).unwrap();
    assert_eq!(workload.lines, [line(3), line(2), line(7)]);
    assert_eq!(workload.channels, [0, 1, 2]);
    let lines: Vec<u16> = workload.packets.iter().map(|packet| packet.line).collect();
    assert_eq!(lines, [1, 0].repeat(10), "junk and all");
    assert!(workload.remarks.iter().any(|remark| remark.contains("line 239.192.7.1:26400 has no datagrams")), "{:?}", workload.remarks);
}

#[test]
fn there_are_at_most_so_many_lines_and_the_rest_is_counted() {
    let lines = MOST_LINES as u16 + 6;
    let datagrams: Vec<_> = (0..lines).map(|n| (LineKey { port: 20_000 + n, ..line(1) }, itch_packet(1))).collect();
    let workload = read(&capture_of(&datagrams).path, &itch()).unwrap();
    assert_eq!((workload.lines.len(), workload.packets.len()), (MOST_LINES, MOST_LINES));
    assert!(workload.remarks.iter().any(|remark| remark.starts_with("6 datagrams are of more lines than 64")), "{:?}", workload.remarks);
}

#[test]
fn a_file_without_the_feed_is_refused_with_the_feed_it_has() {
    let tops = capture_of(&(1..10).map(|n| (line(1), tops_packet(n))).collect::<Vec<_>>());
    let junk = capture_of(&[(line(1), vec![0xff; 100])]);
    let empty = file(&classic(Endian::Little, 1, 1, &[]));
    let text = file(b"no capture\n");
    let named = Selection { lines: vec![line(1)], ..itch() };
    let elsewhere = Selection { lines: vec![line(2)], ..itch() };
    for (path, selection, expected) in [
        (
            &tops.path,
            &itch(),
            "there is no datagram of nasdaq-itch in it (9 frames, 1 destinations); its datagrams read as iex-tops: say so",
        ),
        (&tops.path, &named, "its datagrams read as iex-tops: say so"),
        (&tops.path, &elsewhere, "no datagram of nasdaq-itch in it"),
        (&junk.path, &itch(), "give a recording of a feed that is known"),
        (&empty.path, &itch(), "(0 frames, no UDP datagrams)"),
        (&text.path, &itch(), "the file is text"),
        (&Path::new("nowhere.pcap").to_path_buf(), &itch(), "cannot be read"),
    ] {
        let error = read(path, selection).unwrap_err();
        let message = error.to_string();
        assert!(error.exit == Exit::Input && message.contains(expected) && !message.contains('\n'), "{expected}: {message}");
    }
}

#[test]
fn reading_is_told_and_can_be_stopped() {
    let (capture, bytes) = captured(20_000, &CaptureConfig::default());
    let told = Cell::new(Progress::default());
    let mut progress = |at: Progress| {
        assert!(at.done >= told.get().done);
        told.set(at);
    };
    Workload::recorded(&capture.path, &itch(), &mut Control { stop: &|| false, progress: &mut progress }).unwrap();
    assert_eq!(told.get(), Progress { done: bytes.len() as u64, total: bytes.len() as u64 });

    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    let mut control = Control { stop: &stop, progress: &mut |_| () };
    for workload in [Workload::recorded(&capture.path, &itch(), &mut control).unwrap(), {
        asked.set(0);
        Workload::made_up(&day(20_000), &CaptureConfig::default(), Limit::default(), &mut control).unwrap()
    }] {
        assert!((64..1_000).contains(&workload.packets.len()), "{}", workload.packets.len());
        assert!(workload.remarks.iter().any(|remark| remark.contains("was stopped")), "{:?}", workload.remarks);
    }
}

#[test]
fn stopped_before_anything_was_read_it_says_so_and_not_that_nothing_is_there() {
    let (capture, _) = captured(2_000, &CaptureConfig::default());
    let mut control = Control { stop: &|| true, progress: &mut |_| () };
    let error = Workload::recorded(&capture.path, &itch(), &mut control).unwrap_err();
    assert!(error.exit == Exit::Failed && error.to_string().contains("stopped before"), "{error}");
}

#[test]
fn no_datagrams_at_all_are_refused_as_what_was_asked_for() {
    let (capture, _) = captured(2_000, &CaptureConfig::default());
    let none = Limit { datagrams: Some(0), ..Limit::default() };
    let recorded = read(&capture.path, &Selection { limit: none, ..itch() }).unwrap_err();
    let made_up = unwatched(|control| Workload::made_up(&day(2_000), &CaptureConfig::default(), none, control)).unwrap_err();
    for error in [recorded, made_up] {
        assert!(error.exit == Exit::Usage && error.to_string().contains("limit of 0 datagrams"), "{error}");
    }
}

#[test]
fn more_lines_than_a_table_takes_are_refused() {
    let (capture, _) = captured(2_000, &CaptureConfig::default());
    let lines: Vec<LineKey> = (0..=MAX_LINES as u32).map(|nth| LineKey { group: (0xef00_0000 + nth).into(), port: 1 }).collect();
    let error = read(&capture.path, &Selection { lines, ..itch() }).unwrap_err();
    assert!(error.exit == Exit::Usage && error.to_string().contains("65536 lines"), "{error}");
}

#[test]
fn real_tops_is_taken_whole() {
    let Some(folder) = captures("real_tops_is_taken_whole") else { return };
    let path = folder.join("iex/tops16.pcap.gz");
    let workload = read(&path, &selection(FeedName::IexTops)).unwrap();
    assert_eq!((workload.packets.len(), workload.messages()), (13_022, 57_674));
    assert_eq!(workload.packets.iter().filter(|packet| packet.messages == 0).count(), 237);
    assert_eq!((workload.lines[0].to_string().as_str(), workload.channels.as_slice()), ("224.67.0.199:16642", &[0][..]));
    let last = workload.packets.iter().rfind(|packet| packet.messages > 0).unwrap();
    assert_eq!(last.sequence + u64::from(last.messages), 57_675);
    assert!(workload.remarks.is_empty(), "{:?}", workload.remarks);
    assert_eq!(of(&workload), datagrams(&path, None));
}

//! Replays of DEEP captures: made-up sessions with restarts, losses and cuts, and the real packets.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tickwire::book::BooksCapacity;
use tickwire::books_file;
use tickwire::feed::name::FeedName;
use tickwire::replay::{self, ReplayConfig, Replayed, Speed};

use crate::model::Model;
use crate::packets::{self, Endian, GROUP, PORT, Shot};
use crate::session::{Random, Venue, segments};
use crate::venue::RECV_NS;

fn replayed(file: &Path) -> Replayed {
    let config = ReplayConfig {
        file: file.to_owned(),
        feed: FeedName::IexDeep,
        midnight_ns: None,
        speed: Speed::Max,
        lines: Vec::new(),
        publish: None,
        dbn: None,
        capacity: BooksCapacity { instruments: 1 << 14, orders: 1, levels: 1 << 16 },
    };
    replay::run(&config, &|| false, &mut |_| ()).unwrap()
}

fn books(replayed: &Replayed) -> String {
    let mut out = Vec::new();
    books_file::write(replayed.channel.composer(), false, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn capture(segments: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let shots: Vec<_> =
        segments.iter().map(|(ns, segment)| Shot { ns: *ns, bytes: packets::ethernet(GROUP, PORT, segment), snapped: 0 }).collect();
    packets::classic(Endian::Little, 1, 1, &shots)
}

/// The messages of a segment.
fn messages(segment: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut messages) = (&segment[40..], Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (message, after) = after.split_at(usize::from(u16::from_le_bytes(*length)));
        messages.push(message);
        rest = after;
    }
    messages
}

/// Takes a segment in, and counts the records that it makes.
fn take(model: &mut Model, segment: &[u8], records: &mut BTreeMap<&'static str, u64>) {
    for message in messages(segment) {
        let symbol = || -> [u8; 8] { message[10..18].try_into().unwrap() };
        let ten = |model: &Model| (message.len() > 10).then(|| model.books.get(&symbol()).cloned().unwrap_or_default().ten());
        let before = ten(model);
        model.take(message);
        let after = ten(model);
        let mut count = |schema, is| *records.entry(schema).or_default() += u64::from(is);
        let is_trade = message[0] == b'T';
        count("mbp-1", is_trade || before.map(|ten| ten[0]) != after.map(|ten| ten[0]));
        count("mbp-10", is_trade || before != after);
        count("trades", is_trade);
        count("status", matches!(message[0], b'H' | b'O' | b'P'));
    }
}

#[test]
fn a_made_up_session_gives_all_its_messages_and_ends_with_the_model_s_books() {
    for seed in 1..=3 {
        let mut venue = Venue::new(seed, 50);
        let session = venue.session(20_000);
        let segments = segments(&session, RECV_NS, &mut venue.random);
        let (mut model, mut records) = (Model::default(), BTreeMap::new());
        segments.iter().for_each(|(_, segment)| take(&mut model, segment, &mut records));
        let file = packets::file(&capture(&segments));
        let replayed = replayed(&file.path);
        let summary = &replayed.summary;
        assert_eq!((summary.messages, &summary.messages_by_type), (session.len() as u64, &model.types));
        assert_eq!((summary.dropped_by_reason.len(), summary.gaps, summary.restarts, summary.joined_late), (0, 0, 0, false));
        assert_eq!((summary.datagrams, summary.instruments, summary.live_orders), (segments.len() as u64, 50, 0));
        assert_eq!(summary.price_levels, model.price_levels());
        assert_eq!(books(&replayed), model.books_file());
        for (schema, count) in records {
            assert_eq!(summary.records_by_schema[schema], count, "{schema}");
        }
        assert_eq!(summary.records_by_schema["mbo"], 0);
    }
}

#[test]
fn a_restart_under_the_same_session_id_begins_the_books_anew() {
    let mut venue = Venue::new(11, 20);
    let first = segments(&venue.session(2_000), RECV_NS, &mut venue.random);
    let restarted_ns = first.last().unwrap().0 + 3_000_000_000;
    let second = segments(&venue.session(3_000), restarted_ns, &mut venue.random);
    let (mut model, mut unused) = (Model::default(), BTreeMap::new());
    first.iter().for_each(|(_, segment)| take(&mut model, segment, &mut unused));
    model.restart();
    second.iter().for_each(|(_, segment)| take(&mut model, segment, &mut unused));
    // The slower line still brings the old generation.
    let mut all = first.clone();
    for (at, segment) in second.iter().enumerate() {
        all.push(segment.clone());
        all.push((segment.0, first[at % first.len()].1.clone()));
    }
    let file = packets::file(&capture(&all));
    let replayed = replayed(&file.path);
    let summary = &replayed.summary;
    assert_eq!((summary.restarts, summary.gaps, summary.messages), (1, 0, model.messages));
    assert_eq!(summary.dropped_by_reason.keys().copied().collect::<Vec<_>>(), ["old_session"]);
    assert_eq!(books(&replayed), model.books_file());
}

#[test]
fn lost_segments_are_gaps_and_the_books_are_what_the_complete_events_made() {
    for seed in 1..=4 {
        let mut venue = Venue::new(seed, 20);
        let segments = segments(&venue.session(5_000), RECV_NS, &mut venue.random);
        let mut random = Random::new(seed);
        let (mut model, mut unused, mut kept, mut lost) = (Model::default(), BTreeMap::new(), Vec::new(), 0);
        for (at, segment) in segments.iter().enumerate() {
            let count = messages(&segment.1).len();
            if at > 0 && count > 0 && at + 30 < segments.len() && random.below(40) == 0 {
                model.cut();
                lost += count as u64;
            } else {
                take(&mut model, &segment.1, &mut unused);
                kept.push(segment.clone());
            }
        }
        model.cut();
        let file = packets::file(&capture(&kept));
        let replayed = replayed(&file.path);
        let summary = &replayed.summary;
        assert_eq!((summary.messages, summary.lost_messages), (model.messages, lost));
        assert!(summary.gaps > 5);
        let counted = |reason| summary.dropped_by_reason.get(reason).copied().unwrap_or(0);
        assert_eq!((counted("unknown_level"), counted("event_unfinished")), (model.unknown, model.unfinished));
        assert_eq!(counted("offset_mismatch"), 0, "behind a gap the stream stands where the next segment says");
        assert_eq!(books(&replayed), model.books_file());
    }
}

#[test]
fn a_capture_whose_last_record_is_cut_delivers_everything_complete() {
    let mut venue = Venue::new(21, 20);
    let segments = segments(&venue.session(1_500), RECV_NS, &mut venue.random);
    let whole = capture(&segments);
    let mut ends = vec![24];
    for (_, segment) in &segments {
        ends.push(ends.last().unwrap() + 16 + 42 + segment.len());
    }
    assert_eq!(*ends.last().unwrap(), whole.len());
    let mut random = Random::new(5);
    for _ in 0..60 {
        let cut = 24 + random.below(whole.len() as u64 - 24) as usize;
        let complete = ends.iter().rposition(|&end| end <= cut).unwrap();
        let (mut model, mut unused) = (Model::default(), BTreeMap::new());
        segments[..complete].iter().for_each(|(_, segment)| take(&mut model, segment, &mut unused));
        model.cut();
        let file = packets::file(&whole[..cut]);
        let replayed = replayed(&file.path);
        assert_eq!((replayed.summary.messages, &replayed.summary.messages_by_type), (model.messages, &model.types), "cut at {cut}");
        assert_eq!(replayed.summary.capture_truncated, ends[complete] != cut);
        assert_eq!(replayed.summary.dropped_by_reason.get("event_unfinished").copied().unwrap_or(0), model.unfinished);
        assert_eq!(books(&replayed), model.books_file(), "cut at {cut}");
    }
}

#[test]
fn the_command_line_writes_the_books_and_the_summary_of_a_deep_capture() {
    let mut venue = Venue::new(31, 10);
    let segments = segments(&venue.session(1_000), RECV_NS, &mut venue.random);
    let (mut model, mut unused) = (Model::default(), BTreeMap::new());
    segments.iter().for_each(|(_, segment)| take(&mut model, segment, &mut unused));
    let file = packets::file(&capture(&segments));
    let room = tempfile::tempdir().unwrap();
    let (books, summary) = (room.path().join("books.csv"), room.path().join("summary.json"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.arg("replay").arg(&file.path).args(["--feed", "iex-deep", "--books"]).arg(&books).arg("--summary").arg(&summary);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_to_string(books).unwrap(), model.books_file());
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(summary).unwrap()).unwrap();
    assert_eq!(summary["messages_by_type"], serde_json::json!(model.types));
    assert_eq!(summary["dropped_by_reason"], serde_json::json!({}));
}

#[test]
fn the_real_deep_packets_give_their_messages_and_the_model_s_books() {
    let Some(captures) = packets::captures("the real DEEP packets") else { return };
    let mut found = 0;
    for path in packets::capture_files(&captures.join("packets/Deep.IexTp.v1.0")) {
        let (mut model, mut unused) = (Model::default(), BTreeMap::new());
        let mut reader = pcap_file::pcap::PcapReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        while let Some(packet) = reader.next_packet() {
            let packet = packet.unwrap();
            let sliced = etherparse::SlicedPacket::from_ethernet(&packet.data).unwrap();
            let Some(etherparse::TransportSlice::Udp(udp)) = sliced.transport else { panic!("{}: no UDP", path.display()) };
            take(&mut model, udp.payload(), &mut unused);
        }
        let replayed = replayed(&path);
        let summary = &replayed.summary;
        assert_eq!((summary.messages, &summary.messages_by_type), (model.messages, &model.types), "{}", path.display());
        assert_eq!((summary.dropped_by_reason.len(), summary.price_levels), (0, model.messages), "{}", path.display());
        assert_eq!(books(&replayed), model.books_file(), "{}", path.display());
        found += 1;
    }
    assert_eq!(found, 3);
}

//! Capture files: every format, cut anywhere, damaged, or no capture at all.
#![cfg(feature = "service")]

mod packets;

use packets::{
    Endian, GROUP, PORT, Shot, block, capture_files, captures, classic, enhanced, ethernet, file, gzip, interface, ipv4, obsolete, section,
    simple, tagged, unpacked,
};
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::path::Path;
use tickwire::source::file::{self, Recording};
use tickwire::source::frame::ChecksumPolicy;
use tickwire::source::lines::{LineKey, Lines};
use tickwire::source::memory::OwnedDatagram;
use tickwire::source::pcap::{Capture, Frames, Link};
use tickwire::source::{Polled, Source};
use tickwire::stats::Drop;

/// A time with nine significant digits of fraction.
const T0: u64 = 1_700_000_000_123_456_789;

fn shots(n: u64) -> Vec<Shot> {
    (0..n)
        .map(|i| Shot { ns: T0 + i * 1_001, bytes: ethernet(GROUP, PORT, &[b'a' + (i % 26) as u8].repeat(i as usize + 1)), snapped: 0 })
        .collect()
}

/// A frame as a capture shows it: time in ns, length on the wire, bytes kept.
type Seen = (u64, usize, Vec<u8>);

/// All frames of a file: (ns, wire length, bytes), and why it ended before its time.
fn frames_of(bytes: &[u8]) -> (Vec<Seen>, Option<String>) {
    let temp = file(bytes);
    let mut frames = Frames::open(&temp.path).unwrap();
    let mut all = Vec::new();
    while let Some(frame) = frames.next().unwrap() {
        all.push((frame.ns, frame.wire_len, frame.bytes.to_vec()));
    }
    assert!(frames.next().unwrap().is_none(), "the end is the end");
    assert_eq!(frames.count(), all.len() as u64);
    (all, frames.truncation().map(str::to_owned))
}

fn expected(shots: &[Shot], unit_ns: u64) -> Vec<Seen> {
    shots.iter().map(|shot| (shot.ns / unit_ns * unit_ns, shot.bytes.len() + shot.snapped as usize, shot.bytes.clone())).collect()
}

fn refusal(bytes: &[u8]) -> String {
    let temp = file(bytes);
    let message = Frames::open(&temp.path).err().expect("must be refused").to_string();
    assert!(message.starts_with(&temp.path.display().to_string()), "says where: {message}");
    message
}

/// Everything a source lends.
fn drain(source: &mut impl Source) -> Vec<OwnedDatagram> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        match source.poll(&mut |datagram| all.push(datagram.into())).unwrap() {
            Polled::Delivered(n) => assert_eq!(n as usize, all.len() - before),
            Polled::Idle => panic!("a file is never idle"),
            Polled::End => return all,
        }
    }
}

#[test]
fn classic_captures_are_read_in_both_byte_orders_and_resolutions_plain_and_gzipped() {
    let shots = shots(5);
    for endian in Endian::BOTH {
        for unit_ns in [1, 1000] {
            let capture = classic(endian, unit_ns, 1, &shots);
            assert_eq!(frames_of(&capture), (expected(&shots, unit_ns), None), "{endian:?} {unit_ns}");
            assert_eq!(frames_of(&gzip(&capture)), (expected(&shots, unit_ns), None), "gzip, {endian:?} {unit_ns}");
        }
    }
}

#[test]
fn gzip_members_one_after_the_other_are_one_capture() {
    let shots = shots(4);
    let capture = classic(Endian::Little, 1, 1, &shots);
    let (first, second) = capture.split_at(100);
    assert_eq!(frames_of(&[gzip(first), gzip(second)].concat()), (expected(&shots, 1), None));
}

#[test]
fn pcapng_packets_of_all_three_kinds_are_read_in_both_byte_orders() {
    for endian in Endian::BOTH {
        let shots = shots(3);
        let mut capture = [section(endian), interface(endian, 1, 0, &[(9, vec![9])])].concat();
        capture.extend(block(endian, 5, &[0; 40])); // statistics: passed over
        capture.extend(enhanced(endian, 0, shots[0].ns, &shots[0]));
        capture.extend(block(endian, 0x0bad, &vec![7; 3 << 20])); // unknown, larger than the buffer
        capture.extend(obsolete(endian, 0, shots[1].ns, &shots[1]));
        capture.extend(simple(endian, shots[2].bytes.len() as u32, &shots[2].bytes));
        let mut expected = expected(&shots, 1);
        expected[2].0 = shots[1].ns; // a simple packet has no time: the last one known
        assert_eq!(frames_of(&capture), (expected.clone(), None), "{endian:?}");
        assert_eq!(frames_of(&gzip(&capture)), (expected, None), "gzip {endian:?}");
    }
}

#[test]
fn pcapng_clocks_count_in_powers_of_ten_or_two_from_an_offset() {
    let shot = &shots(1)[0];
    let ns_of = |options: &[(u16, Vec<u8>)], ticks: u64| {
        let capture =
            [section(Endian::Little), interface(Endian::Little, 1, 0, options), enhanced(Endian::Little, 0, ticks, shot)].concat();
        frames_of(&capture).0[0].0
    };
    let second = 1_000_000_000;
    assert_eq!(ns_of(&[], 1_700_000_000_123_456), 1_700_000_000_123_456_000, "microseconds where nothing is said");
    assert_eq!(ns_of(&[(9, vec![0])], 1_700_000_000), 1_700_000_000 * second);
    assert_eq!(ns_of(&[(9, vec![3])], 1_700_000_000_123), 1_700_000_000_123_000_000);
    assert_eq!(ns_of(&[(9, vec![9])], T0), T0);
    assert_eq!(ns_of(&[(9, vec![10])], 15_000_000_019), 1_500_000_001, "finer than ns: rounded down");
    assert_eq!(ns_of(&[(9, vec![127])], u64::MAX), 0);
    assert_eq!(ns_of(&[(9, vec![0x80 | 30])], (3 << 30) + (1 << 29)), 3 * second + second / 2);
    assert_eq!(ns_of(&[(9, vec![0x80 | 127])], u64::MAX), 0);
    assert_eq!(ns_of(&[(9, vec![0x80])], u64::MAX), u64::MAX, "saturates");
    assert_eq!(ns_of(&[(9, vec![6]), (14, 100_i64.to_le_bytes().to_vec())], 5), 100 * second + 5_000);
    assert_eq!(ns_of(&[(14, (-1_i64).to_le_bytes().to_vec())], 3_000_000), 2 * second);
    assert_eq!(ns_of(&[(2, b"eth0".to_vec()), (9, vec![9])], 77), 77, "other options before it");
}

#[test]
fn pcapng_sections_may_change_byte_order_and_interfaces_may_differ() {
    let shots = shots(3);
    let raw = Shot { bytes: ipv4(GROUP, PORT, b"raw"), ..shots[2].clone() };
    let capture = [
        section(Endian::Little),
        interface(Endian::Little, 1, 0, &[]),
        interface(Endian::Little, 101, 0, &[(9, vec![9])]),
        enhanced(Endian::Little, 0, shots[0].ns / 1000, &shots[0]),
        enhanced(Endian::Little, 1, raw.ns, &raw),
        section(Endian::Big),
        interface(Endian::Big, 1, 0, &[(9, vec![9])]),
        enhanced(Endian::Big, 0, shots[1].ns, &shots[1]),
    ]
    .concat();
    let temp = file(&capture);
    let mut source = Capture::open(&temp.path, Lines::learning(8)).unwrap();
    let got = drain(&mut source);
    let got: Vec<_> = got.iter().map(|datagram| (datagram.recv_ns, &datagram.payload[..])).collect();
    assert_eq!(got, [(shots[0].ns / 1000 * 1000, &b"a"[..]), (raw.ns, b"raw"), (shots[1].ns, b"bb")]);
    assert!(!source.truncated());
}

#[test]
fn a_simple_packet_is_as_long_as_the_interface_keeps() {
    let bytes = &shots(1)[0].bytes;
    let capture = [section(Endian::Little), interface(Endian::Little, 1, 16, &[]), simple(Endian::Little, 43, &bytes[..16])].concat();
    assert_eq!(frames_of(&capture).0, [(0, 43, bytes[..16].to_vec())]);
}

#[test]
fn every_link_layer_leads_to_the_datagram() {
    let packet = ipv4(GROUP, PORT, b"payload");
    let cases: [(u16, Vec<u8>); 11] = [
        (1, tagged(&[(0x8100, 9)], &packet)),
        (101, packet.clone()),
        (12, packet.clone()),
        (14, packet.clone()),
        (228, packet.clone()),
        (0, [&[2, 0, 0, 0], &packet[..]].concat()),
        (0, [&[0, 0, 0, 2], &packet[..]].concat()),
        (108, [&[0, 0, 0, 2], &packet[..]].concat()),
        (113, [&[0; 14], &[8, 0][..], &packet[..]].concat()),
        (113, [&[0; 14], &[0x81, 0, 0, 9, 8, 0][..], &packet[..]].concat()),
        (276, [&[8, 0], &[0; 18][..], &packet[..]].concat()),
    ];
    for (number, bytes) in cases {
        let link = Link::from_number(number).unwrap();
        assert_eq!(link.udp(&bytes, bytes.len()).unwrap().payload, b"payload", "{number}");
        for len in 0..bytes.len() {
            assert_eq!(link.udp(&bytes[..len], bytes.len()), Err(Drop::FrameCut), "link type {number} cut to {len}");
        }
        let temp = file(&classic(Endian::Big, 1, u32::from(number), &[Shot { ns: T0, bytes, snapped: 0 }]));
        assert_eq!(drain(&mut Capture::open(&temp.path, Lines::learning(1)).unwrap()).len(), 1);
    }
    assert_eq!(Link::Loopback.udp(&[&[30, 0, 0, 0], &packet[..]].concat(), 99), Err(Drop::NotIpv4), "IPv6 of a BSD");
}

#[test]
fn a_capture_of_another_link_layer_is_refused_and_a_mixed_one_counted() {
    let message = refusal(&classic(Endian::Little, 1, 105, &shots(1)));
    assert!(message.contains("link type 105") && message.contains("Ethernet (1)"), "{message}");
    let head = [section(Endian::Big), interface(Endian::Big, 105, 0, &[])].concat();
    assert!(refusal(&[&head[..], &enhanced(Endian::Big, 0, 1, &shots(1)[0])].concat()).contains("link type 105"));

    let shots = shots(2);
    let mixed =
        [head, interface(Endian::Big, 1, 0, &[]), enhanced(Endian::Big, 0, 1, &shots[0]), enhanced(Endian::Big, 1, 2, &shots[1])].concat();
    let temp = file(&mixed);
    let mut source = Capture::open(&temp.path, Lines::learning(1)).unwrap();
    assert_eq!(drain(&mut source).len(), 1);
    assert_eq!((source.frames(), source.drops().get(Drop::NotIpv4)), (2, 1));
}

/// Cuts a capture at every byte. `ends` are the positions behind which one record more is complete, the first being where
/// the file's own headers end.
fn cut_everywhere(capture: &[u8], headers: usize, record_ends: &[usize], boundaries: &[usize], expected: &[Seen]) {
    for len in 0..=capture.len() {
        if len < headers {
            refusal(&capture[..len]);
            continue;
        }
        let complete = record_ends.iter().filter(|&&end| end <= len).count();
        let (frames, truncation) = frames_of(&capture[..len]);
        assert_eq!(frames, expected[..complete], "cut to {len} bytes");
        assert_eq!(truncation.is_some(), !boundaries.contains(&len), "cut to {len} bytes: {truncation:?}");
    }
}

#[test]
fn a_classic_capture_cut_at_every_byte_gives_exactly_its_complete_records() {
    let shots = shots(3);
    for endian in Endian::BOTH {
        let capture = classic(endian, 1, 1, &shots);
        let mut ends = vec![24];
        for shot in &shots {
            ends.push(ends.last().unwrap() + 16 + shot.bytes.len());
        }
        cut_everywhere(&capture, 24, &ends[1..], &ends, &expected(&shots, 1));
    }
}

#[test]
fn a_pcapng_capture_cut_at_every_byte_gives_exactly_its_complete_records() {
    let shots = shots(3);
    for endian in Endian::BOTH {
        let blocks = [
            section(endian),
            block(endian, 98, &[2; 20]),
            interface(endian, 1, 0, &[(9, vec![9])]),
            enhanced(endian, 0, shots[0].ns, &shots[0]),
            block(endian, 99, &[1; 30]),
            obsolete(endian, 0, shots[1].ns, &shots[1]),
            enhanced(endian, 0, shots[2].ns, &shots[2]),
        ];
        let ends: Vec<usize> = (1..=blocks.len()).map(|n| blocks[..n].concat().len()).collect();
        cut_everywhere(&blocks.concat(), ends[0], &[ends[3], ends[5], ends[6]], &ends, &expected(&shots, 1));
    }
}

#[test]
fn a_gzip_stream_cut_at_every_byte_gives_whole_records_and_says_so() {
    let shots = shots(20);
    let whole = expected(&shots, 1);
    let packed = gzip(&classic(Endian::Little, 1, 1, &shots));
    let mut most = 0;
    for len in 0..packed.len() {
        let temp = file(&packed[..len]);
        let Ok(mut frames) = Frames::open(&temp.path) else { continue };
        let mut n = 0;
        while let Some(frame) = frames.next().unwrap() {
            assert_eq!(frame.bytes, whole[n].2);
            n += 1;
        }
        assert!(frames.truncation().is_some_and(|why| why.contains("gzip stream is cut")), "cut to {len}: {:?}", frames.truncation());
        most = most.max(n);
    }
    assert_eq!(most, 20, "only the trailer missing: everything is there, and still reported");

    let mut damaged = packed.clone();
    let at = damaged.len() - 6; // within the checksum
    damaged[at] ^= 0xff;
    let (frames, truncation) = frames_of(&damaged);
    assert_eq!(frames.len(), 20);
    assert!(truncation.unwrap().contains("gzip stream is damaged"));
}

#[test]
fn absurd_lengths_end_the_capture_and_say_where() {
    let shots = shots(2);
    let mut capture = classic(Endian::Little, 1, 1, &shots);
    let second = 24 + 16 + shots[0].bytes.len();
    for absurd in [262_145_u32, 0x7fff_ffff, u32::MAX] {
        capture[second + 8..second + 12].copy_from_slice(&absurd.to_le_bytes());
        let (frames, truncation) = frames_of(&capture);
        assert_eq!(frames.len(), 1);
        let why = truncation.unwrap();
        assert!(why.contains(&format!("byte {second}")) && why.contains("after 1 frames"), "{why}");
    }

    let head = [section(Endian::Little), interface(Endian::Little, 1, 0, &[]), enhanced(Endian::Little, 0, 1, &shots[0])].concat();
    let bad = |block: Vec<u8>| frames_of(&[&head[..], &block].concat());
    let mut lengths_differ = enhanced(Endian::Little, 0, 1, &shots[0]);
    *lengths_differ.last_mut().unwrap() = 1;
    let mut longer_than_block = enhanced(Endian::Little, 0, 1, &shots[0]);
    longer_than_block[20..24].copy_from_slice(&2000_u32.to_le_bytes());
    let cases = [
        ("impossible length", [6, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0].to_vec()),
        ("impossible length", [6, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0].to_vec()),
        ("more bytes than any capture", [6, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff, 0, 0, 0, 0].to_vec()),
        ("within a record", [9, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff, 0, 0, 0, 0].to_vec()),
        ("two lengths differ", lengths_differ),
        ("longer than its block", longer_than_block),
        ("not described", enhanced(Endian::Little, 1, 1, &shots[0])),
        ("too short", block(Endian::Little, 6, &[0; 16])),
        ("too short", block(Endian::Little, 1, &[0; 4])),
        ("byte-order magic", block(Endian::Little, 0x0a0d_0d0a, &[0; 16])),
    ];
    for (reason, block) in cases {
        let (frames, truncation) = bad(block);
        assert_eq!(frames.len(), 1, "{reason}");
        assert!(truncation.as_ref().is_some_and(|why| why.contains(reason)), "{reason}: {truncation:?}");
    }
    let crowd = [head, interface(Endian::Little, 1, 0, &[]).repeat(5000)].concat();
    assert!(frames_of(&crowd).1.unwrap().contains("4096 interfaces"));
}

#[test]
fn what_is_no_capture_is_refused_in_one_sentence() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "the file is empty"),
        (b"symbol,side,price\nAAPL,B,100\n", "the file is text, beginning \"symbol,side,price\""),
        (&[0; 5000], "zero bytes"),
        (&[0], "zero bytes"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0, 0], "zstd"),
        (b"DBN\x03\0\0", "a DBN file"),
        (&[0xd4, 0xc3, 0xb2], "begins with the bytes [d4, c3, b2]"),
        (&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0], "ends within its section header"),
        (&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 9, 9, 9, 9], "byte-order magic"),
    ];
    for (bytes, why) in cases {
        for message in [refusal(bytes), refusal(&gzip(bytes))] {
            assert!(message.contains(why) && message.contains("; "), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
    assert!(refusal(&[0x1f, 0x8b, 8]).contains("gzip stream is cut"));
    assert!(Frames::open(Path::new("/nowhere/at all")).err().unwrap().to_string().contains("check the path"));
    let folder = tempfile::tempdir().unwrap();
    assert!(Frames::open(folder.path()).is_err(), "a folder");
}

#[test]
fn frames_of_which_too_little_was_kept_are_counted_as_cut() {
    let whole = ethernet(GROUP, PORT, &[7; 100]);
    let kept = Shot { ns: T0, bytes: whole[..90].to_vec(), snapped: whole.len() as u32 - 90 };
    let padded = Shot { ns: T0, bytes: [&whole[..], &[0; 4]].concat(), snapped: 8 };
    let lying = Shot { ns: T0, bytes: whole[..90].to_vec(), snapped: 0 };
    let temp = file(&classic(Endian::Little, 1, 1, &[kept, padded, lying]));
    let mut source = Capture::open(&temp.path, Lines::learning(1)).unwrap();
    assert_eq!(drain(&mut source).len(), 1, "only the padding was cut off the second");
    assert_eq!((source.drops().get(Drop::FrameCut), source.drops().get(Drop::BadLength)), (1, 1));
}

#[test]
fn lines_get_their_indexes_and_strangers_are_counted() {
    let other = Ipv4Addr::new(239, 9, 9, 9);
    let to = |group, port| Shot { ns: T0, bytes: ethernet(group, port, b"x"), snapped: 0 };
    let temp = file(&classic(Endian::Little, 1, 1, &[to(GROUP, PORT), to(other, 1), to(GROUP, 1), to(other, 1), to(GROUP, PORT)]));

    let keys = [LineKey { group: other, port: 1 }, LineKey { group: GROUP, port: PORT }];
    let mut source = Capture::open(&temp.path, Lines::new(&keys)).unwrap();
    assert_eq!(drain(&mut source).iter().map(|datagram| datagram.line).collect::<Vec<_>>(), [1, 0, 0, 1]);
    assert_eq!(source.drops().get(Drop::UnknownLine), 1);

    let mut learning = Capture::open(&temp.path, Lines::learning(2)).unwrap();
    assert_eq!(drain(&mut learning).iter().map(|datagram| datagram.line).collect::<Vec<_>>(), [0, 1, 1, 0]);
    assert_eq!(learning.lines().keys(), [keys[1], keys[0]], "in the order of their first datagram");
    assert_eq!(learning.drops().get(Drop::UnknownLine), 1, "no room for a third");
}

#[test]
fn case_23_checksums_are_verified_only_where_asked() {
    let mut wrong = ethernet(GROUP, PORT, b"payload");
    wrong[45] ^= 1;
    let temp = file(&classic(Endian::Little, 1, 1, &[Shot { ns: T0, bytes: wrong, snapped: 0 }]));
    assert_eq!(drain(&mut Capture::open(&temp.path, Lines::learning(1)).unwrap()).len(), 1);
    let mut strict = Capture::open(&temp.path, Lines::learning(1)).unwrap().with_checksums(ChecksumPolicy::Verify);
    assert_eq!(drain(&mut strict).len(), 0);
    assert_eq!(strict.drops().get(Drop::BadChecksum), 1);
}

#[test]
fn a_capture_can_be_read_no_further_than_a_time() {
    let all = shots(200);
    let temp = file(&classic(Endian::Little, 1, 1, &all));
    let mut recording = file::open(&temp.path, Lines::learning(1), None).unwrap();
    assert!(!recording.synthetic());
    let mut got = Vec::new();
    for shot in &all {
        assert_eq!(recording.peek_ns().unwrap(), Some(shot.ns));
        assert_eq!(recording.poll_until(shot.ns - 1, &mut |_| panic!("too early")).unwrap(), Polled::Idle);
        assert_eq!(recording.poll_until(shot.ns, &mut |datagram| got.push(datagram.recv_ns)).unwrap(), Polled::Delivered(1));
    }
    assert_eq!(got, all.iter().map(|shot| shot.ns).collect::<Vec<_>>());
    assert_eq!(recording.peek_ns().unwrap(), None);
    assert_eq!(recording.poll(&mut |_| ()).unwrap(), Polled::End);
    assert_eq!(recording.span_ns(), Some((T0, all[199].ns)));
    let progress = recording.progress();
    assert!(progress.total > 0 && progress.read == progress.total, "{progress:?}");
    assert!(matches!(recording, Recording::Capture(_)));
}

#[test]
fn one_poll_lends_at_most_a_batch() {
    let temp = file(&classic(Endian::Little, 1, 1, &shots(130)));
    let mut source = Capture::open(&temp.path, Lines::learning(1)).unwrap();
    let polls: Vec<Polled> = (0..4).map(|_| source.poll(&mut |_| ()).unwrap()).collect();
    assert_eq!(polls, [Polled::Delivered(64), Polled::Delivered(64), Polled::Delivered(2), Polled::End]);
}

#[test]
fn every_real_capture_reads_as_pcap_file_reads_it() {
    let Some(folder) = captures("every_real_capture_reads_as_pcap_file_reads_it") else { return };
    let files = capture_files(&folder);
    assert!(files.len() > 50);
    for path in files {
        let bytes = unpacked(&path);
        let mut theirs = pcap_file::pcap::PcapReader::new(&bytes[..]).unwrap();
        let mut ours = Frames::open(&path).unwrap();
        let unit_ns = if theirs.header().ts_resolution == pcap_file::TsResolution::NanoSecond { 1 } else { 1_000 };
        // Raw packets: the checked ones refuse a frame longer than the header's snapshot length, which one real file has.
        while let Some(packet) = theirs.next_raw_packet() {
            let packet = packet.unwrap();
            let frame = ours.next().unwrap().unwrap();
            assert_eq!(frame.bytes, &packet.data[..], "{}", path.display());
            let ns = u64::from(packet.ts_sec) * 1_000_000_000 + u64::from(packet.ts_frac) * unit_ns;
            assert_eq!((frame.ns, frame.wire_len), (ns, packet.orig_len as usize));
        }
        assert!(ours.next().unwrap().is_none());
        assert_eq!(ours.truncation(), None, "{}", path.display());
    }
}

#[test]
fn our_pcapng_files_are_real_ones_to_pcap_file() {
    // The oracle for the files this test writes by hand: another reader takes them for what they are meant to be.
    use pcap_file::pcapng::{Block, PcapNgReader};
    for endian in Endian::BOTH {
        let shots = shots(3);
        let mut capture = [section(endian), interface(endian, 1, 0, &[(9, vec![9])])].concat();
        shots.iter().for_each(|shot| capture.extend(enhanced(endian, 0, shot.ns, shot)));
        let mut reader = PcapNgReader::new(&capture[..]).unwrap();
        let mut theirs = Vec::new();
        while let Some(block) = reader.next_block() {
            if let Block::EnhancedPacket(packet) = block.unwrap() {
                theirs.push((packet.timestamp.as_nanos() as u64, packet.original_len as usize, packet.data.to_vec()));
            }
        }
        assert_eq!(frames_of(&capture).0, theirs);
    }
}

#[test]
fn the_real_captures_hold_what_their_truth_files_say() {
    let Some(folder) = captures("the_real_captures_hold_what_their_truth_files_say") else { return };
    for (path, truth) in [
        ("miax/Miax.Tom.Mach.v1.9.Example.pcap.gz", "miax/miax.json"),
        ("iex/tops16.pcap.gz", "iex/tops16.json"),
        ("cboe/mcastpitch_realtime_useq.pcap", "cboe/cboe_pitch.json"),
    ] {
        let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join(truth)).unwrap()).unwrap();
        let mut source = Capture::open(&folder.join(path), Lines::learning(64)).unwrap();
        let datagrams = drain(&mut source);
        let mut by_line = std::collections::BTreeMap::new();
        for datagram in &datagrams {
            *by_line.entry(source.lines().keys()[usize::from(datagram.line)].to_string()).or_insert(0_u64) += 1;
        }
        for (line, count) in truth["dests"].as_object().unwrap() {
            assert_eq!(by_line.get(line), Some(&count.as_u64().unwrap()), "{path} {line}");
        }
        assert!(!source.truncated(), "{path}");
        let lengths = datagrams.iter().map(|datagram| datagram.payload.len() as u64);
        if let (Some(least), Some(most)) = (truth["min_payload"].as_u64(), truth["max_payload"].as_u64()) {
            assert_eq!((lengths.clone().min(), lengths.max()), (Some(least), Some(most)), "{path}: payload lengths");
        }
        let dropped: u64 = source.drops().iter().map(|(_, n)| n).sum();
        assert_eq!(source.frames(), datagrams.len() as u64 + dropped, "{path}: every frame is a datagram or has a reason");
    }
}

#[test]
fn case_22_the_miax_frames_carry_a_vlan_and_trailing_bytes_that_no_datagram_shows() {
    let Some(folder) = captures("case_22_miax") else { return };
    let mut frames = Frames::open(&folder.join("miax/Miax.Tom.Mach.v1.9.Example.pcap.gz")).unwrap();
    let mut trailing = std::collections::BTreeSet::new();
    while let Some(frame) = frames.next().unwrap() {
        let udp = frame.link.unwrap().udp(frame.bytes, frame.wire_len).unwrap();
        assert_eq!(udp.vlan, 905);
        trailing.insert(frame.bytes.len() - (18 + 28 + udp.payload.len()));
    }
    assert_eq!(frames.count(), 20_560);
    assert!(trailing.first() >= Some(&4) && trailing.last() <= Some(&10), "{trailing:?}");
}

#[test]
fn tcp_sessions_in_a_capture_are_counted() {
    let Some(folder) = captures("tcp_sessions_in_a_capture_are_counted") else { return };
    for name in ["cboe/mcastpitch_grp_useq.pcap", "cboe/mcastpitch_spin_useq.pcap"] {
        let mut source = Capture::open(&folder.join(name), Lines::learning(64)).unwrap();
        let datagrams = drain(&mut source).len() as u64;
        assert!(source.drops().get(Drop::NotUdp) > 0, "{name}");
        assert_eq!(datagrams + source.drops().iter().map(|(_, n)| n).sum::<u64>(), source.frames(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_behind_a_magic_never_panic(
        magic in prop::sample::select(vec![
            vec![0xd4, 0xc3, 0xb2, 0xa1], vec![0xa1, 0xb2, 0x3c, 0x4d], [section(Endian::Little), interface(Endian::Little, 1, 0, &[])].concat(),
            vec![0x1f, 0x8b, 8, 0], vec![],
        ]),
        bytes in proptest::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..600),
    ) {
        let temp = file(&[magic, bytes].concat());
        if let Ok(mut source) = file::open(&temp.path, Lines::learning(4), Some(T0)) {
            drain(&mut source);
        }
    }

    #[test]
    fn one_byte_changed_anywhere_never_panics_and_never_invents_frames(at in 0_usize..2000, value: u8, ng: bool) {
        let shots = shots(6);
        let mut capture = if ng {
            let head = [section(Endian::Big), interface(Endian::Big, 1, 0, &[(9, vec![9])])].concat();
            shots.iter().fold(head, |all, shot| [all, enhanced(Endian::Big, 0, shot.ns, shot)].concat())
        } else {
            classic(Endian::Big, 1, 1, &shots)
        };
        let at = at % capture.len();
        capture[at] = value;
        let temp = file(&capture);
        if let Ok(mut source) = file::open(&temp.path, Lines::learning(4), Some(T0)) {
            drain(&mut source);
            prop_assert!(source.frames() <= 12);
        }
    }

    #[test]
    fn the_table_of_lines_agrees_with_a_map(keys in proptest::collection::vec((0_u32..64, 0_u16..4), 0..80), limit in 0_usize..100) {
        let key = |&(group, port): &(u32, u16)| LineKey { group: Ipv4Addr::from_bits(0xe000_0000 | group), port };
        let mut model: Vec<LineKey> = Vec::new();
        let mut lines = Lines::learning(limit);
        for key in keys.iter().map(key) {
            let known = model.iter().position(|&other| other == key);
            let expected = known.or_else(|| (model.len() < limit).then(|| { model.push(key); model.len() - 1 }));
            prop_assert_eq!(lines.find(key.group, key.port).map(usize::from), known);
            prop_assert_eq!(lines.find_or_learn(key.group, key.port).map(usize::from), expected);
        }
        prop_assert_eq!(lines.keys(), &model[..]);
        let fixed = Lines::new(&model);
        for (index, key) in model.iter().enumerate() {
            prop_assert_eq!(fixed.find(key.group, key.port), Some(index as u16));
        }
        prop_assert_eq!(fixed.find(Ipv4Addr::LOCALHOST, 1), None);
    }
}

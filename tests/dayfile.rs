//! Day files: messages become MoldUDP64 packets, whatever the file is, was cut to, or turns out to be.
#![cfg(feature = "service")]

mod packets;

use packets::{TempFile, captures, file, gzip};
use proptest::prelude::*;
use tickwire::source::dayfile::{DayFile, MAX_PACKET, MAX_SPAN_NS};
use tickwire::source::file::{self as recording, Recording};
use tickwire::source::lines::Lines;
use tickwire::source::{Polled, Source};

const MIDNIGHT: u64 = 1_692_676_800_000_000_000;

/// An ITCH-like message: type, six bytes of head, time, and a body.
fn message(kind: u8, ns: u64, len: usize) -> Vec<u8> {
    let mut message = vec![kind, 0, 1, 0, 2];
    message.extend(&ns.to_be_bytes()[2..]);
    message.resize(len, b'.');
    message
}

fn day(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|message| [&(message.len() as u16).to_be_bytes()[..], message].concat()).collect()
}

/// A packet read by rules written down here a second time.
#[derive(Debug, PartialEq)]
struct Packet {
    sequence: u64,
    recv_ns: u64,
    messages: Vec<Vec<u8>>,
}

fn packets(source: &mut impl Source) -> Vec<Packet> {
    let mut all = Vec::new();
    let mut poll = || {
        source.poll(&mut |datagram| {
            assert_eq!(datagram.line, 0);
            let (header, mut blocks) = datagram.payload.split_at(20);
            assert_eq!(&header[..10], b"DAYFILE   ");
            let sequence = u64::from_be_bytes(header[10..18].try_into().unwrap());
            let mut messages = Vec::new();
            for _ in 0..u16::from_be_bytes([header[18], header[19]]) {
                let len = usize::from(u16::from_be_bytes([blocks[0], blocks[1]]));
                messages.push(blocks[2..2 + len].to_vec());
                blocks = &blocks[2 + len..];
            }
            assert!(blocks.is_empty(), "nothing behind the last message");
            assert!(datagram.payload.len() <= MAX_PACKET || messages.len() == 1);
            all.push(Packet { sequence, recv_ns: datagram.recv_ns, messages });
        })
    };
    while poll().unwrap() != Polled::End {}
    all
}

fn open(temp: &TempFile) -> DayFile {
    DayFile::open(&temp.path, 0, MIDNIGHT).unwrap()
}

/// All messages in order, and the numbers of the packets without a gap.
fn messages(packets: &[Packet]) -> Vec<Vec<u8>> {
    let mut next = 1;
    for packet in packets {
        assert_eq!(packet.sequence, next);
        next += packet.messages.len() as u64;
    }
    packets.iter().flat_map(|packet| packet.messages.clone()).collect()
}

#[test]
fn messages_close_in_time_share_a_packet() {
    let times = [5_000, 5_000, 6_000, 6_001, 900_000, 900_001, 4_000];
    let all: Vec<_> = times.iter().map(|&ns| message(b'A', ns, 36)).collect();
    let got = packets(&mut open(&file(&day(&all))));
    assert_eq!(got.iter().map(|packet| packet.messages.len()).collect::<Vec<_>>(), [3, 1, 2, 1]);
    assert_eq!(
        got.iter().map(|packet| packet.recv_ns - MIDNIGHT).collect::<Vec<_>>(),
        [6_000, 6_001, 900_001, 4_000],
        "the last message's"
    );
    assert_eq!(messages(&got), all);
}

#[test]
fn a_packet_is_filled_to_1400_bytes_and_no_further() {
    // 36 blocks of 38 bytes and the header are 1388 bytes; a 37th would make 1426.
    let all = vec![message(b'A', 1, 36); 80];
    let got = packets(&mut open(&file(&day(&all))));
    assert_eq!(got.iter().map(|packet| packet.messages.len()).collect::<Vec<_>>(), [36, 36, 8]);
    let exact = [message(b'A', 1, 36), message(b'A', 1, 1380 - 38 - 2), message(b'A', 1, 36)];
    let got = packets(&mut open(&file(&day(&exact))));
    assert_eq!(got.iter().map(|packet| packet.messages.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn messages_longer_than_a_packet_or_too_short_for_a_time_are_passed_on() {
    let all =
        vec![message(b'A', 7, 36), vec![b'S'], message(b'Z', 8, 65535), vec![b'?'; 12], message(b'A', 9, 1378), message(b'A', 9, 1379)];
    let got = packets(&mut open(&file(&day(&all))));
    assert_eq!(messages(&got), all);
}

#[test]
fn the_end_mark_ends_the_day_and_what_is_behind_it_is_reported() {
    let all = vec![message(b'S', 1, 12), message(b'A', 2, 36)];
    for (behind, trailing) in [(&[][..], 0), (&[0, 0][..], 0), (&[0, 0, 1, 2, 3][..], 3), (&[0; 5000][..], 4998)] {
        for bytes in [[&day(&all)[..], behind].concat(), gzip(&[&day(&all)[..], behind].concat())] {
            let mut source = open(&file(&bytes));
            assert_eq!(messages(&packets(&mut source)), all);
            assert_eq!((source.trailing_bytes(), source.truncated()), (trailing, false));
            assert_eq!(source.messages(), 2);
        }
    }
}

#[test]
fn a_day_file_cut_at_every_byte_gives_exactly_its_complete_messages() {
    let all = vec![message(b'S', 1, 12), message(b'A', 2, 36), message(b'D', 9_000, 19)];
    let bytes = day(&all);
    let ends: Vec<usize> = (1..=all.len()).map(|n| day(&all[..n]).len()).collect();
    for len in 3..=bytes.len() {
        let mut source = open(&file(&bytes[..len]));
        let complete = ends.iter().filter(|&&end| end <= len).count();
        assert_eq!(messages(&packets(&mut source)), all[..complete], "cut to {len}");
        assert_eq!(source.truncated(), !ends.contains(&len), "cut to {len}");
    }
    for len in 0..3 {
        assert!(DayFile::open(&file(&bytes[..len]).path, 0, MIDNIGHT).is_err(), "cut to {len}");
    }
}

#[test]
fn a_cut_gzip_stream_is_reported() {
    let all: Vec<_> = (0..2000).map(|i| message(b'A', i * 977, 36)).collect();
    let packed = gzip(&day(&all));
    let mut source = open(&file(&packed[..packed.len() / 2]));
    let got = messages(&packets(&mut source));
    assert_eq!(got, all[..got.len()]);
    assert!(source.truncation().unwrap().contains("gzip stream is cut"));
}

#[test]
fn what_is_no_day_file_is_refused_in_one_sentence() {
    let cases: [(&[u8], &str); 6] = [
        (&[0; 1 << 20], "zero bytes"),
        (&[0, 0], "zero bytes"),
        (b"", "the file is empty"),
        (b"Date,Open,High\n2023-08-22,1,2\n", "the file is text"),
        (b"\0\x24?unknown first type", "begins with the bytes"),
        (b"\0\xffA too long a first message", "begins with the bytes"),
    ];
    for (bytes, why) in cases {
        for bytes in [bytes.to_vec(), gzip(bytes)] {
            let temp = file(&bytes);
            let message = recording::open(&temp.path, Lines::learning(1), Some(MIDNIGHT)).err().expect("must be refused").to_string();
            assert!(message.contains(why) && message.contains("day file (u16 length + message)"), "{message}");
        }
    }
}

#[test]
fn a_recording_is_told_by_its_content_and_a_day_file_needs_its_day() {
    let temp = file(&day(&[message(b'S', 1, 12)]));
    let mut source = recording::open(&temp.path, Lines::learning(1), Some(MIDNIGHT)).unwrap();
    assert!(matches!(source, Recording::DayFile(_)) && source.synthetic());
    assert_eq!(source.peek_ns().unwrap(), Some(MIDNIGHT + 1));
    assert_eq!(source.poll_until(MIDNIGHT, &mut |_| ()).unwrap(), Polled::Idle);
    assert_eq!(packets(&mut source).len(), 1);
    assert_eq!((source.frames(), source.span_ns()), (0, Some((MIDNIGHT + 1, MIDNIGHT + 1))));
    let message = recording::open(&temp.path, Lines::learning(1), None).err().unwrap().to_string();
    assert!(message.contains("trading day"), "{message}");
    assert!(DayFile::open(&file(&packets::classic(packets::Endian::Big, 1, 1, &[])).path, 0, 0).is_err(), "a capture is no day file");
}

#[test]
fn every_real_message_comes_through() {
    let Some(folder) = captures("every_real_message_comes_through") else { return };
    let mut total = 0;
    for venue in ["nsm", "bx", "psx"] {
        let path = folder.join(format!("nasdaq/real_messages_{venue}.itch50"));
        let bytes = std::fs::read(&path).unwrap();
        let mut expected = Vec::new();
        let mut rest = &bytes[..];
        while let [high, low, behind @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            if len == 0 {
                break;
            }
            expected.push(behind[..len].to_vec());
            rest = &behind[len..];
        }
        let mut source = DayFile::open(&path, 0, MIDNIGHT).unwrap();
        assert_eq!(messages(&packets(&mut source)), expected, "{venue}");
        assert_eq!((source.truncated(), source.trailing_bytes()), (false, 0));
        total += expected.len();
    }
    assert_eq!(total, 228);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Larger than the buffer several times over: where the file's pieces end must not show.
    #[test]
    fn packets_follow_from_the_messages_alone(shape in proptest::collection::vec((1_usize..80, 0_u64..1500), 1..60), repeat in 1_usize..1500) {
        let mut ns = 0;
        let mut all = vec![message(b'S', 0, 12)];
        for &(len, step) in shape.iter().cycle().take(shape.len() * repeat) {
            ns += step;
            all.push(message(b'A', ns, len.max(11)));
        }
        let bytes = day(&all);
        let plain = packets(&mut open(&file(&bytes)));
        prop_assert_eq!(&messages(&plain), &all);
        let time = |message: &[u8]| u64::from_be_bytes([&[0, 0], &message[5..11]].concat().try_into().unwrap());
        for pair in plain.windows(2) {
            // Each packet took all it could.
            let size = |packet: &Packet| 20 + packet.messages.iter().map(|message| message.len() + 2).sum::<usize>();
            let next = &pair[1].messages[0];
            prop_assert!(
                size(&pair[0]) + next.len() + 2 > MAX_PACKET || time(next) - time(&pair[0].messages[0]) > MAX_SPAN_NS
            );
        }
        prop_assert!(plain.iter().all(|packet| packet.recv_ns == MIDNIGHT + time(packet.messages.last().unwrap())));
        prop_assert!(packets(&mut open(&file(&gzip(&bytes)))) == plain, "gzip makes no difference");
    }
}

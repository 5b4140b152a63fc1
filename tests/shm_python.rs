//! A reader in Python, written from `docs/ring.md` alone, agrees with what a live writer wrote.

mod shm_support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use shm_support::*;
use tickwire::record::{ChannelState, Mbo, Mbp10, Record, Schema, Sink, control};
use tickwire::shm::{PublicationSpec, Publisher};
use zerocopy::IntoBytes;

/// python3 with the reader, or `None` and a loud word.
fn python(arguments: &[&str]) -> Option<Command> {
    if !Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skip("TICKWIRE_PYTHON_TESTS", "python3 is not installed");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ring_reader.py")).args(arguments).stdout(Stdio::piped());
    Some(command)
}

fn hex(record: &[u8]) -> String {
    record.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn spec(room: &Room, schema: Schema, depth: u64) -> PublicationSpec {
    let mut spec = room.spec("p", &[(schema, depth)]);
    spec.counters = vec!["frames".into()];
    spec
}

/// Follows a live publication; a new epoch begins on the way.
fn follows<R: Record>(make: impl Fn(u64) -> R) {
    let room = Room::new();
    let mut publisher = Publisher::create(&spec(&room, R::SCHEMA, 1024)).unwrap();
    let path = publisher.path().to_str().unwrap().to_owned();
    let Some(mut reader) = python(&[&path, R::SCHEMA.name(), "oldest"]) else { return };
    let mut child = reader.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut expected = Vec::new();
    for epoch in 0..2 {
        publisher.instrument(&instrument(1, "AAPL")).unwrap();
        for n in 1..=900 {
            let line = if n % 100 == 0 {
                let record = control_record(control::GAP_OPEN, n);
                publisher.control(&record);
                format!("control {n} {}", hex(record.as_bytes()))
            } else {
                publisher.publish(0, &make(n));
                format!("record {n} {}", hex(make(n).as_bytes()))
            };
            publisher.commit();
            if (epoch, n) == (0, 1) {
                // Not on before it is attached.
                assert_eq!(lines.next().unwrap().unwrap(), line);
            } else {
                expected.push(line);
            }
            if n % 64 == 0 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        if epoch == 0 {
            publisher.new_epoch();
            expected.push(format!("epoch {} ", publisher.epoch()));
        }
    }
    publisher.close(true);
    expected.push("end 901 ".into());
    for expected in expected {
        assert_eq!(lines.next().unwrap().unwrap(), expected);
    }
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn python_reads_what_a_live_writer_writes_and_follows_into_the_next_epoch() {
    follows::<Mbo>(mbo);
    follows::<Mbp10>(|n| mbp10(1, n));
}

#[test]
fn python_joins_from_the_board_and_is_told_what_it_lost() {
    let room = Room::new();
    let mut publisher = Publisher::create(&spec(&room, Schema::Mbp1, 16)).unwrap();
    for id in 0..3 {
        publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap();
    }
    for n in 1..=100 {
        publisher.publish((n % 3) as u32, &mbp1((n % 3) as u32, n));
    }
    let path = publisher.path().to_str().unwrap().to_owned();
    publisher.close(true);
    let board: Vec<_> = [99, 100, 98].map(|n| format!("board {n} {}", hex(mbp1((n % 3) as u32, n).as_bytes()))).into();
    for (start, first) in [("board", vec![]), ("oldest", vec!["lost 100 ".to_owned()])] {
        let Some(mut reader) = python(&[&path, "mbp-1", start]) else { return };
        let output = reader.output().unwrap();
        let lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(lines, [first, board.clone(), vec!["end 101 ".into()]].concat());
    }
}

#[test]
fn python_reads_the_tables_and_knows_how_the_writer_is() {
    let room = Room::new();
    let mut publisher = Publisher::create(&spec(&room, Schema::Status, 16)).unwrap();
    publisher.instrument(&instrument(7, "AAPL")).unwrap();
    publisher.channel_state(1, ChannelState::Stale, 1 << 20);
    publisher.set_counter(0, 12);
    let path = publisher.path().to_str().unwrap().to_owned();
    let tables =
        |writer: &str| format!("instrument 0 7 2 0 100 AAPL\nchannel A 2 0 0\nchannel B 3 3 1048576\ncounter frames 12\nwriter {writer}\n");
    for writer in ["alive", "closed"] {
        let Some(mut reader) = python(&[&path]) else { return };
        assert_eq!(String::from_utf8(reader.output().unwrap().stdout).unwrap(), tables(writer));
        if writer == "alive" {
            std::mem::replace(&mut publisher, Publisher::create(&room.spec("q", &[(Schema::Mbo, 16)])).unwrap()).close(true);
        }
    }
}

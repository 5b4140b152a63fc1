//! Files that are not what they should be, full file systems, second writers, and readers that would do harm.

mod shm_support;

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use shm_support::*;
use tickwire::record::{Mbp1, Schema, Sink, Trade, control};
use tickwire::shm::layout::{ENTRY_WORDS, HEADER_BYTES, LINE, kind, word};
use tickwire::shm::{From, Item, Publication, Publisher, ShmError};

/// A publication with some life in it, closed and kept; its bytes.
fn kept(room: &Room) -> Vec<u8> {
    let mut spec = room.spec("p", &[(Schema::Mbp1, 16), (Schema::Trades, 16)]);
    spec.counters = vec!["frames".into()];
    let mut publisher = Publisher::create(&spec).unwrap();
    for id in 0..3 {
        publisher.instrument(&instrument(id, &format!("S{id}"))).unwrap();
    }
    for n in 1..=40 {
        publisher.publish((n % 3) as u32, &mbp1((n % 3) as u32, n));
        publisher.publish((n % 3) as u32, &trade((n % 3) as u32, n));
    }
    publisher.control(&control_record(control::GAP_OPEN, 1));
    publisher.close(true);
    std::fs::read(room.path().join("p")).unwrap()
}

/// Does with a publication all that a reader can; errors are fine, a crash is not.
fn use_all(room: &Room) -> Result<(), ShmError> {
    let publication = Publication::open(room.path(), "p")?;
    let _ = (publication.rings(), publication.channel_states(), publication.counters(), publication.writer());
    for instrument in publication.instruments().take(100) {
        let _ = publication.book_at(instrument.row);
    }
    let _ = publication.find("S1");
    for from in [From::Board, From::Oldest, From::Now] {
        if let Ok(mut records) = publication.subscribe::<Mbp1>(from) {
            for _ in 0..200 {
                if matches!(records.next(), Ok(Item::End)) {
                    break;
                }
            }
        }
        if let Ok(mut records) = publication.subscribe::<Trade>(from) {
            for _ in 0..200 {
                let _ = records.next();
            }
        }
    }
    Ok(())
}

#[test]
fn case_49_a_header_with_any_byte_changed_is_refused_or_read_but_never_crashes() {
    let room = Room::new();
    let good = kept(&room);
    use_all(&room).unwrap();
    let table_end = 8 * word::TABLE + 64 * 7;
    let mut refused = 0;
    for at in 0..table_end {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            std::fs::write(room.path().join("p"), bytes).unwrap();
            refused += usize::from(use_all(&room).is_err());
        }
    }
    assert!(refused > 3 * 8 * 20, "{refused}");
}

#[test]
fn case_49_contents_of_noise_behind_a_good_header_never_crash() {
    let room = Room::new();
    let good = kept(&room);
    let mut seed = 1u64;
    for _ in 0..100 {
        let mut bytes = good.clone();
        for byte in &mut bytes[HEADER_BYTES..] {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            // Mostly untouched, so that some of it still makes sense.
            if seed >> 60 == 0 {
                *byte = (seed >> 32) as u8;
            }
        }
        std::fs::write(room.path().join("p"), bytes).unwrap();
        use_all(&room).unwrap();
    }
}

/// Looks until something else than nothing comes, a hundred times as long as it may take.
fn until_told<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(told) = look() {
            return told;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "idle for ever");
    }
}

#[test]
fn a_stamp_beyond_the_cursor_of_a_writer_that_is_gone_is_told_and_not_waited_for() {
    for closed in [true, false] {
        let room = Room::new();
        let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 64), (Schema::Mbo, 64)])).unwrap();
        publisher.instrument(&instrument(0, "S0")).unwrap();
        for n in 1..=40 {
            publisher.publish(0, &mbp1(0, n));
            publisher.publish(0, &mbo(n));
        }
        publisher.close(true);
        let path = room.path().join("p");
        let mut bytes = std::fs::read(&path).unwrap();
        let word_at = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[8 * at..8 * at + 8].try_into().unwrap());
        for section in 0..word_at(&bytes, word::SECTIONS) as usize {
            let entry = word::TABLE + ENTRY_WORDS * section;
            if word_at(&bytes, entry) == kind::RING {
                // The slot that comes next, stamped by a writer a thousand rings ahead.
                let slot = LINE + (word_at(&bytes, entry + 2) + 41 * word_at(&bytes, entry + 5)) as usize;
                bytes[slot..slot + 8].copy_from_slice(&(41_u64 + 64_000).to_le_bytes());
            }
        }
        if !closed {
            bytes[8 * word::STATE..8 * word::STATE + 8].copy_from_slice(&0_u64.to_le_bytes());
        }
        std::fs::write(&path, bytes).unwrap();

        let publication = Publication::open(room.path(), "p").unwrap();
        let mut records = publication.subscribe::<Mbp1>(From::Oldest).unwrap();
        for n in 1..=40 {
            assert!(matches!(records.next(), Ok(Item::Record(record)) if record.sequence == n));
        }
        let told = until_told(|| records.next().err());
        assert!(told.to_string().contains("position 41"), "{told}");
        let mut latest = publication.latest::<Mbp1>().unwrap();
        let told = until_told(|| latest.next().err());
        assert!(told.to_string().contains("position 41"), "{told}");
        let mut orders = publication.orders().unwrap();
        let told = until_told(|| orders.next().err());
        assert!(told.to_string().contains("position 41"), "{told}");
    }
}

#[test]
fn case_49_cut_files_noise_and_other_versions_are_refused_with_the_reason() {
    let room = Room::new();
    let good = kept(&room);
    let refusal = |bytes: &[u8]| {
        std::fs::write(room.path().join("p"), bytes).unwrap();
        match Publication::open(room.path(), "p") {
            Err(ShmError::Refused { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    };
    for cut in [0, 1, 63, 64, 4095, 4096, good.len() / 2, good.len() - 1] {
        let why = refusal(&good[..cut]);
        assert!(why.contains("bytes"), "{cut}: {why}");
    }
    assert!(refusal(&[&good[..], &[0; 64]].concat()).contains("header says"));
    assert!(refusal(&[0x5A; 8192]).contains("TICKWIRE"));
    assert!(refusal(&[0; 8192]).contains("TICKWIRE"));
    let with = |at: usize, value: u64| {
        let mut bytes = good.clone();
        bytes[8 * at..8 * at + 8].copy_from_slice(&value.to_le_bytes());
        refusal(&bytes)
    };
    assert!(with(word::LAYOUT_VERSION, 1).contains("layout version is 1, this version knows 2"));
    assert!(with(word::DBN_VERSION, 2).contains("DBN version is 2"));
    assert!(with(word::SECTIONS, 1000).contains("1000 sections"));
    assert!(with(word::SECTIONS, 6).contains("board"));
    // The fourth section is the mbp-1 ring: kind, rtype, offset, bytes, count, stride, record size.
    let entry = word::TABLE + 8 * 3;
    assert!(with(entry, 9).contains("kind 9 is not known"));
    assert!(with(entry + 1, 0x55).contains("record type 0x55 is not known"));
    assert!(with(entry + 2, 4096).contains("overlap"));
    assert!(with(entry + 2, 4097).contains("not on lines"));
    assert!(with(entry + 2, u64::MAX - 63).contains("not on lines"));
    assert!(with(entry + 3, 1 << 40).contains("stride"));
    assert!(with(entry + 4, 17).contains("power of two"));
    assert!(with(entry + 4, 1 << 60).contains("above"));
    assert!(with(entry + 5, 64).contains("stride 64"));
    assert!(with(entry + 6, 72).contains("record size 72"));
    let told = {
        std::fs::remove_file(room.path().join("p")).unwrap();
        std::fs::create_dir(room.path().join("p")).unwrap();
        Publication::open(room.path(), "p").unwrap_err().to_string()
    };
    assert!(told.contains("not a file"), "{told}");
}

#[test]
fn case_52_a_second_writer_is_refused_and_names_the_first() {
    let room = Room::new();
    let spec = room.spec("p", &[(Schema::Mbp1, 16)]);
    let first = Publisher::create(&spec).unwrap();
    match Publisher::create(&spec) {
        Err(ShmError::InUse { pid, .. }) => assert_eq!(pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    let publication = Publication::open(room.path(), "p").unwrap();
    assert_eq!(publication.epoch(), first.epoch(), "the first one's is untouched");
    drop(first);
    let second = Publisher::create(&spec).unwrap();
    assert!(second.epoch() > publication.epoch());
}

#[test]
fn leftovers_of_dead_writers_are_removed_and_other_files_are_not() {
    let room = Room::new();
    let touch = |name: &str| std::fs::write(room.path().join(name), b"x").unwrap();
    [".p.tmp-1-0", ".p.tmp-4711-3", ".p.tmp-x", ".q.tmp-1-0", "p.txt"].into_iter().for_each(touch);
    let publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    assert_eq!(room.files(), [".p.tmp-x", ".q.tmp-1-0", "p", "p.lock", "p.txt"]);
    drop(publisher);
}

#[test]
fn case_46_a_full_file_system_is_an_error_at_the_start_that_names_both_numbers() {
    // In a mount namespace of its own, in a child: this very test, run again where there is one megabyte.
    if let Ok(dir) = std::env::var("TICKWIRE_TEST_FULL_DIR") {
        return on_one_megabyte(&dir);
    }
    let dir = Room::new();
    let script = "mount -t tmpfs -o size=1m tmpfs \"$TICKWIRE_TEST_FULL_DIR\" || exit 77; exec \"$0\" --exact case_46_a_full_file_system_is_an_error_at_the_start_that_names_both_numbers";
    let child = Command::new("unshare")
        .args(["-m", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("TICKWIRE_TEST_FULL_DIR", dir.path())
        .output();
    match child {
        Ok(output) if output.status.success() => assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed")),
        Ok(output) if output.status.code() != Some(77) && output.status.code() != Some(1) => panic!("{output:?}"),
        refused => skip("TICKWIRE_KERNEL_TESTS", &format!("a mount namespace is not allowed here: {refused:?}")),
    }
}

fn on_one_megabyte(dir: &str) {
    let spec = |depth| {
        let room = Room::new();
        let mut spec = room.spec("p", &[(Schema::Mbo, depth)]);
        spec.dir = dir.into();
        spec
    };
    // 4 MiB are too many; 600 KiB fit once, but not for two epochs.
    for depth in [1 << 16, 1 << 13] {
        match Publisher::create(&spec(depth)) {
            Err(ShmError::NoRoom { needed, free, .. }) => assert!(needed == 2 * spec(depth).bytes() && free < needed),
            other => panic!("{other:?}"),
        }
    }
    // Somebody else fills it between the start and the next epoch: the readers are told the end, nobody gets a SIGBUS.
    let mut publisher = Publisher::create(&spec(1 << 12)).unwrap();
    let publication = Publication::open(dir, "p").unwrap();
    let mut records = publication.subscribe::<tickwire::record::Mbo>(From::Board).unwrap();
    let filler = std::path::Path::new(dir).join("filler");
    let _ = std::fs::write(&filler, vec![1; 1 << 20]);
    assert!(publisher.spare().prepare().is_err());
    publisher.publish(0, &mbo(1));
    publisher.new_epoch();
    assert!(matches!(publisher.failure(), Some(ShmError::NoRoom { .. })));
    publisher.publish(0, &mbo(2));
    assert_eq!(until_end(&mut records), 1);
    drop(publisher);
    std::fs::remove_file(filler).unwrap();
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
}

#[test]
fn case_61_readers_of_the_group_can_read_but_neither_write_nor_truncate() {
    let room = Room::new();
    let publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    // A directory that the publisher makes lets the group in, and nobody else.
    let mut below = room.spec("q", &[(Schema::Mbp1, 16)]);
    below.dir = room.path().join("made");
    let made = Publisher::create(&below).unwrap();
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(publisher.path()), 0o640);
    assert_eq!(mode(&below.dir) & !0o750, 0);
    drop(made);
    let meta = std::fs::metadata(room.path()).unwrap();
    if meta.uid() != 0 {
        return skip("TICKWIRE_KERNEL_TESTS", "only root can become another user");
    }
    // As `nobody`, once in the file's group and once not.
    std::fs::set_permissions(room.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let attempt = |gid: u32, script: &str| {
        let child = Command::new("sh").args(["-c", script]).arg(publisher.path()).uid(65534).gid(gid).output().unwrap();
        child.status.success()
    };
    assert!(attempt(meta.gid(), "head -c 8 \"$0\" | grep -q TICKWIRE"));
    for gid in [meta.gid(), 65534] {
        assert!(!attempt(gid, "echo x >> \"$0\""), "appended");
        assert!(!attempt(gid, "truncate -s 0 \"$0\""), "truncated");
    }
    assert!(!attempt(65534, "head -c 8 \"$0\" | grep -q TICKWIRE"), "read by everybody");
}

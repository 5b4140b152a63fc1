//! What a kill leaves: parts, whole up to some block. Nothing that was written is lost, nothing half is ever given a file's name.

use std::path::PathBuf;

use tickwire::dbn_files::directory;
use tickwire::dbn_files::leftover::{Outcome, recover};
use tickwire::record::Schema;
use zerocopy::IntoBytes;

use super::reading::{self, names, read};
use super::written::{NOON_NS, dir, mbo, ring};

/// A part with three blocks of 100 records, as a killed process leaves it. Its bytes, and those behind each block.
fn killed(dir: &std::path::Path) -> (PathBuf, Vec<u8>, [usize; 3]) {
    let mut files = ring(dir, Schema::Mbo, u64::MAX);
    files.announce(2, 7, b"AAPL").unwrap();
    files.announce(2, 8, b"MSFT").unwrap();
    let part = || dir.join("p.mbo.20231115.0000.dbn.zst.part");
    let ends = [0, 1, 2].map(|block| {
        (1..=100).map(|n| block * 100 + n).for_each(|n| files.push(n, &mbo(n, 7 + (block == 2) as u32, NOON_NS)).unwrap());
        files.flush().unwrap();
        std::fs::metadata(part()).unwrap().len() as usize
    });
    // Without a word: no file is ended.
    drop(files);
    (part(), std::fs::read(part()).unwrap(), ends)
}

#[test]
fn a_part_cut_anywhere_becomes_a_file_with_every_block_that_is_whole() {
    let dir = dir();
    let (part, bytes, ends) = killed(dir.path());
    assert_eq!(names(dir.path()), ["p.mbo.20231115.0000.dbn.zst.part"], "no half file has a file's name");
    for cut in (0..bytes.len()).step_by(7).chain(ends).chain(ends.map(|end| end - 1)) {
        std::fs::write(&part, &bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        let outcome = recover(part.clone()).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        let there = reading::files(dir.path(), "mbo");
        match outcome {
            Outcome::MadeWhole { file, cut_bytes } => {
                assert_eq!((file.records, cut_bytes as usize), (whole as u64 * 100, cut - ends[whole - 1]), "cut at {cut}");
                let got = read(&there[0]);
                let expected: Vec<_> =
                    (1..=whole as u64 * 100).map(|n| mbo(n, 7 + (n > 200) as u32, NOON_NS).as_bytes().to_vec()).collect();
                assert_eq!(got.records, expected, "cut at {cut}");
                assert_eq!(got.symbols().len(), 1 + (whole == 3) as usize, "symbols of what is in it");
                std::fs::remove_file(&there[0]).unwrap();
            }
            Outcome::Removed(_) => assert!(whole == 0 && there.is_empty(), "cut at {cut}"),
            Outcome::InUse(_) => panic!("nobody uses it"),
        }
        assert_eq!(names(dir.path()), [""; 0], "cut at {cut}: nothing is left");
    }
}

#[test]
fn a_block_with_a_wrong_bit_ends_what_is_believed() {
    let dir = dir();
    let (part, bytes, ends) = killed(dir.path());
    for at in [ends[0] + 200, ends[1] - 3, ends[1] - 40] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&part, &damaged).unwrap();
        let Ok(Outcome::MadeWhole { file, .. }) = recover(part.clone()) else { panic!("byte {at}") };
        assert_eq!(file.records, 100, "byte {at}: the first block is sound");
        std::fs::remove_file(file.path).unwrap();
    }
    // Nothing of it is ours: it is refused, and stays for a person to look at.
    std::fs::write(&part, [0x5A; 400]).unwrap();
    let refused = recover(part.clone()).unwrap_err().to_string();
    assert!(refused.contains("damaged at byte 0") && refused.contains(".part"), "{refused}");
    assert!(part.exists());
}

#[test]
fn a_part_whose_file_is_there_already_is_removed_and_a_half_written_file_too() {
    let dir = dir();
    let (part, bytes, _) = killed(dir.path());
    let Ok(Outcome::MadeWhole { file, .. }) = recover(part.clone()) else { panic!() };
    // Killed between the rename and the removal.
    std::fs::write(&part, &bytes).unwrap();
    assert_eq!(recover(part.clone()), Ok(Outcome::Removed(part.clone())));
    // Killed while the whole file was being written.
    std::fs::remove_file(&file.path).unwrap();
    std::fs::write(&part, &bytes).unwrap();
    std::fs::write(dir.path().join(".p.mbo.20231115.0000.dbn.zst.tmp"), b"half").unwrap();
    assert!(matches!(recover(part), Ok(Outcome::MadeWhole { .. })));
    assert_eq!(names(dir.path()), ["p.mbo.20231115.0000.dbn.zst"]);
}

#[test]
fn a_part_that_is_being_written_is_left_alone_and_new_files_take_the_next_number() {
    let dir = dir();
    let mut files = ring(dir.path(), Schema::Mbo, u64::MAX);
    files.push(1, &mbo(1, 7, NOON_NS)).unwrap();
    let parts = directory::parts(dir.path(), "p").unwrap();
    assert_eq!(recover(parts[0].clone()), Ok(Outcome::InUse(parts[0].clone())));
    let mut second = ring(dir.path(), Schema::Mbo, u64::MAX);
    second.push(1, &mbo(2, 7, NOON_NS)).unwrap();
    files.close().unwrap();
    second.close().unwrap();
    assert_eq!(names(dir.path()), ["p.mbo.20231115.0000.dbn.zst", "p.mbo.20231115.0001.dbn.zst"]);
    assert_eq!(directory::parts(dir.path(), "other").unwrap(), Vec::<PathBuf>::new());
}

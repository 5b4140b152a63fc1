//! Our books beside those of github.com/charles-cooper/itch-order-book, a C++ program of which the user names a clone: nothing of it is here.
//!
//! It reads a day file from its standard input and prints how many messages took how many ns; what it does before the first order is not in
//! its time. Both have the same day: the program as a file in memory, our books (by datagram, as `bench/path.rs` runs them) as datagrams.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::path;
use crate::table::{Row, Table, Target, best_and_median};

pub struct Size {
    pub rounds: usize,
    pub messages: u64,
    pub symbols: u16,
}

/// Types at which it stops; a day has a handful or a few thousand of them, and no book is made of any.
const UNKNOWN_TO_IT: [u8; 3] = *b"JhO";

pub fn run(clone: &Path, dir: &Path, size: &Size, table: &mut Table) -> Result<(), String> {
    let program = build(clone)?;
    let day = path::Day::generate(size.messages, size.symbols);
    let file = dir.join("day.itch50");
    write_day(&day, &file).map_err(|error| format!("cannot write {}: {error}; it takes 35 bytes a message", file.display()))?;
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..size.rounds {
        took[0].push(its_ns(&program, &file)?);
        let outcome = path::books_ahead(&day);
        took[1].push(outcome.ns as f64 / day.messages as f64);
    }
    println!("books of {} messages, {} symbols: ns a message, medians of {} interleaved rounds", day.messages, size.symbols, size.rounds);
    let mut ratios: Vec<f64> = took[1].iter().zip(&took[0]).map(|(ours, its)| ours / its).collect();
    let [its, ours] = took.each_mut().map(|took| best_and_median(took).1);
    const ITS: &str = "books, charles-cooper/itch-order-book";
    table.push(Row::new(ITS, "ns", its));
    let row = Row::new("books, tickwire, by datagram", "ns", ours);
    table.push(row.beside(ITS, best_and_median(&mut ratios).1).target(Target::AtMost(0.65)));
    Ok(())
}

/// Builds its sources beside this program, in the target folder.
fn build(clone: &Path) -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))?;
    let program = here.with_file_name("charles-cooper-itch-order-book");
    let listed = std::fs::read_dir(clone).map_err(|error| {
        format!("--charles-cooper {}: {error}; give the folder of a clone of github.com/charles-cooper/itch-order-book", clone.display())
    })?;
    let sources: Vec<PathBuf> =
        listed.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "cpp")).collect();
    if sources.is_empty() {
        return Err(format!("--charles-cooper {}: no .cpp files there; give the folder of the clone itself", clone.display()));
    }
    let status = Command::new("g++").args(["-O3", "-march=native", "-std=c++14", "-o"]).arg(&program).args(&sources).status();
    match status {
        Ok(status) if status.success() => Ok(program),
        Ok(_) => Err(format!("g++ does not compile {}; its messages are above", clone.display())),
        Err(error) => Err(format!("cannot start g++: {error}; install it, or leave --charles-cooper out")),
    }
}

fn write_day(day: &path::Day, file: &Path) -> std::io::Result<()> {
    let mut to = BufWriter::new(File::create(file)?);
    let mut written = Ok(());
    day.each_message(|message| {
        if written.is_ok() && !UNKNOWN_TO_IT.contains(&message[0]) {
            written = to.write_all(&(message.len() as u16).to_be_bytes()).and_then(|()| to.write_all(message));
        }
    });
    written?;
    to.flush()
}

/// What it says of itself: `N packets in M nanos , …`.
fn its_ns(program: &Path, file: &Path) -> Result<f64, String> {
    let day = File::open(file).map_err(|error| format!("cannot open {}: {error}", file.display()))?;
    let output = Command::new(program).stdin(day).output().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = last.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [messages, ns, ..] if output.status.success() && *messages > 0.0 => Ok(ns / messages),
        _ => Err(format!("{} ended with {} and said last '{last}' instead of how long it took", program.display(), output.status)),
    }
}

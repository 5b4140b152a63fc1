//! Tickwire beside the crates that others have published for the same jobs, in one run. See README.md.

#[allow(dead_code)] // its board is no peer's business
#[path = "../../our_ring.rs"]
mod our_ring;
#[allow(dead_code)] // of the benchmark of the path, its day and one of its ways
#[path = "../../path.rs"]
mod path;
#[path = "../../transport.rs"]
mod transport;

mod books;
mod carriers;
mod decode;
mod itch5_handlers;
mod ring;

use std::path::Path;
use std::time::Duration;

use path::room::Room;
use path::table;
use path::table::{Arguments, Table};

fn main() {
    let arguments = Arguments::take(0, &["--charles-cooper"]);
    const WORDS: [&str; 5] = ["ring", "decode", "books", "--tiny", "--charles-cooper"];
    let clone = arguments.value_of("--charles-cooper");
    let unknown = arguments.rest.iter().find(|word| !WORDS.contains(&word.as_str()) && Some(word.as_str()) != clone);
    if let Some(unknown) = unknown {
        eprintln!("`{unknown}` is unknown here; say any of {}, or --json FILE", WORDS.join(", "));
        std::process::exit(2);
    }
    if clone.is_none() && arguments.rest.iter().any(|word| word == "books" || word == "--charles-cooper") {
        eprintln!("books needs --charles-cooper DIR: a clone of github.com/charles-cooper/itch-order-book (README.md)");
        std::process::exit(2);
    }
    let asked = |word: &str| arguments.rest.iter().any(|argument| argument == word);
    let is_tiny = asked("--tiny");
    let all = !["ring", "decode", "books"].into_iter().any(asked);
    let mut table = Table::new("peers");
    let dir = Room::make();
    if all || asked("ring") {
        let size = match is_tiny {
            true => ring::Size { rounds: 1, batches: 1, lasts: Duration::from_millis(2) },
            false => ring::Size { rounds: 7, batches: 300, lasts: Duration::from_millis(60) },
        };
        ring::run(dir.path(), &size, &mut table);
    }
    if all || asked("decode") {
        let size = match is_tiny {
            true => decode::Size { rounds: 1, messages: 20_000, symbols: 100 },
            false => decode::Size { rounds: 9, messages: 2_000_000, symbols: 8_000 },
        };
        decode::run(&size, &mut table);
    }
    let mut failed = false;
    if let Some(clone) = clone {
        let size = match is_tiny {
            true => books::Size { rounds: 1, messages: 20_000, symbols: 100 },
            false => books::Size { rounds: 5, messages: 4_000_000, symbols: 8_000 },
        };
        if let Err(why) = books::run(Path::new(clone), dir.path(), &size, &mut table) {
            eprintln!("{why}");
            failed = true;
        }
    }
    // What was measured before counts all the same.
    table.finish(&arguments);
    drop(dir);
    if failed {
        std::process::exit(1);
    }
}

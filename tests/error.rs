//! One message a failure: where, what, why, what to do; and an exit code a script can rely on.
#![cfg(feature = "service")]

use tickwire::error::{Error, Exit, Place, did_you_mean};

#[test]
fn a_message_says_where_what_why_and_what_to_do_in_one_line() {
    let error = Error::new(Exit::Config, "core 9 cannot be used", "this host has cores 0-1", "choose one of those");
    assert_eq!(error.to_string(), "core 9 cannot be used: this host has cores 0-1; choose one of those");
    let placed = error.clone().in_file("feeds/iex.toml").on_line(12).at_key("lane[0].core");
    assert_eq!(placed.to_string(), "feeds/iex.toml:12: lane[0].core: core 9 cannot be used: this host has cores 0-1; choose one of those");
    assert_eq!(error.clone().at_key("core").to_string(), "core: core 9 cannot be used: this host has cores 0-1; choose one of those");
    assert_eq!(error.in_file("x.toml").to_string(), "x.toml: core 9 cannot be used: this host has cores 0-1; choose one of those");
    let helpless = Error::new(Exit::Failed, "the ring", "broke", "");
    assert_eq!(helpless.to_string(), "the ring: broke");
    assert_eq!(*helpless.place, Place::default());
    let quoting = Error::new(Exit::Config, "", "no such key", "remove it").quoting("  3 | kye = 1\n    | ^^^");
    assert_eq!(quoting.to_string(), "no such key; remove it\n  3 | kye = 1\n    | ^^^");
}

#[test]
fn a_name_from_a_file_cannot_move_the_cursor_of_the_terminal_it_is_shown_on() {
    let error = Error::new(Exit::Input, "the symbol \u{1b}[2J\r\n", "is none", "");
    assert_eq!(error.to_string(), "the symbol \\u{1b}[2J\\r\\n: is none");
}

#[test]
fn exit_codes_are_distinct_documented_and_fixed() {
    let codes: Vec<_> = Exit::ALL.iter().map(|exit| exit.code()).collect();
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8], "scripts rely on them: a new one goes to the end");
    for exit in Exit::ALL {
        assert!(!exit.meaning().is_empty() && !exit.meaning().ends_with(' ') && exit.meaning().len() <= 73, "{exit:?}");
    }
    assert_eq!(Exit::Config as u8, 3);
    assert_eq!(tickwire::sys::signals::FORCED_EXIT, 130, "the table's last line");
    let table = Exit::table();
    assert_eq!(table.lines().count(), Exit::ALL.len() + 1);
    assert!(
        table.contains("  3    The configuration is refused") && table.ends_with("  130  A second SIGINT or SIGTERM ended it at once\n"),
        "{table}"
    );
}

#[test]
fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
    let feeds = ["nasdaq-itch", "bx-itch", "psx-itch", "iex-tops"];
    for (given, meant) in [
        ("nasdaq_itch", Some("nasdaq-itch")),
        ("IEX-TOPS", Some("iex-tops")),
        ("iex-top", Some("iex-tops")),
        ("bx-itch", Some("bx-itch")),
        ("psxitch", Some("psx-itch")),
        ("ixe-tops", Some("iex-tops")),
        ("opra", None),
        ("", None),
    ] {
        assert_eq!(did_you_mean(given, feeds), meant, "{given}");
    }
    assert_eq!(did_you_mean("x", []), None);
}

//! Refusals of the shape: what the TOML reader says, in the operator's words.
//!
//! The reader knows types and spans; it knows neither which section a key stands in nor which key was meant. Both are in the
//! text and in its list of what it expected.

use std::ops::Range;
use std::path::Path;

use super::file::line_of;
use crate::error::{Error, Exit, did_you_mean};

/// Longest line that is quoted whole, in characters.
const QUOTED: usize = 140;

/// One message for what the TOML reader refuses: file, line, key, what was expected, and the line itself with a caret.
pub(super) fn refusal(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let span = error.span().unwrap_or(0..0);
    let place = Spot::of(text, &span);
    let said = Said::of(error.message());
    let error = Error::new(Exit::Config, "", said.why, said.cure).in_file(path).on_line(line_of(text, &span)).quoting(quote(text, &span));
    match place.key(said.missing) {
        Some(key) => error.at_key(key),
        None => error,
    }
}

/// Where in the structure a span lies.
struct Spot<'a> {
    section: Option<&'a str>,
    key: Option<&'a str>,
}

impl<'a> Spot<'a> {
    fn of(text: &'a str, span: &Range<usize>) -> Self {
        let end_of_line = text.get(span.start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| span.start + at);
        let before = text.get(..end_of_line).unwrap_or_default();
        let mut lines = before.lines().rev();
        let here = lines.next().unwrap_or_default();
        let section = section(here).or_else(|| lines.find_map(section));
        let key = here.split_once('=').map(|(key, _)| key.trim()).filter(|key| is_key(key));
        Self { section, key }
    }

    fn key(&self, missing: Option<&str>) -> Option<String> {
        let parts: Vec<&str> = self.section.into_iter().chain(missing.or(self.key)).collect();
        (!parts.is_empty()).then(|| parts.join("."))
    }
}

fn section(line: &str) -> Option<&str> {
    let line = line.split('#').next()?.trim();
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).trim();
    is_key(name).then_some(name)
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The reader's message in our words.
struct Said<'a> {
    why: String,
    cure: String,
    /// The key that should have been there.
    missing: Option<&'a str>,
}

const CURE: &str = "config/example.toml shows every key with its unit";

impl<'a> Said<'a> {
    fn of(message: &'a str) -> Self {
        let message = message.trim();
        let ticked = || message.split('`').skip(1).step_by(2);
        let plain = |why: String, cure: String| Self { why, cure, missing: None };
        if message.starts_with("unknown field") {
            let (given, keys) = (ticked().next().unwrap_or_default(), ticked().skip(1).collect::<Vec<_>>());
            return plain(format!("`{given}` is no key of this section"), choice(given, &keys));
        }
        if message.starts_with("unknown variant") {
            let (given, values) = (ticked().next().unwrap_or_default(), ticked().skip(1).collect::<Vec<_>>());
            return plain(format!("`{given}` is no value for this key"), choice(given, &values));
        }
        if message.starts_with("missing field") {
            let missing = ticked().next();
            return Self { why: "this key is missing, and it has no default".to_owned(), cure: CURE.to_owned(), missing };
        }
        if let Some((found, expected)) = message.strip_prefix("invalid ").and_then(|rest| rest.split_once(", expected ")) {
            let found = found.trim_start_matches("type: ").trim_start_matches("value: ");
            let found = match found.split_once(' ') {
                Some(("string", text)) => format!("the text {text}"),
                Some(("integer", number)) => format!("the number {}", number.trim_matches('`')),
                Some(("floating", rest)) => format!("the number {}", rest.trim_start_matches("point ").trim_matches('`')),
                Some(("boolean", word)) => word.trim_matches('`').to_owned(),
                _ if found == "map" => "a section".to_owned(),
                _ if found == "sequence" => "a list".to_owned(),
                _ => found.to_owned(),
            };
            return plain(format!("this is {found}"), format!("write {}", in_words(expected)));
        }
        if message == "wanted string or table" {
            return plain("this is no text in quotes".to_owned(), "write one of the words that config/example.toml names".to_owned());
        }
        if message.starts_with("invalid IPv4") || message.contains("IPv4 address syntax") {
            return plain("this is no IPv4 address".to_owned(), "write four numbers, as in \"239.192.1.1\"".to_owned());
        }
        if message.starts_with("duplicate key") {
            return plain("this key stands here twice".to_owned(), "remove one of the two".to_owned());
        }
        plain(format!("this is not TOML: {message}"), CURE.to_owned())
    }
}

fn choice(given: &str, all: &[&str]) -> String {
    let all_named = all.join(", ");
    match did_you_mean(given, all.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? There is: {all_named}"),
        None => format!("there is: {all_named}"),
    }
}

/// What the reader expected, for people who do not write Rust.
fn in_words(expected: &str) -> String {
    match expected {
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" => "a whole number, 0 or more".to_owned(),
        "a string" | "path string" => "a text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "IPv4 address" => "an address in quotes, as in \"239.192.1.1\"".to_owned(),
        "a sequence" => "a list in brackets, or one [[section]] for each".to_owned(),
        _ if expected.starts_with("struct ") => "a section in brackets, with its keys below it".to_owned(),
        _ => expected.to_owned(),
    }
}

/// The line and a caret below what is meant.
fn quote(text: &str, span: &Range<usize>) -> String {
    let start = text.get(..span.start).map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let shown: String = line.chars().take(QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let column = text.get(start..span.start).map_or(0, |before| before.chars().count());
    if shown.trim().is_empty() || column > QUOTED {
        return String::new();
    }
    let meant = text.get(span.clone()).and_then(|meant| meant.lines().next()).map_or(1, |meant| meant.chars().count());
    let carets = meant.clamp(1, shown.chars().count().saturating_sub(column).max(1));
    let number = line_of(text, span).to_string();
    let margin = " ".repeat(number.len());
    format!("  {number} | {shown}\n  {margin} | {}{}", " ".repeat(column), "^".repeat(carets))
}

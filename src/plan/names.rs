//! Names in the configuration: what may be one, that each is given once, and what else was perhaps meant.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;

use crate::config::ConfigFile;
use crate::error::{Error, did_you_mean};

/// Longest name: the publication's tables have 32 bytes for one.
const LONGEST: usize = 31;

/// Refuses a name that cannot be one, and one that is given twice.
pub(super) fn unique<'a>(file: &ConfigFile, kind: &str, key: &str, names: impl Iterator<Item = &'a Spanned<String>>) -> Result<(), Error> {
    let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
    for name in names {
        let text = name.get_ref().as_str();
        let fits = (1..=LONGEST).contains(&text.len()) && !text.starts_with('.');
        if !fits || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err(file.refuse(
                name.span(),
                key,
                format_args!("`{text}` cannot be the name of a {kind}"),
                format_args!("use 1 to {LONGEST} letters, digits, `.`, `-` and `_`, not beginning with a dot"),
            ));
        }
        if let Some(first) = seen.insert(text, name.span()) {
            return Err(file.refuse(
                name.span(),
                key,
                format_args!("there are two {kind}s named `{text}`; the first is at {}", file.place(first)),
                "rename one, or remove the copy",
            ));
        }
    }
    Ok(())
}

/// What there is instead of `given`, the nearest first.
pub(super) fn choices<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let all = if names.is_empty() { "there is none".to_owned() } else { format!("there is: {}", names.join(", ")) };
    match did_you_mean(given, names.iter().copied()) {
        Some(near) if names.len() > 1 => format!("did you mean `{near}`? ({all})"),
        Some(near) => format!("did you mean `{near}`?"),
        None => all,
    }
}

/// Numbers as ranges: `0-3, 8`.
pub(super) fn ranges(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut numbers: Vec<u32> = numbers.into_iter().collect();
    numbers.sort_unstable();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if number <= last.saturating_add(1) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let shown: Vec<String> =
        runs.into_iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") }).collect();
    shown.join(", ")
}

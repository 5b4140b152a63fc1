//! Just enough of Rust's grammar for the rules of `tidy`: code told from comments and literals, words, and paths from the crate's root.

/// Identifiers and numbers, with where they begin.
pub fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(move |c| !is_part(c))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Every path that begins at the crate's root (`crate::…`, and the roundabout `super::super::…`), groups taken apart, with its line.
pub fn crate_paths(code: &str) -> Vec<(&'static str, usize, String)> {
    let mut paths = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let line = 1 + code[..at].matches('\n').count();
            take_paths(&code[at + root.len()..], "", &mut |path| paths.push((root, line, path)));
        }
    }
    paths
}

/// Takes `a::b`, `a::{b, c::d}` or `{a, b}` apart, and returns what is left behind it.
fn take_paths<'a>(text: &'a str, before: &str, found: &mut impl FnMut(String)) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = take_paths(rest, before, found).trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        return rest.strip_prefix('}').unwrap_or(rest);
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*')).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let path = if before.is_empty() { word.to_owned() } else { format!("{before}::{word}") };
    if let Some(deeper) = rest.strip_prefix("::") {
        return take_paths(deeper, &path, found);
    }
    if !word.is_empty() {
        found(path);
    }
    // `a as b`
    let renamed = rest.trim_start().strip_prefix("as ").map(|name| name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
    renamed.unwrap_or(rest)
}

/// The code of a Rust file: comments and the insides of literals become spaces, line ends stay.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = literal_or_comment(rest, out.chars().next_back());
        if skip > 0 {
            out.extend(rest[..skip].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skip..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// How many bytes a comment or literal at the start of `text` has; 0 if there is none.
fn literal_or_comment(text: &str, before: Option<char>) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        let (mut depth, mut at) = (0, 0);
        while at < text.len() {
            let here = &text.as_bytes()[at..];
            if here.starts_with(b"/*") {
                (depth, at) = (depth + 1, at + 2);
            } else if here.starts_with(b"*/") {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            } else {
                at += 1;
            }
        }
        return text.len();
    }
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    if let Some(inside) = text.strip_prefix('\'') {
        // A lifetime has no closing quote right behind its first character.
        let mut inside = inside.chars();
        return match (inside.next(), inside.next()) {
            (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, '\''),
            _ => 0,
        };
    }
    let in_a_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'));
    if let Some(raw) = raw.filter(|_| !in_a_word) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if let Some(body) = raw[hashes..].strip_prefix('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let end = body.find(&close).map_or(body.len(), |at| at + close.len());
            return text.len() - body.len() + end;
        }
    }
    0
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

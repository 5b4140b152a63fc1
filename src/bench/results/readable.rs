//! Times, counts, shares and words as people read them: three digits, a unit, one line.

/// A time: ns below 10 µs, then three digits of µs, ms or s.
pub fn time(ns: u64) -> String {
    if ns < 10_000 {
        return format!("{} ns", grouped(ns));
    }
    let (size, unit) = [(1e3, "µs"), (1e6, "ms")].into_iter().find(|(size, _)| ns as f64 / size < 999.5).unwrap_or((1e9, "s"));
    format!("{} {unit}", three_digits(ns as f64 / size))
}

/// Three digits of a number, or all of them before the point; `–` for what is no number.
pub fn three_digits(number: f64) -> String {
    let size = number.abs();
    match () {
        () if !number.is_finite() => "–".to_owned(),
        () if size >= 999.5 => grouped(number.round().max(0.0) as u64),
        () if size >= 99.95 => format!("{number:.0}"),
        () if size >= 9.995 => format!("{number:.1}"),
        () if size >= 0.0995 || size == 0.0 => format!("{number:.2}"),
        () if size >= 0.00995 => format!("{number:.3}"),
        () => format!("{number:.1e}"),
    }
}

/// One number in times of another, as narrow as a column.
pub fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 9_999.5 => ">9,999".to_owned(),
        ratio if (0.0..0.00995).contains(&ratio) => "<0.01".to_owned(),
        _ => three_digits(ratio),
    }
}

/// A count, its digits in groups of three.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Words with their whole numbers in groups of three: a pace.
pub fn numbers_grouped(words: &str) -> String {
    let plain = |word: &str| word.parse::<u64>().ok().filter(|number| number.to_string() == word);
    words.split(' ').map(|word| plain(word).map_or(word.to_owned(), grouped)).collect::<Vec<_>>().join(" ")
}

/// A count with its noun, in the plural where it is not one.
pub fn count_of(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// So many of so many, in percent.
pub fn share(part: u64, whole: u64) -> String {
    let percent = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    match () {
        () if part == 0 || whole == 0 => "0 %".to_owned(),
        () if part < whole && percent > 99.95 => "more than 99.9 %".to_owned(),
        () if percent >= 99.5 => format!("{percent:.0} %"),
        () if percent >= 9.995 => format!("{percent:.1} %"),
        () if percent >= 0.0995 => format!("{percent:.2} %"),
        () if percent >= 0.0095 => format!("{percent:.3} %"),
        () if percent >= 0.00095 => format!("{percent:.4} %"),
        () => "less than 0.001 %".to_owned(),
    }
}

/// When it was, UTC, to the second.
pub fn date(ns: u64) -> String {
    let second = i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(second).map_or_else(|_| format!("{ns} ns"), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Words that came from elsewhere, on one line of a terminal whose cursor they cannot move, nor the direction of its writing.
pub fn one_line(words: &str) -> String {
    words.chars().map(|c| if c.is_control() || turns_writing(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Whether a character turns the direction of what is written behind it.
pub fn turns_writing(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most so many characters of it.
pub fn clipped(words: &str, characters: usize) -> String {
    if words.chars().count() <= characters {
        return words.to_owned();
    }
    words.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
}

/// Lines of at most so many characters, broken between words where there is such a place.
pub fn wrapped(words: &str, characters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in words.split(' ') {
        let mut rest = word;
        let mut length = rest.chars().count();
        if used > 0 && used + 1 + length > characters {
            lines.push(String::new());
            used = 0;
        }
        // A word that is longer than a line: commands, paths.
        while length > characters {
            let (at, _) = rest.char_indices().nth(characters).unwrap_or((rest.len(), ' '));
            if let Some(line) = lines.last_mut() {
                line.push_str(&rest[..at]);
            }
            lines.push(String::new());
            rest = &rest[at..];
            length -= characters;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(rest);
            used += length;
        }
    }
    lines
}

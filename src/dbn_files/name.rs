//! What a file is called: `NAME.SCHEMA.YYYYMMDD.NNNN.dbn.zst`.
//!
//! The day is that of its first record (UTC), the number goes up from 0 within it, restarts included, so that names sort by time and no
//! file is ever written over. Where several publishers share a publication, ids of one mean nothing to another, and each has its own
//! files: `NAME@XPSX-ITCH.…`. No publication's name has an `@`, and only the publication's name may have dots.

use std::fmt;

use crate::record::Schema;

/// What a file is called beside while it grows.
pub(super) const PART: &str = ".part";
const ENDING: &str = ".dbn.zst";
pub(super) const DAY_NS: u64 = 86_400_000_000_000;

/// A file's name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    /// The publication.
    pub publication: String,
    /// The publisher's dataset in small letters, if the publication has several.
    pub publisher: Option<String>,
    /// What is in it.
    pub schema: Schema,
    /// Day of its first record, UTC, as YYYYMMDD.
    pub date: u32,
    /// From 0 within the day.
    pub number: u32,
}

impl FileName {
    /// Takes a name apart; `None` if it is not one of ours.
    pub fn parse(name: &str) -> Option<Self> {
        let mut fields = name.strip_suffix(ENDING)?.rsplitn(4, '.');
        let (number, date, schema, of) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(number, 4) || !digits(date, 8) || date.len() != 8 {
            return None;
        }
        let (publication, publisher) = match of.split_once('@') {
            Some((publication, publisher)) => (publication, Some(publisher.to_owned())),
            None => (of, None),
        };
        let (number, date) = (number.parse().ok()?, date.parse().ok()?);
        Some(Self { publication: publication.to_owned(), publisher, schema: Schema::from_name(schema)?, date, number })
    }

    /// Takes the name of a part apart.
    pub(super) fn parse_part(name: &str) -> Option<Self> {
        Self::parse(name.strip_suffix(PART)?)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.publication)?;
        if let Some(publisher) = &self.publisher {
            write!(f, "@{publisher}")?;
        }
        write!(f, ".{}.{:08}.{:04}{ENDING}", self.schema.name(), self.date, self.number)
    }
}

/// YYYYMMDD of the day with that number since 1970, UTC.
pub(super) fn date_of_day(day: u64) -> u32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    // 64-bit nanoseconds end in 2554.
    let date = jiff::Span::new().try_days(day.min(213_503) as i64).and_then(|span| epoch.checked_add(span)).unwrap_or(epoch);
    date.year().unsigned_abs() as u32 * 10_000 + date.month().unsigned_abs() as u32 * 100 + date.day().unsigned_abs() as u32
}

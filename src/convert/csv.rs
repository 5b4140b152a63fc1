//! Rows as CSV: one header, then a line for each record, as the official tool writes them with pretty prices and times.
//!
//! A price has always nine decimals, so every digit of the record is there and nothing is rounded. A time is ISO 8601 in UTC with nine
//! decimals. What is not there is an empty cell. Text with a comma, a quote or a line break is quoted (RFC 4180).

use std::io::{self, Write};

use super::columns::{Table, Value};
use super::{Numbers, Refused, Rows};

/// Bytes gathered before they are written.
const WRITE_AT: usize = 1 << 18;

/// Writes CSV.
pub struct Csv<'a> {
    table: Table,
    numbers: Numbers,
    out: &'a mut dyn Write,
    line: Vec<u8>,
    day: Day,
}

impl<'a> Csv<'a> {
    /// Writes the header.
    pub fn new(table: Table, numbers: Numbers, out: &'a mut dyn Write) -> io::Result<Self> {
        let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).chain(["symbol"]).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Self { table, numbers, out, line: Vec::with_capacity(WRITE_AT + (1 << 14)), day: Day::default() })
    }
}

impl Rows for Csv<'_> {
    fn row(&mut self, record: &[u8], symbol: Option<&str>) -> Result<(), Refused> {
        let (line, day) = (&mut self.line, &mut self.day);
        for column in &self.table.columns {
            match column.value(record) {
                Value::None => (),
                Value::Signed(value) => signed(line, value),
                Value::Unsigned(value) => unsigned(line, value, 1),
                Value::Price(price) if self.numbers.raw_prices => signed(line, price),
                Value::Price(price) => {
                    if price < 0 {
                        line.push(b'-');
                    }
                    unsigned(line, price.unsigned_abs() / 1_000_000_000, 1);
                    line.push(b'.');
                    unsigned(line, price.unsigned_abs() % 1_000_000_000, 9);
                }
                Value::Time(time) if self.numbers.raw_times => unsigned(line, time, 1),
                Value::Time(time) => day.time(line, time),
                Value::Letter(letter) => text(line, super::letter(letter, &mut [0; 4])),
                Value::Text(bytes) => text(line, String::from_utf8_lossy(bytes).as_bytes()),
            }
            line.push(b',');
        }
        if let Some(symbol) = symbol {
            text(line, symbol.as_bytes());
        }
        line.push(b'\n');
        if line.len() >= WRITE_AT {
            self.out.write_all(line)?;
            line.clear();
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Refused> {
        self.out.write_all(&self.line)?;
        self.out.flush()?;
        Ok(())
    }
}

fn signed(line: &mut Vec<u8>, value: i64) {
    if value < 0 {
        line.push(b'-');
    }
    unsigned(line, value.unsigned_abs(), 1);
}

/// In decimal, with at least so many digits (at most 20).
fn unsigned(line: &mut Vec<u8>, mut value: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value > 0 {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    line.extend_from_slice(&digits[at.min(digits.len() - least)..]);
}

fn text(line: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        line.extend_from_slice(text);
        return;
    }
    line.push(b'"');
    for &byte in text {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// The date written last: nearly all times of a file are of one day.
#[derive(Default)]
struct Day {
    /// Days since 1970, and `2026-03-03T`.
    written: Option<(u64, Vec<u8>)>,
}

impl Day {
    fn time(&mut self, line: &mut Vec<u8>, time: u64) {
        let (day, of_day) = (time / DAY, time % DAY);
        match &self.written {
            Some((written, date)) if *written == day => line.extend_from_slice(date),
            _ => {
                let (year, month, of_month) = date(day);
                let date = format!("{year:04}-{month:02}-{of_month:02}T").into_bytes();
                line.extend_from_slice(&date);
                self.written = Some((day, date));
            }
        }
        for (value, digits, ends) in [
            (of_day / (3_600 * SECOND), 2, b':'),
            (of_day / (60 * SECOND) % 60, 2, b':'),
            (of_day / SECOND % 60, 2, b'.'),
            (of_day % SECOND, 9, b'Z'),
        ] {
            unsigned(line, value, digits);
            line.push(ends);
        }
    }
}

/// Year, month and day of a day since 1970, by the rules of the Gregorian calendar (years counted from March, so that the leap day is
/// the last).
fn date(day: u64) -> (u64, u64, u64) {
    let since = day + 719_468; // since 0000-03-01
    let (era, of_era) = (since / 146_097, since % 146_097);
    let of_era_year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (era * 400 + of_era_year + u64::from(month <= 2), month, of_year - (153 * march + 2) / 5 + 1)
}

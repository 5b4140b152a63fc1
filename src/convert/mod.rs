//! Captures, day files and DBN files as CSV and Parquet.
//!
//! ```text
//!  capture, day file ─ the very pipeline (replay) ─┐
//!                                                  ├─ record, symbol ─▶ columns of its schema ─▶ csv | parquet
//!  DBN file, versions 1 to 3 ─ the dbn crate ──────┘
//! ```
//!
//! - **One table of columns for each schema** ([`Table`]) drives both writers.
//! - **Exact**: prices stay integers of 1e-9 until they are text or a decimal; nothing goes through a float.
//! - **One schema a file**, records in the order of the inputs. Control records are not data: a gap is told by the records' flags and in the remarks.
//! - **Streaming**: what is kept is a row group and the books, never the input.
//! - A cut input gives what is complete, and says that it is cut; a record that contradicts its own schema is refused.
#![forbid(unsafe_code)]

mod columns;
mod csv;
mod dbn_file;
mod input;
mod parquet;
mod tables;

pub use columns::{Column, Kind, Table, Value};
pub use csv::Csv;
pub use parquet::Parquet;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::book::BooksCapacity;
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::source::lines::LineKey;

/// What rows are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated text with a header.
    Csv,
    /// Apache Parquet, zstd.
    Parquet,
}

/// How numbers that mean more are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Prices as the records' integers, in 1e-9 units.
    pub raw_prices: bool,
    /// Times as the records' integers, ns since 1970 UTC.
    pub raw_times: bool,
}

/// What to convert, and how.
#[derive(Clone, Debug)]
pub struct ConvertConfig {
    /// Recordings and DBN files, told apart by content.
    pub inputs: Vec<PathBuf>,
    /// The schema wanted; `None`: the one that the DBN files are of.
    pub table: Option<Table>,
    /// What captures and day files speak.
    pub feed: Option<FeedName>,
    /// Midnight of the venue's day, ns since 1970 UTC, for recordings; `None`: from the capture's times.
    pub midnight_ns: Option<u64>,
    /// Only these lines of a capture; empty: the first four there are.
    pub lines: Vec<LineKey>,
    /// Only these symbols; empty: all.
    pub symbols: Vec<String>,
    /// What to write.
    pub format: Format,
    /// How.
    pub numbers: Numbers,
    /// Room for the books of a recording.
    pub capacity: BooksCapacity,
}

/// What was converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Rows written.
    pub rows: u64,
    /// The schema's name.
    pub schema: &'static str,
    /// What the user should know besides: cut inputs, gaps, symbols that never occurred.
    pub remarks: Vec<String>,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes of all inputs read.
    pub read_bytes: u64,
    /// Bytes of all inputs.
    pub total_bytes: u64,
}

/// Takes rows and writes them in one format.
pub trait Rows {
    /// One record of the table and the symbol of its instrument, where it is known.
    fn row(&mut self, record: &[u8], symbol: Option<&str>) -> Result<(), Refused>;

    /// Nothing more comes.
    fn finish(self: Box<Self>) -> Result<(), Refused>;
}

/// Why a row was not written.
#[derive(Debug)]
pub enum Refused {
    /// The output takes no more.
    Write(io::Error),
    /// A value that the column's type cannot hold.
    OutOfRange {
        /// Which column.
        column: String,
        /// Which row, from 1.
        row: u64,
        /// A price or a time.
        what: &'static str,
        /// The option with which it can be written.
        option: &'static str,
    },
}

impl Refused {
    fn out_of_range(column: &Column, row: u64, what: &'static str, option: &'static str) -> Self {
        Self::OutOfRange { column: column.name.clone().into_owned(), row, what, option }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<::parquet::errors::ParquetError> for Refused {
    fn from(error: ::parquet::errors::ParquetError) -> Self {
        Self::Write(io::Error::other(error))
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Write(error) => Self::new(
                Exit::Failed,
                "the rows could not be written",
                error,
                "make room, or name a file elsewhere; nothing was left behind",
            ),
            Refused::OutOfRange { column, row, what, option } => Self::new(
                Exit::Input,
                format!("row {row}, column {column}"),
                format!("the {what} is too large for Parquet's type"),
                format!("write integers with {option}, or CSV"),
            ),
        }
    }
}

/// A letter as text: as it is if it can be shown, else escaped.
fn letter(letter: u8, to: &mut [u8; 4]) -> &[u8] {
    let mut length = 0;
    for (place, byte) in to.iter_mut().zip(std::ascii::escape_default(letter)) {
        *place = byte;
        length += 1;
    }
    to.get(..length).unwrap_or_default()
}

/// Where records of any input go: the writer, made when the first input has told the schema.
struct Output<'a> {
    config: &'a ConvertConfig,
    /// `None`: taken by `rows`.
    out: Option<&'a mut dyn Write>,
    rows: Option<(Table, Box<dyn Rows + 'a>)>,
    written: u64,
    /// Symbols asked for that have occurred.
    seen: BTreeSet<String>,
    remarks: Vec<String>,
}

impl Output<'_> {
    /// Makes sure that rows of `table` are what is written.
    fn begin(&mut self, table: &Table, input: &std::path::Path) -> Result<(), Error> {
        if let Some((begun, _)) = &self.rows {
            if begun == table {
                return Ok(());
            }
            let sent = |table: &Table| if table.columns.last().is_some_and(|c| c.name == "ts_out") { " with times of sending" } else { "" };
            let why = format!("it holds {}{}, and the files before it {}{}", table.name, sent(table), begun.name, sent(begun));
            return Err(Error::new(Exit::Input, "", why, "convert each schema into a file of its own").in_file(input));
        }
        let Some(out) = self.out.take() else { return Ok(()) };
        let numbers = self.config.numbers;
        let rows: Box<dyn Rows> = match self.config.format {
            Format::Csv => Box::new(Csv::new(table.clone(), numbers, out).map_err(Refused::Write)?),
            Format::Parquet => Box::new(Parquet::new(table.clone(), numbers, out)?),
        };
        self.rows = Some((table.clone(), rows));
        Ok(())
    }

    fn row(&mut self, record: &[u8], symbol: Option<&str>) -> Result<(), Refused> {
        if let Some((_, rows)) = &mut self.rows {
            rows.row(record, symbol)?;
            self.written += 1;
        }
        Ok(())
    }

    /// Whether rows of this symbol are wanted; what has no symbol is wanted where no symbols were named.
    fn wants(&mut self, symbol: Option<&str>) -> bool {
        let wanted = &self.config.symbols;
        if wanted.is_empty() {
            return true;
        }
        let Some(symbol) = symbol.filter(|symbol| wanted.iter().any(|wanted| wanted == symbol)) else { return false };
        if !self.seen.contains(symbol) {
            self.seen.insert(symbol.to_owned());
        }
        true
    }
}

/// Converts all inputs into `out`. `stop` and `progress` are asked and told every few thousand records.
///
/// # Errors
/// An input is not what it should be, does not fit the others or the wish, holds nothing to convert, or the output failed.
pub fn run(
    config: &ConvertConfig,
    out: &mut dyn Write,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Converted, Error> {
    let mut output = Output { config, out: Some(out), rows: None, written: 0, seen: BTreeSet::new(), remarks: Vec::new() };
    input::all(config, &mut output, stop, progress)?;
    if stop() {
        return Err(Error::new(Exit::Failed, "", "stopped before it was whole", "nothing was left behind"));
    }
    let Some((table, rows)) = output.rows.filter(|_| output.written > 0) else { return Err(nothing(config)) };
    rows.finish()?;
    let missing: Vec<&str> = config.symbols.iter().map(String::as_str).filter(|symbol| !output.seen.contains(*symbol)).collect();
    if !missing.is_empty() {
        output.remarks.push(format!("no such symbol in the input: {}", missing.join(", ")));
    }
    Ok(Converted { rows: output.written, schema: table.name, remarks: output.remarks })
}

fn nothing(config: &ConvertConfig) -> Error {
    let what = config.table.as_ref().map_or("record".to_owned(), |table| format!("{} record", table.name));
    let of = match config.symbols.as_slice() {
        [] => String::new(),
        symbols => format!(" of {}", symbols.join(", ")),
    };
    let error = Error::new(
        Exit::Input,
        "nothing to convert",
        format!("there is no {what}{of} in the input"),
        "name another input, schema or symbol",
    );
    match config.inputs.as_slice() {
        [input] => error.in_file(input),
        _ => error,
    }
}

//! A record as a row of named columns: where each field lies in the record's bytes, and what it means.
//!
//! Both writers read records through these columns and through nothing else, so a field cannot be named, placed or left out in one
//! format and not in the other. The columns of each schema are in [`tables`](super::tables).

use std::borrow::Cow;

use crate::record::Schema;

/// How a field is stored and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `i64` in units of 1e-9; not there: `i64::MAX`.
    Price,
    /// `u64`, ns since 1970 UTC; not there: 0 and `u64::MAX`, as the official library writes both.
    Time,
    /// One byte of ASCII; not there: 0.
    Letter,
    /// So many bytes, ended by a zero; not there: the first is.
    Text(usize),
    /// So many bytes, padded with spaces; not there: all of them are.
    Padded(usize),
}

impl Kind {
    /// Bytes of the field.
    pub const fn width(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Letter => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 => 4,
            Self::U64 | Self::I64 | Self::Price | Self::Time => 8,
            Self::Text(bytes) | Self::Padded(bytes) => bytes,
        }
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// DBN's name of the field; of the levels with their number, as in `bid_px_00`.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub kind: Kind,
    /// Where it begins in the record.
    pub offset: usize,
    /// Whether the largest value of an integer says that there is none.
    pub largest_is_none: bool,
}

/// What a record holds in one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing: an empty cell, a null.
    None,
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// In units of 1e-9.
    Price(i64),
    /// ns since 1970 UTC.
    Time(u64),
    /// One byte.
    Letter(u8),
    /// Without what ends or pads it; not always UTF-8.
    Text(&'a [u8]),
}

impl Column {
    /// Whether a record may have nothing here.
    pub fn may_be_none(&self) -> bool {
        self.largest_is_none || matches!(self.kind, Kind::Price | Kind::Time | Kind::Letter | Kind::Text(_) | Kind::Padded(_))
    }

    /// What `record` holds here. A record too short for the column has nothing.
    #[inline]
    pub fn value<'a>(&self, record: &'a [u8]) -> Value<'a> {
        match self.kind {
            Kind::U8 => self.unsigned(u8::MAX.into(), u64::from(u8::from_le_bytes(self.bytes(record)))),
            Kind::U16 => self.unsigned(u16::MAX.into(), u64::from(u16::from_le_bytes(self.bytes(record)))),
            Kind::U32 => self.unsigned(u32::MAX.into(), u64::from(u32::from_le_bytes(self.bytes(record)))),
            Kind::U64 => self.unsigned(u64::MAX, u64::from_le_bytes(self.bytes(record))),
            Kind::I8 => self.signed(i8::MAX.into(), i64::from(i8::from_le_bytes(self.bytes(record)))),
            Kind::I16 => self.signed(i16::MAX.into(), i64::from(i16::from_le_bytes(self.bytes(record)))),
            Kind::I32 => self.signed(i32::MAX.into(), i64::from(i32::from_le_bytes(self.bytes(record)))),
            Kind::I64 => self.signed(i64::MAX, i64::from_le_bytes(self.bytes(record))),
            Kind::Price => match i64::from_le_bytes(self.bytes(record)) {
                i64::MAX => Value::None,
                price => Value::Price(price),
            },
            Kind::Time => match u64::from_le_bytes(self.bytes(record)) {
                0 | u64::MAX => Value::None,
                time => Value::Time(time),
            },
            Kind::Letter => match self.bytes(record) {
                [0] => Value::None,
                [letter] => Value::Letter(letter),
            },
            Kind::Text(width) => {
                let bytes = record.get(self.offset..self.offset + width).unwrap_or_default();
                let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
                text(bytes.get(..end).unwrap_or_default())
            }
            Kind::Padded(width) => text(record.get(self.offset..self.offset + width).unwrap_or_default().trim_ascii_end()),
        }
    }

    #[inline]
    fn bytes<const N: usize>(&self, record: &[u8]) -> [u8; N] {
        record.get(self.offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }

    #[inline]
    fn unsigned(&self, largest: u64, value: u64) -> Value<'static> {
        if self.largest_is_none && value == largest { Value::None } else { Value::Unsigned(value) }
    }

    #[inline]
    fn signed(&self, largest: i64, value: i64) -> Value<'static> {
        if self.largest_is_none && value == largest { Value::None } else { Value::Signed(value) }
    }
}

/// The columns of one schema; a `symbol` column follows them in every file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The schema's name, DBN's where DBN knows it.
    pub name: &'static str,
    /// The record type that its records carry.
    pub rtype: u8,
    /// Bytes of a record.
    pub size: usize,
    /// In the order of the official library's data frames.
    pub columns: Vec<Column>,
    /// The schema of ours that it is, if it is one.
    pub schema: Option<Schema>,
}

impl Table {
    /// The table of the schema with that name.
    pub fn of(name: &str) -> Option<Self> {
        super::tables::table(name)
    }

    /// Names of all the schemas that have one.
    pub const NAMES: [&'static str; 21] = super::tables::NAMES;

    /// The first table whose records carry this type.
    pub fn of_rtype(rtype: u8) -> Option<Self> {
        Self::NAMES.iter().filter_map(|name| Self::of(name)).find(|table| table.rtype == rtype)
    }

    /// Whether DBN knows the schema.
    pub fn is_dbn(&self) -> bool {
        self.schema.is_none_or(Schema::is_dbn)
    }

    /// When a record was received; of those that don't tell, when it happened. Symbols are looked up by it.
    pub fn index_ns(&self, record: &[u8]) -> u64 {
        match self.columns.first().map(|column| column.value(record)) {
            Some(Value::Time(time)) => time,
            _ => u64::MAX,
        }
    }

    /// Records of this table with the time of sending behind them.
    #[must_use]
    pub fn with_ts_out(mut self) -> Self {
        self.columns.push(Column { name: "ts_out".into(), kind: Kind::Time, offset: self.size, largest_is_none: false });
        self.size += 8;
        self
    }
}

fn text(bytes: &[u8]) -> Value<'_> {
    if bytes.is_empty() { Value::None } else { Value::Text(bytes) }
}

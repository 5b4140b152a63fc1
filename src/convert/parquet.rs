//! Rows as Parquet: typed columns, zstd, row groups of bounded memory.
//!
//! - Prices are `INT64` with `DECIMAL(18, 9)`: the record's own integer, exact. An `INT64` decimal may have 18 digits, so a price of a
//!   thousand million or more cannot be told like this, and is refused rather than written wrong; as raw integers it can.
//! - Times are `INT64` with `TIMESTAMP(NANOS, UTC)`; integers have their own width and sign; letters and texts are `STRING`.
//! - A column that may have nothing is `OPTIONAL`, all others are `REQUIRED`.
//! - Memory: one row group is gathered (about 64 MiB) and written whole; the file before it is not kept.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use super::columns::{Column, Kind, Table, Value};
use super::{Numbers, Refused, Rows};

/// Memory of the rows gathered for one group.
const GROUP_BYTES: usize = 64 << 20;
/// More rows make no better groups.
const GROUP_ROWS: usize = 1 << 20;
/// Decimal digits that an `INT64` decimal may have.
const DECIMAL_LIMIT: u64 = 1_000_000_000_000_000_000;

/// Writes Parquet.
pub struct Parquet<'a> {
    table: Table,
    numbers: Numbers,
    /// The crate writes into memory; after each row group it goes out from there.
    file: SerializedFileWriter<Vec<u8>>,
    out: &'a mut dyn Write,
    gathered: Vec<Gathered>,
    texts: Texts,
    rows: usize,
    group_rows: usize,
    total: u64,
}

/// The values of one column of the group under way; what is not there has no value and level 0.
struct Gathered {
    values: Values,
    levels: Option<Vec<i16>>,
}

enum Values {
    I32(Vec<i32>),
    I64(Vec<i64>),
    Text(Vec<ByteArray>),
}

impl<'a> Parquet<'a> {
    /// Begins a file.
    pub fn new(table: Table, numbers: Numbers, out: &'a mut dyn Write) -> Result<Self, Refused> {
        let mut fields = Vec::with_capacity(table.columns.len() + 1);
        let mut gathered = Vec::with_capacity(table.columns.len() + 1);
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(Default::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(format!("tickwire {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(vec![KeyValue::new("schema".to_owned(), table.name.to_owned())]));
        for column in &table.columns {
            if counts_up(column) {
                let path = || ColumnPath::new(vec![column.name.clone().into_owned()]);
                properties =
                    properties.set_column_dictionary_enabled(path(), false).set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
            }
            fields.push(Arc::new(field(column, numbers)?));
            gathered.push(Gathered::new(physical(column.kind), column.may_be_none()));
        }
        fields.push(Arc::new(string("symbol")?));
        gathered.push(Gathered::new(Physical::BYTE_ARRAY, true));
        let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
        let file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build()))?;
        let row_bytes: usize = gathered.iter().map(Gathered::row_bytes).sum();
        let group_rows = (GROUP_BYTES / row_bytes.max(1)).clamp(1, GROUP_ROWS);
        Ok(Self { table, numbers, file, out, gathered, texts: Texts::default(), rows: 0, group_rows, total: 0 })
    }

    fn end_group(&mut self) -> Result<(), Refused> {
        let mut group = self.file.next_row_group()?;
        let mut gathered = self.gathered.iter_mut();
        while let (Some(mut column), Some(of)) = (group.next_column()?, gathered.next()) {
            let levels = of.levels.as_deref();
            match &of.values {
                Values::I32(values) => column.typed::<Int32Type>().write_batch(values, levels, None)?,
                Values::I64(values) => column.typed::<Int64Type>().write_batch(values, levels, None)?,
                Values::Text(values) => column.typed::<ByteArrayType>().write_batch(values, levels, None)?,
            };
            column.close()?;
        }
        group.close()?;
        self.gathered.iter_mut().for_each(Gathered::clear);
        self.texts.clear();
        self.rows = 0;
        self.hand_over()
    }

    /// What the crate has written goes out and is not kept.
    fn hand_over(&mut self) -> Result<(), Refused> {
        self.file.flush()?;
        let written = self.file.inner_mut();
        self.out.write_all(written)?;
        written.clear();
        Ok(())
    }
}

impl Rows for Parquet<'_> {
    fn row(&mut self, record: &[u8], symbol: Option<&str>) -> Result<(), Refused> {
        self.total += 1;
        let Some((of_symbol, of_columns)) = self.gathered.split_last_mut() else { return Ok(()) };
        for (column, gathered) in self.table.columns.iter().zip(of_columns) {
            match column.value(record) {
                Value::None => gathered.none(),
                Value::Signed(value) => gathered.number(value),
                // Unsigned in a signed column of the same width, as the format has it.
                Value::Unsigned(value) => gathered.number(value.cast_signed()),
                Value::Price(price) if !self.numbers.raw_prices && price.unsigned_abs() >= DECIMAL_LIMIT => {
                    return Err(Refused::out_of_range(column, self.total, "price", "--raw-prices"));
                }
                Value::Price(price) => gathered.number(price),
                Value::Time(time) => match i64::try_from(time) {
                    Err(_) if !self.numbers.raw_times => return Err(Refused::out_of_range(column, self.total, "time", "--raw-times")),
                    _ => gathered.number(time.cast_signed()),
                },
                Value::Letter(letter) => gathered.text(self.texts.of(super::letter(letter, &mut [0; 4]))),
                Value::Text(bytes) => gathered.text(self.texts.of(String::from_utf8_lossy(bytes).as_bytes())),
            }
        }
        match symbol {
            Some(symbol) => of_symbol.text(self.texts.of(symbol.as_bytes())),
            None => of_symbol.none(),
        }
        self.rows += 1;
        if self.rows == self.group_rows { self.end_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), Refused> {
        if self.rows > 0 {
            self.end_group()?;
        }
        self.file.finish()?;
        self.hand_over()?;
        self.out.flush()?;
        Ok(())
    }
}

impl Gathered {
    fn new(physical: Physical, may_be_none: bool) -> Self {
        let values = match physical {
            Physical::INT32 => Values::I32(Vec::new()),
            Physical::INT64 => Values::I64(Vec::new()),
            _ => Values::Text(Vec::new()),
        };
        Self { values, levels: may_be_none.then(Vec::new) }
    }

    fn row_bytes(&self) -> usize {
        let value = match self.values {
            Values::I32(_) => 4,
            Values::I64(_) => 8,
            // The handle; the text itself is shared by its rows, or else a few dozen bytes.
            Values::Text(_) => size_of::<ByteArray>() + 32,
        };
        value + if self.levels.is_some() { 2 } else { 0 }
    }

    #[inline]
    fn there(&mut self, level: i16) {
        if let Some(levels) = &mut self.levels {
            levels.push(level);
        }
    }

    #[inline]
    fn none(&mut self) {
        self.there(0);
    }

    #[inline]
    fn number(&mut self, value: i64) {
        self.there(1);
        match &mut self.values {
            // What is narrower was made wider, so nothing is lost.
            Values::I32(values) => values.push(value as i32),
            Values::I64(values) => values.push(value),
            Values::Text(_) => unreachable!("a column of numbers holds numbers"),
        }
    }

    #[inline]
    fn text(&mut self, text: ByteArray) {
        self.there(1);
        if let Values::Text(values) = &mut self.values {
            values.push(text);
        }
    }

    fn clear(&mut self) {
        match &mut self.values {
            Values::I32(values) => values.clear(),
            Values::I64(values) => values.clear(),
            Values::Text(values) => values.clear(),
        }
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
    }
}

/// The texts of the group under way, each allocated once: there are a few thousand symbols and millions of rows.
#[derive(Default)]
struct Texts {
    known: HashMap<Vec<u8>, ByteArray>,
    /// Letters are asked for several times in every row.
    letters: HashMap<u8, ByteArray>,
}

impl Texts {
    fn of(&mut self, text: &[u8]) -> ByteArray {
        if let [letter] = text {
            return self.letters.entry(*letter).or_insert_with(|| text.to_vec().into()).clone();
        }
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let new = ByteArray::from(text.to_vec());
        self.known.insert(text.to_vec(), new.clone());
        new
    }

    fn clear(&mut self) {
        self.known.clear();
    }
}

/// Times, ids and numbers of messages: each a little more than the one before, so their differences are stored.
fn counts_up(column: &Column) -> bool {
    matches!(column.kind, Kind::Time | Kind::U64) || column.name == "sequence"
}

fn physical(kind: Kind) -> Physical {
    match kind {
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::I8 | Kind::I16 | Kind::I32 => Physical::INT32,
        Kind::U64 | Kind::I64 | Kind::Price | Kind::Time => Physical::INT64,
        Kind::Letter | Kind::Text(_) | Kind::Padded(_) => Physical::BYTE_ARRAY,
    }
}

fn field(column: &Column, numbers: Numbers) -> Result<Type, ParquetError> {
    let builder = Type::primitive_type_builder(&column.name, physical(column.kind)).with_repetition(if column.may_be_none() {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    });
    let bits = (column.kind.width() * 8) as i8;
    match column.kind {
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => builder.with_logical_type(Some(LogicalType::integer(bits, false))),
        Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64 => builder.with_logical_type(Some(LogicalType::integer(bits, true))),
        Kind::Price if numbers.raw_prices => builder.with_logical_type(Some(LogicalType::integer(64, true))),
        Kind::Price => builder.with_precision(18).with_scale(9).with_logical_type(Some(LogicalType::decimal(9, 18))),
        Kind::Time if numbers.raw_times => builder.with_logical_type(Some(LogicalType::integer(64, false))),
        Kind::Time => builder.with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        Kind::Letter | Kind::Text(_) | Kind::Padded(_) => return string(&column.name),
    }
    .build()
}

fn string(name: &str) -> Result<Type, ParquetError> {
    Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::String))
        .build()
}

//! The inputs, one after the other, each by what it holds: a DBN file through its decoder, everything else through the pipeline.

use std::cell::{Cell, RefCell};
use std::path::Path;

use dbn::TsSymbolMap;

use super::columns::Table;
use super::dbn_file::{self, Content, DbnFile};
use super::{ConvertConfig, Output, Progress, Refused};
use crate::error::{Error, Exit};
use crate::plan::schemas_of;
use crate::record::tally::Tally;
use crate::record::{ChannelState, Control, Instrument, Record, Row, Schema, Sink, SinkFull};
use crate::replay::{self, ReplayConfig, Speed, Summary};

/// Records between questions whether to stop.
const ASK_EVERY: u64 = 1 << 12;

/// All inputs into `output`.
pub(super) fn all(
    config: &ConvertConfig,
    output: &mut Output<'_>,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let sizes: Vec<u64> = config.inputs.iter().map(|path| path.metadata().map_or(0, |there| there.len())).collect();
    let total_bytes = sizes.iter().sum();
    let mut before = 0;
    for (path, size) in config.inputs.iter().zip(sizes) {
        let mut progress = |read| progress(Progress { read_bytes: before + read, total_bytes });
        match dbn_file::content(path)? {
            Content::Other => recording(config, path, output, stop, &mut progress)?,
            Content::Dbz => {
                let why = "it is DBZ, the format before DBN";
                return Err(Error::new(Exit::Input, "", why, "make DBN of it with the official `dbn` tool").in_file(path));
            }
            content => dbn(config, (path, content), output, stop, &mut progress)?,
        }
        before += size;
        if stop() {
            break;
        }
    }
    Ok(())
}

// ── DBN files ──

fn dbn(
    config: &ConvertConfig,
    (path, content): (&Path, Content),
    output: &mut Output<'_>,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let mut file = DbnFile::open(path, content)?;
    let told = match content {
        Content::Fragment { rtype, .. } => Table::of_rtype(rtype).map(|table| table.name),
        _ => file.metadata.as_ref().and_then(|metadata| metadata.schema).map(|schema| schema.as_str()),
    };
    let is_fragment = file.metadata.is_none();
    let table = match (told.map(|name| (name, Table::of(name))), &config.table) {
        (Some((name, None)), _) => {
            return Err(file.refuse(format!("its records are of the schema {name}, which is not known here"), "use the official tool"));
        }
        (Some((name, Some(held))), Some(wanted)) if *wanted != held && !(is_fragment && wanted.rtype == held.rtype) => {
            return Err(file.refuse(format!("it holds {name}, and {} was asked for", wanted.name), "leave --schema out, or name its own"));
        }
        // A fragment does not tell quotes from trades with quotes.
        (_, Some(wanted)) => wanted.clone(),
        (Some((_, Some(table))), None) => table,
        (None, None) => return Err(file.refuse("it may hold records of several schemas", "name one with --schema")),
    };
    let ts_out = file.metadata.as_ref().is_some_and(|metadata| metadata.ts_out);
    let table = if ts_out { table.with_ts_out() } else { table };
    output.begin(&table, path)?;
    file.expect(table.rtype, table.size);
    let mut symbols = TsSymbolMap::new();
    if let Some(metadata) = &file.metadata {
        match metadata.symbol_map() {
            Ok(map) => symbols = map,
            Err(error) => output.remarks.push(format!("{}: symbols are left empty: {error}", path.display())),
        }
    }
    let mut others = 0_u64;
    loop {
        if file.records().is_multiple_of(ASK_EVERY) {
            progress(file.read_bytes());
            if stop() {
                return Ok(());
            }
        }
        let Some(record) = file.next()? else { break };
        let bytes = record.as_ref();
        let &[_, rtype, ..] = bytes else { continue };
        if rtype != table.rtype {
            others += 1;
            // A live file tells its symbols as it goes. One that cannot be read names no instrument.
            let _ = symbols.on_record(record);
            continue;
        }
        let symbol = symbols.get_for_ts(table.index_ns(bytes), record.header().instrument_id).map(String::as_str);
        if output.wants(symbol) {
            output.row(bytes, symbol).map_err(|refused| Error::from(refused).in_file(path))?;
        }
    }
    progress(file.read_bytes());
    if let Some(why) = file.truncation() {
        output.remarks.push(format!("{}: {why}; everything complete was converted", path.display()));
    }
    if others > 0 {
        output.remarks.push(format!("{}: {others} records are not {} and were left out", path.display(), table.name));
    }
    Ok(())
}

// ── captures and day files ──

fn recording(
    config: &ConvertConfig,
    path: &Path,
    output: &mut Output<'_>,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let refuse = |why: String, cure: String| Err(Error::new(Exit::Usage, "", why, cure).in_file(path));
    let Some(feed) = config.feed else {
        // What is no recording at all should not be asked for its feed.
        crate::source::file::open(path, crate::source::lines::Lines::learning(1), Some(0))
            .map_err(|error| Error::new(Exit::Input, error.what, error.why, "give a capture, a day file or a DBN file"))?;
        return refuse("a recording does not tell what it speaks".into(), "name its feed with --feed".into());
    };
    let told = schemas_of(feed);
    let names = || told.iter().map(|schema| schema.name()).collect::<Vec<_>>().join(", ");
    let Some(table) = &config.table else {
        return refuse("a recording becomes records of many schemas".into(), format!("name one with --schema: {}", names()));
    };
    let Some(schema) = table.schema.filter(|schema| told.contains(schema)) else {
        return refuse(format!("feed {} does not tell {}", feed.name(), table.name), format!("it tells {}", names()));
    };
    output.begin(table, path)?;
    let replay = ReplayConfig {
        file: path.to_owned(),
        feed,
        midnight_ns: config.midnight_ns,
        speed: Speed::Max,
        lines: config.lines.clone(),
        publish: None,
        dbn: None,
        capacity: config.capacity,
    };
    let failed = Cell::new(false);
    let shared = RefCell::new((output, None));
    let sink = Converting { output: &shared, failed: &failed, symbols: Vec::new(), schema };
    let driven =
        replay::through(&replay, &mut Tally::new(Some(sink), &[schema]), &|| failed.get() || stop(), &mut |at| progress(at.read_bytes))?;
    let (output, refused) = shared.into_inner();
    if let Some(refused) = refused {
        return Err(Error::from(refused).in_file(path));
    }
    output.remarks.extend(driven.remarks);
    output.remarks.extend(remarks(path, &driven.summary));
    Ok(())
}

/// What the rows do not say.
fn remarks(path: &Path, summary: &Summary) -> Vec<String> {
    let mut remarks = Vec::new();
    let file = path.display();
    if summary.gaps > 0 {
        let lost = summary.lost_messages;
        remarks.push(format!("{file}: {} gaps, {lost} messages lost: records after them say MAYBE_BAD_BOOK (flags & 4)", summary.gaps));
    }
    if summary.joined_late {
        remarks.push(format!("{file}: it does not begin with the session, so books are not whole: records say MAYBE_BAD_BOOK (flags & 4)"));
    }
    let dropped: Vec<String> = summary.dropped_by_reason.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if !dropped.is_empty() {
        remarks.push(format!("{file}: dropped: {}", dropped.join(", ")));
    }
    remarks
}

/// The sink at the end of the pipeline: every record a row.
struct Converting<'a, 'b, 'c> {
    output: &'a RefCell<(&'b mut Output<'c>, Option<Refused>)>,
    failed: &'a Cell<bool>,
    /// By row.
    symbols: Vec<String>,
    schema: Schema,
}

impl Converting<'_, '_, '_> {
    fn row<R: Record>(&self, record: &R, symbol: Option<&str>) {
        if R::SCHEMA != self.schema || self.failed.get() {
            return;
        }
        let (output, refused) = &mut *self.output.borrow_mut();
        if let Err(why) = output.row(record.as_bytes(), symbol) {
            *refused = Some(why);
            self.failed.set(true);
        }
    }
}

impl Sink for Converting<'_, '_, '_> {
    fn carries(&self, schema: Schema) -> bool {
        schema == self.schema
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        let symbol = crate::books_file::text(&instrument.symbol);
        if !self.output.borrow_mut().0.wants(Some(&symbol)) {
            return Ok(None);
        }
        let row = Row::try_from(self.symbols.len()).map_err(|_| SinkFull)?;
        self.symbols.push(symbol);
        Ok(Some(row))
    }

    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        self.row(record, self.symbols.get(row as usize).map(String::as_str));
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        let wanted = self.output.borrow_mut().0.wants(None);
        if wanted {
            self.row(record, None);
        }
    }

    fn control(&mut self, _: &Control) {}

    fn channel_state(&mut self, _: u16, _: ChannelState, _: u64) {}

    fn watermark(&mut self, _: u16, _: u64) {}

    fn commit(&mut self) {}

    fn new_epoch(&mut self) {
        // Rows are numbered anew.
        self.symbols.clear();
    }
}

//! What a replay saw, in counts: for people as a table, for programs as JSON.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use serde::Serialize;

use super::Queued;
use crate::channel::Channel;
use crate::dbn_files::WholeFile;
use crate::record::tally::Tally;
use crate::record::{Schema, Sink};
use crate::source::Source;
use crate::source::file::Recording;
use crate::sys::huge_pages::OnHugePages;

/// Counts of a whole replay.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Frames in the capture; 0 for a day file.
    pub frames: u64,
    /// UDP datagrams given to the channel; 0 for a day file, whose messages travelled in none.
    pub datagrams: u64,
    /// Messages delivered in sequence.
    pub messages: u64,
    /// The same by type byte (a character, or `0x..`; `empty` for messages of no bytes, which are legal).
    pub messages_by_type: BTreeMap<String, u64>,
    /// Heartbeats of the session layer.
    pub heartbeats: u64,
    /// Datagrams that brought nothing new.
    pub duplicates: u64,
    /// Datagrams of which a part was known already.
    pub overlaps: u64,
    /// Gaps that were given up.
    pub gaps: u64,
    /// Messages in those gaps.
    pub lost_messages: u64,
    /// Restarts of the publisher within a session.
    pub restarts: u64,
    /// Whether the first datagram's sequence was not 1.
    pub joined_late: bool,
    /// Instruments known at the end.
    pub instruments: u64,
    /// Orders live at the end.
    pub live_orders: u64,
    /// Price levels at the end.
    pub price_levels: u64,
    /// Bytes of the books, however full.
    pub books_bytes: u64,
    /// How much of them the kernel has put on huge pages, if it tells.
    pub books_huge_bytes: Option<u64>,
    /// Sizes of trades, auctions and levels too wide for a record, published as the largest.
    pub saturated_sizes: u64,
    /// Directory messages that told an instrument otherwise than before.
    pub definitions_changed: u64,
    /// Records by schema, control records not counted.
    pub records_by_schema: BTreeMap<&'static str, u64>,
    /// What the computing of windows counted, if there was one; what did not occur is left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<&'static str, u64>,
    /// What was dropped, by reason; reasons that did not occur are left out.
    pub dropped_by_reason: BTreeMap<&'static str, u64>,
    /// Files written, with `--dbn`.
    pub files: Vec<FileSummary>,
    /// Orders that were asked after, with `--queue`, and where they wait at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queued: Vec<Queued>,
    /// Whether the replay was stopped before the file's end: all counts are of that moment.
    pub stopped: bool,
    /// Whether the file ends in a cut record.
    pub capture_truncated: bool,
    /// How long the replay took, ns.
    pub elapsed_ns: u64,
}

/// A file that was written.
#[derive(Clone, Debug, Serialize)]
pub struct FileSummary {
    /// Where it is.
    pub path: PathBuf,
    /// Its schema.
    pub schema: &'static str,
    /// Records in it.
    pub records: u64,
    /// Bytes of it, compressed.
    pub bytes: u64,
}

impl Summary {
    pub(super) fn add_files(&mut self, whole: &[WholeFile]) {
        let summed = |file: &WholeFile| FileSummary {
            path: file.path.clone(),
            schema: file.schema.name(),
            records: file.records,
            bytes: file.bytes,
        };
        self.files.extend(whole.iter().map(summed));
    }

    pub(super) fn new<S: Sink>(channel: &Channel, sink: &Tally<S>, recording: &Recording, datagrams: u64, elapsed_ns: u64) -> Self {
        let arbiter = channel.arbiter();
        let empty = arbiter.messages.saturating_sub(channel.messages_by_type().iter().sum());
        let composer = channel.composer();
        let mut drops = channel.drops();
        drops.merge(recording.drops());
        let memory = composer.books().on_huge_pages();
        Self {
            books_bytes: memory.bytes,
            books_huge_bytes: memory.huge_bytes,
            frames: recording.frames(),
            datagrams: if recording.synthetic() { 0 } else { datagrams },
            messages: arbiter.messages,
            messages_by_type: channel
                .messages_by_type()
                .iter()
                .enumerate()
                .filter(|&(_, &count)| count > 0)
                .map(|(kind, &count)| (type_name(kind as u8), count))
                .chain((empty > 0).then(|| ("empty".to_owned(), empty)))
                .collect(),
            heartbeats: arbiter.heartbeats,
            duplicates: arbiter.duplicates,
            overlaps: arbiter.overlaps,
            gaps: arbiter.gaps,
            lost_messages: arbiter.lost_messages,
            restarts: arbiter.restarts,
            joined_late: arbiter.joined_late > 0,
            instruments: u64::from(composer.instruments()),
            live_orders: composer.books().live_orders(),
            price_levels: composer.books().price_levels(),
            saturated_sizes: composer.saturated(),
            definitions_changed: composer.definitions_changed(),
            records_by_schema: Schema::ALL.into_iter().map(|schema| (schema.name(), sink.records(schema))).collect(),
            windows: BTreeMap::new(),
            dropped_by_reason: drops.iter().map(|(reason, count)| (reason.name(), count)).collect(),
            files: Vec::new(),
            queued: Vec::new(),
            stopped: false,
            capture_truncated: recording.truncated(),
            elapsed_ns,
        }
    }
}

fn type_name(kind: u8) -> String {
    if kind.is_ascii_graphic() { (kind as char).to_string() } else { format!("0x{kind:02x}") }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let seconds = self.elapsed_ns as f64 / 1e9;
        let per_message = if self.messages == 0 { 0.0 } else { self.elapsed_ns as f64 / self.messages as f64 };
        writeln!(f, "{:<16} {} in {seconds:.3} s ({per_message:.0} ns each)", "messages", self.messages)?;
        let row = |f: &mut Formatter<'_>, name: &str, value: u64| writeln!(f, "{name:<16} {value}");
        row(f, "frames", self.frames)?;
        row(f, "datagrams", self.datagrams)?;
        row(f, "heartbeats", self.heartbeats)?;
        row(f, "duplicates", self.duplicates)?;
        row(f, "overlaps", self.overlaps)?;
        writeln!(f, "{:<16} {} ({} messages lost)", "gaps", self.gaps, self.lost_messages)?;
        row(f, "restarts", self.restarts)?;
        row(f, "instruments", self.instruments)?;
        row(f, "live orders", self.live_orders)?;
        row(f, "price levels", self.price_levels)?;
        let memory = OnHugePages { bytes: self.books_bytes, huge_bytes: self.books_huge_bytes };
        writeln!(f, "{:<16} {memory}", "books")?;
        list(f, "by type", self.messages_by_type.iter().map(|(name, &count)| (name.as_str(), count)))?;
        list(f, "records", self.records_by_schema.iter().map(|(&name, &count)| (name, count)))?;
        if !self.windows.is_empty() {
            list(f, "windows", self.windows.iter().map(|(&name, &count)| (name, count)))?;
        }
        if let Some(dir) = self.files.first().and_then(|file| file.path.parent()) {
            let (records, bytes): (u64, u64) = self.files.iter().fold((0, 0), |sum, file| (sum.0 + file.records, sum.1 + file.bytes));
            writeln!(f, "{:<16} {} with {records} records, {} KiB, in {}", "files", self.files.len(), bytes.div_ceil(1024), dir.display())?;
        }
        if self.saturated_sizes > 0 {
            row(f, "saturated sizes", self.saturated_sizes)?;
        }
        if self.definitions_changed > 0 {
            row(f, "redefinitions", self.definitions_changed)?;
        }
        list(f, "dropped", self.dropped_by_reason.iter().map(|(&name, &count)| (name, count)))?;
        self.queued.iter().try_for_each(|queued| writeln!(f, "{:<16} {queued}", "queue"))?;
        if self.joined_late {
            writeln!(f, "joined late: the first sequence was not 1, so books are not whole")?;
        }
        Ok(())
    }
}

fn list<'a>(f: &mut Formatter<'_>, title: &str, items: impl Iterator<Item = (&'a str, u64)>) -> std::fmt::Result {
    let items: Vec<String> = items.filter(|&(_, count)| count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    writeln!(f, "{title:<16} {}", if items.is_empty() { "none".to_owned() } else { items.join(", ") })
}

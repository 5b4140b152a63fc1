//! Where everything is in a publication file: the header and its section table.
//!
//! All values are little-endian 8-byte words. `docs/ring.md` describes every one of them; change both together, and
//! [`LAYOUT_VERSION`] with them. A reader takes one copy of the header, checks all of it, and from then on uses only the
//! checked copy: whatever happens to the file later cannot send it outside its mapping.

use crate::record::Schema;

/// `TICKWIRE` as it stands in memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TICKWIRE");
/// Version of this layout.
pub const LAYOUT_VERSION: u64 = 2;
/// Version of the DBN record layout in the rings.
pub const DBN_VERSION: u64 = 3;
/// Bytes of header and section table.
pub const HEADER_BYTES: usize = 4096;
/// Bytes of a cache line; every section starts on one.
pub const LINE: usize = 64;
/// Largest file that is believed.
const MAX_BYTES: u64 = 1 << 42;

/// Word numbers in the header.
pub mod word {
    /// The magic; written last.
    pub const MAGIC: usize = 0;
    /// Layout version.
    pub const LAYOUT_VERSION: usize = 1;
    /// DBN version.
    pub const DBN_VERSION: usize = 2;
    /// Length of the file in bytes.
    pub const BYTES: usize = 3;
    /// Number of the epoch.
    pub const EPOCH: usize = 4;
    /// When the file was made, ns since 1970 UTC.
    pub const CREATED_NS: usize = 5;
    /// Process id of the writer.
    pub const PID: usize = 6;
    /// How many sections there are.
    pub const SECTIONS: usize = 7;
    /// Heartbeat, ns since 1970 UTC; on a line of its own with the state.
    pub const HEARTBEAT_NS: usize = 16;
    /// See [`super::file_state`].
    pub const STATE: usize = 17;
    /// First word of the section table.
    pub const TABLE: usize = 32;
}

/// Values of the header's state word.
pub mod file_state {
    /// Being written.
    pub const LIVE: u64 = 0;
    /// The writer ended; nothing more will come.
    pub const CLOSED: u64 = 1;
    /// The writer went on in a new file of this name.
    pub const REPLACED: u64 = 2;
}

/// Words of one entry of the section table.
pub const ENTRY_WORDS: usize = 8;
const MAX_SECTIONS: usize = (HEADER_BYTES / 8 - word::TABLE) / ENTRY_WORDS;

/// Kinds of sections.
pub mod kind {
    /// A ring: a line with the cursor, then the slots.
    pub const RING: u64 = 1;
    /// A board: one cell per row of the instruments table, or several next to each other ([`Schema::cells`]).
    pub const BOARD: u64 = 2;
    /// The instruments table: a line with the count, then rows.
    pub const INSTRUMENTS: u64 = 3;
    /// The channel table: rows.
    pub const CHANNELS: u64 = 4;
    /// Counters: rows.
    pub const COUNTERS: u64 = 5;
}

/// Words of a row of the instruments, channel and counter tables: one line.
pub const ROW_WORDS: usize = LINE / 8;
/// Bytes of a name or symbol in these tables, padded with zeros (names) or spaces (symbols).
pub const NAME_BYTES: usize = 32;

/// Smallest and largest depth of a ring.
pub const DEPTHS: std::ops::RangeInclusive<u64> = 16..=1 << 32;
/// Largest number of instruments.
pub const MAX_INSTRUMENTS: u64 = 1 << 24;
/// Largest number of channels and of counters.
pub const MAX_ROWS: u64 = 1 << 16;

/// One entry of the section table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// See [`kind`].
    pub kind: u64,
    /// Record type, for rings and boards; else 0.
    pub rtype: u64,
    /// Where it begins, in bytes from the start of the file; a multiple of 64.
    pub offset: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// Slots, cells or rows.
    pub count: u64,
    /// Bytes of one slot, cell or row.
    pub stride: u64,
    /// Bytes of one record, for rings and boards; else 0.
    pub record_size: u64,
}

impl Section {
    fn of(kind: u64, schema: Option<Schema>, count: u64) -> Self {
        let head = if matches!(kind, kind::RING | kind::INSTRUMENTS) { LINE as u64 } else { 0 };
        let stride = schema.map_or(LINE, Schema::slot_size) as u64;
        Self {
            kind,
            rtype: schema.map_or(0, |schema| u64::from(schema.rtype())),
            offset: 0,
            bytes: head + count * stride,
            count,
            stride,
            record_size: schema.map_or(0, |schema| schema.record_size() as u64),
        }
    }

    /// First word of the section in the file.
    pub fn at(&self) -> usize {
        (self.offset / 8) as usize
    }

    /// Its length in words.
    pub fn words(&self) -> usize {
        (self.bytes / 8) as usize
    }

    fn entry(&self) -> [u64; ENTRY_WORDS] {
        [self.kind, self.rtype, self.offset, self.bytes, self.count, self.stride, self.record_size, 0]
    }
}

/// A ring and its board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSections {
    /// What travels in it.
    pub schema: Schema,
    /// The ring.
    pub ring: Section,
    /// The board.
    pub board: Section,
}

/// Where everything is in a file: made from numbers that are right, or checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Length of the file.
    pub bytes: u64,
    /// Rings with their boards.
    pub rings: Vec<RingSections>,
    /// The instruments table.
    pub instruments: Section,
    /// The channel table.
    pub channels: Section,
    /// The counters.
    pub counters: Section,
}

impl Layout {
    /// Lays out a file. The numbers must be within the limits above (the publication's specification checks them).
    pub fn plan(rings: &[(Schema, u64)], instruments: u64, channels: u64, counters: u64) -> Self {
        let mut end = HEADER_BYTES as u64;
        let mut place = |mut section: Section| {
            section.offset = end;
            end += section.bytes;
            section
        };
        let instruments_at = place(Section::of(kind::INSTRUMENTS, None, instruments));
        let channels = place(Section::of(kind::CHANNELS, None, channels));
        let counters = place(Section::of(kind::COUNTERS, None, counters));
        let rings = rings
            .iter()
            .map(|&(schema, depth)| RingSections {
                schema,
                ring: place(Section::of(kind::RING, Some(schema), depth)),
                board: place(Section::of(kind::BOARD, Some(schema), instruments * u64::from(schema.cells()))),
            })
            .collect();
        Self { bytes: end.next_multiple_of(4096), rings, instruments: instruments_at, channels, counters }
    }

    /// The words of the section table, and how many sections it has.
    pub fn table(&self) -> (u64, Vec<u64>) {
        let rings = self.rings.iter().flat_map(|ring| [ring.ring, ring.board]);
        let sections: Vec<_> = [self.instruments, self.channels, self.counters].into_iter().chain(rings).collect();
        (sections.len() as u64, sections.iter().flat_map(Section::entry).collect())
    }

    /// Checks a header (its [`HEADER_BYTES`], or fewer if the file is that short) of a file of `file_bytes`.
    pub fn check(head: &[u8], file_bytes: u64) -> Result<Self, String> {
        if head.len() < HEADER_BYTES {
            return Err(format!("it has {} bytes, less than a header's {HEADER_BYTES}", head.len()));
        }
        let words: Vec<u64> = head.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect();
        let word = |at: usize| words.get(at).copied().unwrap_or(0);
        if word(word::MAGIC) != MAGIC {
            return Err("it does not begin with TICKWIRE".into());
        }
        let expect = |what: &str, is: u64, ours: u64| match is == ours {
            true => Ok(()),
            false => Err(format!("{what} is {is}, this version knows {ours}; use the same version as the writer")),
        };
        expect("layout version", word(word::LAYOUT_VERSION), LAYOUT_VERSION)?;
        expect("DBN version", word(word::DBN_VERSION), DBN_VERSION)?;
        let bytes = word(word::BYTES);
        if bytes != file_bytes || bytes > MAX_BYTES {
            return Err(format!("its header says {bytes} bytes, but the file has {file_bytes}"));
        }
        let count = word(word::SECTIONS);
        if count > MAX_SECTIONS as u64 {
            return Err(format!("{count} sections, more than the {MAX_SECTIONS} that fit"));
        }
        let entries = words.get(word::TABLE..).unwrap_or_default().as_chunks::<ENTRY_WORDS>().0;
        let sections: Vec<Section> = entries
            .iter()
            .take(count as usize)
            .map(|&[kind, rtype, offset, bytes, count, stride, record_size, _]| Section {
                kind,
                rtype,
                offset,
                bytes,
                count,
                stride,
                record_size,
            })
            .collect();
        Self::assemble(bytes, &sections)
    }

    fn assemble(bytes: u64, sections: &[Section]) -> Result<Self, String> {
        for (index, section) in sections.iter().enumerate() {
            check_section(section, bytes).map_err(|why| format!("section {index}: {why}"))?;
        }
        let mut by_offset: Vec<_> = sections.iter().collect();
        by_offset.sort_by_key(|section| section.offset);
        if let Some(pair) = by_offset.windows(2).find(|pair| pair[0].offset + pair[0].bytes > pair[1].offset) {
            return Err(format!("the sections at {} and {} overlap", pair[0].offset, pair[1].offset));
        }
        let the_only = |kind: u64, name: &str| {
            let mut of_kind = sections.iter().filter(|section| section.kind == kind);
            match (of_kind.next(), of_kind.next()) {
                (Some(&section), None) => Ok(section),
                _ => Err(format!("not exactly one {name} section")),
            }
        };
        let instruments = the_only(kind::INSTRUMENTS, "instruments")?;
        let channels = the_only(kind::CHANNELS, "channels")?;
        let counters = the_only(kind::COUNTERS, "counters")?;
        let mut rings: Vec<RingSections> = Vec::new();
        for &ring in sections.iter().filter(|section| section.kind == kind::RING) {
            let schema = schema_of(&ring)?;
            let mut boards = sections.iter().filter(|section| section.kind == kind::BOARD && section.rtype == ring.rtype);
            let (Some(&board), None) = (boards.next(), boards.next()) else {
                return Err(format!("not exactly one board for the {} ring", schema.name()));
            };
            if board.count != instruments.count * u64::from(schema.cells()) {
                return Err(format!("the {} board has {} cells for {} instruments", schema.name(), board.count, instruments.count));
            }
            if rings.iter().any(|other| other.schema == schema) {
                return Err(format!("two {} rings", schema.name()));
            }
            rings.push(RingSections { schema, ring, board });
        }
        if sections.iter().filter(|section| section.kind == kind::BOARD).count() != rings.len() {
            return Err("a board without a ring".into());
        }
        Ok(Self { bytes, rings, instruments, channels, counters })
    }
}

fn schema_of(section: &Section) -> Result<Schema, String> {
    let known = Schema::ALL.into_iter().find(|schema| u64::from(schema.rtype()) == section.rtype);
    known.ok_or_else(|| format!("record type {:#x} is not known; use the same version as the writer", section.rtype))
}

fn check_section(section: &Section, file_bytes: u64) -> Result<(), String> {
    let &Section { kind, offset, bytes, count, stride, record_size, .. } = section;
    let (schema, most) = match kind {
        kind::RING => (Some(schema_of(section)?), *DEPTHS.end()),
        kind::BOARD => {
            let schema = schema_of(section)?;
            (Some(schema), MAX_INSTRUMENTS * u64::from(schema.cells()))
        }
        kind::INSTRUMENTS => (None, MAX_INSTRUMENTS),
        kind::CHANNELS | kind::COUNTERS => (None, MAX_ROWS),
        _ => return Err(format!("kind {kind} is not known; use the same version as the writer")),
    };
    if count > most {
        return Err(format!("count {count} is above {most}"));
    }
    if kind == kind::RING && !(DEPTHS.contains(&count) && count.is_power_of_two()) {
        return Err(format!("ring depth {count} is no power of two from {} on", DEPTHS.start()));
    }
    let ours = Section::of(kind, schema, count);
    if stride != ours.stride || record_size != ours.record_size || bytes != ours.bytes {
        return Err(format!(
            "record size {record_size}, stride {stride}, {bytes} bytes for {count}; this version knows {}, {}, {}",
            ours.record_size, ours.stride, ours.bytes
        ));
    }
    if offset < HEADER_BYTES as u64 || offset % LINE as u64 != 0 || offset.checked_add(bytes).is_none_or(|end| end > file_bytes) {
        return Err(format!("{bytes} bytes at offset {offset} are not on lines inside the file's {file_bytes}"));
    }
    Ok(())
}

/// Packs a name into the words of a table row, cut at [`NAME_BYTES`] and padded.
pub fn pack_name(name: &[u8], pad: u8) -> [u64; NAME_BYTES / 8] {
    let mut bytes = [pad; NAME_BYTES];
    for (to, &from) in bytes.iter_mut().zip(name) {
        *to = from;
    }
    let mut words = [0; NAME_BYTES / 8];
    for (word, &chunk) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(chunk);
    }
    words
}

/// The text of a packed name: padding taken off, what is not printable ASCII replaced.
pub fn unpack_name(words: [u64; NAME_BYTES / 8]) -> String {
    let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    bytes.iter().take(end).map(|&byte| if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '?' }).collect()
}

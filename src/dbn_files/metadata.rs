//! The metadata at the beginning of a file: dataset, schema, span of time, and which symbol each id stands for.
//!
//! DBN maps symbols to ids by days (UTC), start inclusive, end exclusive; a file of ours is of one day, so each id has one interval.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use dbn::encode::dbn::MetadataEncoder;
use dbn::{MappingInterval, Metadata, SType, SymbolMapping};

use crate::feed::Depth;
use crate::feed::name::FeedName;
use crate::record::Schema;

/// DBN's name of what a feed tells. It has none for IEX DEEP, whose records have TOPS's publisher id: ours is `IEXG.DEEP`, in the same manner.
pub fn dataset(feed: FeedName) -> &'static str {
    match (feed.publisher_id(), feed.depth()) {
        (2, _) => "XNAS.ITCH",
        (3, _) => "XBOS.ITCH",
        (4, _) => "XPSX.ITCH",
        (_, Depth::Top) => "IEXG.TOPS",
        (_, _) => "IEXG.DEEP",
    }
}

/// What a file's metadata is made of.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub dataset: &'a str,
    pub schema: Schema,
    /// Times of the earliest and the latest record, ns since 1970 UTC.
    pub span_ns: (u64, u64),
    pub symbols: &'a [(u32, String)],
}

/// The metadata as bytes, uncompressed.
pub(super) fn encode(told: &Told<'_>) -> Result<Vec<u8>, String> {
    let (first_ns, last_ns) = (told.span_ns.0.min(told.span_ns.1), told.span_ns.1);
    let schema: dbn::Schema = told.schema.name().parse().map_err(|error: dbn::Error| error.to_string())?;
    let mut metadata = Metadata::builder()
        .version(3)
        .dataset(told.dataset)
        .schema(Some(schema))
        .start(first_ns)
        .end(NonZeroU64::new(last_ns))
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .build();
    let first_day = metadata.start().date();
    let last_day = metadata.end().map_or(first_day, |last| last.date());
    let day_after = last_day.next_day().unwrap_or(last_day);
    let mut by_symbol: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (id, symbol) in told.symbols {
        by_symbol.entry(symbol).or_default().push(*id);
    }
    let interval = |id: &u32| MappingInterval { start_date: first_day, end_date: day_after, symbol: id.to_string() };
    metadata.symbols = by_symbol.keys().map(|&symbol| symbol.to_owned()).collect();
    metadata.mappings = by_symbol
        .iter()
        .map(|(&symbol, ids)| SymbolMapping { raw_symbol: symbol.to_owned(), intervals: ids.iter().map(interval).collect() })
        .collect();
    // An end is exclusive, as a query's is.
    metadata.end = NonZeroU64::new(last_ns.saturating_add(1));
    let mut bytes = Vec::with_capacity(MetadataEncoder::<Vec<u8>>::encoded_len(&metadata));
    MetadataEncoder::new(&mut bytes).encode(&metadata).map_err(|error| error.to_string())?;
    Ok(bytes)
}

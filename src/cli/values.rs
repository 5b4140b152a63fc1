//! Values as people type them: feeds, dates, lines.

use std::net::Ipv4Addr;

use crate::convert::Table;
use crate::error::did_you_mean;
use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::record::Schema;
use crate::source::lines::LineKey;

/// `nasdaq-itch` and its like.
pub(super) fn feed(text: &str) -> Result<FeedName, String> {
    FeedName::from_name(text).ok_or_else(|| unknown("feed", text, FeedName::ALL.map(FeedName::name)))
}

/// `YYYY-MM-DD`, in New York.
pub(super) fn date(text: &str) -> Result<VenueDate, String> {
    VenueDate::parse(text).map_err(|error| error.to_string())
}

/// `mbp-1` and its like.
pub(super) fn schema(text: &str) -> Result<Schema, String> {
    Schema::from_name(text).ok_or_else(|| unknown("schema", text, Schema::ALL.map(Schema::name)))
}

/// A schema that can be a table: ours, and those that only DBN files have.
pub(super) fn table(text: &str) -> Result<Table, String> {
    Table::of(text).ok_or_else(|| unknown("schema", text, Table::NAMES))
}

fn unknown<const N: usize>(kind: &str, text: &str, names: [&'static str; N]) -> String {
    let near = did_you_mean(text, names).map_or("there is: ".to_owned(), |near| format!("did you mean `{near}`? There is: "));
    format!("no such {kind}; {near}{}", names.join(", "))
}

/// `GROUP:PORT`.
pub(super) fn line(text: &str) -> Result<LineKey, String> {
    let (group, port) = text.split_once(':').ok_or("say GROUP:PORT, as in 239.192.1.1:26400")?;
    let group: Ipv4Addr = group.parse().map_err(|_| format!("`{group}` is no IPv4 address; write it as 239.192.1.1:26400"))?;
    let port = port.parse().ok().filter(|&port| port > 0).ok_or_else(|| format!("`{port}` is no port; use 1 to 65535"))?;
    Ok(LineKey { group, port })
}

/// `SYMBOL:ORDER`; a symbol may hold a colon itself.
pub(super) fn order(text: &str) -> Result<(String, u64), String> {
    let (symbol, order) = text.rsplit_once(':').ok_or("say SYMBOL:ORDER, as in AAPL:123456")?;
    let order = order.parse().map_err(|_| format!("`{order}` is no order reference; write a number, as in AAPL:123456"))?;
    Ok((symbol.to_owned(), order))
}

/// Slots of a ring.
pub(super) fn ring_depth(text: &str) -> Result<u64, String> {
    let depths = 64..=1 << 28;
    let depth = text.parse().ok().filter(|depth: &u64| depth.is_power_of_two() && depths.contains(depth));
    depth.ok_or_else(|| format!("no depth for a ring; use a power of two from {} to {}", depths.start(), depths.end()))
}

//! Values as people type them: feeds, dates, lines.

use std::net::Ipv4Addr;

use crate::feed::name::FeedName;
use crate::feed::venue_time::VenueDate;
use crate::record::Schema;
use crate::source::lines::LineKey;

/// `nasdaq-itch` and its like.
pub(super) fn feed(text: &str) -> Result<FeedName, String> {
    let names: Vec<&str> = FeedName::ALL.iter().map(|feed| feed.name()).collect();
    FeedName::from_name(text).ok_or_else(|| format!("no such feed; there is {}", names.join(", ")))
}

/// `YYYY-MM-DD`, in New York.
pub(super) fn date(text: &str) -> Result<VenueDate, String> {
    VenueDate::parse(text).map_err(|error| error.to_string())
}

/// `mbp-1` and its like.
pub(super) fn schema(text: &str) -> Result<Schema, String> {
    let names: Vec<&str> = Schema::ALL.iter().map(|schema| schema.name()).collect();
    Schema::from_name(text).ok_or_else(|| format!("no such schema; there is {}", names.join(", ")))
}

/// `GROUP:PORT`.
pub(super) fn line(text: &str) -> Result<LineKey, String> {
    let (group, port) = text.split_once(':').ok_or("say GROUP:PORT, as in 239.192.1.1:26400")?;
    let group: Ipv4Addr = group.parse().map_err(|_| format!("`{group}` is no IPv4 address"))?;
    let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
    Ok(LineKey { group, port })
}

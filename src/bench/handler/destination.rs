//! Where a made-up session goes, if somebody's own configuration takes it: to a channel that the configuration has, in that channel's feed.

use std::path::Path;

use crate::config::{Channel, ConfigFile};
use crate::error::{Error, Exit};
use crate::feed::name::FeedName;
use crate::source::lines::LineKey;

/// The feed and the first line of the configuration's first channel of an ITCH feed; of `feed` and with `line`, where they are given.
///
/// # Errors
/// It is no configuration, or has no such channel: sessions of other feeds cannot be made up.
pub fn destination(path: &Path, feed: Option<FeedName>, line: Option<LineKey>) -> Result<(FeedName, LineKey), Error> {
    let file = ConfigFile::read(path)?;
    let lines = |channel: &Channel| {
        let key = |line: &crate::config::Line| LineKey { group: *line.group.get_ref(), port: *line.port.get_ref() };
        channel.line.iter().map(key).collect::<Vec<_>>()
    };
    let mut speaks = Vec::new();
    for channel in &file.config.channel {
        let Some(speaks_feed) = FeedName::from_name(channel.feed.get_ref()) else { continue };
        speaks.push(speaks_feed.name());
        let is_wanted = speaks_feed.itch_market().is_some() && feed.is_none_or(|feed| feed == speaks_feed);
        let line = lines(channel).into_iter().find(|&key| line.is_none_or(|line| line == key)).filter(|_| is_wanted);
        if let Some(line) = line {
            return Ok((speaks_feed, line));
        }
    }
    speaks.sort_unstable();
    speaks.dedup();
    let wanted = feed.map_or("an ITCH feed", FeedName::name);
    let with_line = line.map_or_else(String::new, |line| format!(" with line {line}"));
    let has = if speaks.is_empty() { "no channel of a known feed".to_owned() } else { format!("channels of {}", speaks.join(", ")) };
    let (what, cure) = if feed.is_none() && line.is_none() {
        let recording = speaks.first().copied().unwrap_or("FEED");
        ("a made-up session needs a channel of an ITCH feed", format!("replay a recording instead of --generate: FILE --feed {recording}"))
    } else {
        ("the made-up session has no channel to go to", "leave out --feed and --line to take the first ITCH channel there is".to_owned())
    };
    Err(Error::new(Exit::Config, what, format!("it has {has}, none of {wanted}{with_line}"), cure).in_file(path))
}

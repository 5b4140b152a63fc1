//! Publications: rings, channels and room, each written by exactly one lane.

use toml::Spanned;

use super::computed::{self, ComputedPlan};
use super::names::{choices, unique};
use super::{Host, ImagePlan, LanePlan, images};
use crate::config::{self, ConfigFile};
use crate::error::Error;
use crate::feed::name::FeedName;
use crate::record::Schema;
use crate::shm::{ChannelSpec, PublicationSpec, RingSpec};

/// Longest symbol of our feeds (stock directory, TOPS): 8 bytes, padded with spaces.
const SYMBOL_BYTES: usize = 8;

/// Room for instruments, unless the configuration says otherwise.
const DEFAULT_INSTRUMENTS: u32 = 16_384;

/// Slots of a ring whose depth is left open: from the burst each has to hold (facts: a busy second is about 1 M order events).
pub const fn default_depth(schema: Schema) -> u64 {
    match schema {
        Schema::Mbo => 1 << 20,
        Schema::Mbp10 => 1 << 17,
        Schema::Definition => 1 << 15,
        Schema::Ohlcv1H | Schema::Ohlcv1D | Schema::Latency => 1 << 16,
        _ => 1 << 18,
    }
}

/// Schemas a feed has something to say in.
pub fn schemas_of(feed: FeedName) -> &'static [Schema] {
    match feed {
        FeedName::NasdaqItch | FeedName::BxItch | FeedName::PsxItch => &Schema::TOLD,
        FeedName::IexDeep => &[
            Schema::Mbp1,
            Schema::Mbp10,
            Schema::Trades,
            Schema::Status,
            Schema::Imbalance,
            Schema::Statistics,
            Schema::Definition,
            Schema::Venue,
        ],
        FeedName::IexTops => {
            &[Schema::Mbp1, Schema::Trades, Schema::Status, Schema::Imbalance, Schema::Statistics, Schema::Definition, Schema::Venue]
        }
    }
}

pub(super) fn plan(file: &ConfigFile, host: &Host, lanes: &mut [LanePlan]) -> Result<(Vec<ComputedPlan>, Vec<ImagePlan>), Error> {
    let config = &file.config;
    unique(file, "publication", "publication.name", config.publication.iter().map(|publication| &publication.name))?;
    for channel in &config.channel {
        if !config.publication.iter().any(|publication| publication.name.get_ref() == channel.publication.get_ref()) {
            return Err(file.refuse(
                channel.publication.span(),
                "channel.publication",
                format_args!(
                    "channel `{}` goes to publication `{}`, and there is no such [[publication]]",
                    channel.name.get_ref(),
                    channel.publication.get_ref()
                ),
                choices(channel.publication.get_ref(), config.publication.iter().map(|p| p.name.get_ref().as_str())),
            ));
        }
    }
    computed::misplaced(file)?;
    if config.service.publication_dir.as_os_str().is_empty() {
        let cure = "name a directory on a tmpfs, such as /dev/shm/tickwire";
        return Err(file.refuse(0..0, "service.publication_dir", "it is empty", cure));
    }
    let mut bytes = 0;
    for publication in config.publication.iter().filter(|publication| publication.of.is_none()) {
        let lane = writer(file, publication)?;
        let spec = spec(file, publication, channels_of(file, publication), DEFAULT_INSTRUMENTS)?;
        // Two: a new session is a new file while readers still hold the old one.
        bytes += 2 * spec.bytes();
        let at = lanes.iter().position(|planned| planned.name == lane).unwrap_or(0);
        let index = lanes[at].publications.len();
        lanes[at].publications.push(spec);
        for (number, channel) in members(file, publication).enumerate() {
            let planned = lanes[at].channels.iter_mut().find(|planned| planned.name == *channel.name.get_ref());
            if let Some(planned) = planned {
                planned.publication = index;
                planned.config.index = number as u16;
            }
        }
    }
    let mut computed = Vec::new();
    for publication in &config.publication {
        if let Some(of) = &publication.of {
            let planned = computed::plan(file, publication, of, lanes)?;
            bytes += 2 * planned.spec.bytes();
            computed.push(planned);
        }
    }
    let images = images::plan(file, lanes)?;
    bytes += images::bytes(&images);
    match host.shm_free_bytes {
        Some(free) if bytes > free => Err(file.refuse(
            0..0,
            "service.publication_dir",
            format_args!(
                "the publications need {} MiB in {} (twice their size: a new session is a new file{}), and {} MiB are free",
                bytes.div_ceil(1 << 20),
                config.service.publication_dir.display(),
                if images.is_empty() { "" } else { "; and two images of full books" },
                free >> 20
            ),
            "make rings or `instruments` smaller, remove files left there, or mount a larger tmpfs",
        )),
        _ => Ok((computed, images)),
    }
}

fn members<'a>(file: &'a ConfigFile, publication: &'a config::Publication) -> impl Iterator<Item = &'a config::Channel> {
    file.config.channel.iter().filter(|channel| channel.publication.get_ref() == publication.name.get_ref())
}

/// The one lane that writes it.
fn writer<'a>(file: &'a ConfigFile, publication: &'a config::Publication) -> Result<&'a str, Error> {
    let name = publication.name.get_ref();
    let mut members = members(file, publication);
    let Some(first) = members.next() else {
        return Err(file.refuse(
            publication.name.span(),
            "publication.name",
            format_args!("no channel goes to publication `{name}`: it would stay empty"),
            "name it in a [[channel]], or remove it",
        ));
    };
    for other in members {
        if other.lane.get_ref() != first.lane.get_ref() {
            return Err(file.refuse(
                other.lane.span(),
                "channel.lane",
                format_args!(
                    "publication `{name}` would be written by lane `{}` (channel `{}`) and by lane `{}` (channel `{}`)",
                    first.lane.get_ref(),
                    first.name.get_ref(),
                    other.lane.get_ref(),
                    other.name.get_ref()
                ),
                "a publication has one writer: put both channels into one lane, or give each its own publication",
            ));
        }
    }
    one_feed_a_publisher(file, publication)?;
    Ok(first.lane.get_ref())
}

/// Records name their feed by its DBN publisher alone: two feeds of one publisher (TOPS and DEEP) could not be told apart.
fn one_feed_a_publisher(file: &ConfigFile, publication: &config::Publication) -> Result<(), Error> {
    let mut met: Vec<(FeedName, &str)> = Vec::new();
    for channel in members(file, publication) {
        let Some(feed) = FeedName::from_name(channel.feed.get_ref()) else { continue };
        if let Some((other, first)) = met.iter().find(|(other, _)| *other != feed && other.publisher_id() == feed.publisher_id()) {
            return Err(file.refuse(
                channel.publication.span(),
                "channel.publication",
                format_args!(
                    "channel `{}` ({feed}) and channel `{first}` ({other}) go to publication `{}`, and both feeds are publisher {} in every record",
                    channel.name.get_ref(),
                    publication.name.get_ref(),
                    feed.publisher_id()
                ),
                "give each a publication of its own: readers could not tell their records apart",
            ));
        }
        met.push((feed, channel.name.get_ref()));
    }
    Ok(())
}

fn channels_of(file: &ConfigFile, publication: &config::Publication) -> Vec<ChannelSpec> {
    members(file, publication)
        .filter_map(|channel| {
            let publisher_id = FeedName::from_name(channel.feed.get_ref())?.publisher_id();
            Some(ChannelSpec { name: channel.name.get_ref().clone(), publisher_id })
        })
        .collect()
}

/// With the channels of its own, or of the publication it is computed from.
pub(super) fn spec(
    file: &ConfigFile,
    publication: &config::Publication,
    channels: Vec<ChannelSpec>,
    default_instruments: u32,
) -> Result<PublicationSpec, Error> {
    let name = publication.name.get_ref();
    let mut rings: Vec<RingSpec> = Vec::new();
    for ring in &publication.ring {
        rings.push(self::ring(file, publication, ring, &rings)?);
    }
    if rings.is_empty() {
        return Err(file.refuse(
            publication.name.span(),
            "publication.ring",
            format_args!("publication `{name}` has no ring"),
            "add one [[publication.ring]] for each schema wanted",
        ));
    }
    let instruments = publication.instruments.as_ref().map_or(default_instruments, |instruments| *instruments.get_ref());
    if !(1..=1 << 20).contains(&instruments) {
        return Err(file.refuse(
            publication.instruments.as_ref().map_or(0..0, Spanned::span),
            "publication.instruments",
            format_args!("{instruments} is out of range"),
            "use 1 to 1048576; a US equity feed has about 12,000",
        ));
    }
    let spec = PublicationSpec {
        dir: file.config.service.publication_dir.clone(),
        name: name.clone(),
        rings,
        channels,
        instruments,
        symbols: symbols(file, publication)?,
        counters: crate::lane::counters::names(),
        gates: 0,
    };
    // The writer's own word: what it would refuse at the start is refused here, with the line.
    spec.check().map_err(|error| file.refuse(publication.name.span(), "publication.name", error, ""))?;
    Ok(spec)
}

/// The symbol filter, each entry one that a feed can have.
fn symbols(file: &ConfigFile, publication: &config::Publication) -> Result<Option<Vec<String>>, Error> {
    let Some(written) = &publication.symbols else { return Ok(None) };
    let key = "publication.symbols";
    if written.get_ref().is_empty() {
        return Err(file.refuse(
            written.span(),
            key,
            "the list is empty: nothing would be published",
            "name symbols, or leave the key out for all",
        ));
    }
    let mut symbols = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for symbol in written.get_ref() {
        let text = symbol.get_ref();
        if !(1..=SYMBOL_BYTES).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(file.refuse(
                symbol.span(),
                key,
                format_args!("no instrument can have the symbol `{text}`"),
                format_args!("write it as the feed does: 1 to {SYMBOL_BYTES} printable characters, without padding"),
            ));
        }
        if !seen.insert(text) {
            return Err(file.refuse(symbol.span(), key, format_args!("`{text}` is named twice"), "remove one"));
        }
        symbols.push(text.clone());
    }
    Ok(Some(symbols))
}

fn names(schemas: &[Schema]) -> String {
    schemas.iter().map(|schema| schema.name()).collect::<Vec<_>>().join(", ")
}

fn ring(file: &ConfigFile, publication: &config::Publication, ring: &config::Ring, before: &[RingSpec]) -> Result<RingSpec, Error> {
    let written = ring.schema.get_ref();
    let refuse = |span, key, what: String, cure: String| Err(file.refuse(span, key, what, cure));
    let Some(schema) = Schema::from_name(written) else {
        return refuse(
            ring.schema.span(),
            "publication.ring.schema",
            format!("there is no schema `{written}`"),
            choices(written, Schema::ALL.iter().map(|schema| schema.name())),
        );
    };
    if before.iter().any(|other| other.schema == schema) {
        return refuse(
            ring.schema.span(),
            "publication.ring.schema",
            format!("publication `{}` has two rings for {written}", publication.name.get_ref()),
            "remove one: any number of readers can share a ring".to_owned(),
        );
    }
    let computed = Schema::COMPUTED.contains(&schema);
    if computed != publication.of.is_some() {
        let (what, cure) = if computed {
            ("is computed from another publication's rings", "put it into a [[publication]] of its own, with `of` naming that publication")
        } else if Schema::MEASURED.contains(&schema) {
            ("is what a lane measures of itself, and this publication is computed", "put the ring into the publication that `of` names")
        } else {
            ("comes from a feed, and this publication is computed", "put the ring into the publication that `of` names")
        };
        return refuse(ring.schema.span(), "publication.ring.schema", format!("{written} {what}"), cure.to_owned());
    }
    for channel in members(file, publication) {
        if let Some(feed) = FeedName::from_name(channel.feed.get_ref())
            && !schemas_of(feed).contains(&schema)
            && !Schema::MEASURED.contains(&schema)
        {
            return refuse(
                ring.schema.span(),
                "publication.ring.schema",
                format!("{written} would stay empty: feed {} of channel `{}` does not tell it", feed.name(), channel.name.get_ref()),
                format!("remove the ring; {} tells {}", feed.name(), names(schemas_of(feed))),
            );
        }
    }
    let depth = match &ring.depth {
        None => default_depth(schema),
        Some(depth) => checked_depth(file, depth)?,
    };
    Ok(RingSpec { schema, depth })
}

fn checked_depth(file: &ConfigFile, depth: &Spanned<u64>) -> Result<u64, Error> {
    let slots = *depth.get_ref();
    if slots.is_power_of_two() && (1 << 6..=1 << 28).contains(&slots) {
        return Ok(slots);
    }
    Err(file.refuse(
        depth.span(),
        "publication.ring.depth",
        format_args!("{slots} slots is no depth for a ring"),
        format_args!("use a power of two from 64 to 268435456; the next one is {}", slots.clamp(64, 1 << 28).next_power_of_two()),
    ))
}

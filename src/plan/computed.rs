//! Publications that are computed from another one's rings, off the lanes.

use toml::Spanned;

use super::LanePlan;
use super::names::choices;
use super::publications::spec;
use crate::config::{self, ConfigFile};
use crate::error::Error;
use crate::record::Schema;
use crate::shm::PublicationSpec;
use crate::windows::Counters;

/// Windows and signals of one publication.
#[derive(Clone, Debug)]
pub struct ComputedPlan {
    /// The publication they are computed from.
    pub of: String,
    /// What is written: its channels are those of `of`, in the same order.
    pub spec: PublicationSpec,
    /// Levels of the signals' size imbalance, 1 to 10.
    pub signal_levels: u8,
    /// How long trades count in the signals' flow imbalance, ns of venue time.
    pub flow_window_ns: u64,
}

/// What only a computed publication has is refused elsewhere, and so is a channel that would write into a computed one.
pub(super) fn misplaced(file: &ConfigFile) -> Result<(), Error> {
    for publication in &file.config.publication {
        let name = publication.name.get_ref();
        if publication.of.is_some() {
            if let Some(channel) = file.config.channel.iter().find(|channel| channel.publication.get_ref() == name) {
                return Err(file.refuse(
                    channel.publication.span(),
                    "channel.publication",
                    format_args!("channel `{}` goes to publication `{name}`, which is computed from another", channel.name.get_ref()),
                    "let it go to a publication without `of`",
                ));
            }
            continue;
        }
        // A default has no place in the file.
        let written = [("signal_levels", publication.signal_levels.span()), ("flow_window_ms", publication.flow_window_ms.span())];
        if let Some((key, span)) = written.into_iter().find(|(_, span)| !span.is_empty()) {
            return Err(file.refuse(
                span,
                &format!("publication.{key}"),
                format_args!("publication `{name}` computes no signals"),
                "move the key into the publication with a `signal` ring, whose `of` names this one",
            ));
        }
    }
    Ok(())
}

/// `of` must be a publication of a lane.
pub(super) fn plan(
    file: &ConfigFile,
    publication: &config::Publication,
    of: &Spanned<String>,
    lanes: &[LanePlan],
) -> Result<ComputedPlan, Error> {
    let mut sources = lanes.iter().flat_map(|lane| &lane.publications);
    let Some(source) = sources.find(|source| source.name == *of.get_ref()) else {
        let names = lanes.iter().flat_map(|lane| &lane.publications).map(|source| source.name.as_str());
        return Err(file.refuse(
            of.span(),
            "publication.of",
            format_args!("`{}` is no publication that a lane writes", of.get_ref()),
            choices(of.get_ref(), names),
        ));
    };
    let levels = *publication.signal_levels.get_ref();
    if !(1..=10).contains(&levels) {
        return Err(file.refuse(
            publication.signal_levels.span(),
            "publication.signal_levels",
            format_args!("{levels} is out of range"),
            "use 1 to 10: a book's records have ten levels",
        ));
    }
    let flow_window_ms = *publication.flow_window_ms.get_ref();
    if !(10..=3_600_000).contains(&flow_window_ms) {
        return Err(file.refuse(
            publication.flow_window_ms.span(),
            "publication.flow_window_ms",
            format_args!("{flow_window_ms} is out of range"),
            "use 10 to 3600000",
        ));
    }
    let mut computed = spec(file, publication, source.channels.clone(), source.instruments)?;
    computed.counters = Counters::NAMES.iter().map(|&name| name.to_owned()).collect();
    for ring in &publication.ring {
        let needs: &[Schema] = match Schema::from_name(ring.schema.get_ref()) {
            Some(Schema::Signal) => &[Schema::Mbp10, Schema::Mbp1],
            _ => &[Schema::Venue],
        };
        if !needs.iter().any(|&needed| source.rings.iter().any(|has| has.schema == needed)) {
            let names: Vec<String> = needs.iter().map(|schema| format!("`{}`", schema.name())).collect();
            let names = names.join(" or ");
            return Err(file.refuse(
                ring.schema.span(),
                "publication.ring.schema",
                format_args!("{} is computed from a {names} ring, and publication `{}` has none", ring.schema.get_ref(), source.name),
                format_args!("add [[publication.ring]] schema = \"{}\" to `{}`, or remove this ring", needs[0].name(), source.name),
            ));
        }
    }
    Ok(ComputedPlan { of: of.get_ref().clone(), spec: computed, signal_levels: levels as u8, flow_window_ns: flow_window_ms * 1_000_000 })
}

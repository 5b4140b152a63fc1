//! Publications that are computed from another one's rings, off the lanes.

use toml::Spanned;

use super::LanePlan;
use super::names::choices;
use super::publications::spec;
use crate::config::{self, ConfigFile};
use crate::error::Error;
use crate::shm::PublicationSpec;

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
    Ok(ComputedPlan {
        of: of.get_ref().clone(),
        spec: spec(file, publication, source.channels.clone(), source.instruments)?,
        signal_levels: levels as u8,
        flow_window_ns: flow_window_ms * 1_000_000,
    })
}

//! What lanes measure of their own work: samples in `latency` rings, and the log of histograms.

use std::path::PathBuf;

use super::LanePlan;
use crate::config::{self, ConfigFile};
use crate::error::Error;
use crate::record::Schema;

/// A ring nobody samples for would stay empty, and samples without a ring go nowhere.
pub(super) fn check(file: &ConfigFile, lanes: &[LanePlan]) -> Result<(), Error> {
    for (lane, written) in lanes.iter().zip(&file.config.lane) {
        let mut rings = lane.publications.iter().filter_map(|publication| ring(file, &publication.name));
        let Some((publication, ring)) = rings.next() else {
            if lane.latency_every == 0 {
                continue;
            }
            let names: Vec<&str> = lane.publications.iter().map(|publication| publication.name.as_str()).collect();
            return Err(file.refuse(
                written.latency_every.span(),
                "lane.latency_every",
                format_args!("lane `{}` would sample latencies, and has no `latency` ring to tell them in", lane.name),
                format_args!(
                    "add [[publication.ring]] schema = \"latency\" to {}, or remove latency_every (stages_every alone needs no ring)",
                    names.join(" or ")
                ),
            ));
        };
        if lane.latency_every == 0 && lane.stages_every == 0 {
            return Err(file.refuse(
                ring.schema.span(),
                "publication.ring.schema",
                format_args!("latency would stay empty: lane `{}`, which writes `{publication}`, samples nothing", lane.name),
                format_args!("set latency_every = 64 (one datagram in 64) in lane `{}`, or remove the ring", lane.name),
            ));
        }
    }
    for publication in &file.config.publication {
        if let [only] = &publication.ring[..]
            && is_measured(only)
        {
            return Err(file.refuse(
                only.schema.span(),
                "publication.ring.schema",
                format_args!(
                    "publication `{}` has no other ring than latency, whose records name positions of another",
                    publication.name.get_ref()
                ),
                "add a ring with data, such as mbo or mbp-1",
            ));
        }
    }
    Ok(())
}

fn ring<'a>(file: &'a ConfigFile, publication: &'a str) -> Option<(&'a str, &'a config::Ring)> {
    let publication = file.config.publication.iter().find(|written| written.name.get_ref() == publication)?;
    publication.ring.iter().find(|ring| is_measured(ring)).map(|ring| (publication.name.get_ref().as_str(), ring))
}

fn is_measured(ring: &config::Ring) -> bool {
    Schema::from_name(ring.schema.get_ref()).is_some_and(|schema| Schema::MEASURED.contains(&schema))
}

/// `service.latency_log`; whether it can be written is found out at the start.
pub(super) fn log(file: &ConfigFile) -> Result<Option<PathBuf>, Error> {
    let service = &file.config.service;
    let Some(path) = &service.latency_log else { return Ok(None) };
    let refuse = |what: &dyn std::fmt::Display| {
        file.refuse(path.span(), "service.latency_log", what, "name a file on a disk, such as /var/log/tickwire/latency.hlog")
    };
    match path.get_ref() {
        empty if empty.as_os_str().is_empty() => Err(refuse(&"it is empty")),
        inside if inside.starts_with(&service.publication_dir) => {
            Err(refuse(&format_args!("{} is where publications are, in memory", service.publication_dir.display())))
        }
        path => Ok(Some(path.clone())),
    }
}

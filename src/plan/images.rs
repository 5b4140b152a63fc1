//! Order-level images: who writes them, how often, and whether the ring reaches back to them.

use super::LanePlan;
use crate::config::ConfigFile;
use crate::error::Error;

/// Images of one publication's `mbo` ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePlan {
    /// The publication.
    pub publication: String,
    /// Between two images, ms.
    pub interval_ms: u64,
}

/// Every `[publication.image]`.
pub(super) fn plan(file: &ConfigFile, _lanes: &[LanePlan]) -> Result<Vec<ImagePlan>, Error> {
    let images = file.config.publication.iter().filter_map(|publication| {
        let image = publication.image.as_ref()?.get_ref();
        Some(ImagePlan { publication: publication.name.get_ref().clone(), interval_ms: *image.interval_ms.get_ref() })
    });
    Ok(images.collect())
}

//! Order-level images: who writes them, how often, and whether the ring reaches back to them.
//!
//! Who starts from an image needs every record behind it. The newest image is up to two intervals old when it is loaded (one is just
//! being written), and writing and loading take their time as well: the ring must hold what comes meanwhile at the configured peak.

use toml::Spanned;

use super::LanePlan;
use crate::config::{self, ConfigFile, Image};
use crate::error::Error;
use crate::record::Schema;
use crate::shm::PublicationSpec;

/// Writing and loading an image, together: less than a second for a busy venue's 1.3 M orders.
const WRITE_AND_LOAD_MS: u64 = 2_000;
/// Bytes of one order in an image.
const ORDER_BYTES: u64 = 56;

/// Images of one publication's `mbo` ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePlan {
    /// The publication.
    pub publication: String,
    /// Between two images, ms.
    pub interval_ms: u64,
    /// The most records a second that the ring still reaches back to an image at.
    pub reach_records_per_s: u64,
    /// Room that two images of full books take.
    pub bytes: u64,
}

/// Every `[publication.image]`.
pub(super) fn plan(file: &ConfigFile, lanes: &[LanePlan]) -> Result<Vec<ImagePlan>, Error> {
    let mut images = Vec::new();
    for publication in &file.config.publication {
        if let Some(image) = &publication.image {
            images.push(self::image(file, publication, image, lanes)?);
        }
    }
    Ok(images)
}

/// Room in `publication_dir` that all images take: while one is written, the one before it is still there.
pub(super) fn bytes(images: &[ImagePlan]) -> u64 {
    images.iter().map(|image| image.bytes).sum()
}

fn image(file: &ConfigFile, publication: &config::Publication, image: &Spanned<Image>, lanes: &[LanePlan]) -> Result<ImagePlan, Error> {
    let name = publication.name.get_ref();
    let Image { interval_ms, peak_records_per_s } = image.get_ref();
    let written = |lane: &LanePlan| lane.publications.iter().position(|spec| spec.name == *name);
    let found = lanes.iter().find_map(|lane| Some((lane, written(lane)?)));
    let depth = |spec: &PublicationSpec| spec.rings.iter().find(|ring| ring.schema == Schema::Mbo).map(|ring| ring.depth);
    let Some((lane, index, depth)) = found.and_then(|(lane, index)| Some((lane, index, depth(lane.publications.get(index)?)?))) else {
        return Err(file.refuse(
            image.span(),
            "publication.image",
            format_args!("publication `{name}` has no mbo ring, so there are no orders to make an image of"),
            "add a [[publication.ring]] with schema = \"mbo\", or remove [publication.image]",
        ));
    };
    within(file, interval_ms, "publication.image.interval_ms", 50..=600_000)?;
    within(file, peak_records_per_s, "publication.image.peak_records_per_s", 1..=100_000_000)?;
    let (interval, peak) = (*interval_ms.get_ref(), *peak_records_per_s.get_ref());
    let spanned_ms = 2 * interval + WRITE_AND_LOAD_MS;
    let needed = (spanned_ms * peak).div_ceil(1_000);
    if depth < needed {
        let ring = publication.ring.iter().find(|ring| ring.schema.get_ref() == Schema::Mbo.name());
        let written = ring.and_then(|ring| ring.depth.as_ref().map(Spanned::span));
        return Err(file.refuse(
            written.unwrap_or_else(|| image.span()),
            "publication.ring.depth",
            format_args!(
                "the mbo ring of `{name}` holds {depth} records, and an image can be {spanned_ms} ms old when it is loaded (two intervals of \
                 {interval} ms, and {WRITE_AND_LOAD_MS} ms to write and load it): {needed} records at {peak} a second"
            ),
            format_args!("set depth = {}, or make interval_ms shorter", needed.next_power_of_two()),
        ));
    }
    let orders: u64 = lane.channels.iter().filter(|channel| channel.publication == index).map(|it| it.config.capacity.orders as u64).sum();
    Ok(ImagePlan {
        publication: name.clone(),
        interval_ms: interval,
        reach_records_per_s: depth * 1_000 / spanned_ms,
        bytes: 2 * orders * ORDER_BYTES,
    })
}

fn within(file: &ConfigFile, value: &Spanned<u64>, key: &str, range: std::ops::RangeInclusive<u64>) -> Result<(), Error> {
    if range.contains(value.get_ref()) {
        return Ok(());
    }
    let cure = format_args!("use {} to {}", range.start(), range.end());
    Err(file.refuse(value.span(), key, format_args!("{} is out of range", value.get_ref()), cure))
}

//! What was lost, and which figures still stand without it.
//!
//! A datagram that never arrived has no latency, and one that the consumer was too slow for had a long one. A histogram holds the others only,
//! so the more is lost, the better it looks. A percentile stands while what was lost is at most a tenth of the values beyond it: had all of it
//! been the slowest, p99 would be what is told as p98.9, and no other percentile. With more lost it is not judged ([`super::baseline`]), and
//! a headline that tells p99 gives way to the time before it.

use super::percentile::{PERCENTILES, Percentile};
use super::readable::{count_of, grouped, share};
use super::{BenchResult, Variant, summary};
use crate::bench::Measure;
use crate::bench::measure::Of;

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Those that were lost.
    pub lost: u64,
    /// All that there were.
    pub of: u64,
}

impl Lost {
    /// Whether a percentile of those that are left stands for all.
    pub fn leaves(self, percentile: Percentile) -> bool {
        percentile.stands_without(self.lost, self.of)
    }

    /// `3,757 of 43,136 datagrams (8.71 %)`; `of` says whose, or nothing.
    fn words(self, of: &str, noun: &str) -> String {
        format!("{} of {of}{} ({})", grouped(self.lost), count_of(self.of, noun), share(self.lost, self.of))
    }
}

/// Datagrams of a variant that never arrived.
pub fn datagrams(variant: &Variant) -> Lost {
    Lost { lost: variant.counts.lost(), of: variant.counts.expected() }
}

/// Values that a measure should have and has not: samples that were lost.
pub fn samples(variant: &Variant, measure: Measure) -> Lost {
    let lost = match measure {
        Measure::DueToSeen | Measure::PublishedToSeen => variant.counts.unseen,
        // The sender's own, and the lane's.
        Measure::SenderLateness => 0,
        measure if measure.of() == Of::Message => 0,
        _ => variant.counts.unfollowed,
    };
    Lost { lost, of: variant.measures.get(measure).len().saturating_add(lost) }
}

/// Why a percentile of a measure does not stand for all datagrams, if it does not; `whose`: `this run` or a baseline's name.
pub fn spoils(variant: &Variant, measure: Measure, percentile: Percentile, whose: &str) -> Option<String> {
    let (sampled, sent) = (samples(variant, measure), datagrams(variant));
    let others = format!("and {percentile} is told of the others alone");
    if !sampled.leaves(percentile) {
        return Some(format!("{whose} lost {} of {}, {others}", sampled.words("", "sample"), measure.title()));
    }
    // How late they went is known of those that never arrived as well.
    let arrive = measure != Measure::SenderLateness && !sent.leaves(percentile);
    arrive.then(|| format!("{whose} lost {}, {others}", sent.words("its ", "datagram")))
}

/// Whether so many samples of a measure were lost that it cannot stand first.
pub fn is_spoilt(variant: &Variant, measure: Measure) -> bool {
    !samples(variant, measure).leaves(PERCENTILES[2])
}

/// The measure that the first line tells: the result's headline, or where too much of it was lost, what was before the consumer.
pub fn headline(result: &BenchResult) -> Measure {
    let is_spoilt = result.variants.iter().any(|variant| is_spoilt(variant, result.headline));
    let has_published = result.variants.first().is_some_and(|variant| !variant.measures.get(Measure::DueToPublished).is_empty());
    if result.headline == Measure::DueToSeen && is_spoilt && has_published { Measure::DueToPublished } else { result.headline }
}

/// What was lost, in sentences for the first line.
pub fn first(result: &BenchResult) -> Vec<String> {
    let of_each = |lost: &dyn Fn(&Variant) -> Option<Lost>, noun: &str| -> Option<String> {
        let one = |variant: &Variant| {
            let whose = if result.variants.len() > 1 { format!("{}'s ", summary::label(variant)) } else { String::new() };
            lost(variant).map(|lost| lost.words(&whose, noun))
        };
        let each: Vec<String> = result.variants.iter().filter_map(one).collect();
        (!each.is_empty()).then(|| each.join(", "))
    };
    let mut said = Vec::new();
    let arrived = |variant: &Variant| Some(datagrams(variant)).filter(|lost| lost.lost > 0);
    said.extend(of_each(&arrived, "datagram").map(|lost| format!("Never arrived: {lost}. Latencies are of the others.")));
    let spoilt = |measure| move |variant: &Variant| Some(samples(variant, measure)).filter(|_| is_spoilt(variant, measure));
    let unseen = of_each(&spoilt(Measure::DueToSeen), "sampled datagram").map(|lost| {
        let instead = match result.headline {
            Measure::DueToSeen if headline(result) == Measure::DueToSeen => "what is told is of the others",
            Measure::DueToSeen | Measure::DueToPublished => "due → published stands first, since due → seen is of the others alone",
            _ => "what ends with the consumer is of the others alone",
        };
        format!("Not seen by the consumer: {lost}; {instead}.")
    });
    said.extend(unseen);
    if headline(result) != Measure::DueToSeen {
        let unfollowed = of_each(&spoilt(headline(result)), "sample");
        said.extend(unfollowed.map(|lost| format!("Lost on the way to the result: {lost}; times are of the others.")));
    }
    let lapped: Vec<&Variant> = result.variants.iter().filter(|variant| variant.counts.lapped > 0).collect();
    if said.iter().all(|said| !said.starts_with("Not seen")) && !lapped.is_empty() {
        let each = lapped.iter().map(|variant| format!("{} of {}", count_of(variant.counts.lapped, "record"), summary::label(variant)));
        said.push(format!("The consumer was too slow for {}.", each.collect::<Vec<_>>().join(", ")));
    }
    said
}

/// For each variant that lost any: what a comparison with it leaves out.
pub fn notes(result: &BenchResult) -> Vec<String> {
    result.variants.iter().filter_map(|variant| note(variant, &summary::label(variant))).collect()
}

/// `udp lost 3,757 of its 43,136 datagrams (8.71 %): its latencies are of the others`.
pub fn note(variant: &Variant, whose: &str) -> Option<String> {
    let (sent, seen) = (datagrams(variant), samples(variant, Measure::DueToSeen));
    let arrived = (sent.lost > 0).then(|| sent.words("its ", "datagram"));
    let seen = (seen.lost > 0).then(|| format!("{} on the way to the consumer", seen.words("its ", "sample")));
    let lost: Vec<String> = arrived.into_iter().chain(seen).collect();
    (!lost.is_empty()).then(|| format!("{whose} lost {}: its latencies are of the others", lost.join(", and ")))
}

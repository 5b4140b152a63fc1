//! A result in sentences: what the table and the report say in words, and say alike.

use super::comparison::{self, Ratio};
use super::percentile::{PERCENTILES, Percentile};
use super::readable::{self, clipped, count_of, grouped, numbers_grouped, one_line, share, three_digits, time};
use super::{BenchResult, Variant, lost};
use crate::bench::{Counts, Measure};
use crate::stats::Drop;

/// A sentence, and how it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The words.
    pub words: String,
    /// Whether figures are spoilt by what it says, or something was lost.
    pub warns: bool,
}

impl Sentence {
    fn plain(words: impl Into<String>) -> Self {
        Self { words: words.into(), warns: false }
    }

    fn warning(words: impl Into<String>) -> Self {
        Self { words: words.into(), warns: true }
    }
}

/// A variant's name, short enough for a sentence.
pub fn label(variant: &Variant) -> String {
    match one_line(&variant.label) {
        label if label.trim().is_empty() => "(no name)".to_owned(),
        label => clipped(&label, 40),
    }
}

/// What has to be known first: nothing measured, what was lost, a sender that fell behind, or else the headline.
pub fn verdict(result: &BenchResult) -> Sentence {
    let Some(measured) = result.variants.first() else {
        return Sentence::warning("Nothing was measured: no variant was run.");
    };
    let in_vain: Vec<String> = result.variants.iter().filter(|variant| variant.counts.nothing_came()).map(nothing_came).collect();
    if !in_vain.is_empty() {
        return Sentence::warning(format!("Nothing was delivered: {}.", in_vain.join("; ")));
    }
    let lost = lost::first(result);
    let first = |words: String| Sentence { words: lost.iter().cloned().chain([words]).collect::<Vec<_>>().join(" "), warns: true };
    let behind: Vec<String> = result.variants.iter().filter(|variant| fell_behind(variant)).map(how_late).collect();
    if !behind.is_empty() {
        let who = if sends(measured) { "sender" } else { "lane" };
        let what = format!("The pace was not kept, and latency from due holds the {who}'s delay.");
        return first(format!("The {who} fell behind: {}. {what}", behind.join("; ")));
    }
    let headline = lost::headline(result);
    let histogram = measured.measures.get(headline);
    let (of, title) = (label(measured), headline.title());
    if histogram.is_empty() {
        let samples = if measured.counts.warm_up >= measured.counts.sent && measured.counts.sent > 0 {
            "all of it is warm-up: say --warm-up-ms 0, or run longer"
        } else if measured.counts.sampled == 0 {
            "no datagram was sampled"
        } else {
            "no sampled datagram has this time"
        };
        return first(format!("{of}: {title}: nothing was measured ({samples})."));
    }
    let within = [(PERCENTILES[0], "half within"), (PERCENTILES[2], "99 % within"), (PERCENTILES[3], "99.9 % within")];
    let mut parts: Vec<String> =
        within.iter().filter_map(|&(percentile, words)| Some(format!("{words} {}", time(percentile.of(histogram)?)))).collect();
    parts.push(format!("the slowest {}", time(histogram.max())));
    let words = format!("{of}: {title}: {}.", parts.join(", "));
    if lost.is_empty() { Sentence::plain(words) } else { first(words) }
}

/// What was replayed, in words and figures.
pub fn workload(result: &BenchResult) -> String {
    let what = if result.workload.is_empty() { "nothing" } else { &result.workload };
    format!("{}: {}, {}", one_line(&numbers_grouped(what)), count_of(result.datagrams, "datagram"), count_of(result.messages, "message"))
}

/// How it went: the pace, the way, the rounds.
pub fn pace(result: &BenchResult) -> String {
    let said =
        [numbers_grouped(&result.pace), result.way.clone()].into_iter().filter(|words| !words.is_empty()).map(|words| one_line(&words));
    let rounds = match (result.rounds, result.variants.len()) {
        (1, 0 | 1) => "one round".to_owned(),
        (1, _) => "one round of each, one after the other".to_owned(),
        (rounds, 0 | 1) => format!("{rounds} rounds"),
        (rounds, _) => format!("{rounds} rounds of each, in turn"),
    };
    said.chain([rounds]).collect::<Vec<_>>().join("; ")
}

fn fell_behind(variant: &Variant) -> bool {
    variant.lateness.is_some_and(|lateness| lateness.fell_behind())
}

/// Whether somebody sends: in process what is late was late in being taken up by the lane.
fn sends(variant: &Variant) -> bool {
    !variant.measures.get(Measure::SenderLateness).is_empty()
}

/// Who keeps the schedule of a variant: in process nobody sends, and what is late waited for the lane.
pub fn who(variant: &Variant) -> &'static str {
    if sends(variant) || variant.lateness.is_none() { "sender" } else { "lane" }
}

/// `none of xdp's 53,894 datagrams arrived`.
fn nothing_came(variant: &Variant) -> String {
    let counts = &variant.counts;
    let (whose, sent) = (label(variant), count_of(counts.sent, "datagram"));
    match counts.sent.saturating_sub(counts.not_arrived()) {
        0 => format!("none of {whose}'s {sent} arrived"),
        arrived if arrived >= counts.sent => format!("{whose}'s {sent} arrived, and no message came of it"),
        arrived => format!("{} of {whose}'s {sent} arrived, and no message came of it", grouped(arrived)),
    }
}

/// `xdp 12.4 % of its datagrams more than 50.0 µs late (p99 3.20 ms)`.
fn how_late(variant: &Variant) -> String {
    let lateness = variant.lateness.unwrap_or_default();
    let p99 = PERCENTILES[2].of(variant.measures.get(Measure::SenderLateness));
    let p99 = p99.map_or(String::new(), |ns| format!(" (p99 {})", time(ns)));
    let limit = time(lateness.limit_ns);
    // A share of a handful would sound like a measurement.
    let late = match lateness.sent {
        0..1_000 => format!("{} of {}", grouped(lateness.late), count_of(lateness.sent, "datagram")),
        sent => format!("{} of its datagrams", share(lateness.late, sent)),
    };
    format!("{} {late} more than {limit} late{p99}", label(variant))
}

/// How a variant's sender kept its schedule.
pub fn sender(variant: &Variant) -> Sentence {
    let Some(lateness) = variant.lateness else {
        return Sentence::plain("as fast as it goes: nothing was due, so nothing was late");
    };
    if lateness.sent == 0 {
        return Sentence::plain("nothing went behind the warm-up");
    }
    let (late, sent, limit) = (grouped(lateness.late), grouped(lateness.sent), time(lateness.limit_ns));
    let figures = format!("{late} of {sent} datagrams ({}) more than {limit} late", share(lateness.late, lateness.sent));
    match lateness.fell_behind() {
        true => Sentence::warning(format!("fell behind: {figures}")),
        false => Sentence::plain(format!("kept its schedule: {figures}")),
    }
}

/// What a variant did a second, and in which time.
pub fn rate(variant: &Variant) -> Sentence {
    let counts = &variant.counts;
    let per_s = |count| three_or_all(counts.per_s(count));
    let rounds = variant.rounds.len() as u64;
    Sentence::plain(format!(
        "{} datagrams/s, {} messages/s ({} and {} in {}, {})",
        per_s(counts.sent),
        per_s(counts.messages),
        grouped(counts.sent),
        grouped(counts.messages),
        time(counts.elapsed_ns),
        count_of(rounds, "round"),
    ))
}

fn three_or_all(rate: f64) -> String {
    if rate >= 100.0 { grouped(rate.round() as u64) } else { three_digits(rate) }
}

/// What was lost on a variant's way, in words; in the order of the path.
pub fn losses(counts: &Counts) -> Vec<String> {
    let mut losses = Vec::new();
    let mut lost = |count, noun: &str, how: &str| {
        if count > 0 {
            losses.push(format!("{} {how}", count_of(count, noun)));
        }
    };
    let not_sent = if counts.stopped { "still to come when it was stopped" } else { "not sent" };
    lost(counts.not_sent(), "datagram", not_sent);
    lost(counts.not_arrived().saturating_sub(counts.overrun), "datagram", "sent, and never received");
    lost(counts.overrun, "datagram", "dropped by the kernel for want of room");
    lost(counts.gaps, "gap", "in the sequence");
    lost(counts.lost_messages, "message", "lost in gaps");
    lost(counts.untold(), "message", "neither delivered nor counted in a gap");
    lost(counts.lapped, "record", "too fast for the consumer");
    lost(counts.unmatched, "sampled datagram", "without a partner (not in due → seen)");
    losses
}

/// What came and was not used, by reason: frames, datagrams or messages. What the kernel dropped is lost, and told there.
pub fn dropped(variant: &Variant) -> Option<Sentence> {
    let reasons = variant.counts.dropped_by_reason.iter().filter(|(reason, _)| reason != Drop::ReceiveOverrun.name());
    let drops: Vec<String> = reasons.map(|(reason, count)| format!("{} ({})", count_of(*count, "drop"), one_line(reason))).collect();
    (!drops.is_empty()).then(|| Sentence::warning(drops.join(", ")))
}

/// What was lost in one sentence.
pub fn loss(variant: &Variant) -> Sentence {
    let losses = losses(&variant.counts);
    if losses.is_empty() { Sentence::plain("nothing") } else { Sentence::warning(losses.join(", ")) }
}

/// What stamping costs, and in how many datagrams it is.
pub fn stamping(variant: &Variant) -> Option<Sentence> {
    let stamped = variant.measures.get(Measure::Receive).len();
    let cost = (variant.stamp_ns > 0.0).then(|| format!("one stamp costs {} ns", three_digits(variant.stamp_ns)))?;
    let all = variant.counts.sent.saturating_sub(variant.counts.warm_up).max(stamped);
    let where_ = match stamped {
        0 => "no stages were stamped".to_owned(),
        _ if all > stamped => format!("it is in every stage of the {} stamped datagrams ({})", grouped(stamped), share(stamped, all)),
        _ => format!("it is in every stage of the {} stamped datagrams", grouped(stamped)),
    };
    Some(Sentence::plain(format!("{cost}; {where_}")))
}

/// How the stages come to the time from received to published.
pub fn stages(variant: &Variant) -> Option<Sentence> {
    let measured = Measure::PARTS.into_iter().filter(|&part| !variant.measures.get(part).is_empty()).count();
    let words = "receive is the wait behind the others of its batch";
    let rest = "rest of its batch the wait until those are done too; datagram by datagram the six make up received → published";
    match measured {
        0 => None,
        measured if measured == Measure::PARTS.len() => Some(Sentence::plain(format!("{words}, {rest}"))),
        _ => Some(Sentence::plain(words)),
    }
}

/// How many of a variant's samples the consumer had read before their batch had been published whole: their time from published to seen
/// is below nought, and stands as 1 ns.
pub fn seen_early(variant: &Variant) -> Option<Sentence> {
    let seen = variant.measures.get(Measure::PublishedToSeen);
    let early = early(variant);
    let words = "of those seen had been read before their batch was published whole, and count as 1 ns of published → seen";
    let left_out = if is_mostly_early(variant) { ", which therefore says nothing and is left out" } else { "" };
    (early > 0).then(|| Sentence::plain(format!("{} {words}{left_out}", share(early, seen.len()))))
}

fn early(variant: &Variant) -> u64 {
    variant.measures.get(Measure::PublishedToSeen).count_between(0, 1)
}

/// Whether most were seen so early that published → seen says nothing.
fn is_mostly_early(variant: &Variant) -> bool {
    early(variant) > variant.measures.get(Measure::PublishedToSeen).len() / 2
}

/// Whether a measure of a variant has something to say: values, most of them not of what was seen before it was published whole.
pub fn tells(variant: &Variant, measure: Measure) -> bool {
    let is_told = measure != Measure::PublishedToSeen || !is_mostly_early(variant);
    is_told && !variant.measures.get(measure).is_empty()
}

/// What of a variant is warm-up, and in no percentile.
pub fn warm_up(variant: &Variant) -> Sentence {
    let rounds = (variant.rounds.len() as u64).max(1);
    if variant.counts.warm_up == 0 {
        return Sentence::plain("none: every datagram counts");
    }
    let each = variant.counts.warm_up / rounds;
    let of = if rounds == 1 { "the round" } else { "each round" };
    let (first, is) = match each {
        1 => ("the first datagram".to_owned(), "is"),
        each => (format!("the first {}", count_of(each, "datagram")), "are"),
    };
    Sentence::plain(format!("{first} of {of} ({}) {is} in no percentile", time(variant.warm_up_ns)))
}

/// The cache-line ping-pong before and after each round, and whether the machine stayed the same.
pub fn ping_pong(variant: &Variant) -> Option<Sentence> {
    let rounds: Vec<&[u64]> = variant.rounds.iter().map(|round| round.ping_pong_ns.as_slice()).filter(|ns| !ns.is_empty()).collect();
    let all = || rounds.iter().flat_map(|round| round.iter().copied());
    let (low, high) = (all().min()?, all().max()?);
    let each = |round: &&[u64]| round.iter().map(u64::to_string).collect::<Vec<_>>().join("/");
    let shown = rounds.iter().take(PING_PONG_SHOWN).map(each).collect::<Vec<_>>().join("  ");
    let more = if rounds.len() > PING_PONG_SHOWN { " …" } else { "" };
    let words = format!("{shown}{more} ns a round trip, before/after each round");
    let moved = (high as f64) > low.max(1) as f64 * PING_PONG_STEADY;
    Some(match moved {
        true => Sentence::warning(format!("{words}: from {low} to {high}, so the cores were not left alone")),
        false => Sentence::plain(words),
    })
}

/// Rounds whose ping-pong stands in a sentence.
const PING_PONG_SHOWN: usize = 8;
/// The same two cores at the same frequency give the same figure within some 10 %; a neighbour on the sibling thread doubles it.
const PING_PONG_STEADY: f64 = 1.3;

/// What the comparisons leave out: what each variant lost. Nothing where nothing is compared.
pub fn losses_compared(result: &BenchResult) -> Vec<Sentence> {
    let notes = if result.variants.len() > 1 { lost::notes(result) } else { Vec::new() };
    notes.into_iter().map(|note| Sentence::warning(format!("{note}."))).collect()
}

/// What was measured, held against each other variant: `xdp: 0.62 (0.58 to 0.66) times udp's p50`.
pub fn comparisons(result: &BenchResult) -> Vec<Sentence> {
    comparison::pairs(result).map(|(measured, other)| compared(measured, other, result.headline)).collect()
}

fn compared(measured: &Variant, other: &Variant, headline: Measure) -> Sentence {
    let (mine, theirs) = (label(measured), label(other));
    let ratios = comparison::ratios(measured, other, headline);
    // p50, p99 and p99.9: what a sentence can hold.
    let told: Vec<(Percentile, Ratio)> = [0, 2, 3].into_iter().filter_map(|nth| Some((PERCENTILES[nth], ratios[nth]?))).collect();
    let Some(((first, ratio), others)) = told.split_first() else {
        let why = match (measured.measures.get(headline).is_empty(), other.measures.get(headline).is_empty()) {
            (true, _) => format!("{mine} has no values of {}", headline.title()),
            (_, true) => format!("{theirs} has no values of {}", headline.title()),
            _ => format!("the rounds have too few values of {}", headline.title()),
        };
        return Sentence::warning(format!("{mine} cannot be compared with {theirs}: {why}."));
    };
    let quotient = |ratio: &Ratio| match ratio.rounds {
        1 => readable::ratio(ratio.median),
        _ => format!("{} ({} to {})", readable::ratio(ratio.median), readable::ratio(ratio.low), readable::ratio(ratio.high)),
    };
    let mut words = format!("{mine}: {} times {theirs}'s {first}", quotient(ratio));
    for (percentile, ratio) in others {
        words += &format!(", {} times its {percentile}", quotient(ratio));
    }
    words += &match (ratio.rounds, ratio.agreed()) {
        (1, _) => ". One round says nothing about chance.".to_owned(),
        (rounds, _) if rounds < comparison::FEWEST_ROUNDS => format!(". {rounds} rounds say little about chance."),
        (rounds, -1) => format!(". Its {first} was lower in each of {rounds} rounds."),
        (rounds, 1) => format!(". Its {first} was higher in each of {rounds} rounds."),
        (rounds, _) => format!(". The {rounds} rounds do not agree on whose {first} is lower."),
    };
    Sentence::plain(words)
}

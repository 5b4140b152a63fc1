//! What lanes tell, in words: the journal's notices as they come, and the totals at the end.

use crate::channel::Channel;
use crate::feed::arbiter::Notice;
use crate::journal::Journal;
use crate::lane::latency::{LatencyReader, Percentiles, Timing};
use crate::record::Schema;
use crate::shm::Publisher;
use crate::stats::Drops;

/// One channel's life in numbers.
pub(super) struct Totals {
    datagrams: u64,
    messages: u64,
    duplicates: u64,
    gaps: u64,
    lost_messages: u64,
    instruments: u32,
    live_orders: u64,
    drops: Vec<(&'static str, u64)>,
}

impl Totals {
    pub(super) fn of(channel: &Channel) -> Self {
        let arbiter = channel.arbiter();
        Self {
            datagrams: arbiter.datagrams,
            messages: arbiter.messages,
            duplicates: arbiter.duplicates,
            gaps: arbiter.gaps,
            lost_messages: arbiter.lost_messages,
            instruments: channel.composer().instruments(),
            live_orders: channel.composer().books().live_orders(),
            drops: channel.drops().iter().map(|(reason, count)| (reason.name(), count)).collect(),
        }
    }
}

/// Logs what a lane's channel has noted since the last look.
pub(super) fn journal(lane: &str, channel: &str, journal: &Journal) {
    // A line that falls apart makes thousands of gaps a second: the first of each look is told, the others as a sum.
    let (mut gaps, mut missing) = (0_u64, 0_u64);
    while let Some(entry) = journal.read() {
        match entry.notice {
            Notice::SessionStart { session, first_sequence, cause } => {
                let session = String::from_utf8_lossy(session.0.trim_ascii()).into_owned();
                tracing::info!("lane {lane}, channel {channel}: session {session:?} begins at {first_sequence} ({cause:?})");
            }
            Notice::SessionEnd { next_sequence } => {
                tracing::info!("lane {lane}, channel {channel}: the session ended before {next_sequence}");
            }
            Notice::GapOpen { first, last, cause } => {
                let count = last.saturating_sub(first).saturating_add(1);
                gaps += 1;
                if gaps > 1 {
                    missing = missing.saturating_add(count);
                    continue;
                }
                tracing::warn!(
                    "lane {lane}, channel {channel}: {count} message(s) missing, {first} to {last} ({cause:?}); its books are marked"
                );
            }
            Notice::GapClosed { first, last, recovered: true } => tracing::warn!(
                "lane {lane}, channel {channel}: {first} to {last} were announced, given up, and come after all; \
                 who sends heartbeats that are ahead of the messages?"
            ),
            Notice::GapClosed { .. } => {}
            Notice::StreamJumped { next_sequence } => tracing::warn!(
                "lane {lane}, channel {channel}: the publisher's byte stream jumps before message {next_sequence}, though no number is missing; \
                 its books are marked"
            ),
            Notice::Silent { .. } => {
                tracing::warn!(
                    "lane {lane}, channel {channel}: nothing is heard of its session on any line; look at the switch, the IGMP joins and the groups (drop_old_session and drop_unknown_line count what else comes)"
                );
            }
            Notice::Heard => tracing::info!("lane {lane}, channel {channel}: heard again"),
            Notice::LineDead { line } => tracing::warn!("lane {lane}, channel {channel}: line {} is dead", line_name(line)),
            Notice::LineAlive { line } => tracing::info!("lane {lane}, channel {channel}: line {} is alive again", line_name(line)),
        }
    }
    if gaps > 1 {
        tracing::warn!("lane {lane}, channel {channel}: {missing} message(s) missing in {} further gaps", gaps - 1);
    }
    let lost = journal.take_lost();
    if lost > 0 {
        tracing::warn!("lane {lane}, channel {channel}: {lost} notices were not logged; the counters have them all");
    }
}

fn line_name(line: u8) -> char {
    (b'A' + line.min(25)) as char
}

/// What a lane's sources received, in words; empty where there is nothing to say.
pub(super) fn received(frames: u64, drops: &Drops) -> String {
    let mut parts: Vec<String> = drops.iter().map(|(reason, count)| format!("{} {count}", reason.name())).collect();
    if !parts.is_empty() {
        parts[0].insert_str(0, "dropped before any channel: ");
    }
    if frames > 0 {
        parts.insert(0, format!("{frames} frames"));
    }
    parts.join(", ")
}

/// Logs a lane's life.
pub(super) fn totals(lane: &str, channels: &[(String, Totals)], latency: &Percentiles) {
    for (name, totals) in channels {
        tracing::info!(
            "lane {lane}, channel {name}: {} datagrams, {} messages, {} duplicates, {} gaps ({} messages lost), {} instruments, {} live orders",
            totals.datagrams,
            totals.messages,
            totals.duplicates,
            totals.gaps,
            totals.lost_messages,
            totals.instruments,
            totals.live_orders
        );
        if !totals.drops.is_empty() {
            let drops: Vec<String> = totals.drops.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            tracing::info!("lane {lane}, channel {name}: dropped {}", drops.join(", "));
        }
    }
    tracing::info!(
        "lane {lane}: from receive to publish, {} datagrams: p50 {} ns, p99 {} ns, p99.9 {} ns, max {} ns",
        latency.count,
        latency.p50,
        latency.p99,
        latency.p99_9,
        latency.max
    );
}

/// Logs where a lane's datagrams spent their time, if that was stamped.
pub(super) fn stages(lane: &str, latency: &LatencyReader) {
    let stamped = latency.total_of(Timing::Receive).count;
    if stamped == 0 {
        return;
    }
    let shown = |timings: &[Timing]| {
        let of = |timing: &Timing| {
            let Percentiles { p50, p99, .. } = latency.total_of(*timing);
            format!("{} {p50}/{p99}", timing.name())
        };
        timings.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    tracing::info!(
        "lane {lane}: stages of {stamped} stamped datagrams, p50/p99 ns: {}; of a message: {}",
        shown(&[Timing::Receive, Timing::Arbitrate, Timing::Decode, Timing::Book, Timing::Publish]),
        shown(&[Timing::DecodeMessage, Timing::BookMessage, Timing::PublishMessage])
    );
}

/// Records of a publication by schema, in words.
pub(super) fn records(publisher: &Publisher) -> String {
    let rows: Vec<String> = Schema::ALL
        .into_iter()
        .filter(|&schema| publisher.records(schema) > 0)
        .map(|schema| format!("{} {}", schema.name(), publisher.records(schema)))
        .collect();
    if rows.is_empty() { "no records".to_owned() } else { rows.join(", ") }
}

//! The plan in words: what `tickwire check` prints.

use std::fmt::{Display, Formatter, Result};

use super::names::ranges;
use super::{LanePlan, Plan, SourcePlan};
use crate::config::UdpEngine;
use crate::record::Schema;
use crate::shm::PublicationSpec;

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let written = self.lanes.iter().flat_map(|lane| &lane.publications).chain(self.computed.iter().map(|computed| &computed.spec));
        let (publications, bytes) = written.fold((0, 0), |(count, bytes), publication| (count + 1, bytes + publication.bytes()));
        writeln!(
            f,
            "{}, {} in {}: {} MiB of shared memory (twice that while a session changes)",
            count(self.lanes.len(), "lane"),
            count(publications, "publication"),
            self.publication_dir.display(),
            bytes.div_ceil(1 << 20)
        )?;
        self.lanes.iter().try_for_each(|lane| print_lane(lane, f))?;
        if let Some(log) = &self.latency_log {
            writeln!(f, "\nlatency log {}: every lane's histograms, once a second", log.display())?;
        }
        self.images.iter().try_for_each(|image| {
            writeln!(
                f,
                "\nimages of {}: every {} ms, {} MiB of room for two",
                image.publication,
                image.interval_ms,
                image.bytes.div_ceil(1 << 20)
            )?;
            writeln!(
                f,
                "  reach        the mbo ring reaches back to the newest one at up to {} records a second",
                image.reach_records_per_s
            )
        })?;
        for computed in &self.computed {
            writeln!(f, "\ncomputed from {}, beside the lanes", computed.of)?;
            print_publication(&computed.spec, f)?;
            if computed.spec.rings.iter().any(|ring| ring.schema == Schema::Signal) {
                writeln!(f, "    signals    of {} levels, trades for {} ms", computed.signal_levels, computed.flow_window_ns / 1_000_000)?;
            }
        }
        for recording in &self.recordings {
            let schemas: Vec<&str> = recording.schemas.iter().map(|schema| schema.name()).collect();
            writeln!(f, "\nrecording of {}: {} into {}", recording.publication, schemas.join(", "), recording.dir.display())?;
            writeln!(f, "    files      ended at {} MiB of records", recording.rotate_bytes >> 20)?;
            if let Some(remark) = recording.remark(&self.publication_dir) {
                writeln!(f, "    note       {remark}")?;
            }
        }
        Ok(())
    }
}

fn print_lane(lane: &LanePlan, f: &mut Formatter<'_>) -> Result {
    let idle = if lane.idle_sleep_us == 0 { String::new() } else { format!(", sleeps {} µs when idle", lane.idle_sleep_us) };
    writeln!(f, "\nlane {}: core {}, NUMA node {}{idle}", lane.name, lane.core, lane.node)?;
    match &lane.source {
        SourcePlan::Xdp { settings, .. } => writeln!(
            f,
            "  source       AF_XDP on {} (mode {}, zero-copy {}, {} frames of {} bytes a queue)",
            queues(&lane.source),
            word(settings.mode),
            word(settings.zero_copy),
            settings.frames.get_ref(),
            settings.frame_bytes.get_ref()
        )?,
        SourcePlan::Udp { settings } => {
            let engine = if settings.engine == UdpEngine::IoUring { "io_uring".to_owned() } else { word(settings.engine) };
            writeln!(f, "  source       UDP sockets (engine {engine}, {} KiB receive buffer each)", settings.receive_buffer_bytes >> 10)?;
        }
    }
    let every = [(lane.latency_every, "told in the latency ring"), (lane.stages_every, "stamped by stage")];
    let sampled = every.iter().filter(|(every, _)| *every > 0).map(|(every, what)| format!("1 datagram in {every} {what}"));
    let sampled: Vec<String> = sampled.collect();
    if !sampled.is_empty() {
        writeln!(f, "  measured     {}", sampled.join(", "))?;
    }
    for channel in &lane.channels {
        let publication = lane.publications.get(channel.publication).map_or("?", |publication| &publication.name);
        writeln!(f, "  channel      {}: {} into {publication}", channel.name, channel.config.feed.name())?;
        for line in &channel.lines {
            let from = line.from.map_or(String::new(), |from| format!(", only from {from}"));
            writeln!(f, "    line {:<5} {} on {}{from}", line.name, line.key, line.interface)?;
        }
        writeln!(
            f,
            "    gaps       given up after {} µs, {} packets held meanwhile",
            channel.config.arbiter.gap_wait_ns / 1_000,
            channel.config.arbiter.window_packets
        )?;
        writeln!(
            f,
            "    books      room for {} orders and {} price levels",
            channel.config.capacity.orders, channel.config.capacity.levels
        )?;
    }
    lane.publications.iter().try_for_each(|publication| print_publication(publication, f))
}

fn print_publication(publication: &PublicationSpec, f: &mut Formatter<'_>) -> Result {
    let rings: Vec<String> = publication.rings.iter().map(|ring| format!("{} ({} slots)", ring.schema.name(), ring.depth)).collect();
    let (first, rest) = rings.split_at(rings.len().min(2));
    writeln!(f, "  publication  {}: {}", publication.name, first.join(", "))?;
    if !rest.is_empty() {
        writeln!(f, "               {}", rest.join(", "))?;
    }
    let only = publication.symbols.as_ref().map_or(String::new(), |symbols| format!(", only {} published", count(symbols.len(), "symbol")));
    writeln!(f, "    room       {} instruments{only}, {} MiB", publication.instruments, publication.bytes().div_ceil(1 << 20))
}

/// `eth0 queue 0, eth1 queues 0-3`.
fn queues(source: &SourcePlan) -> String {
    let SourcePlan::Xdp { queues, .. } = source else { return String::new() };
    let mut by_interface: Vec<(&str, Vec<u32>)> = Vec::new();
    for queue in queues {
        match by_interface.iter_mut().find(|(name, _)| *name == queue.interface) {
            Some((_, numbers)) => numbers.push(queue.queue),
            None => by_interface.push((&queue.interface, vec![queue.queue])),
        }
    }
    let shown = by_interface.into_iter().map(|(name, numbers)| {
        let queue = if numbers.len() == 1 { "queue" } else { "queues" };
        format!("{name} {queue} {}", ranges(numbers))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A setting's word, as the configuration writes it.
fn word(setting: impl std::fmt::Debug) -> String {
    format!("{setting:?}").to_lowercase()
}

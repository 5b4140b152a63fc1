//! The plan in words: what `tickwire check` prints.

use std::fmt::{Display, Formatter, Result};

use super::{LanePlan, Plan, SourcePlan};

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let publications = self.lanes.iter().map(|lane| lane.publications.len()).sum::<usize>();
        let bytes: u64 = self.lanes.iter().flat_map(|lane| &lane.publications).map(|publication| publication.bytes()).sum();
        writeln!(
            f,
            "{} lane(s), {publications} publication(s) in {}, {} MiB of shared memory (twice that while a session changes)",
            self.lanes.len(),
            self.publication_dir.display(),
            bytes >> 20
        )?;
        self.lanes.iter().try_for_each(|lane| print_lane(lane, f))
    }
}

fn print_lane(lane: &LanePlan, f: &mut Formatter<'_>) -> Result {
    writeln!(f, "\nlane {}: core {}, NUMA node {}", lane.name, lane.core, lane.node)?;
    match &lane.source {
        SourcePlan::Xdp { queues, settings } => {
            let queues: Vec<String> = queues.iter().map(|queue| format!("{}:{}", queue.interface, queue.queue)).collect();
            writeln!(
                f,
                "  source  AF_XDP on {} ({} mode, zero-copy {}, {} frames of {} bytes a queue)",
                queues.join(" "),
                word(settings.mode),
                word(settings.zero_copy),
                settings.frames.get_ref(),
                settings.frame_bytes.get_ref()
            )?;
        }
        SourcePlan::Udp { settings } => writeln!(
            f,
            "  source  UDP sockets ({} engine, {} KiB receive buffer each)",
            word(settings.engine),
            settings.receive_buffer_bytes >> 10
        )?,
    }
    for channel in &lane.channels {
        writeln!(
            f,
            "  channel {}: {} into {}, gap wait {} µs, room for {} orders and {} price levels",
            channel.name,
            channel.config.feed.name(),
            lane.publications.get(channel.publication).map_or("?", |publication| &publication.name),
            channel.config.arbiter.gap_wait_ns / 1_000,
            channel.config.capacity.orders,
            channel.config.capacity.levels
        )?;
        for line in &channel.lines {
            write!(f, "    line {}: {}:{} on {}", line.name, line.key.group, line.key.port, line.interface)?;
            match line.from {
                Some(from) => writeln!(f, ", only from {from}")?,
                None => writeln!(f)?,
            }
        }
    }
    for publication in &lane.publications {
        let rings: Vec<String> = publication.rings.iter().map(|ring| format!("{} ×{}", ring.schema.name(), ring.depth)).collect();
        writeln!(
            f,
            "  publication {}: {}; {} instruments{}; {} MiB",
            publication.name,
            rings.join(", "),
            publication.instruments,
            publication.symbols.as_ref().map_or(String::new(), |symbols| format!(", only {} symbols", symbols.len())),
            publication.bytes() >> 20
        )?;
    }
    Ok(())
}

/// A setting's word, as the configuration writes it but for dashes.
fn word(setting: impl std::fmt::Debug) -> String {
    format!("{setting:?}").to_lowercase()
}

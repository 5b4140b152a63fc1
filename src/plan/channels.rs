//! Channels and their lines: each in one lane, each destination once.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;

use super::lanes::found_interface;
use super::names::{choices, unique};
use super::{ChannelPlan, Host, LanePlan, LinePlan, SourcePlan};
use crate::book::BooksCapacity;
use crate::channel::ChannelConfig;
use crate::config::{self, ConfigFile};
use crate::error::Error;
use crate::feed::arbiter::ArbiterConfig;
use crate::feed::name::FeedName;
use crate::source::lines::LineKey;

/// A channel has at most that many lines.
const LINES_MAX: usize = 4;
/// Bytes held for an early packet: the largest payload of an Ethernet frame.
const PACKET_BYTES: usize = 1_500;

pub(super) fn plan(file: &ConfigFile, host: &Host, lanes: &mut [LanePlan]) -> Result<(), Error> {
    let mut taken = TakenLines::new();
    for channel in &file.config.channel {
        let wanted = channel.lane.get_ref();
        let at = lanes.iter().position(|lane| lane.name == *wanted).ok_or_else(|| {
            file.refuse(
                channel.lane.span(),
                "channel.lane",
                format_args!("channel `{}` goes to lane `{wanted}`, and there is no such [[lane]]", channel.name.get_ref()),
                choices(wanted, file.config.lane.iter().map(|lane| lane.name.get_ref().as_str())),
            )
        })?;
        let planned = self::channel(file, host, channel, at, lanes, &mut taken)?;
        lanes[at].channels.push(planned);
    }
    Ok(())
}

/// Destinations by who could mix them up: a lane, or (AF_XDP) an interface with its one program.
type TakenLines = HashMap<(Whose, LineKey), (String, Range<usize>)>;

#[derive(PartialEq, Eq, Hash)]
enum Whose {
    Lane(usize),
    Interface(String),
}

fn channel(
    file: &ConfigFile,
    host: &Host,
    channel: &config::Channel,
    at: usize,
    lanes: &[LanePlan],
    taken: &mut TakenLines,
) -> Result<ChannelPlan, Error> {
    let name = channel.name.get_ref();
    let wanted = channel.feed.get_ref();
    let feed = FeedName::from_name(wanted).ok_or_else(|| {
        let what = format_args!("there is no feed `{wanted}`");
        file.refuse(channel.feed.span(), "channel.feed", what, choices(wanted, FeedName::ALL.iter().map(|feed| feed.name())))
    })?;
    if channel.line.is_empty() || channel.line.len() > LINES_MAX {
        return Err(file.refuse(
            channel.name.span(),
            "channel.line",
            format_args!("channel `{name}` has {} lines", channel.line.len()),
            format_args!("give it 1 to {LINES_MAX} [[channel.line]]: the copies of one stream"),
        ));
    }
    unique(file, "line", "channel.line.name", channel.line.iter().map(|line| &line.name))?;
    let mut lines = Vec::new();
    for line in &channel.line {
        lines.push(self::line(file, host, line, name, at, lanes, taken)?);
    }
    let within = |value: u64, span: Range<usize>, key: &str, most: u64| {
        if (1..=most).contains(&value) {
            return Ok(value);
        }
        Err(file.refuse(span, &format!("channel.{key}"), format_args!("{value} is out of range"), format_args!("use 1 to {most}")))
    };
    let number = |value: &Spanned<u64>, key, most| within(*value.get_ref(), value.span(), key, most);
    let window = u64::from(*channel.window_packets.get_ref());
    let window_packets = within(window, channel.window_packets.span(), "window_packets", 1 << 16)? as usize;
    let gap_wait_us = number(&channel.gap_wait_us, "gap_wait_us", 60_000_000)?;
    let silence_ms = number(&channel.silence_ms, "silence_ms", 86_400_000)?;
    let orders = number(&channel.orders, "orders", 1 << 28)?;
    let levels = number(&channel.levels, "levels", 1 << 28)?;
    let config = ChannelConfig {
        feed,
        index: 0,
        arbiter: ArbiterConfig {
            lines: lines.len(),
            gap_wait_ns: gap_wait_us * 1_000,
            window_packets,
            window_bytes: window_packets * PACKET_BYTES,
            silence_ns: silence_ms * 1_000_000,
            ..ArbiterConfig::default()
        },
        capacity: BooksCapacity { instruments: 1 << 16, orders: orders as usize, levels: levels as usize },
        midnight_ns: None,
        bad_ts_recv: false,
    };
    Ok(ChannelPlan { name: name.clone(), publication: usize::MAX, config, lines })
}

fn line(
    file: &ConfigFile,
    host: &Host,
    line: &config::Line,
    channel: &str,
    at: usize,
    lanes: &[LanePlan],
    taken: &mut TakenLines,
) -> Result<LinePlan, Error> {
    let interface = found_interface(file, host, &line.interface, "channel.line.interface")?.name.clone();
    let (group, port) = (*line.group.get_ref(), *line.port.get_ref());
    if !group.is_multicast() {
        return Err(file.refuse(
            line.group.span(),
            "channel.line.group",
            format_args!("{group} is no multicast group"),
            "groups are 224.0.0.0 to 239.255.255.255; the venue's connectivity guide lists its own",
        ));
    }
    if port == 0 {
        return Err(file.refuse(line.port.span(), "channel.line.port", "0 is no port", "use 1 to 65535"));
    }
    let key = LineKey { group, port };
    let mut whose = vec![Whose::Lane(at)];
    match &lanes[at].source {
        SourcePlan::Xdp { .. } => {
            arrives(file, line, &interface, channel, &lanes[at], lanes)?;
            whose.push(Whose::Interface(interface.clone()));
        }
        SourcePlan::Udp { .. } => {
            if let Some(from) = &line.from {
                return Err(file.refuse(
                    from.span(),
                    "channel.line.from",
                    format_args!(
                        "line {} of channel `{channel}` is received by UDP sockets (lane `{}`), which take from any sender",
                        line.name.get_ref(),
                        lanes[at].name
                    ),
                    "remove `from`, or use a lane with source = \"xdp\"",
                ));
            }
        }
    }
    for whose in whose {
        if let Some((other, first)) = taken.insert((whose, key), (channel.to_owned(), line.group.span())) {
            return Err(file.refuse(
                line.group.span(),
                "channel.line.group",
                format_args!("{key} is a line of channel `{other}` already, at {}", file.place(first)),
                "lines are told apart by group and port alone: correct one, or remove the copy",
            ));
        }
    }
    Ok(LinePlan { name: line.name.get_ref().clone(), interface, key, from: line.from.as_ref().map(|from| *from.get_ref()) })
}

/// An AF_XDP lane must own queues of every interface that its lines arrive on.
fn arrives(
    file: &ConfigFile,
    line: &config::Line,
    interface: &str,
    channel: &str,
    mine: &LanePlan,
    lanes: &[LanePlan],
) -> Result<(), Error> {
    let owns = |lane: &LanePlan| matches!(&lane.source, SourcePlan::Xdp { queues, .. } if queues.iter().any(|q| q.interface == interface));
    if owns(mine) {
        return Ok(());
    }
    let (what, cure) = match lanes.iter().find(|lane| owns(lane)) {
        Some(other) => (
            format!("whose receive queues lane `{}` owns: the channel would land in two lanes", other.name),
            format!("all lines of a channel meet in one lane: let lane `{}` own `{interface}`, or move the channel", mine.name),
        ),
        None => {
            let cure = format!("add [[lane.interface]] with name = \"{interface}\" to lane `{}`", mine.name);
            ("whose receive queues no lane owns".to_owned(), cure)
        }
    };
    Err(file.refuse(
        line.interface.span(),
        "channel.line.interface",
        format_args!("line {} of channel `{channel}` (lane `{}`) arrives on `{interface}`, {what}", line.name.get_ref(), mine.name),
        cure,
    ))
}

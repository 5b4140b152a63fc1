//! Lanes and channels: cores, queues and lines, each with exactly one owner.

use std::collections::HashMap;

use toml::Spanned;

use super::{ChannelPlan, Host, LanePlan, LinePlan, QueuePlan, SourcePlan, choices};
use crate::book::BooksCapacity;
use crate::channel::ChannelConfig;
use crate::config::{self, ConfigFile, SourceKind};
use crate::error::Error;
use crate::feed::arbiter::ArbiterConfig;
use crate::feed::name::FeedName;
use crate::source::lines::LineKey;

/// A channel has at most that many lines.
const LINES_MAX: usize = 4;
/// Smallest Ethernet overhead above the MTU: header, two VLAN tags.
const FRAME_OVERHEAD_BYTES: u32 = 14 + 8;
/// AF_XDP keeps that much of every frame for itself.
const XDP_HEADROOM_BYTES: u32 = 256;

pub(super) fn plan(file: &ConfigFile, host: &Host) -> Result<Vec<LanePlan>, Error> {
    let config = &file.config;
    if config.lane.is_empty() || config.channel.is_empty() {
        return Err(file.refuse(0..0, "lane", "nothing would run: there is no [[lane]] or no [[channel]]", "start from config/example.toml"));
    }
    unique(file, "name", "lane", config.lane.iter().map(|lane| &lane.name))?;
    unique(file, "name", "channel", config.channel.iter().map(|channel| &channel.name))?;
    let mut owners = HashMap::new();
    let mut lanes = Vec::new();
    for lane in &config.lane {
        let source = source(file, host, lane, &mut owners)?;
        lanes.push(LanePlan {
            name: lane.name.get_ref().clone(),
            core: u32::MAX,
            node: 0,
            source,
            idle_sleep_us: lane.idle_sleep_us,
            publications: Vec::new(),
            channels: Vec::new(),
        });
    }
    cores(file, host, &mut lanes)?;
    let mut lines = HashMap::new();
    for channel in &config.channel {
        let at = lanes.iter().position(|lane| lane.name == *channel.lane.get_ref()).ok_or_else(|| {
            file.refuse(
                channel.lane.span(),
                "lane",
                format_args!("channel `{}` wants lane `{}`, which is not configured", channel.name.get_ref(), channel.lane.get_ref()),
                format_args!("add it or name another; {}", choices(config.lane.iter().map(|lane| lane.name.get_ref().as_str()))),
            )
        })?;
        let planned = self::channel(file, host, channel, at, &lanes, &mut lines)?;
        lanes[at].channels.push(planned);
    }
    for (lane, written) in lanes.iter().zip(&config.lane) {
        if lane.channels.is_empty() {
            return Err(file.refuse(
                written.name.span(),
                "name",
                format_args!("lane `{}` has no channel: a core would spin for nothing", lane.name),
                "remove the lane, or give it a channel",
            ));
        }
    }
    Ok(lanes)
}

pub(super) fn unique<'a>(file: &ConfigFile, key: &str, kind: &str, names: impl Iterator<Item = &'a Spanned<String>>) -> Result<(), Error> {
    let mut seen: HashMap<&str, std::ops::Range<usize>> = HashMap::new();
    for name in names {
        let text = name.get_ref().as_str();
        if text.is_empty() || text.len() > 31 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err(file.refuse(
                name.span(),
                key,
                format_args!("`{text}` is no name for a {kind}"),
                "use 1 to 31 letters, digits, dots, dashes and underscores",
            ));
        }
        if let Some(first) = seen.insert(text, name.span()) {
            return Err(file.refuse(
                name.span(),
                key,
                format_args!("there are two {kind}s named `{text}`; the first is at {}", file.place(first)),
                "rename one, or remove the copy",
            ));
        }
    }
    Ok(())
}

type Owners = HashMap<(String, u32), String>;

fn source(file: &ConfigFile, host: &Host, lane: &config::Lane, owners: &mut Owners) -> Result<SourcePlan, Error> {
    let name = lane.name.get_ref();
    if lane.source == SourceKind::Udp {
        if let Some(interface) = lane.interface.first() {
            return Err(file.refuse(
                interface.name.span(),
                "lane.interface",
                format_args!("lane `{name}` takes UDP sockets, which own no receive queues"),
                "remove [[lane.interface]], or set source = \"xdp\"; a line's own `interface` says where it is joined",
            ));
        }
        return Ok(SourcePlan::Udp { settings: lane.udp.clone() });
    }
    if lane.interface.is_empty() {
        return Err(file.refuse(
            lane.name.span(),
            "lane.interface",
            format_args!("lane `{name}` has source = \"xdp\" but owns no receive queue"),
            "add [[lane.interface]] with the interface its lines arrive on",
        ));
    }
    for (key, value, low) in [("frames", &lane.xdp.frames, 128), ("frame_bytes", &lane.xdp.frame_bytes, 2048)] {
        let written = *value.get_ref();
        if !written.is_power_of_two() || written < low || (key == "frame_bytes" && written > 4096) {
            return Err(file.refuse(
                value.span(),
                &format!("lane.xdp.{key}"),
                format_args!("{written} is no size the kernel takes"),
                if key == "frames" { "use a power of two from 128 up; 8192 is the default" } else { "use 2048 or 4096" },
            ));
        }
    }
    let mut queues = Vec::new();
    for interface in &lane.interface {
        let there = found_interface(file, host, &interface.name, "lane.interface.name")?;
        let room = lane.xdp.frame_bytes.get_ref() - XDP_HEADROOM_BYTES;
        if there.mtu + FRAME_OVERHEAD_BYTES > room {
            return Err(file.refuse(
                interface.name.span(),
                "lane.interface.name",
                format_args!(
                    "`{}` has an MTU of {} bytes; with headers that is more than the {room} bytes a frame of {} has room for",
                    there.name,
                    there.mtu,
                    lane.xdp.frame_bytes.get_ref()
                ),
                format_args!("set lane.xdp.frame_bytes = 4096, or `ip link set {} mtu 1500`", there.name),
            ));
        }
        let all: Vec<u32> = (0..there.queues.max(1)).collect();
        let (wanted, span) = match &interface.queues {
            Some(queues) => (queues.get_ref().clone(), queues.span()),
            None => (all.clone(), interface.name.span()),
        };
        for &queue in &wanted {
            if !all.contains(&queue) {
                return Err(file.refuse(
                    span,
                    "lane.interface.queues",
                    format_args!("`{}` has no receive queue {queue}", there.name),
                    format_args!("it has {}: 0 to {}; see `ethtool -l {}`", all.len(), all.len() - 1, there.name),
                ));
            }
            if let Some(owner) = owners.insert((there.name.clone(), queue), name.clone()) {
                return Err(file.refuse(
                    span,
                    "lane.interface",
                    format_args!("receive queue {queue} of `{}` would belong to lane `{owner}` and to lane `{name}`", there.name),
                    "a queue has one owner: give each lane queues of its own",
                ));
            }
            queues.push(QueuePlan { interface: there.name.clone(), queue, flows_pinned: interface.flows_pinned });
        }
        if wanted.len() < all.len() && !interface.flows_pinned {
            return Err(file.refuse(
                span,
                "lane.interface.queues",
                format_args!(
                    "lane `{name}` takes {} of the {} receive queues of `{}`: a datagram on another queue would go to the kernel unseen",
                    wanted.len(),
                    all.len(),
                    there.name
                ),
                format_args!(
                    "take all of them (leave `queues` out), reduce them with `ethtool -L {} combined {}`, or pin the groups with `ethtool -N` and say flows_pinned = true",
                    there.name,
                    wanted.len()
                ),
            ));
        }
    }
    Ok(SourcePlan::Xdp { queues, settings: lane.xdp.clone() })
}

fn found_interface<'a>(
    file: &ConfigFile,
    host: &'a Host,
    name: &Spanned<String>,
    key: &str,
) -> Result<&'a super::HostInterface, Error> {
    let interface = host.interface(name.get_ref()).ok_or_else(|| {
        file.refuse(
            name.span(),
            key,
            format_args!("there is no network interface `{}`", name.get_ref()),
            choices(host.interfaces.iter().map(|interface| interface.name.as_str())),
        )
    })?;
    if !interface.up {
        return Err(file.refuse(
            name.span(),
            key,
            format_args!("the network interface `{}` is down", interface.name),
            format_args!("`ip link set {} up`", interface.name),
        ));
    }
    Ok(interface)
}

/// Cores as written first; then a free core for every lane that leaves it open, on its interface's node if there is one.
fn cores(file: &ConfigFile, host: &Host, lanes: &mut [LanePlan]) -> Result<(), Error> {
    let mut taken: HashMap<u32, String> = HashMap::new();
    for (lane, written) in lanes.iter_mut().zip(&file.config.lane) {
        let Some(core) = &written.core else { continue };
        let number = *core.get_ref();
        lane.node = host.node_of(number).ok_or_else(|| {
            let ids: Vec<String> = host.cores.iter().map(|(id, _)| id.to_string()).collect();
            file.refuse(
                core.span(),
                "core",
                format_args!("core {number} does not exist, or this process may not use it"),
                choices(ids.iter().map(String::as_str)),
            )
        })?;
        if let Some(other) = taken.insert(number, lane.name.clone()) {
            return Err(file.refuse(
                core.span(),
                "core",
                format_args!("core {number} would carry lane `{other}` and lane `{}`: two busy-polling threads starve each other", lane.name),
                "give each lane a core of its own",
            ));
        }
        lane.core = number;
    }
    for (lane, written) in lanes.iter_mut().zip(&file.config.lane).filter(|(_, written)| written.core.is_none()) {
        let near = match &lane.source {
            SourcePlan::Xdp { queues, .. } => queues.first().and_then(|queue| host.interface(&queue.interface)).and_then(|i| i.node),
            SourcePlan::Udp { .. } => None,
        };
        // Core 0 takes the host's own work on most machines: last choice.
        let free = |&&(id, node): &&(u32, u32)| (!taken.contains_key(&id)).then_some((Some(node) != near, id == 0, id, node));
        let Some((_, _, core, node)) = host.cores.iter().filter_map(|core| free(&core)).min() else {
            return Err(file.refuse(
                written.name.span(),
                "core",
                format_args!("no core is left for lane `{}`: {} lanes, {} cores", lane.name, file.config.lane.len(), host.cores.len()),
                "put several channels into one lane, or free cores for this process",
            ));
        };
        taken.insert(core, lane.name.clone());
        (lane.core, lane.node) = (core, node);
    }
    Ok(())
}

type TakenLines = HashMap<(usize, LineKey), (String, std::ops::Range<usize>)>;

fn channel(
    file: &ConfigFile,
    host: &Host,
    channel: &config::Channel,
    at: usize,
    lanes: &[LanePlan],
    taken: &mut TakenLines,
) -> Result<ChannelPlan, Error> {
    let name = channel.name.get_ref();
    let feed = FeedName::from_name(channel.feed.get_ref()).ok_or_else(|| {
        file.refuse(
            channel.feed.span(),
            "feed",
            format_args!("`{}` is no feed we know", channel.feed.get_ref()),
            choices(FeedName::ALL.iter().map(|feed| feed.name())),
        )
    })?;
    if channel.line.is_empty() || channel.line.len() > LINES_MAX {
        return Err(file.refuse(
            channel.name.span(),
            "channel.line",
            format_args!("channel `{name}` has {} lines", channel.line.len()),
            format_args!("give it 1 to {LINES_MAX}: [[channel.line]]"),
        ));
    }
    unique(file, "channel.line.name", "line", channel.line.iter().map(|line| &line.name))?;
    let mut lines = Vec::new();
    for line in &channel.line {
        lines.push(self::line(file, host, line, name, at, lanes, taken)?);
    }
    let positive = |value: &Spanned<u64>, key: &str, most: u64| {
        if (1..=most).contains(value.get_ref()) {
            Ok(*value.get_ref())
        } else {
            Err(file.refuse(value.span(), key, format_args!("{} is out of range", value.get_ref()), format_args!("use 1 to {most}")))
        }
    };
    let window_packets = positive(&Spanned::new(channel.window_packets.span(), u64::from(*channel.window_packets.get_ref())), "window_packets", 1 << 16)?;
    let orders = positive(&channel.orders, "orders", 1 << 28)?;
    let levels = positive(&channel.levels, "levels", 1 << 28)?;
    let gap_wait_us = positive(&channel.gap_wait_us, "gap_wait_us", 60_000_000)?;
    let config = ChannelConfig {
        feed,
        index: 0,
        arbiter: ArbiterConfig {
            lines: lines.len(),
            gap_wait_ns: gap_wait_us * 1_000,
            window_packets: window_packets as usize,
            window_bytes: window_packets as usize * 1_500,
            silence_ns: channel.silence_ms.saturating_mul(1_000_000),
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
    let group = *line.group.get_ref();
    if !group.is_multicast() {
        return Err(file.refuse(
            line.group.span(),
            "channel.line.group",
            format_args!("{group} is no multicast group"),
            "groups are 224.0.0.0 to 239.255.255.255; the venue's connectivity guide lists them",
        ));
    }
    if *line.port.get_ref() == 0 {
        return Err(file.refuse(line.port.span(), "channel.line.port", "port 0 is no port", "use 1 to 65535"));
    }
    if let SourcePlan::Xdp { .. } = &lanes[at].source {
        let owns = |lane: &LanePlan| matches!(&lane.source, SourcePlan::Xdp { queues, .. } if queues.iter().any(|q| q.interface == interface));
        if !owns(&lanes[at]) {
            let (what, cure) = match lanes.iter().find(|lane| owns(lane)) {
                Some(other) => (
                    format!("which lane `{}` owns: its lines would land in two lanes", other.name),
                    format!("both lines of a channel meet in one lane: let lane `{}` own `{interface}`, or move the channel", lanes[at].name),
                ),
                None => ("which no lane owns".to_owned(), format!("add [[lane.interface]] name = \"{interface}\" to lane `{}`", lanes[at].name)),
            };
            return Err(file.refuse(
                line.interface.span(),
                "channel.line.interface",
                format_args!("line {} of channel `{channel}` (lane `{}`) arrives on `{interface}`, {what}", line.name.get_ref(), lanes[at].name),
                cure,
            ));
        }
    }
    let key = LineKey { group, port: *line.port.get_ref() };
    // Group and port alone tell lines apart inside a lane; across lanes the same group may be taken twice on purpose.
    if let Some((other, first)) = taken.insert((at, key), (channel.to_owned(), line.group.span())) {
        return Err(file.refuse(
            line.group.span(),
            "channel.line.group",
            format_args!("{group}:{} is a line of channel `{other}` already, at {}", key.port, file.place(first)),
            "a group and port is one line of one channel in a lane: correct the group, or remove the copy",
        ));
    }
    Ok(LinePlan { name: line.name.get_ref().clone(), interface, key, from: line.from })
}

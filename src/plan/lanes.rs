//! Lanes: cores and receive queues, each with exactly one owner.

use std::collections::HashMap;

use toml::Spanned;

use super::names::{choices, ranges, unique};
use super::{Host, HostInterface, LanePlan, QueuePlan, SourcePlan, channels};
use crate::config::{self, ConfigFile, SourceKind, Udp, Xdp};
use crate::error::Error;

/// Ethernet overhead above the MTU: header, two VLAN tags.
const FRAME_OVERHEAD_BYTES: u32 = 14 + 8;
/// AF_XDP keeps that much of every frame for itself.
const XDP_HEADROOM_BYTES: u32 = 256;
/// What a queue's rings may have; the kernel takes no odd sizes.
const FRAMES: std::ops::RangeInclusive<u32> = 64..=1 << 20;
/// More than a socket buffer can usefully be; the kernel doubles it in an i32.
const RECEIVE_BUFFER_BYTES: std::ops::RangeInclusive<u32> = 4096..=1 << 30;
/// A lane must look after its timers and heartbeat between two sleeps.
const IDLE_SLEEP_MAX_US: u64 = 100_000;

pub(super) fn plan(file: &ConfigFile, host: &Host) -> Result<Vec<LanePlan>, Error> {
    let config = &file.config;
    for (section, missing) in
        [("lane", config.lane.is_empty()), ("publication", config.publication.is_empty()), ("channel", config.channel.is_empty())]
    {
        if missing {
            let what = format_args!("there is no [[{section}]], so nothing would run");
            return Err(file.refuse(0..0, section, what, "start from config/example.toml or the one for your feed"));
        }
    }
    unique(file, "lane", "lane.name", config.lane.iter().map(|lane| &lane.name))?;
    unique(file, "channel", "channel.name", config.channel.iter().map(|channel| &channel.name))?;
    let mut owners = Owners::default();
    let mut lanes = Vec::new();
    for lane in &config.lane {
        let source = source(file, host, lane, &mut owners)?;
        let idle_sleep_us = *lane.idle_sleep_us.get_ref();
        if idle_sleep_us > IDLE_SLEEP_MAX_US {
            return Err(file.refuse(
                lane.idle_sleep_us.span(),
                "lane.idle_sleep_us",
                format_args!("{idle_sleep_us} is too long: timers and heartbeat would wait for it"),
                format_args!("use 0 (spin) to {IDLE_SLEEP_MAX_US}"),
            ));
        }
        let name = lane.name.get_ref().clone();
        lanes.push(LanePlan {
            name,
            core: u32::MAX,
            node: 0,
            source,
            idle_sleep_us,
            latency_every: *lane.latency_every.get_ref(),
            stages_every: *lane.stages_every.get_ref(),
            publications: Vec::new(),
            channels: Vec::new(),
        });
    }
    cores(file, host, &mut lanes)?;
    channels::plan(file, host, &mut lanes)?;
    for (lane, written) in lanes.iter().zip(&config.lane) {
        if lane.channels.is_empty() {
            return Err(file.refuse(
                written.name.span(),
                "lane.name",
                format_args!("lane `{}` has no channel: a core would spin for nothing", lane.name),
                "remove the lane, or name it in a [[channel]]",
            ));
        }
    }
    Ok(lanes)
}

/// Who has what, over all lanes.
#[derive(Default)]
struct Owners {
    queues: HashMap<(String, u32), String>,
    /// One program is attached to an interface, in one mode, whatever lanes share it.
    modes: HashMap<String, (config::XdpMode, bool, String)>,
}

fn source(file: &ConfigFile, host: &Host, lane: &config::Lane, owners: &mut Owners) -> Result<SourcePlan, Error> {
    let name = lane.name.get_ref();
    if *lane.source.get_ref() == SourceKind::Udp {
        let useless = [
            (lane.interface.first().map(|interface| interface.name.span()), "lane.interface", "own no receive queues"),
            (lane.xdp.as_ref().map(Spanned::span), "lane.xdp", "have no use for AF_XDP settings"),
        ];
        for (span, section, why) in useless {
            if let Some(span) = span {
                let brackets = if section == "lane.xdp" { "[lane.xdp]" } else { "[[lane.interface]]" };
                return Err(file.refuse(
                    span,
                    section,
                    format_args!("lane `{name}` has source = \"udp\": sockets {why}"),
                    format_args!("remove {brackets}, or set source = \"xdp\"; a line is joined on the interface it names itself"),
                ));
            }
        }
        let settings = lane.udp.as_ref().map_or_else(Udp::default, |udp| udp.get_ref().clone());
        if !RECEIVE_BUFFER_BYTES.contains(&settings.receive_buffer_bytes) {
            return Err(file.refuse(
                lane.udp.as_ref().map_or(0..0, Spanned::span),
                "lane.udp.receive_buffer_bytes",
                format_args!("{} is out of range", settings.receive_buffer_bytes),
                format_args!("use {} to {}", RECEIVE_BUFFER_BYTES.start(), RECEIVE_BUFFER_BYTES.end()),
            ));
        }
        blocks(file, lane, &settings)?;
        return Ok(SourcePlan::Udp { settings });
    }
    if let Some(udp) = &lane.udp {
        return Err(file.refuse(
            udp.span(),
            "lane.udp",
            format_args!("lane `{name}` has source = \"xdp\": socket settings have no effect"),
            "remove [lane.udp], or set source = \"udp\"",
        ));
    }
    if lane.interface.is_empty() {
        return Err(file.refuse(
            lane.name.span(),
            "lane.interface",
            format_args!("lane `{name}` has source = \"xdp\" but owns no receive queue"),
            "add [[lane.interface]] with the interface its lines arrive on",
        ));
    }
    let settings = lane.xdp.as_ref().map_or_else(Xdp::default, |xdp| xdp.get_ref().clone());
    umem(file, &settings)?;
    let mut queues = Vec::new();
    for interface in &lane.interface {
        let there = found_interface(file, host, &interface.name, "lane.interface.name")?;
        fits(file, interface, there, &settings)?;
        same_mode(file, interface, name, &settings, owners)?;
        for queue in queues_of(file, interface, there, name)? {
            if let Some(owner) = owners.queues.insert((there.name.clone(), queue), name.clone()) {
                let twice = format!("lane `{name}` twice");
                let both = if owner == *name { twice } else { format!("lane `{owner}` and to lane `{name}`") };
                return Err(file.refuse(
                    interface.queues.as_ref().map_or(interface.name.span(), Spanned::span),
                    "lane.interface.queues",
                    format_args!("receive queue {queue} of `{}` would belong to {both}", there.name),
                    "a queue has one owner: name each once, and give each lane queues of its own",
                ));
            }
            queues.push(QueuePlan { interface: there.name.clone(), queue, flows_pinned: interface.flows_pinned });
        }
    }
    Ok(SourcePlan::Xdp { queues, settings })
}

/// A lane waits in one place only.
fn blocks(file: &ConfigFile, lane: &config::Lane, udp: &Udp) -> Result<(), Error> {
    let name = lane.name.get_ref();
    let refuse = |what: &dyn std::fmt::Display, cure: &str| Err(file.refuse(udp.block.span(), "lane.udp.block", what, cure));
    if *udp.block.get_ref() && udp.engine == config::UdpEngine::IoUring {
        let what = format_args!("lane `{name}` has engine = \"io_uring\", which spins");
        return refuse(&what, "set engine = \"recvmmsg\" (or leave it out), or block = false");
    }
    if *udp.block.get_ref() && *lane.idle_sleep_us.get_ref() > 0 {
        let what = format_args!("lane `{name}` would wait in the kernel, which wakes it, and sleep besides, which nothing ends early");
        return refuse(&what, "leave lane.idle_sleep_us out, or set block = false");
    }
    Ok(())
}

fn umem(file: &ConfigFile, xdp: &Xdp) -> Result<(), Error> {
    let (frames, bytes) = (*xdp.frames.get_ref(), *xdp.frame_bytes.get_ref());
    if !frames.is_power_of_two() || !FRAMES.contains(&frames) {
        return Err(file.refuse(
            xdp.frames.span(),
            "lane.xdp.frames",
            format_args!("{frames} is no number of frames the kernel takes"),
            format_args!("use a power of two from {} to {}; the default is 8192", FRAMES.start(), FRAMES.end()),
        ));
    }
    if !matches!(bytes, 2048 | 4096) {
        return Err(file.refuse(
            xdp.frame_bytes.span(),
            "lane.xdp.frame_bytes",
            format_args!("{bytes} is no size of a frame the kernel takes"),
            "use 2048, or 4096 for an MTU above 1500",
        ));
    }
    Ok(())
}

/// A full-sized frame must fit into one chunk: what is in several is dropped.
fn fits(file: &ConfigFile, interface: &config::LaneInterface, there: &HostInterface, xdp: &Xdp) -> Result<(), Error> {
    let bytes = *xdp.frame_bytes.get_ref();
    let room = bytes - XDP_HEADROOM_BYTES;
    if there.mtu.saturating_add(FRAME_OVERHEAD_BYTES) <= room {
        return Ok(());
    }
    let smaller = format!("`ip link set {} mtu 1500`", there.name);
    let larger = 4096 - XDP_HEADROOM_BYTES - FRAME_OVERHEAD_BYTES;
    let cure = match () {
        // Everything on the host uses it: it is no cable whose frames may be made smaller.
        () if there.name == "lo" => "receive it by sockets, lane.source = \"udp\"".to_owned(),
        () if bytes < 4096 && there.mtu <= larger => format!("set lane.xdp.frame_bytes = 4096, or {smaller}"),
        () => smaller,
    };
    Err(file.refuse(
        interface.name.span(),
        "lane.interface.name",
        format_args!(
            "`{}` has an MTU of {} bytes; with headers that is more than the {room} bytes of room in a frame of {bytes}",
            there.name, there.mtu
        ),
        cure,
    ))
}

fn same_mode(file: &ConfigFile, interface: &config::LaneInterface, lane: &str, xdp: &Xdp, owners: &mut Owners) -> Result<(), Error> {
    let name = interface.name.get_ref();
    let mine = (xdp.mode, interface.flows_pinned);
    let (mode, pinned, other) = owners.modes.entry(name.clone()).or_insert_with(|| (mine.0, mine.1, lane.to_owned()));
    if (*mode, *pinned) == mine {
        return Ok(());
    }
    let key = if *mode == mine.0 { "flows_pinned" } else { "[lane.xdp] mode" };
    Err(file.refuse(
        interface.name.span(),
        "lane.interface.name",
        format_args!("`{name}` is shared with lane `{other}`, which has another {key}: one program serves the whole interface"),
        format_args!("give {key} the same value wherever `{name}` stands"),
    ))
}

fn queues_of(file: &ConfigFile, interface: &config::LaneInterface, there: &HostInterface, lane: &str) -> Result<Vec<u32>, Error> {
    let count = there.queues.max(1);
    let Some(written) = &interface.queues else { return Ok((0..count).collect()) };
    let refuse =
        |what: &dyn std::fmt::Display, cure: &dyn std::fmt::Display| Err(file.refuse(written.span(), "lane.interface.queues", what, cure));
    let wanted = written.get_ref();
    if wanted.is_empty() {
        return refuse(
            &format_args!("lane `{lane}` takes no receive queue of `{}`", there.name),
            &"name some, or leave `queues` out for all",
        );
    }
    if let Some(queue) = wanted.iter().find(|&&queue| queue >= count) {
        return refuse(
            &format_args!("`{}` has no receive queue {queue}", there.name),
            &format_args!("it has {}; `ethtool -l {}` shows them", ranges(0..count), there.name),
        );
    }
    let different = wanted.iter().collect::<std::collections::HashSet<_>>().len();
    if different < count as usize && !interface.flows_pinned {
        return refuse(
            &format_args!(
                "lane `{lane}` takes {different} of the {count} receive queues of `{}`: a datagram on another would never reach it",
                there.name
            ),
            &format_args!(
                "leave `queues` out to take all, `ethtool -L {} combined {different}` to have no others, or pin the groups with `ethtool -N` and set flows_pinned = true",
                there.name
            ),
        );
    }
    Ok(wanted.clone())
}

pub(super) fn found_interface<'a>(
    file: &ConfigFile,
    host: &'a Host,
    name: &Spanned<String>,
    key: &str,
) -> Result<&'a HostInterface, Error> {
    let interface = host.interface(name.get_ref()).ok_or_else(|| {
        let names = host.interfaces.iter().map(|interface| interface.name.as_str());
        file.refuse(name.span(), key, format_args!("there is no network interface `{}`", name.get_ref()), choices(name.get_ref(), names))
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
    let usable = || ranges(host.cores.iter().map(|&(id, _)| id));
    for (lane, written) in lanes.iter_mut().zip(&file.config.lane) {
        let Some(core) = &written.core else { continue };
        let number = *core.get_ref();
        lane.node = host.node_of(number).ok_or_else(|| {
            file.refuse(
                core.span(),
                "lane.core",
                format_args!("core {number} does not exist, or this process may not use it"),
                format_args!("use one of {}, or widen its cpuset (AllowedCPUs)", usable()),
            )
        })?;
        if let Some(other) = taken.insert(number, lane.name.clone()) {
            return Err(file.refuse(
                core.span(),
                "lane.core",
                format_args!(
                    "core {number} would carry lane `{other}` and lane `{}`: two threads that never sleep starve each other",
                    lane.name
                ),
                format_args!("give each lane a core of its own; this process may use {}", usable()),
            ));
        }
        lane.core = number;
    }
    for (lane, written) in lanes.iter_mut().zip(&file.config.lane).filter(|(_, written)| written.core.is_none()) {
        let near = match &lane.source {
            SourcePlan::Xdp { queues, .. } => queues.first().and_then(|queue| host.interface(&queue.interface)).and_then(|i| i.node),
            SourcePlan::Udp { .. } => near_lines(file, host, written),
        };
        // Core 0 takes the host's own work on most machines: last choice.
        let free = |&&(id, node): &&(u32, u32)| (!taken.contains_key(&id)).then_some((Some(node) != near, id == 0, id, node));
        let Some((_, _, core, node)) = host.cores.iter().filter_map(|core| free(&core)).min() else {
            return Err(file.refuse(
                written.name.span(),
                "lane.core",
                format_args!(
                    "no core is left for lane `{}`: {} lanes, and this process may use {}",
                    lane.name,
                    file.config.lane.len(),
                    usable()
                ),
                "put several channels into one lane, or widen its cpuset (AllowedCPUs)",
            ));
        };
        taken.insert(core, lane.name.clone());
        (lane.core, lane.node) = (core, node);
    }
    Ok(())
}

/// The node of the first interface that a UDP lane's lines name: there the frames come into memory.
fn near_lines(file: &ConfigFile, host: &Host, lane: &config::Lane) -> Option<u32> {
    let mine = file.config.channel.iter().filter(|channel| channel.lane.get_ref() == lane.name.get_ref());
    mine.flat_map(|channel| &channel.line).find_map(|line| host.interface(line.interface.get_ref())?.node)
}

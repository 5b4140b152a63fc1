//! The steering programs of all interfaces and the multicast joins held for them, over the life of the process.
//!
//! Order (each step has its reason in the kernel): load the programs; the lanes open their sockets and register them; only then
//! attach, for a program attached earlier would let datagrams through to the kernel unseen; then join, so that nothing comes
//! before somebody takes it. Deleting an interface undoes the last two, and another tool may take the program off:
//! [`Steerings::keep`] does them again.

use crate::config::XdpMode;
use crate::error::Error;
use crate::plan::{LanePlan, LinePlan, Plan, SourcePlan};
use crate::source::SourceError;
use crate::source::multicast::Joins;
use crate::source::xdp::{AttachMode, Attached, Interface, SharedSteering, SteeredLine, Steering};

use super::open::host;

/// All interfaces that AF_XDP lanes use.
pub(super) struct Steerings(Vec<Steered>);

struct Steered {
    name: String,
    steering: SharedSteering,
    mode: AttachMode,
    /// The flows reach only the queues that have a socket.
    pinned: bool,
    groups: Vec<std::net::Ipv4Addr>,
    /// Held, on the interface of that index.
    joins: Option<(Joins, u32)>,
    /// What was said last about what is wrong here, so that it is said once.
    told: String,
}

impl Steerings {
    /// Loads a program for every interface that AF_XDP lanes use.
    pub(super) fn load(plan: &Plan) -> Result<Self, Error> {
        let steered = |(name, lines): (String, Vec<&LinePlan>)| {
            let interface = Interface::find(&name)?;
            let groups = lines.iter().map(|line| line.key.group).collect();
            let lines: Vec<SteeredLine> = lines.into_iter().map(line).collect();
            let steering = SharedSteering::new(Steering::load(&interface, &lines)?);
            let (mode, pinned) = mode_of(plan, &name);
            Ok(Steered { name, steering, mode, pinned, groups, joins: None, told: String::new() })
        };
        plan.steered().into_iter().map(steered).collect::<Result<_, _>>().map(Self).map_err(host)
    }

    /// Those of one lane's interfaces.
    pub(super) fn of(&self, lane: &LanePlan) -> Vec<(String, SharedSteering)> {
        let SourcePlan::Xdp { queues, .. } = &lane.source else { return Vec::new() };
        let mine = |name: &str| queues.iter().any(|queue| queue.interface == name);
        self.0.iter().filter(|one| mine(&one.name)).map(|one| (one.name.clone(), one.steering.clone())).collect()
    }

    /// Attaches every program and joins every group. All sockets are registered by now.
    pub(super) fn attach(&mut self) -> Result<(), Error> {
        for one in &mut self.0 {
            let attached = one.attach().map_err(host)?;
            one.join().map_err(host)?;
            tracing::info!("{}: program attached, {}", one.name, described(&attached));
        }
        Ok(())
    }

    /// Attaches and joins again what was undone. Does nothing about interfaces that are gone: the lanes tell of those.
    pub(super) fn keep(&mut self) {
        for one in &mut self.0 {
            match one.keep() {
                Ok(()) => one.told.clear(),
                Err(error) if error.why != one.told => {
                    tracing::error!("{}: nothing is received, its program is not attached: {error}", one.name);
                    one.told = error.why;
                }
                Err(_) => {}
            }
        }
    }

    /// Logs what the programs did with the frames so far: what passed to the kernel is counted nowhere else.
    pub(super) fn report(&self) {
        for one in &self.0 {
            let frames = one.steering.lock().frames();
            match frames {
                Ok(frames) => {
                    let parts: Vec<String> = frames.iter().map(|(what, count)| format!("{} {count}", what.name())).collect();
                    if !parts.is_empty() {
                        tracing::info!("{}: frames by what the program did: {}", one.name, parts.join(", "));
                    }
                }
                Err(error) => tracing::warn!("{error}"),
            }
        }
    }
}

impl Steered {
    fn attach(&self) -> Result<Attached, SourceError> {
        self.steering.lock().attach(self.mode, self.pinned)
    }

    fn join(&mut self) -> Result<(), SourceError> {
        self.joins = None;
        let index = Interface::find(&self.name)?.index;
        self.joins = Some((Joins::hold(&self.name, &self.groups)?, index));
        Ok(())
    }

    fn keep(&mut self) -> Result<(), SourceError> {
        let Ok(there) = Interface::find(&self.name) else { return Ok(()) };
        let made_again = self.joins.as_ref().is_none_or(|&(_, index)| index != there.index);
        if !self.steering.lock().attached()? {
            let attached = self.attach()?;
            let how = described(&attached);
            if made_again {
                tracing::warn!("{}: the interface is back; program attached again, {how}", self.name);
            } else {
                tracing::error!(
                    "{}: our program was removed by somebody else; attached again, {how}; datagrams were lost meanwhile",
                    self.name
                );
            }
        }
        if made_again {
            self.join()?;
        }
        Ok(())
    }
}

fn described(attached: &Attached) -> String {
    let how = if attached.native { "native (in the driver)" } else { "generic" };
    attached.note.as_ref().map_or_else(|| how.to_owned(), |note| format!("{how}: {note}"))
}

/// Mode and pinning of the lane that owns the interface's queues.
fn mode_of(plan: &Plan, name: &str) -> (AttachMode, bool) {
    for lane in &plan.lanes {
        if let SourcePlan::Xdp { queues, settings } = &lane.source
            && let Some(queue) = queues.iter().find(|queue| queue.interface == name)
        {
            let mode = match settings.mode {
                XdpMode::Auto => AttachMode::Automatic,
                XdpMode::Native => AttachMode::Native,
                XdpMode::Generic => AttachMode::Generic,
            };
            return (mode, queue.flows_pinned);
        }
    }
    (AttachMode::Automatic, false)
}

fn line(line: &LinePlan) -> SteeredLine {
    SteeredLine { group: line.key.group, port: line.key.port, vlan: None, sources: line.from.into_iter().collect() }
}

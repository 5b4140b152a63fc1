//! The wire between sender and handler: a pair of virtual interfaces between two nameless hosts, or two interfaces joined by a cable.

use crate::bench::sender::transport::SOURCE;
use crate::error::{Error, Exit};
use crate::sys::interfaces::{self, Interface};
use crate::sys::netns::Namespace;

/// What AF_XDP takes with room to spare.
const LARGEST_MTU: u32 = 1_500;
/// The names of the virtual interfaces: the sender's, the receiver's.
const VETH: [&str; 2] = ["tw-a", "tw-b"];

/// Two ends: what is sent out of one arrives at the other.
#[derive(Debug)]
pub struct Wire {
    sender: End,
    receiver: End,
}

#[derive(Debug)]
struct End {
    /// `None`: this host.
    namespace: Option<Namespace>,
    interface: String,
}

impl Wire {
    /// Two hosts on this machine, joined by a pair of virtual interfaces. They are gone with this process, however it ends.
    ///
    /// Errors: the host refuses namespaces or interfaces.
    pub fn veth() -> Result<Self, Error> {
        let refuse = |what: &str, error: std::io::Error| {
            let cure = "run it as root, or give it CAP_SYS_ADMIN and CAP_NET_ADMIN, or name two interfaces that are joined by a cable, or run in process";
            Error::new(Exit::Host, what, error, cure)
        };
        let host = || Namespace::new().map_err(|error| refuse("cannot make a network namespace (unshare)", error));
        let (sender, receiver) = (host()?, host()?);
        sender.join(VETH[0], &receiver, VETH[1]).map_err(|error| refuse("cannot join two namespaces by a veth pair", error))?;
        sender.give_address(VETH[0], *SOURCE.ip()).map_err(|error| refuse("cannot give an interface its address", error))?;
        let [sender, receiver] = [(sender, VETH[0]), (receiver, VETH[1])]
            .map(|(namespace, interface)| End { namespace: Some(namespace), interface: interface.to_owned() });
        Ok(Self { sender, receiver })
    }

    /// Two interfaces of this host, one's cable in the other.
    ///
    /// Errors: one is not there, or down; they are one, which receives nothing of what it sends (except loopback).
    pub fn between(sender: &str, receiver: &str) -> Result<Self, Error> {
        for name in [sender, receiver] {
            let there = Interface::named(name).map_err(|_| {
                let cure = format!("there is: {}", interfaces::names().join(", "));
                Error::new(Exit::Usage, format!("interface {name:?}"), "there is no such interface", cure)
            })?;
            if !there.up {
                return Err(Error::new(Exit::Host, format!("interface {name:?}"), "it is down", format!("`ip link set {name} up`")));
            }
            if sender == receiver && !there.loopback {
                let why = "it is the sender's and the receiver's, and does not receive what it sends";
                return Err(Error::new(Exit::Usage, format!("interface {name:?}"), why, "name two, joined by a cable, or use --veth"));
            }
        }
        let end = |name: &str| End { namespace: None, interface: name.to_owned() };
        Ok(Self { sender: end(sender), receiver: end(receiver) })
    }

    /// What datagrams are sent out of.
    pub fn sender(&self) -> &str {
        &self.sender.interface
    }

    /// What they arrive at.
    pub fn receiver(&self) -> &str {
        &self.receiver.interface
    }

    /// Whether the interfaces are virtual, and the handler sees no others.
    pub fn is_virtual(&self) -> bool {
        self.receiver.namespace.is_some()
    }

    /// Why the kernel's sockets may receive nothing of what arrives, and the cure; `None`: nothing speaks against it.
    pub fn source_check(&self) -> Option<String> {
        if self.is_virtual() || self.sender() == self.receiver() {
            return None;
        }
        // The stricter of the two counts; 1 wants the way back to lead through the same interface.
        let is_strict = |scope: &&str| {
            std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter")).is_ok_and(|value| value.trim() == "1")
        };
        let scope = [self.receiver(), "all"].into_iter().find(is_strict)?;
        // As sysctl writes a name with dots in it.
        let strict = format!("net.ipv4.conf.{}.rp_filter", scope.replace('.', "/"));
        Some(format!(
            "{strict} = 1: the kernel drops datagrams from senders that {} does not lead to, as ours; `sysctl {strict}=0`",
            self.receiver()
        ))
    }

    /// Refuses AF_XDP where a frame of the receiving interface is larger than a buffer of it, and nobody should make the frame smaller:
    /// loopback is used by everything on a host.
    pub fn admit_xdp(&self) -> Result<(), Error> {
        let Some(there) = Interface::named(self.receiver()).ok().filter(|_| !self.is_virtual()) else { return Ok(()) };
        if !there.loopback || there.mtu <= LARGEST_MTU {
            return Ok(());
        }
        let why = format!("the loopback's frames are up to {} bytes long, and AF_XDP takes no frame of more than a page", there.mtu);
        let cure = "receive by sockets: --source udp; or send over --veth";
        Err(Error::new(Exit::Usage, format!("AF_XDP on {}", there.name), why, cure))
    }

    /// Runs something on the sender's host; threads and processes that it starts stay there.
    pub fn on_sender<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        self.sender.run(work)
    }

    /// Runs something on the receiver's host; threads and processes that it starts stay there.
    pub fn on_receiver<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        self.receiver.run(work)
    }
}

impl End {
    fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        match &self.namespace {
            Some(namespace) => namespace.run(work),
            None => work(),
        }
    }
}

impl std::fmt::Display for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = if self.is_virtual() { "a veth pair between two network namespaces" } else { "two interfaces of this host" };
        write!(f, "on the wire: {how}, {} to {}", self.sender(), self.receiver())
    }
}

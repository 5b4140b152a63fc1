//! Which core is on which NUMA node, and which network interface: plain data, read once at start through hwloc.
//!
//! A lane's core, its memory and the interface it polls should share a node; a frame that crosses the interconnect costs about
//! a cache miss more, each time. The plan decides by this table, and because it is plain data a test can make one up.
//!
//! Loading never fails: where hwloc sees no nodes (containers, machines without /sys) there is one node with every core this
//! thread may use, and [`Topology::notes`] says so.

use hwlocality::Topology as Hwloc;
use hwlocality::object::TopologyObject;
use hwlocality::object::attributes::ObjectAttributes;
use hwlocality::object::types::{OSDeviceType, ObjectType};
use hwlocality::topology::builder::{BuildFlags, TopologyBuilder, TypeFilter};

use crate::sys::huge_pages::{self, HugePool};
use crate::sys::{affinity, numa};

/// A core as the kernel numbers them: a logical processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// The kernel's number, what `taskset` and `/proc/cpuinfo` call it.
    pub id: usize,
    /// The NUMA node it is on.
    pub node: usize,
    /// The physical core it is a thread of; two with the same number share one core's execution units.
    pub physical: usize,
    /// This process may run on it (cgroup and affinity of the loading thread).
    pub allowed: bool,
}

/// A NUMA node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The kernel's number.
    pub id: usize,
    /// Its memory; 0 where not known.
    pub memory_bytes: u64,
    /// Its huge pages, by size; empty where there are none, or another machine was loaded.
    pub huge_pages: Vec<HugePool>,
}

/// A network interface that hwloc knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Its name. In a network namespace whose /sys is another's, these are the other's names.
    pub name: String,
    /// The node its slot is wired to; `None` for a virtual one on a machine with several nodes.
    pub node: Option<usize>,
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// By id.
    pub cores: Vec<Core>,
    /// By id.
    pub nodes: Vec<Node>,
    /// By name.
    pub nics: Vec<Nic>,
    /// What could not be found out, for the log: one sentence each.
    pub notes: Vec<String>,
}

impl Topology {
    /// This machine. Call it before the thread is pinned: `allowed` is what the calling thread may use.
    pub fn load() -> Self {
        let allowed = affinity::allowed_cores();
        let mut topology = match builder().and_then(|builder| builder.build().map_err(|error| error.to_string())) {
            Ok(hwloc) => Self::read(&hwloc, |core| allowed.contains(&core)),
            Err(error) => Self { notes: vec![format!("hwloc cannot read this machine: {error}")], ..Self::default() },
        };
        for node in &mut topology.nodes {
            node.huge_pages = huge_pages::pools(node.id);
        }
        topology.complete(&allowed);
        topology
    }

    /// A machine that `lstopo --of xml` described; every core counts as allowed. The error is hwloc's sentence.
    pub fn from_xml(xml: &str) -> Result<Self, String> {
        let builder = builder()?.from_xml(xml).map_err(|error| error.to_string())?;
        Ok(Self::read(&builder.build().map_err(|error| error.to_string())?, |_| true))
    }

    /// A machine in hwloc's synthetic notation, as `numa:2 core:4 pu:2`; every core counts as allowed. It has no interfaces.
    pub fn from_synthetic(description: &str) -> Result<Self, String> {
        let builder = builder()?.from_synthetic(description).map_err(|error| error.to_string())?;
        Ok(Self::read(&builder.build().map_err(|error| error.to_string())?, |_| true))
    }

    fn read(hwloc: &Hwloc, allowed: impl Fn(usize) -> bool) -> Self {
        let mut nodes: Vec<Node> = hwloc
            .objects_with_type(ObjectType::NUMANode)
            .filter_map(|node| Some(Node { id: node.os_index()?, memory_bytes: node.total_memory(), huge_pages: Vec::new() }))
            .collect();
        let mut cores: Vec<Core> = hwloc
            .objects_with_type(ObjectType::PU)
            .filter_map(|pu| {
                let id = pu.os_index()?;
                // hwloc counts physical cores through the whole machine; the kernel's numbers start again in each socket.
                let physical = pu.first_ancestor_with_type(ObjectType::Core).map_or(id, TopologyObject::logical_index);
                Some(Core { id, node: node_of(pu).unwrap_or(0), physical, allowed: allowed(id) })
            })
            .collect();
        let mut nics: Vec<Nic> = hwloc
            .os_devices()
            .filter(
                |device| matches!(device.attributes(), Some(ObjectAttributes::OSDevice(os)) if os.device_type() == OSDeviceType::Network),
            )
            .filter_map(|device| {
                let name = device.name()?.to_str().ok()?.to_owned();
                let node = device.first_non_io_ancestor().and_then(only_node_of);
                Some(Nic { name, node })
            })
            .collect();
        nodes.sort_by_key(|node| node.id);
        cores.sort_by_key(|core| core.id);
        nics.sort_by(|a, b| a.name.cmp(&b.name));
        Self { cores, nodes, nics, notes: Vec::new() }
    }

    /// Fills in what hwloc did not see.
    fn complete(&mut self, allowed: &[usize]) {
        for &id in allowed {
            if self.core(id).is_none() {
                self.cores.push(Core { id, node: 0, physical: id, allowed: true });
                self.notes.push(format!("core {id} is not in hwloc's picture; taken to be on node 0"));
            }
        }
        self.cores.sort_by_key(|core| core.id);
        if self.nodes.is_empty() {
            self.nodes.push(Node { id: 0, memory_bytes: 0, huge_pages: huge_pages::pools(0) });
            self.notes.push("no NUMA nodes can be seen (a container?): everything is taken to be on one".into());
        }
    }

    /// The core of that number.
    pub fn core(&self, id: usize) -> Option<&Core> {
        self.cores.iter().find(|core| core.id == id)
    }

    /// The node an interface is wired to; `None` if it is not known, or to none in particular.
    pub fn node_of_nic(&self, name: &str) -> Option<usize> {
        match (self.nics.iter().find(|nic| nic.name == name), &self.nodes[..]) {
            (Some(Nic { node: Some(node), .. }), _) => Some(*node),
            // Where there is one node, everything is on it, known to hwloc or not.
            (_, [only]) => Some(only.id),
            _ => None,
        }
    }

    /// The allowed cores of a node, by id: where lanes that poll its interfaces belong.
    pub fn allowed_cores_of(&self, node: usize) -> impl Iterator<Item = &Core> {
        self.cores.iter().filter(move |core| core.node == node && core.allowed)
    }

    /// Makes what the calling thread allocates from now on come from the node of `core`. `Ok` says which node, or that there
    /// is only one; `Err` is a sentence for the log, and the thread then takes memory where the kernel gives it.
    pub fn prefer_memory_near(&self, core: usize) -> Result<usize, String> {
        let node = self.core(core).map(|core| core.node).ok_or_else(|| format!("core {core} is not known"))?;
        if self.nodes.len() > 1 {
            numa::prefer_node(node)
                .map_err(|error| format!("memory of the thread on core {core} cannot be bound to node {node}: {error}"))?;
        }
        Ok(node)
    }
}

/// What to look at: cores a cgroup forbids too (so that a plan can say "forbidden" instead of "absent"), and all network
/// interfaces, virtual ones included.
fn builder() -> Result<TopologyBuilder, String> {
    TopologyBuilder::new()
        .with_flags(BuildFlags::INCLUDE_DISALLOWED)
        .map_err(|error| error.to_string())?
        .with_io_type_filter(TypeFilter::KeepAll)
        .map_err(|error| error.to_string())
}

/// The first node an object is on.
fn node_of(object: &TopologyObject) -> Option<usize> {
    object.nodeset()?.first_set().map(usize::from)
}

/// The node an object is on, unless it is on several.
fn only_node_of(object: &TopologyObject) -> Option<usize> {
    (object.nodeset()?.weight() == Some(1)).then(|| node_of(object)).flatten()
}

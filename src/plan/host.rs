//! What a plan needs to know of the host: plain data, so that plans can be made for hosts that are not here.

/// The host as the plan sees it.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Cores this process may use: (number, NUMA node).
    pub cores: Vec<(u32, u32)>,
    /// Network interfaces.
    pub interfaces: Vec<HostInterface>,
    /// Bytes free where publications are made; `None` where that cannot be told.
    pub shm_free_bytes: Option<u64>,
}

/// One network interface.
#[derive(Clone, Debug, Default)]
pub struct HostInterface {
    /// Its name.
    pub name: String,
    /// Administratively up.
    pub up: bool,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// Receive queues.
    pub queues: u32,
    /// NUMA node it hangs on, where known.
    pub node: Option<u32>,
}

impl Host {
    /// The interface of that name.
    pub fn interface(&self, name: &str) -> Option<&HostInterface> {
        self.interfaces.iter().find(|interface| interface.name == name)
    }

    /// The NUMA node of a core this process may use.
    pub fn node_of(&self, core: u32) -> Option<u32> {
        self.cores.iter().find(|&&(id, _)| id == core).map(|&(_, node)| node)
    }
}

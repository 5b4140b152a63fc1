//! Multicast groups on an interface: the joins held for AF_XDP, because NICs deliver nothing of a group that nobody on the host has joined.
//!
//! AF_XDP sockets have no notion of a group. An ordinary socket, bound to nothing, is joined to each group on the interface
//! for as long as this lives: it makes the kernel send the IGMP reports and set the NIC's filter, and receives nothing itself.
#![forbid(unsafe_code)]

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use super::SourceError;
use super::udp::join;
use super::xdp::Interface;

/// The Ethernet address that a group's frames are sent to (RFC 1112, 6.4): its low 23 bits behind 01:00:5e.
pub fn ethernet_address(group: Ipv4Addr) -> [u8; 6] {
    let [_, b, c, d] = group.octets();
    [0x01, 0x00, 0x5e, b & 0x7f, c, d]
}

/// The joins of one interface. Left when dropped; lost when the interface is deleted: hold them anew then.
#[derive(Debug)]
pub struct Joins {
    sockets: Vec<OwnedFd>,
    groups: usize,
}

impl Joins {
    /// Joins each group on the interface; a group named twice is joined once, unicast addresses need no join.
    pub fn hold(interface: &str, groups: &[Ipv4Addr]) -> Result<Self, SourceError> {
        let index = Interface::find(interface)?.index;
        let mut wanted: Vec<Ipv4Addr> = groups.iter().copied().filter(Ipv4Addr::is_multicast).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut joins = Self { sockets: Vec::new(), groups: 0 };
        for group in wanted {
            joins.join(group, index).map_err(|error| SourceError {
                what: format!("joining {group} on {interface}"),
                why: error.to_string(),
                cure: "the interface must be up and have IPv4 enabled; see also net.ipv4.igmp_max_memberships".into(),
            })?;
        }
        Ok(joins)
    }

    /// How many groups are joined.
    pub fn groups(&self) -> usize {
        self.groups
    }

    fn join(&mut self, group: Ipv4Addr, index: u32) -> std::io::Result<()> {
        self.groups += 1;
        if let Some(last) = self.sockets.last() {
            match join::join(last, group, index) {
                // A socket takes 20 groups unless net.ipv4.igmp_max_memberships says otherwise: open another.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                done => return done,
            }
        }
        let socket = join::socket()?;
        join::join(&socket, group, index)?;
        self.sockets.push(socket);
        Ok(())
    }
}

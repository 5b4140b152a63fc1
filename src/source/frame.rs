//! From one frame to its datagram: the one function all frame sources share, AF_XDP and captures alike.
//!
//! The payload is as long as the UDP header says, never as long as the frame: switches and capture cards leave padding,
//! tags and time stamps behind the datagram. Every length is checked before it is believed; what is not a whole IPv4/UDP
//! datagram is an `Err` with the reason to count. Nothing is copied, and nothing is called: the answer, handed back through memory by a call, would be waited for.

use std::net::Ipv4Addr;

use zerocopy::FromBytes;

use super::checksum;
use crate::stats::Drop;
use crate::wire::net;

/// One UDP datagram, found in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Destination address: the multicast group.
    pub group: Ipv4Addr,
    /// Destination port.
    pub port: u16,
    /// Sender's address.
    pub source: Ipv4Addr,
    /// Sender's port.
    pub source_port: u16,
    /// VLAN id of the outer tag; 0 where there is none (or a priority tag, whose id is 0).
    pub vlan: u16,
    /// The checksum as it stands in the header; 0: the sender computed none.
    pub checksum: u16,
    /// As many bytes as the UDP header says.
    pub payload: &'a [u8],
}

/// What to do about wrong UDP checksums. The default is not to look: the card has looked already, and in captures they
/// are often wrong because addresses were rewritten or the sender's card was to fill them in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumPolicy {
    /// Take the datagram whatever its checksum is.
    #[default]
    Ignore,
    /// Drop and count datagrams whose checksum is wrong.
    Verify,
}

/// The UDP datagram in an Ethernet II frame: up to two VLAN tags, IPv4 without options, no fragments.
#[inline(always)]
pub fn udp_payload(frame: &[u8]) -> Result<Udp<'_>, Drop> {
    udp_payload_snapped(frame, frame.len())
}

/// The same for a frame of which a capture kept only the beginning; `wire_len` is what it had on the wire.
/// A datagram that fitted the frame but not what was kept is [`Drop::FrameCut`], one that never fitted [`Drop::BadLength`].
#[inline(always)]
pub fn udp_payload_snapped(frame: &[u8], wire_len: usize) -> Result<Udp<'_>, Drop> {
    let (ethernet, rest) = net::Ethernet::ref_from_prefix(frame).map_err(|_| Drop::FrameCut)?;
    udp_after_ethertype(ethernet.ethertype.get(), rest, wire_len.saturating_sub(size_of::<net::Ethernet>()))
}

/// The same for what follows an ethertype, whichever link header that stood in; `wire_len` counts from `rest` on.
#[inline(always)]
pub fn udp_after_ethertype(ethertype: u16, rest: &[u8], wire_len: usize) -> Result<Udp<'_>, Drop> {
    let (mut ethertype, mut rest, mut wire_len) = (ethertype, rest, wire_len);
    let mut vlan = 0;
    for depth in 0..2 {
        if !matches!(ethertype, net::ETHERTYPE_VLAN | net::ETHERTYPE_SERVICE_VLAN | net::ETHERTYPE_OLD_SERVICE_VLAN) {
            break;
        }
        let (tag, behind) = net::VlanTag::ref_from_prefix(rest).map_err(|_| Drop::FrameCut)?;
        if depth == 0 {
            vlan = tag.control.get() & 0x0fff;
        }
        ethertype = tag.ethertype.get();
        rest = behind;
        wire_len = wire_len.saturating_sub(size_of::<net::VlanTag>());
    }
    if ethertype != net::ETHERTYPE_IPV4 {
        return Err(Drop::NotIpv4);
    }
    udp_in_ipv4(rest, wire_len, vlan)
}

/// The same for a packet that begins with its IPv4 header; `wire_len` counts from there, and may include padding.
#[inline(always)]
pub fn udp_in_ipv4(packet: &[u8], wire_len: usize, vlan: u16) -> Result<Udp<'_>, Drop> {
    let (ip, behind_ip) = net::Ipv4::ref_from_prefix(packet).map_err(|_| Drop::FrameCut)?;
    if ip.version_and_length >> 4 != 4 {
        return Err(Drop::NotIpv4);
    }
    // The protocol before the options: IGMP carries a router alert option and is nobody's lost market data.
    if ip.protocol != net::PROTOCOL_UDP {
        return Err(Drop::NotUdp);
    }
    match ip.version_and_length & 0x0f {
        5 => {}
        6.. => return Err(Drop::IpOptions),
        _ => return Err(Drop::BadLength),
    }
    // More fragments, or an offset: the first fragment has a UDP header, but not its whole payload.
    if ip.fragment.get() & 0x3fff != 0 {
        return Err(Drop::Fragment);
    }
    let (udp, behind_udp) = net::Udp::ref_from_prefix(behind_ip).map_err(|_| Drop::FrameCut)?;
    let total_length = usize::from(ip.total_length.get());
    let udp_length = usize::from(udp.length.get());
    let ip_payload = total_length.checked_sub(size_of::<net::Ipv4>()).ok_or(Drop::BadLength)?;
    let payload_length = udp_length.checked_sub(size_of::<net::Udp>()).ok_or(Drop::BadLength)?;
    if total_length > wire_len.max(packet.len()) || udp_length > ip_payload {
        return Err(Drop::BadLength);
    }
    Ok(Udp {
        group: Ipv4Addr::from(ip.destination),
        port: udp.destination_port.get(),
        source: Ipv4Addr::from(ip.source),
        source_port: udp.source_port.get(),
        vlan,
        checksum: udp.checksum.get(),
        payload: behind_udp.get(..payload_length).ok_or(Drop::FrameCut)?,
    })
}

/// Whether the UDP checksum is right, or was never computed by the sender (which is allowed).
/// Reads the whole payload: about as costly as all the rest of the way to the arbiter.
pub fn udp_checksum_ok(udp: &Udp<'_>) -> bool {
    udp.checksum == 0 || udp.checksum == checksum::udp(udp.source, udp.group, udp.source_port, udp.port, udp.payload)
}

/// Where in `frame` the payload of `udp` begins, if it was found there. The UDP header stands 8 bytes before it, the IPv4
/// header 28, because headers with options are refused.
pub fn payload_offset(frame: &[u8], udp: &Udp<'_>) -> Option<usize> {
    let offset = udp.payload.as_ptr().addr().checked_sub(frame.as_ptr().addr())?;
    (offset >= 28 && offset.checked_add(udp.payload.len())? <= frame.len()).then_some(offset)
}

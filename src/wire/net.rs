//! Ethernet, VLAN, IPv4 and UDP headers (IEEE 802.3 and 802.1Q, RFC 791, RFC 768), big-endian as they travel.
//!
//! Layout only; what a header means and when it is refused is [`crate::source::frame`]'s business.

use zerocopy::big_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Ethertype of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// Ethertype of an 802.1Q tag.
pub const ETHERTYPE_VLAN: u16 = 0x8100;
/// Ethertype of an 802.1ad service tag (the outer one of QinQ).
pub const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;
/// Ethertype of an outer tag before 802.1ad; switches still write it.
pub const ETHERTYPE_OLD_SERVICE_VLAN: u16 = 0x9100;
/// IP protocol number of UDP.
pub const PROTOCOL_UDP: u8 = 17;

/// Ethernet II header.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Ethernet {
    /// Destination address.
    pub destination: [u8; 6],
    /// Source address.
    pub source: [u8; 6],
    /// What follows.
    pub ethertype: U16,
}

/// What follows an ethertype that announces a VLAN tag.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct VlanTag {
    /// Priority (3 bits), drop eligible (1), VLAN id (12).
    pub control: U16,
    /// What follows.
    pub ethertype: U16,
}

/// IPv4 header without options.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Ipv4 {
    /// Version (high four bits) and header length in 32-bit words.
    pub version_and_length: u8,
    /// Differentiated services and congestion notification.
    pub service: u8,
    /// Bytes of header and payload.
    pub total_length: U16,
    /// Groups the fragments of a packet.
    pub identification: U16,
    /// Reserved, don't fragment, more fragments (0x2000), offset in 8-byte units (13 bits).
    pub fragment: U16,
    /// Hops left.
    pub ttl: u8,
    /// What follows.
    pub protocol: u8,
    /// Of the header.
    pub checksum: U16,
    /// Sender.
    pub source: [u8; 4],
    /// Receiver: the multicast group.
    pub destination: [u8; 4],
}

/// UDP header.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Udp {
    /// Sender's port.
    pub source_port: U16,
    /// Receiver's port.
    pub destination_port: U16,
    /// Bytes of this header and the payload.
    pub length: U16,
    /// Of pseudo header, header and payload; 0: not computed.
    pub checksum: U16,
}

const _: () = {
    assert!(size_of::<Ethernet>() == 14 && align_of::<Ethernet>() == 1);
    assert!(size_of::<VlanTag>() == 4 && align_of::<VlanTag>() == 1);
    assert!(size_of::<Ipv4>() == 20 && align_of::<Ipv4>() == 1);
    assert!(size_of::<Udp>() == 8 && align_of::<Udp>() == 1);
};

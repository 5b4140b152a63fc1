//! What has to be changed in a captured frame before it can be sent again.

use zerocopy::{FromBytes, IntoBytes};

use crate::source::frame::{Udp, payload_offset};
use crate::source::pcap::{Frame, Link};
use crate::source::{checksum, multicast};
use crate::wire::net;

/// Sender of frames whose capture kept no Ethernet header: locally administered, nobody's.
const SENDER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// Bytes from the start of the IPv4 header to the payload, there being no options.
const TO_PAYLOAD: usize = size_of::<net::Ipv4>() + size_of::<net::Udp>();

/// Appends to `out` the Ethernet frame that carries `udp`, which was found in `frame`. The destination becomes the group's
/// multicast address (RFC 1112 6.4); tags and trailing bytes stay. Other link layers get an Ethernet header.
/// False, and nothing appended, if `udp` is not of this frame.
pub(super) fn append_frame(out: &mut Vec<u8>, frame: &Frame<'_>, udp: &Udp<'_>, checksums: bool) -> bool {
    let Some(ip_at) = payload_offset(frame.bytes, udp).and_then(|offset| offset.checked_sub(TO_PAYLOAD)) else { return false };
    let start = out.len();
    if frame.link == Some(Link::Ethernet) {
        out.extend_from_slice(frame.bytes);
    } else {
        let ethertype = net::ETHERTYPE_IPV4.into();
        out.extend_from_slice(net::Ethernet { destination: [0xff; 6], source: SENDER, ethertype }.as_bytes());
        out.extend_from_slice(frame.bytes.get(ip_at..).unwrap_or_default());
    }
    let ip_at = if frame.link == Some(Link::Ethernet) { ip_at } else { size_of::<net::Ethernet>() };
    let Some(copy) = out.get_mut(start..) else { return false };
    if udp.group.is_multicast()
        && let Ok((ethernet, _)) = net::Ethernet::mut_from_prefix(copy)
    {
        ethernet.destination = multicast::ethernet_address(udp.group);
    }
    if checksums
        && let Some(packet) = copy.get_mut(ip_at..)
        && let Ok((ip, behind)) = net::Ipv4::mut_from_prefix(packet)
        && let Ok((header, _)) = net::Udp::mut_from_prefix(behind)
    {
        ip.checksum = 0.into();
        ip.checksum = checksum::ipv4_header(ip.as_bytes()).into();
        header.checksum = checksum::udp(udp.source, udp.group, udp.source_port, udp.port, udp.payload).into();
    }
    true
}

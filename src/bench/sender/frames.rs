//! The headers of a workload's frames: Ethernet, IPv4 and UDP by line, made beforehand but for what differs by datagram.
//!
//! Lengths and checksums are patched in when a frame goes. The checksum over a payload is computed beforehand too, so that the loop reads
//! a payload only to copy it.

use std::net::SocketAddrV4;

use crate::bench::workload::Workload;
use crate::source::checksum;
use crate::source::multicast::ethernet_address;
use crate::wire::net::{ETHERTYPE_IPV4, PROTOCOL_UDP};

/// Bytes of the three headers.
pub(super) const HEADERS: usize = 14 + 20 + 8;

/// Locally administered, nobody's.
const SENDER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0a];
/// Multicast that must not leave the segment.
const TIME_TO_LIVE: u8 = 1;

// Offsets in the frame.
const TOTAL_LENGTH: usize = 14 + 2;
const IP_CHECKSUM: usize = 14 + 10;
const UDP_LENGTH: usize = 34 + 4;
const UDP_CHECKSUM: usize = 34 + 6;

/// One line's headers, lengths and checksums zero, and the sums of what they have in common.
struct Template {
    bytes: [u8; HEADERS],
    ip_sum: u64,
    udp_sum: u64,
}

impl Template {
    fn new(source: SocketAddrV4, destination: SocketAddrV4) -> Self {
        let mut bytes = [0; HEADERS];
        bytes[..6].copy_from_slice(&ethernet_address(*destination.ip()));
        bytes[6..12].copy_from_slice(&SENDER);
        bytes[12..14].copy_from_slice(&ETHERTYPE_IPV4.to_be_bytes());
        // Version 4, five words; don't fragment, so the identification may be 0 (RFC 6864).
        bytes[14] = 0x45;
        bytes[20] = 0x40;
        bytes[22] = TIME_TO_LIVE;
        bytes[23] = PROTOCOL_UDP;
        bytes[26..30].copy_from_slice(&source.ip().octets());
        bytes[30..34].copy_from_slice(&destination.ip().octets());
        bytes[34..36].copy_from_slice(&source.port().to_be_bytes());
        bytes[36..38].copy_from_slice(&destination.port().to_be_bytes());
        let ip_sum = checksum::sum(&bytes[14..34]);
        // The pseudo header: addresses and protocol; then the ports.
        let udp_sum = checksum::sum(&bytes[26..38]) + u64::from(PROTOCOL_UDP);
        Self { bytes, ip_sum, udp_sum }
    }
}

/// What makes frames of a workload's datagrams.
pub(super) struct Headers {
    lines: Vec<Template>,
    /// By datagram: the sum over its payload, folded to 16 bits.
    payload_sums: Vec<u16>,
}

impl Headers {
    pub fn new(workload: &Workload, source: SocketAddrV4) -> Self {
        let lines = workload.lines.iter().map(|line| Template::new(source, SocketAddrV4::new(line.group, line.port))).collect();
        let payload_sums = workload.packets.iter().map(|packet| !checksum::finish(checksum::sum(workload.payload(packet)))).collect();
        Self { lines, payload_sums }
    }

    /// The headers of that datagram, which has so many bytes of payload; `None` if there is no such datagram or line.
    #[inline]
    pub fn of(&self, nth: usize, line: u16, payload_bytes: u16) -> Option<[u8; HEADERS]> {
        let template = self.lines.get(usize::from(line))?;
        // A UDP payload is at most 65,507 bytes: 28 more still fit.
        let (total, length) = (payload_bytes.wrapping_add(28), payload_bytes.wrapping_add(8));
        let mut bytes = template.bytes;
        bytes[TOTAL_LENGTH..TOTAL_LENGTH + 2].copy_from_slice(&total.to_be_bytes());
        let ip_checksum = checksum::finish(template.ip_sum + u64::from(total));
        bytes[IP_CHECKSUM..IP_CHECKSUM + 2].copy_from_slice(&ip_checksum.to_be_bytes());
        bytes[UDP_LENGTH..UDP_LENGTH + 2].copy_from_slice(&length.to_be_bytes());
        // The length stands in the pseudo header too. 0 on the wire would mean that there is no checksum.
        let sum = template.udp_sum + 2 * u64::from(length) + u64::from(*self.payload_sums.get(nth)?);
        let udp_checksum = match checksum::finish(sum) {
            0 => 0xffff,
            checksum => checksum,
        };
        bytes[UDP_CHECKSUM..UDP_CHECKSUM + 2].copy_from_slice(&udp_checksum.to_be_bytes());
        Some(bytes)
    }
}

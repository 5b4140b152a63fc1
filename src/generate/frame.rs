//! Ethernet frames of UDP multicast datagrams and classic pcap records around them, byte by byte, checksums right.

use std::net::Ipv4Addr;

/// Ethernet, IPv4 and UDP headers.
const HEADERS: usize = 14 + 20 + 8;

/// Where a datagram comes from and goes to.
#[derive(Clone, Copy)]
pub(super) struct Addresses {
    pub source: Ipv4Addr,
    pub source_mac: [u8; 6],
    pub source_port: u16,
    pub group: Ipv4Addr,
    pub port: u16,
}

/// A frame with this payload. `identification` goes into the IPv4 header; `payload_sum` is [`sum`] of the payload, taken
/// once for all lines.
pub(super) fn frame(addresses: &Addresses, identification: u16, payload: &[u8], payload_sum: u64) -> Vec<u8> {
    let [_, b, c, d] = addresses.group.octets();
    let mut frame = Vec::with_capacity(HEADERS + payload.len());
    // RFC 1112: the low 23 bits of the group behind 01:00:5e.
    frame.extend([0x01, 0x00, 0x5e, b & 0x7f, c, d]);
    frame.extend(addresses.source_mac);
    frame.extend([0x08, 0x00]);
    let udp_length = (8 + payload.len()) as u16;
    let mut ip = [0x45, 0, 0, 0, 0, 0, 0x40, 0, TIME_TO_LIVE, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    ip[2..4].copy_from_slice(&(20 + udp_length).to_be_bytes());
    ip[4..6].copy_from_slice(&identification.to_be_bytes());
    ip[12..16].copy_from_slice(&addresses.source.octets());
    ip[16..20].copy_from_slice(&addresses.group.octets());
    let checksum = finish(sum(&ip));
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(ip);
    // Pseudo header: both addresses, protocol, length; then the UDP header itself with the length again.
    let ports = u64::from(addresses.source_port) + u64::from(addresses.port);
    let udp_sum = sum(&ip[12..20]) + 17 + 2 * u64::from(udp_length) + ports + payload_sum;
    // 0 on the wire means "no checksum"; its ones' complement twin is sent instead.
    let udp_checksum = match finish(udp_sum) {
        0 => 0xffff,
        checksum => checksum,
    };
    for field in [addresses.source_port, addresses.port, udp_length, udp_checksum] {
        frame.extend(field.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

/// Multicast that must not leave the segment.
const TIME_TO_LIVE: u8 = 1;

/// The sum of the big-endian 16-bit words, not yet folded.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let pairs = bytes.chunks_exact(2);
    let last = pairs.remainder().first().map_or(0, |&byte| u64::from(byte) << 8);
    pairs.map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u64>() + last
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The header of a classic pcap file, little-endian, Ethernet, in nano- or microseconds.
pub(super) fn pcap_header(nanoseconds: bool) -> [u8; 24] {
    let mut header = [0; 24];
    let magic: u32 = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    header[..4].copy_from_slice(&magic.to_le_bytes());
    header[4..8].copy_from_slice(&[2, 0, 4, 0]);
    header[16..20].copy_from_slice(&65_535u32.to_le_bytes());
    header[20..24].copy_from_slice(&1u32.to_le_bytes());
    header
}

/// The header of one pcap record.
pub(super) fn pcap_record(nanoseconds: bool, time_ns: u64, length: u32) -> [u8; 16] {
    let below_second = (time_ns % 1_000_000_000) as u32;
    let fraction = if nanoseconds { below_second } else { below_second / 1_000 };
    let mut header = [0; 16];
    for (field, value) in header.chunks_exact_mut(4).zip([(time_ns / 1_000_000_000) as u32, fraction, length, length]) {
        field.copy_from_slice(&value.to_le_bytes());
    }
    header
}

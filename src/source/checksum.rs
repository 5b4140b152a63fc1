//! The Internet checksum (RFC 1071): verified where the policy says so, rewritten when a capture is played.

use std::net::Ipv4Addr;

/// Sum of 16-bit big-endian words, an odd last byte padded with zero; carries are folded by [`finish`]. Sums of parts of even length add up
/// to the sum of the whole.
pub fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(2);
    let odd = words.remainder().first().map_or(0, |&byte| u64::from(byte) << 8);
    // 2^48 words fit into the accumulator, a datagram has at most 2^15.
    words.map(|word| u64::from(u16::from_be_bytes([word[0], word[1]]))).sum::<u64>() + odd
}

/// Folds the carries and complements: the checksum of a sum.
pub fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Checksum of an IPv4 header whose checksum field is zero; over a header that carries a right one it is 0.
pub fn ipv4_header(header: &[u8]) -> u16 {
    finish(sum(header))
}

/// Checksum of a UDP datagram as it has to stand in the header: never 0, which means "not computed" (RFC 768).
pub fn udp(source: Ipv4Addr, destination: Ipv4Addr, source_port: u16, destination_port: u16, payload: &[u8]) -> u16 {
    let length = payload.len() as u64 + 8;
    // Pseudo header: addresses, protocol and length; then the header, in which the length stands a second time.
    let header = sum(&source.octets()) + sum(&destination.octets()) + 17 + u64::from(source_port) + u64::from(destination_port);
    match finish(header + 2 * length + sum(payload)) {
        0 => 0xffff,
        checksum => checksum,
    }
}

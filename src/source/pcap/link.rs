//! The link layers a capture may have been taken on, and the way from each to its UDP datagram.

use crate::source::frame::{Udp, udp_after_ethertype, udp_in_ipv4, udp_payload_snapped};
use crate::stats::Drop;

/// What the bytes of a captured frame begin with (numbers: the LINKTYPE registry of tcpdump.org).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet II (1).
    Ethernet,
    /// The IP header at once (101; 12 and 14 in files of some BSDs; 228: IPv4 only).
    RawIp,
    /// BSD loopback (0, 108): four bytes of address family, in the byte order of the machine that captured, or big-endian.
    Loopback,
    /// Linux "any" device (113): 16 bytes, the ethertype last.
    LinuxSll,
    /// Linux "any" device, version 2 (276): 20 bytes, the ethertype first.
    LinuxSll2,
}

/// The link types in words, for refusals.
pub(super) const UNDERSTOOD: &str = "Ethernet (1), raw IP (101, 228), BSD loopback (0, 108) and Linux cooked (113, 276)";

impl Link {
    /// The link layer of a LINKTYPE number, if it is one of ours.
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 => Self::RawIp,
            0 | 108 => Self::Loopback,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }

    /// The UDP datagram in a captured frame that had `wire_len` bytes on the wire.
    #[inline]
    pub fn udp(self, frame: &[u8], wire_len: usize) -> Result<Udp<'_>, Drop> {
        match self {
            Self::Ethernet => udp_payload_snapped(frame, wire_len),
            Self::RawIp => udp_in_ipv4(frame, wire_len, 0),
            Self::Loopback => {
                let (family, packet) = frame.split_first_chunk::<4>().ok_or(Drop::FrameCut)?;
                // AF_INET is 2 on every system that writes this.
                if !matches!(family, [2, 0, 0, 0] | [0, 0, 0, 2]) {
                    return Err(Drop::NotIpv4);
                }
                udp_in_ipv4(packet, wire_len.saturating_sub(4), 0)
            }
            Self::LinuxSll => {
                let (header, packet) = frame.split_first_chunk::<16>().ok_or(Drop::FrameCut)?;
                udp_after_ethertype(u16::from_be_bytes([header[14], header[15]]), packet, wire_len.saturating_sub(16))
            }
            Self::LinuxSll2 => {
                let (header, packet) = frame.split_first_chunk::<20>().ok_or(Drop::FrameCut)?;
                udp_after_ethertype(u16::from_be_bytes([header[0], header[1]]), packet, wire_len.saturating_sub(20))
            }
        }
    }
}

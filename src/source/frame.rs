//! Stand-in for the room being built elsewhere; dropped at merge.
#![forbid(unsafe_code)]
use crate::stats::Drop;
use std::net::Ipv4Addr;

/// One UDP datagram in a frame.
#[derive(Debug)]
pub struct Udp<'a> {
    /// Destination address.
    pub group: Ipv4Addr,
    /// Destination port.
    pub port: u16,
    /// Source address.
    pub source: Ipv4Addr,
    /// Outer tag, 0 none.
    pub vlan: u16,
    /// The payload.
    pub payload: &'a [u8],
}

fn be16(b: &[u8], at: usize) -> Result<u16, Drop> {
    b.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]])).ok_or(Drop::FrameCut)
}
fn address(b: &[u8], at: usize) -> Result<Ipv4Addr, Drop> {
    b.get(at..at + 4).map(|b| Ipv4Addr::new(b[0], b[1], b[2], b[3])).ok_or(Drop::FrameCut)
}

/// Frame to datagram.
pub fn udp_payload(frame: &[u8]) -> Result<Udp<'_>, Drop> {
    let (mut at, mut vlan, mut kind) = (14, 0, be16(frame, 12)?);
    for tag in 0..2 {
        if matches!(kind, 0x8100 | 0x88a8 | 0x9100) {
            if tag == 0 {
                vlan = be16(frame, at)? & 0xfff;
            }
            kind = be16(frame, at + 2)?;
            at += 4;
        }
    }
    if kind != 0x0800 {
        return Err(Drop::NotIpv4);
    }
    let ip = frame.get(at..).unwrap_or_default();
    if ip.len() < 28 {
        return Err(Drop::FrameCut);
    }
    if ip[0] != 0x45 {
        return Err(Drop::IpOptions);
    }
    if ip[9] != 17 {
        return Err(Drop::NotUdp);
    }
    if be16(ip, 6)? & 0x3fff != 0 {
        return Err(Drop::Fragment);
    }
    let length = be16(ip, 24)? as usize;
    let payload = ip.get(20..20 + length).and_then(|u| u.get(8..)).ok_or(Drop::BadLength)?;
    Ok(Udp { group: address(ip, 16)?, port: be16(ip, 22)?, source: address(ip, 12)?, vlan, payload })
}

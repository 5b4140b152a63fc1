//! Frames and capture files written by hand, and where the real captures are.
#![allow(dead_code)] // each test file uses its part

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The folder of real captures; without it the test says loudly that it was skipped, or fails where that is demanded.
pub fn captures(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("TICKWIRE_CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    assert_ne!(std::env::var("TICKWIRE_CAPTURES_TESTS").as_deref(), Ok("require"), "{test}: no captures in {}", path.display());
    eprintln!("SKIPPED: {test}: no captures in {} (set TICKWIRE_CAPTURES)", path.display());
    None
}

/// All capture files below a folder.
pub fn capture_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(capture_files(&path));
        } else if path.to_string_lossy().contains(".pcap") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A file's bytes, gunzipped if they are gzip.
pub fn unpacked(path: &Path) -> Vec<u8> {
    let stored = std::fs::read(path).unwrap();
    if !stored.starts_with(&[0x1f, 0x8b]) {
        return stored;
    }
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&stored[..]), &mut plain).unwrap();
    plain
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file in a folder of its own, gone with the value.
pub struct TempFile {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

/// Writes a file whose name says nothing about its content.
pub fn file(bytes: &[u8]) -> TempFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    TempFile { _folder: folder, path }
}

pub const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
pub const PORT: u16 = 26400;
pub const SENDER: Ipv4Addr = Ipv4Addr::new(10, 9, 8, 7);

/// An IPv4 packet with a UDP datagram, checksums right (by etherparse, not by us).
pub fn ipv4(group: Ipv4Addr, port: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    etherparse::PacketBuilder::ipv4(SENDER.octets(), group.octets(), 8).udp(4000, port).write(&mut packet, payload).unwrap();
    packet
}

/// The same behind an Ethernet header with these VLAN tags (ethertype, id).
pub fn tagged(tags: &[(u16, u16)], packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x01, 0x00, 0x5e, 1, 2, 3, 2, 0, 0, 0, 0, 1];
    for (ethertype, id) in tags {
        frame.extend(ethertype.to_be_bytes());
        frame.extend((0xa000 | id).to_be_bytes()); // priority bits must not end up in the id
    }
    frame.extend(0x0800_u16.to_be_bytes());
    frame.extend(packet);
    frame
}

pub fn ethernet(group: Ipv4Addr, port: u16, payload: &[u8]) -> Vec<u8> {
    tagged(&[], &ipv4(group, port, payload))
}

/// Writes integers in one byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    Little,
    Big,
}

impl Endian {
    pub const BOTH: [Self; 2] = [Self::Little, Self::Big];

    pub fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub fn u64(self, value: u64) -> [u8; 8] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

/// One frame to be written into a capture.
#[derive(Clone, Debug)]
pub struct Shot {
    pub ns: u64,
    pub bytes: Vec<u8>,
    /// Bytes it had on the wire beyond those kept.
    pub snapped: u32,
}

/// A classic capture. `unit_ns` is 1 or 1000.
pub fn classic(endian: Endian, unit_ns: u64, link: u32, shots: &[Shot]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(endian.u32(if unit_ns == 1 { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }));
    out.extend(endian.u16(2));
    out.extend(endian.u16(4));
    out.extend([0; 8]);
    out.extend(endian.u32(65535));
    out.extend(endian.u32(link));
    for shot in shots {
        out.extend(endian.u32((shot.ns / 1_000_000_000) as u32));
        out.extend(endian.u32((shot.ns % 1_000_000_000 / unit_ns) as u32));
        out.extend(endian.u32(shot.bytes.len() as u32));
        out.extend(endian.u32(shot.bytes.len() as u32 + shot.snapped));
        out.extend(&shot.bytes);
    }
    out
}

/// One pcapng block.
pub fn block(endian: Endian, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = endian.u32(padded as u32 + 12);
    let mut out = Vec::new();
    out.extend(endian.u32(kind));
    out.extend(length);
    out.extend(body);
    out.resize(8 + padded, 0);
    out.extend(length);
    out
}

pub fn section(endian: Endian) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(endian.u32(0x1a2b_3c4d));
    body.extend(endian.u16(1));
    body.extend(endian.u16(0));
    body.extend(endian.u64(u64::MAX));
    block(endian, 0x0a0d_0d0a, &body)
}

/// An interface block with options (code, value).
pub fn interface(endian: Endian, link: u16, snaplen: u32, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(endian.u16(link));
    body.extend(endian.u16(0));
    body.extend(endian.u32(snaplen));
    for (code, value) in options {
        body.extend(endian.u16(*code));
        body.extend(endian.u16(value.len() as u16));
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    if !options.is_empty() {
        body.extend([0; 4]);
    }
    block(endian, 1, &body)
}

/// An enhanced packet block; `ticks` in the interface's own clock.
pub fn enhanced(endian: Endian, interface: u32, ticks: u64, shot: &Shot) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(endian.u32(interface));
    body.extend(endian.u32((ticks >> 32) as u32));
    body.extend(endian.u32(ticks as u32));
    body.extend(endian.u32(shot.bytes.len() as u32));
    body.extend(endian.u32(shot.bytes.len() as u32 + shot.snapped));
    body.extend(&shot.bytes);
    block(endian, 6, &body)
}

/// An obsolete packet block.
pub fn obsolete(endian: Endian, interface: u16, ticks: u64, shot: &Shot) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(endian.u16(interface));
    body.extend(endian.u16(0xffff));
    body.extend(endian.u32((ticks >> 32) as u32));
    body.extend(endian.u32(ticks as u32));
    body.extend(endian.u32(shot.bytes.len() as u32));
    body.extend(endian.u32(shot.bytes.len() as u32 + shot.snapped));
    body.extend(&shot.bytes);
    block(endian, 2, &body)
}

/// A simple packet block.
pub fn simple(endian: Endian, wire_len: u32, bytes: &[u8]) -> Vec<u8> {
    let mut body = endian.u32(wire_len).to_vec();
    body.extend(bytes);
    block(endian, 3, &body)
}

//! Stand-in for the room being built elsewhere; dropped at merge.
#![forbid(unsafe_code)]
use super::LineIndex;
use std::net::Ipv4Addr;

/// What names a line on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineKey {
    /// Destination address.
    pub group: Ipv4Addr,
    /// Destination port.
    pub port: u16,
}

/// The lane's table of lines.
#[derive(Clone, Debug)]
pub struct Lines(Vec<LineKey>);

impl Lines {
    /// A line's index is its place in `lines`.
    pub fn new(lines: &[LineKey]) -> Self {
        Self(lines.to_vec())
    }
    /// Which line that is.
    pub fn find(&self, group: Ipv4Addr, port: u16) -> Option<LineIndex> {
        self.0.iter().position(|l| l.group == group && l.port == port).map(|i| i as LineIndex)
    }
}

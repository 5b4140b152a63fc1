//! Datagrams from memory: for tests and for replays of what was captured by hand.

use super::{Datagram, LineIndex, Polled, Source, SourceError};
use crate::stats::Drops;

/// At most this many datagrams are lent by one poll, as a receive ring would.
const BATCH: usize = 64;

/// One datagram that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedDatagram {
    /// The line it came by.
    pub line: LineIndex,
    /// When it was received, ns since 1970 UTC.
    pub recv_ns: u64,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

impl From<Datagram<'_>> for OwnedDatagram {
    fn from(lent: Datagram<'_>) -> Self {
        Self { line: lent.line, recv_ns: lent.recv_ns, payload: lent.payload.to_vec() }
    }
}

/// A source that lends the datagrams it was given, in their order, and then ends.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    datagrams: Vec<OwnedDatagram>,
    next: usize,
    drops: Drops,
}

impl Memory {
    /// Lends these.
    pub fn new(datagrams: Vec<OwnedDatagram>) -> Self {
        Self { datagrams, next: 0, drops: Drops::default() }
    }
}

impl FromIterator<(LineIndex, u64, Vec<u8>)> for Memory {
    fn from_iter<I: IntoIterator<Item = (LineIndex, u64, Vec<u8>)>>(all: I) -> Self {
        Self::new(all.into_iter().map(|(line, recv_ns, payload)| OwnedDatagram { line, recv_ns, payload }).collect())
    }
}

impl Source for Memory {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        let batch = self.datagrams.iter().skip(self.next).take(BATCH);
        let mut lent = 0;
        for datagram in batch {
            deliver(Datagram { line: datagram.line, recv_ns: datagram.recv_ns, payload: &datagram.payload });
            lent += 1;
        }
        self.next += lent as usize;
        Ok(if lent == 0 { Polled::End } else { Polled::Delivered(lent) })
    }

    fn frames(&self) -> u64 {
        0
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

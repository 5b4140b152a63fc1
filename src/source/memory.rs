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

impl<'a> From<&'a OwnedDatagram> for Datagram<'a> {
    fn from(owned: &'a OwnedDatagram) -> Self {
        Self { line: owned.line, recv_ns: owned.recv_ns, payload: &owned.payload }
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
        self.poll_batches(&mut |batch| batch.iter().for_each(|&datagram| deliver(datagram)))
    }

    fn poll_batches(&mut self, deliver: &mut impl FnMut(&[Datagram<'_>])) -> Result<Polled, SourceError> {
        let batch: Vec<Datagram<'_>> = self.datagrams.iter().skip(self.next).take(BATCH).map(Into::into).collect();
        let lent = batch.len();
        if lent == 0 {
            return Ok(Polled::End);
        }
        deliver(&batch);
        self.next += lent;
        Ok(Polled::Delivered(lent as u32))
    }

    fn frames(&self) -> u64 {
        0
    }

    fn drops(&self) -> &Drops {
        &self.drops
    }
}

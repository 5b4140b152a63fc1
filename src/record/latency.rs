//! Where one datagram's time went: sampled by the lane, published beside the data.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, Record, Schema};

/// A sampled datagram, 80 bytes. Our own layout; it never reaches a DBN file.
///
/// It stands in its ring behind the datagram's own records: who has read `position` of the ring `rtype` has seen the datagram, and
/// its own clock less `ts_publish` is how long that took. Durations are 0 where the datagram's stages were not stamped
/// (stamping slows the datagram it measures, so it is done to fewer of them); together they are never more than `ts_publish - ts_recv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Latency {
    /// `ts_event` is `ts_publish`; of no instrument.
    pub hd: Header,
    /// The batch's receive stamp, ns since 1970 UTC.
    pub ts_recv: u64,
    /// When the batch had been published, ns since 1970 UTC.
    pub ts_publish: u64,
    /// Number of the first message in the datagram, by its session layer.
    pub sequence: u64,
    /// The last position written for it in the ring named by `rtype`.
    pub position: u64,
    /// From `ts_recv` until its channel took it up, behind the others of its batch, ns; `u32::MAX`: that or more, as in the others.
    pub receive_ns: u32,
    /// Session layer, order of the lines, gaps, and what is asked for ahead from memory, ns.
    pub arbitrate_ns: u32,
    /// All its messages, from bytes to events, ns.
    pub decode_ns: u32,
    /// What the events do to books, and the records that tell it, ns.
    pub book_ns: u32,
    /// Records written into rings and boards, ns.
    pub publish_ns: u32,
    /// Index of its channel in the publication's table.
    pub channel: u16,
    /// Messages it delivered, those held before it included; 65535: that or more.
    pub messages: u16,
    /// Record type of the ring that `position` is of: the first in the publication's table but `latency`.
    pub rtype: u8,
    /// Its line, from 0.
    pub line: u8,
    /// 1: the stages were stamped.
    pub stamped: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

impl Record for Latency {
    const SCHEMA: Schema = Schema::Latency;

    fn flags(&self) -> u8 {
        0
    }

    #[inline]
    fn header(&self) -> &Header {
        &self.hd
    }

    fn ts_recv(&self) -> u64 {
        self.ts_recv
    }
}

const _: () = assert!(size_of::<Latency>() == 80);
